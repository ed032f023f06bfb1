# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cross compiler needs of another architecture: a root with its libraries.

Debian's packages, taken apart and not installed, so that nothing of them runs. Kept in the
cache under a hash of the recipe. The emulated machines take their programs from it, too.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile

from . import kernels
from .architectures import ARCHITECTURES
from .kernels import Unavailable

# As .ci/deps has them for a build here, without the tools; and what the guests run.
PACKAGES = (
    "libc6-dev", "linux-libc-dev", "libbpf-dev", "libelf-dev", "libdw-dev", "libiberty-dev",
    "zlib1g-dev", "libcjson-dev", "libsystemd-dev", "libmicrohttpd-dev",
    "libseccomp-dev", "uthash-dev", "libncurses-dev", "libcmocka-dev", "busybox-static", "jq",
    # … for a static program, too.
    "libcap-dev", "libmount-dev", "liblzma-dev", "libbz2-dev", "libzstd-dev",
)  # fmt: skip
# bpftool of this machine cannot link programs of the other byte order (before 7.6).
BIG_ENDIAN = ("bpftool",)
# This machine's own suite where that has the architecture, so that all is of one version.
SUITES = {"riscv64": ("trixie",)}


def unpack(tree, debian, packages, names):
    """The packages into a directory that is not there yet, from the first suite that works."""
    reasons = []
    for suite in names:
        for address, security in kernels.mirrors():
            if security:
                continue
            process = subprocess.run(
                [
                    "mmdebstrap", "--quiet", "--variant=extract", "--skip=check/qemu",
                    f"--architectures={debian}", f"--include={','.join(packages)}",
                    suite, tree, address,
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env={**os.environ, "TMPDIR": "/var/tmp"},
            )  # fmt: skip
            if not process.returncode:
                return
            last = (process.stderr.strip().splitlines() or ["no message"])[-1]
            reasons.append(f"{suite}: {last}")
    raise Unavailable("; ".join(reasons) or "no mirror has its suites")


def merge_usr(tree):
    """Packages of an older suite have files in /lib, which is a link in a real system."""
    for name in ("lib", "lib64", "bin", "sbin"):
        old, new = tree / name, tree / "usr" / name
        if old.is_symlink():
            continue
        new.mkdir(parents=True, exist_ok=True)
        if old.is_dir():
            subprocess.run(["cp", "-a", f"{old}/.", new], check=True)
            subprocess.run(["rm", "-r", old], check=True)
        old.symlink_to(f"usr/{name}")


def make_links_relative(tree):
    """A linker would follow an absolute one out of the root."""
    for path in tree.rglob("*"):
        if path.is_symlink() and os.readlink(path).startswith("/"):
            inside = tree / os.readlink(path).lstrip("/")
            target = os.path.relpath(inside, path.parent)
            path.unlink()
            path.symlink_to(target)


def suites(machine):
    # Imported late: images has this machine's own distribution, and knows of roots.
    from . import images

    return SUITES.get(machine) or (images.distribution()[0],)


def get(machine):
    """The root of an architecture, made if it is not in the cache; or Unavailable."""
    debian = ARCHITECTURES[machine].debian
    packages = PACKAGES + (BIG_ENDIAN if machine == "s390x" else ())
    recipe = json.dumps([suites(machine), packages])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    root = kernels.cache_dir() / f"root-{machine}-{key}"
    with kernels.cache_lock():
        if root.is_dir():
            return root
        if not kernels.shutil.which("mmdebstrap"):
            raise Unavailable("mmdebstrap is not installed (`.ci/deps cross` installs it)")
        kernels.log(f"root of {machine}: unpacking its libraries")
        for old in kernels.cache_dir().glob(f"root-{machine}-*"):
            subprocess.run(["rm", "-rf", old], check=True)
        with tempfile.TemporaryDirectory(
            prefix=kernels.PARTIAL, dir=kernels.cache_dir()
        ) as work:
            tree = pathlib.Path(work) / "root"
            unpack(tree, debian, packages, suites(machine))
            merge_usr(tree)
            make_links_relative(tree)
            os.replace(tree, root)
    return root
