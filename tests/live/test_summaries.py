# SPDX-License-Identifier: GPL-2.0-or-later
"""What a summary of many tells: everyone in it, and every call that was refused."""
import subprocess
import sys

from harness import Daemon, Scratch, check, same

# Children that have seven calls refused each, by their descriptor limit or by the
# user's limit of inotify instances.
MANY = """
import ctypes, os, resource, sys, time
count, mode = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
if mode == "inotify":
    os.setgid(54321); os.setuid(54321)
    while libc.inotify_init1(0) >= 0: pass
def refused():
    if mode == "inotify":
        return libc.inotify_init1(0) < 0
    try: os.open("/dev/zero", os.O_RDONLY)
    except OSError: return True
    return False
for i in range(count):
    if os.fork() == 0:
        if mode == "emfile": resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        time.sleep(0.5 + 0.02 * i)
        left = 7
        while left: left -= refused()
        time.sleep(4)
        os._exit(0)
print("ready", flush=True)
for i in range(count): os.wait()
"""

OTHER = """
import os, resource, time
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
time.sleep(0.8)
try:
    while True: os.dup(0)
except OSError: pass
try: os.open("/etc/important.conf", os.O_RDONLY)
except OSError: pass
time.sleep(4)
"""


def script(scratch, name, source):
    path = scratch.file(name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(source)
    return path


def start(path, *arguments):
    return subprocess.Popen([sys.executable, path, *arguments], stdout=subprocess.DEVNULL)


def total(alert):
    refused = alert["fd"]["refused"]
    return refused["emfile"] + refused["enfile"] + refused.get("other", 0)


def told(daemon, path):
    """Alerts of this script's processes, by themselves or in a summary."""
    found = []
    for _, alert in list(daemon.alerts):
        who = alert.get("process") or alert.get("fd", {}).get("group", {}).get("process", {})
        if path in who.get("command_line", ""):
            found.append(alert)
    return found


def named(alerts):
    pids = set()
    for alert in alerts:
        if "group" in alert["fd"]:
            pids.update(member["pid"] for member in alert["fd"]["group"]["members"])
        else:
            pids.add(alert["process"]["pid"])
    return pids


def recoveries(daemon, path):
    return [alert for alert in told(daemon, path)
            if alert["event"]["action"] == "fd-recovered"]


def refused_in_all(daemon, path):
    return sum(total(alert) for alert in recoveries(daemon, path))


def test_all_are_named_and_add_up():
    """20 processes, 140 refused calls; and another script beside them, by the same
    interpreter."""
    with Scratch() as scratch, Daemon() as daemon:
        many, other = script(scratch, "many.py", MANY), script(scratch, "other.py", OTHER)
        with start(many, "20", "emfile") as crowd, start(other) as alone:
            daemon.wait_for(lambda d: refused_in_all(d, many) >= 140, 25,
                            "the recovery of all")
            pids = named(told(daemon, many)) - {crowd.pid}
            same(len(pids), 20, "processes that are named")
            ends = recoveries(daemon, many)
            same(refused_in_all(daemon, many), 140, "refused calls in the recoveries")
            summaries = [alert for alert in ends if "group" in alert["fd"]]
            same(len(summaries), 1, "summaries of recoveries")
            check(summaries[0]["event"]["duration_ns"] > 3e9,
                  f"the incident took {summaries[0]['event']['duration_ns'] / 1e9} s")
            _, alert = daemon.wait(alone.pid, "fd-exhausted")
            check("other.py" in alert["process"]["command_line"], alert["message"])
            daemon.wait(alone.pid, "fd-recovered", 15)
            check(alone.pid not in pids, "the other script is not of their group")


def test_the_limit_is_named():
    with Scratch() as scratch, Daemon() as daemon:
        many = script(scratch, "many.py", MANY)

        def summaries(_):
            return [alert for alert in told(daemon, many) if "group" in alert["fd"]
                    and alert["event"]["action"] == "other-limit"]

        with start(many, "15", "inotify"):
            daemon.wait_for(summaries, 20, "a summary of another limit")
        for alert in summaries(daemon):
            same(alert["fd"]["limit"], "fs.inotify.max_user_instances", "the limit")
            check("fs.inotify.max_user_instances = " in alert["message"], alert["message"])
            check(total(alert) > 0, "no refused calls")
