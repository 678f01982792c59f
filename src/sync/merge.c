/* merge.c - what a run of events of one document makes of it (DESIGN 7.4-7.7) */

#include <stdlib.h>
#include <string.h>

#include "sync/merge.h"

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

/* Had the author seen something of ours: is it our own document coming back? */
bool
merge_has_base(const struct merge *g, const struct event *e)
{
	return e->base != NULL || marks_find(&e->bases, g->s->id) != NULL ||
	    (e->author == e->site && marks_find(&e->knew, g->s->id) != NULL);
}

/* ---- a run */

int
merge_run(struct merge *g, struct item **run, int n, struct doc *d)
{
	struct fault fault;
	struct want **wants = NULL;
	size_t nwants = 0;
	struct plan p;
	bool good = false, whole = false;
	int k, r = 0;

	g->wants = NULL;
	g->nwants = 0;
	for (k = n; k > 0; ) {
		good = plan_open(&p, g, &run[0]->e, k, d) &&
		    plan_run(&p, run, k);
		if (good)
			break;
		plan_free(&p);
		if (whole)
			free(g->wants);
		else {
			fault = g->fault;
			wants = g->wants;
			nwants = g->nwants;
		}
		g->wants = NULL;
		g->nwants = 0;
		/* An event that cannot be planned is not to blame if those
		 * before it cannot stand. */
		whole = whole || p.n == k;
		k = p.n < k ? p.n : k - 1;
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
		return fault_set(&p->g->fault, "type", "%s", it->e.fault);
	if (!plan_part(p, it))
		return false;
	*diff = t->chg == NULL ? NULL : changed(p);
	if (*diff == NULL)
		return true;
	t->chg = *diff;
	return rights_allow(&p->g->rights, p->meta, p->need, &p->g->fault) &&
	    plan_check(p);
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
		write_diff(&p, diff);
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
	if (plan_event(&p, t) && t->chg != NULL && conflict_resolve(&p, t)) {
		*lost = t->lost;
		write_kept(&p);
	}
	plan_free(&p);
}

/* A name that is no value for the field is only a name. */
static void
follow_name(struct merge *g, struct doc *d, const char *name)
{
	struct cause c = { .user = g->p->user };
	yyjson_mut_doc *m;
	struct fault fault;
	const char *value;

	if (meta_naming_field(d->meta) == NULL ||
	    !doc_load(g->s, g->a, d->id, true, d))
		return;
	m = yyjson_mut_doc_new(&g->a->alc);
	value = doc_naming_value(g->a, d->meta, doc_body(g->a, m, d));
	if (value != NULL && strcmp(value, d->name) == 0)
		doc_put_naming_value(g->s, d, name, &c, &fault);
}

bool
merge_rename(struct merge *g, struct doc *d, const struct event *e, bool follow)
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
		if (follow)
			follow_name(g, d, name);
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

int
merge_settle(struct merge *g)
{
	struct later *l;

	for (l = g->later; l != NULL; l = l->next)
		if (write_later(g, l) == -1)
			return -1;
	g->later = NULL;
	return db_failed(g->s->db) ? -1 : 0;
}
