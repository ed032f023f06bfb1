#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A process whose table is full of descriptors that are not close-on-exec starts children that
# end before main(): their loader can't open libc.so.6, says "error while loading shared
# libraries: libc.so.6: cannot open shared object file: Error 24" (a number, no words) and exits
# with 127, which shells, system() and supervisors take for "command not found". fork(), exec()
# and posix_spawn() have all succeeded. With close-on-exec descriptors, and for programs that
# are linked statically, all is well at the same full table.
#
# What follows: a health check or a hook that "is not found", with 127, may be a full table that
# was inherited, and "Error 24" of a loader is EMFILE.
#
# Seen with libc6 2.36-9+deb12u14, dash 0.5.12-2 and busybox-static 1:1.35.0-4+deb12u1+b1
# (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian libc6=2.36-9+deb12u14 dash=0.5.12-2 busybox-static=1:1.35.0-4+deb12u1+b1
cat >"$work/full.c" <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* full FLAG PROGRAM ARGUMENT…: runs it from a full table, and prints its status */
int main(int argc, char **argv)
{
	struct rlimit limit = { 64, 64 };
	int status = -1;

	setrlimit(RLIMIT_NOFILE, &limit);
	while (open("/dev/null", O_RDONLY | (strcmp(argv[1], "cloexec") ? 0 : O_CLOEXEC)) >= 0)
		;
	if (argc > 2 && vfork() == 0) {
		execv(argv[2], argv + 2);
		_exit(100);
	}
	wait(&status);
	printf("%d\n", WEXITSTATUS(status));
	return 0;
}
END
gcc -Wall -Werror -O1 -static -o "$work/full" "$work/full.c"
loader=$work/root/lib64/ld-linux-x86-64.so.2
run() {
	"$work/full" "$1" "${@:2}" 2>"$work/said"
}
dynamic=("$loader" --library-path "$work/root/lib/x86_64-linux-gnu" "$work/root/bin/dash")
expect 'status of a shell, descriptors close-on-exec' "$(run cloexec "${dynamic[@]}" -c 'exit 7')" 7
expect 'status of a shell that inherits them' "$(run inherited "${dynamic[@]}" -c 'exit 7')" 127
expect 'what it says of itself' "$(sed 's/.*: \(Error\)/\1/' "$work/said")" 'Error 24'
expect 'status of a static shell that inherits them' \
	"$(run inherited "$work/root/bin/busybox" sh -c 'exit 7')" 7
seen
