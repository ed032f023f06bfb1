# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# timeout: 420
# kernels: 6.12
# A million descriptors traced: memory is bounded, and what it was not enough for is told.

test_a_million() {
	local count=1000000 loss
	sysctl_set fs/file-max 4000000 # the child has no CAP_SYS_ADMIN to pass it by
	ulimit -n 1048576 || fail "no limit of 1048576 can be had"
	leak_start leak "$count" 0 0
	trace_start --stack 1024
	leak_all leak 360
	note "$(grep VmHWM "/proc/$TRACE/status")"
	[ "$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$TRACE/status")" -lt 300000 ] ||
		fail "the trace takes $(grep VmHWM "/proc/$TRACE/status")"
	trace_end
	adds_up
	[ "$(figure .fd.count)" -ge "$count" ] || fail "it counts $(figure .fd.count)"
	loss=$(figure '.fd.unknown_why.no_stack // 0')
	note "$count leaked: $(figure '.fd.call_sites[0].count') by $(figure '.fd.call_sites[0].function'), $loss without stack"
	[ "$(figure '.trace.losses.no_stack')" -ge "$loss" ] || fail "a loss that is not stated"
	expect "the first site" "$(figure '.fd.call_sites[0].function')" leak_file
}
