# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small lockdown
# timeout: 150
# Which code opened what is open, on each kernel. What a kernel has left out, and says so, was
# not seen.

test_c_without_frame_pointers() {
	trace_leak leak
	expect "the first site" "$(first_site '\(.function)')" "leak_file 100"
	expect "its file" "$(figure '.fd.call_sites[0].file | sub(".*/"; "")')" leak.c
	expect "who called it" "$(figure '[.fd.call_sites[0].frames[].function] |
		map(select(. == "handle_request" or . == "main")) | join(" ")')" "handle_request main"
	expect "stacks not unwound" "$(figure .trace.losses.not_unwound)" 0
}
