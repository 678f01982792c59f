#!/bin/sh
# es-apply - a document that was changed on both sides

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

# put SITE NAME FIELDS: a Thing, some of its fields.
put() {
	echo "{\"doctype\":\"Thing\",\"name\":\"$2\",$3}" | es-put -q -s "$1.db"
}
get() {
	es-get -s "$1.db" -C "$2" Thing
}
# both FIELDS: what either site has.
both() {
	get a "$1"
	get b "$1"
}

ok 'two sites' eval 'site a && site b'
cp a.db a.blank
cp b.db b.blank
ok 'either subscribes to the other' eval 'subscribe a b Thing && subscribe b a Thing'
cp a.db a.new
cp b.db b.new
put a x '"title":"0","note":"0","count":0,"parts":[{"code":"1"},{"code":"2"}]' 
flow a b -q
cp a.db a.new
cp b.db b.new

t 'its own events coming back are skipped, and keep the chain' \
    'flow b a; put a x "\"title\":\"1\""; flow a b; flow b a; put a x "\"title\":\"2\""; flow a b; flow b a
    put b x "\"title\":\"3\""; flow b a; put b x "\"title\":\"4\""; flow b a; both title
    es-sync-log -E -s a.db; es-sync-log -E -s b.db' <<'.'
--- out
Synced Update Thing x
Synced Update Thing x
Synced Update Thing x
Synced Update Thing x
{"title":"4"}
{"title":"4"}
--- err
.
t 'what was changed on one side only is no conflict' 'fresh a b; put a x "\"title\":\"a\""
    put b x "\"note\":\"b\""; flow a b; flow b a; both title,note' <<'.'
--- out
Synced Update Thing x
Synced Update Thing x
{"title":"a","note":"b"}
{"title":"a","note":"b"}
--- err
.
t 'nor what was changed to the same' 'fresh a b; put a x "\"title\":\"c\""
    put b x "\"title\":\"c\""; flow a b; flow b a; both title' <<'.'
--- out
Synced Update Thing x
Synced Update Thing x
{"title":"c"}
{"title":"c"}
--- err
.
t 'nor what its author had seen' 'fresh a b; put a x "\"title\":\"a\""; flow a b -q
    put b x "\"title\":\"b\""; flow b a; both title' <<'.'
--- out
Synced Update Thing x
{"title":"b"}
{"title":"b"}
--- err
.

fresh a b
put a x '"title":"a","note":"a"'
put b x '"title":"b","count":2'
t 'the same field on both sides: at the other end the creating site wins' 'flow a b; get b title,note,count' <<'.'
--- out
Synced Update Thing x lost [{"field":"title","kept":"a","lost":"b","winner":"producer"}]
{"title":"a","note":"a","count":2}
--- err
.
t 'and at its own' 'flow b a; get a title,note,count' <<'.'
--- out
Synced Update Thing x lost [{"field":"title","kept":"a","lost":"b","winner":"here"}]
{"title":"a","note":"a","count":2}
--- err
.
t 'what lost stays in the sync log' "es-sync-log -s a.db Thing x | jq -c 'select(.lost) | .lost'" <<'.'
--- out
[{"field":"title","kept":"a","lost":"b","winner":"here"}]
--- err
.
t 'with all of what the event said' "es-sync-log -v -s a.db Thing x | jq -c 'select(.lost) | .data.changed'" <<'.'
--- out
{"title":"b","count":2}
--- err
.
t 'the winner says it again' "es-producer-log -s a.db Thing | jq -c 'select(.update_type == \"Update\") | [.author == null, .data.changed]'" <<'.'
--- out
[true,{"title":"a","note":"a"}]
[false,{"count":2}]
[true,{"title":"a"}]
--- err
.
t 'and then there is quiet' 'flow a b; flow b a; flow a b; flow b a; both title,note,count' <<'.'
--- out
Synced Update Thing x
{"title":"a","note":"a","count":2}
{"title":"a","note":"a","count":2}
--- err
.
t 'the other way round it is the same' 'fresh a b; put a x "\"title\":\"a\""; put b x "\"title\":\"b\""
    flow b a; flow a b; flow b a; flow a b; both title' <<'.'
--- out
Synced Update Thing x lost [{"field":"title","kept":"a","lost":"b","winner":"here"}]
Synced Update Thing x lost [{"field":"title","kept":"a","lost":"b","winner":"producer"}]
Synced Update Thing x
{"title":"a"}
{"title":"a"}
--- err
.
t 'who won knows what he won over: his next change is no conflict' 'fresh a b; put a x "\"title\":\"a\""
    put b x "\"title\":\"b\""; flow b a -q; flow a b -q; put a x "\"title\":\"c\""; flow a b; both title' <<'.'
--- out
Synced Update Thing x
{"title":"c"}
{"title":"c"}
--- err
.
t 'so is what it says again after what came with it' 'fresh a b; put b x "\"title\":\"b\""
    put b x "\"count\":7"; put a x "\"title\":\"a\""; flow b a -q; flow a b -q
    b=$(es-producer-log -s b.db Thing | jq -r "select(.data.changed.count == 7).name")
    es-producer-log -s a.db Thing | tail -n 2 | jq -c --arg b "$b" "select(.name) | .knew[] == \$b"; put b x "\"title\":\"d\""; flow b a; both title' <<'.'
--- out
true
Synced Update Thing x
{"title":"d"}
{"title":"d"}
--- err
.
t 'of a document of b, b wins' 'fresh a b; put b y "\"title\":\"0\""; flow b a -q
    put a y "\"title\":\"a\""; put b y "\"title\":\"b\""; flow a b; flow b a; flow a b; get a title | tail -1
    get b title | tail -1' <<'.'
--- out
Synced Update Thing y lost [{"field":"title","kept":"b","lost":"a","winner":"here"}]
Synced Update Thing y lost [{"field":"title","kept":"b","lost":"a","winner":"producer"}]
Synced Update Thing y
{"title":"b"}
{"title":"b"}
--- err
.
t 'higher docstatus wins, wherever' 'fresh a b; put b x "\"docstatus\":1"; put a x "\"title\":\"a\""
    flow b a; flow a b; both docstatus,title' <<'.'
--- out
Synced Update Thing x
Synced Update Thing x: 'title' cannot change after submit
{"docstatus":1,"title":"a"}
{"docstatus":1,"title":"a"}
--- err
.
t 'cancelled there, submitted here' 'fresh a b; put b x "\"docstatus\":1"; put b x "\"docstatus\":2"
    put a x "\"docstatus\":1"; flow a b; flow b a; flow a b; flow b a; both docstatus' <<'.'
--- out
Synced Update Thing x lost [{"field":"docstatus","kept":2,"lost":1,"winner":"here"}]
Synced Update Thing x
Synced Update Thing x lost [{"field":"docstatus","kept":2,"lost":1,"winner":"producer"}]
Synced Update Thing x
{"docstatus":2}
{"docstatus":2}
--- err
.
t 'rows: another one on either side' 'fresh a b; set -- $(get a parts | jq -r ".parts[].name")
    put a x "\"parts\":[{\"name\":\"$1\",\"code\":\"a\"},{\"name\":\"$2\",\"code\":\"2\"}]"
    put b x "\"parts\":[{\"name\":\"$1\",\"code\":\"1\"},{\"name\":\"$2\",\"code\":\"b\"},{\"code\":\"3\"}]"
    flow a b; flow b a; both parts | jq -c "[.parts[].code]"' <<'.'
--- out
Synced Update Thing x
Synced Update Thing x
["a","b","3"]
["a","b","3"]
--- err
.
t 'the same one: its field is the place' 'fresh a b; set -- $(get a parts | jq -r ".parts[].name")
    put a x "\"parts\":[{\"name\":\"$1\",\"code\":\"a\"},{\"name\":\"$2\",\"code\":\"2\"}]"
    put b x "\"parts\":[{\"name\":\"$1\",\"code\":\"b\",\"qty\":2},{\"name\":\"$2\",\"code\":\"2\"}]"
    flow a b | sed "s/$1/ROW/"; flow b a | sed "s/$1/ROW/"; flow a b; both parts | jq -c "[.parts[] | [.code, .qty]]"' <<'.'
--- out
Synced Update Thing x lost [{"table":"parts","row":"ROW","field":"code","kept":"a","lost":"b","winner":"producer"}]
Synced Update Thing x lost [{"table":"parts","row":"ROW","field":"code","kept":"a","lost":"b","winner":"here"}]
Synced Update Thing x
[["a",2],["2",null]]
[["a",2],["2",null]]
--- err
.
t 'a row that is taken out here and changed there' 'fresh a b; set -- $(get a parts | jq -r ".parts[].name")
    put a x "\"parts\":[{\"name\":\"$2\",\"code\":\"2\"}]"
    put b x "\"parts\":[{\"name\":\"$1\",\"code\":\"b\"},{\"name\":\"$2\",\"code\":\"2\"}]"
    flow b a -q; flow a b -q; flow b a -q; flow a b -q; both parts | jq -c "[.parts[].code]"
    for s in a b; do es-sync-log -s $s.db | jq -c "select(.lost) | .lost[] | [.field, .kept, .lost.code? // .lost]"; done' <<'.'
--- out
["2"]
["2"]
["code",null,"b"]
[null,null,"b"]
--- err
.
t 'what is passed on of it is that it is not there' 'fresh a b; set -- $(get a parts | jq -r ".parts[].name")
    put a x "\"parts\":[{\"name\":\"$1\",\"code\":\"a\"},{\"name\":\"$2\",\"code\":\"2\"}]"
    put b x "\"parts\":[{\"name\":\"$2\",\"code\":\"2\"}]"
    flow a b -q; es-producer-log -s b.db | grep update_type | tail -1 |
    jq -c "[.author != .site, (.data.removed.parts | length), .data.row_changed]"' <<'.'
--- out
[true,1,{}]
--- err
.
t 'one that was changed here before it was taken out, and comes whole' 'fresh a b; set -- $(get a parts | jq -r ".parts[].name")
    put b x "\"parts\":[{\"name\":\"$1\",\"code\":\"b\"},{\"name\":\"$2\",\"code\":\"2\"}]"
    put b x "\"parts\":[{\"name\":\"$2\",\"code\":\"2\"}]"; put a x "\"note\":\"a\""
    es-producer-log -i -s a.db Thing x | es-apply -s b.db | brief; flow b a; flow a b; both note,parts | jq -c "[.note, .parts[].code]"' <<'.'
--- out
Synced Create Thing x
Synced Update Thing x
Synced Update Thing x
["a","2"]
["a","2"]
--- err
.
t 'and the other way round' 'fresh a b; set -- $(get a parts | jq -r ".parts[].name")
    put b x "\"parts\":[{\"name\":\"$2\",\"code\":\"2\"}]"
    put a x "\"parts\":[{\"name\":\"$1\",\"code\":\"a\"},{\"name\":\"$2\",\"code\":\"2\"}]"
    flow b a -q; flow a b -q; flow b a -q; flow a b -q; both parts | jq -c "[.parts[].code] | sort"' <<'.'
--- out
["2","a"]
["2","a"]
--- err
.
t 'a dynamic link is one place' 'fresh a b; put a t "\"title\":\"t\""; put a u "\"title\":\"u\""; flow a b -q
    put a x "\"ref_type\":\"Thing\",\"ref\":\"t\""; put b x "\"ref_type\":\"Thing\",\"ref\":\"u\""
    flow a b; flow b a; flow a b; both ref_type,ref | sort -u' <<'.'
--- out
Synced Update Thing x lost [{"field":"ref","kept":{"ref_type":"Thing","ref":"t"},"lost":{"ref_type":"Thing","ref":"u"},"winner":"producer"}]
Synced Update Thing x lost [{"field":"ref","kept":{"ref_type":"Thing","ref":"t"},"lost":{"ref_type":"Thing","ref":"u"},"winner":"here"}]
Synced Update Thing x
{"ref_type":"Thing","ref":"t"}
{"ref_type":null,"ref":null}
--- err
.
t 'Delete beats an edit' 'fresh a b; put b x "\"title\":\"b\""; es-rm -q -s a.db Thing x
    flow a b; flow b a; both name' <<'.'
--- out
Synced Delete Thing x
--- err
.
t 'also one that comes from the other side' 'fresh a b; put a x "\"title\":\"a\""; es-rm -q -s b.db Thing x
    flow b a; flow a b; both name' <<'.'
--- out
Synced Delete Thing x
--- err
.
t 'renamed on both sides: the newest counts' 'fresh a b; es-mv -q -s a.db Thing x y; es-mv -q -s b.db Thing x z
    flow a b; flow b a; flow a b; both name' <<'.'
--- out
Synced Rename Thing x as z
Synced Rename Thing x as z
{"name":"z"}
{"name":"z"}
--- err
.

# ---- other policies

fresh a b
subscribe b a 'Thing,"conflict":"manual"'
put a x '"title":"a"'
put b x '"title":"b"'
t 'manual: it parks' 'flow a b; get b title' <<'.'
--- out
Failed Update Thing x: 'title' was changed on both sides
{"title":"b"}
.
t 'others pass' 'put a y "\"title\":\"y\""; flow a b' <<'.'
--- out
Synced Create Thing y
.
t 'and it goes on when both say the same' 'put b x "\"title\":\"a\""; flow a b; get b title' <<'.'
--- out
Synced Update Thing x
{"title":"a"}
{"title":"y"}
--- err
.
fresh a b
subscribe a b 'Thing,"conflict":"producer"'
put a x '"title":"a"'
put b x '"title":"b"'
t 'producer: it wins over the creating site' 'flow b a; get a title' <<'.'
--- out
Synced Update Thing x lost [{"field":"title","kept":"b","lost":"a","winner":"producer"}]
{"title":"b"}
--- err
.

# policy WHOSE POLICY: from the beginning, with that at one side.
policy() {
	fresh a b
	if [ "$1" = a ]; then
		subscribe a b "Thing,\"conflict\":\"$2\""
	else
		subscribe b a "Thing,\"conflict\":\"$2\""
	fi
}
rows() {
	sed -E 's/"row":"[0-9a-f]{10}"/"row":"ROW"/'
}
set_row() {	# SITE PLACE FIELDS
	es-get -s "$1.db" -C name,parts Thing x |
	    jq -c --argjson f "{$3}" ".parts[$2] += \$f" | es-put -q -s "$1.db" Thing
}
t 'producer: the same field of a row; another one stays' 'policy a producer
    set_row a 0 "\"code\":\"a\",\"qty\":1"; set_row b 0 "\"code\":\"b\""; set_row b 1 "\"qty\":2"
    flow b a | rows; get a parts | jq -c "[.parts[] | [.code, .qty]]"' <<'.'
--- out
Synced Update Thing x lost [{"table":"parts","row":"ROW","field":"code","kept":"b","lost":"a","winner":"producer"}]
Synced Update Thing x
[["b",1],["2",2]]
--- err
.
t 'producer: a row that was taken out there, of which a field was empty before it was set here' '
    policy b producer; set_row b 0 "\"thing\":\"x\""
    es-get -s a.db -C name,parts Thing x | jq -c "del(.parts[0])" | es-put -q -s a.db Thing
    es-producer-log -i -s a.db Thing x | es-apply -s b.db | brief | rows
    get b parts | jq -c "[.parts[] | [.code, .thing]]"' <<'.'
--- out
Synced Create Thing x lost [{"table":"parts","row":"ROW","kept":null,"lost":{"name":"HEX","idx":1,"code":"1","thing":"x"},"winner":"producer"}]
[["2",null]]
--- err
.
t 'producer: both halves of a dynamic link' 'policy a producer; put a t "\"title\":\"t\""; put a u "\"title\":\"u\""; flow a b -q
    put a x "\"ref_type\":\"Thing\",\"ref\":\"t\""; put b x "\"ref_type\":\"Thing\",\"ref\":\"u\""
    flow b a; get a ref_type,ref | head -n 1' <<'.'
--- out
Synced Update Thing x lost [{"field":"ref","kept":{"ref_type":"Thing","ref":"u"},"lost":{"ref_type":"Thing","ref":"t"},"winner":"producer"}]
{"ref_type":"Thing","ref":"u"}
--- err
.
t 'producer: but the higher docstatus wins over it' 'policy a producer
    put a x "\"docstatus\":1"; put a x "\"docstatus\":2"; put b x "\"docstatus\":1"; flow b a; get a docstatus' <<'.'
--- out
Synced Update Thing x lost [{"field":"docstatus","kept":2,"lost":1,"winner":"here"}]
{"docstatus":2}
--- err
.
t 'producer: and Delete over an edit' 'policy a producer; es-rm -q -s a.db Thing x; put b x "\"title\":\"b\""
    flow b a; get a name' <<'.'
--- out
--- err
.
t 'manual: a field of a row' 'policy b manual; set_row a 0 "\"code\":\"a\""; set_row b 0 "\"code\":\"b\""
    flow a b; get b parts | jq -c "[.parts[].code]"' <<'.'
--- out
Failed Update Thing x: 'code' was changed on both sides
["b","2"]
.
t 'manual: another field of it goes together' 'policy b manual; set_row a 0 "\"code\":\"a\""; set_row b 0 "\"qty\":2"
    flow a b; get b parts | jq -c "[.parts[] | [.code, .qty]]"' <<'.'
--- out
Synced Update Thing x
[["a",2],["2",null]]
--- err
.
t 'manual: half a dynamic link is all of it' 'policy b manual; put a p "\"title\":\"p\""; put a q "\"title\":\"q\""
    put a x "\"ref_type\":\"Thing\",\"ref\":\"p\""; flow a b -q
    put a x "\"ref\":\"q\""; put b x "\"ref_type\":\"Person\",\"ref\":null"; flow a b; get b ref_type,ref | head -n 1' <<'.'
--- out
Failed Update Thing x: 'ref' was changed on both sides
{"ref_type":"Person","ref":null}
.
t 'manual: the higher docstatus wins, nobody is asked' 'policy b manual; put b x "\"docstatus\":1"
    put b x "\"docstatus\":2"; put a x "\"docstatus\":1"; flow a b; get b docstatus' <<'.'
--- out
Synced Update Thing x lost [{"field":"docstatus","kept":2,"lost":1,"winner":"here"}]
{"docstatus":2}
--- err
.
t 'manual: Delete beats an edit, and ends what is parked of it' 'policy b manual; put a x "\"title\":\"a\""; put b x "\"title\":\"b\""
    flow a b; es-rm -q -s a.db Thing x; flow a b; get b name; sqlite3 b.db "SELECT count(*) FROM parked"' <<'.'
--- out
Failed Update Thing x: 'title' was changed on both sides
Synced Update Thing x: deleted before it could be applied
Synced Delete Thing x
0
.
t 'manual: the events behind it wait too, and go on with it' 'policy b manual; put a x "\"title\":\"a\""; put b x "\"title\":\"b\""
    put a x "\"note\":\"n\""; flow a b; put b x "\"title\":\"a\""; flow a b; get b title,note' <<'.'
--- out
Failed Update Thing x: 'title' was changed on both sides
Failed Update Thing x: 'title' was changed on both sides
Synced Update Thing x
Synced Update Thing x
{"title":"a","note":"n"}
.

# ---- second routes: c has from a and from b what a made

cp a.blank a.db
cp b.blank b.db
ok 'a third site' site c
subscribe b a Thing
subscribe c a Thing
subscribe c b Thing
put a x '"title":"1"'
flow a b -q
flow a c -q
put a x '"title":"2"'
flow a b -q
t 'a second route is refused and logged' 'flow b c; flow a c; get c title' <<'.'
--- out
Failed Create Thing x: another producer brings this document
Failed Update Thing x: another producer brings this document
Synced Update Thing x
{"title":"2"}
.
t 'once' 'flow b c' <<'.'
--- out
--- err
.
put a y '"title":"1"'
put a z '"title":"1"'
flow a b -q
flow b c -q 2>/dev/null
t 'whoever brings it first brings it' 'flow a c; put a y "\"title\":\"2\""; flow a b -q; flow b c; es-get -s c.db -C title Thing y' <<'.'
--- out
Failed Create Thing y: another producer brings this document
Failed Create Thing z: another producer brings this document
Synced Update Thing y
{"title":"2"}
.
t 'but a document of its own comes back by any way' 'subscribe a b Thing; subscribe a c Thing
    put c x "\"note\":\"c\""; flow c a; es-get -s a.db -C note Thing x' <<'.'
--- out
Synced Update Thing x
{"note":"c"}
--- err
.
t 'what is parked while another producer brings its document is refused' 'cp c.new c.db
    subscribe c a Thing; subscribe c b Thing; put a w "\"title\":\"1\""; put a w "\"title\":\"2\""
    flow a b -q; es-producer-log -s a.db Thing w | sed 1d | es-apply -s c.db 2>/dev/null | brief
    flow b c -q; flow a c | grep w; es-get -s c.db -C title Thing w
    sqlite3 c.db "SELECT count(*) FROM parked"' <<'.'
--- out
Failed Update Thing w: an event before ID is missing
Failed Create Thing w: another producer brings this document
Failed Update Thing w: another producer brings this document
{"title":"2"}
0
.

done_testing
