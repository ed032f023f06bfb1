# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests in a machine share. A test is a function that returns; `fail`
# and `skip` end it. Its files are in $WORK.

# One daemon serves all tests that want no other: to verify its programs takes
# an emulated machine seconds.
SHARED=/tmp/daemon-$FDWARDEN_SENSOR
ALERTS=$SHARED/alerts
LOG=$SHARED/log
# Seconds. Emulated, and sharing two cores with another machine, all is slow.
# FDWARDEN_SLOWNESS: so many times slower than that.
PATIENCE=$((30 * ${FDWARDEN_SLOWNESS:-1}))
DAEMON_PATIENCE=$((2 * PATIENCE))

fail() {
	echo "$*" | head -n 1 | cut -c 1-300 >"$WORK/reason"
	exit 1
}

skip() {
	echo "$*" >"$WORK/reason"
	exit 77
}

# Kept in the console's log whatever the outcome.
note() {
	printf '%s\n' "$*" >>"$WORK/notes"
}

clean_up() {
	[ -s "$WORK/pids" ] && while read -r pid; do
		kill -9 "$pid" 2>/dev/null
	done <"$WORK/pids"
	[ -s "$WORK/sysctls" ] && while read -r key value; do
		echo "$value" >"/proc/sys/$key"
	done <"$WORK/sysctls"
	# As driver.sh found it.
	[ ! -e "/tmp/before$SERVICE_CONFIG" ] ||
		cmp -s "/tmp/before$SERVICE_CONFIG" $SERVICE_CONFIG ||
		cp "/tmp/before$SERVICE_CONFIG" $SERVICE_CONFIG
	return 0
}

# Seconds since the machine started.
uptime_seconds() {
	cut -d . -f 1 /proc/uptime
}

# Between two looks. One at systemd or its journal takes half a second of an emulated CPU.
POLL=0.2
[ ! -d /run/systemd/system ] || POLL=2

# wait_for SECONDS COMMAND…: until it succeeds
wait_for() {
	local end=$(($(uptime_seconds) + $1))
	shift
	until "$@" 2>/dev/null; do
		[ "$(uptime_seconds)" -lt $end ] || return 1
		sleep $POLL
	done
}

# without FILE: lines that are not among its. (To busybox's grep an empty one matches all.)
without() {
	if [ -s "$1" ]; then grep -vxFf "$1"; else cat; fi
}

# sysctl_set KEY VALUE: until the end of the test
sysctl_set() {
	[ -e "/proc/sys/$1" ] || skip "this kernel has no sysctl $1"
	grep -qs "^$1 " "$WORK/sysctls" ||
		echo "$1 $(cat "/proc/sys/$1")" >>"$WORK/sysctls"
	echo "$2" >"/proc/sys/$1" || fail "sysctl $1 can't be set to $2"
}

# ---- the daemon ----

# Running and ready, with its pid in $DAEMON. `alerts` tells of those from now on.
daemon_start() {
	if [ -e "$SHARED/pid" ]; then
		DAEMON=$(cat "$SHARED/pid")
		daemon_check
		# A test before has left it another.
		[ ! -s "$SHARED/conf" ] || daemon_config ""
	else
		daemon_launch "$SHARED" setsid
		echo "$DAEMON" >"$SHARED/pid"
	fi
	FIRST=$(($(wc -l <"$ALERTS") + 1))
	# All before are checked.
	echo $FIRST >"$SHARED/unchecked"
}

# daemon_launch DIRECTORY [WRAPPER [SENSOR [KEY=VALUE]]]
daemon_launch() {
	ALERTS=$1/alerts
	LOG=$1/log
	FIRST=1
	mkdir -p "$1"
	echo 1 >"$1/unchecked"
	: >"$1/conf"
	${2:-} fdwarden daemon -c "$1/conf" -o "sensor=${3:-$FDWARDEN_SENSOR}" \
		${4:+-o "$4"} >"$ALERTS" 2>"$LOG" &
	DAEMON=$!
	wait_for $DAEMON_PATIENCE daemon_is_ready ||
		fail "the daemon is not ready after $DAEMON_PATIENCE s: $(tail -n 1 "$LOG")"
	kill -0 "$DAEMON" 2>/dev/null || fail "the daemon ended: $(tail -n 1 "$LOG")"
	note "$(grep ready: "$LOG")"
}

daemon_is_ready() {
	grep -q ready: "$LOG" || ! kill -0 "$DAEMON"
}

# daemon_config TEXT: the shared daemon's until the next test that wants it; printf's escapes
daemon_config() {
	local before
	before=$(grep -c 'configuration reloaded' "$LOG")
	# shellcheck disable=SC2059
	printf "$1" >"$SHARED/conf"
	kill -HUP "$DAEMON"
	wait_for "$PATIENCE" reloaded_since "$before" || fail "no reload: $(tail -n 1 "$LOG")"
}

reloaded_since() {
	[ "$(grep -c 'configuration reloaded' "$LOG")" -gt "$1" ]
}

# It still runs, and all that it wrote since the last check is JSON.
daemon_check() {
	if ! kill -0 "$DAEMON" 2>/dev/null; then
		rm -f "$SHARED/pid"
		fail "the daemon ended by itself: $(tail -n 1 "$LOG")"
	fi
	tail -n "+$(cat "${ALERTS%/*}/unchecked")" "$ALERTS" | pick
	[ $? != 2 ] || fail "an alert is no JSON"
}

# Runs of the daemon's programs that the kernel left out, for another was in them.
missed_runs() {
	cat "/proc/$DAEMON/fdinfo"/* 2>/dev/null |
		awk '/^recursion_misses:/ { n += $2 } END { print n + 0 }'
}

# The daemon says that there were some.
stated_loss() {
	[ "$(missed_runs)" -gt 0 ] && grep -q 'lost: .* runs of the sensor' "$LOG"
}

# alerts PICK…: what pick (tests/helpers/pick.c) finds in the alerts since the test began
alerts() {
	tail -n "+$FIRST" "$ALERTS" | pick "$@"
}

# of PID PICK…: of one process's alerts
of() {
	local pid=$1
	shift
	alerts process.pid="$pid" "$@"
}

has() {
	of "$1" event.action="$2"
}

# actions_of PID: on one line; what explains an alert afterwards is no action of its own
actions_of() {
	of "$1" event.action | grep -vx fd-details | paste -s -d ' '
}

# await PID ACTION
await() {
	wait_for "$PATIENCE" has "$1" "$2" ||
		fail "no $2 of process $1 after $PATIENCE s, but: $(actions_of "$1")"
}

# expect_actions PID ACTION…: these and no others, in this order
expect_actions() {
	local pid=$1 got
	shift
	got=$(actions_of "$pid")
	[ "$got" = "$*" ] || fail "process $pid has alerts '$got', not '$*'"
}

expect() {
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

# ---- the service ----

SERVICE_CONFIG=/etc/fdwarden/fdwarden.conf

# service_sensor NAME: of the service from its next start on, and to the test's end. One that is about
# something else takes `tracepoint`: fexit takes an emulated machine 6 s to load, and 7 s
# to detach.
service_sensor() {
	sed -i '/^sensor = /d' $SERVICE_CONFIG
	# Before any section's head.
	sed -i "1i sensor = $1" $SERVICE_CONFIG
}

# journal FIELD=VALUE…: what the service sent, as JSON; the journal finds it by its index, and
# leaves out what is longer than 4 KiB unless it is to tell all
journal() {
	journalctl -o json --all --no-pager _SYSTEMD_UNIT=fdwarden.service "$@"
}

# ---- fdzoo ----

# zoo_start ID STEP…: in the background; its pid is in $ZOO
zoo_start() {
	local id=$1
	shift
	mkfifo "$WORK/$id.in"
	fdzoo "$@" <>"$WORK/$id.in" >"$WORK/$id.out" 2>&1 &
	ZOO=$!
	echo "$ZOO" >>"$WORK/pids"
}

# zoo_says ID WORD: wait until it has
zoo_says() {
	wait_for "$PATIENCE" grep -q "^$2 " "$WORK/$1.out" ||
		fail "fdzoo $1 does not come to '$2': $(tail -n 1 "$WORK/$1.out")"
}

# zoo_go ID: on from its next `wait`
zoo_go() {
	echo >"$WORK/$1.in"
}

# descriptors PID: as /proc lists them
descriptors() {
	set -- "/proc/$1/fd"/*
	[ -h "$1" ] && echo $# || echo 0
}

# ---- traces ----

# leak_start PROGRAM ARGUMENT…: its pid is in $LEAK
leak_start() {
	local name=$1
	mkfifo "$WORK/$name.in"
	"$@" <>"$WORK/$name.in" >"$WORK/$name.out" 2>&1 &
	LEAK=$!
	echo "$LEAK" >>"$WORK/pids"
	wait_for "$PATIENCE" grep -q ready "$WORK/$name.out" || fail "$name does not start"
}

# trace_start [OPTION…]: of $LEAK; its pid is in $TRACE
# shellcheck disable=SC2120 # by trace_million.sh
trace_start() {
	fdwarden trace "$LEAK" --duration 400 --json "$@" >"$WORK/trace" 2>"$WORK/trace.log" &
	TRACE=$!
	echo "$TRACE" >>"$WORK/pids"
	wait_for $DAEMON_PATIENCE trace_has_begun || fail "no trace: $(tail -n 1 "$WORK/trace.log")"
	kill -0 "$TRACE" 2>/dev/null || fail "trace: $(tail -n 1 "$WORK/trace.log")"
}

trace_has_begun() {
	grep -q tracing "$WORK/trace.log" || ! kill -0 "$TRACE"
}

# leak_all PROGRAM [SECONDS]: until it says that it has
leak_all() {
	echo >"$WORK/$1.in"
	wait_for "${2:-100}" grep -q 'done' "$WORK/$1.out" || fail "$1 does not come to its end"
}

trace_end() {
	kill -INT "$TRACE"
	wait "$TRACE" || fail "trace: $(tail -n 1 "$WORK/trace.log")"
}

# figure FILTER: of what the trace told
figure() {
	jq -r "$1" <"$WORK/trace"
}

# adds_up: sites and unknown are what the table has
adds_up() {
	expect "sites and unknown together" "$(figure '[.fd.call_sites[].count] + [.fd.unknown] |
		add')" "$(figure .fd.count)"
}
