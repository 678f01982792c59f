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

done_testing
