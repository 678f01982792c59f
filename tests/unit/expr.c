/* expr.c - conditions: what is understood, what it says, what is refused */

#include <stdio.h>
#include <string.h>

#include "model/model.h"

static const char doc[] = "{\"a\":1,\"b\":2.50,\"big\":12345678901234567891,"
    "\"s\":\"x\",\"e\":\"\",\"z\":0,\"n\":null,\"u\":\"\xce\xb1\","
    "\"q\":\"it's\",\"rows\":[{\"name\":\"r\"}],\"none\":[]}";

static const struct {
	const char	*text;
	int		 want;		/* 1 true, 0 false, -1 refused */
} cases[] = {
	{ "doc.a == 1", 1 },
	{ "doc.a == 1.0", 1 },
	{ "doc.a == '1'", 0 },
	{ "doc.a != '1'", 1 },
	{ "doc.b >= 2.5 and doc.b < 3", 1 },
	{ "doc.b > 2.5", 0 },
	{ "doc.big > 12345678901234567890", 1 },
	{ "doc.big == 12345678901234567890", 0 },
	{ "doc.s == \"x\"", 1 },
	{ "doc.s == 'x' and doc.a == 2", 0 },
	{ "doc.s < 'y'", 1 },
	{ "doc.s < 3", 0 },
	{ "doc.n == None", 1 },
	{ "doc.n is None", 1 },
	{ "doc.s is not None", 1 },
	{ "doc.missing is None", 1 },
	{ "doc.missing > 3", 0 },
	{ "doc.s in ['w', 'x']", 1 },
	{ "doc.s in ('w',)", 0 },
	{ "doc.a in [1, 2]", 1 },
	{ "doc.s not in ['w', 'x']", 0 },
	{ "doc.s", 1 },
	{ "doc.e", 0 },
	{ "doc.z", 0 },
	{ "not doc.z", 1 },
	{ "not doc.s", 0 },
	{ "doc.rows", 1 },
	{ "doc.none", 0 },
	{ "doc.a == True", 1 },
	{ "doc.z == False", 1 },
	{ "doc.get('s') == 'x'", 1 },
	{ "doc[\"s\"] == 'x'", 1 },
	{ "doc.u == '\xce\xb1'", 1 },
	{ "doc.q == 'it\\'s'", 1 },
	{ "  doc.a==1  and\n doc.z==0 ", 1 },
	{ "", -1 },
	{ "doc", -1 },
	{ "doc.", -1 },
	{ "a == 1", -1 },
	{ "doc.a = 1", -1 },
	{ "doc.a == ", -1 },
	{ "doc.a == 1 or doc.z", -1 },
	{ "doc.a == 1 and", -1 },
	{ "doc.s == 'x", -1 },
	{ "doc.s == x", -1 },
	{ "doc.a == 1e", -1 },
	{ "doc.s in 'x'", -1 },
	{ "doc.s in ['x'", -1 },
	{ "doc.s is 'x'", -1 },
	{ "doc.a == 1; import os", -1 },
	{ "__import__('os')", -1 },
	{ "doc.android == 1", 0 },
};

int
main(void)
{
	struct arena a;
	struct fault fault;
	yyjson_mut_doc *m;
	yyjson_mut_val *body;
	struct expr *e;
	size_t i, n = sizeof(cases) / sizeof(*cases);
	int got, failed = 0;

	arena_init(&a);
	m = yyjson_mut_doc_new(&a.alc);
	body = yyjson_val_mut_copy(m, yyjson_doc_get_root(json_parse_own(&a,
	    doc, strlen(doc))));
	printf("1..%zu\n", n);
	for (i = 0; i < n; i++) {
		e = expr_parse(cases[i].text, &fault);
		got = e == NULL ? -1 : expr_true(e, body);
		expr_free(e);
		failed += got != cases[i].want;
		printf("%sok %zu - %s\n", got == cases[i].want ? "" : "not ",
		    i + 1, safe(cases[i].text));
	}
	arena_free(&a);
	return failed != 0;
}
