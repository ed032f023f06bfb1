# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# machines: systemd
# timeout: 150
# The service under systemd, as `make install` puts it there. Each test begins
# with the service running; see `up`.

UNIT=fdwarden.service

up() {
	systemctl reset-failed $UNIT 2>/dev/null
	systemctl is-active --quiet $UNIT || start
}

start() {
	systemd-sysusers || fail "systemd-sysusers: status $?"
	systemctl daemon-reload
	systemctl start $UNIT || {
		journalctl -u $UNIT --no-pager -n 30
		fail "systemctl start: $(journalctl -u $UNIT --no-pager -o cat -n 1)"
	}
}

show() {
	systemctl show -p "$1" --value $UNIT
}

# A fresh process is refused a descriptor; its pid is in $ZOO.
cause_alert() {
	rm -f "$WORK"/zoo.*
	zoo_start zoo limit=64 refuse=openat:5 say=finished wait
	zoo_says zoo finished
}

# in_journal PID: fd-exhausted of this process
in_journal() {
	journal FDWARDEN_ACTION=fd-exhausted FDWARDEN_PID="$1" >"$WORK/journal"
	[ -s "$WORK/journal" ]
}

expect_alert() {
	cause_alert
	wait_for "$PATIENCE" in_journal "$ZOO" ||
		fail "no fd-exhausted of process $ZOO in the journal"
}

# other_pid OLD: the service is up again, as another process. systemd is asked last: that takes
# half a second of an emulated CPU.
other_pid() {
	local pid
	pid=$(head -n 1 "/sys/fs/cgroup/system.slice/$UNIT/cgroup.procs" 2>/dev/null)
	[ -n "$pid" ] && [ "$pid" != "$1" ] && [ "$(show ActiveState)" = active ]
}

await_other_pid() {
	wait_for 90 other_pid "$1" || {
		systemctl status --no-pager $UNIT
		fail "not restarted: $(show ActiveState), $(show Result)"
	}
}

test_start() {
	start
	expect "the state" "$(show ActiveState)" active
	expect "its type" "$(show Type)" notify
}

test_own_user_without_root() {
	local pid uids
	up
	pid=$(show MainPID)
	uids=$(sed -n 's/^Uid://p' "/proc/$pid/status" | xargs)
	case " $uids " in
	*" 0 "*) fail "it runs with user ids $uids" ;;
	esac
	note "uids $uids; $(grep CapEff "/proc/$pid/status")"
	# CAP_SYS_ADMIN is bit 21
	[ $((0x$(sed -n 's/^CapEff:[^0-9a-f]*//p' "/proc/$pid/status") >> 21 & 1)) = 0 ] ||
		fail "it has CAP_SYS_ADMIN"
}

# rights SET THREAD: of one of the service's threads, as a number.
rights() {
	local task
	for task in "/proc/$(show MainPID)"/task/*; do
		[ "$(cat "$task/comm")" = "$2" ] || continue
		echo "$((0x$(sed -n "s/^$1:[^0-9a-f]*//p" "$task/status")))"
		return
	done
	fail "it has no thread $2"
}

# The unit's filter of system calls lets capabilities be given up.
test_rights_at_rest() {
	up
	# CAP_PERFMON and CAP_BPF; CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE besides
	expect "what is in force" "$(rights CapEff fdwarden)" "$((3 << 38))"
	expect "what is permitted" "$(rights CapPrm fdwarden)" "$((3 << 38 | 1 << 2 | 1 << 19))"
	expect "what the thread has that writes state" "$(rights CapPrm state)" 0
}

# as_bob COMMAND…: who is nobody
as_bob() {
	runuser -u bob -- "$@" >"$WORK/stdout" 2>"$WORK/stderr"
}

# Those of the group see all without a privilege; others are told what to do.
test_group_may_ask() {
	up
	userdel bob 2>/dev/null
	useradd -M -s /bin/sh bob || fail "no user bob"
	expect "the socket" "$(stat -c '%a %U:%G' /run/fdwarden/fdwarden.sock)" \
		"660 fdwarden:fdwarden"
	as_bob fdwarden ps && fail "who is not in the group is answered"
	expect "the lines that he is told" "$(wc -l <"$WORK/stderr")" 1
	grep -q 'group' "$WORK/stderr" || fail "it does not name the group: $(cat "$WORK/stderr")"
	usermod -aG fdwarden bob
	zoo_start zoo limit=64 openat=20 say=there wait
	zoo_says zoo there
	sleep 1.5 # so that a snapshot has it
	as_bob fdwarden ps --json "$ZOO" || fail "ps: $(cat "$WORK/stderr")"
	expect "its count" "$(jq '.processes[0].fd.count' <"$WORK/stdout")" "$(descriptors "$ZOO")"
	as_bob fdwarden inspect "$ZOO" --json || fail "inspect: $(cat "$WORK/stderr")"
	expect "its kinds" "$(jq '[.fd.types[].count] | add' <"$WORK/stdout")" \
		"$(descriptors "$ZOO")"
	as_bob fdwarden check "$ZOO" || fail "check: $(cat "$WORK/stdout" "$WORK/stderr")"
	as_bob fdwarden top -b -n 1 || fail "top: $(cat "$WORK/stderr")"
	grep -q "fdzoo" "$WORK/stdout" || fail "top does not show it: $(head -n 3 "$WORK/stdout")"
}

test_alert_in_journal() {
	up
	expect_alert
	head -n 1 "$WORK/journal"
	jq -e '(.MESSAGE | type) == "string" and .PRIORITY != null' <"$WORK/journal" >/dev/null ||
		fail "no message or priority"
}

# told_of UNIT: lines of its that say so many
told_of() {
	journalctl -u "$1" --no-pager -o cat | grep -c '^line '
}

# journal_limit ON: whether journald takes about one message an hour from a unit
journal_limit() {
	local conf=/run/systemd/journald.conf.d/limit.conf
	mkdir -p "${conf%/*}"
	rm -f $conf
	[ "$1" = no ] || printf '[Journal]\nRateLimitIntervalSec=1h\nRateLimitBurst=1\n' >$conf
	systemctl restart systemd-journald
}

# refused_in_turn N: processes of other names (numbers alone would make a group of them), so
# that each is told by itself; the first that the journal does not have is in $MISSING
refused_in_turn() {
	local i
	MISSING=
	for i in $(echo a b c d e f g h i j k l m n o p q r s t | cut -d ' ' -f "1-$1"); do
		rm -f "$WORK/zoo-$i".*
		zoo_start "zoo-$i" "name=zoo-$i" limit=64 refuse=openat:5 say=finished wait
		zoo_says "zoo-$i" finished
		wait_for "$PATIENCE" in_journal "$ZOO" || {
			MISSING="zoo-$i, process $ZOO"
			return
		}
	done
}

# journald drops what one unit says beyond a number, and says so nowhere near it. A service
# that has the limit is seen to lose lines first: the number that counts depends on the disk.
test_journal_takes_all() {
	local kept
	up
	journal_limit yes
	# shellcheck disable=SC2016 # the service's own
	systemd-run --quiet --wait --unit=talker.service sh -c \
		'for i in $(seq 40); do echo "line $i"; done' || fail "no service can be run"
	journalctl --sync
	kept=$(told_of talker.service)
	note "of 40 lines of another service $kept are kept"
	[ "$kept" -lt 15 ] || {
		journal_limit no
		fail "journald has no limit here: nothing is tried"
	}
	refused_in_turn $((kept + 5))
	journal_limit no
	[ -z "$MISSING" ] || fail "no alert in the journal of $MISSING"
	journalctl -u $UNIT --no-pager -o cat | grep -q 'Suppressed' &&
		fail "the journal says that it dropped some"
	return 0
}

test_reload() {
	local pid
	up
	pid=$(show MainPID)
	systemctl reload $UNIT || {
		journalctl -u $UNIT --no-pager -o cat -n 5
		fail "systemctl reload: $(journalctl -u $UNIT --no-pager -o cat -n 3 | head -n 1)"
	}
	expect "the process after the reload" "$(show MainPID)" "$pid"
	expect "the state" "$(show ActiveState)" active
	expect_alert
}

test_security() {
	local level
	level=$(systemd-analyze security --no-pager $UNIT |
		sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
	note "exposure $level"
	[ -n "$level" ] || fail "systemd-analyze tells no level"
	jq -e -n "$level <= 1.5" >/dev/null || {
		systemd-analyze security --no-pager $UNIT | grep -F '✗'
		fail "the exposure is $level"
	}
}

test_restart() {
	local pid
	service_sensor tracepoint
	up
	pid=$(show MainPID)
	systemctl restart $UNIT || fail "systemctl restart: status $?"
	other_pid "$pid" || fail "it is not another process"
	expect_alert
}

# The image has a drop-in that shortens the watchdog.
test_watchdog() {
	local pid
	systemctl stop $UNIT
	service_sensor tracepoint
	up
	expect "the watchdog's time" "$(show WatchdogUSec)" 8s
	pid=$(show MainPID)
	sleep 9
	expect "the process, which keeps its watchdog fed," "$(show MainPID)" "$pid"
	kill -STOP "$pid"
	await_other_pid "$pid"
	journalctl -u $UNIT --no-pager -o cat | grep -qi watchdog ||
		fail "the journal does not tell of the watchdog"
	expect_alert
}

# Names of the BPF programs in the kernel, systemd's own left out.
bpf_programs() {
	bpfprogs | grep -v '^sd_' | sort
}

no_bpf_programs() {
	[ -z "$(bpf_programs)" ]
}

test_killed_and_started_again() {
	local pid before
	service_sensor tracepoint
	systemctl restart $UNIT || fail "systemctl restart: status $?"
	before=$(bpf_programs)
	[ -n "$before" ] || fail "no program of fdwarden is seen in the kernel"
	pid=$(show MainPID)
	kill -9 "$pid"
	await_other_pid "$pid"
	expect_alert
	expect "the set of programs after the restart" \
		"$(bpf_programs | xargs)" "$(echo "$before" | xargs)"
	systemctl stop $UNIT
	expect "the result" "$(show Result)" success
	wait_for 10 no_bpf_programs || fail "left in the kernel: $(bpf_programs | xargs)"
}

# The service has no CAP_SYS_ADMIN: it gets no new file either.
test_file_max() {
	local allocated
	up
	zoo_start zoo uid=1000 say=there wait fail=openat:40:ENFILE say=finished wait
	zoo_says zoo there
	zoo_start wall limit=100 say=there wait refuse=dup:5 say=full wait
	local wall=$ZOO
	zoo_says wall there
	allocated=$(cut -f 1 /proc/sys/fs/file-nr)
	note "file-nr $allocated"
	# systemd has set it out of reach, and the sensor looks where it is once a second.
	sysctl_set fs/file-max 1000000
	sleep 3
	sysctl_set fs/file-max "$((allocated / 2))"
	zoo_go zoo
	zoo_says zoo finished
	zoo_go wall
	zoo_says wall full
	# Longer than an interval, so that a snapshot falls into it.
	sleep 3
	sysctl_set fs/file-max 1000000
	wait_for "$PATIENCE" in_journal "$wall" || fail "the full table was not told meanwhile"
	for action in system-exhausted system-recovered; do
		wait_for "$PATIENCE" action_in_journal $action || fail "no $action in the journal"
	done
	expect "the state" "$(show ActiveState)" active
	expect_alert
}

action_in_journal() {
	[ -n "$(journal FDWARDEN_ACTION="$1")" ]
}
