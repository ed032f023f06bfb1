# SPDX-License-Identifier: GPL-2.0-or-later
"""Leaks that are suspected long before the warning level, and what looks like one."""
import os
import time
from contextlib import ExitStack

from harness import Daemon, Scratch, check, note, same, wait_until
from programs import Client, Program, Server

# Windows of a second, so that minutes become seconds.
FAST = ("snapshot.interval=100ms", "leak.window=1s")
LIMIT = 256
# Descriptors a second. Everything else is told in counts: a busy machine makes it less.
RATE = 16

SAW = """
import resource, sys, time
limit, teeth = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
print("ready", flush=True)
while True:
    keep = []
    for _ in range(teeth):
        keep.append(open("/dev/null"))
        time.sleep(0.02)
    keep.clear()
"""

# Told a number it opens so many more, told 0 it closes all.
LEAK = """
import resource, sys, threading, time
limit, rate = int(sys.argv[1]), float(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
keep = []
def leak():
    while True:
        keep.append(open("/dev/null"))
        time.sleep(1 / rate)
threading.Thread(target=leak, daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    if int(line):
        keep.extend(open("/dev/null") for _ in range(int(line)))
    else:
        rate = 0.001
        keep.clear()
    print("done", flush=True)
"""


# … for one of them.
RULE = "[rule quiet]\ncommand_line = * quiet\nleak = no\n"


def used(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def leaks_of(daemon, pid):
    return [alert for alert in daemon.of(pid)
            if alert["event"]["action"] == "fd-leak-suspected"]


def suspected(daemon, pid):
    return bool(leaks_of(daemon, pid))


def test_leak_beside_a_load_and_a_saw():
    """Connections that the other side closed leak; accepted ones, and files that are
    collected now and then, do not; and a rule switches it off."""
    with Scratch() as scratch, \
            Daemon(*FAST, config=scratch.file("conf", RULE)) as daemon, \
            Client(LIMIT) as leak, Server(LIMIT) as load, \
            Program(SAW, str(LIMIT), "30") as saw, \
            Program(LEAK, str(LIMIT), str(RATE), "quiet") as quiet:
        opened = 0
        while opened < LIMIT * 0.7 and not suspected(daemon, leak.pid):
            leak.connect(1, True)
            load.accept(1)
            opened += 1
            time.sleep(1 / RATE)
        _, alert = daemon.wait(leak.pid, "fd-leak-suspected")
        while opened < LIMIT * 0.4:
            load.accept(1)
            opened += 1
            time.sleep(1 / RATE)
        fd = alert["fd"]
        note(alert["message"])
        check(fd["used"] < LIMIT / 2, f"{fd['used']} of {LIMIT} when it was suspected")
        check(fd["leak"]["floor_then"] + 10 < fd["leak"]["floor_now"] <= fd["used"],
              f"floors {fd['leak']}")
        left = (LIMIT - fd["used"]) / fd["leak"]["slope_per_s"]
        check(abs(fd["exhausted_in_s"] - left) < 0.25 * left + 2,
              f"exhausted_in_s {fd['exhausted_in_s']}, not {left:.0f}")
        what = fd["leak"]["growing"][0]
        same((what["type"], what.get("state"), what.get("direction")),
             ("tcp", "CLOSE_WAIT", "outgoing"), "what grows")
        check("growing: tcp CLOSE_WAIT" in alert["message"], alert["message"])
        _, whole = daemon.explained(leak.pid, "fd-leak-suspected")
        check(whole["diagnosis"] and whole["diagnosis"][0]["leak"], "diagnosis")

        # on to the levels, in the same incident
        leak.connect(int(LIMIT * 0.97) - used(leak.pid), True)
        _, critical = daemon.wait(leak.pid, "fd-critical")
        same(critical["fd"]["incident"], fd["incident"], "incident")
        leak.process.kill()
        _, end = daemon.wait(leak.pid, "fd-recovered")
        same(end["fd"]["incident"], fd["incident"], "incident")
        same(len(leaks_of(daemon, leak.pid)), 1, "suspicions")
        for beside, what in ((load, "the load"), (saw, "the saw"),
                             (quiet, "what a rule excepts")):
            check(not suspected(daemon, beside.pid), f"{what} was taken for a leak")


def test_history_survives_a_restart():
    """The suspicion after it says how it was before it."""
    limit = 2 * LIMIT
    with Scratch() as scratch, ExitStack() as programs:
        options = (*FAST, f"state.file={scratch.file('state')}")
        with Daemon(*options):
            leak = programs.enter_context(Program(LEAK, str(limit), str(RATE)))
            wait_until(lambda: used(leak.pid) > 0.15 * limit, 30, "the first part of a leak")
        before = used(leak.pid)
        with Daemon(*options) as daemon:
            daemon.wait_log("histories")
            _, alert = daemon.wait(leak.pid, "fd-leak-suspected", 20)
            fd = alert["fd"]
            note(f"restarted at {before}, suspected at {fd['used']} of {limit}, "
                 f"floor then {fd['leak']['floor_then']}")
            check(fd["leak"]["floor_then"] < before / 2, "it knows nothing of before")
            check(fd["used"] < limit / 2, f"{fd['used']} of {limit} when it was suspected")
        # the suspicion stands, and so does its incident
        with Daemon(*options) as daemon:
            leak.tell(0)
            _, end = daemon.wait(leak.pid, "fd-recovered", 10)
            same(end["fd"]["incident"], fd["incident"], "incident over two restarts")
            same(end["fd"]["reason"], "closed", "reason")
            same(daemon.actions(leak.pid), ["fd-recovered"], "alerts")
            daemon.alerts.clear()  # it opened in another daemon


def test_history_of_no_use():
    """Damaged, or of another boot: told in one line, and not used."""
    with Scratch() as scratch, ExitStack() as programs:
        state = scratch.file("state")
        options = (*FAST, f"state.file={state}")
        with Daemon(*options):
            # It is far from any level, however long all of this takes.
            programs.enter_context(Program(LEAK, str(64 * LIMIT), str(RATE)))
            time.sleep(3.5)
        with open(f"{state}.history", "rb") as file:
            good = file.read()
        check(len(good) > 100, f"{len(good)} bytes of history")
        at = good.index(b"-")  # in the id of the boot
        for bad, why in ((good[:-3], "it is damaged"),
                         (good[:at - 1] + b"?" + good[at:], "it is from before the last boot")):
            with open(f"{state}.history", "wb") as file:
                file.write(bad)
            with Daemon(*options) as daemon:
                lines = [line for line in daemon.log if "history" in line]
                same(len(lines), 1, f"lines of the log about it: {lines}")
                check(f"{state}.history is not used: {why}" in lines[0], lines[0])
