"""What the operator's commands share: who acts, which ecosystem is meant, why."""

import subprocess
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.checks import nearest, shorten
from pipeline.commands.base import Root, wrong_call
from pipeline.control.switches import Note
from pipeline.decoding import convert
from pipeline.errors import BadInput, Defect, UnknownName
from pipeline.instants import instant
from pipeline.model import Control, Timestamp
from pipeline.text import one_line

# Shown in one line wherever something is held back.
_LONGEST_REASON = 500
_LONGEST_NAME = 100


def note_of(root: Root, options: Mapping[str, Any]) -> Note:
    """Return the note for what is switched off now; raises `BadInput` for a text that no line can show."""
    return Note(
        at=root.now,
        by=identity(root.environment),
        reason=_line(options, "reason"),
        incident=_line(options, "incident"),
        until=_moment(options.get("until") or None),
    )


class Switches(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints after a switch was moved: how all of them stand, named as in batch-control.json."""

    enabled: bool
    disabled_ecosystems: list[str]
    reason: str | None
    incident_url: str | None
    disabled_by: str | None
    disabled_at: str | None
    expected_resume: str | None


def switches_of(control: Control) -> Switches:
    """Return how the switches of a control file stand."""
    return Switches(**{name: getattr(control, name) for name in Switches.__struct_fields__})


def identity(environment: Mapping[str, str]) -> str | None:
    """Return who acts: the user's name in the environment, else git's; None when neither says."""
    named = shown(environment.get("LOGNAME") or environment.get("USER") or "")
    if named:
        return named
    try:
        git = subprocess.run(
            ["git", "config", "user.name"],  # noqa: S607  # the user's own git
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return shown(git.stdout) or None


def shown(name: str) -> str:
    """Return a name as one short line: what the environment says is anything."""
    return one_line(name)[:_LONGEST_NAME]


def one_ecosystem(arguments: Sequence[str], known: Collection[str], command: str) -> str:
    """Return the one ecosystem that a command was given; raises `UnknownName` or `BadInput`."""
    if len(arguments) != 1:
        raise wrong_call(command, f"takes one ecosystem, got {len(arguments)}", f"`doit {command} {min(known)}`")
    name = arguments[0]
    if name not in known:
        close = nearest(name, known)
        remedy = f"did you mean `doit {command} {close}`?" if close else f"use one of {', '.join(known)}"
        raise UnknownName(f"there is no ecosystem {shorten(name)}", remedy=remedy)
    return name


def _line(options: Mapping[str, Any], key: str) -> str | None:
    text = str(options.get(key) or "").strip()
    if not text.isprintable() or len(text) > _LONGEST_REASON:
        rule = f"must be one line of at most {_LONGEST_REASON} characters"
        raise _wrong(key, rule, "shorten it; `--incident` leads to more")
    return text or None


def _moment(text: str | None) -> str | None:
    try:
        if text is not None:
            instant(convert(text, Timestamp))
    except (msgspec.ValidationError, ValueError):
        rule = f"{shorten(text)} is no RFC 3339 date and time"
        raise _wrong("until", rule, "write it as 2026-03-01T12:00:00Z") from None
    return text


def _wrong(option: str, rule: str, remedy: str) -> BadInput:
    return BadInput(f"command line, --{option}", Defect(pointer="", rule=rule, remedy=remedy))


REASON = {"name": "reason", "short": "r", "long": "reason", "type": str, "default": "", "help": "why, in one line"}
