#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the tests that /tests/selection names, a line each:
#   NAME SCRIPT FUNCTION SENSOR SECONDS KERNELS
# and says on the console how each came out. What fails is tried once more, on the newest
# kernel twice.
PATH=/tests/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
export PATH
exec >/dev/console 2>&1 </dev/null

# What tests change beside their own folder, in a machine of systemd, where it is there.
CHANGED="etc/systemd etc/security etc/fdwarden run/systemd/journald.conf.d"
BEFORE=/tmp/before

keep() {
	mkdir -p /run/systemd/journald.conf.d
	for dir in $CHANGED; do
		[ -d "/$dir" ] || continue
		mkdir -p "$BEFORE/${dir%/*}"
		cp -a "/$dir" "$BEFORE/$dir"
	done
	services >$BEFORE/services
}

# Those that are of tests, by their control groups: to ask systemd takes an emulated CPU a second.
services() {
	(
		cd /sys/fs/cgroup || exit
		ls -d system.slice/*.service system.slice/*/*.service machine.slice/*.service \
			user.slice/*/user@*.service 2>/dev/null
	) | sed 's,.*/,,' | grep -vx -e 'systemd-[a-z]*[.]service' -e 'dbus[.]service'
}

# A test that failed did not come to where it takes away what it made: the next ones are to
# begin as if it had.
put_back() {
	rm -rf /var/lib/systemd/linger/* /home/*/.config
	services | grep -vxFf $BEFORE/services | while read -r name; do
		echo "# put back: $name is stopped"
		timeout 60 systemctl stop -- "$name"
	done
	# shellcheck disable=SC2046 # a list of numbers
	kill -9 $(pidof fdzoo) 2>/dev/null
	for dir in $CHANGED; do
		[ -d "$BEFORE/$dir" ] || continue
		diff -r -q --no-dereference "$BEFORE/$dir" "/$dir" && continue
		rm -rf "${dir:+/$dir}"
		cp -a "$BEFORE/$dir" "/$dir"
	done >/tmp/changed
	sed 's/^/# put back: /' /tmp/changed
	! grep -q journald /tmp/changed || timeout 60 systemctl restart systemd-journald
	# What the manager has for itself needs more than a reload.
	if grep -q 'system[.]conf' /tmp/changed; then
		timeout 60 systemctl daemon-reexec
	elif grep -q etc/systemd /tmp/changed; then
		timeout 60 systemctl daemon-reload
	fi
}

# run NAME SCRIPT FUNCTION SENSOR SECONDS: sets status and reason
run() {
	work=/tmp/work
	shared=/tmp/daemon-$4
	rm -rf $work
	mkdir $work
	chmod 777 $work
	echo "@@ run $1"
	read -r _ user _ system _ </proc/stat
	FDWARDEN_SENSOR=$4 WORK=$work \
		timeout -k 5 "$5" sh /tests/one.sh "$2" "$3" >$work/output 2>&1 3<&-
	status=$?
	reason=$(cat $work/reason 2>/dev/null)
	case $status in
	0 | 77) ;;
	124 | 137 | 143) reason="no end after $5 s" ;;
	*) reason=${reason:-status $status: $(tail -n 1 $work/output)} ;;
	esac
	if [ $status != 0 ] && [ $status != 77 ]; then
		for log in $work/output "$shared/log" $work/log "$shared/alerts"; do
			[ -s "$log" ] && tail -n 20 "$log" | sed "s,^,# ${log##*/}: ,"
		done
		[ -d /run/systemd/system ] &&
			journalctl -u fdwarden -o cat --no-pager -n 20 | sed 's/^/# journal: /'
	fi
	[ -s $work/notes ] && sed 's/^/# /' $work/notes
	[ -s $work/cells ] && sed "s,^,@@ cell $2/$4/," $work/cells
	read -r _ user_now _ system_now _ </proc/stat
	echo "# took $((user_now - user)) hundredths of user, $((system_now - system)) of system"
	# A test that was ended from outside left its processes behind.
	[ -s $work/pids ] && while read -r pid; do
		kill -9 "$pid" 2>/dev/null
	done <$work/pids
	case $status in
	0 | 77) ;;
	*) [ ! -e $BEFORE ] || put_back ;;
	esac
}

# daemon_end SENSOR: of the daemon that its tests shared
daemon_end() {
	pid=$(cat "/tmp/daemon-$1/pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null
	rounds=0
	while kill -0 "$pid" 2>/dev/null && [ $rounds -lt 50 ]; do
		sleep 0.2
		rounds=$((rounds + 1))
	done
	kill -9 "$pid" 2>/dev/null
	rm -f "/tmp/daemon-$1/pid"
}

echo "# $(uname -r): $(cut -d ' ' -f 1 /proc/uptime) s after the start"
# From the test on that an earlier start did not come to the end of.
from=$(sed -n 's/.*fdwarden.from=\([^ ]*\).*/\1/p' /proc/cmdline)
FDWARDEN_SLOWNESS=$(sed -n 's/.*fdwarden.slowness=\([0-9]*\).*/\1/p' /proc/cmdline)
export FDWARDEN_SLOWNESS
series=$(sed 's/.*fdwarden.series=//; s/ .*//' /proc/cmdline)
[ ! -d /run/systemd/system ] || keep
while read -r name script function sensor seconds kernels <&3; do
	case ,$kernels, in
	,all, | *,"$series",*) ;;
	*) continue ;;
	esac
	[ "${from:-$name}" = "$name" ] || continue
	from=""
	[ "$sensor" = "${before:-$sensor}" ] || daemon_end "$before"
	before=$sensor
	seconds=$((seconds * ${FDWARDEN_SLOWNESS:-1}))
	run "$name" "$script" "$function" "$sensor" "$seconds"
	tries=1
	# The newest kernel leaves out runs of the sensor's programs when they are preempted, which
	# fails one test of some sixty, and now and then twice. Each is told as unstable.
	[ "$series" != newest ] || tries=2
	while [ $status != 0 ] && [ $status != 77 ] && [ $tries -gt 0 ]; do
		echo "@@ again $name: $reason"
		run "$name" "$script" "$function" "$sensor" "$seconds"
		tries=$((tries - 1))
	done
	case $status in
	0) echo "@@ ok $name" ;;
	77) echo "@@ skip $name: ${reason:-no reason}" ;;
	*) echo "@@ not ok $name: $reason" ;;
	esac
done 3</tests/selection
# Where the machine's time went: user and system of this shell's, then of its children.
times >/tmp/times
echo "# $(head -n 1 /proc/stat), up $(cut -d ' ' -f 1 /proc/uptime) s; $(xargs </tmp/times)"
echo "@@ done"
