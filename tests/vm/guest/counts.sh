# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# timeout: 120
# `fdwarden ps --json` against /proc.

# snapshot FILE: "PID COUNT SOFT-LIMIT" a line, by fdwarden
snapshot() {
	fdwarden ps --json >"$1.json" || fail "ps: status $?: $(tail -n 1 "$WORK/output")"
	pick -a processes process.pid fd.count fd.soft_limit <"$1.json" >"$1"
}

# A snapshot of these processes at least, and of all others that hold still, agrees
# with a listing before it and another after it. Those that were asked for wait: if
# one of them held still and has another count, that is wrong at once. Others may
# have opened and closed between the listings.
agree() {
	local pid rest
	fdzoo listing >"$WORK/before"
	snapshot "$WORK/ps"
	fdzoo listing >"$WORK/after"
	grep -Fx -f "$WORK/before" "$WORK/after" >"$WORK/quiet"
	for pid in "$@"; do
		grep -q "^$pid " "$WORK/quiet" || {
			echo "process $pid does not hold still" >"$WORK/why"
			return 1
		}
	done
	without "$WORK/ps" <"$WORK/quiet" >"$WORK/differ"
	while read -r pid rest; do
		echo "/proc/$pid has $rest, fdwarden: $(grep "^$pid " "$WORK/ps")" >"$WORK/why"
		case " $* " in
		*" $pid "*) fail "$(cat "$WORK/why")" ;;
		esac
	done <"$WORK/differ"
	[ ! -s "$WORK/differ" ]
}

# compare PID…
compare() {
	wait_for "$PATIENCE" agree "$@" || fail "$(cat "$WORK/why")"
	note "$(wc -l <"$WORK/quiet") processes equal"
}

test_small_and_large_tables() {
	local pids=
	ulimit -n 20000
	zoo_start one limit=64 say=there wait
	pids=$ZOO
	zoo_start word limit=1024 fill=64 say=there wait
	pids="$pids $ZOO"
	zoo_start many fill=15000 say=there wait
	pids="$pids $ZOO"
	zoo_start full limit=100 fill say=there wait
	pids="$pids $ZOO"
	zoo_start high dup2=900 dup3=17 say=there wait
	pids="$pids $ZOO"
	for id in one word many full high; do zoo_says $id there; done
	# shellcheck disable=SC2086
	compare $pids
}

test_holes_exec_and_fork() {
	local pids=
	zoo_start holes fill=300 close=150 openat=3 say=there wait
	pids=$ZOO
	zoo_start exec openat=20 cloexec=30 exec say=there wait
	pids="$pids $ZOO"
	zoo_start crowd openat=40 crowd=30 socketpair=5 say=there wait
	pids="$pids $ZOO"
	for id in holes exec crowd; do zoo_says $id there; done
	# shellcheck disable=SC2086
	compare $pids
}

# Tables that several processes share, or that lost some by ranges.
test_shared_and_ranges() {
	local pids=""
	zoo_start share openat=20 share=2 say=there wait
	pids=$ZOO
	zoo_start clone openat=5 clone_files=50 say=there wait
	pids="$pids $ZOO"
	zoo_start fork openat=40 fork=3 close=10 say=there wait
	pids="$pids $ZOO"
	zoo_start range openat=100 close_range=50:60 say=there wait
	pids="$pids $ZOO"
	zoo_start unshare openat=100 share=1 close_range_unshare=20:60 say=there wait
	pids="$pids $ZOO"
	zoo_start scm scm_rights=300 say=there wait
	pids="$pids $ZOO"
	for id in share clone fork range unshare scm; do zoo_says $id there; done
	# shellcheck disable=SC2086
	compare $pids
}

# /proc/PID/fd shows nothing once the main thread has exited; its threads' does.
test_leaderless() {
	zoo_start zoo leaderless openat=70 say=there wait
	zoo_says zoo there
	compare "$ZOO"
	[ "$(sed -n "s/^$ZOO \([0-9]*\) .*/\1/p" "$WORK/ps")" -gt 70 ] || fail "only few are there"
}
