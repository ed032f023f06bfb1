# SPDX-License-Identifier: GPL-2.0-or-later
"""What the census, /proc and lsof say of a process's descriptors, and what all must
agree in."""
import errno
import os
import shutil
import stat
import subprocess

from harness import FDZOO, Skip, check, need_root, same

CENSUS = os.path.join(os.path.dirname(FDZOO), "census")
STRINGS = ("kind", "type", "path", "peer_path")
# Kinds by the kernel's name of an anonymous inode, where it is another.
NAMES = {"epoll": "eventpoll", "perf": "perf_event", "seccomp": "seccomp notify",
         "landlock ruleset": "landlock-ruleset"}
SANE = 1 << 17  # of flags: the kernel's own, above what fcntl.h has


# ---- the two sides ----

def parse(line):
    """One descriptor: strings are bytes, everything else as it is printed."""
    d = dict(word.split("=", 1) for word in line.split())
    for key in STRINGS:
        if key in d:
            d[key] = bytes.fromhex(d[key])
    for key in ("kind", "type"):
        d[key] = d[key].decode("ascii")
    d["fd"] = int(d["fd"])
    return d


def parse_all(output):
    """({fd: descriptor}, figures); numbers must ascend."""
    *lines, last = output.splitlines()
    check(last.startswith("# "), f"the census ends with {last!r}")
    figures = dict(word.split("=", 1) for word in last[2:].split())
    parsed = [parse(line) for line in lines]
    numbers = [d["fd"] for d in parsed]
    same(numbers, sorted(set(numbers)), "the order of descriptors")
    same(len(parsed), int(figures["len"]), "how many there are")
    return {d["fd"]: d for d in parsed}, figures


def run_census(*arguments, **options):
    need_root()
    return subprocess.run([CENSUS, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, **options)


def census(*arguments, **options):
    done = run_census(*arguments, **options)
    check(done.returncode == 0, f"the census ended with {done.returncode}: {done.stderr}")
    return parse_all(done.stdout)


def proc_entry(directory, name):
    """What /proc says of a descriptor; None: closed meanwhile."""
    try:
        fd = os.path.join(directory, "fd", name)
        info = os.path.join(directory, "fdinfo", name)
        with open(info, encoding="utf-8", errors="surrogateescape") as lines:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
        status = os.stat(fd)
        try:
            link = os.readlink(os.fsencode(fd))
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            link = None
    except FileNotFoundError:
        return None
    return {"link": link, "stat": status, "position": fields["pos"],
            "flags": int(fields["flags"], 8) & ~os.O_CLOEXEC}


def from_proc(pid, tid=None):
    directory = f"/proc/{pid}/task/{tid}" if tid else f"/proc/{pid}"
    entries = {int(name): proc_entry(directory, name)
               for name in os.listdir(os.path.join(directory, "fd"))}
    return {fd: entry for fd, entry in entries.items() if entry}


def from_lsof(pid):
    """{fd: {field: value}} of lsof's output for programs. It has three digits and an
    asterisk for numbers above 9999: those are -1, -2, …"""
    if not shutil.which("lsof"):
        raise Skip("lsof is not installed")
    done = subprocess.run(["lsof", "-n", "-P", "-w", "-a", "-p", str(pid), "-d", "0-999999",
                           "-F", "ftnDirPTGk"], capture_output=True, check=False, timeout=60)
    files, current = {}, None
    for line in done.stdout.split(b"\n"):
        field, value = line[:1].decode(), line[1:].decode("utf-8", "surrogateescape")
        if field == "f":
            fd = int(value) if value.isdigit() else -1 - len(files)
            current = files.setdefault(fd, {})
        elif field == "T" and current is not None:
            key, _, what = value.partition("=")
            current["T" + key] = what
        elif field and current is not None:
            current[field] = value
    return files


# ---- what they must agree in ----

def link_of(d):
    """What readlink must say, as far as the census knows."""
    kind, path = d["kind"], d.get("path")
    ending = b" (deleted)" if d["deleted"] == "1" else b""
    if kind == "socket" and d["family"] != "0":
        return b"socket:[%s]" % d["inode"].encode()
    if kind == "pipe" and path is None:
        return b"pipe:[%s]" % d["inode"].encode()
    if kind == "memfd":
        return path + b" (deleted)"
    if path is not None and path.startswith(b"/"):
        return path + ending
    return path


def check_link(d, link):
    if d["cut"] == "1":
        check(not d["path"].startswith(b"/"), "a path that is cut looks whole")
        check(link is None or link.endswith(d["path"]), f"the end of {link!r}")
        return
    if link and link.startswith(b"anon_inode:"):
        name = link[len(b"anon_inode:"):].strip(b"[]").decode()
        wanted = d["path"].decode() if "path" in d else NAMES.get(d["kind"], d["kind"])
        same(wanted, name, "the anonymous inode's name")
    elif d["kind"] == "pidfd":
        same(link, b"pidfd:[%s]" % d["inode"].encode(), "the link of a pidfd")
    elif link and link.endswith(b" (deleted)") and link[:-10] == d.get("path"):
        # Another name may be left, or it is a name that ends so.
        check(d["deleted"] == "1" or d["kind"] != "directory", "it is not called deleted")
    else:
        same(link_of(d), link, "the link")


def check_type(d, mode):
    """The type of the file against the kind."""
    wanted = {"directory": stat.S_ISDIR, "character device": stat.S_ISCHR,
              "block device": stat.S_ISBLK, "pipe": stat.S_ISFIFO, "socket": stat.S_ISSOCK,
              "symbolic link": stat.S_ISLNK}.get(d["kind"])
    if wanted:
        check(wanted(mode), f"{d['kind']}, but the mode is {mode:o}")
    elif d["kind"] in ("file", "memfd", "message queue"):
        check(stat.S_ISREG(mode), f"{d['kind']}, but the mode is {mode:o}")


def check_against_proc(d, entry):
    check_link(d, entry["link"])
    check_type(d, entry["stat"].st_mode)
    same(int(d["inode"]), entry["stat"].st_ino, "inode")
    same(int(d["device"]), entry["stat"].st_dev, "device")
    same(int(d["rdevice"]), entry["stat"].st_rdev, "device that it is")
    same(int(d["flags"], 8) % SANE, entry["flags"] % SANE, "flags")
    same(d["position"], entry["position"], "position")
    if d["kind"] in ("file", "directory"):
        gone = entry["stat"].st_nlink == 0
        check(d["deleted"] == ("1" if gone else "0") or d["kind"] == "directory",
              f"deleted={d['deleted']} with {entry['stat'].st_nlink} links")


LSOF_TYPES = {
    "REG": ("file", "memfd", "namespace", "message queue"), "DIR": ("directory",), "CHR": ("character device",),
    "BLK": ("block device",), "FIFO": ("pipe",), "LINK": ("symbolic link",),
    "unix": ("socket",), "sock": ("socket",), "netlink": ("socket",), "pack": ("socket",),
    "raw": ("socket",), "raw6": ("socket",), "IPv4": ("socket",), "IPv6": ("socket",),
    "icmp": ("socket",), "sctp": ("socket",),
}
LSOF_STATES = {"FIN_WAIT_2": "FIN_WAIT2", "FIN_WAIT_1": "FIN_WAIT1", "CLOSED": "CLOSE",
               "SYN_RCDV": "SYN_RECV", "CONNECTED": "ESTABLISHED", "UNCONNECTED": "CLOSE"}


def lsof_ends(name):
    """lsof's "A:1->B:2" with addresses as the census has them."""
    ends = name.split(" ", 1)[0].split("->")
    ends = [end.replace("[::ffff:", "").replace("]", "") if end.startswith("[::ffff:") else end
            for end in ends]
    return ends + [""] * (2 - len(ends))


def check_against_lsof(d, entry):
    kinds = LSOF_TYPES.get(entry.get("t"))
    if kinds:
        check(d["kind"] in kinds, f"lsof calls it {entry['t']}")
    elif entry.get("t") == "a_inode":
        name = entry["n"].removeprefix("anon_inode:").strip("[]")
        name = name.split("]")[0].split(":")[0]  # lsof tells more of some
        wanted = d["path"].decode() if "path" in d else NAMES.get(d["kind"], d["kind"])
        same(wanted, name, "lsof's name of the anonymous inode")
    if entry.get("P") in ("TCP", "UDP"):
        # lsof knows no MPTCP: it has found the inode among those of TCP
        same(d["type"].upper().removeprefix("MP"), entry["P"], "lsof's protocol")
        same([d.get("local", ""), d.get("peer", "")], lsof_ends(entry["n"])
             if "n" in entry and "no PCB" not in entry["n"] else ["", ""], "lsof's addresses")
    if "TST" in entry and "state" in d:
        wanted = LSOF_STATES.get(entry["TST"], entry["TST"])
        same(d["state"], wanted, "lsof's state")
    if entry.get("t") == "unix" and "path" in d and " type=" in entry.get("n", ""):
        same(entry["n"].split(" type=")[0].encode(), d["path"], "lsof's unix name")


def named(d, function, *arguments):
    """The check, whose failure says of what."""
    try:
        function(d, *arguments)
    except Exception as error:
        raise type(error)(f"descriptor {d['fd']} ({d['kind']} "
                          f"{d.get('path', b'')[:80]!r}): {error}") from error


def agree(pid, tid=None, lsof=True):
    """All three say the same of a process that holds still."""
    before = from_proc(pid, tid)
    said, figures = census(pid, *([tid] if tid else []))
    files = from_lsof(pid) if lsof else {}
    same(sorted(said), sorted(before), "the numbers of descriptors")
    if lsof:
        same(sorted(said), sorted(files), "the numbers that lsof has")
    for fd, d in said.items():
        named(d, check_against_proc, before[fd])
        if fd in files:
            named(d, check_against_lsof, files[fd])
    return said, figures
