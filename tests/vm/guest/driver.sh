#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the tests that /tests/selection names, a line each:
#   NAME SCRIPT FUNCTION SENSOR SECONDS
# and says on the console how each came out.
PATH=/tests/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
export PATH
exec >/dev/console 2>&1 </dev/null

echo "# $(uname -r): $(cut -d ' ' -f 1 /proc/uptime) s after the start"
while read -r name script function sensor seconds <&3; do
	work=/tmp/work
	shared=/tmp/daemon-$sensor
	rm -rf $work
	mkdir $work
	chmod 777 $work
	echo "@@ run $name"
	FDWARDEN_SENSOR=$sensor WORK=$work \
		timeout -k 5 "$seconds" sh /tests/one.sh "$script" "$function" \
		>$work/output 2>&1 3<&-
	status=$?
	reason=$(cat $work/reason 2>/dev/null)
	case $status in
	0) echo "@@ ok $name" ;;
	77) echo "@@ skip $name: ${reason:-no reason}" ;;
	124 | 137 | 143) reason="no end after $seconds s" ;;
	esac
	case $status in
	0 | 77) ;;
	*)
		for log in $work/output "$shared/log" $work/log "$shared/alerts"; do
			[ -s "$log" ] && tail -n 20 "$log" | sed "s,^,# ${log##*/}: ,"
		done
		echo "@@ not ok $name: ${reason:-status $status: $(tail -n 1 $work/output)}"
		;;
	esac
	[ -s $work/notes ] && sed 's/^/# /' $work/notes
	# A test that was ended from outside left its processes behind.
	[ -s $work/pids ] && while read -r pid; do
		kill -9 "$pid" 2>/dev/null
	done <$work/pids
done 3</tests/selection
echo "@@ done"
