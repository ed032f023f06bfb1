#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Opens one descriptor or more of every kind and says what each is.

One line on standard output, JSON: a list of {"name", "fd", "want"}, where `want` is
part of what the census must say of it, or {"name", "skip"} of what can't be had here.
Then it waits for the end of its input. The argument is a directory to use.
"""
import ctypes
import json
import os
import select
import signal
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
# of x86-64 and arm64 alike, but for those that are older than the generic table
OLD = {"inotify_init1": (294, 26), "timerfd_create": (283, 85), "signalfd4": (289, 74),
       "epoll_create1": (291, 20), "eventfd2": (290, 19), "fanotify_init": (300, 262),
       "perf_event_open": (298, 241), "memfd_create": (319, 279), "bpf": (321, 280),
       "userfaultfd": (323, 282)}
NEW = {"io_uring_setup": 425, "pidfd_open": 434, "fsopen": 430, "memfd_secret": 447,
       "landlock_create_ruleset": 444}
ESTABLISHED = "ESTABLISHED"


def call(name, *arguments):
    """A system call that Python has no function for."""
    number = NEW.get(name) or OLD[name][os.uname().machine != "x86_64"]
    result = LIBC.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


class Keeper:
    """What it holds stays open until it exits."""

    def __init__(self, directory):
        self.directory = directory
        self.held = []
        self.entries = []

    def path(self, name):
        return os.path.join(self.directory, name)

    def keep(self, name, thing, **want):
        """`thing`: a descriptor or an object that has one."""
        self.held.append(thing)
        fd = thing if isinstance(thing, int) else thing.fileno()
        self.entries.append({"name": name, "fd": fd, "want": want})
        return fd

    def try_all(self):
        makers = sorted(name for name in dir(self) if name.startswith("make_"))
        for name in makers:
            try:
                getattr(self, name)()
            except OSError as error:
                self.entries.append({"name": name[len("make_"):], "skip": str(error)})

    # ---- files ----

    def make_file(self):
        path = self.path("file")
        with open(path, "wb") as out:
            out.write(b"0123456789")
        fd = os.open(path, os.O_RDWR | os.O_APPEND)
        os.lseek(fd, 7, os.SEEK_SET)
        self.keep("file", fd, kind="file", type="file", path=path, deleted="0", position="7")
        self.keep("file, the same again", os.open(path, os.O_RDONLY), kind="file", path=path)
        self.keep("file, duplicate", os.dup(fd), kind="file", path=path, position="7")
        self.keep("file, O_PATH", os.open(path, os.O_PATH), kind="file", path=path)
        os.link(path, self.path("link"))
        fd = os.open(self.path("link"), os.O_RDONLY)
        os.unlink(self.path("link"))
        self.keep("file, another name left", fd, kind="file", deleted="0",
                  path=self.path("link"))

    def make_deleted(self):
        path = self.path("gone")
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        os.unlink(path)
        self.keep("deleted file", fd, kind="file", path=path, deleted="1")
        path = self.path("a name (deleted)")
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        self.keep("file called deleted", fd, kind="file", path=path, deleted="0")
        path = self.path("gone directory")
        os.mkdir(path)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        os.rmdir(path)
        self.keep("deleted directory", fd, kind="directory", path=path, deleted="1")

    def make_tmpfile(self):
        self.keep("O_TMPFILE", os.open(self.directory, os.O_RDWR | os.O_TMPFILE),
                  kind="file", deleted="1")

    def make_directory(self):
        self.keep("directory", os.open(self.directory, os.O_RDONLY),
                  kind="directory", path=self.directory, deleted="0")
        self.keep("root", os.open("/", os.O_RDONLY), kind="directory", path="/", deleted="0")
        self.keep("root of a mount", os.open("/proc", os.O_RDONLY),
                  kind="directory", path="/proc", deleted="0")

    def make_symlink(self):
        path = self.path("symlink")
        os.symlink("nowhere", path)
        self.keep("symlink", os.open(path, os.O_PATH | os.O_NOFOLLOW),
                  kind="symbolic link", path=path)

    def make_proc(self):
        self.keep("proc file", os.open("/proc/sys/fs/file-max", os.O_RDONLY), kind="file",
                  path="/proc/sys/fs/file-max")
        self.keep("sysfs file", os.open("/sys/kernel/notes", os.O_RDONLY), kind="file",
                  path="/sys/kernel/notes")

    def make_character(self):
        device = os.stat("/dev/zero").st_rdev
        self.keep("character device", os.open("/dev/zero", os.O_RDONLY),
                  kind="character device", path="/dev/zero", rdevice=str(device))
        master, slave = os.openpty()
        self.keep("terminal, master", master, kind="character device")
        self.keep("terminal", slave, kind="character device", path=os.ttyname(slave))

    def make_block(self):
        path = self.path("block")
        os.mknod(path, 0o600 | 0o060000, os.makedev(7, 0))
        self.keep("block device, O_PATH", os.open(path, os.O_PATH), kind="block device",
                  path=path, rdevice=str(os.makedev(7, 0)))

    # ---- pipes ----

    def make_pipe(self):
        for end in os.pipe():
            self.keep("pipe", end, kind="pipe", readers="1", writers="1")
        left, right = os.pipe()
        os.close(right)
        self.keep("pipe without writers", left, kind="pipe", readers="1", writers="0")

    def make_fifo(self):
        path = self.path("fifo")
        os.mkfifo(path)
        self.keep("fifo", os.open(path, os.O_RDWR | os.O_NONBLOCK), kind="pipe", path=path,
                  readers="1", writers="1")
        self.keep("fifo, O_PATH", os.open(path, os.O_PATH), kind="pipe", path=path)

    # ---- sockets ----

    def connected(self, name, domain, address, **want):
        """A listening socket, a connection and what was accepted; returns the two."""
        server = socket.socket(domain, socket.SOCK_STREAM)
        server.bind(address)
        server.listen(5)
        client = socket.socket(domain, socket.SOCK_STREAM)
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        self.keep(f"{name}, listening", server, **{**want, "state": "LISTEN"})
        self.keep(f"{name}, connected", client, **{**want, "state": ESTABLISHED})
        self.keep(f"{name}, accepted", accepted, **{**want, "state": ESTABLISHED})
        return client, accepted

    def ends(self, own, peer, form="{}:{}"):
        """`local` and `peer` of the entry of this socket."""
        entry = next(e for e in self.entries if e.get("fd") == own.fileno())
        entry["want"]["local"] = form.format(*own.getsockname()[:2])
        entry["want"]["peer"] = form.format(*peer[:2])

    def make_tcp(self):
        want = {"kind": "socket", "type": "tcp", "family": "2", "protocol": "6"}
        client, accepted = self.connected("tcp", socket.AF_INET, ("127.0.0.1", 0), **want)
        self.ends(client, client.getpeername())
        self.ends(accepted, accepted.getpeername())
        client, accepted = self.connected("tcp to close", socket.AF_INET, ("127.0.0.1", 0),
                                          **want)
        self.entries[-1]["want"].update(state="CLOSE_WAIT", peer_closed="1")
        self.entries[-2]["want"].update(state="FIN_WAIT2")
        client.shutdown(socket.SHUT_WR)
        self.keep("tcp, fresh", socket.socket(socket.AF_INET, socket.SOCK_STREAM),
                  type="tcp", state="CLOSE", local="", peer="")
        any_address = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        any_address.bind(("", 0))
        any_address.listen(1)
        self.keep("tcp, any address", any_address, type="tcp", state="LISTEN", peer="",
                  local=f"*:{any_address.getsockname()[1]}")

    def make_tcp6(self):
        want = {"kind": "socket", "type": "tcp", "family": "10", "protocol": "6"}
        client, accepted = self.connected("tcp6", socket.AF_INET6, ("::1", 0), **want)
        self.ends(client, client.getpeername(), "[{}]:{}")
        self.ends(accepted, accepted.getpeername(), "[{}]:{}")

    def make_mapped(self):
        """An IPv4 client of a server on both."""
        server = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", 0))
        server.listen(5)
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, peer = server.accept()
        self.keep("tcp46, listening", server, type="tcp", state="LISTEN", local=f"*:{port}")
        self.keep("tcp46, client", client, type="tcp", peer=f"127.0.0.1:{port}")
        self.keep("tcp46, accepted", accepted, type="tcp", family="10",
                  local=f"127.0.0.1:{port}", peer=f"127.0.0.1:{peer[1]}")

    def make_udp(self):
        for family, name, address, form in ((socket.AF_INET, "udp", "127.0.0.1", "{}:{}"),
                                            (socket.AF_INET6, "udp6", "::1", "[{}]:{}")):
            bound = socket.socket(family, socket.SOCK_DGRAM)
            bound.bind((address, 0))
            sender = socket.socket(family, socket.SOCK_DGRAM)
            sender.connect(bound.getsockname())
            want = {"kind": "socket", "type": "udp", "protocol": "17"}
            self.keep(f"{name}, bound", bound, **want, peer="",
                      local=form.format(*bound.getsockname()[:2]), state="")
            self.keep(f"{name}, connected", sender, **want)
            self.ends(sender, bound.getsockname(), form)

    def make_raw(self):
        self.keep("raw", socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
                  kind="socket", type="raw", protocol="1", local="", peer="")
        self.keep("raw6", socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58),
                  kind="socket", type="raw", protocol="58")

    def make_ping(self):
        self.keep("ping", socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1),
                  kind="socket", type="icmp")

    def make_sctp(self):
        self.keep("sctp", socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132),
                  kind="socket", type="sctp")

    def make_mptcp(self):
        """As Go 1.24 and later listens by itself: of a client that knows TCP alone a tcp is
        accepted."""
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
        server.bind(("127.0.0.1", 0))
        server.listen(5)
        port = server.getsockname()[1]
        self.keep("mptcp, listening", server, kind="socket", type="mptcp", state="LISTEN",
                  local=f"127.0.0.1:{port}", peer="")
        for protocol, name in ((socket.IPPROTO_TCP, "tcp"), (262, "mptcp")):
            client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
            client.connect(server.getsockname())
            accepted, peer = server.accept()
            self.keep(f"{name} to mptcp", client, type=name, state="ESTABLISHED",
                      peer=f"127.0.0.1:{port}")
            self.keep(f"{name} accepted by mptcp", accepted, type=name, state="ESTABLISHED",
                      local=f"127.0.0.1:{port}", peer=f"127.0.0.1:{peer[1]}")

    def make_unix(self):
        path = self.path("unix")
        want = {"kind": "socket", "type": "unix", "family": "1"}
        client, accepted = self.connected("unix", socket.AF_UNIX, path, **want)
        self.entries[-1]["want"].update(path=path, peer_inode=inode(client))
        self.entries[-2]["want"].update(path="", peer_path=path, peer_inode=inode(accepted))
        self.entries[-3]["want"].update(path=path, peer_inode="0")
        self.connected("abstract unix", socket.AF_UNIX, f"\0fdwarden-{os.getpid()}\0x",
                       **want)
        self.entries[-1]["want"].update(path=f"@fdwarden-{os.getpid()}@x")
        self.entries[-2]["want"].update(peer_path=f"@fdwarden-{os.getpid()}@x")

    def make_unix_pairs(self):
        for kind, name in ((socket.SOCK_STREAM, "stream"), (socket.SOCK_SEQPACKET, "seqpacket"),
                           (socket.SOCK_DGRAM, "datagram")):
            left, right = socket.socketpair(socket.AF_UNIX, kind)
            for one, other in ((left, right), (right, left)):
                self.keep(f"unix pair, {name}", one, kind="socket", type="unix",
                          peer_inode=inode(other), peer_closed="0",
                          state="" if kind == socket.SOCK_DGRAM else ESTABLISHED)
        left, right = socket.socketpair()
        right.close()
        self.keep("unix pair, one end closed", left, type="unix", peer_inode="0",
                  peer_closed="1")

    def make_unix_path(self):
        """Not the socket, but its name in the file system."""
        path = self.path("unix-name")  # lsof ends at a blank
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        server.bind(path)
        self.keep("unix datagram", server, type="unix", path=path, state="")
        self.keep("unix name, O_PATH", os.open(path, os.O_PATH), kind="socket", path=path)

    def make_netlink(self):
        self.keep("netlink", socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15),
                  kind="socket", type="netlink", family="16", protocol="15")

    def make_packet(self):
        self.keep("packet", socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                          socket.htons(0x0800)),
                  kind="socket", type="packet", family="17")

    def make_vsock(self):
        self.keep("vsock", socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
                  kind="socket", type="vsock", family="40")

    def make_alg(self):
        self.keep("alg", socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
                  kind="socket", type="alg", family="38")

    # ---- the kernel's own ----

    def make_events(self):
        self.keep("epoll", select.epoll(), kind="epoll")
        self.keep("eventfd", call("eventfd2", 0, 0), kind="eventfd")
        self.keep("timerfd", call("timerfd_create", 1, 0), kind="timerfd")
        mask = ctypes.create_string_buffer(8)
        self.keep("signalfd", call("signalfd4", -1, mask, 8, 0), kind="signalfd")

    def make_inotify(self):
        self.keep("inotify", call("inotify_init1", 0), kind="inotify")

    def make_fanotify(self):
        self.keep("fanotify", call("fanotify_init", 0, 0), kind="fanotify")

    def make_memory(self):
        self.keep("memfd", call("memfd_create", b"a name", 0), kind="memfd", deleted="0",
                  path="/memfd:a name")

    def make_secret(self):
        self.keep("memfd_secret", call("memfd_secret", 0), kind="memfd")

    def make_userfaultfd(self):
        self.keep("userfaultfd", call("userfaultfd", 1), kind="userfaultfd")

    def make_perf(self):
        attributes = struct.pack("IIQ", 1, 112, 9).ljust(112, b"\0")  # a dummy event
        self.keep("perf", call("perf_event_open", attributes, 0, -1, -1, 0), kind="perf")

    def make_ring(self):
        self.keep("io_uring", call("io_uring_setup", 1, ctypes.create_string_buffer(120)),
                  kind="io_uring")

    def make_bpf(self):
        attributes = struct.pack("IIII", 2, 4, 4, 1).ljust(72, b"\0")  # an array
        self.keep("bpf", call("bpf", 0, attributes, 72), kind="bpf", path="bpf-map")

    def make_anonymous(self):
        self.keep("fscontext", call("fsopen", b"tmpfs", 0), kind="fscontext")

    def make_landlock(self):
        attributes = struct.pack("Q", 1)
        self.keep("landlock", call("landlock_create_ruleset", attributes, 8, 0),
                  kind="landlock ruleset")

    def make_pidfd(self):
        self.keep("pidfd", call("pidfd_open", os.getpid(), 0), kind="pidfd", ended="0",
                  pid=str(os.getpid()))
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGKILL)
        fd = call("pidfd_open", child, 0)
        os.waitpid(child, 0)
        self.keep("pidfd of none", fd, kind="pidfd", ended="1")

    def make_namespace(self):
        for name in ("net", "mnt", "pid", "user"):
            path = f"/proc/self/ns/{name}"
            self.keep(f"namespace {name}", os.open(path, os.O_RDONLY), kind="namespace",
                      path=os.readlink(path))


def inode(thing):
    return str(os.fstat(thing.fileno()).st_ino)


def main():
    os.umask(0o022)
    keeper = Keeper(sys.argv[1])
    keeper.try_all()
    print(json.dumps(keeper.entries), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
