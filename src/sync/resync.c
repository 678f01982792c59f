/* resync.c - what came to a site, to be applied to it again (es-resync(1)) */

#include <string.h>

#include "sync/sync.h"

struct making {				/* an event from its row */
	struct site	*s;
	struct arena	*a;
	const struct sync *l;
	const char	*peer;		/* identity; of stock NULL */
	yyjson_mut_doc	*m;
	yyjson_mut_val	*o, *links;
};

static void
set(struct making *k, const char *key, const char *value)
{
	json_put(k->m, k->o, key, yyjson_mut_str(k->m, value));
}

static void
drop(struct making *k, const char *const *keys)
{
	while (*keys != NULL)
		yyjson_mut_obj_remove_key(k->o, *keys++);
}

/* In the terms of its producer what our log says of an entry: the event that
 * made it; or, of many, nothing but where they came from. */
static void
take_terms(struct making *k)
{
	static const char *const chain[] = { "prev", "base", NULL },
	    *const many[] = { "author", "seen", "knew", "merged", "renamed",
	    "via", NULL },
	    *const ours[] = { "site", "origin", "also", "links", NULL };
	yyjson_mut_val *via = yyjson_mut_obj_get(k->o, "via");

	drop(k, chain);
	yyjson_mut_arr_remove_first(via);	/* this site */
	if (k->l->journal == 0 || k->peer == NULL)
		drop(k, many);
	if (k->peer == NULL) {
		drop(k, ours);
		return;
	}
	set(k, "site", k->peer);
	yyjson_mut_obj_remove_key(yyjson_mut_obj_get(k->o, "seen"), k->peer);
}

static void
put_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct making *k = arg;
	const char *name = yyjson_mut_get_str(value);
	int64_t id = doc_number_remote(k->s, doctype, k->l->peer, name);
	yyjson_mut_val *of = yyjson_mut_obj_get(k->links, doctype), *b;
	struct birth *v;
	size_t n;

	(void)obj;
	(void)f;
	if (id == 0)
		id = doc_number(k->s, doctype, name);
	v = origin_births(k->s, k->a, id, &n);
	if (n == 0)
		return;
	if (of == NULL)
		of = yyjson_mut_obj_add_obj(k->m, k->links, doctype);
	b = yyjson_mut_arr(k->m);
	yyjson_mut_arr_add_str(k->m, b, v[0].site);
	yyjson_mut_arr_add_str(k->m, b, v[0].id);
	json_put(k->m, of, name, b);
}

/* Data that is not in our log has the names of the producer. */
static void
put_data(struct making *k, const struct doc *d)
{
	yyjson_mut_val *data = yyjson_val_mut_copy(k->m, yyjson_doc_get_root(
	    json_parse_own(k->a, arena_dup(k->a, k->l->data, k->l->datalen),
	    k->l->datalen)));

	json_put(k->m, k->o, "data", data);
	k->links = yyjson_mut_obj(k->m);
	if (k->l->type == U_CREATE)
		doc_links(d->meta, data, put_link, k);
	else if (diff_fault(d->meta, data) == NULL)
		diff_links(d->meta, data, doc_body(k->a, k->m, d), put_link, k);
	json_put(k->m, k->o, "links", k->links);
}

/* The event of a row, as far as it is known; NULL if that is nothing. */
static yyjson_mut_val *
make(struct making *k)
{
	char t[TIME_TEXT_LEN];
	int64_t creation;
	struct entry e;
	struct doc d;
	size_t len;
	char *line;

	if (k->l->data == NULL || !doc_load(k->s, k->a, k->l->doc, true, &d) ||
	    !journal_get(k->s, k->a, k->l->journal != 0 ? k->l->journal :
	    d.last, &e))
		return NULL;
	line = produce_line(k->s, k->a, &e, &len);
	k->o = yyjson_val_mut_copy(k->m, yyjson_doc_get_root(json_parse_own(
	    k->a, line, len)));
	set(k, "name", k->l->event);
	if (!id_time(k->l->event, &creation))
		creation = k->l->time;
	json_put(k->m, k->o, "creation", json_new_str(k->m,
	    time_text(creation, t)));
	set(k, "update_type", update_text[k->l->type]);
	set(k, "ref_doctype", k->l->doctype);
	set(k, "docname", k->l->remote);
	set(k, "event_producer", k->l->producer);
	if (k->l->journal == 0)
		put_data(k, &d);
	take_terms(k);
	return k->o;
}

static yyjson_mut_val *
event_of(struct making *k, const char *line, size_t len)
{
	yyjson_mut_val *o;

	if (line == NULL)
		return make(k);
	o = yyjson_val_mut_copy(k->m, yyjson_doc_get_root(json_parse_own(k->a,
	    arena_dup(k->a, line, len), len)));
	mapper_undo(k->m, o);
	json_put(k->m, o, "event_producer", yyjson_mut_str(k->m,
	    k->l->producer));
	return o;
}

static bool
write_one(struct site *s, struct arena *a, const struct resync_request *r,
    const struct sync *l, const char *line, size_t len)
{
	struct making k = { .s = s, .a = a, .l = l,
	    .m = yyjson_mut_doc_new(&a->alc) };
	const char *peer = site_peer_identity(s, l->peer);
	yyjson_mut_val *o;
	char *text;

	if (strncmp(peer, "stock:", 6) != 0)
		k.peer = peer;
	if ((o = event_of(&k, line, len)) == NULL)
		return false;
	json_put(k.m, o, "resync", resync_text[r->mark] == NULL ?
	    json_new_int(k.m, 1) : yyjson_mut_str(k.m, resync_text[r->mark]));
	text = json_mut_text(a, o, &len);
	fwrite(text, 1, len, r->out);
	putc('\n', r->out);
	return true;
}

int
resync_write(struct site *s, struct resync_request *r)
{
	struct query *q = came_list(s, &r->filter, r->names, r->applied);
	const char *line;
	struct arena a;
	struct sync l;
	size_t len;

	arena_init(&a);
	while (came_next(q, &l, &line, &len) == 1) {
		if (write_one(s, &a, r, &l, line, len))
			r->events++;
		else
			r->lacking++;
		arena_reset(&a);
	}
	arena_free(&a);
	return db_failed(s->db) ? -1 : 0;
}
