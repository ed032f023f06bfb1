# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of ours that get into trouble as real ones do, in Python."""
import socket
import struct
import subprocess
import sys

from harness import Zoo, boot_ns, check, same


class Program:
    """A Python program, or another, that says `ready` and then goes on until it is ended."""

    def __init__(self, text, *arguments, script=None, command=None, **options):
        command = command or [sys.executable, *([script] if script else ["-c", text])]
        self.process = subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **options)
        self.pid = self.process.pid
        self.words = self.line().split()
        check(self.words[:1] == ["ready"], f"the program said {self.words}")

    def line(self):
        return self.process.stdout.readline().decode()

    def tell(self, text):
        self.process.stdin.write(f"{text}\n".encode())
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


class Client(Program):
    """Opens connections to a server of ours, and keeps them."""

    TEXT = """
import resource, socket, sys
soft, hard, port = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
keep = []
print("ready", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        keep.append(socket.create_connection(("127.0.0.1", port)))
    print("done", flush=True)
"""

    def __init__(self, soft, hard=None):
        self.server = socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.listen(512)
        self.port = self.server.getsockname()[1]
        self.accepted = []
        super().__init__(self.TEXT, str(soft), str(hard or soft), str(self.port))

    def connect(self, n, close, reset=False):
        """`n` more, which the server closes or keeps. Returns when it was told to."""
        stamp = boot_ns()
        self.tell(n)
        for _ in range(n):
            connection = self.server.accept()[0]
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack("ii", 1, 0))
            if close:
                connection.close()
            else:
                self.accepted.append(connection)
        same(self.line(), "done\n", "what the client said")
        return stamp

    def __exit__(self, *reason):
        super().__exit__(*reason)
        for connection in [*self.accepted, self.server]:
            connection.close()


class Server(Program):
    """Accepts connections of ours, and keeps them."""

    TEXT = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, tuple(map(int, sys.argv[1:])))
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(512)
keep = []
print("ready", s.getsockname()[1], flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        keep.append(s.accept())
    print("done", flush=True)
"""

    def __init__(self, soft, hard=None):
        super().__init__(self.TEXT, str(soft), str(hard or soft))
        self.peers = []

    def accept(self, n):
        self.tell(n)
        self.peers += [socket.create_connection(("127.0.0.1", int(self.words[1])))
                       for _ in range(n)]
        same(self.line(), "done\n", "what the server said")

    def __exit__(self, *reason):
        super().__exit__(*reason)
        for peer in self.peers:
            peer.close()
