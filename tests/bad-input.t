#!/bin/sh
# Bad input and a full disk: a clear message, and nothing lost.  With ES_QUICK
# set, without what is large.

# The mount below is for this file only, where that can be had.
for how in -m -rm ''; do
	[ -z "$how" ] || ! unshare $how true 2>/dev/null || break
done
if [ -n "$how" ] && [ -z "${ES_MOUNTS-}" ]; then
	ES_MOUNTS=1 exec unshare $how sh "$0"
fi

. "${0%/*}/lib.sh"

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Kind","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Thing","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Text"},{"fieldname":"n","fieldtype":"Float"},{"fieldname":"kind","fieldtype":"Link","options":"Kind"},{"fieldname":"json","fieldtype":"JSON"}]}
.
cat >producer <<'.'
{"doctype":"Event Producer","producer_url":"shop","user":"Administrator","producer_doctypes":[{"ref_doctype":"Kind","status":"Approved","use_same_name":1},{"ref_doctype":"Thing","status":"Approved","use_same_name":1}]}
.
site() {
	es-init -q -s "$1" "${2-}" && es-doctype -q -s "$1" doctypes.json
}
ok 'a shop' site shop.db shop
ok 'headquarters' site hq.db hq
ok 'which takes its things' sh -c 'es-put -q -s hq.db <producer && cp hq.db new.db'

printf '{"name":"before"}\n' >doc1
printf '{"name":"after"}\n' >doc2
es-put -s shop.db Thing <doc1 | head -1 >event1
es-put -s shop.db Thing <doc2 | head -1 >event2
es-producer-log -s shop.db | sed '1,2d' >rest

# ---- lines that cannot be read

# The bad line stands between two good ones: these go in, and what is said
# names the line.  es-apply also does not move its cursor, as something may
# have been lost.
cat doc1 doc2 | es-put -q -s hq.db Thing
cursor() {
	sqlite3 "${1-hq.db}" "SELECT cursor FROM producer WHERE name = 'shop'"
}
puts() {
	t "es-put: $1" 'cat doc1 line doc2 | es-put -qv -s shop.db Thing' 1 <<.
--- out
--- err
es-put: stdin:2: $2
es-put: 0 new, 0 changed, 0 deleted, 2 as they were, 1 refused
.
}
inbox() {
	rm -f in.db
	cp new.db in.db
}
applies() {
	inbox
	t "es-apply: $1" 'sed "s/\"events\":[0-9]*/\"events\":3/" rest | cat event1 line event2 - |
	    es-apply -q -s in.db 2>said; head -1 said >&2
	    es-get -s in.db -C name Thing; cursor in.db' <<.
--- out
{"name":"before"}
{"name":"after"}
0
--- err
es-apply: stdin:2: $2
.
}
bad() {
	printf "$3\n" >line
	puts "$1" "$2"
	applies "$1" "$2"
}
bad 'not JSON' 'unexpected character, expected a valid root value at byte 0' 'hello'
bad 'a line that was cut' 'unexpected end of data at byte 11' '{"name":"x"'
bad 'two values' 'unexpected content after document at byte 13' '{"name":"x"} {"name":"y"}'
bad 'a key twice' "key 'title' stands twice" '{"name":"x","title":"a","n":1,"title":"a"}'
bad 'a key twice, deep down' "key 'b' stands twice" '{"name":"x","json":[{"a":{"b":1,"c":2,"b":1}}]}'
bad 'invalid UTF-8' 'invalid UTF-8 encoding in string at byte 21' '{"name":"x","title":"\377"}'
bad 'UTF-8 too long' 'invalid UTF-8 encoding in string at byte 21' '{"name":"x","title":"\300\257"}'
bad 'a surrogate in UTF-8' 'invalid UTF-8 encoding in string at byte 21' '{"name":"x","title":"\355\240\200"}'
bad 'a character that was cut' 'invalid UTF-8 encoding in string at byte 21' '{"name":"x","title":"\303"}'
bad 'a lone high surrogate' 'no low surrogate in string at byte 27' '{"name":"x","title":"\\ud800"}'
bad 'a lone low surrogate' 'invalid high surrogate in string at byte 21' '{"name":"x","title":"\\udc00"}'
bad 'NaN' 'unexpected character, expected a valid JSON value at byte 16' '{"name":"x","n":NaN}'
bad 'Infinity' 'no digit after minus sign at byte 17' '{"name":"x","n":-Infinity}'
bad 'a leading zero' 'number with leading zero is not allowed at byte 16' '{"name":"x","n":01}'
bad 'a comma too many' 'trailing comma is not allowed at byte 11' '{"name":"x",}'
bad 'a control character' 'unexpected control character in string at byte 22' '{"name":"x","title":"a\tb"}'
bad 'a NUL' 'unexpected control character in string at byte 22' '{"name":"x","title":"a\000b"}'
bad 'a mark of UTF-16' 'UTF-16 encoding is not supported at byte 0' '\377\376{\000'

nest() {
	printf '{"name":"deep","__x":'
	head -c "$1" /dev/zero | tr '\0' '['
	head -c "$1" /dev/zero | tr '\0' ']'
	echo '}'
}
nest 512 >line
puts 'nesting of 513' 'nested too deeply'
applies 'nesting of 513' 'nested too deeply'
t 'es-put: nesting of 512' 'nest 511 | es-put -q -s shop.db Thing' <<'.'
--- out
--- err
.
t 'es-apply: nesting of 512' 'nest 511 | sed "s/{\"name\":\"deep\"/{/; s/,//" | es-apply -q -s hq.db' 111 <<'.'
--- out
--- err
es-apply: the input has no end line: it was cut; run again
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'es-put: what an event could not carry' \
    'nest 501 | sed "s/__x/json/" | es-put -q -s shop.db Thing' 1 <<'.'
--- out
--- err
es-put: stdin:1: 'json' is nested more than 500 deep
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
t 'nesting beyond all measure' 'head -c 300000 /dev/zero | tr "\0" "[" | es-put -q -s shop.db Thing' 1 <<'.'
--- out
--- err
es-put: stdin:1: unexpected end of data at byte 300000
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
long() {
	printf '{"name":"long","title":"'
	head -c "$1" /dev/zero | tr '\0' x
	echo '"}'
}
if [ -z "${ES_QUICK-}" ]; then
	long 17000000 >line
	puts 'a line over 16 MiB' 'the line is longer than 16 MiB'
	applies 'a line over 16 MiB' 'the line is longer than 16 MiB'
	head -c 17000000 line >torn
	t 'a line over 16 MiB without an end' 'cat doc1 torn | es-put -qv -s shop.db Thing' 1 <<'.'
--- out
--- err
es-put: stdin:2: the line is longer than 16 MiB
es-put: 0 new, 0 changed, 0 deleted, 1 as they were, 1 refused
.
	t 'a document too long for an event' 'long 16000000 | es-put -q -s shop.db Thing' 1 <<'.'
--- out
--- err
es-put: stdin:1: a document of 16000026 bytes is too long, 15728640 are allowed
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
	t 'a document too long bit by bit' 'for i in 1 2 3; do printf "{\"name\":\"bits\",\"json\":{"
	    head -c 5500000 /dev/zero | tr "\0" x | sed "s/^/\"a$i\":\"/"; echo "\"}}"; done >bits
	    jq -sc "{name:\"bits\",title:.[0].json.a1,json:{a:.[1].json.a2}}" bits | es-put -qv -s shop.db Thing
	    jq -sc "{name:\"bits\",json:[.[]|.json]}" bits | es-put -qv -s shop.db Thing 2>&1 | sed "s/of [0-9]* bytes/of SIZE bytes/"' <<'.'
--- out
es-put: stdin:1: a document of SIZE bytes is too long, 15728640 are allowed
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
--- err
es-put: 1 new, 0 changed, 0 deleted, 0 as they were, 0 refused
.
	t 'the longest is taken, and arrives' 'long 15728000 | es-put -q -s shop.db Thing
	    es-producer-log -s shop.db Thing long | es-apply -q -s hq.db
	    es-get -s hq.db -C title Thing long | wc -c; es-rm -q -s shop.db Thing long bits' <<'.'
--- out
15728013
--- err
.
fi

# ---- lines that say what cannot be

refused() {
	printf '%s\n' "$3" >line
	puts "$1" "$2"
}
refused 'a value that is no object' 'a document is an object' '[{"name":"x"}]'
refused 'another DocType' 'it is a Nope, not a Thing' '{"doctype":"Nope","name":"x"}'
refused 'an unknown field' "unknown field 'colour'" '{"name":"x","colour":1}'
refused 'an unknown field, made safe' "unknown field 'a\\x1b[2J'" '{"name":"x","a\u001b[2J":1}'
refused 'a wrong type' "'n' wants a number, not a string" '{"name":"x","n":"1"}'
refused 'a missing link' "'kind' links to Kind 'none', which does not exist" '{"name":"x","kind":"none"}'
refused 'a NUL in a name' 'a name is a string' '{"name":"a\u0000b"}'
t 'an unknown DocType' 'echo "{\"doctype\":\"Nope\",\"name\":\"x\"}" | es-put -q -s shop.db' 1 <<'.'
--- out
--- err
es-put: stdin:1: no DocType 'Nope' here; es-doctype puts one in
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.

# What es-apply prints of an event of the shop that is like this one but for
# what sed(1) does to it: the reason it parks it for, or rejects it.
cat >one <<'.'
{"name":"n1","title":"t","n":1}
.
es-put -s shop.db Thing <one | head -1 >event
like() {
	inbox
	t "es-apply: $1" '{ sed "$change" event; tail -1 rest; } | es-apply -s in.db >out 2>said
	    s=$?; { jq -r ".error // empty" out; grep stdin: said; } | paste -sd" " -; exit $s' "$4" <<.
--- out
$3
--- err
.
}
while IFS='|' read -r what change why status; do
	export change
	like "$what" "$change" "$why" "${status:-1}"
done <<'.'
an unknown DocType, which nobody asked for|s/"ref_doctype":"Thing"/"ref_doctype":"Nope"/||0
a wrong type|s/"n":1/"n":"one"/|'n' wants a number, not a string
a missing link|s/"n":1/"n":1,"kind":"none"/|waits for Kind 'none'
an unknown update_type|s/"Create"/"Upsert"/|es-apply: stdin:1: update_type is not Create, Update, Delete or Rename
no creation|s/^{"name":"\([^"]*\)","creation":"[^"]*"/{"name":"\1"/|es-apply: stdin:1: creation is not a time
no name|s/^{"name":"[^"]*",/{/|es-apply: stdin:1: an event without name
no document|s/"docname":"n1"/"docname":""/|es-apply: stdin:1: an event without ref_doctype and docname
no data|s/"data":{.*},"event_producer/"data":null,"event_producer/|es-apply: stdin:1: data is not an object
data as text that is no JSON|s/"data":{.*},"event_producer/"data":"{","event_producer/|es-apply: stdin:1: data: unexpected end of data at byte 1
an origin that is none|s/"origin":\[[^]]*\]/"origin":"x"/|es-apply: stdin:1: origin is a site and a birth
via that is none|s/"via":\[[^]]*\]/"via":"x"/|es-apply: stdin:1: via is a list of sites
.
inbox
t 'es-apply: an unknown field is kept' '
    { sed "s/\"n\":1/\"colour\":\"red\",\"n\":1/" event; tail -1 rest; } | es-apply -q -s in.db
    es-get -s in.db Thing n1 | jq -c "[.title,.colour]"' <<'.'
--- out
["t","red"]
--- err
.

# ---- operands that no document could hold

mkdir operands
cp shop.db operands/s.db
not_utf8() {
	t "not UTF-8: $1" "cd operands && es-$(printf "$1") </dev/null" 100 <<.
--- out
--- err
es-${1%% *}: '$2' is not UTF-8
.
}
while IFS='|' read -r command shown; do
	not_utf8 "$command" "$shown"
done <<'.'
subscribe -s s.db hq user=Administrator Thing condition="doc.title != '\377'"|condition=doc.title != '\xff'
subscribe -s s.db hq user=Administrator pin="\377" Thing|pin=\xff
subscribe -s s.db "\377" user=Administrator Thing|\xff
approve -s s.db hq Thing condition="doc.title != '\377'"|condition=doc.title != '\xff'
key -s s.db "\377"|\xff
key -s s.db somebody "\303"|\xc3
mv -s s.db Thing before "\377"|\xff
rm -s s.db Thing "\377"|\xff
put -s s.db "Thing\377"|Thing\xff
resync -s s.db Thing "\377"|\xff
eval "doc.title == '\355\240\200'"|doc.title == '\xed\xa0\x80'
get -s s.db Thing title="\300\257"|title=\xc0\xaf
sync-log -s s.db Thing "\377"|\xff
producer-log -s s.db Thing "\377"|\xff
.
t 'nothing came of that' 'for s in shop.db operands/s.db; do sqlite3 $s "SELECT count(*) FROM journal" >$s.n; done
    cmp shop.db.n operands/s.db.n' <<'.'
--- out
--- err
.
t 'an address of a site is a URL or a word' 'es-init -s operands/new.db "$(printf "\377")"' 100 <<'.'
--- out
--- err
es-init: '\xff' cannot be an address: give a URL or a word
.
t 'the name of a file may be anything' 'f=$(printf "operands/\377.es"); cp event2 "$f"; tail -1 rest >>"$f"; inbox; es-apply -q -s in.db "$f"' <<'.'
--- out
--- err
.

# ---- a full disk

full=$PWD/full
mkdir "$full"
if ! mount -t tmpfs -o size=32m,mode=700 none "$full" 2>/dev/null; then
	ok 'a full disk # skip cannot mount' true
	done_testing
	exit
fi
# A site, and so much room beside it.
fill() {
	rm -f "$full"/*
	cp "$1" "$full/s.db"
	head -c 40m /dev/zero >"$full/ballast" 2>/dev/null
	truncate -s "-$2" "$full/ballast"
}
cure() {
	rm -f "$full/ballast"
}
# Without times and random ids.
state() {
	{ es-get -s "$1" Kind && es-get -s "$1" Thing; } |
	    sed -E 's/"(creation|modified)":"[^"]*"//g'
	sqlite3 "$1" "SELECT type, docname, count(*) FROM journal GROUP BY 1, 2 ORDER BY 2, 1;
	    SELECT cursor, cursor_name, error IS NULL FROM producer; SELECT * FROM parked;
	    SELECT remote, status, count(*) FROM synclog GROUP BY 1, 2"
}
for i in $(seq 3500); do
	echo "{\"name\":\"f$i\",\"title\":\"thing number $i\",\"n\":$i.50}"
done >many
disk='the disk is full; make room and run again'

rm -f plain.db
site plain.db hq
es-put -q -s plain.db <producer
cp plain.db done.db
es-put -q -s done.db Thing <many
t 'es-put: a full disk is told once' 'fill plain.db 1100K; es-put -s "$full/s.db" Thing <many >put' 111 <<.
--- out
--- err
es-put: cannot use '$full/s.db': $disk
.
t 'what was printed is there, no more and no less' 'n=$(grep -c update_type put); [ $n -gt 0 ] && [ $n -lt 3500 ] &&
    cure && es-get -s "$full/s.db" -C name Thing | wc -l | grep -x $n >/dev/null; tail -1 put' <<'.'
--- out
{"end":{"program":"es-put","status":111}}
--- err
.
t 'the file is sound' 'sqlite3 "$full/s.db" "PRAGMA integrity_check"' <<'.'
--- out
ok
.
t 'the same command after the cure completes' 'es-put -q -s "$full/s.db" Thing <many
    state done.db >a; state "$full/s.db" | diff a - | head' <<'.'
--- out
--- err
.

es-producer-log -s done.db Thing >/dev/null
rm -f shop2.db
site shop2.db shop
es-put -q -s shop2.db Thing <many
es-producer-log -s shop2.db -L 1000 >events
cp plain.db done.db
es-apply -q -s done.db <events
t 'es-apply: a full disk is told once' 'fill plain.db 1100K; es-apply -s "$full/s.db" <events >out 2>said; s=$?
    grep -v "events:\|no end line" said >&2; exit $s' 111 <<.
--- out
--- err
es-apply: cannot use '$full/s.db': $disk
.
t 'what was printed is there, and the cursor stands behind it' 'cure; n=$(wc -l <out)
    es-get -s "$full/s.db" -C name Thing | wc -l | grep -x $n >/dev/null || echo "not $n"
    [ $n -lt 3500 ] || echo all; sqlite3 "$full/s.db" "SELECT max(cursor) FROM producer" |
    grep -x "$(sqlite3 shop2.db "SELECT creation FROM journal WHERE doctype =
	(SELECT id FROM doctype WHERE name = '\''Thing'\'') ORDER BY creation LIMIT 1 OFFSET $n - 1")\|" | wc -l' <<'.'
--- out
1
--- err
.
t 'the same command after the cure completes' 'es-apply -q -s "$full/s.db" <events
    state done.db >a; state "$full/s.db" | diff a - | head' <<'.'
--- out
--- err
.

t 'other writers on a full disk' 'fill plain.db 0
    es-rm -q -s "$full/s.db" "Event Producer" shop; echo $?
    es-mv -q -s "$full/s.db" Role All Every; echo $?
    es-doctype -q -s "$full/s.db" doctypes.json; echo $?
    es-init -q -s "$full/new.db" 2>&1 | sed "s/[0-9]*[.]new/N.new/"; ls "$full" | grep -v "^s.db\|ballast"
    cure; es-get -s "$full/s.db" -C name Role All "Event Producer" 2>/dev/null' 1 <<.
--- out
111
111
111
es-init: cannot use '$full/new.db.N.new': $disk
{"name":"All"}
--- err
es-rm: cannot use '$full/s.db': $disk
es-mv: cannot use '$full/s.db': $disk
es-doctype: cannot use '$full/s.db': $disk
.
t '-o on a full disk leaves nothing behind' 'fill plain.db 0
    es-producer-log -s shop2.db -o "$full/out"; echo $?; es-get -s shop2.db -o "$full/out" Thing; echo $?
    ls "$full" | grep out' 1 <<.
--- out
111
111
--- err
es-producer-log: cannot write '$full/out': No space left on device
es-get: cannot write '$full/out': No space left on device
.

umount "$full"
done_testing
