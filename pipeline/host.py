"""Which platform is this machine? Verdicts hold for exactly that one."""

import os
import platform as python_platform
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.platforms import ALL_PLATFORMS, Platform

# The ID or an ID_LIKE word of os-release(5), and the family whose packages and C library it stands for.
FAMILY_OF = {
    "debian": "debian",
    "ubuntu": "debian",
    "rhel": "rhel",
    "fedora": "rhel",
    "centos": "rhel",
    "arch": "arch",
    "suse": "suse",
    "opensuse": "suse",
    "alpine": "alpine",
}
ARCH_OF = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# os-release(5): the second is read when the first is missing.
OS_RELEASE_FILES = (Path("/etc/os-release"), Path("/usr/lib/os-release"))


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine says of itself: `uname` system and machine, the os-release text, and "glibc", "musl" or ""."""

    system: str
    machine: str
    os_release: str = ""
    libc: str = ""


class Host(NamedTuple):
    """The platform that a machine is, or None with the reason why it is none of the eleven."""

    platform: Platform | None
    reason: str


def identify(facts: HostFacts) -> Host:
    """Return which platform the facts describe."""
    arch = ARCH_OF.get(facts.machine.lower())
    if arch is None:
        return Host(platform=None, reason=f"the architecture {facts.machine!r} is not in the platform model")
    match facts.system:
        case "Darwin":
            return _known(Platform(os="darwin", arch=arch), "macOS")
        case "Linux":
            return _identify_linux(facts, arch)
        case system:
            return Host(platform=None, reason=f"the operating system {system!r} is not in the platform model")


def parse_os_release(text: str) -> dict[str, str]:
    """Return the assignments of an os-release file; the first of two wins, lines that are none are skipped."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, assigned, value = line.strip().partition("=")
        if assigned and not key.startswith("#"):
            fields.setdefault(key, value.strip().strip("\"'"))
    return fields


def read_facts(
    uname: Callable[[], tuple[str, str]], read_text: Callable[[Path], str | None], libc: Callable[[], str]
) -> HostFacts:
    """Return the facts of a machine from its readers: (system, machine), a file's text or None, the C library."""
    system, machine = uname()
    os_release = next((text for file in OS_RELEASE_FILES if (text := read_text(file)) is not None), "")
    return HostFacts(system=system, machine=machine, os_release=os_release, libc=libc())


def this_platform() -> Host:
    """Return the platform of the machine that this runs on."""
    return identify(read_facts(_uname, _read_text, _libc))


def _identify_linux(facts: HostFacts, arch: str) -> Host:
    fields = parse_os_release(facts.os_release)
    words = [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
    family = next((FAMILY_OF[word] for word in map(_base, words) if word in FAMILY_OF), None)
    name = fields.get("ID") or "a Linux without os-release"
    if family is None:
        return Host(platform=None, reason=f"{name} belongs to none of the families {', '.join(_families())}")
    if not facts.libc:
        return Host(platform=None, reason=f"the C library of {name} was not recognised")
    return _known(Platform(os="linux", family=family, libc=facts.libc, arch=arch), name)


def _base(word: str) -> str:
    """Return a distribution's word without its edition: `opensuse-leap` is `opensuse`."""
    return word.lower().partition("-")[0]


def _families() -> list[str]:
    return sorted(set(FAMILY_OF.values()))


def _known(found: Platform, name: str) -> Host:
    if found not in ALL_PLATFORMS:
        return Host(platform=None, reason=f"{found.id} is not in the platform model")
    return Host(platform=found, reason=f"{name} on {found.arch}")


def _uname() -> tuple[str, str]:
    return python_platform.system(), python_platform.machine()


def _read_text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _libc() -> str:
    """Return the C library of this Python: only glibc knows this configuration string; musl's loader is a file."""
    try:
        if (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc"):
            return "glibc"
    except (ValueError, OSError):  # the name is unknown here: another C library
        pass
    return "musl" if any(Path("/lib").glob("ld-musl-*.so.1")) else ""
