#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The limiters of service supervisors give less than they were told, without a word:
# runit's `chpst -o N`, daemontools' `softlimit -o N` and s6's `s6-softlimit -o N` set
# the soft limit to the hard one where N is above it, and start the program with status
# 0. util-linux' prlimit refuses the same with an error. None of the three changes the
# hard limit.
#
# What follows: a run script that says `chpst -o 65536` proves nothing of the limit that
# the service has; the line is right and the hard limit above it is what has to change.
#
# Seen with runit 2.1.2-54, daemontools 1:0.76-8.1, s6 2.11.3.2-1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian runit=2.1.2-54 daemontools=1:0.76-8.1 s6=2.11.3.2-1 libskarnet2.13=2.13.1.1-1
bin=$work/root/usr/bin
LD_LIBRARY_PATH=$(dirname "$(find "$work/root" -name 'libskarnet.so.*' | head -n 1)")
export LD_LIBRARY_PATH

# as_nobody_with COMMAND…: below a hard limit of 2048, which nobody may raise
as_nobody_with() {
	prlimit --nofile=1024:2048 setpriv --reuid 65534 --clear-groups --bounding-set=-all \
		"$@" grep 'open files' /proc/self/limits 2>"$work/errors" |
		awk '{ print $4 ":" $5 }'
	[ -s "$work/errors" ] && echo ' with an error'
	true
}

chmod 711 "$work"
for limiter in chpst softlimit s6-softlimit; do
	expect "$limiter -o 700 below 1024:2048" "$(as_nobody_with "$bin/$limiter" -o 700)" 700:2048
	expect "$limiter -o 65536 below 1024:2048" \
		"$(as_nobody_with "$bin/$limiter" -o 65536)" 2048:2048
done
expect 'prlimit --nofile=65536: below 1024:2048' \
	"$(as_nobody_with prlimit --nofile=65536: | tr -d '\n')" ' with an error'
seen
