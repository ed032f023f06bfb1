# SPDX-License-Identifier: GPL-2.0-or-later
"""A hostile local user, without any privilege, who names the cgroups that are delegated to him,
and the files below a root of his own. The monitor has the service's user and capabilities."""
import contextlib
import os
import resource
import subprocess

from harness import (FDZOO, Scratch, Skip, Zoo, check, children_of, need_root, note, same,
                     wait_until)
from test_hostile import UNIT, USER, ManyNames, need_namespaces, service

CONTAINER = "f" * 63 + "0"
LIMITS = resource.RLIMIT_NOFILE, (64, 64)
QUICK = "snapshot.interval=200ms", "thresholds.dwell=0"


class Tree:
    """Cgroups like systemd's, of which those below the user's manager are the user's."""

    def __init__(self):
        need_root()
        self.top = next((path for path in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup")
                         if os.path.exists(f"{path}/cgroup.procs")), None)
        if not self.top:
            raise Skip("no hierarchy of cgroups")
        self.made = []

    def make(self, path, owner=0):
        at = self.top
        for part in path.split("/"):
            at = os.path.join(at, part)
            if os.path.isdir(at):
                continue
            try:
                os.mkdir(at)
            except OSError as error:
                raise Skip(f"no cgroup can be made: {error}") from error
            self.made.append(at)
            if owner:
                for name in ("", "/cgroup.procs", "/tasks", "/cgroup.threads"):
                    with contextlib.suppress(FileNotFoundError):
                        os.chown(at + name, owner, owner)
        return at

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for root in reversed(self.made):
            for at, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(at)


MANAGER = f"user.slice/user-{USER}.slice/user@{USER}.service"


def delegated(tree):
    """The part of a user's manager; all below it he makes himself."""
    tree.make(f"user.slice/user-{USER}.slice")
    return tree.make(MANAGER, owner=USER)


def enters(path):
    """For a child, as who it is by then: it makes the cgroup and goes there."""
    def enter():
        resource.setrlimit(*LIMITS)
        os.makedirs(path, exist_ok=True)
        with open(f"{path}/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write("0")
    return enter


def as_user(path, *steps):
    """A process of the user's, which has put itself there. The shell is already his: what
    a child does before it is one is done as root."""
    return Zoo("-c", f'mkdir -p "$1" && echo 0 >"$1/cgroup.procs" && shift && ulimit -n 64 && '
               'exec "$@"', "sh", path, FDZOO, *steps, program="/bin/sh",
               user=USER, group=USER, extra_groups=[])


FULL = "openat=50", "say=open", "wait"


def test_a_service_of_the_hosts_by_name():
    """A rule for sshd.service is not about a directory of that name that a user has made; nor
    is one for a container. It is about the host's."""
    config = ("[rule quiet]\nservice = sshd.service\nignore = yes\n"
              f"[rule box]\ncontainer = {CONTAINER}\nignore = yes\n")
    with Tree() as tree, Scratch() as scratch:
        os.chmod(scratch.path, 0o755)
        path = scratch.file("rules.conf", config)
        own = delegated(tree)
        hosts = tree.make("system.slice/sshd.service")
        with service(*QUICK, config=path) as daemon, \
                as_user(f"{own}/sshd.service", *FULL) as forged, \
                as_user(f"{own}/docker-{CONTAINER}.scope", *FULL) as boxed, \
                Zoo(*FULL, preexec_fn=enters(hosts)) as real:
            for one in forged, boxed, real:
                one.expect("open")
            _, alert = daemon.wait(forged.pid, "fd-warning", 10)
            same(alert["service"]["name"], f"user@{USER}.service/sshd.service", "its service")
            _, alert = daemon.wait(boxed.pid, "fd-warning", 10)
            same((alert["container"]["id"], alert["container"]["claimed_by"]),
                 (CONTAINER, f"user@{USER}.service"), "its container, on whose word")
            same(daemon.of_unlocked(real.pid), [], "alerts of the host's, which are ignored")


def test_a_container_of_a_services_own():
    """A service to which systemd has given its cgroup names a directory in it like a container:
    that is its word, whoever it runs as, and a rule for the container is not about it."""
    config = f"[rule box]\ncontainer = {CONTAINER}\nignore = yes\n"
    with Tree() as tree, Scratch() as scratch:
        os.chmod(scratch.path, 0o755)
        path = scratch.file("rules.conf", config)
        unit = tree.make("system.slice/fdwarden-try.service", owner=USER)
        roots = tree.make("system.slice/fdwarden-other.service")
        with service(*QUICK, config=path) as daemon, \
                as_user(f"{unit}/docker-{CONTAINER}.scope", *FULL) as boxed, \
                Zoo(*FULL, preexec_fn=enters(f"{roots}/docker-{CONTAINER}.scope")) as sandboxed, \
                Zoo(*FULL, preexec_fn=enters(f"{roots}/libpod-payload-{CONTAINER}")) as podmans:
            for one in boxed, sandboxed, podmans:
                one.expect("open")
            for one, by in (boxed, "fdwarden-try.service"), (sandboxed, "fdwarden-other.service"):
                _, alert = daemon.wait(one.pid, "fd-warning", 10)
                same((alert["container"]["id"], alert["container"].get("claimed_by")),
                     (CONTAINER, by), "its container, on whose word")
            same(daemon.of_unlocked(podmans.pid), [], "alerts of podman's, by root's word")


def test_not_hidden_among_a_users():
    """Many small processes in a directory that a user has named nginx.service do not fold the
    host's nginx.service into their summary."""
    with Tree() as tree, contextlib.ExitStack() as stack:
        own = delegated(tree)
        hosts = tree.make("system.slice/nginx.service")
        daemon = stack.enter_context(service(*QUICK))
        crowd = [stack.enter_context(as_user(f"{own}/app.slice/nginx.service", *FULL))
                 for _ in range(12)]
        for one in crowd:
            one.expect("open")
        daemon.wait(crowd[0].pid, "fd-warning", 10)
        real = stack.enter_context(Zoo(*FULL, preexec_fn=enters(hosts)))
        real.expect("open")
        _, alert = daemon.explained(real.pid, "fd-warning", 10)
        same(alert["service"]["name"], "nginx.service", "its service")
        check(alert["fd"].get("groups"), f"no cause: {alert['fd']}")


MARK = "fdwarden-has-run"
# What a shell would run, in a file's name, which may hold anything but a slash.
NAMES = (f"a$(touch {MARK}).conf", f"b;touch {MARK};.conf", f"c'`touch {MARK}`'.conf",
         f"-d\n touch {MARK}\n.conf")


def root_of_its_own(unit, name):
    """A command that has, in a mount namespace of its own, a unit with one drop-in."""
    script = ('mount -t tmpfs none /etc/systemd/system && mkdir "$1.d" && '
              'printf "[Service]\\nLimitNOFILE=64:64\\n" >"$1.d/$2" && '
              'printf "[Service]\\nExecStart=/bin/true\\n" >"$1" && shift 2 && ulimit -n 64 && '
              'exec "$@"')
    return ["--mount", "sh", "-c", script, "sh", f"/etc/systemd/system/{unit}", name, FDZOO, *FULL]


@contextlib.contextmanager
def stubs(scratch):
    """A PATH with programs that do nothing, so that what a command would run can be typed."""
    place = scratch.file("bin")
    os.mkdir(place, 0o755)
    for name in ("nsenter", "sed", "systemctl", "prlimit", "mkdir", "podman", "docker", "crictl",
                 "nerdctl", "machinectl", "lxc-attach", "sh", "tee"):
        path = os.path.join(place, name)
        with open(path, "w", encoding="ascii") as out:
            out.write("#!/bin/sh\nexit 0\n")
        os.chmod(path, 0o755)
    os.symlink("/usr/bin/touch", os.path.join(place, "touch"))
    yield place


def paste(scratch, place, command):
    """Into a shell of a user who may write nothing but here."""
    here = scratch.file("here")
    if not os.path.isdir(here):
        os.mkdir(here, 0o777)
        os.chmod(here, 0o777)
    subprocess.run(["/bin/sh", "-c", command], cwd=here, env={"PATH": place}, user=USER,
                   group=USER, extra_groups=[], timeout=20, check=False,
                   stdin=subprocess.DEVNULL, capture_output=True)
    same([name for name in os.listdir(here) if name == MARK], [], f"what ran of {command!r}")


def test_names_in_a_containers_root():
    """Root of a container names its files: pasted, a proposed command runs nothing of them, and
    what is proposed for its unit enters the container first."""
    unit = "app.service"
    if not os.path.isdir("/etc/systemd/system"):
        raise Skip("no directory of units")
    with Tree() as tree, Scratch() as scratch, contextlib.ExitStack() as stack:
        need_namespaces()
        os.chmod(scratch.path, 0o755)
        place = stack.enter_context(stubs(scratch))
        box = tree.make(f"docker/{CONTAINER}/system.slice/{unit}")
        daemon = stack.enter_context(service(*QUICK))
        seen = 0
        for name in NAMES:
            with Zoo(*root_of_its_own(unit, name), program="unshare",
                     preexec_fn=enters(box)) as one:
                one.expect("open")
                _, alert = daemon.explained(one.pid, "fd-warning", 20)
            note(f"{alert['limit']['origin']}, {alert['limit'].get('file')!r}")
            for advice in alert["advice"]:
                if advice["action"] != "prlimit" and advice.get("commands"):
                    check("inside" in advice, f"no word of the container: {advice}")
                    seen += 1
                for command in advice.get("commands", []):
                    paste(scratch, place, command)
                for step in advice.get("steps", []):
                    check(isinstance(step, (list, dict)), f"a step is {step!r}")
        check(seen, "no command for a container was proposed: nothing was tried")


def test_no_commands_on_its_own_word():
    """A root of his own in a directory that a user has named like a container: what is said to
    be set there is his say, and nothing is proposed to be typed but for the process itself."""
    need_root()
    need_namespaces()
    if not os.path.isdir("/etc/systemd/system"):
        raise Skip("no directory of units")
    with Tree() as tree, service(*QUICK) as daemon:
        own = delegated(tree)
        path = f"{own}/docker-{CONTAINER}.scope/system.slice/ssh.service"
        command = root_of_its_own("ssh.service", "x.conf")
        with Zoo("-c", 'mkdir -p "$1" && echo 0 >"$1/cgroup.procs" && shift && exec unshare '
                 '--user --map-root-user "$@"', "sh", path, *command, program="/bin/sh",
                 user=USER, group=USER, extra_groups=[]) as one:
            one.expect("open")
            _, alert = daemon.explained(one.pid, "fd-warning", 20)
        note(f"{alert['limit']['origin']}, {alert['limit'].get('file')!r}")
        for advice in alert.get("advice", []):
            for command in advice.get("commands", []):
                check(command.startswith(f"prlimit --pid {one.pid} "),
                      f"on the process's own word: {advice}")


def test_many_names_of_a_users_own():
    """A user without any privilege, in a cgroup and a root of his own with thousands of names
    for his unit, four times: each look-up ends, and the host's services are explained."""
    if not os.path.isdir("/etc/systemd/system") or not os.path.exists("/usr/bin/python3"):
        raise Skip("no directory of units, or no python")
    with Tree() as tree, contextlib.ExitStack() as stack:
        need_namespaces()
        own = f"{delegated(tree)}/docker-{CONTAINER}.scope/system.slice/{UNIT}"
        hosts = tree.make("system.slice/nginx.service")
        daemon = stack.enter_context(service(*QUICK))
        hostile = [stack.enter_context(ManyNames(None, own)) for _ in range(4)]
        for one in hostile:
            one.fill()
        for one in hostile:
            _, alert = daemon.explained(one.pid, "fd-warning", 30)
            note(f"{alert['limit']['origin']}: {alert['limit'].get('denied', 'all was read')}")
        with Zoo(*FULL, preexec_fn=enters(hosts)) as real:
            real.expect("open")
            _, alert = daemon.explained(real.pid, "fd-warning", 10)
            check(alert["fd"].get("groups"), f"no inventory: {alert['fd']}")
            check("denied" not in alert["limit"], f"its origin: {alert['limit']}")
        wait_until(lambda: not children_of(daemon.pid), 10, "the end of all helpers")
