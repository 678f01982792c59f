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
	yyjson_mut_doc	*m;
	yyjson_mut_val	*old, *body;	/* old NULL: a new document */
	struct doc	 d;
	const char	*name;		/* as posted, or by its field; NULL */
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
	yyjson_mut_val *row, *was, *other;
	const char *name, *key;
	size_t i, k, n, max;
	bool taken;

	if (!yyjson_mut_is_arr(rows) || !yyjson_mut_is_arr(old))
		return;
	yyjson_mut_arr_foreach(rows, i, n, row) {
		if (!yyjson_mut_is_obj(row) ||
		    !json_is_null(yyjson_mut_obj_get(row, "name")))
			continue;
		was = yyjson_mut_arr_get(old, i);
		if ((key = json_mut_str(row, "fieldname")) != NULL) {
			was = NULL;
			yyjson_mut_arr_foreach(old, k, max, other)
				if (yyjson_mut_equals_str(
				    yyjson_mut_obj_get(other, "fieldname"), key))
					was = other;
		}
		if ((name = json_mut_str(was, "name")) == NULL)
			continue;
		taken = false;
		yyjson_mut_arr_foreach(rows, k, max, other)
			if (other != row && yyjson_mut_equals_str(
			    yyjson_mut_obj_get(other, "name"), name))
				taken = true;
		if (!taken)
			json_put(p->m, row, "name", json_new_str(p->m, name));
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

/* An empty value takes the secret away. */
static void
save_secrets(struct put *p)
{
	const struct secret *x;
	size_t i;

	for (i = 0; i < p->nsecrets; i++) {
		x = &p->secrets[i];
		if (x->value == NULL || *x->value == '\0')
			db_do(p->s->db, "DELETE FROM secret WHERE doc = ? AND"
			    " row = ? AND field = ?", "iss", p->d.id, x->row,
			    x->field);
		else
			db_do(p->s->db, "INSERT INTO secret VALUES(?1,?2,?3,?4)"
			    " ON CONFLICT DO UPDATE SET value = ?4", "isss",
			    p->d.id, x->row, x->field, x->value);
	}
}

/* ---- names */

/* A document named by one of its fields has that field equal to its name. */
static bool
field_name(struct put *p, yyjson_val *posted)
{
	const char *field = p->meta->autoname + 6, *value;
	char *trimmed;
	size_t n;

	if (strncmp(p->meta->autoname, "field:", 6) != 0)
		return true;
	if ((value = json_str(posted, field)) == NULL)
		return true;
	value += strspn(value, " \t\n");
	for (n = strlen(value); n > 0 && strchr(" \t\n", value[n - 1]); n--)
		;
	trimmed = arena_dup(p->a, value, n);
	if (n == 0)
		return true;
	if (p->name == NULL)
		p->name = trimmed;
	if (strcmp(p->name, trimmed) != 0)
		return fault_set(p->fault, "name", "name '%s' and %s '%s' "
		    "differ; to give it another name use es-mv", p->name,
		    field, trimmed);
	return true;
}

static bool
choose_name(struct put *p)
{
	const char *field = p->meta->autoname + 6;

	if (p->name == NULL)
		p->name = name_new(p->a, p->meta, p->body, time_now(),
		    &p->s->lookup, p->fault);
	if (p->name == NULL || !name_check(p->meta, p->name, p->fault))
		return false;
	if (strncmp(p->meta->autoname, "field:", 6) == 0)
		json_put(p->m, p->body, field, json_new_str(p->m, p->name));
	if (doc_number(p->s, p->meta->name, p->name) != 0)
		return fault_set(p->fault, "name", "%s '%s' exists already",
		    p->meta->name, p->name);
	p->d.name = p->name;
	return true;
}

/* ---- what some documents mean to the site */

/* A DocType that could not be used is not taken in. */
static bool
check_schema(struct put *p, yyjson_val *posted)
{
	const struct field *f;
	struct meta *m;
	size_t i;
	bool good = true;
	const char *dt;

	if (strcmp(p->meta->name, "DocType") == 0) {
		if ((m = meta_new(posted, NULL, 0, NULL, 0, p->fault)) == NULL)
			return false;
		for (i = 0; i < m->nfields && good; i++) {
			f = &m->fields[i];
			if (f->kind == K_TABLE && strcmp(f->options, m->name) != 0
			    && site_meta(p->s, f->options) == NULL)
				good = fault_set(p->fault, "link", "'%s' is a "
				    "table of DocType '%s', which is not there; "
				    "put it in first", f->name, f->options);
		}
		meta_free(m);
		return good;
	}
	if (strcmp(p->meta->name, "Custom Field") == 0 ||
	    strcmp(p->meta->name, "Property Setter") == 0) {
		dt = json_mut_str(p->body, p->meta->name[0] == 'C' ?
		    "dt" : "doc_type");
		if (dt == NULL || site_meta(p->s, dt) == NULL)
			return fault_set(p->fault, "link", "no DocType '%s'",
			    dt == NULL ? "" : dt);
		if (p->meta->name[0] == 'C' && !meta_fieldname(
		    json_mut_str(p->body, "fieldname") == NULL ? "" :
		    json_mut_str(p->body, "fieldname")))
			return fault_set(p->fault, "field",
			    "a Custom Field wants a fieldname of letters, "
			    "digits and underscores");
	}
	return true;
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
	if (dt != NULL)
		return site_meta_changed(p->s, dt) == -1 ? PUT_FAILED : PUT_SAME;
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

static enum put_result
create(struct put *p, yyjson_val *posted)
{
	struct cause c = { .user = p->user };

	p->body = yyjson_val_mut_copy(p->m, posted);
	if (!doc_clean(p->m, p->meta, p->body, p->fault))
		return PUT_REFUSED;
	doc_defaults(p->m, p->meta, p->body, p->user, time_now());
	if (!check_schema(p, posted))
		return PUT_REFUSED;
	/* The check comes first: a refused document takes no number. */
	if (!doc_check(p->meta, p->body, NULL, is_schema(p->meta) ?
	    CHECK_ALL & ~CHECK_LINKS : CHECK_ALL, &p->s->lookup, p->fault))
		return PUT_REFUSED;
	if (!choose_name(p))
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
	if (!doc_clean(p->m, p->meta, p->body, p->fault) ||
	    !check_schema(p, posted))
		return PUT_REFUSED;
	if (!doc_check(p->meta, p->body, p->old, is_schema(p->meta) ?
	    CHECK_ALL & ~CHECK_LINKS : CHECK_ALL, &p->s->lookup, p->fault))
		return PUT_REFUSED;
	hide_all(p);
	if ((diff = diff_make(p->m, p->meta, p->old, p->body)) == NULL)
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
	if (name != NULL && !yyjson_is_null(name) &&
	    (p->name = json_str(posted, "name")) == NULL)
		return fault_set(p->fault, "name", "a name is a string");
	if (p->name != NULL && *p->name == '\0')
		p->name = NULL;
	if (p->meta->issingle)
		p->name = p->meta->name;
	return field_name(p, posted);
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

enum put_result
local_put(struct site *s, struct arena *a, yyjson_val *posted,
    const char *doctype, const char *user, int64_t *id, int64_t *entry,
    struct fault *fault)
{
	struct put p = { .s = s, .a = a, .user = user, .fault = fault };
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

/* ---- delete and rename */

static bool
find(struct site *s, struct arena *a, const struct meta *m, const char *name,
    struct doc *d, struct fault *fault)
{
	if (doc_find(s, a, m, name, true, d))
		return true;
	return fault_set(fault, "gone", "no %s '%s'", m->name, name);
}

enum put_result
local_delete(struct site *s, struct arena *a, const struct meta *m,
    const char *name, const char *user, int64_t *entry, struct fault *fault)
{
	struct cause c = { .user = user };
	const char *dt, *other;
	struct doc d;

	if (!find(s, a, m, name, &d, fault))
		return PUT_REFUSED;
	if (d.docstatus == 1)
		fault_set(fault, "docstatus", "%s '%s' is submitted; cancel it "
		    "first", m->name, name);
	else if (doc_linked(s, a, d.id, &dt, &other))
		fault_set(fault, "linked", "%s '%s' is linked from %s '%s'",
		    m->name, name, dt, other);
	else if (strcmp(m->name, "DocType") == 0)
		fault_set(fault, "doctype", "DocTypes are not deleted");
	else if (doc_delete(s, &d, &c) == -1)
		return PUT_FAILED;
	else {
		*entry = s->newest;
		arena_reset(&s->scratch);
		return PUT_UPDATED;
	}
	return PUT_REFUSED;
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
	if (doc_rename(s, &d, name, &c) == -1)
		return PUT_FAILED;
	*entry = d.last;
	arena_reset(&s->scratch);
	return PUT_UPDATED;
}
