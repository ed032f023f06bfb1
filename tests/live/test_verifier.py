# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said when the kernel's verifier refuses a program: of a daemon that was built with
a sensor spoiled on purpose."""
import os
import re
import subprocess

import harness
from harness import Skip, check

SPOILED = os.path.join(os.path.dirname(os.path.dirname(harness.FDZOO)), "spoiled", "fdwarden")


def run(*arguments):
    if not os.access(SPOILED, os.X_OK):
        raise Skip(f"{SPOILED} is not built")
    return subprocess.run([SPOILED, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=False)


def says_what_to_do(text):
    release = re.escape(os.uname().release)
    check(re.search(rf"the verifier of Linux {release} refuses prog 'sensor_exit\w*' as clang "
                    r"\d+\S* has built it: \".+\"; build it with another clang", text),
          f"it says: {text}")
    check("Permission denied" not in text, f"it says that root may not: {text}")


def test_refusal_is_told_and_ends_the_daemon():
    done = run("daemon", "-o", "sensor=tracepoint", "-o", "socket.path=")
    check(done.returncode == 1, f"status {done.returncode}")
    says_what_to_do(done.stderr)


def test_features_shows_the_log():
    done = run("features")
    if "sensor         fexit" in done.stdout:
        raise Skip("the other sensor, which is whole, works here")
    check(done.returncode == 1, f"status {done.returncode}")
    says_what_to_do(done.stdout)
    log = done.stdout.partition("verifier's log its last lines:\n")[2]
    check("processed " in log, f"the log's end: {log[-300:]}")


def test_what_needs_no_sensor_goes_on():
    done = run("ps", "--json", str(os.getpid()))
    check(done.returncode == 0 and f'"pid":{os.getpid()}' in done.stdout.replace(" ", ""),
          f"status {done.returncode}: {done.stderr}")
