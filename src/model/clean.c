/* clean.c - a stored document of a posted one: its shape, its defaults
 * (spec 5.1) */

#include <string.h>
#include <strings.h>

#include "model/check.h"

/* ---- doc_clean */

static bool
site_sets(const char *key, size_t len)
{
	return meta_standard(key, len) &&
	    !(len == 4 && memcmp(key, "name", 4) == 0);
}

/* Drops from a row what is its document's; gives it name and idx. */
static void
clean_row(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *row,
    int64_t idx)
{
	const struct field *f;
	yyjson_mut_val *key, *name;
	yyjson_mut_obj_iter it;
	char hex[11];
	size_t at = 0, len;
	bool kept = false;

	yyjson_mut_obj_iter_init(row, &it);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		len = yyjson_mut_get_len(key);
		if (!site_sets(yyjson_mut_get_str(key), len)) {
			f = m == NULL ? NULL :
			    meta_next(m, &at, yyjson_mut_get_str(key), len);
			if (f != NULL)
				yyjson_mut_set_strn(key, f->name, len);
			continue;
		}
		if (yyjson_mut_equals_str(key, "idx") && json_mut_val_int(
		    yyjson_mut_obj_iter_get_val(key), 0) == idx)
			kept = true;
		else
			yyjson_mut_obj_iter_remove(&it);
	}
	name = yyjson_mut_obj_get(row, "name");
	if (json_is_null(name) || yyjson_mut_equals_str(name, "")) {
		id_hex(hex, 10);
		yyjson_mut_obj_remove_key(row, "name");
		yyjson_mut_obj_insert(row, yyjson_mut_str(d, "name"),
		    yyjson_mut_strcpy(d, hex), 0);
	}
	if (!kept)
		yyjson_mut_obj_insert(row, yyjson_mut_str(d, "idx"),
		    json_new_int(d, idx), 1);
}

/* Adds the row's name to those of its table. */
static bool
row_name(struct map *names, const struct field *f, yyjson_mut_val *row,
    size_t i, struct fault *fault)
{
	yyjson_mut_val *name = yyjson_mut_obj_get(row, "name");
	const char *s;
	size_t len;

	if (!value_is_name(name))
		return fault_set(fault, "type", "row %zu of '%s': the name of "
		    "a row is a string", i, f->name);
	s = value_text(name, &len);
	if (map_get(names, s, len) != NULL)
		return fault_set(fault, "type", "row %zu of '%s': the name "
		    "'%.*s' stands twice", i, f->name, value_shown(s, len), s);
	map_set(names, s, len, row);
	return true;
}

static bool
clean_rows(yyjson_mut_doc *d, const struct field *f, yyjson_mut_val *rows,
    struct fault *fault)
{
	struct map names = { 0 };
	yyjson_mut_arr_iter it;
	yyjson_mut_val *row;
	size_t i;
	bool ok = true;

	if (yyjson_mut_is_null(rows))
		return yyjson_mut_set_arr(rows);
	if (!yyjson_mut_is_arr(rows))
		return fault_set(fault, "type", "'%s' wants an array of rows",
		    f->name);
	yyjson_mut_arr_iter_init(rows, &it);
	for (i = 1; (row = yyjson_mut_arr_iter_next(&it)) != NULL; i++)
		if (!yyjson_mut_is_obj(row))
			return fault_set(fault, "type", "row %zu of '%s' is no "
			    "object", i, f->name);
	rows_sort(rows);
	yyjson_mut_arr_iter_init(rows, &it);
	for (i = 1; ok && (row = yyjson_mut_arr_iter_next(&it)) != NULL; i++) {
		clean_row(d, f->child, row, i);
		ok = row_name(&names, f, row, i, fault);
	}
	map_free(&names);
	return ok;
}

/* An integer, as a stock site has it where names are counted, is made text. */
static bool
clean_name(yyjson_mut_val *name, struct fault *fault)
{
	const char *s;
	size_t len;

	if (yyjson_mut_is_raw(name) && value_is_whole(name)) {
		s = value_text(name, &len);
		return yyjson_mut_set_strn(name, s, len);
	}
	return json_is_null(name) || value_is_name(name) ||
	    fault_set(fault, "type", "'name' wants a string");
}

bool
doc_clean(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *doc,
    struct fault *fault)
{
	const struct field *f;
	yyjson_mut_obj_iter it;
	yyjson_mut_val *key, *v;
	const char *s;
	size_t at = 0, len;

	if (!yyjson_mut_obj_iter_init(doc, &it))
		return fault_set(fault, "type", "a document is an object");
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		s = yyjson_mut_get_str(key);
		len = yyjson_mut_get_len(key);
		v = yyjson_mut_obj_iter_get_val(key);
		f = meta_next(m, &at, s, len);
		if (f != NULL) {
			yyjson_mut_set_strn(key, f->name, len);
			if (f->kind == K_TABLE && !clean_rows(d, f, v, fault))
				return false;
		} else if (yyjson_mut_equals_str(key, "docstatus")) {
			if (value_docstatus(v) < 0)
				return fault_set(fault, "docstatus",
				    "'docstatus' is 0, 1 or 2");
			if (json_is_null(v))
				yyjson_mut_obj_iter_remove(&it);
		} else if (yyjson_mut_equals_str(key, "name")) {
			if (!clean_name(v, fault))
				return false;
		} else if (meta_standard(s, len))
			yyjson_mut_obj_iter_remove(&it);
	}
	return true;
}

/* ---- doc_defaults */

/* Today and Now are the site's local ones, as in Frappe. */
static yyjson_mut_val *
default_time(yyjson_mut_doc *d, const struct field *f, int64_t now)
{
	char buf[TIME_TEXT_LEN];

	time_local(now, buf);
	if (f->kind != K_TIME && strcasecmp(f->dflt, "Today") == 0)
		return yyjson_mut_strncpy(d, buf, 10);
	if (strcasecmp(f->dflt, "Now") == 0)
		return f->kind == K_DATE ? yyjson_mut_strncpy(d, buf, 10) :
		    yyjson_mut_strcpy(d, f->kind == K_TIME ? buf + 11 : buf);
	if (value_is_time(f->kind, f->dflt, strlen(f->dflt)))
		return yyjson_mut_strcpy(d, f->dflt);
	return NULL;
}

static yyjson_mut_val *
first_option(yyjson_mut_doc *d, const struct field *f)
{
	const char *at = f->options, *s;
	size_t len;

	while ((s = meta_option(&at, &len)) != NULL)
		if (len > 0)
			return yyjson_mut_strncpy(d, s, len);
	return NULL;
}

/* NULL if there is none. */
static yyjson_mut_val *
default_of(yyjson_mut_doc *d, const struct field *f, const char *user,
    int64_t now)
{
	const char *s = f->dflt;

	if (s == NULL)
		return f->kind == K_SELECT && f->reqd ? first_option(d, f) :
		    NULL;
	if (*s == ':')
		return NULL;
	switch (f->kind) {
	case K_CHECK:
	case K_INT:
	case K_FLOAT:
		return number_valid(s, strlen(s)) ? yyjson_mut_rawcpy(d, s) :
		    NULL;
	case K_DATE:
	case K_DATETIME:
	case K_TIME:
		return default_time(d, f, now);
	case K_TEXT:
	case K_LINK:
	case K_DYNAMIC:
	case K_SELECT:
	case K_JSON:
		if (strcmp(s, "__user") == 0)
			s = user;
		return s == NULL ? NULL : yyjson_mut_strcpy(d, s);
	default:
		return NULL;
	}
}

static void
fill(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *obj,
    const char *user, int64_t now)
{
	const struct field *f;
	yyjson_mut_arr_iter it;
	yyjson_mut_val *v, *row;
	size_t i;

	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (f->kind == K_TABLE && f->child != NULL) {
			yyjson_mut_arr_iter_init(yyjson_mut_obj_get(obj,
			    f->name), &it);
			while ((row = yyjson_mut_arr_iter_next(&it)) != NULL)
				fill(d, f->child, row, user, now);
		} else if (!f->is_virtual &&
		    (v = default_of(d, f, user, now)) != NULL &&
		    json_is_null(yyjson_mut_obj_get(obj, f->name)))
			yyjson_mut_obj_put(obj, yyjson_mut_strcpy(d, f->name),
			    v);
	}
}

void
doc_defaults(yyjson_mut_doc *d, const struct meta *m, yyjson_mut_val *doc,
    const char *user, int64_t now)
{
	fill(d, m, doc, user, now);
}
