"""All that the dashboard tells of is read here, once: state, settings, the records of the batch under way."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline.alarms.course import overview
from pipeline.alarms.facts import facts_of
from pipeline.alarms.predicates import ringing
from pipeline.build_records import read_outcome, read_records
from pipeline.config import Config, Runner
from pipeline.dashboard.facts import Facts
from pipeline.model import (
    Attempt,
    Batch,
    OutcomeRecord,
    Payload,
    PullRequestOrder,
)
from pipeline.plan import read_inputs, situation, under_way
from pipeline.selection.batch import select
from pipeline.state import alarms, journal, metrics
from pipeline.state.ledger import Ledger
from pipeline.store import Paths, is_there, read_bytes, read_result, recipe_texts

BEGINNING = datetime.min.replace(tzinfo=UTC)


def read_facts(paths: Paths, config: Config, revisions: Mapping[str, int], now: datetime) -> Facts:
    """Read everything; raises `PipelineError` when what a person wrote cannot be used.

    `revisions` are those of the ecosystems' modules.
    """
    inputs = read_inputs(paths, config, revisions)
    known = situation(paths, config, inputs.control, inputs.queue, revisions, now)
    platforms = [name for name, platform in config.platforms.items() if platform.runner is not Runner.NONE]
    ledger = Ledger(paths)
    frozen = read_result(paths.batch, Batch)
    chosen = [one.source for one in frozen.selected] if frozen is not None else []
    payload = read_result(paths.payload, Payload)
    batches = metrics.read(paths)
    judged = facts_of(
        config,
        now,
        batches=batches,
        entries=inputs.queue.entries,
        waiting=ledger.waiting(),
        history=known.history,
        control=inputs.control,
    )
    told = overview(alarms.read(paths), ringing(judged), now)
    return Facts(
        situation=known,
        selection=select(known),
        platforms=platforms,
        attempts=_attempts(paths),
        damaged=journal.load(paths, now).damaged,
        ledger={batch_id: lines for batch_id in ledger.ids if (lines := ledger.lines(batch_id))},
        metrics=batches,
        alarms=told.ringing,
        cleared=told.cleared,
        orders=_orders(paths),
        recipes=dict(recipe_texts(paths)),
        frozen=frozen,
        stands=under_way(paths, inputs) is not None,
        records={source: read_records(paths, source, platforms) for source in chosen},
        outcomes=_outcomes(paths, [entry.source for entry in inputs.queue.entries], frozenset(chosen)),
        drafts={
            source: text
            for source in chosen
            if (text := _text(Path(paths.merged(source))) or _text(Path(paths.draft(source))))
        },
        payload=payload,
        body=_text(paths.body) if payload is not None else "",
    )


def _attempts(paths: Paths) -> Mapping[str, Sequence[Attempt]]:
    """Return all lines of the journal by source."""
    found: defaultdict[str, list[Attempt]] = defaultdict(list)
    for line in journal.since(paths, BEGINNING):
        found[line.source].append(line)
    return found


def _orders(paths: Paths) -> dict[str, PullRequestOrder]:
    found = (read_result(path, PullRequestOrder) for path in sorted(paths.pull_requests_folder.glob("*.json")))
    return {order.batch_id: order for order in found if order is not None}


def _outcomes(paths: Paths, sources: Sequence[str], beside: frozenset[str]) -> dict[str, OutcomeRecord]:
    """Return what was generated last of those sources that still have a record; a look at the folders tells which."""
    asked = {paths.outcome(source): source for source in sources if source not in beside}
    folders = {place.rpartition("/")[0] for place in asked}
    there = {f"{folder}/{name}" for folder in folders for name in _names(folder)}
    found = {asked[place]: read_outcome(paths, asked[place]) for place in sorted(there & asked.keys())}
    return {source: record for source, record in found.items() if record is not None}


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # thousands of names are compared, and no paths needed
    except FileNotFoundError:
        return []


def _text(path: Path) -> str:
    """Return the text of a file of `build/`, "" when there is none; bad UTF-8 is replaced."""
    return read_bytes(path, purpose="result").decode(errors="replace") if is_there(path) else ""
