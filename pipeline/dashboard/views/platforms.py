"""The truth table, `platforms.html`: what was measured on which platform, and what is only predicted. Pure."""

from collections.abc import Mapping, Sequence
from operator import itemgetter

from pipeline.config import Runner
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.views.base import PageLink, View
from pipeline.dashboard.views.package import MEASURED, NOTHING_READ, statuses_of
from pipeline.history.metrics import totals
from pipeline.model import VerdictStatus
from pipeline.platforms import BY_ID, Platform

# Packages in the page itself; more would take longer to load than anybody reads.
ROWS = 500
PREDICTED = (VerdictStatus.PREDICTED_PASS, VerdictStatus.PREDICTED_FAIL)
NOTES = {
    Runner.NATIVE: "measured on a machine that is this platform, predicted elsewhere",
    Runner.STATIC: "predicted from the package's metadata",
    Runner.EXTERNAL: "measured by a configured command, or elsewhere",
    Runner.NONE: "not looked at",
}


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
    """The truth table, platforms in the order of the model.

    `rows` are the packages that were tried last, newest first, of `all_rows` with a verdict anywhere.
    """

    statuses: list[VerdictStatus]
    platforms: list[PlatformLine]
    rows: list[TruthRow]
    all_rows: int


def truth_rows(facts: Facts, links: Links) -> list[TruthRow]:
    """Return a row for each package of the queue with a verdict anywhere, the one that was run last first."""
    found: list[tuple[str, str, TruthRow]] = []
    for source in links.sources:
        records, attempts = facts.records.get(source, NOTHING_READ), facts.attempts.get(source, ())
        known = statuses_of(records, attempts) if records.verdicts or attempts else {}
        if known:
            at = max(verdict.at if verdict else line.at if line else "" for _, verdict, line in known.values())
            statuses = [known[platform][0].value if platform in known else "" for platform in BY_ID]
            found.append((at, source, TruthRow(package=links.package(source), statuses=statuses)))
    return [row for _, _, row in sorted(found, key=itemgetter(0), reverse=True)]


def platforms_page(facts: Facts, links: Links, rows: Sequence[TruthRow]) -> PlatformsPage:
    """Return the truth table around its rows."""
    counts = totals(facts.metrics).platforms
    there = {status for row in rows[:ROWS] for status in row.statuses}
    return PlatformsPage(
        statuses=[status for status in VerdictStatus if status in there],
        platforms=[_line(facts, links, platform, counts.get(platform.id, {})) for platform in BY_ID.values()],
        rows=list(rows[:ROWS]),
        all_rows=len(rows),
    )


def _line(facts: Facts, links: Links, platform: Platform, counts: Mapping[VerdictStatus, int]) -> PlatformLine:
    configured = facts.situation.config.platforms.get(platform.id)
    runner = configured.runner if configured is not None else Runner.NONE
    ran = [line for line in facts.metrics if _measured(line.platforms.get(platform.id, {}))]
    return PlatformLine(
        platform=platform.id,
        os=platform.os,
        family=platform.family,
        libc=platform.libc,
        arch=platform.arch,
        runner=runner,
        note=NOTES[runner],
        counts=dict(counts),
        measured=_measured(counts),
        predicted=sum(counts.get(status, 0) for status in PREDICTED),
        since=links.batch(ran[0].batch_id) if ran else None,
        since_at=ran[0].at if ran else "",
        last=links.batch(ran[-1].batch_id) if ran else None,
        last_at=ran[-1].at if ran else "",
    )


def _measured(counts: Mapping[VerdictStatus, int]) -> int:
    return sum(counts.get(status, 0) for status in MEASURED)
