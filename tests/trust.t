#!/bin/sh
# What a consumer gains by calling itself another, or by coming again

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

ok 'sites' eval 'site shop && site till && site spy'
till=$(sqlite3 till.db "SELECT value FROM site WHERE key = 'id'")
spy=$(sqlite3 spy.db "SELECT value FROM site WHERE key = 'id'")
es-key -q -s shop.db till@shop >/dev/null
es-key -q -s shop.db spy@shop >/dev/null

# ask NAME USER SITE DOCTYPE ...: a request, as es-subscribe writes one, taken in.
ask() {
	jq -nc '$ARGS.positional as [$name, $user, $site] | {request: ({
	    event_consumer: $name, user: $user, consumer_doctypes:
	    ([$ARGS.positional[3:][] | {doctype: .}] | tojson)} +
	    if $site == "" then {} else {site: $site} end)}' --args "$@" |
	    es-approve -q -s shop.db -
}
# What a consumer gets of all that there is, and what it was granted.
gets() {
	es-producer-log -s shop.db -c "$1" | jq -r 'select(.update_type) |
	    "\(.update_type) \(.ref_doctype) \(.docname)"'
}
granted() {
	sqlite3 shop.db "SELECT t.name, active, own FROM granted JOIN doctype t
	    ON t.id = doctype WHERE consumer = (SELECT id FROM consumer WHERE
	    name = '$1') ORDER BY pos, 1"
}

ask till till@shop "$till" Thing
es-approve -a -q -s shop.db till
echo '{"name":"a","title":"secret"}' | es-put -q -s shop.db Thing
is 'a consumer gets what is its own' "$(gets till)" 'Create Thing a'
is 'by its identity too' "$(gets "$till")" 'Create Thing a'

# ---- by the name of another's identity

t 'the identity of another site is no name' 'ask "$till" spy@shop "$spy" Person' 1 <<'.'
--- out
--- err
es-approve: stdin:1: the consumer's address is the identity of a site
.
jq -nc --arg name "$till" '{doctype: "Event Consumer", callback_url: $name,
    user: "spy@shop", consumer_doctypes: [{ref_doctype: "Person", status: "Approved"}]}' |
    es-put -q -s shop.db
is 'one that was written so gets its own all the same' "$(gets "$till")" ''
is 'and takes nothing from the other' "$(gets till)" 'Create Thing a'
es-rm -q -s shop.db 'Event Consumer' "$till"
t 'nor is that of a consumer that is there' 'ask spy spy@shop "$till" Person' 1 <<'.'
--- out
--- err
es-approve: stdin:1: that site is known as 'till' here; take this Event Consumer away with es-rm first
.
t 'nor the name of another site' 'ask till spy@shop "$spy" Person' 1 <<.
--- out
--- err
es-approve: stdin:1: 'till' was another site before (ID, not ID); if that is right, take its Event Consumer away with es-rm first
.

# ---- by the name of one that is gone

es-rm -q -s shop.db 'Event Consumer' till
is 'of one that is gone nothing is granted' "$(granted till | tail -1)" 'Thing|0|'
ask till spy@shop "$spy" Person
is 'another site of its name begins anew' "$(granted till)" 'Person|0|'
es-rm -q -s shop.db 'Event Consumer' till
ask till till@shop "$till" Thing
is 'and so does the first when it comes back' "$(granted till)" 'Thing|0|'
es-approve -a -q -s shop.db till
es-rm -q -s shop.db 'Event Consumer' till
ask till till@shop "$till" Thing
is 'unless nobody was there in between' "$(granted till)" 'Thing|0|
Thing|1|
Thing|0|'
ask stock spy@shop '' Thing
es-approve -a -q -s shop.db stock
es-rm -q -s shop.db 'Event Consumer' stock
ask stock till@shop '' Person
is 'one that told no identity is not known again' "$(granted stock)" 'Person|0|'

# ---- what the administrator laid down

own="doc.count == 1"
es-approve -q -s shop.db till Thing condition="$own"
is 'a condition of the producer' "$(granted till | tail -1)" "Thing|1|$own"
ask till till@shop "$till" Person
ask till till@shop "$till" Person Thing
is 'stays, though its row was taken out meanwhile' \
    "$(es-get -s shop.db 'Event Consumer' till | jq -c '.consumer_doctypes[] |
    [.ref_doctype, .status, .own_condition]')" "[\"Person\",\"Pending\",null]
[\"Thing\",\"Pending\",\"$own\"]"
es-approve -q -s shop.db till Thing condition=
ask till till@shop "$till" Person
ask till till@shop "$till" Thing
is 'unless the producer took it away' "$(es-get -s shop.db 'Event Consumer' till |
    jq -c '.consumer_doctypes[] | [.ref_doctype, .own_condition]')" '["Thing",null]'

# ---- over HTTP

. "$ES_TOP/tests/serve.sh"
ES_SITE=hq.db
export ES_SITE
es=/api/method/frappe.event_streaming.doctype
register=$es.event_consumer.event_consumer.register_consumer
events=$es.event_update_log.event_update_log.get_update_logs_for_consumer
own=/api/resource/Event%20Consumer
hq() {
	es-init -q http://hq && es-doctype -q doctypes.json &&
	    user shop 'Event Subscriber' && user spy 'Event Subscriber' &&
	    user boss 'System Manager'
}
ok 'a site with users' hq
serve hq -v
# request NAME SITE DOCTYPE ...
request() {
	jq -nc '$ARGS.positional as [$name, $site] | {event_consumer: $name,
	    site: $site, api_key: "bell", api_secret: "zyzzyva", user: "boss",
	    consumer_doctypes: [$ARGS.positional[2:][] | {doctype: .}] | tojson}' \
	    --args "$@"
}
shop=1k0yrpy2ycvst1953x3
ask shop $register --data-urlencode "data=$(request http://127.0.0.1:1 $shop Thing)" >out
es-approve -aq http://127.0.0.1:1 condition='doc.title != "hidden from them"'
ask spy $register --data-urlencode "data=$(request http://127.0.0.2:1 '' Person)" >out
es-approve -aq http://127.0.0.2:1
echo '{"name":"a","title":"theirs"}' | es-put -q Thing

t 'what a consumer may not have it has not by another name either' '
    for name in http://127.0.0.1:1 http://127.0.0.1:1/ $shop; do
	why spy $events --data-urlencode event_consumer=$name -d limit=9
    done; why spy $register --data-urlencode "data=$(request $shop "" Person)"' <<'.'
--- out
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
no Event Consumer of yours is called so
403
the consumer's address is the identity of a site
417
.
t 'whose user it is says the key, not the request' '
    es-get -C user "Event Consumer" http://127.0.0.1:1' <<'.'
--- out
{"user":"shop"}
.
t 'the condition of the producer is not told, however it is asked for' '
    ask shop $own/http:%2F%2F127.0.0.1:1 >said; ask shop $own >>said
    for fields in "[\"*\"]" "[\"consumer_doctypes\"]" "[\"name\",\"\`consumer_doctypes\`\"]" \
	"[\"\`tabEvent Consumer\`.consumer_doctypes\"]" \
	"[\"\`tabEvent Consumer Document Type\`.own_condition\"]" "\"consumer_doctypes\""; do
	ask shop $own -G --data-urlencode "fields=$fields" >>said
    done
    ask shop $own -G --data-urlencode "filters=[[\"Event Consumer Document Type\",\"own_condition\",\"like\",\"doc%\"]]" >>said
    ask shop $own/http:%2F%2F127.0.0.1:1 -X PUT --data-urlencode \
	"data={\"consumer_doctypes\":[{\"ref_doctype\":\"Thing\"}]}" >>said
    ask shop $register --data-urlencode "data=$(request http://127.0.0.1:1 $shop Thing)" >>said
    ask shop $events --data-urlencode event_consumer=http://127.0.0.1:1 -d limit=9 >>said
    grep "hidden\|\"own_condition\":" said; grep -c "^200" said' <<'.'
--- out
6
.
t 'who has a key sees nothing of others, users and logs' '
    for path in User User/boss User/spy "Event%20Producer" "Event%20Update%20Log" \
	"Event%20Sync%20Log" "Event%20Consumer/http:%2F%2F127.0.0.1:1" \
	"Event%20Consumer%20Document%20Type" DocType/User Role "Thing/a" Thing; do
	ask spy "/api/resource/$path" | tail -1
    done | uniq -c | sed "s/^ *//"
    ask spy $own | jq -c "(.data)? // ."' <<'.'
--- out
12 403
[{"name":"http://127.0.0.2:1"}]
200
.
t 'secrets are in no document, journal or log' '
    ask - "/api/method/version?api_key=bell&api_secret=zyzzyva" \
	-H "Authorization: token bell:zyzzyva" >/dev/null
    printf "%s\n" "GET /?api_secret=zyzzyva HTTP/1.1\r\nBad\r\n\r\n" \
	"GET /?api_secret=zyzzyva HTTP/1.1\r\nHo" |
	python3 "$ES_TOP/tests/raw.py" "$url" send >/dev/null
    sqlite3 hq.db "SELECT data FROM document UNION ALL SELECT data FROM journal" >held
    cat hq.log >>held
    for key in shop spy boss; do jq -r .api_secret $key.key; done >secrets
    grep -c zyzzyva held; grep -cFf secrets held
    sqlite3 hq.db "SELECT DISTINCT value FROM secret WHERE value NOT LIKE '\''sha256:%'\''
	AND field NOT LIKE '\''% since'\''"' <<'.'
--- out
0
0
zyzzyva
.

# ---- how much one may take

jq -nc '{name: "big", title: ("x" * 12000000)}' | es-put -q Thing
t 'who leaves streams unread is refused more of them' '
    body=$(printf "event_consumer=%s&limit=999" "$(printf %s http://127.0.0.1:1 | jq -sRr @uri)")
    key=$(jq -r "\"\(.api_key):\(.api_secret)\"" shop.key)
    python3 - "${url##*:}" "$key" "$events" "$body" <<-.
	import socket, sys
	port, key, path, body = sys.argv[1:]
	ask = "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: token %s\r\n" \
	    "Content-Type: application/x-www-form-urlencoded\r\n" \
	    "Content-Length: %d\r\n\r\n%s" % (path, key, len(body), body)
	def begin():
	    s = socket.create_connection(("127.0.0.1", int(port)))
	    s.sendall(ask.encode())
	    return s, s.recv(12).decode()[9:]
	held = [begin() for i in range(50)]
	print(sorted({status for s, status in held}), begin()[1])
	.
    ask spy $events --data-urlencode event_consumer=http://127.0.0.2:1 -d limit=9 | tail -1' <<'.'
--- out
['200'] 429
200
.

done_testing
