/* mapping.c - documents of one DocType as those of another (DESIGN 9) */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

struct values {				/* a Value Map */
	const char	*name, *dflt;
	enum { REFUSE, DEFAULT, KEEP } missing;
	yyjson_val	*pairs;
	struct map	 local;		/* by remote value */
};

struct filter_value {			/* of remote_value_filters */
	const char	*key, *text;
	struct expr	*expr;		/* of eval: */
};

struct row {
	const char	*local, *remote, *dflt;	/* remote, dflt: or NULL */
	bool		 bad;		/* it was refused */
	size_t		 len;		/* of local */
	const struct field *f;		/* the local field; NULL: a standard one */
	enum { COPY, TABLE, DOCUMENT } type;
	struct mapping	*inner;		/* TABLE */
	const char	*of, *found_in;	/* DOCUMENT: its mapping, DocType there */
	struct filter_value *filters;
	size_t		 nfilters;
	struct expr	*expr;		/* one of these, or neither */
	struct jq	*jq;
	struct values	*values;
	bool		 plain;		/* the value as it is */
	struct row	*next;		/* of the same remote field */
	unsigned	 turn;		/* its field was there, that time */
};

/* What becomes of a remote field. */
struct column {
	struct row	*rows;
	bool		 pass;		/* also under its own name */
	bool		 doctype;	/* which then holds a DocType */
};

struct guess {				/* what stands at this place mostly */
	const char	*key;
	size_t		 len;
	const struct column *column;
};

enum { GUESSES = 256 };

struct mapping {
	struct arena	 mem;
	const char	*name, *local, *remote;
	const struct meta *meta;
	const struct mapping_jq *jq;
	bool		 strict, inner;
	bool		 documents;	/* has rows of that type */
	struct row	*rows;
	size_t		 nrows;
	struct map	 columns;
	struct guess	 guess[GUESSES];
	unsigned	 turn;
};

/* ---- from the documents that users write */

struct making {
	struct mapping	*m;
	const struct mapping_source *from;
	struct fault	*fault;
	size_t		 at;		/* row, from 1 */
	bool		 bad;
};

static const char *
text_of(struct mapping *m, yyjson_val *obj, const char *key)
{
	const char *s = json_str(obj, key);

	return s == NULL || *s == '\0' ? NULL : arena_dup(&m->mem, s, strlen(s));
}

/* A fault of the row at hand. */
static bool __attribute__((format(printf, 2, 3)))
wrong(struct making *k, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fault_set(k->fault, "mapping", "the mapping '%s', row %zu: %s",
	    k->m->name, k->at, text);
}

static struct values *
values_new(struct making *k, const char *name)
{
	yyjson_val *doc = k->from->doc(k->from->arg, "Value Map", name), *pair;
	const char *missing = json_str(doc, "missing"), *remote, *local;
	struct values *v = arena_alloc(&k->m->mem, sizeof(*v));
	size_t i, n;

	if (doc == NULL) {
		wrong(k, "no Value Map '%s'; put one in with es-put", name);
		return NULL;
	}
	*v = (struct values){ .name = name,
	    .dflt = text_of(k->m, doc, "default_value"),
	    .pairs = yyjson_obj_get(doc, "pairs") };
	if (missing != NULL && strcmp(missing, "Default") == 0)
		v->missing = DEFAULT;
	else if (missing != NULL && strcmp(missing, "Keep") == 0)
		v->missing = KEEP;
	yyjson_arr_foreach(v->pairs, i, n, pair) {
		remote = text_of(k->m, pair, "remote_value");
		local = text_of(k->m, pair, "local_value");
		if (remote != NULL)
			map_set(&v->local, remote, strlen(remote),
			    (char *)(local == NULL ? "" : local));
	}
	return v;
}

static bool
read_filter(struct making *k, struct filter_value *f, yyjson_val *key,
    yyjson_val *value)
{
	const char *s = yyjson_get_str(value);
	struct fault fault;

	if (s == NULL)
		return wrong(k, "the remote value filter '%s' is no string",
		    yyjson_get_str(key));
	f->key = arena_dup(&k->m->mem, yyjson_get_str(key), yyjson_get_len(key));
	f->text = arena_dup(&k->m->mem, s, strlen(s));
	if (strncmp(s, "eval:", 5) != 0)
		return true;
	f->expr = expr_parse(s + 5, &fault);
	return f->expr != NULL || wrong(k, "the remote value filter '%s': %s",
	    f->key, fault.text);
}

static bool
read_filters(struct making *k, struct row *r, yyjson_val *v)
{
	const char *text = yyjson_get_str(v), *why = NULL;
	yyjson_doc *doc;
	yyjson_val *key, *value;
	size_t i, n;

	if (text != NULL && (doc = json_parse(&k->m->mem, text,
	    yyjson_get_len(v), &why)) != NULL)
		v = yyjson_doc_get_root(doc);
	if (why != NULL)
		return wrong(k, "remote_value_filters: %s", why);
	if (!yyjson_is_obj(v) || yyjson_obj_size(v) == 0)
		return wrong(k, "'%s' is a Document and wants "
		    "remote_value_filters, as {\"lead_name\":\"title\"}", r->local);
	r->filters = arena_alloc(&k->m->mem,
	    yyjson_obj_size(v) * sizeof(*r->filters));
	memset(r->filters, 0, yyjson_obj_size(v) * sizeof(*r->filters));
	yyjson_obj_foreach(v, i, n, key, value)
		if (!read_filter(k, &r->filters[r->nfilters++], key, value))
			return false;
	return true;
}

/* Is the inner mapping for what the local field holds? */
static bool
fits(struct making *k, const struct row *r, yyjson_val *inner, const char *of)
{
	const char *local = json_str(inner, "local_doctype");
	bool free = r->f->kind == K_DYNAMIC;

	if (inner == NULL && strcmp(of, k->m->name) != 0)
		return wrong(k, "no Document Type Mapping '%s'; put it in first",
		    of);
	if (inner == NULL)
		local = k->m->local;
	if (free || (local != NULL && strcmp(local, r->f->options) == 0))
		return true;
	return wrong(k, "'%s' holds %s, and the mapping '%s' is for %s",
	    r->local, r->f->options, of, local == NULL ? "" : local);
}

static struct mapping *make(const struct mapping_source *, yyjson_val *,
    bool inner, struct fault *);

static bool
read_table(struct making *k, struct row *r, const char *of)
{
	yyjson_val *inner;

	if (k->m->inner)
		return wrong(k, "rows have no tables");
	if (r->f == NULL || r->f->kind != K_TABLE)
		return wrong(k, "'%s' is no table of %s", r->local, k->m->local);
	if (of == NULL)
		return wrong(k, "the table '%s' wants a mapping for its rows",
		    r->local);
	inner = k->from->doc(k->from->arg, "Document Type Mapping", of);
	if (!fits(k, r, inner, of))
		return false;
	r->inner = inner == NULL ? NULL :
	    make(k->from, inner, true, k->fault);
	if (r->inner != NULL)
		k->m->documents |= r->inner->documents;
	return r->inner != NULL;
}

static bool
read_document(struct making *k, struct row *r, yyjson_val *row, const char *of)
{
	yyjson_val *inner;

	if (r->f == NULL || (r->f->kind != K_LINK && r->f->kind != K_DYNAMIC))
		return wrong(k, "'%s' is no link", r->local);
	if (of == NULL)
		return wrong(k, "'%s' is a Document and wants a mapping",
		    r->local);
	r->of = of;
	k->m->documents = true;
	inner = k->from->doc(k->from->arg, "Document Type Mapping", of);
	r->found_in = inner == NULL ? k->m->remote :
	    text_of(k->m, inner, "remote_doctype");
	return fits(k, r, inner, of) && read_filters(k, r, yyjson_obj_get(row,
	    "remote_value_filters"));
}

/* Python, or jq. */
static bool
read_expression(struct making *k, struct row *r, const char *text)
{
	const struct mapping_jq *jq = k->from->jq;
	struct fault fault;
	char why[JQ_WHY];

	text += strspn(text, " \t\r\n");
	if (strncmp(text, "jq:", 3) != 0) {
		r->expr = expr_parse_value(text, &fault);
		return r->expr != NULL || wrong(k, "%s", fault.text);
	}
	r->jq = jq->open(text + 3, why);
	if (r->jq == NULL || (k->from->entered && jq->check(r->jq, why) != DONE))
		return wrong(k, "jq: %s", why);
	return true;
}

/* How the value of a field that is no row of its own comes about. */
static bool
read_value(struct making *k, struct row *r, yyjson_val *row, const char *of)
{
	const char *expr = text_of(k->m, row, "expression");
	const char *values = text_of(k->m, row, "value_map");

	r->plain = expr == NULL && values == NULL && r->dflt == NULL &&
	    r->type == COPY && (r->f == NULL || r->f->half == NULL);
	if (expr != NULL && !read_expression(k, r, expr))
		return false;
	if (values != NULL && (r->values = values_new(k, values)) == NULL)
		return false;
	if (r->f == NULL || r->f->half != NULL || r->type != COPY ||
	    (r->f->kind != K_LINK && r->f->kind != K_DYNAMIC) ||
	    expr != NULL || values != NULL || r->dflt != NULL)
		return true;
	if (of == NULL)
		return wrong(k, "the link '%s' wants a mapping, a value_map, an "
		    "expression or a default_value", r->local);
	return fits(k, r, k->from->doc(k->from->arg, "Document Type Mapping",
	    of), of);
}

static bool
read_fields(struct making *k, struct row *r)
{
	if (r->local == NULL)
		return wrong(k, "it wants a local_fieldname");
	r->len = strlen(r->local);
	r->f = meta_field(k->m->meta, r->local, r->len);
	if (strcmp(r->local, "name") == 0)
		return wrong(k, "how a document is called is for use_same_name "
		    "of the subscription to say");
	if (r->f == NULL && !meta_standard(r->local, r->len))
		return wrong(k, "%s has no field '%s'", k->m->local, r->local);
	if (r->f != NULL && (r->f->kind == K_LAYOUT || r->f->is_virtual ||
	    r->f->kind == K_PASSWORD))
		return wrong(k, "'%s' of %s holds no value that comes by stream",
		    r->local, k->m->local);
	if (r->remote == NULL && r->dflt == NULL)
		return wrong(k, "'%s' wants a remote_fieldname or a "
		    "default_value", r->local);
	if (r->dflt != NULL && r->f != NULL && field_is_number(r->f) &&
	    !number_valid(r->dflt, strlen(r->dflt)))
		return wrong(k, "'%s' wants a number, not the default '%s'",
		    r->local, r->dflt);
	return true;
}

/* No two rows fill one field, and of a table no two take the rows. */
static bool
is_alone(struct making *k, const struct row *r)
{
	const struct row *o;

	for (o = k->m->rows; o < r; o++) {
		if (o->local == NULL)
			continue;
		if (strcmp(o->local, r->local) == 0)
			return wrong(k, "'%s' is filled by another row already",
			    r->local);
		if (r->type == TABLE && o->type == TABLE && r->remote != NULL &&
		    o->remote != NULL && strcmp(o->remote, r->remote) == 0)
			return wrong(k, "the rows of '%s' go into '%s' already",
			    r->remote, o->local);
	}
	return true;
}

static bool
read_row(struct making *k, struct row *r, yyjson_val *row)
{
	const char *type = text_of(k->m, row, "mapping_type");
	const char *of = text_of(k->m, row, "mapping");

	r->local = text_of(k->m, row, "local_fieldname");
	r->remote = text_of(k->m, row, "remote_fieldname");
	r->dflt = text_of(k->m, row, "default_value");
	if (!read_fields(k, r))
		return false;
	if ((type != NULL && strcmp(type, "Child Table") == 0) ||
	    (r->f != NULL && r->f->kind == K_TABLE))
		r->type = TABLE;
	else if (type != NULL && strcmp(type, "Document") == 0)
		r->type = DOCUMENT;
	else if (type != NULL)
		return wrong(k, "mapping_type is Child Table, Document or empty");
	if (!is_alone(k, r))
		return false;
	if (r->type == TABLE)
		return read_table(k, r, of);
	if (r->type == DOCUMENT && !read_document(k, r, row, of))
		return false;
	return read_value(k, r, row, of);
}

/* The column of a remote key; made if it is not there. */
static struct column *
column_of(struct mapping *m, const char *key)
{
	size_t len = strlen(key);
	struct column *c = map_get(&m->columns, key, len);

	if (c == NULL) {
		c = arena_alloc(&m->mem, sizeof(*c));
		*c = (struct column){ .pass = meta_standard(key, len) };
		map_set(&m->columns, key, len, c);
	}
	return c;
}

/* Of a dynamic link, the half that names a DocType. */
static void
set_half(struct mapping *m, const char *field)
{
	bool known = map_get(&m->columns, field, strlen(field)) != NULL;
	struct column *c = column_of(m, field);

	if (!known)
		c->pass = !m->strict;
	c->doctype = true;
}

/* Rows by the field that they take, in their order; a field that a row fills
 * does not pass. */
static void
set_columns(struct mapping *m)
{
	static const char *const ours[] = { "doctype", "parent", "parenttype",
	    "parentfield" };
	struct row *r, **last;
	size_t i;

	for (r = m->rows; r < m->rows + m->nrows; r++) {
		if (r->remote == NULL)
			continue;
		last = &column_of(m, r->remote)->rows;
		while (*last != NULL)
			last = &(*last)->next;
		*last = r;
	}
	for (i = 0; i < m->meta->nfields; i++)
		if (m->meta->fields[i].half != NULL)
			set_half(m, m->meta->fields[i].name);
	for (r = m->rows; r < m->rows + m->nrows; r++)
		column_of(m, r->local)->pass = false;
	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		column_of(m, ours[i])->pass = false;
}

static void
read_rows(struct making *k, yyjson_val *rows)
{
	struct mapping *m = k->m;
	yyjson_val *row;
	size_t i, n;

	m->rows = arena_alloc(&m->mem,
	    (yyjson_arr_size(rows) + 1) * sizeof(*m->rows));
	memset(m->rows, 0, (yyjson_arr_size(rows) + 1) * sizeof(*m->rows));
	yyjson_arr_foreach(rows, i, n, row) {
		k->at = i + 1;
		m->nrows++;
		if (k->bad && k->from->fault == NULL)
			return;
		if (read_row(k, &m->rows[i], row))
			continue;
		k->bad = m->rows[i].bad = true;
		if (k->from->fault != NULL)
			k->from->fault(k->from->arg, k->fault);
	}
}

static struct mapping *
make(const struct mapping_source *from, yyjson_val *doc, bool inner,
    struct fault *fault)
{
	struct mapping *m = xcalloc(1, sizeof(*m));
	struct making k = { .m = m, .from = from, .fault = fault };

	arena_init(&m->mem);
	m->name = text_of(m, doc, "mapping_name");
	if (m->name == NULL && (m->name = text_of(m, doc, "name")) == NULL)
		m->name = "";
	m->local = text_of(m, doc, "local_doctype");
	m->remote = text_of(m, doc, "remote_doctype");
	m->strict = json_int(doc, "strict", 0) != 0;
	m->inner = inner;
	m->jq = from->jq;
	if (m->local != NULL)
		m->meta = from->meta(from->arg, m->local);
	if (m->meta == NULL || m->remote == NULL) {
		fault_set(fault, "mapping", "the mapping '%s': no DocType '%s' "
		    "here; es-doctype puts one in", m->name,
		    m->local == NULL ? "" : m->local);
		if (from->fault != NULL)
			from->fault(from->arg, fault);
		mapping_free(m);
		return NULL;
	}
	read_rows(&k, yyjson_obj_get(doc, "field_mapping"));
	if (!k.bad)
		set_columns(m);
	else if (from->fault == NULL) {
		mapping_free(m);
		return NULL;
	}
	return m;
}

struct mapping *
mapping_new(const struct mapping_source *from, yyjson_val *doc,
    struct fault *fault)
{
	return make(from, doc, false, fault);
}

void
mapping_free(struct mapping *m)
{
	struct row *r;
	size_t i;

	if (m == NULL)
		return;
	for (r = m->rows; r < m->rows + m->nrows; r++) {
		mapping_free(r->inner);
		expr_free(r->expr);
		if (r->jq != NULL)
			m->jq->close(r->jq);
		if (r->values != NULL)
			map_free(&r->values->local);
		for (i = 0; i < r->nfilters; i++)
			expr_free(r->filters[i].expr);
	}
	map_free(&m->columns);
	arena_free(&m->mem);
	free(m);
}

const char *
mapping_local(const struct mapping *m)
{
	return m->local;
}

const char *
mapping_remote(const struct mapping *m)
{
	return m->remote;
}

bool
mapping_fetches(const struct mapping *m)
{
	return m->documents;
}

void
mapping_documents(const struct mapping *m, void (*fn)(void *, const char *),
    void *arg)
{
	const struct row *r;

	for (r = m->rows; r < m->rows + m->nrows; r++) {
		if (r->type == DOCUMENT)
			fn(arg, r->of);
		if (r->inner != NULL)
			mapping_documents(r->inner, fn, arg);
	}
}

/* ---- the producer's side of it */

const struct meta meta_unknown = { .name = "" };

static bool
is_remote(const struct meta *m, const char *field)
{
	return meta_field(m, field, strlen(field)) != NULL ||
	    meta_standard(field, strlen(field));
}

static void
check_filters(const struct mapping *m, const struct row *r,
    const struct mapping_source *from)
{
	const struct meta *in = r->found_in == NULL ? NULL :
	    from->meta(from->arg, r->found_in);
	struct fault fault;
	size_t i;

	for (i = 0; i < r->nfilters && in != &meta_unknown; i++) {
		if (in != NULL && is_remote(in, r->filters[i].key))
			continue;
		fault_set(&fault, "mapping", "the mapping '%s', row %zu: %s of "
		    "the producer has no field '%s' to be found by", m->name,
		    (size_t)(r - m->rows) + 1, r->found_in == NULL ? "" :
		    r->found_in, r->filters[i].key);
		from->fault(from->arg, &fault);
	}
}

void
mapping_check(const struct mapping *m, const struct mapping_source *from)
{
	const struct meta *remote = from->meta(from->arg, m->remote);
	const struct field *f;
	struct fault fault;
	const struct row *r;

	if (remote == NULL) {
		fault_set(&fault, "mapping", "the mapping '%s': the producer "
		    "has no DocType '%s'", m->name, m->remote);
		from->fault(from->arg, &fault);
	}
	if (remote == NULL || remote == &meta_unknown)
		return;
	for (r = m->rows; r < m->rows + m->nrows; r++) {
		if (r->remote == NULL)
			continue;
		f = meta_field(remote, r->remote, strlen(r->remote));
		fault.code = NULL;
		if (!is_remote(remote, r->remote))
			fault_set(&fault, "mapping", "the mapping '%s', row "
			    "%zu: %s of the producer has no field '%s'", m->name,
			    (size_t)(r - m->rows) + 1, m->remote, r->remote);
		else if (!r->bad && (r->type == TABLE) != (f != NULL && f->kind == K_TABLE))
			fault_set(&fault, "mapping", "the mapping '%s', row "
			    "%zu: '%s' is %s table there and '%s' is %s here",
			    m->name, (size_t)(r - m->rows) + 1, r->remote,
			    r->type == TABLE ? "no" : "a", r->local,
			    r->type == TABLE ? "one" : "none");
		if (fault.code != NULL)
			from->fault(from->arg, &fault);
		if (r->inner != NULL)
			mapping_check(r->inner, from);
		check_filters(m, r, from);
	}
}

/* ---- values */

struct run {
	struct mapping_run *q;
	const struct mapping_jq *jq;
	const char	*table, *row;	/* that it is in, or NULL */
	const char	*there;		/* the table, as the producer calls it */
};

static bool
is_none(yyjson_mut_val *v)
{
	return json_is_null(v) ||
	    (yyjson_mut_is_str(v) && yyjson_mut_get_len(v) == 0);
}

/* Text of ours as the field has it. */
static yyjson_mut_val *
typed(struct mapping_run *q, const struct row *r, const char *s)
{
	bool number = r->f == NULL ? strcmp(r->local, "docstatus") == 0 :
	    field_is_number(r->f);

	if (number && number_valid(s, strlen(s)))
		return yyjson_mut_raw(q->m, s);
	return yyjson_mut_str(q->m, s);
}

/* A number 1.0 is 1, and true is; but the text 2.10 is not 2.1. */
static const char *
pair_of(const struct values *v, const char *s, size_t len, bool number)
{
	const char *local = map_get(&v->local, s, len), *remote;
	yyjson_val *pair;
	size_t i, n;

	if (local != NULL || !number)
		return local;
	yyjson_arr_foreach(v->pairs, i, n, pair) {
		remote = json_str(pair, "remote_value");
		if (remote != NULL && number_valid(remote, strlen(remote)) &&
		    number_compare(remote, strlen(remote), s, len) == 0)
			return map_get(&v->local, remote, strlen(remote));
	}
	return NULL;
}

static bool
uncovered(struct run *k, const struct row *r, const char *s, size_t len)
{
	if (k->q->uncovered != NULL) {
		k->q->uncovered(k->q->arg, r->values->name, k->there, r->remote,
		    s, len);
		return true;
	}
	return fault_set(&k->q->fault, "mapping", "'%s'%s%s has the value '%.*s', "
	    "which the Value Map '%s' does not have; add it with es-put",
	    r->remote, k->there == NULL ? "" : " of ",
	    k->there == NULL ? "" : k->there, len > 140 ? 140 : (int)len, s,
	    r->values->name);
}

static bool
map_value(struct run *k, const struct row *r, yyjson_mut_val **v)
{
	const char *s = yyjson_mut_is_str(*v) ? yyjson_mut_get_str(*v) :
	    yyjson_mut_get_raw(*v), *local;
	size_t len = yyjson_mut_get_len(*v);

	if (yyjson_mut_is_bool(*v)) {
		s = yyjson_mut_get_bool(*v) ? "1" : "0";
		len = 1;
	}
	if (s == NULL)
		return fault_set(&k->q->fault, "mapping", "'%s' is no value "
		    "that the Value Map '%s' could have", r->remote,
		    r->values->name);
	local = pair_of(r->values, s, len, !yyjson_mut_is_str(*v));
	if (local == NULL && r->values->missing == DEFAULT)
		local = r->values->dflt == NULL ? "" : r->values->dflt;
	if (local == NULL && r->values->missing == REFUSE)
		return uncovered(k, r, s, len);
	if (local != NULL)
		*v = typed(k->q, r, local);
	return true;
}

static bool
ask_jq(struct run *k, const struct row *r, yyjson_mut_val **v,
    struct fault *fault)
{
	char why[JQ_WHY];
	const char *text, *value;
	enum jq_result got;
	yyjson_doc *doc;
	size_t len;

	text = json_mut_text(k->q->a, *v, &len);
	got = k->jq->ask(r->jq, text, len, &value, &len, why);
	*v = yyjson_mut_null(k->q->m);
	if (got == JQ_DONE && value == NULL)
		return true;
	k->q->failed |= got == JQ_FAILED;
	if (got != JQ_DONE)
		return fault_set(fault, "mapping", "%s", why);
	value = arena_dup(k->q->a, value, len);
	if ((doc = json_parse(k->q->a, value, len, &text)) == NULL)
		return fault_set(fault, "mapping", "%s", text);
	*v = yyjson_val_mut_copy(k->q->m, yyjson_doc_get_root(doc));
	return true;
}

static bool
ask_python(struct run *k, const struct row *r, yyjson_mut_val **v,
    struct fault *fault)
{
	struct expr_ask ask = { .a = k->q->a, .m = k->q->m,
	    .site = k->q->site, .now = k->q->now };

	ask.doc = yyjson_mut_obj(k->q->m);
	yyjson_mut_obj_add_val(k->q->m, ask.doc, "value", *v);
	*v = expr_value(r->expr, &ask);
	k->q->failed |= ask.failed;
	*fault = ask.fault;
	return *v != NULL;
}

static bool
evaluate(struct run *k, const struct row *r, yyjson_mut_val **v)
{
	struct fault fault = { 0 };
	char was[64];
	size_t len;
	const char *s = json_mut_text(k->q->a, *v, &len);

	snprintf(was, sizeof(was), "%.*s", len > 60 ? 60 : (int)len, s);
	if (!(r->jq != NULL ? ask_jq : ask_python)(k, r, v, &fault))
		return fault_set(&k->q->fault, "mapping", "the expression of "
		    "'%s' fails for %s: %s", r->local, was, fault.text);
	/* As in Python. */
	if (yyjson_mut_is_bool(*v) && r->f != NULL && field_is_number(r->f))
		*v = json_new_int(k->q->m, yyjson_mut_get_bool(*v));
	return true;
}

/* The link is to a document of this site, of that name. */
static void
note_local(struct run *k, const struct row *r, yyjson_mut_val *obj)
{
	if (k->q->local != NULL && r->f != NULL && r->f->half == NULL &&
	    (r->f->kind == K_LINK || r->f->kind == K_DYNAMIC))
		k->q->local(k->q->arg, obj, r->f);
}

static void
note_document(struct run *k, const struct row *r, yyjson_mut_val *obj,
    yyjson_val *doc)
{
	struct mapping_document d = { .table = k->table, .row = k->row,
	    .there = k->there,
	    .field = r->local, .mapping = r->of, .obj = obj, .doc = doc,
	    .of = r };

	if (k->q->document != NULL)
		k->q->document(k->q->arg, &d);
}

static void
map_doctype(struct run *k, yyjson_mut_val **v)
{
	const char *name = yyjson_mut_get_str(*v), *local;

	if (k->q->doctype != NULL && name != NULL &&
	    (local = k->q->doctype(k->q->arg, name)) != name)
		*v = yyjson_mut_str(k->q->m, local);
}

/* Most values are one. */
static yyjson_mut_val *
copy_of(yyjson_mut_doc *m, yyjson_val *v)
{
	if (yyjson_is_str(v))
		return yyjson_mut_strn(m, yyjson_get_str(v), yyjson_get_len(v));
	if (yyjson_is_raw(v))
		return yyjson_mut_rawn(m, yyjson_get_raw(v), yyjson_get_len(v));
	return yyjson_val_mut_copy(m, v);
}

static bool
put_plain(struct run *k, const struct row *r, yyjson_val *value,
    yyjson_mut_val *obj)
{
	return yyjson_mut_obj_add(obj, yyjson_mut_strn(k->q->m, r->local,
	    r->len), copy_of(k->q->m, value));
}

/* What a row makes of the remote value (NULL: there is none) in obj. */
static bool
put_value(struct run *k, const struct row *r, yyjson_val *value,
    yyjson_val *doc, yyjson_mut_val *obj)
{
	yyjson_mut_val *v = value == NULL ? NULL :
	    yyjson_val_mut_copy(k->q->m, value);
	bool turned = r->expr != NULL || r->jq != NULL, ours = false, plain;

	if (turned && !json_is_null(v) && !evaluate(k, r, &v))
		return false;
	plain = r->values == NULL && !turned;
	if (is_none(v) && r->dflt != NULL) {
		v = typed(k->q, r, r->dflt);
		ours = true;
	} else if (!is_none(v) && r->values != NULL) {
		if (!map_value(k, r, &v))
			return false;
		ours = true;
	} else if (!is_none(v) && plain && r->f != NULL && r->f->half != NULL)
		map_doctype(k, &v);
	if (v == NULL)
		return true;
	yyjson_mut_obj_add(obj, yyjson_mut_strn(k->q->m, r->local, r->len), v);
	if (is_none(v))
		return true;
	if (ours || turned)
		note_local(k, r, obj);
	else if (r->type == DOCUMENT)
		note_document(k, r, obj, doc);
	return true;
}

/* ---- objects */

enum mode { WHOLE, CHANGED };

static const struct column *
column_at(struct mapping *m, size_t i, yyjson_val *key)
{
	const char *s = yyjson_get_str(key);
	size_t len = yyjson_get_len(key);
	struct guess *g = i < GUESSES ? &m->guess[i] : NULL;

	if (g != NULL && g->key != NULL && g->len == len &&
	    memcmp(g->key, s, len) == 0)
		return g->column;
	if (g == NULL || g->key != NULL)
		return map_get(&m->columns, s, len);
	g->key = arena_dup(&m->mem, s, len);
	g->len = len;
	g->column = map_get(&m->columns, s, len);
	return g->column;
}

static bool
passes(const struct mapping *m, const struct column *c, yyjson_val *key)
{
	if (c != NULL)
		return c->pass;
	return !m->strict || meta_standard(yyjson_get_str(key),
	    yyjson_get_len(key));
}

static void
pass(struct run *k, yyjson_mut_val *out, const struct column *c, yyjson_val *key,
    yyjson_val *val)
{
	yyjson_mut_val *v = copy_of(k->q->m, val);

	if (c != NULL && c->doctype)
		map_doctype(k, &v);
	yyjson_mut_obj_add(out, yyjson_mut_strn(k->q->m, yyjson_get_str(key),
	    yyjson_get_len(key)), v);
}

static yyjson_mut_val *map_object(struct run *, struct mapping *, enum mode,
    yyjson_val *);

/* The rows of a table by its inner mapping; NULL and a fault. */
static yyjson_mut_val *
map_rows(struct run *k, const struct row *r, enum mode mode, yyjson_val *rows)
{
	struct run in = { .q = k->q, .jq = k->jq, .table = r->local,
	    .there = r->remote };
	yyjson_mut_val *out = yyjson_mut_arr(k->q->m), *one;
	yyjson_val *row;
	size_t i, n;

	yyjson_arr_foreach(rows, i, n, row) {
		in.row = json_str(row, "name");
		if (!yyjson_is_obj(row))
			one = yyjson_val_mut_copy(k->q->m, row);
		else if ((one = map_object(&in, r->inner, mode, row)) == NULL)
			return NULL;
		yyjson_mut_arr_append(out, one);
	}
	return out;
}

static bool
put_rows(struct run *k, const struct row *r, enum mode mode, yyjson_val *rows,
    yyjson_mut_val *out)
{
	yyjson_mut_val *v = yyjson_is_arr(rows) ? map_rows(k, r, mode, rows) :
	    yyjson_val_mut_copy(k->q->m, rows);

	return v != NULL && yyjson_mut_obj_add(out, yyjson_mut_strn(k->q->m,
	    r->local, r->len), v);
}

/* Both halves of a dynamic link stand in a diff, also one that is always the
 * same. */
static bool
put_halves(struct run *k, struct mapping *m, yyjson_mut_val *out)
{
	const struct row *r;
	size_t i;

	for (r = m->rows; r < m->rows + m->nrows; r++) {
		if (r->remote != NULL || r->f == NULL || r->f->half == NULL)
			continue;
		for (i = 0; i < m->nrows; i++)
			if (m->rows[i].f != NULL && m->rows[i].f->dyn == r->f &&
			    m->rows[i].turn == m->turn)
				break;
		if (i < m->nrows && !put_value(k, r, NULL, NULL, out))
			return false;
	}
	return true;
}

/* Rows whose field was not there. */
static bool
put_absent(struct run *k, struct mapping *m, yyjson_mut_val *out)
{
	struct row *r;

	for (r = m->rows; r < m->rows + m->nrows; r++)
		if (r->dflt != NULL && r->turn != m->turn && r->type != TABLE &&
		    !put_value(k, r, NULL, NULL, out))
			return false;
	return true;
}

/* A document or a row, or what of it has changed. */
static yyjson_mut_val *
map_object(struct run *k, struct mapping *m, enum mode mode, yyjson_val *obj)
{
	yyjson_mut_val *out = yyjson_mut_obj(k->q->m);
	const struct column *c;
	yyjson_val *key, *val;
	struct row *r;
	size_t i, n;

	m->turn++;
	yyjson_obj_foreach(obj, i, n, key, val) {
		c = column_at(m, i, key);
		for (r = c == NULL ? NULL : c->rows; r != NULL; r = r->next) {
			r->turn = m->turn;
			if (!(r->plain ? put_plain(k, r, val, out) :
			    r->type == TABLE ? put_rows(k, r, WHOLE, val, out) :
			    put_value(k, r, val, obj, out)))
				return NULL;
		}
		if (passes(m, c, key))
			pass(k, out, c, key, val);
	}
	return (mode == WHOLE ? put_absent : put_halves)(k, m, out) ? out :
	    NULL;
}

yyjson_mut_val *
mapping_doc(struct mapping *m, struct mapping_run *q, yyjson_val *doc)
{
	struct run k = { .q = q, .jq = m->jq };
	yyjson_mut_val *out = map_object(&k, m, WHOLE, doc);

	if (out != NULL && yyjson_obj_get(doc, "doctype") != NULL)
		yyjson_mut_obj_insert(out, yyjson_mut_str(q->m, "doctype"),
		    yyjson_mut_str(q->m, m->local), 0);
	return out;
}

/* added, removed or row_changed: {table: rows}. */
static yyjson_mut_val *
map_side(struct run *k, struct mapping *m, enum mode mode, bool names,
    yyjson_val *side)
{
	yyjson_mut_val *out = yyjson_mut_obj(k->q->m);
	const struct column *c;
	yyjson_val *key, *rows;
	struct row *r;
	size_t i, n;

	yyjson_obj_foreach(side, i, n, key, rows) {
		c = map_get(&m->columns, yyjson_get_str(key),
		    yyjson_get_len(key));
		for (r = c == NULL ? NULL : c->rows; r != NULL; r = r->next) {
			if (r->type != TABLE)
				continue;
			if (names)
				yyjson_mut_obj_add(out, yyjson_mut_strn(k->q->m,
				    r->local, r->len),
				    yyjson_val_mut_copy(k->q->m, rows));
			else if (!put_rows(k, r, mode, rows, out))
				return NULL;
		}
		if (passes(m, c, key))
			pass(k, out, c, key, rows);
	}
	return out;
}

yyjson_mut_val *
mapping_diff(struct mapping *m, struct mapping_run *q, yyjson_val *diff)
{
	static const char *const sides[] = { "changed", "added", "removed",
	    "row_changed" };
	yyjson_mut_val *out = yyjson_mut_obj(q->m), *v;
	struct run k = { .q = q, .jq = m->jq };
	yyjson_val *side;
	int i;

	for (i = 0; i < 4; i++) {
		if ((side = yyjson_obj_get(diff, sides[i])) == NULL)
			continue;
		/* What is none is not made one. */
		v = !yyjson_is_obj(side) ? yyjson_val_mut_copy(q->m, side) :
		    i == 0 ? map_object(&k, m, CHANGED, side) :
		    map_side(&k, m, i == 1 ? WHOLE : CHANGED, i == 2, side);
		if (v == NULL)
			return NULL;
		yyjson_mut_obj_add_val(q->m, out, sides[i], v);
	}
	return out;
}

/* ---- the document that a link stands for, at the producer */

static bool
ask_filter(struct mapping_run *q, const struct mapping_document *d,
    const struct filter_value *f, yyjson_mut_val *filters)
{
	struct expr_ask ask = { .a = q->a, .m = q->m, .site = q->site,
	    .now = q->now };
	yyjson_val *field = yyjson_obj_get(d->doc, f->text);
	yyjson_mut_val *v = yyjson_mut_str(q->m, f->text);

	if (f->expr != NULL) {
		ask.doc = yyjson_val_mut_copy(q->m, d->doc);
		v = expr_value(f->expr, &ask);
		q->failed |= ask.failed;
	} else if (field != NULL && !yyjson_is_null(field) &&
	    !yyjson_is_false(field) && !yyjson_equals_str(field, "") &&
	    json_val_int(field, 1) != 0)
		v = yyjson_val_mut_copy(q->m, field);
	if (v == NULL)
		return fault_set(&q->fault, "mapping", "the remote value filter "
		    "'%s' of '%s' fails: %s", f->key, d->field, ask.fault.text);
	return yyjson_mut_obj_add_val(q->m, filters, f->key, v);
}

yyjson_mut_val *
mapping_filters(struct mapping_run *q, const struct mapping_document *d)
{
	yyjson_mut_val *filters = yyjson_mut_obj(q->m);
	size_t i;

	for (i = 0; i < d->of->nfilters; i++)
		if (!ask_filter(q, d, &d->of->filters[i], filters))
			return NULL;
	return filters;
}
