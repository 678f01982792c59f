#!/bin/sh
# es-subscribe - what is asked of a producer, by file; over the line it is
# tests/es-subscribe-http.t

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

es_subscribe() {
	es-subscribe -s store.db "$@"
}
# rows [SITE]: the subscriptions, in short.
rows() {
	es-subscribe -l -s "${1:-store}.db" |
	    jq -c '[.event_producer, .ref_doctype, .status, .unsubscribe,
	    .use_same_name, .condition, .conflict, .strict, .told]'
}
# asked: what a request asks for.
asked() {
	jq -c '.request | [.event_consumer, .user, (.consumer_doctypes | fromjson |
	    .[] | [.doctype, .condition, .unsubscribed])]'
}
# grant ROW ...: a grant of hq for store; a row is DocType,status[,condition
# [,unsubscribed]].
grant() {
	id=$(sqlite3 hq.db "SELECT value FROM site WHERE key = 'id'")
	printf '%s\n' "$@" | jq -Rcs --arg site "$id" '{grant: {event_producer: "hq",
	    site: $site, event_consumer: "store", doctypes: (split("\n") |
	    map(select(. != "") | split(",") | {ref_doctype: .[0], status: .[1],
	    condition: (if .[2] == "" then null else .[2] end),
	    unsubscribed: (.[3] // "0" | tonumber)}))}}'
}

ok 'two sites' eval 'site hq && site store'

# ---- subscribing

t 'the request is printed for a producer that is no URL, and the rows wait' \
    'es_subscribe hq user=Administrator Thing use_same_name=1 condition="doc.count > 0" \
	strict=1 Person conflict=manual | tee request | asked; rows' <<'.'
--- out
["store","Administrator",["Thing","doc.count > 0",0],["Person",null,0]]
["hq","Thing","Pending",0,1,"doc.count > 0","origin",1,0]
["hq","Person","Pending",0,0,null,"manual",0,0]
--- err
.
t 'the request, whole' 'cat request' <<'.'
--- out
{"request":{"event_consumer":"store","consumer_doctypes":"[{\"doctype\":\"Thing\",\"condition\":\"doc.count > 0\",\"unsubscribed\":0},{\"doctype\":\"Person\",\"condition\":null,\"unsubscribed\":0}]","user":"Administrator","site":"ID"}}
.
t 'it is always the same' 'es_subscribe hq | cmp - request' <<'.'
--- out
--- err
.
t 'local names want two fields' 'es-get -s store.db "Custom Field" | jq -r .name; es-get -s hq.db "Custom Field"' <<'.'
--- out
Person-remote_docname
Person-remote_site_name
--- err
.
t 'what is not named stays as it is' 'es_subscribe -v hq Thing strict=0 >/dev/null; rows' <<'.'
--- out
["hq","Thing","Pending",0,1,"doc.count > 0","origin",0,0]
["hq","Person","Pending",0,0,null,"manual",0,0]
--- err
es-subscribe: 'hq': 0 new, 1 changed, 1 as they were, 0 taken out
.
t 'an empty condition is none' 'es_subscribe -v hq Thing condition= | asked' <<'.'
--- out
["store","Administrator",["Thing",null,0],["Person",null,0]]
--- err
es-subscribe: 'hq': 0 new, 1 changed, 1 as they were, 0 taken out
.
t 'a further DocType' 'es_subscribe -v hq Form | asked' <<'.'
--- out
["store","Administrator",["Thing",null,0],["Person",null,0],["Form",null,0]]
--- err
es-subscribe: 'hq': 1 new, 0 changed, 2 as they were, 0 taken out
.
t '-n: it is shown how it would be' 'es_subscribe -nv hq Form condition="doc.kind == \"one\"" |
    jq -c "[.ref_doctype,.condition]"; rows | grep Form' <<'.'
--- out
["Thing",null]
["Person",null]
["Form","doc.kind == \"one\""]
["hq","Form","Pending",0,0,null,"origin",0,0]
--- err
es-subscribe: 'hq': 0 new, 1 changed, 2 as they were, 0 taken out; nothing was changed (-n)
.
t '-q: nothing is printed' 'es_subscribe -q hq Form' <<'.'
--- out
--- err
.
t '-o: a file for its owner; the next step is said' 'es_subscribe -o out hq >/dev/null; asked <out; stat -c %a out' <<'.'
--- out
["store","Administrator",["Thing",null,0],["Person",null,0],["Form",null,0]]
600
--- err
es-subscribe: take 'out' to 'hq', and ask their administrator to run: es-approve - <out
.
t '-o where it cannot be written: the subscription is kept' \
    'es_subscribe -o none/out hq Thing strict=1 2>&1 >/dev/null | sed "s/[0-9]*[.]new/N.new/"; rows | head -1
    es_subscribe -q -o none/out hq 2>/dev/null' 111 <<'.'
--- out
es-subscribe: cannot write 'none/out.N.new': No such file or directory
["hq","Thing","Pending",0,1,null,"origin",1,0]
.
t 'a site of its own address' 'es_subscribe -q store user=Administrator Thing' 100 <<'.'
--- err
es-subscribe: 'store' is this site itself
.

# ---- grants

t 'a grant: statuses, and that the producer knows what we ask' 'grant Thing,Approved Person,Pending Form,Rejected |
    es_subscribe - | jq -c "[.ref_doctype, .status, .told]"' <<'.'
--- out
["Thing","Approved",1]
["Person","Pending",1]
["Form","Rejected",1]
--- err
.
t 'the same again is no change of the site' 'grant Thing,Approved Person,Pending Form,Rejected >g
    sqlite3 store.db .dump >dump; es_subscribe -qv - <g; sqlite3 store.db .dump | cmp - dump' <<'.'
--- out
--- err
es-subscribe: 1 grant taken
.
t '-n' 'grant Thing,Rejected Person,Pending Form,Rejected | es_subscribe -n - | jq -c "[.ref_doctype, .status]"
    rows | head -1' <<'.'
--- out
["Thing","Rejected"]
["Person","Pending"]
["Form","Rejected"]
["hq","Thing","Approved",0,1,null,"origin",1,1]
--- err
.
t 'a row that the producer does not know waits' 'grant Thing,Approved | es_subscribe -q -; rows | cut -d, -f 2,3' <<'.'
--- out
"Thing","Approved"
"Person","Pending"
"Form","Pending"
--- err
.
t 'a change is not known to it, a status stays until it speaks' \
    'grant Thing,Approved Person,Approved Form,Approved | es_subscribe -q -
    es_subscribe -q hq Thing condition="doc.count > 0"; rows
    grant Thing,Approved Person,Approved Form,Approved | es_subscribe -q -; rows | head -1
    grant "Thing,Pending,doc.count > 0" Person,Approved Form,Approved | es_subscribe -q -; rows | head -1' <<'.'
--- out
["hq","Thing","Approved",0,1,"doc.count > 0","origin",1,0]
["hq","Person","Approved",0,0,null,"manual",0,0]
["hq","Form","Approved",0,0,null,"origin",0,0]
["hq","Thing","Approved",0,1,"doc.count > 0","origin",1,0]
["hq","Thing","Pending",0,1,"doc.count > 0","origin",1,1]
--- err
.
t 'for another site, of another producer, none at all: the others are taken' \
    '{ grant Thing,Rejected | sed "s/\"store\"/\"branch\"/"; grant Thing,Rejected | sed "s/\"hq\"/\"h2\"/"
    echo "{\"end\":1}"; echo "{"; grant "Thing,Approved,doc.count > 0" Person,Approved Form,Approved; } |
    { es_subscribe -qv -; s=$?; rows | cut -d, -f 2,3; exit $s; }' 1 <<'.'
--- out
"Thing","Approved"
"Person","Approved"
"Form","Approved"
--- err
es-subscribe: stdin:1: the grant is for 'branch', and this site is 'store'
es-subscribe: stdin:2: no Event Producer 'h2' in 'store.db': its grant is not taken; es-subscribe subscribes to it
es-subscribe: stdin:3: no grant, as es-approve writes one
es-subscribe: stdin:4: unexpected end of data at byte 1
es-subscribe: 1 grant taken
.
t 'no input' 'es_subscribe -' 1 <<'.'
--- out
--- err
es-subscribe: there was no grant to read
.
t 'a status that is none' 'grant Thing,Maybe | es_subscribe -' 1 <<'.'
--- out
--- err
es-subscribe: stdin:1: row 1 of 'producer_doctypes': 'status' cannot be 'Maybe', which is none of its options
.

# ---- grants among events

# apply [ARGUMENT ...]: es-apply, with an end line.
apply() {
	{ cat; echo '{"end":{"program":"test","status":0}}'; } | es-apply -s store.db "$@"
}
t 'es-apply takes grants in' 'grant "Thing,Rejected,doc.count > 0" Person,Approved Form,Approved | apply; rows | head -1' <<'.'
--- out
["hq","Thing","Rejected",0,1,"doc.count > 0","origin",1,1]
--- err
.
P=hq S=$(sqlite3 hq.db "SELECT value FROM site WHERE key = 'id'")
t 'what stands before it is taken by what was granted before, what is after it by it' \
    '{ echo "a01 Create Form a {}"; grant "Thing,Rejected,doc.count > 0" Person,Approved Form,Pending
    echo "a02 Create Form b {}"; grant "Thing,Rejected,doc.count > 0" Person,Approved Form,Approved
    echo "a03 Create Form c {}"; } | sed "s/{}/{\"must\":\"x\"}/" | send store; es-get -s store.db -C must,remote_docname Form | wc -l' <<'.'
--- out
Synced Create Form a
Synced Create Form c
2
--- err
.
t '-n leaves statuses as they are' 'grant Thing,Pending Person,Approved Form,Rejected | apply -n; rows | cut -d, -f 2,3' <<'.'
--- out
"Thing","Rejected"
"Person","Approved"
"Form","Approved"
--- err
.
t '-p: whose it is, whatever it says' 'grant "Thing,Approved,doc.count > 0" Person,Approved Form,Approved |
    sed "s/\"hq\"/\"h2\"/" | apply -p hq; rows | head -1' <<'.'
--- out
["hq","Thing","Approved",0,1,"doc.count > 0","origin",1,1]
--- err
.
t 'of a producer that is not there, for another site, of another identity' \
    'grant Thing,Rejected | sed "s/\"hq\"/\"h2\"/" | apply -q; echo $?
    grant Thing,Rejected | sed "s/\"store\"/\"branch\"/" | apply -q; echo $?
    grant Thing,Rejected | sed "s/$S/1k0000000000000000x/" | apply -q; echo $?; rows | head -1' <<'.'
--- out
100
100
100
["hq","Thing","Approved",0,1,"doc.count > 0","origin",1,1]
--- err
es-apply: stdin:1: no Event Producer 'h2' in 'store.db': its grant is not taken; es-subscribe subscribes to it
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
es-apply: stdin:1: the grant is for 'branch', and this site is 'store'
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
es-apply: stdin:1: 'hq' speaks as another site than before (ID, not ID): it was made anew or is not what it says
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.

# ---- unsubscribing

t '-x: the rows stay, flagged' 'es_subscribe -xv hq Form | asked; rows | grep Form' <<'.'
--- out
["store","Administrator",["Thing","doc.count > 0",0],["Person",null,0],["Form",null,1]]
["hq","Form","Approved",1,0,null,"origin",0,0]
--- err
es-subscribe: 'hq': 0 new, 1 changed, 2 as they were, 0 taken out
.
t 'until the producer knows it, what it sends is taken' \
    'echo "a04 Create Form d {\"must\":\"x\"}" | send store
    grant "Thing,Approved,doc.count > 0" Person,Approved Form,Approved,,1 | es_subscribe -q -
    echo "a05 Create Form e {\"must\":\"x\"}" | send store -v' <<'.'
--- out
Synced Create Form d
--- err
es-apply: 1 events: 0 applied, 0 parked, 0 refused, 0 rejected, 1 known or not subscribed
.
t 'named again, it is subscribed to again; its status stays' 'es_subscribe -q hq Form; rows | grep Form' <<'.'
--- out
["hq","Form","Approved",0,0,null,"origin",0,0]
--- err
.
t '-x without names: all' 'es_subscribe -xq hq; rows | cut -d, -f 2-4; es_subscribe -q hq Thing Person Form' <<'.'
--- out
"Thing","Approved",1
"Person","Approved",1
"Form","Approved",1
--- err
.
t '-xF: a row goes wholly' 'es_subscribe -xFv hq Person | asked; rows | cut -d, -f 2' <<'.'
--- out
["store","Administrator",["Thing","doc.count > 0",0],["Form",null,0]]
"Thing"
"Form"
--- err
es-subscribe: 'hq': 0 new, 0 changed, 2 as they were, 1 taken out
.
t '-xF: not the last' 'es_subscribe -xF hq' 100 <<'.'
--- out
--- err
es-subscribe: nothing would be left of the subscription; without -F all of it is unsubscribed, and es-rm takes the Event Producer away
.
t '-x of what is not subscribed to' 'es_subscribe -x hq Person; es_subscribe -x nobody' 100 <<'.'
--- out
--- err
es-subscribe: 'Person' is not subscribed to at 'hq'; es-subscribe -l lists what is
es-subscribe: 'nobody' is not subscribed to; es-subscribe -l lists what is
.

# ---- -l, -R

t '-l: one line a row' 'es_subscribe -l hq Thing' <<'.'
--- out
{"event_producer":"hq","ref_doctype":"Thing","status":"Approved","unsubscribe":0,"use_same_name":1,"strict":1,"condition":"doc.count > 0","mapping":null,"conflict":"origin","on_leave":null,"user":"Administrator","last_update":null,"told":0}
--- err
.
t '-l of what is not there' 'es_subscribe -l hq Person; es_subscribe -l nobody' 100 <<'.'
--- out
--- err
es-subscribe: 'Person' is not subscribed to at 'hq'
es-subscribe: 'nobody' is not subscribed to in 'store.db'
.
t '-lH: a table' 'grant "Thing,Approved,doc.count > 0" Form,Approved | es_subscribe -q -
    { printf "{\"checkpoint\":{\"event_producer\":\"hq\",\"from\":null,\"last_update\":\"2026-01-01 00:00:09.000000\",\"name\":\"a09\",\"events\":0}}\n"; } |
    apply; es_subscribe -xq hq Form; es_subscribe -lH' <<'.'
--- out
event_producer  ref_doctype  status    unsubscribe  use_same_name  condition      told  last_update
hq              Thing        Approved               yes            doc.count > 0  no    2026-01-01 00:00:09
hq              Form         Approved  yes                                        no    2026-01-01 00:00:09
--- err
.
t '-R: from the beginning, and registered anew' 'es_subscribe -q hq Form; grant "Thing,Approved,doc.count > 0" Form,Approved | es_subscribe -q -
    es_subscribe -l hq Thing | jq -c "[.last_update, .told]"; es_subscribe -Rq hq; es_subscribe -l hq Thing | jq -c "[.last_update, .told]"' <<'.'
--- out
["TIME",1]
[null,0]
--- err
.
t 'an Event Producer that is deleted is forgotten' 'grant "Thing,Approved,doc.count > 0" Form,Approved | es_subscribe -q -
    cp store.db copy.db; es-rm -q -s copy.db "Event Producer" hq; es-subscribe -l -s copy.db
    es-subscribe -q -s copy.db hq user=Administrator Thing use_same_name=1 condition="doc.count > 0" strict=1 Form
    rows copy' <<'.'
--- out
["hq","Thing","Pending",0,1,"doc.count > 0","origin",1,0]
["hq","Form","Pending",0,0,null,"origin",0,0]
--- err
.

# ---- mappings

t 'mapping: a Document Type Mapping for the DocType; its name there is asked for' '
    echo "{\"doctype\":\"Document Type Mapping\",\"mapping_name\":\"m\",\"local_doctype\":\"Form\",\"remote_doctype\":\"Blank\",\"field_mapping\":[]}" |
    es-put -q -s store.db; es_subscribe hq Form mapping=m | asked; es_subscribe hq Form mapping= | asked
    es-get -s store.db "Event Producer" | jq -c ".producer_doctypes[1] | [.has_mapping, .mapping]"' <<'.'
--- out
["store","Administrator",["Thing","doc.count > 0",0],["Blank",null,0]]
["store","Administrator",["Thing","doc.count > 0",0],["Form",null,0]]
[0,null]
--- err
.
t 'mapping: none of that name, none for that DocType' 'es_subscribe hq Form mapping=x; es_subscribe hq Thing mapping=m' 100 <<'.'
--- out
--- err
es-subscribe: no Document Type Mapping 'x' here; put one in with es-put
es-subscribe: the mapping 'm' is for Form, not for Thing
.

# ---- what is refused: nothing is changed then

sqlite3 store.db .dump >dump
# no MESSAGE ARGUMENT ...: with these operands.
no() {
	why=$1
	shift
	t "$*" 'es_subscribe '"$(printf "'%s' " "$@")" 100 <<.
--- out
--- err
es-subscribe: $why
.
}
no "no DocType 'Thin' in 'store.db'; es-doctype puts one in" hq Thin
no "'Part' is the DocType of a table; its rows come with the documents they belong to" hq Part
for dt in DocType User Role 'Event Producer' 'Custom Field'; do
	no "$dt never comes from another site: each sets it itself" hq "$dt"
done
no "Thing: condition not understood at 13: this is not known here; near 'title'" \
    hq Thing 'condition=doc.note == title'
no "conflict is origin, producer or manual, not 'me'" hq Thing conflict=me
no "on_leave is keep or delete, not 'x'" hq Thing on_leave=x
no "use_same_name is 0 or 1, not 'yes'" hq Thing use_same_name=yes
no "no option 'colour'; there are user, allow_http, pin, use_same_name, condition, mapping, conflict, strict, on_leave" \
    hq Thing colour=red
no "strict stands after the DocType that it is for" hq strict=1 Thing
no "user is of the whole subscription and stands before the first DocType" hq Thing user=x
no "which DocTypes of 'south'?  Nothing is subscribed to there yet" south user=Administrator
no "to whom shall belong what comes from 'south'?  Give user=name of a user of this site; es-key makes one" south Thing
no "no User 'nobody' in 'store.db'; make one with es-key" south user=nobody Thing
no "the producer's address: it has a user or a password in it; keys are given otherwise" \
    https://me:secret@hq.example.com user=Administrator Thing
no "no key for 'https://hq.example.com': ask its administrator to run es-key -o file, and give -k file" \
    https://hq.example.com user=Administrator Thing
is 'all of this has changed nothing' "$(sqlite3 store.db .dump | diff - dump)" ''

t 'http to another machine wants leave' 'es_subscribe -o out http://hq.example.com user=Administrator Thing 2>&1 |
    sed "s/: over.*//"; es_subscribe -nq -o out http://hq.example.com allow_http=1 user=Administrator Thing' <<'.'
--- out
es-subscribe: the producer's address
--- err
.
t 'the user must be able to write what comes' '
    es-key -s store.db clerk >/dev/null 2>&1; es_subscribe south user=clerk Thing
    echo "{\"name\":\"clerk\",\"enabled\":0}" | es-put -q -s store.db User; es_subscribe south user=clerk Thing' 100 <<'.'
--- out
--- err
es-subscribe: User 'clerk' may not create and write Thing here; who has one of these roles may: System Manager; es-key gives roles
es-subscribe: User 'clerk' is disabled
.
t 'the user is set once' 'es-key -s store.db boss "System Manager" >/dev/null 2>&1; es_subscribe -q hq user=boss' 100 <<'.'
--- err
es-subscribe: 'user' cannot change once it is set
.

# ---- key files

t 'a key file: kept apart, never shown' '(umask 077; es-key -q -o key -s hq.db boss "System Manager")
    es_subscribe -o out -k key south Thing | cut -c 1-60; grep -c api_secret out
    secret=$(jq -r .api_secret key); es-get -s store.db "Event Producer" south | grep -c "$secret"
    es_subscribe -l | grep -c "$secret"; sqlite3 store.db "SELECT count(*) FROM secret WHERE field = '\''api_secret'\'' AND value = '\''$secret'\''"' <<'.'
--- out
{"event_producer":"south","ref_doctype":"Thing","status":"Pe
0
0
0
1
--- err
es-subscribe: take 'out' to 'south', and ask their administrator to run: es-approve - <out
.
t 'the user is that of the key file if there is one of that name' 'es_subscribe -l south | jq -r .user
    jq -c ".user = \"lee\"" key >key2; chmod 600 key2; es_subscribe -k key2 west Thing' 100 <<'.'
--- out
boss
--- err
es-subscribe: to whom shall belong what comes from 'west'?  There is no User 'lee' as in the key file; make one with es-key, or give user=
.
t 'a key that others can read, of another kind of file, for another producer' '
    chmod 640 key2; es_subscribe -k key2 west Thing; chmod 600 key2; ln -s key2 link; es_subscribe -k link west Thing
    es_subscribe -k none west Thing; echo "{}" >key2; es_subscribe -k key2 west Thing; es_subscribe -k . west Thing
    jq -c ".url = \"https://a.example.com/\"" key >key2; es_subscribe -k key2 https://b.example.com Thing' 100 <<'.'
--- out
--- err
es-subscribe: 'key2' is not a file that only you can read; if nobody else had it: chmod 600
es-subscribe: cannot open 'link': Too many levels of symbolic links
es-subscribe: cannot open 'none': No such file or directory
es-subscribe: 'key2': it is not what es-key writes
es-subscribe: '.' is not a file that only you can read; if nobody else had it: chmod 600
es-subscribe: the key in 'key2' is for 'https://a.example.com/', not for 'https://b.example.com'
.
t 'a slash at the end of an address is none' 'es_subscribe -nk key2 https://a.example.com/ user=boss Thing |
    jq -r .event_producer' <<'.'
--- out
https://a.example.com
--- err
.

# ---- the key by which we are notified

ok 'a site that is reached under a URL' eval 'es-init -q -s web.db http://127.0.0.1:1 && es-doctype -q -s web.db doctypes.json'
t 'its requests by file have a key of a user who may nothing else' 'es-subscribe -q -o out -s web.db hq user=Administrator Thing
    jq -c ".request | keys_unsorted" out; jq -r .request.api_key out >key
    es-get -s web.db User "notifier@hq" | jq -c --rawfile key key "[.enabled, [.roles[].role], .api_key + \"\n\" == \$key]"' <<'.'
--- out
["event_consumer","consumer_doctypes","user","site","api_key","api_secret"]
[1,["Event Notifier"],true]
--- err
.
t 'the same key is sent again' 'es-subscribe -q -o again -s web.db hq; cmp out again' <<'.'
--- out
--- err
.
t 'what is printed has none' 'es-subscribe -s web.db hq | jq -c ".request | keys_unsorted"' <<'.'
--- out
["event_consumer","consumer_doctypes","user","site"]
--- err
.

# ---- misuse

for args in '' '-l -x hq' '-H hq' '-F hq' '-x -R hq' '-R hq Thing' '-x -k key hq' '-o out -' '-l -n'; do
	t "misuse: $args" "es_subscribe $args 2>&1 | sed 's/ .*//;q'; es_subscribe $args 2>/dev/null" 100 <<'.'
--- out
usage:
.
done

done_testing
