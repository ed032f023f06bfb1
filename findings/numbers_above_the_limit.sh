#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A number that the limit does not allow is not "too many open files" to the kernel: dup2() to it
# fails with EBADF, fcntl(F_DUPFD) from it on with EINVAL. So bash, whose scripts lock with
# "exec 300>file" and flock(1), says "300: Bad file descriptor" under a limit of 200 with three
# descriptors open, and goes on without the lock's file. And shells keep what they redirect from
# 10 on, so under a limit of 10 dash can redirect nothing ("1: Invalid argument", and the echo
# behind it has lost its output: "I/O error"), mksh says "too many open files", which the kernel
# did not, and bash does without.
#
# What follows: none of these is an EMFILE. Who counts those sees nothing, and the table is nearly
# empty; the limit is the cause all the same.
#
# Seen with bash 5.2.15-2+b13, dash 0.5.12-2 and mksh 59c-28+deb12u1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian bash=5.2.15-2+b13 dash=0.5.12-2 mksh=59c-28+deb12u1

# said SHELL TEXT: what the shell prints, without its own name and the place
said() {
	"$work/root/bin/$1" -c "$2" 2>&1 | sed -E 's/^(E: )?[^ ]*(: line [0-9]+|: [0-9]+)?: //' |
		paste -sd'|'
}

expect 'bash, 300 under a limit of 200' \
	"$(said bash 'ulimit -n 200; exec 300>/dev/null; echo "status $?, goes on"')" \
	'300: Bad file descriptor|status 1, goes on'
redirected='ulimit -n 10; echo a >/dev/null; echo "status $?"'
expect 'bash, a redirection under a limit of 10' "$(said bash "$redirected")" 'status 0'
expect 'dash' "$(said dash "$redirected")" \
	'1: Invalid argument|echo: echo: I/O error'
expect 'mksh' "$(said mksh "$redirected")" \
	'too many open files (1 -> -1): Invalid argument'
seen
