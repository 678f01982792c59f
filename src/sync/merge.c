/* merge.c - what a run of events of one document makes of it (DESIGN 7.4-7.7) */

#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

struct part {				/* an event of the run, as it will be applied */
	struct item	*it;
	yyjson_mut_val	*whole;		/* Create: the document */
	yyjson_mut_val	*chg;		/* what it changes; NULL: nothing */
	bool		 cut;		/* some of it lost to a conflict */
	struct places	 keep;		/* where it writes; only if asked for */
	struct places	 again;		/* won here against it: to be said again */
	const char	*lost;
};

struct group {				/* parts of one author, via and base */
	int		 first, n;
	yyjson_mut_val	*body;		/* the document after it */
};

struct plan {
	struct merge	*g;
	const struct meta *meta;
	const struct subscription *row;	/* NULL: a dependency */
	struct doc	*d;
	bool		 same, adopt;
	yyjson_mut_doc	*m;
	yyjson_mut_val	*body;
	const char	*name;		/* at the producer, as of the last event */
	struct part	*parts;
	int		 n;
	struct group	*groups;
	int		 ngroups;
	bool		 waits, mixed;	/* links wait; more than one author */
	unsigned	 need;		/* rights, 1 << R_WRITE … */
	const struct sync *first;	/* it was applied before, as that says */
	struct doc	 adopted;
};

static bool
fail(struct plan *p, const char *code, const char *fmt, const char *a,
    const char *b)
{
	fault_set(&p->g->fault, code, fmt, a, b);
	return false;
}

/* ---- the local document */

const char *
merge_key(struct arena *a, const char *site, const char *birth,
    const char *doctype, const char *name)
{
	size_t n, m;
	char *key;

	if (birth == NULL)
		return arena_printf(a, "=%s/%s", doctype, name);
	n = strlen(site);
	m = strlen(birth);
	key = arena_alloc(a, n + m + 2);
	memcpy(key, site, n);
	key[n] = '/';
	memcpy(key + n + 1, birth, m + 1);
	return key;
}

void
merge_find(struct merge *g, const struct event *e, struct doc *d, bool *gone)
{
	int64_t id = 0;
	bool was = false;
	size_t i;

	*gone = false;
	memset(d, 0, sizeof(*d));
	if (e->birth == NULL)
		id = doc_number_remote(g->s, e->doctype, g->p->peer, e->docname);
	else
		id = origin_find(g->s, e->birth_site, e->birth, &was);
	for (i = 0; id == 0 && i < e->nalso; i++)
		id = origin_find(g->s, e->also[i].site, e->also[i].at.name, &was);
	if (id == 0)
		return;
	if (was || !doc_load(g->s, g->a, id, true, d))
		*gone = true;
}

void
merge_forget(struct merge *g)
{
	map_clear(&g->local);
	g->seen_doc = 0;
}

struct seen *
merge_seen(struct merge *g, int64_t doc)
{
	if (g->seen_doc != doc || doc == 0) {
		memset(&g->seen, 0, sizeof(g->seen));
		g->seen.peer = g->p->peer;
		if (doc != 0)
			seen_get(g->s, g->a, doc, g->p->peer, &g->seen);
		g->seen_doc = doc;
	}
	return &g->seen;
}

int
merge_save_seen(struct merge *g, int64_t doc, const struct seen *v)
{
	g->seen = *v;
	g->seen_doc = doc;
	return seen_put(g->s, doc, v);
}

/* ---- links: from what they are called there to what they are called here */

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

/* ---- what was changed here that the author of an event had not seen */

struct unseen {
	struct places	 at;
	int64_t		*entry;		/* the first to overlap each */
	bool		 any;
};

static void
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

const char *
merge_had(struct merge *g, const struct doc *d, const char *entry)
{
	struct origin_marks marks;
	const char *theirs;
	struct entry j;
	int64_t pos;

	for (pos = d->last; pos != 0 && journal_get(g->s, g->a, pos, &j);
	    pos = j.before) {
		if (strcmp(j.name, entry) > 0)
			continue;
		journal_marks(g->a, j.marks, &marks);
		if ((theirs = marks_find(&marks.via, g->p->site)) != NULL)
			return theirs;
	}
	return NULL;
}

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

/* The journal has the names that link targets had then; it knows them by number. */
struct naming {
	struct merge	*g;
	yyjson_mut_doc	*m;
	yyjson_val	*links;		/* {doctype:{name:id}} */
};

static void
name_now(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct naming *n = arg;
	int64_t id = json_val_int(yyjson_obj_get(yyjson_obj_get(n->links,
	    doctype), yyjson_mut_get_str(value)), 0);
	struct doc d;

	if (id != 0 && doc_load(n->g->s, n->g->a, id, false, &d))
		json_put(n->m, obj, f->name, json_new_str(n->m, d.name));
}

/* The data of an entry with its targets called as they are now; full as in
 * diff_links. */
static yyjson_mut_val *
entry_data(struct plan *p, const struct entry *j, yyjson_mut_val *full)
{
	struct naming n = { p->g, p->m, NULL };
	yyjson_mut_val *data = yyjson_val_mut_copy(p->m, yyjson_doc_get_root(
	    json_parse_own(p->g->a, j->data, j->datalen)));

	if (j->links == NULL)
		return data;
	n.links = yyjson_doc_get_root(json_parse_own(p->g->a, j->links,
	    strlen(j->links)));
	if (j->type == U_CREATE)
		doc_links(p->meta, data, name_now, &n);
	else if (j->type == U_UPDATE)
		diff_links(p->meta, data, full, name_now, &n);
	return data;
}

/* The document as it was at its newest entry without data. */
static yyjson_mut_val *
state_at(struct plan *p, const struct entry *j)
{
	const char *text;
	size_t len;

	text = state_get(p->g->s, p->g->a, j, &len);
	return text == NULL ? NULL : yyjson_val_mut_copy(p->m,
	    yyjson_doc_get_root(json_parse_own(p->g->a, text, len)));
}

/* The document as it was before one of its journal entries, or NULL where the
 * journal does not reach back. */
static yyjson_mut_val *
body_before(struct plan *p, int64_t entry)
{
	struct merge *g = p->g;
	yyjson_mut_val *body = NULL;
	struct entry *v;
	size_t i, n, end;

	v = journal_of(g->s, g->a, p->d->last, &n);
	for (end = 0; end < n && v[end].creation < entry; end++)
		;
	for (i = end; i > 0; i--)
		if (v[i - 1].type == U_CREATE || entry_pruned(&v[i - 1]))
			break;
	if (i > 0)
		body = entry_pruned(&v[i - 1]) ? state_at(p, &v[i - 1]) :
		    entry_data(p, &v[i - 1], NULL);
	for (; i < end && body != NULL; i++)
		if (v[i].type == U_UPDATE)
			diff_apply(p->m, p->meta, body,
			    entry_data(p, &v[i], body));
	free(v);
	return body;
}

/* ---- what came before comes again */

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
		then = entry_data(p, &j, p->body);
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

/* ---- conflicts */

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
	yyjson_mut_val *before = body_before(p, entry), *as;

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
		return fail(p, "conflict", "'%s' was changed on both sides%s",
		    x->field != NULL ? x->field : x->table, "");
	add_lost(p, lost, x, place_value(p->m, p->meta, x, p->body),
	    place_value(p->m, p->meta, x, after), side);
	if (side == HERE) {
		places_add(won, x);
		places_add(&t->again, x);
	}
	return true;
}

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

/* Takes out of an event what lost against changes made here. */
static bool
resolve(struct plan *p, struct part *t)
{
	struct unseen u = { 0 };
	struct places all = { 0 }, won = { 0 };
	const struct event *e = &t->it->e;
	yyjson_mut_val *after, *lost = NULL;
	size_t i;
	bool good = true;

	if (!p->adopt && (p->first == NULL || e->resync != RESYNC_FORCE))
		mine_since(p, e, &u);
	if (p->first != NULL)
		written_since(p, e, &u);
	if (p->first != NULL && e->resync != RESYNC_FORCE)
		said_before(p, t, &u);
	if (p->d->id != 0)
		earlier_unseen(p, &t->it->e, &u);
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

/* ---- planning a run: nothing is written */

/* Names that are shared may be taken: by a document that is the same one, or
 * by another. */
static bool
adopt(struct plan *p, const struct event *e, yyjson_mut_val *data)
{
	struct merge *g = p->g;
	struct doc *o = &p->adopted;
	struct birth *b;
	size_t i, n;

	if (!doc_find(g->s, g->a, p->meta, e->docname, true, o))
		return true;
	b = origin_births(g->s, g->a, o->id, &n);
	for (i = 0; i < n; i++)
		if (e->birth != NULL && strcmp(b[i].site, e->birth_site) == 0)
			return fail(p, "name", "the name '%s' is taken by "
			    "another document of that site%s", e->docname, "");
	if (o->home == g->p->peer)
		return fail(p, "name", "the name '%s' is taken by another "
		    "document from there%s", e->docname, "");
	p->body = doc_body(g->a, p->m, o);
	if ((e->birth == NULL && o->home != 0) ||
	    (diff_make(p->m, p->meta, p->body, data) != NULL &&
	    p->row->policy != POLICY_PRODUCER))
		return fail(p, "name", "another %s is called '%s' here",
		    p->meta->name, e->docname);
	p->adopt = true;
	p->d = o;
	return true;
}

/* Another site's secrets are its own; stock sends stars. */
static void
drop_secrets(const struct meta *m, yyjson_mut_val *obj)
{
	yyjson_mut_val *row;
	size_t i, k, n;

	for (i = 0; i < m->nfields && m->secrets; i++) {
		if (m->fields[i].kind == K_PASSWORD)
			yyjson_mut_obj_remove_key(obj, m->fields[i].name);
		if (m->fields[i].kind != K_TABLE || m->fields[i].child == NULL)
			continue;
		yyjson_mut_arr_foreach(yyjson_mut_obj_get(obj,
		    m->fields[i].name), k, n, row)
			drop_secrets(m->fields[i].child, row);
	}
}

/* What a user has to be allowed to bring a document from one docstatus to
 * another. */
static unsigned
need_for(int from, int to)
{
	return (from < 1 && to >= 1) << R_SUBMIT |
	    (from < 2 && to == 2) << R_CANCEL;
}

/* A document of a stranger in our form, links translated. */
static bool
take_whole(struct plan *p, struct part *t)
{
	struct translation tr = { p, &t->it->e };

	t->whole = yyjson_val_mut_copy(p->m, t->it->e.data);
	if (t->it->e.birth == NULL)
		stock_doc(p->m, p->meta, t->whole);
	if (!doc_clean(p->m, p->meta, t->whole, &p->g->fault))
		return false;
	yyjson_mut_obj_remove_key(t->whole, "remote_docname");
	yyjson_mut_obj_remove_key(t->whole, "remote_site_name");
	drop_secrets(p->meta, t->whole);
	if (json_is_null(yyjson_mut_obj_get(t->whole, "docstatus")))
		json_put(p->m, t->whole, "docstatus", json_new_int(p->m, 0));
	doc_links(p->meta, t->whole, translate, &tr);
	return true;
}

/* What a document is called at home is our note: no event takes it away. */
static void
keep_remote(struct plan *p, yyjson_mut_val *whole)
{
	static const char *const keys[] = { "remote_docname",
	    "remote_site_name" };
	yyjson_mut_val *v;
	size_t i;

	for (i = 0; i < 2; i++)
		if ((v = yyjson_mut_obj_get(p->body, keys[i])) != NULL)
			json_put(p->m, whole, keys[i],
			    yyjson_mut_val_mut_copy(p->m, v));
}

static bool
plan_create(struct plan *p, struct part *t)
{
	if (!take_whole(p, t))
		return false;
	if (p->same && p->d->id == 0 && p->body == NULL &&
	    !adopt(p, &t->it->e, t->whole))
		return false;
	if (p->body == NULL) {
		p->body = t->whole;
		p->need |= 1 << R_CREATE | need_for(0,
		    json_mut_int(p->body, "docstatus", 0));
		return true;
	}
	keep_remote(p, t->whole);
	t->chg = diff_make(p->m, p->meta, p->body, t->whole);
	return true;
}

static bool
plan_update(struct plan *p, struct part *t)
{
	struct translation tr = { p, &t->it->e };
	const char *why;

	t->chg = yyjson_val_mut_copy(p->m, t->it->e.data);
	if ((why = diff_fault(p->meta, t->chg)) != NULL)
		return fail(p, "type", "%s%s", why, "");
	if (t->it->e.birth == NULL)
		stock_diff(p->m, p->meta, t->chg);
	diff_links(p->meta, t->chg, p->body, translate, &tr);
	return true;
}

/* Writes what an event changes over what the document was. */
static void
change(struct plan *p, const struct part *t)
{
	int was = json_mut_int(p->body, "docstatus", 0);

	if (p->body == t->whole)
		p->body = yyjson_mut_val_mut_copy(p->m, p->body);
	if (t->chg == NULL)
		return;
	diff_apply(p->m, p->meta, p->body, t->chg);
	p->need |= 1 << R_WRITE |
	    need_for(was, json_mut_int(p->body, "docstatus", 0));
}

static bool
plan_part(struct plan *p, struct item *it)
{
	struct part *t = &p->parts[p->n];

	*t = (struct part){ .it = it };
	if (it->e.type == U_RENAME) {
		p->name = it->e.new_name;
		p->n++;
		return true;
	}
	if (it->e.fault != NULL)
		return fail(p, "data", "%s%s", it->e.fault, "");
	if (it->e.type == U_CREATE)
		p->name = it->e.docname;
	if (!(it->e.type == U_CREATE ? plan_create(p, t) : plan_update(p, t)))
		return false;
	if (t->chg != NULL) {
		if (!resolve(p, t)) {
			places_free(&t->keep);
			places_free(&t->again);
			return false;
		}
		change(p, t);
	}
	p->n++;
	return true;
}

static bool
same_marks(const struct marks *a, const struct marks *b, const char *but,
    bool names)
{
	const char *there;
	size_t i, n = 0, m = 0;

	for (i = 0; i < b->n; i++)
		m += but == NULL || strcmp(b->v[i].site, but) != 0;
	for (i = 0; i < a->n; i++) {
		if (but != NULL && strcmp(a->v[i].site, but) == 0)
			continue;
		n++;
		there = marks_find(b, a->v[i].site);
		if (there == NULL ||
		    (names && strcmp(there, a->v[i].at.name) != 0))
			return false;
	}
	return n == m;
}

/* Events of one author, way and base make one entry in our journal. */
static bool
same_group(const struct event *a, const struct event *b)
{
	if ((a->author == NULL) != (b->author == NULL) ||
	    (a->author != NULL && strcmp(a->author, b->author) != 0))
		return false;
	return same_marks(&a->via, &b->via, NULL, false) &&
	    same_marks(&a->knew, &b->knew, a->author, true);
}

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

/* Does what came out satisfy its DocType?  Of a single diff only what it
 * writes is looked at. */
static bool
conforms(struct plan *p, int what, bool strict)
{
	struct merge *g = p->g;
	yyjson_mut_val *old = NULL;

	if (p->n == 1 && p->parts[0].whole == NULL && !strict)
		return p->parts[0].chg == NULL || diff_check(p->meta,
		    p->parts[0].chg, p->body, what, p->d->docstatus == 1,
		    &g->s->lookup, &g->fault);
	if ((what & CHECK_FULL) && p->d->id != 0)
		old = doc_body(g->a, p->m, p->d);
	/* The name that it came with may be another document's here. */
	if (p->d->id == 0)
		json_put(p->m, p->body, "name", yyjson_mut_null(p->m));
	return doc_check(p->meta, p->body, old, what, &g->s->lookup, &g->fault);
}

/* es-deps asked for it in vain, and it has not come since. */
static bool
is_missing(const struct plan *p, const struct want *w)
{
	yyjson_val *list, *birth;
	const char *key;
	size_t i, n;
	int k;

	if (w->birth == NULL)
		return false;
	key = merge_key(p->g->a, w->site, w->birth, w->doctype, w->name);
	if (map_get(p->g->come, key, strlen(key)) != NULL)
		return false;
	for (k = 0; k < p->n; k++) {
		list = yyjson_obj_get(p->parts[k].it->e.line, "missing");
		yyjson_arr_foreach(list, i, n, birth)
			if (yyjson_equals_str(birth, w->birth))
				return true;
	}
	return false;
}

static bool
fail_wanting(struct plan *p, const struct want *w)
{
	struct merge *g = p->g;

	if (!is_missing(p, w))
		return fail(p, "waits", "waits for %s '%s'", w->doctype,
		    w->name);
	return fault_set(&g->fault, "waits", "waits for %s '%s', which %s does "
	    "not have or does not give", w->doctype, w->name, g->p->name);
}

/* Is what came out a document that can stand here?  What is not as a user
 * would have to write it is only said, unless the row is strict. */
static bool
check(struct plan *p)
{
	struct merge *g = p->g;
	bool strict = p->row != NULL && p->row->strict;
	int is;

	if (p->waits) {
		doc_links(p->meta, p->body, find_wants, g);
		if (g->nwants > 0)
			return fail_wanting(p, g->wants[0]);
	}
	g->warning = NULL;
	if (!conforms(p, CHECK_TYPES | CHECK_FULL, strict)) {
		if (strict)
			return false;
		/* A Create may come in any state. */
		if (strcmp(g->fault.code, "docstatus") != 0)
			g->warning = arena_printf(g->a, "%s",
			    safe(g->fault.text));
		if (!conforms(p, CHECK_TYPES, strict))
			return false;
	}
	g->warned = p->parts[p->n - 1].it;
	is = json_mut_int(p->body, "docstatus", 0);
	if (p->d->id != 0 && is < p->d->docstatus)
		return fault_set(&g->fault, "docstatus",
		    "docstatus goes back from %d to %d", p->d->docstatus, is);
	return true;
}

/* The name of a new document: the producer's, or one of ours. */
static bool
choose_name(struct plan *p, bool same)
{
	struct merge *g = p->g;
	const char *name = p->name;

	if (!same) {
		name = strcasecmp(p->meta->autoname, "Prompt") == 0 ? NULL :
		    name_new(g->a, p->meta, p->body, time_now(), &g->s->lookup,
		    &g->fault);
		/* No rule gives one: the producer's, with a number if taken. */
		if (name == NULL)
			name = arena_printf(g->a, "%s", p->name);
		if (doc_number(g->s, p->meta->name, name) != 0)
			name = arena_printf(g->a, "%s-%lld", p->name, (long long)
			    g->s->lookup.counter(g->s, "es:local names"));
	}
	if (doc_number(g->s, p->meta->name, name) != 0)
		return fail(p, "name", "another %s is called '%s' here",
		    p->meta->name, name);
	if (!p->meta->issingle && !name_check(p->meta, name, &g->fault))
		return false;
	p->d->name = name;
	return true;
}

static bool
plan_run(struct plan *p, struct item **run, int n)
{
	const struct item *last = NULL;
	struct group *gr = NULL;
	int i;

	for (i = 0; i < n; i++) {
		if (run[i]->e.type != U_RENAME) {
			if (last == NULL || !same_group(&last->e, &run[i]->e)) {
				if (gr != NULL)
					gr->body = yyjson_mut_val_mut_copy(p->m,
					    p->body);
				gr = &p->groups[p->ngroups++];
				*gr = (struct group){ .first = i };
			}
			last = run[i];
		}
		if (!plan_part(p, run[i]))
			return false;
		if (gr != NULL)
			gr->n = i + 1 - gr->first;
	}
	if (gr == NULL)			/* nothing but Renames */
		return p->d->id != 0;
	gr->body = p->body;
	return rights_allow(&p->g->rights, p->meta, p->need, &p->g->fault) &&
	    check(p) && (p->d->id != 0 || choose_name(p, p->same));
}

/* ---- writing what was planned */

/* Marks of the document itself become its name; of others in its group null,
 * to be written later. */
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

static void
settle(struct plan *p, yyjson_mut_val **body, struct item *it, bool last)
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

static void
settle_diff(struct plan *p, yyjson_mut_val *diff)
{
	struct settling s = { p, false };

	if (p->waits)
		diff_links(p->meta, diff, p->body, settle_link, &s);
}

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
	settle(p, &gr->body, it, last);
	if (p->d->id == 0) {
		if (insert(p, gr->body, it, &c) == -1)
			return -1;
		pass_standard(p, gr->body);
		entry = p->d->modified;
	} else if (diff != NULL) {
		settle_diff(p, diff);
		if (doc_update(p->g->s, p->d, p->m, gr->body, diff, &c) == -1)
			return -1;
		entry = p->d->modified;
	}
	tell(p, gr->first, gr->n, entry);
	return 0;
}

/* What a side keeps against the other it says again, as its own change. */
static int
say_again(struct plan *p)
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

/* ---- what is known of the document afterwards */

/* Had the author seen something of ours: is it our own document coming back? */
bool
merge_has_base(const struct merge *g, const struct event *e)
{
	return e->base != NULL || marks_find(&e->bases, g->s->id) != NULL ||
	    (e->author == e->site && marks_find(&e->knew, g->s->id) != NULL);
}

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

static int
write_plan(struct plan *p)
{
	struct doc was = *p->d;
	struct event *first = &p->parts[0].it->e;
	int64_t sync = 0;
	int i;

	if (p->ngroups > 0 && p->groups[0].first > 0)
		tell(p, 0, p->groups[0].first, 0);
	for (i = 0; i < p->ngroups; i++)
		if (write_group(p, &p->groups[i], i == p->ngroups - 1) == -1)
			return -1;
	if (p->g->later != NULL && p->g->later->d.id == 0)
		p->g->later->d = *p->d;
	note_births(p, first, &sync);
	note_route(p, first, &was);
	note_seen(p, was.id == 0, sync);
	note_authors(p);
	if (say_again(p) == -1)
		return -1;
	return db_failed(p->g->s->db) ? -1 : 0;
}

static void
plan_free(struct plan *p)
{
	int i;

	for (i = 0; i < p->n; i++) {
		places_free(&p->parts[i].keep);
		places_free(&p->parts[i].again);
	}
}

/* What n events are to be planned with, the first of which is e. */
static bool
plan_open(struct plan *p, struct merge *g, const struct event *e, int n,
    struct doc *d)
{
	memset(p, 0, sizeof(*p));
	p->g = g;
	p->d = d;
	if ((p->meta = site_meta(g->s, e->doctype)) == NULL)
		return fail(p, "doctype", "no DocType '%s' here; es-doctype "
		    "puts one in%s", e->doctype, "");
	p->row = producer_row(g->p, e->doctype);
	if (json_str(e->line, "unmapped") != NULL)
		return fail(p, "mapping", "%s%s", json_str(e->line, "unmapped"),
		    "");
	if (p->row != NULL && p->row->mapping != NULL && !event_is_mapped(e))
		return fail(p, "mapping", "the subscription maps it by '%s', and "
		    "it did not pass es-map%s", p->row->mapping, "");
	p->same = p->row == NULL ? doc_number(g->s, e->doctype, e->docname) == 0
	    : p->row->same_name;
	p->m = yyjson_mut_doc_new(&g->a->alc);
	p->parts = arena_alloc(g->a, n * sizeof(*p->parts));
	p->groups = arena_alloc(g->a, n * sizeof(*p->groups));
	if (d->id != 0)
		p->body = doc_body(g->a, p->m, d);
	return true;
}

/* Plans the first n events; true if they may be written. */
static bool
plan(struct plan *p, struct merge *g, struct item **run, int n, struct doc *d)
{
	const struct event *e = &run[0]->e;
	int i;

	if (!plan_open(p, g, e, n, d))
		return false;
	for (i = 1; i < n; i++)
		if (run[i]->e.type != U_RENAME && e->type != U_RENAME &&
		    e->author != NULL && run[i]->e.author != NULL &&
		    strcmp(e->author, run[i]->e.author) != 0)
			p->mixed = true;
	return plan_run(p, run, n);
}

int
merge_run(struct merge *g, struct item **run, int n, struct doc *d)
{
	struct fault fault;
	struct want **wants = NULL;
	size_t nwants = 0;
	struct plan p;
	bool good = false;
	int k, r = 0;

	g->wants = NULL;
	g->nwants = 0;
	for (k = n; k > 0 && !good; ) {
		good = plan(&p, g, run, k, d);
		if (good)
			break;
		plan_free(&p);
		if (k == n) {
			fault = g->fault;
			wants = g->wants;
			nwants = g->nwants;
		} else
			free(g->wants);
		g->wants = NULL;
		g->nwants = 0;
		k--;
	}
	if (good) {
		r = write_plan(&p);
		*d = *p.d;
		plan_free(&p);
	}
	if (k < n) {
		g->fault = fault;
		g->wants = wants;
		g->nwants = nwants;
	}
	if (r == -1)
		return -1;
	return k;
}

/* ---- an event that was applied, or given up, before */

/* What was planned, against what is there; NULL: nothing but the order of rows,
 * which is nobody's and stays. */
static yyjson_mut_val *
changed(struct plan *p)
{
	yyjson_mut_val *old = doc_body(p->g->a, p->m, p->d), *diff;
	struct places at = { 0 };

	if ((diff = diff_make(p->m, p->meta, old, p->body)) == NULL)
		return NULL;
	places_of(&at, p->meta, diff);
	diff = at.n == 0 ? NULL : diff_cut(p->m, p->meta, diff, &at);
	places_free(&at);
	if (diff != NULL) {
		diff_apply(p->m, p->meta, old, diff);
		p->body = old;
	}
	return diff;
}

/* What applying it once more changes, or NULL. */
static bool
plan_again(struct plan *p, struct item *it, yyjson_mut_val **diff)
{
	struct part *t = &p->parts[0];

	if (it->e.fault != NULL)
		return fail(p, "type", "%s%s", it->e.fault, "");
	if (strcmp(p->meta->name, p->d->meta->name) != 0)
		return fail(p, "doctype", "it came as %s, and would be %s",
		    p->d->meta->name, p->meta->name);
	if (!plan_part(p, it))
		return false;
	*diff = t->chg == NULL ? NULL : changed(p);
	if (*diff == NULL)
		return true;
	t->chg = *diff;
	return rights_allow(&p->g->rights, p->meta, p->need, &p->g->fault) &&
	    check(p);
}

static void
write_again(struct plan *p, yyjson_mut_val *diff)
{
	struct group gr = { .n = 1, .body = p->body };
	struct marks via;
	struct cause c;

	cause_of(p, &gr, &c, &via);
	settle(p, &gr.body, p->parts[0].it, false);
	settle_diff(p, diff);
	doc_update(p->g->s, p->d, p->m, gr.body, diff, &c);
}

bool
merge_again(struct merge *g, struct item *it, struct doc *d,
    const struct sync *first, int64_t *entry)
{
	yyjson_mut_val *diff = NULL;
	struct plan p;
	bool good;

	g->wants = NULL;
	g->nwants = 0;
	if (!plan_open(&p, g, &it->e, 1, d))
		return false;
	p.first = first;
	good = plan_again(&p, it, &diff);
	if (good && diff != NULL) {
		write_again(&p, diff);
		*entry = d->modified;
	}
	plan_free(&p);
	free(g->wants);
	g->wants = NULL;
	g->nwants = 0;
	return good;
}

void
merge_withdraw(struct merge *g, struct item *it, struct doc *d,
    const char **lost)
{
	struct part *t;
	struct plan p;

	if (it->e.fault != NULL || !plan_open(&p, g, &it->e, 1, d) ||
	    p.row == NULL || p.row->policy != POLICY_MANUAL)
		return;
	t = &p.parts[0];
	*t = (struct part){ .it = it };
	p.n = 1;
	if ((it->e.type == U_CREATE ? plan_create(&p, t) :
	    plan_update(&p, t)) && t->chg != NULL && resolve(&p, t)) {
		*lost = t->lost;
		say_again(&p);
	}
	plan_free(&p);
}

bool
merge_rename(struct merge *g, struct doc *d, const struct event *e)
{
	const struct subscription *row = producer_row(g->p, e->doctype);
	const char *name = e->type == U_RENAME ? e->new_name : e->docname;
	int64_t when = e->renamed != 0 ? e->renamed :
	    e->type == U_RENAME ? e->creation : 0;
	struct cause c = { .user = g->p->user, .author = e->author,
	    .via = &e->via, .knew = &e->knew, .renamed = when };
	bool same = row != NULL && row->same_name;

	/* Where names are our own d->renamed may be of one given here. */
	if (when < d->renamed && same)
		return true;
	if (same && strcmp(d->name, name) != 0) {
		if (!rights_allow(&g->rights, d->meta, 1 << R_WRITE, &g->fault))
			return false;
		if (doc_number(g->s, e->doctype, name) != 0)
			return fault_set(&g->fault, "name",
			    "another %s is called '%s' here", e->doctype, name);
		if (!name_check(d->meta, name, &g->fault))
			return false;
		doc_rename(g->s, d, name, &c);
		merge_forget(g);
		doc_load(g->s, g->a, d->id, true, d);
	}
	if (d->home == g->p->peer)
		d->remote = strcmp(d->name, name) == 0 ? NULL : name;
	if (d->renamed < when)
		d->renamed = when;
	doc_save_route(g->s, d);
	if (!same && d->home == g->p->peer)
		doc_save_remote_name(g->s, d, name);
	return true;
}

/* ---- the links among a group, at last */

static void
name_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct translation *t = arg;
	struct merge *g = t->p->g;
	struct want *w = marked(g, value);
	const char *name;

	(void)doctype;
	if (w == NULL)
		return;
	name = w->birth != NULL ? born(g, w) : called(g, w);
	json_put(t->p->m, obj, f->name, json_new_str(t->p->m, name));
}

int
merge_settle(struct merge *g)
{
	struct translation t;
	yyjson_mut_val *old, *diff;
	struct group gr;
	struct marks via;
	struct later *l;
	struct cause c;
	struct part part;
	struct plan p;
	struct doc d;

	for (l = g->later; l != NULL; l = l->next) {
		memset(&p, 0, sizeof(p));
		p.g = g;
		p.m = l->m;
		t = (struct translation){ &p, NULL };
		if (!doc_load(g->s, g->a, l->d.id, true, &d))
			continue;
		doc_links(d.meta, l->body, name_link, &t);
		old = doc_body(g->a, l->m, &d);
		if ((diff = diff_make(l->m, d.meta, old, l->body)) == NULL)
			continue;
		diff_apply(l->m, d.meta, old, diff);
		part = (struct part){ .it = l->item };
		p.parts = &part;
		gr = (struct group){ .n = 1 };
		cause_of(&p, &gr, &c, &via);
		if (doc_update(g->s, &d, l->m, old, diff, &c) == -1)
			return -1;
	}
	g->later = NULL;
	return db_failed(g->s->db) ? -1 : 0;
}
