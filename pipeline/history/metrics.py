"""What a batch did in numbers, derived from its records, and the numbers of many batches added up. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import chain
from math import fsum
from typing import TypeVar

import msgspec

from pipeline.config import BudgetConfig, RunnerClass
from pipeline.constraints import PASSED
from pipeline.control.budget import runner_class
from pipeline.instants import timestamp
from pipeline.model import (
    Attempt,
    AttemptOutcome,
    Batch,
    BatchMetrics,
    EcosystemCounts,
    Generated,
    OutcomeRecord,
    Payload,
    RunRecord,
    Stage,
    Traffic,
    Verdict,
    VerdictStatus,
)
from pipeline.source import ecosystem_of
from pipeline.verdicts import seconds_of

T = TypeVar("T", EcosystemCounts, Traffic)
K = TypeVar("K")
# Seconds and minutes are kept to the millisecond.
DIGITS = 3


def batch_metrics(
    batch: Batch,
    conclusions: Iterable[Attempt],
    outcomes: Collection[OutcomeRecord],
    verdicts: Collection[Verdict],
    payload: Payload,
    runs: Iterable[RunRecord],
    config: BudgetConfig,
    at: datetime,
) -> BatchMetrics:
    """Return the numbers of a batch, the same ones however often they are asked for.

    `conclusions` are the journal's lines of stage payload, one for each package; `at` is the time of publication. A
    package is included, excluded, blocked or deferred, and all but the deferred were attempted; what is generated and
    validated is counted among those. What is blocked counts against the rate of success as what was left out does.
    """
    minutes = _minutes(verdicts)
    return BatchMetrics(
        batch_id=batch.id,
        created_at=batch.created_at,
        at=timestamp(at),
        ecosystems=_ecosystems(batch, conclusions, outcomes, verdicts),
        platforms=payload.platforms,
        traffic=_traffic(run.traffic for run in runs if run.batch_id == batch.id),
        stage_seconds={
            Stage.GENERATE.value: _rounded([record.seconds, *_seconds_before(record)] for record in outcomes),
            Stage.VALIDATE.value: _rounded([seconds_of(verdict), *_seconds_before(verdict)] for verdict in verdicts),
        },
        minutes={runner.value: used for runner, used in minutes.items()},
        cost=round(fsum(used * config.runners[runner].cost_factor for runner, used in minutes.items()), DIGITS),
    )


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of several batches added up, in the units of `BatchMetrics`."""

    ecosystems: dict[str, EcosystemCounts]
    platforms: dict[str, dict[VerdictStatus, int]]
    traffic: dict[str, Traffic]
    stage_seconds: dict[str, float]
    minutes: dict[str, float]
    cost: float


def totals(metrics: Collection[BatchMetrics]) -> Totals:
    """Return the numbers of some batches added up."""
    platforms: defaultdict[str, defaultdict[VerdictStatus, int]] = defaultdict(partial(defaultdict, int))
    for line in metrics:
        for platform, counts in line.platforms.items():
            sums = platforms[platform]
            for status, count in counts.items():  # `Counter.update` takes three times as long, for years of batches
                sums[status] += count
    return Totals(
        ecosystems=_added_by_name((line.ecosystems for line in metrics), EcosystemCounts()),
        platforms={platform: dict(counts) for platform, counts in sorted(platforms.items())},
        traffic=_traffic(line.traffic for line in metrics),
        stage_seconds=_sums(line.stage_seconds for line in metrics),
        minutes=_sums(line.minutes for line in metrics),
        cost=round(fsum(line.cost for line in metrics), DIGITS),
    )


def all_of(parts: Mapping[str, T], empty: T) -> T:
    """Return what the ecosystems' numbers are together; `empty` for none."""
    return _added(parts.values(), empty)


def _ecosystems(
    batch: Batch, conclusions: Iterable[Attempt], outcomes: Iterable[OutcomeRecord], verdicts: Iterable[Verdict]
) -> dict[str, EcosystemCounts]:
    """Return what became of each ecosystem's packages; one without a conclusion was not attempted."""
    ends = {line.source: line.outcome for line in conclusions if line.stage is Stage.PAYLOAD}
    generated = {record.source for record in outcomes if isinstance(record.outcome, Generated)}
    validated = {verdict.source for verdict in verdicts if verdict.status in PASSED}
    sources = defaultdict(list)
    for selected in batch.selected:
        sources[ecosystem_of(selected.source)].append(selected.source)
    return {name: _counts(members, ends, generated, validated) for name, members in sources.items()}


def _counts(
    sources: Collection[str], ends: Mapping[str, AttemptOutcome], generated: set[str], validated: set[str]
) -> EcosystemCounts:
    attempted = {
        source for source in sources if ends.get(source, AttemptOutcome.DEFERRED) is not AttemptOutcome.DEFERRED
    }
    became = Counter(ends[source] for source in attempted)
    included, blocked = became[AttemptOutcome.SUCCEEDED], became[AttemptOutcome.BLOCKED]
    return EcosystemCounts(
        attempted=len(attempted),
        generated=len(attempted & generated),
        validated=len(attempted & validated),
        included=included,
        excluded=len(attempted) - included - blocked,
        blocked=blocked,
        deferred=len(sources) - len(attempted),
    )


def _minutes(verdicts: Iterable[Verdict]) -> dict[RunnerClass, float]:
    """Return the minutes of each class: what the verdicts cost, with the tries that they replaced."""
    seconds: dict[RunnerClass, list[float]] = {runner: [] for runner in RunnerClass}
    for verdict in verdicts:
        seconds[runner_class(verdict.platform)] += [seconds_of(verdict), *_seconds_before(verdict)]
    return {runner: round(fsum(parts) / 60, DIGITS) for runner, parts in seconds.items()}


def _seconds_before(record: OutcomeRecord | Verdict) -> list[float]:
    return [before.seconds for before in record.earlier]


def _rounded(parts: Iterable[Iterable[float]]) -> float:
    return round(fsum(seconds for part in parts for seconds in part), DIGITS)


def _traffic(parts: Iterable[Mapping[str, Traffic]]) -> dict[str, Traffic]:
    return _added_by_name(parts, Traffic())


def _added_by_name(parts: Iterable[Mapping[str, T]], empty: T) -> dict[str, T]:
    found: defaultdict[str, list[T]] = defaultdict(list)
    for part in parts:
        for name, counts in part.items():
            found[name].append(counts)
    return {name: _added(counts, empty) for name, counts in sorted(found.items())}


def _added(parts: Iterable[T], empty: T) -> T:
    """Return structures of numbers added up, field by field."""
    columns = zip(*(msgspec.structs.astuple(part) for part in chain([empty], parts)), strict=True)
    sums = (round(sum(column), DIGITS) for column in columns)
    return type(empty)(**dict(zip(empty.__struct_fields__, sums, strict=True)))


def _sums(parts: Iterable[Mapping[K, float]]) -> dict[K, float]:
    found: defaultdict[K, list[float]] = defaultdict(list)
    for part in parts:
        for name, number in part.items():
            found[name].append(number)
    return {name: round(fsum(numbers), DIGITS) for name, numbers in found.items()}
