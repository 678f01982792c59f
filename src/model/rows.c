/* rows.c - the rows of a table: their order, and one by its name */

#include <stdlib.h>
#include <string.h>

#include "model/check.h"

struct ranked {
	int64_t		 idx;
	size_t		 at;
	yyjson_mut_val	*row;
};

static int
by_idx(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	if (a->idx != b->idx)
		return a->idx < b->idx ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* Does each row have an idx, and are some not in their order? */
static bool
must_sort(yyjson_mut_val *rows)
{
	yyjson_mut_arr_iter it;
	yyjson_mut_val *row;
	int64_t idx, last = 0;
	bool must = false;

	yyjson_mut_arr_iter_init(rows, &it);
	while ((row = yyjson_mut_arr_iter_next(&it)) != NULL) {
		idx = json_mut_int(row, "idx", 0);
		if (idx <= 0)
			return false;
		must |= idx < last;
		last = idx;
	}
	return must;
}

void
rows_sort(yyjson_mut_val *rows)
{
	size_t n = yyjson_mut_arr_size(rows), i;
	yyjson_mut_arr_iter it;
	struct ranked *v;

	if (!must_sort(rows))
		return;
	v = xmalloc(n * sizeof(*v));
	yyjson_mut_arr_iter_init(rows, &it);
	for (i = 0; i < n; i++) {
		v[i].row = yyjson_mut_arr_iter_next(&it);
		v[i].idx = json_mut_int(v[i].row, "idx", 0);
		v[i].at = i;
	}
	qsort(v, n, sizeof(*v), by_idx);
	yyjson_mut_arr_clear(rows);
	for (i = 0; i < n; i++)
		yyjson_mut_arr_append(rows, v[i].row);
	free(v);
}

yyjson_mut_val *
row_named(yyjson_mut_val *rows, const char *name)
{
	yyjson_mut_val *row;
	size_t i, max;

	yyjson_mut_arr_foreach(rows, i, max, row) {
		if (yyjson_mut_equals_str(yyjson_mut_obj_get(row, "name"),
		    name))
			return row;
	}
	return NULL;
}

void
finder_open(struct finder *at, yyjson_mut_val *rows)
{
	memset(at, 0, sizeof(*at));
	at->rows = rows;
	yyjson_mut_arr_iter_init(rows, &at->it);
}

void
finder_close(struct finder *at)
{
	map_free(&at->map);
}

static void
index_rows(struct finder *at)
{
	yyjson_mut_val *row, *name;
	const char *s;
	size_t len;

	at->mapped = true;
	yyjson_mut_arr_iter_init(at->rows, &at->it);
	while ((row = yyjson_mut_arr_iter_next(&at->it)) != NULL) {
		name = yyjson_mut_obj_get(row, "name");
		s = value_text(name, &len);
		if (s != NULL)
			map_set(&at->map, s, len, row);
	}
}

yyjson_mut_val *
finder_row(struct finder *at, yyjson_mut_val *row)
{
	yyjson_mut_val *name = yyjson_mut_obj_get(row, "name"), *old;
	const char *s;
	size_t len;

	s = value_text(name, &len);
	if (s == NULL || yyjson_mut_arr_size(at->rows) == 0)
		return NULL;
	if (!at->mapped) {
		old = yyjson_mut_arr_iter_next(&at->it);
		if (yyjson_mut_equals(yyjson_mut_obj_get(old, "name"), name))
			return old;
		index_rows(at);
	}
	return map_get(&at->map, s, len);
}
