/* conflict.c - what an event writes and somebody else wrote: who wins
 * (DESIGN 7) */

#include <string.h>

#include "sync/merge.h"

enum side { HERE, THERE, PARK };

static enum side
winner(struct plan *p, const struct event *e)
{
	struct birth *b;
	size_t n;

	if (p->g->back || e->resync == RESYNC_FORCE || (p->row != NULL &&
	    p->row->policy == POLICY_PRODUCER))
		return THERE;
	if (p->row != NULL && p->row->policy == POLICY_MANUAL)
		return e->resync == RESYNC_WITHDRAW ? HERE : PARK;
	b = origin_births(p->g->s, p->g->a, p->d->id, &n);
	if (n > 0 && strcmp(b[0].site, p->g->s->id) == 0)
		return HERE;
	return p->d->home == p->g->p->peer ? THERE : HERE;
}

static void
add_lost(struct plan *p, yyjson_mut_val **list, const struct place *at,
    yyjson_mut_val *mine, yyjson_mut_val *theirs, enum side side)
{
	yyjson_mut_val *o;

	if (*list == NULL)
		*list = yyjson_mut_arr(p->m);
	o = yyjson_mut_arr_add_obj(p->m, *list);
	if (at->table != NULL) {
		json_put(p->m, o, "table", json_new_str(p->m, at->table));
		json_put(p->m, o, "row", json_new_str(p->m, at->row));
	}
	if (at->field != NULL)
		json_put(p->m, o, "field", json_new_str(p->m, at->field));
	json_put(p->m, o, "kept", side == HERE ? mine : theirs);
	json_put(p->m, o, "lost", side == HERE ? theirs : mine);
	json_put(p->m, o, "winner", json_new_str(p->m,
	    side == HERE ? "here" : "producer"));
}

static const struct place *
overlapping(const struct places *all, const struct place *x, size_t *k)
{
	for (*k = 0; *k < all->n; ++*k)
		if (place_same(&all->v[*k], x))
			return &all->v[*k];
	for (*k = 0; *k < all->n; ++*k)
		if (place_overlap(&all->v[*k], x))
			return &all->v[*k];
	return NULL;
}

/* Did the producer leave this place alone: is it there as it was before our
 * first change of it? */
static bool
left_alone(struct plan *p, struct part *t, const struct place *q,
    const struct place *x, int64_t entry)
{
	yyjson_mut_val *before = past_body(p, entry), *as;

	if (before == NULL)
		return false;
	if (t->whole != NULL)
		return place_equal(p->meta, q, t->whole, before);
	if (!place_same(q, x))
		return true;
	as = yyjson_mut_val_mut_copy(p->m, p->body);
	diff_apply(p->m, p->meta, as, t->chg);
	return place_equal(p->meta, x, as, before);
}

/* One place that an event writes and that was changed here meanwhile. */
static bool
conflict(struct plan *p, struct part *t, const struct place *x,
    const struct unseen *u, yyjson_mut_val *after, struct places *won,
    yyjson_mut_val **lost)
{
	const struct event *e = &t->it->e;
	const struct place *q;
	enum side side;
	size_t k;

	if ((q = overlapping(&u->at, x, &k)) == NULL)
		return true;
	if (p->first != NULL || (e->resync != RESYNC_FORCE &&
	    (e->type == U_CREATE || e->merged) && u->entry[k] != 0 &&
	    left_alone(p, t, q, x, u->entry[k]))) {
		places_add(won, x);
		return true;
	}
	if (place_equal(p->meta, x, p->body, after))
		return true;
	side = winner(p, e);
	if (x->table == NULL && strcmp(x->field, "docstatus") == 0)
		side = json_mut_int(p->body, "docstatus", 0) >
		    json_mut_int(after, "docstatus", 0) ? HERE : THERE;
	if (side == PARK)
		return fault_set(&p->g->fault, "conflict",
		    "'%s' was changed on both sides",
		    x->field != NULL ? x->field : x->table);
	add_lost(p, lost, x, place_value(p->m, p->meta, x, p->body),
	    place_value(p->m, p->meta, x, after), side);
	if (side == HERE) {
		places_add(won, x);
		places_add(&t->again, x);
	}
	return true;
}

/* Adds rows, less their fields, that a table has not. */
static void
add_bare(struct plan *p, yyjson_mut_val *table, yyjson_mut_val *rows)
{
	yyjson_mut_val *row, *bare;
	const char *name;
	size_t i, n;

	yyjson_mut_arr_foreach(rows, i, n, row) {
		name = json_mut_str(row, "name");
		if (name == NULL || table == NULL ||
		    row_named(table, name) != NULL)
			continue;
		bare = yyjson_mut_arr_add_obj(p->m, table);
		json_put(p->m, bare, "name", json_new_str(p->m, name));
	}
}

/* The document as the event would have it, with what it says of rows that were
 * taken out here. */
static yyjson_mut_val *
body_after(struct plan *p, yyjson_mut_val *chg)
{
	yyjson_mut_val *after = yyjson_mut_val_mut_copy(p->m, p->body);
	yyjson_mut_obj_iter it;
	yyjson_mut_val *table;

	yyjson_mut_obj_iter_init(yyjson_mut_obj_get(chg, "row_changed"), &it);
	while ((table = yyjson_mut_obj_iter_next(&it)) != NULL)
		add_bare(p, yyjson_mut_obj_get(after,
		    yyjson_mut_get_str(table)),
		    yyjson_mut_obj_iter_get_val(table));
	diff_apply(p->m, p->meta, after, chg);
	return after;
}

bool
conflict_resolve(struct plan *p, struct part *t)
{
	struct unseen u = { 0 };
	struct places all = { 0 }, won = { 0 };
	yyjson_mut_val *after, *lost = NULL;
	size_t i;
	bool good = true;

	unseen_find(p, t, &u);
	if (u.any || p->mixed)
		places_of(&all, p->meta, t->chg);
	if (u.any) {
		after = t->whole != NULL ? t->whole : body_after(p, t->chg);
		for (i = 0; i < all.n && good; i++)
			good = conflict(p, t, &all.v[i], &u, after, &won, &lost);
	}
	for (i = 0; i < all.n; i++)
		if (!places_overlap(&won, &all.v[i]))
			places_add(&t->keep, &all.v[i]);
	if (won.n > 0) {
		t->chg = diff_cut(p->m, p->meta, t->chg, &t->keep);
		t->cut = true;
	}
	if (lost != NULL)
		t->lost = json_mut_text(p->g->a, lost, NULL);
	unseen_free(&u);
	places_free(&all);
	places_free(&won);
	return good;
}
