#!/bin/sh
# es-map - events become those of the DocTypes here
# shellcheck disable=SC2154,SC2119,SC2120

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

ES_SITE=hq.db
export ES_SITE
mask() {
	sed -E 's/\b20[0-9]{2}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}\b/TIME/g
		s/\b[0-9abcdefghjkmnpqrstvwxyz]{19}\b/ID/g'
}

# north has Orders with Lines, here they are Things with Parts.
cat >mappings.json <<'.'
{"doctype":"Value Map","name":"people","pairs":[{"remote_value":"ann","local_value":"P-1"},{"remote_value":"bob","local_value":"P-2"}]}
{"doctype":"Document Type Mapping","mapping_name":"line","local_doctype":"Part","remote_doctype":"Line","field_mapping":[{"local_fieldname":"code","remote_fieldname":"item","default_value":"none"},{"local_fieldname":"thing","remote_fieldname":"order","mapping":"order"}]}
{"doctype":"Document Type Mapping","mapping_name":"order","local_doctype":"Thing","remote_doctype":"Order","field_mapping":[{"local_fieldname":"title","remote_fieldname":"subject"},{"local_fieldname":"note","remote_fieldname":"title"},{"local_fieldname":"count","remote_fieldname":"n","expression":"value * 2"},{"local_fieldname":"person","remote_fieldname":"who","value_map":"people"},{"local_fieldname":"parts","remote_fieldname":"lines","mapping_type":"Child Table","mapping":"line"},{"local_fieldname":"thing","remote_fieldname":"after","mapping":"order"}]}
.
# They name one another, so they come at first without.
make_mappings() {
	sed 's/,{"local_fieldname":"thing",[^}]*"mapping":"order"}//' mappings.json |
	    es-put -q && es-put -q <mappings.json
}
site hq
ok 'mappings' make_mappings
ok 'people' eval 'for p in P-1 P-2; do echo "{\"name\":\"$p\"}"; done | es-put -q Person'
ok 'a subscription' subscribe hq north 'Thing,"has_mapping":1,"mapping":"order"' Form
cp hq.db hq.new

# What goes on of hand-made events: all but what stays as it was.
went() {
	events | es-map "$@" | jq -c 'if .end then {end: .end.status}
	    elif .update_type then {name, type: .update_type, ref_doctype, docname, data, links,
		mapping, original, unmapped} | del(.[] | nulls)
	    else . end'
}
# And what es-apply makes of it.
through() {
	events | es-map "$@" | es-apply >log || echo "status $?"
	brief <log
}
docs() {
	es-get -C "$2" "$1"
}

t 'a Create: DocType, fields, rows, links; what it was' went <<'.'
--- in
e01 Create Order a {"doctype":"Order","name":"a","subject":"s","title":"t","n":2,"who":"ann","price":1.5,"lines":[{"name":"r1","idx":1,"item":"x","order":"b"},{"name":"r2","idx":2,"qty":3}],"after":"b"} Order:b Person:ann
--- out
{"name":"e01","type":"Create","ref_doctype":"Thing","docname":"a","data":{"doctype":"Thing","name":"a","title":"s","note":"t","count":4,"person":"P-1","price":1.5,"parts":[{"name":"r1","idx":1,"code":"x","thing":"b"},{"name":"r2","idx":2,"qty":3,"code":"none"}],"thing":"b"},"links":{"Person":{"P-1":null},"Thing":{"b":["s1","b"]}},"mapping":"order","original":{"ref_doctype":"Order","data":{"doctype":"Order","name":"a","subject":"s","title":"t","n":2,"who":"ann","price":1.5,"lines":[{"name":"r1","idx":1,"item":"x","order":"b"},{"name":"r2","idx":2,"qty":3}],"after":"b"},"links":{"Person":{"ann":["s1","ann"]},"Order":{"b":["s1","b"]}}}}
{"end":0}
--- err
.
t 'all parts of an Update; cleared fields; Delete and Rename' went <<'.'
--- in
e02 Update Order a {"changed":{"subject":"","n":0,"title":null},"removed":{"lines":["r1"]},"added":{"lines":[{"name":"r3","order":"a"}]},"row_changed":{"lines":[{"name":"r2","item":null}]}} <e01 Order:a
e03 Rename Order a {"new_name":"b","merge":0}
e04 Delete Order a
--- out
{"name":"e02","type":"Update","ref_doctype":"Thing","docname":"a","data":{"changed":{"title":"","count":0,"note":null},"added":{"parts":[{"name":"r3","thing":"a","code":"none"}]},"removed":{"parts":["r1"]},"row_changed":{"parts":[{"name":"r2","code":"none"}]}},"links":{"Thing":{"a":["s1","a"]}},"mapping":"order","original":{"ref_doctype":"Order","data":{"changed":{"subject":"","n":0,"title":null},"removed":{"lines":["r1"]},"added":{"lines":[{"name":"r3","order":"a"}]},"row_changed":{"lines":[{"name":"r2","item":null}]}},"links":{"Order":{"a":["s1","a"]}}}}
{"name":"e03","type":"Rename","ref_doctype":"Thing","docname":"a","data":{"new_name":"b","merge":0},"mapping":"order","original":{"ref_doctype":"Order"}}
{"name":"e04","type":"Delete","ref_doctype":"Thing","docname":"a","mapping":"order","original":{"ref_doctype":"Order"}}
{"end":0}
--- err
.
t 'other lines go on byte by byte' 'events >before; es-map <before | cmp - before' <<'.'
--- in
e01 Create Form f {"must":"x","kind":1e1}
{ "name":"e03", "creation":"2026-01-01 00:00:03", "update_type":"Create", "ref_doctype":"Form", "docname":"g", "data":null }
{"checkpoint":{"event_producer":"north","site":"s1","from":null,"last_update":"2026-01-01 00:00:01.000000","name":"e01","events":1}}
e02 Create Line l {"item":"x"}
{"x": 1}
{"grant":{}}
--- out
--- err
.
t 'they are applied, and followed' 'through; docs Thing name,title,note,count,price,person,parts,thing' <<'.'
--- in
e01 Create Order b {"subject":"first"}
e02 Create Order a {"subject":"s","title":"t","n":2,"who":"ann","price":1.10,"lines":[{"name":"r1","idx":1,"item":"x","order":"b"},{"name":"r2","idx":2,"qty":3}],"after":"b"} Order:b Person:ann
e03 Update Order a {"changed":{"subject":"","n":0,"who":"bob"},"removed":{"lines":["r1"]},"added":{"lines":[{"name":"r3","order":"a"}]}} <e02 Order:a Person:bob
e04 Rename Order b {"new_name":"c","merge":0}
--- out
Synced Create Thing b as c
Synced Rename Thing b as c
Synced Create Thing a
Synced Update Thing a
{"name":"c","title":"first","note":null,"count":null,"price":null,"person":null,"parts":null,"thing":null}
{"name":"a","title":"","note":"t","count":0,"price":1.10,"person":"P-2","parts":[{"name":"r2","idx":1,"qty":3,"code":"none"},{"name":"r3","idx":2,"thing":"a","code":"none"}],"thing":"c"}
--- err
.
t 'the log knows the mapping; a Delete follows' 'echo "e05 Delete Order a" | through; docs Thing name
    es-sync-log -L 1 | jq -c "[.ref_doctype, .docname, .mapping]"' <<'.'
--- out
Synced Delete Thing a
{"name":"c"}
["Thing","a","order"]
--- err
.

# ---- what cannot be mapped

fresh hq
t 'a value that the Value Map does not have: marked, said, parked' 'through; docs Thing name' <<'.'
--- in
e01 Create Order a {"subject":"s","who":"eve"} Person:eve
e02 Create Order b {"n":[]}
e03 Create Order c {}
--- out
status 1
Synced Create Thing c
Failed Create Thing a: 'who' has the value 'eve', which the Value Map 'people' does not have; add it with es-put
Failed Create Thing b: the expression of 'count' fails for []: arithmetic with what is no number
{"name":"c"}
--- err
es-map: 2 events cannot be mapped: es-apply parks them and says why
es-apply: 3 events: 1 applied, 2 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'as a line it is what it was' 'echo "e01 Create Order a {\"who\":\"eve\"}" | went -q' <<'.'
--- out
{"name":"e01","type":"Create","ref_doctype":"Order","docname":"a","data":{"who":"eve"},"unmapped":"'who' has the value 'eve', which the Value Map 'people' does not have; add it with es-put"}
{"end":0}
--- err
.
t 'what comes after it waits behind it' 'through -q' <<'.'
--- in
e04 Update Order a {"changed":{"subject":"t"}} <e01
--- out
status 1
Failed Update Thing a: 'who' has the value 'eve', which the Value Map 'people' does not have; add it with es-put
--- err
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'with the pair put in, es-resync brings it anew' '
    es-get "Value Map" | jq -c ".pairs += [{remote_value: \"eve\", local_value: \"P-2\"}]" | es-put -q
    es-resync -E | es-map -q | es-apply | brief; docs Thing name,title,person' 0 <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
{"name":"c","title":null,"person":null}
{"name":"a","title":"t","person":"P-2"}
.
fresh hq
t 'without es-map it is parked, and es-resync cures it' 'events | es-apply | brief; docs Thing name
    es-resync | es-map | es-apply | brief; docs Thing name,title' <<'.'
--- in
e01 Create Order a {"subject":"s"}
--- out
Failed Create Thing a: the subscription maps it by 'order', and it did not pass es-map
Synced Create Thing a
{"name":"a","title":"s"}
.
t 'a mapping that is broken by now' '
    sqlite3 hq.db "DELETE FROM document WHERE name = '\''line'\''"; es-map -n; echo $?; echo "e02 Create Order b {}" | through -q' 0 <<'.'
--- out
1
status 1
Failed Create Thing b: the mapping 'order', row 5: no Document Type Mapping 'line'; put it in first
--- err
es-map: the mapping 'order', row 5: no Document Type Mapping 'line'; put it in first
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'one name of here and of there' 'went -q | jq -r .unmapped//empty' <<'.'
--- in
e01 Create Order a {"who":"ann","role":"x","thing":"P-1","ref_type":"Person","ref":"P-1"} Person:P-1
--- out
the mapping 'order', row 5: no Document Type Mapping 'line'; put it in first
--- err
.
fresh hq
t 'which could not be told apart, is refused' 'went -q | jq -r .unmapped//empty' <<'.'
--- in
e01 Create Order a {"who":"ann","ref_type":"Person","ref":"P-1"} Person:P-1
--- out
one name is that of a document of the producer and of one here, which a Value Map, a default or an expression gives; map both fields alike
--- err
.
t 'a dynamic link names the DocType as it is called here' 'went | jq -c ".data, .links | values"' <<'.'
--- in
e01 Create Order a {"ref_type":"Order","ref":"b"} Order:b
--- out
{"ref_type":"Thing","ref":"b"}
{"Thing":{"b":["s1","b"]}}
--- err
.
t 'es-pull lets no marks of a peer through, nor does es-map' '
    events | es-map | jq -c "[.ref_doctype, .data, .original, .unmapped]" | head -n 1' <<'.'
--- in
e01 Create Thing a {"title":"x"} "original":{"ref_doctype":"Order","data":{"subject":"y"}} "mapping":"m" "unmapped":"z"
--- out
["Thing",{"title":"y"},{"ref_doctype":"Order","data":{"subject":"y"}},null]
--- err
.

# ---- stock

t 'events of stock: data in a string, no origin' 'jq -c . | es-map -q | es-apply -p north 2>&1 | brief
    docs Thing name,title,count,person' <<'.'
--- in
{"name":7,"creation":"2026-01-01 00:00:01.000000","update_type":"Create","ref_doctype":"Order","docname":"s","data":"{\"doctype\": \"Order\", \"name\": \"s\", \"subject\": \"S\", \"n\": 3, \"who\": \"bob\"}","event_producer":"north"}
{"name":8,"creation":"2026-01-01 00:00:02.000000","update_type":"Update","ref_doctype":"Order","docname":"s","data":"{\"added\": {}, \"changed\": {\"who\": \"ann\"}, \"removed\": {}, \"row_changed\": {}}","event_producer":"north"}
{"end":{"status":0}}
--- out
Synced Create Thing s
Synced Update Thing s
{"name":"s","title":"S","count":6,"person":"P-1"}
.

# ---- looking first

t '-l: what the Value Map does not have, how often' 'events | es-map -l' 1 <<'.'
--- in
e01 Create Order a {"who":"eve"}
e02 Create Order b {"who":"ann"}
e03 Update Order a {"changed":{"who":"eve"}} <e01
e04 Create Order c {"who":"o_\"x\""}
--- out
{"value_map":"people","table":null,"field":"who","value":"eve","count":2}
{"value_map":"people","table":null,"field":"who","value":"o_\"x\"","count":1}
--- err
.
t '-m: by another mapping, or by one alone' 'went -m line' <<'.'
--- in
e01 Create Line a {"item":"x"}
e02 Create Order a {"subject":"x"}
--- out
{"name":"e01","type":"Create","ref_doctype":"Part","docname":"a","data":{"code":"x"},"mapping":"line","original":{"ref_doctype":"Line","data":{"item":"x"}}}
{"name":"e02","type":"Create","ref_doctype":"Order","docname":"a","data":{"subject":"x"}}
{"end":0}
--- err
.
t '-n: all is well' 'es-map -nv; es-map -n -p north; es-map -n -m line' <<'.'
--- out
--- err
es-map: 1 mappings
.
t '-n -p: what is not there at the producer' '
    es-init -q -s north.db north; echo "{\"doctype\":\"DocType\",\"name\":\"Order\",\"module\":\"T\",\"fields\":[{\"fieldname\":\"subject\",\"fieldtype\":\"Data\"},{\"fieldname\":\"n\",\"fieldtype\":\"Int\"},{\"fieldname\":\"lines\",\"fieldtype\":\"Data\"},{\"fieldname\":\"after\",\"fieldtype\":\"Link\",\"options\":\"Order\"}]}" | es-doctype -q -s north.db
    echo "{\"callback_url\":\"hq\",\"user\":\"Administrator\",\"consumer_doctypes\":[{\"ref_doctype\":\"Order\",\"status\":\"Approved\"}],\"site\":\"$(sqlite3 hq.db "SELECT value FROM site WHERE key = '\''id'\''")\"}" | es-put -q -s north.db "Event Consumer"
    es-map -n -p north.db' 1 <<'.'
--- out
--- err
es-map: the mapping 'order', row 2: Order of the producer has no field 'title'
es-map: the mapping 'order', row 4: Order of the producer has no field 'who'
es-map: the mapping 'order', row 5: 'lines' is no table there and 'parts' is one here
es-map: the mapping 'line': the producer has no DocType 'Line'
.

# ---- when it is entered

t 'a mapping that is no good is refused, and says the row' 'es-put' 1 <<'.'
--- in
{"doctype":"Document Type Mapping","mapping_name":"x","local_doctype":"Thing","remote_doctype":"Order","field_mapping":[{"local_fieldname":"title","remote_fieldname":"a"},{"local_fieldname":"colour","remote_fieldname":"b"}]}
{"doctype":"Document Type Mapping","mapping_name":"x","local_doctype":"Thing","remote_doctype":"Order","field_mapping":[{"local_fieldname":"title","remote_fieldname":"a"},{"local_fieldname":"title","remote_fieldname":"b"}]}
{"doctype":"Value Map","name":"x","pairs":[{"remote_value":"a","local_value":"1"},{"remote_value":"a","local_value":"2"}]}
--- err
es-put: stdin:1: the mapping 'x', row 2: Thing has no field 'colour'
es-put: stdin:2: the mapping 'x', row 2: 'title' is filled by another row already
es-put: stdin:3: the value 'a' has two pairs
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 3 refused
.

# ---- input

t 'bad lines are rejected, the end line says so' 'es-map -q | jq -c "if .end then .end.status elif .rejected then .rejected.why else .name end"' 0 <<'.'
--- in
{"name":"e01","update_type":"Create"}
nonsense
[1]
{"end":{"status":0}}
--- out
"an event without ref_doctype and docname"
"invalid literal, expected a valid literal such as 'null' at byte 0"
"the line is no JSON object"
1
.
t 'the status of the end line is its own' 'echo "{\"end\":{\"status\":111}}" | es-map; echo "{\"end\":{\"status\":0}}" >a; es-map a - a </dev/null' 111 <<'.'
--- out
{"end":{"status":111}}
{"end":{"status":0}}
{"end":{"program":"es-map","status":111}}
--- err
es-map: stdin has no end line: it was cut; run again
.

done_testing
