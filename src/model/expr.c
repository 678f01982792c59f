/* expr.c - conditions: doc.FIELD OP literal, joined by and (DESIGN 8)
 * By hand: no library at hand reads Python's expressions. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum op { EQ, NE, LT, LE, GT, GE, IN, NOT_IN, IS_NONE, IS_SET, TRUTHY, FALSY };

struct value {
	enum { V_NONE, V_STRING, V_NUMBER } type;
	char		*s;
	size_t		 len;
};

struct term {
	char		*field;
	enum op		 op;
	bool		 numeric;	/* the field is a number */
	struct value	*values;	/* one, or those of a list */
	size_t		 n;
};

struct expr {
	struct term	*terms;		/* all must hold */
	size_t		 n;
};

/* ---- reading */

struct parser {
	const char	*text, *at;
	struct fault	*fault;
};

static bool
fail(struct parser *p, const char *why)
{
	fault_set(p->fault, "condition", "condition not understood at %zu: %s; "
	    "near '%.20s'", (size_t)(p->at - p->text) + 1, why, p->at);
	return false;
}

static void
blanks(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

/* A word of letters, if it stands here. */
static bool
word(struct parser *p, const char *w)
{
	size_t n = strlen(w);

	blanks(p);
	if (strncmp(p->at, w, n) != 0 || isalnum((unsigned char)p->at[n]) ||
	    p->at[n] == '_')
		return false;
	p->at += n;
	return true;
}

static bool
sign(struct parser *p, const char *s)
{
	size_t n = strlen(s);

	blanks(p);
	if (strncmp(p->at, s, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* The escapes of a Python string that people use. */
static bool
string(struct parser *p, struct value *v)
{
	struct buf b = { 0 };
	char quote = *p->at++, c;
	const char *e;

	buf_add(&b, "", 0);
	while ((c = *p->at) != quote) {
		if (c == '\0' || c == '\n') {
			buf_free(&b);
			return fail(p, "the string does not end");
		}
		p->at++;
		if (c == '\\' && *p->at != '\0') {
			e = strchr("n\nt\tr\r\\\\'\'\"\"", *p->at);
			if (e == NULL) {
				buf_free(&b);
				return fail(p, "an unknown escape");
			}
			c = e[1];
			p->at++;
		}
		buf_add(&b, &c, 1);
	}
	p->at++;
	v->type = V_STRING;
	v->s = b.p;
	v->len = b.len;
	return true;
}

static bool
number(struct parser *p, struct value *v)
{
	size_t n = strspn(p->at, "+-0123456789.eE");

	if (n == 0 || !number_valid(p->at, n))
		return fail(p, "a string, a number, None, True or False is "
		    "expected");
	v->type = V_NUMBER;
	v->s = xstrndup(p->at, n);
	v->len = n;
	p->at += n;
	return true;
}

static bool
literal(struct parser *p, struct value *v)
{
	*v = (struct value){ .type = V_NONE };
	blanks(p);
	if (*p->at == '\'' || *p->at == '"')
		return string(p, v);
	if (word(p, "None"))
		return true;
	if (word(p, "True"))
		v->s = xstrdup("1");
	else if (word(p, "False"))
		v->s = xstrdup("0");
	if (v->s != NULL) {
		v->type = V_NUMBER;
		v->len = 1;
		return true;
	}
	return number(p, v);
}

static bool
add_value(struct parser *p, struct term *t)
{
	t->values = xrealloc(t->values, (t->n + 1) * sizeof(*t->values));
	if (!literal(p, &t->values[t->n]))
		return false;
	t->n++;
	return true;
}

static bool
list(struct parser *p, struct term *t)
{
	const char *end;

	if (sign(p, "["))
		end = "]";
	else if (sign(p, "("))
		end = ")";
	else
		return fail(p, "a list is expected");
	while (!sign(p, end)) {
		if (!add_value(p, t))
			return false;
		if (!sign(p, ",")) {
			if (!sign(p, end))
				return fail(p, "a comma is expected");
			break;
		}
	}
	return true;
}

/* doc.field, doc.get("field"), doc["field"] */
static bool
field(struct parser *p, struct term *t)
{
	struct value v = { 0 };
	size_t n;

	if (!word(p, "doc"))
		return fail(p, "'doc.field' is expected");
	if (sign(p, ".get(") || sign(p, "[")) {
		const char *end = p->at[-1] == '[' ? "]" : ")";

		blanks(p);
		if ((*p->at != '\'' && *p->at != '"') || !string(p, &v))
			return fail(p, "a field's name is expected");
		t->field = v.s;
		if (!sign(p, end))
			return fail(p, "a closing bracket is expected");
		return true;
	}
	if (!sign(p, "."))
		return fail(p, "'doc.field' is expected");
	for (n = 0; isalnum((unsigned char)p->at[n]) || p->at[n] == '_'; n++)
		;
	if (n == 0)
		return fail(p, "a field's name is expected");
	t->field = xstrndup(p->at, n);
	p->at += n;
	return true;
}

static bool
comparison(struct parser *p, struct term *t)
{
	static const struct {
		const char *sign;
		enum op op;
	} signs[] = { { "==", EQ }, { "!=", NE }, { "<=", LE }, { ">=", GE },
	    { "<", LT }, { ">", GT } };
	size_t i;

	if (word(p, "not")) {
		t->op = FALSY;
		return field(p, t);
	}
	if (!field(p, t))
		return false;
	for (i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (sign(p, signs[i].sign)) {
			t->op = signs[i].op;
			return add_value(p, t);
		}
	if (word(p, "is")) {
		t->op = word(p, "not") ? IS_SET : IS_NONE;
		return word(p, "None") || fail(p, "None is expected");
	}
	if (word(p, "in")) {
		t->op = IN;
		return list(p, t);
	}
	if (word(p, "not")) {
		t->op = NOT_IN;
		return (word(p, "in") || fail(p, "'in' is expected")) &&
		    list(p, t);
	}
	t->op = TRUTHY;
	return true;
}

struct expr *
expr_parse(const char *text, struct fault *fault)
{
	struct parser p = { text, text, fault };
	struct expr *e = xcalloc(1, sizeof(*e));

	do {
		e->terms = xrealloc(e->terms, (e->n + 1) * sizeof(*e->terms));
		memset(&e->terms[e->n], 0, sizeof(*e->terms));
		e->n++;
		if (!comparison(&p, &e->terms[e->n - 1])) {
			expr_free(e);
			return NULL;
		}
	} while (word(&p, "and"));
	blanks(&p);
	if (*p.at != '\0') {
		fail(&p, "the condition should end, or go on with 'and'");
		expr_free(e);
		return NULL;
	}
	return e;
}

void
expr_free(struct expr *e)
{
	size_t i, k;

	if (e == NULL)
		return;
	for (i = 0; i < e->n; i++) {
		for (k = 0; k < e->terms[i].n; k++)
			free(e->terms[i].values[k].s);
		free(e->terms[i].values);
		free(e->terms[i].field);
	}
	free(e->terms);
	free(e);
}

void
expr_bind(struct expr *e, const struct meta *m)
{
	const struct field *f;
	size_t i;

	for (i = 0; i < e->n; i++) {
		f = meta_field(m, e->terms[i].field, strlen(e->terms[i].field));
		e->terms[i].numeric = f != NULL && (f->kind == K_CHECK ||
		    f->kind == K_INT || f->kind == K_FLOAT);
	}
}

/* ---- asking */

static struct value
value_of(yyjson_mut_val *v, bool numeric)
{
	struct value r = { V_NONE, NULL, 0 };

	if (numeric && json_is_null(v)) {
		r.type = V_NUMBER;
		r.s = "0";
		r.len = 1;
	} else if (yyjson_mut_is_bool(v)) {
		r.type = V_NUMBER;
		r.s = yyjson_mut_get_bool(v) ? "1" : "0";
		r.len = 1;
	} else if (yyjson_mut_is_raw(v)) {
		r.type = V_NUMBER;
		r.s = (char *)yyjson_mut_get_raw(v);
		r.len = yyjson_mut_get_len(v);
	} else if (yyjson_mut_is_str(v)) {
		r.type = V_STRING;
		r.s = (char *)yyjson_mut_get_str(v);
		r.len = yyjson_mut_get_len(v);
	}
	return r;
}

/* Python's order by code points is that of UTF-8's bytes. */
static int
compare(const struct value *a, const struct value *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int r;

	if (a->type == V_NUMBER)
		return number_compare(a->s, a->len, b->s, b->len);
	r = memcmp(a->s, b->s, n);
	return r != 0 ? r : a->len < b->len ? -1 : a->len > b->len;
}

static bool
equal(const struct value *a, const struct value *b)
{
	return a->type == b->type &&
	    (a->type == V_NONE || compare(a, b) == 0);
}

static bool
holds(const struct term *t, yyjson_mut_val *doc)
{
	yyjson_mut_val *got = yyjson_mut_obj_get(doc, t->field);
	struct value v = value_of(got, t->numeric);
	size_t i;
	int r;

	switch (t->op) {
	case EQ:
		return equal(&v, &t->values[0]);
	case NE:
		return !equal(&v, &t->values[0]);
	case IS_NONE:
	case IS_SET:
		return (json_is_null(got) && !t->numeric) == (t->op == IS_NONE);
	case TRUTHY:
	case FALSY:
		r = yyjson_mut_is_arr(got) || yyjson_mut_is_obj(got) ?
		    yyjson_mut_get_len(got) > 0 : v.type == V_STRING ?
		    v.len > 0 : v.type == V_NUMBER &&
		    number_compare(v.s, v.len, "0", 1) != 0;
		return (r != 0) == (t->op == TRUTHY);
	case IN:
	case NOT_IN:
		for (i = 0; i < t->n; i++)
			if (equal(&v, &t->values[i]))
				return t->op == IN;
		return t->op == NOT_IN;
	default:
		break;
	}
	if (v.type == V_NONE || v.type != t->values[0].type)
		return false;
	r = compare(&v, &t->values[0]);
	return t->op == LT ? r < 0 : t->op == LE ? r <= 0 :
	    t->op == GT ? r > 0 : r >= 0;
}

bool
expr_true(const struct expr *e, yyjson_mut_val *doc)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		if (!holds(&e->terms[i], doc))
			return false;
	return true;
}
