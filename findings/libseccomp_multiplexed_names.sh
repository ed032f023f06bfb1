#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libseccomp's names and numbers are no inverse of each other where an ABI has socket calls
# both of their own and within socketcall(2): i386, s390x, ppc64le. Asked for the number of
# "socket" there, it answers -101, which is no call's number but a mark for filters; asked for
# the name of the number that socket has (359, 359 and 326), it answers "socket". The same
# holds for connect, accept4, sendmsg and the others, and for the System V calls.
#
# What follows: a table of calls must be filled by number. By name a monitor would have no
# number for socket() of 32-bit programs on x86-64, and for none of all programs on s390x.
#
# Seen with libseccomp2 2.5.4-1+deb12u1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian libseccomp-dev=2.5.4-1+deb12u1 libseccomp2=2.5.4-1+deb12u1
cat >"$work/names.c" <<'END'
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	unsigned int arch = seccomp_arch_resolve_name(argv[1]);
	int number = atoi(argv[2]);
	char *name = seccomp_syscall_resolve_num_arch(arch, number);

	if (argc != 3 || !name)
		return 1;
	printf("%d is %s, %s is %d\n", number, name, name,
	       seccomp_syscall_resolve_name_arch(arch, name));
	return 0;
}
END
lib=$work/root/usr/lib/x86_64-linux-gnu
gcc -I"$work/root/usr/include" "$work/names.c" -o "$work/names" "$lib/libseccomp.a"

expect 'x86' "$("$work/names" x86 359)" '359 is socket, socket is -101'
expect 's390x' "$("$work/names" s390x 359)" '359 is socket, socket is -101'
expect 'ppc64le' "$("$work/names" ppc64le 326)" '326 is socket, socket is -101'
expect 'x86, a call of its own alone' "$("$work/names" x86 295)" '295 is openat, openat is 295'
expect 'arm: it has no socketcall' "$("$work/names" arm 281)" '281 is socket, socket is 281'
seen
