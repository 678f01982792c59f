#!/bin/sh
# man - the manuals say what the programs do: their synopses are the usages,
# and what they show being typed is typed
#
# A command stands after "$ " in a display: .Dl, or .Bd -literal, where it goes
# on over as many lines as the shell needs.  Lines after it, if there are any,
# are all that it writes, with blanks as may be.  It must end with status 0
# unless the source says, below it: .\" status 1

. "${0%/*}/lib.sh"

man=$ES_TOP/man
HOME=$PWD got=$PWD/got
export HOME

# A page as people see it, but on wide paper.  What status a command has is
# made visible.
page() {
	sed 's/^\.\\" \(status [0-9]*\)$/.Pp\
@\1/' "$1" | mandoc -Tascii -Owidth=1000 | sed "s/.$(printf '\b')//g"
}

# The lines of a section, or of a subsection, of a page.
section() {
	awk -v want="$1" '
		/^[^ ]/ || /^   [^ ]/ { name = $0; sub(/^ */, "", name); next }
		name == want'
}

squeeze() {
	tr -s ' \n' '  ' | sed 's/^ //; s/ $//'
}

synopsis() {
	page "$1" | section SYNOPSIS | squeeze
}

usage_of() {
	"$1" --help | sed 's/^usage: //' | squeeze
}

# What is not as it is shown: the command at hand, the status it should have,
# what it should write.
judge() {
	[ -n "$cmd" ] || return 0
	[ "$status" = "$want" ] ||
	    printf '%s\n' "\$ $cmd" "status $status, not $want" "$(cat "$got")"
	[ -z "$shown" ] || [ "$(squeeze <"$got")" = "$(echo "$shown" | squeeze)" ] ||
	    printf '%s\n' "\$ $cmd" shown: "$shown" written: "$(cat "$got")"
	cmd='' shown='' want=0
}

whole() {
	case $1 in
	*\\) return 1 ;;
	esac
	sh -n -c "$1" 2>/dev/null
}

# Types the commands of standard input, and says what is not as it is shown.
# Those of one session share a shell: what one sets the next one finds.
type_all() {
	cmd='' shown='' want=0 typing='' typed=0
	while IFS= read -r line; do
		text=${line#"${line%%[! ]*}"}
		if [ -n "$typing" ]; then
			cmd="$cmd
$text"
		else
			case $text in
			'$ '*)
				judge
				cmd=${text#??}
				;;
			'@status '*)
				want=${text#@status }
				continue
				;;
			*)
				[ "${line#          }" = "$line" ] ||
				    [ -z "$cmd" ] || shown="$shown$text
"
				continue
				;;
			esac
		fi
		typing=yes
		if whole "$cmd"; then
			typing='' status=0 typed=$((typed + 1))
			eval "$cmd" >"$got" 2>&1 </dev/null || status=$?
		fi
	done
	judge
	[ -z "$typing" ] || printf '%s\n' "\$ $cmd" "is not complete"
	[ $typed -gt 0 ] || echo "there is nothing to type"
}

# The session of es(7) begins in the directory of the sources.
session() (
	cd "$ES_TOP" || exit
	page "$man/es.7" | section 'A first session' |
	    type_all >"$HOME/said"
	cat "$HOME/said"
	[ ! -s "$HOME/said" ]
)

# Page, a section of it and where it is typed: each has a directory as the session
# left it, with a third site.
examples() (
	cp -R "$HOME/es" "$HOME/$3" && cd "$HOME/$3" || exit
	cp store1.db test.db && ln -s "$ES_TOP/share" share || exit
	ES_SITE=hq.db
	export ES_SITE
	page "$1" | section "$2" | type_all >"$HOME/said"
	cat "$HOME/said"
	[ ! -s "$HOME/said" ]
)

lint() {
	said=$(mandoc -Tlint -Wwarning "$1" 2>&1)
	printf '%s\n' "$said"
	[ -z "$said" ]
}

# Pages of ours that it refers to and that are not there.
dead_links() {
	sed -n 's/^\.Xr \(es[a-z-]*\) \([0-9]\).*/\1.\2/p' "$1" |
	while read -r other; do
		[ -e "$man/$other" ] || echo "$other"
	done
}

ok 'the session of es(7) is as it is shown' session
ok 'and what it says of conditions' \
    examples "$man/es.7" 'Which documents, and as what' conditions
for file in "$man"/*.[157]; do
	name=${file##*/}
	ok "$name: mandoc has nothing to say" lint "$file"
	is "$name: what it refers to is there" "$(dead_links "$file")" ''
	case $name in
	es-*.1)
		is "$name: SYNOPSIS is the usage" "$(synopsis "$file")" \
		    "$(usage_of "${name%.1}")"
		;;
	esac
	case $name in
	es-*)
		ok "$name: EXAMPLES work" examples "$file" EXAMPLES "$name"
		;;
	esac
done

# es-site(5) names each table and its columns, es-event(5) each key.
tables() {
	sqlite3 -readonly es/hq.db "SELECT m.name || '(' || (SELECT
	    group_concat(name, ', ') FROM pragma_table_info(m.name)) || ')'
	    FROM sqlite_master m WHERE type = 'table' ORDER BY 1"
}
described() {
	page "$man/es-site.5" | section Tables |
	    sed -n 's/^ *\([a-z]*([a-z_, ]*)\)$/\1/p' | sort
}
is 'es-site.5: the tables are those of a site' "$(described)" "$(tables)"

unknown_keys() {
	for site in hq store1; do
		es-producer-log -a -s es/$site.db
		es-producer-log -i -s es/$site.db
	done | jq -r 'keys[], (.checkpoint // {} | keys[]), (.end // {} | keys[])' |
	sort -u | while read -r key; do
		grep -qE "^\.(It )?Cm .*\b$key\b|^\.It Li .\"$key\"" \
		    "$man/es-event.5" || echo "$key"
	done
}
is 'es-event.5: there are no other keys' "$(unknown_keys)" ''

readme() {
	mandoc -Tascii -Ios=es "$man/es.7" | sed "s/.$(printf '\b')//g" |
	    diff "$ES_TOP/README" -
}
ok 'README is es(7)' readme

done_testing
