/* store.c - documents in the site file: one way to write them, each change
 * with its journal entry */

#include <stdlib.h>
#include <string.h>

#include "site/site.h"

/* ---- reading */

#define COLUMNS "id, doctype, name, modified, last, docstatus, author, home," \
	" dependency, renamed, remote"

static void
read_row(struct site *s, struct arena *a, struct query *q, bool whole,
    struct doc *d)
{
	memset(d, 0, sizeof(*d));
	d->id = db_int(q, 0);
	d->name = arena_dup(a, db_text(q, 2), db_len(q, 2));
	d->modified = db_int(q, 3);
	d->last = db_int(q, 4);
	d->docstatus = db_int(q, 5);
	d->author = db_int(q, 6);
	d->home = db_int(q, 7);
	d->dependency = db_int(q, 8);
	d->renamed = db_int(q, 9);
	if (!db_isnull(q, 10))
		d->remote = arena_dup(a, db_text(q, 10), db_len(q, 10));
	if (whole) {
		d->data = arena_dup(a, db_text(q, 11), db_len(q, 11));
		d->len = db_len(q, 11);
	}
	d->meta = site_meta(s, site_doctype_name(s, db_int(q, 1)));
}

static bool
read_one(struct site *s, struct arena *a, struct query *q, bool whole,
    struct doc *d)
{
	if (db_step(q) != 1) {
		memset(d, 0, sizeof(*d));
		return false;
	}
	read_row(s, a, q, whole, d);
	db_end(q);
	return d->meta != NULL;
}

bool
doc_find(struct site *s, struct arena *a, const struct meta *m,
    const char *name, bool whole, struct doc *d)
{
	return read_one(s, a, whole ?
	    db_query(s->db, "SELECT " COLUMNS ", data FROM document"
	    " WHERE doctype = ? AND name = ?", "is", m->id, name) :
	    db_query(s->db, "SELECT " COLUMNS " FROM document"
	    " WHERE doctype = ? AND name = ?", "is", m->id, name), whole, d);
}

bool
doc_load(struct site *s, struct arena *a, int64_t id, bool whole, struct doc *d)
{
	return read_one(s, a, whole ?
	    db_query(s->db, "SELECT " COLUMNS ", data FROM document"
	    " WHERE id = ?", "i", id) :
	    db_query(s->db, "SELECT " COLUMNS " FROM document WHERE id = ?",
	    "i", id), whole, d);
}

bool
doc_after(struct site *s, struct arena *a, int64_t id, int64_t doctype,
    struct doc *d)
{
	return read_one(s, a, db_query(s->db, "SELECT " COLUMNS ", data FROM"
	    " document WHERE id > ?1 AND (?2 = 0 OR doctype = ?2)"
	    " ORDER BY id LIMIT 1", "ii", id, doctype), true, d);
}

/* doctype, NUL, name: the key of the names that this transaction knows. */
static char *
name_key(struct site *s, const char *doctype, const char *name, size_t *len)
{
	size_t n = strlen(doctype) + 1, m = strlen(name);
	char *key = arena_alloc(&s->cache, n + m + 1);

	memcpy(key, doctype, n);
	memcpy(key + n, name, m + 1);
	*len = n + m;
	return key;
}

int64_t
doc_number(struct site *s, const char *doctype, const char *name)
{
	size_t len;
	char *key = name_key(s, doctype, name, &len);
	intptr_t id = (intptr_t)map_get(&s->names, key, len);

	if (id == 0) {
		id = db_get(s->db, 0, "SELECT id FROM document WHERE"
		    " doctype = ? AND name = ?", "is",
		    site_doctype(s, doctype), name);
		if (id != 0)
			map_set(&s->names, key, len, (void *)id);
	}
	return id;
}

int64_t
doc_number_remote(struct site *s, const char *doctype, int64_t home,
    const char *remote)
{
	int64_t dt = site_doctype(s, doctype), id;

	id = db_get(s->db, 0, "SELECT id FROM document WHERE doctype = ?"
	    " AND remote = ? AND home = ?", "isi", dt, remote, home);
	if (id == 0)
		id = db_get(s->db, 0, "SELECT id FROM document WHERE"
		    " doctype = ? AND name = ? AND home = ? AND remote IS NULL",
		    "isi", dt, remote, home);
	return id;
}

static int
by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

size_t
doc_absent(struct site *s, struct arena *a, const char *doctype,
    const int64_t *ids, size_t n, char ***names, int64_t *all)
{
	int64_t dt = site_doctype(s, doctype), id;
	struct query *q;
	size_t found = 0;

	*all = db_get(s->db, 0, "SELECT count(*) FROM document WHERE doctype = ?",
	    "i", dt);
	*names = arena_alloc(a, (*all + 1) * sizeof(**names));
	q = db_query(s->db, "SELECT id, name FROM document WHERE doctype = ?"
	    " ORDER BY id DESC", "i", dt);
	while (db_step(q) == 1) {
		id = db_int(q, 0);
		if (bsearch(&id, ids, n, sizeof(id), by_number) == NULL)
			(*names)[found++] = arena_dup(a, db_text(q, 1),
			    db_len(q, 1));
	}
	return found;
}

yyjson_mut_val *
doc_body(struct arena *a, yyjson_mut_doc *m, const struct doc *d)
{
	yyjson_doc *doc = json_parse_own(a, d->data, d->len);

	return yyjson_val_mut_copy(m, yyjson_doc_get_root(doc));
}

bool
doc_linked(struct site *s, struct arena *a, int64_t id, const char **doctype,
    const char **name)
{
	struct query *q;

	q = db_query(s->db, "SELECT d.doctype, d.name FROM link l JOIN document d"
	    " ON d.id = l.source WHERE l.target = ?1 AND l.source <> ?1"
	    " AND l.old = 0"
	    " ORDER BY d.id LIMIT 1", "i", id);
	if (db_step(q) != 1)
		return false;
	*doctype = site_doctype_name(s, db_int(q, 0));
	*name = arena_dup(a, db_text(q, 1), db_len(q, 1));
	db_end(q);
	return true;
}

static int64_t *
numbers(struct arena *a, struct query *q, size_t *n)
{
	int64_t *v = NULL, *w;
	size_t cap = 0;

	*n = 0;
	while (db_step(q) == 1) {
		if (*n == cap) {
			w = arena_alloc(a, (cap * 2 + 16) * sizeof(*v));
			if (cap > 0)
				memcpy(w, v, cap * sizeof(*v));
			v = w;
			cap = cap * 2 + 16;
		}
		v[(*n)++] = db_int(q, 0);
	}
	return v;
}

int64_t *
doc_sources(struct site *s, struct arena *a, int64_t id, size_t *n)
{
	return numbers(a, db_query(s->db, "SELECT source FROM link WHERE"
	    " target = ?1 AND source <> ?1", "i", id), n);
}

int64_t *
doc_since(struct site *s, struct arena *a, const char *doctype, int64_t after,
    size_t *n)
{
	return numbers(a, db_query(s->db, "SELECT id FROM document WHERE"
	    " doctype = ? AND last > ? ORDER BY id", "ii",
	    site_doctype(s, doctype), after), n);
}

/* ---- links: of one document or diff, each target once */

struct link {
	const char	*doctype, *name;
	int64_t		 id;
};

struct links {
	struct site	*site;
	struct link	*v;
	size_t		 n, cap;
	const struct doc *self;
};

static void
link_add(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct links *l = arg;
	const char *name = yyjson_mut_get_str(value);
	int64_t id;
	size_t i;

	(void)obj;
	(void)f;
	for (i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0 &&
		    strcmp(l->v[i].doctype, doctype) == 0)
			return;
	if (l->self != NULL && strcmp(name, l->self->name) == 0 &&
	    strcmp(doctype, l->self->meta->name) == 0)
		id = l->self->id;
	else
		id = doc_number(l->site, doctype, name);
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 16 : l->cap * 2;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = (struct link){ doctype, name, id };
}

/* {doctype:{name:number}} for the journal; NULL if there are none. */
static const char *
links_text(struct site *s, const struct links *l)
{
	yyjson_mut_doc *m;
	yyjson_mut_val *root, *of;
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		n += l->v[i].id != 0 && meta_streamed(l->v[i].doctype);
	if (n == 0)
		return NULL;
	m = yyjson_mut_doc_new(&s->scratch.alc);
	root = yyjson_mut_obj(m);
	for (i = 0; i < l->n; i++) {
		if (l->v[i].id == 0 || !meta_streamed(l->v[i].doctype))
			continue;
		of = yyjson_mut_obj_get(root, l->v[i].doctype);
		if (of == NULL) {
			of = yyjson_mut_obj(m);
			yyjson_mut_obj_add_val(m, root, l->v[i].doctype, of);
		}
		yyjson_mut_obj_add_int(m, of, l->v[i].name, l->v[i].id);
	}
	return json_mut_text(&s->scratch, root, NULL);
}

static void
links_save(struct site *s, int64_t id, const struct links *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].id != 0)
			db_do(s->db, "INSERT INTO link VALUES(?, ?, 0)"
			    " ON CONFLICT DO UPDATE SET old = 0",
			    "ii", id, l->v[i].id);
}

/* ---- the values of unique fields (but the one that is the name) */

bool
doc_keeps_value(const struct meta *m, const struct field *f)
{
	return f->unique && f != meta_naming_field(m);
}

static bool
keeps_values(const struct meta *m)
{
	size_t i;

	for (i = 0; i < m->nfields; i++)
		if (m->fields[i].child != NULL && m->fields[i].child->nunique > 0)
			return true;
	return m->nunique > 0;
}

/* Those of the document or of one row. */
static void
values_of(struct site *s, const struct meta *m, yyjson_mut_val *obj, int64_t id)
{
	yyjson_mut_val *v;
	const char *text;
	size_t i;

	for (i = 0; i < m->nfields && m->nunique > 0; i++) {
		if (!doc_keeps_value(m, &m->fields[i]))
			continue;
		v = yyjson_mut_obj_get(obj, m->fields[i].name);
		text = yyjson_mut_is_raw(v) ? yyjson_mut_get_raw(v) :
		    yyjson_mut_get_str(v);
		if (text != NULL && yyjson_mut_get_len(v) > 0)
			db_do(s->db, "INSERT OR IGNORE INTO value"
			    " VALUES(?,?,?,?)", "isti", m->id,
			    m->fields[i].name, text, yyjson_mut_get_len(v), id);
	}
}

static void
values_save(struct site *s, const struct doc *d, yyjson_mut_val *body, bool new)
{
	const struct meta *m = d->meta;
	yyjson_mut_val *row;
	size_t i, k, n;

	if (!keeps_values(m))
		return;
	if (!new)
		db_do(s->db, "DELETE FROM value WHERE doc = ?", "i", d->id);
	values_of(s, m, body, d->id);
	for (i = 0; i < m->nfields; i++) {
		if (m->fields[i].child == NULL ||
		    m->fields[i].child->nunique == 0)
			continue;
		yyjson_mut_arr_foreach(yyjson_mut_obj_get(body,
		    m->fields[i].name), k, n, row)
			values_of(s, m->fields[i].child, row, d->id);
	}
}

/* ---- marks of a journal entry */

static void
put_marks(yyjson_mut_doc *m, yyjson_mut_val *root, const char *key,
    const struct marks *marks, const char *but)
{
	yyjson_mut_val *obj = NULL;
	size_t i;

	for (i = 0; marks != NULL && i < marks->n; i++) {
		if (but != NULL && strcmp(marks->v[i].site, but) == 0)
			continue;
		if (obj == NULL)
			obj = yyjson_mut_obj_add_obj(m, root, key);
		yyjson_mut_obj_add_str(m, obj, marks->v[i].site,
		    marks->v[i].at.name);
	}
}

/* NULL for a change made here to a document that nobody else wrote. */
static const char *
marks_text(struct site *s, const struct doc *d, const struct cause *c)
{
	struct marks had = { 0 };
	yyjson_mut_doc *m;
	yyjson_mut_val *root;

	/* What a document of one author has seen is what its events passed. */
	if (d->id != 0 && d->author != 0 && (c->author == NULL ||
	    d->author != site_peer(s, c->author)))
		seen_marks(s, &s->scratch, d->id, &had);
	if (c->author == NULL && c->via == NULL && had.n == 0 &&
	    c->renamed == 0 && !c->left)
		return NULL;
	m = yyjson_mut_doc_new(&s->scratch.alc);
	root = yyjson_mut_obj(m);
	if (c->author != NULL)
		yyjson_mut_obj_add_str(m, root, "author", c->author);
	put_marks(m, root, "via", c->via, s->id);
	put_marks(m, root, "knew", c->author == NULL ? &had : c->knew,
	    c->author);
	if (c->author != NULL)
		put_marks(m, root, "seen", &had, c->author);
	if (c->merged)
		yyjson_mut_obj_add_int(m, root, "merged", 1);
	if (c->left)
		yyjson_mut_obj_add_int(m, root, "left", 1);
	if (c->renamed != 0)
		yyjson_mut_obj_add_int(m, root, "renamed", c->renamed);
	return json_mut_text(&s->scratch, root, NULL);
}

static int64_t
author_of(struct site *s, const struct cause *c)
{
	return c->author == NULL ? 0 : site_peer(s, c->author);
}

/* ---- writing */

/* Nothing is written that could not be read again; where text comes in it was
 * refused before. */
static char *
stored(struct site *s, const yyjson_mut_val *v, size_t *len)
{
	char *text = json_stored_text(&s->scratch, v, len);

	if (text == NULL)
		db_refuse(s->db, "there is text in a document that is not "
		    "UTF-8");
	return text;
}

/* What every document has, first and in this order. */
static void
put_standard(yyjson_mut_doc *m, yyjson_mut_val *body, const struct doc *d,
    const char *owner, const char *stamp)
{
	static const char *const keys[] = { "docstatus", "modified_by",
	    "modified", "creation", "owner", "name", "doctype" };
	yyjson_mut_val *own[7];
	size_t i;

	own[0] = json_new_int(m, d->docstatus);
	own[1] = json_new_str(m, owner);
	own[2] = json_new_str(m, stamp);
	own[3] = json_new_str(m, stamp);
	own[4] = json_new_str(m, owner);
	own[5] = json_new_str(m, d->name);
	own[6] = json_new_str(m, d->meta->name);
	for (i = 0; i < 7; i++) {
		yyjson_mut_obj_remove_key(body, keys[i]);
		yyjson_mut_obj_insert(body, yyjson_mut_str(m, keys[i]), own[i],
		    0);
	}
}

int
doc_insert(struct site *s, struct doc *d, yyjson_mut_doc *m,
    yyjson_mut_val *body, const struct birth *b, const struct cause *c)
{
	struct links links = { .site = s, .self = d };
	struct entry e = { .type = U_CREATE, .docname = d->name,
	    .doctype = d->meta->name };
	char stamp[TIME_TEXT_LEN], birth[ID_LEN + 1];
	const char *id = b == NULL ? birth : b->id;
	size_t len;
	char *key;

	e.creation = journal_stamp(s);
	if (b == NULL)
		id_new(birth, e.creation);
	db_do(s->db, "INSERT INTO origin(peer, birth) VALUES(?, ?)", "is",
	    b == NULL ? INT64_C(0) : site_peer(s, b->site), id);
	e.doc = d->id = db_rowid(s->db);
	d->author = author_of(s, c);
	d->docstatus = json_mut_int(body, "docstatus", 0);
	put_standard(m, body, d, c->user, time_text(e.creation, stamp));
	d->data = stored(s, body, &len);
	d->len = len;
	doc_links(d->meta, body, link_add, &links);
	e.links = links_text(s, &links);
	e.marks = c->author == NULL && c->via == NULL ? NULL :
	    marks_text(s, &(struct doc){ 0 }, c);
	e.data = d->data;
	e.datalen = len;
	journal_add(s, &e);
	d->modified = d->last = e.creation;
	db_do(s->db, "INSERT INTO document VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
	    "iisiiiiiiist", d->id, d->meta->id, d->name, d->modified, d->last,
	    (int64_t)d->docstatus, d->author, d->home, (int64_t)d->dependency,
	    d->renamed, d->remote, d->data, len);
	links_save(s, d->id, &links);
	free(links.v);
	values_save(s, d, body, true);
	site_show(s, d->meta);
	id = arena_dup(&s->cache, id, strlen(id));
	map_set(&s->births, id, strlen(id), (void *)(intptr_t)d->id);
	key = name_key(s, d->meta->name, d->name, &len);
	map_set(&s->names, key, len, (void *)(intptr_t)d->id);
	return db_failed(s->db) ? -1 : 0;
}

static void
note_link(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	(void)obj;
	(void)f;
	(void)doctype;
	(void)value;
	*(bool *)arg = true;
}

static bool
has_link_key(const struct meta *m, yyjson_mut_val *obj)
{
	yyjson_mut_obj_iter it;
	const struct field *f;
	yyjson_mut_val *key;

	yyjson_mut_obj_iter_init(obj, &it);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		f = meta_field(m, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		if (f != NULL && (f->kind == K_LINK || f->kind == K_DYNAMIC ||
		    f->half != NULL || f->kind == K_TABLE))
			return true;
	}
	return false;
}

/* Could this diff change what the document links to? */
static bool
touches_links(const struct meta *m, yyjson_mut_val *diff)
{
	yyjson_mut_val *tables = yyjson_mut_obj_get(diff, "row_changed");
	yyjson_mut_val *key, *rows, *row;
	const struct field *f;
	bool found = false;
	size_t i, k, n, max;

	if (yyjson_mut_obj_size(yyjson_mut_obj_get(diff, "removed")) > 0 ||
	    has_link_key(m, yyjson_mut_obj_get(diff, "changed")))
		return true;
	yyjson_mut_obj_foreach(tables, i, n, key, rows) {
		f = meta_field(m, yyjson_mut_get_str(key),
		    yyjson_mut_get_len(key));
		if (f == NULL || f->child == NULL)
			return true;
		yyjson_mut_arr_foreach(rows, k, max, row)
			if (has_link_key(f->child, row))
				return true;
	}
	diff_links(m, diff, NULL, note_link, &found);
	return found;
}

static void
relink(struct site *s, const struct doc *d, yyjson_mut_val *body)
{
	struct links links = { .site = s, .self = d };

	doc_links(d->meta, body, link_add, &links);
	db_do(s->db, "UPDATE link SET old = 1 WHERE source = ?", "i", d->id);
	links_save(s, d->id, &links);
	free(links.v);
}

int
doc_update(struct site *s, struct doc *d, yyjson_mut_doc *m,
    yyjson_mut_val *body, yyjson_mut_val *diff, const struct cause *c)
{
	struct links links = { .site = s, .self = d };
	struct entry e = { .type = U_UPDATE, .docname = d->name,
	    .doctype = d->meta->name, .doc = d->id, .before = d->last };
	char stamp[TIME_TEXT_LEN];
	bool linked = touches_links(d->meta, diff);
	size_t len;

	state_keep(s, d);
	e.creation = journal_stamp(s);
	e.marks = marks_text(s, d, c);
	d->docstatus = json_mut_int(body, "docstatus", 0);
	json_put(m, body, "modified", json_new_str(m,
	    time_text(e.creation, stamp)));
	json_put(m, body, "modified_by", json_new_str(m, c->user));
	d->data = stored(s, body, &len);
	d->len = len;
	if (linked)
		diff_links(d->meta, diff, body, link_add, &links);
	e.links = links_text(s, &links);
	free(links.v);
	e.data = stored(s, diff, &e.datalen);
	journal_add(s, &e);
	d->modified = d->last = e.creation;
	if (d->author != author_of(s, c))
		d->author = -1;
	db_do(s->db, "UPDATE document SET modified=?, last=?, docstatus=?,"
	    " author=?, data=? WHERE id=?", "iiiiti", d->modified, d->last,
	    (int64_t)d->docstatus, d->author, d->data, len, d->id);
	if (linked)
		relink(s, d, body);
	values_save(s, d, body, false);
	return db_failed(s->db) ? -1 : 0;
}

/* Names that the transaction remembers are void after a delete or rename. */
static void
forget_names(struct site *s)
{
	map_clear(&s->names);
	map_clear(&s->births);
	origins_forget(s);
}

int
doc_delete(struct site *s, struct doc *d, const struct cause *c)
{
	struct entry e = { .type = U_DELETE, .docname = d->name,
	    .doctype = d->meta->name, .doc = d->id, .before = d->last };

	state_keep(s, d);
	e.creation = journal_stamp(s);
	e.marks = marks_text(s, d, c);
	journal_add(s, &e);
	db_do(s->db, "DELETE FROM document WHERE id = ?", "i", d->id);
	db_do(s->db, "UPDATE link SET old = 1 WHERE source = ?", "i", d->id);
	db_do(s->db, "DELETE FROM seen WHERE doc = ?", "i", d->id);
	db_do(s->db, "DELETE FROM secret WHERE doc = ?", "i", d->id);
	if (keeps_values(d->meta))
		db_do(s->db, "DELETE FROM value WHERE doc = ?", "i", d->id);
	db_do(s->db, "UPDATE origin SET gone = ? WHERE id = ?", "ii",
	    e.creation, d->id);
	if (c->left)
		origin_leave(s, d->id);
	forget_names(s);
	return db_failed(s->db) ? -1 : 0;
}

/* ---- renaming */

struct repoint {
	yyjson_mut_doc	*m;
	const char	*doctype, *old, *name;
};

static void
repoint(void *arg, yyjson_mut_val *obj, const struct field *f,
    const char *doctype, yyjson_mut_val *value)
{
	struct repoint *r = arg;

	if (strcmp(doctype, r->doctype) == 0 &&
	    yyjson_mut_equals_str(value, r->old))
		json_put(r->m, obj, f->name, json_new_str(r->m, r->name));
}

/* Writes a document anew without a journal entry: what a rename does to it. */
static void
rewrite(struct site *s, struct doc *d, const struct doc *target,
    const char *name)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&s->scratch.alc);
	yyjson_mut_val *body = doc_body(&s->scratch, m, d);
	struct repoint r = { m, target->meta->name, target->name, name };

	if (d->id == target->id)
		json_put(m, body, "name", json_new_str(m, name));
	doc_links(d->meta, body, repoint, &r);
	d->data = stored(s, body, &d->len);
	db_do(s->db, "UPDATE document SET data = ? WHERE id = ?", "ti",
	    d->data, d->len, d->id);
	values_save(s, d, body, false);
}

/* The documents that link to d, d itself first. */
static int64_t *
linking(struct site *s, const struct doc *d, size_t *n)
{
	struct query *q;
	int64_t *v = xmalloc(sizeof(*v));
	size_t cap = 1;

	v[0] = d->id;
	*n = 1;
	q = db_query(s->db, "SELECT source FROM link WHERE target = ?1"
	    " AND source <> ?1 AND old = 0", "i", d->id);
	while (db_step(q) == 1) {
		if (*n == cap)
			v = xrealloc(v, (cap *= 2) * sizeof(*v));
		v[(*n)++] = db_int(q, 0);
	}
	return v;
}

const char *
doc_naming_value(struct arena *a, const struct meta *m, yyjson_mut_val *body)
{
	const struct field *f = meta_naming_field(m);
	yyjson_mut_val *v;

	if (f == NULL)
		return NULL;
	v = yyjson_mut_obj_get(body, f->name);
	return !yyjson_mut_is_raw(v) ? yyjson_mut_get_str(v) :
	    arena_dup(a, yyjson_mut_get_raw(v), yyjson_mut_get_len(v));
}

bool
doc_put_naming_value(struct site *s, struct doc *d, const char *name,
    const struct cause *c, struct fault *fault)
{
	const struct field *f = meta_naming_field(d->meta);
	yyjson_mut_doc *m = yyjson_mut_doc_new(&s->scratch.alc);
	yyjson_mut_val *old, *body, *diff;
	size_t n = strlen(name);

	if (f == NULL)
		return true;
	old = doc_body(&s->scratch, m, d);
	body = yyjson_mut_val_mut_copy(m, old);
	/* A number stays one. */
	json_put(m, body, f->name, number_whole(name, n) &&
	    yyjson_mut_is_raw(yyjson_mut_obj_get(old, f->name)) ?
	    json_new_raw(m, name, n) : json_new_str(m, name));
	if ((diff = diff_make(m, d->meta, old, body)) == NULL)
		return true;
	if (!diff_check(d->meta, diff, body, CHECK_ALL, false, &s->lookup,
	    fault))
		return false;
	doc_update(s, d, m, body, diff, c);
	return true;
}

int
doc_rename(struct site *s, struct doc *d, const char *name,
    const struct cause *c)
{
	struct entry e = { .type = U_RENAME, .docname = d->name,
	    .doctype = d->meta->name, .doc = d->id, .before = d->last };
	yyjson_mut_doc *m = yyjson_mut_doc_new(&s->scratch.alc);
	yyjson_mut_val *data = yyjson_mut_obj(m);
	struct doc other;
	int64_t *ids;
	size_t i, n;

	e.creation = journal_stamp(s);
	e.marks = marks_text(s, d, c);
	yyjson_mut_obj_add_str(m, data, "new_name", name);
	yyjson_mut_obj_add_int(m, data, "merge", 0);
	e.data = stored(s, data, &e.datalen);
	journal_add(s, &e);
	d->last = e.creation;
	d->renamed = c->renamed != 0 ? c->renamed : e.creation;
	/* One that another site brings keeps its name there. */
	if (d->home != 0 && d->remote == NULL)
		d->remote = d->name;
	db_do(s->db, "UPDATE document SET name=?, last=?, renamed=?, remote=?"
	    " WHERE id=?", "siisi", name, d->last, d->renamed, d->remote,
	    d->id);
	ids = linking(s, d, &n);
	for (i = 0; i < n; i++)
		if (doc_load(s, &s->scratch, ids[i], true, &other))
			rewrite(s, &other, d, name);
	free(ids);
	d->name = name;
	forget_names(s);
	return db_failed(s->db) ? -1 : 0;
}

int
doc_save_route(struct site *s, const struct doc *d)
{
	return db_do(s->db, "UPDATE document SET home=?, dependency=?,"
	    " remote=?, renamed=? WHERE id=?", "iisii", d->home,
	    (int64_t)d->dependency, d->remote, d->renamed, d->id);
}

int
doc_save_shared(struct site *s, struct doc *d)
{
	d->author = -1;
	return db_do(s->db, "UPDATE document SET author=-1 WHERE id=?", "i",
	    d->id);
}

int
doc_save_remote_name(struct site *s, struct doc *d, const char *name)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(&s->scratch.alc);
	yyjson_mut_val *body;

	if (d->data == NULL && !doc_load(s, &s->scratch, d->id, true, d))
		return -1;
	body = doc_body(&s->scratch, m, d);
	if (yyjson_mut_obj_get(body, "remote_docname") == NULL)
		return 0;
	json_put(m, body, "remote_docname", json_new_str(m, name));
	d->data = stored(s, body, &d->len);
	return db_do(s->db, "UPDATE document SET data = ? WHERE id = ?", "ti",
	    d->data, d->len, d->id);
}
