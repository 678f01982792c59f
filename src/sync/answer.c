/* answer.c - what a producer answers to a pull, piece by piece: nothing is kept
 * of it but where the next piece begins */

#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

enum {
	PIECE = 64 << 10,		/* bytes */
	LOOKED_MAX = 20000		/* entries, documents a page */
};

struct answer {
	struct site	*s;
	const struct answer_request *q;
	struct arena	 run, a;	/* a: of one line */
	struct view	*view;
	int64_t		 newest;	/* of the journal, as view was opened */
	const char	*consumer;	/* the name of its document */
	const char	*site;		/* its identity, or NULL */
	char		*grant;		/* the last that was sent */
	struct buf	 out;
	int64_t		 from;		/* as it was asked */
	int64_t		 began;		/* where that is in the log */
	int64_t		 at;		/* looked at up to here: entry, number */
	char		 name[ID_LEN + 1];
	int64_t		 looked, events;
	bool		 more, over;
	char		*failed;	/* why it stops; NULL */
	/* of snapshots: the point they are good for */
	int64_t		 position;
	char		 position_name[ID_LEN + 1];
};

/* ---- opening */

static void
close_view(struct answer *r)
{
	if (r->view != NULL)
		view_warn(r->view);
	view_close(r->view);
	r->view = NULL;
}

/* Whatever changed a consumer's rights is in the journal. */
static bool
look(struct answer *r)
{
	int64_t newest = journal_newest(r->s);
	struct consumer c;

	if (r->view != NULL && newest == r->newest)
		return true;
	close_view(r);
	r->newest = newest;
	if ((r->view = view_open(r->s, r->q->consumer)) == NULL ||
	    !consumer_load(r->s, &r->run, r->q->consumer, &c))
		return false;
	r->consumer = c.name;
	r->site = c.site;
	return true;
}

/* NULL, or why there is no answer. */
static const char *
begin(struct answer *r, struct arena *a)
{
	const struct answer_request *q = r->q;
	const char *why;

	if (!look(r))
		return arena_printf(a, "no Event Consumer '%s' in '%s'",
		    q->consumer, r->s->address);
	r->position = journal_floor(r->s, INT64_MAX, r->position_name);
	if (q->initial) {
		r->at = q->after;
		return q->names != NULL && q->doctype == NULL ?
		    "names without a doctype" :
		    q->origins != NULL && q->doctype != NULL ?
		    "origins of one doctype" : NULL;
	}
	if ((why = produce_start(r->s, a, q->last_update, q->name, &r->at,
	    r->name)) == NULL && q->last_update != NULL)
		time_parse(q->last_update, &r->from);
	r->began = r->at;
	return why;
}

struct answer *
answer_open(struct site *s, struct arena *a, const struct answer_request *q,
    int *status, const char **why)
{
	struct answer *r = xcalloc(1, sizeof(*r));

	r->s = s;
	r->q = arena_alloc(a, sizeof(*q));
	memcpy((void *)r->q, q, sizeof(*q));
	arena_init(&r->run);
	arena_init(&r->a);
	*why = NULL;
	if (site_begin_read(s) == 0) {
		*why = begin(r, a);
		db_commit(s->db);
	}
	*status = db_failed(s->db);
	if (*status == 0 && *why == NULL)
		return r;
	if (*status == 0)
		*status = MISUSE;
	else
		*why = "the site failed";
	answer_close(r);
	return NULL;
}

void
answer_close(struct answer *r)
{
	if (r == NULL)
		return;
	close_view(r);
	free(r->grant);
	free(r->failed);
	buf_free(&r->out);
	arena_free(&r->run);
	arena_free(&r->a);
	free(r);
}

/* ---- lines */

static bool
add_line(void *arg, const char *line, size_t len)
{
	struct answer *r = arg;

	buf_add(&r->out, line, len);
	buf_add(&r->out, "\n", 1);
	return true;
}

static void
add_grant(struct answer *r)
{
	char *line;

	if (!r->q->grant ||
	    (line = consumer_grant(r->s, &r->a, r->consumer)) == NULL)
		return;
	if (r->grant != NULL && strcmp(r->grant, line) == 0)
		return;
	free(r->grant);
	r->grant = xstrdup(line);
	add_line(r, line, strlen(line));
}

static bool
is_full(const struct answer *r)
{
	return r->out.len >= PIECE;
}

/* A page has looked at enough; one without events goes on for a while. */
static bool
is_enough(const struct answer *r)
{
	return r->looked >= (r->events > 0 ? r->q->limit : LOOKED_MAX);
}

static void
add_checkpoint(struct answer *r)
{
	struct checkpoint c = { .producer = r->s->address, .site = r->s->id,
	    .from = r->from, .last_update = r->at,
	    .name = *r->name == '\0' ? NULL : r->name, .events = r->events,
	    .more = r->more };
	char *text = NULL;
	size_t len;
	FILE *fp = open_memstream(&text, &len);

	if (fp == NULL)
		abort();		/* as of any memory that is out */
	put_checkpoint(fp, &c);
	fclose(fp);
	buf_add(&r->out, text, len);
	free(text);
}

/* What has no answer ends this one: after a page, if there is one, and the next
 * begins with it. */
static bool
stops(struct answer *r)
{
	const char *why = view_failed(r->view);

	if (why == NULL)
		return false;
	r->more = r->over = true;
	if (r->at == r->began || r->q->initial)
		r->failed = xstrdup(why);
	return true;
}

static void
add_events(struct answer *r)
{
	int64_t n;

	while (!is_full(r)) {
		if (is_enough(r)) {
			r->more = r->newest > r->at;
			r->over = true;
			break;
		}
		n = view_page(r->view, &r->at, r->name, 1, add_line, r,
		    &r->more);
		if (n == -1)
			return;
		r->events += n;
		if (stops(r))
			break;
		r->looked++;
		if (!r->more) {
			r->over = true;
			break;
		}
	}
	if (r->over && r->failed == NULL)
		add_checkpoint(r);
}

/* ---- snapshots */

static void
add_snapshot(struct answer *r, const struct doc *d)
{
	size_t len;
	char *line = produce_snapshot_for(r->s, &r->a, d, r->site, &len);

	if (line == NULL)
		return;
	add_line(r, line, len);
	r->events++;
}

static bool
may_read(struct answer *r, const struct doc *d)
{
	bool named = r->q->names != NULL || r->q->origins != NULL ||
	    r->q->filters != NULL;

	return meta_streamed(d->meta->name) && (view_shows(r->view, d->id) ||
	    (named && view_offers(r->view, d->id)));
}

/* The document of [site, birth], if it is there. */
static bool
of_origin(struct answer *r, yyjson_val *v, struct doc *d)
{
	const char *site = yyjson_get_str(yyjson_arr_get(v, 0));
	const char *birth = yyjson_get_str(yyjson_arr_get(v, 1));
	bool gone;
	int64_t id;

	if (site == NULL || birth == NULL)
		return false;
	id = origin_find(r->s, site, birth, &gone);
	return id != 0 && !gone && doc_load(r->s, &r->a, id, true, d);
}

static bool
of_name(struct answer *r, const struct meta *m, yyjson_val *v, struct doc *d)
{
	const char *name = yyjson_get_str(v);

	return m != NULL && name != NULL &&
	    doc_find(r->s, &r->a, m, name, true, d);
}

/* The next document; false after the last.  *is: it is there. */
static bool
next_document(struct answer *r, const struct meta *m, struct doc *d, bool *is)
{
	const struct answer_request *q = r->q;
	yyjson_val *list = q->origins != NULL ? q->origins : q->names, *v;

	*is = true;
	if (list == NULL) {
		if (!doc_after(r->s, &r->a, r->at, m == NULL ? 0 : m->id, d))
			return false;
		r->at = d->id;
		return true;
	}
	if (r->at >= (int64_t)yyjson_arr_size(list))
		return false;
	v = yyjson_arr_get(list, r->at++);
	*is = q->origins != NULL ? of_origin(r, v, d) : of_name(r, m, v, d);
	return true;
}

/* The first that filters find and that it may read. */
static void
add_found(struct answer *r, const struct meta *m)
{
	struct fault fault;
	struct filter *f = filter_new(r->s, m, &fault);
	const char *json, *name;
	struct doc d;
	size_t len;

	if (filter_json(f, r->q->filters) && filter_fields(f, "name") &&
	    filter_order(f, "modified desc")) {
		filter_limit(f, 0, LOOKED_MAX);
		filter_run(f);
		while (r->events == 0 && filter_next(f, &json, &len) == 1) {
			json = arena_dup(&r->a, json, len);
			name = json_str(yyjson_doc_get_root(json_parse_own(
			    &r->a, json, len)), "name");
			if (name != NULL && doc_find(r->s, &r->a, m, name, true,
			    &d) && may_read(r, &d))
				add_snapshot(r, &d);
		}
	}
	filter_free(f);
	r->over = true;
}

static void
add_initial(struct answer *r)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&r->a.alc);
	yyjson_mut_val *line = yyjson_mut_obj(m), *o, *at;
	char t[TIME_TEXT_LEN];
	size_t len;
	char *text;

	o = yyjson_mut_obj_add_obj(m, line, "initial");
	at = yyjson_mut_obj_add_obj(m, o, "position");
	if (r->position != 0) {
		yyjson_mut_obj_add_strcpy(m, at, "last_update",
		    time_text(r->position, t));
		yyjson_mut_obj_add_str(m, at, "name", r->position_name);
	}
	yyjson_mut_obj_add_int(m, o, "after", r->at);
	yyjson_mut_obj_add_int(m, o, "events", r->events);
	if (r->more)
		yyjson_mut_obj_add_int(m, o, "more", 1);
	text = json_mut_text(&r->a, line, &len);
	add_line(r, text, len);
}

static void
add_snapshots(struct answer *r)
{
	const struct meta *m = r->q->doctype == NULL ? NULL :
	    site_meta(r->s, r->q->doctype);
	struct doc d;
	bool is = false;

	if (r->q->filters != NULL && m != NULL) {
		add_found(r, m);
		if (stops(r))
			return;
	}
	while (!is_full(r) && !r->over) {
		arena_reset(&r->a);
		if ((r->q->doctype != NULL && m == NULL) ||
		    !next_document(r, m, &d, &is))
			r->over = true;
		else if (is && may_read(r, &d))
			add_snapshot(r, &d);
		if (is && stops(r))
			return;
		r->more = !r->over;
		if (++r->looked >= LOOKED_MAX || r->events >= r->q->limit)
			r->over = true;
	}
	if (r->over)
		add_initial(r);
}

const char *
answer_failed(const struct answer *r)
{
	return r->failed;
}

const char *
answer_next(struct answer *r, size_t *len)
{
	bool there;

	r->out.len = 0;
	*len = 0;
	if (r->over)
		return "";
	if (site_begin_read(r->s) == -1)
		return NULL;
	if ((there = look(r))) {
		add_grant(r);
		if (r->q->initial)
			add_snapshots(r);
		else
			add_events(r);
		arena_reset(&r->a);
	}
	db_commit(r->s->db);
	*len = r->out.len;
	return !there || db_failed(r->s->db) ? NULL : r->out.p;
}
