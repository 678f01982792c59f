#!/bin/sh
# What stock does wrong, by the numbers of its list of defects, and what we make
# of it: of what it sends as a producer; of what it would do as a consumer

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"
. "$ES_TOP/tests/serve.sh"
url='' pid=''

mask() {
	sed -E 's/127\.0\.0\.1:[0-9]+/HOST/g'
}

# What was recorded speaks of Wire …; Order has what can go wrong.
cat >>doctypes.json <<'.'
{"doctype":"DocType","name":"Row","module":"Test","istable":1,"fields":[{"fieldname":"item","fieldtype":"Data"},{"fieldname":"qty","fieldtype":"Float","default":"1"},{"fieldname":"due","fieldtype":"Date"},{"fieldname":"person","fieldtype":"Link","options":"Person"}]}
{"doctype":"DocType","name":"Wire Thing","module":"Test","autoname":"Prompt","allow_rename":1,"fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"n","fieldtype":"Int"},{"fieldname":"txt","fieldtype":"Data"},{"fieldname":"role","fieldtype":"Link","options":"Person"}]}
{"doctype":"DocType","name":"Wire Order","module":"Test","autoname":"WO-.#####","fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"code_no","fieldtype":"Data","unique":1},{"fieldname":"items","fieldtype":"Table","options":"Row"}]}
{"doctype":"DocType","name":"Order","module":"Test","autoname":"OR-.##","fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"n","fieldtype":"Int"},{"fieldname":"price","fieldtype":"Currency"},{"fieldname":"urgent","fieldtype":"Check"},{"fieldname":"day","fieldtype":"Date"},{"fieldname":"at","fieldtype":"Datetime","default":"now"},{"fieldname":"time","fieldtype":"Time","default":"now"},{"fieldname":"size","fieldtype":"Select","options":"S\nL","default":"L"},{"fieldname":"person","fieldtype":"Link","options":"Person"},{"fieldname":"rows","fieldtype":"Table","options":"Row"}]}
.

# Lines as stock has them, data a text, names that are numbers, written as
#	11 Update Order a {"changed":{"n":1}}
log() {
	jq -nRc 'inputs | capture("^(?<name>\\S+) (?<update_type>\\S+) " +
	    "(?<ref_doctype>\\S+) (?<docname>\\S+)( (?<data>.*))?$") |
	    .creation = "2026-01-01 00:00:\(.name).000000" |
	    .name |= tonumber'
}
# recorded NOTE: the lines of an answer of stock.
recorded() {
	jq -c --arg note "$1" 'select(.note == $note).message[]' \
	    "$ES_TOP/tests/data/stock-answers.json"
}
# take [PRODUCER]: into hq, as of that producer.
take() {
	log | send hq -p "${1:-north}"
}
replay() {
	recorded "$1" | send hq -p north
}
docs() {
	es-get -s hq.db -C "$2" "$1"
}
put() {
	es-put -q -s "$1.db" "$2"
}
# What was written here: entries of the journal.
written() {
	sqlite3 hq.db 'SELECT count(*) FROM journal'
}
parked() {
	sqlite3 -separator ' ' hq.db 'SELECT event, code, why FROM parked'
}

ok 'sites' eval 'site hq && site store'
ok 'subscriptions' eval '
    subscribe hq north Order Thing Person "Wire Thing" "Wire Order" &&
    subscribe hq south "Order,\"use_same_name\":0" "Person,\"use_same_name\":0" &&
    subscribe hq store Thing'
cp hq.db hq.new

# ---- the producer: what it sends

t '1: a whole history that comes again changes nothing, what is new in it does' '
    replay "a condition becomes true"; written >was
    { recorded "a condition becomes true"
    recorded "a document is deleted that had left the condition"; } | send hq -p north
    docs "Wire Thing" name,title,n,txt; echo $(($(written) - $(cat was)))' <<'.'
--- out
Synced Create Wire Thing cond 1
Synced Update Wire Thing cond 1
Synced Update Wire Thing cond 1
Synced Update Wire Thing cond 1
{"name":"cond 1","title":"cond 1","n":2,"txt":"a"}
1
--- err
.
t '2: a log that stands twice in an answer is taken once' '
    replay "created, deleted, created again between two pulls"
    docs "Wire Thing" name,n | tail -1' <<'.'
--- out
Synced Create Wire Thing seq C: deleted before it could be applied
Synced Delete Wire Thing seq C
Synced Create Wire Thing seq C
{"name":"seq C","n":3}
--- err
.
t '3: a Delete that comes after newer logs of others deletes' '
    fresh hq; take <one; docs Order name; take <two; docs Order name' <<'.'
--- file one
10 Create Order a {"title":"x"}
11 Update Order a {"changed":{"n":1}}
13 Create Order b {"title":"y"}
--- file two
12 Delete Order a
--- out
Synced Create Order a
Synced Update Order a
Synced Create Order b
{"name":"a"}
{"name":"b"}
Synced Delete Order a
{"name":"b"}
--- err
.
# thing JSON: at the store, whose log is ours.
thing() {
	echo "$1" | es-put -q -s store.db Thing
}
t '3: ours sends a Delete with what came before it' 'fresh hq; thing "{\"name\":\"a\"}"
    flow store hq; thing "{\"name\":\"a\",\"count\":1}"; es-rm -q -s store.db Thing a
    thing "{\"name\":\"b\"}"; rest store hq | send hq; docs Thing name' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a: deleted before it could be applied
Synced Delete Thing a
Synced Create Thing b
{"name":"b"}
--- err
.
t '5: a Delete that comes a pull later than the Update that it held back' '
    fresh hq; replay "a condition becomes true" | wc -l
    replay "a document is deleted that had left the condition"
    replay "one pull later"; docs "Wire Thing" name' <<'.'
--- out
3
Synced Update Wire Thing cond 1
Synced Delete Wire Thing cond 1
Synced Create Wire Thing cond 2
{"name":"cond 2"}
--- err
.
t '6: logs of one time are all taken, and one that was committed late' '
    fresh hq; log <one | sed s/:21.0/:20.0/ >same; head -1 same | send hq -p north
    tail -1 same | send hq -p north; take <two' <<'.'
--- file one
20 Create Order a {"title":"x"}
21 Create Order b {"title":"y"}
--- file two
11 Create Order c {"title":"z"}
--- out
Synced Create Order a
Synced Create Order b
Synced Create Order c
--- err
.
t '10: a document under a name that never came waits, others do not; a Delete ends that' '
    fresh hq; take <one; docs Order name,n; take <two; parked' <<'.'
--- file one
10 Create Order a {"title":"x"}
11 Update Order renamed {"changed":{"n":1}}
12 Create Order b {"title":"y"}
--- file two
13 Delete Order renamed
--- out
Synced Create Order a
Synced Create Order b
Failed Update Order renamed: an update of a document that was not received whole
{"name":"a","n":null}
{"name":"b","n":null}
Synced Update Order renamed: deleted before it could be applied
Synced Delete Order renamed
.
t '10: ours sends the order of rows, and renames' 'fresh hq store
    thing "{\"name\":\"a\",\"parts\":[{\"name\":\"r1\"},{\"name\":\"r2\"}]}"; flow store hq
    thing "{\"name\":\"a\",\"parts\":[{\"name\":\"r2\"},{\"name\":\"r1\"}]}"
    es-mv -q -s store.db Thing a b; thing "{\"name\":\"b\",\"count\":1}"
    rest store hq | send hq; docs Thing name,count,parts' <<'.'
--- out
Synced Create Thing a
Synced Rename Thing a as b
Synced Update Thing a as b
Synced Update Thing b
{"name":"b","count":1,"parts":[{"name":"r2","idx":1},{"name":"r1","idx":2}]}
--- err
.
# Numbers as any jq writes them.
plain() {
	jq -c '(.. | numbers) |= . + 0'
}
t '11: what is said to have changed, and has not, changes nothing' '
    fresh hq; take <one; docs Order title,n,price,urgent,day,at,rows | plain >was; take <two
    docs Order title,n,price,urgent,day,at,rows | plain | diff was -' <<'.'
--- file one
10 Create Order a {"__unsaved":1,"doctype":"Order","name":"a","title":"t","n":7,"price":1.5,"urgent":1,"day":"2026-01-05","at":"2026-01-05 10:00:00","rows":[{"__unsaved":1,"doctype":"Row","name":"r1","idx":1,"qty":2.0,"due":"2026-01-01"}]}
--- file two
11 Update Order a {"added":{},"changed":{"day":"2026-01-05","title":"t"},"removed":{},"row_changed":{"rows":[{"due":"2026-01-01","name":"r1"}]}}
12 Update Order a {"added":{},"changed":{"n":"7","price":"1.50","urgent":true,"at":"2026-01-05T10:00:00","day":"2026-01-05 00:00:00"},"removed":{},"row_changed":{"rows":[{"qty":"2","name":"r1"}]}}
--- out
Synced Create Order a
Synced Update Order a
Synced Update Order a
--- err
.
t '11: values of another type become what the field has there' '
    take <one; docs Order title,n,price,urgent,rows; take <two' 1 <<'.'
--- file one
13 Update Order a {"added":{"rows":[{"name":"r2","idx":2,"qty":"0.50","item":7}]},"changed":{"title":12,"n":"8","price":"2.10","urgent":false},"removed":{},"row_changed":{"rows":[{"name":"r1","qty":""}]}}
--- file two
14 Update Order a {"added":{},"changed":{"n":"eight"},"removed":{},"row_changed":{}}
--- out
Synced Update Order a
{"title":"12","n":8,"price":2.10,"urgent":0,"rows":[{"name":"r1","idx":1,"qty":0,"due":"2026-01-01"},{"name":"r2","idx":2,"qty":0.50,"item":"7"}]}
Failed Update Order a: 'n' wants a whole number, not a string
.
t '12: a Create with a field in place of the document waits, and its document; others do not' '
    fresh hq; take <one; docs Order name; take <two; parked' <<'.'
--- file one
10 Create Order a "what a field called diff has"
11 Create Order b {"title":"y"}
12 Update Order a {"changed":{"n":1}}
13 Create Order c 5
--- file two
14 Delete Order a
15 Delete Order c
--- out
Synced Create Order b
Failed Create Order a: data is not an object
Failed Update Order a: data is not an object
Failed Create Order c: data is not an object
{"name":"b"}
Synced Create Order a: deleted before it could be applied
Synced Update Order a: deleted before it could be applied
Synced Delete Order a
Synced Create Order c: deleted before it could be applied
Synced Delete Order c
.

# ---- the consumer: what it does with that

t '18: a failed log is parked, not passed: the rest is applied, nothing is half written' '
    fresh hq; echo "{\"name\":\"ours\",\"code_no\":\"Z\"}" | put hq "Wire Order"; written >was
    { recorded "a unique value that is taken"; log <one; } | send hq -p north
    echo $(($(written) - $(cat was))); docs Order name,n,rows' <<'.'
--- file one
10 Create Order a {"title":"x","rows":[{"name":"r1","qty":1},{"name":"r2","due":"soon"}]}
11 Create Order b {"title":"y","rows":[{"name":"r3","idx":1}]}
12 Update Order b {"changed":{"n":1},"added":{"rows":[{"name":"r4","idx":2}]},"row_changed":{"rows":[{"name":"r3","due":"soon"}]}}
--- out
Synced Create Order b
Failed Create Wire Order WO-00011: 'code_no' must be unique, but 'ours' has 'Z' already
Failed Create Order a: row 2 of 'rows': 'due' wants a date (YYYY-MM-DD), not 'soon'
Failed Update Order b: row 1 of 'rows': 'due' wants a date (YYYY-MM-DD), not 'soon'
1
{"name":"b","n":null,"rows":[{"name":"r3","idx":1}]}
.
t '18: and goes on by itself once its cause is gone' '
    es-rm -q -s hq.db "Wire Order" ours; send hq -p north </dev/null
    docs "Wire Order" name,code_no; parked' <<'.'
--- out
Synced Create Wire Order WO-00011
{"name":"WO-00011","code_no":"Z"}
10 type row 2 of 'rows': 'due' wants a date (YYYY-MM-DD), not 'soon'
12 type row 1 of 'rows': 'due' wants a date (YYYY-MM-DD), not 'soon'
.
# page FROM TO: with a checkpoint of what was read, at seconds of 2026.
page() {
	awk -v from="$1" -v to="$2" '
		function at(s) {
			return s == 0 ? "null" : "\"2026-01-01 00:00:" s ".000000\""
		}
		{ print }
		END { print "{\"checkpoint\":{\"event_producer\":\"north\",\"from\":" \
		    at(from) ",\"last_update\":" at(to) ",\"name\":null,\"events\":" NR "}}" }'
}
cursor() {
	sqlite3 hq.db "SELECT 'cursor ' || (cursor % 60000000 / 1000000)
	    FROM producer WHERE name = 'north'"
}
t '19: old history does not take the cursor back; where the answer is cut it stays' '
    fresh hq; log <one | page 0 20 | send hq -p north; cursor
    log <two | page 20 30 | send hq -p north; cursor
    log <three | es-apply -q -s hq.db -p north 2>err; echo $?; cursor
    log <three | page 30 40 | send hq -p north; cursor; docs Order name,n' <<'.'
--- file one
10 Create Order a {"title":"x"}
20 Create Order b {"title":"y"}
--- file two
10 Create Order a {"title":"x"}
15 Create Order c {"title":"old"}
16 Update Order c {"changed":{"n":1}}
30 Update Order a {"changed":{"n":1}}
--- file three
11 Create Order d {"title":"older"}
40 Update Order a {"changed":{"n":2}}
--- out
Synced Create Order a
Synced Create Order b
cursor 20
Synced Create Order c
Synced Update Order c
Synced Update Order a
cursor 30
111
cursor 30
cursor 40
{"name":"a","n":2}
{"name":"b","n":null}
{"name":"c","n":1}
{"name":"d","n":null}
--- err
.
t '20: what is tried again is what came, by the name that it has here' '
    fresh hq; take south <one; take south <two; docs Order name,title,n,person
    take south <three; docs Order name' <<'.'
--- file one
10 Create Order a {"title":"x","person":"p"}
11 Update Order a {"changed":{"n":1}}
--- file two
12 Create Person p {"title":"P"}
--- file three
13 Delete Order a
--- out
Failed Create Order a: waits for Person 'p'
Failed Update Order a: waits for Person 'p'
Synced Create Person p as P-01
Synced Create Order a as OR-01
Synced Update Order a as OR-01
{"name":"OR-01","title":"x","n":1,"person":"P-01"}
Synced Delete Order a as OR-01
.
t '21: an Update of what is not here is not Synced; it goes on when the Create comes' '
    fresh hq; take <one; take <two; docs Order name,title,n' <<'.'
--- file one
11 Update Order a {"changed":{"n":1}}
12 Delete Order b
13 Create Order c {"title":"y"}
--- file two
10 Create Order a {"title":"x"}
--- out
Synced Delete Order b
Synced Create Order c
Failed Update Order a: an update of a document that was not received whole
Synced Create Order a
Synced Update Order a
{"name":"c","title":"y","n":null}
{"name":"a","title":"x","n":1}
.
t '22: another document of that name is not taken for it; its Create waits' '
    fresh hq; echo "{\"name\":\"clash\",\"n\":99}" | put hq "Wire Thing"
    replay "a name that is taken"; es-mv -q -s hq.db "Wire Thing" clash ours
    send hq -p north </dev/null; docs "Wire Thing" name,title,n' <<'.'
--- out
Failed Create Wire Thing clash: another Wire Thing is called 'clash' here
Synced Create Wire Thing clash
{"name":"ours","title":null,"n":99}
{"name":"clash","title":"clash","n":1}
.
t '22: one that is equal becomes one with it' '
    fresh hq; echo "{\"name\":\"clash\",\"title\":\"clash\",\"n\":1}" | put hq "Wire Thing"
    replay "a name that is taken"; echo "12 Update Wire.Thing clash {\"changed\":{\"n\":2}}" |
    log | sed s/Wire.Thing/Wire\ Thing/ | send hq -p north; docs "Wire Thing" name,title,n' <<'.'
--- out
Synced Create Wire Thing clash
Synced Update Wire Thing clash
{"name":"clash","title":"clash","n":2}
--- err
.
t '22: but not with one that another producer brings' '
    fresh hq; subscribe hq west Order; take <one; take west <one; docs Order name,title' <<'.'
--- file one
10 Create Order a {"title":"x"}
--- out
Synced Create Order a
Failed Create Order a: another Order is called 'a' here
{"name":"a","title":"x"}
.
t '22: with names of our own a history that comes again makes no second one' '
    fresh hq; take south <one; take south <two; docs Order name,remote_docname,n' <<'.'
--- file one
10 Create Order a {"title":"x"}
11 Update Order a {"changed":{"n":1}}
--- file two
10 Create Order a {"title":"x"}
11 Update Order a {"changed":{"n":1}}
12 Update Order a {"changed":{"n":2}}
--- out
Synced Create Order a as OR-01
Synced Update Order a as OR-01
Synced Update Order a as OR-01
{"name":"OR-01","remote_docname":"a","n":2}
--- err
.
t '23: rows that are here already, or not any more, and tables that are not' '
    fresh hq; take <one; take <two; docs Order title,rows' <<'.'
--- file one
10 Create Order a {"title":"x","rows":[{"name":"r1","idx":1},{"name":"r2","idx":2}]}
11 Update Order a {"added":{"rows":[{"name":"r3","idx":3,"item":"nut"}]},"changed":{},"removed":{"rows":["r2"]},"row_changed":{}}
--- file two
12 Update Order a {"added":{"rows":[{"name":"r3","idx":3,"item":"nut"}]},"changed":{},"removed":{"rows":["r2"]},"row_changed":{"rows":[{"name":"r9","item":"none"}]}}
13 Update Order a {"added":{"other":[{"name":"o2"}]},"changed":{"title":"y"},"removed":{"other":["o1"]},"row_changed":{"other":[{"name":"o3","item":"x"}]}}
--- out
Synced Create Order a
Synced Update Order a
Synced Update Order a
Synced Update Order a
{"title":"y","rows":[{"name":"r1","idx":1},{"name":"r3","idx":2,"item":"nut"}]}
--- err
.
t '24: documents of one name from two producers are two, and so are what they link to' '
    fresh hq; subscribe hq west "Order,\"use_same_name\":0" "Person,\"use_same_name\":0"
    take south <one; take west <two; docs Order remote_site_name,remote_docname,title,n,person
    docs Person name,title; take west <three; docs Order remote_site_name' <<'.'
--- file one
10 Create Person p {"title":"of south"}
11 Create Order a {"title":"of south","person":"p"}
--- file two
10 Create Order a {"title":"of west","person":"p"}
11 Create Person p {"title":"of west"}
12 Update Order a {"changed":{"n":1}}
--- file three
13 Delete Order a
--- out
Synced Create Person p as P-01
Synced Create Order a as OR-01
Synced Create Person p as P-02
Synced Create Order a as OR-02
Synced Update Order a as OR-02
{"remote_site_name":"south","remote_docname":"a","title":"of south","n":null,"person":"P-01"}
{"remote_site_name":"west","remote_docname":"a","title":"of west","n":1,"person":"P-02"}
{"name":"P-01","title":"of south"}
{"name":"P-02","title":"of west"}
Synced Delete Order a as OR-02
{"remote_site_name":"south"}
--- err
.
t '25: what is linked to through others keeps its name and its links' '
    fresh hq; take <one; docs Order name,person; docs Person name,thing; docs Thing name,person' <<'.'
--- file one
10 Create Order a {"title":"x","person":"p"}
11 Create Person p {"thing":"t"}
12 Create Thing t {"person":"q"}
13 Create Person q {"thing":"t"}
--- out
Synced Create Order a
Synced Create Person p
Synced Create Thing t
Synced Create Person q
{"name":"a","person":"p"}
{"name":"p","thing":"t"}
{"name":"q","thing":"t"}
{"name":"t","person":"q"}
--- err
.
t '25: and so do dependencies of dependencies' '
    site east; subscribe east north Person; send east <one
    es-get -s east.db -C name,thing Person; es-get -s east.db -C name,thing Thing' <<'.'
--- file one
e10 Create Thing u {"title":"u"} "dependency_of":"e12"
e11 Create Thing t {"thing":"u"} "dependency_of":"e12" Thing:u
e12 Create Person p {"thing":"t"} Thing:t
--- out
Synced Create Thing u
Synced Create Thing t
Synced Create Person p
{"name":"p","thing":"t"}
{"name":"u","thing":null}
{"name":"t","thing":"u"}
--- err
.
t '26: rows of a dependency keep their names: what changes in them is found' '
    fresh east; subscribe east north Person; send east <one
    subscribe east north Person Thing; send east <two; es-get -s east.db -C name,parts Thing' <<'.'
--- file one
e10 Create Thing t {"parts":[{"name":"r1","code":"1"},{"name":"r2","code":"2"}]} "dependency_of":"e12"
e12 Create Person p {"thing":"t"} Thing:t
--- file two
e13 Update Thing t {"row_changed":{"parts":[{"name":"r2","code":"3"}]},"removed":{"parts":["r1"]}} <e10
--- out
Synced Create Thing t
Synced Create Person p
Synced Update Thing t
{"name":"t","parts":[{"name":"r2","idx":1,"code":"3"}]}
.
t '27: a target that is nowhere is named; others pass, and a later Update heals it' '
    fresh hq; recorded "the target of a link is gone" >two; head -1 two | send hq -p north
    take <one; tail -1 two | send hq -p north; docs "Wire Thing" name,role' <<'.'
--- file one
10 Create Order b {"title":"y"}
--- out
Failed Create Wire Thing dep gone: waits for Person 'Dep Role 5'
Synced Create Order b
Synced Create Wire Thing dep gone
Synced Update Wire Thing dep gone
{"name":"dep gone","role":null}
.
t '28: what was empty there is empty here, whatever the defaults are' '
    fresh hq; take <one; docs Order at,time,size,rows' <<'.'
--- file one
10 Create Order a {"title":"x","size":null,"rows":[{"name":"r1","idx":1}]}
11 Update Order a {"changed":{"at":null},"added":{"rows":[{"name":"r2","idx":2,"qty":null}]}}
--- out
Synced Create Order a
Synced Update Order a
{"at":null,"time":null,"size":null,"rows":[{"name":"r1","idx":1},{"name":"r2","idx":2}]}
--- err
.
t '29: one log that is no good holds up nothing: neither its page, nor the next' '
    fresh hq; log <one | page 0 12 | send hq -p north; cursor
    log <two | page 12 13 | send hq -p north; cursor' <<'.'
--- file one
10 Create Order a {"title":
11 Update Order a {"changed":[]}
12 Create Order b {"title":"y"}
--- file two
13 Update Order b {"changed":{"n":1}}
--- out
Synced Create Order b
Failed Create Order a: data: unexpected end of data at byte 9
Failed Update Order a: data: unexpected end of data at byte 9
cursor 12
Synced Update Order b
cursor 13
.
t '29: nor does one that is to be mapped, and was not' '
    fresh hq; echo "{\"mapping_name\":\"m\",\"local_doctype\":\"Order\",\"remote_doctype\":\"Order\",\"field_mapping\":[{\"local_fieldname\":\"title\",\"remote_fieldname\":\"title\"}]}" |
    put hq "Document Type Mapping"; subscribe hq west "Order,\"has_mapping\":1,\"mapping\":\"m\"" Person
    take west <one; docs Order name; docs Person name' <<'.'
--- file one
10 Create Order a {"title":"x"}
11 Create Person p {"title":"P"}
--- out
Synced Create Person p
Failed Create Order a: the subscription maps it by 'm', and it did not pass es-map
{"name":"p"}
.
t '36: a name of a series that came is not given again here' '
    fresh hq; take <one; take south <two
    for i in 1 2 3; do echo "{\"title\":\"ours\"}" | es-put -s hq.db Order | jq -r ".docname // empty"
    done; docs Order name,title' <<'.'
--- file one
10 Create Order OR-03 {"title":"of north"}
11 Create Order OR-01 {"title":"of north"}
--- file two
12 Create Order OR-01 {"title":"of south"}
--- out
Synced Create Order OR-03
Synced Create Order OR-01
Synced Create Order OR-01 as OR-02
OR-04
OR-05
OR-06
{"name":"OR-03","title":"of north"}
{"name":"OR-01","title":"of north"}
{"name":"OR-02","title":"of south"}
{"name":"OR-04","title":"ours"}
{"name":"OR-05","title":"ours"}
{"name":"OR-06","title":"ours"}
--- err
.

# ---- over the line

# hub is a producer, shop a consumer, and has an address where it is told of
# news; it runs a job then.
site hub
serve hub -q -s hub.db
hub=$url
es-key -q -o key -s hub.db shopper
es-init -q -s shop.db http://shop.example.com
es-doctype -q -s shop.db doctypes.json
es-key -q -s shop.db shopper 'System Manager' >/dev/null
shop() {
	es-subscribe -q -s shop.db -k key "$hub/" Thing use_same_name=1
}
consumers() {
	es-approve -l -s hub.db | jq -r '"\(.event_consumer) \(.ref_doctype) \(.status)"'
}
t '39: a registration that came to nothing here is made again, and is one' '
    cp shop.db before.db; shop; mv before.db shop.db; shop; consumers
    es-approve -aq -s hub.db http://shop.example.com
    echo "{\"name\":\"a\"}" | es-put -q -s hub.db Thing
    es-pull -s shop.db "$hub" | es-apply -s shop.db | brief' <<'.'
--- out
http://shop.example.com Thing Pending
Synced Create Thing a
--- err
.
# as FILE REQUEST ARGUMENT ...: with the key in that file.
as() {
	key=$1 path=$2
	shift 2
	jq -r '"user = \"\(.api_key):\(.api_secret)\""' "$key" >curlrc
	curl -s -K curlrc "$@" "$url/api/method/frappe.event_streaming.doctype.$path"
}
t '37: a request to another name of a site is answered the same' '
    for host in hub.example.com 127.0.0.1; do
	as key event_update_log.event_update_log.get_update_logs_for_consumer -H "Host: $host" \
	-d event_consumer=http://shop.example.com -d last_update= -d limit=10 >"$host"
    done; cmp hub.example.com 127.0.0.1; jq -r .ref_doctype 127.0.0.1 | grep Thing' <<'.'
--- out
Thing
--- err
.
mkfifo begun gate
cat >job <<'.'
#!/bin/sh
echo ran >begun
read -r go <gate
.
chmod +x job
# told FILE ADDRESS: shop, of news of that address; if it takes it, ran.
told() {
	as "$1" event_producer.event_producer.new_event_notification \
	    -d "producer_url=$2" -o said -w '%{http_code}\n' | tee code
	grep -q 200 code
}
ran() {
	read -r x <begun
}
es-key -q -o west.key -s shop.db west.notifier 'Event Notifier'
echo '{"producer_url":"http://west","user":"Administrator","producer_doctypes":[{"ref_doctype":"Thing"}]}' |
    es-put -q -s shop.db 'Event Producer'
sqlite3 hub.db "SELECT json_object('api_key', json_extract(data, '\$.api_key'),
    'api_secret', value) FROM document d JOIN secret s ON s.doc = d.id
    WHERE d.name = 'http://shop.example.com' AND field = 'api_secret'" >hub.key
serve shop -q -s shop.db -X ./job
t '35: news of a producer while that of another is followed are followed too' '
    told hub.key "$hub" && ran && told west.key http://west && echo go >gate &&
    ran && echo again && echo go >gate' <<'.'
--- out
200
200
again
--- err
.
t '37: a producer is known by its key, whatever it calls itself' '
    told hub.key hub && ran && echo go >gate; told west.key hub; jq -r .exc_type said' <<'.'
--- out
200
404
DoesNotExistError
--- err
.

# A server that has nothing to say but errors.
mkfifo fake.in fake.out
python3 "$ES_TOP/tests/answers.py" <fake.in >fake.out 2>/dev/null &
servers="$servers $!"
exec 9>fake.in
read -r url <fake.out
site till
subscribe till "$url" Thing
jq -nc --arg url "$url" '{doctype: "Event Producer", name: $url, api_key: "k", api_secret: "s"}' |
    es-put -q -s till.db
# said NUMBER STATUS TYPE: the next answer.
said() {
	mkdir -p answers
	{ echo "$2 type=$3"; cat; } >"answers/$1"
}
# What is pulled, applied: both statuses and the cursor.
follow() {
	status=0
	es-pull -W 0 -s till.db "$url" >page 2>err || status=$?
	es-apply -q -s till.db page 2>>err
	echo "$status $? $(sqlite3 till.db 'SELECT cursor % 60000000 / 1000000 FROM producer')"
}
json=application/json
t '38: an error without a traceback is one; the cursor stays' '
    said 1 200 $json <grant; events <page1 | said 2 200 application/x-ndjson; follow
    for code in 500 404 403 401 417 200; do
	for n in 1 2; do echo {} | said $n $code $json; done
	printf "%s: " $code; follow; rm -f answers/*
    done' <<'.'
--- file grant
{"message":"{\"last_update\":\"2026-01-01 00:00:00.000000\",\"grant\":{\"event_producer\":\"hub\",\"site\":\"s1\",\"event_consumer\":\"till\",\"doctypes\":[{\"ref_doctype\":\"Thing\",\"status\":\"Approved\",\"condition\":null,\"unsubscribed\":0}]}}"}
--- file page1
e01 Create Thing a {"title":"a"}
{"checkpoint":{"event_producer":"hub","site":"s1","from":null,"last_update":"2026-01-01 00:00:03.000000","name":null,"events":1}}
--- out
0 0 3
500: 111 111 3
404: 100 100 3
403: 100 100 3
401: 100 100 3
417: 100 100 3
200: 100 100 3
.
exec 9>&-

done_testing
