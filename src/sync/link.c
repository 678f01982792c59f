/* link.c - links, from what they are called there to what they are called here
 * (DESIGN 7.5) */

#include <stdlib.h>
#include <string.h>

#include "sync/merge.h"

struct translation {
	struct plan	*p;
	const struct event *e;
};

static char *
mark(struct merge *g, const struct want *w)
{
	if (g->nwaits == g->capwaits) {
		g->capwaits = g->capwaits == 0 ? 64 : g->capwaits * 2;
		g->waits = xrealloc(g->waits, g->capwaits * sizeof(*g->waits));
	}
	/* They are pointed to: this array may move. */
	g->waits[g->nwaits] = arena_alloc(g->page, sizeof(*w));
	*g->waits[g->nwaits] = *w;
	return arena_printf(g->a, "%s%zu", g->token, g->nwaits++);
}

/* The want that a marked value stands for, or NULL. */
static struct want *
marked(struct merge *g, yyjson_mut_val *v)
{
	const char *s = yyjson_mut_get_str(v);
	size_t n = strlen(g->token);

	if (s == NULL || strncmp(s, g->token, n) != 0)
		return NULL;
	return g->waits[strtoul(s + n, NULL, 10)];
}

static const char *
name_of(struct merge *g, int64_t id, const char *birth)
{
	const char *name;
	struct doc d;

	if ((name = map_get(&g->local, birth, strlen(birth))) != NULL)
		return name;
	if (!doc_load(g->s, g->page, id, false, &d))
		return NULL;
	map_set(&g->local, arena_dup(g->page, birth, strlen(birth)), strlen(birth),
	    (void *)d.name);
	return d.name;
}

/* The local name of the document of that birth, or NULL. */
static const char *
born(struct merge *g, const struct want *w)
{
	const char *name = map_get(&g->local, w->birth, strlen(w->birth));
	int64_t id;
	bool gone;

	if (name != NULL)
		return name;
	id = origin_find(g->s, w->site, w->birth, &gone);
	return id == 0 || gone ? NULL : name_of(g, id, w->birth);
}

/* Of the one that the producer calls so, else of one of that name. */
static const char *
called(struct merge *g, const struct want *w)
{
	int64_t id = doc_number_remote(g->s, w->doctype, g->p->peer, w->name);
	struct doc d;

	if (id != 0 && doc_load(g->s, g->a, id, false, &d))
		return d.name;
	return doc_number(g->s, w->doctype, w->name) != 0 ? w->name : NULL;
}

/* The local name of a link's target, or NULL.  One that a mapping gave is one of
 * here. */
static const char *
target(struct merge *g, const struct event *e, struct want *w)
{
	yyjson_val *b = yyjson_obj_get(yyjson_obj_get(e->links, w->doctype),
	    w->name);

	w->site = yyjson_get_str(yyjson_arr_get(b, 0));
	w->birth = yyjson_get_str(yyjson_arr_get(b, 1));
	if (w->site != NULL && w->birth != NULL)
		return born(g, w);
	if (b != NULL && yyjson_is_null(b) && event_is_mapped(e))
		return doc_number(g->s, w->doctype, w->name) != 0 ? w->name :
		    NULL;
	w->site = w->birth = NULL;
	/* Where births are told it was dangling over there. */
	return e->birth != NULL ? NULL : called(g, w);
}

/* May a target that is not here come together with this event? */
static void
find_company(struct merge *g, const struct event *e, struct want *w)
{
	const char *key;

	if ((w->birth == NULL) != (e->birth == NULL))
		return;
	w->self = w->birth != NULL ? strcmp(w->birth, e->birth) == 0 :
	    strcmp(w->doctype, e->doctype) == 0 &&
	    strcmp(w->name, e->docname) == 0;
	w->together = w->self;
	if (w->self || g->group == NULL)
		return;
	key = merge_key(g->a, w->site, w->birth, w->doctype, w->name);
	w->together = map_get(g->group, key, strlen(key)) != NULL;
}

static void
translate(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct translation *t = arg;
	struct merge *g = t->p->g;
	struct want w = { .doctype = doctype,
	    .name = yyjson_mut_get_str(value) };
	const char *name;

	if (!meta_streamed(doctype))
		return;
	if ((name = target(g, t->e, &w)) == NULL) {
		find_company(g, t->e, &w);
		name = mark(g, &w);
		t->p->waits = true;
	} else if (strcmp(name, w.name) == 0)
		return;
	json_put(t->p->m, obj, f->name, json_new_str(t->p->m, name));
}

void
link_translate(struct plan *p, const struct event *e, yyjson_mut_val *doc)
{
	struct translation t = { p, e };

	doc_links(p->meta, doc, translate, &t);
}

void
link_translate_diff(struct plan *p, const struct event *e,
    yyjson_mut_val *diff)
{
	struct translation t = { p, e };

	diff_links(p->meta, diff, p->body, translate, &t);
}

/* ---- marks: who waits for them, and what they become */

static void
find_wants(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct merge *g = arg;
	struct want *w = marked(g, value);

	(void)obj;
	(void)f;
	(void)doctype;
	if (w == NULL || w->together)
		return;
	g->wants = xrealloc(g->wants, (g->nwants + 1) * sizeof(*g->wants));
	g->wants[g->nwants++] = w;
}

void
link_wants(struct plan *p)
{
	if (p->waits)
		doc_links(p->meta, p->body, find_wants, p->g);
}

struct settling {
	struct plan	*p;
	bool		 others;
};

static void
settle_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct settling *s = arg;
	struct want *w = marked(s->p->g, value);

	(void)doctype;
	if (w == NULL)
		return;
	if (w->self)
		json_put(s->p->m, obj, f->name,
		    json_new_str(s->p->m, s->p->d->name));
	else {
		s->others = true;
		json_put(s->p->m, obj, f->name, yyjson_mut_null(s->p->m));
	}
}

void
link_settle(struct plan *p, yyjson_mut_val **body, struct item *it, bool last)
{
	struct settling s = { p, false };
	yyjson_mut_val *marked_body;
	struct later *l;

	if (!p->waits)
		return;
	marked_body = *body;
	*body = yyjson_mut_val_mut_copy(p->m, marked_body);
	doc_links(p->meta, *body, settle_link, &s);
	if (!s.others || !last)
		return;
	l = arena_alloc(p->g->a, sizeof(*l));
	*l = (struct later){ .m = p->m, .body = marked_body, .item = it,
	    .next = p->g->later };
	p->g->later = l;
}

void
link_settle_diff(struct plan *p, yyjson_mut_val *diff)
{
	struct settling s = { p, false };

	if (p->waits)
		diff_links(p->meta, diff, p->body, settle_link, &s);
}

/* Where a mark becomes the name of a document that was written meanwhile. */
struct naming {
	struct merge	*g;
	yyjson_mut_doc	*m;
};

static void
name_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct naming *n = arg;
	struct want *w = marked(n->g, value);
	const char *name;

	(void)doctype;
	if (w == NULL)
		return;
	name = w->birth != NULL ? born(n->g, w) : called(n->g, w);
	json_put(n->m, obj, f->name, json_new_str(n->m, name));
}

void
link_name(struct merge *g, const struct meta *m, struct later *l)
{
	struct naming n = { g, l->m };

	doc_links(m, l->body, name_link, &n);
}
