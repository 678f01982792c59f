#!/bin/sh
# es-doctype - DocTypes as Frappe exports them, into a site

. "${0%/*}/lib.sh"

ES_SITE=s.db
export ES_SITE
ok 'a site' es-init -q s

# As an export has it: with children, layout and what nobody reads.
cat >thing.json <<'.'
{
 "actions": [],
 "allow_rename": 1,
 "autoname": "field:code",
 "creation": "2020-01-01 10:00:00.000000",
 "doctype": "DocType",
 "engine": "InnoDB",
 "field_order": ["code", "section", "title", "parts"],
 "fields": [
  {"fieldname": "code", "fieldtype": "Data", "label": "Code", "reqd": 1, "unique": 1},
  {"fieldname": "section", "fieldtype": "Section Break"},
  {"fieldname": "title", "fieldtype": "Data"},
  {"fieldname": "parts", "fieldtype": "Table", "options": "Part"}
 ],
 "links": [],
 "modified": "2020-01-01 10:00:00.000000",
 "modified_by": "Administrator",
 "module": "Test",
 "name": "Thing",
 "owner": "Administrator",
 "permissions": [{"role": "System Manager", "read": 1, "write": 1}],
 "sort_field": "modified"
}
.
cat >part.json <<'.'
{"doctype":"DocType","name":"Part","module":"Test","istable":1,"fields":[{"fieldname":"code","fieldtype":"Data"}]}
.
fields() {
	sqlite3 s.db "SELECT name FROM pragma_table_info('$1')" |
	    grep -vx 'name\|owner\|creation\|modified\|modified_by\|docstatus\|idx' |
	    paste -sd' ' -
}

t 'a table whose DocType is not there' 'es-doctype thing.json' 1 <<'.'
--- out
--- err
es-doctype: thing.json: DocType 'Thing': 'parts' is a table of DocType 'Part', which is not there; put it in first
es-doctype: 0 new, 0 changed, 0 as they were, 1 refused
.
t 'files, in their order' 'es-doctype -v part.json thing.json' <<'.'
--- out
--- err
es-doctype: DocType 'Part': new
es-doctype: DocType 'Thing': new
es-doctype: 2 new, 0 changed, 0 as they were, 0 refused
.
t 'the same twice changes nothing' 'sqlite3 s.db .dump >dump
    es-doctype part.json - <thing.json; sqlite3 s.db .dump | cmp - dump' <<'.'
--- out
--- err
.
is 'no view of what is not there' "$(fields tabThing)" ''
t 'documents of it' 'es-put | sed -n "s/.*docname\":\"\([^\"]*\).*/\1/p"
    sqlite3 s.db "SELECT name, code, title FROM tabThing; SELECT parent, parentfield, idx, code FROM tabPart"' <<'.'
--- in
{"doctype":"Thing","code":"t1","title":"One","parts":[{"code":"p1"},{"code":"p2"}]}
--- out
t1
t1|t1|One
t1|parts|1|p1
t1|parts|2|p2
--- err
.
is 'a view of its fields' "$(fields tabThing)" 'code title'
is 'and of its rows' "$(fields tabPart)" 'parent parenttype parentfield code'

# ---- forms of input

t 'an array' 'es-doctype' <<'.'
--- in
[{"doctype":"DocType","name":"A1"},
 {"doctype":"DocType","name":"A2"}]
--- err
.
t 'one a line' 'es-doctype' <<'.'
--- in
{"doctype":"DocType","name":"L1"}

{"doctype":"DocType","name":"L2"}
--- err
.
t 'what getdoctype answers' 'es-doctype' <<'.'
--- in
{"docs":[{"doctype":"DocType","name":"G1"}],"user_settings":"{}"}
--- err
.
t 'what the resource API answers' 'es-doctype' <<'.'
--- in
{"data":{"doctype":"DocType","name":"R1"}}
--- err
.
t 'other documents' 'es-doctype' 1 <<'.'
--- in
[{"doctype":"Note","name":"x","title":"t"},{"name":"y"},5]
--- err
es-doctype: stdin: 'x' is a Note, not a DocType, Custom Field or Property Setter
es-doctype: stdin: 'y' is a document without doctype, not a DocType, Custom Field or Property Setter
es-doctype: stdin: '' is a document without doctype, not a DocType, Custom Field or Property Setter
es-doctype: 0 new, 0 changed, 0 as they were, 3 refused
.
t 'what is not JSON; the rest goes in' 'es-doctype bad.json none.json good.json' 1 <<'.'
--- file bad.json
{"doctype":"DocType",
--- file good.json
{"doctype":"DocType","name":"Good"}
--- out
--- err
es-doctype: bad.json: unexpected end of data at byte 21
es-doctype: cannot open 'none.json': No such file or directory
es-doctype: 1 new, 0 changed, 0 as they were, 2 refused
.
t 'a line that is not JSON' 'es-doctype' 1 <<'.'
--- in
{"doctype":"DocType","name":"L3"}
{"doctype":
{"doctype":"DocType","name":"L4"}
--- err
es-doctype: stdin:2: unexpected end of data at byte 11
es-doctype: 2 new, 0 changed, 0 as they were, 1 refused
.

# ---- DocTypes that cannot be

bad() {
	t "$1" 'es-doctype' 1 <<.
--- in
{"doctype":"DocType",$2}
--- err
es-doctype: stdin: DocType $3
es-doctype: 0 new, 0 changed, 0 as they were, 1 refused
.
}
bad 'no name' '"fields":[]' "'': a DocType needs a name"
bad 'a name that cannot be one' '"name":"a\"b"' "'a\"b': 'a\"b' cannot be the name of a DocType"
bad "a name with a quote" "\"name\":\"a'b\"" "'a'b': 'a'b' cannot be the name of a DocType"
bad 'a fieldname that cannot be one' \
    '"name":"X","fields":[{"fieldname":"a b","fieldtype":"Data"}]' "'X': 'a b' cannot be a fieldname"
bad 'a field without a name' '"name":"X","fields":[{"fieldtype":"Data"}]' \
    "'X': field 1 has no fieldname"
bad 'an unknown type' '"name":"X","fields":[{"fieldname":"a","fieldtype":"Blob"}]' \
    "'X': field 'a' has the unknown type 'Blob'"
bad 'two fields of one name' \
    '"name":"X","fields":[{"fieldname":"a","fieldtype":"Data"},{"fieldname":"A","fieldtype":"Data"}]' \
    "'X': two fields are called 'A'"
bad 'a table of nothing' '"name":"X","fields":[{"fieldname":"a","fieldtype":"Table"}]' \
    "'X': 'a' is a Table without options"

# ---- changes

t 'a field more' 'es-doctype; echo "{\"doctype\":\"Thing\",\"code\":\"t1\",\"size\":5}" | es-put -q' <<'.'
--- in
{"doctype":"DocType","name":"Thing","module":"Test","autoname":"field:code","allow_rename":1,"fields":[{"fieldname":"code","fieldtype":"Data","reqd":1,"unique":1},{"fieldname":"title","fieldtype":"Data"},{"fieldname":"size","fieldtype":"Int"},{"fieldname":"parts","fieldtype":"Table","options":"Part"}]}
--- out
--- err
.
is 'its view' "$(fields tabThing)" 'code title size'
t 'a DocType that comes again replaces what was: exports leave out what is off' 'es-doctype; es-get -C autoname,allow_rename,module DocType Thing' <<'.'
--- in
{"doctype":"DocType","name":"Thing","module":"Test","autoname":"field:code","fields":[{"fieldname":"code","fieldtype":"Data","reqd":1,"unique":1},{"fieldname":"title","fieldtype":"Data"},{"fieldname":"size","fieldtype":"Int"},{"fieldname":"parts","fieldtype":"Table","options":"Part"}]}
--- out
{"autoname":"field:code","allow_rename":null,"module":"Test"}
--- err
.
t 'a part that does not fit the rest is refused' 'es-doctype' 1 <<'.'
--- in
{"doctype":"DocType","name":"Thing","fields":[{"fieldname":"code","fieldtype":"Table","options":"Nope"}]}
--- err
es-doctype: stdin: DocType 'Thing': 'code' is a table of DocType 'Nope', which is not there; put it in first
es-doctype: 0 new, 0 changed, 0 as they were, 1 refused
.
t 'a Custom Field, named by its DocType and field' 'es-doctype; es-get -C name "Custom Field"' <<'.'
--- in
{"doctype":"Custom Field","dt":"Thing","fieldname":"hue","fieldtype":"Data"}
--- out
{"name":"Thing-hue"}
--- err
.
is 'its view' "$(fields tabThing)" 'code title size hue'
t 'a Custom Field twice' 'es-doctype -v' <<'.'
--- in
{"doctype":"Custom Field","dt":"Thing","fieldname":"hue","fieldtype":"Data"}
--- err
es-doctype: Custom Field 'hue': as it was
es-doctype: 0 new, 0 changed, 1 as they were, 0 refused
.
t 'a Custom Field of no DocType, of an odd name, a second time' 'es-doctype' 1 <<'.'
--- in
{"doctype":"Custom Field","name":"Nope-hue","dt":"Nope","fieldname":"hue","fieldtype":"Data"}
{"doctype":"Custom Field","name":"Thing-a b","dt":"Thing","fieldname":"a b","fieldtype":"Data"}
{"doctype":"Custom Field","name":"Thing-title","dt":"Thing","fieldname":"title","fieldtype":"Data"}
--- err
es-doctype: stdin: Custom Field 'Thing-a b': a Custom Field wants a fieldname of letters, digits and underscores
es-doctype: stdin: Custom Field 'Thing-title': Thing has a field 'title' already
es-doctype: stdin: Custom Field 'Nope-hue': no DocType 'Nope'
es-doctype: 0 new, 0 changed, 0 as they were, 3 refused
.
t 'a Property Setter' 'es-doctype -q' <<'.'
--- in
{"doctype":"Property Setter","name":"Thing-hue-reqd","doctype_or_field":"DocField","doc_type":"Thing","field_name":"hue","property":"reqd","property_type":"Check","value":"1"}
--- err
.
t 'and what it does' 'es-put -q' 1 <<'.'
--- in
{"doctype":"Thing","code":"t2"}
--- err
es-put: stdin:1: 'hue' is required
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
t 'the DocType with a field of that name: refused, and usable still' 'es-doctype; s=$?
    echo "{\"doctype\":\"Thing\",\"code\":\"t3\",\"hue\":\"red\"}" | es-put -q; exit $s' 1 <<'.'
--- in
{"doctype":"DocType","name":"Thing","fields":[{"fieldname":"code","fieldtype":"Data"},{"fieldname":"hue","fieldtype":"Data"}]}
--- err
es-doctype: DocType 'Thing' cannot be used: two fields are called 'hue'
es-doctype: stdin: DocType 'Thing': DocType 'Thing' could not be used with it
es-doctype: 0 new, 0 changed, 0 as they were, 1 refused
.
# ---- options

t '-n changes nothing' 'sqlite3 s.db .dump >dump
    es-doctype -n; s=$?; sqlite3 s.db .dump | cmp - dump; exit $s' 1 <<'.'
--- in
{"doctype":"DocType","name":"Dry"}
{"doctype":"DocType","name":"Thing","module":"Dry"}
{"doctype":"DocType"}
--- out
--- err
es-doctype: stdin: DocType '': a DocType needs a name
es-doctype: 1 new, 1 changed, 0 as they were, 1 refused; nothing was changed (-n)
.
t '-q' 'es-doctype -q' <<'.'
--- in
{"doctype":"DocType","name":"Quiet","issingle":1}
--- out
--- err
.
t '-l lists by name' 'es-doctype -l | sed -n "/\"module\":\"Test\"/p; /Quiet/p; /\"Note\"/p"' <<'.'
--- out
{"name":"Note","module":"Desk","kind":"document","documents":0}
{"name":"Part","module":"Test","kind":"child","documents":0}
{"name":"Quiet","module":null,"kind":"single","documents":0}
{"name":"Thing","module":"Test","kind":"document","documents":2}
--- err
.
t '-lH' 'es-doctype -lH | sed -n "s/  */ /g; 1p; /^Thing/p"' <<'.'
--- out
DOCTYPE MODULE KIND DOCUMENTS
Thing Test document 2
--- err
.
t 'called wrongly' 'es-doctype -l file' 100 <<'.'
--- err
usage: es-doctype [-nqv] [-s site] [file ...]
       es-doctype -l [-H] [-s site]
.
t 'the DocTypes of a shop, twice' 'es-doctype -v "$ES_TOP/share/doctypes/retail.json" 2>&1 | tail -n 1 | sed "s/[0-9]* new/N new/"
    es-doctype -v "$ES_TOP/share/doctypes/retail.json" 2>&1 | tail -n 1 | sed "s/[0-9]* as they/N as they/"' <<'.'
--- out
es-doctype: N new, 0 changed, 0 as they were, 0 refused
es-doctype: 0 new, 0 changed, N as they were, 0 refused
--- err
.
t 'and those that the site has' 'es-doctype -v "$ES_TOP/share/doctypes/core.json" "$ES_TOP/share/doctypes/event_streaming.json" 2>&1 |
    tail -n 1 | sed "s/[0-9]* as they/N as they/"' <<'.'
--- out
es-doctype: 0 new, 0 changed, N as they were, 0 refused
--- err
.

done_testing
