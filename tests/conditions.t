#!/bin/sh
# conditions - of what consumers see: what they may ask, what raises an error,
# and what cannot be evaluated

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"
. "$ES_TOP/tests/serve.sh"
url=''

export ES_HOOKS=$PWD/hooks
mkdir -m 755 hooks
hook() {
	{ echo '#!/bin/sh'; echo "$2"; } >hooks/"$1"
	chmod 755 hooks/"$1"
}
# request ROW ...: what store asks for; a row is DocType[;condition].
mask() {
	sed "s,$ES_HOOKS,HOOKS,"
}
request() {
	printf '%s\n' "$@" | jq -Rcs --arg id "$id" '{request: {event_consumer: "store", user: "Administrator",
	    site: $id, consumer_doctypes: (split("\n") | map(select(. != "") |
	    split(";") | {doctype: .[0], condition: .[1]}) | tojson)}}' |
	    es-approve -q -s hq.db "${all--a}" -
}
put() {
	printf '{%s}\n' "$@" | es-put -q -s hq.db Thing
}
# stream [FROM]: what the store gets, and how that ends.
# shellcheck disable=SC2120
stream() {
	es-producer-log -c store -s hq.db ${1:+-S "$1"} >page
	s=$?
	jq -r 'if .update_type then "\(.update_type) \(.docname)" elif .checkpoint then
	    "checkpoint \(.checkpoint.events)" else "end \(.end.status)" end' page
	return $s
}
point() {
	jq -r 'select(.checkpoint) | .checkpoint | "\(.last_update),\(.name)"' page | tail -1
}

ok 'two sites' eval 'site hq && site store'
id=$(sqlite3 store.db "SELECT value FROM site WHERE key = 'id'")
put '"name":"one","count":1,"title":"x"' '"name":"two","count":2,"title":"y"'
echo '{"doctype":"Person","title":"Ann"}' | es-put -q -s hq.db

# ---- an error of Python

t 'counts as false, and is told once' 'request "Thing;doc.title > 1" &&
    put "\"name\":\"one\",\"count\":3" "\"name\":\"one\",\"count\":4" "\"name\":\"two\",\"title\":null" && stream' <<'.'
--- out
checkpoint 0
end 0
--- err
es-producer-log: a condition of 'store' on Thing raised an error for 2 documents (values of different kinds have no order): counted as false; es-eval says which
.

# ---- what a consumer's condition may ask

t 'of what is not granted it may not ask' 'request "Thing;frappe.db.exists(\"Person\", \"P-01\")"' 1 <<'.'
--- out
--- err
es-approve: stdin:1: Thing: it may not ask of DocType 'Person': only of those that the consumer is given without a condition of the producer's own
.
t 'of what it asks for too it may' 'request "Thing;frappe.db.exists(\"Person\", \"P-01\")" Person && put "\"name\":\"one\",\"count\":5" && stream' <<'.'
--- out
Create one
Update one
Update one
Create two
Update two
Update one
checkpoint 6
end 0
--- err
.
t 'not, once the producer has a condition of his own there' 'es-approve -q -s hq.db store Person condition="doc.title == \"Bob\"" && stream' <<'.'
--- out
checkpoint 0
end 0
--- err
es-producer-log: a condition of 'store' on Thing raised an error for 2 documents (it may not ask of DocType 'Person'): counted as false; es-eval says which
.
t 'nor is it entered again' 'request Thing Person; request "Thing;frappe.db.count(\"Person\") > 0" Person' 1 <<'.'
--- out
--- err
es-approve: stdin:1: Thing: it may not ask of DocType 'Person': only of those that the consumer is given without a condition of the producer's own
.
t 'the DocType it asks of may come out of the document: then it is seen when it is asked' 'request "Thing;frappe.db.count(doc.title) >= 0" &&
    put "\"name\":\"two\",\"title\":\"User\"" && stream' <<'.'
--- out
checkpoint 0
end 0
--- err
es-producer-log: a condition of 'store' on Thing raised an error for 2 documents (it may not ask of DocType 'x'): counted as false; es-eval says which
.
t 'the condition of the producer'\''s own may ask of all' 'request Thing &&
    es-approve -q -s hq.db store Thing condition="frappe.db.exists(\"User\", \"Administrator\") and doc.count == 2" &&
    put "\"name\":\"two\",\"title\":\"z\"" && stream | tail -3' <<'.'
--- out
Update two
checkpoint 4
end 0
--- err
.

# ---- jq: for the producer's administrator alone

t 'jq: of a consumer is refused' 'request "Thing;jq: .count > 1"' 1 <<'.'
--- out
--- err
es-approve: stdin:1: Thing: jq: is for the administrator of the site where it is evaluated; he can set it with es-approve
.
t 'also where it is asked for' 'es-subscribe -s store.db hq user=Administrator Thing condition="jq: .count > 1"' 100 <<'.'
--- out
--- err
es-subscribe: Thing: jq: is for the administrator of the site where it is evaluated; he can set it with es-approve
.
t 'and in the document' 'es-get -s hq.db "Event Consumer" store | jq -c ".consumer_doctypes[0].condition = \"jq: true\"" |
    es-put -q -s hq.db' 1 <<'.'
--- out
--- err
es-put: stdin:1: jq: is for the administrator of the site where it is evaluated; he can set it with es-approve
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
t 'it is good as a condition of the producer'\''s own' 'es-approve -q -s hq.db store Thing condition="jq: .count == 2 and (.title | test(\"^[yz]\"))" &&
    put "\"name\":\"two\",\"note\":\"n\"" "\"name\":\"one\",\"note\":\"n\"" && stream; es-approve -l -s hq.db store | jq -c "[.ref_doctype, .documents]"' <<'.'
--- out
Create two
Update two
Update two
Update two
Update two
checkpoint 5
end 0
["Thing",1]
--- err
.
t 'what it does not understand is refused' 'es-approve -q -s hq.db store Thing condition="jq: env"' 100 <<'.'
--- out
--- err
es-approve: jq: condition not understood at 1: this may not be used here; near 'env'
.

# ---- cmd:

hook odd 'while read -r line; do echo "$line" >>'"$PWD"'/lines
    case $line in *"\"count\":"[13579],*) echo true ;; *) echo false ;; esac; done'
t 'a consumer may name a program of the producer'\''s' 'request "Thing;cmd: even"; request "Thing;cmd: odd" &&
    es-approve -q -s hq.db store Thing condition= && put "\"name\":\"one\",\"note\":\"o\"" "\"name\":\"two\",\"note\":\"o\"" && stream' <<'.'
--- out
Create one
Update one
Update one
Update one
Update one
Update one
checkpoint 6
end 0
--- err
es-approve: stdin:1: Thing: cmd: there is no program 'even' in 'HOOKS': its administrator would put it there
.
t 'is it asked of the present document, with the newest entry of the log' 'sed -n 1p lines | jq -c "[.consumer, .doc.name, .doc.note, .update_log.update_type, .update_log.docname, .update_log.data.changed]"' <<'.'
--- out
["store","one","o","Update","one",{"note":"o"}]
--- err
.

# ---- what cannot be evaluated

hook odd 'while read -r line; do case $line in *\"bad\"*) exit 1 ;; *) echo true ;; esac; done'
is 'up to here' "$(stream | tail -2 | xargs)" 'checkpoint 12 end 0'
since=$(point)
t 'the stream ends before it: 111' 'put "\"name\":\"one\",\"note\":\"good\"" "\"name\":\"two\",\"note\":\"bad\"" "\"name\":\"one\",\"note\":\"p\""; stream "$since"' 111 <<'.'
--- out
Update one
checkpoint 1
end 111
--- err
es-producer-log: a condition of 'store' on Thing could not be evaluated: the program 'odd': it ended
.
since=$(point)
t 'and begins there the next time' 'stream "$since" || s=$?; jq -c "select(.end)" page; exit $s' 111 <<'.'
--- out
checkpoint 0
end 111
{"end":{"program":"es-producer-log","status":111,"why":"a condition of 'store' on Thing could not be evaluated: the program 'odd': it ended"}}
--- err
es-producer-log: a condition of 'store' on Thing could not be evaluated: the program 'odd': it ended
.
t 'es-notify tells nobody' 'es-producer-log -s hq.db -S "$since" | es-notify -n -s hq.db' <<'.'
--- out
--- err
.
t 'what it would open is not known' 'es-approve -l -s hq.db store | jq -c "[.ref_doctype, .documents]"' <<'.'
--- out
["Thing",null]
--- err
es-approve: a condition could not be evaluated: the program 'odd': it ended
.
hook odd 'while read -r line; do echo true; done'
t 'nothing was lost' 'stream "$since"' <<'.'
--- out
Update two
Update one
checkpoint 2
end 0
--- err
.
rm hooks/odd
t 'a program that is gone' 'stream "$since"' 111 <<'.'
--- out
checkpoint 0
end 111
--- err
es-producer-log: a condition of 'store' on Thing could not be evaluated: there is no program 'odd' in 'HOOKS': its administrator would put it there
.
t 'es-prune leaves the data for which it is not known' 'of="docname IN ('\''one'\'', '\''two'\'')"
    before=$(sqlite3 hq.db "SELECT count(*) FROM journal WHERE data IS NOT NULL AND $of")
    es-prune -q -s hq.db -U now; sqlite3 hq.db "SELECT count(*) = $before FROM journal WHERE data IS NOT NULL AND $of"' <<'.'
--- out
1
.

# ---- the same by es-pull, from the file and over the line

hook odd 'while read -r line; do case $line in *\"bad\"*) exit 1 ;; *) echo true ;; esac; done'
subscribe store hq Thing
# pull WHERE: what is new goes into the store.
pull() {
	es-pull -W 0 -s store.db "$1" >page
	es-apply -s store.db page | jq -r '"\(.update_type) \(.docname)"'
	s=$?
	jq -c 'select(.end).end | [.status, .why]' page
}
news() {
	put '"name":"one","note":"new '"$1"'"' '"name":"two","note":"bad"' '"name":"one","note":"last '"$1"'"'
}
t 'nothing comes of what cannot be evaluated' 'pull hq.db 2>/dev/null' <<'.'
--- out
[111,"a condition of 'store' on Thing could not be evaluated: the program 'odd': it ended"]
--- err
.
put '"name":"two","note":"good"'
ok 'else all' eval 'pull hq.db && [ "$(es-get -s store.db -C note Thing two)" = "{\"note\":\"good\"}" ]'
t 'what comes before it is applied' 'news file; pull hq.db 2>/dev/null; es-get -s store.db -C note Thing' <<'.'
--- out
Update one
[111,"a condition of 'store' on Thing could not be evaluated: the program 'odd': it ended"]
{"note":"new file"}
{"note":"good"}
--- err
.
put '"name":"two","note":"good"'
pull hq.db >/dev/null
es-key -q -o key -s hq.db store@example.com
es-put -q -s hq.db 'Event Consumer' <<'.'
{"name":"store","user":"store@example.com"}
.
es-approve -q -s hq.db store Thing
serve hq -q -s hq.db
ok 'over the line' [ -n "$url" ]
fresh store
es-subscribe -q -k key -s store.db "$url" user=Administrator Thing use_same_name=1 condition='cmd: odd' >/dev/null 2>&1
es-approve -aq -s hq.db store >/dev/null
pull "$url" >/dev/null
t 'what comes before it is applied, and why no more' 'news line; pull $url 2>/dev/null; es-get -s store.db -C note Thing' <<'.'
--- out
Update one
[111,"it failed (111): a condition of 'store' on Thing could not be evaluated: the program 'odd': it ended"]
{"note":"new line"}
{"note":"good"}
--- err
.

done_testing
