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
	fexit-trace) # … where the daemon's sensor runs it
		SHARED=$WORK/daemon
		daemon_launch "$SHARED" "" fexit
		daemon_config '[thresholds]\nhysteresis = 1%%\n[trace]\nauto = yes\nduration = 1h\n[rule zoo]\nexecutable = */fdzoo\nwarn = 2%%\n'
		zoo_start zoo limit=64 openat=20 say=there wait
		zoo_says zoo there
		wait_for "$DAEMON_PATIENCE" grep -q "process $ZOO is traced, watched by: sensor" "$LOG" ||
			fail "it is not traced by the sensor: $(tail -n 1 "$LOG")"
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
