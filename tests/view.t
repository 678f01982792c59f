#!/bin/sh
# What a consumer may see of a journal: es-producer-log -c (DESIGN 6).
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/sites.sh
. "$ES_TOP/tests/sites.sh"

site shop
site till
till=$(sqlite3 till.db "SELECT value FROM site WHERE key = 'id'")

# consumer ROW ...: the Event Consumer of till, its rows as jq takes them.
consumer() {
	IFS=,
	printf '{"doctype":"Event Consumer","callback_url":"till","user":"Administrator","site":"%s","consumer_doctypes":[%s]}\n' \
	    "$till" "$*" | es-put -q -s shop.db
	unset IFS
}

row() {
	printf '{"ref_doctype":"%s","status":"%s"%s}' "$1" "$2" "${3:+,$3}"
}

put() {
	printf '%s\n' "$@" | es-put -q -s shop.db
}

# What till gets after a point, in short; the point it then stands at.
at=
get() {
	es-producer-log -s shop.db -c till ${at:+-S "$at"} "$@" >got || return
	jq -r 'select(.update_type) | "\(.update_type) \(.ref_doctype) \(.docname)" +
	    (if .prev then " after" else "" end)' got
}

# As get, and then till has had it.
pull() {
	get || return
	at=$(jq -r '.checkpoint | values | .last_update + "," + .name' got | tail -n 1)
}

put '{"doctype":"Thing","name":"old","title":"before"}'
consumer "$(row Thing Pending)"
put '{"doctype":"Thing","name":"a","title":"one"}' '{"doctype":"Person","name":"p"}'
is 'nothing while Pending' "$(get)" ''
consumer "$(row Thing Rejected)"
is 'nothing when Rejected' "$(get)" ''
consumer "$(row Thing Approved)"
pull >out
is 'what came between subscription and approval is sent on approval; what was there before is not' \
    "$(cat out)" 'Create Thing a'
is 'the answer is a function of log and cursor' "$(at='' && get)" 'Create Thing a'
is 'nothing twice from the new cursor' "$(get)" ''
is 'a page of one entry each, the same events' "$(at='' && get -L 1)" 'Create Thing a'
put '{"doctype":"Thing","name":"old","title":"after"}'
pull >out
is 'never an Update of a document it was not sent whole: the whole history' \
    "$(cat out)" 'Create Thing old
Update Thing old after'
put '{"doctype":"Thing","name":"a","title":"two"}' '{"doctype":"Thing","name":"b"}'
pull >out
is 'then as it is logged' "$(cat out)" 'Update Thing a after
Create Thing b'
is 'prev is the event before it' \
    "$(jq -r 'select(.docname == "a") | .prev' got)" \
    "$(es-producer-log -s shop.db | jq -r 'select(.docname == "a") | .name' | head -n 1)"

consumer "$(row Thing Approved '"unsubscribed":1')"
put '{"doctype":"Thing","name":"c"}' '{"doctype":"Thing","name":"a","title":"three"}'
es-rm -q -s shop.db Thing b
is 'nothing while unsubscribed' "$(get)" ''
consumer "$(row Thing Approved)"
pull >out
is 'resubscribed: the history of what there is, and the Deletes withheld' \
    "$(sort out)" 'Create Thing a
Create Thing c
Create Thing old
Delete Thing b
Update Thing a after
Update Thing a after
Update Thing old after'

consumer "$(row Thing Pending '"condition":"doc.title == \"x\""')"
put '{"doctype":"Thing","name":"a","title":"x"}'
is 'a change goes back to Pending' "$(get)" ''
consumer "$(row Thing Approved '"condition":"doc.title == \"x\""')"
pull >out
is 'approved under a condition: what fulfils it, and Deletes' "$(sort -u out)" 'Create Thing a
Delete Thing b
Update Thing a after'
put '{"doctype":"Thing","name":"w","title":"x"}'
pull >out
es-rm -q -s shop.db Thing w
consumer "$(row Thing Pending '"condition":"doc.title == \"x\""')"
is 'a Delete before that was not read: not while Pending' "$(pull)" ''
pull
consumer "$(row Thing Approved '"condition":"doc.title == \"x\""')"
pull >out
is 'but on approval' "$(grep Delete out)" 'Delete Thing b
Delete Thing w'
put '{"doctype":"Thing","name":"c","title":"y"}' '{"doctype":"Thing","name":"a","note":"n"}'
pull >out
is 'what does not fulfil it is not sent' "$(cat out)" 'Update Thing a after'
put '{"doctype":"Thing","name":"c","title":"x"}'
pull >out
is 'a condition met at last brings the whole history' "$(cat out)" 'Create Thing c
Update Thing c after
Update Thing c after'
put '{"doctype":"Thing","name":"c","title":"z"}' '{"doctype":"Thing","name":"c","note":"m"}'
is 'a condition that stops holding stops the stream' "$(pull)" ''
es-rm -q -s shop.db Thing c old
pull >out
is 'a Delete goes to whom it was ever offered' "$(sort out)" 'Delete Thing c
Delete Thing old'
put '{"doctype":"Thing","name":"never","title":"n"}'
es-rm -q -s shop.db Thing never
is 'and to nobody else' "$(consumer "$(row Thing Approved '"condition":"doc.title == \"x\""')"; pull)" ''

consumer "$(row Thing Approved '"condition":"doc.title == \"x\"","own_condition":"doc.count > 3"')"
put '{"doctype":"Thing","name":"d","title":"x","count":3}' \
    '{"doctype":"Thing","name":"e","title":"x","count":4}' \
    '{"doctype":"Thing","name":"f","title":"w","count":5}'
is 'the condition of the producer counts too' "$(get)" 'Create Thing e'
t 'a condition that is not understood is refused where it is entered' \
    'es-put -q -s shop.db' 1 <<'.'
--- in
{"doctype":"Event Consumer","callback_url":"till","consumer_doctypes":[{"ref_doctype":"Thing","status":"Approved","condition":"doc.title =="}]}
--- err
es-put: stdin:1: condition not understood at 13: it ends too early; near ''
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.

consumer "$(row Thing Approved)"
pull >out
put '{"doctype":"Thing","name":"g","person":"p"}'
es-mv -q -s shop.db Person p q
pull >out
is 'a Rename goes over links to whom the document was offered as a dependency' \
    "$(cat out)" 'Create Person q after
Create Thing g
Rename Person p'
put '{"doctype":"Person","name":"r"}'
es-mv -q -s shop.db Person r s
is 'not of what nothing in view links to' "$(get)" ''

# The way back: what had passed till is not sent to it.
subscribe shop till Thing
put '{"doctype":"Thing","name":"h"}'
subscribe till shop Thing,'"conflict":"producer"'
pull >out
es-apply -q -s till.db <got 2>/dev/null
echo '{"doctype":"Thing","name":"h","title":"till"}' | es-put -q -s till.db
es-producer-log -s till.db | es-apply -q -s shop.db
put '{"doctype":"Thing","name":"h","note":"shop"}'
pull >out
is 'what had passed the consumer is left out' "$(cat out)" 'Update Thing h after'
is 'prev passes over it' "$(jq -r 'select(.docname == "h") | .prev' got)" \
    "$(es-producer-log -s shop.db | jq -r 'select(.docname == "h") | .name' | head -n 1)"
is 'base is what the author had seen of the receiver' \
    "$(jq -r 'select(.docname == "h") | .base' got)" \
    "$(es-producer-log -s till.db | jq -r 'select(.docname == "h") | .name' | tail -n 1)"
is 'and it applies there' "$(es-apply -s till.db <got 2>/dev/null | jq -r .status)" Synced

t 'a consumer that is not known' 'es-producer-log -s shop.db -c nobody' 100 <<'.'
--- out
--- err
es-producer-log: no Event Consumer 'nobody' in 'shop.db'
.
t '-c is not for a choice of documents' 'es-producer-log -s shop.db -c till Thing 2>&1 | head -n 1' <<'.'
--- out
usage: es-producer-log [-aqv] [-e event] [-L limit] [-o file] [-S since]
.
done_testing
