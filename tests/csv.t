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
    "'parts' is a table and cannot be a column; give documents as JSON"
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

done_testing
