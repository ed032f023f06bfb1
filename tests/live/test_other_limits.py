# SPDX-License-Identifier: GPL-2.0-or-later
"""Real refusals by limits that give other errors than EMFILE and ENFILE."""
import subprocess
import sys

from harness import Daemon, Scratch, Skip, check, same

COMMON = """
import ctypes, errno, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def limit(path, value):
    with open(path, "w") as out: out.write(str(value))
def until_refused(call):
    for _ in range(16):
        if call() < 0:
            sys.exit(3) if ctypes.get_errno() != errno.ENOSPC else None
            break
    else: sys.exit(4)
    print("refused", flush=True)
    time.sleep(3)
"""

QUEUES = COMMON + """
rt = ctypes.CDLL("librt.so.1", use_errno=True)
limit("/proc/sys/fs/mqueue/queues_max", 2)
os.setgid(65534); os.setuid(65534)
number = iter(range(16))
until_refused(lambda: rt.mq_open(b"/q%d" % next(number), os.O_CREAT | os.O_RDWR, 0o600, None))
"""

TREES = COMMON + """
limit("/proc/sys/user/max_mnt_namespaces", 3)
OPEN_TREE, CLONE, RECURSIVE = 428, 1, 0x8000
until_refused(lambda: libc.syscall(OPEN_TREE, -100, b"/", CLONE | RECURSIVE))
"""


def told(name, source, unshare):
    with Scratch() as scratch, Daemon() as daemon:
        path = scratch.file(f"{name}.py", source)
        with subprocess.Popen(["unshare", *unshare, sys.executable, path],
                              stdout=subprocess.PIPE, text=True) as process:
            if process.stdout.readline().strip() != "refused":
                process.wait()
                raise Skip(f"the kernel does not refuse it (status {process.returncode})")
            _, alert = daemon.wait(process.pid, "other-limit")
            process.wait()
        return alert


def test_message_queues():
    alert = told("queues", QUEUES, ["--ipc"])
    same(alert["fd"]["limit"], "fs.mqueue.queues_max", "the limit")
    same(alert["fd"]["request"]["syscall"], "mq_open", "the call")
    same(alert["fd"]["request"]["error"], "ENOSPC", "the error")
    check("limit_value" not in alert["fd"], "ours is not the limit of another namespace")


def test_detached_mounts():
    alert = told("trees", TREES, ["--user", "--map-root-user", "--mount"])
    same(alert["fd"]["limit"], "user.max_mnt_namespaces", "the limit")
    same(alert["fd"]["request"]["syscall"], "open_tree", "the call")
    check("limit_value" not in alert["fd"], "ours is not the limit of another namespace")
