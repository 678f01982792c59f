/* resource.c - /api/resource/DOCTYPE[/NAME]: documents are read, and a consumer
 * changes its own Event Consumer (spec 2.1, 2.2, 9.2) */

#include <stdlib.h>
#include <string.h>

#include "api/call.h"

enum { LIST_MS = 5000, LIST_BYTES = 64 << 20 };

/* Who may not read a document learns nothing of it, not even whether it is
 * there. */
static void
refuse(struct call *c, const char *doctype)
{
	if (db_failed(c->s->db) || db_late(c->s->db))
		reply_failed(c);
	else
		reply_error(c, FORBIDDEN, "you may not read %s, or not this one",
		    doctype);
}

/* ---- what a consumer may read: what it was sent, would be sent, and what that
 * links to; and what defines the DocTypes of that */

struct sight {
	char		**names;	/* of its Event Consumers */
	struct view	**views;
	size_t		 n;
	bool		 knows;		/* it is given this DocType */
	struct map	 types;		/* those that were looked at, to &yes or &no */
};

static char yes, no;

/* Is it given that DocType now, or, NULL, anything at all? */
static bool
is_granted(struct call *c, const char *consumer, const char *doctype)
{
	struct consumer k;
	struct grant *g;
	size_t i;

	if (!consumer_load(c->s, c->a, consumer, &k))
		return false;
	for (i = 0; i < k.ngrants; i++) {
		g = &k.grants[i];
		if (g->active && (doctype == NULL ||
		    strcmp(g->doctype, doctype) == 0) &&
		    (i + 1 == k.ngrants ||
		    strcmp(g->doctype, g[1].doctype) != 0))
			return true;
	}
	return false;
}

/* Is the caller given it, as one of these consumers? */
static bool
is_given(struct call *c, const struct sight *sight, const char *doctype)
{
	char **name;

	for (name = sight->names; *name != NULL; name++)
		if (is_granted(c, *name, doctype))
			return true;
	return false;
}

/* Is it laid over DocTypes?  Of those that one is given there may be none. */
static bool
is_laid_over(const char *doctype)
{
	return strcmp(doctype, "Custom Field") == 0 ||
	    strcmp(doctype, "Property Setter") == 0;
}

static void
sight_open(struct call *c, struct sight *sight, const char *doctype)
{
	char **names = consumer_names(c->s, c->a, c->user.name);
	size_t n;

	for (n = 0; names[n] != NULL; n++)
		;
	*sight = (struct sight){ .names = names };
	sight->views = arena_alloc(c->a, (n + 1) * sizeof(*sight->views));
	sight->knows = is_given(c, sight, is_laid_over(doctype) ? NULL :
	    doctype);
	for (; *names != NULL; names++)
		if (is_granted(c, *names, NULL) && (sight->views[sight->n] =
		    view_open(c->s, *names)) != NULL)
			sight->n++;
}

static void
sight_close(struct sight *sight)
{
	while (sight->n > 0)
		view_close(sight->views[--sight->n]);
	map_free(&sight->types);
}

static bool
sees_document(struct call *c, const struct sight *sight, const char *doctype,
    const char *name)
{
	int64_t id;
	size_t i;

	if (!meta_streamed(doctype) ||
	    (id = doc_number(c->s, doctype, name)) == 0)
		return false;
	for (i = 0; i < sight->n; i++)
		if (view_shows(sight->views[i], id) ||
		    view_offers(sight->views[i], id))
			return true;
	return false;
}

static const char *
name_in(struct call *c, const char *json, size_t len)
{
	return json_str(yyjson_doc_get_root(json_parse_own(c->a, json, len)),
	    "name");
}

/* Calls back with the names of all documents, until that says true. */
static bool
any_of(struct call *c, struct sight *sight, const char *doctype,
    bool (*is)(struct call *, struct sight *, const char *, const void *),
    const void *arg)
{
	int64_t end = time_steady() + LIST_MS;
	struct fault fault;
	struct filter *f = filter_new(c->s, site_meta(c->s, doctype), &fault);
	const char *json;
	bool found = false;
	size_t len;

	filter_fields(f, "name");
	filter_run(f);
	while (!found && time_steady() <= end &&
	    filter_next(f, &json, &len) == 1)
		found = is(c, sight, name_in(c, json, len), arg);
	filter_free(f);
	return found;
}

static bool
is_seen(struct call *c, struct sight *sight, const char *name, const void *m)
{
	return sees_document(c, sight, ((const struct meta *)m)->name, name);
}

static bool
has_rows(const struct meta *m, const struct meta *child)
{
	size_t i;

	for (i = 0; i < m->nfields; i++)
		if (m->fields[i].kind == K_TABLE && m->fields[i].child == child)
			return true;
	return false;
}

static bool sees_type(struct call *, struct sight *, const char *doctype);

static bool
is_parent(struct call *c, struct sight *sight, const char *name,
    const void *child)
{
	const struct meta *m = site_meta(c->s, name);

	return m != NULL && !m->istable && has_rows(m, child) &&
	    sees_type(c, sight, name);
}

/* Is it given this DocType, or reads it a document of it? */
static bool
sees_type(struct call *c, struct sight *sight, const char *doctype)
{
	const struct meta *m = meta_streamed(doctype) ? site_meta(c->s,
	    doctype) : NULL;
	char *known;
	bool sees;

	if (m == NULL)
		return false;
	if ((known = map_get(&sight->types, m->name, strlen(m->name))) != NULL)
		return known == &yes;
	sees = m->istable ? any_of(c, sight, "DocType", is_parent, m) :
	    is_given(c, sight, m->name) ||
	    any_of(c, sight, m->name, is_seen, m);
	map_set(&sight->types, m->name, strlen(m->name), sees ? &yes : &no);
	return sees;
}

/* The DocType that such a document defines; NULL: it is no such. */
static const char *
defined_by(struct call *c, const char *doctype, const char *name)
{
	const struct lookup *look = &c->s->lookup;
	const char *v;

	if (strcmp(doctype, "DocType") == 0)
		return name;
	if (!is_laid_over(doctype))
		return NULL;
	v = look->value(look->arg, doctype, name,
	    strcmp(doctype, "Custom Field") == 0 ? "dt" : "doc_type");
	return v == NULL ? NULL : arena_dup(c->a, v, strlen(v));
}

static bool
sees(struct call *c, struct sight *sight, const char *doctype, const char *name)
{
	const char *type;

	if (strcmp(doctype, "Event Consumer") == 0)
		return who_owns(c, name);
	if (name == NULL)
		return false;
	if ((type = defined_by(c, doctype, name)) != NULL)
		return sees_type(c, sight, type);
	return sees_document(c, sight, doctype, name);
}

/* What a consumer may read is not for DocPerms to say: they may be everybody's. */
static bool
reads_all(struct call *c, const struct meta *m)
{
	return c->user.manager ||
	    (!who_subscribes(c) && user_may(c->s, &c->user, m, "read"));
}

static bool
may_see(struct call *c, const char *doctype, const char *name)
{
	struct sight sight;
	bool may;

	if (!who_subscribes(c))
		return false;
	sight_open(c, &sight, doctype);
	may = sees(c, &sight, doctype, name);
	sight_close(&sight);
	return may;
}

/* ---- a document */

static void
drop_nulls(yyjson_mut_val *v)
{
	yyjson_mut_obj_iter members;
	yyjson_mut_val *key, *one;
	size_t i, n;

	if (yyjson_mut_is_arr(v))
		yyjson_mut_arr_foreach(v, i, n, one)
			drop_nulls(one);
	if (!yyjson_mut_obj_iter_init(v, &members))
		return;
	while ((key = yyjson_mut_obj_iter_next(&members)) != NULL) {
		one = yyjson_mut_obj_iter_get_val(key);
		if (yyjson_mut_is_null(one))
			yyjson_mut_obj_iter_remove(&members);
		else
			drop_nulls(one);
	}
}

/* Rows as stock sites show them: with what they share with their document. */
static void
complete_rows(yyjson_mut_doc *m, yyjson_mut_val *doc, const struct field *f)
{
	static const char *const shared[] = { "owner", "creation", "modified",
	    "modified_by", "docstatus" };
	yyjson_mut_val *row, *v;
	size_t i, k, n;

	yyjson_mut_arr_foreach(yyjson_mut_obj_get(doc, f->name), i, n, row) {
		for (k = 0; k < sizeof(shared) / sizeof(*shared); k++)
			if ((v = yyjson_mut_obj_get(doc, shared[k])) != NULL)
				json_put(m, row, shared[k],
				    yyjson_mut_val_mut_copy(m, v));
		json_put(m, row, "parent", json_new_str(m, json_mut_str(doc,
		    "name")));
		json_put(m, row, "parentfield", yyjson_mut_str(m, f->name));
		json_put(m, row, "parenttype", json_new_str(m, json_mut_str(doc,
		    "doctype")));
		json_put(m, row, "doctype", yyjson_mut_str(m, f->options));
	}
}

/* What its producer keeps to himself. */
static void
hide(struct call *c, const struct meta *meta, yyjson_mut_val *doc)
{
	yyjson_mut_val *row;
	size_t i, n;

	if (strcmp(meta->name, "DocType") == 0 && !reads_all(c, meta))
		yyjson_mut_obj_remove_key(doc, "permissions");
	yyjson_mut_arr_foreach(yyjson_mut_obj_get(doc, "consumer_doctypes"), i,
	    n, row)
		yyjson_mut_obj_remove_key(row, "own_condition");
}

static void
show(struct call *c, const struct meta *meta, const char *json, size_t len)
{
	yyjson_mut_doc *m = yyjson_doc_mut_copy(json_parse_own(c->a, json, len),
	    &c->a->alc);
	yyjson_mut_val *doc = yyjson_mut_doc_get_root(m);
	char *text;
	size_t i;

	for (i = 0; i < meta->nfields; i++)
		if (meta->fields[i].kind == K_TABLE)
			complete_rows(m, doc, &meta->fields[i]);
	drop_nulls(doc);
	if (!c->user.manager)
		hide(c, meta, doc);
	text = json_mut_text(c->a, doc, &len);
	reply_text(c, "{\"data\":", text, len, "}");
}

/* A document of the update log has the consumers that were sent it. */
static const char *
with_readers(struct call *c, const struct meta *m, const char *json,
    size_t *len)
{
	struct readers *r;

	if (strcmp(m->name, "Event Update Log") != 0)
		return json;
	r = readers_open(c->s);
	json = readers_add(r, c->a, json, len);
	readers_close(r);
	return json;
}

static void
one(struct call *c, const struct meta *m, const char *name)
{
	struct filter *f;
	struct fault fault;
	const char *json;
	size_t len;
	int found;

	f = filter_new(c->s, m, &fault);
	filter_name(f, name);
	filter_run(f);
	if ((found = filter_next(f, &json, &len)) == 1) {
		json = with_readers(c, m, json, &len);
		show(c, m, json, len);
	}
	filter_free(f);
	if (found == 0)
		reply_error(c, NOT_THERE, "%s %s not found", m->name, name);
	else if (found == -1)
		reply_failed(c);
}

static void
document(struct call *c, const char *doctype, const char *name)
{
	const struct meta *m = site_meta(c->s, doctype);

	if (m != NULL && (reads_all(c, m) || may_see(c, doctype, name)))
		one(c, m, name);
	else if (m == NULL && c->user.manager && !db_failed(c->s->db))
		reply_error(c, NOT_THERE, "DocType %s not found", doctype);
	else
		refuse(c, doctype);
}

/* ---- lists */

/* ["a","b"] as a,b: the fields that query.c takes. */
static const char *
field_list(struct call *c, yyjson_val *v)
{
	const char *list = NULL, *s;
	yyjson_val *one;
	size_t i, n;

	yyjson_arr_foreach(v, i, n, one) {
		s = yyjson_get_str(one);
		if (s == NULL || strchr(s, ',') != NULL)
			return NULL;
		list = list == NULL ? s : arena_printf(c->a, "%s,%s", list, s);
	}
	return yyjson_is_str(v) ? yyjson_get_str(v) : list;
}

struct list {
	const struct meta *meta;
	yyjson_val	*filters, *or_filters;
	const char	*fields, *order;
	int64_t		 start, length;
	struct fault	 fault;
};

/* False: it is answered. */
static bool
list_read(struct call *c, struct list *l)
{
	yyjson_val *fields;

	l->length = 20;
	if (!arg_json(c, "fields", &fields) ||
	    !arg_json(c, "filters", &l->filters) ||
	    !arg_json(c, "or_filters", &l->or_filters) ||
	    !arg_int(c, "limit_start", 0, INT64_MAX, &l->start) ||
	    !arg_int(c, "limit", 0, INT64_MAX, &l->length) ||
	    !arg_int(c, "limit_page_length", 0, INT64_MAX, &l->length))
		return false;
	l->order = arg_text(c, "order_by");
	l->fields = fields == NULL ? "name" : field_list(c, fields);
	if (l->fields == NULL)
		reply_error(c, INVALID, "fields is no array of names");
	return l->fields != NULL;
}

/* The query without its limits; NULL and the fault. */
static struct filter *
list_filter(struct call *c, struct list *l, const char *fields)
{
	struct filter *f = filter_new(c->s, l->meta, &l->fault);

	if ((l->filters == NULL || filter_json(f, l->filters)) &&
	    (l->or_filters == NULL || filter_json_any(f, l->or_filters)) &&
	    filter_fields(f, fields) &&
	    (l->order == NULL || filter_order(f, l->order)))
		return f;
	filter_free(f);
	return NULL;
}

/* Runs it and answers. */
static void
list_reply(struct call *c, struct filter *f)
{
	struct buf b = { 0 };
	const char *json;
	size_t len;
	int r;

	filter_run(f);
	while ((r = filter_next(f, &json, &len)) == 1 && b.len < LIST_BYTES) {
		if (b.len > 0)
			buf_puts(&b, ",");
		buf_add(&b, json, len);
	}
	if (r == -1)
		reply_failed(c);
	else if (r == 1)
		reply_error(c, INVALID, "the list is too long; ask for less, "
		    "with filters or limit_page_length");
	else
		reply_text(c, "{\"data\":[", b.p == NULL ? "" : b.p, b.len,
		    "]}");
	buf_free(&b);
}

/* The names of those that it sees, of the part that was asked for; false if it
 * sees none at all. */
static bool
seen_names(struct call *c, struct list *l, struct filter *f,
    struct sight *sight, yyjson_mut_doc *m, yyjson_mut_val *names)
{
	int64_t end = time_steady() + LIST_MS, n = 0;
	const char *json, *name;
	size_t len;

	filter_run(f);
	while (filter_next(f, &json, &len) == 1) {
		name = name_in(c, json, len);
		if (time_steady() > end) {
			reply_error(c, INVALID, "it takes too long; ask for "
			    "less, with filters");
			return false;
		}
		if (!sees(c, sight, l->meta->name, name))
			continue;
		if (n++ >= l->start)
			yyjson_mut_arr_append(names, json_new_str(m, name));
		if (l->length > 0 && n >= l->start + l->length)
			break;
	}
	return n > 0;
}

/* As a consumer sees it: first the names that it sees, then what is asked of
 * them. */
static void
list_seen(struct call *c, struct list *l, struct sight *sight)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&c->a->alc);
	yyjson_mut_val *names = yyjson_mut_arr(m), *name;
	struct filter *f;
	size_t i, n;
	bool any;

	if ((f = list_filter(c, l, "name")) == NULL) {
		if (sight->knows)
			reply_fault(c, &l->fault);
		else
			refuse(c, l->meta->name);
		return;
	}
	any = seen_names(c, l, f, sight, m, names);
	filter_free(f);
	if (c->rs->status != 0)
		return;
	if (db_failed(c->s->db) || db_late(c->s->db) ||
	    (!any && !sight->knows)) {
		refuse(c, l->meta->name);
		return;
	}
	if (yyjson_mut_arr_size(names) == 0) {
		reply_text(c, "{\"data\":[", "", 0, "]}");
		return;
	}
	f = filter_new(c->s, l->meta, &l->fault);
	yyjson_mut_arr_foreach(names, i, n, name)
		filter_name(f, yyjson_mut_get_str(name));
	if (filter_fields(f, l->fields))
		list_reply(c, f);
	else
		reply_fault(c, &l->fault);
	filter_free(f);
}

static void
list_all(struct call *c, struct list *l)
{
	struct filter *f = list_filter(c, l, l->fields);

	if (f == NULL) {
		reply_fault(c, &l->fault);
		return;
	}
	filter_limit(f, l->start, l->length);
	list_reply(c, f);
	filter_free(f);
}

static void
list(struct call *c, const char *doctype)
{
	struct list l = { .meta = site_meta(c->s, doctype) };
	struct sight sight;

	if (!list_read(c, &l))
		return;
	if (l.meta == NULL && c->user.manager && !db_failed(c->s->db))
		reply_error(c, NOT_THERE, "DocType %s not found", doctype);
	else if (l.meta != NULL && !l.meta->istable && reads_all(c, l.meta))
		list_all(c, &l);
	else if (strcmp(doctype, "DocType") == 0 ||
	    (strcmp(doctype, "Event Consumer") == 0 &&
	    (l.filters != NULL || l.or_filters != NULL || l.order != NULL ||
	    strstr(l.fields, "consumer_doctypes") != NULL)))
		refuse(c, doctype);	/* what is hidden could be read, or guessed */
	else if (l.meta != NULL && !l.meta->istable && who_subscribes(c)) {
		sight_open(c, &sight, doctype);
		list_seen(c, &l, &sight);
		sight_close(&sight);
	} else
		refuse(c, doctype);
}

/* ---- */

void
resource_get(struct call *c, const char *doctype, const char *name)
{
	if (site_begin_read(c->s) == -1) {
		reply_failed(c);
		return;
	}
	db_deadline(c->s->db, LIST_MS);
	if (name == NULL)
		list(c, doctype);
	else
		document(c, doctype, name);
	db_deadline(c->s->db, 0);
	db_rollback(c->s->db);
}

void
resource_call(struct call *c, char *path)
{
	const char *method = c->rq->method;
	char *name = strchr(path, '/');
	size_t n;

	if (name != NULL) {
		*name++ = '\0';
		n = strlen(name);
		if (n > 0 && name[n - 1] == '/')
			name[n - 1] = '\0';
		if (*name == '\0')
			name = NULL;
	}
	if (who_is_guest(c) || !who_reads(c))
		reply_error(c, FORBIDDEN, "not permitted");
	else if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		resource_get(c, path, name);
	else if (strcmp(method, "PUT") == 0 && name != NULL &&
	    strcmp(path, "Event Consumer") == 0)
		consumer_put(c, name);
	else
		reply_error(c, FORBIDDEN, "documents are not written over HTTP "
		    "here, but with es-put, es-rm and es-mv");
}
