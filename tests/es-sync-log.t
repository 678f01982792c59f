#!/bin/sh
# es-sync-log - the sync log by status, DocType, producer and time

. "${0%/*}/lib.sh"

ES_SITE=hq.db
export ES_SITE

ok 'a site' es-init -q hq
cat >producer <<'.'
{"doctype":"Event Producer","producer_url":"http://store1","user":"Administrator","producer_doctypes":[{"ref_doctype":"Note"}]}
.
ok 'a producer' sh -c 'es-put -q <producer'

# What es-apply would have logged: at 10:00, 11:00 and 12:00 of one day, and
# just now.
sqlite3 hq.db <<'.'
INSERT INTO producer(peer, name, cursor) VALUES(7, 'http://store1', 0),
    (8, 'http://store2', 0);
INSERT INTO synclog(id, event, time, peer, type, status, doctype, remote,
    docname, same_name, doc, journal, mapping, code, error, lost, data) VALUES
(1,'ev1',strftime('%s','2026-01-01 10:00:00')*1000000+5,7,0,0,'Item','I-1','I-1',1,0,0,NULL,NULL,NULL,NULL,'{"rate":1.10}'),
(2,'ev2',strftime('%s','2026-01-01 11:00:00')*1000000,8,1,1,'Invoice','S-1',NULL,0,0,0,'Map','link','waits for Item ''I-9''',NULL,'{}'),
(3,'ev3',strftime('%s','2026-01-01 12:00:00')*1000000,7,2,0,'Invoice','S-2','L-2',0,0,0,NULL,NULL,NULL,'[{"field":"rate","kept":2,"lost":1.10,"winner":"here"},{"table":"items","row":"r1","field":"qty","kept":null,"lost":5,"winner":"producer"},{"table":"items","row":"r2","kept":"x","lost":{"qty":1},"winner":"here"}]',NULL),
(4,'ev4',strftime('%s','now')*1000000,7,1,1,'Item','I-1','I-1',1,0,0,NULL,'gap','esc '||char(27)||' a line' || char(10) || 'and one',NULL,'{}');
.

# The names of the lines that come.
n() {
	t "$1" "es-sync-log $2 | jq .name | paste -sd' ' -" <<.
--- out
$3
--- err
.
}

t 'a line, with its data' 'es-sync-log -v -e ev1' <<'.'
--- out
{"name":1,"creation":"TIME","update_type":"Create","ref_doctype":"Item","docname":"I-1","producer_doc":"I-1","status":"Synced","event_producer":"http://store1","event":"ev1","use_same_name":1,"data":{"rate":1.10}}
--- err
.
t 'without -v, without data' 'es-sync-log -e ev2' <<'.'
--- out
{"name":2,"creation":"TIME","update_type":"Update","ref_doctype":"Invoice","docname":null,"producer_doc":"S-1","status":"Failed","event_producer":"http://store2","event":"ev2","use_same_name":0,"mapping":"Map","code":"link","error":"waits for Item 'I-9'"}
--- err
.
t 'what a conflict put aside' 'es-sync-log -e ev3 | grep -o "\"lost.*"' <<'.'
--- out
"lost":[{"field":"rate","kept":2,"lost":1.10,"winner":"here"},{"table":"items","row":"r1","field":"qty","kept":null,"lost":5,"winner":"producer"},{"table":"items","row":"r2","kept":"x","lost":{"qty":1},"winner":"here"}]}
--- err
.
t 'the same for people' 'es-sync-log -H -e ev3 | sed -n "s/.*store1 *//p"' <<'.'
--- out
rate 2 of here, not 1.10; items r1 qty nothing of the producer, not 5; items r2 'x' of here, not {"qty":1}
--- err
.
n 'all, oldest first' '' '1 2 3 4'
n '-E' '-E' '2 4'
n '-p' '-p http://store1' '1 3 4'
n 'a DocType' 'Invoice' '2 3'
n 'a document by its local name' 'Invoice L-2' 3
n 'a document by its name at the producer' 'Invoice S-2' 3
n '-L, the newest, oldest first' '-L 2' '3 4'
n '-S, a local time' '-S "2026-01-01 11:00:00"' '2 3 4'
t '-S, the same elsewhere' 'TZ=UTC-2 es-sync-log -S "2026-01-01 13:00:00" |
    jq .name | paste -sd" " -' <<'.'
--- out
2 3 4
--- err
.
n '-U' '-U "2026-01-01 11:00:00"' 1
n '-S, a day' '-S today' 4
n '-S, days ago' '-S -1d' 4
n 'all together' '-E -p http://store2 -S 2026-01-01 -U 2026-01-02 Invoice S-1' 2
n 'nothing' '-S now' ''

t '-H' 'TZ=UTC-2 es-sync-log -H -U 2026-01-02' <<'.'
--- out
creation             status  update_type  ref_doctype  docname  event_producer  error
2026-01-01 12:00:00  Synced  Create       Item         I-1      http://store1
2026-01-01 13:00:00  Failed  Update       Invoice      S-1      http://store2   waits for Item 'I-9'
2026-01-01 14:00:00  Synced  Delete       Invoice      L-2      http://store1   rate 2 of here, not 1.10; items r1 qty nothing of the producer, not 5; items r2 'x' of here, not {"qty":1}
--- err
.
t '-Hv' 'es-sync-log -Hv -e ev3' <<'.'
--- out
creation             status  update_type  ref_doctype  docname  event_producer  producer_doc  event  error
2026-01-01 12:00:00  Synced  Delete       Invoice      L-2      http://store1   S-2           ev3    rate 2 of here, not 1.10; items r1 qty nothing of the producer, not 5; items r2 'x' of here, not {"qty":1}
--- err
.
sqlite3 hq.db "INSERT INTO synclog(id, event, time, peer, type, status, doctype,
    remote, same_name, doc, journal, code, error, data) VALUES (5,'',
    strftime('%s','2025-01-01')*1000000,7,-1,1,'','',0,0,0,'rejected','why','{\"bro')"
t 'a line that was no event' 'es-sync-log -v -U 2025-12-31' <<'.'
--- out
{"name":5,"creation":"TIME","update_type":null,"ref_doctype":"","docname":null,"producer_doc":"","status":"Failed","event_producer":"http://store1","event":"","use_same_name":0,"code":"rejected","error":"why","data":"{\"bro"}
--- err
.
t 'and in a table' 'es-sync-log -H -U 2025-12-31 | tail -1' <<'.'
--- out
2025-01-01 00:00:00  Failed                                     http://store1   why
--- err
.
t 'foreign text in a table' "es-sync-log -H -e ev4 | sed -n '2s/.*store1 *//p'" <<'.'
--- out
esc \x1b a line\x0aand one
--- err
.

t 'a producer that does not exist' 'es-sync-log -E -p http://stor' 100 <<'.'
--- out
--- err
es-sync-log: no Event Producer 'http://stor' in 'hq.db'
.
t 'one that does, and logged nothing' 'es-sync-log -p http://store1 -S now' <<'.'
--- out
--- err
.
t 'a DocType that does not exist' 'es-sync-log Itm' 100 <<'.'
--- err
es-sync-log: no DocType 'Itm' in 'hq.db'; es-doctype -l lists them
.
t 'a time that is none' 'es-sync-log -S soon' 100 <<'.'
--- err
es-sync-log: -S wants a time such as today, -2d or 2026-08-01, not 'soon'
.
t 'too many operands' 'es-sync-log a b c 2>&1 | head -1' <<'.'
--- out
usage: es-sync-log [-EHv] [-s site] [-e event] [-L limit] [-p producer]
.
t 'no site file' 'es-sync-log -s none.db' 100 <<'.'
--- err
es-sync-log: cannot open 'none.db': No such file or directory
.

done_testing
