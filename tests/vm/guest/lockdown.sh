# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# timeout: 60
# A kernel that keeps its integrity from root: BPF may read it, and write nothing. All of this
# machine's tests run on one.

test_in_force() {
	local file=/sys/kernel/security/lockdown
	[ -e $file ] || skip "this kernel has no lockdown"
	grep -q '\[integrity\]' $file || fail "lockdown is $(cat $file)"
}
