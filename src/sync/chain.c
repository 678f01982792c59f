/* chain.c - what has come of each document and is not applied yet, with what
 * is parked of it, and what that waits for */

#include <stdlib.h>
#include <string.h>

#include "sync/apply.h"

const char *
chain_key(struct apply *a, const struct event *e)
{
	return merge_key(&a->page, e->birth_site, e->birth, e->doctype,
	    e->docname);
}

const char *
chain_wanted_key(struct apply *a, const struct want *w)
{
	return merge_key(&a->page, w->site, w->birth, w->doctype, w->name);
}

char *
chain_want_word(struct apply *a, const char *birth, const char *doctype,
    const char *name)
{
	char *word, *p;

	if (birth != NULL)
		return arena_printf(&a->page, "%s", birth);
	word = arena_printf(&a->page, "=%s/%s", doctype, name);
	for (p = word; *p != '\0'; p++)
		if (*p == ' ')
			*p = '\001';
	return word;
}

void
chain_add(struct apply *a, struct chain *c, struct entry_item *it)
{
	struct entry_item **v;

	if (c->n == c->cap) {
		v = arena_alloc(&a->page, (c->cap * 2 + 2) * sizeof(*v));
		if (c->n > 0)
			memcpy(v, c->v, c->n * sizeof(*v));
		c->v = v;
		c->cap = c->cap * 2 + 2;
	}
	c->v[c->n++] = it;
}

void
chain_drop(struct chain *c, int i)
{
	memmove(c->v + i, c->v + i + 1, (c->n - i - 1) * sizeof(*c->v));
	c->n--;
}

/* Few, and nearly in order: by insertion. */
void
chain_sort(struct chain *c)
{
	struct entry_item *x;
	int i, k;

	for (i = 1; i < c->n; i++) {
		x = c->v[i];
		for (k = i; k > 0; k--) {
			const struct event *e = &c->v[k - 1]->it.e;
			if (e->creation < x->it.e.creation ||
			    (e->creation == x->it.e.creation &&
			    e->snapshot >= x->it.e.snapshot))
				break;
			c->v[k] = c->v[k - 1];
		}
		c->v[k] = x;
	}
}

/* What is parked of a document joins its chain. */
static void
chain_load(struct apply *a, struct chain *c)
{
	struct entry_item *it;
	struct parked p;
	struct query *q;
	yyjson_doc *doc;

	q = parked_of(a->s, a->park, c->key);
	while (parked_next(q, &p) == 1) {
		it = arena_alloc(&a->page, sizeof(*it));
		memset(it, 0, sizeof(*it));
		doc = json_parse_own(&a->page, arena_dup(&a->page, p.line,
		    p.len), p.len);
		if (event_read(&a->page, yyjson_doc_get_root(doc), &it->it.e)
		    != NULL)
			continue;
		admit_as_here(a, &it->it.e);
		it->it.parked = p.id;
		it->it.log = p.log;
		it->own = passed_here(a, &it->it.e);
		c->old = arena_dup(&a->page, p.why, strlen(p.why));
		chain_add(a, c, it);
	}
}

struct chain *
chain_get(struct apply *a, const char *key)
{
	struct chain *c = map_get(&a->bykey, key, strlen(key));

	if (c != NULL)
		return c;
	c = arena_alloc(&a->page, sizeof(*c));
	memset(c, 0, sizeof(*c));
	c->key = arena_dup(&a->page, key, strlen(key));
	map_set(&a->bykey, c->key, strlen(c->key), c);
	if (a->nchains == a->capchains) {
		a->capchains = a->capchains == 0 ? 1024 : a->capchains * 2;
		a->chains = xrealloc(a->chains,
		    a->capchains * sizeof(*a->chains));
	}
	a->chains[a->nchains++] = c;
	if (map_get(&a->stuck, key, strlen(key)) != NULL)
		chain_load(a, c);
	return c;
}

/* Remembers, for this run, that a key is parked and what it waits for. */
static void
remember(struct apply *a, const char *key, const char *want)
{
	struct waiting *w;
	const char *end;
	char *birth;

	if (map_get(&a->stuck, key, strlen(key)) == NULL) {
		key = arena_dup(&a->run, key, strlen(key));
		map_set(&a->stuck, key, strlen(key), (void *)key);
	} else
		key = map_get(&a->stuck, key, strlen(key));
	for (; want != NULL; want = *end == '\0' ? NULL : end) {
		want += strspn(want, " ");
		end = want + strcspn(want, " ");
		if (end == want)
			break;
		birth = arena_dup(&a->run, want, end - want);
		w = arena_alloc(&a->run, sizeof(*w));
		w->key = key;
		w->next = map_get(&a->wanted, birth, end - want);
		map_set(&a->wanted, birth, end - want, w);
	}
}

void
chain_wake(struct apply *a, const char *birth)
{
	struct waiting *w;

	if (birth == NULL || a->wanted.n == 0)
		return;
	for (w = map_get(&a->wanted, birth, strlen(birth)); w != NULL;
	    w = w->next)
		chain_get(a, w->key);
}

/* ---- what is parked */

void
chain_load_stuck(struct apply *a)
{
	const char *key, *want;
	struct query *q;
	struct slot_list { const char *key; struct slot_list *next; }
	    *list = NULL, **tail = &list, *l;

	q = parked_keys(a->s, a->park);
	while (parked_next_key(q, &key, &want) == 1) {
		remember(a, key, want);
		l = arena_alloc(&a->page, sizeof(*l));
		l->key = arena_dup(&a->page, key, strlen(key));
		l->next = NULL;
		*tail = l;
		tail = &l->next;
	}
	for (l = list; l != NULL; l = l->next)
		chain_get(a, l->key);
	a->started = true;
}

bool
chain_wake_blocked(struct apply *a)
{
	const char *key;
	struct query *q;
	size_t was = a->nchains, i, n = 0;
	char **keys = NULL;

	if (a->stuck.n == 0)
		return false;
	q = parked_blocked(a->s, a->park);
	while (parked_next_key(q, &key, NULL) == 1) {
		keys = xrealloc(keys, (n + 1) * sizeof(*keys));
		keys[n++] = arena_dup(&a->page, key, strlen(key));
	}
	for (i = 0; i < n; i++)
		chain_get(a, keys[i]);
	free(keys);
	return a->nchains > was;
}

bool
chain_load_wanted(struct apply *a)
{
	size_t was = a->nchains, i, k;
	const struct want *w;
	const char *key;

	if (a->stuck.n == 0)
		return false;
	for (i = 0; i < was; i++)
		for (k = 0; k < a->chains[i]->nwants; k++) {
			w = a->chains[i]->wants[k];
			key = chain_wanted_key(a, w);
			if (map_get(&a->stuck, key, strlen(key)) != NULL)
				chain_get(a, key);
		}
	return a->nchains > was;
}

void
chain_park_rest(struct apply *a)
{
	struct chain *c;
	size_t i;
	int k;

	for (i = 0; i < a->nchains; i++) {
		c = a->chains[i];
		if (c->n == 0)
			continue;
		for (k = 0; k < c->n; k++)
			outcome_park(a, c, c->v[k]);
		remember(a, c->key, c->want);
	}
}
