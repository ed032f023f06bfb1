# SPDX-License-Identifier: GPL-2.0-or-later
"""More at once than the daemon reads at one go: one incident each, nothing told twice."""
import collections
import os
import signal
import time

from harness import Daemon, Zoo, check, note, same

FAST = "snapshot.interval=200ms"
REFUSALS = 3


class Storm:
    """Processes of one crowd that are refused at once and exit."""

    def __init__(self, size, refusals=REFUSALS):
        self.size = size
        self.refusals = refusals
        self.name = f"s{os.getpid()}."
        self.zoo = Zoo("limit=40", f"crowd={size}", f"name={self.name}%", "say=there", "wait",
                       f"refuse=openat:{refusals}")

    def start(self):
        self.zoo.expect("there", 120)
        self.zoo.go()
        same(self.zoo.process.wait(120), 0, "the crowd's end")

    def is_ours(self, alert):
        group = alert.get("fd", {}).get("group", {})
        return self.name in alert.get("process", {}).get("name", "") or \
            self.name in group.get("name", "") or \
            self.name in group.get("process", {}).get("command_line", "")

    def alerts(self, daemon):
        """pid → its alerts; and the summaries."""
        found, sums = collections.defaultdict(list), []
        with daemon.arrived:
            for _, alert in daemon.alerts:
                if not self.is_ours(alert):
                    continue
                if "process" in alert:
                    found[alert["process"]["pid"]].append(alert)
                else:
                    sums.append(alert)
        return found, sums

    def refused(self, daemon):
        """As the recoveries add up."""
        found, sums = self.alerts(daemon)
        return sum(alert["fd"]["refused"]["emfile"] for of in [sums, *found.values()]
                   for alert in of if alert["event"]["action"] == "fd-recovered")

    def check(self, daemon):
        """Returns how many were told of by themselves, and how many of these whole."""
        found, sums = self.alerts(daemon)
        twice = [pid for pid, of in found.items()
                 if len({alert["fd"]["incident"] for alert in of}) > 1]
        same(twice, [], f"processes of {self.size} with two incidents")
        for pid, of in found.items():
            actions = [alert["event"]["action"] for alert in of]
            same(actions.count("fd-recovered"), 1, f"ends of {pid}: {actions}")
            refused = of[-1]["fd"]["refused"]
            same(refused["emfile"], self.refusals, f"refusals of {pid}: {refused}")
            for alert in of:
                check_itself(alert)
        same(self.refused(daemon), self.size * self.refusals, "refusals of all")
        whole = sum(any("command_line" in alert["process"] for alert in of)
                    for of in found.values())
        note(f"{len(found)} of {self.size} by themselves, {whole} with their command line, "
             f"the others in {len(sums)} summaries")
        return whole

    def is_told(self, daemon):
        """To the end of each."""
        return self.refused(daemon) >= self.size * self.refusals


def check_itself(alert):
    """An alert that does not contradict itself."""
    fd = alert["fd"]
    if alert["event"]["action"] == "fd-exhausted" and "used" in fd:
        same(fd["used"], fd["soft_limit"], f"used, of what is exhausted: {alert['message']}")


def test_one_incident_each():
    with Daemon(FAST, lossy=True) as daemon:
        storm = Storm(700)
        storm.start()
        daemon.wait_for(storm.is_told, 200, "end of all")
        time.sleep(1.5)  # nothing comes after it
        check(storm.check(daemon) > 0, "none was told of by itself")


def test_stopped_meanwhile():
    """The daemon is stopped while more are refused and exit than its ring holds."""
    with Daemon(FAST, lossy=True) as daemon:
        storm = Storm(600)
        storm.zoo.expect("there", 120)
        daemon.process.send_signal(signal.SIGSTOP)
        storm.zoo.go()
        storm.zoo.process.wait(120)
        daemon.process.send_signal(signal.SIGCONT)
        daemon.wait_for(storm.is_told, 200, "end of all")
        time.sleep(0.6)
        storm.check(daemon)
