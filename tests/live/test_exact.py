# SPDX-License-Identifier: GPL-2.0-or-later
"""What could be counted wrongly: threads' tables, clocks."""
import resource
import subprocess
import sys
import time

from harness import Daemon, FDWARDEN, OPTIONS, Skip, check, need_limit, need_root, same

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


def test_time_namespace():
    """Its clock is not that of the records: it says so instead of seeing nothing."""
    need_root()
    options = [word for option in OPTIONS for word in ("-o", option)]
    done = subprocess.run(
        ["unshare", "-T", "--fork", "--boottime", "86400", "timeout", "20", FDWARDEN, "daemon",
         "-c", "/dev/null", "-o", "socket.path=", "-o", "state.file=", *options],
        capture_output=True, text=True, timeout=60, check=False)
    if "unshare" in done.stderr:
        raise Skip(f"no time namespace can be made here: {done.stderr.strip()}")
    same(done.returncode, 1, f"exit status, with {done.stderr!r}")
    check("time namespace" in done.stderr and "ready" not in done.stderr, done.stderr)
