# SPDX-License-Identifier: GPL-2.0-or-later
"""Situations of other run-times and libraries than those of test_causes.py's own program: each
says `ready`, with its port if it has one, and after a line on its standard input goes on as
one that leaks, or as one that is in use. All take what they need from the run-time itself:
its sockets, its event loops."""
import os
import resource
import shutil
import subprocess
import sys

from programs import Program

PERL = r"""
use strict; use IO::Socket::INET; use Socket; use Time::HiRes 'sleep'; use File::Temp 'tempdir';
$| = 1;
my ($what, $limit, $rate, $closes, $holds) = @ARGV;
my $where = tempdir("fdwarden-cause-XXXXXX", TMPDIR => 1, CLEANUP => 0);
my (@keep, $n);
my $server = $what eq "clients" && IO::Socket::INET->new(
    LocalAddr => "127.0.0.1", LocalPort => 0, Listen => 500);
print "ready ", ($server ? $server->sockport : 0), "\n";
<STDIN>;
sleep 1.2;
my %one = (
    "files" => sub { open(my $f, ">", "$where/" . $n++) or die; push @keep, $f },
    "same-file" => sub { open(my $f, "<", "/etc/hostname") or die; push @keep, $f },
    "dup" => sub { open(my $f, ">&", \*STDOUT) or die; push @keep, $f },
    "pipe" => sub { pipe(my $r, my $w) or die; push @keep, $r, $w },
    "half-pipe" => sub { pipe(my $r, my $w) or die; close $w; push @keep, $r },
    "udp" => sub { push @keep, IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1",
                                                   PeerPort => 53) || die },
    "socketpair" => sub { socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
                          push @keep, $a, $b },
    "directory" => sub { opendir(my $d, "/usr") or die; push @keep, $d },
    "close-wait" => sub { push @keep, IO::Socket::INET->new(
                              PeerAddr => "127.0.0.1", PeerPort => $closes) || die },
    "to-one" => sub { push @keep, IO::Socket::INET->new(
                          PeerAddr => "127.0.0.1", PeerPort => $holds) || die },
    "clients" => sub { push @keep, $server->accept || die },
);
eval { while (1) { $one{$what}->(); sleep 1 / $rate unless $server } };
sleep 1000;
"""

NODE = r"""
const fs = require("fs"), net = require("net"), os = require("os"), path = require("path");
const [what, limit, rate, closes, holds] = process.argv.slice(2);
const where = fs.mkdtempSync(path.join(os.tmpdir(), "fdwarden-cause-")), keep = [];
let n = 0;
const connected = (port, options) => {
    const s = net.connect({ port, host: "127.0.0.1", ...options });
    s.on("error", () => {}); s.on("data", () => {}); keep.push(s);
};
const one = {
    "files": () => keep.push(fs.openSync(path.join(where, String(n++)), "w")),
    "same-file": () => keep.push(fs.openSync("/etc/hostname")),
    "to-one": () => connected(+holds),
    "close-wait": () => connected(+closes, { allowHalfOpen: true }),
};
const begin = (port) => {
    console.log("ready " + port);
    process.stdin.once("data", () => setTimeout(() => {
        if (what == "pool")
            while (n++ < limit * 0.8) connected(+holds);
        const timer = one[what] && setInterval(() => {
            try { one[what](); } catch (e) { clearInterval(timer); }
        }, 1000 / rate);
    }, 1200));
};
setInterval(() => {}, 100000);
if (what == "clients") {
    const server = net.createServer((s) => { s.on("error", () => {}); keep.push(s); });
    server.listen(0, "127.0.0.1", 500, () => begin(server.address().port));
} else {
    begin(0);
}
"""

JAVA = r"""
import java.io.*;
import java.net.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
public class Situation {
    public static void main(String[] a) throws Exception {
        int rate = Integer.parseInt(a[2]), closes = Integer.parseInt(a[3]);
        int holds = Integer.parseInt(a[4]), n = 0;
        Path where = Files.createTempDirectory("fdwarden-cause-");
        List<Object> keep = new ArrayList<>();
        ServerSocket server = null;
        if (a[0].equals("clients"))
            server = new ServerSocket(0, 500, InetAddress.getByName("127.0.0.1"));
        else // what these classes open for themselves is open before it counts
            keep.add(Selector.open());
        System.out.println("ready " + (server == null ? 0 : server.getLocalPort()));
        System.in.read();
        Thread.sleep(1200);
        try {
            while (true) {
                switch (a[0]) {
                case "files":
                    keep.add(new FileOutputStream(where.resolve("" + n++).toFile()));
                    break;
                case "same-file": keep.add(new FileInputStream("/etc/hostname")); break;
                case "selector": keep.add(Selector.open()); break;
                case "pipe": keep.add(Pipe.open()); break;
                case "close-wait": keep.add(new Socket("127.0.0.1", closes)); break;
                case "to-one": keep.add(new Socket("127.0.0.1", holds)); break;
                case "clients": keep.add(server.accept()); continue;
                }
                Thread.sleep(1000 / rate);
            }
        } catch (IOException refused) {
        }
        Thread.sleep(1000000);
    }
}
"""

BASH = r"""
what=$1 limit=$2 rate=$3
where=$(mktemp -d "${TMPDIR:-/tmp}/fdwarden-cause-XXXXXX")
exec 9<> <(:)
pause=$(printf '0.%03d' $((1000 / rate)))
echo ready 0
read -r
read -rt 1.2 -u 9
for ((n = 0; n < limit - 8; n++)); do
	case $what in
	files) exec {fd}>"$where/$n" ;;
	same-file) exec {fd}</etc/hostname ;;
	dup) exec {fd}>&1 ;;
	half-pipe) exec {fd}< <(:) ;;
	esac
	read -rt "$pause" -u 9
done
read -rt 1000 -u 9
"""

PYTHON = r"""
import asyncio, http.client, logging, os, select, selectors, socket, sqlite3, subprocess, sys
import tempfile, threading, time
what, limit, rate, closes, holds = sys.argv[1], *map(int, sys.argv[2:6])
where = tempfile.mkdtemp(prefix="fdwarden-cause-")
keep = []
logger = logging.getLogger("app")
print("ready 0", flush=True)
sys.stdin.readline()
time.sleep(1.2)
def request(port):
    # whose connection is not closed, and not used again
    c = http.client.HTTPConnection("127.0.0.1", port); c.connect(); keep.append(c)
def database():
    c = sqlite3.connect(where + "/app.db"); c.execute("create table if not exists t (x)")
    keep.append(c)
one = {
    "handlers": lambda: logger.addHandler(logging.FileHandler(where + "/app.log")),
    "temporary": lambda: keep.append(tempfile.TemporaryFile(dir=where)),
    "named": lambda: keep.append(tempfile.NamedTemporaryFile(dir=where)),
    "loops": lambda: keep.append(asyncio.new_event_loop()),
    "selectors": lambda: keep.append(selectors.DefaultSelector()),
    "children": lambda: keep.append(subprocess.Popen(["true"], stdout=subprocess.PIPE)),
    "requests": lambda: request(closes), "sessions": lambda: request(holds),
    "databases": database,
}
try:
    while True:
        one[what](); time.sleep(1 / rate)
except Exception:
    pass
time.sleep(1000)
"""

# What others connect to: one port closes at once, the other holds.
PEERS = r"""
import resource, socket, threading, time
resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
kept = []
def serve(server, closes):
    while True:
        one = server.accept()[0]
        one.close() if closes else kept.append(one)
ports = []
for closes in (True, False):
    server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen(500)
    ports.append(server.getsockname()[1])
    threading.Thread(target=serve, args=(server, closes), daemon=True).start()
print("ready", *ports, flush=True)
time.sleep(1000)
"""

CLIENTS = r"""
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
port, count, rate = map(int, sys.argv[1:])
print("ready", flush=True)
time.sleep(1.2)
held = []
for _ in range(count):
    held.append(socket.create_connection(("127.0.0.1", port))); time.sleep(1 / rate)
time.sleep(1000)
"""

KIND = ("kind",)
# runtime: {what: (rules, leak, what the message must name)}
RUNTIMES = {
    "perl": {
        "files": (("files-not-closed", "kind"), True, "fdwarden-cause"),
        "same-file": (("same-file",), True, "/etc/hostname"),
        "dup": (KIND + ("pipes", "same-file"), True, "pipe"), "pipe": (KIND, True, "pipe"),
        "half-pipe": (("pipes",), True, "NO_WRITER"), "udp": (KIND, True, "udp"),
        "socketpair": (KIND, True, "unix"), "directory": (("same-file",), True, "/usr"),
        "close-wait": (("close-wait",), True, "CLOSE_WAIT"),
        "to-one": (("outgoing-connections",), True, "127.0.0.1"),
        "clients": (("accepted-connections",), False, "accepted on"),
    },
    "node": {
        "files": (("files-not-closed", "kind"), True, "fdwarden-cause"),
        "same-file": (("same-file",), True, "/etc/hostname"),
        "close-wait": (("close-wait",), True, "CLOSE_WAIT"),
        "to-one": (("outgoing-connections",), True, "127.0.0.1"),
        "clients": (("accepted-connections",), False, "accepted on"),
        "pool": (("outgoing-connections",), False, "127.0.0.1"),
    },
    "java": {
        "files": (("files-not-closed", "kind"), True, "fdwarden-cause"),
        "same-file": (("same-file",), True, "/etc/hostname"),
        "selector": (("mixture", "event-loops"), True, "e"), "pipe": (KIND, True, "pipe"),
        "close-wait": (("close-wait",), True, "CLOSE_WAIT"),
        "to-one": (("outgoing-connections",), True, "127.0.0.1"),
        "clients": (("accepted-connections",), False, "accepted on"),
    },
    "bash": {
        "files": (("files-not-closed", "kind"), True, "fdwarden-cause"),
        "same-file": (("same-file",), True, "/etc/hostname"),
        "half-pipe": (("pipes",), True, "NO_WRITER"),
    },
    "python": {
        "handlers": (("same-file",), True, "app.log"),
        "temporary": (("deleted-files",), True, "deleted"),
        "named": (("files-not-closed", "kind"), True, "fdwarden-cause"),
        "loops": (("mixture",), True, "epoll"), "selectors": (("event-loops",), True, "epoll"),
        "children": (("pipes",), True, "NO_WRITER"),
        "requests": (("close-wait",), True, "CLOSE_WAIT"),
        "sessions": (("outgoing-connections",), True, "127.0.0.1"),
    },
}

# Files that are opened and not closed are no leak yet of a program that has just begun: these
# are a minute old when they begin.
OLD = ("perl files", "node files", "java files", "bash files", "python named")


def command_of(runtime, folder):
    """How its program is begun, or None where there is no such run-time."""
    if runtime == "java":
        if not shutil.which("javac") or not shutil.which("java"):
            return None
        source = os.path.join(folder, "Situation.java")
        with open(source, "w", encoding="utf-8") as out:
            out.write(JAVA)
        subprocess.run(["javac", "-d", folder, source], check=True, timeout=120)
        return ["java", "-Xmx32m", "-XX:+UseSerialGC", f"-Djava.io.tmpdir={folder}", "-cp", folder,
                "Situation"]
    text, end, program = {
        "perl": (PERL, "pl", "perl"), "node": (NODE, "js", "node"), "bash": (BASH, "bash", "bash"),
        "python": (PYTHON, "py", sys.executable)}[runtime]
    if not shutil.which(program):
        return None
    path = os.path.join(folder, f"situation.{end}")
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return [program, path]


class Situation(Program):
    """One of them, with its clients where it is a server. It waits for begin()."""

    def __init__(self, command, what, limit, rate, peers, **options):
        def limited():
            os.setpgid(0, 0)
            # Node and Java raise theirs to the hard one.
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        self.clients = None
        self.what, self.limit, self.rate = what, limit, rate
        super().__init__(None, what, str(limit), str(rate), *peers, command=command,
                         preexec_fn=limited, stderr=subprocess.DEVNULL, **options)

    def begin(self):
        if self.what == "clients":
            self.clients = Program(CLIENTS, self.words[1], str(self.limit), str(self.rate))
        self.tell("go")

    def __exit__(self, *_):
        if self.clients:
            self.clients.__exit__()
        super().__exit__()
