#!/bin/sh
# es-mv - another name for a document, one event for all that follows from it,
# and one before for the field that gives the name

. "${0%/*}/lib.sh"

ES_SITE=s.db
export ES_SITE

cat >doctypes.json <<'.'
{"doctype":"DocType","name":"Kind","module":"T","autoname":"field:kind","allow_rename":1,"fields":[{"fieldname":"kind","fieldtype":"Data","reqd":1},{"fieldname":"up","fieldtype":"Link","options":"Kind"},{"fieldname":"note","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Line","module":"T","istable":1,"fields":[{"fieldname":"kind","fieldtype":"Link","options":"Kind"},{"fieldname":"text","fieldtype":"Data"}]}
{"doctype":"DocType","name":"Paper","module":"T","autoname":"Prompt","is_submittable":1,"fields":[{"fieldname":"kind","fieldtype":"Link","options":"Kind"},{"fieldname":"text","fieldtype":"Data"},{"fieldname":"ref_type","fieldtype":"Link","options":"DocType"},{"fieldname":"ref","fieldtype":"Dynamic Link","options":"ref_type"},{"fieldname":"lines","fieldtype":"Table","options":"Line"}]}
.
cat >documents <<'.'
{"doctype":"Kind","kind":"a","note":"n"}
{"doctype":"Kind","kind":"a","up":"a"}
{"doctype":"Kind","kind":"b"}
{"doctype":"Kind","kind":"c","up":"a"}
{"doctype":"Paper","name":"p","kind":"a","text":"a","ref_type":"Kind","ref":"a","lines":[{"name":"l1","kind":"a","text":"a"},{"name":"l2","kind":"b"}]}
{"doctype":"Paper","name":"q","ref_type":"Paper","ref":"p"}
{"doctype":"Paper","name":"a","docstatus":1,"kind":"a"}
.
ok 'a site' es-init -q s
ok 'its DocTypes' es-doctype -q doctypes.json
ok 'its documents' sh -c 'es-put -q <documents'
es-get -C modified Paper p >modified
es-get -C modified Kind c >>modified

t 'a rename is one event, which has no prev, after one for the field' 'es-mv Kind a z' <<'.'
--- out
{"name":"ID","creation":"TIME","update_type":"Update","ref_doctype":"Kind","docname":"a","data":{"changed":{"kind":"z"},"added":{},"removed":{},"row_changed":{}},"event_producer":"s","site":"ID","prev":"ID","origin":["ID","ID"],"via":["ID"]}
{"name":"ID","creation":"TIME","update_type":"Rename","ref_doctype":"Kind","docname":"a","data":{"new_name":"z","merge":0},"event_producer":"s","site":"ID","origin":["ID","ID"],"via":["ID"]}
{"end":{"program":"es-mv","status":0}}
--- err
.
is 'the links it repoints log none' "$(es-producer-log | jq -r 'select(.update_type) | .update_type' | sort | uniq -c | tr -s ' \n' ' ')" \
    ' 6 Create 1 Rename 2 Update '
t 'it has its new name, and so has the field that names it' 'es-get -C name,kind,up,note Kind z' <<'.'
--- out
{"name":"z","kind":"z","up":"z","note":"n"}
--- err
.
t 'links of documents, of rows and dynamic ones follow; text does not' \
    'es-get -C kind,text,ref_type,ref,lines Paper p; es-get -C up Kind c' <<'.'
--- out
{"kind":"z","text":"a","ref_type":"Kind","ref":"z","lines":[{"name":"l1","idx":1,"kind":"z","text":"a"},{"name":"l2","idx":2,"kind":"b"}]}
{"up":"z"}
--- err
.
t 'those of submitted documents, too' 'es-get -C kind,docstatus Paper a' <<'.'
--- out
{"kind":"z","docstatus":1}
--- err
.
t 'what links to it is not modified' '{ es-get -C modified Paper p; es-get -C modified Kind c; } | cmp - modified' <<'.'
--- out
--- err
.
is 'the origin stays' "$(es-producer-log Kind a | jq -c '.origin // empty' | sort -u | wc -l)" 1
t 'the next Update follows the one before the rename' '
    echo "{\"kind\":\"z\",\"note\":\"m\"}" | es-put Kind | jq -r "select(.prev).prev" >prev
    es-producer-log Kind a | jq -r "select(.update_type == \"Update\").name" | tail -n 1 | cmp - prev' <<'.'
--- out
--- err
.
is 'its links are known still: it cannot be deleted' "$(es-rm -q Kind z 2>&1 | head -1)" \
    "es-rm: Kind 'z' is linked from Kind 'c'"
t 'the old name is free' 'echo "{\"kind\":\"a\"}" | es-put -q Kind' <<'.'
--- err
.

refused() {
	t "$1" "sqlite3 s.db .dump >dump; es-mv -q $2; s=\$?
	    sqlite3 s.db .dump | cmp - dump; exit \$s" 1 <<.
--- out
--- err
es-mv: $3
.
}
refused 'what does not exist' 'Kind none x' "no Kind 'none'"
refused 'a name that is taken' 'Kind a b' "Kind 'b' exists already"
refused 'where renaming is not allowed' 'Paper p x' 'Paper does not allow renaming (allow_rename)'
refused 'no name' "Kind a ''" 'a name cannot be empty'
refused 'a name that cannot be one' "Kind a 'a<b'" "name 'a<b' has a < or >"
refused 'the name of the DocType' "Kind a Kind" "name 'Kind' is that of the DocType"
refused 'control characters' "Kind a \"\$(printf 'a\\033b')\"" \
    "name 'a\\x1bb' has characters that do not print"
refused 'a name too long' "Kind a $(printf %0141d 0)" \
    'a name of 141 characters is too long, 140 are allowed'
refused 'a DocType' 'DocType Kind Sort' 'a DocType keeps its name'
t 'the name it has is no event' 'es-mv Kind a a' <<'.'
--- out
{"end":{"program":"es-mv","status":0}}
--- err
.
t '-n changes nothing' 'sqlite3 s.db .dump >dump; es-mv -n Kind z y | jq -c "[.update_type,.data.new_name]"
    sqlite3 s.db .dump | cmp - dump' <<'.'
--- out
["Update",null]
["Rename","y"]
[null,null]
--- err
.
t '-q' 'es-mv -q Kind z y' <<'.'
--- out
--- err
.
t 'where no field gives the name it is one event, and nothing is modified' '
    echo "{\"doctype\":\"DocType\",\"name\":\"Pen\",\"module\":\"T\",\"autoname\":\"Prompt\",\"allow_rename\":1,\"fields\":[{\"fieldname\":\"pen\",\"fieldtype\":\"Data\"}]}" | es-doctype -q
    echo "{\"name\":\"a\",\"pen\":\"a\"}" | es-put -q Pen; es-get -C modified Pen a >modified
    es-mv Pen a b | jq -c "select(.data).update_type"; es-get -C pen Pen b; es-get -C modified Pen b | cmp - modified' <<'.'
--- out
"Rename"
{"pen":"a"}
--- err
.
t 'an odd name, there and back' 'es-mv -q Kind y "é %_ \" '\''x'\''" && es-get -C up Kind c
    es-mv -q Kind "é %_ \" '\''x'\''" y; es-get -C up Kind c' <<'.'
--- out
{"up":"é %_ \" 'x'"}
{"up":"y"}
--- err
.
t 'an unknown DocType' 'es-mv Knd a b' 100 <<'.'
--- err
es-mv: no DocType 'Knd' in 's.db'; es-doctype -l lists them
.
t 'called wrongly' 'es-mv Kind a' 100 <<'.'
--- err
usage: es-mv [-nqv] [-s site] doctype old new
.

done_testing
