/* consumer.c - Event Consumers: what each was granted, and when */

#include <stdlib.h>
#include <string.h>

#include "site/site.h"

static const char *
nonempty(const char *s)
{
	return s == NULL || s[strspn(s, " \t\r\n")] == '\0' ? NULL : s;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int64_t
consumer_number(struct site *s, const char *name)
{
	return db_get(s->db, 0, "SELECT id FROM consumer WHERE name = ?", "s",
	    name);
}

/* ---- writing: each change of a row is a place in the journal */

static int
grant(struct site *s, int64_t consumer, int64_t doctype, int64_t pos,
    bool active, const char *condition, const char *own)
{
	struct query *q;
	bool same = false;

	q = db_query(s->db, "SELECT active, condition, own FROM granted WHERE"
	    " consumer = ? AND doctype = ? ORDER BY pos DESC LIMIT 1", "ii",
	    consumer, doctype);
	if (db_step(q) == 1) {
		same = db_int(q, 0) == active &&
		    same_text(db_isnull(q, 1) ? NULL : db_text(q, 1), condition)
		    && same_text(db_isnull(q, 2) ? NULL : db_text(q, 2), own);
		db_end(q);
	}
	if (same)
		return 0;
	return db_do(s->db, "INSERT INTO granted VALUES(?,?,?,?,?,?)", "iiiiss",
	    consumer, doctype, pos, (int64_t)active, condition, own);
}

/* Rows that are there no more are granted no more. */
static void
withdraw(struct site *s, int64_t consumer, yyjson_mut_val *rows, int64_t pos)
{
	yyjson_mut_val *row;
	struct query *q;
	int64_t gone[256];
	size_t i, k, n, m = 0;
	const char *dt;

	q = db_query(s->db, "SELECT DISTINCT doctype FROM granted WHERE"
	    " consumer = ? LIMIT 256", "i", consumer);
	while (db_step(q) == 1)
		gone[m++] = db_int(q, 0);
	yyjson_mut_arr_foreach(rows, i, n, row) {
		dt = json_mut_str(row, "ref_doctype");
		for (k = 0; dt != NULL && k < m; k++)
			if (gone[k] == site_doctype(s, dt))
				gone[k] = -1;
	}
	for (k = 0; k < m; k++)
		if (gone[k] != -1)
			grant(s, consumer, gone[k], pos, false, NULL, NULL);
}

/* A consumer that has the name of another site begins anew: what was offered
 * there was not offered to it.  So does one that has the name of a consumer that
 * is gone and had not told its identity. */
static void
forget_another(struct site *s, const char *name, const char *site, bool gone)
{
	int64_t id = db_get(s->db, 0, "SELECT id FROM consumer WHERE name = ?1"
	    " AND CASE WHEN site IS NULL THEN ?3 ELSE NOT ?3 AND site IS NOT ?2"
	    " END", "ssi", name, site, (int64_t)gone);

	if (id == 0)
		return;
	db_do(s->db, "DELETE FROM granted WHERE consumer = ?", "i", id);
	db_do(s->db, "DELETE FROM since WHERE consumer = ?", "i", id);
	db_do(s->db, "DELETE FROM consumer WHERE id = ?", "i", id);
}

int
consumer_changed(struct site *s, const char *name, yyjson_mut_val *body,
    int64_t pos)
{
	yyjson_mut_val *rows = yyjson_mut_obj_get(body, "consumer_doctypes"), *row;
	const char *site = nonempty(json_mut_str(body, "site")), *status, *dt;
	int64_t id;
	size_t i, n;
	bool active;

	forget_another(s, name, site, body == NULL);
	if (body == NULL && consumer_number(s, name) == 0)
		return db_failed(s->db) ? -1 : 0;
	db_do(s->db, "INSERT INTO consumer(name, site) VALUES(?1, ?2)"
	    " ON CONFLICT(name) DO UPDATE SET site = coalesce(?2, site)", "ss",
	    name, site);
	id = consumer_number(s, name);
	yyjson_mut_arr_foreach(rows, i, n, row) {
		dt = json_mut_str(row, "ref_doctype");
		status = json_mut_str(row, "status");
		if (dt == NULL)
			continue;
		active = status != NULL && strcmp(status, "Approved") == 0 &&
		    json_mut_int(row, "unsubscribed", 0) == 0;
		grant(s, id, site_doctype(s, dt), pos, active,
		    nonempty(json_mut_str(row, "condition")),
		    nonempty(json_mut_str(row, "own_condition")));
	}
	withdraw(s, id, rows, pos);
	return db_failed(s->db) ? -1 : 0;
}

/* ---- reading */

static const char *
text(struct arena *a, struct query *q, int col)
{
	return db_isnull(q, col) ? NULL : arena_dup(a, db_text(q, col),
	    db_len(q, col));
}

bool
consumer_load(struct site *s, struct arena *a, const char *name,
    struct consumer *c)
{
	struct query *q;
	struct grant *g;
	size_t cap = 0;

	memset(c, 0, sizeof(*c));
	/* By name first: to be called by another's identity gains nothing. */
	q = db_query(s->db, "SELECT id, name, site, cursor FROM consumer WHERE"
	    " name = ?1 UNION ALL SELECT id, name, site, cursor FROM consumer"
	    " WHERE site = ?1 LIMIT 1", "s", name);
	if (db_step(q) != 1)
		return false;
	c->id = db_int(q, 0);
	c->name = text(a, q, 1);
	c->site = text(a, q, 2);
	c->cursor = db_int(q, 3);
	db_end(q);
	q = db_query(s->db, "SELECT doctype, pos, active, condition, own FROM"
	    " granted WHERE consumer = ? ORDER BY doctype, pos", "i", c->id);
	while (db_step(q) == 1) {
		if (c->ngrants == cap) {
			g = arena_alloc(a, (cap * 2 + 16) * sizeof(*g));
			if (cap > 0)
				memcpy(g, c->grants, cap * sizeof(*g));
			c->grants = g;
			cap = cap * 2 + 16;
		}
		g = &c->grants[c->ngrants++];
		g->doctype = site_doctype_name(s, db_int(q, 0));
		g->pos = db_int(q, 1);
		g->active = db_int(q, 2);
		g->condition = text(a, q, 3);
		g->own = text(a, q, 4);
	}
	return true;
}

/* Moves a list into the arena, with NULL at its end. */
static char **
ended(struct arena *a, char **names, size_t n)
{
	char **list = arena_alloc(a, (n + 1) * sizeof(*list));

	if (n > 0)
		memcpy(list, names, n * sizeof(*list));
	list[n] = NULL;
	free(names);
	return list;
}

char **
consumer_names(struct site *s, struct arena *a, const char *user)
{
	struct query *q;
	char **names = NULL;
	size_t n = 0, cap = 0;

	if (user == NULL)
		q = db_query(s->db, "SELECT name FROM document WHERE doctype ="
		    " (SELECT id FROM doctype WHERE name = 'Event Consumer')"
		    " ORDER BY name", "");
	else
		q = db_query(s->db, "SELECT d.name FROM link l JOIN document d"
		    " ON d.id = l.source WHERE l.target = (SELECT id FROM"
		    " document WHERE doctype = (SELECT id FROM doctype WHERE"
		    " name = 'User') AND name = ?1) AND d.doctype = (SELECT id"
		    " FROM doctype WHERE name = 'Event Consumer') AND"
		    " d.data->>'user' = ?1 ORDER BY d.name", "s", user);
	while (db_step(q) == 1) {
		if (n == cap)
			names = xrealloc(names, (cap = cap * 2 + 16) *
			    sizeof(*names));
		names[n++] = arena_dup(a, db_text(q, 0), db_len(q, 0));
	}
	return ended(a, names, n);
}

/* ---- contact */

int
consumer_contact(struct site *s, const char *name, int64_t cursor,
    const char *cursor_name)
{
	return db_do(s->db, "UPDATE consumer SET cursor = ?, cursor_name = ?,"
	    " contact = ? WHERE name = ?", "isis", cursor, cursor_name,
	    time_now(), name);
}
