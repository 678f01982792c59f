/* stream.c - what a consumer pulls, as a stream of lines (spec 8 with paging of
 * our own) */

#include <stdlib.h>
#include <string.h>

#include "api/call.h"

enum {
	PAGE_MAX = 100000,
	STREAMS_MAX = 50		/* of one user at a time */
};

struct pull {
	struct pull	*next, **prev;
	struct answer	*answer;	/* NULL: it was cut */
	struct arena	 a;		/* what was asked for */
	const char	*user;		/* and who did */
	char		*end;		/* the last line; NULL before it */
	bool		 over;
};

/* ---- the stream */

static char *
end_line(const char *why)
{
	char *text = NULL;
	size_t len;
	FILE *fp = open_memstream(&text, &len);

	if (fp != NULL) {
		put_end(fp, why == NULL ? DONE : TEMPFAIL, why);
		fclose(fp);
	}
	return text;
}

static const char *
next(void *arg, size_t *len)
{
	struct pull *p = arg;
	const char *piece;

	*len = 0;
	if (p->over)
		return "";
	if (p->answer == NULL ||
	    (piece = answer_next(p->answer, len)) == NULL)
		return NULL;
	if (*len > 0)
		return piece;
	p->over = true;
	if ((p->end = end_line(answer_failed(p->answer))) != NULL)
		*len = strlen(p->end);
	return p->end;
}

static void
done(void *arg)
{
	struct pull *p = arg;

	if ((*p->prev = p->next) != NULL)
		p->next->prev = p->prev;
	answer_close(p->answer);
	arena_free(&p->a);
	free(p->end);
	free(p);
}

void
pull_cut(struct api *api)
{
	struct pull *p;

	for (p = api->pulls; p != NULL; p = p->next) {
		answer_close(p->answer);
		p->answer = NULL;
	}
}

static const char *
keep(struct pull *p, const char *text)
{
	return text == NULL ? NULL : arena_dup(&p->a, text, strlen(text));
}

static struct pull *
pull_new(struct call *c)
{
	struct api *api = c->api;
	struct pull *p = xcalloc(1, sizeof(*p));

	arena_init(&p->a);
	p->user = keep(p, c->user.name);
	p->prev = &api->pulls;
	if ((p->next = api->pulls) != NULL)
		p->next->prev = &p->next;
	api->pulls = p;
	return p;
}

/* A reader that dawdles keeps a stream open. */
static bool
may_stream(struct call *c)
{
	const struct pull *p;
	int n = 0;

	for (p = c->api->pulls; p != NULL; p = p->next)
		n += strcmp(p->user, c->user.name) == 0;
	if (n < STREAMS_MAX)
		return true;
	reply_error(c, TOO_MANY, "more than %d streams at a time", STREAMS_MAX);
	return false;
}

/* False: it is answered. */
static bool
start_stream(struct call *c, struct pull *p, const struct answer_request *q)
{
	const char *why;
	int status;

	if ((p->answer = answer_open(c->s, &p->a, q, &status, &why)) == NULL) {
		if (status == MISUSE)
			reply_error(c, CONFLICT, "%s", why);
		else
			reply_failed(c);
		done(p);
		return false;
	}
	c->rs->status = 200;
	c->rs->type = "application/x-ndjson";
	c->rs->next = next;
	c->rs->done = done;
	c->rs->arg = p;
	return true;
}

/* ---- who asks, and for what */

/* Each its own; a System Manager any.  Others' and none look alike. */
static bool
may_pull(struct call *c, const char *consumer, bool *own)
{
	bool there;

	if (consumer == NULL) {
		reply_error(c, INVALID, "event_consumer is missing");
		return false;
	}
	if (site_begin_read(c->s) == -1) {
		reply_failed(c);
		return false;
	}
	*own = who_owns(c, consumer);
	there = *own || doc_number(c->s, "Event Consumer", consumer) != 0;
	db_rollback(c->s->db);
	if (db_failed(c->s->db))
		reply_failed(c);
	else if (!c->user.manager && !*own)
		reply_error(c, FORBIDDEN, "no Event Consumer of yours is "
		    "called so");
	else if (!there)
		reply_error(c, NOT_THERE, "no Event Consumer '%s'", consumer);
	else
		return true;
	return false;
}

void
pull_events(struct call *c)
{
	struct answer_request q = { .grant = true };
	int64_t at = 0;
	struct pull *p;
	bool own;

	q.consumer = arg_text(c, "event_consumer");
	q.last_update = arg_text(c, "last_update");
	q.name = arg_text(c, "name");
	if (!may_pull(c, q.consumer, &own) ||
	    !arg_int(c, "limit", 1, PAGE_MAX, &q.limit))
		return;
	if (q.limit == 0) {
		reply_error(c, INVALID, "limit is missing: events are given in "
		    "pages only");
		return;
	}
	if (q.last_update != NULL && !time_parse(q.last_update, &at)) {
		reply_error(c, INVALID, "last_update is no time");
		return;
	}
	if (!may_stream(c))
		return;
	p = pull_new(c);
	q.consumer = keep(p, q.consumer);
	q.last_update = keep(p, q.last_update);
	q.name = keep(p, q.name);
	if (start_stream(c, p, &q) && own && strcmp(c->rq->method, "POST") == 0)
		api_note(c->api, q.consumer, at, q.name);
}

static bool
are_origins(yyjson_val *list)
{
	yyjson_val *v;
	size_t i, n;

	if (!yyjson_is_arr(list))
		return false;
	yyjson_arr_foreach(list, i, n, v)
		if (yyjson_arr_size(v) != 2 ||
		    !yyjson_is_str(yyjson_arr_get(v, 0)) ||
		    !yyjson_is_str(yyjson_arr_get(v, 1)))
			return false;
	return true;
}

static yyjson_val *
keep_json(struct pull *p, yyjson_val *v)
{
	size_t len;
	char *text;

	if (v == NULL)
		return NULL;
	text = json_text(&p->a, v, &len);
	return yyjson_doc_get_root(json_parse_own(&p->a, text, len));
}

void
pull_snapshots(struct call *c)
{
	struct answer_request q = { .initial = true, .limit = 1000 };
	yyjson_val *names, *origins, *filters;
	struct pull *p;
	bool own;

	q.consumer = arg_text(c, "event_consumer");
	q.doctype = arg_text(c, "doctype");
	if (!may_pull(c, q.consumer, &own) || !arg_json(c, "names", &names) ||
	    !arg_json(c, "origins", &origins) ||
	    !arg_json(c, "filters", &filters) ||
	    !arg_int(c, "limit", 1, PAGE_MAX, &q.limit) ||
	    !arg_int(c, "after", 0, INT64_MAX, &q.after))
		return;
	if (names != NULL && (!yyjson_is_arr(names) || q.doctype == NULL)) {
		reply_error(c, INVALID, "names is no array of names of one "
		    "doctype");
		return;
	}
	if (origins != NULL && (!are_origins(origins) || q.doctype != NULL)) {
		reply_error(c, INVALID, "origins is no array of [site, birth], "
		    "or there is a doctype");
		return;
	}
	if (filters != NULL && (!yyjson_is_obj(filters) || q.doctype == NULL)) {
		reply_error(c, INVALID, "filters is no object of fields of one "
		    "doctype");
		return;
	}
	if (!may_stream(c))
		return;
	p = pull_new(c);
	q.consumer = keep(p, q.consumer);
	q.doctype = keep(p, q.doctype);
	q.names = keep_json(p, names);
	q.origins = keep_json(p, origins);
	q.filters = keep_json(p, filters);
	q.grant = origins == NULL && filters == NULL;
	start_stream(c, p, &q);
}
