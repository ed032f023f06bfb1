# SPDX-License-Identifier: GPL-2.0-or-later
"""Each incident's record, what is made of it, and what a crash or a full disk leaves."""
import contextlib
import json
import os
import stat
import subprocess
import time

from harness import Daemon, FDWARDEN, Scratch, Skip, Zoo, check, need_root, same, wait_until

FAST = "snapshot.interval=200ms"


def daemon_with(place, *options, **more):
    return Daemon(FAST, f"incidents.path={place}", *options, **more)


def lines_of(place, incident):
    path = f"{place}/{incident}.jsonl"
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as text:
        return [json.loads(line) for line in text if line.endswith("\n")]


def decided_in(lines):
    return [what["action"] for line in lines for what in line.get("decided", [])]


def seen_in(lines):
    return [line["seen"] for line in lines if "seen" in line]


def a_story(place, daemon):
    """A warning, a refusal, room again: its alerts, and the lines of its record."""
    with Zoo("limit=64", "fill=40", "sleep=1000", "fill=55", "say=near", "wait",
             "refuse=openat:3", "say=full", "wait", "close_all", "say=empty", "wait") as zoo:
        zoo.expect("near")
        _, first = daemon.wait(zoo.pid, "fd-warning")
        zoo.go()
        zoo.expect("full")
        daemon.wait(zoo.pid, "fd-exhausted")
        zoo.go()
        daemon.wait(zoo.pid, "fd-recovered")
    incident = first["fd"]["incident"]
    wait_until(lambda: "fd-recovered" in decided_in(lines_of(place, incident)), 10,
               "the end in the record")
    return zoo, incident, lines_of(place, incident)


def test_a_record():
    """What stands in it is what happened; who may read it is who may ask the daemon."""
    with Scratch() as scratch:
        place = scratch.file("kept/incidents")
        with daemon_with(place) as daemon:
            zoo, incident, lines = a_story(place, daemon)
            alerts = [line for line in lines if "@timestamp" in line]
            same([alert["event"]["id"] for alert in alerts],
                 [alert["event"]["id"] for alert in daemon.of(zoo.pid, details=True)],
                 "the alerts in the record")
            same(decided_in(lines), daemon.actions(zoo.pid), "what was decided")
        begin = next(line["begin"] for line in lines if "begin" in line)
        same(begin["incident"], incident, "id")
        past = [int(point.get("used", 0)) for point in begin["past"]]
        check(past and min(past) <= 40, f"how it was before: {past}")
        used = [int(seen.get("used", 0)) for seen in seen_in(lines)]
        check(max(used) == 64 and used[-1] < 40, f"used over time: {used}")
        refused = [call for line in lines for call in line.get("refused", [])
                   if isinstance(call, dict)]
        check(refused and refused[0]["name"] == "openat", f"refused: {refused}")
        same(alerts[-1]["fd"]["refused"]["emfile"], 3, "refused, at its end")
        same(stat.S_IMODE(os.stat(f"{place}/{incident}.jsonl").st_mode), 0o640, "mode")
        same(stat.S_IMODE(os.stat(place).st_mode), 0o750, "mode of the directory")


def test_none_without_an_incident():
    """Of what is in no trouble nothing is written; of a sandbox neither."""
    with Scratch() as scratch:
        place = scratch.file("incidents")
        with daemon_with(place) as daemon, Zoo("limit=64", "fill=30", "say=low", "wait") as zoo:
            zoo.expect("low")
            time.sleep(1)
            same(daemon.actions(zoo.pid), [], "alerts")
            same([name for name in os.listdir(place) if zoo_in(place, name, zoo.pid)], [],
                 "records of it")


def zoo_in(place, name, pid):
    with open(f"{place}/{name}", encoding="utf-8", errors="replace") as text:
        return f'"pid":{pid},' in text.read()


def test_killed():
    """SIGKILL at any moment: the record is there to its last second, and goes on."""
    with Scratch() as scratch:
        place, state = scratch.file("incidents"), scratch.file("state.json")
        with Zoo("limit=64", "fill=55", "say=near", "wait") as zoo:
            incident, told = None, []
            for turn in range(4):
                daemon = daemon_with(place, f"state.file={state}")
                daemon.own_only = True
                daemon.__enter__()
                with daemon.arrived:
                    daemon.alerts[:0] = told
                if not incident:
                    incident = daemon.wait(zoo.pid, "fd-warning")[1]["fd"]["incident"]
                    wait_until(lambda: os.path.exists(state) and
                               incident in open(state, encoding="utf-8").read(), 5, "the state")
                kept = len(seen_in(lines_of(place, incident)))
                wait_until(lambda kept=kept: len(seen_in(lines_of(place, incident))) > kept, 10,
                           "what goes on in the record")
                time.sleep(0.13 * turn)
                daemon.process.kill()
                daemon.process.wait()
                for thread in daemon.threads:
                    thread.join(5)
                told = daemon.alerts
                seen = seen_in(lines_of(place, incident))
                age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(seen[-1]["now_ns"]) / 1e9
                check(age < 10, f"its last look is {age} s old")
            lines = lines_of(place, incident)
            begins = [line["begin"] for line in lines if "begin" in line]
            same([begin.get("resumed", False) for begin in begins], [False] + 3 * [True],
                 "its beginning, and three restarts")
            # A line that was torn: the others are read, and the next daemon goes on behind it.
            with open(f"{place}/{incident}.jsonl", "ab") as torn:
                torn.write(b'{"seen":{"now')
            with daemon_with(place, f"state.file={state}") as daemon:
                daemon.own_only = True
                with daemon.arrived:
                    daemon.alerts[:0] = told
                zoo.end()
                daemon.wait(zoo.pid, "fd-recovered")
        with open(f"{place}/{incident}.jsonl", "rb") as text:
            rest = text.read().split(b'{"seen":{"now\n')
        same(len(rest), 2, "the torn line, and what follows it")
        check(b"fd-recovered" in rest[1], "the end is behind it")


def test_full_disk():
    """It is said once, costs lines of records alone, and heals."""
    need_root()
    with Scratch() as scratch:
        place = scratch.file("small")
        os.mkdir(place)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise Skip(f"no tmpfs can be mounted: {done.stderr.strip()}")
        try:
            with daemon_with(f"{place}/incidents") as daemon, \
                    Zoo("limit=64", "fill=55", "say=before", "wait") as before:
                # its record has room in its last block, while there is none for others
                daemon.wait(before.pid, "fd-warning")
                with open(f"{place}/fills", "wb", buffering=0) as fills, \
                        contextlib.suppress(OSError):
                    while True:
                        fills.write(bytes(4096))
                with Zoo("limit=64", "fill=55", "say=near", "wait") as zoo:
                    daemon.wait(zoo.pid, "fd-warning")
                    wait_until(lambda: any("lines are being lost" in line for line in daemon.log),
                               10, "the word of it")
                    time.sleep(3)  # lines of both come meanwhile
                    same(len([line for line in daemon.log if "incidents: " in line]), 1,
                         f"lines of the log while it is full: {daemon.log}")
                    os.remove(f"{place}/fills")
                    daemon.wait_log("incidents: works again", 10)
                    incident = daemon.of(zoo.pid)[0]["fd"]["incident"]
                    zoo.end()
                    daemon.wait(zoo.pid, "fd-recovered")
                same(daemon.actions(zoo.pid), ["fd-warning", "fd-recovered"], "alerts")
                same(len([line for line in daemon.log if "being lost" in line]), 1,
                     "times that it was said")
                wait_until(lambda: "fd-recovered" in
                           decided_in(lines_of(f"{place}/incidents", incident)), 5, "its end")
                check(any("lost" in line for line in lines_of(f"{place}/incidents", incident)),
                      "the record says that something is missing")
        finally:
            subprocess.run(["umount", place], check=False)


def run(*words):
    return subprocess.run([FDWARDEN, *words], capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, "LC_ALL": "C.UTF-8", "COLUMNS": "80"})


def told(*words):
    done = run(*words)
    same((done.returncode, done.stderr), (0, ""), f"fdwarden {' '.join(words)}")
    return done.stdout


def test_report_and_replay():
    """What is made of a real record: the list, the report in each form, and a replay that
    agrees with the daemon, to the alert."""
    with Scratch() as scratch:
        place = scratch.file("incidents")
        with daemon_with(place) as daemon:
            zoo, incident, _ = a_story(place, daemon)
            actions = daemon.actions(zoo.pid)
        where = ("--directory", place)
        listed = json.loads(told("incidents", "--json", *where))["incidents"]
        mine = next(one for one in listed if one["incident"] == incident)
        same((mine["worst"], mine["refused"], mine["pid"]), ("exhausted", 3, zoo.pid), "listed")
        check(incident[:8] in told("incidents", *where), "it is in the table")
        later = json.loads(told("incidents", "--json", "--since", "2100-01-01", *where))
        check(incident not in [one["incident"] for one in later["incidents"]], "since then")
        for who in (f"{mine['name']}[{zoo.pid}]", mine["name"]):
            same(json.loads(told("report", who, "--json", *where))["incident"], incident, who)
        for who in (f"{mine['name']}[1]", mine["name"] + "x", mine["name"][:-1]):
            none = run("report", who, *where)
            same((none.returncode, "nor of a process" in none.stderr), (1, True), none.stderr)
        text = told("report", incident[:13], *where)
        check(all(len(line) <= 80 for line in text.splitlines()), f"too wide: {text}")
        for words in (f"[{zoo.pid}]", incident, "openat", "exhausted", "3 calls refused",
                      "How many were open"):
            check(words in text, f"no {words} in {text}")
        check("# " in told("report", incident, "--markdown", *where), "Markdown")
        same(json.loads(told("report", incident, "--json", *where))["refused"], 3, "JSON")
        page = scratch.file("page.html")
        told("report", incident, "--html", page, *where)
        with open(page, encoding="utf-8") as html:
            html = html.read()
        check("default-src 'none'" in html and "<svg" in html and "<script" not in html, "HTML")
        same(stat.S_IMODE(os.stat(page).st_mode) & 0o007, 0, "mode of the page")
        full = run("report", incident, "--html", "/dev/full", *where)
        same((full.returncode, "No space left" in full.stderr), (1, True), full.stderr)
        again = json.loads(told("replay", incident, "--json", *where))
        check(again["agrees"] and not again["changed"], f"replay: {again}")
        same([what["action"] for what in again["now"]], actions, "what is replayed")
        other = json.loads(told("replay", incident, "--json", "-o", "thresholds.warn=60%",
                                *where))
        check(other["changed"] and not other["agrees"], "other levels tell otherwise")
        same(other["now"][0]["action"], "fd-warning", "at 63 %")
        check(other["now"][0]["@timestamp"] < other["then"][0]["@timestamp"], "it came before")


def test_other_levels_than_the_usual():
    """What is said is held against what was in force then, and not against the defaults."""
    with Scratch() as scratch:
        place = scratch.file("incidents")
        with daemon_with(place, "thresholds.warn=83%", "thresholds.critical=99%",
                         "thresholds.hysteresis=2%") as daemon:
            _, incident, _ = a_story(place, daemon)
        where = ("--directory", place)
        for fits in ("thresholds.warn=97%", "thresholds.warn=3%"):
            check(json.loads(told("replay", incident, "--json", "-o", fits, *where))["changed"],
                  fits)
        for option, why in (
                ("thresholds.critical=82%", "warn (83%) is not below critical (82%)"),
                ("thresholds.warn=2%", "hysteresis (2%) is not below warn (2%)"),
                ("thresholds.hysteresis=83%", "hysteresis (83%) is not below warn (83%)")):
            done = run("replay", incident, "-o", option, *where)
            same((done.returncode, done.stdout), (2, ""), option)
            check(why in done.stderr, done.stderr)


def test_what_is_no_record():
    """Said in a line, and what else is there is shown."""
    with Scratch() as scratch:
        place = scratch.path
        done = run("incidents", "--directory", place + "/none")
        same(done.returncode, 1, "no directory")
        name = "06cc38e2-599e-4cf2-87f5-1dc8afbc5cd7"
        scratch.file(name + ".jsonl", "rubbish\n")
        done = run("report", name, "--directory", place)
        same((done.returncode, done.stdout), (1, ""), "rubbish")
        check("no record of an incident" in done.stderr, done.stderr)
        for command in ("report", "replay"):
            same(run(command).returncode, 2, f"{command} of nothing")
            same(run(command, "zzz", "--directory", place).returncode, 1, f"{command} zzz")
            done = run(command, "", "--directory", place)
            same((done.returncode, "an id is needed" in done.stderr), (1, True), done.stderr)
        same(run("replay", "last", "-o", "socket.path=/x").returncode, 2, "another key")


def test_two_daemons():
    """The second one says who has the records, keeps none, and watches as ever."""
    with Scratch() as scratch:
        place = scratch.file("kept")
        with daemon_with(place) as first, daemon_with(place) as second:
            second.wait_log(f"another daemon (pid {first.pid}) keeps them in {place};")
            zoo, incident, _ = a_story(place, first)
            second.wait(zoo.pid, "fd-recovered")
            same(second.actions(zoo.pid), first.actions(zoo.pid), "alerts of the second")
            other = second.of(zoo.pid)[0]["fd"]["incident"]
            check(os.path.exists(f"{place}/{incident}.jsonl"), "the record of the first one")
            check(not os.path.exists(f"{place}/{other}.jsonl"), "a record of the second one")


def test_lock_in_the_way():
    """What is no lock is named, and no records are kept beside it."""
    with Scratch() as scratch:
        place = scratch.file("kept")
        os.makedirs(place + "/.lock")
        with daemon_with(place) as daemon:
            daemon.wait_log(f"no records of incidents are kept: {place}/.lock can't be locked: "
                            "Is a directory")
            same(os.listdir(place), [".lock"], "what is there")


def test_order():
    """By when they began, whichever was written last; the last one is the first in the list."""
    with Scratch() as scratch:
        ids = [f"0000000{i}-0000-4000-8000-000000000000" for i in range(3)]
        for i, hour in enumerate((9, 11, 10)):
            alert = {"@timestamp": f"2026-11-29T{hour:02}:00:00Z",
                     "event": {"action": "fd-warning"}, "message": "m"}
            path = scratch.file(ids[i] + ".jsonl", json.dumps(alert) + "\n")
            os.utime(path, (2000 - 100 * i, 2000 - 100 * i))
        where = ("--directory", scratch.path)
        listed = [one["incident"]
                  for one in json.loads(told("incidents", "--json", *where))["incidents"]]
        same(listed, [ids[1], ids[2], ids[0]], "the newest first")
        same(json.loads(told("report", "last", "--json", *where))["incident"], ids[1], "last")


def test_width_of_the_list():
    """Its lines are no wider than the terminal, however long a name is."""
    with Scratch() as scratch:
        alert = {"@timestamp": "2026-11-29T09:00:00Z", "event": {"action": "fd-warning"},
                 "message": "m", "process": {"pid": 7, "name": "name"},
                 "service": {"name": 50 * "a" + ".service"}}
        scratch.file("00000001-0000-4000-8000-000000000000.jsonl", json.dumps(alert) + "\n")
        head, line = told("incidents", "--directory", scratch.path).splitlines()
        same((len(line), line[head.index("WHO"):][:15]), (80, "name[7] of aaaa"), line)


def test_since():
    """None that was over before; what is not known to have ended was not."""
    with Scratch() as scratch:
        ids = [f"0000000{i}-0000-4000-8000-000000000000" for i in range(2)]
        for i, actions in enumerate((("fd-warning",), ("fd-warning", "fd-recovered"))):
            scratch.file(ids[i] + ".jsonl", "".join(
                json.dumps({"@timestamp": "2026-01-02T09:00:00Z", "event": {"action": action},
                            "message": "m"}) + "\n" for action in actions))
        for since, wanted in (("2026-01-01", ids), ("2026-01-04", ids[:1])):
            listed = json.loads(told("incidents", "--json", "--since", since,
                                     "--directory", scratch.path))["incidents"]
            same(sorted(one["incident"] for one in listed), wanted, since)
