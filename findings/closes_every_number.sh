#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lsof and start-stop-daemon --background close every descriptor number that their soft limit
# allows, one call each, whatever is open: 19,000 calls under a limit of 19,000 (close_range(2),
# which does it in one call, is in the kernel since 5.9). So the tool that one reaches for at
# "too many open files" gets slower with the limit that was raised against them: under
# 1,048,576 it begins with a million failing calls. bash, which starts a program as well, makes
# as many calls under 19,000 as under 1,024.
#
# What follows: "LimitNOFILE=infinity" in a unit whose scripts call start-stop-daemon delays the
# start of each daemon, and a shell with a large limit makes lsof slow.
#
# Seen with lsof 4.95.0-1 and dpkg 1.21.23 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian lsof=4.95.0-1 dpkg=1.21.23 strace=6.1-0.1 libunwind8=1.6.2-3
bin=$work/root/usr/bin

# closes LIMIT COMMAND…: how many times it, or what it starts, calls close()
closes() {
	(
		ulimit -Sn "$1"
		shift
		LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu "$bin/strace" -f -qq \
			-e trace=close -o "$work/trace" "$@" >"$work/out" 2>&1 </dev/null || :
	)
	grep -c 'close(' "$work/trace"
}

# follows COMMAND…: whether it makes a call more for each number more that it might have
follows() {
	local more=$(($(closes 19000 "$@") - $(closes 1024 "$@")))

	if [ "$more" -ge 17900 ] && [ "$more" -le 18100 ]; then
		echo 'one for each'
	elif [ "$more" -le 100 ]; then
		echo none
	else
		echo "$more"
	fi
}

expect '17,976 numbers more: lsof closes' "$(follows "$bin/lsof" -p $$)" 'one for each'
expect 'start-stop-daemon --background closes' \
	"$(follows "$work/root/sbin/start-stop-daemon" --start --background --exec /bin/true)" \
	'one for each'
expect 'bash closes' "$(follows bash -c '/bin/true; :')" none
seen
