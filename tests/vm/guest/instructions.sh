# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: icount
# What calls cost, where a nanosecond is an instruction: tests/bench/instructions.

test_calls() {
	# As systemd sets it: out of reach.
	sysctl_set fs/file-max 9223372036854775807
	[ "$FDWARDEN_SENSOR" = none ] || daemon_launch "$WORK/daemon"
	syscost calls 0 20 100 >"$WORK/costs" || fail "syscost: status $?"
	while read -r call best _; do
		echo "$call: $best" >>"$WORK/cells"
	done <"$WORK/costs"
	[ "$FDWARDEN_SENSOR" = none ] || kill "$DAEMON"
}
