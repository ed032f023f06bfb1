# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small lockdown
# timeout: 150
# Which code opened what is open, on each kernel.

# leak_start PROGRAM COUNT PER_SECOND: its pid is in $LEAK
leak_start() {
	mkfifo "$WORK/$1.in"
	"$1" "$2" "$3" <>"$WORK/$1.in" >"$WORK/$1.out" 2>&1 &
	LEAK=$!
	echo "$LEAK" >>"$WORK/pids"
	wait_for "$PATIENCE" grep -q ready "$WORK/$1.out" || fail "$1 does not start"
}

# trace_start [OPTION…]: of $LEAK; its pid is in $TRACE
trace_start() {
	fdwarden trace "$LEAK" --duration 100 --json "$@" >"$WORK/trace" 2>"$WORK/trace.log" &
	TRACE=$!
	echo "$TRACE" >>"$WORK/pids"
	wait_for "$PATIENCE" trace_has_begun || fail "no trace: $(tail -n 1 "$WORK/trace.log")"
	kill -0 "$TRACE" 2>/dev/null || fail "trace: $(tail -n 1 "$WORK/trace.log")"
}

trace_has_begun() {
	grep -q tracing "$WORK/trace.log" || ! kill -0 "$TRACE"
}

# leak_all PROGRAM: until it says that it has
leak_all() {
	echo >"$WORK/$1.in"
	wait_for 100 grep -q 'done' "$WORK/$1.out" || fail "$1 does not come to its end"
}

trace_end() {
	kill -INT "$TRACE"
	wait "$TRACE" || fail "trace: $(tail -n 1 "$WORK/trace.log")"
}

# figure FILTER: of what the trace told
figure() {
	jq -r "$1" <"$WORK/trace"
}

# adds_up: sites and unknown are what the table has
adds_up() {
	expect "sites and unknown together" "$(figure '[.fd.call_sites[].count] + [.fd.unknown] |
		add')" "$(figure .fd.count)"
}

test_c_without_frame_pointers() {
	leak_start leak 100 200
	trace_start
	leak_all leak
	trace_end
	adds_up
	expect "the first site" "$(figure '.fd.call_sites[0] | "\(.function) \(.count)"')" \
		"leak_file 100"
	expect "its file" "$(figure '.fd.call_sites[0].file | sub(".*/"; "")')" leak.c
	expect "who called it" "$(figure '[.fd.call_sites[0].frames[].function] |
		map(select(. == "handle_request" or . == "main")) | join(" ")')" "handle_request main"
	expect "stacks not unwound" "$(figure .trace.losses.not_unwound)" 0
}

test_static() {
	leak_start leak_static 100 200
	trace_start
	leak_all leak_static
	trace_end
	adds_up
	expect "the first site" "$(figure '.fd.call_sites[0] | "\(.function) \(.count)"')" \
		"leak_file 100"
}

test_stripped() {
	leak_start leak_stripped 100 200
	trace_start
	leak_all leak_stripped
	trace_end
	adds_up
	expect "the first site" "$(figure '.fd.call_sites[0] |
		"\(.module | sub(".*/"; "")) \(.function) \(.count)"')" "leak_stripped null 100"
}

# As many as the kernel's default lets a process have: memory is bounded, and what it was not
# enough for is told.
test_very_many() {
	local count=200000 loss
	[ "$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)" -gt 900000 ] &&
		count=1000000
	ulimit -n 1048576 || fail "no limit of 1048576 can be had"
	leak_start leak "$count" 0
	trace_start --stack 1024
	leak_all leak
	note "$(grep VmHWM "/proc/$TRACE/status")"
	[ "$(sed -n 's/^VmHWM: *\([0-9]*\).*/\1/p' "/proc/$TRACE/status")" -lt 300000 ] ||
		fail "the trace takes $(grep VmHWM "/proc/$TRACE/status")"
	trace_end
	adds_up
	[ "$(figure .fd.count)" -ge "$count" ] || fail "it counts $(figure .fd.count)"
	loss=$(figure '.fd.unknown_why.no_stack // 0')
	note "$count leaked: $(figure '.fd.call_sites[0].count') by $(figure '.fd.call_sites[0].function'), $loss without stack"
	[ "$(figure '.trace.losses.no_stack')" -ge "$loss" ] || fail "a loss that is not stated"
	expect "the first site" "$(figure '.fd.call_sites[0].function')" leak_file
}
