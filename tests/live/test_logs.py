# SPDX-License-Identifier: GPL-2.0-or-later
"""Long alerts through the log daemons that contrib/ has configurations for, each run in a folder
of its own."""
import contextlib
import json
import os
import re
import shutil
import subprocess

from harness import Scratch, Skip, check, same, wait_until

SHIPPED = os.path.join(os.path.dirname(__file__), "../../contrib")
# As long as those with traces are, and longer than rsyslog's 8 KiB.
LONG = [{"@timestamp": "2026-01-02T03:04:05.678901Z", "message": f"api[{n}] \"quoted\" → é",
         "fd": {"incident": str(n), "call_sites": ["f" * 97 for _ in range(105 + n)]}}
        for n in range(13)]


def tool(name):
    path = os.environ.get(name.upper().replace("-", "_")) or shutil.which(
        name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Skip(f"no {name}")
    return path


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
