# SPDX-License-Identifier: GPL-2.0-or-later
"""Five walks in a terminal of 80x24, as somebody takes them: what is typed, and what is read.

With FDWARDEN_WALKS=DIRECTORY each screen is kept there, to be read by people.
"""
import os
import re
import shlex
import shutil
import subprocess
import tempfile

from harness import FDWARDEN, FDZOO, Skip, Zoo, check, need_root, same
from terminal import COLOURS, Terminal, need_tmux

KEEP = os.environ.get("FDWARDEN_WALKS")
# A mount namespace, so that the usual paths are there, and no other daemon's.
OWN_PATHS = """
mkdir -p /run/fdwarden && mount -t tmpfs tmpfs /run/fdwarden
[ ! -d /etc/fdwarden ] || mount -t tmpfs tmpfs /etc/fdwarden
"""


class Walk:
    """A shell that is typed into; its fdwarden is the one that is tested."""

    def __init__(self, name, user=None, **environment):
        need_root()
        need_tmux()
        if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
            raise Skip("needs a mount namespace of its own")
        self.name, self.steps = name, 0
        self.work = tempfile.mkdtemp(prefix="fdwarden-walk-")
        os.chmod(self.work, 0o755)
        self.program = shutil.copy(FDWARDEN, os.path.join(self.work, "fdwarden"))
        settings = {"PATH": f"{self.work}:{os.environ['PATH']}", "PS1": "$ ", "LANG": "C.UTF-8",
                    "LC_ALL": "", "TERM": "tmux-256color", "HOME": self.work, **environment}
        assign = " ".join(f"{key}={shlex.quote(value)}" for key, value in settings.items())
        become = f"setpriv --reuid={user} --regid={user} --clear-groups " if user else ""
        inside = f"{OWN_PATHS} cd {self.work}; exec {become}env {assign} bash --norc --noprofile"
        self.terminal = Terminal(command=f"exec unshare -m sh -c {shlex.quote(inside)}",
                                 columns=80, rows=24, ready=r"^\$")

    def keep(self, what, lines):
        self.steps += 1
        if not KEEP:
            return
        os.makedirs(KEEP, exist_ok=True)
        name = re.sub(r"[^a-z0-9]+", "-", what.lower())[:40].strip("-")
        with open(os.path.join(KEEP, f"{self.name}-{self.steps}-{name}.txt"), "w",
                  encoding="utf-8") as file:
            file.write(f"$ {what}\n" + "\n".join(lines) + "\n")

    def screen(self, what):
        """The lines as they were written, wrapped ones in one."""
        joined = self.terminal.tmux("capture-pane", "-p", "-J").split("\n")
        self.keep(what, self.terminal.lines())
        return [line.rstrip() for line in joined]

    def type(self, what, seconds=20):
        """(its lines, exit status)"""
        mark = rf"^={self.steps}:(\d+)$"
        self.terminal.type(f"clear; {what}; echo ={self.steps}:$?")
        self.terminal.send("Enter")
        self.terminal.wait(mark, seconds)
        lines = self.screen(what)
        end = next(i for i, line in enumerate(lines) if re.match(mark, line))
        return lines[:end], int(re.match(mark, lines[end])[1])

    def daemon(self):
        self.terminal.type("fdwarden daemon >alerts 2>log & for i in $(seq 300); do "
                           "grep -q ready: log && break; sleep 0.1; done; clear; echo up")
        self.terminal.send("Enter")
        self.terminal.wait("^up$", 60)

    def close(self):
        self.terminal.send("C-c", "q")
        self.terminal.type("kill $(jobs -p); wait; exit")
        self.terminal.send("Enter")
        self.terminal.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def full(name, used=61, limit="64:4096"):
    return Zoo(f"name={name}", f"limit={limit}", f"openat={used}", "say=there", "wait")


def fits(lines, what):
    wide = [line for line in lines if len(line) > 80]
    same(wide, [], f"lines of {what} that a terminal of 80 columns breaks")


def told(lines, *patterns):
    for pattern in patterns:
        check(any(re.search(pattern, line) for line in lines),
              f"no line with '{pattern}' in:\n" + "\n".join(lines))


def test_first_look():
    """No daemon yet: the fullest, that nobody is alerted, and what to type next."""
    with Walk("first", NO_COLOR="1") as walk, full("walkone") as one:
        one.expect("there")
        lines, code = walk.type("fdwarden")
        same(code, 0, "fdwarden")
        fits(lines, "fdwarden")
        check(len(lines) <= 20, "not on one screen:\n" + "\n".join(lines))
        told(lines, rf"^ *{one.pid} root +walkone +64 +64 +4096 +100\.0 ",
             "^No daemon was asked", "sudo systemctl enable --now fdwarden", "sudo fdwarden daemon",
             r"^  fdwarden inspect \d+", "^  fdwarden top ", "^  fdwarden help ")
        lines, code = walk.type("fdwarden ps walkone")
        fits(lines, "ps")
        told(lines, rf"^ *{one.pid} root +walkone ")
        lines, code = walk.type("fdwarden inspect walkone | head -n 20")
        fits(lines, "inspect")
        told(lines, rf"^walkone\[{one.pid}\], user root", "64 of 64 descriptors open \\(100%\\)",
             "^What is open", "^What is wrong")
        lines, code = walk.type("fdwarden status")
        same(code, 1, "status")
        same(len([line for line in lines if line]), 1, f"lines: {lines}")
        told(lines, "no daemon is running: .*start it")
        lines, code = walk.type("fdwarden events")
        told(lines, "no daemon is running: .*start it")
        lines, code = walk.type("fdwarden stauts")
        told(lines, "did you mean 'status'")
        same(code, 2, "a slip")


def test_without_root():
    """Each command says in one line that it takes sudo; help and the version are for all."""
    with Walk("user", user=65534) as walk:
        for what in ("fdwarden", "fdwarden ps", "fdwarden top", "fdwarden inspect 1",
                     "fdwarden trace 1"):
            lines, code = walk.type(what)
            same(code, 1, what)
            same(len(lines), 1, f"lines of {what}: {lines}")
            told(lines, "run (it )?with sudo")
        lines, code = walk.type("fdwarden check")
        same(code, 3, "check")
        told(lines, "^FDWARDEN UNKNOWN - .*run it with sudo")
        lines, code = walk.type("fdwarden help")
        same(code, 0, "help")
        fits(lines, "help")
        told(lines, "^  status ", "^  raise ")
        lines, code = walk.type("fdwarden -V")
        told(lines, r"^fdwarden \d+\.\d+\.\d+$")


def test_without_colours():
    """The levels are told by signs; no escape that colours is written."""
    with Walk("plain", NO_COLOR="1", LANG="C", TERM="vt100") as walk, full("walkplain", 55) as one:
        one.expect("there")
        walk.daemon()
        lines, code = walk.type("fdwarden inspect walkplain | cat")
        same(code, 0, "inspect")
        # on a terminal alerts fold between words; what is piped stays in its line
        lines, code = walk.type("fdwarden events; fdwarden events | tail -n 1")
        fits(lines[:-1], "events")
        told(lines, "^    [^ ]")
        check(len(lines[-1]) > 80, f"folded in a pipe: {lines[-1]}")
        for what in ("fdwarden", "fdwarden events | tail -n 5", "fdwarden status"):
            lines, code = walk.type(what)
            raw = walk.terminal.tmux("capture-pane", "-p", "-e")
            check(not COLOURS.search(raw.replace("\x1b[0m", "").replace("\x1b[39m", "")),
                  f"colours of {what}: {raw!r}")
            check("\n".join(lines).isascii(), f"not ASCII: {lines}")
        walk.terminal.type("clear; fdwarden top walkplain")
        walk.terminal.send("Enter")
        line = walk.terminal.wait(rf"^ *{one.pid} root +walkplain ")
        check(re.search(r"! ?90\.6%", line), f"no sign: {line!r}")
        lines = walk.screen("fdwarden top walkplain")
        told(lines, "walkplain: 1 of \\d+", "TREND", r"! \d+ warning")
        check(walk.terminal.text().isascii(), walk.terminal.text())
        walk.terminal.send("?")
        walk.terminal.wait("Signs")
        lines = walk.screen("help of top")
        fits(lines, "top's help")
        told(lines, "# critical", "F10 .*end$")
        walk.terminal.send("q", "q")
        walk.terminal.wait(r"^\$ *$")


def test_an_incident():
    """Paged: what stands, what it is, room for it, and that it is over."""
    with Walk("incident") as walk:
        walk.daemon()
        walk.terminal.type(f"(ulimit -Sn 64; {shlex.quote(FDZOO)} name=walkapi openat=61 "
                           "refuse=openat:3 say=full sleep=600000) >said &")
        walk.terminal.send("Enter")
        walk.type("for i in $(seq 100); do grep -q full said && fdwarden events | grep -q "
                  "'exhausted .*walkapi' && break; sleep 0.1; done", 40)
        lines, code = walk.type("fdwarden status")
        same(code, 0, "status")
        told(lines, "^Monitoring since ", "^  incidents  .*1 exhausted",
             r"exhausted +walkapi\[\d+\]: 64 of 64 descriptors, \d+ calls? refused")
        fits(lines, "status")
        pid = re.search(r"walkapi\[(\d+)\]", "\n".join(lines))[1]
        lines, code = walk.type("fdwarden")
        told(lines, "^A daemon monitors; what stands: ", rf"^  fdwarden inspect {pid} ")
        fits(lines, "fdwarden")
        lines, code = walk.type("fdwarden events --service no-such | cat")
        told(lines, "none of the last \\d+ alerts? is of such a service")
        lines, code = walk.type("fdwarden inspect walkapi | tail -n 20")
        same(code, 0, "inspect")
        told(lines, "^What to change", f"prlimit --pid {pid} --nofile=")
        lines, code = walk.type("fdwarden raise walkapi --soft 1k")
        same(code, 0, "raise")
        told(lines, rf"^process {pid}: soft limit 64 -> 1024 ")
        walk.type("for i in $(seq 100); do fdwarden events | grep -q 'recovered .*walkapi' && "
                  "break; sleep 0.1; done", 40)
        lines, code = walk.type("fdwarden events | grep 'recovered.*walkapi'")
        told(lines, rf"walkapi\[{pid}\] recovered, its limit was raised: 64 of 1024 descriptors "
                    r"open; \d+ calls? (was|were) refused")
        lines, code = walk.type("fdwarden status | grep -c walkapi")
        same(lines[-1:], ["0"], "it stands no more")


def test_the_live_view():
    """80 columns: the trend is there, FULL IN of what has just started is not; one page has all."""
    with Walk("top") as walk, full("walktop") as one, full("walktop", 20) as other:
        one.expect("there")
        other.expect("there")
        walk.daemon()
        top = walk.terminal
        top.type("clear; fdwarden top walktop")
        top.send("Enter")
        top.wait(rf"^ *{one.pid} root +walktop ")
        lines = walk.screen("fdwarden top walktop")
        fits(lines, "top")
        told(lines, "PID USER +NAME .* FULL IN TREND", r"walktop: 2 of \d+", r"1-2 of 2$")
        line = top.wait(rf"^ *{other.pid} root +walktop ")
        check(re.search(r" +- +\S*$", line), f"FULL IN of one that rests: {line!r}")
        top.send("r")
        top.wait(rf"Raise the soft limit of walktop\[{one.pid}\] from 64 to 128, until it ends\?")
        top.send("n", "Enter")
        top.wait("What is open", 20)
        fits(walk.screen("Enter"), "a process's page")
        top.send("G")
        top.wait("Alerts, in your time zone")
        told(walk.screen("G"), r"^   \d\d-\d\d \d\d:\d\d:\d\d  fd-(warning|critical) ")
        top.send("a")
        top.wait("is printed when you leave")
        top.send("q", "q")
        top.wait(rf"prlimit --pid {one.pid} ")
