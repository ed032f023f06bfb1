# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a look at all processes costs much, it is taken less often while nothing is amiss: nobody
who asks, and no alert, may notice."""
import time

from harness import Scratch, Zoo, check, listed, need_limit, note, same
from sockets import Client, cpu_seconds, daemon_at, row_of

# Few processes whose tables are long: as much work as many with short ones, and soon made.
LIMIT, PROCESSES = 12000, 5000
# What else is amiss on this machine keeps no daemon from resting.
OURS = """[rule ours]
name = zoo-pace
ignore = no

[rule others]
name = *
ignore = yes
"""


def resting(scratch):
    return daemon_at(scratch, "snapshot.interval=1s", config=scratch.file("ours.conf", OURS))


def crowd():
    need_limit(LIMIT)
    return Zoo(f"limit={LIMIT}", f"dup2={LIMIT - 1}", f"fork={PROCESSES}", "say=there", "wait")


def test_who_asks_gets_what_is_now():
    with Scratch() as scratch, crowd() as many:
        many.expect("there", 120)
        steps = [step for _ in range(3) for step in ("wait", "openat=5", "say=more")]
        with Zoo("name=zoo-pace", "limit=500", "say=begun", *steps, "wait") as zoo:
            zoo.expect("begun")
            daemon, path = resting(scratch)
            with daemon:
                # longer than the daemon remembers a question (5 s), at several places between looks
                for idle in (0, 6.5, 5.7):
                    time.sleep(idle)
                    zoo.go()
                    zoo.expect("more")
                    time.sleep(1.4)  # an interval, and what the next look may be late
                    with Client(path) as client:
                        row = row_of(client.ask("snapshot"), zoo.pid)
                    same(row["fd"]["count"], listed(zoo.pid), f"fd.count after {idle} s")


def test_an_incident_ends_the_rest():
    """The alert comes with the call, and its end with one of the next looks."""
    with Scratch() as scratch, crowd() as many:
        many.expect("there", 120)
        with Zoo("name=zoo-pace", "limit=100", "say=begun", "wait", "fill=90", "say=near", "wait", "close_all",
                 "say=closed", "wait") as zoo:
            zoo.expect("begun")
            daemon, _ = resting(scratch)
            with daemon:
                before = cpu_seconds(daemon.pid)
                time.sleep(10)
                note(f"{(cpu_seconds(daemon.pid) - before) * 10:.2f} % of a core at rest")
                zoo.go()
                zoo.expect("near")
                daemon.wait(zoo.pid, "fd-warning", 30)
                zoo.go()
                closed_ns = zoo.stamp("closed")
                arrived, alert = daemon.wait(zoo.pid, "fd-recovered", 60)
                same(alert["fd"]["reason"], "closed", "fd.reason")
                note(f"its end was told after {(arrived - closed_ns) / 1e9:.1f} s")
                check(alert["fd"]["count"] < 20, f"{alert['fd']['count']} are open")
