/* condition.c - the SQL of one condition (spec 2.2) */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "site/query.h"

enum { PATTERN_MAX = 10000 };

/* ---- names */

/* In ASCII, whatever the locale. */
static bool
is_identifier(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] != '_' && (!isascii(s[i]) || !isalnum(s[i])))
			return false;
	return len > 0 && !isdigit(*s);
}

/* The one way for a name to become SQL; what is no identifier becomes a path
 * to nothing. */
char *
condition_path(struct filter *f, const char *name)
{
	return arena_printf(&f->mem, "'$.\"%s\"'",
	    is_identifier(name, strlen(name)) ? name : "");
}

bool
text_is(struct text t, const char *word)
{
	return strlen(word) == t.len && memcmp(t.s, word, t.len) == 0;
}

enum kind
filter_kind(const struct meta *m, const char *name, size_t len)
{
	struct text t = { name, len };
	const struct field *field;

	if (text_is(t, "creation") || text_is(t, "modified"))
		return K_DATETIME;
	if (text_is(t, "docstatus") || text_is(t, "idx"))
		return K_INT;
	if (text_is(t, "name"))
		return K_TEXT;
	if ((field = meta_field(m, name, len)) != NULL)
		return field->kind;
	return meta_standard(name, len) && is_identifier(name, len) ? K_TEXT :
	    K_LAYOUT;
}

struct text
condition_plain(struct filter *f, struct text given)
{
	char *own = arena_printf(&f->mem, "tab%s.", f->meta->name);
	char *copy = arena_alloc(&f->mem, given.len + 1);
	struct text t = { copy, 0 };
	size_t i, n = strlen(own);

	for (i = 0; i < given.len; i++)
		if (given.s[i] != '`')
			copy[t.len++] = given.s[i];
	if (t.len > n && memcmp(copy, own, n) == 0)
		t = (struct text){ copy + n, t.len - n };
	return t;
}

bool
condition_unknown(struct filter *f, const struct meta *m, struct text t)
{
	return fault_set(f->fault, "field", "'%s' has no field '%.*s'",
	    m->name, (int)t.len, t.s);
}

/* ---- forms */

static enum form
form_of(enum kind kind)
{
	switch (kind) {
	case K_CHECK:
	case K_INT:
	case K_FLOAT:
		return NUMBER;
	case K_DATE:
		return DATE;
	case K_DATETIME:
		return DATETIME;
	case K_TIME:
		return CLOCK;
	default:
		return TEXT;
	}
}

/* SQL of a text with what is missing at its end, from the nth character on. */
static char *
padded(struct filter *f, const char *sql, const char *tail, int n, int len)
{
	return arena_printf(&f->mem,
	    "substr(%s || substr('%s', length(%s) - %d), 1, %d)",
	    sql, tail, sql, n - 1, len);
}

static char *
in_form(struct filter *f, const struct operand *o)
{
	char *sql;

	switch (o->form) {
	case NUMBER:
		return arena_printf(&f->mem, "CAST(coalesce(%s, 0) AS NUMERIC)",
		    o->raw);
	case DATE:
		return arena_printf(&f->mem, "coalesce(nullif(substr(%s, 1, 10),"
		    " ''), '0001-01-01')", o->raw);
	case DATETIME:
		sql = arena_printf(&f->mem,
		    "coalesce(nullif(%s, ''), '0001-01-01')", o->raw);
		return padded(f, sql, " 00:00:00.000000", 10, 26);
	case CLOCK:
		sql = arena_printf(&f->mem,
		    "substr('0' || coalesce(nullif(%s, ''), '00:00:00'),"
		    " 1 + (substr(coalesce(nullif(%s, ''), '00:00:00'), 3, 1)"
		    " = ':'))", o->raw, o->raw);
		return padded(f, sql, ".000000", 8, 15);
	default:
		return arena_printf(&f->mem, "coalesce(CAST(%s AS TEXT), '')",
		    o->raw);
	}
}

/* What no value counts as. */
static const char *
empty(enum form form)
{
	static const char *const texts[] = { "", "0", "0001-01-01",
	    "0001-01-01 00:00:00.000000", "00:00:00.000000" };

	return texts[form];
}

/* ---- the left side */

static bool
resolve_field(struct filter *f, const struct meta *m, const char *row,
    struct text t, struct operand *o)
{
	const struct field *field = meta_field(m, t.s, t.len);

	o->name = arena_dup(&f->mem, t.s, t.len);
	o->kind = filter_kind(m, t.s, t.len);
	if (o->kind == K_LAYOUT)
		return condition_unknown(f, m, t);
	if (o->kind == K_TABLE)
		return fault_set(f->fault, "filter", "'%s' is a table; give "
		    "[\"%s\",field,operator,value]", o->name, field->options);
	if (o->kind == K_PASSWORD)
		return fault_set(f->fault, "filter",
		    "'%s' is a secret and not in documents", o->name);
	if (field != NULL && o->kind == K_LINK)
		o->link = field->options;
	o->kept = field != NULL && m == f->meta && f->log == NULL &&
	    doc_keeps_value(m, field);
	o->utc = o->kind == K_DATETIME && field == NULL;
	o->form = form_of(o->kind);
	o->raw = arena_printf(&f->mem, "json_extract(%s, %s)", row,
	    condition_path(f, o->name));
	return true;
}

bool
operand_find(struct filter *f, const struct meta *m, struct text t,
    struct operand *o)
{
	memset(o, 0, sizeof(*o));
	if (!resolve_field(f, m, m == f->meta ? "d.data" : "r.value", t, o))
		return false;
	o->sql = in_form(f, o);
	if (m == f->meta && text_is(t, "name")) {
		o->raw = o->sql = "d.name";
		o->link = m->name;
	} else if (m == f->meta && text_is(t, "docstatus"))
		o->raw = o->sql = f->log == NULL ? "d.docstatus" : "0";
	else if (m != f->meta && text_is(t, "parent"))
		o->raw = o->sql = "d.name";
	return true;
}

/* ---- the right side */

int
condition_bind(struct filter *f, const char *s, size_t len)
{
	if (f->nparams == f->cap) {
		f->cap += 16;
		f->params = xrealloc(f->params, f->cap * sizeof(*f->params));
	}
	f->params[f->nparams++] = (struct text){ s, len };
	return f->nparams;
}

/* A value as text; false and a fault if it is an object or array. */
static bool
scalar(struct filter *f, const struct operand *o, yyjson_val *v, struct text *t)
{
	*t = (struct text){ "", 0 };
	if (yyjson_is_ctn(v))
		return fault_set(f->fault, "filter",
		    "'%s' cannot be compared with %s", o->name,
		    yyjson_is_arr(v) ? "an array" : "an object");
	if (yyjson_is_str(v))
		*t = (struct text){ yyjson_get_str(v), yyjson_get_len(v) };
	else if (yyjson_is_raw(v))
		*t = (struct text){ yyjson_get_raw(v), yyjson_get_len(v) };
	else if (yyjson_is_bool(v))
		*t = (struct text){ yyjson_get_bool(v) ? "1" : "0", 1 };
	return true;
}

static bool
wrong(struct filter *f, const struct operand *o, struct text t,
    const char *what)
{
	return fault_set(f->fault, "filter", "'%.*s' is no %s, as '%s' is",
	    (int)t.len, t.s, what, o->name);
}

static const char *
time_in_form(struct filter *f, const struct operand *o, int64_t time,
    bool local)
{
	char buf[TIME_TEXT_LEN];

	if (local)
		time_local(time, buf);
	else
		time_text(time, buf);
	return arena_dup(&f->mem, buf, o->form == DATE ? 10 : strlen(buf));
}

/* A time as it stands in documents, or what -S takes: then it is one of the
 * clock, which most fields have in local time. */
static bool
read_time(struct filter *f, const struct operand *o, struct text t,
    int64_t *time, bool *local)
{
	char *s = arena_dup(&f->mem, t.s, t.len);

	*local = false;
	if (time_parse(s, time))
		return true;
	*local = !o->utc;
	return time_option(s, time) ||
	    wrong(f, o, t, o->form == DATE ? "date" : "time");
}

static bool
date_value(struct filter *f, const struct operand *o, struct text *t)
{
	int64_t time;
	bool local;

	if (!read_time(f, o, *t, &time, &local))
		return false;
	t->s = time_in_form(f, o, time, local);
	t->len = strlen(t->s);
	return true;
}

static bool
clock_value(struct filter *f, const struct operand *o, struct text *t)
{
	char *s = arena_dup(&f->mem, t->s, t->len), *dot = strchr(s, '.');
	unsigned h, m, sec = 0;

	if (sscanf(s, "%2u:%2u:%2u", &h, &m, &sec) < 2)
		return wrong(f, o, *t, "time of day");
	s = arena_printf(&f->mem, "%02u:%02u:%02u.%.6s000000", h, m, sec,
	    dot == NULL ? "" : dot + 1);
	*t = (struct text){ s, 15 };
	return true;
}

/* A value in the form of what it is compared with. */
static bool
value(struct filter *f, const struct operand *o, yyjson_val *v, struct text *t)
{
	if (!scalar(f, o, v, t))
		return false;
	if (t->len == 0) {
		t->s = empty(o->form);
		t->len = strlen(t->s);
		return true;
	}
	switch (o->form) {
	case NUMBER:
		return number_valid(t->s, t->len) || wrong(f, o, *t, "number");
	case DATE:
	case DATETIME:
		return date_value(f, o, t);
	case CLOCK:
		return clock_value(f, o, t);
	default:
		return true;
	}
}

static char *
param(struct filter *f, const struct operand *o, struct text t)
{
	return arena_printf(&f->mem,
	    o->form == NUMBER ? "CAST(?%d AS NUMERIC)" : "?%d",
	    condition_bind(f, t.s, t.len));
}

/* ---- operators; each gives the SQL of a condition, or NULL and a fault */

struct op {
	const char	*name;
	char		*(*build)(struct filter *, const struct operand *,
			    const struct op *, yyjson_val *);
	const char	*sql;		/* the operator, or what it begins with */
	const char	*to;		/* tree: which way */
	bool		 inclusive;
};

static char *
compare(struct filter *f, const struct operand *o, const struct op *op,
    yyjson_val *v)
{
	struct text t;

	if (!value(f, o, v, &t))
		return NULL;
	if (o->kept && o->form == TEXT && t.len > 0 && *op->sql == '=')
		return arena_printf(&f->mem, "d.id IN (SELECT doc FROM value"
		    " WHERE doctype = %lld AND field = ?%d AND value = ?%d)",
		    (long long)f->meta->id, condition_bind(f, o->name, strlen(o->name)),
		    condition_bind(f, t.s, t.len));
	return arena_printf(&f->mem, "%s %s %s", o->sql, op->sql,
	    param(f, o, t));
}

static char *
like(struct filter *f, const struct operand *o, const struct op *op,
    yyjson_val *v)
{
	struct text t;

	if (!scalar(f, o, v, &t))
		return NULL;
	if (t.len > PATTERN_MAX) {
		fault_set(f->fault, "filter", "the pattern for '%s' is longer "
		    "than %d bytes", o->name, PATTERN_MAX);
		return NULL;
	}
	return arena_printf(&f->mem, "coalesce(CAST(%s AS TEXT), '') %s ?%d",
	    o->raw, op->sql, condition_bind(f, t.s, t.len));
}

static bool
add_value(struct filter *f, const struct operand *o, yyjson_val *v,
    yyjson_mut_doc *list)
{
	struct text t;

	return value(f, o, v, &t) && yyjson_mut_arr_add_strn(list,
	    yyjson_mut_doc_get_root(list), t.s, t.len);
}

/* The values of a text with commas between. */
static bool
add_words(struct filter *f, const struct operand *o, struct text t,
    yyjson_mut_doc *list)
{
	const char *s = t.s, *end = s + t.len, *comma, *to;
	yyjson_val v = { 0 };

	for (;; s = comma + 1) {
		comma = memchr(s, ',', end - s);
		to = comma == NULL ? end : comma;
		while (s < to && isspace((unsigned char)*s))
			s++;
		while (s < to && isspace((unsigned char)to[-1]))
			to--;
		yyjson_set_strn(&v, s, to - s);
		if (!add_value(f, o, &v, list))
			return false;
		if (comma == NULL)
			return true;
	}
}

/* Values as a new array of texts, each in the operand's form. */
static yyjson_mut_doc *
values(struct filter *f, const struct operand *o, yyjson_val *v)
{
	yyjson_mut_doc *list = yyjson_mut_doc_new(&f->mem.alc);
	yyjson_val *one;
	struct text t;
	size_t i, n;

	yyjson_mut_doc_set_root(list, yyjson_mut_arr(list));
	if (!yyjson_is_arr(v))
		return scalar(f, o, v, &t) && add_words(f, o, t, list) ?
		    list : NULL;
	yyjson_arr_foreach(v, i, n, one)
		if (!add_value(f, o, one, list))
			return NULL;
	if (yyjson_arr_size(v) == 0 && !add_value(f, o, NULL, list))
		return NULL;
	return list;
}

static char *
in_list(struct filter *f, const struct operand *o, const struct op *op,
    yyjson_val *v)
{
	yyjson_mut_doc *list = values(f, o, v);
	size_t len;
	char *s;

	if (list == NULL)
		return NULL;
	s = json_mut_text(&f->mem, yyjson_mut_doc_get_root(list), &len);
	return arena_printf(&f->mem, "%s %s (SELECT %s FROM json_each(?%d))",
	    o->sql, op->sql, o->form == NUMBER ? "CAST(value AS NUMERIC)" :
	    "value", condition_bind(f, s, len));
}

static char *
is_set(struct filter *f, const struct operand *o, const struct op *op,
    yyjson_val *v)
{
	const char *word = yyjson_get_str(v);
	bool set = word != NULL && strcasecmp(word, "set") == 0;

	(void)op;
	if (!set && (word == NULL || strcasecmp(word, "not set") != 0)) {
		fault_set(f->fault, "filter",
		    "'%s' is either \"set\" or \"not set\"", o->name);
		return NULL;
	}
	return arena_printf(&f->mem, "coalesce(%s, '') %s ''", o->raw,
	    set ? "<>" : "=");
}

static char *
between(struct filter *f, const struct operand *o, const char *from,
    size_t fromlen, const char *to, size_t tolen)
{
	char *a = param(f, o, (struct text){ from, fromlen });
	char *b = param(f, o, (struct text){ to, tolen });

	return arena_printf(&f->mem, "%s BETWEEN %s AND %s", o->sql, a, b);
}

/* Both ends of a range, as they were given. */
static bool
ends(struct filter *f, const struct operand *o, yyjson_val *v, struct text t[2])
{
	const char *comma;

	if (yyjson_is_arr(v))
		return scalar(f, o, yyjson_arr_get(v, 0), &t[0]) &&
		    scalar(f, o, yyjson_arr_get(v, 1), &t[1]);
	if (!scalar(f, o, v, &t[0]))
		return false;
	t[1] = (struct text){ "", 0 };
	if ((comma = memchr(t[0].s, ',', t[0].len)) != NULL) {
		t[1].s = comma + 1;
		t[1].len = t[0].s + t[0].len - t[1].s;
		t[0].len = comma - t[0].s;
	}
	return true;
}

/* The nth end of a range of days or times; the last day counts whole. */
static const char *
end(struct filter *f, const struct operand *o, struct text t, int n)
{
	static const int64_t day = INT64_C(86400000000);
	int64_t time;
	bool local;

	if (t.len == 0)
		t = (struct text){ "today", 5 };
	if (!read_time(f, o, t, &time, &local))
		return NULL;
	if (n == 1 && (t.len == 10 || text_is(t, "today") ||
	    text_is(t, "yesterday")))
		time += day - 1;
	return time_in_form(f, o, time, local);
}

static char *
in_range(struct filter *f, const struct operand *o, const struct op *op,
    yyjson_val *v)
{
	const char *from, *to;
	struct text t[2];

	(void)op;
	if (!ends(f, o, v, t))
		return NULL;
	if (o->form != DATE && o->form != DATETIME) {
		yyjson_val low = { 0 }, high = { 0 };

		yyjson_set_strn(&low, t[0].s, t[0].len);
		yyjson_set_strn(&high, t[1].s, t[1].len);
		return value(f, o, &low, &t[0]) && value(f, o, &high, &t[1]) ?
		    between(f, o, t[0].s, t[0].len, t[1].s, t[1].len) : NULL;
	}
	from = end(f, o, t[0], 0);
	to = from == NULL ? NULL : end(f, o, t[1], 1);
	return to == NULL ? NULL :
	    between(f, o, from, strlen(from), to, strlen(to));
}

static char *
in_period(struct filter *f, const struct operand *o, const char *words)
{
	const char *from, *to;
	int64_t first, last;

	if (o->form != DATE && o->form != DATETIME)
		fault_set(f->fault, "filter", "'%s' is no date", o->name);
	else if (!period(words, &first, &last))
		fault_set(f->fault, "filter", "no span of time is called '%s'",
		    words);
	else {
		from = time_in_form(f, o, first, !o->utc);
		to = time_in_form(f, o, last, !o->utc);
		return between(f, o, from, strlen(from), to, strlen(to));
	}
	return NULL;
}

static char *
timespan(struct filter *f, const struct operand *o, const struct op *op,
    yyjson_val *v)
{
	(void)op;
	return in_period(f, o, yyjson_is_str(v) ? yyjson_get_str(v) : "");
}

/* previous 3 months is the last quarter. */
static char *
neighbour(struct filter *f, const struct operand *o, const struct op *op,
    yyjson_val *v)
{
	static const char *const units[][2] = { { "1 week", "week" },
	    { "1 month", "month" }, { "3 months", "quarter" },
	    { "6 months", "6 months" }, { "1 year", "year" } };
	const char *given = yyjson_is_str(v) ? yyjson_get_str(v) : "";
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcasecmp(given, units[i][0]) == 0)
			return in_period(f, o, arena_printf(&f->mem, "%s %s",
			    op->sql, units[i][1]));
	return in_period(f, o, given);
}

/* The field of a tree's documents that names the one above, or NULL. */
static const char *
parent_field(struct filter *f, const struct meta *tree)
{
	const char *name = tree->nsm_parent_field;
	char *p, *made;

	if (name == NULL || *name == '\0') {
		name = made = arena_printf(&f->mem, "parent_%s", tree->name);
		for (p = made; *p != '\0'; p++)
			*p = *p == ' ' || *p == '-' ? '_' :
			    tolower((unsigned char)*p);
	}
	return tree->is_tree && meta_field(tree, name, strlen(name)) != NULL ?
	    name : NULL;
}

static char *
in_tree(struct filter *f, const struct operand *o, const struct op *op,
    yyjson_val *v)
{
	const struct meta *tree = o->link == NULL ? NULL :
	    site_meta(f->site, o->link);
	const char *up = tree == NULL ? NULL : parent_field(f, tree);
	bool down = strcmp(op->to, "n") == 0;
	struct text t;
	int n;

	if (up == NULL) {
		fault_set(f->fault, "filter", "'%s' does not name documents of "
		    "a tree", o->name);
		return NULL;
	}
	if (!scalar(f, o, v, &t))
		return NULL;
	n = condition_bind(f, t.s, t.len);
	return arena_printf(&f->mem, "%s %s (WITH RECURSIVE"
	    " p(n, up) AS MATERIALIZED (SELECT name, json_extract(data, %s)"
	    " FROM document WHERE doctype = %lld), t(n) AS (SELECT ?%d UNION"
	    " SELECT p.%s FROM t JOIN p ON p.%s = t.n WHERE p.%s <> '')"
	    " SELECT n FROM t%s)", o->sql, op->sql, condition_path(f, up),
	    (long long)tree->id, n, op->to, down ? "up" : "n", op->to,
	    op->inclusive ? "" : arena_printf(&f->mem, " WHERE n <> ?%d", n));
}

static const struct op ops[] = {
	{ "=", compare, "=", NULL, false },
	{ "!=", compare, "<>", NULL, false },
	{ ">", compare, ">", NULL, false },
	{ "<", compare, "<", NULL, false },
	{ ">=", compare, ">=", NULL, false },
	{ "<=", compare, "<=", NULL, false },
	{ "like", like, "LIKE", NULL, false },
	{ "not like", like, "NOT LIKE", NULL, false },
	{ "in", in_list, "IN", NULL, false },
	{ "not in", in_list, "NOT IN", NULL, false },
	{ "is", is_set, NULL, NULL, false },
	{ "between", in_range, NULL, NULL, false },
	{ "timespan", timespan, NULL, NULL, false },
	{ "previous", neighbour, "last", NULL, false },
	{ "next", neighbour, "next", NULL, false },
	{ "descendants of", in_tree, "IN", "n", false },
	{ "descendants of (inclusive)", in_tree, "IN", "n", true },
	{ "not descendants of", in_tree, "NOT IN", "n", false },
	{ "ancestors of", in_tree, "IN", "up", false },
	{ "not ancestors of", in_tree, "NOT IN", "up", false },
};

static const struct op *
find_op(struct filter *f, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (strcasecmp(name, ops[i].name) == 0)
			return &ops[i];
	fault_set(f->fault, "filter", "no operator is called '%s'", name);
	return NULL;
}

char *
condition_sql(struct filter *f, const struct operand *o, const char *name,
    yyjson_val *v)
{
	const struct op *op = find_op(f, name);

	return op == NULL ? NULL : op->build(f, o, op, v);
}
