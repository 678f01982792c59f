#!/bin/sh
# es-deps - what events need comes before them
# shellcheck disable=SC2154,SC2120

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"
. "$ES_TOP/tests/serve.sh"

mask() {
	sed -E 's/127\.0\.0\.1:[0-9]+/HOST/g
		s/\b20[0-9]{2}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}\b/TIME/g
		s/\b[0-9abcdefghjkmnpqrstvwxyz]{19}\b/ID/g'
}

# What is printed, in short: * for what was fetched.
short() {
	jq -r 'select(.grant | not) | (if .missing then " without \(.missing | length)" else "" end)
	    as $missing | if .dependency_of then
	    "* \(.ref_doctype) \(.docname)\($missing)"
	    elif .update_type then "\(.update_type) \(.docname)\($missing)"
	    elif .checkpoint then .checkpoint | "\(.events) events"
	    elif .rejected then .rejected | "rejected \(.at): \(.why)"
	    elif .end then .end | "end \(.program) \(.status)" +
	    if .why then ": \(.why)" else "" end
	    else keys[0] end'
}
# north makes documents of lines "DOCTYPE NAME {...}"; south has subscribed to
# Things there.
make_docs() {
	sed 's/^\([^ ]*\) \([^ ]*\) {/{"doctype":"\1","name":"\2",/; s/,}/}/' |
	    es-put -q -s north.db
}
deps() {
	es-deps -W 0 -p north.db -s south.db "$@"
}
pull() {
	es-pull -s south.db north.db
}
# The pipe: what went through it, and what was logged.
sync() {
	pull | deps | tee went | es-apply -s south.db >log || echo "status $?"
	short <went
	brief <log
}
docs() {
	es-get -s south.db -C "$2" "$1" | jq -cS .
}

site north
site south
subscribe_south() {
	es-subscribe -q -o request -s south.db north user=Administrator \
	    Thing use_same_name=1 &&
	    es-approve -q -s north.db - <request >got &&
	    es-approve -a -s north.db south >got &&
	    echo '{"end":{"status":0}}' >>got && es-apply -q -s south.db got
}
for site in north south; do
	cp $site.new $site.bare
done
ok 'a subscription' subscribe_south
for site in north south; do
	cp $site.db $site.new
done

# ---- what is needed

t 'a link to what is not subscribed to' 'make_docs; sync; docs Person name; docs Thing name,person' <<'.'
--- in
Person Ann {"title":"Ann"}
Person Bob {}
Thing a {"person":"Ann"}
--- out
* Person Ann
Create a
1 events
end es-pull 0
Synced Create Person Ann
Synced Create Thing a
{"name":"Ann"}
{"name":"a","person":"Ann"}
--- err
.
t 'what is here is not fetched again, and what a line brings neither' 'make_docs; sync' <<'.'
--- in
Thing b {"person":"Ann","thing":"a"}
Thing c {"thing":"b"}
--- out
Create b
Create c
2 events
end es-pull 0
Synced Create Thing b
Synced Create Thing c
--- err
.
t 'an Update that links to something new' 'make_docs; sync' <<'.'
--- in
Thing c {"person":"Bob"}
--- out
* Person Bob
Update c
1 events
end es-pull 0
Synced Create Person Bob
Synced Update Thing c
--- err
.
t 'links in rows, dynamic ones, and of rows that are added' 'make_docs; sync' <<'.'
--- in
Person D {}
Person R {}
Person S {}
Thing r {"person":"R"}
Thing d {"ref_type":"Person","ref":"D","parts":[{"name":"r1","thing":"r"}]}
Thing s {"person":"S"}
Thing d {"parts":[{"name":"r1","thing":"r"},{"name":"r2","thing":"s"}]}
--- out
* Person R
Create r
* Person D
Create d
* Person S
Create s
Update d
4 events
end es-pull 0
Synced Create Person R
Synced Create Thing r
Synced Create Person D
Synced Create Thing d
Synced Create Person S
Synced Create Thing s
Synced Update Thing d
--- err
.
# Things that were there before anything was subscribed to come as dependencies
# too: they have not come into view.
old() {
	cp north.bare north.db
	cp south.bare south.db
	make_docs
	subscribe_south
}
t 'nested, sources first' 'old; echo "Thing new {\"thing\":\"c\"}" | make_docs; sync' <<'.'
--- in
Person P {}
Person Q {}
Thing a {"person":"P"}
Thing b {"thing":"a","person":"Q"}
Thing c {"thing":"b","parts":[{"thing":"a"}]}
--- out
* Person P
* Thing a
* Person Q
* Thing b
* Thing c
Create new
1 events
end es-pull 0
Synced Create Person P
Synced Create Thing a
Synced Create Person Q
Synced Create Thing b
Synced Create Thing c
Synced Create Thing new
--- err
.
t 'in a circle, and to itself' 'old; echo "Thing new {\"thing\":\"a\",\"parts\":[{\"thing\":\"self\"}]}" | make_docs
    sync; docs Thing name,thing' <<'.'
--- in
Thing a {}
Thing b {"thing":"a"}
Thing c {"thing":"b"}
Thing a {"thing":"c"}
Thing self {}
Thing self {"thing":"self"}
--- out
* Thing b
* Thing c
* Thing a
* Thing self
Create new
1 events
end es-pull 0
Synced Create Thing self
Synced Create Thing b
Synced Create Thing c
Synced Create Thing a
Synced Create Thing new
{"name":"self","thing":"self"}
{"name":"b","thing":"a"}
{"name":"c","thing":"b"}
{"name":"a","thing":"c"}
{"name":"new","thing":"a"}
--- err
.
t 'a page is looked over before anything is asked for' 'old
    { echo "Thing x {\"person\":\"P\"}"; echo "Thing y {\"person\":\"Q\"}"
    echo "Thing z {\"person\":\"P\"}"; } | make_docs
    pull | deps -v | short' <<'.'
--- in
Person P {}
Person Q {}
--- out
* Person P
Create x
* Person Q
Create y
Create z
3 events
end es-pull 0
--- err
es-deps: 3 events; 2 documents fetched, 0 not given, 1 requests
.
t 'more than fit into a request' 'pull | deps -v -L 1 | short' <<'.'
--- out
* Person P
Create x
* Person Q
Create y
Create z
3 events
end es-pull 0
--- err
es-deps: 3 events; 2 documents fetched, 0 not given, 2 requests
.
t 'DocTypes that never come by stream are not asked for' 'fresh north south; make_docs; sync' <<'.'
--- in
Thing a {"role":"All","ref_type":"DocType","ref":"Thing"}
--- out
Create a
1 events
end es-pull 0
Synced Create Thing a
--- err
.
t 'nor is what was deleted here' 'fresh north south; make_docs; sync >/dev/null
    echo "Thing a {\"person\":null}" | make_docs; sync >/dev/null; es-rm -q -s south.db Person P
    echo "Thing a {\"person\":\"P\"}" | make_docs; sync' <<'.'
--- in
Person P {}
Thing a {"person":"P"}
--- out
status 1
Update a
1 events
end es-pull 0
Failed Update Thing a: waits for Person 'P'
.

# ---- an Update of what is not here

t 'an Update of what was never here is healed' 'fresh north south; make_docs
    last=$(es-producer-log -s north.db Thing a | jq -r "select(.update_type == \"Create\") | .name")
    time=$(es-producer-log -s north.db Thing a | jq -r "select(.update_type == \"Create\") | .creation")
    es-pull -s south.db -S "$time,$last" north.db | tee lines | short
    deps <lines | tee went | short; es-apply -s south.db went | brief; docs Thing name,title,person' <<'.'
--- in
Person P {}
Thing a {"title":"1"}
Thing a {"title":"2","person":"P"}
Thing a {"title":"3"}
--- out
Update a
Update a
2 events
end es-pull 0
* Person P
* Thing a
Update a
Update a
2 events
end es-pull 0
Synced Create Person P
Synced Create Thing a
{"name":"a","person":"P","title":"3"}
.
# Its Create was lost on the way: the Update is parked without es-deps.
t 'and what is parked for want of it, in the next run' 'fresh south
    es-apply -q -s south.db lines 2>/dev/null; es-sync-log -E -s south.db | brief
    es-pull -s south.db -S now north.db | deps | tee went | short
    es-apply -s south.db went | brief; docs Thing name,title' <<'.'
--- out
Failed Update Thing a: an event before ID is missing
Failed Update Thing a: an event before ID is missing
* Person P
* Thing a
0 events
end es-pull 0
Synced Create Person P
Synced Create Thing a
Synced Update Thing a
Synced Update Thing a
{"name":"a","title":"3"}
.

# ---- what does not come

# A line that links to what is nowhere: the producer has no such birth.
t 'what the producer has not' 'fresh north south; make_docs
    pull | sed "/Create/s/\",\"[0-9a-z]*\"\]}}/\",\"0000000000000000000\"]}}/" | deps |
    tee went | short; es-apply -s south.db went 2>/dev/null | brief
    jq -c ".missing // empty" went' <<'.'
--- in
Person P {}
Thing a {"person":"P"}
--- out
Create a without 1
1 events
end es-pull 0
Failed Create Thing a: waits for Person 'P', which north does not have or does not give
["ID"]
.
t 'what may not be read: it is linked from nothing that was sent' 'fresh north south; make_docs
    other=$(es-producer-log -i -s north.db Person secret | jq -r ".origin[1] // empty")
    pull | sed "/Create/s/\",\"[0-9a-z]*\"\]}}/\",\"$other\"]}}/" | deps |
    tee went | short; es-apply -s south.db went 2>/dev/null | brief' <<'.'
--- in
Person secret {}
Person P {}
Thing a {"person":"P"}
--- out
Create a without 1
1 events
end es-pull 0
Failed Create Thing a: waits for Person 'P', which north does not have or does not give
.
t 'a mark of before is taken off' 'es-producer-log -c south -s north.db | jq -c "if .update_type then .missing = [\"x\"] else . end" |
    deps | jq -c "select(.update_type) | .missing"' <<'.'
--- out
null
null
.
t 'what the document that is fetched links to may be missing too' 'old
    echo "Thing x {\"thing\":\"b\"}" | make_docs
    sqlite3 north.db "UPDATE origin SET gone = 1 WHERE id = (SELECT id FROM document WHERE name = '"'a'"')"
    pull | deps | tee went | short; es-apply -s south.db went 2>/dev/null | brief' <<'.'
--- in
Thing a {}
Thing b {"thing":"a"}
--- out
* Thing b without 1
Create x
1 events
end es-pull 0
Failed Create Thing b: waits for Thing 'a', which north does not have or does not give
Failed Create Thing x: waits for Thing 'b'
.
t 'what comes back later is fetched for what is parked' '
    sqlite3 north.db "UPDATE origin SET gone = NULL WHERE id = (SELECT id FROM document WHERE name = '"'a'"')"
    pull | deps | tee went | short; es-apply -s south.db went 2>/dev/null | brief
    es-sync-log -E -s south.db | brief' <<'.'
--- out
* Thing a
* Thing b
0 events
end es-pull 0
Synced Create Thing a
Synced Create Thing b
Synced Create Thing x
.

# Person is not subscribed to: no event will tell of what was put right.
t 'one that cannot stand here is fetched again, until it can' 'fresh north south; make_docs
    grep \"Person\" doctypes.json | sed s/\"title\",\"fieldtype\":\"Data\"/\"title\",\"fieldtype\":\"Int\"/ | es-doctype -q -s south.db
    sync 2>/dev/null; sync; echo "{\"name\":\"P-01\",\"title\":null}" | es-put -q -s north.db Person; sync; es-sync-log -E -s south.db
    docs Person name,title' <<'.'
--- in
Person P-01 {"title":"x"}
Thing a {"person":"P-01"}
--- out
status 1
* Person P-01
Create a
1 events
end es-pull 0
Failed Create Person P-01: 'title' wants a whole number, not a string
Failed Create Thing a: waits for Person 'P-01'
* Person P-01
0 events
end es-pull 0
* Person P-01
0 events
end es-pull 0
Synced Create Person P-01
Synced Create Person P-01
Synced Create Thing a
{"name":"P-01","title":null}
.

# ---- what filters find, later

# Here a Thing leads to a Thing, at north to the Person whose title is its note.
cat >mappings.json <<'.'
{"doctype":"Value Map","name":"titles","pairs":[{"remote_value":"Ann","local_value":"Ann"},{"remote_value":"Cy","local_value":"Cy"}]}
{"doctype":"Document Type Mapping","mapping_name":"person","local_doctype":"Thing","remote_doctype":"Person","strict":1,"field_mapping":[{"local_fieldname":"title","remote_fieldname":"title","value_map":"titles"}]}
{"doctype":"Document Type Mapping","mapping_name":"thing","local_doctype":"Thing","remote_doctype":"Thing","strict":1,"field_mapping":[{"local_fieldname":"title","remote_fieldname":"title"},{"local_fieldname":"thing","remote_fieldname":"person","mapping_type":"Document","mapping":"person","remote_value_filters":"{\"title\": \"note\"}"}]}
.
subscribe_mapped() {
	cp north.bare north.db
	cp south.bare south.db
	es-put -q -s south.db <mappings.json &&
	    es-subscribe -q -o request -s south.db north user=Administrator \
	    Thing mapping=thing use_same_name=1 &&
	    es-approve -q -s north.db - <request >got &&
	    es-approve -aq -s north.db south
}
# The pipe with es-map; what is asked for is counted.
mapped() {
	status=0
	pull | es-map -q -s south.db | deps -v 2>said | tee went | es-apply -s south.db >log 2>/dev/null ||
	    status=$?
	short <went
	sed 's/.*, \([0-9]* requests\)/\1/' said
	brief <log
	return $status
}
ok 'a subscription with a mapping' subscribe_mapped
t 'filters that find nothing: the event waits, and says so' 'make_docs; mapped' 1 <<'.'
--- in
Person P {"title":"Bob"}
Thing a {"title":"1","note":"Ann","person":"P"}
Thing a {"title":"2"}
--- out
Create a
Update a
2 events
end es-pull 0
1 requests
Failed Create Thing a: waits for Thing 'P', which the filters of its mapping do not find at north
Failed Update Thing a: waits for Thing 'P', which the filters of its mapping do not find at north
--- err
.
t 'they are asked again in each run; nothing has changed' 'mapped; docs Thing name; jq -c "select(.update_type)" went' <<'.'
--- out
0 events
end es-pull 0
1 requests
--- err
.
t 'the document is there: it comes, and the event with it' 'make_docs; mapped; docs Thing name,title,thing
    jq -c "select(.update_type) | [.docname, .resync, .links, .not_found]" went; es-sync-log -E -s south.db | brief' <<'.'
--- in
Person P {"title":"Ann"}
--- out
* Thing P
Create a
0 events
end es-pull 0
1 requests
Synced Create Thing P
Synced Create Thing a
Synced Update Thing a
{"name":"P","thing":null,"title":"Ann"}
{"name":"a","thing":"P","title":"2"}
["P",null,null,null]
["a","parked",{"Thing":{"P":["ID","ID~Thing"]}},null]
--- err
.
t 'the same lines again change nothing, here or where nothing is parked' '
    echo "{\"name\":\"a\",\"title\":\"3\",\"thing\":null}" | es-put -q -s south.db Thing
    es-apply -s south.db went | brief; docs Thing name,title,thing
    cp south.db other.db; sqlite3 other.db "DELETE FROM synclog"; es-apply -s other.db went | brief' <<'.'
--- out
{"name":"P","thing":null,"title":"Ann"}
{"name":"a","thing":null,"title":"3"}
--- err
.
t 'an Update that waits is asked for by the whole document' 'make_docs; mapped || echo Person Q "{\"title\":\"Cy\"}" | make_docs
    mapped; docs Thing name,thing' <<'.'
--- in
Person Q {"title":"Cecil"}
Thing b {"title":"b"}
Thing b {"note":"Cy","person":"Q"}
Thing b {"title":"b2"}
--- out
Create b
Update b
Update b
3 events
end es-pull 0
2 requests
Synced Create Thing b
Failed Update Thing b: waits for Thing 'Q', which the filters of its mapping do not find at north
Failed Update Thing b: waits for Thing 'Q', which the filters of its mapping do not find at north
* Thing Q
Update b
0 events
end es-pull 0
2 requests
Synced Create Thing Q
Synced Update Thing b
Synced Update Thing b
{"name":"P","thing":null}
{"name":"a","thing":null}
{"name":"b","thing":"Q"}
{"name":"Q","thing":null}
--- err
.
t 'what was found and could not be mapped is mapped anew' 'make_docs; mapped
    es-get -s south.db "Value Map" | jq -c ".pairs += [{remote_value: \"Dora\", local_value: \"Dora\"}]" | es-put -q -s south.db
    mapped; docs Thing name,title | tail -n 1' <<'.'
--- in
Person R {"title":"Dora"}
Thing c {"note":"Dora","person":"R"}
--- out
Create c
1 events
end es-pull 0
1 requests
Failed Create Thing c: 'title' has the value 'Dora', which the Value Map 'titles' does not have; add it with es-put
* Thing R
Create c
0 events
end es-pull 0
1 requests
Synced Create Thing R
Synced Create Thing c
{"name":"c","title":null}
--- err
.
# What the filters find is on its way, and is lost.
t 'a document that was found, but did not arrive' 'make_docs; pull | es-map -q -s south.db | deps |
    grep -v dependency_of | es-apply -s south.db 2>/dev/null | brief; mapped' <<'.'
--- in
Person S {"title":"Cy"}
Person Q {"title":"Other"}
Thing d {"note":"Cy","person":"S"}
--- out
Failed Create Thing d: waits for Thing 'S'
* Thing S
0 events
end es-pull 0
1 requests
Synced Create Thing S
Synced Create Thing d
--- err
.
t 'a producer that cannot be asked: what is parked stays as it is' 'make_docs; mapped
    pull | es-map -q -s south.db | es-deps -W 0 -p nowhere.db -s south.db 2>/dev/null | grep -c update_type
    es-sync-log -E -s south.db | brief' 0 <<'.'
--- in
Person T {"title":"Nobody"}
Thing e {"note":"Eve","person":"T"}
--- out
Create e
1 events
end es-pull 0
1 requests
Failed Create Thing e: waits for Thing 'T', which the filters of its mapping do not find at north
0
Failed Create Thing e: waits for Thing 'T', which the filters of its mapping do not find at north
--- err
.

# ---- lines

t 'lines go on byte for byte' 'fresh north south; make_docs; pull | sed "s/,\"site\"/ , \"site\"/" >lines
    printf "{\"other\" : 1.10}\n\n" | cat - lines | deps >went; cat lines went | grep -v other | sort | uniq -c |
    sed "s/^ *\([0-9]*\) .*/\1/"; head -n 1 went' <<'.'
--- in
Thing a {"price":1.10}
Thing b {}
--- out
2
2
2
2
2
{"other" : 1.10}
.
t 'what cannot be read goes on as rejected' 'deps >went; s=$?; short <went; exit $s' 1 <<'.'
--- in
{"name":
[1]
{"update_type":"Fly","event_producer":"north"}
{"end":{"program":"test","status":0}}
--- out
rejected stdin:1: unexpected end of data at byte 8
rejected stdin:2: the line is no JSON object
rejected stdin:3: update_type is not Create, Update, Delete or Rename
end es-deps 1
.
t 'a worse end is left as it is' 'deps >went; s=$?; short <went; exit $s' 111 <<'.'
--- in
nothing
{"end":{"program":"test","status":111,"why":"gone"}}
--- out
rejected stdin:1: invalid literal, expected a valid literal such as 'null' at byte 0
end test 111: gone
.
t 'an input that was cut' 'deps' 111 <<'.'
--- in
{"other":1}
--- out
{"other":1}
--- err
es-deps: stdin has no end line: it was cut; run again
.
t 'files' 'echo "{\"a\":1}" >one; echo "{\"end\":{\"program\":\"x\",\"status\":0}}" >two
    deps -q one - two <two' 111 <<'.'
--- out
{"a":1}
{"end":{"program":"es-deps","status":111}}
{"end":{"program":"es-deps","status":111}}
--- err
.
t 'events of other DocTypes than are subscribed to need nothing' 'fresh north south; make_docs
    es-producer-log -s north.db | deps | short' <<'.'
--- in
Thing a {}
Person P {"thing":"a"}
--- out
Create a
Create P
2 events
end es-producer-log 0
.
t 'nor do those of stock' 'sed "s/\$/\n{\"end\":{\"status\":0}}/" | deps | short' <<'.'
--- in
{"name":"1","creation":"2026-01-01 00:00:00","update_type":"Create","ref_doctype":"Thing","docname":"s","data":"{\"person\":\"P\"}","event_producer":"north"}
--- out
Create s
end null 0
.

# ---- where it is asked

t 'a producer that has no URL: said with -v' 'pull >lines; es-deps -v -s south.db lines | cmp - lines' <<'.'
--- out
--- err
es-deps: north: it has no URL where it could be asked; -p says where; nothing is fetched
es-deps: 1 events; 0 documents fetched, 0 not given, 0 requests
.
t 'one that is not subscribed to' 'es-deps -p http://nowhere -s south.db lines >went; s=$?; short <went; exit $s' 100 <<'.'
--- out
Create a
1 events
end es-deps 100: it is not subscribed to; es-subscribe does that
--- err
es-deps: http://nowhere: it is not subscribed to; es-subscribe does that; nothing is fetched
.

# Over the line: hub has subscribed to the Things of an es-serve.
site web
es-key -q -o hub.key -s web.db hub@example.com
serve web -v -s web.db
site hub
es-subscribe -q -k hub.key -s hub.db "$url" user=Administrator Thing use_same_name=1
es-approve -aq -s web.db hub
es-pull -W 0 -s hub.db "$url" | es-apply -q -s hub.db
over() {
	es-pull -W 0 -s hub.db "$url"
}
thousand() {
	echo '{"doctype":"Person","name":"P"}'
	seq 1000 | sed 's/.*/{"doctype":"Thing","name":"t&","person":"P"}/'
}
requests() {
	grep -c get_snapshots web.log
}
t 'a thousand invoices of one customer ask once' 'thousand | es-put -q -s web.db
    over | es-deps -v -s hub.db | tee went | es-apply -s hub.db | jq -r .status | sort | uniq -c |
    sed "s/^ *//"; requests; grep -c update_type went' <<'.'
--- out
1001 Synced
1
1001
--- err
es-deps: 1000 events; 1 documents fetched, 0 not given, 1 requests
.
many() {
	seq 30 | sed 's/.*/{"doctype":"Person","name":"p&"}/'
	seq 30 | sed 's/.*/{"doctype":"Thing","name":"u&","person":"p&"}/'
}
t 'several requests at a time' 'many | es-put -q -s web.db
    over | es-deps -v -L 2 -s hub.db | es-apply -s hub.db | jq -r .status | sort | uniq -c |
    sed "s/^ *//"; requests' <<'.'
--- out
60 Synced
16
--- err
es-deps: 30 events; 30 documents fetched, 0 not given, 15 requests
.
t 'a producer that cannot be reached: the lines go on, and what waits is woken later' '
    printf "%s\n" "{\"doctype\":\"Person\",\"name\":\"Q\"}" "{\"doctype\":\"Thing\",\"name\":\"q\",\"person\":\"Q\"}" |
    es-put -q -s web.db; over >lines; halt $pid
    es-deps -W 0 -s hub.db lines >went; echo $?; short <went; es-apply -s hub.db went | brief' <<'.'
--- out
111
Create q
1 events
end es-deps 111: could not connect: Connection refused
Failed Create Thing q: waits for Person 'Q'
--- err
es-deps: http://HOST: could not connect: Connection refused
es-apply: es-deps said: could not connect: Connection refused
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'and from its site file, under the name that it has' 'es-pull -s hub.db web.db | es-deps -p web.db -s hub.db |
    es-apply -s hub.db | brief' <<'.'
--- out
Synced Create Person Q
Synced Create Thing q
--- err
.
done_testing
