# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics on a unix socket, and the shipped nginx before it with TLS and a password."""
import base64
import contextlib
import grp
import http.client
import os
import re
import socket
import ssl
import stat
import subprocess

from harness import FDWARDEN, Daemon, Scratch, check, same, tool, wait_until
from test_logs import shipped
from test_metrics import free_port, parse


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def ask_unix(path):
    connection = UnixConnection(path)
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def daemon(path, *options):
    return Daemon(f"metrics.listen={path}", "snapshot.interval=200ms", *options)


def as_other(code, *arguments, groups=()):
    """What a user of no other groups than these gets."""
    def enter():
        os.setgroups(groups)
        os.setgid(65534)
        os.setuid(65534)
    return subprocess.run(["python3", "-c", code, *arguments], preexec_fn=enter,
                          capture_output=True, text=True, timeout=30, check=False).stdout


CONNECT = """
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("connected")
except OSError as error:
    print(error.strerror)
"""


def test_unix_socket():
    with Scratch() as scratch:
        path = scratch.file("metrics.sock")
        with daemon(path):
            wait_until(lambda: ask_unix(path)[0] == 200, 10, "metrics")
            check(len(parse(ask_unix(path)[1])) > 20, "metrics over the socket")
            same(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
            same(as_other(CONNECT, path).strip(), "Permission denied", "another user")
        check(not os.path.exists(path), "the socket is still there")


def test_unix_socket_of_a_group():
    group = grp.getgrnam("daemon").gr_gid
    with Scratch() as scratch:
        path = scratch.file("metrics.sock")
        with daemon(path, "metrics.group=daemon"):
            wait_until(lambda: ask_unix(path)[0] == 200, 10, "metrics")
            info = os.stat(path)
            same((stat.S_IMODE(info.st_mode), info.st_gid), (0o660, group), "mode and group")
            same(as_other(CONNECT, path).strip(), "Permission denied", "another user")
            same(as_other(CONNECT, path, groups=(group,)).strip(), "connected", "a member")


def test_unix_socket_is_taken():
    """Of a daemon that lives it is left alone; monitoring goes on."""
    with Scratch() as scratch:
        path = scratch.file("metrics.sock")
        with daemon(path):
            with daemon(path) as second:
                second.wait_log("no metrics are served: ")
            same(ask_unix(path)[0], 200, "of the first, afterwards")


def certify(scratch):
    """As contrib/nginx says, but for the name and the place."""
    text = shipped("nginx/fdwarden.conf")
    lines = re.findall(r"^# {8}((?:openssl|echo).*(?:\n# {10,}\S.*)*)", text, re.M)
    same(len(lines), 2, "commands")
    script = "\n".join(re.sub(r"\n# *", " ", line) for line in lines)
    script = script.replace("\\ ", " ").replace("/etc/fdwarden/tls", scratch.path).replace(
        "$(hostname -f)", "localhost").replace("passwd -6)", "passwd -6 secret)")
    subprocess.run(["sh", "-euc", script], check=True, timeout=60, capture_output=True)


@contextlib.contextmanager
def nginx(scratch, path, port):
    program = tool("nginx")
    shown = shipped("nginx/fdwarden.conf", ("listen 9835", f"listen 127.0.0.1:{port}"),
                    (r"(?<=unix:)/run/fdwarden/metrics\.sock", path)).replace(
                        "/etc/fdwarden/tls", scratch.path)
    scratch.file("fdwarden.conf", shown)
    places = "".join(f"{kind}_temp_path {scratch.path}/{kind};" for kind in (
        "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = scratch.file("nginx.conf", f"user www-data; daemon off; pid {scratch.path}/pid;"
                          f"error_log {scratch.path}/error.log; events {{}}"
                          f"http {{ access_log off; {places} include {scratch.path}/fdwarden.conf; }}")
    process = subprocess.Popen([program, "-c", config, "-p", scratch.path],
                               stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def ask_proxy(scratch, port, password=None, url="/metrics"):
    trusted = ssl.create_default_context(cafile=scratch.file("metrics.crt"))
    connection = http.client.HTTPSConnection("localhost", port, context=trusted, timeout=20)
    word = base64.b64encode(f"prometheus:{password}".encode()).decode()
    connection.request("GET", url, headers={"Authorization": f"Basic {word}"} if password else {})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def test_nginx_with_tls_and_password():
    tool("nginx")
    port = free_port()
    with Scratch() as scratch:
        path = scratch.file("metrics.sock")
        certify(scratch)
        with daemon(path, "metrics.group=www-data"), nginx(scratch, path, port) as proxy:
            def answers():
                check(proxy.poll() is None, "nginx has ended")
                with contextlib.suppress(OSError):
                    return ask_proxy(scratch, port, "secret")[0] == 200
                return False
            wait_until(answers, 20, "metrics through nginx")
            check(len(parse(ask_proxy(scratch, port, "secret")[1])) > 20, "metrics")
            same(ask_proxy(scratch, port)[0], 401, "without a password")
            same(ask_proxy(scratch, port, "wrong")[0], 401, "with a wrong one")
            same(ask_proxy(scratch, port, "secret", "/")[0], 404, "another page")


def test_check_config_knows_it():
    done = subprocess.run([FDWARDEN, "check-config", "-c", "/dev/null", "-o",
                           "metrics.listen=/run/x.sock"], capture_output=True, text=True,
                          timeout=30, check=False)
    same((done.returncode, done.stderr), (0, ""), "check-config")
    done = subprocess.run([FDWARDEN, "check-config", "-c", "/dev/null", "-o",
                           "metrics.listen=/" + "x" * 120], capture_output=True, text=True,
                          timeout=30, check=False)
    same(done.returncode, 2, "too long a path")
    check("metrics.listen is 121 bytes long" in done.stderr, done.stderr)
