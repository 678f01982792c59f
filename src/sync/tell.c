/* tell.c - a producer is told of our subscription over the line (spec 9.1, 9.2) */

#include <string.h>

#include "sync/sync.h"

struct tell {
	struct site	*s;
	struct arena	*a;
	const char	*producer;
	struct remote	*r;
	yyjson_mut_doc	*m;
};

/* The answer to a registration: a text with JSON in it.  NULL: there is an Event
 * Consumer of our name already, as stock says it. */
static yyjson_val *
registered(struct tell *t, yyjson_val *answer)
{
	const char *text = yyjson_get_str(answer), *why;
	yyjson_doc *doc;

	if (text != NULL && (doc = json_parse(t->a, text, strlen(text),
	    &why)) != NULL)
		answer = yyjson_doc_get_root(doc);
	return yyjson_obj_get(answer, "last_update") == NULL ? NULL : answer;
}

/* Our Event Consumer document there, as a grant. */
static yyjson_mut_val *
grant_of(struct tell *t, yyjson_val *doc)
{
	static const char *const keys[] = { "ref_doctype", "status",
	    "condition", "unsubscribed" };
	yyjson_mut_val *grant = yyjson_mut_obj(t->m), *rows, *to;
	yyjson_val *row, *v;
	size_t i, k, n;

	rows = yyjson_mut_obj_add_arr(t->m, grant, "doctypes");
	yyjson_arr_foreach(yyjson_obj_get(doc, "consumer_doctypes"), i, n, row) {
		to = yyjson_mut_arr_add_obj(t->m, rows);
		for (k = 0; k < sizeof(keys) / sizeof(*keys); k++)
			if ((v = yyjson_obj_get(row, keys[k])) != NULL)
				json_put(t->m, to, keys[k],
				    yyjson_val_mut_copy(t->m, v));
	}
	return grant;
}

/* NULL: it failed, or we are there already. */
static yyjson_mut_val *
enrol(struct tell *t, bool *there)
{
	yyjson_val *answer, *grant;

	*there = false;
	answer = remote_register(t->r, t->a, subscribe_registration(t->s, t->a,
	    t->producer));
	if (answer == NULL)
		return NULL;
	if ((answer = registered(t, answer)) == NULL) {
		*there = true;
		return NULL;
	}
	grant = yyjson_obj_get(answer, "grant");
	return yyjson_is_obj(grant) ? yyjson_val_mut_copy(t->m, grant) :
	    grant_of(t, NULL);
}

static yyjson_mut_val *
change(struct tell *t)
{
	yyjson_val *doc = remote_change(t->r, t->a, t->s->address,
	    subscribe_change(t->s, t->a, t->producer));

	return doc == NULL ? NULL : grant_of(t, doc);
}

/* One that does not know us any more is told from the start, here and below. */
static yyjson_mut_val *
tell(struct tell *t, bool known)
{
	yyjson_mut_val *grant = NULL;
	const char *why;
	bool there;

	if (known && ((grant = change(t)) != NULL ||
	    remote_fault(t->r, &why) == TEMPFAIL))
		return grant;
	grant = enrol(t, &there);
	return grant == NULL && there && !known ? change(t) : grant;
}

static int
fault_of(struct tell *t, const char **why)
{
	const char *said = "";
	int status = remote_fault(t->r, &said);

	*why = *said == '\0' ? "its answer is none" :
	    arena_dup(t->a, said, strlen(said));
	return status == DONE ? MISUSE : status;
}

/* In our names, whatever it says. */
static char *
grant_line(struct tell *t, yyjson_mut_val *grant, const char *request)
{
	yyjson_mut_val *line = yyjson_mut_obj(t->m);

	json_put(t->m, grant, "event_producer", json_new_str(t->m,
	    t->producer));
	json_put(t->m, grant, "event_consumer", json_new_str(t->m,
	    t->s->address));
	if (request != NULL)
		json_put(t->m, grant, "request", json_new_str(t->m, request));
	json_put(t->m, line, "grant", grant);
	return json_mut_text(t->a, line, NULL);
}

int
subscribe_tell(struct site *s, struct arena *a, const char *producer,
    struct remote *r, char **grant, const char **why)
{
	struct tell t = { s, a, producer, r, yyjson_mut_doc_new(&a->alc) };
	const char *told = producer_told(s, a, producer);
	const char *ask = subscribe_request(s, a, producer);
	yyjson_mut_val *g;

	*grant = NULL;
	if (ask == NULL) {
		*why = arena_printf(a, "no Event Producer '%s'; es-subscribe "
		    "subscribes to one", producer);
		return MISUSE;
	}
	if (told != NULL && strcmp(told, ask) == 0)
		return DONE;
	if ((g = tell(&t, told != NULL)) == NULL)
		return fault_of(&t, why);
	*grant = grant_line(&t, g, ask);
	return DONE;
}

int
subscribe_ask(struct site *s, struct arena *a, const char *producer,
    struct remote *r, char **grant, const char **why)
{
	struct tell t = { s, a, producer, r, yyjson_mut_doc_new(&a->alc) };
	yyjson_val *doc = remote_consumer(r, a, s->address);
	yyjson_mut_val *g = NULL;
	const char *said, *told = NULL;
	bool there;

	if (doc != NULL && !subscribe_is_told(s, a, producer,
	    yyjson_doc_get_root(yyjson_mut_val_imut_copy(grant_of(&t, doc),
	    &a->alc)))) {
		/* It was restored from an older copy. */
		told = subscribe_request(s, a, producer);
		g = change(&t);
	} else if (doc != NULL)
		g = grant_of(&t, doc);
	else if (remote_fault(r, &said) != TEMPFAIL)
		g = enrol(&t, &there);
	*grant = g == NULL ? NULL : grant_line(&t, g, told);
	return g == NULL ? fault_of(&t, why) : DONE;
}
