#!/bin/sh
# es-resync - what failed is applied again, and what was applied

. "${0%/*}/lib.sh"
# shellcheck source=tests/sites.sh
. "$ES_TOP/tests/sites.sh"

ES_SITE=hq.db
export ES_SITE

# The events that it prints, in short.
shows() {
	es-resync "$@" | jq -r 'if .end then "end \(.end.status)" else
	    "\(.name) \(.update_type) \(.ref_doctype) \(.docname) \(.resync)" end'
}
# What es-apply makes of a file: what it logs, in short.
apply() {
	status=0
	es-apply "$@" >log || status=$?
	brief <log
	return $status
}
# again ARGUMENT ...: the usual pipe.
again() {
	es-resync "$@" >again.es && apply again.es
}
fields() {
	es-get -C "$1" Thing "$2"
}
put() {
	echo "{\"doctype\":\"Thing\",\"name\":\"$1\",$2}" | es-put -q
}

site hq
subscribe hq north Thing Person 'Form,"strict":1'
t 'of a site to which nothing came, the end' 'es-resync' <<'.'
--- out
{"end":{"program":"es-resync","status":0}}
--- err
.
send hq >first 2>&1 <<'.'
e01 Create Thing a {"name":"a","title":"1"}
e02 Update Thing a {"changed":{"title":"2","note":"n"}} <e01
e03 Create Thing b {"name":"b","person":"p"} Person:p
e04 Create Form f {"name":"f","must":"x","kind":"three"}
e05 Update Thing b {"changed":{"title":"x"}} <e03
e06 Create Role r {"name":"r"}
e08 Update Thing c {"changed":{"title":"x"}} <e07
.
subscribe hq south Thing
P=south S=s2
send hq >first 2>&1 <<'.'
s01 Create Thing d {"name":"d"}
s03 Update Thing d {"changed":{"price":1.10}} <s02
.
P=north S=s1
cp hq.db hq.parked

# ---- what it prints

t 'what is parked and refused, in the order in which it came' shows <<'.'
--- out
e03 Create Thing b 1
e04 Create Form f 1
e05 Update Thing b 1
e06 Create Role r 1
e08 Update Thing c 1
s03 Update Thing d 1
end 0
--- err
.
t 'each as it came' 'es-resync -e s03; es-resync -e e06 | head -n 1' <<'.'
--- out
{"name":"s03","creation":"TIME","update_type":"Update","ref_doctype":"Thing","docname":"d","data":{"changed":{"price":1.10}},"event_producer":"south","site":"s2","origin":["s2","d"],"via":["s2"],"prev":"s02","resync":1}
{"end":{"program":"es-resync","status":0}}
{"name":"e06","creation":"TIME","update_type":"Create","ref_doctype":"Role","docname":"r","data":{"name":"r"},"event_producer":"north","site":"s1","origin":["s1","r"],"via":["s1"],"prev":null,"resync":1}
--- err
.
t '-p: of one producer' 'shows -p south; shows -p north -L 1' <<'.'
--- out
s03 Update Thing d 1
end 0
e03 Create Thing b 1
end 0
--- err
.
t 'a DocType: also what was applied' 'shows -p north Thing' <<'.'
--- out
e01 Create Thing a 1
e02 Update Thing a 1
e03 Create Thing b 1
e05 Update Thing b 1
e08 Update Thing c 1
end 0
--- err
.
t '-E: only what failed' 'shows -E -p north Thing' <<'.'
--- out
e03 Create Thing b 1
e05 Update Thing b 1
e08 Update Thing c 1
end 0
--- err
.
t 'documents, each event once' 'shows Thing d b d' <<'.'
--- out
e03 Create Thing b 1
e05 Update Thing b 1
s01 Create Thing d 1
s03 Update Thing d 1
end 0
--- err
.
t '-e: one event' 'shows -e e05; shows -e e01; shows -E -e e01' <<'.'
--- out
e05 Update Thing b 1
end 0
e01 Create Thing a 1
end 0
end 0
--- err
.
t '-F and -x' 'shows -F -e e05; shows -x -e e05; es-resync -Fx' 100 <<'.'
--- out
e05 Update Thing b force
end 0
e05 Update Thing b withdraw
end 0
.
t '-S and -U' 'shows -S 2099-01-01; shows -U yesterday; shows -S today | wc -l' <<'.'
--- out
end 0
end 0
7
--- err
.
t '-L: the first so many' 'shows -L 2; es-resync -v -L 1 >out' <<'.'
--- out
e03 Create Thing b 1
e04 Create Form f 1
end 0
--- err
es-resync: 1 events
.
t 'what is not there' 'es-resync -p west; es-resync None; es-resync -S soon' 100 <<'.'
--- out
{"end":{"program":"es-resync","status":100,"why":"no Event Producer 'west' in 'hq.db'"}}
{"end":{"program":"es-resync","status":100,"why":"no DocType 'None' in 'hq.db'; es-doctype -l lists them"}}
--- err
es-resync: no Event Producer 'west' in 'hq.db'
es-resync: no DocType 'None' in 'hq.db'; es-doctype -l lists them
es-resync: -S wants a time such as today, -2d or 2026-08-01, not 'soon'
.
state hq >before
is 'it changes nothing' "$(state hq)" "$(cat before)"

# ---- what failed, applied again

t 'with nothing put right nothing changes, and nothing is logged' \
    'again; state hq | diff before -' <<'.'
--- out
--- err
.
t 'what it waits for came: all that waited goes on' 'echo "{\"doctype\":\"Person\",\"name\":\"P-01\"}" | es-put -q
    es-resync -p north Thing | sed "s/\"Person\":{\"p\":[^}]*}/\"Person\":{\"p\":[\"$(sqlite3 hq.db "SELECT value FROM site WHERE key = '"'id'"'")\",\"$(
    sqlite3 hq.db "SELECT birth FROM origin o JOIN document d USING (id) WHERE d.name = '"'P-01'"'")\"]}/" >r
    apply r; fields name,title,person b; apply r; shows -E Thing' <<'.'
--- out
Synced Create Thing b
Synced Update Thing b
{"name":"b","title":"x","person":"P-01"}
e08 Update Thing c 1
s03 Update Thing d 1
end 0
--- err
.
t 'corrected on its way: the other line is parked, or applied' '
    es-resync -E Form | sed "s/three/four/" | apply | cut -d: -f1
    es-sync-log -v -e e04 | jq -c "[.code, .data.kind]"
    es-resync Form | jq -r "select(.name) | .data.kind"
    es-resync Form | sed "s/four/two/" | apply; es-get -C name,kind Form
    sqlite3 hq.db "SELECT count(*) FROM parked WHERE event = '"'e04'"'"' <<'.'
--- out
Failed Create Form f
["select","four"]
four
Synced Create Form f
{"name":"f","kind":"two"}
0
--- err
.
t 'a chain that was waiting for an event gets it' 'echo "e07 Create Thing c {\"name\":\"c\"}" | events |
    jq -c "if .name then .resync = 1 else . end" | apply; fields title c' <<'.'
--- out
Synced Create Thing c
Synced Update Thing c
{"title":"x"}
--- err
.

# ---- as it came before it was mapped

cp hq.new hq.db
subscribe hq north Thing 'Form,"strict":1'
send hq >/dev/null 2>&1 <<'.'
e01 Create Form f {"must":"x","kind":"drei"} "original":{"ref_doctype":"Formular","data":{"muss":"x","art":"III"},"extra":null}
e02 Create Thing t {"title":"T"} "original":{"data":{"titel":"T","notiz":1.10}}
.
t 'what was mapped is printed as it was' 'es-resync | jq -c "[.name, .ref_doctype, .data, .original]"
    es-resync -e e02 | head -n 1 | jq -c "[.name, .ref_doctype, .prev, .original]"
    es-resync -e e02 | grep -o "\"data\":[^}]*}"' <<'.'
--- out
["e01","Formular",{"muss":"x","art":"III"},null]
[null,null,null,null]
["e02","Thing",null,null]
"data":{"titel":"T","notiz":1.10}
--- err
.
# As es-map would have it with another mapping.
remap() {
	jq -c 'if .name == null then . else {original: {ref_doctype, data}} + . +
	    (if .ref_doctype == "Formular" then {ref_doctype: "Form", data: {must: .data.muss, kind: "two"}}
	    else {data: {title: .data.titel, note: (.data.notiz + 0) | tostring}} end) end'
}
t 'and mapped anew: the parked line is replaced' 'es-resync | remap | apply; es-get -C name,kind Form; shows' <<'.'
--- out
Synced Create Form f
{"name":"f","kind":"two"}
end 0
--- err
.
t 'what was applied gets the field that was left out' 'es-resync Thing | remap >r; apply r; apply r
    fields title,note t; es-resync Thing | grep -o "\"data\":{[^}]*}"' <<'.'
--- out
Synced Create Thing t: applied again
{"title":"T","note":"1.1"}
"data":{"titel":"T","notiz":1.10}
--- err
.

# ---- what was applied

cp hq.parked hq.db
t 'with nothing changed, nothing is written' 'sqlite3 hq.db "SELECT max(creation) FROM journal; SELECT max(id) FROM synclog" >a
    again Thing a; sqlite3 hq.db "SELECT max(creation) FROM journal; SELECT max(id) FROM synclog" | diff a -; state hq | diff before -' <<'.'
--- out
--- err
.
t 'a field that it had not brought' 'es-resync Thing a | sed "s/\"note\":\"n\"/&,\"count\":3/;s/\"title\":\"1\"/&,\"count\":2,\"price\":1.10/" >r
    apply r; fields title,note,count,price a' <<'.'
--- out
Synced Create Thing a: applied again
Synced Update Thing a: applied again
{"title":"2","note":"n","count":3,"price":1.10}
--- err
.
t 'twice is once' 'state hq >a; apply r; state hq | diff a -' <<'.'
--- out
--- err
.
t 'each event once, though it was logged twice' 'shows Thing a; es-sync-log Thing a | brief' <<'.'
--- out
e01 Create Thing a 1
e02 Update Thing a 1
end 0
Synced Create Thing a
Synced Update Thing a
Synced Create Thing a: applied again
Synced Update Thing a: applied again
--- err
.
cp hq.parked hq.db
put a '"note":"mine"'
echo 'e09 Update Thing a {"changed":{"count":1}} <e02' | send hq >/dev/null
t 'what was written since stays: here, or by a later event' '
    es-resync Thing a | sed "s/\"note\":\"n\"/\"note\":\"m\",\"count\":9/" | apply; fields title,note,count a' <<'.'
--- out
{"title":"2","note":"mine","count":1}
--- err
.
t 'but not with -F what was written here' 'es-resync -F Thing a >r; apply r; fields title,note,count a; apply r' <<'.'
--- out
Synced Update Thing a: applied again
{"title":"2","note":"n","count":1}
--- err
.
t 'what cannot be done is said, and nothing changes' 'state hq >a
    es-resync -e e02 | sed "s/\"n\"/\"n\",\"person\":\"q\"/;s/\"links\":{/&\"Person\":{\"q\":[\"s1\",\"q\"]}/" | apply -q; s=$?; state hq | diff a -; exit $s' 1 <<'.'
--- out
--- err
es-apply: Thing 'a': event e02 of 'north' cannot be applied again: waits for Person 'q'
es-apply: 1 events: 0 applied, 0 parked, 1 refused, 0 rejected, 0 known or not subscribed
.
cp hq.new hq.db
subscribe hq north Thing Person
send hq >/dev/null <<'.'
e01 Create Person p {"name":"p"}
e02 Create Person q {"name":"q"}
e03 Create Thing a {"name":"a","person":"p","parts":[{"name":"r1","code":"1"},{"name":"r2","code":"2"}]} Person:p
e04 Update Thing a {"changed":{"person":"q"},"row_changed":{"parts":[{"name":"r1","code":"x"}]}} <e03 Person:q
.
es-mv -q Person q qq
t 'one that shares its entry with others is made again by its own' '
    es-resync Thing | jq -c "select(.name) | [.name, .data.person // .data.changed.person, .links]"' <<'.'
--- out
["e03","p",{"Person":{"p":["s1","p"]}}]
["e04","q",{"Person":{"q":["s1","q"]}}]
--- err
.
t 'and changes nothing of what they say' 'again Thing; es-get -C person,parts Thing a | jq -c "[.person, [.parts[].code]]"' <<'.'
--- out
["qq",["x","2"]]
--- err
.
t 'rows of its own that are new are written' 'es-resync Thing | sed "s/\"code\":\"2\"/&,\"qty\":5/" | apply
    es-get -C person,parts Thing a | jq -c "[.person, [.parts[] | [.code, .qty]]]"' <<'.'
--- out
["qq",[["x",null],["2",null]]]
--- err
.
es-rm -q Thing a
t 'of a document that is gone nothing is printed' 'es-resync Thing' <<'.'
--- out
{"end":{"program":"es-resync","status":0}}
--- err
es-resync: 2 events are not kept any more and are passed over; es-pull -i gets their documents
.

# ---- refused

cp hq.new hq.db
subscribe hq north Thing
subscribe hq south Thing
echo 'e01 Create Thing a {"name":"a","title":"1"}' | send hq >/dev/null
# The same document by way of another.
route() {
	P=south S=s2
	events <<-'.' | sed 's/"origin":."s2"/"origin":["s1"/' | apply
	s01 Create Thing a {"name":"a","title":"1"} "via":["s2","s1"] "author":"s1" "seen":{"s1":"e01"}
	s02 Update Thing a {"changed":{"title":"2"}} <s01 "via":["s2","s1"] "author":"s1" "seen":{"s1":"e02"}
	.
}
t 'a second route is refused; again, and nothing is logged' 'route; again; es-sync-log -E | wc -l' <<'.'
--- out
Failed Create Thing a: another producer brings this document
Failed Update Thing a: another producer brings this document
2
.
subscribe hq north 'Thing,"unsubscribe":1'
t 'and taken once the other is not subscribed to' 'again; fields title a; shows; again Thing; es-sync-log -E | wc -l' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
{"title":"2"}
end 0
0
--- err
.

# ---- conflicts: decided by hand

site a
site b
subscribe b a 'Thing,"conflict":"manual"'
subscribe a b Thing
cp a.db a.new
cp b.db b.new
# Both sides write the title; b parks what a says.
conflict() {
	fresh a b
	ES_SITE=a.db put x '"title":"0","note":"0"'
	flow a b -q
	ES_SITE=a.db put x '"title":"a","note":"a"'
	ES_SITE=b.db put x '"title":"b"'
	flow a b
}
both() {
	es-get -s a.db -C title,note Thing
	es-get -s b.db -C title,note Thing
}
t '-F: the producer wins' 'conflict; es-resync -F -s b.db | apply -s b.db; flow b a; both; es-sync-log -E -s b.db' <<'.'
--- out
Failed Update Thing x: 'title' was changed on both sides
Synced Update Thing x lost [{"field":"title","kept":"a","lost":"b","winner":"producer"}]
Synced Update Thing x lost [{"field":"title","kept":"a","lost":"b","winner":"here"}]
{"title":"a","note":"a"}
{"title":"a","note":"a"}
.
t '-x: it is given up, and the other side learns of our value' '
    conflict; es-resync -x -s b.db >r; apply -s b.db r; flow b a; flow a b; flow b a; both
    es-resync -s b.db | wc -l; sqlite3 b.db "SELECT count(*) FROM parked"' <<'.'
--- out
Failed Update Thing x: 'title' was changed on both sides
Failed Update Thing x: given up lost [{"field":"title","kept":"b","lost":"a","winner":"here"}]
Synced Update Thing x lost [{"field":"title","kept":"a","lost":"b","winner":"here"}]
Synced Update Thing x
Synced Update Thing x
{"title":"b","note":"a"}
{"title":"b","note":"0"}
1
0
.
t '-x twice is once' 'cp b.db c.db; apply -s b.db r; state b >b1; mv c.db b.db; state b | diff b1 -' <<'.'
--- out
--- err
.
t 'what comes after it is applied' 'ES_SITE=a.db put x "\"note\":\"c\""; flow a b; both' <<'.'
--- out
Synced Update Thing x
{"title":"b","note":"c"}
{"title":"b","note":"c"}
--- err
.
t 'it can be taken all the same, by name' 'shows -s b.db -e "$(es-sync-log -E -s b.db | jq -r .event)"' <<'.'
--- out
ID Update Thing x 1
end 0
--- err
.

# ---- given up, in chains

cp hq.new hq.db
subscribe hq north Thing
send hq >/dev/null 2>&1 <<'.'
e01 Create Thing a {"name":"a","title":"1"}
e02 Update Thing a {"changed":{"count":"many"}} <e01
e03 Update Thing a {"changed":{"title":"3"}} <e02
e04 Update Thing a {"changed":{"note":"4"}} <e03
.
cp hq.db chain.db
t 'the chain goes on past it' 'es-resync -x -e e02 | apply; fields title,note,count a; es-sync-log -E | jq -r .code' <<'.'
--- out
Failed Update Thing a: given up
Synced Update Thing a
Synced Update Thing a
{"title":"3","note":"4","count":null}
withdrawn
--- err
.
cp chain.db hq.db
t 'but not before what is before it is done' 'es-resync -x -e e03 | apply; fields title,note a
    es-resync -e e02 | sed "s/many/7/" | sed "s/\"7\"/7/" | apply; fields title,note,count a' <<'.'
--- out
{"title":"1","note":null}
Synced Update Thing a
Failed Update Thing a: given up
Synced Update Thing a
{"title":"1","note":"4","count":7}
--- err
.
t 'one that is done is not given up, and an unknown one not applied' 'es-resync -x -e e02 | apply
    echo "e05 Update Thing a {\"changed\":{\"title\":\"5\"}} <e04 \"resync\":\"withdraw\"" | send hq; fields title a' <<'.'
--- out
{"title":"1"}
--- err
.
t 'a mark that is none' 'echo "e05 Delete Thing a \"resync\":\"maybe\"" | send hq -q' 1 <<'.'
--- err
es-apply: stdin:1: resync is 1, force, withdraw or parked
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 1 rejected, 0 known or not subscribed
.
send hq >/dev/null 2>&1 <<'.'
e06 Create Thing k {"name":"k"}
e07 Create Thing l {"name":"l"}
.
put a '"thing":"k"'
put l '"thing":"l"'
echo 'e08 Delete Thing k' | send hq >/dev/null 2>&1
t 'a Delete too' 'shows; es-resync -x | apply; shows; fields name k' <<'.'
--- out
e08 Delete Thing k 1
end 0
Failed Delete Thing k: given up
end 0
{"name":"k"}
--- err
.

# ---- stock, which knows documents by name

cp hq.new hq.db
subscribe hq north 'Thing,"strict":1' 'Form,"strict":1'
cat >stock <<'.'
{"name":"s1","creation":"2026-01-01 00:00:01.000000","update_type":"Create","ref_doctype":"Form","docname":"f","data":"{\"kind\":\"one\"}","event_producer":"north"}
{"name":"s2","creation":"2026-01-01 00:00:02.000000","update_type":"Create","ref_doctype":"Thing","docname":"t","data":"{\"title\":\"1\"}","event_producer":"north"}
{"end":{"program":"test","status":0}}
.
apply stock >/dev/null 2>&1
t 'parked under one DocType, mapped to another' 'es-resync | sed "s/\"Form\"/\"Thing\"/;s/kind/title/;s/\"one.\"/\"two\\\\\"/" >r
    apply r; fields name,title f; apply r; shows; shows Thing' <<'.'
--- out
Synced Create Thing f
{"name":"f","title":"two"}
end 0
s2 Create Thing t 1
s1 Create Thing f 1
end 0
--- err
.
t 'what was applied: six keys' 'es-resync -e s2 | head -n 1 | jq -c keys_unsorted; again Thing' <<'.'
--- out
["name","creation","update_type","ref_doctype","docname","data","event_producer","resync"]
--- err
.

# ---- killed

cp hq.parked hq.db
t 'killed at each commit: before or after, nothing between' '
    es-resync >r; es-apply -q r; state hq >whole; cp hq.parked hq.db; state hq >none
    for n in 1 2 3 4; do
	cp hq.parked hq.db
	(ES_KILL_AT=$n PATH=$ES_KILL:$PATH es-apply -q r) 2>/dev/null
	state hq | cmp -s none - || state hq | diff whole -
	es-apply -q r; state hq | diff whole -
    done' <<'.'
--- out
.

done_testing
