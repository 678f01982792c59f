/* expr.c - expressions: what they say is what Python says, what is refused is
 * marked at its place; from data/expressions.ndjson, which expressions.py made */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

static int count, failed;

static void
ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, safe(what));
	failed += !good;
}

/* ---- the site that is asked: one customer, one setting */

static bool
is_text(yyjson_mut_val *v, const char *s)
{
	return yyjson_mut_equals_str(v, s);
}

static bool
value(void *arg, struct expr_ask *q, const char *doctype,
    yyjson_mut_val *filter, const char *field, yyjson_mut_val **v)
{
	(void)arg;
	*v = NULL;
	if (strcmp(doctype, "1") == 0)
		return fault_set(&q->fault, "type", "no DocType");
	if (strcmp(doctype, "Global Defaults") == 0 && json_is_null(filter) &&
	    strcmp(field, "country") == 0)
		*v = yyjson_mut_str(q->m, "India");
	else if (strcmp(doctype, "Customer") == 0 && (is_text(filter, "Ann") ||
	    is_text(yyjson_mut_obj_get(filter, "tax_id"), "T1")))
		*v = strcmp(field, "limit") == 0 ?
		    json_new_raw(q->m, "500", 3) : yyjson_mut_str(q->m,
		    strcmp(field, "tax_id") == 0 ? "T1" : "Ann");
	return true;
}

static bool
number(void *arg, struct expr_ask *q, const char *doctype,
    yyjson_mut_val *filter, int64_t *n)
{
	(void)arg, (void)doctype;
	*n = json_is_null(filter) ? 2 :
	    is_text(yyjson_mut_obj_get(filter, "tax_id"), "T1");
	return q->failed == false;
}

static const struct expr_site site = { NULL, value, number };

/* ---- */

/* The value as text, "raises", or "at 12" where it was refused. */
static char *
said(struct arena *a, const char *text, yyjson_mut_val *doc)
{
	struct fault fault;
	struct expr *e = expr_parse(text, &fault);
	struct expr_ask q = { .a = a, .m = yyjson_mut_doc_new(&a->alc),
	    .doc = doc, .site = &site };
	yyjson_mut_val *v;
	char *at;

	if (e == NULL) {
		at = strstr(fault.text, " at ");
		return arena_printf(a, "at %ld", at == NULL ? -1 :
		    strtol(at + 4, NULL, 10));
	}
	v = expr_value(e, &q);
	expr_free(e);
	return v == NULL ? q.failed ? "failed" : "raises" :
	    json_mut_text(a, v, NULL);
}

static char *
wanted(struct arena *a, yyjson_val *line)
{
	yyjson_val *at = yyjson_obj_get(line, "at");

	if (at != NULL)
		return arena_printf(a, "at %ld", (long)json_val_int(at, 0));
	if (yyjson_obj_get(line, "raises") != NULL)
		return "raises";
	return json_text(a, yyjson_obj_get(line, "value"), NULL);
}

static void
as_python(void)
{
	char *path = xprintf("%s/tests/data/expressions.ndjson",
	    getenv("ES_TOP") == NULL ? "." : getenv("ES_TOP"));
	FILE *fp = fopen(path, "r");
	yyjson_mut_doc *m;
	yyjson_mut_val *doc = NULL;
	yyjson_val *v;
	struct arena first, a;
	char *line = NULL, *got, *want;
	size_t cap = 0;
	ssize_t len;

	arena_init(&first);
	arena_init(&a);
	ok(fp != NULL, "the expressions are there");
	while (fp != NULL && (len = getline(&line, &cap, fp)) > 0) {
		v = yyjson_doc_get_root(json_parse_own(doc == NULL ? &first :
		    &a, line, len));
		if (doc == NULL) {
			m = yyjson_mut_doc_new(&first.alc);
			doc = yyjson_val_mut_copy(m, v);
			continue;
		}
		got = said(&a, json_str(v, "text"), doc);
		want = wanted(&a, v);
		ok(strcmp(got, want) == 0, json_str(v, "text"));
		if (strcmp(got, want) != 0)
			printf("# got %s, wanted %s\n", safe(got), want);
		arena_reset(&a);
	}
	if (fp != NULL)
		fclose(fp);
	ok(count > 250, "there were many");
	free(line);
	free(path);
	arena_free(&first);
	arena_free(&a);
}

/* ---- what it says of a DocType's fields */

static struct meta *
invoice(struct arena *a)
{
	static const char text[] = "{\"name\":\"Invoice\",\"fields\":["
	    "{\"fieldname\":\"total\",\"fieldtype\":\"Currency\"},"
	    "{\"fieldname\":\"remark\",\"fieldtype\":\"Data\"}]}";
	struct fault fault;

	return meta_new(yyjson_doc_get_root(json_parse_own(a, text,
	    strlen(text))), NULL, 0, NULL, 0, &fault);
}

static void
bound(void)
{
	static const struct {
		const char	*text, *unbound, *bound;
	} cases[] = {
		{ "doc.total", "null", "0" },
		{ "doc.total == 0", "false", "true" },
		{ "doc.total < 5", "raises", "true" },
		{ "doc.docstatus == 0", "false", "true" },
		{ "doc.remark", "null", "null" },
		{ "doc.get('remark', 'x')", "\"x\"", "null" },
		{ "doc.get('total', 5)", "5", "0" },
		{ "doc.get('nosuch', 5)", "5", "5" },
	};
	struct arena a;
	struct expr *e;
	struct expr_ask q = { .a = &a };
	struct fault fault;
	struct meta *m;
	yyjson_mut_val *v;
	size_t i;
	int k;

	arena_init(&a);
	m = invoice(&a);
	q.m = yyjson_mut_doc_new(&a.alc);
	q.doc = yyjson_mut_obj(q.m);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (k = 0; k < 2; k++) {
			e = expr_parse(cases[i].text, &fault);
			if (k == 1)
				expr_bind(e, m);
			v = expr_value(e, &q);
			ok(strcmp(v == NULL ? "raises" : json_mut_text(&a, v,
			    NULL), k == 0 ? cases[i].unbound : cases[i].bound)
			    == 0, cases[i].text);
			expr_free(e);
		}
	meta_free(m);
	arena_free(&a);
}

/* ---- no expression takes for ever, or all memory */

static void
bounded(void)
{
	static const char big[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,"
	    "18,19,20]";
	char *text = xprintf("%s", "1"), *more;
	struct arena a;
	struct fault fault;
	int i;

	for (i = 0; i < 6; i++) {
		more = xprintf("sum(%s for v%d in %s)", text, i, big);
		free(text);
		text = more;
	}
	arena_init(&a);
	ok(strcmp(said(&a, text, NULL), "failed") == 0,
	    "64 million rounds are not gone");
	free(text);
	text = xcalloc(1, 20002);
	memset(text, '(', 20001);
	ok(expr_parse(text, &fault) == NULL, "20,000 brackets");
	text[400] = '\0';
	ok(expr_parse(text, &fault) == NULL, "400 brackets");
	memset(text, '-', 400);
	ok(expr_parse(text, &fault) == NULL, "400 signs");
	for (i = 0; i < 100; i++)
		memcpy(text + i * 4, "not ", 4);
	ok(expr_parse(text, &fault) == NULL, "not, 100 times");
	for (i = 0; i < 1200; i++)
		memcpy(text + i * 2, "1,", 2);
	*text = '[';
	text[2400] = '\0';
	ok(expr_parse(text, &fault) == NULL, "1,200 members");
	free(text);
	arena_free(&a);
}

int
main(void)
{
	as_python();
	bound();
	bounded();
	printf("1..%d\n", count);
	return failed != 0;
}
