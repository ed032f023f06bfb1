# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small
# each: sensor
# timeout: 180
# Every way of getting a descriptor: counted, seen near the limit, seen refused; and
# every way of losing one. A row of the zoo's table each.
# legend: ok: the count is that of /proc; 4 refusals of 4 were told with the right call, no
# legend:   other limit was blamed; the warning came (at 52 of 64)
# legend: lacking: this kernel has no such call
# legend: (silent): a full table drops what comes, without an error; count and warning are ok
# legend: (no table): in flight between processes, in nobody's table
# legend: (another's): the call is the supervisor's, who is told of it; the child's table is
# legend:   seen by its count
# legend: (in a ring): io_uring puts its refusals into the ring, no call returns them; count
# legend:   and warning come with the snapshot
# legend: short, stated: not all refusals were told, for the kernel (6.13+) left out runs of
# legend:   the sensor while another was preempted in it; the log says how many
# legend: (/proc + 7): opens that wait have their numbers, /proc lists them when they are done

LIMIT=64
NEAR=52 # 80 % of it
REFUSALS=4

# cell ROW VALUE: in the table that the whole run prints
cell() {
	printf '%s: %s\n' "$1" "$2" >>"$WORK/cells"
	case $2 in
	FAIL*) echo "$1 ($2)" >>"$WORK/wrong" ;;
	esac
}

# The call that alerts name, where it is not the way's own.
call_of() {
	case $1 in
	fcntl_dupfd*) echo fcntl ;;
	cloexec) echo openat ;;
	open32) echo open ;;
	fanotify_read) echo read ;;
	pidfd_namespace | ns_get | tiocgptpeer) echo ioctl ;;
	so_peerpidfd) echo getsockopt ;;
	clone_pidfd) echo clone ;;
	seccomp_listener) echo seccomp ;;
	*) echo "$1" ;;
	esac
}

# way_start WAY ERROR: near the limit, then refused
way_start() {
	local id=$1 refuse=""
	# By another path, or all would be told of as one group.
	ln "$(command -v fdzoo)" "$WORK/fdzoo-$id"
	mkfifo "$WORK/$id.in"
	[ "$2" != EMFILE ] || refuse="refuse=$id:$REFUSALS"
	[ "$id" != recvmsg ] || refuse="scm_full=1"
	case $id in
	# The child's table fills, not that of the process that makes the calls.
	seccomp_addfd) set -- limit=$LIMIT "$id=$((NEAR - 3))" ;;
	# In flight to another: no table gets any.
	scm_send) set -- "$id" ;;
	*) set -- limit=$LIMIT "prepare=$id" fill=$((NEAR - 1)) "$id" ;;
	esac
	# shellcheck disable=SC2086
	"$WORK/fdzoo-$id" --strict "$@" say=near wait $refuse say=last wait \
		<>"$WORK/$id.in" >"$WORK/$id.out" 2>&1 &
	echo "$!" >>"$WORK/pids"
	echo "$id $!" >>"$WORK/started"
}

# out_start ID STEP…: does the steps, then waits
out_start() {
	local id=$1
	shift
	zoo_start "$id" "$@" say=near wait
	echo "$id $ZOO" >>"$WORK/started"
}

# said WORD: all that still run have
said() {
	local way
	grep -LE "^($1|skip) " "$WORK"/*.out >"$WORK/silent"
	while read -r way; do
		way=${way##*/}
		! kill -0 "$(sed -n "s/^${way%.out} //p" "$WORK/started")" || return 1
	done <"$WORK/silent"
}

# In `there`: "WAY PID" of those that do what they should; PID is whose table it is.
sort_out() {
	local way pid word
	while read -r way pid; do
		if grep -q ^skip "$WORK/$way.out"; then
			cell "$way" lacking
			kill -9 "$pid" 2>/dev/null
		elif ! grep -q '^near ' "$WORK/$way.out"; then
			cell "$way" "FAIL: $(tail -n 1 "$WORK/$way.out")"
		else
			word=near
			[ "$way" != seccomp_addfd ] || word=child
			echo "$way $(sed -n "s/^$word \(.* \)*//p" "$WORK/$way.out" | tail -n 1)"
		fi
	done <"$WORK/started" >"$WORK/there"
}

# In `counted`: the pids whose count was that of /proc in one snapshot.
counted() {
	fdzoo listing >"$WORK/before"
	fdwarden ps --json | pick -a processes process.pid fd.count fd.soft_limit >"$WORK/ps"
	fdzoo listing >"$WORK/after"
	[ -s "$WORK/ps" ] || return 1
	grep -Fx -f "$WORK/before" "$WORK/after" | grep -Fx -f "$WORK/ps" |
		cut -d ' ' -f 1 >>"$WORK/counted"
	! sed 's/.* //' "$WORK/there" | without "$WORK/counted" | grep -q .
}

# told ACTION: "PID BY-SYSCALL LIMIT" of the alerts of that action since the test began
told() {
	alerts event.action="$1" process.pid fd.refused.by_syscall fd.limit >"$WORK/$1"
}

# told_of_all ACTION: every table that comes near its limit
told_of_all() {
	told "$1"
	cut -d ' ' -f 1 "$WORK/$1" >"$WORK/told"
	! sed '/^scm_send /d; s/.* //' "$WORK/there" | without "$WORK/told" | grep -q .
}

# release_all: but for one that ended, whose fifo nobody reads any more
release_all() {
	local way pid
	while read -r way pid; do
		[ ! -e "/proc/$(sed -n "s/^$way //p" "$WORK/started")/fd" ] || zoo_go "$way"
	done <"$WORK/there"
}

# refusals_of WAY TOTALS: whether that is what it has to be
refusals_of() {
	case "$1 $FDWARDEN_SENSOR" in
	recvmsg\ *) [ "$2" = '{"recvmsg":1}' ] && echo ok ;;
	# Dropped without an error, and the sender's number is nowhere to be seen.
	recvmmsg\ * | scm_pidfd\ *) [ "$2" = "{}" ] && echo "ok (silent)" ;;
	# The call is the supervisor's, the table is the child's.
	seccomp_addfd\ tracepoint) [ "$2" = "{}" ] && echo "ok (another's)" ;;
	# The result is in the ring, and no call returns it.
	uring_*\ tracepoint) [ "$2" = "{}" ] && echo "ok (in a ring)" ;;
	uring_*\ * | seccomp_addfd\ *)
		case $2 in
		'{"'*'":'$REFUSALS'}') echo ok ;;
		esac
		;;
	*) [ "$2" = "{\"$(call_of "$1")\":$REFUSALS}" ] && echo ok ;;
	esac
}

# judge_way WAY PID: by what was told of it to its end
judge_way() {
	local other totals verdict
	other=$(sed -n "s/^$2 //p" "$WORK/other-limit" | head -n 1)
	totals=$(sed -n "s/^$2 \(.*\) -$/\1/p" "$WORK/fd-recovered" | tail -n 1)
	if ! grep -qx "$2" "$WORK/counted"; then
		verdict="FAIL: the count is not that of /proc"
	elif [ "$1" = scm_send ]; then
		verdict="ok (no table)"
	elif ! grep -q "^$2 " "$WORK/fd-warning"; then
		verdict="FAIL: no warning"
	elif [ -n "$other" ]; then
		verdict="FAIL: another limit is blamed: $other"
	else
		verdict=$(refusals_of "$1" "$totals")
		[ -n "$verdict" ] || ! stated_loss || verdict="short, stated"
	fi
	cell "$1" "${verdict:-FAIL: refused: ${totals:-not told}}"
}

# The cells in the order of the ways.
in_order() {
	local way
	mv "$WORK/cells" "$WORK/cells.unsorted"
	while read -r way _; do
		grep "^$way: " "$WORK/cells.unsorted"
	done <"$WORK/ways" >"$WORK/cells"
}

test_ways_in() {
	local way error pid
	daemon_start
	touch "$WORK/wrong" "$WORK/counted"
	fdzoo ways >"$WORK/ways" || fail "fdzoo ways: status $?"
	while read -r way error <&3; do
		way_start "$way" "$error"
	done 3<"$WORK/ways"
	wait_for 60 said near || fail "not all come near their limit"
	sort_out
	wait_for "$PATIENCE" counted
	wait_for "$PATIENCE" told_of_all fd-warning
	release_all
	wait_for "$PATIENCE" said last
	# Two ticks: so that each total is read while its process is there, and after.
	sleep 2
	release_all
	wait_for "$PATIENCE" told_of_all fd-recovered
	told other-limit
	while read -r way pid; do
		judge_way "$way" "$pid"
	done <"$WORK/there"
	in_order
	note "$(wc -l <"$WORK/there") ways work here"
	[ "$(wc -l <"$WORK/there")" -gt 30 ] || fail "only $(wc -l <"$WORK/there") ways work"
	[ ! -s "$WORK/wrong" ] || fail "$(paste -s -d , "$WORK/wrong")"
	daemon_check
}

# Ways of losing descriptors, and of having a table that is not one's own alone.
test_ways_out() {
	local way pid expected
	touch "$WORK/wrong" "$WORK/counted"
	out_start close openat=30 close=10
	out_start uring_close uring_open=20 uring_close=5
	out_start uring_fixed_open openat=3 uring_fixed_open
	out_start close_range openat=60 close_range=20:40
	out_start close_range_unshare openat=60 share=1 close_range_unshare=20:40
	out_start exec openat=20 cloexec=30 exec
	out_start fork openat=40 fork=3 close=10
	out_start clone_files openat=5 clone_files=50
	out_start share openat=20 share=2
	out_start unshare openat=20 share=1 unshare openat=5
	out_start dup2 dup2=90 dup2=90
	out_start dup3 dup3=90
	out_start leaderless leaderless openat=70
	out_start thread_table openat=10 thread_table=30
	out_start scm_full limit=64 scm_full=3
	out_start crowd openat=40 crowd=5
	wait_for 60 said near || fail "not all come to their end"
	sort_out
	wait_for "$PATIENCE" counted
	while read -r way pid; do
		if grep -qx "$pid" "$WORK/counted"; then
			cell "$way" ok
		else
			cell "$way" "FAIL: '$(grep "^$pid " "$WORK/ps")', by /proc '$(grep "^$pid " "$WORK/after")'"
		fi
	done <"$WORK/there"
	# An open that waits has its number, and /proc does not list it yet.
	zoo_start flight openat=5 flight=7 say=near wait
	zoo_says flight near
	expected=$(($(fdzoo listing | sed -n "s/^$ZOO \([0-9]*\) .*/\1/p") + 7))
	fdwarden ps --json | pick -a processes process.pid="$ZOO" fd.count >"$WORK/flight"
	if [ "$(cat "$WORK/flight")" = $expected ]; then
		cell flight "ok (/proc + 7)"
	else
		cell flight "FAIL: $(cat "$WORK/flight") is not $expected"
	fi
	[ ! -s "$WORK/wrong" ] || fail "$(paste -s -d , "$WORK/wrong")"
}
