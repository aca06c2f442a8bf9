"""What a Go module says of itself in its `go.mod`, and the rules for its paths and versions.

After the reference of the go command: https://go.dev/ref/mod
"""

import re

import msgspec

from pipeline.text import one_line

# A hundred times the largest seen on real tools.
GO_MOD_LIMIT = 1024 * 1024  # bytes

_ELEMENT = r"(?!\.)[A-Za-z0-9._~+-]+(?<!\.)"
_PATH = re.compile(rf"(?=[^/]*\.)[a-z0-9][a-z0-9.-]*(?:/{_ELEMENT})*")
_MAJOR = re.compile(r"v(?:[2-9]|[1-9][0-9]+)")
_VERSION = re.compile(
    r"v(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|`([^`]*)`|(\S+)')
_DEPRECATED = re.compile(r"(?:^|\n\n)Deprecated: *(.*?)(?:$|\n\n)", re.DOTALL)

# Number parts, then the pre-release: releases come after all of theirs.
Precedence = tuple[tuple[int, ...], tuple[int, tuple[tuple[int, int, str], ...]]]


class GoMod(msgspec.Struct, frozen=True, kw_only=True):
    """The directives of a `go.mod` that matter to whoever installs a command of the module.

    `go` and `toolchain` are as written, "" when missing. `retracted` are closed ranges with their reasons.
    """

    module: str
    deprecated: str
    go: str
    toolchain: str
    replaces: tuple[str, ...]
    excludes: tuple[str, ...]
    retracted: tuple[tuple[str, str, str], ...]

    def retraction(self, version: str) -> str | None:
        """Return the reason, perhaps "", why a version is retracted; None when it is not."""
        place = precedence(version)
        for low, high, reason in self.retracted:
            if precedence(low) <= place <= precedence(high):
                return reason
        return None


class _Line(msgspec.Struct, frozen=True):
    """A directive: its words, and the comments above and behind it, without their slashes."""

    words: tuple[str, ...]
    comment: str


def parse_go_mod(content: bytes) -> GoMod | str:
    """Return what a `go.mod` says, or in one sentence why it is none."""
    if len(content) > GO_MOD_LIMIT:
        return f"go.mod is larger than {GO_MOD_LIMIT} bytes"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "go.mod is not UTF-8"
    by_verb: dict[str, list[_Line]] = {}
    for line in _directives(text):
        by_verb.setdefault(line.words[0], []).append(line)
    modules = by_verb.get("module", [])
    if len(modules) != 1 or len(modules[0].words) != 2:
        return "go.mod has no single module line"
    retracted = [_range(line) for line in by_verb.get("retract", [])]
    deprecated = _DEPRECATED.search(modules[0].comment)
    return GoMod(
        module=modules[0].words[1],
        # A module that is deprecated without a word about why is deprecated all the same.
        deprecated=(one_line(deprecated[1]) or "no reason given") if deprecated else "",
        go=_single(by_verb, "go"),
        toolchain=_single(by_verb, "toolchain"),
        replaces=tuple(line.words[1] for line in by_verb.get("replace", []) if len(line.words) > 1),
        excludes=tuple(line.words[1] for line in by_verb.get("exclude", []) if len(line.words) > 1),
        retracted=tuple(found for found in retracted if found is not None),
    )


def _directives(text: str) -> list[_Line]:
    """Return the directives, those in blocks with their verb; comments above a block's lines are the lines'."""
    found: list[_Line] = []
    above: list[str] = []
    verb = ""
    for raw in text.splitlines():
        code, comment = _split_comment(raw)
        words = tuple(_words(code))
        if not words:
            # A blank line parts a comment from the directive below it.
            above = [*above, comment] if comment is not None else []
        elif verb and words == (")",):
            verb, above = "", []
        elif not verb and len(words) == 2 and words[1] == "(":
            verb, above = words[0], []
        else:
            notes = [*above, *([comment] if comment is not None else [])]
            found.append(_Line(((verb,) if verb else ()) + words, "\n".join(notes)))
            above = []
    return found


def _split_comment(raw: str) -> tuple[str, str | None]:
    """Return a line's code and the text of its comment; None when it has none."""
    at = raw.find("//")
    while at > 0 and raw[at - 1] not in " \t":  # inside a word, as in an address
        at = raw.find("//", at + 2)
    if at < 0:
        return raw, None
    return raw[:at], raw[at + 2 :].strip()


def _words(code: str) -> list[str]:
    return [
        quoted or raw or plain for quoted, raw, plain in _TOKEN.findall(code.replace("(", " ( ").replace(")", " ) "))
    ]


def _single(by_verb: dict[str, list[_Line]], verb: str) -> str:
    lines = by_verb.get(verb, [])
    return lines[0].words[1] if lines and len(lines[0].words) > 1 else ""


def _range(line: _Line) -> tuple[str, str, str] | None:
    versions = [word for word in re.split(r"[\s\[\],]+", " ".join(line.words[1:])) if word]
    if not 1 <= len(versions) <= 2 or not all(_VERSION.fullmatch(version) for version in versions):
        return None
    return versions[0], versions[-1], one_line(line.comment)


# ------------------------------------------------------------------------------------------ versions


def is_version(version: str) -> bool:
    """Say whether a text is a semantic version in Go's spelling: `v1.2.3`."""
    return _VERSION.fullmatch(version) is not None


def is_release(version: str) -> bool:
    """Say whether a text is a version without a pre-release; pseudo-versions of commits have one."""
    match = _VERSION.fullmatch(version)
    return match is not None and match[4] is None


def is_incompatible(version: str) -> bool:
    """Say whether a version is of a module that has a major version above 1 and no `go.mod`."""
    return version.endswith("+incompatible")


def precedence(version: str) -> Precedence:
    """Return what a version is sorted by, by the rules of semantic versioning; what is no version comes first."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (-1,), (0, ())
    numbers = tuple(int(part) for part in match.groups()[:3])
    if match[4] is None:
        return numbers, (1, ())
    return numbers, (0, tuple(_identifier(part) for part in match[4].split(".")))


def _identifier(part: str) -> tuple[int, int, str]:
    """Numbers come before words and are compared as numbers."""
    return (0, int(part), "") if part.isascii() and part.isdecimal() else (1, 0, part)


# --------------------------------------------------------------------------------------------- paths


def is_path(path: str) -> bool:
    """Say whether a text can be the path of a package that the go command downloads."""
    return _PATH.fullmatch(path) is not None


def escaped(path: str) -> str:
    """Return a path or version as the module proxy protocol writes it: each capital as `!` and the small letter."""
    return re.sub(r"[A-Z]", lambda capital: f"!{capital[0].lower()}", path)


def prefixes(path: str) -> list[str]:
    """Return the paths of the modules that may hold a package, the longest first, as the go command asks.

    On `github.com`, where repositories always are two levels deep, nothing shorter can be a module.
    """
    parts = path.split("/")
    shortest = 3 if parts[0] == "github.com" else 1
    return ["/".join(parts[:length]) for length in range(len(parts), min(shortest, len(parts)) - 1, -1)]


def base_name(path: str) -> str:
    """Return what `go install` calls the command of a package: the last element, or the one before `/vN`."""
    parts = path.split("/")
    return parts[-2] if len(parts) > 1 and _MAJOR.fullmatch(parts[-1]) else parts[-1]
