#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# musl, the C library of Alpine's images, calls EMFILE "No file descriptors available"; the
# words "Too many open files" are in no text of its strerror() but ENFILE's, "Too many open files
# in system", as in glibc's. And where glibc's system() and posix_spawn() need no
# descriptor of their own, musl's make a pipe first: at a full table they fail with EMFILE, so
# that nothing is run. getaddrinfo() is more honest there: EAI_SYSTEM, with the reason in errno,
# where glibc says that the name does not exist.
#
# What follows: an alarm on the words "Too many open files" in logs never fires in containers of
# Alpine.
#
# Seen with musl and musl-dev 1.2.3-1 and libc6 2.36-9+deb12u14 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian musl=1.2.3-1 musl-dev=1.2.3-1 libc6=2.36-9+deb12u14
cat >"$work/full.c" <<'END'
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

extern char **environ;

int main(int argc, char **argv)
{
	struct rlimit limit = { 64, 64 };
	struct addrinfo *found;
	char *words[] = { argv[0], NULL };
	pid_t child;

	if (argc == 1) /* the child */
		return 0;
	printf("%s|%s|", strerror(EMFILE), strerror(ENFILE));
	setrlimit(RLIMIT_NOFILE, &limit);
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		;
	printf("%s|", strerror(posix_spawn(&child, argv[0], NULL, NULL, words, environ)));
	printf("%s|", system("exit 7") == -1 ? strerror(errno) : "run");
	printf("%s\n", gai_strerror(getaddrinfo("localhost", "80", NULL, &found)));
	return 0;
}
END
musl=$work/root/usr/lib/x86_64-linux-musl
gcc -static -nostdinc -isystem "$work/root/usr/include/x86_64-linux-musl" -nostdlib -o "$work/musl" \
	"$musl/crt1.o" "$musl/crti.o" "$work/full.c" -L"$musl" -lc -lgcc "$musl/crtn.o"
gcc -o "$work/glibc" "$work/full.c"
echo "EMFILE's words | ENFILE's | posix_spawn() | system() | getaddrinfo() at a full table"
expect musl "$("$work/musl" 1)" \
	'No file descriptors available|Too many open files in system|No file descriptors available|No file descriptors available|System error'
expect glibc "$("$work/root/lib64/ld-linux-x86-64.so.2" \
	--library-path "$work/root/lib/x86_64-linux-gnu" "$work/glibc" 1)" \
	'Too many open files|Too many open files in system|Success|run|Name or service not known'
seen
