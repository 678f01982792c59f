/* check.c - is a document as its DocType says? (spec 5.6, 5.7) */

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "model/check.h"

enum {
	/* An event, its data, a part of a diff, a table and a row go round a
	 * value, and it must not be too deep for a line then. */
	JSON_NEST_MAX = NEST_MAX - 12
};

struct check {
	const struct lookup	*look;
	struct fault		*fault;
	const char		*doctype, *name;	/* the document's */
	const char		*table;		/* NULL outside of rows */
	size_t			 row;		/* from 1 */
	int			 what;
	bool			 submitted;	/* some fields are frozen */
	bool			 cancelling;	/* all are */
	const struct field	*naming;	/* not: a rename changes it */
	bool			 partial;	/* a diff: what is absent stays */
};

static bool wrong(const struct check *, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool
wrong(const struct check *c, const char *code, const char *fmt, ...)
{
	char text[sizeof(c->fault->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->table == NULL)
		return fault_set(c->fault, code, "%s", text);
	return fault_set(c->fault, code, "row %zu of '%s': %s", c->row,
	    c->table, text);
}

static bool
is_blank(const char *s, size_t n)
{
	while (n > 0 && isspace((unsigned char)*s))
		s++, n--;
	return n == 0;
}

static bool
is_empty(const struct field *f, yyjson_mut_val *v)
{
	if (json_is_null(v))
		return true;
	if (yyjson_mut_is_str(v))
		return yyjson_mut_get_len(v) == 0;
	if (yyjson_mut_is_arr(v))
		return f->kind == K_TABLE && yyjson_mut_arr_size(v) == 0;
	return (f->kind == K_CHECK || f->kind == K_INT ||
	    f->kind == K_FLOAT) && value_is_number(v) &&
	    value_against(v, "0") == 0;
}

/* Has the value of a field that must not change done so?  As in Frappe, what
 * is empty is equal: null, "", 0. */
static bool
changed(const struct field *f, yyjson_mut_val *v, yyjson_mut_val *was)
{
	return !(is_empty(f, v) && is_empty(f, was)) && !json_same(v, was);
}

/* ---- a value */

static bool
wrong_type(const struct check *c, const struct field *f, yyjson_mut_val *v,
    const char *want)
{
	const char *s, *is = yyjson_mut_is_str(v) ? "a string" :
	    yyjson_mut_is_raw(v) ? "a number" : yyjson_mut_is_obj(v) ?
	    "an object" : yyjson_mut_is_arr(v) ? "an array" :
	    yyjson_mut_is_bool(v) ? "a truth value" : "this";
	bool number = f->kind == K_CHECK || f->kind == K_INT;
	bool time = f->kind == K_DATE || f->kind == K_DATETIME ||
	    f->kind == K_TIME;
	size_t len;

	/* Right in kind, wrong in value: it is shown. */
	if ((number && yyjson_mut_is_raw(v)) ||
	    (time && yyjson_mut_is_str(v))) {
		s = value_text(v, &len);
		return wrong(c, "type", "'%s' wants %s, not '%.*s'", f->name,
		    want, value_shown(s, len), s);
	}
	return wrong(c, "type", "'%s' wants %s, not %s", f->name, want, is);
}

/* Are containers nested in one another more than so often? */
static bool
is_deep(yyjson_mut_val *v, int max)
{
	yyjson_mut_obj_iter members;
	yyjson_mut_arr_iter values;
	yyjson_mut_val *key, *one;

	if (!yyjson_mut_is_ctn(v))
		return false;
	if (max == 0)
		return true;
	yyjson_mut_arr_iter_init(v, &values);
	while ((one = yyjson_mut_arr_iter_next(&values)) != NULL)
		if (is_deep(one, max - 1))
			return true;
	yyjson_mut_obj_iter_init(v, &members);
	while ((key = yyjson_mut_obj_iter_next(&members)) != NULL)
		if (is_deep(yyjson_mut_obj_iter_get_val(key), max - 1))
			return true;
	return false;
}

static bool
check_type(const struct check *c, const struct field *f, yyjson_mut_val *v)
{
	const char *want;

	if (json_is_null(v))
		return true;
	if (f->kind == K_TABLE && c->table != NULL && !is_empty(f, v))
		return wrong(c, "type", "'%s' would be a table in a row",
		    f->name);
	if (f->kind == K_JSON && is_deep(v, JSON_NEST_MAX))
		return wrong(c, "type", "'%s' is nested more than %d deep",
		    f->name, JSON_NEST_MAX);
	want = value_wanted(f, v);
	return want == NULL || wrong_type(c, f, v, want);
}

static bool
check_select(const struct check *c, const struct field *f, yyjson_mut_val *v)
{
	const char *at = f->options, *s, *option;
	size_t len, n;
	bool any = false;

	if (!yyjson_mut_is_str(v) || strcmp(f->name, "naming_series") == 0 ||
	    strcmp(f->options, "[Select]") == 0 ||
	    strcmp(f->options, "Loading...") == 0)
		return true;
	s = value_text(v, &len);
	if (is_blank(s, len))
		return true;
	while ((option = meta_option(&at, &n)) != NULL) {
		if (n == len && memcmp(option, s, n) == 0)
			return true;
		any |= n > 0;
	}
	return !any || wrong(c, "select", "'%s' cannot be '%.*s', which is "
	    "none of its options", f->name, value_shown(s, len), s);
}

static bool
check_unique(const struct check *c, const struct meta *m,
    const struct field *f, yyjson_mut_val *v, yyjson_mut_val *was)
{
	const char *s, *other;
	size_t len;

	if ((!yyjson_mut_is_str(v) && !yyjson_mut_is_raw(v)) ||
	    yyjson_mut_get_len(v) == 0 || json_same(v, was))
		return true;
	s = value_text(v, &len);
	other = c->look->holder(c->look->arg, m, f, s, len, c->name);
	return other == NULL || wrong(c, "unique", "'%s' must be unique, but "
	    "'%s' has '%.*s' already", f->name, other, value_shown(s, len), s);
}

static bool
check_link(const struct check *c, const struct field *f, yyjson_mut_val *obj,
    yyjson_mut_val *v, yyjson_mut_val *old, yyjson_mut_val *was)
{
	const char *s, *doctype, *before;

	if (!value_is_name(v) || yyjson_mut_get_len(v) == 0)
		return true;
	doctype = links_target(f, obj, NULL);
	before = links_target(f, old, NULL);
	if (doctype == NULL ||
	    (strcmp(doctype, before) == 0 && json_same(v, was)))
		return true;
	s = yyjson_mut_get_str(v);
	if (*doctype == '\0')
		return wrong(c, "link", "'%s' is '%.*s', but '%s' does not say "
		    "of which DocType", f->name, value_shown(s, strlen(s)), s,
		    f->dyn->name);
	if (strcmp(doctype, c->doctype) == 0 && strcmp(s, c->name) == 0)
		return true;
	return c->look->exists(c->look->arg, doctype, s) ||
	    wrong(c, "link", "'%s' links to %.*s '%.*s', which does not exist",
	    f->name, value_shown(doctype, strlen(doctype)), doctype,
	    value_shown(s, strlen(s)), s);
}

static bool
check_frozen(const struct check *c, const struct field *f, yyjson_mut_val *v,
    yyjson_mut_val *was)
{
	if (f == c->naming)
		return true;
	if (c->cancelling && changed(f, v, was))
		return wrong(c, "submit", "'%s' cannot change while its "
		    "document is cancelled", f->name);
	if (c->submitted && !f->allow_on_submit && changed(f, v, was))
		return wrong(c, "submit", "'%s' cannot change after submit",
		    f->name);
	return true;
}

static bool
check_once(const struct check *c, const struct field *f, yyjson_mut_val *v,
    yyjson_mut_val *was)
{
	return f == c->naming || !changed(f, v, was) || wrong(c, "constant",
	    "'%s' cannot change once it is set", f->name);
}

/* ---- rows */

static bool check_object(const struct check *, const struct meta *,
    yyjson_mut_val *obj, yyjson_mut_val *old);

static bool
check_row(struct check *c, const struct meta *m, yyjson_mut_val *row,
    yyjson_mut_val *old)
{
	if (old == NULL && (c->submitted || c->cancelling))
		return wrong(c, "submit", "a row cannot be added after submit");
	return check_object(c, m, row, old);
}

/* Within one document, which lookups do not see. */
static bool
unique_rows(struct check *c, const struct field *unique, yyjson_mut_val *rows)
{
	struct map seen = { 0 };
	yyjson_mut_arr_iter it;
	yyjson_mut_val *row;
	const char *s;
	size_t len;
	bool ok = true;

	yyjson_mut_arr_iter_init(rows, &it);
	for (c->row = 1; ok && (row = yyjson_mut_arr_iter_next(&it)) != NULL;
	    c->row++) {
		s = value_text(yyjson_mut_obj_get(row, unique->name), &len);
		if (s == NULL || len == 0)
			continue;
		if (map_get(&seen, s, len) != NULL)
			ok = wrong(c, "unique", "'%s' must be unique, but "
			    "another row has '%.*s' already", unique->name,
			    value_shown(s, len), s);
		map_set(&seen, s, len, row);
	}
	map_free(&seen);
	return ok;
}

static bool
check_rows(const struct check *doc, const struct field *f,
    yyjson_mut_val *rows, yyjson_mut_val *was)
{
	struct check c = *doc;
	const struct meta *m = f->child;
	struct finder old;
	yyjson_mut_arr_iter it;
	yyjson_mut_val *row;
	size_t i;
	bool ok = true;

	c.submitted = doc->submitted && !f->allow_on_submit;
	if ((c.submitted || c.cancelling) &&
	    yyjson_mut_arr_size(rows) != yyjson_mut_arr_size(was))
		return wrong(doc, "submit", "'%s' cannot have rows added or "
		    "removed after submit", f->name);
	if (m == NULL)
		return true;
	c.table = f->name;
	finder_open(&old, was);
	yyjson_mut_arr_iter_init(rows, &it);
	for (c.row = 1; ok && (row = yyjson_mut_arr_iter_next(&it)) != NULL;
	    c.row++)
		ok = check_row(&c, m, row, finder_row(&old, row));
	finder_close(&old);
	if ((c.what & CHECK_TYPES) && m->nunique > 0)
		for (i = 0; ok && i < m->nfields; i++)
			if (m->fields[i].unique)
				ok = unique_rows(&c, &m->fields[i], rows);
	return ok;
}

/* ---- a document, or a row */

/* Must the value that was stored be known? */
static bool
needs_old(const struct check *c, const struct field *f)
{
	return f->kind == K_TABLE || f->kind == K_LINK ||
	    f->kind == K_DYNAMIC || f->unique || f->set_only_once ||
	    c->submitted || c->cancelling;
}

/* What does not depend on what was stored. */
static bool
check_value(const struct check *c, const struct field *f, yyjson_mut_val *v)
{
	if ((c->what & CHECK_TYPES) && !check_type(c, f, v))
		return false;
	if (!(c->what & CHECK_FULL) || c->cancelling)
		return true;
	if (f->kind == K_SELECT)
		return check_select(c, f, v);
	if (f->non_negative && value_is_number(v) && value_against(v, "0") < 0)
		return wrong(c, "negative", "'%s' cannot be less than zero",
		    f->name);
	return true;
}

/* What does; was is NULL for what is new. */
static bool
check_change(const struct check *c, const struct meta *m,
    const struct field *f, yyjson_mut_val *obj, yyjson_mut_val *v,
    yyjson_mut_val *old, yyjson_mut_val *was)
{
	if (f->set_only_once && old != NULL && c->table == NULL &&
	    (c->what & CHECK_FULL) && !check_once(c, f, v, was))
		return false;
	if (f->kind == K_TABLE)
		return c->table != NULL || check_rows(c, f, v, was);
	if (!check_frozen(c, f, v, was))
		return false;
	if (f->unique && (c->what & CHECK_TYPES) &&
	    !check_unique(c, m, f, v, was))
		return false;
	if ((f->kind != K_LINK && f->kind != K_DYNAMIC) ||
	    !(c->what & CHECK_LINKS))
		return true;
	return check_link(c, f, obj, v, old, was);
}

/* What a field held that its DocType has no longer may stay. */
static bool
check_unknown(const struct check *c, const char *key, size_t len,
    yyjson_mut_val *v, yyjson_mut_val *old)
{
	return !(c->what & CHECK_KNOWN) || meta_standard(key, len) ||
	    (old != NULL && json_same(v, yyjson_mut_obj_getn(old, key, len))) ||
	    wrong(c, "field", "unknown field '%.*s'", value_shown(key, len),
	    key);
}

static bool
check_layout(const struct check *c, const struct field *f, yyjson_mut_val *v)
{
	return !(c->what & CHECK_KNOWN) || is_empty(f, v) ||
	    wrong(c, "field", "'%s' is a %s and holds no value", f->name,
	    f->type);
}

static bool
is_filled(yyjson_mut_val *v)
{
	if (yyjson_mut_is_str(v))
		return !is_blank(yyjson_mut_get_str(v), yyjson_mut_get_len(v));
	return !json_is_null(v) &&
	    !(yyjson_mut_is_arr(v) && yyjson_mut_arr_size(v) == 0);
}

static bool
is_required(const struct field *f)
{
	return f->reqd && !f->is_virtual && f->kind != K_LAYOUT &&
	    f->kind != K_PASSWORD;
}

static bool
check_required(const struct check *c, const struct meta *m,
    yyjson_mut_val *obj)
{
	const struct field *f;
	size_t i;

	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (is_required(f) &&
		    !is_filled(yyjson_mut_obj_get(obj, f->name)))
			return wrong(c, "reqd", "'%s' is required", f->name);
	}
	return true;
}

/* Keys that were there and are not: they changed to null. */
static bool
check_gone(const struct check *c, const struct meta *m, yyjson_mut_val *obj,
    yyjson_mut_val *old)
{
	const struct field *f;
	yyjson_mut_obj_iter it, now;
	yyjson_mut_val *key, *was;
	const char *s;
	size_t at = 0, len;

	yyjson_mut_obj_iter_init(obj, &now);
	yyjson_mut_obj_iter_init(old, &it);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		was = yyjson_mut_obj_iter_get_val(key);
		f = meta_next(m, &at, s, len);
		if (f == NULL || f->is_virtual || f->kind == K_LAYOUT ||
		    f->kind == K_PASSWORD ||
		    yyjson_mut_obj_iter_getn(&now, s, len) != NULL)
			continue;
		if (!check_frozen(c, f, NULL, was) || (f->set_only_once &&
		    c->table == NULL && !check_once(c, f, NULL, was)))
			return false;
	}
	return true;
}

static bool
check_object(const struct check *c, const struct meta *m,
    yyjson_mut_val *obj, yyjson_mut_val *old)
{
	const struct field *f;
	yyjson_mut_obj_iter it, before;
	yyjson_mut_val *key, *v, *was;
	const char *s;
	size_t at = 0, len, filled = 0;

	yyjson_mut_obj_iter_init(obj, &it);
	yyjson_mut_obj_iter_init(old, &before);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		v = yyjson_mut_obj_iter_get_val(key);
		f = meta_next(m, &at, s, len);
		if (f == NULL) {
			if (!check_unknown(c, s, len, v, old))
				return false;
			continue;
		}
		if (f->kind == K_LAYOUT && !check_layout(c, f, v))
			return false;
		if (f->kind == K_PASSWORD && (c->what & CHECK_TYPES) &&
		    !check_type(c, f, v))
			return false;
		if (f->is_virtual || f->kind == K_LAYOUT ||
		    f->kind == K_PASSWORD)
			continue;
		filled += f->reqd && is_filled(v);
		if (c->partial && (c->what & CHECK_FULL) && f->reqd &&
		    !is_filled(v))
			return wrong(c, "reqd", "'%s' is required", f->name);
		if (!check_value(c, f, v))
			return false;
		if (!needs_old(c, f))
			continue;
		was = yyjson_mut_obj_iter_getn(&before, s, len);
		if (!check_change(c, m, f, obj, v, old, was))
			return false;
	}
	if (!(c->what & CHECK_FULL) || c->partial)
		return true;
	if (filled < m->nreqd && !c->cancelling && !check_required(c, m, obj))
		return false;
	if (old == NULL || (!c->submitted && !c->cancelling && m->nonce == 0))
		return true;
	return check_gone(c, m, obj, old);
}

/* ---- all of it */

/* From an old docstatus, or -1 for a new document, to another. */
static bool
check_docstatus(const struct check *c, const struct meta *m, int from, int to)
{
	if (from == 2)
		return wrong(c, "docstatus", "cannot edit cancelled document");
	if (to < from)
		return wrong(c, "docstatus", "cannot make a submitted document "
		    "a draft again");
	if (!(c->what & CHECK_FULL) || to == from)
		return true;
	if (to != 0 && !m->submittable)
		return wrong(c, "docstatus", "%s cannot be submitted", m->name);
	if (to == 2 && from != 1)
		return wrong(c, "docstatus", from == 0 ? "cannot cancel a "
		    "draft" : "cannot insert a cancelled document");
	return true;
}

static bool
check_changed_rows(const struct check *doc, const struct meta *m,
    yyjson_mut_val *tables)
{
	struct check c = *doc;
	const struct field *f;
	yyjson_mut_val *key, *rows, *row;
	size_t i, k, n, max;

	yyjson_mut_obj_foreach(tables, i, n, key, rows) {
		f = meta_field(m, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		if (f == NULL || f->child == NULL)
			continue;
		c.table = f->name;
		c.submitted = doc->submitted && !f->allow_on_submit;
		yyjson_mut_arr_foreach(rows, k, max, row) {
			c.row = k + 1;
			if (!check_object(&c, f->child, row, NULL))
				return false;
		}
	}
	return true;
}

bool
diff_check(const struct meta *m, yyjson_mut_val *diff, yyjson_mut_val *doc,
    int what, bool submitted, const struct lookup *look, struct fault *fault)
{
	struct check c = { .look = look, .fault = fault, .what = what,
	    .doctype = m->name, .name = json_mut_str(doc, "name"),
	    .naming = meta_naming_field(m), .partial = true,
	    .submitted = (what & CHECK_FULL) && submitted &&
	    json_mut_int(doc, "docstatus", 0) == 1 };

	if (c.name == NULL)
		c.name = "";
	if (value_docstatus(yyjson_mut_obj_get(doc, "docstatus")) < 0)
		return wrong(&c, "docstatus", "'docstatus' is 0, 1 or 2");
	return check_object(&c, m, yyjson_mut_obj_get(diff, "changed"), NULL) &&
	    check_changed_rows(&c, m, yyjson_mut_obj_get(diff, "added")) &&
	    check_changed_rows(&c, m, yyjson_mut_obj_get(diff, "row_changed"));
}

bool
doc_check(const struct meta *m, yyjson_mut_val *doc, yyjson_mut_val *old,
    int what, const struct lookup *look, struct fault *fault)
{
	struct check c = { .look = look, .fault = fault, .what = what,
	    .doctype = m->name, .name = json_mut_str(doc, "name"),
	    .naming = meta_naming_field(m) };
	int from = old == NULL ? -1 :
	    value_docstatus(yyjson_mut_obj_get(old, "docstatus"));
	int to = value_docstatus(yyjson_mut_obj_get(doc, "docstatus"));

	if (c.name == NULL)
		c.name = "";
	if (to < 0)
		return wrong(&c, "docstatus", "'docstatus' is 0, 1 or 2");
	if ((what & CHECK_TYPES) && !m->issingle &&
	    !check_docstatus(&c, m, from, to))
		return false;
	if (from == 1 && to == 2)
		c.what &= ~CHECK_LINKS;
	c.cancelling = (what & CHECK_FULL) && from == 1 && to == 2;
	c.submitted = (what & CHECK_FULL) && from == 1 && to == 1;
	return check_object(&c, m, doc, old);
}
