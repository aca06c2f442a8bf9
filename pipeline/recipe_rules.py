"""What the recipe's reader refuses in strict mode, where its warnings are errors too."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from pipeline.constraints import check_strict
from pipeline.decoding import convert
from pipeline.model import Constraints
from pipeline.toml_edit import Refusal, parse

RUN_COMMAND: Final = "run_command"
TABLES: Final = ("metadata", "version", "steps", "verify")
CONSTRAINT_LISTS: Final = ("supported_os", "supported_arch", "supported_libc", "unsupported_platforms")
# In the order in which they are written.
METADATA_KEYS: Final = (
    "name",
    "description",
    "homepage",
    "type",
    "version_format",
    "dependencies",
    "runtime_dependencies",
    "extra_dependencies",
    "binaries",
    *CONSTRAINT_LISTS,
    "unsupported_reason",
    "satisfies",
)
VERSION_KEYS: Final = ("source", "github_repo", "tag_prefix", "module", "formula", "cask")
VERIFY_KEYS: Final = ("command", "pattern", "patterns", "mode", "reason", "exit_code", "additional")
WHEN_KEYS: Final = ("platform", "os", "arch", "libc", "linux_family")
# The key that names what each action installs.
PACKAGE_KEY: Final[Mapping[str, str]] = {
    "npm_install": "package",
    "pipx_install": "package",
    "cargo_install": "crate",
    "gem_install": "gem",
    "go_install": "module",
    "cpan_install": "distribution",
    "homebrew": "formula",
    "app_bundle": "app_name",  # its `url` is the version source's: the same words for every application
    "github_archive": "repo",
    "github_file": "repo",
}
FORBIDDEN_WORDS: Final = frozenset({"eval", "exec", "rm"})
_FORBIDDEN_PARTS = ("&&", "||", "$(", "`")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_EXECUTABLE = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._+-]*")
# Schemes that a browser runs or opens as a document of its own, wherever they stand in an address.
_BAD_SCHEMES = ("javascript:", "data:", "vbscript:")


def strict_check(text: str) -> list[str]:
    """Return each rule of the reader's strict mode that a recipe breaks; an empty list means that it is accepted."""
    raw = parse(text)
    if isinstance(raw, Refusal):
        return [raw.reason]
    metadata, version, verify = (_table(raw, name) for name in ("metadata", "version", "verify"))
    return [
        *_unknown("", raw, TABLES),
        *_metadata(metadata),
        *_constraints(metadata),
        *_unknown("version.", version, VERSION_KEYS),
        *_steps(_list(raw, "steps")),
        *(() if metadata.get("type") == "library" else _verify(verify)),
    ]


def _table(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = raw.get(name, {})
    return table if isinstance(table, dict) else {}


def _list(table: Mapping[str, Any], key: str) -> list[Any]:
    value = table.get(key)
    return value if isinstance(value, list) else []


def _unknown(prefix: str, table: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    for key, value in table.items():
        if key not in known:
            yield f"{prefix}{key}: unknown key"
        elif value in ("", [], {}):
            yield f"{prefix}{key}: empty"


def _metadata(metadata: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown("metadata.", metadata, METADATA_KEYS)
    if not _NAME.fullmatch(str(metadata.get("name", ""))):
        yield "metadata.name: must be lower-case kebab"
    if metadata.get("type", "tool") not in ("tool", "library"):
        yield "metadata.type: must be tool or library"
    homepage = metadata.get("homepage")
    if homepage is not None and not str(homepage).startswith("https://"):
        yield "metadata.homepage: must start with https://"
    if any(scheme in str(homepage).lower() for scheme in _BAD_SCHEMES):
        yield "metadata.homepage: holds a scheme that runs code"


def _constraints(metadata: Mapping[str, Any]) -> Iterator[str]:
    limits = {key: metadata[key] for key in CONSTRAINT_LISTS if key in metadata}
    try:
        constraints = convert(limits, Constraints)
    except msgspec.ValidationError as error:
        yield f"metadata: {error}"
        return
    for defect in check_strict(constraints):
        yield f"{defect.pointer.lstrip('/').replace('/', '.')}: {defect.rule}"
    yield from _one_line("metadata.unsupported_reason", metadata.get("unsupported_reason", ""))


def _steps(steps: list[Any]) -> Iterator[str]:
    if not steps:
        yield "steps: at least one step is needed"
    for at, step in enumerate(steps):
        if not isinstance(step, dict) or not step.get("action"):
            yield f"steps[{at}].action: is needed"
            continue
        key = PACKAGE_KEY.get(str(step["action"]))
        if key and not step.get(key):
            yield f"steps[{at}].{key}: is needed by {step['action']}"
        for name in _list(step, "executables"):
            if not _EXECUTABLE.fullmatch(str(name)):
                yield f"steps[{at}].executables: {name!r} is not a name"
        yield from _when(f"steps[{at}].when", _table(step, "when"))


def _when(place: str, when: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(f"{place}.", when, WHEN_KEYS)
    if "platform" in when and len(when) > 1:
        yield f"{place}.platform: excludes the other keys"


def _verify(verify: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown("verify.", verify, VERIFY_KEYS)
    yield from _command("verify.command", verify.get("command"))
    yield from _one_line("verify.reason", verify.get("reason", ""))
    patterns = [verify["pattern"]] if "pattern" in verify else _list(verify, "patterns")
    if "pattern" in verify and "patterns" in verify:
        yield "verify.patterns: either pattern or patterns"
    match verify.get("mode", "version"):
        case "version":
            if not any("{version}" in str(pattern) for pattern in patterns):
                yield "verify.pattern: must hold {version}"
        case "output":
            if not verify.get("reason"):
                yield "verify.reason: is needed when mode is output"
        case mode:
            yield f"verify.mode: {mode!r} is not known"
    for at, more in enumerate(_list(verify, "additional")):
        if not isinstance(more, dict):
            yield f"verify.additional[{at}]: must be a table"
            continue
        yield from _unknown(f"verify.additional[{at}].", more, ("command", "pattern"))
        yield from _command(f"verify.additional[{at}].command", more.get("command"))
        if not more.get("pattern"):
            yield f"verify.additional[{at}].pattern: is needed"


def _one_line(place: str, value: object) -> Iterator[str]:
    if not str(value).isprintable():  # control and bidirectional characters too
        yield f"{place}: must be one line"


def _command(place: str, command: object) -> Iterator[str]:
    if not isinstance(command, str) or not command:
        yield f"{place}: is needed"
        return
    for part in _FORBIDDEN_PARTS:
        if part in command:
            yield f"{place}: must not hold {part}"
    for word in sorted(FORBIDDEN_WORDS.intersection(re.split(r"[\s;|&]+", command))):
        yield f"{place}: must not hold {word}"
