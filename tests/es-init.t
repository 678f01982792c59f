#!/bin/sh
# es-init - a new site file: what is in it, who may read it

. "${0%/*}/lib.sh"

t 'makes a site, called as its file' 'es-init -s store1.db' <<'.'
--- out
store1.db: site 'store1' made; next: es-doctype -s store1.db file ...
--- err
.
t 'ES_SITE names the file, the operand the address' 'ES_SITE=two.db es-init https://two.example.com:8443/x' <<'.'
--- out
two.db: site 'https://two.example.com:8443/x' made; next: es-doctype -s two.db file ...
--- err
.
t '-s before ES_SITE, -q says nothing' 'ES_SITE=two.db es-init -q -s sub.site.db; ls sub*' <<'.'
--- out
sub.site.db
--- err
.
is 'the address is the file without directory and ending' \
    "$(mkdir dir && es-init -s dir/a.b.db)" \
    "dir/a.b.db: site 'a.b' made; next: es-doctype -s dir/a.b.db file ..."
is 'events carry the address' \
    "$(echo '{"doctype":"Note","title":"t"}' | es-put -s two.db | jq -r '.event_producer // empty')" \
    https://two.example.com:8443/x

# ---- the file

is 'only the owner may read it, whatever the umask' \
    "$(umask 0; es-init -q -s open.db; stat -c %a open.db)" 600
is 'nothing is left beside it' "$(cd dir && ls -A)" a.b.db
is 'it is an SQLite file of ours' \
    "$(sqlite3 store1.db 'PRAGMA application_id; PRAGMA user_version; PRAGMA journal_mode' | paste -sd' ' -)" \
    "$((0x45537366)) 3 wal"
is 'each site has another identity' "$(for f in store1.db two.db open.db; do
    sqlite3 $f "SELECT length(value) FROM site WHERE key = 'id'"
    sqlite3 $f "SELECT value FROM site WHERE key = 'id'" >>ids; done | sort -u
    sort -u ids | wc -l)" '19
3'
t 'the DocTypes of every site, users and roles are in it' '
    for d in User Role; do es-get -s store1.db -C name $d; done
    es-doctype -s store1.db -l | jq -r .name | grep -cx "DocType\|Event [PC].*er\|Event .* Log"' <<'.'
--- out
{"name":"Administrator"}
{"name":"Guest"}
{"name":"System Manager"}
{"name":"Event Subscriber"}
{"name":"Event Notifier"}
{"name":"All"}
{"name":"Guest"}
5
--- err
.
t 'nothing of it is streamed' 'es-producer-log -s store1.db | jq -c "[.checkpoint.events, .end.status]"' <<'.'
--- out
[0,null]
[null,0]
--- err
.

# ---- refused

t 'a file that exists is left alone' 'echo precious >file; es-init -s file; s=$?; cat file; exit $s' 100 <<'.'
--- out
precious
--- err
es-init: 'file' exists already
.
t 'and a site that exists' 'before=$(cksum <store1.db); es-init -s store1.db; s=$?
    [ "$before" = "$(cksum <store1.db)" ] && exit $s' 100 <<'.'
--- out
--- err
es-init: 'store1.db' exists already
.
t 'and a link that leads nowhere' 'ln -s nowhere link; es-init -s link' 100 <<'.'
--- err
es-init: 'link' exists already
.
t 'a directory that does not exist' 'es-init -q -s none/x.db 2>&1 | sed "s/[0-9]*.new/N.new/"' <<'.'
--- out
es-init: cannot open 'none/x.db.N.new': No such file or directory
.
t 'which is no reason to try again' 'es-init -q -s none/x.db' 100 <<'.'
--- out
.
no_address() {
	t "no address: $1" "es-init -q -s no.db '$1'; s=\$?; ls no.db*; exit \$s" 100 <<.
--- out
--- err
es-init: $2
ls: cannot access 'no.db*': No such file or directory
.
}
no_address 'a b' "'a b' cannot be an address: give a URL or a word"
no_address '<a>' "'<a>' cannot be an address: give a URL or a word"
no_address '' "'' cannot be an address: give a URL or a word"
no_address "$(printf 'a\033[m')" "'a\\x1b[m' cannot be an address: give a URL or a word"
no_address "$(printf 'a\377')" "'a\\xff' cannot be an address: give a URL or a word"
no_address 'http://user:pw@host' 'an address has no user or password in it'
t 'an address may be long, but not too long' '
    es-init -q -s long.db $(printf %0140d 0) && es-init -q -s longer.db $(printf %0141d 0) 2>/dev/null' 100 <<'.'
--- out
.
t 'no site' 'es-init' 100 <<'.'
--- err
es-init: which site?  Give -s file or set ES_SITE
.
t 'called wrongly' 'es-init -s x.db a b' 100 <<'.'
--- out
--- err
usage: es-init [-q] [-s site] [address]
       es-init -u [-s site]
       es-init -R [-q] [-s site]
.
t '--help' 'es-init --help' <<'.'
--- out
usage: es-init [-q] [-s site] [address]
       es-init -u [-s site]
       es-init -R [-q] [-s site]
--- err
.
t '--version' 'es-init --version | sed "s/[0-9.]*$/N/"' <<'.'
--- out
es-init N
.

# ---- -u

t '-u: nothing to do' 'es-init -u -s store1.db' <<'.'
--- out
'store1.db' has format 3, the newest
--- err
.
t '-u: a newer format' 'es-init -q -s new.db; sqlite3 new.db "PRAGMA user_version=4"
    es-init -u -s new.db' 100 <<'.'
--- out
--- err
es-init: 'new.db' has format 4, this program knows up to 3; install a newer version
.
# A file as the programs made it when the format was 1.
format_1() {
	es-init -q -s "$1" && es-doctype -q -s "$1" "$ES_TOP/share/doctypes/retail.json" &&
	    echo '{"doctype":"Event Consumer","callback_url":"b","user":"Administrator","consumer_doctypes":[{"ref_doctype":"Brand","status":"Approved"}]}
{"doctype":"User","name":"joe","email":"joe@example.com","first_name":"Joe","api_key":"abc"}
{"doctype":"Brand","brand":"Ajax"}' | es-put -q -s "$1" &&
	    es-rm -q -s "$1" Role 'Event Notifier' && sqlite3 "$1" "
	CREATE TEMP TABLE c AS SELECT id, name, site, contact, error FROM consumer;
	DROP TABLE consumer; DROP TABLE state; DROP TABLE since;
	DROP TABLE restored; DROP TABLE told; DROP TABLE came;
	CREATE TABLE consumer( id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, site TEXT, contact INTEGER, error TEXT);
	INSERT INTO consumer SELECT * FROM c;
	UPDATE document SET data = replace(data, '\"label\":\"API Key\",\"unique\":1', '\"label\":\"API Key\"') WHERE name = 'User';
	DELETE FROM value WHERE field = 'api_key';
	PRAGMA user_version = 1"
}
tables() {
	sqlite3 "$1" "SELECT sql FROM sqlite_master WHERE name NOT GLOB 'tab*' ORDER BY name"
}
fields() {
	es-get -s "$1" DocType 'Event Producer Document Type' |
	    jq -c '[.fields[].fieldname]'
}
t '-u: from format 2' 'es-init -q -s second.db x
    sqlite3 second.db "DROP TABLE came; PRAGMA user_version = 2;
	UPDATE document SET data = json_remove(data, '"'\$.fields[#-1]'"')
	    WHERE name = '"'Event Producer Document Type'"'"
    es-init -u -s second.db; tables second.db >2; tables store1.db | diff 2 -
    fields second.db >2; fields store1.db | diff 2 -; grep -c on_leave 2' <<'.'
--- out
'second.db' had format 2 and has 3 now
1
--- err
.
ok '-u: a file of format 1' format_1 old.db
t '-u: is refused until then' 'es-get -s old.db Brand' 100 <<'.'
--- out
--- err
es-get: 'old.db' has format 1; run: es-init -u -s old.db
.
t '-u: brings it to format 3' 'cp old.db older.db; es-init -u -s old.db' <<'.'
--- out
'old.db' had format 1 and has 3 now
--- err
.
is '-u: with the tables of a new one' "$(tables old.db)" "$(tables store1.db)"
t '-u: what was in it stayed, what is new is there' '
    es-get -s old.db -C name Brand; es-get -s old.db -C name Role "Event Notifier"
    es-producer-log -s old.db -c b | jq -r "select(.docname) | .docname"
    sqlite3 old.db "SELECT name, cursor FROM consumer"
    echo "{\"email\":\"x@y.z\",\"name\":\"ann\",\"first_name\":\"A\",\"api_key\":\"abc\"}" | es-put -s old.db User >out' 1 <<'.'
--- out
{"name":"Ajax"}
{"name":"Event Notifier"}
Ajax
b|0
--- err
es-put: stdin:1: 'api_key' must be unique, but 'joe' has 'abc' already
es-put: 0 new, 0 changed, 0 deleted, 0 as they were, 1 refused
.
t '-u: twice is once' 'es-init -u -s old.db' <<'.'
--- out
'old.db' has format 3, the newest
.
t '-u: killed before and after it commits' 'for n in 1 2 3; do
	cp older.db cut.db
	(ES_KILL_AT=$n PATH=$ES_KILL:$PATH es-init -u -s cut.db) >out 2>&1
	echo $?; es-get -s cut.db -C name Brand 2>&1; es-init -u -s cut.db; tables cut.db >cut
	tables store1.db | diff cut - && es-get -s cut.db -C name Brand
    done' <<'.'
--- out
137
es-get: 'cut.db' has format 1; run: es-init -u -s cut.db
'cut.db' had format 1 and has 3 now
{"name":"Ajax"}
137
{"name":"Ajax"}
'cut.db' has format 3, the newest
{"name":"Ajax"}
0
{"name":"Ajax"}
'cut.db' has format 3, the newest
{"name":"Ajax"}
.
t '-u: a file that is not as it was made' '
    sqlite3 older.db "CREATE TABLE mine(x)"; es-init -u -s older.db' 100 <<'.'
--- out
--- err
es-init: 'older.db' has tables that are not a site's; it was tampered with or is of another program
.

t '-u: no site file' 'es-init -u -s file' 100 <<'.'
--- err
es-init: 'file' is not a site file; es-init makes one
.
t '-u: a site that does not exist' 'es-init -u -s gone.db' 100 <<'.'
--- err
es-init: cannot open 'gone.db': No such file or directory
.

done_testing
