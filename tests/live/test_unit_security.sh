#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The unit's exposure, as systemd-analyze rates it, is 1.5 or lower; and it is a
# unit that systemd loads.
set -u
cd "$(dirname "$0")/../.." || exit 1
unit=${UNIT:-systemd/fdwarden.service}

if ! command -v systemd-analyze >/dev/null 2>&1; then
	echo "SKIP: no systemd-analyze"
	exit 77
fi
if ! systemd-analyze security --help 2>/dev/null | grep -q -e --offline; then
	echo "SKIP: this systemd-analyze cannot rate a file (--offline, since 250)"
	exit 77
fi

# The threshold is in tenths. Other versions rate other things.
most=20
[ "$(systemd-analyze --version | awk 'NR == 1 { print $2 }')" = 252 ] && most=15
if ! out=$(systemd-analyze security --offline=true --no-pager --threshold=$most "$unit" 2>&1); then
	echo "$out" | grep -v '✓'
	echo "FAIL: $unit is rated above $most tenths, or does not load"
	exit 1
fi
rate=$(echo "$out" | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
if [ -z "$rate" ]; then
	echo "$out"
	echo "FAIL: no rate in that output"
	exit 1
fi

# What systemd-analyze does not rate, and the program does not work without.
fail=0
# shellcheck disable=SC2016 # the unit's own $MAINPID
for line in Type=notify ProtectProc=default ProcSubset=all LimitMEMLOCK=infinity \
	'WatchdogSec=.*' \
	'ExecReload=/bin/sh -c .kill -HUP \$MAINPID.'; do
	if ! grep -qx "$line" "$unit"; then
		echo "FAIL: no line $line in $unit"
		fail=1
	fi
done

# in_set CALL NAME: whether NAME is it, or a set of systemd's that has it.
in_set() {
	[ "$1" = "$2" ] && return 0
	case $2 in
	@*) ;;
	*) return 1 ;;
	esac
	for member in $(systemd-analyze syscall-filter "$2" | sed -n 's/^ \+\([@a-z_0-9]\+\)$/\1/p'); do
		(in_set "$1" "$member") && return 0
	done
	return 1
}

# unit_allows CALL: the lines as systemd takes them, one after the other; the first is a list
# of what is allowed.
filter=$(sed -n 's/^SystemCallFilter=\(~\?\)/= \1 /p' "$unit")
unit_allows() {
	verdict=1
	for word in $filter; do
		case $word in
		=) to=0 ;;
		"~") to=1 ;;
		*) [ "$verdict" = "$to" ] || ! in_set "$1" "$word" || verdict=$to ;;
		esac
	done
	return "$verdict"
}

# Without them it works, but is not as confined as docs/security.md has it.
for call in capget capset prctl seccomp prlimit64 bpf perf_event_open; do
	unit_allows "$call" || {
		echo "FAIL: $unit forbids $call()"
		fail=1
	}
done
for call in mount setuid kexec_load; do
	unit_allows "$call" && {
		echo "FAIL: $unit allows $call()"
		fail=1
	}
done

# Unknown settings are only warned of.
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
sed 's,^ExecStart=[^ ]*,ExecStart=/bin/true,' "$unit" >"$dir/fdwarden.service"
if ! out=$(systemd-analyze verify --man=no "$dir/fdwarden.service" 2>&1) ||
	echo "$out" | grep -q 'fdwarden\.service:.*\(Unknown\|ignoring\)'; then
	echo "$out"
	echo "FAIL: systemd does not take all of $unit"
	fail=1
fi
[ "$fail" = 0 ] || exit 1
echo "PASS: $unit is rated $rate"
