# For tests of es-serve.
#
# serve NAME [ARGUMENT ...] starts es-serve with these arguments at a free port;
# what it says goes to NAME.log.  It sets url and pid, and is stopped at the end;
# halt PID stops one and gives its status.
#
# user NAME ROLE ... gives a user of the site $ES_SITE these roles and a key.
# ask NAME PATH [ARGUMENT ...] is curl as that user, - as nobody: the body and,
# in a line of its own, the status.
# shellcheck shell=sh disable=SC2154

unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY

servers=
trap 'kill $servers 2>/dev/null; wait; rm -rf "$tap_dir"; [ $tap_failed = 0 ] || exit 1' EXIT

serve() {
	name=$1
	shift
	mkfifo "$name.ready"
	es-serve "$@" :0 >"$name.ready" 2>"$name.log" &
	pid=$! servers="$servers $!"
	read -r line <"$name.ready"
	rm "$name.ready"
	url=$(printf '%s' "$line" | jq -r .url)
}

# From a subshell, where it is no child, its status is not known; then it has
# ended when its files are closed.
halt() {
	kill "$1" || return
	status=0
	wait "$1" || status=$?
	[ "$status" = 127 ] || return "$status"
	while [ -e "/proc/$1/fd/0" ]; do :; done
}

user() {
	es-key -q -o "$1.key" "$1" "$2" &&
	    jq -r '"header = \"Authorization: token \(.api_key):\(.api_secret)\""' \
		"$1.key" >"$1.curl"
}
: >-.curl

ask() {
	who=$1 path=$2
	shift 2
	curl -s -K "./$who.curl" -w '\n%{http_code}\n' "$@" "$url$path"
}

# The message of an error, and the status.
why() {
	ask "$@" | jq -Rr 'fromjson? // . | if type == "object" then
	    ._server_messages | fromjson[0] | fromjson.message else . end'
}
