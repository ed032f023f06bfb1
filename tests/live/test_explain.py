# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts that say why: in themselves where it is known in time, else in one that follows."""
import collections
import contextlib
import os
import resource
import shutil
import time

from harness import (FDZOO, ROOT, Daemon, Scratch, Skip, Zoo, check, listed, note, own_name,
                     same)
from programs import Client, Program, Server

FAST = "snapshot.interval=200ms"


def test_pile_up_is_named_in_the_alert():
    """300 connections that the peer has closed and the process has not: the critical alert
    itself says so, and with whom."""
    with Daemon(FAST) as daemon, Client(320) as client:
        client.connect(303 - listed(client.pid), close=True)
        time.sleep(0.5)  # two snapshots
        stamp = client.connect(1, close=True)
        arrival, alert = daemon.wait(client.pid, "fd-critical")
        took = (arrival - stamp) / 1e6
        note(f"fd-critical with its cause {took:.1f} ms after the connection was asked for")
        check(took < 1000, f"it took {took:.0f} ms")
        peer = f"127.0.0.1:{client.port}"
        check(alert["message"].startswith(
            f"{alert['process']['name']}[{client.pid}] has 304 of 320 descriptors open (95%)"),
            f"the message: {alert['message']}")
        check("CLOSE_WAIT" in alert["message"] and peer in alert["message"],
              f"the message does not name it: {alert['message']}")
        causes = {cause["rule"]: cause for cause in alert.get("diagnosis", [])}
        check("close-wait" in causes, f"diagnosis: {alert.get('diagnosis')}")
        check(causes["close-wait"]["leak"], "close-wait is no leak")
        check(causes["close-wait"]["count"] >= 295, f"{causes['close-wait']}")
        first = alert["fd"]["groups"][0]
        same((first["type"], first.get("state"), first.get("where"), first.get("direction")),
             ("tcp", "CLOSE_WAIT", peer, "outgoing"), "the first group")
        _, whole = daemon.explained(client.pid, "fd-critical")
        check(whole["advice"] and whole["advice"][0]["action"] == "fix-leak",
              f"advice: {whole['advice']}")


def test_connections_that_are_over_are_a_pile_up():
    """What comes of CLOSE_WAIT when keep-alive finds the peer gone: reset, with no local
    port left. It is the same leak, and nobody's load."""
    with Daemon(FAST) as daemon, Client(128) as client:
        client.connect(123 - listed(client.pid), close=True, reset=True)
        _, alert = daemon.explained(client.pid, "fd-critical")
        first = alert["fd"]["groups"][0]
        same((first["type"], first.get("state"), first.get("where"), first.get("direction")),
             ("tcp", "CLOSED", f"127.0.0.1:{client.port}", "outgoing"), "the first group")
        same([(cause["rule"], cause["leak"]) for cause in alert["diagnosis"]],
             [("close-wait", True)], "the diagnosis")


def test_load_is_no_leak():
    """Accepted connections alone: the limit is too low, nothing leaks."""
    with Daemon(FAST) as daemon, Server(128) as server:
        server.accept(118)
        _, alert = daemon.explained(server.pid, "fd-critical")
        check(alert["diagnosis"], "no cause for 118 accepted connections")
        check(not any(cause["leak"] for cause in alert["diagnosis"]),
              f"taken for a leak: {alert['diagnosis']}")
        same(alert["diagnosis"][0]["rule"], "accepted-connections", "rule")
        check(not any(advice["bandage"] for advice in alert["advice"]),
              f"a bandage: {alert['advice']}")


def programs(scratch, n):
    """Copies of fdzoo, each a group of its own."""
    for i in range(n):
        yield shutil.copy(FDZOO, os.path.join(scratch.path, own_name(i)))


def test_details_follow_when_there_is_no_time():
    """Many large tables at once are more than alerts wait for: they come at once, and
    what explains them follows, once for each, before the end of the incident."""
    each, n = 15000, 12
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < each + 200:
        raise Skip(f"the hard limit of descriptors is {hard}")
    limit = int(each / 0.85)
    with Scratch() as scratch, Daemon() as daemon:
        with contextlib.ExitStack() as stack:
            zoos = [stack.enter_context(Zoo(f"limit={limit}", f"openat={each}", "say=there",
                                            "wait", program=program))
                    for program in programs(scratch, n)]
            for zoo in zoos:
                zoo.expect("there", 60)
            for zoo in zoos:
                daemon.explained(zoo.pid, "fd-warning", 20)
        for zoo in zoos:
            daemon.wait(zoo.pid, "fd-recovered", 10)
        late = collections.Counter()
        for zoo in zoos:
            actions = daemon.actions(zoo.pid, details=True)
            late[actions.count("fd-details")] += 1
            same(actions[0], "fd-warning", "the first alert")
            same(actions[-1], "fd-recovered", "the last alert")
            check(actions.count("fd-details") <= actions.count("fd-warning"),
                  f"more details than alerts: {actions}")
            first = daemon.of(zoo.pid, details=True)[0]
            if "types" not in first["fd"]:
                check("fd-details" in first["fd"]["unexplained"], "why it is not there")
            _, whole = daemon.explained(zoo.pid, "fd-warning")
            same(sum(kind["count"] for kind in whole["fd"]["types"]), each + 3, "descriptors")
        note(f"{n} tables of {each} at once: {late[0]} alerts had it all, {late[1]} were followed")


def test_summaries_are_not_explained():
    """Of 300 that cross at once the first few are explained, and no more are asked for."""
    with Daemon(FAST) as daemon, \
            Zoo("limit=64", "crowd=300", "openat=58", "say=there", "wait") as zoo:
        zoo.expect("there", 30)
        daemon.wait_for(lambda d: [a for _, a in d.alerts if "group" in a.get("fd", {})],
                        10, "summary")
        time.sleep(0.5)
        with daemon.arrived:
            alerts = [alert for _, alert in daemon.alerts]
        alone = [a for a in alerts if a["event"]["action"] in ("fd-warning", "fd-critical")
                 and "group" not in a["fd"]]
        details = [a for a in alerts if a["event"]["action"] == "fd-details"]
        check(len(details) <= len(alone), f"{len(details)} details of {len(alone)} alerts")
        check(all("types" not in a["fd"] for a in alerts if "group" in a["fd"]),
              "a summary is explained")


def test_gone_before_it_is_explained():
    """What lived too short is alerted all the same, and says why there is no more."""
    with Daemon() as daemon:
        with Zoo("limit=32", "refuse=openat:5") as zoo:
            zoo.end()
            _, alert = daemon.wait(zoo.pid, "fd-exhausted")
            daemon.wait(zoo.pid, "fd-recovered")
            check("types" in alert["fd"] or alert["fd"]["unexplained"], "neither nor")
            note(alert["fd"].get("unexplained", "it could still be looked at"))


def test_no_descriptor_left_to_look_with():
    """The daemon out of descriptors: alerts come, and name why they say no more."""
    with Daemon(FAST) as daemon:
        # those that are open stay so
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (4, 4))
        seen = []
        for _ in range(4):
            with Zoo("limit=64", "openat=58", "say=there", "wait") as zoo:
                zoo.expect("there")
                _, alert = daemon.wait(zoo.pid, "fd-critical")
                seen.append(alert["fd"].get("unexplained"))
        note(f"unexplained: {seen}")
        check(any(why and "no descriptor is left" in why for why in seen),
              f"it is not named: {seen}")
        # and once in the log
        lines = [line for line in daemon.log if "no descriptor is left" in line]
        check(len(lines) <= 1, f"{len(lines)} lines in the log")


def test_the_schema_is_checked():
    """Else the other tests check alerts by their own rules alone."""
    try:
        import jsonschema  # noqa: F401 (whether it is there)
    except ImportError:
        raise Skip("no python3-jsonschema") from None
    check(os.path.exists(os.path.join(ROOT, "docs/alert.schema.json")), "no schema")


def test_hostile_cause():
    """A cause with escapes and newlines in it stays within its line of JSON."""
    text = """
import os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
name = bytes.fromhex(sys.argv[2])
os.chdir(sys.argv[1])
open(name, "w").close()
keep = [os.open(name, os.O_RDONLY) for _ in range(58)]
print("ready", flush=True)
sys.stdin.readline()
"""
    nasty = b"a\"b\nc\x1b[31m\xff\xe2\x80\xaed\te\\f'$(x)" * 5
    with Scratch() as scratch, Daemon(FAST) as daemon:
        with Program(text, scratch.path, nasty.hex()) as program:
            _, alert = daemon.explained(program.pid, "fd-critical")
            wheres = [group.get("where", "") for group in alert["fd"]["groups"]]
            check(any("\ufffd" in where for where in wheres), f"groups: {wheres}")
            check("\x1b" not in str(alert) and "\n" not in alert["message"], "raw")
