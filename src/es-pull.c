/* es-pull - get the events of a producer */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-pull [-qv] [-L limit] [-o file] [-S since] [-s site] [-W seconds]\n"
    "           producer\n"
    "       es-pull -i [-qv] [-L limit] [-o file] [-s site] [-W seconds]\n"
    "           producer [doctype [name ...]]\n";

enum { SECOND = 1000000, SHOW_AFTER = 2 * SECOND, SHOW_EVERY = SECOND / 4,
    UNSET = -1 };

struct run {
	struct arena	 a;
	struct producer	 p;
	struct pull_source from;
	struct pull	*pull;
	FILE		*out;
	struct pull_page at;		/* read up to here */
	int64_t		 limit, pages;
	struct patience	 patience;
	int64_t		 began, flushed, shown;	/* times */
	bool		 verbose, tty;
	char		*why;		/* for the end line */
	const char	*doctype;	/* -i: of this alone, or NULL */
	char		**names;
	struct map	 came;		/* names that came */
};

static void
erase(struct run *r)
{
	if (r->shown != 0)
		fputs("\r\033[K", stderr);
	r->shown = 0;
}

/* Says it here, and at the end of what is printed. */
static int
complain(struct run *r, int status, const char *why)
{
	erase(r);
	if (r->out == NULL || !ferror(r->out))
		warnx("%s: %s", safe(r->p.name), safe(why));
	free(r->why);
	r->why = xstrdup(safe(why));
	return status;
}

/* ---- while it goes on */

static void
show(struct run *r, int64_t now)
{
	if (!r->tty || now - r->began < SHOW_AFTER ||
	    now - r->shown < SHOW_EVERY)
		return;
	fprintf(stderr, "\r%s: %lld events, %lld pages\033[K", safe(r->p.name),
	    (long long)pull_counted(r->pull)->events, (long long)r->pages);
	r->shown = now;
}

/* What came is not kept from the reader while more is waited for. */
static void
idle(void *arg)
{
	struct run *r = arg;
	int64_t now = time_now();

	if (now - r->flushed >= SECOND) {
		fflush(r->out);
		r->flushed = now;
	}
	show(r, now);
}

static void
seen(void *arg, const struct event *e)
{
	struct run *r = arg;
	size_t len = strlen(e->docname);

	if (r->names != NULL && strcmp(e->doctype, r->doctype) == 0)
		map_set(&r->came, arena_dup(&r->a, e->docname, len), len, r);
}

/* Waits before a request is made again; false if that would take longer than -W
 * allows. */
static bool
again(struct run *r, const char *why)
{
	struct remote *remote = r->from.remote;
	int64_t asked = remote == NULL ? -1 : remote_retry_after(remote);
	int64_t ms;

	if (remote == NULL || ferror(r->out) ||
	    (ms = patience_next(&r->patience, asked)) == -1)
		return false;
	if (r->verbose) {
		erase(r);
		warnx("%s: %s; again in %.1f seconds", safe(r->p.name),
		    safe(why), ms / 1000.0);
	}
	fflush(r->out);
	patience_wait(ms);
	return true;
}

static int
page(struct run *r, const struct pull_request *q, struct pull_page *page)
{
	const char *why;
	int status;

	while ((status = pull_page(r->pull, q, page, &why)) == TEMPFAIL)
		if (!again(r, why))
			break;
	if (status != DONE)
		return complain(r, status, why);
	r->pages++;
	r->patience.waited = r->patience.tries = 0;
	show(r, time_now());
	return ferror(r->out) ? TEMPFAIL : DONE;
}

/* Page after page, from where we are. */
static int
stream(struct run *r)
{
	struct pull_request q = { .limit = r->limit };
	struct pull_page next;
	int status;

	do {
		q.from = r->at.last_update;
		q.name = *r->at.name == '\0' ? NULL : r->at.name;
		if ((status = page(r, &q, &next)) != DONE)
			return status;
		pull_checkpoint(r->pull, q.from, &next);
		fflush(r->out);
		r->at = next;
	} while (next.more);
	return DONE;
}

/* ---- -i */

static char *
names_text(struct run *r)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&r->a.alc);
	yyjson_mut_val *list = yyjson_mut_arr(m);
	char **n;

	if (r->names == NULL)
		return NULL;
	for (n = r->names; *n != NULL; n++)
		yyjson_mut_arr_add_str(m, list, *n);
	return json_mut_text(&r->a, list, NULL);
}

static int
missing(struct run *r)
{
	int status = DONE;
	char **n;

	for (n = r->names; n != NULL && *n != NULL; n++)
		if (map_get(&r->came, *n, strlen(*n)) == NULL) {
			erase(r);
			warnx("%s: %s '%s' did not come: it is not there, or "
			    "not granted", safe(r->p.name), safe(r->doctype),
			    safe(*n));
			status = REJECTED;
		}
	return status;
}

/* From the moment of the first snapshots the log is still to be read. */
static int
snapshots(struct run *r)
{
	struct pull_request q = { .limit = r->limit, .initial = true,
	    .doctype = r->doctype, .names = names_text(r) };
	struct pull_page first = { .after = -1 }, next;
	int status;

	do {
		if ((status = page(r, &q, &next)) != DONE)
			return status;
		q.after = next.after;
		if (first.after == -1)
			first = next;
	} while (next.more);
	if (r->doctype != NULL)
		return missing(r);
	if (r->at.last_update == 0) {
		pull_checkpoint(r->pull, 0, &first);
		r->at = first;
	}
	return stream(r);
}

/* ---- our subscription */

/* What the user lacks es-apply will park; better to know before. */
static int
check_user(struct run *r)
{
	const unsigned all = 1 << R_CREATE | 1 << R_WRITE | 1 << R_DELETE;
	struct site *s = r->from.site;
	const struct meta *m;
	struct fault fault;
	struct rights rights = { 0 };
	const char *why;
	size_t i;

	if ((why = rights_open(&rights, s, &r->a, &r->p)) != NULL) {
		warnx("%s", why);
		r->why = xstrdup(why);
		return MISUSE;
	}
	for (i = 0; i < r->p.nrows && !rights.user.manager; i++)
		if (r->p.rows[i].approved &&
		    (m = site_meta(s, r->p.rows[i].doctype)) != NULL &&
		    !rights_allow(&rights, m, all, &fault))
			warnx("%s: %s", safe(r->p.name), safe(fault.text));
	map_free(&rights.known);
	return DONE;
}

static void
check_rows(struct run *r)
{
	size_t i, waiting = 0, active = 0;

	for (i = 0; i < r->p.nrows; i++) {
		waiting += r->p.rows[i].pending;
		active += r->p.rows[i].approved;
	}
	if (waiting + active == 0)
		warnx("%s: nothing is subscribed to; es-subscribe does that",
		    safe(r->p.name));
	else if (waiting > 0 && r->verbose)
		warnx("%s: %zu of %zu DocTypes wait to be approved; ask their "
		    "administrator to run: es-approve %s", safe(r->p.name),
		    waiting, r->p.nrows, safe(r->from.site->address));
}

/* A change that it could not be told yet.  If it refuses that, what it granted
 * before comes all the same. */
static int
tell(struct run *r, int *refused)
{
	struct site *s = r->from.site;
	const char *why;
	char *grant = NULL;
	int status;

	if (r->from.remote == NULL)
		return DONE;
	while ((status = subscribe_tell(s, &r->a, r->p.name, r->from.remote,
	    &grant, &why)) == TEMPFAIL)
		if (!again(r, why))
			break;
	r->patience.waited = r->patience.tries = 0;
	if (status != DONE)
		complain(r, status, why);
	if (status == MISUSE && producer_told(s, &r->a, r->p.name) != NULL) {
		*refused = MISUSE;
		return DONE;
	}
	if (grant != NULL && !pull_grant(r->pull, grant))
		return TEMPFAIL;
	return status;
}

static int
run(struct run *r, const char *producer, bool initial)
{
	const char *why;
	int status, refused = DONE;

	r->p.name = producer;
	status = pull_reach(&r->from, &r->a, producer, &r->p, &why);
	if (status != DONE && why == NULL)
		r->why = xstrdup("its site file cannot be opened");
	else if (status != DONE)
		complain(r, status, why);
	if (status != DONE)
		return status;
	if ((status = check_user(r)) != DONE)
		return status;
	check_rows(r);
	r->pull = pull_open(&r->from, r->out);
	if (r->at.last_update == UNSET) {
		r->at.last_update = r->p.cursor;
		snprintf(r->at.name, sizeof(r->at.name), "%s",
		    r->p.cursor_name == NULL ? "" : r->p.cursor_name);
	}
	if ((status = tell(r, &refused)) == DONE)
		status = initial ? snapshots(r) : stream(r);
	if (status == DONE && pull_counted(r->pull)->rejected > 0)
		status = REJECTED;
	return status > refused ? status : refused;
}

/* ---- */

/* "time" or "time,name" */
static void
start_at(struct run *r, const char *since)
{
	const char *comma = strchr(since, ',');
	char *time = comma == NULL ? xstrdup(since) :
	    xstrndup(since, comma - since);

	if (!time_option(time, &r->at.last_update) ||
	    (comma != NULL && strlen(comma + 1) != ID_LEN))
		errx(MISUSE, "-S wants a time, as today, -2d or '2026-11-23 "
		    "10:11:12.000123', and maybe a comma and the name of an "
		    "event, not '%s'", safe(since));
	if (r->at.last_update < 0)
		r->at.last_update = 0;
	snprintf(r->at.name, sizeof(r->at.name), "%s", comma == NULL ? "" :
	    comma + 1);
	free(time);
}

static int
finish(struct run *r, int status, const char *file)
{
	erase(r);
	put_end(r->out, status, status == DONE ? NULL : r->why);
	if (r->verbose && r->pull != NULL)
		warnx("%s: %lld events, %lld pages", safe(r->p.name),
		    (long long)pull_counted(r->pull)->events,
		    (long long)r->pages);
	if (r->pull != NULL)
		pull_close(r->pull);
	remote_close(r->from.remote);
	if (r->from.file != NULL)
		site_close(r->from.file);
	site_close(r->from.site);
	map_free(&r->came);
	arena_free(&r->a);
	free(r->why);
	/* libcurl ignores SIGPIPE during a request; nobody reads any more. */
	if (ferror(r->out))
		fflush(r->out);
	if (file == NULL)
		return out_close(status);
	if (r->pages == 0 && status >= MISUSE)
		out_drop(r->out, file);
	else if (out_rename(r->out, file) == -1)
		return TEMPFAIL;
	return status;
}

int
main(int argc, char *argv[])
{
	struct run r = { .limit = 1000, .patience.most = 30000, .out = stdout,
	    .from = { .seen = seen, .idle = idle, .arg = &r },
	    .at.last_update = UNSET };
	const char *path = NULL, *file = NULL, *since = NULL;
	bool initial = false, quiet = false;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "iL:o:qS:s:vW:")) != -1)
		switch (ch) {
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
		case 'v':
			r.verbose = true;
			break;
		case 'W':
			r.patience.most = strcmp(optarg, "0") == 0 ? 0 :
			    count_option(ch, optarg, 1000000) * 1000;
			break;
		default:
			misuse(usage);
		}
	argc -= optind;
	argv += optind;
	if (argc < 1 || (argc > 1 && !initial) || (initial && since != NULL))
		misuse(usage);
	if (since != NULL)
		start_at(&r, since);
	if (argc > 1)
		r.doctype = argv[1];
	if (argc > 2)
		r.names = argv + 2;
	want_text(argv + 1);
	r.verbose = r.verbose && !quiet;
	r.tty = !quiet && isatty(STDERR_FILENO);
	r.began = time_now();
	arena_init(&r.a);
	r.from.site = site_open(site_path(path), SITE_READ, &status);
	if (r.from.site == NULL)
		return status;
	if (file != NULL && (r.out = out_open(file)) == NULL)
		return TEMPFAIL;
	status = run(&r, argv[0], initial);
	return finish(&r, status, file);
}
