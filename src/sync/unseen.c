/* unseen.c - what was written here that the author of an event had not seen
 * (DESIGN 7) */

#include <stdlib.h>
#include <string.h>

#include "sync/merge.h"

void
unseen_free(struct unseen *u)
{
	places_free(&u->at);
	free(u->entry);
}

/* Entries come newest first; 0 for what is in none. */
static void
unseen_add(struct unseen *u, const struct places *at, int64_t entry)
{
	size_t i, k, had;
	bool known;

	for (i = 0; i < at->n; i++) {
		known = false;
		had = u->at.n;
		for (k = 0; k < had; k++) {
			if (!place_overlap(&u->at.v[k], &at->v[i]))
				continue;
			if (entry != 0)
				u->entry[k] = entry;
			known |= place_same(&u->at.v[k], &at->v[i]);
		}
		if (known)
			continue;
		places_add(&u->at, &at->v[i]);
		u->entry = xrealloc(u->entry, u->at.n * sizeof(*u->entry));
		u->entry[had] = entry;
	}
	u->any = u->at.n > 0;
}

/* ---- by others, here */

/* Was it given back by one who had had less of ours than the one who gives back
 * now? */
static bool
given_less(struct merge *g, const struct event *e,
    const struct origin_marks *marks)
{
	const char *had = marks_find(&marks->knew, g->s->id);
	const char *knew = marks_find(&e->knew, g->s->id);

	return g->back && had != NULL && knew != NULL &&
	    strcmp(had, knew) <= 0 && !journal_knows(g->s, had);
}

/* Does the author of e know this journal entry? */
static bool
known(struct merge *g, const struct event *e, const struct entry *j,
    const struct origin_marks *marks)
{
	const char *by = marks->author == NULL ? g->s->id : marks->author;
	const char *there, *knew;

	if ((strcmp(by, e->author) == 0 && strcmp(by, g->s->id) != 0) ||
	    given_less(g, e, marks))
		return true;
	there = strcmp(by, g->s->id) == 0 ? j->name : marks_find(&marks->via, by);
	knew = marks_find(&e->knew, by);
	if (knew == NULL && strcmp(by, g->s->id) == 0)
		knew = e->base;
	if (there == NULL || knew == NULL)
		return false;
	/* What was seen in the time that a restore lost was given back by its
	 * end. */
	return strcmp(there, knew) <= 0 || (strcmp(by, g->s->id) == 0 &&
	    j->creation <= restored_at(g->s) && !journal_knows(g->s, knew));
}

static void
mine_since(struct plan *p, const struct event *e, struct unseen *u)
{
	struct merge *g = p->g;
	const char *knew = marks_find(&e->knew, g->s->id);
	struct origin_marks marks;
	struct places at;
	struct seen seen;
	struct entry j;
	int64_t pos, since = 0;

	/* Stock does not say what it had seen: its events count as told. */
	if (e->birth == NULL || p->d->id == 0)
		return;
	if (p->d->author > 0 && strcmp(site_peer_identity(g->s, p->d->author),
	    e->author) == 0)
		return;
	if (knew == NULL)
		knew = e->base;
	if (p->d->author == 0 && knew != NULL && id_time(knew, &since) &&
	    p->d->last <= since)
		return;
	seen = *merge_seen(g, p->d->id);
	for (pos = p->d->last; pos > seen.sync; pos = j.before) {
		if (!journal_get(g->s, g->a, pos, &j))
			break;
		if (j.type != U_UPDATE)
			continue;
		journal_marks(g->a, j.marks, &marks);
		if (known(g, e, &j, &marks))
			continue;
		at = (struct places){ 0 };
		places_of(&at, p->meta, yyjson_val_mut_copy(p->m,
		    entry_pruned(&j) ? marks.touched :
		    yyjson_doc_get_root(json_parse_own(g->a, j.data,
		    j.datalen))));
		unseen_add(u, &at, j.creation);
		places_free(&at);
	}
}

/* ---- what came before comes again */

/* Was an event of this name before e at the producer, or e itself? */
static bool
not_after(struct plan *p, const char *there, const struct event *e)
{
	struct merge *g = p->g;
	int64_t t;

	if (id_time(there, &t) && id_time(e->name, &t))
		return strcmp(there, e->name) <= 0;
	t = sync_place(g->s, g->p->peer, there);
	return t != 0 && t <= sync_place(g->s, g->p->peer, e->name);
}

/* Where a journal entry writes. */
static void
entry_places(struct plan *p, const struct entry *j,
    const struct origin_marks *marks, struct places *at)
{
	yyjson_mut_val *data;

	if (!entry_pruned(j))
		data = yyjson_val_mut_copy(p->m, yyjson_doc_get_root(
		    json_parse_own(p->g->a, j->data, j->datalen)));
	else if (j->type == U_UPDATE)
		data = yyjson_val_mut_copy(p->m, marks->touched);
	else
		data = p->body;
	if (j->type == U_CREATE)
		data = diff_make(p->m, p->meta, yyjson_mut_obj(p->m), data);
	if (data != NULL)
		places_of(at, p->meta, data);
}

/* What was written after an event was applied first, but not by what came before
 * it at its producer: by whomever, or with force there only. */
static void
written_since(struct plan *p, const struct event *e, struct unseen *u)
{
	struct merge *g = p->g;
	struct origin_marks marks;
	struct places at;
	struct entry j;
	const char *there;
	int64_t pos;
	bool later;

	for (pos = p->d->last; pos > p->first->journal; pos = j.before) {
		if (!journal_get(g->s, g->a, pos, &j))
			break;
		journal_marks(g->a, j.marks, &marks);
		there = marks_find(&marks.via, e->site);
		later = there != NULL ? !not_after(p, there, e) :
		    e->resync != RESYNC_FORCE && (p->first->journal != 0 ||
		    j.creation >= p->first->time);
		if (!later || (j.type != U_CREATE && j.type != U_UPDATE))
			continue;
		at = (struct places){ 0 };
		entry_places(p, &j, &marks, &at);
		unseen_add(u, &at, j.creation);
		places_free(&at);
	}
}

/* A document as an event makes it: t as it is planned, or its data as it came. */
static yyjson_mut_val *
made(struct plan *p, const struct part *t, yyjson_mut_val *data)
{
	yyjson_mut_val *body;

	if (t->whole != NULL)
		return data;
	body = yyjson_mut_val_mut_copy(p->m, p->body);
	diff_apply(p->m, p->meta, body, data);
	return body;
}

/* What it says as it said it then was done then, or has lost. */
static void
said_before(struct plan *p, const struct part *t, struct unseen *u)
{
	struct places all = { 0 }, same = { 0 };
	const struct sync *l = p->first;
	yyjson_mut_val *then = NULL, *now = t->whole != NULL ? t->whole : t->chg;
	struct entry j;
	size_t i;

	if (l->data != NULL) {		/* in the names of the producer */
		then = yyjson_val_mut_copy(p->m, yyjson_doc_get_root(
		    json_parse_own(p->g->a, arena_dup(p->g->a, l->data,
		    l->datalen), l->datalen)));
		now = yyjson_val_mut_copy(p->m, t->it->e.data);
	} else if (l->journal != 0 &&
	    journal_get(p->g->s, p->g->a, l->journal, &j) && j.data != NULL)
		then = past_data(p, &j, p->body);
	if (then == NULL)
		return;
	then = made(p, t, then);
	now = made(p, t, now);
	places_of(&all, p->meta, t->chg);
	for (i = 0; i < all.n; i++)
		if (place_equal(p->meta, &all.v[i], then, now))
			places_add(&same, &all.v[i]);
	unseen_add(u, &same, 0);
	places_free(&all);
	places_free(&same);
}

/* ---- within a run */

/* Two authors within one run: what the later had not seen of the earlier. */
static void
earlier_unseen(struct plan *p, const struct event *e, struct unseen *u)
{
	const struct event *f;
	const char *there, *knew;
	int i;

	for (i = 0; p->mixed && i < p->n; i++) {
		f = &p->parts[i].it->e;
		if (f->author == NULL || e->author == NULL ||
		    strcmp(f->author, e->author) == 0)
			continue;
		there = marks_find(&f->via, f->author);
		knew = marks_find(&e->knew, f->author);
		if (there != NULL && (knew == NULL || strcmp(there, knew) > 0))
			unseen_add(u, &p->parts[i].keep, 0);
	}
}

void
unseen_find(struct plan *p, const struct part *t, struct unseen *u)
{
	const struct event *e = &t->it->e;

	if (!p->adopt && (p->first == NULL || e->resync != RESYNC_FORCE))
		mine_since(p, e, u);
	if (p->first != NULL)
		written_since(p, e, u);
	if (p->first != NULL && e->resync != RESYNC_FORCE)
		said_before(p, t, u);
	if (p->d->id != 0)
		earlier_unseen(p, e, u);
}
