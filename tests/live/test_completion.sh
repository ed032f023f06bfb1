#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What shells complete: the kept files are what the program prints, bash proposes what the
# options are, and a process's name can't run anything.
set -u
cd "$(dirname "$0")/../.." || exit 1
fdwarden=$(realpath "${FDWARDEN:-build/fdwarden}")
[ -x "$fdwarden" ] || { echo "FAIL: no $fdwarden; build it first"; exit 1; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
ran=0 failed=0

complain() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

for shell in bash:fdwarden.bash zsh:_fdwarden fish:fdwarden.fish; do
	ran=$((ran + 1))
	if ! "$fdwarden" completion "${shell%:*}" >"$dir/printed"; then
		complain "completion ${shell%:*}"
	elif ! cmp "$dir/printed" "contrib/completions/${shell#*:}"; then
		complain "contrib/completions/${shell#*:} is not what it prints: make completions"
	fi
	# What is not installed here is tried where packages are built.
	if command -v "${shell%:*}" >/dev/null && ! "${shell%:*}" -n "contrib/completions/${shell#*:}"; then
		complain "${shell%:*} can't read it"
	fi
done

# As bash calls it.
# shellcheck disable=SC1091
. contrib/completions/fdwarden.bash
compopt() { :; } # outside of a completion it is an error

# proposes 'WORD…' LINE: with the cursor behind the last word; "…" is for more
proposes() {
	local want=$1 got
	shift
	ran=$((ran + 1))
	COMP_WORDS=(fdwarden "$@")
	COMP_CWORD=$#
	_fdwarden fdwarden "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	got=${COMPREPLY[*]}
	case $want in
	*…) [[ $got == "${want%…}"* ]] || complain "'$*' → '$got'" ;;
	*) [ "$got" = "$want" ] || complain "'$*' → '$got', not '$want'" ;;
	esac
}

proposes 'check check-config' che
proposes 'daemon ps top …' ''
proposes '--json' ps --j
proposes '--descriptors' inspect x --de
proposes 'opened' ps --sort op
proposes 'opened' top -s op
# --sort=op: bash makes three words of it
proposes 'opened' ps --sort = op
proposes 'usage used …' ps --sort =
proposes 'warning' events --level w
proposes 'bash zsh fish' completion ''
proposes 'raise' help rai
proposes 'Makefile' daemon --config Makef
proposes 'Makefile' check -c Makef
proposes '' ps --nonsense
proposes '' top wo

# Each option that the help of a command has is proposed, and no other.
for command in $("$fdwarden" --help | sed -n '/^Commands/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
	[ "$command" != help ] || continue
	COMP_WORDS=(fdwarden "$command" -)
	COMP_CWORD=2
	_fdwarden
	ran=$((ran + 1))
	"$fdwarden" "$command" --help | sed -n '/^Options/,/^$/p' | grep -oE '^  .{26}' |
		grep -oE '(^| )--?[a-zA-Z][a-z-]*' | tr -d ' ' | sort >"$dir/help"
	printf '%s\n' "${COMPREPLY[@]}" | sort >"$dir/proposed"
	diff "$dir/help" "$dir/proposed" || complain "$command: other options than its help's"
done

# Names of processes; one that is a command to a shell is left out.
# shellcheck disable=SC2016 # a name as it is
for name in fdw-plain 'fdw-$(>ran)' 'fdw-;>ran'; do
	cp "$(command -v sleep)" "$dir/$name"
	(cd "$dir" && exec "./$name" 60) &
	pids="${pids:-} $!"
done
for ((left = 100; left > 0; left--)); do
	[ "$(cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^fdw-')" -lt 3 ] || break
	sleep 0.1
done
kept=$PWD/contrib/completions
cd "$dir" || exit 1
proposes 'fdw-plain' inspect fdw-
if command -v fish >/dev/null; then
	for want in 'fdw-plain:inspect fdw-' 'opened:ps --sort op' '--sort:ps --sor' 'fish:completion fi'; do
		ran=$((ran + 1))
		got=$(HOME=$dir fish --no-config -c "source $kept/fdwarden.fish; complete -C 'fdwarden ${want#*:}'" |
			cut -f 1 | paste -s -d ' ')
		[ "$got" = "${want%%:*}" ] || complain "fish: '${want#*:}' → '$got', not '${want%%:*}'"
	done
fi
[ ! -e ran ] || complain "a process's name was run"
# shellcheck disable=SC2086 # a list
kill $pids

[ "$failed" = 0 ] || exit 1
echo "PASS: $ran completions"
