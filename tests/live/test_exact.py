# SPDX-License-Identifier: GPL-2.0-or-later
"""What could be counted wrongly: clocks."""
import subprocess

from harness import FDWARDEN, OPTIONS, Skip, check, need_root, same


def test_time_namespace():
    """Its clock is not that of the records: it says so instead of seeing nothing."""
    need_root()
    options = [word for option in OPTIONS for word in ("-o", option)]
    done = subprocess.run(
        ["unshare", "-T", "--fork", "--boottime", "86400", "timeout", "20", FDWARDEN, "daemon",
         "-c", "/dev/null", "-o", "socket.path=", "-o", "state.file=", *options],
        capture_output=True, text=True, timeout=60, check=False)
    if "unshare" in done.stderr:
        raise Skip(f"no time namespace can be made here: {done.stderr.strip()}")
    same(done.returncode, 1, f"exit status, with {done.stderr!r}")
    check("time namespace" in done.stderr and "ready" not in done.stderr, done.stderr)
