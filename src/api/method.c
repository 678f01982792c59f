/* method.c - /api/method/NAME and cmd=NAME (spec 2.3, 2.6, 8, 9) */

#include <string.h>

#include "api/call.h"

/* ---- small ones */

static void
ping(struct call *c)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&c->a->alc);

	reply_message(c, m, yyjson_mut_str(m, "pong"));
}

static void
version(struct call *c)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&c->a->alc);

	reply_message(c, m, yyjson_mut_str(m, ES_VERSION));
}

static void
logged_user(struct call *c)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&c->a->alc);

	reply_message(c, m, yyjson_mut_str(m, c->user.name));
}

/* ---- a producer has news */

/* By its key, else by what it says: its address may be another here. */
static bool
is_producer(struct call *c, const char *url)
{
	bool is;

	if (site_begin_read(c->s) == -1)
		return false;
	is = edit_is_notifier(c->s, c->a, c->user.name) ||
	    doc_number(c->s, "Event Producer", url) != 0;
	db_rollback(c->s->db);
	return is;
}

static void
notification(struct call *c)
{
	const char *url = arg_text(c, "producer_url");
	char *name;

	if (url == NULL) {
		reply_error(c, INVALID, "new_event_notification without "
		    "producer_url");
		return;
	}
	name = arena_dup(c->a, url, strlen(url));
	if (name[strlen(name) - 1] == '/')
		name[strlen(name) - 1] = '\0';
	if (is_producer(c, name)) {
		reply_message(c, yyjson_mut_doc_new(&c->a->alc), NULL);
		c->api->o.notified(c->api->o.arg);
	} else if (db_failed(c->s->db))
		reply_failed(c);
	else
		reply_error(c, NOT_THERE, "no Event Producer '%s'", name);
}

/* ---- which, and who may */

static bool
anybody(const struct call *c)
{
	(void)c;
	return true;
}

static const struct method {
	const char	*name;
	bool		(*may)(const struct call *);
	bool		 writes;	/* POST or PUT only */
	void		(*call)(struct call *);
} methods[] = {
	{ "frappe.ping", anybody, false, ping },
	{ "version", who_reads, false, version },
	{ "frappe.auth.get_logged_user", who_reads, false, logged_user },
	{ "event_consumer.event_consumer.register_consumer", who_subscribes,
	    true, consumer_register },
	{ "event_update_log.event_update_log.get_update_logs_for_consumer",
	    who_subscribes, false, pull_events },
	{ "event_update_log.event_update_log.get_snapshots_for_consumer",
	    who_subscribes, false, pull_snapshots },
	{ "event_producer.event_producer.new_event_notification", who_notifies,
	    true, notification },
};

/* Without the prefix of v13 and v14, or that of the app. */
static const char *
plain(const char *name)
{
	static const char *const prefixes[] = {
	    "frappe.event_streaming.doctype.",
	    "event_streaming.event_streaming.doctype." };
	size_t i, n;

	for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		n = strlen(prefixes[i]);
		if (strncmp(name, prefixes[i], n) == 0)
			return name + n;
	}
	return strncmp(name, "event_", 6) == 0 ? "" : name;
}

static const struct method *
find(const char *name)
{
	size_t i;

	name = plain(name);
	for (i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

void
method_call(struct call *c, const char *name)
{
	const struct method *m = find(name);

	if (m == NULL && who_reads(c))
		reply_error(c, INVALID, "Failed to get method for command %s: "
		    "it is not served here", name);
	else if (m == NULL || !m->may(c))
		reply_error(c, FORBIDDEN, "not permitted");
	else if (m->writes && strcmp(c->rq->method, "POST") != 0 &&
	    strcmp(c->rq->method, "PUT") != 0)
		reply_error(c, FORBIDDEN, "%s is to be called by POST", name);
	else
		m->call(c);
}
