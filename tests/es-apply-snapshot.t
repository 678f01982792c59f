#!/bin/sh
# es-apply - a document as it was read whole, in place of its events

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

docs() {
	es-get -s hq.db -C "$2" "$1"
}

ok 'a site' site hq
ok 'subscriptions' eval 'site there && subscribe hq north Thing Person && subscribe hq there Thing Person'
cp hq.db hq.new

t 'the chain restarts at its prev' 'send hq; docs Thing title' <<'.'
--- in
e05 Create Thing a {"title":"5"} "snapshot":1 <e04
e06 Update Thing a {"changed":{"title":"6"}} <e04
e05 Create Thing b {"title":"5"} "snapshot":1 <e03
--- out
Synced Create Thing a
Synced Update Thing a
Synced Create Thing b
{"title":"6"}
{"title":"5"}
--- err
.
t 'in a later page too' 'send hq' <<'.'
--- in
e07 Update Thing b {"changed":{"title":"7"}} <e03
--- out
Synced Update Thing b
--- err
.
t 'it takes the place of events that are missing' 'fresh hq; send hq 2>/dev/null; send hq <snap; docs Thing title,note' <<'.'
--- file snap
e05 Create Thing a {"title":"5"} "snapshot":1 <e05
--- in
e01 Create Thing a {"title":"1"}
e03 Update Thing a {"changed":{"title":"3"}} <e02
e04 Update Thing a {"changed":{"note":"4"}} <e03
e06 Update Thing a {"changed":{"note":"6"}} <e05
--- out
Synced Create Thing a
Failed Update Thing a: an event before e03 is missing
Failed Update Thing a: an event before e03 is missing
Failed Update Thing a: an event before e03 is missing
Synced Create Thing a
Synced Update Thing a
Synced Update Thing a
Synced Update Thing a
{"title":"5","note":"6"}
--- err
.
t 'events that it contains are skipped, if they come late' 'send hq; docs Thing title,note' <<'.'
--- in
e02 Update Thing a {"changed":{"title":"2"}} <e01
e05 Update Thing a {"changed":{"title":"5"}} <e04
--- out
{"title":"5","note":"6"}
--- err
.
t 'newer ones apply' 'send hq; docs Thing title,note' <<'.'
--- in
e07 Update Thing a {"changed":{"title":"7"}} <e06
--- out
Synced Update Thing a
{"title":"7","note":"6"}
--- err
.
t 'the same snapshot again is skipped' 'send hq; docs Thing title,note' <<'.'
--- in
e05 Create Thing a {"title":"5"} "snapshot":1 <e05
--- out
{"title":"7","note":"6"}
--- err
.
there() {
	echo "{\"doctype\":\"Thing\",\"name\":\"a\",\"title\":\"$1\"}" |
	    es-put -q -s there.db
}
t 'and so is one that is older than what was applied' 'fresh hq; there 1; there 2
    es-producer-log -i -s there.db Thing >old; there 3; flow there hq -q; there 4
    es-apply -s hq.db old; docs Thing title; flow there hq; docs Thing title' <<'.'
--- out
{"title":"3"}
Synced Update Thing a
{"title":"4"}
--- err
.
t 'it replaces all: what it does not have goes' 'fresh hq; send hq -q; send hq <snap; docs Thing title,note,parts' <<'.'
--- file snap
e05 Create Thing a {"title":"5","parts":[{"name":"r2","idx":1,"code":"x"}]} "snapshot":1 <e05
--- in
e01 Create Thing a {"title":"1","note":"1","parts":[{"name":"r1","idx":1,"code":"x"}]}
--- out
Synced Create Thing a
{"title":"5","note":null,"parts":[{"name":"r2","idx":1,"code":"x"}]}
--- err
.
put() {
	es-put -q -s hq.db
}
t 'but what was changed here, where the producer left it alone' 'fresh hq; send hq -q
    echo "{\"doctype\":\"Thing\",\"name\":\"a\",\"note\":\"ours\"}" | put; send hq <snap; docs Thing title,note' <<'.'
--- file snap
e05 Create Thing a {"title":"5","note":"1"} "snapshot":1 <e05
--- in
e01 Create Thing a {"title":"1","note":"1"}
--- out
Synced Create Thing a
{"title":"5","note":"ours"}
--- err
.
t 'what it changed too is a conflict' 'fresh hq; send hq -q
    echo "{\"doctype\":\"Thing\",\"name\":\"a\",\"note\":\"ours\",\"count\":1}" | put; send hq <snap; docs Thing note,count' <<'.'
--- file snap
e05 Create Thing a {"note":"5","count":null} "snapshot":1 <e05
--- in
e01 Create Thing a {"note":"1"}
--- out
Synced Create Thing a lost [{"field":"note","kept":"5","lost":"ours","winner":"producer"}]
{"note":"5","count":1}
--- err
.
t 'unless its writer had seen our change' 'fresh hq; send hq -q
    echo "{\"doctype\":\"Thing\",\"name\":\"a\",\"note\":\"ours\"}" | es-put -s hq.db >put
    jq -r "select(.name) | \"e05 Create Thing a {\\\"note\\\":\\\"1\\\"} \\\"snapshot\\\":1 <e05 \\\"knew\\\":{\\\"\(.site)\\\":\\\"\(.name)\\\"}\"" put |
    send hq; docs Thing note' <<'.'
--- in
e01 Create Thing a {"note":"1"}
--- out
Synced Create Thing a
{"note":"1"}
--- err
.
t 'what it contains is not Synced before it is' 'fresh hq; send hq 2>/dev/null; send hq <snap 2>/dev/null
    sqlite3 hq.db "SELECT event, status FROM synclog"; echo "e09 Create Person p {}" | send hq; docs Thing title' <<'.'
--- file snap
e05 Create Thing a {"title":"5","person":"p"} "snapshot":1 <e05 Person:p
--- in
e02 Update Thing a {"changed":{"title":"2"}} <e01
--- out
Failed Update Thing a: an event before e02 is missing
Failed Update Thing a: waits for Person 'p'
Failed Create Thing a: waits for Person 'p'
e02|1
e05|1
Synced Create Person p
Synced Create Thing a
Synced Update Thing a
{"title":"5"}
--- err
.
t 'it brings the name that the document has by now' 'fresh hq; send hq -q; send hq <snap; docs Thing name' <<'.'
--- file snap
e05 Create Thing b {} @a "snapshot":1 <e01 "renamed":"2026-01-01\u002000:00:05"
--- in
e01 Create Thing a {}
--- out
Synced Create Thing b
{"name":"b"}
--- err
.
t 'an older Rename does not undo it' 'send hq; docs Thing name' <<'.'
--- in
e03 Rename Thing a {"new_name":"c","merge":0}
--- out
{"name":"b"}
--- err
.
t 'nor does a snapshot from before a Rename' 'fresh hq; send hq -q; send hq <snap; docs Thing name,title' <<'.'
--- file snap
e05 Create Thing b {"title":"5"} @a "snapshot":1 <e05 "renamed":"2026-01-01\u002000:00:03"
--- in
e01 Create Thing a {}
e06 Rename Thing a {"new_name":"c","merge":0}
--- out
Synced Create Thing b as c
{"name":"c","title":"5"}
--- err
.
t 'its journal entry names only the producer as its way' "fresh hq; send hq -q
    es-producer-log -s hq.db Thing | jq -c 'select(.name) | [(.via[1:]), (.seen | keys), .merged]'" <<'.'
--- in
e05 Create Thing a {} "snapshot":1 <e04 "seen":{"s9":"x1"} "knew":{"s9":"x1"}
--- out
[["s1"],["s1"],1]
--- err
.
t 'the whole site as snapshots, then its log: as if from the log alone' \
    'echo "{\"doctype\":\"Person\",\"thing\":\"a\"}" | es-put -q -s there.db
    es-producer-log -i -s there.db | sed "/DocType/d" >snapshots
    there 5; fresh hq; es-apply -s hq.db snapshots | brief; flow there hq; docs Thing title; docs Person name,thing' <<'.'
--- out
Synced Create Thing a
Synced Create Person P-01
Synced Update Thing a
{"title":"5"}
{"name":"P-01","thing":"a"}
--- err
.

done_testing
