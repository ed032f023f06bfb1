# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers as they are run, looked at with `fdwarden inspect`: nginx under load, and two in Go
that leak. What is said must be right, or nothing."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agreement import agree
from harness import (Daemon, FDZOO, Scratch, Skip, Zoo, check, children_of, inspect, leaking, need_root, note, same,
                     wait_until)

CLIENTS = 500


def rules(document):
    return [(cause["rule"], cause["leak"]) for cause in document.get("diagnosis", [])]


def types(document):
    return {kind["type"]: kind["count"] for kind in document["fd"]["types"]}


def looked_at(pid):
    """`inspect`, beside /proc and lsof, descriptor by descriptor."""
    document = inspect(pid, "--descriptors")
    said, _ = agree(pid)
    same({d["fd"]: d["type"] for d in document["fd"]["descriptors"]},
         {fd: d["type"] for fd, d in said.items()}, "types of its descriptors")
    return document


# ---- nginx ----

CONFIGURATION = """
daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log; user root;
worker_rlimit_nofile 2048;
events {{ worker_connections 1500; }}
http {{
    access_log off; keepalive_timeout 300s; sendfile on;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    server {{ listen 127.0.0.1:{port}; root {dir}; }}
}}
"""


def nginx_program(directory):
    """Debian's, unpacked only: to install it would start a web server on this machine."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if program:
        return program
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Skip("no nginx")
    for command in (["apt-get", "-qq", "download", "nginx"],
                    ["sh", "-c", "dpkg-deb -x nginx_*.deb ."]):
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True,
                              timeout=120, check=False)
        if done.returncode:
            raise Skip(f"no nginx to be had: {done.stderr.strip()[-200:]}")
    return os.path.join(directory, "usr/sbin/nginx")


class Nginx:
    """With one worker, whose clients ask for a page each and stay."""

    def __enter__(self):
        need_root()
        self.dir = tempfile.mkdtemp(prefix="fdwarden-")
        try:
            return self.start(nginx_program(self.dir))
        except Exception:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise

    def start(self, program):
        os.chmod(self.dir, 0o755)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with open(f"{self.dir}/conf", "w", encoding="ascii") as out:
            out.write(CONFIGURATION.format(dir=self.dir, port=self.port))
        with open(f"{self.dir}/page", "w", encoding="ascii") as out:
            out.write("page\n")
        with open(f"{self.dir}/large", "wb") as out:
            out.truncate(64 << 20)
        self.process = subprocess.Popen([program, "-c", f"{self.dir}/conf", "-p", self.dir,
                                         "-e", f"{self.dir}/error.log"],
                                        stderr=subprocess.DEVNULL)
        self.clients = []
        try:
            wait_until(self.workers, 10, "nginx's worker")
            wait_until(self.answers, 10, "nginx")
        except Exception:
            self.__exit__()
            raise
        return self

    def workers(self):
        try:
            return children_of(self.process.pid)
        except OSError:
            return []

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def ask(self, n, path):
        for _ in range(n):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self.port))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            check(client.recv(64).startswith(b"HTTP/1.1 200"), f"nginx refuses {path}")
            self.clients.append(client)

    def __exit__(self, *_):
        for client in self.clients:
            client.close()
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)


def test_nginx_with_keep_alive_clients():
    with Nginx() as nginx:
        worker = nginx.workers()[0]
        nginx.ask(CLIENTS, "/page")
        document = looked_at(worker)
        same(rules(document), [("accepted-connections", False)], "the diagnosis")
        same((document["fd"]["groups"][0]["count"], document["fd"]["groups"][0]["where"]),
             (CLIENTS, f"*:{nginx.port}"), "the first group")


def test_nginx_sends_one_file_to_all():
    """The file is open as often as there are clients, and that is no leak: nor in a worker
    that no longer listens, after a reload."""
    with Nginx() as nginx:
        worker = nginx.workers()[0]
        nginx.ask(300, "/large")
        document = inspect(worker)
        same(types(document)["file"] >= 300, True, f"files open, of {types(document)}")
        same(rules(document), [("accepted-connections", False)], "the diagnosis")
        nginx.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(nginx.workers()) == 2, 10, "a second worker")
        wait_until(lambda: "LISTEN" not in str(inspect(worker)["fd"]["groups"]), 10,
                   "the old worker to listen no more")
        document = inspect(worker)
        same(rules(document), [("accepted-connections", False)],
             "the diagnosis of the old worker")


# ---- Go ----

class GoServer:
    def __init__(self, what, argument, limit=4096):
        self.process = subprocess.Popen([
            "prlimit", f"--nofile={limit}:{limit}", leaking("leaks"), what, "127.0.0.1:0",
            argument], stdout=subprocess.PIPE)
        self.pid = self.process.pid
        words = self.process.stdout.readline().split()
        check(words[:1] == [b"ready"], f"the server said {words}")
        self.port = int(words[1])

    def ask(self, n):
        for _ in range(n):
            with socket.create_connection(("127.0.0.1", self.port)) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                head = client.recv(64)
                check(b" 200 " in head, f"the server answers {head!r}")
                while client.recv(65536):
                    pass

    def inspected(self):
        """`inspect` while it is asked thirty times a second: whether it leaks is told by its
        growth, and only then."""
        ended = threading.Event()

        def go_on():
            while not ended.wait(1 / 30):
                self.ask(1)
        asks = threading.Thread(target=go_on)
        asks.start()
        try:
            return inspect(self.pid)
        finally:
            ended.set()
            asks.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Upstream:
    """Answers, and keeps the connection or closes it."""

    def __init__(self, close):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            close_connection = close

            def do_GET(self):
                body = b"x" * 10000
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = close

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 512

            def handle_error(self, *_):
                pass  # what asked it is killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self.peer = self.url[len("http://"):-1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def leak_is_told(document, rule):
    causes = {cause["rule"]: cause for cause in document.get("diagnosis", [])}
    check(rule in causes, f"{rule} is not told of: {document.get('diagnosis')}")
    check(causes[rule]["leak"], f"{rule} is no leak")
    same(document["advice"][0]["action"], "fix-leak", "the first advice")
    return causes[rule]


def test_go_forgets_bodies_and_the_peer_closes():
    with Upstream(close=True) as upstream, GoServer("bodies", upstream.url) as server:
        server.ask(200)
        wait_until(lambda: "CLOSE_WAIT" in str(inspect(server.pid)["fd"]["groups"][:1]),
                   20, "CLOSE_WAIT")
        same(rules(looked_at(server.pid)), [("close-wait", False)], "what is told at rest")
        cause = leak_is_told(server.inspected(), "close-wait")
        check(upstream.peer in cause["text"], f"the peer is not named: {cause['text']}")


def test_go_forgets_bodies_and_the_peer_waits():
    """A pool that is filled when a program starts looks the same, until its limit is near."""
    with Upstream(close=False) as upstream, \
            GoServer("bodies", upstream.url, limit=320) as server:
        server.ask(100)
        same([cause for cause in rules(looked_at(server.pid)) if cause[1]], [],
             "leaks that are told while it may be a pool")
        server.ask(200)
        cause = leak_is_told(looked_at(server.pid), "outgoing-connections")
        check(upstream.peer in cause["text"], f"the peer is not named: {cause['text']}")


def test_go_forgets_files():
    with Scratch() as scratch:
        template = scratch.file("template.html", "<p>\n")
        with GoServer("files", template) as server:
            server.ask(300)
            same(rules(looked_at(server.pid)), [("same-file", False)], "what is told at rest")
            cause = leak_is_told(server.inspected(), "same-file")
            check(template in cause["text"], f"the file is not named: {cause['text']}")
            note(cause["text"])


# ---- programs with a wall of their own ----

def named_copy(scratch, name):
    """fdzoo as the file of a program that is known: a name alone is not believed."""
    path = scratch.file(name)
    shutil.copy(FDZOO, path)
    return path


def test_squids_wall():
    """It keeps 95 in reserve: of 300 it uses 205, and it is that which its levels are of."""
    with Scratch() as scratch, Daemon("snapshot.interval=200ms") as daemon, \
            Zoo("limit=300:300", "fill=190", "say=there", "wait",
                program=named_copy(scratch, "squid")) as zoo:
        zoo.expect("there")
        _, alert = daemon.wait(zoo.pid, "fd-warning")
        same((alert["fd"]["used"], alert["fd"]["soft_limit"], alert["fd"]["effective_limit"]),
             (190, 300, 205), "used, its limit, what it really takes")
        check("takes no more than 205" in alert["message"], alert["message"])
        check("Squid" in alert["fd"]["program"], alert["fd"]["program"])


def test_managed_rests_high():
    """PostgreSQL keeps its table full by design: no alert before a call is refused. What
    but calls itself so is not believed."""
    with Scratch() as scratch, Daemon("snapshot.interval=200ms") as daemon, \
            Zoo("limit=100:100", "fill=99", "say=there", "wait", "openat=1", "fail=openat:1",
                "say=refused", "wait", program=named_copy(scratch, "postgres")) as zoo, \
            Zoo("name=postgres", "limit=100:100", "fill=99", "say=there", "wait") as other:
        zoo.expect("there")
        other.expect("there")
        daemon.wait(other.pid, "fd-critical")
        time.sleep(1)
        same(daemon.actions(zoo.pid), [], "alerts of one that rests high by design")
        zoo.go()
        zoo.expect("refused")
        _, alert = daemon.wait(zoo.pid, "fd-exhausted")
        same(alert["fd"]["managed"], True, "fd.managed")
