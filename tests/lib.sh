# The harness: a test file reads it in and says what programs write, in TAP.
#
#	#!/bin/sh
#	. "${0%/*}/lib.sh"
#
#	t 'names the site in every record' 'es-stamp erp1' <<'.'
#	--- in
#	{"name":"a"}
#	--- out
#	{"name":"a","producer":"erp1"}
#	.
#
#	done_testing
#
# To add a case, copy one: t DESCRIPTION COMMAND [STATUS].  The command is a
# line of shell and must end with the status, 0 if none is given.  Sections:
#	--- in		what it reads; without it, nothing
#	--- out		what it must write, all of it; without it, anything
#	--- err		the same for standard error
#	--- file NAME	makes that file first
# The cases of a file run one after another in one scratch directory, which is
# removed at the end: files that one leaves there the next one finds.  What a
# command sets in the shell ends with it.
#
# Besides: ok DESCRIPTION COMMAND [ARGUMENT ...], good if that succeeds;
# is DESCRIPTION GOT WANTED; and plan N at the top if the number of cases is
# known, or else done_testing as the last line.
# shellcheck shell=sh

ES_TOP=${ES_TOP:-$(cd "${0%/*}/.." && pwd)}
# As the Makefile has it, for a test run by hand.
: "${ES_BIN:=$ES_TOP/bin}" "${ES_UNIT:=$ES_TOP/build/tests}"
: "${ES_SAN:=$ES_TOP/build/san/bin}" "${ES_KILL:=$ES_TOP/build/kill/bin}"
PATH=$ES_BIN:$PATH LC_ALL=C TZ=UTC
export ES_TOP ES_BIN ES_UNIT ES_SAN ES_KILL PATH LC_ALL TZ
unset ES_SITE ES_HOOKS

# Of a site that a program is just closing its file is locked for a moment:
# our programs wait for that, and so do the tests.
sqlite3() {
	command sqlite3 -cmd '.timeout 60000' "$@"
}

tap_count=0 tap_failed=0
tap_dir=$(mktemp -d) || exit
trap 'rm -rf "$tap_dir"; [ $tap_failed = 0 ] || exit 1' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$tap_dir/scratch" "$tap_dir/case" && cd "$tap_dir/scratch" || exit

# Out and err pass through this before they are compared: a stable word for
# what differs from run to run.  A test may define its own.
mask() {
	sed -E 's/\b[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}\b/TIME/g
		s/\b[0-9abcdefghjkmnpqrstvwxyz]{19}\b/ID/g
		s/\b[0-9a-f]{10}\b/HEX/g'
}

# Puts each section of standard input into its file; any other is a mistake.
tap_sections() {
	awk -v dir="$tap_dir/case" '
		/^--- (in|out|err)$/ { to = dir "/" $2; printf "" >to; next }
		/^--- file ./ { to = substr($0, 10); printf "" >to; next }
		/^--- / || to == "" { print "not a section: " $0; exit 1 }
		{ print >to }'
}

# Runs the command; prints what is not as it should be.
tap_run() (
	case=$tap_dir/case status=0
	(eval "$1") <"$case/in" >"$case/got.out" 2>"$case/got.err" || status=$?
	[ "$status" = "$2" ] || echo "status $status, not $2"
	for s in out err; do
		[ -e "$case/$s" ] || continue
		mask <"$case/got.$s" | diff -u "$case/$s" - >"$case/diff" && continue
		echo "$s, - as wanted, + as written:"
		sed 1,2d "$case/diff"
	done
	[ -e "$case/err" ] || [ "$status" = "$2" ] || cat "$case/got.err"
)

# One line of TAP; the case failed if the file "why" says something.
tap_line() {
	tap_count=$((tap_count + 1))
	if [ -s "$tap_dir/case/why" ]; then
		tap_failed=$((tap_failed + 1))
		printf 'not '
	fi
	printf 'ok %d - %s\n' $tap_count "$1"
	sed 's/^/# /' "$tap_dir/case/why"
}

t() {
	rm -f "$tap_dir"/case/*
	: >"$tap_dir/case/in"
	tap_sections >"$tap_dir/case/why" &&
	    tap_run "$2" "${3:-0}" >"$tap_dir/case/why"
	tap_line "$1"
}

ok() {
	tap_case=$1
	shift
	if ("$@") >"$tap_dir/case/why" 2>&1 </dev/null; then
		: >"$tap_dir/case/why"
	else
		echo "failed: $*" >>"$tap_dir/case/why"
	fi
	tap_line "$tap_case"
}

is() {
	if [ "$2" = "$3" ]; then
		: >"$tap_dir/case/why"
	else
		printf '%s\n' "got:" "$2" "wanted:" "$3" >"$tap_dir/case/why"
	fi
	tap_line "$1"
}

plan() {
	echo "1..$1"
}

done_testing() {
	plan $tap_count
	[ $tap_failed = 0 ] || echo "# $tap_failed of $tap_count failed"
}
