#!/bin/sh
# former - conditions that were replaced: their programs may be taken away
#
# hq -> store, from file to file.  The store first gets what a program lets
# through, later what has a count.

. "${0%/*}/lib.sh"
. "$ES_TOP/tests/sites.sh"

export ES_HOOKS=$PWD/hooks
mkdir -m 755 hooks
mask() {
	sed "s,'$PWD/,',"
}
hook() {
	{ echo '#!/bin/sh'; echo "$2"; } >hooks/"$1"
	chmod 755 hooks/"$1"
}
put() {
	printf '{%s}\n' "$@" | es-put -q -s hq.db Thing
}
# wants ROW ...: the store asks for it, and is given it.
wants() {
	es-subscribe -q -o request -s store.db hq user=Administrator "$@" &&
	    es-approve -aq -o grant -s hq.db - <request &&
	    es-subscribe -q -s store.db - <grant
}
# log: what es-producer-log has for the store, from where it stands.
log() {
	since=$(es-get -s store.db -C last_update 'Event Producer Last Update' name=hq | jq -r .last_update)
	es-producer-log -c store -s hq.db ${since:+-S "$since"} >page
	s=$?
	jq -r 'select(.update_type) | "\(.update_type) \(.docname)"' page
	return $s
}
# pull: what is new goes into the store, and what has become of it.
pull() {
	es-pull -q -s store.db hq.db >page
	es-apply -s store.db page >applied
	s=$?
	brief <applied
	return $s
}
has() {
	es-get -s store.db -C name,count,note Thing | jq -r '"\(.name) \(.count) \(.note)"' | sort
}
program='while read -r line; do case $line in *\"no\"*) echo false ;; *) echo true ;; esac; done'

# begin PROGRAM [OPTION=VALUE ...]: documents from before, when it was asked.
begin() {
	fresh hq store
	hook ask "$1"
	shift
	put '"name":"first","count":1'
	wants Thing use_same_name=1 condition='cmd: ask' "$@" && pull
	put '"name":"old","count":1,"note":"a"' '"name":"gone","count":1' \
	    '"name":"none","note":"no"' '"name":"out","count":0'
}
# Then it is asked for a count, and the program is taken away.
change() {
	wants Thing condition='doc.count > 0'
	rm hooks/ask
	put '"name":"new","count":2' '"name":"small","count":0'
	es-rm -q -s hq.db Thing gone
}

ok 'two sites' eval 'site hq && site store'

# ---- a program that answered

t 'a program lets documents through' 'begin "$program"; pull; has' <<'.'
--- out
Synced Create Thing old
Synced Create Thing gone
Synced Create Thing out
gone 1 null
old 1 a
out 0 null
--- err
.
t 'it is not asked any more when it is gone' 'put "\"name\":\"none\",\"count\":3"; change; log' <<'.'
--- out
Create old
Create none
Update none
Create new
Delete gone
--- err
.
t 'what is new comes, what only the new condition lets through comes whole, what is deleted goes' 'pull; has' <<'.'
--- out
Synced Create Thing none
Synced Update Thing none
Synced Create Thing new
Synced Delete Thing gone
new 2 null
none 3 no
old 1 a
out 0 null
--- err
.
t 'then nothing' 'pull; log' <<'.'
--- out
--- err
.
t 'a Delete of what it may have let through is told, though it meets nothing now' 'es-rm -q -s hq.db Thing out; pull; has' <<'.'
--- out
Synced Delete Thing out
new 2 null
none 3 no
old 1 a
--- err
.
t 'an Update of what is in view' 'put "\"name\":\"old\",\"note\":\"b\""; log; pull; has' <<'.'
--- out
Update old
Synced Update Thing old
new 2 null
none 3 no
old 1 b
--- err
.
t 'all of the log is nothing new' 'es-producer-log -c store -s hq.db >page; es-apply -q -s store.db page; has' <<'.'
--- out
new 2 null
none 3 no
old 1 b
--- err
.
t 'to be there again changes nothing' 'hook ask "$program"; pull; has; rm hooks/ask' <<'.'
--- out
new 2 null
none 3 no
old 1 b
--- err
.
t 'what was there before and never let through it does not see by that' 'put "\"name\":\"first\",\"note\":\"x\",\"count\":0" &&
    es-producer-log -c store -d -s hq.db >page; jq -r "select(.docname == \"first\")" page' <<'.'
--- out
--- err
.

# ---- one that always fails

t 'a program that fails: nothing comes' 'begin "exit 3"; pull 2>/dev/null' 111 <<'.'
--- out
--- err
.
t 'nor while it is there, though it is a former one' '(change() { wants Thing condition="doc.count > 0"; }
    change; log)' 111 <<'.'
--- out
--- err
es-producer-log: a former condition of 'store' on Thing, cmd: ask, could not be evaluated: the program 'ask': it ended; if it is not to be asked any more, remove the program
.
t 'nor where there is no directory of programs' 'ES_HOOKS=$PWD/none; log' 111 <<'.'
--- out
--- err
es-producer-log: a former condition of 'store' on Thing, cmd: ask, could not be evaluated: there is no program 'ask' in 'none': its administrator would put it there; if it is not to be asked any more, make that directory, without it
.
t 'a link that leads nowhere is a program that fails' 'mv hooks/ask hooks/was; ln -s none hooks/ask; log 2>&1 | grep -c "a former condition"; rm hooks/ask; mv hooks/was hooks/ask' <<'.'
--- out
1
--- err
.
t 'when it is gone all comes' 'change; log; pull; has' <<'.'
--- out
Create old
Create new
Delete gone
Synced Create Thing old
Synced Create Thing new
Synced Delete Thing gone
new 2 null
old 1 a
--- err
.
t 'then nothing' 'pull; log' <<'.'
--- out
--- err
.
t 'the condition that holds is asked whatever there is' 'hook ask "$program"; wants Thing condition="cmd: ask"; pull; rm hooks/ask
    put "\"name\":\"new\",\"note\":\"c\""; log' 111 <<'.'
--- out
Synced Create Thing out
Synced Create Thing small
--- err
es-producer-log: a condition of 'store' on Thing could not be evaluated: there is no program 'ask' in 'hooks': its administrator would put it there
.

# ---- what the log has no more

t 'es-prune leaves what a program that fails was to be asked for' 'begin "exit 3"; wants Thing condition="doc.count > 0"
    es-prune -q -s hq.db -U now; sqlite3 hq.db "SELECT count(*) FROM journal WHERE data IS NULL AND docname = '\''old'\''"' <<'.'
--- out
0
--- err
.
t 'not when it is gone' 'change; es-prune -q -s hq.db -U now
    sqlite3 hq.db "SELECT count(*) FROM journal WHERE data IS NULL AND docname = '\''old'\''"' <<'.'
--- out
1
--- err
.
t 'what comes is the same' 'pull; has' <<'.'
--- out
Synced Create Thing old
Synced Create Thing new
Synced Delete Thing gone
new 2 null
old 1 a
--- err
.
t 'a Delete is told after that, too' 'es-rm -q -s hq.db Thing out; log; pull; has' <<'.'
--- out
Delete out
Synced Delete Thing out
new 2 null
old 1 a
--- err
.

# ---- on_leave

t 'what may have been let through is deleted when it leaves the view' 'begin "$program" on_leave=delete &&
    es-approve -q -s hq.db store Thing condition="doc.count > 0" && pull
    put "\"name\":\"old\",\"count\":0"; change; log; pull; has' <<'.'
--- out
Synced Create Thing old
Synced Create Thing gone
Delete old
Create new
Delete gone
Synced Delete Thing old
Synced Create Thing new
Synced Delete Thing gone
new 2 null
--- err
.
t 'and comes whole when it is in view again' 'put "\"name\":\"old\",\"count\":5"; pull; has' <<'.'
--- out
Synced Create Thing old
new 2 null
old 5 a
--- err
.

# ---- what it does not open

# asks NAME ...: by name, as es-deps does; how many come.
asks() {
	es-pull -i -q -s store.db hq.db Thing "$@" 2>/dev/null | jq -c 'select(.update_type) | .docname'
}
t 'what was let through may be read' 'begin "$program"; pull >log; wants Thing condition="doc.count > 5"; asks old none' <<'.'
--- out
"old"
--- err
.
t 'by a program that is gone nobody may read more' 'put "\"name\":\"none\",\"thing\":\"first\""; rm hooks/ask; asks old none first
    es-producer-log -c store -d -s hq.db | jq -r "select(.docname) | .docname"' <<'.'
--- out
--- err
.
t 'nor after es-prune' 'es-prune -q -s hq.db -U now; asks old none first; es-rm -q -s hq.db Thing none; log' <<'.'
--- out
Delete none
--- err
.

done_testing
