/* es-deps - get the documents that events need */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/sync.h"

static const char usage[] =
    "usage: es-deps [-qv] [-L limit] [-p producer] [-s site] [-W seconds]\n"
    "           [file ...]\n";

struct run {
	struct site	*s;
	struct deps	*deps;
	struct arena	 line, other;	/* of one line; of one that was got */
	int64_t		 limit;
	struct patience	 patience;
	bool		 verbose, quiet;
	const char	*operand;	/* -p, or NULL */
	bool		 reading;	/* the site, in a transaction */
	int		 status;	/* the worst */
	bool		 ended;		/* an end line came last */
	char		*why;		/* of ours, or NULL */
	int64_t		 events, requests;

	/* the producer whose lines these are */
	char		*name;		/* as they say it; NULL: none yet */
	struct arena	 a;		/* of what follows */
	struct producer	 p;
	struct pull_source from;
	struct fetch	*fetch;		/* NULL: it cannot be asked */
	bool		 started;	/* what is parked from it was looked at */
	struct map	 granted;	/* DocTypes, by the grant lines that came */
};

static struct run *the;			/* for the reader that would wait */

static void
worsen(struct run *r, int status, const char *why)
{
	if (status > r->status)
		r->status = status;
	if (why != NULL) {
		free(r->why);
		r->why = xstrdup(safe(why));
	}
}

/* ---- the site: read while lines are looked at, not while we wait */

static void
reading(struct run *r)
{
	if (!r->reading && site_begin_read(r->s) == 0)
		r->reading = true;
}

static void
rest(struct run *r)
{
	if (r->reading)
		db_commit(r->s->db);
	r->reading = false;
}

static bool
has(void *arg, const char *site, const char *birth)
{
	struct run *r = arg;
	bool gone;

	reading(r);
	return origin_find(r->s, site, birth, &gone) != 0;
}

/* ---- the producer */

static bool
again(void *arg, const char *why, int64_t asked)
{
	struct run *r = arg;
	int64_t ms = patience_next(&r->patience, asked);

	if (ms == -1)
		return false;
	if (r->verbose)
		warnx("%s: %s; again in %.1f seconds", safe(r->name),
		    safe(why), ms / 1000.0);
	fflush(stdout);
	patience_wait(ms);
	return true;
}

/* A line that pull.c made of the answer. */
static bool
take_answer(void *arg, const char *line, size_t len)
{
	struct run *r = arg;
	struct event e;
	const char *why;
	yyjson_doc *doc;
	yyjson_val *v;

	arena_reset(&r->other);
	if ((doc = json_parse(&r->other, line, len, &why)) == NULL)
		return true;
	v = yyjson_doc_get_root(doc);
	if (!event_is(v))
		deps_pass(r->deps, line, len);
	else if (event_read(&r->other, v, &e) == NULL)
		deps_bring(r->deps, line, len, &e);
	return true;
}

static bool
fetch(void *arg, const struct birth *v, size_t n)
{
	struct run *r = arg;
	struct fetch_request q = { .v = v, .n = n, .fn = take_answer,
	    .again = again, .arg = r };
	const char *why;
	int status;

	if (r->fetch == NULL)
		return false;
	rest(r);
	r->patience.waited = r->patience.tries = 0;
	if ((status = fetch_births(r->fetch, &q, &why)) == DONE)
		return true;
	warnx("%s: %s", safe(r->p.name), safe(why));
	worsen(r, status, why);
	r->requests += fetch_requests(r->fetch);
	fetch_close(r->fetch);
	r->fetch = NULL;
	return false;
}

static void
flush(struct run *r)
{
	deps_flush(r->deps);
	rest(r);
}

static void
leave(struct run *r)
{
	if (r->fetch != NULL)
		r->requests += fetch_requests(r->fetch);
	fetch_close(r->fetch);
	r->fetch = NULL;
	remote_close(r->from.remote);
	if (r->from.file != NULL)
		site_close(r->from.file);
	r->from = (struct pull_source){ .site = r->s };
	r->p = (struct producer){ 0 };
	map_clear(&r->granted);
	arena_reset(&r->a);
	free(r->name);
	r->name = NULL;
	r->started = false;
}

/* Where it is asked; without -p, only if it is a URL and there is a key. */
static void
reach(struct run *r)
{
	const char *operand = r->operand == NULL ? r->name : r->operand;
	const char *why = NULL;
	int status = MISUSE;

	if (r->operand != NULL || strstr(operand, "://") != NULL)
		status = pull_reach(&r->from, &r->a, operand, &r->p, &why);
	else {
		why = "it has no URL where it could be asked; -p says where";
		if (!producer_load(r->s, &r->a, operand, &r->p))
			why = "there is no Event Producer of that name";
	}
	if (status == DONE && (r->fetch = fetch_open(&r->from, r->limit, &why))
	    != NULL)
		return;
	if (r->operand != NULL || r->verbose)
		warnx("%s: %s; nothing is fetched", safe(operand), why == NULL ?
		    "it cannot be opened" : safe(why));
	if (r->operand != NULL)
		worsen(r, status, why == NULL ? "the producer's site file "
		    "cannot be opened" : why);
}

static void
turn_to(struct run *r, const char *name)
{
	if (r->name != NULL && strcmp(r->name, name) == 0)
		return;
	flush(r);
	deps_forget(r->deps);
	leave(r);
	r->name = xstrdup(name);
	reach(r);
}

/* ---- what is parked */

/* Twice: a Create that is parked brings its document, whatever its place. */
static void
parked_lines(struct run *r, bool creates)
{
	struct query *keys, *lines;
	struct parked p;
	struct event e;
	const char *key;

	keys = parked_keys(r->s, r->p.peer);
	while (parked_next_key(keys, &key, NULL) == 1) {
		lines = parked_of(r->s, r->p.peer, key);
		while (parked_next(lines, &p) == 1) {
			arena_reset(&r->other);
			if (event_read(&r->other, yyjson_doc_get_root(
			    json_parse_own(&r->other, p.line, p.len)), &e)
			    != NULL || e.birth == NULL)
				continue;
			if (!creates)
				deps_need(r->deps, &e);
			else if (e.type == U_CREATE)
				deps_here(r->deps, e.birth);
		}
	}
}

/* Once, before the first line of a producer. */
static void
start_lines(struct run *r)
{
	if (r->started)
		return;
	r->started = true;
	if (r->fetch == NULL || r->p.site == NULL)
		return;
	reading(r);
	if (!r->reading || parked_count(r->s, r->p.peer) == 0)
		return;
	parked_lines(r, true);
	parked_lines(r, false);
}

/* ---- lines */

static bool
passed_here(const struct run *r, const struct event *e)
{
	size_t i;

	for (i = 0; i < e->via.n; i++)
		if (strcmp(e->via.v[i].site, r->s->id) == 0)
			return true;
	return false;
}

/* Is it a line of whom we ask? */
static bool
is_theirs(const struct run *r, const struct event *e)
{
	const char *site = r->from.file != NULL ? r->from.file->id : r->p.site;

	return strcmp(r->name, r->p.name) == 0 ||
	    (site != NULL && strcmp(e->site, site) == 0);
}

/* Will es-apply take it? */
static bool
is_taken(const struct run *r, const struct event *e)
{
	const struct subscription *row;

	if (e->site == NULL || !meta_streamed(e->doctype) ||
	    passed_here(r, e) || !is_theirs(r, e))
		return false;
	if (e->dependency)
		return true;
	row = producer_row(&r->p, e->doctype);
	return row != NULL && (row->approved || map_get(&r->granted, e->doctype,
	    strlen(e->doctype)) != NULL);
}

static void
reject(struct run *r, const char *at, const char *why, const char *text,
    size_t len)
{
	char *line = NULL;
	size_t n;
	FILE *fp = open_memstream(&line, &n);

	if (fp == NULL)
		abort();		/* as of any memory that is out */
	put_rejected(fp, at, why, text, len);
	fclose(fp);
	deps_pass(r->deps, line, n - 1);
	free(line);
	worsen(r, REJECTED, NULL);
}

static void
take_event(struct run *r, const char *at, yyjson_val *v, const char *text,
    size_t len)
{
	struct event e;
	const char *why;

	if ((why = event_read(&r->line, v, &e)) != NULL) {
		reject(r, at, why, text, len);
		return;
	}
	r->events++;
	if (r->fetch == NULL || !is_taken(r, &e))
		deps_pass(r->deps, text, len);
	else
		deps_event(r->deps, text, len, &e);
}

/* What the next page may bring that is still pending here. */
static void
take_grant(struct run *r, yyjson_val *grant)
{
	const char *name = json_str(grant, "event_producer"), *type, *status;
	yyjson_val *row;
	size_t i, n, len;

	if (name != NULL)
		turn_to(r, name);
	map_clear(&r->granted);
	yyjson_arr_foreach(yyjson_obj_get(grant, "doctypes"), i, n, row) {
		type = json_str(row, "ref_doctype");
		status = json_str(row, "status");
		if (type == NULL || status == NULL ||
		    strcmp(status, "Approved") != 0 ||
		    json_int(row, "unsubscribed", 0) != 0)
			continue;
		len = strlen(type);
		map_set(&r->granted, arena_dup(&r->a, type, len), len, r);
	}
}

/* With our status, if it is worse. */
static void
take_end(struct run *r, yyjson_val *end, const char *text, size_t len)
{
	int64_t said = json_int(end, "status", TEMPFAIL);

	flush(r);
	if (said >= r->status || said < 0) {
		deps_pass(r->deps, text, len);
		worsen(r, said > 0 && said <= 255 ? (int)said : r->status,
		    NULL);
		return;
	}
	put_end(stdout, r->status, r->why);
}

static void
take_control(struct run *r, yyjson_val *v, const char *text, size_t len)
{
	yyjson_val *c;

	if ((c = yyjson_obj_get(v, "grant")) != NULL)
		take_grant(r, c);
	if ((c = yyjson_obj_get(v, "end")) != NULL)
		take_end(r, c, text, len);
	else
		deps_pass(r->deps, text, len);
	if (yyjson_obj_get(v, "checkpoint") != NULL)
		flush(r);
}

static void
take_line(struct run *r, const char *at, const char *text, size_t len)
{
	const char *why, *name;
	yyjson_doc *doc;
	yyjson_val *v;

	arena_reset(&r->line);
	if ((doc = json_parse(&r->line, text, len, &why)) == NULL) {
		reject(r, at, why, text, len);
		return;
	}
	v = yyjson_doc_get_root(doc);
	if (!yyjson_is_obj(v)) {
		reject(r, at, "the line is no JSON object", text, len);
		return;
	}
	name = json_str(event_is(v) ? v : yyjson_obj_get(v, "checkpoint"),
	    "event_producer");
	if (name != NULL) {
		turn_to(r, name);
		start_lines(r);
	}
	r->ended = yyjson_obj_get(v, "end") != NULL;
	if (event_is(v))
		take_event(r, at, v, text, len);
	else
		take_control(r, v, text, len);
	if (deps_full(r->deps))
		flush(r);
}

static void
idle(void)
{
	flush(the);
	fflush(stdout);
}

static void
read_lines(struct run *r, int fd, const char *name)
{
	struct ndjson in;
	char *at;
	int got;

	ndjson_open(&in, fd, name);
	in.idle = idle;
	r->ended = false;
	while (!ferror(stdout) && (got = ndjson_line(&in)) != 0) {
		at = xprintf("%s:%zu", safe(name), in.lineno);
		if (got == -2)
			reject(r, at, "the line is longer than 16 MiB",
			    in.line, in.len);
		else
			take_line(r, at, in.line, in.len);
		free(at);
	}
	flush(r);
	free(in.buf);
	if (r->ended)
		return;
	if (!r->quiet)
		warnx("%s has no end line: it was cut; run again", safe(name));
	worsen(r, TEMPFAIL, NULL);
}

static void
read_file(struct run *r, const char *name)
{
	FILE *fp;

	if (strcmp(name, "-") == 0) {
		read_lines(r, STDIN_FILENO, "stdin");
		return;
	}
	if ((fp = fopen(name, "re")) == NULL)
		err(TEMPFAIL, "cannot open '%s'", safe(name));
	read_lines(r, fileno(fp), name);
	fclose(fp);
}

static void
run(struct run *r, char *const *files)
{
	struct deps_source source = { .out = stdout, .has = has,
	    .fetch = fetch, .mark = true, .arg = r };
	const struct deps_counts *c;

	r->deps = deps_open(&source);
	r->from.site = r->s;
	arena_init(&r->line);
	arena_init(&r->other);
	arena_init(&r->a);
	if (*files == NULL)
		read_file(r, "-");
	while (*files != NULL)
		read_file(r, *files++);
	leave(r);
	c = deps_counted(r->deps);
	if (r->verbose)
		warnx("%lld events; %lld documents fetched, %lld not given, "
		    "%lld requests", (long long)r->events,
		    (long long)c->brought, (long long)(c->needed - c->brought),
		    (long long)r->requests);
	if (db_failed(r->s->db))
		worsen(r, TEMPFAIL, NULL);
	deps_close(r->deps);
	map_free(&r->granted);
	arena_free(&r->line);
	arena_free(&r->other);
	arena_free(&r->a);
	free(r->why);
}

int
main(int argc, char *argv[])
{
	struct run r = { .limit = 200, .patience.most = 30000 };
	const char *path = NULL;
	int ch, status;

	start(argc, argv, usage);
	while ((ch = getopt(argc, argv, "L:p:qs:vW:")) != -1)
		switch (ch) {
		case 'L':
			r.limit = count_option(ch, optarg, 1000);
			break;
		case 'p':
			r.operand = optarg;
			break;
		case 'q':
			r.quiet = true;
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
	r.verbose = r.verbose && !r.quiet;
	if ((r.s = site_open(site_path(path), SITE_READ, &status)) == NULL)
		return status;
	the = &r;
	run(&r, argv + optind);
	site_close(r.s);
	return out_close(r.status);
}
