#!/bin/sh
# The harness itself: above all that a case which must fail does, and says why.

. "${0%/*}/lib.sh"

# Makes a test file for the cases below to run, of the cases on standard input.
inner() {
	{ printf '#!/bin/sh\n. "%s/tests/lib.sh"\n' "$ES_TOP"
	  cat
	  echo done_testing; } >"$1"
}

inner good.t <<'EOT'
t 'reads and writes' 'tr a b' <<'.'
--- in
a
--- out
b
.
t 'a status and a message' 'echo oh >&2; exit 3' 3 <<'.'
--- out
--- err
oh
.
t 'what is not named is not looked at' 'echo x; echo y >&2' <<'.'
.
t 'nothing to read is the end of input' 'cat' <<'.'
--- out
.
t 'files are made before' 'cat one two; echo kept >three' <<'.'
--- file one
1
--- file two
2
--- out
1
2
.
t 'and left to the next case, variables are not' 'cat three; x=1' <<'.'
--- out
kept
.
ok 'a command' test -s three
is 'two words' "${x-unset}" unset
EOT
t 'good cases succeed' 'sh good.t' <<'.'
--- out
ok 1 - reads and writes
ok 2 - a status and a message
ok 3 - what is not named is not looked at
ok 4 - nothing to read is the end of input
ok 5 - files are made before
ok 6 - and left to the next case, variables are not
ok 7 - a command
ok 8 - two words
1..8
--- err
.

inner bad.t <<'EOT'
t 'other output' 'printf "a\nc\n"' <<'.'
--- out
a
b
.
t 'output where none may be' 'echo a; echo b >&2' <<'.'
--- out
--- err
.
t 'no newline at the end' 'printf a' <<'.'
--- out
a
.
t 'another status' 'echo why >&2; exit 2' 1 <<'.'
--- out
.
t 'not shell' 'if' <<'.'
--- out
--- err
.
t 'a section misspelt' 'echo a' <<'.'
--- output
b
.
t 'text before the first section' 'echo a' <<'.'
a
.
ok 'a command' sh -c 'echo here; exit 1'
is 'two words' a b
ok 'a good one among them' true
EOT
t 'bad cases fail, and say what was wrong' 'sh bad.t 2>&1 | sed 6q' <<'.'
--- out
not ok 1 - other output
# out, - as wanted, + as written:
# @@ -1,2 +1,2 @@
#  a
# -b
# +c
.
t 'each of them' 'sh bad.t | grep ok' <<'.'
--- out
not ok 1 - other output
not ok 2 - output where none may be
not ok 3 - no newline at the end
not ok 4 - another status
not ok 5 - not shell
not ok 6 - a section misspelt
not ok 7 - text before the first section
not ok 8 - a command
not ok 9 - two words
ok 10 - a good one among them
.
t 'for a wrong status, with what the command said' \
    'sh bad.t | grep -A 2 "^not ok 4"' <<'.'
--- out
not ok 4 - another status
# status 2, not 1
# why
.
t 'and the file as a whole' 'sh bad.t | tail -n 2; sh bad.t >all' 1 <<'.'
--- out
1..10
# 9 of 10 failed
.
t 'prove sees it, and shows it' 'prove -fo bad.t >said 2>&1' 1 <<'.'
.
ok 'the diff among the rest' grep -q '^# +c' said

inner cut.t <<'EOT'
ok 'one' true
exit 0
EOT
t 'a file that ends early fails' 'prove cut.t >said 2>&1' 1 <<'.'
.

mkdir tmp
t 'nothing is left behind' 'export TMPDIR="$PWD/tmp"; sh good.t >all
    sh bad.t >all; ls tmp' <<'.'
--- out
.

# Fixed numbers stay as they are, but for those that look like random ones.
t 'times, identifiers and row names are masked' cat <<'.'
--- in
{"creation":"2026-11-23 10:11:12.000123","name":"0123456789abcdefghj"}
[1234567890,"0a1b2c3d4e","0a1b2c3d4","2026-11-23 10:11:12","2026-11-23"]
0123456789abcdefghi 0123456789abcdefgh 0123456789abcdefghjk
--- out
{"creation":"TIME","name":"ID"}
[HEX,"HEX","0a1b2c3d4","2026-11-23 10:11:12","2026-11-23"]
0123456789abcdefghi 0123456789abcdefgh 0123456789abcdefghjk
.
mask() {
	sed 's/[0-9]/N/g'
}
t 'a test may mask otherwise' 'cat; cat >&2 here' <<'.'
--- in
port 80
--- file here
1
--- out
port NN
--- err
N
.

done_testing
