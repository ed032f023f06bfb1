#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two servers of Python's standard library at a full table, while a client waits to be
# accepted. socketserver (and http.server on it) says nothing at all: it drops the error
# and asks again at once, thousands of times a second. asyncio says much: it pauses for
# a second, as it should, but before that it tries as many times as its backlog is long,
# with a traceback each: a hundred a second.
#
# What follows: a ThreadingHTTPServer that takes a whole core and logs nothing may be at
# its limit; fdwarden counts the refused accepts, which nothing else shows.
#
# Seen with Python 3.11.2-6+deb12u9 (Debian 12).
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"

debian python3.11-minimal=3.11.2-6+deb12u9 libpython3.11-minimal=3.11.2-6+deb12u9 \
	libpython3.11-stdlib=3.11.2-6+deb12u9
cat >"$work/server.py" <<'END'
import asyncio
import contextlib
import io
import logging
import os
import resource
import socket
import socketserver
import sys
import threading
import time

calls = 0


class Counting(socketserver.TCPServer):
    def get_request(self):
        global calls
        calls += 1
        return super().get_request()


def fill():
    with contextlib.suppress(OSError):
        while True:
            os.open("/dev/null", os.O_RDONLY)


def connect(address):
    """A client in a process of its own, which waits for four seconds."""
    begin, told = os.pipe()
    if os.fork() == 0:
        os.read(begin, 1)
        client = socket.create_connection(address)
        time.sleep(4)
        client.close()
        os._exit(0)
    return told


def with_socketserver():
    sys.stderr = io.StringIO()
    server = Counting(("127.0.0.1", 0), socketserver.BaseRequestHandler)
    client = connect(server.server_address)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    time.sleep(0.1)
    fill()
    os.write(client, b"x")
    time.sleep(2)
    many = "thousands" if calls > 2000 else calls
    print(f"{many} accepts in 2 s, {len(sys.stderr.getvalue())} characters said", flush=True)


async def with_asyncio():
    said = io.StringIO()
    logging.basicConfig(stream=said)
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    client = connect(server.sockets[0].getsockname())
    fill()
    os.write(client, b"x")
    await asyncio.sleep(0.8)
    print(said.getvalue().count("socket.accept() out of system resource"), "messages at once",
          flush=True)


resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
if sys.argv[1] == "socketserver":
    with_socketserver()
else:
    asyncio.run(with_asyncio())
os._exit(0)
END
serve() {
	PYTHONHOME=$work/root/usr "$work/root/usr/bin/python3.11" "$work/server.py" "$1"
}
expect 'socketserver' "$(serve socketserver)" 'thousands accepts in 2 s, 0 characters said'
expect 'asyncio' "$(serve asyncio 2>/dev/null)" '100 messages at once'
seen
