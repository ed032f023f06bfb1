# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon's socket: what it answers, and that nobody who uses it harms the monitor."""
import datetime
import json
import os
import re
import resource
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time

from harness import (FDWARDEN, FDZOO, Scratch, Skip, Zoo, boot_ns, check, check_documents,
                     inspect, listed, note, own_name, same, unused_uid, wait_until)
from programs import Program
from sockets import Client, cpu_seconds, daemon_at, is_of, row_of, same_error

NOBODY = 65534


def near(*more, used=55, **options):
    return Zoo("limit=64", f"fill={used}", "say=near", "wait", *more, **options)


def run(*arguments, **options):
    return subprocess.run([FDWARDEN, *arguments], capture_output=True, text=True,
                          check=False, timeout=120, **options)


def test_greeting_and_modes():
    gid = unused_uid()
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch, group=gid)
        with daemon, Client(path) as client:
            us = client.first["fdwarden"]
            same((us["protocol"], us["pid"]), (1, daemon.pid), "greeting")
            same(client.first["host"]["name"], os.uname().nodename, "host.name")
            now = os.stat(path)
            same((stat.S_IMODE(now.st_mode), now.st_gid), (0o660, gid), "mode and group")
            daemon.stop()
            check(not os.path.exists(path), "the socket is still there after SIGTERM")
            same(client.line(), None, "what comes after the end")


def test_snapshot_is_what_proc_says():
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client:
            daemon.wait(zoo.pid, "fd-warning", 30)
            reply = client.ask("snapshot", id="a")
            same((reply["reply"], reply["id"], reply["full"]), ("snapshot", "a", True), "reply")
            row = row_of(reply, zoo.pid)
            same(row["fd"]["count"], listed(zoo.pid), "fd.count")
            same(row["fd"]["soft_limit"], 64, "fd.soft_limit")
            same(row["watch"]["level"], "warning", "watch.level")
            _, alert = daemon.wait(zoo.pid, "fd-warning", 30)
            same(row["watch"]["incident"], alert["fd"]["incident"], "watch.incident")
            for member in ("executable", "command_line", "user", "parent"):
                same(row["process"][member], alert["process"][member], member)
            check(reply["alerts"]["warning"] >= 1, "no alert is counted")
            same(reply["self"]["pid"], daemon.pid, "self.pid")
            mine = row_of(reply, os.getpid())
            check(mine and "level" not in mine["watch"], f"this process: {mine}")
            few = client.ask("snapshot", pids=[zoo.pid, os.getpid(), 4194303])
            same(sorted(p["process"]["pid"] for p in few["processes"]),
                 sorted([zoo.pid, os.getpid()]), "processes asked for")


def test_delta():
    with Scratch() as scratch, near("fill=58", "say=more", "wait") as zoo, \
            near(used=10) as other:
        zoo.expect("near")
        other.expect("near")
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client:
            time.sleep(3)  # growth is known then
            first = client.ask("snapshot")
            start = row_of(first, other.pid)["watch"]["start_ns"]
            again = client.ask("snapshot", since=first["number"])
            same((again["full"], again["since"]), (False, first["number"]), "a delta")
            zoo.go()
            zoo.expect("more")
            time.sleep(1)
            delta = client.ask("snapshot", since=first["number"])
            same(row_of(delta, zoo.pid)["fd"]["count"], listed(zoo.pid), "fd.count")
            same(row_of(delta, other.pid), None, "a process that has not changed")
            check(other.pid not in [one["pid"] for one in delta["gone"]], "gone, and there")
            other.end()
            time.sleep(1)
            delta = client.ask("snapshot", since=delta["number"])
            check({"pid": other.pid, "start_ns": start} in delta["gone"],
                  f"not among the gone: {delta['gone']}")
            check(client.ask("snapshot", since=1)["full"], "a delta to what never was")
            check(client.ask("snapshot", since=delta["number"] + 1000)["full"],
                  "a delta to what is not yet")


def test_process():
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client:
            daemon.wait(zoo.pid, "fd-warning", 30)
            reply = client.ask("process", pid=zoo.pid, width=60, descriptors=True)
            same(reply["pid"], zoo.pid, "pid")
            check_documents([reply["document"]])
            fd = reply["document"]["fd"]
            same(fd["count"], listed(zoo.pid), "fd.count")
            same(sum(t["count"] for t in fd["types"]), fd["count"], "sum of fd.types")
            same(len(fd["descriptors"]), fd["count"], "fd.descriptors")
            check("What is open" in reply["page"], f"page: {reply['page']}")
            check(any(len(line) > 50 for line in reply["page"]), "a narrow page")
            same([a["event"]["action"] for a in reply["alerts"]
                  if a["event"]["action"] != "fd-details"], ["fd-warning"], "alerts")
            same([a["event"]["id"] for a in reply["alerts"]],
                 [a["event"]["id"] for a in daemon.of(zoo.pid, details=True)], "event.id")
            same_error(client.ask("process", pid=4194303), "no-such-process")


def test_incidents():
    """Of a process, of whoever had its pid, of all; and the report of one, by a member of the
    group, who can't read the records themselves."""
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        place = scratch.file("kept")
        os.chmod(scratch.path, 0o755)
        gid = unused_uid()
        daemon, path = daemon_at(scratch, f"incidents.path={place}", group=gid)
        with daemon, Client(path) as client:
            _, first = daemon.wait(zoo.pid, "fd-warning", 30)
            incident = first["fd"]["incident"]

            def listed_of(**of):
                reply = client.ask("incidents", **of)
                check("incidents" in reply, f"{of}: {reply}")
                return [one["incident"] for one in reply["incidents"]]

            wait_until(lambda: incident in listed_of(), 10, "its record")
            row = next(p for p in client.ask("snapshot", pids=[zoo.pid])["processes"])
            start = row["watch"]["start_ns"]
            same(listed_of(pid=zoo.pid), [incident], "of its pid")
            same(listed_of(pid=zoo.pid, start_ns=start), [incident], "of the process")
            same(listed_of(pid=zoo.pid, start_ns=str(int(start) + 10 ** 15)), [],
                 "of one that had the pid later")
            same(listed_of(service="no-such.service"), [], "of another service")
            reply = client.ask("incidents", max=1)
            same(len(reply["incidents"]), 1, "max")
            same(reply["left_off"], len(listed_of()) - 1, "left_off")
            report = client.ask("report", incident=incident[:20], width=60, ascii=True)
            same(report["incident"], incident, "the whole id")
            same((report["document"]["incident"], report["document"]["pid"]),
                 (incident, zoo.pid), "document")
            check("How many were open" in report["page"], f"page: {report['page']}")
            check(all(len(line) <= 60 for line in report["page"]), f"width: {report['page']}")
            same_error(client.ask("report", incident="00000000"), "no-such-incident")
            same_error(client.ask("report", incident="../kept"), "bad-request")
            # what goes on is told as it is now
            zoo.end()
            daemon.wait(zoo.pid, "fd-recovered", 30)
            wait_until(lambda: "ended" in client.ask("incidents", pid=zoo.pid)["incidents"][0],
                       10, "its end in the list")
            for groups, answered in (((gid,), True), ((), False)):
                same(asked_by(as_user(NOBODY, *groups), path), "yes" if answered else "no",
                     f"asked with groups {groups}")
            # one that can't be read is told of, until it is gone, and so is a directory
            same(client.ask("incidents")["unreadable"], 0, "all can be read")
            scratch.file("kept/00000002-0000-4000-8000-000000000000.jsonl", "rubbish\n")
            for _ in range(2):
                reply = client.ask("incidents", pid=zoo.pid)
                same((len(reply["incidents"]), reply["unreadable"]), (1, 1), "rubbish")
            os.rename(place, place + "-away")
            reply = client.ask("incidents")
            same((reply["incidents"], reply["unreadable"]), ([], 0), "no directory")
            os.rename(place + "-away", place)
            reply = client.ask("incidents", pid=zoo.pid)
            same((len(reply["incidents"]), reply["unreadable"]), (1, 1), "it is back")


def asked_by(become, path):
    """Whether somebody else is answered: in a process of his own."""
    reads, writes = os.pipe()
    if not os.fork():
        try:
            become()
            answer = "yes" if Client(path).ask("incidents")["incidents"] else "none"
        except OSError:
            answer = "no"
        finally:
            os.write(writes, answer.encode())
            os._exit(0)
    os.close(writes)
    with open(reads, encoding="ascii") as pipe:
        answer = pipe.read()
    os.wait()
    return answer


def test_no_records():
    """Without records the answer says so, and all others come as ever."""
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch, "incidents.path=")
        with daemon, Client(path) as client:
            reply = client.ask("incidents")
            same_error(reply, "failed")
            check("no records are kept" in reply["error"]["message"], reply)
            check("processes" in client.ask("snapshot"), "a snapshot")


def test_process_asked_again():
    """What is kept of the first answer is where the limit was set; who it is comes with each."""
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client:
            first, *others = [client.ask("process", pid=zoo.pid) for _ in range(3)]
            for member in ("executable", "command_line"):
                check(first["document"]["process"].get(member), f"no {member}")
            for reply in others:
                same(reply["document"]["process"], first["document"]["process"], "process")
                same(reply["page"][:4], first["page"][:4], "the page's first lines")


def test_one_that_has_just_begun():
    """It is in no snapshot yet, and is looked at all the same; its pid's alerts are those
    of the process that has it."""
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch, "snapshot.interval=1h")
        with daemon, Client(path) as client:
            client.ask("snapshot")
            with Zoo("limit=64", "refuse=openat:2", "say=full", "wait") as zoo:
                zoo.expect("full")
                daemon.wait(zoo.pid, "fd-exhausted", 30)
                reply = client.ask("process", pid=zoo.pid)
                same(reply.get("pid"), zoo.pid, f"{reply}")
                same(reply["document"]["fd"]["count"], listed(zoo.pid), "fd.count")
                check("fd-exhausted" in [a["event"]["action"] for a in reply["alerts"]],
                      "its alert")


def test_no_time_from_a_start():
    """What is opened in the first seconds is no pace; what goes on after them is."""
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client, \
                Program("import os, resource, time\n"
                        "resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))\n"
                        "print('ready', flush=True)\n"
                        "while True:\n os.dup(0); time.sleep(0.05)") as program:
            began, looks, known = time.monotonic(), 0, False
            while not known:
                row = row_of(client.ask("snapshot", pids=[program.pid]), program.pid)
                known = bool(row) and "exhausted_in_s" in row["fd"]
                since = time.monotonic() - began
                looks += bool(row) and since > 3
                check(since < 60, f"no time at all: {row}")
                time.sleep(0.5)
            # the process is some tenths older than this knows, and the last look younger
            check(since > 9, f"foretold after {since:.1f} s: {row}")
            check(looks, "never seen before")


def test_kinds_and_self():
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client:
            reply = client.ask("kinds", pids=[zoo.pid, 4194303], id=1)
            same(reply["id"], 1, "id")
            same(len(reply["kinds"]), 1, f"kinds of one process: {reply}")
            kind = reply["kinds"][0]
            same((kind["pid"], kind["of"]), (zoo.pid, listed(zoo.pid)), "kinds")
            check(kind["count"] > 40, f"main kind: {kind}")
            same(client.ask("self")["self"]["pid"], daemon.pid, "self.pid")


# 40 file systems to be configured: their kind is known by the inode's own name alone.
FSCONTEXTS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
fds = [libc.syscall(430, b"tmpfs", 0) for _ in range(40)]
print(min(fds), os.strerror(ctypes.get_errno()), flush=True)
sys.stdin.read()
"""


def test_kind_by_the_inodes_own_name():
    with Scratch() as scratch, subprocess.Popen(
            [sys.executable, "-c", FSCONTEXTS], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        if int(first.split()[0]) < 0:
            raise Skip(f"fsopen(): {first.strip()}")
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client:
            # The second answer is of what was kept of the first.
            for _ in range(2):
                reply = client.ask("kinds", pids=[process.pid])
                same([(k["kind"], k["count"]) for k in reply["kinds"]], [("fscontext", 40)],
                     "kinds")
                client.ask("process", pid=process.pid)
        process.stdin.close()


def test_subscribers_get_what_is_written():
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as early:
            same(early.ask("subscribe", id=3), {"reply": "subscribe", "id": 3}, "reply")
            with near() as zoo:
                zoo.expect("near")
                got = early.next_alert(is_of(zoo.pid, "fd-warning"), 30)
                same(got, daemon.wait(zoo.pid, "fd-warning", 30)[1], "the alert")
            got = early.next_alert(is_of(zoo.pid, "fd-recovered"), 30)
            _, written = daemon.wait(zoo.pid, "fd-recovered", 30)
            same(got, written, "the alert")
            # those that came before, for who comes later; and other requests meanwhile
            with Client(path) as late:
                late.ask("subscribe", recent=1000)
                late.ask("self")
                same([a["event"]["action"] for a in late.alerts
                      if is_of(zoo.pid)(a) and a["event"]["action"] != "fd-details"],
                     ["fd-warning", "fd-recovered"], "recent alerts")
            with Client(path) as none:
                none.ask("subscribe")
                none.ask("self")
                same(none.alerts, [], "alerts that were not asked for")


def test_hundred_clients():
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        with daemon:
            clients = [Client(path) for _ in range(100)]
            check(all("fdwarden" in c.first for c in clients), "one was not greeted")
            with Client(path) as one_more:
                same_error(one_more.first, "busy")
                same(one_more.line(), None, "what the 101st gets then")
            done = run("events", "--socket", path)
            same((done.returncode, done.stderr.count("\n")), (1, 1), "events beside 100")
            check("100 clients" in done.stderr, done.stderr)
            for client in clients:
                client.send(request="snapshot")
            numbers = {client.line()["number"] for client in clients}
            check(len(numbers) < 20, f"{len(numbers)} rosters for 100 clients at once")
            clients.pop().close()
            wait_until(lambda: "fdwarden" in Client(path).first, 10, "room for another")
            for client in clients:
                client.close()


def test_who_does_not_read_is_dropped_alone():
    """Some thousand alerts, by repeating those of processes of many programs."""
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch, "thresholds.repeat=100ms", "snapshot.interval=100ms")
        zoos = []
        try:
            with daemon, Client(path) as reads, Client(path) as stops:
                stops.ask("subscribe")
                reads.ask("subscribe")
                reader = threading.Thread(target=read_all, args=(reads,), daemon=True)
                reader.start()
                for i in range(40):
                    program = shutil.copy(FDZOO, scratch.file(own_name(i)))
                    zoos.append(Zoo("limit=64", "fill=62", "wait", program=program))
                wait_until(lambda: len(reads.alerts) > 4500, 120, "4500 alerts")
                same(reads.lost, 0, "alerts lost by who reads")
                for zoo in zoos:
                    zoo.kill()
                stops.socket.settimeout(5)
                got, lost = read_after(stops, reads.alerts)
                note(f"{got + lost} alerts; who did not read lost {lost}, and was told")
                check(lost > 0, "nothing was lost: the test is too small")
                same(daemon.process.poll(), None, "exit status")
                daemon.lossy = True
        finally:
            for zoo in zoos:
                if zoo.process.poll() is None:
                    zoo.kill()


def read_all(client):
    client.socket.settimeout(120)
    try:
        while (got := client.line()) is not None:
            if "alert" in got:
                client.alerts.append(got["alert"]["event"]["id"])
            client.lost += got.get("lost", 0)
    except (OSError, ValueError):
        pass


def read_after(client, seen):
    """How many come, each in its place in what another has seen (and goes on to see);
    how many are said to be lost. Until a loss was stated and some more are in place, or
    none comes for a while."""
    at, got, lost, more = 0, 0, 0, 0
    try:
        while more < 50 and (line := client.line()) is not None:
            more += lost > 0
            if "lost" in line:
                lost += line["lost"]
                at += line["lost"]
                continue
            wait_until(lambda: len(seen) > at, 30, "the same for who reads")
            same(line["alert"]["event"]["id"], seen[at], f"alert {at}")
            at += 1
            got += 1
    except TimeoutError:
        pass
    return got, lost


def test_garbage():
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as witness:
            for garbage in (b"\0" * 100, os.urandom(5000), b"GET / HTTP/1.1\r\n\r\n", b"[" * 60000,
                            b'{"request":' * 5000, b"[]"):
                with Client(path) as client:
                    client.socket.sendall(garbage + b"\n")
                    same_error(client.line(), "bad-request")
                    same(client.line(), None, "what comes after bad JSON")
            with Client(path) as client:  # a line that never ends
                try:
                    for _ in range(100):
                        client.socket.sendall(b"x" * 4096)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                try:
                    same_error(client.line(), "bad-request")
                except ConnectionResetError:
                    pass  # what was unread when it was closed takes the answer with it
            with Client(path) as client:  # wrong, and still JSON: it goes on
                for request, code in (({"request": "reboot"}, "unknown-request"), ({}, "bad-request"),
                                      ({"request": "process"}, "bad-request"),
                                      ({"request": "kinds", "pids": list(range(1, 300))},
                                       "bad-request")):
                    client.send(**request, id=9)
                    got = client.line()
                    same_error(got, code)
                    same(got["id"], 9, "id")
                same(client.ask("self")["reply"], "self", "reply after errors")
            with Client(path) as client:  # a request in single bytes
                for byte in b'{"request":"self"}\n':
                    client.socket.sendall(bytes([byte]))
                same(client.line()["reply"], "self", "reply")
            with Client(path) as client:  # many at once, and nothing after
                client.socket.sendall(b'{"request":"self"}\n{"request":"snapshot"}\r\n\n' * 20)
                client.socket.shutdown(socket.SHUT_WR)
                replies = [client.line()["reply"] for _ in range(40)]
                same(replies, ["self", "snapshot"] * 20, "replies")
                same(client.line(), None, "what comes after the last")
            half = Client(path)
            half.socket.sendall(b'{"request":"se')
            half.close()
            same(row_of(witness.ask("snapshot"), zoo.pid)["fd"]["count"], listed(zoo.pid),
                 "fd.count for another client")


def test_connect_storm():
    """A thousand a second; alerts come as before, written and sent."""
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client:
            client.ask("subscribe")
            stop, made = threading.Event(), [0]
            storm = threading.Thread(target=connect, args=(path, stop, made), daemon=True)
            begin = time.monotonic()
            storm.start()
            late = []
            for i in range(10):
                # each a program of its own, or a summary would speak for all
                program = shutil.copy(FDZOO, scratch.file(own_name(i)))
                with Zoo("limit=64", "say=at", "fill=55", "wait", program=program) as zoo:
                    at = zoo.stamp("at")
                    client.next_alert(is_of(zoo.pid, "fd-warning"), 30)
                    late.append(boot_ns() - at)
                    daemon.wait(zoo.pid, "fd-warning", 30)
            seconds = time.monotonic() - begin
            stop.set()
            storm.join(10)
            note(f"{made[0] / seconds:.0f} connects a second; alerts after "
                 f"{sorted(late)[5] / 1e6:.1f} ms, at most {max(late) / 1e6:.1f}")
            check(made[0] / seconds > 300, "too few connects")
            check(max(late) < 5e9, f"an alert came after {max(late) / 1e9:.1f} s")


def connect(path, stop, made):
    due = time.monotonic()
    while not stop.is_set():
        one = socket.socket(socket.AF_UNIX)
        try:
            one.settimeout(5)
            one.connect(path)
            made[0] += 1
            if made[0] % 2:
                one.send(b'{"request":"snap')
        except OSError:
            pass
        one.close()
        due += 0.001
        time.sleep(max(0, due - time.monotonic()))


def test_no_descriptor_is_left():
    """Its own: the next client is told, nothing spins, and alerts go on."""
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (110, 110))

    with Scratch() as scratch:
        daemon, path = daemon_at(scratch, preexec_fn=limit)
        with daemon:
            clients = []
            for _ in range(100):
                client = Client(path)
                clients.append(client)
                if "error" in client.first:
                    break
            same_error(clients[-1].first, "busy")
            note(f"{len(clients) - 1} clients with 110 descriptors")
            before = cpu_seconds(daemon.pid)
            time.sleep(1)
            check(cpu_seconds(daemon.pid) - before < 0.7, "it spins")
            with near() as zoo:
                daemon.wait(zoo.pid, "fd-warning", 30)
            for client in clients:
                client.close()
            wait_until(lambda: "fdwarden" in Client(path).first, 10, "a client")


def as_user(uid, *groups):
    def become():
        os.setgroups(list(groups))
        os.setgid(uid)
        os.setuid(uid)
    return become


def test_a_directory_that_the_group_cannot_pass():
    gid = unused_uid()
    with Scratch() as scratch:
        os.chmod(scratch.path, 0o750)
        daemon, _ = daemon_at(scratch, group=gid)
        with daemon:
            daemon.wait_log(f"members of group {gid} can't pass its directory")
    with Scratch() as scratch:
        os.chown(scratch.path, -1, gid)
        os.chmod(scratch.path, 0o750)
        daemon, _ = daemon_at(scratch, group=gid)
        with daemon:
            same([line for line in daemon.log if "can't pass" in line], [], "log")


def test_group_members_may_ask_and_others_are_told():
    gid = unused_uid()
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        program = shutil.copy(FDWARDEN, scratch.file("fdwarden"))
        daemon, path = daemon_at(scratch, group=gid)
        with daemon:
            daemon.wait(zoo.pid, "fd-warning", 30)

            def ask(*arguments, groups=()):
                return subprocess.run(
                    [program, *arguments, "--socket", path], capture_output=True, text=True,
                    check=False, timeout=120, preexec_fn=as_user(NOBODY, *groups))

            for command in (("ps",), ("inspect", str(zoo.pid)), ("events",)):
                done = ask(*command)
                same((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1),
                     f"{command}: {done}")
                check(f"add yourself to group {gid}" in done.stderr and "usermod" in done.stderr,
                      done.stderr)
            done = ask("check")
            same((done.returncode, done.stdout.count("\n")), (3, 1), f"{done}")
            done = ask("ps", groups=[gid])
            same(done.returncode, 0, f"ps: {done.stderr}")
            check("from the daemon's last look" in done.stderr, done.stderr)
            check(any(line.split()[0] == str(zoo.pid) for line in done.stdout.splitlines()),
                  "ps does not show it")
            document = json.loads(ask("ps", "--json", str(zoo.pid), groups=[gid]).stdout)
            same(document["processes"][0]["fd"]["count"], listed(zoo.pid), "fd.count")
            done = ask("inspect", str(zoo.pid), groups=[gid])
            check(done.returncode == 0 and "What is open" in done.stdout, f"{done}")
            document = json.loads(
                ask("inspect", "--json", "--descriptors", str(zoo.pid), groups=[gid]).stdout)
            same(len(document["fd"]["descriptors"]), listed(zoo.pid), "descriptors")
            done = ask("features", groups=[gid])
            check(done.returncode == 0 and f"pid {daemon.pid}: sensor" in done.stdout, f"{done}")
            done = ask("inspect", "4194303", groups=[gid])
            same((done.returncode, done.stderr), (1, "fdwarden: inspect: no process 4194303\n"),
                 "inspect of none")


def test_a_raise_that_was_none_is_not_told():
    """Who says so must be able to have done it, and the limit must show it."""
    gid = unused_uid()
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        with open(f"/proc/{zoo.pid}/limits", encoding="ascii") as lines:
            soft = int(next(line for line in lines if line.startswith("Max open")).split()[3])
        daemon, path = daemon_at(scratch, group=gid)
        with daemon:
            with Client(path) as client:
                same_error(client.ask("raised", pid=zoo.pid, **{"from": 5, "to": soft - 1}),
                           "failed")
                same_error(client.ask("raised", pid=4194303, **{"from": 5, "to": soft}),
                           "no-such-process")
            before = os.getgroups()
            os.setgroups([gid])
            os.seteuid(NOBODY)  # whose the connection is then
            try:
                client = Client(path)
            finally:
                os.seteuid(0)
                os.setgroups(before)
            with client:
                same_error(client.ask("raised", pid=zoo.pid, **{"from": 5, "to": soft}),
                           "denied")
            check("raised" not in inspect(zoo.pid, "--socket", path)["limit"], "it was believed")


def test_socket_file():
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        with daemon:
            same(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode without a group")
            second, _ = daemon_at(scratch)
            with second:  # goes on without
                check("another daemon listens there" in second.wait_log("no socket is served"),
                      f"{second.log}")
            check("fdwarden" in Client(path).first, "the first one's socket is gone")
            daemon.process.kill()
            daemon.process.wait()
        check(os.path.exists(path), "SIGKILL took the socket's file")
        done = run("events", "--socket", path)
        same((done.returncode, done.stderr.count("\n")), (1, 1), f"{done}")
        check("no daemon is running" in done.stderr, done.stderr)
        third, _ = daemon_at(scratch)
        with third:
            check("fdwarden" in Client(path).first, "what was left there is not replaced")
            # another's file in its place stays
            os.unlink(path)
            with open(path, "w", encoding="utf-8"):
                pass
        check(os.path.exists(path), "what is not ours was removed")
        fourth, _ = daemon_at(scratch)
        with fourth:
            fourth.wait_log("a file that is no socket")
        off, _ = daemon_at(scratch, "socket.path=")
        with off:
            same([line for line in off.log if "socket" in line], [], "log without a socket")
        named, path = daemon_at(scratch, f"socket.path={scratch.file('new')}",
                                group="no-such-group")
        with named:
            named.wait_log("there is no group no-such-group")
            same(stat.S_IMODE(os.stat(scratch.file("new")).st_mode), 0o600, "mode")


def test_events():
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        with daemon, near() as zoo:
            daemon.wait(zoo.pid, "fd-warning", 30)
            follow = subprocess.Popen(
                [FDWARDEN, "events", "--follow", "--json", "--socket", path],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            first = json.loads(follow.stdout.readline())
            while not is_of(zoo.pid)(first):
                first = json.loads(follow.stdout.readline())
            same(first, daemon.of(zoo.pid)[0], "the first alert")
            done = run("events", "--socket", path)
            same((done.returncode, done.stderr), (0, ""), "events")
            line = next(l for l in done.stdout.splitlines() if f"[{zoo.pid}]" in l)
            check(line.split()[3] == "warning" and first["message"] in line, line)
            then = datetime.datetime.strptime(line[:25], "%Y-%m-%d %H:%M:%S %z").timestamp()
            told = datetime.datetime.fromisoformat(
                first["@timestamp"].replace("Z", "+00:00")).timestamp()
            same(int(then), int(told), "the time with its zone")
            east = run("events", "--socket", path, env={**os.environ, "TZ": "XXX-3"})
            check(any(l[20:25] == "+0300" and f"[{zoo.pid}]" in l
                      for l in east.stdout.splitlines()), east.stdout)

            def shown(*arguments):
                return f"[{zoo.pid}]" in run("events", "--socket", path, *arguments).stdout

            same((shown("--since", "10m"), shown("--since", "2099-01-01"), shown("--level", "warning"),
                  shown("--level", "critical"), shown("--service", "no-such-service")),
                 (True, False, True, False, False), "filters")
            done = run("events", "--service", "no-such-service", "--socket", path)
            same((done.returncode, done.stdout, done.stderr.count("\n")), (0, "", 1), "nothing")
            check(re.search("none of the last [0-9]+ alerts? is of such a service$",
                            done.stderr, re.M), done.stderr)
            same((shown(str(zoo.pid)), shown("fdzoo"), shown("fdz*", "--level", "warning"),
                  shown("1"), shown("no-such-name"), shown("fdzoo", "--level", "critical")),
                 (True, True, True, False, False, False), "by process")
            done = run("events", "no-such-name", "--socket", path)
            same((done.returncode, done.stdout), (0, ""), "of a process of none")
            check("is about such a process" in done.stderr, done.stderr)
            done = run("events", "--since", "1d", "--socket", path)
            check(f"[{zoo.pid}]" in done.stdout, done.stdout)
            check(re.fullmatch("fdwarden: events: only since 2[-0-9]+ [:0-9]+ [-+0-9]+, when "
                               "the daemon started; earlier ones .*\n", done.stderr), done.stderr)
            same(run("events", "--since", "0s", "--socket", path).stderr.count("only since"), 0,
                 "since now")
            same(run("events", "--json", "--socket", path).stdout.count(
                first["event"]["id"]), 1, "events --json")
            zoo.end()
            last = json.loads(follow.stdout.readline())
            while not is_of(zoo.pid, "fd-recovered")(last):
                last = json.loads(follow.stdout.readline())
            same(last, daemon.wait(zoo.pid, "fd-recovered", 30)[1], "the last alert")
            daemon.stop()
            daemon.wait_log(f"SIGTERM from process {os.getpid()} of user {os.getuid()}: ")
            same(follow.wait(10), 1, "exit status when the daemon has ended")
            same(follow.stderr.read().count("\n"), 1, "lines about it")
            follow.stdout.close()
            follow.stderr.close()


def test_status():
    """Whether it monitors, since when, what stands; and no daemon is an error."""
    with Scratch() as scratch:
        begin = time.time()
        daemon, path = daemon_at(scratch)
        with daemon, near() as zoo:
            daemon.wait(zoo.pid, "fd-warning", 30)
            done = run("status", "--socket", path)
            same((done.returncode, done.stderr), (0, ""), f"{done}")
            lines = done.stdout.splitlines()
            check(lines[0].startswith("Monitoring since 2"), lines[0])
            check(any(f", pid {daemon.pid}" in line for line in lines),
                  done.stdout)
            check(any(re.match(r"  incidents  .*[0-9]+ warning", line) for line in lines),
                  done.stdout)
            check(any(re.match(rf" +warning +fdzoo\[{zoo.pid}\].*: {listed(zoo.pid)} of 64",
                               line) for line in lines), done.stdout)
            check(any(line.startswith("  lost ") for line in lines), done.stdout)
            config = scratch.file("conf", f"[socket]\npath = {path}\n")
            for where in (("--socket", path), (f"--socket={path}",), ("-c", config)):
                done = run(*where)
                same((done.returncode, done.stderr), (0, ""), f"the overview: {done}")
                check("\nA daemon monitors" in done.stdout and "alerted" not in done.stdout,
                      done.stdout)
            said = json.loads(run("status", "--json", "--socket", path).stdout)
            check(said["monitoring"] is True and said["self"]["pid"] == daemon.pid, f"{said}")
            started = datetime.datetime.fromisoformat(
                said["self"]["started_at"].replace("Z", "+00:00")).timestamp()
            check(begin - 1 <= started <= time.time(), f"started_at {said['self']}")
            mine = [p for p in said["processes"] if p["process"]["pid"] == zoo.pid]
            same([p["watch"]["level"] for p in mine], ["warning"], "the process that stands")
            check(all(p["watch"].get("incident") for p in said["processes"]),
                  f"one without incident: {said['processes']}")
            live = run("top", "--json", "-n", "1", "--socket", path).stdout
            with Client(path) as client:
                reply = client.ask("snapshot", id="a")
            one = json.loads(run("ps", "--json").stdout)
            check_documents([said, json.loads(live), reply, one,
                             json.loads(run("ps", "--json", "--socket", path).stdout)],
                            "snapshot")
        done = run("status", "--socket", path)
        same((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), f"{done}")
        done = run("--socket", path)
        same((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), f"{done}")
        check_documents([json.loads(run("status", "--json", "--socket", path).stdout)], "snapshot")


def test_ps_asks_first():
    """Whoever may look asks all the same, for the verdict; not of what is newer, nor if told."""
    with Scratch() as scratch, near() as zoo:
        zoo.expect("near")
        daemon, path = daemon_at(scratch, "snapshot.interval=2s")
        config = scratch.file("conf", f"[socket]\npath = {path}\n")

        def ask(*arguments):
            done = run("ps", "-c", config, *arguments)
            same(done.returncode, 0, f"{done}")
            return "from the daemon's last look" in done.stderr, done.stdout

        with daemon:
            daemon.wait(zoo.pid, "fd-warning", 30)
            asked, text = ask()
            check(asked and f"\n{zoo.pid} " in "\n" + text.replace("\n ", "\n").lstrip(),
                  "a daemon that runs was not asked")
            asked, text = ask("--own-look", str(zoo.pid))
            check(not asked and str(zoo.pid) in text, "asked, though told to look itself")
            with near() as young:
                young.expect("near")
                asked, text = ask(str(young.pid))
                check(str(young.pid) in text, "one that is newer than the last look is not shown")
        asked, text = ask(str(zoo.pid))
        check(not asked and str(zoo.pid) in text, "no look without a daemon")
        same(run("ps", "--own-look", "--socket", path).returncode, 2, "both")


def test_check():
    """Whole host: others run here, so only that it is not better than ours."""
    with Scratch() as scratch, near() as zoo, Zoo("limit=1000", "say=on", "wait") as idle:
        zoo.expect("near")
        idle.expect("on")
        daemon, path = daemon_at(scratch)
        with daemon:
            daemon.wait(zoo.pid, "fd-warning", 30)

            def ask(*arguments):
                done = run("check", "--socket", path, *arguments)
                same(done.stdout.count("\n"), 1, f"lines of {done}")
                return done.returncode, done.stdout

            used = listed(zoo.pid)
            code, line = ask(str(zoo.pid))
            same(code, 1, line)
            check(line.startswith(f"FDWARDEN WARNING - fdzoo[{zoo.pid}]"), line)
            check(f"'used'={used};52;61;0;64" in line.split(" | ")[1], line)
            same(ask(str(zoo.pid), "-w", "50", "-c", "60")[0], 2, "critical")
            same(ask(str(zoo.pid), "--warn", "99", "--critical", "99.5%")[0], 0, "ok")
            same(ask(str(idle.pid))[0], 0, "the idle one")
            same(ask("4194303")[0], 3, "no such process")
            same(ask("--service", "no-such.service")[0], 3, "no such service")
            check(ask()[0] >= 1, "the host")
        # without a daemon, by itself
        done = run("check", str(zoo.pid), "--config", "/dev/null", "-w", "50", "-c", "99")
        same(done.returncode, 1, f"{done}")


def test_each_look_is_new():
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        with daemon, Client(path) as client:
            first = client.ask("snapshot")
            time.sleep(7)  # longer than figures are kept at hand for who has asked
            second = client.ask("snapshot")
            check(second["number"] > first["number"], "no new look")
            then = datetime.datetime.fromisoformat(second["@timestamp"].replace("Z", "+00:00"))
            age = time.time() - then.timestamp()
            check(age < 5, f"its last look was {age:.1f} s ago")


def test_inspect_by_root_asks_the_daemon():
    """It has seen who set the limit; one look has not. Without a daemon, a look."""
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        config = scratch.file("conf", f"[socket]\npath = {path}\n")
        with daemon, near() as zoo:
            daemon.wait(zoo.pid, "fd-warning")
            asked = inspect(zoo.pid, "-c", config)
            check("seen to set its own limit" in asked["limit"]["evidence"],
                  f"{asked['limit']}")
        with near(used=20) as zoo:
            zoo.expect("near")
            same(inspect(zoo.pid, "-c", config)["fd"]["used"], 20, "without a daemon: fd.used")


def test_inspect_says_what_is_refused():
    """Whether calls are refused now, how many and which, since when, as the daemon counts them."""
    with Scratch() as scratch:
        daemon, path = daemon_at(scratch)
        config = scratch.file("conf", f"[socket]\npath = {path}\n")

        def page(pid):
            done = run("inspect", str(pid), "-c", config)
            same(done.returncode, 0, f"exit status, with {done.stderr!r}")
            return " ".join(done.stdout.split())

        with daemon, Zoo("limit=64", "fill=64", "say=full", "wait", "refuse=openat:7", "refuse=dup:3",
                         "say=refused", "wait") as zoo:
            daemon.wait(zoo.pid, "fd-critical")
            check("It is full: the next call that opens a descriptor is refused; none was so far."
                  in page(zoo.pid), page(zoo.pid))
            same(inspect(zoo.pid, "-c", config)["fd"]["refused"],
                 {"emfile": 0, "enfile": 0, "by_syscall": {}}, "fd.refused of what is full")
            zoo.go()
            zoo.expect("refused")
            daemon.wait(zoo.pid, "fd-exhausted")

            def refused():
                return inspect(zoo.pid, "-c", config)["fd"]["refused"]

            wait_until(lambda: refused()["emfile"] == 10, 20, "10 refused calls")
            same(refused()["by_syscall"], {"openat": 7, "dup": 3}, "fd.refused.by_syscall")
            check(refused()["first"] <= refused()["last"], f"{refused()}")
            wait_until(lambda: "10 calls were refused (openat 7, dup 3), the first "
                       in page(zoo.pid), 20, "a page that says that they were")
            check(" ago, the last " in page(zoo.pid), page(zoo.pid))
        with daemon_at(scratch)[0] as second, Program(
                "import os, resource, time\n"
                "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
                "print('ready', flush=True)\n"
                "while True:\n"
                " try: os.dup(0)\n"
                " except OSError: time.sleep(0.05)\n") as program:
            second.wait(program.pid, "fd-exhausted")
            wait_until(lambda: "Calls are being refused, about " in page(program.pid), 20,
                       "a page that says that they are refused now")
