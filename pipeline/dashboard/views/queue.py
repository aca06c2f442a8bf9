"""The queue, `queue.html`, with a row for each entry. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from pipeline.dashboard.addresses import package_path
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.views.base import View
from pipeline.model import EntryStatus, Gate
from pipeline.selection.situation import Case

T = TypeVar("T", bound=str)


class QueueRow(View, frozen=True, kw_only=True, gc=False):
    """One entry. "" and None stand for what is not known.

    `outcome` is what its last attempt came to, at `last_tried`; `reason` the cause of that, or what holds it back.
    `place` is its number in the line of what may be tried next, from 1. `due` is until when it is held back.
    """

    source: str
    name: str
    ecosystem: str
    priority: int
    status: EntryStatus
    outcome: str
    reason: str
    tries: int
    last_tried: str
    place: int | None
    due: str
    path: str


class QueuePage(View, frozen=True, kw_only=True):
    """The page around the rows: what can be filtered by, and how many entries there are of each."""

    updated_at: str
    total: int
    ecosystems: dict[str, int]
    statuses: dict[EntryStatus, int]
    priorities: dict[str, int]
    reasons: dict[str, int]


def queue_rows(facts: Facts) -> list[QueueRow]:
    """Return a row for each source: what is tried next in the order of the line, then all else in that of the queue."""
    situation = facts.situation
    rows = [_row(facts, situation.case(position)) for position in sorted(situation.first.values())]
    return sorted(rows, key=lambda row: row.place or len(rows) + 1)


def queue_page(facts: Facts, rows: Sequence[QueueRow]) -> QueuePage:
    """Return the page around the rows: what there is most of comes first."""
    return QueuePage(
        updated_at=facts.situation.queue.updated_at,
        total=len(rows),
        ecosystems=_counted(row.ecosystem for row in rows),
        statuses=_counted(row.status for row in rows),
        priorities=dict(sorted(Counter(str(row.priority) for row in rows).items())),
        reasons=_counted(row.reason for row in rows if row.reason),
    )


def _row(facts: Facts, case: Case) -> QueueRow:
    entry, known = case.entry, case.known
    stop = facts.selection.stops.get(entry.source)
    return QueueRow(
        source=entry.source,
        name=entry.name,
        ecosystem=case.ecosystem,
        priority=entry.priority,
        status=entry.status,
        outcome=known.last_outcome or "",
        reason=known.last_cause or (stop.gate if stop is not None and stop.gate is not Gate.STATUS else ""),
        tries=known.tries,
        last_tried=known.last_tried or "",
        place=facts.selection.places.get(entry.source),
        due=(stop.until or "") if stop is not None else "",
        path=package_path(entry.source),
    )


def _counted(values: Iterable[T]) -> dict[T, int]:
    return dict(Counter(values).most_common())
