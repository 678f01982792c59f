#!/bin/sh
# A producer restored from an older copy: es-init -R, es-producer-log -B,
# es-apply -B, and what its consumers get after that (DESIGN 6).
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/sites.sh
. "$ES_TOP/tests/sites.sh"

for s in shop till desk; do
	site $s
done

# consumer NAME ROW ...: an Event Consumer of shop.
consumer() {
	name=$1
	shift
	IFS=,
	printf '{"doctype":"Event Consumer","callback_url":"%s","user":"Administrator","site":"%s","consumer_doctypes":[%s]}\n' \
	    "$name" "$(sqlite3 "$name.db" "SELECT value FROM site WHERE key = 'id'")" "$*" |
	    es-put -q -s shop.db
	unset IFS
}

row() {
	printf '{"ref_doctype":"%s","status":"Approved"%s}' "$1" "${2:+,$2}"
}

put() {
	printf '%s\n' "$@" | es-put -q -s shop.db
}

# pull NAME [ARGUMENT ...]: what shop has for it, from its cursor on.
pull() {
	to=$1
	shift
	at=$(sqlite3 "$to.db" "SELECT strftime('%Y-%m-%d %H:%M:%S',
	    cursor / 1000000, 'unixepoch') || printf('.%06d,', cursor % 1000000)
	    || cursor_name FROM producer WHERE name = 'shop'")
	es-producer-log -s shop.db -c "$to" ${at:+-S "$at"} "$@" >"$to.es" &&
	    es-apply -s "$to.db" "$to.es" | brief
}

# The file as it was; what it was made of later is gone.
copy() {
	sqlite3 shop.db '.backup copy.db'
}

restore() {
	rm -f shop.db shop.db-wal shop.db-shm
	(umask 077; cp copy.db shop.db)
}

back() {
	status=0
	es-producer-log -s "$1.db" -B shop >back.es &&
	    es-apply -B -s shop.db back.es >log || status=$?
	brief <log
	return $status
}

# What stands in a site, by what it is called at shop.
holds() {
	sqlite3 "$1.db" "SELECT t.name || ' ' || coalesce(d.remote, d.name) || ' ' ||
	    json_remove(d.data, '\$.creation', '\$.modified', '\$.name', '\$.remote_docname',
		'\$.remote_site_name', '\$.owner', '\$.modified_by')
	    FROM document d JOIN doctype t ON t.id = d.doctype
	    WHERE t.name IN ('Thing', 'Person') ORDER BY 1"
}

consumer till "$(row Thing)" "$(row Person)"
consumer desk "$(row Thing)" "$(row Person)"
subscribe till shop Thing Person
subscribe desk shop 'Thing,"use_same_name":0' Person
put '{"doctype":"Thing","name":"a","title":"1"}' '{"doctype":"Thing","name":"b"}' \
    '{"doctype":"Thing","name":"c"}' '{"doctype":"Person","title":"p"}'
pull till >log
pull desk >log
copy

put '{"doctype":"Thing","name":"a","title":"2","note":"n"}' '{"doctype":"Thing","name":"new"}' \
    '{"doctype":"Person","title":"q","thing":"new"}' \
    '{"doctype":"Thing","name":"new","person":"P-02","parts":[{"code":"x","thing":"new"}]}'
es-rm -q -s shop.db Thing b
es-mv -q -s shop.db Thing c d
pull till >log
pull desk >log
is 'before: all have the same' "$(holds till)" "$(holds shop)"
holds shop >was
put '{"doctype":"Thing","name":"a","title":"3"}'
pull desk >log
put '{"doctype":"Thing","name":"a","title":"nobody had this"}'
holds desk >desk.was
restore

# ---- before it is known

t 'a point of the time that is lost: refused' 'pull till' 100 <<'.'
--- out
--- err
es-producer-log: 'shop' does not know event 'ID' of TIME: it was restored from an older copy, and its administrator is to run es-init -R; or the point is another site's
.
t 'what is given back is not taken' 'back till' 100 <<'.'
--- out
--- err
es-apply: 'shop.db' was not said to be restored; run: es-init -R -s shop.db
es-apply: 6 events: 0 applied, 0 parked, 0 refused, 6 rejected, 0 known or not subscribed
.
printf '%s\n' '{"doctype":"User","name":"old@x.y","email":"old@x.y","first_name":"O","api_key":"k1"}' |
    es-put -q -s shop.db
t '-R: says what the copy may have revived, and what to do' 'es-init -R -s shop.db' <<'.'
--- out
shop.db: noted that it was restored from an older copy; what was taken back since is there again:
Event Consumer 'desk', user 'Administrator', may have: Person, Thing
Event Consumer 'till', user 'Administrator', may have: Person, Thing
User 'old@x.y' has the key k1
next, at each site that has documents of it: es-producer-log -B shop -s file
and what that prints here into: es-apply -B -s shop.db
--- err
.

# ---- given back

t 'given back: what changed, by its names there, together' 'back till' <<'.'
--- out
Synced Create Thing a
Synced Create Thing d
Synced Delete Thing b
Synced Create Thing new
Synced Create Person P-02
--- err
.
is 'it is as it was' "$(holds shop)" "$(cat was)"
is 'its own: no other site brings it' \
    "$(sqlite3 shop.db "SELECT DISTINCT home FROM document")" 0
is 'born where and when it was' \
    "$(sqlite3 shop.db 'SELECT birth FROM document JOIN origin USING(id) WHERE doctype = (SELECT id FROM doctype WHERE name = '"'Thing')" | sort)" \
    "$(sqlite3 till.db 'SELECT birth FROM document JOIN origin USING(id) WHERE doctype = (SELECT id FROM doctype WHERE name = '"'Thing')" | sort)"
entries=$(sqlite3 shop.db 'SELECT count(*) FROM journal')
t 'twice is once' 'back till' <<'.'
--- out
--- err
.
t 'from another site what that had besides' 'back desk' <<'.'
--- out
Synced Create Thing a
--- err
.
is 'names of the other site stay there' "$(es-get -s shop.db -C name,title Thing | paste -sd' ' -)" \
    '{"name":"a","title":"3"} {"name":"d","title":null} {"name":"new","title":null}'
t 'and the first again' 'back till; back desk' <<'.'
--- out
--- err
.
is 'older does not undo newer' "$(es-get -s shop.db -C title Thing a)" '{"title":"3"}'
put '{"doctype":"Person","title":"r"}'
is 'numbers go on after those that were given out' \
    "$(es-get -s shop.db -C name Person title=r)" '{"name":"P-03"}'

# ---- consumers go on

t 'each document, whole, once' 'pull till' <<'.'
--- out
Synced Create Person P-01
Synced Create Person P-02
Synced Create Thing a
Synced Create Thing d
Synced Create Thing new
Synced Create Person P-03
--- err
.
put '{"doctype":"Thing","name":"new","title":"t"}' '{"doctype":"Thing","name":"a","note":"m"}'
t 'then the log' 'pull till; pull till' <<'.'
--- out
Synced Update Thing new
Synced Update Thing a
--- err
.
is 'they have the same' "$(holds till)" "$(holds shop)"
ok 'one with names of its own too' pull desk
is 'and has the same' "$(holds desk | sed -n 's/"person":null,*//; /^Thing a/p')" \
    "$(holds shop | sed -n '/^Thing a/p')"
is 'nothing waits' "$(sqlite3 till.db 'SELECT * FROM parked'; sqlite3 desk.db 'SELECT * FROM parked')" ''

# ---- without a consumer; clocks; what cannot be taken yet

lost=$(sqlite3 copy.db "SELECT max(creation) + 1 FROM journal")
lost=$(sqlite3 :memory: "SELECT strftime('%Y-%m-%d %H:%M:%S', $lost / 1000000,
    'unixepoch') || printf('.%06d', $lost % 1000000)"),nobodyknowsit
is 'a point of the time that is lost, without a consumer' \
    "$(es-producer-log -s shop.db -S "$lost" | jq -r 'select(.snapshot) | .docname' | paste -sd' ' -)" \
    'a d P-01 new P-02 P-03'
is 'its page begins there' \
    "$(es-producer-log -s shop.db -S "$lost" | jq -r '.checkpoint | values | .from')" \
    "${lost%,*}"

restore
es-init -q -R -s shop.db
sqlite3 till.db "UPDATE producer SET cursor = cursor + 3600000000"
back till >log
put '{"doctype":"Thing","name":"late"}'
is 'what is written now is after all that anybody knows' \
    "$(es-producer-log -s shop.db Thing late | jq -r 'select(.docname) | .creation')" \
    "$(sqlite3 till.db "SELECT strftime('%Y-%m-%d %H:%M:%S', cursor / 1000000, 'unixepoch') || printf('.%06d', cursor % 1000000 + $(
	sqlite3 shop.db "SELECT (SELECT max(creation) FROM journal) - value FROM site WHERE key = 'floor'")) FROM producer")"
sqlite3 till.db "UPDATE producer SET cursor = cursor + 90000000000"
t 'a time more than a day ahead is no time' 'back till' 100 <<'.'
--- out
--- err
es-apply: 'till' knows an event of TIME, more than a day ahead: whose clock is wrong?  Nothing is taken
es-apply: 7 events: 0 applied, 0 parked, 0 refused, 7 rejected, 0 known or not subscribed
.
sqlite3 till.db "UPDATE producer SET cursor = cursor - 93600000000"

restore
es-init -q -R -s shop.db
put '{"doctype":"Thing","name":"new","title":"another"}' \
    '{"doctype":"Person","title":"links","thing":"b"}'
t 'a name that was given anew, and a link to what is gone: they wait' 'back till' 1 <<'.'
--- out
Synced Create Thing a
Synced Create Thing d
Synced Create Person P-03
Failed Create Thing new: the name 'new' is taken by another document of that site
Failed Create Person P-02: the name 'P-02' is taken by another document of that site
Failed Delete Thing b: Person 'P-02' links to it
--- err
es-apply: 7 events: 3 applied, 3 parked, 0 refused, 0 rejected, 1 known or not subscribed
.
es-mv -q -s shop.db Thing new other
echo '{"doctype":"Person","name":"P-02","thing":null}' | es-put -q -s shop.db
es-mv -q -s shop.db Person P-02 P-09
t 'until that is mended' 'back till' <<'.'
--- out
Synced Delete Thing b
Synced Create Thing new
Synced Create Person P-02
--- err
.
is 'and nothing is lost' "$(es-get -s shop.db -C name Thing | jq -r .name | sort | paste -sd' ' -)" \
    'a d new other'

# ---- only what is meant

es-rm -q -s desk.db Thing "$(es-get -s desk.db -C name Thing remote_docname=d | jq -r .name)"
t 'a copy that was deleted where it is does not go' 'back desk' <<'.'
--- out
--- err
.
put '{"doctype":"Person","name":"s"}'
copy
put '{"doctype":"Thing","name":"w","person":"s"}' '{"doctype":"Thing","name":"w","title":"2"}'
es-producer-log -s shop.db Thing w | es-apply -q -s till.db 2>log
restore
es-init -q -R -s shop.db
is 'what waits at the other site comes too' \
    "$(back till; es-get -s shop.db -C title,person Thing w)" 'Synced Create Thing w
{"title":"2","person":"s"}'
es-producer-log -s desk.db -B shop >back.es
t 'es-apply without -B' 'es-apply -s till.db back.es' 100 <<'.'
--- out
--- err
es-apply: what 'desk' gives back is for es-apply -B: nothing is taken
es-apply: 6 events: 0 applied, 0 parked, 0 refused, 6 rejected, 0 known or not subscribed
.
t 'es-apply -B with something else' 'es-producer-log -s till.db Thing a | es-apply -B -s shop.db' 100 <<'.'
--- out
--- err
es-apply: this is not of es-producer-log -B: nothing is taken
es-apply: 4 events: 0 applied, 0 parked, 0 refused, 4 rejected, 0 known or not subscribed
.
t 'es-apply -B with what is another site'"'"'s' 'es-init -q -R -s till.db; es-apply -B -s till.db back.es 2>&1 | sed "s/site [0-9a-z]*:/site ID:/"' <<'.'
--- out
es-apply: what 'desk' gives back is not of 'till.db', but of site ID: nothing is taken
es-apply: 6 events: 0 applied, 0 parked, 0 refused, 6 rejected, 0 known or not subscribed
.
t 'a site that is not known' 'es-producer-log -s till.db -B nobody' 100 <<'.'
--- out
--- err
es-producer-log: 'till.db' knows no other site 'nobody'
.
t 'one that was never heard of has nothing to come back' 'subscribe till far Thing; es-producer-log -s till.db -B far' <<'.'
--- out
{"end":{"program":"es-producer-log","status":0}}
--- err
.

# ---- what was withheld in the time that is lost

fresh shop till
consumer till "$(row Thing)"
subscribe till shop Thing
put '{"doctype":"Thing","name":"x"}'
pull till >log
es-rm -q -s shop.db Thing x
copy
consumer till "$(row Thing '"unsubscribed":1')"
pull till >log
consumer till "$(row Thing)"
restore
es-init -q -R -s shop.db
is 'a Delete that was passed over while the row was not granted comes after the restore' \
    "$(pull till)" 'Synced Delete Thing x'

# ---- what was changed in the time that is lost, and changed back

again() {
	put "{\"doctype\":\"Thing\",\"name\":\"x\",\"title\":\"$1\"}"
}
snapshot() {
	es-producer-log -i -s shop.db Thing | es-apply -q -s till.db
}
reverted() {
	restore
	es-init -q -R -s shop.db
	back till >given && pull till && again 4 && pull till && pull till
}
begin() {
	fresh shop till
	consumer till "$(row Thing)"
	subscribe till shop Thing
	again 1 && again 2
}
t 'changed and changed back: the chain begins anew, and goes on' 'begin; copy
    again 3; again 2; pull till >log; reverted' <<'.'
--- out
Synced Create Thing x
Synced Update Thing x
--- err
.
t 'with a snapshot from the time that is lost' 'begin; copy
    again 3; again 2; pull till >log; snapshot; reverted' <<'.'
--- out
Synced Create Thing x
Synced Update Thing x
--- err
.
t 'with one from before' 'begin; snapshot; copy
    again 3; again 2; pull till >log; reverted' <<'.'
--- out
Synced Create Thing x
Synced Update Thing x
--- err
.

# ---- a checkpoint that leads back

fresh till
subscribe till north Thing
t 'the cursor goes back where the producer goes on from there' '
    send till <<-.
	e05 Create Thing x {"title":"1"}
	{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:05.000000","name":"e05","events":1}}
	e03 Create Thing y {"title":"1"}
	{"checkpoint":{"event_producer":"north","from":"2026-01-01 00:00:05.000000","last_update":"2026-01-01 00:00:03.000000","name":"e03","events":1}}
	.
    sqlite3 till.db "SELECT cursor_name FROM producer"' <<'.'
--- out
Synced Create Thing x
Synced Create Thing y
e03
--- err
.
done_testing
