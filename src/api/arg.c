/* arg.c - arguments: of a JSON body, or of a form and then the query
 * (spec 1.2) */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/call.h"

static bool
is_json(const char *type)
{
	static const char json[] = "application/json";

	return type != NULL && strncasecmp(type, json, sizeof(json) - 1) == 0;
}

bool
arg_read(struct call *c)
{
	const char *why;
	yyjson_doc *doc;

	if (c->rq->len == 0 || !is_json(c->rq->content_type))
		return true;
	doc = json_parse(c->a, c->rq->body, c->rq->len, &why);
	c->json = yyjson_doc_get_root(doc);
	if (yyjson_is_obj(c->json))
		return true;
	reply_error(c, INVALID, "Invalid request arguments: %s",
	    doc == NULL ? why : "the body is no JSON object");
	return false;
}

static const char *
json_arg(struct call *c, const char *name)
{
	yyjson_val *v = yyjson_obj_get(c->json, name);

	if (v == NULL || yyjson_is_null(v))
		return NULL;
	return yyjson_is_str(v) ? json_str(c->json, name) :
	    json_text(c->a, v, NULL);
}

const char *
arg_text(struct call *c, const char *name)
{
	const char *text;

	if (c->json != NULL)
		text = json_arg(c, name);
	else if ((text = request_form(c->rq, name)) == NULL)
		text = request_query(c->rq, name);
	return text == NULL || *text == '\0' ? NULL : text;
}

bool
arg_json(struct call *c, const char *name, yyjson_val **v)
{
	const char *text, *why;
	yyjson_doc *doc;

	*v = yyjson_obj_get(c->json, name);
	if (yyjson_is_obj(*v) || yyjson_is_arr(*v))
		return true;
	*v = NULL;
	if ((text = arg_text(c, name)) == NULL)
		return true;
	if ((doc = json_parse(c->a, text, strlen(text), &why)) == NULL) {
		reply_error(c, INVALID, "%s is not JSON: %s", name, why);
		return false;
	}
	*v = yyjson_doc_get_root(doc);
	return true;
}

bool
arg_int(struct call *c, const char *name, int64_t least, int64_t most,
    int64_t *n)
{
	const char *text = arg_text(c, name);
	char *end;

	if (text == NULL)
		return true;
	errno = 0;
	*n = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *n >= least &&
	    *n <= most)
		return true;
	reply_error(c, INVALID, "%s is no number from %lld to %lld", name,
	    (long long)least, (long long)most);
	return false;
}
