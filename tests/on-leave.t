#!/bin/sh
# on-leave - a document that does not meet the condition any more is deleted at
# the consumer, and comes again when it does
#
# hq -> store -> till, from file to file.

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

put() {
	to=$1
	shift
	printf '{%s}\n' "$@" | es-put -q -s "$to.db" Thing
}
# wants CONSUMER PRODUCER ROW ...
wants() {
	consumer=$1 producer=$2
	shift 2
	es-subscribe -s "$consumer.db" "$producer" user=Administrator "$@" 2>/dev/null |
	    es-approve -aq -s "$producer.db" -
}
# pull CONSUMER PRODUCER: what is new.
pull() {
	es-pull -q -s "$1.db" "$2.db" >page
	es-apply -s "$1.db" page 2>/dev/null >log
	s=$?
	brief <log
	return $s
}
has() {
	es-get -s "$1.db" -C name,title,count,note Thing | jq -r '"\(.name) \(.title) \(.count) \(.note)"'
}

for s in hq store till; do
	ok "a site: $s" site $s
done
wants store hq Thing use_same_name=1 condition='doc.count > 0' on_leave=delete
wants till store Thing use_same_name=1
t 'the producer is told' 'es-get -s hq.db "Event Consumer" store | jq -r ".consumer_doctypes[].on_leave"' <<'.'
--- out
delete
--- err
.
put hq '"name":"a","title":"A","count":1' '"name":"b","title":"B","count":1' '"name":"c","title":"C","count":0'
t 'documents in view' 'pull store hq; pull till store' <<'.'
--- out
Synced Create Thing a
Synced Create Thing b
Synced Create Thing a
Synced Create Thing b
.

t 'an Update takes one out of view: it is deleted, under the name of the Update' 'put hq "\"name\":\"a\",\"count\":0" "\"name\":\"b\",\"note\":\"n\""; pull store hq; has store
    grep "\"left\"" page | jq -c "[.update_type, .docname, .data, .left]"
    [ "$(grep "\"left\"" page | jq -r .name)" = "$(es-producer-log -s hq.db Thing a | jq -r "select(.update_type == \"Update\") | .name")" ] && echo same' <<'.'
--- out
Synced Delete Thing a
Synced Update Thing b
b B 1 n
["Delete","a",null,1]
same
--- err
.
t 'what is done to it out of view is not told' 'put hq "\"name\":\"a\",\"note\":\"x\"" "\"name\":\"c\",\"note\":\"x\""; pull store hq; has store' <<'.'
--- out
b B 1 n
--- err
.
t 'a relay passes that on' 'pull till store; has till; grep -c "\"left\":1" page' <<'.'
--- out
Synced Delete Thing a
Synced Update Thing b
b B 1 n
1
--- err
.
t 'it comes again, whole' 'put hq "\"name\":\"a\",\"count\":2"; pull store hq; has store | sort; put hq "\"name\":\"a\",\"title\":\"A2\""; pull store hq; has store | sort' <<'.'
--- out
Synced Create Thing a
a A 2 x
b B 1 n
Synced Update Thing a
a A2 2 x
b B 1 n
--- err
.
t 'through the relay too' 'pull till store; has till | sort' <<'.'
--- out
Synced Create Thing a
Synced Update Thing a
a A2 2 x
b B 1 n
--- err
.
t 'and so again and again' 'for i in 1 2; do put hq "\"name\":\"a\",\"count\":0"; pull store hq; pull till store; put hq "\"name\":\"a\",\"count\":$i"; pull store hq; pull till store; done; has till | sort' <<'.'
--- out
Synced Delete Thing a
Synced Delete Thing a
Synced Create Thing a
Synced Create Thing a
Synced Delete Thing a
Synced Delete Thing a
Synced Create Thing a
Synced Create Thing a
a A2 2 x
b B 1 n
--- err
.
t 'out of view and back between two pulls: it stays' 'put hq "\"name\":\"a\",\"count\":0" "\"name\":\"a\",\"count\":7"; pull store hq; has store | sort; pull till store' <<'.'
--- out
Synced Delete Thing a: it was not deleted: it came again, or is not from there
Synced Create Thing a
a A2 7 x
b B 1 n
Synced Update Thing a
--- err
.
t 'the same again changes nothing' 'state store >was; es-producer-log -q -c store -s hq.db | es-apply -q -s store.db; state store | diff was -' <<'.'
--- out
--- err
.
t 'a new consumer gets what is in view, and nothing else is left' 'fresh till; wants till store Thing use_same_name=1; pull till store >/dev/null; has till | sort; es-sync-log -E -s till.db' <<'.'
--- out
a A2 7 x
b B 1 n
--- err
.

# ---- what it does not delete

t 'what is linked to waits' 'put store "\"name\":\"own\",\"title\":\"own\",\"thing\":\"a\""; put hq "\"name\":\"a\",\"count\":0"; pull store hq; has store | sort
    put store "\"name\":\"own\",\"thing\":null"; pull store hq; has store | sort' <<'.'
--- out
Failed Delete Thing a: Thing 'own' links to it
a A2 7 x
b B 1 n
own own null null
Synced Delete Thing a
b B 1 n
own own null null
--- err
.
t 'one that waits is given up when the document comes again' 'put hq "\"name\":\"a\",\"count\":1"; pull store hq; put store "\"name\":\"own\",\"thing\":\"a\""; put hq "\"name\":\"a\",\"count\":0"; pull store hq
    put hq "\"name\":\"a\",\"count\":3"; pull store hq; put store "\"name\":\"own\",\"thing\":null"; pull store hq; has store | sort; sqlite3 store.db "SELECT count(*) FROM parked"' <<'.'
--- out
Synced Create Thing a
Failed Delete Thing a: Thing 'own' links to it
Synced Delete Thing a: it was not deleted: it came again, or is not from there
Synced Create Thing a
a A2 3 x
b B 1 n
own own null null
0
--- err
.
t 'nor what was made here' 'wants hq store Thing use_same_name=1; put store "\"name\":\"mine\",\"title\":\"M\",\"count\":1"; pull hq store | grep -c mine
    put hq "\"name\":\"mine\",\"count\":0"; pull store hq; has store | grep mine' <<'.'
--- out
1
Synced Delete Thing mine: it was not deleted: it came again, or is not from there
mine M 1 null
--- err
.
t 'a Delete is a Delete' 'put hq "\"name\":\"b\",\"count\":0"; pull store hq; es-rm -q -s hq.db Thing b; pull store hq; has store | grep -c "^b"' 1 <<'.'
--- out
Synced Delete Thing b
Synced Delete Thing b
0
--- err
.
t 'by default nothing is said of what leaves' 'es-subscribe -s store.db hq Thing on_leave=keep 2>/dev/null | es-approve -aq -s hq.db -
    put hq "\"name\":\"a\",\"count\":0"; pull store hq; has store | grep ^a' <<'.'
--- out
a A2 3 x
--- err
.

done_testing
