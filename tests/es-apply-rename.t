#!/bin/sh
# es-apply - other names for documents that are named by one of their fields

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

# brand ADDRESS AUTONAME [FIELD]: a site with Brands, kept as it is made.
brand() {
	printf '%s' '{"doctype":"DocType","name":"Brand","module":"Test","autoname":"'"$2"'","allow_rename":1,"is_submittable":1,"fields":[{"fieldname":"'"${3-brand}"'","fieldtype":"Data","reqd":1,"set_only_once":1},{"fieldname":"land","fieldtype":"Data"}]}' >brand.json
	es-init -q -s "$1.db" "$1" && es-doctype -q -s "$1.db" brand.json
}
put() {
	echo "$2" | es-put -q -s "$1.db" Brand
}
# What a site has: name, field and what else it says.
docs() {
	es-get -s "$1.db" -C "name,${2-brand},land" Brand | jq -c '[.[]]'
}
# What it logged: types, and what an Update changed.
logged() {
	es-producer-log -s "$1.db" Brand | jq -r 'select(.update_type) | .update_type +
	    (if .update_type == "Update" then " " + (.data.changed | tojson)
	    elif .update_type == "Rename" then " " + .data.new_name else "" end) +
	    (if .author and .author != .site then " by another" else "" end)'
}
keep() {
	for f; do
		cp "$f.db" "$f.new" || return
	done
}

ok 'a producer' brand north field:brand
ok 'others of its kind' eval 'brand same field:brand && subscribe same north Brand &&
    brand own field:brand && subscribe own north "Brand,\"use_same_name\":0"'
ok 'others of another rule' eval 'brand number B-.### && subscribe number north "Brand,\"use_same_name\":0" &&
    brand prompt Prompt && subscribe prompt north Brand'
ok 'one with another field' eval 'brand map B-.### title
    echo "{\"doctype\":\"Document Type Mapping\",\"mapping_name\":\"brand\",\"local_doctype\":\"Brand\",\"remote_doctype\":\"Brand\",\"field_mapping\":[{\"local_fieldname\":\"title\",\"remote_fieldname\":\"brand\"}]}" | es-put -q -s map.db
    subscribe map north "Brand,\"use_same_name\":0,\"has_mapping\":1,\"mapping\":\"brand\""'
ok 'one named by that' eval 'brand mapsame field:title title
    echo "{\"doctype\":\"Document Type Mapping\",\"mapping_name\":\"brand\",\"local_doctype\":\"Brand\",\"remote_doctype\":\"Brand\",\"field_mapping\":[{\"local_fieldname\":\"title\",\"remote_fieldname\":\"brand\"}]}" | es-put -q -s mapsame.db
    subscribe mapsame north "Brand,\"has_mapping\":1,\"mapping\":\"brand\""'
put north '{"brand":"Acme","land":"DE"}'
es-producer-log -s north.db Brand >first
for f in same own number prompt map mapsame; do
	es-map -s $f.db first | es-apply -q -s $f.db
done
keep north same own number prompt map mapsame

t 'where a field gives the name it gets the new one before, by an Update' \
    'es-mv -s north.db Brand Acme New | tee moved' <<'.'
--- out
{"name":"ID","creation":"TIME","update_type":"Update","ref_doctype":"Brand","docname":"Acme","data":{"changed":{"brand":"New"},"added":{},"removed":{},"row_changed":{}},"event_producer":"north","site":"ID","prev":"ID","origin":["ID","ID"],"via":["ID"]}
{"name":"ID","creation":"TIME","update_type":"Rename","ref_doctype":"Brand","docname":"Acme","data":{"new_name":"New","merge":0},"event_producer":"north","site":"ID","origin":["ID","ID"],"via":["ID"]}
{"end":{"program":"es-mv","status":0}}
--- err
.
put north '{"name":"New","land":"FR"}'
es-producer-log -s north.db Brand >all

# follow SITE [FIELD]: it gets the log, twice.
follow() {
	for f in all all; do
		es-map -s "$1.db" $f | es-apply -q -s "$1.db" || echo "status $?"
	done
	docs "$1" "${2-brand}"
}
t 'under the same names' 'follow same; logged same' <<'.'
--- out
["New","New","FR"]
Create by another
Update {"brand":"New","land":"FR"} by another
Rename New by another
--- err
.
t 'names of our own, by another rule' 'follow number; es-get -s number.db -C remote_docname Brand' <<'.'
--- out
["B-001","New","FR"]
{"remote_docname":"New"}
--- err
.
t 'and by the field: the name stays, the field does not' 'follow own; es-get -s own.db -C remote_docname Brand' <<'.'
--- out
["Acme","New","FR"]
{"remote_docname":"New"}
--- err
.
t 'the same names, by another rule' 'follow prompt' <<'.'
--- out
["New","New","FR"]
--- err
.
t 'the field is called otherwise' 'follow map title; follow mapsame title; logged mapsame' <<'.'
--- out
["B-001","New","FR"]
["New","New","FR"]
Create by another
Update {"land":"FR","title":"New"} by another
Rename New by another
--- err
.

t 'what differs from its name stays so' 'put own "{\"name\":\"Acme\",\"land\":\"IT\"}"; docs own
    put own "{\"name\":\"Acme\",\"brand\":null}"; docs own
    es-get -s own.db Brand | es-put -s own.db | wc -l' <<'.'
--- out
["Acme","New","IT"]
["Acme","New","IT"]
1
--- err
.
t 'but is not made so' 'put own "{\"name\":\"Acme\",\"brand\":\"Other\"}"' 1 <<'.'
--- err
es-put: stdin:1: name 'Acme' and brand 'Other' differ; to give it another name use es-mv
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.

# ---- a page that ends between the two, and events one by one

t 'each event alone' 'fresh same own number prompt map mapsame
    jq -c "select(.update_type)" all | while read -r line; do
	echo "$line" >one; echo "{\"end\":{\"program\":\"test\",\"status\":0}}" >>one
	for f in same own number prompt map mapsame; do
		es-map -s $f.db one | es-apply -q -s $f.db
	done
    done
    for f in same own number prompt; do docs $f; done; docs map title; docs mapsame title; logged same' <<'.'
--- out
["New","New","FR"]
["Acme","New","FR"]
["B-001","New","FR"]
["New","New","FR"]
["B-001","New","FR"]
["New","New","FR"]
Create by another
Update {"brand":"New"} by another
Rename New by another
Update {"land":"FR"} by another
--- err
.
t 'a page that ends between the two; a change here meanwhile' 'fresh same own
    for f in same own; do
	sed 2q all | send $f >/dev/null; docs $f; put $f "{\"name\":\"Acme\",\"land\":\"IT\"}"; docs $f; send $f -q <all; docs $f
    done; logged same' <<'.'
--- out
["Acme","New","DE"]
["Acme","New","IT"]
["New","New","FR"]
["Acme","New","DE"]
["Acme","New","IT"]
["Acme","New","FR"]
Create by another
Update {"brand":"New"} by another
Update {"land":"IT"}
Rename New by another
Update {"land":"FR"} by another
--- err
.

# ---- relays

ok 'one behind' eval 'brand behind B-.### && subscribe behind same "Brand,\"use_same_name\":0"'
ok 'and one behind own names' eval 'brand far field:brand && subscribe far number "Brand,\"use_same_name\":0"'
keep behind far
t 'it goes on' 'fresh same number
    flow same behind -q; flow number far -q; docs behind; docs far
    send same -q <all; send number -q <all; flow same behind -q; flow number far -q
    docs behind; docs far; logged far' <<'.'
--- out
["B-001","Acme","DE"]
["Acme","Acme","DE"]
["B-001","New","FR"]
["Acme","New","FR"]
Create by another
Update {"brand":"New","land":"FR"} by another
--- err
.
t 'a Rename without its Update: the field follows, which others are told' 'fresh same behind; flow same behind -q
    sed "1d;2d;/\"Rename\"/q" all | send same; docs same; logged same
    flow same behind -q; docs behind' <<'.'
--- out
Synced Rename Brand Acme as New
["New","New","DE"]
Create by another
Update {"brand":"New"}
Rename New by another
["B-001","New","DE"]
--- err
.
t 'a field that was not the name stays' 'fresh same; put same "{\"brand\":\"x\"}"; sqlite3 same.db "UPDATE document SET data = json_set(data, \"\$.brand\", \"Akme\") WHERE name = \"Acme\""
    sed "1d;2d;/\"Rename\"/q" all | send same -q; docs same' <<'.'
--- out
["New","Akme","DE"]
["x","x",null]
--- err
.

# ---- more Renames than one

t 'back and forth, all at once or one by one' 'fresh north same number
    es-mv -q -s north.db Brand Acme b; es-mv -q -s north.db Brand b Acme; es-mv -q -s north.db Brand Acme c
    es-mv -q -s north.db Brand c b
    es-producer-log -s north.db Brand >many
    for f in same number; do send $f -q <many; docs $f; done; fresh same number
    jq -c "select(.update_type)" many | while read -r line; do
	for f in same number; do echo "$line" | send $f -q; done
    done; docs same; docs number; logged same | grep -c Update' <<'.'
--- out
["b","b","DE"]
["B-001","b","DE"]
["b","b","DE"]
["B-001","b","DE"]
4
--- err
.
t 'two change names' 'fresh north same number; put north "{\"brand\":\"Bex\"}"
    es-mv -q -s north.db Brand Acme t; es-mv -q -s north.db Brand Bex Acme; es-mv -q -s north.db Brand t Bex
    for f in same number; do flow north $f -q; docs $f | sort; done' <<'.'
--- out
["Acme","Acme",null]
["Bex","Bex","DE"]
["B-001","Bex","DE"]
["B-002","Acme",null]
--- err
.
t 'a name that is taken here: the Rename waits, the field does not' 'fresh north same; put same "{\"brand\":\"b\"}"
    es-mv -q -s north.db Brand Acme b; flow north same; docs same; es-mv -q -s same.db Brand b c
    flow north same; docs same' <<'.'
--- out
Synced Update Brand Acme
Failed Rename Brand Acme: another Brand is called 'b' here
["Acme","b","DE"]
["b","b",null]
Synced Rename Brand Acme as b
["b","b","DE"]
["c","c",null]
--- err
es-apply: 3 events: 1 applied, 1 parked, 0 refused, 0 rejected, 1 known or not subscribed
.

# ---- both sides at once

ok 'two that take from one another' eval 'brand east field:brand && subscribe east west Brand &&
    brand west field:brand && subscribe west east Brand'
keep east west
both() {
	for _ in 1 2 3; do
		flow east west -q; flow west east -q
	done
	cat log
	docs east
	docs west
}
t 'both rename: the later name, at both, and the field has it' 'put east "{\"brand\":\"a\"}"; both
    es-mv -q -s east.db Brand a e; es-mv -q -s west.db Brand a w; both
    es-mv -q -s west.db Brand w v; es-mv -q -s east.db Brand w f; both' <<'.'
--- out
["a","a",null]
["a","a",null]
["w","w",null]
["w","w",null]
["f","f",null]
["f","f",null]
--- err
.
t 'in pages that end between' 'fresh east west; put east "{\"brand\":\"a\"}"; both
    es-mv -q -s east.db Brand a e; es-mv -q -s west.db Brand a w
    es-producer-log -s west.db Brand | jq -c "select(.update_type)" | while read -r line; do
	echo "$line" | es-apply -q -s east.db 2>/dev/null; done
    es-producer-log -s east.db Brand | jq -c "select(.update_type)" | while read -r line; do
	echo "$line" | es-apply -q -s west.db 2>/dev/null; done
    both' <<'.'
--- out
["a","a",null]
["a","a",null]
["w","w",null]
["w","w",null]
--- err
.

# ---- what may be written

t 'strict: a user could have renamed it' 'cp same.new same.db
    es-get -s same.db "Event Producer" | jq -c ".producer_doctypes[0].strict = 1" | es-put -q -s same.db
    send same <all; docs same; es-sync-log -s same.db | jq -c "select(.warning).warning"' <<'.'
--- out
Synced Update Brand Acme
Synced Update Brand New as Acme
Synced Rename Brand Acme as New
["New","New","FR"]
--- err
.
t 'no warning either' 'fresh same; send same -q <all; es-sync-log -s same.db | jq -c "select(.warning).warning"' <<'.'
--- out
--- err
.
t 'submitted' 'fresh north same; put north "{\"name\":\"Acme\",\"docstatus\":1}"; es-mv -q -s north.db Brand Acme s
    es-get -s same.db "Event Producer" | jq -c ".producer_doctypes[0].strict = 1" | es-put -q -s same.db
    flow north same -q; docs same; put north "{\"name\":\"s\",\"docstatus\":2}"; es-mv -q -s north.db Brand s t; flow north same; docs same' <<'.'
--- out
["s","s","DE"]
Synced Update Brand s
Synced Update Brand s
Synced Rename Brand s as t
["t","t","DE"]
--- err
.
t 'a value that the field cannot have' 'es-init -q -s n.db n
    echo "{\"doctype\":\"DocType\",\"name\":\"Room\",\"module\":\"T\",\"autoname\":\"field:room\",\"allow_rename\":1,\"fields\":[{\"fieldname\":\"room\",\"fieldtype\":\"Int\"}]}" | es-doctype -q -s n.db
    echo "{\"room\":7}" | es-put -q -s n.db Room; es-mv -q -s n.db Room 7 x; es-mv -q -s n.db Room 7 8; es-get -s n.db -C name,room Room' <<'.'
--- out
{"name":"8","room":8}
--- err
es-mv: 'room' wants a whole number, not a string
.

# ---- what comes again

t 'an Update that comes again undoes no later one' 'fresh north same; es-mv -q -s north.db Brand Acme b; flow north same -q
    es-mv -q -s north.db Brand b c; flow north same -q; es-resync -s same.db Brand | send same -q; docs same' <<'.'
--- out
["c","c","DE"]
--- err
.
t 'a snapshot' 'fresh north same number; es-mv -q -s north.db Brand Acme b
    for f in same number; do es-producer-log -i -s north.db Brand | send $f -q; docs $f; flow north $f -q; docs $f; logged $f; done' <<'.'
--- out
["b","b","DE"]
["b","b","DE"]
Create by another
Rename b by another
Update {"brand":"b"} by another
["B-001","b","DE"]
["B-001","b","DE"]
Create by another
Update {"brand":"b"} by another
--- err
.

done_testing
