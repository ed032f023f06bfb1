# SPDX-License-Identifier: GPL-2.0-or-later
"""One emulated machine: boots, prints its results on the serial console, stops.

The protocol, each on a line of its own and each starting with "@@ ":
  run NAME               the test has begun
  again NAME: REASON     it failed and is tried once more; "run" follows
  ok NAME                it passed
  not ok NAME: REASON    it failed
  skip NAME: REASON      it can't run here
  cell TABLE/SENSOR/ROW: VALUE   one of a table that the test fills
  done                   all that was asked for has run
"""

import dataclasses
import os
import re
import selectors
import subprocess
import time

from .architectures import ARCHITECTURES

LINE = re.compile(rb"@@ (run|again|cell|ok|not ok|skip|done)(?: ([^:\s]+)(?:: (.*))?)?\s*$")
# How many times slower than two free cores: where they are shared with others.
SLOWNESS = max(1, int(os.environ.get("FDWARDEN_VM_SLOWNESS") or 1))
# After "done" the guest switches itself off; one that can't is killed.
SWITCH_OFF = 15 * SLOWNESS
# A machine that starts no test in this time never will.
START = 120 * SLOWNESS


@dataclasses.dataclass
class Result:
    test: str
    verdict: str  # "ok", "not ok" or "skip"
    reason: str = ""
    seconds: float = 0.0
    unstable: str = ""  # why it failed first, if it then came out otherwise


TROUBLE = re.compile(rb"(Oops|BUG|Kernel panic|int3: \d)[ :-].*")
# The emulator's own faults; such a machine is started once more. With two CPUs it may keep what
# it made of an instruction while the kernel patched it: a CPU meets a breakpoint that is there
# no more. Seen with 6.12 and 7.2, also in code that nobody attaches to (the scheduler's).
# And after a cmpxchg16b, which the slab allocator uses, the flags are not what they should be:
# an interrupt just then ends in a double fault.
EMULATOR_FAULT = re.compile(r"\bint3: |Oops: double fault")
# On a loaded host a kernel misses the timer's first ticks, and panics for it.
PATIENCE = "no_timer_check"
# Programs are detached in less time.
HASTE = "rcupdate.rcu_expedited=1 rcupdate.rcu_tasks_lazy_ms=0"


# With all that "max" has, tests took an eighth longer. The newest kernels give BPF programs no
# memory on a CPU without cmpxchg16b.
def x86_cpu(kernel):
    return "qemu64" if kernel.series == "newest" else "qemu64,-cx16"


def command(emulator, accelerator, cpus, kernel, image, append):
    arch = ARCHITECTURES[kernel.machine]
    line = f"console={arch.console} quiet loglevel=1 panic=-1 mitigations=off {PATIENCE} {HASTE} {append}"
    board = arch.board or ("-cpu", x86_cpu(kernel))
    return [
        # Who runs the tests may be ended; its machines would go on for ever.
        *("setpriv", "--pdeathsig", "KILL", emulator),
        *("-accel", accelerator, *board, "-smp", str(cpus), "-m", "1536M"),
        *("-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio"),
        *("-kernel", str(kernel.vmlinuz), "-initrd", str(image), "-append", line.strip()),
    ]


class Machine:
    """Runs one guest and collects its results, in the order of its tests."""

    def __init__(self, arguments, tests, console, limit, report, report_cell):
        self.arguments = arguments  # of what is to be added to the kernel's line
        self.tests = tests
        self.console = console
        self.limit = limit
        self.report = report
        self.report_cell = report_cell
        self.results = {}
        self.again = {}  # test -> why its first run failed
        self.start = time.monotonic()
        self.forget_boot()

    def forget_boot(self):
        self.running = None
        self.begun = time.monotonic()
        self.done = False
        self.last_words = ""  # of its kernel, in trouble

    def take(self, line):
        words = TROUBLE.search(line)
        if words and not self.last_words:
            self.last_words = words[0].decode("utf-8", "replace").strip()
        match = LINE.search(line)
        if not match:
            return None
        kind = match[1].decode()
        name = (match[2] or b"").decode("utf-8", "replace")
        reason = (match[3] or b"").decode("utf-8", "replace").strip()
        if kind == "done":
            self.done = True
        elif kind == "run":
            self.running, self.begun = name, time.monotonic()
        elif kind == "again":
            self.again[name] = reason
        elif kind == "cell":
            self.report_cell(name, reason)
        elif name in self.tests:
            took = time.monotonic() - self.begun
            first = self.again.get(name, "") if kind != "not ok" else ""
            self.results[name] = Result(name, kind, reason, took, first)
            self.report(self.results[name])
            self.running = None
        return kind

    def run(self):
        """All tests' results; those that never came are failures."""
        self.console.write_bytes(b"")
        ended = self.boot("")
        left = [name for name in self.tests if name not in self.results]
        if left and EMULATOR_FAULT.search(self.last_words):
            self.again[left[0]] = f"the emulator's fault: {self.last_words}"
            self.forget_boot()
            ended = self.boot(f"fdwarden.from={left[0]}")
        self.fill(ended)
        return list(self.results.values()), time.monotonic() - self.start

    def boot(self, append):
        """How the machine ended."""
        deadline = min(time.monotonic() + START, self.start + self.limit)
        ended = "it switched itself off"
        with open(self.console, "ab") as log:
            process = subprocess.Popen(
                self.arguments(append),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            try:
                pending = b""
                with selectors.DefaultSelector() as selector:
                    selector.register(process.stdout, selectors.EVENT_READ)
                    while True:
                        left = deadline - time.monotonic()
                        if left <= 0:
                            ended = f"no end after {time.monotonic() - self.start:.0f} s"
                            break
                        if not selector.select(left):
                            continue
                        data = process.stdout.read1(65536)
                        if not data:
                            break
                        log.write(data)
                        log.flush()
                        *lines, pending = (pending + data).split(b"\n")
                        for line in lines:
                            kind = self.take(line.rstrip(b"\r"))
                            if kind == "run":
                                deadline = self.start + self.limit
                            elif kind == "done":
                                deadline = time.monotonic() + SWITCH_OFF
            finally:
                if process.poll() is None and (self.done or ended[0] == "n"):
                    process.kill()
                process.stdout.close()
                if process.wait() > 0:
                    ended = f"the emulator ended with status {process.returncode}"
        return ended

    def fill(self, ended):
        if self.last_words:
            ended += f": {self.last_words}"
        for name in self.tests:
            if name in self.results:
                continue
            if name == self.running:
                reason = f"the machine stopped during this test ({ended})"
            elif self.running or self.results:
                reason = f"the machine stopped before this test ({ended})"
            else:
                reason = f"the machine ran no test ({ended})"
            self.results[name] = Result(name, "not ok", reason)
            self.report(self.results[name])
