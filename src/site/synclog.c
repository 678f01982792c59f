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
	return db_do(s->db, "UPDATE synclog SET time=?, status=?, docname=?,"
	    " doc=?, journal=?, code=?, error=?, lost=?, data=? WHERE id=?",
	    "iisiissst" "i", l->time, (int64_t)l->status, l->docname, l->doc,
	    l->journal, l->code, l->error, l->lost, l->data, l->datalen, l->id);
}

bool
sync_done(struct site *s, int64_t peer, const char *event)
{
	return db_get(s->db, 0, "SELECT 1 FROM synclog WHERE event = ? AND"
	    " peer = ? AND (status = 0 OR code = 'refused')", "si", event, peer);
}

bool
sync_rejected_before(struct site *s, const struct sync *l)
{
	return db_get(s->db, 0, "SELECT 1 FROM synclog WHERE event = '' AND"
	    " peer = ? AND error = ? AND data = ?", "iss", l->peer, l->error,
	    l->data) == 1;
}

#define COLUMNS "SELECT s.id, s.event, s.time, s.peer, p.name, s.type, s.status," \
	" s.doctype, s.remote, s.docname, s.same_name, s.mapping, s.code," \
	" s.error, s.lost, s.journal, coalesce(s.data, j.data), s.doc" \
	" FROM synclog s LEFT JOIN producer p ON p.peer = s.peer" \
	" LEFT JOIN journal j ON j.creation = s.journal"

struct query *
sync_list(struct site *s, const struct sync_filter *f)
{
	/* The newest so many, told oldest first. */
	return db_query(s->db, COLUMNS " WHERE s.id IN (SELECT s.id FROM"
	    " synclog s LEFT JOIN producer p ON p.peer = s.peer"
	    " WHERE (?1 < 0 OR s.status = ?1)"
	    " AND (?2 IS NULL OR p.name = ?2) AND (?3 IS NULL OR s.doctype = ?3)"
	    " AND (?4 IS NULL OR s.docname = ?4 OR s.remote = ?4)"
	    " AND (?5 IS NULL OR s.event = ?5) AND (?6 = 0 OR s.time >= ?6)"
	    " AND (?7 = 0 OR s.time < ?7)"
	    " ORDER BY s.id DESC LIMIT ?8) ORDER BY s.id", "issssiii",
	    (int64_t)f->status, f->producer, f->doctype, f->name, f->event,
	    f->since, f->until, f->limit == 0 ? INT64_C(-1) : f->limit);
}

static const char *
text(struct query *q, int col)
{
	return db_isnull(q, col) ? NULL : db_text(q, col);
}

int
sync_next(struct site *s, struct query *q, struct sync *l)
{
	int r = db_step(q);

	(void)s;
	if (r != 1)
		return r;
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
