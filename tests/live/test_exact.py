# SPDX-License-Identifier: GPL-2.0-or-later
"""What could be counted wrongly: threads' tables, exec, filters, clocks, many at once."""
import ctypes
import resource
import subprocess
import sys
import time

from harness import (Daemon, FDWARDEN, OPTIONS, Skip, Zoo, check, need_limit, need_root,
                     same, unused_uid)

FAST = "snapshot.interval=200ms"

# Threads with tables of their own; that of the last one is the fullest.
THREADS = """
import ctypes, os, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
count = int(sys.argv[1])
there = threading.Semaphore(0)
def own(number):
    if libc.unshare(0x400):
        os._exit(1)
    if number == count - 1:
        for _ in range(180):
            os.open("/dev/null", os.O_RDONLY)
    there.release()
    time.sleep(60)
threading.stack_size(65536)
for number in range(count):
    threading.Thread(target=own, args=(number,), daemon=True).start()
    there.acquire()
print("there", flush=True)
sys.stdin.readline()
os._exit(0)
"""

# Opens and closes, then a thread that is not the first becomes another program.
EXEC = """
import os, sys, threading
if sys.argv[1] == "again":
    try:
        while True: os.open("/dev/null", os.O_RDONLY)
    except OSError: pass
    print("full", flush=True)
    sys.stdin.readline()
    os._exit(0)
for _ in range(3000):
    os.close(os.open("/dev/null", os.O_RDONLY))
def exec_again():
    os.execv(sys.executable, [sys.executable, "-c", os.environ["TEXT"], "again"])
if sys.argv[1] == "thread":
    threading.Thread(target=exec_again).start()
    threading.Event().wait()
exec_again()
"""

# Filters socket() with an errno, then makes so many of them.
FILTERED = """
import ctypes, errno, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
number, error, times = (int(word) for word in sys.argv[1:])
code = struct.pack("HBBI", 0x20, 0, 0, 0) + struct.pack("HBBI", 0x15, 0, 1, number) + \\
    struct.pack("HBBI", 6, 0, 0, 0x50000 | error) + struct.pack("HBBI", 6, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer)))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
    sys.exit(77)
for _ in range(times):
    assert libc.socket(1, 1, 0) == -1 and ctypes.get_errno() == error
print("done", flush=True)
sys.stdin.readline()
"""

# So many processes of a user, each with so many different calls that its own filter refuses.
FILLER = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
processes, calls, uid = (int(word) for word in sys.argv[1:])
first = 500  # beyond all calls that there are
code = struct.pack("HBBI", 0x20, 0, 0, 0) + struct.pack("HBBI", 0x35, 0, 1, first) + \\
    struct.pack("HBBI", 6, 0, 0, 0x50000 | 24) + struct.pack("HBBI", 6, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer)))
os.setgroups([])
os.setresuid(uid, uid, uid)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
    sys.exit(77)
done, told = os.pipe()
alive, end = os.pipe()
for _ in range(processes):
    if not os.fork():
        os.close(end)
        for number in range(first, first + calls):
            libc.syscall(number)
        os.write(told, b".")
        os.read(alive, 1)
        os._exit(0)
os.close(alive)
left = processes
while left:
    left -= len(os.read(done, left))
print("full", flush=True)
sys.stdin.readline()
os.close(end)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


def limited(soft):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, 20000))


def start(text, *arguments, soft=200, **options):
    return subprocess.Popen([sys.executable, "-c", text, *map(str, arguments)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            preexec_fn=limited(soft), **options)


def expect(process, word):
    line = process.stdout.readline().strip()
    if not line and process.wait() == 77:
        raise Skip("it can't be made here")
    same(line, word, "what it says")


def end(process):
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


def test_fullest_of_many_threads():
    """Of 80 tables of one process only the last is in trouble; it stays so."""
    need_limit(20000)
    for method in ("prog-run", "iter"):
        with Daemon(FAST, f"snapshot.method={method}") as daemon:
            process = start(THREADS, 80)
            expect(process, "there")
            _, alert = daemon.wait(process.pid, "fd-warning")
            check(alert["fd"]["used"] >= 160, f"used {alert['fd']['used']}")
            time.sleep(1.5)
            same([action for action in daemon.actions(process.pid) if action == "fd-recovered"],
                 [], f"ends while it stands, by {method}")
            end(process)
            daemon.wait(process.pid, "fd-recovered")


def opened_after_exec(how):
    with Daemon(FAST) as daemon:
        process = start(EXEC, how, soft=100, env={"TEXT": EXEC})
        expect(process, "full")
        _, alert = daemon.wait(process.pid, "fd-exhausted")
        end(process)
        return alert["fd"]["opened"]


def test_exec_from_a_thread():
    """Counters outlive an exec whoever calls it."""
    need_root()
    leader, thread = opened_after_exec("leader"), opened_after_exec("thread")
    check(leader >= 3000, f"opened {leader} with an exec by the main thread")
    check(abs(leader - thread) <= 10,
          f"opened {thread} with an exec by another thread, not {leader}")


def test_filters_own_error():
    """EMFILE that a seccomp filter gave is no limit of the kernel's; the next one is."""
    if sys.maxsize < 2 ** 32 or not hasattr(ctypes, "c_long"):
        raise Skip("for 64 bits")
    numbers = {"x86_64": 41, "aarch64": 198}
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True,
                             check=True).stdout.strip()
    if machine not in numbers:
        raise Skip(f"the number of socket() is not known for {machine}")
    with Daemon(FAST) as daemon:
        for error in (24, 23):
            process = start(FILTERED, numbers[machine], error, 50)
            expect(process, "done")
            time.sleep(0.6)
            same(daemon.actions(process.pid), [], f"alerts of what a filter refused ({error})")
            end(process)
            same(daemon.actions(process.pid), [], "alerts at its end")


def test_return_from_a_signal():
    """What it puts back into the register of results is no call's, also where it is -EMFILE."""
    with Daemon(FAST) as daemon, Zoo("limit=64", "sigreturn=50", "say=done", "wait") as zoo:
        zoo.expect("done")
        time.sleep(0.6)
        same(daemon.actions(zoo.pid), [], "alerts of a process that nothing was refused")
        zoo.end()
        same(daemon.actions(zoo.pid), [], "alerts at its end")


def test_dropped_from_many_messages():
    """One recvmmsg() into a full table: each message that lost its descriptor is a refusal."""
    with Daemon(FAST) as daemon, Zoo("limit=64", "scm_full_many=20", "say=done", "wait") as zoo:
        zoo.expect("done")
        daemon.wait(zoo.pid, "fd-exhausted")
        zoo.end()
        _, alert = daemon.wait(zoo.pid, "fd-recovered")
        same(alert["fd"]["refused"]["by_syscall"], {"recvmmsg": 20}, "refusals")


def test_time_namespace():
    """Its clock is not that of the records: it says so instead of seeing nothing."""
    need_root()
    options = [word for option in OPTIONS for word in ("-o", option)]
    done = subprocess.run(
        ["unshare", "-T", "--fork", "--boottime", "86400", "timeout", "20", FDWARDEN, "daemon",
         "-c", "/dev/null", "-o", "socket.path=", "-o", "state.file=", "-o", "incidents.path=",
         *options],
        capture_output=True, text=True, timeout=60, check=False)
    if "unshare" in done.stderr:
        raise Skip(f"no time namespace can be made here: {done.stderr.strip()}")
    same(done.returncode, 1, f"exit status, with {done.stderr!r}")
    check("time namespace" in done.stderr and "ready" not in done.stderr, done.stderr)


def test_users_share():
    """One user's many refusals leave others' totals exact."""
    need_root()
    with Daemon(FAST, lossy=True) as daemon:
        filler = start(FILLER, 352, 47, unused_uid())
        expect(filler, "full")
        with Zoo("limit=64", "refuse=openat:500", "refuse=socket:300", "refuse=dup:200",
                 "say=done", "wait") as zoo:
            zoo.expect("done")
            daemon.wait(zoo.pid, "fd-exhausted")
        _, alert = daemon.wait(zoo.pid, "fd-recovered")
        same(alert["fd"]["refused"]["by_syscall"], {"openat": 500, "socket": 300, "dup": 200},
             "refusals of another user's process")
        check("inexact" not in alert["fd"]["refused"], "it is marked as a lower bound")
        end(filler)
