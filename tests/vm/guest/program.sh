# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# timeout: 60
# The program as it was built elsewhere, on this kernel.

test_features() {
	fdwarden features >"$WORK/features" || fail "status $?: $(tail -n 1 "$WORK/output")"
	while read -r line; do note "features: $line"; done <"$WORK/features"
	grep -Eq '^sensor +fexit' "$WORK/features" ||
		fail "not fexit, which these kernels have, but$(sed -n 's/^sensor//p' "$WORK/features")"
}

test_bad_configuration() {
	printf '[thresholds]\nwarn = many\n' >"$WORK/bad.conf"
	fdwarden check-config -c "$WORK/bad.conf" >"$WORK/stdout" 2>"$WORK/stderr"
	expect "the exit status" $? 2
	grep -q "bad.conf:2" "$WORK/stderr" || fail "no file and line: $(cat "$WORK/stderr")"
}

test_without_privileges() {
	su user -c 'fdwarden ps' >"$WORK/stdout" 2>"$WORK/stderr"
	expect "the exit status" $? 1
	expect "the number of lines on stderr" "$(wc -l <"$WORK/stderr")" 1
	grep -q 'CAP_BPF' "$WORK/stderr" || fail "no CAP_BPF in: $(cat "$WORK/stderr")"
}

# What is stopped from outside drains and says goodbye with 0.
test_sigterm() {
	# That loads and ends soonest, emulated.
	# Each level at once: with a time to last, only the refusal is told before the signal.
	daemon_launch "$WORK" "" tracepoint thresholds.dwell=0
	zoo_start zoo limit=64 fill=64 fail=openat:3 say=full wait
	zoo_says zoo full
	kill -TERM "$DAEMON"
	wait "$DAEMON"
	expect "the exit status" $? 0
	expect_actions "$ZOO" fd-warning fd-critical fd-exhausted
}
