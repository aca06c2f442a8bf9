"""A package's key, `ecosystem:identifier`, and the names that are derived from it.

`npm:@biomejs/biome` is a *source*; its ecosystem is `npm`, its identifier `@biomejs/biome`. A queue entry's
`name` is only what the tool is called; it is never looked up.
"""

import hashlib
import re
from functools import cache

# An identifier may hold what registries allow in names (npm scopes, Go paths, `gtk+3`, `openssl@3`), but
# nothing that means something to a shell, to doit (`=`, `*`, `?`, `[`) or to a path (`..`, a leading `/`).
IDENTIFIER_PATTERN = r"(?!.*\.\.)(?!.*//)[A-Za-z0-9@_](?:[A-Za-z0-9@._+/~-]{0,212}[A-Za-z0-9@_+~-])?"
ECOSYSTEM_PATTERN = r"[a-z][a-z0-9-]{0,31}"
SOURCE_PATTERN = rf"^{ECOSYSTEM_PATTERN}:{IDENTIFIER_PATTERN}$(?!\n)"  # `$` alone also matches before a last newline
# 255 bytes is the longest file name on common file systems; a suffix such as `.json` and a prefix must fit.
SLUG_LIMIT = 160

_SOURCE = re.compile(SOURCE_PATTERN)
_SLUG_SAFE = re.compile(r"[a-z0-9._-]")
_SLUG_AS_IS = re.compile(rf"[a-z0-9_-][a-z0-9._-]{{0,{SLUG_LIMIT - 1}}}")


def is_source(text: str) -> bool:
    """Return whether a text is a source, whatever its ecosystem: `ecosystem:identifier`."""
    return _SOURCE.fullmatch(text) is not None


def ecosystem_of(source: str) -> str:
    """Return the ecosystem of a source: `npm` for `npm:@biomejs/biome`."""
    return source.partition(":")[0]


def identifier_of(source: str) -> str:
    """Return the identifier of a source: `@biomejs/biome` for `npm:@biomejs/biome`."""
    return source.partition(":")[2]


@cache
def slug(identifier: str) -> str:
    """Return a file name for an identifier; two identifiers never share one, also where case is ignored.

    Lower-case letters, digits, `.`, `_` and `-` stay; every other byte of the UTF-8 form, and a leading dot, becomes
    `~` and two hexadecimal digits. What would be longer than `SLUG_LIMIT` characters is cut and ends
    in `~~` and a SHA-256 digest of the identifier (`~~` never occurs otherwise).
    """
    if _SLUG_AS_IS.fullmatch(identifier):
        return identifier
    parts = [
        char
        if _SLUG_SAFE.fullmatch(char) and not (char == "." and at == 0)
        else "".join(f"~{byte:02x}" for byte in char.encode())
        for at, char in enumerate(identifier)
    ]
    whole = "".join(parts)
    if len(whole) <= SLUG_LIMIT:
        return whole
    return f"{whole[: SLUG_LIMIT - 66]}~~{hashlib.sha256(identifier.encode()).hexdigest()}"


@cache
def file_stem(source: str) -> str:
    """Return the file name of a source across ecosystems: `npm.~40biomejs~2fbiome`."""
    return f"{ecosystem_of(source)}.{slug(identifier_of(source))}"


@cache
def task_label(source: str) -> str:
    """Return how a source is written inside a task name, where `:` separates: `npm.@biomejs/biome`."""
    return f"{ecosystem_of(source)}.{identifier_of(source)}"
