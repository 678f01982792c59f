#!/bin/sh
# The consumers of Event Update Log documents: who was sent what

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

site shop
for user in till branch; do
	es-key -q -s shop.db $user >/dev/null
done

# ask CONSUMER ROW ...: what it asks for; a row is DocType[,condition[,unsubscribed]].
ask() {
	name=$1
	shift
	printf '%s\n' "$@" | jq -Rcs --arg name "$name" '{request: {event_consumer: $name,
	    user: $name, consumer_doctypes: (split("\n") | map(select(. != "") |
	    split(",") | {doctype: .[0], condition: .[1], unsubscribed:
	    (.[2] // "0" | tonumber)}))}}' | es-approve -q -s shop.db -
}
put() {
	printf '%s\n' "$@" | es-put -q -s shop.db Thing
}
# As if it had asked from the end of the log.
has_all() {
	sqlite3 shop.db "UPDATE consumer SET cursor = (SELECT max(creation)
	    FROM journal) WHERE name = '$1'"
}
# sent [DOCNAME ...]: the log of things, and who was sent it.
sent() {
	for docname; do
		es-get -s shop.db 'Event Update Log' "docname=$docname" |
		    jq -r '"\(.update_type) \(.docname): \([.consumers[].consumer] | join(" "))"'
	done
}

ask till 'Thing,doc.count > 1'
put '{"name":"a","count":2}' '{"name":"b","count":1}'
has_all till
is 'nobody, while it waits' "$(sent a b)" 'Create a: 
Create b: '
es-approve -q -a -s shop.db till
is 'nor before it has asked on' "$(sent a)" 'Create a: '
has_all till
is 'what came into view by the approval' "$(sent a b)" 'Create a: till
Create b: '
put '{"name":"b","count":5}' '{"name":"a","note":"n"}'
is 'not what was logged since' "$(sent a b)" 'Create a: till
Update a: 
Create b: 
Update b: '
has_all till
is 'a document that came into view, whole' "$(sent a b)" 'Create a: till
Update a: till
Create b: till
Update b: till'
put '{"name":"b","count":0}' '{"name":"b","note":"x"}'
has_all till
is 'one that left it, not from there on' "$(sent b)" 'Create b: till
Update b: till
Update b: 
Update b: '
put '{"name":"never"}'
es-rm -q -s shop.db Thing b never
has_all till
is 'a Delete: who was offered the document' "$(sent b never | grep Delete)" 'Delete b: till
Delete never: '
ask till 'Thing,doc.count > 1,1'
put '{"name":"c","count":3}'
has_all till
is 'not while it is unsubscribed' "$(sent c)" 'Create c: '
ask till 'Thing,doc.count > 1'
has_all till
is 'but when it is not any more' "$(sent c)" 'Create c: till'
ask branch Thing
es-approve -q -a -s shop.db branch
put '{"name":"d","count":1}' '{"name":"e","count":2}'
has_all till
has_all branch
is 'each its own' "$(sent d e c)" 'Create d: branch
Create e: branch till
Create c: till'
t 'the document, whole' 'es-get -s shop.db "Event Update Log" docname=e | jq -c "[keys_unsorted, .consumers]"' <<'.'
--- out
[["doctype","name","creation","modified","update_type","ref_doctype","docname","data","consumers"],[{"idx":1,"consumer":"branch"},{"idx":2,"consumer":"till"}]]
--- err
.
t 'chosen fields have it not' 'es-get -s shop.db -C name,docname "Event Update Log" docname=e | jq -c keys_unsorted' <<'.'
--- out
["name","docname"]
--- err
.
t 'what is never sent' 'es-get -s shop.db "Event Update Log" ref_doctype=User | jq -c .consumers | sort -u' <<'.'
--- out
[]
--- err
.

put '{"name":"e","count":0}' '{"name":"e","note":"out"}'
has_all till
has_all branch
sent d e c >before
es-prune -q -s shop.db
is 'where the data was dropped' "$(sqlite3 shop.db "SELECT count(*) FROM journal
    WHERE docname = 'e' AND data IS NOT NULL")" 0
is 'it is known all the same' "$(sent d e c)" "$(cat before)"

done_testing
