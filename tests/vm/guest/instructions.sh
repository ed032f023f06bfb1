# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: icount
# What calls cost, where a nanosecond is an instruction: tests/bench/instructions.

test_calls() {
	# As systemd sets it: out of reach.
	sysctl_set fs/file-max 9223372036854775807
	case $FDWARDEN_SENSOR in
	none) ;;
	trace) # what a trace costs others
		zoo_start zoo openat=20 say=there wait
		zoo_says zoo there
		LEAK=$ZOO
		trace_start
		;;
	*) daemon_launch "$WORK/daemon" ;;
	esac
	syscost calls 0 20 100 >"$WORK/costs" || fail "syscost: status $?"
	while read -r call best _; do
		echo "$call: $best" >>"$WORK/cells"
	done <"$WORK/costs"
	case $FDWARDEN_SENSOR in
	none) ;;
	trace) trace_end ;;
	*) kill "$DAEMON" ;;
	esac
}
