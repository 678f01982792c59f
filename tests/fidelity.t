#!/bin/sh
# What is put into one site is what another has, to the byte.  With ES_QUICK
# set, without what is large.

. "${0%/*}/lib.sh"

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Part","module":"T","istable":1,"fields":[{"fieldname":"n","fieldtype":"Float"},{"fieldname":"text","fieldtype":"Data"},{"fieldname":"json","fieldtype":"JSON"}]}
{"doctype":"DocType","name":"Thing","module":"T","autoname":"Prompt","allow_rename":1,"fields":[{"fieldname":"text","fieldtype":"Long Text"},{"fieldname":"n","fieldtype":"Float"},{"fieldname":"count","fieldtype":"Int"},{"fieldname":"json","fieldtype":"JSON"},{"fieldname":"tag","fieldtype":"Data","unique":1},{"fieldname":"link","fieldtype":"Link","options":"Thing"},{"fieldname":"parts","fieldtype":"Table","options":"Part"}]}
.
site() {
	es-init -q -s "$1.db" "$1" && es-doctype -q -s "$1.db" doctypes.json
}
# The site $2 takes all from $1, under its names or (0) under its own.
subscribe() {
	echo "{\"doctype\":\"Event Producer\",\"producer_url\":\"$1\",\"user\":\"Administrator\",\"producer_doctypes\":[{\"ref_doctype\":\"Thing\",\"status\":\"Approved\",\"use_same_name\":${3-1}}]}" |
	    es-put -q -s "$2.db"
}
for s in shop hq branch; do
	ok "a site: $s" site $s
done
ok 'headquarters takes from the shop' subscribe shop hq
ok 'and the branch from headquarters' subscribe hq branch

sync() {
	es-producer-log -s shop.db | es-apply -q -s hq.db &&
	    es-producer-log -s hq.db | es-apply -q -s branch.db
}
# These fields are put into a new document and over another.  All sites should
# have both as they were put.
n=0
same() {
	n=$((n + 1))
	printf '{"name":"c%d",%s}\n{"name":"u%d"}\n' $n "$2" $n >>new
	printf '{"name":"u%d",%s}\n' $n "$2" >>changed
	printf '%s\n' "$1" >"case$n"
	printf '6 {%s}' "$3" >"want$n"
}
number() {
	same "a number: ${2-$1}" "\"n\":$1,\"count\":5,\"json\":{\"a\":[$1]},\"parts\":[{\"name\":\"p\",\"n\":$1}]" \
	    "\"n\":$1,\"count\":5,\"json\":{\"a\":[$1]},\"parts\":[{\"name\":\"p\",\"idx\":1,\"n\":$1}]"
}
number 12345678901234567890
number -12345678901234567890.12345678901234567890
number 1.10
number 1e400
number -1E+400
number 0.1e-5
number -0
number 0.0
number 1E5
number 100e-2
number 4.9e-324
number 1e-99999999999999999999
number "$(printf '%0100d' 0 | tr 0 7)" '100 digits'
number "0.$(printf '%0100d' 0 | tr 0 3)" '100 decimals'
same 'a whole number, however it is written' '"count":123456789012345678901234567890e2' \
    '"count":123456789012345678901234567890e2'

text() {
	same "text: $1" "\"text\":\"$2\",\"json\":{\"$2\":\"$2\"},\"parts\":[{\"name\":\"p\",\"text\":\"$2\"}]" \
	    "\"text\":\"${3-$2}\",\"json\":{\"${3-$2}\":\"${3-$2}\"},\"parts\":[{\"name\":\"p\",\"idx\":1,\"text\":\"${3-$2}\"}]"
}
text 'combining, and not composed' "$(printf 'e\314\201 \303\251 A\314\212 \305\226\314\204')"
text 'a family, joined by ZWJ' "$(printf '\360\237\221\251\342\200\215\360\237\221\251\342\200\215\360\237\221\247')"
text 'right to left, with marks' "$(printf '\330\247\331\204\327\251\327\234\342\200\217a\342\200\256b\342\200\254')"
text 'astral' "$(printf '\360\220\215\210\360\237\230\200\364\217\277\277')"
text 'line and paragraph separators, a BOM' "$(printf 'a\342\200\250b\342\200\251c\357\273\277d')"
text 'not characters, private use' "$(printf '\357\277\277\357\277\276\356\200\200')"
text 'escaped controls' 'a\tb\nc\rd\be\ff\u0000g\u001Bh\u001F'
text 'DEL and C1' "$(printf '\177\302\200\302\205\302\237')"
text 'quotes, backslashes, a solidus' '\"\\\\/\\n'"'"'`$%{}'
text 'escapes of what needs none' '\u00e9\u0041\ud83d\ude00\/\u2028' "$(printf '\303\251A\360\237\230\200/\342\200\250')"
text 'blanks around' "  a  "
text 'what looks like JSON, SQL, HTML' '{\"a\":1} OR 1=1;-- <b>&amp;</b>'
text 'nothing' ''

json() {
	same "JSON: $1" "\"json\":$2" "\"json\":${3-$2}"
}
json 'the order of keys' '{"z":1,"a":2,"m":{"y":1,"b":2,"Z":3},"1":4,"":5}'
json 'no keys, no values' '{"a":{},"b":[],"c":[[],{}]}'
json 'literals' '[null,true,false,0,"",{"a":null}]'
json 'a text that is JSON' '"{\"a\": 1.0}"'
json 'a key of odd text' "$(printf '{"\360\237\230\200 \\u0000\\"":1}')"
json 'nested as deep as may be' "$(head -c 499 /dev/zero | tr '\0' '[')1.0$(head -c 499 /dev/zero | tr '\0' ']')"
json 'nested objects' "$(printf '{"a":%.0s' $(seq 499))1e0$(printf '}%.0s' $(seq 499))"
ok 'all of that is put, and sent' sh -c 'es-put -q -s shop.db Thing <new'
ok 'to the other sites' sync
ok 'and changed' sh -c 'es-put -q -s shop.db Thing <changed'
ok 'there, too' sync
for s in shop hq branch; do
	es-get -s $s.db -C name,text,n,count,json,parts Thing
done | sed -E 's/"(text|n|count|json|parts)":null,?//g; s/,}$/}/' >have
for i in $(seq $n); do
	is "$(cat "case$i")" "$(sed -n "s/^{\"name\":\"[cu]$i\",/{/p" have | sort | uniq -c |
	    sed 's/^ *//')" "$(cat "want$i")"
done

t 'the order of keys in a document' 'echo "{\"parts\":[{\"text\":\"b\",\"name\":\"p\",\"n\":1}],\"n\":1,\"name\":\"keys\",\"tag\":\"t\",\"text\":\"a\"}" |
    es-put -q -s shop.db Thing; sync; for s in shop hq branch; do es-get -s $s.db Thing keys; done |
    sed "s/\"doctype\".*\"docstatus\"/…/" | sort | uniq -c | sed "s/^ *//"' <<'.'
--- out
3 {…:0,"parts":[{"text":"b","idx":1,"name":"p","n":1}],"n":1,"tag":"t","text":"a"}
--- err
.
named() {
	t "a name: $1" "printf '%s\n' '{\"name\":\"$2\",\"link\":null}' '{\"name\":\"link to it $1\",\"link\":\"$2\"}' | es-put -q -s shop.db Thing
	    sync; for s in shop hq branch; do es-get -s \$s.db -C link Thing 'link to it $1'
	    es-get -s \$s.db -C name Thing '$2'; done | sort -u" <<.
--- out
{"link":"$2"}
{"name":"$2"}
--- err
.
}
named 'combining and composed' "$(printf 'e\314\201 \303\251')"
named 'astral, ZWJ' "$(printf '\360\237\221\251\342\200\215\360\237\221\247')"
named 'right to left' "$(printf '\330\247\331\204')"
named 'signs' 'a/b?c#d%e&f=g+h;i:j*k|l~m[n]{o}(p)^q@r!s$t_u,v.w'
t 'two names that differ in their form only are two' "printf '{\"name\":\"x\303\251\"}\n{\"name\":\"xe\314\201\"}\n' |
    es-put -qv -s shop.db Thing; sync; es-get -s branch.db -C name Thing '[[\"name\",\"like\",\"x%\"]]' | wc -l" <<'.'
--- out
2
--- err
es-put: 2 new, 0 changed, 0 deleted, 0 as they were, 0 refused
.

# ---- large

if [ -z "${ES_QUICK-}" ]; then
	t 'a text of 5 MB' 'printf "{\"name\":\"long\",\"text\":\"" >long
	    { head -c 2500000 /dev/zero | tr "\0" x; yes "é\\n\\\"😀" | head -c 2500009 | tr -d "\n"; } >text
	    { cat text; printf "\"}\n"; } >>long; es-put -q -s shop.db Thing <long; sync
	    for s in shop hq branch; do es-get -s $s.db -C text Thing long | sed "s/^{\"text\":\"//; s/\"}$//" |
	    tr -d "\n" | cmp - text; done' <<'.'
--- out
--- err
.
	t 'its change' 'sed "s/:\"x/:\"y/" long | es-put -q -s shop.db Thing; sync
	    es-get -s branch.db -C text Thing long | cut -c 1-13' <<'.'
--- out
{"text":"yxxx
--- err
.
	t 'a table of 5000 rows' '{ printf "{\"name\":\"rows\",\"parts\":["
	    seq 5000 | sed "s/.*/{\"name\":\"r&\",\"text\":\"&\",\"n\":&.50},/" | tr -d "\n" | sed "s/,\$//"; echo "]}"; } |
	    es-put -q -s shop.db Thing; sync
	    for s in shop hq branch; do es-get -s $s.db -C parts Thing rows | cksum; done | sort -u | wc -l
	    es-get -s branch.db -C parts Thing rows | grep -o "}" | wc -l' <<'.'
--- out
1
5001
--- err
.
fi

# ---- all of it again, by other ways

t 'snapshots say the same' 'site copy; subscribe shop copy
    es-producer-log -i -s shop.db | es-apply -q -s copy.db
    for s in shop copy; do es-get -s $s.db -C name,text,n,count,json,tag,link,parts Thing | sort >$s.all; done
    cmp shop.all copy.all && [ -s copy.all ]' <<'.'
--- out
--- err
.
t 'what es-get prints is what es-put takes' 'es-get -s shop.db Thing | es-put -qv -s shop.db | cmp - /dev/null' <<.
--- out
--- err
es-put: 0 new, 0 changed, 0 deleted, $(es-get -s shop.db -C name Thing | wc -l) as they were, 0 refused
.
is 'nothing is parked or failed' "$(for s in hq branch copy; do
	sqlite3 $s.db 'SELECT count(*) FROM parked; SELECT count(*) FROM synclog WHERE status = 1'
    done | sort -u)" 0
t 'the logs of all sites say the same' 'for s in shop hq branch; do es-producer-log -s $s.db Thing |
    sed -n "s/.*\"data\":\(.*\),\"event_producer.*/\1/p" |
    sed -E "s/\"(creation|modified)\":\"[^\"]*\"//g" | sort >$s.log; done
    cmp shop.log hq.log && cmp hq.log branch.log && [ -s hq.log ]' <<'.'
--- out
--- err
.

done_testing
