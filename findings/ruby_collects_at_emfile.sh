#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ruby answers EMFILE by itself: it collects garbage, which closes the files that nothing
# refers to any more, and makes the call again. A program that forgets to close files
# fills its table again and again, has calls refused each time, and never sees an error.
#
# What follows: fd-exhausted and fd-recovered that alternate for a Ruby process are a
# leak that the collector hides, at the price of a full collection each time.
#
# Seen with ruby3.1 3.1.7+really3.1.2-0+deb12u1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian ruby3.1=3.1.7+really3.1.2-0+deb12u1 libruby3.1=3.1.7+really3.1.2-0+deb12u1 \
	strace=6.1-0.1
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu
program='2000.times { File.open("/dev/null") }; puts "no error"'
expect '2000 files opened and not closed below a limit of 64' \
	"$("$work/root/usr/bin/strace" -f -e trace=openat -o "$work/calls" \
		prlimit --nofile=64:64 "$work/root/usr/bin/ruby3.1" --disable-gems -e "$program")" \
	'no error'
refused=$(grep -c '"/dev/null".*EMFILE' "$work/calls")
[ "$refused" -gt 20 ] && much='more than 20' || much=$refused
expect 'opens that the kernel refused meanwhile' "$much" 'more than 20'
seen
