# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: lockdown
# timeout: 60
# A kernel that keeps its integrity from root: BPF may read it, and write nothing.

test_in_force() {
	local file=/sys/kernel/security/lockdown
	[ -e $file ] || skip "this kernel has no lockdown"
	grep -q '\[integrity\]' $file || fail "lockdown is $(cat $file)"
}

test_alert() {
	daemon_start
	zoo_start zoo limit=64 fill=64 fail=openat:5 say=full wait close_all say=after wait
	zoo_says zoo full
	await "$ZOO" fd-exhausted
	zoo_go zoo
	await "$ZOO" fd-recovered
	expect "the refused total" \
		"$(of "$ZOO" event.action=fd-recovered fd.refused.emfile)" 5
	daemon_check
}

test_count() {
	zoo_start zoo openat=300 say=there wait
	zoo_says zoo there
	fdwarden ps --json "$ZOO" >"$WORK/ps" || fail "ps: status $?: $(tail -n 1 "$WORK/output")"
	expect "the count" "$(jq '.processes[].fd.count' "$WORK/ps")" "$(descriptors "$ZOO")"
}
