#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What glibc's functions say at a full descriptor table, where "too many open files" is
# the reason: getaddrinfo() says "Name or service not known" (EAI_NONAME, as of a name
# that does not exist, not EAI_SYSTEM or EAI_AGAIN); localtime() gives UTC, under the
# name of the zone's first word, and no error; iconv_open() says EINVAL, as of a
# character set that is not known; glob() says that nothing matches; setlocale() says no.
#
# What follows: a service whose log is full of unknown host names, or whose times jump
# to UTC, may be at its limit without the words "too many open files" anywhere.
#
# Seen with libc6 2.36-9+deb12u14 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian libc6=2.36-9+deb12u14
cat >"$work/full.c" <<'END'
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct rlimit limit = { 64, 64 };
	struct addrinfo *found;
	const char *what = argc > 1 ? argv[1] : "";
	time_t epoch = 0;
	glob_t names;

	setenv("TZ", "Europe/Berlin", 1);
	setrlimit(RLIMIT_NOFILE, &limit);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	errno = 0;
	if (!strcmp(what, "getaddrinfo"))
		puts(gai_strerror(getaddrinfo("localhost", "80", NULL, &found)));
	else if (!strcmp(what, "localtime"))
		printf("hour %d\n", localtime(&epoch)->tm_hour);
	else if (!strcmp(what, "iconv_open"))
		puts(iconv_open("CP866", "UTF-8") == (iconv_t)-1 ? strerror(errno) : "known");
	else if (!strcmp(what, "glob"))
		puts(glob("/etc/pass*", 0, NULL, &names) == GLOB_NOMATCH ? "no match" : "other");
	else if (!strcmp(what, "setlocale"))
		puts(setlocale(LC_ALL, "C.UTF-8") ? "set" : "no such locale");
	return 0;
}
END
gcc -Wall -Werror -O1 -o "$work/full" "$work/full.c"
full() {
	"$work/root/lib64/ld-linux-x86-64.so.2" \
		--library-path "$work/root/lib/x86_64-linux-gnu" "$work/full" "$1"
}
[ -e "$work/root/lib64/ld-linux-x86-64.so.2" ] || die 'the loader is not where it was'
expect 'getaddrinfo("localhost") at a full table' "$(full getaddrinfo)" 'Name or service not known'
expect 'localtime(0) with TZ=Europe/Berlin, where it is 1 h' "$(full localtime)" 'hour 0'
expect 'iconv_open("CP866", …)' "$(full iconv_open)" 'Invalid argument'
expect 'glob("/etc/pass*")' "$(full glob)" 'no match'
expect 'setlocale(LC_ALL, "C.UTF-8")' "$(full setlocale)" 'no such locale'
seen
