# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics over HTTP."""
import contextlib
import http.client
import re
import signal
import socket
import subprocess
import threading

from harness import FDWARDEN, Daemon, Scratch, Zoo, check, listed, same, wait_until

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.]+(?:e[-+][0-9]+)?)')


def free_port(family=socket.AF_INET, address="127.0.0.1"):
    with socket.socket(family) as taken:
        taken.bind((address, 0))
        return taken.getsockname()[1]


def daemon(port, address="127.0.0.1"):
    return Daemon("state.file=", "socket.path=", "snapshot.interval=200ms",
                  f"metrics.listen={address}:{port}")


def ask(port, method="GET", url="/metrics", address="127.0.0.1", accept=None):
    connection = http.client.HTTPConnection(address, port, timeout=20)
    connection.request(method, url, headers={"Accept": accept} if accept else {})
    response = connection.getresponse()
    text = response.read().decode("utf-8")
    connection.close()
    return response, text


def parse(text):
    """{(name, labels): value}; every line must be of the format, every name announced."""
    found, announced = {}, set()
    for line in text.splitlines():
        if line.startswith("# "):
            announced.add(line.split()[2])
            continue
        match = LINE.fullmatch(line)
        check(match, f"not of the format: {line!r}")
        check(match[1] in announced, f"{match[1]} has no HELP and TYPE before it")
        same(found.get((match[1], match[2])), None, f"twice: {line!r}")
        found[match[1], match[2]] = float(match[3])
    return found


def of_process(metrics, name, pid):
    return next((value for (metric, labels), value in metrics.items()
                 if metric == name and f'pid="{pid}",' in (labels or "")), None)


def test_process_and_incident():
    port = free_port()
    with daemon(port) as watched, Zoo("limit=64", "refuse=openat:3", "say=full",
                                      "wait") as zoo:
        zoo.expect("full")
        watched.wait(zoo.pid, "fd-exhausted")

        def metrics():
            response, text = ask(port)
            same(response.status, 200, "status")
            check(response.getheader("Content-Type").startswith("text/plain; version=0.0.4"),
                  response.getheader("Content-Type"))
            return parse(text)

        wait_until(lambda: of_process(metrics(), "fdwarden_process_used_descriptors",
                                      zoo.pid) == 64, 10, "64 used")
        now = metrics()
        same(listed(zoo.pid), 64, "entries of /proc")
        same(of_process(now, "fdwarden_process_soft_limit", zoo.pid), 64, "limit")
        same(of_process(now, "fdwarden_process_usage_ratio", zoo.pid), 1, "usage")
        check(of_process(now, "fdwarden_process_refused_calls_total", zoo.pid) >= 1, now)
        check(now["fdwarden_incidents", 'level="exhausted"'] >= 1, now)
        check(now["fdwarden_alerts_total", 'action="fd-exhausted"'] >= 1, now)
        same(of_process(now, "fdwarden_process_used_descriptors", watched.process.pid), None,
             "one that is in no incident")
        check(now["process_open_fds", None] > 3, now)
        check(now["process_resident_memory_bytes", None] > 1e6, now)
        check(now["fdwarden_processes", None] > 2, now)
        with open("/proc/sys/fs/file-max", encoding="ascii") as file:
            same(now["fdwarden_files_max", None], float(file.read()), "fs.file-max")


def test_what_is_not_served():
    port = free_port()
    with daemon(port):
        same(ask(port, url="/metric")[0].status, 404, "GET /metric")
        response, text = ask(port, url="/")
        same(response.status, 200, "GET /")
        check('href="/metrics"' in text, text)
        same(ask(port, "POST")[0].status, 405, "POST")
        response, text = ask(port, "HEAD")
        same((response.status, text), (200, ""), "HEAD")


def of_workload(metrics, name, **labels):
    """The sum over all series with these labels."""
    found = [value for (metric, text), value in metrics.items() if metric == name and
             all(f'{label}="{value}"' in (text or "") for label, value in labels.items())]
    return sum(found) if found else None


def test_workloads():
    """A user's processes: sums, the fullest one, what was refused; and it stays when they
    have gone."""
    port = free_port()
    with daemon(port) as watched, Zoo("limit=64", "refuse=openat:3", "say=full", "wait",
                                      user=4242) as zoo:
        zoo.expect("full")
        watched.wait(zoo.pid, "fd-exhausted")

        def user(name, **labels):
            return of_workload(parse(ask(port)[1]), f"fdwarden_user_{name}", uid="4242",
                               **labels)

        wait_until(lambda: user("refused_calls_total", errno="EMFILE") == 3, 10,
                   "three refusals")
        same(user("used_descriptors"), 64, "used")
        same(user("soft_limit"), 64, "limit")
        same(user("usage_ratio"), 1, "usage")
        same(user("descriptors"), 64, "descriptors")
        same(user("incidents", level="exhausted"), 1, "incidents")
        same(user("refused_by_call_total", call="openat", errno="EMFILE"), 3, "by call")
        same(user("refused_calls_total", errno="ENFILE"), 0, "by another error")
        zoo.process.kill()
        wait_until(lambda: user("processes") is None, 10, "its end")
        same(user("refused_calls_total", errno="EMFILE"), 3, "refusals after its end")


def test_open_metrics():
    port = free_port()
    with daemon(port):
        wait_until(lambda: ask(port)[0].status == 200, 10, "figures")
        response, text = ask(port, accept="application/openmetrics-text;version=1.0.0,"
                                          "text/plain;version=0.0.4;q=0.5")
        same(response.getheader("Content-Type"),
             "application/openmetrics-text; version=1.0.0; charset=utf-8", "type")
        check(text.endswith("\n# EOF\n"), text[-200:])
        check("# TYPE fdwarden_refused_calls counter\n" in text, "the family's name")


def test_short_lived_processes():
    """Thousands that come and go leave no series behind them."""
    port = free_port()
    with daemon(port):
        seen = set()
        for _ in range(10):
            subprocess.run(["sh", "-c", "i=0; while [ $i -lt 300 ]; do /bin/true & "
                            "i=$((i+1)); done; wait"], check=True, timeout=120)
            seen |= set(parse(ask(port)[1]))
        check(not any('pid="' in (labels or "") and "process_" in name and
                      'name="true"' in labels for name, labels in seen), "by pid")
        check(len(seen) < 20000, f"{len(seen)} series")


def test_clients_that_say_nothing():
    """More than are served at once, and none of them asks; alerts go on."""
    port = free_port()
    with daemon(port) as watched:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
        for one in silent[:10]:
            one.sendall(b"GET /met")
        with Zoo("limit=64", "fill", "say=full", "wait") as zoo:
            watched.wait(zoo.pid, "fd-critical")
        for one in silent:
            one.close()
        same(ask(port)[0].status, 200, "status afterwards")


def test_many_at_once():
    port = free_port()
    with daemon(port):
        bad = []

        def client():
            try:
                for _ in range(10):
                    parse(ask(port)[1])
            except Exception as error:  # noqa: BLE001 (told below)
                bad.append(error)

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(bad, [], "failures")


def test_address_in_use():
    """It is said, and monitoring goes on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with daemon(port) as watched:
            watched.wait_log(f"no metrics are served: metrics.listen 127.0.0.1:{port}: "
                             "Address already in use")
            with Zoo("limit=64", "fill", "say=full", "wait") as zoo:
                watched.wait(zoo.pid, "fd-critical")


def test_ends_while_asked():
    port = free_port()
    with daemon(port):
        held = socket.create_connection(("127.0.0.1", port))
        held.sendall(b"GET /metrics HTTP/1.1\r\n")
    held.close()


def test_slow_ones_hold_up_nobody():
    """A hundred that send a byte now and then, a hundred that take none of the answer,
    and twenty that ask as one does."""
    port = free_port()
    with daemon(port):
        wait_until(lambda: ask(port)[0].status == 200, 10, "figures")
        slow = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(100)]
        for one in slow:
            one.sendall(b"GET /met")
        deaf = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(100)]
        for one in deaf:
            one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(20):
            same(ask(port)[0].status, 200, "status beside slow ones")
            for one in slow:
                try:
                    one.sendall(b"r")
                except OSError:
                    pass  # it was hung up on
        for one in slow + deaf:
            one.close()


def test_what_is_ignored_is_no_trouble():
    port = free_port()
    with Scratch() as scratch:
        path = scratch.file("socket")
        config = scratch.file("conf", "")
        with Daemon("snapshot.interval=200ms", f"metrics.listen=127.0.0.1:{port}",
                    "state.file=", f"socket.path={path}", config=config) as watched, \
                Zoo("limit=64", "refuse=openat:3", "say=full", "wait") as zoo:
            zoo.expect("full")
            watched.wait(zoo.pid, "fd-exhausted")
            wait_until(lambda: of_process(parse(ask(port)[1]), "fdwarden_process_usage_ratio",
                                          zoo.pid) == 1, 10, "its usage")
            scratch.file("conf", "[rule batch]\nname = fdzoo\nignore = yes\n")
            watched.process.send_signal(signal.SIGHUP)
            _, end = watched.wait(zoo.pid, "fd-recovered", 10)
            same(end["fd"]["reason"], "ignored", "reason")
            check("is ignored from now on" in end["message"], end["message"])
            wait_until(lambda: of_process(parse(ask(port)[1]), "fdwarden_process_usage_ratio",
                                          zoo.pid) is None, 10, "no usage of what is ignored")
            done = subprocess.run([FDWARDEN, "check", "--socket", path, str(zoo.pid)],
                                  capture_output=True, text=True, timeout=30, check=False)
            same(done.returncode, 0, done.stdout)
            check("a rule ignores it" in done.stdout, done.stdout)


def test_slow_ones_hold_up_nobody():
    """A hundred that send half a request and no more: twenty at once are all answered."""
    port = free_port()
    with daemon(port):
        wait_until(lambda: ask(port)[0].status == 200, 10, "figures")
        slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(100)]
        try:
            for one in slow:
                # those before it may have been hung up on
                with contextlib.suppress(OSError):
                    one.send(b"GET /metr")
            answers = []
            good = [threading.Thread(target=lambda: answers.append(ask(port))) for _ in range(20)]
            for one in good:
                one.start()
            for one in good:
                one.join(60)
            same([response.status for response, _ in answers], [200] * 20, "answers")
            for _, text in answers:
                check(len(parse(text)) > 20, "a whole answer")
        finally:
            for one in slow:
                one.close()
