#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `awk '{ print > $1 }'` with more names than the limit has room for: gawk closes files that it
# did not use last, opens them again to append when their turn comes, and gets all of it right
# at any limit; mawk (what `awk` is in Debian), the original awk and BusyBox's end at the name
# that does not fit, with status 1 or 2, after having written what came before.
#
# What follows: a script may have run for years on a machine where `awk` was gawk. And gawk is
# at 100 % of its limit by design, with no refusal that anybody would see in its output.
#
# Seen with gawk 1:5.2.1-2, mawk 1.3.4.20200120-3.1, original-awk 2022-09-12-1 and busybox
# 1:1.35.0-4+deb12u1+b1 (Debian 12), 200 names at a limit of 64.
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian gawk=1:5.2.1-2 libsigsegv2=2.14-1 mawk=1.3.4.20200120-3.1 original-awk=2022-09-12-1 \
	busybox=1:1.35.0-4+deb12u1+b1
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu
seq 200 >"$work/names"
# split AWK…: each name's file gets a first and a last line; the status, files and lines
split() {
	local status=0
	rm -rf "$work/out"
	mkdir "$work/out"
	(
		ulimit -n 64
		cd "$work/out"
		# shellcheck disable=SC2016 # awk's
		"$@" '{ print "first" > $1 } END { for (i = 1; i <= 200; i++) print "last" > i }' \
			"$work/names" 2>"$work/said"
	) || status=$?
	echo "$status $(find "$work/out" -type f | wc -l) $(cat "$work/out"/* | wc -l)"
}
expect 'gawk: status, files, lines' "$(split "$work/root/usr/bin/gawk")" '0 200 400'
expect 'mawk' "$(split "$work/root/usr/bin/mawk")" '2 59 59'
expect 'what it says' "$(cat "$work/said")" 'mawk: cannot open "60" for output (Too many open files)'
expect 'original-awk' "$(split "$work/root/usr/bin/original-awk")" '2 59 59'
expect 'what it says, which has no reason' "$(head -n 1 "$work/said" | sed 's/.*: //')" "can't open file 60"
expect 'BusyBox awk' "$(split "$work/root/bin/busybox" awk)" '1 59 59'
seen
