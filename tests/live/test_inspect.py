# SPDX-License-Identifier: GPL-2.0-or-later
"""`fdwarden inspect` and `fdwarden raise`: one process, looked at by hand."""
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time

from harness import (FDWARDEN, FDZOO, Scratch, Skip, Zoo, boot_ns, check, inspect, need_root, note,
                     same, wait_until)
from programs import Program
from terminal import Terminal


def run(*arguments, **options):
    need_root()
    return subprocess.run([FDWARDEN, *map(str, arguments)], capture_output=True, timeout=60,
                          check=False, **options)


def page(pid, locale="C.UTF-8"):
    done = run("inspect", pid, env={**os.environ, "LC_ALL": locale})
    check(done.returncode == 0, f"inspect ended with {done.returncode}: {done.stderr!r}")
    return done.stdout


def counts(document):
    return {kind["type"]: kind["count"] for kind in document["fd"]["types"]}


KINDS = """
import os, select, socket, sys, signal, tempfile, ctypes
libc = ctypes.CDLL(None, use_errno=True)
keep = []
where = sys.argv[1]
keep.append(open(os.path.join(where, "regular"), "w"))
gone = open(os.path.join(where, "gone"), "w"); os.unlink(gone.name); keep.append(gone)
keep.append(os.open(where, os.O_RDONLY | os.O_DIRECTORY))
keep.append(os.pipe())
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen(5)
client = socket.create_connection(server.getsockname()); keep += [server, client, server.accept()]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 0)); keep.append(udp)
keep.append(socket.socketpair())
keep.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
keep.append(select.epoll())
for call in (lambda: libc.eventfd(0, 0), lambda: libc.timerfd_create(1, 0),
             lambda: libc.inotify_init1(0), lambda: libc.memfd_create(b"a memfd", 0)):
    fd = call(); assert fd >= 0, ctypes.get_errno(); keep.append(fd)
keep.append(os.pidfd_open(os.getpid()))
keep.append(os.open("/proc/self/ns/net", os.O_RDONLY))
print("ready", os.getpid(), flush=True)
signal.pause()
"""


def test_every_kind():
    """As many entries as /proc has, each with what /proc says of it."""
    with Scratch() as scratch, Program(KINDS, scratch.path) as program:
        document = inspect(program.pid, "--descriptors")
        listed = {int(name): os.readlink(f"/proc/{program.pid}/fd/{name}")
                  for name in os.listdir(f"/proc/{program.pid}/fd")}
        seen = {d["fd"]: d for d in document["fd"]["descriptors"]}
        same(sorted(seen), sorted(listed), "descriptors")
        same(document["fd"]["count"], len(listed), "fd.count")
        same(sum(counts(document).values()), len(listed), "descriptors over all types")
        for fd, link in listed.items():
            d = seen[fd]
            if link.startswith("/") and not link.startswith("/memfd:"):
                same(d.get("path"), link.removesuffix(" (deleted)"), f"path of {link}")
                same(d.get("deleted", False), link.endswith(" (deleted)"), f"{link} deleted")
            inode = re.search(r"\[(\d+)\]$", link)
            if inode:
                same(d.get("inode"), int(inode[1]), f"inode of {link}")
        kinds = counts(document)
        for kind, least in (("file", 2), ("directory", 1), ("pipe", 3), ("tcp", 3), ("udp", 1),
                            ("unix", 2), ("netlink", 1), ("epoll", 1), ("eventfd", 1),
                            ("timerfd", 1), ("inotify", 1), ("memfd", 1), ("pidfd", 1),
                            ("namespace", 1)):
            check(kinds.get(kind, 0) >= least, f"{kinds.get(kind, 0)} {kind}, not {least}")
        same(document["fd"]["deleted"], 1, "deleted ones")


def test_page_fits_a_terminal():
    with Scratch() as scratch, Program(KINDS, scratch.path) as program:
        for locale in ("C.UTF-8", "C"):
            text = page(program.pid, locale).decode("ascii" if locale == "C" else "utf-8")
            check("\033" not in text, "colour, though it is no terminal")
            for heading in ("What is open", "Grouped", "What is wrong",
                            "Which limit, and where it is set", "What to change"):
                check(f"\n{heading}\n" in text, f"no '{heading}' in {text!r}")
            # what is to be copied is not broken into lines
            told = text[:text.index("\nWhich limit")]
            wide = [line for line in told.splitlines() if len(line) > 80]
            check(not wide, f"wider than 80 columns: {wide}")


def test_colour_on_a_terminal_only():
    def in_terminal(**environment):
        controller, terminal = os.openpty()
        done = subprocess.run([FDWARDEN, "inspect", str(os.getpid())], stdout=terminal,
                              stderr=subprocess.PIPE, timeout=60, check=False,
                              env={**os.environ, "LC_ALL": "C.UTF-8", **environment})
        os.close(terminal)
        text = b""
        try:
            while more := os.read(controller, 65536):
                text += more
        except OSError:
            pass  # the other end is closed
        os.close(controller)
        same(done.returncode, 0, f"exit status, with {done.stderr!r}")
        return text

    need_root()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    os.environ.pop("NO_COLOR", None)
    try:
        check(b"\033[1m" in in_terminal(), "no colour on a terminal")
        check(b"\033" not in in_terminal(NO_COLOR="1"), "colour in spite of NO_COLOR")
    finally:
        os.environ.update(environment)


# ---- hostile names ----

NASTY = b"\"';$(x)`\\ \n\t\x1b[31mred\x1b]0;title\x07\xff\xc0\xaf\xed\xa0\x80\xe2\x80\xae\x7f\x9b%n"

HOSTILE = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
nasty = bytes.fromhex(sys.argv[2])
libc.prctl(15, ctypes.c_char_p(nasty[:15].replace(b"/", b"_")))
os.chdir(sys.argv[1])
name = (nasty.replace(b"/", b"_") * 8)[:250]
keep = []
for depth in range(15):
    os.mkdir(name); os.chdir(name)
for i in range(40):
    keep.append(os.open(name[:200] + str(i).encode(), os.O_CREAT | os.O_RDWR))
print("ready", flush=True)
signal.pause()
"""


def remove_deep(path):
    """What is deeper than a path may be long."""
    subprocess.run(["rm", "-rf", path], check=False)


def test_hostile_names():
    """4 KiB of quotes, newlines, escapes and invalid UTF-8 in a file's path, a name and a
    command line."""
    with Scratch() as scratch:
        long_argument = (NASTY.replace(b"\0", b"") * 80)[:3900]
        try:
            with Program(HOSTILE, scratch.path, NASTY.hex(), long_argument) as program:
                document = inspect(program.pid, "--descriptors")
                paths = [d.get("path", "") for d in document["fd"]["descriptors"]]
                longest = max(map(len, paths))
                note(f"longest path {longest} characters")
                check(longest > 2500, f"the longest path has {longest} characters")
                check(len(document["process"]["command_line"]) > 3500, "command line cut")
                check("\ufffd" in document["process"]["name"], "what is no UTF-8 is kept")
                for locale in ("C.UTF-8", "C"):
                    raw = page(program.pid, locale)
                    text = raw.decode("utf-8")
                    bad = set(re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text))
                    check(not bad, f"reaches the terminal raw: {bad}")
        finally:
            remove_deep(scratch.path)


# ---- what can't be seen ----

def as_nobody(*arguments, caps="+bpf,+perfmon"):
    """As another user with these capabilities alone."""
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    # the build may be where others have no way in
    with Scratch() as scratch:
        program = shutil.copy(FDWARDEN, scratch.path)
        return subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             f"--inh-caps=-all,{caps}", f"--ambient-caps=-all,{caps}",
             f"--bounding-set=-all,{caps}", program, *map(str, arguments)],
            capture_output=True, timeout=60, check=False)


def test_without_the_capability_to_look():
    """What can't be seen of another user's process is named; nothing of it is 0."""
    need_root()
    with Scratch() as scratch, Program(KINDS, scratch.path) as program:
        done = as_nobody("inspect", program.pid, "--json", "--descriptors")
        same(done.returncode, 0, f"exit status, with {done.stderr!r}")
        document = json.loads(done.stdout)
        check("executable" not in document["process"], "it saw the executable after all")
        check(any("CAP_SYS_PTRACE" in line for line in document.get("unseen", [])),
              f"the capability is not named: {document.get('unseen')}")
        full = inspect(program.pid)
        same(counts(document), counts(full), "descriptors, which the kernel tells")
        for member in ("count", "used", "soft_limit", "hard_limit"):
            same(document["fd"][member], full["fd"][member], member)
        text = as_nobody("inspect", program.pid).stdout.decode()
        check("What could not be seen" in text and "CAP_SYS_PTRACE" in text,
              f"the page does not name it: {text!r}")


def test_without_any_capability():
    need_root()
    done = as_nobody("inspect", os.getpid(), caps="-bpf")
    same(done.returncode, 1, "exit status")
    check(b"missing capability CAP_BPF and CAP_PERFMON" in done.stderr, f"{done.stderr!r}")
    same(done.stderr.count(b"\n"), 1, "lines of the error")


def refused(pid, what):
    done = run("inspect", pid)
    same((done.returncode, done.stdout), (1, b""), f"inspect of {what}")
    lines = done.stderr.decode().splitlines()
    same(len(lines), 1, f"lines of the error: {lines}")
    return lines[0]


def test_what_has_no_descriptors():
    child = os.fork()
    if not child:
        os._exit(0)
    try:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        check("zombie" in refused(child, "a zombie"), "it does not say zombie")
    finally:
        os.waitpid(child, 0)
    check(f"no process {child}" in refused(child, "a process that is gone"), "gone")
    with Program("import threading, time, sys\n"
                 "t = threading.Thread(target=time.sleep, args=(60,), daemon=True); t.start()\n"
                 "print('ready', t.native_id, flush=True)\ntime.sleep(60)") as program:
        line = refused(int(program.words[1]), "a thread")
        check(f"is a thread of process {program.pid}" in line, line)


def test_main_thread_that_exited():
    """Its descriptors are there all the same."""
    with Zoo("leaderless", "openat=20", "say=there", "wait") as zoo:
        zoo.expect("there")
        wait_until(lambda: not os.path.exists(f"/proc/{zoo.pid}/fd/0"), 10,
                   "the end of the main thread")
        document = inspect(zoo.pid, "--descriptors")
        same(document["fd"]["count"], 23, "fd.count")
        same(len(document["fd"]["descriptors"]), 23, "descriptors")
        same(sum(counts(document).values()), 23, "descriptors over all types")


def test_growth_between_two_counts():
    with Program("import os, resource, time, sys\n"
                 "resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))\n"
                 "print('ready', flush=True)\n"
                 "while True:\n os.dup(0); time.sleep(0.02)") as program:
        began = time.monotonic()
        fd = inspect(program.pid)["fd"]
        check(5 < fd.get("growth_per_s", 0) < 60, f"growth_per_s {fd.get('growth_per_s')}")
        # it may be its start, from which nothing is foretold
        check("exhausted_in_s" not in fd or time.monotonic() > began + 9, f"too early: {fd}")
        time.sleep(max(0, began + 10.5 - time.monotonic()))
        fd = inspect(program.pid)["fd"]
        check(fd["exhausted_in_s"] > 0, "exhausted_in_s")
    with Program("import signal; print('ready', flush=True); signal.pause()") as program:
        same(inspect(program.pid)["fd"]["growth_per_s"], 0, "growth of one that sleeps")


def test_full_has_no_time_left():
    """What is full is full: no rate leads there any more, whatever it gave back meanwhile."""
    with Program("import os, resource, time\n"
                 "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
                 "while os.dup(0) < 63: pass\n"
                 "print('ready', flush=True)\n"
                 "while True:\n"
                 " os.close(63); time.sleep(0.19); os.dup(0); time.sleep(0.19)") as program:
        full = grew = 0
        for _ in range(60):
            fd = inspect(program.pid)["fd"]
            if fd["used"] == 64:
                full += 1
                grew += fd["growth_per_s"] > 0
                check("exhausted_in_s" not in fd, f"full, and time left: {fd}")
            if grew > 2:
                break
        check(grew, f"never seen to become full; {full} times full")
        for _ in range(60):
            text = page(program.pid).decode()
            if "64 of 64" in text:
                break
        check("64 of 64" in text and "at this rate" not in text, f"of what is full: {text}")


def test_many_descriptors_in_time():
    """20,000 are looked at in the time of one kernel pass, beside lsof."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    n = min(19000, hard - 100)
    with Zoo(f"limit={hard}", f"openat={n}", "say=there", "wait") as zoo:
        zoo.expect("there", 60)
        start = boot_ns()
        document = inspect(zoo.pid)
        took = (boot_ns() - start) / 1e6
        same(document["fd"]["count"], n + 3, "fd.count")
        start = boot_ns()
        subprocess.run(["lsof", "-n", "-P", "-p", str(zoo.pid)], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        lsof = (boot_ns() - start) / 1e6
        note(f"{n} descriptors: inspect {took:.0f} ms, of which 250 waiting for growth; "
             f"lsof {lsof:.0f} ms")


# ---- raise ----

def limits(pid):
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)


def test_raise_by_hand():
    with Zoo("limit=100", "say=there", "wait") as zoo:
        zoo.expect("there")
        resource.prlimit(zoo.pid, resource.RLIMIT_NOFILE, (100, 1000))
        done = run("raise", zoo.pid, "--soft", 500)
        same((done.returncode, done.stdout),
             (0, f"process {zoo.pid}: soft limit 100 -> 500 (hard limit 1000)\n".encode()),
             f"raise, {done.stderr!r}")
        same(limits(zoo.pid), (500, 1000), "limits")
        done = run("raise", zoo.pid, "--soft", 1000, "--json")
        same(json.loads(done.stdout),
             {"process": {"pid": zoo.pid},
              "fd": {"soft_limit": 1000, "soft_limit_before": 500, "hard_limit": 1000}},
             "raise --json")
        for soft, what in ((1001, b"hard limit 1000"), (10, b"soft limit 1000 already")):
            done = run("raise", zoo.pid, "--soft", soft)
            same(done.returncode, 1, f"raise to {soft}")
            check(what in done.stderr, f"{done.stderr!r}")
        same(limits(zoo.pid), (1000, 1000), "limits after what failed")


def test_by_name():
    """A name goes wherever a pid does: the fullest of several, and raise takes one alone."""
    with tempfile.TemporaryDirectory() as work:
        # Names that nobody else has.
        first, second = (f"zoo{os.getpid()}{letter}" for letter in "ab")
        for name in (first, second):
            shutil.copy(FDZOO, os.path.join(work, name))
        with Zoo("limit=100", "openat=10", "say=there", "wait",
                 program=os.path.join(work, first)) as few, \
             Zoo("limit=100", "openat=60", "say=there", "wait",
                 program=os.path.join(work, second)) as many:
            few.expect("there")
            many.expect("there")
            same([p["process"]["pid"] for p in json.loads(run("ps", first, "--json").stdout)
                  ["processes"]], [few.pid], "ps NAME")
            both = json.loads(run("ps", f"{first[:-1]}?", "--json").stdout)["processes"]
            same([p["process"]["pid"] for p in both], [many.pid, few.pid], "ps PATTERN")
            done = run("inspect", first, "--json")
            same(json.loads(done.stdout)["process"]["pid"], few.pid, "inspect NAME")
            same(done.stderr, b"", "no line about others")
            done = run("inspect", f"{first[:-1]}?", "--json")
            same(json.loads(done.stdout)["process"]["pid"], many.pid, "inspect PATTERN")
            check(f"are 2 processes; this is the fullest, {many.pid}; the others: {few.pid}"
                  .encode() in done.stderr, f"{done.stderr!r}")
            check(f"[{many.pid}] has".encode() in run("check", f"{first[:-1]}*").stdout, "check")
            check(b"OK" in run("check", first).stdout, "check of the other")
            done = run("raise", f"{first[:-1]}?", "--soft", 200)
            same(done.returncode, 1, "raise of two")
            check(b"name one by its pid" in done.stderr, f"{done.stderr!r}")
            same(limits(many.pid)[0], 100, "nothing was changed")
            resource.prlimit(few.pid, resource.RLIMIT_NOFILE, (100, 1000))
            same(run("raise", first, "--soft", 200).returncode, 0, "raise of one")
            same(limits(few.pid), (200, 1000), "its limits")
            done = run("top", "-b", "-n", 1, first)
            check(first.encode() in done.stdout and second.encode() not in done.stdout,
                  f"top WORD: {done.stdout!r}")


def test_choice_on_a_terminal():
    """A name that several have: a list, and whichever is chosen; Enter is the fullest."""
    need_root()
    with tempfile.TemporaryDirectory() as work:
        name = f"zoo{os.getpid()}c"
        shutil.copy(FDZOO, os.path.join(work, name))
        with Zoo("limit=100", "openat=10", "say=there", "wait",
                 program=os.path.join(work, name)) as few, \
             Zoo("limit=100:1000", "openat=60", "say=there", "wait",
                 program=os.path.join(work, name)) as many:
            few.expect("there")
            many.expect("there")
            for answer, pid in (("", many.pid), ("2", few.pid), (f"{few.pid}", few.pid)):
                with Terminal(command=f"{FDWARDEN} inspect {name}; exec sleep 1000",
                              ready="Which one") as terminal:
                    check(f"'{name}' are 2 processes" in terminal.text(), terminal.text())
                    first = terminal.wait(r"^ +1 +\d+ ")
                    check(f" {many.pid}  63 of 100 " in first, first)
                    terminal.type(answer)
                    terminal.send("Enter")
                    terminal.wait("What to change|What is wrong", 20)
                    terminal.tmux("set-option", "-g", "history-limit", "1000")
                    whole = terminal.tmux("capture-pane", "-p", "-S", "-")
                    check(re.search(rf"\[{pid}\]", whole), f"{answer!r}: {whole}")
            with Terminal(command=f"{FDWARDEN} raise {name} --soft 200; echo =$?; exec sleep 1000",
                          ready="Which one") as terminal:
                terminal.send("Enter")  # here there is no first choice
                terminal.type("9")
                terminal.send("Enter")
                terminal.type("q")
                terminal.send("Enter")
                terminal.wait("none of them was chosen")
                terminal.wait("=1")
                same(limits(many.pid)[0], 100, "nothing was changed")


def test_raise_of_another_users_process():
    """Without the capability nothing is changed, and what to do is said."""
    need_root()
    with Zoo("limit=100", "say=there", "wait") as zoo:
        zoo.expect("there")
        resource.prlimit(zoo.pid, resource.RLIMIT_NOFILE, (100, 1000))
        done = as_nobody("raise", zoo.pid, "--soft", 200)
        same(done.returncode, 1, "exit status")
        check(b"is another user's: run it with sudo" in done.stderr and
              done.stderr.count(b"\n") == 1, f"{done.stderr!r}")
        same(limits(zoo.pid), (100, 1000), "limits")
