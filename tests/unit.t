#!/bin/sh
# The unit tests, as they are and with the sanitizers: one line a program

. "${0%/*}/lib.sh"

# Says what failed, and whether it came to its end.
run() {
	status=0
	"$1" >out 2>&1 || status=$?
	grep -av '^ok ' out
	grep -aq "^1\\.\\.$(grep -ac '^ok ' out)\$" out && [ $status = 0 ]
}
for build in "$ES_UNIT" "${ES_SAN%/bin}/tests"; do
	for program in "$build"/*; do
		if [ -x "$program" ]; then
			ok "${program#"$ES_TOP"/}" run "$program"
		elif [ "$build" = "$ES_UNIT" ]; then
			ok "there are unit tests; make unit builds them" false
		else
			ok "with the sanitizers # skip: make san builds them" true
		fi
	done
done
done_testing
