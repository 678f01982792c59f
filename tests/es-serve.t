#!/bin/sh
# es-serve - what is answered to whom

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/serve.sh"

ES_SITE=hq.db
export ES_SITE
ES=/api/method/frappe.event_streaming.doctype
APP=/api/method/event_streaming.event_streaming.doctype
register=event_consumer.event_consumer.register_consumer
events=event_update_log.event_update_log.get_update_logs_for_consumer
snapshots=event_update_log.event_update_log.get_snapshots_for_consumer
news=event_producer.event_producer.new_event_notification

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Part","module":"T","istable":1,"fields":[{"fieldname":"code","fieldtype":"Data"},{"fieldname":"note","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Kind","module":"T","autoname":"Prompt","permissions":[{"role":"Event Subscriber","read":1}],"fields":[{"fieldname":"title","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Item","module":"T","autoname":"Prompt","permissions":[{"role":"Clerk","read":1}],"fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"size","fieldtype":"Int"},{"fieldname":"kind","fieldtype":"Link","options":"Kind"},{"fieldname":"pin","fieldtype":"Password"},{"fieldname":"text","fieldtype":"Long Text"},{"fieldname":"parts","fieldtype":"Table","options":"Part"}]}
.
cat >documents <<'.'
{"doctype":"Kind","name":"big"}
{"doctype":"Kind","name":"small"}
{"doctype":"Item","name":"a","title":"A","size":1,"kind":"small","pin":"1234","parts":[{"name":"p1","code":"x"}]}
{"doctype":"Item","name":"b/c d","title":"Ä","size":2}
{"doctype":"Item","name":"c","size":3,"kind":"big"}
.
site() {
	es-init -q http://hq && es-doctype -q doctypes.json &&
	    echo '{"doctype":"Role","name":"Clerk","role_name":"Clerk"}' |
	    es-put -q && es-put -q <documents && user boss 'System Manager' &&
	    user shop 'Event Subscriber' && user till 'Event Subscriber' &&
	    user bell 'Event Notifier' && user clerk Clerk && user temp Clerk
}
ok 'a site with users' site

# ---- starting

t 'without a site' 'unset ES_SITE; es-serve :0' 100 <<'.'
--- out
--- err
es-serve: which site?  Give -s file or set ES_SITE
.
t 'an address that is none' 'es-serve 127.0.0.1:http' 100 <<'.'
--- out
--- err
es-serve: cannot listen on '127.0.0.1' port 'http': Name or service not known
.
t 'an address that is another machine'"'"'s' 'es-serve 192.0.2.1:0' 100 <<'.'
--- out
--- err
es-serve: cannot listen on '192.0.2.1' port 0: Cannot assign requested address
.
t 'a limit that is none' 'es-serve -L size=3 :0' 100 <<'.'
--- out
--- err
es-serve: -L wants body, connections, idle, rate or whole, = and a number, not 'size=3'
.
serve one -v -o where
t 'it says where it listens' 'sed "s/:[0-9][0-9]*\"/:N\"/" where; jq -r .url where | grep -cFx "$url"' <<'.'
--- out
{"url":"http://127.0.0.1:N"}
1
.
t 'another cannot listen there' 'es-serve "${url#http://}" 2>&1 | sed "s/port [0-9]*/port N/"' <<'.'
--- out
es-serve: cannot listen on '127.0.0.1' port N: Address already in use
.

# ---- who is let in

t 'without a key: that it is there, and no more' '
    for path in / /api/method/frappe.ping /?cmd=frappe.ping \
	/api/v1/method/frappe.ping/ /nowhere; do
	ask - $path
    done; ask - / -d cmd=frappe.ping; ask - /?cmd= -I -o head' <<'.'
--- out
es-serve

200
{"message":"pong"}
200
{"message":"pong"}
200
{"message":"pong"}
200
{"exc_type":"DoesNotExistError","_server_messages":"[\"{\\\"message\\\":\\\"not found\\\",\\\"title\\\":\\\"Message\\\",\\\"indicator\\\":\\\"red\\\",\\\"raise_exception\\\":1}\"]"}
404
{"message":"pong"}
200

200
.
t 'all else is refused alike' '
    ask - /api/method/version
    for path in /api/method/frappe.auth.get_logged_user /api/method/nothing \
	/?cmd=frappe.client.get_list /api/resource/Item /api/resource/Nothing \
	/api/resource/Item/a /api/resource/Item/nothing $ES.$events $ES.$news; do
	why - $path
    done; why - $ES.$register -d data={} ' <<'.'
--- out
{"exception":"frappe.exceptions.PermissionError: not permitted","exc_type":"PermissionError","exc":"[\"frappe.exceptions.PermissionError: not permitted\"]","_server_messages":"[\"{\\\"message\\\":\\\"not permitted\\\",\\\"title\\\":\\\"Message\\\",\\\"indicator\\\":\\\"red\\\",\\\"raise_exception\\\":1}\"]"}
403
not permitted
403
not permitted
403
not permitted
403
not permitted
403
not permitted
403
not permitted
403
not permitted
403
not permitted
403
not permitted
403
not permitted
403
.
basic() {
	jq -r '.api_key + ":" + .api_secret' "$1.key"
}
me=/api/method/frappe.auth.get_logged_user
t 'with a key, in either form' 'ask shop $me; ask - $me -u "$(basic shop)"
    key=$(basic shop); ask - $me -H "authorization: TOKEN  $key"
    ask - $me -H "Authorization: basic $(printf %s "$key" | base64 -w0)"' <<'.'
--- out
{"message":"shop"}
200
{"message":"shop"}
200
{"message":"shop"}
200
{"message":"shop"}
200
.
t 'what is sent of cookies, hosts and proxies is nothing' '
    ask - $me -b sid=Administrator -H "X-Forwarded-User: boss" -o /dev/null
    ask shop $me -b "sid=Guest; user_id=Guest" -H "Host: hq.example" \
	-H "X-Forwarded-For: 127.0.0.1" -H "X-Frappe-Site-Name: other"' <<'.'
--- out

403
{"message":"shop"}
200
.
# These are answered after a second, so all at once.
bad() {
	n=0
	while read -r header; do
		n=$((n + 1))
		ask - $me -H "Authorization: $header" >bad.$n &
		bads="$bads $!"
	done
	wait $bads
	sort -u bad.*
}
t 'with a key that is none, or not understood' 'bads=
    s=$(jq -r .api_secret shop.key) k=$(jq -r .api_key shop.key)
    printf "%s\n" "token $k:${s%?}" "token $k:" "token $k" "token :$s" \
	"token x:$s" "token $k:$s:" "Basic !" "Basic $(printf %s "$k" | base64)" \
	"Bearer $s" "$k:$s" "token" | bad' <<'.'
--- out
401
{"exception":"frappe.exceptions.AuthenticationError: no such key, or another secret","exc_type":"AuthenticationError","exc":"[\"frappe.exceptions.AuthenticationError: no such key, or another secret\"]","_server_messages":"[\"{\\\"message\\\":\\\"no such key, or another secret\\\",\\\"title\\\":\\\"Message\\\",\\\"indicator\\\":\\\"red\\\",\\\"raise_exception\\\":1}\"]"}
.
t 'none is locked for that' 'ask shop $me' <<'.'
--- out
{"message":"shop"}
200
.
t 'a user who is disabled' 'echo "{\"name\":\"temp\",\"enabled\":0}" | es-put -q User
    why temp /api/method/frappe.ping' <<'.'
--- out
User 'temp' is disabled
403
.

# ---- documents

t 'a manager reads all' 'ask boss /api/resource/Item
    ask boss "/api/resource/Item/?limit=2&order_by=size%20desc&fields=%5B%22name%22,%22size%22%5D"
    ask boss "/api/resource/Item?limit_start=1&limit_page_length=1" ' <<'.'
--- out
{"data":[{"name":"a"},{"name":"b/c d"},{"name":"c"}]}
200
{"data":[{"name":"c","size":3},{"name":"b/c d","size":2}]}
200
{"data":[{"name":"b/c d"}]}
200
.
t 'with filters, from a query, a form or JSON' '
    ask boss /api/resource/Item -G --data-urlencode "filters={\"kind\":\"big\"}"
    ask boss /api/resource/Item -G --data-urlencode "filters=[[\"size\",\">\",1]]" \
	--data-urlencode "or_filters=[[\"kind\",\"=\",\"big\"],[\"title\",\"is\",\"set\"]]"
    ask boss /api/resource/Item -X GET -H "Content-Type: application/json" \
	-d "{\"filters\":{\"name\":[\"in\",[\"a\"]]},\"fields\":[\"*\"],\"limit\":1}"' <<'.'
--- out
{"data":[{"name":"c"}]}
200
{"data":[{"name":"b/c d"},{"name":"c"}]}
200
{"data":[{"name":"a","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"idx":null,"title":"A","size":1,"kind":"small","text":null}]}
200
.
t 'a document: without nulls and passwords, rows as in Frappe' '
    ask boss /api/resource/Item/a' <<'.'
--- out
{"data":{"doctype":"Item","name":"a","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"title":"A","size":1,"kind":"small","parts":[{"name":"p1","idx":1,"code":"x","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"parent":"a","parentfield":"parts","parenttype":"Item","doctype":"Part"}]}}
200
.
t 'names with slashes and blanks, in any coding' '
    for name in b/c%20d b%2Fc%20d b/c%20d/; do
	ask boss /api/resource/Item/$name
    done | jq -r "(.data.title)? // ." ; ask boss /api/v1/resource/Item/c -I | head -1 | tr -d "\r"' <<'.'
--- out
Ä
200
Ä
200
Ä
200
HTTP/1.1 200 OK
.
t 'what is not there: 404, without exc' '
    ask boss /api/resource/Item/none; why boss /api/resource/None
    why boss /api/resource/None/x; why boss /api/resource/Part/p1
    why boss /api/nothing' <<'.'
--- out
{"exc_type":"DoesNotExistError","_server_messages":"[\"{\\\"message\\\":\\\"Item none not found\\\",\\\"title\\\":\\\"Message\\\",\\\"indicator\\\":\\\"red\\\",\\\"raise_exception\\\":1}\"]"}
404
DocType None not found
404
DocType None not found
404
Part p1 not found
404
not found
404
.
t 'what cannot be understood' '
    why boss "/api/resource/Item?filters=x"; why boss "/api/resource/Item?fields=%5B1%5D"
    why boss "/api/resource/Item?fields=%5B%22nix%22%5D"
    why boss "/api/resource/Item?limit=-1"; why boss "/api/resource/Item?order_by=nix"
    why boss /api/resource/Item -X GET -H "Content-Type: application/json" -d "[]"
    why boss /api/resource/Item -X GET -H "Content-Type: application/json" -d "{"' <<'.'
--- out
filters is not JSON: unexpected character, expected a valid root value at byte 0
417
fields is no array of names
417
'Item' has no field 'nix'
417
limit is no number from 0 to ID
417
'Item' has no field 'nix'
417
Invalid request arguments: the body is no JSON object
417
Invalid request arguments: unexpected end of data at byte 1
417
.
t 'a DocPerm lets read, and tells nothing of the rest' '
    ask clerk "/api/resource/Item?limit=1"; ask clerk /api/resource/Item/c | jq -r "(.data.name)? // ."
    why clerk /api/resource/Kind; why clerk /api/resource/Kind/big
    why clerk /api/resource/Kind/none; why clerk /api/resource/User/boss
    why clerk /api/resource/None; why clerk /api/resource/None/x' <<'.'
--- out
{"data":[{"name":"a"}]}
200
c
200
you may not read Kind, or not this one
403
you may not read Kind, or not this one
403
you may not read Kind, or not this one
403
you may not read User, or not this one
403
you may not read None, or not this one
403
you may not read None, or not this one
403
.
t 'documents are not written' '
    why boss /api/resource/Item -d data={}; why boss /api/resource/Item/a -X PUT -d data={}
    why boss /api/resource/Item/a -X DELETE; why - /api/resource/Item -d data={}' <<'.'
--- out
documents are not written over HTTP here, but with es-put, es-rm and es-mv
403
documents are not written over HTTP here, but with es-put, es-rm and es-mv
403
documents are not written over HTTP here, but with es-put, es-rm and es-mv
403
not permitted
403
.
t 'other methods' 'why boss /api/method/frappe.client.get_list
    why boss /api/method/event_consumer.event_consumer.register_consumer -X POST
    ask boss /api/method/version; ask boss /api/resource/Item -X OPTIONS' <<'.'
--- out
Failed to get method for command frappe.client.get_list: it is not served here
417
Failed to get method for command event_consumer.event_consumer.register_consumer: it is not served here
417
{"message":"0.1"}
200

200
.
t 'a DocType that came meanwhile' '
    echo "{\"doctype\":\"DocType\",\"name\":\"New\",\"module\":\"T\",\"autoname\":\"Prompt\",\"fields\":[{\"fieldname\":\"x\",\"fieldtype\":\"Data\"}]}" |
	es-doctype -q; ask boss /api/resource/New
    echo "{\"doctype\":\"DocType\",\"name\":\"New\",\"module\":\"T\",\"autoname\":\"Prompt\",\"fields\":[{\"fieldname\":\"y\",\"fieldtype\":\"Data\"}]}" |
	es-doctype -q; echo "{\"doctype\":\"New\",\"name\":\"n\",\"y\":\"1\"}" | es-put -q
    ask boss "/api/resource/New?fields=%5B%22y%22%5D"' <<'.'
--- out
{"data":[]}
200
{"data":[{"y":"1"}]}
200
.

# ---- registration

request() {
	jq -nc --arg name "$1" --arg site "$2" '{event_consumer: $name,
	    user: "shop", site: $site, consumer_doctypes: ($ARGS.positional |
	    map({doctype: ., condition: null}) | tojson)}' --args "$3"
}
shop=http://127.0.0.1:1/shop
t 'a consumer registers' 'ask shop $ES.$register --data-urlencode \
    "data=$(request $shop shopsite Item)" | jq -r "(.message)? // ." |
    jq -c "(.grant)? // ." ' <<'.'
--- out
{"event_producer":"http://hq","site":"ID","event_consumer":"http://127.0.0.1:1/shop","doctypes":[{"ref_doctype":"Item","status":"Pending","condition":null,"unsubscribed":0}]}
200
.
t 'as stock does it: all in the query of a POST' 'es-rm -q "Event Consumer" $shop
    ask - "$ES.$register/" -u "$(basic shop)" -X POST -G --data-urlencode \
	"data=$(request $shop shopsite Item)" | jq -r "(.message)? // ." | jq -r "(keys)? // . | @text"' <<'.'
--- out
["grant","last_update"]
200
.
t 'again is a change; with the other prefix, in JSON' '
    jq -n --arg data "$(request $shop shopsite Kind)" "{data: (\$data | fromjson)}" |
    ask shop $APP.$register -H "Content-Type: application/json" -d @- |
    jq -r "(.message)? // ." | jq -c "(.grant.doctypes)? // ." ' <<'.'
--- out
[{"ref_doctype":"Kind","status":"Pending","condition":null,"unsubscribed":0}]
200
.
t 'but not of another user, by whatever name he calls it' '
    why till $ES.$register --data-urlencode "data=$(request $shop shopsite Kind)"
    why till $ES.$register --data-urlencode "data={\"callback_url\":\"$shop\",\"consumer_doctypes\":\"[]\"}"
    why till $ES.$register --data-urlencode "data={\"event_consumer\":\" \",\"name\":\"$shop\"}"
    why till $ES.$register --data-urlencode "data=$(request http://127.0.0.1:1/other shopsite Kind)"
    why bell $ES.$register --data-urlencode "data=$(request http://127.0.0.1:1/bell bellsite Kind)"' <<'.'
--- out
that Event Consumer belongs to another user
403
data is no JSON object with event_consumer
417
data is no JSON object with event_consumer
417
that site is known as 'http://127.0.0.1:1/shop' here; take this Event Consumer away with es-rm first
409
not permitted
403
.
t 'a request that is refused' '
    why shop $ES.$register -X POST; why shop $ES.$register -d data=1
    why shop $ES.$register --data-urlencode "data=$(request $shop shopsite None)"
    why shop "$ES.$register?data=1"' <<'.'
--- out
data is no JSON object with event_consumer
417
data is no JSON object with event_consumer
417
no DocType 'None' here
417
frappe.event_streaming.doctype.event_consumer.event_consumer.register_consumer is to be called by POST
403
.
own=/api/resource/Event%20Consumer
doctypes() {
	jq -c '(.data.consumer_doctypes)? // . | if type == "array" then
	    map([.ref_doctype, .status, .condition]) else . end'
}
t 'it reads and changes its own Event Consumer, and no other' '
    es-approve -aq $shop condition="doc.title != \"secret\""
    ask shop $own/$shop | grep -c secret; ask shop $own/$shop | doctypes
    ask shop $own/$shop -X PUT --data-urlencode "data={\"consumer_doctypes\":[{\"ref_doctype\":\"Kind\",\"status\":\"Pending\",\"condition\":null},{\"ref_doctype\":\"Item\",\"status\":\"Approved\",\"condition\":\"doc.size > 1\"}],\"incoming_change\":1}" | doctypes
    ask shop $own; why till $own; why till $own/$shop; why till $own/none
    why till $own/$shop -X PUT -d data={}; why boss $own/$shop -X PUT -d data={}
    ask boss $own/$shop | grep -c secret
    why shop "$own?filters=%7B%7D"' <<'.'
--- out
0
[["Kind","Approved",null]]
200
[["Kind","Approved",null],["Item","Pending","doc.size > 1"]]
200
{"data":[{"name":"http://127.0.0.1:1/shop"}]}
200
you may not read Event Consumer, or not this one
403
you may not read Event Consumer, or not this one
403
you may not read Event Consumer, or not this one
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
1
you may not read Event Consumer, or not this one
403
.
till=http://127.0.0.1:1/till
t 'of documents it sees what it is granted, and what that links to' '
    request $till tillsite Item >request
    ask till $ES.$register --data-urlencode "data@request" >/dev/null
    why till /api/resource/Item; why till /api/resource/Item/c
    es-approve -aq $till condition="doc.size > 1"
    echo "{\"name\":\"c\",\"title\":\"now\"}" | es-put -q Item
    ask till /api/resource/Item; ask till /api/resource/Kind
    ask till "/api/resource/Item?filters=%7B%22size%22:1%7D"
    why till "/api/resource/Item?filters=%7B%22nix%22:1%7D"
    ask till /api/resource/Item/c | jq -r "(.data.title)? // ."
    ask till /api/resource/Kind/big | jq -r "(.data.name)? // ."
    why till /api/resource/Item/a; why till /api/resource/Kind/small
    why till /api/resource/Kind/none; why till /api/resource/User/till
    why till /api/resource/User; why till /api/resource/None
    why till "/api/resource/None?filters=%7B%22nix%22:1%7D"' <<'.'
--- out
you may not read Item, or not this one
403
you may not read Item, or not this one
403
{"data":[{"name":"b/c d"},{"name":"c"}]}
200
{"data":[{"name":"big"}]}
200
{"data":[]}
200
'Item' has no field 'nix'
417
now
200
big
200
you may not read Item, or not this one
403
you may not read Kind, or not this one
403
you may not read Kind, or not this one
403
you may not read User, or not this one
403
you may not read User, or not this one
403
you may not read None, or not this one
403
you may not read None, or not this one
403
.
# ---- events

pull() {
	who=$1 name=$2
	shift 2
	ask "$who" "$ES.$events" --data-urlencode "event_consumer=$name" "$@"
}
snap() {
	who=$1 name=$2
	shift 2
	ask "$who" "$ES.$snapshots" --data-urlencode "event_consumer=$name" "$@"
}
# Lines in short.
brief() {
	jq -r 'if type == "number" then . elif .grant then "grant"
	    elif .checkpoint then .checkpoint | "\(.events) events" +
		if .more then ", more" else "" end
	    elif .initial then .initial | "\(.events) documents" +
		if .more then ", more" else "" end
	    elif .end then "end \(.end.status)"
	    elif .snapshot then "snapshot \(.docname)"
	    else "\(.update_type) \(.docname)" end'
}
for n in 1 2 3 4 5; do
	printf '{"name":"b/c d","title":"%s"}\n{"name":"a","title":"%s"}\n' $n $n
done | es-put -q Item
t 'what a consumer gets: as es-producer-log says it' '
    pull till $till -d limit=1000 >answer; brief <answer
    es-producer-log -c $till | grep update_type >wanted
    grep update_type answer | cmp - wanted' <<'.'
--- out
grant
Create c
Update c
Create b/c d
Update b/c d
Update b/c d
Update b/c d
Update b/c d
Update b/c d
8 events
end 0
200
.
t 'by POST to / , in one coding or another' '
    ask till / --compressed -d limit=1000 -d event_consumer=$till \
	-d cmd=event_streaming.event_streaming.doctype.$events | cmp - answer
    ask till / -H "Accept-Encoding: gzip, zstd;q=0" -d limit=1000 \
	-d event_consumer=$till -d cmd=frappe.event_streaming.doctype.$events |
    cmp - answer; pull till $till -H "Accept-Encoding: zstd" -d limit=1000 \
	-D head -o packed; tr -d "\r" <head | grep -e ^Content- -e ^Transfer
    tr -d "\r" <head | head -1; od -An -tx1 -N4 packed' <<'.'
--- out

200
Content-Encoding: zstd
Content-Type: application/x-ndjson
Transfer-Encoding: chunked
HTTP/1.1 200 OK
 28 b5 2f fd
.
# Page by page, to the end.
pages() {
	: >whole
	set -- -d limit="$1"
	while pull till $till "$@" >page; do
		grep update_type page >>whole
		c=$(jq -c '.checkpoint? // empty' page)
		set -- -d limit=3 \
		    --data-urlencode "last_update=$(echo "$c" | jq -r .last_update)" \
		    -d name="$(echo "$c" | jq -r .name)"
		[ "$(echo "$c" | jq .more)" = 1 ] || break
	done
	brief <page
}
t 'in pages it is the same' 'pages 3; cmp whole wanted' <<'.'
--- out
grant
0 events
end 0
200
.
t 'a cursor that this site never gave, and what is none' '
    pull till $till -d limit=10 --data-urlencode "last_update=$(jq -r ".checkpoint?.last_update // empty" page)" \
	-d name=0123456789abcdefghj | tail -1
    for args in "last_update=x&limit=10" limit=0 limit=x limit=100001 "a=b"; do
	why till $ES.$events -d event_consumer=$till -d "$args"
    done' <<'.'
--- out
409
last_update is no time
417
limit is no number from 1 to 100000
417
limit is no number from 1 to 100000
417
limit is no number from 1 to 100000
417
limit is missing: events are given in pages only
417
.
t 'who is not approved gets that told, and nothing else' '
    pull shop $shop -d limit=1000 | brief' <<'.'
--- out
grant
0 events
end 0
200
.
t 'a manager may pull as any' 'pull boss $till -d limit=1000 | cmp - answer
    why boss $ES.$events -d limit=10 -d event_consumer=none' <<'.'
--- out
no Event Consumer 'none'
404
.
noted() {
	sqlite3 hq.db "SELECT cursor_name FROM consumer WHERE name = '$till'"
}
t 'what it has is noted, from a POST of its own' '
    last=$(jq -r ".checkpoint?.name // empty" answer)
    time=$(jq -r ".checkpoint?.last_update // empty" answer)
    pull boss $till -d limit=9 --data-urlencode "last_update=$time" -d name=$last >/dev/null
    pull till $till -d limit=9 --data-urlencode "last_update=$time" -d name=$last | brief
    until [ "$(noted)" = "$last" ]; do :; done' <<'.'
--- out
grant
0 events
end 0
200
.
t 'snapshots: all, of a DocType, of names, in parts' '
    snap till $till | brief; snap till $till -d doctype=Kind | brief
    snap till $till -d doctype=Item -d limit=1 | brief
    snap till $till -d doctype=Item --data-urlencode names=[\"c\",\"a\"] | brief
    why till $ES.$snapshots -d event_consumer=$till -d names=1
    why till $ES.$snapshots -d event_consumer=$till -d names={' <<'.'
--- out
grant
snapshot b/c d
snapshot c
2 documents
end 0
200
grant
0 documents
end 0
200
grant
snapshot b/c d
1 documents, more
end 0
200
grant
snapshot c
1 documents
end 0
200
names is no array of names of one doctype
417
names is not JSON: unexpected end of data at byte 1
417
.
# The origins of documents, Item/a or another, as a JSON array.
origins() {
	for doc; do
		es-producer-log -i "${doc%%/*}" "${doc#*/}" | jq -c '.origin // empty'
	done | jq -sc .
}
t 'of origins, in that order, with what is linked to; others are left out' '
    snap till $till --data-urlencode "origins=$(origins Item/c Kind/big Item/a Kind/small)" | brief
    snap till $till --data-urlencode "origins=$(origins Item/c Kind/big)" -d limit=1 | brief
    snap till $till --data-urlencode "origins=$(origins Item/c Kind/big)" -d after=1 | brief
    snap till $till -d "origins=[[\"s\",\"b\"]]" | brief
    why till $ES.$snapshots -d event_consumer=$till -d "origins=[[\"s\"]]"
    why till $ES.$snapshots -d event_consumer=$till -d "origins=[]" -d doctype=Item' <<'.'
--- out
snapshot c
snapshot big
2 documents
end 0
200
snapshot c
1 documents, more
end 0
200
snapshot big
1 documents
end 0
200
0 documents
end 0
200
origins is no array of [site, birth], or there is a doctype
417
origins is no array of [site, birth], or there is a doctype
417
.

# What defines a DocType: the fields of one, the names of a list.
fields() {
	ask till "/api/resource/DocType/$1" | jq -c '(.data | [.fields[].fieldname],
	    .permissions)? // .'
}
custom() {
	ask till "/api/resource/$1" -G --data-urlencode "filters={\"$2\":\"$3\"}" -d limit=0
}
t 'of DocTypes too, with their tables and what is laid over them' 'es-doctype -q
    echo "{\"doctype\":\"Other\",\"name\":\"o\"}" | es-put -q
    fields Item; fields Part; fields Kind
    ask boss /api/resource/DocType/Item | jq -c "[.data.permissions[].role]? // ."
    custom Custom%20Field dt Item; custom Custom%20Field dt Part; custom Property%20Setter doc_type Item
    ask till /api/resource/Custom%20Field; ask till "/api/resource/Custom%20Field/Item-colour" | jq -r "(.data.fieldtype)? // ."' <<'.'
--- in
{"doctype":"DocType","name":"Other Part","module":"T","istable":1,"fields":[{"fieldname":"x","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Other","module":"T","autoname":"Prompt","permissions":[{"role":"Event Subscriber","read":1}],"fields":[{"fieldname":"x","fieldtype":"Data"},{"fieldname":"rows","fieldtype":"Table","options":"Other Part"},{"fieldname":"item","fieldtype":"Link","options":"Item"}]}
{"doctype":"Custom Field","dt":"Item","fieldname":"colour","fieldtype":"Data"}
{"doctype":"Custom Field","dt":"Part","fieldname":"colour","fieldtype":"Data"}
{"doctype":"Custom Field","dt":"Other","fieldname":"colour","fieldtype":"Data"}
{"doctype":"Property Setter","doc_type":"Item","doctype_or_field":"DocField","field_name":"title","property":"label","value":"Caption"}
{"doctype":"Property Setter","doc_type":"Other","doctype_or_field":"DocField","field_name":"x","property":"label","value":"X"}
--- out
["title","size","kind","pin","text","parts"]
200
["code","note"]
200
["title"]
200
["Clerk"]
200
{"data":[{"name":"Item-colour"}]}
200
{"data":[{"name":"Part-colour"}]}
200
{"data":[{"name":"Item-title-label"}]}
200
{"data":[{"name":"Item-colour"},{"name":"Part-colour"}]}
200
Data
200
--- err
.
t 'and of no others' '
    for path in DocType/Other DocType/Other%20Part DocType/User DocType/DocType \
	DocType/DocField DocType/None DocType DocType?filters=%7B%22name%22:%22Item%22%7D \
	Custom%20Field/Other-colour Property%20Setter/Other-x-label Custom%20Field/None; do
	why till /api/resource/$path
    done | sort | uniq -c | sed "s/^ *//"; custom Custom%20Field dt Other
    for who in bell clerk -; do why $who /api/resource/DocType/Item; done
    custom Property%20Setter doc_type Kind; ask till "/api/resource/Property%20Setter/Item-title-label" | tail -1' <<'.'
--- out
11 403
2 you may not read Custom Field, or not this one
8 you may not read DocType, or not this one
1 you may not read Property Setter, or not this one
{"data":[]}
200
not permitted
403
you may not read DocType, or not this one
403
not permitted
403
{"data":[]}
200
200
--- err
.

# More than the buffers on the way take.
fat() {
	es-rm -q Item b/c\ d c && awk 'BEGIN { for (i = 0; i < 200; i++) {
	    printf "{\"name\":\"fat %d\",\"size\":2,\"text\":\"", i
	    for (k = 0; k < 10000; k++) printf "0123456789"; print "\"}" } }' |
	    es-put -q Item
}
ok 'much' fat
form=event_consumer=$till\&limit=100000
post="POST $ES.$events HTTP/1.1\r\nHost: x\r\n$(sed 's/^header = "//; s/"$//' till.curl)\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${#form}\r\n\r\n$form"
# A slow reader, that has begun.
slowly() {
	mkfifo go said
	python3 "$ES_TOP/tests/raw.py" "$url" slow "$post" <go >said &
	exec 8>go 7<said
	rm go said
	read -r line <&7
}
first=$url first_pid=$pid
serve end
slowly
kill $pid
ok 'it takes no new requests then' eval '
    until ! curl -s -o /dev/null "$url"; do :; done'
t 'what is under way is finished' 'echo >&8; cat <&7' <<'.'
--- out
whole
.
wait $pid
is 'and it stops' $? 0
exec 8>&- 7<&-
serve change
slowly
# Another site file takes the place of this one, without an item.
replace() {
	sqlite3 hq.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	cp hq.db copy.db
	sqlite3 copy.db "DELETE FROM document WHERE name = 'a'"
	mv hq.db away && mv copy.db hq.db
	until ask boss /api/resource/Item/a | grep -q 404; do
		:
	done
}
t 'what cannot be finished is cut' 'replace; echo >&8; cat <&7; mv away hq.db' <<'.'
--- out
cut
.
exec 8>&- 7<&-
halt $pid
is 'and nothing is said of it' "$(cat change.log)" ''
url=$first pid=$first_pid

# ---- notification, -X

t 'who may notify, and of whom' '
    echo "{\"doctype\":\"Event Producer\",\"producer_url\":\"http://north\",\"user\":\"Administrator\",\"producer_doctypes\":[{\"ref_doctype\":\"Item\"}]}" | es-put -q
    for who in bell shop boss; do
	ask $who $ES.$news -d producer_url=http://north
    done; ask bell / -d cmd=event_streaming.event_streaming.doctype.$news -d producer_url=http://north/
    why clerk $ES.$news -d producer_url=http://north
    why bell $ES.$news -d producer_url=http://south; why bell $ES.$news -X POST
    why bell "$ES.$news?producer_url=http://north"' <<'.'
--- out
{}
200
{}
200
{}
200
{}
200
not permitted
403
no Event Producer 'http://south'
404
new_event_notification without producer_url
417
frappe.event_streaming.doctype.event_producer.event_producer.new_event_notification is to be called by POST
403
.
t 'a notifier may do nothing else' 'for path in $me /api/method/version \
    /api/resource/Item /api/resource/Item/a $own $ES.$events; do
	why bell $path; done | sort | uniq -c; ask bell /api/method/frappe.ping' <<'.'
--- out
      6 403
      6 not permitted
{"message":"pong"}
200
.
cat >job <<'.'
#!/bin/sh
# Says that it runs, and waits.
echo "$*" >>ran
echo begun >begun
read -r status <gate
exit "$status"
.
chmod +x job
mkfifo begun gate
first=$url first_pid=$pid
serve two -X './job with  words'
tell() {
	ask bell $ES.$news -d producer_url=http://north | tail -1
}
t 'a command runs, once at a time, and once more for what came meanwhile' '
    tell; read -r x <begun; tell; tell; tell; echo 3 >gate; read -r x <begun
    echo 0 >gate; tell; read -r x <begun; echo 0 >gate; cat ran' <<'.'
--- out
200
200
200
200
200
with words
with words
with words
.
is 'its failure is told' "$(cat two.log)" "es-serve: './job' ended with status 3"
t 'another time' 'tell; read -r x <begun' <<'.'
--- out
200
.
halt $pid
is 'it stops' $? 0
t 'the command is left to finish' 'echo 0 >gate; wc -l <ran' <<'.'
--- out
4
.
serve three -X nowhere/at/all
t 'one that cannot be run' 'tell; cat three.log' <<'.'
--- out
200
es-serve: cannot run 'nowhere/at/all': No such file or directory
.
halt $pid
url=$first pid=$first_pid

# ---- what may be in the way

writer() {
	mkfifo sql said
	sqlite3 hq.db <sql >said &
	exec 8>sql 7<said
	echo "BEGIN IMMEDIATE; SELECT 'locked';" >&8
	read -r line <&7
}
t 'another program writes: it waits, and others do not' '
    writer; ask shop $ES.$register --data-urlencode "data=$(request $shop shopsite Kind)" >answer &
    ask boss /api/resource/Item/a | tail -1; echo "COMMIT;" >&8; exec 8>&-
    wait $!; tail -1 answer' <<'.'
--- out
200
200
.
t 'another file in its place is noticed' 'replace; rm away'  <<'.'
--- out
.
status_becomes() {
	until [ "$(ask boss /api/resource/Item | tail -1)" = "$1" ]; do
		:
	done
}
t 'what cannot be used is told, and used when it can be again' '
    mv hq.db away; echo garbage >hq.db; status_becomes 503
    ask boss / -i | tr -d "\r" | grep -e ^HTTP -e ^Retry; why boss /
    mv away hq.db; status_becomes 200' <<'.'
--- out
HTTP/1.1 503 Service Unavailable
Retry-After: 10
the site cannot be used now
503
.
t 'a page of another site may not write' '
    why shop $ES.$register -H "Origin: http://evil" -d data={}
    why shop $ES.$register -H "Origin: http://hq" -d data={}
    why shop $ES.$register -H "Origin: http://h" -d data={}
    ask shop $me -H "Origin: http://evil" | tail -1' <<'.'
--- out
a page of another site
403
data is no JSON object with event_consumer
417
a page of another site
403
200
.

# ---- the end

halt $pid
is 'it stops when told to' $? 0
t 'what it said of requests has no secrets' 'grep -c "^es-serve: POST $ES.$register shop 200 [0-9]* bytes [0-9]* ms$" one.log
    grep -q "GET /api/resource/Item/b%2Fc%20d boss 200" one.log
    for f in *.key; do
	grep -e "$(jq -r .api_key "$f")" -e "$(jq -r .api_secret "$f")" one.log
    done; grep -e "?" -e filters -e sid one.log' 1 <<'.'
--- out
2
.
sqlite3 hq.db "UPDATE consumer SET cursor = CASE name WHEN '$till' THEN
    (SELECT max(creation) FROM journal WHERE docname = 'c') ELSE 0 END"
serve four -L rate=1
entry=$(es-get -C name 'Event Update Log' ref_doctype=Item docname=c update_type=Create | jq -r .name)
t 'a document of the update log has the consumers that were sent it' '
    ask boss "/api/resource/Event%20Update%20Log/$entry" |
    jq -c "(.data | .docname, .consumers)? // ."' <<'.'
--- out
"c"
[{"idx":1,"consumer":"http://127.0.0.1:1/till","creation":"TIME","modified":"TIME","parent":"ID","parentfield":"consumers","parenttype":"Event Update Log","doctype":"Event Update Log Consumer"}]
200
.
t 'how often one may ask' 'curl -s -K ./shop.curl -D heads "$url$me?[1-30]" |
    grep -o "r: more than [0-9a-z ]*" | sort -u; ask till $me
    tr -d "\r" <heads | grep -e ^HTTP -e ^Retry | sort -u' <<'.'
--- out
r: more than 1 requests a second
{"message":"till"}
200
HTTP/1.1 200 OK
HTTP/1.1 429 Too Many Requests
Retry-After: 1
.
halt $pid >/dev/null

done_testing
