# SPDX-License-Identifier: GPL-2.0-or-later
"""Initial RAM file systems: the "newc" format of cpio, written without root.

Everything belongs to root unless a tar archive says otherwise. The kernel
unpacks archives that follow each other in one file, later ones over earlier.
"""

import os
import pathlib
import re
import stat
import subprocess
import tarfile

# Where /usr is merged these are symbolic links, and a directory in an archive
# would replace the link.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64")


def merged(path):
    """The path inside the guest, from its root, with /usr merged."""
    path = os.path.normpath(path).lstrip("/")
    return f"usr/{path}" if path.split("/")[0] in MERGED else path


class Archive:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.file = open(path, "wb")
        self.inode = 0
        self.names = set()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.entry("TRAILER!!!", 0)
        self.file.close()

    def entry(self, name, mode, data=b"", uid=0, gid=0):
        self.inode += 1
        encoded = name.encode("utf-8", "surrogateescape") + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (
            self.inode, mode, uid, gid, links, 0, len(data), 0, 0, 0, 0, len(encoded), 0,
        )  # fmt: skip
        self.file.write(b"070701" + b"".join(b"%08X" % field for field in fields))
        self.file.write(encoded + b"\0" * (-(110 + len(encoded)) % 4))
        self.file.write(data + b"\0" * (-len(data) % 4))
        self.names.add(name)

    def parents(self, name):
        for parent in reversed(pathlib.PurePosixPath(name).parents):
            if str(parent) != "." and str(parent) not in self.names:
                self.entry(str(parent), stat.S_IFDIR | 0o755)

    def add_directory(self, name, mode=0o755):
        self.parents(merged(name))
        self.entry(merged(name), stat.S_IFDIR | mode)

    def add_text(self, name, text, mode=0o644):
        self.parents(merged(name))
        self.entry(merged(name), stat.S_IFREG | mode, text.encode())

    def add_link(self, name, target):
        # The links of the merged /usr itself are made with their own names.
        name = name.lstrip("/") if name.lstrip("/") in MERGED else merged(name)
        self.parents(name)
        self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def add_file(self, name, source):
        """A file of the host, symbolic links followed."""
        name = merged(name)
        self.parents(name)
        mode = stat.S_IFREG | (0o755 if os.access(source, os.X_OK) else 0o644)
        self.entry(name, mode, pathlib.Path(source).read_bytes())

    def add_program(self, name, source, present=frozenset(), root=None):
        """A program, with the libraries that are not yet there: the host's, or a root's."""
        self.add_file(name, source)
        found = libraries_in(root, source) if root else libraries(source)
        for library in found:
            if merged(library) not in present and merged(library) not in self.names:
                self.add_file(library, f"{root or ''}{library}")

    def add_tree(self, directory):
        """All that is under a directory of the host."""
        top = pathlib.Path(directory)
        for path in sorted(top.rglob("*")):
            name = str(path.relative_to(top))
            if path.is_symlink():
                self.add_link(name, os.readlink(path))
            elif path.is_dir():
                if merged(name) not in self.names and name not in MERGED:
                    self.add_directory(name)
            else:
                self.add_file(name, path)

    def add_tar(self, path, leave_out):
        """All of a tar archive but what the regular expression matches."""
        kinds = {
            tarfile.REGTYPE: stat.S_IFREG,
            tarfile.LNKTYPE: stat.S_IFREG,
            tarfile.SYMTYPE: stat.S_IFLNK,
            tarfile.DIRTYPE: stat.S_IFDIR,
        }
        skip = re.compile(leave_out)
        with tarfile.open(path) as tar:
            for member in tar:
                name = os.path.normpath(member.name).lstrip("/")
                if name == "." or skip.match(name) or member.type not in kinds:
                    continue
                data = b""
                if member.issym():
                    data = member.linkname.encode("utf-8", "surrogateescape")
                elif member.isreg() or member.islnk():
                    data = tar.extractfile(member).read()
                mode = kinds[member.type] | member.mode
                self.entry(name, mode, data, member.uid, member.gid)


def libraries(program):
    """Paths of the shared libraries that a program loads, the loader's too."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return re.findall(r"(?:=> |^\s+)(/\S+) \(0x", out, re.M)


def libraries_in(root, program):
    """The same of a program of another architecture, whose libraries are below `root`."""
    found, left = [], [str(program)]
    while left:
        out = subprocess.run(["readelf", "-ldW", left.pop()], capture_output=True, text=True).stdout
        names = re.findall(r"\(NEEDED\).*\[(.+)\]|program interpreter: (.+)\]", out)
        for needed, interpreter in names:
            path = interpreter or library_path(root, needed)
            if path not in found:
                found.append(path)
                left.append(f"{root}{path}")
    return found


def library_path(root, name):
    for directory in pathlib.Path(root, "usr/lib").glob("*-linux-gnu"):
        if (directory / name).exists():
            return f"/usr/lib/{directory.name}/{name}"
    raise RuntimeError(f"{root} has no library {name}")
