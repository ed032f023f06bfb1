# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way to get a descriptor: counted, seen near the limit, seen refused."""
import subprocess

from harness import Daemon, FDZOO, Zoo, check, listed, ps, same

# The name by which the refused call is counted, where it is not the way's own.
CALLS = {
    "fcntl_dupfd": "fcntl", "fcntl_dupfd_cloexec": "fcntl", "cloexec": "openat",
    "open32": "open", "fanotify_read": "read", "pidfd_namespace": "ioctl",
    "ns_get": "ioctl", "tiocgptpeer": "ioctl", "so_peerpidfd": "getsockopt",
    "clone_pidfd": "clone", "seccomp_listener": "seccomp",
}
# Refused in the completion queue: no call of the process fails.
SILENT = ("uring_open", "uring_socket", "uring_pipe", "uring_accept", "uring_fixed_install")
# Put into another process's table, or into none.
ELSEWHERE = ("seccomp_addfd", "scm_send")
LIMIT = 64
NEAR = 52  # 80 % of it


def ways():
    lines = subprocess.run([FDZOO, "ways"], capture_output=True, text=True, check=True)
    return [line.split() for line in lines.stdout.splitlines()]


def one_way(name, full):
    """The interval is long: the sensor must see it, not the snapshot. A way that
    no return value shows may wait for the snapshot."""
    refused = [f"refuse={name}:7"] if full == "EMFILE" and name not in SILENT else []
    steps = [f"limit={LIMIT}", f"prepare={name}", f"fill={NEAR - 1}", "say=low", "wait",
             name, "say=near", "wait", *refused, "say=last", "wait"]
    with Daemon("snapshot.interval=2s") as daemon, Zoo(*steps) as zoo:
        if zoo.process.poll() == 77:
            zoo.next()
        zoo.expect("low")
        same(daemon.actions(zoo.pid), [], f"alerts at {NEAR - 1} of {LIMIT}")
        zoo.go()
        zoo.expect("near")
        _, alert = daemon.wait(zoo.pid, "fd-warning", 4)
        count = ps(zoo.pid)[zoo.pid]["fd"]["count"]
        same(count, listed(zoo.pid), "fd.count")
        check(NEAR <= count <= NEAR + 1, f"the way gave {count - NEAR + 1} descriptors")
        same(alert["fd"]["used"], count, "fd.used of the warning")
        zoo.go()
        zoo.expect("last")
        if refused:
            _, alert = daemon.wait(zoo.pid, "fd-exhausted", 4)
            same(alert["fd"]["request"]["syscall"], CALLS.get(name, name), "the call")
        zoo.end()
        daemon.stop()  # looks once more, and closes what is gone
        alert = daemon.of(zoo.pid)[-1]
        same(alert["fd"].get("reason"), "exited", "fd.reason of the last alert")
        wanted = {CALLS.get(name, name): 7} if refused else {}
        same(alert["fd"]["refused"]["by_syscall"], wanted, "refusals")
        check("other-limit" not in daemon.actions(zoo.pid),
              "the table was full, another limit was blamed")


def test_seccomp_addfd():
    """The child's table fills up while the supervisor makes the calls."""
    with Daemon("snapshot.interval=200ms") as daemon, \
            Zoo("limit=64", "seccomp_addfd=49", "say=near", "wait", "refuse=seccomp_addfd:5",
                "say=last", "wait") as zoo:
        zoo.expect("near")
        child = int(zoo.said("child")[0][1])
        daemon.wait(child, "fd-warning")
        zoo.go()
        zoo.expect("last")
        check("fd-exhausted" not in daemon.actions(zoo.pid),
              "the supervisor's table is called full")


def way_test(name, full):
    return lambda: one_way(name, full)


TESTS = {name: way_test(name, full) for name, full in ways() if name not in ELSEWHERE}
