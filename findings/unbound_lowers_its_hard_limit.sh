#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unbound computes how many descriptors it wants (from num-threads, outgoing-range and
# incoming-num-tcp: 4,140 as it comes, 16,518 with four threads). Where its soft limit is lower it
# sets soft and hard limit to that number, so that a hard limit of 20,000 in front of it goes down to
# 4,140, and prlimit can't give it back without root's rights. Where the soft limit is enough it
# touches neither. So a LimitNOFILE above the number is kept, and one below it leaves no trace.
#
# What follows: 4140 is in no file. What decides is num-threads and outgoing-range in
# unbound.conf, or a soft limit above the number.
#
# Seen with unbound 1.17.1-2+deb12u4 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian unbound=1.17.1-2+deb12u4 libevent-2.1-7=2.1.12-stable-8+deb12u1 \
	libprotobuf-c1=1.4.1-1+b1 libhiredis0.14=0.14.1-3 libpython3.11=3.11.2-6+deb12u9 \
	libnghttp2-14=1.52.0-1+deb12u3

# under SOFT HARD THREADS: its soft and hard limit once it answers
under() {
	local server
	cat >"$work/unbound.conf" <<-CONF
		server:
		  interface: 127.0.0.1@15353
		  chroot: ""
		  username: ""
		  pidfile: ""
		  directory: "$work"
		  use-syslog: no
		  logfile: ""
		  verbosity: 1
		  num-threads: $3
		remote-control:
		  control-enable: no
	CONF
	(
		ulimit -Sn "$1"
		ulimit -Hn "$2"
		LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu exec \
			"$work/root/usr/sbin/unbound" -d -c "$work/unbound.conf"
	) >"$work/log" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		grep -q 'start of service' "$work/log" && break
		sleep 0.1
	done
	awk '/^Max open files/ { print $4 ":" $5 }' "/proc/$server/limits"
	kill "$server"
	wait "$server" || :
}

expect 'limits under 256:20000' "$(under 256 20000 1)" 4140:4140
expect 'under 256:20000, four threads' "$(under 256 20000 4)" 16518:16518
expect 'under 5000:20000, which is enough' "$(under 5000 20000 1)" 5000:20000
seen
