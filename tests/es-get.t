#!/bin/sh
# es-get - documents by name, by condition and by Frappe's filters

. "${0%/*}/lib.sh"

ES_SITE=hq.db
export ES_SITE

# Two DocTypes: a tree, and one with a field of each kind and a table.
cat >doctypes <<'.'
{"doctype":"DocType","name":"Branch","module":"Test","is_tree":1,"autoname":"field:title","fields":[
 {"fieldname":"title","fieldtype":"Data","reqd":1,"unique":1},
 {"fieldname":"parent_branch","fieldtype":"Link","options":"Branch"}]}
{"doctype":"DocType","name":"Part","module":"Test","istable":1,"fields":[
 {"fieldname":"code","fieldtype":"Data"},
 {"fieldname":"qty","fieldtype":"Float"}]}
{"doctype":"DocType","name":"Thing","module":"Test","autoname":"Prompt","fields":[
 {"fieldname":"title","fieldtype":"Data","in_list_view":1},
 {"fieldname":"branch","fieldtype":"Link","options":"Branch"},
 {"fieldname":"old","fieldtype":"Check"},
 {"fieldname":"count","fieldtype":"Int","in_list_view":1},
 {"fieldname":"price","fieldtype":"Currency"},
 {"fieldname":"tag","fieldtype":"Data","unique":1},
 {"fieldname":"day","fieldtype":"Date"},
 {"fieldname":"at","fieldtype":"Datetime"},
 {"fieldname":"clock","fieldtype":"Time"},
 {"fieldname":"secret","fieldtype":"Password"},
 {"fieldname":"line","fieldtype":"Section Break"},
 {"fieldname":"parts","fieldtype":"Table","options":"Part"},
 {"fieldname":"spares","fieldtype":"Table","options":"Part"}]}
.
tr -d '\n' <doctypes | sed 's/}{/}\n{/g' >doctypes.json

cat >documents <<'.'
{"doctype":"Branch","title":"All"}
{"doctype":"Branch","title":"North","parent_branch":"All"}
{"doctype":"Branch","title":"Far North","parent_branch":"North"}
{"doctype":"Branch","title":"South","parent_branch":"All"}
{"doctype":"Thing","name":"a","title":"Apple","tag":"T-1","branch":"North","old":1,"count":2,"price":1.10,"day":"2026-01-01","at":"2026-01-01 10:00:00","clock":"9:05:03","parts":[{"code":"p1","qty":1},{"code":"p2","qty":20}]}
{"doctype":"Thing","name":"b","title":"banana","branch":"Far North","old":0,"count":10,"price":12345678901234567890,"day":"2026-01-31","at":"2026-01-31 23:59:59.5","clock":"10:00:00","parts":[{"code":"p2","qty":1}]}
{"doctype":"Thing","name":"c","title":"50% \\ _","branch":"South","count":-1,"price":1e2,"day":"2026-02-01","at":"2026-02-01 00:00:00","spares":[{"code":"p3","qty":5}]}
{"doctype":"Thing","name":"d"}
{"doctype":"Thing","name":"k=v","title":"a,b"}
.

ok 'a site to look into' es-init -q hq
ok 'its DocTypes' es-doctype -q doctypes.json
ok 'its documents' sh -c 'es-put -q <documents'

# The names of what meets the filters, on one line.
names() {
	es-get -C name Thing "$@" | sed 's/.*:"\(.*\)"}/\1/' | paste -sd' ' -
}
n() {
	t "$1" "names $2" <<.
--- out
$3
--- err
.
}

# ---- documents

t 'a document as it is stored, with its digits' \
    "es-get Thing b | sed 's/\"creation.*docstatus/…/; s/parts.*/…/'" <<'.'
--- out
{"doctype":"Thing","name":"b","owner":"Administrator",…":0,"title":"banana","branch":"Far North","old":0,"count":10,"price":12345678901234567890,"day":"2026-01-31","at":"2026-01-31 23:59:59.5","clock":"10:00:00","…
--- err
.
n 'all of them, in the order they were made' '' 'a b c d k=v'
n 'names, in the order given' 'c a' 'c a'
t 'a name that does not exist is reported, the rest printed' \
    'es-get -C name Thing a x b' 1 <<'.'
--- out
{"name":"a"}
{"name":"b"}
--- err
es-get: no Thing 'x'
es-get: 2 documents, 1 missing
.
t '-q leaves the count away' 'es-get -q -C name Thing x' 1 <<'.'
--- out
--- err
es-get: no Thing 'x'
.
t '-v has it always' 'es-get -v -C name Thing a' <<'.'
--- out
{"name":"a"}
--- err
es-get: 1 document, 0 missing
.
n 'a name with = in it' 'k=v' 'k=v'
t 'what could be a condition on no field' 'es-get Thing colour=red' 1 <<'.'
--- out
--- err
es-get: no Thing 'colour=red', and no field 'colour'
es-get: 0 documents, 1 missing
.
t 'names and conditions' 'es-get -C name Thing a b d old=1' <<'.'
--- out
{"name":"a"}
--- err
.

# ---- field=value

n '= is exact' title=apple ''
n '= on text' title=Apple a
n '= on a number is by value' price=100.00 c
n '= on what is not set' title= d
n '!= takes what is not set too' '"title!=Apple"' 'b c d k=v'
n '> compares numbers' '"count>2"' b
n '< takes what is not set as 0' '"count<2"' 'c d k=v'
n '>= on dates' '"day>=2026-01-31"' 'b c'
n '<= on dates' '"day<2026-01-31"' 'a d k=v'
n 'a datetime without fraction' '"at=2026-01-01 10:00:00.000"' a
n 'a day for a datetime is its begin' '"at<=2026-02-01"' 'a b c d k=v'
n 'a time of day with one digit' '"clock<10:00"' 'a c d k=v'
n 'a time of day' '"clock=09:05:03.0"' a
n 'docstatus' docstatus=0 'a b c d k=v'
n 'creation' '"creation>=today"' 'a b c d k=v'
n 'a unique field' tag=T-1 a
n 'a unique field that is not set' tag= 'b c d k=v'
n 'several conditions' '"count>0" old=0' b
n 'quotes are text' '"title=a'\''b\"c"' ''

# ---- Frappe's filters

f() {
	n "$1" "'$2'" "$3"
}
f 'an object' '{"title":"Apple","old":1}' a
f 'an object with operators' '{"count":[">",2]}' b
f 'triples' '[["count",">",1],["old","=",0]]' b
f 'the DocType in front' '[["Thing","title","=","Apple",0]]' a
f 'null is not set' '{"title":null}' d
f 'true is 1' '{"old":true}' a
f 'like, whatever the case' '{"title":["like","%APP%"]}' a
f 'like, _ and %' '{"title":["LIKE","_pple"]}' a
f 'like, backslash is literal' '{"title":["like","%\\ %"]}' c
f 'not like takes what is not set' '{"title":["not like","%a%"]}' 'c d'
f 'like on a number' '{"count":["like","1%"]}' b
f 'in an array' '{"title":["in",["Apple","banana"]]}' 'a b'
f 'in a text with commas' '{"title":["in","Apple , banana"]}' 'a b'
f 'a comma in an array is text' '{"title":["in",["a,b"]]}' k=v
f 'in numbers' '{"count":["in",[2.0,"10"]]}' 'a b'
f 'in no list is not set' '{"title":["in",[]]}' d
f 'not in' '{"title":["not in",["Apple"]]}' 'b c d k=v'
f 'not in no list is set' '{"title":["not in",""]}' 'a b c k=v'
f 'name in' '{"name":["in","c,b"]}' 'b c'
f 'is set' '{"day":["is","set"]}' 'a b c'
f 'is not set' '{"branch":["is","Not Set"]}' 'd k=v'
f 'between days' '{"day":["between",["2026-01-01","2026-01-31"]]}' 'a b'
f 'between, all of the last day' '{"at":["Between",["2026-01-31","2026-01-31"]]}' b
f 'between, up to a moment' '{"at":["between","2026-01-01,2026-01-31 12:00:00"]}' a
f 'between numbers' '{"count":["between",[2,10]]}' 'a b'
f 'between, today by default' '{"creation":["between",[]]}' 'a b c d k=v'
f 'timespan' '{"modified":["timespan","today"]}' 'a b c d k=v'
f 'timespan, other' '{"modified":["timespan","last year"]}' ''
f 'previous' '{"modified":["previous","3 months"]}' ''
f 'next' '{"modified":["next","1 week"]}' ''
f 'a row of a table' '[["Part","code","=","p1"]]' a
f 'a row of either table' '[["Part","code","=","p3"]]' c
f 'one row for all conditions on it' \
    '[["Part","code","=","p2"],["Part","qty",">",10]]' a
f 'rows are compared by number' '[["Part","qty",">",3]]' 'a c'
f 'descendants' '{"branch":["descendants of","North"]}' b
f 'descendants, inclusive' '{"branch":["descendants of (inclusive)","North"]}' 'a b'
f 'not descendants' '{"branch":["not descendants of","All"]}' 'd k=v'
f 'ancestors' '{"branch":["ancestors of","Far North"]}' a
f 'not ancestors' '{"branch":["not ancestors of","Far North"]}' 'b c d k=v'
t 'a tree by name' 'es-get -C name Branch "{\"name\":[\"descendants of\",\"All\"]}"' <<'.'
--- out
{"name":"North"}
{"name":"Far North"}
{"name":"South"}
--- err
.
f 'JSON and a condition both hold' '{"old":0}'\'' '\''count>2' b

# Days by the calendar, against date(1).
cat >days <<.
{"doctype":"Thing","name":"today","day":"$(date +%F)"}
{"doctype":"Thing","name":"week","day":"$(date -d '7 days ago' +%F)"}
{"doctype":"Thing","name":"month","day":"$(date -d "$(date +%Y-%m-01) -1 day" +%F)"}
{"doctype":"Thing","name":"year","day":"$(($(date +%Y) - 1))-12-31"}
{"doctype":"Thing","name":"future","day":"$(($(date +%Y) + 1))-01-01"}
.
ok 'days' sh -c 'es-put -q <days'
days() {
	names '{"day":["'"$1"'","'"$2"'"],"title":["is","not set"]}' |
	    tr ' ' '\n' | grep -cx "$3"
}
is 'timespan last week' "$(days timespan 'last week' week)" 1
is 'timespan last month' "$(days timespan 'last month' month)" 1
is 'timespan last year' "$(days timespan 'Last Year' year)" 1
is 'timespan this month' "$(days timespan 'this month' 'today\|month')" 1
is 'timespan this quarter' "$(days timespan 'this quarter' 'today\|future')" 1
is 'previous 1 month' "$(days previous '1 month' month)" 1
is 'next 1 year' "$(days next '1 year' future)" 1
is 'a day by word' "$(names day=today)" today
ok 'and away' sh -c 'es-rm -q Thing today week month year future >/dev/null'

# ---- what is not understood

bad() {
	t "$1" "es-get Thing '$2'" 100 <<.
--- out
--- err
es-get: $3
.
}
bad 'JSON that is none' '{"a":' 'filters: unexpected end of data at byte 5'
bad 'an unknown field' '{"colour":1}' "'Thing' has no field 'colour'"
bad 'a field that holds nothing' '{"line":1}' "'Thing' has no field 'line'"
bad 'a field of a row' '{"code":1}' "'Thing' has no field 'code'"
bad 'SQL in a field' '{"a\" OR 1 --":1}' "'Thing' has no field 'a\" OR 1 --'"
bad 'SQL in what begins as a standard name' '[["_x\") OR 1","=",1]]' \
    "'Thing' has no field '_x\") OR 1'"
bad 'an unknown operator' '{"title":["regexp","x"]}' \
    "no operator is called 'regexp'"
bad 'one flat triple' '["title","=","x"]' 'a filter is [field,operator,value] or [DocType,field,operator,value]'
bad 'another DocType' '[["Branch","title","=","x"]]' "'Thing' has no table of 'Branch'"
bad 'a text for a number' 'count>many' "'many' is no number, as 'count' is"
bad 'a text for a date' 'day=soon' "'soon' is no date, as 'day' is"
bad 'an array for a value' '{"title":["=",[1]]}' "'title' cannot be compared with an array"
bad 'a secret' 'secret=x' "'secret' is a secret and not in documents"
bad 'a table' 'parts=x' "'parts' is a table; give [\"Part\",field,operator,value]"
bad 'a tree that is none' '{"title":["descendants of","x"]}' \
    "'title' does not name documents of a tree"
bad 'a span that is none' '{"day":["timespan","last decade"]}' \
    "no span of time is called 'last decade'"
bad 'is neither set nor not set' '{"day":["is","maybe"]}' \
    "'day' is either \"set\" or \"not set\""
t 'more conditions than anyone needs' \
    'es-get Thing $(yes old=1 | head -201)' 100 <<'.'
--- err
es-get: more than 200 conditions
.

# ---- options

t '-C, in its order, what is not set as null, tables whole' \
    'es-get -C spares,price,title,title,docstatus Thing c' <<'.'
--- out
{"spares":[{"name":"HEX","idx":1,"code":"p3","qty":5}],"price":1e2,"title":"50% \\ _","docstatus":0}
--- err
.
t '-C *' 'es-get -C "*" Thing d' <<'.'
--- out
{"name":"d","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"idx":null,"title":null,"branch":null,"old":null,"count":null,"price":null,"tag":null,"day":null,"at":null,"clock":null}
--- err
.
t '-C, an unknown field' 'es-get -C name,colour Thing' 100 <<'.'
--- err
es-get: 'Thing' has no field 'colour'
.
n '-L' '-L 2' 'a b'
n '-O by number' '-O count' 'c d k=v a b'
n '-O downwards, then by another' '-O "count desc, name desc"' 'b a k=v d c'
n '-O as Frappe writes it' '-O "\`tabThing\`.\`title\` desc" -L 1' b
n '-O with names' '-O price c b a' 'a c b'
t '-O, SQL' 'es-get -O "name;DROP TABLE document" Thing' 100 <<'.'
--- err
es-get: 'Thing' has no field 'name;DROP TABLE document'
.
t '-H' 'es-get -H -C name,price,count,parts,title Thing' <<'.'
--- out
name                 price  count  parts   title
a                     1.10      2  2 rows  Apple
b     12345678901234567890     10  1 row   banana
c                      1e2     -1          50% \ _
d
k=v                                        a,b
--- err
.
t '-H without -C: what lists show' \
    'TZ=Pacific/Auckland es-get -H Thing a | cut -c 1-24' <<'.'
--- out
name  title  count  modi
a     Apple      2  2026
--- err
.
t '-H, local time' 'es-get -H -C creation Thing a >utc
    TZ=UTC-5 es-get -H -C creation Thing a | cmp -s utc -' 1 <<'.'
--- out
--- err
.
t '-H, long and foreign text' 'printf "%s\n" "{\"doctype\":\"Thing\",\"name\":\"long\",
\"title\":\"\\u001b[31m$(printf %60s)|\"}" | tr -d "\n" | es-put -q
    es-get -H -C title,name Thing long; es-rm -q Thing long >/dev/null' <<'.'
--- out
title                                     name
\x1b[31m                               ~  long
--- err
.
t '-o' 'es-get -o out -C name Thing a && cat out && ls out*' <<'.'
--- out
{"name":"a"}
out
--- err
.

# ---- other DocTypes

t 'the logs are documents too' 'es-get -C update_type,docname "Event Update Log" ref_doctype=Branch' <<'.'
--- out
{"update_type":"Create","docname":"All"}
{"update_type":"Create","docname":"North"}
{"update_type":"Create","docname":"Far North"}
{"update_type":"Create","docname":"South"}
--- err
.
t 'an entry of the log by name' 'name=$(es-get -C name "Event Update Log" docname=South |
    cut -d\" -f4); es-get -C docname "Event Update Log" $name' <<'.'
--- out
{"docname":"South"}
--- err
.
t 'a log that is empty' 'es-get "Event Sync Log" status=Failed' <<'.'
--- out
--- err
.
t 'the DocType of a table' 'es-get Part' 100 <<'.'
--- err
es-get: 'Part' is the DocType of a table; its rows come with the documents they belong to
.
t 'an unknown DocType' 'es-get Itm' 100 <<'.'
--- err
es-get: no DocType 'Itm' in 'hq.db'; es-doctype -l lists them
.
t 'no site' 'unset ES_SITE; es-get Thing' 100 <<'.'
--- err
es-get: which site?  Give -s file or set ES_SITE
.
t 'no DocType' 'es-get' 100 <<'.'
--- err
usage: es-get [-Hqv] [-s site] [-C fields] [-L limit] [-O order] [-o file]
              [-T csv] doctype [name ...] [field=value ...] [filters]
.
t '--help' 'es-get --help | head -1' <<'.'
--- out
usage: es-get [-Hqv] [-s site] [-C fields] [-L limit] [-O order] [-o file]
--- err
.
t 'a full disk' 'es-get Thing >/dev/full' 111 <<'.'
--- err
es-get: cannot write standard output: No space left on device
.

done_testing
