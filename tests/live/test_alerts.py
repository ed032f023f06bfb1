# SPDX-License-Identifier: GPL-2.0-or-later
"""A process comes near its limit, is refused, and is well again."""
import os
import resource
import signal
import subprocess
import sys
import time

from harness import (Daemon, Failure, FDWARDEN, FDZOO, Scratch, Skip, Zoo, check, note, need_limit,
                     ps, read_alert_file, same, unused_uid, wait_until)

FAST = "snapshot.interval=200ms"


def latency(arrival, stamp, what):
    ms = (arrival - stamp) / 1e6
    note(f"{what}: {ms:.2f} ms from call to line")
    check(ms < 1000, f"{what} took {ms:.0f} ms")


def fill_step_by_step(daemon, zoo):
    """80 % of 256 is 204.8, 95 % is 243.2: the 205th, the 244th, and one more
    than 256. Returns the incident."""
    pid = zoo.pid
    zoo.expect("low")
    time.sleep(0.5)  # two snapshots
    same(daemon.actions(pid), [], "alerts at 204 of 256")
    incidents = set()
    for action, used in (("fd-warning", 205), ("fd-critical", 244), ("fd-exhausted", 256)):
        zoo.go()
        stamp = zoo.stamp(action)
        arrival, alert = daemon.wait(pid, action)
        latency(arrival, stamp, action)
        fd = alert["fd"]
        same((fd["count"], fd["used"], fd["free"], fd["soft_limit"]),
             (used, used, 256 - used, 256), f"figures of {action}")
        incidents.add(fd["incident"])
    same(alert["fd"]["refused"], {"emfile": 1, "enfile": 0, "by_syscall": {"openat": 1}},
         "what was refused")
    same(alert["fd"]["request"], {"syscall": "openat", "path": "/dev/null",
                                  "error": "EMFILE"}, "what was asked for")
    same(len(incidents), 1, "incidents")
    return incidents.pop()


STEPS = ("limit=256", "openat=201", "say=low", "wait",
         "say=fd-warning", "openat", "wait", "openat=38",
         "say=fd-critical", "openat", "wait", "openat=12",
         "say=fd-exhausted", "fail=openat:1", "wait")


def recover(how, reason, *more):
    with Daemon(FAST) as daemon, Zoo(*STEPS, *more) as zoo:
        incident = fill_step_by_step(daemon, zoo)
        how(zoo)
        _, alert = daemon.wait(zoo.pid, "fd-recovered")
        same(alert["fd"]["reason"], reason, "fd.reason")
        same(alert["fd"]["incident"], incident, "fd.incident")
        same(alert["fd"]["refused"]["emfile"], 1, "refused over the incident")
        check(alert["event"]["duration_ns"] > 0, "the incident had no duration")
        same(daemon.actions(zoo.pid),
             ["fd-warning", "fd-critical", "fd-exhausted", "fd-recovered"], "alerts")
        return alert


def test_recovered_by_closing():
    alert = recover(Zoo.go, "closed", "close_all", "wait")
    same(alert["fd"]["count"], 3, "fd.count")


def test_recovered_by_exit():
    alert = recover(Zoo.kill, "exited")
    check("count" not in alert["fd"], "a count of a process that is gone")


def test_recovered_by_a_higher_limit():
    def raise_limit(zoo):
        resource.prlimit(zoo.pid, resource.RLIMIT_NOFILE, (1024, 1024))
    alert = recover(raise_limit, "limit-raised")
    same(alert["fd"]["soft_limit"], 1024, "fd.soft_limit")


def test_full_again_after_a_small_raise():
    """From 100 to 128 at 10 a second: the incident stays open, and each rise is told in it."""
    climb = [step for _ in range(24) for step in ("openat=1", "sleep=100")]
    with Daemon(FAST) as daemon, \
            Zoo("limit=100", "refuse=openat:1", "say=full", "wait", *climb, "wait",
                "refuse=openat:3", "say=again", "wait") as zoo:
        zoo.expect("full")
        _, hard = resource.prlimit(zoo.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(zoo.pid, resource.RLIMIT_NOFILE, (128, hard))
        zoo.go()
        daemon.wait(zoo.pid, "fd-critical", 10)
        zoo.go()
        zoo.expect("again")
        zoo.end()
        daemon.wait(zoo.pid, "fd-recovered")
        same(daemon.actions(zoo.pid), ["fd-exhausted", "fd-critical", "fd-exhausted",
                                       "fd-recovered"], "alerts")
        alerts = daemon.of(zoo.pid)
        same([a["fd"]["soft_limit"] for a in alerts if a["event"]["action"] == "fd-exhausted"],
             [100, 128], "limits that were full")
        same(len({a["fd"]["incident"] for a in alerts}), 1, "incidents")


def test_recovery_has_hysteresis():
    """76 % is below the warning level and not yet well."""
    with Daemon(FAST) as daemon, \
            Zoo("limit=256", "fill=206", "wait", "close=11", "say=between", "wait",
                "close=5", "wait") as zoo:
        daemon.wait(zoo.pid, "fd-warning")
        zoo.go()
        zoo.expect("between")
        time.sleep(0.7)
        same(daemon.actions(zoo.pid), ["fd-warning"], "alerts at 195 of 256")
        zoo.go()
        daemon.wait(zoo.pid, "fd-recovered")


# The calls of the contract, and the name by which each is counted.
SPREAD = {"openat": "openat", "openat2": "openat2", "socket": "socket",
          "socketpair": "socketpair", "pipe2": "pipe2", "dup": "dup",
          "fcntl_dupfd": "fcntl", "accept4": "accept4", "eventfd2": "eventfd2",
          "epoll_create1": "epoll_create1", "timerfd_create": "timerfd_create",
          "memfd_create": "memfd_create"}


def test_refusals_add_up():
    each = {call: 83 for call in SPREAD}
    each["openat"] += 1000 - sum(each.values())
    steps = [f"refuse={call}:{n}" for call, n in each.items()]
    with Daemon() as daemon, \
            Zoo("limit=256", "prepare=accept4", *steps, "say=done", "wait") as zoo:
        zoo.expect("done")
        zoo.end()
        _, alert = daemon.wait(zoo.pid, "fd-recovered")
        refused = alert["fd"]["refused"]
        same(refused["by_syscall"], {SPREAD[call]: n for call, n in each.items()},
             "refusals by call")
        same((refused["emfile"], refused["enfile"]), (1000, 0), "refusals")


def test_refusals_of_a_new_incident_start_at_zero():
    with Daemon(FAST) as daemon, \
            Zoo("limit=64", "refuse=openat:5", "close_all", "wait",
                "refuse=dup:3", "wait") as zoo:
        _, first = daemon.wait(zoo.pid, "fd-recovered")
        zoo.go()
        zoo.expect("refused")
        zoo.end()
        daemon.wait_for(lambda d: d.actions_unlocked(zoo.pid).count("fd-recovered") == 2,
                        5, "second recovery")
        second = daemon.of(zoo.pid)[-1]
        same(first["fd"]["refused"]["by_syscall"], {"openat": 5}, "first incident")
        same(second["fd"]["refused"]["by_syscall"], {"dup": 3}, "second incident")
        check(first["fd"]["incident"] != second["fd"]["incident"], "one incident for both")


def short_life(daemon):
    """Returns how long it lived, in ms."""
    with Zoo("say=start", "limit=32", "refuse=openat:5", "say=end") as zoo:
        start, end = zoo.stamp("start"), zoo.stamp("end")
        zoo.end()
        _, alert = daemon.wait(zoo.pid, "fd-exhausted")
        same(alert["process"].get("command_line"),
             f"{FDZOO} say=start limit=32 refuse=openat:5 say=end", "command line")
        same(alert["process"]["parent"]["pid"], os.getpid(), "parent")
        _, alert = daemon.wait(zoo.pid, "fd-recovered")
        same(alert["fd"]["reason"], "exited", "fd.reason")
        same(alert["fd"]["refused"]["by_syscall"], {"openat": 5}, "refusals")
        return (end - start) / 1e6


def test_gone_within_5_ms():
    with Daemon() as daemon:
        lives = [short_life(daemon) for _ in range(3)]
        note("lived for " + ", ".join(f"{ms:.2f} ms" for ms in lives))
        check(min(lives) < 5, "none of the processes was as quick as it should be")


def other_limit(daemon, zoo, name, errors):
    _, alert = daemon.wait(zoo.pid, "other-limit")
    zoo.expect("done")
    same(alert["fd"]["limit"], name, "fd.limit")
    zoo.end()
    _, last = daemon.wait(zoo.pid, "fd-recovered")
    refused = last["fd"]["refused"]
    same({key: value for key, value in refused.items() if key != "by_syscall" and value},
         errors, "refused over the incident")
    same(daemon.actions(zoo.pid), ["other-limit", "fd-recovered"], "alerts")
    return alert


def test_inotify_instances():
    with open("/proc/sys/fs/inotify/max_user_instances", encoding="ascii") as sysctl:
        most = int(sysctl.read())
    need_limit(most * 2)
    with Daemon() as daemon, \
            Zoo(f"limit={most * 2}", f"uid={unused_uid()}", f"inotify_init1={most}",
                "fail=inotify_init1:7", "say=done", "wait") as zoo:
        alert = other_limit(daemon, zoo, "fs.inotify.max_user_instances", {"emfile": 7})
        same(alert["fd"]["limit_value"], most, "fd.limit_value")
        same(alert["fd"]["limit_sysctl"], "fs.inotify.max_user_instances", "fd.limit_sysctl")
        same(alert["fd"]["request"]["syscall"], "inotify_init1", "the call")


def test_message_queues():
    def less_memory():
        resource.setrlimit(resource.RLIMIT_MSGQUEUE, (200000, 200000))
    if not hasattr(resource, "RLIMIT_MSGQUEUE"):
        raise Skip("this Python has no RLIMIT_MSGQUEUE")
    with Daemon() as daemon, \
            Zoo("limit=256", f"uid={unused_uid()}", "mq_open=2", "fail=mq_open:3", "say=done",
                "wait", preexec_fn=less_memory) as zoo:
        alert = other_limit(daemon, zoo, "RLIMIT_MSGQUEUE", {"emfile": 3})
        same(alert["fd"].get("limit_value"), 200000, "fd.limit_value")


def test_descriptors_in_flight():
    with Daemon() as daemon, \
            Zoo("limit=40", f"uid={unused_uid()}", "scm_send",
                "fail=scm_send:3:ETOOMANYREFS", "say=done", "wait") as zoo:
        other_limit(daemon, zoo, "RLIMIT_NOFILE", {"other": 3})


def test_sealed():
    with Daemon(FAST) as daemon, \
            Zoo("limit=256", "openat=100", "say=open", "wait", "limit=40", "fail=openat:3",
                "say=sealed", "wait") as zoo:
        zoo.expect("open")
        time.sleep(0.3)
        zoo.go()
        zoo.expect("sealed")
        entry = ps(zoo.pid)[zoo.pid]
        same(entry["fd"].get("sealed"), True, "fd.sealed")
        same((entry["fd"]["count"], entry["fd"]["used"]), (103, 40), "figures")
        time.sleep(0.7)
        zoo.end()
        time.sleep(0.4)
        same(daemon.actions(zoo.pid), [], "alerts of a sealed process")


def test_full_before_the_first_look():
    """Nobody saw it lower its limit: one refused call is enough for an alert."""
    with Zoo("limit=256", "dup2=200", "limit=64", "fill", "say=full", "wait",
             "fail=openat:1", "say=refused", "wait") as zoo:
        zoo.expect("full")
        with Daemon(FAST) as daemon:
            same(daemon.actions(zoo.pid), [], "alerts before a call was refused")
            zoo.go()
            zoo.expect("refused")
            daemon.wait(zoo.pid, "fd-exhausted")


def test_full_with_a_high_number_is_no_sandbox():
    """One look can't tell, and then says so, everywhere the same."""
    with Zoo("limit=256", "dup2=200", "limit=64", "fill", "say=full", "wait") as zoo, \
            Zoo("limit=256", "openat=100", "limit=40", "say=sealed", "wait") as sandbox:
        zoo.expect("full")
        sandbox.expect("sealed")
        seen = ps(zoo.pid, sandbox.pid)
        fd = seen[zoo.pid]["fd"]
        same((fd.get("sealed"), fd.get("seal_unsure"), fd["used"], fd["count"]),
             (None, True, 64, 65), "the full one")
        fd = seen[sandbox.pid]["fd"]
        same((fd.get("sealed"), fd.get("seal_unsure")), (True, None), "the sandbox")

        def run(*arguments):
            return subprocess.run([FDWARDEN, *arguments], capture_output=True, text=True,
                                  check=False, timeout=60)

        for asked in ([str(zoo.pid)], ["fdzoo"], []):
            done = run("check", "--config", "/dev/null", *asked)
            check(done.returncode >= 1, f"check {asked}: {done.stdout}")
        done = run("check", "--config", "/dev/null", str(zoo.pid))
        same(done.returncode, 1, done.stdout)
        check("in trouble, or it lowered its limit on purpose" in done.stdout, done.stdout)
        same(run("check", "--config", "/dev/null", str(sandbox.pid)).returncode, 0,
             "check of the sandbox")
        rows = run("ps", str(zoo.pid), str(sandbox.pid)).stdout.splitlines()
        check(rows[1].split()[0] == str(zoo.pid) and " 100.0 sealed? " in rows[1], str(rows))
        check(" sealed " in rows[2], str(rows))
        done = run("inspect", str(zoo.pid), "-c", "/dev/null")
        check("One look can't" in " ".join(done.stdout.split()), done.stdout)


def test_sealed_between_two_snapshots():
    """It starts, seals itself and is refused before any snapshot saw it."""
    with Daemon("snapshot.interval=2s") as daemon, \
            Zoo("limit=256", "openat=100", "limit=64", "fail=openat:3", "say=sealed",
                "wait") as zoo:
        zoo.expect("sealed")
        time.sleep(2.5)
        zoo.end()
        same(daemon.actions(zoo.pid), [], "alerts of a sealed process")


def test_limit_lowered_from_outside_is_no_seal():
    with Daemon(FAST) as daemon, Zoo("limit=256", "openat=47", "say=open", "wait") as zoo:
        zoo.expect("open")
        time.sleep(0.5)
        same(daemon.actions(zoo.pid), [], "alerts at 50 of 256")
        resource.prlimit(zoo.pid, resource.RLIMIT_NOFILE, (52, 256))
        _, alert = daemon.wait(zoo.pid, "fd-critical")
        same((alert["fd"]["used"], alert["fd"]["soft_limit"]), (50, 52), "figures")


def test_burst():
    """20 times from 75 % to 85 % and back: one warning."""
    with Daemon(FAST, "thresholds.dwell=0") as daemon, \
            Zoo("limit=256", "wave=192:218:20:10", "say=done", "wait") as zoo:
        zoo.expect("done")
        zoo.end()
        daemon.wait(zoo.pid, "fd-recovered")
        same(daemon.actions(zoo.pid), ["fd-warning", "fd-recovered"], "alerts")


def test_repeat():
    with Daemon(FAST, "thresholds.repeat=1s") as daemon, \
            Zoo("limit=256", "fill=210", "say=there", "wait") as zoo:
        zoo.expect("there")
        time.sleep(3.5)
        warnings = daemon.actions(zoo.pid).count("fd-warning")
        check(3 <= warnings <= 4, f"{warnings} warnings in 3.5 s, one a second was asked for")


def test_growth_is_told():
    """200 descriptors at about 40 a second: when will 1024 be full?"""
    steps = [step for _ in range(20) for step in ("openat=10", "sleep=250")]
    with Daemon("snapshot.interval=250ms", "thresholds.warn=15%") as daemon, \
            Zoo("limit=1024", *steps, "wait") as zoo:
        _, alert = daemon.wait(zoo.pid, "fd-warning", 10)
        growth = alert["fd"].get("growth_per_s", 0)
        check(30 < growth < 50, f"growth_per_s is {growth}, it opens 40 a second")
        wanted = alert["fd"]["free"] / growth
        got = alert["fd"].get("exhausted_in_s", 0)
        check(abs(got - wanted) < 0.1 * wanted, f"exhausted_in_s is {got}, not {wanted:.0f}")


def crowd_total(daemon, pids, action):
    singles = [pid for pid in pids if action in daemon.actions_unlocked(pid)]
    summaries = [alert for alert in daemon.groups(FDZOO)
                 if alert["event"]["action"] == action]
    return len(singles), len(summaries), \
        sum(alert["fd"]["group"]["processes"] for alert in summaries)


def test_crowd():
    """2000 processes of one program cross at once: a few alerts and a summary."""
    size = 2000
    with Daemon() as daemon, \
            Zoo("limit=64", f"crowd={size}", "fill=40", "say=low", "wait", "fill=52", "mark",
                "say=near", "wait") as zoo:
        zoo.expect("low", 60)
        time.sleep(1.2)
        zoo.go()
        zoo.expect("near", 60)
        pids = {int(words[2]) for words in zoo.said("mark")}
        same(len(pids), size, "members")
        service = [alert for _, alert in daemon.alerts if "service" in alert]
        if service:
            raise Skip("this shell belongs to a service, with others in its group")
        for action, wait in (("fd-warning", 15), ("fd-recovered", 30)):
            daemon.wait_for(lambda d: sum(crowd_total(d, pids, action)[::2]) >= size, wait,
                            f"{action} of all {size}, there are "
                            f"{crowd_total(daemon, pids, action)}")
            singles, summaries, summed = crowd_total(daemon, pids, action)
            note(f"{action}: {singles} single, {summed} in {summaries} summaries")
            same(singles + summed, size, f"processes with {action}")
            check(singles <= 10, f"{singles} single alerts")
            check(summaries <= 3, f"{summaries} summaries")
            if action == "fd-warning":
                zoo.end()
        lost = [line for line in daemon.log if "lost" in line]
        same(lost, [], "losses")


def test_output_file_and_rotation():
    with Scratch() as scratch:
        path, old = scratch.file("alerts.json"), scratch.file("alerts.json.1")
        with Daemon(FAST, f"output.file={path}") as daemon:
            with Zoo("limit=64", "fill=55", "wait") as first:
                daemon.wait(first.pid, "fd-warning")
                wait_until(lambda: os.path.getsize(path) > 0, 5, "the alert in the file")
                os.rename(path, old)
                daemon.process.send_signal(signal.SIGHUP)
                wait_until(lambda: os.path.exists(path), 5, "a new file")
            daemon.wait(first.pid, "fd-recovered")
            with Zoo("limit=64", "fill=55", "wait") as second:
                daemon.wait(second.pid, "fd-warning")
            daemon.wait(second.pid, "fd-recovered")
        # What explains an alert may follow it, before the file is another one.
        before = [a["event"]["action"] for a in read_alert_file(old)
                  if a["process"]["pid"] == first.pid and a["event"]["action"] != "fd-details"]
        same(before, ["fd-warning"], "alerts in the old file")
        same(os.stat(path).st_mode & 0o777, 0o640, "mode of the file")
        with open(path, "rb") as lines:
            pids = [line for line in lines if f'"pid":{second.pid},'.encode() in line
                    and b'"fd-details"' not in line]
        same(len(pids), 2, "alerts in the new file")


def test_hook():
    with Scratch() as scratch:
        out = scratch.file("out")
        hook = scratch.file("hook", f"#!/bin/sh\ncat >> {out}\n", 0o755)
        with Daemon(FAST, f"output.hook={hook}") as daemon, \
                Zoo("limit=64", "fill=55", "wait") as zoo:
            daemon.wait(zoo.pid, "fd-warning")
            wait_until(lambda: os.path.exists(out) and os.path.getsize(out) > 0, 5,
                       "the hook's output")
        alerts = read_alert_file(out)
        check(any(a["process"]["pid"] == zoo.pid for a in alerts), "the hook had no such alert")


HOOK_IN_TROUBLE = """#!{python}
import os, resource, subprocess, sys
sys.stdin.read()
with open({out!r}, "a") as out:
    out.write(os.environ.get("FDWARDEN_ALERTS", "1") + " " + os.environ.get("FDWARDEN_LOST", "0") + "\\n")
trouble = ("import os, resource; resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\\n"
           "while True: os.dup(0)")
subprocess.run([sys.executable, "-c", trouble], stderr=subprocess.DEVNULL)
"""


def test_hook_in_trouble_itself():
    """What it runs meets a limit each time: no alert is made of that, which would run it
    again."""
    with Scratch() as scratch:
        out = scratch.file("out")
        hook = scratch.file("hook", HOOK_IN_TROUBLE.format(python=sys.executable, out=out),
                            0o755)
        with Daemon(FAST, f"output.hook={hook}") as daemon, \
                Zoo("limit=64", "fill=55", "wait") as zoo:
            daemon.wait(zoo.pid, "fd-warning")
            daemon.wait_log("which output.hook has started", 20)
            zoo.end()
            daemon.wait(zoo.pid, "fd-recovered")
            time.sleep(1.5)
            others = {a["process"]["name"] for _, a in daemon.alerts
                      if a.get("process", {}).get("command_line", "").find("os.dup(0)") >= 0}
            same(others, set(), "alerts on what the hook runs")
            same(len([line for line in daemon.log if "output.hook has started" in line]), 1,
                 "lines about it")
        with open(out, encoding="ascii") as lines:
            check(all(line.split()[1] == "0" and int(line.split()[0]) >= 1 for line in lines),
                  "numbers of alerts")


def test_sigterm_drains():
    """What happened before the signal is written, to the last."""
    with Daemon() as daemon, Zoo("limit=64", "say=go", "wait", "refuse=openat:9",
                                 "say=done", "wait") as zoo:
        zoo.expect("go")
        daemon.process.send_signal(signal.SIGSTOP)
        zoo.go()
        zoo.expect("done")
        zoo.kill()
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGCONT)
        daemon.stop()
        actions = daemon.actions(zoo.pid)
        same(actions[-2:], ["fd-exhausted", "fd-recovered"], "last alerts")
        same(daemon.of(zoo.pid)[-1]["fd"]["refused"]["emfile"], 9, "refusals")


def test_hostile_names():
    """Bytes that are no UTF-8, quotes, escapes: still JSON, still one line."""
    name = b"a\"\\\xff\x1b[2J\n\xe2\x80"
    with Daemon(FAST) as daemon, \
            Zoo("limit=64", b"name=" + name, "fill=55", "wait",
                b"say=\xff\xfe\x1b]0;x\x07\n{}") as zoo:
        _, alert = daemon.wait(zoo.pid, "fd-warning")
        check("\x1b" not in alert["message"], "an escape in the message")
        check("\ufffd" in alert["process"]["name"], "what is no UTF-8 came through")
        check("\x1b" not in alert["process"]["command_line"], "an escape in the command line")


def test_found_at_start():
    with Zoo("limit=64", "fill=62", "say=there", "wait") as zoo:
        zoo.expect("there")
        with Daemon() as daemon:
            _, alert = daemon.wait(zoo.pid, "fd-critical", 3)
            same(alert["fd"]["used"], 62, "fd.used")
            zoo.end()
            daemon.wait(zoo.pid, "fd-recovered")


def test_low_limits_are_left_alone():
    """Below min_limit there is no warning, and yet a refusal is told."""
    with Daemon(FAST, "thresholds.min_limit=100") as daemon, \
            Zoo("limit=64", "fill=63", "say=near", "wait", "refuse=openat:1", "wait") as zoo:
        zoo.expect("near")
        time.sleep(0.6)
        same(daemon.actions(zoo.pid), [], "alerts of a limit of 64")
        zoo.go()
        daemon.wait(zoo.pid, "fd-exhausted")


def test_refusals_with_space_above():
    """A duplicate placed high: refused though most of the table is free."""
    with Daemon(FAST) as daemon, \
            Zoo("limit=64", "dup2=63", "wait", "say=low", "fcntl_dupfd=63") as zoo:
        zoo.go()
        try:
            zoo.end(1)
        except Failure as error:
            raise Failure(f"F_DUPFD at the last slot was not refused: {error}") from None
        daemon.wait(zoo.pid, "fd-recovered")
        check("fd-exhausted" not in daemon.actions(zoo.pid),
              "a table with 60 free slots was called full")
