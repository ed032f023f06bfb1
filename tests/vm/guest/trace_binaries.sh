# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# timeout: 150
# kernels: 5.10 newest
# Which code opened what is open, in programs that say less of themselves: what the kernel
# has to do is as for others.

test_static() {
	leak_start leak_static 100 200
	trace_start
	leak_all leak_static
	trace_end
	adds_up
	expect "the first site" "$(figure '.trace.losses.missed as $missed | .fd | "\(.call_sites[0].function) \(.call_sites[0].count
		+ ([.unknown_why.not_seen // 0, 100 - .call_sites[0].count, $missed] | min))"')" "leak_file 100"
}

test_stripped() {
	leak_start leak_stripped 100 200
	trace_start
	leak_all leak_stripped
	trace_end
	adds_up
	expect "the first site" "$(figure '.trace.losses.missed as $missed | .fd | .unknown_why.not_seen as $n |
		.call_sites[0] | "\(.module | sub(".*/"; "")) \(.function) \(.count + ([$n // 0, 100 - .count, $missed] | min))"')" "leak_stripped null 100"
}
