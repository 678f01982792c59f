/* register.c - Event Consumers: how they register and change (spec 9.1, 9.2) */

#include <string.h>

#include "api/call.h"

/* Nobody takes over what belongs to another user. */
static bool
is_free(struct call *c, const char *name)
{
	return c->user.manager || who_owns(c, name) ||
	    doc_number(c->s, "Event Consumer", name) == 0;
}

/* The request under one name, whatever else it says of that. */
static yyjson_val *
named(struct call *c, yyjson_val *data, const char *name)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&c->a->alc);
	yyjson_mut_val *o = yyjson_val_mut_copy(m, data);

	json_put(m, o, "event_consumer", json_new_str(m, name));
	return yyjson_doc_get_root(yyjson_mut_val_imut_copy(o, &c->a->alc));
}

/* Takes the request in; false: answered. */
static bool
take(struct call *c, yyjson_val *request, const char **name)
{
	enum put_result r;
	struct fault fault;

	r = consumer_request(c->s, c->a, request, c->user.name, name, &fault);
	if (r == PUT_REFUSED) {
		site_rollback(c->s);
		reply_fault(c, &fault);
	} else if (r == PUT_FAILED || site_commit(c->s) == -1) {
		site_rollback(c->s);
		reply_failed(c);
	} else
		return true;
	return false;
}

/* {"last_update":…,"grant":…}, as a text in the answer. */
static void
reply_registered(struct call *c, const char *name)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&c->a->alc);
	yyjson_mut_val *o = yyjson_mut_obj(m);
	char t[TIME_TEXT_LEN], *grant;
	int64_t newest;
	yyjson_doc *doc;

	if (site_begin_read(c->s) == -1) {
		reply_failed(c);
		return;
	}
	newest = journal_newest(c->s);
	grant = consumer_grant(c->s, c->a, name);
	db_rollback(c->s->db);
	yyjson_mut_obj_add_str(m, o, "last_update", time_text(newest != 0 ?
	    newest : time_now(), t));
	if (grant != NULL) {
		doc = json_parse_own(c->a, grant, strlen(grant));
		yyjson_mut_obj_add_val(m, o, "grant", yyjson_val_mut_copy(m,
		    yyjson_obj_get(yyjson_doc_get_root(doc), "grant")));
	}
	reply_message(c, m, yyjson_mut_str(m, json_mut_text(c->a, o, NULL)));
}

void
consumer_register(struct call *c)
{
	yyjson_val *data;
	const char *name, *stored;

	if (!arg_json(c, "data", &data))
		return;
	name = json_str(data, "event_consumer");
	if (name == NULL || name[strspn(name, " \t\r\n")] == '\0') {
		reply_error(c, INVALID, "data is no JSON object with "
		    "event_consumer");
		return;
	}
	if (!api_begin(c))
		return;
	if (!is_free(c, name)) {
		site_rollback(c->s);
		reply_error(c, FORBIDDEN, "that Event Consumer belongs to "
		    "another user");
	} else if (take(c, named(c, data, name), &stored))
		reply_registered(c, stored);
}

void
consumer_put(struct call *c, const char *name)
{
	yyjson_val *data;
	const char *stored;

	if (!arg_json(c, "data", &data))
		return;
	if (data == NULL)
		data = c->json;
	if (!yyjson_is_obj(data)) {
		reply_error(c, INVALID, "data is no JSON object");
		return;
	}
	if (!api_begin(c))
		return;
	if (!who_owns(c, name)) {
		site_rollback(c->s);
		reply_error(c, FORBIDDEN, "no Event Consumer of yours is "
		    "called so");
	} else if (take(c, named(c, data, name), &stored))
		resource_get(c, "Event Consumer", stored);
}
