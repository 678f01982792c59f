/* ask.c - what an expression asks of the site where it is evaluated: get_value,
 * exists and count of frappe.db */

#include <string.h>

#include "site/site.h"

struct query_of {			/* one call */
	struct site	*s;
	struct expr_ask	*q;
	struct filter	*f;		/* to be freed */
	const struct meta *meta;
	struct fault	 fault;
};

/* As an exception of Python. */
static bool
raise(struct query_of *c)
{
	c->q->failed = false;
	return fault_set(&c->q->fault, "type", "%s", c->fault.text);
}

static bool
give_up(struct query_of *c)
{
	c->q->failed = true;
	return fault_set(&c->q->fault, "failed", "%s", db_late(c->s->db) ?
	    "the site was asked for too long" : "the site failed");
}

static bool
find_meta(struct query_of *c, const struct ask *a, const char *doctype)
{
	if (a->may != NULL && !a->may(a->arg, doctype)) {
		fault_set(&c->fault, "rights", "it may not ask of DocType '%s'",
		    doctype);
		return raise(c);
	}
	if ((c->meta = site_meta(c->s, doctype)) == NULL || c->meta->istable) {
		fault_set(&c->fault, "doctype", "no DocType '%s' to be asked",
		    doctype);
		return raise(c);
	}
	return true;
}

/* Which documents: a name, fields and their values, or the Single. */
static bool
set_filter(struct query_of *c, yyjson_mut_val *filter)
{
	bool good = true;

	c->f = filter_new(c->s, c->meta, &c->fault);
	if (yyjson_mut_is_obj(filter))
		good = filter_json(c->f, yyjson_doc_get_root(
		    yyjson_mut_val_imut_copy(filter, &c->q->a->alc)));
	else if (yyjson_mut_is_str(filter))
		filter_name(c->f, yyjson_mut_get_str(filter));
	else if (yyjson_mut_is_null(filter) && c->meta->issingle)
		filter_name(c->f, c->meta->name);
	else if (!yyjson_mut_is_null(filter))
		good = fault_set(&c->fault, "filter", "documents are asked for "
		    "by a name, or by fields and values");
	return good || raise(c);
}

static bool
check_field(struct query_of *c, const char *field)
{
	enum kind kind = filter_kind(c->meta, field, strlen(field));

	if (kind != K_LAYOUT && kind != K_TABLE && kind != K_PASSWORD)
		return true;
	fault_set(&c->fault, "field", "no field '%s' of %s to be asked for",
	    field, c->meta->name);
	return raise(c);
}

/* The newest that is found, as Frappe has it: a number that is not set is 0. */
static bool
first_value(struct query_of *c, const char *field, yyjson_mut_val **v)
{
	const struct field *f = meta_field(c->meta, field, strlen(field));
	const char *json;
	size_t len;
	int r;

	filter_order(c->f, "modified desc");
	filter_limit(c->f, 0, 1);
	filter_run(c->f);
	*v = NULL;
	if ((r = filter_next(c->f, &json, &len)) == -1)
		return give_up(c);
	if (r == 0)
		return true;
	json = arena_dup(c->q->a, json, len);
	if (c->q->m == NULL)
		c->q->m = yyjson_mut_doc_new(&c->q->a->alc);
	*v = yyjson_val_mut_copy(c->q->m, yyjson_obj_get(yyjson_doc_get_root(
	    json_parse_own(c->q->a, json, len)), field));
	if (json_is_null(*v) && f != NULL && field_is_number(f))
		*v = json_new_int(c->q->m, 0);
	return true;
}

static bool
value(void *arg, struct expr_ask *q, const char *doctype,
    yyjson_mut_val *filter, const char *field, yyjson_mut_val **v)
{
	const struct ask *a = arg;
	struct query_of c = { .s = a->s, .q = q };
	bool good;

	good = find_meta(&c, a, doctype) && check_field(&c, field);
	*v = NULL;
	/* An empty link is nobody, not anybody. */
	if (!good || (yyjson_mut_is_null(filter) && !c.meta->issingle))
		return good;
	good = set_filter(&c, filter) && first_value(&c, field, v);
	filter_free(c.f);
	return good;
}

static bool
count(void *arg, struct expr_ask *q, const char *doctype,
    yyjson_mut_val *filter, int64_t *n)
{
	const struct ask *a = arg;
	struct query_of c = { .s = a->s, .q = q };
	bool good;

	good = find_meta(&c, a, doctype) && set_filter(&c, filter) &&
	    ((*n = filter_count(c.f)) != -1 || give_up(&c));
	filter_free(c.f);
	return good;
}

struct expr_site
ask_site(struct ask *a)
{
	return (struct expr_site){ .arg = a, .value = value, .count = count };
}
