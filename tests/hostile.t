#!/bin/sh
# What hostile clients of es-serve gain: nothing is told, nothing written,
# nobody else disturbed

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/serve.sh"

ES_SITE=hq.db
export ES_SITE
ES=/api/method/frappe.event_streaming.doctype
register=event_consumer.event_consumer.register_consumer
events=event_update_log.event_update_log.get_update_logs_for_consumer
snapshots=event_update_log.event_update_log.get_snapshots_for_consumer
own=/api/resource/Event%20Consumer
shop=http://127.0.0.1:1/shop till=http://127.0.0.1:1/till

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Item","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"pin","fieldtype":"Password"}]}
{"doctype":"DocType","name":"Secret","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data"}]}
.
cat >documents <<'.'
{"doctype":"Item","name":"a","title":"shown","pin":"hidden"}
{"doctype":"Item","name":"b","title":"hidden"}
{"doctype":"Secret","name":"s","title":"hidden"}
.
request() {
	jq -nc --arg name "$1" --arg site "$2" '{event_consumer: $name,
	    site: $site, consumer_doctypes: "[{\"doctype\":\"Item\"}]"}'
}
site() {
	es-init -q http://hq && es-doctype -q doctypes.json &&
	    user boss 'System Manager' && user shop 'Event Subscriber' &&
	    user till 'Event Subscriber' && user bell 'Event Notifier'
}
join() {
	request "$2" "$1.site" | ask "$1" $ES.$register --data-urlencode data@- &&
	    es-approve -aq "$2" condition='doc.title == "shown"'
}
ok 'a site' site
serve main -v
ok 'and two consumers of it' eval 'join shop "$shop" && join till "$till" &&
    es-put -q <documents'
# All that is in it, but when consumers were here.
dump() {
	sqlite3 -readonly hq.db .dump | grep -v 'INSERT INTO consumer '
}
dump >before

# What is asked must not change it, nor tell what is hidden, and others are
# served as before.
fine() {
	[ "$(ask shop /api/resource/Item/a -o got)" = "
200" ] && grep -q shown got && kill -0 "$pid" && dump | diff before - &&
	    ! grep -aq hidden "$tap_dir"/case/*.out
}
after() {
	[ -s "$tap_dir/case/got.out" ] || return 0
	ok 'no harm was done' fine
}
raw() {
	python3 "$ES_TOP/tests/raw.py" "$url" "$@"
}

# ---- requests that are understood in two ways, or in none

t 'headers that stand twice, or contradict each other' 'raw send' <<'.'
--- in
GET / HTTP/1.1\r\nHost: x\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\nhost: hq\r\n\r\n
GET / HTTP/1.1\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\nAuthorization: token a:b\r\nAuthorization: token a:b\r\n\r\n
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\nContent-Length: 3\r\n\r\na=bGET / HTTP/1.1\r\n
POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n
--- out
200 open
400 closed
400 closed
400 closed
400 closed
400 closed
400 closed
400 closed
400 closed
400 closed
400 closed
--- err
.
after
t 'lengths that are none, bodies in chunks or packed' 'raw send' <<'.'
--- in
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\na=b
POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n
POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n
POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc
--- out
400 closed
400 closed
400 closed
400 closed
400 closed
400 closed
411 closed
400 closed
400 closed
415 closed
--- err
.
after
t 'what is too large' 'raw send' <<'.'
--- in
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\nabc
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\nabc
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n{1048576}
GET / HTTP/1.1\r\nHost: x\r\nX: {32768}\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\nX: {200000}\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\n{40000}: x\r\n\r\n
GET /{200000} HTTP/1.1\r\nHost: x\r\n\r\n
GET /?{30000} HTTP/1.1\r\nHost: x\r\n\r\n
--- out
413 closed
413 closed
404 open
431 closed
431 closed
431 closed
414 closed
200 open
--- err
.
after
t 'control characters' 'raw send' <<'.'
--- in
GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n
GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\nX: a\x01b\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\nX\0: b\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\nX y: b\r\n\r\n
GET / HTTP/1.1\r\nHost: x\r\n X: b\r\n\r\n
GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n
GET /%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n\r\n
GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n
GET /?cmd=frappe.ping%00 HTTP/1.1\r\nHost: x\r\n\r\n
GET /?cmd=%ff HTTP/1.1\r\nHost: x\r\n\r\n
POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\ncmd=%00
--- out
400 closed
400 closed
400 closed
400 closed
400 closed
400 closed
400 open
400 open
400 open
400 closed
400 closed
400 closed
--- err
.
after
t 'what is no request' 'raw send' <<'.'
--- in
garbage\r\n\r\n
\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n
GET / HTTP/2.0\r\nHost: x\r\n\r\n
GET / HTTP/0.9\r\nHost: x\r\n\r\n
GET /\r\n\r\n
get / HTTP/1.1\r\nHost: x\r\n\r\n
PATCH / HTTP/1.1\r\nHost: x\r\n\r\n
TRACE / HTTP/1.1\r\nHost: x\r\n\r\n
CONNECT hq:80 HTTP/1.1\r\nHost: x\r\n\r\n
GET http://hq/ HTTP/1.1\r\nHost: x\r\n\r\n
GET * HTTP/1.1\r\nHost: x\r\n\r\n
GET ../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n
--- out
- closed
- closed
505 closed
505 closed
400 closed
405 closed
405 closed
405 closed
405 closed
400 closed
400 closed
400 closed
--- err
.
after
t 'names of hosts and users in headers are nobody' 'raw send' <<'.'
--- in
GET /api/resource/Item HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: hq\r\n\r\n
GET /api/resource/Item HTTP/1.1\r\nHost: hq@x/../\r\nX-Forwarded-User: Administrator\r\nX-Remote-User: Administrator\r\n\r\n
GET /api/resource/Item HTTP/1.1\r\nHost: x\r\nCookie: sid=Administrator; user_id=Administrator\r\nX-Frappe-Site-Name: hq\r\n\r\n
--- out
403 open
403 open
403 open
--- err
.
after
t 'those who go in the middle' 'raw leave; echo gone' <<'.'
--- in
GET
GET / HTTP/1.1\r\nHost: x\r\n
GET / HTTP/1.1\r\nHost: x\r\n\r\n
POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc
GET /api/resource/Item HTTP/1.1\r\nHost: x\r\nAuthorization: token a:b\r\n\r\n
--- out
gone
.
after
t 'anything' 'raw fuzz 600 "POST /api/method/frappe.ping?a=b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{\"a\":[1,{\"b\":null}]}"
    raw fuzz 600 "GET /api/resource/Event%20Consumer/http://x?fields=%5B%22a%22%5D HTTP/1.1\r\nHost: x\r\n\r\n"
    echo sent' <<'.'
--- out
sent
--- err
.
after

# ---- what is another's

all_of() {
	for path in /api/resource/Item/b /api/resource/Item/none \
	    /api/resource/Secret /api/resource/Secret/s /api/resource/Secret/none \
	    /api/resource/User /api/resource/User/boss /api/resource/User/none \
	    /api/resource/Event%20Producer /api/resource/DocType/Secret \
	    /api/resource/Event%20Update%20Log /api/resource/Event%20Sync%20Log \
	    $own/$till $own/none; do
		why "$1" $path
	done
}
t 'documents: a consumer sees its own, of what it was given' '
    all_of shop | sed "s/read .*,/read it,/" | sort | uniq -c' <<'.'
--- out
     14 403
     14 you may not read it, or not this one
.
after
t 'lists and their filters tell no more' '
    ask shop "/api/resource/Item?limit=0&fields=%5B%22*%22%5D" | grep -o "shown\|hidden"
    for f in "[[\"title\",\"=\",\"hidden\"]]" "[[\"title\",\"like\",\"h%\"]]"; do
	ask shop /api/resource/Item -G --data-urlencode "filters=$f"
    done; why shop "/api/resource/Item?filters=%7B%22pin%22:%22x%22%7D"; ask shop "/api/resource/Item?fields=%5B%22pin%22%5D"
    why shop /api/resource/Event%20Consumer -G --data-urlencode \
	"filters=[[\"Event Consumer Document Type\",\"own_condition\",\"like\",\"%\"]]"' <<'.'
--- out
shown
{"data":[]}
200
{"data":[]}
200
'pin' is a secret and not in documents
417
{"data":[{"pin":null}]}
200
you may not read Event Consumer, or not this one
403
.
after
t 'pulling as another, or as nobody' '
    for name in $till none "$(jq -r .user till.key)" till.site "" "$shop/" "$shop%00" "%"; do
	why shop $ES.$events -d limit=10 --data-urlencode "event_consumer=$name"
	why shop $ES.$snapshots --data-urlencode "event_consumer=$name"
    done; why bell $ES.$events -d limit=10 -d event_consumer=$shop
    why - $ES.$events -d limit=10 -d event_consumer=$shop' <<'.'
--- out
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
event_consumer is missing
417
event_consumer is missing
417
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
not permitted
403
not permitted
403
.
after
t 'taking over another' '
    why shop $ES.$register --data-urlencode "data=$(request $till till.site)"
    why shop $ES.$register --data-urlencode "data=$(request $till shop.site)"
    why shop $own/$till -X PUT --data-urlencode "data=$(request $till till.site)"
    why bell $own/$till -X PUT --data-urlencode "data=$(request $till till.site)"
    why shop $ES.$register --data-urlencode "data={\"event_consumer\":\"$shop\",\"site\":\"till.site\",\"consumer_doctypes\":\"[]\"}"' <<'.'
--- out
that Event Consumer belongs to another user
403
that Event Consumer belongs to another user
403
no Event Consumer of yours is called so
403
not permitted
403
'http://127.0.0.1:1/shop' was another site before (shop.site, not till.site); if that is right, take its Event Consumer away with es-rm first
409
.
after
t 'approving oneself, or asking for what is never sent' '
    for rows in "[{\"doctype\":\"User\"}]" "[{\"doctype\":\"Event Consumer\"}]" \
	"[{\"doctype\":\"DocType\"}]" "[{\"doctype\":\"Item\",\"condition\":\"__import__(1)\"}]" "[]" "{}"; do
	jq -nc --arg rows "$rows" --arg name $shop "{event_consumer: \$name, site: \"shop.site\", consumer_doctypes: \$rows}" |
	ask shop $ES.$register --data-urlencode data@- | tail -1
    done; jq -nc "{consumer_doctypes: [{ref_doctype: \"Item\", status: \"Approved\", own_condition: \"\"}], user: \"boss\", api_key: null}" |
    ask shop $own/$shop -X PUT --data-urlencode data@- | jq -c "(.data.consumer_doctypes | map(del(.name)))? // ." | grep -o "\"status[^,]*"
    ask boss $own/$shop | grep -o "\"user.[^,]*\|own_condition.:.[^,]*"' <<'.'
--- out
417
417
417
417
417
417
"status":"Approved"
"user":"shop"
own_condition":"doc.title == \"shown\""
.
dump >before
t 'another key' 'k=$(jq -r .api_key shop.key) s=$(jq -r .api_secret till.key)
    ask - /api/resource/Item/a -H "Authorization: token $k:$s" | tail -1' <<'.'
--- out
401
.
after

# ---- paths and SQL

tricks() {
	sed 's/ /%20/g' | while read -r path; do
		ask "$1" "$path" --path-as-is -g | tail -1
	done | sort | uniq -c | tr -s ' '
}
cat >paths <<'.'
/api/resource/../../../etc/passwd
/api/resource/Item/../Secret/s
/api/resource/Item/..%2f..%2fSecret%2fs
/../hq.db
/hq.db
/api/resource/Item'/a
/api/resource/Item"/a
/api/resource/Item" UNION SELECT * FROM secret --/a
/api/resource/tabSecret/s
/api/resource/secret/s
/api/resource/document/1
/api/resource/sqlite_master
/api/resource/Secret;/s
/api/resource/Item/a' OR '1'='1
/api/resource/Item/a" OR "1"="1
/api/resource/Item/a%27%20OR%201=1--
/api/resource/Item/%25
/api/resource/Item/*
/api/resource//
/api/resource/%20
/api/resource/Item/a%20
/api/resource/Item/A
/api/resource/Secret%20/s
/api/v2/document/Secret/s
/api/method/
/api/method/os.system
/api/method/frappe.client.get?doctype=Secret&name=s
/?cmd=frappe.client.get_password&doctype=Item&name=a&fieldname=pin
/private/files/hq.db
/backups/hq.db
.
t 'paths' 'tricks shop <paths' <<'.'
--- out
 21 403
 5 404
 4 417
.
after
queries() {
	while read -r query; do
		ask "$1" /api/resource/Item -G --data-urlencode "$query" | tail -1
	done | sort | uniq -c | tr -s ' '
}
cat >queries <<'.'
filters={"title' OR '1'='1":"x"}
filters={"title\" OR 1=1 --":"x"}
filters={"name":["= 'a' OR 1=1 --","x"]}
filters=[["Item","name","=","a"],["Secret","title","=","hidden"]]
filters=[["User","api_key","like","%"]]
filters={"(SELECT value FROM secret)":"x"}
filters={"$.pin":["is","set"]}
fields=["(SELECT group_concat(value) FROM secret) AS x"]
fields=["title, (SELECT 1)"]
fields=["Secret.title"]
fields=["`tabSecret`.`title`"]
fields=["* FROM secret --"]
order_by=name; DROP TABLE document
order_by=(SELECT value FROM secret)
order_by=name COLLATE nocase
limit=1; DROP TABLE document
limit_start=-1
limit=99999999999999999999
.
t 'filters, fields and orders with SQL in them' 'queries shop <queries; queries boss <queries' <<'.'
--- out
 18 417
 18 417
.
after
t 'values with SQL in them are values' 'cat >values <<"!"
filters={"title":"'"'"' OR 1=1 --"}
filters={"title":["like","%'"'"' UNION SELECT value FROM secret --"]}
filters={"name":["in",["a'"'"')--"]]}
!
    while read -r query; do
	ask boss /api/resource/Item -G --data-urlencode "$query"
    done <values' <<'.'
--- out
{"data":[]}
200
{"data":[]}
200
{"data":[]}
200
.
after
nested() {
	awk -v n="$1" 'BEGIN { printf "{\"a\":"; for (i = 0; i < n; i++)
	    printf "["; for (i = 0; i < n; i++) printf "]"; print "}" }'
}
t 'JSON that is too deep, doubled or broken' '
    nested 600 | why boss /api/resource/Item -X GET -H "Content-Type: application/json" -d @- | tail -1
    for json in "{\"cmd\":\"frappe.ping\",\"cmd\":\"version\"}" "{\"a\":\"\\ud800\"}" "{\"a\":NaN}" "[1]"; do
	ask boss / -H "Content-Type: application/json" -d "$json" | tail -1
    done; printf "{\"a\":\"\\377\"}" | ask boss / -H "Content-Type: application/json" --data-binary @- | tail -1
    ask boss / -H "Content-Type: application/json" -d "{\"cmd\":\"frappe.ping\\u0000x\"}" | tail -1' <<'.'
--- out
417
417
417
417
417
417
404
.
after

# ---- those who keep it busy

many() {
	n=0 pids=
	while [ $((n += 1)) -le "$1" ]; do
		ask - /api/resource/Item -o /dev/null \
		    -H "Authorization: token a:$n" >key.$n &
		pids="$pids $!"
	done
}
t 'who guesses keys is kept waiting, others are not' 'many 24
    ask shop /api/resource/Item/a | tail -1; wait $pids
    sort key.* | grep . | uniq -c | tr -s " "' <<'.'
--- out
200
 16 401
 8 429
.
after
# Somebody keeps the site from being written, longer than is waited for.
mkfifo sql said
sqlite3 hq.db <sql >said &
exec 8>sql 7<said
echo "BEGIN IMMEDIATE; SELECT 'locked';" >&8
read -r line <&7
ask shop $ES.$register -i --data-urlencode "data=$(request $shop shop.site)" >busy &
busy=$!

first=$url first_pid=$pid
serve short -L idle=1 -L whole=2 -L connections=300
t 'who is slow is left' '
    for what in hold drip; do
    for start in "" "GET / HT" "GET / HTTP/1.1\r\nHost: x\r\nX: " \
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"; do
	raw $what "$start" &
    done; done; wait' <<'.'
--- out
closed
closed
closed
closed
closed
closed
closed
closed
--- err
.
after
t 'more idle ones than there is room for' 'raw idle 500 curl -s "$url" | sed "2s/2[0-9][0-9]/most/"' <<'.'
--- out
es-serve
most
.
after
halt "$pid" >/dev/null
url=$first pid=$first_pid
wait $busy
t 'who cannot write now is told to come again' 'grep -e ^HTTP -e ^Retry busy | tr -d "\r"
    tail -2 busy | jq -r "(.exception)? // ."' <<'.'
--- out
HTTP/1.1 503 Service Unavailable
Retry-After: 1
frappe.exceptions.SiteBusyError: another program is writing to the site
503
.
exec 8>&- 7<&-
t 'a thousand idle ones, and a good one' 'raw idle 1000 sh -c "
	curl -s -K shop.curl \"$url/api/resource/Item/a?[1-50]\"" | tail -c 5; echo' <<'.'
--- out
1000

.
after

t 'nothing of all this is in the log' 'grep -aE "hidden|token|sid=|filters|\?" main.log' 1 <<'.'
--- out
.
halt "$pid"
is 'it stops when told to' $? 0
ok 'and has said nothing but its log' eval '! grep -av "^es-serve: [A-Za-z-]* .* [0-9]* ms\( cut\)\?$" main.log'

done_testing
