# SPDX-License-Identifier: GPL-2.0-or-later
"""What an alert may look like, and no other way.

A field is there with a value of its type, or it is absent: what is not known is
never null, never an empty string and never a made-up figure.
"""
import re

MACHINE = re.compile("[0-9a-f]{32}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# action: severity, log.level
ACTIONS = {
    "fd-warning": (3, "warning"),
    "fd-critical": (4, "critical"),
    "fd-exhausted": (5, "critical"),
    "fd-recovered": (2, "info"),
    "fd-leak-suspected": (3, "warning"),
    "fd-details": (2, "info"),
    "fd-limit-raised": (3, "warning"),
    "alerts-lost": (3, "warning"),
    "other-limit": (3, "error"),
    "system-warning": (3, "warning"),
    "system-critical": (4, "critical"),
    "system-exhausted": (5, "critical"),
    "system-recovered": (2, "info"),
}
REASONS = ("closed", "exited", "limit-raised", "ignored")


class Wrong(Exception):
    """The object breaks the contract; str() says where and how."""


def text(value):
    if not isinstance(value, str) or not value:
        raise Wrong(f"not a text that says something: {value!r}")
    if CONTROL.search(value):
        raise Wrong(f"has control characters: {value!r}")


def raw_text(value):
    """Text of a process's own, in which tab and newline may be."""
    text(value.replace("\n", " ").replace("\t", " ") if isinstance(value, str) else value)


def one_of(*choices):
    def check(value):
        if value not in choices or isinstance(value, bool):
            raise Wrong(f"{value!r} is none of {choices}")
    return check


def matching(pattern):
    def check(value):
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Wrong(f"{value!r} has not the form {pattern.pattern}")
    return check


def whole(least=0):
    def check(value):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise Wrong(f"{value!r} is no whole number of at least {least}")
    return check


def real(least=float("-inf"), most=float("inf")):
    def check(value):
        if isinstance(value, bool) or not isinstance(value, (int, float)) \
                or not least <= value <= most:
            raise Wrong(f"{value!r} is no number in {least}..{most}")
    return check


def true(value):
    if value is not True:
        raise Wrong(f"{value!r} is not true")


def boolean(value):
    if not isinstance(value, bool):
        raise Wrong(f"{value!r} is neither true nor false")


def list_of(check, most=None):
    def check_all(value):
        if not isinstance(value, list) or (most is not None and len(value) > most):
            raise Wrong(f"{value!r} is no list of at most {most}")
        for member in value:
            check(member)
    return check_all


def mapping(check):
    def check_all(value):
        if not isinstance(value, dict):
            raise Wrong(f"{value!r} is no object")
        for key, member in value.items():
            text(key)
            check(member)
    return check_all


def object_of(required, optional=None):
    optional = optional or {}

    def check(value):
        if not isinstance(value, dict):
            raise Wrong(f"{value!r} is no object")
        for key in required.keys() - value.keys():
            raise Wrong(f"{key} is missing")
        for key, member in value.items():
            inner = required.get(key) or optional.get(key)
            if not inner:
                raise Wrong(f"{key} is not of the contract")
            try:
                inner(member)
            except Wrong as error:
                raise Wrong(f"{key}: {error}") from None
    return check


USER = object_of({"id": matching(re.compile(r"\d+"))}, {"name": raw_text})
PROCESS = object_of(
    {"pid": whole(1), "name": raw_text},
    {"start": matching(TIMESTAMP), "executable": raw_text, "command_line": raw_text,
     "parent": object_of({"pid": whole(1)}),
     "user": USER})

RUNTIMES = ("docker", "containerd", "cri-o", "podman", "lxc", "systemd-nspawn")
CONTAINER = object_of({"id": raw_text}, {"name": text, "image": object_of({"name": text}), "runtime": one_of(*RUNTIMES), "claimed_by": raw_text})
POD = object_of({"type": one_of("kubernetes"),
                 "resource": object_of({"type": one_of("pod"), "id": text}, {"name": text})},
                {"namespace": text})

TABLE = {
    "count": whole(), "used": whole(), "free": whole(), "usage": real(0, 1),
    "soft_limit": whole(), "hard_limit": whole(),
    "growth_per_s": real(), "exhausted_in_s": real(0),
    "exhausted_in_s_low": real(0), "exhausted_in_s_high": real(0),
    "opened": whole(), "closed": whole(),
    "effective_limit": whole(1), "managed": true, "program": text,
    "sealed": true, "seal_unsure": true, "ignored": true, "torn": true, "thread": whole(1),
    "tables": whole(2),
    "shared_with": whole(1), "leak_suspected": true,
}
TYPES = list_of(object_of({"type": text, "count": whole(1)}))
GROUP = object_of(
    {"count": whole(1), "text": text, "type": text},
    {"state": text, "direction": one_of("accepted", "outgoing"), "where": raw_text,
     "pattern": raw_text, "example": raw_text, "distinct": whole(1), "deleted": true})
EXPLAINED = {
    "types": TYPES, "groups": list_of(GROUP, 100), "ungrouped": whole(1),
    "deleted": whole(), "left_out": whole(1), "unexplained": text,
}
DIAGNOSIS = list_of(object_of(
    {"rule": text, "leak": boolean, "count": whole(), "share": real(0, 1),
     "text": text, "evidence": text}), 4)
LIMIT = object_of(
    {"origin": text, "raised_by_process": boolean},
    {"soft": whole(1), "hard": whole(1), "unit": raw_text, "runtime": text,
     "file": raw_text, "line": whole(1), "setting": raw_text,
     "changed_since": true, "in_container": true, "user": USER,
     "raised": object_of({"by": one_of("fdwarden"), "by_hand": boolean,
                          "at": matching(TIMESTAMP), "from": whole(), "to": whole(1)}),
     "parent": object_of({"pid": whole(1)}, {"name": raw_text}),
     "evidence": text, "denied": text})
ADVICE = list_of(object_of(
    {"action": text, "text": text, "bandage": boolean},
    {"value": whole(1), "file": raw_text, "content": raw_text,
     "inside": object_of({"container": object_of({"id": raw_text},
                                                 {"runtime": one_of(*RUNTIMES)})},
                         {"commands": list_of(raw_text),
                          "steps": list_of(object_of({"argv": list_of(raw_text)}))}),
     "commands": list_of(raw_text),
     "steps": list_of(object_of({"argv": list_of(raw_text)},
                                {"stdin": raw_text, "in_home": true, "inexact": true}))}), 6)
FRAME = {"language": one_of("python"), "function": text, "module": text, "file": text, "line": whole(1), "offset": whole(),
         "build_id": text, "inlined": true}


def frame(value):
    """Compiled code has an offset, a function of Python has none."""
    object_of({} if "language" in value else {"offset": whole()}, FRAME)(value)


CALL_SITES = {
    "call_sites": list_of(object_of(
        {"count": whole(1), "kind": text, "stacks": whole(1),
         "age_s": object_of({"oldest": real(0), "median": real(0)}),
         "frames": list_of(frame)},
        {**FRAME, "rate_per_s": real(0), "frames_missing": true})),
    "call_sites_left_out": whole(1), "unknown": whole(),
    "unknown_why": object_of({}, {"before": whole(1), "not_seen": whole(1),
                                  "no_stack": whole(1), "not_unwound": whole(1)}),
}
REFUSED = object_of({"emfile": whole(), "enfile": whole(), "by_syscall": mapping(whole(1))},
                    {"other": whole(1), "inexact": true, "per_s": real(0),
                     "core_share": real(0), "first": matching(TIMESTAMP),
                     "last": matching(TIMESTAMP)})
REQUEST = object_of({}, {"syscall": text, "path": raw_text, "error": text})
LEAK = object_of(
    {"floor_then": whole(), "floor_now": whole(), "over_s": real(0), "slope_per_s": real(),
     "slope_low_per_s": real(), "slope_high_per_s": real()},
    {"growing": list_of(object_of(
        {"type": text, "count": whole(1), "grown": whole(1)},
        {"state": text, "direction": one_of("accepted", "outgoing")}), 4)})
SUMMARY = object_of(
    {"name": raw_text, "processes": whole(1)},
    {"alone": whole(1),
     "process": object_of({}, {"name": raw_text, "executable": raw_text,
                               "command_line": raw_text, "user": USER}),
     "members": list_of(object_of(
         {"pid": whole(1), "refused": whole()},
         {"command_line": raw_text, "used": whole(), "soft_limit": whole(),
          "alone": true}), 50)})
HOLDERS = object_of(
    {"what": one_of("inotify instances", "inotify watches", "fanotify groups", "fanotify marks",
                    "pipes", "epoll watches", "message queues"),
     "total": whole(), "processes": whole(),
     "most": list_of(object_of({"pid": whole(1), "name": raw_text, "count": whole(1)}), 8)},
    {"denied": whole(1), "cut": true})
FD = object_of(
    {"incident": matching(UUID)},
    {**TABLE, **EXPLAINED, **CALL_SITES, "holders": HOLDERS, "leak": LEAK, "soft_limit_before": whole(1), "reason": one_of(*REASONS), "found_at_start": true, "refused": REFUSED,
     "record_lost": true, "request": REQUEST, "limit": text, "limit_value": whole(), "limit_sysctl": text,
     "group": SUMMARY, "details_follow": whole(1), "details_of": matching(UUID),
     "shortened": true})
SYSTEM = object_of(
    {"incident": matching(UUID), "refused": object_of({"enfile": whole()})},
    {"allocated": whole(), "max": whole(), "usage": real(0, 1), "shortened": true})

ALERT = object_of(
    {"@timestamp": matching(TIMESTAMP),
     "ecs": object_of({"version": one_of("8.11.0")}),
     "event": object_of({"kind": one_of("alert"), "dataset": one_of("fdwarden.alert"),
                         "action": one_of(*ACTIONS), "severity": whole(1),
                         "id": matching(UUID)}, {"duration_ns": whole(), "duration": whole(),
                                                 "category": one_of(["process"], ["host"]),
                                                 "type": one_of(["info"])}),
     "log": object_of({"level": text}),
     "message": text,
     "host": object_of({"name": text, "boot": object_of({"id": text})},
                       {"id": matching(MACHINE)})},
    {"process": PROCESS, "service": object_of({"name": raw_text}),
     "container": CONTAINER, "orchestrator": POD, "fd": FD, "system": SYSTEM,
     "diagnosis": DIAGNOSIS, "limit": LIMIT, "advice": ADVICE,
     "loss": object_of({"alerts": whole(1)},
                       {"output": one_of("stdout", "journal", "file", "hook"),
                        "incidents": whole(), "user": USER})})

PS = object_of(
    {"@timestamp": matching(TIMESTAMP), "host": object_of({"name": text}),
     "system": object_of({"allocated": whole(), "max": whole(), "nr_open": whole()}),
     "processes": lambda value: [PS_ENTRY(entry) for entry in value]},
    # what it may not see, and how it went
    {"self": lambda value: None})
PS_ENTRY = object_of({"process": PROCESS, "fd": object_of({}, TABLE)},
                     {"service": object_of({"name": raw_text}),
                      "container": CONTAINER, "orchestrator": POD})


INSPECT = object_of(
    {"@timestamp": matching(TIMESTAMP), "host": object_of({"name": text}),
     "process": PROCESS, "diagnosis": DIAGNOSIS,
     "fd": object_of({"types": TYPES, "groups": list_of(GROUP, 100), "deleted": whole()},
                     {**TABLE, **EXPLAINED, "refused": REFUSED, "descriptors": lambda value: None})},
    {"service": object_of({"name": raw_text}), "container": CONTAINER,
     "orchestrator": POD, "limit": LIMIT, "advice": ADVICE,
     "unseen": list_of(text)})


def expect(condition, what):
    if not condition:
        raise Wrong(what)


def check_table(fd):
    """What the figures of one table must be to each other."""
    if "used" not in fd:
        expect(not {"count", "free", "usage"} & fd.keys(), "fd: figures without fd.used")
        return
    expect("count" in fd, "fd: used without count")
    expect(fd["used"] <= fd["count"], f"fd: used {fd['used']} above count {fd['count']}")
    if "soft_limit" not in fd:
        return
    expect(fd["used"] <= fd["soft_limit"], "fd: used above the soft limit")
    expect(fd.get("free") == fd["soft_limit"] - fd["used"], "fd: free is not limit - used")
    if fd["soft_limit"]:
        usage = fd["used"] / fd["soft_limit"]
        expect(abs(fd.get("usage", -1) - usage) <= 0.0001, "fd: usage is not used / limit")
    if "hard_limit" in fd:
        expect(fd["soft_limit"] <= fd["hard_limit"], "fd: soft limit above the hard")


# These say why, in themselves or afterwards.
EXPLAINED_ACTIONS = ("fd-leak-suspected", "fd-warning", "fd-critical", "fd-exhausted", "fd-details")


def check_explained(document, most=100):
    """What explains it is whole, and its figures agree."""
    fd = document["fd"]
    expect(("types" in fd) == ("groups" in fd) == ("diagnosis" in document),
           "types, groups and diagnosis come together")
    expect(("limit" in document) == ("advice" in document) or "holders" in fd,
           "limit and advice come together")
    if "types" not in fd:
        return
    expect("unexplained" not in fd, "explained, and unexplained")
    total = sum(kind["count"] for kind in fd["types"])
    grouped = sum(group["count"] for group in fd["groups"])
    expect(total == grouped + fd.get("ungrouped", 0), f"{grouped} of {total} in groups")
    expect(len(fd["groups"]) <= most, f"{len(fd['groups'])} groups")
    expect(fd["deleted"] <= total, "more deleted than there are")
    for cause in document["diagnosis"]:
        expect(cause["count"] <= total, f"{cause['rule']} explains more than there is")


def check_call_sites(fd):
    """Every descriptor that there was then is in one site, or unknown."""
    expect(("call_sites" in fd) == ("unknown" in fd), "call_sites and unknown come together")
    expect(fd.get("unknown", 0) == sum(fd.get("unknown_why", {}).values()),
           "unknown_why does not add up")
    counts = [site["count"] for site in fd.get("call_sites", [])]
    expect(counts == sorted(counts, reverse=True), "call sites: not most first")


TRACE = object_of(
    {"@timestamp": matching(TIMESTAMP), "host": object_of({"name": text}),
     "process": PROCESS, "fd": object_of({}, {"count": whole(), **CALL_SITES}),
     "trace": object_of({"duration_s": real(0), "watched": one_of("functions", "exits"),
                         "losses": object_of({"no_stack": whole(), "too_high": whole(),
                                              "missed": whole(), "not_unwound": whole()})},
                        {"process_ended": true, "full": true, "refused": whole(1),
                         "runtimes": list_of(object_of({"language": one_of("python")},
                                                       {"name": text, "unknown_why": text}))})},
    {"service": object_of({"name": raw_text}), "container": CONTAINER, "orchestrator": POD})


def check_trace(document):
    TRACE(document)
    fd = document["fd"]
    check_call_sites(fd)
    total = sum(site["count"] for site in fd["call_sites"]) + fd["unknown"]
    ended = document["trace"].get("process_ended", False)
    expect(ended == ("count" not in fd), "fd.count: of a process that has not ended")
    expect(ended or total == fd["count"],
           f"{total} of {fd.get('count')} descriptors in sites or unknown")


def check_inspect(document):
    INSPECT(document)
    check_table(document["fd"])
    check_explained(document)


def check_summary(fd):
    """All are named as far as there is room, and the sums are those of all of them."""
    if "details_of" in fd or "details_follow" in fd:
        return  # its members are in several lines
    group, refused = fd["group"], fd["refused"]
    members = group["members"]
    expect(len(members) == min(group["processes"], 50), "fd.group.members: some are missing")
    expect(len({member["pid"] for member in members}) == len(members),
           "fd.group.members: one is there twice")
    total = refused["emfile"] + refused["enfile"] + refused.get("other", 0)
    named = sum(member["refused"] for member in members if "alone" not in member)
    expect(named == total if len(members) == group["processes"] else named <= total,
           "fd.group.members do not add up to fd.refused")


def check_fd(action, fd):
    check_table(fd)
    expect(("soft_limit_before" in fd) == (action == "fd-limit-raised"),
           "fd.soft_limit_before: of a limit that was raised")
    expect(("reason" in fd) == (action == "fd-recovered"), "fd.reason: of recoveries alone")
    expect(fd.get("exhausted_in_s_low", 0) <= fd.get("exhausted_in_s", 0)
           <= fd.get("exhausted_in_s_high", float("inf")), "fd.exhausted_in_s: not in its bounds")
    if "leak" in fd:
        leak = fd["leak"]
        expect(leak["slope_low_per_s"] <= leak["slope_per_s"] <= leak["slope_high_per_s"],
               "fd.leak: the slope is not in its bounds")
    expect(("limit" in fd) <= (action == "other-limit"), "fd.limit: of other-limit alone")
    if action == "other-limit":
        expect("limit" in fd, "fd.limit is missing")
    if "group" in fd:
        check_summary(fd)
    if "refused" in fd:
        refused = fd["refused"]
        total = refused["emfile"] + refused["enfile"] + refused.get("other", 0)
        expect(total == sum(refused["by_syscall"].values()),
               "fd.refused: by_syscall does not add up")
    if "group" not in fd and action in ("fd-warning", "fd-critical", "fd-exhausted"):
        expect("used" in fd or "record_lost" in fd, f"{action} without fd.used")


def check_alert(alert):
    """Raises Wrong unless `alert` keeps the contract in every field."""
    ALERT(alert)
    action = alert["event"]["action"]
    severity, level = ACTIONS[action]
    expect(alert["event"]["severity"] == severity, f"event.severity of {action}")
    expect(alert["log"]["level"] == level, f"log.level of {action}")
    expect(("duration_ns" in alert["event"]) == (action != "alerts-lost"), "event.duration_ns")
    expect(("loss" in alert) == (action == "alerts-lost"), "loss: of alerts-lost alone")
    if action == "alerts-lost":
        expect("fd" not in alert and "system" not in alert, f"{action} with fd or system")
        expect(("output" in alert["loss"]) != ("incidents" in alert["loss"]),
               "loss: by an output, or withheld")
        return
    if action.startswith("system-"):
        expect("system" in alert and "fd" not in alert, f"{action} needs system, not fd")
        return
    expect("fd" in alert and "system" not in alert, f"{action} needs fd, not system")
    check_fd(action, alert["fd"])
    check_explained(alert, 10)
    expected = action in EXPLAINED_ACTIONS and "group" not in alert["fd"]
    explained = "types" in alert["fd"] or "unexplained" in alert["fd"] or \
        (expected and "details_of" in alert["fd"])
    expect(explained == expected or (action == "fd-details" and
                                     ("call_sites" in alert["fd"] or "holders" in alert["fd"])),
           f"{action}: explained, or not")
    check_call_sites(alert["fd"])
    expect(("process" in alert) != ("group" in alert["fd"]),
           "either one process or a group of them")
    if "process" in alert and alert["process"]["name"].isprintable():
        expect(alert["process"]["name"] in alert["message"], "message does not name it")


def check_ps(document):
    PS(document)
    seen = set()
    for entry in document["processes"]:
        pid = entry["process"]["pid"]
        expect(pid not in seen, f"process {pid} is listed twice")
        seen.add(pid)
        check_table(entry["fd"])
