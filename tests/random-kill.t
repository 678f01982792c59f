#!/bin/sh
# es-put and es-apply are killed at any moment, fifty times each; run again
# they end as if nothing had been: nothing is lost, nothing is there twice.
# ES_SEED makes the moments the same again.

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

seed=${ES_SEED:-$$}
echo "# seed $seed"
mkfifo in out

# Starts COMMAND on a pipe and kills it after so many bytes of what it reads,
# or once so many lines of what it writes have come.
kill_after() {
	what=$1 much=$2 input=$3
	shift 3
	"$@" <in >out 2>/dev/null &
	pid=$!
	exec 3>in 4<out
	if [ "$what" = bytes ]; then
		cat <&4 >/dev/null 3>&- &
		head -c "$much" "$input" >&3
		kill -KILL $pid
	else
		{ head -n "$much" >/dev/null; kill -KILL $pid; } <&4 3>&- &
		cat "$input" >&3
	fi 2>/dev/null
	exec 3>&- 4<&-
	wait
} 2>/dev/null

# Ten rounds from where SITE begins, five kills each, for which again makes the
# input; then COMMAND is run until the end, and SITE has to be as $1.state tells.
kill_fifty() {
	site=$1 input=$2 lines=$(wc -l <"$3")
	bytes=$(wc -c <"$input") round=0
	shift 3
	while [ $((round += 1)) -le 10 ]; do
		fresh "$site"
		awk -v seed="$seed" -v n="$round" -v bytes="$bytes" \
		    -v lines="$lines" 'BEGIN {
			srand(seed * 16 + n)
			for (i = 1; i <= 5; i++)
				if (rand() < .5)
					print "bytes", int(rand() * bytes)
				else
					print "lines", 1 + int(rand() * rand() * lines)
		}' >moments
		while read -r what much; do
			again
			kill_after "$what" "$much" "$input" "$@" </dev/null
		done <moments
		again
		"$@" <"$input" >/dev/null 2>&1
		state "$site" | diff "$site.state" - >differ && continue
		echo "round $round of seed $seed:"
		cat moments
		head -20 differ
		return 1
	done
}

# ---- es-put

ok 'a site' site shop
awk 'BEGIN {
	for (i = 1; i <= 2400; i++) {
		printf "{\"name\":\"T%d\",\"title\":\"%d\",\"parts\":[" \
		    "{\"name\":\"r\",\"qty\":%d}]}\n", i, i, i
		if (i % 3 == 0)
			printf "{\"name\":\"T%d\",\"note\":\"%d\"}\n", i / 3, i
	}
}' >documents
again() {
	:
}
es-put -s shop.db Thing <documents >events
state shop >shop.state
ok 'es-put, documents that change' \
    kill_fifty shop documents events es-put -s shop.db Thing

# ---- es-apply

ok 'another' site hq
fresh shop
subscribe hq shop Thing
cp hq.db hq.new
awk 'BEGIN {
	for (i = 1; i <= 1000; i++)
		printf "{\"doctype\":\"Thing\",\"name\":\"T%d\"}\n", i
	for (i = 1; i <= 100; i++)
		printf "{\"doctype\":\"Person\",\"title\":\"%d\"}\n" \
		    "{\"doctype\":\"Thing\",\"name\":\"A%d\",\"thing\":\"T%d\"}\n",
		    i, i, i
	for (i = 1; i <= 20; i++)
		printf "{\"doctype\":\"Thing\",\"name\":\"A%d\"," \
		    "\"person\":\"P-%02d\"}\n", i * 4, i
}' | es-put -q -s shop.db
es-rm -q -s shop.db Thing $(seq -f A%g 1 9 100)
again() {
	rest shop hq -L 40 >log
}
again
es-apply -s hq.db <log >lines 2>/dev/null
state hq >hq.state
t 'some of it is parked' 'cut -d"|" -f1,4 hq.state | sort | uniq -c | grep log' <<'.'
--- out
   1114 log|0
     18 log|1
.
ok 'es-apply, what is parked among it' \
    kill_fifty hq log lines es-apply -s hq.db
t 'no doubles' 'sqlite3 hq.db "SELECT event, count(*) FROM synclog GROUP BY event
    HAVING count(*) > 1; SELECT birth FROM origin GROUP BY birth HAVING count(*) > 1"' <<'.'
--- out
.

done_testing
