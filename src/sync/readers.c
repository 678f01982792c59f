/* readers.c - who was sent what: the consumers of Event Update Log documents */

#include <stdlib.h>
#include <string.h>

#include "sync/sync.h"

struct readers {
	struct site	*s;
	struct arena	 a;
	char		**names;	/* of all Event Consumers */
	struct view	**views;
	size_t		 n;
};

struct readers *
readers_open(struct site *s)
{
	struct readers *r = xcalloc(1, sizeof(*r));
	size_t i;

	r->s = s;
	arena_init(&r->a);
	r->names = consumer_names(s, &r->a, NULL);
	while (r->names[r->n] != NULL)
		r->n++;
	r->views = arena_alloc(&r->a, (r->n + 1) * sizeof(*r->views));
	for (i = 0; i < r->n; i++)
		r->views[i] = view_open(s, r->names[i]);
	return r;
}

void
readers_close(struct readers *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++)
		view_close(r->views[i]);
	arena_free(&r->a);
	free(r);
}

/* The entry of the journal that the document shows. */
static bool
find_entry(struct readers *r, struct arena *a, yyjson_mut_val *doc,
    struct entry *e)
{
	const char *creation = json_mut_str(doc, "creation");
	int64_t at;

	return creation != NULL && time_parse(creation, &at) &&
	    journal_get(r->s, a, at, e);
}

char *
readers_add(struct readers *r, struct arena *a, const char *json, size_t *len)
{
	yyjson_mut_doc *m = yyjson_doc_mut_copy(json_parse_own(a, json, *len),
	    &a->alc);
	yyjson_mut_val *doc = yyjson_mut_doc_get_root(m), *rows, *row;
	struct entry e;
	size_t i;

	rows = yyjson_mut_arr(m);
	for (i = 0; find_entry(r, a, doc, &e) && i < r->n; i++) {
		if (r->views[i] == NULL || !view_sent(r->views[i], &e))
			continue;
		row = yyjson_mut_arr_add_obj(m, rows);
		json_put(m, row, "idx", json_new_int(m,
		    yyjson_mut_arr_size(rows)));
		json_put(m, row, "consumer", json_new_str(m, r->names[i]));
	}
	json_put(m, doc, "consumers", rows);
	return json_mut_text(a, doc, len);
}
