# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine without a service manager: nothing has made a group, a directory or a user."""
import contextlib
import grp
import os
import shutil
import stat
import subprocess
import tempfile

from harness import FDWARDEN, OPTIONS, ROOT, Failure, Scratch, Skip, check, need_root, same, \
    unused_uid, wait_until

# Its /run is empty, as in a container or a fresh chroot, and nobody else's.
EMPTY_RUN = 'mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs /run && '
EXEC = 'exec "$@"'


@contextlib.contextmanager
def bare_daemon(log, *own, prepare="", config="/dev/null"):
    """The daemon by its defaults, as `make run` starts it, but for options of its own."""
    need_root()
    if not shutil.which("unshare"):
        raise Skip("no unshare")
    options = [word for option in ("incidents.path=", *OPTIONS, *own) for word in ("-o", option)]
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", EMPTY_RUN + prepare + EXEC, "sh", FDWARDEN, "daemon",
             "-c", config, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file)
        try:
            wait_until(lambda: "ready:" in text_of(log) or process.poll() is not None, 60,
                       "'ready:' in its log")
            if process.poll() is not None:
                raise Failure(f"it ended: {text_of(log)}")
            yield process
        finally:
            process.terminate()
            process.wait(20)


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_run_directory_is_made_for_state_and_socket():
    with Scratch() as scratch:
        log = scratch.file("log")
        with bare_daemon(log) as process:
            run = f"/proc/{process.pid}/root/run/fdwarden"
            said = text_of(log)
            check("no state is kept" not in said, f"the log: {said}")
            same(stat.S_IMODE(os.stat(run).st_mode), 0o750, "mode of /run/fdwarden")
            wait_until(lambda: os.path.exists(f"{run}/state.json"), 5, "its state file")
            check(stat.S_ISSOCK(os.stat(f"{run}/fdwarden.sock").st_mode), "no socket")
            asked = subprocess.run(
                ["nsenter", "--mount", "--root", "--target", str(process.pid), FDWARDEN, "check"],
                capture_output=True, text=True, timeout=20, check=False)
            check(asked.returncode < 3 and "FDWARDEN" in asked.stdout.upper(),
                  f"check says {asked.stdout!r} {asked.stderr!r}")


def test_nothing_of_roots_is_left_in_a_users_tree():
    """`sudo make`: what is built is the user's, what an earlier root has left becomes theirs."""
    need_root()
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    uid = unused_uid()
    with tempfile.TemporaryDirectory(prefix="fdwarden-tree-") as tree:
        os.makedirs(f"{tree}/build-asan/gen")
        os.chmod(tree, 0o755)
        shutil.copytree(os.path.join(ROOT, ".ci"), f"{tree}/.ci")
        with open(f"{tree}/build-asan/gen/old", "w", encoding="utf-8"):
            pass
        os.chown(tree, uid, uid)
        script = "mkdir build && echo new >build/new && echo more >>build-asan/gen/old && id -u"
        done = subprocess.run([".ci/as-user", "sh", "-c", script], cwd=tree,
                              env={**os.environ, "SUDO_UID": str(uid), "SUDO_GID": str(uid)},
                              capture_output=True, text=True, timeout=20, check=False)
        same((done.stdout, done.returncode), (f"{uid}\n", 0), f"what it is: {done.stderr}")
        for name in ("build", "build/new", "build-asan", "build-asan/gen", "build-asan/gen/old"):
            same(os.stat(f"{tree}/{name}").st_uid, uid, f"owner of {name}")


def test_root_in_its_own_tree_stays_root():
    need_root()
    with tempfile.TemporaryDirectory(prefix="fdwarden-tree-") as tree:
        shutil.copytree(os.path.join(ROOT, ".ci"), f"{tree}/.ci")
        for more in ({}, {"SUDO_UID": "65534", "SUDO_GID": "65534"}):
            done = subprocess.run([".ci/as-user", "id", "-u"], cwd=tree,
                                  env={**os.environ, **more},
                                  capture_output=True, text=True, timeout=20, check=False)
            same(done.stdout, "0\n", f"who it is with {more}")


def test_run_directory_goes_to_a_group_made_later():
    """A first daemon made it when there was no such group: its log says to make one."""
    with Scratch() as scratch:
        with bare_daemon(scratch.file("log"), "socket.group=daemon",
                         prepare="mkdir -m 750 /run/fdwarden && ") as process:
            run = f"/proc/{process.pid}/root/run/fdwarden"
            same(os.stat(run).st_gid, grp.getgrnam("daemon").gr_gid, "whose /run/fdwarden is")
            same(stat.S_IMODE(os.stat(run).st_mode), 0o750, "its mode")


def test_without_dev():
    """A root without devices, as of an image from scratch: it monitors, and says what it lacks."""
    with Scratch() as scratch:
        log = scratch.file("log")
        config = scratch.file("conf")
        with open(config, "w", encoding="utf-8"):
            pass
        with bare_daemon(log, prepare="mount -t tmpfs tmpfs /dev && ", config=config) as process:
            said = text_of(log)
            check("/dev/null: No such file or directory: " in said, f"the log: {said}")
            asked = subprocess.run(
                ["nsenter", "--mount", "--root", "--target", str(process.pid), FDWARDEN, "status"],
                capture_output=True, text=True, timeout=20, check=False)
            same(asked.returncode, 0, f"status: {asked.stdout} {asked.stderr}")


def test_pid_namespace_is_refused():
    """Pids are the host's: who sees others is not answered as if they were his."""
    need_root()
    if not shutil.which("unshare"):
        raise Skip("no unshare")
    inside = ["unshare", "--pid", "--fork", "--mount-proc", FDWARDEN]
    for command, code in (("ps", 1), ("inspect sh", 1), ("trace sh", 1), ("top -b -n 1", 1),
                          ("daemon -c /dev/null", 1), ("check", 3)):
        done = subprocess.run([*inside, *command.split()], capture_output=True, text=True,
                              timeout=60, check=False)
        said = done.stdout + done.stderr
        check("pid namespace of its own" in said and "--pid=host" in said,
              f"{command} says {said[:300]!r}")
        same(done.returncode, code, f"exit code of {command}")
