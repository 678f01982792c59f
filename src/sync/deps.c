/* deps.c - lines, each preceded by what it needs and its reader has not */

#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

enum { HELD_LINES = 1000, HELD_BYTES = 8 << 20, KNOWN = 50000 };

/* What is known of a birth, as a value of a map. */
static char here, absent;

enum state { WANTED, ASKED, BROUGHT, ABSENT };

struct node {				/* a document that is needed */
	struct birth	 b;
	enum state	 state;
	bool		 written;
	size_t		 brings;	/* the line held that brings it, too; or -1 */
	const char	*line;		/* the snapshot */
	size_t		 len;
	struct node	**needs;
	size_t		 nneeds;
};

struct held {				/* a line that waits */
	const char	*line;		/* NULL: only what is needed is written */
	size_t		 len;
	const char	*name;		/* of the event */
	struct node	**needs;
	size_t		 nneeds;
	const struct node *self;	/* of those, its own document; or NULL */
};

struct generation {
	struct map	 known;
	struct arena	 keys;
};

struct deps {
	struct deps_source from;
	struct deps_counts counts;
	struct generation births[2];	/* memory is bounded: of two */
	struct generation *young, *old;
	/* until the next flush: */
	struct arena	 page, one;	/* one: of a line that is changed */
	struct map	 nodes;
	struct held	*held;
	size_t		 nheld, capheld, bytes;
	struct node	**todo;		/* wanted */
	size_t		 ntodo, captodo;
	struct node	**needs;	/* of the line at hand */
	size_t		 nneeds, capneeds;
};

struct deps *
deps_open(const struct deps_source *from)
{
	struct deps *d = xcalloc(1, sizeof(*d));

	d->from = *from;
	arena_init(&d->page);
	arena_init(&d->one);
	d->young = &d->births[0];
	d->old = &d->births[1];
	arena_init(&d->young->keys);
	arena_init(&d->old->keys);
	return d;
}

void
deps_close(struct deps *d)
{
	int i;

	if (d == NULL)
		return;
	for (i = 0; i < 2; i++) {
		map_free(&d->births[i].known);
		arena_free(&d->births[i].keys);
	}
	arena_free(&d->page);
	arena_free(&d->one);
	map_free(&d->nodes);
	free(d->held);
	free(d->todo);
	free(d->needs);
	free(d);
}

const struct deps_counts *
deps_counted(const struct deps *d)
{
	return &d->counts;
}

/* ---- what is known */

static void
clear(struct generation *g)
{
	map_clear(&g->known);
	arena_reset(&g->keys);
}

static void
learn(struct deps *d, const char *birth, size_t len, char *what)
{
	struct generation *old = d->old;

	if (d->young->known.n >= KNOWN) {
		clear(old);
		d->old = d->young;
		d->young = old;
	}
	if (map_get(&d->young->known, birth, len) == NULL)
		birth = arena_dup(&d->young->keys, birth, len);
	map_set(&d->young->known, birth, len, what);
}

static char *
recall(struct deps *d, const char *birth, size_t len)
{
	char *what = map_get(&d->young->known, birth, len);

	if (what != NULL)
		return what;
	what = map_get(&d->old->known, birth, len);
	if (what != NULL)
		learn(d, birth, len, what);
	return what;
}

void
deps_here(struct deps *d, const char *birth)
{
	learn(d, birth, strlen(birth), &here);
}

void
deps_forget(struct deps *d)
{
	clear(d->young);
	clear(d->old);
}

/* ---- what a line needs */

static void
push(struct node ***v, size_t *n, size_t *cap, struct node *node)
{
	if (*n == *cap) {
		*cap = *cap * 2 + 64;
		*v = xrealloc(*v, *cap * sizeof(**v));
	}
	(*v)[(*n)++] = node;
}

static struct node *
node_new(struct deps *d, const char *site, const char *birth, enum state state)
{
	struct node *node = arena_alloc(&d->page, sizeof(*node));

	*node = (struct node){ .state = state, .brings = SIZE_MAX };
	node->b.site = arena_dup(&d->page, site, strlen(site));
	node->b.id = arena_dup(&d->page, birth, strlen(birth));
	map_set(&d->nodes, node->b.id, strlen(birth), node);
	if (state == WANTED) {
		push(&d->todo, &d->ntodo, &d->captodo, node);
		d->counts.needed++;
	}
	return node;
}

static struct node *
node_of(struct deps *d, const char *birth, size_t len)
{
	return d->nodes.n == 0 ? NULL : map_get(&d->nodes, birth, len);
}

bool
deps_is_coming(struct deps *d, const char *birth)
{
	size_t len = strlen(birth);
	const struct node *node = node_of(d, birth, len);

	return node != NULL ? node->state != ABSENT :
	    recall(d, birth, len) == &here;
}

/* Notes it as needed by the line at hand, unless the reader has it. */
static const struct node *
look(struct deps *d, const char *site, const char *birth)
{
	size_t len = strlen(birth);
	struct node *node = node_of(d, birth, len);
	char *what;

	if (node == NULL) {
		if ((what = recall(d, birth, len)) == &here)
			return NULL;
		if (what == NULL && d->from.has(d->from.arg, site, birth)) {
			learn(d, birth, len, &here);
			return NULL;
		}
		node = node_new(d, site, birth, what == NULL ? WANTED : ABSENT);
	}
	push(&d->needs, &d->nneeds, &d->capneeds, node);
	return node;
}

static void
look_links(struct deps *d, const struct event *e)
{
	yyjson_val *type, *of, *name, *birth;
	const char *site, *id;
	size_t i, k, n, m;

	if (e->data == NULL || !yyjson_is_obj(e->links))
		return;
	yyjson_obj_foreach(e->links, i, n, type, of) {
		if (!meta_streamed(yyjson_get_str(type)) || !yyjson_is_obj(of))
			continue;
		yyjson_obj_foreach(of, k, m, name, birth) {
			site = yyjson_get_str(yyjson_arr_get(birth, 0));
			id = yyjson_get_str(yyjson_arr_get(birth, 1));
			if (site != NULL && id != NULL && *id != '\0')
				look(d, site, id);
		}
	}
}

/* An Update of what the reader never had whole. */
static const struct node *
look_self(struct deps *d, const struct event *e)
{
	size_t i;

	if (e->type != U_UPDATE || e->prev == NULL || e->birth == NULL)
		return NULL;
	for (i = 0; i < e->nalso; i++)
		if (d->from.has(d->from.arg, e->also[i].site,
		    e->also[i].at.name))
			return NULL;
	return look(d, e->birth_site, e->birth);
}

/* Does its reader have the document whole, once it has this line? */
static bool
brings(const struct event *e)
{
	return e->birth != NULL && (e->type == U_CREATE ||
	    (e->type == U_UPDATE && e->has_prev && e->prev == NULL));
}

static struct node **
needs_kept(struct deps *d)
{
	struct node **v = NULL;

	if (d->nneeds > 0) {
		v = arena_alloc(&d->page, d->nneeds * sizeof(*v));
		memcpy(v, d->needs, d->nneeds * sizeof(*v));
	}
	return v;
}

/* ---- lines */

static void
write_line(struct deps *d, const char *line, size_t len)
{
	fwrite(line, 1, len, d->from.out);
	putc('\n', d->from.out);
}

/* With what was found to be needed. */
static struct held *
hold(struct deps *d, const char *line, size_t len, const char *name)
{
	struct held *h;

	if (d->nheld == d->capheld) {
		d->capheld = d->capheld * 2 + 64;
		d->held = xrealloc(d->held, d->capheld * sizeof(*d->held));
	}
	h = &d->held[d->nheld++];
	*h = (struct held){ .len = len, .nneeds = d->nneeds,
	    .needs = needs_kept(d) };
	if (line != NULL)
		h->line = arena_dup(&d->page, line, len);
	if (name != NULL)
		h->name = arena_dup(&d->page, name, strlen(name));
	d->bytes += len;
	return h;
}

void
deps_pass(struct deps *d, const char *line, size_t len)
{
	d->nneeds = 0;
	if (d->nheld == 0)
		write_line(d, line, len);
	else
		hold(d, line, len, NULL);
}

void
deps_need(struct deps *d, const struct event *e)
{
	d->nneeds = 0;
	look_self(d, e);
	look_links(d, e);
	if (d->nneeds > 0)
		hold(d, NULL, 0, e->name);
}

void
deps_event(struct deps *d, const char *line, size_t len, const struct event *e)
{
	const struct node *self;
	struct node *node;

	d->nneeds = 0;
	self = look_self(d, e);
	if (brings(e)) {
		if ((node = node_of(d, e->birth, strlen(e->birth))) != NULL &&
		    node->brings == SIZE_MAX)
			node->brings = d->nheld;
		deps_here(d, e->birth);
	}
	look_links(d, e);
	if (d->nheld == 0 && d->nneeds == 0 &&
	    (!d->from.mark || yyjson_obj_get(e->line, "missing") == NULL))
		write_line(d, line, len);
	else
		hold(d, line, len, e->name)->self = self;
}

void
deps_bring(struct deps *d, const char *line, size_t len, const struct event *e)
{
	struct node *node;

	if (e->birth == NULL || e->type != U_CREATE || !e->snapshot ||
	    (node = node_of(d, e->birth, strlen(e->birth))) == NULL ||
	    node->state != ASKED || strcmp(e->birth_site, node->b.site) != 0)
		return;
	node->state = BROUGHT;
	node->line = arena_dup(&d->page, line, len);
	node->len = len;
	d->counts.brought++;
	deps_here(d, e->birth);
	d->nneeds = 0;
	look_links(d, e);
	node->needs = needs_kept(d);
	node->nneeds = d->nneeds;
}

bool
deps_full(const struct deps *d)
{
	return d->nheld >= HELD_LINES || d->bytes >= HELD_BYTES;
}

/* ---- what is needed is got */

static void
settle(struct deps *d, struct node *node, bool answered)
{
	size_t len = strlen(node->b.id);

	if (node->state != ASKED)
		return;
	node->state = answered ? ABSENT : WANTED;
	if (answered && recall(d, node->b.id, len) == NULL)
		learn(d, node->b.id, len, &absent);
}

/* One level after another. */
static void
get(struct deps *d)
{
	struct node **level;
	struct birth *v;
	size_t i, n;
	bool good = true;

	while (good && (n = d->ntodo) > 0) {
		level = arena_alloc(&d->page, n * sizeof(*level));
		v = arena_alloc(&d->page, n * sizeof(*v));
		for (i = 0; i < n; i++) {
			level[i] = d->todo[i];
			level[i]->state = ASKED;
			v[i] = level[i]->b;
		}
		d->ntodo = 0;
		good = d->from.fetch(d->from.arg, v, n);
		for (i = 0; i < n; i++)
			settle(d, level[i], good);
	}
	d->ntodo = 0;
}

/* ---- and written */

/* The births that nobody gives of what a line needs, or NULL. */
static yyjson_mut_val *
missing(struct deps *d, yyjson_mut_doc *m, struct node **needs, size_t n,
    const struct node *but, size_t at)
{
	yyjson_mut_val *list = NULL;
	size_t i;

	for (i = 0; i < n && d->from.mark; i++)
		if (needs[i] != but && needs[i]->state == ABSENT &&
		    needs[i]->brings > at) {
			if (list == NULL)
				list = yyjson_mut_arr(m);
			yyjson_mut_arr_add_str(m, list, needs[i]->b.id);
		}
	return list;
}

/* A line with our marks; name NULL: it is no dependency. */
static void
write_marked(struct deps *d, const char *line, size_t len, const char *name,
    yyjson_mut_doc *m, yyjson_mut_val *births)
{
	yyjson_mut_val *o = yyjson_val_mut_copy(m, yyjson_doc_get_root(
	    json_parse_own(&d->one, line, len)));

	if (name != NULL)
		json_put(m, o, "dependency_of", yyjson_mut_str(m, name));
	yyjson_mut_obj_remove_key(o, "missing");
	if (births != NULL)
		yyjson_mut_obj_add_val(m, o, "missing", births);
	line = json_mut_text(&d->one, o, &len);
	write_line(d, line, len);
}

static void
write_snapshot(struct deps *d, const struct node *node, const char *name,
    size_t at)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&d->one.alc);

	write_marked(d, node->line, node->len, name, m, missing(d, m,
	    node->needs, node->nneeds, NULL, at));
	arena_reset(&d->one);
}

struct step {				/* a document, and how many of its needs are done */
	struct node	*node;
	size_t		 done;
};

/* It, after all that it needs: circles are begun anywhere.  Without recursion,
 * as there is no end to how deep it goes. */
static void
write_needed(struct deps *d, struct node *top, const char *name, size_t at)
{
	struct step *stack = NULL, *s;
	struct node *next = top;
	size_t n = 0, cap = 0;

	for (;;) {
		if (next->state == BROUGHT && !next->written) {
			next->written = true;
			if (n == cap)
				stack = xrealloc(stack, (cap = cap * 2 + 16) *
				    sizeof(*stack));
			stack[n++] = (struct step){ next, 0 };
		}
		if (n == 0)
			break;
		s = &stack[n - 1];
		if (s->done < s->node->nneeds)
			next = s->node->needs[s->done++];
		else {
			next = s->node;
			write_snapshot(d, next, name, at);
			n--;
		}
	}
	free(stack);
}

static void
write_held(struct deps *d, const struct held *h, size_t at)
{
	yyjson_mut_doc *m;
	yyjson_mut_val *births;
	size_t i;

	for (i = 0; i < h->nneeds; i++)
		write_needed(d, h->needs[i], h->name, at);
	if (h->line == NULL)
		return;
	m = yyjson_mut_doc_new(&d->one.alc);
	births = missing(d, m, h->needs, h->nneeds, h->self, at);
	/* A mark that was there is out of date. */
	if (births != NULL || (d->from.mark && h->name != NULL &&
	    memmem(h->line, h->len, "\"missing\"", 9) != NULL))
		write_marked(d, h->line, h->len, NULL, m, births);
	else
		write_line(d, h->line, h->len);
	arena_reset(&d->one);
}

void
deps_flush(struct deps *d)
{
	size_t i;

	if (d->nheld == 0)
		return;
	get(d);
	for (i = 0; i < d->nheld; i++)
		write_held(d, &d->held[i], i);
	d->nheld = d->bytes = 0;
	map_clear(&d->nodes);
	arena_reset(&d->page);
}
