/* schema.h - the tables of a site file, format 3; see es-site(5) */

#ifndef ES_SCHEMA_H
#define ES_SCHEMA_H

enum { SITE_MAGIC = 0x45537366 };	/* application_id: ESsf */

/* Frappe's text of a time in microseconds. */
#define TIME_SQL(t) "strftime('%Y-%m-%d %H:%M:%S'," t "/1000000,'unixepoch')" \
	"||printf('.%06d'," t "%1000000)"

/* The logs and cursors as documents: id, name, data. */
#define LOG_UPDATE_SQL "SELECT j.creation AS id, j.name AS name," \
	" json_object('doctype','Event Update Log','name',j.name," \
	"'creation'," TIME_SQL("j.creation") ",'modified'," \
	TIME_SQL("j.creation") ",'update_type',CASE j.type WHEN 0 THEN" \
	" 'Create' WHEN 1 THEN 'Update' WHEN 2 THEN 'Delete' ELSE 'Rename'" \
	" END,'ref_doctype',t.name,'docname',j.docname,'data',j.data) AS data" \
	" FROM journal j JOIN doctype t ON t.id = j.doctype"
#define LOG_SYNC_SQL "SELECT s.id AS id, CAST(s.id AS TEXT) AS name," \
	" json_object('doctype','Event Sync Log','name',s.id," \
	"'creation'," TIME_SQL("s.time") ",'modified'," TIME_SQL("s.time") \
	",'update_type',CASE s.type WHEN 0 THEN 'Create' WHEN 1 THEN" \
	" 'Update' WHEN 2 THEN 'Delete' WHEN 3 THEN 'Rename' END," \
	"'ref_doctype',s.doctype,'docname',s.docname,'producer_doc',s.remote," \
	"'status',CASE s.status WHEN 0 THEN 'Synced' ELSE 'Failed' END," \
	"'event_producer',p.name,'data',coalesce(s.data,j.data)," \
	"'error',s.error,'use_same_name',s.same_name,'mapping',s.mapping)" \
	" AS data FROM synclog s LEFT JOIN producer p ON p.peer = s.peer" \
	" LEFT JOIN journal j ON j.creation = s.journal"
#define LOG_CURSOR_SQL "SELECT p.peer AS id, p.name AS name," \
	" json_object('doctype','Event Producer Last Update','name',p.name," \
	"'event_producer',p.name,'last_update'," TIME_SQL("p.cursor") ")" \
	" AS data FROM producer p"

static const char schema[] =
"CREATE TABLE site(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
"CREATE TABLE doctype(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
"CREATE TABLE peer(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
/* Documents.  id is never used again; it is that of origin. */
"CREATE TABLE document("
" id INTEGER PRIMARY KEY,"
" doctype INTEGER NOT NULL,"
" name TEXT NOT NULL,"
" modified INTEGER NOT NULL,"	/* its newest Create or Update in the journal */
" last INTEGER NOT NULL,"	/* its newest entry of any kind */
" docstatus INTEGER NOT NULL,"
" author INTEGER NOT NULL,"	/* the one peer that wrote it, or -1 */
" home INTEGER NOT NULL,"	/* the peer that brings it, or 0 */
" dependency INTEGER NOT NULL,"
" renamed INTEGER NOT NULL,"
" remote TEXT,"			/* its name there, if another */
" data TEXT NOT NULL);"
"CREATE UNIQUE INDEX document_name ON document(doctype, name);"
"CREATE INDEX document_remote ON document(doctype, remote)"
" WHERE remote IS NOT NULL;"
/* Every document there ever was; gone: the entry of its Delete, or 1. */
"CREATE TABLE origin("
" id INTEGER PRIMARY KEY,"
" peer INTEGER NOT NULL,"
" birth TEXT NOT NULL UNIQUE,"
" gone INTEGER);"
"CREATE TABLE also("		/* further births after an adoption */
" birth TEXT PRIMARY KEY, peer INTEGER NOT NULL, id INTEGER NOT NULL)"
" WITHOUT ROWID;"
"CREATE INDEX also_id ON also(id);"
"CREATE TABLE seen("		/* what a document has seen of another site */
" doc INTEGER NOT NULL, peer INTEGER NOT NULL,"
" event TEXT NOT NULL,"		/* the newest event of that site in it */
" last TEXT, sent TEXT,"	/* the chain from there, where not event */
" upto INTEGER NOT NULL, sync INTEGER NOT NULL,"
" PRIMARY KEY(doc, peer)) WITHOUT ROWID;"
"CREATE TABLE link("
" source INTEGER NOT NULL, target INTEGER NOT NULL,"
" old INTEGER NOT NULL,"	/* it did once, and does no more */
" PRIMARY KEY(source, target)) WITHOUT ROWID;"
"CREATE INDEX link_target ON link(target);"
"CREATE TABLE journal("
" creation INTEGER PRIMARY KEY,"
" name TEXT NOT NULL,"
" type INTEGER NOT NULL,"	/* 0 Create 1 Update 2 Delete 3 Rename */
" doc INTEGER NOT NULL,"
" doctype INTEGER NOT NULL,"
" docname TEXT NOT NULL,"
" before INTEGER NOT NULL,"	/* the document's entry before this, or 0 */
" links TEXT,"			/* {doctype:{name:id}} */
" marks TEXT,"			/* author, via, knew, … where not plain */
" data TEXT);"
"CREATE INDEX journal_delete ON journal(doctype) WHERE type = 2;"
"CREATE TABLE synclog("
" id INTEGER PRIMARY KEY,"
" event TEXT NOT NULL,"
" time INTEGER NOT NULL,"
" peer INTEGER NOT NULL,"
" type INTEGER NOT NULL,"
" status INTEGER NOT NULL,"	/* 0 Synced 1 Failed */
" doctype TEXT NOT NULL,"
" remote TEXT NOT NULL,"
" docname TEXT,"
" same_name INTEGER NOT NULL,"
" doc INTEGER NOT NULL,"
" journal INTEGER NOT NULL,"	/* the entry with its data, or 0 */
" mapping TEXT, code TEXT, error TEXT, lost TEXT, data TEXT);"
"CREATE INDEX synclog_event ON synclog(event);"
"CREATE INDEX synclog_failed ON synclog(time) WHERE status = 1;"
/* Events as they came, where the site could not make them again: refused and
 * withdrawn ones, and before they were mapped. */
"CREATE TABLE came(synclog INTEGER PRIMARY KEY, line TEXT NOT NULL);"
"CREATE TABLE producer("
" peer INTEGER PRIMARY KEY,"
" name TEXT NOT NULL UNIQUE,"	/* of the Event Producer */
" cursor INTEGER NOT NULL, cursor_name TEXT,"
" contact INTEGER, error TEXT);"
"CREATE TABLE consumer("
" id INTEGER PRIMARY KEY,"
" name TEXT NOT NULL UNIQUE,"	/* of the Event Consumer */
" site TEXT,"
" contact INTEGER, error TEXT,"
" cursor INTEGER NOT NULL DEFAULT 0, cursor_name TEXT);"	/* it has all before */
/* What a row of an Event Consumer was, from the journal entry pos on. */
"CREATE TABLE granted("
" consumer INTEGER NOT NULL, doctype INTEGER NOT NULL, pos INTEGER NOT NULL,"
" active INTEGER NOT NULL, condition TEXT, own TEXT,"
" PRIMARY KEY(consumer, doctype, pos)) WITHOUT ROWID;"
/* What is not to be seen in the journal any more, once data was dropped from
 * it: how a document was at the newest entry without, if it has others since;
 * where it had last come into a consumer's view then. */
"CREATE TABLE state("
" entry INTEGER PRIMARY KEY, doc INTEGER NOT NULL, data TEXT NOT NULL);"
"CREATE INDEX state_doc ON state(doc);"
"CREATE TABLE since("
" consumer INTEGER NOT NULL, doc INTEGER NOT NULL, pos INTEGER NOT NULL,"
" PRIMARY KEY(consumer, doc)) WITHOUT ROWID;"
/* Older copies that were put in place of the site: the entry by which that was
 * said, and the one up to which documents were given back. */
"CREATE TABLE restored("
" opened INTEGER PRIMARY KEY, pos INTEGER NOT NULL);"
/* What a producer was last told of our subscription. */
"CREATE TABLE told(producer TEXT PRIMARY KEY, request TEXT NOT NULL)"
" WITHOUT ROWID;"
"CREATE TABLE parked("
" id INTEGER PRIMARY KEY,"
" peer INTEGER NOT NULL,"
" document TEXT NOT NULL,"	/* its birth */
" event TEXT NOT NULL,"
" synclog INTEGER NOT NULL,"
" code TEXT NOT NULL, why TEXT NOT NULL, want TEXT,"
" line TEXT NOT NULL);"
"CREATE INDEX parked_document ON parked(peer, document);"
"CREATE TABLE series(name TEXT PRIMARY KEY, current INTEGER NOT NULL)"
" WITHOUT ROWID;"
"CREATE TABLE secret("
" doc INTEGER NOT NULL, row TEXT NOT NULL, field TEXT NOT NULL,"
" value TEXT NOT NULL, PRIMARY KEY(doc, row, field)) WITHOUT ROWID;"
/* The values of unique fields, but those that are names. */
"CREATE TABLE value("
" doctype INTEGER NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,"
" doc INTEGER NOT NULL, PRIMARY KEY(doctype, field, value, doc))"
" WITHOUT ROWID;"
"CREATE INDEX value_doc ON value(doc);"
/* For people: our own programs use the text itself, as JSON in a view is not
 * run with an untrusted schema. */
"CREATE VIEW log_update AS " LOG_UPDATE_SQL ";"
"CREATE VIEW log_sync AS " LOG_SYNC_SQL ";"
"CREATE VIEW log_cursor AS " LOG_CURSOR_SQL ";"
;

#endif
