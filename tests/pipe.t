#!/bin/sh
# Sites keep up with one another by plain pipes, and a pipe's status is the
# truth about all of it

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

retail=$ES_TOP/share/doctypes/retail.json
PATH=$ES_TOP/share:$PATH

shop() {
	es-init -q -s "$1.db" "$1" && es-doctype -q -s "$1.db" "$retail"
}
# A site's documents of some DocTypes, as anybody sees them.
documents() {
	site=$1
	shift
	for dt; do
		es-get -s "$site.db" "$dt"
	done | jq -cS 'del(.owner, .creation, .modified, .modified_by)' | sort
}
# equal DOCTYPE... -- SITE...
equal() {
	dts=''
	while [ "$1" != -- ]; do
		dts="$dts $1"
		shift
	done
	shift
	first=$1
	# shellcheck disable=SC2086
	for site; do
		documents "$site" $dts 'Sales Invoice' >"$site.docs"
		cmp "$first.docs" "$site.docs" || diff "$first.docs" "$site.docs" |
		    head -4
	done
	wc -l <"$first.docs"
}
# Everything that flows, until nothing does; at most eight rounds.
settle() {
	n=0
	while [ $((n += 1)) -le 8 ]; do
		: >moved
		for pair; do
			es-producer-log -s "${pair%,*}.db" |
			    es-apply -s "${pair#*,}.db" >>moved || return
		done
		[ -s moved ] || return 0
	done
	echo 'no rest:'
	cat moved
	return 1
}
failed() {
	for s; do
		es-sync-log -E -s "$s.db" | brief
	done
}
# The DocTypes that all have, and others.
take() {
	to=$1 from=$2
	shift 2
	subscribe "$to" "$from" 'Item Group' UOM Brand Territory \
	    'Customer Group' 'Supplier Group' Account 'Cost Center' Warehouse \
	    'Mode of Payment' 'Payment Term' Address Supplier Customer Item "$@"
}

# ---- two sites: items and customers go down, invoices up

ok 'two sites' eval 'shop hq && shop store'
ok 'the store takes masters' take store hq
ok 'headquarters take invoices' take hq store 'Sales Invoice'
make-retail -n 60 masters | es-put -q -s hq.db
t 'masters go down' 'es-producer-log -s hq.db | es-apply -q -s store.db; failed store' <<'.'
--- out
--- err
.
make-retail -n 40 -m 60 invoices | es-put -q -s store.db
t 'invoices go up' 'es-producer-log -s store.db | es-apply -q -s hq.db; failed hq' <<'.'
--- out
--- err
.
ok 'either has all' settle hq,store store,hq
t 'the same at both' 'equal Item Customer -- hq store' <<'.'
--- out
131
.
# Both sides go on, at once, some of it in the same documents.
make-retail -n 60 masters-changes | es-put -q -s hq.db
make-retail -n 40 -m 60 -s 1 changes | es-put -q -s store.db
es-get -s store.db -C name,customer_name Customer | head -20 |
    jq -c '{doctype: "Customer", name, mobile_no: "1", customer_name: "Store"}' |
    es-put -q -s store.db
es-get -s hq.db -C name Customer | head -10 |
    jq -c '{doctype: "Customer", name, website: "x", customer_name: "Hq"}' |
    es-put -q -s hq.db
es-get -s store.db -C name Item | sed -n '5,9p' |
    jq -c '{doctype: "Item", name, brand: null}' | es-put -q -s store.db
echo '{"doctype":"Customer","name":"New here","customer_name":"n"}' | es-put -q -s store.db
echo '{"doctype":"Customer","name":"New there","customer_name":"n"}' | es-put -q -s hq.db
es-mv -q -s hq.db Item "$(es-get -s hq.db -C name Item | sed -n '3s/.*:"\(.*\)"}/\1/p')" Renamed
ok 'edits on both sides come to rest' settle hq,store store,hq
t 'and all is the same again' 'equal Item Customer -- hq store; failed hq store' <<'.'
--- out
133
.
t 'what lost is known' 'es-sync-log -s hq.db | jq -c "select(.lost) | .lost[] |
    [.field, .kept, .lost, .winner]" | sort | uniq -c' <<'.'
--- out
     10 ["customer_name","Hq","Store","here"]
      1 ["customer_name","Robert'); DROP TABLE Customer;-- & Sons","Store","here"]
      1 ["customer_name","The \"Quoted\" Company (νέα διεύθυνση)","Store","here"]
.

# ---- three: headquarters, a region that relays, a store

rm ./*.db
ok 'three sites' eval 'shop hq && shop region && shop store'
ok 'the region between them' eval 'take region hq && take store region &&
    take region store "Sales Invoice" && take hq region "Sales Invoice"'
round='hq,region region,store store,region region,hq'
make-retail -n 40 masters | es-put -q -s hq.db
# shellcheck disable=SC2086
ok 'down' settle $round
make-retail -n 30 -m 40 invoices | es-put -q -s store.db
ok 'up' settle $round
t 'the same everywhere' 'equal Item Customer -- hq region store; failed hq region store' <<'.'
--- out
91
.
n=0
for s in hq region store; do
	n=$((n + 1))
	es-get -s $s.db -C name Customer | sed -n "$n,18p" |
	    jq -c --arg s $s '{doctype: "Customer", name, customer_name: $s} +
		{($s | {hq: "website", region: "tax_id", store: "mobile_no"}[.]): $s}' |
	    es-put -q -s $s.db
	echo "{\"doctype\":\"Customer\",\"name\":\"of $s\",\"customer_name\":\"$s\"}" |
	    es-put -q -s $s.db
done
make-retail -n 30 -m 40 changes | es-put -q -s store.db
es-mv -q -s store.db Customer 'of store' 'Of the store'
ok 'edits at all three come to rest' settle $round
t 'and all is the same' 'equal Item Customer -- hq region store; failed hq region store' <<'.'
--- out
94
.
t 'the origin has won' "es-get -s store.db -C customer_name,website,tax_id,mobile_no Customer | sed -n '3,4p'" <<'.'
--- out
{"customer_name":"hq","website":"hq","tax_id":"region","mobile_no":"store"}
{"customer_name":"hq","website":"hq","tax_id":"region","mobile_no":"store"}
.
es-rm -q -s region.db Customer 'of region'
es-rm -q -s hq.db Customer 'of hq'
es-rm -q -s store.db Customer 'Of the store'
ok 'deletes go everywhere' settle $round
t 'and nothing comes back' 'equal Item Customer -- hq region store; failed hq region store' <<'.'
--- out
91
.
t 'the way of a change' "es-producer-log -s hq.db 'Sales Invoice' | jq -c 'select(.via) | [(.via | length), .author == .via[2]]' | sort | uniq -c" <<'.'
--- out
     38 [3,true]
.

# ---- the status of a pipe, in the shell that cron has

in_dash() {
	dash -c "$1" 2>&1
}
t 'all is well' 'in_dash "es-producer-log -s hq.db | es-apply -q -s region.db"' <<'.'
--- out
.
t 'the source is not there' 'in_dash "es-producer-log -s none.db | es-apply -q -s region.db"' 111 <<'.'
--- out
es-producer-log: cannot open 'none.db': No such file or directory
es-apply: the input has no end line: it was cut; run again
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'it is, but has not what is asked for' 'in_dash "es-producer-log -s hq.db -e nothing | es-apply -q -s region.db"' 1 <<'.'
--- out
es-producer-log: no event 'nothing' in 'hq.db'
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'a filter between dies' 'in_dash "es-producer-log -s hq.db | head -5 | es-apply -q -s region.db"' 111 <<'.'
--- out
es-apply: the input has no end line: it was cut; run again
es-apply: 5 events: 0 applied, 0 parked, 0 refused, 0 rejected, 5 known or not subscribed
.
t 'a filter loses a line' 'in_dash "es-producer-log -s hq.db | sed 5d | es-apply -q -s region.db" | sed "s/[0-9][0-9]*/N/g"
    es-producer-log -s hq.db | sed 5d | es-apply -q -s region.db 2>/dev/null' 111 <<'.'
--- out
es-apply: saw N of N events of 'hq', the cursor stays: send them again
es-apply: N events: N applied, N parked, N refused, N rejected, N known or not subscribed
.
t 'the site is not there' 'in_dash "es-producer-log -s hq.db | es-apply -q -s none.db"' 100 <<'.'
--- out
es-apply: cannot open 'none.db': No such file or directory
.
t 'what es-put prints is such a log' 'echo "{\"doctype\":\"UOM\",\"uom_name\":\"Cord\"}" |
    es-put -s hq.db | es-apply -s region.db | brief; es-get -s region.db -C name UOM Cord' <<'.'
--- out
Synced Create UOM Cord
{"name":"Cord"}
.

done_testing
