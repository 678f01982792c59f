#!/bin/sh
# es-put -T csv - tables of comma-separated values become documents

. "${0%/*}/lib.sh"

ES_SITE=hq.db
export ES_SITE

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Part","module":"Test","istable":1,"fields":[{"fieldname":"code","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Thing","module":"Test","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"note","fieldtype":"Text"},{"fieldname":"old","fieldtype":"Check"},{"fieldname":"count","fieldtype":"Int"},{"fieldname":"price","fieldtype":"Currency"},{"fieldname":"line","fieldtype":"Section Break"},{"fieldname":"parts","fieldtype":"Table","options":"Part"}]}
.
ok 'a site' es-init -q hq
ok 'its DocTypes' es-doctype -q doctypes.json

# Puts the table, prints what came of it, and takes it away again.
put() {
	es-put -q -T csv Thing 2>complaints
	grep -v refused complaints >&2
	es-get -C "${1-name,title,note}" Thing
	es-get -C name Thing | jq -r .name | xargs -r es-rm -q Thing
}

t 'numbers keep their digits, texts are texts' 'put name,title,old,count,price' <<'.'
--- in
name,title,old,count,price
a,007,1,10,1.10
b,1e3,0,-1,12345678901234567890
--- out
{"name":"a","title":"007","old":1,"count":10,"price":1.10}
{"name":"b","title":"1e3","old":0,"count":-1,"price":12345678901234567890}
--- err
.
t 'an empty cell is no value' 'put name,title,old,price' <<'.'
--- in
name,title,old,price
a,,,
b,"","",""
--- out
{"name":"a","title":null,"old":null,"price":null}
{"name":"b","title":null,"old":null,"price":null}
--- err
.
t 'a quoted cell ends with its quote' put <<'.'
--- in
name,title,note
a,"1,""2""","one
two

four"
"b","" ,x
--- out
{"name":"a","title":"1,\"2\"","note":"one\ntwo\n\nfour"}
--- err
es-put: stdin:6: a quoted cell goes on after its end; a quote within one is written twice
.
t 'quoted cells: commas, quotes, lines' put <<'.'
--- in
name,title,note
a,"1,""2""","one
two

four"
"b","""",x
--- out
{"name":"a","title":"1,\"2\"","note":"one\ntwo\n\nfour"}
{"name":"b","title":"\"","note":"x"}
--- err
.
t 'lines of DOS, a byte order mark, no newline at the end' \
    'printf "\357\273\277name,title,note\r\na,x,\r\nb,\"y\",\"1\r\n2\"" | put' <<'.'
--- out
{"name":"a","title":"x","note":null}
{"name":"b","title":"y","note":"1\r\n2"}
--- err
.
t 'blank lines are passed over, blanks around names too' put <<'.'
--- in

name , title

a,x

--- out
{"name":"a","title":"x","note":null}
--- err
.
t 'other characters' put <<'.'
--- in
name,title
é,日本
--- out
{"name":"é","title":"日本","note":null}
--- err
.
t 'rows that cannot be taken are reported with their line, others go on' \
    put <<'.'
--- in
name,title,note
a,"1
2",x
b,2
c,3,4,5
d,say "x",
e,5,
--- out
{"name":"a","title":"1\n2","note":"x"}
{"name":"e","title":"5","note":null}
--- err
es-put: stdin:4: 2 cells, and 3 in the first row
es-put: stdin:5: 4 cells, and 3 in the first row
es-put: stdin:6: a quote within a cell that does not begin with one
.
t 'a number that is none' 'put' <<'.'
--- in
name,price
a,"1,5"
--- out
--- err
es-put: stdin:2: 'price' wants a number, not a string
.
t 'a quote that is not closed' 'put' <<'.'
--- in
name,title
a,"x
b,y
--- out
--- err
es-put: stdin:2: a quote that is not closed
.
t 'what is not UTF-8' 'printf "name,title\na,\377\nb,\000\n" | put' <<'.'
--- out
--- err
es-put: stdin:2: not UTF-8; save the table as such
es-put: stdin:3: not UTF-8; save the table as such
.

bad() {
	t "$1" "printf '$2\n' | es-put -q -T csv Thing" 100 <<.
--- out
--- err
es-put: stdin:1: $3
.
}
bad 'a column of no field' 'name,colour' "'Thing' has no field 'colour'"
bad 'semicolons' 'name;title' \
    "'Thing' has no field 'name;title'; cells are separated by commas"
bad 'a column of a field that holds nothing' 'name,line' \
    "'Thing' has no field 'line'"
bad 'a column of a table' 'name,parts' \
    "'parts' is a table; its columns are called 'parts.field'"
bad 'a column twice' 'name,title,name' "two columns 'name'"
bad 'a column without name' 'name,,title' 'column 2 has no name'
t 'nothing at all' 'es-put -q -T csv Thing' 100 <<'.'
--- out
--- err
es-put: stdin:1: no first row; it names fields
.
t 'what cannot be read' 'es-put -q -T csv Thing <.' 111 <<'.'
--- out
--- err
es-put: cannot read CSV: Is a directory
.

# ---- rows of tables

t 'rows of one name are one document; blank ones are none' 'put name,title,parts | sed "s/\"name\":\"[0-9a-f]*\",\"idx\"/\"idx\"/g"' <<'.'
--- in
title,name,parts.code
one,a,x
,a,"y,z"
,a,x
two,b,
one,c,1

one,,2
,c,3
d,d,x
--- out
{"name":"a","title":"one","parts":[{"idx":1,"code":"x"},{"idx":2,"code":"y,z"},{"idx":3,"code":"x"}]}
{"name":"b","title":"two","parts":[]}
{"name":"c","title":"one","parts":[{"idx":1,"code":"1"},{"idx":2,"code":"2"},{"idx":3,"code":"3"}]}
{"name":"d","title":"d","parts":[{"idx":1,"code":"x"}]}
.
t 'no such field of a table; a column twice' 'for h in parts.x parts.code,parts.code title.x; do echo "name,$h" | es-put -q -T csv Thing; done' 100 <<'.'
--- err
es-put: stdin:1: 'Part' has no field 'x'
es-put: stdin:1: two columns 'parts.code'
es-put: stdin:1: 'Thing' has no field 'title.x'
.
t 'es-get prints what es-put takes' 'es-put -q Thing; es-get -T csv Thing | tee a; es-get Thing >before
    es-put -q -T csv Thing <a; es-get Thing | diff before -; es-get -T csv -C parts.code,name Thing a; es-rm -q Thing a b' <<'.'
--- in
{"name":"a","title":"x, \"y\"","note":" l\nm","old":1,"count":-3,"price":1.10,"parts":[{"code":"1"},{"code":"é"}]}
{"name":"b"}
--- out
name,title,note,old,count,price,parts.code
a,"x, ""y"""," l
m",1,-3,1.10,1
a,,,,,,é
b,,,,,,
parts.code,name
1,a
é,a
.
t 'no such column' 'es-get -T csv -C name,x Thing; es-get -T tsv Thing' 100 <<'.'
--- out
--- err
es-get: 'Thing' has no field 'x'
es-get: -T knows csv, not 'tsv'
.

done_testing
