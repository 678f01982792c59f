/* cursor.c - producers, their cursors, and what is parked from them */

#include <stdlib.h>
#include <string.h>

#include "site/site.h"

static const char *
nonempty(const char *s)
{
	return s == NULL || *s == '\0' ? NULL : s;
}

static bool
status_is(yyjson_val *row, const char *wanted)
{
	const char *status = json_str(row, "status");

	return status != NULL && strcmp(status, wanted) == 0;
}

static bool
is_approved(yyjson_val *row)
{
	return status_is(row, "Approved");
}

static void
read_subscription(struct site *s, struct arena *a, yyjson_val *row,
    struct subscription *sub)
{
	const char *conflict = json_str(row, "conflict");
	const char *mapping = NULL;

	if (json_int(row, "has_mapping", 0) != 0)
		mapping = nonempty(json_str(row, "mapping"));
	sub->doctype = json_str(row, "ref_doctype");
	if (sub->doctype == NULL)
		sub->doctype = "";
	sub->mapping = mapping;
	sub->remote = sub->doctype;
	if (mapping != NULL) {
		const char *remote = s->lookup.value(s, "Document Type Mapping",
		    mapping, "remote_doctype");
		if (remote != NULL)
			sub->remote = arena_dup(a, remote, strlen(remote));
	}
	sub->approved = is_approved(row) && json_int(row, "unsubscribe", 0) == 0;
	sub->pending = status_is(row, "Pending") &&
	    json_int(row, "unsubscribe", 0) == 0;
	sub->same_name = json_int(row, "use_same_name", 0) != 0;
	sub->strict = json_int(row, "strict", 0) != 0;
	sub->policy = POLICY_ORIGIN;
	if (conflict != NULL && strcmp(conflict, "producer") == 0)
		sub->policy = POLICY_PRODUCER;
	else if (conflict != NULL && strcmp(conflict, "manual") == 0)
		sub->policy = POLICY_MANUAL;
}

/* Has it been told, of a row that is unsubscribed, that it is not? */
static bool
knows_as_subscribed(yyjson_val *told, const char *doctype)
{
	const char *is;
	yyjson_val *row;
	size_t i, n;

	yyjson_arr_foreach(told, i, n, row)
		if ((is = json_str(row, "doctype")) != NULL &&
		    strcmp(is, doctype) == 0)
			return json_int(row, "unsubscribed", 0) == 0;
	return false;
}

/* What a producer does not know to be unsubscribed it sends, and only once: it
 * is taken, so that nothing is missing if it is subscribed to again. */
static void
take_untold(struct site *s, struct arena *a, struct producer *p,
    yyjson_val *rows)
{
	const char *told = producer_told(s, a, p->name), *text;
	yyjson_val *row, *known;
	size_t i, n;

	if (told == NULL)
		return;
	text = json_str(yyjson_doc_get_root(json_parse_own(a, told,
	    strlen(told))), "consumer_doctypes");
	if (text == NULL)
		return;
	known = yyjson_doc_get_root(json_parse_own(a, text, strlen(text)));
	yyjson_arr_foreach(rows, i, n, row)
		if (is_approved(row) &&
		    knows_as_subscribed(known, p->rows[i].remote))
			p->rows[i].approved = true;
}

/* Where the stream from it stands, if it was ever heard of. */
static void
read_cursor(struct site *s, struct arena *a, struct producer *p)
{
	struct query *q;

	q = db_query(s->db, "SELECT peer, cursor, cursor_name FROM producer"
	    " WHERE name = ?", "s", p->name);
	if (db_step(q) != 1)
		return;
	p->peer = db_int(q, 0);
	p->cursor = db_int(q, 1);
	if (!db_isnull(q, 2))
		p->cursor_name = arena_dup(a, db_text(q, 2), db_len(q, 2));
	p->site = site_peer_identity(s, p->peer);
	db_end(q);
}

bool
producer_load(struct site *s, struct arena *a, const char *name,
    struct producer *p)
{
	const struct meta *m = site_meta(s, "Event Producer");
	yyjson_val *root, *rows, *row;
	bool unsubscribed = false;
	struct doc d;
	size_t i, n;

	memset(p, 0, sizeof(*p));
	if (m == NULL || !doc_find(s, a, m, name, true, &d))
		return false;
	root = yyjson_doc_get_root(json_parse_own(a, d.data, d.len));
	p->name = d.name;
	p->user = json_str(root, "user");
	rows = yyjson_obj_get(root, "producer_doctypes");
	p->rows = arena_alloc(a, (yyjson_arr_size(rows) + 1) * sizeof(*p->rows));
	yyjson_arr_foreach(rows, i, n, row) {
		read_subscription(s, a, row, &p->rows[p->nrows++]);
		unsubscribed |= json_int(row, "unsubscribe", 0) != 0;
	}
	if (unsubscribed)
		take_untold(s, a, p, rows);
	read_cursor(s, a, p);
	return true;
}

char *
producer_name(struct site *s, struct arena *a, int64_t peer)
{
	struct query *q;
	char *name = NULL;

	q = db_query(s->db, "SELECT name FROM producer WHERE peer = ?", "i",
	    peer);
	if (db_step(q) == 1) {
		name = arena_dup(a, db_text(q, 0), db_len(q, 0));
		db_end(q);
	}
	return name;
}

char *
producer_known(struct site *s, struct arena *a, const char *identity)
{
	struct query *q;
	char *name = NULL;

	q = db_query(s->db, "SELECT producer.name FROM producer JOIN peer"
	    " ON peer.id = peer WHERE peer.name = ?", "s", identity);
	if (db_step(q) == 1) {
		name = arena_dup(a, db_text(q, 0), db_len(q, 0));
		db_end(q);
	}
	return name;
}

const struct subscription *
producer_row(const struct producer *p, const char *doctype)
{
	size_t i;

	for (i = 0; i < p->nrows; i++)
		if (strcmp(p->rows[i].doctype, doctype) == 0)
			return &p->rows[i];
	return p->all;
}

const struct subscription *
producer_mapped(const struct producer *p, const char *remote)
{
	size_t i;

	for (i = p->nrows; i-- > 0; )
		if (strcmp(p->rows[i].remote, remote) == 0)
			return p->rows[i].mapping == NULL ? NULL : &p->rows[i];
	return NULL;
}

int
producer_identify(struct site *s, struct arena *a, struct producer *p,
    const char *identity)
{
	if (db_do(s->db, "INSERT INTO producer(peer, name, cursor)"
	    " VALUES(?1, ?2, 0) ON CONFLICT(peer) DO UPDATE SET name = ?2",
	    "is", site_peer(s, identity), p->name) == -1)
		return -1;
	read_cursor(s, a, p);
	return 0;
}

int
producer_advance(struct site *s, struct producer *p, int64_t creation,
    const char *name)
{
	p->cursor = creation;
	p->cursor_name = name;
	return db_do(s->db, "UPDATE producer SET cursor = ?, cursor_name = ?"
	    " WHERE peer = ?", "isi", creation, name, p->peer);
}

int
producer_contact(struct site *s, struct producer *p, const char *error)
{
	return db_do(s->db, "UPDATE producer SET contact = ?, error = ?"
	    " WHERE peer = ?", "isi", time_now(), error, p->peer);
}

/* ---- what it was told, and how to reach it */

char *
producer_told(struct site *s, struct arena *a, const char *name)
{
	struct query *q;
	char *request = NULL;

	q = db_query(s->db, "SELECT request FROM told WHERE producer = ?", "s",
	    name);
	if (db_step(q) == 1) {
		request = arena_dup(a, db_text(q, 0), db_len(q, 0));
		db_end(q);
	}
	return request;
}

int
producer_tell(struct site *s, const char *name, const char *request)
{
	if (request == NULL)
		return db_do(s->db, "DELETE FROM told WHERE producer = ?", "s",
		    name);
	return db_do(s->db, "INSERT INTO told VALUES(?1, ?2)"
	    " ON CONFLICT DO UPDATE SET request = ?2", "ss", name, request);
}

int
producer_restart(struct site *s, const char *name)
{
	db_do(s->db, "UPDATE producer SET cursor = 0, cursor_name = NULL"
	    " WHERE name = ?", "s", name);
	return producer_tell(s, name, NULL);
}

bool
producer_peer(struct site *s, struct arena *a, const char *name,
    struct http_peer *peer)
{
	const struct meta *m = site_meta(s, "Event Producer");
	yyjson_val *root;
	struct doc d;

	memset(peer, 0, sizeof(*peer));
	if (m == NULL || !doc_find(s, a, m, name, true, &d))
		return false;
	root = yyjson_doc_get_root(json_parse_own(a, d.data, d.len));
	peer->url = d.name;
	if (json_int(root, "allow_http", 0) != 0)
		peer->flags = HTTP_ALLOW_HTTP;
	peer->key = nonempty(json_str(root, "api_key"));
	peer->secret = doc_secret(s, a, d.id, NULL, "api_secret");
	peer->pin = nonempty(json_str(root, "pin"));
	return true;
}

/* ---- parked */

struct query *
parked_keys(struct site *s, int64_t peer)
{
	return db_query(s->db, "SELECT document, group_concat(want, ' ')"
	    " FROM parked WHERE peer = ? GROUP BY document ORDER BY min(id)",
	    "i", peer);
}

struct query *
parked_blocked(struct site *s, int64_t peer)
{
	return db_query(s->db, "SELECT DISTINCT document FROM parked WHERE"
	    " peer = ? AND code IN ('linked', 'name')", "i", peer);
}

int
parked_next_key(struct query *q, const char **key, const char **want)
{
	int r = db_step(q);

	if (r == 1) {
		*key = db_text(q, 0);
		if (want != NULL)
			*want = db_isnull(q, 1) ? NULL : db_text(q, 1);
	}
	return r;
}

struct query *
parked_of(struct site *s, int64_t peer, const char *key)
{
	return db_query(s->db, "SELECT id, document, event, synclog, code, why,"
	    " want, line FROM parked WHERE peer = ? AND document = ?"
	    " ORDER BY id", "is", peer, key);
}

int
parked_next(struct query *q, struct parked *p)
{
	int r = db_step(q);

	if (r != 1)
		return r;
	p->id = db_int(q, 0);
	p->key = db_text(q, 1);
	p->event = db_text(q, 2);
	p->log = db_int(q, 3);
	p->code = db_text(q, 4);
	p->why = db_text(q, 5);
	p->want = db_isnull(q, 6) ? NULL : db_text(q, 6);
	p->line = db_text(q, 7);
	p->len = db_len(q, 7);
	return r;
}

int
parked_add(struct site *s, int64_t peer, const struct parked *p)
{
	return db_do(s->db, "INSERT INTO parked(peer, document, event, synclog,"
	    " code, why, want, line) VALUES(?,?,?,?,?,?,?,?)", "ississst",
	    peer, p->key, p->event, p->log, p->code, p->why, p->want, p->line,
	    p->len);
}

int
parked_reason(struct site *s, const struct parked *p)
{
	return db_do(s->db, "UPDATE parked SET document = ?, code = ?, why = ?,"
	    " want = ?, line = coalesce(?, line) WHERE id = ?", "sssst" "i",
	    p->key, p->code, p->why, p->want, p->line, p->len, p->id);
}

int
parked_remove(struct site *s, int64_t id)
{
	return db_do(s->db, "DELETE FROM parked WHERE id = ?", "i", id);
}

int64_t
parked_count(struct site *s, int64_t peer)
{
	return db_get(s->db, 0, "SELECT count(*) FROM parked WHERE peer = ?",
	    "i", peer);
}
