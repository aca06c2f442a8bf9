"""The numbers at the end of a run, read from the records: one row for each ecosystem and each platform. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from pipeline.model import (
    Batch,
    ConstraintsRecord,
    Excluded,
    Failed,
    Generated,
    Held,
    OutcomeRecord,
    Payload,
    Skipped,
    VerdictStatus,
)
from pipeline.payload import platform_counts
from pipeline.source import ecosystem_of


def held_back(batch: Batch) -> str:
    """Return how many entries each gate keeps out of a batch, for a sentence."""
    counts: Counter[str] = Counter()
    for item in batch.left_out:  # one gate may have held entries for several reasons
        counts[item.gate] += item.count
    return ", ".join(f"{gate} {count}" for gate, count in counts.items()) or "the queue has no entries"


class EcosystemRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one ecosystem's packages."""

    ecosystem: str
    selected: int
    generated: int
    skipped: int
    failed: int
    held: int
    included: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One batch, in numbers. While the pull request is not written, nothing is included and nothing left out."""

    batch_id: str
    ecosystems: list[EcosystemRow]
    platforms: dict[str, dict[VerdictStatus, int]]
    not_included: list[Excluded]
    included: int
    auto_merge_allowed: bool
    auto_merge_reasons: list[str]


def summarise(
    batch: Batch,
    outcomes: Mapping[str, OutcomeRecord],
    records: Sequence[ConstraintsRecord],
    payload: Payload | None,
) -> Summary:
    """Count what the records say; packages without a record are counted as selected only."""
    included = set(payload.included) if payload else set()
    return Summary(
        batch_id=batch.id,
        ecosystems=[
            _row(
                ecosystem, [s.source for s in batch.selected if ecosystem_of(s.source) == ecosystem], outcomes, included
            )
            for ecosystem in dict.fromkeys(ecosystem_of(entry.source) for entry in batch.selected)
        ],
        platforms=platform_counts(records),
        not_included=payload.excluded if payload else [],
        included=len(included),
        auto_merge_allowed=payload.auto_merge.allowed if payload else False,
        auto_merge_reasons=payload.auto_merge.reasons if payload else [],
    )


def _row(
    ecosystem: str, sources: Sequence[str], outcomes: Mapping[str, OutcomeRecord], included: set[str]
) -> EcosystemRow:
    kinds = Counter(type(outcomes[source].outcome) for source in sources if source in outcomes)
    return EcosystemRow(
        ecosystem=ecosystem,
        selected=len(sources),
        generated=kinds[Generated],
        skipped=kinds[Skipped],
        failed=kinds[Failed],
        held=kinds[Held],
        included=sum(source in included for source in sources),
    )
