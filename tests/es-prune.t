#!/bin/sh
# es-prune - drop data of the update log that all consumers have
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/sites.sh
. "$ES_TOP/tests/sites.sh"

site shop
site till
till=$(sqlite3 till.db "SELECT value FROM site WHERE key = 'id'")

# consumer NAME ROW ...: an Event Consumer, its rows as jq takes them.
consumer() {
	name=$1
	shift
	IFS=,
	printf '{"doctype":"Event Consumer","callback_url":"%s","user":"Administrator","site":"%s","consumer_doctypes":[%s]}\n' \
	    "$name" "$till" "$*" | es-put -q -s shop.db
	unset IFS
}

row() {
	printf '{"ref_doctype":"%s","status":"Approved"%s}' "$1" "${2:+,$2}"
}

put() {
	printf '%s\n' "$@" | es-put -q -s shop.db
}

# has NAME POINT: that consumer asked from there last.
has() {
	sqlite3 shop.db "UPDATE consumer SET cursor = $2 WHERE name = '$1'"
}

newest() {
	sqlite3 shop.db 'SELECT max(creation) FROM journal'
}

# What a consumer gets after a point, in short.
get() {
	name=$1
	shift
	es-producer-log -s shop.db -c "$name" "$@" |
	    jq -r 'select(.update_type) | (if .snapshot then "Snapshot" else
		.update_type end) + " \(.ref_doctype) \(.docname)"'
}

# Data that is left, by document.
left() {
	sqlite3 shop.db "SELECT docname, count(data), count(*) FROM journal
	    WHERE doctype = (SELECT id FROM doctype WHERE name = 'Thing')
	    GROUP BY doc ORDER BY doc" | paste -sd' ' -
}

t 'no consumer: nothing goes, and that is said' 'es-prune -s shop.db' <<'.'
--- out
--- err
es-prune: no Event Consumer of 'shop.db' has an approved row: nothing is dropped; -U drops what is older than a time
.
consumer till "$(row Thing)"
put '{"doctype":"Thing","name":"a","title":"1","parts":[{"code":"x","qty":1}]}' \
    '{"doctype":"Thing","name":"b"}' '{"doctype":"Thing","name":"a","title":"2"}'
t 'one that never asked holds all' 'es-prune -s shop.db; es-prune -q -s shop.db' <<'.'
--- out
--- err
es-prune: 'till' has not asked for anything yet: nothing is dropped; -U drops despite it
.
has till "$(sqlite3 shop.db "SELECT max(creation) FROM journal WHERE docname = 'b'")"
put '{"doctype":"Thing","name":"a","title":"3"}'
lines=$(es-producer-log -s shop.db -c till)
t '-n: says what would go' 'es-prune -n -s shop.db 2>&1 | sed "s/[0-9]* bytes/N bytes/"' <<'.'
--- out
es-prune: 2 entries up to TIME would lose their data, N bytes; 0 of documents that several sites wrote keep it
.
is '-n: and nothing goes' "$(left)" 'a|3|3 b|1|1'
ok 'what all have goes' es-prune -s shop.db
is 'and nothing else' "$(left)" 'a|2|3 b|0|1'
is 'from before, each document is whole, once' "$(get till)" 'Snapshot Thing a
Snapshot Thing b
Update Thing a
Update Thing a'
is 'the lines that stay are as they were' \
    "$(es-producer-log -s shop.db -c till | grep Update)" \
    "$(echo "$lines" | grep Update)"
subscribe till shop Thing
t 'a consumer that comes late has all' '
    es-producer-log -s shop.db -c till | es-apply -s till.db | brief
    es-get -s till.db -C name,title Thing; sqlite3 till.db "SELECT count(*) FROM parked"' <<'.'
--- out
Synced Create Thing a
Synced Create Thing b
{"name":"a","title":"3"}
{"name":"b","title":null}
0
--- err
.
t 'without a consumer too' 'es-producer-log -s shop.db | jq -r "select(.docname) | .update_type, .snapshot, .docname" | paste -sd" " -' <<'.'
--- out
Create 1 a Create 1 b Update null a Update null a
.
t 'one event that is gone: why' 'e=$(sqlite3 shop.db "SELECT name FROM journal WHERE docname = '"'b'"'")
    es-producer-log -s shop.db -e $e' 1 <<'.'
--- out
{"end":{"program":"es-producer-log","status":1}}
--- err
es-producer-log: es-prune dropped the data of event 'ID'; -i prints the document as it is
.
t 'as a document of the log it has null' 'es-get -s shop.db "Event Update Log" docname=b | jq -c .data' <<'.'
--- out
null
.

# ---- Deletes and Renames

es-mv -q -s shop.db Thing b c
es-rm -q -s shop.db Thing a
has till "$(newest)"
ok 'all goes, as all was asked for' es-prune -s shop.db
is 'but Delete and Rename' "$(left)" 'a|0|4 b|1|2'
is 'they are told' "$(get till)" 'Snapshot Thing c
Rename Thing b
Delete Thing a'

# ---- conditions

consumer some "$(row Thing '"condition":"doc.count > 1"')"
put '{"doctype":"Thing","name":"d","count":1}' '{"doctype":"Thing","name":"e","count":2}' \
    '{"doctype":"Thing","name":"d","count":2}' '{"doctype":"Thing","name":"f","count":2}'
at=$(newest)
put '{"doctype":"Thing","name":"f","count":0}'
before=$(get some)
has till "$(newest)"
has some "$(newest)"
es-prune -s shop.db
is 'a condition that was met when data went is known to have been' \
    "$(get some | sort -u)" 'Snapshot Thing d
Snapshot Thing e'
is 'as before' "$before" 'Create Thing e
Create Thing d
Update Thing d'
put '{"doctype":"Thing","name":"d","count":0}' '{"doctype":"Thing","name":"f","title":"t"}'
is 'out of view' "$(get some)" 'Snapshot Thing e'
put '{"doctype":"Thing","name":"f","count":5}'
is 'into view again' "$(get some)" 'Snapshot Thing e
Snapshot Thing f'
es-rm -q -s shop.db Thing d
es-rm -q -s shop.db Thing f
is 'the Delete of what was in view then' "$(get some)" 'Snapshot Thing e
Delete Thing d
Delete Thing f'
has till "$(newest)"
has some "$(newest)"
es-prune -s shop.db
is 'also when nothing else of it is left' "$(get some)" 'Snapshot Thing e
Delete Thing d
Delete Thing f'
is 'bodies of what is gone are not kept' \
    "$(sqlite3 shop.db 'SELECT count(*) FROM state')" 0

# ---- -U

put '{"doctype":"Thing","name":"g"}'
has till 0
ok '-U: whoever has it' es-prune -s shop.db -U now
is '-U: all of it' "$(sqlite3 shop.db "SELECT count(data) FROM journal WHERE
    doctype = (SELECT id FROM doctype WHERE name = 'Thing') AND type < 2")" 0
t '-U: nothing is so old' 'es-prune -v -s shop.db -U 2020-01-01' <<'.'
--- out
--- err
es-prune: nothing was logged before then
.
t '-U: no time' 'es-prune -s shop.db -U whenever' 100 <<'.'
--- out
--- err
es-prune: -U wants a time, as -30d or 2026-08-01, not 'whenever'
.
is 'users and DocTypes keep theirs' "$(sqlite3 shop.db "SELECT count(*) FROM journal
    WHERE data IS NULL AND type < 2 AND doctype IN (SELECT id FROM doctype WHERE
    name IN ('DocType', 'User', 'Event Consumer'))")" 0
t 'called wrongly' 'es-prune x' 100 <<'.'
--- out
--- err
usage: es-prune [-nqv] [-s site] [-U until]
.

# ---- conflicts

fresh till
subscribe till shop Thing
put '{"doctype":"Thing","name":"h","title":"0","note":"0"}'
ok 'a document goes down' sh -c 'es-producer-log -s shop.db Thing h | es-apply -q -s till.db'
echo '{"doctype":"Thing","name":"h","note":"till"}' | es-put -q -s till.db
echo '{"doctype":"Thing","name":"h","title":"till"}' | es-put -s till.db >late
subscribe shop till Thing
put '{"doctype":"Thing","name":"h","title":"shop"}'
es-prune -s shop.db -U now
es-producer-log -s till.db Thing h | grep note >first
t 'a change whose data went is in conflict as before, and only where it was' '
    cat first late | es-apply -s shop.db | brief; es-get -s shop.db -C title,note Thing h' <<'.'
--- out
Synced Update Thing h
Synced Update Thing h lost [{"field":"title","kept":"shop","lost":"till","winner":"here"}]
{"title":"shop","note":"till"}
--- err
.
es-prune -s shop.db -U now
is 'documents that two sites wrote keep their data' \
    "$(sqlite3 shop.db "SELECT count(data) FROM journal WHERE docname = 'h'")" 2
done_testing
