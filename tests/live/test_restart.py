# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon is killed and started again: what stands goes on, and is no news."""
import fcntl
import json
import os
import stat
import subprocess
import time

from harness import Daemon, FDWARDEN, Scratch, Zoo, check, need_root, same, wait_until

FAST = "snapshot.interval=200ms"


def near(*more, used=55):
    return Zoo("limit=64", f"fill={used}", "say=near", "wait", *more)


def daemon_with(state, *options, **more):
    return Daemon(FAST, f"state.file={state}", *options, **more)


def kept(state):
    with open(state, encoding="utf-8") as text:
        return json.load(text)


def kept_of(state, pid):
    if not os.path.exists(state):
        return None
    return next((p for p in kept(state)["processes"] if p["pid"] == pid), None)


def kill_when_kept(daemon, state, condition=None):
    """SIGKILL once the file has it: at most a second later."""
    wait_until(lambda: os.path.exists(state) and (not condition or condition()), 3,
               "what stands in the state file")
    daemon.process.kill()
    daemon.process.wait()
    for thread in daemon.threads:
        thread.join(5)


def after(first, state, *options):
    """The next daemon; its alerts are checked as one story with the first one's, of
    the test's own processes: what happened to others just before the kill may not be
    kept."""
    daemon = daemon_with(state, *options)
    daemon.own_only = True
    with daemon.arrived:
        daemon.alerts[:0] = first.alerts
    return daemon


def test_standing_incident_goes_on():
    with Scratch() as scratch, near() as zoo:
        state = scratch.file("state.json")
        with daemon_with(state) as first:
            _, opened = first.wait(zoo.pid, "fd-warning")
            kill_when_kept(first, state, lambda: kept_of(state, zoo.pid))
        same(stat.S_IMODE(os.stat(state).st_mode), 0o640, "mode of the state file")
        with after(first, state) as second:
            second.wait_log("standing incident")
            time.sleep(0.6)
            same(second.actions(zoo.pid), ["fd-warning"], "alerts after a mere restart")
            zoo.end()
            _, closed = second.wait(zoo.pid, "fd-recovered")
            same(closed["fd"]["incident"], opened["fd"]["incident"], "fd.incident")
            check(closed["event"]["duration_ns"] > 0.6e9, "the incident began anew")


def test_restarted_many_times():
    """Each time killed as soon as it is ready."""
    with Scratch() as scratch, near() as zoo:
        state = scratch.file("state.json")
        with daemon_with(state) as daemon:
            daemon.wait(zoo.pid, "fd-warning")
            kill_when_kept(daemon, state, lambda: kept_of(state, zoo.pid))
        for _ in range(4):
            with after(daemon, state) as daemon:
                kill_when_kept(daemon, state)
        with after(daemon, state) as daemon:
            same(daemon.actions(zoo.pid), ["fd-warning"], "alerts")
            zoo.end()
            daemon.wait(zoo.pid, "fd-recovered")


def test_stopped_in_good_order():
    with Scratch() as scratch, near() as zoo:
        state = scratch.file("state.json")
        with daemon_with(state) as first:
            _, opened = first.wait(zoo.pid, "fd-warning")
        same(sorted(os.listdir(scratch.path)), ["state.json", "state.json.history"],
             "files that are left")
        with after(first, state) as second:
            time.sleep(0.5)
            zoo.end()
            _, closed = second.wait(zoo.pid, "fd-recovered")
            same(closed["fd"]["incident"], opened["fd"]["incident"], "fd.incident")
            same(second.actions(zoo.pid), ["fd-warning", "fd-recovered"], "alerts")


def test_gone_meanwhile():
    with Scratch() as scratch, near() as zoo:
        state = scratch.file("state.json")
        with daemon_with(state) as first:
            _, opened = first.wait(zoo.pid, "fd-warning")
            kill_when_kept(first, state, lambda: kept_of(state, zoo.pid))
        zoo.end()
        with after(first, state) as second:
            _, closed = second.wait(zoo.pid, "fd-recovered")
            same(closed["fd"]["incident"], opened["fd"]["incident"], "fd.incident")
            same(closed["fd"]["reason"], "exited", "fd.reason")
            same(closed["process"], opened["process"], "what is known of it")


def test_recovered_meanwhile():
    with Scratch() as scratch, near("close=45", "say=well", "wait") as zoo:
        state = scratch.file("state.json")
        with daemon_with(state) as first:
            _, opened = first.wait(zoo.pid, "fd-warning")
            kill_when_kept(first, state, lambda: kept_of(state, zoo.pid))
        zoo.go()
        zoo.expect("well")
        with after(first, state) as second:
            _, closed = second.wait(zoo.pid, "fd-recovered")
            same(closed["fd"]["incident"], opened["fd"]["incident"], "fd.incident")
            same(closed["fd"]["reason"], "closed", "fd.reason")
            same(closed["fd"]["used"], 10, "fd.used")


def test_worse_meanwhile():
    """What is new since is told, in the same incident."""
    with Scratch() as scratch, near("fill=62", "say=worse", "wait") as zoo:
        state = scratch.file("state.json")
        with daemon_with(state) as first:
            _, opened = first.wait(zoo.pid, "fd-warning")
            kill_when_kept(first, state, lambda: kept_of(state, zoo.pid))
        zoo.go()
        zoo.expect("worse")
        with after(first, state) as second:
            _, worse = second.wait(zoo.pid, "fd-critical")
            same(worse["fd"]["incident"], opened["fd"]["incident"], "fd.incident")


def test_refusals_add_up():
    """Those that a daemon saw, before and after; none that nobody saw."""
    with Scratch() as scratch, \
            Zoo("limit=64", "refuse=openat:7", "say=a", "wait", "refuse=openat:100", "say=b",
                "wait", "refuse=openat:5", "say=c", "wait") as zoo:
        state = scratch.file("state.json")
        zoo.expect("a")
        with daemon_with(state) as first:
            first.wait(zoo.pid, "fd-critical")
            zoo.go()
            zoo.expect("b")
            first.wait(zoo.pid, "fd-exhausted")
            kill_when_kept(first, state, lambda: (kept_of(state, zoo.pid) or {}).get(
                "refused", [{}])[0].get("count") == "100")
        with after(first, state) as second:
            zoo.go()
            zoo.expect("c")
            time.sleep(0.5)
            zoo.end()
            _, closed = second.wait(zoo.pid, "fd-recovered")
            same(closed["fd"]["refused"],
                 {"emfile": 105, "enfile": 0, "by_syscall": {"openat": 105}}, "fd.refused")


def test_found_at_start():
    """Once, marked as such; what comes later is not."""
    with near(used=62) as old, Daemon(FAST) as daemon:
        _, alert = daemon.wait(old.pid, "fd-critical")
        same(alert["fd"].get("found_at_start"), True, "fd.found_at_start")
        with near() as new:
            _, alert = daemon.wait(new.pid, "fd-warning")
            check("found_at_start" not in alert["fd"], "marked though it was seen to come")
        old.end()
        _, alert = daemon.wait(old.pid, "fd-recovered")
        check("found_at_start" not in alert["fd"], "the recovery is marked")
        same(daemon.actions(old.pid), ["fd-critical", "fd-recovered"], "alerts")


def test_sealed_stays_sealed():
    """With its table just full, only who saw it lower its limit knows."""
    with Scratch() as scratch, \
            Zoo("limit=64", "fill=40", "say=before", "wait", "limit=40", "say=sealed",
                "wait") as zoo:
        state = scratch.file("state.json")
        zoo.expect("before")
        with daemon_with(state) as first:
            zoo.go()
            zoo.expect("sealed")
            kill_when_kept(first, state, lambda: kept_of(state, zoo.pid))
        with after(first, state) as second:
            time.sleep(0.5)
            same(second.actions(zoo.pid), [], "alerts of a sealed process")


def test_useless_state():
    """Damaged, of another boot or another version: said, and nothing taken up."""
    with Scratch() as scratch, near() as zoo:
        state = scratch.file("state.json")
        with daemon_with(state) as first:
            first.wait(zoo.pid, "fd-warning")
            kill_when_kept(first, state, lambda: kept_of(state, zoo.pid))
        with open(state, encoding="utf-8") as file:
            text = file.read()
        boot = json.loads(text)["boot"]
        for what, other in (("damaged", text[:-20]), ("damaged", ""),
                            ("boot", text.replace(boot, boot[::-1])),
                            ("version", text.replace('"version":1', '"version":2'))):
            scratch.file("state.json", other)
            with daemon_with(state) as second:
                line = second.wait_log("is not used")
                check(what in line, f"{what} is not said: {line}")
                _, alert = second.wait(zoo.pid, "fd-warning")
                same(alert["fd"].get("found_at_start"), True, "fd.found_at_start")


def test_no_directory():
    """Run by hand: one line, and all else as ever."""
    with Scratch() as scratch, near() as zoo:
        state = scratch.file("none/state.json")
        with daemon_with(state) as daemon:
            daemon.wait_log("no state is kept")
            daemon.wait(zoo.pid, "fd-warning")
        with Daemon(FAST, "state.file=") as daemon:
            same([line for line in daemon.log if "state" in line], [], "lines of the log")


def test_two_daemons_with_one_file():
    """The second one says whose it is and leaves, without an alert of its own."""
    with Scratch() as scratch, near() as zoo:
        state = scratch.file("state.json")
        with daemon_with(state) as first:
            second = subprocess.run(
                [FDWARDEN, "daemon", "-c", "/dev/null", "-o", f"state.file={state}",
                 "-o", "socket.path="],
                capture_output=True, text=True, timeout=60, check=False)
            same((second.returncode, second.stdout), (1, ""), "status and alerts")
            check("another daemon runs" in second.stderr and
                  f"(pid {first.pid})" in second.stderr, second.stderr)
            daemon_alive(first, zoo)
            same(kept(state)["self"]["pid"], first.pid, "whose state it is")
        # The lock goes with its owner, not with its file.
        with daemon_with(state) as third:
            wait_until(lambda: kept(state)["self"]["pid"] == third.pid, 5, "its state")


def test_a_lock_whose_owner_is_not_known():
    """Half a number, of a disk that was full, is nobody's: no pid is named."""
    with Scratch() as scratch:
        state = scratch.file("state.json")
        with open(f"{state}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for text, named in (("12", ""), ("", ""), ("12\n", " (pid 12)")):
                lock.seek(0)
                lock.truncate()
                lock.write(text)
                lock.flush()
                done = subprocess.run(
                    [FDWARDEN, "daemon", "-c", "/dev/null", "-o", f"state.file={state}",
                     "-o", "socket.path="],
                    capture_output=True, text=True, timeout=60, check=False)
                same(done.returncode, 1, "status")
                check(f"another daemon runs with this state.file, {state}{named}: stop it"
                      in done.stderr, f"of {text!r} it says {done.stderr}")


def test_the_lock_is_the_daemons_alone():
    """Who may read the state, a member of the socket's group, must not hold the lock: the
    next daemon would not start. One that an earlier daemon has left is taken back."""
    with Scratch() as scratch:
        state = scratch.file("state.json")
        for left in (None, 0o640):
            if left:
                os.close(os.open(f"{state}.lock", os.O_CREAT | os.O_WRONLY, left))
                os.chmod(f"{state}.lock", left)
            with daemon_with(state):
                mode = stat.S_IMODE(os.stat(f"{state}.lock").st_mode)
                same(oct(mode), oct(0o600), "mode of the lock")


def daemon_alive(daemon, zoo):
    daemon.wait(zoo.pid, "fd-warning")
    same(daemon.process.poll(), None, "the first one's exit")


def test_full_disk():
    """Said once, tried again, and what was written before stays whole."""
    need_root()
    with Scratch() as scratch, near() as zoo:
        disk = scratch.file("disk")
        os.mkdir(disk)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk],
                              capture_output=True, check=False)
        check(done.returncode == 0, f"no tmpfs: {done.stderr!r}")
        try:
            state = os.path.join(disk, "state.json")
            with daemon_with(state) as daemon:
                daemon.wait(zoo.pid, "fd-warning")
                wait_until(lambda: kept_of(state, zoo.pid), 3, "the incident in the file")
                with open(os.path.join(disk, "full"), "wb", buffering=0) as full:
                    try:
                        while full.write(b"x" * 4096):
                            pass
                    except OSError:
                        pass
                daemon.wait_log("can't be written", 10)
                check(kept_of(state, zoo.pid), "what was there is gone")
                os.unlink(os.path.join(disk, "full"))
                daemon.wait_log("is written again", 5)
                failures = kept(state)["self"]["state_failures"]
                check(failures > 0, f"{failures} failures are counted")
            lines = [line for line in daemon.log if "can't be written" in line]
            same(len(lines), 1, "lines of the log about it")
        finally:
            subprocess.run(["umount", disk], check=False)


def figures(*arguments):
    done = subprocess.run([FDWARDEN, *arguments], capture_output=True, timeout=30, check=False)
    same(done.returncode, 0, f"exit status, with {done.stderr!r}")
    return done.stdout.decode()


def test_figures_of_its_own():
    with Scratch() as scratch:
        state = scratch.file("state.json")
        conf = scratch.file("conf", f"[state]\nfile = {state}\n")
        alone = json.loads(figures("ps", "--json", "-c", conf, str(os.getpid())))["self"]
        same(sorted(alone), ["snapshot", "snapshot_ns", "torn"], "self without a daemon")
        check("no daemon is running" in figures("features", "-c", conf), "features is silent")
        with Daemon(config=conf) as daemon:
            wait_until(lambda: os.path.exists(state), 3, "the state file")
            own = json.loads(figures("ps", "--json", "-c", conf, str(os.getpid())))["self"]
            same(own["pid"], daemon.pid, "self.pid")
            for name in ("dropped", "torn", "drift", "missed", "malformed", "alerts_lost",
                         "snapshots_failed", "refusals_uncounted"):
                check(isinstance(own[name], int), f"self.{name} is {own.get(name)!r}")
            check(own["snapshot_ns"] > 0 and own["snapshot_at"].endswith("Z"), str(own))
            check(f"pid {daemon.pid}: sensor {own['sensor']}" in figures("features", "-c", conf),
                  "features does not show the daemon")
        alone = json.loads(figures("ps", "--json", "-c", conf, str(os.getpid())))["self"]
        check("pid" not in alone, "figures of a daemon that has ended")
