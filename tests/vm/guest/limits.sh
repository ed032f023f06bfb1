# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# each: sensor
# timeout: 150
# EMFILE and ENFILE that are not the descriptor limit, and the system's own.

# expect_other_limit WORD: the process is told of that limit and of no other
expect_other_limit() {
	await "$ZOO" other-limit
	of "$ZOO" event.action=other-limit fd.limit | grep -q "$1" ||
		fail "the limit is named $(of "$ZOO" fd.limit | xargs)"
	! has "$ZOO" fd-exhausted || fail "fd-exhausted for a table that is not full"
}

test_inotify_instances() {
	sysctl_set fs/inotify/max_user_instances 4
	daemon_start
	zoo_start zoo uid=1000 inotify_init1=4 fail=inotify_init1:3 say=finished wait
	zoo_says zoo finished
	expect_other_limit inotify
	of "$ZOO" event.action=other-limit . | grep -q max_user_instances ||
		fail "the sysctl is not named"
	daemon_check
}

test_pipe_pages() {
	sysctl_set fs/pipe-user-pages-hard 20
	sysctl_set fs/pipe-user-pages-soft 20
	daemon_start
	zoo_start zoo uid=1000 pipe2=20 say=never
	zoo_start zoo2 uid=1001 fill=10 say=there wait
	wait_for "$PATIENCE" grep -q '^fdzoo' "$WORK/zoo.out" || skip "pipes are not refused here"
	await "$(sed -n 's/^fdzoo.\([0-9]*\).*/\1/p' "$WORK/zoo.out")" other-limit
	daemon_check
}

system_has() {
	alerts event.action | grep -qx "$1"
}

await_system() {
	wait_for "$PATIENCE" system_has "$1" ||
		fail "no $1 after $PATIENCE s, but: $(alerts event.action | sort | uniq -c | xargs)"
}

system_record() {
	fdwarden incidents -c "$SHARED/conf" 2>/dev/null | grep -q 'exhausted .* the whole system$'
}

# Of the incident there is a record, with the time before it, and a report.
check_system_record() {
	local id
	wait_for "$PATIENCE" system_record || fail "no record of the system's incident"
	id=$(fdwarden incidents -c "$SHARED/conf" | sed -n 's/ .* the whole system$//p' | head -n 1)
	grep -q '"past":\[{' "/var/lib/fdwarden/incidents/$id"*.jsonl ||
		fail "nothing of the time before in $id"
	fdwarden report -c "$SHARED/conf" "$id" >"$WORK/report" || fail "no report of $id"
	grep -q 'How many were open' "$WORK/report" || fail "no chart: $(xargs <"$WORK/report")"
}

# No file left on the whole system: told, outlived, and told again when over.
test_file_max() {
	local allocated
	daemon_start
	zoo_start wall limit=100 say=there wait refuse=dup:5 say=full wait
	local wall=$ZOO
	zoo_says wall there
	zoo_start zoo uid=1000 say=there wait fail=openat:40:ENFILE say=finished wait
	zoo_says zoo there
	allocated=$(cut -f 1 /proc/sys/fs/file-nr)
	note "file-nr $allocated"
	sysctl_set fs/file-max "$((allocated / 2))"
	zoo_go zoo
	zoo_says zoo finished
	await_system system-exhausted
	zoo_go wall
	zoo_says wall full
	await "$wall" fd-exhausted
	sysctl_set fs/file-max 100000
	await_system system-recovered
	check_system_record
	zoo_start later limit=100 refuse=openat:5 say=finished wait
	zoo_says later finished
	await "$ZOO" fd-exhausted
	kill -0 "$DAEMON" || fail "the daemon ended: $(tail -n 1 "$LOG")"
	daemon_check
}
