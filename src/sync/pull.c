/* pull.c - what a producer answers, made into what goes on to es-apply */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "sync/sync.h"

struct pull {
	struct pull_source from;
	FILE		*out;
	struct arena	 mem;		/* of one line */
	char		*site;		/* its identity, NULL: not known yet */
	struct buf	 grant;		/* the last that it sent */
	struct buf	 held;		/* that, as it goes on before events */
	bool		 granted;	/* one was passed on */
	struct pull_counts counts;
	int64_t		 passed;	/* events since the last checkpoint */
	int64_t		 lineno;
	/* of the answer under way: */
	const struct pull_request *q;
	const char	*last_update;	/* as it was asked; NULL: from the start */
	struct pull_page page;
	int64_t		 came;		/* events */
	bool		 closed;	/* it has said what it was */
	bool		 ended;
	int		 status;	/* why no more is wanted of it */
	char		 why[1000];
};

/* ---- the producer */

static int
reach_url(struct pull_source *from, struct arena *a, const char *url,
    struct producer *p, const char **why)
{
	size_t n = strlen(url);
	const char *name = arena_dup(a, url, url[n - 1] == '/' ? n - 1 : n);
	struct http_peer peer;

	if (!producer_load(from->site, a, name, p) ||
	    !producer_peer(from->site, a, name, &peer)) {
		*why = "it is not subscribed to; es-subscribe does that";
		return MISUSE;
	}
	if (peer.key == NULL || peer.secret == NULL) {
		*why = "there is no key for it: give the one that its "
		    "administrator made with es-subscribe -k";
		return MISUSE;
	}
	from->remote = remote_open(&peer, why);
	return from->remote == NULL ? MISUSE : DONE;
}

static int
reach_file(struct pull_source *from, struct arena *a, const char *path,
    struct producer *p, const char **why)
{
	struct consumer us;
	const char *name;
	int status;

	if (access(path, F_OK) == -1 && producer_load(from->site, a, path, p)) {
		*why = "it has no URL where it could be asked: give the path "
		    "of its site file, or what es-producer-log -c prints there "
		    "to es-apply";
		return MISUSE;
	}
	if ((from->file = site_open(path, SITE_READ, &status)) == NULL) {
		*why = NULL;
		return status;
	}
	name = producer_known(from->site, a, from->file->id);
	if (name == NULL)
		name = from->file->address;
	if (!producer_load(from->site, a, name, p)) {
		*why = arena_printf(a, "there is no subscription to '%s', as "
		    "this site is called; es-subscribe makes one", name);
		return MISUSE;
	}
	if (!consumer_load(from->file, a, from->site->id, &us)) {
		*why = arena_printf(a, "it does not know this site: "
		    "es-subscribe -o file %s writes a request, which "
		    "es-approve takes there", name);
		return MISUSE;
	}
	return DONE;
}

int
pull_reach(struct pull_source *from, struct arena *a, const char *operand,
    struct producer *p, const char **why)
{
	struct producer found;
	int status;

	status = strstr(operand, "://") != NULL ?
	    reach_url(from, a, operand, &found, why) :
	    reach_file(from, a, operand, &found, why);
	if (status == DONE)
		*p = found;
	from->producer = p;
	return status;
}

/* ---- an answer is taken apart */

struct pull *
pull_open(const struct pull_source *from, FILE *out)
{
	struct pull *p = xcalloc(1, sizeof(*p));

	p->from = *from;
	p->out = out;
	if (from->producer->site != NULL)
		p->site = xstrdup(from->producer->site);
	arena_init(&p->mem);
	return p;
}

void
pull_close(struct pull *p)
{
	arena_free(&p->mem);
	buf_free(&p->grant);
	buf_free(&p->held);
	free(p->site);
	free(p);
}

const struct pull_counts *
pull_counted(const struct pull *p)
{
	return &p->counts;
}

/* Nothing more of this answer is wanted. */
static bool __attribute__((format(printf, 3, 4)))
stop(struct pull *p, int status, const char *fmt, ...)
{
	va_list ap;

	p->status = status;
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return false;
}

static bool
reject(struct pull *p, const char *why, const char *text, size_t len)
{
	char *at = arena_printf(&p->mem, "%s:%lld", p->from.producer->name,
	    (long long)p->lineno);

	put_rejected(p->out, at, why, text, len);
	p->counts.rejected++;
	return true;
}

/* All that comes is of one site, and of the one it was before. */
static bool
is_of(struct pull *p, const char *site)
{
	if (site == NULL)
		return stop(p, MISUSE, "it does not say which site it is");
	if (strcmp(site, p->from.site->id) == 0)
		return stop(p, MISUSE, "that is this site itself");
	if (p->site == NULL)
		p->site = xstrdup(site);
	if (strcmp(site, p->site) == 0)
		return true;
	return stop(p, MISUSE, "it speaks as another site than before (%s, not "
	    "%s): it was made anew or is not what it says", site, p->site);
}

static bool
is_open(struct pull *p)
{
	return !p->closed || stop(p, MISUSE, "it goes on after the end of its "
	    "answer");
}

/* ---- events */

/* For programs of our side alone: es-deps, or es-map, was here. */
static const char *const ours[] = { "dependency_of", "missing", "mapping",
    "original", "unmapped", "not_found", "resync" };

/* The line as it is to go on: under the name that the producer has here. */
static const char *
our_line(struct pull *p, yyjson_val *v, const char *line, size_t *len)
{
	const char *name = p->from.producer->name;
	yyjson_val *of = yyjson_obj_get(v, "event_producer");
	bool marked = false;
	yyjson_mut_doc *m;
	yyjson_mut_val *o;
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		marked |= yyjson_obj_get(v, ours[i]) != NULL;
	if (!marked && yyjson_equals_str(of, name))
		return line;
	if (!marked && yyjson_set_str(of, name))
		return json_text(&p->mem, v, len);
	m = yyjson_mut_doc_new(&p->mem.alc);
	o = yyjson_val_mut_copy(m, v);
	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		yyjson_mut_obj_remove_key(o, ours[i]);
	json_put(m, o, "event_producer", yyjson_mut_str(m, name));
	return json_mut_text(&p->mem, o, len);
}

static bool
write_line(struct pull *p, const char *line, size_t len)
{
	fwrite(line, 1, len, p->out);
	putc('\n', p->out);
	return !ferror(p->out) || stop(p, TEMPFAIL, "cannot write");
}

/* What is no news here may be so where the events are applied: an older grant
 * may be taken in before, and they would be refused. */
static bool
write_held(struct pull *p)
{
	size_t len = p->held.len;

	if (len == 0)
		return true;
	p->held.len = 0;
	p->granted = true;
	return write_line(p, p->held.p, len);
}

static bool
take_event(struct pull *p, yyjson_val *v, const char *line, size_t len)
{
	struct event e;
	const char *why;

	p->came++;
	if ((why = event_read(&p->mem, v, &e)) != NULL)
		return reject(p, why, line, len);
	if (!is_of(p, e.site))
		return false;
	line = our_line(p, v, line, &len);
	p->passed++;
	p->counts.events++;
	if (p->from.seen != NULL)
		p->from.seen(p->from.arg, &e);
	return write_held(p) && write_line(p, line, len);
}

/* ---- control lines */

/* In our terms.  A request in it would be ours: it is not the producer's to
 * say. */
static yyjson_mut_val *
our_grant(struct pull *p, yyjson_mut_doc *m, yyjson_val *grant)
{
	yyjson_mut_val *g = yyjson_val_mut_copy(m, grant);

	yyjson_mut_obj_remove_key(g, "request");
	json_put(m, g, "event_producer", yyjson_mut_str(m,
	    p->from.producer->name));
	return g;
}

static bool
is_news(struct pull *p, yyjson_mut_val *grant)
{
	yyjson_doc *doc = yyjson_mut_val_imut_copy(grant, &p->mem.alc);

	return p->granted || subscribe_is_news(p->from.site, &p->mem,
	    yyjson_doc_get_root(doc));
}

static bool
take_grant(struct pull *p, yyjson_val *grant, const char *line, size_t len)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&p->mem.alc);
	yyjson_mut_val *o = yyjson_mut_obj(m), *g;

	if (!yyjson_is_obj(grant))
		return reject(p, "a grant that is no object", line, len);
	/* What is asked for by origin says nothing of the stream. */
	if (p->q->origins != NULL || p->q->filters != NULL)
		return true;
	if (!is_of(p, json_str(grant, "site")))
		return false;
	if (p->grant.len == len && memcmp(p->grant.p, line, len) == 0)
		return true;
	p->grant.len = 0;
	buf_add(&p->grant, line, len);
	g = our_grant(p, m, grant);
	json_put(m, o, "grant", g);
	line = json_mut_text(&p->mem, o, &len);
	p->held.len = 0;
	buf_add(&p->held, line, len);
	return !is_news(p, g) || write_held(p);
}

bool
pull_grant(struct pull *p, const char *line)
{
	p->granted = true;
	return write_line(p, line, strlen(line));
}

/* Where the answer ended, as text. */
static bool
take_point(struct pull *p, yyjson_val *at)
{
	const char *t = json_str(at, "last_update");
	const char *name = json_str(at, "name");

	if ((t != NULL && !time_parse(t, &p->page.last_update)) ||
	    (name != NULL && (t == NULL || strlen(name) != ID_LEN)))
		return stop(p, MISUSE, "it ended at what is no point of a log");
	snprintf(p->page.name, sizeof(p->page.name), "%s", name == NULL ? "" :
	    name);
	return true;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
take_checkpoint(struct pull *p, yyjson_val *c)
{
	if (!is_open(p) || !is_of(p, json_str(c, "site")) || !take_point(p, c))
		return false;
	p->closed = true;
	p->page.events = json_int(c, "events", -1);
	p->page.more = json_int(c, "more", 0) != 0;
	return same_text(json_str(c, "from"), p->last_update) ||
	    stop(p, TEMPFAIL, "it answered what it was not asked");
}

static bool
take_initial(struct pull *p, yyjson_val *c)
{
	if (!is_open(p) || !take_point(p, yyjson_obj_get(c, "position")))
		return false;
	p->closed = true;
	p->page.events = json_int(c, "events", -1);
	p->page.after = json_int(c, "after", -1);
	p->page.more = json_int(c, "more", 0) != 0;
	return true;
}

static bool
take_end(struct pull *p, yyjson_val *end)
{
	const char *why = json_str(end, "why");
	int64_t status = json_int(end, "status", -1);

	p->ended = true;
	return status == DONE || stop(p, TEMPFAIL, "it failed (%lld)%s%.500s",
	    (long long)status, why == NULL ? "" : ": ", why == NULL ? "" : why);
}

static bool
take_rejected(struct pull *p, yyjson_val *r)
{
	const char *why = json_str(r, "why"), *text = json_str(r, "text");

	return reject(p, arena_printf(&p->mem, "it says: %s", why == NULL ?
	    "rejected" : why), text == NULL ? "" : text, text == NULL ? 0 :
	    strlen(text));
}

static bool
take_control(struct pull *p, yyjson_val *v, const char *line, size_t len)
{
	yyjson_val *c;

	if ((c = yyjson_obj_get(v, "grant")) != NULL)
		return take_grant(p, c, line, len);
	if ((c = yyjson_obj_get(v, "end")) != NULL)
		return take_end(p, c);
	if ((c = yyjson_obj_get(v, "rejected")) != NULL)
		return take_rejected(p, c);
	if (!p->q->initial && (c = yyjson_obj_get(v, "checkpoint")) != NULL)
		return take_checkpoint(p, c);
	if (p->q->initial && (c = yyjson_obj_get(v, "initial")) != NULL)
		return take_initial(p, c);
	return reject(p, "it is no event, and no control line that is expected",
	    line, len);
}

static bool
take_line(void *arg, const char *line, size_t len)
{
	struct pull *p = arg;
	const char *why;
	yyjson_doc *doc;
	yyjson_val *v;

	arena_reset(&p->mem);
	p->lineno++;
	if (p->ended)
		return stop(p, MISUSE, "it goes on after its end line");
	if ((doc = json_parse(&p->mem, line, len, &why)) == NULL)
		return reject(p, why, line, len);
	v = yyjson_doc_get_root(doc);
	if (event_is(v))
		return is_open(p) && take_event(p, v, line, len);
	return take_control(p, v, line, len);
}

/* ---- an answer is asked for */

static void
idle(void *arg)
{
	struct pull *p = arg;

	p->from.idle(p->from.arg);
}

static void
ask_remote(struct pull *p)
{
	const struct pull_request *q = p->q;
	struct remote_pull r = { .consumer = p->from.site->address,
	    .last_update = p->last_update, .name = q->name,
	    .limit = q->limit, .initial = q->initial, .doctype = q->doctype,
	    .names = q->names, .origins = q->origins,
	    .filters = q->filters, .after = q->after,
	    .fn = take_line,
	    .idle = p->from.idle == NULL ? NULL : idle, .arg = p };
	const char *why;
	int status;

	if (!remote_pull(p->from.remote, &r)) {
		status = remote_fault(p->from.remote, &why);
		stop(p, status, "%s", why);
	} else if (p->status == DONE && !p->ended)
		stop(p, TEMPFAIL, "the answer was cut: it has no end line");
}

/* The lines of a piece of text. */
static bool
take_lines(struct pull *p, const char *text, size_t len)
{
	const char *nl, *end = text + len;

	for (; (nl = memchr(text, '\n', end - text)) != NULL; text = nl + 1)
		if (!take_line(p, text, nl - text))
			return false;
	return true;
}

static void
read_answer(struct pull *p, struct answer *a)
{
	const char *piece;
	size_t len;

	while ((piece = answer_next(a, &len)) != NULL && len > 0)
		if (!take_lines(p, piece, len))
			return;
	if (piece == NULL)
		stop(p, TEMPFAIL, "the site failed");
	else if (answer_failed(a) != NULL)
		stop(p, TEMPFAIL, "%s", answer_failed(a));
}

static yyjson_val *
parse_list(struct arena *mem, const char *text)
{
	return text == NULL ? NULL : yyjson_doc_get_root(json_parse_own(mem,
	    text, strlen(text)));
}

static void
ask_file(struct pull *p)
{
	const struct pull_request *q = p->q;
	struct answer_request r = { .consumer = p->from.site->id,
	    .last_update = p->last_update, .name = q->name, .limit = q->limit,
	    .grant = q->origins == NULL && q->filters == NULL,
	    .initial = q->initial,
	    .doctype = q->doctype,
	    .after = q->after };
	struct arena mem;
	struct answer *a;
	const char *why;
	int status = TEMPFAIL;

	arena_init(&mem);
	r.names = parse_list(&mem, q->names);
	r.origins = parse_list(&mem, q->origins);
	r.filters = parse_list(&mem, q->filters);
	if ((a = answer_open(p->from.file, &mem, &r, &status, &why)) == NULL)
		stop(p, status, "%s", why);
	else {
		read_answer(p, a);
		answer_close(a);
	}
	arena_free(&mem);
}

/* It came to its end: is that all that it should be? */
static void
check_whole(struct pull *p)
{
	const struct pull_request *q = p->q;
	bool stands;

	stands = q->initial ? p->page.after <= q->after :
	    p->page.last_update == q->from;
	if (!p->closed)
		stop(p, TEMPFAIL, "the answer was cut: it does not say how "
		    "many events it has");
	else if (p->page.events != p->came)
		stop(p, TEMPFAIL, "%lld of %lld events came",
		    (long long)p->came, (long long)p->page.events);
	else if (p->page.more && stands)
		stop(p, MISUSE, "it says there is more, and stays where it is");
}

int
pull_page(struct pull *p, const struct pull_request *q, struct pull_page *page,
    const char **why)
{
	char from[TIME_TEXT_LEN];

	p->q = q;
	p->last_update = q->from == 0 ? NULL : time_text(q->from, from);
	p->page = (struct pull_page){ 0 };
	p->came = 0;
	p->closed = p->ended = false;
	p->status = DONE;
	if (p->from.remote != NULL)
		ask_remote(p);
	else
		ask_file(p);
	if (p->status == DONE)
		check_whole(p);
	*page = p->page;
	*why = p->why;
	return p->status;
}

int64_t
patience_next(struct patience *p, int64_t asked)
{
	int64_t ms = INT64_C(500) << (p->tries < 16 ? p->tries : 16);
	uint16_t chance = 0;

	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		chance = 0;
	ms = ms * 3 / 4 + (ms / 2 * chance >> 16);
	if (asked > ms / 1000)
		ms = (asked < 1000000 ? asked : 1000000) * 1000;
	if (p->waited + ms > p->most)
		return -1;
	p->waited += ms;
	p->tries++;
	return ms;
}

void
patience_wait(int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) == -1)
		;
}

void
pull_checkpoint(struct pull *p, int64_t from, const struct pull_page *page)
{
	struct checkpoint c = { .producer = p->from.producer->name,
	    .site = p->site, .from = from, .last_update = page->last_update,
	    .name = *page->name == '\0' ? NULL : page->name,
	    .events = p->passed };

	put_checkpoint(p->out, &c);
	p->passed = 0;
}
