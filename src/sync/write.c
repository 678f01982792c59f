/* write.c - writing what was planned */

#include <string.h>

#include "sync/merge.h"

static void
put_remote(struct plan *p, yyjson_mut_val *body)
{
	json_put(p->m, body, "remote_docname", json_new_str(p->m, p->name));
	json_put(p->m, body, "remote_site_name",
	    json_new_str(p->m, p->g->p->name));
}

static void
cause_of(struct plan *p, const struct group *gr, struct cause *c,
    struct marks *via)
{
	struct event *e;
	size_t k, j;
	int i;

	*c = (struct cause){ .user = p->g->p->user, .via = via };
	*via = p->parts[gr->first].it->e.via;
	for (i = gr->first; i < gr->first + gr->n; i++) {
		e = &p->parts[i].it->e;
		if (e->type == U_RENAME)
			continue;
		c->author = e->author;
		c->knew = &e->knew;
		c->merged = c->merged || e->snapshot || e->merged;
		for (k = 0; k < via->n; k++)
			for (j = 0; j < e->via.n; j++)
				if (strcmp(via->v[k].site, e->via.v[j].site) == 0
				    && strcmp(via->v[k].at.name,
				    e->via.v[j].at.name) < 0)
					via->v[k] = e->via.v[j];
	}
}

/* Does it change rows that are not there? */
static bool
misses_rows(yyjson_mut_val *diff, yyjson_mut_val *body)
{
	yyjson_mut_val *table, *rows, *row, *there;
	size_t i, ni, k, nk;
	const char *name;

	yyjson_mut_obj_foreach(yyjson_mut_obj_get(diff, "row_changed"), i, ni,
	    table, rows) {
		there = yyjson_mut_obj_get(body, yyjson_mut_get_str(table));
		yyjson_mut_arr_foreach(rows, k, nk, row)
			if ((name = json_mut_str(row, "name")) != NULL &&
			    row_named(there, name) == NULL)
				return true;
	}
	return false;
}

/* The diff of a group: its one event's, or what they changed together.  Others
 * are told of a row that is not there that it is not. */
static yyjson_mut_val *
group_diff(struct plan *p, const struct group *gr)
{
	struct places at = { 0 };
	yyjson_mut_val *diff = NULL;
	int i, n = 0;

	for (i = gr->first; i < gr->first + gr->n; i++)
		if (p->parts[i].chg != NULL) {
			diff = p->parts[i].chg;
			n++;
		}
	if (n == 0 || (n == 1 && !misses_rows(diff, gr->body)))
		return diff;
	for (i = gr->first; i < gr->first + gr->n; i++)
		if (p->parts[i].chg != NULL)
			places_of(&at, p->meta, p->parts[i].chg);
	diff = at.n == 0 ? NULL : diff_at(p->m, p->meta, gr->body, &at);
	places_free(&at);
	return diff;
}

static int
insert(struct plan *p, yyjson_mut_val *body, const struct item *it,
    const struct cause *c)
{
	struct birth b = { it->e.birth_site, it->e.birth };
	char id[ID_LEN + 1];

	if (b.id == NULL) {
		id_new(id, time_now());
		b.id = id;
		b.site = p->g->p->site;
	}
	p->d->meta = p->meta;
	p->d->home = p->g->back ? 0 : p->g->p->peer;
	p->d->dependency = p->row == NULL || !p->row->approved;
	p->d->renamed = it->e.renamed;
	p->d->remote = strcmp(p->d->name, p->name) == 0 ? NULL : p->name;
	if (!p->same)
		put_remote(p, body);
	if (doc_insert(p->g->s, p->d, p->m, body, &b, c) == -1)
		return -1;
	map_set(&p->g->local, arena_dup(p->g->page, b.id, strlen(b.id)),
	    strlen(b.id), arena_dup(p->g->page, p->d->name,
	    strlen(p->d->name)));
	return 0;
}

/* What every document has, as the one just written has it, goes into those
 * that it will be. */
static void
pass_standard(struct plan *p, yyjson_mut_val *written)
{
	static const char *const keys[] = { "doctype", "name", "owner",
	    "creation", "modified", "modified_by", "docstatus" };
	yyjson_mut_val *body, *from, *key;
	yyjson_mut_obj_iter it;
	size_t k;
	int i;

	for (i = 1; i < p->ngroups; i++) {
		body = yyjson_mut_obj(p->m);
		for (k = 0; k < 7; k++) {
			from = k < 6 ? written : p->groups[i].body;
			yyjson_mut_obj_add_val(p->m, body, keys[k],
			    yyjson_mut_val_mut_copy(p->m,
			    yyjson_mut_obj_get(from, keys[k])));
		}
		yyjson_mut_obj_iter_init(p->groups[i].body, &it);
		while ((key = yyjson_mut_obj_iter_next(&it)) != NULL)
			if (yyjson_mut_obj_get(body,
			    yyjson_mut_get_str(key)) == NULL)
				yyjson_mut_obj_add(body,
				    yyjson_mut_val_mut_copy(p->m, key),
				    yyjson_mut_val_mut_copy(p->m,
				    yyjson_mut_obj_iter_get_val(key)));
		p->groups[i].body = p->body = body;
	}
}

/* Tells of the events from first on; entry is the journal entry that they made
 * and holds the data of one that made it alone. */
static void
tell(struct plan *p, int first, int n, int64_t entry)
{
	struct part *t;
	int i, bodies = 0;
	bool same;
	size_t len;
	char *text;

	for (i = first; i < first + n; i++)
		bodies += p->parts[i].it->e.type != U_RENAME;
	for (i = first; i < first + n; i++) {
		t = &p->parts[i];
		same = bodies == 1 && entry != 0 && !t->cut &&
		    t->it->e.type != U_RENAME &&
		    (t->whole == NULL || t->chg == NULL);
		text = NULL;
		len = 0;
		if (!same && t->it->e.data != NULL)
			text = json_text(p->g->a, t->it->e.data, &len);
		p->g->done(p->g->arg, t->it, p->d, same ? entry : 0, text, len,
		    t->lost);
	}
}

static int
write_group(struct plan *p, struct group *gr, bool last)
{
	struct item *it = p->parts[gr->first].it;
	yyjson_mut_val *diff = NULL;
	struct marks via;
	struct cause c;
	int64_t entry = 0;

	cause_of(p, gr, &c, &via);
	if (p->d->id != 0)
		diff = group_diff(p, gr);
	link_settle(p, &gr->body, it, last);
	if (p->d->id == 0) {
		if (insert(p, gr->body, it, &c) == -1)
			return -1;
		pass_standard(p, gr->body);
		entry = p->d->modified;
	} else if (diff != NULL) {
		link_settle_diff(p, diff);
		if (doc_update(p->g->s, p->d, p->m, gr->body, diff, &c) == -1)
			return -1;
		entry = p->d->modified;
	}
	tell(p, gr->first, gr->n, entry);
	return 0;
}

int
write_kept(struct plan *p)
{
	struct cause c = { .user = p->g->p->user };
	struct places all = { 0 };
	yyjson_mut_val *diff;
	size_t k;
	int i, r = 0;

	for (i = 0; i < p->n; i++)
		for (k = 0; k < p->parts[i].again.n; k++)
			places_add(&all, &p->parts[i].again.v[k]);
	if (all.n > 0 && (diff = diff_at(p->m, p->meta, p->body, &all)) != NULL)
		r = doc_update(p->g->s, p->d, p->m, p->body, diff, &c);
	places_free(&all);
	return r;
}

int
write_plan(struct plan *p)
{
	struct doc was = *p->d;
	int i;

	if (p->ngroups > 0 && p->groups[0].first > 0)
		tell(p, 0, p->groups[0].first, 0);
	for (i = 0; i < p->ngroups; i++)
		if (write_group(p, &p->groups[i], i == p->ngroups - 1) == -1)
			return -1;
	if (p->g->later != NULL && p->g->later->d.id == 0)
		p->g->later->d = *p->d;
	note_plan(p, &was);
	if (write_kept(p) == -1)
		return -1;
	return db_failed(p->g->s->db) ? -1 : 0;
}

void
write_diff(struct plan *p, yyjson_mut_val *diff)
{
	struct group gr = { .n = 1, .body = p->body };
	struct marks via;
	struct cause c;

	cause_of(p, &gr, &c, &via);
	link_settle(p, &gr.body, p->parts[0].it, false);
	link_settle_diff(p, diff);
	doc_update(p->g->s, p->d, p->m, gr.body, diff, &c);
}

int
write_later(struct merge *g, struct later *l)
{
	struct part part = { .it = l->item };
	struct plan p = { .g = g, .parts = &part };
	struct group gr = { .n = 1 };
	yyjson_mut_val *old, *diff;
	struct marks via;
	struct cause c;
	struct doc d;

	if (!doc_load(g->s, g->a, l->d.id, true, &d))
		return 0;
	link_name(g, d.meta, l);
	old = doc_body(g->a, l->m, &d);
	if ((diff = diff_make(l->m, d.meta, old, l->body)) == NULL)
		return 0;
	diff_apply(l->m, d.meta, old, diff);
	cause_of(&p, &gr, &c, &via);
	return doc_update(g->s, &d, l->m, old, diff, &c);
}
