# SPDX-License-Identifier: GPL-2.0-or-later
"""What one user can take of what is for all: places, alerts, and what a loss leaves behind."""
import json
import os
import shutil
import socket
import subprocess
import time

from harness import (FDZOO, Daemon, Scratch, Skip, Zoo, check, need_root, same, unused_uid,
                     wait_until)
from sockets import Client, daemon_at
from test_adverse import FAST, mount_small, run

PROCESSES = 90


def become(uid, gid):
    def set_ids():
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    return set_ids


def lost(daemon):
    with daemon.arrived:
        return [alert for _, alert in daemon.alerts
                if alert["event"]["action"] == "alerts-lost"]


def fill(ballast):
    subprocess.run(["sh", "-c", f"head -c 8M /dev/zero > {ballast}"],
                   stderr=subprocess.DEVNULL, check=False)


def in_order(path, ours):
    """What a file of alerts has of these processes, and of losses: each action, with its
    process or the number lost."""
    with open(path, encoding="utf-8") as lines:
        alerts = [json.loads(line) for line in lines if line.endswith("\n")]
    return [(alert["event"]["action"],
             alert["loss"]["alerts"] if "loss" in alert else alert["process"]["pid"])
            for alert in alerts
            if "loss" in alert or alert.get("process", {}).get("pid") in ours]


def told_late(entries):
    """Ends of incidents whose beginning is missing, without a word of that before them."""
    begun, said = set(), 0
    late = []
    for action, value in entries:
        if action == "alerts-lost":
            said += value
        elif action == "fd-recovered" and value not in begun:
            said -= 1
            late += [value] if said < 0 else []
        else:
            begun.add(value)
    return late


def test_alerts_of_one_user():
    """Short processes, each from a file of its own: some are told, the rest is counted, and
    another's are told all the same."""
    need_root()
    uid = unused_uid()
    with Scratch() as scratch, Daemon(FAST) as daemon:
        os.chmod(scratch.path, 0o755)
        for i in range(PROCESSES):
            # names that differ in numbers alone are of one group
            name = "zoo" + chr(97 + i // 26) + chr(97 + i % 26)
            program = shutil.copy(FDZOO, scratch.file(name))
            subprocess.run([program, "limit=64", "refuse=openat:1"], check=True,
                           stdout=subprocess.DEVNULL, cwd="/", preexec_fn=become(uid, uid))
        with Zoo("limit=64", "refuse=openat:1", "wait") as root:
            daemon.wait(root.pid, "fd-exhausted", 10)
        daemon.wait_for(lambda d: any(a["event"]["action"] == "alerts-lost"
                                      for _, a in d.alerts), 30, "word of what was withheld")
        with daemon.arrived:
            told = {alert["process"]["pid"] for _, alert in daemon.alerts
                    if alert.get("process", {}).get("user", {}).get("id") == str(uid)}
        withheld = sum(alert["loss"]["incidents"] for alert in lost(daemon))
        check(50 <= len(told) <= 75, f"{len(told)} of {PROCESSES} are told")
        same(len(told) + withheld, PROCESSES, "told and withheld")
        same(lost(daemon)[0]["loss"]["user"]["id"], str(uid), "whose they are")
        check(all(alert["loss"]["alerts"] >= alert["loss"]["incidents"]
                  for alert in lost(daemon)), "fewer alerts than incidents")


def test_summaries_of_one_user():
    """Seven of each make a summary besides, which is one more that is told."""
    need_root()
    uid, names = unused_uid(), 90
    with Scratch() as scratch:
        os.chmod(scratch.path, 0o755)
        for i in range(names):
            shutil.copy(FDZOO, scratch.file("zoo" + chr(97 + i // 26) + chr(97 + i % 26)))
        script = (f"for zoo in {scratch.path}/zoo*; do for i in 1 2 3 4 5 6 7; do "
                  "$zoo limit=64 refuse=openat:1 || exit 1; done; done")
        begin = time.monotonic()
        with Daemon(FAST) as daemon:
            subprocess.run(["/bin/sh", "-c", script], check=True, cwd="/",
                           stdout=subprocess.DEVNULL, preexec_fn=become(uid, uid))
            daemon.wait_for(lost, 60, "word of what was withheld")
        took = time.monotonic() - begin
        told = []
        for _, alert in daemon.alerts:
            who = alert.get("process") or alert.get("fd", {}).get("group", {}).get("process", {})
            if alert["event"]["action"] == "fd-exhausted" and \
                    who.get("user", {}).get("id") == str(uid):
                told.append(alert)
        check(50 <= len(told) <= 51 + took / 2, f"{len(told)} alerts are told in {took:.0f} s")
        check(sum(alert["loss"]["incidents"] for alert in lost(daemon)) > names,
              "what is withheld is not counted")


def told_for(daemon, uid, begin):
    """`begin` makes a user's processes be refused: how many are told, and how many withheld
    as this user's."""
    before = len(daemon.alerts)
    begin()

    def withheld():
        with daemon.arrived:
            return sum(alert["loss"]["incidents"] for _, alert in daemon.alerts[before:]
                       if alert["event"]["action"] == "alerts-lost"
                       and alert["loss"].get("user", {}).get("id") == str(uid))

    def told():
        with daemon.arrived:
            return len({alert["process"]["pid"] for _, alert in daemon.alerts[before:]
                        if alert["event"]["action"] == "fd-exhausted"
                        and alert.get("process", {}).get("name") in ("su", "cat")})
    wait_until(withheld, 40, "word that some were withheld")
    return told(), withheld()


MANY = 120
# what differs in numbers alone is of one group
WORDS = " ".join(chr(97 + i // 26) + chr(97 + i % 26) for i in range(MANY))

# A user's whose subordinate ids are mapped by who may (as newuidmap does): each process is
# another user's.
MANY_USERS = f"""
import ctypes, os, resource, sys
if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
    sys.exit("no namespace")
print("ready", flush=True)
sys.stdin.readline()
os.setresuid(0, 0, 0)
for i, word in enumerate("{WORDS}".split()):
    child = os.fork()
    if not child:
        os.setresuid(i + 1, i + 1, i + 1)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 64))
        os.execv("/bin/cat", ["cat", word])
    os.waitpid(child, 0)
"""


def test_alerts_of_one_user_as_root():
    """A set-user-ID program is not root's but his who starts it, again and again, with no
    descriptor left."""
    need_root()
    su, uid = shutil.which("su"), unused_uid()
    if not su or not os.stat(su).st_mode & 0o4000:
        raise Skip("no su that is set-user-ID")
    script = f"ulimit -Sn 3; for word in {WORDS}; do {su} $word; done"
    with Daemon(FAST) as daemon:
        told, withheld = told_for(daemon, uid, lambda: subprocess.run(
            ["/bin/sh", "-c", script], user=uid, group=uid, extra_groups=[], check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        check(told >= 50 and withheld > 0, f"{told} told, {withheld} withheld")


def test_alerts_of_one_user_as_many():
    """Nor are those of his subordinate ids others'."""
    need_root()
    if not os.path.exists("/usr/bin/python3"):
        raise Skip("no python that others may run")
    uid = unused_uid()

    def begin():
        with subprocess.Popen(["/usr/bin/python3", "-c", MANY_USERS], user=uid, group=uid,
                              extra_groups=[], cwd="/", stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as many:
            if many.stdout.readline() != "ready\n":
                raise Skip("users can't make namespaces here")
            with open(f"/proc/{many.pid}/uid_map", "w", encoding="ascii") as ids:
                ids.write(f"0 {uid + 1} 65536")
            many.stdin.write("go\n")
    with Daemon(FAST) as daemon:
        told, withheld = told_for(daemon, uid, begin)
        check(told >= 50 and withheld > 0, f"{told} told, {withheld} withheld")


def test_places_of_one_user():
    """A member of the group connects, asks once, and stays, 100 times."""
    need_root()
    uid, gid = unused_uid(), 65534
    with Scratch() as scratch:
        os.chmod(scratch.path, 0o755)
        daemon, path = daemon_at(scratch, group=gid)
        with daemon:
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    ours.close()
                    become(uid, gid)()
                    clients = [Client(path) for _ in range(100)]
                    served = [c for c in clients if "fdwarden" in c.first]
                    for client in served:
                        client.ask("self")
                    theirs.send(f"{len(served)}\n".encode())
                    theirs.recv(1)
                    status = 0
                finally:
                    os._exit(status)
            theirs.close()
            served = int(ours.makefile().readline())
            same(served, 25, "places of one user")
            with Client(path) as root:
                same(root.ask("self")["reply"], "self", "root's request meanwhile")
            ours.send(b"x")
            same(os.waitpid(pid, 0)[1], 0, "the other user's status")


def test_a_loss_is_told_where_it_was():
    """A disk is full while an incident stands: when there is room again its stream says how
    much is missing, and what stands is told once more, though nothing else happens and nothing
    repeats."""
    need_root()
    with Scratch() as scratch:
        disk = scratch.file("disk")
        mount_small(disk, "4m")  # alerts of whatever else runs here have room
        try:
            path, ballast = f"{disk}/alerts", f"{disk}/ballast"
            with open(path, "wb"), \
                    Daemon(FAST, f"output.file={path}", "thresholds.repeat=0") as daemon:
                fill(ballast)
                padding = "say=" + 4000 * "x"
                with Zoo("limit=64", "fill=55", "wait", padding) as zoo:
                    ours = {zoo.pid}
                    daemon.wait(zoo.pid, "fd-warning")
                    daemon.wait_log("No space left")
                    same(in_order(path, ours), [], "alerts on a full disk")
                    os.unlink(ballast)
                    wait_until(lambda: in_order(path, ours), 8, "what was missed")
                    wait_until(lambda: ("fd-warning", zoo.pid) in in_order(path, ours)[1:], 8,
                               "what stands")
                    same(in_order(path, ours)[0][0], "alerts-lost", "what comes first")
                    # Lost: too long for what is left. What fits comes after the word of it.
                    fill(ballast)
                    for _ in range(2):
                        with Zoo("limit=64", "refuse=openat:1", "wait", padding) as lost_one:
                            daemon.wait(lost_one.pid, "fd-exhausted")
                        daemon.wait(lost_one.pid, "fd-recovered")
                        ours.add(lost_one.pid)
                    os.unlink(ballast)
                    told = len(in_order(path, ours))
                    wait_until(lambda: ("fd-warning", zoo.pid) in in_order(path, ours)[told:],
                               8, "what stands, once more")
            same(told_late(in_order(path, ours)), [], "ends before the word of what was lost")
            same(lost(daemon), [], "words of the loss on standard output, which lost nothing")
        finally:
            run("umount", disk)
