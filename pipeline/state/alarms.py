"""The alarms on disk, `data/alarms.jsonl`: the facts that they are judged by, and the lines that tell of them."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from pipeline.alarms.course import news
from pipeline.alarms.facts import Facts, facts_of
from pipeline.config import Config
from pipeline.history.fold import History
from pipeline.model import AlarmRecord, QueueEntry
from pipeline.settings import load_control, load_queue
from pipeline.state import metrics
from pipeline.state.jsonl import append_lines, read_lines
from pipeline.state.ledger import Ledger
from pipeline.store import Paths, is_there


def facts(paths: Paths, config: Config, now: datetime, history: History) -> Facts:
    """Return how a root stands now; it may have no queue yet. Raises `PipelineError` when a file cannot be read."""
    return facts_of(
        config,
        now,
        batches=metrics.read(paths),
        entries=queued(paths, config),
        waiting=Ledger(paths).waiting(),
        history=history,
        control=load_control(paths, config.ecosystems),
    )


def queued(paths: Paths, config: Config) -> list[QueueEntry]:
    """Return the entries of the queue, none where there is no queue yet."""
    there = is_there(paths.root / config.queue)
    return load_queue(paths, config)[0].entries if there else []


def read(paths: Paths) -> list[AlarmRecord]:
    """Return all lines in the order of the file; one that cannot be read is left out."""
    return list(read_lines(paths.alarms, AlarmRecord))


def record(paths: Paths, rings: Iterable[AlarmRecord], now: datetime) -> list[AlarmRecord]:
    """Append what has begun to ring or has ended since the last line, and return it: repeating it adds nothing.

    The caller holds the root's lock.
    """
    new = news(read(paths), rings, now)
    append_lines(paths.alarms, new)
    return new


def note_told(paths: Paths, delivered: Iterable[AlarmRecord]) -> None:
    """Append that the webhook has taken some lines; the caller holds the root's lock."""
    append_lines(paths.alarms, [msgspec.structs.replace(alarm, told=True) for alarm in delivered])
