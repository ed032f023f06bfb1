# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts do not drift: however many opens and closes, they are the kernel's."""
import json
import os
import subprocess

from harness import FDWARDEN, Daemon, Scratch, Zoo, check, listed, note, ps, same

# Opens and closes of all processes together; `make drift` takes 100 million.
CALLS = int(os.environ.get("FDWARDEN_DRIFT_CALLS", "2000000"))
PROCESSES = 2
ROUNDS = 5


def figures(config):
    """What the running daemon says of itself."""
    out = subprocess.run([FDWARDEN, "ps", "--json", "-c", config, str(os.getpid())],
                         capture_output=True, check=True).stdout
    return json.loads(out)["self"]


def test_counts_are_exact():
    each = CALLS // PROCESSES // ROUNDS
    steps = [step for n in range(ROUNDS) for step in (f"churn={each}", f"say=round{n}", "wait")]
    with Scratch() as scratch:
        state = scratch.file("state.json")
        config = scratch.file("fdwarden.conf", f"[state]\nfile = {state}\n")
        with Daemon(config=config) as daemon:
            churns = [Zoo(*steps) for _ in range(PROCESSES)]
            try:
                for n in range(ROUNDS):
                    for churn in churns:
                        churn.expect(f"round{n}", 60 + each / 20000)
                    counts = ps(*[churn.pid for churn in churns])
                    for churn in churns:
                        same(counts[churn.pid]["fd"]["count"], listed(churn.pid),
                             f"fd.count after round {n}")
                        churn.go()
                for churn in churns:
                    churn.end()
            finally:
                for churn in churns:
                    churn.__exit__(Exception, None, None)
            said = figures(config)
            same(daemon.of(churns[0].pid), [], "alerts")
        total = sum(int(churn.said("churn")[-1][1]) + int(churn.said("churn")[-1][2])
                    for churn in churns)
        spent = max(sum(int(words[3]) for words in churn.said("churn")) for churn in churns)
    check(total >= CALLS * 0.99, f"only {total} were made")
    for name in ("drift", "torn", "dropped", "snapshots_failed", "unreadable", "malformed"):
        same(said.get(name), 0, f"self.{name}")
    check(said["sensor"] and said["snapshot"] and said["snapshot_at"], f"self: {said}")
    note(f"{total / 1e6:.1f} million opens and closes in {spent / 1e9:.0f} s, "
         f"{PROCESSES * ROUNDS} counts equal the kernel's; drift {said['drift']}, "
         f"torn {said['torn']}, dropped {said['dropped']}")
