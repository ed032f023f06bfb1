# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the daemon's socket, written from fdwarden-protocol(7) alone."""
import json
import os
import socket
import time

from harness import Daemon, Failure, check, same


class Client:
    """One connection. `lines` are read whole; a reply is waited for by its name."""

    def __init__(self, path, greet=True, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.rest = b""
        self.alerts = []  # (arrival, line of the alert)
        self.lost = 0
        self.first = self.line() if greet else None

    def raw(self):
        """The next line, without its newline; None: closed."""
        while b"\n" not in self.rest:
            try:
                got = self.socket.recv(1 << 20)
            except ConnectionResetError:
                got = b""
            if not got:
                check(not self.rest, f"closed within a line: {self.rest[:200]!r}")
                return None
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def line(self):
        line = self.raw()
        return None if line is None else json.loads(line.decode("utf-8"))

    def send(self, **request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def ask(self, request, **members):
        """Its reply; alerts that come before are kept."""
        self.send(request=request, **members)
        while True:
            got = self.line()
            check(got is not None, f"closed instead of an answer to {request}")
            if "alert" in got:
                self.alerts.append(got["alert"])
            elif "lost" in got:
                self.lost += got["lost"]
            else:
                return got

    def next_alert(self, condition, seconds=10):
        """The first one from here on for which it holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            try:
                got = self.line()
            except TimeoutError:
                break
            check(got is not None, "closed")
            if "alert" in got and condition(got["alert"]):
                return got["alert"]
        raise Failure(f"no such alert within {seconds} s")

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def daemon_at(scratch, *options, group="", **more):
    """A daemon with a socket of its own, and its path."""
    path = scratch.file("sock")
    daemon = Daemon("snapshot.interval=200ms", f"socket.path={path}",
                    f"socket.group={group}", *options, **more)
    daemon.own_only = True
    return daemon, path


def row_of(reply, pid):
    return next((p for p in reply["processes"] if p["process"]["pid"] == pid), None)


def is_of(pid, action=None):
    return lambda alert: (alert.get("process", {}).get("pid") == pid
                          and action in (None, alert["event"]["action"]))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def same_error(got, code):
    check(got is not None, f"closed without an error {code}")
    same(got.get("error", {}).get("code"), code, f"error in {got}")
    check(got["error"]["message"] and "\n" not in got["error"]["message"], "no message")
