/* reply.c - answers and errors in the form of stock sites (spec 1.4, 1.5) */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"

static const struct {
	int		 status;
	const char	*type;
} errors[] = {
	[BAD_REQUEST] = { 400, "ValidationError" },
	[BAD_KEY] = { 401, "AuthenticationError" },
	[FORBIDDEN] = { 403, "PermissionError" },
	[NOT_THERE] = { 404, "DoesNotExistError" },
	[CONFLICT] = { 409, "DuplicateEntryError" },
	[INVALID] = { 417, "ValidationError" },
	[BAD_FIELD] = { 417, "DataError" },
	[TOO_MANY] = { 429, "TooManyRequestsError" },
	[BROKEN] = { 503, "SiteFailedError" },
	[BUSY] = { 503, "SiteBusyError" },
};

static void
reply(struct call *c, int status, yyjson_mut_val *root)
{
	size_t len;
	char *text = json_mut_text(c->a, root, &len);

	free(c->rs->body);
	c->rs->status = status;
	c->rs->body = xstrndup(text, len);
	c->rs->len = len;
}

/* A JSON text of an array of one text. */
static yyjson_mut_val *
in_array(struct call *c, yyjson_mut_doc *m, const char *text)
{
	yyjson_mut_val *array = yyjson_mut_arr(m);

	yyjson_mut_arr_add_str(m, array, text);
	return yyjson_mut_str(m, json_mut_text(c->a, array, NULL));
}

/* Stock clients raise an error by exc alone, and take a 404 without it for
 * none. */
void
reply_error(struct call *c, enum error e, const char *fmt, ...)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&c->a->alc);
	yyjson_mut_val *root = yyjson_mut_obj(m), *message = yyjson_mut_obj(m);
	const char *line;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line = safe(text);
	if (e != NOT_THERE) {
		line = arena_printf(c->a, "frappe.exceptions.%s: %s",
		    errors[e].type, line);
		yyjson_mut_obj_add_str(m, root, "exception", line);
	}
	yyjson_mut_obj_add_str(m, root, "exc_type", errors[e].type);
	if (e != NOT_THERE)
		yyjson_mut_obj_add_val(m, root, "exc", in_array(c, m, line));
	yyjson_mut_obj_add_strcpy(m, message, "message", safe(text));
	yyjson_mut_obj_add_str(m, message, "title", "Message");
	yyjson_mut_obj_add_str(m, message, "indicator", "red");
	yyjson_mut_obj_add_int(m, message, "raise_exception", 1);
	yyjson_mut_obj_add_val(m, root, "_server_messages", in_array(c, m,
	    json_mut_text(c->a, message, NULL)));
	reply(c, errors[e].status, root);
	if (e == TOO_MANY || e == BUSY)
		c->rs->retry_after = 1;
	else if (e == BROKEN)
		c->rs->retry_after = 10;
}

void
reply_fault(struct call *c, const struct fault *f)
{
	enum error e = INVALID;

	if (strcmp(f->code, "site") == 0)
		e = CONFLICT;
	else if (strcmp(f->code, "filter") == 0)
		e = BAD_FIELD;
	reply_error(c, e, "%s", f->text);
}

void
reply_failed(struct call *c)
{
	if (!db_failed(c->s->db) && db_late(c->s->db))
		reply_error(c, INVALID, "it takes too long; ask for less, with "
		    "filters or limit_page_length");
	else
		reply_error(c, BROKEN, "the site cannot be used now");
}

void
reply_message(struct call *c, yyjson_mut_doc *m, yyjson_mut_val *v)
{
	yyjson_mut_val *root = yyjson_mut_obj(m);

	if (v != NULL)
		yyjson_mut_obj_add_val(m, root, "message", v);
	reply(c, 200, root);
}

void
reply_text(struct call *c, const char *before, const char *text, size_t len,
    const char *after)
{
	struct buf b = { 0 };

	buf_puts(&b, before);
	buf_add(&b, text, len);
	buf_puts(&b, after);
	c->rs->status = 200;
	c->rs->body = b.p;
	c->rs->len = b.len;
}
