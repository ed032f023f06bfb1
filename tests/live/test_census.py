# SPDX-License-Identifier: GPL-2.0-or-later
"""What the census says of a process's descriptors, against /proc and lsof."""
import contextlib
import ctypes
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time

from agreement import (CENSUS, agree, census, check_against_proc, from_lsof, from_proc, named,
                       parse_all, run_census)
from harness import (FDWARDEN, FDZOO, ROOT, Scratch, Skip, Zoo, check, listed, need_limit,
                     need_root, note, ps, same, unused_uid)


class Descriptors:
    """A process with one of every kind (descriptors.py)."""

    def __init__(self, directory):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(ROOT, "tests/live/descriptors.py"), directory],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid

    def entries(self):
        line = self.process.stdout.readline()
        check(line, "descriptors.py said nothing")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def check_wanted(entry, d):
    for key, value in entry["want"].items():
        got = d.get(key, "")
        if isinstance(got, bytes):
            got = got.decode("utf-8", "surrogateescape")
        same(got, value, f"{entry['name']}: {key}")


# ---- tests ----

def test_every_kind():
    with Scratch() as scratch, Descriptors(scratch.path) as process:
        entries = process.entries()
        lacking = [f"{e['name']} ({e['skip']})" for e in entries if "skip" in e]
        entries = [e for e in entries if "fd" in e]
        said, _ = agree(process.pid)
        for entry in entries:
            check(entry["fd"] in said, f"{entry['name']} is not told")
            check_wanted(entry, said[entry["fd"]])
        first, second, third = (said[e["fd"]]["file"] for e in entries
                                if e["name"] in ("file", "file, duplicate",
                                                 "file, the same again"))
        check(first == third != second, "which share their open file")
        note(f"{len(entries)} descriptors; not to be had here: {', '.join(lacking) or 'none'}")
        check(len(entries) > 70, "there are only few")


def zoo_ways():
    lines = subprocess.run([FDZOO, "ways"], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in lines.stdout.splitlines()]


def test_every_way():
    """Whatever way they came in, the census knows them."""
    lacking, held = [], 0
    for way in zoo_ways():
        with Zoo(f"prepare={way}", f"{way}=3", "say=there", "wait") as zoo:
            try:
                zoo.expect("there")
            except Skip as reason:
                lacking.append(str(reason))
                zoo.process.wait(10)
                continue
            said, _ = agree(zoo.pid)
            for d in said.values():
                check(d["kind"] != "unknown", f"{way}: {d}")
            same(len(said), ps(zoo.pid)[zoo.pid]["fd"]["count"], "the snapshot's count")
            held += len(said) - 3
            zoo.process.stdin.close()
            zoo.process.wait(10)
    note(f"{held} descriptors; ways not to be had here: {', '.join(lacking) or 'none'}")


def test_threads():
    """A table of a thread's own, and one whose main thread has exited."""
    with Zoo("openat=20", "thread_table=30", "say=there", "wait") as zoo:
        zoo.expect("there")
        tid = int(zoo.said("thread")[0][1])
        said, figures = census(zoo.pid)
        same(sorted(said), sorted(from_proc(zoo.pid)), "the process's table")
        same(figures["tid"], str(zoo.pid), "whose table it is")
        own, figures = agree(zoo.pid, tid, lsof=False)
        same(figures["tid"], str(tid), "whose table it is")
        same(len(own), len(said) + 30, "the thread's table")
        said, _ = census(zoo.pid, zoo.pid)
        same(sorted(said), sorted(from_proc(zoo.pid)), "the main thread's table")
    with Zoo("leaderless", "openat=70", "say=there", "wait") as zoo:
        zoo.expect("there")
        said, figures = census(zoo.pid)
        check(figures["tid"] not in ("0", str(zoo.pid)), "no thread stands in")
        same(sorted(said), sorted(from_proc(zoo.pid, int(figures["tid"]))), "its table")
        check(len(said) >= 73, "only few are there")


def test_none_and_few():
    done = run_census(2 ** 22 - 1)
    check(done.returncode == 1 and "No such process" in done.stderr, f"no process: {done}")
    with Zoo("openat=100", "say=there", "wait") as zoo:
        zoo.expect("there")
        done = run_census(zoo.pid, 1)
        check(done.returncode == 1 and "No such process" in done.stderr, f"no thread: {done}")
        said, figures = census("-m", 10, zoo.pid)
        same(sorted(said), sorted(from_proc(zoo.pid))[:10], "the first ten")
        same(int(figures["cut"]), listed(zoo.pid) - 10, "those that were counted only")
    with Zoo("close_range=0:9999", "sleep=3000") as zoo:
        time.sleep(0.5)
        same(census(zoo.pid)[0], {}, "a process without descriptors")


def test_start_and_identity():
    """Of the process that was read, so that a later one with its pid is told apart."""
    with Zoo("say=there", "wait") as zoo:
        zoo.expect("there")
        _, figures = census(zoo.pid)
        with open(f"/proc/{zoo.pid}/stat", encoding="ascii", errors="replace") as line:
            ticks = int(line.read().rpartition(")")[2].split()[19])
        same(int(figures["start"]) // (10 ** 9 // os.sysconf("SC_CLK_TCK")), ticks,
             "the start in ticks")


def test_at_its_own_limit():
    """Nothing can be opened any more, and it reads again and again."""
    with Zoo("openat=200", "say=there", "wait") as zoo:
        zoo.expect("there")
        said, _ = census("-f", "-n", 5, zoo.pid)
        same(sorted(said), sorted(from_proc(zoo.pid)), "the descriptors")


def test_as_nobody():
    """CAP_BPF and CAP_PERFMON are enough, for paths of others' processes as well."""
    if not shutil.which("setpriv"):
        raise Skip("setpriv is not installed")
    uid = unused_uid()
    with Scratch() as scratch, Zoo("openat=5", "socketpair=2", "say=there", "wait") as zoo:
        zoo.expect("there")
        program = shutil.copy(CENSUS, scratch.file("census"))
        caps = "-all,+bpf,+perfmon"
        done = subprocess.run(
            ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
             f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set={caps}",
             program, str(zoo.pid)], capture_output=True, text=True, check=False, timeout=60)
        check(done.returncode == 0, f"it ended with {done.returncode}: {done.stderr}")
        said, _ = parse_all(done.stdout)
        before = from_proc(zoo.pid)
        same(sorted(said), sorted(before), "the descriptors")
        for fd, d in said.items():
            named(d, check_against_proc, before[fd])
        done = subprocess.run(["setpriv", f"--reuid={uid}", "--clear-groups",
                               "--inh-caps=-all", "--bounding-set=-all", program,
                               str(zoo.pid)], capture_output=True, text=True, check=False,
                              timeout=60)
        check(done.returncode == 1 and "not permitted" in done.stderr,
              f"without capabilities: {done}")


HOSTILE = (b'quote " and \' and \\', b"two\nlines\r\ttabs", b"\x1b[31mred\x1b]0;title\x07",
           b"\xff\xfe invalid \xc3\x28 utf-8 \xed\xa0\x80", b"$(reboot) `id` %s%n",
           b"\xe2\x80\xae right to left", b" leading and trailing ", b"x" * 255,
           b"name (deleted)", b"->[1]:80 type=STREAM")


@contextlib.contextmanager
def deep_directory(top, length):
    """A descriptor of a directory whose path is longer than a path may be."""
    part, fds = b"d" * 200, [os.open(top, os.O_RDONLY)]
    try:
        for _ in range(length // 200):
            os.mkdir(part, dir_fd=fds[-1])
            fds.append(os.open(part, os.O_RDONLY, dir_fd=fds[-1]))
        yield fds[-1]
    finally:
        for fd in fds:
            os.close(fd)


def test_hostile_names():
    need_root()
    libc = ctypes.CDLL(None)
    with Scratch() as scratch, contextlib.ExitStack() as stack:
        top, wanted = os.fsencode(scratch.path), {}
        for name in HOSTILE:
            path = os.path.join(top, name)
            fd = os.open(path, os.O_RDWR | os.O_CREAT)
            stack.callback(os.close, fd)
            wanted[fd] = {"path": path, "deleted": "0"}
            if len(name) < 200:
                wanted |= hostile_others(libc, stack, path, name)
        with deep_directory(top, 6000) as deep:
            fd = os.open(b"bottom\n", os.O_RDWR | os.O_CREAT, dir_fd=deep)
            stack.callback(os.close, fd)
            said, _ = census(os.getpid())
            check(said[fd]["cut"] == "1", "it does not say that it is cut")
            check(said[fd]["path"].endswith(b"d" * 200 + b"/bottom\n"), "its end")
            check(3500 < len(said[fd]["path"]) <= 4096, f"{len(said[fd]['path'])} bytes")
        for fd, want in wanted.items():
            for key, value in want.items():
                same(said[fd].get(key), value, key)


def hostile_others(libc, stack, path, name):
    """Sockets and memory of such a name."""
    wanted = {}
    memory = libc.memfd_create(name, 0)
    stack.callback(os.close, memory)
    wanted[memory] = {"path": b"/memfd:" + name}
    for address in (path[:99] + b".s", b"\0" + name[:50] + b"\0" + path[-40:]):
        server = stack.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(address)
        server.listen(1)
        client = stack.enter_context(socket.socket(socket.AF_UNIX))
        client.connect(address)
        shown = address if address[0] else address.replace(b"\0", b"@")
        wanted[server.fileno()] = {"path": shown}
        wanted[client.fileno()] = {"peer_path": shown}
    return wanted


def test_during_a_storm():
    """What stays open is told each time, whatever opens and closes beside it."""
    with Zoo("pipe=20", "openat=60", "say=there", "storm=50000:6000", "wait") as zoo:
        zoo.expect("there")
        kept = {fd: entry["stat"].st_ino for fd, entry in from_proc(zoo.pid).items()
                if fd < 103}
        same(len(kept), 103, "what it keeps")
        for _ in range(20):
            said, _ = census("-n", 20, zoo.pid)
            for fd, ino in kept.items():
                check(fd in said, f"{fd} is missing")
                same(int(said[fd]["inode"]), ino, f"the inode of {fd}")
            check(len(said) <= 105, f"{len(said)} descriptors")


def test_exit_meanwhile():
    """It tells what was still there, or that there is nothing."""
    need_limit(6000)
    whole = part = none = 0
    for at in range(24):
        with Zoo("limit=6000", "openat=5000", "say=there", "wait") as zoo:
            zoo.expect("there")
            with subprocess.Popen([CENSUS, "-w", str(zoo.pid)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) as reader:
                same(reader.stdout.readline(), "loaded\n", "the census's first line")
                reader.stdin.write("\n")
                reader.stdin.flush()
                time.sleep(random.uniform(0, 0.0004) * (at % 6))
                zoo.kill()
                output, errors = reader.communicate(timeout=30)
            if reader.returncode:
                check("No such process" in errors, f"it failed: {errors}")
                none += 1
                continue
            said, figures = parse_all(output)
            for d in said.values():
                check(d["kind"] != "unknown", f"{d}")
            whole += figures["exited"] == "0"
            part += figures["exited"] == "1"
            check(figures["exited"] == "1" or len(said) >= 5003,
                  f"{len(said)} descriptors, and not that it exited")
    note(f"{whole} whole, {part} in part, {none} gone")


def test_large_and_quick():
    """20,000 descriptors, ten times faster than lsof."""
    need_limit(19100)
    with open(CENSUS, "rb") as program:
        sanitized = b"__asan_init" in program.read()
    with Zoo("limit=19100", "openat=19000", "say=there", "wait") as zoo:
        zoo.expect("there", 30)
        said, figures = census("-n", 20, zoo.pid)
        same(len(said), listed(zoo.pid), "how many there are")
        start = time.monotonic()
        files = from_lsof(zoo.pid)
        lsof_ms = (time.monotonic() - start) * 1e3
        same(len(files), len(said), "how many lsof has")
        same(sorted(fd for fd in files if fd >= 0), [fd for fd in sorted(said) if fd < 10000],
             "the numbers that lsof has")
        took_ms = float(figures["best_us"]) / 1e3  # the machine may do other things
        note(f"{len(said)} descriptors: {float(figures['median_us']) / 1e3:.1f} ms "
             f"(best {took_ms:.1f}), lsof {lsof_ms:.0f} ms; loaded in "
             f"{float(figures['load_us']) / 1e3:.0f} ms, {figures['load_kb']} KiB, "
             f"RSS {figures['rss_kb']} KiB; {figures['method']}")
        if not sanitized:
            check(lsof_ms > 10 * took_ms, f"lsof takes {lsof_ms:.0f} ms, it {took_ms:.1f} ms")


def test_features_names_it():
    need_root()
    done = subprocess.run([FDWARDEN, "features"], capture_output=True, text=True, check=False,
                          timeout=60)
    check(re.search(r"^census +iter/task_file, .*: (task filter|in program);", done.stdout,
                    re.M), f"features says {done.stdout}")
