/* site.c - the site file: making, opening, DocTypes, numbers for names */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "site/schema.h"
#include "site/site.h"

extern const char *const builtin_doctypes[];

/* ---- numbers for names */

static void
number_add(struct site *s, struct numbering *n, int64_t id, const char *name)
{
	size_t was = n->n;

	if ((size_t)id >= n->n) {
		n->n = id + 16;
		n->names = xrealloc(n->names, n->n * sizeof(*n->names));
		memset(n->names + was, 0, (n->n - was) * sizeof(*n->names));
	}
	if (n->names[id] == NULL || strcmp(n->names[id], name) != 0)
		n->names[id] = arena_dup(&s->run, name, strlen(name));
	name = n->names[id];
	map_set(&n->byname, name, strlen(name), (void *)(intptr_t)(id + 1));
}

static void
numbers_load(struct site *s)
{
	struct query *q;

	map_clear(&s->doctypes.byname);
	map_clear(&s->peers.byname);
	q = db_query(s->db, "SELECT id, name FROM doctype", "");
	while (db_step(q) == 1)
		number_add(s, &s->doctypes, db_int(q, 0), db_text(q, 1));
	q = db_query(s->db, "SELECT id, name FROM peer", "");
	while (db_step(q) == 1)
		number_add(s, &s->peers, db_int(q, 0), db_text(q, 1));
	number_add(s, &s->peers, 0, s->id);
}

int64_t
site_doctype(struct site *s, const char *name)
{
	intptr_t id = (intptr_t)map_get(&s->doctypes.byname, name, strlen(name));

	if (id != 0)
		return id - 1;
	id = db_get(s->db, 0, "SELECT id FROM doctype WHERE name = ?", "s", name);
	if (id == 0) {
		db_do(s->db, "INSERT INTO doctype(name) VALUES(?)", "s", name);
		id = db_rowid(s->db);
	}
	number_add(s, &s->doctypes, id, name);
	return id;
}

const char *
site_doctype_name(struct site *s, int64_t id)
{
	if ((size_t)id >= s->doctypes.n || s->doctypes.names[id] == NULL)
		numbers_load(s);
	return (size_t)id < s->doctypes.n && s->doctypes.names[id] != NULL ?
	    s->doctypes.names[id] : "?";
}

int64_t
site_peer(struct site *s, const char *name)
{
	intptr_t id = (intptr_t)map_get(&s->peers.byname, name, strlen(name));

	if (id != 0)
		return id - 1;
	id = db_get(s->db, 0, "SELECT id FROM peer WHERE name = ?", "s", name);
	if (id == 0) {
		db_do(s->db, "INSERT INTO peer(name) VALUES(?)", "s", name);
		id = db_rowid(s->db);
	}
	number_add(s, &s->peers, id, name);
	return id;
}

const char *
site_peer_identity(struct site *s, int64_t id)
{
	if ((size_t)id >= s->peers.n || s->peers.names[id] == NULL)
		numbers_load(s);
	return (size_t)id < s->peers.n && s->peers.names[id] != NULL ?
	    s->peers.names[id] : "?";
}

/* ---- what the model asks */

static bool
lookup_exists(void *arg, const char *doctype, const char *name)
{
	return doc_number(arg, doctype, name) != 0;
}

static const char *
lookup_holder(void *arg, const struct meta *m, const struct field *f,
    const char *value, size_t len, const char *self)
{
	struct site *s = arg;
	struct query *q;
	const char *name = NULL;

	q = db_query(s->db, "SELECT d.name FROM value v JOIN document d ON"
	    " d.id = v.doc WHERE v.doctype = ? AND v.field = ? AND v.value = ?"
	    " AND d.name IS NOT ?", "ists", m->id, f->name, value, len, self);
	if (db_step(q) == 1) {
		snprintf(s->found, sizeof(s->found), "%s", db_text(q, 0));
		name = s->found;
		db_end(q);
	}
	return name;
}

static int64_t
lookup_counter(void *arg, const char *key)
{
	struct site *s = arg;

	return db_get(s->db, 0, "INSERT INTO series VALUES(?, 1) ON CONFLICT"
	    " DO UPDATE SET current = current + 1 RETURNING current", "s", key);
}

static const char *
lookup_value(void *arg, const char *doctype, const char *name, const char *field)
{
	struct site *s = arg;
	const struct meta *m = site_meta(s, doctype);
	yyjson_doc *body;
	struct doc d;
	const char *v;

	if (m == NULL || !doc_find(s, &s->scratch, m, name, true, &d))
		return NULL;
	body = json_parse_own(&s->scratch, d.data, d.len);
	v = json_str(yyjson_doc_get_root(body), field);
	if (v == NULL)
		return NULL;
	snprintf(s->found, sizeof(s->found), "%s", v);
	return s->found;
}

/* ---- opening */

const char *
site_path(const char *option)
{
	if (option == NULL)
		option = getenv("ES_SITE");
	if (option == NULL || *option == '\0')
		errx(MISUSE, "which site?  Give -s file or set ES_SITE");
	return option;
}

static struct site *
site_new(const char *path)
{
	struct site *s = xcalloc(1, sizeof(*s));

	s->path = xstrdup(path);
	arena_init(&s->run);
	arena_init(&s->cache);
	arena_init(&s->held);
	arena_init(&s->scratch);
	s->lookup = (struct lookup){ s, lookup_exists, lookup_holder,
	    lookup_counter, lookup_value };
	return s;
}

/* Documents at hand still have keys in its memory: it goes with the next
 * transaction. */
static void
retire(struct site *s, struct meta *m)
{
	s->retired = xrealloc(s->retired,
	    (s->nretired + 1) * sizeof(*s->retired));
	s->retired[s->nretired++] = m;
}

static void
free_retired(struct site *s)
{
	while (s->nretired > 0)
		meta_free(s->retired[--s->nretired]);
}

static bool
depends(const struct meta *m, const char *doctype)
{
	size_t i;

	for (i = 0; i < m->nfields; i++)
		if (m->fields[i].kind == K_TABLE &&
		    strcmp(m->fields[i].options, doctype) == 0)
			return true;
	return strcmp(m->name, doctype) == 0;
}

/* Those of a doctype and of what has it as a table; of all: NULL. */
static void
forget_metas(struct site *s, const char *doctype)
{
	struct map keep = { 0 };
	struct meta *m;
	const char *name;
	size_t i;

	for (i = 0; i < s->doctypes.n; i++) {
		if ((name = s->doctypes.names[i]) == NULL ||
		    (m = map_get(&s->metas, name, strlen(name))) == NULL)
			continue;
		if (doctype == NULL || depends(m, doctype))
			retire(s, m);
		else
			map_set(&keep, m->name, strlen(m->name), m);
	}
	map_free(&s->metas);
	s->metas = keep;
}

void
site_forget_metas(struct site *s)
{
	forget_metas(s, NULL);
}

void
site_close(struct site *s)
{
	if (s == NULL)
		return;
	site_forget_metas(s);
	free_retired(s);
	free(s->retired);
	db_close(s->db);
	map_free(&s->metas);
	map_free(&s->doctypes.byname);
	map_free(&s->peers.byname);
	map_free(&s->names);
	map_free(&s->births);
	map_free(&s->origins);
	map_free(&s->shown);
	free(s->doctypes.names);
	free(s->peers.names);
	arena_free(&s->run);
	arena_free(&s->cache);
	arena_free(&s->held);
	arena_free(&s->scratch);
	free(s->path);
	free(s);
}

static uint32_t
big_endian(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Looks at the file's head before SQLite does: whose is it, and which format?
 * (https://sqlite.org/fileformat.html, 1.3) */
static int
check_head(const char *path, int *format)
{
	unsigned char head[100] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	*format = SITE_FORMAT;
	if (fd == -1)
		return 0;		/* db_open will tell */
	n = read(fd, head, sizeof(head));
	close(fd);
	if (n == sizeof(head) && memcmp(head, "SQLite format 3", 16) == 0 &&
	    big_endian(head + 68) == SITE_MAGIC) {
		*format = big_endian(head + 60);
		return 0;
	}
	warnx("'%s' is not a site file; es-init makes one", safe(path));
	return MISUSE;
}

/* Tables and our own views are those of the schema, word for word, or what an
 * older one had in their place, and there is no trigger: a file from a stranger
 * runs nothing of his. */
static bool
schema_is_ours(struct site *s, const char *older)
{
	struct query *q;
	bool ours = true;

	q = db_query(s->db, "SELECT sql FROM sqlite_master WHERE type IN"
	    " ('table','trigger') AND name NOT GLOB 'sqlite_*'"
	    " OR type = 'view' AND name GLOB 'log_*'", "");
	while (db_step(q) == 1)
		if (!db_isnull(q, 0) && strstr(schema, db_text(q, 0)) == NULL &&
		    strstr(older, db_text(q, 0)) == NULL)
			ours = false;
	if (!ours)
		warnx("'%s' has tables that are not a site's; it was tampered "
		    "with or is of another program", safe(s->path));
	return ours;
}

static int
check_format(const char *path, int format)
{
	if (format == SITE_FORMAT)
		return 0;
	if (format > SITE_FORMAT)
		warnx("'%s' has format %d, this program knows up to %d; "
		    "install a newer version", safe(path), format, SITE_FORMAT);
	else
		warnx("'%s' has format %d; run: es-init -u -s %s", safe(path),
		    format, safe(path));
	return MISUSE;
}

static int
load(struct site *s)
{
	char *id = site_get(s, &s->run, "id");

	s->address = site_get(s, &s->run, "address");
	if (db_failed(s->db))
		return TEMPFAIL;
	if (id == NULL || strlen(id) != ID_LEN || s->address == NULL) {
		warnx("'%s' has no identity; es-init did not finish",
		    safe(s->path));
		return MISUSE;
	}
	strcpy(s->id, id);
	numbers_load(s);
	return db_failed(s->db);
}

/* A file whose head is ours, whatever its format. */
static struct site *
open_file(const char *path, int mode, int *status)
{
	struct site *s;
	struct stat st;
	int format;

	/* Links and strangers' files are refused by db_open, with its words. */
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    ((*status = check_head(path, &format)) != 0 ||
	    (format > SITE_FORMAT &&
	    (*status = check_format(path, format)) != 0)))
		return NULL;
	s = site_new(path);
	s->db = db_open(path, mode == SITE_READ ? DB_READONLY : 0, status);
	if (s->db != NULL)
		return s;
	site_close(s);
	return NULL;
}

/* What was written last may not stand in the file's head yet. */
static int
format_of(struct site *s)
{
	return db_get(s->db, SITE_FORMAT, "PRAGMA user_version", "");
}

struct site *
site_open(const char *path, int mode, int *status)
{
	struct site *s = open_file(path, mode, status);

	if (s == NULL)
		return NULL;
	if ((*status = check_format(path, format_of(s))) != 0)
		;
	else if (!schema_is_ours(s, ""))
		*status = db_failed(s->db) ? TEMPFAIL : MISUSE;
	else
		*status = load(s);
	if (*status == 0)
		return s;
	site_close(s);
	return NULL;
}

/* ---- transactions and small facts */

void
site_forget_cache(struct site *s)
{
	map_clear(&s->names);
	map_clear(&s->births);
	map_clear(&s->shown);
	arena_reset(&s->cache);
	origins_forget(s);
	numbers_load(s);
}

static void
forget(struct site *s)
{
	free_retired(s);
	map_clear(&s->names);
	map_clear(&s->births);
	map_clear(&s->shown);
	arena_reset(&s->cache);
	origins_forget(s);
	arena_reset(&s->scratch);
}

static void
notice_adopted(struct site *s)
{
	s->adopted = db_get(s->db, 0, "SELECT 1 FROM also LIMIT 1", "") != 0;
}

int
site_begin(struct site *s)
{
	forget(s);
	if (db_begin(s->db) == -1)
		return -1;
	s->newest = journal_newest(s);
	s->pruned = db_get(s->db, 0,
	    "SELECT CAST(value AS INTEGER) FROM site WHERE key = 'pruned'", "");
	notice_adopted(s);
	return db_failed(s->db) ? -1 : 0;
}

/* Each entry of the journal is looked at once. */
static void
notice_doctypes(struct site *s)
{
	int64_t newest = journal_newest(s);

	if (newest == s->looked)
		return;
	if (db_get(s->db, 0, "SELECT 1 FROM journal WHERE creation > ? AND"
	    " doctype IN (SELECT id FROM doctype WHERE name IN ('DocType',"
	    " 'Custom Field', 'Property Setter')) LIMIT 1", "i",
	    s->looked == 0 ? newest : s->looked) != 0)
		site_forget_metas(s);
	s->looked = newest;
}

int
site_begin_read(struct site *s)
{
	forget(s);
	if (db_begin_read(s->db) == -1)
		return -1;
	notice_doctypes(s);
	notice_adopted(s);
	return db_failed(s->db) ? -1 : 0;
}

int
site_commit(struct site *s)
{
	return db_commit(s->db);
}

void
site_rollback(struct site *s)
{
	db_rollback(s->db);
	forget(s);
	numbers_load(s);
}

char *
site_get(struct site *s, struct arena *a, const char *key)
{
	struct query *q;
	char *value = NULL;

	q = db_query(s->db, "SELECT value FROM site WHERE key = ?", "s", key);
	if (db_step(q) == 1) {
		value = arena_dup(a, db_text(q, 0), db_len(q, 0));
		db_end(q);
	}
	return value;
}

int
site_set(struct site *s, const char *key, const char *value)
{
	return db_do(s->db, "INSERT INTO site VALUES(?1, ?2) ON CONFLICT(key)"
	    " DO UPDATE SET value = ?2", "ss", key, value);
}

/* ---- DocTypes */

/* The text of a built-in DocType, while a site is made. */
static yyjson_val *
builtin(struct site *s, const char *name)
{
	yyjson_val *all, *dt;
	yyjson_doc *doc;
	size_t i, k, n;

	for (i = 0; builtin_doctypes[i] != NULL; i++) {
		doc = json_parse_own(&s->run, builtin_doctypes[i],
		    strlen(builtin_doctypes[i]));
		all = yyjson_doc_get_root(doc);
		yyjson_arr_foreach(all, k, n, dt)
			if (yyjson_equals_str(yyjson_obj_get(dt, "name"), name))
				return dt;
	}
	return NULL;
}

/* Documents of a customising doctype for dt, by the start of their names. */
static size_t
customs(struct site *s, const char *kind, const char *key, const char *dt,
    yyjson_val ***v)
{
	char *from = arena_printf(&s->scratch, "%s-", dt);
	char *to = arena_printf(&s->scratch, "%s.", dt);
	yyjson_val *one;
	struct query *q;
	size_t n = 0;

	*v = NULL;
	q = db_query(s->db, "SELECT data FROM document WHERE doctype ="
	    " (SELECT id FROM doctype WHERE name = ?) AND name >= ?"
	    " AND name < ? ORDER BY name", "sss", kind, from, to);
	while (db_step(q) == 1) {
		one = yyjson_doc_get_root(json_parse_own(&s->scratch,
		    arena_dup(&s->scratch, db_text(q, 0), db_len(q, 0)),
		    db_len(q, 0)));
		if (!yyjson_equals_str(yyjson_obj_get(one, key), dt))
			continue;
		*v = xrealloc(*v, (n + 1) * sizeof(**v));
		(*v)[n++] = one;
	}
	return n;
}

static yyjson_val *
stored_doctype(struct site *s, const char *name)
{
	yyjson_val *v = NULL;
	struct query *q;

	q = db_query(s->db, "SELECT data FROM document WHERE doctype ="
	    " (SELECT id FROM doctype WHERE name = 'DocType') AND name = ?",
	    "s", name);
	if (db_step(q) == 1) {
		v = yyjson_doc_get_root(json_parse_own(&s->scratch,
		    arena_dup(&s->scratch, db_text(q, 0), db_len(q, 0)),
		    db_len(q, 0)));
		db_end(q);
	} else if (s->bootstrap)
		v = builtin(s, name);
	return v;
}

const struct meta *
site_meta(struct site *s, const char *name)
{
	yyjson_val *dt, **fields, **setters;
	struct fault fault;
	struct meta *m;
	size_t i, nf, ns;

	if ((m = map_get(&s->metas, name, strlen(name))) != NULL)
		return m;
	if ((dt = stored_doctype(s, name)) == NULL)
		return NULL;
	nf = customs(s, "Custom Field", "dt", name, &fields);
	ns = customs(s, "Property Setter", "doc_type", name, &setters);
	m = meta_new(dt, fields, nf, setters, ns, &fault);
	free(fields);
	free(setters);
	if (m == NULL) {
		warnx("DocType '%s' cannot be used: %s", safe(name),
		    safe(fault.text));
		return NULL;
	}
	m->id = site_doctype(s, m->name);
	map_set(&s->metas, m->name, strlen(m->name), m);
	for (i = 0; i < m->nfields; i++) {
		if (m->fields[i].kind == K_TABLE)
			m->fields[i].child = site_meta(s, m->fields[i].options);
		if (m->fields[i].kind == K_PASSWORD || (m->fields[i].child !=
		    NULL && m->fields[i].child->secrets))
			m->secrets = true;
	}
	return m;
}

/* ---- views named as Frappe's tables */

/* Short, for SQLite reads every view whenever a site is opened. */
static void
column(struct buf *b, const char *row, const char *field)
{
	buf_printf(b, ",%s->>'%s' \"%s\"", row, field, field);
}

static void
columns(struct buf *b, const char *row, const struct meta *m)
{
	static const char *const own[] = { "name", "owner", "creation",
	    "modified", "modified_by", "docstatus", "idx", "parent",
	    "parenttype", "parentfield" };
	const struct field *f;
	size_t i, k;

	for (i = 0; i < m->nfields; i++) {
		f = &m->fields[i];
		if (f->kind == K_LAYOUT || f->kind == K_TABLE ||
		    f->kind == K_PASSWORD)
			continue;
		for (k = 0; k < sizeof(own) / sizeof(*own); k++)
			if (strcasecmp(f->name, own[k]) == 0)
				break;
		if (k == sizeof(own) / sizeof(*own))
			column(b, row, f->name);
	}
}

static void
view_of_documents(struct buf *b, const struct meta *m)
{
	buf_puts(b, "SELECT name");
	column(b, "data", "owner");
	column(b, "data", "creation");
	column(b, "data", "modified");
	column(b, "data", "modified_by");
	buf_puts(b, ", docstatus, 0 AS idx");
	columns(b, "data", m);
	buf_printf(b, " FROM document WHERE doctype = %lld", (long long)m->id);
}

static bool
has_documents(struct site *s, const struct meta *m)
{
	return db_get(s->db, 0, "SELECT 1 FROM document WHERE doctype = ?"
	    " LIMIT 1", "i", m->id) == 1;
}

/* One part for each table of a DocType that holds rows of m. */
static void
view_of_rows(struct site *s, struct buf *b, const struct meta *m,
    const struct meta *parent)
{
	const struct field *f;
	char *quoted;
	size_t i;

	for (i = 0; i < parent->nfields; i++) {
		f = &parent->fields[i];
		if (f->kind != K_TABLE || strcmp(f->options, m->name) != 0 ||
		    !has_documents(s, parent))
			continue;
		quoted = arena_printf(&s->scratch, "%s", parent->name);
		buf_puts(b, b->len == 0 ? "SELECT " : " UNION ALL SELECT ");
		buf_puts(b, "json_extract(r.value, '$.name') AS name");
		column(b, "d.data", "owner");
		column(b, "d.data", "creation");
		column(b, "d.data", "modified");
		column(b, "d.data", "modified_by");
		buf_printf(b, ", d.docstatus AS docstatus");
		column(b, "r.value", "idx");
		buf_printf(b, ", d.name AS parent, '%s' AS parenttype,"
		    " '%s' AS parentfield", quoted, f->name);
		columns(b, "r.value", m);
		buf_printf(b, " FROM document d, json_each(d.data, '$.\"%s\"') r"
		    " WHERE d.doctype = %lld", f->name, (long long)parent->id);
	}
}

static int
run_built(struct site *s, const char *sql)
{
	struct query *q = db_query_text(s->db, sql, "");

	return db_step(q) == -1 ? -1 : 0;
}

/* Names were checked by meta_doctype_name and meta_fieldname: no quotes.
 * Without documents there is no view: whoever opens the file reads them all. */
static int
make_view(struct site *s, const struct meta *m)
{
	static const char *const logs[][2] = {
	    { "Event Update Log", "log_update" },
	    { "Event Sync Log", "log_sync" },
	    { "Event Producer Last Update", "log_cursor" } };
	struct buf b = { 0 };
	struct query *q;
	char *sql;
	size_t i;
	int r;

	sql = arena_printf(&s->scratch, "DROP VIEW IF EXISTS \"tab%s\"", m->name);
	if (run_built(s, sql) == -1)
		return -1;
	if (m->istable) {
		q = db_query(s->db, "SELECT name FROM document WHERE doctype ="
		    " (SELECT id FROM doctype WHERE name = 'DocType')", "");
		while (db_step(q) == 1) {
			const struct meta *p = site_meta(s, db_text(q, 0));
			if (p != NULL && !p->istable)
				view_of_rows(s, &b, m, p);
		}
	} else if (has_documents(s, m))
		view_of_documents(&b, m);
	sql = NULL;
	for (i = 0; i < 3; i++)
		if (strcmp(m->name, logs[i][0]) == 0) {
			b.len = 0;
			buf_puts(&b, "SELECT name");
			column(&b, "data", "creation");
			column(&b, "data", "modified");
			columns(&b, "data", m);
			buf_printf(&b, " FROM %s", logs[i][1]);
		}
	if (b.len == 0)
		return 0;
	sql = arena_printf(&s->scratch, "CREATE VIEW \"tab%s\" AS %s", m->name,
	    b.p);
	r = run_built(s, sql);
	buf_free(&b);
	return r;
}

static int
make_views(struct site *s, const struct meta *m)
{
	size_t i;

	if (make_view(s, m) == -1)
		return -1;
	for (i = 0; i < m->nfields; i++)
		if (m->fields[i].kind == K_TABLE && m->fields[i].child != NULL &&
		    make_view(s, m->fields[i].child) == -1)
			return -1;
	return 0;
}

int
site_show(struct site *s, const struct meta *m)
{
	size_t len = strlen(m->name);

	if (map_get(&s->shown, m->name, len) != NULL)
		return 0;
	map_set(&s->shown, m->name, len, s);
	if (db_get(s->db, 0, "SELECT 1 FROM sqlite_master WHERE type = 'view'"
	    " AND name = 'tab' || ?", "s", m->name) == 1)
		return 0;
	return make_views(s, m);
}

/* A field that has become unique: what is there is taken down. */
static int
note_values(struct site *s, const struct meta *m)
{
	const struct field *f;
	size_t i;

	for (i = 0; i < m->nfields && !m->istable; i++) {
		f = &m->fields[i];
		if (doc_keeps_value(m, f) && run_built(s, arena_printf(&s->scratch,
		    "INSERT OR IGNORE INTO value SELECT doctype, '%s',"
		    " json_extract(data, '$.\"%s\"'), id FROM document"
		    " WHERE doctype = %lld AND json_type(data, '$.\"%s\"') ="
		    " 'text' AND json_extract(data, '$.\"%s\"') <> ''",
		    f->name, f->name, (long long)m->id, f->name, f->name)) == -1)
			return -1;
	}
	return 0;
}

int
site_meta_changed(struct site *s, const char *doctype)
{
	const struct meta *m;

	forget_metas(s, doctype);
	if ((m = site_meta(s, doctype)) == NULL)
		return 0;
	return make_views(s, m) == -1 || note_values(s, m) == -1 ? -1 : 0;
}

/* ---- making a site */

static int
put(struct site *s, yyjson_val *posted, const char *doctype)
{
	struct fault fault;
	struct arena a;
	int64_t id, entry;
	enum put_result r;

	arena_init(&a);
	r = local_replace(s, &a, posted, doctype, "Administrator", &id, &entry,
	    &fault);
	if (r == PUT_REFUSED)
		warnx("built-in %s '%s': %s", doctype,
		    json_str(posted, "name"), fault.text);
	arena_free(&a);
	return r == PUT_REFUSED || r == PUT_FAILED ? -1 : 0;
}

/* What is there already was made his own by the administrator. */
static int
put_unless_there(struct site *s, const char *doctype, const char *name,
    const char *text)
{
	if (doc_number(s, doctype, name) != 0)
		return 0;
	return put(s, yyjson_doc_get_root(json_parse_own(&s->run, text,
	    strlen(text))), doctype);
}

static int
put_builtins(struct site *s)
{
	static const char *const first[][3] = {
	    { "Role", "System Manager",
	      "{\"role_name\":\"System Manager\",\"desk_access\":1}" },
	    { "Role", "Event Subscriber",
	      "{\"role_name\":\"Event Subscriber\"}" },
	    { "Role", "Event Notifier",
	      "{\"role_name\":\"Event Notifier\"}" },
	    { "Role", "All", "{\"role_name\":\"All\"}" },
	    { "Role", "Guest", "{\"role_name\":\"Guest\"}" },
	    { "User", "Administrator", "{\"name\":\"Administrator\",\"email\":"
	      "\"admin@example.com\",\"first_name\":\"Administrator\","
	      "\"enabled\":1,\"roles\":[{\"role\":\"System Manager\"}]}" },
	    { "User", "Guest", "{\"name\":\"Guest\",\"email\":\"guest@example.com\","
	      "\"first_name\":\"Guest\",\"enabled\":1,"
	      "\"roles\":[{\"role\":\"Guest\"}]}" } };
	yyjson_val *all, *dt;
	size_t i, k, n;

	for (i = 0; builtin_doctypes[i] != NULL; i++) {
		all = yyjson_doc_get_root(json_parse_own(&s->run,
		    builtin_doctypes[i], strlen(builtin_doctypes[i])));
		yyjson_arr_foreach(all, k, n, dt)
			if (put(s, dt, "DocType") == -1)
				return -1;
	}
	s->bootstrap = false;
	for (i = 0; i < sizeof(first) / sizeof(*first); i++)
		if (put_unless_there(s, first[i][0], first[i][1],
		    first[i][2]) == -1)
			return -1;
	return 0;
}

static int
fill(struct site *s, const char *address)
{
	char pragma[64];

	db_exec(s->db, schema);
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id=%d;"
	    "PRAGMA user_version=%d;", SITE_MAGIC, SITE_FORMAT);
	db_exec(s->db, pragma);
	id_new(s->id, time_now());
	s->address = arena_dup(&s->run, address, strlen(address));
	site_set(s, "id", s->id);
	site_set(s, "address", address);
	numbers_load(s);
	s->bootstrap = true;
	return put_builtins(s);
}

/* The new file takes its name only when it is whole, and never another's. */
static int
publish(const char *tmp, const char *path)
{
	int status;

	if (link(tmp, path) == 0) {
		unlink(tmp);
		return 0;
	}
	if (errno == EPERM || errno == EOPNOTSUPP) {
		if (access(path, F_OK) == 0)
			errno = EEXIST;
		else if (rename(tmp, path) == 0)
			return 0;
	}
	status = errno == EEXIST ? MISUSE : TEMPFAIL;
	warn("cannot make '%s'", safe(path));
	unlink(tmp);
	return status;
}

int
site_create(const char *path, const char *address)
{
	struct site *s;
	struct stat st;
	char *tmp;
	int status;

	if (lstat(path, &st) == 0) {
		warnx("'%s' exists already", safe(path));
		return MISUSE;
	}
	tmp = xprintf("%s.%ld.new", path, (long)getpid());
	s = site_new(path);
	s->db = db_open(tmp, DB_CREATE, &status);
	if (s->db != NULL) {
		if (db_begin(s->db) == -1 || fill(s, address) == -1 ||
		    site_commit(s) == -1)
			status = TEMPFAIL;
	}
	site_close(s);
	if (status == 0)
		status = publish(tmp, path);
	else
		unlink(tmp);
	free(tmp);
	return status;
}

/* ---- from an older format */

static const char consumer_1[] =
"CREATE TABLE consumer("
" id INTEGER PRIMARY KEY,"
" name TEXT NOT NULL UNIQUE,"
" site TEXT,"
" contact INTEGER, error TEXT)";

/* What the schema has and the file has not; tables and indices stand in it as
 * SQLite keeps them. */
static int
make_missing(struct site *s)
{
	const char *p = schema, *end;
	char *sql;
	bool there;

	for (; *p != '\0'; p = end + 1) {
		if ((end = strchr(p, ';')) == NULL)
			break;
		sql = arena_dup(&s->run, p, end - p);
		there = db_get(s->db, 0, "SELECT 1 FROM sqlite_master WHERE"
		    " sql = ?", "s", sql) != 0;
		if (!there && db_exec(s->db, sql) == -1)
			return -1;
	}
	return 0;
}

/* The ladder: case n brings the tables of format n on. */
static int
upgrade_tables(struct site *s, int format)
{
	char pragma[64];

	switch (format) {
	case 1:
		db_exec(s->db, "CREATE TEMP TABLE old AS SELECT * FROM consumer;"
		    "DROP TABLE consumer;");
		make_missing(s);
		db_exec(s->db, "INSERT INTO consumer(id, name, site, contact,"
		    " error) SELECT * FROM temp.old; DROP TABLE temp.old;");
		break;
	case 2:
		make_missing(s);
	}
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d;", SITE_FORMAT);
	return db_exec(s->db, pragma);
}

static int
upgrade(struct site *s, int format)
{
	if (upgrade_tables(s, format) == -1 || !schema_is_ours(s, "") ||
	    load(s) != 0)
		return -1;
	return put_builtins(s);
}

int
site_upgrade(const char *path)
{
	int format, status = 0;
	struct site *s = open_file(path, SITE_WRITE, &status);

	if (s == NULL)
		return status;
	/* Looked at with the lock: another may be at it as well. */
	if (site_begin(s) == -1)
		status = TEMPFAIL;
	else if ((format = format_of(s)) > SITE_FORMAT)
		status = check_format(path, format);
	else if (format == SITE_FORMAT)
		printf("'%s' has format %d, the newest\n", safe(path), format);
	else if (!schema_is_ours(s, consumer_1))
		status = MISUSE;
	else if (upgrade(s, format) == -1 || site_commit(s) == -1)
		status = TEMPFAIL;
	else
		printf("'%s' had format %d and has %d now\n", safe(path),
		    format, SITE_FORMAT);
	if (db_failed(s->db))
		status = TEMPFAIL;
	site_close(s);
	return status;
}

/* ---- the list of DocTypes */

struct query *
doctype_list(struct site *s)
{
	return db_query(s->db, "SELECT d.name, d.data, (SELECT count(*) FROM"
	    " document x WHERE x.doctype = t.id) FROM document d LEFT JOIN"
	    " doctype t ON t.name = d.name WHERE d.doctype = (SELECT id FROM"
	    " doctype WHERE name = 'DocType') ORDER BY d.name", "");
}

const char *
doctype_next(struct site *s, struct query *q, struct arena *a, bool table)
{
	yyjson_mut_doc *m;
	yyjson_mut_val *o;
	yyjson_val *d;
	const char *kind, *module;

	(void)s;
	if (db_step(q) != 1)
		return NULL;
	arena_reset(a);
	d = yyjson_doc_get_root(json_parse_own(a, arena_dup(a, db_text(q, 1),
	    db_len(q, 1)), db_len(q, 1)));
	kind = json_int(d, "istable", 0) ? "child" :
	    json_int(d, "issingle", 0) ? "single" :
	    json_int(d, "is_submittable", 0) ? "submittable" : "document";
	module = json_str(d, "module");
	if (table)
		return arena_printf(a, "%-32s %-20s %-11s %lld",
		    safe(db_text(q, 0)), module == NULL ? "" : safe(module),
		    kind, (long long)db_int(q, 2));
	m = yyjson_mut_doc_new(&a->alc);
	o = yyjson_mut_obj(m);
	yyjson_mut_obj_add_val(m, o, "name", json_new_str(m, db_text(q, 0)));
	yyjson_mut_obj_add_val(m, o, "module", json_new_str(m, module));
	yyjson_mut_obj_add_str(m, o, "kind", kind);
	yyjson_mut_obj_add_int(m, o, "documents", db_int(q, 2));
	return json_mut_text(a, o, NULL);
}
