#!/bin/sh
# The answer is a function of log and cursor, whatever becomes of it on the way.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

for first in 0 100 200; do
	ok "histories $first to $((first + 99)): each consumer has what is in view" \
	    python3 "$ES_TOP/tests/exchange.py" $first $((first + 99)) 2
done
done_testing
