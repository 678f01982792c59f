#!/bin/sh
# es-pull - what a producer answers, and what it should not answer
# shellcheck disable=SC2154

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

mask() {
	sed -E 's/(127\.0\.0\.1|localhost):[0-9]+/HOST/g
		s/\b20[0-9]{2}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}\b/TIME/g
		s/\b[0-9abcdefghjkmnpqrstvwxyz]{19}\b/ID/g'
}
unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY

# ---- over a line, to a server that says what it is told to (answers.py)

# serve NAME [CERTIFICATE KEY]: its URL, in the file NAME, once it listens.
serve() {
	name=$1
	shift
	mkfifo "$name.in" "$name.out"
	# As a simple command, so that $! is the server itself.
	python3 "$ES_TOP/tests/answers.py" "$@" <"$name.in" >"$name.out" 2>/dev/null &
	servers="$servers $!"
	exec 9>"$name.in"
	read -r url <"$name.out"
	echo "$url" >"$name"
}
servers=
serve plain
stop() {
	exec 9>&-
	for pid in $servers; do
		kill "$pid" 2>/dev/null
	done
	wait
}
trap 'stop; rm -rf "$tap_dir"; [ $tap_failed = 0 ] || exit 1' EXIT

# answer NAME [WORD ...]: the next answers, by name, are the files of these
# names, in the form of sites.sh, and with lines for a checkpoint or the end of
# snapshots: "@ FROM TO EVENTS [more]", with seconds of 2026 as points, and "#
# AT AFTER EVENTS [more]".  The words are those of answers.py; text is sent as
# it is.
answer() {
	mkdir -p answers
	name=$1
	shift
	case " $* " in
	*' text '*)
		cat "$name"
		;;
	*)
		awk -v site="$S" '
			function at(s) {
				return s == 0 ? "null" : "\"2026-01-01 00:00:" s ".000000\""
			}
			function more(s) {
				return s == "" ? "" : ",\"more\":1"
			}
			$1 == "@" {
				print "{\"checkpoint\":{\"event_producer\":\"north\"," \
				    "\"site\":\"" site "\",\"from\":" at($2) \
				    ",\"last_update\":" at($3) ",\"name\":null," \
				    "\"events\":" $4 more($5) "}}"
				next
			}
			$1 == "#" {
				print "{\"initial\":{\"position\":{\"last_update\":" \
				    at($2) ",\"name\":null},\"after\":" $3 \
				    ",\"events\":" $4 more($5) "}}"
				next
			}
			{ print }' "$name" | events
		;;
	esac >body
	{ echo "${*:-200}"; cat body; } | sed '1s/ text//' >answers/"$name"
	rm -f "$name"
}
# What was asked, without what is always the same.
asked() {
	python3 -c 'import sys, urllib.parse
for line in sys.stdin: print(urllib.parse.unquote(line), end="")' <asked |
	    sed -E 's,/api/method/[a-z_.]*\.,,; s/event_consumer=south&?//
		s/&?limit=1000//; s/ &/ /'
	rm -f asked
}
pull() {
	rm -f asked
	es-pull -W 0 -s south.db "$@" "$url"
}
# What was printed, in short.
short() {
	jq -r 'if .update_type then "\(.update_type) \(.ref_doctype) \(.docname)"
	    elif .checkpoint then .checkpoint |
	    "\(.from // "-")..\(.last_update // "-") \(.events)"
	    elif .end then .end | "end \(.status)" +
	    if .why then ": \(.why)" else "" end
	    elif .grant then "grant " + ([.grant.doctypes[] |
	    "\(.ref_doctype) \(.status)"] | join(", "))
	    elif .rejected then .rejected | "rejected \(.why)" else . end'
}
# pull and es-apply: the sync log in short, what happened to the cursor, and the
# status.
both() {
	status=0
	pull "$@" | es-apply -s south.db >log || status=$?
	brief <log
	echo "cursor $(sqlite3 south.db 'SELECT cursor % 60000000 / 1000000
	    FROM producer'), status $status"
}

site south

t 'who is not subscribed to' 'pull' 100 <<'.'
--- out
{"end":{"program":"es-pull","status":100,"why":"it is not subscribed to; es-subscribe does that"}}
--- err
es-pull: http://HOST: it is not subscribed to; es-subscribe does that
.
subscribe south "$url" Thing Person,'"status":"Pending"'
t 'a producer without a key' 'pull' 100 <<'.'
--- out
{"end":{"program":"es-pull","status":100,"why":"there is no key for it: give the one that its administrator made with es-subscribe -k"}}
--- err
es-pull: http://HOST: there is no key for it: give the one that its administrator made with es-subscribe -k
.
jq -nc --arg url "$url" '{name: $url, api_key: "key", api_secret: "secret"}' |
    es-put -q -s south.db 'Event Producer'
t 'nobody there' 'url=http://127.0.0.1:1; subscribe south $url Thing
    jq -nc "{name: \"$url\", api_key: \"key\", api_secret: \"secret\"}" |
	es-put -q -s south.db "Event Producer"; pull | short' <<'.'
--- out
end 111: could not connect: Connection refused
--- err
es-pull: http://HOST: could not connect: Connection refused
.

# ---- the subscription is told, and granted

registered='{"message":"{\"last_update\":\"2026-01-01 00:00:00.000000\",\"grant\":{\"event_producer\":\"north\",\"site\":\"s1\",\"event_consumer\":\"south\",\"doctypes\":[{\"ref_doctype\":\"Thing\",\"status\":\"Approved\",\"condition\":null,\"unsubscribed\":0},{\"ref_doctype\":\"Person\",\"status\":\"Pending\",\"condition\":null,\"unsubscribed\":0}]}}"}'
t 'it is told of the subscription before anything else' \
    'echo "$registered" >1; answer 1 200 type=application/json text; answer 2
    pull -v | tee got | short; asked' <<'.'
--- file 2
@ 0 0 0
--- out
grant Thing Approved, Person Pending
-..- 0
end 0
POST register_consumer data={"event_consumer":"south","consumer_doctypes":"[{\"doctype\":\"Thing\",\"condition\":null,\"unsubscribed\":0},{\"doctype\":\"Person\",\"condition\":null,\"unsubscribed\":0}]","user":"Administrator","site":"ID"}
POST get_update_logs_for_consumer 
--- err
es-pull: http://HOST: 1 of 2 DocTypes wait to be approved; ask their administrator to run: es-approve south
es-pull: http://HOST: 0 events, 1 pages
.
t 'and again, until es-apply has taken the grant' \
    'echo "$registered" >1; answer 1 200 type=application/json text; answer 2
    both; cp asked first; answer 3; pull | short; cat first >>asked; asked | sed "s/ data=.*//"' <<'.'
--- file 2
@ 0 0 0
--- file 3
{"grant":{"event_producer":"north","site":"s1","event_consumer":"south","doctypes":[{"ref_doctype":"Thing","status":"Approved","condition":null,"unsubscribed":0},{"ref_doctype":"Person","status":"Pending","condition":null,"unsubscribed":0}]}}
@ 0 0 0
--- out
cursor 0, status 0
-..- 0
end 0
POST get_update_logs_for_consumer 
POST register_consumer
POST get_update_logs_for_consumer 
--- err
.
t 'a grant is passed on if it is news, in our name, and without what is ours to say' \
    'answer 1; pull | tee got | short; jq -c "select(.grant).grant | del(.doctypes)" got
    es-apply -s south.db <got; es-get -s south.db "Event Producer" "$url" |
	jq -c "[.producer_doctypes[] | .status]"' <<'.'
--- file 1
{"grant":{"event_producer":"north","site":"s1","event_consumer":"south","request":"x","doctypes":[{"ref_doctype":"Thing","status":"Approved","condition":null,"unsubscribed":0},{"ref_doctype":"Person","status":"Approved","condition":null,"unsubscribed":0}]}}
@ 0 0 0
--- out
grant Thing Approved, Person Approved
-..- 0
end 0
{"event_producer":"http://HOST","site":"s1","event_consumer":"south"}
["Approved","Approved"]
--- err
.

# ---- pages

t 'page after page, as they come' 'answer 1; answer 2; pull -v >got; short <got; asked' <<'.'
--- file 1
e01 Create Thing a {"title":"a"}
e02 Create Thing b {"title":"b"}
@ 0 03 2 more
--- file 2
e05 Update Thing a {"changed":{"title":"A"}} <e01
@ 03 06 1
--- out
Create Thing a
Create Thing b
-..TIME 2
Update Thing a
TIME..TIME 1
end 0
POST get_update_logs_for_consumer 
POST get_update_logs_for_consumer last_update=TIME
--- err
es-pull: http://HOST: 3 events, 2 pages
.
is 'in the name of the producer here' \
    "$(jq -r '.event_producer // .checkpoint.event_producer // empty' got | sort -u)" "$url"
is 'and otherwise as they came' \
    "$(grep -v checkpoint got | sed "s,$url,north,")" \
    "$(printf '%s\n' 'e01 Create Thing a {"title":"a"}' \
	'e02 Create Thing b {"title":"b"}' \
	'e05 Update Thing a {"changed":{"title":"A"}} <e01' \
	'{"end":{"program":"es-pull","status":0}}' | events)"
t 'es-apply takes them, and moves its cursor' 'es-apply -s south.db <got | brief
    sqlite3 south.db "SELECT cursor % 60000000 / 1000000 FROM producer"' <<'.'
--- out
Synced Create Thing a
Synced Create Thing b
Synced Update Thing a
6
--- err
.
t 'from where it goes on' 'answer 1; pull | short; asked' <<'.'
--- file 1
@ 06 06 0
--- out
TIME..TIME 0
end 0
POST get_update_logs_for_consumer last_update=TIME
--- err
.
t '-S: from elsewhere' 'answer 1; pull -S "2026-01-01 00:00:03.000000,1k0yf0h84vh9t6cwtgx" | short; asked' <<'.'
--- file 1
@ 03 04 0
--- out
TIME..TIME 0
end 0
POST get_update_logs_for_consumer last_update=TIME&name=ID
--- err
.
t '-S that is no time' 'pull -S soon' 100 <<'.'
--- out
--- err
es-pull: -S wants a time, as today, -2d or 'TIME', and maybe a comma and the name of an event, not 'soon'
.
t '-L' 'answer 1; pull -L 7 >/dev/null; asked' <<'.'
--- file 1
@ 06 06 0
--- out
POST get_update_logs_for_consumer last_update=TIME&limit=7
.
t '-o: a file' 'answer 1; pull -o got && short <got' <<'.'
--- file 1
@ 06 06 0
--- out
TIME..TIME 0
end 0
--- err
.
t 'which stays as it was if nothing came' 'pull -o got >/dev/null 2>&1; short <got; ls got*' <<'.'
--- out
TIME..TIME 0
end 0
got
.
t 'packed' 'answer 1 200 zstd; pull | short' <<'.'
--- file 1
e07 Create Thing c {"title":"c"}
@ 06 07 1
--- out
Create Thing c
TIME..TIME 1
end 0
--- err
.
t 'who reads no further ends it quietly' \
    'echo "e07 Create Thing c {\"title\":\"c\"}" | events | head -1 >1
    answer 1 200 text endless; { pull; echo $? >status; } 2>err | head -1 | short
    cat err status' <<'.'
--- out
Create Thing c
141
.

# ---- what goes wrong on the way: what came is passed on, nothing is lost

t 'cut between two lines' 'answer 1 200 text cut; both' <<'.'
--- file 1
{"name":"e07","creation":"2026-01-01 00:00:07.000000","update_type":"Create","ref_doctype":"Thing","docname":"c","data":{"title":"c"},"event_producer":"north","site":"s1","origin":["s1","c"],"via":["s1"],"prev":null}
--- out
Synced Create Thing c
cursor 6, status 111
--- err
es-pull: http://HOST: the answer was cut
es-apply: es-pull said: the answer was cut
es-apply: 1 events: 1 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'cut among its headers' 'printf "HTTP/1.1 200 OK\r\nTransfer-Encoding: chu" >1
    answer 1 200 text raw; pull | short' <<'.'
--- out
end 111: the answer was cut
--- err
es-pull: http://HOST: the answer was cut
.
t 'cut in a line' 'answer 1 200 short=30 cut; both' <<'.'
--- file 1
e07 Create Thing c {"title":"c"}
e08 Create Thing d {"title":"d"}
@ 06 08 2
--- out
Synced Create Thing d
cursor 6, status 111
--- err
es-pull: http://HOST: the answer was cut
es-apply: es-pull said: the answer was cut
es-apply: 2 events: 1 applied, 0 parked, 0 refused, 0 rejected, 1 known or not subscribed
.
t 'without an end line' 'answer 1 200 text; pull | short' <<'.'
--- file 1
{"checkpoint":{"event_producer":"north","site":"s1","from":"2026-01-01 00:00:06.000000","last_update":"2026-01-01 00:00:08.000000","name":null,"events":0}}
--- out
end 111: the answer was cut: it has no end line
.
t 'in the middle of a line, and the chunks end as they should' 'answer 1 200 short=3; pull | short' <<'.'
--- file 1
@ 06 08 0
--- out
end 111: the answer was cut in a line
.
t 'without a checkpoint' 'answer 1; both' <<'.'
--- file 1
e09 Create Thing e {"title":"e"}
--- out
Synced Create Thing e
cursor 6, status 111
--- err
es-pull: http://HOST: the answer was cut: it does not say how many events it has
es-apply: es-pull said: the answer was cut: it does not say how many events it has
es-apply: 1 events: 1 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'packed, and what is packed is cut' 'answer 1 200 zstd short=60; both' <<'.'
--- file 1
e09 Create Thing e {"title":"e"}
@ 06 09 1
--- out
cursor 6, status 111
.
t 'not packed, though it says so' \
    'printf "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: zstd\r\nContent-Length: 6\r\n\r\n{}{}{}" >1
    answer 1 200 text raw; pull | short' <<'.'
--- out
end 111: the answer cannot be unpacked
.
t 'fewer events than it counts' 'answer 1; both' <<'.'
--- file 1
e09 Create Thing e {"title":"e"}
@ 06 10 2
--- out
cursor 6, status 111
--- err
es-pull: http://HOST: 1 of 2 events came
es-apply: es-pull said: 1 of 2 events came
es-apply: 1 events: 0 applied, 0 parked, 0 refused, 0 rejected, 1 known or not subscribed
.
t 'more' 'answer 1; both' <<'.'
--- file 1
e09 Create Thing e {"title":"e"}
e10 Create Thing f {"title":"f"}
@ 06 10 1
--- out
Synced Create Thing f
cursor 6, status 111
--- err
es-pull: http://HOST: 2 of 1 events came
es-apply: es-pull said: 2 of 1 events came
es-apply: 2 events: 1 applied, 0 parked, 0 refused, 0 rejected, 1 known or not subscribed
.
t 'the answer to another question' 'answer 1; pull | short' <<'.'
--- file 1
@ 03 10 0
--- out
end 111: it answered what it was not asked
.
t 'it failed, and says so' 'answer 1 200; pull | short' <<'.'
--- file 1
@ 06 10 0
{"end":{"program":"es-serve","status":111,"why":"the site failed"}}
--- out
end 111: it failed (111): the site failed
.
t 'it comes again by itself, from the last whole page, and counts what it printed' \
    'answer 1; answer 2 200 text cut; answer 3
    rm -f asked; es-pull -W 1 -v -s south.db "$url" >got 2>err; short <got; asked
    sed "s/in [0-9.]* sec/in N sec/" err; es-apply -s south.db <got | brief
    sqlite3 south.db "SELECT cursor % 60000000 / 1000000 FROM producer"' <<'.'
--- file 1
e09 Create Thing e {"title":"e"}
@ 06 10 1 more
--- file 2
{"name":"e11","creation":"2026-01-01 00:00:11.000000","update_type":"Create","ref_doctype":"Thing","docname":"g","data":{"title":"g"},"event_producer":"north","site":"s1","origin":["s1","g"],"via":["s1"],"prev":null}
--- file 3
e11 Create Thing g {"title":"g"}
e12 Create Thing h {"title":"h"}
@ 10 12 2
--- out
Create Thing e
TIME..TIME 1
Create Thing g
Create Thing g
Create Thing h
TIME..TIME 3
end 0
POST get_update_logs_for_consumer last_update=TIME
POST get_update_logs_for_consumer last_update=TIME
POST get_update_logs_for_consumer last_update=TIME
es-pull: http://HOST: the answer was cut; again in N seconds
es-pull: http://HOST: 4 events, 2 pages
Synced Create Thing g
Synced Create Thing h
12
.

# ---- what it answers instead; $URL is put in by the server

# What comes of an answer of these words, and this body.
refusal() {
	rm -f answers/*
	for n in 1 2; do
		printf '%s\n' "$2" >$n
		# shellcheck disable=SC2086
		answer $n $1 text
	done
	pull 2>/dev/null | short
}
json=type=application/json
t 'no, and what to do about it' 'refusal "401 $json" "{\"message\":\"no such key\"}"
    refusal "403 $json" "{\"exception\":\"frappe.exceptions.PermissionError: not yours\"}"
    refusal "404 $json" "{}"
    refusal "404 $json" "$(cat messages)"
    refusal "409 $json" "{\"message\":\"that cursor is not from here\"}"
    refusal "417 $json" "{\"exc_type\":\"ValidationError\"}"
    refusal "302 type=text/html location=http://127.0.0.1:1/login" "<html>"
    refusal "418" "tea"' <<'.'
--- file messages
{"exc_type":"DoesNotExistError","_server_messages":"[\"{\\\"message\\\":\\\"Event Consumer <b>south</b> not found\\\"}\"]"}
--- out
end 100: the key is not accepted: no such key; ask their administrator for a new one (es-key -r) and give it with es-subscribe -k
end 100: the key does not allow that: not yours; if we are not registered there any more es-subscribe -R does it anew, else ask their administrator whose key it is (es-key -l)
end 100: we are not registered there; es-subscribe -R does it anew
end 100: we are not registered there; es-subscribe -R does it anew: Event Consumer south not found
end 100: that cursor is not from here; es-subscribe -R begins anew
end 100: it refuses (417)
end 100: it sends us on to 'http://HOST/login', where we do not go: if that is its address, subscribe to it
end 100: it refuses (418)
.
t 'not now' 'refusal "429 $json retry=3600" "{\"message\":\"too many\"}"
    refusal "503 $json retry=1" "{}"; refusal "500 type=text/html" "<html>"
    refusal "502 type=text/html" ""; refusal "408" ""' <<'.'
--- out
end 111: not now (429), again in 3600 seconds: too many
end 111: not now (503), again in 1 seconds
end 111: not now (500)
end 111: not now (502)
end 111: not now (408)
.
t 'longer than we have patience is not waited' 'echo {} >1; answer 1 429 retry=3600 text
    es-pull -W 1000 -s south.db "$url" 2>/dev/null | short' <<'.'
--- out
end 111: not now (429), again in 3600 seconds
.
t 'no site of ours' 'refusal "200 type=text/html" "<html>hello</html>"
    refusal "200 $json" "{\"message\":[]}"; refusal "404 type=text/html" "<html>"
    refusal "200 raw" "hello"' <<'.'
--- out
end 100: no es-serve answers there: what came is text/html
end 100: no es-serve answers there: what came is application/json
end 100: no site answers there (404): is it the right address?
end 111: no answer: Received HTTP/0.9 when not allowed
.
t 'the other prefix is tried, and kept' \
    'echo "{\"exception\":\"ValidationError: Failed to get method for command x\"}" >1
    answer 1 417 $json text; answer 2; answer 3; pull | short; cut -c 1-60 asked' <<'.'
--- file 2
@ 12 12 0 
--- file 3
@ 12 12 0
--- out
TIME..TIME 0
end 0
POST /api/method/frappe.event_streaming.doctype.event_update
POST /api/method/event_streaming.event_streaming.doctype.eve
.
rm -f answers/*
t 'what it says cannot reach a terminal' 'jq -nc "{message: \"\u001b]0;x\u0007\u202e\"}" >1
    answer 1 401 $json text; pull >/dev/null' 100 <<'.'
--- err
es-pull: http://HOST: the key is not accepted: \x1b]0;x\x07\u202e; ask their administrator for a new one (es-key -r) and give it with es-subscribe -k
.

# ---- who lies

t 'another site than before' 'S=s2; answer 1; both' <<'.'
--- file 1
e13 Create Thing i {"title":"i"}
@ 12 13 1
--- out
cursor 12, status 100
--- err
es-pull: http://HOST: it speaks as another site than before (s2, not s1): it was made anew or is not what it says
es-apply: es-pull said: it speaks as another site than before (s2, not s1): it was made anew or is not what it says
es-apply: 0 events: 0 applied, 0 parked, 0 refused, 0 rejected, 0 known or not subscribed
.
t 'in the middle' 'answer 1; pull 2>/dev/null | short' <<'.'
--- file 1
e13 Create Thing i {"title":"i"}
{"name":"e14","creation":"2026-01-01 00:00:14.000000","update_type":"Delete","ref_doctype":"Thing","docname":"a","data":null,"event_producer":"north","site":"s2","origin":["s2","a"]}
@ 12 14 2
--- out
Create Thing i
end 100: it speaks as another site than before (s2, not s1): it was made anew or is not what it says
.
t 'ourselves' 'S=$(sqlite3 south.db "SELECT value FROM site WHERE key = '\''id'\''")
    answer 1; pull 2>/dev/null | short' <<'.'
--- file 1
@ 12 13 0
--- out
end 100: that is this site itself
.
t 'no site' 'echo "{\"update_type\":\"Delete\",\"ref_doctype\":\"Thing\",\"docname\":\"a\",\"name\":\"e13\",\"creation\":\"2026-01-01 00:00:13.000000\",\"data\":null}" >1
    answer 1 200 text; pull 2>/dev/null | short' <<'.'
--- out
end 100: it does not say which site it is
.
t 'marks and control lines that are not its own' 'answer 1; pull | tee got | short
    grep -c "original\|dependency_of" got; es-apply -q -s south.db <got' 1 <<'.'
--- file 1
e13 Create Role r {"role_name":"r"} "dependency_of":"e14"
e14 Update Thing a {"changed":{"title":"x"}} <e05 "original":{"x":1}
{"rejected":{"program":"x","at":"y","why":"z","text":"t"}}
{"initial":{"events":0}}
{"foo":1}
[1]
{nonsense
{"name":"e15","update_type":"Create"}
@ 12 15 3
--- out
Create Role r
Update Thing a
rejected it says: z
rejected it is no event, and no control line that is expected
rejected it is no event, and no control line that is expected
rejected it is no event, and no control line that is expected
rejected unexpected character, expected a string for object key at byte 1
rejected an event without ref_doctype and docname
TIME..TIME 2
end 1
0
--- err
es-apply: stdin:3: es-pull: it says: z
es-apply: stdin:4: es-pull: it is no event, and no control line that is expected
es-apply: stdin:5: es-pull: it is no event, and no control line that is expected
es-apply: stdin:6: es-pull: it is no event, and no control line that is expected
es-apply: stdin:7: es-pull: unexpected character, expected a string for object key at byte 1
es-apply: stdin:8: es-pull: an event without ref_doctype and docname
es-apply: 2 events: 1 applied, 0 parked, 1 refused, 6 rejected, 0 known or not subscribed
.
t 'what it could not send well is told, and the rest goes on' \
    'es-sync-log -s south.db -L 1 | jq -r .error
    sqlite3 south.db "SELECT cursor % 60000000 / 1000000 FROM producer"' <<'.'
--- out
es-pull: an event without ref_doctype and docname
15
.
t 'lines behind the end' 'answer 1; answer 2; pull 2>/dev/null | short
    pull 2>/dev/null | short' <<'.'
--- file 1
@ 15 16 0
e16 Create Thing k {"title":"k"}
--- file 2
@ 15 16 0
{"end":{"program":"es-serve","status":0}}
e16 Create Thing k {"title":"k"}
--- out
end 100: it goes on after the end of its answer
end 100: it goes on after its end line
.
t 'more for ever' 'answer 1; pull 2>/dev/null | short' <<'.'
--- file 1
@ 15 15 0 more
--- out
end 100: it says there is more, and stays where it is
.
t 'a point that is none' 'echo "{\"checkpoint\":{\"site\":\"s1\",\"from\":\"2026-01-01 00:00:15.000000\",\"last_update\":\"tomorrow\",\"events\":0}}" >1
    answer 1; pull 2>/dev/null | short' <<'.'
--- out
end 100: it ended at what is no point of a log
.
if [ -z "$ES_QUICK" ]; then
	t 'a line without end' 'echo "{\"name\":\"e16\"" | tr -d "\n" >1
	    answer 1 200 text endless; pull | short' <<'.'
--- out
end 100: it sent a line of more than 16 MiB, which begins '{"name":"e16"{"name":"e16"{"name":"e16"{"name":"e16"{"name":"e16"{"name":"e16"{"name":"e16"{"name":"'
.
fi

# ---- -i: documents as they are

t 'of all, then what came since: the cursor was further' 'answer 1; answer 2; answer 3
    pull -i -v | tee got | short; asked; es-apply -s south.db <got | brief' <<'.'
--- file 1
e02 Create Thing b {"title":"b"} "snapshot":1
e16 Create Thing k {"title":"k"} "snapshot":1
# 17 40 2 more
--- file 2
e18 Create Thing l {"title":"l"} "snapshot":1
# 19 41 1
--- file 3
e16 Create Thing k {"title":"k"}
e18 Create Thing l {"title":"l"}
@ 15 19 2
--- out
Create Thing b
Create Thing k
Create Thing l
Create Thing k
Create Thing l
TIME..TIME 5
end 0
POST get_snapshots_for_consumer after=0
POST get_snapshots_for_consumer after=40
POST get_update_logs_for_consumer last_update=TIME
Synced Create Thing b
Synced Create Thing k
Synced Create Thing l
--- err
es-pull: http://HOST: 5 events, 3 pages
.
t 'of one DocType, or some documents' 'answer 1; answer 2; rm -f asked
    es-pull -i -s south.db "$url" Thing | short
    es-pull -i -s south.db "$url" Thing k "no such" l | short; asked' <<'.'
--- file 1
e16 Create Thing k {"title":"k"} "snapshot":1
# 19 41 1
--- file 2
e16 Create Thing k {"title":"k"} "snapshot":1
# 19 41 1
--- out
Create Thing k
end 0
Create Thing k
end 1
POST get_snapshots_for_consumer doctype=Thing&after=0
POST get_snapshots_for_consumer doctype=Thing&names=["k","no such","l"]&after=0
--- err
es-pull: http://HOST: Thing 'no such' did not come: it is not there, or not granted
es-pull: http://HOST: Thing 'l' did not come: it is not there, or not granted
.
fresh south
t 'at the beginning: the log from the moment of the first' \
    'jq -nc "{name: \"$url\", api_key: \"key\", api_secret: \"secret\"}" >doc
    subscribe south "$url" Thing; es-put -q -s south.db "Event Producer" <doc
    echo "$registered" >1; answer 1 200 type=application/json text
    answer 2; answer 3; answer 4; pull -i >got; short <got; asked | grep -v register
    es-apply -s south.db <got | brief
    sqlite3 south.db "SELECT cursor % 60000000 / 1000000 FROM producer"' <<'.'
--- file 2
e02 Create Thing b {"title":"b"} "snapshot":1
# 17 40 1 more
--- file 3
e18 Create Thing l {"title":"l"} "snapshot":1
# 19 41 1
--- file 4
e18 Create Thing l {"title":"l"}
@ 17 19 1
--- out
grant Thing Approved, Person Pending
Create Thing b
Create Thing l
-..TIME 2
Create Thing l
TIME..TIME 1
end 0
POST get_snapshots_for_consumer after=0
POST get_snapshots_for_consumer after=40
POST get_update_logs_for_consumer last_update=TIME
Synced Create Thing b
Synced Create Thing l
19
--- err
.

# ---- who takes it

es-key -q -s south.db clerk@example.com >/dev/null
url=http://localhost:${url##*:}
U=clerk@example.com subscribe south "$url" Thing
jq -c --arg url "$url" '.name = $url' doc | es-put -q -s south.db 'Event Producer'
t 'a user who may not write what comes' 'echo "$registered" >1
    answer 1 200 type=application/json text; answer 2; pull | short' <<'.'
--- file 2
@ 0 19 0
--- out
grant Thing Approved, Person Pending
-..TIME 0
end 0
--- err
es-pull: http://HOST: clerk@example.com may not create Thing: it needs the role System Manager
.
echo '{"name":"clerk@example.com","enabled":0}' | es-put -q -s south.db User
t 'who is disabled' 'pull | short' <<'.'
--- out
end 100: the user of 'http://HOST', 'clerk@example.com', is disabled: nothing is taken from it; enable the user with es-put
--- err
es-pull: the user of 'http://HOST', 'clerk@example.com', is disabled: nothing is taken from it; enable the user with es-put
.
url=http://127.0.0.1:${url##*:}
es-get -s south.db 'Event Producer' "$url" | jq -c '.producer_doctypes |=
    map(.unsubscribe = 1)' | es-put -q -s south.db 'Event Producer'
t 'nothing is subscribed to' 'echo "{\"data\":{}}" >1
    answer 1 200 type=application/json text; answer 2; answer 3; both; asked
    pull | short' <<'.'
--- file 2
@ 19 19 0
--- file 3
@ 19 19 0
--- out
cursor 19, status 0
PUT /api/resource/Event Consumer/south data={"consumer_doctypes":[{"ref_doctype":"Thing","condition":null,"unsubscribed":1}],"site":"ID","incoming_change":1}
POST get_update_logs_for_consumer last_update=TIME
TIME..TIME 0
end 0
--- err
es-pull: http://HOST: nothing is subscribed to; es-subscribe does that
.

# ---- TLS

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout key.pem -out cert.pem 2>/dev/null
serve tls cert.pem key.pem
pin=sha256//$(openssl x509 -in cert.pem -pubkey -noout |
    openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
    openssl base64)
subscribe south "$url" Thing
tls() {
	jq -nc --arg url "$url" --arg pin "$1" '{name: $url, api_key: "key",
	    api_secret: "secret", pin: $pin}' | es-put -q -s south.db 'Event Producer'
	pull 2>/dev/null | short
}
t 'a certificate that nobody signed' 'tls ""' <<'.'
--- out
end 111: could not connect: SSL certificate problem: self-signed certificate
.
t 'another key than the one that is pinned' \
    'tls "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; tls /etc/passwd' <<'.'
--- out
end 111: could not connect: its public key is not the one that is pinned
end 100: a pin is sha256// and the digest of a public key in base 64
.
t 'the one that is' 'echo {} >1; answer 1 401 type=application/json text; tls "$pin"' <<'.'
--- out
end 100: the key is not accepted; ask their administrator for a new one (es-key -r) and give it with es-subscribe -k
.

# ---- a site file; north and east are words

stop
servers=
site north
site east
t 'a file that is not there' 'es-pull -s east.db nowhere.db | short' <<'.'
--- out
end 100: its site file cannot be opened
--- err
es-pull: cannot open 'nowhere.db': No such file or directory
.
t 'who is not subscribed to' 'es-pull -s east.db north.db | short' <<'.'
--- out
end 100: there is no subscription to 'north', as this site is called; es-subscribe makes one
--- err
es-pull: north.db: there is no subscription to 'north', as this site is called; es-subscribe makes one
.
ok 'a subscription' es-subscribe -q -s east.db -o request north user=Administrator \
    Thing use_same_name=1 Person use_same_name=1
t 'a producer that is a word' 'es-pull -s east.db north | short' <<'.'
--- out
end 100: it has no URL where it could be asked: give the path of its site file, or what es-producer-log -c prints there to es-apply
--- err
es-pull: north: it has no URL where it could be asked: give the path of its site file, or what es-producer-log -c prints there to es-apply
.
t 'who does not know us' 'es-pull -s east.db north.db | short' <<'.'
--- out
end 100: it does not know this site: es-subscribe -o file north writes a request, which es-approve takes there
--- err
es-pull: north.db: it does not know this site: es-subscribe -o file north writes a request, which es-approve takes there
.
ok 'there it is asked for' sh -c 'es-approve -q -s north.db - <request'
thing() {
	for name; do
		echo "{\"name\":\"$name\",\"title\":\"$name\"}"
	done | es-put -q -s north.db Thing
}
ok 'and something happens' thing a b
# pull and es-apply.
file() {
	status=0
	es-pull -s east.db "$@" north.db | tee got | es-apply -s east.db >log ||
	    status=$?
	short <got | mask
	brief <log
	return $status
}
t 'nothing comes while it is pending' 'file -v' <<'.'
--- out
grant Thing Pending, Person Pending
-..TIME 0
end 0
--- err
es-pull: north: 2 of 2 DocTypes wait to be approved; ask their administrator to run: es-approve east
es-pull: north: 0 events, 1 pages
.
ok 'it is approved, in part' es-approve -q -s north.db -o grant east Thing
t 'the grant comes with all that happened meanwhile' 'file -v' <<'.'
--- out
grant Thing Approved, Person Pending
Create Thing a
Create Thing b
TIME..TIME 2
end 0
Synced Create Thing a
Synced Create Thing b
--- err
es-pull: north: 2 of 2 DocTypes wait to be approved; ask their administrator to run: es-approve east
es-pull: north: 2 events, 1 pages
.
t 'nothing new, nothing said' 'file' <<'.'
--- out
TIME..TIME 0
end 0
--- err
.
t 'the same as with es-producer-log' 'es-pull -s east.db -S 2020-01-01 north.db | grep update_type >one
    es-producer-log -s north.db -c east | grep update_type | cmp - one' <<'.'
--- out
--- err
.
t 'in small pages' 'thing c d e; es-pull -L 1 -v -s east.db north.db >got
    grep -c update_type got; es-apply -s east.db <got | brief' <<'.'
--- out
3
Synced Create Thing c
Synced Create Thing d
Synced Create Thing e
--- err
es-pull: north: 1 of 2 DocTypes wait to be approved; ask their administrator to run: es-approve east
es-pull: north: 3 events, 3 pages
.
t 'to look changes nothing' 'sqlite3 east.db .dump >dump; sqlite3 north.db .dump >dump2
    es-pull -i -s east.db north.db >/dev/null; sqlite3 east.db .dump | cmp - dump
    sqlite3 north.db .dump | cmp - dump2' <<'.'
--- out
--- err
.
t '-i: some documents' 'es-pull -i -L 2 -s east.db north.db Thing b "no such" | short' <<'.'
--- out
grant Thing Approved, Person Pending
Create Thing b
end 1
--- err
es-pull: north: Thing 'no such' did not come: it is not there, or not granted
.
t 'what was not granted' 'echo "{\"title\":\"p\"}" | es-put -q -s north.db Person
    es-pull -i -s east.db north.db Person | short' <<'.'
--- out
end 0
--- err
.
t 'all, and then the log' 'es-pull -i -L 2 -v -s east.db north.db | tee got | short
    es-apply -s east.db <got | brief' <<'.'
--- out
grant Thing Approved, Person Pending
Create Thing a
Create Thing b
Create Thing c
Create Thing d
Create Thing e
TIME..TIME 5
end 0
Synced Create Thing a
Synced Create Thing b
Synced Create Thing c
Synced Create Thing d
Synced Create Thing e
--- err
es-pull: north: 1 of 2 DocTypes wait to be approved; ask their administrator to run: es-approve east
es-pull: north: 5 events, 4 pages
.
ok 'the other one is approved' es-approve -q -s north.db -o grant2 east Person
file -q >/dev/null
echo '{"title":"q"}' | es-put -q -s north.db Person
t 'an older grant that is taken late takes nothing from what came since' \
    'es-pull -s east.db north.db >got; (cat grant; tail -n 1 got) | es-apply -s east.db | brief
    es-apply -s east.db <got | brief' <<'.'
--- out
Synced Create Person P-02
--- err
.
t 'what it does not know to be unsubscribed it sends but once: it is taken' \
    'es-subscribe -xq -o request -s east.db north Thing; thing u; file
    es-subscribe -q -o request -s east.db north Thing; thing v; file' <<'.'
--- out
grant Thing Approved, Person Approved
Create Thing u
TIME..TIME 1
end 0
Synced Create Thing u
grant Thing Approved, Person Approved
Create Thing v
TIME..TIME 1
end 0
Synced Create Thing v
--- err
.
t 'what it knows to be it keeps until then, and sends with all that there was' \
    'es-subscribe -xq -o request -s east.db north Thing
    es-approve -q -s north.db - <request >/dev/null
    thing w; file | grep Thing
    es-subscribe -q -o request -s east.db north Thing
    es-approve -q -s north.db - <request >/dev/null
    file | grep Thing' <<'.'
--- out
grant Thing Approved, Person Approved
grant Thing Approved, Person Approved
Create Thing a
Create Thing b
Create Thing c
Create Thing d
Create Thing e
Create Thing u
Create Thing v
Create Thing w
Synced Create Thing w
--- err
.
es-init -q -s third.db north && cp north.db north.now
t 'another site in its place' 'cp third.db north.db; es-pull -s east.db north.db | short
    cp north.now north.db' <<'.'
--- out
end 100: it does not know this site: es-subscribe -o file north writes a request, which es-approve takes there
--- err
es-pull: north.db: it does not know this site: es-subscribe -o file north writes a request, which es-approve takes there
.
t 'an older copy of it' 'thing f; file; cp north.now north.db; es-pull -s east.db north.db | short' <<'.'
--- out
grant Thing Approved, Person Approved
Create Thing f
TIME..TIME 1
end 0
Synced Create Thing f
end 100: 'north' does not know event 'ID' of TIME: it was restored from an older copy, and its administrator is to run es-init -R; or the point is another site's
--- err
es-pull: north: 'north' does not know event 'ID' of TIME: it was restored from an older copy, and its administrator is to run es-init -R; or the point is another site's
.

done_testing
