# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernels, from the mirror that this machine's own apt uses.

A kernel once fetched stays in the cache and is used without asking the mirror
again; `tests/vm/kernels --refresh` looks for newer ones.
"""

import contextlib
import dataclasses
import fcntl
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from .architectures import ARCHITECTURES

# Where each series may be found, first come first served. The suites are
# looked up at the machine's mirror of Debian, and at its mirror of Debian's
# security updates for the last kind.
SERIES = {
    "5.10": ("bullseye", "bullseye-security"),
    "6.1": ("bookworm", "bookworm-security"),
    "6.12": ("trixie", "trixie-security", "bookworm-backports"),
    "newest": ("sid", "testing"),
}
DEBIAN_SUITES = (
    "oldoldstable oldstable stable testing unstable sid bullseye bookworm trixie forky duke"
).split()
PARTIAL = ".partial-"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The file itself is in linux-image-*, and since 7.2 in linux-binary-*.
PACKAGE = r"linux-(image|binary)-(?:unsigned-)?(\d+\.\d+)\.\d[^-]*(?:-\d+)?-%s(-unsigned)?$"


class Unavailable(Exception):
    """A kernel or an image can't be had; the text says why."""


@dataclasses.dataclass
class Kernel:
    series: str
    package: str
    version: str
    vmlinuz: pathlib.Path
    machine: str = "x86_64"

    @property
    def key(self):
        """Tells it from the same series for other architectures."""
        if self.machine == "x86_64":
            return self.series
        return f"{self.series}-{ARCHITECTURES[self.machine].debian}"


def log(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def cache_dir():
    base = os.environ.get("FDWARDEN_VM_CACHE")
    if not base:
        home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
        base = pathlib.Path(home) / "fdwarden" / "vm"
    path = pathlib.Path(base).absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def cache_lock():
    """Two runs may share the cache; one fetches, the other waits for it."""
    with open(cache_dir() / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for stale in cache_dir().glob(f"{PARTIAL}*"):
            shutil.rmtree(stale, ignore_errors=True)
        yield


@functools.cache
def mirrors():
    """[(address, is it of security updates)] of Debian."""
    named = os.environ.get("FDWARDEN_VM_MIRROR")
    if named:
        return [(named, False)]
    fields = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    try:
        out = subprocess.run(
            ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"apt-get can't be asked for its sources: {error}") from None
    found = []
    for line in out.splitlines():
        address, release, component = line.split("|")
        entry = (address, release.endswith("-security"))
        if (
            component == "main"
            and release.split("-")[0] in DEBIAN_SUITES
            and entry not in found
        ):
            found.append(entry)
    if not found:
        raise Unavailable(
            "apt's sources name no Debian mirror; FDWARDEN_VM_MIRROR may name one"
        )
    return found


class PrivateApt:
    """apt with sources, lists and cache of its own, for one suite."""

    def __init__(self, root, address, suite, debian):
        self.root = pathlib.Path(root)
        for name in ("lists/partial", "archives/partial", "debs"):
            (self.root / name).mkdir(parents=True)
        (self.root / "status").touch()
        # A machine of another distribution may have Debian's keys, untrusted.
        trust = f"signed-by={KEYRING} " if os.path.exists(KEYRING) else ""
        (self.root / "sources.list").write_text(
            f"deb [{trust}arch={debian}] {address} {suite} main\n"
        )
        (self.root / "apt.conf").write_text(
            "#clear APT::Update;\n"
            "#clear DPkg::Post-Invoke;\n"
            f'Dir::Etc::sourcelist "{self.root}/sources.list";\n'
            'Dir::Etc::sourceparts "-";\n'
            f'Dir::State "{self.root}";\n'
            f'Dir::State::lists "{self.root}/lists";\n'
            f'Dir::State::status "{self.root}/status";\n'
            f'Dir::Cache "{self.root}";\n'
            f'APT::Architecture "{debian}";\n'
            f'APT::Architectures {{ "{debian}"; }};\n'
            f'APT::Sandbox::User "{"root" if os.geteuid() == 0 else ""}";\n'
            'APT::Get::List-Cleanup "0";\n'
            'Acquire::Languages "none";\n'
            'Acquire::PDiffs "0";\n'
            'Acquire::Retries "3";\n'
            'Acquire::http::Timeout "30";\n'
            # An old suite's list is no longer renewed.
            'Acquire::Check-Valid-Until "0";\n'
        )

    def run(self, *command):
        process = subprocess.run(
            [command[0], "-c", self.root / "apt.conf", *command[1:]],
            cwd=self.root / "debs",
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        wrong = [
            line
            for line in (process.stdout + process.stderr).splitlines()
            if re.match(r"(E:|Err:|W: Failed)", line)
        ]
        if process.returncode or (wrong and command[1] == "update"):
            last = wrong[-1] if wrong else f"exit status {process.returncode}"
            raise Unavailable(f"{command[0]} {command[1]}: {last}")
        return process.stdout


def newest_package(apt, series, flavour):
    """(name, version) of the series' newest kernel in the suite."""
    best = None
    package = re.compile(PACKAGE % re.escape(flavour))
    for stanza in apt.run("apt-cache", "dumpavail").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version): (.*)$", stanza, re.M))
        match = package.match(fields.get("Package", ""))
        if not match or (series != "newest" and match[2] != series):
            continue
        found = (fields["Package"], fields["Version"])
        if best is None or is_better(found, best):
            best = found
    if best is None:
        raise Unavailable(f"no kernel {series}-{flavour} among its packages")
    return best


def is_better(one, other):
    """Newer, or of the same version and sure to have the file in it."""
    if one[1] == other[1]:
        return one[0].startswith("linux-binary-")
    compare = ["dpkg", "--compare-versions", one[1], "gt", other[1]]
    return subprocess.run(compare).returncode == 0


def fetch_from(series, address, suite, architecture):
    """Download the kernel and return what the cache keeps of it."""
    kept = cache_dir() / "kernels"
    kept.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=cache_dir()) as work:
        apt = PrivateApt(work, address, suite, architecture.debian)
        apt.run("apt-get", "update")
        package, version = newest_package(apt, series, architecture.flavour)
        log(f"kernel {series}: downloading {package} {version}")
        apt.run("apt-get", "download", f"{package}={version}")
        deb = next((apt.root / "debs").glob("*.deb"))
        tree = apt.root / "tree"
        subprocess.run(["dpkg", "-x", deb, tree], check=True)
        images = [
            path
            # ppc64 names its own boot/vmlinux-*.
            for pattern in ("boot/vmlinu[xz]-*", "usr/lib/modules/*/vmlinu[xz]")
            for path in tree.glob(pattern)
            if path.is_file() and not path.is_symlink()
        ]
        if not images:
            raise Unavailable(f"{package} has no vmlinuz in it")
        target = kept / f"{package}_{version.replace(':', '%3a')}"
        # Whole or absent: a name in the cache is given by rename only.
        os.replace(images[0], target)
    entry = {"package": package, "version": version, "file": target.name}
    name = note_name(series, architecture.name)
    note = kept / f".{name}"
    note.write_text(json.dumps(entry) + "\n")
    os.replace(note, kept / name)
    return Kernel(series, package, version, target, architecture.name)


def note_name(series, machine):
    return f"{series}.json" if machine == "x86_64" else f"{series}-{machine}.json"


def cached(series, machine):
    kept = cache_dir() / "kernels"
    try:
        entry = json.loads((kept / note_name(series, machine)).read_text())
    except (OSError, ValueError):
        return None
    path = kept / entry["file"]
    if not path.is_file():
        return None
    return Kernel(series, entry["package"], entry["version"], path, machine)


def get(series, refresh=False, machine="x86_64"):
    """The kernel of a series for an architecture, or Unavailable with every reason."""
    if series not in SERIES:
        raise Unavailable(f"no such series: {series} (there are {', '.join(SERIES)})")
    with cache_lock():
        old = cached(series, machine)
        if old and not refresh:
            return old
        for tool in ("apt-get", "apt-cache", "dpkg"):
            if not shutil.which(tool):
                raise Unavailable(f"{tool} is not on this machine")
        reasons = []
        for suite in SERIES[series]:
            for address, security in mirrors():
                if security != suite.endswith("-security"):
                    continue
                log(f"kernel {series} for {machine}: reading the list of {suite}")
                try:
                    return fetch_from(series, address, suite, ARCHITECTURES[machine])
                except Unavailable as reason:
                    reasons.append(f"{suite}: {reason}")
                except (OSError, subprocess.CalledProcessError) as error:
                    reasons.append(f"{suite}: {error}")
        if old:
            log(f"kernel {series}: {'; '.join(reasons)}; the cached one is used")
            return old
        raise Unavailable("; ".join(reasons) or "no mirror has its suites")
