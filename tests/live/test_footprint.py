# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon itself takes."""
import os
import time

from harness import Daemon, FDWARDEN, Skip, Zoo, check, listed, note, wait_until

CROWD = ("limit=200", "crowd=2000", "openat=97", "say=there", "wait")


def need_plain_build():
    """A sanitizer takes many times the memory and time, which says nothing."""
    with open(FDWARDEN, "rb") as program:
        if b"__asan_init" in program.read():
            raise Skip("built with a sanitizer")


def status_kib(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def cpu_ns(pid):
    """Of all its threads, by the scheduler's own clock: ticks are too coarse."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as stat:
            total += int(stat.read().split()[0])
    return total


def test_memory_with_2000_processes():
    need_plain_build()
    with Daemon() as daemon, Zoo(*CROWD) as zoo:
        zoo.expect("there", 60)
        time.sleep(3)
        rss, own = (status_kib(daemon.pid, field) / 1024 for field in ("VmRSS", "RssAnon"))
        note(f"RSS {rss:.1f} MiB with 2000 processes of 100 descriptors, {own:.1f} of it its own")
        # The rest is of files, and as much as the system has read of its libraries.
        check(own < 5, f"{own:.1f} MiB are its own")


def test_memory_comes_back():
    """What a crowd took is given back when it has gone."""
    need_plain_build()
    with Daemon("snapshot.interval=200ms") as daemon:
        time.sleep(1)
        before = status_kib(daemon.pid, "RssAnon")
        with Zoo("fork=6000", "say=there", "wait") as zoo:
            zoo.expect("there", 120)
            wait_until(lambda: status_kib(daemon.pid, "RssAnon") > before + 3000, 60,
                       "no memory is taken for 6000 processes")
            crowded = status_kib(daemon.pid, "RssAnon")
        wait_until(lambda: status_kib(daemon.pid, "RssAnon") < before + (crowded - before) / 4,
                   60, "what was taken is not given back")
        note(f"own memory: {before} KiB, {crowded} with 6000 processes more, "
             f"{status_kib(daemon.pid, 'RssAnon')} after them")


def test_idle_processor_time():
    need_plain_build()
    with Daemon() as daemon:
        time.sleep(1)
        start, before = time.monotonic(), cpu_ns(daemon.pid)
        time.sleep(8)
        share = (cpu_ns(daemon.pid) - before) / 1e9 / (time.monotonic() - start)
        note(f"{share * 100:.3f} % of a core when idle")
        check(share < 0.003, f"it takes {share * 100:.2f} % of a core when idle")


def test_descriptors_are_bounded():
    """As many after hundreds of alerts as before the first."""
    with Daemon("snapshot.interval=200ms") as daemon:
        before = listed(daemon.pid)
        for _ in range(3):
            with Zoo("limit=64", "crowd=200", "refuse=openat:2", "say=there", "wait") as zoo:
                zoo.expect("there")
        time.sleep(0.7)
        after = listed(daemon.pid)
        note(f"{after} descriptors open")
        check(after <= before + 1, f"{before} descriptors at first, {after} after the crowds")
        check(after < 64, f"{after} descriptors")


def test_memory_is_bounded():
    """Processes that come, are refused and go leave nothing behind."""
    need_plain_build()
    def churn(daemon):
        for _ in range(5):
            with Zoo("limit=64", "crowd=300", "refuse=openat:2", "say=there", "wait") as zoo:
                zoo.expect("there")
        time.sleep(1.5)
        return status_kib(daemon.pid, "VmRSS")

    with Daemon("snapshot.interval=200ms") as daemon:
        first, second, third = (churn(daemon) for _ in range(3))
        note(f"RSS {first}, {second}, {third} KiB after 1500 processes each")
        check(third < first + 1024, "memory grows with processes that are gone")
