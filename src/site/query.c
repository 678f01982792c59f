/* query.c - documents by filter (spec 2.2).  What comes from outside becomes
 * SQL in one way only: a name that was found in the DocType, through
 * condition_path.  All else is bound. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "site/query.h"
#include "site/schema.h"

enum { CONDITIONS_MAX = 200 };

/* DocTypes whose documents are no rows of document.  Their views are for
 * others: a schema that is not trusted may not call JSON functions. */
static const struct source {
	const char	*doctype, *table;
	bool		 timed, numbered;	/* a name gives the id */
} sources[] = {
	{ "Event Update Log", "(" LOG_UPDATE_SQL ")", true, true },
	{ "Event Sync Log", "(" LOG_SYNC_SQL ")", false, true },
	{ "Event Producer Last Update", "(" LOG_CURSOR_SQL ")", false, false },
};

/* ---- conditions */

/* The DocType itself, or that of one of its tables. */
static const struct meta *
find_doctype(struct filter *f, const char *name)
{
	const struct field *field = f->meta->fields;
	size_t i;

	if (strcmp(name, f->meta->name) == 0)
		return f->meta;
	for (i = 0; i < f->meta->nfields; i++, field++)
		if (field->kind == K_TABLE && field->child != NULL &&
		    strcmp(field->child->name, name) == 0)
			return field->child;
	fault_set(f->fault, "filter", "'%s' has no table of '%s'",
	    f->meta->name, name);
	return NULL;
}

/* SQL: is there a row that meets the conditions? */
static char *
some_row(struct filter *f, const struct meta *child, const char *where)
{
	const struct field *field = f->meta->fields;
	const char *rows = "", *and = "";
	size_t i;

	for (i = 0; i < f->meta->nfields; i++, field++)
		if (field->kind == K_TABLE && field->child == child) {
			rows = arena_printf(&f->mem, "%s%sSELECT value FROM"
			    " json_each(d.data, %s)", rows, and,
			    condition_path(f, field->name));
			and = " UNION ALL ";
		}
	return arena_printf(&f->mem, "EXISTS (SELECT 1 FROM (%s) AS r"
	    " WHERE r.value IS NOT NULL%s)", rows, where);
}

static void
add_to_group(struct filter *f, const struct meta *child, const char *sql)
{
	struct group *g;

	for (g = f->groups; g != NULL && g->child != child; g = g->next)
		;
	if (g == NULL) {
		g = arena_alloc(&f->mem, sizeof(*g));
		*g = (struct group){ child, "", f->groups };
		f->groups = g;
	}
	g->where = arena_printf(&f->mem, "%s AND %s", g->where, sql);
}

static bool
add(struct filter *f, const struct meta *m, struct text field, const char *op,
    yyjson_val *v)
{
	struct operand o;
	char *sql;

	if (++f->nconditions > CONDITIONS_MAX)
		return fault_set(f->fault, "filter",
		    "more than %d conditions", CONDITIONS_MAX);
	if (!operand_find(f, m, condition_plain(f, field), &o) ||
	    (sql = condition_sql(f, &o, op, v)) == NULL)
		return false;
	if (f->in_any && m != f->meta)
		sql = some_row(f, m, arena_printf(&f->mem, " AND %s", sql));
	if (f->in_any)
		f->any = f->any == NULL ? sql :
		    arena_printf(&f->mem, "%s OR %s", f->any, sql);
	else if (m != f->meta)
		add_to_group(f, m, sql);
	else
		f->where = arena_printf(&f->mem, "%s AND %s", f->where, sql);
	return true;
}

bool
filter_pair(struct filter *f, const char *field, const char *op,
    const char *value)
{
	yyjson_val v = { 0 };

	yyjson_set_str(&v, value);
	return add(f, f->meta, (struct text){ field, strlen(field) }, op, &v);
}

/* ---- Frappe's filters */

static struct text
string(yyjson_val *v)
{
	return yyjson_is_str(v) ?
	    (struct text){ yyjson_get_str(v), yyjson_get_len(v) } :
	    (struct text){ "", 0 };
}

/* {"field":value} and {"field":[op,value]} */
static bool
add_object(struct filter *f, yyjson_val *obj)
{
	yyjson_val *key, *v;
	const char *op;
	size_t i, n;

	yyjson_obj_foreach(obj, i, n, key, v) {
		op = "=";
		if (yyjson_is_arr(v)) {
			op = yyjson_get_str(yyjson_arr_get_first(v));
			if (op == NULL || yyjson_arr_size(v) != 2)
				return fault_set(f->fault, "filter", "'%s' wants"
				    " a value or [operator,value]",
				    yyjson_get_str(key));
			v = yyjson_arr_get_last(v);
		}
		if (!add(f, f->meta, string(key), op, v))
			return false;
	}
	return true;
}

/* [field,op,value] or [DocType,field,op,value]; a fifth is passed over. */
static bool
add_array(struct filter *f, yyjson_val *arr)
{
	const struct meta *m = f->meta;
	size_t n = yyjson_arr_size(arr), first = n > 3;
	yyjson_val *field = yyjson_arr_get(arr, first);
	yyjson_val *op = yyjson_arr_get(arr, first + 1);
	yyjson_val *doctype = yyjson_arr_get_first(arr);

	if (n < 3 || n > 5 || !yyjson_is_str(field) || !yyjson_is_str(op) ||
	    !yyjson_is_str(doctype))
		return fault_set(f->fault, "filter", "a filter is "
		    "[field,operator,value] or [DocType,field,operator,value]");
	if (first && (m = find_doctype(f, yyjson_get_str(doctype))) == NULL)
		return false;
	return add(f, m, string(field), yyjson_get_str(op),
	    yyjson_arr_get(arr, first + 2));
}

bool
filter_json(struct filter *f, yyjson_val *v)
{
	yyjson_val *one;
	size_t i, n;

	if (yyjson_is_obj(v))
		return add_object(f, v);
	if (!yyjson_is_arr(v))
		return fault_set(f->fault, "filter",
		    "filters are an object or an array");
	yyjson_arr_foreach(v, i, n, one)
		if (yyjson_is_obj(one) ? !add_object(f, one) :
		    !add_array(f, one))
			return false;
	return true;
}

bool
filter_json_any(struct filter *f, yyjson_val *v)
{
	bool good;

	f->in_any = true;
	good = filter_json(f, v);
	f->in_any = false;
	return good;
}

/* ---- names, fields, order */

/* What makes finding a name fast: its DocType, or its place in the log. */
static int64_t
number(const struct filter *f, const char *name)
{
	int64_t n = 0;

	if (f->log == NULL)
		return f->meta->id;
	if (f->log->timed)
		id_time(name, &n);
	else
		n = strtoll(name, NULL, 10);
	return n;
}

/* What a name and its number must meet. */
static char *
named(struct filter *f, const char *name, const char *number)
{
	return arena_printf(&f->mem, "d.name = %s%s%s", name, f->log == NULL ?
	    " AND d.doctype = " : f->log->numbered ? " AND d.id = " : "",
	    f->log == NULL || f->log->numbered ? number : "");
}

bool
filter_exists(struct filter *f, const char *name)
{
	struct query *q = db_query_text(f->site->db, arena_printf(&f->mem,
	    "SELECT 1 FROM %s d WHERE %s", f->table, named(f, "?1", "?2")),
	    "si", name, number(f, name));

	if (db_step(q) != 1)
		return false;
	db_end(q);
	return true;
}

void
filter_name(struct filter *f, const char *name)
{
	yyjson_mut_doc *d = f->names;

	if (d == NULL) {
		d = f->names = yyjson_mut_doc_new(&f->mem.alc);
		yyjson_mut_doc_set_root(d, yyjson_mut_obj(d));
	}
	yyjson_mut_obj_add(yyjson_mut_doc_get_root(d),
	    yyjson_mut_strcpy(d, name), yyjson_mut_sint(d, number(f, name)));
}

/* The next of a list with commas between, without blanks around. */
static bool
next_word(const char **list, struct text *t)
{
	const char *s = *list, *end;

	if (s == NULL)
		return false;
	end = s + strcspn(s, ",");
	*list = *end == ',' ? end + 1 : NULL;
	while (s < end && isspace((unsigned char)*s))
		s++;
	while (s < end && isspace((unsigned char)end[-1]))
		end--;
	*t = (struct text){ s, end - s };
	return true;
}

/* Each field once, or there would be two keys of a name. */
static void
add_field(struct filter *f, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < f->nfields; i++)
		if (text_is((struct text){ name, len }, f->fields[i]))
			return;
	f->fields = xrealloc(f->fields, (f->nfields + 1) * sizeof(*f->fields));
	f->fields[f->nfields++] = arena_dup(&f->mem, name, len);
}

static void
add_all_fields(struct filter *f)
{
	static const char *const first[] = { "name", "owner", "creation",
	    "modified", "modified_by", "docstatus", "idx" };
	const struct field *field = f->meta->fields;
	size_t i;

	for (i = 0; i < sizeof(first) / sizeof(*first); i++)
		add_field(f, first[i], strlen(first[i]));
	for (i = 0; i < f->meta->nfields; i++, field++)
		if (field->kind != K_LAYOUT && field->kind != K_TABLE &&
		    field->kind != K_PASSWORD)
			add_field(f, field->name, strlen(field->name));
}

bool
filter_fields(struct filter *f, const char *list)
{
	struct text t;

	while (next_word(&list, &t)) {
		t = condition_plain(f, t);
		if (text_is(t, "*"))
			add_all_fields(f);
		else if (filter_kind(f->meta, t.s, t.len) == K_LAYOUT)
			return condition_unknown(f, f->meta, t);
		else
			add_field(f, t.s, t.len);
	}
	return true;
}

const char *const *
filter_columns(const struct filter *f, size_t *n)
{
	*n = f->nfields;
	return f->fields;
}

/* Takes a last word off a text, after a blank. */
static bool
last_word(struct text *t, const char *word)
{
	size_t n = strlen(word);

	if (t->len <= n || strncasecmp(t->s + t->len - n, word, n) != 0 ||
	    !isspace((unsigned char)t->s[t->len - n - 1]))
		return false;
	t->len -= n;
	while (t->len > 0 && isspace((unsigned char)t->s[t->len - 1]))
		t->len--;
	return true;
}

bool
filter_order(struct filter *f, const char *list)
{
	struct operand o;
	struct text t;
	bool desc;

	while (next_word(&list, &t)) {
		if (!(desc = last_word(&t, "desc")))
			last_word(&t, "asc");
		if (!operand_find(f, f->meta, condition_plain(f, t), &o))
			return false;
		if (++f->nconditions > CONDITIONS_MAX)
			return fault_set(f->fault, "filter",
			    "more than %d conditions", CONDITIONS_MAX);
		f->order = arena_printf(&f->mem, "%s%s%s, ", f->order, o.sql,
		    desc ? " DESC" : "");
	}
	return true;
}

void
filter_limit(struct filter *f, int64_t start, int64_t length)
{
	f->start = start;
	f->length = length;
}

/* ---- running it */

struct filter *
filter_new(struct site *s, const struct meta *m, struct fault *fault)
{
	struct filter *f = xcalloc(1, sizeof(*f));
	size_t i;

	f->site = s;
	f->meta = m;
	f->fault = fault;
	f->where = f->order = "";
	f->table = "document";
	arena_init(&f->mem);
	arena_init(&f->row);
	for (i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (strcmp(sources[i].doctype, m->name) == 0) {
			f->log = &sources[i];
			f->table = f->log->table;
		}
	return f;
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	if (f->query != NULL)
		db_end(f->query);
	arena_free(&f->mem);
	arena_free(&f->row);
	buf_free(&f->out);
	free(f->fields);
	free(f->params);
	free(f);
}

/* All that follows SELECT …, up to the order. */
static char *
from_where(struct filter *f)
{
	const char *rows = "", *any = "", *names = "", *on = "";
	struct group *g;
	size_t len;
	char *s;

	for (g = f->groups; g != NULL; g = g->next)
		rows = arena_printf(&f->mem, "%s AND %s", rows,
		    some_row(f, g->child, g->where));
	if (f->any != NULL)
		any = arena_printf(&f->mem, " AND (%s)", f->any);
	if (f->names != NULL) {
		s = json_mut_text(&f->mem, yyjson_mut_doc_get_root(f->names),
		    &len);
		names = arena_printf(&f->mem, "json_each(?%d) n CROSS JOIN ",
		    condition_bind(f, s, len));
		on = arena_printf(&f->mem, " ON %s", named(f, "n.key",
		    "n.value"));
	}
	s = f->log != NULL ? "1" : arena_printf(&f->mem,
	    "d.doctype = %lld", (long long)f->meta->id);
	return arena_printf(&f->mem, " FROM %s%s d%s WHERE %s%s%s%s", names,
	    f->table, on, s, f->where, rows, any);
}

static struct query *
prepare(struct filter *f, const char *sql)
{
	struct query *q = db_query_text(f->site->db, sql, "");
	size_t i;

	for (i = 0; i < f->nparams; i++)
		db_bind_text(q, i + 1, f->params[i].s, f->params[i].len);
	return q;
}

/* Of documents only numbers are sorted; they are fetched one by one. */
void
filter_run(struct filter *f)
{
	f->query = prepare(f, arena_printf(&f->mem,
	    "SELECT %s%s ORDER BY %s%s LIMIT %lld OFFSET %lld",
	    f->log == NULL ? "d.id" : "d.data", from_where(f), f->order,
	    f->names == NULL ? "d.id" : "n.id",
	    f->length > 0 ? (long long)f->length : -1, (long long)f->start));
}

int64_t
filter_count(struct filter *f)
{
	struct query *q = prepare(f, arena_printf(&f->mem, "SELECT count(*)%s",
	    from_where(f)));
	int64_t n;

	if (db_step(q) != 1)
		return -1;
	n = db_int(q, 0);
	db_end(q);
	return n;
}

/* The fields asked for, with the text of their values as it stands. */
static void
pick(struct filter *f, const char **json, size_t *len)
{
	yyjson_val *root, *v;
	size_t i, n;
	char *s;

	root = yyjson_doc_get_root(json_parse_own(&f->row, *json, *len));
	f->out.len = 0;
	for (i = 0; i < f->nfields; i++) {
		buf_printf(&f->out, "%s\"%s\":", i == 0 ? "{" : ",",
		    f->fields[i]);
		v = yyjson_obj_get(root, f->fields[i]);
		if (v != NULL && (s = json_text(&f->row, v, &n)) != NULL)
			buf_add(&f->out, s, n);
		else
			buf_puts(&f->out, "null");
	}
	buf_puts(&f->out, "}");
	*json = f->out.p;
	*len = f->out.len;
}

/* The next row: its text in column 0 of a query; 1, 0, -1. */
static int
fetch(struct filter *f, struct query **q)
{
	int r;

	do {
		if ((r = db_step(f->query)) != 1) {
			f->query = NULL;
			return r;
		}
		*q = f->query;
		if (f->log != NULL)
			return 1;
		*q = db_query(f->site->db, "SELECT data FROM document"
		    " WHERE id = ?", "i", db_int(f->query, 0));
		/* Nothing: it was deleted since. */
	} while ((r = db_step(*q)) == 0);
	return r;
}

int
filter_next(struct filter *f, const char **json, size_t *len)
{
	struct query *q;
	int r;

	if ((r = fetch(f, &q)) != 1)
		return r;
	arena_reset(&f->row);
	*len = db_len(q, 0);
	*json = arena_dup(&f->row, db_text(q, 0), *len);
	if (f->log == NULL)
		db_end(q);
	if (f->nfields > 0)
		pick(f, json, len);
	return 1;
}
