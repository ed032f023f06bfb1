#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Redis wants maxclients + 32 descriptors (10,032 by default) and, where the hard limit forbids
# that, does not take the hard limit: it tries in steps of 16 downwards, and stays at the first
# that is granted, if that is more than it has. So under LimitNOFILE=300:511 it sets soft and
# hard limit to 496, a number that is in no file: neither in the unit nor in limits.conf nor in
# redis.conf. The clients that it takes are that less 32. And as the hard limit has gone down
# as well, prlimit can't give the rest back without root's rights.
#
# What follows: who looks for where "496" was set finds nothing, and a hard limit a little higher
# may change nothing. What to change is the hard limit in front of it, by 16 at least.
#
# Seen with redis-server and redis-tools 5:7.0.15-1~deb12u10 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 liblzf1=3.6-3 \
	liblua5.1-0=5.1.5-9 lua-bitop=1.0.2-7 lua-cjson=2.1.0+dfsg-2.2 libjemalloc2=5.3.0-1 \
	libhiredis0.14=0.14.1-3 libatomic1=12.2.0-14+deb12u1
libraries=$work/root/usr/lib/x86_64-linux-gnu

# under SOFT HARD: its soft and hard limit, and its maxclients
under() {
	local pid server="$work/redis-$1-$2.sock"
	(
		ulimit -Sn "$1"
		ulimit -Hn "$2"
		LD_LIBRARY_PATH=$libraries exec "$work/root/usr/bin/redis-server" --port 0 \
			--unixsocket "$server" --save '' --dir "$work"
	) >"$work/log" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		[ -S "$server" ] && break
		sleep 0.1
	done
	awk '/^Max open files/ { printf "%s:%s ", $4, $5 }' "/proc/$pid/limits"
	LD_LIBRARY_PATH=$libraries "$work/root/usr/bin/redis-cli" -s "$server" config get maxclients |
		tail -n 1
	kill "$pid"
	wait "$pid" || :
}

expect 'limits and maxclients under 300:500' "$(under 300 500)" '496:496 464'
expect 'under 300:511' "$(under 300 511)" '496:496 464'
expect 'under 300:512' "$(under 300 512)" '512:512 480'
expect 'under 500:500, which it has' "$(under 500 500)" '500:500 468'
seen
