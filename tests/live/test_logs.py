# SPDX-License-Identifier: GPL-2.0-or-later
"""Long alerts through the log daemons that contrib/ has configurations for, each run in a folder
of its own."""
import contextlib
import json
import os
import re
import socket
import subprocess
import sys

import schema
from harness import FDWARDEN, Daemon, Scratch, Skip, check, need_root, same, tool, wait_until
from test_metrics import free_port

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


def connects(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


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
    """Three long alerts of a process that fills its table in steps; its pid."""
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
    return process.pid


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


@contextlib.contextmanager
def journal():
    """A journald in a mount namespace with a /run of its own; how to run a command there, and
    where its /run is."""
    need_root()
    journald = "/usr/lib/systemd/systemd-journald"
    if not os.path.exists(journald):
        raise Skip("no systemd-journald")
    if not arrived("/etc/machine-id"):
        raise Skip("no /etc/machine-id, which the journal's files are named after")
    settings = r"[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\nForwardToWall=no\n"
    process = subprocess.Popen(
        ["unshare", "-m", "--propagation", "private", "sh", "-euc",
         "mount -t tmpfs tmpfs /run; mkdir -p /run/log/journal /run/systemd/journald.conf.d; "
         "[ ! -d /var/log/journal ] || mount -t tmpfs tmpfs /var/log/journal; "
         f"printf '{settings}' >/run/systemd/journald.conf.d/test.conf; exec {journald}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run = f"/proc/{process.pid}/root/run"
        # The tmpfs is there before the socket, so it is not the machine's.
        wait_until(lambda: os.path.exists(f"{run}/systemd/journald.conf.d/test.conf") and
                   os.path.exists(f"{run}/systemd/journal/socket"), 30, "a journal")
        yield ("nsenter", f"--mount=/proc/{process.pid}/ns/mnt"), run
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def running(*command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        said = process.communicate(timeout=20)[1]
        check(process.returncode in (0, -15), f"{command} has ended: {said[-500:]}")


def send_long(inside, scratch):
    """Thirteen long alerts and more into the journal: all alerts, as the daemon wrote them."""
    with Daemon("output.journal=yes", "output.stdout=yes", "trace.auto=no",
                command=(*inside, FDWARDEN)) as daemon:
        for _ in range(5):
            daemon.wait(fill(daemon, scratch), "fd-recovered", 20)
    alerts = [alert for _, alert in daemon.alerts]
    long = [alert for alert in alerts if len(json.dumps(alert)) > 8192]
    check(len(long) >= 13, f"only {len(long)} are long")
    return alerts


def check_same(lines, sent):
    """All alerts have come whole, each once."""
    got = [json.loads(line) for line in lines]
    same(sorted(alert["event"]["id"] for alert in got),
         sorted(alert["event"]["id"] for alert in sent), "the alerts")
    check(all(alert in sent for alert in got), "an alert is another one")


def test_rsyslog_from_the_journal():
    rsyslogd = tool("rsyslogd")
    with Scratch() as scratch, journal() as (inside, _):
        out = scratch.file("out")
        os.mkdir(scratch.file("work"))
        config = scratch.file("rsyslog.conf", f'global(workDirectory="{scratch.file("work")}")\n' +
                              shipped("rsyslog/fdwarden-journal.conf",
                                      (r'\$!_SYSTEMD_UNIT == "fdwarden.service"',
                                       '$!_COMM == "fdwarden"'),
                                      (r'action\(type.*?\)', f'action(type="omfile" file="{out}" '
                                                            'template="fdwarden_journal")')))
        sent = send_long(inside, scratch)
        with running(*inside, rsyslogd, "-n", "-f", config, "-i", scratch.file("pid")):
            wait_until(lambda: len(arrived(out)) >= len(sent), 30, "all alerts")
            check_same(arrived(out), sent)


def test_journal_remote():
    """Through HTTPS, with the configurations of both sides."""
    programs = [tool(f"systemd-journal-{name}") for name in ("upload", "remote")]
    port = free_port()
    with Scratch() as scratch, journal() as (inside, run):
        certificate, key = scratch.file("crt"), scratch.file("key")
        subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", certificate],
                       check=True, timeout=60, capture_output=True)
        for side in "upload", "remote":
            os.mkdir(f"{run}/systemd/journal-{side}.conf.d")
            with open(f"{run}/systemd/journal-{side}.conf.d/test.conf", "w",
                      encoding="utf-8") as file:
                text = shipped(f"journal-remote/journal-{side}.conf",
                               ("(?<=KeyFile=)[^\n]*", key),
                               ("(?<=ServerCertificateFile=)[^\n]*", certificate),
                               ("(?<=TrustedCertificateFile=)[^\n]*", certificate),
                               *((("logs.example.com:19532", f"localhost:{port}"),)
                                 if side == "upload" else ()))
                file.write(text)
        sent = send_long(inside, scratch)
        out = scratch.file("remote")
        os.mkdir(out)

        def stored():
            done = subprocess.run(["journalctl", "-D", out, "-o", "json", "--all", "-q",
                                   "_COMM=fdwarden"], capture_output=True, text=True, timeout=30,
                                  check=False)
            return [entry["FDWARDEN_JSON"] for entry in map(json.loads, done.stdout.splitlines())
                    if "FDWARDEN_JSON" in entry]
        with running(*inside, programs[1], f"--listen-https=127.0.0.1:{port}",
                     f"--output={out}"):
            wait_until(lambda: connects(port), 20, "the server")
            with running(*inside, programs[0], f"--save-state={scratch.file('state')}"):
                wait_until(lambda: len(stored()) >= len(sent), 30, "all alerts")
                check_same(stored(), sent)


def test_lnav():
    lnav = tool("lnav")
    with Scratch() as scratch:
        log = scratch.file("alerts.json")
        with Daemon(f"output.file={log}", "trace.auto=no") as daemon:
            fill(daemon, scratch)
            wait_until(lambda: any('"fd-recovered"' in line for line in arrived(log)), 30, "the end")
        own = {**os.environ, "HOME": scratch.path, "TERM": "xterm"}

        def run(*arguments):
            done = subprocess.run([lnav, *arguments], env=own, capture_output=True, text=True,
                                  timeout=60, check=False)
            same(done.returncode, 0, f"lnav {arguments}: {done.stderr}")
            return done.stdout
        run("-i", os.path.join(SHIPPED, "lnav/fdwarden.json"))
        run("-C")
        seen = json.loads(run("-n", "-c", ';SELECT log_level, log_body, "event/action" AS action, '
                              '"process/pid" AS pid, log_raw_text FROM fdwarden_log',
                              "-c", ":write-json-to -", log))
        alerts = [json.loads(line) for line in arrived(log)]
        same([json.loads(row["log_raw_text"]) for row in seen], alerts, "alerts, whole")
        same([(row["log_level"], row["log_body"], row["action"], row["pid"]) for row in seen],
             [(alert["log"]["level"], alert["message"], alert["event"]["action"],
               alert.get("process", {}).get("pid")) for alert in alerts], "fields")
        check(alerts[0]["message"] in run("-n", log), "the message on the screen")


def test_those_that_are_not_run():
    """They are YAML, read our file, and let lines of 1 MiB through."""
    try:
        import yaml
    except ImportError as error:
        raise Skip("no python3-yaml") from error
    for path, bound in (("vector/fdwarden.yaml", "max_line_bytes: 1048576"),
                        ("fluent-bit/fdwarden.yaml", "buffer_max_size: 1M"),
                        ("otel-collector/fdwarden.yaml", "max_log_size: 1MiB"),
                        ("filebeat/fdwarden.yml", "message_max_bytes: 1048576")):
        text = shipped(path)
        document = yaml.safe_load(text)
        check(bound in text, f"{path} has no {bound}")
        check("not run by fdwarden's tests" in " ".join(text.split()), f"{path} does not say it")
        check("/var/log/fdwarden/alerts.json" in text, f"{path} reads another file")
        if path.startswith("otel"):
            for name in "receivers", "exporters", "extensions":
                used = document["service"]["extensions"] if name == "extensions" else (
                    document["service"]["pipelines"]["logs/fdwarden"][name])
                same(sorted(used), sorted(document[name]), f"{name} of {path}")
        if path.startswith("vector"):
            known = {*document["sources"], *document["transforms"]}
            for part in *document["transforms"].values(), *document["sinks"].values():
                check(set(part["inputs"]) <= known, f"inputs of {path}: {part['inputs']}")
