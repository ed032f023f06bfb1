#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints `[number] = "name",` for each system call of a header of the C library:
#   generate_syscall_names.sh asm/unistd.h
# A header that this architecture lacks gives an empty list.
set -eu
printf '#include <%s>\n' "$1" |
	${CC:-cc} -E -dM -x c - 2>/dev/null |
	awk '$2 ~ /^__NR_/ && $3 ~ /^[0-9]+$/ { sub(/^__NR_/, "", $2); printf "[%d] = \"%s\",\n", $3, $2 }' |
	sort -t[ -k2n -u
