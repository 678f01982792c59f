#!/bin/sh
# es-map - events become those of the DocTypes here
# shellcheck disable=SC2154,SC2119,SC2120

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"
. "$ES_TOP/tests/serve.sh"

ES_SITE=hq.db
export ES_SITE
mask() {
	sed -E 's/\b20[0-9]{2}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}\b/TIME/g
		s/\b[0-9abcdefghjkmnpqrstvwxyz]{19}\b/ID/g
		s/127\.0\.0\.1:[0-9]+/HOST/g'
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
t 'of what a line was, only what a mapping may change comes back' '
    events | es-map | jq -c "[.name, .event_producer, .data, .links]" | head -n 1' <<'.'
--- in
e01 Create Thing a {"title":"x"} "original":{"name":"e99","event_producer":"south","site":"s9","ref_doctype":"Order","data":{"changed":3},"links":null}
--- out
["e01","north",{"changed":3},null]
--- err
.
t 'what is no diff is not made one' 'events | es-map | jq -c ".data, .unmapped | values"' <<'.'
--- in
e01 Update Order a {"changed":[1],"added":"x","removed":{"lines":{"a":1}},"row_changed":{"lines":[3,null]}}
--- out
{"changed":[1],"added":"x","removed":{"parts":{"a":1}},"row_changed":{"parts":[3,null]}}
--- err
.

# ---- values

cat >codes.json <<'.'
{"doctype":"Value Map","name":"codes","pairs":[{"remote_value":"2.1","local_value":"x"}]}
{"doctype":"Document Type Mapping","mapping_name":"row codes","local_doctype":"Part","remote_doctype":"Row","field_mapping":[{"local_fieldname":"code","remote_fieldname":"account","value_map":"codes"}]}
{"doctype":"Document Type Mapping","mapping_name":"codes","local_doctype":"Thing","remote_doctype":"Ledger","field_mapping":[{"local_fieldname":"title","remote_fieldname":"account","value_map":"codes"},{"local_fieldname":"count","remote_fieldname":"size","expression":"value > 5"},{"local_fieldname":"price","remote_fieldname":"rate","expression":"jq: . > 5"},{"local_fieldname":"parts","remote_fieldname":"rows","mapping_type":"Child Table","mapping":"row codes"}]}
.
ok 'a Value Map of numbers' eval 'es-put -q <codes.json'
t 'numbers are the same however they are written, texts are not' 'events | es-map -m codes |
    jq -c "select(.docname) | [.data.title, .unmapped]"' <<'.'
--- in
e01 Create Ledger a {"account":"2.1"}
e02 Create Ledger b {"account":2.10}
e03 Create Ledger c {"account":"2.10"}
--- out
["x",null]
["x",null]
[null,"'account' has the value '2.10', which the Value Map 'codes' does not have; add it with es-put"]
--- err
es-map: 1 events cannot be mapped: es-apply parks them and says why
.
t 'what is true is 1 in a field of numbers' 'events | es-map -m codes | jq -c ".data | values"' <<'.'
--- in
e01 Create Ledger a {"size":7,"rate":7}
e02 Create Ledger b {"size":5,"rate":5}
--- out
{"count":1,"price":1}
{"count":0,"price":0}
--- err
.
t '-m: one that is not here: who reads on is told, too' 'events | es-map -m nosuch -s hq.db' 100 <<'.'
--- in
e01 Create Ledger a {"size":7,"rate":7}
--- out
{"end":{"program":"es-map","status":100,"why":"no Document Type Mapping 'nosuch' in 'hq.db'; es-put puts one in"}}
--- err
es-map: no Document Type Mapping 'nosuch' in 'hq.db'; es-put puts one in
.
t '-m: to look at one that is not here' 'es-map -n -m nosuch -s hq.db 2>/dev/null; echo $?; es-map -l -m nosuch -s hq.db' 100 <<'.'
--- out
100
--- err
es-map: no Document Type Mapping 'nosuch' in 'hq.db'; es-put puts one in
.
t '-l: a table is called as the producer does' 'events | es-map -l -m codes' 1 <<'.'
--- in
e01 Create Ledger a {"rows":[{"name":"r1","account":"9"}]}
e02 Update Ledger a {"row_changed":{"rows":[{"name":"r1","account":"9"}]}} <e01
--- out
{"value_map":"codes","table":"rows","field":"account","value":"9","count":2}
--- err
.
t 'a default that is no number, for one' 'jq -c "select(.mapping_name == \"codes\") |
    .field_mapping[1] += {default_value: \"abc\"}" codes.json | es-put -q' 1 <<'.'
--- out
--- err
es-put: stdin:1: the mapping 'codes', row 2: 'count' wants a number, not the default 'abc'
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
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

t '-n -p: what is wrong on either side, at once' 'cp hq.db before.db
    sed "1,3d;s/.\"fieldname\":\"note\",[^}]*},//" doctypes.json | es-doctype -q; es-map -n -p north.db; s=$?; cp before.db hq.db; exit $s' 1 <<'.'
--- out
--- err
es-map: the mapping 'order', row 2: Thing has no field 'note'
es-map: the mapping 'order', row 2: Order of the producer has no field 'title'
es-map: the mapping 'order', row 4: Order of the producer has no field 'who'
es-map: the mapping 'order', row 5: 'lines' is no table there and 'parts' is one here
es-map: the mapping 'line': the producer has no DocType 'Line'
.
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

# ---- the examples of Frappe's manual

# crm has Opportunities of Leads; hq has both under other names.
cat >crm.json <<'.'
{"doctype":"DocType","name":"Lead","module":"CRM","autoname":"LEAD-.##","fields":[{"fieldname":"lead_name","fieldtype":"Data"},{"fieldname":"phone","fieldtype":"Data"},{"fieldname":"country","fieldtype":"Data"},{"fieldname":"territory","fieldtype":"Link","options":"Area"}]}
{"doctype":"DocType","name":"Area","module":"CRM","autoname":"Prompt","fields":[{"fieldname":"note","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Opportunity Item","module":"CRM","istable":1,"fields":[{"fieldname":"item_code","fieldtype":"Data"},{"fieldname":"qty","fieldtype":"Float"}]}
{"doctype":"DocType","name":"Opportunity","module":"CRM","autoname":"OPP-.##","allow_rename":1,"fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"contact_mobile","fieldtype":"Data"},{"fieldname":"party_name","fieldtype":"Link","options":"Lead"},{"fieldname":"status","fieldtype":"Data"},{"fieldname":"items","fieldtype":"Table","options":"Opportunity Item"}]}
.
cat >erp.json <<'.'
{"doctype":"DocType","name":"Area","module":"CRM","autoname":"Prompt","fields":[{"fieldname":"note","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Global Defaults","module":"Core","issingle":1,"fields":[{"fieldname":"country","fieldtype":"Data"}]}
{"doctype":"DocType","name":"ERPNext Lead","module":"ERP","autoname":"Prompt","fields":[{"fieldname":"full_name","fieldtype":"Data"},{"fieldname":"mobile","fieldtype":"Data"},{"fieldname":"territory","fieldtype":"Link","options":"Area"}]}
{"doctype":"DocType","name":"ERPNext Item","module":"ERP","istable":1,"fields":[{"fieldname":"item","fieldtype":"Data"},{"fieldname":"quantity","fieldtype":"Float"}]}
{"doctype":"DocType","name":"ERPNext Opportunity","module":"ERP","autoname":"EOPP-.##","fields":[{"fieldname":"subject","fieldtype":"Data"},{"fieldname":"lead","fieldtype":"Link","options":"ERPNext Lead"},{"fieldname":"state","fieldtype":"Data"},{"fieldname":"products","fieldtype":"Table","options":"ERPNext Item"}]}
.
cat >mapped.json <<'.'
{"doctype":"Document Type Mapping","mapping_name":"Lead to ERPNext","local_doctype":"ERPNext Lead","remote_doctype":"Lead","field_mapping":[{"local_fieldname":"full_name","remote_fieldname":"lead_name"},{"local_fieldname":"mobile","remote_fieldname":"phone"}]}
{"doctype":"Document Type Mapping","mapping_name":"Item to ERPNext","local_doctype":"ERPNext Item","remote_doctype":"Opportunity Item","field_mapping":[{"local_fieldname":"item","remote_fieldname":"item_code"},{"local_fieldname":"quantity","remote_fieldname":"qty"}]}
{"doctype":"Document Type Mapping","mapping_name":"Opportunity to ERPNext","local_doctype":"ERPNext Opportunity","remote_doctype":"Opportunity","field_mapping":[{"local_fieldname":"subject","remote_fieldname":"title"},{"local_fieldname":"state","remote_fieldname":"status","default_value":"Open"},{"local_fieldname":"products","remote_fieldname":"items","mapping_type":"Child Table","mapping":"Item to ERPNext"},{"local_fieldname":"lead","remote_fieldname":"party_name","mapping_type":"Document","mapping":"Lead to ERPNext","remote_value_filters":"{\"lead_name\": \"title\", \"phone\": \"contact_mobile\", \"country\": \"eval:frappe.db.get_value('Global Defaults', None, 'country')\"}"}]}
.
make_erp() {
	es-init -q -s crm.db crm && es-doctype -q -s crm.db crm.json &&
	    es-init -q -s erp.db erp && es-doctype -q -s erp.db erp.json &&
	    echo '{"doctype":"Global Defaults","country":"India"}' | es-put -q -s erp.db &&
	    es-put -q -s erp.db <mapped.json &&
	    es-subscribe -q -o request -s erp.db crm user=Administrator \
	    'ERPNext Opportunity' mapping='Opportunity to ERPNext' use_same_name="$1" &&
	    es-approve -q -s crm.db - <request >grant && es-approve -aq -s crm.db erp
}
crm() {
	sed 's/^\([A-Z][a-z]*\) /{"doctype":"\1",/; s/,{/,/' | es-put -q -s crm.db
}
# The pipe.
sync() {
	es-pull -s erp.db crm.db | es-map -s erp.db | es-deps -p crm.db -s erp.db |
	    tee went | es-apply -s erp.db >log || echo "status $?"
	brief <log
}
erp() {
	es-get -s erp.db -C "$2" "$1"
}
ok 'the manual: Opportunities, and Leads by name, phone and country' make_erp 0
t '-n -p: on both sides all is there' 'es-map -n -p crm.db -s erp.db
    sed "s/..country../\\\\\"land\\\\\"/" mapped.json | es-put -q -s erp.db; es-map -n -p crm.db -s erp.db; s=$?; es-put -q -s erp.db <mapped.json; exit $s' 1 <<'.'
--- out
--- err
es-map: the mapping 'Opportunity to ERPNext', row 4: Lead of the producer has no field 'land' to be found by
.
t 'an Opportunity comes with its Lead, its rows and a default' 'crm; sync
    erp "ERPNext Opportunity" name,subject,state,lead,products,remote_docname,remote_site_name |
    sed "s/\"name\":\"[0-9a-f]*\",\"idx\"/\"idx\"/"
    erp "ERPNext Lead" name,full_name,mobile,territory; erp Area name' <<'.'
--- in
Area {"name":"North"}
Lead {"lead_name":"Ann","phone":"1","country":"Chile"}
Lead {"lead_name":"Ann","phone":"1","country":"India","territory":"North"}
Lead {"lead_name":"Ann","phone":"2","country":"India"}
Opportunity {"title":"Ann","contact_mobile":"1","party_name":"LEAD-02","items":[{"item_code":"PEN","qty":1.10}]}
--- out
Synced Create Area North
Synced Create ERPNext Lead LEAD-02
Synced Create ERPNext Opportunity OPP-01 as EOPP-01
{"name":"EOPP-01","subject":"Ann","state":"Open","lead":"LEAD-02","products":[{"idx":1,"item":"PEN","quantity":1.10}],"remote_docname":"OPP-01","remote_site_name":"crm"}
{"name":"LEAD-02","full_name":"Ann","mobile":"1","territory":"North"}
{"name":"North"}
--- err
.
t 'the next one links to the same; one that nobody finds stays as it is there' 'crm; sync
    erp "ERPNext Opportunity" name,subject,state,lead; erp "ERPNext Lead" name' <<'.'
--- in
Opportunity {"title":"Ann","contact_mobile":"1","party_name":"LEAD-02","status":"Won"}
Opportunity {"title":"Bob","contact_mobile":"1","party_name":"LEAD-03"}
--- out
status 1
Synced Create ERPNext Opportunity OPP-02 as EOPP-02
Failed Create ERPNext Opportunity OPP-03: waits for ERPNext Lead 'LEAD-03', which the filters of its mapping do not find at crm
{"name":"EOPP-01","subject":"Ann","state":"Open","lead":"LEAD-02"}
{"name":"EOPP-02","subject":"Ann","state":"Won","lead":"LEAD-02"}
{"name":"LEAD-02"}
--- err
es-apply: 2 events: 1 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'an Update is asked for by the whole document' 'crm; sync; erp "ERPNext Opportunity" name,state,lead; erp "ERPNext Lead" name,mobile' <<'.'
--- in
Lead {"lead_name":"Ann","phone":"5","country":"India"}
Opportunity {"name":"OPP-02","contact_mobile":"5"}
Opportunity {"name":"OPP-02","party_name":"LEAD-04","status":null}
--- out
Synced Update ERPNext Opportunity OPP-02 as EOPP-02
Synced Create ERPNext Lead LEAD-04
Synced Update ERPNext Opportunity OPP-02 as EOPP-02
{"name":"EOPP-01","state":"Open","lead":"LEAD-02"}
{"name":"EOPP-02","state":"Open","lead":"LEAD-04"}
{"name":"LEAD-02","mobile":"1"}
{"name":"LEAD-04","mobile":"5"}
--- err
.

t 'es-sync does all of it; what a rename there changes here' 'es-mv -q -s crm.db Opportunity OPP-02 OPP-99 2>&1; crm
    es-sync -s erp.db crm.db 2>&1; erp "ERPNext Opportunity" name,remote_docname' <<'.'
--- in
Opportunity {"title":"Ann","contact_mobile":"5","party_name":"LEAD-04"}
--- out
{"name":"EOPP-01","remote_docname":"OPP-01"}
{"name":"EOPP-02","remote_docname":"OPP-99"}
{"name":"EOPP-03","remote_docname":"OPP-04"}
.

# ---- transcript 08: a document is mapped, and is a second one by a filter

cat >wire.json <<'.'
{"doctype":"DocType","name":"Wire Thing","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"n","fieldtype":"Int"},{"fieldname":"d","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Wire Role","module":"T","autoname":"field:role_name","fields":[{"fieldname":"role_name","fieldtype":"Data","unique":1}]}
{"doctype":"DocType","name":"Wire Local","module":"T","autoname":"Prompt","fields":[{"fieldname":"caption","fieldtype":"Data"},{"fieldname":"number","fieldtype":"Int"},{"fieldname":"fixed_value","fieldtype":"Data"},{"fieldname":"role","fieldtype":"Link","options":"Wire Role"},{"fieldname":"d","fieldtype":"Data"}]}
.
make_wire() {
	for s in there here; do
		es-init -q -s $s.db $s && es-doctype -q -s $s.db wire.json || return
	done
	es-put -q -s here.db 'Document Type Mapping' <<'.' &&
{"mapping_name": "Role from Thing", "local_doctype": "Wire Role", "remote_doctype": "Wire Thing", "field_mapping": [{"local_fieldname": "role_name", "remote_fieldname": "title"}]}
{"mapping_name": "Thing to Local", "local_doctype": "Wire Local", "remote_doctype": "Wire Thing", "field_mapping": [{"local_fieldname": "caption", "remote_fieldname": "title"}, {"local_fieldname": "number", "remote_fieldname": "n"}, {"local_fieldname": "fixed_value", "default_value": "const"}, {"local_fieldname": "role", "remote_fieldname": "title", "mapping_type": "Document", "mapping": "Role from Thing", "remote_value_filters": "{\"title\": \"title\"}"}]}
.
	    es-subscribe -q -o request -s here.db there user=Administrator \
	    'Wire Local' mapping='Thing to Local' use_same_name=1 &&
	    es-approve -q -s there.db - <request >grant && es-approve -aq -s there.db here
}
wire() {
	es-pull -s here.db there.db | es-map -s here.db | es-deps -p there.db -s here.db |
	    es-apply -s here.db >log || echo "status $?"
	brief <log
	es-get -s here.db -C name,caption,number,fixed_value,role,d 'Wire Local'
	es-get -s here.db -C name,role_name 'Wire Role'
}
ok 'transcript 08' make_wire
t 'the document, and the one that it stands for' 'es-put -q -s there.db "Wire Thing"; wire' <<'.'
--- in
{"name":"mapped 1","title":"T1","n":5,"d":"x"}
--- out
Synced Create Wire Role mapped 1
Synced Create Wire Local mapped 1
{"name":"mapped 1","caption":"T1","number":5,"fixed_value":"const","role":"mapped 1","d":"x"}
{"name":"mapped 1","role_name":"T1"}
--- err
.
t 'Updates of mapped and other fields, a Delete' 'es-put -q -s there.db "Wire Thing"; wire; es-rm -q -s there.db "Wire Thing" "mapped 1"; wire' <<'.'
--- in
{"name":"mapped 1","n":0}
{"name":"mapped 1","d":null}
--- out
Synced Update Wire Local mapped 1
Synced Update Wire Local mapped 1
{"name":"mapped 1","caption":"T1","number":0,"fixed_value":"const","role":"mapped 1","d":null}
{"name":"mapped 1","role_name":"T1"}
Synced Delete Wire Local mapped 1
{"name":"mapped 1","role_name":"T1"}
--- err
.

# ---- over the line

es-key -q -o line.key -s crm.db line@example.com
serve crm -q -s crm.db
crm=$url crm_pid=$pid
make_line() {
	es-init -q -s line.db line && es-doctype -q -s line.db erp.json &&
	    echo '{"doctype":"Global Defaults","country":"India"}' | es-put -q -s line.db &&
	    es-put -q -s line.db <mapped.json &&
	    es-subscribe -q -k line.key -s line.db "$crm" user=Administrator \
	    'ERPNext Opportunity' mapping='Opportunity to ERPNext' use_same_name=1 \
	    condition='doc.status == "Won"'
}
look() {
	es-map -n -p "$crm" -s line.db
}
# With these words of the mappings changed.
look_with() {
	sed "$1" mapped.json | es-put -q -s line.db 2>&1
	look && echo 'no fault'
	es-put -q -s line.db <mapped.json
}
ok 'a subscription over the line' make_line
t '-n -p URL: what it does not give is not looked at' 'look' 1 <<'.'
--- out
--- err
es-map: http://HOST: its DocType 'Opportunity' is not looked at: the key does not allow that: you may not read DocType, or not this one; it gives what belongs to DocTypes that are Approved and what comes with them; ask their administrator whose key it is (es-key -l)
es-map: http://HOST: its DocType 'Lead' is not looked at: the key does not allow that: you may not read DocType, or not this one; it gives what belongs to DocTypes that are Approved and what comes with them; ask their administrator whose key it is (es-key -l)
.
t 'es-serve finds them too' 'es-approve -aq -s crm.db line && es-sync -s line.db; crm; es-sync -s line.db
    es-get -s line.db -C name,subject,lead "ERPNext Opportunity"
    es-get -s line.db -C name,mobile "ERPNext Lead"; es-sync-log -E -s line.db | brief' <<'.'
--- in
Opportunity {"title":"Ann","contact_mobile":"2","party_name":"LEAD-03","status":"Won"}
--- out
{"name":"OPP-05","subject":"Ann","lead":"LEAD-03"}
{"name":"LEAD-03","mobile":"2"}
--- err
.
t '-n -p URL: on both sides all is there, Custom Fields too' 'look; es-map -nv -p "$crm/" -s line.db
    echo "{\"doctype\":\"Custom Field\",\"dt\":\"Lead\",\"fieldname\":\"land\",\"fieldtype\":\"Data\"}" | es-doctype -q -s crm.db
    look_with "s/..country../\\\\\"land\\\\\"/; s/\"phone\"}/\"land\"}/"' <<'.'
--- out
no fault
--- err
es-map: 2 mappings
.
# Of its tables, of what a filter finds, and of the mapping of that.
faults='s/"item_code"/"code"/; s/..country../\\"colour\\"/; s/"phone"}/"fax"}/
	s/"remote_fieldname":"status"/"remote_fieldname":"items"/; s/"remote_fieldname":"title"/"remote_fieldname":"name1"/'
t 'what is not there: the same as of a site file' 'look_with "$faults" 2>got; crm=crm.db; look_with "$faults" 2>want
    cat got; diff want got' <<'.'
--- out
es-map: the mapping 'Opportunity to ERPNext', row 1: Opportunity of the producer has no field 'name1'
es-map: the mapping 'Opportunity to ERPNext', row 2: 'items' is a table there and 'state' is none here
es-map: the mapping 'Item to ERPNext', row 1: Opportunity Item of the producer has no field 'code'
es-map: the mapping 'Opportunity to ERPNext', row 4: Lead of the producer has no field 'colour' to be found by
es-map: the mapping 'Lead to ERPNext', row 2: Lead of the producer has no field 'fax'
--- err
.
t 'with a key that is refused this side is looked at; who is not subscribed to' '
    jq -nc --arg url "$crm" "{name: \$url, api_key: \"x\", api_secret: \"y\"}" | es-put -q -s line.db "Event Producer"
    sqlite3 line.db "UPDATE document SET data = replace(data, '\''mobile'\'', '\''fax'\'') WHERE name = '\''Lead to ERPNext'\''"; look; echo $?
    es-put -q -s line.db <mapped.json; look; echo $?; es-map -n -p http://127.0.0.1:1 -s line.db; echo $?
    es-subscribe -q -k line.key -s line.db "$crm"; look' <<'.'
--- out
100
100
100
--- err
es-map: the mapping 'Lead to ERPNext', row 2: ERPNext Lead has no field 'fax'
es-map: http://HOST: the key is not accepted: no such key, or another secret; ask their administrator for a new one (es-key -r) and give it with es-subscribe -k; its DocTypes are not looked at
es-map: http://HOST: the key is not accepted: no such key, or another secret; ask their administrator for a new one (es-key -r) and give it with es-subscribe -k; its DocTypes are not looked at
es-map: http://HOST: it is not subscribed to; es-subscribe does that; its DocTypes are not looked at
.

# A stock site: its answers one after another, by answers.py.
mkfifo stock.in stock.out
python3 "$ES_TOP/tests/answers.py" <stock.in >stock.out 2>/dev/null &
servers="$servers $!"
exec 9>stock.in
read -r stock <stock.out
answer() {
	mkdir -p answers
	{ echo "$2 type=application/json"; cat; } >"answers/$1"
}
with_key() {
	subscribe here "$1" 'Wire Local,"has_mapping":1,"mapping":"Thing to Local"' 'Wire Role' &&
	    jq -nc --arg url "$1" '{name: $url, api_key: "k", api_secret: "s"}' |
	    es-put -q -s here.db 'Event Producer'
}
ok 'a subscription to a stock site' with_key "$stock"
t '-n -p URL of a stock site: all is there' 'answer 1 200 <"$ES_TOP/tests/data/stock-doctype.json"
    for n in 2 3; do echo "{\"data\":[]}" | answer $n 200; done
    es-map -n -p "$stock" -s here.db; sed "s/ *$//" asked' <<'.'
--- out
GET /api/resource/DocType/Wire%20Thing
GET /api/resource/Custom%20Field?fields=%5B%22%2A%22%5D&filters=%5B%5B%22dt%22%2C%22%3D%22%2C%22Wire%20Thing%22%5D%5D&limit_page_length=0
GET /api/resource/Property%20Setter?fields=%5B%22%2A%22%5D&filters=%5B%5B%22doc_type%22%2C%22%3D%22%2C%22Wire%20Thing%22%5D%5D&limit_page_length=0
--- err
.
t 'a field is not there; one comes with a Custom Field' 'answer 1 200 <"$ES_TOP/tests/data/stock-doctype.json"
    answer 2 200 <custom; echo "{\"data\":[]}" | answer 3 200
    es-get -s here.db "Document Type Mapping" "Thing to Local" >mapping
    jq -c ".field_mapping[1].remote_fieldname = \"label\" |
	.field_mapping[3].remote_value_filters = ({d: \"title\"} | tojson)" mapping | es-put -q -s here.db
    es-map -n -p "$stock" -s here.db; s=$?; es-put -q -s here.db <mapping; exit $s' 1 <<'.'
--- file custom
{"data":[{"name":"Wire Thing-label","dt":"Wire Thing","fieldname":"label","fieldtype":"Data"}]}
--- out
--- err
es-map: the mapping 'Thing to Local', row 4: Wire Thing of the producer has no field 'd' to be found by
.
# What comes of an answer of this status, the body being in the file, and how it
# ends.
refusal() {
	rm -f answers/*
	answer 1 "$1" <"$2"
	for n in 2 3; do echo '{"data":[]}' | answer $n 200; done
	es-map -n -p "$stock" -s here.db 2>&1
	echo $?
}
t 'it has no such DocType, does not give it, or gives one that is of no use' '
    refusal 404 none; refusal 403 no; refusal 200 odd' <<'.'
--- file none
{"exc_type":"DoesNotExistError","_server_messages":"[\"{\\\"message\\\": \\\"DocType Wire Thing not found\\\", \\\"title\\\": \\\"Message\\\", \\\"indicator\\\": \\\"red\\\", \\\"raise_exception\\\": 1}\"]"}
--- file no
{"exception":"frappe.exceptions.PermissionError","exc":"[\"Traceback\"]","_server_messages":"[\"{\\\"message\\\": \\\"User <strong>x@wire.test</strong> does not have access to this document\\\", \\\"title\\\": \\\"Message\\\"}\"]"}
--- file odd
{"data":{"name":"Wire Thing","fields":[{"fieldname":"a","fieldtype":"Novelty"}]}}
--- out
es-map: the mapping 'Thing to Local': the producer has no DocType 'Wire Thing'
es-map: the mapping 'Role from Thing': the producer has no DocType 'Wire Thing'
1
es-map: http://HOST: its DocType 'Wire Thing' is not looked at: the key does not allow that: User x@wire.test does not have access to this document; it gives what belongs to DocTypes that are Approved and what comes with them; ask their administrator whose key it is (es-key -l)
1
es-map: http://HOST: its DocType 'Wire Thing' is not looked at: field 'a' has the unknown type 'Novelty'
1
--- err
.
t 'it cannot be asked now, or is no site' 'refusal 503 empty; refusal 200 list' <<'.'
--- file empty
{}
--- file list
[]
--- out
es-map: http://HOST: not now (503); its DocTypes are not looked at
111
es-map: http://HOST: no site answers there: what came is application/json; its DocTypes are not looked at
100
--- err
.

# What the filters of a consumer find at crm.
find() {
	curl -sS -H "Authorization: token $(jq -r '"\(.api_key):\(.api_secret)"' line.key)" \
	    -H 'Accept: application/x-ndjson' -d event_consumer=line --data-urlencode "doctype=$1" \
	    --data-urlencode "filters=$2" -d limit=10 \
	    "$crm/api/method/frappe.event_streaming.doctype.event_update_log.event_update_log.get_snapshots_for_consumer" |
	    jq -r 'if .update_type then .docname elif .initial then "\(.initial.events) found"
	    elif .end then "end" else (.message // .exception // keys[0]) end'
}
t 'only what the consumer may read' 'find Lead "{\"lead_name\":\"Ann\",\"phone\":\"2\"}"; find Lead "{\"phone\":\"5\"}"
    find Lead "{\"nosuch\":\"5\"}"; find User "{\"name\":\"Administrator\"}"; find "Global Defaults" {}' <<'.'
--- out
LEAD-03
1 found
end
0 found
end
0 found
end
0 found
end
0 found
end
--- err
.

# ---- the producer goes away in the middle of a run

# Lines in short.
passed() {
	jq -r 'select(.grant | not) | if .update_type then "\(.update_type) \(.docname)"
	    elif .later then .later | "later \(.ref_doctype) \(.docname): \(.why)"
	    elif .checkpoint then .checkpoint | "\(.events) events"
	    elif .end then .end | "end \(.program) \(.status)" else keys[0] end'
}
t 'an event whose link could not be asked for stays with the producer' '
    crm; es-pull -s line.db "$crm" >lines; halt $crm_pid
    es-map -s line.db lines | es-deps -W 0 -s line.db >went; passed <went
    es-apply -s line.db went | brief; es-get -s line.db -C name,subject "ERPNext Opportunity"' <<'.'
--- in
Lead {"lead_name":"Zoe","phone":"9","country":"India"}
Opportunity {"title":"Zoe","contact_mobile":"9","party_name":"LEAD-05","status":"Won"}
Opportunity {"name":"OPP-05","title":"Anna"}
Opportunity {"name":"OPP-06","items":[{"item_code":"PEN","qty":1}]}
--- out
later ERPNext Opportunity OPP-06: could not connect: Connection refused
Update OPP-05
Update OPP-06
3 events
end es-deps 111
Synced Update ERPNext Opportunity OPP-05
Failed Update ERPNext Opportunity OPP-06: an event before ID is missing
{"name":"OPP-05","subject":"Anna"}
--- err
es-deps: http://HOST: could not connect: Connection refused
es-apply: saw 2 of 3 events of 'http://HOST', the cursor stays: send them again
es-apply: es-deps said: could not connect: Connection refused
es-apply: 2 events: 1 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'and comes again' 'es-pull -s line.db crm.db | es-map -s line.db | es-deps -p crm.db -s line.db |
    es-apply -s line.db | brief; es-get -s line.db -C name,subject,lead "ERPNext Opportunity"' <<'.'
--- out
Synced Create ERPNext Lead LEAD-05
Synced Create ERPNext Opportunity OPP-06
Synced Update ERPNext Opportunity OPP-06
{"name":"OPP-05","subject":"Anna","lead":"LEAD-03"}
{"name":"OPP-06","subject":"Zoe","lead":"LEAD-05"}
--- err
.
t 'one whose Update has to be asked for whole, too' '
    crm; es-pull -s line.db crm.db >lines; es-map -s line.db lines | es-deps -W 0 -s line.db 2>said | passed' <<'.'
--- in
Opportunity {"name":"OPP-06","party_name":"LEAD-03","contact_mobile":"2"}
--- out
later ERPNext Opportunity OPP-06: could not connect: Connection refused
1 events
end es-deps 111
--- err
.
# What it brings is mapped, and its link cannot be asked for: it refuses then.
t 'a document that comes along, whose own link could not be asked for, waits' '
    mkdir -p answers; { echo 200; P=$stock; echo "e02 Create Wire_Thing t {\"name\":\"t\",\"title\":\"T\"} \"snapshot\":1" | events |
	sed "s/Wire_Thing/Wire Thing/; /\"end\"/i {\"initial\":{\"position\":{\"last_update\":null,\"name\":null},\"after\":1,\"events\":1}}"; } >answers/1
    echo "{}" | answer 2 403; echo "e01 Create Wire_Role r {\"role_name\":\"r\"} \"links\":{\"Wire_Thing\":{\"t\":[\"s1\",\"t\"]}}" |
    P=$stock events | sed "s/Wire_/Wire /g" | es-deps -W 0 -s here.db | passed' <<'.'
--- out
Create r
end es-deps 100
--- err
es-deps: http://HOST: the key does not allow that; if we are not registered there any more es-subscribe -R does it anew, else ask their administrator whose key it is (es-key -l)
.
exec 9>&-

done_testing
