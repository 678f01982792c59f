#!/bin/sh
# es-apply - links, names, documents that wait for one another

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

docs() {
	es-get -s hq.db -C "$2" "$1"
}

ok 'a site' site hq
cp hq.new blank.new
ok 'a subscription' subscribe hq north Thing Person Form
cp hq.db hq.new

# ---- waiting (rules 5 and 7)

t 'waits for a link target, and wakes in the same page' 'send hq' <<'.'
--- in
e01 Create Thing a {"person":"p"} Person:p
e02 Create Thing b {"thing":"a"} Thing:a
e03 Create Person p {}
--- out
Synced Create Person p
Synced Create Thing a
Synced Create Thing b
--- err
.
pages() {
	echo 'e01 Create Thing a {"person":"p"} Person:p'
	echo 'e02 Create Thing b {"thing":"a"} Thing:a'
	echo '{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:02","name":"e02","events":2}}'
	echo 'e03 Create Person p {}'
}
t 'wakes in the same run' 'fresh hq; pages | send hq' 1 <<'.'
--- out
Failed Create Thing a: waits for Person 'p'
Failed Create Thing b: waits for Thing 'a'
Synced Create Person p
Synced Create Thing a
Synced Create Thing b
.
t 'wakes in the next run' 'fresh hq; pages | sed 4d | send hq 2>/dev/null; pages | sed "1,3d" | send hq
    es-sync-log -E -s hq.db' <<'.'
--- out
Failed Create Thing a: waits for Person 'p'
Failed Create Thing b: waits for Thing 'a'
Synced Create Person p
Synced Create Thing a
Synced Create Thing b
--- err
.
t 'what is put in here wakes it as well' 'fresh hq; P=south S=s2; subscribe hq south Person
    P=north S=s1; pages | sed 4d | send hq -q 2>/dev/null
    P=south S=s2; echo "e01 Create Person p {}" | send hq -q
    P=north S=s1; echo "e01 Create Thing c {\"person\":\"q\"} \"links\":{\"Person\":{\"q\":[\"s2\",\"p\"]}}" | send hq
    docs Thing name,person' <<'.'
--- out
Synced Create Thing c
Synced Create Thing a
Synced Create Thing b
{"name":"c","person":"p"}
{"name":"a","person":"p"}
{"name":"b","person":null}
.
t 'all the events of a document wait with it' 'fresh hq; send hq; docs Thing name,title,person' <<'.'
--- in
e01 Create Thing a {"title":"1"}
e02 Update Thing a {"changed":{"person":"p"}} <e01 Person:p
e03 Update Thing a {"changed":{"title":"3"}} <e02
--- out
Synced Create Thing a
Failed Update Thing a: waits for Person 'p'
Failed Update Thing a: waits for Person 'p'
{"name":"a","title":"1","person":null}
.
t 'and a link that was taken out again is waited for no more' 'send hq; docs Thing name,title,person' <<'.'
--- in
e04 Update Thing a {"changed":{"person":null}} <e03
--- out
Synced Update Thing a
Synced Update Thing a
Synced Update Thing a
{"name":"a","title":"3","person":null}
--- err
.
t 'links in rows and dynamic ones' 'fresh hq; send hq' 1 <<'.'
--- in
e01 Create Thing a {"parts":[{"name":"r","thing":"t"}]} Thing:t
e02 Create Thing b {"ref_type":"Person","ref":"p"} Person:p
e03 Create Thing c {}
e04 Update Thing c {"changed":{},"added":{"parts":[{"name":"r","thing":"u"}]}} <e03 Thing:u
--- out
Synced Create Thing c
Failed Create Thing a: waits for Thing 't'
Failed Create Thing b: waits for Person 'p'
Failed Update Thing c: waits for Thing 'u'
.
t 'a chain of waiting things, latest first' 'send hq' <<'.'
--- in
e10 Create Thing t {"thing":"u"} Thing:u
e11 Create Thing u {"person":"p"} Person:p
e12 Create Person p {}
--- out
Synced Create Person p
Synced Create Thing b
Synced Create Thing u
Synced Update Thing c
Synced Create Thing t
Synced Create Thing a
.
t 'a link that dangled at the producer waits for a document of no birth' 'fresh hq; send hq' 1 <<'.'
--- in
e01 Create Thing a {"person":"p"}
--- out
Failed Create Thing a: waits for Person 'p'
.

# ---- documents that wait only for one another

fresh hq
t 'a link to itself' 'send hq; docs Thing name,thing,parts' <<'.'
--- in
e01 Create Thing a {"thing":"a","parts":[{"name":"r","idx":1,"thing":"a"}]} Thing:a
e02 Create Thing b {}
e03 Update Thing b {"changed":{"thing":"b"}} <e02 Thing:b
--- out
Synced Create Thing a
Synced Create Thing b
Synced Update Thing b
{"name":"a","thing":"a","parts":[{"name":"r","idx":1,"thing":"a"}]}
{"name":"b","thing":"b","parts":null}
--- err
.
fresh hq
t 'two are applied together' 'send hq; docs Thing name,person; docs Person name,thing' <<'.'
--- in
e01 Create Thing a {"person":"p"} Person:p
e02 Create Person p {"thing":"a"} Thing:a
--- out
Synced Create Thing a
Synced Create Person p
{"name":"a","person":"p"}
{"name":"p","thing":"a"}
--- err
.
t 'and relayed so that a third can apply them' "es-producer-log -s hq.db |
    jq -c 'select(.docname == \"a\" or .docname == \"p\") | [.update_type, .ref_doctype, .data.person, .data.thing, .data.changed, (.links // {} | keys)]'" <<'.'
--- out
["Create","Thing",null,null,null,[]]
["Create","Person",null,"a",null,["Thing"]]
["Update","Thing",null,null,{"person":"p"},["Person"]]
--- err
.
t 'three in a ring, and one that waits for them, over pages' 'fresh hq; send hq; docs Thing name,thing' 0 <<'.'
--- in
e01 Create Thing w {"thing":"a"} Thing:a
e02 Create Thing a {"thing":"b"} Thing:b
e03 Create Thing b {"thing":"c"} Thing:c
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:03","name":"e03","events":3}}
e04 Create Thing c {"thing":"a"} Thing:a
--- out
Failed Create Thing w: waits for Thing 'a'
Failed Create Thing a: waits for Thing 'b'
Failed Create Thing b: waits for Thing 'c'
Synced Create Thing c
Synced Create Thing a
Synced Create Thing b
Synced Create Thing w
{"name":"c","thing":"a"}
{"name":"a","thing":"b"}
{"name":"b","thing":"c"}
{"name":"w","thing":"a"}
.
fresh hq
t 'all or none: one of them is not valid' 'send hq; docs Thing name; docs Person name' 0 <<'.'
--- in
e01 Create Thing a {"person":"p"} Person:p
e02 Create Person p {"thing":"b"} Thing:b
e03 Create Thing b {"thing":"a","count":"x"} Thing:a
--- out
Failed Create Thing a: waits for Person 'p'
Failed Create Person p: waits for Thing 'b'
Failed Create Thing b: 'count' wants a whole number, not a string
.
t 'until it is repaired' 'send hq; docs Thing name,thing,person' 0 <<'.'
--- in
e04 Update Thing b {"changed":{"count":4}} <e03
--- out
Synced Create Thing a
Synced Create Person p
Synced Create Thing b
Synced Update Thing b
{"name":"a","thing":null,"person":"p"}
{"name":"b","thing":"a","person":null}
--- err
.
t 'others that wait for one another pass' 'fresh hq; send hq; docs Thing name,thing' 0 <<'.'
--- in
e01 Create Thing a {"thing":"b","count":"x"} Thing:b
e02 Create Thing b {"thing":"a"} Thing:a
e03 Create Thing c {"thing":"d"} Thing:d
e04 Create Thing d {"thing":"c"} Thing:c
--- out
Synced Create Thing c
Synced Create Thing d
Failed Create Thing a: 'count' wants a whole number, not a string
Failed Create Thing b: waits for Thing 'a'
{"name":"c","thing":"d"}
{"name":"d","thing":"c"}
.

# ---- names that are shared: adoption (rule 4)

# The births of a document, the origin first.
births() {
	es-producer-log -i -s hq.db Thing "$1" | jq -c 'select(.name) |
	    [.origin] + (.also // []) | map(if (.[0] | length) < 3 then .[1] else "ours" end)'
}
fresh hq
echo '{"doctype":"Thing","name":"a","title":"1"}
{"doctype":"Thing","name":"b","title":"1"}' | es-put -q -s hq.db
t 'an equal document of the same name is adopted' 'send hq; docs Thing name,title' <<'.'
--- in
e01 Create Thing a {"title":"1"}
--- out
Synced Create Thing a
{"name":"a","title":"1"}
{"name":"b","title":"1"}
--- err
.
t 'the smaller site id becomes the origin' 'births a' <<'.'
--- out
["ours","a"]
.
t 'at either side' 'S=0; P=south; subscribe hq south Thing; send hq -q; births b' <<'.'
--- in
e01 Create Thing b {"title":"1"} @bb
--- out
["bb","ours"]
.
t 'its updates apply, and its delete' 'send hq; echo "e03 Delete Thing a" | send hq; docs Thing name' <<'.'
--- in
e02 Update Thing a {"changed":{"title":"2"}} <e01
--- out
Synced Update Thing a
Synced Delete Thing a
{"name":"b"}
--- err
.
fresh hq
echo '{"doctype":"Thing","name":"a","title":"1"}' | es-put -q -s hq.db
t 'a different one is parked' 'send hq; docs Thing title' 0 <<'.'
--- in
e01 Create Thing a {"title":"2"}
e02 Update Thing a {"changed":{"note":"2"}} <e01
--- out
Failed Create Thing a: another Thing is called 'a' here
Failed Update Thing a: another Thing is called 'a' here
{"title":"1"}
.
t 'and goes on when the name is free' 'es-mv -q -s hq.db Thing a z; send hq; docs Thing name,title' <<'.'
--- in
e03 Create Thing b {}
--- out
Synced Create Thing a
Synced Update Thing a
Synced Create Thing b
{"name":"z","title":"1"}
{"name":"a","title":"2"}
{"name":"b","title":null}
--- err
.
t 'or equal' 'fresh hq; echo "{\"doctype\":\"Thing\",\"name\":\"a\",\"title\":\"1\"}" | es-put -q -s hq.db
    echo "e01 Create Thing a {\"title\":\"2\"}" | send hq -q 2>/dev/null
    echo "{\"doctype\":\"Thing\",\"name\":\"a\",\"title\":\"2\"}" | es-put -q -s hq.db; send hq' <<'.'
--- in
e03 Create Thing b {}
--- out
Synced Create Thing a
Synced Create Thing b
--- err
.
t 'unless the policy is producer' 'fresh hq; subscribe hq north "Thing,\"conflict\":\"producer\""
    echo "{\"doctype\":\"Thing\",\"name\":\"a\",\"title\":\"1\",\"note\":\"ours\"}" | es-put -q -s hq.db
    send hq; docs Thing title,note; births a' <<'.'
--- in
e01 Create Thing a {"title":"2"}
--- out
Synced Create Thing a
{"title":"2","note":null}
["ours","a"]
--- err
.
t 'a document that the same site brings under that name is another' 'fresh hq; send hq' 1 <<'.'
--- in
e01 Create Thing a {"title":"1"}
e02 Create Thing a {"title":"1"} @a2
--- out
Synced Create Thing a
Failed Create Thing a: the name 'a' is taken by another document of that site
.
t 'its events before and after an adoption elsewhere in one page' 'fresh hq; send hq -q; send hq <both; docs Thing title,note' <<'.'
--- file both
e02 Update Thing a {"changed":{"title":"2"}} <e01
{"name":"e03","creation":"2026-01-01 00:00:03","update_type":"Update","ref_doctype":"Thing","docname":"a","data":{"changed":{"note":"3"}},"event_producer":"north","site":"s1","prev":"e02","origin":["s0","b"],"also":[["s1","a"]],"via":["s1"]}
--- in
e01 Create Thing a {"title":"1"}
--- out
Synced Update Thing a
Synced Update Thing a
{"title":"2","note":"3"}
--- err
.

# ---- local names

cp blank.new hq.new
fresh hq
ok 'a subscription with names of our own' \
    subscribe hq north 'Person,"use_same_name":0' 'Thing,"use_same_name":0'
cp hq.db hq.new
t 'the series of the consumer gives the name' \
    'send hq; docs Person name,remote_docname,remote_site_name' <<'.'
--- in
e01 Create Person Mary {"title":"Mary"}
e02 Create Person John {}
--- out
Synced Create Person Mary as P-01
Synced Create Person John as P-02
{"name":"P-01","remote_docname":"Mary","remote_site_name":"north"}
{"name":"P-02","remote_docname":"John","remote_site_name":"north"}
--- err
.
t 'it goes on where our own names end' "echo '{\"doctype\":\"Person\"}' | es-put -q -s hq.db; send hq" <<'.'
--- in
e03 Create Person Lucy {}
--- out
Synced Create Person Lucy as P-04
.
t 'links are translated by births' 'send hq; docs Thing name,person,thing,parts' <<'.'
--- in
e05 Create Thing a {"person":"Mary"} Person:Mary
e06 Create Thing b {"thing":"a","parts":[{"name":"r","idx":1,"thing":"a"}]} Thing:a
--- out
Synced Create Thing a
Synced Create Thing b
{"name":"a","person":"P-01","thing":null,"parts":null}
{"name":"b","person":null,"thing":"a","parts":[{"name":"r","idx":1,"thing":"a"}]}
--- err
.
t 'whatever the target is called by now' 'send hq; docs Thing name,person; docs Person name,remote_docname,thing' <<'.'
--- in
e07 Rename Person Mary {"new_name":"Maria","merge":0} @Mary
e08 Update Thing b {"changed":{"person":"Mary"}} <e06 Person:Mary
e09 Update Person Maria {"changed":{"thing":"a"}} <e01 @Mary Thing:a
--- out
Synced Rename Person Mary as P-01
Synced Update Person Maria as P-01
Synced Update Thing b
{"name":"a","person":"P-01"}
{"name":"b","person":"P-01"}
{"name":"P-01","remote_docname":"Maria","thing":"a"}
{"name":"P-02","remote_docname":"John","thing":null}
{"name":"P-03","remote_docname":null,"thing":null}
{"name":"P-04","remote_docname":"Lucy","thing":null}
--- err
.
t 'a local rename keeps it' 'es-mv -q -s hq.db Person P-02 Johnny; send hq; docs Person name,title,remote_docname | sed -n 2p' <<'.'
--- in
e10 Update Person John {"changed":{"title":"J"}} <e02
--- out
Synced Update Person John as Johnny
{"name":"Johnny","title":"J","remote_docname":"John"}
--- err
.
t 'a name that no rule gives is that of the producer, numbered if taken' 'send hq' <<'.'
--- in
e11 Create Thing a {} @a2
--- out
Synced Create Thing a as a-1
--- err
.
t 'a dependency keeps its name if that is free' 'fresh hq; subscribe hq south Form; P=south S=s2; send hq' <<'.'
--- in
e01 Create Person Ann {} "dependency_of":"e03" @d1
e02 Create Thing x {"person":"Ann"} "dependency_of":"e03" Person:Ann=d1
e03 Create Form f {} Thing:x
--- out
Synced Create Person Ann
Synced Create Thing x
Synced Create Form f: 'must' is required
--- err
.
t 'else it gets one of ours' 'P=south S=s2; send hq; docs Thing name,person' <<'.'
--- in
e04 Create Person Ann {} "dependency_of":"e06" @d3
e05 Create Thing x {"person":"Ann"} "dependency_of":"e06" @d4 Person:Ann=d3
e06 Create Form g {} Thing:x=d4
--- out
Synced Create Person Ann as P-01
Synced Create Thing x as x-1
Synced Create Form g: 'must' is required
{"name":"x","person":"Ann"}
{"name":"x-1","person":"P-01"}
--- err
.

# ---- two sites that made the same document, each by itself

ok 'two sites' eval 'site one && site two && subscribe one two Thing && subscribe two one Thing'
for s in one two; do
	echo '{"doctype":"Thing","name":"k","title":"1"}' | es-put -q -s $s.db
done
t 'either adopts what the other has' 'flow one two; flow two one; flow one two; flow two one' <<'.'
--- out
Synced Create Thing k
Synced Create Thing k
--- err
.
origin() {
	es-producer-log -i -s "$1.db" Thing | jq -c 'select(.name) | .origin'
}
is 'both think the same of whose it is' "$(origin one)" "$(origin two)"
t 'and it goes on in both directions' 'for i in 2 3; do for s in one two; do
	echo "{\"doctype\":\"Thing\",\"name\":\"k\",\"title\":\"$i$s\"}" | es-put -q -s $s.db
	flow one two; flow two one; done; done
    es-get -s one.db -C title Thing; es-get -s two.db -C title Thing' <<'.'
--- out
Synced Update Thing k
Synced Update Thing k
Synced Update Thing k
Synced Update Thing k
{"title":"3two"}
{"title":"3two"}
--- err
.

# ---- a customer that went down under a name of ours comes back up in an invoice

ok 'two sites' eval 'site store && site main'
subscribe store main 'Person,"use_same_name":0'
subscribe main store Thing
printf '%s\n' '{"doctype":"Person","title":"x"}' '{"doctype":"Person","title":"y"}' |
    es-put -q -s main.db
echo '{"doctype":"Person","title":"z"}' | es-put -q -s store.db
t 'down' 'flow main store' <<'.'
--- out
Synced Create Person P-01 as P-02
Synced Create Person P-02 as P-03
--- err
.
echo '{"doctype":"Thing","name":"inv","person":"P-03"}' | es-put -q -s store.db
t 'up' 'flow store main; es-get -s main.db -C name,person Thing' <<'.'
--- out
Synced Create Thing inv
{"name":"inv","person":"P-02"}
--- err
.

done_testing
