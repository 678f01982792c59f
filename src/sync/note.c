/* note.c - what is known of a document after its events were written */

#include <string.h>

#include "sync/merge.h"

static void
note_births(struct plan *p, const struct event *e, int64_t *sync)
{
	struct merge *g = p->g;
	struct birth *b, new;
	size_t i, k, n;

	/* Stock has no births: it is found by what it is called there. */
	if (e->birth == NULL && p->adopt)
		p->d->home = g->p->peer;
	if (e->birth == NULL || (!p->adopt && e->nalso == 0))
		return;
	b = origin_births(g->s, g->a, p->d->id, &n);
	for (i = 0; i <= e->nalso; i++) {
		new.site = i == 0 ? e->birth_site : e->also[i - 1].site;
		new.id = i == 0 ? e->birth : e->also[i - 1].at.name;
		for (k = 0; k < n; k++)
			if (strcmp(b[k].id, new.id) == 0)
				break;
		if (k < n)
			continue;
		origin_add(g->s, p->d->id, &new);
		*sync = g->s->newest;
	}
	b = origin_births(g->s, g->a, p->d->id, &n);
	if (*sync != 0 && strcmp(b[0].site, g->s->id) != 0 && !g->back)
		p->d->home = g->p->peer;
}

/* Who brings it, and what it is called there. */
static void
note_route(struct plan *p, const struct event *e, const struct doc *was)
{
	struct merge *g = p->g;
	struct birth *b;
	size_t n;
	int i;

	if (p->d->home != 0 && p->row != NULL && p->row->approved &&
	    (p->d->dependency || p->d->home != g->p->peer) &&
	    !merge_has_base(g, e)) {
		b = origin_births(g->s, g->a, p->d->id, &n);
		if (n > 0 && strcmp(b[0].site, g->s->id) != 0) {
			p->d->home = g->p->peer;
			p->d->dependency = false;
		}
	}
	if (p->d->home == g->p->peer && p->name != NULL) {
		p->d->remote = strcmp(p->name, p->d->name) == 0 ? NULL : p->name;
		for (i = 0; i < p->n; i++) {
			e = &p->parts[i].it->e;
			if (e->type == U_RENAME && e->renamed == 0 &&
			    e->creation > p->d->renamed)
				p->d->renamed = e->creation;
			else if (e->renamed > p->d->renamed)
				p->d->renamed = e->renamed;
		}
	}
	if (was->id == 0 ? p->d->renamed != p->parts[0].it->e.renamed :
	    p->d->home != was->home || p->d->dependency != was->dependency ||
	    p->d->renamed != was->renamed || (p->d->remote == NULL) !=
	    (was->remote == NULL) || (p->d->remote != NULL &&
	    strcmp(p->d->remote, was->remote) != 0))
		doc_save_route(g->s, p->d);
}

static void
note_seen(struct plan *p, bool fresh, int64_t sync)
{
	struct merge *g = p->g;
	struct event *e;
	struct seen v = { .peer = g->p->peer };
	int i;

	if (!fresh)
		v = *merge_seen(g, p->d->id);
	if (sync != 0)
		v.sync = sync;
	for (i = 0; i < p->n; i++) {
		e = &p->parts[i].it->e;
		if (e->type == U_RENAME)
			continue;
		if (v.event == NULL || e->birth == NULL ||
		    strcmp(v.event, e->name) < 0)
			v.event = e->name;
		v.last = v.sent = e->snapshot ? e->prev : e->name;
		if (e->snapshot)
			v.upto = e->creation;
		if (e->via.n > 1)
			seen_note(g->s, p->d->id, &e->via, g->p->peer);
		if (e->type == U_CREATE && e->seen.n > 0)
			seen_note(g->s, p->d->id, &e->seen, g->p->peer);
	}
	merge_save_seen(g, p->d->id, &v);
}

/* Who lost all that he wrote is an author of the document as well. */
static void
note_authors(struct plan *p)
{
	struct site *s = p->g->s;
	struct event *e;
	int i;

	for (i = 0; i < p->n && p->d->author != -1; i++) {
		e = &p->parts[i].it->e;
		if (e->type != U_RENAME && e->author != NULL &&
		    p->d->author != site_peer(s, e->author))
			doc_save_shared(s, p->d);
	}
}

void
note_plan(struct plan *p, const struct doc *was)
{
	const struct event *first = &p->parts[0].it->e;
	int64_t sync = 0;

	note_births(p, first, &sync);
	note_route(p, first, was);
	note_seen(p, was->id == 0, sync);
	note_authors(p);
}
