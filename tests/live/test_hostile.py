# SPDX-License-Identifier: GPL-2.0-or-later
"""A hostile local user, without any privilege: what can be had through the monitor of others'
files. The monitor runs as a user of its own with the capabilities of the service."""
import contextlib
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import tempfile
import time

from harness import (Daemon, FDWARDEN, Scratch, Skip, Zoo, check, children_of, leaking,
                     need_root, note, same, wait_until)

USER = 54321  # in no file
SECRET = "FromTheSecretFile"
OTHERS = 1 << 19 | 1 << 2  # CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH
PRIVILEGES = "-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search"

# Opens from a page that it has made itself, as a JIT compiler's code does: what that is called
# is told by /tmp/perf-PID.map alone.
MAKES_CODE = r"""
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__x86_64__)
static const unsigned char code[] = {0x31, 0xf6, 0xb8, 2, 0, 0, 0, 0x0f, 0x05, 0xc3};
#else
static const unsigned int code[] = {0xaa0003e1, 0x92800c60, 0xd2800002, 0xd2800708, 0xd4000001,
				    0xd65f03c0};
#endif
int main(void) {
	char line[16];
	int (*opens)(const char *);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, code, sizeof(code));
	__builtin___clear_cache(page, (char *)page + sizeof(code));
	opens = page;
	printf("%d %p\n", getpid(), page);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		for (int i = 0; i < 20; i++)
			opens("/dev/null");
		puts("done");
		fflush(stdout);
	}
	return 0;
}
"""


def compiled(scratch, source, name, *options):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        raise Skip("no compiler")
    path = scratch.file(name)
    subprocess.run([compiler, "-O1", "-x", "c", "-", "-o", path, *options],
                   input=source.encode(), check=True)
    return path


def private_copy(scratch):
    """Where the service's user can run it."""
    os.chmod(scratch.path, 0o755)
    return shutil.copy(FDWARDEN, scratch.file("fdwarden"))


class Process:
    """One that tells its pid and where its code is, and opens when it is told to."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, **options)
        words = self.process.stdout.readline().split()
        check(len(words) == 2, f"it said {words}")
        self.pid, self.code = int(words[0]), int(words[1], 16)

    def open(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        same(self.process.stdout.readline().strip(), "done", "what it says")

    def __enter__(self):
        Zoo.current.add(self.process.pid)
        return self

    def __exit__(self, *_):
        Zoo.current.discard(self.process.pid)
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def service_command(binary):
    """The program as the service's user, with its capabilities."""
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
            f"--inh-caps={PRIVILEGES}", f"--ambient-caps={PRIVILEGES}",
            f"--bounding-set={PRIVILEGES}", binary]


def as_service(binary, *arguments, **options):
    return subprocess.Popen(
        [*service_command(binary), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@contextlib.contextmanager
def service(*options, **others):
    """The daemon with the service's user and capabilities, and a place that is its own."""
    with Scratch() as scratch:
        binary = private_copy(scratch)
        place = scratch.file("own")
        os.mkdir(place, 0o700)
        shutil.chown(place, "nobody", "nogroup")
        with Daemon(f"state.file={place}/state", f"socket.path={place}/socket",
                    f"output.file={place}/alerts.json", *options,
                    command=service_command(binary), **others) as daemon:
            daemon.place = place
            yield daemon


def traced(binary, pid, act, seconds=60):
    """What the service would tell of the process while it acts: the document, and how long
    it took from there."""
    trace = as_service(binary, "trace", pid, "--json", "--duration", "2")
    try:
        line = trace.stderr.readline()
        check("tracing" in line, f"the trace said {line!r}")
        act()
        begin = time.monotonic()
        out, errors = trace.communicate(timeout=seconds)
        same(trace.returncode, 0, f"exit status, with {errors!r}")
        return json.loads(out), time.monotonic() - begin
    finally:
        if trace.poll() is None:
            trace.kill()
            trace.communicate()


def functions(told):
    return {frame.get("function") for site in told["fd"]["call_sites"]
            for frame in site["frames"]}


def put_map(path, code, name, owner=None, mode=0o644):
    with open(path, "w", encoding="ascii") as out:
        out.write(f"{code:x} 100 {name}\n")
    os.chmod(path, mode)
    if owner is not None:
        os.chown(path, owner, owner)


@contextlib.contextmanager
def maker_of_code(scratch, user=USER, script=None):
    """It, as a user; or below a shell that prepares what is the user's own."""
    path = compiled(scratch, MAKES_CODE, "makes_code")
    command = [path] if script is None else \
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
         f"{script}; exec ./makes_code"]
    with Process(*command, user=user, group=user, extra_groups=[],
                 cwd=scratch.path) as process:
        yield process


def need_namespaces():
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        raise Skip("no unshare or setpriv")
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], user=USER,
                          group=USER, extra_groups=[], capture_output=True, check=False)
    if done.returncode:
        raise Skip(f"users can't make namespaces here: {done.stderr.decode().strip()}")


def test_its_own_map_of_code_is_read():
    """What the others are to be seen beside: the way there is open."""
    need_root()
    need_namespaces()
    with Scratch() as scratch:
        binary = private_copy(scratch)
        with maker_of_code(scratch) as process:
            path = f"/tmp/perf-{process.pid}.map"
            try:
                put_map(path, process.code, "OwnName", owner=USER, mode=0o600)
                told, _ = traced(binary, process.pid, process.open)
            finally:
                os.unlink(path)
        check("OwnName" in functions(told), f"functions: {functions(told)}")
        same(told["fd"]["call_sites"][0]["count"], 20, "descriptors")


def test_a_secret_file_as_map_of_code():
    """A link from a /tmp of one's own to a file that root alone may read: absolute, it leads
    to the host's file where it is followed from outside."""
    need_root()
    need_namespaces()
    with Scratch() as scratch, tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        binary = private_copy(scratch)
        os.chmod(place, 0o755)
        secret = f"{place}/secret"
        with maker_of_code(scratch, script="mount -t tmpfs none /tmp; "
                           f"ln -s {secret} /tmp/perf-$$.map") as process:
            put_map(secret, process.code, SECRET, mode=0o600)
            told, _ = traced(binary, process.pid, process.open)
        check(SECRET not in json.dumps(told), "a file of root's came out")
        same(told["fd"]["call_sites"][0]["count"], 20, "descriptors")


def test_another_users_map_of_code():
    """A name in /tmp can be taken by anybody: the names would be whose they are not."""
    need_root()
    need_namespaces()
    with Scratch() as scratch:
        binary = private_copy(scratch)
        with maker_of_code(scratch) as process:
            path = f"/tmp/perf-{process.pid}.map"
            try:
                put_map(path, process.code, "Forged", owner=USER + 1)
                told, _ = traced(binary, process.pid, process.open)
            finally:
                os.unlink(path)
        check("Forged" not in functions(told), "another user's names were told")


def stripped_with_link(scratch, name):
    """A program without symbols that says where its debugging information is."""
    if not shutil.which("objcopy"):
        raise Skip("no objcopy")
    path, debug = scratch.file("leak"), scratch.file(name)
    subprocess.run(["objcopy", "--only-keep-debug", leaking("leak"), debug], check=True)
    subprocess.run(["objcopy", "--strip-all", "--remove-section=.note.gnu.build-id",
                    leaking("leak"), path], check=True)
    subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", path], check=True)
    return path, debug


class Leaker:
    """leak, as a user; below a shell in namespaces of its own, if there is a script."""

    def __init__(self, path, script=None):
        command = [path, "20"] if script is None else \
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
             f"{script}; exec {path} 20"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, user=USER,
                                        group=USER, extra_groups=[], cwd="/")
        self.expect("ready")
        self.pid = self.process.pid

    def expect(self, word):
        same(self.process.stdout.readline().strip(), word, "what it says")

    def open(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.expect("done")

    __enter__, __exit__ = Process.__enter__, Process.__exit__


def test_debug_file_by_link():
    """Beside the program, where its link says: it is found and read."""
    need_root()
    need_namespaces()
    with Scratch() as scratch:
        binary = private_copy(scratch)
        path, debug = stripped_with_link(scratch, "leak.debug")
        os.chmod(path, 0o755)
        os.chmod(debug, 0o644)
        with Leaker(path) as leaker:
            told, _ = traced(binary, leaker.pid, leaker.open)
    check("leak_file" in functions(told), f"functions: {functions(told)}")


def leak_with_debug_file(make, mode=0o644):
    """Traced, with what `make` (a command for the place and the real file) has put below a
    /usr/lib/debug of its own, where its debugging information is looked for."""
    need_root()
    need_namespaces()
    if not shutil.which("objcopy") or not shutil.which("readelf"):
        raise Skip("no objcopy or readelf")
    os.makedirs("/usr/lib/debug", exist_ok=True)
    with Scratch() as scratch:
        binary = private_copy(scratch)
        path, debug = scratch.file("leak"), scratch.file("leak.debug")
        subprocess.run(["objcopy", "--only-keep-debug", leaking("leak"), debug], check=True)
        subprocess.run(["objcopy", "--strip-all", leaking("leak"), path], check=True)
        os.chmod(path, 0o755)
        os.chmod(debug, mode)
        notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True,
                               check=True).stdout
        build_id = re.search("Build ID: ([0-9a-f]+)", notes).group(1)
        place = f"/usr/lib/debug/.build-id/{build_id[:2]}"
        script = (f"mount -t tmpfs none /usr/lib/debug; mkdir -p {place}; "
                  + make(f"{place}/{build_id[2:]}.debug", debug))
        with Leaker(path, script) as leaker:
            return traced(binary, leaker.pid, leaker.open)


def test_debug_file_by_build_id():
    """What the next are to be seen beside: its own file is found and read."""
    told, _ = leak_with_debug_file(lambda place, debug: f"ln -s {debug} {place}")
    check("leak_file" in functions(told), f"functions: {functions(told)}")


def test_debug_file_of_others():
    """Not one that the process itself may not read, whatever link leads there."""
    told, _ = leak_with_debug_file(lambda place, debug: f"ln -s {debug} {place}", mode=0o600)
    check("leak_file" not in functions(told), "a file of root's came out")
    same(told["fd"]["call_sites"][0]["count"], 20, "descriptors")


def test_fifo_as_debug_file():
    """To open it waits for a writer: the trace does not."""
    told, seconds = leak_with_debug_file(lambda place, debug: f"mkfifo -m 666 {place}")
    same(told["fd"]["call_sites"][0]["count"], 20, "descriptors")
    check(seconds < 12, f"it took {seconds:.1f} s")


def test_kernel_files_as_debug_file():
    """A link to a file of the kernel's: to read it may take what another reader waits for."""
    target = next((path for path in ("/sys/kernel/tracing/trace_pipe",
                                     "/sys/kernel/debug/tracing/trace_pipe",
                                     "/proc/kmsg") if os.path.exists(path)), None)
    if not target:
        raise Skip("no such file")
    told, seconds = leak_with_debug_file(lambda place, debug: f"ln -s {target} {place}")
    same(told["fd"]["call_sites"][0]["count"], 20, "descriptors")
    check(seconds < 12, f"it took {seconds:.1f} s")


def test_what_is_open_meanwhile():
    """The child that reads programs has no file open but what it was handed."""
    need_root()
    need_namespaces()
    with Scratch() as scratch:
        binary = private_copy(scratch)
        with maker_of_code(scratch) as process:
            trace = as_service(binary, "trace", process.pid, "--json", "--duration", "3")
            try:
                check("tracing" in trace.stderr.readline(), "it has begun")
                process.open()
                time.sleep(0.5)
                children = children_of(trace.pid)
                same(len(children), 2, "children")
                for child in children:
                    with open(f"/proc/{child}/status", encoding="ascii",
                              errors="replace") as status:
                        text = status.read()
                    rights = int(re.search(r"CapEff:\s+(\w+)", text).group(1), 16)
                    name = re.search(r"Name:\s+(\S+)", text).group(1)
                    wanted = 0 if name == "fdwarden-unwind" else OTHERS
                    same(rights, wanted, f"capabilities of {name}")
                same(trace.wait(30), 0, "exit status")
            finally:
                if trace.poll() is None:
                    trace.kill()
                trace.communicate()


# They write alerts and state, ask for names, and talk to clients.
PLAIN = {"sink-file", "sink-stdout", "sink-hook", "state", "names", "server"}


def rights_of_threads(pid):
    """{name: [(effective, permitted, ambient)]} of all threads of a process."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii",
                  errors="replace") as status:
            text = status.read()
        sets = tuple(int(re.search(rf"{name}:\s+(\w+)", text).group(1), 16)
                     for name in ("CapEff", "CapPrm", "CapAmb"))
        found.setdefault(re.search(r"Name:\s+(\S+)", text).group(1), []).append(sets)
    return found


def test_rights_of_threads():
    """Those with which one sees what is other users' are in force only while that is read;
    threads that never do so have none at all. All is told as before."""
    need_root()
    limits = resource.RLIMIT_NOFILE, (64, 64)
    with service("snapshot.interval=200ms", "thresholds.dwell=0") as daemon:
        with Zoo("openat=50", "say=open", "wait", user=USER, group=USER, extra_groups=[],
                 preexec_fn=lambda: resource.setrlimit(*limits)) as other:
            other.expect("open")
            _, alert = daemon.explained(other.pid, "fd-warning", 20)
            check(alert["process"].get("executable", "").endswith("/fdzoo"),
                  f"its executable: {alert['process']}")
            check(alert["limit"]["origin"] != "unknown", f"its origin: {alert['limit']}")
            threads = rights_of_threads(daemon.pid)
        note(", ".join(f"{name} {sets[0][0]:x}/{sets[0][1]:x}"
                       for name, sets in sorted(threads.items())))
        same(PLAIN - {"sink-hook", "names"} - set(threads), set(), "threads that are missing")
        for name, sets in threads.items():
            for effective, permitted, ambient in sets:
                check(not effective & OTHERS, f"{name} has {effective:x} in force")
                if name in PLAIN:
                    same((effective, permitted, ambient), (0, 0, 0), f"the rights of {name}")


def test_what_rests_is_not_missing():
    """A daemon that may trace all does not say that it can't."""
    need_root()
    with service("trace.auto=yes") as daemon:
        daemon.wait_log("ready:", 20)
        same([line for line in daemon.log if "CAP_SYS_PTRACE" in line], [], "what it says")


NAMES = 4000
UNIT = "a-b-c-d-e-f-g-h.service"
# In a mount namespace of its own: a directory of units with very many names for one.
MANY_NAMES = f"""
import os, resource, sys
for i in range({NAMES}):
    os.symlink("{UNIT}", f"/etc/systemd/system/x-{{i}}-y-z.service")
print("ready", flush=True)
sys.stdin.readline()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(58)]
print("done", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def cgroup_like_a_container():
    """A cgroup that says: in a container, in this unit of it."""
    tree = next((path for path in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup")
                 if os.path.exists(f"{path}/cgroup.procs")), None)
    if not tree:
        raise Skip("no hierarchy of cgroups")
    parts = [f"fdwarden-test-{os.getpid()}", "docker", "d" * 64, "system.slice", UNIT]
    path = os.path.join(tree, *parts)
    try:
        os.makedirs(path)
    except OSError as error:
        raise Skip(f"no cgroup can be made: {error}") from error
    try:
        yield f"{path}/cgroup.procs"
    finally:
        for i in range(len(parts), 0, -1):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(tree, *parts[:i]))


class ManyNames:
    """One that makes the look-up of its limit as dear as it can. It is put into a cgroup, or
    makes one of its own."""

    def __init__(self, cgroup, own=None):
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                   'mount -t tmpfs none /etc/systemd/system && exec /usr/bin/python3 -c "$1"',
                   "sh", MANY_NAMES]
        if own:
            command = ["sh", "-c", 'mkdir -p "$1" && echo 0 >"$1/cgroup.procs" && shift && '
                       'exec "$@"', "sh", own, *command]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=USER,
            group=USER, extra_groups=[], cwd="/")
        same(self.process.stdout.readline().strip(), "ready", "what it says")
        self.pid = self.process.pid
        if cgroup:
            with open(cgroup, "w", encoding="ascii") as procs:
                procs.write(str(self.pid))

    def fill(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        same(self.process.stdout.readline().strip(), "done", "what it says")

    __enter__, __exit__ = Process.__enter__, Process.__exit__


def test_one_user_does_not_blind_others():
    """Four processes with thousands of names for their unit: each look-up ends, and what the
    others' descriptors are, and where their limits were set, is told as before."""
    need_root()
    need_namespaces()
    if not os.path.isdir("/etc/systemd/system") or not os.path.exists("/usr/bin/python3"):
        raise Skip("no directory of units, or no python")
    with cgroup_like_a_container() as cgroup, contextlib.ExitStack() as stack:
        daemon = stack.enter_context(
            Daemon("snapshot.interval=200ms", "thresholds.dwell=0"))
        hostile = [stack.enter_context(ManyNames(cgroup)) for _ in range(4)]
        for one in hostile:
            one.fill()
        for one in hostile:
            _, alert = daemon.explained(one.pid, "fd-warning", 30)
            note(f"{alert['limit']['origin']}: {alert['limit'].get('denied', 'all was read')}")
        # another user's
        limits = resource.RLIMIT_NOFILE, (64, 64)
        with Zoo("openat=50", "say=open", "wait", user=65534, group=65534, extra_groups=[],
                 preexec_fn=lambda: resource.setrlimit(*limits)) as other:
            other.expect("open")
            _, alert = daemon.explained(other.pid, "fd-warning", 10)
            check(alert["fd"].get("groups"), f"no inventory: {alert['fd']}")
            check("limit" in alert, "no origin")
        # each lives as long as its question
        wait_until(lambda: not children_of(daemon.pid), 10, "the end of all helpers")


if platform.machine() not in ("x86_64", "aarch64"):
    raise Skip("its code is of other machines")


def maps_memory(pid):
    """Bytes that the BPF maps of a process take."""
    total = 0
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError), \
                open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as info:
            text = info.read()
            if "map_type:" in text:
                total += int(re.search(r"^memlock:\s*(\d+)", text, re.M).group(1))
    return total


def test_a_trace_takes_what_the_limit_allows():
    """The service may not ask prlimit(2) for the limits of others' processes: what a trace
    reserves is by these all the same, not all that it might."""
    need_root()
    taken = []
    with Scratch() as scratch, subprocess.Popen(["sleep", "60"]) as sleeper:
        binary = private_copy(scratch)
        for command in ([binary], service_command(binary)):
            with subprocess.Popen([*command, "trace", str(sleeper.pid), "--json",
                                   "--duration", "3"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) as trace:
                line = trace.stderr.readline()
                check("tracing" in line, f"the trace said {line!r}")
                taken.append(maps_memory(trace.pid))
        sleeper.kill()
    check(taken[0], "no maps were seen")
    same(taken[1], taken[0], "bytes in maps of the service, and of root, who may ask")
