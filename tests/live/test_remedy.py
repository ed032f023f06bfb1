# SPDX-License-Identifier: GPL-2.0-or-later
"""on_critical = raise-soft: the daemon raises a soft limit, where a rule says so."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import time

from harness import FDWARDEN, Daemon, FDZOO, Scratch, Zoo, check, same
from programs import Client, Server
from sockets import daemon_at

CAP_SYS_RESOURCE = 1 << 24
FAST = "snapshot.interval=200ms"


@contextlib.contextmanager
def daemon_with(rule, **options):
    with Scratch() as scratch:
        config = scratch.file("conf", f"[snapshot]\ninterval = 200ms\n\n[rule test]\n{rule}")
        with Daemon(config=config, **options) as daemon:
            yield daemon


def limits(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as lines:
        words = next(line for line in lines if line.startswith("Max open files")).split()
    return int(words[3]), int(words[4])


def zoo_with_hard_limit(hard):
    return Zoo(f"limit=100:{hard}", "openat=93", "say=full", "wait", "openat=25", "say=fuller",
               "wait")


def test_raises_by_a_step_up_to_the_hard_limit():
    """96 of 100, so 125; 121 of 125, so 140, which is the hard limit; no further."""
    with daemon_with("name = fdzoo\non_critical = raise-soft\nraise_step = 25%\n"
                     "raise_interval = 1s\nraise_leaks = yes\n") as daemon, \
            zoo_with_hard_limit(140) as zoo:
        _, critical = daemon.wait(zoo.pid, "fd-critical")
        _, raised = daemon.wait(zoo.pid, "fd-limit-raised")
        same((raised["fd"]["soft_limit_before"], raised["fd"]["soft_limit"]), (100, 125),
             "soft limits")
        same(raised["fd"]["incident"], critical["fd"]["incident"], "incident")
        same(raised["fd"]["hard_limit"], 140, "hard limit")
        check("raised from 100 to 125" in raised["message"], raised["message"])
        same(limits(zoo.pid), (125, 140), "limits")
        zoo.go()
        zoo.expect("fuller")
        daemon.wait_for(lambda d: d.actions_unlocked(zoo.pid).count("fd-limit-raised") == 2,
                        5, "second raise")
        same(limits(zoo.pid), (140, 140), "limits")
        time.sleep(2.5)
        same(daemon.actions(zoo.pid).count("fd-limit-raised"), 2, "raises at the hard limit")
        same(limits(zoo.pid), (140, 140), "limits")


def test_its_origin_is_told():
    """Of a limit that fdwarden raised: whose the one before is, by whom it was, and when."""
    with Scratch() as scratch:
        config = scratch.file("conf", "[rule a]\nname = byrule\non_critical = raise-soft\n"
                              "raise_step = 25%\nraise_leaks = yes\n")
        daemon, path = daemon_at(scratch, config=config)
        with daemon, \
                Zoo("name=byrule", "limit=100:1000", "openat=93", "say=full", "wait",
                    "openat=25", "say=fuller", "wait") as rule, \
                Zoo("name=byhand", "limit=100:1000", "openat=60", "say=full", "wait") as hand:
            daemon.wait(rule.pid, "fd-limit-raised")
            hand.expect("full")

            def limit(pid):
                done = subprocess.run([FDWARDEN, "inspect", str(pid), "--json", "--socket", path],
                                      capture_output=True, text=True, timeout=60, check=True)
                return json.loads(done.stdout)["limit"]

            check("raised" not in limit(hand.pid), "raised before it was")
            for soft in (150, 200):
                subprocess.run([FDWARDEN, "raise", str(hand.pid), "--soft", str(soft),
                                "--socket", path], capture_output=True, timeout=20, check=True)
            for pid, to, by_hand, why in (
                    (rule.pid, 125, False, "on_critical = raise-soft wants it"),
                    (hand.pid, 200, True, "somebody asked it to")):
                seen = limit(pid)
                same((seen["soft"], seen["hard"]), (100, 1000), "the limit before")
                same({**seen["raised"], "at": 0},
                     {"by": "fdwarden", "by_hand": by_hand, "at": 0, "from": 100, "to": to},
                     "raised")
                check(re.search(rf"fdwarden raised the soft limit from 100 to {to} at "
                                rf"{seen['raised']['at'][:19]}Z, as {why}$", seen["evidence"]),
                      seen["evidence"])
            # the next alert has it, too
            rule.go()
            rule.expect("fuller")
            daemon.wait_for(lambda d: any(
                a.get("limit", {}).get("raised", {}).get("from") == 100
                for a in d.of_unlocked(rule.pid)), 20, "an alert that says so")


def test_at_most_so_often():
    with daemon_with("name = fdzoo\non_critical = raise-soft\nraise_step = 1%\n"
                     "raise_interval = 1h\nraise_leaks = yes\n") as daemon, \
            zoo_with_hard_limit(1000) as zoo:
        daemon.wait(zoo.pid, "fd-limit-raised")
        time.sleep(1.5)
        same(daemon.actions(zoo.pid).count("fd-limit-raised"), 1, "raises within the hour")
        same(limits(zoo.pid), (101, 1000), "limits")


def test_a_step_that_is_not_enough_is_repeated():
    with daemon_with("name = fdzoo\non_critical = raise-soft\nraise_step = 1%\n"
                     "raise_interval = 1s\nraise_leaks = yes\n") as daemon, \
            zoo_with_hard_limit(1000) as zoo:
        daemon.wait_for(lambda d: d.actions_unlocked(zoo.pid).count("fd-limit-raised") >= 2,
                        10, "second raise")
        raised = [a["fd"]["soft_limit"] for a in daemon.of(zoo.pid)
                  if a["event"]["action"] == "fd-limit-raised"]
        # 1 % and no less than that
        same(raised[:2], [101, 103], "soft limits")


def test_never_for_a_leak():
    """A hundred times the same file, and connections left in CLOSE_WAIT."""
    with daemon_with("name = *\non_critical = raise-soft\nraise_interval = 1s\n") as daemon, \
            zoo_with_hard_limit(1000) as zoo, Client(100, 1000) as client:
        client.connect(70, close=True)
        time.sleep(0.5)  # the peers' ends have arrived
        client.connect(22, close=True)
        for pid in (zoo.pid, client.pid):
            _, alert = daemon.explained(pid, "fd-critical")
            check(any(cause["leak"] for cause in alert["diagnosis"]),
                  f"no leak: {alert['diagnosis']}")
        time.sleep(2)
        for pid in (zoo.pid, client.pid):
            check("fd-limit-raised" not in daemon.actions(pid), "it was raised")
            same(limits(pid)[0], 100, "soft limit")
        daemon.wait_log("is not raised: it leaks")


def test_not_where_it_is_of_no_use():
    """Squid, and others, compute their own wall at their start. By hand it is allowed."""
    with daemon_with("name = squid\non_critical = raise-soft\nraise_leaks = yes\n") as daemon, \
            Zoo("name=squid", "limit=100:140", "openat=93", "say=full", "wait") as zoo:
        daemon.wait(zoo.pid, "fd-critical")
        daemon.wait_log("is not raised: it computes what it takes", 10)
        same(limits(zoo.pid), (100, 140), "limits")
        done = subprocess.run([FDWARDEN, "raise", str(zoo.pid), "--soft", "120"],
                              capture_output=True, text=True, timeout=20, check=True)
        check("Squid computes what it takes of its limit when it starts" in done.stderr,
              done.stderr)
        same(limits(zoo.pid), (120, 140), "limits after it was raised by hand")


def test_load_is_given_room():
    """Accepted connections leak nothing."""
    with daemon_with("name = *\non_critical = raise-soft\n") as daemon, \
            Server(100, 1000) as server:
        server.accept(93)
        daemon.wait(server.pid, "fd-limit-raised")
        same(limits(server.pid), (125, 1000), "limits")


def test_off_by_default():
    with Daemon(FAST) as daemon, zoo_with_hard_limit(1000) as zoo:
        daemon.wait(zoo.pid, "fd-critical")
        time.sleep(1)
        check("fd-limit-raised" not in daemon.actions(zoo.pid), "raised without a rule")
        same(limits(zoo.pid)[0], 100, "soft limit")


def test_another_users_process():
    """Without the capability: said once, with what to do."""
    with open("/proc/self/status", encoding="ascii") as status:
        caps = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff"))

    def become_nobody():
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

    with Scratch() as scratch, \
            daemon_with("name = fdzoo\non_critical = raise-soft\nraise_interval = 1s\n"
                        "raise_leaks = yes\n") as daemon, \
            Zoo("limit=100:1000", "openat=93", "wait", preexec_fn=become_nobody,
                program=shutil.copy(FDZOO, scratch.path)) as zoo:
        daemon.wait(zoo.pid, "fd-critical")
        if caps & CAP_SYS_RESOURCE:
            daemon.wait(zoo.pid, "fd-limit-raised")
            return
        daemon.wait_log("CAP_SYS_RESOURCE")
        time.sleep(2.5)
        lines = [line for line in daemon.log if "CAP_SYS_RESOURCE" in line]
        same(len(lines), 1, "lines in the log")
        check("systemctl edit" in lines[0], lines[0])
        same(limits(zoo.pid), (100, 1000), "limits")
