# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# timeout: 150
# kernels: 5.10 newest
# Which code opened what is open, in programs that say less of themselves: what the kernel
# has to do is as for others.

test_static() {
	trace_leak leak_static
	expect "the first site" "$(first_site '\(.function)')" "leak_file 100"
}

test_stripped() {
	trace_leak leak_stripped
	expect "the first site" "$(first_site '\(.module | sub(".*/"; "")) \(.function)')" \
		"leak_stripped null 100"
}
