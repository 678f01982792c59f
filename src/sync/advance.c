/* advance.c - how far one document gets with what has come of it: rules 3 to 7
 * (DESIGN 7) */

#include <stdlib.h>
#include <string.h>

#include "sync/apply.h"

static bool
stick(struct chain *c, const char *code, const char *fmt, const char *x,
    const char *y)
{
	c->nwants = 0;
	return fault_set(&c->fault, code, fmt, x, y);
}

static bool
is_mine(struct apply *a, const struct doc *d)
{
	struct birth *b;
	size_t n;

	b = origin_births(a->s, &a->page, d->id, &n);
	return n > 0 && strcmp(b[0].site, a->s->id) == 0;
}

/* One that left the view of its producer goes only if it is from there, and has
 * not come again meanwhile, as a snapshot after the nth. */
static bool
stays(struct apply *a, const struct chain *c, int n, const struct doc *d)
{
	if (d->id != 0 && (d->home != a->p.peer || is_mine(a, d)))
		return true;
	for (; n < c->n; n++)
		if (c->v[n]->it.e.snapshot)
			return true;
	return false;
}

/* Delete ignores the chain, takes with it what is parked, leaves a tombstone. */
static bool
try_delete(struct apply *a, struct chain *c, struct entry_item *last)
{
	struct event *e = &last->it.e;
	struct cause cause = { .author = e->author, .via = &e->via,
	    .knew = &e->knew, .user = a->p.user, .left = e->left };
	const char *dt, *name;
	struct sync l;
	struct birth b;
	struct doc d;
	bool gone;
	size_t k;
	int i, n = c->n;

	/* Stock uses names again: what comes after it is another document; what
	 * left a view comes again. */
	while ((e->birth == NULL || e->left) && c->v[n - 1] != last)
		n--;
	merge_find(&a->g, e, &d, &gone);
	if (e->left && stays(a, c, n, &d)) {
		l = (struct sync){ .status = SYNCED, .doc = d.id,
		    .docname = d.id == 0 ? NULL : d.name,
		    .error = "it was not deleted: it came again, or is not "
		    "from there" };
		outcome_log(a, &last->it, &l);
		outcome_unpark(a, &last->it);
		a->counts.applied++;
		chain_drop(c, n - 1);
		return true;
	}
	if (d.id != 0) {
		if (doc_linked(a->s, &a->page, d.id, &dt, &name))
			return stick(c, "linked", "%s '%s' links to it", dt,
			    name);
		if (!rights_allow(&a->g.rights, d.meta, 1 << R_DELETE,
		    &c->fault))
			return false;
		doc_delete(a->s, &d, &cause);
		merge_forget(&a->g);
		a->turn++;
	} else if (e->birth != NULL && !gone && !e->left)
		for (k = 0; k <= e->nalso; k++) {
			b = k == 0 ? (struct birth){ e->birth_site, e->birth } :
			    (struct birth){ e->also[k - 1].site,
			    e->also[k - 1].at.name };
			origin_tomb(a->s, &b);
		}
	a->freed = true;
	for (i = 0; i < n; i++) {
		if (c->v[i]->own && c->v[i] != last) {
			outcome_skip(a, &c->v[i]->it);
			continue;
		}
		l = (struct sync){ .status = SYNCED,
		    .docname = d.id == 0 ? NULL : d.name, .doc = d.id,
		    .journal = c->v[i] == last && d.id != 0 ? a->s->newest : 0 };
		if (c->v[i] != last)
			l.error = "deleted before it could be applied";
		outcome_log(a, &c->v[i]->it, &l);
		outcome_unpark(a, &c->v[i]->it);
		a->counts.applied++;
	}
	while (n-- > 0)
		chain_drop(c, 0);
	return true;
}

/* Those that a snapshot contains: it brought the name that came of them. */
static void
drop_renames(struct apply *a, struct chain *c, int64_t upto)
{
	const struct event *e;
	int i;

	for (i = 0; i < c->n; ) {
		e = &c->v[i]->it.e;
		if (e->type == U_RENAME && e->creation <= upto) {
			outcome_skip(a, &c->v[i]->it);
			chain_drop(c, i);
		} else
			i++;
	}
}

static bool
withdrawn(const struct entry_item *it)
{
	return it->it.e.resync == RESYNC_WITHDRAW;
}

/* The last that came says of the field by which documents are named here; false
 * if none does. */
static bool
find_naming(const struct chain *c, const struct doc *d, const char **value)
{
	const struct field *f = d->id == 0 ? NULL : meta_naming_field(d->meta);
	const struct event *e;
	yyjson_val *v = NULL;
	int i;

	for (i = c->n - 1; f != NULL && v == NULL && i >= 0; i--) {
		e = &c->v[i]->it.e;
		if (c->v[i]->own || withdrawn(c->v[i]))
			continue;
		if (e->type == U_CREATE)
			v = yyjson_obj_get(e->data, f->name);
		else if (e->type == U_UPDATE)
			v = yyjson_obj_get(yyjson_obj_get(e->data, "changed"),
			    f->name);
	}
	*value = yyjson_is_raw(v) ? yyjson_get_raw(v) : yyjson_get_str(v);
	return v != NULL;
}

/* Of a document that is here the newest Rename counts whose name is free: one
 * on the way to it may make room for another document.  Of one that is not
 * here, and does not come in this chain, none does.  Those that are done with
 * go from the chain; if the name of the newest is taken that is the fault.
 * follow: the field that names documents is to follow the name. */
static bool
try_renames(struct apply *a, struct chain *c, struct doc *d, bool follow)
{
	int i, last;

	for (i = 0; i < c->n && d->id == 0; i++)
		if (c->v[i]->it.e.type == U_CREATE)
			return true;
	if (d->id != 0)
		drop_renames(a, c, merge_seen(&a->g, d->id)->upto);
	for (last = c->n - 1; last >= 0; last--) {
		if (c->v[last]->it.e.type != U_RENAME)
			continue;
		a->turn++;
		if (d->id == 0 || c->v[last]->own ||
		    merge_rename(&a->g, d, &c->v[last]->it.e, follow))
			break;
		if (c->fault.code == NULL)
			c->fault = a->g.fault;
	}
	for (i = 0; i <= last; )
		if (c->v[i]->it.e.type != U_RENAME)
			i++;
		else {
			if (d->id != 0 && !c->v[i]->own)
				outcome_done(a, &c->v[i]->it, d, 0, NULL, 0,
				    NULL);
			else
				outcome_skip(a, &c->v[i]->it);
			chain_drop(c, i);
			last--;
		}
	return c->fault.code == NULL;
}

static bool
none(const char *s)
{
	return s == NULL || *s == '\0';
}

/* Does this event follow what the document has had from there? */
static bool
follows(const struct event *e, const char *last, const char *sent)
{
	if (!e->has_prev || e->snapshot || e->type == U_RENAME)
		return true;
	if (none(e->prev))
		return none(last) || none(sent);
	return (!none(last) && strcmp(e->prev, last) == 0) ||
	    (!none(sent) && strcmp(e->prev, sent) == 0);
}

/* A site that was restored and given this document back names its snapshot after
 * an older event: has it what was applied last, so that the chain begins anew? */
static bool
restarts(struct apply *a, const struct event *e, const struct doc *d,
    const struct seen *v)
{
	const char *ours = own_event(a, e), *theirs;

	if (ours == NULL || d->id == 0 || none(v->last) ||
	    (!none(e->prev) && strcmp(e->prev, v->last) == 0))
		return false;
	theirs = merge_had(&a->g, d, ours);
	return theirs != NULL && strcmp(theirs, v->last) >= 0;
}

/* Is it in an applied snapshot, or a snapshot older than what was applied since,
 * a stick that was lost and found, say? */
static bool
is_stale(struct apply *a, const struct event *e, const struct doc *d,
    const struct seen *v)
{
	int64_t last;

	if (!e->snapshot)
		return e->type != U_RENAME && e->creation <= v->upto;
	if (e->creation > v->upto && (none(v->last) ||
	    !id_time(v->last, &last) || e->creation >= last))
		return false;
	return !restarts(a, e, d, v);
}

/* What has nothing to tell goes. */
static void
drop_stale(struct apply *a, struct chain *c, const struct doc *d,
    const struct seen *v)
{
	int i;

	for (i = 0; i < c->n; ) {
		if (is_stale(a, &c->v[i]->it.e, d, v)) {
			outcome_skip(a, &c->v[i]->it);
			chain_drop(c, i);
		} else
			i++;
	}
}

/* The newest snapshot of a chain; what it contains is put aside. */
static struct entry_item *
set_aside(struct apply *a, struct chain *c, struct chain *aside)
{
	struct entry_item *snap = NULL;
	int i;

	for (i = 0; i < c->n; i++)
		if (c->v[i]->it.e.snapshot && !withdrawn(c->v[i]))
			snap = c->v[i];
	for (i = 0; i < c->n && snap != NULL; )
		if (c->v[i] != snap && c->v[i]->it.e.creation <=
		    snap->it.e.creation) {
			chain_add(a, aside, c->v[i]);
			chain_drop(c, i);
		} else
			i++;
	return snap;
}

/* It is done with once the snapshot is. */
static void
take_back(struct apply *a, struct chain *c, const struct chain *aside,
    const struct entry_item *snap)
{
	bool stuck = false;
	int i;

	for (i = 0; i < c->n; i++)
		stuck = stuck || c->v[i] == snap;
	for (i = 0; i < aside->n; i++)
		if (stuck)
			chain_add(a, c, aside->v[i]);
		else
			outcome_skip(a, &aside->v[i]->it);
	chain_sort(c);
}

/* An event that had passed here only moves the chain on. */
static void
pass_own(struct apply *a, struct chain *c, const struct doc *d, struct seen *v)
{
	struct event *e = &c->v[0]->it.e;

	if (e->type == U_CREATE || e->type == U_UPDATE) {
		if (v->event == NULL || strcmp(v->event, e->name) < 0)
			v->event = e->name;
		v->last = e->name;
		merge_save_seen(&a->g, d->id, v);
	}
	outcome_skip(a, &c->v[0]->it);
	chain_drop(c, 0);
}

/* The chain goes on past an event that was given up. */
static void
give_up(struct apply *a, struct chain *c, struct doc *d, struct seen *v)
{
	struct event *e = &c->v[0]->it.e;
	const char *lost = NULL;

	if (d->id != 0 && e->birth != NULL && !e->snapshot &&
	    (none(v->last) || strcmp(v->last, e->name) < 0)) {
		if (none(v->event) || strcmp(v->event, e->name) < 0)
			v->event = e->name;
		v->last = v->sent = e->name;
		merge_save_seen(&a->g, d->id, v);
		merge_withdraw(&a->g, &c->v[0]->it, d, &lost);
		a->turn++;
	}
	outcome_withdraw(a, &c->v[0]->it, d, lost);
	chain_drop(c, 0);
}

/* The longest run from the front whose chain is unbroken and that is not ours. */
static int
run_length(const struct chain *c, const struct seen *v)
{
	const char *last = v->last, *sent = v->sent;
	const struct event *e;
	int n;

	for (n = 0; n < c->n && !c->v[n]->own && !withdrawn(c->v[n]); n++) {
		e = &c->v[n]->it.e;
		if (!follows(e, last, sent))
			break;
		if (e->type != U_RENAME)
			last = sent = e->snapshot ? e->prev : e->name;
	}
	return n;
}

static void
take_fault(struct apply *a, struct chain *c)
{
	struct buf b = { 0 };
	size_t i;

	c->fault = a->g.fault;
	c->nwants = a->g.nwants;
	c->wants = NULL;
	c->want = NULL;
	if (c->nwants > 0) {
		c->wants = arena_alloc(&a->page, c->nwants * sizeof(*c->wants));
		for (i = 0; i < c->nwants; i++) {
			c->wants[i] = arena_alloc(&a->page, sizeof(**c->wants));
			*c->wants[i] = *a->g.wants[i];
			c->wants[i]->name = arena_dup(&a->page,
			    c->wants[i]->name, strlen(c->wants[i]->name));
			buf_printf(&b, "%s%s", b.len > 0 ? " " : "",
			    chain_want_word(a, c->wants[i]->birth,
			    c->wants[i]->doctype, c->wants[i]->name));
		}
		c->want = arena_dup(&a->page, b.p, b.len);
		buf_free(&b);
	}
	free(a->g.wants);
	a->g.wants = NULL;
	a->g.nwants = 0;
}

/* Applies a run; false if some of it is stuck. */
static bool
try_run(struct apply *a, struct chain *c, struct doc *d, int n)
{
	struct item **run = arena_alloc(&a->page, n * sizeof(*run));
	struct event *e = &c->v[0]->it.e;
	struct birth *b;
	size_t k, nb;
	bool fresh = d->id == 0;
	int i, r;

	for (i = 0; i < n; i++) {
		run[i] = &c->v[i]->it;
		a->turn += run[i]->e.nalso > 0;
	}
	if ((r = merge_run(&a->g, run, n, d)) == -1)
		return true;		/* the site failed: nothing counts */
	if (r < n)
		take_fault(a, c);
	for (i = 0; i < r; i++)
		chain_drop(c, 0);
	if (r > 0 && fresh && (a->wanted.n > 0)) {
		b = origin_births(a->s, &a->page, d->id, &nb);
		for (k = 0; k < nb; k++)
			chain_wake(a, b[k].id);
		if (e->birth == NULL)
			chain_wake(a, chain_want_word(a, NULL, e->doctype,
			    e->docname));
	}
	return r == n;
}

static bool
try_runs(struct apply *a, struct chain *c, struct doc *d)
{
	struct event *e;
	struct seen v = { .peer = a->p.peer };
	int n, i;

	while (c->n > 0) {
		if (d->id != 0)
			v = *merge_seen(&a->g, d->id);
		e = &c->v[0]->it.e;
		if (withdrawn(c->v[0])) {
			give_up(a, c, d, &v);
			continue;
		}
		if (c->v[0]->own && d->id != 0 && (e->snapshot ||
		    (e->type != U_CREATE && e->type != U_UPDATE) ||
		    (!none(v.last) && strcmp(e->name, v.last) <= 0) ||
		    follows(e, v.last, v.sent))) {
			if (!none(v.last) && strcmp(e->name, v.last) <= 0) {
				outcome_skip(a, &c->v[0]->it);
				chain_drop(c, 0);
			} else
				pass_own(a, c, d, &v);
			continue;
		}
		/* Its chain is not ours to follow: another brings it. */
		if (c->v[0]->own && second_route(a, e, d)) {
			outcome_skip(a, &c->v[0]->it);
			chain_drop(c, 0);
			continue;
		}
		n = run_length(c, &v);
		for (i = 0; i < n && c->v[i]->it.e.type == U_RENAME; i++)
			;
		if (n == 0 || (i == n && d->id == 0))
			return stick(c, "gap", "an event before %s is missing%s",
			    e->name, "");
		if (d->id == 0 && i < n && c->v[i]->it.e.type == U_UPDATE)
			return stick(c, "gap", "an update of a document that "
			    "was not received whole%s%s", "", "");
		a->turn += d->id != 0 && (e->snapshot || d->dependency);
		if (d->id != 0 && e->type == U_CREATE && (e->snapshot ||
		    d->dependency) && (a->o.back || !is_mine(a, d)) &&
		    e->renamed >= d->renamed && !merge_rename(&a->g, d, e,
		    false)) {
			take_fault(a, c);
			return false;
		}
		if (!try_run(a, c, d, n))
			return false;
		if (db_failed(a->s->db))
			return true;
	}
	return true;
}

static bool
try_bodies(struct apply *a, struct chain *c, struct doc *d)
{
	struct seen v = { .peer = a->p.peer };
	struct chain aside = { 0 };
	struct entry_item *snap;
	bool good;

	if (d->id != 0)
		v = *merge_seen(&a->g, d->id);
	drop_stale(a, c, d, &v);
	snap = set_aside(a, c, &aside);
	good = try_runs(a, c, d);
	if (aside.n > 0)
		take_back(a, c, &aside, snap);
	return good;
}

/* All but the renames; where a rename is stuck it stays, the others go on. */
static bool
try_rest(struct apply *a, struct chain *c, struct doc *d, bool renamed)
{
	struct fault fault = c->fault;
	struct chain rest = *c;
	bool good;
	int i;

	if (renamed)
		return try_bodies(a, c, d);
	rest.v = arena_alloc(&a->page, c->n * sizeof(*rest.v));
	rest.n = 0;
	for (i = 0; i < c->n; )
		if (c->v[i]->it.e.type == U_RENAME)
			i++;
		else {
			rest.v[rest.n++] = c->v[i];
			chain_drop(c, i);
		}
	good = try_bodies(a, &rest, d);
	for (i = 0; i < rest.n; i++)
		chain_add(a, c, rest.v[i]);
	if (good)
		c->fault = fault;
	else {
		c->fault = rest.fault;
		c->want = rest.want;
		c->wants = rest.wants;
		c->nwants = rest.nwants;
	}
	return false;
}

/* Meanwhile another producer has come to bring the document. */
static void
refuse_parked(struct apply *a, struct chain *c, const struct doc *d)
{
	int i;

	for (i = 0; i < c->n; )
		if (c->v[i]->it.parked != 0 && !c->v[i]->own &&
		    second_route(a, &c->v[i]->it.e, d)) {
			outcome_refuse(a, &c->v[i]->it,
			    "another producer brings this document");
			chain_drop(c, i);
		} else
			i++;
}

static bool
only_renames(const struct chain *c)
{
	int i;

	for (i = 0; i < c->n; i++)
		if (c->v[i]->it.e.type != U_RENAME)
			return false;
	return true;
}

/* What changes the field that names documents here goes before the Renames, as
 * it was made: others get it so.  If it lost against what the document was
 * called here, and that is over, the field follows all the same. */
static bool
try_naming(struct apply *a, struct chain *c, struct doc *d, const char *value)
{
	try_rest(a, c, d, false);
	try_renames(a, c, d, only_renames(c) &&
	    (value == NULL || strcmp(value, d->name) != 0));
	return c->n == 0;
}

bool
advance(struct apply *a, struct chain *c)
{
	struct entry_item *last = NULL;
	struct doc d;
	const char *value;
	bool gone, renamed;
	int i;

	c->fault.code = NULL;
	c->want = NULL;
	c->nwants = 0;
	chain_sort(c);
	for (i = 0; i < c->n; i++)
		if (c->v[i]->it.e.type == U_DELETE && !c->v[i]->own)
			last = c->v[i];
	if (last != NULL && !try_delete(a, c, last))
		return false;
	if (c->n == 0)
		return true;
	gone = false;
	/* One of more than one birth may be in another chain as well. */
	if (c->turn == a->turn && c->v[0]->it.e.nalso == 0)
		d = c->d;
	else
		merge_find(&a->g, &c->v[0]->it.e, &d, &gone);
	c->d = d;
	c->turn = 0;
	if (gone || (d.id == 0 && c->v[0]->own)) {
		for (i = 0; i < c->n; i++)
			if (c->v[i]->it.parked != 0)
				outcome_refuse(a, &c->v[i]->it, "deleted here");
			else
				a->counts.skipped++;
		c->n = 0;
		return true;
	}
	if (d.id != 0 && d.home != 0 && d.home != a->p.peer)
		refuse_parked(a, c, &d);
	if (find_naming(c, &d, &value))
		return try_naming(a, c, &d, value);
	renamed = try_renames(a, c, &d, true);
	return try_rest(a, c, &d, renamed);
}
