/* edit.c - our subscription to a producer, as its administrator changes it */

#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

static bool
is_url(const char *address)
{
	return strstr(address, "://") != NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
put_text(struct edit *e, yyjson_mut_val *obj, const char *key,
    const char *value)
{
	json_put(e->m, obj, key, json_new_str(e->m, value));
}

static void
put_int(struct edit *e, yyjson_mut_val *obj, const char *key, int64_t value)
{
	json_put(e->m, obj, key, json_new_int(e->m, value));
}

/* ---- options of the subscription and of its rows */

static bool
set_check(struct edit *e, yyjson_mut_val *obj, const char *key,
    const char *value)
{
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return fault_set(&e->fault, "option", "%s is 0 or 1, not '%s'",
		    key, value);
	put_int(e, obj, key, *value - '0');
	return true;
}

static bool
set_text(struct edit *e, yyjson_mut_val *obj, const char *key,
    const char *value)
{
	put_text(e, obj, key, *value == '\0' ? NULL : value);
	return true;
}

static bool
set_condition(struct edit *e, yyjson_mut_val *obj, const char *key,
    const char *value)
{
	const char *doctype = json_mut_str(obj, "ref_doctype");
	struct fault wrong;

	if (value[strspn(value, " \t\r\n")] != '\0' &&
	    !rule_check_shape(value, &wrong))
		return fault_set(&e->fault, "condition", "%s: %s", doctype,
		    wrong.text);
	return set_text(e, obj, key, value);
}

static bool
set_mapping(struct edit *e, yyjson_mut_val *obj, const char *key,
    const char *value)
{
	const char *doctype = json_mut_str(obj, "ref_doctype"), *local;

	local = *value == '\0' ? doctype : e->s->lookup.value(e->s,
	    "Document Type Mapping", value, "local_doctype");
	if (local == NULL)
		return fault_set(&e->fault, "mapping", "no Document Type "
		    "Mapping '%s' here; put one in with es-put", value);
	if (strcmp(local, doctype) != 0)
		return fault_set(&e->fault, "mapping", "the mapping '%s' is for "
		    "%s, not for %s", value, local, doctype);
	put_int(e, obj, "has_mapping", *value != '\0');
	return set_text(e, obj, key, value);
}

static bool
set_conflict(struct edit *e, yyjson_mut_val *obj, const char *key,
    const char *value)
{
	if (strcmp(value, "origin") != 0 && strcmp(value, "producer") != 0 &&
	    strcmp(value, "manual") != 0)
		return fault_set(&e->fault, "option", "conflict is origin, "
		    "producer or manual, not '%s'", value);
	return set_text(e, obj, key, value);
}

static bool
set_on_leave(struct edit *e, yyjson_mut_val *obj, const char *key,
    const char *value)
{
	if (*value != '\0' && strcmp(value, "keep") != 0 &&
	    strcmp(value, "delete") != 0)
		return fault_set(&e->fault, "option", "on_leave is keep or "
		    "delete, not '%s'", value);
	return set_text(e, obj, key, value);
}

static const struct option {
	const char	*name;
	bool		 of_row;
	bool		(*set)(struct edit *, yyjson_mut_val *,
			    const char *, const char *);
} options[] = {
	{ "user", false, set_text },
	{ "allow_http", false, set_check },
	{ "pin", false, set_text },
	{ "use_same_name", true, set_check },
	{ "condition", true, set_condition },
	{ "mapping", true, set_mapping },
	{ "conflict", true, set_conflict },
	{ "strict", true, set_check },
	{ "on_leave", true, set_on_leave },
	{ NULL, false, NULL },
};

/* Does the word begin as option=value does? */
static bool
is_option(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz_");

	return n > 0 && word[n] == '=';
}

static const char *
all_options(struct edit *e)
{
	const char *list = options[0].name;
	const struct option *o;

	for (o = options + 1; o->name != NULL; o++)
		list = arena_printf(e->a, "%s, %s", list, o->name);
	return list;
}

static bool
take_option(struct edit *e, const char *word)
{
	const char *value = strchr(word, '=') + 1;
	const struct option *o;

	for (o = options; o->name != NULL; o++)
		if (strncmp(o->name, word, value - word - 1) == 0 &&
		    o->name[value - word - 1] == '\0')
			break;
	if (o->name == NULL)
		return fault_set(&e->fault, "option", "no option '%.*s'; there "
		    "are %s", (int)(value - word - 1), word, all_options(e));
	if (o->of_row && e->row == NULL)
		return fault_set(&e->fault, "option", "%s stands after the "
		    "DocType that it is for", o->name);
	if (!o->of_row && e->row != NULL)
		return fault_set(&e->fault, "option", "%s is of the whole "
		    "subscription and stands before the first DocType",
		    o->name);
	return o->set(e, o->of_row ? e->row : e->posted, o->name, value);
}

/* ---- rows */

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

static bool
check_doctype(struct edit *e, const char *doctype)
{
	const struct meta *m = site_meta(e->s, doctype);

	if (m == NULL)
		return fault_set(&e->fault, "doctype", "no DocType '%s' in "
		    "'%s'; es-doctype puts one in", doctype, e->s->path);
	if (m->istable)
		return fault_set(&e->fault, "doctype", "'%s' is the DocType of "
		    "a table; its rows come with the documents they belong to",
		    doctype);
	if (!meta_streamed(doctype))
		return fault_set(&e->fault, "doctype", "%s never comes from "
		    "another site: each sets it itself", doctype);
	return true;
}

/* The row for a DocType, subscribed to; a new one if there is none. */
static bool
take_doctype(struct edit *e, const char *doctype)
{
	if (!check_doctype(e, doctype))
		return false;
	if ((e->row = find_row(e->rows, doctype)) == NULL) {
		e->row = yyjson_mut_arr_add_obj(e->m, e->rows);
		put_text(e, e->row, "ref_doctype", doctype);
		put_text(e, e->row, "status", "Pending");
	}
	put_int(e, e->row, "unsubscribe", 0);
	return true;
}

bool
edit_operands(struct edit *e, char *const *words)
{
	for (; *words != NULL; words++)
		if (!(is_option(*words) ? take_option(e, *words) :
		    take_doctype(e, *words)))
			return false;
	return true;
}

/* Is it among these?  None are all. */
static bool
named(char *const *doctypes, const char *doctype)
{
	if (*doctypes == NULL)
		return true;
	for (; *doctypes != NULL; doctypes++)
		if (same_text(*doctypes, doctype))
			return true;
	return false;
}

bool
edit_leave(struct edit *e, char *const *doctypes, bool wholly)
{
	yyjson_mut_val *rows = yyjson_mut_arr(e->m), *row;
	char *const *d;
	size_t i, n;
	bool leaves;

	for (d = doctypes; *d != NULL; d++)
		if (find_row(e->rows, *d) == NULL)
			return fault_set(&e->fault, "doctype", "'%s' is not "
			    "subscribed to at '%s'; es-subscribe -l lists what "
			    "is", *d, e->producer);
	yyjson_mut_arr_foreach(e->rows, i, n, row) {
		leaves = named(doctypes, json_mut_str(row, "ref_doctype"));
		if (leaves && wholly)
			continue;
		yyjson_mut_arr_append(rows, yyjson_mut_val_mut_copy(e->m, row));
		if (leaves)
			put_int(e, yyjson_mut_arr_get_last(rows), "unsubscribe",
			    1);
	}
	if (yyjson_mut_arr_size(rows) == 0)
		return fault_set(&e->fault, "rows", "nothing would be left of "
		    "the subscription; without -F all of it is unsubscribed, "
		    "and es-rm takes the Event Producer away");
	e->rows = rows;
	return true;
}

/* ---- the Event Producer document */

bool
edit_open(struct edit *e)
{
	const struct meta *m = site_meta(e->s, "Event Producer");
	yyjson_mut_val *rows;
	struct doc d;

	e->m = yyjson_mut_doc_new(&e->a->alc);
	if (m != NULL && doc_find(e->s, e->a, m, e->producer, true, &d))
		e->old = doc_body(e->a, e->m, &d);
	e->posted = yyjson_mut_obj(e->m);
	put_text(e, e->posted, "producer_url", e->producer);
	rows = yyjson_mut_obj_get(e->old, "producer_doctypes");
	e->rows = rows == NULL ? yyjson_mut_arr(e->m) :
	    yyjson_mut_val_mut_copy(e->m, rows);
	return e->old != NULL;
}

/* As it will be: what is given now, else what is there. */
static yyjson_mut_val *
value_of(struct edit *e, const char *key)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(e->posted, key);

	return v != NULL ? v : yyjson_mut_obj_get(e->old, key);
}

static bool
check_producer(struct edit *e)
{
	int flags = json_mut_val_int(value_of(e, "allow_http"), 0) != 0 ?
	    HTTP_ALLOW_HTTP : 0;
	const char *why;

	if (strcmp(e->producer, e->s->address) == 0)
		return fault_set(&e->fault, "producer", "'%s' is this site "
		    "itself", e->producer);
	/* There may be a password in it: it is not shown. */
	if (is_url(e->producer) &&
	    (why = http_url_fault(e->producer, flags)) != NULL)
		return fault_set(&e->fault, "producer", "the producer's "
		    "address: %s", why);
	if (yyjson_mut_arr_size(e->rows) == 0)
		return fault_set(&e->fault, "rows", "which DocTypes of '%s'?  "
		    "Nothing is subscribed to there yet", e->producer);
	return true;
}

/* What became new or other here, its user must be able to write. */
static bool
check_rights(struct edit *e, const struct user *u)
{
	yyjson_mut_val *was = yyjson_mut_obj_get(e->old, "producer_doctypes");
	yyjson_mut_val *row, *old;
	const struct meta *m;
	size_t i, n;

	yyjson_mut_arr_foreach(e->rows, i, n, row) {
		m = site_meta(e->s, json_mut_str(row, "ref_doctype"));
		old = find_row(was, json_mut_str(row, "ref_doctype"));
		if (m == NULL || json_mut_int(row, "unsubscribe", 0) != 0 ||
		    (old != NULL && json_same(old, row)) ||
		    (user_may(e->s, u, m, "create") &&
		    user_may(e->s, u, m, "write")))
			continue;
		return fault_set(&e->fault, "user", "User '%s' may not create "
		    "and write %s here; who has one of these roles may: %s; "
		    "es-key gives roles", u->name, m->name,
		    user_needs(e->s, e->a, m, "create"));
	}
	return true;
}

static bool
check_user(struct edit *e)
{
	const char *name = yyjson_mut_get_str(value_of(e, "user"));
	struct user u;

	if (name == NULL && e->user != NULL) {
		if (doc_number(e->s, "User", e->user) == 0)
			return fault_set(&e->fault, "user", "to whom shall "
			    "belong what comes from '%s'?  There is no User "
			    "'%s' as in the key file; make one with es-key, or "
			    "give user=", e->producer, e->user);
		put_text(e, e->posted, "user", name = e->user);
	}
	if (name == NULL)
		return fault_set(&e->fault, "user", "to whom shall belong what "
		    "comes from '%s'?  Give user=name of a user of this site; "
		    "es-key makes one", e->producer);
	if (!user_load(e->s, e->a, name, &u))
		return fault_set(&e->fault, "user", "no User '%s' in '%s'; "
		    "make one with es-key", name, e->s->path);
	if (!u.enabled)
		return fault_set(&e->fault, "user", "User '%s' is disabled",
		    name);
	return check_rights(e, &u);
}

static bool
check_key(struct edit *e)
{
	if (e->key != NULL) {
		put_text(e, e->posted, "api_key", e->key);
		put_text(e, e->posted, "api_secret", e->secret);
	} else if (is_url(e->producer) && !e->carried &&
	    value_of(e, "api_key") == NULL)
		return fault_set(&e->fault, "key", "no key for '%s': ask its "
		    "administrator to run es-key -o file, and give -k file",
		    e->producer);
	return true;
}

/* ---- by what it may notify us: the key of a user, who is called after its
 * address, without the scheme */

#define NOTIFIER "notifier@"

static bool
put_notifier(struct edit *e, const char *name)
{
	yyjson_mut_val *user = yyjson_mut_obj(e->m), *roles;
	enum put_result r;
	int64_t id, entry;

	put_text(e, user, "name", name);
	put_text(e, user, "email", name);
	put_text(e, user, "first_name", "Notifier");
	put_int(e, user, "enabled", 1);
	roles = yyjson_mut_arr(e->m);
	put_text(e, yyjson_mut_arr_add_obj(e->m, roles), "role",
	    "Event Notifier");
	json_put(e->m, user, "roles", roles);
	r = local_put(e->s, e->a, yyjson_doc_get_root(yyjson_mut_val_imut_copy(
	    user, &e->a->alc)), "User", "Administrator", &id, &entry, &e->fault);
	return r != PUT_REFUSED && r != PUT_FAILED;
}

/* Once for each producer that can, a key for nothing else. */
bool
edit_is_notifier(struct site *s, struct arena *a, const char *user)
{
	static const char *const schemes[] = { "", "http://", "https://" };
	size_t i, n = strlen(NOTIFIER);

	if (user == NULL || strncmp(user, NOTIFIER, n) != 0)
		return false;
	for (i = 0; i < 3; i++)
		if (doc_number(s, "Event Producer", arena_printf(a, "%s%s",
		    schemes[i], user + n)) != 0)
			return true;
	return false;
}

static bool
make_notifier(struct edit *e)
{
	const char *host = strstr(e->producer, "://"), *name;
	char *key, *secret;

	if (!is_url(e->s->address) || (host == NULL && !e->carried) ||
	    json_mut_str(e->old, "notify_key") != NULL)
		return true;
	name = arena_printf(e->a, NOTIFIER "%s", host == NULL ? e->producer :
	    host + 3);
	if (!put_notifier(e, name) || !user_key_new(e->s, e->a, name, true,
	    &key, &secret, &e->fault))
		return false;
	put_text(e, e->posted, "notify_key", key);
	put_text(e, e->posted, "notify_secret", secret);
	return true;
}

/* ---- writing it */

static void
count_rows(struct edit *e)
{
	yyjson_mut_val *was = yyjson_mut_obj_get(e->old, "producer_doctypes");
	yyjson_mut_val *row, *old;
	size_t i, n;

	yyjson_mut_arr_foreach(e->rows, i, n, row) {
		old = find_row(was, json_mut_str(row, "ref_doctype"));
		e->fresh += old == NULL;
		e->same += old != NULL && json_same(old, row);
	}
	e->changed = n - e->fresh - e->same;
	e->gone = yyjson_mut_arr_size(was) + e->fresh - n;
}

static bool
put(struct edit *e)
{
	enum put_result r;
	int64_t id, entry;

	json_put(e->m, e->posted, "producer_doctypes",
	    yyjson_mut_val_mut_copy(e->m, e->rows));
	r = local_put(e->s, e->a, yyjson_doc_get_root(yyjson_mut_val_imut_copy(
	    e->posted, &e->a->alc)), "Event Producer", "Administrator", &id,
	    &entry, &e->fault);
	return r != PUT_REFUSED && r != PUT_FAILED;
}

bool
edit_write(struct edit *e)
{
	if (!check_producer(e) || !check_user(e) || !check_key(e) ||
	    !make_notifier(e))
		return false;
	count_rows(e);
	return put(e);
}
