#!/bin/sh
# es-eval - expressions: Python, jq: contained, and programs named by cmd:
#
# What Python says to 300 expressions is in tests/data/expressions.ndjson.

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

cat >docs <<'.'
{"doctype":"Thing","name":"a","title":"Pen","count":3,"price":1.50,"parts":[{"qty":2},{"qty":12}]}
{"doctype":"Thing","name":"b","title":null}
.

# ---- Python

t 'a value a document' 'es-eval "doc.title" docs; es-eval "doc.price" <docs' <<'.'
--- out
"Pen"
null
1.5
null
--- err
.
t 'several inputs' 'es-eval doc.name docs - docs <docs' <<'.'
--- out
"a"
"b"
"a"
"b"
"a"
"b"
--- err
.
t 'rows of a table' 'head -1 docs | es-eval "any(r.qty > 10 for r in doc.parts), sum(r.qty for r in doc.parts)"
    head -1 docs | es-eval "any(r.qty > 10 for r in doc.parts) and sum(r.qty for r in doc.parts)"' <<'.'
--- out
14
--- err
es-eval: condition not understood at 35: it should end here, or go on with 'and' or 'or'; near ', sum(r.qty for r in'
.
t 'an error is told with its line, and null in its place' 'es-eval -v "doc.count > 1" docs' 1 <<'.'
--- out
true
null
--- err
es-eval: docs:2: values of different kinds have no order
es-eval: 1 values, 1 without
.
t '-q: complaints alone' 'es-eval -q "doc.count > 1" docs' 1 <<'.'
--- out
--- err
es-eval: docs:2: values of different kinds have no order
.
t 'what is not understood' 'es-eval "doc.count = 1" docs' 100 <<'.'
--- out
--- err
es-eval: condition not understood at 11: a comparison is written ==; near '= 1'
.
t 'what is no document' 'printf "%s\n" 1 "{" "{}" | es-eval "1 + 1"' 1 <<'.'
--- out
2
--- err
es-eval: stdin:1: this is no document
es-eval: stdin:2: unexpected end of data at byte 1
.
t 'misuse' 'es-eval 2>&1 | sed "s/ .*//;q"; es-eval -x "1" 2>/dev/null' 100 <<'.'
--- out
usage:
.

t 'a number beyond all others is compared, but has no JSON' 'echo "{\"q\":1e400}" >large
    for e in "doc.q > 1" "str(doc.q)" doc.q "[-doc.q]" "jq: .q > 1"; do es-eval "$e" large; echo $?; done' <<'.'
--- out
true
0
"inf"
0
null
1
null
1
true
0
--- err
es-eval: large:1: a number is too large
es-eval: large:1: a number is too large
.

# ---- a site that is asked

ok 'a site' site hq
printf '%s\n' '{"doctype":"DocType","name":"Global Defaults","module":"Test","issingle":1,"fields":[{"fieldname":"country","fieldtype":"Data"},{"fieldname":"key","fieldtype":"Password"}]}' |
    es-doctype -q -s hq.db
printf '%s\n' '{"doctype":"Global Defaults","country":"India","key":"xyzzy"}' \
    '{"doctype":"Thing","name":"one","title":"x","count":1}' \
    '{"doctype":"Thing","name":"two","title":"y","count":2}' \
    '{"doctype":"Thing","name":"three","title":"y","count":3}' | es-put -q -s hq.db
# e EXPRESSION: for one document.
e() {
	es-get -s hq.db Thing one | es-eval -s hq.db "$1"
}
t 'a number that is not set is 0 there' 'echo "{\"doctype\":\"Thing\"}" | es-eval -s hq.db "doc.count"
    echo "{\"doctype\":\"Thing\"}" | ES_SITE=hq.db es-eval "doc.count"; echo "{\"doctype\":\"Thing\"}" | es-eval "doc.count"' <<'.'
--- out
0
0
null
--- err
.
while read -r expression value; do
	is "$expression" "$(e "$expression" 2>&1)" "$value"
done <<'.'
frappe.db.get_value('Global_Defaults',None,'country') es-eval: it asks of DocType 'Global_Defaults', which is not here
frappe.db.get_value('Thing','two','title') "y"
frappe.db.get_value('Thing',doc.name,'count')+1 2
frappe.db.get_value('Thing',{'title':'y'},'name') "three"
frappe.db.get_value('Thing',{'count':['>',1],'title':'y'},'count') 3
frappe.db.get_value('Thing','four','title') null
frappe.db.get_value('Thing','two','code') null
frappe.db.get_value('Thing',None,'title') null
frappe.db.exists('Thing',doc.code) null
frappe.db.count('Thing',None) 3
frappe.db.get_value('Thing','four','count') null
frappe.db.get_value('Thing','two','price') 0
frappe.db.exists('Thing','two') "two"
frappe.db.exists('Thing',{'title':'z'}) null
frappe.db.exists('Thing') null
frappe.db.count('Thing') 3
frappe.db.count('Thing',{'title':'y'}) 2
frappe.db.count('Thing',{'title':['in',['x','y']]}) 3
.
is 'the document of a Single' "$(e "frappe.db.get_value('Global Defaults', None, 'country')")" '"India"'
for wrong in "frappe.db.get_value('Thing','one','colour')" "frappe.db.get_value('Thing','one','parts')" \
    "frappe.db.get_value('Part','one','code')" "frappe.db.count('Thing',{'colour':'red'})" \
    "frappe.db.count('Thing',['a'])" "frappe.db.count(doc.title)" \
    "frappe.db.get_value('Global Defaults', None, 'key')" \
    "frappe.db.get_value('Thing','one','name,title')" "frappe.db.get_value('Thing','one','*')"; do
	is "an error: $wrong" "$(e "$wrong" 2>/dev/null; echo $?)" "null
1"
done
t 'no site to ask' 'es-eval "frappe.db.count(\"Thing\")" docs' 100 <<'.'
--- out
--- err
es-eval: it asks for documents, and there is no site to be asked; -s gives one
.

# ---- jq

# To link it would cost each program some milliseconds at its start.
ok 'libjq is loaded when it is used' eval '! ldd "$(command -v es-eval)" | grep jq'
t 'jq' 'es-eval "jq: .price // empty | . + 0" docs; es-eval "jq:{title, n: (.parts | length)}" docs; es-eval "jq: empty" docs' <<'.'
--- out
1.5
null
{"title":"Pen","n":2}
{"title":null,"n":0}
null
null
--- err
.
head -1 docs >docs2
t 'of fields that are named, and of the whole document' 'for p in .price "[.price, .none, .parts[1].qty]" "{name, n: .parts | length, t: .title}" \
    "if .count then .parts | map(.qty) else . end" "del(.parts, .price)" ".count as \$n | .parts[0].qty + \$n" ".parts | any(.qty > 5)" "any(.parts[]; .qty > 5)"; do
    es-eval "jq: $p" docs2; done | jq -c "(.. | numbers) |= . + 0"' <<'.'
--- out
1.5
[1.5,null,12]
{"name":"a","n":2,"t":"Pen"}
[2,12]
{"doctype":"Thing","name":"a","title":"Pen","count":3}
5
true
true
--- err
.
t 'the first result counts' 'head -1 docs | es-eval "jq: .count, .name"' <<'.'
--- out
3
--- err
.
t 'an error of jq' 'es-eval "jq: if .title then .count else error(\"no title\") end" docs' 1 <<'.'
--- out
3
null
--- err
es-eval: docs:2: no title
.
ok 'what jq does not understand is refused' [ "$(es-eval 'jq: .a |' docs 2>/dev/null; echo $?)" = 100 ]
ok 'keys of objects are no functions' [ "$(head -1 docs | es-eval 'jq: { env, input:2 ,halt }')" = '{"env":null,"input":2,"halt":null}' ]
t 'strings, what is put into them, and keys' 'head -1 docs | es-eval "jq: \"env \(.title | ascii_upcase) \(\"a\" + \")\")\" "
    head -1 docs | es-eval "jq: {env: .env, \"input\": 1, a: .parts[0].qty}"' <<'.'
--- out
"env PEN a)"
{"env":null,"input":1,"a":2}
--- err
.

# Nothing but the document: what would read more is refused, and its place told.
while read -r at program; do
	is "refused: $program" "$(es-eval "jq: $program" docs 2>&1; echo $?)" "$(
	    es-eval "jq: $program" docs 2>&1 | grep "^es-eval: jq: condition not understood at $at: ")
100"
done <<'.'
1 $ENV
1 $ENV.PATH
1 env
1 env.PATH
9 . as $x|env
1 import "a" as a; .
1 include "a"; .
1 input
2 [inputs]
1 input_filename
1 debug
1 stderr
1 halt
1 halt_error
1 $__loc__
1 $__prog_args
1 get_search_list
1 modulemeta
1 def f: f; f
4 "\(env)"
6 {a: (env)}
3 ..env
7 {a: 1|env}
11 {(.name): env}
5 1 | a::b
1 @sh5
4 .a # comment
3 .a)
.

# es-eval, with what it writes, for a program that computes too much.
much() {
	es-eval -q "jq: $1" docs
}
if [ -z "${ES_QUICK-}" ]; then
for program in '[range(1e9)]' 'last(range(1e9))' '[recurse([.])] | length' 'last(repeat([.]))' \
    '.name * 1000000000' 'reduce range(60) as $i ("x"; . + .)'; do
	t "too much: $program" "much '$program'" 111 <<'.'
--- out
--- err
es-eval: docs:1: it takes more time or memory than it may
.
done
fi
t 'a value too deep for JSON' 'head -1 docs | es-eval "jq: reduce range(20000) as \$i (0; [.])"' 1 <<'.'
--- out
null
--- err
es-eval: stdin:1: its value is no JSON
.
t 'it goes on after that' 'es-eval "jq: if .title then .count else last(repeat([.])) end" docs' 111 <<'.'
--- out
3
--- err
es-eval: docs:2: it takes more time or memory than it may
.
mkdir home && echo 'def count: "from home"; def title: 1;' >home/.jq
is 'the home directory has no say' "$(HOME=$PWD/home es-eval 'jq: title' docs 2>/dev/null; echo $?)" 100
is 'nor can it change what there is' "$(echo 'def length: "from home";' >home/.jq
    head -1 docs | HOME=$PWD/home es-eval 'jq: .title | length')" 3

# Asked when it has answered, and still waits for a document.
mkfifo in out
es-eval 'jq: .name' - <in >out &
pid=$!
exec 3>in 4<out
head -1 docs >&3
read -r answer <&4
read -r child _ </proc/$pid/task/$pid/children
is 'it answers before it waits for more' "$answer" '"a"'
is 'the child may open nothing, write nothing' "$(awk '/^Max (open files|file size|core file size) / { print $(NF - 2) }' /proc/"$child"/limits | sort -u)" 0
ok 'and has a pipe at each end and nothing else' eval \
    '[ "$(ls /proc/$child/fd | xargs)" = "0 1" ] && [ "$(readlink /proc/$child/fd/* | grep -c "^pipe:")" = 2 ]'
exec 3>&- 4<&-
wait $pid
ok 'it ends with es-eval' eval '! kill -0 $child 2>/dev/null'

# ---- cmd

export ES_HOOKS=$PWD/hooks
mkdir -m 755 hooks
# hook NAME SHELL: a program there.
hook() {
	{ echo '#!/bin/sh'; echo "$2"; } >hooks/"$1"
	chmod 755 hooks/"$1"
}
hook odd 'while read -r line; do
    case $line in *"\"count\":3"*) echo true ;; *) echo false ;; esac; done; touch '"$PWD"'/ended'
hook what 'read -r line; echo "$line" >'"$PWD"'/line; env >'"$PWD"'/env; pwd >'"$PWD"'/pwd; echo true'
hook my.app.notes.odd 'read -r line; echo true'
t 'a program says yes or no' 'es-eval "cmd: odd" docs; es-eval "cmd:odd" docs | wc -l; ls ended' <<'.'
--- out
true
false
2
ended
--- err
.
is 'named as a function of Python is' "$(head -1 docs | es-eval 'cmd: my.app.notes.odd')" true
t 'what it reads, and its environment' 'head -1 docs | SECRET=x es-eval "cmd: what" && jq -c "(.. | numbers) |= . + 0" line; grep -c . env; grep -c SECRET env; cat pwd' <<'.'
--- out
true
{"consumer":null,"doc":{"doctype":"Thing","name":"a","title":"Pen","count":3,"price":1.5,"parts":[{"qty":2},{"qty":12}]},"update_log":null}
4
0
/
--- err
.
for name in none ../hooks/odd .odd a/b ''; do
	is "no such program: '$name'" "$(es-eval "cmd: $name" docs 2>&1 >/dev/null | sed 's/.*\(there is no\|is followed by\).*/no/'; es-eval "cmd: $name" docs 2>/dev/null; echo $?)" "no
100"
done
# cannot WHAT: the program is not run.
cannot() {
	is "$1" "$(es-eval 'cmd: odd' docs 2>&1 >/dev/null | sed "s,'/.*/\(.*\)',\1,;s/:.*it must.*/ must/;s/is not run.*/is not run/"; es-eval 'cmd: odd' docs 2>/dev/null; echo $?)" "$2
100"
}
rm -f line
chmod o+w hooks/odd
cannot 'others may write it' 'es-eval must'
chmod 775 hooks/odd
cannot 'a group may write it' 'es-eval must'
chmod 644 hooks/odd
cannot 'it is not executable' 'es-eval must'
chmod 755 hooks/odd
chmod 777 hooks
cannot 'others may write its directory' 'es-eval must'
chmod 755 hooks
mkdir -m 777 open
cp -r hooks open/
ES_HOOKS=$PWD/open/hooks
cannot 'others may write a directory above it' 'es-eval must'
ES_HOOKS=$PWD/hooks
ln -s ../open/hooks/odd hooks/led
is 'a link is followed, and judged where it leads' "$(es-eval 'cmd: led' docs 2>/dev/null; echo $?)" 100
mkdir hooks/dir
is 'a directory is no program' "$(es-eval 'cmd: dir' docs 2>/dev/null; echo $?)" 100

hook dies 'read -r line; exit 3'
hook late 'read -r line; echo true; exit 0'
hook garbage 'while read -r line; do echo "yes, of course"; done'
hook talks 'while read -r line; do printf "true\ntrue\n"; done'
hook mute 'exec >&-; cat >/dev/null'
t 'one that dies' 'es-eval "cmd: dies" docs' 111 <<'.'
--- out
--- err
es-eval: docs:1: the program 'dies': it ended
.
t 'one that goes after its first answer' 'es-eval "cmd: late" docs' 111 <<'.'
--- out
true
--- err
es-eval: docs:2: the program 'late': it ended
.
t 'one that says something else' 'es-eval "cmd: garbage" docs' 111 <<'.'
--- out
--- err
es-eval: docs:1: the program 'garbage' says 'yes, of course', neither true nor false
.
t 'one that says too much' 'es-eval "cmd: talks" docs' 111 <<'.'
--- out
true
--- err
es-eval: docs:2: the program 'talks': it said more than was asked
.
t 'one that closes its output' 'es-eval "cmd: mute" docs' 111 <<'.'
--- out
--- err
es-eval: docs:1: the program 'mute': it ended
.
hook hangs 'echo $$ >'"$PWD"'/pid; read -r line; (exec tail -f /dev/null) & echo $! >>'"$PWD"'/pid; wait'
t 'one that hangs' 'es-eval "cmd: hangs" docs' 111 <<'.'
--- out
--- err
es-eval: docs:1: the program 'hangs': it takes too long
.
ok 'is killed, with what it began' eval 'read -r a <pid; b=$(tail -1 pid); ! kill -0 $a 2>/dev/null &&
    ! grep -q "^State:	[^Z]" /proc/$b/status 2>/dev/null'

done_testing
