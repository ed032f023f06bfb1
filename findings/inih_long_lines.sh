#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# inih, as Debian builds it, reads 199 bytes of a line and takes the rest for another
# line, without an error: the end of a long value becomes a key of its own. A long list
# of names whose 200th byte begins with something like "ignore = yes" sets that key.
# And "#" does not begin a comment behind a value (";" behind a space does).
#
# What follows: a program that reads its configuration with inih has to look at the
# length of lines itself, and can't have longer ones. fdwarden splits its lines without it.
#
# Seen with libinih1 55-1 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian libinih1=55-1 libinih-dev=55-1
cat >"$work/read.c" <<'END'
#include <ini.h>
#include <stdio.h>
#include <string.h>

static int told(void *user, const char *section, const char *name, const char *value)
{
	(void)user;
	(void)section;
	if (strlen(value) > 20)
		printf("%s=(%zu bytes) ", name, strlen(value));
	else
		printf("%s=%s ", name, value);
	return 1;
}

int main(int argc, char **argv)
{
	printf("status %d\n", argc == 2 ? ini_parse(argv[1], told, NULL) : 1);
	return 0;
}
END
library=$work/root/usr/lib/x86_64-linux-gnu
gcc -Wall -Werror -I"$work/root/usr/include" -o "$work/read" "$work/read.c" -L"$library" -linih
read_ini() {
	printf '%b' "$1" >"$work/file.ini"
	LD_LIBRARY_PATH=$library "$work/read" "$work/file.ini"
}
a192=$(printf 'a%.0s' {1..192})
expect 'a value of 192 bytes, and more behind it' \
	"$(read_ini "[rule]\nname = ${a192}ignore = yes\n")" 'name=(192 bytes) ignore=yes status 0'
expect 'warn = 70 # why' "$(read_ini '[s]\nwarn = 70 # why\n')" 'warn=70 # why status 0'
expect 'warn = 70 ; why' "$(read_ini '[s]\nwarn = 70 ; why\n')" 'warn=70 status 0'
seen
