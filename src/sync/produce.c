/* produce.c - journal entries and documents as es-event(5) lines */

#include <errno.h>
#include <string.h>

#include "sync/sync.h"

/* [site, birth] */
static yyjson_mut_val *
birth_val(yyjson_mut_doc *m, const struct birth *b)
{
	yyjson_mut_val *v = yyjson_mut_arr(m);

	yyjson_mut_arr_add_str(m, v, b->site);
	yyjson_mut_arr_add_strcpy(m, v, b->id);
	return v;
}

static void
put_origin(struct site *s, struct arena *a, yyjson_mut_doc *m,
    yyjson_mut_val *o, int64_t doc)
{
	struct birth *b;
	yyjson_mut_val *also;
	size_t i, n;

	b = origin_births(s, a, doc, &n);
	if (n == 0)
		return;
	yyjson_mut_obj_add_val(m, o, "origin", birth_val(m, &b[0]));
	if (n == 1)
		return;
	also = yyjson_mut_obj_add_arr(m, o, "also");
	for (i = 1; i < n; i++)
		yyjson_mut_arr_add_val(also, birth_val(m, &b[i]));
}

/* The journal says {doctype:{name:number}}; the line [site, birth] for the
 * number. */
static void
put_links(struct site *s, struct arena *a, yyjson_mut_doc *m,
    yyjson_mut_val *o, const char *text)
{
	yyjson_val *root, *k, *v, *name, *number;
	yyjson_mut_val *links, *of;
	const struct birth *b;
	size_t i, j, n, max;

	if (text == NULL)
		return;
	root = yyjson_doc_get_root(json_parse_own(a, text, strlen(text)));
	links = yyjson_mut_obj_add_obj(m, o, "links");
	yyjson_obj_foreach(root, i, n, k, v) {
		of = yyjson_mut_obj_add_obj(m, links, yyjson_get_str(k));
		yyjson_obj_foreach(v, j, max, name, number) {
			b = origin_of(s, json_val_int(number, 0));
			if (b != NULL)
				yyjson_mut_obj_add_val(m, of,
				    yyjson_get_str(name), birth_val(m, b));
		}
	}
}

static void
put_marks(yyjson_mut_doc *m, yyjson_mut_val *o, const char *key,
    const struct marks *marks)
{
	yyjson_mut_val *obj;
	size_t i;

	if (marks->n == 0)
		return;
	obj = yyjson_mut_obj_add_obj(m, o, key);
	for (i = 0; i < marks->n; i++)
		yyjson_mut_obj_add_str(m, obj, marks->v[i].site,
		    marks->v[i].at.name);
}

/* The keys of Frappe's row, and whose event it is. */
static yyjson_mut_val *
head(struct site *s, yyjson_mut_doc *m, const char *name, int64_t creation,
    enum update type, const char *doctype, const char *docname,
    const char *data, size_t len)
{
	yyjson_mut_val *o = yyjson_mut_obj(m);
	char t[TIME_TEXT_LEN];

	yyjson_mut_obj_add_str(m, o, "name", name);
	yyjson_mut_obj_add_strcpy(m, o, "creation", time_text(creation, t));
	yyjson_mut_obj_add_str(m, o, "update_type", update_text[type]);
	yyjson_mut_obj_add_str(m, o, "ref_doctype", doctype);
	yyjson_mut_obj_add_str(m, o, "docname", docname);
	yyjson_mut_obj_add_val(m, o, "data", data == NULL ?
	    yyjson_mut_null(m) : json_new_raw(m, data, len));
	yyjson_mut_obj_add_str(m, o, "event_producer", s->address);
	yyjson_mut_obj_add_str(m, o, "site", s->id);
	return o;
}

static void
put_renamed(yyjson_mut_doc *m, yyjson_mut_val *o, int64_t renamed)
{
	char t[TIME_TEXT_LEN];

	if (renamed != 0)
		yyjson_mut_obj_add_strcpy(m, o, "renamed",
		    time_text(renamed, t));
}

static void
put_via(struct site *s, yyjson_mut_doc *m, yyjson_mut_val *o,
    const struct marks *via)
{
	yyjson_mut_val *v = yyjson_mut_obj_add_arr(m, o, "via");
	size_t i;

	yyjson_mut_arr_add_str(m, v, s->id);
	for (i = 0; via != NULL && i < via->n; i++)
		yyjson_mut_arr_add_str(m, v, via->v[i].site);
}

/* The nearest earlier Create or Update that this consumer got. */
static const char *
prev_for(struct site *s, struct arena *a, int64_t before, const char *consumer)
{
	struct origin_marks marks;
	struct entry e;

	if (consumer == NULL)
		return journal_prev(s, a, before);
	for (; before != 0 && journal_get(s, a, before, &e); before = e.before) {
		if (e.type != U_CREATE && e.type != U_UPDATE)
			continue;
		journal_marks(a, e.marks, &marks);
		if (marks_find(&marks.via, consumer) == NULL)
			return e.name;
	}
	return NULL;
}

/* What the author had seen of the receiver; of all sites where that is not
 * known. */
static void
put_base(yyjson_mut_doc *m, yyjson_mut_val *o, const struct origin_marks *marks,
    const char *consumer)
{
	const char *base;

	if (consumer == NULL) {
		put_marks(m, o, "base", &marks->seen);
		return;
	}
	base = marks_find(marks->author == NULL ? &marks->knew : &marks->seen,
	    consumer);
	if (base != NULL)
		yyjson_mut_obj_add_str(m, o, "base", base);
}

char *
produce_left(struct site *s, struct arena *a, const struct entry *e,
    size_t *len)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	yyjson_mut_val *o = head(s, m, e->name, e->creation, U_DELETE,
	    e->doctype, e->docname, NULL, 0);

	put_origin(s, a, m, o, e->doc);
	put_via(s, m, o, NULL);
	yyjson_mut_obj_add_int(m, o, "left", 1);
	return json_mut_text(a, o, len);
}

char *
produce_line_for(struct site *s, struct arena *a, const struct entry *e,
    const char *consumer, size_t *len)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	struct origin_marks marks;
	const char *prev;
	yyjson_mut_val *o;

	journal_marks(a, e->marks, &marks);
	o = head(s, m, e->name, e->creation, e->type, e->doctype, e->docname,
	    e->data, e->datalen);
	if (e->type == U_CREATE || e->type == U_UPDATE) {
		prev = prev_for(s, a, e->before, consumer);
		yyjson_mut_obj_add_val(m, o, "prev", prev == NULL ?
		    yyjson_mut_null(m) : yyjson_mut_str(m, prev));
	}
	put_origin(s, a, m, o, e->doc);
	put_links(s, a, m, o, e->links);
	if (marks.author != NULL)
		yyjson_mut_obj_add_str(m, o, "author", marks.author);
	put_via(s, m, o, &marks.via);
	put_marks(m, o, "seen", &marks.via);
	put_marks(m, o, "knew", &marks.knew);
	put_base(m, o, &marks, consumer);
	if (marks.merged)
		yyjson_mut_obj_add_int(m, o, "merged", 1);
	if (marks.left)
		yyjson_mut_obj_add_int(m, o, "left", 1);
	put_renamed(m, o, marks.renamed);
	return json_mut_text(a, o, len);
}

char *
produce_line(struct site *s, struct arena *a, const struct entry *e, size_t *len)
{
	return produce_line_for(s, a, e, NULL, len);
}

static void
number_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct { struct site *s; yyjson_mut_doc *m; yyjson_mut_val *links; }
	    *x = arg;
	yyjson_mut_val *of = yyjson_mut_obj_get(x->links, doctype);
	const char *name = yyjson_mut_get_str(value);
	int64_t id;

	(void)obj;
	(void)f;
	if (!meta_streamed(doctype) ||
	    (id = doc_number(x->s, doctype, name)) == 0)
		return;
	if (of == NULL)
		of = yyjson_mut_obj_add_obj(x->m, x->links, doctype);
	json_put(x->m, of, name, json_new_int(x->m, id));
}

/* The links of a document as they are now, in the journal's form. */
static const char *
links_now(struct site *s, struct arena *a, const struct doc *d)
{
	struct { struct site *s; yyjson_mut_doc *m; yyjson_mut_val *links; } x;

	x.s = s;
	x.m = yyjson_mut_doc_new(&a->alc);
	x.links = yyjson_mut_obj(x.m);
	doc_links(d->meta, doc_body(a, x.m, d), number_link, &x);
	if (yyjson_mut_obj_size(x.links) == 0)
		return NULL;
	return json_mut_text(a, x.links, NULL);
}

char *
produce_snapshot_for(struct site *s, struct arena *a, const struct doc *d,
    const char *consumer, size_t *len)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	struct marks seen = { 0 };
	struct entry newest;
	const char *prev;
	yyjson_mut_val *o;

	if (!journal_get(s, a, d->last, &newest))
		return NULL;
	o = head(s, m, newest.name, newest.creation, U_CREATE, d->meta->name,
	    d->name, d->data, d->len);
	yyjson_mut_obj_add_int(m, o, "snapshot", 1);
	prev = prev_for(s, a, d->last, consumer);
	yyjson_mut_obj_add_val(m, o, "prev", prev == NULL ?
	    yyjson_mut_null(m) : yyjson_mut_str(m, prev));
	put_origin(s, a, m, o, d->id);
	put_links(s, a, m, o, links_now(s, a, d));
	put_via(s, m, o, NULL);
	if (d->author != 0)
		seen_marks(s, a, d->id, &seen);
	put_marks(m, o, "seen", &seen);
	put_marks(m, o, "knew", &seen);
	put_renamed(m, o, d->renamed);
	return json_mut_text(a, o, len);
}

char *
produce_snapshot(struct site *s, struct arena *a, const struct doc *d,
    size_t *len)
{
	return produce_snapshot_for(s, a, d, NULL, len);
}

const char *
produce_start(struct site *s, struct arena *a, const char *last_update,
    const char *name, int64_t *at, char at_name[ID_LEN + 1])
{
	int64_t named;

	*at = 0;
	*at_name = '\0';
	if (last_update == NULL)
		return NULL;
	if (!time_parse(last_update, at))
		return arena_printf(a, "'%s' is not a time as "
		    "2026-11-23 10:11:12.000123", last_update);
	if (name != NULL && *name != '\0' && (!journal_knows(s, name) ||
	    !id_time(name, &named) || named != *at) &&
	    (*at = restored_before(s, *at)) == -1)
		return arena_printf(a, "'%s' does not know event '%s' of %s: it "
		    "was restored from an older copy, and its administrator is "
		    "to run es-init -R; or the point is another site's",
		    s->address, name, last_update);
	/* A page begins at an entry: after a quiet time the consumer's cursor
	 * stands there too. */
	*at = journal_floor(s, *at, at_name);
	return NULL;
}

/* ---- documents sent whole */

void
once_init(struct once *o)
{
	memset(o, 0, sizeof(*o));
	arena_init(&o->keys);
}

void
once_clear(struct once *o)
{
	map_clear(&o->docs);
	arena_reset(&o->keys);
}

void
once_free(struct once *o)
{
	map_free(&o->docs);
	arena_free(&o->keys);
}

bool
once_first(struct once *o, int64_t doc)
{
	char key[21];
	size_t len = text_int(key, doc);

	if (map_get(&o->docs, key, len) != NULL)
		return false;
	if (o->docs.n >= 10000)
		once_clear(o);
	map_set(&o->docs, arena_dup(&o->keys, key, len), len, o);
	return true;
}

int
produce_since(struct site *s, FILE *fp, int64_t creation)
{
	struct arena a;
	struct entry e;
	struct query *q;
	size_t len;
	char *line;

	arena_init(&a);
	q = journal_from(s, creation, INT64_C(-1));
	while (journal_next(s, q, &e) == 1) {
		line = produce_line(s, &a, &e, &len);
		fwrite(line, 1, len, fp);
		putc('\n', fp);
		arena_reset(&a);
	}
	arena_free(&a);
	return db_failed(s->db) ? -1 : 0;
}

/* ---- control lines */

/* {KEY: {…}} and a newline. */
static void
put_control(FILE *fp, yyjson_mut_doc *m, const char *key, yyjson_mut_val *v,
    struct arena *a)
{
	yyjson_mut_val *o = yyjson_mut_obj(m);
	size_t len;
	char *text;

	yyjson_mut_obj_add_val(m, o, key, v);
	text = json_mut_text(a, o, &len);
	fwrite(text, 1, len, fp);
	putc('\n', fp);
}

void
put_checkpoint(FILE *fp, const struct checkpoint *c)
{
	char from[TIME_TEXT_LEN], to[TIME_TEXT_LEN];
	struct arena a;
	yyjson_mut_doc *m;
	yyjson_mut_val *o;

	arena_init(&a);
	m = yyjson_mut_doc_new(&a.alc);
	o = yyjson_mut_obj(m);
	yyjson_mut_obj_add_str(m, o, "event_producer", c->producer);
	if (c->site != NULL)
		yyjson_mut_obj_add_str(m, o, "site", c->site);
	yyjson_mut_obj_add_val(m, o, "from", c->from == 0 ? yyjson_mut_null(m) :
	    yyjson_mut_str(m, time_text(c->from, from)));
	yyjson_mut_obj_add_val(m, o, "last_update", c->last_update == 0 ?
	    yyjson_mut_null(m) : yyjson_mut_str(m, time_text(c->last_update, to)));
	yyjson_mut_obj_add_val(m, o, "name", json_new_str(m, c->name));
	yyjson_mut_obj_add_int(m, o, "events", c->events);
	if (c->more)
		yyjson_mut_obj_add_int(m, o, "more", 1);
	put_control(fp, m, "checkpoint", o, &a);
	arena_free(&a);
}

void
put_end(FILE *fp, int status, const char *why)
{
	struct arena a;
	yyjson_mut_doc *m;
	yyjson_mut_val *o;

	arena_init(&a);
	m = yyjson_mut_doc_new(&a.alc);
	o = yyjson_mut_obj(m);
	yyjson_mut_obj_add_str(m, o, "program", program_invocation_short_name);
	yyjson_mut_obj_add_int(m, o, "status", status);
	if (why != NULL)
		yyjson_mut_obj_add_str(m, o, "why", why);
	put_control(fp, m, "end", o, &a);
	arena_free(&a);
}

void
put_rejected(FILE *fp, const char *at, const char *why, const char *text,
    size_t len)
{
	struct arena a;
	yyjson_mut_doc *m;
	yyjson_mut_val *o;

	arena_init(&a);
	m = yyjson_mut_doc_new(&a.alc);
	o = yyjson_mut_obj(m);
	yyjson_mut_obj_add_str(m, o, "program", program_invocation_short_name);
	yyjson_mut_obj_add_str(m, o, "at", at);
	yyjson_mut_obj_add_str(m, o, "why", why);
	yyjson_mut_obj_add_strcpy(m, o, "text", safen(text,
	    len > 200 ? 200 : len));
	put_control(fp, m, "rejected", o, &a);
	arena_free(&a);
}

const char *
checkpoint_read(yyjson_val *line, struct checkpoint *c)
{
	yyjson_val *v = yyjson_obj_get(line, "checkpoint");
	const char *from = json_str(v, "from"), *to = json_str(v, "last_update");

	memset(c, 0, sizeof(*c));
	c->producer = json_str(v, "event_producer");
	c->site = json_str(v, "site");
	c->name = json_str(v, "name");
	c->more = json_int(v, "more", 0) != 0;
	c->events = json_int(v, "events", -1);
	if (c->producer == NULL || c->events < 0)
		return "a checkpoint without event_producer and events";
	if ((from != NULL && !time_parse(from, &c->from)) ||
	    (to != NULL && !time_parse(to, &c->last_update)))
		return "a checkpoint whose from or last_update is not a time";
	return NULL;
}
