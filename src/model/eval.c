/* eval.c - the value of an expression, by Python's rules (DESIGN 8)
 *
 * As it is read: neither libjq, whose start costs more than a page of events and
 * whose numbers lose digits, nor anything else at hand knows Python's rules. */

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "model/expr.h"

static const int64_t DAY = INT64_C(86400000000),
    FIRST_DAY = INT64_C(-62135596800000000),	/* 0001-01-01 */
    LAST_DAY = INT64_C(253402214400000000);	/* 9999-12-31 */
enum { STEPS_MAX = 5000000, NUMBER_TEXT = 400 };

struct run {
	struct expr_ask	*q;
	int64_t		 steps;
	struct value	 rows[ROWS_MAX];
};

static bool eval(struct run *, const struct node *, struct value *);

static yyjson_mut_doc *
made_in(struct run *r)
{
	if (r->q->m == NULL)
		r->q->m = yyjson_mut_doc_new(&r->q->a->alc);
	return r->q->m;
}

/* A Python exception. */
static bool
raise(struct run *r, const char *what)
{
	r->q->failed = false;
	fault_set(&r->q->fault, "type", "%s", what);
	return false;
}

/* It could not be evaluated. */
static bool
give_up(struct run *r, const char *why)
{
	r->q->failed = true;
	fault_set(&r->q->fault, "failed", "%s", why);
	return false;
}

static bool
is_number(const struct value *v)
{
	return v->type >= V_BOOL && v->type <= V_FLOAT;
}

static bool
set_bool(struct value *v, bool b)
{
	*v = (struct value){ .type = V_BOOL, .b = b };
	return true;
}

static bool
set_int(struct value *v, int64_t i)
{
	*v = (struct value){ .type = V_INT, .i = i };
	return true;
}

static bool
set_float(struct run *r, struct value *v, double f)
{
	if (!isfinite(f))
		return raise(r, "a number is too large");
	*v = (struct value){ .type = V_FLOAT, .f = f };
	return true;
}

static bool
set_text(struct value *v, const char *s, size_t len)
{
	*v = (struct value){ .type = V_STR, .len = len, .s = s };
	return true;
}

/* ---- from a document */

static void
from_token(struct run *r, const char *s, size_t n, struct value *v)
{
	const char *t = arena_dup(r->q->a, s, n);
	char *end;

	if (memchr(s, '.', n) != NULL || memchr(s, 'e', n) != NULL ||
	    memchr(s, 'E', n) != NULL)
		*v = (struct value){ .type = V_FLOAT, .f = strtod(t, NULL) };
	else if (n < 19)
		set_int(v, strtoll(t, &end, 10));
	else
		*v = (struct value){ .type = V_BIG, .len = n, .s = t };
}

/* Most numbers are short. */
static bool
small_int(const char *s, size_t n, struct value *v)
{
	bool minus = *s == '-';
	int64_t i = 0;
	size_t k;

	if (n > 9)
		return false;
	for (k = minus; k < n; k++)
		if (s[k] < '0' || s[k] > '9')
			return false;
		else
			i = i * 10 + s[k] - '0';
	return set_int(v, minus ? -i : i);
}

static void
from_json(struct run *r, yyjson_mut_val *j, struct value *v)
{
	yyjson_mut_val *one;
	size_t i, n;

	*v = (struct value){ .type = V_NONE };
	if (yyjson_mut_is_str(j))
		set_text(v, yyjson_mut_get_str(j), yyjson_mut_get_len(j));
	else if (yyjson_mut_is_raw(j)) {
		if (!small_int(yyjson_mut_get_raw(j), yyjson_mut_get_len(j), v))
			from_token(r, yyjson_mut_get_raw(j),
			    yyjson_mut_get_len(j), v);
	} else if (yyjson_mut_is_bool(j))
		set_bool(v, yyjson_mut_get_bool(j));
	else if (yyjson_mut_is_int(j))
		set_int(v, yyjson_mut_get_sint(j));
	else if (yyjson_mut_is_obj(j))
		*v = (struct value){ .type = V_DICT, .json = j };
	else if (yyjson_mut_is_arr(j)) {
		v->type = V_LIST;
		v->v = arena_alloc(r->q->a, yyjson_mut_arr_size(j) *
		    sizeof(*v->v) + 1);
		v->len = 0;
		yyjson_mut_arr_foreach(j, i, n, one)
			from_json(r, one, &v->v[v->len++]);
	}
}

/* As Python's repr has it: the fewest digits that give the number again. */
static void
float_text(double f, char text[NUMBER_TEXT])
{
	char digits[40], *e, *p;
	int n, x;

	if (!isfinite(f)) {
		snprintf(text, NUMBER_TEXT, "%s", f < 0 ? "-inf" : "inf");
		return;
	}
	for (n = 1; n < 17; n++) {
		snprintf(digits, sizeof(digits), "%.*e", n - 1, f);
		if (strtod(digits, NULL) == f)
			break;
	}
	snprintf(digits, sizeof(digits), "%.*e", n - 1, f);
	e = strchr(digits, 'e');
	x = atoi(e + 1);
	if (x < -4 || x >= 16) {
		*e = '\0';
		snprintf(text, NUMBER_TEXT, "%se%c%02d", digits,
		    x < 0 ? '-' : '+', abs(x));
		return;
	}
	snprintf(text, NUMBER_TEXT, "%.*f", n - 1 - x > 0 ? n - 1 - x : 0, f);
	for (p = text; *p != '\0'; p++)
		if (*p == '.')
			return;
	memcpy(p, ".0", 3);
}

/* NULL and an exception if JSON has no such number. */
static yyjson_mut_val *
to_json(struct run *r, const struct value *v)
{
	yyjson_mut_doc *m = made_in(r);
	yyjson_mut_val *list, *one;
	char text[NUMBER_TEXT];
	size_t i;

	switch (v->type) {
	case V_BOOL:
		return yyjson_mut_bool(m, v->b);
	case V_INT:
		return json_new_int(m, v->i);
	case V_FLOAT:
		if (!isfinite(v->f)) {
			raise(r, "a number is too large");
			return NULL;
		}
		float_text(v->f, text);
		return json_new_raw(m, arena_dup(r->q->a, text, strlen(text)),
		    strlen(text));
	case V_BIG:
		return json_new_raw(m, v->s, v->len);
	case V_STR:
		return yyjson_mut_strn(m, v->s, v->len);
	case V_DICT:
		return yyjson_mut_val_mut_copy(m, v->json);
	case V_LIST:
		list = yyjson_mut_arr(m);
		for (i = 0; i < v->len; i++) {
			if ((one = to_json(r, &v->v[i])) == NULL)
				return NULL;
			yyjson_mut_arr_append(list, one);
		}
		return list;
	default:
		return yyjson_mut_null(m);
	}
}

/* ---- truth, order, equality */

static bool
truth(const struct value *v)
{
	switch (v->type) {
	case V_NONE:
		return false;
	case V_BOOL:
		return v->b;
	case V_INT:
		return v->i != 0;
	case V_FLOAT:
		return v->f != 0;
	case V_DICT:
		return yyjson_mut_obj_size(v->json) > 0;
	case V_BIG:
		return true;
	default:
		return v->len > 0;
	}
}

static double
as_float(const struct value *v)
{
	return v->type == V_FLOAT ? v->f : v->type == V_BIG ?
	    strtod(v->s, NULL) : v->type == V_BOOL ? v->b : (double)v->i;
}

static int64_t
as_int(const struct value *v)
{
	return v->type == V_BOOL ? v->b : v->i;
}

/* -1, 0, 1.  long double holds every int64. */
static int
order_numbers(const struct value *a, const struct value *b)
{
	char x[24], y[24];
	long double f, g;

	if (a->type == V_BIG || b->type == V_BIG) {
		if (a->type == V_FLOAT || b->type == V_FLOAT) {
			f = as_float(a);
			g = as_float(b);
			return f < g ? -1 : f > g;
		}
		snprintf(x, sizeof(x), "%lld", a->type == V_BIG ? 0LL :
		    (long long)as_int(a));
		snprintf(y, sizeof(y), "%lld", b->type == V_BIG ? 0LL :
		    (long long)as_int(b));
		return number_compare(a->type == V_BIG ? a->s : x,
		    a->type == V_BIG ? a->len : strlen(x),
		    b->type == V_BIG ? b->s : y,
		    b->type == V_BIG ? b->len : strlen(y));
	}
	f = a->type == V_FLOAT ? (long double)a->f : (long double)as_int(a);
	g = b->type == V_FLOAT ? (long double)b->f : (long double)as_int(b);
	return f < g ? -1 : f > g;
}

/* Python's order by code points is that of UTF-8's bytes. */
static int
order_texts(const struct value *a, const struct value *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int r = n == 0 ? 0 : memcmp(a->s, b->s, n);

	return r != 0 ? r : a->len < b->len ? -1 : a->len > b->len;
}

static bool
equal(const struct value *a, const struct value *b)
{
	size_t i;

	if (is_number(a) && is_number(b))
		return order_numbers(a, b) == 0;
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case V_NONE:
		return true;
	case V_STR:
		return order_texts(a, b) == 0;
	case V_DICT:
		return json_same(a->json, b->json);
	default:
		for (i = 0; i < a->len && i < b->len; i++)
			if (!equal(&a->v[i], &b->v[i]))
				return false;
		return a->len == b->len;
	}
}

static bool
order(struct run *r, const struct value *a, const struct value *b, int *way)
{
	size_t i;

	if (is_number(a) && is_number(b)) {
		*way = order_numbers(a, b);
		return true;
	}
	if (a->type == V_STR && b->type == V_STR) {
		*way = order_texts(a, b);
		return true;
	}
	if (a->type != V_LIST || b->type != V_LIST)
		return raise(r, "values of different kinds have no order");
	for (i = 0; i < a->len && i < b->len; i++)
		if (!equal(&a->v[i], &b->v[i]))
			return order(r, &a->v[i], &b->v[i], way);
	*way = a->len < b->len ? -1 : a->len > b->len;
	return true;
}

static bool
contains(struct run *r, const struct value *in, const struct value *v,
    bool *is)
{
	size_t i;

	*is = false;
	if (in->type == V_LIST) {
		for (i = 0; i < in->len && !*is; i++)
			*is = equal(&in->v[i], v);
		return true;
	}
	if (v->type != V_STR)
		return raise(r, "'in' asks a list, or a text for a text");
	if (in->type == V_DICT)
		*is = yyjson_mut_obj_getn(in->json, v->s, v->len) != NULL;
	else if (in->type == V_STR)
		*is = v->len == 0 || (in->len > 0 && memmem(in->s, in->len,
		    v->s, v->len) != NULL);
	else
		return raise(r, "'in' asks a list, or a text for a text");
	return true;
}

static bool
is_same(const struct value *a, const struct value *b)
{
	return a->type == b->type && (a->type == V_NONE || a->b == b->b);
}

static bool
holds(struct run *r, enum op op, const struct value *a, const struct value *b,
    bool *is)
{
	int way = 0;

	switch (op) {
	case O_EQ:
	case O_NE:
		*is = equal(a, b) == (op == O_EQ);
		return true;
	case O_IS:
	case O_IS_NOT:
		*is = is_same(a, b) == (op == O_IS);
		return true;
	case O_IN:
	case O_NOT_IN:
		if (!contains(r, b, a, is))
			return false;
		*is = *is == (op == O_IN);
		return true;
	default:
		if (!order(r, a, b, &way))
			return false;
		*is = op == O_LT ? way < 0 : op == O_LE ? way <= 0 :
		    op == O_GT ? way > 0 : way >= 0;
		return true;
	}
}

/* ---- arithmetic */

static bool
floats(struct run *r, enum op op, double a, double b, struct value *v)
{
	double m, q;

	if (op >= O_DIV && b == 0)
		return raise(r, "division by zero");
	switch (op) {
	case O_ADD:
		return set_float(r, v, a + b);
	case O_SUB:
		return set_float(r, v, a - b);
	case O_MUL:
		return set_float(r, v, a * b);
	case O_DIV:
		return set_float(r, v, a / b);
	default:
		m = fmod(a, b);
		q = (a - m) / b;
		if (m != 0 && (m < 0) != (b < 0)) {
			m += b;
			q -= 1;
		}
		return set_float(r, v, op == O_MOD ? m : round(q));
	}
}

static bool
ints(struct run *r, enum op op, int64_t a, int64_t b, struct value *v)
{
	int64_t i;
	bool over = false;

	if (op >= O_DIV && b == 0)
		return raise(r, "division by zero");
	if (op == O_DIV)		/* long double holds both */
		return set_float(r, v, (double)((long double)a / b));
	if (op == O_ADD)
		over = __builtin_add_overflow(a, b, &i);
	else if (op == O_SUB)
		over = __builtin_sub_overflow(a, b, &i);
	else if (op == O_MUL)
		over = __builtin_mul_overflow(a, b, &i);
	else if (b == -1) {
		i = 0;
		over = op == O_FLOOR && __builtin_sub_overflow(0, a, &i);
	} else {
		i = a % b;
		if (i != 0 && (i < 0) != (b < 0))
			i += b;
		if (op == O_FLOOR)
			i = (a - i) / b;
	}
	return over ? raise(r, "a whole number is too large") : set_int(v, i);
}

static bool
join_texts(struct run *r, const struct value *a, const struct value *b,
    struct value *v)
{
	char *p;

	if (a->len + b->len > 16 << 20)
		return give_up(r, "a text grows too long");
	p = arena_alloc(r->q->a, a->len + b->len + 1);
	memcpy(p, a->s, a->len);
	memcpy(p + a->len, b->s, b->len);
	return set_text(v, p, a->len + b->len);
}

static bool
join_lists(struct run *r, const struct value *a, const struct value *b,
    struct value *v)
{
	struct value *p;

	if (a->len + b->len > 1 << 20)
		return give_up(r, "a list grows too long");
	p = arena_alloc(r->q->a, (a->len + b->len + 1) * sizeof(*p));
	memcpy(p, a->v, a->len * sizeof(*p));
	memcpy(p + a->len, b->v, b->len * sizeof(*p));
	*v = (struct value){ .type = V_LIST, .len = a->len + b->len, .v = p };
	return true;
}

static bool
binary(struct run *r, enum op op, const struct value *a, const struct value *b,
    struct value *v)
{
	if (op == O_ADD && a->type == V_STR && b->type == V_STR)
		return join_texts(r, a, b, v);
	if (op == O_ADD && a->type == V_LIST && b->type == V_LIST)
		return join_lists(r, a, b, v);
	if (!is_number(a) || !is_number(b))
		return raise(r, "arithmetic with what is no number");
	if (a->type == V_FLOAT || b->type == V_FLOAT || (op == O_DIV &&
	    (a->type == V_BIG || b->type == V_BIG)))
		return floats(r, op, as_float(a), as_float(b), v);
	if (a->type == V_BIG || b->type == V_BIG)
		return raise(r, "a whole number is too large");
	return ints(r, op, as_int(a), as_int(b), v);
}

static bool
signed_(struct run *r, enum op op, struct value *v)
{
	struct value zero = { .type = V_INT };

	if (!is_number(v))
		return raise(r, "a sign before what is no number");
	if (op == O_POS)
		return v->type != V_BOOL || set_int(v, v->b);
	if (v->type != V_FLOAT)
		return binary(r, O_SUB, &zero, v, v);
	v->f = -v->f;
	return true;
}

/* ---- text and numbers */

static bool
to_text(struct run *r, struct value *v)
{
	char text[NUMBER_TEXT];

	switch (v->type) {
	case V_STR:
		return true;
	case V_BIG:
		return set_text(v, v->s, v->len);
	case V_NONE:
		return set_text(v, "None", 4);
	case V_BOOL:
		return v->b ? set_text(v, "True", 4) : set_text(v, "False", 5);
	case V_INT:
		snprintf(text, sizeof(text), "%lld", (long long)v->i);
		break;
	case V_FLOAT:
		float_text(v->f, text);
		break;
	default:
		return raise(r, "str() of what is neither text nor number");
	}
	return set_text(v, arena_dup(r->q->a, text, strlen(text)), strlen(text));
}

/* The blank at s, of n bytes at most: its length, or 0.  UTF-8 of those that
 * Python's str.strip takes. */
static size_t
blank(const char *s, size_t n)
{
	static const char *const wide[] = { "\302\205", "\302\240",
	    "\341\232\200", "\342\200\200", "\342\200\201", "\342\200\202",
	    "\342\200\203", "\342\200\204", "\342\200\205", "\342\200\206",
	    "\342\200\207", "\342\200\210", "\342\200\211", "\342\200\212",
	    "\342\200\250", "\342\200\251", "\342\200\257", "\342\201\237",
	    "\343\200\200" };
	size_t i, len;

	if (n == 0)
		return 0;
	if (*s == ' ' || (*s >= '\t' && *s <= '\r') || (*s >= 0x1c && *s <= 0x1f))
		return 1;
	for (i = 0; i < sizeof(wide) / sizeof(*wide); i++) {
		len = strlen(wide[i]);
		if (len <= n && memcmp(s, wide[i], len) == 0)
			return len;
	}
	return 0;
}

/* The one that ends there. */
static size_t
blank_before(const char *s, size_t n)
{
	size_t len;

	for (len = 1; len <= 3 && len <= n; len++)
		if (blank(s + n - len, len) == len)
			return len;
	return 0;
}

static void
strip(struct value *v)
{
	size_t n;

	while ((n = blank_before(v->s, v->len)) > 0)
		v->len -= n;
	for (; (n = blank(v->s, v->len)) > 0; v->len -= n)
		v->s += n;
}

/* A number in a text, as Python reads it. */
static bool
parse_number(struct run *r, const struct value *text, bool whole,
    struct value *v)
{
	struct value t = *text;
	const char *s;
	char *end;
	size_t n;

	strip(&t);
	s = arena_dup(r->q->a, t.s, t.len);
	n = strspn(s, whole ? "+-0123456789" : "+-0123456789.eE");
	if (t.len == 0 || n != t.len || t.len > 300)
		return raise(r, "a text that is no number");
	if (!whole) {
		double f = strtod(s, &end);
		return *end == '\0' ? set_float(r, v, f) :
		    raise(r, "a text that is no number");
	}
	n = strspn(s, "+-");
	if (n > 1 || s[n] == '\0' || s[n + strspn(s + n, "0123456789")] != '\0')
		return raise(r, "a text that is no number");
	if (t.len > 18)
		return raise(r, "a whole number is too large");
	return set_int(v, strtoll(s, NULL, 10));
}

static bool
to_int(struct run *r, struct value *v)
{
	char text[NUMBER_TEXT];
	double f;

	if (v->type == V_STR)
		return parse_number(r, v, true, v);
	if (v->type == V_BOOL)
		return set_int(v, v->b);
	if (v->type != V_FLOAT)
		return is_number(v) || raise(r, "int() of what is no number");
	f = trunc(v->f);
	if (fabs(f) < 9e18)
		return set_int(v, (int64_t)f);
	if (!isfinite(f))
		return raise(r, "a number is too large");
	snprintf(text, sizeof(text), "%.0f", f);
	*v = (struct value){ .type = V_BIG, .len = strlen(text),
	    .s = arena_dup(r->q->a, text, strlen(text)) };
	return true;
}

static bool
to_float(struct run *r, struct value *v)
{
	if (v->type == V_STR)
		return parse_number(r, v, false, v);
	if (!is_number(v))
		return raise(r, "float() of what is no number");
	return set_float(r, v, as_float(v));
}

static bool
to_case(struct run *r, struct value *v, bool upper)
{
	static locale_t utf8;
	locale_t was;
	wchar_t *w;
	size_t n, i;
	char *s;

	for (i = 0; i < v->len && !(v->s[i] & 0x80); i++)
		;
	s = arena_dup(r->q->a, v->s, v->len);
	if (i == v->len) {
		for (i = 0; i < v->len; i++)
			if (upper ? s[i] >= 'a' && s[i] <= 'z' :
			    s[i] >= 'A' && s[i] <= 'Z')
				s[i] ^= 'a' ^ 'A';
		return set_text(v, s, v->len);
	}
	if (utf8 == NULL && (utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8",
	    NULL)) == NULL)
		return give_up(r, "there is no locale C.UTF-8");
	was = uselocale(utf8);
	w = arena_alloc(r->q->a, (v->len + 1) * sizeof(*w));
	n = mbstowcs(w, s, v->len + 1);
	for (i = 0; n != (size_t)-1 && i < n; i++)
		w[i] = upper ? towupper(w[i]) : towlower(w[i]);
	s = arena_alloc(r->q->a, v->len * 2 + 1);
	n = n == (size_t)-1 ? n : wcstombs(s, w, v->len * 2 + 1);
	uselocale(was);
	return n == (size_t)-1 ? raise(r, "this is no text") :
	    set_text(v, s, n);
}

/* Code points. */
static int64_t
text_length(const struct value *v)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < v->len; i++)
		n += (v->s[i] & 0xc0) != 0x80;
	return n;
}

static bool
length(struct run *r, struct value *v)
{
	if (v->type == V_STR)
		return set_int(v, text_length(v));
	if (v->type == V_LIST)
		return set_int(v, v->len);
	if (v->type == V_DICT)
		return set_int(v, yyjson_mut_obj_size(v->json));
	return raise(r, "len() of what has no length");
}

static bool
affix(struct run *r, enum call call, const struct value *a,
    const struct value *b, struct value *v)
{
	if (a->type != V_STR || b->type != V_STR)
		return raise(r, "startswith and endswith are of texts");
	return set_bool(v, b->len <= a->len && (b->len == 0 || memcmp(b->s,
	    call == C_STARTSWITH ? a->s : a->s + a->len - b->len, b->len) == 0));
}

/* ---- lists */

static bool
total(struct run *r, struct value *v)
{
	struct value sum = { .type = V_INT };
	size_t i;

	if (v->type != V_LIST)
		return raise(r, "sum() of what is no list");
	for (i = 0; i < v->len; i++)
		if (!is_number(&v->v[i]))
			return raise(r, "sum() of what are no numbers");
		else if (!binary(r, O_ADD, &sum, &v->v[i], &sum))
			return false;
	*v = sum;
	return true;
}

static bool
any_all(struct run *r, bool all, struct value *v)
{
	size_t i;

	if (v->type != V_LIST)
		return raise(r, "any() and all() are of lists");
	for (i = 0; i < v->len; i++)
		if (truth(&v->v[i]) != all)
			return set_bool(v, !all);
	return set_bool(v, all);
}

/* ---- frappe.utils (spec 8: what stock has there) */

/* To even where it lies in the middle, as Frappe rounds. */
static double
rounded(double f, int digits)
{
	double by = pow(10, digits), x, low;

	x = round(f * by * 1e8) / 1e8;
	low = floor(x);
	if (digits == 0 && x - low == 0.5)
		return fmod(low, 2) == 0 ? low : low + 1;
	return (x - low == 0.5 ? (fmod(low, 2) == 0 ? low : low + 1) :
	    round(x)) / by;
}

static bool
flt(struct run *r, struct value *v, const struct value *digits)
{
	char *s, *p;
	double f;

	if (v->type == V_STR) {
		s = p = arena_dup(r->q->a, v->s, v->len);
		for (; *p != '\0'; p++)
			while (*p == ',')
				memmove(p, p + 1, strlen(p));
		set_text(v, s, strlen(s));
		if (!parse_number(r, v, false, v))
			*v = (struct value){ .type = V_FLOAT };
	}
	f = is_number(v) ? as_float(v) : 0;
	if (digits != NULL && digits->type == V_INT && digits->i >= 0 &&
	    digits->i <= 15 && fabs(f) < 1e15)
		f = rounded(f, digits->i);
	return set_float(r, v, f);
}

static bool
cint(struct run *r, struct value *v)
{
	if (!to_float(r, v) || !to_int(r, v))
		set_int(v, 0);
	return true;
}

static bool
today(struct run *r, struct value *v, bool with_time)
{
	char t[TIME_TEXT_LEN];
	size_t n;

	time_local(r->q->now, t);
	n = with_time ? strlen(t) : 10;
	return set_text(v, arena_dup(r->q->a, t, n), n);
}

/* The date at the beginning of a text. */
static bool
date(struct run *r, struct value *v, int64_t *at)
{
	char t[32];

	if (v->type == V_STR && v->len >= 10) {
		snprintf(t, sizeof(t), "%.10s 00:00:00", v->s);
		if (time_parse(t, at))
			return true;
	}
	return raise(r, "this is no date");
}

static bool
set_date(struct run *r, struct value *v, int64_t at)
{
	char t[TIME_TEXT_LEN];

	if (at < FIRST_DAY || at >= LAST_DAY + DAY)
		return raise(r, "a date is out of range");
	time_text(at, t);
	return set_text(v, arena_dup(r->q->a, t, 10), 10);
}

static bool
getdate(struct run *r, struct value *v)
{
	int64_t at;

	if (v->type == V_NONE)
		return today(r, v, false);
	return date(r, v, &at) && set_date(r, v, at);
}

static bool
add_days(struct run *r, struct value *v, struct value *n)
{
	int64_t at;

	if (!date(r, v, &at) || !cint(r, n))
		return false;
	if (n->i > 1000000 || n->i < -1000000)
		return raise(r, "too many days");
	return set_date(r, v, at + n->i * DAY);
}

/* ---- what is asked of the site */

static bool
ask_text(struct run *r, const struct value *v, const char **s)
{
	if (v->type != V_STR || memchr(v->s, '\0', v->len) != NULL)
		return raise(r, "a DocType and a field are named by texts");
	*s = arena_dup(r->q->a, v->s, v->len);
	return true;
}

static bool
ask(struct run *r, enum call call, const struct value *v, int n,
    struct value *to)
{
	const struct expr_site *site = r->q->site;
	const struct value none = { .type = V_NONE };
	const char *doctype, *field = "name";
	yyjson_mut_val *filter, *got = NULL;
	int64_t count = 0;
	bool good;

	if (site == NULL)
		return give_up(r, "there is no site to ask");
	if (!ask_text(r, &v[0], &doctype) ||
	    (call == C_GET_VALUE && !ask_text(r, &v[2], &field)))
		return false;
	if ((filter = to_json(r, n > 1 ? &v[1] : &none)) == NULL)
		return false;
	if (call == C_COUNT)
		good = site->count(site->arg, r->q, doctype, filter, &count);
	else
		good = site->value(site->arg, r->q, doctype, filter, field,
		    &got);
	if (!good)
		return false;
	if (call == C_COUNT)
		return set_int(to, count);
	from_json(r, got, to);
	return true;
}

/* ---- the tree */

static bool
function(struct run *r, const struct node *n, struct value *v, int nv,
    struct value *to)
{
	*to = nv > 0 ? v[0] : (struct value){ .type = V_NONE };
	switch (n->call) {
	case C_LEN:
		return length(r, to);
	case C_STR:
		return to_text(r, to);
	case C_INT:
		return to_int(r, to);
	case C_FLOAT:
		return to_float(r, to);
	case C_SUM:
		return total(r, to);
	case C_ANY:
	case C_ALL:
		return any_all(r, n->call == C_ALL, to);
	case C_NOWDATE:
	case C_NOW:
		return today(r, to, n->call == C_NOW);
	case C_GETDATE:
		return getdate(r, to);
	case C_FLT:
		return flt(r, to, nv > 1 ? &v[1] : NULL);
	case C_CINT:
		return cint(r, to);
	case C_ADD_DAYS:
		return add_days(r, to, &v[1]);
	case C_GET_VALUE:
	case C_EXISTS:
	case C_COUNT:
		return ask(r, n->call, v, nv, to);
	case C_STARTSWITH:
	case C_ENDSWITH:
		return affix(r, n->call, &v[0], &v[1], to);
	default:
		break;
	}
	if (to->type != V_STR)
		return raise(r, "lower, upper and strip are of texts");
	if (n->call != C_STRIP)
		return to_case(r, to, n->call == C_UPPER);
	strip(to);
	return true;
}

static bool
get_field(struct run *r, const struct node *n, const struct node *dflt,
    struct value *v)
{
	yyjson_mut_val *obj = r->q->doc, *j;
	struct value *row;

	if (n->kid[0]->type == N_ROW) {
		row = &r->rows[n->kid[0]->row];
		if (row->type != V_DICT)
			return raise(r, "only rows have fields");
		obj = row->json;
	}
	j = yyjson_mut_obj_getn(obj, n->name, n->len);
	if (!json_is_null(j))
		from_json(r, j, v);
	else if (n->numeric)
		set_int(v, 0);
	else if (dflt != NULL && !n->known && j == NULL)
		return eval(r, dflt, v);
	else
		*v = (struct value){ .type = V_NONE };
	return true;
}

static bool
call(struct run *r, const struct node *n, struct value *to)
{
	struct value v[4] = { { .type = V_NONE } };
	struct node at;
	int i;

	if (n->call == C_GET) {
		at = *n;
		if (!eval(r, n->kid[1], &v[0]))
			return false;
		if (v[0].type != V_STR)
			return raise(r, "a field is named by a text");
		at.name = v[0].s;
		at.len = v[0].len;
		return get_field(r, &at, n->n > 2 ? n->kid[2] : NULL, to);
	}
	for (i = 0; i < n->n; i++)
		if (!eval(r, n->kid[i], &v[i]))
			return false;
	return function(r, n, v, n->n, to);
}

static bool
each(struct run *r, const struct node *n, struct value *to)
{
	struct value over, test = { .type = V_BOOL, .b = true };
	size_t i, k = 0;

	if (!eval(r, n->kid[0], &over))
		return false;
	if (over.type != V_LIST)
		return raise(r, "'for' goes over lists");
	to->v = arena_alloc(r->q->a, over.len * sizeof(*to->v) + 1);
	for (i = 0; i < over.len; i++) {
		r->rows[n->row] = over.v[i];
		if (n->n > 2 && !eval(r, n->kid[2], &test))
			return false;
		if (truth(&test) && !eval(r, n->kid[1], &to->v[k++]))
			return false;
	}
	to->type = V_LIST;
	to->len = k;
	return true;
}

static bool
list(struct run *r, const struct node *n, struct value *to)
{
	struct value *v = arena_alloc(r->q->a, n->n * sizeof(*v) + 1);
	int i;

	for (i = 0; i < n->n; i++)
		if (!eval(r, n->kid[i], &v[i]))
			return false;
	*to = (struct value){ .type = V_LIST, .len = n->n, .v = v };
	return true;
}

static bool
dict(struct run *r, const struct node *n, struct value *to)
{
	yyjson_mut_val *o = yyjson_mut_obj(made_in(r)), *one;
	struct value v;
	int i;

	for (i = 0; i < n->n; i += 2) {
		if (!eval(r, n->kid[i + 1], &v) ||
		    (one = to_json(r, &v)) == NULL)
			return false;
		json_put(r->q->m, o, n->kid[i]->k.s, one);
	}
	*to = (struct value){ .type = V_DICT, .json = o };
	return true;
}

static bool
compare(struct run *r, const struct node *n, struct value *to)
{
	struct value a, b;
	bool is = true;
	int i;

	if (!eval(r, n->kid[0], &a))
		return false;
	for (i = 1; i < n->n && is; i++, a = b)
		if (!eval(r, n->kid[i], &b) ||
		    !holds(r, n->ops[i - 1], &a, &b, &is))
			return false;
	return set_bool(to, is);
}

static bool
either(struct run *r, const struct node *n, struct value *to)
{
	int i = 0;

	do
		if (!eval(r, n->kid[i], to))
			return false;
	while (truth(to) != (n->type == N_OR) && ++i < n->n);
	return true;
}

static bool
choose(struct run *r, const struct node *n, struct value *to)
{
	struct value test;

	return eval(r, n->kid[1], &test) &&
	    eval(r, n->kid[truth(&test) ? 0 : 2], to);
}

static bool
eval(struct run *r, const struct node *n, struct value *to)
{
	struct value b;

	if (r->steps++ == STEPS_MAX)
		return give_up(r, "it takes too long");
	switch (n->type) {
	case N_CONST:
		*to = n->k;
		return true;
	case N_FIELD:
		return get_field(r, n, NULL, to);
	case N_ROW:
		*to = r->rows[n->row];
		return true;
	case N_LIST:
		return list(r, n, to);
	case N_DICT:
		return dict(r, n, to);
	case N_EACH:
		return each(r, n, to);
	case N_CALL:
		return call(r, n, to);
	case N_NOT:
		return eval(r, n->kid[0], to) && set_bool(to, !truth(to));
	case N_AND:
	case N_OR:
		return either(r, n, to);
	case N_IF:
		return choose(r, n, to);
	case N_COMPARE:
		return compare(r, n, to);
	case N_SIGN:
		return eval(r, n->kid[0], to) && signed_(r, *n->ops, to);
	case N_BINARY:
		return eval(r, n->kid[0], to) && eval(r, n->kid[1], &b) &&
		    binary(r, *n->ops, to, &b, to);
	default:
		return raise(r, "the document is no value");
	}
}

enum truth
expr_true(const struct expr *e, struct expr_ask *q)
{
	struct run r = { .q = q };
	struct value v;

	if (!eval(&r, e->top, &v))
		return q->failed ? EXPR_FAILED : EXPR_RAISED;
	return truth(&v) ? EXPR_TRUE : EXPR_FALSE;
}

yyjson_mut_val *
expr_value(const struct expr *e, struct expr_ask *q)
{
	struct run r = { .q = q };
	struct value v;

	return eval(&r, e->top, &v) ? to_json(&r, &v) : NULL;
}
