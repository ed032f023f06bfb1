# SPDX-License-Identifier: GPL-2.0-or-later
"""What is missing, wrong, full, closed or stopped: it says so, or goes on."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import resource

from harness import (FDWARDEN, FDZOO, Daemon, Scratch, Skip, Zoo, check, listed, need_root,
                     note, own_name, parse_alert, read_alert_file, same, wait_until)

FAST = "snapshot.interval=200ms"


def run(*arguments, seconds=15, **options):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=seconds,
                          check=False, **options)


def one_line(done, status):
    same(done.returncode, status, f"exit status, with {done.stderr!r}")
    lines = done.stderr.splitlines()
    same(len(lines), 1, f"lines of error, {lines}")
    return lines[0]


def as_nobody():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


def test_without_root():
    need_root()
    with Scratch() as scratch:  # where nobody may read it
        program = shutil.copy(FDWARDEN, scratch.path)
        for command in ("daemon", "ps"):
            line = one_line(run(program, command, preexec_fn=as_nobody, cwd="/"), 1)
            check("CAP_BPF" in line, f"no capability is named: {line}")


def test_without_btf():
    need_root()
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        raise Skip("this kernel has none anyway")
    hide = f"mount -t tmpfs none /sys/kernel/btf && exec {FDWARDEN} daemon"
    done = run("unshare", "-m", "sh", "-c", hide)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        raise Skip(f"mounts can't be made here: {done.stderr.strip()}")
    line = one_line(done, 1)
    check("btf" in line.lower() and "CONFIG_DEBUG_INFO_BTF" in line, f"it says: {line}")


def test_without_the_number_of_cpus():
    """The kernel writes a word for each possible CPU, whatever room it is given."""
    need_root()
    hide = ("mount --bind /dev/null /sys/devices/system/cpu/possible && "
            f"exec {FDWARDEN} daemon -o socket.path= -o state.file= -o incidents.path=")
    done = run("unshare", "-m", "sh", "-c", hide)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        raise Skip(f"mounts can't be made here: {done.stderr.strip()}")
    line = one_line(done, 1)
    check("/sys/devices/system/cpu/possible" in line, f"it says: {line}")


BAD = {
    "unknown key": ("[thresholds]\nwarn = 80%\nwran = 80%\n", 3, "wran"),
    "unknown section": ("[treshold]\nwarn = 80%\n", 1, "treshold"),
    "bad value": ("\n[thresholds]\nwarn = many\n", 3, "many"),
    "out of range": ("[snapshot]\ninterval = 1ms\n", 2, "100ms"),
    "levels": ("[thresholds]\nwarn = 96%\n", None, "critical"),
    "no key": ("[thresholds]\nwarn\n", 2, ""),
    "bad rule": ("[rule a]\nname = x\nignore = perhaps\n", 3, "perhaps"),
}


def test_bad_configuration():
    need_root()
    with Scratch() as scratch:
        for what, (text, where, says) in BAD.items():
            path = scratch.file("bad.conf", text)
            for command in ("daemon", "check-config"):
                line = one_line(run(FDWARDEN, command, "-c", path), 2)
                place = f"{path}:{where}:" if where else path
                check(place in line and says in line, f"{what}: {command} says: {line}")
        line = one_line(run(FDWARDEN, "daemon", "-c", scratch.file("none.conf")), 2)
        check("none.conf" in line, f"a missing file: {line}")


def test_bad_option():
    need_root()
    for option in ("thresholds.warn=200%", "thresholds.nothing=1", "nonsense"):
        line = one_line(run(FDWARDEN, "daemon", "-o", option), 2)
        check(option.split("=")[0] in line, f"it says: {line}")
    line = one_line(run(FDWARDEN, "deamon"), 2)
    check("deamon" in line, f"it says: {line}")


def still_alerts(daemon, path):
    """A process's alerts come to the file, whatever has become of the rest."""
    with Zoo("limit=64", "refuse=openat:2", "wait") as zoo:
        wait_until(lambda: f'"pid":{zoo.pid},' in open(path, encoding="utf-8").read(), 5,
                   "the alert in the file")
    check(daemon.process.poll() is None, "it ended")


def test_stdout_closed_from_the_start():
    with Scratch() as scratch:
        path = scratch.file("alerts")
        with Daemon(FAST, f"output.file={path}", stdout=None,
                    preexec_fn=lambda: os.close(1)) as daemon:
            still_alerts(daemon, path)
        read_alert_file(path)


def test_stdout_closed_by_its_reader():
    with Scratch() as scratch:
        path = scratch.file("alerts")
        with Daemon(FAST, f"output.file={path}", read=False) as daemon:
            daemon.process.stdout.close()
            daemon.process.stdout = None
            still_alerts(daemon, path)
            daemon.wait_log("stdout")
            still_alerts(daemon, path)
        check(any(re.search(r"stdout.*lost|lost.*stdout", line) for line in daemon.log),
              f"no word of what was lost: {daemon.log}")
        read_alert_file(path)


def test_full_device():
    with Daemon(FAST, "output.file=/dev/full") as daemon:
        with Zoo("limit=64", "refuse=openat:2", "wait") as zoo:
            daemon.wait(zoo.pid, "fd-exhausted")
            daemon.wait_log("No space left")
    check(any("lost" in line for line in daemon.log), f"the loss is not stated: {daemon.log}")


def mount_small(path, size="64k"):
    os.mkdir(path)
    done = run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", path)
    if done.returncode:
        raise Skip(f"a file system can't be mounted here: {done.stderr.strip()}")


def test_full_disk_and_space_again():
    need_root()
    with Scratch() as scratch:
        disk = scratch.file("disk")
        mount_small(disk)
        try:
            path, ballast = f"{disk}/alerts", f"{disk}/ballast"
            with Daemon(FAST, f"output.file={path}") as daemon:
                with Zoo("limit=64", "fill=55", "wait") as zoo:
                    daemon.wait(zoo.pid, "fd-warning")
                wait_until(lambda: os.path.getsize(path) > 0, 5, "the file's first alert")
                subprocess.run(["sh", "-c", f"head -c 100k /dev/zero > {ballast}"],
                               stderr=subprocess.DEVNULL, check=False)
                padding = "say=" + 4000 * "x"  # more than the rest of its last page
                for _ in range(3):
                    with Zoo("limit=64", "refuse=openat:1", "wait", padding) as zoo:
                        daemon.wait(zoo.pid, "fd-exhausted")
                daemon.wait_log("No space left")
                os.unlink(ballast)
                with Zoo("limit=64", "refuse=openat:1", "wait") as last:
                    daemon.wait(last.pid, "fd-exhausted")
                daemon.wait(last.pid, "fd-recovered")
            with open(path, "rb") as lines:
                text = lines.read()
            wrong = []
            alerts = [parse_alert(line, wrong) for line in text.splitlines(True)]
            same(wrong, [], "broken lines in the file")
            check(text.endswith(b"\n"), "the file ends within a line")
            check(last.pid in [a["process"]["pid"] for a in alerts if "process" in a],
                  "with space again, alerts did not come to the file")
            check(any(re.search(r"\b\d+ alerts? lost", line) for line in daemon.log),
                  f"the number lost is not stated: {daemon.log}")
        finally:
            run("umount", disk)


def copies_of_fdzoo(scratch, number):
    """Programs of their own, that are not grouped with each other."""
    for i in range(number):
        yield shutil.copy(FDZOO, scratch.file(own_name(i)))


def flood(programs, padding):
    """Three long alerts of each process, and its recovery."""
    zoos = [Zoo("limit=64", "fill=52", "sleep=20", "fill=61", "sleep=20", "refuse=openat:1",
                "say=done", "wait", padding, program=program)
            for program in programs for _ in range(4)]
    for zoo in zoos:
        zoo.expect("done")
    for zoo in zoos:
        zoo.end()


def test_stopped_reader():
    """More than a pipe and the queue hold, and nobody reads. The file has all."""
    with Scratch() as scratch:
        path = scratch.file("alerts")
        programs = list(copies_of_fdzoo(scratch, 15))
        padding = "say=" + 3900 * "x"
        # Levels that last for milliseconds are what makes the flood.
        with Daemon(FAST, "thresholds.dwell=0", f"output.file={path}", read=False,
                    lossy=True) as daemon:
            for _ in range(4):
                flood(programs, padding)
                time.sleep(1.5)  # the groups forget
            wait_until(lambda: os.path.getsize(path) > 3 << 20, 5, "3 MiB of alerts")
            with Zoo("limit=64", "refuse=openat:2", "wait") as zoo:
                wait_until(lambda: f'"pid":{zoo.pid},' in open(path, encoding="utf-8").read(),
                           5, "an alert in the file meanwhile")
            daemon.read()
            time.sleep(1)
        in_file = len(read_alert_file(path))
        # What is lost is told in the stream that it is lost from, and in no other.
        on_stdout = sum(alert["event"]["action"] != "alerts-lost"
                        for _, alert in daemon.alerts)
        said = [int(number) for line in daemon.log if "stdout" in line
                for number in re.findall(r"(\d+) alerts? lost", line)]
        note(f"{in_file} alerts, {on_stdout} came to the reader, {said} are said to be lost")
        check(on_stdout < in_file, "nothing was lost: the test did not fill the queue")
        same(sum(said), in_file - on_stdout, "alerts that are said to be lost")


def test_stopped_reader_at_the_end():
    """SIGTERM while nobody reads: it ends all the same, and says what it lost."""
    with Scratch() as scratch:
        programs = list(copies_of_fdzoo(scratch, 10))
        daemon = Daemon(FAST, read=False)
        with daemon:
            flood(programs, "say=" + 3900 * "x")
            time.sleep(1)
            daemon.process.send_signal(signal.SIGTERM)
            same(daemon.process.wait(10), 0, "exit status")
            daemon.threads[0].join(5)
        check(any("lost" in line for line in daemon.log), f"no word of loss: {daemon.log}")


def test_own_table_full():
    """It has no descriptor left, and alerts all the same."""
    with Daemon(FAST) as daemon:
        now = listed(daemon.pid)
        hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[1]
        # the limit is of numbers: none is free below the count, none above it counts
        numbers = {int(fd) for fd in os.listdir(f"/proc/{daemon.pid}/fd")}
        lowest_free = next(n for n in range(now + 1) if n not in numbers)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (lowest_free, hard))
        with Zoo("limit=64", "fill=55", "say=near", "wait", "refuse=openat:4", "wait",
                 "close_all", "wait") as zoo:
            daemon.wait(zoo.pid, "fd-warning")
            zoo.go()
            _, alert = daemon.wait(zoo.pid, "fd-exhausted")
            check(alert["process"].get("command_line"), "no command line")
            zoo.go()
            _, alert = daemon.wait(zoo.pid, "fd-recovered")
            same(alert["fd"]["refused"]["emfile"], 4, "refusals")
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (hard, hard))


def test_watchdog_is_fed_without_descriptors():
    """The service manager is told that it lives when no file can be opened: then most of all
    it must not be ended and started again."""
    with Scratch() as scratch, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = scratch.file("notify")
        manager.bind(path)
        manager.settimeout(10)
        variables = {**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1500000"}
        variables.pop("WATCHDOG_PID", None)

        def told(text):
            while text not in manager.recv(4096).decode():
                pass

        with Daemon(env=variables) as daemon:
            told("READY=1")
            told("WATCHDOG=1")
            before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1, before[1]))
            # What was under way before is out after the first.
            for _ in range(3):
                told("WATCHDOG=1")
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
            daemon.process.send_signal(signal.SIGHUP)
            told("RELOADING=1")
            told("READY=1")
            daemon.process.terminate()
            told("STOPPING=1")
            same(daemon.process.wait(20), 0, "exit status")


def test_ready_is_told_to_a_busy_manager():
    """One that has no room for it just then is told all the same: it would wait in vain."""
    with Scratch() as scratch, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        path = scratch.file("notify")
        manager.bind(path)
        manager.settimeout(10)
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"STATUS=busy", path)
        with Daemon(env={**os.environ, "NOTIFY_SOCKET": path}):
            time.sleep(0.5) # it is at its READY=1
            while "READY=1" not in manager.recv(4096).decode():
                pass


def test_paused_daemon():
    """Stopped for a while, it has missed nothing that still stands."""
    with Daemon(FAST) as daemon, \
            Zoo("limit=64", "wait", "refuse=openat:50", "say=done", "wait") as zoo:
        daemon.process.send_signal(signal.SIGSTOP)
        zoo.go()
        zoo.expect("done")
        time.sleep(1)
        daemon.process.send_signal(signal.SIGCONT)
        daemon.wait(zoo.pid, "fd-exhausted")
        zoo.end()
        _, alert = daemon.wait(zoo.pid, "fd-recovered")
        same(alert["fd"]["refused"]["emfile"], 50, "refusals")


def test_two_daemons():
    """One does not disturb the other."""
    with Daemon(FAST) as first, Daemon(FAST) as second, \
            Zoo("limit=64", "refuse=openat:5", "wait") as zoo:
        for daemon in (first, second):
            daemon.wait(zoo.pid, "fd-exhausted")
        zoo.end()
        for daemon in (first, second):
            _, alert = daemon.wait(zoo.pid, "fd-recovered")
            same(alert["fd"]["refused"]["emfile"], 5, "refusals")
