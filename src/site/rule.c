/* rule.c - conditions as subscriptions have them.  What stands before a colon
 * says in which language: here, and nowhere else. */

#include <stdlib.h>
#include <string.h>

#include "site/site.h"

enum { FIELDS_MAX = 16 };

struct rule {
	struct rule_for	 of;
	struct ask	 ask;
	struct expr_site site;
	struct expr	*expr;		/* one of these */
	struct jq	*jq;
	struct hook	*hook;
	const char	*fields[FIELDS_MAX];	/* of the document, that it reads */
	int		 nfields;	/* -1: all */
	bool		 own_values;	/* none of them is a link or a table */
};

static const char *
skip(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* What stands after a prefix; NULL if it is not there. */
static const char *
after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	text = skip(text);
	return strncmp(text, prefix, n) == 0 ? skip(text + n) : NULL;
}

/* ---- reading one */

static bool
open_jq(struct rule *r, const char *text, struct fault *fault)
{
	char why[JQ_WHY];

	if (!r->of.own)
		return fault_set(fault, "condition", "jq: is for the "
		    "administrator of the site where it is evaluated; he can "
		    "set it with es-approve");
	if ((r->jq = prog_open(text, why)) == NULL)
		return fault_set(fault, "condition", "jq: %s", why);
	r->nfields = prog_fields(r->jq, r->fields, FIELDS_MAX);
	return true;
}

static bool
open_hook(struct rule *r, const char *text, struct fault *fault)
{
	size_t len = strlen(text);
	char *name;

	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	name = xstrndup(text, len);
	r->hook = hook_open(name);
	if (r->hook == NULL)
		fault_set(fault, "condition", "cmd: is followed by the name of "
		    "a program, without a slash and not beginning with a dot, "
		    "not '%s'", name);
	free(name);
	return r->hook != NULL;
}

static bool
open_python(struct rule *r, const char *text, struct fault *fault)
{
	if ((r->expr = expr_parse(text, fault)) == NULL)
		return false;
	r->nfields = expr_fields(r->expr, r->fields, FIELDS_MAX);
	return true;
}

static bool
are_own_values(const struct rule *r, const struct meta *m)
{
	const struct field *f;
	int i;

	for (i = 0; i < r->nfields; i++) {
		f = meta_field(m, r->fields[i], strlen(r->fields[i]));
		if (f != NULL && (f->kind == K_LINK || f->kind == K_DYNAMIC ||
		    f->kind == K_TABLE))
			return false;
	}
	return r->nfields != -1;
}

/* If it is known what it is asked of. */
static void
bind(struct rule *r)
{
	const struct meta *m;

	if (r->of.s == NULL || r->of.doctype == NULL ||
	    (m = site_meta(r->of.s, r->of.doctype)) == NULL)
		return;
	if (r->expr != NULL)
		expr_bind(r->expr, m);
	r->own_values = are_own_values(r, m);
}

struct rule *
rule_open(const char *text, const struct rule_for *of, struct fault *fault)
{
	struct rule *r = xcalloc(1, sizeof(*r));
	const char *rest;
	bool good;

	r->of = *of;
	r->nfields = -1;
	r->ask = (struct ask){ .s = of->s, .may = of->may, .arg = of->arg };
	r->site = ask_site(&r->ask);
	if ((rest = after(text, "jq:")) != NULL)
		good = open_jq(r, rest, fault);
	else if ((rest = after(text, "cmd:")) != NULL)
		good = open_hook(r, rest, fault);
	else
		good = open_python(r, text, fault);
	if (good) {
		bind(r);
		return r;
	}
	rule_close(r);
	return NULL;
}

void
rule_close(struct rule *r)
{
	if (r == NULL)
		return;
	expr_free(r->expr);
	prog_close(r->jq);
	hook_close(r->hook);
	free(r);
}

/* ---- where one is entered */

static bool
check_asked(const struct rule *r, struct fault *fault)
{
	const char *doctype;
	size_t i;

	if (expr_asks(r->expr) && r->of.s == NULL)
		return fault_set(fault, "condition", "it asks for documents, "
		    "and there is no site to be asked; -s gives one");
	for (i = 0; (doctype = expr_asked(r->expr, i)) != NULL; i++) {
		if (r->of.may != NULL && !r->of.may(r->of.arg, doctype))
			return fault_set(fault, "condition", "it may not ask of "
			    "DocType '%s': only of those that the consumer is "
			    "given without a condition of the producer's own",
			    doctype);
		if (site_meta(r->of.s, doctype) == NULL)
			return fault_set(fault, "condition", "it asks of "
			    "DocType '%s', which is not here", doctype);
	}
	return true;
}

static bool
check_jq(const struct rule *r, struct fault *fault)
{
	char why[JQ_WHY];

	return prog_check(r->jq, why) == DONE ||
	    fault_set(fault, "condition", "jq: %s", why);
}

static bool
check_hook(const struct rule *r, struct fault *fault)
{
	const char *why = hook_check(r->hook);

	return why == NULL || fault_set(fault, "condition", "cmd: %s", why);
}

bool
rule_check(const char *text, const struct rule_for *of, struct fault *fault)
{
	struct rule *r = rule_open(text, of, fault);
	bool good;

	if (r == NULL)
		return false;
	good = r->jq != NULL ? check_jq(r, fault) : r->hook != NULL ?
	    check_hook(r, fault) : check_asked(r, fault);
	rule_close(r);
	return good;
}

bool
rule_check_shape(const char *text, struct fault *fault)
{
	struct rule_for of = { 0 };
	struct rule *r = rule_open(text, &of, fault);

	rule_close(r);
	return r != NULL;
}

bool
rule_is_present(const struct rule *r)
{
	return r->hook != NULL || (r->expr != NULL && expr_asks(r->expr));
}

bool
rule_is_gone(const struct rule *r)
{
	return r->hook != NULL && hook_place(r->hook) == HOOK_GONE;
}

const char *
rule_end(const struct rule *r)
{
	return r->hook == NULL ? NULL : hook_place(r->hook) == HOOK_NOWHERE ?
	    "make that directory, without it" : "remove the program";
}

bool
rule_is_logged(const struct rule *r)
{
	return r->own_values && !rule_is_present(r);
}

/* ---- asking it */

yyjson_mut_val *
rule_part(const struct rule *r, yyjson_mut_doc *m, yyjson_val *doc)
{
	yyjson_mut_val *part;
	yyjson_val *v;
	int i;

	if (r->nfields == -1)
		return yyjson_val_mut_copy(m, doc);
	part = yyjson_mut_obj(m);
	for (i = 0; i < r->nfields; i++)
		if ((v = yyjson_obj_get(doc, r->fields[i])) != NULL)
			yyjson_mut_obj_add_val(m, part, r->fields[i],
			    yyjson_val_mut_copy(m, v));
	return part;
}

static enum truth
fail(struct expr_ask *q, const char *why)
{
	q->failed = true;
	fault_set(&q->fault, "failed", "%s", why);
	return EXPR_FAILED;
}

/* To make text of a value, and to read it, is most of what jq costs. */
static char *
part_text(const struct rule *r, struct expr_ask *q, size_t *len)
{
	yyjson_mut_doc *m = q->m;
	yyjson_mut_val *part, *v;
	int i;

	if (r->nfields == -1)
		return json_mut_text(q->a, q->doc, len);
	if (m == NULL)
		m = yyjson_mut_doc_new(&q->a->alc);
	part = yyjson_mut_obj(m);
	for (i = 0; i < r->nfields; i++)
		if ((v = yyjson_mut_obj_get(q->doc, r->fields[i])) != NULL)
			yyjson_mut_obj_add_val(m, part, r->fields[i],
			    yyjson_mut_val_mut_copy(m, v));
	return json_mut_text(q->a, part, len);
}

static enum truth
ask_jq(struct rule *r, struct expr_ask *q, const char **value)
{
	char why[JQ_WHY];
	enum jq_result result;
	size_t len;
	char *text = part_text(r, q, &len);

	result = prog_ask(r->jq, text, len, value, &len, why);
	if (result == JQ_FAILED)
		return fail(q, why);
	if (result == JQ_DONE)
		return *value != NULL && strcmp(*value, "false") != 0 &&
		    strcmp(*value, "null") != 0;
	q->failed = false;
	fault_set(&q->fault, "type", "%s", why);
	return EXPR_RAISED;
}

static yyjson_mut_val *
log_val(yyjson_mut_doc *m, const struct entry *e)
{
	yyjson_mut_val *o = yyjson_mut_obj(m);
	char t[TIME_TEXT_LEN];

	if (e == NULL)
		return yyjson_mut_null(m);
	json_put(m, o, "name", json_new_str(m, e->name));
	json_put(m, o, "creation", json_new_str(m, time_text(e->creation, t)));
	json_put(m, o, "update_type", json_new_str(m, update_text[e->type]));
	json_put(m, o, "ref_doctype", json_new_str(m, e->doctype));
	json_put(m, o, "docname", json_new_str(m, e->docname));
	json_put(m, o, "data", e->data == NULL ? yyjson_mut_null(m) :
	    json_new_raw(m, e->data, e->datalen));
	return o;
}

static enum truth
ask_hook(struct rule *r, struct expr_ask *q, const struct entry *log)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&q->a->alc);
	yyjson_mut_val *o = yyjson_mut_obj(m);
	const char *why, *text;
	size_t len;
	int answer;

	json_put(m, o, "consumer", json_new_str(m, r->of.consumer));
	json_put(m, o, "doc", yyjson_mut_val_mut_copy(m, q->doc));
	json_put(m, o, "update_log", log_val(m, log));
	text = json_mut_text(q->a, o, &len);
	text = arena_printf(q->a, "%s\n", text);
	answer = hook_ask(r->hook, text, len + 1, &why);
	return answer == -1 ? fail(q, why) : answer == 1;
}

static void
set_site(struct rule *r, struct expr_ask *q)
{
	q->site = r->of.s == NULL ? NULL : &r->site;
}

enum truth
rule_true(struct rule *r, struct expr_ask *q, const struct entry *log)
{
	const char *value;

	if (r->jq != NULL)
		return ask_jq(r, q, &value);
	if (r->hook != NULL)
		return ask_hook(r, q, log);
	set_site(r, q);
	return expr_true(r->expr, q);
}

enum truth
rule_value(struct rule *r, struct expr_ask *q, const char **value)
{
	yyjson_mut_val *v;
	const char *why;
	enum truth t;

	if (r->expr != NULL) {
		set_site(r, q);
		if ((v = expr_value(r->expr, q)) == NULL)
			return q->failed ? EXPR_FAILED : EXPR_RAISED;
		*value = json_mut_text(q->a, v, NULL);
		return EXPR_TRUE;
	}
	t = r->jq != NULL ? ask_jq(r, q, value) : ask_hook(r, q, NULL);
	if (r->hook != NULL)
		*value = t == EXPR_TRUE ? "true" : "false";
	else if (t < EXPR_RAISED && *value != NULL) {
		*value = arena_dup(q->a, *value, strlen(*value));
		/* jq leaves out what is too deep. */
		if (json_parse(q->a, *value, strlen(*value), &why) == NULL) {
			q->failed = false;
			fault_set(&q->fault, "type", "its value is no JSON");
			t = EXPR_RAISED;
			*value = NULL;
		}
	}
	return t >= EXPR_RAISED ? t : EXPR_TRUE;
}
