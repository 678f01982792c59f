#!/bin/sh
# Random histories of two sites, in the executable model of the sync rules and
# in real site files: documents, reasons, cursors must be the same.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

for first in 0 50 100 150 200 250; do
	t "histories $first to $((first + 49)) are as in the model" \
	    "python3 \"\$ES_TOP/tests/oracle.py\" --seeds $first-$((first + 49)) --jobs 2 >told 2>&1 || { cat told >&2; false; }" <<'.'
--- out
--- err
.
done
done_testing
