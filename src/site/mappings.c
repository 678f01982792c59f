/* mappings.c - what mappings name, as it stands in a site, or as one behind a
 * URL gives it (spec 3.2) */

#include <stdlib.h>
#include <string.h>

#include "site/site.h"

static yyjson_val *
find(void *arg, const char *doctype, const char *name)
{
	struct site_mappings *m = arg;
	const struct meta *meta = site_meta(m->s, doctype);
	struct doc d;

	if (meta == NULL || !doc_find(m->s, m->a, meta, name, true, &d))
		return NULL;
	return yyjson_doc_get_root(json_parse_own(m->a, d.data, d.len));
}

static const struct meta *
meta(void *arg, const char *doctype)
{
	return site_meta(((struct site_mappings *)arg)->s, doctype);
}

static const struct mapping_jq jq = { prog_open, prog_check, prog_ask,
    prog_close };

struct mapping_source
site_mappings(struct site_mappings *m, struct site *s, struct arena *a)
{
	*m = (struct site_mappings){ .s = s, .a = a };
	return (struct mapping_source){ .arg = m, .doc = find, .meta = meta,
	    .jq = &jq };
}

/* ---- behind a URL */

static const struct meta absent = { .name = "" };

/* It does not give this one, or nothing more is asked of it. */
static const struct meta *
lacking(struct remote_mappings *m, const char *doctype)
{
	const char *why;
	int status = remote_fault(m->remote, &why);

	if (remote_code(m->remote) == 403)
		status = REJECTED;
	m->over = status != REJECTED;
	m->lacks(m->arg, doctype, status, why);
	return &meta_unknown;
}

static yyjson_val **
elements(struct arena *a, yyjson_val *list, size_t *n)
{
	yyjson_val **v = arena_alloc(a, (yyjson_arr_size(list) + 1) *
	    sizeof(*v)), *one;
	size_t i;

	yyjson_arr_foreach(list, i, *n, one)
		v[i] = one;
	return v;
}

/* With what is laid over it. */
static const struct meta *
ask_meta(struct remote_mappings *m, const char *doctype)
{
	yyjson_val *doc, *fields, *setters, **vf, **vs;
	struct fault fault;
	struct meta *meta;
	bool none = false;
	size_t nf, ns;

	if ((doc = remote_document(m->remote, &m->a, "DocType", doctype,
	    &none)) == NULL)
		return none ? &absent : lacking(m, doctype);
	if ((fields = remote_documents(m->remote, &m->a, "Custom Field", "dt",
	    doctype)) == NULL || (setters = remote_documents(m->remote, &m->a,
	    "Property Setter", "doc_type", doctype)) == NULL)
		return lacking(m, doctype);
	vf = elements(&m->a, fields, &nf);
	vs = elements(&m->a, setters, &ns);
	if ((meta = meta_new(doc, vf, nf, vs, ns, &fault)) == NULL) {
		m->lacks(m->arg, doctype, REJECTED, fault.text);
		return &meta_unknown;
	}
	m->made = xrealloc(m->made, (m->n + 1) * sizeof(*m->made));
	m->made[m->n++] = meta;
	return meta;
}

static const struct meta *
remote_meta(void *arg, const char *doctype)
{
	struct remote_mappings *m = arg;
	size_t len = strlen(doctype);
	const struct meta *meta = map_get(&m->metas, doctype, len);

	if (meta == NULL && m->over)
		return &meta_unknown;
	if (meta == NULL) {
		meta = ask_meta(m, doctype);
		map_set(&m->metas, arena_dup(&m->a, doctype, len), len,
		    (void *)meta);
	}
	return meta == &absent ? NULL : meta;
}

struct mapping_source
remote_mappings(struct remote_mappings *m)
{
	arena_init(&m->a);
	return (struct mapping_source){ .arg = m, .meta = remote_meta };
}

void
remote_mappings_close(struct remote_mappings *m)
{
	while (m->n > 0)
		meta_free(m->made[--m->n]);
	free(m->made);
	map_free(&m->metas);
	arena_free(&m->a);
}
