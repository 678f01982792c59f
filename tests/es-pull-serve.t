#!/bin/sh
# es-pull from es-serve: both ends of the line, and of the file beside it
# shellcheck disable=SC2154,SC2120

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"
. "$ES_TOP/tests/serve.sh"

mask() {
	sed -E 's/127\.0\.0\.1:[0-9]+/HOST/g
		s/\b20[0-9]{2}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}\b/TIME/g
		s/\b[0-9abcdefghjkmnpqrstvwxyz]{19}\b/ID/g'
}
site north
site south
site west
ES_SITE=north.db
export ES_SITE
thing() {
	for name; do
		echo "{\"name\":\"$name\",\"title\":\"$name\"}"
	done | es-put -q Thing
}
# Documents as anybody sees them.
documents() {
	es-get -s "$1.db" Thing | jq -cS 'del(.owner, .creation, .modified,
	    .modified_by)' | sort
}
same() {
	documents north >north.docs
	documents "$1" | diff north.docs -
}
pull() {
	es-pull -W 0 -s south.db "$@" "$url"
}
short() {
	jq -r 'if .update_type then "\(.update_type) \(.docname)"
	    elif .checkpoint then "\(.checkpoint.events) events"
	    elif .end then .end | "end \(.status)" + if .why then ": \(.why)"
	    else "" end elif .grant then "grant " + ([.grant.doctypes[] |
	    "\(.ref_doctype) \(.status)"] | join(", ")) else . end'
}
for name in south west; do
	es-key -q -o $name.key $name@example.com
done
serve http -s north.db
thing a b c

ok 'a subscription' es-subscribe -q -k south.key -s south.db "$url" \
    user=Administrator Thing use_same_name=1 Person use_same_name=1
t 'nothing while it is pending' 'pull | tee got | short; es-apply -s south.db <got' <<'.'
--- out
0 events
end 0
--- err
.
t 'approved, what happened since it was asked for comes' 'thing d; es-approve -q -a south
    pull | tee got | short; es-apply -q -s south.db <got' <<'.'
--- out
grant Thing Approved, Person Approved
Create d
1 events
end 0
--- err
.
t 'and what was there before with -i' 'pull -i | tee got | short
    es-apply -q -s south.db <got; same south' <<'.'
--- out
grant Thing Approved, Person Approved
Create a
Create b
Create c
Create d
4 events
end 0
--- err
.
t 'nothing new' 'pull | short' <<'.'
--- out
0 events
end 0
--- err
.
t 'in pages of one' 'thing e f g; es-mv -q Thing e h; es-rm -q Thing f
    pull -L 1 -v | es-apply -q -s south.db; same south' <<'.'
--- out
--- err
es-pull: http://HOST: 4 events, 4 pages
.
t 'the file says the same' 'pull -S 2020-01-01 >one
    es-pull -S 2020-01-01 -s south.db north.db | cmp - one; grep -c update_type one
    es-pull -i -s south.db "$url" Thing a d >one
    es-pull -i -s south.db north.db Thing a d | cmp - one; grep -c update_type one' <<'.'
--- out
5
2
--- err
.
t 'another consumer, who could not ask before' \
    'es-subscribe -q -o request -k west.key -s west.db "$url" user=Administrator \
	Thing use_same_name=1
    es-pull -W 0 -s west.db "$url" | tee got | short; es-apply -q -s west.db <got
    es-pull -W 0 -s west.db "$url" | short' <<'.'
--- out
grant Thing Pending
grant Thing Pending
0 events
end 0
0 events
end 0
--- err
.
t 'sees its own' 'es-approve -q -a west; es-pull -i -W 0 -s west.db "$url" |
    es-apply -q -s west.db; same west; thing i; pull | es-apply -q -s south.db
    es-pull -W 0 -s west.db "$url" | es-apply -q -s west.db; same west; same south' <<'.'
--- out
--- err
.
# with KEY: south with the key in that file; then with its own again.
with() {
	for key in "$1" south.key; do
		es-subscribe -q -k "$key" -s south.db -o request "$url"
		[ "$key" = south.key ] || pull 2>/dev/null | short
	done
}
jq -c '.api_secret = "wrong"' south.key >wrong.key && chmod 600 wrong.key
t 'a key that is not right, or not ours' 'with wrong.key; with west.key' <<'.'
--- out
end 100: the key is not accepted: no such key, or another secret; ask their administrator for a new one (es-key -r) and give it with es-subscribe -k
end 100: the key does not allow that: no Event Consumer of yours is called so; if we are not registered there any more es-subscribe -R does it anew, else ask their administrator whose key it is (es-key -l)
.
ok 'a renewed key' es-key -q -r -o renewed.key south@example.com
t 'and the old one for a while' 'with renewed.key; pull | short' <<'.'
--- out
0 events
end 0
0 events
end 0
--- err
.
es-rm -q 'Event Consumer' south
t 'who is not known any more' 'pull | short' <<'.'
--- out
end 100: the key does not allow that: no Event Consumer of yours is called so; if we are not registered there any more es-subscribe -R does it anew, else ask their administrator whose key it is (es-key -l)
--- err
es-pull: http://HOST: the key does not allow that: no Event Consumer of yours is called so; if we are not registered there any more es-subscribe -R does it anew, else ask their administrator whose key it is (es-key -l)
.
t 'asks anew' 'es-subscribe -q -R -s south.db "$url"; es-approve -q -a south
    pull -i | es-apply -q -s south.db; same south' <<'.'
--- out
--- err
.
t 'nobody there any more, and nothing is lost' 'thing j; halt $pid; pull | short' <<'.'
--- out
end 111: could not connect: Connection refused
--- err
es-pull: http://HOST: could not connect: Connection refused
.
done_testing
