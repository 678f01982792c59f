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
	bool		 lost;		/* it was, in vain: no more in this run */
	bool		 started;	/* what is parked from it was looked at */
	struct mapper	*mapper;
	struct map	 asked;		/* mapping and filters -> struct found */
	struct map	 found;		/* birth -> struct found */
	struct map	 granted;	/* DocTypes, by the grant lines that came */
};

struct found {				/* a document that filters found */
	const char	*line;		/* mapped; NULL: there is none */
	size_t		 len;
	const char	*doctype, *docname, *site, *birth;
	const char	*why;		/* it cannot be mapped; or NULL */
	bool		 lost;		/* it could not be asked for */
};

enum { NESTED_MAX = 8 };		/* so deep are they looked for */

static struct run *the;			/* for the reader that would wait */

static const char *with_links(struct run *, struct arena *, struct event *,
    const char *, size_t *, int);

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

/* Reads an event; false if the line is none. */
static bool
read_line(struct arena *a, const char *line, size_t len, struct event *e)
{
	const char *why;
	yyjson_doc *doc = json_parse(a, line, len, &why);
	yyjson_val *v = doc == NULL ? NULL : yyjson_doc_get_root(doc);

	return v != NULL && event_is(v) && event_read(a, v, e) == NULL;
}

/* A line that pull.c made of the answer. */
static bool
take_answer(void *arg, const char *line, size_t len)
{
	struct run *r = arg;
	struct arena *a = &r->other;
	const char *mapped;
	struct event e;
	size_t n;

	arena_reset(a);
	if (!read_line(a, line, len, &e)) {
		if (json_parse(a, line, len, &mapped) != NULL)
			deps_pass(r->deps, line, len);
		return true;
	}
	reading(r);
	if ((mapped = mapper_line(r->mapper, a, &e, &n)) != NULL &&
	    read_line(a, mapped, n, &e)) {
		line = with_links(r, a, &e, mapped, &n, 1);
		len = n;
	}
	if (line != NULL)
		deps_bring(r->deps, line, len, &e);
	return true;
}

/* ---- documents of mapped links, by their filters */

struct taking {				/* the first event of an answer */
	struct run	*r;
	struct arena	*a;
	const char	*line;
	size_t		 len;
	struct event	 e;
};

static bool
again_first(void *arg, const char *why, int64_t asked)
{
	return again(((struct taking *)arg)->r, why, asked);
}

static bool
take_first(void *arg, const char *line, size_t len)
{
	struct taking *t = arg;

	if (t->line == NULL && read_line(t->a, line, len, &t->e)) {
		t->line = line;
		t->len = len;
	}
	return true;
}

static void
give_up(struct run *r, int status, const char *why)
{
	warnx("%s: %s", safe(r->p.name), safe(why));
	worsen(r, status, why);
	r->lost = true;
}

/* What was found, as it is here; with what it needs of that kind. */
static void
map_found(struct run *r, struct found *f, const struct mapper_link *l,
    struct taking *t, int depth)
{
	struct event e;
	const char *line;
	size_t len;

	reading(r);
	line = mapper_line_by(r->mapper, t->a, l->mapping, &t->e, &len);
	if (!read_line(t->a, line, len, &e))
		return;
	f->why = json_str(e.line, "unmapped");
	if (f->why != NULL) {
		f->why = arena_dup(&r->a, f->why, strlen(f->why));
		return;
	}
	if (e.birth == NULL)
		return;
	line = with_links(r, t->a, &e, line, &len, depth + 1);
	if ((f->lost = line == NULL))
		return;
	f->line = arena_dup(&r->a, line, len);
	f->len = len;
	f->doctype = arena_dup(&r->a, e.doctype, strlen(e.doctype));
	f->docname = arena_dup(&r->a, e.docname, strlen(e.docname));
	f->site = arena_dup(&r->a, e.birth_site, strlen(e.birth_site));
	f->birth = arena_dup(&r->a, e.birth, strlen(e.birth));
	map_set(&r->found, f->birth, strlen(f->birth), f);
}

/* NULL: it cannot be asked for in this run. */
static struct found *
find(struct run *r, const struct mapper_link *l, int depth)
{
	char *key = arena_printf(&r->a, "%s\n%s", l->mapping,
	    l->filters == NULL ? l->why : l->filters);
	struct found *f = map_get(&r->asked, key, strlen(key));
	struct taking t = { .r = r };
	struct fetch_request q = { .fn = take_first, .again = again_first,
	    .arg = &t };
	struct arena a;
	const char *why;
	int status;

	if (f != NULL)
		return f->lost ? NULL : f;
	if (r->lost && l->filters != NULL)
		return NULL;
	f = arena_alloc(&r->a, sizeof(*f));
	*f = (struct found){ .why = l->why };
	map_set(&r->asked, key, strlen(key), f);
	if (l->filters == NULL)
		return f;
	rest(r);
	arena_init(&a);
	t.a = &a;
	if ((status = fetch_found(r->fetch, l->remote, l->filters, &q, &why))
	    != DONE) {
		give_up(r, status, why);
		f->lost = true;
	} else if (t.line != NULL)
		map_found(r, f, l, &t, depth);
	arena_free(&a);
	return f->lost ? NULL : f;
}

/* The document of an Update as it is there now, or NULL. */
static yyjson_val *
whole(struct run *r, struct arena *a, const struct event *e)
{
	struct birth b = { e->birth_site, e->birth };
	struct taking t = { .r = r, .a = a };
	struct fetch_request q = { .v = &b, .n = 1, .fn = take_first,
	    .again = again_first, .arg = &t };
	const char *why;
	int status;

	if (r->lost)
		return NULL;
	rest(r);
	if ((status = fetch_births(r->fetch, &q, &why)) != DONE)
		give_up(r, status, why);
	reading(r);
	return t.line == NULL ? NULL : t.e.data;
}

/* The object of the line's data that the link is in. */
static yyjson_mut_val *
object_of(yyjson_mut_val *data, const struct mapper_link *l, bool update)
{
	static const char *const sides[] = { "added", "row_changed" };
	yyjson_mut_val *rows, *row;
	size_t i, n;
	int side;

	if (l->table == NULL)
		return update ? yyjson_mut_obj_get(data, "changed") : data;
	for (side = 0; side < 2; side++) {
		rows = update ? yyjson_mut_obj_get(data, sides[side]) : data;
		rows = yyjson_mut_obj_get(rows, l->table);
		yyjson_mut_arr_foreach(rows, i, n, row)
			if (l->row != NULL && yyjson_mut_equals_str(
			    yyjson_mut_obj_get(row, "name"), l->row))
				return row;
	}
	return NULL;
}

static void
set_link(yyjson_mut_doc *m, yyjson_mut_val *line, const struct mapper_link *l,
    const struct found *f, bool update)
{
	yyjson_mut_val *obj = object_of(yyjson_mut_obj_get(line, "data"), l,
	    update), *links = yyjson_mut_obj_get(line, "links"), *of, *birth;

	if (obj == NULL)
		return;
	json_put(m, obj, l->field, yyjson_mut_str(m, f->docname));
	if (!yyjson_mut_is_obj(links)) {
		links = yyjson_mut_obj(m);
		json_put(m, line, "links", links);
		json_put(m, yyjson_mut_obj_get(line, "original"), "links",
		    yyjson_mut_null(m));
	}
	if ((of = yyjson_mut_obj_get(links, f->doctype)) == NULL)
		of = yyjson_mut_obj_add_obj(m, links, f->doctype);
	birth = yyjson_mut_arr(m);
	yyjson_mut_arr_add_str(m, birth, f->site);
	yyjson_mut_arr_add_str(m, birth, f->birth);
	json_put(m, of, f->docname, birth);
}

/* Says that filters found nothing, for the link as it is there. */
static void
note_not_found(yyjson_mut_doc *m, yyjson_mut_val *line,
    const struct mapper_link *l, bool update)
{
	yyjson_mut_val *obj = object_of(yyjson_mut_obj_get(line, "data"), l,
	    update), *value = yyjson_mut_obj_get(obj, l->field), *all, *names;

	if (!yyjson_mut_is_str(value))
		return;
	if ((all = yyjson_mut_obj_get(line, "not_found")) == NULL)
		all = yyjson_mut_obj_add_obj(m, line, "not_found");
	if ((names = yyjson_mut_obj_get(all, l->local)) == NULL)
		names = yyjson_mut_obj_add_arr(m, all, l->local);
	yyjson_mut_arr_append(names, yyjson_mut_val_mut_copy(m, value));
}

/* A mapped line with its links set to the documents that their filters find, and
 * its event; the same line if it has none; NULL: that cannot be asked for in this
 * run. */
static const char *
with_links(struct run *r, struct arena *a, struct event *e, const char *text,
    size_t *len, int depth)
{
	struct mapper_link *l;
	yyjson_mut_doc *m;
	yyjson_mut_val *o;
	struct found *f;
	size_t i, n;

	if (r->fetch == NULL || e->birth == NULL || depth > NESTED_MAX)
		return text;
	reading(r);
	l = mapper_links(r->mapper, a, e, NULL, &n);
	if (n == 0)
		return text;
	if (e->type == U_UPDATE) {
		l = mapper_links(r->mapper, a, e, whole(r, a, e), &n);
		if (r->lost)
			return NULL;
	}
	m = yyjson_mut_doc_new(&a->alc);
	o = yyjson_val_mut_copy(m, e->line);
	/* Of a line that was parked these are out of date. */
	yyjson_mut_obj_remove_key(o, "unmapped");
	yyjson_mut_obj_remove_key(o, "not_found");
	for (i = 0; i < n; i++) {
		if ((f = find(r, &l[i], depth)) == NULL)
			return NULL;
		if (f->why != NULL)
			json_put(m, o, "unmapped", yyjson_mut_str(m, f->why));
		else if (f->line != NULL)
			set_link(m, o, &l[i], f, e->type == U_UPDATE);
		else
			note_not_found(m, o, &l[i], e->type == U_UPDATE);
	}
	text = json_mut_text(a, o, len);
	read_line(a, text, *len, e);
	return text;
}

/* Those of them that filters had found are given; the others. */
static size_t
not_found(struct run *r, const struct birth *v, size_t n,
    const struct birth **left)
{
	struct birth *rest = arena_alloc(&r->line, n * sizeof(*rest));
	size_t i, k = 0;
	struct found *f;
	struct event e;

	for (i = 0; i < n; i++) {
		f = map_get(&r->found, v[i].id, strlen(v[i].id));
		if (f == NULL)
			rest[k++] = v[i];
		else if (read_line(&r->line, f->line, f->len, &e))
			deps_bring(r->deps, f->line, f->len, &e);
	}
	*left = rest;
	return k;
}

static bool
fetch(void *arg, const struct birth *v, size_t n)
{
	struct run *r = arg;
	struct fetch_request q = { .v = v, .n = n, .fn = take_answer,
	    .again = again, .arg = r };
	const char *why;
	int status;

	if (r->fetch == NULL || r->lost)
		return false;
	rest(r);
	r->patience.waited = r->patience.tries = 0;
	if ((q.n = not_found(r, v, n, &q.v)) == 0)
		return true;
	if ((status = fetch_births(r->fetch, &q, &why)) != DONE)
		give_up(r, status, why);
	return !r->lost;
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
	map_clear(&r->asked);
	map_clear(&r->found);
	mapper_turn(r->mapper, NULL);
	arena_reset(&r->a);
	free(r->name);
	r->name = NULL;
	r->started = r->lost = false;
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
	mapper_turn(r->mapper, &r->p);
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
	return row != NULL && (row->approved || map_get(&r->granted, row->remote,
	    strlen(row->remote)) != NULL);
}

/* ---- what is parked */

struct asked {				/* a parked line that filters are in */
	const char	*line;
	size_t		 len;
	struct asked	*next;
};

/* Twice: a Create that is parked brings its document, whatever its place; but
 * not one that was fetched as here, which may have been put right there since.
 * Those whose filters are to be asked again are kept. */
static void
parked_lines(struct run *r, bool creates, struct arena *a, struct asked **last)
{
	struct query *keys, *lines;
	struct parked p;
	struct event e;
	const char *key;
	size_t n;

	keys = parked_keys(r->s, r->p.peer);
	while (parked_next_key(keys, &key, NULL) == 1) {
		lines = parked_of(r->s, r->p.peer, key);
		while (parked_next(lines, &p) == 1) {
			arena_reset(&r->other);
			if (event_read(&r->other, yyjson_doc_get_root(
			    json_parse_own(&r->other, p.line, p.len)), &e)
			    != NULL || e.birth == NULL)
				continue;
			if (creates) {
				if (e.type == U_CREATE && !e.dependency)
					deps_here(r->deps, e.birth);
				continue;
			}
			if (is_taken(r, &e))
				mapper_links(r->mapper, &r->other, &e, NULL, &n);
			else
				n = 0;
			if (n == 0) {
				deps_need(r->deps, &e);
				continue;
			}
			*last = arena_alloc(a, sizeof(**last));
			**last = (struct asked){ arena_dup(a, p.line, p.len),
			    p.len, NULL };
			last = &(*last)->next;
		}
	}
}

/* One that comes to take the place of what is parked. */
static const char *
marked(struct run *r, struct arena *a, struct event *e, size_t *len)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	yyjson_mut_val *o = yyjson_val_mut_copy(m, e->line);
	const char *text;

	json_put(m, o, "event_producer", yyjson_mut_str(m, r->name));
	json_put(m, o, "resync", yyjson_mut_str(m,
	    resync_text[RESYNC_PARKED]));
	text = json_mut_text(a, o, len);
	read_line(a, text, *len, e);
	return text;
}

/* What filters find is maybe another document now, or one at last. */
static void
ask_again(struct run *r, const struct asked *q)
{
	struct arena a;
	struct event e;
	yyjson_val *was;
	const char *text;
	size_t len;

	arena_init(&a);
	for (; q != NULL && !r->lost; q = q->next) {
		arena_reset(&a);
		len = q->len;
		if (!read_line(&a, q->line, len, &e))
			continue;
		was = e.line;
		text = with_links(r, &a, &e, q->line, &len, 0);
		if (text != NULL && !yyjson_equals(was, e.line)) {
			text = marked(r, &a, &e, &len);
			deps_event(r->deps, text, len, &e);
		} else
			deps_need(r->deps, &e);
		if (deps_full(r->deps))
			flush(r);
	}
	arena_free(&a);
}

/* Once, before the first line of a producer. */
static void
start_lines(struct run *r)
{
	struct asked *filters = NULL;
	struct arena a;

	if (r->started)
		return;
	r->started = true;
	if (r->fetch == NULL || r->p.site == NULL)
		return;
	reading(r);
	if (!r->reading || parked_count(r->s, r->p.peer) == 0)
		return;
	arena_init(&a);
	parked_lines(r, true, NULL, NULL);
	parked_lines(r, false, &a, &filters);
	ask_again(r, filters);
	arena_free(&a);
}

/* ---- what goes on */

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

/* In the place of an event that is to come again: es-apply sees that one is
 * missing, and its cursor stays. */
static void
put_off(struct run *r, const struct event *e)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&r->line.alc);
	yyjson_mut_val *line = yyjson_mut_obj(m), *o;
	const char *text;
	size_t len;

	o = yyjson_mut_obj_add_obj(m, line, "later");
	json_put(m, o, "program", yyjson_mut_str(m, "es-deps"));
	json_put(m, o, "name", json_new_str(m, e->name));
	json_put(m, o, "ref_doctype", json_new_str(m, e->doctype));
	json_put(m, o, "docname", json_new_str(m, e->docname));
	json_put(m, o, "why", json_new_str(m, r->why));
	text = json_mut_text(&r->line, line, &len);
	deps_pass(r->deps, text, len);
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
	if (r->fetch == NULL || !is_taken(r, &e)) {
		deps_pass(r->deps, text, len);
		return;
	}
	if ((text = with_links(r, &r->line, &e, text, &len, 0)) == NULL)
		put_off(r, &e);
	else if (r->lost)
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
	struct mapper_source mapped = { .site = r->s };

	r->deps = deps_open(&source);
	r->mapper = mapper_open(&mapped);
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
	mapper_close(r->mapper);
	map_free(&r->asked);
	map_free(&r->found);
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
