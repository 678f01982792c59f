/* links.c - the links of a document, or of a diff */

#include "model/check.h"

const char *
links_target(const struct field *f, yyjson_mut_val *obj, yyjson_mut_val *full)
{
	yyjson_mut_val *v;
	const char *s;

	if (f->kind == K_LINK)
		return f->options;
	if (f->dyn == NULL)
		return NULL;
	v = yyjson_mut_obj_get(obj, f->dyn->name);
	if (v == NULL)
		v = yyjson_mut_obj_get(full, f->dyn->name);
	s = value_is_name(v) ? yyjson_mut_get_str(v) : NULL;
	return s == NULL ? "" : s;
}

/* The links of an object; full has the halves that it lacks. */
static void
object_links(const struct meta *m, yyjson_mut_val *obj, yyjson_mut_val *full,
    link_fn *fn, void *arg)
{
	const struct field *f;
	yyjson_mut_obj_iter it;
	yyjson_mut_val *key, *v;
	const char *doctype;
	size_t at = 0;

	yyjson_mut_obj_iter_init(obj, &it);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		f = meta_next(m, &at, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		if (f == NULL || f->is_virtual ||
		    (f->kind != K_LINK && f->kind != K_DYNAMIC))
			continue;
		v = yyjson_mut_obj_iter_get_val(key);
		if (!value_is_name(v) || yyjson_mut_get_len(v) == 0)
			continue;
		doctype = links_target(f, obj, full);
		if (doctype != NULL && *doctype != '\0')
			fn(arg, obj, f, doctype, v);
	}
}

static void
row_links(const struct meta *m, yyjson_mut_val *rows, yyjson_mut_val *full,
    link_fn *fn, void *arg)
{
	struct finder old;
	yyjson_mut_arr_iter it;
	yyjson_mut_val *row;

	finder_open(&old, full);
	yyjson_mut_arr_iter_init(rows, &it);
	while ((row = yyjson_mut_arr_iter_next(&it)) != NULL)
		object_links(m, row, finder_row(&old, row), fn, arg);
	finder_close(&old);
}

/* The tables of a document or of a part of a diff. */
static void
table_links(const struct meta *m, yyjson_mut_val *obj, yyjson_mut_val *full,
    link_fn *fn, void *arg)
{
	const struct field *f;
	yyjson_mut_obj_iter it;
	yyjson_mut_val *key;
	size_t at = 0;

	yyjson_mut_obj_iter_init(obj, &it);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		f = meta_next(m, &at, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		if (f != NULL && f->kind == K_TABLE && f->child != NULL)
			row_links(f->child, yyjson_mut_obj_iter_get_val(key),
			    yyjson_mut_obj_get(full, f->name), fn, arg);
	}
}

void
doc_links(const struct meta *m, yyjson_mut_val *doc, link_fn *fn, void *arg)
{
	object_links(m, doc, NULL, fn, arg);
	table_links(m, doc, NULL, fn, arg);
}

void
diff_links(const struct meta *m, yyjson_mut_val *diff, yyjson_mut_val *full,
    link_fn *fn, void *arg)
{
	object_links(m, yyjson_mut_obj_get(diff, "changed"), full, fn, arg);
	table_links(m, yyjson_mut_obj_get(diff, "added"), NULL, fn, arg);
	table_links(m, yyjson_mut_obj_get(diff, "row_changed"), full, fn, arg);
}
