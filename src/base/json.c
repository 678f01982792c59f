/* json.c - yyjson, with our limits */

#include <string.h>

#include "base/base.h"

/* ---- reading */

enum { FEW = 128 };		/* keys that are compared without a map */

static size_t
key_hash(yyjson_val *key)
{
	const char *s = yyjson_get_str(key);
	size_t len = yyjson_get_len(key);
	uint64_t head = 0, tail = 0;

	if (len >= 8) {
		memcpy(&head, s, 8);
		memcpy(&tail, s + len - 8, 8);
	} else
		memcpy(&head, s, len);
	head = (head ^ len) * 0x9e3779b97f4a7c15;
	return (head ^ tail) * 0xc2b2ae3d27d4eb4f >> 56;
}

/* The first key that stands twice in an object of at most FEW, or NULL. */
static yyjson_val *
doubled_few(yyjson_val *obj)
{
	unsigned char slots[2 * FEW];
	yyjson_val *keys[FEW], *key, *val;
	size_t i, max, at, cap = 4;

	while (cap < 2 * yyjson_obj_size(obj))
		cap *= 2;
	memset(slots, 0, cap);
	yyjson_obj_foreach(obj, i, max, key, val) {
		at = key_hash(key) & (cap - 1);
		for (; slots[at] != 0; at = (at + 1) & (cap - 1))
			if (yyjson_equals(keys[slots[at] - 1], key))
				return key;
		keys[i] = key;
		slots[at] = i + 1;
	}
	return NULL;
}

static yyjson_val *
doubled_many(yyjson_val *obj)
{
	yyjson_val *key, *val, *found = NULL;
	struct map map = { 0 };
	const char *s;
	size_t i, max, len;

	yyjson_obj_foreach(obj, i, max, key, val) {
		s = yyjson_get_str(key);
		len = yyjson_get_len(key);
		if (map_get(&map, s, len) != NULL) {
			found = key;
			break;
		}
		map_set(&map, s, len, key);
	}
	map_free(&map);
	return found;
}

/* One pass over all values, which lie one after the other.  NULL, or what is
 * wrong with them. */
static const char *
refused(struct arena *a, yyjson_doc *doc)
{
	yyjson_val *v = yyjson_doc_get_root(doc), *key;
	yyjson_val *end = v + yyjson_doc_get_val_count(doc);
	yyjson_val *ends[NEST_MAX];	/* of the containers v is in */
	size_t depth = 0;

	for (; v < end; v++) {
		while (depth > 0 && v >= ends[depth - 1])
			depth--;
		if (!yyjson_is_ctn(v))
			continue;
		if (depth == NEST_MAX)
			return "nested too deeply";
		ends[depth++] = unsafe_yyjson_get_next(v);
		if (!yyjson_is_obj(v))
			continue;
		key = yyjson_obj_size(v) <= FEW ?
		    doubled_few(v) : doubled_many(v);
		if (key != NULL)
			return arena_printf(a, "key '%.100s' stands twice",
			    yyjson_get_str(key));
	}
	return NULL;
}

yyjson_doc *
json_parse(struct arena *a, const char *s, size_t len, const char **why)
{
	yyjson_read_err err;
	yyjson_doc *doc;

	doc = yyjson_read_opts((char *)s, len, YYJSON_READ_NUMBER_AS_RAW,
	    &a->alc, &err);
	if (doc == NULL) {
		*why = arena_printf(a, "%s at byte %zu", err.msg, err.pos);
		return NULL;
	}
	*why = refused(a, doc);
	return *why == NULL ? doc : NULL;
}

yyjson_doc *
json_parse_own(struct arena *a, const char *s, size_t len)
{
	return yyjson_read_opts((char *)s, len, YYJSON_READ_NUMBER_AS_RAW,
	    &a->alc, NULL);
}

/* ---- writing: what is not UTF-8 is no reason to write nothing */

char *
json_text(struct arena *a, const yyjson_val *v, size_t *len)
{
	return yyjson_val_write_opts(v, YYJSON_WRITE_ALLOW_INVALID_UNICODE,
	    &a->alc, len, NULL);
}

char *
json_mut_text(struct arena *a, const yyjson_mut_val *v, size_t *len)
{
	return yyjson_mut_val_write_opts(v, YYJSON_WRITE_ALLOW_INVALID_UNICODE,
	    &a->alc, len, NULL);
}

char *
json_stored_text(struct arena *a, const yyjson_mut_val *v, size_t *len)
{
	return yyjson_mut_val_write_opts(v, YYJSON_WRITE_NOFLAG, &a->alc, len,
	    NULL);
}

/* ---- members */

static const char *
whole_string(const char *s, size_t len)
{
	return s == NULL || memchr(s, '\0', len) != NULL ? NULL : s;
}

const char *
json_str(yyjson_val *obj, const char *key)
{
	yyjson_val *v = yyjson_obj_get(obj, key);

	return whole_string(yyjson_get_str(v), yyjson_get_len(v));
}

const char *
json_mut_str(yyjson_mut_val *obj, const char *key)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(obj, key);

	return whole_string(yyjson_mut_get_str(v), yyjson_mut_get_len(v));
}

/* n * 10^power; false if it is too large. */
static bool
shift(int64_t *n, int64_t power)
{
	for (; power > 0 && *n != 0; power--)
		if (__builtin_mul_overflow(*n, 10, n))
			return false;
	return true;
}

/* The part of a token before its e, as n * 10^power with no zero at the end
 * of n.  Returns where the part ends, or NULL if n is too large. */
static const char *
mantissa(const char *p, const char *end, int64_t *n, int64_t *power)
{
	bool neg = *p == '-', dot = false;
	int zeros = 0, d;

	*n = *power = 0;
	for (p += neg; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			dot = true;
			continue;
		}
		*power -= dot;
		d = *p - '0';
		if (d == 0) {
			zeros++;
			continue;
		}
		if (!shift(n, zeros + 1) ||
		    __builtin_add_overflow(*n, neg ? -d : d, n))
			return NULL;
		zeros = 0;
	}
	*power += zeros;
	return p;
}

/* The part of a token from its e on, if any. */
static int64_t
exponent(const char *p, const char *end)
{
	int64_t n = 0;
	bool neg = false;

	if (p < end && (*++p == '-' || *p == '+'))
		neg = *p++ == '-';
	for (; p < end && n < INT32_MAX; p++)
		n = n * 10 + (*p - '0');
	return neg ? -n : n;
}

static int64_t
token_int(const char *s, size_t len, int64_t dflt)
{
	const char *end = s + len, *p;
	int64_t n, power;

	if (!number_whole(s, len))
		return dflt;
	p = mantissa(s, end, &n, &power);
	if (p == NULL || !shift(&n, power + exponent(p, end)))
		return dflt;
	return n;
}

int64_t
json_val_int(yyjson_val *v, int64_t dflt)
{
	if (yyjson_is_bool(v))
		return yyjson_get_bool(v);
	if (!yyjson_is_raw(v))
		return dflt;
	return token_int(yyjson_get_raw(v), yyjson_get_len(v), dflt);
}

int64_t
json_mut_val_int(yyjson_mut_val *v, int64_t dflt)
{
	if (yyjson_mut_is_bool(v))
		return yyjson_mut_get_bool(v);
	if (!yyjson_mut_is_raw(v))
		return dflt;
	return token_int(yyjson_mut_get_raw(v), yyjson_mut_get_len(v), dflt);
}

int64_t
json_int(yyjson_val *obj, const char *key, int64_t dflt)
{
	return json_val_int(yyjson_obj_get(obj, key), dflt);
}

int64_t
json_mut_int(yyjson_mut_val *obj, const char *key, int64_t dflt)
{
	return json_mut_val_int(yyjson_mut_obj_get(obj, key), dflt);
}

void
json_put(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key,
    yyjson_mut_val *val)
{
	yyjson_mut_val *k = yyjson_mut_str(doc, key);

	if (!yyjson_mut_obj_replace(obj, k, val))
		yyjson_mut_obj_add(obj, k, val);
}

yyjson_mut_val *
json_new_int(yyjson_mut_doc *doc, int64_t n)
{
	char text[24];
	size_t len = text_int(text, n);

	return yyjson_mut_rawncpy(doc, text, len);
}

yyjson_mut_val *
json_new_str(yyjson_mut_doc *doc, const char *s)
{
	return s == NULL ? yyjson_mut_null(doc) : yyjson_mut_strcpy(doc, s);
}

yyjson_mut_val *
json_new_raw(yyjson_mut_doc *doc, const char *s, size_t len)
{
	return yyjson_mut_rawn(doc, s, len);
}

/* ---- comparing */

bool
json_is_null(yyjson_mut_val *v)
{
	return v == NULL || yyjson_mut_is_null(v);
}

/* The key of the next member that is not null. */
static yyjson_mut_val *
next_key(yyjson_mut_obj_iter *it)
{
	yyjson_mut_val *key;

	while ((key = yyjson_mut_obj_iter_next(it)) != NULL)
		if (!yyjson_mut_is_null(yyjson_mut_obj_iter_get_val(key)))
			break;
	return key;
}

static size_t
count(yyjson_mut_val *key, yyjson_mut_obj_iter it)
{
	size_t n = 0;

	for (; key != NULL; key = next_key(&it))
		n++;
	return n;
}

/* The members from ka and kb on, which stand in another order. */
static bool
same_mixed(yyjson_mut_obj_iter *a, yyjson_mut_val *ka,
    yyjson_mut_obj_iter *b, yyjson_mut_val *kb)
{
	struct map map = { 0 };
	yyjson_mut_val *v;
	bool same = true;

	if (count(ka, *a) != count(kb, *b))
		return false;
	for (; kb != NULL; kb = next_key(b))
		map_set(&map, yyjson_mut_get_str(kb), yyjson_mut_get_len(kb),
		    yyjson_mut_obj_iter_get_val(kb));
	for (; ka != NULL && same; ka = next_key(a)) {
		v = map_get(&map, yyjson_mut_get_str(ka),
		    yyjson_mut_get_len(ka));
		same = v != NULL &&
		    json_same(yyjson_mut_obj_iter_get_val(ka), v);
	}
	map_free(&map);
	return same;
}

static bool
same_objects(yyjson_mut_val *a, yyjson_mut_val *b)
{
	yyjson_mut_obj_iter ia, ib;
	yyjson_mut_val *ka, *kb;

	yyjson_mut_obj_iter_init(a, &ia);
	yyjson_mut_obj_iter_init(b, &ib);
	for (;;) {
		ka = next_key(&ia);
		kb = next_key(&ib);
		if (ka == NULL || kb == NULL)
			return ka == kb;
		if (!yyjson_mut_equals(ka, kb))
			return same_mixed(&ia, ka, &ib, kb);
		if (!json_same(yyjson_mut_obj_iter_get_val(ka),
		    yyjson_mut_obj_iter_get_val(kb)))
			return false;
	}
}

static bool
same_arrays(yyjson_mut_val *a, yyjson_mut_val *b)
{
	yyjson_mut_arr_iter ia, ib;
	yyjson_mut_val *v;

	if (yyjson_mut_arr_size(a) != yyjson_mut_arr_size(b))
		return false;
	yyjson_mut_arr_iter_init(a, &ia);
	yyjson_mut_arr_iter_init(b, &ib);
	while ((v = yyjson_mut_arr_iter_next(&ia)) != NULL)
		if (!json_same(v, yyjson_mut_arr_iter_next(&ib)))
			return false;
	return true;
}

static bool
same_raw(yyjson_mut_val *a, yyjson_mut_val *b)
{
	const char *s = yyjson_mut_get_raw(a), *t = yyjson_mut_get_raw(b);
	size_t m = yyjson_mut_get_len(a), n = yyjson_mut_get_len(b);

	if (m == n && memcmp(s, t, n) == 0)
		return true;
	return number_valid(s, m) && number_valid(t, n) &&
	    number_compare(s, m, t, n) == 0;
}

bool
json_same(yyjson_mut_val *a, yyjson_mut_val *b)
{
	if (a == b)
		return true;
	if (json_is_null(a) || json_is_null(b))
		return json_is_null(a) && json_is_null(b);
	if (yyjson_mut_get_type(a) != yyjson_mut_get_type(b))
		return false;
	switch (yyjson_mut_get_type(a)) {
	case YYJSON_TYPE_OBJ:
		return same_objects(a, b);
	case YYJSON_TYPE_ARR:
		return same_arrays(a, b);
	case YYJSON_TYPE_RAW:
		return same_raw(a, b);
	default:
		return yyjson_mut_equals(a, b);
	}
}
