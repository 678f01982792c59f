#!/bin/sh
# es-apply - pages, the cursor, what the lines say, options

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

ok 'a site' site hq
ok 'two producers' eval 'subscribe hq north Thing && subscribe hq south Thing'
cp hq.db hq.new

cursor() {
	sqlite3 hq.db "SELECT name, strftime('%M:%S', cursor/1000000, 'unixepoch'),
	    cursor_name FROM producer"
}
# checkpoint FROM TO NAME EVENTS: seconds, as in the events.
checkpoint() {
	[ "$1" = null ] && from=null || from="\"2026-01-01 00:00:$1.000000\""
	echo "{\"checkpoint\":{\"event_producer\":\"$P\",\"from\":$from," \
	    "\"last_update\":\"2026-01-01 00:00:$2.000000\",\"name\":\"$3\"," \
	    "\"events\":$4}}"
}
first() {
	cat <<-'.'
	e01 Create Thing a {"title":"1"}
	e02 Update Thing a {"changed":{"title":"2"}} <e01
	.
	checkpoint null 02 e02 2
}
second() {
	echo 'e03 Update Thing a {"changed":{"title":"3"}} <e02'
	checkpoint 02 03 e03 1
}

# ---- the cursor

t 'moves over a page that begins at it and whose count is right' \
    'first | send hq; cursor; second | send hq; cursor' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
north|00:02|e02
Synced Update Thing a
north|00:03|e03
--- err
.
t 'the same pages again leave it' '{ first; second; } | send hq; first | send hq; cursor' <<'.'
--- out
north|00:03|e03
--- err
.
t 'a page that begins before it moves it on' 'send hq; cursor' <<'.'
--- in
e03 Update Thing a {"changed":{"title":"3"}} <e02
e04 Update Thing a {"changed":{"title":"4"}} <e03
{"checkpoint":{"event_producer":"north","from":"2026-01-01 00:00:02.000000","last_update":"2026-01-01 00:00:04.000000","name":"e04","events":2}}
--- out
Synced Update Thing a
north|00:04|e04
--- err
.
t 'an empty page moves it too' '{ checkpoint 04 05 e05 0; } | send hq; cursor' <<'.'
--- out
north|00:05|e05
--- err
.
fresh hq
t 'a line is missing: what came is applied, the cursor stays' \
    'first | sed 2d | send hq' 111 <<'.'
--- out
Synced Create Thing a
--- err
es-apply: saw 1 of 2 events of 'north', the cursor stays: send them again
es-apply: 1 events: 1 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'so it does over what follows' '{ first | sed 2d; second; } | send hq -q 2>&1; cursor' <<'.'
--- out
es-apply: saw 1 of 2 events of 'north', the cursor stays: send them again
es-apply: this page of 'north' begins at TIME, the cursor stands at the beginning and stays: what lies between is missing
es-apply: 2 events: 0 applied, 1 parked, 0 refused, 0 rejected, 1 known or not subscribed
north|00:00|
--- err
.
t 'until all has come' '{ first; second; } | send hq; cursor' <<'.'
--- out
Synced Update Thing a
Synced Update Thing a
north|00:03|e03
--- err
.
t 'a line too many' 'fresh hq; { first | sed 1p; } | send hq -q; cursor' <<'.'
--- out
north|00:00|
--- err
es-apply: saw 3 of 2 events of 'north', the cursor stays: send them again
es-apply: 3 events: 2 applied, 0 parked, 0 refused, 0 rejected, 1 known or not subscribed
.
t 'a page from the middle is applied, the cursor stays' \
    'fresh hq; second | send hq; es-sync-log -s hq.db | brief; cursor' <<'.'
--- out
Failed Update Thing a: an event before e03 is missing
Failed Update Thing a: an event before e03 is missing
north|00:00|
--- err
es-apply: this page of 'north' begins at TIME, the cursor stands at the beginning and stays: what lies between is missing
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'and the status says so' 'fresh hq; { checkpoint 02 03 e03 0; } | send hq -q' 1 <<'.'
--- err
es-apply: this page of 'north' begins at TIME, the cursor stands at the beginning and stays: what lies between is missing
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'dependencies are not counted' 'fresh hq; send hq; cursor' <<'.'
--- in
e09 Create Person p {} "dependency_of":"e01"
e01 Create Thing a {"person":"p"} Person:p
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:01.000000","name":"e01","events":1}}
--- out
Synced Create Person p
Synced Create Thing a
north|00:01|e01
--- err
.
t 'what is parked, refused or not subscribed is counted' 'fresh hq; send hq -q; cursor' <<'.'
--- in
e01 Create Role r {}
e02 Create Person p {}
e03 Create Thing a {"count":"x"}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:03.000000","name":"e03","events":3}}
--- out
north|00:03|e03
.
t 'each producer has its own' 'fresh hq; first | send hq -q; P=south S=s2
    { checkpoint null 09 e09 0; echo "e09 Create Thing b {}"; checkpoint 09 09 e09 1; } | send hq -q; cursor' <<'.'
--- out
north|00:02|e02
south|00:09|e09
--- err
.
t 'before the first event of a producer empty pages count' 'fresh hq; send hq; cursor' <<'.'
--- in
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:03.000000","name":"e03","events":0}}
{"checkpoint":{"event_producer":"north","from":"2026-01-01 00:00:03.000000","last_update":"2026-01-01 00:00:04.000000","name":"e04","events":0}}
e05 Create Thing a {}
{"checkpoint":{"event_producer":"north","from":"2026-01-01 00:00:04.000000","last_update":"2026-01-01 00:00:05.000000","name":"e05","events":1}}
--- out
Synced Create Thing a
north|00:05|e05
--- err
.
t 'both in one input' 'fresh hq; { first | events | grep -v end; P=south; S=s2
    first | sed "s/Thing a/Thing b/" | events; } | send hq; cursor' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
Synced Create Thing b
Synced Update Thing b
north|00:02|e02
south|00:02|e02
--- err
.
t 'a checkpoint that says too little' 'fresh hq; send hq -q' 1 <<'.'
--- in
{"checkpoint":{"event_producer":"north"}}
{"checkpoint":{"event_producer":"north","events":0,"from":"soon"}}
--- err
es-apply: stdin:1: a checkpoint without event_producer and events
es-apply: stdin:2: a checkpoint whose from or last_update is not a time
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 2 rejected, 0 known or not subscribed
.

# ---- end lines

fresh hq
for status in 0 1 100 111; do
	t "the end says $status" 'send hq' $status <<.
--- in
{"end":{"program":"es-pull","status":$status}}
--- out
.
done
t 'and why' 'send hq 2>&1 | head -1' <<'.'
--- in
{"end":{"program":"es-pull","status":111,"why":"could not connect"}}
--- out
es-apply: es-pull said: could not connect
.
t 'the worst of several counts' 'send hq' 100 <<'.'
--- in
{"end":{"program":"es-pull","status":1}}
{"end":{"program":"es-pull","status":100}}
{"end":{"program":"es-pull","status":0}}
--- out
.
t 'an end whose status is none' 'send hq' 111 <<'.'
--- in
{"end":{"program":"es-pull"}}
--- out
.
t 'no end: the input was cut, but what came is applied' \
    'first | events | head -2 | es-apply -s hq.db -q' 111 <<'.'
--- err
es-apply: the input has no end line: it was cut; run again
es-apply: 2 events: 2 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'no input at all' 'es-apply -s hq.db' 111 <<'.'
--- out
--- err
es-apply: the input has no end line: it was cut; run again
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'an end, and then lines that are cut' \
    '{ first | events; second | events | head -1; } | es-apply -s hq.db -q' 111 <<'.'
--- err
es-apply: the input has no end line: it was cut; run again
es-apply: 3 events: 1 applied, 0 parked, 0 refused, 0 rejected, 2 known or not subscribed
.
first | events >first.es
second | events >second.es
head -2 first.es >cut.es
t 'files, one after another' 'fresh hq; es-apply -s hq.db first.es second.es | brief; cursor' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
Synced Update Thing a
north|00:03|e03
--- err
.
t 'each must have its end' 'es-apply -s hq.db -q cut.es second.es' 111 <<'.'
--- err
es-apply: the input has no end line: it was cut; run again
es-apply: 3 events: 0 applied, 0 parked, 0 refused, 0 rejected, 3 known or not subscribed
.
t 'a file that is not there' 'es-apply -s hq.db none.es' 111 <<'.'
--- err
es-apply: cannot open 'none.es': No such file or directory
.

# ---- lines

fresh hq
t 'lines that cannot be read are rejected, others pass' 'send hq' 1 <<'.'
--- in
e01 Create Thing a {}
{"name":"e02","creation":
[1]
{"name":"e02","name":"e02","update_type":"Update"}
{"name":"e02","update_type":"Change"}
{"name":"e02","update_type":"Update","ref_doctype":"Thing","docname":"a","creation":"now","data":{}}
{"update_type":"Update","ref_doctype":"Thing","docname":"a"}
{"name":"e02","update_type":"Update","creation":"2026-01-01 00:00:02"}
e02 Update Thing a <e01
e02 Update Thing a {} <e01 "via":"s1"
e02 Update Thing a {} <e01 "seen":["s1"]
e02 Rename Thing a {}
e03 Create Thing b {}
--- out
Synced Create Thing a
Synced Create Thing b
--- err
es-apply: stdin:2: unexpected end of data at byte 25
es-apply: stdin:3: the line is no JSON object
es-apply: stdin:4: key 'name' stands twice
es-apply: stdin:5: update_type is not Create, Update, Delete or Rename
es-apply: stdin:6: creation is not a time
es-apply: stdin:7: an event without name
es-apply: stdin:8: an event without ref_doctype and docname
es-apply: stdin:9: data is not an object
es-apply: stdin:10: via is a list of sites
es-apply: stdin:11: seen, knew and base are objects of names by site
es-apply: stdin:12: a Rename without new_name
es-apply: 2 events: 2 applied, 0 parked, 0 refused, 11 rejected, 0 known or not subscribed
.
t 'and logged Failed, once' 'send hq; es-sync-log -v -s hq.db |
    jq -c "select(.code == \"rejected\") | [.status, .error, .data]" | head -2' <<'.'
--- in
{"name":"e02","creation":
e01 Create Thing a {}
{"name":"e02","creation":
--- out
["Failed","unexpected end of data at byte 25","{\"name\":\"e02\",\"creation\":"]
["Failed","the line is no JSON object","[1]"]
.
t 'once, also before the first event' 'fresh hq; send hq; es-sync-log -s hq.db | jq .error' <<'.'
--- in
{"name":"e02","creation":
{"name":"e02","creation":
{"rejected":{"program":"es-map","at":"stdin:12","why":"no","text":"a\u001bb"}}
e01 Create Thing a {}
--- out
Synced Create Thing a
null
"unexpected end of data at byte 25"
"es-map: no"
.
t 'in order' 'send hq 2>/dev/null; es-sync-log -s hq.db -L 2 | jq -r .error' <<'.'
--- in
e01 Create Thing a {}
{"name":"e07","creation":
{"name":"e08","data":
{"name":"e09","data":}
--- out
unexpected end of data at byte 21
unexpected character, expected a valid JSON value at byte 21
.
t 'an event that says no producer' 'send hq' 1 <<'.'
--- in
{"name":"e05","update_type":"Delete","ref_doctype":"Thing","docname":"a","creation":"2026-01-01 00:00:02","data":null}
--- err
es-apply: stdin:1: the event does not say its event_producer; give -p
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 1 rejected, 0 known or not subscribed
.
t 'unknown keys and unknown control lines are passed over' 'fresh hq; send hq' <<'.'
--- in
{"progress":{"of":"all"}}
{}
e01 Create Thing a {} "mood":"good","extra":{"a":[1]}
{"receipt":1}
--- out
Synced Create Thing a
--- err
.
t 'a line longer than 16 MiB' '{ printf "{\"a\":\""; head -c 17000000 /dev/zero |
    tr "\0" x; echo "\"}"; echo "e02 Create Thing b {}" | events; } | es-apply -s hq.db -q' 1 <<'.'
--- err
es-apply: stdin:1: the line is longer than 16 MiB
es-apply: 1 events: 1 applied, 0 parked, 0 refused, 1 rejected, 0 known or not subscribed
.

# ---- whose events

fresh hq
t 'an event more than a day ahead is not taken, the cursor stays' \
    'send hq 2>&1 | sed "s/[0-9-]* [0-9:.]*, more/…, more/"; cursor' <<'.'
--- in
e01 Create Thing a {}
{"name":"e02","creation":"2999-01-01 00:00:00","update_type":"Create","ref_doctype":"Thing","docname":"b","data":{},"event_producer":"north","site":"s1","prev":null,"origin":["s1","b"],"via":["s1"]}
e03 Create Thing c {}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:03.000000","name":"e03","events":3}}
--- out
es-apply: event e02 of 'north' is of …, more than a day ahead: whose clock is wrong?  It is not taken, the cursor stays
es-apply: 3 events: 2 applied, 0 parked, 0 refused, 1 rejected, 0 known or not subscribed
Synced Create Thing a
Synced Create Thing c
north|00:00|
--- err
.
t 'with status 1' 'send hq' 1 <<'.'
--- in
{"name":"e02","creation":"2999-01-01 00:00:00","update_type":"Create","ref_doctype":"Thing","docname":"b","data":{},"event_producer":"north","site":"s1","prev":null,"origin":["s1","b"],"via":["s1"]}
--- out
.
fresh hq
t 'another site under the same producer is refused' 'first | send hq; S=s7
    second | send hq' 100 <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
--- err
es-apply: 'north' speaks as another site than before (s7, not s1): it was made anew or is not what it says; nothing is taken from it
es-apply: 1 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'the cursor stays' 'cursor' <<'.'
--- out
north|00:02|e02
.
t 'also within one page' 'fresh hq; { echo "e01 Create Thing a {}"
    echo "e02 Create Thing b {} \"x\":1"; } | events | sed "2s/s1/s8/g" | es-apply -s hq.db | brief' <<'.'
--- out
Synced Create Thing a
--- err
es-apply: 'north' speaks as another site than before (s8, not s1): it was made anew or is not what it says; nothing is taken from it
es-apply: 2 events: 1 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'the same site under two producers is refused' 'fresh hq; first | send hq -q
    P=south; first | send hq -q' 100 <<'.'
--- err
es-apply: 'south' is the same site as 'north': nothing is taken from it twice
es-apply: 2 events: 0 applied, 0 parked, 0 refused, 2 rejected, 0 known or not subscribed
.
t 'but it goes on under another name' 'es-rm -q -s hq.db "Event Producer" north
    subscribe hq norden Thing; P=norden; second | send hq; cursor' <<'.'
--- out
Synced Update Thing a
norden|00:03|e03
.
t 'its own log is refused' 'fresh hq; subscribe hq hq Thing
    echo "{\"doctype\":\"Thing\",\"name\":\"z\"}" | es-put -q -s hq.db; flow hq hq' 100 <<'.'
--- out
--- err
es-apply: 'hq' is this site itself
es-apply: 1 events: 0 applied, 0 parked, 0 refused, 1 rejected, 0 known or not subscribed
.

# ---- options

fresh hq
t '-n says what would be, and changes nothing' 'sqlite3 hq.db .dump >before
    { first; second; } | send hq -n; sqlite3 hq.db .dump | cmp - before' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
Synced Update Thing a
--- err
.
t '-v counts' 'first | send hq -qv; second | send hq -nqv' <<'.'
--- err
es-apply: 2 events: 2 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
es-apply: 1 events: 1 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed; nothing was changed (-n)
.
t '-p takes them as that producer says, whatever the lines say' \
    'fresh hq; P=nobody; first | send hq -p south; cursor' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
south|00:02|e02
--- err
.
t '-p also for lines that say none' 'fresh hq; first | events | sed "s/\"event_producer\":\"north\",//" |
    grep -v checkpoint | es-apply -s hq.db -p south | jq -r .event_producer' <<'.'
--- out
south
south
--- err
.
t '-p with nothing but an end: what is parked is tried' \
    'fresh hq; echo "e01 Create Thing a {\"count\":\"x\"}" | send hq -q
    sqlite3 hq.db "UPDATE parked SET line = replace(line, char(34)||char(120)||char(34), 7)"
    events </dev/null | es-apply -s hq.db -p north | brief' <<'.'
--- out
Synced Create Thing a
.
t 'a site file that is not there' 'es-apply -s none.db </dev/null' 100 <<'.'
--- err
es-apply: cannot open 'none.db': No such file or directory
.
t 'an option that is none' 'es-apply -z 2>&1 | head -2' <<'.'
--- out
es-apply: invalid option -- 'z'
usage: es-apply [-nqv] [-p producer] [-s site] [file ...]
.

done_testing
