/* naming.c - the names of new documents */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "model/model.h"

enum { NAME_MAX_CHARS = 140, HASH_LEN = 10 };

struct naming {
	const struct meta	*meta;
	yyjson_mut_val		*doc;
	int64_t			 now;
	const struct lookup	*look;
	struct fault		*fault;
	struct buf		 name;		/* built so far */
	bool			 again;		/* a next try gives another */
};

/* A way to make a name; rule is what stands behind the colon of autoname. */
typedef bool maker(struct naming *, const char *rule);

static bool
put(struct naming *n, const char *s)
{
	buf_puts(&n->name, s);
	return true;
}

static void
trim(const char **s, size_t *len)
{
	while (*len > 0 && isspace((unsigned char)**s))
		++*s, --*len;
	while (*len > 0 && isspace((unsigned char)(*s)[*len - 1]))
		--*len;
}

/* The text of a string or number of the document; NULL if it is empty. */
static const char *
value(const struct naming *n, const char *key, size_t keylen, size_t *len)
{
	yyjson_mut_val *v = yyjson_mut_obj_getn(n->doc, key, keylen);
	const char *s = yyjson_mut_is_raw(v) ? yyjson_mut_get_raw(v) :
	    yyjson_mut_get_str(v);

	if (s == NULL)
		return NULL;
	*len = yyjson_mut_get_len(v);
	trim(&s, len);
	return *len > 0 ? s : NULL;
}

/* ---- expressions (spec 4.3) */

/* The next number of a counter, into number; false and a fault. */
static bool
count(struct naming *n, const char *key, int64_t *number)
{
	*number = n->look->counter(n->look->arg, key);
	n->again = true;
	return *number >= 0 ||
	    fault_set(n->fault, "name", "cannot count '%s'", key);
}

/* The ISO week, made to go up within a year as Frappe does. */
static void
put_week(struct naming *n, const struct tm *tm)
{
	char week[8];

	strftime(week, sizeof(week), "%V", tm);
	if (tm->tm_mon == 0 && atoi(week) >= 52)
		strcpy(week, "00");
	else if (tm->tm_mon == 11 && atoi(week) == 1)
		strcpy(week, "53");
	put(n, week);
}

static bool
put_date(struct naming *n, const char *part, size_t len)
{
	static const struct {
		const char	*part, *format;
	} dates[] = {
		{ "YYYY", "%Y" },
		{ "YY", "%y" },
		{ "MM", "%m" },
		{ "DD", "%d" },
	};
	char text[TIME_TEXT_LEN];
	time_t seconds = n->now / 1000000;
	struct tm tm;
	size_t i;

	localtime_r(&seconds, &tm);
	for (i = 0; i < sizeof(dates) / sizeof(*dates); i++)
		if (strlen(dates[i].part) == len &&
		    memcmp(dates[i].part, part, len) == 0) {
			strftime(text, sizeof(text), dates[i].format, &tm);
			return put(n, text);
		}
	if (len == 2 && memcmp(part, "WW", 2) == 0)
		put_week(n, &tm);
	else if (len == 9 && memcmp(part, "timestamp", 9) == 0)
		put(n, time_local(n->now, text));
	else
		return false;
	return true;
}

/* {fn} or fn: the value of the field, if it has one, or else the part. */
static void
put_value(struct naming *n, const char *part, size_t len)
{
	const char *key = part, *s;
	size_t keylen = len, m;

	if (len > 2 && *part == '{' && part[len - 1] == '}') {
		key++;
		keylen -= 2;
	}
	s = value(n, key, keylen, &m);
	if (s != NULL)
		buf_add(&n->name, s, m);
	else
		buf_add(&n->name, part, len);
}

static bool
put_counter(struct naming *n, const char *key, int digits)
{
	int64_t number;

	if (!count(n, key, &number))
		return false;
	buf_printf(&n->name, "%0*lld", digits, (long long)number);
	return true;
}

/* One part of an expression; key is the counter's. */
static bool
put_part(struct naming *n, const char *part, size_t len, const char *key,
    bool *counted)
{
	if (len == 0)
		return true;
	if (*part == '#') {
		if (*counted)
			return true;
		*counted = true;
		return put_counter(n, key, len);
	}
	if (!put_date(n, part, len))
		put_value(n, part, len);
	return true;
}

/* [\w\- /.#{}]+ with a dot, as in v14. */
static bool
check_series(struct naming *n, const char *s)
{
	const char *p;

	for (p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x80 && !isalnum((unsigned char)*p) &&
		    strchr("_- /.#{}", *p) == NULL)
			return fault_set(n->fault, "name", "naming series '%s' "
			    "has other characters than letters, digits, blanks "
			    "and - _ / . # { }", s);
	return strchr(s, '.') != NULL || fault_set(n->fault, "name",
	    "naming series '%s' has no dot before its number", s);
}

static bool
by_expression(struct naming *n, const char *rule)
{
	bool ok = check_series(n, rule), counted = false;
	size_t len;
	char *key;

	while (ok) {
		len = strcspn(rule, ".");
		key = xstrndup(n->name.p, n->name.len);
		ok = put_part(n, rule, len, key, &counted);
		free(key);
		if (rule[len] == '\0')
			break;
		rule += len + 1;
	}
	return ok;
}

/* ---- the rules (spec 4.1, 4.2) */

static bool
by_hash(struct naming *n, const char *rule)
{
	char hex[HASH_LEN + 1];

	(void)rule;
	n->again = true;
	id_hex(hex, HASH_LEN);
	return put(n, hex);
}

static bool
by_number(struct naming *n, const char *rule)
{
	char *key = xprintf("autoincrement:%s", n->meta->name);
	bool ok = put_counter(n, key, 1);

	(void)rule;
	free(key);
	return ok;
}

static bool
by_doctype(struct naming *n, const char *rule)
{
	(void)rule;
	return put(n, n->meta->name);
}

/* OLD-1, then OLD-2, which is amended from OLD-1. */
static bool
by_amended(struct naming *n, const char *rule)
{
	const char *of, *dash, *old = json_mut_str(n->doc, "amended_from");
	size_t len;

	(void)rule;
	of = n->look->value(n->look->arg, n->meta->name, old, "amended_from");
	dash = strrchr(old, '-');
	len = dash == NULL ? 0 : strlen(dash + 1);
	if (of == NULL || *of == '\0' || len < 1 || len > 18 ||
	    strspn(dash + 1, "0123456789") != len)
		buf_printf(&n->name, "%s-1", old);
	else
		buf_printf(&n->name, "%.*s-%lld", (int)(dash - old), old,
		    atoll(dash + 1) + 1);
	return true;
}

static bool
by_field(struct naming *n, const char *rule)
{
	size_t len;
	const char *s = value(n, rule, strlen(rule), &len);

	if (s == NULL)
		return fault_set(n->fault, "reqd", "'%s' is required, as it "
		    "gives the name", rule);
	buf_add(&n->name, s, len);
	return true;
}

static const char *
first_series(const struct meta *m, size_t *len)
{
	const struct field *f = meta_field(m, "naming_series", 13);
	const char *at = f == NULL ? NULL : f->options, *s;

	while ((s = meta_option(&at, len)) != NULL && *len == 0)
		;
	return s;
}

static bool
by_series(struct naming *n, const char *rule)
{
	const char *s;
	size_t len;
	char *text;
	bool ok;

	(void)rule;
	s = value(n, "naming_series", 13, &len);
	if (s == NULL)
		s = first_series(n->meta, &len);
	if (s == NULL)
		return fault_set(n->fault, "reqd", "'naming_series' is "
		    "required, as it gives the name");
	text = xprintf("%.*s.#####", (int)len, s);
	ok = by_expression(n, text);
	free(text);
	return ok;
}

static bool
by_prompt(struct naming *n, const char *rule)
{
	size_t len;
	const char *s = value(n, "name", 4, &len);

	(void)rule;
	if (s == NULL)
		return fault_set(n->fault, "reqd", "%s needs a name",
		    n->meta->name);
	buf_add(&n->name, s, len);
	return true;
}

/* The length of {…} at the start of s, as far as format: knows it, or 0. */
static size_t
braced(const char *s)
{
	size_t n = 1;

	if (*s != '{')
		return 0;
	while (isalnum((unsigned char)s[n]) || (s[n] & 0x80) != 0 ||
	    (s[n] != '\0' && strchr("_ |#", s[n]) != NULL))
		n++;
	return n > 1 && s[n] == '}' ? n + 1 : 0;
}

/* Each part in braces counts for itself, with the empty key, as in Frappe. */
static bool
by_format(struct naming *n, const char *rule)
{
	bool counted;
	size_t len;

	while (*rule != '\0') {
		len = braced(rule);
		if (len == 0) {
			buf_add(&n->name, rule++, 1);
			continue;
		}
		counted = false;
		if (!put_part(n, rule + 1, len - 2, "", &counted))
			return false;
		rule += len;
	}
	return true;
}

static maker *
maker_of(const struct naming *n, const char **rule)
{
	static const struct {
		const char	*prefix;
		maker		*make;
	} rules[] = {
		{ "field:", by_field },
		{ "naming_series:", by_series },
		{ "prompt", by_prompt },
		{ "format:", by_format },
	};
	const char *amended = json_mut_str(n->doc, "amended_from");
	size_t i, len;

	*rule = n->meta->autoname;
	if (strcasecmp(*rule, "autoincrement") == 0)
		return by_number;
	if (amended != NULL && *amended != '\0')
		return by_amended;
	if (n->meta->issingle)
		return by_doctype;
	for (i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		len = strlen(rules[i].prefix);
		if (strncasecmp(*rule, rules[i].prefix, len) == 0) {
			*rule += len;
			return rules[i].make;
		}
	}
	return strchr(*rule, '#') != NULL ? by_expression : by_hash;
}

/* What was built, without blanks around it, if it can be a name. */
static char *
finish(struct naming *n, struct arena *mem)
{
	const char *s = n->name.p;
	size_t len = n->name.len;
	char *name;

	trim(&s, &len);
	if (memchr(s, '\0', len) != NULL) {
		fault_set(n->fault, "name", "a name cannot have a NUL");
		return NULL;
	}
	name = arena_dup(mem, s, len);
	return name_check(n->meta, name, n->fault) ? name : NULL;
}

char *
name_new(struct arena *mem, const struct meta *m, yyjson_mut_val *doc,
    int64_t now, const struct lookup *look, struct fault *fault)
{
	struct naming n = { m, doc, now, look, fault, { 0 }, false };
	const char *rule;
	maker *make = maker_of(&n, &rule);
	char *name = NULL;

	do {
		n.name.len = 0;
		n.again = false;
		put(&n, "");
		name = make(&n, rule) ? finish(&n, mem) : NULL;
	} while (name != NULL && n.again &&
	    look->exists(look->arg, m->name, name));
	buf_free(&n.name);
	return name;
}

bool
name_check(const struct meta *m, const char *name, struct fault *fault)
{
	size_t len = strlen(m->name), n = 0;
	const char *p;

	for (p = name; *p != '\0'; p++)
		n += (*p & 0xc0) != 0x80;
	if (n == 0)
		return fault_set(fault, "name", "a name cannot be empty");
	if (n > NAME_MAX_CHARS)
		return fault_set(fault, "name", "a name of %zu characters is "
		    "too long, %d are allowed", n, NAME_MAX_CHARS);
	/* What safe() leaves alone is UTF-8 without control characters. */
	if (strcmp(safe(name), name) != 0)
		return fault_set(fault, "name", "name '%s' has characters that "
		    "do not print", name);
	if (strpbrk(name, "<>") != NULL)
		return fault_set(fault, "name", "name '%s' has a < or >", name);
	if (*name == ' ' || p[-1] == ' ')
		return fault_set(fault, "name", "name '%s' starts or ends with "
		    "a blank", name);
	if (strncmp(name, "New ", 4) == 0 &&
	    strncmp(name + 4, m->name, len) == 0)
		return fault_set(fault, "name", "name '%s' starts with 'New "
		    "%s'", name, m->name);
	if (!m->issingle && strcmp(name, m->name) == 0 &&
	    strcmp(name, "DocType") != 0)
		return fault_set(fault, "name", "name '%s' is that of the "
		    "DocType", name);
	return true;
}
