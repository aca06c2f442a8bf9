"""The words in the names of release files, and what each says of system, processor and C library.

`points` tell two files for one platform apart: ten for the plain word, less for one that says it loosely. The words
are those of goreleaser, of Rust's target triples, of Node and of the tools whose names the tests hold. Whatever is not
here belongs to the product's own name.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

# What recipes are never made for: Windows, the BSDs, 32 bits, ...
OTHER: Final = "other"
# Of the model of processors (`platforms`), and both in one file, as macOS knows it.
BOTH: Final = "both"


class Says(msgspec.Struct, frozen=True):
    """What one word says; "" where it says nothing. `vendor` words belong to the system's word beside them."""

    os: str = ""
    arch: str = ""
    libc: str = ""
    points: int = 0
    vendor: bool = False


def _each(words: str, says: Says) -> dict[str, Says]:
    return dict.fromkeys(words.split(), says)


WORDS: Final[Mapping[str, Says]] = {
    **_each("linux", Says(os="linux", points=10)),
    **_each("darwin macos", Says(os="darwin", points=10)),
    **_each("macosx osx mac", Says(os="darwin", points=8)),
    **_each("apple unknown pc", Says(vendor=True)),
    # Made for one distribution: taken where there is no plain Linux.
    **_each("ubuntu debian fedora centos rhel manylinux", Says(os="linux", libc="gnu", points=3)),
    **_each("alpine linuxmusl", Says(os="linux", libc="musl", points=3)),
    **_each("x86_64 x86-64 amd64", Says(arch="x86_64", points=10)),
    **_each("x64 amd64v1", Says(arch="x86_64", points=9)),
    **_each("64bit 64-bit intel", Says(arch="x86_64", points=6)),
    **_each("64", Says(arch="x86_64", points=2)),
    **_each("aarch64 arm64", Says(arch="arm64", points=10)),
    **_each("armv8 arm64v8 arm-64 arm_64 arm64-v8", Says(arch="arm64", points=9)),
    **_each("universal universal2 all fat", Says(arch=BOTH, points=5)),
    **_each("linux64", Says(os="linux", arch="x86_64", points=14)),
    **_each("macos64 darwin64 osx64", Says(os="darwin", arch="x86_64", points=14)),
    **_each("linuxamd64", Says(os="linux", arch="x86_64", points=16)),
    **_each("linuxarm64", Says(os="linux", arch="arm64", points=16)),
    **_each("gnu glibc", Says(libc="gnu")),
    **_each("musl", Says(libc="musl")),
    **_each("static", Says(libc="static")),
    **_each(
        "windows win win32 win64 mingw mingw64 cygwin msvc freebsd openbsd netbsd dragonfly dragonflybsd solaris sunos"
        " illumos android androideabi ios wasi wasm wasm32 plan9 aix haiku emscripten fuchsia",
        Says(os=OTHER),
    ),
    **_each(
        "386 i386 i486 i586 i686 x86 x32 ia32 ia64 32bit 32-bit 32 linux32 arm arm32 armv5 armv5te armv6 armv6l armv6hf"
        " armv7 armv7l armv7a armv7hf armhf armel armeabi gnueabi gnueabihf musleabi musleabihf gnux32 mips mipsel"
        " mips64 mips64el mips64le mipsle ppc ppc64 ppc64le ppc64el powerpc powerpc64 powerpc64le riscv64 riscv64gc"
        " riscv32 s390x sparc sparc64 sparcv9 loong64 loongarch64 amd64v2 amd64v3 amd64v4 x86_64_v2 x86_64_v3 x86_64_v4"
        " x86_64-v2 x86_64-v3 x86_64-v4",
        Says(arch=OTHER),
    ),
}

# The formats that the recipe's reader unpacks, by the end of the name; more points win when all else is equal. A file
# without an end that names system and processor is the program itself: then nothing about an archive can be wrong.
FORMATS: Final[Mapping[str, tuple[str, int]]] = {
    ".tar.gz": ("tar.gz", 9),
    ".tgz": ("tar.gz", 8),
    ".tar.xz": ("tar.xz", 7),
    ".txz": ("tar.xz", 6),
    ".zip": ("zip", 5),
    ".tar.bz2": ("tar.bz2", 4),
    ".tbz2": ("tar.bz2", 3),
    ".tbz": ("tar.bz2", 2),
}
BARE: Final = "binary"
BARE_POINTS: Final = 10

# Files about the product, or of another one: never chosen, whatever else their names say.
NEVER: Final = frozenset({
    "debug", "dbg", "debuginfo", "dsym", "symbols", "src", "source", "sources", "sbom", "spdx", "checksum", "checksums",
    "sha256sums", "sha512sums", "doc", "docs", "man", "manpage", "manpages", "manual", "completion", "completions",
    "license", "licenses", "vendor", "vendored", "test", "tests", "testdata", "installer", "install", "setup",
    "provenance", "attestation", "signatures",
})  # fmt: skip
