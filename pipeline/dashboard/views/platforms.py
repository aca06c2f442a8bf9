"""The truth table, `platforms.html`: what was measured on which platform, and what is only predicted. Pure."""

from pipeline.dashboard.views.base import PageLink, View
from pipeline.model import VerdictStatus


class PlatformLine(View, frozen=True, kw_only=True):
    """One platform: how its verdicts are made, and how many packages of all batches had which verdict.

    `runner` is how verdicts are made there by the configuration; `note` says so in words. `measured` and `predicted`
    add up `counts`. `since` and `last` are the first and the last batch with a measured verdict there.
    """

    platform: str
    os: str
    family: str
    libc: str
    arch: str
    runner: str
    note: str
    counts: dict[VerdictStatus, int]
    measured: int
    predicted: int
    since: PageLink | None
    since_at: str
    last: PageLink | None
    last_at: str


class TruthRow(View, frozen=True, kw_only=True):
    """One package with a verdict: for each platform of the page, in its order, a `VerdictStatus`, or "" for none."""

    package: PageLink
    statuses: list[str]


class PlatformsPage(View, frozen=True, kw_only=True):
    """The truth table, platforms in the order of the model. `rows` are the packages that were run anywhere."""

    statuses: list[VerdictStatus]
    platforms: list[PlatformLine]
    rows: list[TruthRow]
