# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules, and a configuration that changes while it runs."""
import json
import os
import shutil
import signal
import subprocess
import time

from harness import Daemon, FDWARDEN, Scratch, Skip, Zoo, check, same, wait_until
from test_claims import Tree

QUICK = "[snapshot]\ninterval = 200ms\n"


def near(share=55):
    return Zoo("limit=64", f"fill={share}", "say=near", "wait")


def zoo_quiet_is_ignored(text):
    """By this configuration, while another process is told of."""
    with Scratch() as scratch, Daemon(config=scratch.file("conf", text)) as daemon, \
            Zoo("name=zoo-quiet", "limit=64", "refuse=openat:3", "say=near", "wait") as quiet:
        quiet.expect("near")
        with near() as loud:
            daemon.wait(loud.pid, "fd-warning")
            time.sleep(0.5)
        same(daemon.actions(quiet.pid), [], "alerts of what is ignored")


def test_rule_ignores_a_name():
    text = QUICK + "[rule quiet]\nname = zoo-qu*\nignore = yes\n"
    zoo_quiet_is_ignored(text)


def test_ignored_is_shown_as_long_as_it_is_full():
    """Also below min_limit, where nothing is looked up ahead: ps and check know of the rule."""
    with Scratch() as scratch, \
            Zoo("name=zoo-quiet", "limit=8", "fill", "say=full", "wait") as quiet:
        quiet.expect("full")
        path = scratch.file("socket")
        text = QUICK + "[rule quiet]\nname = zoo-qu*\nignore = yes\n"
        with Daemon(f"socket.path={path}", config=scratch.file("conf", text)):
            for _ in range(3):
                done = subprocess.run([FDWARDEN, "check", "--socket", path, str(quiet.pid)],
                                      capture_output=True, text=True, timeout=30, check=False)
                same(done.returncode, 0, done.stdout + done.stderr)
                check("a rule ignores it" in done.stdout, done.stdout)
                time.sleep(0.3)


def test_log_says_why_there_is_no_alert():
    """[log] level = debug, taken up by SIGHUP; once a reason; nothing without it."""
    rule = QUICK + "[rule quiet]\nname = zoo-qu*\nignore = yes\n"
    with Scratch() as scratch, \
            Zoo("name=zoo-quiet", "limit=64", "fill=60", "say=near", "wait") as quiet:
        quiet.expect("near")
        path = scratch.file("conf", rule)
        with Daemon(config=path) as daemon:
            with near() as loud:
                daemon.wait(loud.pid, "fd-warning")
            same([line for line in daemon.log if "no alert" in line], [], "said unasked")
            scratch.file("conf", rule + "[log]\nlevel = debug\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_log(f"zoo-quiet[{quiet.pid}] has 60 of 64 descriptors; no alert: "
                            "a rule ignores it")
            with near() as loud:
                daemon.wait(loud.pid, "fd-warning")
                daemon.wait_log(f"fdzoo[{loud.pid}] has 55 of 64 descriptors; no alert: "
                                "its incident was told of")
            same(len([line for line in daemon.log if f"[{quiet.pid}]" in line]), 1,
                 "lines of what is ignored")


def test_rule_with_lists():
    """One of several patterns is enough, in each matcher."""
    text = QUICK + """[rule quiet]
name = zoo-none, zoo-qu* ,x[,]
user = nobody, 0
executable = /none, */fdzoo
ignore = yes
"""
    zoo_quiet_is_ignored(text)


def test_rule_about_a_service_without_suffix():
    """`service = nginx` is nginx.service, in a list as well."""
    text = QUICK + "[rule quiet]\nservice = zoo-none, zoo-{0}7.4\nignore = yes\n"
    with Scratch() as scratch, Tree() as tree:
        unit = tree.make(f"system.slice/zoo-{os.getpid()}7.4.service")
        path = scratch.file("conf", text.format(os.getpid()))
        with Daemon(config=path) as daemon, Zoo("say=a", "wait", "limit=64", "fill=55",
                                                "say=near", "wait") as quiet:
            quiet.expect("a")
            with open(f"{unit}/cgroup.procs", "w", encoding="ascii") as procs:
                procs.write(str(quiet.pid))
            quiet.go()
            quiet.expect("near")
            with near() as loud:
                daemon.wait(loud.pid, "fd-warning")
                time.sleep(0.5)
            same(daemon.actions(quiet.pid), [], "alerts of what is ignored")


def test_start_with_what_is_forgiven():
    """What an earlier release took keeps no daemon from starting; it is said with its line."""
    with Scratch() as scratch:
        os.mkdir(scratch.file("out"))
        path = scratch.file("conf", QUICK + f"""[output]
file = {scratch.file('out')}
[state]
file = /dev/null
[rule a]
name = nginx,
service = nginx.socket
user = 007
""")
        with Daemon(config=path) as daemon:
            for line in (f"{path}:4: file ", f"{path}:6: state.file /dev/null is a device; ",
                         f"{path}:8: in rule 'a': nothing before ",
                         f"{path}:9: in rule 'a': no process is in a unit nginx.socket",
                         f"{path}:10: in rule 'a': 007 is no user's number"):
                daemon.wait_log(line)
            with near() as zoo:
                daemon.wait(zoo.pid, "fd-warning")
        done = subprocess.run([FDWARDEN, "check-config", "-c", path], capture_output=True,
                              text=True, timeout=30, check=False)
        same(done.returncode, 2, f"check-config: {done.stderr}")


def test_rule_sets_levels():
    text = QUICK + "[rule early]\nexecutable = */fdzoo\nuser = 0\nwarn = 30%\ncritical = 60%\n"
    with Scratch() as scratch, Daemon(config=scratch.file("conf", text)) as daemon, \
            Zoo("limit=100", "fill=29", "say=a", "wait", "fill=30", "say=b", "wait",
                "fill=60", "wait") as zoo:
        zoo.expect("a")
        time.sleep(0.5)
        same(daemon.actions(zoo.pid), [], "alerts at 29 %")
        zoo.go()
        _, alert = daemon.wait(zoo.pid, "fd-warning")
        same(alert["fd"]["used"], 30, "fd.used")
        zoo.go()
        _, alert = daemon.wait(zoo.pid, "fd-critical")
        same(alert["fd"]["used"], 60, "fd.used")


def test_reload():
    with Scratch() as scratch:
        path = scratch.file("conf", QUICK)
        with Daemon(config=path) as daemon, near(40) as zoo:
            zoo.expect("near")
            time.sleep(0.5)
            same(daemon.actions(zoo.pid), [], "alerts at 62 %")
            scratch.file("conf", QUICK + "[thresholds]\nwarn = 50%\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_log("reloaded")
            daemon.wait(zoo.pid, "fd-warning")
            with near(35) as another:  # the sensor knows the new level as well
                daemon.wait(another.pid, "fd-warning")


def test_reload_of_what_is_read_at_start():
    """What does not change is named, until the file says again what was read then."""
    with Scratch() as scratch:
        path = scratch.file("conf", QUICK)
        with Daemon(config=path) as daemon:
            scratch.file("conf", QUICK + "[metrics]\nlisten = 127.0.0.1:1\n")
            daemon.process.send_signal(signal.SIGHUP)
            line = daemon.wait_log("reloaded, but for ")
            check("for metrics.listen: read at start only; restart" in line, line)
            scratch.file("conf", QUICK)
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: any(line.strip().endswith("configuration reloaded")
                                   for line in daemon.log), 5, "a reload of all")


def test_reload_to_ignored():
    """An open incident of what is ignored from now on is closed."""
    with Scratch() as scratch:
        path = scratch.file("conf", QUICK)
        with Daemon(config=path) as daemon, near() as zoo:
            daemon.wait(zoo.pid, "fd-warning")
            scratch.file("conf", QUICK + "[rule x]\nexecutable = */fdzoo\nignore = yes\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait(zoo.pid, "fd-recovered")
            time.sleep(0.5)
            same(daemon.actions(zoo.pid), ["fd-warning", "fd-recovered"], "alerts")


def test_reload_of_a_bad_file():
    with Scratch() as scratch:
        path = scratch.file("conf", QUICK + "[thresholds]\nwarn = 50%\n")
        with Daemon(config=path) as daemon, near(20) as zoo:
            zoo.expect("near")
            scratch.file("conf", QUICK + "[thresholds]\nwarn = 5O%\n")
            daemon.process.send_signal(signal.SIGHUP)
            line = daemon.wait_log("5O%")
            check(f"{path}:4" in line, f"the place is not named: {line}")
            time.sleep(0.4)
            same(daemon.actions(zoo.pid), [], "alerts at 31 %")
            with near(35) as another:
                daemon.wait(another.pid, "fd-warning")


def no_configuration(path):
    """Ways in which there is suddenly none at a path, and what is said of each."""
    os.mkfifo(path)
    yield "it is a FIFO; a file is needed"
    os.unlink(path)
    os.mkdir(path)
    yield "Is a directory"
    os.rmdir(path)
    os.symlink(path, path)
    yield "Too many levels of symbolic links"
    os.unlink(path)
    yield "No such file or directory"
    with open(path, "w", encoding="utf-8"):
        os.chmod(path, 0)
    yield "Permission denied"
    os.unlink(path)


def test_reload_of_no_file():
    """The daemon waits for nobody, says what is wrong, and keeps what it has."""
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    with Scratch() as scratch:
        path = scratch.file("conf", QUICK + "[thresholds]\nwarn = 50%\n")
        # root itself could read whatever it likes
        with Daemon(config=path, command=("setpriv", "--bounding-set",
                                          "-dac_override,-dac_read_search",
                                          FDWARDEN)) as daemon:
            os.unlink(path)
            for why in no_configuration(path):
                daemon.process.send_signal(signal.SIGHUP)
                line = daemon.wait_log(f"cannot read the configuration {path}: {why}")
                check("the configuration stays as it was" in line, line)
                with near(35) as zoo:
                    daemon.wait(zoo.pid, "fd-warning")
            scratch.file("conf", QUICK + "[thresholds]\nwarn = 90%\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_log("configuration reloaded")
            with near(35) as zoo:
                zoo.expect("near")
                time.sleep(0.5)
                same(daemon.actions(zoo.pid), [], "alerts at 55 % under warn = 90%")


def test_reload_of_what_can_not_be():
    """What lies at a path is told with its line, and outputs go on as they were."""
    with Scratch() as scratch:
        path, out = scratch.file("conf"), scratch.file("out")
        scratch.file("conf", QUICK + f"[output]\nfile = {out}\n")
        os.mkfifo(scratch.file("fifo"))
        hook = scratch.file("hook", "echo no first line\n", 0o755)
        with Daemon(config=path) as daemon:
            scratch.file("conf", QUICK + f"[output]\nfile = {scratch.file('fifo')}\n")
            daemon.process.send_signal(signal.SIGHUP)
            line = daemon.wait_log(f"{path}:4: file {scratch.file('fifo')} is a FIFO; ")
            check("the configuration stays as it was" in line, line)
            with near() as zoo:
                daemon.wait(zoo.pid, "fd-warning")
                wait_until(lambda: f'"pid":{zoo.pid},' in read(out), 10, "its alert")
            # binfmt_misc may know what to do with it: that is no reason to refuse it
            scratch.file("conf", QUICK + f"[output]\nfile = {out}\nhook = {hook}\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_log(f"output.hook {hook} begins neither with '#!' nor ")
            daemon.wait_log("configuration reloaded")
        done = subprocess.run([FDWARDEN, "check-config", "-c", path], capture_output=True,
                              text=True, timeout=30, check=False)
        same(done.returncode, 1, f"check-config: {done.stderr}")
        check("binfmt_misc" in done.stderr and f"hook = {hook}" in done.stdout, done)
        # who asks a daemon is not kept from it by a hook
        scratch.file("conf", "[output]\nhook = /etc\n[socket]\npath = /nowhere/s\n")
        done = subprocess.run([FDWARDEN, "events", "-c", path], capture_output=True,
                              text=True, timeout=30, check=False)
        check("/nowhere/s" in done.stderr and "hook" not in done.stderr, done.stderr)


def test_reload_keeps_incidents():
    with Scratch() as scratch:
        path = scratch.file("conf", QUICK)
        with Daemon(config=path) as daemon, near() as zoo:
            _, first = daemon.wait(zoo.pid, "fd-warning")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_log("reloaded")
            time.sleep(0.5)
            zoo.end()
            _, last = daemon.wait(zoo.pid, "fd-recovered")
            same(last["fd"]["incident"], first["fd"]["incident"], "fd.incident")
            same(daemon.actions(zoo.pid), ["fd-warning", "fd-recovered"], "alerts")


def test_effective_configuration():
    """What check-config prints is a configuration that says the same."""
    with Scratch() as scratch:
        text = "[thresholds]\nwarn=70%\n[rule a]\nname=x*\ncritical=99%\n"
        first = subprocess.run([FDWARDEN, "check-config", "-c", scratch.file("a", text)],
                               capture_output=True, text=True, check=False)
        same(first.returncode, 0, f"exit status, with {first.stderr!r}")
        check("warn = 70%" in first.stdout and "[rule a]" in first.stdout, first.stdout)
        second = subprocess.run(
            [FDWARDEN, "check-config", "-c", scratch.file("b", first.stdout)],
            capture_output=True, text=True, check=False)
        # but for the line that names the file
        same(second.stdout.splitlines()[:-1], first.stdout.splitlines()[:-1],
             "effective configuration of the effective one")


def test_stdout_off():
    with Scratch() as scratch:
        path = scratch.file("alerts")
        with Daemon("output.stdout=no", f"output.file={path}",
                    "snapshot.interval=200ms") as daemon, near() as zoo:
            zoo.expect("near")
            end = time.monotonic() + 5
            while not os.path.getsize(path) and time.monotonic() < end:
                time.sleep(0.01)
            check(os.path.getsize(path), "no alert in the file")
            same(len(daemon.alerts), 0, "alerts on standard output")


def test_an_output_that_is_missing():
    """Monitoring goes on without it; it is named, counted and tried again."""
    with Scratch() as scratch:
        path, hook = scratch.file("later/alerts.json"), scratch.file("later/hook")
        with Daemon("snapshot.interval=200ms", "thresholds.repeat=0", f"output.file={path}",
                    f"output.hook={hook}") as daemon, \
                Zoo("limit=64", "fill=55", "say=near", "wait") as standing:
            daemon.wait(standing.pid, "fd-warning")
            daemon.wait_log(f"output.file {path} can't be opened: No such file or directory")
            daemon.wait_log(f"output.hook {hook} can't be opened: No such file or directory")
            with Zoo("limit=64", "fill=55", "say=near", "wait") as zoo:
                daemon.wait(zoo.pid, "fd-warning")
            daemon.wait(zoo.pid, "fd-recovered")
            os.mkdir(scratch.file("later"))
            said = daemon.wait_log(f"output.file {path} is open now", 30)
            missed = int(said.rsplit(" ", 1)[1])
            check(missed >= 3, said)
            # The stream itself says so, and what stands is told again.
            wait_until(lambda: f'"pid":{standing.pid},' in read(path), 10, "what stands")
            first = json.loads(read(path).splitlines()[0])
            same((first["event"]["action"], first["loss"]["alerts"], first["loss"]["output"]),
                 ("alerts-lost", missed, "file"), "what it begins with")
            with Zoo("limit=64", "fill=55", "say=near", "wait") as zoo:
                daemon.wait(zoo.pid, "fd-warning")
                wait_until(lambda: f'"pid":{zoo.pid},' in read(path), 10, "its alert")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_log("configuration reloaded")
            same(daemon.process.poll(), None, "exit")
        for key, missing in (("file", scratch.file("never/x")), ("hook", scratch.file("no"))):
            done = subprocess.run(
                [FDWARDEN, "check-config", "-o", f"output.{key}={missing}"],
                capture_output=True, text=True, timeout=30, check=False)
            same(done.returncode, 1, f"check-config: {done.stderr}")
            check(f"output.{key} {missing}: No such file" in done.stderr, done.stderr)


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()
