# SPDX-License-Identifier: GPL-2.0-or-later
"""What may never answer, a name service or a disk, holds nothing up."""
import json
import os
import signal
import subprocess
import time

from harness import FDWARDEN, FDZOO, Daemon, Scratch, Zoo, check, need_root, same, wait_until

SLOW = os.path.join(os.path.dirname(FDZOO), "slow.so")
SECONDS = 60  # longer than any test waits
STRANGER = 54321  # no such user in /etc/passwd


def stalled(what):
    return {**os.environ, "LD_PRELOAD": SLOW, what: str(SECONDS)}


def ends_soon(daemon):
    began = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.wait(SECONDS / 2)
    check(time.monotonic() - began < SECONDS / 4,
          f"SIGTERM took {time.monotonic() - began:.1f} s")
    same(daemon.process.returncode, 0, "exit status")


def monitors(daemon, path):
    """Alerts come, snapshots are taken, and clients are answered."""
    with Zoo("limit=64", "fill=55", "say=near", "wait", user=STRANGER) as zoo:
        began = time.monotonic()
        daemon.wait(zoo.pid, "fd-warning", SECONDS / 4)
        check(time.monotonic() - began < SECONDS / 4, "the alert is late")
        done = subprocess.run(
            [FDWARDEN, "check", "--socket", path, str(os.getpid())],
            capture_output=True, text=True, timeout=SECONDS / 4, check=False)
        same(done.returncode, 0, f"check: {done.stdout}{done.stderr}")
    daemon.wait(zoo.pid, "fd-recovered", SECONDS / 4)


def test_name_service():
    need_root()
    with Scratch() as scratch:
        config = scratch.file("conf", "[rule directory]\nuser = nobody-of-ours\nwarn = 50%\n")
        path = scratch.file("socket")
        with Daemon("snapshot.interval=200ms", f"socket.path={path}", "state.file=",
                    config=config, env=stalled("SLOW_NAMES")) as daemon:
            monitors(daemon, path)
            daemon.wait_log("the name service (NSS) does not answer", SECONDS / 4)
            ends_soon(daemon)


def test_disk():
    with Scratch() as scratch:
        path, state = scratch.file("socket"), scratch.file("state.json")
        with Daemon("snapshot.interval=200ms", f"socket.path={path}", f"state.file={state}",
                    env=stalled("SLOW_DISK")) as daemon:
            wait_until(lambda: os.path.exists(state + ".new"), 10, "a write")
            time.sleep(1.5)
            monitors(daemon, path)
            ends_soon(daemon)
            check(any("could not be written in time" in line for line in daemon.log),
                  f"the log: {daemon.log}")


def test_command_lines():
    """Without a daemon, too, those who hold up whoever asks for their command lines hold up no
    look: they are told of without."""
    need_root()
    with Zoo("limit=64", "fill=30", "wait") as zoo:
        pid = str(zoo.pid)
        for words in ["ps", "--own-look"], ["ps", "--own-look", pid], ["inspect", pid]:
            done = subprocess.run(
                [FDWARDEN, *words, "--json"], env=stalled("SLOW_COMMAND_LINES"),
                capture_output=True, text=True, timeout=SECONDS / 2, check=False)
            same(done.returncode, 0, f"{words}: {done.stderr}")
            told = json.loads(done.stdout)
            who = [row["process"] for row in told.get("processes", [told])
                   if row["process"]["pid"] == zoo.pid]
            same([one.get("executable") for one in who], [os.path.realpath(FDZOO)], words)
