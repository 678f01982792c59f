/* journal.c - the update log: every change written to the site */

#include <err.h>
#include <string.h>

#include "site/site.h"

int64_t
journal_newest(struct site *s)
{
	int64_t newest = db_get(s->db, 0, "SELECT max(creation) FROM journal", "");
	int64_t floor = db_get(s->db, 0,
	    "SELECT CAST(value AS INTEGER) FROM site WHERE key = 'floor'", "");

	return newest > floor ? newest : floor;
}

int64_t
journal_floor(struct site *s, int64_t at, char name[ID_LEN + 1])
{
	struct query *q;

	q = db_query(s->db, "SELECT creation, name FROM journal WHERE"
	    " creation <= ? ORDER BY creation DESC LIMIT 1", "i", at);
	at = 0;
	*name = '\0';
	if (db_step(q) == 1) {
		at = db_int(q, 0);
		snprintf(name, ID_LEN + 1, "%s", db_text(q, 1));
		db_end(q);
	}
	return at;
}

int64_t
journal_stamp(struct site *s)
{
	int64_t now = time_now();
	char a[TIME_TEXT_LEN], b[TIME_TEXT_LEN];

	/* A second is what a busy site may run ahead by itself. */
	if (now + 1000000 < s->newest && !s->warned) {
		warnx("the clock (%s) is behind the journal (%s) of '%s'; "
		    "is it set right?", time_text(now, a),
		    time_text(s->newest, b), safe(s->path));
		s->warned = true;
	}
	return now > s->newest ? now : s->newest + 1;
}

int
journal_add(struct site *s, struct entry *e)
{
	char *name = arena_alloc(&s->scratch, ID_LEN + 1);

	id_new(name, e->creation);
	e->name = name;
	s->newest = e->creation;
	return db_do(s->db, "INSERT INTO journal VALUES(?,?,?,?,?,?,?,?,?,?)",
	    "isiiisisst", e->creation, name, (int64_t)e->type, e->doc,
	    site_doctype(s, e->doctype), e->docname, e->before, e->links,
	    e->marks, e->data, e->datalen);
}

#define ENTRY "creation, name, type, doc, doctype, docname, before, links," \
	" marks, data"

static const char *
text(struct query *q, int col)
{
	return db_isnull(q, col) ? NULL : db_text(q, col);
}

static void
read_entry(struct site *s, struct query *q, struct entry *e)
{
	e->creation = db_int(q, 0);
	e->name = db_text(q, 1);
	e->type = db_int(q, 2);
	e->doc = db_int(q, 3);
	e->doctype = site_doctype_name(s, db_int(q, 4));
	e->docname = db_text(q, 5);
	e->before = db_int(q, 6);
	e->links = text(q, 7);
	e->marks = text(q, 8);
	e->data = text(q, 9);
	e->datalen = db_len(q, 9);
}

struct query *
journal_from(struct site *s, int64_t after, int64_t limit)
{
	return db_query(s->db, "SELECT " ENTRY " FROM journal"
	    " WHERE creation > ? ORDER BY creation LIMIT ?", "ii", after, limit);
}

int
journal_next(struct site *s, struct query *q, struct entry *e)
{
	int r = db_step(q);

	if (r == 1)
		read_entry(s, q, e);
	return r;
}

static const char *
keep(struct arena *a, const char *t)
{
	return t == NULL ? NULL : arena_dup(a, t, strlen(t));
}

static bool
keep_entry(struct site *s, struct arena *a, struct query *q, struct entry *e)
{
	if (db_step(q) != 1)
		return false;
	read_entry(s, q, e);
	e->name = keep(a, e->name);
	e->docname = keep(a, e->docname);
	e->links = keep(a, e->links);
	e->marks = keep(a, e->marks);
	if (e->data != NULL)
		e->data = arena_dup(a, e->data, e->datalen);
	db_end(q);
	return true;
}

bool
journal_get(struct site *s, struct arena *a, int64_t creation, struct entry *e)
{
	return keep_entry(s, a, db_query(s->db, "SELECT " ENTRY " FROM journal"
	    " WHERE creation = ?", "i", creation), e);
}

struct entry *
journal_of(struct site *s, struct arena *a, int64_t last, size_t *n)
{
	struct entry *e = NULL, t;
	size_t cap = 0, i;
	int64_t pos;

	*n = 0;
	for (pos = last; pos != 0; pos = e[*n - 1].before) {
		if (*n == cap)
			e = xrealloc(e, (cap = cap * 2 + 8) * sizeof(*e));
		if (!journal_get(s, a, pos, &e[*n]))
			break;
		++*n;
	}
	for (i = 0; i < *n / 2; i++) {
		t = e[i];
		e[i] = e[*n - 1 - i];
		e[*n - 1 - i] = t;
	}
	return e;
}

bool
journal_after(struct site *s, struct arena *a, int64_t creation,
    struct entry *e)
{
	return keep_entry(s, a, db_query(s->db, "SELECT " ENTRY " FROM journal"
	    " WHERE creation > ? ORDER BY creation LIMIT 1", "i", creation), e);
}

int64_t
journal_last(struct site *s, int64_t doc, const char **doctype)
{
	struct query *q;
	int64_t last;

	last = db_get(s->db, 0, "SELECT coalesce(d.last, o.gone, 0) FROM origin"
	    " o LEFT JOIN document d ON d.id = o.id WHERE o.id = ?", "i", doc);
	q = db_query(s->db, "SELECT doctype FROM journal WHERE creation = ?",
	    "i", last);
	if (db_step(q) != 1)
		return 0;
	*doctype = site_doctype_name(s, db_int(q, 0));
	db_end(q);
	return last;
}

struct query *
journal_deletes(struct site *s, const char *doctype, int64_t after,
    int64_t upto)
{
	return db_query(s->db, "SELECT " ENTRY " FROM journal WHERE type = 2"
	    " AND doctype = ? AND creation > ? AND creation <= ?"
	    " ORDER BY creation", "iii", site_doctype(s, doctype), after, upto);
}

const char *
journal_prev(struct site *s, struct arena *a, int64_t before)
{
	const char *name = NULL;
	struct query *q;
	int64_t type;

	while (before != 0 && name == NULL) {
		q = db_query(s->db, "SELECT name, type, before FROM journal"
		    " WHERE creation = ?", "i", before);
		if (db_step(q) != 1)
			break;
		type = db_int(q, 1);
		before = db_int(q, 2);
		if (type == U_CREATE || type == U_UPDATE)
			name = arena_dup(a, db_text(q, 0), db_len(q, 0));
		db_end(q);
	}
	return name;
}

bool
journal_knows(struct site *s, const char *name)
{
	int64_t t;

	return id_time(name, &t) && db_get(s->db, 0, "SELECT 1 FROM journal"
	    " WHERE creation = ? AND name = ?", "is", t, name) == 1;
}

/* {site: event name, …} */
static void
read_marks(struct arena *a, yyjson_val *obj, struct marks *m)
{
	yyjson_val *k, *v;
	size_t i, n;

	memset(m, 0, sizeof(*m));
	if (yyjson_obj_size(obj) == 0)
		return;
	m->v = arena_alloc(a, yyjson_obj_size(obj) * sizeof(*m->v));
	yyjson_obj_foreach(obj, i, n, k, v) {
		m->v[m->n].site = yyjson_get_str(k);
		m->v[m->n].at.name = yyjson_get_str(v);
		m->v[m->n].at.creation = 0;
		id_time(m->v[m->n].at.name, &m->v[m->n].at.creation);
		m->n++;
	}
}

void
journal_marks(struct arena *a, const char *text, struct origin_marks *m)
{
	yyjson_val *root;

	memset(m, 0, sizeof(*m));
	if (text == NULL)
		return;
	root = yyjson_doc_get_root(json_parse_own(a, text, strlen(text)));
	m->author = json_str(root, "author");
	read_marks(a, yyjson_obj_get(root, "via"), &m->via);
	read_marks(a, yyjson_obj_get(root, "knew"), &m->knew);
	read_marks(a, yyjson_obj_get(root, "seen"), &m->seen);
	m->merged = json_int(root, "merged", 0);
	m->left = json_int(root, "left", 0);
	m->renamed = json_int(root, "renamed", 0);
	m->touched = yyjson_obj_get(root, "touched");
}
