/* subscribe.c - our subscription to a producer: what it is told of it, and what
 * it says to that (spec 9) */

#include <string.h>

#include "sync/sync.h"

struct own {				/* our Event Producer document */
	struct site	*s;
	struct arena	*a;
	struct doc	 d;
	yyjson_val	*root, *rows;
	struct producer	 p;		/* its rows are in the same order */
};

static bool
own_load(struct own *o, struct site *s, struct arena *a, const char *producer)
{
	const struct meta *m = site_meta(s, "Event Producer");

	memset(o, 0, sizeof(*o));
	o->s = s;
	o->a = a;
	if (m == NULL || !doc_find(s, a, m, producer, true, &o->d) ||
	    !producer_load(s, a, producer, &o->p))
		return false;
	o->root = yyjson_doc_get_root(json_parse_own(a, o->d.data, o->d.len));
	o->rows = yyjson_obj_get(o->root, "producer_doctypes");
	return true;
}

static const char *
condition_of(yyjson_val *row)
{
	const char *text = json_str(row, "condition");

	return text == NULL || text[strspn(text, " \t\r\n")] == '\0' ? NULL :
	    text;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* ---- what it is told */

/* Its rows, as the producer calls the DocTypes. */
static yyjson_mut_val *
asked_rows(struct own *o, yyjson_mut_doc *m, const char *doctype)
{
	yyjson_mut_val *rows = yyjson_mut_arr(m), *to;
	yyjson_val *row;
	size_t i, n;

	yyjson_arr_foreach(o->rows, i, n, row) {
		to = yyjson_mut_arr_add_obj(m, rows);
		json_put(m, to, doctype, json_new_str(m, o->p.rows[i].remote));
		json_put(m, to, "condition", json_new_str(m,
		    condition_of(row)));
		json_put(m, to, "unsubscribed", json_new_int(m,
		    json_int(row, "unsubscribe", 0) != 0));
		if (same_text(json_str(row, "on_leave"), "delete"))
			json_put(m, to, "on_leave", json_new_str(m, "delete"));
	}
	return rows;
}

static yyjson_mut_val *
request(struct own *o, yyjson_mut_doc *m, yyjson_mut_val *rows)
{
	yyjson_mut_val *r = yyjson_mut_obj(m);

	json_put(m, r, "event_consumer", json_new_str(m, o->s->address));
	json_put(m, r, "consumer_doctypes", json_new_str(m, json_mut_text(o->a,
	    rows, NULL)));
	json_put(m, r, "user", json_new_str(m, o->p.user));
	json_put(m, r, "site", json_new_str(m, o->s->id));
	return r;
}

static char *
request_text(struct own *o)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&o->a->alc);

	return json_mut_text(o->a, request(o, m, asked_rows(o, m, "doctype")),
	    NULL);
}

static char *
registration_text(struct own *o)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&o->a->alc);
	const char *key = json_str(o->root, "notify_key");
	const char *secret = doc_secret(o->s, o->a, o->d.id, NULL,
	    "notify_secret");
	yyjson_mut_val *r = request(o, m, asked_rows(o, m, "doctype"));

	if (key != NULL && secret != NULL) {
		json_put(m, r, "api_key", json_new_str(m, key));
		json_put(m, r, "api_secret", json_new_str(m, secret));
	}
	return json_mut_text(o->a, r, NULL);
}

static char *
change_text(struct own *o)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&o->a->alc);
	yyjson_mut_val *r = yyjson_mut_obj(m);

	json_put(m, r, "consumer_doctypes", asked_rows(o, m, "ref_doctype"));
	json_put(m, r, "site", json_new_str(m, o->s->id));
	json_put(m, r, "incoming_change", json_new_int(m, 1));
	return json_mut_text(o->a, r, NULL);
}

char *
subscribe_request(struct site *s, struct arena *a, const char *producer)
{
	struct own o;

	return own_load(&o, s, a, producer) ? request_text(&o) : NULL;
}

char *
subscribe_registration(struct site *s, struct arena *a, const char *producer)
{
	struct own o;

	return own_load(&o, s, a, producer) ? registration_text(&o) : NULL;
}

char *
subscribe_change(struct site *s, struct arena *a, const char *producer)
{
	struct own o;

	return own_load(&o, s, a, producer) ? change_text(&o) : NULL;
}

/* ---- what it says */

static yyjson_val *
granted_row(yyjson_val *grant, const char *doctype)
{
	yyjson_val *row;
	size_t i, n;

	yyjson_arr_foreach(yyjson_obj_get(grant, "doctypes"), i, n, row)
		if (same_text(json_str(row, "ref_doctype"), doctype))
			return row;
	return NULL;
}

/* A row that the producer does not know waits as one that it has not seen. */
static const char *
status_in(yyjson_val *grant, const char *doctype)
{
	const char *status = json_str(granted_row(grant, doctype), "status");

	return status == NULL || *status == '\0' ? "Pending" : status;
}

/* Does it speak of all that we ask, and of nothing else? */
static bool
answers(const struct own *o, yyjson_val *grant)
{
	yyjson_val *row, *theirs;
	size_t i, n;

	yyjson_arr_foreach(o->rows, i, n, row) {
		theirs = granted_row(grant, o->p.rows[i].remote);
		if (!same_text(condition_of(row), condition_of(theirs)) ||
		    json_int(theirs, "unsubscribed", -1) !=
		    (json_int(row, "unsubscribe", 0) != 0))
			return false;
	}
	return yyjson_arr_size(o->rows) ==
	    yyjson_arr_size(yyjson_obj_get(grant, "doctypes"));
}

/* What it has of us, as the request that made it so; NULL if it does not say. */
static const char *
had_text(struct own *o, yyjson_val *grant)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&o->a->alc);
	yyjson_mut_val *rows = yyjson_mut_arr(m), *to;
	yyjson_val *row;
	size_t i, n;

	yyjson_arr_foreach(yyjson_obj_get(grant, "doctypes"), i, n, row) {
		if (yyjson_obj_get(row, "unsubscribed") == NULL)
			return NULL;
		to = yyjson_mut_arr_add_obj(m, rows);
		json_put(m, to, "doctype", json_new_str(m, json_str(row,
		    "ref_doctype")));
		json_put(m, to, "condition", json_new_str(m,
		    condition_of(row)));
		json_put(m, to, "unsubscribed", json_new_int(m,
		    json_int(row, "unsubscribed", 0) != 0));
	}
	return json_mut_text(o->a, request(o, m, rows), NULL);
}

/* What it is newly known to have been told, or NULL.  If it has something else
 * than it was told, it was restored from an older copy: it is told again. */
static const char *
newly_told(struct own *o, yyjson_val *grant)
{
	const char *ask = request_text(o), *has;

	has = same_text(json_str(grant, "request"), ask) || answers(o, grant) ?
	    ask : had_text(o, grant);
	return has == NULL || same_text(has, producer_told(o->s, o->a,
	    o->p.name)) ? NULL : has;
}

/* The rows with their new statuses; NULL: they are as they were. */
static yyjson_mut_val *
new_rows(struct own *o, yyjson_val *grant, yyjson_mut_doc *m)
{
	yyjson_mut_val *rows = yyjson_val_mut_copy(m, o->rows), *row;
	const char *status;
	bool changed = false;
	size_t i, n;

	yyjson_mut_arr_foreach(rows, i, n, row) {
		status = status_in(grant, o->p.rows[i].remote);
		if (same_text(status, json_mut_str(row, "status")))
			continue;
		json_put(m, row, "status", json_new_str(m, status));
		changed = true;
	}
	return changed ? rows : NULL;
}

/* Is it of that producer, and for us? */
static bool
is_meant(const struct own *o, yyjson_val *grant, struct fault *fault)
{
	const char *consumer = json_str(grant, "event_consumer");
	const char *site = json_str(grant, "site"), *known = o->p.site;

	if (!same_text(consumer, o->s->address))
		return fault_set(fault, "consumer", "the grant is for '%s', and "
		    "this site is '%s'", consumer == NULL ? "" : consumer,
		    o->s->address);
	if (site != NULL && known != NULL && strncmp(known, "stock:", 6) != 0 &&
	    strcmp(site, known) != 0)
		return fault_set(fault, "site", "'%s' speaks as another site "
		    "than before (%s, not %s): it was made anew or is not what "
		    "it says", o->p.name, site, known);
	return true;
}

static bool
put_rows(struct own *o, yyjson_mut_doc *m, yyjson_mut_val *rows,
    struct fault *fault)
{
	yyjson_mut_val *posted = yyjson_mut_obj(m);
	enum put_result r;
	int64_t id, entry;

	json_put(m, posted, "name", json_new_str(m, o->p.name));
	json_put(m, posted, "producer_doctypes", rows);
	r = local_put(o->s, o->a, yyjson_doc_get_root(yyjson_mut_val_imut_copy(
	    posted, &o->a->alc)), "Event Producer", "Administrator", &id,
	    &entry, fault);
	return r == PUT_FAILED ? fault_set(fault, "failed", "the site failed") :
	    r != PUT_REFUSED;
}

bool
subscribe_grant(struct site *s, struct arena *a, yyjson_val *grant,
    struct fault *fault)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	const char *name = json_str(grant, "event_producer"), *told;
	yyjson_mut_val *rows;
	struct own o;

	if (name == NULL)
		return fault_set(fault, "producer", "a grant without "
		    "event_producer");
	if (!own_load(&o, s, a, name))
		return fault_set(fault, "gone", "no Event Producer '%s' in "
		    "'%s': its grant is not taken; es-subscribe subscribes to "
		    "it", name, s->path);
	if (!is_meant(&o, grant, fault))
		return false;
	told = newly_told(&o, grant);
	if ((rows = new_rows(&o, grant, m)) != NULL &&
	    !put_rows(&o, m, rows, fault))
		return false;
	return told == NULL || producer_tell(s, name, told) == 0 ||
	    fault_set(fault, "failed", "the site failed");
}

bool
subscribe_is_told(struct site *s, struct arena *a, const char *producer,
    yyjson_val *grant)
{
	struct own o;

	return own_load(&o, s, a, producer) && answers(&o, grant);
}

bool
subscribe_is_news(struct site *s, struct arena *a, yyjson_val *grant)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&a->alc);
	const char *name = json_str(grant, "event_producer");
	struct fault fault;
	struct own o;

	/* What cannot be taken in is said where it is. */
	if (name == NULL || !own_load(&o, s, a, name) ||
	    !is_meant(&o, grant, &fault))
		return true;
	return newly_told(&o, grant) != NULL || new_rows(&o, grant, m) != NULL;
}
