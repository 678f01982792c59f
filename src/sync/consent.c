/* consent.c - what consumers ask of us, and what they are given (spec 9) */

#include <string.h>

#include "sync/sync.h"

struct asked {				/* a request, and what was there before it */
	struct site	*s;
	struct arena	*a;
	yyjson_val	*request;
	const char	*name, *user, *site;
	yyjson_mut_doc	*m;
	yyjson_mut_val	*old;		/* the Event Consumer; NULL: none */
	yyjson_mut_val	*rows;		/* as they will be */
	yyjson_val	*wanted;	/* as they are asked for */
	bool		 another;	/* it comes as another user than before */
	struct fault	*fault;
};

static const char *
nonempty(const char *s)
{
	return s == NULL || s[strspn(s, " \t\r\n")] == '\0' ? NULL : s;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The Event Consumer of that name, in the arena; NULL. */
static yyjson_mut_val *
consumer_body(struct site *s, struct arena *a, yyjson_mut_doc *m,
    const char *name)
{
	const struct meta *meta = site_meta(s, "Event Consumer");
	struct doc d;

	return meta != NULL && doc_find(s, a, meta, name, true, &d) ?
	    doc_body(a, m, &d) : NULL;
}

static enum put_result
put_consumer(struct site *s, struct arena *a, yyjson_mut_val *posted,
    const char *user, struct fault *fault)
{
	yyjson_doc *doc = yyjson_mut_val_imut_copy(posted, &a->alc);
	int64_t id, entry;

	return local_put(s, a, yyjson_doc_get_root(doc), "Event Consumer", user,
	    &id, &entry, fault);
}

static yyjson_mut_val *
find_row(yyjson_mut_val *rows, const char *doctype)
{
	yyjson_mut_val *row;
	size_t i, n;

	yyjson_mut_arr_foreach(rows, i, n, row)
		if (same_text(json_mut_str(row, "ref_doctype"), doctype))
			return row;
	return NULL;
}

/* ---- a request */

static bool
find_name(struct asked *q)
{
	static const char *const keys[] = { "event_consumer", "callback_url",
	    "name" };
	const char *why;
	int64_t time;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys) && q->name == NULL; i++)
		q->name = nonempty(json_str(q->request, keys[i]));
	if (q->name == NULL)
		return fault_set(q->fault, "type", "a request without "
		    "event_consumer");
	if (id_time(q->name, &time))
		return fault_set(q->fault, "name", "the consumer's address is "
		    "the identity of a site");
	/* There may be a password in it: it is not shown. */
	if (strstr(q->name, "://") != NULL &&
	    (why = http_url_fault(q->name, HTTP_ALLOW_HTTP)) != NULL)
		return fault_set(q->fault, "name", "the consumer's address: %s",
		    why);
	return true;
}

/* A name belongs to one site, and a site has one name. */
static bool
check_site(struct asked *q)
{
	const char *was = nonempty(json_mut_str(q->old, "site"));
	struct consumer c;

	q->site = nonempty(json_str(q->request, "site"));
	if (same_text(q->site, q->s->id) || strcmp(q->name, q->s->address) == 0)
		return fault_set(q->fault, "name", "'%s' is this site itself",
		    q->name);
	if (q->site == NULL || same_text(q->site, was))
		return true;
	if (was != NULL)
		return fault_set(q->fault, "site", "'%s' was another site before "
		    "(%s, not %s); if that is right, take its Event Consumer "
		    "away with es-rm first", q->name, was, q->site);
	if (consumer_load(q->s, q->a, q->site, &c) && c.site != NULL &&
	    strcmp(c.name, q->name) != 0 &&
	    doc_number(q->s, "Event Consumer", c.name) != 0)
		return fault_set(q->fault, "site", "that site is known as '%s' "
		    "here; take this Event Consumer away with es-rm first",
		    c.name);
	return true;
}

static bool
check_user(struct asked *q, const char *user)
{
	const char *was = nonempty(json_mut_str(q->old, "user"));
	struct user u;

	if (user == NULL)
		user = nonempty(json_str(q->request, "user"));
	if (user == NULL)
		user = was;
	if (user == NULL)
		return fault_set(q->fault, "user", "a request without user");
	if (!user_load(q->s, q->a, user, &u))
		return fault_set(q->fault, "user", "no User '%s' here, as whom "
		    "'%s' would come; es-key makes one", user, q->name);
	if (!u.enabled)
		return fault_set(q->fault, "user", "User '%s', as whom '%s' "
		    "would come, is disabled; es-put can set enabled", user,
		    q->name);
	if (!u.manager && !user_has(&u, "Event Subscriber"))
		return fault_set(q->fault, "user", "User '%s', as whom '%s' "
		    "would come, has not the role 'Event Subscriber'; es-key "
		    "gives it", user, q->name);
	q->user = user;
	q->another = was != NULL && strcmp(was, user) != 0;
	return true;
}

static bool
check_doctype(struct asked *q, const char *doctype)
{
	const struct meta *m;

	if (doctype == NULL)
		return fault_set(q->fault, "type", "a row without DocType");
	if ((m = site_meta(q->s, doctype)) == NULL)
		return fault_set(q->fault, "doctype", "no DocType '%s' here",
		    doctype);
	if (m->istable)
		return fault_set(q->fault, "doctype", "%s is a child table; its "
		    "rows come with their document", doctype);
	if (!meta_streamed(doctype))
		return fault_set(q->fault, "doctype", "%s is never sent: each "
		    "site sets it itself", doctype);
	if (find_row(q->rows, doctype) != NULL)
		return fault_set(q->fault, "doctype", "%s stands twice",
		    doctype);
	return true;
}

/* Rows of a document say of themselves that they are rows. */
static const char *
row_doctype(yyjson_val *row)
{
	const char *doctype = json_str(row, "ref_doctype");

	return doctype != NULL ? doctype : json_str(row, "doctype");
}

/* What our administrator laid down does not go with a row that is taken out and
 * comes again. */
static const char *
own_before(struct asked *q, const char *doctype)
{
	const char *own = NULL;
	struct consumer c;
	size_t i;

	if (!consumer_load(q->s, q->a, q->name, &c))
		return NULL;
	for (i = 0; i < c.ngrants; i++)
		if (c.grants[i].active &&
		    strcmp(c.grants[i].doctype, doctype) == 0)
			own = c.grants[i].own;
	return own;
}

/* What it asks for itself, or is given whole, it may ask of in conditions. */
static bool
may_ask(void *arg, const char *doctype)
{
	struct asked *q = arg;
	yyjson_mut_val *was = find_row(yyjson_mut_obj_get(q->old,
	    "consumer_doctypes"), doctype);
	yyjson_val *row;
	size_t i, n;

	if (was != NULL)
		return nonempty(json_mut_str(was, "own_condition")) == NULL;
	yyjson_arr_foreach(q->wanted, i, n, row)
		if (same_text(row_doctype(row), doctype))
			return own_before(q, doctype) == NULL;
	return false;
}

static bool
check_condition(struct asked *q, const char *doctype, const char *text)
{
	struct rule_for of = { .s = q->s, .doctype = doctype,
	    .consumer = q->name, .may = may_ask, .arg = q };
	struct fault wrong;

	return text == NULL || rule_check(text, &of, &wrong) ||
	    fault_set(q->fault, "condition", "%s: %s", doctype, wrong.text);
}

static bool
take_row(struct asked *q, yyjson_val *row)
{
	const char *doctype = row_doctype(row), *condition, *own, *leave;
	yyjson_mut_val *was, *to;
	bool same;

	condition = nonempty(json_str(row, "condition"));
	if (!check_doctype(q, doctype))
		return false;
	was = find_row(yyjson_mut_obj_get(q->old, "consumer_doctypes"),
	    doctype);
	same = was != NULL && same_text(nonempty(json_mut_str(was,
	    "condition")), condition);
	if (!same && !check_condition(q, doctype, condition))
		return false;
	to = was != NULL ? yyjson_mut_val_mut_copy(q->m, was) :
	    yyjson_mut_obj(q->m);
	json_put(q->m, to, "ref_doctype", json_new_str(q->m, doctype));
	if (was == NULL && (own = own_before(q, doctype)) != NULL)
		json_put(q->m, to, "own_condition", json_new_str(q->m, own));
	if (!same || q->another)
		json_put(q->m, to, "status", json_new_str(q->m, "Pending"));
	json_put(q->m, to, "condition", json_new_str(q->m, condition));
	json_put(q->m, to, "unsubscribed", json_new_int(q->m,
	    json_int(row, "unsubscribed", 0) != 0));
	leave = json_str(row, "on_leave");
	if (same_text(leave, "delete") || json_mut_str(to, "on_leave") != NULL)
		json_put(q->m, to, "on_leave", json_new_str(q->m,
		    same_text(leave, "delete") ? leave : NULL));
	yyjson_mut_arr_append(q->rows, to);
	return true;
}

static bool
take_rows(struct asked *q)
{
	yyjson_val *rows = yyjson_obj_get(q->request, "consumer_doctypes"), *row;
	const char *text = yyjson_get_str(rows), *why = NULL;
	yyjson_doc *doc;
	size_t i, n;

	if (text != NULL) {
		doc = json_parse(q->a, text, yyjson_get_len(rows), &why);
		rows = yyjson_doc_get_root(doc);
	}
	if (!yyjson_is_arr(rows) || yyjson_arr_size(rows) == 0)
		return fault_set(q->fault, "type", "consumer_doctypes is no "
		    "array with rows%s%s", why == NULL ? "" : ": ",
		    why == NULL ? "" : why);
	q->rows = yyjson_mut_arr(q->m);
	q->wanted = rows;
	yyjson_arr_foreach(rows, i, n, row)
		if (!take_row(q, row))
			return false;
	return true;
}

static yyjson_mut_val *
as_document(struct asked *q)
{
	static const char *const keys[] = { "api_key", "api_secret" };
	yyjson_mut_val *posted = yyjson_mut_obj(q->m);
	const char *value;
	size_t i;

	json_put(q->m, posted, "callback_url", json_new_str(q->m, q->name));
	json_put(q->m, posted, "user", json_new_str(q->m, q->user));
	if (q->site != NULL)
		json_put(q->m, posted, "site", json_new_str(q->m, q->site));
	for (i = 0; i < 2; i++)
		if ((value = nonempty(json_str(q->request, keys[i]))) != NULL)
			json_put(q->m, posted, keys[i], json_new_str(q->m,
			    value));
	json_put(q->m, posted, "consumer_doctypes", q->rows);
	return posted;
}

enum put_result
consumer_request(struct site *s, struct arena *a, yyjson_val *request,
    const char *user, const char **name, struct fault *fault)
{
	struct asked q = { .s = s, .a = a, .request = request, .fault = fault };

	q.m = yyjson_mut_doc_new(&a->alc);
	if (!find_name(&q))
		return PUT_REFUSED;
	q.old = consumer_body(s, a, q.m, q.name);
	if (!check_site(&q) || !check_user(&q, user) || !take_rows(&q))
		return PUT_REFUSED;
	*name = q.name;
	return put_consumer(s, a, as_document(&q), q.user, fault);
}

/* ---- the answer of the producer's administrator */

static void
set_row(yyjson_mut_doc *m, yyjson_mut_val *row, const char *status,
    const char *own)
{
	json_put(m, row, "status", json_new_str(m, status));
	if (own != NULL)
		json_put(m, row, "own_condition", json_new_str(m,
		    nonempty(own)));
}

static bool
set_named(yyjson_mut_doc *m, yyjson_mut_val *rows, const char *name,
    char *const *doctypes, const char *status, const char *own,
    struct fault *fault)
{
	yyjson_mut_val *row;

	for (; *doctypes != NULL; doctypes++) {
		if ((row = find_row(rows, *doctypes)) == NULL)
			return fault_set(fault, "doctype", "'%s' did not ask for "
			    "'%s'; es-approve -l %s lists what it asked for",
			    name, *doctypes, name);
		set_row(m, row, status, own);
	}
	return true;
}

static void
set_pending(yyjson_mut_doc *m, yyjson_mut_val *rows, const char *status,
    const char *own)
{
	yyjson_mut_val *row;
	size_t i, n;

	yyjson_mut_arr_foreach(rows, i, n, row)
		if (same_text(json_mut_str(row, "status"), "Pending"))
			set_row(m, row, status, own);
}

enum put_result
consumer_approve(struct site *s, struct arena *a, const char *name,
    char *const *doctypes, const char *status, const char *own,
    struct fault *fault)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	yyjson_mut_val *posted, *rows, *body = consumer_body(s, a, m, name);
	struct rule_for of = { .s = s, .consumer = name, .own = true };

	if (body == NULL) {
		fault_set(fault, "gone", "no Event Consumer '%s' here; "
		    "es-approve -l lists them", name);
		return PUT_REFUSED;
	}
	rows = yyjson_mut_obj_get(body, "consumer_doctypes");
	if (own != NULL && nonempty(own) != NULL &&
	    !rule_check(own, &of, fault))
		return PUT_REFUSED;
	if (doctypes == NULL)
		set_pending(m, rows, status, own);
	else if (!set_named(m, rows, name, doctypes, status, own, fault))
		return PUT_REFUSED;
	posted = yyjson_mut_obj(m);
	json_put(m, posted, "name", json_new_str(m, name));
	json_put(m, posted, "consumer_doctypes",
	    yyjson_mut_val_mut_copy(m, rows));
	return put_consumer(s, a, posted, "Administrator", fault);
}

char *
consumer_grant(struct site *s, struct arena *a, const char *name)
{
	static const char *const keys[] = { "ref_doctype", "status",
	    "condition" };
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	yyjson_mut_val *body = consumer_body(s, a, m, name), *line, *grant;
	yyjson_mut_val *rows, *row, *to;
	size_t i, k, n;

	if (body == NULL)
		return NULL;
	line = yyjson_mut_obj(m);
	grant = yyjson_mut_obj_add_obj(m, line, "grant");
	json_put(m, grant, "event_producer", json_new_str(m, s->address));
	json_put(m, grant, "site", json_new_str(m, s->id));
	json_put(m, grant, "event_consumer", json_new_str(m, name));
	rows = yyjson_mut_obj_add_arr(m, grant, "doctypes");
	yyjson_mut_arr_foreach(yyjson_mut_obj_get(body, "consumer_doctypes"), i,
	    n, row) {
		to = yyjson_mut_arr_add_obj(m, rows);
		for (k = 0; k < sizeof(keys) / sizeof(*keys); k++)
			json_put(m, to, keys[k], json_new_str(m,
			    nonempty(json_mut_str(row, keys[k]))));
		json_put(m, to, "unsubscribed", json_new_int(m,
		    json_mut_int(row, "unsubscribed", 0) != 0));
	}
	return json_mut_text(a, line, NULL);
}
