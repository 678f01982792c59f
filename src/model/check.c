/* check.c - is a document as its DocType says? */

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/model.h"

enum {
	SHOWN_MAX = 100,		/* bytes of a value that a fault quotes */
	/* An event, its data, a part of a diff, a table and a row go round a
	 * value, and it must not be too deep for a line then. */
	JSON_NEST_MAX = NEST_MAX - 12
};

enum { AHEAD = 6 };

/* The field of a key.  Documents mostly have their fields in order, so the
 * one after the last that was found is tried first. */
static const struct field *
field_of(const struct meta *m, size_t *at, const char *key, size_t len)
{
	const struct field *f;

	size_t i;

	if ((f = meta_own(m, key)) != NULL)
		return f;
	if (meta_standard(key, len))
		return NULL;
	/* Documents have their fields in order, with gaps. */
	for (i = *at; i < m->nfields && i < *at + AHEAD; i++) {
		f = &m->fields[i];
		if (f->len == len && memcmp(f->name, key, len) == 0) {
			*at = i + 1;
			return f;
		}
	}
	f = meta_field(m, key, len);
	if (f != NULL)
		*at = f - m->fields + 1;
	return f;
}

/* The text of a string or of a number. */
static const char *
text_of(yyjson_mut_val *v, size_t *len)
{
	*len = yyjson_mut_get_len(v);
	return yyjson_mut_is_raw(v) ? yyjson_mut_get_raw(v) :
	    yyjson_mut_get_str(v);
}

/* A string that ends where C thinks that it does. */
static bool
is_name(yyjson_mut_val *v)
{
	return yyjson_mut_is_str(v) &&
	    strlen(yyjson_mut_get_str(v)) == yyjson_mut_get_len(v);
}

static bool
is_number(yyjson_mut_val *v)
{
	return yyjson_mut_is_raw(v) &&
	    number_valid(yyjson_mut_get_raw(v), yyjson_mut_get_len(v));
}

static bool
is_whole(yyjson_mut_val *v)
{
	return is_number(v) &&
	    number_whole(yyjson_mut_get_raw(v), yyjson_mut_get_len(v));
}

/* Less, equal or greater than a number of one digit. */
static int
against(yyjson_mut_val *v, const char *digit)
{
	return number_compare(yyjson_mut_get_raw(v), yyjson_mut_get_len(v),
	    digit, 1);
}

static bool
is_blank(const char *s, size_t n)
{
	while (n > 0 && isspace((unsigned char)*s))
		s++, n--;
	return n == 0;
}

/* How much of a text a fault shows: whole characters. */
static int
shown(const char *s, size_t n)
{
	if (n <= SHOWN_MAX)
		return n;
	for (n = SHOWN_MAX; n > 0 && (s[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

/* ---- doc_clean */

/* 0, 1 or 2; else -1. */
static int
docstatus_of(yyjson_mut_val *v)
{
	return json_is_null(v) ? 0 : !is_whole(v) ? -1 :
	    against(v, "0") == 0 ? 0 : against(v, "1") == 0 ? 1 :
	    against(v, "2") == 0 ? 2 : -1;
}

static bool
site_sets(const char *key, size_t len)
{
	return meta_standard(key, len) &&
	    !(len == 4 && memcmp(key, "name", 4) == 0);
}

struct ranked {
	int64_t		 idx;
	size_t		 at;
	yyjson_mut_val	*row;
};

static int
by_idx(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	if (a->idx != b->idx)
		return a->idx < b->idx ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* Does each row have an idx, and are some not in their order? */
static bool
must_sort(yyjson_mut_val *rows)
{
	yyjson_mut_arr_iter it;
	yyjson_mut_val *row;
	int64_t idx, last = 0;
	bool must = false;

	yyjson_mut_arr_iter_init(rows, &it);
	while ((row = yyjson_mut_arr_iter_next(&it)) != NULL) {
		idx = json_mut_int(row, "idx", 0);
		if (idx <= 0)
			return false;
		must |= idx < last;
		last = idx;
	}
	return must;
}

void
rows_sort(yyjson_mut_val *rows)
{
	size_t n = yyjson_mut_arr_size(rows), i;
	yyjson_mut_arr_iter it;
	struct ranked *v;

	if (!must_sort(rows))
		return;
	v = xmalloc(n * sizeof(*v));
	yyjson_mut_arr_iter_init(rows, &it);
	for (i = 0; i < n; i++) {
		v[i].row = yyjson_mut_arr_iter_next(&it);
		v[i].idx = json_mut_int(v[i].row, "idx", 0);
		v[i].at = i;
	}
	qsort(v, n, sizeof(*v), by_idx);
	yyjson_mut_arr_clear(rows);
	for (i = 0; i < n; i++)
		yyjson_mut_arr_append(rows, v[i].row);
	free(v);
}

/* Drops from a row what is its document's; gives it name and idx. */
static void
clean_row(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *row,
    int64_t idx)
{
	const struct field *f;
	yyjson_mut_val *key, *name;
	yyjson_mut_obj_iter it;
	char hex[11];
	size_t at = 0, len;
	bool kept = false;

	yyjson_mut_obj_iter_init(row, &it);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		len = yyjson_mut_get_len(key);
		if (!site_sets(yyjson_mut_get_str(key), len)) {
			f = m == NULL ? NULL :
			    field_of(m, &at, yyjson_mut_get_str(key), len);
			if (f != NULL)
				yyjson_mut_set_strn(key, f->name, len);
			continue;
		}
		if (yyjson_mut_equals_str(key, "idx") && json_mut_val_int(
		    yyjson_mut_obj_iter_get_val(key), 0) == idx)
			kept = true;
		else
			yyjson_mut_obj_iter_remove(&it);
	}
	name = yyjson_mut_obj_get(row, "name");
	if (json_is_null(name) || yyjson_mut_equals_str(name, "")) {
		id_hex(hex, 10);
		yyjson_mut_obj_remove_key(row, "name");
		yyjson_mut_obj_insert(row, yyjson_mut_str(d, "name"),
		    yyjson_mut_strcpy(d, hex), 0);
	}
	if (!kept)
		yyjson_mut_obj_insert(row, yyjson_mut_str(d, "idx"),
		    json_new_int(d, idx), 1);
}

/* Adds the row's name to those of its table. */
static bool
row_name(struct map *names, const struct field *f, yyjson_mut_val *row,
    size_t i, struct fault *fault)
{
	yyjson_mut_val *name = yyjson_mut_obj_get(row, "name");
	const char *s;
	size_t len;

	if (!is_name(name))
		return fault_set(fault, "type", "row %zu of '%s': the name of "
		    "a row is a string", i, f->name);
	s = text_of(name, &len);
	if (map_get(names, s, len) != NULL)
		return fault_set(fault, "type", "row %zu of '%s': the name "
		    "'%.*s' stands twice", i, f->name, shown(s, len), s);
	map_set(names, s, len, row);
	return true;
}

static bool
clean_rows(yyjson_mut_doc *d, const struct field *f, yyjson_mut_val *rows,
    struct fault *fault)
{
	struct map names = { 0 };
	yyjson_mut_arr_iter it;
	yyjson_mut_val *row;
	size_t i;
	bool ok = true;

	if (yyjson_mut_is_null(rows))
		return yyjson_mut_set_arr(rows);
	if (!yyjson_mut_is_arr(rows))
		return fault_set(fault, "type", "'%s' wants an array of rows",
		    f->name);
	yyjson_mut_arr_iter_init(rows, &it);
	for (i = 1; (row = yyjson_mut_arr_iter_next(&it)) != NULL; i++)
		if (!yyjson_mut_is_obj(row))
			return fault_set(fault, "type", "row %zu of '%s' is no "
			    "object", i, f->name);
	rows_sort(rows);
	yyjson_mut_arr_iter_init(rows, &it);
	for (i = 1; ok && (row = yyjson_mut_arr_iter_next(&it)) != NULL; i++) {
		clean_row(d, f->child, row, i);
		ok = row_name(&names, f, row, i, fault);
	}
	map_free(&names);
	return ok;
}

/* An integer, as a stock site has it where names are counted, is made text. */
static bool
clean_name(yyjson_mut_val *name, struct fault *fault)
{
	const char *s;
	size_t len;

	if (yyjson_mut_is_raw(name) && is_whole(name)) {
		s = text_of(name, &len);
		return yyjson_mut_set_strn(name, s, len);
	}
	return json_is_null(name) || is_name(name) ||
	    fault_set(fault, "type", "'name' wants a string");
}

bool
doc_clean(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *doc,
    struct fault *fault)
{
	const struct field *f;
	yyjson_mut_obj_iter it;
	yyjson_mut_val *key, *v;
	const char *s;
	size_t at = 0, len;

	if (!yyjson_mut_obj_iter_init(doc, &it))
		return fault_set(fault, "type", "a document is an object");
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		v = yyjson_mut_obj_iter_get_val(key);
		f = field_of(m, &at, s, len);
		if (f != NULL) {
			yyjson_mut_set_strn(key, f->name, len);
			if (f->kind == K_TABLE && !clean_rows(d, f, v, fault))
				return false;
		} else if (yyjson_mut_equals_str(key, "docstatus")) {
			if (docstatus_of(v) < 0)
				return fault_set(fault, "docstatus",
				    "'docstatus' is 0, 1 or 2");
			if (json_is_null(v))
				yyjson_mut_obj_iter_remove(&it);
		} else if (yyjson_mut_equals_str(key, "name")) {
			if (!clean_name(v, fault))
				return false;
		} else if (meta_standard(s, len))
			yyjson_mut_obj_iter_remove(&it);
	}
	return true;
}

/* ---- doc_defaults */

/* [-]H:MM:SS[.f{1,6}], also without the zero of the seconds (spec 3.5). */
static bool
is_clock(const char *s)
{
	static const char digits[] = "0123456789";
	size_t n;

	if (*s == '-')
		s++;
	n = strspn(s, digits);
	if (n < 1 || n > 3 || s[n] != ':')
		return false;
	s += n + 1;
	if (strspn(s, digits) != 2 || *s > '5' || s[2] != ':')
		return false;
	s += 3;
	n = strspn(s, digits);
	if (n < 1 || n > 2 || (n == 2 && *s > '5'))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(++s, digits);
		if (n < 1 || n > 6)
			return false;
		s += n;
	}
	return *s == '\0';
}

static int
two_digits(const char *s)
{
	return s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' ? -1 :
	    (s[0] - '0') * 10 + s[1] - '0';
}

/* YYYY-MM-DD of the calendar; time_parse, which finds the moment as well,
 * takes ten times as long. */
static bool
is_day(const char *s, size_t len)
{
	static const int days[] = {
		31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31,
	};
	int century, year, month, day;

	if (len != 10 || s[4] != '-' || s[7] != '-')
		return false;
	century = two_digits(s);
	year = two_digits(s + 2);
	month = two_digits(s + 5);
	day = two_digits(s + 8);
	if (century < 0 || year < 0 || month < 1 || month > 12 || day < 1 ||
	    day > days[month - 1])
		return false;
	return month != 2 || day < 29 ||
	    (year == 0 ? century : year) % 4 == 0;
}

/* Is a text what a field of a time may hold? */
static bool
is_time(enum kind kind, const char *s, size_t len)
{
	int64_t t;

	return kind == K_TIME ? is_clock(s) : is_day(s, len) ||
	    (kind == K_DATETIME && time_parse(s, &t));
}

/* Today and Now are the site's local ones, as in Frappe. */
static yyjson_mut_val *
default_time(yyjson_mut_doc *d, const struct field *f, int64_t now)
{
	char buf[TIME_TEXT_LEN];

	time_local(now, buf);
	if (f->kind != K_TIME && strcasecmp(f->dflt, "Today") == 0)
		return yyjson_mut_strncpy(d, buf, 10);
	if (strcasecmp(f->dflt, "Now") == 0)
		return f->kind == K_DATE ? yyjson_mut_strncpy(d, buf, 10) :
		    yyjson_mut_strcpy(d, f->kind == K_TIME ? buf + 11 : buf);
	if (is_time(f->kind, f->dflt, strlen(f->dflt)))
		return yyjson_mut_strcpy(d, f->dflt);
	return NULL;
}

static yyjson_mut_val *
first_option(yyjson_mut_doc *d, const struct field *f)
{
	const char *at = f->options, *s;
	size_t len;

	while ((s = meta_option(&at, &len)) != NULL)
		if (len > 0)
			return yyjson_mut_strncpy(d, s, len);
	return NULL;
}

/* NULL if there is none. */
static yyjson_mut_val *
default_of(yyjson_mut_doc *d, const struct field *f, const char *user,
    int64_t now)
{
	const char *s = f->dflt;

	if (s == NULL)
		return f->kind == K_SELECT && f->reqd ? first_option(d, f) :
		    NULL;
	if (*s == ':')
		return NULL;
	switch (f->kind) {
	case K_CHECK:
	case K_INT:
	case K_FLOAT:
		return number_valid(s, strlen(s)) ? yyjson_mut_rawcpy(d, s) :
		    NULL;
	case K_DATE:
	case K_DATETIME:
	case K_TIME:
		return default_time(d, f, now);
	case K_TEXT:
	case K_LINK:
	case K_DYNAMIC:
	case K_SELECT:
	case K_JSON:
		if (strcmp(s, "__user") == 0)
			s = user;
		return s == NULL ? NULL : yyjson_mut_strcpy(d, s);
	default:
		return NULL;
	}
}

static void
fill(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *obj,
    const char *user, int64_t now)
{
	const struct field *f;
	yyjson_mut_arr_iter it;
	yyjson_mut_val *v, *row;
	size_t i;

	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (f->kind == K_TABLE && f->child != NULL) {
			yyjson_mut_arr_iter_init(yyjson_mut_obj_get(obj,
			    f->name), &it);
			while ((row = yyjson_mut_arr_iter_next(&it)) != NULL)
				fill(d, f->child, row, user, now);
		} else if (!f->is_virtual &&
		    (v = default_of(d, f, user, now)) != NULL &&
		    json_is_null(yyjson_mut_obj_get(obj, f->name)))
			yyjson_mut_obj_put(obj, yyjson_mut_strcpy(d, f->name),
			    v);
	}
}

void
doc_defaults(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *doc,
    const char *user, int64_t now)
{
	fill(d, m, doc, user, now);
}

/* ---- doc_check */

struct check {
	const struct lookup	*look;
	struct fault		*fault;
	const char		*doctype, *name;	/* the document's */
	const char		*table;		/* NULL outside of rows */
	size_t			 row;		/* from 1 */
	int			 what;
	bool			 submitted;	/* some fields are frozen */
	bool			 cancelling;	/* all are */
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
is_empty(const struct field *f, yyjson_mut_val *v)
{
	if (json_is_null(v))
		return true;
	if (yyjson_mut_is_str(v))
		return yyjson_mut_get_len(v) == 0;
	if (yyjson_mut_is_arr(v))
		return f->kind == K_TABLE && yyjson_mut_arr_size(v) == 0;
	return (f->kind == K_CHECK || f->kind == K_INT ||
	    f->kind == K_FLOAT) && is_number(v) && against(v, "0") == 0;
}

/* Has the value of a field that must not change done so?  As in Frappe, what
 * is empty is equal: null, "", 0. */
static bool
changed(const struct field *f, yyjson_mut_val *v, yyjson_mut_val *was)
{
	return !(is_empty(f, v) && is_empty(f, was)) && !json_same(v, was);
}

/* 0 or 1; else -1. */
static int
truth_of(yyjson_mut_val *v)
{
	const char *s = yyjson_mut_get_raw(v);

	if (s != NULL && yyjson_mut_get_len(v) == 1)
		return *s == '0' ? 0 : *s == '1' ? 1 : -1;
	return !is_number(v) ? -1 : against(v, "0") == 0 ? 0 :
	    against(v, "1") == 0 ? 1 : -1;
}

/* What the field would have; NULL if it has. */
static const char *
wanted(const struct field *f, yyjson_mut_val *v)
{
	switch (f->kind) {
	case K_TABLE:
		return yyjson_mut_is_arr(v) ? NULL : "an array of rows";
	case K_TEXT:
		return yyjson_mut_is_str(v) ? NULL : "a string";
	case K_LINK:
	case K_DYNAMIC:
	case K_SELECT:
	case K_PASSWORD:
		return is_name(v) ? NULL : yyjson_mut_is_str(v) ?
		    "a string without NUL" : "a string";
	case K_CHECK:
		return truth_of(v) >= 0 ? NULL : "0 or 1";
	case K_INT:
		return is_whole(v) ? NULL : "a whole number";
	case K_FLOAT:
		return is_number(v) ? NULL : "a number";
	case K_DATE:
	case K_DATETIME:
	case K_TIME:
		if (is_name(v) && (yyjson_mut_get_len(v) == 0 || is_time(
		    f->kind, yyjson_mut_get_str(v), yyjson_mut_get_len(v))))
			return NULL;
		return f->kind == K_DATE ? "a date (YYYY-MM-DD)" :
		    f->kind == K_TIME ? "a time (HH:MM:SS)" :
		    "a date and time (YYYY-MM-DD HH:MM:SS)";
	default:
		return NULL;
	}
}

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
		s = text_of(v, &len);
		return wrong(c, "type", "'%s' wants %s, not '%.*s'", f->name,
		    want, shown(s, len), s);
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
	want = wanted(f, v);
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
	s = text_of(v, &len);
	if (is_blank(s, len))
		return true;
	while ((option = meta_option(&at, &n)) != NULL) {
		if (n == len && memcmp(option, s, n) == 0)
			return true;
		any |= n > 0;
	}
	return !any || wrong(c, "select", "'%s' cannot be '%.*s', which is "
	    "none of its options", f->name, shown(s, len), s);
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
	s = text_of(v, &len);
	other = c->look->holder(c->look->arg, m, f, s, len, c->name);
	return other == NULL || wrong(c, "unique", "'%s' must be unique, but "
	    "'%s' has '%.*s' already", f->name, other, shown(s, len), s);
}

/* The doctype that a link points to; "" if its field is empty, NULL if there
 * is no telling. */
static const char *
target(const struct field *f, yyjson_mut_val *obj, yyjson_mut_val *full)
{
	yyjson_mut_val *v;
	const char *s;

	if (f->kind == K_LINK)
		return f->options;
	if (f->dyn == NULL)
		return NULL;
	v = yyjson_mut_obj_get(obj, f->dyn->name);
	if (v == NULL)
		v = yyjson_mut_obj_get(full, f->dyn->name);
	s = is_name(v) ? yyjson_mut_get_str(v) : NULL;
	return s == NULL ? "" : s;
}

static bool
check_link(const struct check *c, const struct field *f, yyjson_mut_val *obj,
    yyjson_mut_val *v, yyjson_mut_val *old, yyjson_mut_val *was)
{
	const char *s, *doctype, *before;

	if (!is_name(v) || yyjson_mut_get_len(v) == 0)
		return true;
	doctype = target(f, obj, NULL);
	before = target(f, old, NULL);
	if (doctype == NULL ||
	    (strcmp(doctype, before) == 0 && json_same(v, was)))
		return true;
	s = yyjson_mut_get_str(v);
	if (*doctype == '\0')
		return wrong(c, "link", "'%s' is '%.*s', but '%s' does not say "
		    "of which DocType", f->name, shown(s, strlen(s)), s,
		    f->dyn->name);
	if (strcmp(doctype, c->doctype) == 0 && strcmp(s, c->name) == 0)
		return true;
	return c->look->exists(c->look->arg, doctype, s) ||
	    wrong(c, "link", "'%s' links to %.*s '%.*s', which does not exist",
	    f->name, shown(doctype, strlen(doctype)), doctype,
	    shown(s, strlen(s)), s);
}

static bool
check_frozen(const struct check *c, const struct field *f, yyjson_mut_val *v,
    yyjson_mut_val *was)
{
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
	return !changed(f, v, was) || wrong(c, "constant",
	    "'%s' cannot change once it is set", f->name);
}

/* Rows of the stored document by name; mostly they come in the same order. */
struct finder {
	yyjson_mut_val		*rows;
	yyjson_mut_arr_iter	 it;
	struct map		 map;
	bool			 mapped;
};

static void
find_start(struct finder *at, yyjson_mut_val *rows)
{
	memset(at, 0, sizeof(*at));
	at->rows = rows;
	yyjson_mut_arr_iter_init(rows, &at->it);
}

static void
find_map(struct finder *at)
{
	yyjson_mut_val *row, *name;
	const char *s;
	size_t len;

	at->mapped = true;
	yyjson_mut_arr_iter_init(at->rows, &at->it);
	while ((row = yyjson_mut_arr_iter_next(&at->it)) != NULL) {
		name = yyjson_mut_obj_get(row, "name");
		s = text_of(name, &len);
		if (s != NULL)
			map_set(&at->map, s, len, row);
	}
}

static yyjson_mut_val *
find_row(struct finder *at, yyjson_mut_val *row)
{
	yyjson_mut_val *name = yyjson_mut_obj_get(row, "name"), *old;
	const char *s;
	size_t len;

	s = text_of(name, &len);
	if (s == NULL || yyjson_mut_arr_size(at->rows) == 0)
		return NULL;
	if (!at->mapped) {
		old = yyjson_mut_arr_iter_next(&at->it);
		if (yyjson_mut_equals(yyjson_mut_obj_get(old, "name"), name))
			return old;
		find_map(at);
	}
	return map_get(&at->map, s, len);
}

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
		s = text_of(yyjson_mut_obj_get(row, unique->name), &len);
		if (s == NULL || len == 0)
			continue;
		if (map_get(&seen, s, len) != NULL)
			ok = wrong(c, "unique", "'%s' must be unique, but "
			    "another row has '%.*s' already", unique->name,
			    shown(s, len), s);
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
	find_start(&old, was);
	yyjson_mut_arr_iter_init(rows, &it);
	for (c.row = 1; ok && (row = yyjson_mut_arr_iter_next(&it)) != NULL;
	    c.row++)
		ok = check_row(&c, m, row, find_row(&old, row));
	map_free(&old.map);
	if ((c.what & CHECK_TYPES) && m->nunique > 0)
		for (i = 0; ok && i < m->nfields; i++)
			if (m->fields[i].unique)
				ok = unique_rows(&c, &m->fields[i], rows);
	return ok;
}

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
	if (f->non_negative && is_number(v) && against(v, "0") < 0)
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
	    wrong(c, "field", "unknown field '%.*s'", shown(key, len), key);
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
		f = field_of(m, &at, s, len);
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
		f = field_of(m, &at, s, len);
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
	    .partial = true, .submitted = (what & CHECK_FULL) && submitted &&
	    json_mut_int(doc, "docstatus", 0) == 1 };

	if (c.name == NULL)
		c.name = "";
	if (docstatus_of(yyjson_mut_obj_get(doc, "docstatus")) < 0)
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
	    .doctype = m->name, .name = json_mut_str(doc, "name") };
	int from = old == NULL ? -1 :
	    docstatus_of(yyjson_mut_obj_get(old, "docstatus"));
	int to = docstatus_of(yyjson_mut_obj_get(doc, "docstatus"));

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

/* ---- links */

/* The links of an object; full has the halves that it lacks. */
static void
object_links(const struct meta *m, yyjson_mut_val *obj, yyjson_mut_val *full,
    link_fn *fn, void *arg)
{
	const struct field *f;
	yyjson_mut_obj_iter it;
	yyjson_mut_val *key, *v;
	const char *doctype;
	size_t at = 0;

	yyjson_mut_obj_iter_init(obj, &it);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		f = field_of(m, &at, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		if (f == NULL || f->is_virtual ||
		    (f->kind != K_LINK && f->kind != K_DYNAMIC))
			continue;
		v = yyjson_mut_obj_iter_get_val(key);
		if (!is_name(v) || yyjson_mut_get_len(v) == 0)
			continue;
		doctype = target(f, obj, full);
		if (doctype != NULL && *doctype != '\0')
			fn(arg, obj, f, doctype, v);
	}
}

static void
row_links(const struct meta *m, yyjson_mut_val *rows, yyjson_mut_val *full,
    link_fn *fn, void *arg)
{
	struct finder old;
	yyjson_mut_arr_iter it;
	yyjson_mut_val *row;

	find_start(&old, full);
	yyjson_mut_arr_iter_init(rows, &it);
	while ((row = yyjson_mut_arr_iter_next(&it)) != NULL)
		object_links(m, row, find_row(&old, row), fn, arg);
	map_free(&old.map);
}

/* The tables of a document or of a part of a diff. */
static void
table_links(const struct meta *m, yyjson_mut_val *obj, yyjson_mut_val *full,
    link_fn *fn, void *arg)
{
	const struct field *f;
	yyjson_mut_obj_iter it;
	yyjson_mut_val *key;
	size_t at = 0;

	yyjson_mut_obj_iter_init(obj, &it);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		f = field_of(m, &at, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		if (f != NULL && f->kind == K_TABLE && f->child != NULL)
			row_links(f->child, yyjson_mut_obj_iter_get_val(key),
			    yyjson_mut_obj_get(full, f->name), fn, arg);
	}
}

void
doc_links(const struct meta *m, yyjson_mut_val *doc, link_fn *fn, void *arg)
{
	object_links(m, doc, NULL, fn, arg);
	table_links(m, doc, NULL, fn, arg);
}

void
diff_links(const struct meta *m, yyjson_mut_val *diff, yyjson_mut_val *full,
    link_fn *fn, void *arg)
{
	object_links(m, yyjson_mut_obj_get(diff, "changed"), full, fn, arg);
	table_links(m, yyjson_mut_obj_get(diff, "added"), NULL, fn, arg);
	table_links(m, yyjson_mut_obj_get(diff, "row_changed"), full, fn, arg);
}
