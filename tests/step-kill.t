#!/bin/sh
# es-put and es-apply are killed at each of their commit points in turn; run
# again they end as if nothing had been, and once more they change nothing.

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

# Kills COMMAND at its first commit point, its second, and so on until it gets
# through; each time SITE begins anew and has to end as $1.state tells.
each_point() {
	site=$1 n=1
	shift
	while :; do
		fresh "$site"
		status=0
		(ES_KILL_AT=$n PATH=$ES_KILL:$PATH "$@") >/dev/null 2>&1 ||
		    status=$?
		[ $status = 137 ] || break
		for again in again 'once more'; do
			"$@" >/dev/null 2>&1
			state "$site" | diff "$site.state" - >differ && continue
			echo "killed at point $n, run $again:"
			head -20 differ
			return 1
		done
		n=$((n + 1))
	done
	state "$site" | diff "$site.state" - >differ || { cat differ; return 1; }
	# Two for each page.
	[ $n -gt "$least" ] || { echo "only $n points"; return 1; }
}

# ---- es-put

ok 'a site' site shop
documents() {	# TITLE
	awk -v title="$1" 'BEGIN {
		for (i = 1; i <= 2300; i++)
			if (i % 50 != 7)
				printf "{\"name\":\"T%04d\",\"title\":\"%s\"," \
				    "\"parts\":[{\"name\":\"r\",\"qty\":%d}]}\n",
				    i, i % 4 ? "same" : title, i
		print "{\"name\":\"bad\",\"count\":\"x\"}"
	}'
}
documents one >one
documents two | sed '1~60d;$d' >two
put() {
	es-put -s shop.db Thing <one
}
put >events 2>/dev/null
state shop >shop.state
least=5
ok 'es-put' each_point shop put
put >/dev/null 2>&1
cp shop.db shop.new
put_all() {
	es-put -a -s shop.db Thing <two
}
put_all >/dev/null
state shop >shop.state
least=6
ok 'es-put -a, with changes and deletes' each_point shop put_all

# ---- es-prune, where consumers have conditions

documents one >/dev/null
printf '%s\n' '{"doctype":"Event Consumer","callback_url":"c","user":"Administrator",
    "consumer_doctypes":[{"ref_doctype":"Thing","status":"Approved",
    "condition":"doc.title == \"same\""}]}' | tr -d '\n' | es-put -q -s shop.db
documents three | es-put -q -s shop.db Thing 2>/dev/null
es-producer-log -s shop.db -c c | jq -c 'select(.docname) | .docname' | sort -u >seen
at=$(date -u '+%Y-%m-%d %H:%M:%S.000000' -d "@$(sqlite3 shop.db \
    'SELECT max(creation) / 1000000 + 1 FROM journal')")
documents four | sed '1~9d' | es-put -q -s shop.db Thing 2>/dev/null
sqlite3 shop.db '.backup shop.new'
prune() {
	es-prune -q -s shop.db -U "$at"
}
prune
state shop >shop.state
least=5
ok 'es-prune' each_point shop prune
es-producer-log -s shop.db -c c | jq -c 'select(.docname) | .docname' | sort -u >now
ok 'and nobody misses a document' cmp seen now

# ---- es-apply: a log with what changed and was deleted, much of it parked

fresh shop
rm shop.db shop.new
ok 'a shop' eval 'site shop && site hq'
subscribe hq shop Thing 'Person,"use_same_name":0'
cp hq.db hq.new
awk 'BEGIN {
	for (i = 1; i <= 40; i++) {
		printf "{\"doctype\":\"Person\",\"title\":\"%d\"}\n", i
		printf "{\"doctype\":\"Form\",\"name\":\"F%d\",\"must\":\"1\"}\n", i
		printf "{\"doctype\":\"Thing\",\"name\":\"T%d\"}\n", i
		printf "{\"doctype\":\"Thing\",\"name\":\"U%d\",\"person\":\"P-%02d\"," \
		    "\"thing\":\"T%d\",\"parts\":[{\"name\":\"r\",\"thing\":\"T%d\"}]}\n",
		    i, i, i, i
		# What links to a Form is parked, and what links to that.
		if (i % 5 == 0)
			printf "{\"doctype\":\"Thing\",\"name\":\"V%d\"," \
			    "\"ref_type\":\"Form\",\"ref\":\"F%d\"}\n", i, i
		if (i % 10 == 0)
			printf "{\"doctype\":\"Thing\",\"name\":\"W%d\"," \
			    "\"thing\":\"V%d\"}\n", i, i
		printf "{\"doctype\":\"Thing\",\"name\":\"U%d\",\"title\":\"2\"}\n", i
	}
	for (i = 5; i <= 40; i += 10)
		printf "{\"doctype\":\"Thing\",\"name\":\"V%d\",\"ref\":null," \
		    "\"ref_type\":null}\n", i
	for (i = 1; i <= 40; i += 3)
		printf "{\"doctype\":\"Thing\",\"name\":\"U%d\",\"docstatus\":%d}\n",
		    i, i % 2
}' | es-put -q -s shop.db
es-rm -q -s shop.db Thing U2 U5 T2 V15
es-mv -q -s shop.db Thing T3 T3b
es-mv -q -s shop.db Thing V20 V20b
es-mv -q -s shop.db Person P-04 Four
es-put -q -s shop.db Thing <<'.'
{"name":"U3","title":"3"}
{"name":"V20b","title":"3"}
.
apply() {
	(unset ES_KILL_AT; rest shop hq -L 50) >log
	es-apply -s hq.db log
}
apply >out 2>/dev/null
state hq >hq.state
t 'what is parked, deleted, renamed in it' 'cut -d"|" -f1,4 hq.state | sort | uniq -c | grep log
    grep -c ^parked hq.state' <<'.'
--- out
    182 log|0
     10 log|1
10
.
least=10
ok 'es-apply' each_point hq apply
t 'its cursor is at the end' "es-producer-log -s shop.db |
    jq -r 'select(.checkpoint).checkpoint.name' | tail -1 >at
    sqlite3 hq.db 'SELECT cursor_name FROM producer' | cmp - at" <<'.'
--- out
.

# What was parked goes on when the subscription grows, whenever it is killed.
fresh hq
apply >/dev/null 2>&1
sqlite3 hq.db "SELECT json_set(data, '\$.producer_doctypes', json_insert(
    json_extract(data, '\$.producer_doctypes'), '\$[#]', json_object('ref_doctype',
    'Form', 'status', 'Approved', 'use_same_name', 1))) FROM document
    WHERE name = 'shop'" | es-put -q -s hq.db
cp hq.db hq.new
es-producer-log -L 50 -s shop.db >log
apply_log() {
	es-apply -s hq.db log
}
apply_log >/dev/null 2>&1
state hq >hq.state
is 'nothing is parked any more' "$(grep -c ^parked hq.state)" 0
ok 'es-apply, waking what was parked' each_point hq apply_log

# ---- es-apply -B: what the other site has and this one forgot

rm hq.db hq.new
site hq
subscribe hq shop Thing Person Form
es-producer-log -s shop.db | es-apply -q -s hq.db
awk 'BEGIN {
	for (i = 1; i <= 2200; i++)
		printf "{\"name\":\"B%d\",\"thing\":\"%s%d\"}\n", i,
		    (i > 1200 ? "B" : "T"), (i > 1200 ? i - 1200 : i % 31 + 10)
	for (i = 10; i <= 40; i += 3)
		printf "{\"name\":\"T%d\",\"title\":\"3\",\"thing\":\"B%d\"}\n",
		    i, i * 50
}' >lost
sqlite3 shop.db '.backup shop.new'
es-put -q -s shop.db Thing <lost
es-producer-log -s shop.db | es-apply -q -s hq.db 2>log
es-producer-log -s hq.db -B shop >given
fresh shop
es-init -q -R -s shop.db
sqlite3 shop.db '.backup shop.new'
give() {
	es-apply -B -s shop.db given
}
give >out 2>log
state shop >shop.state
is 'what was forgotten is there again' \
    "$(grep -c '^document.*|B[0-9]' shop.state)" 2200
least=5
ok 'es-apply -B' each_point shop give

done_testing
