/* mappings.c - what mappings name, as it stands in a site */

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

static const struct mapping_jq jq = { jq_open, jq_check, jq_ask, jq_close };

struct mapping_source
site_mappings(struct site_mappings *m, struct site *s, struct arena *a)
{
	*m = (struct site_mappings){ .s = s, .a = a };
	return (struct mapping_source){ .arg = m, .doc = find, .meta = meta,
	    .jq = &jq };
}
