#!/bin/sh
# es-apply - what was not mapped is not applied, whatever it waited for first
# shellcheck disable=SC2154,SC2119,SC2120

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

ES_SITE=hq.db
export ES_SITE

# north has Orders, here they are Things; code has to be one of the Value Map.
cat >mapping.json <<'.'
{"doctype":"Value Map","name":"codes","pairs":[{"remote_value":"a","local_value":"A"}]}
{"doctype":"Document Type Mapping","mapping_name":"order","local_doctype":"Thing","remote_doctype":"Order","field_mapping":[{"local_fieldname":"title","remote_fieldname":"subject"},{"local_fieldname":"code","remote_fieldname":"c","value_map":"codes"},{"local_fieldname":"thing","remote_fieldname":"after","mapping":"order"}]}
.
# It names itself, so it comes at first without.
make_mapping() {
	sed 's/,{"local_fieldname":"thing",[^}]*}//' mapping.json | es-put -q &&
	    es-put -q <mapping.json
}
site hq
ok 'a mapping' make_mapping
ok 'a subscription' subscribe hq north 'Thing,"has_mapping":1,"mapping":"order"' Person
cp hq.db hq.new

through() {
	events | es-map -q | es-apply >log 2>/dev/null || echo "status $?"
	brief <log
}
# The same without es-map; what es-resync gives, with it.
raw() {
	events | es-apply >log 2>/dev/null || echo "status $?"
	brief <log
}
redo() {
	es-resync "$@" | es-map -q | es-apply >log 2>/dev/null || echo "status $?"
	brief <log
}
docs() {
	es-get -C name,title,code,person Thing
}
# What is parked: code and event.
parked() {
	sqlite3 hq.db 'SELECT event, code FROM parked ORDER BY event'
}

# ---- behind one that waits for a link

t 'both wait; the reason is that of the first' 'through; parked' <<'.'
--- in
e02 Create Order x {"subject":"1","c":"a","person":"p"} Person:p
e03 Update Order x {"changed":{"c":"zzz"}} <e02
--- out
status 1
Failed Create Thing x: waits for Person 'p'
Failed Update Thing x: waits for Person 'p'
e02|waits
e03|waits
.
t 'the link is here: the first is applied, the other waits for its mapping' 'through; docs; parked' <<'.'
--- in
e01 Create Person p {}
--- out
Synced Create Person p
Synced Create Thing x
Failed Update Thing x: 'c' has the value 'zzz', which the Value Map 'codes' does not have; add it with es-put
{"name":"x","title":"1","code":"A","person":"p"}
e03|mapping
.
t 'with the pair put in es-resync brings it' '
    es-get "Value Map" | jq -c ".pairs += [{remote_value: \"zzz\", local_value: \"Z\"}]" | es-put -q
    redo; docs; parked' <<'.'
--- out
Synced Update Thing x
{"name":"x","title":"1","code":"Z","person":"p"}
.
fresh hq
t 'one that did not pass es-map at all, behind a mapped one' 'through >/dev/null
    { echo "e03 Update Order x {\"changed\":{\"subject\":\"2\"}} <e02"; echo "e04 Create Person p {}"; } | raw
    docs; parked; redo; docs' <<'.'
--- in
e02 Create Order x {"subject":"1","person":"p"} Person:p
--- out
status 1
Synced Create Person p
Synced Create Thing x
Failed Update Thing x: the subscription maps it by 'order', and it did not pass es-map
{"name":"x","title":"1","code":null,"person":"p"}
e03|mapping
Synced Update Thing x
{"name":"x","title":"2","code":null,"person":"p"}
.
fresh hq
t 'all of it in one page, the document made or here already' 'through; docs; parked' <<'.'
--- in
e01 Create Order x {"subject":"1"}
e02 Update Order x {"changed":{"subject":"2"}} <e01
e03 Update Order x {"changed":{"c":"zzz"}} <e02
e04 Update Order x {"changed":{"subject":"4"}} <e03
--- out
status 1
Synced Create Thing x
Synced Update Thing x
Failed Update Thing x: 'c' has the value 'zzz', which the Value Map 'codes' does not have; add it with es-put
Failed Update Thing x: 'c' has the value 'zzz', which the Value Map 'codes' does not have; add it with es-put
{"name":"x","title":"2","code":null,"person":null}
e03|mapping
e04|mapping
.

# ---- behind a gap

fresh hq
t 'the event that was missing comes' 'through; through <late; docs; parked' <<'.'
--- file late
e01 Create Order x {"subject":"1"}
e02 Update Order x {"changed":{"subject":"2"}} <e01
--- in
e03 Update Order x {"changed":{"subject":"3"}} <e02
e04 Update Order x {"changed":{"c":"zzz"}} <e03
--- out
status 1
Failed Update Thing x: an event before e03 is missing
Failed Update Thing x: an event before e03 is missing
Synced Create Thing x
Synced Update Thing x
Synced Update Thing x
Failed Update Thing x: 'c' has the value 'zzz', which the Value Map 'codes' does not have; add it with es-put
{"name":"x","title":"3","code":null,"person":null}
e04|mapping
.

# ---- documents that are applied together

fresh hq
t 'a circle: one that is not mapped holds up no more than itself' 'through; docs; parked' <<'.'
--- in
e01 Create Order x {"subject":"1","after":"y"} Order:y
e02 Update Order x {"changed":{"c":"zzz"}} <e01
e03 Create Order y {"subject":"3","after":"x"} Order:x
e04 Update Order y {"changed":{"subject":"4"}} <e03
--- out
status 1
Synced Create Thing x
Synced Create Thing y
Synced Update Thing y
Failed Update Thing x: 'c' has the value 'zzz', which the Value Map 'codes' does not have; add it with es-put
{"name":"x","title":"1","code":null,"person":null}
{"name":"y","title":"4","code":null,"person":null}
e02|mapping
.

# ---- after the first was mapped anew

fresh hq
t 'es-resync: one can be mapped by now, the next cannot' 'through
    es-get "Value Map" | jq -c ".pairs += [{remote_value: \"b\", local_value: \"B\"}]" | es-put -q
    redo; docs; parked; redo -E' <<'.'
--- in
e01 Create Order x {"subject":"1","c":"b"}
e02 Update Order x {"changed":{"c":"zzz"}} <e01
--- out
status 1
Failed Create Thing x: 'c' has the value 'b', which the Value Map 'codes' does not have; add it with es-put
Failed Update Thing x: 'c' has the value 'b', which the Value Map 'codes' does not have; add it with es-put
Synced Create Thing x
Failed Update Thing x: 'c' has the value 'zzz', which the Value Map 'codes' does not have; add it with es-put
{"name":"x","title":"1","code":"B","person":null}
e02|mapping
.
t 'nor does giving up the one before it' '
    echo "e03 Update Order x {\"changed\":{\"c\":\"yyy\"}} <e02" | through
    es-resync -x -e e02 | es-apply -q 2>/dev/null; docs; parked' <<'.'
--- out
status 1
Failed Update Thing x: 'c' has the value 'zzz', which the Value Map 'codes' does not have; add it with es-put
{"name":"x","title":"1","code":"B","person":null}
e03|mapping
.

# ---- a document that is taken over

fresh hq
t 'one of that name here: it is not made equal by what was not mapped' '
    echo "{\"name\":\"x\",\"title\":\"1\",\"code\":\"A\"}" | es-put -q Thing
    through; docs; parked' <<'.'
--- in
e01 Create Order x {"subject":"1","c":"a"}
e02 Update Order x {"changed":{"c":"zzz"}} <e01
--- out
status 1
Synced Create Thing x
Failed Update Thing x: 'c' has the value 'zzz', which the Value Map 'codes' does not have; add it with es-put
{"name":"x","title":"1","code":"A","person":null}
e02|mapping
.

# ---- two DocTypes

# From now on north's Orders are Forms.
other_mapping() {
	echo '{"doctype":"Document Type Mapping","mapping_name":"form","local_doctype":"Form","remote_doctype":"Order","field_mapping":[{"local_fieldname":"must","remote_fieldname":"subject"}]}' |
	    es-put -q && subscribe hq north 'Form,"has_mapping":1,"mapping":"form"' Person
}
fresh hq
t 'what a mapping made for another DocType is not written into the document' '
    through >/dev/null; other_mapping; through <more; es-get -C name,title Thing; parked' <<'.'
--- file more
e03 Update Order x {"changed":{"subject":"3"}} <e01
e04 Update Order y {"changed":{"subject":"4"}} <e02
e05 Create Person p {}
--- in
e01 Create Order x {"subject":"1"}
e02 Create Order y {"subject":"2","person":"p"} Person:p
--- out
status 1
Synced Create Person p
Synced Create Thing y
Failed Update Form y: it came as Thing, and would be Form
Failed Update Form x: it came as Thing, and would be Form
{"name":"x","title":"1"}
{"name":"y","title":"2"}
e03|doctype
e04|doctype
.

# ---- what has nothing to map

fresh hq
t 'a name, and a Delete, need no mapping' 'through >/dev/null; raw <more; docs' <<'.'
--- file more
e02 Rename Order x {"new_name":"y","merge":0}
e03 Update Order x {"changed":{"subject":"3"}} <e01
e04 Create Order z {"subject":"4"}
e05 Delete Order z
--- in
e01 Create Order x {"subject":"1"}
--- out
status 1
Synced Rename Thing x as y
Synced Create Thing z: deleted before it could be applied
Synced Delete Thing z
Failed Update Thing x as y: the subscription maps it by 'order', and it did not pass es-map
{"name":"y","title":"1","code":null,"person":null}
.

done_testing
