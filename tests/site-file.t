#!/bin/sh
# The site file: which are opened, by how many at once, what sqlite3 sees in it

# The mount below is for this file only.
if [ -z "${ES_MOUNTS-}" ] && unshare -m true 2>/dev/null; then
	ES_MOUNTS=1 exec unshare -m sh "$0"
fi

. "${0%/*}/lib.sh"

ES_SITE=s.db
export ES_SITE

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Line","module":"T","istable":1,"fields":[{"fieldname":"what","fieldtype":"Data"},{"fieldname":"qty","fieldtype":"Float"}]}
{"doctype":"DocType","name":"Odd & Name, (2).","module":"T","autoname":"Prompt","is_submittable":1,"fields":[{"fieldname":"title","fieldtype":"Data"},{"fieldname":"select","fieldtype":"Data"},{"fieldname":"sec","fieldtype":"Section Break"},{"fieldname":"pw","fieldtype":"Password"},{"fieldname":"lines","fieldtype":"Table","options":"Line"},{"fieldname":"more","fieldtype":"Table MultiSelect","options":"Line"}]}
{"doctype":"DocType","name":"Other","module":"T","autoname":"Prompt","fields":[{"fieldname":"lines","fieldtype":"Table","options":"Line"}]}
.
cat >documents <<'.'
{"doctype":"Odd & Name, (2).","name":"a","title":"A","select":"x","pw":"secret","lines":[{"name":"l1","what":"one","qty":1.50},{"name":"l2","what":"two"}],"more":[{"name":"m1","what":"m"}]}
{"doctype":"Odd & Name, (2).","name":"b","docstatus":1}
{"doctype":"Other","name":"o","lines":[{"name":"o1","what":"other"}]}
.
cat >note <<'.'
{"doctype":"Note","title":"t"}
.
ok 'a site' es-init -q s
ok 'its DocTypes' es-doctype -q doctypes.json
ok 'its documents' sh -c 'es-put -q <documents'

# ---- what is not opened

# All programs open with the same words: one that reads and one that writes.
unopened() {
	t "$1" "es-get -s '$2' Note; r=\$?; es-put -q -s '$2' <note; [ \$? = \$r ] && exit \$r" \
	    "${4-100}" <<.
--- out
--- err
es-get: $3
es-put: $3
.
}
echo 'just text' >text
: >empty
sqlite3 other.db 'CREATE TABLE t(a)'
sqlite3 foreign.db 'PRAGMA application_id = 42; CREATE TABLE t(a)'
head -c 50 s.db >head.db
chmod 600 text empty other.db foreign.db head.db
for f in text empty other.db foreign.db head.db; do
	unopened "no site file: $f" $f "'$f' is not a site file; es-init makes one"
done
unopened 'a directory' . "'.' is not a file"
unopened 'a device' /dev/null "'/dev/null' is not a file"
unopened 'no file' none.db "cannot open 'none.db': No such file or directory"
t 'and none is made' 'ls none.db*' 2 <<'.'
--- out
.
cp s.db newer.db
sqlite3 newer.db 'PRAGMA user_version = 99'
unopened 'a newer format' newer.db \
    "'newer.db' has format 99, this program knows up to 3; install a newer version"
ln -s s.db link.db
unopened 'a symbolic link' link.db "'link.db' is a symbolic link; name the file itself"
for mode in 640 604 620 601; do
	cp s.db open.db
	chmod $mode open.db
	unopened "others may open it: $mode" open.db \
	    "'open.db' is open to other users; run: chmod 600 open.db"
done
t 'after the chmod it is a site' 'chmod 600 open.db && es-put -q -s open.db <note' <<'.'
--- err
.
tampered="has tables that are not a site's; it was tampered with or is of another program"
n=0
while read -r sql; do
	cp s.db "tampered$n.db"
	sqlite3 "tampered$n.db" "$sql"
	unopened "tampered with: ${sql%% ON*}" "tampered$n.db" "'tampered$n.db' $tampered"
	n=$((n + 1))
done <<'.'
CREATE TRIGGER evil AFTER INSERT ON journal BEGIN DELETE FROM document; END
CREATE TABLE more(a)
DROP TABLE parked; CREATE TABLE parked(id)
DROP VIEW log_update; CREATE VIEW log_update AS SELECT 1
.
t 'what a trigger would have done was not done' 'sqlite3 tampered0.db "SELECT count(*) > 10 FROM document"' <<'.'
--- out
1
.
t 'no identity' "cp s.db anon.db; sqlite3 anon.db \"DELETE FROM site WHERE key = 'id'\"; es-get -s anon.db Note" 100 <<'.'
--- out
--- err
es-get: 'anon.db' has no identity; es-init did not finish
.
t 'damaged: one message, and the cure' 'cp s.db hurt.db
    dd if=/dev/zero of=hurt.db bs=4096 seek=1 count=500 conv=notrunc 2>/dev/null
    es-get -s hurt.db Note 2>&1 | sed "s/: [^;:]*;/: WHY;/"; es-get -s hurt.db Note' 111 <<'.'
--- out
es-get: cannot use 'hurt.db': WHY; restore it from a backup
.

# ---- read-only

# As root there is no file that cannot be written, but on a medium.
if [ "$(id -u)" != 0 ]; then
	cp s.db ro.db && chmod 400 ro.db && ro=ro.db
else
	mkdir medium
	mount -t tmpfs -o size=4m,mode=700 none medium 2>/dev/null &&
	    cp s.db 'medium/r?%.db' && mount -o remount,ro medium &&
	    ro='medium/r?%.db'
fi
if [ -z "${ro-}" ]; then
	ok 'a read-only file # skip cannot mount' true
else
	t 'a read-only file is read' "es-get -s '$ro' -C name Other; es-doctype -l -s '$ro' | grep -c Other
	    es-producer-log -s '$ro' Other | grep -c update_type" <<'.'
--- out
{"name":"o"}
1
1
--- err
.
	t 'and not written' "es-put -q -s '$ro' <note" 111 <<.
--- out
--- err
es-put: cannot write '$ro': the file is read-only
.
fi

# ---- locked by another

# A writer of its own, which holds the file until told.
hold() {
	rm -f in out
	mkfifo in out
	sqlite3 "$1" <in >out 2>&1 &
	holder=$!
	exec 3>in 4<out
	echo "BEGIN IMMEDIATE; SELECT 'held';" >&3
	read -r _ <&4
}
release() {
	echo .quit >&3
	exec 3>&- 4<&-
	wait $holder
}
# Until the program sleeps, which it does for nothing but the lock.
sleeps() {
	until read -r _ _ state _ <"/proc/$1/stat" && [ "$state" = S ]; do
		kill -0 "$1" || return
	done
}
t 'a writer waits for another, and goes on' 'hold s.db
    es-put -qv <note >put 2>&1 & pid=$!
    sleeps $pid && kill -0 $pid && echo waits; cat put
    release; wait $pid && cat put' <<'.'
--- out
waits
es-put: 1 new, 0 changed, 0 deleted, 0 as they were, 0 refused
--- err
.
t 'a reader does not wait, and sees what was' 'hold s.db; echo "DELETE FROM document;" >&3
    es-get -C name Other; es-producer-log Other | grep -c update_type; release' <<'.'
--- out
{"name":"o"}
1
--- err
.
if [ -x "$ES_KILL/es-put" ]; then
	# The build for tests waits half a second only.
	for p in 'es-put -q <note' 'es-rm -q Note x' 'es-doctype -q doctypes.json'; do
		t "in the end it gives up: ${p%% *}" \
		    "hold s.db; \"\$ES_KILL\"/$p; s=\$?; release; exit \$s" 111 <<.
--- out
--- err
${p%% *}: cannot use 's.db': another program is writing to it; run again
.
	done
	t 'and can be run again' '"$ES_KILL"/es-put -qv <note' <<'.'
--- out
--- err
es-put: 1 new, 0 changed, 0 deleted, 0 as they were, 0 refused
.
else
	ok 'in the end it gives up # skip no test build' true
fi
t 'many writers at once lose nothing' 'for i in 1 2 3 4 5 6; do
	for k in $(seq 20); do echo "{\"doctype\":\"Other\",\"name\":\"w$i-$k\"}"; done |
	    es-put -q & done; wait; es-get -C name Other "[[\"name\",\"like\",\"w%\"]]" | wc -l
    es-producer-log | sed -n "s/^{\"name\":\"\([^\"]*\)\".*/\1/p" | sort -cu' <<'.'
--- out
120
--- err
.

# ---- what sqlite3 sees

sql() {
	sqlite3 s.db "$1"
}
t 'a view a DocType, named as in Frappe' "sql 'SELECT * FROM \"tabOdd & Name, (2).\"' |
    sed 's/|2[0-9: .-]*|/|TIME|/g; s/|2[0-9: .-]*|/|TIME|/g'" <<'.'
--- out
a|Administrator|TIME|TIME|Administrator|0|0|A|x|
b|Administrator|TIME|TIME|Administrator|1|0|||
--- err
.
t 'its columns are the fields that hold values, but no secrets' \
    "sql \"SELECT name FROM pragma_table_info('tabOdd & Name, (2).')\" | paste -sd' ' -" <<'.'
--- out
name owner creation modified modified_by docstatus idx title select amended_from
--- err
.
t 'child tables: rows of all tables of all DocTypes' \
    'sql "SELECT name, idx, docstatus, parent, parenttype, parentfield, what, qty FROM tabLine"' <<'.'
--- out
l1|1|0|a|Odd & Name, (2).|lines|one|1.5
l2|2|0|a|Odd & Name, (2).|lines|two|
m1|1|0|a|Odd & Name, (2).|more|m|
o1|1|0|o|Other|lines|other|
--- err
.
t 'the logs are views too' "sql 'SELECT update_type, ref_doctype, docname FROM \"tabEvent Update Log\"
    WHERE ref_doctype = \"Other\" LIMIT 1; SELECT count(*) FROM \"tabEvent Sync Log\";
    SELECT count(*) FROM \"tabEvent Producer Last Update\"'" <<'.'
--- out
Create|Other|o
0
0
--- err
.
is 'every DocType that has documents has one' "$(es-doctype -l |
    jq -r 'select(.kind != "child" and .documents > 0).name' |
    while read -r d; do sql "SELECT count(*) FROM \"tab$d\"" >/dev/null || echo "$d"; done 2>&1)" ''
is 'the file is sound' "$(sql 'PRAGMA integrity_check')" ok

# ---- modes

is 'what is beside it while it is open is for the owner only' "$(umask 0; hold s.db
    es-put -q <note & pid=$!; sleeps $pid; stat -c '%a %n' s.db*; release; wait $pid)" \
    '600 s.db
600 s.db-shm
600 s.db-wal'

if [ -d medium ]; then
	umount medium
fi
done_testing
