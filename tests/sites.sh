# Sites and hand-made events, for the tests of syncing; read in after lib.sh.
#
# site NAME makes NAME.db, a site of that address with the DocTypes below;
# fresh NAME ... puts it back as it was made.
# subscribe SITE PRODUCER ROW ... puts in an Event Producer.  A row is a
# DocType and what is to be set besides, as Thing or Thing,"strict":1; it is
# Approved, with use_same_name, unless it says something else.  The user is $U.
#
# send TO [ARGUMENT ...] gives the lines that it reads to es-apply and prints
# what was logged, in short.  A line that is no object stands for an event:
#
#	e02 Update Thing a {"changed":{"title":"y"}} <e01 Person:p "key":"value"
#
# is event e02, second 02 of 2026, of document a whose birth is a; it comes
# after e01 (else, prev is null) and its links tell that Person p has birth p.
# @b gives the document birth b, Person:p=b the link.  It is from the producer
# $P, site $S, here north and s1.  An end line is added if there is none.
# Without blanks: one ends the JSON.
#
# flow FROM TO [ARGUMENT ...] is the usual pipe, the whole log; rest FROM TO
# [ARGUMENT ...] the log from where TO's cursor stands, as es-pull has it.
# shellcheck shell=sh

P=north S=s1 U=Administrator

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Part","module":"Test","istable":1,"fields":[{"fieldname":"code","fieldtype":"Data"},{"fieldname":"qty","fieldtype":"Float"},{"fieldname":"thing","fieldtype":"Link","options":"Thing"}]}
{"doctype":"DocType","name":"Form","module":"Test","autoname":"Prompt","fields":[{"fieldname":"must","fieldtype":"Data","reqd":1},{"fieldname":"kind","fieldtype":"Select","options":"\none\ntwo"}]}
{"doctype":"DocType","name":"Person","module":"Test","autoname":"P-.##","allow_rename":1,"fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"thing","fieldtype":"Link","options":"Thing"}]}
{"doctype":"DocType","name":"Thing","module":"Test","autoname":"Prompt","allow_rename":1,"is_submittable":1,"fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"note","fieldtype":"Data","allow_on_submit":1},{"fieldname":"count","fieldtype":"Int"},{"fieldname":"price","fieldtype":"Currency"},{"fieldname":"code","fieldtype":"Data","unique":1},{"fieldname":"thing","fieldtype":"Link","options":"Thing"},{"fieldname":"person","fieldtype":"Link","options":"Person"},{"fieldname":"role","fieldtype":"Link","options":"Role"},{"fieldname":"ref_type","fieldtype":"Link","options":"DocType"},{"fieldname":"ref","fieldtype":"Dynamic Link","options":"ref_type"},{"fieldname":"parts","fieldtype":"Table","options":"Part"}]}
.

site() {
	es-init -q -s "$1.db" "$1" && es-doctype -q -s "$1.db" doctypes.json &&
	    cp "$1.db" "$1.new"
}

fresh() {
	for f; do
		cp "$f.new" "$f.db" || return
	done
}

subscribe() {
	to=$1.db from=$2
	shift 2
	for row; do
		printf '"%s"' "${row%%,*}"
		case $row in *,*) printf ',%s' "${row#*,}" ;; esac
		echo
	done | jq -Rc --arg from "$from" --arg user "$U" -s '{doctype: "Event Producer",
		producer_url: $from, user: $user,
		producer_doctypes: (split("\n") | map(select(. != "") |
		{status: "Approved", use_same_name: 1} +
		("{\"ref_doctype\":" + . + "}" | fromjson)))}' |
	    es-put -q -s "$to"
}

events() {
	awk -v producer="$P" -v site="$S" '
		function quote(s) { return "\"" s "\"" }
		/^[[{]/ { print; ended = ended || /^\{"end"/; next }
		{
			data = "null"; prev = "null"; birth = $4; rest = ""
			split("", links)
			for (i = 5; i <= NF; i++)
				if ($i ~ /^\{/) data = $i
				else if ($i ~ /^</) prev = quote(substr($i, 2))
				else if ($i ~ /^@/) birth = substr($i, 2)
				else if ($i ~ /^"/) rest = rest "," $i
				else {
					split($i, at, "[:=]")
					links[at[1]] = links[at[1]] "," quote(at[2]) \
					    ":[" quote(site) "," \
					    quote(at[3] == "" ? at[2] : at[3]) "]"
				}
			if ($2 == "Create" || $2 == "Update")
				rest = ",\"prev\":" prev rest
			of = ""
			for (dt in links)
				of = of "," quote(dt) ":{" substr(links[dt], 2) "}"
			if (of != "")
				rest = rest ",\"links\":{" substr(of, 2) "}"
			print "{\"name\":" quote($1) ",\"creation\":\"2026-01-01 " \
			    "00:00:" substr($1, length($1) - 1) ".000000\"," \
			    "\"update_type\":" quote($2) "," \
			    "\"ref_doctype\":" quote($3) ",\"docname\":" quote($4) \
			    ",\"data\":" data ",\"event_producer\":" \
			    quote(producer) ",\"site\":" quote(site) \
			    ",\"origin\":[" quote(site) "," quote(birth) "]" \
			    (rest ~ /"via"/ ? "" : ",\"via\":[" quote(site) "]") \
			    rest "}"
		}
		END { if (!ended) print "{\"end\":{\"program\":\"test\",\"status\":0}}" }'
}

# The sync log in short: what was done, and why not.
brief() {
	jq -r '"\(.status) \(.update_type // "-") \(.ref_doctype) " +
	    .producer_doc + (if .docname and .docname != .producer_doc then
	    " as " + .docname else "" end) +
	    (if .error then ": " + .error else "" end) +
	    (if .lost then " lost " + (.lost | tojson) else "" end)'
}

send() {
	to=$1.db
	shift
	events | {
		status=0
		es-apply -s "$to" "$@" >log || status=$?
		brief <log
		return $status
	}
}

flow() {
	from=$1.db to=$2.db
	shift 2
	es-producer-log -s "$from" | {
		status=0
		es-apply -s "$to" "$@" >log || status=$?
		brief <log
		return $status
	}
}

rest() {
	from=$1.db cursor=$(sqlite3 "$2.db" "SELECT strftime('%Y-%m-%d %H:%M:%S',
	    cursor / 1000000, 'unixepoch') || printf('.%06d,', cursor % 1000000)
	    || cursor_name FROM producer WHERE name = '$1'")
	shift 2
	es-producer-log -s "$from" ${cursor:+-S "$cursor"} "$@"
}

# state SITE: what it holds, without times, random names and the order of
# documents among themselves.
state() {
	sqlite3 "$1.db" "SELECT 'document', t.name, d.name, d.docstatus,
		d.dependency, d.remote, json_remove(d.data, '\$.creation',
		'\$.modified') FROM document d JOIN doctype t ON t.id = d.doctype
		ORDER BY t.name, d.name;
	    SELECT 'journal', t.name, j.docname, j.type, j.before <> 0,
		(SELECT group_concat(fullkey) FROM json_tree(j.links)
		WHERE atom IS NOT NULL),
		json_remove(j.data, '\$.creation', '\$.modified')
		FROM journal j JOIN doctype t ON t.id = j.doctype
		ORDER BY t.name, j.docname, j.creation;
	    SELECT 'log', event, type, status, doctype, remote, docname, same_name,
		code, error, lost, data FROM synclog ORDER BY event;
	    SELECT 'parked', event, document, code, why, want, line FROM parked
		ORDER BY event;
	    SELECT 'cursor', name, cursor, cursor_name FROM producer;
	    SELECT 'origin', gone IS NULL, count(DISTINCT birth), count(*)
		FROM origin GROUP BY 2;
	    SELECT 'seen', d.name, s.event, s.last, s.sent, s.upto FROM seen s
		JOIN document d ON d.id = s.doc ORDER BY d.name, d.doctype, peer;
	    SELECT 'link', a.name, b.name FROM link JOIN document a
		ON a.id = source JOIN document b ON b.id = target ORDER BY 2, 3;
	    SELECT 'state', entry, data FROM state ORDER BY entry;
	    SELECT 'since', consumer, doc, pos FROM since;
	    SELECT 'series', name, current FROM series ORDER BY name"
}
