#!/bin/sh
# es-apply: what the user of a subscription may do, and what waits for a right

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

U=store@hq

# may RIGHT ... lets a Storeman do that to Things; rights to fields, and to
# documents of one's own, are none.  A Clerk may all but create.
may() {
	es-get -s hq.db DocType Thing | jq -c '.permissions =
	    [{role: "Storeman"} + ($ARGS.positional | map({(.): 1}) | add // {}),
	    {role: "Clerk", read: 1, write: 1, submit: 1, cancel: 1, delete: 1},
	    {role: "Boss", submit: 1},
	    ({permlevel: 1}, {if_owner: 1} | . + {role: "Storeman",
		create: 1, write: 1, submit: 1, cancel: 1, delete: 1})]' \
	    --args "$@" | es-put -q -s hq.db
}
user() {	# KEY=VALUE ..., as JSON
	printf '%s\n' "$@" | jq -Rnc --arg u "$U" '[inputs / "=" |
	    {(.[0]): .[1] | fromjson}] | {doctype: "User", name: $u, email: $u,
	    first_name: "s"} + add' | es-put -q -s hq.db
}
docs() {
	es-get -q -s hq.db -C name,title,docstatus Thing
}
try() {
	send hq "$@" 2>&1
	status=$?
	docs
	return $status
}

ok 'a site' site hq
for role in Storeman Clerk Boss; do
	echo "{\"role_name\":\"$role\"}" | es-put -q -s hq.db Role
done
user 'roles=[{"role":"Storeman"}]'
ok 'a subscription' subscribe hq north Thing 'Person,"use_same_name":0'
cp hq.db hq.new

# ---- rights

t 'a DocType without permissions is for managers' 'send hq' 1 <<'.'
--- in
e01 Create Thing a {}
--- out
Failed Create Thing a: store@hq may not create Thing: it needs the role System Manager
--- err
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'who may all' 'user "roles=[{\"role\":\"System Manager\"}]"; send hq' <<'.'
--- in
e02 Update Thing a {"changed":{"docstatus":1}} <e01
e03 Update Thing a {"changed":{"docstatus":2}} <e02
e04 Rename Thing a {"new_name":"b"}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:04.000000","name":"e04","events":3}}
e05 Delete Thing b @a
--- out
Synced Create Thing a as b
Synced Update Thing a as b
Synced Update Thing a as b
Synced Rename Thing a as b
Synced Delete Thing b
--- err
.
with() {	# DESCRIPTION RIGHTS STATUS: a new site, the user with these
	t "$1" "fresh hq; may $2; try" "$3"
}
with 'create' create 0 <<'.'
--- in
e01 Create Thing a {"title":"1"}
--- out
Synced Create Thing a
{"name":"a","title":"1","docstatus":0}
.
with 'create is not write: what came before goes in' create 1 <<'.'
--- in
e01 Create Thing a {"title":"1"}
e02 Update Thing a {"changed":{"title":"2"}} <e01
e03 Create Thing b {"title":"3"}
e04 Update Thing a {"changed":{"title":"4"}} <e02
--- out
es-apply: 4 events: 2 applied, 2 parked, 0 refused, 0 rejected, 0 known or not subscribed
Synced Create Thing a
Synced Create Thing b
Failed Update Thing a: store@hq may not write Thing: it needs the role Clerk
Failed Update Thing a: store@hq may not write Thing: it needs the role Clerk
{"name":"a","title":"1","docstatus":0}
{"name":"b","title":"3","docstatus":0}
.
with 'write is not create' write 1 <<'.'
--- in
e01 Create Thing a {"title":"1"}
--- out
es-apply: 1 events: 0 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
Failed Create Thing a: store@hq may not create Thing: it needs the role System Manager
.
with 'neither is submit' 'create write' 1 <<'.'
--- in
e01 Create Thing a {"title":"1"}
e02 Update Thing a {"changed":{"docstatus":1,"title":"2"}} <e01
e03 Create Thing b {"docstatus":1}
--- out
es-apply: 3 events: 1 applied, 2 parked, 0 refused, 0 rejected, 0 known or not subscribed
Synced Create Thing a
Failed Update Thing a: store@hq may not submit Thing: it needs one of the roles Clerk, Boss
Failed Create Thing b: store@hq may not submit Thing: it needs one of the roles Clerk, Boss
{"name":"a","title":"1","docstatus":0}
.
with 'nor is that cancel' 'create write submit' 1 <<'.'
--- in
e01 Create Thing a {}
e02 Update Thing a {"changed":{"docstatus":1}} <e01
e03 Update Thing a {"changed":{"note":"n"}} <e02
e04 Update Thing a {"changed":{"docstatus":2}} <e03
e05 Create Thing b {"docstatus":2}
--- out
es-apply: 5 events: 3 applied, 2 parked, 0 refused, 0 rejected, 0 known or not subscribed
Synced Create Thing a
Synced Update Thing a
Synced Update Thing a
Failed Update Thing a: store@hq may not cancel Thing: it needs the role Clerk
Failed Create Thing b: store@hq may not cancel Thing: it needs the role Clerk
{"name":"a","title":null,"docstatus":1}
.
with 'nor delete' 'create write submit cancel' 1 <<'.'
--- in
e01 Create Thing a {}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:01.000000","name":"e01","events":1}}
e02 Rename Thing a {"new_name":"c"}
e03 Delete Thing c @a
e04 Create Thing b {}
--- out
es-apply: 4 events: 2 applied, 2 parked, 0 refused, 0 rejected, 0 known or not subscribed
Synced Create Thing a
Synced Create Thing b
Failed Rename Thing a: store@hq may not delete Thing: it needs the role Clerk
Failed Delete Thing c as a: store@hq may not delete Thing: it needs the role Clerk
{"name":"a","title":null,"docstatus":0}
{"name":"b","title":null,"docstatus":0}
.
with 'a new name is write' create 1 <<'.'
--- in
e01 Create Thing a {}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:01.000000","name":"e01","events":1}}
e02 Rename Thing a {"new_name":"c"}
--- out
es-apply: 2 events: 1 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
Synced Create Thing a
Failed Rename Thing a: store@hq may not write Thing: it needs the role Clerk
{"name":"a","title":null,"docstatus":0}
.
with 'one that is only a note is not' create 0 <<'.'
--- in
e01 Create Thing a {}
e02 Rename Person p {"new_name":"q"}
--- out
Synced Create Thing a
{"name":"a","title":null,"docstatus":0}
.
with 'a dependency is not excepted' create 1 <<'.'
--- in
e01 Create Person p {"title":"P"} "dependency_of":"e02" "snapshot":1
e02 Create Thing a {"person":"p"} Person:p
--- out
es-apply: 2 events: 0 applied, 2 parked, 0 refused, 0 rejected, 0 known or not subscribed
Failed Create Person p: store@hq may not create Person: it needs the role System Manager
Failed Create Thing a: waits for Person 'p'
.
with 'a snapshot that changes nothing needs no right' create 0 <<'.'
--- in
e01 Create Thing a {"title":"1"}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:01.000000","name":"e01","events":1}}
e01 Create Thing a {"title":"1"} "snapshot":1
--- out
Synced Create Thing a
Synced Create Thing a
{"name":"a","title":"1","docstatus":0}
.
with 'one that changes something is write' create 1 <<'.'
--- in
e01 Create Thing a {"title":"1"}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:01.000000","name":"e01","events":1}}
e02 Create Thing a {"title":"2"} "snapshot":1
--- out
es-apply: 2 events: 1 applied, 1 parked, 0 refused, 0 rejected, 0 known or not subscribed
Synced Create Thing a
Failed Create Thing a: store@hq may not write Thing: it needs the role Clerk
{"name":"a","title":"1","docstatus":0}
.

# ---- what waits for a right goes on when it is there

fresh hq
may create
send hq >out 2>&1 <<'.'
e01 Create Thing a {"title":"1"}
e02 Update Thing a {"changed":{"title":"2"}} <e01
e03 Create Thing b {"docstatus":1}
e04 Create Thing c {}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:04.000000","name":"e04","events":4}}
e05 Delete Thing c
e06 Create Thing d {"thing":"b"} Thing:b
.
t 'until then it stays parked, and is told once' 'try' <<'.'
--- in
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:04.000000","name":"e04","events":0}}
--- out
{"name":"a","title":"1","docstatus":0}
{"name":"c","title":null,"docstatus":0}
.
t 'a role with the rights: it goes on by itself' '
    user "roles=[{\"role\":\"Storeman\"},{\"role\":\"Clerk\"}]"; try' <<'.'
--- in
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:04.000000","name":"e04","events":0}}
--- out
Synced Update Thing a
Synced Create Thing b
Synced Delete Thing c
Synced Create Thing d
{"name":"a","title":"2","docstatus":0}
{"name":"b","title":null,"docstatus":1}
{"name":"d","title":null,"docstatus":0}
.

# ---- the user itself

none() {
	t "$1" "fresh hq; may create; $2; try" 100 <<.
--- in
e01 Create Thing a {"title":"1"}
{"checkpoint":{"event_producer":"north","from":null,"last_update":"2026-01-01 00:00:01.000000","name":"e01","events":1}}
e02 Create Thing b {"title":"1"}
{"checkpoint":{"event_producer":"north","from":"2026-01-01 00:00:01.000000","last_update":"2026-01-01 00:00:02.000000","name":"e02","events":1}}
--- out
es-apply: the user of 'north', 'store@hq', $3
es-apply: 2 events: 0 applied, 0 parked, 0 refused, 2 rejected, 0 known or not subscribed
.
	is 'and the cursor stays' \
	    "$(es-get -s hq.db -C last_update 'Event Producer Last Update')" ''
}
none 'a user who is disabled: nothing is taken' 'user enabled=0' \
    'is disabled: nothing is taken from it; enable the user with es-put'
none 'nor by a manager who is' "user enabled=0 'roles=[{\"role\":\"System Manager\"}]'" \
    'is disabled: nothing is taken from it; enable the user with es-put'
none 'a user who is not there' \
    "sqlite3 hq.db \"UPDATE document SET name = 'x' WHERE name = 'store@hq'\"" \
    'is not there: nothing is taken from it; make the user with es-put'
t 'enabled again, it is taken' 'fresh hq; may create; user enabled=0
    try >/dev/null <events; user enabled=1; try <events' <<'.'
--- file events
e01 Create Thing a {"title":"1"}
--- out
Synced Create Thing a
{"name":"a","title":"1","docstatus":0}
.
t 'the role All is of every user' 'fresh hq; es-get -s hq.db DocType Thing |
    jq -c ".permissions = [{role: \"All\", create: 1}]" | es-put -q -s hq.db; try' <<'.'
--- in
e01 Create Thing a {"title":"1"}
--- out
Synced Create Thing a
{"name":"a","title":"1","docstatus":0}
.

done_testing
