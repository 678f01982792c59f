/* es-producer-log - the update log of a site, as events */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-producer-log [-aqv] [-e event] [-L limit] [-o file] [-S since]\n"
    "           [-s site] [-U until] [doctype [name ...]]\n"
    "       es-producer-log -c consumer [-dqv] [-L limit] [-o file] [-S since]\n"
    "           [-s site]\n"
    "       es-producer-log -i [-dqv] [-o file] [-s site] [doctype [name ...]]\n"
    "       es-producer-log -B owner [-qv] [-o file] [-s site]\n";

struct reader {
	struct site	*s;
	FILE		*out;
	struct arena	 a, run;	/* of a line; of all */
	bool		 all;		/* -a: also what is never streamed */
	char		**only;		/* doctype and names, NULL-terminated */
	const char	*event;
	struct view	*view;		/* -c: what that consumer gets */
	struct consumer	 consumer;	/* and it */
	struct deps	*deps;		/* -d */
	struct buf	 page;		/* and lines that wait for it */
	int64_t		 number;	/* -i: of the document at hand */
	struct once	 whole;		/* documents, for entries without data */
	bool		 dropped;	/* -e: its data was */
	int64_t		 restored;	/* an entry where all is told anew, or 0 */
	int64_t		 asked;		/* from a point that is not known any more */
	int64_t		 limit, until;
	int64_t		 at;		/* read up to here */
	char		 name[ID_LEN + 1];
	int64_t		 events;	/* in all */
	const char	*why;		/* it stops before its end; or NULL */
};

/* Is it of the DocType, and of the names, that were asked for? */
static bool
is_named(const struct reader *r, const char *doctype, const char *name)
{
	char **n;

	if (strcmp(doctype, r->only[0]) != 0)
		return false;
	for (n = r->only + 1; *n != NULL; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return n == r->only + 1;
}

static bool
wanted(const struct reader *r, const struct entry *e)
{
	if (e->doc == 0 ||
	    (r->event != NULL && strcmp(e->name, r->event) != 0))
		return false;
	if (!r->all && !meta_streamed(e->doctype))
		return false;
	return *r->only == NULL || is_named(r, e->doctype, e->docname);
}

/* Is it one of those that -i is to print? */
static bool
is_chosen(const struct reader *r, const struct doc *d)
{
	return *r->only == NULL ? meta_streamed(d->meta->name) :
	    is_named(r, d->meta->name, d->name);
}

/* ---- -d: lines with what they link to before them */

static bool
has(void *arg, const char *site, const char *birth)
{
	struct reader *r = arg;
	struct doc d;
	bool gone;
	int64_t id = origin_find(r->s, site, birth, &gone);

	if (id == 0 || gone)
		return true;		/* there is nothing to give */
	if (r->view == NULL)
		return id < r->number && doc_load(r->s, &r->a, id, false, &d) &&
		    is_chosen(r, &d);
	return (r->consumer.site != NULL &&
	    strcmp(r->consumer.site, site) == 0) ||
	    view_streams(r->view, id) || !view_offers(r->view, id) ||
	    view_failed(r->view) != NULL;
}

static void
bring(struct reader *r, const struct birth *b)
{
	struct event e;
	struct doc d;
	bool gone;
	int64_t id = origin_find(r->s, b->site, b->id, &gone);
	size_t len;
	char *line;

	if (!doc_load(r->s, &r->a, id, true, &d) ||
	    (line = produce_snapshot_for(r->s, &r->a, &d, r->consumer.site,
	    &len)) == NULL)
		return;
	if (event_read(&r->a, yyjson_doc_get_root(json_parse_own(&r->a, line,
	    len)), &e) == NULL)
		deps_bring(r->deps, line, len, &e);
}

static bool
fetch(void *arg, const struct birth *v, size_t n)
{
	struct reader *r = arg;
	size_t i;

	for (i = 0; i < n; i++) {
		bring(r, &v[i]);
		arena_reset(&r->a);
	}
	return true;
}

static void
open_deps(struct reader *r)
{
	struct deps_source source = { .out = r->out, .has = has,
	    .fetch = fetch, .arg = r };

	r->deps = deps_open(&source);
}

static void
write_with_deps(struct reader *r, const char *line, size_t len)
{
	struct event e;

	if (event_read(&r->a, yyjson_doc_get_root(json_parse_own(&r->a, line,
	    len)), &e) != NULL)
		deps_pass(r->deps, line, len);
	/* With -i it may have come before, as it was linked to. */
	else if (!e.snapshot || e.birth == NULL || r->view != NULL ||
	    !deps_is_coming(r->deps, e.birth))
		deps_event(r->deps, line, len, &e);
	else
		r->events--;
	if (deps_full(r->deps))
		deps_flush(r->deps);
}

/* What a page of the view gave, which cannot be asked while it gives. */
static void
write_page(struct reader *r)
{
	const char *at = r->page.p, *nl, *end = at + r->page.len;

	for (; at < end; at = nl + 1) {
		nl = memchr(at, '\n', end - at);
		write_with_deps(r, at, nl - at);
		arena_reset(&r->a);
	}
	r->page.len = 0;
	deps_flush(r->deps);
}

static void
write_line(struct reader *r, const char *line, size_t len)
{
	r->events++;
	if (r->deps != NULL && r->view == NULL)
		write_with_deps(r, line, len);
	else if (r->deps != NULL) {
		buf_add(&r->page, line, len);
		buf_add(&r->page, "\n", 1);
	} else {
		fwrite(line, 1, len, r->out);
		putc('\n', r->out);
	}
	arena_reset(&r->a);
}

/* -i: documents as they are now, by number. */
static int
snapshots(struct reader *r)
{
	const struct meta *m = *r->only == NULL ? NULL :
	    site_meta(r->s, r->only[0]);
	struct doc d;
	int64_t id = 0;
	size_t len;
	char *line, **n;
	int status = DONE;

	for (n = r->only; m != NULL && *++n != NULL; )
		if (!doc_find(r->s, &r->a, m, *n, false, &d)) {
			warnx("no %s '%s'", safe(m->name), safe(*n));
			status = REJECTED;
		}
	while (doc_after(r->s, &r->a, id, m == NULL ? 0 : m->id, &d)) {
		r->number = id = d.id;
		if (!is_chosen(r, &d))
			continue;
		line = produce_snapshot(r->s, &r->a, &d, &len);
		if (line == NULL)
			return TEMPFAIL;
		write_line(r, line, len);
	}
	return db_failed(r->s->db) ? TEMPFAIL : status;
}

/* Instead of entries whose data es-prune dropped: the document, if it is there,
 * once. */
static void
write_whole(struct reader *r, const struct entry *e)
{
	struct doc d;
	size_t len;
	char *line;

	if (r->event != NULL)
		r->dropped = true;
	else if (once_first(&r->whole, e->doc) &&
	    doc_load(r->s, &r->a, e->doc, true, &d) &&
	    (line = produce_snapshot(r->s, &r->a, &d, &len)) != NULL)
		write_line(r, line, len);
}

/* One page of entries: the events written, -1 if the site failed.  *more says
 * whether there may be another. */
static int64_t
page(struct reader *r, bool *more)
{
	int64_t was = r->events, seen = 0;
	struct entry e;
	struct query *q;
	size_t len;
	char *line;

	q = journal_from(r->s, r->at, r->limit);
	while (journal_next(r->s, q, &e) == 1) {
		if (e.creation >= r->until) {
			db_end(q);
			seen = 0;
			break;
		}
		seen++;
		r->at = e.creation;
		snprintf(r->name, sizeof(r->name), "%s", e.name);
		if (e.creation == r->restored)
			snapshots(r);
		if (!wanted(r, &e))
			continue;
		if (entry_pruned(&e)) {
			write_whole(r, &e);
			continue;
		}
		line = produce_line(r->s, &r->a, &e, &len);
		write_line(r, line, len);
	}
	*more = seen == r->limit;
	return db_failed(r->s->db) ? -1 : r->events - was;
}

static bool
view_line(void *arg, const char *line, size_t len)
{
	write_line(arg, line, len);
	return true;
}

/* A condition could not be evaluated. */
static int
stop(struct reader *r)
{
	r->why = arena_dup(&r->run, view_failed(r->view),
	    strlen(view_failed(r->view)));
	warnx("%s", safe(r->why));
	return TEMPFAIL;
}

/* A choice of events is no page of the stream: it has no checkpoint. */
static int
whole_log(struct reader *r, bool choice)
{
	struct checkpoint c = { .producer = r->s->address, .site = r->s->id };
	bool more = true;

	while (more) {
		c.from = r->asked != 0 ? r->asked : r->at;
		r->asked = 0;
		if (site_begin_read(r->s) == -1 ||
		    (c.events = r->view == NULL ? page(r, &more) :
		    view_page(r->view, &r->at, r->name, r->limit, view_line, r,
		    &more)) == -1)
			return TEMPFAIL;
		if (r->deps != NULL)
			write_page(r);
		if (db_commit(r->s->db) == -1)
			return TEMPFAIL;
		c.last_update = r->at;
		c.name = *r->name == '\0' ? NULL : r->name;
		if (!choice)
			put_checkpoint(r->out, &c);
		if (r->view != NULL && view_failed(r->view) != NULL)
			return stop(r);
		if (ferror(r->out))
			return TEMPFAIL;
	}
	return DONE;
}

/* -i, or -B: what the owner made; of one moment. */
static int
documents(struct reader *r, const char *owner)
{
	int status;

	if (site_begin_read(r->s) == -1)
		return TEMPFAIL;
	status = owner == NULL ? snapshots(r) :
	    back_write(r->s, owner, r->out, &r->events);
	if (r->deps != NULL)
		deps_flush(r->deps);
	return db_commit(r->s->db) == -1 ? TEMPFAIL : status;
}

/* "time" or "time,name": a point that this site has given out.  If it does not
 * know the name any more it was restored from an older copy. */
static void
start_at(struct reader *r, const char *since)
{
	char *copy = xstrdup(since), *comma = strchr(copy, ',');
	char t[TIME_TEXT_LEN];
	const char *why;
	int64_t at;

	if (comma != NULL)
		*comma++ = '\0';
	if (!time_option(copy, &at))
		errx(MISUSE, "-S wants a time, as today, -2d or "
		    "'2026-11-23 10:11:12.000123', not '%s'", safe(since));
	if ((why = produce_start(r->s, &r->a, time_text(at, t), comma, &r->at,
	    r->name)) != NULL)
		errx(MISUSE, "%s", safe(why));
	/* Its name is not known any more. */
	if (comma != NULL && *comma != '\0' && strcmp(comma, r->name) != 0) {
		r->restored = restored_at(r->s);
		r->asked = at;
	}
	free(copy);
}

static int
finish(struct reader *r, int status, const char *file, bool verbose)
{
	bool failed;

	if (r->event != NULL && r->events == 0) {
		if (r->dropped)
			warnx("es-prune dropped the data of event '%s'; -i "
			    "prints the document as it is", safe(r->event));
		else
			warnx("no event '%s' in '%s'", safe(r->event),
			    safe(r->s->path));
		status = REJECTED;
	}
	put_end(r->out, status, r->why != NULL ? r->why : status == TEMPFAIL ?
	    "the site failed" : NULL);
	if (verbose)
		warnx("%lld events", (long long)r->events);
	failed = db_failed(r->s->db) != 0;
	deps_close(r->deps);
	if (r->view != NULL)
		view_warn(r->view);
	view_close(r->view);
	site_close(r->s);
	arena_free(&r->a);
	arena_free(&r->run);
	buf_free(&r->page);
	once_free(&r->whole);
	if (file == NULL)
		return out_close(status);
	if (failed)
		out_drop(r->out, file);
	else if (out_rename(r->out, file) == -1)
		status = TEMPFAIL;
	return status;
}

int
main(int argc, char *argv[])
{
	struct reader r = { .limit = 1000, .until = INT64_MAX, .out = stdout };
	const char *path = NULL, *file = NULL, *since = NULL, *until = NULL;
	const char *consumer = NULL, *owner = NULL;
	bool initial = false, quiet = false, verbose = false;
	bool deps = false;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "aB:c:de:iL:o:qS:s:U:v")) != -1)
		switch (ch) {
		case 'a':
			r.all = true;
			break;
		case 'B':
			owner = optarg;
			break;
		case 'c':
			consumer = optarg;
			break;
		case 'd':
			deps = true;
			break;
		case 'e':
			r.event = optarg;
			break;
		case 'i':
			initial = true;
			break;
		case 'L':
			r.limit = count_option(ch, optarg, 100000);
			break;
		case 'o':
			file = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		case 'S':
			since = optarg;
			break;
		case 's':
			path = optarg;
			break;
		case 'U':
			until = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			misuse(usage);
		}
	argv += optind;
	want_text(argv);
	r.only = argv;
	if (initial && (r.event != NULL || since != NULL || until != NULL ||
	    r.all))
		misuse(usage);
	if (consumer != NULL && (initial || r.event != NULL || until != NULL ||
	    r.all || *r.only != NULL))
		misuse(usage);
	if (owner != NULL && (initial || consumer != NULL || r.event != NULL ||
	    since != NULL || until != NULL || r.all || *r.only != NULL))
		misuse(usage);
	if (deps && !initial && consumer == NULL)
		misuse(usage);
	if (until != NULL && !time_option(until, &r.until))
		errx(MISUSE, "-U wants a time, not '%s'", safe(until));
	if ((r.s = site_open(site_path(path), SITE_READ, &status)) == NULL)
		return status;
	arena_init(&r.a);
	arena_init(&r.run);
	once_init(&r.whole);
	if (since != NULL)
		start_at(&r, since);
	if (*r.only != NULL && site_meta(r.s, r.only[0]) == NULL)
		errx(MISUSE, "no DocType '%s' in '%s'; es-doctype -l lists "
		    "them", safe(r.only[0]), safe(r.s->path));
	if (consumer != NULL && ((r.view = view_open(r.s, consumer)) == NULL ||
	    !consumer_load(r.s, &r.run, consumer, &r.consumer)))
		errx(MISUSE, "no Event Consumer '%s' in '%s'", safe(consumer),
		    safe(r.s->path));
	if (owner != NULL && producer_number(r.s, owner) <= 0 &&
	    doc_number(r.s, "Event Producer", owner) == 0)
		errx(MISUSE, "'%s' knows no other site '%s'", safe(r.s->path),
		    safe(owner));
	if (file != NULL && (r.out = out_open(file)) == NULL)
		return TEMPFAIL;
	if (deps || (r.view != NULL && strstr(r.consumer.name, "://") == NULL))
		open_deps(&r);
	status = initial || owner != NULL ? documents(&r, owner) :
	    whole_log(&r, *r.only != NULL || r.event != NULL);
	return finish(&r, status, file, verbose && !quiet);
}
