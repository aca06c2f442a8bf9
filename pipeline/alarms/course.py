"""The lines of `data/alarms.jsonl` folded: what is written already, what is new, what nobody was told. Pure.

Kind and subject name an alarm. An alarm that goes on ringing has one line, however long; another `since` is another
occasion, also when nobody looked in between.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from pipeline.instants import instant, known_instant, timestamp
from pipeline.model import AlarmKind, AlarmRecord

# For how long the dashboard shows what has ended.
RECENT = timedelta(days=7)
Name = tuple[AlarmKind, str]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What rings, `at` the time at which that was first seen, and what has ended lately, the newest first."""

    ringing: list[AlarmRecord]
    cleared: list[AlarmRecord]


def name_of(alarm: AlarmRecord) -> Name:
    """Return what tells one alarm from another."""
    return alarm.kind, alarm.subject


def standing(records: Iterable[AlarmRecord]) -> dict[Name, AlarmRecord]:
    """Return the last line of each alarm: by time, and in the order of the file for lines of one second.

    Lines of two branches that were joined stand in no order. Lines with an impossible time are left out.
    """
    placed = ((known_instant(record.at), record) for record in records)
    timed = sorted(((at, record) for at, record in placed if at is not None), key=_time_of)
    return {name_of(record): record for _, record in timed}


def news(records: Sequence[AlarmRecord], rings: Iterable[AlarmRecord], now: datetime) -> list[AlarmRecord]:
    """Return the lines to add: for each alarm that began to ring, and for each that has ended.

    A clock that was put back must not place a line before the one that it follows.
    """
    known = standing(records)
    ring_now = {name_of(alarm): alarm for alarm in rings}
    found = [
        _dated(alarm, known.get(name), now)
        for name, alarm in ring_now.items()
        if name not in known or known[name].cleared or _is_later(alarm, known[name])
    ]
    return found + [
        _dated(msgspec.structs.replace(alarm, cleared=True, told=False), alarm, now)
        for name, alarm in known.items()
        if not alarm.cleared and name not in ring_now
    ]


def untold(records: Sequence[AlarmRecord]) -> list[AlarmRecord]:
    """Return the last line of each alarm whose receiver knows otherwise.

    The end of an alarm that nobody was told of is no news.
    """
    told = standing(record for record in records if record.told)
    found: list[AlarmRecord] = []
    for name, last in standing(records).items():
        if _differs(last, told.get(name)):
            found.append(msgspec.structs.replace(last, told=False))
    return found


def overview(records: Sequence[AlarmRecord], rings: Iterable[AlarmRecord], now: datetime) -> Overview:
    """Return what rings now and what has ended in the last days; see `Overview`."""
    known = standing(records)
    return Overview(
        ringing=[_since_first_seen(alarm, known.get(name_of(alarm))) for alarm in rings],
        cleared=sorted(
            (alarm for alarm in known.values() if alarm.cleared and now - instant(alarm.at) <= RECENT),
            key=lambda alarm: (instant(alarm.at), *name_of(alarm)),
            reverse=True,
        ),
    )


def _since_first_seen(alarm: AlarmRecord, last: AlarmRecord | None) -> AlarmRecord:
    if last is None or last.cleared or _is_later(alarm, last):
        return alarm
    return msgspec.structs.replace(alarm, at=last.at)


def _differs(last: AlarmRecord, told: AlarmRecord | None) -> bool:
    if told is None or told.cleared:
        return not last.cleared
    return last.cleared or _is_later(last, told)


def _dated(alarm: AlarmRecord, last: AlarmRecord | None, now: datetime) -> AlarmRecord:
    moment = now if last is None else max(now, instant(last.at))
    return msgspec.structs.replace(alarm, at=timestamp(moment))


def _is_later(alarm: AlarmRecord, known: AlarmRecord) -> bool:
    """Return whether what an alarm is about began after what a line tells of."""
    began, before = (known_instant(record.since or "") for record in (alarm, known))
    return began is not None and before is not None and began > before


def _time_of(placed: tuple[datetime, AlarmRecord]) -> datetime:
    return placed[0]
