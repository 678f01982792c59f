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

int
consumer_changed(struct site *s, const char *name, yyjson_mut_val *body,
    int64_t pos)
{
	yyjson_mut_val *rows = yyjson_mut_obj_get(body, "consumer_doctypes"), *row;
	const char *status, *dt;
	int64_t id;
	size_t i, n;
	bool active;

	db_do(s->db, "INSERT INTO consumer(name, site) VALUES(?1, ?2)"
	    " ON CONFLICT(name) DO UPDATE SET site = coalesce(?2, site)", "ss",
	    name, nonempty(json_mut_str(body, "site")));
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
	q = db_query(s->db, "SELECT id, name, site FROM consumer WHERE name = ?1"
	    " OR site = ?1", "s", name);
	if (db_step(q) != 1)
		return false;
	c->id = db_int(q, 0);
	c->name = text(a, q, 1);
	c->site = text(a, q, 2);
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
