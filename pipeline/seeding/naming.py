"""What a source makes of a tool: what it is called, where its sources must lie, and why it cannot be one. Pure."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from pipeline import text
from pipeline.decoding import convert
from pipeline.model import ToolName
from pipeline.source import ecosystem_of, identifier_of, is_source

# The last part of an identifier that says nothing of which tool it is: `@angular/cli` is `angular-cli`.
_GENERIC = frozenset({"app", "bin", "cli", "cmd", "core", "main", "tool", "tools"})
# Forges where a repository is an owner and a name; behind them stands a place in it, but not on the last of these.
_TWO_PARTS = frozenset({"bitbucket.org", "codeberg.org", "github.com"})
_OWNED = _TWO_PARTS | {"gitlab.com"}
_MAJOR = re.compile(r"v[0-9]+")
_DOTTED_MAJOR = re.compile(r"\.v[0-9]+$(?!\n)")
_TAPS = frozenset({"cask", "homebrew"})

Rules = Mapping[str, Callable[[str], str]]


class Reason(StrEnum):
    """Why a source is not taken into the queue."""

    BAD_SOURCE = "bad_source"
    UNKNOWN_ECOSYSTEM = "unknown_ecosystem"
    NO_GENERATOR = "no_generator"
    TAP = "tap"
    BAD_IDENTIFIER = "bad_identifier"
    BAD_NAME = "bad_name"
    DUPLICATE = "duplicate"


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is not taken: which rule it breaks, in one line, and what to do about it."""

    source: str
    reason: Reason
    message: str
    remedy: str


def refusal(source: str, name: str, rules: Rules, ecosystems: Mapping[str, bool]) -> Refused | None:
    """Return why a source cannot become an entry called `name`, None when it can.

    `rules` has the rule for identifiers of each ecosystem that has a module, `ecosystems` whether each that is
    configured has a generator.
    """
    ecosystem, identifier = ecosystem_of(source), identifier_of(source)
    if ecosystem in _TAPS and "/" in identifier:
        message = "a tap is another repository than the one that recipes install from"
        return _refused(source, Reason.TAP, message, "name a formula or cask of Homebrew itself")
    if not is_source(source):
        message = "no source has this form"
        return _refused(source, Reason.BAD_SOURCE, message, "write ecosystem:identifier, such as npm:prettier")
    if ecosystem not in ecosystems:
        close = f"use one of {', '.join(ecosystems)}"
        return _refused(source, Reason.UNKNOWN_ECOSYSTEM, f"there is no ecosystem {ecosystem}", close)
    if not ecosystems[ecosystem]:
        remedy = f"set `ecosystems.{ecosystem}.generator` in pipeline.yaml, once there is one"
        return _refused(source, Reason.NO_GENERATOR, f"{ecosystem} has no generator", remedy)
    defect = rules[ecosystem](identifier) if ecosystem in rules else ""
    if defect:
        return _refused(source, Reason.BAD_IDENTIFIER, text.one_line(defect), "name it as its registry does")
    if not is_tool_name(name):
        return _refused(source, Reason.BAD_NAME, f"no recipe can be called {name[:80]!a}", "give it another name")
    return None


def _refused(source: str, reason: Reason, message: str, remedy: str) -> Refused:
    return Refused(source=text.one_line(source[:300]), reason=reason, message=message, remedy=remedy)


def tool_name(source: str) -> str:
    """Return what a tool is called unless a person says otherwise.

    A scope or owner goes, unless the rest says nothing; a Go path gives its last element that is no version. What a
    name ends in stays: `markdownlint-cli` may or may not be called without, and only a person knows.
    """
    *front, name = identifier_of(source).split("/")
    match ecosystem_of(source):
        case "go":
            while front and (_MAJOR.fullmatch(name) or (name in _GENERIC and len(front) > 1)):
                name = front.pop()
            name = _DOTTED_MAJOR.sub("", name)
        case "npm" | "github" if front and name in _GENERIC:
            name = f"{front[-1].removeprefix('@')}-{name}"
        case _:
            pass
    return name if is_tool_name(name) else text.kebab(name)


def is_tool_name(name: str) -> bool:
    """Return whether a tool can be called so, and a recipe after it."""
    try:
        convert(name, ToolName)
    except msgspec.ValidationError:
        return False
    return bool(text.kebab(name))


def home_of(source: str) -> str:
    """Return the repository that an identifier itself names, "" when it names none."""
    match ecosystem_of(source), identifier_of(source).split("/"):
        case "github", [owner, name]:
            return f"https://github.com/{owner}/{name}"
        case "go", ["github.com", owner, name, *_]:
            return f"https://github.com/{owner}/{name}"
        case _:
            return ""


def repository_key(address: str) -> str:
    """Return what is equal for all ways to write a repository's address, "" when it is none that can be looked at.

    Forges do not tell capitals apart, and what follows owner and name is a place in the repository.
    """
    url = text.repository(address)
    host, *parts = url.removeprefix("https://").partition("?")[0].partition("#")[0].rstrip("/").split("/")
    if host in _TWO_PARTS:
        parts = parts[:2]
    if len(parts) < (2 if host in _OWNED else 1):
        return ""
    parts[-1] = parts[-1].removesuffix(".git")
    return "/".join([host, *parts]).lower()
