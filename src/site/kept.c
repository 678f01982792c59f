/* kept.c - what is kept of the journal where its data was dropped, and where
 * the site was restored from an older copy */

#include <stdlib.h>
#include <string.h>

#include "site/site.h"

bool
entry_pruned(const struct entry *e)
{
	return e->data == NULL && (e->type == U_CREATE || e->type == U_UPDATE);
}

/* ---- states: a document at its newest entry without data */

static const char *
first_text(struct arena *a, struct query *q, size_t *len)
{
	const char *text = NULL;

	if (db_step(q) == 1) {
		*len = db_len(q, 0);
		text = arena_dup(a, db_text(q, 0), *len);
		db_end(q);
	}
	return text;
}

const char *
state_get(struct site *s, struct arena *a, const struct entry *e, size_t *len)
{
	const char *text;

	text = first_text(a, db_query(s->db, "SELECT data FROM state WHERE"
	    " entry = ?", "i", e->creation), len);
	return text != NULL ? text : first_text(a, db_query(s->db,
	    "SELECT data FROM document WHERE id = ? AND modified = ?", "ii",
	    e->doc, e->creation), len);
}

int
state_put(struct site *s, int64_t doc, int64_t entry, const char *data,
    size_t len)
{
	db_do(s->db, "DELETE FROM state WHERE doc = ?", "i", doc);
	return data == NULL ? 0 : db_do(s->db, "INSERT INTO state VALUES(?,?,?)",
	    "iit", entry, doc, data, len);
}

int
state_keep(struct site *s, const struct doc *d)
{
	if (d->modified > s->pruned)
		return 0;
	return db_do(s->db, "INSERT OR IGNORE INTO state SELECT j.creation,"
	    " d.id, d.data FROM document d JOIN journal j ON"
	    " j.creation = d.modified WHERE d.id = ? AND j.data IS NULL", "i",
	    d->id);
}

/* ---- since: where a document had come into a consumer's view by then */

/* One that may have been in view stands there as -1 - pos. */
bool
since_get(struct site *s, int64_t consumer, int64_t doc, int64_t *pos,
    bool *sure)
{
	*pos = db_get(s->db, INT64_MIN, "SELECT pos FROM since WHERE"
	    " consumer = ? AND doc = ?", "ii", consumer, doc);
	if (*pos == INT64_MIN) {
		*pos = 0;
		return false;
	}
	if (!(*sure = *pos >= 0))
		*pos = -1 - *pos;
	return true;
}

int
since_put(struct site *s, int64_t consumer, int64_t doc, int64_t pos, bool sure)
{
	return db_do(s->db, "INSERT INTO since VALUES(?1, ?2, ?3)"
	    " ON CONFLICT DO UPDATE SET pos = ?3", "iii", consumer, doc,
	    sure ? pos : -1 - pos);
}

/* ---- dropping */

struct query *
journal_full(struct site *s, int64_t after, int64_t upto, int64_t limit)
{
	return db_query(s->db, "SELECT j.creation, j.doc, j.doctype,"
	    " length(j.data), coalesce(d.author, 0) FROM journal j LEFT JOIN"
	    " document d ON d.id = j.doc WHERE j.creation > ? AND"
	    " j.creation <= ? AND j.type < 2 AND j.data IS NOT NULL AND"
	    " j.doc <> 0 ORDER BY j.creation LIMIT ?", "iii", after, upto,
	    limit);
}

int
journal_next_full(struct site *s, struct query *q, struct full *f)
{
	int r = db_step(q);

	if (r != 1)
		return r;
	f->entry = db_int(q, 0);
	f->doc = db_int(q, 1);
	f->doctype = site_doctype_name(s, db_int(q, 2));
	f->bytes = db_int(q, 3);
	f->shared = db_int(q, 4) == -1;
	return 1;
}

int
journal_drop(struct site *s, int64_t entry, const char *marks)
{
	return db_do(s->db, "UPDATE journal SET data = NULL, marks = ?"
	    " WHERE creation = ?", "si", marks, entry);
}

int64_t *
state_gone(struct site *s, struct arena *a, int64_t upto, size_t *n)
{
	struct query *q;
	int64_t *v;
	size_t max;

	max = db_get(s->db, 0, "SELECT count(*) FROM state", "");
	v = arena_alloc(a, (max + 1) * sizeof(*v));
	*n = 0;
	q = db_query(s->db, "SELECT s.doc FROM state s JOIN origin o ON"
	    " o.id = s.doc WHERE o.gone <= ?", "i", upto);
	while (db_step(q) == 1)
		v[(*n)++] = db_int(q, 0);
	return v;
}

int
journal_pruned(struct site *s, int64_t upto)
{
	char text[21];

	if (upto <= s->pruned)
		return 0;
	text_int(text, upto);
	s->pruned = upto;
	return site_set(s, "pruned", text);
}

/* ---- whose word it takes */

int64_t
consumers_confirmed(struct site *s, struct arena *a, const char **name)
{
	struct query *q;
	int64_t at = -1;

	*name = NULL;
	q = db_query(s->db, "SELECT c.name, c.cursor FROM consumer c WHERE"
	    " EXISTS (SELECT 1 FROM granted g WHERE g.consumer = c.id AND"
	    " g.active = 1 AND g.pos = (SELECT max(pos) FROM granted WHERE"
	    " consumer = g.consumer AND doctype = g.doctype))"
	    " ORDER BY c.cursor, c.name LIMIT 1", "");
	if (db_step(q) == 1) {
		*name = arena_dup(a, db_text(q, 0), db_len(q, 0));
		at = db_int(q, 1);
		db_end(q);
	}
	return at;
}

char **
consumers_conditional(struct site *s, struct arena *a)
{
	struct query *q;
	char **v;
	size_t n = 0;

	v = arena_alloc(a, (db_get(s->db, 0, "SELECT count(*) FROM consumer",
	    "") + 1) * sizeof(*v));
	q = db_query(s->db, "SELECT name FROM consumer WHERE id IN (SELECT"
	    " consumer FROM granted WHERE condition IS NOT NULL OR own IS NOT"
	    " NULL)", "");
	while (db_step(q) == 1)
		v[n++] = arena_dup(a, db_text(q, 0), db_len(q, 0));
	v[n] = NULL;
	return v;
}

/* ---- restored from an older copy */

int64_t
restored_at(struct site *s)
{
	return db_get(s->db, 0, "SELECT max(pos) FROM restored", "");
}

int64_t
restored_before(struct site *s, int64_t cursor)
{
	int64_t opened = db_get(s->db, 0, "SELECT max(opened) FROM restored",
	    "");

	if (opened == 0)
		return -1;
	/* Not before, unless its clock was behind the cursor. */
	return cursor < opened ? cursor : opened - 1;
}

/* An entry of no document, as if every Event Consumer had changed. */
static int64_t
add_entry(struct site *s)
{
	struct entry e = { .type = U_UPDATE, .doctype = "Event Consumer",
	    .docname = "", .data = "{}", .datalen = 2 };

	e.creation = journal_stamp(s);
	journal_add(s, &e);
	return e.creation;
}

int
restored_open(struct site *s)
{
	int64_t at = add_entry(s);

	return db_do(s->db, "INSERT INTO restored VALUES(?, ?)", "ii", at, at);
}

int
restored_move(struct site *s)
{
	return db_do(s->db, "UPDATE restored SET pos = ? WHERE opened ="
	    " (SELECT max(opened) FROM restored)", "i", add_entry(s));
}

int
journal_raise(struct site *s, int64_t floor)
{
	char text[21];

	if (floor <= s->newest)
		return 0;
	text_int(text, floor);
	s->newest = floor;
	return site_set(s, "floor", text);
}

int
series_raise(struct site *s, const char *doctype, const char *name)
{
	size_t len = strlen(name), k = len;
	char key[256];
	int64_t n;

	if (len >= sizeof(key) - 32)
		return 0;
	while (k > 0 && len - k < 18 && name[k - 1] >= '0' &&
	    name[k - 1] <= '9')
		k--;
	for (; k < len; k++) {
		n = strtoll(name + k, NULL, 10);
		if (k == 0)
			snprintf(key, sizeof(key), "autoincrement:%s", doctype);
		else
			snprintf(key, sizeof(key), "%.*s", (int)k, name);
		db_do(s->db, "UPDATE series SET current = ?1 WHERE name = ?2"
		    " AND current < ?1", "is", n, key);
	}
	return db_failed(s->db) ? -1 : 0;
}

/* ---- what others keep of a site that was restored */

int64_t
producer_number(struct site *s, const char *name)
{
	return db_get(s->db, -1, "SELECT peer FROM producer WHERE name = ?1"
	    " UNION ALL SELECT id FROM peer WHERE name = ?1", "s", name);
}

int64_t
producer_newest(struct site *s, int64_t peer)
{
	struct query *q;
	int64_t newest, t;

	newest = db_get(s->db, 0, "SELECT cursor FROM producer WHERE peer = ?",
	    "i", peer);
	q = db_query(s->db, "SELECT max(event) FROM synclog WHERE peer = ?1 AND"
	    " length(event) = ?2 UNION ALL SELECT max(event) FROM seen WHERE"
	    " peer = ?1 AND length(event) = ?2", "ii", peer, (int64_t)ID_LEN);
	while (db_step(q) == 1)
		if (!db_isnull(q, 0) && id_time(db_text(q, 0), &t) && t > newest)
			newest = t;
	return newest;
}

int64_t
origin_held(struct site *s, int64_t peer, int64_t after, char *birth, size_t size)
{
	struct query *q;
	int64_t id = 0;

	q = db_query(s->db, "SELECT d.id, o.birth FROM document d JOIN origin o"
	    " ON o.id = d.id WHERE d.id > ?1 AND d.home = ?2 AND o.peer = ?2"
	    " ORDER BY d.id LIMIT 1", "ii", after, peer);
	if (db_step(q) == 1) {
		id = db_int(q, 0);
		snprintf(birth, size, "%s", db_text(q, 1));
		db_end(q);
	}
	return id;
}

struct query *
origin_tombs(struct site *s, int64_t peer)
{
	return db_query(s->db, "SELECT birth, gone FROM origin WHERE peer = ?"
	    " AND gone IS NOT NULL AND birth NOT LIKE '%/' || id ORDER BY id",
	    "i", peer);
}

int
origin_next_tomb(struct query *q, struct tomb *t)
{
	int r = db_step(q);

	if (r == 1) {
		t->birth = db_text(q, 0);
		t->gone = db_int(q, 1);
	}
	return r;
}
