#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The unit's exposure, as systemd-analyze rates it, is 2.0 or lower; and it is a
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

# The threshold is in tenths.
if ! out=$(systemd-analyze security --offline=true --no-pager --threshold=20 "$unit" 2>&1); then
	echo "$out" | grep -v '✓'
	echo "FAIL: $unit is rated above 2.0, or does not load"
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
	'SystemCallFilter=bpf perf_event_open .*' 'WatchdogSec=.*' \
	'ExecReload=/bin/sh -c .kill -HUP \$MAINPID.'; do
	if ! grep -qx "$line" "$unit"; then
		echo "FAIL: no line $line in $unit"
		fail=1
	fi
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
