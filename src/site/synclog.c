/* synclog.c - Event Sync Log: what became of every event */

#include <string.h>

#include "site/site.h"

int
sync_add(struct site *s, struct sync *l)
{
	db_do(s->db, "INSERT INTO synclog(event, time, peer, type, status,"
	    " doctype, remote, docname, same_name, doc, journal, mapping, code,"
	    " error, lost, data) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	    "siiiisssiiissss" "t", l->event, l->time, l->peer, (int64_t)l->type,
	    (int64_t)l->status, l->doctype, l->remote, l->docname,
	    (int64_t)l->same_name, l->doc, l->journal, l->mapping, l->code,
	    l->error, l->lost, l->data, l->datalen);
	l->id = db_rowid(s->db);
	return db_failed(s->db) ? -1 : 0;
}

int
sync_result(struct site *s, const struct sync *l)
{
	return db_do(s->db, "UPDATE synclog SET time=?, status=?, doctype=?,"
	    " remote=?, docname=?, same_name=?, doc=?, journal=?, mapping=?,"
	    " code=?, error=?, lost=?, data=? WHERE id=?", "iisssiiissss" "t" "i",
	    l->time, (int64_t)l->status, l->doctype, l->remote, l->docname,
	    (int64_t)l->same_name, l->doc, l->journal, l->mapping, l->code,
	    l->error, l->lost, l->data, l->datalen, l->id);
}

bool
sync_done(struct site *s, int64_t peer, const char *event)
{
	return db_get(s->db, 0, "SELECT 1 FROM synclog WHERE event = ? AND"
	    " peer = ? AND (status = 0 OR code IN ('refused', 'withdrawn'))",
	    "si", event, peer);
}

bool
sync_rejected_before(struct site *s, const struct sync *l)
{
	return db_get(s->db, 0, "SELECT 1 FROM synclog WHERE event = '' AND"
	    " peer = ? AND error = ? AND data = ?", "iss", l->peer, l->error,
	    l->data) == 1;
}

#define COLUMNS " s.id, s.event, s.time, s.peer, p.name, s.type, s.status," \
	" s.doctype, s.remote, s.docname, s.same_name, s.mapping, s.code," \
	" s.error, s.lost, s.journal, coalesce(s.data, j.data), s.doc"
#define TABLES " FROM synclog s LEFT JOIN producer p ON p.peer = s.peer" \
	" LEFT JOIN journal j ON j.creation = s.journal"
#define FITS " (?1 < 0 OR s.status = ?1)" \
	" AND (?2 IS NULL OR p.name = ?2) AND (?3 IS NULL OR s.doctype = ?3)" \
	" AND (?4 IS NULL OR s.docname = ?4 OR s.remote = ?4)" \
	" AND (?5 IS NULL OR s.event = ?5) AND (?6 = 0 OR s.time >= ?6)" \
	" AND (?7 = 0 OR s.time < ?7)"

struct query *
sync_list(struct site *s, const struct sync_filter *f)
{
	/* The newest so many, told oldest first. */
	return db_query(s->db, "SELECT" COLUMNS TABLES " WHERE s.id IN"
	    " (SELECT s.id FROM synclog s LEFT JOIN producer p"
	    " ON p.peer = s.peer WHERE" FITS
	    " ORDER BY s.id DESC LIMIT ?8) ORDER BY s.id", "issssiii",
	    (int64_t)f->status, f->producer, f->doctype, f->name, f->event,
	    f->since, f->until, f->limit == 0 ? INT64_C(-1) : f->limit);
}

static const char *
text(struct query *q, int col)
{
	return db_isnull(q, col) ? NULL : db_text(q, col);
}

static void
read_row(struct query *q, struct sync *l)
{
	memset(l, 0, sizeof(*l));
	l->id = db_int(q, 0);
	l->event = db_text(q, 1);
	l->time = db_int(q, 2);
	l->peer = db_int(q, 3);
	l->producer = text(q, 4);
	l->type = db_int(q, 5);
	l->status = db_int(q, 6);
	l->doctype = db_text(q, 7);
	l->remote = db_text(q, 8);
	l->docname = text(q, 9);
	l->same_name = db_int(q, 10);
	l->mapping = text(q, 11);
	l->code = text(q, 12);
	l->error = text(q, 13);
	l->lost = text(q, 14);
	l->journal = db_int(q, 15);
	l->data = text(q, 16);
	l->datalen = db_len(q, 16);
	l->doc = db_int(q, 17);
}

int
sync_next(struct site *s, struct query *q, struct sync *l)
{
	int r = db_step(q);

	(void)s;
	if (r == 1)
		read_row(q, l);
	return r;
}

bool
sync_find(struct site *s, struct arena *a, int64_t peer, const char *event,
    enum update type, struct sync *l)
{
	struct query *q = db_query(s->db, "SELECT id, status, doctype, remote,"
	    " error, journal, time, data FROM synclog WHERE event = ? AND peer = ?"
	    " AND type = ? ORDER BY id LIMIT 1", "sii", event, peer,
	    (int64_t)type);

	if (db_step(q) != 1)
		return false;
	*l = (struct sync){ .id = db_int(q, 0), .status = db_int(q, 1),
	    .doctype = arena_dup(a, db_text(q, 2), db_len(q, 2)),
	    .remote = arena_dup(a, db_text(q, 3), db_len(q, 3)),
	    .error = db_isnull(q, 4) ? "" :
	    arena_dup(a, db_text(q, 4), db_len(q, 4)),
	    .journal = db_int(q, 5), .time = db_int(q, 6), .event = event,
	    .peer = peer, .type = type };
	if (!db_isnull(q, 7)) {
		l->datalen = db_len(q, 7);
		l->data = arena_dup(a, db_text(q, 7), l->datalen);
	}
	db_end(q);
	return true;
}

int64_t
sync_place(struct site *s, int64_t peer, const char *event)
{
	return db_get(s->db, 0, "SELECT min(id) FROM synclog WHERE event = ?"
	    " AND peer = ?", "si", event, peer);
}

int
came_put(struct site *s, int64_t log, const char *line, size_t len)
{
	return db_do(s->db, "INSERT INTO came VALUES(?1, ?2)"
	    " ON CONFLICT DO UPDATE SET line = ?2", "it", log, line, len);
}

/* What is parked of -B is not the producer's to say again.  Names of events
 * sort as they were logged there, but not those of stock. */
struct query *
came_list(struct site *s, const struct sync_filter *f, const char *names,
    bool applied)
{
	return db_query(s->db, "SELECT" COLUMNS ", coalesce(k.line, c.line)"
	    TABLES " LEFT JOIN parked k ON k.synclog = s.id AND k.peer = s.peer"
	    " LEFT JOIN came c ON c.synclog = s.id WHERE" FITS
	    " AND p.name IS NOT NULL AND s.type >= 0 AND s.code IS NOT 'again'"
	    " AND (?9 OR k.line IS NOT NULL OR s.code = 'refused')"
	    " AND (s.status = 1 OR s.type < 2 AND s.doc <> 0)"
	    " AND (?10 IS NULL OR EXISTS (SELECT 1 FROM json_each(?10)"
	    " WHERE value IN (s.docname, s.remote)))"
	    " AND NOT EXISTS (SELECT 1 FROM synclog o WHERE k.id IS NULL"
	    " AND o.event = s.event AND o.peer = s.peer AND o.type = s.type"
	    " AND o.id < s.id) ORDER BY s.peer, CASE WHEN (SELECT name FROM"
	    " peer WHERE id = s.peer) GLOB 'stock:*' THEN '' ELSE s.event END,"
	    " s.id LIMIT ?8", "issssiiiis",
	    (int64_t)f->status, f->producer, f->doctype, f->name, f->event,
	    f->since, f->until, f->limit == 0 ? INT64_C(-1) : f->limit,
	    (int64_t)applied, names);
}

int
came_next(struct query *q, struct sync *l, const char **line, size_t *len)
{
	int r = db_step(q);

	if (r != 1)
		return r;
	read_row(q, l);
	*line = text(q, 18);
	*len = db_len(q, 18);
	return r;
}

static void
put(yyjson_mut_doc *m, yyjson_mut_val *o, const char *key, const char *v)
{
	if (v == NULL)
		yyjson_mut_obj_add_null(m, o, key);
	else
		yyjson_mut_obj_add_str(m, o, key, v);
}

yyjson_mut_val *
sync_doc(struct site *s, struct arena *a, yyjson_mut_doc *m,
    const struct sync *l, bool with_data)
{
	yyjson_mut_val *o = yyjson_mut_obj(m);
	char t[TIME_TEXT_LEN];

	(void)s;
	yyjson_mut_obj_add_int(m, o, "name", l->id);
	yyjson_mut_obj_add_strcpy(m, o, "creation", time_text(l->time, t));
	put(m, o, "update_type", l->type < 0 ? NULL : update_text[l->type]);
	put(m, o, "ref_doctype", l->doctype);
	put(m, o, "docname", l->docname);
	put(m, o, "producer_doc", l->remote);
	put(m, o, "status", l->status == SYNCED ? "Synced" : "Failed");
	put(m, o, "event_producer", l->producer);
	put(m, o, "event", l->event);
	yyjson_mut_obj_add_int(m, o, "use_same_name", l->same_name);
	if (l->mapping != NULL)
		put(m, o, "mapping", l->mapping);
	if (l->code != NULL)
		put(m, o, "code", l->code);
	if (l->error != NULL)
		put(m, o, "error", l->error);
	if (l->lost != NULL)
		yyjson_mut_obj_add_val(m, o, "lost", json_new_raw(m,
		    arena_dup(a, l->lost, strlen(l->lost)), strlen(l->lost)));
	if (with_data && l->type < 0)	/* a line that is not JSON */
		put(m, o, "data", l->data);
	else if (with_data)
		yyjson_mut_obj_add_val(m, o, "data", l->data == NULL ?
		    yyjson_mut_null(m) : json_new_raw(m,
		    arena_dup(a, l->data, l->datalen), l->datalen));
	return o;
}
