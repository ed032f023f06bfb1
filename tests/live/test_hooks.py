# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of contrib/hooks, given alerts as the daemon gives them."""
import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading

from harness import Skip, check, same

SHIPPED = os.path.join(os.path.dirname(__file__), "../../contrib/hooks")
INCIDENT = "d5bc5d56-7bb1-4a4c-a2f5-f3df6cf0f2e1"


def alert(action, **more):
    return {"@timestamp": "2026-01-02T03:04:05.678901Z", "event": {"action": action},
            "message": "a$(id)`id`'\"[7] → is full", "host": {"name": "web-3"},
            "process": {"name": "a$(id)\r\nBcc: x@y", "pid": 7},
            "service": {"name": "api.service"}, "fd": {"incident": INCIDENT}, **more}


def run(name, given, code=0, **environment):
    for program in "jq", "curl":
        if not shutil.which(program):
            raise Skip(f"no {program}")
    done = subprocess.run([os.path.join(SHIPPED, name)], input=json.dumps(given), text=True,
                          capture_output=True, timeout=30, check=False,
                          env={**os.environ, "no_proxy": "*", **environment})
    check((done.returncode != 0) == bool(code), f"{name}: {done.stderr}")
    return done.stderr


@contextlib.contextmanager
def receiver():
    posted = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", posted
    finally:
        server.shutdown()
        server.server_close()


def test_alertmanager():
    with receiver() as (url, posted):
        for action in "fd-warning", "fd-exhausted", "fd-recovered", "fd-details":
            run("fdwarden-alertmanager", alert(action), FDWARDEN_ALERTMANAGER=url)
    same(len(posted), 3, "posts: what explains an alert is none")
    warning, exhausted, ends = (body for _, body in posted)
    same(posted[0][0], "/api/v2/alerts", "path")
    same(warning[0]["labels"], {
        "alertname": "Descriptors", "severity": "warning", "instance": "web-3",
        "service": "api.service", "name": alert("")["process"]["name"],
        "incident": INCIDENT}, "labels")
    check(warning[0]["endsAt"] > warning[0]["startsAt"], warning)
    same(warning[0]["annotations"]["summary"], alert("")["message"], "summary")
    same({one["endsAt"] for one in ends}, {alert("")["@timestamp"]}, "its end")
    for one in warning[0], exhausted[0]:
        check(one["labels"] in [end["labels"] for end in ends], "what began ends")


def test_webhook():
    with receiver() as (url, posted):
        run("fdwarden-webhook", alert("fd-warning"), FDWARDEN_WEBHOOK=f"{url}/x")
    same(posted, [("/x", alert("fd-warning"))], "posts")
    check("FDWARDEN_WEBHOOK" in run("fdwarden-webhook", {}, code=1), "what is not set is told")


def serve_mail(listening, got):
    """One mail of SMTP: who from, whom to, and its lines."""
    connection, _ = listening.accept()
    with connection, connection.makefile("rw", newline="\r\n", encoding="utf-8") as lines:
        def say(text):
            lines.write(text + "\r\n")
            lines.flush()
        say("220 x")
        for line in lines:
            word = line.split(" ")[0].strip().upper()
            if word == "DATA":
                say("354 go on")
                for part in lines:
                    if part == ".\r\n":
                        break
                    got.append(part[:-2])
                say("250 ok")
            elif word == "QUIT":
                say("221 bye")
                return
            else:
                got.append(line.strip())
                say("250 ok")


def test_mail():
    got = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve_mail, args=(listening, got), daemon=True)
        thread.start()
        run("fdwarden-mail", alert("fd-critical"), FDWARDEN_MAIL_TO="ops@example.com",
            FDWARDEN_SMTP=f"smtp://127.0.0.1:{listening.getsockname()[1]}")
        thread.join(20)
    head, body = got[:got.index("")], got[got.index("") + 1:]
    check("RCPT TO:<ops@example.com>" in head, head)
    check("Subject: fdwarden on web-3: fd-critical of a$(id)??Bcc: x@y" in head, head)
    check(not any(line.startswith("Bcc") for line in head), "a name makes no header")
    same(body[0], alert("")["message"], "the message")
    same(json.loads("".join(body[1:])), alert("fd-critical"), "the alert itself")
