#!/bin/sh
# es-rm - what may be deleted, and what is left of it

. "${0%/*}/lib.sh"

ES_SITE=s.db
export ES_SITE

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Kind","module":"T","autoname":"field:kind","fields":[{"fieldname":"kind","fieldtype":"Data","reqd":1},{"fieldname":"up","fieldtype":"Link","options":"Kind"}]}
{"doctype":"DocType","name":"Line","module":"T","istable":1,"fields":[{"fieldname":"kind","fieldtype":"Link","options":"Kind"}]}
{"doctype":"DocType","name":"Paper","module":"T","autoname":"Prompt","is_submittable":1,"fields":[{"fieldname":"kind","fieldtype":"Link","options":"Kind"},{"fieldname":"tag","fieldtype":"Data","unique":1},{"fieldname":"ref_type","fieldtype":"Link","options":"DocType"},{"fieldname":"ref","fieldtype":"Dynamic Link","options":"ref_type"},{"fieldname":"key","fieldtype":"Password"},{"fieldname":"lines","fieldtype":"Table","options":"Line"}]}
.
cat >documents <<'.'
{"doctype":"Kind","kind":"free"}
{"doctype":"Kind","kind":"linked"}
{"doctype":"Kind","kind":"in row"}
{"doctype":"Kind","kind":"dynamic"}
{"doctype":"Kind","kind":"self"}
{"doctype":"Kind","kind":"self","up":"self"}
{"doctype":"Kind","kind":"a"}
{"doctype":"Kind","kind":"b","up":"a"}
{"doctype":"Kind","kind":"c","up":"b"}
{"doctype":"Paper","name":"p","kind":"linked","tag":"T","ref_type":"Kind","ref":"dynamic","key":"secret","lines":[{"kind":"in row"}]}
{"doctype":"Paper","name":"submitted","docstatus":1}
{"doctype":"Paper","name":"cancelled","docstatus":1}
{"doctype":"Paper","name":"cancelled","docstatus":2}
.
ok 'a site' es-init -q s
ok 'its DocTypes' es-doctype -q doctypes.json
ok 'its documents' sh -c 'es-put -q <documents'

refused() {
	t "$1" "sqlite3 s.db .dump >dump; es-rm -q $2; s=\$?
	    sqlite3 s.db .dump | cmp - dump; exit \$s" 1 <<.
--- out
--- err
es-rm: $3
es-rm: 0 deleted, 1 refused
.
}
refused 'what does not exist' 'Kind none' "no Kind 'none'"
refused 'no name' "Kind ''" "no Kind ''"
refused 'what is submitted' 'Paper submitted' "Paper 'submitted' is submitted; cancel it first"
refused 'what is linked' 'Kind linked' "Kind 'linked' is linked from Paper 'p'"
refused 'what a row links to' 'Kind "in row"' "Kind 'in row' is linked from Paper 'p'"
refused 'what is linked dynamically' 'Kind dynamic' "Kind 'dynamic' is linked from Paper 'p'"
refused 'a DocType' 'DocType Line' 'DocTypes are not deleted'

t 'a Delete has no data, and no prev' 'es-rm Kind free' <<'.'
--- out
{"name":"ID","creation":"TIME","update_type":"Delete","ref_doctype":"Kind","docname":"free","data":null,"event_producer":"s","site":"ID","origin":["ID","ID"],"via":["ID"]}
{"end":{"program":"es-rm","status":0}}
--- err
.
is 'its origin is that of the document' "$(es-producer-log Kind free | jq -c .origin | sort -u | grep -c '\[')" 1
t 'it is gone' 'es-get -q Kind free' 1 <<'.'
--- out
--- err
es-get: no Kind 'free'
.
t 'what is cancelled goes, and what links to itself' 'es-rm -q Paper cancelled && es-rm -q Kind self' <<'.'
--- out
--- err
.
t 'the rest go on' 'es-rm Paper none p submitted none | jq -c "[.update_type,.docname,.end.status]"' <<'.'
--- out
["Delete","p",null]
[null,null,1]
--- err
es-rm: no Paper 'none'
es-rm: Paper 'submitted' is submitted; cancel it first
es-rm: no Paper 'none'
es-rm: 1 deleted, 3 refused
.
is 'its secret, its links and its unique values go too' \
    "$(sqlite3 s.db 'SELECT count(*) FROM secret; SELECT count(*) FROM value WHERE value = "T"')" '0
0'
t 'so what it linked to can go' 'es-rm -qv Kind linked "in row" dynamic' <<'.'
--- err
es-rm: 3 deleted, 0 refused
.
t 'documents that link to one another, in any order' 'es-rm -qv Kind a b c' <<'.'
--- err
es-rm: 3 deleted, 0 refused
.
t 'a name may be used again, for another document' \
    'echo "{\"kind\":\"a\"}" | es-put -q Kind; es-producer-log Kind a | jq -r "select(.origin).origin[1]" |
    uniq -c | wc -l' <<'.'
--- out
2
--- err
.
t '-n changes nothing' 'sqlite3 s.db .dump >dump; es-rm -nv Kind a | jq -c "[.update_type,.docname]"
    sqlite3 s.db .dump | cmp - dump' <<'.'
--- out
["Delete","a"]
[null,null]
--- err
es-rm: 1 deleted, 0 refused; nothing was changed (-n)
.
t 'the field of a DocType' 'es-put -q; es-rm -q "Custom Field" Kind-hue
    sqlite3 s.db "SELECT name FROM pragma_table_info('\''tabKind'\'')" | tail -1' <<'.'
--- in
{"doctype":"Custom Field","dt":"Kind","fieldname":"hue","fieldtype":"Data"}
{"doctype":"Kind","kind":"hued","hue":"red"}
--- out
up
--- err
.
t 'all or nothing is printed: standard output is full' '
    for i in $(seq 300); do echo "{\"kind\":\"n$i\"}"; done | es-put -q Kind
    es-rm Kind $(seq -f n%.0f 300) >/dev/full' 111 <<'.'
--- err
es-rm: cannot write standard output: No space left on device
.
is 'and yet they are gone' "$(es-get -C name Kind '[["name","like","n%"]]')" ''
t 'an unknown DocType' 'es-rm Knd a' 100 <<'.'
--- err
es-rm: no DocType 'Knd' in 's.db'; es-doctype -l lists them
.
t 'called wrongly' 'es-rm Kind' 100 <<'.'
--- err
usage: es-rm [-nqv] [-s site] doctype name ...
.

done_testing
