#!/bin/sh
# The tests of the programs once more, with the sanitizers: one line a file.
# What is large is left out.

. "${0%/*}/lib.sh"

if [ ! -x "$ES_SAN/es-put" ]; then
	ok 'with the sanitizers # skip: make san builds them' true
	done_testing
	exit
fi
# What a program leaves to the kernel at its end is no leak.
ASAN_OPTIONS=detect_leaks=0
UBSAN_OPTIONS=print_stacktrace=1
ES_BIN=$ES_SAN
ES_QUICK=1
export ASAN_OPTIONS UBSAN_OPTIONS ES_BIN ES_QUICK

set -- "$ES_TOP"/tests/es-*.t
for f in csv bad-input conditions on-leave fidelity hostile restore site-file view; do
	set -- "$@" "$ES_TOP/tests/$f.t"
done
printf '%s\n' "$@" | xargs -P 2 -I {} sh -c '
    sh "$1" >"${1##*/}" 2>&1 || echo "status $?" >>"${1##*/}"' - {}

# Shows what failed of a file.
good() {
	grep -av '^ok ' "$1"
	! grep -aq '^not ok\|^status' "$1"
}
for f; do
	ok "${f##*/}" good "${f##*/}"
done
done_testing
