/* jq - tests of what src/base/jq.c says that programs read: "jq [SEED]" */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { PROGRAMS = 400, BATCH = 50, DOCUMENTS = 10, FIELDS = 16 };

static struct arena mem;
static int failed, count;

static void	 ok(bool, const char *, ...)
		    __attribute__((format(printf, 2, 3)));

static void
ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	failed += !good;
}

/* ---- one after the other: * is all */

struct known {
	const char	*program, *fields;
};

static const struct known known[] = {
	{ ".docstatus == 0 and .grand_total > 0", "docstatus grand_total" },
	{ ".a", "a" },
	{ ".a?", "a" },
	{ "-.a", "a" },
	{ ".a, .b, .a", "a b" },
	{ ".a.b", "a b" },
	{ ".a?.b?", "a b" },
	{ ".a .b", "a b" },
	{ ".a[0]", "a" },
	{ ".a[.b]", "a b" },
	{ ".a[.b | length]", "a b" },
	{ ".a[.b:.c]", "a b c" },
	{ ".a[.b | length:.c]", "a b c" },
	{ ".a[.b | length:.c | length].d", "a b c d" },
	{ ".a[][]?", "a" },
	{ ".a | .b", "a" },
	{ ".a | .", "a" },
	{ ".a | length", "a" },
	{ ".a | .. | .b", "a" },
	{ ".a | .b, .c", "a" },
	{ ".a | .b // .c", "a" },
	{ ".a | .b |= 1", "a" },
	{ ".a | del(.b)", "a" },
	{ ".a | map(.b)?", "a" },
	{ ".a | @json", "a" },
	{ "(.a | .b), .c", "a c" },
	{ "(.a | .b).c, .d", "a c d" },
	{ "[.a | .b, .c], .d", "a d" },
	{ "(.a | (.b)) == .c", "a c" },
	{ ".a // empty | . + 0", "a" },
	{ ".a // .b", "a b" },
	{ ".a == .b", "a b" },
	{ ".a != .b or .c <= .d or .e >= .f", "a b c d e f" },
	{ ".a==.b,.c<=.d", "a b c d" },
	{ ".a |= 1", "*" },
	{ ".a|=1", "*" },
	{ ".a += .b", "*" },
	{ ".a -= .b", "*" },
	{ ".a *= .b", "*" },
	{ ".a /= .b", "*" },
	{ ".a %= .b", "*" },
	{ ".a //= .b", "*" },
	{ ".a = .b", "*" },
	{ "(.a = .b) | .c", "*" },
	{ "if .a then .b else .c end", "a b c" },
	{ "if .a | not then .b | length else .c end, .d", "a b c d" },
	{ "if .a | .x then .b | .x elif .c | .x then .d | .x else .e end",
	    "a b c d e" },
	{ ".a | if .x then .y else .z end", "a" },
	{ "(if .a | .x then 1 else 2 | .x end), .b", "a b" },
	{ "if .a then .b else .c | .x end, .d", "a b c d" },
	{ "if .a then . else .b end", "*" },
	{ "if (.a | .b) then (if .c | .x then 1 else .d end) else .e end",
	    "a c d e" },
	{ "{a}", "a" },
	{ "{a, b: .c}", "a c" },
	{ "{a: .b | .c, d: .e}", "b e" },
	{ "{a: .b | .c, d}", "b d" },
	{ "{a: .b | {c}, d}", "b d" },
	{ "{a: {b, c: (.d | .e)}, f}", "b d f" },
	{ "{(.a): .b}", "a b" },
	{ "{(.a | tostring): .b | .c, d}", "a b d" },
	{ "{a: \"x\"}", "" },
	{ "{\"a\": .b}", "*" },
	{ "{\"a\"}", "*" },
	{ "{b, \"a\"}", "*" },
	{ "{@base64 \"a\": 1}", "*" },
	{ ".a | {\"b\", @base64 \"c\": .d}", "a" },
	{ "{if: 1, end: .a, then: .b | .x}", "a b" },
	{ "\"x\"", "" },
	{ "\"\\(.a) \\(.b | .c) \\(.d)\"", "a b d" },
	{ "\"\\\\(.a)\"", "" },
	{ "\"\\(\"\\(.a | .b)\\(.c)\")\"", "a c" },
	{ ".a | \"\\(.b)\"", "a" },
	{ "1, 2.5e3, -1, true, false, null, nan, infinite, now, empty", "" },
	{ "[]", "" },
	{ "[.a, {}]", "a" },
	{ ".", "*" },
	{ "..", "*" },
	{ ".[]", "*" },
	{ ".[\"a\"]", "*" },
	{ ".[\"a\"].b", "*" },
	{ ".\"a\"", "*" },
	{ ".a.\"b\"", "*" },
	{ ".5", "*" },
	{ "@json", "*" },
	{ "@base64 \"\\(.a)\"", "*" },
	{ "not", "*" },
	{ "length", "*" },
	{ "keys", "*" },
	{ "to_entries", "*" },
	{ "has(\"a\")", "*" },
	{ "select(.a)", "*" },
	{ "[.a, tojson]", "*" },
	{ ".a + (length)", "*" },
	{ ".a[length]", "*" },
	{ "\"\\(length)\"", "*" },
	{ "{a: length}", "*" },
	{ "{a: .b | length, c: length}", "*" },
	{ "if .a | length then length else 1 end", "*" },
	{ ".a[.b | length:length]", "*" },
	{ "limit(1; .a)", "*" },
	{ "first(.a, .b)", "*" },
	{ "any(.a[]; .b)", "*" },
	{ "path(.a)", "*" },
	{ "getpath([\"a\"])", "*" },
	{ "try .a catch .b", "*" },
	{ "error", "*" },
	{ ".a as $x | .b", "*" },
	{ ".a | (.b as $x | .c)", "*" },
	{ "(.a | . as {b: $x} | $x), .c", "*" },
	{ "reduce .a[]? as $x (0; . + 1)", "*" },
	{ "foreach .a[]? as $x (0; . + 1; .)", "*" },
	{ ".a | limit(1; .b, .c)", "a" },
	{ ".a | any(.[]?; .b | .c)", "a" },
	{ "[.a | limit(.b | length; .c)?], .d", "a d" },
	{ "[.a, .b, .c, .d, .e, .f, .g, .h, .i, .j, .k, .l, .m, .n, .o, .p]",
	    "a b c d e f g h i j k l m n o p" },
	{ "[.a, .b, .c, .d, .e, .f, .g, .h, .i, .j, .k, .l, .m, .n, .o, .p, .q]",
	    "*" },
};

/* That newer ones understand. */
static const struct known newer[] = {
	{ "if .a then .b end", "*" },
	{ "if .a then .b elif .c then .d end", "*" },
	{ ".a | if .b then .c end", "a" },
	{ "{a: if .b | .x then .c else .d end, e}", "b c d e" },
	{ "{a: if .b, c, d then 1 else 2 end}", NULL },
	{ "{a: if 1 then 2, env, 3 else 4 end}", NULL },
	{ "{a: .b == .c | .x, d: .e + .f}", "b c e f" },
	{ "{if, a}", "if a" },
	{ ".a.[0]", "*" },
	{ ".a.[.b]", "*" },
	{ "[.a, $it]", "*" },
	{ ".a | $it", "*" },
	{ "if .a", NULL },
	{ "end", NULL },
	{ "(if .a) then", NULL },
	{ "if .a then (1 else 2) end", NULL },
};

static const char *
fields_of(const struct jq *jq)
{
	const char *names[FIELDS];
	int i, n = prog_fields(jq, names, FIELDS);
	char *text = "";

	for (i = 0; i < n; i++)
		text = arena_printf(&mem, "%s%s%s", text, i == 0 ? "" : " ",
		    names[i]);
	return n == -1 ? "*" : text;
}

static void
reads(const struct known *k)
{
	char why[JQ_WHY];
	struct jq *jq = prog_open(k->program, why);
	const char *got = jq == NULL ? "refused" : fields_of(jq);

	ok(strcmp(got, k->fields == NULL ? "refused" : k->fields) == 0, "%s",
	    k->program);
	if (strcmp(got, k->fields == NULL ? "refused" : k->fields) != 0)
		printf("# %s\n", jq == NULL ? why : got);
	prog_close(jq);
	arena_reset(&mem);
}

/* ---- random documents, the whole of them and their part */

static uint64_t state;

static unsigned
rnd(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 33) % n;
}

static const char *const names[] = { "a", "b", "c", "d", "e", "f" };

static const char *
name(void)
{
	return names[rnd(sizeof(names) / sizeof(*names))];
}

static void
random_object(struct buf *, int depth);

static void
random_value(struct buf *b, int depth)
{
	static const char *const plain[] = { "null", "true", "false", "0", "1",
	    "2.50", "-3", "\"\"", "\"a\"", "\"b c\"", "[]", "[1,2,3,4]" };
	unsigned i, n = depth == 0 ? 0 : rnd(4);

	if (n < 2)
		buf_puts(b, plain[rnd(sizeof(plain) / sizeof(*plain))]);
	else if (n == 2)
		random_object(b, depth - 1);
	else {
		buf_puts(b, "[");
		for (i = 0, n = 1 + rnd(3); i < n; i++) {
			buf_puts(b, i == 0 ? "" : ",");
			random_value(b, depth - 1);
		}
		buf_puts(b, "]");
	}
}

static void
random_object(struct buf *b, int depth)
{
	const char *sep = "";
	size_t i;

	buf_puts(b, "{");
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (rnd(6) > 0) {
			buf_printf(b, "%s\"%s\":", sep, names[i]);
			random_value(b, depth);
			sep = ",";
		}
	buf_puts(b, "}");
}

static const char *
part_of(const struct jq *jq, const char *whole)
{
	const char *fields[FIELDS], *why;
	int i, n = prog_fields(jq, fields, FIELDS);
	yyjson_mut_doc *m = yyjson_mut_doc_new(&mem.alc);
	yyjson_mut_val *part = yyjson_mut_obj(m);
	yyjson_val *v, *doc = yyjson_doc_get_root(json_parse(&mem, whole,
	    strlen(whole), &why));

	for (i = 0; i < n; i++)
		if ((v = yyjson_obj_get(doc, fields[i])) != NULL)
			yyjson_mut_obj_add_val(m, part, fields[i],
			    yyjson_val_mut_copy(m, v));
	return json_mut_text(&mem, part, NULL);
}

/* What comes of it: a value, nothing, or an error; NULL: it cannot be asked. */
static const char *
said(const struct jq *jq, const char *json)
{
	char why[JQ_WHY];
	const char *value;
	size_t len;

	switch (prog_ask(jq, json, strlen(json), &value, &len, why)) {
	case JQ_DONE:
		return value == NULL ? "nothing" :
		    arena_dup(&mem, value, len);
	case JQ_RAISED:
		return arena_printf(&mem, "error: %s", why);
	default:
		printf("# %s\n", why);
		return NULL;
	}
}

static bool
same(const struct jq *jq, const char *program)
{
	struct buf b = { 0 };
	const char *of_whole, *of_part;
	bool good;

	random_object(&b, 3);
	of_whole = said(jq, b.p);
	of_part = said(jq, part_of(jq, b.p));
	good = of_whole != NULL && of_part != NULL &&
	    strcmp(of_whole, of_part) == 0;
	if (!good)
		printf("# %s\n# reads %s\n# of %s\n# %s\n# of the part\n# %s\n",
		    program, fields_of(jq), b.p, of_whole == NULL ? "" :
		    of_whole, of_part == NULL ? "" : of_part);
	buf_free(&b);
	arena_reset(&mem);
	return good;
}

/* ---- random programs: behind a | they do with their input what they like */

static void	 expression(struct buf *, int depth, bool behind);

static void
around(struct buf *b, const char *open, int depth, bool behind,
    const char *close)
{
	buf_puts(b, open);
	expression(b, depth, behind);
	buf_puts(b, close);
}

static void
path(struct buf *b, int depth, bool behind)
{
	buf_printf(b, ".%s", name());
	switch (depth == 0 ? rnd(3) : rnd(8)) {
	case 1:
		buf_puts(b, "?");
		break;
	case 2:
		buf_printf(b, ".%s?", name());
		break;
	case 3:
		buf_printf(b, "[]?.%s?", name());
		break;
	case 4:
		around(b, "[", depth - 1, behind, "]?");
		break;
	case 5:
		around(b, "[", depth - 1, behind, ":");
		around(b, "", depth - 1, behind, "]?");
		break;
	}
}

static void	 operand(struct buf *, int depth, bool behind);

static void
value(struct buf *b, int depth, bool behind)
{
	operand(b, depth, behind);
	while (rnd(3) == 0) {
		buf_puts(b, " | ");
		operand(b, depth, true);
	}
}

static void
object(struct buf *b, int depth, bool behind)
{
	unsigned n = 1 + rnd(3);

	for (buf_puts(b, "{"); n > 0; n--) {
		switch (rnd(behind ? 5 : 3)) {
		case 0:
			buf_puts(b, name());
			break;
		case 1:
			around(b, "(", depth, behind, " | tostring): ");
			value(b, depth, behind);
			break;
		case 2:
			buf_printf(b, "%s: ", name());
			value(b, depth, behind);
			break;
		case 3:
			buf_printf(b, "\"%s\"", name());
			break;
		default:
			around(b, "\"\\(", depth, behind, ")\": ");
			value(b, depth, behind);
		}
		buf_puts(b, n == 1 ? "}" : ", ");
	}
}

static void
call(struct buf *b, int depth, bool behind)
{
	static const char *const bare[] = { ".", "..", ".[]?", "length", "keys",
	    "not", "type", "tojson", "tostring", "to_entries", "@json",
	    ".\"a\"", "(now | type)" };
	static const char *const one[] = { "map(", "select(", "first(",
	    "path(", "[paths(", "IN(", "sort_by(", "isempty(", "error(",
	    "@text \"\\(" };
	static const char *const two[] = { "any(", "all(", "limit(", "IN(" };
	unsigned n = rnd(3);

	if (n == 0 || depth == 0) {
		buf_puts(b, bare[rnd(sizeof(bare) / sizeof(*bare))]);
		return;
	}
	n = n == 1 ? rnd(sizeof(one) / sizeof(*one)) :
	    sizeof(one) / sizeof(*one) + rnd(sizeof(two) / sizeof(*two));
	if (n < sizeof(one) / sizeof(*one)) {
		around(b, one[n], depth - 1, behind, *one[n] == '[' ? ")]" :
		    *one[n] == '@' ? ")\"" : ")");
		return;
	}
	around(b, two[n - sizeof(one) / sizeof(*one)], depth - 1, behind, "; ");
	around(b, "", depth - 1, behind, ")");
}

static void
binding(struct buf *b, int depth, bool behind)
{
	static const char *const updates[] = { "=", "|=", "+=", "//=" };

	switch (rnd(4)) {
	case 0:
		around(b, "((", depth, behind, ") as $x | $x, ");
		around(b, "", depth, behind, ")");
		break;
	case 1:
		around(b, "(reduce (", depth, behind, ") as $x (");
		around(b, "", depth, behind, "; . + $x))");
		break;
	case 2:
		around(b, "(try (", depth, behind, ") catch (");
		around(b, "", depth, behind, "))");
		break;
	default:
		buf_printf(b, "(.%s %s ", name(), updates[rnd(4)]);
		around(b, "(", depth, behind, "))");
	}
}

static void
operand(struct buf *b, int depth, bool behind)
{
	static const char *const constants[] = { "0", "1", "2.5", "\"a\"", "true",
	    "false", "null", "empty", "[]", "{}" };
	unsigned n = rnd(depth == 0 ? 4 : 10);

	if (rnd(behind ? 3 : 25) == 0)
		(rnd(3) > 0 ? call : binding)(b, depth == 0 ? 0 : depth - 1,
		    behind);
	else if (n < 3)
		path(b, depth, behind);
	else if (n == 3)
		buf_puts(b, constants[rnd(sizeof(constants) /
		    sizeof(*constants))]);
	else if (n == 4)
		around(b, "\"x\\(", depth - 1, behind, ")\"");
	else if (n == 5)
		around(b, "[", depth - 1, behind, "]");
	else if (n < 8)
		around(b, "(", depth - 1, behind, ")");
	else
		object(b, depth - 1, behind);
}

static void
branches(struct buf *b, int depth, bool behind)
{
	around(b, "if ", depth, behind, " then ");
	expression(b, depth, behind);
	if (rnd(2) == 0) {
		around(b, " elif ", depth, behind, " then ");
		expression(b, depth, behind);
	}
	around(b, " else ", depth, behind, " end");
}

static void
expression(struct buf *b, int depth, bool behind)
{
	static const char *const loose[] = { " | ", " | ", " | ", ", ", " // ",
	    " and ", " or " };
	static const char *const close[] = { " == ", " != ", " < ", "<=", " >= ",
	    " + ", " - ", " * ", ">" };
	unsigned n = rnd(depth == 0 ? 3 : 8);

	if (n < 2)
		operand(b, depth, behind);
	else if (n == 2) {
		operand(b, depth, behind);
		buf_puts(b, close[rnd(sizeof(close) / sizeof(*close))]);
		operand(b, depth, behind);
	} else if (n == 3)
		branches(b, depth - 1, behind);
	else {
		n = rnd(sizeof(loose) / sizeof(*loose));
		around(b, "", depth - 1, behind, loose[n]);
		expression(b, depth - 1, behind || n < 3);
	}
}

/* ---- both */

struct batch {
	struct jq	*jq[BATCH];
	char		*text[BATCH];
	size_t		 n;
};

static bool
ask_batch(struct batch *t)
{
	bool good = true;
	size_t i;
	int k;

	for (i = 0; i < t->n; i++)
		for (k = 0; k < DOCUMENTS && good; k++)
			good = same(t->jq[i], t->text[i]);
	for (i = 0; i < t->n; i++) {
		prog_close(t->jq[i]);
		free(t->text[i]);
	}
	t->n = 0;
	return good;
}

/* False if it reads all, or not known what. */
static bool
add(struct batch *t, const char *text)
{
	char why[JQ_WHY];
	const char *fields[FIELDS];
	struct jq *jq = prog_open(text, why);

	if (jq == NULL) {
		ok(false, "%s: %s", text, why);
		return false;
	}
	if (prog_fields(jq, fields, FIELDS) == -1) {
		prog_close(jq);
		return false;
	}
	t->jq[t->n] = jq;
	t->text[t->n++] = xstrdup(text);
	return true;
}

static void
rounds(uint64_t seed)
{
	struct batch t = { .n = 0 };
	struct buf b = { 0 };
	bool good = true;
	size_t i, tried = 0, asked = 0;

	state = (seed + 1) * 0x9e3779b97f4a7c15;
	for (i = 0; i < sizeof(known) / sizeof(*known) && good; i++) {
		asked += add(&t, known[i].program);
		if (t.n == BATCH)
			good = ask_batch(&t);
	}
	while (asked < PROGRAMS && good && ++tried < 20 * PROGRAMS) {
		b.len = 0;
		expression(&b, 4, false);
		asked += add(&t, b.p);
		if (t.n == BATCH)
			good = ask_batch(&t);
	}
	good = ask_batch(&t) && good;
	ok(good, "asked of their fields alone they say the same");
	ok(asked == PROGRAMS, "%zu programs that name their fields", asked);
	if (!good || asked < PROGRAMS)
		printf("# seed %ju\n", (uintmax_t)seed);
	buf_free(&b);
}

int
main(int argc, char *argv[])
{
	size_t i;

	arena_init(&mem);
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		reads(&known[i]);
	for (i = 0; i < sizeof(newer) / sizeof(*newer); i++)
		reads(&newer[i]);
	rounds(argc > 1 ? strtoull(argv[1], NULL, 10) : 0);
	printf("1..%d\n", count);
	arena_free(&mem);
	return failed > 0;
}
