# SPDX-License-Identifier: GPL-2.0-or-later
"""Who holds what a limit of a user counts, when it refuses one more."""
import os
import subprocess
import sys

from harness import Daemon, Scratch, Skip, check, same, wait_until

# Its children have copies of what it holds: they are no more of them.
HOLDER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
uid, count, children = map(int, sys.argv[1:4])
os.setgid(uid); os.setuid(uid)
libc.prctl(4, 1)  # PR_SET_DUMPABLE
got = [libc.inotify_init1(0) for _ in range(count)]
for _ in range(children):
    if not os.fork():
        sys.stdin.read()
        os._exit(0)
print("ready" if min(got) >= 0 else "refused", flush=True)
sys.stdin.read()
"""

# In a namespace of its own the limit may be set, and is another one than the host's.
WATCHER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
uid = int(sys.argv[1])
os.setgid(uid); os.setuid(uid)
libc.prctl(4, 1)
if libc.unshare(0x10000000):  # CLONE_NEWUSER
    print("no namespace", flush=True)
    sys.exit(0)
with open("/proc/sys/user/max_inotify_watches", "w") as out: out.write("40")
got = libc.inotify_init1(0)
place = sys.argv[4]
made = 0
while made < 64 and libc.inotify_add_watch(got, f"{place}/{made}".encode(), 2) >= 0:
    made += 1
print("refused" if made == 40 else made, flush=True)
sys.stdin.read()
"""
# Nobody else's, so that what others do here is not counted.
UID = 64123


class Holder:
    def __init__(self, path, count, children=0, more=()):
        self.process = subprocess.Popen(
            [sys.executable, path, str(UID), str(count), str(children), *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said = self.process.stdout.readline().strip()
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def value_of(name):
    with open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as file:
        return int(file.read())


def details_of(daemon, pid):
    def find():
        return next((alert for alert in daemon.of(pid, details=True)
                     if "holders" in alert["fd"]), None)
    wait_until(find, 5, "an alert that names the holders")
    return find()


def test_inotify_instances():
    limit = value_of("fs.inotify.max_user_instances")
    if not 64 <= limit <= 4096:
        raise Skip(f"fs.inotify.max_user_instances is {limit}")
    with Scratch() as scratch, Daemon() as daemon:
        path = scratch.file("holder.py", HOLDER)
        with Holder(path, limit - 20, children=3) as hog, Holder(path, 20) as small, \
                Holder(path, 3) as late:
            same((hog.said, small.said, late.said), ("ready", "ready", "refused"), "who is refused")
            _, alert = daemon.wait(late.pid, "other-limit")
            same(alert["fd"]["limit"], "fs.inotify.max_user_instances", "the limit")
            alert = details_of(daemon, late.pid)
            held = alert["fd"]["holders"]
            same(held["what"], "inotify instances", "what they hold")
            same(held["total"], limit, "copies of forks are none of their own")
            same(held["processes"], 2, "processes")
            same([(one["pid"], one["count"]) for one in held["most"]],
                 [(hog.pid, limit - 20), (small.pid, 20)], "who holds most")
            check(f"[{hog.pid}] holds {limit - 20}" in alert["message"], alert["message"])
            advice = alert["advice"][0]
            same(advice["action"], "sysctl", "what to do")
            check(advice["value"] >= 2 * limit, f"value {advice['value']}")
            same(advice["file"], "/etc/sysctl.d/90-fs.inotify.max_user_instances.conf", "where")
            same(advice["content"],
                 f"fs.inotify.max_user_instances = {advice['value']}\n", "what stays")
            same(advice["commands"][-1],
                 f"sysctl -w fs.inotify.max_user_instances={advice['value']}", "what to type")


def test_inotify_watches():
    with Scratch() as scratch, Daemon() as daemon:
        path = scratch.file("watcher.py", WATCHER)
        for n in range(64):
            os.mkdir(scratch.file(str(n)))
        with Holder(path, 0, more=[scratch.path]) as hog:
            if hog.said != "refused":
                raise Skip(f"the limit of a user namespace can't be set: {hog.said}")
            alert = details_of(daemon, hog.pid)
            held = alert["fd"]["holders"]
            same((held["what"], held["total"]), ("inotify watches", 40), "held")
            same([(one["pid"], one["count"]) for one in held["most"]], [(hog.pid, 40)], "by whom")
            check("advice" not in alert, "what is proposed for the host's limit is not for this one")
