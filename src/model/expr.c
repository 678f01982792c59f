/* expr.c - the part of Python that people write in conditions (DESIGN 8), read.
 * By hand: no library at hand reads Python's expressions. */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/expr.h"

enum { TEXT_MAX = 16 << 10, DEPTH_MAX = 60, KIDS_MAX = 1000 };

struct parser {
	struct expr	*e;
	const char	*text, *at;
	struct fault	*fault;
	int		 depth;
	bool		 of_value;	/* value is known, and not doc */
};

/* Kids while their number is not known. */
struct kids {
	struct node	**v;
	int		 n, cap;
	bool		 each;		/* it is one with a 'for' */
};

static struct node *expression(struct parser *);
static struct node *field(struct parser *, struct node *, const char *, size_t);
static struct node *disjunction(struct parser *);

static void *
fail(struct parser *p, const char *why)
{
	fault_set(p->fault, "condition", "%s not understood at %zu: %s; "
	    "near '%.20s'", p->of_value ? "expression" : "condition",
	    (size_t)(p->at - p->text) + 1, why, p->at);
	return NULL;
}

/* What stands further back is to blame. */
static void *
fail_at(struct parser *p, const char *at, const char *why)
{
	p->at = at;
	return fail(p, why);
}

/* ---- the tree */

static struct node *
node(struct parser *p, int type)
{
	struct node *n = arena_alloc(&p->e->mem, sizeof(*n));

	memset(n, 0, sizeof(*n));
	n->type = type;
	return n;
}

static bool
add(struct parser *p, struct kids *k, struct node *n)
{
	struct node **v;

	if (n == NULL)
		return false;
	if (k->n == KIDS_MAX)
		return fail(p, "it is too long") != NULL;
	if (k->n == k->cap) {
		v = arena_alloc(&p->e->mem, (k->cap * 2 + 4) * sizeof(*v));
		if (k->n > 0)
			memcpy(v, k->v, k->n * sizeof(*v));
		k->v = v;
		k->cap = k->cap * 2 + 4;
	}
	k->v[k->n++] = n;
	return true;
}

static struct node *
parent(struct parser *p, int type, const struct kids *k)
{
	struct node *n = node(p, type);

	n->kid = k->v;
	n->n = k->n;
	return n;
}

static struct node *
constant(struct parser *p, struct value v)
{
	struct node *n = node(p, N_CONST);

	n->k = v;
	return n;
}

/* ---- words and signs */

static void
blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' ||
	    *p->at == '\r')
		p->at++;
}

static size_t
name_length(const char *s)
{
	size_t n = 0;

	if (!isdigit((unsigned char)*s))
		while (isalnum((unsigned char)s[n]) || s[n] == '_')
			n++;
	return n;
}

static bool
is_word(struct parser *p, const char *w)
{
	blanks(p);
	return name_length(p->at) == strlen(w) &&
	    strncmp(p->at, w, strlen(w)) == 0;
}

static bool
word(struct parser *p, const char *w)
{
	if (!is_word(p, w))
		return false;
	p->at += strlen(w);
	return true;
}

static bool
sign(struct parser *p, const char *s)
{
	blanks(p);
	if (strncmp(p->at, s, strlen(s)) != 0)
		return false;
	p->at += strlen(s);
	return true;
}

static bool
need(struct parser *p, const char *s)
{
	static const char *const what[] = { ")", "a closing ) is expected",
	    "]", "a closing ] is expected", "}", "a closing } is expected",
	    ":", "a : is expected", "(", "a ( is expected",
	    ",", "a comma is expected", NULL };
	size_t i;

	if (sign(p, s))
		return true;
	for (i = 0; strcmp(what[i], s) != 0; i += 2)
		;
	return fail(p, what[i + 1]) != NULL;
}

/* ---- literals */

static int
hex(struct parser *p, int digits)
{
	int i, n = 0;

	for (i = 0; i < digits; i++, p->at++)
		if (isdigit((unsigned char)*p->at))
			n = n * 16 + *p->at - '0';
		else if (isxdigit((unsigned char)*p->at))
			n = n * 16 + tolower((unsigned char)*p->at) - 'a' + 10;
		else
			return -1;
	return n;
}

static void
add_utf8(struct buf *b, unsigned c)
{
	char s[4];

	if (c < 0x80)
		s[0] = c;
	else if (c < 0x800) {
		s[0] = 0xc0 | c >> 6;
		s[1] = 0x80 | (c & 0x3f);
	} else {
		s[0] = 0xe0 | c >> 12;
		s[1] = 0x80 | (c >> 6 & 0x3f);
		s[2] = 0x80 | (c & 0x3f);
	}
	buf_add(b, s, c < 0x80 ? 1 : c < 0x800 ? 2 : 3);
}

static bool
escape(struct parser *p, struct buf *b)
{
	static const char letters[] = "n\nt\tr\r\\\\'\'\"\"";
	const char *at = p->at - 1, *e;
	int c;

	if (*p->at == 'x' || *p->at == 'u') {
		c = hex(p, *p->at++ == 'x' ? 2 : 4);
		if (c <= 0 || (c >= 0xd800 && c < 0xe000))
			return fail_at(p, at, "an escape that is no character")
			    != NULL;
		add_utf8(b, c);
		return true;
	}
	if (*p->at == '\0' || (e = strchr(letters, *p->at)) == NULL ||
	    (e - letters) % 2 != 0)
		return fail_at(p, at, "an unknown escape") != NULL;
	buf_add(b, e + 1, 1);
	p->at++;
	return true;
}

static bool
quoted(struct parser *p, struct buf *b)
{
	const char *from = p->at;
	char quote = *p->at++;

	if (p->at[0] == quote && p->at[1] == quote)
		return fail_at(p, from, "three quotes are not understood")
		    != NULL;
	while (*p->at != quote) {
		if (*p->at == '\0' || *p->at == '\n')
			return fail_at(p, from, "the string does not end")
			    != NULL;
		if (*p->at++ != '\\')
			buf_add(b, p->at - 1, 1);
		else if (!escape(p, b))
			return false;
	}
	p->at++;
	return true;
}

/* Strings that follow one another are one. */
static struct node *
string(struct parser *p)
{
	struct buf b = { 0 };
	struct value v = { .type = V_STR };
	bool good = true;

	buf_add(&b, "", 0);
	while (good && (*p->at == '\'' || *p->at == '"')) {
		good = quoted(p, &b);
		blanks(p);
	}
	if (good) {
		v.len = b.len;
		v.s = arena_dup(&p->e->mem, b.p, b.len);
	}
	buf_free(&b);
	return good ? constant(p, v) : NULL;
}

static struct node *
number(struct parser *p)
{
	const char *s = p->at, *t;
	struct value v;
	size_t n;

	/* Python's 5. and .5 are JSON's 5.0 and 0.5. */
	n = strspn(s, "0123456789");
	if (n > 1 && *s == '0')
		return fail(p, "a number does not begin with 0");
	if (s[n] == '.')
		n += 1 + strspn(s + n + 1, "0123456789");
	if ((s[n] == 'e' || s[n] == 'E') && (isdigit((unsigned char)s[n + 1]) ||
	    ((s[n + 1] == '+' || s[n + 1] == '-') &&
	    isdigit((unsigned char)s[n + 2]))))
		n += 2 + strspn(s + n + 2, "0123456789");
	if (isalnum((unsigned char)s[n]) || s[n] == '_' || n > 300)
		return fail(p, "this is no number");
	p->at += n;
	t = arena_dup(&p->e->mem, s, n);
	if (strpbrk(t, ".eE") != NULL)
		v = (struct value){ .type = V_FLOAT, .f = strtod(t, NULL) };
	else {
		errno = 0;
		v = (struct value){ .type = V_INT, .i = strtoll(t, NULL, 10) };
		if (errno == ERANGE)
			v = (struct value){ .type = V_BIG, .len = n, .s = t };
	}
	return constant(p, v);
}

/* ---- calls */

static const struct function {
	const char	*name;
	enum call	 call;
	int		 min, max;	/* arguments */
} functions[] = {
	{ "len", C_LEN, 1, 1 },
	{ "str", C_STR, 1, 1 },
	{ "int", C_INT, 1, 1 },
	{ "float", C_FLOAT, 1, 1 },
	{ "sum", C_SUM, 1, 1 },
	{ "any", C_ANY, 1, 1 },
	{ "all", C_ALL, 1, 1 },
	{ "frappe.utils.nowdate", C_NOWDATE, 0, 0 },
	{ "frappe.utils.today", C_NOWDATE, 0, 0 },
	{ "frappe.utils.now", C_NOW, 0, 0 },
	{ "frappe.utils.getdate", C_GETDATE, 0, 1 },
	{ "frappe.utils.flt", C_FLT, 1, 2 },
	{ "frappe.utils.cint", C_CINT, 1, 1 },
	{ "frappe.utils.add_days", C_ADD_DAYS, 2, 2 },
	{ "frappe.db.get_value", C_GET_VALUE, 3, 3 },
	{ "frappe.db.exists", C_EXISTS, 1, 2 },
	{ "frappe.db.count", C_COUNT, 1, 2 },
}, methods[] = {
	{ "lower", C_LOWER, 0, 0 },
	{ "upper", C_UPPER, 0, 0 },
	{ "strip", C_STRIP, 0, 0 },
	{ "startswith", C_STARTSWITH, 1, 1 },
	{ "endswith", C_ENDSWITH, 1, 1 },
	{ "get", C_GET, 1, 2 },
};

static const struct function *
find(const struct function *f, size_t n, const char *s, size_t len)
{
	for (; n > 0; n--, f++)
		if (strlen(f->name) == len && strncmp(f->name, s, len) == 0)
			return f;
	return NULL;
}

/* Gives a variable its number wherever it is named. */
static void
resolve(struct node *n, const char *name, size_t len, int row)
{
	int i;

	if (n->type == N_ROW && n->row == -1 && n->len == len &&
	    strncmp(n->name, name, len) == 0)
		n->row = row;
	for (i = 0; i < n->n; i++)
		resolve(n->kid[i], name, len, row);
}

/* What stands before a 'for' is given, for NAME in … follows. */
static struct node *
each(struct parser *p, struct node *what)
{
	struct kids k = { 0 };
	const char *name;
	struct node *n;
	size_t len;

	blanks(p);
	name = p->at;
	len = name_length(name);
	p->at += len;
	if (len == 0 || !word(p, "in"))
		return fail(p, "'for name in' is expected");
	if (p->e->rows == ROWS_MAX)
		return fail(p, "too many 'for'");
	if (!add(p, &k, disjunction(p)) || !add(p, &k, what) ||
	    (word(p, "if") && !add(p, &k, disjunction(p))))
		return NULL;
	if (is_word(p, "for") || is_word(p, "if"))
		return fail(p, "one 'for' and one 'if' are understood");
	n = parent(p, N_EACH, &k);
	n->row = p->e->rows++;
	resolve(k.v[1], name, len, n->row);
	if (k.n > 2)
		resolve(k.v[2], name, len, n->row);
	return n;
}

/* Expressions with commas between, or one with a 'for', up to a closing sign. */
static bool
list(struct parser *p, struct kids *k, const char *end)
{
	while (!sign(p, end)) {
		if (!add(p, k, expression(p)))
			return false;
		if (k->n == 1 && word(p, "for")) {
			k->each = true;
			k->v[0] = each(p, k->v[0]);
			return k->v[0] != NULL && need(p, end);
		}
		if (!sign(p, ","))
			return need(p, end);
	}
	return true;
}

static struct node *
call(struct parser *p, const struct function *f, struct node *of, const char *at)
{
	struct kids k = { 0 };
	struct node *n;
	int first = of != NULL;

	if (of != NULL && !add(p, &k, of))
		return NULL;
	if (!list(p, &k, ")"))
		return NULL;
	if (k.n - first < f->min || k.n - first > f->max)
		return fail_at(p, at, "it takes another number of arguments");
	if (f->call >= C_GET_VALUE && f->call <= C_COUNT)
		p->e->plain = false;
	n = parent(p, N_CALL, &k);
	n->call = f->call;
	return n;
}

/* A function by its name, with or without frappe.utils before it. */
static struct node *
function(struct parser *p, const char *at)
{
	const size_t known = sizeof(functions) / sizeof(*functions);
	const struct function *f;
	char name[60];
	size_t n = 0, m;

	for (; (m = name_length(at + n)) > 0; n++)
		if (at[n += m] != '.')
			break;
	p->at = at;
	if (n == 0 || n > 40)
		return fail(p, "this is not known here");
	if ((f = find(functions, known, at, n)) == NULL &&
	    memchr(at, '.', n) == NULL) {
		m = snprintf(name, sizeof(name), "frappe.utils.%.*s", (int)n, at);
		f = find(functions, known, name, m);
	}
	if (f == NULL)
		return fail(p, "this is not known here");
	p->at += n;
	return need(p, "(") ? call(p, f, NULL, at) : NULL;
}

/* ---- what binds closest */

static struct node *
variable(struct parser *p)
{
	static const struct {
		const char	*name;
		struct value	 v;
	} known[] = { { "None", { .type = V_NONE } },
	    { "True", { .type = V_BOOL, .b = true } },
	    { "False", { .type = V_BOOL, .b = false } } };
	static const char *const reserved[] = { "and", "else", "for", "if",
	    "in", "is", "lambda", "not", "or" };
	const char *at = p->at;
	size_t len = name_length(at), i;
	struct node *n;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (word(p, known[i].name))
			return constant(p, known[i].v);
	if (p->of_value && word(p, "value"))
		return field(p, node(p, N_DOC), "value", 5);
	if (!p->of_value && word(p, "doc"))
		return node(p, N_DOC);
	for (i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (is_word(p, reserved[i]))
			return fail(p, "a value is expected");
	if (at[len] == '\'' || at[len] == '"')
		return fail(p, "this kind of string is not understood");
	if (at[len] == '(' || is_word(p, "frappe"))
		return function(p, at);
	p->at += len;
	n = node(p, N_ROW);
	n->row = -1;
	n->name = at;
	n->len = len;
	return n;
}

static struct node *
bracket(struct parser *p)
{
	struct kids k = { 0 };

	if (!list(p, &k, "]"))
		return NULL;
	if (k.each)
		return k.v[0];
	return parent(p, N_LIST, &k);
}

/* In round brackets: one expression, or several as a tuple. */
static struct node *
round_bracket(struct parser *p)
{
	struct kids k = { 0 };
	struct node *n;

	if (sign(p, ")"))
		return parent(p, N_LIST, &k);
	if ((n = expression(p)) == NULL)
		return NULL;
	if (sign(p, ")"))
		return n;
	if (!need(p, ",") || !add(p, &k, n) || !list(p, &k, ")"))
		return NULL;
	return parent(p, N_LIST, &k);
}

static struct node *
dict(struct parser *p)
{
	struct kids k = { 0 };
	struct node *key;

	while (!sign(p, "}")) {
		blanks(p);
		if (*p->at != '\'' && *p->at != '"')
			return fail(p, "a field's name in quotes is expected");
		if ((key = string(p)) == NULL || !need(p, ":") ||
		    !add(p, &k, key) || !add(p, &k, expression(p)))
			return NULL;
		if (!sign(p, ",")) {
			if (!need(p, "}"))
				return NULL;
			break;
		}
	}
	return parent(p, N_DICT, &k);
}

static struct node *
atom(struct parser *p)
{
	blanks(p);
	if (*p->at == '\'' || *p->at == '"')
		return string(p);
	if (isdigit((unsigned char)*p->at) || (*p->at == '.' &&
	    isdigit((unsigned char)p->at[1])))
		return number(p);
	if (sign(p, "("))
		return round_bracket(p);
	if (sign(p, "["))
		return bracket(p);
	if (sign(p, "{"))
		return dict(p);
	if (name_length(p->at) > 0)
		return variable(p);
	return fail(p, *p->at == '\0' ? "it ends too early" :
	    "a value is expected");
}

static struct node *
field(struct parser *p, struct node *of, const char *name, size_t len)
{
	struct node *n = node(p, N_FIELD);

	n->kid = arena_alloc(&p->e->mem, sizeof(*n->kid));
	n->kid[0] = of;
	n->n = 1;
	n->name = arena_dup(&p->e->mem, name, len);
	n->len = len;
	return n;
}

static bool
has_fields(const struct node *n)
{
	return n->type == N_DOC || n->type == N_ROW;
}

/* .field, .method(…) */
static struct node *
member(struct parser *p, struct node *of)
{
	const char *at;
	const struct function *f;
	size_t len;

	blanks(p);
	at = p->at;
	len = name_length(at);
	if (len == 0)
		return fail(p, has_fields(of) ? "a field's name is expected" :
		    "a method is expected");
	p->at += len;
	if (sign(p, "(")) {
		f = find(methods, sizeof(methods) / sizeof(*methods), at, len);
		if (f == NULL || (f->call == C_GET) != has_fields(of))
			return fail_at(p, at, "this is not known here");
		return call(p, f, of, at);
	}
	if (!has_fields(of))
		return fail_at(p, at, "only doc and its rows have fields");
	return field(p, of, at, len);
}

/* ["field"] */
static struct node *
subscript(struct parser *p, struct node *of)
{
	const char *at = p->at;
	struct node *n;

	blanks(p);
	if (!has_fields(of) || (*p->at != '\'' && *p->at != '"'))
		return fail_at(p, at, "only doc[\"field\"] is understood");
	if ((n = string(p)) == NULL || !need(p, "]"))
		return NULL;
	return field(p, of, n->k.s, n->k.len);
}

static struct node *
primary(struct parser *p)
{
	const char *at;
	struct node *n;

	blanks(p);
	at = p->at;
	n = atom(p);
	while (n != NULL) {
		if (sign(p, "."))
			n = member(p, n);
		else if (sign(p, "["))
			n = subscript(p, n);
		else
			break;
	}
	if (n != NULL && n->type == N_DOC)
		return fail_at(p, at, "a field of it is expected");
	if (n != NULL && sign(p, "**"))
		return fail_at(p, p->at - 2, "powers are not understood");
	return n;
}

/* ---- operators, from those that bind closely to those that do not */

static struct node *
factor(struct parser *p)
{
	struct kids k = { 0 };
	struct node *n;
	enum op *op;

	blanks(p);
	if (*p->at != '-' && *p->at != '+')
		return primary(p);
	op = arena_alloc(&p->e->mem, sizeof(*op));
	*op = *p->at++ == '-' ? O_NEG : O_POS;
	if (p->depth++ == DEPTH_MAX)
		return fail(p, "it goes too deep");
	if (!add(p, &k, factor(p)))
		return NULL;
	p->depth--;
	n = parent(p, N_SIGN, &k);
	n->ops = op;
	return n;
}

struct operator {
	const char	*sign;
	enum op		 op;
};

static struct node *
chain(struct parser *p, const struct operator *o, struct node *(*inner)(
    struct parser *))
{
	struct node *n = inner(p), *m;
	struct kids k;
	size_t i;

	if (n == NULL)
		return NULL;
	for (;;) {
		for (i = 0; o[i].sign != NULL && !sign(p, o[i].sign); i++)
			;
		if (o[i].sign == NULL)
			break;
		k = (struct kids){ 0 };
		if (!add(p, &k, n) || !add(p, &k, inner(p)))
			return NULL;
		m = parent(p, N_BINARY, &k);
		m->ops = arena_alloc(&p->e->mem, sizeof(*m->ops));
		*m->ops = o[i].op;
		n = m;
	}
	return n;
}

static struct node *
term(struct parser *p)
{
	static const struct operator o[] = { { "*", O_MUL }, { "//", O_FLOOR },
	    { "/", O_DIV }, { "%", O_MOD }, { NULL, 0 } };

	return chain(p, o, factor);
}

static struct node *
sum(struct parser *p)
{
	static const struct operator o[] = { { "+", O_ADD }, { "-", O_SUB },
	    { NULL, 0 } };

	return chain(p, o, term);
}

/* 1 and the operator; 0 if none stands here; -1 it is not understood. */
static int
comparator(struct parser *p, enum op *op)
{
	static const struct operator o[] = { { "==", O_EQ }, { "!=", O_NE },
	    { "<=", O_LE }, { ">=", O_GE }, { "<", O_LT }, { ">", O_GT } };
	size_t i;

	blanks(p);
	for (i = 0; i < sizeof(o) / sizeof(*o); i++)
		if (strncmp(p->at, "<<", 2) != 0 && strncmp(p->at, ">>", 2) != 0
		    && sign(p, o[i].sign)) {
			*op = o[i].op;
			return 1;
		}
	if (word(p, "in"))
		*op = O_IN;
	else if (word(p, "is"))
		*op = word(p, "not") ? O_IS_NOT : O_IS;
	else if (word(p, "not")) {
		if (!word(p, "in")) {
			fail(p, "'in' is expected");
			return -1;
		}
		*op = O_NOT_IN;
	} else
		return 0;
	return 1;
}

static bool
is_single(const struct node *n)
{
	return n->type == N_CONST && n->k.type <= V_BOOL;
}

static struct node *
comparison(struct parser *p)
{
	enum op ops[KIDS_MAX];
	struct node *n = sum(p);
	struct kids k = { 0 };
	const char *at;
	int r;

	if (n == NULL || !add(p, &k, n))
		return NULL;
	while ((r = comparator(p, &ops[k.n - 1])) == 1) {
		blanks(p);
		at = p->at;
		if (!add(p, &k, sum(p)))
			return NULL;
		if (ops[k.n - 2] >= O_IS && !is_single(k.v[k.n - 1]))
			return fail_at(p, at, "'is' asks for None, True or "
			    "False");
	}
	if (r == -1)
		return NULL;
	if (k.n == 1)
		return n;
	n = parent(p, N_COMPARE, &k);
	n->ops = arena_alloc(&p->e->mem, (k.n - 1) * sizeof(*ops));
	memcpy(n->ops, ops, (k.n - 1) * sizeof(*ops));
	return n;
}

static struct node *
negation(struct parser *p)
{
	struct kids k = { 0 };

	if (!word(p, "not"))
		return comparison(p);
	if (p->depth++ == DEPTH_MAX)
		return fail(p, "it goes too deep");
	if (!add(p, &k, negation(p)))
		return NULL;
	p->depth--;
	return parent(p, N_NOT, &k);
}

static struct node *
joined(struct parser *p, const char *by, int type, struct node *(*inner)(
    struct parser *))
{
	struct kids k = { 0 };

	do
		if (!add(p, &k, inner(p)))
			return NULL;
	while (word(p, by));
	return k.n == 1 ? k.v[0] : parent(p, type, &k);
}

static struct node *
conjunction(struct parser *p)
{
	return joined(p, "and", N_AND, negation);
}

static struct node *
disjunction(struct parser *p)
{
	return joined(p, "or", N_OR, conjunction);
}

static struct node *
expression(struct parser *p)
{
	struct kids k = { 0 };
	struct node *n;

	if (p->depth++ == DEPTH_MAX)
		return fail(p, "it goes too deep");
	n = disjunction(p);
	if (n != NULL && word(p, "if")) {
		if (!add(p, &k, n) || !add(p, &k, disjunction(p)))
			return NULL;
		if (!word(p, "else"))
			return fail(p, "'else' is expected");
		if (!add(p, &k, expression(p)))
			return NULL;
		n = parent(p, N_IF, &k);
	}
	p->depth--;
	return n;
}

/* ---- */

/* A name that no 'for' gives, or NULL. */
static const struct node *
stray(const struct node *n)
{
	const struct node *found = NULL;
	int i;

	if (n->type == N_ROW && n->row == -1)
		return n;
	for (i = 0; i < n->n && found == NULL; i++)
		found = stray(n->kid[i]);
	return found;
}

static struct expr *
parse(const char *text, bool of_value, struct fault *fault)
{
	struct expr *e = xcalloc(1, sizeof(*e));
	struct parser p = { .e = e, .text = text, .at = text, .fault = fault,
	    .of_value = of_value };
	const struct node *lost;

	arena_init(&e->mem);
	e->plain = true;
	if (strlen(text) > TEXT_MAX)
		fail(&p, "it is too long");
	else
		e->top = expression(&p);
	blanks(&p);
	if (e->top != NULL && *p.at != '\0')
		e->top = fail(&p, *p.at == '=' ? "a comparison is written ==" :
		    "it should end here, or go on with 'and' or 'or'");
	if (e->top != NULL && (lost = stray(e->top)) != NULL)
		e->top = fail_at(&p, lost->name, "this is not known here");
	if (e->top != NULL)
		return e;
	expr_free(e);
	return NULL;
}

struct expr *
expr_parse(const char *text, struct fault *fault)
{
	return parse(text, false, fault);
}

struct expr *
expr_parse_value(const char *text, struct fault *fault)
{
	return parse(text, true, fault);
}

void
expr_free(struct expr *e)
{
	if (e == NULL)
		return;
	arena_free(&e->mem);
	free(e);
}

bool
expr_asks(const struct expr *e)
{
	return !e->plain;
}

struct names {
	const char	**v;
	int		 n, max;
};

static bool
add_name(struct names *names, const char *name, size_t len)
{
	int i;

	for (i = 0; i < names->n; i++)
		if (strncmp(names->v[i], name, len) == 0 &&
		    names->v[i][len] == '\0')
			return true;
	if (names->n == names->max)
		return false;
	names->v[names->n++] = name;
	return true;
}

static bool
add_names(struct expr *e, const struct node *n, struct names *names)
{
	bool get = n->type == N_CALL && n->call == C_GET;
	const struct node *key = get ? n->kid[1] : NULL;
	int i;

	if (n->type == N_FIELD && n->kid[0]->type == N_DOC && !add_name(names,
	    arena_dup(&e->mem, n->name, n->len), n->len))
		return false;
	if (get && n->kid[0]->type == N_DOC && (key->type != N_CONST ||
	    key->k.type != V_STR || !add_name(names, key->k.s, key->k.len)))
		return false;
	for (i = 0; i < n->n; i++)
		if (!add_names(e, n->kid[i], names))
			return false;
	return true;
}

int
expr_fields(struct expr *e, const char **v, int max)
{
	struct names names = { v, 0, max };

	return add_names(e, e->top, &names) ? names.n : -1;
}

/* That of the nth call, which is counted down. */
static const char *
asked(const struct node *n, size_t *nth)
{
	const char *doctype;
	int i;

	if (n->type == N_CALL && n->call >= C_GET_VALUE && n->call <= C_COUNT &&
	    n->kid[0]->type == N_CONST && n->kid[0]->k.type == V_STR &&
	    (*nth)-- == 0)
		return n->kid[0]->k.s;
	for (i = 0; i < n->n; i++)
		if ((doctype = asked(n->kid[i], nth)) != NULL)
			return doctype;
	return NULL;
}

const char *
expr_asked(const struct expr *e, size_t nth)
{
	return asked(e->top, &nth);
}

/* rows: what the variables are rows of; NULL where that is not known. */
static void
bind(struct node *n, const struct meta *m, const struct meta *rows[ROWS_MAX])
{
	const struct field *f;
	const struct meta *of;
	int i;

	if (n->type == N_EACH) {
		of = n->kid[0]->type == N_FIELD && n->kid[0]->kid[0]->type ==
		    N_DOC ? m : NULL;
		f = of == NULL ? NULL : meta_field(of, n->kid[0]->name,
		    n->kid[0]->len);
		rows[n->row] = f == NULL || f->kind != K_TABLE ? NULL : f->child;
	}
	for (i = 0; i < n->n; i++)
		bind(n->kid[i], m, rows);
	if (n->type != N_FIELD && (n->type != N_CALL || n->call != C_GET ||
	    n->kid[1]->type != N_CONST || n->kid[1]->k.type != V_STR))
		return;
	if (n->type == N_CALL) {
		n->name = n->kid[1]->k.s;
		n->len = n->kid[1]->k.len;
	}
	of = n->kid[0]->type == N_DOC ? m : rows[n->kid[0]->row];
	f = of == NULL ? NULL : meta_field(of, n->name, n->len);
	n->known = f != NULL || (of != NULL && meta_standard(n->name, n->len));
	n->numeric = f != NULL ? field_is_number(f) : n->known &&
	    (strcmp(n->name, "docstatus") == 0 || strcmp(n->name, "idx") == 0);
}

void
expr_bind(struct expr *e, const struct meta *m)
{
	const struct meta *rows[ROWS_MAX] = { NULL };

	bind(e->top, m, rows);
}
