# SPDX-License-Identifier: GPL-2.0-or-later
"""Long alerts through the log daemons that contrib/ has configurations for, each run in a folder
of its own."""
import contextlib
import json
import os
import re
import subprocess
import sys

import schema
from harness import Daemon, Scratch, check, same, tool, wait_until

SHIPPED = os.path.join(os.path.dirname(__file__), "../../contrib")
# As long as those with traces are, and longer than rsyslog's 8 KiB.
LONG = [{"@timestamp": "2026-01-02T03:04:05.678901Z", "message": f"api[{n}] \"quoted\" → é",
         "fd": {"incident": str(n), "call_sites": ["f" * 97 for _ in range(105 + n)]}}
        for n in range(13)]


def shipped(path, *changes):
    with open(os.path.join(SHIPPED, path), encoding="utf-8") as file:
        text = file.read()
    for old, new in changes:
        changed, times = re.subn(old, lambda _, new=new: new, text, flags=re.S)
        same(times, 1, f"{old} in {path}")
        text = changed
    return text


def arrived(path):
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
        return file.read().splitlines()
    return []


def check_whole(path):
    wait_until(lambda: len(arrived(path)) >= len(LONG), 30, "13 lines")
    same([json.loads(line) for line in arrived(path)], LONG, "alerts, whole and in order")


def test_rsyslog():
    rsyslogd = tool("rsyslogd")
    with Scratch() as scratch:
        log, out = scratch.file("alerts.json", ""), scratch.file("out")
        os.mkdir(scratch.file("work"))
        config = scratch.file("rsyslog.conf", f'global(workDirectory="{scratch.file("work")}")\n' +
                              shipped("rsyslog/fdwarden.conf",
                                      ('/var/log/fdwarden/alerts.json', log),
                                      (r'action\(.*\)', f'action(type="omfile" file="{out}" '
                                                        'template="fdwarden")')))
        daemon = subprocess.Popen([rsyslogd, "-n", "-f", config, "-i", scratch.file("pid")],
                                  stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            with open(log, "a", encoding="utf-8") as file:
                for alert in LONG:
                    file.write(json.dumps(alert) + "\n")
            check(daemon.poll() is None, "rsyslogd has ended")
            check_whole(out)
        finally:
            daemon.terminate()
            daemon.wait(20)


def test_syslog_ng():
    daemon = tool("syslog-ng")
    with Scratch() as scratch:
        log, out = scratch.file("alerts.json", ""), scratch.file("out")
        config = scratch.file("syslog-ng.conf", "@version: 3.27\n" +
                              shipped("syslog-ng/fdwarden.conf",
                                      ('/var/log/fdwarden/alerts.json', log),
                                      (r'network\(.*?template\(',
                                       f'file("{out}" template(')))
        process = subprocess.Popen(
            [daemon, "-F", "--no-caps", "-f", config, "-R", scratch.file("persist"),
             "-p", scratch.file("pid"), "-c", scratch.file("control")],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            with open(log, "a", encoding="utf-8") as file:
                for alert in LONG:
                    file.write(json.dumps(alert) + "\n")
            check_whole(out)
        finally:
            process.terminate()
            process.wait(20)


# A process whose alerts are long: its files are in many directories with long names.
FILLER = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
folders = [os.path.join(sys.argv[1], chr(97 + n) * 180 + str(n)) for n in range(12)]
for folder in folders:
    os.makedirs(folder, exist_ok=True)
fds = []
for share in 55, 61, 80:
    try:
        while len(os.listdir("/proc/self/fd")) - 1 < share:
            n = len(fds)
            fds.append(os.open(os.path.join(folders[n % 12], "f" * 150 + str(n)),
                               os.O_CREAT | os.O_RDWR))
    except OSError:
        pass
    sys.stdin.readline()
"""
LEVELS = "fd-warning", "fd-critical", "fd-exhausted"


def fill(daemon, scratch):
    """Three long alerts of a process that fills its table in steps."""
    with subprocess.Popen([sys.executable, "-c", FILLER, scratch.path],
                          stdin=subprocess.PIPE, text=True) as process:
        try:
            for level in LEVELS:
                daemon.wait(process.pid, level, 20)
                process.stdin.write("\n")
                process.stdin.flush()
        except BaseException:
            process.kill()
            raise


def check_put_together(lines, most):
    """Lines of a log: none too long, each an alert, and each alert's parts are all there."""
    alerts = [json.loads(line) for line in lines]
    for line, alert in zip(lines, alerts):
        check(len(line.encode()) < most, f"{len(line)} bytes")
        schema.check_alert(alert)
    long = [alert for alert in alerts if "details_follow" in alert.get("fd", {})]
    for alert in long:
        parts = [one for one in alerts if one.get("fd", {}).get("details_of") ==
                 alert["event"]["id"]]
        same(len(parts), alert["fd"]["details_follow"], "lines that follow")
        same({one["fd"]["incident"] for one in parts}, {alert["fd"]["incident"]}, "incident")
        whole = [alert, *parts]
        check(any("types" in one["fd"] for one in whole), "what is open")
    return long


def test_rsyslog_by_default():
    """Its own limit, which is of 8096 bytes; output.max_line is below."""
    rsyslogd = tool("rsyslogd")
    with Scratch() as scratch:
        log, out = scratch.file("alerts.json"), scratch.file("out")
        os.mkdir(scratch.file("work"))
        text, times = re.subn("global.maxMessageSize.*", "", shipped(
            "rsyslog/fdwarden.conf", ("/var/log/fdwarden/alerts.json", log),
            (r"action\(.*\)", f'action(type="omfile" file="{out}" template="fdwarden")')))
        same(times, 1, "the size in the shipped file")
        config = scratch.file("rsyslog.conf",
                              f'global(workDirectory="{scratch.file("work")}")\n{text}')
        options = [f"output.file={log}", "trace.auto=no"]
        with Daemon(*options, "output.max_line=8000") as daemon:
            server = subprocess.Popen([rsyslogd, "-n", "-f", config, "-i", scratch.file("pid")],
                                      stderr=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                for _ in range(5):
                    fill(daemon, scratch)
                wait_until(lambda: sum('"fd-recovered"' in line for line in arrived(log)) >= 5,
                           30, "the ends")
                wait_until(lambda: len(arrived(out)) >= len(arrived(log)), 30, "all lines")
                for got, sent in zip(arrived(out), arrived(log)):
                    check(got == sent, f"{len(got)} bytes of {len(sent)} have arrived: "
                          f"{os.path.commonprefix([got, sent])[-50:]}")
                long = check_put_together(arrived(out), 8001)
                check(len(long) >= 13, f"only {len(long)} of them were too long")
            finally:
                server.terminate()
                server.wait(20)


def test_max_line_keeps_the_hook_whole():
    with Scratch() as scratch:
        log, whole = scratch.file("alerts.json"), scratch.file("whole")
        hook = scratch.file("hook", f"#!/bin/sh\nexec cat >>{whole}\n", 0o755)
        with Daemon(f"output.file={log}", f"output.hook={hook}",
                    "output.max_line=4k") as daemon:
            fill(daemon, scratch)
            wait_until(lambda: any('"fd-recovered"' in line for line in arrived(whole)), 30,
                       "the end")
            check(len(check_put_together(arrived(log), 4096)) >= 3, "long ones")
            for alert in map(json.loads, arrived(whole)):
                check("details_follow" not in alert["fd"], alert)
