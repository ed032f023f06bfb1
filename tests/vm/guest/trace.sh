# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small lockdown
# timeout: 150
# Which code opened what is open, on each kernel.

# Where programs at the exits of calls may be preempted (from 6.13 on) the kernel leaves out
# runs that meet another on the same CPU: what was opened then is not seen, and told so.
unseen_allowed() {
	case $(uname -r) in
	5.* | 6.1.* | 6.12.*) echo 0 ;;
	*) echo 100 ;;
	esac
}

test_c_without_frame_pointers() {
	leak_start leak 100 200
	trace_start
	leak_all leak
	trace_end
	adds_up
	expect "the first site" "$(figure '.fd | "\(.call_sites[0].function) \(.call_sites[0].count
		+ ([.unknown_why.not_seen // 0, 100 - .call_sites[0].count, '"$(unseen_allowed)"'] | min))"')" "leak_file 100"
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
	expect "the first site" "$(figure '.fd | "\(.call_sites[0].function) \(.call_sites[0].count
		+ ([.unknown_why.not_seen // 0, 100 - .call_sites[0].count, '"$(unseen_allowed)"'] | min))"')" "leak_file 100"
}

test_stripped() {
	leak_start leak_stripped 100 200
	trace_start
	leak_all leak_stripped
	trace_end
	adds_up
	expect "the first site" "$(figure '.fd | .unknown_why.not_seen as $n |
		.call_sites[0] | "\(.module | sub(".*/"; "")) \(.function) \(.count + ([$n // 0, 100 - .count, '"$(unseen_allowed)"'] | min))"')" "leak_stripped null 100"
}
