# SPDX-License-Identifier: GPL-2.0-or-later
"""`ps --json` against the kernel's own listing, for every kind of table."""
import os
import re
import subprocess
import time

from harness import (FDWARDEN, Zoo, check, listed, need_limit, need_root, note, pids, ps,
                     same)

DONE = ("say=done", "wait")


def exact(*steps, wanted=None):
    """One process, whose count is its listing's, and `wanted` if given."""
    with Zoo(*steps, *DONE) as zoo:
        zoo.expect("done", 30)
        fd = ps(zoo.pid)[zoo.pid]["fd"]
        same(fd["count"], listed(zoo.pid), "fd.count")
        if wanted is not None:
            same(fd["count"], wanted, "fd.count")
        return fd


def test_received_by_scm_rights():
    exact("limit=1024", "scm_rights=300", wanted=305)


def test_lost_by_scm_rights():
    fd = exact("limit=64", "scm_full=20", wanted=64)
    same(fd["free"], 0, "fd.free")


def test_inherited_by_fork():
    with Zoo("openat=40", "fork=3", *DONE) as zoo:
        zoo.expect("done")
        table = ps()
        for words in zoo.said("child"):
            child = int(words[1])
            same(table[child]["fd"]["count"], 43, "fd.count of a copy")
            same(table[child]["process"]["parent"]["pid"], zoo.pid, "parent of a copy")
        same(table[zoo.pid]["fd"]["count"], 43, "fd.count")


def test_dropped_by_exec():
    exact("openat=10", "cloexec=30", "exec", wanted=13)


def test_closed_by_close_range():
    exact("openat=100", "close_range=50:79", wanted=73)


def test_closed_by_close_range_unshare():
    with Zoo("openat=20", "share", "close_range_unshare=10:14", *DONE) as zoo:
        zoo.expect("done")
        child = int(zoo.said("child")[0][1])
        table = ps(zoo.pid, child)
        same((table[zoo.pid]["fd"]["count"], table[child]["fd"]["count"]), (18, 23),
             "counts of the one that closed and the other")
        check("shared_with" not in table[zoo.pid]["fd"], "still called shared")


def test_placed_by_dup2():
    fd = exact("limit=1024", "dup2=900", wanted=4)
    same(fd["used"], 4, "fd.used")


def test_placed_above_the_limit():
    """count is all, used is what is below the limit."""
    fd = exact("limit=1024", "dup2=900", "dup2=901", "limit=900", wanted=5)
    same(fd["used"], 3, "fd.used")


def test_shared_by_clone_files():
    with Zoo("share=2", "clone_files=50", *DONE) as zoo:
        zoo.expect("done")
        table = ps()
        members = [zoo.pid] + [int(words[1]) for words in zoo.said("child")]
        for pid in members:
            same(table[pid]["fd"]["count"], 53, "fd.count")
            same(table[pid]["fd"].get("shared_with"), 2, "fd.shared_with")


def test_unshared():
    with Zoo("share", "unshare", "openat=7", *DONE) as zoo:
        zoo.expect("done")
        child = int(zoo.said("child")[0][1])
        table = ps(zoo.pid, child)
        same((table[zoo.pid]["fd"]["count"], table[child]["fd"]["count"]), (10, 3),
             "counts of the two")


def test_15000_in_one():
    need_limit(15010)
    exact("limit=15010", "openat=15000", wanted=15003)


def test_one_word_tables():
    for number in (0, 1, 60, 61, 62):
        exact("limit=256", f"openat={number}", wanted=3 + number)


def test_leaderless():
    """/proc/PID/fd shows nothing of it; that of the thread that is left does."""
    with Zoo("openat=20", "leaderless", "openat=5", *DONE) as zoo:
        zoo.expect("done")
        time.sleep(0.05)
        tid = next(int(t) for t in os.listdir(f"/proc/{zoo.pid}/task") if int(t) != zoo.pid)
        same(listed(zoo.pid, tid), 28, "listing of the thread")
        same(ps(zoo.pid)[zoo.pid]["fd"]["count"], 28, "fd.count")


def test_thread_with_a_table_of_its_own():
    with Zoo("openat=4", "thread_table=50", *DONE) as zoo:
        zoo.expect("done")
        tid = int(zoo.said("thread")[0][1])
        fd = ps(zoo.pid)[zoo.pid]["fd"]
        same(fd.get("tables"), 2, "fd.tables")
        same((fd.get("thread"), fd["count"]), (tid, listed(zoo.pid, tid)),
             "the fuller of its tables")


def test_open_in_flight():
    """A slot is taken that a listing does not show: it counts against the limit."""
    with Zoo("flight=3", *DONE) as zoo:
        zoo.expect("done")
        same(listed(zoo.pid), 3, "listing")
        same(ps(zoo.pid)[zoo.pid]["fd"]["count"], 6, "fd.count")


def test_closed_by_io_uring():
    exact("uring_open=9", "uring_close=4", wanted=9)  # 3, the ring, 5


def test_ring_files_are_no_descriptors():
    exact("uring_fixed_open", wanted=4)


def test_put_into_a_child_by_seccomp():
    with Zoo("seccomp_addfd=12", *DONE) as zoo:
        zoo.expect("done")
        child = int(zoo.said("child")[0][1])
        # the three standard ones, what was put
        same(ps(child)[child]["fd"]["count"], 15, "fd.count of the child")
        same(listed(child), 15, "listing of the child")


def test_limits_are_shown():
    with Zoo("limit=100:200", *DONE) as zoo:
        zoo.expect("done")
        fd = ps(zoo.pid)[zoo.pid]["fd"]
        same((fd["soft_limit"], fd["hard_limit"]), (100, 200), "limits")


def test_every_quiet_process():
    """Each process whose listing is the same before and after."""
    def listing():
        counts = {}
        for pid in pids():
            try:
                counts[pid] = listed(pid)
            except OSError:
                pass
        return counts

    def hidden(pid):
        """Kept from root itself, by a security module: BPF may not see it."""
        try:
            os.readlink(f"/proc/{pid}/ns/pid")
            return False
        except PermissionError:
            return True
        except OSError:
            return False

    def compared():
        """Of those with one listing before and after: how many, and which ps has otherwise."""
        before, table, after = listing(), ps(), listing()
        quiet = {pid: n for pid, n in before.items()
                 if after.get(pid) == n and (n or pid in table) and pid != os.getpid()}
        return quiet, table, {pid: (n, table[pid]["fd"]["count"] if pid in table else None)
                              for pid, n in quiet.items()
                              if n != (table[pid]["fd"]["count"] if pid in table else None)}

    crowd = ("limit=200", "crowd=100", "openat=90", "say=there", "wait")
    with Zoo(*crowd) as zoo:
        zoo.expect("there")
        quiet, table, wrong = compared()
        # What opens and closes between the listings is not quiet: it may differ, but not
        # each time that its listing is the same.
        for _ in range(5):
            if wrong:
                now = compared()[2]
                wrong = {pid: pair for pid, pair in wrong.items() if pid in now}
        kept = [pid for pid in wrong if pid not in table and hidden(pid)]
        wrong = {pid: pair for pid, pair in wrong.items() if pid not in kept}
        note(f"{len(quiet)} processes compared; root may not look at {kept}")
        check(len(quiet) > 100, "too few processes")
        same(wrong, {}, "processes with another count (listing, ps)")


def test_kernel_threads_are_left_out():
    table = ps()
    for pid in pids():
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                flags = int(stat.read().rsplit(")", 1)[1].split()[6])
        except OSError:
            continue
        if flags & 0x00200000:  # PF_KTHREAD
            check(pid not in table, f"kernel thread {pid} is listed")


def test_fullest_first():
    need_root()
    with Zoo("limit=64", "fill=64", *DONE) as zoo:
        zoo.expect("done")
        done = subprocess.run([FDWARDEN, "ps"], capture_output=True, text=True, timeout=20,
                              check=False)
        same(done.returncode, 0, "exit status")
        check("\x1b" not in done.stdout, "colours, though this is no terminal")
        head, *rows = done.stdout.splitlines()
        rows = [row for row in rows if not re.match(r"\d+ processes", row)]
        check(sum(str(zoo.pid) in row.split()[:1] for row in rows) == 1,
              "a full process is not listed once")
        edge = head.index("USE%") + len("USE%")  # of a column that ends there
        usages = [float(row[:edge].split()[-1]) for row in rows if row[:edge].strip()]
        check(usages[0] == 100 and usages == sorted(usages, reverse=True),
              f"not fullest first: {usages[:20]}")
