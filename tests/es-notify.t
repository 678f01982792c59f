#!/bin/sh
# es-notify - who is told of news, and how

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/serve.sh"

ES_SITE=hq.db
export ES_SITE

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Item","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"size","fieldtype":"Int"}]}
{"doctype":"DocType","name":"Kind","module":"T","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data"}]}
.
site() {
	es-init -q http://hq && es-doctype -q doctypes.json &&
	    user shop 'Event Subscriber'
}
# A site that can be told of news of hq, and its key for that.
ear() {
	es-init -q -s "$1.db" "$1" && es-doctype -q -s "$1.db" doctypes.json &&
	    ES_SITE=$1.db user "bell@$1" 'Event Notifier' &&
	    echo '{"doctype":"Event Producer","producer_url":"http://hq",
		"user":"Administrator","producer_doctypes":
		[{"ref_doctype":"Item"}]}' | jq -c . | es-put -q -s "$1.db"
}
ok 'a producer' site
ok 'a consumer that can be told' ear shop
cat >job <<'.'
#!/bin/sh
echo told >>told
.
chmod +x job
serve shop -s shop.db -X ./job -v

# consumer NAME ADDRESS [KEYFILE]: an Event Consumer with items of size 1 on.
consumer() {
	jq -nc --arg url "$2" --argjson key "$(cat "${3:-/dev/null}" | grep . || echo '{}')" \
	    '{doctype: "Event Consumer", callback_url: $url, user: "shop",
	    api_key: $key.api_key, api_secret: $key.api_secret,
	    consumer_doctypes: [{ref_doctype: "Item", status: "Approved",
	    condition: "doc.size > 0"}]}' | es-put -q
}
consumer shop "$url" bell@shop.key
name() {
	sed "s,$url,SHOP,"
}
item() {
	printf '{"name":"%s","size":%s}\n' "$@" | es-put Item
}
t 'nothing happened' 'es-put </dev/null | es-notify -v' <<'.'
--- out
--- err
es-notify: 0 events, 0 consumers told, 0 not
.
# So often it was told; a request is in the log when it is over.
heard() {
	until [ "$(wc -l <shop.log)" -ge "$1" ]; do
		:
	done
	wc -l <shop.log
}
t 'an event that it would be sent' 'item a 1 | es-notify | name; heard 1' <<'.'
--- out
{"notified":{"consumer":"SHOP","status":200}}
1
--- err
.
t 'many, and it is told once' 'item b 0 c 1 d 2 | es-notify -v | name' <<'.'
--- out
{"notified":{"consumer":"SHOP","status":200}}
--- err
es-notify: 3 events, 1 consumers told, 0 not
.
t 'what it would not be sent' 'item e 0 >no; echo "{\"name\":\"k\"}" | es-put Kind >>no
    grep -v "\"end\"" no >cut; tail -1 no >>cut; es-notify -v cut' <<'.'
--- out
--- err
es-notify: 2 events, 0 consumers told, 0 not
.
t 'what brings it into view, and what takes it away' '
    item e 1 | es-notify | name; echo "{\"name\":\"e\",\"size\":0}" | es-put Item | es-notify
    es-rm Item e | es-notify | name' <<'.'
--- out
{"notified":{"consumer":"SHOP","status":200}}
{"notified":{"consumer":"SHOP","status":200}}
--- err
.
t '-n tells nobody, -q says nothing' 'heard 4; item a 2 >events; es-notify -n events | name
    es-notify -q - <events; heard 5' <<'.'
--- out
4
{"notified":{"consumer":"SHOP","status":null}}
5
--- err
.
t 'events of another site, and what is no event' '
    sed "s/\"name\":\"[^\"]*\",\"creation\"/\"name\":\"other\",\"creation\"/" events |
    es-notify; echo "{\"grant\":{}}" | cat - events | es-notify -n | name' <<'.'
--- out
{"notified":{"consumer":"SHOP","status":null}}
--- err
.
t 'lines that are none, and an input that was cut' '
    { echo "{"; cat events; } | es-notify -nq; echo $?; grep -v "\"end\"" events | es-notify -nq' 111 <<'.'
--- out
1
--- err
es-notify: stdin:1: unexpected end of data at byte 1
es-notify: stdin: the input was cut: it has no end line
.
t 'the status of what is read' 'sed "s/\"status\":0/\"status\":100/" events | es-notify -nq' 100 <<'.'
--- out
--- err
.

# ---- others

t 'those without a key or an address are not told' '
    consumer till till bell@shop.key; consumer nokey http://127.0.0.1:9/nokey
    item b 1 | es-notify | name' <<'.'
--- out
{"notified":{"consumer":"SHOP","status":200}}
--- err
.
t 'one that does not answer, one that refuses, one that is not to be asked' '
    consumer dead http://127.0.0.1:1 bell@shop.key
    consumer wrong "$url/nowhere" bell@shop.key
    consumer metadata http://169.254.169.254 bell@shop.key
    item c 2 | es-notify | name; es-producer-log Item c | es-notify -nq 2>/dev/null' <<'.'
--- out
{"notified":{"consumer":"http://127.0.0.1:1","status":null}}
{"notified":{"consumer":"SHOP","status":200}}
{"notified":{"consumer":"SHOP/nowhere","status":404}}
{"notified":{"consumer":"http://169.254.169.254","status":null}}
.
t 'and the status says so' 'item c 3 >events; es-notify -q events 2>said
    status=$?; name <said; exit $status' 111 <<'.'
--- out
es-notify: 'http://127.0.0.1:1' was not told: could not connect: Connection refused
es-notify: 'SHOP/nowhere' was not told: it is not subscribed to us: not found
es-notify: 'http://169.254.169.254' was not told: not connected: its name leads to a link-local address
--- err
.
es-rm -q 'Event Consumer' "$url/nowhere" http://127.0.0.1:1 http://169.254.169.254
t 'one whose key is no good any more' 'es-key -qx -s shop.db bell@shop
    item c 5 | es-notify | name' <<'.'
--- out
{"notified":{"consumer":"SHOP","status":401}}
.
t 'one that is rejected, or has unsubscribed' 'es-approve -xq "$url" Item
    item c 6 | es-notify' <<'.'
--- out
--- err
.
halt "$pid"
is 'what was told was heard' "$(sort -u told)" told

done_testing
