#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What objects of Python's standard library hold, in descriptors, is not what their
# names suggest:
# - multiprocessing.Process holds two pipe ends after join(), until close() or until the
#   object goes; a list of finished workers is a leak of pipes.
# - shared_memory.SharedMemory holds two descriptors of one file: its own, and the one
#   that mmap has duplicated.
# - mmap.mmap(f.fileno(), …) keeps a duplicate when the file is closed.
# - an asyncio event loop that is not closed holds one epoll and a pair of sockets.
# - multiprocessing.Event holds none, for semaphores are no descriptors.
#
# What follows: "pipe" in a table does not mean subprocess, and a ratio of one epoll to
# two unix sockets is one forgotten event loop each.
#
# Seen with Python 3.11.2-6+deb12u9 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian python3.11-minimal=3.11.2-6+deb12u9 libpython3.11-minimal=3.11.2-6+deb12u9 \
	libpython3.11-stdlib=3.11.2-6+deb12u9
cat >"$work/objects.py" <<'END'
import asyncio
import collections
import mmap
import multiprocessing
import os
import re
import sys
import tempfile
from multiprocessing import shared_memory


def kinds():
    """Of this process, by what the links of /proc say."""
    found = collections.Counter()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:  # the listing's own
            continue
        found["file" if target[0] == "/" else re.sub(r"anon_inode:|\W|\d", "", target)] += 1
    return found


def joined():
    process = multiprocessing.Process(target=int)
    process.start()
    process.join()
    return process


def closed():
    process = joined()
    process.close()
    return process


def mapped():
    with tempfile.TemporaryFile() as file:
        file.truncate(4096)
        return mmap.mmap(file.fileno(), 4096)


def shared():
    memory = shared_memory.SharedMemory(create=True, size=4096)
    memory.unlink()
    return memory


MAKERS = {
    "Process, joined": joined,
    "Process, joined and closed": closed,
    "SharedMemory": shared,
    "mmap of a closed file": mapped,
    "asyncio event loop": asyncio.new_event_loop,
    "Event": multiprocessing.Event,
}
make = MAKERS[sys.argv[1]]
kept = [make()]  # what the first of a kind starts for all of them
before = kinds()
kept += [make() for _ in range(10)]
after = kinds()
print(" ".join(f"{kind}:{(after[kind] - before[kind]) / 10:g}" for kind in sorted(after)
               if after[kind] != before[kind]) or "nothing", flush=True)
os._exit(0)
END
cost() {
	expect "one $1 holds" "$(PYTHONHOME=$work/root/usr "$work/root/usr/bin/python3.11" \
		"$work/objects.py" "$1")" "$2"
}
cost 'Process, joined' pipe:2
cost 'Process, joined and closed' nothing
cost SharedMemory file:2
cost 'mmap of a closed file' file:1
cost 'asyncio event loop' 'eventpoll:1 socket:2'
cost Event nothing
seen
