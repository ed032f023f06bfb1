#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A user without privilege who has 1,024 pipes gets the next one with two pages, 8 KiB,
# instead of 64 KiB, without an error. pipe(7) of Debian 12 says one page; so it was
# before Linux 5.14. The bound is fs.pipe-user-pages-soft, 16,384 pages for all processes
# of the user; only the hard one, which is off, makes pipe() fail (with ENFILE).
#
# What follows: a leak of pipes slows the other programs of the same user down, long
# before a call is refused, and no error tells of it.
#
# Seen with Linux 6.18.44 and python3.11 3.11.2-6+deb12u9; manpages 6.03-2 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian python3.11-minimal=3.11.2-6+deb12u9 libpython3.11-minimal=3.11.2-6+deb12u9 \
	libpython3.11-stdlib=3.11.2-6+deb12u9 manpages=6.03-2
cat >"$work/pipes.py" <<'END'
import fcntl
import os
import resource

USER = 64321  # who has no other process
os.setgid(USER)
os.setuid(USER)
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
sizes = [fcntl.fcntl(os.pipe()[0], fcntl.F_GETPIPE_SZ) for _ in range(1100)]
print(sizes.count(65536), sizes[0], sizes[-1])
END
[ "$(cat /proc/sys/fs/pipe-user-pages-soft)" = 16384 ] || die 'needs the default soft bound'
expect 'full-sized pipes, size of the first and of the last' \
	"$(PYTHONHOME=$work/root/usr "$work/root/usr/bin/python3.11" "$work/pipes.py")" \
	'1024 65536 8192'
page=$(zcat "$work/root/usr/share/man/man7/pipe.7.gz" | tr '\n' ' ')
case $page in
*'limited to one page'*) said='limited to one page' ;;
*) said='another size' ;;
esac
expect 'what pipe(7) says of it' "$said" 'limited to one page'
seen
