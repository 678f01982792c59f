#!/bin/sh
# The cron job: the usual pipe for each producer.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/sites.sh
. "$ES_TOP/tests/sites.sh"
# shellcheck source=tests/serve.sh
. "$ES_TOP/tests/serve.sh"

site north
site south
site shop
put() {
	to=$1
	shift
	printf '%s\n' "$@" | es-put -q -s "$to.db"
}

for hq in north south; do
	es-key -q -o $hq.key -s $hq.db shop@example.com
	serve $hq -q -s $hq.db
	echo "${url:?}" >$hq.url
	echo "${pid:?}" >$hq.pid
	es-subscribe -q -k $hq.key -s shop.db "$url" user=Administrator \
	    Thing use_same_name=1
	es-approve -aq -s $hq.db shop
done
names() {
	es-get -s shop.db -C name Thing | jq -r .name | sort | paste -sd ' '
}
host() {
	sed -E 's,http://127\.0\.0\.1:[0-9]+,URL,g'
}

put north '{"doctype":"Thing","name":"a"}' '{"doctype":"Thing","name":"b"}'
put south '{"doctype":"Thing","name":"c"}'
t 'gets what all producers have, and says nothing' 'es-sync -s shop.db; names' <<'.'
--- out
a b c
--- err
.
put north '{"doctype":"Thing","name":"d"}'
put shop '{"doctype":"Thing","name":"e"}'
put south '{"doctype":"Thing","name":"e","title":"another"}'
t '-v: a line a producer; what is parked is status 1' \
    'es-sync -v -s shop.db 2>err; s=$?; host <err; exit $s' 1 <<'.'
--- out
es-sync: URL: 1 events: 1 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
es-sync: URL: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'what was parked before is no news' 'ES_SITE=shop.db es-sync; names' <<'.'
--- out
a b c d e
--- err
.
put south '{"doctype":"Thing","name":"f"}'
t 'one producer by name, and from its site file' \
    'es-sync -s shop.db "$(cat north.url)"; names; es-sync -s shop.db south.db; names' <<'.'
--- out
a b c d e
a b c d e f
.
put north '{"doctype":"Thing","name":"g"}'
put south '{"doctype":"Thing","name":"h"}'
t '-n changes nothing' 'es-sync -n -s shop.db; names' <<'.'
--- out
a b c d e f
--- err
.
halt "$(cat north.pid)"
t 'one that is not there does not keep the others' \
    'es-sync -W 0 -s shop.db 2>err; s=$?; host <err | tail -n 1; names; exit $s' 111 <<'.'
--- out
es-sync: 1 of 2 producers failed
a b c d e f h
.
# The lock is held while this shell reads: another run ends at once.
t 'one at a time' 'exec 8>>shop.db.lock; flock 8
    es-sync -s shop.db; echo $?; es-sync -v -s shop.db' 111 <<'.'
--- out
111
--- err
es-sync: another es-sync is at work on 'shop.db'
.
t 'as /bin/sh runs it, and from anywhere' \
    "cd / && sh '$ES_BIN/es-sync' -s '$PWD/shop.db' -W 0 '$(cat south.url)'"
# What is parked is tried again, though its producer is not there.
subscribe shop east Thing
P=east S=s3
echo 'e02 Update Thing k {"changed":{"title":"k"}} <e01' | send shop >/dev/null 2>&1
echo '{"doctype":"Thing","name":"e","title":"another"}' | es-put -q -s shop.db
t '-r: what is parked, of all producers' 'sqlite3 shop.db "SELECT count(*) FROM parked"
    es-sync -r -s shop.db; sqlite3 shop.db "SELECT code FROM parked"' <<'.'
--- out
2
gap
--- err
.
t '-r: of one producer' 'es-sync -rv -s shop.db east; es-sync -rv -s shop.db south.db 2>&1 | sed "s/applied.*/applied/"' <<'.'
--- out
es-sync: south.db: 0 events: 0 applied
--- err
es-sync: east: 1 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'called wrongly' 'es-sync -z' 100 <<'.'
--- err
usage: es-sync [-nqrv] [-s site] [-W seconds] [producer ...]
.
t 'without a site' 'es-sync' 100 <<'.'
--- err
es-sync: which site? Give -s site or set ES_SITE
.
t 'of a site that is not there' 'es-sync -s none.db' 100 <<'.'
--- err
es-sync: no site file 'none.db'; es-init makes one
.
ok 'and its lock is the owner'"'"'s alone' \
    test "$(stat -c %a shop.db.lock)" = 600

done_testing
