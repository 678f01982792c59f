#!/bin/sh
# Random histories of several sites that read from each other, in the model and
# in real site files: they converge, what is lost is in a sync log, nothing
# loops, nothing doubles.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

# histories SCENARIO FROM TO: of one that differs, the shortest story.
histories() {
	python3 "$ES_TOP/tests/sites.py" --min --scenario "$1" \
	    --seeds "$2-$3" --jobs 2
}

ok 'two sites that read from each other' histories twoway 0 199
ok 'headquarters and five shops' histories star 0 199
ok 'a ring of three' histories ring 0 199
ok 'two ways from one site to another' histories diamond 0 199

# The programs of the build with the sanitizers, if there is one.
if [ -x "$ES_SAN/es-deps" ]; then
	export ES_BIN="$ES_SAN"
	ok 'a ring under the sanitizers' histories ring 200 205
fi
done_testing
