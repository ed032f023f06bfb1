#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sd_notify() makes a socket for each message and closes it again. So a daemon whose table is
# full gets no message through, the watchdog's among them: sd_notify(0, "WATCHDOG=1") gives
# -EMFILE, which hardly anybody looks at, and after WatchdogSec= systemd ends a service that
# did its work. The reason in the journal is "watchdog", not "too many open files".
#
# What follows: a service that is restarted by its watchdog now and then may be one that is at
# its limit. A daemon that has to hold out there keeps a descriptor free for it, or makes
# its own socket at the start.
#
# Seen with libsystemd0 and libsystemd-dev 252.39-1~deb12u2 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian libsystemd0=252.39-1~deb12u2 libsystemd-dev=252.39-1~deb12u2
cat >"$work/notify.c" <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static const char *ping(void)
{
	int sent = sd_notify(0, "WATCHDOG=1");

	return sent > 0 ? "sent" : strerror(-sent);
}

int main(void)
{
	struct rlimit limit = { 64, 64 };

	printf("%s|", ping());
	setrlimit(RLIMIT_NOFILE, &limit);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	printf("%s|", ping());
	close(10);
	printf("%s|", ping());
	open("/dev/null", O_RDONLY); /* the place that the one before had */
	printf("%s\n", ping());
	return 0;
}
END
gcc -Wall -Werror -O1 -I"$work/root/usr/include" -o "$work/notify" "$work/notify.c" \
	"$work/root/usr/lib/x86_64-linux-gnu/libsystemd.so.0" -Wl,--allow-shlib-undefined
cat >"$work/listen.py" <<'END'
import os
import socket
import subprocess
import sys

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
said = subprocess.run([sys.argv[2]], env={**os.environ, "NOTIFY_SOCKET": sys.argv[1]},
                      stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
manager.setblocking(False)
came = 0
try:
    while manager.recv(100):
        came += 1
except BlockingIOError:
    pass
print(f"{said}|{came} came")
END
expect 'with room, full, one descriptor closed, full again' \
	"$(LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu \
		python3 "$work/listen.py" "$work/manager.sock" "$work/notify")" \
	'sent|Too many open files|sent|Too many open files|2 came'
seen
