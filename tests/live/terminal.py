# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal that tests type into and look at: tmux with a server of its own."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time

from harness import FDWARDEN, Failure, Skip, check, children_of, wait_until

COLOURS = re.compile(r"\x1b\[[0-9;:]*m")


def need_tmux():
    if not shutil.which("tmux"):
        raise Skip("needs tmux")


class Terminal:
    """`fdwarden top` in a terminal of this size."""

    def __init__(self, *arguments, columns=100, rows=30, environment=None, program=FDWARDEN,
                 command=None, prefix=(), ready="every"):
        need_tmux()
        self.directory = tempfile.mkdtemp(prefix="fdwarden-tmux-")
        self.socket = os.path.join(self.directory, "tmux")
        self.columns, self.rows = columns, rows
        self.status = os.path.join(self.directory, "status")
        self.errors = os.path.join(self.directory, "errors")
        settings = {"LANG": "C.UTF-8", "LC_ALL": "", "TERM": "tmux-256color", "NO_COLOR": "",
                    "XDG_CONFIG_HOME": self.directory, **(environment or {})}
        assign = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
        view = shlex.join([*prefix, program, "top", *arguments])
        self.command = command or f"env {assign} {view}; echo $? >{self.status}; exec sleep 1000"
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), self.command)
        self.tmux("set-option", "-g", "escape-time", "0")
        try:
            if ready:
                self.wait(ready, 20)
        except Failure:
            self.close()
            raise

    def tmux(self, *arguments, check_it=True):
        # a locale for tmux itself, which else takes UTF-8 for something else
        done = subprocess.run(["tmux", "-u", "-S", self.socket, "-f", "/dev/null", *arguments],
                              capture_output=True, text=True, check=False, timeout=20,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "TMUX": ""})
        if check_it and done.returncode:
            raise Failure(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def send(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def lines(self, raw=False):
        text = self.tmux("capture-pane", "-p", *(["-e"] if raw else []))
        return text.split("\n")[:-1]

    def text(self):
        return "\n".join(self.lines())

    def find(self, pattern, raw=False):
        """The first line that has it."""
        for line in self.lines(raw):
            if re.search(pattern, COLOURS.sub("", line) if raw else line):
                return line
        return None

    def wait(self, pattern, seconds=10):
        """Until a line has it; that line."""
        end = time.monotonic() + seconds
        while True:
            found = self.find(pattern)
            if found is not None:
                return found
            if time.monotonic() > end:
                raise Failure(f"no line with '{pattern}' within {seconds} s on the screen:\n"
                              + self.text())
            time.sleep(0.03)

    def wait_gone(self, pattern, seconds=10):
        wait_until(lambda: self.find(pattern) is None, seconds, f"'{pattern}' off the screen")

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def filter(self, text):
        self.send("/", "C-u")
        self.type(text)
        self.send("Enter")

    def pid(self):
        """Of what runs in it: the last of the line of descent."""
        pid = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        while True:
            below = children_of(pid)
            if not below:
                return pid
            pid = below[-1]

    def ended(self, seconds=10):
        """Its exit status."""
        wait_until(lambda: os.path.exists(self.status) and os.path.getsize(self.status),
                   seconds, "the end of the view")
        with open(self.status, encoding="ascii") as status:
            return int(status.read())

    def quit(self):
        self.send("q")
        status = self.ended()
        check(status == 0, f"it ended with {status}: {self.text()}")

    def close(self):
        self.tmux("kill-server", check_it=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
