"""How many pull requests may be opened now: of those that wait, the oldest first. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from pipeline.config import PublishConfig
from pipeline.forge.base import PullRequest
from pipeline.instants import instant, timestamp

OPEN_RULE = "at most `publish.open_pull_requests` pull requests are open at once; stale ones do not count"
HOUR_RULE = "at most `publish.pull_requests_per_hour` pull requests are opened in an hour"
HOUR = timedelta(hours=1)


class Postponed(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request that is not opened yet: the rule, the value that it saw, until when (None: until changed).

    With `forbidden` it waits for a person to mend the token.
    """

    batch_id: str
    rule: str
    value: str
    until: str | None = None
    remedy: str = ""
    forbidden: bool = False


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """Which batches' pull requests are opened now, and which are put off; both in the order in which they wait."""

    opened: list[str]
    postponed: list[Postponed]


def stale_ones(open_ones: Iterable[PullRequest], review_days: int, now: datetime) -> list[PullRequest]:
    """Return those that nobody has looked at for so many days: one stuck pull request never stops the pipeline."""
    return [each for each in open_ones if instant(each.created_at) <= now - timedelta(days=review_days)]


def room(
    waiting: Sequence[str],
    open_ones: Sequence[PullRequest],
    openings: Iterable[str],
    config: PublishConfig,
    review_days: int,
    now: datetime,
) -> Room:
    """Share out what the limits leave; `waiting` are batches, the oldest first, `openings` the times of earlier ones.

    Openings more than an hour ago count for nothing; of one in the future (a clock that is wrong) the hour begins now.
    """
    stale = {each.number for each in stale_ones(open_ones, review_days, now)}
    fresh = [each for each in open_ones if each.number not in stale]
    recent = sorted(min(instant(at), now) for at in openings if instant(at) > now - HOUR)
    left_open = max(config.open_pull_requests - len(fresh), 0)
    left_hour = max(config.pull_requests_per_hour - len(recent), 0)
    opened = list(waiting[: min(left_open, left_hour)])
    if len(opened) == len(waiting):
        return Room(opened=opened, postponed=[])
    if left_hour < left_open:
        # With those that are opened now; the one whose hour ends first makes room for the next.
        times = [*recent, *(now for _ in opened)]
        first = times[max(len(times) - config.pull_requests_per_hour, 0)]
        rule, value = HOUR_RULE, f"{len(times)} in the last hour"
        until: str | None = timestamp(first + HOUR + timedelta(seconds=1))
        remedy = "nothing: `doit sync` or the next `doit publish` opens it then"
    else:
        rule, value = OPEN_RULE, f"{len(fresh) + len(opened)} are open"
        oldest = min((instant(each.created_at) for each in fresh), default=now)
        until = timestamp(oldest + timedelta(days=review_days))
        remedy = "merge or close one that is open, then `doit sync`"
    put_off = [
        Postponed(batch_id=batch_id, rule=rule, value=value, until=until, remedy=remedy)
        for batch_id in waiting[len(opened) :]
    ]
    return Room(opened=opened, postponed=put_off)
