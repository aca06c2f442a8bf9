"""Changing a few keys of a TOML file that people also edit, without touching another byte.

A statement is found by its tokens, new text is spliced in, and both are proved with `tomllib`: the lines found must
hold that statement alone, and the outcome must parse to exactly what was meant. What cannot be proved is a
`Refusal`, and the file stays as it is.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import tomlkit

from pipeline.toml_scan import Statement, scan

Value = str | int | Sequence[str] | Sequence[Mapping[str, str]]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The text cannot be edited safely, and why; it stays as it is."""

    reason: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One key of one table at the top: its new value, or None to remove it.

    A new key goes behind the last of the keys in `after` that is there, else to the end of its table.
    """

    table: str
    key: str
    value: Value | None
    after: tuple[str, ...] = ()


class _Splice(msgspec.Struct, frozen=True, kw_only=True):
    """`new` instead of what stands from `start` to `end`."""

    start: int
    end: int
    new: str


def edit(text: str, changes: Iterable[Change]) -> str | Refusal:
    """Return `text` with the changes made one after another, or why it was left alone.

    A change that already holds does nothing, so editing twice is editing once. Line ends are kept as they are: read
    the file without newline translation.
    """
    before = parse(text)
    if isinstance(before, Refusal):
        return before
    meant, edited = before, text
    for change in changes:
        wanted = _meant(meant, change)
        if isinstance(wanted, Refusal):
            return wanted
        if wanted == meant:
            continue
        splice = _splice(edited, change, meant.get(change.table, {}).get(change.key))
        if isinstance(splice, Refusal):
            return splice
        meant, edited = wanted, edited[: splice.start] + splice.new + edited[splice.end :]
    if edited != text and parse(edited) != meant:
        return Refusal(reason="the edited text would not say what was meant")
    return edited


def encode(value: Value) -> str:
    """Return a value as TOML: words on one line, tables on a line each."""
    if isinstance(value, str | int):
        return tomlkit.item(value).as_string()
    if any(isinstance(each, Mapping) for each in value):
        return "[\n" + "".join(f"  {_inline(each)},\n" for each in value if isinstance(each, Mapping)) + "]"
    return f"[{', '.join(encode(each) for each in value if isinstance(each, str))}]"


def encode_key(key: str) -> str:
    """Return a key as TOML, quoted only when it must be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else encode(key)


def parse(text: str) -> dict[str, Any] | Refusal:
    """Return what the text says, or why it is not TOML."""
    try:
        return tomllib.loads(text)
    except (
        tomllib.TOMLDecodeError,
        RecursionError,
    ) as error:  # brackets nested too deeply exhaust tomllib's stack
        return Refusal(reason=f"not TOML: {error}")


def _inline(table: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{encode_key(key)} = {encode(value)}" for key, value in table.items()) + "}"


def _meant(before: dict[str, Any], change: Change) -> dict[str, Any] | Refusal:
    """Return what the text should say once the change is made."""
    table = before.get(change.table, {})
    if not isinstance(table, dict):
        return Refusal(reason=f"{change.table} is not a table")
    if change.value is None:
        left = {key: value for key, value in table.items() if key != change.key}
        return {**before, change.table: left} if change.table in before else before
    value = change.value
    plain = value if isinstance(value, str | int) else [each if isinstance(each, str) else dict(each) for each in value]
    return {**before, change.table: {**table, change.key: plain}}


def _splice(text: str, change: Change, old: object) -> _Splice | Refusal:
    """Return what to replace; nothing outside of it changes, so it must lie within the lines of its own statement."""
    own = [each for each in scan(text) if each.path[:1] == (change.table,)]
    path = (change.table, change.key)
    target = [each for each in own if each.path[:2] == path]
    if any(each.is_header or each.path != path for each in target):
        return Refusal(reason=f"{'.'.join(path)} is spread over several statements")
    if not target and change.value is not None:
        return _insertion(text, own, change, change.value)
    if not target:
        return Refusal(reason=f"{'.'.join(path)} is inside an inline table")
    if not _is_exactly(text, target[0], old):
        return Refusal(reason=f"changing {'.'.join(path)} would touch other lines")
    if change.value is None:
        return _removal(text, target[0])
    return _Splice(start=target[0].value_start, end=target[0].value_end, new=_lines(change.value, text))


def _insertion(text: str, own: list[Statement], change: Change, value: Value) -> _Splice | Refusal:
    """Return a splice right behind a statement of the table itself, so never between a comment and the next table."""
    # Keys of sub-tables, and of the table when it is written inline, cannot have a neighbour of another name.
    anchors = [
        each
        for each in own
        if (each.is_header and each.path == (change.table,))
        or (not each.is_header and len(each.path) > 1 and each.table in {(), (change.table,)})
    ]
    if own and not anchors:
        return Refusal(reason=f"{change.table} has no lines of its own")
    line = f"{encode_key(change.key)} = {_lines(value, text)}"
    if not anchors:
        return _new_table(text, f"[{encode_key(change.table)}]", line)
    known = {(change.table, key) for key in change.after}
    anchor = next((each for each in reversed(anchors) if each.path in known), anchors[-1])
    prefix = "" if anchor.table else f"{encode_key(change.table)}."
    return _line_behind(text, anchor.end, f"{anchor.indent}{prefix}{line}")


def _new_table(text: str, header: str, line: str) -> _Splice:
    line_end = _line_end(text)
    gap = "" if not text else line_end if text.endswith("\n") else line_end * 2
    return _Splice(start=len(text), end=len(text), new=f"{gap}{header}{line_end}{line}{line_end}")


def _line_behind(text: str, at: int, line: str) -> _Splice:
    """Return a splice of a whole line at the start of one; a last line without an end stays without."""
    line_end = _line_end(text)
    whole = f"{line}{line_end}" if text[:at].endswith("\n") else f"{line_end}{line}"
    return _Splice(start=at, end=at, new=whole)


def _removal(text: str, target: Statement) -> _Splice:
    start = target.start
    if not text[: target.end].endswith("\n"):
        # The file's last line has no end: the end of the line before it goes, so that this stays so.
        start -= 2 if text[:start].endswith("\r\n") else 1 if start else 0
    return _Splice(start=start, end=target.end, new="")


def _lines(value: Value, text: str) -> str:
    return encode(value).replace("\n", _line_end(text))


def _line_end(text: str) -> str:
    """Return how the text ends its first line; a text of one line gets "\\n"."""
    return "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"


def _is_exactly(text: str, found: Statement, value: object) -> bool:
    """Say whether the lines that a statement was found on hold it and nothing else, not even a comment of their own.

    A replaced or removed statement takes no other line along when this holds; it is asked of `tomllib`, not of the
    scanner that found the statement.
    """
    own = text[found.start : found.end]
    wanted = value
    for key in reversed(found.path[len(found.table) :]):
        wanted = {key: wanted}
    shorter = own.rstrip("\r\n").rpartition("\n")[0]
    return (
        (found.start == 0 or text[found.start - 1] == "\n")
        and (own.endswith("\n") or found.end == len(text))
        and not own.lstrip(" \t\r").startswith(("#", "\n"))
        and found.start <= found.value_start <= found.value_end <= found.end
        and parse(own) == wanted
        and parse(shorter) != wanted
    )
