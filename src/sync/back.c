/* back.c - documents given back to the site that made them: it was restored from
 * an older copy, and what it did since is known only to those who had it */

#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

struct back {
	struct site	*s;
	FILE		*out;
	struct arena	 run, a;	/* of all; of a document */
	int64_t		 peer;		/* the owner's number */
	const char	*owner;		/* its identity */
	int64_t		 n;		/* lines */
};

/* A document as it goes back. */
struct given {
	struct back	*b;
	const struct meta *meta;
	yyjson_mut_doc	*m;
	yyjson_mut_val	*line;		/* NULL: there is none yet */
	yyjson_mut_val	*data, *links, *seen;
	yyjson_val	*theirs;	/* links of the event at hand; NULL: by name */
	const char	*name;		/* there */
	bool		 more;		/* than the documents here have */
};

static void
put(struct back *b, const char *text, size_t len)
{
	fwrite(text, 1, len, b->out);
	putc('\n', b->out);
	b->n++;
}

static yyjson_mut_val *
origin(yyjson_mut_doc *m, const char *site, const char *birth)
{
	yyjson_mut_val *v = yyjson_mut_arr(m);

	yyjson_mut_arr_add_strcpy(m, v, site);
	yyjson_mut_arr_add_strcpy(m, v, birth);
	return v;
}

/* ---- links: names here and there differ, so the births stand in their place */

static bool
target(struct given *g, const char *doctype, const char *name, const char **site,
    const char **birth)
{
	struct birth *v;
	yyjson_val *at;
	int64_t id;
	size_t n;

	if (g->theirs != NULL) {
		at = yyjson_obj_get(yyjson_obj_get(g->theirs, doctype), name);
		*site = yyjson_get_str(yyjson_arr_get(at, 0));
		*birth = yyjson_get_str(yyjson_arr_get(at, 1));
		return *site != NULL && *birth != NULL;
	}
	if ((id = doc_number(g->b->s, doctype, name)) == 0)
		return false;
	v = origin_births(g->b->s, &g->b->a, id, &n);
	if (n == 0)
		return false;
	*site = v[0].site;
	*birth = v[0].id;
	return true;
}

static void
own_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct given *g = arg;
	const char *site, *birth;
	yyjson_mut_val *of;

	if (!meta_streamed(doctype) || !target(g, doctype,
	    yyjson_mut_get_str(value), &site, &birth))
		return;
	of = yyjson_mut_obj_get(g->links, doctype);
	if (of == NULL) {
		of = yyjson_mut_obj(g->m);
		json_put(g->m, g->links, arena_dup(&g->b->a, doctype,
		    strlen(doctype)), of);
	}
	json_put(g->m, of, arena_dup(&g->b->a, birth, strlen(birth)),
	    origin(g->m, site, birth));
	json_put(g->m, obj, f->name, json_new_str(g->m, birth));
}

/* ---- a document that is here */

static void
take_line(struct given *g, yyjson_val *line)
{
	g->line = yyjson_val_mut_copy(g->m, line);
	g->data = yyjson_mut_obj_get(g->line, "data");
	g->links = yyjson_mut_obj(g->m);
	g->seen = yyjson_mut_obj_remove_key(g->line, "seen");
	if (g->seen == NULL)
		g->seen = yyjson_mut_obj(g->m);
	doc_links(g->meta, g->data, own_link, g);
}

static bool
take_doc(struct given *g, int64_t id)
{
	struct back *b = g->b;
	struct doc d;
	size_t len;
	char *line;

	if (!doc_load(b->s, &b->a, id, true, &d))
		return false;
	line = produce_snapshot_for(b->s, &b->a, &d, b->owner, &len);
	g->meta = d.meta;
	g->name = d.remote == NULL ? d.name : d.remote;
	take_line(g, yyjson_doc_get_root(json_parse_own(&b->a, line, len)));
	return true;
}

/* ---- what is parked of it came from there, and is in no document */

static void
take_whole(struct given *g, const struct event *e)
{
	struct back *b = g->b;
	yyjson_mut_val *via;

	g->meta = site_meta(b->s, e->doctype);
	if (g->meta == NULL)
		return;
	take_line(g, e->line);
	json_put(g->m, g->line, "event_producer",
	    json_new_str(g->m, b->s->address));
	json_put(g->m, g->line, "site", json_new_str(g->m, b->s->id));
	json_put(g->m, g->line, "snapshot", json_new_int(g->m, 1));
	json_put(g->m, g->line, "prev", yyjson_mut_null(g->m));
	via = yyjson_mut_arr(g->m);
	yyjson_mut_arr_add_str(g->m, via, b->s->id);
	json_put(g->m, g->line, "via", via);
	yyjson_mut_obj_remove_key(g->line, "author");
	yyjson_mut_obj_remove_key(g->line, "base");
	g->name = e->docname;
}

static void
take_diff(struct given *g, const struct event *e)
{
	yyjson_mut_val *diff = yyjson_val_mut_copy(g->m, e->data);

	diff_links(g->meta, diff, g->data, own_link, g);
	diff_apply(g->m, g->meta, g->data, diff);
	g->name = e->docname;
}

/* False if it was a Delete: then there is nothing to give. */
static bool
take_event(struct given *g, const struct event *e)
{
	char t[TIME_TEXT_LEN];

	if (e->type == U_DELETE)
		return false;
	g->theirs = e->links;
	if (e->type == U_CREATE)
		take_whole(g, e);
	if (g->line == NULL)
		return true;
	if (e->type == U_UPDATE)
		take_diff(g, e);
	if (e->type == U_RENAME) {
		g->name = e->new_name;
		json_put(g->m, g->line, "renamed", json_new_str(g->m,
		    time_text(e->renamed != 0 ? e->renamed : e->creation, t)));
	} else
		json_put(g->m, g->seen, g->b->owner, json_new_str(g->m,
		    e->name));
	g->more = true;
	return true;
}

static int
by_creation(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->creation < y->creation ? -1 : x->creation > y->creation;
}

/* The events that are parked under a key, in order. */
static struct event *
parked_events(struct back *b, const char *key, size_t *n)
{
	struct event *v = NULL;
	struct parked p;
	struct query *q;
	yyjson_doc *doc;

	*n = 0;
	q = parked_of(b->s, b->peer, key);
	while (parked_next(q, &p) == 1) {
		doc = json_parse_own(&b->a, arena_dup(&b->a, p.line, p.len),
		    p.len);
		v = xrealloc(v, (*n + 1) * sizeof(*v));
		if (event_read(&b->a, yyjson_doc_get_root(doc), &v[*n]) == NULL
		    && v[*n].birth != NULL && v[*n].fault == NULL)
			++*n;
	}
	if (*n > 1)
		qsort(v, *n, sizeof(*v), by_creation);
	return v;
}

/* ---- lines */

static void
give_deleted(struct back *b, const char *birth, const struct event *e)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&b->a.alc);
	yyjson_mut_val *o = yyjson_mut_obj(m), *via;
	char t[TIME_TEXT_LEN];
	size_t len;
	char *text;

	yyjson_mut_obj_add_str(m, o, "name", e->name);
	yyjson_mut_obj_add_str(m, o, "creation", time_text(e->creation, t));
	yyjson_mut_obj_add_str(m, o, "update_type", update_text[U_DELETE]);
	yyjson_mut_obj_add_str(m, o, "ref_doctype", e->doctype);
	yyjson_mut_obj_add_str(m, o, "docname", e->docname);
	yyjson_mut_obj_add_null(m, o, "data");
	yyjson_mut_obj_add_str(m, o, "event_producer", b->s->address);
	yyjson_mut_obj_add_str(m, o, "site", b->s->id);
	yyjson_mut_obj_add_val(m, o, "origin", origin(m, b->owner, birth));
	via = yyjson_mut_obj_add_arr(m, o, "via");
	yyjson_mut_arr_add_str(m, via, b->s->id);
	text = json_mut_text(&b->a, o, &len);
	put(b, text, len);
}

static void
give(struct given *g)
{
	char id[ID_LEN + 1], t[TIME_TEXT_LEN];
	const char *autoname = g->meta->autoname;
	int64_t now = time_now();
	size_t len;
	char *text;

	if (g->more) {			/* it is no entry of the log here */
		id_new(id, now);
		json_put(g->m, g->line, "name", json_new_str(g->m, id));
		json_put(g->m, g->line, "creation", json_new_str(g->m,
		    time_text(now, t)));
	}
	json_put(g->m, g->line, "links", g->links);
	json_put(g->m, g->line, "seen", g->seen);
	json_put(g->m, g->line, "docname", json_new_str(g->m, g->name));
	json_put(g->m, g->data, "name", json_new_str(g->m, g->name));
	if (strncmp(autoname, "field:", 6) == 0)
		json_put(g->m, g->data, autoname + 6,
		    json_new_str(g->m, g->name));
	text = json_mut_text(&g->b->a, g->line, &len);
	put(g->b, text, len);
}

/* A document and what is parked of it; id 0: it is only parked. */
static void
give_one(struct back *b, int64_t id, const char *birth)
{
	const char *key = merge_key(&b->a, b->owner, birth, NULL, NULL);
	struct given g = { .b = b, .m = yyjson_mut_doc_new(&b->a.alc) };
	struct event *v;
	size_t i, n;

	if (id != 0 && !take_doc(&g, id))
		return;
	v = parked_events(b, key, &n);
	for (i = 0; i < n; i++)
		if (!take_event(&g, &v[i])) {
			give_deleted(b, birth, &v[i]);
			break;
		}
	if (i == n && g.line != NULL)
		give(&g);
	free(v);
	arena_reset(&b->a);
}

/* ---- all of them */

static void
give_docs(struct back *b)
{
	char birth[256];
	int64_t id = 0;

	while ((id = origin_held(b->s, b->peer, id, birth, sizeof(birth))) != 0)
		give_one(b, id, birth);
}

static void
give_parked(struct back *b)
{
	size_t n = strlen(b->owner), i, k = 0;
	const char *key, **keys = NULL;
	struct query *q;
	int64_t id;
	bool gone;

	q = parked_keys(b->s, b->peer);
	while (parked_next_key(q, &key, NULL) == 1) {
		if (strncmp(key, b->owner, n) != 0 || key[n] != '/')
			continue;
		keys = xrealloc(keys, (k + 1) * sizeof(*keys));
		keys[k++] = arena_dup(&b->run, key + n + 1, strlen(key + n + 1));
	}
	for (i = 0; i < k; i++) {
		id = origin_find(b->s, b->owner, keys[i], &gone);
		if (id == 0 && !gone)
			give_one(b, 0, keys[i]);
	}
	free(keys);
}

/* A document that was deleted here and nowhere else is not meant. */
static bool
came_from(struct back *b, const struct entry *e)
{
	struct origin_marks marks;
	size_t i;

	journal_marks(&b->a, e->marks, &marks);
	for (i = 0; i < marks.via.n; i++)
		if (strcmp(marks.via.v[i].site, b->owner) == 0)
			return true;
	return false;
}

static void
give_tombs(struct back *b)
{
	char id[ID_LEN + 1];
	struct event e;
	struct entry j;
	struct query *q;
	struct tomb t;

	q = origin_tombs(b->s, b->peer);
	while (origin_next_tomb(q, &t) == 1) {
		/* One that was never here has but its birth. */
		e = (struct event){ .name = id, .creation = time_now(),
		    .doctype = "?", .docname = t.birth };
		id_new(id, e.creation);
		if (t.gone > 1 && journal_get(b->s, &b->a, t.gone, &j)) {
			if (!came_from(b, &j))
				continue;
			e = (struct event){ .name = j.name,
			    .creation = j.creation, .doctype = j.doctype,
			    .docname = j.docname };
		}
		give_deleted(b, t.birth, &e);
		arena_reset(&b->a);
	}
}

static void
give_head(struct back *b)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&b->a.alc);
	yyjson_mut_val *root = yyjson_mut_obj(m), *o;
	int64_t newest = producer_newest(b->s, b->peer);
	char t[TIME_TEXT_LEN];
	size_t len;
	char *text;

	o = yyjson_mut_obj_add_obj(m, root, "back");
	yyjson_mut_obj_add_str(m, o, "event_producer", b->s->address);
	yyjson_mut_obj_add_str(m, o, "site", b->s->id);
	yyjson_mut_obj_add_str(m, o, "owner", b->owner);
	yyjson_mut_obj_add_val(m, o, "last_update", newest == 0 ?
	    yyjson_mut_null(m) : yyjson_mut_str(m, time_text(newest, t)));
	text = json_mut_text(&b->a, root, &len);
	fwrite(text, 1, len, b->out);
	putc('\n', b->out);
	arena_reset(&b->a);
}

int
back_write(struct site *s, const char *owner, FILE *out, int64_t *n)
{
	struct back b = { .s = s, .out = out };

	*n = 0;
	b.peer = producer_number(s, owner);
	if (b.peer <= 0)
		return 0;		/* it never came to anything */
	b.owner = site_peer_identity(s, b.peer);
	arena_init(&b.run);
	arena_init(&b.a);
	give_head(&b);
	give_docs(&b);
	give_parked(&b);
	give_tombs(&b);
	*n = b.n;
	arena_free(&b.run);
	arena_free(&b.a);
	return db_failed(s->db);
}
