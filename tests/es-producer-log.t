#!/bin/sh
# es-producer-log - the update log as events: pages, points, choices, snapshots

. "${0%/*}/lib.sh"

ES_SITE=s.db
export ES_SITE

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Kind","module":"T","autoname":"field:kind","allow_rename":1,"fields":[{"fieldname":"kind","fieldtype":"Data"},{"fieldname":"note","fieldtype":"Data"},{"fieldname":"up","fieldtype":"Link","options":"Kind"}]}
.
cat >documents <<'.'
{"doctype":"Kind","kind":"a"}
{"doctype":"Kind","kind":"b","up":"a"}
{"doctype":"Kind","kind":"c"}
{"doctype":"Kind","kind":"b","note":"1"}
{"doctype":"Note","name":"n","title":"t"}
{"doctype":"Kind","kind":"b","note":"2"}
.
ok 'a site' es-init -q s
t 'a log in which nothing is to be sent' 'es-producer-log' <<'.'
--- out
{"checkpoint":{"event_producer":"s","site":"ID","from":null,"last_update":"TIME","name":"ID","events":0}}
{"end":{"program":"es-producer-log","status":0}}
--- err
.
ok 'its DocTypes' es-doctype -q doctypes.json
t 'documents, and the events that es-put printed' 'es-put <documents >put; es-mv Kind c d >>put; es-rm Kind d >>put
    grep -v \"end\" put >events; wc -l <events' <<'.'
--- out
9
--- err
.
cat >role <<'.'
{"doctype":"Role","role_name":"Clerk"}
.
ok 'and one that is not sent' sh -c 'es-put -q <role'

# Every line in short: what happened to what; pages.
brief() {
	jq -rc 'if .update_type then "\(.update_type) \(.docname)" elif .checkpoint
	    then "\(.checkpoint.events) events" else "end \(.end.status)" end'
}
t 'events come as they were printed, to the byte' \
    'es-producer-log | grep -v "\"checkpoint\"\|\"end\"" | cmp - events' <<'.'
--- out
--- err
.
t 'oldest first, a checkpoint, the end' 'es-producer-log | brief' <<'.'
--- out
Create a
Create b
Create c
Update b
Create n
Update b
Update c
Rename c
Delete d
9 events
end 0
--- err
.
t 'the same again' 'es-producer-log >one; es-producer-log | cmp - one' <<'.'
--- out
--- err
.
t 'to look changes nothing' 'sqlite3 s.db .dump >dump; es-producer-log >/dev/null
    es-producer-log -i >/dev/null; sqlite3 s.db .dump | cmp - dump' <<'.'
--- out
--- err
.
t '-a leaves nothing out' 'es-producer-log -a | jq -r "select(.ref_doctype == \"Role\").docname" | tail -1' <<'.'
--- out
Clerk
--- err
.

# ---- pages

# From where, to where and which event, how many, with commas between.
pages() {
	jq -r '.checkpoint // empty | "\(.from),\(.last_update),\(.name),\(.events)"'
}
all=$(sqlite3 s.db 'SELECT count(*) FROM journal')
t '-L: a checkpoint after so many entries of the log' 'es-producer-log -L 3 >pages
    grep -v "\"checkpoint\"\|\"end\"" pages | cmp - events; pages <pages | wc -l' <<.
--- out
$((all / 3 + 1))
--- err
.
is 'each page begins where the one before ended' \
    "$(pages <pages | awk -F, 'NR > 1 && $1 != last; { last = $2 }')" ''
is 'the first at the beginning' "$(pages <pages | head -1 | cut -d, -f1)" null
is 'the last ends at the last entry' "$(pages <pages | tail -1 | cut -d, -f3)" \
    "$(es-producer-log -a | jq -r 'select(.name).name' | tail -1)"
is 'they count their events' "$(pages <pages | awk -F, '{ n += $4 } END { print n }')" 9
is 'a page is consistent: the checkpoint stands behind what it counts' \
    "$(jq -r 'if .update_type then "event" elif .checkpoint then .checkpoint.events else empty end' pages |
    awk '/event/ { n++; next } $0 != n + 0; { n = 0 }')" ''
t '-L 1' 'es-producer-log -L 1 | grep -c checkpoint' <<.
--- out
$((all + 1))
--- err
.

# ---- points

# The point after the nth event.
point() {
	sed -n "$1p" events | sed 's/.*"name":"\([^"]*\)","creation":"\([^"]*\)","update_type.*/\2,\1/
	    s/^{"name":"\([^"]*\)","creation":"\([^"]*\)".*/\2,\1/'
}
t '-S: what comes after a point' 'es-producer-log -S "$(point 5)" | brief' <<'.'
--- out
Update b
Update c
Rename c
Delete d
4 events
end 0
--- err
.
is '-S: the page begins there' "$(es-producer-log -S "$(point 5)" | pages | cut -d, -f1)" \
    "$(point 5 | cut -d, -f1)"
t '-S: a point without the name' 'es-producer-log -S "$(point 8 | cut -d, -f1)" | brief' <<'.'
--- out
Delete d
1 events
end 0
--- err
.
t '-S: the last point; nothing is after it' 'es-producer-log -S "$(es-producer-log |
    jq -r ".checkpoint // empty | .last_update + \",\" + .name")"' <<'.'
--- out
{"checkpoint":{"event_producer":"s","site":"ID","from":"TIME","last_update":"TIME","name":"ID","events":0}}
{"end":{"program":"es-producer-log","status":0}}
--- err
.
t '-S, -L: page by page from a point, to the end' 'at=; for i in $(seq 99); do
	es-producer-log -L 2 ${at:+-S "$at"} | sed "/checkpoint/q" >page
	grep update_type page; next=$(jq -r ".checkpoint // empty | .last_update + \",\" + .name" page)
	[ "$next" = "$at" ] && break; at=$next; done | cmp - events' <<'.'
--- out
--- err
.
t '-S: a name that the site does not know' 'es-producer-log -S "$(point 5 | sed "s/....$/0000/")"' 100 <<'.'
--- out
--- err
es-producer-log: 's' does not know event 'ID' of TIME: it was restored from an older copy, and its administrator is to run es-init -R; or the point is another site's
.
t '-S: a name of another time' 'es-producer-log -S "$(point 5 | cut -d, -f1),$(point 6 | cut -d, -f2)" 2>&1 |
    cut -c 1-40' <<'.'
--- out
es-producer-log: 's' does not know event
.
t '-S: a restored site does not know what it forgot' 'cp s.db old.db
    echo "{\"doctype\":\"Kind\",\"kind\":\"lost\"}" | es-put >lost
    p=$(jq -r "select(.name) | .creation + \",\" + .name" lost)
    es-producer-log -S "$p" | brief; es-producer-log -s old.db -S "$p"; s=$?
    es-rm -q Kind lost; exit $s' 100 <<'.'
--- out
0 events
end 0
--- err
es-producer-log: 's' does not know event 'ID' of TIME: it was restored from an older copy, and its administrator is to run es-init -R; or the point is another site's
.
t '-U: up to, not including' 'es-producer-log -U "$(point 3 | cut -d, -f1)" | brief' <<'.'
--- out
Create a
Create b
2 events
end 0
--- err
.
t '-S -U: between' 'es-producer-log -S "$(point 1)" -U "$(point 3 | cut -d, -f1)" | brief' <<'.'
--- out
Create b
1 events
end 0
--- err
.
t '-S, -U by the day' 'es-producer-log -S now | brief; es-producer-log -U yesterday | brief
    es-producer-log -S -1h Note | brief' <<'.'
--- out
0 events
end 0
0 events
end 0
Create n
end 0
--- err
.
t '-S in local time, as people write it' 'TZ=UTC-5; export TZ
    es-producer-log -S "$(date -d "-1 hour" "+%F %T")" Note | brief; TZ=UTC
    es-producer-log -S "$(TZ=UTC-5 date "+%F %T")" Note | brief' <<'.'
--- out
Create n
end 0
end 0
--- err
.
t '-S, no time' 'es-producer-log -S soon' 100 <<'.'
--- out
--- err
es-producer-log: -S wants a time, as today, -2d or 'TIME', not 'soon'
.

# ---- a choice, which has no checkpoint

t 'of a DocType' 'es-producer-log Note | brief' <<'.'
--- out
Create n
end 0
--- err
.
t 'of names, as they were when it was logged' 'es-producer-log Kind a c | brief' <<'.'
--- out
Create a
Create c
Update c
Rename c
end 0
--- err
.
t '-e: of one event' 'es-producer-log -e "$(point 4 | cut -d, -f2)" | brief' <<'.'
--- out
Update b
end 0
--- err
.
t '-e: no such event' 'es-producer-log -e x' 1 <<'.'
--- out
{"end":{"program":"es-producer-log","status":1}}
--- err
es-producer-log: no event 'x' in 's.db'
.
t 'of an unknown DocType' 'es-producer-log Knd' 100 <<'.'
--- out
--- err
es-producer-log: no DocType 'Knd' in 's.db'; es-doctype -l lists them
.

# ---- -i: snapshots

t '-i: the documents as they are, as Creates, in the order they were made' 'es-producer-log -i' <<'.'
--- out
{"name":"ID","creation":"TIME","update_type":"Create","ref_doctype":"Kind","docname":"a","data":{"doctype":"Kind","name":"a","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"kind":"a"},"event_producer":"s","site":"ID","snapshot":1,"prev":"ID","origin":["ID","ID"],"via":["ID"]}
{"name":"ID","creation":"TIME","update_type":"Create","ref_doctype":"Kind","docname":"b","data":{"doctype":"Kind","name":"b","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"kind":"b","up":"a","note":"2"},"event_producer":"s","site":"ID","snapshot":1,"prev":"ID","origin":["ID","ID"],"links":{"Kind":{"a":["ID","ID"]}},"via":["ID"]}
{"name":"ID","creation":"TIME","update_type":"Create","ref_doctype":"Note","docname":"n","data":{"doctype":"Note","name":"n","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"title":"t"},"event_producer":"s","site":"ID","snapshot":1,"prev":"ID","origin":["ID","ID"],"via":["ID"]}
{"end":{"program":"es-producer-log","status":0}}
--- err
.
is '-i: name and creation are those of the newest event it contains' \
    "$(es-producer-log -i Kind b | jq -r 'select(.name) | .creation + "," + .name + "," + .prev')" \
    "$(point 6),$(point 6 | cut -d, -f2)"
t '-i: by name' 'es-producer-log -i Kind b a | brief' <<'.'
--- out
Create a
Create b
end 0
--- err
.
t '-i: what does not exist is reported, the rest sent' 'es-producer-log -i Kind c b | brief' <<'.'
--- out
Create b
end 1
--- err
es-producer-log: no Kind 'c'
.
t '-i: renamed' 'es-mv -q Kind a z; es-producer-log -i Kind z | jq -c "[.docname,has(\"renamed\"),.data.kind]"
    es-mv -q Kind z a' <<'.'
--- out
["z",true,"z"]
[null,false,null]
--- err
.

# ---- -o, -v, misuse

t '-o: aside, then renamed' 'echo old >out; es-producer-log -o out Note && brief <out; ls -A | grep out' <<'.'
--- out
Create n
end 0
out
--- err
.
is '-o: for its owner only' "$(stat -c %a out)" 600
t '-o: what is no file is written, not replaced' 'ln -s /dev/null null; mkfifo fifo
    es-producer-log -o null Note; cat fifo >got & es-producer-log -o fifo Note; wait
    brief <got; test -L null && test -p fifo && test -c /dev/null' <<'.'
--- out
Create n
end 0
--- err
.
t '-o: a reader of the old file keeps it' 'echo old >out; { es-producer-log -o out Note; cat; } <out; grep -c . out' <<'.'
--- out
old
2
--- err
.
t '-o: a failure leaves the old file, and nothing else' 'echo old >out
    es-producer-log -i -o out Nope; es-producer-log -o out -S x; es-producer-log -o none/out 2>&1 |
    sed "s/[0-9]*[.]new/N.new/"; cat out; ls -A | grep out' <<'.'
--- out
es-producer-log: cannot write 'none/out.N.new': No such file or directory
old
out
--- err
es-producer-log: no DocType 'Nope' in 's.db'; es-doctype -l lists them
es-producer-log: -S wants a time, as today, -2d or 'TIME', not 'x'
.
t 'a full disk' 'es-producer-log >/dev/full' 111 <<'.'
--- err
es-producer-log: cannot write standard output: No space left on device
.
t '-v counts' 'es-producer-log -v Note >/dev/null' <<'.'
--- err
es-producer-log: 1 events
.
for args in '-L 0' '-L x' '-L 100001'; do
	t "$args" "es-producer-log $args" 100 <<.
--- err
es-producer-log: -L wants a count from 1 to 100000, not '${args#-L }'
.
done
t '-i with a point' 'es-producer-log -i -S now 2>&1 | sed "s/ .*//;q"; es-producer-log -i -S now 2>/dev/null' 100 <<'.'
--- out
usage:
.
t 'no such site' 'es-producer-log -s none.db' 100 <<'.'
--- out
--- err
es-producer-log: cannot open 'none.db': No such file or directory
.

# ---- -d: what lines link to before them

site() {
	es-init -q -s s2.db s && es-doctype -q -s s2.db doctypes.json &&
	    es-doctype -q -s s2.db - <<'.'
{"doctype":"DocType","name":"Bill","module":"T","autoname":"Prompt","fields":[{"fieldname":"kind","fieldtype":"Link","options":"Kind"},{"fieldname":"note","fieldtype":"Data"},{"fieldname":"old","fieldtype":"Link","options":"Bill"}]}
.
}
lines() {
	jq -r 'if .dependency_of then "* \(.docname)" elif .update_type then
	    "\(.update_type) \(.docname)" elif .checkpoint then
	    "\(.checkpoint.events) events" else "end \(.end.status)" end'
}
# consumer NAME DOCTYPE: may have it.
consumer() {
	jq -nc --arg name "$1" --arg dt "$2" '{doctype: "Event Consumer",
	    callback_url: $name, user: "Administrator",
	    consumer_doctypes: [{ref_doctype: $dt, status: "Approved"}]}' | es-put -q
}
ES_SITE=s2.db
ok 'another site' site
t 'what a consumer without a line needs and its stream does not bring' 'es-put -q
    consumer till Bill; printf "%s\n" "{\"doctype\":\"Bill\",\"name\":\"1\",\"kind\":\"leaf\"}" \
	"{\"doctype\":\"Bill\",\"name\":\"2\",\"kind\":\"leaf\",\"old\":\"1\"}" | es-put -q
    es-producer-log -c till | lines; es-producer-log -c till -L 1 | lines' <<'.'
--- in
{"doctype":"Kind","kind":"root"}
{"doctype":"Kind","kind":"leaf","up":"root"}
{"doctype":"Kind","kind":"other"}
--- out
* root
* leaf
Create 1
Create 2
2 events
end 0
0 events
* root
* leaf
Create 1
1 events
Create 2
1 events
0 events
end 0
.
t 'what was there before its row was made was in no stream' '
    consumer late Bill; echo "{\"doctype\":\"Bill\",\"name\":\"3\",\"old\":\"2\"}" | es-put -q
    es-producer-log -c late | lines' <<'.'
--- out
* root
* leaf
* 1
* 2
Create 3
1 events
end 0
.
t 'with a URL it asks for itself, unless -d is given' 'consumer http://till Bill
    echo "{\"doctype\":\"Bill\",\"name\":\"4\",\"kind\":\"other\"}" | es-put -q
    es-producer-log -c http://till | lines; es-producer-log -d -c http://till | lines' <<'.'
--- out
Create 4
1 events
end 0
* other
Create 4
1 events
end 0
.
t 'a circle' 'printf "%s\n" "{\"doctype\":\"Kind\",\"name\":\"root\",\"up\":\"leaf\"}" | es-put -q
    es-producer-log -c till | lines' <<'.'
--- out
* root
* leaf
Create 1
Create 2
Create 3
* other
Create 4
4 events
end 0
.
t '-i: each document once' 'es-producer-log -i -d Bill | lines; echo; es-producer-log -i -d | lines
    echo; es-producer-log -i -d Bill 2 | lines' <<'.'
--- out
* root
* leaf
Create 1
Create 2
Create 3
* other
Create 4
end 0

* leaf
Create root
Create other
Create 1
Create 2
Create 3
Create 4
end 0

* root
* leaf
* 1
Create 2
end 0
.
t '-d of the whole log' 'es-producer-log -d 2>&1 | head -n 1' <<'.'
--- out
usage: es-producer-log [-aqv] [-e event] [-L limit] [-o file] [-S since]
.

done_testing
