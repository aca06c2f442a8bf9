"""Packages that a person asks for again: what held them is forgotten, and they are pending once more."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from pipeline.checks import nearest, shorten
from pipeline.config import Config
from pipeline.errors import BadInput, Defect, EmptySelection, PipelineError, UnknownName
from pipeline.history.fold import NOTHING, History, PackageHistory
from pipeline.history.ledger import holders
from pipeline.instants import instant, timestamp
from pipeline.lock import alone
from pipeline.model import Attempt, AttemptOutcome, Category, EntryStatus, Queue, QueueEntry, Stage, Subcategory
from pipeline.selection.explain import unknown_source
from pipeline.selection.statuses import CANDIDATES, requeued, waits_in_doubt
from pipeline.settings import load_queue
from pipeline.source import ecosystem_of
from pipeline.state import journal, queue_file
from pipeline.state.ledger import Ledger
from pipeline.store import Paths
from pipeline.taxonomy import TAXONOMY

# What a category or an ecosystem may ask for again; a recipe that is there is asked for by its source, and so is what
# may be another entry's tool.
ASKED_IN_BULK = CANDIDATES | {EntryStatus.REQUIRES_MANUAL}


FROZEN = frozenset({Subcategory.CHANGED_BYTES})


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for again: sources, or all that a category and an ecosystem have in common ("": any)."""

    sources: Sequence[str] = ()
    category: str = ""
    ecosystem: str = ""


class Requeued(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; `in_review` are those that were left out because their pull request is open."""

    dry_run: bool
    sources: list[str]
    in_review: list[str]


def requeue(paths: Paths, config: Config, wanted: Wanted, now: datetime, *, dry_run: bool) -> Requeued:
    """Make the packages that are wanted pending again, while nobody else works on the root.

    Raises `UnknownName`, `EmptySelection` or another `PipelineError` before anything is written.
    """
    paths.build.mkdir(exist_ok=True)
    with alone(paths, now):
        queue, _ = load_queue(paths, config)
        history = journal.history(paths, now)
        held = holders(Ledger(paths).waiting())
        done = chosen(queue, history, wanted, config.ecosystems, now, held=held, dry_run=dry_run)
        if not dry_run:
            at = timestamp(now)
            # The journal first: it is what counts, and the queue repeats it.
            journal.append(paths, [_line(source, wanted, at) for source in done.sources])
            queue_file.change(paths, config, lambda known: requeued(known, frozenset(done.sources), at=at))
        return done


def chosen(
    queue: Queue,
    history: History,
    wanted: Wanted,
    ecosystems: Iterable[str],
    now: datetime,
    *,
    held: Mapping[str, str],
    dry_run: bool = False,
) -> Requeued:
    """Return which packages are asked for; raises `PipelineError` when there are none, or one may not be asked for.

    `held` names the batch that a source waits in for its merge (`history.ledger.holders`).
    """
    first = {entry.source: entry for entry in reversed(queue.entries)}
    if wanted.sources:
        if wanted.category or wanted.ecosystem:
            rule = "sources and --category or --ecosystem were given"
            raise BadInput("doit requeue", Defect(pointer="", rule=rule, remedy="give either sources or a filter"))
        found = [_named(source, first, queue, held) for source in dict.fromkeys(wanted.sources)]
        return Requeued(dry_run=dry_run, sources=[entry.source for entry in found], in_review=[])
    if not wanted.category and not wanted.ecosystem:
        remedy = "name sources, --category CATEGORY or --ecosystem ECO"
        raise BadInput("doit requeue", Defect(pointer="", rule="names no package", remedy=remedy))
    if wanted.ecosystem:
        _known("ecosystem", wanted.ecosystem, [*ecosystems, *{ecosystem_of(source) for source in first}])
    causes = causes_of(wanted.category) if wanted.category else None
    matching = [
        entry
        for entry in queue.entries
        if first[entry.source] is entry
        and (not wanted.ecosystem or ecosystem_of(entry.source) == wanted.ecosystem)
        and _waits(entry, history.get(entry.source, NOTHING), causes, now)
    ]
    sources = [entry.source for entry in matching if entry.status in ASKED_IN_BULK and not waits_in_doubt(entry)]
    in_review = [entry.source for entry in matching if entry.status is EntryStatus.IN_REVIEW]
    if not sources:
        asked = " and ".join(filter(None, (wanted.category, wanted.ecosystem)))
        also = f" ({len(in_review)} are in review)" if in_review else ""
        raise EmptySelection(
            f"no package of {shorten(asked)} is held back{also}", remedy="`doit why SOURCE` tells what holds a package"
        )
    return Requeued(dry_run=dry_run, sources=sources, in_review=in_review)


def causes_of(category: str) -> frozenset[Subcategory]:
    """Return the causes that a category stands for, or the one cause itself; raises `UnknownName`."""
    _known("category", category, [*Category, *Subcategory])
    return frozenset(cause for cause, about in TAXONOMY.items() if category in {cause.value, about.category.value})


def _named(source: str, first: dict[str, QueueEntry], queue: Queue, held: Mapping[str, str]) -> QueueEntry:
    """Return the entry of a source. One in review that no batch holds (the ledger was lost) waits for nothing."""
    entry = first.get(source)
    if entry is None:
        raise unknown_source(source, queue, "requeue")
    if entry.status is EntryStatus.IN_REVIEW and source in held:
        raise PipelineError(
            f"{source} is in review: its recipe waits in {held[source]} for the merge",
            remedy=f"merge that first, or take it back: `doit rollback --batch {held[source]} --source {source}`",
        )
    return entry


def _waits(entry: QueueEntry, known: PackageHistory, causes: frozenset[Subcategory] | None, now: datetime) -> bool:
    """Return whether something holds a package that asking again would lift, for one of some causes if given."""
    if known.frozen_at is not None and causes != FROZEN:  # only by its name, or with all that is frozen
        return False
    if causes is not None:
        cause = known.failure.subcategory if known.failure else known.last_cause
        return cause in causes
    if entry.status is not EntryStatus.PENDING or known.failure is not None or known.streak > 0 or known.blocks > 0:
        return True
    return known is NOTHING and entry.next_retry_at is not None and instant(entry.next_retry_at) > now


def _known(kind: str, asked: str, names: Iterable[str]) -> None:
    known = sorted({str(name) for name in names})
    if asked not in known:
        close = nearest(asked, known)
        remedy = f"did you mean {close}?" if close else f"use one of {', '.join(known[:10])}"
        raise UnknownName(f"there is no {kind} {shorten(asked)}", remedy=remedy)


def _line(source: str, wanted: Wanted, at: str) -> Attempt:
    by = " and ".join(filter(None, (wanted.category, wanted.ecosystem)))
    return Attempt(
        source=source,
        stage=Stage.REQUEUE,
        outcome=AttemptOutcome.REQUEUED,
        message=f"asked for again with all of {by}" if by else "asked for again by name",
        at=at,
    )
