/* together.c - documents that wait only for one another are applied together,
 * all or none (DESIGN 7) */

#include <stdlib.h>
#include <string.h>

#include "sync/apply.h"

static struct chain *
chain_of(struct apply *a, const struct want *w)
{
	const char *key = chain_wanted_key(a, w);

	return map_get(&a->bykey, key, strlen(key));
}

/* Thins out the group until each waits for members only. */
static size_t
find_group(struct apply *a, struct chain **v)
{
	struct map in = { 0 };
	struct chain *c;
	struct doc d;
	size_t i, k, n = 0, m;
	bool gone, closed;

	for (i = 0; i < a->nchains; i++) {
		c = a->chains[i];
		if (c->n == 0 || c->nwants == 0)
			continue;
		merge_find(&a->g, &c->v[0]->it.e, &d, &gone);
		if (d.id == 0)
			v[n++] = c;
	}
	do {
		map_clear(&in);
		for (i = 0; i < n; i++)
			map_set(&in, v[i]->key, strlen(v[i]->key), v[i]);
		for (i = m = 0; i < n; i++) {
			closed = true;
			for (k = 0; k < v[i]->nwants && closed; k++) {
				c = chain_of(a, v[i]->wants[k]);
				closed = c != NULL && map_get(&in, c->key,
				    strlen(c->key)) != NULL;
			}
			if (closed)
				v[m++] = v[i];
		}
		closed = m == n;
		n = m;
	} while (!closed);
	map_free(&in);
	return n;
}

struct saved {				/* what a failed group gives back */
	struct chain	chain;
	struct entry_item **v, *items;
};

static void
save_chain(struct apply *a, const struct chain *c, struct saved *s)
{
	int i;

	s->chain = *c;
	s->v = arena_alloc(&a->page, c->n * sizeof(*s->v));
	s->items = arena_alloc(&a->page, c->n * sizeof(*s->items));
	for (i = 0; i < c->n; i++) {
		s->v[i] = c->v[i];
		s->items[i] = *c->v[i];
	}
}

static bool
restore_chain(struct chain *c, const struct saved *s)
{
	struct chain now = *c;
	int i;

	*c = s->chain;
	for (i = 0; i < c->n; i++) {
		c->v[i] = s->v[i];
		*c->v[i] = s->items[i];
	}
	/* The member that failed says why, and is in no group any more; the
	 * others wait for it. */
	if (now.fault.code == NULL || strcmp(now.fault.code, "waits") == 0)
		return false;
	c->fault = now.fault;
	c->want = NULL;
	c->nwants = 0;
	return true;
}

static bool
try_group(struct apply *a, struct chain **v, const struct saved *saved,
    size_t n)
{
	struct map group = { 0 };
	struct doc d;
	size_t i;
	bool gone, whole = true;

	for (i = 0; i < n; i++)
		map_set(&group, v[i]->key, strlen(v[i]->key), v[i]);
	a->g.group = &group;
	a->g.later = NULL;
	for (i = 0; i < n; i++)
		advance(a, v[i]);
	for (i = 0; i < n && whole; i++) {
		merge_find(&a->g, &saved[i].items[0].it.e, &d, &gone);
		whole = d.id != 0;
	}
	a->g.group = NULL;
	map_free(&group);
	return whole && merge_settle(&a->g) == 0;
}

/* All or none of n chains; *failed tells whether any of them is to blame. */
static bool
all_or_none(struct apply *a, struct chain **v, size_t n, bool *failed)
{
	struct apply_counts counts = a->counts;
	struct saved *saved = arena_alloc(&a->page, n * sizeof(*saved));
	size_t i;
	long at = 0;

	*failed = false;
	for (i = 0; i < n; i++)
		save_chain(a, v[i], &saved[i]);
	if (a->out != NULL)
		at = ftell(a->out);
	db_savepoint(a->s->db);
	if (try_group(a, v, saved, n)) {
		db_release(a->s->db);
		return true;
	}
	if (db_failed(a->s->db))
		return false;
	db_undo(a->s->db);
	site_forget_cache(a->s);
	merge_forget(&a->g);
	a->counts = counts;
	if (a->out != NULL)
		fseek(a->out, at, SEEK_SET);
	for (i = 0; i < n; i++)
		if (restore_chain(v[i], &saved[i]))
			*failed = true;
	return false;
}

bool
together(struct apply *a)
{
	struct chain **v = arena_alloc(&a->page,
	    (a->nchains + 1) * sizeof(*v));
	bool failed = true;
	size_t n;

	a->turn++;
	while (failed && (n = find_group(a, v)) > 0)
		if (all_or_none(a, v, n, &failed))
			return true;
	return false;
}
