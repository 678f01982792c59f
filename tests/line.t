#!/bin/sh
# An exchange by HTTP while it goes on: kills at random, many consumers at once.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

line() {
	python3 "$ES_TOP/tests/line.py" "$@"
}

ok 'es-pull, es-serve and es-apply killed 50 times: equal, and nothing twice' \
    line kill
ok 'es-put while ten consumers pull: no lock in the way, nothing lost' line many
# The programs of the build with the sanitizers, if there is one.
if [ -x "$ES_SAN/es-serve" ]; then
	export ES_BIN="$ES_SAN"
	ok 'so it is under the sanitizers' line kill
fi
done_testing
