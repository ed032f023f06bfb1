# SPDX-License-Identifier: GPL-2.0-or-later
"""The live view, in a real terminal: what is on it, what keys do, how it ends."""
import contextlib
import grp
import json
import os
import re
import resource
import shutil
import subprocess
import time
import unicodedata

from harness import (FDWARDEN, FDZOO, ROOT, Daemon, Failure, Scratch, Zoo, check, children_of,
                     need_root, note, ps, same, unused_uid, wait_until)
from programs import Program
from terminal import COLOURS, Terminal, need_tmux

FAST = "snapshot.interval=200ms"


@contextlib.contextmanager
def daemon_with_socket(*options):
    """(daemon, path of its socket)"""
    need_tmux()
    with Scratch() as scratch:
        path = scratch.file("sock")
        with Daemon(FAST, "state.file=", f"socket.path={path}", *options) as daemon:
            wait_until(lambda: os.path.exists(path), 10, "a socket")
            yield daemon, path


def zoo(name, limit, opened, *more):
    return Zoo(f"name={name}", f"limit={limit}", f"openat={opened}", "say=there", "wait", *more)


def words_of(line):
    return line.split()


def batch(*arguments, **options):
    return subprocess.run([FDWARDEN, "top", *arguments], capture_output=True, text=True,
                          check=False, timeout=60, stdin=subprocess.DEVNULL, **options)


# ---- what is on it ----

def check_screen(columns, rows, *arguments):
    """One process's line is what ps says of it, and no line is too long."""
    with zoo("topscreen", "100:1000", 57) as one, \
            Terminal("-c", "/dev/null", *arguments, columns=columns, rows=rows) as top:
        one.expect("there")
        top.filter("topscreen")
        top.wait("1-1 of 1")
        top.wait(r"topscreen .* 60 +100\b")
        fd = ps(one.pid)[one.pid]["fd"]
        words = words_of(top.wait(rf"^ *{one.pid} .*topscreen"))
        same(words[0], str(one.pid), "pid")
        same(words[1], "root", "user")
        check(f"{fd['usage'] * 100:.1f}%" in words, f"usage {fd['usage']} in {words}")
        at = words.index(f"{fd['usage'] * 100:.1f}%")
        same(words[at + 1:at + 3], [str(fd["used"]), str(fd["soft_limit"])], "used and soft")
        if columns >= 120:
            same(words[at + 3], str(fd["hard_limit"]), "hard")
        if columns >= 160:
            # what it mainly is, is asked for when it is seen
            top.wait(r"topscreen .* 57 character", 15)
        head = top.lines()[0]
        check(os.uname().nodename in head and "every 1s" in head, f"the title is {head!r}")
        # beside the filter there is no room for it on a narrow one
        check("tracepoint" in head or "fexit" in head or columns < 100,
              f"no sensor in {head!r}")
        check(any("Processes" in line for line in top.lines()[:4]), "no number of processes")
        check(any(re.search(r"Files .*\d+ (of|open)", line) for line in top.lines()[:4]),
              "no number of files")
        check_width(top)
        top.quit()


def width_of(text):
    return sum(0 if unicodedata.combining(char) else
               2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def check_width(top):
    lines = top.lines()
    same(len(lines), top.rows, "lines")
    for line in lines:
        check(width_of(line) <= top.columns, f"too wide: {line!r}")
        check(all(ord(char) >= 32 for char in line), f"control characters: {line!r}")


def test_screen_of_80x24():
    need_root()
    check_screen(80, 24)


def test_screen_of_200x50():
    need_root()
    check_screen(200, 50)


def test_screen_over_the_socket():
    with daemon_with_socket() as (daemon, path), Terminal("--socket", path) as top:
        top.wait(rf"daemon {daemon.pid}\b")
        top.quit()
        check_screen(160, 40, "--socket", path)


def test_follows_a_leak():
    """It climbs, is full, is refused, and recovers: each seen within an interval, with
    time for a busy machine."""
    with daemon_with_socket() as (daemon, path), \
            Zoo("name=topleak", "limit=1000:2000", "openat=500", "say=half", "wait",
                *["openat=40", "sleep=250"] * 8, "say=climbed", "wait", "fill", "say=full", "wait",
                "fail=openat:7", "say=refused", "wait", "close=800", "say=closed",
                "wait") as leak, \
            Terminal("--socket", path, "-d", "0.2", columns=110) as top:
        def seen(pattern, colour, what, seconds=4):
            begun = time.monotonic()
            line = top.wait(rf"{leak.pid} .*topleak.*{pattern}", seconds)
            note(f"{what}: on the screen after {(time.monotonic() - begun) * 1e3:.0f} ms")
            wait_until(lambda: colour in top.find(rf"^ *{leak.pid} .*topleak", raw=True),
                       seconds, f"colour {colour!r} of {what}")
            return line
        leak.expect("half")
        top.filter("topleak")
        top.wait("1-1 of 1")
        seen(r"50\.\d%", "38;5;77", "half")
        leak.go()
        # while it climbs: so many a second, and when it will be full
        line = top.wait(r"topleak.* \+1?\d\d(\.\d)? +\d+s ", 4)
        leak.expect("climbed")
        seen(r"82\.\d%", "38;5;220", "warning")
        # a level counts when it has lasted
        wait_until(lambda: any(re.search(r"[1-9]\d* warning", line) for line in top.lines()[:4]),
                   4, "a warning in the header")
        leak.go()
        leak.expect("full")
        seen(r"100% +1000 +1000.*full", "38;5;208", "full")
        leak.go()
        leak.expect("refused")
        seen(r"full .*\b7\b", "38;5;203", "refused")
        check(any(re.search(r"[1-9]\d* exhausted", line) for line in top.lines()[:4]), "no alert in the header")
        leak.go()
        leak.expect("closed")
        seen(r"20\.\d% +20\d ", "38;5;77", "recovered")
        daemon.wait(leak.pid, "fd-recovered", 20)
        top.quit()


# ---- keys ----

def order_of(top, names):
    """These names, from above."""
    found = []
    for line in top.lines():
        found += [name for name in names if re.search(rf"\b{name}\b", line)]
    return found


def wait_order(top, names, wanted):
    wait_until(lambda: order_of(top, names) == wanted, 8,
               f"order {wanted} on the screen, not {order_of(top, names)}")


def test_sort_filter_columns_and_help():
    names = ["topaa", "topbb", "topcc"]
    with daemon_with_socket() as (_, path), zoo("topaa", "100:1000", 10), \
            zoo("topbb", "1000:1000", 90), zoo("topcc", "200:1000", 50), \
            Terminal("--socket", path, columns=120, rows=30) as top:
        top.filter("fdzoo top")
        wait_order(top, names, ["topcc", "topaa", "topbb"])  # by usage
        top.send("R")
        wait_order(top, names, ["topbb", "topaa", "topcc"])
        top.send(">")  # by USED
        wait_order(top, names, ["topbb", "topcc", "topaa"])
        top.wait("sorted by USED")
        top.send("s")  # a list of them
        top.wait("NAME +name of the process")
        top.send("Home", "Down", "Down", "Enter")
        wait_order(top, names, names)
        top.send("c")
        top.wait(r"\[x\] +FULL IN")
        top.send("Down", "Space")
        top.wait(r"\[ \] +USER")
        top.send("Escape")
        top.wait("NAME.* SERVICE")
        check("USER" not in top.wait("NAME.* SERVICE"), "USER is still shown")
        top.filter("nothing-is-called-so")
        top.wait("No process has 'nothing-is-called-so'")
        top.send("Escape")
        top.wait_gone("No process has")
        check_help(top)
        top.quit()


def test_filter_in_the_title_user_search_and_mouse():
    names = ["topaa", "topbb", "topcc"]
    with daemon_with_socket() as (_, path), zoo("topaa", "100:1000", 10), \
            zoo("topbb", "1000:1000", 90), zoo("topcc", "200:1000", 50), \
            Terminal("--socket", path, columns=80, rows=24) as top:
        top.filter("fdzoo top")
        wait_order(top, names, ["topcc", "topaa", "topbb"])
        top.wait(r"fdwarden top .* fdzoo top: 3 of [0-9]+ ")
        check("TREND" in top.wait("USAGE"), "no TREND at 80 columns")

        # while it is typed the line is selected
        def selected(name):
            line = top.find(rf"\b{name}\b", raw=True)
            return line is not None and re.match(r"(\x1b\[[0-9;:]*m)*\x1b\[[0-9;:]*4[0-9]",
                                                 line) is not None
        top.send("F3")
        top.type("bb")
        wait_until(lambda: selected("topbb"), 5, "topbb selected")
        top.send("Enter")
        top.wait(r"fdzoo top: 3 of ")  # the filter is as it was

        def press(column, row):
            for button in ("20", "23"):  # pressed, and released
                top.send("-H", "1b", "5b", "4d", button, f"{33 + column:x}", f"{33 + row:x}")

        lines = top.lines()
        titles = next(i for i, line in enumerate(lines) if "USAGE" in line)
        press(lines[titles].index("USED"), titles)
        wait_order(top, names, ["topbb", "topcc", "topaa"])
        press(lines[titles].index("USED"), titles)
        wait_order(top, names, ["topaa", "topcc", "topbb"])
        press(2, titles + 2)
        wait_until(lambda: selected("topcc"), 5, "topcc selected")
        press(2, titles + 2)
        top.wait(r"^ fdwarden.*topcc\[[0-9]+\]|topcc\[[0-9]+\]")
        top.send("Escape")
        top.wait("USAGE")
        top.send("Escape", "u")
        top.wait(r"fdwarden top .* user:root: [0-9]+ of [0-9]+ ")
        top.send("u")
        top.wait_gone("user:root")
        top.quit()


def test_signs_of_levels():
    with daemon_with_socket() as (daemon, path), \
            Zoo("limit=64", "fill=62", "say=near", "wait") as near, \
            Terminal("--socket", path, columns=80, rows=24,
                     environment={"NO_COLOR": "1"}) as top:
        daemon.wait(near.pid, "fd-critical", 30)
        top.filter(f"fdzoo {near.pid}")
        top.wait(rf"^ *{near.pid} .*#96\.9%")
        top.wait(r"Alerts +.*# [0-9]+ critical")
        top.quit()


def manual_keys():
    """key → text of the manual's section."""
    keys = {}
    with open(os.path.join(ROOT, "docs/fdwarden.8"), encoding="utf-8") as manual:
        section = manual.read().split(".Ss Keys of top")[1].split(".Ss ")[0]
    for key, text in re.findall(r"^\.It Ic (.*)\n((?:[^.].*\n)+)", section, re.M):
        keys[key.replace("\\-", "-").replace("\\&", "")] = " ".join(text.split()).rstrip(".")
    return keys


def check_help(top):
    """The page of keys is the manual's list."""
    top.resize(120, 50)
    top.send("?")
    top.wait("fdwarden top +keys")
    top.wait("draw the screen anew")
    shown = {}
    for line in top.lines()[1:]:
        parts = re.match(r" {2}(\S.*?) {2,}(\S.*)$", line)
        if parts and parts[1] != "Signs":
            shown[parts[1].strip()] = parts[2].strip()
    manual = manual_keys()
    same({key: text.lower() for key, text in shown.items()},
         {key: text.lower() for key, text in manual.items()}, "keys of the help page")
    check(len(shown) > 12, f"only {len(shown)} keys")
    top.send("q")
    top.wait("USAGE")


def test_tree():
    with daemon_with_socket() as (_, path), zoo("toptree", "100:1000", 30), \
            zoo("toptree", "100:1000", 60), \
            Terminal("--socket", path, columns=140, rows=30) as top:
        top.filter("toptree")
        top.wait("1-2 of 2")
        top.send("t")
        top.wait("by service, 1-3 of 3")
        # one group, with the sum and the share of the fullest
        group = top.wait(r"^ *2 root .*63\.0% +96\b")
        check("worst" in group or "%" in group, group)
        top.send("Enter")
        top.wait("by service, 1-1 of 1")
        top.send("Enter")
        top.wait("by service, 1-3 of 3")
        top.send("t")
        top.wait(r"\(host\)|by container")
        top.send("t")
        top.wait("by parents, 1-2 of 2")
        top.send("t")
        top.wait_gone("by parents")
        top.wait("1-2 of 2")
        top.quit()


def test_a_group_has_its_name():
    """On 80 columns there is none for services: the name takes the place of the user."""
    with Zoo("name=topgroup", "limit=64", "openat=20", "say=there", "wait") as one, \
            daemon_with_socket() as (_, path), \
            Terminal("--socket", path, "topgroup", columns=80, rows=24,
                     environment={"LC_ALL": "C"}) as top:
        one.expect("there")
        top.wait(rf"^ *{one.pid} root +topgroup")
        top.send("t")
        top.wait("by service")
        line = top.wait(r"^ +\d+ - ")
        check(re.search(r"^ +\d+ - (\(no service\)|\S+\.(service|scope)) ", line), line)
        top.quit()


def test_tree_by_parents():
    """Each below the one that started it: F5, as elsewhere."""
    with daemon_with_socket() as (_, path), \
            Zoo("name=topabove", "limit=100:1000", "openat=20", "fork=1",
                "say=there", "wait") as one, \
            Terminal("--socket", path, columns=140, rows=30, environment={"LC_ALL": "C"}) as top:
        one.expect("there")
        wait_until(lambda: children_of(one.pid), 10, "the child")
        child = children_of(one.pid)[0]
        top.filter("topabove")
        top.wait("1-2 of 2")
        top.send("F5")
        top.wait("by parents, 1-2 of 2")
        lines = top.lines()
        above = next(i for i, line in enumerate(lines) if re.match(rf" *{one.pid} ", line))
        check(re.match(rf" *{child} root +` topabove", lines[above + 1]), top.text())
        top.send("F5")
        top.wait_gone("by parents")
        top.quit()


def deep(name, levels):
    """A process with a child with a child, and so on."""
    return Program("import os, signal, sys\n"
                   "def name():\n"
                   "    with open('/proc/self/comm', 'w') as comm: comm.write(sys.argv[1])\n"
                   "name()\n"
                   "for _ in range(int(sys.argv[2])):\n"
                   "    if os.fork(): break\n"
                   "    name()\n"
                   "else:\n"
                   "    print('ready', os.getpid(), flush=True)\n"
                   "    sys.stdin.read(); sys.exit()\n"
                   "os.wait()\n", name, str(levels))


def test_eighty_columns():
    """What stands at both ends of the last line is apart; deep ones say how deep; the signs are
    all in the help."""
    with daemon_with_socket() as (_, path), deep("topdeep", 12) as program, \
            Terminal("--socket", path, columns=80, rows=24) as top:
        top.filter("topdeep")
        top.wait("1-13 of 13")
        top.send("t", "t", "t")
        top.wait("by parents, 1-13 of 13")
        top.wait(r"^ \? Help  .*/ Filter.*\S   +by parents, 1-13 of 13$")
        deepest = program.words[1]
        line = next(line for line in top.lines() if re.match(rf" *{deepest} ", line))
        check(re.search(r"12└ top", line), f"how deep is not told: {line!r}")
        top.send("?")
        top.wait("= sealed")
        top.send("Escape")
        top.wait_gone("= sealed")
        top.quit()


def test_what_is_saved_and_follow():
    """Nothing is written before it is asked for; then the next view begins with it."""
    with Scratch() as scratch, daemon_with_socket() as (_, path), \
            zoo("topsavea", "100:1000", 10), zoo("topsaveb", "100:1000", 60) as full:
        environment = {"XDG_CONFIG_HOME": scratch.path}
        saved = scratch.file("fdwarden/top.json")
        names = ["topsavea", "topsaveb"]
        with Terminal("--socket", path, environment=environment) as top:
            top.filter("topsave")
            wait_order(top, names, ["topsaveb", "topsavea"])
            top.send("F")
            top.wait(rf"following topsaveb\[{full.pid}\]")
            top.send("R")
            wait_order(top, names, names)
            top.send("Enter")  # it was followed
            top.wait(rf"topsaveb\[{full.pid}\]")
            top.send("Escape", "1")
            top.wait("there is no setting 1 yet")
            top.send("t", "w", "Escape")
            check(not os.path.exists(saved), "written, though not asked for")
            top.send("w", "1")
            top.wait("saved in .*top.json")
            os.unlink(saved)
            top.send("w", "Enter")
            wait_until(lambda: os.path.exists(saved), 10, "what Enter saves")
            top.wait("saved in .*top.json")
            top.quit()
        same(json.load(open(saved, encoding="utf-8"))["1"]["group"], "service", "saved grouping")
        with Terminal("--socket", path, environment=environment) as top:
            top.filter("topsave")
            top.wait("by service, ")
            wait_order(top, names, names)  # as it was: the other way round
            top.send("2")
            top.wait("there is no setting 2 yet")
            top.quit()
        with Terminal("--socket", path, "--sort", "usage", environment=environment) as top:
            top.filter("topsave")
            wait_order(top, names, ["topsaveb", "topsavea"])
            top.quit()
        with open(saved, "w", encoding="utf-8") as file:
            file.write("no json")
        with Terminal("--socket", path, environment=environment) as top:
            top.wait("no saved setting: ")
            top.quit()


def test_details_and_advice():
    with daemon_with_socket() as (_, path), zoo("topdetail", "100:1000", 90) as one, \
            Terminal("--socket", path, columns=100, rows=50) as top:
        top.filter("topdetail")
        top.wait("1-1 of 1")
        top.send("Enter")
        check_details(top, one)
        top.send("c")
        top.wait("a prints what to change")
        top.send("a")
        top.wait("is printed when you leave")
        top.send("Escape")
        top.wait("1-1 of 1")
        top.quit()
        top.wait(rf"topdetail\[{one.pid}\]:")
        top.wait(rf"prlimit --pid {one.pid} --nofile=")


def check_details(top, one):
    top.wait(rf"topdetail\[{one.pid}\] .*user root")
    top.wait(r"Usage .* 93\.0% +93 of 100 +hard limit 1000")
    top.wait("What is open", 20)
    top.wait(r"^ +90 +97% +character device")
    top.wait("What is wrong")
    top.wait("90 character devices, all /dev/null")
    top.wait("What to change")


def test_details_without_a_daemon():
    need_root()
    with zoo("topdetail", "100:1000", 90) as one, \
            Terminal("-c", "/dev/null", "--sort", "pid", columns=100, rows=50) as top:
        top.filter("topdetail")
        top.wait("1-1 of 1")
        top.send("Enter")
        check_details(top, one)

        def tells_the_alert():
            top.send("End")
            return re.search(r"\d\d:\d\d:\d\d  fd-warning  ", top.text())

        wait_until(tells_the_alert, 20, "its alert on the page")
        one.end()
        top.send("Home")
        top.wait("has ended", 10)
        # what was known stays there to be read
        top.wait("What is wrong")
        top.send("q")
        top.wait("No process has")
        top.quit()


def limit_of(pid):
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]


def test_raise_after_a_question():
    with daemon_with_socket() as (_, path), zoo("topraise", "100:150", 90) as one, \
            Terminal("--socket", path) as top:
        top.filter("topraise")
        top.wait("1-1 of 1")
        top.send("r")  # in the list, too
        top.wait(rf"Raise the soft limit of topraise\[{one.pid}\] from 100 to 150.*\(y/n\)")
        top.send("n")
        top.wait_gone("Raise the soft limit of")
        top.send("Enter")
        top.wait("What is open", 20)
        top.send("r")
        top.wait(rf"Raise the soft limit of topraise\[{one.pid}\] from 100 to 150.*\(y/n\)")
        top.send("n")
        top.wait_gone("Raise the soft limit of")
        same(limit_of(one.pid), 100, "soft limit after no")
        top.send("r", "y")
        top.wait("soft limit 100 -> 150")
        same(limit_of(one.pid), 150, "soft limit after yes")
        top.wait(r"93 of 150")
        top.send("r")
        top.wait("as high as its hard limit, 150")
        top.send("q", "q")
        same(top.ended(), 0, "exit status")


def test_incidents():
    """Those of a process, and the report of one; over the socket, and without a daemon out of
    the directory."""
    with Scratch() as scratch:
        place = scratch.file("kept")
        with daemon_with_socket(f"incidents.path={place}") as (daemon, path), \
                zoo("toppast", "100:1000", 90) as one, zoo("topcalm", "100:1000", 9) as calm:
            daemon.wait(one.pid, "fd-warning")
            with Terminal("--socket", path, columns=100, rows=30) as top:
                top.filter("topcalm")
                top.wait("1-1 of 1")
                top.send("i")
                top.wait(rf"Incidents of topcalm\[{calm.pid}\]")
                top.wait("There is no record of an incident of it")
                top.send("Escape")
                top.filter("toppast")
                top.wait("1-1 of 1")
                top.send("i")
                top.wait(rf" -  +warning +0  toppast\[{one.pid}\]")
                top.wait("/dev/null is open 90 times")
                top.send("Enter")
                top.wait("fdwarden report [0-9a-f-]{36}")
                top.wait("the record does not tell its end")
                top.send("End")
                top.wait(rf"prlimit --pid {one.pid} --nofile=")
                top.send("q")
                top.wait(rf"warning +0  toppast\[{one.pid}\]")
                one.end()
                # what is known of one that has ended stays there to be read
                top.wait(rf"\d s +warning +0  toppast\[{one.pid}\]", 20)
                top.send("q")
                top.wait("No process has")
                top.quit()
            calm.end()
        config = scratch.file("conf", f"[incidents]\npath = {place}\n")
        alert = {"@timestamp": "2026-11-29T09:00:00Z", "event": {"action": "fd-exhausted"},
                 "message": "m", "process": {"pid": os.getpid(), "name": "before"}}
        scratch.file("kept/00000001-0000-4000-8000-000000000000.jsonl",
                     json.dumps(alert) + "\n")
        need_root()
        with zoo("topalone", "100:1000", 9) as alone, \
                Terminal("-c", config, columns=100, rows=30) as top:
            top.filter("topalone")
            top.wait("1-1 of 1")
            top.send("Enter")
            top.wait("What is open", 20)
            top.send("i")
            top.wait(rf"Incidents of topalone\[{alone.pid}\]")
            top.wait("There is no record of an incident of it")
            top.send("Escape")
            top.wait("What is open")
            top.send("Escape")
            top.quit()


def test_pause():
    with daemon_with_socket() as (_, path), zoo("toppause", "100:1000", 40, "openat=20", "say=more",
                                                "wait") as one, \
            Terminal("--socket", path, "-d", "0.2") as top:
        top.filter("toppause")
        top.wait(r"toppause .*43\.0%")
        top.send("p")
        top.wait("PAUSED")
        one.go()
        one.expect("more")
        time.sleep(1)
        top.wait(r"toppause .*43\.0%", 1)
        top.send("Space")
        top.wait(r"toppause .*63\.0%")
        top.wait_gone("PAUSED")
        top.send("+")
        top.wait("every 0.5s")
        top.send("-", "-")
        top.wait("every 0.1s")
        top.quit()


# ---- terminals ----

def test_resize():
    with daemon_with_socket() as (_, path), Terminal("--socket", path) as top:
        for columns, rows in ((80, 24), (300, 100), (40, 8), (132, 43)):
            top.resize(columns, rows)
            # the footer is in the last line, the title over the whole width
            wait_until(lambda: top.lines()[-1].startswith(" ? Help") and
                       width_of(top.lines()[0]) <= columns and
                       top.lines()[0].startswith(" fdwarden top"), 10,
                       f"a screen of {columns}x{rows}")
            check_width(top)
        check("COMMAND" in top.wait("USAGE") or columns < 160, "no command")
        top.resize(30, 6)
        top.wait("too small: 40x8 needed")
        top.resize(100, 30)
        top.wait("Alerts")
        top.quit()


def colours_of(top):
    """SGR codes on the screen that are about colours."""
    codes = set()
    for line in top.lines(raw=True):
        for part in COLOURS.findall(line):
            codes |= set(re.split("[;:]", part[2:-1]))
    return {code for code in codes if re.fullmatch(r"[349][0-8]|10[0-7]", code)}


def test_without_colours_and_in_ascii():
    with daemon_with_socket() as (_, path), zoo("topplain", "100:1000", 90):
        with Terminal("--socket", path) as top:
            top.wait("topplain")
            check(colours_of(top), "no colours on a terminal that has them")
            check(any("━" in line for line in top.lines()), "no bars of lines")
        for environment in ({"NO_COLOR": "1"}, {"TERM": "vt100"}):
            with Terminal("--socket", path, environment=environment) as top:
                top.wait("topplain")
                same(colours_of(top), set(), f"colours with {environment}")
        with Terminal("--socket", path, environment={"LANG": "C", "LC_ALL": "C"}) as top:
            line = top.wait(r"topplain .*\|\|\|")
            check(line.isascii() and top.text().isascii(), f"not ASCII: {top.text()}")
            top.send("Enter")
            top.wait("What is open", 20)
            check(top.text().isascii(), f"not ASCII: {top.text()}")
        with Terminal("--socket", path, environment={"TERM": "xterm"}) as top:
            top.wait("topplain")
            check(not [code for code in colours_of(top) if code in ("38", "48")],
                  "256 colours on a terminal with 8")


def test_terminals_that_can_not():
    with daemon_with_socket() as (_, path):
        for environment, words in (({"TERM": "dumb"}, "can't move its cursor"),
                                   ({"TERM": ""}, "TERM is not set"),
                                   ({"TERM": "no-such-terminal"}, "is not known here")):
            with Terminal("--socket", path, environment=environment, columns=200,
                          ready=None) as top:
                same(top.ended(), 1, f"exit status with {environment}")
                line = top.wait("fdwarden: top:")
                check(words in line and "-b" in line, f"{environment}: {line!r}")
        done = batch("--socket", path)
        same(done.returncode, 1, "exit status without a terminal")
        check("no terminal" in done.stderr and done.stderr.count("\n") == 1, done.stderr)


def test_terminal_that_goes_away():
    """It ends, and spends no time on it."""
    with daemon_with_socket() as (_, path), Terminal("--socket", path) as top:
        pid = top.pid()
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            same(comm.read().strip(), "fdwarden", "what runs in the terminal")
        top.tmux("kill-server")
        wait_until(lambda: not alive(pid), 5, "end of the view")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_signals_leave_the_terminal_as_it_was():
    with daemon_with_socket() as (_, path):
        for signal in ("TERM", "INT", "HUP", "QUIT"):
            with Terminal("--socket", path) as top:
                same(top.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}").strip(),
                     "0 1", "cursor, alternate screen of the view")
                os.kill(top.pid(), getattr(__import__("signal"), f"SIG{signal}"))
                same(top.ended(), 0, f"exit status after SIG{signal}")
                same(top.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}").strip(),
                     "1 0", f"cursor, alternate screen after SIG{signal}")


def test_stop_and_go_on():
    with daemon_with_socket() as (_, path):
        view = f"env LANG=C.UTF-8 TERM=tmux-256color {FDWARDEN} top --socket {path}"
        with Terminal(command="env PS1='ready$ ' bash --norc --noprofile", ready="ready") as top:
            top.type(view)
            top.send("Enter")
            top.wait("Alerts")
            top.send("C-z")
            top.wait("Stopped")
            top.type("stty -a | grep -c ' echo '")
            top.send("Enter")
            top.wait("^1$")
            top.type("fg")
            top.send("Enter")
            top.wait("Alerts")
            top.wait(r"\? Help")
            top.send("q")
            top.wait_gone("Alerts")


def test_hostile_names():
    """Names and arguments that would move the cursor, turn the text, or be wide."""
    names = ["\x1b[2J\x1b[H", "\x9b31mred", "テスト名", "e\u0301\u0301\u0301\u0301\u0301",
             "\u202etxet", "a\nb\tc\x7f"]
    with contextlib.ExitStack() as stack:
        _, path = stack.enter_context(daemon_with_socket())
        zoos = [stack.enter_context(
            Zoo("name=" + name, "limit=100:1000", "openat=95", "say=" + "x", "wait"))
            for name in names]
        top = stack.enter_context(Terminal("--socket", path, columns=180, rows=30))
        for one in zoos:
            one.expect("x")
        top.filter("limit=100:1000 openat=95")
        top.wait(f"1-{len(names)} of {len(names)}")
        for one in zoos:
            line = top.wait(rf"^ *{one.pid} .*[ !#X]9\d\.0% +9\d +100 +1000")
            check(width_of(line) <= 180, f"too wide: {line!r}")
        check_width(top)
        check("テスト" in top.text(), "a wide name is not shown")
        # columns are where they are for others
        at = {top.find(rf"^ *{one.pid} ").index("%") if one is not zoos[2] else None
              for one in zoos}
        check(len(at - {None}) <= 2, f"columns at {at}")
        top.send("Enter")
        top.wait("What is open", 20)
        check_width(top)


# ---- without a terminal ----

def test_batch_and_json():
    with daemon_with_socket() as (_, path), zoo("topbatch", "100:1000", 40) as one:
        one.expect("there")
        time.sleep(0.5)
        done = batch("--socket", path, "-b", "-n", "3", "-d", "0.3")
        same((done.returncode, done.stderr), (0, ""), "batch")
        blocks = done.stdout.rstrip("\n").split("\n\n")
        same(len(blocks), 3, "refreshes")
        for block in blocks:
            line = next(line for line in block.split("\n") if "topbatch" in line)
            check(re.search(r"43\.0% +43 +100 +1000\b", line), line)
        done = batch("--socket", path, "--json", "-n", "2", "-d", "0.3", "--sort", "pid")
        documents = [json.loads(line) for line in done.stdout.splitlines()]
        same(len(documents), 2, "documents")
        reference = ps(one.pid)[one.pid]
        for document in documents:
            pids = [row["process"]["pid"] for row in document["processes"]]
            same(pids, sorted(pids), "order")
            row = document["processes"][pids.index(one.pid)]
            same(row["fd"]["used"], reference["fd"]["used"], "used")
            # the time of day moves with the clock, by a microsecond now and then
            same({**row["process"], "start": ""}, {**reference["process"], "start": ""},
                 "process")
            check({"@timestamp", "host", "system", "self"} <= set(document), "members")


def test_batch_without_a_daemon():
    need_root()
    with zoo("topown", "100:1000", 40) as one:
        one.expect("there")
        done = batch("-c", "/dev/null", "--json", "-n", "2", "-d", "0.5")
        same((done.returncode, done.stderr), (0, ""), "batch")
        first, second = (json.loads(line) for line in done.stdout.splitlines())
        row = next(row for row in second["processes"] if row["process"]["pid"] == one.pid)
        same((row["fd"]["used"], row["fd"]["soft_limit"]), (43, 100), "used and soft limit")
        check(second["number"] == first["number"] + 1, "numbers")


def test_reader_that_has_had_enough():
    with daemon_with_socket() as (_, path):
        done = subprocess.run(f"{FDWARDEN} top -b --socket {path} -d 0.1 | head -n 2",
                              shell=True, capture_output=True, text=True, check=False,
                              timeout=30, executable="/bin/bash")
        same((done.returncode, done.stderr), (0, ""), "with head")
        same(len(done.stdout.splitlines()), 2, "lines")


# ---- whose it is ----

def test_daemon_that_comes_and_goes():
    with Scratch() as scratch:
        path = scratch.file("sock")
        with Daemon(FAST, "state.file=", f"socket.path={path}") as daemon:
            with Terminal("--socket", path) as top:
                top.wait(rf"daemon {daemon.pid}\b")
                top.wait("Alerts")
                daemon.stop()
                top.wait("trying again")
                # what was known stays there
                top.wait("Alerts")
                with Daemon(FAST, "state.file=", f"socket.path={path}") as other:
                    top.wait(rf"daemon {other.pid}\b", 10)
                    top.wait_gone("trying again")
                top.quit()


def test_without_privilege():
    """In the group of the socket all is shown; else one line says what to do."""
    need_root()
    group = grp.getgrgid(65534).gr_name
    uid = unused_uid()
    with daemon_with_socket(f"socket.group={group}") as (_, path), \
            zoo("topgroup", "100:1000", 40) as one:
        program = shutil.copy(FDWARDEN, os.path.dirname(path))
        os.chmod(program, 0o755)

        def run(*groups):
            return subprocess.run([program, "top", "-b", "-n", "1", "--socket", path],
                                  capture_output=True, text=True, check=False, timeout=30,
                                  user=uid, group=uid, extra_groups=groups)
        one.expect("there")
        time.sleep(0.5)
        done = run(65534)
        same((done.returncode, done.stderr), (0, ""), "in the group")
        check(re.search(rf"{one.pid} root +topgroup .*fdzoo name=topgroup", done.stdout),
              f"not shown: {done.stdout[:2000]}")
        done = run()
        same(done.returncode, 1, "exit status outside of the group")
        same(done.stderr.count("\n"), 1, "lines on standard error")
        check(f"group {group}" in done.stderr, done.stderr)
        same(done.stdout, "", "output")
        if shutil.which("setpriv"):
            prefix = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--groups=65534"]
            with Terminal("--socket", path, prefix=prefix, program=program) as top:
                top.filter("topgroup")
                top.send("Enter")
                top.wait("What is open", 20)
                top.send("r", "y")
                top.wait("another user's process: begin top with sudo")
                same(limit_of(one.pid), 100, "soft limit")


def test_nobody_and_no_daemon():
    need_root()
    with Scratch() as scratch:
        config = scratch.file("conf", f"[socket]\npath = {scratch.file('none')}\n")
        program = shutil.copy(FDWARDEN, scratch.path)
        done = subprocess.run([program, "top", "-b", "-n", "1", "-c", config],
                              capture_output=True, text=True, check=False, timeout=30,
                              user=65534, group=65534, extra_groups=[])
        same(done.returncode, 1, "exit status")
        same(done.stderr.count("\n"), 1, "lines on standard error")
        check("CAP_BPF" in done.stderr and "no daemon is running" in done.stderr, done.stderr)
