# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs where, read from the heads of the guest's scripts.

A script tests/vm/guest/NAME.sh holds functions test_*, and says in comments:
  # machines: small systemd      in which kinds of machine it runs
  # timeout: 60                  seconds for each of its tests
  # each: sensor                 once with every sensor
  # kernels: 6.12 newest/fexit   on these only, or with one sensor there
  # kernels arm64: newest        the same for a kind of machine
  # only arm64: closed exec      of its tests these only in that kind of machine
  # legend: TEXT                 a line below the table of that name
"""

import collections.abc
import dataclasses
import fnmatch
import re

from . import images

SYSTEMD = "rdinit=/sbin/init systemd.unified_cgroup_hierarchy=1 systemd.show_status=no"


@dataclasses.dataclass(frozen=True)
class Kind:
    """What makes a machine."""

    image: collections.abc.Callable  # its builder
    append: str  # to the kernel's command line
    seconds: int  # that a test takes, roughly
    cpus: int = 1
    limit: int = 900  # seconds until it is given up
    arch: str = "x86_64"
    like: str = ""  # it runs what is for that kind
    asked: bool = False  # for by its name, else it is left out


# More than one CPU only for what is about that: the emulator may go on running code that
# the kernel has patched meanwhile (see machine.py), and is no faster.
MACHINES = {
    "small": Kind(images.small, "rdinit=/init lockdown=integrity", 6),
    "smp": Kind(images.small, "rdinit=/init", 15, cpus=2),
    "systemd": Kind(images.systemd, SYSTEMD, 14),
    "sessions": Kind(images.sessions, SYSTEMD, 30),
    "arm64": Kind(images.foreign("aarch64"), "rdinit=/init", 15, arch="aarch64"),
    # With the package that `tests/distro/run -s package` has built, when that is asked for.
    "bookworm": Kind(images.debian("bookworm"), SYSTEMD, 200, asked=True),
    "trixie": Kind(images.debian("trixie"), SYSTEMD, 200, asked=True),
    # Slow in the emulator, and few people's: for a release, not for each change.
    **{
        arch: Kind(images.foreign(arch), "rdinit=/init", 25, arch=arch, like="arm64", asked=True)
        for arch in ("riscv64", "ppc64le", "s390x")
    },
}
# Those that nobody has to ask for.
USUAL = tuple(name for name, kind in MACHINES.items() if not kind.asked)
# For `-o sensor=`; "auto" is what tests get that run once.
SENSORS = ("tracepoint", "fexit")


@dataclasses.dataclass(frozen=True)
class Test:
    name: str
    script: str
    function: str
    sensor: str
    timeout: int
    kernels: tuple = ()  # series; none: all

    def line(self):
        kernels = ",".join(self.kernels) or "all"
        fields = self.name, self.script, self.function, self.sensor, self.timeout, kernels
        return " ".join(str(field) for field in fields) + "\n"

    def runs_on(self, series):
        return not self.kernels or series in self.kernels


def head(text, key, default):
    match = re.search(rf"^# {key}: *(.+)$", text, re.M)
    return match[1].strip() if match else default


def kernels_of(sensor, only):
    """The series of those that a script names, SERIES or SERIES/SENSOR, for a sensor."""
    named = (entry.partition("/") for entry in only)
    return tuple(series for series, _, with_sensor in named if with_sensor in ("", sensor))


def tests_of(machine, patterns):
    """The tests that a kind of machine runs, of those that were asked for.

    All of one sensor, then all of the next: a daemon serves them in turn, and two
    at once would double what each call costs.
    """
    found, kind = [], MACHINES[machine].like or machine
    for script in sorted(images.GUEST.glob("*.sh")):
        text = script.read_text()
        if kind not in head(text, "machines", "").split():
            continue
        sensors = SENSORS if head(text, "each", "") == "sensor" else ("auto",)
        timeout = int(head(text, "timeout", "60"))
        only = head(text, f"kernels {kind}", head(text, "kernels", "")).split()
        functions = re.findall(r"^test_(\w+)\(\)", text, re.M)
        chosen = head(text, f"only {kind}", "").split()
        functions = [name for name in functions if not chosen or name in chosen]
        for sensor in sensors:
            kernels = kernels_of(sensor, only)
            if only and not kernels:
                continue
            for function in functions:
                name = f"{machine}/{script.stem}/{function}"
                if len(sensors) > 1:
                    name += f"/{sensor}"
                if matches(name, patterns):
                    found.append(
                        Test(name, script.stem, f"test_{function}", sensor, timeout, kernels)
                    )
    order = (*SENSORS, "auto")
    return sorted(found, key=lambda test: order.index(test.sensor))


def matches(name, patterns):
    """Whether a pattern names the test, or a part of its path."""
    return not patterns or any(
        fnmatch.fnmatch(part, pattern)
        for pattern in patterns
        for part in (name, *name.split("/"))
    )


def legend(table):
    """What is to be said below a table that a script of this name fills."""
    text = (images.GUEST / f"{table}.sh").read_text()
    return re.findall(r"^# legend: (.+)$", text, re.M)
