"""The platform model: the eleven platforms, their identifiers, and what a recipe's constraints can tell apart."""

import msgspec


class Platform(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One place where a recipe can be installed. `family` and `libc` are "" on darwin."""

    os: str
    family: str = ""
    libc: str = ""
    arch: str

    @property
    def id(self) -> str:
        """The identifier used in task names, files, configuration, log lines and CI jobs."""
        return "-".join(part for part in (self.os, self.family, self.libc, self.arch) if part)


class Cell(msgspec.Struct, frozen=True, order=True):
    """What the recipe reader can tell apart: os, arch (`amd64`, `arm64`) and, on Linux only, libc."""

    os: str
    arch: str
    libc: str = ""


# The recipe format calls x86_64 `amd64` (tsuku's GOARCH names).
READER_ARCH = {"x86_64": "amd64", "arm64": "arm64"}
# All that the reader's allow-lists may name (recipe-format.md); a missing list means all of them.
READER_OSES = ("darwin", "linux")
READER_ARCHES = ("amd64", "arm64")
READER_LIBCS = ("glibc", "musl")


def _linux(family: str, libc: str, arch: str) -> Platform:
    return Platform(os="linux", family=family, libc=libc, arch=arch)


ALL_PLATFORMS: tuple[Platform, ...] = (
    _linux("debian", "glibc", "x86_64"),
    _linux("rhel", "glibc", "x86_64"),
    _linux("arch", "glibc", "x86_64"),
    _linux("suse", "glibc", "x86_64"),
    _linux("alpine", "musl", "x86_64"),
    _linux("debian", "glibc", "arm64"),
    _linux("rhel", "glibc", "arm64"),
    _linux("suse", "glibc", "arm64"),
    _linux("alpine", "musl", "arm64"),
    Platform(os="darwin", arch="arm64"),
    Platform(os="darwin", arch="x86_64"),
)
BY_ID: dict[str, Platform] = {platform.id: platform for platform in ALL_PLATFORMS}


def cell_of(platform: Platform) -> Cell:
    """Return the cell of the recipe format that a platform falls into; families share one."""
    return Cell(platform.os, READER_ARCH[platform.arch], platform.libc)


ALL_CELLS: tuple[Cell, ...] = tuple(dict.fromkeys(cell_of(platform) for platform in ALL_PLATFORMS))
CELL_OF: dict[str, Cell] = {platform.id: cell_of(platform) for platform in ALL_PLATFORMS}
