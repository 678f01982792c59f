#!/bin/sh
# es-apply - what Frappe sends: six keys, data as text, no prev, names that
# are numbers

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

docs() {
	es-get -s hq.db -C "$2" "$1"
}
put() {
	es-put -q -s hq.db
}

# As recorded from Frappe 14: one order through its life, things in between.
stock=$ES_TOP/tests/data/stock-events.json
cat >wire.json <<'.'
{"doctype":"DocType","name":"Wire Order Item","module":"Test","istable":1,"fields":[{"fieldname":"item","fieldtype":"Data"},{"fieldname":"qty","fieldtype":"Float"},{"fieldname":"rate","fieldtype":"Currency"},{"fieldname":"due","fieldtype":"Date"},{"fieldname":"done","fieldtype":"Check"},{"fieldname":"note","fieldtype":"Data"},{"fieldname":"role","fieldtype":"Link","options":"Role"}]}
{"doctype":"DocType","name":"Wire Thing","module":"Test","autoname":"Prompt","fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"n","fieldtype":"Int"},{"fieldname":"txt","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Wire Order","module":"Test","autoname":"WO-.#####","is_submittable":1,"fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"code_no","fieldtype":"Data","unique":1},{"fieldname":"order_date","fieldtype":"Date"},{"fieldname":"qty","fieldtype":"Int"},{"fieldname":"amount","fieldtype":"Currency"},{"fieldname":"status","fieldtype":"Select","options":"Open\nClosed"},{"fieldname":"urgent","fieldtype":"Check"},{"fieldname":"secret","fieldtype":"Password"},{"fieldname":"ref_type","fieldtype":"Link","options":"DocType"},{"fieldname":"ref_name","fieldtype":"Dynamic Link","options":"ref_type"},{"fieldname":"amended_from","fieldtype":"Link","options":"Wire Order"},{"fieldname":"items","fieldtype":"Table","options":"Wire Order Item"}]}
.
# The names of rows are what is looked at here.
mask() {
	cat
}

ok 'a site' eval 'site hq && es-doctype -q -s hq.db wire.json'
cp hq.db blank.db
ok 'a subscription' subscribe hq north 'Wire Order' 'Wire Thing' Thing Person
echo '{"doctype":"Wire Thing","name":"pending one"}' | put
cp hq.db hq.new

# stock FIRST LAST: those events, as they are.
stock() {
	awk -v first="$1" -v last="$2" '{
		name = $0
		sub(/.*"name":/, "", name)
		if (name + 0 >= first && name + 0 <= last)
			print
	}' "$stock" | events | {
		es-apply -s hq.db -p north >log
		brief <log
	}
}
t 'a Create' 'stock 1 1; docs "Wire Order" name,title,amount,order_date,ref_name,items' <<'.'
--- out
Synced Create Wire Order WO-00001
{"name":"WO-00001","title":"Erste Bestellung – 1","amount":1234.5678,"order_date":"2026-02-28","ref_name":"pending one","items":[{"done":0,"due":"2026-03-01","idx":1,"item":"bolt","name":"f672bfa68f","note":"n1","qty":2.0,"rate":1.25,"role":"Wire Reader"},{"done":1,"idx":2,"item":"nut","name":"0577973af1","qty":3.5,"rate":0.0}]}
--- err
.
t 'Updates: fields; rows added, changed, removed' 'stock 2 7; docs "Wire Order" title,amount,status,items' <<'.'
--- out
Synced Update Wire Order WO-00001
Synced Update Wire Order WO-00001
Synced Update Wire Order WO-00001
Synced Update Wire Order WO-00001
Synced Update Wire Order WO-00001
{"title":"all at once","amount":99.9,"status":"Closed","items":[{"name":"8daa7180d6","idx":1,"done":0,"item":"screw","qty":9.0,"rate":0.0},{"done":0,"idx":2,"item":"NUT","name":"0577973af1","qty":3.5,"rate":0.0}]}
--- err
.
t 'submit, cancel' 'stock 9 10; docs "Wire Order" docstatus' <<'.'
--- out
Synced Update Wire Order WO-00001
Synced Update Wire Order WO-00001
{"docstatus":2}
--- err
.
t 'amend, a link to another order' 'stock 11 11; docs "Wire Order" name,amended_from' <<'.'
--- out
Synced Create Wire Order WO-00001-1
{"name":"WO-00001","amended_from":null}
{"name":"WO-00001-1","amended_from":"WO-00001"}
--- err
.
t 'Delete' 'stock 12 13; docs "Wire Order" name' <<'.'
--- out
Synced Delete Wire Order WO-00001-1
Synced Delete Wire Order WO-00001
--- err
.
t 'no secret is stored' 'sqlite3 hq.db "SELECT count(*) FROM journal WHERE data LIKE '"'%\"secret\":%'"'"' <<'.'
--- out
0
.
t 'an Update of what was not received' 'stock 14 15; docs "Wire Thing" name,n' <<'.'
--- out
Synced Create Wire Thing ren ame/1
Failed Update Wire Thing renamed 1: an update of a document that was not received whole
{"name":"pending one","n":null}
{"name":"ren ame/1","n":1}
.
t 'an answer of several events' 'stock 16 19; docs "Wire Thing" name,n,txt | tail -1' <<'.'
--- out
Synced Create Wire Thing seq A
Synced Update Wire Thing seq A
Synced Update Wire Thing seq A
{"name":"seq A","n":2,"txt":"x"}
--- err
.
t 'create, delete, create under one name, and one of them twice' \
    'stock 21 23; docs "Wire Thing" name,n | tail -1' <<'.'
--- out
Synced Create Wire Thing seq C: deleted before it could be applied
Synced Delete Wire Thing seq C
Synced Create Wire Thing seq C
{"name":"seq C","n":3}
--- err
.
t 'and it goes on' 'stock 24 24; docs "Wire Thing" name,n | tail -1' <<'.'
--- out
Synced Update Wire Thing seq C
{"name":"seq C","n":44}
--- err
.
state() {
	sqlite3 hq.db "SELECT name, json_remove(data,'\$.creation','\$.modified')
	    FROM document; SELECT count(*) FROM journal; SELECT count(*) FROM synclog;
	    SELECT event, why FROM parked"
}
state >once
t 'the whole log again changes nothing' 'stock 1 99; state | cmp - once' <<'.'
--- out
--- err
.
t 'all at once: the same documents' 'fresh hq; stock 1 99 >/dev/null; docs "Wire Thing" name,n,txt; docs "Wire Order" name' <<'.'
--- out
{"name":"pending one","n":null,"txt":null}
{"name":"ren ame/1","n":1,"txt":null}
{"name":"seq A","n":2,"txt":"x"}
{"name":"seq C","n":44,"txt":null}
.
t 'diffs apply though one is missing, and twice' 'fresh hq; { stock 1 1; stock 5 5; stock 7 7; } >/dev/null
    docs "Wire Order" title,items' <<'.'
--- out
{"title":"all at once","items":[{"name":"8daa7180d6","idx":1,"done":0,"item":"screw","qty":9.0,"rate":0.0},{"done":0,"due":"2026-03-01","idx":2,"item":"bolt","name":"f672bfa68f","note":"changed","qty":20,"rate":1.25,"role":"Wire Reader"},{"done":0,"idx":3,"item":"NUT","name":"0577973af1","qty":3.5,"rate":0.0}]}
.

# ---- links, by what they are called there

# e NAME TYPE DOCTYPE DOCNAME DATA: as Frappe has it.
row() {
	jq -nc --arg data "$5" --arg name "$1" '{update_type: $ARGS.positional[0],
	    ref_doctype: $ARGS.positional[1], docname: $ARGS.positional[2],
	    data: $data, name: ($name | tonumber),
	    creation: "2026-01-01 00:00:\($name).000000"}' --args "$2" "$3" "$4"
}
t 'waits for a link target, and wakes in the same run' 'fresh hq; {
    row 10 Create Thing a "{\"person\":\"p\"}"
    echo "{\"checkpoint\":{\"event_producer\":\"north\",\"from\":null,\"last_update\":null,\"name\":null,\"events\":1}}"
    row 11 Create Person p "{}"; } | send hq -p north' 1 <<'.'
--- out
Failed Create Thing a: waits for Person 'p'
Synced Create Person p
Synced Create Thing a
.
t 'a link to itself' 'fresh hq; row 10 Create Thing a "{\"thing\":\"a\"}" | send hq -p north; docs Thing thing' <<'.'
--- out
Synced Create Thing a
{"thing":"a"}
--- err
.
t 'two that wait for one another' 'fresh hq; { row 10 Create Thing a "{\"person\":\"p\"}"
    row 11 Create Person p "{\"thing\":\"a\"}"; } | send hq -p north; docs Thing person; docs Person thing' <<'.'
--- out
Synced Create Thing a
Synced Create Person p
{"person":"p"}
{"thing":"a"}
--- err
.
t 'a local rename is an alias' 'fresh hq; { row 10 Create Person p "{}"; } | send hq -q -p north
    es-mv -q -s hq.db Person p ours; { row 11 Update Person p "{\"changed\":{\"title\":\"x\"}}"
    row 12 Create Thing a "{\"person\":\"p\"}"; } | send hq -p north; docs Person name,title; docs Thing person' <<'.'
--- out
Synced Update Person p as ours
Synced Create Thing a
{"name":"ours","title":"x"}
{"person":"ours"}
--- err
.
cp blank.db hq.db
ok 'names of our own' subscribe hq north Thing 'Person,"use_same_name":0'
t 'links lead to local names' '{ row 10 Create Person p "{}"
    row 11 Create Thing a "{\"person\":\"p\"}"; row 12 Update Person p "{\"changed\":{\"title\":\"x\"}}"
    } | send hq -p north; docs Thing person; docs Person name,title' <<'.'
--- out
Synced Create Person p as P-01
Synced Update Person p as P-01
Synced Create Thing a
{"person":"P-01"}
{"name":"P-01","title":"x"}
--- err
.

done_testing
