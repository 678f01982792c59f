/* map.c - lines as the subscriptions of a site have them mapped (DESIGN 9) */

#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

struct known {				/* a mapping */
	const char	*name;
	struct mapping	*mapping;	/* NULL: it cannot be used */
	struct fault	 fault;
};

struct mapper {
	struct mapper_source from;
	const struct producer *p;
	struct arena	 mem;		/* what mappings were made from */
	struct known	*known;
	size_t		 nknown;
	int64_t		 looked;	/* as the site had been looked at then */
	struct mapper_counts counts;
	struct ask	 ask;
	struct expr_site site;

	/* of one line: */
	struct arena	*a;
	yyjson_mut_doc	*m;
	struct event	 e;
	const struct mapping *by;
	struct map	 local;		/* {object, field}: called as here */
	yyjson_mut_val	*links;
	bool		 both;		/* a name is of here and of there */
	bool		 second;	/* it is another here, too */
	struct mapper_link *wanted;
	size_t		 nwanted, capwanted;
	yyjson_val	*whole;
};

struct mapper *
mapper_open(const struct mapper_source *from)
{
	struct mapper *m = xcalloc(1, sizeof(*m));

	m->from = *from;
	m->ask.s = from->site;
	m->site = ask_site(&m->ask);
	arena_init(&m->mem);
	return m;
}

/* Mappings, Value Maps and DocTypes may be others now. */
static void
forget(struct mapper *m)
{
	size_t i;

	for (i = 0; i < m->nknown; i++)
		mapping_free(m->known[i].mapping);
	m->nknown = 0;
	arena_reset(&m->mem);
	m->looked = m->from.site->looked;
}

void
mapper_close(struct mapper *m)
{
	forget(m);
	free(m->known);
	free(m->wanted);
	map_free(&m->local);
	arena_free(&m->mem);
	free(m);
}

void
mapper_turn(struct mapper *m, const struct producer *p)
{
	m->p = p;
}

const struct mapper_counts *
mapper_counted(const struct mapper *m)
{
	return &m->counts;
}

/* ---- mappings, once each */

static void
compile(struct mapper *m, struct known *k)
{
	struct site_mappings here;
	struct mapping_source from = site_mappings(&here, m->from.site, &m->mem);
	yyjson_val *doc = from.doc(from.arg, "Document Type Mapping", k->name);

	if (doc == NULL)
		fault_set(&k->fault, "mapping", "no Document Type Mapping '%s' "
		    "here; put one in with es-put", k->name);
	else
		k->mapping = mapping_new(&from, doc, &k->fault);
}

static struct known *
known(struct mapper *m, const char *name)
{
	struct known *k;
	size_t i;

	for (i = 0; i < m->nknown; i++)
		if (strcmp(m->known[i].name, name) == 0)
			return &m->known[i];
	m->known = xrealloc(m->known, (m->nknown + 1) * sizeof(*m->known));
	k = &m->known[m->nknown++];
	*k = (struct known){ .name = arena_dup(&m->mem, name, strlen(name)) };
	compile(m, k);
	return k;
}

/* What a line of this DocType is mapped by, or NULL. */
static struct known *
mapping_for(struct mapper *m, const char *doctype)
{
	const struct subscription *row;
	struct known *k;

	if (m->from.mapping != NULL) {
		k = known(m, m->from.mapping);
		return k->mapping == NULL || strcmp(mapping_remote(k->mapping),
		    doctype) == 0 ? k : NULL;
	}
	row = m->p == NULL ? NULL : producer_mapped(m->p, doctype);
	return row == NULL ? NULL : known(m, row->mapping);
}

/* ---- links: by what their DocTypes are called here */

struct spot {				/* a field of an object */
	const yyjson_mut_val *obj;
	const struct field *f;
};

static void
note_local(void *arg, yyjson_mut_val *obj, const struct field *f)
{
	struct mapper *m = arg;
	struct spot *s = arena_alloc(m->a, sizeof(*s));

	*s = (struct spot){ obj, f };
	map_set(&m->local, (char *)s, sizeof(*s), s);
}

static const char *
local_doctype(void *arg, const char *remote)
{
	struct mapper *m = arg;
	const struct subscription *row = m->p == NULL ? NULL :
	    producer_mapped(m->p, remote);

	return row == NULL ? remote : row->doctype;
}

/* The birth of what the producer calls so, of a DocType that has this name
 * here. */
static yyjson_val *
birth_of(const struct mapper *m, const char *doctype, const char *name)
{
	const struct producer *p = m->p;
	yyjson_val *b;
	size_t i;

	for (i = 0; p != NULL && i < p->nrows; i++)
		if (p->rows[i].mapping != NULL &&
		    strcmp(p->rows[i].doctype, doctype) == 0 &&
		    (b = yyjson_obj_get(yyjson_obj_get(m->e.links,
		    p->rows[i].remote), name)) != NULL)
			return b;
	if (strcmp(doctype, mapping_local(m->by)) == 0 &&
	    (b = yyjson_obj_get(yyjson_obj_get(m->e.links,
	    mapping_remote(m->by)), name)) != NULL)
		return b;
	return yyjson_obj_get(yyjson_obj_get(m->e.links, doctype), name);
}

static void
put_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct mapper *m = arg;
	struct spot at = { obj, f };
	bool here = m->local.n > 0 &&
	    map_get(&m->local, (char *)&at, sizeof(at)) != NULL;
	const char *name = yyjson_mut_get_str(value);
	yyjson_val *b = here ? NULL : birth_of(m, doctype, name);
	yyjson_mut_val *of, *was;

	if ((!here && b == NULL) || !meta_streamed(doctype))
		return;
	if (m->links == NULL)
		m->links = yyjson_mut_obj(m->m);
	if ((of = yyjson_mut_obj_get(m->links, doctype)) == NULL) {
		of = yyjson_mut_obj(m->m);
		yyjson_mut_obj_add(m->links, json_new_str(m->m, doctype), of);
	}
	if ((was = yyjson_mut_obj_get(of, name)) != NULL)
		m->both |= yyjson_mut_is_null(was) != here;
	else
		yyjson_mut_obj_add(of, json_new_str(m->m, name), here ?
		    yyjson_mut_null(m->m) : yyjson_val_mut_copy(m->m, b));
}

static bool
map_links(struct mapper *m, yyjson_mut_val *data, struct fault *fault)
{
	const struct meta *meta = site_meta(m->from.site, mapping_local(m->by));

	m->links = NULL;
	m->both = false;
	if ((m->e.birth == NULL || m->e.links == NULL) && m->local.n == 0)
		return true;
	if (m->e.type == U_CREATE)
		doc_links(meta, data, put_link, m);
	else
		diff_links(meta, data, NULL, put_link, m);
	return !m->both || fault_set(fault, "mapping", "one name is that of a "
	    "document of the producer and of one here, which a Value Map, a "
	    "default or an expression gives; map both fields alike");
}

/* ---- lines */

static bool
is_link_missing(const struct mapper *m)
{
	return m->links == NULL && m->e.links == NULL;
}

static yyjson_mut_val *
was(struct mapper *m, const char *key)
{
	yyjson_val *v = yyjson_obj_get(m->e.line, key);
	const char *text;
	size_t len;

	if (v == NULL)
		return yyjson_mut_null(m->m);
	text = json_text(m->a, v, &len);
	return json_new_raw(m->m, text, len);
}

/* Of a document that two of here come of: no two have one birth. */
static yyjson_mut_val *
second_birth(struct mapper *m)
{
	yyjson_mut_val *v = yyjson_mut_arr(m->m);
	char *birth = arena_printf(m->a, "%s~%s", m->e.birth,
	    mapping_local(m->by)), *blank;

	/* They stand in lists with blanks between. */
	while ((blank = strchr(birth, ' ')) != NULL)
		*blank = '_';
	yyjson_mut_arr_add_str(m->m, v, m->e.birth_site);
	yyjson_mut_arr_add_str(m->m, v, birth);
	return v;
}

/* The line with these in their places, and what stood there at its end. */
static yyjson_mut_val *
rewrite(struct mapper *m, const char *name, yyjson_mut_val *data)
{
	yyjson_mut_val *o = yyjson_mut_obj(m->m), *original, *new;
	yyjson_val *key, *val;
	size_t i, n;

	original = yyjson_mut_obj(m->m);
	yyjson_obj_foreach(m->e.line, i, n, key, val) {
		new = NULL;
		if (yyjson_equals_str(key, "ref_doctype"))
			new = yyjson_mut_str(m->m, mapping_local(m->by));
		else if (data != NULL && yyjson_equals_str(key, "data"))
			new = data;
		else if (data != NULL && yyjson_equals_str(key, "links"))
			new = m->links == NULL ? yyjson_mut_obj(m->m) : m->links;
		else if (m->second && yyjson_equals_str(key, "origin"))
			new = second_birth(m);
		else if (m->second && yyjson_equals_str(key, "also"))
			continue;
		yyjson_mut_obj_add(o, yyjson_mut_strn(m->m, yyjson_get_str(key),
		    yyjson_get_len(key)), new == NULL ?
		    yyjson_val_mut_copy(m->m, val) : new);
	}
	if (data != NULL && m->e.links == NULL && m->links != NULL)
		yyjson_mut_obj_add_val(m->m, o, "links", m->links);
	yyjson_mut_obj_add_str(m->m, o, "mapping", name);
	yyjson_mut_obj_add_val(m->m, original, "ref_doctype",
	    was(m, "ref_doctype"));
	if (m->second) {
		yyjson_mut_obj_add_val(m->m, original, "origin",
		    was(m, "origin"));
		yyjson_mut_obj_add_val(m->m, original, "also", was(m, "also"));
	}
	if (data != NULL) {
		yyjson_mut_obj_add_val(m->m, original, "data", was(m, "data"));
		if (!is_link_missing(m))
			yyjson_mut_obj_add_val(m->m, original, "links",
			    was(m, "links"));
	}
	yyjson_mut_obj_add_val(m->m, o, "original", original);
	return o;
}

static yyjson_mut_val *
unmapped(struct mapper *m, const char *why)
{
	yyjson_mut_val *o = yyjson_val_mut_copy(m->m, m->e.line);

	m->counts.unmapped++;
	json_put(m->m, o, "unmapped", json_new_str(m->m, why));
	return o;
}

/* What is no diff at all is es-apply's to speak of. */
static bool
has_data(const struct event *e)
{
	return (e->type == U_CREATE || e->type == U_UPDATE) && e->data != NULL &&
	    e->fault == NULL;
}

static void
uncovered(void *arg, const char *values, const char *table, const char *field,
    const char *value, size_t len)
{
	struct mapper *m = arg;

	m->from.uncovered(m->from.arg, values, table, field, value, len);
}

static yyjson_mut_val *
map_event(struct mapper *m, struct known *k)
{
	struct mapping_run q = { .a = m->a, .m = m->m, .site = &m->site,
	    .now = time_now(), .doctype = local_doctype, .local = note_local,
	    .uncovered = m->from.uncovered == NULL ? NULL : uncovered,
	    .arg = m };
	yyjson_mut_val *data = NULL;

	if ((m->by = k->mapping) == NULL)
		return unmapped(m, k->fault.text);
	map_clear(&m->local);
	if (has_data(&m->e)) {
		data = (m->e.type == U_CREATE ? mapping_doc : mapping_diff)(
		    k->mapping, &q, m->e.data);
		if (data == NULL || !map_links(m, data, &q.fault))
			return unmapped(m, q.fault.text);
	}
	m->counts.mapped++;
	return rewrite(m, k->name, data);
}

void
mapper_undo(yyjson_mut_doc *m, yyjson_mut_val *line)
{
	static const char *const keys[] = { "ref_doctype", "data", "links",
	    "origin", "also" };
	yyjson_mut_val *original = yyjson_mut_obj_remove_key(line, "original");
	yyjson_mut_val *v;
	size_t i;

	yyjson_mut_obj_remove_key(line, "mapping");
	yyjson_mut_obj_remove_key(line, "unmapped");
	yyjson_mut_obj_remove_key(line, "not_found");
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		v = yyjson_mut_obj_get(original, keys[i]);
		if (yyjson_mut_is_null(v) && strcmp(keys[i], "data") != 0)
			yyjson_mut_obj_remove_key(line, keys[i]);
		else if (v != NULL)
			json_put(m, line, keys[i],
			    yyjson_mut_val_mut_copy(m, v));
	}
}

/* As it was; false if it is as it was. */
static bool
undo(struct mapper *m, struct event *e)
{
	yyjson_mut_val *o;

	if (!event_is_mapped(e) && yyjson_obj_get(e->line, "unmapped") == NULL)
		return false;
	o = yyjson_val_mut_copy(m->m, e->line);
	mapper_undo(m->m, o);
	return event_read(m->a, yyjson_doc_get_root(yyjson_mut_val_imut_copy(o,
	    &m->a->alc)), e) == NULL;
}

static void
turn_to_line(struct mapper *m, struct arena *a, const struct event *e)
{
	if (m->looked != m->from.site->looked)
		forget(m);
	m->a = a;
	m->m = yyjson_mut_doc_new(&a->alc);
	m->e = *e;
	m->second = false;
}

const char *
mapper_line(struct mapper *m, struct arena *a, const struct event *e,
    size_t *len)
{
	struct known *k;
	bool undone;

	turn_to_line(m, a, e);
	undone = undo(m, &m->e);
	if ((k = mapping_for(m, m->e.doctype)) != NULL)
		return json_mut_text(a, map_event(m, k), len);
	return undone ? json_text(a, m->e.line, len) : NULL;
}

const char *
mapper_line_by(struct mapper *m, struct arena *a, const char *mapping,
    const struct event *e, size_t *len)
{
	struct known *k;

	turn_to_line(m, a, e);
	undo(m, &m->e);
	k = known(m, mapping);
	m->second = k->mapping != NULL && m->e.birth != NULL &&
	    strcmp(local_doctype(m, m->e.doctype), mapping_local(k->mapping))
	    != 0;
	return json_mut_text(a, map_event(m, k), len);
}

/* ---- links that filters find */

static const char *
copy(struct mapper *m, const char *s)
{
	return s == NULL ? NULL : arena_dup(m->a, s, strlen(s));
}

/* The producer's object that a link comes of, whole if it is known. */
static yyjson_val *
whole_of(const struct mapper *m, const struct mapping_document *d)
{
	yyjson_val *row;
	size_t i, n;

	if (m->whole == NULL || d->there == NULL)
		return m->whole == NULL ? d->doc : m->whole;
	yyjson_arr_foreach(yyjson_obj_get(m->whole, d->there), i, n, row)
		if (d->row != NULL && yyjson_equals_str(yyjson_obj_get(row,
		    "name"), d->row))
			return row;
	return d->doc;
}

static void
want(void *arg, const struct mapping_document *d)
{
	struct mapper *m = arg;
	struct mapping_document of = *d;
	struct mapping_run q = { .a = m->a, .m = m->m, .site = &m->site,
	    .now = time_now() };
	struct known *k = known(m, d->mapping);
	yyjson_mut_val *filters = NULL;
	struct mapper_link *l;

	of.doc = whole_of(m, d);
	if (k->mapping == NULL)
		q.fault = k->fault;
	else
		filters = mapping_filters(&q, &of);
	if (m->nwanted == m->capwanted) {
		m->capwanted = m->capwanted * 2 + 8;
		m->wanted = xrealloc(m->wanted,
		    m->capwanted * sizeof(*m->wanted));
	}
	l = &m->wanted[m->nwanted++];
	*l = (struct mapper_link){ .table = copy(m, d->table),
	    .row = copy(m, d->row), .field = copy(m, d->field),
	    .mapping = copy(m, d->mapping) };
	if (filters == NULL) {
		l->why = copy(m, q.fault.text);
		return;
	}
	l->local = copy(m, mapping_local(k->mapping));
	l->remote = copy(m, mapping_remote(k->mapping));
	l->filters = json_mut_text(m->a, filters, NULL);
}

struct mapper_link *
mapper_links(struct mapper *m, struct arena *a, const struct event *e,
    yyjson_val *whole, size_t *n)
{
	const char *name = json_str(e->line, "mapping");
	struct mapping_run q = { .a = a, .site = &m->site, .document = want,
	    .arg = m };
	struct mapper_link *links;
	struct known *k;

	*n = m->nwanted = 0;
	if (name == NULL || !event_is_mapped(e))
		return NULL;
	turn_to_line(m, a, e);
	k = known(m, name);
	if (k->mapping == NULL || !mapping_fetches(k->mapping) ||
	    !undo(m, &m->e) || !has_data(&m->e))
		return NULL;
	q.m = m->m;
	q.now = time_now();
	m->whole = whole;
	(m->e.type == U_CREATE ? mapping_doc : mapping_diff)(k->mapping, &q,
	    m->e.data);
	*n = m->nwanted;
	links = arena_alloc(a, (*n + 1) * sizeof(*links));
	if (*n > 0)
		memcpy(links, m->wanted, *n * sizeof(*links));
	return links;
}
