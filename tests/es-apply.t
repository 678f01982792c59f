#!/bin/sh
# es-apply - what comes at all, the order of a document's events, checks

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

ok 'a site' site hq
cp hq.new blank.new

# Documents of a DocType with fields, a line each.
docs() {
	es-get -s hq.db -C "$2" "$1"
}

parked() {
	es-sync-log -E -s hq.db | brief
}

# ---- what may come (rule 1)

t 'nothing from a producer that has no Event Producer document' \
    'send hq -q' 100 <<'.'
--- in
e01 Create Thing a {}
--- out
--- err
es-apply: no Event Producer 'north' in 'hq.db': nothing is taken from it; put one in with es-put
es-apply: 1 events: 0 applied, 0 parked, 0 refused, 1 rejected, 0 known or not subscribed
.

ok 'a subscription' subscribe hq north Thing 'Person,"status":"Pending"' \
    'Note,"unsubscribe":1' 'ToDo,"status":"Rejected"' Form Role User
cp hq.db hq.new

t 'what is Approved comes, and nothing else' 'send hq -v' <<'.'
--- in
e01 Create Thing a {"title":"x"}
e02 Create Person p {}
e03 Create Note n {}
e04 Create ToDo t {}
e05 Create Event_of_nobody t {}
--- out
Synced Create Thing a
--- err
es-apply: 5 events: 1 applied, 0 parked, 0 refused, 0 rejected, 4 known or not subscribed
.
t 'a document that comes as a dependency needs a line that links to it' \
    'fresh hq; send hq' <<'.'
--- in
e01 Create Person q {"title":"q"} "dependency_of":"e03"
e02 Create Person p {"title":"p"} "dependency_of":"e03"
e03 Create Thing a {"person":"p"} Person:p
--- out
Synced Create Person p
Synced Create Thing a
--- err
.
t 'and comes but once' 'send hq; docs Person name' <<'.'
--- in
e02 Create Person p {"title":"p"} "dependency_of":"e04"
e04 Create Thing b {"person":"p"} Person:p
--- out
Synced Create Thing b
{"name":"p"}
--- err
.
t 'DocTypes, Roles, logs never come by stream, whatever is subscribed' \
    'fresh hq; send hq' 1 <<'.'
--- in
e01 Create DocType Hole {"name":"Hole"}
e02 Create Role Boss {"role_name":"Boss"}
e03 Create Event\u0020Producer evil {"producer_url":"evil"}
e04 Create Custom\u0020Field Thing-x {"dt":"Thing"}
e05 Create Property\u0020Setter x {}
e06 Create Document\u0020Type\u0020Mapping x {}
e07 Create Thing a {}
--- out
Failed Create DocType Hole: DocType never comes by stream
Failed Create Role Boss: Role never comes by stream
Failed Create Event Producer evil: Event Producer never comes by stream
Failed Create Custom Field Thing-x: Custom Field never comes by stream
Failed Create Property Setter x: Property Setter never comes by stream
Failed Create Document Type Mapping x: Document Type Mapping never comes by stream
Synced Create Thing a
.
t 'nor as a dependency' 'fresh hq; send hq' 1 <<'.'
--- in
e01 Create Role Boss {"role_name":"Boss"} "dependency_of":"e02"
e02 Create Thing a {"role":"Boss"} Role:Boss
--- out
Failed Create Role Boss: Role never comes by stream
Synced Create Thing a
.
t 'a link to one is kept unchecked' 'docs Thing name,role' <<'.'
--- out
{"name":"a","role":"Boss"}
--- err
.
t 'refused is said once' 'send hq' <<'.'
--- in
e01 Create Role Boss {"role_name":"Boss"} "dependency_of":"e02"
--- out
--- err
.

# ---- nothing twice (rule 2)

page() {
	cat <<-'.'
	e01 Create Thing a {"title":"1"}
	e02 Update Thing a {"changed":{"title":"2"}} <e01
	e03 Create Thing b {"title":"1"}
	e04 Update Thing b {"changed":{"title":"2"}} <e03
	.
}
# What a site holds, without its times: documents, journal, sync log, parked.
state() {
	sqlite3 hq.db "SELECT name, json_remove(data,'\$.creation','\$.modified')
	    FROM document; SELECT type, docname, data FROM journal WHERE type > 0;
	    SELECT count(*) FROM journal; SELECT event, status, docname, error
	    FROM synclog; SELECT event, why FROM parked;
	    SELECT cursor, cursor_name FROM producer"
}
fresh hq
t 'a page' 'page | send hq -v' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
Synced Create Thing b
Synced Update Thing b
--- err
es-apply: 4 events: 4 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
state >once
t 'the same page again is skipped quietly' 'page | send hq -v' <<'.'
--- out
--- err
es-apply: 4 events: 0 applied, 0 parked, 0 refused, 0 rejected, 4 known or not subscribed
.
state >twice
ok 'and changes nothing' cmp once twice
t 'one line of it too' 'page | sed -n 2p | send hq' <<'.'
--- out
--- err
.
t 'events twice in one page count once' \
    'fresh hq; { page; page; } | send hq; state | cmp - once' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
Synced Create Thing b
Synced Update Thing b
--- err
.
t 'a later page first, then the whole log: as if in order' \
    'fresh hq; page | sed 1d | send hq; page | send hq; docs Thing name,title; parked' <<'.'
--- out
Synced Create Thing b
Synced Update Thing b
Failed Update Thing a: an event before e02 is missing
Synced Create Thing a
Synced Update Thing a
{"name":"b","title":"2"}
{"name":"a","title":"2"}
.
t 'the lines of a page in any order' \
    'fresh hq; page | sort -r | send hq; docs Thing name,title' <<'.'
--- out
Synced Create Thing b
Synced Update Thing b
Synced Create Thing a
Synced Update Thing a
{"name":"b","title":"2"}
{"name":"a","title":"2"}
.

# ---- prev (rule 3)

fresh hq
t 'a gap parks this document, others pass' 'send hq' 1 <<'.'
--- in
e01 Create Thing a {"title":"1"}
e03 Update Thing a {"changed":{"title":"3"}} <e02
e04 Create Thing b {}
e05 Update Thing a {"changed":{"title":"5"}} <e03
--- out
Synced Create Thing a
Synced Create Thing b
Failed Update Thing a: an event before e03 is missing
Failed Update Thing a: an event before e03 is missing
.
t 'es-sync-log -E says what is parked and why' 'parked' <<'.'
--- out
Failed Update Thing a: an event before e03 is missing
Failed Update Thing a: an event before e03 is missing
--- err
.
t 'what was parked before is not said again' 'send hq' <<'.'
--- in
e03 Update Thing a {"changed":{"title":"3"}} <e02
e06 Create Thing c {}
--- out
Synced Create Thing c
--- err
.
t 'an event that joins a parked chain is parked behind it' 'send hq' 1 <<'.'
--- in
e07 Update Thing a {"changed":{"note":"7"}} <e05
--- out
Failed Update Thing a: an event before e03 is missing
.
t 'the chain goes on when the missing one joins' \
    'send hq; parked; docs Thing name,title,note' <<'.'
--- in
e02 Update Thing a {"changed":{"title":"2"}} <e01
--- out
Synced Update Thing a
Synced Update Thing a
Synced Update Thing a
Synced Update Thing a
{"name":"a","title":"5","note":"7"}
{"name":"b","title":null,"note":null}
{"name":"c","title":null,"note":null}
--- err
.
t 'an update of what was not received whole waits for it' 'send hq' 1 <<'.'
--- in
e11 Update Thing d {"changed":{"title":"2"}} <e10
--- out
Failed Update Thing d: an event before e11 is missing
.
t 'and so does one without a prev' 'send hq' 1 <<'.'
--- in
e12 Update Thing e {"changed":{"title":"2"}}
--- out
Failed Update Thing e: an update of a document that was not received whole
.
t 'each has its line in the sync log, parked once, then its result' \
    'es-sync-log -s hq.db Thing a | jq -r "[.event, .status, .error] | join(\" \")"' <<'.'
--- out
e01 Synced 
e03 Synced 
e05 Synced 
e07 Synced 
e02 Synced 
--- err
.

# ---- folding (rule 6)

entries() {
	sqlite3 hq.db "SELECT j.type, j.data FROM journal j JOIN doctype t
	    ON t.id = j.doctype WHERE t.name = 'Thing' AND j.docname = '$1'" |
	    sed 's/"creation[^_]*_by/"…_by/'
}
fresh hq
t 'create, update and submit that arrive together are one journal entry' \
    'send hq -q; entries a' <<'.'
--- in
e01 Create Thing a {"title":"1","docstatus":0}
e02 Update Thing a {"changed":{"title":"2"}} <e01
e03 Update Thing a {"changed":{"docstatus":1}} <e02
--- out
0|{"doctype":"Thing","name":"a","owner":"Administrator","…_by":"Administrator","docstatus":1,"title":"2"}
--- err
.
t 'updates too, with what they changed together' 'send hq -q; entries a | sed 1d' <<'.'
--- in
e04 Update Thing a {"changed":{"note":"4","count":4}} <e03
e05 Update Thing a {"changed":{"note":"5"}} <e04
--- out
1|{"changed":{"count":4,"note":"5"},"added":{},"removed":{},"row_changed":{}}
--- err
.
t 'but each is in the sync log with its own data' \
    "es-sync-log -v -s hq.db Thing a | jq -c .data | sed 1d" <<'.'
--- out
{"changed":{"title":"2"}}
{"changed":{"docstatus":1}}
{"changed":{"note":"4","count":4}}
{"changed":{"note":"5"}}
--- err
.
t 'nothing is folded of another author' 'fresh hq; send hq -q; entries a | cut -c 1-29' <<'.'
--- in
e01 Create Thing a {"title":"1"}
e02 Update Thing a {"changed":{"title":"2"}} <e01 "author":"s9","via":["s1","s9"],"seen":{"s9":"x2"}
e03 Update Thing a {"changed":{"title":"3"}} <e02
--- out
0|{"doctype":"Thing","name":"
1|{"changed":{"title":"2"}}
1|{"changed":{"title":"3"}}
--- err
.
t 'and the document is whole' 'docs Thing doctype,name,owner,docstatus,title' <<'.'
--- out
{"doctype":"Thing","name":"a","owner":"Administrator","docstatus":0,"title":"3"}
--- err
.
t 'nor of another via' 'fresh hq; send hq -q; entries a | cut -c 1-29' <<'.'
--- in
e01 Create Thing a {"title":"1"}
e02 Update Thing a {"changed":{"title":"2"}} <e01 "via":["s1","s9"],"seen":{"s9":"x2"}
--- out
0|{"doctype":"Thing","name":"
1|{"changed":{"title":"2"}}
--- err
.
t 'nor of another base' 'fresh hq; send hq -q; entries a | cut -c 1-29' <<'.'
--- in
e01 Create Thing a {"title":"1"}
e02 Update Thing a {"changed":{"title":"2"}} <e01 "knew":{"s9":"x2"}
--- out
0|{"doctype":"Thing","name":"
1|{"changed":{"title":"2"}}
--- err
.
fresh hq
t 'the longest part that is valid is written, the rest parked' \
    'send hq; docs Thing name,title,count' <<'.'
--- in
e01 Create Thing a {"title":"1"}
e02 Update Thing a {"changed":{"title":"2"}} <e01
e03 Update Thing a {"changed":{"count":"many"}} <e02
e04 Update Thing a {"changed":{"title":"4"}} <e03
--- out
Synced Create Thing a
Synced Update Thing a
Failed Update Thing a: 'count' wants a whole number, not a string
Failed Update Thing a: 'count' wants a whole number, not a string
{"name":"a","title":"2","count":null}
.
t 'checked once: what a later event repairs passes' \
    'send hq; docs Thing name,title,count' <<'.'
--- in
e05 Update Thing a {"changed":{"count":5}} <e04
--- out
Synced Update Thing a
Synced Update Thing a
Synced Update Thing a
{"name":"a","title":"4","count":5}
--- err
.

t 'a link to nothing that another author took out again' 'fresh hq; send hq; docs Thing name,person' <<'.'
--- in
e01 Create Thing a {"person":"p"}
e02 Update Thing a {"changed":{"person":null}} <e01 "author":"s9","via":["s1","s9"],"seen":{"s9":"x2"}
--- out
Synced Create Thing a
Synced Update Thing a
{"name":"a","person":null}
--- err
.

# ---- checks (rule 6)

fresh hq
t 'a Create may have any docstatus' 'send hq; docs Thing name,docstatus' <<'.'
--- in
e01 Create Thing a {"docstatus":1}
e02 Create Thing b {"docstatus":2}
--- out
Synced Create Thing a
Synced Create Thing b
{"name":"a","docstatus":1}
{"name":"b","docstatus":2}
--- err
.
t 'docstatus never goes back' 'send hq; docs Thing name,docstatus' <<'.'
--- in
e03 Update Thing a {"changed":{"docstatus":0}} <e01
e04 Update Thing b {"changed":{"docstatus":1}} <e02
--- out
Failed Update Thing a: docstatus goes back from 1 to 0
Failed Update Thing b: docstatus goes back from 2 to 1
{"name":"a","docstatus":1}
{"name":"b","docstatus":2}
.
t 'after submit anything may change' 'send hq' <<'.'
--- in
e05 Create Thing c {"docstatus":1,"title":"1"}
e06 Update Thing c {"changed":{"title":"2"}} <e05
--- out
Synced Create Thing c
Synced Update Thing c
--- err
.
t 'types' 'send hq' 1 <<'.'
--- in
e10 Create Thing f {"count":1.5}
e11 Create Thing g {"price":"1,5"}
e12 Create Thing h {"title":{"a":1}}
e13 Create Thing i {"parts":[{"name":"r","qty":"x"}]}
e14 Create Thing j {"docstatus":3}
--- out
Failed Create Thing f: 'count' wants a whole number, not '1.5'
Failed Create Thing g: 'price' wants a number, not a string
Failed Create Thing h: 'title' wants a string, not an object
Failed Create Thing i: row 1 of 'parts': 'qty' wants a number, not a string
Failed Create Thing j: 'docstatus' is 0, 1 or 2
.
t 'unique fields' 'send hq' 1 <<'.'
--- in
e20 Create Thing k {"code":"K"}
e21 Create Thing l {"code":"K"}
--- out
Synced Create Thing k
Failed Create Thing l: 'code' must be unique, but 'k' has 'K' already
.
t 'goes on when the value is free' 'send hq; parked | grep -c unique' 1 <<'.'
--- in
e22 Update Thing k {"changed":{"code":"K2"}} <e20
--- out
Synced Update Thing k
Synced Create Thing l
0
--- err
.
cp hq.db before.db
t 'unique fields, under local names: the name it came with is another document here' '
    echo "{\"doctype\":\"DocType\",\"name\":\"Badge\",\"module\":\"Test\",\"autoname\":\"B-.##\",\"fields\":[{\"fieldname\":\"code\",\"fieldtype\":\"Data\",\"unique\":1}]}" >badge.json
    es-doctype -q -s hq.db badge.json; subscribe hq north "Badge,\"use_same_name\":0"
    echo "{\"code\":\"K\"}" | es-put -q -s hq.db Badge; send hq; s=$?; docs Badge name,code; exit $s' 1 <<'.'
--- in
u50 Create Badge B-01 {"code":"K"} @badge
--- out
Failed Create Badge B-01: 'code' must be unique, but 'B-01' has 'K' already
{"name":"B-01","code":"K"}
--- err
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
rm -f hq.db-*
cp before.db hq.db
t 'a diff of another shape' 'send hq' 1 <<'.'
--- in
e23 Update Thing k {"changed":[]} <e22
--- out
Failed Update Thing k: a part of the diff is no object
.
t 'a DocType that is not here' 'fresh hq; send hq' 1 <<'.'
--- in
e01 Create Nothing n {} "dependency_of":"e02"
e02 Create Thing a {"ref_type":"Nothing","ref":"n"} Nothing:n
--- out
Failed Create Nothing n: no DocType 'Nothing' here; es-doctype puts one in
Failed Create Thing a: waits for Nothing 'n'
.
t 'numbers keep their digits, strings their text' \
    'fresh hq; send hq; docs Thing price,title' <<'.'
--- in
e01 Create Thing a {"price":12345678901234567890.10,"title":"\u00e9\\\"\n"}
--- out
Synced Create Thing a
{"price":12345678901234567890.10,"title":"é\\\"\n"}
--- err
.
t 'what a document has by itself does not come from elsewhere' \
    'fresh hq; send hq -q; docs Thing doctype,name,owner,idx,__x,title' <<'.'
--- in
e01 Create Thing a {"doctype":"Role","name":"b","owner":"x","idx":7,"__x":1,"title":"1"}
e02 Update Thing a {"changed":{"doctype":"Role","name":"b","owner":"x","idx":7,"__x":1,"title":"2"}} <e01
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:02","name":"e02","events":2}}
e03 Update Thing a {"changed":{"doctype":"Role","name":"b","owner":"x","idx":7,"__x":1,"title":"3"}} <e02
--- out
{"doctype":"Thing","name":"a","owner":"Administrator","idx":null,"__x":null,"title":"3"}
--- err
.
t 'child rows keep their remote names, in order' \
    'fresh hq; send hq; docs Thing parts' <<'.'
--- in
e01 Create Thing a {"parts":[{"name":"r1","idx":1,"code":"a"},{"name":"r2","idx":2,"code":"b"}]}
e02 Update Thing a {"changed":{},"added":{"parts":[{"name":"r3","idx":1,"code":"c"}]},"removed":{"parts":["r1"]},"row_changed":{"parts":[{"name":"r2","code":"B"}]}} <e01
--- out
Synced Create Thing a
Synced Update Thing a
{"parts":[{"name":"r3","idx":1,"code":"c"},{"name":"r2","idx":2,"code":"B"}]}
--- err
.

t 'reqd, Select and after submit give warnings' \
    'fresh hq; send hq; es-sync-log -s hq.db | jq -r "[.status, .code] | join(\" \")"' <<'.'
--- in
e01 Create Form a {"kind":"three","must":"m"}
e02 Create Form b {"kind":"one"}
e03 Update Form a {"changed":{"must":""}} <e01
e04 Create Thing x {"docstatus":1}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:04","name":"e04","events":4}}
e05 Update Thing x {"changed":{"note":"n"}} <e04
e06 Create Form c {"kind":"two","must":"m"}
{"checkpoint":{"event_producer":"north","from":"2026-01-01 00:00:04","last_update":"2026-01-01 00:00:06","name":"e06","events":2}}
e07 Update Thing x {"changed":{"title":"t"}} <e05
--- out
Synced Create Form a
Synced Update Form a: 'kind' cannot be 'three', which is none of its options
Synced Create Form b: 'must' is required
Synced Create Thing x
Synced Update Thing x
Synced Create Form c
Synced Update Thing x: 'title' cannot change after submit
Synced 
Synced warning
Synced warning
Synced 
Synced 
Synced 
Synced warning
--- err
.
t 'only with strict=1' 'fresh hq; subscribe hq north "Form,\"strict\":1"; send hq' 1 <<'.'
--- in
e01 Create Form a {"kind":"one"}
e02 Create Form b {"must":"b","kind":"three"}
e03 Create Form c {"must":"c","kind":"one"}
--- out
Synced Create Form c
Failed Create Form a: 'must' is required
Failed Create Form b: 'kind' cannot be 'three', which is none of its options
.
t 'strict: after submit only what allow_on_submit says' \
    'fresh hq; subscribe hq north "Thing,\"strict\":1"
    echo "e01 Create Thing a {\"docstatus\":1}" | send hq; send hq' 1 <<'.'
--- in
e02 Update Thing a {"changed":{"note":"2"}} <e01
e03 Update Thing a {"changed":{"title":"3"}} <e02
--- out
Synced Create Thing a
Synced Update Thing a
Failed Update Thing a: 'title' cannot change after submit
.

# ---- owner, sync log line, journal (rules 6 and 7)

cp blank.new hq.new
fresh hq
echo '{"doctype":"User","name":"sync@hq","email":"sync@hq","first_name":"s","roles":[{"role":"System Manager"}]}' | es-put -q -s hq.db
U=sync@hq
ok 'another user' subscribe hq north Thing 'Person,"use_same_name":0'
cp hq.db hq.new
t 'the owner is the user of the subscription' \
    'fresh hq; send hq -q; docs Thing owner,modified_by' <<'.'
--- in
e01 Create Thing a {"owner":"them@there","modified_by":"them@there"}
--- out
{"owner":"sync@hq","modified_by":"sync@hq"}
--- err
.
t 'a sync log line' 'send hq >/dev/null 2>&1; cat log; echo; es-sync-log -s hq.db -v -e e03' <<'.'
--- in
e02 Create Person p {"title":"x"}
e03 Update Thing a {"changed":{"title":"3"}} <e02
--- out
{"name":2,"creation":"TIME","update_type":"Create","ref_doctype":"Person","docname":"P-01","producer_doc":"p","status":"Synced","event_producer":"north","event":"e02","use_same_name":0}
{"name":3,"creation":"TIME","update_type":"Update","ref_doctype":"Thing","docname":"a","producer_doc":"a","status":"Failed","event_producer":"north","event":"e03","use_same_name":1,"code":"gap","error":"an event before e03 is missing"}

{"name":3,"creation":"TIME","update_type":"Update","ref_doctype":"Thing","docname":"a","producer_doc":"a","status":"Failed","event_producer":"north","event":"e03","use_same_name":1,"code":"gap","error":"an event before e03 is missing","data":{"changed":{"title":"3"}}}
--- err
.
t '-q says nothing' 'fresh hq; send hq -q; wc -c <log' <<'.'
--- in
e01 Create Thing a {}
--- out
0
--- err
.
t 'what came by a peer goes on with its via, author and origin' \
    "fresh hq; send hq -q; es-producer-log -s hq.db Thing |
    jq -c 'select(.name) | .via[0] |= \"me\" | .seen = (.seen | keys) | [.via, .author, .origin, .seen]'" <<'.'
--- in
e01 Create Thing a {}
e02 Update Thing a {"changed":{"title":"2"}} <e01 "author":"s9","via":["s1","s9"],"seen":{"s9":"x2"}
--- out
[["me","s1"],"s1",["s1","a"],["s1"]]
[["me","s1","s9"],"s9",["s1","a"],["s1","s9"]]
--- err
.
t 'even an event that changes nothing here' \
    "send hq -q; es-producer-log -s hq.db Thing | jq -c 'select(.name) | .data.changed'" <<'.'
--- in
e03 Update Thing a {"changed":{"title":"2"}} <e02
--- out
null
{"title":"2"}
{"title":"2"}
--- err
.

done_testing
