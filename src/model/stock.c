/* stock.c - values as stock logs them: as a client posted them, not as it
 * stored them (spec 7.2) */

#include <string.h>

#include "model/model.h"

static void
to_number(yyjson_mut_val *v)
{
	const char *s = yyjson_mut_get_str(v);
	size_t len = yyjson_mut_get_len(v);

	if (yyjson_mut_is_bool(v))
		yyjson_mut_set_raw(v, yyjson_mut_get_bool(v) ? "1" : "0", 1);
	else if (s != NULL && len == 0)
		yyjson_mut_set_raw(v, "0", 1);
	else if (s != NULL && number_valid(s, len))
		yyjson_mut_set_raw(v, s, len);
}

static void
to_text(yyjson_mut_val *v)
{
	if (yyjson_mut_is_bool(v))
		yyjson_mut_set_strn(v, yyjson_mut_get_bool(v) ? "1" : "0", 1);
	else if (yyjson_mut_is_raw(v))
		yyjson_mut_set_strn(v, yyjson_mut_get_raw(v),
		    yyjson_mut_get_len(v));
}

/* A day may come with its time, a time with a T before it. */
static void
to_time(yyjson_mut_doc *d, const struct field *f, yyjson_mut_val *v)
{
	const char *s = yyjson_mut_get_str(v);
	size_t len = yyjson_mut_get_len(v);
	yyjson_mut_val *copy;

	if (s == NULL || len <= 10 || (s[10] != ' ' && s[10] != 'T'))
		return;
	if (f->kind == K_DATE)
		yyjson_mut_set_strn(v, s, 10);
	else if (s[10] == 'T') {
		copy = yyjson_mut_strncpy(d, s, len);
		((char *)yyjson_mut_get_str(copy))[10] = ' ';
		yyjson_mut_set_strn(v, yyjson_mut_get_str(copy), len);
	}
}

static void
cast(yyjson_mut_doc *d, const struct field *f, yyjson_mut_val *v)
{
	switch (f->kind) {
	case K_CHECK:
	case K_INT:
	case K_FLOAT:
		to_number(v);
		break;
	case K_TEXT:
	case K_LINK:
	case K_DYNAMIC:
	case K_SELECT:
		to_text(v);
		break;
	case K_DATE:
	case K_DATETIME:
		to_time(d, f, v);
		break;
	default:
		break;
	}
}

static void
cast_rows(yyjson_mut_doc *d, const struct field *f, yyjson_mut_val *rows)
{
	yyjson_mut_val *row;
	size_t i, n;

	yyjson_mut_arr_foreach(rows, i, n, row)
		stock_doc(d, f->child, row);
}

void
stock_doc(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *doc)
{
	const struct field *f;
	yyjson_mut_val *key, *v;
	size_t i, n;

	yyjson_mut_obj_foreach(doc, i, n, key, v) {
		f = m == NULL ? NULL : meta_field(m, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		if (f == NULL) {
			if (yyjson_mut_equals_str(key, "docstatus"))
				to_number(v);
		} else if (f->kind == K_TABLE)
			cast_rows(d, f, v);
		else
			cast(d, f, v);
	}
}

void
stock_diff(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *diff)
{
	stock_doc(d, m, yyjson_mut_obj_get(diff, "changed"));
	stock_doc(d, m, yyjson_mut_obj_get(diff, "added"));
	stock_doc(d, m, yyjson_mut_obj_get(diff, "row_changed"));
}
