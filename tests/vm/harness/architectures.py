# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between the machines' architectures: names, kernels, how they are emulated."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Architecture:
    name: str  # as uname and the Makefile's ARCH have it
    debian: str  # as Debian's packages have it
    flavour: str  # of the smallest kernel that has all that the tests need built in
    series: tuple  # of kernels
    emulator: str
    board: tuple  # the emulator's arguments for it
    console: str  # the kernel's name for its first serial line


# With all that "max" has, tests took an eighth longer on x86. arm64's has signed return
# addresses, by the emulator's own hash: the architected one took twelve times as long.
ARCHITECTURES = {
    each.name: each
    for each in (
        Architecture(
            "x86_64", "amd64", "cloud-amd64", ("5.10", "6.1", "6.12", "newest"),
            "qemu-system-x86_64", (), "ttyS0",
        ),
        Architecture(
            "aarch64", "arm64", "cloud-arm64", ("6.1", "6.12", "newest"),
            "qemu-system-aarch64", ("-M", "virt", "-cpu", "max,pauth-impdef=on"), "ttyAMA0",
        ),
        Architecture(
            "riscv64", "riscv64", "riscv64", ("6.12", "newest"),
            "qemu-system-riscv64", ("-M", "virt"), "ttyS0",
        ),
        Architecture(
            "ppc64le", "ppc64el", "powerpc64le", ("6.12", "newest"),
            "qemu-system-ppc64", ("-M", "pseries"), "hvc0",
        ),
        Architecture(
            "s390x", "s390x", "s390x", ("6.12", "newest"),
            "qemu-system-s390x", ("-M", "s390-ccw-virtio", "-cpu", "max"), "ttysclp0",
        ),
    )
}  # fmt: skip
