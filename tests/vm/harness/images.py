# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests' file systems: one of busybox, one of systemd.

Both live in memory and need no disk, no module and no network. What takes long
to make is kept in the cache under a hash of its recipe.
"""

import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

from . import kernels, roots
from .cpio import Archive
from .kernels import Unavailable

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
GUEST = HERE / "guest"

# With libpam-systemd logins have scopes of their own.
SYSTEMD_PACKAGES = ("systemd", "systemd-sysv", "libpam-systemd", "dbus", "jq")
# Who starts sessions, and limits them; for one kind of machine, as each package is a time to boot.
SESSION_PACKAGES = (
    *SYSTEMD_PACKAGES, "cron", "at", "openssh-server", "systemd-container", "supervisor",
)
# Not needed by any test, and half of the image.
SYSTEMD_LEFT_OUT = (
    r"(usr/share/(doc|locale|man|info|zoneinfo|common-licenses|bash-completion|i18n)"
    r"|usr/lib/x86_64-linux-gnu/(gconv|perl-base)|usr/lib/apt|usr/lib/udev/hwdb"
    # They find nothing here, and each daemon-reload ran them all: 2 s of emulation.
    r"|usr/lib/systemd/system-generators"
    r"|var/(cache|lib)/(apt|dpkg|debconf)|usr/include|boot|dev)/"
)
# Here dpkg has work to do, in Perl for a part.
DEBIAN_LEFT_OUT = (
    r"(usr/share/(doc|locale|man|info|zoneinfo|common-licenses|bash-completion|i18n)"
    r"|usr/lib/x86_64-linux-gnu/gconv|usr/lib/udev/hwdb|usr/lib/systemd/system-generators"
    r"|var/cache|var/lib/apt|usr/include|boot|dev)/"
)
# What waits for a device or a network that this guest has not, or takes time.
SYSTEMD_MASKED = (
    "serial-getty@ttyS0.service",
    "getty@tty1.service",
    "systemd-firstboot.service",
    "systemd-udevd.service",
    "systemd-udev-trigger.service",
    "systemd-networkd-wait-online.service",
    "systemd-timesyncd.service",
    "systemd-update-utmp.service",
    "systemd-pcrphase.service",
    "systemd-pcrphase-sysinit.service",
    "e2scrub_reap.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "e2scrub_all.timer",
)
# Where they stand for the live tests, which run on this machine alone.
ALL_LEAKS = ("leak", "leak_signed", "leak_files", "opens32")
MAKE_VARIABLES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
TESTS_UNIT = """\
[Unit]
Description=Tests of fdwarden in this machine
[Service]
Type=exec
ExecStart=/bin/sh /tests/driver.sh
ExecStopPost=/bin/systemctl poweroff --force --force
LimitNOFILE=65536:524288
[Install]
WantedBy=multi-user.target
"""


def needed(tool):
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin:/usr/local/sbin")
    if not path:
        raise Unavailable(f"{tool} is not installed (`.ci/deps vm` installs it)")
    return path


def leaking_lines():
    """Where each of the programs that leak does so: SOURCE LINE."""
    for source in sorted((ROOT / "tests/helpers/leaks").glob("*.*")):
        for number, line in enumerate(source.read_text().splitlines(), 1):
            if re.search(r"[/#]\*? LEAK\b", line):
                yield f"{source.name} {number}\n"


def add_tests(archive, build, selection, present=frozenset(), root=None):
    """The scripts, the helpers that were built, and what to run of them."""
    for script in sorted(GUEST.glob("*.sh")):
        archive.add_file(f"tests/{script.name}", script)
    archive.add_text("tests/selection", selection)
    archive.add_text("tests/lines", "".join(leaking_lines()))
    helpers = build / "tests" / "helpers"
    leaks = [helpers / "leaks" / name for name in (ALL_LEAKS if root else ("leak",))]
    for helper in sorted([*helpers.glob("*"), *leaks]):
        if helper.is_file() and not helper.suffix:
            archive.add_program(f"tests/bin/{helper.name}", helper, present, root)


def small(work, build, selection, root=None):
    """A guest of one init script: busybox, jq, fdwarden; of another architecture with a root."""
    if root:
        busybox, jq = root / "usr/bin/busybox", root / "usr/bin/jq"
    else:
        busybox, jq = needed("busybox"), needed("jq")
    path = work / f"small-{hashlib.sha256(selection.encode()).hexdigest()[:8]}.cpio"
    with Archive(path) as archive:
        for name in ("bin", "sbin", "lib", "lib64"):
            archive.add_directory(f"usr/{name}")
            archive.add_link(name, f"usr/{name}")
        for name in ("proc", "sys", "dev", "run", "tmp", "root", "var/lib", "etc"):
            archive.add_directory(name)
        archive.add_text("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")
        archive.add_text("etc/group", "root:x:0:\nuser:x:1000:\n")
        archive.add_program("usr/bin/busybox", busybox, root=root)
        archive.add_link("usr/bin/sh", "busybox")
        archive.add_program("usr/bin/jq", jq, root=root)
        archive.add_program("usr/sbin/fdwarden", build / "fdwarden", root=root)
        archive.add_file("init", GUEST / "init")
        add_tests(archive, build, selection, root=root)
    return path


def foreign(machine):
    """The builder of small guests of another architecture: `make ARCH=` has built for it."""

    def build_it(work, build, selection):
        root = roots.get(machine)
        if not os.access(build / "fdwarden", os.X_OK):
            raise Unavailable(f"{build.name} has no fdwarden: tests/cross/run {machine} builds it")
        return small(work, build, selection, root)

    return build_it


def distribution():
    """(suite, address of its mirror, components) that this machine runs."""
    release = platform.freedesktop_os_release()
    suite = release.get("VERSION_CODENAME", "")
    out = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE)|$(COMPONENT)|$(REPO_URI)"],
        capture_output=True,
        text=True,
    ).stdout
    for line in out.splitlines():
        name, component, address = line.split("|")
        if name == suite and component == "main":
            more = ",universe" if release.get("ID") == "ubuntu" else ""
            return suite, address, component + more
    raise Unavailable("apt's sources name no mirror of this machine's own distribution")


def systemd_base(name="systemd", source=None, packages=SYSTEMD_PACKAGES, out=SYSTEMD_LEFT_OUT):
    """The cached system, of the host's distribution so that its libraries fit.

    Or another: `source` is its suite, its mirror and its components.
    """
    tool = needed("mmdebstrap")
    suite, address, components = source or distribution()
    recipe = json.dumps([suite, components, packages, out, SYSTEMD_MASKED])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    base = kernels.cache_dir() / f"{name}-{key}.cpio"
    names = base.with_suffix(".json")
    with kernels.cache_lock():
        if base.is_file() and names.is_file():
            return base, frozenset(json.loads(names.read_text()))
        kernels.log(f"{name} guest: installing {suite} into an image")
        for old in kernels.cache_dir().glob(f"{name}-*"):
            old.unlink()
        with tempfile.TemporaryDirectory(
            prefix=kernels.PARTIAL, dir=kernels.cache_dir()
        ) as work:
            tar = pathlib.Path(work) / "root.tar"
            process = subprocess.run(
                [
                    tool,
                    "--quiet",
                    "--variant=minbase",
                    f"--components={components}",
                    f"--include={','.join(packages)}",
                    suite,
                    tar,
                    address,
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                # Its own directory is not open to the user that it becomes.
                env={**os.environ, "TMPDIR": "/var/tmp"},
            )
            if process.returncode:
                last = (process.stderr.strip().splitlines() or ["no message"])[-1]
                raise Unavailable(f"mmdebstrap: {last}")
            image = pathlib.Path(work) / "base.cpio"
            with Archive(image) as archive:
                for name in ("boot", "dev"):
                    archive.add_directory(name)
                archive.add_tar(tar, out)
                archive.add_text("etc/hostname", "guest\n")
                # No one to be asked at the first boot.
                archive.add_text("etc/machine-id", f"{key}{key}\n")
                for unit in SYSTEMD_MASKED:
                    archive.add_link(f"etc/systemd/system/{unit}", "/dev/null")
            index = pathlib.Path(work) / "names.json"
            index.write_text(json.dumps(sorted(archive.names)))
            os.replace(index, names)
            os.replace(image, base)
    return base, frozenset(archive.names)


def sessions(work, build, selection):
    """A guest of systemd with all that begins sessions."""
    return systemd(work, build, selection, "sessions", SESSION_PACKAGES)


def systemd(work, build, selection, name="systemd", packages=SYSTEMD_PACKAGES):
    """A guest of systemd, with fdwarden as `make install` puts it there."""
    base, present = systemd_base(name, packages=packages)
    overlay = work / f"{name}-overlay.cpio"
    # Not below the build's directory, where make looks for dependencies.
    with tempfile.TemporaryDirectory(prefix="fdwarden-") as tree:
        install(tree, build)
        with Archive(overlay) as archive:
            archive.add_tree(tree)
            for program in pathlib.Path(tree).rglob("sbin/fdwarden"):
                archive.add_program(str(program.relative_to(tree)), program, present)
            add_tests(archive, build, selection, present)
            server = build / "tests" / "helpers" / "leaks" / "leaks"  # if Go was there
            if server.is_file():
                archive.add_program("tests/bin/leaks", server, present)
            add_unit(archive)
            archive.add_text(
                "etc/systemd/system/fdwarden.service.d/short.conf",
                "[Service]\nWatchdogSec=8\nTimeoutAbortSec=2\nRestartSec=1\n",
            )
    return joined(work / f"{name}.cpio", base, overlay)


def add_unit(archive):
    """What runs the tests when the machine is up."""
    unit = "fdwarden-tests.service"
    archive.add_text(f"etc/systemd/system/{unit}", TESTS_UNIT)
    archive.add_link(f"etc/systemd/system/multi-user.target.wants/{unit}", f"../{unit}")


def joined(path, base, overlay):
    """One file of both, the second of which is taken away."""
    with open(path, "wb") as out:
        for part in (base, overlay):
            with open(part, "rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
            out.write(b"\0" * (-out.tell() % 4))
    overlay.unlink()
    return path


def dependencies(deb):
    """The packages that one wants, of alternatives the first."""
    out = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True)
    return tuple(re.findall(r"(?:^|, )([a-z0-9.+-]+)", out.stdout.strip()))


def debian(suite):
    """The builder of guests of a Debian with dpkg in which fdwarden's package is tried."""

    def build_it(work, build, selection):
        debs = ROOT / "build" / "deb" / suite
        deb = next(debs.glob("fdwarden_*.deb"), None)
        if not deb:
            raise Unavailable(f"no package: tests/distro/run -s package {suite} builds it")
        address = next(address for address, security in kernels.mirrors() if not security)
        packages = ("systemd", "systemd-sysv", "dbus", "jq", "procps", *dependencies(deb))
        base, present = systemd_base(suite, (suite, address, "main"), packages, DEBIAN_LEFT_OUT)
        overlay = work / f"{suite}-overlay.cpio"
        with Archive(overlay) as archive:
            archive.add_file("debs/now.deb", deb)
            later = work / f"{suite}-later.deb"
            subprocess.run([ROOT / "tests/package/later", deb, later], check=True)
            archive.add_file("debs/later.deb", later)
            add_tests(archive, build, selection, present)
            add_unit(archive)
        return joined(work / f"{suite}.cpio", base, overlay)

    return build_it


def install(tree, build):
    process = subprocess.run(
        ["make", "-C", ROOT, "install", f"DESTDIR={tree}", f"BUILD={build}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        # Nothing of a make that called this one.
        env={k: v for k, v in os.environ.items() if k not in MAKE_VARIABLES},
    )
    if process.returncode:
        last = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"make install: {last}")
