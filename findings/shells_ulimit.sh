#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `ulimit -n N` sets depends on the shell. bash, dash, BusyBox, mksh, ksh93u+m,
# yash and fish set the soft and the hard limit, so that nothing below can raise it
# again; zsh sets the soft limit alone, and so does tcsh's `limit descriptors N`.
#
# What follows: a script of zsh or tcsh that holds the line leaves the hard limit as
# it was, and a Go or Java program that it starts raises its soft limit past the line.
# Advice to write `ulimit -n N` into a script gives another hard limit by its shell.
#
# Seen with the versions below (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian bash=5.2.15-2+b13 dash=0.5.12-2 busybox=1:1.35.0-4+deb12u1+b1 mksh=59c-28+deb12u1 \
	ksh93u+m=1.0.4-3 yash=2.52-2 fish=3.6.0-3.1+deb12u1 zsh=5.9-4+b15 tcsh=6.24.07-1 \
	libpcre2-32-0=10.42-1+deb12u2
root=$work/root
export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu

# limits SHELL…: soft and hard limit after the shell was told 700 below 1024:2048
limits() {
	prlimit --nofile=1024:2048 "$@" | awk '/open files/ { print $4 ":" $5 }'
}

look='grep "open files" /proc/self/limits'
both="ulimit -n 700; $look"
expect 'bash    ulimit -n 700' "$(limits "$root/bin/bash" -c "$both")" 700:700
expect 'dash    ulimit -n 700' "$(limits "$root/bin/dash" -c "$both")" 700:700
expect 'busybox ulimit -n 700' "$(limits "$root/bin/busybox" sh -c "$both")" 700:700
expect 'mksh    ulimit -n 700' "$(limits "$root/bin/mksh" -c "$both")" 700:700
expect 'ksh93   ulimit -n 700' "$(limits "$root/bin/ksh93" -c "$both")" 700:700
expect 'yash    ulimit -n 700' "$(limits "$root/usr/bin/yash" -c "$both")" 700:700
expect 'fish    ulimit -n 700' "$(HOME=$work limits "$root/usr/bin/fish" -c "$both")" 700:700
modules="module_path=($root/usr/lib/x86_64-linux-gnu/zsh/5.9)"
expect 'zsh     ulimit -n 700' "$(limits "$root/bin/zsh" -fc "$modules; $both")" 700:2048
expect 'tcsh    limit descriptors 700' \
	"$(limits "$root/bin/tcsh" -fc "limit descriptors 700; $look")" 700:2048
seen
