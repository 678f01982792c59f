/* apply.c - a page of events into a site file: the consumer's rules (DESIGN 7) */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

enum { PAGE_EVENTS = 1000, PAGE_BYTES = 8 << 20 };
static const int64_t DAY = INT64_C(86400000000);

/* What has come of one document and is not applied yet, oldest first. */
struct chain {
	const char	*key;		/* site/birth; of stock =doctype/name */
	struct entry_item {
		struct item	 it;	/* must be first */
		bool		 own;	/* had passed here: only a link of the chain */
	}		**v;
	int		 n, cap;
	struct fault	 fault;		/* why it is stuck; code NULL: it is not */
	const char	*old;		/* the reason it was parked for, if it was */
	struct doc	 d;		/* the local document, as admit found it */
	unsigned	 turn;		/* it holds while this is the page's turn */
	const char	*want;		/* births waited for, with blanks between */
	size_t		 nwants;
	struct want	**wants;
};

struct waiting {			/* a parked key that waits for a birth */
	const char	*key;
	struct waiting	*next;
};

struct rejected {
	const char	*why, *text;
	struct rejected	*next;
};

struct apply {
	struct site	*s;
	struct apply_options o;
	struct apply_counts counts;
	struct arena	 page, run;
	struct arena	 work;		/* for one chain */
	struct merge	 g;
	int		 status;	/* the worst so far */
	bool		 ended;		/* an end line came last */
	bool		 begun;		/* -n: the transaction of the run */

	/* the producer whose page this is */
	char		*source;
	bool		 started;	/* what is parked from it was tried */
	struct map	 stuck;		/* keys that are parked; in run */
	struct map	 wanted;	/* birth -> struct waiting; in run */
	int64_t		 count;		/* events since the last checkpoint */
	bool		 hold;		/* something could not be taken: cursor stays */
	bool		 bad;		/* nothing is taken from it; said once */
	int64_t		 park;		/* the peer that its events are parked under */
	const char	*holder;	/* -B: the site that gives back; in run */
	const char	*why;		/* what it gives is not taken; in run */
	int64_t		 floor;		/* the time of our newest event known there */
	int64_t		 before;	/* our newest entry before the page */
	struct birth	*doomed;	/* of the page: come back to be deleted */
	size_t		 ndoomed, capdoomed;
	struct rejected *rejects, **last;	/* lines that could not be read */
	int64_t		 reached;	/* by empty pages before the first contact */
	char		*reached_name;

	/* the page */
	struct entry_item **items;
	size_t		 nitems, capitems, bytes;
	bool		 full;
	struct producer	 p;
	struct chain	**chains;
	size_t		 nchains, capchains;
	struct map	 bykey;
	bool		 freed;		/* something was deleted, renamed, changed */
	unsigned	 turn;		/* counts what may change other documents */
	FILE		*out;
	char		*text;
	size_t		 len;
};

static void
worsen(struct apply *a, int status)
{
	if (status > a->status)
		a->status = status;
}

/* ---- sync log */

static void
log_event(struct apply *a, struct item *it, struct sync *l)
{
	const struct subscription *row = producer_row(&a->p, it->e.doctype);
	yyjson_mut_doc *m;
	size_t len;
	char *text;

	l->id = it->log;
	l->event = it->e.name;
	l->time = time_now();
	l->peer = a->p.peer;
	l->producer = a->p.name;
	l->type = it->e.type;
	l->doctype = it->e.doctype;
	l->remote = it->e.docname;
	l->same_name = row != NULL && row->same_name;
	l->mapping = row == NULL ? NULL : row->mapping;
	if (it->log != 0)
		sync_result(a->s, l);
	else
		sync_add(a->s, l);
	it->log = l->id;
	if (a->out == NULL)
		return;
	m = yyjson_mut_doc_new(&a->work.alc);
	text = json_mut_text(&a->work, sync_doc(a->s, &a->work, m, l, false),
	    &len);
	fwrite(text, 1, len, a->out);
	putc('\n', a->out);
}

static void
unpark(struct apply *a, struct item *it)
{
	if (it->parked != 0)
		parked_remove(a->s, it->parked);
	it->parked = 0;
}

/* The newest of our own events that the document of a holder had. */
static const char *
own_event(const struct apply *a, const struct event *e)
{
	size_t i;

	for (i = 0; i < e->seen.n; i++)
		if (strcmp(e->seen.v[i].site, a->s->id) == 0)
			return e->seen.v[i].at.name;
	return NULL;
}

static void
note_given(struct apply *a, const struct event *e, int64_t doc)
{
	struct seen v = { .event = own_event(a, e) };

	if (v.event != NULL)
		seen_put(a->s, doc, &v);
}

/* An event was applied: the callback of merge_run. */
static void
done(void *arg, struct item *it, const struct doc *d, int64_t journal,
    const char *data, size_t len, const char *lost)
{
	struct apply *a = arg;
	struct sync l = { .status = SYNCED, .docname = d->name, .doc = d->id,
	    .journal = journal, .data = data, .datalen = len, .lost = lost };

	if (it == a->g.warned && a->g.warning != NULL) {
		l.code = "warning";
		l.error = a->g.warning;
	}
	if (a->o.back)
		note_given(a, &it->e, d->id);
	log_event(a, it, &l);
	unpark(a, it);
	a->counts.applied++;
	a->freed = a->freed || it->e.type != U_CREATE;
}

static void
refuse(struct apply *a, struct item *it, const char *why)
{
	struct sync l = { .status = FAILED, .code = "refused", .error = why };

	log_event(a, it, &l);
	unpark(a, it);
	a->counts.refused++;
}

static void
skip(struct apply *a, struct item *it)
{
	struct sync l = { .status = SYNCED };

	if (it->parked != 0)
		log_event(a, it, &l);
	unpark(a, it);
	a->counts.skipped++;
}

/* ---- chains */

static const char *
key_of(struct apply *a, const struct event *e)
{
	return merge_key(&a->page, e->birth_site, e->birth, e->doctype,
	    e->docname);
}

static const char *
wanted_key(struct apply *a, const struct want *w)
{
	return merge_key(&a->page, w->site, w->birth, w->doctype, w->name);
}

/* What is waited for stands in a list with blanks between: the birth, or a
 * key of stock with no blank in it. */
static char *
want_word(struct apply *a, const char *birth, const char *doctype,
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

static void
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

static void
chain_drop(struct chain *c, int i)
{
	memmove(c->v + i, c->v + i + 1, (c->n - i - 1) * sizeof(*c->v));
	c->n--;
}

/* By creation, a snapshot before the event it is named after; few and nearly
 * in order, so by insertion. */
static void
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

static bool
passed_here(const struct apply *a, const struct event *e)
{
	size_t i;

	for (i = 0; i < e->via.n; i++)
		if (strcmp(e->via.v[i].site, a->s->id) == 0)
			return true;
	return false;
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
		it->it.parked = p.id;
		it->it.log = p.log;
		it->own = passed_here(a, &it->it.e);
		c->old = arena_dup(&a->page, p.why, strlen(p.why));
		chain_add(a, c, it);
	}
}

static struct chain *
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

/* A document is here: what is parked for want of it joins the page. */
static void
wake(struct apply *a, const char *birth)
{
	struct waiting *w;

	if (birth == NULL || a->wanted.n == 0)
		return;
	for (w = map_get(&a->wanted, birth, strlen(birth)); w != NULL;
	    w = w->next)
		chain_get(a, w->key);
}

/* ---- rules 1 and 2: what is looked at at all */

/* Another producer brings this document already. */
static bool
second_route(struct apply *a, const struct event *e, const struct doc *d)
{
	const struct subscription *row;
	struct birth *b;
	struct producer other;
	size_t n;
	char *name;

	if (d->id == 0 || d->home == 0 || d->home == a->p.peer || d->dependency)
		return false;
	b = origin_births(a->s, &a->page, d->id, &n);
	if (n > 0 && strcmp(b[0].site, a->s->id) == 0)
		return false;
	name = producer_name(a->s, &a->page, d->home);
	if (name == NULL || !producer_load(a->s, &a->page, name, &other))
		return false;
	row = producer_row(&other, e->doctype);
	if (row == NULL || !row->approved)
		return false;
	return !merge_has_base(&a->g, e);
}

static bool
links_to(const struct event *e, const char *birth)
{
	yyjson_val *k, *v, *name, *b;
	size_t x, y, n, m;

	if (e->links == NULL)
		return false;
	yyjson_obj_foreach(e->links, x, n, k, v)
		yyjson_obj_foreach(v, y, m, name, b)
			if (yyjson_equals_str(yyjson_arr_get(b, 1), birth))
				return true;
	return false;
}

/* Is it linked to from a line of this page or from what is parked? */
static bool
is_linked(const struct apply *a, const struct event *e)
{
	size_t i;
	int k;

	if (e->birth == NULL)
		return false;
	for (i = 0; i < a->nitems; i++)
		if (links_to(&a->items[i]->it.e, e->birth))
			return true;
	for (i = 0; i < a->nchains; i++)
		for (k = 0; k < a->chains[i]->n; k++)
			if (links_to(&a->chains[i]->v[k]->it.e, e->birth))
				return true;
	return false;
}

/* May it come at all? */
static bool
allowed(struct apply *a, const struct event *e, const struct doc *d)
{
	const struct subscription *row = producer_row(&a->p, e->doctype);

	if ((e->type == U_DELETE || e->type == U_RENAME) && row == NULL)
		return d->id != 0 && d->home == a->p.peer;
	if (row != NULL && row->approved)
		return true;
	return e->dependency && is_linked(a, e);
}

static bool
in_chain(const struct chain *c, const struct event *e)
{
	int i;

	for (i = 0; i < c->n; i++)
		if (c->v[i]->it.e.snapshot == e->snapshot &&
		    strcmp(c->v[i]->it.e.name, e->name) == 0)
			return true;
	return false;
}

/* Is a document given back as it is known here, or older? */
static bool
is_old(struct apply *a, const struct event *e, const struct doc *d)
{
	const char *theirs = own_event(a, e);
	struct seen v;

	if (e->type == U_DELETE || e->renamed > d->renamed)
		return false;
	return theirs == NULL || journal_knows(a->s, theirs) ||
	    (seen_get(a->s, &a->page, d->id, 0, &v) &&
	    strcmp(theirs, v.event) <= 0);
}

/* One site has a document given back that another has as deleted, and the
 * journal knows neither: it comes, under whatever name, and goes again, so that
 * the one learns of it. */
static bool
doom(struct apply *a, struct event *e)
{
	if (!origin_untomb(a->s, e->birth))
		return false;
	if (doc_number(a->s, e->doctype, e->docname) != 0)
		e->docname = e->birth;
	if (a->ndoomed == a->capdoomed) {
		a->capdoomed = a->capdoomed * 2 + 16;
		a->doomed = xrealloc(a->doomed,
		    a->capdoomed * sizeof(*a->doomed));
	}
	a->doomed[a->ndoomed++] = (struct birth){ e->birth_site, e->birth };
	return true;
}

/* If it could not come it is as it was. */
static void
delete_doomed(struct apply *a)
{
	struct cause cause = { .user = a->p.user };
	const char *dt, *name;
	struct birth *b;
	struct doc d;
	int64_t id;
	bool gone;

	for (; a->ndoomed > 0; a->ndoomed--) {
		b = &a->doomed[a->ndoomed - 1];
		id = origin_find(a->s, b->site, b->id, &gone);
		if (id == 0)
			origin_tomb(a->s, b);
		else if (!gone && doc_load(a->s, &a->page, id, true, &d) &&
		    !doc_linked(a->s, &a->page, id, &dt, &name))
			doc_delete(a->s, &d, &cause);
	}
}

static void
admit(struct apply *a, struct entry_item *it)
{
	struct event *e = &it->it.e;
	struct chain *c;
	struct doc d;
	bool gone;

	it->own = passed_here(a, e);
	if (!meta_streamed(e->doctype)) {
		if (!sync_done(a->s, a->p.peer, e->name))
			refuse(a, &it->it, arena_printf(&a->page,
			    "%s never comes by stream", e->doctype));
		return;
	}
	if (!e->snapshot && sync_done(a->s, a->p.peer, e->name)) {
		a->counts.skipped++;
		return;
	}
	a->g.a = &a->page;		/* it stays until its chain is tried */
	merge_find(&a->g, e, &d, &gone);
	a->g.a = &a->work;
	if (a->o.back)
		series_raise(a->s, e->doctype, e->docname);
	if (a->o.back && gone && e->type == U_CREATE)
		gone = !doom(a, e);
	if (a->o.back && (gone || (d.id != 0 && is_old(a, e, &d)))) {
		a->counts.skipped++;
		return;
	}
	if (!allowed(a, e, &d) || (gone && e->type != U_DELETE)) {
		a->counts.skipped++;
		return;
	}
	c = chain_get(a, key_of(a, e));
	if (in_chain(c, e)) {
		a->counts.skipped++;
		return;
	}
	if (!it->own && second_route(a, e, &d)) {
		refuse(a, &it->it, "another producer brings this document");
		return;
	}
	chain_add(a, c, it);
	if (!gone) {
		c->d = d;
		c->turn = a->turn;
	}
}

/* ---- rules 3 to 7: one chain */

static bool
stick(struct chain *c, const char *code, const char *fmt, const char *x,
    const char *y)
{
	c->nwants = 0;
	return fault_set(&c->fault, code, fmt, x, y);
}

/* Delete ignores the chain, takes with it what is parked, leaves a tombstone. */
static bool
try_delete(struct apply *a, struct chain *c, struct entry_item *last)
{
	struct event *e = &last->it.e;
	struct cause cause = { .author = e->author, .via = &e->via,
	    .knew = &e->knew, .user = a->p.user };
	const char *dt, *name;
	struct sync l;
	struct birth b;
	struct doc d;
	bool gone;
	size_t k;
	int i, n = c->n;

	/* Stock uses names again: what comes after it is another document. */
	while (e->birth == NULL && c->v[n - 1] != last)
		n--;
	merge_find(&a->g, e, &d, &gone);
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
	} else if (e->birth != NULL && !gone)
		for (k = 0; k <= e->nalso; k++) {
			b = k == 0 ? (struct birth){ e->birth_site, e->birth } :
			    (struct birth){ e->also[k - 1].site,
			    e->also[k - 1].at.name };
			origin_tomb(a->s, &b);
		}
	a->freed = true;
	for (i = 0; i < n; i++) {
		if (c->v[i]->own && c->v[i] != last) {
			skip(a, &c->v[i]->it);
			continue;
		}
		l = (struct sync){ .status = SYNCED,
		    .docname = d.id == 0 ? NULL : d.name, .doc = d.id,
		    .journal = c->v[i] == last && d.id != 0 ? a->s->newest : 0 };
		if (c->v[i] != last)
			l.error = "deleted before it could be applied";
		log_event(a, &c->v[i]->it, &l);
		unpark(a, &c->v[i]->it);
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
			skip(a, &c->v[i]->it);
			chain_drop(c, i);
		} else
			i++;
	}
}

/* Of a document that is here the newest Rename counts whose name is free: one
 * on the way to it may make room for another document.  Of one that is not
 * here, and does not come in this chain, none does.  Those that are done with
 * go from the chain; if the name of the newest is taken that is the fault. */
static bool
try_renames(struct apply *a, struct chain *c, struct doc *d)
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
		    merge_rename(&a->g, d, &c->v[last]->it.e))
			break;
		if (c->fault.code == NULL)
			c->fault = a->g.fault;
	}
	for (i = 0; i <= last; )
		if (c->v[i]->it.e.type != U_RENAME)
			i++;
		else {
			if (d->id != 0 && !c->v[i]->own)
				done(a, &c->v[i]->it, d, 0, NULL, 0, NULL);
			else
				skip(a, &c->v[i]->it);
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

/* A snapshot older than what was applied since, a stick that was lost and
 * found, say, has nothing to tell. */
static bool
is_stale(const struct event *e, const struct seen *v)
{
	int64_t last;

	return e->snapshot && !none(v->last) && id_time(v->last, &last) &&
	    e->creation < last;
}

/* Events that an applied snapshot contains go. */
static void
drop_contained(struct apply *a, struct chain *c, const struct seen *v)
{
	const struct event *e;
	int i;

	for (i = 0; i < c->n; ) {
		e = &c->v[i]->it.e;
		if (is_stale(e, v) || (e->type != U_RENAME &&
		    e->creation <= v->upto)) {
			skip(a, &c->v[i]->it);
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
		if (c->v[i]->it.e.snapshot)
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
			skip(a, &aside->v[i]->it);
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
	skip(a, &c->v[0]->it);
	chain_drop(c, 0);
}

/* The longest run from the front whose chain is unbroken and that is not ours. */
static int
run_length(const struct chain *c, const struct seen *v)
{
	const char *last = v->last, *sent = v->sent;
	const struct event *e;
	int n;

	for (n = 0; n < c->n && !c->v[n]->own; n++) {
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
			    want_word(a, c->wants[i]->birth,
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
			wake(a, b[k].id);
		if (e->birth == NULL)
			wake(a, want_word(a, NULL, e->doctype, e->docname));
	}
	return r == n;
}

static bool
is_mine(struct apply *a, const struct doc *d)
{
	struct birth *b;
	size_t n;

	b = origin_births(a->s, &a->page, d->id, &n);
	return n > 0 && strcmp(b[0].site, a->s->id) == 0;
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
		if (c->v[0]->own && d->id != 0 && (e->snapshot ||
		    (e->type != U_CREATE && e->type != U_UPDATE) ||
		    (!none(v.last) && strcmp(e->name, v.last) <= 0) ||
		    follows(e, v.last, v.sent))) {
			if (!none(v.last) && strcmp(e->name, v.last) <= 0) {
				skip(a, &c->v[0]->it);
				chain_drop(c, 0);
			} else
				pass_own(a, c, d, &v);
			continue;
		}
		/* Its chain is not ours to follow: another brings it. */
		if (c->v[0]->own && second_route(a, e, d)) {
			skip(a, &c->v[0]->it);
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
		    e->renamed >= d->renamed && !merge_rename(&a->g, d, e)) {
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
	drop_contained(a, c, &v);
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
			refuse(a, &c->v[i]->it,
			    "another producer brings this document");
			chain_drop(c, i);
		} else
			i++;
}

/* Tries what has come of one document; true if nothing of it is left. */
static bool
try_chain(struct apply *a, struct chain *c)
{
	struct entry_item *last = NULL;
	struct doc d;
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
				refuse(a, &c->v[i]->it, "deleted here");
			else
				a->counts.skipped++;
		c->n = 0;
		return true;
	}
	if (d.id != 0 && d.home != 0 && d.home != a->p.peer)
		refuse_parked(a, c, &d);
	renamed = try_renames(a, c, &d);
	return try_rest(a, c, &d, renamed);
}

/* ---- documents that wait only for one another */

static struct chain *
chain_of(struct apply *a, const struct want *w)
{
	const char *key = wanted_key(a, w);

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
		try_chain(a, v[i]);
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

static bool
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

/* ---- a page */

/* What was parked for a link to it or for its name may go on. */
static bool
wake_blocked(struct apply *a)
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

/* What others wait for joins the page where it is parked: they may wait for
 * one another. */
static bool
load_wanted(struct apply *a)
{
	size_t was = a->nchains, i, k;
	const struct want *w;
	const char *key;

	if (a->stuck.n == 0)
		return false;
	for (i = 0; i < was; i++)
		for (k = 0; k < a->chains[i]->nwants; k++) {
			w = a->chains[i]->wants[k];
			key = wanted_key(a, w);
			if (map_get(&a->stuck, key, strlen(key)) != NULL)
				chain_get(a, key);
		}
	return a->nchains > was;
}

/* What one chain needed is not needed by the next: memory that stays warm. */
static void
chain_done(struct apply *a)
{
	arena_reset(&a->work);
	arena_reset(&a->s->scratch);
	a->g.seen_doc = 0;
	a->g.warning = NULL;
}

/* What is said of a chain that is stuck outlives the others. */
static void
keep_doc(struct apply *a, struct chain *c)
{
	if (c->d.id != 0)
		c->d.name = arena_dup(&a->page, c->d.name, strlen(c->d.name));
	c->d.data = NULL;
}

static void
work(struct apply *a)
{
	size_t i;
	bool moved;
	int n;

	do {
		moved = false;
		for (i = 0; i < a->nchains && !db_failed(a->s->db); i++) {
			n = a->chains[i]->n;
			if (n == 0)
				continue;
			try_chain(a, a->chains[i]);
			moved = moved || a->chains[i]->n < n;
			if (a->chains[i]->n == 0)
				chain_done(a);
			else
				keep_doc(a, a->chains[i]);
		}
		if (!moved)
			moved = load_wanted(a) || together(a);
		if (!moved && a->freed) {
			a->freed = false;
			moved = wake_blocked(a);
		}
	} while (moved && !db_failed(a->s->db));
}

static void
park(struct apply *a, struct chain *c, struct entry_item *it)
{
	struct parked p = { .id = it->it.parked, .key = c->key,
	    .event = it->it.e.name, .code = c->fault.code,
	    .why = safe(c->fault.text), .want = c->want };
	struct sync l = { .status = FAILED, .code = c->fault.code,
	    .error = p.why, .doc = c->d.id,
	    .docname = c->d.id == 0 ? NULL : c->d.name };

	if (p.id != 0 && c->old != NULL && strcmp(c->old, p.why) == 0)
		return;
	if (it->it.e.data != NULL)
		l.data = json_text(&a->page, it->it.e.data, &l.datalen);
	log_event(a, &it->it, &l);
	if (p.id != 0) {
		parked_reason(a->s, &p);
		return;
	}
	p.log = it->it.log;
	p.line = json_text(&a->page, it->it.e.line, &p.len);
	parked_add(a->s, a->park, &p);
	a->counts.parked++;
}

static void
park_rest(struct apply *a)
{
	struct chain *c;
	size_t i;
	int k;

	for (i = 0; i < a->nchains; i++) {
		c = a->chains[i];
		if (c->n == 0)
			continue;
		for (k = 0; k < c->n; k++)
			park(a, c, c->v[k]);
		remember(a, c->key, c->want);
	}
}

/* Once a run: what is parked from this producer, all to be tried. */
static void
load_stuck(struct apply *a)
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

/* Nothing is taken from this producer, and the cursor stays; said once. */
static bool
shun(struct apply *a, const char *why)
{
	if (!a->bad)
		warnx("%s", why);
	a->bad = a->hold = true;
	worsen(a, MISUSE);
	return false;
}

static bool
speaks_otherwise(struct apply *a, const char *site)
{
	return shun(a, arena_printf(&a->page, "'%s' speaks as another site than "
	    "before (%s, not %s): it was made anew or is not what it says; "
	    "nothing is taken from it", safe(a->p.name), safe(site),
	    safe(a->p.site)));
}

/* A line of another, or of stock, put into our terms. */
static bool
claim(struct apply *a, struct event *e)
{
	struct mark *own;

	if (e->site == NULL) {
		e->site = e->author = a->p.site;
		own = arena_alloc(&a->page, sizeof(*own));
		*own = (struct mark){ a->p.site, { 0, e->name } };
		e->via = (struct marks){ own, 1 };
		return true;
	}
	return strcmp(e->site, a->p.site) == 0 || speaks_otherwise(a, e->site);
}

static bool
too_new(struct apply *a, const struct event *e)
{
	char t[TIME_TEXT_LEN];

	if (e->creation <= time_now() + DAY)
		return false;
	if (!a->hold)
		warnx("event %s of '%s' is of %s, more than a day ahead: whose "
		    "clock is wrong?  It is not taken, the cursor stays",
		    safe(e->name), safe(a->p.name), time_text(e->creation, t));
	a->hold = true;
	a->counts.rejected++;
	worsen(a, REJECTED);
	return true;
}

/* First contact: nobody else is that site, and where empty pages led to. */
static bool
acquaint(struct apply *a, const char *site)
{
	const char *other = producer_name(a->s, &a->page,
	    site_peer(a->s, site));

	if (other != NULL && doc_number(a->s, "Event Producer", other) != 0)
		return shun(a, arena_printf(&a->page, "'%s' is the same site "
		    "as '%s': nothing is taken from it twice",
		    safe(a->source), safe(other)));
	if (producer_identify(a->s, &a->page, &a->p, site) == -1)
		return false;
	if (a->reached > a->p.cursor)
		producer_advance(a->s, &a->p, a->reached, a->reached_name);
	return true;
}

/* One that gives back is no producer: all of it is taken, if it is ours. */
static bool
meet_holder(struct apply *a)
{
	static const struct subscription all = { .doctype = "", .remote = "",
	    .approved = true, .same_name = true };
	const char *why;

	if (a->holder == NULL)
		return shun(a, "this is not of es-producer-log -B: nothing is "
		    "taken");
	a->p = (struct producer){ .name = a->source, .site = a->holder,
	    .peer = site_peer(a->s, a->holder), .user = "Administrator",
	    .all = &all };
	/* What waits does so apart from the stream of the same site. */
	a->park = site_peer(a->s, arena_printf(&a->page, "back:%s",
	    a->holder));
	journal_raise(a->s, a->floor);
	a->before = a->s->newest;
	why = rights_open(&a->g.rights, a->s, &a->page, &a->p);
	return why == NULL || shun(a, why);
}

/* The producer of this page; false if nothing may be taken. */
static bool
meet(struct apply *a, const struct checkpoint *c)
{
	const char *site = NULL, *why;
	size_t i;

	if (a->why != NULL)
		return shun(a, a->why);
	if (a->o.back)
		return meet_holder(a);
	if (!producer_load(a->s, &a->page, a->source, &a->p))
		return shun(a, arena_printf(&a->page, "no Event Producer '%s' "
		    "in '%s': nothing is taken from it; put one in with es-put",
		    safe(a->source), safe(a->s->path)));
	why = rights_open(&a->g.rights, a->s, &a->page, &a->p);
	if (why != NULL)
		return shun(a, why);
	for (i = 0; i < a->nitems && site == NULL; i++)
		site = a->items[i]->it.e.site;
	if (site == NULL && c != NULL)
		site = c->site;
	if (site != NULL && strcmp(site, a->s->id) == 0)
		return shun(a, arena_printf(&a->page, "'%s' is this site "
		    "itself", safe(a->source)));
	if (a->p.site == NULL) {
		if (site == NULL && a->nitems == 0 && a->rejects == NULL)
			return false;
		if (site == NULL)
			site = arena_printf(&a->page, "stock:%s", a->source);
		return acquaint(a, site);
	}
	if (a->nitems == 0 && site != NULL && strcmp(site, a->p.site) != 0)
		return speaks_otherwise(a, site);
	return true;
}

static void
log_rejects(struct apply *a)
{
	struct rejected *r;
	struct sync l;

	for (r = a->rejects; r != NULL; r = r->next) {
		l = (struct sync){ .event = "", .time = time_now(),
		    .peer = a->p.peer, .producer = a->p.name, .type = -1,
		    .status = FAILED, .doctype = "", .remote = "",
		    .code = "rejected", .error = r->why, .data = r->text,
		    .datalen = strlen(r->text) };
		if (!sync_rejected_before(a->s, &l))
			sync_add(a->s, &l);
	}
}

/* The producer does not know our cursor any more: it was restored from an older
 * copy, and goes on from there. */
static bool
leads_back(const struct checkpoint *c, int64_t cursor)
{
	return c->from == cursor && c->last_update < cursor && c->name != NULL;
}

/* Says why the cursor stays, or moves it. */
static void
checkpoint(struct apply *a, const struct checkpoint *c)
{
	char from[TIME_TEXT_LEN], at[TIME_TEXT_LEN];
	bool known = a->p.site != NULL;
	int64_t cursor = known ? a->p.cursor : a->reached;

	if (a->count != c->events) {
		warnx("saw %lld of %lld events of '%s', the cursor stays: send "
		    "them again", (long long)a->count, (long long)c->events,
		    safe(a->source));
		worsen(a, TEMPFAIL);
	} else if (!a->hold && c->from > cursor) {
		warnx("this page of '%s' begins at %s, the cursor stands at %s "
		    "and stays: what lies between is missing", safe(a->source),
		    time_text(c->from, from), cursor == 0 ? "the beginning" :
		    time_text(cursor, at));
		worsen(a, REJECTED);
	} else if (!a->hold && !known) {
		if (c->last_update > cursor) {
			a->reached = c->last_update;
			free(a->reached_name);
			a->reached_name = c->name == NULL ? NULL :
			    xstrdup(c->name);
		}
	} else if (!a->hold && (c->last_update >= cursor || leads_back(c,
	    cursor))) {
		if (c->last_update != cursor)
			producer_advance(a->s, &a->p, c->last_update, c->name);
		producer_contact(a->s, &a->p, NULL);
	}
	a->count = 0;
	a->hold = a->bad;
}

static void
page_begin(struct apply *a)
{
	a->nchains = 0;
	map_clear(&a->bykey);
	merge_forget(&a->g);
	a->g.nwaits = 0;
	a->freed = false;
	a->turn = 1;
	if (a->o.out != NULL)
		a->out = open_memstream(&a->text, &a->len);
}

static void
page_end(struct apply *a, bool good)
{
	if (a->out != NULL) {
		fclose(a->out);
		if (good)
			fwrite(a->text, 1, a->len, a->o.out);
		free(a->text);
		a->out = NULL;
	}
	a->nitems = a->bytes = 0;
	a->full = false;
	a->rejects = NULL;
	a->last = &a->rejects;
	map_clear(&a->bykey);
	arena_reset(&a->page);
	chain_done(a);
}

/* Applies what was read, in one transaction; c moves the cursor, or NULL. */
static int
page(struct apply *a, const struct checkpoint *c)
{
	bool good = false;
	size_t i;

	if (a->source == NULL || (a->nitems == 0 && c == NULL &&
	    a->rejects == NULL && a->started))
		return 0;
	page_begin(a);
	if (a->begun || site_begin(a->s) == 0) {
		a->begun = a->o.dry;
		if (meet(a, c)) {
			if (!a->o.back)
				a->park = a->p.peer;
			if (!a->started)
				load_stuck(a);
			for (i = 0; i < a->nitems; i++)
				if (claim(a, &a->items[i]->it.e) &&
				    !too_new(a, &a->items[i]->it.e))
					admit(a, a->items[i]);
			work(a);
			delete_doomed(a);
			park_rest(a);
			log_rejects(a);
			if (a->o.back && a->s->newest > a->before)
				restored_move(a->s);
		} else
			a->counts.rejected += a->nitems;
		if (c != NULL && a->p.name != NULL && !a->o.back)
			checkpoint(a, c);
		good = a->begun ? !db_failed(a->s->db) :
		    site_commit(a->s) == 0;
	}
	page_end(a, good);
	if (!good)
		worsen(a, TEMPFAIL);
	return good ? 0 : TEMPFAIL;
}

/* ---- lines */

struct apply *
apply_open(struct site *s, const struct apply_options *o)
{
	struct apply *a = xcalloc(1, sizeof(*a));

	a->s = s;
	a->o = *o;
	if (o->producer != NULL)
		a->source = xstrdup(o->producer);
	a->last = &a->rejects;
	arena_init(&a->page);
	arena_init(&a->work);
	arena_init(&a->run);
	a->g.s = s;
	a->g.p = &a->p;
	a->g.a = &a->work;
	a->g.page = &a->page;
	a->g.back = o->back;
	a->g.done = done;
	a->g.arg = a;
	/* A control character first: no name may begin so. */
	a->g.token[0] = '\001';
	id_new(a->g.token + 1, time_now());
	return a;
}

int
apply_flush(struct apply *a)
{
	/* The line that a dependency is for is still to come. */
	if (a->nitems > 0 && a->items[a->nitems - 1]->it.e.dependency)
		return 0;
	return page(a, NULL);
}

int
apply_eof(struct apply *a)
{
	int status = page(a, NULL);

	if (!a->ended) {
		warnx("the input has no end line: it was cut; run again");
		worsen(a, TEMPFAIL);
	}
	a->ended = false;
	a->count = 0;
	a->hold = a->bad;
	return status;
}

/* Lines of another producer begin: what was read so far is applied. */
static int
turn_to(struct apply *a, const char *name)
{
	char *copy;

	if (a->o.producer != NULL)
		name = a->o.producer;
	if (a->source != NULL && strcmp(a->source, name) == 0)
		return 0;
	copy = xstrdup(name);		/* it may be in the page's memory */
	if (page(a, NULL) != 0) {
		free(copy);
		return TEMPFAIL;
	}
	free(a->source);
	a->source = copy;
	a->started = a->hold = a->bad = false;
	a->holder = a->why = NULL;
	a->count = a->reached = 0;
	map_clear(&a->stuck);
	map_clear(&a->wanted);
	arena_reset(&a->run);
	return 0;
}

int
apply_reject(struct apply *a, const char *at, const char *why,
    const char *text, size_t len)
{
	struct rejected *r = arena_alloc(&a->page, sizeof(*r));

	warnx("%s: %s", at, safe(why));
	r->why = arena_dup(&a->page, why, strlen(why));
	text = safen(text, len > 200 ? 200 : len);
	r->text = arena_dup(&a->page, text, strlen(text));
	r->next = NULL;
	*a->last = r;
	a->last = &r->next;
	a->ended = false;
	a->counts.rejected++;
	worsen(a, REJECTED);
	return 0;
}

static int
take_event(struct apply *a, const char *at, yyjson_val *v, const char *text,
    size_t len)
{
	struct entry_item *it;
	const char *why, *name;

	/* Not before the next event: a checkpoint belongs to the page.  The
	 * page's memory goes with it: the line is read again. */
	if (a->full)
		return page(a, NULL) != 0 ? TEMPFAIL :
		    apply_line(a, at, text, len);
	it = arena_alloc(&a->page, sizeof(*it));
	memset(it, 0, sizeof(*it));
	if ((why = event_read(&a->page, v, &it->it.e)) != NULL)
		return apply_reject(a, at, why, text, len);
	name = it->it.e.producer;
	if (name == NULL && a->o.producer == NULL)
		return apply_reject(a, at, "the event does not say its "
		    "event_producer; give -p", text, len);
	if ((a->o.producer == NULL && (a->source == NULL ||
	    strcmp(a->source, name) != 0)) || a->source == NULL) {
		if (turn_to(a, name == NULL ? a->o.producer :
		    name) != 0)
			return TEMPFAIL;
		return apply_line(a, at, text, len);
	}
	if (a->nitems == a->capitems) {
		a->capitems = a->capitems == 0 ? 1024 : a->capitems * 2;
		a->items = xrealloc(a->items, a->capitems * sizeof(*a->items));
	}
	a->items[a->nitems++] = it;
	a->bytes += len;
	a->ended = false;
	a->counts.events++;
	if (!it->it.e.dependency)
		a->count++;
	else if (a->bytes < 4 * PAGE_BYTES)
		return 0;	/* stays with the line that needs it */
	a->full = a->nitems >= PAGE_EVENTS || a->bytes >= PAGE_BYTES;
	return 0;
}

static int
take_checkpoint(struct apply *a, const char *at, yyjson_val *v,
    const char *text, size_t len)
{
	struct checkpoint c;
	const char *why = checkpoint_read(v, &c);

	if (why != NULL)
		return apply_reject(a, at, why, text, len);
	if (a->source == NULL || (a->o.producer == NULL &&
	    strcmp(a->source, c.producer) != 0)) {
		if (turn_to(a, c.producer) != 0)
			return TEMPFAIL;
		return apply_line(a, at, text, len);
	}
	a->ended = false;
	return page(a, &c);
}

/* What a producer says to our subscription, in a transaction of its own: the
 * next page is taken by it. */
static int
take_grant(struct apply *a, const char *at, yyjson_val *grant,
    const char *text, size_t len)
{
	struct fault fault;
	bool good;

	/* The page's memory goes with it: the line is read again. */
	if (a->nitems > 0)
		return page(a, NULL) != 0 ? TEMPFAIL :
		    apply_line(a, at, text, len);
	a->ended = false;
	if (a->o.producer != NULL)
		yyjson_set_str(yyjson_obj_get(grant, "event_producer"),
		    a->o.producer);
	if (!a->begun && site_begin(a->s) == -1)
		return TEMPFAIL;
	a->begun = a->o.dry;
	good = subscribe_grant(a->s, &a->page, grant, &fault);
	if (!good && !db_failed(a->s->db)) {
		warnx("%s: %s", at, safe(fault.text));
		worsen(a, MISUSE);
	}
	if (a->begun)
		return db_failed(a->s->db);
	if (good)
		return site_commit(a->s) == -1 ? TEMPFAIL : 0;
	site_rollback(a->s);
	return db_failed(a->s->db);
}

static int
take_end(struct apply *a, yyjson_val *v)
{
	int64_t status = json_int(v, "status", TEMPFAIL);
	const char *why = json_str(v, "why");

	a->ended = true;
	if (status != DONE && why != NULL)
		warnx("%s said: %s", safe(json_str(v, "program")), safe(why));
	worsen(a, status >= 0 && status <= 255 ? status : TEMPFAIL);
	return 0;
}

/* Why what is given back is not taken here; in run. */
static const char *
not_taken(struct apply *a, const char *owner, int64_t newest)
{
	char t[TIME_TEXT_LEN];

	if (!a->o.back)
		return arena_printf(&a->run, "what '%s' gives back is for "
		    "es-apply -B: nothing is taken", safe(a->source));
	if (strcmp(owner, a->s->id) != 0)
		return arena_printf(&a->run, "what '%s' gives back is not of "
		    "'%s', but of site %s: nothing is taken", safe(a->source),
		    safe(a->s->path), safe(owner));
	if (restored_at(a->s) == 0)
		return arena_printf(&a->run, "'%s' was not said to be "
		    "restored; run: es-init -R -s %s", safe(a->s->path),
		    safe(a->s->path));
	if (newest > time_now() + DAY)
		return arena_printf(&a->run, "'%s' knows an event of %s, more "
		    "than a day ahead: whose clock is wrong?  Nothing is taken",
		    safe(a->source), time_text(newest, t));
	return NULL;
}

/* {"back":…}: a site gives back what it has of ours. */
static int
take_back_line(struct apply *a, const char *at, yyjson_val *v,
    const char *text, size_t len)
{
	const char *name = json_str(v, "event_producer");
	const char *site = json_str(v, "site"), *owner = json_str(v, "owner");
	const char *newest = json_str(v, "last_update");
	int64_t floor = 0;

	if (name == NULL || site == NULL || owner == NULL ||
	    (newest != NULL && !time_parse(newest, &floor)))
		return apply_reject(a, at, "a back line without "
		    "event_producer, site, owner and a time", text, len);
	/* The page's memory goes with it: the line is read again. */
	if (a->source == NULL || strcmp(a->source, name) != 0)
		return turn_to(a, name) != 0 ? TEMPFAIL :
		    apply_line(a, at, text, len);
	a->holder = arena_dup(&a->run, site, strlen(site));
	a->floor = floor;
	a->why = not_taken(a, owner, floor);
	a->ended = false;
	return 0;
}

int
apply_line(struct apply *a, const char *at, const char *text, size_t len)
{
	yyjson_val *v, *r;
	const char *why;
	yyjson_doc *doc;

	if (db_failed(a->s->db))
		return TEMPFAIL;
	if ((doc = json_parse(&a->page, text, len, &why)) == NULL)
		return apply_reject(a, at, why, text, len);
	v = yyjson_doc_get_root(doc);
	if (event_is(v))
		return take_event(a, at, v, text, len);
	if (yyjson_obj_get(v, "checkpoint") != NULL)
		return take_checkpoint(a, at, v, text, len);
	if ((r = yyjson_obj_get(v, "end")) != NULL)
		return take_end(a, r);
	if ((r = yyjson_obj_get(v, "back")) != NULL)
		return take_back_line(a, at, r, text, len);
	if ((r = yyjson_obj_get(v, "grant")) != NULL)
		return take_grant(a, at, r, text, len);
	if ((r = yyjson_obj_get(v, "rejected")) != NULL)
		return apply_reject(a, at, arena_printf(&a->page, "%s: %s",
		    json_str(r, "program") == NULL ? "?" : json_str(r, "program"),
		    json_str(r, "why") == NULL ? "rejected" : json_str(r, "why")),
		    json_str(r, "text") == NULL ? "" : json_str(r, "text"),
		    json_str(r, "text") == NULL ? 0 : strlen(json_str(r, "text")));
	if (!yyjson_is_obj(v))
		return apply_reject(a, at, "the line is no JSON object", text,
		    len);
	return 0;			/* a control line that is not for us */
}

int
apply_close(struct apply *a, struct apply_counts *counts)
{
	int status;

	if (!db_failed(a->s->db))
		page(a, NULL);
	if (a->begun)
		site_rollback(a->s);
	if (a->counts.parked > 0 || a->counts.refused > 0)
		worsen(a, REJECTED);
	if (db_failed(a->s->db))
		worsen(a, TEMPFAIL);
	status = a->status;
	if (counts != NULL)
		*counts = a->counts;
	map_free(&a->stuck);
	map_free(&a->wanted);
	map_free(&a->bykey);
	map_free(&a->g.local);
	map_free(&a->g.rights.known);
	free(a->g.waits);
	free(a->chains);
	free(a->items);
	free(a->source);
	free(a->reached_name);
	free(a->doomed);
	arena_free(&a->page);
	arena_free(&a->work);
	arena_free(&a->run);
	free(a);
	return status;
}
