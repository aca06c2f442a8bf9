"""What `build/` holds of one package: the records of its stages, and what they come to in a line each."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from pipeline.checks import shorten
from pipeline.model import (
    ConstraintsRecord,
    Failed,
    Generated,
    Held,
    Outcome,
    OutcomeRecord,
    Selected,
    Skipped,
    Verdict,
)
from pipeline.store import Paths, read_result
from pipeline.text import one_line

# Characters of a message: its point, on a line or two.
MESSAGE_WIDTH = 160


class PackageRecords(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one package, as far as they are there."""

    outcome: OutcomeRecord | None = None
    verdicts: tuple[Verdict, ...] = ()
    merged: ConstraintsRecord | None = None


def read_outcome(paths: Paths, source: str) -> OutcomeRecord | None:
    """Return the record of what was generated last, from whichever batch."""
    record = read_result(paths.outcome(source), OutcomeRecord)
    return record if record is not None and record.source == source else None


def read_records(paths: Paths, source: str, platforms: Sequence[str]) -> PackageRecords:
    """Return all records of a package; verdicts in the order of the platforms."""
    found = (read_result(paths.verdict(platform, source), Verdict) for platform in platforms)
    merged = read_result(paths.constraints(source), ConstraintsRecord)
    return PackageRecords(
        outcome=read_outcome(paths, source),
        verdicts=tuple(verdict for verdict in found if verdict is not None and verdict.source == source),
        merged=merged if merged is not None and merged.source == source else None,
    )


def result_lines(records: PackageRecords, chosen: Selected) -> list[str]:
    """Return what the records say of a package of the batch, a line for each stage that it has reached."""
    outcome = records.outcome
    if outcome is None or (chosen.after is not None and outcome.at <= chosen.after):
        return ["nothing so far"]
    lines = [f"generate   {outcome.at}  {_outcome_words(outcome.outcome)}"]
    counts = Counter(verdict.status for verdict in records.verdicts)
    if counts:
        lines.append(f"validate   {', '.join(f'{status} {count}' for status, count in sorted(counts.items()))}")
    if records.merged is not None:
        lines.append(f"constrain  {records.merged.exclusion or 'its recipe may be in the pull request'}")
    return lines


def _outcome_words(outcome: Outcome) -> str:
    match outcome:
        case Generated(evidence=evidence):
            return f"generated from {evidence.version or 'a version that is not known'}"
        case Skipped(subcategory=subcategory, message=message):
            return f"skipped {subcategory}: {shorten(one_line(message), MESSAGE_WIDTH)}"
        case Failed(subcategory=subcategory, message=message):
            return f"failed {subcategory}: {shorten(one_line(message), MESSAGE_WIDTH)}"
        case Held(gate=gate, message=message):
            return f"held {gate}: {shorten(one_line(message), MESSAGE_WIDTH)}"
