/* naming.c - the names of new documents */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/model.h"

static struct arena mem;
static int tests, failed;

static void
ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failed += !good;
}

static void
is(const char *got, const char *want, const char *name)
{
	ok(strcmp(got, want) == 0, name);
	if (strcmp(got, want) != 0)
		printf("# got:  %s\n# want: %s\n", got, want);
}

/* ---- JSON, written with ' for " */

static yyjson_val *
parse(const char *s)
{
	char *p, *text = arena_dup(&mem, s, strlen(s));
	const char *why;
	yyjson_doc *doc;

	for (p = text; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	doc = json_parse(&mem, text, strlen(text), &why);
	if (doc == NULL) {
		printf("Bail out! %s: %s\n", why, s);
		exit(1);
	}
	return yyjson_doc_get_root(doc);
}

/* ---- a site: names that are taken, counters */

static const char *taken[4];
static bool broken;
static struct counter {
	char	*key;
	int64_t	 n;
} counters[32];

static bool
exists(void *arg, const char *doctype, const char *name)
{
	size_t i;

	(void)arg;
	(void)doctype;
	for (i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (taken[i] != NULL && strcmp(taken[i], name) == 0)
			return true;
	return false;
}

static struct counter *
find_counter(const char *key)
{
	struct counter *c = counters;

	while (c->key != NULL && strcmp(c->key, key) != 0)
		c++;
	return c;
}

static int64_t
next(void *arg, const char *key)
{
	struct counter *c = find_counter(key);

	(void)arg;
	if (broken)
		return -1;
	if (c->key == NULL)
		c->key = xstrdup(key);
	return ++c->n;
}

/* Y-1 is amended from Y, Z-x from Z. */
static const char *
value(void *arg, const char *doctype, const char *name, const char *field)
{
	(void)arg;
	(void)doctype;
	if (strcmp(field, "amended_from") != 0)
		return NULL;
	return strcmp(name, "Y-1") == 0 || strcmp(name, "Y-09") == 0 ? "Y" :
	    strcmp(name, "Z-x") == 0 ? "Z" : NULL;
}

static const struct lookup look = {
	.exists = exists, .counter = next, .value = value,
};

/* ---- */

static const char *fields = "'fields':["
    "{'fieldname':'title','fieldtype':'Data'},"
    "{'fieldname':'n','fieldtype':'Int'},"
    "{'fieldname':'amended_from','fieldtype':'Link','options':'Item'},"
    "{'fieldname':'naming_series','fieldtype':'Select','options':"
    "'\\n INV-.YYYY.- \\nB-'}]";

/* 2026-12-31 22:30:05.25 UTC, which is the new year in the test's zone. */
static int64_t now = INT64_C(1798756205250000);

/* The name, or what is wrong with it. */
static const char *
named_by(const char *properties, const char *doc)
{
	yyjson_mut_doc *d = yyjson_mut_doc_new(&mem.alc);
	struct fault fault;
	struct meta *m = meta_new(parse(arena_printf(&mem,
	    "{'name':'Item',%s,%s}", properties, fields)), NULL, 0, NULL, 0,
	    &fault);
	char *name;

	if (m == NULL) {
		printf("Bail out! %s\n", fault.text);
		exit(1);
	}
	name = name_new(&mem, m, yyjson_val_mut_copy(d, parse(doc)), now,
	    &look, &fault);
	meta_free(m);
	return name != NULL ? name : arena_printf(&mem, "%s: %s", fault.code,
	    fault.text);
}

static const char *
named(const char *autoname, const char *doc)
{
	return named_by(arena_printf(&mem, "'autoname':'%s'", autoname), doc);
}

static bool
is_hash(const char *s)
{
	return strlen(s) == 10 && strspn(s, "0123456789abcdef") == 10;
}

static void
test_rules(void)
{
	const char *one;

	one = named("hash", "{'name':'given'}");
	ok(is_hash(one), "hash: ten hex digits, a posted name is not taken");
	ok(strcmp(one, named("hash", "{}")) != 0, "hash: another each time");
	ok(is_hash(named("eval:doc.title", "{}")), "anything else: hash");
	is(named("field:title", "{'title':' A b '}"), "A b",
	    "field: its value, trimmed");
	is(named("field:n", "{'n':1.50}"), "1.50", "field: a number");
	is(named("field:title", "{'title':' '}"),
	    "reqd: 'title' is required, as it gives the name",
	    "field: it is needed");
	taken[0] = "A";
	is(named("field:title", "{'title':'A'}"), "A",
	    "field: a name that is taken is not ours to see");
	taken[0] = NULL;
	is(named("Prompt", "{'name':' A '}"), "A", "Prompt: the posted name");
	is(named("prompt", "{}"), "reqd: Item needs a name",
	    "Prompt: it is needed");
	is(named_by("'issingle':1", "{}"), "Item", "a Single: its DocType's");
	is(named("autoincrement", "{}"), "1", "autoincrement");
	is(named("autoincrement", "{'amended_from':'X'}"), "2",
	    "autoincrement: before amended_from");
	ok(find_counter("autoincrement:Item")->n == 2,
	    "autoincrement: a counter for the DocType");
}

static void
test_amended(void)
{
	is(named("hash", "{'amended_from':'X'}"), "X-1", "amended: -1");
	is(named("hash", "{'amended_from':'INV-0001'}"), "INV-0001-1",
	    "amended: -1 though it ends in a number");
	is(named("hash", "{'amended_from':'Y-1'}"), "Y-2",
	    "amended: one more if it was amended itself");
	is(named("hash", "{'amended_from':'Y-09'}"), "Y-10",
	    "amended: the number is decimal");
	is(named("hash", "{'amended_from':'Z-x'}"), "Z-x-1",
	    "amended: unless that is no number");
	is(named("Prompt", "{'amended_from':'X','name':'N'}"), "X-1",
	    "amended: before Prompt");
}

static void
test_series(void)
{
	is(named("naming_series:", "{'naming_series':'S-'}"), "S-00001",
	    "naming_series: five digits");
	is(named("naming_series:", "{'naming_series':'S-.###'}"), "S-002",
	    "naming_series: its own digits, the same counter");
	is(named("naming_series:", "{}"), "INV-2027-00001",
	    "naming_series: the first option that is not empty");
	is(named_by("'allow_rename':1", "{}"), "INV-2027-00002",
	    "naming_series: if nothing else is said");
	is(named("naming_series:", "{'naming_series':'a:b'}"), "name: naming "
	    "series 'a:b.#####' has other characters than letters, digits, "
	    "blanks and - _ / . # { }", "naming_series: v14's characters");
	is(named("naming_series:", "{'naming_series':'Ü/'}"), "Ü/00001",
	    "naming_series: letters of any script");
	find_counter("S-")->n = 99998;
	is(named("naming_series:", "{'naming_series':'S-'}"), "S-99999",
	    "a counter as wide as its digits");
	is(named("naming_series:", "{'naming_series':'S-'}"), "S-100000",
	    "a counter wider than its digits");
	taken[0] = "S-100001";
	taken[1] = "S-100002";
	is(named("naming_series:", "{'naming_series':'S-'}"), "S-100003",
	    "a counter goes on until a name is free");
	taken[0] = taken[1] = NULL;
	broken = true;
	is(named("naming_series:", "{'naming_series':'S-'}"),
	    "name: cannot count 'S-'", "a counter that fails");
	broken = false;
}

static void
test_expression(void)
{
	is(named("PRE-.YYYY.-.####", "{}"), "PRE-2027-0001",
	    "the key has what was built so far");
	ok(find_counter("PRE-2027-")->n == 1, "… and nothing else");
	is(named("P.YY.MM.DD.-.##", "{}"), "P270101-01",
	    "dates are of the local zone");
	is(named("W.WW.-.#", "{}"), "W00-1",
	    "early January in the last week is week 00");
	now = INT64_C(1767182400000000);
	is(named("W.WW.-.#", "{}"), "W53-1",
	    "late December in the first week is week 53");
	now = INT64_C(1798756205250000);
	is(named("T.timestamp.-.#", "{}"), "T2027-01-01 00:30:05.250000-1",
	    "timestamp");
	is(named("A.#.-.###.B", "{}"), "A1-B", "one counter only");
	is(named("{title}.-.##", "{'title':'x y'}"), "x y-01",
	    "a field in braces");
	is(named("title.-.##", "{'title':'x y'}"), "x y-02",
	    "a field by its name; one prefix, one counter");
	is(named("n.-.##", "{'n':7}"), "7-01", "a number");
	is(named("{title}.-.##", "{'title':''}"), "{title}-01",
	    "an empty field: the part as it is");
	is(named("lit..-.##", "{}"), "lit-01", "empty parts add nothing");
	is(named("ABC####", "{}"), "name: naming series 'ABC####' has no dot "
	    "before its number", "an expression has a dot");
}

static void
test_format(void)
{
	is(named("format:ZF-{title}-{####}", "{'title':'x'}"), "ZF-x-0001",
	    "format: fields and a counter");
	is(named("format:ZG-{YYYY}-{####}", "{}"), "ZG-2027-0002",
	    "format: all share the counter of the empty key");
	is(named("format:{##}/{##}", "{}"), "03/04",
	    "format: each part counts");
	is(named("format:{a.b} {x-y}{} {title}", "{}"),
	    "{a.b} {x-y}{} title",
	    "format: other braces and empty fields are text");
	is(named("format:{title}", "{'title':'fixed'}"), "fixed",
	    "format: without a counter");
	ok(find_counter("")->n == 4, "format: no counter is used for nothing");
	taken[0] = "F5";
	is(named("format:F{#}", "{}"), "F6",
	    "format: goes on until a name is free");
	taken[0] = "fixed";
	is(named("format:{title}", "{'title':'fixed'}"), "fixed",
	    "format: unless it has no counter");
	taken[0] = NULL;
}

static const char *
checked(const char *name)
{
	struct fault fault;
	struct meta *m = meta_new(parse("{'name':'Item','fields':[]}"), NULL,
	    0, NULL, 0, &fault);
	bool good = name_check(m, name, &fault);

	meta_free(m);
	return good ? "fine" : arena_printf(&mem, "%s", fault.text);
}

static void
test_check(void)
{
	char s[300];

	is(checked("A/b: 'ü' %#?"), "fine", "names may have most characters");
	is(checked(""), "a name cannot be empty", "not empty");
	is(checked("a<b"), "name 'a<b' has a < or >", "no < >");
	is(checked(" a"), "name ' a' starts or ends with a blank",
	    "no blank at its ends");
	is(checked("a\nb"), "name 'a\nb' has characters that do not print",
	    "no control characters");
	ok(strcmp(checked("a\xff"), "fine") != 0, "UTF-8");
	is(checked("New Item 1"), "name 'New Item 1' starts with 'New Item'",
	    "not New Item");
	is(checked("New Things"), "fine", "New of something else");
	is(checked("Item"), "name 'Item' is that of the DocType",
	    "not the DocType's");
	memset(s, 'a', sizeof(s));
	strcpy(s + 139, "ü");
	is(checked(s), "fine", "140 characters");
	strcpy(s + 139, "üa");
	is(checked(s), "a name of 141 characters is too long, 140 are allowed",
	    "not 141");
	is(named("field:title", "{'title':'a<b'}"),
	    "name: name 'a<b' has a < or >", "new names are checked too");
	is(named("field:title", "{'title':'a\\u0000b'}"),
	    "name: a name cannot have a NUL", "no NUL");
}

int
main(void)
{
	struct counter *c;

	setenv("TZ", "CET-2", 1);
	tzset();
	arena_init(&mem);
	test_rules();
	test_amended();
	test_series();
	test_expression();
	test_format();
	test_check();
	printf("1..%d\n", tests);
	for (c = counters; c->key != NULL; c++)
		free(c->key);
	arena_free(&mem);
	return failed != 0;
}
