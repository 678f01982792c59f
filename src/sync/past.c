/* past.c - a document as it was, by its journal */

#include <stdlib.h>
#include <string.h>

#include "sync/merge.h"

/* The journal has the names that link targets had then; it knows them by number. */
struct naming {
	struct merge	*g;
	yyjson_mut_doc	*m;
	yyjson_val	*links;		/* {doctype:{name:id}} */
};

static void
name_now(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct naming *n = arg;
	int64_t id = json_val_int(yyjson_obj_get(yyjson_obj_get(n->links,
	    doctype), yyjson_mut_get_str(value)), 0);
	struct doc d;

	if (id != 0 && doc_load(n->g->s, n->g->a, id, false, &d))
		json_put(n->m, obj, f->name, json_new_str(n->m, d.name));
}

yyjson_mut_val *
past_data(struct plan *p, const struct entry *j, yyjson_mut_val *full)
{
	struct naming n = { p->g, p->m, NULL };
	yyjson_mut_val *data = yyjson_val_mut_copy(p->m, yyjson_doc_get_root(
	    json_parse_own(p->g->a, j->data, j->datalen)));

	if (j->links == NULL)
		return data;
	n.links = yyjson_doc_get_root(json_parse_own(p->g->a, j->links,
	    strlen(j->links)));
	if (j->type == U_CREATE)
		doc_links(p->meta, data, name_now, &n);
	else if (j->type == U_UPDATE)
		diff_links(p->meta, data, full, name_now, &n);
	return data;
}

/* The document as it was at its newest entry without data. */
static yyjson_mut_val *
state_at(struct plan *p, const struct entry *j)
{
	const char *text;
	size_t len;

	text = state_get(p->g->s, p->g->a, j, &len);
	return text == NULL ? NULL : yyjson_val_mut_copy(p->m,
	    yyjson_doc_get_root(json_parse_own(p->g->a, text, len)));
}

yyjson_mut_val *
past_body(struct plan *p, int64_t entry)
{
	struct merge *g = p->g;
	yyjson_mut_val *body = NULL;
	struct entry *v;
	size_t i, n, end;

	v = journal_of(g->s, g->a, p->d->last, &n);
	for (end = 0; end < n && v[end].creation < entry; end++)
		;
	for (i = end; i > 0; i--)
		if (v[i - 1].type == U_CREATE || entry_pruned(&v[i - 1]))
			break;
	if (i > 0)
		body = entry_pruned(&v[i - 1]) ? state_at(p, &v[i - 1]) :
		    past_data(p, &v[i - 1], NULL);
	for (; i < end && body != NULL; i++)
		if (v[i].type == U_UPDATE)
			diff_apply(p->m, p->meta, body,
			    past_data(p, &v[i], body));
	free(v);
	return body;
}
