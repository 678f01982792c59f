/* remote.c - a site behind a URL (spec 1, 2.6, 8, 9) */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "site/site.h"

/* What the methods of Event Streaming are called: in stock up to v14, and in
 * the app that came after. */
static const char *const prefixes[] = { "frappe.event_streaming.doctype",
    "event_streaming.event_streaming.doctype" };
enum { CORE, APP };

struct remote {
	struct http	*http;
	bool		 has_key;
	int		 prefix;	/* the one that it knows */
	int		 status;	/* of the last request */
	char		 why[1500];
	int64_t		 retry_after;
	int		 code;		/* of HTTP; 0: no answer */
	struct buf	 line;		/* what has come of it */
	const struct remote_pull *pull;	/* under way */
};

struct remote *
remote_open(const struct http_peer *peer, const char **why)
{
	struct http *h = http_open(peer, why);
	struct remote *r;

	if (h == NULL)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->http = h;
	r->has_key = peer->key != NULL;
	r->retry_after = -1;
	return r;
}

void
remote_close(struct remote *r)
{
	if (r == NULL)
		return;
	http_close(r->http);
	buf_free(&r->line);
	free(r);
}

int
remote_fault(struct remote *r, const char **why)
{
	*why = r->why;
	return r->status;
}

int64_t
remote_retry_after(const struct remote *r)
{
	return r->retry_after;
}

int
remote_code(const struct remote *r)
{
	return r->code;
}

/* ---- what went wrong (spec 1.5) */

static bool __attribute__((format(printf, 3, 4)))
fail(struct remote *r, int status, const char *fmt, ...)
{
	va_list ap;

	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return false;
}

static yyjson_val *
parse(struct arena *a, const char *text, size_t len)
{
	const char *why;
	yyjson_doc *doc;

	if (text == NULL || (doc = json_parse(a, text, len, &why)) == NULL)
		return NULL;
	return yyjson_doc_get_root(doc);
}

static yyjson_val *
parse_member(struct arena *a, yyjson_val *obj, const char *key)
{
	const char *text = json_str(obj, key);

	return parse(a, text, text == NULL ? 0 : strlen(text));
}

/* The message for people: a text with a list of texts with objects in them. */
static const char *
server_message(struct arena *a, yyjson_val *root)
{
	yyjson_val *list = parse_member(a, root, "_server_messages");
	yyjson_val *first = yyjson_arr_get_first(list);

	return json_str(parse(a, yyjson_get_str(first), yyjson_get_len(first)),
	    "message");
}

/* Of a class with dots and what it says, that. */
static const char *
exception_message(yyjson_val *root)
{
	const char *text = json_str(root, "exception"), *colon;

	colon = text == NULL ? NULL : strstr(text, ": ");
	return colon == NULL ? text : colon + 2;
}

/* Messages are HTML. */
static char *
without_tags(struct arena *a, const char *text)
{
	char *copy = arena_dup(a, text, strlen(text)), *to = copy;
	bool tag = false;

	for (; *text != '\0'; text++) {
		if (*text == '<')
			tag = true;
		if (!tag)
			*to++ = *text;
		if (*text == '>')
			tag = false;
	}
	*to = '\0';
	return copy;
}

/* What it says of an error, or "". */
static const char *
said(struct arena *a, const struct http_answer *answer)
{
	yyjson_val *root = parse(a, answer->body, answer->len);
	const char *text = server_message(a, root);

	if (text == NULL)
		text = exception_message(root);
	if (text == NULL)
		text = json_str(root, "_error_message");
	if (text == NULL)
		text = json_str(root, "message");
	return text == NULL ? "" : without_tags(a, text);
}

/* What to do about 403, 404 and 409, or NULL. */
struct advice {
	const char	*forbidden, *missing, *conflict;
};

static void
refused(struct remote *r, const struct http_answer *a, const char *text,
    const struct advice *advice)
{
	const char *colon = *text == '\0' ? "" : ": ";

	if (a->status == 401 && !r->has_key)
		fail(r, MISUSE, "it wants a key%s%.400s", colon, text);
	else if (a->status == 401)
		fail(r, MISUSE, "the key is not accepted%s%.400s; ask their "
		    "administrator for a new one (es-key -r) and give it with "
		    "es-subscribe -k", colon, text);
	else if (a->status == 403)
		fail(r, MISUSE, "the key does not allow that%s%.400s; %sask "
		    "their administrator whose key it is (es-key -l)", colon,
		    text, advice->forbidden == NULL ? "" : advice->forbidden);
	else if (a->status == 404 && *text == '\0' &&
	    strcmp(a->type, "application/json") != 0)
		fail(r, MISUSE, "no site answers there (404): is it the right "
		    "address?");
	else if (a->status == 404 && advice->missing != NULL)
		fail(r, MISUSE, "%s%s%.400s", advice->missing, colon, text);
	else if (a->status == 409 && advice->conflict != NULL)
		fail(r, MISUSE, "%.400s%s%s", text, *text == '\0' ? "" : "; ",
		    advice->conflict);
	else if (a->status >= 300 && a->status < 400)
		fail(r, MISUSE, "it sends us on to '%.400s', where we do not "
		    "go: if that is its address, subscribe to it", a->location);
	else
		fail(r, MISUSE, "it refuses (%d)%s%.400s", a->status, colon,
		    text);
}

static bool
is_passing(int status)
{
	return status == 408 || status == 425 || status == 429 ||
	    (status >= 500 && status <= 599);
}

/* Says what the answer was, if it was none of status 200. */
static void
classify(struct remote *r, const struct http_answer *a,
    const struct advice *advice)
{
	const char *text;
	struct arena mem;

	r->retry_after = a->retry_after;
	if (a->status == 0 || a->cut) {
		fail(r, TEMPFAIL, "%s", a->why);
		return;
	}
	arena_init(&mem);
	text = said(&mem, a);
	if (!is_passing(a->status))
		refused(r, a, text, advice);
	else if (a->retry_after > 0)
		fail(r, TEMPFAIL, "not now (%d), again in %lld seconds%s%.400s",
		    a->status, (long long)a->retry_after, *text == '\0' ? "" :
		    ": ", text);
	else
		fail(r, TEMPFAIL, "not now (%d)%s%.400s", a->status,
		    *text == '\0' ? "" : ": ", text);
	arena_free(&mem);
}

/* ---- requests */

/* True if all of an answer of status 200 came, or the reader had enough. */
static bool
ask(struct remote *r, const struct http_request *q, struct http_answer *a,
    const struct advice *advice)
{
	bool whole;

	r->status = DONE;
	r->retry_after = -1;
	*r->why = '\0';
	whole = http_do(r->http, q, a);
	r->code = a->status;
	if (a->status == 200 && (whole || !a->cut))
		return true;
	classify(r, a, advice);
	return false;
}

/* "Failed to get method …", or v13's page of HTML. */
static bool
knows_no_method(const struct http_answer *a)
{
	return (a->status == 417 &&
	    strstr(a->body, "Failed to get method") != NULL) ||
	    (a->status == 404 && strcmp(a->type, "application/json") != 0);
}

/* A method of Event Streaming, under the prefix that this site knows. */
static bool
call(struct remote *r, const char *method, struct http_request *q,
    struct http_answer *a, const struct advice *advice)
{
	int first = r->prefix;
	char *path;
	bool good;

	for (;;) {
		path = xprintf("/api/method/%s.%s", prefixes[r->prefix],
		    method);
		q->method = "POST";
		q->path = path;
		good = ask(r, q, a, advice);
		free(path);
		if (good || r->prefix == APP || !knows_no_method(a))
			break;
		r->prefix = APP;
	}
	if (!good && knows_no_method(a))
		r->prefix = first;
	return good;
}

/* The object of an answer, with the member that counts if it is there. */
static yyjson_val *
result(struct remote *r, struct arena *mem, const struct http_answer *a,
    const char *member)
{
	yyjson_val *root = parse(mem, a->body, a->len), *v;
	const char *exc = json_str(root, "exc");

	if (!yyjson_is_obj(root)) {
		fail(r, MISUSE, "no site answers there: what came is %s",
		    *a->type == '\0' ? "nothing" : a->type);
		return NULL;
	}
	if (exc != NULL && *exc != '\0') {
		fail(r, MISUSE, "it refuses: %.400s", said(mem, a));
		return NULL;
	}
	v = yyjson_obj_get(root, member);
	return v == NULL ? root : v;
}

yyjson_val *
remote_register(struct remote *r, struct arena *mem, const char *request)
{
	static const struct advice advice = { .conflict = "another site is "
	    "registered there under our address: ask their administrator to "
	    "delete that Event Consumer, or take another address" };
	struct http_request q = { 0 };
	struct http_answer a;
	struct buf form = { 0 };
	bool good;

	form_add(&form, "data", request);
	q.form = form.p;
	good = call(r, "event_consumer.event_consumer.register_consumer", &q,
	    &a, &advice);
	buf_free(&form);
	return good ? result(r, mem, &a, "message") : NULL;
}

static void
resource_path(struct buf *path, const char *doctype, const char *name)
{
	buf_puts(path, "/api/resource/");
	url_encode(path, doctype);
	if (name == NULL)
		return;
	buf_puts(path, "/");
	url_encode(path, name);
}

/* A request about our Event Consumer document; form NULL: to read it. */
static yyjson_val *
own_document(struct remote *r, struct arena *mem, const char *name,
    const char *method, const char *data)
{
	static const struct advice advice = { .missing =
	    "we are not registered there; es-subscribe -R does it anew" };
	struct http_request q = { .method = method };
	struct http_answer a;
	struct buf form = { 0 }, path = { 0 };
	bool good;

	form_add(&form, "data", data);
	resource_path(&path, "Event Consumer", name);
	q.path = path.p;
	q.form = form.p;
	good = ask(r, &q, &a, &advice);
	buf_free(&form);
	buf_free(&path);
	return good ? result(r, mem, &a, "data") : NULL;
}

yyjson_val *
remote_consumer(struct remote *r, struct arena *mem, const char *name)
{
	return own_document(r, mem, name, "GET", NULL);
}

yyjson_val *
remote_change(struct remote *r, struct arena *mem, const char *name,
    const char *body)
{
	return own_document(r, mem, name, "PUT", body);
}

static const struct advice reading = { .forbidden = "it gives what belongs to "
    "DocTypes that are Approved and what comes with them; " };

yyjson_val *
remote_document(struct remote *r, struct arena *mem, const char *doctype,
    const char *name, bool *absent)
{
	struct http_request q = { .method = "GET" };
	struct http_answer a;
	struct buf path = { 0 };
	bool good;

	resource_path(&path, doctype, name);
	q.path = path.p;
	good = ask(r, &q, &a, &reading);
	*absent = a.status == 404 && strcmp(a.type, "application/json") == 0;
	buf_free(&path);
	return good ? result(r, mem, &a, "data") : NULL;
}

/* [["field","=","value"]] */
static const char *
equal(struct arena *mem, const char *field, const char *value)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&mem->alc);
	yyjson_mut_val *list = yyjson_mut_arr(m), *one;

	one = yyjson_mut_arr_add_arr(m, list);
	yyjson_mut_arr_add_str(m, one, field);
	yyjson_mut_arr_add_str(m, one, "=");
	yyjson_mut_arr_add_str(m, one, value);
	return json_mut_text(mem, list, NULL);
}

yyjson_val *
remote_documents(struct remote *r, struct arena *mem, const char *doctype,
    const char *field, const char *value)
{
	struct http_request q = { .method = "GET" };
	struct http_answer a;
	struct buf path = { 0 }, query = { 0 };
	yyjson_val *list = NULL;

	form_add(&query, "fields", "[\"*\"]");
	form_add(&query, "filters", equal(mem, field, value));
	form_add(&query, "limit_page_length", "0");
	resource_path(&path, doctype, NULL);
	buf_puts(&path, "?");
	buf_puts(&path, query.p);
	q.path = path.p;
	if (ask(r, &q, &a, &reading) &&
	    (list = result(r, mem, &a, "data")) != NULL &&
	    !yyjson_is_arr(list)) {
		fail(r, MISUSE, "no list of %s came", doctype);
		list = NULL;
	}
	buf_free(&path);
	buf_free(&query);
	return list;
}

bool
remote_notify(struct remote *r, const char *producer)
{
	static const struct advice advice = { .missing =
	    "it is not subscribed to us" };
	struct http_request q = { .limit = 64 << 10 };
	struct http_answer a;
	struct buf form = { 0 };
	bool good;

	form_add(&form, "producer_url", producer);
	q.form = form.p;
	good = call(r, "event_producer.event_producer.new_event_notification",
	    &q, &a, &advice);
	buf_free(&form);
	return good;
}

/* ---- lines */

static bool
give_line(struct remote *r)
{
	bool more;

	if (r->line.len > LINE_MAX_BYTES)
		return fail(r, MISUSE, "it sent a line of more than 16 MiB, "
		    "which begins '%.100s'", r->line.p);
	if (r->line.len == 0)
		return true;
	more = r->pull->fn(r->pull->arg, r->line.p, r->line.len);
	r->line.len = 0;
	return more;
}

static bool
take(void *arg, const char *p, size_t n)
{
	const char *nl, *end = p + n;
	struct remote *r = arg;

	for (; (nl = memchr(p, '\n', end - p)) != NULL; p = nl + 1) {
		buf_add(&r->line, p, nl - p);
		if (!give_line(r))
			return false;
	}
	buf_add(&r->line, p, end - p);
	return r->line.len <= LINE_MAX_BYTES || give_line(r);
}

static void
idle(void *arg)
{
	struct remote *r = arg;

	if (r->pull->idle != NULL)
		r->pull->idle(r->pull->arg);
}

static void
pull_form(struct buf *form, const struct remote_pull *p)
{
	char number[21];

	form_add(form, "event_consumer", p->consumer);
	form_add(form, "last_update", p->last_update);
	form_add(form, "name", p->name);
	text_int(number, p->limit);
	form_add(form, "limit", number);
	if (!p->initial)
		return;
	form_add(form, "doctype", p->doctype);
	form_add(form, "names", p->names);
	form_add(form, "origins", p->origins);
	form_add(form, "filters", p->filters);
	text_int(number, p->after);
	form_add(form, "after", number);
}

bool
remote_pull(struct remote *r, const struct remote_pull *p)
{
	static const struct advice advice = {
	    .forbidden = "if we are not registered there any more "
		"es-subscribe -R does it anew, else ",
	    .missing = "we are not registered there; es-subscribe -R does it "
		"anew",
	    .conflict = "es-subscribe -R begins anew" };
	static const char module[] = "event_update_log.event_update_log";
	struct http_request q = { .accept = "application/x-ndjson",
	    .data = take, .idle = idle, .arg = r };
	struct http_answer a;
	struct buf form = { 0 };
	char *method;
	bool good;

	pull_form(&form, p);
	q.form = form.p;
	r->pull = p;
	r->line.len = 0;
	method = xprintf("%s.%s", module, p->initial ?
	    "get_snapshots_for_consumer" : "get_update_logs_for_consumer");
	good = call(r, method, &q, &a, &advice);
	free(method);
	buf_free(&form);
	if (!good || r->status != DONE)
		return false;
	/* For libcurl an end among the headers is the end of an answer. */
	if (a.len == 0 && *a.type == '\0')
		return fail(r, TEMPFAIL, "the answer was cut");
	if (a.len > 0 || strcmp(a.type, "application/x-ndjson") != 0)
		return fail(r, MISUSE, "no es-serve answers there: what came "
		    "is %s", *a.type == '\0' ? "nothing" : a.type);
	if (r->line.len > 0)
		return fail(r, TEMPFAIL, "the answer was cut in a line");
	return true;
}
