#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A list of system calls that is made of the lines "#define __NR_name number" is not whole on
# arm64 and riscv64: their header is the generic one, where eleven calls, fcntl and lseek among
# them, are "#define __NR_fcntl __NR3264_fcntl". And two of its lines are no calls:
# __NR_syscalls is one more than the last number, so the next call that a kernel gets is taken
# for one of that name, and __NR_arch_specific_syscall is where an architecture's own begin.
# Of 32-bit programs' calls these headers say nothing: unistd_32.h is x86's alone.
#
# What follows: names and numbers are to be taken from a table that is made for it, or from
# what a compiler makes of each macro.
#
# Seen with linux-libc-dev-arm64-cross 6.1.4-1cross1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian linux-libc-dev-arm64-cross=6.1.4-1cross1
include=$work/root/usr/aarch64-linux-gnu/include
echo '#include <asm/unistd.h>' | gcc -nostdinc -undef -D__aarch64__ -D__LP64__ -D__BITS_PER_LONG=64 \
	-I"$include" -E -dM - | awk '$2 ~ /^__NR_/' >"$work/macros"

expect 'calls that are defined by a number' \
	"$(awk '$3 ~ /^[0-9]+$/' "$work/macros" | wc -l)" 297
expect 'what is not' "$(awk '$3 !~ /^[0-9]+$/ { sub("__NR_", "", $2); print $2 }' "$work/macros" |
	sort | xargs)" 'fadvise64 fcntl fstat fstatfs ftruncate lseek mmap newfstatat sendfile statfs truncate'
expect 'of these, fcntl' "$(awk '$2 == "__NR_fcntl" { print $3 }' "$work/macros")" __NR3264_fcntl
expect 'no calls, with a number' "$(awk '/__NR_(arch_specific_syscall|syscalls) / { print $2, $3 }' "$work/macros" | sort | xargs)" \
	'__NR_arch_specific_syscall 244 __NR_syscalls 451'
expect 'a header of 32-bit calls' "$([ -e "$include/asm/unistd_32.h" ] && echo yes || echo none)" none
seen
