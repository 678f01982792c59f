#!/bin/sh
# graph - documents that link to one another at random, some missing for a while
# (see graph.py): in the end each link resolves

. "${0%/*}/lib.sh"

graphs() {
	TMPDIR=$PWD python3 "$ES_TOP/tests/graph.py" "$@"
}
ok 'graphs with circles, links to themselves, in rows and dynamic ones' \
    graphs --seeds 0-39

done_testing
