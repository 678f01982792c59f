#!/bin/sh
# es-approve - what consumers ask for and get, by file

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

# request CONSUMER USER ROW ...: what a consumer asks for; a row is
# DocType[,condition[,unsubscribed]].  Its identity is $ID.
ID=1k0000000000000000a
request() {
	consumer=$1 user=$2
	shift 2
	printf '%s\n' "$@" | jq -Rcs --arg consumer "$consumer" --arg user "$user" --arg id "$ID" '
	    {request: {event_consumer: $consumer, consumer_doctypes: (split("\n") |
	    map(select(. != "") | split(",") | {doctype: .[0], condition: .[1],
	    unsubscribed: (.[2] // "0" | tonumber)}) | tojson), user: $user,
	    site: $id}}'
}
approve() {
	es-approve -s hq.db "$@"
}
# rows [CONSUMER]: what it asked for, in short.
rows() {
	approve -l "$@" | jq -c '[.event_consumer, .user, .ref_doctype, .status,
	    .unsubscribed, .condition, .own_condition]'
}
granted() {
	jq -c '.grant | [.event_producer, .event_consumer, (.doctypes[] |
	    [.ref_doctype, .status, .condition, .unsubscribed])]'
}
put() {
	es-put -q -s hq.db
}
# The consumer's stream, in short.
stream() {
	es-producer-log -c "${1:-store}" -s hq.db | jq -r 'select(.update_type) |
	    "\(.update_type) \(.ref_doctype) \(.docname)"'
}

ok 'a site' site hq
es-key -q -s hq.db shop >/dev/null
printf '%s\n' '{"doctype":"Person","name":"P-01"}' \
    '{"doctype":"Thing","name":"one","count":1,"person":"P-01","parts":[{"thing":null}]}' \
    '{"doctype":"Thing","name":"two","count":2}' | put

# ---- requests

t 'nothing is asked for' 'approve; approve -l; approve -H' <<'.'
--- out
--- err
.
t 'a request is taken in, and what it would open is listed' \
    'request store shop "Thing,doc.count > 1" Person Form | approve -v -' <<'.'
--- out
{"event_consumer":"store","callback_url":null,"user":"shop","ref_doctype":"Thing","status":"Pending","unsubscribed":0,"condition":"doc.count > 1","own_condition":null,"approved":null,"documents":1,"dependencies":["Person"],"dynamic":["Thing.ref"]}
{"event_consumer":"store","callback_url":null,"user":"shop","ref_doctype":"Person","status":"Pending","unsubscribed":0,"condition":null,"own_condition":null,"approved":null,"documents":1,"dependencies":["Thing"],"dynamic":["Thing.ref"]}
{"event_consumer":"store","callback_url":null,"user":"shop","ref_doctype":"Form","status":"Pending","unsubscribed":0,"condition":null,"own_condition":null,"approved":null,"documents":0,"dependencies":[],"dynamic":[]}
--- err
es-approve: 'store': taken in
.
t 'the Event Consumer document' 'es-get -s hq.db -C callback_url,user,site "Event Consumer"' <<'.'
--- out
{"callback_url":"store","user":"shop","site":"ID"}
--- err
.
t 'the same again changes nothing' 'sqlite3 hq.db .dump >dump; request store shop "Thing,doc.count > 1" Person Form |
    approve -q -; sqlite3 hq.db .dump | cmp - dump' <<'.'
--- out
--- err
.
t 'to look changes nothing' 'sqlite3 hq.db .dump >dump; { approve; approve -lH; approve -l store; } >/dev/null
    sqlite3 hq.db .dump | cmp - dump' <<'.'
--- out
--- err
.
t 'a table' 'approve -H; approve -H store | wc -l' <<'.'
--- out
event_consumer  user  ref_doctype  status   condition      own_condition  approved  documents
store           shop  Thing        Pending  doc.count > 1                                   1
store           shop  Person       Pending                                                  1
store           shop  Form         Pending                                                  0
4
--- err
.
t '-o: the grant in a file for its owner, though nothing is granted; the list stays' \
    'request store shop "Thing,doc.count > 1" Person Form | approve -o grant - | wc -l; granted <grant; stat -c %a grant' <<'.'
--- out
3
["hq","store",["Thing","Pending","doc.count > 1",0],["Person","Pending",null,0],["Form","Pending",null,0]]
600
--- err
.
t 'nothing is sent yet' 'echo "{\"doctype\":\"Thing\",\"name\":\"three\",\"count\":3}" | put; stream' <<'.'
--- out
--- err
.

# ---- approving, rejecting

t '-n' 'approve -n -v store Thing | granted; rows | cut -d, -f 3,4' <<'.'
--- out
["hq","store",["Thing","Approved","doc.count > 1",0],["Person","Pending",null,0],["Form","Pending",null,0]]
"Thing","Pending"
"Person","Pending"
"Form","Pending"
--- err
es-approve: 'store': approved; nothing was changed (-n)
.
t 'a DocType: what came since it was asked for is sent' 'approve -v store Thing | granted; stream' <<'.'
--- out
["hq","store",["Thing","Approved","doc.count > 1",0],["Person","Pending",null,0],["Form","Pending",null,0]]
Create Thing three
--- err
es-approve: 'store': approved
.
t 'the grant line' 'approve store Thing' <<'.'
--- out
{"grant":{"event_producer":"hq","site":"ID","event_consumer":"store","doctypes":[{"ref_doctype":"Thing","status":"Approved","condition":"doc.count > 1","unsubscribed":0},{"ref_doctype":"Person","status":"Pending","condition":null,"unsubscribed":0},{"ref_doctype":"Form","status":"Pending","condition":null,"unsubscribed":0}]}}
--- err
.
t 'the list has what was approved, and when' 'approve -l store | jq -c "[.ref_doctype, .approved]"' <<'.'
--- out
["Thing",{"condition":"doc.count > 1","own_condition":null,"since":"TIME"}]
["Person",null]
["Form",null]
--- err
.
t 'without -l only what is pending' 'approve store | jq -r .ref_doctype' <<'.'
--- out
Person
Form
--- err
.
t '-x: rejected' 'approve -x -v store Form | granted' <<'.'
--- out
["hq","store",["Thing","Approved","doc.count > 1",0],["Person","Pending",null,0],["Form","Rejected",null,0]]
--- err
es-approve: 'store': rejected
.
t '-a: all that is pending, not what was rejected' 'approve -a store | granted; approve -av store | granted' <<'.'
--- out
["hq","store",["Thing","Approved","doc.count > 1",0],["Person","Approved",null,0],["Form","Rejected",null,0]]
["hq","store",["Thing","Approved","doc.count > 1",0],["Person","Approved",null,0],["Form","Rejected",null,0]]
--- err
es-approve: 'store': as it was
.
t '-x takes away what was approved' 'approve -xq store Thing; echo "{\"doctype\":\"Thing\",\"name\":\"four\",\"count\":4}" | put; stream
    approve -q store Thing; stream' <<'.'
--- out
Create Thing three
Create Thing four
--- err
.
t '-x without names: what is pending' 'request store shop Thing Person Form | approve -q -; approve -xq store; rows | cut -d, -f 3,4' <<'.'
--- out
"Thing","Rejected"
"Person","Approved"
"Form","Rejected"
--- err
.
t '-q: nothing is printed; -o: into a file' 'approve -aq -o grant store; granted <grant' <<'.'
--- out
["hq","store",["Thing","Rejected",null,0],["Person","Approved",null,0],["Form","Rejected",null,0]]
--- err
.
t 'who did not ask' 'approve store Part; approve nobody; approve -a nobody; approve -o out nobody Thing; ls out 2>/dev/null; false' 1 <<'.'
--- out
--- err
es-approve: 'store' did not ask for 'Part'; es-approve -l store lists what it asked for
es-approve: no Event Consumer 'nobody' in 'hq.db'; es-approve -l lists them
es-approve: no Event Consumer 'nobody' here; es-approve -l lists them
es-approve: no Event Consumer 'nobody' here; es-approve -l lists them
.
t 'that is misconfigured: 100' 'approve store Part 2>/dev/null' 100 <<'.'
--- out
.

# ---- a condition of the producer's own

t 'condition=: both must hold' 'request store shop "Thing,doc.count > 1" Person | approve -q -
    approve store Thing condition="doc.count < 4" | granted; rows store | head -1; stream' <<'.'
--- out
["hq","store",["Thing","Approved","doc.count > 1",0],["Person","Approved",null,0]]
["store","shop","Thing","Approved",0,"doc.count > 1","doc.count < 4"]
Create Thing three
--- err
.
t 'the consumer cannot change it' 'request store shop Thing Person | approve - | jq -c "[.condition, .own_condition, .approved, .documents]"
    approve -q store Thing; rows store | head -1' <<'.'
--- out
[null,"doc.count < 4",{"condition":"doc.count > 1","own_condition":"doc.count < 4","since":"TIME"},3]
["store","shop","Thing","Approved",0,null,"doc.count < 4"]
--- err
.
t 'empty: none any more' 'approve -q store Thing condition=; rows store | head -1' <<'.'
--- out
["store","shop","Thing","Approved",0,null,null]
--- err
.
t '-a with one' 'request store shop Thing Form | approve -q -; approve -aq store condition="doc.kind == \"one\""; rows store' <<'.'
--- out
["store","shop","Thing","Approved",0,null,null]
["store","shop","Form","Approved",0,null,"doc.kind == \"one\""]
--- err
.
t 'not understood' 'approve store Thing condition="doc.count ="' 100 <<'.'
--- out
--- err
es-approve: condition not understood at 11: a comparison is written ==; near '='
.

t 'a number that is not set is 0' 'echo "{\"doctype\":\"Thing\",\"name\":\"none\"}" | put; ID=1k0000000000000000e
    request zero shop "Thing,doc.count == 0" | approve - | jq .documents; approve -q zero Thing
    echo "{\"doctype\":\"Thing\",\"name\":\"nil\"}" | put; stream zero; es-rm -q -s hq.db "Event Consumer" zero' <<'.'
--- out
1
Create Thing nil
--- err
.

# ---- what becomes Pending again, and what does not

t 'a changed condition does' 'request store shop "Thing,doc.count > 2" Form | approve -q -; rows | cut -d, -f 3,4,6; approve -aq store' <<'.'
--- out
"Thing","Pending","doc.count > 2"
"Form","Approved",null
--- err
.
t 'unsubscribed and subscribed again does not' 'request store shop "Thing,doc.count > 2,1" Form | approve -o grant -
    granted <grant; rows | head -1; request store shop "Thing,doc.count > 2" Form | approve -; rows | head -1' <<'.'
--- out
["hq","store",["Thing","Approved","doc.count > 2",1],["Form","Approved",null,0]]
["store","shop","Thing","Approved",1,"doc.count > 2",null]
["store","shop","Thing","Approved",0,"doc.count > 2",null]
--- err
.
t 'a renewed key does not' 'es-key -r -q -s hq.db shop >/dev/null; request store shop "Thing,doc.count > 2" Form | approve -; rows | cut -d, -f 3,4' <<'.'
--- out
"Thing","Approved"
"Form","Approved"
--- err
.
t 'another user does, for all' 'es-key -q -s hq.db other >/dev/null; request store other "Thing,doc.count > 2" Form |
    approve -q -; rows | cut -d, -f 2-4; approve -aq store' <<'.'
--- out
"other","Thing","Pending"
"other","Form","Pending"
--- err
.
t 'a row that is not asked for any more is gone, and new when it is again' 'request store other Form | approve -; rows
    request store other Form "Thing,doc.count > 2" | approve -q -; rows' <<'.'
--- out
["store","other","Form","Approved",0,null,"doc.kind == \"one\""]
["store","other","Form","Approved",0,null,"doc.kind == \"one\""]
["store","other","Thing","Pending",0,"doc.count > 2",null]
--- err
.
t 'what was rejected stays so, until its condition changes' 'approve -xq store Thing; request store other Form "Thing,doc.count > 2" |
    approve -; rows | tail -1; request store other Form Thing | approve -q -; rows | tail -1' <<'.'
--- out
["store","other","Thing","Rejected",0,"doc.count > 2",null]
["store","other","Thing","Pending",0,null,null]
--- err
.

# ---- requests that are refused

# no MESSAGE COMMAND: its request is refused, the one after it is not.
no() {
	t "$1" "{ $2; request store other Form Thing; } | approve -q -" 1 <<.
--- out
--- err
es-approve: stdin:1: $1
.
}
no "no User 'nobody' here, as whom 'store' would come; es-key makes one" 'request store nobody Thing'
no "User 'Guest', as whom 'store' would come, has not the role 'Event Subscriber'; es-key gives it" 'request store Guest Thing'
no 'no DocType '\''Thin'\'' here' 'request store shop Thin'
no 'Part is a child table; its rows come with their document' 'request store shop Part'
for dt in DocType User Role 'Event Producer' 'Custom Field'; do
	no "$dt is never sent: each site sets it itself" "request store shop '$dt'"
done
no 'Thing stands twice' 'request store shop Thing Thing'
no "Thing: condition not understood at 11: a comparison is written ==; near '= 1'" \
    'request store shop "Thing,doc.count = 1"'
no 'consumer_doctypes is no array with rows' 'request store shop'
no 'consumer_doctypes is no array with rows: unexpected character, expected a valid root value at byte 0' \
    'request store shop Thing | jq -c ".request.consumer_doctypes = \"x\""'
no 'a request without event_consumer' 'request "" shop Thing'
no "'hq' is this site itself" 'request hq shop Thing'
no "'store' is this site itself" 'request store shop Thing | sed "s/$ID/$(sqlite3 hq.db "SELECT value FROM site WHERE key = '\''id'\''")/"'
no "'store' was another site before (ID, not ID); if that is right, take its Event Consumer away with es-rm first" \
    'request store shop Thing | sed "s/$ID/1k0000000000000000b/"'
no "that site is known as 'store' here; take this Event Consumer away with es-rm first" 'request store2 shop Thing'
no "the consumer's address: it has a user or a password in it; keys are given otherwise" \
    'request http://me:secret@store shop Thing'
no 'no request, as es-subscribe writes one' 'echo "{\"grant\":{}}"'
no 'unexpected end of data at byte 1' 'echo {'
t 'a user who is disabled' 'echo "{\"name\":\"shop\",\"enabled\":0}" | es-put -q -s hq.db User; request store shop Thing | approve -' 1 <<'.'
--- out
--- err
es-approve: stdin:1: User 'shop', as whom 'store' would come, is disabled; es-put can set enabled
.
t 'a System Manager is good as well' 'ID=1k0000000000000000c; request branch Administrator Form | approve -a - | granted' <<'.'
--- out
["hq","branch",["Form","Approved",null,0]]
--- err
.
t 'no input' 'approve -' 1 <<'.'
--- out
--- err
es-approve: there was no request to read
.
t 'what was refused has changed nothing' 'rows' <<'.'
--- out
["branch","Administrator","Form","Approved",0,null,null]
["store","other","Form","Approved",0,null,"doc.kind == \"one\""]
["store","other","Thing","Pending",0,null,null]
--- err
.

# ---- callbacks, deletion

t 'a consumer with a URL is called back there; its key is kept apart' '
    ID=1k0000000000000000d; request http://127.0.0.1:1 other Form | jq -c ".request += {api_key: \"k\", api_secret: \"sss\"}" |
    approve - | jq -c "[.event_consumer, .callback_url]"; es-get -s hq.db "Event Consumer" http://127.0.0.1:1 | grep -c sss
    sqlite3 hq.db "SELECT value FROM secret WHERE field = '\''api_secret'\'' AND value = '\''sss'\''"' <<'.'
--- out
["http://127.0.0.1:1","http://127.0.0.1:1"]
0
sss
--- err
.
t 'two consumers see only theirs' 'approve -aq store; approve -aq branch condition=
    echo "{\"doctype\":\"Thing\",\"name\":\"x\",\"count\":1}" | put; echo "{\"doctype\":\"Form\",\"name\":\"f\",\"must\":\"m\"}" | put
    stream store | tail -1; stream branch' <<'.'
--- out
Create Thing x
Create Form f
--- err
.
t 'an Event Consumer that is deleted gets nothing more' 'es-rm -q -s hq.db "Event Consumer" branch
    echo "{\"doctype\":\"Form\",\"name\":\"g\",\"must\":\"m\"}" | put; stream branch 2>/dev/null; approve branch' 100 <<'.'
--- out
--- err
es-approve: no Event Consumer 'branch' in 'hq.db'; es-approve -l lists them
.
t 'asking again, it is new' 'ID=1k0000000000000000c; request branch Administrator Form | approve - | jq -r .status
    stream branch; approve -q branch Form; stream branch' <<'.'
--- out
Pending
Create Form f
Create Form g
--- err
.

# ---- misuse

for args in '-l - ' '-H store Thing' '-l store Thing' '-ax store' '-a' '-x' '-n' '-q' '-a store Thing' '-x store condition=' 'store condition=' '-x -'; do
	t "misuse: $args" "approve $args 2>&1 | sed 's/ .*//;q'; approve $args 2>/dev/null" 100 <<'.'
--- out
usage:
.
done

done_testing
