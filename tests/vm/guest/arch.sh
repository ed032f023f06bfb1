# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: arm64
# timeout: 150
# What depends on the architecture: registers, return addresses, 32-bit programs.

# leaks_at PROGRAM SOURCE FUNCTION: a trace of it finds its line, for all that it leaked
leaks_at() {
	local line
	[ -x "/tests/bin/$1" ] || skip "$1 was not built: no compiler for it"
	leak_start "$1" 40
	trace_start
	leak_all "$1"
	trace_end
	adds_up
	line=$(sed -n "s/^$2 //p" /tests/lines)
	expect "the first site" \
		"$(figure '.fd.call_sites[0] | "\(.count) \(.function) \(.file | sub(".*/"; "")):\(.line)"')" \
		"40 $3 $2:$line"
}

test_c_to_the_line() {
	leaks_at leak leak.c leak_file
}

# Their return addresses are signed (PAC), so no two stacks have the same.
test_signed_to_the_line() {
	grep -qw paca /proc/cpuinfo || skip "this machine signs no return addresses"
	leaks_at leak_signed leak.c leak_file
	expect "its caller" "$(figure '.fd.call_sites[0].frames | map(.function) |
		index("handle_request") > 0')" true
}

test_go_to_the_line() {
	leaks_at leak_files leak_files.go 'main.(*server).readTemplate'
}

test_calls_of_32_bit() {
	[ -x /tests/bin/opens32 ] || skip "no Go compiler was there when the tests were built"
	daemon_start
	mkfifo "$WORK/opens32.in"
	opens32 100 <>"$WORK/opens32.in" >"$WORK/opens32.out" 2>&1 &
	ZOO=$!
	echo "$ZOO" >>"$WORK/pids"
	wait_for "$PATIENCE" grep -q full "$WORK/opens32.out" ||
		skip "it does not run: $(tail -n 1 "$WORK/opens32.out")"
	await "$ZOO" fd-critical
	echo >"$WORK/opens32.in"
	await "$ZOO" fd-exhausted
	wait_for "$PATIENCE" grep -q refused "$WORK/opens32.out" || fail "it does not go on"
	echo >"$WORK/opens32.in"
	await "$ZOO" fd-recovered
	of "$ZOO" event.action=fd-recovered fd.refused >"$WORK/refused"
	expect "the refusals by call" "$(jq -c '.by_syscall' "$WORK/refused")" '{"openat":5,"fcntl64":3}'
	daemon_check
}

# What is used here, and that it was proved.
test_features() {
	fdwarden features >"$WORK/features" || fail "$(tail -n 1 "$WORK/features")"
	grep -q "attached, and saw the calls made to prove it" "$WORK/features" ||
		fail "$(grep sensor "$WORK/features")"
	! grep -q "never tested" "$WORK/features" || fail "$(grep "never tested" "$WORK/features")"
	while read -r line; do note "$line"; done <"$WORK/features"
}
