# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small arm64
# each: sensor
# timeout: 150
# kernels arm64: 6.1/tracepoint 6.12 newest
# only arm64: closed refused_totals
# One process's way to its limit and back, as the daemon tells it.

# Up to a full table and three refusals; waits before it goes on.
to_the_wall() {
	local id=$1
	shift
	zoo_start "$id" limit=256:4096 say=low wait openat=150 fill=210 say=warned wait \
		fill=246 say=critical wait fill=256 fail=openat:3 say=full wait "$@" say=after wait
	zoo_says "$id" low
	zoo_go "$id"
	zoo_says "$id" warned
	await "$ZOO" fd-warning
	zoo_go "$id"
	zoo_says "$id" critical
	await "$ZOO" fd-critical
	zoo_go "$id"
	zoo_says "$id" full
	await "$ZOO" fd-exhausted
}

# expect_incident PID REASON: whole, with one identity, and closed so
expect_incident() {
	await "$1" fd-recovered
	expect_actions "$1" fd-warning fd-critical fd-exhausted fd-recovered
	expect "the number of incidents" "$(of "$1" fd.incident | sort -u | wc -l)" 1
	expect "the reason of the recovery" \
		"$(of "$1" event.action=fd-recovered fd.reason)" "$2"
	expect "the refused total at the end" \
		"$(of "$1" event.action=fd-recovered fd.refused.emfile)" 3
}

test_closed() {
	daemon_start
	to_the_wall zoo close_all
	expect "the count at the refusal" \
		"$(of "$ZOO" event.action=fd-exhausted fd.count)" 256
	expect "the free slots then" \
		"$(of "$ZOO" event.action=fd-exhausted fd.free)" 0
	zoo_go zoo
	expect_incident "$ZOO" closed
	daemon_check
}

test_exited() {
	daemon_start
	to_the_wall zoo close_all
	kill -9 "$ZOO"
	expect_incident "$ZOO" exited
	daemon_check
}

test_limit_raised() {
	daemon_start
	to_the_wall zoo limit=4096
	zoo_go zoo
	expect_incident "$ZOO" limit-raised
	daemon_check
}

test_refused_totals() {
	local calls="openat openat2 socket socketpair pipe2 dup fcntl_dupfd eventfd2
		epoll_create1 timerfd_create memfd_create" call steps=""
	for call in $calls; do steps="$steps fail=$call:83"; done
	daemon_start
	# shellcheck disable=SC2086
	zoo_start zoo limit=128 prepare=accept4 fill=128 $steps \
		fail=accept4:87 say=finished wait close_all say=closed wait
	zoo_says zoo finished
	zoo_go zoo
	await "$ZOO" fd-recovered
	of "$ZOO" event.action=fd-recovered fd.refused >"$WORK/refused"
	expect "the total, the share of accept4, the sum by call and the number of calls" \
		"$(jq -c '[.emfile, .by_syscall.accept4, (.by_syscall | add, length)]' \
			"$WORK/refused")" "[1000,87,1000,12]"
	daemon_check
}

# A supervisor (seccomp) can have a call be refused a number within it, and then not made at
# all: whatever a sensor keeps of it until its end stays, for each thread that does so.
test_calls_that_never_end() {
	daemon_start
	fdzoo --strict seccomp_unmade=4500 || skip "the step can't be done: status $?"
	zoo_start zoo limit=128 fill=128 fail=pipe2:7 fail=socket:5 say=finished wait close_all say=closed wait
	zoo_says zoo finished
	await "$ZOO" fd-exhausted
	zoo_go zoo
	await "$ZOO" fd-recovered
	expect "the refusals" "$(of "$ZOO" event.action=fd-recovered fd.refused | jq -c .by_syscall)" \
		'{"pipe2":7,"socket":5}'
	daemon_check
}

test_short_life() {
	daemon_start
	fdzoo name=brief limit=32 refuse=openat:2 || fail "fdzoo: status $?"
	wait_for "$PATIENCE" brief_is_told ||
		fail "no fd-exhausted with its command line: $(alerts process.command_line | tail -n 1)"
	daemon_check
}

brief_is_told() {
	alerts event.action=fd-exhausted process.name process.command_line |
		grep -q '^brief .*limit=32 refuse=openat:2'
}

test_32_bit_calls() {
	fdzoo --strict prepare=open32 || skip "this kernel has no 32-bit calls"
	daemon_start
	zoo_start zoo limit=128 prepare=open32 fill=128 fail=open32:7 say=finished wait close_all say=closed wait
	zoo_says zoo finished
	await "$ZOO" fd-exhausted
	zoo_go zoo
	await "$ZOO" fd-recovered
	expect "the total" \
		"$(of "$ZOO" event.action=fd-recovered fd.refused.emfile)" 7
	daemon_check
}

test_sealed_is_quiet() {
	daemon_start
	zoo_start zoo openat=100 limit=50 say=sealed wait
	zoo_says zoo sealed
	sleep 3
	expect_actions "$ZOO"
	daemon_check
}

test_swinging_is_told_once() {
	daemon_start
	zoo_start zoo limit=1000 wave=750:850:15:50 say=finished wait
	zoo_says zoo finished
	sleep 2
	expect "the number of warnings" "$(of "$ZOO" event.action | grep -c fd-warning)" 1
	daemon_check
}

# Processes of a group that were refused: those told one by one and "N more"
told_of_crowd() {
	alerts event.action=fd-exhausted process=- fd.group.processes >"$WORK/more"
	alerts event.action=fd-exhausted process.pid | grep -v '^-$' | sort -u >"$WORK/single"
	echo $(($(wc -l <"$WORK/single") + $(awk '{ n += $1 } END { print n + 0 }' "$WORK/more")))
}

is_told_of_all() {
	[ "$(told_of_crowd)" = "$1" ]
}

# Many at once: a handful of alerts, and the exact number.
test_crowd_is_summed_up() {
	daemon_start
	zoo_start zoo limit=64 crowd=80 fill=64 fail=openat:2 say=full wait
	zoo_says zoo full
	# Since 6.13 these programs may be preempted, and the kernel leaves out what runs
	# on that CPU meanwhile: much in emulation. Then the daemon must say so.
	if ! wait_for 10 is_told_of_all 80; then
		if [ "$(missed_runs)" = 0 ] || ! grep -q 'lost: .* runs of the sensor' "$LOG"; then
			fail "told of $(told_of_crowd) of 80, and no loss is stated"
		fi
		note "told of $(told_of_crowd) of 80, and says that the kernel left out $(missed_runs) runs"
	fi
	note "$(wc -l <"$WORK/single") one by one, then $(xargs <"$WORK/more") more"
	[ "$(wc -l <"$WORK/single")" -le 20 ] || fail "$(wc -l <"$WORK/single") alerts"
	zoo_go zoo
	daemon_check
}
