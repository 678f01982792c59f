/* admit.c - which events are looked at at all: rules 1 and 2 (DESIGN 7) */

#include <stdlib.h>
#include <string.h>

#include "sync/apply.h"

bool
passed_here(const struct apply *a, const struct event *e)
{
	size_t i;

	for (i = 0; i < e->via.n; i++)
		if (strcmp(e->via.v[i].site, a->s->id) == 0)
			return true;
	return false;
}

bool
second_route(struct apply *a, const struct event *e, const struct doc *d)
{
	const struct subscription *row;
	struct birth *b;
	struct producer other;
	size_t n;
	char *name;

	if (d->id == 0 || d->home == 0 || d->home == a->p.peer || d->dependency)
		return false;
	b = origin_births(a->s, &a->page, d->id, &n);
	if (n > 0 && strcmp(b[0].site, a->s->id) == 0)
		return false;
	name = producer_name(a->s, &a->page, d->home);
	if (name == NULL || !producer_load(a->s, &a->page, name, &other))
		return false;
	row = producer_row(&other, e->doctype);
	if (row == NULL || !row->approved)
		return false;
	return !merge_has_base(&a->g, e);
}

static bool
links_to(const struct event *e, const char *birth)
{
	yyjson_val *k, *v, *name, *b;
	size_t x, y, n, m;

	if (e->links == NULL)
		return false;
	yyjson_obj_foreach(e->links, x, n, k, v)
		yyjson_obj_foreach(v, y, m, name, b)
			if (yyjson_equals_str(yyjson_arr_get(b, 1), birth))
				return true;
	return false;
}

/* Is it linked to from a line of this page or from what is parked? */
static bool
is_linked(const struct apply *a, const struct event *e)
{
	size_t i;
	int k;

	if (e->birth == NULL)
		return false;
	for (i = 0; i < a->nitems; i++)
		if (links_to(&a->items[i]->it.e, e->birth))
			return true;
	for (i = 0; i < a->nchains; i++)
		for (k = 0; k < a->chains[i]->n; k++)
			if (links_to(&a->chains[i]->v[k]->it.e, e->birth))
				return true;
	return false;
}

/* May it come at all? */
static bool
allowed(struct apply *a, const struct event *e, const struct doc *d)
{
	const struct subscription *row = producer_row(&a->p, e->doctype);

	if ((e->type == U_DELETE || e->type == U_RENAME) && row == NULL)
		return d->id != 0 && d->home == a->p.peer;
	if (row != NULL && row->approved)
		return true;
	return e->dependency && is_linked(a, e);
}

static bool
in_chain(const struct chain *c, const struct event *e)
{
	int i;

	for (i = 0; i < c->n; i++)
		if (c->v[i]->it.e.snapshot == e->snapshot &&
		    strcmp(c->v[i]->it.e.name, e->name) == 0)
			return true;
	return false;
}

/* Is a document given back as it is known here, or older? */
static bool
is_old(struct apply *a, const struct event *e, const struct doc *d)
{
	const char *theirs = own_event(a, e);
	struct seen v;

	if (e->type == U_DELETE || e->renamed > d->renamed)
		return false;
	return theirs == NULL || journal_knows(a->s, theirs) ||
	    (seen_get(a->s, &a->page, d->id, 0, &v) &&
	    strcmp(theirs, v.event) <= 0);
}

/* One site has a document given back that another has as deleted, and the
 * journal knows neither: it comes, under whatever name, and goes again, so that
 * the one learns of it. */
static bool
doom(struct apply *a, struct event *e)
{
	if (!origin_untomb(a->s, e->birth))
		return false;
	if (doc_number(a->s, e->doctype, e->docname) != 0)
		e->docname = e->birth;
	if (a->ndoomed == a->capdoomed) {
		a->capdoomed = a->capdoomed * 2 + 16;
		a->doomed = xrealloc(a->doomed,
		    a->capdoomed * sizeof(*a->doomed));
	}
	a->doomed[a->ndoomed++] = (struct birth){ e->birth_site, e->birth };
	return true;
}

/* If it could not come it is as it was. */
void
admit_delete_doomed(struct apply *a)
{
	struct cause cause = { .user = a->p.user };
	const char *dt, *name;
	struct birth *b;
	struct doc d;
	int64_t id;
	bool gone;

	for (; a->ndoomed > 0; a->ndoomed--) {
		b = &a->doomed[a->ndoomed - 1];
		id = origin_find(a->s, b->site, b->id, &gone);
		if (id == 0)
			origin_tomb(a->s, b);
		else if (!gone && doc_load(a->s, &a->page, id, true, &d) &&
		    !doc_linked(a->s, &a->page, id, &dt, &name))
			doc_delete(a->s, &d, &cause);
	}
}

/* One that es-map passed on, or that did not pass it, parks as what it would
 * be here. */
void
admit_as_here(const struct apply *a, struct event *e)
{
	const struct subscription *row;

	if (event_is_mapped(e))
		return;
	if ((row = producer_mapped(&a->p, e->doctype)) != NULL)
		e->doctype = row->doctype;
}

void
admit(struct apply *a, struct entry_item *it)
{
	struct event *e = &it->it.e;
	struct chain *c;
	struct doc d;
	bool gone;

	admit_as_here(a, e);
	it->own = passed_here(a, e);
	if (!meta_streamed(e->doctype)) {
		if (!sync_done(a->s, a->p.peer, e->name))
			outcome_refuse(a, &it->it, arena_printf(&a->page,
			    "%s never comes by stream", e->doctype));
		return;
	}
	if (e->resync != RESYNC_NOT) {
		if (!again(a, it))
			return;
	} else if (!e->snapshot && sync_done(a->s, a->p.peer, e->name)) {
		a->counts.skipped++;
		return;
	}
	a->g.a = &a->page;		/* it stays until its chain is tried */
	merge_find(&a->g, e, &d, &gone);
	a->g.a = &a->work;
	if (a->o.back)
		series_raise(a->s, e->doctype, e->docname);
	if (a->o.back && gone && e->type == U_CREATE)
		gone = !doom(a, e);
	if (a->o.back && (gone || (d.id != 0 && is_old(a, e, &d)))) {
		a->counts.skipped++;
		return;
	}
	if (!allowed(a, e, &d) || (gone && e->type != U_DELETE)) {
		a->counts.skipped++;
		return;
	}
	c = chain_get(a, chain_key(a, e));
	if (in_chain(c, e)) {
		a->counts.skipped++;
		return;
	}
	if (!it->own && second_route(a, e, &d)) {
		outcome_refuse(a, &it->it,
		    "another producer brings this document");
		return;
	}
	chain_add(a, c, it);
	if (!gone) {
		c->d = d;
		c->turn = a->turn;
	}
}
