#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A connection to a SQLite database that is closed leaves its descriptor open for as long as
# another connection of the same process holds a lock on the file: closing any descriptor of a
# file would drop all of the process's POSIX locks there. In WAL mode each open connection
# holds such a lock all the time, even one that does nothing. So of 50 connections beside an
# idle one 100 descriptors are open (the database and its -wal, each its own), and 50 of them
# stay when the 50 are closed; the next 50 connections take these again. They go when the idle
# one is closed. With a rollback journal they go as soon as nobody reads or writes.
#
# What follows: a service with a pool of connections in WAL mode rests at its highest number of
# connections, not at that of today. It is no leak, and it does not come down before a restart.
#
# Seen with libsqlite3-0 3.40.1-2+deb12u2 and python3.11 3.11.2-6+deb12u9 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian libsqlite3-0=3.40.1-2+deb12u2 python3.11-minimal=3.11.2-6+deb12u9 \
	libpython3.11-minimal=3.11.2-6+deb12u9 libpython3.11-stdlib=3.11.2-6+deb12u9
cat >"$work/pool.py" <<'END'
import os
import sqlite3
import sys

mode, reads, path = sys.argv[1], sys.argv[2] == "reads", sys.argv[3]


def used():
    return sum(os.path.realpath(f"/proc/self/fd/{fd}").startswith(path)
               for fd in os.listdir("/proc/self/fd"))


idle = sqlite3.connect(path, isolation_level=None)
idle.execute(f"PRAGMA journal_mode={mode}")
idle.execute("CREATE TABLE t (x)")
idle.execute("INSERT INTO t VALUES (1)")
for _ in range(2):
    pool = [sqlite3.connect(path) for _ in range(50)]
    for each in pool:
        each.execute("SELECT x FROM t").fetchall()
    most = used()
    if reads:
        idle.execute("BEGIN")
        idle.execute("SELECT x FROM t").fetchall()
    for each in pool:
        each.close()
    print(most, used(), end=" ")
    if reads:
        idle.execute("ROLLBACK")
        print(used(), end=" ")
idle.close()
print(used())
END
pool() {
	LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu PYTHONHOME=$work/root/usr \
		"$work/root/usr/bin/python3.11" "$work/pool.py" "$1" "$2" "$work/$1-$2.db"
}
echo 'open with 50 connections, after 50 closes (after the read); again; at the end'
expect 'rollback journal, one that is idle' "$(pool delete idle)" '51 1 51 1 0'
expect 'rollback journal, one that reads' "$(pool delete reads)" '51 51 1 51 51 1 0'
expect 'WAL, one that is idle' "$(pool wal idle)" '103 53 103 53 0'
seen
