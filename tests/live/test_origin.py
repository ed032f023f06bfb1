# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a limit was set, as `inspect` tells it of processes of this machine."""
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile

import schema
from harness import FDWARDEN, FDZOO, Skip, Zoo, check, need_limit, need_root, same


def inspect(pid):
    done = subprocess.run([FDWARDEN, "inspect", str(pid), "--json"], capture_output=True,
                          text=True, timeout=60, check=False)
    same(done.returncode, 0, f"status of inspect ({done.stderr.strip()})")
    seen = json.loads(done.stdout)
    schema.INSPECT(seen)
    return seen


def actions(seen):
    """Those about the limit; whether its descriptors leak is not of interest here."""
    return [piece["action"] for piece in seen["advice"] if piece["action"] != "fix-leak"]


def advice(seen, action):
    found = [piece for piece in seen["advice"] if piece["action"] == action]
    same(len(found), 1, f"pieces of advice for {action} in {seen['advice']}")
    return found[0]


def limits(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as text:
        line = next(line for line in text if line.startswith("Max open files"))
    return [int(word) for word in line.split()[3:5]]


class Below(Zoo):
    """Zoos whose parent stays, and is what the test starts: all end with it."""

    def __init__(self, *steps, **options):
        super().__init__(*steps, start_new_session=True, **options)

    def __exit__(self, *error):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        super().__exit__(*error)


def shell(script, *steps):
    """The zoo below a shell that sets limits first."""
    return Below("-c", script + '\n"$@"\n:', "sh", FDZOO, *steps, program="/bin/sh")


def test_set_itself():
    need_root()
    need_limit(2000)
    with Zoo("limit=200:2000", "fill=190", "say=there", "wait") as zoo:
        zoo.expect("there")
        seen = inspect(zoo.pid)
        same(seen["limit"]["origin"], "self", "the origin")
        same(actions(seen), ["program", "prlimit"], "advice")
        command, = advice(seen, "prlimit")["commands"]
        same(command, f"prlimit --pid {zoo.pid} --nofile=256:2000", "the command")
        subprocess.run(["sh", "-c", command], check=True)
        same(limits(zoo.pid), [256, 2000], "limits after it")
        zoo.end()


def test_set_by_a_shell():
    need_root()
    with shell("ulimit -n 300", "fill=290", "say=there", "wait") as zoo:
        pid = int(zoo.expect("there")[-1])
        seen = inspect(pid)
        same(seen["limit"]["origin"], "parent", "the origin")
        same(seen["limit"]["parent"], {"pid": zoo.pid, "name": "sh"}, "who")
        same(advice(seen, "parent")["content"], "ulimit -n 512", "the line")


def test_set_by_a_shell_below_the_hard_one():
    """The line that is proposed, in the shells that there are, leaves the hard limit alone."""
    need_root()
    need_limit(20000)
    with shell("ulimit -Sn 70; ulimit -Hn 20000", "fill=60", "say=there", "wait") as zoo:
        pid = int(zoo.expect("there")[-1])
        line = advice(inspect(pid), "parent")["content"]
        same(line, "ulimit -Sn 128", "the line")
    for name in (["dash"], ["bash"], ["busybox", "sh"], ["ksh"], ["mksh"], ["zsh", "-f"]):
        if shutil.which(name[0]):
            said = subprocess.run([*name, "-c", f"{line}; ulimit -Sn; ulimit -Hn"],
                                  preexec_fn=lambda: resource.setrlimit(
                                      resource.RLIMIT_NOFILE, (70, 20000)),
                                  capture_output=True, text=True, timeout=20, check=True).stdout
            same(said.split(), ["128", "20000"], f"limits in {name[0]}")


def place(seen):
    """Of what sets the limit, and of what is to be changed there."""
    limit = seen["limit"]
    return [limit.get(key) for key in ("origin", "file", "line", "setting")]


def tries_script(text, origin, line, setting, typed):
    """The line of a script is named, and what is proposed, typed as it is, has effect."""
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "run web.sh")
        with open(path, "w", encoding="utf-8") as script:
            script.write(text)
        os.chmod(path, 0o755)
        for limit in ("64", typed):
            # A relative path, of a shell that has gone elsewhere since.
            with Below(FDZOO, "fill=50", "say=there", "wait", program="./run web.sh",
                       cwd=work) as zoo:
                pid = int(zoo.expect("there")[-1])
                same(limits(pid)[0], int(limit), "the limit")
                if limit == typed:
                    break
                seen = inspect(pid)
                same(place(seen), [origin, path, line, setting], "where it is set")
                piece = advice(seen, "parent")
                same(piece["file"], path, "the file to change")
                for command in piece["commands"]:
                    subprocess.run(["sh", "-c", command], check=True)


def test_line_of_a_script():
    need_root()
    tries_script("#!/bin/sh\ncd /\nulimit -n 64\n\"$@\"\n:\n", "parent", 3, "ulimit -n 64",
                 "128")


def test_line_of_a_script_that_became_it():
    """What a part of it was is known as long as the shell above it runs."""
    need_root()
    tries_script("#!/bin/bash\n# ulimit -n 64\ncd /\n(ulimit -Sn 64; exec \"$@\")\n:\n", "self",
                 4, "ulimit -Sn 64", "128")


def test_line_with_prlimit():
    need_root()
    if not shutil.which("prlimit"):
        raise Skip("no prlimit")
    tries_script("#!/bin/sh\n\nprlimit --nofile=64:2000 \"$@\"\n:\n", "self", 3,
                 "--nofile=64:2000", "128")


def test_line_of_another_script():
    """A number that is not the one in force, and a path that leads elsewhere, are not told."""
    need_root()
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "run.sh")
        with open(path, "w", encoding="utf-8") as script:
            script.write('ulimit -n "$1"\nshift\n"$@"\n: ulimit -n 64\n')
        with Below(path, "64", FDZOO, "fill=50", "say=there", "wait", program="/bin/sh") as zoo:
            pid = int(zoo.expect("there")[-1])
            seen = inspect(pid)
            same(place(seen), ["parent", None, None, None], "where it is set")
            os.rename(path, path + ".old")
            os.mkfifo(path)
            same(place(inspect(pid)), ["parent", None, None, None], "with a FIFO in its place")


def test_raised_by_another_process():
    """What the next one begins with is told, where there is nothing else to change."""
    need_root()
    need_limit(20000)
    with shell("ulimit -Sn 70; ulimit -Hn 20000", "fill=60", "say=there", "wait") as zoo:
        pid = int(zoo.expect("there")[-1])
        subprocess.run([FDWARDEN, "raise", str(pid), "--soft", "200"], check=True, timeout=20,
                       capture_output=True)
        same(limits(pid), [200, 20000], "limits after it")
        page = subprocess.run([FDWARDEN, "inspect", str(pid)], capture_output=True, text=True,
                              timeout=60, check=True).stdout
        check(f"lasts until this one ends: sh[{zoo.pid}], above it, has 70." in
              " ".join(page.split()), page)


def test_raised_to_the_hard_one():
    need_root()
    with shell("ulimit -Sn 300; ulimit -Hn 600", "limit=600:600", "fill=590", "say=there",
               "wait") as zoo:
        pid = int(zoo.expect("there")[-1])
        seen = inspect(pid)
        same(seen["limit"]["origin"], "parent", "the origin of the hard limit")
        same(seen["limit"]["raised_by_process"], True, "limit.raised_by_process")
        same(seen["limit"]["parent"]["pid"], zoo.pid, "who set the hard one")


def test_hostile_parent():
    """Its name and its arguments come to the terminal as something harmless."""
    need_root()
    name = "\x1b[2J\u202e'\"\n\udcff"
    with Below("limit=300:300", f"name={name}", "crowd=1", "fill=290", "mark",
               "wait") as zoo:
        pid = int(zoo.expect("mark")[-1])
        seen = inspect(pid)
        same(seen["limit"]["origin"], "parent", "the origin")
        same(seen["limit"]["parent"]["pid"], zoo.pid, "who")
        out = subprocess.run([FDWARDEN, "inspect", str(pid)], capture_output=True, timeout=60,
                             check=True).stdout
        check(b"\x1b[2J" not in out and b"\xff" not in out, f"raw bytes in {out!r}")
        check("\u202e".encode() not in out, "a mark that turns the line around")
        out.decode()


def test_gone():
    with Zoo("say=there", "wait") as zoo:
        zoo.expect("there")
        pid = zoo.pid
        zoo.end()
    check(not os.path.exists(f"/proc/{pid}"), "the process is still there")
    done = subprocess.run([FDWARDEN, "inspect", str(pid), "--json"], capture_output=True,
                          text=True, timeout=60, check=False)
    same(done.returncode, 1, "status of inspect")
    check(str(pid) in done.stderr, f"the error does not name it: {done.stderr!r}")
