/* again.c - events that es-resync gave, known as they are (es-resync(1)), and
 * parked ones that es-deps made ready */

#include <err.h>
#include <string.h>

#include "sync/apply.h"

static int
place_in(const struct chain *c, const struct event *e)
{
	int i;

	for (i = 0; i < c->n; i++)
		if (c->v[i]->it.e.snapshot == e->snapshot &&
		    c->v[i]->it.e.type == e->type &&
		    strcmp(c->v[i]->it.e.name, e->name) == 0)
			return i;
	return -1;
}

/* Into its chain in the place of what waits in another, or in the same. */
static void
replace(struct apply *a, struct chain *from, int i, struct chain *c,
    struct entry_item *it)
{
	struct event *e = &it->it.e;

	it->it.parked = from->v[i]->it.parked;
	it->it.log = from->v[i]->it.log;
	it->was = from->old == NULL ? "" : from->old;
	if (e->resync == RESYNC_WITHDRAW && (e->type == U_DELETE ||
	    e->type == U_RENAME)) {	/* these stand outside the chain */
		chain_drop(from, i);
		outcome_withdraw(a, &it->it, &c->d, NULL);
	} else if (from == c)
		c->v[i] = it;
	else {
		chain_drop(from, i);
		chain_add(a, c, it);
	}
}

/* What is parked of stock under the DocType that it was mapped to before. */
static struct chain *
old_chain(struct apply *a, const struct event *e, const struct sync *first)
{
	if (e->birth != NULL || first->status != FAILED)
		return NULL;
	return chain_get(a, merge_key(&a->page, NULL, NULL, first->doctype,
	    first->remote));
}

/* Applies an event once more, at once and outside of any chain. */
static void
apply_again(struct apply *a, struct item *it, const struct sync *first)
{
	struct event *e = &it->e;
	int64_t entry = 0;
	struct doc d;
	bool gone;

	merge_find(&a->g, e, &d, &gone);
	if (gone || d.id == 0 || e->type == U_DELETE || e->type == U_RENAME)
		a->counts.skipped++;
	else if (!merge_again(&a->g, it, &d, first, &entry)) {
		warnx("%s '%s': event %s of '%s' cannot be applied again: %s",
		    safe(e->doctype), safe(e->docname), safe(e->name),
		    safe(a->p.name), safe(a->g.fault.text));
		a->counts.refused++;
	} else if (entry != 0) {
		outcome_again(a, it, &d, entry);
		a->freed = true;
		a->turn++;
	} else
		a->counts.skipped++;
	a->g.seen_doc = 0;
	arena_reset(&a->work);
}

bool
again(struct apply *a, struct entry_item *it)
{
	struct event *e = &it->it.e;
	struct chain *c = chain_get(a, chain_key(a, e)), *old;
	struct sync first;
	int i;

	if ((i = place_in(c, e)) != -1) {
		replace(a, c, i, c, it);
		return false;
	}
	if (e->resync == RESYNC_PARKED) {
		a->counts.skipped++;
		return false;
	}
	if (sync_find(a->s, &a->page, a->p.peer, e->name, e->type, &first)) {
		if ((old = old_chain(a, e, &first)) != NULL &&
		    (i = place_in(old, e)) != -1) {
			replace(a, old, i, c, it);
			return false;
		}
		if (first.status == SYNCED && !e->snapshot &&
		    e->resync != RESYNC_WITHDRAW) {
			apply_again(a, &it->it, &first);
			return false;
		}
		it->it.log = first.status == FAILED ? first.id : 0;
		it->was = first.error;
	}
	if (e->resync == RESYNC_WITHDRAW)
		a->counts.skipped++;
	return e->resync != RESYNC_WITHDRAW;
}
