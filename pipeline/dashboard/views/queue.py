"""The queue, `queue.html`, and the rows that it loads, `data/queue.js`. Pure."""

from pipeline.dashboard.views.base import View
from pipeline.model import EntryStatus


class QueueRow(View, frozen=True, kw_only=True, gc=False):
    """One entry, in the order of the queue. "" and None stand for what is not known.

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
