#!/bin/sh
# es-key - users, roles and keys: given once, renewed, revoked, listed

. "${0%/*}/lib.sh"

ES_SITE=s.db
export ES_SITE

# Keys and secrets differ from run to run.
mask() {
	sed -E 's/"api_key":"[0-9a-f]{15}"/"api_key":"KEY"/g
		s/"api_secret":"[0-9a-f]{64}"/"api_secret":"SECRET"/g
		s/\b[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}(\.[0-9]{6})?\b/TIME/g'
}

ok 'a site' es-init -q -s s.db http://hq:8000
t 'a key, and its user is made' 'es-key store1@hq' <<'.'
--- out
{"url":"http://hq:8000","user":"store1@hq","api_key":"KEY","api_secret":"SECRET"}
--- err
es-key: user 'store1@hq' made
.
t 'it subscribes, unless roles are given' 'es-key -q store2 "System Manager" "Event Notifier" "System Manager" >key
    es-get -C first_name,email,enabled User store1@hq store2
    es-get User store1@hq store2 | jq -c "[.roles[].role]"' <<'.'
--- out
{"first_name":"store1@hq","email":"store1@hq","enabled":1}
{"first_name":"store2","email":"store2@localhost","enabled":1}
["Event Subscriber"]
["System Manager","Event Notifier"]
--- err
.
t 'the site keeps a hash, and no secret anywhere' '
    secret=$(jq -r .api_secret key)
    sqlite3 s.db "SELECT substr(value, 1, 7), length(value) FROM secret
	WHERE field = '\''api_secret'\''"
    sqlite3 s.db .dump | grep -c "$secret"
    sqlite3 s.db "SELECT value FROM secret" | grep -Fxc \
	"sha256:$(printf %s "$secret" | sha256sum | cut -d" " -f1)"' <<'.'
--- out
sha256:|71
sha256:|71
0
1
.
is 'the log has the key, and no password' "$(sqlite3 s.db "SELECT data FROM journal
    WHERE docname = 'store2' AND type = 1" | jq -c '.changed | keys')" '["api_key"]'
t 'a user that is there keeps what it has' 'cat | es-put -q User
    es-key clerk "Event Notifier" All; es-get User clerk | jq -c "[.first_name,.roles[].role]"' <<'.'
--- in
{"name":"clerk","email":"c@x","first_name":"Claire","enabled":1,"roles":[{"role":"All"}]}
--- out
{"url":"http://hq:8000","user":"clerk","api_key":"KEY","api_secret":"SECRET"}
["Claire","All","Event Notifier"]
--- err
.
t 'and gets no role that it is not given' 'echo "{\"name\":\"none\",\"email\":\"n@x\",\"first_name\":\"n\",\"enabled\":1}" |
    es-put -q User; es-key -q none >key; es-get User none | jq -c .roles' <<'.'
--- out
null
--- err
.

unchanged() {	# DESCRIPTION COMMAND STATUS, and what it says
	t "$1" "sqlite3 s.db .dump >dump; $2; s=\$?
	    sqlite3 s.db .dump | cmp - dump; ls *.new f 2>/dev/null; exit \$s" "$3"
}
unchanged 'who has a key gets no other' 'es-key -o f store1@hq "System Manager"' 100 <<'.'
--- out
--- err
es-key: User 'store1@hq' has a key already; es-key -r renews it, and the old secret is good for a week more; es-key -x revokes it
.
unchanged 'a role that is not there' 'es-key -o f new@hq "Event Subscriber" Storeman' 100 <<'.'
--- out
--- err
es-key: no Role 'Storeman'; there are 'All', 'Event Notifier', 'Event Subscriber', 'Guest', 'System Manager'
.
unchanged 'a name that is none' 'es-key "System Manager"' 100 <<'.'
--- out
--- err
es-key: no User 'System Manager', and to be made its name must be an e-mail address or a word
.
for name in '' @hq store@ a@b@c -- 'a<b' "$(printf 'a\033b')"; do
	unchanged "nor is '$name'" "es-key -- '$name' 2>err; s=\$?; wc -l <err; (exit \$s)" 100 <<'.'
--- out
1
.
done
unchanged 'Guest gets no key' 'es-key Guest' 100 <<'.'
--- out
--- err
es-key: Guest is who comes without a key
.
unchanged 'nor does Administrator' 'es-key -r Administrator' 100 <<'.'
--- out
--- err
es-key: Administrator gets no key: it could neither be limited nor disabled; give one to a user with the role 'System Manager'
.
echo '{"name":"off","email":"o@x","first_name":"o","enabled":0}' | es-put -q User
unchanged 'nor does a user who is disabled' 'es-key off' 100 <<'.'
--- out
--- err
es-key: User 'off' is disabled
.
unchanged '-n changes nothing, and shows no key' 'es-key -n -o f new@hq; es-key -nr store2
    es-key -n off; es-key -nx store2' 0 <<'.'
--- out
--- err
es-key: user 'new@hq' made; nothing was changed (-n)
es-key: the secret that 'store2' had is good for a week more; nothing was changed (-n)
es-key: User 'off' is disabled
es-key: 'store2' has no key any more; nothing was changed (-n)
.

t '-o: a file of its owner alone, and nothing else' 'umask 0; es-key -q -o key new@hq
    stat -c %a key; cat key; ls *.new 2>/dev/null' 2 <<'.'
--- out
600
{"url":"http://hq:8000","user":"new@hq","api_key":"KEY","api_secret":"SECRET"}
--- err
.
unchanged '-o where nothing can be written' 'es-key -o none/key other@hq' 111 <<'.'
--- out
.
cp key old
t '-r: the key stays, another secret' 'es-key -r -o key new@hq
    jq -r .api_key key old | uniq | wc -l
    jq -r .api_secret key old | uniq | wc -l' <<'.'
--- out
1
2
--- err
es-key: the secret that 'new@hq' had is good for a week more
.
is 'until then' "$(sqlite3 s.db "SELECT round(julianday(substr(field, 18)) -
    julianday('now'), 2) FROM secret WHERE field LIKE '% until %'")" 7.0
t '-r where there is none gives one' 'es-key -r fresh@hq' <<'.'
--- out
{"url":"http://hq:8000","user":"fresh@hq","api_key":"KEY","api_secret":"SECRET"}
--- err
es-key: user 'fresh@hq' made
.
t '-x: no key, no secret, the user stays' 'es-key -x new@hq
    es-get -C enabled,api_key User new@hq
    sqlite3 s.db "SELECT count(*) FROM secret WHERE doc = (SELECT id FROM document WHERE name = '\''new@hq'\'')"' <<'.'
--- out
{"enabled":1,"api_key":null}
0
--- err
es-key: 'new@hq' has no key any more
.
t '-x once more' 'es-key -x new@hq' 100 <<'.'
--- err
es-key: User 'new@hq' has no key
.
t '-x of nobody' 'es-key -x nobody' 100 <<'.'
--- err
es-key: no User 'nobody'
.

ok 'a key that was written' sh -c \
    'echo "{\"name\":\"none\",\"api_key\":\"k\",\"api_secret\":\"s\"}" | es-put -q User'
t '-l' 'es-key -l' <<'.'
--- out
{"user":"Administrator","enabled":1,"roles":["System Manager"],"has_key":0,"since":null}
{"user":"Guest","enabled":1,"roles":["Guest"],"has_key":0,"since":null}
{"user":"clerk","enabled":1,"roles":["All","Event Notifier"],"has_key":1,"since":"TIME"}
{"user":"fresh@hq","enabled":1,"roles":["Event Subscriber"],"has_key":1,"since":"TIME"}
{"user":"new@hq","enabled":1,"roles":["Event Subscriber"],"has_key":0,"since":null}
{"user":"none","enabled":1,"roles":[],"has_key":1,"since":null}
{"user":"off","enabled":0,"roles":[],"has_key":0,"since":null}
{"user":"store1@hq","enabled":1,"roles":["Event Subscriber"],"has_key":1,"since":"TIME"}
{"user":"store2","enabled":1,"roles":["System Manager","Event Notifier"],"has_key":1,"since":"TIME"}
--- err
.
t '-l for people, in local time' 'TZ=UTC-5 es-key -lH >there; es-key -lH >here; cmp -s here there && echo same
    grep -v "fresh\|store\|clerk" here | sed "s/ *$//"' <<'.'
--- out
user           enabled  key since            roles
Administrator  yes                           System Manager
Guest          yes                           Guest
new@hq         yes                           Event Subscriber
none           yes      yes
off            no
--- err
.
ok 'no key of a site that is a word has a URL' sh -c 'es-init -q -s w.db word &&
    es-key -q -s w.db x | jq -e "has(\"url\") | not"'
t 'standard output is full: the next step is told' 'es-key full@hq >/dev/full' 111 <<'.'
--- err
es-key: 'full@hq' has a secret now that nobody knows; es-key -r gives it another
es-key: cannot write standard output: No space left on device
.
for args in '' '-l x' '-lx' '-lo f' '-x' '-x a b' '-xr a' '-xo f a' '-H a' '-z'; do
	t "called wrongly: $args" "es-key $args 2>&1 | tail -3; es-key $args 2>/dev/null" 100 <<'.'
--- out
usage: es-key [-nqr] [-o file] [-s site] user [role ...]
       es-key -x [-nq] [-s site] user
       es-key -l [-H] [-s site]
.
done
done_testing
