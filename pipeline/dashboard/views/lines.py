"""Lines that several pages show: breakers, the queue, batches, reasons. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pipeline.dashboard.facts import Facts
from pipeline.dashboard.links import Links
from pipeline.dashboard.views.base import PageLink, View
from pipeline.dashboard.views.queue import QueueRow
from pipeline.history.metrics import all_of
from pipeline.history.service_levels import Share, only, success
from pipeline.instants import instant, timestamp
from pipeline.model import (
    AttemptOutcome,
    BatchMetrics,
    BreakerState,
    EcosystemCounts,
    EntryStatus,
    Subcategory,
)
from pipeline.source import ecosystem_of
from pipeline.taxonomy import TAXONOMY, Owner

EXAMPLES = 3
STANDING = frozenset({AttemptOutcome.FAILED, AttemptOutcome.TRANSIENT, AttemptOutcome.BLOCKED})


class BreakerLine(View, frozen=True, kw_only=True):
    """One ecosystem's circuit breaker; an open one may be probed from `opens_at` on."""

    ecosystem: PageLink
    state: BreakerState
    failures: int
    stages: list[str]
    opened_at: str | None
    opens_at: str | None
    last_failure: str | None
    failed_probes: int


class QueueLine(View, frozen=True, kw_only=True):
    """How many entries of one ecosystem stand how; statuses without an entry are left out of `counts`."""

    ecosystem: PageLink
    counts: dict[EntryStatus, int]
    total: int


class Period(View, frozen=True, kw_only=True):
    """What became of packages in one day (`2026-03-02`, UTC), or in one batch; `label` names which."""

    label: PageLink
    batches: int
    attempted: int
    included: int
    excluded: int
    blocked: int
    deferred: int
    success: Share


class Reason(View, frozen=True, kw_only=True):
    """A cause that `packages` of the queue stand on now, by their last attempt: whose it is, and what to do.

    `transient` ones pass by themselves. `examples` are a few of these packages.
    """

    cause: str
    category: str
    owner: Owner
    transient: bool
    remedy: str
    packages: int
    ecosystems: dict[str, int]
    examples: list[PageLink]


def queue_lines(links: Links, rows: Iterable[QueueRow]) -> list[QueueLine]:
    """Return the queue by ecosystem and status, the ecosystem with most entries first."""
    grouped: defaultdict[str, list[QueueRow]] = defaultdict(list)
    for row in rows:
        grouped[row.ecosystem].append(row)
    found = [queue_line(links.ecosystem(name), group) for name, group in grouped.items()]
    return sorted(found, key=lambda line: (-line.total, line.ecosystem.text))


def breaker_lines(facts: Facts, links: Links) -> list[BreakerLine]:
    """Return the circuit breakers that ever counted something, those that are not closed first."""
    found = [
        BreakerLine(
            ecosystem=links.ecosystem(name),
            state=breaker.state,
            failures=breaker.failures,
            stages=[str(stage) for stage in breaker.stages],
            opened_at=breaker.opened_at,
            opens_at=breaker.opens_at,
            last_failure=breaker.last_failure,
            failed_probes=breaker.failed_probes,
        )
        for name, breaker in facts.situation.control.circuit_breaker.items()
    ]
    return sorted(found, key=lambda line: (line.state is BreakerState.CLOSED, line.ecosystem.text))


def batch_periods(facts: Facts, links: Links, ecosystem: str | None = None) -> list[Period]:
    """Return a line for each batch, oldest first; of one ecosystem, those that had packages of it."""
    return [
        _period(links.batch(line.batch_id) or PageLink(text=line.batch_id), [line], ecosystem)
        for line in facts.metrics
        if ecosystem is None or ecosystem in line.ecosystems
    ]


def reasons(facts: Facts, links: Links, ecosystem: str | None = None) -> list[Reason]:
    """Return the causes that packages of the queue stand on now, the one with most packages first."""
    found: defaultdict[Subcategory, list[str]] = defaultdict(list)
    for entry in facts.situation.queue.entries:
        known = facts.situation.history.get(entry.source)
        if (
            known is not None
            and known.last_cause is not None
            and known.last_outcome in STANDING
            and entry.status not in {EntryStatus.SUCCESS, EntryStatus.EXCLUDED}
            and ecosystem in {None, ecosystem_of(entry.source)}
        ):
            found[known.last_cause].append(entry.source)
    lines = [_reason(cause, list(dict.fromkeys(sources)), links) for cause, sources in found.items()]
    return sorted(lines, key=lambda line: (-line.packages, line.cause))


def queue_line(name: PageLink, rows: Sequence[QueueRow]) -> QueueLine:
    """Return some rows counted by their status, in the order of the statuses."""
    counts = Counter(row.status for row in rows)
    return QueueLine(
        ecosystem=name, counts={status: counts[status] for status in EntryStatus if status in counts}, total=len(rows)
    )


def days(facts: Facts) -> list[Period]:
    """Return a line for each day (UTC) on which a batch was published, oldest first."""
    days: defaultdict[str, list[BatchMetrics]] = defaultdict(list)
    for line in facts.metrics:
        days[timestamp(instant(line.at))[:10]].append(line)
    return [_period(PageLink(text=day), lines) for day, lines in sorted(days.items())]


def _period(label: PageLink, lines: Sequence[BatchMetrics], ecosystem: str | None = None) -> Period:
    empty = EcosystemCounts()
    parts = {
        f"{place} {name}": counts
        for place, line in enumerate(lines)
        for name, counts in only(line.ecosystems, ecosystem).items()
    }
    counts = all_of(parts, empty)
    return Period(
        label=label,
        batches=len(lines),
        attempted=counts.attempted,
        included=counts.included,
        excluded=counts.excluded,
        blocked=counts.blocked,
        deferred=counts.deferred,
        success=success(counts),
    )


def _reason(cause: Subcategory, sources: Sequence[str], links: Links) -> Reason:
    known = TAXONOMY[cause]
    return Reason(
        cause=cause,
        category=known.category,
        owner=known.owner,
        transient=known.transient,
        remedy=known.remedy,
        packages=len(sources),
        ecosystems=dict(Counter(map(ecosystem_of, sources)).most_common()),
        examples=links.packages(sources[:EXAMPLES]),
    )
