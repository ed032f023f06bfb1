# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: small arm64
# each: sensor
# timeout: 180
# kernels arm64: 6.1/tracepoint 6.12 newest
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

# way_start WAY ERROR: near the limit, then refused
way_start() {
	local id=$1 refuse=""
	# By another path, or all would be told of as one group.
	ln "$ZOO_BIN" "$WORK/fdzoo-$id"
	[ "$2" != EMFILE ] || refuse="refuse=$id:$REFUSALS"
	[ "$id" != recvmsg ] || refuse="scm_full=1"
	[ "$id" != recvmmsg ] || refuse="scm_full_many=$REFUSALS"
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

# In `there`: "WAY PID STARTED" of those that do what they should; PID is whose table it is.
# One awk: a process for each way takes an emulated machine a quarter of a minute.
sort_out() {
	: >"$WORK/lacking"
	awk -v dir="$WORK" '{
		way = $1
		near = skip = table = last = ""
		while ((getline line <(dir "/" way ".out")) > 0) {
			last = line
			n = split(line, word, " ")
			if (word[1] == "skip") skip = 1
			if (word[1] == "near") near = 1
			if (word[1] == (way == "seccomp_addfd" ? "child" : "near")) table = word[n]
		}
		if (skip) {
			print way ": lacking" >>(dir "/cells")
			print $2 >>(dir "/lacking")
		} else if (!near) {
			print way ": FAIL: " last >>(dir "/cells")
			print way " (FAIL: " last ")" >>(dir "/wrong")
		} else
			print way, table, $2
	}' "$WORK/started" >"$WORK/there"
	# shellcheck disable=SC2046
	[ ! -s "$WORK/lacking" ] || kill -9 $(cat "$WORK/lacking") 2>/dev/null
}

# tables: the pids in `there`
tables() {
	cut -d ' ' -f 2 "$WORK/there"
}

# In `counted`: the pids whose count was that of /proc in one snapshot.
counted() {
	fdzoo listing >"$WORK/before"
	fdwarden ps --json | pick -a processes process.pid fd.count fd.soft_limit >"$WORK/ps"
	fdzoo listing >"$WORK/after"
	[ -s "$WORK/ps" ] || return 1
	grep -Fx -f "$WORK/before" "$WORK/after" | grep -Fx -f "$WORK/ps" |
		cut -d ' ' -f 1 >>"$WORK/counted"
	! tables | without "$WORK/counted" | grep -q .
}

# in_flight COUNT: the process that waits has as many
in_flight() {
	fdwarden ps --json | pick -a processes process.pid="$ZOO" fd.count >"$WORK/flight"
	[ "$(cat "$WORK/flight")" = "$1" ]
}

# told ACTION: "PID BY-SYSCALL LIMIT" of the alerts of that action since the test began
told() {
	alerts event.action="$1" process.pid fd.refused.by_syscall fd.limit >"$WORK/$1"
}

# told_of_all ACTION: every table that comes near its limit
told_of_all() {
	told "$1"
	cut -d ' ' -f 1 "$WORK/$1" >"$WORK/told"
	! sed '/^scm_send /d' "$WORK/there" | cut -d ' ' -f 2 | without "$WORK/told" | grep -q .
}

# release_all: but for one that ended, whose fifo nobody reads any more
release_all() {
	local way started
	while read -r way _ started; do
		[ ! -e "/proc/$started/fd" ] || zoo_go "$way"
	done <"$WORK/there"
}

# judge_ways: by what was told of each to its end
judge_ways() {
	local loss=0
	! stated_loss || loss=1
	awk -v dir="$WORK" -v sensor="$FDWARDEN_SENSOR" -v n=$REFUSALS -v loss=$loss '
	# The call that alerts name, where it is not the way itself.
	function call_of(way) {
		if (way ~ /^fcntl_dupfd/) return "fcntl"
		if (way == "cloexec") return "openat"
		if (way == "open32") return "open"
		if (way == "fanotify_read") return "read"
		if (way ~ /^(pidfd_namespace|ns_get|tiocgptpeer)$/) return "ioctl"
		if (way == "so_peerpidfd") return "getsockopt"
		if (way == "clone_pidfd") return "clone"
		if (way == "seccomp_listener") return "seccomp"
		return way
	}
	# What is to be said if these refusals are what they have to be; else nothing.
	function refused(way, totals) {
		if (way == "recvmsg") return totals == "{\"recvmsg\":1}" ? "ok" : ""
		# Dropped without an error, and the number of the sender is nowhere to be seen.
		if (way == "scm_pidfd") return totals == "{}" ? "ok (silent)" : ""
		if (way ~ /^(uring_.*|seccomp_addfd)$/) {
			if (sensor == "fexit") return totals ~ "^[{]\".*\":" n "[}]$" ? "ok" : ""
			if (totals != "{}") return ""
			# The result is in the ring, and no call returns it; or the call is the
			# supervisor, the table is the child.
			return way ~ /^uring/ ? "ok (in a ring)" : "ok (another\047s)"
		}
		return totals == "{\"" call_of(way) "\":" n "}" ? "ok" : ""
	}
	FILENAME ~ /counted$/ { counted[$1] = 1; next }
	FILENAME ~ /fd-warning$/ { warned[$1] = 1; next }
	FILENAME ~ /other-limit$/ { if (!($1 in other)) other[$1] = $2 " " $3; next }
	FILENAME ~ /fd-recovered$/ { if ($3 == "-") totals[$1] = $2; next }
	{
		way = $1
		if (!($2 in counted)) verdict = "FAIL: the count is not that of /proc"
		else if (way == "scm_send") verdict = "ok (no table)"
		else if (!($2 in warned)) verdict = "FAIL: no warning"
		else if ($2 in other) verdict = "FAIL: another limit is blamed: " other[$2]
		else {
			verdict = refused(way, totals[$2])
			if (verdict == "" && loss) verdict = "short, stated"
			if (verdict == "")
				verdict = "FAIL: refused: " ($2 in totals ? totals[$2] : "not told")
		}
		print way ": " verdict >>(dir "/cells")
		if (verdict ~ /^FAIL/) print way " (" verdict ")" >>(dir "/wrong")
	}' "$WORK/counted" "$WORK/fd-warning" "$WORK/other-limit" "$WORK/fd-recovered" \
		"$WORK/there"
}

# The cells in the order of the ways.
in_order() {
	mv "$WORK/cells" "$WORK/cells.unsorted"
	awk -F : 'NR == FNR { cell[$1] = $0; next }
		{ split($0, way, " "); if (way[1] in cell) print cell[way[1]] }' \
		"$WORK/cells.unsorted" "$WORK/ways" >"$WORK/cells"
}

test_ways_in() {
	local way error
	daemon_start
	touch "$WORK/wrong" "$WORK/counted"
	fdzoo ways >"$WORK/ways" || fail "fdzoo ways: status $?"
	ZOO_BIN=$(command -v fdzoo)
	# shellcheck disable=SC2046
	mkfifo $(sed "s,\([^ ]*\).*,$WORK/\1.in," "$WORK/ways")
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
	judge_ways
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
	while read -r way pid _; do
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
	# A daemon that answers is as old as its last look.
	if wait_for "$PATIENCE" in_flight $expected; then
		cell flight "ok (/proc + 7)"
	else
		cell flight "FAIL: $(cat "$WORK/flight") is not $expected"
	fi
	[ ! -s "$WORK/wrong" ] || fail "$(paste -s -d , "$WORK/wrong")"
}
