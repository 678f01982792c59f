#!/bin/sh
# documentation - the chapters of Frappe's manual of Event Streaming, typed
#
# hq is the producer, store the consumer; the line between them is es-serve.

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/serve.sh"
url='' pid=''

mask() {
	sed -E 's/\b20[0-9]{2}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}\b/TIME/g
		s/\b[0-9abcdefghjkmnpqrstvwxyz]{19}\b/ID/g; s/\b[0-9a-f]{64}\b/SECRET/g
		s/\b[0-9a-f]{15}\b/KEY/g; s/\b[0-9a-f]{10}\b/ROW/g
		s/127\.0\.0\.1:[0-9]+/HOST/g'
}

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Price","module":"Shop","istable":1,"fields":[{"fieldname":"uom","fieldtype":"Data"},{"fieldname":"rate","fieldtype":"Currency"}]}
{"doctype":"DocType","name":"Item","module":"Shop","autoname":"field:item_code","fields":[{"fieldname":"item_code","fieldtype":"Data","reqd":1,"unique":1},{"fieldname":"description","fieldtype":"Data"},{"fieldname":"for_sale","fieldtype":"Check"},{"fieldname":"prices","fieldtype":"Table","options":"Price"}],"permissions":[{"role":"Event Subscriber","read":1,"write":1,"create":1,"delete":1}]}
{"doctype":"DocType","name":"Customer","module":"Shop","autoname":"CUST-.####","fields":[{"fieldname":"customer_name","fieldtype":"Data","reqd":1},{"fieldname":"email","fieldtype":"Data","unique":1}],"permissions":[{"role":"Event Subscriber","read":1,"write":1,"create":1,"delete":1}]}
.

# put DOCTYPE FIELDS ...: documents of headquarters.
put() {
	doctype=$1
	shift
	for fields; do
		echo "{$fields}"
	done | es-put -q -s hq.db "$doctype"
}
# pull [SITE]: what is new comes over the line.
pull() {
	es-pull -q -s "${1:-store}.db" "$url" | es-apply -s "${1:-store}.db" |
	    jq -r '"\(.status) \(.update_type) \(.ref_doctype) \(.producer_doc)"'
}
# status [CONSUMER]: how headquarters has its rows.
status() {
	es-approve -l -s hq.db "${1:-https://store.example.com}" |
	    jq -r '"\(.ref_doctype): \(.status)"'
}

ok 'two sites with the same DocTypes' eval '
    es-init -q -s hq.db hq && es-doctype -q -s hq.db doctypes.json &&
    es-init -q -s store.db https://store.example.com && es-doctype -q -s store.db doctypes.json'
serve hq -q -s hq.db
ok 'headquarters is reached over HTTP' [ -n "$url" ]

# ---- 2.1 Generate API key and secret of an Event Subscriber on the producer site

t '2.1 a user with the role Event Subscriber and a key, for the store to come with' \
    'es-key -s hq.db -o store.key store@example.com; cat store.key; stat -c %a store.key' <<'.'
--- out
{"user":"store@example.com","api_key":"KEY","api_secret":"SECRET"}
600
--- err
es-key: user 'store@example.com' made
.
t '2.1 the secret is shown once' 'es-get -s hq.db User store@example.com |
    jq -c "[.enabled, [.roles[].role], .api_key, .api_secret]"' <<'.'
--- out
[1,["Event Subscriber"],"KEY",null]
--- err
.

# ---- 2.2 The same on the consumer site

t '2.2 to that user will belong what comes' 'es-key -q -s store.db store@example.com >own.key
    es-get -s store.db -C name,enabled User store@example.com' <<'.'
--- out
{"name":"store@example.com","enabled":1}
--- err
.

# ---- 2.3 Create an Event Producer on the consumer site

t '2.3 the producer, the DocTypes, the same names or not, the key' \
    'es-subscribe -s store.db -k store.key "$url" Item use_same_name=1 Customer |
    jq -c "[.event_producer, .ref_doctype, .status, .use_same_name, .user, .told]"' <<'.'
--- out
["http://HOST","Item","Pending",1,"store@example.com",1]
["http://HOST","Customer","Pending",0,"store@example.com",1]
--- err
es-subscribe: 2 of 2 DocTypes wait for approval; ask their administrator to run: es-approve https://store.example.com
.
t '2.3 the Event Producer document: the key is in it, the secret is not shown' 'es-get -s store.db "Event Producer" |
    jq -c "[.producer_url, .user, .api_key, .api_secret, (.producer_doctypes[] | [.ref_doctype, .status, .use_same_name, .unsubscribe])]"' <<'.'
--- out
["http://HOST","store@example.com","KEY",null,["Item","Pending",1,0],["Customer","Pending",null,0]]
--- err
.
t '2.3 an Event Consumer appears on the producer site' 'es-get -s hq.db "Event Consumer" |
    jq -c "[.callback_url, .user, .api_key, (.consumer_doctypes[] | [.ref_doctype, .status, .unsubscribed])]"' <<'.'
--- out
["https://store.example.com","store@example.com","KEY",["Item","Pending",0],["Customer","Pending",0]]
--- err
.
# The key of a user of the store, by which headquarters may say that it has news.
theirs() {
	es-get -s hq.db -C api_key 'Event Consumer'
	sqlite3 hq.db "SELECT value FROM secret WHERE field = 'api_secret' AND
	    doc = (SELECT id FROM document WHERE name = 'https://store.example.com')"
}
ours() {
	es-get -s store.db -C api_key User 'name=notifier@'"${url#*//}"
	sqlite3 store.db "SELECT value FROM secret WHERE field = 'notify_secret'"
}
is '2.3 with a key of the store copied to it' "$(theirs)" "$(ours)"

# ---- 2.4 Approve the consumer

put Item '"item_code":"PEN","description":"a pen","for_sale":1,"prices":[{"uom":"Nos","rate":1.50},{"uom":"Box","rate":12}]'
put Customer '"customer_name":"Ann","email":"ann@example.com"'
t '2.4 at first it is pending: nothing is delivered' 'status; pull' <<'.'
--- out
Item: Pending
Customer: Pending
--- err
.
t '2.4 what approval would open' 'es-approve -H -s hq.db' <<'.'
--- out
event_consumer             user               ref_doctype  status   condition  own_condition  approved  documents
https://store.example.com  store@example.com  Item         Pending                                              1
https://store.example.com  store@example.com  Customer     Pending                                              1
--- err
.
t '2.4 rejected: nothing' 'es-approve -q -x -s hq.db https://store.example.com Customer; status; pull' <<'.'
--- out
Item: Pending
Customer: Rejected
--- err
.
t '2.4 approved: what came between subscription and approval is delivered' \
    'es-approve -q -s hq.db https://store.example.com Item; pull' <<'.'
--- out
Synced Create Item PEN
--- err
.
t '2.4 the consumer knows it' 'es-subscribe -l -s store.db | jq -r "\"\(.ref_doctype): \(.status)\""' <<'.'
--- out
Item: Approved
Customer: Rejected
--- err
.
t '2.4 the other one, later' 'es-approve -q -s hq.db https://store.example.com Customer; pull
    es-get -s store.db -C name,customer_name,remote_docname,remote_site_name,owner Customer' <<'.'
--- out
Synced Create Customer CUST-0001
{"name":"CUST-0001","customer_name":"Ann","remote_docname":"CUST-0001","remote_site_name":"http://HOST","owner":"store@example.com"}
--- err
.

# ---- 3.1 Unsubscribe

t '3.1 no more updates of that DocType' 'es-subscribe -q -x -s store.db "$url" Customer
    put Customer "\"name\":\"CUST-0001\",\"customer_name\":\"Anne\"" "\"customer_name\":\"Bob\""
    put Item "\"item_code\":\"INK\"" ; pull
    es-get -s hq.db "Event Consumer" | jq -c ".consumer_doctypes[1] | [.ref_doctype, .status, .unsubscribed]"' <<'.'
--- out
Synced Create Item INK
["Customer","Approved",1]
--- err
.
t '3.1 subscribed again: what came meanwhile; it needs no approval' 'es-subscribe -q -s store.db "$url" Customer; pull; pull
    es-get -s store.db -C name,customer_name Customer' <<'.'
--- out
Synced Update Customer CUST-0001
Synced Create Customer CUST-0002
{"name":"CUST-0001","customer_name":"Anne"}
{"name":"CUST-0002","customer_name":"Bob"}
--- err
.

# ---- 3.2 Event Update Log

row=$(es-get -s hq.db Item PEN | jq -r '.prices[0].name')
put Item "\"name\":\"PEN\",\"description\":\"a blue pen\",\"prices\":[{\"name\":\"$row\",\"uom\":\"Nos\",\"rate\":1.75},{\"name\":\"0123456789\",\"uom\":\"Set\",\"rate\":5}]"
es-rm -q -s hq.db Item INK
# log TYPE DOCTYPE: its newest entry.
log() {
	es-get -s hq.db -L 1 -O 'creation desc' 'Event Update Log' "update_type=$1" "ref_doctype=$2"
}
t '3.2 Create: the whole document' 'log Create Item | jq -c "[.update_type, .ref_doctype, .docname], (.data | fromjson? // .)"' <<'.'
--- out
["Create","Item","INK"]
{"doctype":"Item","name":"INK","owner":"Administrator","creation":"TIME","modified":"TIME","modified_by":"Administrator","docstatus":0,"item_code":"INK"}
--- err
.
t '3.2 Update: only the difference' 'log Update Item | jq -c "[.update_type, .ref_doctype, .docname], (.data | fromjson? // .)"' <<'.'
--- out
["Update","Item","PEN"]
{"changed":{"description":"a blue pen"},"added":{"prices":[{"name":"ROW","idx":2,"uom":"Set","rate":5}]},"removed":{"prices":["ROW"]},"row_changed":{"prices":[{"name":"ROW","rate":1.75}]}}
--- err
.
t '3.2 Delete: type, DocType and name' 'log Delete Item | jq -c "[.update_type, .ref_doctype, .docname, .data]"' <<'.'
--- out
["Delete","Item","INK",null]
--- err
.
is '3.2 both come to the store' "$(pull)" 'Synced Update Item PEN
Synced Delete Item INK'

# ---- 3.3 Event Sync Log

synced() {
	es-get -s store.db -L 1 -O 'creation desc' 'Event Sync Log' "$@" |
	    jq -c '[.update_type, .status, .ref_doctype, .docname, .producer_doc, .event_producer,
	    .use_same_name, .error], (.data | if type == "string" then fromjson else . end)'
}
t '3.3 what was done: type, status, DocType, name here and there, producer, same name or not, data' \
    'synced update_type=Update ref_doctype=Item; synced update_type=Delete; synced update_type=Update ref_doctype=Customer' <<'.'
--- out
["Update","Synced","Item","PEN","PEN","http://HOST",1,null]
{"changed":{"description":"a blue pen"},"added":{"prices":[{"name":"ROW","idx":2,"uom":"Set","rate":5}]},"removed":{"prices":["ROW"]},"row_changed":{"prices":[{"name":"ROW","rate":1.75}]}}
["Delete","Synced","Item","INK","INK","http://HOST",1,null]
null
["Update","Synced","Customer","CUST-0001","CUST-0001","http://HOST",0,null]
{"changed":{"customer_name":"Anne"},"added":{},"removed":{},"row_changed":{}}
--- err
.
t '3.3 what failed, with the error' '
    echo "{\"customer_name\":\"Local\",\"email\":\"cy@example.com\"}" | es-put -q -s store.db Customer
    put Customer "\"customer_name\":\"Cy\",\"email\":\"cy@example.com\""
    es-pull -q -s store.db "$url" | es-apply -q -s store.db; echo "status $?"; synced status=Failed | head -1' <<'.'
--- out
status 1
["Create","Failed","Customer",null,"CUST-0003","http://HOST",0,"'email' must be unique, but 'CUST-0003' has 'cy@example.com' already"]
--- err
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t '3.3 it goes on when its cause is gone' 'echo "{\"name\":\"CUST-0003\",\"email\":\"local@example.com\"}" |
    es-put -q -s store.db Customer; pull; es-sync-log -E -s store.db' <<'.'
--- out
Synced Create Customer CUST-0003
--- err
.

# ---- 3.4 Resync

t '3.4 a failed log: Resync applies its event again, and says so as long as the cause is there' '
    echo "{\"customer_name\":\"Elsewhere\",\"email\":\"di@example.com\"}" | es-put -q -s store.db Customer
    put Customer "\"customer_name\":\"Di\",\"email\":\"di@example.com\""; pull
    es-resync -s store.db Customer CUST-0004 | es-apply -s store.db; echo "status $?"
    es-sync-log -E -s store.db | jq -r .error' <<'.'
--- out
Failed Create Customer CUST-0004
status 0
'email' must be unique, but 'CUST-0005' has 'di@example.com' already
--- err
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t '3.4 once it is repaired the document is there, and the log Synced' '
    echo "{\"name\":\"CUST-0005\",\"email\":\"elsewhere@example.com\"}" | es-put -q -s store.db Customer
    es-resync -s store.db Customer CUST-0004 | es-apply -s store.db | jq -r "[.status, .update_type, .producer_doc] | @tsv"
    es-sync-log -E -s store.db; es-get -s store.db -C customer_name Customer email=di@example.com' <<'.'
--- out
Synced	Create	CUST-0004
{"customer_name":"Di"}
--- err
.

# ---- 3.5 Conditional Events

# The two sites of this chapter; the commands of the administrator of producer.
ES_HOOKS=$PWD/hooks
export ES_HOOKS
mkdir -m 755 hooks
echo '{"doctype":"DocType","name":"Note","module":"Desk","autoname":"hash","fields":[{"fieldname":"title","fieldtype":"Data","reqd":1},{"fieldname":"public","fieldtype":"Check"},{"fieldname":"content","fieldtype":"Text"}]}
{"doctype":"DocType","name":"Order","module":"Shop","autoname":"field:title","is_submittable":1,"fields":[{"fieldname":"title","fieldtype":"Data","reqd":1}]}' >notes.json
for s in producer consumer; do
	es-init -q -s $s.db $s && es-doctype -q -s $s.db notes.json
done
# notes DOCTYPE FIELDS ...: documents of the producer, told by their titles; how
# many events the consumer gets of each, and the last.
notes() {
	doctype=$1
	shift
	printf '{%s}\n' "$@" | es-put -q -s producer.db "$doctype"
	es-pull -q -s consumer.db producer.db | es-apply -s consumer.db |
	    jq -r '"\(.status) \(.update_type)"'
	es-get -s consumer.db -C title "$doctype" | jq -r .title | sort | xargs
}
wants() {
	es-subscribe -s consumer.db producer user=Administrator "$@" 2>/dev/null | es-approve -aq -s producer.db -
}
t '3.5 doc.docstatus == 1: submitted documents, with all that came before' 'wants Order use_same_name=1 condition="doc.docstatus == 1"
    notes Order "\"title\":\"SO-1\"" "\"title\":\"SO-2\""; notes Order "\"title\":\"SO-2\",\"name\":\"SO-2\",\"docstatus\":1"' <<'.'
--- out

Synced Create
Synced Update
SO-2
--- err
.
t '3.5 public Notes' 'wants Note use_same_name=1 condition="doc.public == 1"
    notes Note "\"name\":\"n1\",\"title\":\"Note 1\"" "\"name\":\"n2\",\"title\":\"Note 2\",\"public\":1" "\"name\":\"n1\",\"content\":\"old\"" "\"name\":\"n1\",\"content\":\"older\""' <<'.'
--- out
Synced Create
Note 2
--- err
.
t '3.5 the condition is met later: all old logs come' 'notes Note "\"name\":\"n1\",\"public\":1"; es-get -s consumer.db -C content,public Note n1' <<'.'
--- out
Synced Create
Synced Update
Synced Update
Synced Update
Note 1 Note 2
{"content":"older","public":1}
--- err
.
t '3.5 it is not met any more: no more comes, and what came stays' 'notes Note "\"name\":\"n1\",\"public\":0" "\"name\":\"n1\",\"content\":\"secret\""; es-get -s consumer.db -C content Note n1' <<'.'
--- out
Note 1 Note 2
{"content":"older"}
--- err
.
cat >hooks/my_app.notes.is_odd <<'.'
#!/bin/sh
exec jq --unbuffered '.doc.title | test("[13579]$")'
.
chmod 755 hooks/my_app.notes.is_odd
t '3.5 cmd: Notes with an odd number in their title' 'wants Note condition="cmd: my_app.notes.is_odd"
    notes Note "\"name\":\"n3\",\"title\":\"Note 3\"" "\"name\":\"n4\",\"title\":\"Note 4\""' <<'.'
--- out
Synced Update
Synced Update
Synced Create
Note 1 Note 2 Note 3
--- err
.

# ---- what is approved, and what not

t 'a changed condition is pending again' 'es-subscribe -q -s store.db "$url" Item condition="doc.for_sale == 1"; status
    put Item "\"item_code\":\"CAP\",\"for_sale\":1" "\"item_code\":\"BOX\",\"for_sale\":0"; pull
    es-approve -q -a -s hq.db https://store.example.com; pull' <<'.'
--- out
Item: Pending
Customer: Approved
Synced Create Item CAP
--- err
.
t 'a renewed key is not' 'rm store.key; es-key -q -r -s hq.db -o store.key store@example.com
    es-subscribe -q -s store.db -k store.key "$url"; status; put Item "\"item_code\":\"LID\",\"for_sale\":1"; pull' <<'.'
--- out
Item: Approved
Customer: Approved
Synced Create Item LID
--- err
.
t 'two consumers see only theirs' 'es-init -q -s branch.db branch; es-doctype -q -s branch.db doctypes.json
    es-key -q -s hq.db -o branch.key branch@example.com; es-key -q -s branch.db branch@example.com >/dev/null
    es-subscribe -q -s branch.db -k branch.key "$url" Customer use_same_name=1; es-approve -q -a -s hq.db branch
    put Item "\"item_code\":\"JAR\",\"for_sale\":1"; put Customer "\"customer_name\":\"Dan\""
    echo branch; pull branch; echo store; pull store' <<'.'
--- out
branch
Synced Create Customer CUST-0005
store
Synced Create Item JAR
Synced Create Customer CUST-0005
--- err
.

# ---- 3.2 again

# A consumer is known to have what it asked from; es-serve notes that now and
# then, and when it ends.
pull >/dev/null
pull branch >/dev/null
halt "$pid"
t '3.2 an entry has the consumers that were sent it' '
    for what in "Item LID" "Customer CUST-0005" "Item BOX" "Customer CUST-0003"; do
	es-get -s hq.db "Event Update Log" update_type=Create "ref_doctype=${what% *}" "docname=${what#* }" |
	    jq -c "[.docname, .consumers[].consumer]"
    done; put Item "\"item_code\":\"NEW\",\"for_sale\":1"; log Create Item | jq -c "[.docname, .consumers]"' <<'.'
--- out
["LID","https://store.example.com"]
["CUST-0005","branch","https://store.example.com"]
["BOX"]
["CUST-0003","https://store.example.com"]
["NEW",[]]
--- err
.

done_testing
