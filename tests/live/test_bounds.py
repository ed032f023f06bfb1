# SPDX-License-Identifier: GPL-2.0-or-later
"""What one user can take of what is for all: places, alerts, and what a loss leaves behind."""
import os
import shutil
import socket
import subprocess

from harness import (FDZOO, Daemon, Scratch, Zoo, check, need_root, same, unused_uid)
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
    much is missing, and what stands is told once more, though nothing repeats."""
    need_root()
    with Scratch() as scratch:
        disk = scratch.file("disk")
        mount_small(disk)
        try:
            path, ballast = f"{disk}/alerts", f"{disk}/ballast"
            with open(path, "wb"), \
                    Daemon(FAST, f"output.file={path}", "thresholds.repeat=0") as daemon:
                subprocess.run(["sh", "-c", f"head -c 100k /dev/zero > {ballast}"],
                               stderr=subprocess.DEVNULL, check=False)
                padding = "say=" + 4000 * "x"
                with Zoo("limit=64", "fill=55", "wait", padding) as zoo:
                    daemon.wait(zoo.pid, "fd-warning")
                    daemon.wait_log("No space left")
                    os.unlink(ballast)
                    with Zoo("limit=64", "refuse=openat:1", "wait") as last:
                        daemon.wait(last.pid, "fd-exhausted")
                    daemon.wait_for(
                        lambda d: d.actions_unlocked(zoo.pid).count("fd-warning") == 2, 10,
                        "a second warning")
            lines = run("cat", path).stdout
            same(lines.count('"alerts-lost"'), 1, "words of the loss in the file")
            check(f'"pid":{zoo.pid},' in lines.partition('"alerts-lost"')[2],
                  "what stands is not told after the loss")
            same(lost(daemon), [], "words of the loss on standard output, which lost nothing")
        finally:
            run("umount", disk)
