"""The ecosystems, `ecosystems.html`, and one of them, `ecosystems/<name>.html`. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter

from pipeline.config import GeneratorKind
from pipeline.control.breaker import INFRASTRUCTURE
from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.views.base import PageLink, View
from pipeline.dashboard.views.lines import (
    BreakerLine,
    Period,
    QueueLine,
    Reason,
    batch_periods,
    breaker_lines,
    queue_lines,
    reasons,
)
from pipeline.dashboard.views.queue import QueueRow
from pipeline.history.fold import DETAILS
from pipeline.history.metrics import totals
from pipeline.history.service_levels import LastSuccess, Share, last_success, success, without_body
from pipeline.model import EcosystemCounts, Traffic
from pipeline.source import ecosystem_of

# Batches and events of a breaker on an ecosystem's page, the newest.
PERIODS = 100
EVENTS = 50


class EcosystemLine(View, frozen=True, kw_only=True):
    """One ecosystem in one line, over all batches. `generator` and the rate are those of the configuration."""

    ecosystem: PageLink
    generator: str
    enabled: bool
    requests_per_second: float
    queue: QueueLine
    counts: EcosystemCounts
    success: Share
    traffic: Traffic
    without_body: Share
    breaker: BreakerLine | None


class Ecosystems(View, frozen=True, kw_only=True):
    """All ecosystems that the configuration or the queue names, by name."""

    lines: list[EcosystemLine]


class BreakerEvent(View, frozen=True, kw_only=True):
    """A failure of the network or the registry that the breaker counted, from the journal."""

    at: str
    package: PageLink
    stage: str
    cause: str
    message: str


class EcosystemPage(View, frozen=True, kw_only=True):
    """One ecosystem: its line, its batches (oldest first), why its packages fail, what its breaker counted last."""

    path: str
    line: EcosystemLine
    last_success: LastSuccess | None
    periods: list[Period]
    reasons: list[Reason]
    events: list[BreakerEvent]


def ecosystems(facts: Facts, links: Links, rows: Sequence[QueueRow]) -> Ecosystems:
    """Return the page of all ecosystems."""
    return Ecosystems(lines=_lines(facts, links, rows))


def ecosystem_pages(facts: Facts, links: Links, rows: Sequence[QueueRow]) -> list[EcosystemPage]:
    """Return each ecosystem's page, by name."""
    events = _events(facts, links)
    return [
        EcosystemPage(
            path=line.ecosystem.path,
            line=line,
            last_success=last_success(
                facts.metrics,
                facts.situation.config.alarms.no_success_hours,
                facts.situation.now,
                ecosystem=line.ecosystem.text,
            ),
            periods=batch_periods(facts, links, line.ecosystem.text)[-PERIODS:],
            reasons=reasons(facts, links, ecosystem=line.ecosystem.text),
            events=events.get(line.ecosystem.text, [])[:EVENTS],
        )
        for line in _lines(facts, links, rows)
    ]


def _lines(facts: Facts, links: Links, rows: Sequence[QueueRow]) -> list[EcosystemLine]:
    added = totals(facts.metrics)
    waiting = {line.ecosystem.text: line for line in queue_lines(links, rows)}
    breakers = {line.ecosystem.text: line for line in breaker_lines(facts, links)}
    control, config = facts.situation.control, facts.situation.config
    found = []
    for name in links.ecosystems:
        configured = config.ecosystems.get(name)
        counts, traffic = added.ecosystems.get(name, EcosystemCounts()), added.traffic.get(name, Traffic())
        found.append(
            EcosystemLine(
                ecosystem=links.ecosystem(name),
                generator=configured.generator if configured is not None else GeneratorKind.NONE,
                enabled=name not in control.disabled_ecosystems,
                requests_per_second=configured.requests_per_second if configured is not None else 0,
                queue=waiting.get(name) or QueueLine(ecosystem=links.ecosystem(name), counts={}, total=0),
                counts=counts,
                success=success(counts),
                traffic=traffic,
                without_body=without_body(traffic),
                breaker=breakers.get(name),
            )
        )
    return found


def _events(facts: Facts, links: Links) -> dict[str, list[BreakerEvent]]:
    """Return what breakers count, by ecosystem and newest first."""
    lines = [
        line
        for attempts in facts.attempts.values()
        for line in attempts
        if line.subcategory in INFRASTRUCTURE and line.stage in DETAILS
    ]
    found: defaultdict[str, list[BreakerEvent]] = defaultdict(list)
    for line in sorted(lines, key=attrgetter("at"), reverse=True):
        events = found[ecosystem_of(line.source)]
        if len(events) < EVENTS:
            events.append(
                BreakerEvent(
                    at=line.at,
                    package=links.package(line.source),
                    stage=line.stage,
                    cause=line.subcategory or "",
                    message=line.message,
                )
            )
    return found
