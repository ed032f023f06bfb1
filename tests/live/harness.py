# SPDX-License-Identifier: GPL-2.0-or-later
"""What the live tests share: the daemon, the zoo, and ways to look at both."""
import contextlib
import json
import os
import queue
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import schema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FDWARDEN = os.path.abspath(os.environ.get("FDWARDEN", os.path.join(ROOT, "build/fdwarden")))
FDZOO = os.path.abspath(os.environ.get(
    "FDZOO", os.path.join(os.path.dirname(FDWARDEN), "tests/helpers/fdzoo")))
# e.g. "sensor=tracepoint": the same tests over another sensor
OPTIONS = os.environ.get("FDWARDEN_OPTIONS", "").split()


class Skip(Exception):
    """The test can't be made here; str() is the reason."""


class Failure(Exception):
    """The test failed; str() is the reason."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def same(got, wanted, what):
    check(got == wanted, f"{what}: {got!r}, not {wanted!r}")


def note(text):
    """A figure for the reader, under the test's line."""
    print(f"#   {text}", flush=True)


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def leaking(name):
    """The path of a program that leaks (tests/helpers/leaks), if its compiler was there."""
    path = os.path.join(os.path.dirname(FDZOO), "leaks", name)
    if not os.path.exists(path):
        raise Skip(f"{name} was not built: its compiler is not there")
    return path


def tool(name):
    """The path of a real program: of the environment, the machine, or what .ci/tools fetched."""
    own = os.path.join(os.path.dirname(FDWARDEN), "tools/bin")
    path = os.environ.get(name.upper().replace("-", "_")) or shutil.which(
        name, path=os.environ.get("PATH", "") + f":/usr/sbin:/sbin:{own}")
    if not path:
        raise Skip(f"no {name} (.ci/tools fetches it on Debian)")
    return path


def own_name(number):
    """A name that is grouped with no other one's: in groups, digits count as the same."""
    return "zoo" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


def need_root():
    if os.geteuid():
        raise Skip("needs root")


def need_limit(limit):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < limit:
        raise Skip(f"the hard limit of descriptors is {hard}, {limit} are needed")


def unused_uid():
    """One that owns no process, so that its per-user limits are untouched."""
    used = {os.stat(f"/proc/{pid}").st_uid for pid in pids()}
    while True:
        uid = random.randrange(61000, 65000)
        if uid not in used:
            return uid


def pids():
    for name in os.listdir("/proc"):
        if name.isdigit() and os.path.exists(f"/proc/{name}/stat"):
            yield int(name)


def listed(pid, tid=None):
    """Entries of /proc/PID/fd."""
    where = f"/proc/{pid}/task/{tid}/fd" if tid else f"/proc/{pid}/fd"
    return len(os.listdir(where))


def children_of(pid):
    """Those that its threads started, of each the oldest first."""
    found = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
                open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as children:
            found += [int(child) for child in children.read().split()]
    return found


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.01)


class Scratch:
    """A directory that goes away."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="fdwarden-")
        os.chmod(self.path, 0o755)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, name, text=None, mode=0o644):
        path = os.path.join(self.path, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            os.chmod(path, mode)
        return path


class Zoo:
    """One fdzoo, told what to do and when."""

    current = set()  # pids of those that are in a `with`

    def __init__(self, *steps, program=FDZOO, quiet=False, **options):
        self.process = subprocess.Popen(
            [program, *steps], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **options)
        self.pid = self.process.pid
        Zoo.current.add(self.pid)
        self.lines = queue.Queue()
        self.seen = []
        self.errors = ""
        self.quiet = quiet
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.split())
        self.lines.put(None)

    def _read_errors(self):
        self.errors = self.process.stderr.read()

    def next(self, seconds=10):
        try:
            words = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise Failure(f"fdzoo said nothing for {seconds} s") from None
        if words is None:
            self.readers[1].join(5)
            raise Failure(f"fdzoo ended: {self.errors.strip() or 'no reason given'}")
        if words[0] == "skip":
            raise Skip(f"{words[1]}: {' '.join(words[2:])}")
        self.seen.append(words)
        return words

    def expect(self, word, seconds=10):
        """The next line that begins so; what came before it is in `seen`."""
        while True:
            words = self.next(seconds)
            if words[0] == word:
                return words

    def stamp(self, word, seconds=10):
        """CLOCK_BOOTTIME at `say=WORD`."""
        return int(self.expect(word, seconds)[1])

    def said(self, word):
        return [words for words in self.seen if words[0] == word]

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self, status=0, seconds=20):
        """Closes its input, at which `wait` exits, and checks how it ended."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        got = self.process.wait(seconds)
        self.readers[1].join(5)
        check(got == status, f"fdzoo ended with {got}: {self.errors.strip()}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        Zoo.current.discard(self.pid)
        if self.process.poll() is None:
            if kind:
                self.kill()
            else:
                self.end()
        for reader in self.readers:
            reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()


def is_own(alert):
    return alert.get("process", {}).get("pid") in Zoo.current


def names_state(config):
    with open(config, encoding="utf-8", errors="replace") as file:
        return "[state]" in file.read()


class Daemon:
    """`fdwarden daemon`, its alerts with the time of their arrival, its log."""

    def __init__(self, *options, config=None, stdout=subprocess.PIPE, read=True,
                 ready=True, lossy=False, command=(FDWARDEN,), **popen):
        need_root()
        self.lossy = lossy  # alerts are made to be lost
        self.own_only = False  # only the test's own processes are checked
        self.alerts = []  # (arrival, alert)
        self.wrong = []
        self.log = []
        self.arrived = threading.Condition()
        # without a file of its own it would take the machine's: its socket, and what
        # stands in the trouble of others
        arguments = ["-c", config or "/dev/null"]
        own = ["socket.path=", "incidents.path="]
        if not (config and names_state(config)):
            own.append("state.file=")
        for option in [*own, *OPTIONS, *options]:
            arguments += ["-o", option]
        self.process = subprocess.Popen(
            [*command, "daemon", *arguments], stdin=subprocess.DEVNULL,
            stdout=stdout, stderr=subprocess.PIPE, **popen)
        self.pid = self.process.pid
        self.threads = [threading.Thread(target=self._read_log, daemon=True)]
        self.reader = threading.Thread(target=self._read_alerts, daemon=True)
        if read and stdout == subprocess.PIPE:
            self.threads.append(self.reader)
        for thread in self.threads:
            thread.start()
        if ready:
            try:
                self.wait_log("ready:", 60)
            except Failure:
                self.process.kill()
                raise

    def read(self):
        """Begins to read, for a daemon that was started with read=False."""
        self.threads.append(self.reader)
        self.reader.start()

    def _read_log(self):
        for line in self.process.stderr:
            with self.arrived:
                self.log.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self.arrived.notify_all()

    def _read_alerts(self):
        for line in self.process.stdout:
            now = boot_ns()
            alert = parse_alert(line, self.wrong)
            with self.arrived:
                if alert:
                    self.alerts.append((now, alert))
                self.arrived.notify_all()

    def wait_log(self, text, seconds=5):
        """The first line of its log that has this text."""
        def find():
            return next((line for line in self.log if text in line), None)
        self._wait(lambda: find() or self.process.poll() is not None, seconds,
                   f"'{text}' in the log")
        time.sleep(0.05 if not find() else 0)  # its last words
        check(find(), f"it ended without '{text}' in the log: {self.log}")
        return find()

    def _wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        with self.arrived:
            while not condition():
                check(not self.wrong, f"breaks the contract: {(self.wrong or [''])[0]}")
                left = end - time.monotonic()
                if left <= 0:
                    raise Failure(f"no {what} within {seconds} s")
                self.arrived.wait(min(left, 0.2))

    def of(self, pid, details=False):
        """This process's alerts, in order; with what followed to explain them?"""
        with self.arrived:
            return [alert for _, alert in self.alerts
                    if alert.get("process", {}).get("pid") == pid
                    and (details or alert["event"]["action"] != "fd-details")]

    def actions(self, pid, details=False):
        return [alert["event"]["action"] for alert in self.of(pid, details)]

    def explained(self, pid, action, seconds=5):
        """The first alert of this process with this action, and what it was explained
        with: itself, or what followed."""
        def find():
            found = None
            for alert in self.of_unlocked(pid):
                if not found and alert["event"]["action"] == action:
                    found = alert
                if found and "types" in alert["fd"] and "limit" in alert:
                    return found, alert
            return None
        self._wait(find, seconds, f"explained {action} of {pid}")
        return find()

    def of_unlocked(self, pid):
        return [alert for _, alert in list(self.alerts)
                if alert.get("process", {}).get("pid") == pid]

    def groups(self, name):
        """Summaries of this group."""
        with self.arrived:
            return [alert for _, alert in self.alerts
                    if alert.get("fd", {}).get("group", {}).get("name") == name]

    def wait(self, pid, action, seconds=5):
        """The first alert of this process with this action: (arrival, alert)."""
        def find():
            return next(((when, alert) for when, alert in self.alerts
                         if alert.get("process", {}).get("pid") == pid
                         and alert["event"]["action"] == action), None)
        self._wait(find, seconds,
                   f"{action} of {pid} (it has {self.actions_unlocked(pid)})")
        return find()

    def actions_unlocked(self, pid):
        return [alert["event"]["action"] for alert in self.of_unlocked(pid)
                if alert["event"]["action"] != "fd-details"]

    def wait_for(self, condition, seconds, what):
        self._wait(lambda: condition(self), seconds, what)

    def stop(self, status=0, seconds=10):
        """Ends it, and checks its exit status and every alert that it wrote."""
        dead = self._dead_incidents()
        self.process.send_signal(signal.SIGTERM)
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure(f"it did not end within {seconds} s of SIGTERM") from None
        for thread in self.threads:
            thread.join(5)
        self._close()
        same(got, status, f"exit status, with the log {self.log}")
        alerts = [alert for _, alert in self.alerts
                  if not self.own_only or is_own(alert)]
        known = {alert["fd"]["incident"] for alert in alerts if "fd" in alert}
        check_alerts(self.wrong, alerts, () if self.lossy else dead & known, self.lossy)

    def _dead_incidents(self):
        """Incidents whose process is gone: these must be closed at the end."""
        with self.arrived:
            return {alert["fd"]["incident"] for _, alert in self.alerts
                    if "process" in alert and "fd" in alert
                    and not os.path.exists(f"/proc/{alert['process']['pid']}")}

    def _close(self):
        self.process.stderr.close()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            if kind:
                self.process.kill()
                self.process.wait()
            else:
                self.stop()


def parse_alert(line, wrong):
    """One line as an alert; what is wrong with it is added to `wrong`."""
    try:
        alert = json.loads(line.decode("utf-8"))
        schema.check_alert(alert)
        return alert
    except (ValueError, schema.Wrong) as error:
        wrong.append(f"{error} in {line[:2000]!r}")
        return None


def check_documents(documents, form="alert"):
    """By the JSON Schema that is shipped."""
    try:
        import jsonschema
    except ImportError:
        return  # a test of its own says so
    with open(os.path.join(ROOT, f"docs/{form}.schema.json"), encoding="utf-8") as file:
        validator = jsonschema.Draft202012Validator(json.load(file))
    for document in documents:
        # of what fits neither form, what fits the nearer one least
        wrong = next(iter(validator.iter_errors(document)), None)
        if wrong:
            error = jsonschema.exceptions.best_match([wrong])
            raise Failure(f"breaks the schema: {error.json_path}: {error.message[:500]}")


def check_alerts(wrong, alerts, must_close=(), lossy=False):
    """Every alert is whole, and every incident opens once and closes once; with
    `lossy` some alerts may be missing."""
    check(not wrong, f"{len(wrong)} alerts break the contract, the first: "
          f"{wrong[0] if wrong else ''}")
    check_documents(alerts)
    ids = [alert["event"]["id"] for alert in alerts]
    check(len(ids) == len(set(ids)), "an event.id came twice")
    owner, closed = {}, set()
    for alert in alerts:
        if "fd" not in alert:
            continue
        incident = alert["fd"]["incident"]
        action = alert["event"]["action"]
        who = alert.get("process", {}).get("pid") or alert["fd"]["group"]["name"]
        check(incident not in closed, f"{action} of {who} in an incident that was closed")
        if incident not in owner:
            check(lossy or action != "fd-recovered", f"an incident of {who} opens with its end")
            owner[incident] = who
        same(who, owner[incident], "whose incident it is")
        if action == "fd-recovered" and "group" not in alert["fd"]:
            closed.add(incident)
    left = set(must_close) - closed
    check(not left, f"incidents of {[owner[i] for i in left]} never closed")


def read_alert_file(path):
    """Alerts of a file; every line must be whole."""
    wrong, alerts = [], []
    with open(path, "rb") as lines:
        for line in lines:
            alerts.append(parse_alert(line, wrong))
    check_alerts(wrong, alerts)
    return alerts


def inspect(pid, *arguments, **options):
    """`fdwarden inspect --json`, checked."""
    need_root()
    done = subprocess.run([FDWARDEN, "inspect", "--json", *map(str, arguments), str(pid)],
                          capture_output=True, timeout=60, check=False, **options)
    check(done.returncode == 0, f"inspect ended with {done.returncode}: {done.stderr!r}")
    document = json.loads(done.stdout.decode("utf-8"))
    try:
        schema.check_inspect(document)
    except schema.Wrong as error:
        raise Failure(f"inspect --json: {error}") from None
    check_documents([document])
    return document


def ps(*arguments):
    """`fdwarden ps --json`, checked: pid → its entry."""
    need_root()
    done = subprocess.run([FDWARDEN, "ps", "--own-look", "--json", *map(str, arguments)],
                          capture_output=True, timeout=30, check=False)
    check(done.returncode == 0, f"ps ended with {done.returncode}: {done.stderr!r}")
    document = json.loads(done.stdout.decode("utf-8"))
    try:
        schema.check_ps(document)
    except schema.Wrong as error:
        raise Failure(f"ps --json: {error}") from None
    return {entry["process"]["pid"]: entry for entry in document["processes"]}
