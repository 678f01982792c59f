/* apply.c - events into a site file, page by page (DESIGN 7) */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "sync/apply.h"

enum { PAGE_EVENTS = 1000, PAGE_BYTES = 8 << 20 };
static const int64_t DAY = INT64_C(86400000000);

static void
worsen(struct apply *a, int status)
{
	if (status > a->status)
		a->status = status;
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
			advance(a, a->chains[i]);
			moved = moved || a->chains[i]->n < n;
			if (a->chains[i]->n == 0)
				chain_done(a);
			else
				keep_doc(a, a->chains[i]);
		}
		if (!moved)
			moved = chain_load_wanted(a) || together(a);
		if (!moved && a->freed) {
			a->freed = false;
			moved = chain_wake_blocked(a);
		}
	} while (moved && !db_failed(a->s->db));
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
				chain_load_stuck(a);
			for (i = 0; i < a->nitems; i++)
				if (claim(a, &a->items[i]->it.e) &&
				    !too_new(a, &a->items[i]->it.e))
					admit(a, a->items[i]);
			work(a);
			admit_delete_doomed(a);
			chain_park_rest(a);
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
	a->g.come = &a->bykey;
	a->g.back = o->back;
	a->g.done = outcome_done;
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
		a->count += it->it.e.resync != RESYNC_PARKED;
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
