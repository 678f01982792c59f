#!/bin/sh
# es-apply - Delete and Rename, which stand outside the chain

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

docs() {
	es-get -s hq.db -C "$2" "$1"
}

ok 'a site' site hq
cp hq.new blank.new
ok 'a subscription' subscribe hq north Thing Person
cp hq.db hq.new

# ---- Delete

t 'a Delete deletes' 'send hq -q; echo "e02 Delete Thing a" | send hq; docs Thing name' <<'.'
--- in
e01 Create Thing a {}
--- out
Synced Delete Thing a
--- err
.
t 'twice does nothing' 'send hq; sqlite3 hq.db "SELECT count(*) FROM journal WHERE type = 2"' <<'.'
--- in
e02 Delete Thing a
--- out
1
--- err
.
t 'what comes late does not bring it back' 'send hq; docs Thing name; es-sync-log -E -s hq.db | brief' <<'.'
--- in
e03 Create Thing a {} "snapshot":1
e04 Update Thing a {"changed":{"title":"4"}} <e01
e05 Create Thing a {} "dependency_of":"e06"
e06 Create Thing b {"thing":"a"} Thing:a
--- out
Failed Create Thing b: waits for Thing 'a'
Failed Create Thing b: waits for Thing 'a'
.
t 'a Delete of what never was here leaves a tombstone' 'fresh hq; send hq; docs Thing name' <<'.'
--- in
e02 Delete Thing a
--- out
Synced Delete Thing a
--- err
.
t 'that late Creates respect' 'send hq; docs Thing name; es-sync-log -E -s hq.db' <<'.'
--- in
e01 Create Thing a {}
e03 Create Thing a {} "snapshot":1
--- out
--- err
.
t 'another document may have the name' 'send hq' <<'.'
--- in
e04 Create Thing a {} @a2
--- out
Synced Create Thing a
--- err
.
t 'Create and Delete in one page: nothing was there' \
    'fresh hq; send hq; docs Thing name; sqlite3 hq.db "SELECT count(*) FROM journal j
    JOIN doctype t ON t.id = j.doctype WHERE t.name = '"'Thing'"'"' <<'.'
--- in
e01 Create Thing a {}
e02 Delete Thing a
--- out
Synced Create Thing a: deleted before it could be applied
Synced Delete Thing a
0
--- err
.
fresh hq
t 'it ignores the chain, and cancels what is parked' 'send hq 2>/dev/null
    echo "e05 Delete Thing a" | send hq; docs Thing name; es-sync-log -E -s hq.db
    sqlite3 hq.db "SELECT count(*) FROM parked"' <<'.'
--- in
e01 Create Thing a {}
e03 Update Thing a {"changed":{"title":"3"}} <e02
--- out
Synced Create Thing a
Failed Update Thing a: an event before e03 is missing
Synced Update Thing a: deleted before it could be applied
Synced Delete Thing a
0
--- err
.
t 'and what was parked of a document that never came' 'fresh hq; send hq 2>/dev/null
    echo "e05 Delete Thing a" | send hq; sqlite3 hq.db "SELECT count(*) FROM parked"' <<'.'
--- in
e02 Create Thing a {"person":"p"} Person:p
--- out
Failed Create Thing a: waits for Person 'p'
Synced Create Thing a: deleted before it could be applied
Synced Delete Thing a
0
--- err
.
fresh hq
t 'it parks if a local document links there' 'fresh hq; send hq' 1 <<'.'
--- in
e01 Create Person p {}
e02 Create Thing a {"person":"p"} Person:p
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:02","name":"e02","events":2}}
e04 Delete Person p
--- out
Synced Create Person p
Synced Create Thing a
Failed Delete Person p: Thing 'a' links to it
.
t 'meanwhile others go on' 'send hq' <<'.'
--- in
e05 Create Thing b {}
--- out
Synced Create Thing b
--- err
.
t 'and it goes on when that link goes' 'send hq; docs Person name' <<'.'
--- in
e06 Update Thing a {"changed":{"person":null}} <e02
--- out
Synced Update Thing a
Synced Delete Person p
--- err
.
t 'or that document' 'fresh hq; send hq; docs Person name' <<'.'
--- in
e01 Create Person p {}
e02 Create Thing a {"person":"p"} Person:p
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:02","name":"e02","events":2}}
e04 Delete Person p
e05 Create Thing b {}
{"checkpoint":{"event_producer":"north","from":"2026-01-01 00:00:02","last_update":"2026-01-01 00:00:05","name":"e05","events":2}}
e06 Delete Thing a
--- out
Synced Create Person p
Synced Create Thing a
Synced Create Thing b
Failed Delete Person p: Thing 'a' links to it
Synced Delete Thing a
Synced Delete Person p
.
t 'or when it goes here' 'fresh hq; send hq 2>&1 | grep Failed; es-rm -q -s hq.db Thing a
    echo "e09 Create Thing b {}" | send hq' <<'.'
--- in
e01 Create Person p {}
e02 Create Thing a {"person":"p"} Person:p
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:02","name":"e02","events":2}}
e04 Delete Person p
--- out
Failed Delete Person p: Thing 'a' links to it
Synced Delete Person p
Synced Create Thing b
.
t 'a link to itself does not hold it' 'fresh hq; send hq -q; echo "e02 Delete Thing a" | send hq' <<'.'
--- in
e01 Create Thing a {"thing":"a"} Thing:a
--- out
Synced Delete Thing a
--- err
.
t 'a submitted one is deleted' 'fresh hq; send hq -q; echo "e02 Delete Thing a" | send hq' <<'.'
--- in
e01 Create Thing a {"docstatus":1}
--- out
Synced Delete Thing a
--- err
.
t 'a Delete beats an edit made here' 'fresh hq; send hq -q
    echo "{\"doctype\":\"Thing\",\"name\":\"a\",\"title\":\"ours\"}" | es-put -q -s hq.db
    echo "e02 Delete Thing a" | send hq; docs Thing name' <<'.'
--- in
e01 Create Thing a {}
--- out
Synced Delete Thing a
--- err
.
t 'of a document that came as a dependency a Delete comes too' 'fresh hq; cp blank.new hq.db
    subscribe hq north Thing; send hq; echo "e03 Delete Person p" | send hq 2>/dev/null
    echo "e04 Delete Thing a" | send hq; docs Person name' <<'.'
--- in
e01 Create Person p {} "dependency_of":"e02"
e02 Create Thing a {"person":"p"} Person:p
--- out
Synced Create Person p
Synced Create Thing a
Failed Delete Person p: Thing 'a' links to it
Synced Delete Thing a
Synced Delete Person p
--- err
.
t 'of what it never had to do with none' 'fresh hq; cp blank.new hq.db; subscribe hq north Thing
    echo "{\"doctype\":\"Person\"}" | es-put -q -s hq.db; send hq; docs Person name' <<'.'
--- in
e01 Delete Person P-01 @p
e02 Rename Person P-01 {"new_name":"x","merge":0} @p
--- out
{"name":"P-01"}
--- err
.
t 'what was deleted here stays so' 'fresh hq; send hq -q; es-rm -q -s hq.db Thing a
    echo "e02 Update Thing a {\"changed\":{\"title\":\"2\"}} <e01" | send hq; docs Thing name' <<'.'
--- in
e01 Create Thing a {}
--- out
--- err
.

# ---- Rename

fresh hq
t 'a Rename renames, and what links to it' 'send hq -q; echo "e03 Rename Thing a {\"new_name\":\"b\",\"merge\":0}" |
    send hq; docs Thing name,thing' <<'.'
--- in
e01 Create Thing a {"thing":"a"} Thing:a
e02 Create Thing c {"thing":"a"} Thing:a
--- out
Synced Rename Thing a as b
{"name":"b","thing":"b"}
{"name":"c","thing":"b"}
--- err
.
t 'twice does nothing' 'send hq' <<'.'
--- in
e03 Rename Thing a {"new_name":"b","merge":0}
--- out
--- err
.
t 'it does not break the chain' 'send hq; docs Thing name,title' <<'.'
--- in
e04 Update Thing b {"changed":{"title":"4"}} <e01 @a
e05 Rename Thing b {"new_name":"d","merge":0} @a
e06 Update Thing d {"changed":{"title":"6"}} <e04 @a
--- out
Synced Rename Thing b as d
Synced Update Thing b as d
Synced Update Thing d
{"name":"d","title":"6"}
{"name":"c","title":null}
--- err
.
t 'it goes on to others' "es-producer-log -s hq.db | jq -c 'select(.update_type == \"Rename\") | [.docname, .data, .origin[1], .prev, (.via | length)]'" <<'.'
--- out
["a",{"new_name":"b","merge":0},"a",null,2]
["b",{"new_name":"d","merge":0},"a",null,2]
--- err
.
t 'a name that is taken parks it, what else comes of the document passes' 'send hq; docs Thing name,title' <<'.'
--- in
e07 Rename Thing d {"new_name":"c","merge":0} @a
e08 Update Thing c {"changed":{"title":"8"}} <e06 @a
--- out
Synced Update Thing c as d
Failed Rename Thing d: another Thing is called 'c' here
{"name":"d","title":"8"}
{"name":"c","title":null}
.
t 'until it is free' 'send hq; docs Thing name,title' <<'.'
--- in
e09 Delete Thing c
--- out
Synced Delete Thing c
Synced Rename Thing d as c
{"name":"c","title":"8"}
--- err
.
t 'two swap their names by way of a third' 'fresh hq; send hq -q; send hq -q <swap; docs Thing name,title' <<'.'
--- file swap
e03 Rename Thing a {"new_name":"t","merge":0}
e04 Rename Thing b {"new_name":"a","merge":0}
e05 Rename Thing t {"new_name":"b","merge":0} @a
--- in
e01 Create Thing a {"title":"1"}
e02 Create Thing b {"title":"2"}
--- out
{"name":"b","title":"1"}
{"name":"a","title":"2"}
--- err
.
t 'before its Create arrives, it is skipped' 'fresh hq; send hq; docs Thing name' <<'.'
--- in
e03 Rename Thing a {"new_name":"b","merge":0}
--- out
--- err
.
t 'the Create and the Rename in one page: the last name' 'fresh hq; send hq; docs Thing name' <<'.'
--- in
e01 Create Thing a {}
e02 Rename Thing a {"new_name":"b","merge":0}
e03 Rename Thing b {"new_name":"c","merge":0} @a
--- out
Synced Create Thing a as c
Synced Rename Thing a as c
Synced Rename Thing b as c
{"name":"c"}
--- err
.
t 'a Create that is parked takes its Renames along' 'fresh hq; send hq; echo "e09 Create Person p {}" | send hq
    docs Thing name' <<'.'
--- in
e01 Create Thing a {"person":"p"} Person:p
e02 Rename Thing a {"new_name":"b","merge":0}
e03 Update Thing b {"changed":{"title":"3"}} <e01 @a
--- out
Failed Create Thing a: waits for Person 'p'
Failed Rename Thing a: waits for Person 'p'
Failed Update Thing b: waits for Person 'p'
Synced Create Person p
Synced Create Thing a as b
Synced Rename Thing a as b
Synced Update Thing b
{"name":"b"}
.
t 'two Renames: the newest counts' 'fresh hq; send hq -q; send hq <two; docs Thing name' <<'.'
--- file two
e03 Rename Thing b {"new_name":"c","merge":0} @a
e02 Rename Thing a {"new_name":"b","merge":0}
--- in
e01 Create Thing a {}
--- out
Synced Rename Thing a as c
Synced Rename Thing b as c
{"name":"c"}
--- err
.
t 'one that is older than the last does nothing' 'fresh hq; send hq -q
    echo "e03 Rename Thing b {\"new_name\":\"c\",\"merge\":0} @a" | send hq
    echo "e02 Rename Thing a {\"new_name\":\"b\",\"merge\":0}" | send hq; docs Thing name' <<'.'
--- in
e01 Create Thing a {}
--- out
Synced Rename Thing b as c
Synced Rename Thing a as c
{"name":"c"}
--- err
.
t 'a document that is named by a field has it changed' 'fresh hq
    echo "{\"doctype\":\"DocType\",\"name\":\"Word\",\"module\":\"Test\",\"autoname\":\"field:word\",\"fields\":[{\"fieldname\":\"word\",\"fieldtype\":\"Data\",\"unique\":1}]}" >word.json
    es-doctype -q -s hq.db word.json; subscribe hq north Thing Word; send hq -q
    echo "e02 Rename Word a {\"new_name\":\"b\",\"merge\":0}" | send hq; docs Word name,word' <<'.'
--- in
e01 Create Word a {"word":"a"}
--- out
Synced Rename Word a as b
{"name":"b","word":"b"}
--- err
.

cp blank.new hq.db
ok 'names of our own' subscribe hq north 'Thing,"use_same_name":0'
t 'local names stay local' 'send hq -q; es-mv -q -s hq.db Thing a ours
    echo "e02 Rename Thing a {\"new_name\":\"b\",\"merge\":0}" | send hq; docs Thing name,remote_docname' <<'.'
--- in
e01 Create Thing a {}
--- out
Synced Rename Thing a as ours
{"name":"ours","remote_docname":"b"}
--- err
.

done_testing
