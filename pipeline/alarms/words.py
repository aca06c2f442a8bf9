"""An alarm in words: for people, for an annotation in CI, for the receiver of the webhook. Pure.

Subjects and values hold what strangers wrote. Each form has signs of its own that steer it, and each is escaped here.
"""

from collections.abc import Sequence

import msgspec

from pipeline.markdown import code, row, table_head
from pipeline.markdown import text as markdown
from pipeline.model import AlarmKind, AlarmRecord
from pipeline.text import counted, one_line

# Characters of one alarm in a message, and alarms in it; the rest is in the records.
_LONGEST = 500
_MOST = 20
_TITLES = {
    AlarmKind.NO_SUCCESS: "no new recipe",
    AlarmKind.BREAKER_OPEN: "breaker open",
    AlarmKind.STALE_REVIEW: "not merged",
    AlarmKind.CHANGED_BYTES: "changed bytes",
    AlarmKind.BUDGET_OUT: "minutes used up",
}


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a call of the webhook: `text` for chat rooms, `alarms` for programs."""

    text: str
    alarms: Sequence[AlarmRecord]


def title(alarm: AlarmRecord) -> str:
    """Return an alarm's name: `breaker open: npm`."""
    return f"{_TITLES[alarm.kind]}: {one_line(alarm.subject)}" if alarm.subject else _TITLES[alarm.kind]


def in_words(alarm: AlarmRecord) -> str:
    """Return what is wrong and what is allowed, on one line."""
    return f"{one_line(alarm.value)}; allowed: {alarm.limit}"


def annotation(level: str, named: str, message: str) -> str:
    """Return GitHub's workflow command for an annotation; `level` is `error` or `warning`.

    In a message `%`, CR and LF are escaped, in a property also `:` and `,`.
    """
    return f"::{level} title={_property(named)}::{_data(message)}"


def summary(rings: Sequence[AlarmRecord]) -> str:
    """Return the table for the summary of a step, in GitHub's Markdown; "" when nothing rings."""
    if not rings:
        return ""
    rows = (
        row([markdown(title(alarm)), alarm.since or "", markdown(alarm.value), markdown(alarm.limit), _remedy(alarm)])
        for alarm in rings
    )
    head = table_head(["alarm", "since", "seen", "allowed", "what to do"])
    return f"## {counted(len(rings), 'alarm')}\n\n{head}{''.join(rows)}\n"


def message(changes: Sequence[AlarmRecord]) -> Message:
    """Return what the receiver of the webhook is told of alarms that began to ring or have ended.

    `&`, `<` and `>` of the text are entities, as chat rooms take them for links and mentions.
    """
    lines = [f"{'ended' if alarm.cleared else 'ALARM'} {title(alarm)}: {in_words(alarm)}" for alarm in changes[:_MOST]]
    lines = [line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…" for line in lines]
    if len(changes) > _MOST:
        lines.append(f"and {counted(len(changes) - _MOST, 'other')}")
    text = "\n".join(["recipeline", *lines])
    return Message(text=text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"), alarms=changes)


def _remedy(alarm: AlarmRecord) -> str:
    """Return a remedy whose commands, between backquotes, are code."""
    parts = one_line(alarm.remedy).split("`")
    return "".join(code(part) if place % 2 else _spaced(part) for place, part in enumerate(parts) if part)


def _spaced(part: str) -> str:
    """Return a part of a sentence, with the blanks that set it off from the others."""
    before, after = (" " if sign == " " else "" for sign in (part[0], part[-1]))
    return f"{before}{markdown(part)}{after}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
