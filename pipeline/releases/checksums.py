"""Files of checksums, in the four forms in which releases carry them."""

import re
from collections.abc import Mapping
from typing import Final

_BITS: Final[Mapping[int, str]] = {64: "sha256", 128: "sha512"}
_HEX = r"(?P<hash>[0-9a-fA-F]{64}|[0-9a-fA-F]{128})"
# GNU coreutils, text and binary mode; BSD's `--tag` form; the hash alone, for the file that it stands beside.
_GNU = re.compile(rf"\\?{_HEX}[ \t]+[ *]?(?:\./)?(?P<name>\S.*)")
_BSD = re.compile(rf"SHA(?:2-)?(?:256|512) ?\((?:\./)?(?P<name>.+)\) ?= ?{_HEX}")
_ALONE = re.compile(_HEX)
_LINES_LIMIT = 20_000
_LINE_LIMIT = 1_000  # characters

# What a file of checksums for one other file is called, after that one's name; for all files of a release, anywhere.
BESIDE: Final = (".sha256", ".sha256sum", ".sha256.txt", ".sha512", ".sha512sum", ".sha512.txt")
_SHARED = re.compile(
    r"(?i)(?:.*[^a-z])?(?:checksums?|shasums?|sha-?(?:256|512)(?:-?sums?)?)(?:[._-]?(?:sha)?(?:256|512))?(?:\.txt)?"
)


def is_shared(name: str) -> bool:
    """Say whether a name is that of one file with the checksums of all: `checksums.txt`, `tool_1.0_SHA256SUMS`."""
    return len(name) <= 200 and _SHARED.fullmatch(name) is not None


def parse(content: bytes, beside: str = "") -> dict[str, str]:
    """Return `algorithm:hexadecimal` by file name, the stronger where there are two; other lines are skipped.

    `beside` is the file that a lone hash is of. A name that is listed with two hashes of one kind has none.
    """
    found: dict[str, set[str]] = {}
    for line in content.decode(errors="replace").splitlines()[:_LINES_LIMIT]:
        text = line.strip()[:_LINE_LIMIT]
        match = _GNU.fullmatch(text) or _BSD.fullmatch(text) or (_ALONE.fullmatch(text) if beside else None)
        if match is not None:
            name = match.groupdict().get("name", beside).rpartition("/")[2]
            value = match["hash"].lower()
            found.setdefault(name, set()).add(f"{_BITS[len(value)]}:{value}")
    return {name: kept for name, digests in found.items() if (kept := _one(digests))}


def _one(digests: set[str]) -> str:
    for algorithm in ("sha512", "sha256"):
        of_kind = [digest for digest in digests if digest.startswith(algorithm)]
        if of_kind:
            return of_kind[0] if len(of_kind) == 1 else ""
    return ""
