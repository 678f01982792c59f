#!/bin/sh
# Random histories of two sites, in the executable model of the sync rules and
# in real site files: documents, reasons, cursors must be the same.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

# histories FROM TO [OPTION ...]: of one that differs, the shortest story.
histories() {
	from=$1 to=$2
	shift 2
	python3 "$ES_TOP/tests/oracle.py" --min --seeds "$from-$to" --jobs 2 "$@"
}

for first in 0 50 100 150 200 250; do
	ok "histories $first to $((first + 49)) are as in the model" \
	    histories $first $((first + 49))
done
for first in 0 100 200; do
	ok "over the line, with all that the model's pair has: $first to $((first + 99))" \
	    histories $first $((first + 99)) --how whole
done
ok 'so they are with dependencies, snapshots, and edits at both sites' \
    histories 0 99 --how edits,deps

# The programs of the build with the sanitizers, if there is one.
if [ -x "$ES_SAN/es-apply" ]; then
	export ES_BIN="$ES_SAN"
	ok 'so they are under the sanitizers' \
	    histories 300 307 --how edits,deps
fi
done_testing
