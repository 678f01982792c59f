/* local.c - what users write: validated, stored, journaled (DESIGN 6) */

#include <stdlib.h>
#include <string.h>

#include "site/site.h"

struct secret {
	const char	*row, *field, *value;
};

struct put {
	struct site	*s;
	struct arena	*a;
	const struct meta *meta;
	const char	*user;
	bool		 whole;		/* what is not posted is cleared */
	yyjson_mut_doc	*m;
	yyjson_mut_val	*old, *body;	/* old NULL: a new document */
	struct doc	 d;
	const char	*name;		/* as posted, or by its field; NULL */
	const char	*other;		/* what the field says instead */
	struct secret	*secrets;	/* row, field, value */
	size_t		 nsecrets;
	struct fault	*fault;
};

/* DocTypes come before what they link to; their links are looked at in use. */
static bool
is_schema(const struct meta *m)
{
	return strcmp(m->name, "DocType") == 0 ||
	    strcmp(m->name, "Custom Field") == 0 ||
	    strcmp(m->name, "Property Setter") == 0;
}

static bool
is_log(const char *doctype)
{
	return strcmp(doctype, "Event Update Log") == 0 ||
	    strcmp(doctype, "Event Sync Log") == 0 ||
	    strcmp(doctype, "Event Producer Last Update") == 0;
}

/* ---- what was posted, over what is stored */

/* A row without a name is the one that stood at its place, so that the same
 * input twice is no change; a DocType's fields are known by fieldname. */
static void
name_rows(struct put *p, const struct field *f, yyjson_mut_val *rows)
{
	yyjson_mut_val *old = yyjson_mut_obj_get(p->old, f->name);
	yyjson_mut_val *row, *was, *at;
	struct map given = { 0 }, fields = { 0 };
	const char *name, *key;
	yyjson_mut_arr_iter it;
	size_t i, n;

	if (!yyjson_mut_is_arr(rows) || !yyjson_mut_is_arr(old))
		return;
	rows_sort(rows);
	yyjson_mut_arr_foreach(rows, i, n, row)
		if ((name = json_mut_str(row, "name")) != NULL)
			map_set(&given, name, strlen(name), row);
	yyjson_mut_arr_foreach(old, i, n, was)
		if ((key = json_mut_str(was, "fieldname")) != NULL)
			map_set(&fields, key, strlen(key), was);
	yyjson_mut_arr_iter_init(old, &it);
	yyjson_mut_arr_foreach(rows, i, n, row) {
		at = yyjson_mut_arr_iter_next(&it);
		if (!yyjson_mut_is_obj(row) ||
		    !json_is_null(yyjson_mut_obj_get(row, "name")))
			continue;
		key = json_mut_str(row, "fieldname");
		was = key == NULL ? at : map_get(&fields, key, strlen(key));
		if ((name = json_mut_str(was, "name")) != NULL &&
		    map_get(&given, name, strlen(name)) == NULL)
			json_put(p->m, row, "name", json_new_str(p->m, name));
	}
	map_free(&given);
	map_free(&fields);
}

/* What was there and is not posted. */
static void
clear(struct put *p, yyjson_val *posted)
{
	yyjson_mut_val *key, *val;
	const char *k;
	size_t i, n;

	yyjson_mut_obj_foreach(p->old, i, n, key, val) {
		k = yyjson_mut_get_str(key);
		if (!meta_standard(k, yyjson_mut_get_len(key)) &&
		    yyjson_obj_getn(posted, k, yyjson_mut_get_len(key)) == NULL)
			json_put(p->m, p->body, k, yyjson_mut_null(p->m));
	}
}

/* A partial document: absent keys keep the stored value, a table replaces the
 * whole table (spec 5.3, 5.4). */
static void
overlay(struct put *p, yyjson_val *posted)
{
	const struct field *f;
	yyjson_mut_val *value;
	yyjson_val *k, *v;
	size_t i, n;

	p->body = yyjson_mut_val_mut_copy(p->m, p->old);
	if (p->whole)
		clear(p, posted);
	yyjson_obj_foreach(posted, i, n, k, v) {
		if (meta_standard(yyjson_get_str(k), yyjson_get_len(k)) &&
		    !yyjson_equals_str(k, "docstatus"))
			continue;
		value = yyjson_val_mut_copy(p->m, v);
		f = meta_field(p->meta, yyjson_get_str(k), yyjson_get_len(k));
		if (f != NULL && f->kind == K_TABLE)
			name_rows(p, f, value);
		json_put(p->m, p->body, yyjson_get_str(k), value);
	}
}

/* The default of a field of obj, if it has one; but what the clock gave when
 * it was new stays. */
static void
put_default(struct put *p, const struct field *f, yyjson_mut_val *defaults,
    yyjson_mut_val *obj, yyjson_mut_val *old)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(defaults, f->name);
	yyjson_mut_val *was = yyjson_mut_obj_get(old, f->name);

	if (v == NULL)
		return;
	if (!json_is_null(was) && (f->kind == K_DATE || f->kind == K_DATETIME ||
	    f->kind == K_TIME))
		v = was;
	json_put(p->m, obj, f->name, yyjson_mut_val_mut_copy(p->m, v));
}

static yyjson_mut_val *
defaults_of(struct put *p, const struct meta *m)
{
	yyjson_mut_val *obj = yyjson_mut_obj(p->m);

	doc_defaults(p->m, m, obj, p->user, time_now());
	return obj;
}

static void
refill_rows(struct put *p, const struct field *f)
{
	yyjson_mut_val *defaults = defaults_of(p, f->child), *row;
	struct map old = { 0 };
	const struct field *of;
	const char *name;
	size_t i, k, n;

	if (yyjson_mut_obj_size(defaults) == 0)
		return;
	yyjson_mut_arr_foreach(yyjson_mut_obj_get(p->old, f->name), i, n, row)
		if ((name = json_mut_str(row, "name")) != NULL)
			map_set(&old, name, strlen(name), row);
	yyjson_mut_arr_foreach(yyjson_mut_obj_get(p->body, f->name), i, n, row)
		for (k = 0; k < f->child->nfields; k++) {
			of = &f->child->fields[k];
			name = json_mut_str(row, "name");
			if (json_is_null(yyjson_mut_obj_get(row, of->name)))
				put_default(p, of, defaults, row,
				    map_get(&old, name, strlen(name)));
		}
	map_free(&old);
}

/* Null is the default, as it was when the document was new, and so is what a
 * row lacks: the same input twice is no change. */
static void
refill(struct put *p, yyjson_val *posted)
{
	yyjson_mut_val *defaults = NULL;
	const struct field *f;
	yyjson_val *k, *v;
	size_t i, n;

	yyjson_obj_foreach(posted, i, n, k, v) {
		f = meta_field(p->meta, yyjson_get_str(k), yyjson_get_len(k));
		if (f == NULL)
			continue;
		if (f->kind == K_TABLE && f->child != NULL)
			refill_rows(p, f);
		else if (yyjson_is_null(v)) {
			if (defaults == NULL)
				defaults = defaults_of(p, p->meta);
			put_default(p, f, defaults, p->body, p->old);
		}
	}
}

/* ---- secrets: kept apart, never in the document */

static bool
only_stars(const char *s)
{
	return *s != '\0' && s[strspn(s, "*")] == '\0';
}

/* Takes passwords out of a document or row (row NULL: the document) to be
 * saved when it is written. */
static void
hide(struct put *p, const struct meta *m, yyjson_mut_val *obj, const char *row)
{
	const struct field *f;
	yyjson_mut_val *v;
	const char *value;
	size_t i;

	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (f->kind != K_PASSWORD)
			continue;
		if ((v = yyjson_mut_obj_remove_key(obj, f->name)) == NULL)
			continue;
		value = yyjson_mut_get_str(v);
		if (value != NULL && only_stars(value))
			continue;
		p->secrets = xrealloc(p->secrets,
		    (p->nsecrets + 1) * sizeof(*p->secrets));
		p->secrets[p->nsecrets++] = (struct secret){
		    row == NULL ? "" : row, f->name, value };
	}
}

static void
hide_all(struct put *p)
{
	const struct field *f;
	yyjson_mut_val *row, *rows;
	size_t i, k, n;

	hide(p, p->meta, p->body, NULL);
	for (i = 0; i < p->meta->nfields; i++) {
		f = &p->meta->fields[i];
		if (f->kind != K_TABLE || f->child == NULL)
			continue;
		rows = yyjson_mut_obj_get(p->body, f->name);
		yyjson_mut_arr_foreach(rows, k, n, row)
			hide(p, f->child, row, json_mut_str(row, "name"));
	}
}

/* An empty value takes the secret away, any takes what key.c keeps beside it. */
static void
save_secrets(struct put *p)
{
	const struct secret *x;
	size_t i;

	for (i = 0; i < p->nsecrets; i++) {
		x = &p->secrets[i];
		db_do(p->s->db, "DELETE FROM secret WHERE doc = ?1 AND row = ?2"
		    " AND (field = ?3 OR field > ?3 || ' ' AND field <"
		    " ?3 || '!')", "iss", p->d.id, x->row, x->field);
		if (x->value != NULL && *x->value != '\0')
			db_do(p->s->db, "INSERT INTO secret VALUES(?,?,?,?)",
			    "isss", p->d.id, x->row, x->field, x->value);
	}
}

/* ---- names */

/* Customisations are found by names that begin with their DocType's. */
static bool
custom_name(struct put *p, yyjson_val *posted)
{
	bool field = strcmp(p->meta->name, "Custom Field") == 0;
	const char *dt = json_str(posted, field ? "dt" : "doc_type");
	const char *of = json_str(posted, field ? "fieldname" : "field_name");
	const char *property = json_str(posted, "property");
	size_t n;

	if (dt == NULL)
		return true;
	n = strlen(dt);
	if (p->name != NULL && (strncmp(p->name, dt, n) != 0 ||
	    p->name[n] != '-'))
		return fault_set(p->fault, "name", "the name of a %s for '%s' "
		    "begins with '%s-'", p->meta->name, dt, dt);
	if (p->name == NULL && field && of != NULL)
		p->name = arena_printf(p->a, "%s-%s", dt, of);
	else if (p->name == NULL && !field && property != NULL)
		p->name = arena_printf(p->a, "%s-%s-%s", dt,
		    of == NULL || *of == '\0' ? "main" : of, property);
	return true;
}

/* A document named by one of its fields has that field equal to its name, but
 * it may be stored otherwise: it came from another site, or that is a link. */
static void
field_name(struct put *p, yyjson_val *posted)
{
	const struct field *f = meta_naming_field(p->meta);
	const char *value;
	yyjson_val *v;
	char *trimmed;
	size_t n;

	if (f == NULL)
		return;
	v = yyjson_obj_get(posted, f->name);
	value = yyjson_is_raw(v) ? yyjson_get_raw(v) : yyjson_get_str(v);
	if (value == NULL)
		return;
	n = yyjson_get_len(v);
	for (; n > 0 && strchr(" \t\n", *value) != NULL; n--)
		value++;
	for (; n > 0 && strchr(" \t\n", value[n - 1]) != NULL; n--)
		;
	trimmed = arena_dup(p->a, value, n);
	if (n == 0)
		return;
	if (p->name == NULL)
		p->name = trimmed;
	if (strcmp(p->name, trimmed) != 0)
		p->other = trimmed;
}

/* Numbers stay as they were written. */
static void
put_field_name(struct put *p, const char *name)
{
	const struct field *f = meta_naming_field(p->meta);

	if (f != NULL &&
	    !yyjson_mut_is_raw(yyjson_mut_obj_get(p->body, f->name)))
		json_put(p->m, p->body, f->name, json_new_str(p->m, name));
}

static bool
differs(struct put *p)
{
	return fault_set(p->fault, "name", "name '%s' and %s '%s' differ; to "
	    "give it another name use es-mv", p->name,
	    meta_naming_field(p->meta)->name, p->other);
}

/* The field as it is stored, unless its name is put there again. */
static bool
keep_field_name(struct put *p)
{
	const struct field *f = meta_naming_field(p->meta);
	yyjson_mut_val *v, *was;
	const char *value = doc_naming_value(p->a, p->meta, p->old);

	if (p->other != NULL && (value == NULL ||
	    strcmp(value, p->other) != 0))
		return differs(p);
	if (value == NULL || *value == '\0' || strcmp(value, p->d.name) == 0) {
		put_field_name(p, p->d.name);
		return true;
	}
	v = yyjson_mut_obj_get(p->body, f->name);
	was = yyjson_mut_obj_get(p->old, f->name);
	if (p->other != NULL || json_is_null(v) || json_same(v, was))
		json_put(p->m, p->body, f->name,
		    yyjson_mut_val_mut_copy(p->m, was));
	else
		put_field_name(p, p->d.name);
	return true;
}

static bool
take_name(struct put *p)
{
	if (p->name == NULL)
		p->name = name_new(p->a, p->meta, p->body, time_now(),
		    &p->s->lookup, p->fault);
	if (p->name == NULL || !name_check(p->meta, p->name, p->fault))
		return false;
	if (doc_number(p->s, p->meta->name, p->name) != 0)
		return fault_set(p->fault, "name", "%s '%s' exists already",
		    p->meta->name, p->name);
	put_field_name(p, p->name);
	p->d.name = p->name;
	return true;
}

/* A refused document gives its number back. */
static bool
choose_name(struct put *p)
{
	bool given = p->name != NULL;

	if (given)
		return take_name(p);
	db_savepoint(p->s->db);
	if (take_name(p)) {
		db_release(p->s->db);
		return true;
	}
	db_undo(p->s->db);
	return false;
}

/* ---- what some documents mean to the site */

/* A DocType that could not be used is not taken in. */
static bool
check_doctype(struct put *p)
{
	yyjson_doc *doc = yyjson_mut_val_imut_copy(p->body, &p->a->alc);
	const struct field *f;
	struct meta *m;
	size_t i;
	bool good = true;

	m = meta_new(yyjson_doc_get_root(doc), NULL, 0, NULL, 0, p->fault);
	if (m == NULL)
		return false;
	for (i = 0; i < m->nfields && good; i++) {
		f = &m->fields[i];
		if (f->kind == K_TABLE && strcmp(f->options, m->name) != 0 &&
		    site_meta(p->s, f->options) == NULL)
			good = fault_set(p->fault, "link", "'%s' is a table of "
			    "DocType '%s', which is not there; put it in first",
			    f->name, f->options);
	}
	meta_free(m);
	return good;
}

static bool
check_custom(struct put *p)
{
	bool field = strcmp(p->meta->name, "Custom Field") == 0;
	const char *dt = json_mut_str(p->body, field ? "dt" : "doc_type");
	const char *name = json_mut_str(p->body, "fieldname");
	const char *was = json_mut_str(p->old, "fieldname");
	const struct meta *m = dt == NULL ? NULL : site_meta(p->s, dt);

	if (m == NULL)
		return fault_set(p->fault, "link", "no DocType '%s'",
		    dt == NULL ? "" : dt);
	if (!field)
		return true;
	if (name == NULL || !meta_fieldname(name))
		return fault_set(p->fault, "field", "a Custom Field wants a "
		    "fieldname of letters, digits and underscores");
	if ((was == NULL || strcmp(was, name) != 0) &&
	    meta_field(m, name, strlen(name)) != NULL)
		return fault_set(p->fault, "field", "%s has a field '%s' "
		    "already", dt, name);
	return true;
}

/* What a row says of a DocType, in the document or in what it was. */
static const char *
row_text(yyjson_mut_val *doc, const char *table, const char *doctype,
    const char *key)
{
	yyjson_mut_val *rows = yyjson_mut_obj_get(doc, table), *row;
	const char *of, *text;
	size_t i, n;

	yyjson_mut_arr_foreach(rows, i, n, row) {
		of = json_mut_str(row, "ref_doctype");
		if (of == NULL || doctype == NULL || strcmp(of, doctype) != 0)
			continue;
		text = json_mut_str(row, key);
		return text == NULL || text[strspn(text, " \t\r\n")] == '\0' ?
		    NULL : text;
	}
	return NULL;
}

/* Conditions are refused where they are entered, not where they are asked; those
 * of an Event Producer are for another site. */
static bool
check_conditions(struct put *p, const char *table, bool here)
{
	static const char *const keys[] = { "condition", "own_condition" };
	yyjson_mut_val *rows = yyjson_mut_obj_get(p->body, table), *row;
	struct rule_for of = { .s = p->s, .consumer = p->d.name };
	const char *text, *was;
	size_t i, k, n;

	yyjson_mut_arr_foreach(rows, i, n, row)
		for (k = 0; k < 2; k++) {
			of.doctype = json_mut_str(row, "ref_doctype");
			of.own = k == 1;
			text = row_text(p->body, table, of.doctype, keys[k]);
			was = row_text(p->old, table, of.doctype, keys[k]);
			if (text == NULL ||
			    (was != NULL && strcmp(text, was) == 0))
				continue;
			if (!(here ? rule_check(text, &of, p->fault) :
			    rule_check_shape(text, p->fault)))
				return false;
		}
	return true;
}

static bool
check_mapping(struct put *p)
{
	struct site_mappings here;
	struct mapping_source from = site_mappings(&here, p->s, p->a);
	struct mapping *m;

	from.entered = true;
	m = mapping_new(&from, yyjson_doc_get_root(yyjson_mut_val_imut_copy(
	    p->body, &p->a->alc)), p->fault);
	mapping_free(m);
	return m != NULL;
}

/* What is asked for one value must have one answer. */
static bool
check_values(struct put *p)
{
	yyjson_mut_val *rows = yyjson_mut_obj_get(p->body, "pairs"), *row;
	const char *value;
	struct map seen = { 0 };
	bool good = true;
	size_t i, n;

	yyjson_mut_arr_foreach(rows, i, n, row) {
		value = json_mut_str(row, "remote_value");
		if (value == NULL)
			continue;
		if (map_get(&seen, value, strlen(value)) != NULL)
			good = fault_set(p->fault, "mapping", "the value '%s' "
			    "has two pairs", value);
		map_set(&seen, value, strlen(value), row);
	}
	map_free(&seen);
	return good;
}

static bool
check_schema(struct put *p)
{
	if (strcmp(p->meta->name, "Document Type Mapping") == 0)
		return check_mapping(p);
	if (strcmp(p->meta->name, "Value Map") == 0)
		return check_values(p);
	if (strcmp(p->meta->name, "Event Consumer") == 0)
		return check_conditions(p, "consumer_doctypes", true);
	if (strcmp(p->meta->name, "Event Producer") == 0)
		return check_conditions(p, "producer_doctypes", false);
	return !is_schema(p->meta) ? true :
	    strcmp(p->meta->name, "DocType") == 0 ? check_doctype(p) :
	    check_custom(p);
}

static const char custom[] = "{\"dt\":\"%s\",\"fieldname\":\"%s\","
    "\"label\":\"%s\",\"fieldtype\":\"Data\",\"read_only\":1,\"no_copy\":1}";

/* Local names want two fields that say what a document is called at home
 * (spec 10.2). */
static enum put_result
remote_fields(struct put *p, const char *doctype)
{
	static const char *const fields[][2] = {
	    { "remote_docname", "Remote Document Name" },
	    { "remote_site_name", "Remote Site" } };
	const struct meta *m = site_meta(p->s, doctype);
	char *text;
	int64_t id, entry;
	enum put_result r;
	size_t i;

	for (i = 0; m != NULL && i < 2; i++) {
		m = site_meta(p->s, doctype);
		if (meta_field(m, fields[i][0], strlen(fields[i][0])) != NULL)
			continue;
		text = arena_printf(p->a, custom, doctype, fields[i][0],
		    fields[i][1]);
		r = local_put(p->s, p->a, yyjson_doc_get_root(json_parse_own(
		    p->a, text, strlen(text))), "Custom Field", p->user, &id,
		    &entry, p->fault);
		if (r == PUT_REFUSED || r == PUT_FAILED)
			return r;
	}
	return PUT_SAME;
}

/* After it was written: metas and views, fields for local names. */
static enum put_result
consequences(struct put *p)
{
	yyjson_mut_val *rows, *row;
	const char *dt = NULL;
	enum put_result r;
	size_t i, n;

	if (strcmp(p->meta->name, "DocType") == 0)
		dt = p->d.name;
	else if (strcmp(p->meta->name, "Custom Field") == 0)
		dt = json_mut_str(p->body, "dt");
	else if (strcmp(p->meta->name, "Property Setter") == 0)
		dt = json_mut_str(p->body, "doc_type");
	if (dt != NULL && site_meta_changed(p->s, dt) == -1)
		return PUT_FAILED;
	if (dt != NULL && map_get(&p->s->metas, dt, strlen(dt)) == NULL) {
		fault_set(p->fault, "doctype", "DocType '%s' could not be used "
		    "with it", dt);
		return PUT_REFUSED;
	}
	if (dt != NULL)
		return PUT_SAME;	/* p->meta is void now */
	if (strcmp(p->meta->name, "Event Consumer") == 0)
		return consumer_changed(p->s, p->d.name, p->body, p->d.last)
		    == -1 ? PUT_FAILED : PUT_SAME;
	if (strcmp(p->meta->name, "Event Producer") != 0)
		return PUT_SAME;
	rows = yyjson_mut_obj_get(p->body, "producer_doctypes");
	yyjson_mut_arr_foreach(rows, i, n, row) {
		dt = json_mut_str(row, "ref_doctype");
		if (dt == NULL || json_mut_int(row, "use_same_name", 0) != 0)
			continue;
		r = remote_fields(p, dt);
		if (r != PUT_SAME)
			return r;
	}
	return PUT_SAME;
}

/* ---- writing */

/* A document must fit into a line of an event, with its links and marks. */
enum { DOC_MAX = LINE_MAX_BYTES - (1 << 20) };

static bool
fits(struct put *p)
{
	size_t len;

	if (json_stored_text(p->a, p->body, &len) == NULL)
		return fault_set(p->fault, "type", "there is text in it that "
		    "is not UTF-8");
	return len <= DOC_MAX || fault_set(p->fault, "size", "a document of "
	    "%zu bytes is too long, %d are allowed", len, DOC_MAX);
}

static bool
check(struct put *p)
{
	int what = is_schema(p->meta) ? CHECK_ALL & ~CHECK_LINKS : CHECK_ALL;

	return check_schema(p) && doc_check(p->meta, p->body, p->old, what,
	    &p->s->lookup, p->fault) && fits(p);
}

static enum put_result
create(struct put *p, yyjson_val *posted)
{
	struct cause c = { .user = p->user };

	if (p->other != NULL) {
		differs(p);
		return PUT_REFUSED;
	}
	p->body = yyjson_val_mut_copy(p->m, posted);
	if (!doc_clean(p->m, p->meta, p->body, p->fault))
		return PUT_REFUSED;
	doc_defaults(p->m, p->meta, p->body, p->user, time_now());
	if (!check(p) || !choose_name(p))
		return PUT_REFUSED;
	hide_all(p);
	p->d.meta = p->meta;
	if (doc_insert(p->s, &p->d, p->m, p->body, NULL, &c) == -1)
		return PUT_FAILED;
	return PUT_CREATED;
}

static enum put_result
update(struct put *p, yyjson_val *posted)
{
	struct cause c = { .user = p->user };
	yyjson_mut_val *diff;

	p->old = doc_body(p->a, p->m, &p->d);
	overlay(p, posted);
	if (!doc_clean(p->m, p->meta, p->body, p->fault))
		return PUT_REFUSED;
	if (p->whole)
		doc_defaults(p->m, p->meta, p->body, p->user, time_now());
	refill(p, posted);
	if (!keep_field_name(p))
		return PUT_REFUSED;
	diff = diff_make(p->m, p->meta, p->old, p->body);
	if (diff == NULL && p->d.docstatus == 2)
		return PUT_SAME;
	if (!check(p))
		return PUT_REFUSED;
	hide_all(p);
	if (diff == NULL)
		return PUT_SAME;
	/* doc_clean took them away; the order of keys stays as stored. */
	diff_apply(p->m, p->meta, p->old, diff);
	p->body = p->old;
	if (doc_update(p->s, &p->d, p->m, p->body, diff, &c) == -1)
		return PUT_FAILED;
	return PUT_UPDATED;
}

static bool
prepare(struct put *p, yyjson_val *posted, const char *doctype)
{
	yyjson_val *name = yyjson_obj_get(posted, "name");

	if (!yyjson_is_obj(posted))
		return fault_set(p->fault, "type", "a document is an object");
	if (doctype == NULL)
		doctype = json_str(posted, "doctype");
	if (doctype == NULL)
		return fault_set(p->fault, "doctype", "no doctype is given");
	if ((p->meta = site_meta(p->s, doctype)) == NULL)
		return fault_set(p->fault, "doctype", "no DocType '%s' here; "
		    "es-doctype puts one in", doctype);
	if (p->meta->istable)
		return fault_set(p->fault, "doctype", "%s is a child table; "
		    "its rows are written with their document", doctype);
	if (is_log(doctype))
		return fault_set(p->fault, "doctype", "%s is written by the "
		    "programs themselves", doctype);
	if (yyjson_is_raw(name) && number_whole(yyjson_get_raw(name),
	    yyjson_get_len(name)))
		p->name = arena_dup(p->a, yyjson_get_raw(name),
		    yyjson_get_len(name));
	else if (name != NULL && !yyjson_is_null(name) &&
	    (p->name = json_str(posted, "name")) == NULL)
		return fault_set(p->fault, "name", "a name is a string");
	if (p->name != NULL && *p->name == '\0')
		p->name = NULL;
	if (p->meta->issingle)
		p->name = p->meta->name;
	if (strcmp(p->meta->name, "Custom Field") == 0 ||
	    strcmp(p->meta->name, "Property Setter") == 0)
		return custom_name(p, posted);
	field_name(p, posted);
	return true;
}

/* Documents that mean something to the site are all or nothing. */
static bool
is_special(const struct meta *m)
{
	return is_schema(m) || strcmp(m->name, "Event Producer") == 0;
}

static enum put_result
write_one(struct put *p, yyjson_val *posted)
{
	enum put_result r, after;

	if (p->name != NULL &&
	    doc_find(p->s, p->a, p->meta, p->name, true, &p->d))
		r = update(p, posted);
	else
		r = create(p, posted);
	if (r == PUT_REFUSED || r == PUT_FAILED)
		return r;
	save_secrets(p);
	if (r == PUT_SAME)
		return r;
	after = consequences(p);
	return after == PUT_SAME ? r : after;
}

static enum put_result
put_any(struct site *s, struct arena *a, yyjson_val *posted,
    const char *doctype, const char *user, bool whole, int64_t *id,
    int64_t *entry, struct fault *fault)
{
	struct put p = { .s = s, .a = a, .user = user, .whole = whole,
	    .fault = fault };
	enum put_result r;
	bool special;

	*id = *entry = 0;
	if (!prepare(&p, posted, doctype))
		return PUT_REFUSED;
	p.m = yyjson_mut_doc_new(&a->alc);
	if ((special = is_special(p.meta)))
		db_savepoint(s->db);
	r = write_one(&p, posted);
	free(p.secrets);
	if (special && (r == PUT_REFUSED || r == PUT_FAILED)) {
		db_undo(s->db);
		site_forget_metas(s);
		site_forget_cache(s);
	} else if (special)
		db_release(s->db);
	if (db_failed(s->db))
		return PUT_FAILED;
	*id = p.d.id;
	if (r == PUT_CREATED || r == PUT_UPDATED)
		*entry = p.d.last;
	/* Not within a put of this put: metas and faults may point there. */
	if (!special)
		arena_reset(&s->scratch);
	return r;
}

enum put_result
local_put(struct site *s, struct arena *a, yyjson_val *posted,
    const char *doctype, const char *user, int64_t *id, int64_t *entry,
    struct fault *fault)
{
	return put_any(s, a, posted, doctype, user, false, id, entry, fault);
}

enum put_result
local_replace(struct site *s, struct arena *a, yyjson_val *posted,
    const char *doctype, const char *user, int64_t *id, int64_t *entry,
    struct fault *fault)
{
	return put_any(s, a, posted, doctype, user, true, id, entry, fault);
}

/* ---- delete and rename */

static bool
find(struct site *s, struct arena *a, const struct meta *m, const char *name,
    struct doc *d, struct fault *fault)
{
	if (doc_find(s, a, m, name, true, d))
		return true;
	return fault_set(fault, "gone", "no %s '%s'", m->name, name);
}

static bool
is_needed(const struct meta *m, const char *name)
{
	return strcmp(m->name, "User") == 0 &&
	    (strcmp(name, "Administrator") == 0 || strcmp(name, "Guest") == 0);
}

static bool
may_delete(struct site *s, struct arena *a, const struct doc *d,
    struct fault *fault)
{
	const char *dt, *other;

	if (strcmp(d->meta->name, "DocType") == 0)
		return fault_set(fault, "doctype", "DocTypes are not deleted");
	if (is_needed(d->meta, d->name))
		return fault_set(fault, "needed", "%s '%s' is needed by the "
		    "site itself", d->meta->name, d->name);
	if (d->docstatus == 1)
		return fault_set(fault, "docstatus", "%s '%s' is submitted; "
		    "cancel it first", d->meta->name, d->name);
	if (doc_linked(s, a, d->id, &dt, &other))
		return fault_set(fault, "linked", "%s '%s' is linked from %s "
		    "'%s'", d->meta->name, d->name, dt, other);
	return true;
}

/* The DocType that a customisation is for, or NULL. */
static const char *
customised(struct arena *a, const struct doc *d)
{
	yyjson_val *body;

	if (!is_schema(d->meta))
		return NULL;
	body = yyjson_doc_get_root(json_parse_own(a, d->data, d->len));
	return json_str(body, strcmp(d->meta->name, "Custom Field") == 0 ?
	    "dt" : "doc_type");
}

/* What a document that is gone was to other sites. */
static int
forget_peer(struct site *s, const struct doc *d)
{
	if (strcmp(d->meta->name, "Event Consumer") == 0)
		return consumer_changed(s, d->name, NULL, s->newest);
	if (strcmp(d->meta->name, "Event Producer") == 0)
		return producer_tell(s, d->name, NULL);
	return 0;
}

/* Metas are void after a customisation is gone. */
enum put_result
local_delete(struct site *s, struct arena *a, const struct meta *m,
    const char *name, const char *user, int64_t *entry, struct fault *fault)
{
	struct cause c = { .user = user };
	const char *dt;
	struct doc d;

	if (!find(s, a, m, name, &d, fault) || !may_delete(s, a, &d, fault))
		return PUT_REFUSED;
	dt = customised(a, &d);
	if (doc_delete(s, &d, &c) == -1 || forget_peer(s, &d) == -1 ||
	    (dt != NULL && site_meta_changed(s, dt) == -1))
		return PUT_FAILED;
	*entry = s->newest;
	arena_reset(&s->scratch);
	return PUT_UPDATED;
}

enum put_result
local_rename(struct site *s, struct arena *a, const struct meta *m,
    const char *old, const char *name, const char *user, int64_t *entry,
    struct fault *fault)
{
	struct cause c = { .user = user };
	struct doc d;

	if (!find(s, a, m, old, &d, fault) || !name_check(m, name, fault))
		return PUT_REFUSED;
	if (is_schema(m)) {
		fault_set(fault, "rename", "a %s keeps its name", m->name);
		return PUT_REFUSED;
	}
	if (is_needed(m, old)) {
		fault_set(fault, "needed", "%s '%s' is needed by the site "
		    "itself", m->name, old);
		return PUT_REFUSED;
	}
	if (!m->allow_rename) {
		fault_set(fault, "rename", "%s does not allow renaming "
		    "(allow_rename)", m->name);
		return PUT_REFUSED;
	}
	if (strcmp(old, name) == 0)
		return PUT_SAME;
	if (doc_number(s, m->name, name) != 0) {
		fault_set(fault, "name", "%s '%s' exists already", m->name, name);
		return PUT_REFUSED;
	}
	if (!doc_put_naming_value(s, &d, name, &c, fault))
		return PUT_REFUSED;
	if (doc_rename(s, &d, name, &c) == -1)
		return PUT_FAILED;
	*entry = d.last;
	arena_reset(&s->scratch);
	return PUT_UPDATED;
}
