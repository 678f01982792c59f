#!/bin/sh
# es-subscribe over the line: telling a producer, and what it says to that

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"
. "$ES_TOP/tests/serve.sh"
url='' pid=''

mask() {
	sed -E 's/127\.0\.0\.1:[0-9]+/HOST/g
		s/\b20[0-9]{2}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}\b/TIME/g
		s/\b[0-9abcdefghjkmnpqrstvwxyz]{19}\b/ID/g'
}

# again: es-serve of headquarters, at the address where it was.
again() {
	mkfifo hq.ready
	es-serve -q -s hq.db "127.0.0.1:${hq##*:}" >hq.ready 2>>hq.log &
	pid=$! servers="$servers $!"
	read -r line <hq.ready
	rm hq.ready
}
es_subscribe() {
	es-subscribe -s store.db "$@"
}
# rows: the subscriptions of the store; theirs: how headquarters has them.
rows() {
	es-subscribe -l -s store.db |
	    jq -c '[.ref_doctype, .status, .unsubscribe, .condition, .told]'
}
theirs() {
	es-approve -l -s hq.db ${1:+"$1"} |
	    jq -c '[.event_consumer, .user, .ref_doctype, .status, .unsubscribed, .condition]'
}

ok 'two sites' eval 'site hq; es-init -q -s store.db https://store.example.com; es-doctype -q -s store.db doctypes.json'
serve hq -q -s hq.db
hq=$url
es-key -q -o key -s hq.db shop
es-key -q -s store.db shop 'System Manager' >/dev/null

# ---- telling

t 'registration: what it says to it is known at once; the next step' \
    'es_subscribe -k key "$hq" Thing use_same_name=1 condition="doc.count > 0" Form |
    jq -c "[.event_producer, .ref_doctype, .status, .told]"; theirs' <<'.'
--- out
["http://HOST","Thing","Pending",1]
["http://HOST","Form","Pending",1]
["https://store.example.com","shop","Thing","Pending",0,"doc.count > 0"]
["https://store.example.com","shop","Form","Pending",0,null]
--- err
es-subscribe: 2 of 2 DocTypes wait for approval; ask their administrator to run: es-approve https://store.example.com
.
t 'it has the identity of the store, and a key to notify it' 'es-get -s hq.db -C site,api_key "Event Consumer" >had
    id=$(sqlite3 store.db "SELECT value FROM site WHERE key = '\''id'\''")
    key=$(es-get -s store.db -C api_key User "notifier@${hq#*//}" | jq -r .api_key)
    jq -r "[.site, .api_key] | @tsv" had | grep -cx "$id	$key"' <<'.'
--- out
1
--- err
.
t 'again: how it stands is asked' 'es_subscribe -q "$hq"; es-approve -q -s hq.db https://store.example.com Thing; rows | head -1
    es_subscribe "$hq" >/dev/null; rows' <<'.'
--- out
["Thing","Pending",0,"doc.count > 0",1]
["Thing","Approved",0,"doc.count > 0",1]
["Form","Pending",0,null,1]
--- err
es-subscribe: 1 of 2 DocTypes wait for approval; ask their administrator to run: es-approve https://store.example.com
.
t 'a changed condition is pending at both' 'es_subscribe -q "$hq" Thing condition="doc.count > 1"; rows; theirs' <<'.'
--- out
["Thing","Pending",0,"doc.count > 1",1]
["Form","Pending",0,null,1]
["https://store.example.com","shop","Thing","Pending",0,"doc.count > 1"]
["https://store.example.com","shop","Form","Pending",0,null]
--- err
.
t 'unsubscribed, and again' 'es-approve -aq -s hq.db https://store.example.com; es_subscribe -xq "$hq" Form; rows; theirs | tail -1
    es_subscribe -q "$hq" Form; rows | tail -1; theirs | tail -1' <<'.'
--- out
["Thing","Approved",0,"doc.count > 1",1]
["Form","Approved",1,null,1]
["https://store.example.com","shop","Form","Approved",1,null]
["Form","Approved",0,null,1]
["https://store.example.com","shop","Form","Approved",0,null]
--- err
.
t 'a further DocType, and one taken out wholly' 'es_subscribe -q "$hq" Person; es_subscribe -xFq "$hq" Form; rows; theirs' <<'.'
--- out
["Thing","Approved",0,"doc.count > 1",1]
["Person","Pending",0,null,1]
["https://store.example.com","shop","Thing","Approved",0,"doc.count > 1"]
["https://store.example.com","shop","Person","Pending",0,null]
--- err
.
t 'what the producer does not have is refused; the subscription is kept' '
    echo "{\"doctype\":\"DocType\",\"name\":\"Extra\",\"module\":\"Test\",\"fields\":[]}" >extra.json; es-doctype -q -s store.db extra.json
    es_subscribe "$hq" Extra >/dev/null; s=$?; rows | tail -1; es_subscribe -xFq "$hq" Extra; exit $s' 100 <<'.'
--- out
["Extra","Pending",0,null,0]
--- err
es-subscribe: 'http://HOST' did not take it: it refuses (417): no DocType 'Extra' here; the subscription is kept, but nothing comes of it before this is put right
.

# ---- who is not there, or does not know us

halt "$pid"
t 'it cannot be reached: the subscription is kept' 'es_subscribe "$hq" Person condition="doc.title == \"x\"" >/dev/null; s=$?; rows; exit $s' 111 <<'.'
--- out
["Thing","Approved",0,"doc.count > 1",0]
["Person","Pending",0,"doc.title == \"x\"",0]
--- err
es-subscribe: 'http://HOST' was not told: could not connect: Connection refused; the subscription is kept, and it is told at the next contact
.
again
t 'it is told at the next contact: by es-subscribe' 'es_subscribe -q "$hq"; rows | tail -1; theirs | tail -1' <<'.'
--- out
["Person","Pending",0,"doc.title == \"x\"",1]
["https://store.example.com","shop","Person","Pending",0,"doc.title == \"x\""]
--- err
.
halt "$pid"
es_subscribe -q "$hq" Person condition= 2>/dev/null
again
t 'or by es-pull and es-apply' 'rows | tail -1
    es-pull -q -s store.db "$hq" | es-apply -s store.db; rows | tail -1; theirs | tail -1' <<'.'
--- out
["Person","Pending",0,null,0]
["Person","Pending",0,null,1]
["https://store.example.com","shop","Person","Pending",0,null]
--- err
.
t 'it does not know us any more: it is told all again' 'es-rm -q -s hq.db "Event Consumer" https://store.example.com
    es_subscribe -q "$hq"; theirs; es-rm -q -s hq.db "Event Consumer" https://store.example.com
    es_subscribe -q "$hq" Person condition="doc.title == \"y\""; rows; theirs' <<'.'
--- out
["https://store.example.com","shop","Thing","Pending",0,"doc.count > 1"]
["https://store.example.com","shop","Person","Pending",0,null]
["Thing","Pending",0,"doc.count > 1",1]
["Person","Pending",0,"doc.title == \"y\"",1]
["https://store.example.com","shop","Thing","Pending",0,"doc.count > 1"]
["https://store.example.com","shop","Person","Pending",0,"doc.title == \"y\""]
--- err
.
# forget: headquarters has what an older copy of it would have.
forget() {
	es-get -s hq.db 'Event Consumer' https://store.example.com |
	    jq -c '.consumer_doctypes[1] |= (.condition = null | .unsubscribed = 1)' |
	    es-put -q -s hq.db
}
t 'it was restored and has an older subscription: it is told again by es-subscribe' 'forget; theirs | tail -1
    es_subscribe -q "$hq"; rows | tail -1; theirs | tail -1' <<'.'
--- out
["https://store.example.com","shop","Person","Pending",1,null]
["Person","Pending",0,"doc.title == \"y\"",1]
["https://store.example.com","shop","Person","Pending",0,"doc.title == \"y\""]
--- err
.
t 'or, as a pull shows it, by the next one' 'forget; for n in 1 2; do
    es-pull -q -s store.db "$hq" | es-apply -s store.db; rows | tail -1; done; theirs | tail -1' <<'.'
--- out
["Person","Pending",0,"doc.title == \"y\"",0]
["Person","Pending",0,"doc.title == \"y\"",1]
["https://store.example.com","shop","Person","Pending",0,"doc.title == \"y\""]
--- err
.
t '-R: registered anew; what was approved stays so' 'es-approve -aq -s hq.db https://store.example.com; es_subscribe -Rq "$hq"; rows
    es-rm -q -s hq.db "Event Consumer" https://store.example.com; es_subscribe -Rq "$hq"; rows' <<'.'
--- out
["Thing","Approved",0,"doc.count > 1",1]
["Person","Approved",0,"doc.title == \"y\"",1]
["Thing","Pending",0,"doc.count > 1",1]
["Person","Pending",0,"doc.title == \"y\"",1]
--- err
.

# ---- keys

t 'a key that is renewed: nothing is pending for it' 'es-approve -aq -s hq.db https://store.example.com
    es-key -rq -s hq.db -o new shop; es_subscribe -q -k new "$hq"; theirs' <<'.'
--- out
["https://store.example.com","shop","Thing","Approved",0,"doc.count > 1"]
["https://store.example.com","shop","Person","Approved",0,"doc.title == \"y\""]
--- err
.
t 'a key that is not known' 'jq -c ".api_secret = \"x\"" new >wrong; chmod 600 wrong; es_subscribe -q -k wrong "$hq" Form' 100 <<'.'
--- out
--- err
es-subscribe: 'http://HOST' did not take it: the key is not accepted: no such key, or another secret; ask their administrator for a new one (es-key -r) and give it with es-subscribe -k; the subscription is kept, but nothing comes of it before this is put right
.
t 'the right one: it goes through' 'es_subscribe -q -k new "$hq"; theirs | tail -1' <<'.'
--- out
["https://store.example.com","shop","Form","Pending",0,null]
--- err
.
t 'the key of another user does not take our place' 'es-key -q -s hq.db -o key2 other; es_subscribe -q -R -k key2 "$hq"; s=$?
    theirs; es_subscribe -qR -k new "$hq"; exit $s' 100 <<'.'
--- out
["https://store.example.com","shop","Thing","Approved",0,"doc.count > 1"]
["https://store.example.com","shop","Person","Approved",0,"doc.title == \"y\""]
["https://store.example.com","shop","Form","Pending",0,null]
--- err
es-subscribe: 'http://HOST' did not take it: the key does not allow that: that Event Consumer belongs to another user; ask their administrator whose key it is (es-key -l); the subscription is kept, but nothing comes of it before this is put right
.
t 'no secret is said anywhere' 'secret=$(jq -r .api_secret new); es_subscribe -v -k new "$hq" Form 2>&1 | grep -c "$secret"
    es-get -s store.db "Event Producer" | grep -c "$secret"; grep -c "$secret" hq.log; es-get -s hq.db "Event Consumer" | grep -c secret; true' <<'.'
--- out
0
0
0
0
--- err
.

# ---- the key by which it may notify us

mkdir web && cp store.db web/ && cd web || exit
serve store -q -s store.db
as() {
	key=$(sqlite3 ../hq.db "SELECT json_extract(data, '\$.api_key') || ':' || value FROM document d JOIN secret s ON s.doc = d.id
	    WHERE d.name = 'https://store.example.com' AND field = 'api_secret'")
	printf 'header "Authorization: token %s"\n' "$key" >curl.conf
	curl -s -K curl.conf -o said -w '%{http_code}\n' "$@"
}
t 'by that it may say that it has news, and nothing else' '
    as --data-urlencode "producer_url=$hq" "$url/api/method/frappe.event_streaming.doctype.event_producer.event_producer.new_event_notification"
    as "$url/api/resource/Thing/x"; as "$url/api/resource/User"; as "$url/api/resource/Event%20Producer"
    as --data-urlencode "data={\"event_consumer\":\"x\"}" "$url/api/method/frappe.event_streaming.doctype.event_consumer.event_consumer.register_consumer"' <<'.'
--- out
200
403
403
403
403
--- err
.
cd ..

t 'a site does not subscribe to itself' 'cp hq.db twin.db; es-key -q -o own -s hq.db twin; es-key -q -s twin.db twin "System Manager" >/dev/null
    es-subscribe -q -s twin.db -k own "$hq" Form' 100 <<'.'
--- out
--- err
es-subscribe: 'http://HOST' did not take it: it refuses (417): 'hq' is this site itself; the subscription is kept, but nothing comes of it before this is put right
.

done_testing
