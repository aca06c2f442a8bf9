"""Published batches that wait for somebody to merge them: how many recipes, and since when. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from pipeline.history.ledger import standing_files
from pipeline.instants import instant
from pipeline.model import BatchState, LedgerEntry
from pipeline.source import ecosystem_of

DAY = timedelta(days=1)
DIGITS = 3


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One batch that is not merged yet, published at `since`.

    `alarm` says whether its `days` of waiting are more than it may wait, which is `limit_days`.
    """

    batch_id: str
    branch: str
    pull_request: str
    recipes: int
    since: str
    days: float
    limit_days: int
    alarm: bool


def open_reviews(
    waiting: Iterable[LedgerEntry], limit_days: int, now: datetime, *, ecosystem: str | None = None
) -> list[Review]:
    """Return what waits for its merge, the longest first; only recipes of one ecosystem count if one is given.

    A batch whose publication was cut off waits for `doit publish`, and one without recipes for nobody.
    """
    found: list[Review] = []
    for entry in waiting:
        sources = [file.source for file in standing_files(entry)]
        recipes = sum(ecosystem in {None, ecosystem_of(source)} for source in sources)
        if entry.state is BatchState.PUBLISHED and recipes:
            waited = max(now - instant(entry.published_at), timedelta(0))
            found.append(
                Review(
                    batch_id=entry.batch_id,
                    branch=entry.branch,
                    pull_request=entry.pull_request,
                    recipes=recipes,
                    since=entry.published_at,
                    days=round(waited / DAY, DIGITS),
                    limit_days=limit_days,
                    alarm=waited > timedelta(days=limit_days),
                )
            )
    return sorted(found, key=lambda review: (-review.days, review.batch_id))
