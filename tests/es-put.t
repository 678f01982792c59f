#!/bin/sh
# es-put - what a site accepts, what it stores, and the events it logs

. "${0%/*}/lib.sh"

ES_SITE=s.db
export ES_SITE

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Kind","module":"T","autoname":"field:kind","allow_rename":1,"fields":[{"fieldname":"kind","fieldtype":"Data","reqd":1,"unique":1},{"fieldname":"note","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Line","module":"T","istable":1,"fields":[{"fieldname":"what","fieldtype":"Data","reqd":1},{"fieldname":"qty","fieldtype":"Float","default":"1"},{"fieldname":"kind","fieldtype":"Link","options":"Kind"},{"fieldname":"memo","fieldtype":"Data","allow_on_submit":1},{"fieldname":"size","fieldtype":"Select","options":"\nS\nL"},{"fieldname":"at","fieldtype":"Time","default":"Now"},{"fieldname":"pin","fieldtype":"Password"}]}
{"doctype":"DocType","name":"Paper","module":"T","autoname":"Prompt","is_submittable":1,"fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"body","fieldtype":"Text"},{"fieldname":"count","fieldtype":"Int"},{"fieldname":"price","fieldtype":"Currency"},{"fieldname":"done","fieldtype":"Check"},{"fieldname":"day","fieldtype":"Date"},{"fieldname":"at","fieldtype":"Datetime"},{"fieldname":"clock","fieldtype":"Time"},{"fieldname":"json","fieldtype":"JSON"},{"fieldname":"tag","fieldtype":"Data","unique":1},{"fieldname":"state","fieldtype":"Select","options":"Open\nShut"},{"fieldname":"kind","fieldtype":"Link","options":"Kind"},{"fieldname":"ref_type","fieldtype":"Link","options":"DocType"},{"fieldname":"ref","fieldtype":"Dynamic Link","options":"ref_type"},{"fieldname":"born","fieldtype":"Data","set_only_once":1},{"fieldname":"stock","fieldtype":"Int","non_negative":1},{"fieldname":"memo","fieldtype":"Data","allow_on_submit":1},{"fieldname":"break","fieldtype":"Section Break"},{"fieldname":"key","fieldtype":"Password"},{"fieldname":"lines","fieldtype":"Table","options":"Line"},{"fieldname":"extra","fieldtype":"Table","options":"Line","allow_on_submit":1}]}
{"doctype":"DocType","name":"Full","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data","default":"none"},{"fieldname":"state","fieldtype":"Select","options":"\nNew\nOld","reqd":1},{"fieldname":"day","fieldtype":"Date","default":"Today"},{"fieldname":"at","fieldtype":"Datetime","default":"Now"},{"fieldname":"who","fieldtype":"Data","default":"__user"},{"fieldname":"n","fieldtype":"Int","default":"7"},{"fieldname":"on","fieldtype":"Check","default":"1"}]}
{"doctype":"DocType","name":"Must","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data","reqd":1},{"fieldname":"n","fieldtype":"Int","reqd":1},{"fieldname":"lines","fieldtype":"Table","options":"Line","reqd":1}]}
{"doctype":"DocType","name":"By Hash","module":"T","autoname":"hash","fields":[{"fieldname":"a","fieldtype":"Data"}]}
{"doctype":"DocType","name":"By None","module":"T","fields":[{"fieldname":"a","fieldtype":"Data"}]}
{"doctype":"DocType","name":"By Series","module":"T","autoname":"naming_series:","is_submittable":1,"fields":[{"fieldname":"naming_series","fieldtype":"Select","options":"\nBS-\nBT-.YYYY.-"},{"fieldname":"a","fieldtype":"Data"}]}
{"doctype":"DocType","name":"By Old","module":"T","autoname":"BS-.#####","fields":[{"fieldname":"a","fieldtype":"Data"}]}
{"doctype":"DocType","name":"By Parts","module":"T","autoname":"{a}.-.YY.MM.DD.-.##","fields":[{"fieldname":"a","fieldtype":"Data"}]}
{"doctype":"DocType","name":"By Format","module":"T","autoname":"format:F-{a}-{YYYY}-{###}","fields":[{"fieldname":"a","fieldtype":"Data"}]}
{"doctype":"DocType","name":"By Format 2","module":"T","autoname":"format:G-{####}","fields":[{"fieldname":"a","fieldtype":"Data"}]}
{"doctype":"DocType","name":"By Number","module":"T","autoname":"autoincrement","fields":[{"fieldname":"a","fieldtype":"Data"}]}
{"doctype":"DocType","name":"One","module":"T","issingle":1,"fields":[{"fieldname":"a","fieldtype":"Data"}]}
.
ok 'a site' es-init -q shop
ok 'its DocTypes' es-doctype -q doctypes.json

# Of what es-put prints: what was done to which document, the data without
# what every document begins with, the status.
brief() {
	sed -E 's/.*"update_type":"(\w+)".*"docname":"([^"]*)","data":(.*),"event_producer".*/\1 \2 \3/
		s/"doctype":.*"modified_by":"[^"]*",//
		s/.*"rejected".*"at":"([^"]*)".*/rejected \1/
		s/.*"end".*"status":([0-9]+).*/= \1/'
}
event() {
	t "$1" 'es-put | brief' <<.
--- in
$2
--- out
$3
= 0
--- err
.
}
same() {
	t "$1" 'es-put | brief' <<.
--- in
$2
--- out
= 0
--- err
.
}
refused() {
	t "$1" 'es-put -q' 1 <<.
--- in
$2
--- out
--- err
es-put: stdin:1: $3
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
}
names() {
	t "$1" 'es-put | sed -n "s/.*\"docname\":\"\([^\"]*\)\".*/\1/p"' <<.
--- in
$2
--- out
$3
--- err
.
}
good() {
	es-put -q >/dev/null
}
journal() {
	sqlite3 "${1-s.db}" 'SELECT count(*) FROM journal'
}

ok 'kinds to link to' sh -c 'es-put -q <<.
{"doctype":"Kind","kind":"a"}
{"doctype":"Kind","kind":"b"}
.'

# ---- known fields, types

refused 'an unknown field' '{"doctype":"Paper","name":"p","colour":"red"}' \
    "unknown field 'colour'"
refused 'an unknown field of a row' \
    '{"doctype":"Paper","name":"p","lines":[{"what":"x"},{"what":"y","colour":1}]}' \
    "row 2 of 'lines': unknown field 'colour'"
refused 'a value for what holds none' '{"doctype":"Paper","name":"p","break":"x"}' \
    "'break' is a Section Break and holds no value"
event 'what the site sets itself is dropped' \
    '{"doctype":"Paper","name":"p","owner":"x","creation":"y","modified":1,"modified_by":2,"idx":9,"parent":"z","_user_tags":",a","__islocal":1,"__x":{"a":1}}' \
    'Create p {"docstatus":0}'
refused 'an unknown DocType' '{"doctype":"Nope","name":"p"}' \
    "no DocType 'Nope' here; es-doctype puts one in"
refused 'no DocType' '{"name":"p"}' 'no doctype is given'
refused 'a row without its document' '{"doctype":"Line","what":"x"}' \
    'Line is a child table; its rows are written with their document'
for log in 'Event Update Log' 'Event Sync Log' 'Event Producer Last Update'; do
	refused "a log: $log" "{\"doctype\":\"$log\",\"name\":\"x\"}" \
	    "$log is written by the programs themselves"
done
refused 'what is no object' '["doctype","Paper"]' 'a document is an object'

while IFS='|' read -r field value why; do
	refused "a wrong type: $field $value" \
	    "{\"doctype\":\"Paper\",\"name\":\"q\",\"$field\":$value}" "$why"
done <<'.'
title|1|'title' wants a string, not a number
title|["a"]|'title' wants a string, not an array
body|{}|'body' wants a string, not an object
count|1.5|'count' wants a whole number, not '1.5'
count|"1"|'count' wants a whole number, not a string
price|"1.10"|'price' wants a number, not a string
price|true|'price' wants a number, not a truth value
done|2|'done' wants 0 or 1, not '2'
done|true|'done' wants 0 or 1, not a truth value
day|"2026-02-29"|'day' wants a date (YYYY-MM-DD), not '2026-02-29'
day|"1.2.2026"|'day' wants a date (YYYY-MM-DD), not '1.2.2026'
at|"2026-01-01T25:00:00"|'at' wants a date and time (YYYY-MM-DD HH:MM:SS), not '2026-01-01T25:00:00'
clock|"noon"|'clock' wants a time (HH:MM:SS), not 'noon'
state|1|'state' wants a string, not a number
kind|1|'kind' wants a string, not a number
kind|"a\u0000"|'kind' wants a string without NUL, not a string
key|5|'key' wants a string, not a number
lines|{}|'lines' wants an array of rows
lines|["x"]|row 1 of 'lines' is no object
lines|[{"what":"x","name":5}]|row 1 of 'lines': the name of a row is a string
lines|[{"what":"x","name":"r"},{"what":"y","name":"r"}]|row 2 of 'lines': the name 'r' stands twice
lines|[{"what":"x","qty":"1"}]|row 1 of 'lines': 'qty' wants a number, not a string
docstatus|3|'docstatus' is 0, 1 or 2
.
refused 'a name that is no string' '{"doctype":"Paper","name":["q"]}' 'a name is a string'
refused 'a name with a NUL' '{"doctype":"Paper","name":"q\u0000"}' 'a name is a string'
event 'right types, as they were written' \
    '{"doctype":"Paper","name":"types","title":"","body":"a\nb","count":50e-1,"price":1.10,"done":1.0,"day":"2028-02-29","at":"2026-01-01 10:00:00.5","clock":"9:05:03","json":{"b":[1.0,null],"a":"x"},"kind":null}' \
    'Create types {"docstatus":0,"title":"","body":"a\nb","count":50e-1,"price":1.10,"done":1.0,"day":"2028-02-29","at":"2026-01-01 10:00:00.5","clock":"9:05:03","json":{"b":[1.0,null],"a":"x"},"kind":null}'

# ---- reqd, Select, unique, set once, not negative

refused 'a required field that is absent' '{"doctype":"Must","name":"m","n":1}' \
    "'title' is required"
refused 'a required field that is blank' '{"doctype":"Must","name":"m","title":" \n","n":1}' \
    "'title' is required"
refused 'a required number that is null' '{"doctype":"Must","name":"m","title":"t","n":null}' \
    "'n' is required"
refused 'a required table without rows' '{"doctype":"Must","name":"m","title":"t","n":0,"lines":[]}' \
    "'lines' is required"
refused 'a required field of a row' \
    '{"doctype":"Must","name":"m","title":"t","n":0,"lines":[{"qty":1}]}' \
    "row 1 of 'lines': 'what' is required"
event '0 is a value' '{"doctype":"Must","name":"m","title":"t","n":0,"lines":[{"name":"r1","what":"x","at":"1:00:00"}]}' \
    'Create m {"docstatus":0,"title":"t","n":0,"lines":[{"name":"r1","idx":1,"what":"x","at":"1:00:00","qty":1}]}'
refused 'to empty a required field' '{"doctype":"Must","name":"m","title":null}' \
    "'title' is required"
refused 'no option of a Select' '{"doctype":"Paper","name":"q","state":"Ajar"}' \
    "'state' cannot be 'Ajar', which is none of its options"
refused 'an option but for its case' '{"doctype":"Paper","name":"q","state":"open"}' \
    "'state' cannot be 'open', which is none of its options"
refused 'no option of a Select in a row' \
    '{"doctype":"Paper","name":"q","lines":[{"what":"x","size":"M"}]}' \
    "row 1 of 'lines': 'size' cannot be 'M', which is none of its options"
event 'a Select may be empty' '{"doctype":"Paper","name":"select","state":""}' \
    'Create select {"docstatus":0,"state":""}'
event 'a unique value' '{"doctype":"Paper","name":"u1","tag":"T"}
{"doctype":"Paper","name":"u2","tag":""}
{"doctype":"Paper","name":"u3","tag":""}' \
    'Create u1 {"docstatus":0,"tag":"T"}
Create u2 {"docstatus":0,"tag":""}
Create u3 {"docstatus":0,"tag":""}'
refused 'a unique value of another' '{"doctype":"Paper","name":"u2","tag":"T"}' \
    "'tag' must be unique, but 'u1' has 'T' already"
t 'a unique value twice in one input' 'es-put | brief' <<'.'
--- in
{"doctype":"Paper","name":"u4","tag":"U"}
{"doctype":"Paper","name":"u5","tag":"U"}
--- out
Create u4 {"docstatus":0,"tag":"U"}
rejected stdin:2
= 1
--- err
es-put: stdin:2: 'tag' must be unique, but 'u4' has 'U' already
es-put: 1 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
event 'a unique value that was given free' '{"doctype":"Paper","name":"u1","tag":"V"}
{"doctype":"Paper","name":"u2","tag":"T"}' \
    'Update u1 {"changed":{"tag":"V"},"added":{},"removed":{},"row_changed":{}}
Update u2 {"changed":{"tag":"T"},"added":{},"removed":{},"row_changed":{}}'
event 'a field that is set once' '{"doctype":"Paper","name":"once","born":"here"}' \
    'Create once {"docstatus":0,"born":"here"}'
refused 'to set again what is set once' '{"doctype":"Paper","name":"once","born":"there"}' \
    "'born' cannot change once it is set"
refused 'less than zero where that may not be' '{"doctype":"Paper","name":"q","stock":-1}' \
    "'stock' cannot be less than zero"

# ---- links

refused 'a link to what does not exist' '{"doctype":"Paper","name":"q","kind":"c"}' \
    "'kind' links to Kind 'c', which does not exist"
refused 'a link of a row to what does not exist' \
    '{"doctype":"Paper","name":"q","lines":[{"what":"x","kind":"c"}]}' \
    "row 1 of 'lines': 'kind' links to Kind 'c', which does not exist"
refused 'a dynamic link to what does not exist' \
    '{"doctype":"Paper","name":"q","ref_type":"Kind","ref":"c"}' \
    "'ref' links to Kind 'c', which does not exist"
refused 'a dynamic link that does not say where to' '{"doctype":"Paper","name":"q","ref":"a"}' \
    "'ref' is 'a', but 'ref_type' does not say of which DocType"
event 'links to what comes before in the input' \
    '{"doctype":"Kind","kind":"c"}
{"doctype":"Paper","name":"links","kind":"c","ref_type":"Kind","ref":"a","lines":[]}' \
    'Create c {"docstatus":0,"kind":"c"}
Create links {"docstatus":0,"kind":"c","ref_type":"Kind","ref":"a","lines":[]}'
event 'both halves of a dynamic link go together' '{"doctype":"Paper","name":"links","ref":"b"}' \
    'Update links {"changed":{"ref_type":"Kind","ref":"b"},"added":{},"removed":{},"row_changed":{}}'
refused 'one half of a dynamic link that does not fit the other' \
    '{"doctype":"Paper","name":"links","ref_type":"DocType"}' \
    "'ref' links to DocType 'b', which does not exist"

# ---- docstatus, after submit

refused 'a new document that is cancelled' '{"doctype":"Paper","name":"q","docstatus":2}' \
    'cannot insert a cancelled document'
refused 'to submit what cannot be' '{"doctype":"Kind","kind":"a","docstatus":1}' \
    'Kind cannot be submitted'
event 'a draft is submitted' \
    '{"doctype":"Paper","name":"d","title":"t","memo":"m","lines":[{"name":"l1","what":"x","at":"1:00:00"}],"extra":[{"name":"e1","what":"x","at":"1:00:00"}]}
{"doctype":"Paper","name":"d","docstatus":1}' \
    'Create d {"docstatus":0,"title":"t","memo":"m","lines":[{"name":"l1","idx":1,"what":"x","at":"1:00:00","qty":1}],"extra":[{"name":"e1","idx":1,"what":"x","at":"1:00:00","qty":1}]}
Update d {"changed":{"docstatus":1},"added":{},"removed":{},"row_changed":{}}'
refused 'a submitted document is no draft again' '{"doctype":"Paper","name":"d","docstatus":0}' \
    'cannot make a submitted document a draft again'
refused 'after submit a field' '{"doctype":"Paper","name":"d","title":"u"}' \
    "'title' cannot change after submit"
refused 'after submit to clear a field' '{"doctype":"Paper","name":"d","title":null}' \
    "'title' cannot change after submit"
refused 'after submit a row more' \
    '{"doctype":"Paper","name":"d","lines":[{"name":"l1","what":"x","at":"1:00:00"},{"what":"y"}]}' \
    "'lines' cannot have rows added or removed after submit"
refused 'after submit a row for another' '{"doctype":"Paper","name":"d","lines":[{"name":"l2","what":"x"}]}' \
    "row 1 of 'lines': a row cannot be added after submit"
refused 'after submit a field of a row' '{"doctype":"Paper","name":"d","lines":[{"name":"l1","what":"y"}]}' \
    "row 1 of 'lines': 'what' cannot change after submit"
event 'an edit after submit is an event' '{"doctype":"Paper","name":"d","memo":"n","title":"t"}' \
    'Update d {"changed":{"memo":"n"},"added":{},"removed":{},"row_changed":{}}'
event 'and one of a row' '{"doctype":"Paper","name":"d","lines":[{"what":"x","memo":"z"}]}' \
    'Update d {"changed":{},"added":{},"removed":{},"row_changed":{"lines":[{"name":"l1","memo":"z"}]}}'
event 'a table that may change after submit' '{"doctype":"Paper","name":"d","extra":[]}' \
    'Update d {"changed":{},"added":{},"removed":{"extra":["e1"]},"row_changed":{}}'
refused 'to change what is cancelled at once' '{"doctype":"Paper","name":"d","title":"u","docstatus":2}' \
    "'title' cannot change while its document is cancelled"
event 'a cancel is an event' '{"doctype":"Paper","name":"d","docstatus":2}' \
    'Update d {"changed":{"docstatus":2},"added":{},"removed":{},"row_changed":{}}'
refused 'an edit after cancel' '{"doctype":"Paper","name":"d","memo":"o"}' \
    'cannot edit cancelled document'
refused 'a draft is not cancelled' '{"doctype":"Paper","name":"u1","docstatus":2}' \
    'cannot cancel a draft'
event 'an amended document' '{"doctype":"Paper","amended_from":"d"}
{"doctype":"Paper","amended_from":"d-1"}' \
    'Create d-1 {"docstatus":0,"amended_from":"d"}
Create d-2 {"docstatus":0,"amended_from":"d-1"}'
refused 'amended from what does not exist' '{"doctype":"Paper","amended_from":"e"}' \
    "'amended_from' links to Paper 'e', which does not exist"
event 'inserted as submitted' '{"doctype":"Paper","name":"sub","docstatus":1}' \
    'Create sub {"docstatus":1}'

# ---- names

t 'hash: ten random digits' 'es-put | sed -n "s/.*\"docname\":\"\([^\"]*\)\".*/\1/p"' <<'.'
--- in
{"doctype":"By Hash","a":"1"}
{"doctype":"By None","a":"1"}
--- out
HEX
HEX
--- err
.
names 'a name that is given' '{"doctype":"By Hash","name":"mine"}' mine
names 'field:' '{"doctype":"Kind","kind":" d e "}' 'd e'
same 'field: is the name, without blanks around it' '{"doctype":"Kind","name":"d e","kind":" d e"}
{"doctype":"Kind","kind":"d e "}'
refused 'field: and another name' '{"doctype":"Kind","name":"x","kind":"y"}' \
    "name 'x' and kind 'y' differ; to give it another name use es-mv"
refused 'field: without a value' '{"doctype":"Kind","kind":" "}' \
    "'kind' is required"
names 'naming_series: the first that there is, then counted' \
    '{"doctype":"By Series"}
{"doctype":"By Series","naming_series":"BS-"}
{"doctype":"By Series","naming_series":"BT-.YYYY.-"}
{"doctype":"By Series","naming_series":"OWN-.MM."}' \
    "BS-00001
BS-00002
BT-$(date +%Y)-00001
OWN-$(date +%m)00001"
names 'DocTypes with one prefix share its counter' '{"doctype":"By Old"}' BS-00003
names 'a counter goes on until the name is free' \
    '{"doctype":"By Old","name":"BS-00004"}
{"doctype":"By Old","name":"BS-00005"}
{"doctype":"By Old"}' \
    'BS-00004
BS-00005
BS-00006'
names 'expressions: fields and dates are part of the key' \
    '{"doctype":"By Parts","a":"x"}
{"doctype":"By Parts","a":"x"}
{"doctype":"By Parts","a":"y"}' \
    "x-$(date +%y%m%d)-01
x-$(date +%y%m%d)-02
y-$(date +%y%m%d)-01"
t 'the local date counts' 'for z in UTC-14 UTC+12; do
    TZ=$z; echo "{\"doctype\":\"By Parts\",\"a\":\"$z\"}" | es-put -q
    es-get -C name "By Parts" a=$z; TZ=$z date "+{\"name\":\"$z-%y%m%d-01\"}"; done | uniq -c |
    sed "s/ *\([0-9]*\).*/\1/"' <<'.'
--- out
2
2
--- err
.
names 'format: counts with the empty key, whatever the DocType' \
    '{"doctype":"By Format","a":"x"}
{"doctype":"By Format 2"}
{"doctype":"By Format","a":"y"}' \
    "F-x-$(date +%Y)-001
G-0002
F-y-$(date +%Y)-003"
names 'autoincrement' '{"doctype":"By Number"}
{"doctype":"By Number"}
{"doctype":"By Number","name":7}' '1
2
7'
is 'counters are keyed as Frappe keys them' \
    "$(sqlite3 s.db "SELECT name || '=' || current FROM series" |
    grep -v "UTC" | sed "s/$(date +%Y)/YEAR/; s/$(date +%y%m%d)/DAY/; s/$(date +%m)/MONTH/" |
    paste -sd' ' -)" \
    '=3 BS-=6 BT-YEAR-=1 OWN-MONTH=1 autoincrement:By Number=2 x-DAY-=2 y-DAY-=1'
t 'a refused document gives its number back' 'es-put -q; es-get -C name "By Old" a=z
    sqlite3 s.db "SELECT count(*) FROM series WHERE name LIKE '\''<%'\''"' <<.
--- in
{"doctype":"By Old","a":5}
{"doctype":"By Parts","a":"<"}
{"doctype":"By Old","a":"z"}
--- out
{"name":"BS-00007"}
0
--- err
es-put: stdin:1: 'a' wants a string, not a number
es-put: stdin:2: name '<-$(date +%y%m%d)-01' has a < or >
es-put: 1 new, 0 changed, 0 deleted, 0 as they were, 2 refused
.
refused 'Prompt without a name' '{"doctype":"Paper","title":"t"}' 'Paper needs a name'
names 'a Single is called as its DocType' '{"doctype":"One","name":"x","a":"1"}' One
t 'amended names count on' 'es-put | brief' <<'.'
--- in
{"doctype":"By Series","name":"AM-9","docstatus":1}
{"doctype":"By Series","name":"AM-9","docstatus":2}
{"doctype":"By Series","amended_from":"AM-9"}
{"doctype":"By Series","amended_from":"AM-9"}
--- out
Create AM-9 {"docstatus":1}
Update AM-9 {"changed":{"docstatus":2},"added":{},"removed":{},"row_changed":{}}
Create AM-9-1 {"docstatus":0,"amended_from":"AM-9"}
rejected stdin:4
= 1
--- err
es-put: stdin:4: By Series 'AM-9-1' exists already
es-put: 2 new, 1 changed, 0 deleted, 0 as they were, 1 refused
.
while IFS='|' read -r name why; do
	refused "no name: $name" "{\"doctype\":\"Paper\",\"name\":\"$name\"}" "$why"
done <<.
 a|name ' a' starts or ends with a blank
a<b|name 'a<b' has a < or >
Paper|name 'Paper' is that of the DocType
New Paper 1|name 'New Paper 1' starts with 'New Paper'
a\nb|name 'a\x0ab' has characters that do not print
$(printf %0141d 0)|a name of 141 characters is too long, 140 are allowed
.
names 'a name of 140 characters' "{\"doctype\":\"Paper\",\"name\":\"$(
    printf %0139d 0)\\u00e9\"}" "$(printf %0139d 0)é"

# ---- defaults

t 'defaults where there is nothing' 'es-put | brief | sed "s/$(date +%F) [0-9:.]*/NOW/; s/$(date +%F)/TODAY/"' <<'.'
--- in
{"doctype":"Full","name":"f"}
{"doctype":"Full","name":"g","title":"","state":"Old","day":"2020-01-01","at":"","who":null,"n":0,"on":0}
--- out
Create f {"docstatus":0,"title":"none","state":"New","day":"TODAY","at":"NOW","who":"Administrator","n":7,"on":1}
Create g {"docstatus":0,"title":"","state":"Old","day":"2020-01-01","at":"","who":"Administrator","n":0,"on":0}
= 0
--- err
.
same 'defaults are no change later' '{"doctype":"Full","name":"f"}
{"doctype":"Full","name":"f","title":null,"state":null,"day":null,"at":null,"who":null,"n":null,"on":null}'
event 'null is the default' '{"doctype":"Full","name":"g","title":null,"day":null,"n":null}' \
    'Update g {"changed":{"title":"none","n":7},"added":{},"removed":{},"row_changed":{}}'

# ---- rows

t 'rows get a name and an idx' 'es-put | brief' <<'.'
--- in
{"doctype":"Paper","name":"rows","lines":[{"what":"x","at":"1:00:00"},{"name":"r2","idx":7,"what":"y","at":"1:00:00","parent":"z","docstatus":1,"owner":"o"}]}
{"doctype":"Paper","name":"order","lines":[{"name":"o1","idx":2,"what":"x","at":"1:00:00"},{"name":"o2","idx":1,"what":"y","at":"1:00:00"}]}
--- out
Create rows {"docstatus":0,"lines":[{"name":"HEX","idx":1,"what":"x","at":"1:00:00","qty":1},{"name":"r2","idx":2,"what":"y","at":"1:00:00","qty":1}]}
Create order {"docstatus":0,"lines":[{"name":"o2","idx":1,"what":"y","at":"1:00:00","qty":1},{"name":"o1","idx":2,"what":"x","at":"1:00:00","qty":1}]}
= 0
--- err
.
t 'a table replaces the table: rows added, removed, changed' 'es-put | brief' <<'.'
--- in
{"doctype":"Paper","name":"order","lines":[{"name":"o1","what":"X","at":"1:00:00"},{"name":"o3","what":"z","at":"2:00:00"}]}
--- out
Update order {"changed":{},"added":{"lines":[{"name":"o3","idx":2,"what":"z","at":"2:00:00","qty":1}]},"removed":{"lines":["o2"]},"row_changed":{"lines":[{"name":"o1","what":"X"}]}}
= 0
--- err
.
event 'what a row lacks is cleared, or its default' \
    '{"doctype":"Paper","name":"order","lines":[{"name":"o1","what":"X","qty":5,"memo":"m"},{"name":"o3","what":"z"}]}
{"doctype":"Paper","name":"order","lines":[{"name":"o1","what":"X"},{"name":"o3","what":"z"}]}' \
    'Update order {"changed":{},"added":{},"removed":{},"row_changed":{"lines":[{"name":"o1","qty":5,"memo":"m"}]}}
Update order {"changed":{},"added":{},"removed":{},"row_changed":{"lines":[{"name":"o1","qty":1,"memo":null}]}}'
event 'another order of rows' '{"doctype":"Paper","name":"order","lines":[{"name":"o3","what":"z"},{"name":"o1","what":"X"}]}' \
    'Update order {"changed":{},"added":{},"removed":{},"row_changed":{"lines":[{"name":"o3","idx":1},{"name":"o1","idx":2}]}}'
event 'a row without a name is the one in its place, but if another has its name' \
    '{"doctype":"Paper","name":"place","lines":[{"name":"p1","what":"x","at":"1:00:00"},{"name":"p2","what":"y","at":"1:00:00"}]}
{"doctype":"Paper","name":"place","lines":[{"what":"z","at":"1:00:00"},{"name":"p1","what":"x"},{"what":"w","at":"1:00:00"}]}
{"doctype":"Paper","name":"place","lines":[{"what":"v"}]}' \
    'Create place {"docstatus":0,"lines":[{"name":"p1","idx":1,"what":"x","at":"1:00:00","qty":1},{"name":"p2","idx":2,"what":"y","at":"1:00:00","qty":1}]}
Update place {"changed":{},"added":{"lines":[{"name":"HEX","idx":1,"what":"z","at":"1:00:00","qty":1},{"name":"HEX","idx":3,"what":"w","at":"1:00:00","qty":1}]},"removed":{"lines":["p2"]},"row_changed":{}}
Update place {"changed":{},"added":{},"removed":{"lines":["p1","HEX"]},"row_changed":{"lines":[{"name":"HEX","what":"v"}]}}'
same 'a table that is not mentioned' '{"doctype":"Paper","name":"order"}'
event 'null empties a table' '{"doctype":"Paper","name":"order","lines":null}' \
    'Update order {"changed":{},"added":{},"removed":{"lines":["o3","o1"]},"row_changed":{}}'

# ---- no change, no event

event 'exact diffs' '{"doctype":"Paper","name":"n","title":"t","count":1,"price":1.10}
{"doctype":"Paper","name":"n","price":1.11}
{"doctype":"Paper","name":"n","title":"u","count":2,"body":"b"}
{"doctype":"Paper","name":"n","title":null}' \
    'Create n {"docstatus":0,"title":"t","count":1,"price":1.10}
Update n {"changed":{"price":1.11},"added":{},"removed":{},"row_changed":{}}
Update n {"changed":{"title":"u","count":2,"body":"b"},"added":{},"removed":{},"row_changed":{}}
Update n {"changed":{"title":null},"added":{},"removed":{},"row_changed":{}}'
same '1 and 1.0' '{"doctype":"Paper","name":"n","count":2.0,"price":111e-2}
{"doctype":"Paper","name":"n","count":20e-1,"price":1.110}'
same 'null and absent' '{"doctype":"Paper","name":"n","title":null,"day":null,"lines":[],"extra":null}'
event 'numbers are compared to the last digit' \
    '{"doctype":"Paper","name":"n","price":12345678901234567890}
{"doctype":"Paper","name":"n","price":12345678901234567891}' \
    'Update n {"changed":{"price":12345678901234567890},"added":{},"removed":{},"row_changed":{}}
Update n {"changed":{"price":12345678901234567891},"added":{},"removed":{},"row_changed":{}}'
is 'what stays is stored as it was' "$(es-get -C count Paper n)" '{"count":2}'

cat >all <<'.'
{"doctype":"Kind","kind":" twice ","note":null}
{"doctype":"Full","name":"twice","title":null}
{"doctype":"Paper","name":"twice","title":"t","price":1.0,"tag":"twice","key":"secret","json":{"a":1},"lines":[{"idx":2,"what":"x","kind":"twice"},{"idx":1,"what":"y","pin":"1234"},{"idx":3,"what":"z","qty":null}],"extra":[{"what":"x"}]}
{"doctype":"One","a":"twice"}
{"doctype":"By Old","name":"BS-twice"}
.
dump() {
	sqlite3 s.db .dump
}
t 'the same input twice changes nothing' 'es-put -q <all; dump >dump
    es-put -v <all | brief; dump | cmp - dump' <<'.'
--- out
= 0
--- err
es-put: 0 new, 0 changed, 0 deleted, 5 as they were, 0 refused
.
ok 'the documents, too, are no change when they come back' sh -c '
    for d in Kind Full Paper Must "By Old" "By Format" "By Number" One; do
	es-get "$d" | es-put -q || exit; done; sqlite3 s.db .dump | cmp - dump'

# ---- refused and passed over

t 'a document that fails is reported and skipped, the rest go on' 'es-put | brief' <<'.'
--- in
{"doctype":"Kind","kind":"k1"}
{"doctype":"Kind"}
{"doctype":"Kind","kind":"k2"
{"doctype":"Kind","kind":"k3","note":"n","colour":1}

{"doctype":"Kind","kind":"k4"}
--- out
Create k1 {"docstatus":0,"kind":"k1"}
rejected stdin:2
rejected stdin:3
rejected stdin:4
Create k4 {"docstatus":0,"kind":"k4"}
= 1
--- err
es-put: stdin:2: 'kind' is required
es-put: stdin:3: unexpected end of data at byte 29
es-put: stdin:4: unknown field 'colour'
es-put: 2 new, 0 changed, 0 deleted, 0 as they were, 3 refused
.
t 'a rejected line says which, where and why' 'es-put 2>&1' 1 <<'.'
--- in
{"doctype":"Kind","kind":5}
--- out
es-put: stdin:1: 'kind' wants a string, not a number
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
{"rejected":{"program":"es-put","at":"stdin:1","why":"'kind' wants a string, not a number","text":"{\"doctype\":\"Kind\",\"kind\":5}"}}
{"end":{"program":"es-put","status":1}}
.
t 'a refused change changes nothing' 'es-put -q; es-get -C title,count Paper n' 0 <<'.'
--- in
{"doctype":"Paper","name":"n","title":"lost","count":"x"}
--- out
{"title":null,"count":2}
.
t 'all of one DocType' 'es-put Kind | brief' <<'.'
--- in
{"kind":"k5"}
{"doctype":"Kind","kind":"k6"}
{"doctype":"Paper","kind":"k7","name":"k7"}
--- out
Create k5 {"docstatus":0,"kind":"k5"}
Create k6 {"docstatus":0,"kind":"k6"}
rejected stdin:3
= 1
--- err
es-put: stdin:3: it is a Paper, not a Kind
es-put: 2 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
event 'what a document holds of a field that is gone stays' \
    '{"doctype":"Custom Field","dt":"Kind","fieldname":"hue","fieldtype":"Data"}
{"doctype":"Kind","kind":"hued","hue":"red"}' \
    'Create Kind-hue {"docstatus":0,"dt":"Kind","fieldname":"hue","fieldtype":"Data"}
Create hued {"docstatus":0,"kind":"hued","hue":"red"}'
ok 'the field goes' sh -c 'es-rm -q "Custom Field" Kind-hue'
event 'and the document can still be changed' '{"doctype":"Kind","kind":"hued","note":"n"}' \
    'Update hued {"changed":{"note":"n"},"added":{},"removed":{},"row_changed":{}}'
refused 'but not there' '{"doctype":"Kind","kind":"hued","hue":"blue"}' "unknown field 'hue'"

# ---- DocTypes are documents

refused 'a field twice' \
    '{"doctype":"Custom Field","dt":"Kind","fieldname":"note","fieldtype":"Data"}' \
    "Kind has a field 'note' already"
refused 'a field of an unknown type' \
    '{"doctype":"DocType","name":"Kind","fields":[{"fieldname":"kind","fieldtype":"Blob"}]}' \
    "field 'kind' has the unknown type 'Blob'"
refused 'a table of nothing' \
    '{"doctype":"DocType","name":"New","fields":[{"fieldname":"t","fieldtype":"Table","options":"Nope"}]}' \
    "'t' is a table of DocType 'Nope', which is not there; put it in first"
t 'what would make a DocType useless is refused' 'es-put -q; es-get -C name Kind a' 0 <<'.'
--- in
{"doctype":"Property Setter","doctype_or_field":"DocField","doc_type":"Kind","field_name":"kind","property":"fieldtype","value":"Blob"}
--- out
{"name":"a"}
.
refused 'a customisation under a name that is not found' \
    '{"doctype":"Custom Field","name":"x","dt":"Kind","fieldname":"hue","fieldtype":"Data"}' \
    "the name of a Custom Field for 'Kind' begins with 'Kind-'"
t 'a property of a field' 'es-put | brief; echo "{\"doctype\":\"Kind\",\"kind\":\"setter\"}" | es-put -q' 1 <<'.'
--- in
{"doctype":"Property Setter","doctype_or_field":"DocField","doc_type":"Kind","field_name":"note","property":"reqd","property_type":"Check","value":"1"}
--- out
Create Kind-note-reqd {"docstatus":0,"doctype_or_field":"DocField","doc_type":"Kind","field_name":"note","property":"reqd","property_type":"Check","value":"1"}
= 0
--- err
es-put: stdin:1: 'note' is required
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
ok 'and without it' sh -c 'es-rm -q "Property Setter" Kind-note-reqd
    echo "{\"doctype\":\"Kind\",\"kind\":\"setter\"}" | es-put -q'

# ---- events: who, from where, after what

# A key of an event, as it is.
key() {
	sed -n "s/.*\"$1\":\(\[[^]]*\]\|{[^}]*}*\|\"[^\"]*\"\|null\).*/\1/p"
}
t 'an event as es-event has it' 'es-put' <<'.'
--- in
{"doctype":"Paper","name":"e","kind":"a","ref_type":"Kind","ref":"b","lines":[{"name":"e1","what":"x","kind":"b","qty":2,"at":"1:00:00"}]}
--- out
{"name":"ID","creation":"TIME","update_type":"Create","ref_doctype":"Paper","docname":"e","data":{"doctype":"Paper","name":"e","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"kind":"a","ref_type":"Kind","ref":"b","lines":[{"name":"e1","idx":1,"what":"x","kind":"b","qty":2,"at":"1:00:00"}]},"event_producer":"shop","site":"ID","prev":null,"origin":["ID","ID"],"links":{"Kind":{"a":["ID","ID"],"b":["ID","ID"]}},"via":["ID"]}
{"end":{"program":"es-put","status":0}}
--- err
.
es-producer-log Paper e >e0
echo '{"doctype":"Paper","name":"e","kind":"b","lines":[{"what":"y","kind":"a","at":"1:00:00"}]}' | es-put >e1
echo '{"doctype":"Paper","name":"e","title":"t"}' | es-put >e2
is 'creation and modified of a new document are those of its event' \
    "$(es-get -C creation Paper e)" "{\"creation\":$(key creation <e0 | head -1)}"
is 'modified is that of the last event' \
    "$(es-get -C modified Paper e)" "{\"modified\":$(sed -n 's/.*\("2[^"]*"\),"update_type.*/\1/p' e2)}"
is 'prev is the event before' "$(key prev <e1)" "$(sed -n 's/^{"name":\("[^"]*"\).*/\1/p' e0)"
is 'and so on' "$(key prev <e2)" "$(sed -n 's/^{"name":\("[^"]*"\),.*Update.*/\1/p' e1)"
is 'origin is the site and the birth, which stay' "$(key origin <e2)" "$(key origin <e0)"
is 'links tell the origins of what the data links to' \
    "$(key links <e1 | sed 's/\["[^]]*\]/O/g')" '{"Kind":{"b":O,"a":O}}'
is 'and of nothing else' "$(key links <e2)" ''
is 'the origin of a link is that of the document' \
    "$(sed 's/.*"links":{"Kind":{"a":\(\[[^]]*\]\).*/\1/;q' e0)" \
    "$(es-producer-log Kind a | key origin)"
is 'via is the site' "$(key via <e0)" "[$(key site <e0)]"
is 'names of events sort as their times' "$(es-producer-log -a | sed -n \
    's/^{"name":"\([^"]*\)".*/\1/p' | sort -cu 2>&1)" ''

# ---- the clock

ok 'another site' es-init -q -s late.db late
hour=$(($(date +%s) + 3600))
sqlite3 late.db "INSERT INTO site VALUES('floor', ${hour}000000)"
t 'creation goes on from the journal whatever the clock does' \
    "es-put -s late.db | sed -n 's/.*\"creation\":\"\([^\"]*\)\",\"update.*/\1/p' >late
    sort -cu late && TZ=UTC date -d @$hour '+%F %T.000001' | cmp - /dev/fd/3 3<<.
\$(head -1 late)
.
    sed 's/.*[.]//' late" <<'.'
--- in
{"doctype":"Note","name":"1","title":"a"}
{"doctype":"Note","name":"2","title":"b"}
{"doctype":"Note","name":"1","title":"c"}
--- out
000001
000002
000003
--- err
es-put: the clock (TIME) is behind the journal (TIME) of 'late.db'; is it set right?
.
t 'also in the next run' "echo '{\"doctype\":\"Note\",\"name\":\"1\",\"title\":\"d\"}' |
    es-put -s late.db | sed -n 's/.*\"creation\":\"[^\"]*[.]\([0-9]*\)\",\"update.*/\1/p'" <<'.'
--- out
000004
--- err
es-put: the clock (TIME) is behind the journal (TIME) of 'late.db'; is it set right?
.

# ---- passwords

cat >secrets <<'.'
{"doctype":"Paper","name":"pw","title":"t","key":"open-sesame-1","lines":[{"name":"pw1","what":"x","pin":"open-sesame-2"}]}
{"doctype":"Paper","name":"pw2","key":"open-sesame-3","day":"open-sesame"}
{"doctype":"Paper","name":"pw2","day":1,"lines":[{"what":"x","pin":"open-sesame-4"}]}
.
secret() {
	sqlite3 s.db 'SELECT s.value FROM secret s JOIN document d ON d.id = s.doc
	    WHERE d.name = "pw"' | paste -sd' ' -
}
t 'a password is in no document and no event' 'es-put <secrets 2>/dev/null |
    grep -c open-sesame-[0-9]; es-get Paper | grep -c open-sesame
    es-producer-log -a | grep -c open-sesame; dump | grep open-sesame |
    sed "s/VALUES.*/VALUES/"' <<'.'
--- out
0
0
0
INSERT INTO secret VALUES
INSERT INTO secret VALUES
--- err
.
is 'but kept' "$(secret)" 'open-sesame-1 open-sesame-2'
same 'a new one is no event' '{"doctype":"Paper","name":"pw","key":"other"}'
is 'and kept' "$(secret)" 'other open-sesame-2'
same 'stars and none keep it' '{"doctype":"Paper","name":"pw","key":"*****"}
{"doctype":"Paper","name":"pw","lines":[{"what":"x","pin":"**"}]}'
is 'as they were' "$(secret)" 'other open-sesame-2'
same 'an empty one takes it away' '{"doctype":"Paper","name":"pw","key":"","lines":[{"what":"x","pin":null}]}'
is 'both gone' "$(secret)" ''

# ---- options

t '-n changes nothing, and shows what would be' 'dump >dump
    es-put -n | brief; dump | cmp - dump' <<'.'
--- in
{"doctype":"Kind","kind":"dry"}
{"doctype":"Paper","name":"dry","kind":"dry","key":"x"}
{"doctype":"By Old"}
{"doctype":"Kind","kind":"a","note":"dry"}
{"doctype":"Custom Field","dt":"Kind","fieldname":"hue","fieldtype":"Data"}
--- out
Create dry {"docstatus":0,"kind":"dry"}
Create dry {"docstatus":0,"kind":"dry"}
Create BS-00008 {"docstatus":0}
Update a {"changed":{"note":"dry"},"added":{},"removed":{},"row_changed":{}}
Create Kind-hue {"docstatus":0,"dt":"Kind","fieldname":"hue","fieldtype":"Data"}
= 0
--- err
.
t '-n is one batch: later documents may need earlier ones' '{ seq -f "{\"doctype\":\"Kind\",\"kind\":\"dry %.0f\"}" 1100
    echo "{\"doctype\":\"Paper\",\"name\":\"dry\",\"kind\":\"dry 1\"}"; } | es-put -nqv' <<'.'
--- out
--- err
es-put: 1101 new, 0 changed, 0 deleted, 0 as they were, 0 refused; nothing was changed (-n)
.
t '-q prints no events, -v counts' 'es-put -qv Kind' <<'.'
--- in
{"kind":"quiet"}
--- out
--- err
es-put: 1 new, 0 changed, 0 deleted, 0 as they were, 0 refused
.
t '-T csv' 'es-put -T csv Kind | brief' <<'.'
--- in
kind,note
csv,"a ""b"",
c"
,x
a,csv
--- out
Create csv {"docstatus":0,"kind":"csv","note":"a \"b\",\nc"}
rejected stdin:4
Update a {"changed":{"note":"csv"},"added":{},"removed":{},"row_changed":{}}
= 1
--- err
es-put: stdin:4: 'kind' is required
es-put: 1 new, 1 changed, 0 deleted, 0 as they were, 1 refused
.
t '-T csv: a rejected row as it was read' 'es-put -T csv Full 2>/dev/null | jq -r .rejected.text' <<'.'
--- in
name,n
"1,5",x
--- out
"1,5",x
null
.
t '-T csv twice changes nothing' 'es-put -qv -T csv Full <csv; es-put -v -T csv Full <csv' <<'.'
--- file csv
name,title,day,n,on,who
c1,,,,,
c2,t,2026-01-01,5,0,me
--- out
{"end":{"program":"es-put","status":0}}
--- err
es-put: 2 new, 0 changed, 0 deleted, 0 as they were, 0 refused
es-put: 0 new, 0 changed, 0 deleted, 2 as they were, 0 refused
.
t 'an unknown format' 'es-put -T xls Kind' 100 <<'.'
--- err
es-put: -T knows ndjson and csv, not 'xls'
.
t 'an unknown DocType' 'es-put Itm' 100 <<'.'
--- out
--- err
es-put: no DocType 'Itm' in 's.db'; es-doctype -l lists them
.
for args in '-a' '-T csv' 'Kind Kind' '-z'; do
	t "called wrongly: $args" "es-put $args 2>&1 | sed 's/.*invalid option.*//' | tail -2" <<'.'
--- out
usage: es-put [-nqv] [-s site] [-T csv] [doctype]
       es-put -a [-Fnqv] [-s site] [-T csv] doctype
.
done
t 'standard output is full' 'es-put >/dev/full; es-get -C name Kind full' <<'.'
--- in
{"doctype":"Kind","kind":"full"}
--- out
{"name":"full"}
--- err
es-put: cannot write standard output: No space left on device
.

# ---- -a: all documents of a DocType

ok 'a site of thirty notes' sh -c 'es-init -q -s all.db all
    for i in $(seq 30); do echo "{\"doctype\":\"Note\",\"name\":\"n$i\",\"title\":\"t\"}"
    done >notes; es-put -q -s all.db <notes'
ES_SITE=all.db
notes() {
	es-get -C name Note | wc -l
}
t '-a deletes what is absent' 'sed 3d notes | es-put -a Note | brief; notes' <<'.'
--- out
Delete n3 null
= 0
29
--- err
.
t '-a: not if a line was rejected' '{ sed 4d notes; echo "{\"name\":"; } |
    es-put -qa Note' 1 <<'.'
--- out
--- err
es-put: stdin:30: unexpected end of data at byte 8
es-put: nothing was deleted: a document was refused; -F does it all the same
es-put: 1 new, 0 changed, 0 deleted, 28 as they were, 1 refused
.
t '-a: not if a document was refused, even the only one' 'es-put -qa Note; notes' <<'.'
--- in
{"name":"n5","colour":1}
--- out
30
--- err
es-put: stdin:1: unknown field 'colour'
es-put: nothing was deleted: a document was refused; -F does it all the same
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
t '-a: not if the input was empty' 'es-put -a Note | brief; notes' <<'.'
--- out
= 1
30
--- err
es-put: nothing was deleted: the input was empty; -F does it all the same
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 0 refused
.
t '-a: not if more than a tenth would go' 'sed 1,4d notes | es-put -qa Note; notes' <<'.'
--- out
30
--- err
es-put: nothing was deleted: more than a tenth of all would go; -F does it
es-put: 0 new, 0 changed, 0 deleted, 26 as they were, 0 refused
.
t '-a: a tenth may' 'sed 1,3d notes | es-put -qav Note; notes' <<'.'
--- out
27
--- err
es-put: 0 new, 0 changed, 3 deleted, 27 as they were, 0 refused
.
t '-aF: more than a tenth' 'sed 1,8d notes | es-put -qaFv Note; notes' <<'.'
--- out
22
--- err
es-put: 0 new, 0 changed, 5 deleted, 22 as they were, 0 refused
.
t '-an deletes nothing, and counts with what would be new' \
    'sed 1,10d notes | sed "s/:\"n/:\"N/" | cat - notes | sed "/\"n1[0-2]/d" |
    es-put -anqv Note; notes' <<'.'
--- out
22
--- err
es-put: 28 new, 0 changed, 3 deleted, 19 as they were, 0 refused; nothing was changed (-n)
.
t '-a with -T csv, and new documents' '{ echo name,title
    sed "1,8d; s/.*\(n[0-9]*\).*/\1,t/" notes; echo c,d; } | sed /n9,/d | es-put -qav -T csv Note; notes' <<'.'
--- out
22
--- err
es-put: 1 new, 0 changed, 1 deleted, 21 as they were, 0 refused
.
t '-a: other DocTypes stay' 'es-get -C name Role | wc -l' <<'.'
--- out
5
.
t '-a: what is linked or submitted stays' '
    es-doctype -q doctypes.json; es-put -q
    echo "{\"kind\":\"k1\"}" | es-put -qaF Kind
    echo "{\"name\":\"p1\"}" | es-put -qaF Paper; es-get -C name Kind; es-get -C name Paper' <<'.'
--- in
{"doctype":"Kind","kind":"k1"}
{"doctype":"Kind","kind":"k2"}
{"doctype":"Kind","kind":"k3"}
{"doctype":"Paper","name":"p1","kind":"k2"}
{"doctype":"Paper","name":"p2","docstatus":1}
--- out
{"name":"k1"}
{"name":"k2"}
{"name":"p1"}
{"name":"p2"}
--- err
es-put: Kind 'k2' is linked from Paper 'p1'
es-put: 0 new, 0 changed, 1 deleted, 1 as they were, 1 refused
es-put: Paper 'p2' is submitted; cancel it first
es-put: 0 new, 0 changed, 0 deleted, 1 as they were, 1 refused
.
cat >tree.json <<'.'
{"doctype":"DocType","name":"Branch","module":"T","autoname":"field:b","fields":[{"fieldname":"b","fieldtype":"Data"},{"fieldname":"up","fieldtype":"Link","options":"Branch"}]}
.
t '-a: what only another absent document links to goes' 'es-doctype -q tree.json
    es-put -q Branch <tree; echo "{\"b\":\"1\"}" | es-put -qaFv Branch; es-get Branch | wc -l' <<'.'
--- file tree
{"b":"1"}
{"b":"4"}
{"b":"3"}
{"b":"2","up":"1"}
{"b":"3","up":"2"}
{"b":"4","up":"3"}
--- out
1
--- err
es-put: 0 new, 0 changed, 3 deleted, 1 as they were, 0 refused
.

t '-aF: all the same; but what was refused and is here stays' 'cp all.db force.db; ES_SITE=force.db
    es-put -qaF Note; es-get -C name Note; es-put -qaFv Note </dev/null; notes' <<'.'
--- in
{"name":"n20","colour":1}
{"name":
--- out
{"name":"n20"}
0
--- err
es-put: stdin:1: unknown field 'colour'
es-put: stdin:2: unexpected end of data at byte 8
es-put: 0 new, 0 changed, 21 deleted, 0 as they were, 2 refused
es-put: 0 new, 0 changed, 1 deleted, 0 as they were, 0 refused
.

# ---- a field that names documents, and says otherwise

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Ware","module":"T","autoname":"Prompt","allow_rename":1,"fields":[{"fieldname":"note","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Price","module":"T","autoname":"field:ware","fields":[{"fieldname":"ware","fieldtype":"Link","options":"Ware","reqd":1},{"fieldname":"note","fieldtype":"Data"}]}
.
ES_SITE=ware.db
ok 'a price of a ware' sh -c 'es-init -q ware && es-doctype -q doctypes.json &&
    echo "{\"name\":\"nut\"}" | es-put -q Ware && echo "{\"ware\":\"nut\"}" | es-put -q Price'
t 'it follows where it links to; the name does not, and so they stay' '
    es-mv -q Ware nut bolt; echo "{\"name\":\"nut\",\"note\":\"x\"}" | es-put -q Price; es-get -C name,ware,note Price
    echo "{\"name\":\"nut\",\"ware\":null}" | es-put -q Price; es-get -C name,ware,note Price' <<'.'
--- out
{"name":"nut","ware":"bolt","note":"x"}
{"name":"nut","ware":"bolt","note":"x"}
--- err
.
t 'what is read can be written' 'es-get Price | es-put -v' <<'.'
--- out
{"end":{"program":"es-put","status":0}}
--- err
es-put: 0 new, 0 changed, 0 deleted, 1 as they were, 0 refused
.
t 'nothing else goes' 'echo "{\"name\":\"nut\",\"ware\":\"nut\"}" | es-put -q Price; echo "{\"name\":\"nut\",\"ware\":\"screw\"}" | es-put -q Price' 1 <<'.'
--- err
es-put: stdin:1: 'ware' links to Ware 'nut', which does not exist
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
es-put: stdin:1: name 'nut' and ware 'screw' differ; to give it another name use es-mv
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.

done_testing
