# SPDX-License-Identifier: GPL-2.0-or-later
"""fdwarden trace: which code opened what is open, in every language, to the descriptor."""
import collections
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

import schema
from harness import (Daemon, FDWARDEN, ROOT, Failure, Scratch, Skip, Zoo, check,
                     check_documents, children_of, leaking, listed, need_root, note, same,
                     wait_until)

SOURCES = os.path.join(ROOT, "tests/helpers/leaks")
COUNT = 200


def line_of(name):
    """The line of a source that leaks."""
    with open(os.path.join(SOURCES, name), encoding="utf-8") as source:
        return next(n for n, line in enumerate(source, 1) if "LEAK" in line)


class Leaker:
    """A program of tests/helpers/leaks: `ready`, then leaks when it is told to, `done`."""

    def __init__(self, *command, pid=None, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, **options)
        self.expect("ready")
        self.pid = pid(self.process.pid) if pid else self.process.pid

    def expect(self, word):
        line = self.process.stdout.readline()
        check(line.strip() == word, f"the program said {line!r}, not {word}")

    def tell(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def __enter__(self):
        Zoo.current.add(self.pid)
        return self

    def __exit__(self, *_):
        Zoo.current.discard(self.pid)
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Trace:
    """`fdwarden trace` that has begun."""

    def __init__(self, pid, *options, duration=120, **popen):
        self.process = subprocess.Popen(
            [FDWARDEN, "trace", str(pid), "--duration", str(duration), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen)
        line = self.process.stderr.readline()
        if "tracing" not in line:
            self.process.wait(20)
            raise Failure(f"the trace said {line!r}")

    def end(self, seconds=60):
        """Ends it as Ctrl-C does: what it printed."""
        self.process.send_signal(signal.SIGINT)
        return self.wait(seconds)

    def wait(self, seconds=60):
        out, errors = self.process.communicate(timeout=seconds)
        same(self.process.returncode, 0, f"exit status, with {errors!r}")
        return out

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def document(text):
    told = json.loads(text)
    schema.check_trace(told)
    check_documents([told])
    return told


def trace_leak(leaker, *options):
    """Traced while it leaks: the document, and what /proc says then."""
    with Trace(leaker.pid, "--json", *options) as trace:
        before = listed(leaker.pid)
        leaker.tell()
        leaker.expect("done")
        time.sleep(0.1)
        told = document(trace.end())
    return told, before


def check_first(told, function, file, line, count=COUNT):
    """The leak is first, with its exact number."""
    site = told["fd"]["call_sites"][0]
    where = f"{site.get('function')} {site.get('file')}:{site.get('line')}"
    check(re.search(function, site.get("function", "")), f"first is {where}")
    check(site.get("file", "").endswith(file), f"first is {where}")
    same(site.get("line"), line, f"line of {where}")
    # What the kernel has left out, and says so, was not seen; nothing else may be missing.
    unseen = min(told["fd"].get("unknown_why", {}).get("not_seen", 0),
                 told["trace"]["losses"]["missed"])
    check(count - unseen <= site["count"] <= count,
          f"{site['count']} of {count} descriptors of {where} "
          f"({told['fd'].get('unknown_why')}, {told['trace']['losses']})")
    if site["count"] < count:
        note(f"{count - site['count']} openings in runs that the kernel left out")


def leak_in(name, source, function, *arguments):
    with Leaker(leaking(name), str(COUNT), *arguments) as leaker:
        told, before = trace_leak(leaker)
        check_first(told, function, source, line_of(source))
        fd = told["fd"]
        check(fd["count"] >= COUNT + 3, f"{fd['count']} descriptors in all")
        check(fd["unknown"] <= before + told["trace"]["losses"]["missed"],
              f"{fd['unknown']} unknown ({fd['unknown_why']}) of {before} before, {told['trace']['losses']}")
        same(told["trace"]["losses"]["not_unwound"], 0, "stacks not unwound")


def test_c_without_frame_pointers():
    leak_in("leak", "leak.c", "^leak_file$")


def test_c_static():
    leak_in("leak_static", "leak.c", "^leak_file$")


def test_cpp_with_templates_and_exceptions():
    leak_in("leak_cc", "leak.cc", r"^store::Table<.*>::load$")


def test_rust():
    leak_in("leak_rs", "leak.rs", r"Shelf<usize> as .*Keeper>::keep$")


def test_go_files():
    leak_in("leak_files", "leak_files.go", r"^main\.\(\*server\)\.readTemplate$")


def test_go_bodies():
    """A connection is made by a goroutine of net/http's own: it is the best there is."""
    with Leaker(leaking("leak_bodies"), str(COUNT)) as leaker:
        told, _ = trace_leak(leaker)
        sites = told["fd"]["call_sites"]
        client = [site for site in sites if site.get("function", "").startswith("net/http.")]
        # of `go http.Serve()`; since Go 1.22 what is made of it is told as its function
        server = [site for site in sites
                  if re.match(r"main\.main(\.func\d+)?$", site.get("function", ""))]
        check(client and server, f"sites: {[site.get('function') for site in sites]}")
        same({client[0]["kind"], server[0]["kind"]}, {"tcp"}, "kinds")
        of_client = sum(site["count"] for site in sites if any(
            "net.(*Dialer)" in frame.get("function", "") for frame in site["frames"]))
        same(of_client, COUNT, "connections that were made")
        same(server[0]["count"], COUNT, "connections that were accepted")


def test_stripped():
    """Module, offset and build id are all that is left."""
    path = leaking("leak_stripped")
    with Leaker(path, str(COUNT)) as leaker:
        told, _ = trace_leak(leaker)
        site = told["fd"]["call_sites"][0]
        same((site["module"], site["count"], "function" in site), (path, COUNT, False), "site")
        # the same place in the one that is not stripped
        whole = subprocess.run(["addr2line", "-e", leaking("leak"), hex(site["offset"] - 1)],
                               capture_output=True, text=True, check=False).stdout
        if whole.startswith("/"):
            same(int(whole.split(":")[1].split()[0]), line_of("leak.c"), "its line by addr2line")
        check(re.fullmatch("[0-9a-f]{40}", site["build_id"]), f"build id {site['build_id']}")


def test_separate_debug_file():
    """Of a stripped program whose debugging information is below /usr/lib/debug."""
    need_root()
    if not shutil.which("objcopy"):
        raise Skip("no objcopy")
    with Scratch() as scratch:
        path, debug = scratch.file("leak"), scratch.file("leak.debug")
        subprocess.run(["objcopy", "--only-keep-debug", leaking("leak"), debug], check=True)
        subprocess.run(["objcopy", "--strip-all", leaking("leak"), path], check=True)
        notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True,
                               check=True).stdout
        build_id = re.search("Build ID: ([0-9a-f]+)", notes).group(1)
        place = f"/usr/lib/debug/.build-id/{build_id[:2]}"
        made = not os.path.exists(place)
        os.makedirs(place, exist_ok=True)
        try:
            shutil.copy(debug, f"{place}/{build_id[2:]}.debug")
            with Leaker(path, str(COUNT)) as leaker:
                told, _ = trace_leak(leaker)
                check_first(told, "^leak_file$", "leak.c", line_of("leak.c"))
        finally:
            os.unlink(f"{place}/{build_id[2:]}.debug")
            if made:
                os.rmdir(place)


def test_node():
    """By the map that Node writes of what it has compiled: the line is the function's."""
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        raise Skip("no node")
    with Scratch() as scratch:
        with Leaker(node, "--perf-basic-prof", "--interpreted-frames-native-stack",
                    os.path.join(SOURCES, "leak.js"), str(COUNT), cwd=scratch.path) as leaker:
            try:
                told, _ = trace_leak(leaker)
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(f"/tmp/perf-{leaker.pid}.map")
        site = told["fd"]["call_sites"][0]
        same((site.get("function"), site.get("line")), ("leakConfig", line_of("leak.js")),
             "the first site")
        same(site["count"], COUNT, "descriptors of leakConfig()")


def inner_pid(outer):
    """The only grandchild: unshare's child in its namespace."""
    return children_of(outer)[0]


def libraries(path):
    listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", listing)


@contextlib.contextmanager
def other_root(name):
    """A root with one program and its libraries."""
    with tempfile.TemporaryDirectory(prefix="fdwarden-root-") as root:
        os.chmod(root, 0o755)
        for path in libraries(leaking(name)):
            os.makedirs(root + os.path.dirname(path), exist_ok=True)
            shutil.copy(path, root + path)
        for place in ("bin", "dev", "proc", "old"):
            os.makedirs(f"{root}/{place}", exist_ok=True)
        shutil.copy(leaking(name), f"{root}/bin/{name}")
        yield root


def test_in_a_container():
    """With a mount and pid namespace and a root of its own."""
    need_root()
    script = ('mount --bind "$1" "$1" && cd "$1" && mount --bind /dev dev && '
              'pivot_root . old && exec /bin/leak "$2"')
    if not shutil.which("unshare") or not shutil.which("pivot_root"):
        raise Skip("no unshare or pivot_root")
    with other_root("leak") as root:
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script,
                   "sh", root, str(COUNT)]
        with Leaker(*command, pid=inner_pid) as leaker:
            told, _ = trace_leak(leaker)
            check_first(told, "^leak_file$", "leak.c", line_of("leak.c"))
            path = told["fd"]["call_sites"][0]["module"]
            # Where these tests run in a chroot, pivot_root() puts the new root in its place: as
            # the kernel has it the path goes on up to the root of the namespace.
            if not os.environ.get("FDWARDEN_IN_CHROOT"):
                same(path, "/bin/leak", "path as it has it")
            else:
                check(path.endswith("/bin/leak"), f"path as it has it, in a chroot: {path}")
            os.kill(leaker.pid, signal.SIGKILL)


def test_in_a_chroot():
    """The path that is seen from here leads to it, the one in its root does not."""
    need_root()
    with other_root("leak") as root:
        subprocess.run(["mount", "--bind", "/dev", f"{root}/dev"], check=True)
        try:
            with Leaker("chroot", root, "/bin/leak", str(COUNT)) as leaker:
                told, _ = trace_leak(leaker)
                check_first(told, "^leak_file$", "leak.c", line_of("leak.c"))
        finally:
            subprocess.run(["umount", "-l", f"{root}/dev"], check=True)


def test_page_and_folded():
    """For people and for flame graphs: the same figures."""
    with Leaker(leaking("leak"), str(COUNT)) as leaker:
        with Trace(leaker.pid) as page, Trace(leaker.pid, "--folded") as folded:
            leaker.tell()
            leaker.expect("done")
            time.sleep(0.1)
            text, lines = page.end(), folded.end().splitlines()
        check(re.search(rf"^ +{COUNT}  character device +leak_file\(\) at .*leak.c:"
                        rf"{line_of('leak.c')}$", text, re.M), f"the page: {text}")
        check(re.search(r"unknown, of which\n +\d+ were open before", text), f"the page: {text}")
        stacks = collections.Counter()
        for line in lines:  # what readers of this form do: the same names may come twice
            stack, _, number = line.rpartition(" ")
            stacks[stack] += int(number)
        leak = [stack for stack in stacks if stack.endswith("handle_request;leak_file;__open")
                or ";handle_request;leak_file;" in stack]
        # Of more than one stack where the C library takes another way now and then.
        same(sum(stacks[stack] for stack in leak), COUNT, f"the leak's stacks in {lines}")
        check(leak[0].startswith("_start;"), f"begins with the outermost: {leak}")
        check(abs(sum(stacks.values()) - listed(leaker.pid)) < 8, "all descriptors are told")


# One of each way whose numbers are returned or written to memory.
SEEN = ("open=5", "dup=4", "dup2=3", "fcntl_dupfd=3", "socket=4", "pipe2=3", "socketpair=3",
        "eventfd2=2", "epoll_create1=2", "timerfd_create=2", "memfd_create=2")


def test_every_descriptor_is_in_one_site_or_unknown():
    """Also those that came by ways that no return value shows, and those from before; and
    what was closed is not told, however that was."""
    with Zoo("openat=20", "say=before", "wait", *SEEN, "scm_rights=6", "close_range=30:39",
             "say=after", "wait") as zoo:
        zoo.expect("before")
        before = listed(zoo.pid)
        with Trace(zoo.pid, "--json") as trace:
            zoo.go()
            zoo.expect("after")
            told = document(trace.end())
        fd = told["fd"]
        same(fd["count"], listed(zoo.pid), "descriptors")
        # dup2() takes the place of number 3
        same(fd["unknown_why"]["before"], before - 1, "from before")
        check(fd["unknown_why"].get("not_seen", 0) >= 6, f"not seen: {fd['unknown_why']}")
        kinds = {site["kind"] for site in fd["call_sites"]}
        check({"eventfd", "epoll", "timerfd", "pipe"} <= kinds, f"kinds: {kinds}")


def test_count_under_churn():
    """Threads open and close all the time: each look adds up, and nothing is lost."""
    with Leaker(leaking("leak"), "0", "200") as leaker:
        leaker.tell()
        for _ in range(5):
            with Trace(leaker.pid, "--json", duration=0.7) as trace:
                told = document(trace.wait())
            check(told["fd"]["unknown_why"].get("not_unwound", 0) == 0, f"{told['fd']}")
        same(told["trace"]["losses"]["not_unwound"], 0, "stacks not unwound")


FULL = """
import os, resource, time
resource.setrlimit(resource.RLIMIT_NOFILE, (64, SOFT_AND_HARD))
try:
    while True: os.dup(0)
except OSError: pass
print("ready", flush=True)
while True:
    try: os.dup(0)
    except OSError: time.sleep(0.02)
    else: time.sleep(0.005)
"""


def test_full_table():
    """It says so, before it waits and afterwards, and what it proposes makes room as it stands."""
    need_root()
    with open("/proc/self/status", encoding="ascii") as status:
        effective = int(re.search(r"CapEff:\s*(\w+)", status.read())[1], 16)
    for hard, proposed in ((64, "prlimit --pid {} --nofile=128:128"),
                           (4096, "fdwarden raise {} --soft 128")):
        text = FULL.replace("SOFT_AND_HARD", str(hard))
        with Leaker(shutil.which("python3"), "-c", text) as program:
            wanted = proposed.format(program.pid)

            done = subprocess.run([FDWARDEN, "trace", str(program.pid), "-d", "500ms"],
                                  capture_output=True, text=True, timeout=60, check=False)
            same(done.returncode, 0, f"exit status, with {done.stderr!r}")
            if hard == 64 and not effective >> 24 & 1:
                check("needs CAP_SYS_RESOURCE" in done.stderr, f"{done}")
                check("Its table is full: its calls that open are refused" in
                      " ".join(done.stdout.split()), f"{done}")
                continue
            check("its table is full" in done.stderr and "in another shell: " + wanted
                  in done.stderr, done.stderr)
            check("Its table is full: its calls that open are refused" in done.stdout,
                  done.stdout)
            line = next((line.strip() for line in done.stdout.splitlines() if wanted in line), "")
            same(line, wanted, "what is proposed")
            command = line.split()
            if command[0] == "fdwarden":
                command[0] = FDWARDEN
            # as it is told: while it runs
            with subprocess.Popen([FDWARDEN, "trace", str(program.pid), "-d", "1m", "--json"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) as again:
                while "tracing" not in (said := again.stderr.readline()):
                    check(said, "the trace did not begin")
                subprocess.run(command, check=True, timeout=20, stdout=subprocess.DEVNULL)
                wait_until(lambda: listed(program.pid) == 128, 20, "the new limit being reached")
                again.send_signal(signal.SIGINT)
                traced = document(again.communicate(timeout=60)[0])
            same(sum(site["count"] for site in traced["fd"]["call_sites"]), 64,
                 f"descriptors traced with room: {traced['fd']}")
            same(traced["trace"].get("full"), True, "trace.full")


def test_process_ends():
    """It ends with the process, and tells what was seen of it."""
    with Leaker(leaking("leak"), "50") as leaker:
        with Trace(leaker.pid, "--json") as trace:
            leaker.tell()
            leaker.expect("done")
            time.sleep(0.2)
            os.kill(leaker.pid, signal.SIGKILL)
            begin = time.monotonic()
            told = document(trace.wait(20))
            check(time.monotonic() - begin < 10, "it goes on without the process")
        same(told["trace"].get("process_ended"), True, "that it has ended")
        check("count" not in told["fd"], "a count of what is no more")
        site = told["fd"]["call_sites"][0]
        same((site.get("function"), site["count"]), ("leak_file", 50), "the first site")


def refused(*arguments, status=1, **options):
    done = subprocess.run([FDWARDEN, "trace", *arguments], capture_output=True, text=True,
                          check=False, timeout=60, **options)
    same(done.returncode, status, f"exit status of trace {arguments}: {done.stderr}")
    same(len(done.stderr.splitlines()), 1, f"lines of {done.stderr!r}")
    return done.stderr


def test_what_can_not_be_traced():
    """Each says in one line what is wrong."""
    check("no process" in refused("4194303"), "a pid that is none")
    check("thread of the kernel" in refused("2"), "a kernel thread")
    refused("x", status=1)
    refused("0", status=2)
    refused(str(os.getpid()), "--duration", "0", status=2)
    refused(str(os.getpid()), "--json", "--folded", status=2)
    if os.geteuid() == 0:
        text = refused(str(os.getpid()), user=65534, group=65534, extra_groups=[])
        check("CAP_BPF" in text or "capability" in text, f"without privilege: {text}")


def test_without_ptrace():
    """With the rights to BPF alone, another user's process can't be unwound: it says so."""
    need_root()
    if not shutil.which("capsh"):
        raise Skip("no capsh")
    with Leaker(leaking("leak"), "1") as leaker, Scratch() as scratch:
        binary = shutil.copy(FDWARDEN, scratch.file("fdwarden"))
        done = subprocess.run(
            ["capsh", "--keep=1", "--user=nobody", "--inh=cap_bpf,cap_perfmon",
             "--addamb=cap_bpf,cap_perfmon", "--", "-c",
             f"exec {binary} trace {leaker.pid} --duration 1"],
            capture_output=True, text=True, check=False, timeout=60)
        same(done.returncode, 1, f"exit status, with {done.stderr!r}")
        check("CAP_SYS_PTRACE" in done.stderr, f"it says {done.stderr!r}")


HOSTILE = b"""
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int __attribute__((noinline)) evil(void) { return open("/dev/null", O_RDONLY) + getpid() * 0; }
int main(void) {
	char line[16]; puts("ready"); fflush(stdout);
	if (!fgets(line, sizeof(line), stdin)) return 0;
	for (int i = 0; i < 20; i++) evil();
	puts("done"); fflush(stdout);
	return !fgets(line, sizeof(line), stdin);
}
"""


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def mapped_by(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        return {os.path.basename(line.split()[5]) for line in maps if len(line.split()) > 5}


def test_who_reads_the_programs_is_confined():
    """The child that is given whatever a process calls its program has no capability, and
    who opens files for it can do little else; neither loads what it does not need."""
    with Leaker(leaking("leak"), "20") as leaker, Trace(leaker.pid, "--json") as trace:
        leaker.tell()
        leaker.expect("done")
        time.sleep(0.5)
        children = {status_of(child)["Name"]: child for child in children_of(trace.process.pid)}
        same(sorted(children), ["fdwarden-files", "fdwarden-unwind"], "children")
        # CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE
        for name, kept in (("fdwarden-unwind", 0), ("fdwarden-files", 1 << 2 | 1 << 19 | 1 << 40)):
            status = status_of(children[name])
            same((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"),
                 f"no_new_privs and seccomp of {name}")
            rights = int(status["CapPrm"], 16)
            same(rights & ~kept, 0, f"capabilities {rights:x} of {name}")
            loaded = mapped_by(children[name])
            check("libc.so.6" in loaded, f"what {name} has loaded: {loaded}")
            extra = [library for library in loaded
                     if re.match("lib(debuginfod|curl|ssl|gnutls|krb5|ldap)", library)]
            same(extra, [], f"libraries of {name}")
        trace.end()


def test_hostile_names():
    """Names with escapes and bytes that are no UTF-8 reach neither terminal nor JSON raw."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler or not shutil.which("objcopy"):
        raise Skip("no compiler or no objcopy")
    with Scratch() as scratch:
        path = scratch.file("hostile")
        subprocess.run([compiler, "-O1", "-x", "c", "-", "-o", path], input=HOSTILE, check=True)
        subprocess.run(["objcopy", "--redefine-sym", b"evil=evil\033[31m\377;name", path],
                       check=True)
        with Leaker(path) as leaker:
            with Trace(leaker.pid) as page, Trace(leaker.pid, "--json") as documents, \
                    Trace(leaker.pid, "--folded") as folded:
                leaker.tell()
                leaker.expect("done")
                time.sleep(0.1)
                texts = [page.end(), documents.end(), folded.end()]
        for text in texts:
            check("\033" not in text and "evil" in text, f"{text!r}")
        same(document(texts[1])["fd"]["call_sites"][0]["count"], 20, "descriptors")


def corrupt(path, out):
    """A program whose tables of unwinding are noise, from .eh_frame_hdr to the end."""
    data = bytearray(open(path, "rb").read())
    sections = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True,
                              check=True).stdout
    for name in (".eh_frame_hdr", ".eh_frame", ".debug_info", ".debug_line", ".debug_abbrev"):
        found = re.search(rf" {re.escape(name)} +\S+ +\S+ +(\S+) +(\S+)", sections)
        if found:
            offset, size = (int(word, 16) for word in found.groups())
            data[offset:offset + size] = os.urandom(size)
    with open(out, "wb") as file:
        file.write(data)
    os.chmod(out, 0o755)


def test_damaged_program():
    """Noise in place of debugging information costs frames, never the trace."""
    if not shutil.which("readelf"):
        raise Skip("no readelf")
    with Scratch() as scratch:
        for i in range(3):
            path = scratch.file(f"damaged{i}")
            corrupt(leaking("leak"), path)
            with Leaker(path, "50") as leaker:
                told, _ = trace_leak(leaker)
                check(told["fd"]["count"] >= 53, f"{told['fd']}")


def test_daemon_traces_by_itself():
    """A leak that nobody was told to look for: the alerts name its line, and the cost is no
    alert that comes later."""
    with Daemon("snapshot.interval=200ms", "trace.auto=yes", "trace.duration=3s",
                "thresholds.warn=50%") as daemon:
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        with Leaker(leaking("leak"), "240", "60", preexec_fn=limit) as leaker:
            leaker.tell()
            daemon.wait(leaker.pid, "fd-warning", 30)
            daemon.wait_for(lambda d: any("call_sites" in alert["fd"]
                                          for alert in d.of_unlocked(leaker.pid)),
                            30, "alert with call sites")
            leaker.expect("done")
            alert = next(alert for alert in daemon.of(leaker.pid, True)
                         if alert["fd"].get("call_sites"))
            site = alert["fd"]["call_sites"][0]
            same((site.get("function"), site.get("line")), ("leak_file", line_of("leak.c")),
                 "the first site")
            check("leak_file() at" in alert["message"], f"the message: {alert['message']}")
            note(f"{alert['event']['action']}: {alert['message']}")
            time.sleep(0.3)
        daemon.wait(leaker.pid, "fd-recovered", 10)


def links_at_exits(pid):
    """Programs of a process that sit on the exits of all calls."""
    found = 0
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError), \
                open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as file:
            found += any(line.split() == ["tp_name:", "sys_exit"] for line in file)
    return found


def test_daemon_traces_two_at_once():
    """Each is told its own lines, and they are seen by the sensor that is there anyway: other
    processes pay for no program more."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    with Daemon("snapshot.interval=200ms", "sensor=tracepoint", "trace.auto=yes",
                "trace.duration=20s", "trace.processes=2", "thresholds.warn=50%") as daemon, \
            Leaker(leaking("leak"), "240", "60", preexec_fn=limit) as one, \
            Leaker(leaking("leak"), "230", "50", preexec_fn=limit) as other:
        same(links_at_exits(daemon.pid), 1, "programs at the exits of calls")
        for leaker in (one, other):
            leaker.tell()
        for leaker in (one, other):
            daemon.wait_for(lambda d, pid=leaker.pid: any(
                alert["fd"].get("call_sites") for alert in d.of_unlocked(pid)),
                30, "alert with call sites")
        same(links_at_exits(daemon.pid), 1, "programs at the exits of calls, while it traces")
        for leaker in (one, other):
            alert = next(alert for alert in daemon.of(leaker.pid, True)
                         if alert["fd"].get("call_sites"))
            site = alert["fd"]["call_sites"][0]
            same((site.get("function"), site.get("line")), ("leak_file", line_of("leak.c")),
                 "the first site")


def test_daemon_does_not_trace_unless_told():
    """Off in the configuration: no child, no call sites."""
    with Daemon("snapshot.interval=200ms") as daemon:
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        with Leaker(leaking("leak"), "110", "200", preexec_fn=limit) as leaker:
            leaker.tell()
            daemon.wait(leaker.pid, "fd-warning", 30)
            leaker.expect("done")
            time.sleep(0.5)
            check(not any("call_sites" in alert["fd"] for alert in daemon.of(leaker.pid, True)),
                  "call sites without a trace")


def test_no_child_is_left():
    """When the trace is killed, its unwinder goes with it."""
    with Leaker(leaking("leak"), "1") as leaker, Trace(leaker.pid) as trace:
        child = children_of(trace.process.pid)[0]
        trace.process.kill()
        wait_until(lambda: not os.path.exists(f"/proc/{child}/exe") or
                   not os.path.exists(f"/proc/{child}"), 5, "end of the unwinder")
