"""From the queue's file to a batch: load, check and select 5,305 entries; and the import of the plan.

Run `python -m benchmarks.selection [--queue FILE] [--entries 5305] [--rounds 9] [--json]`. Without a file it makes a
queue with the shares of a real one (ecosystems, statuses, retries). Beside it stands jsonschema, checking the same
bytes against the same published schema.
"""

import compileall
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import jsonschema
import msgspec

from benchmarks.report import Figure, arguments, publish
from benchmarks.roots import run
from pipeline.config import Config, to_config
from pipeline.contract import json_schema
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.model import Confidence, Control, EntryStatus, Queue, QueueEntry
from pipeline.selection.batch import select
from pipeline.selection.situation import Situation
from pipeline.settings import load_queue
from pipeline.store import SHIPPED, Paths, encode, read_yaml, write_bytes

ENTRIES = 5_305
ROUNDS = 9
LIMIT_MS = 100.0
IMPORT_LIMIT_SECONDS = 0.5
NOW = datetime(2026, 3, 2, tzinfo=UTC)
# The shares of a real queue of 5,305 entries, in entries.
ECOSYSTEM_SHARES = {
    "homebrew": 4883,
    "github": 111,
    "cargo": 108,
    "rubygems": 89,
    "npm": 75,
    "manual": 19,
    "go": 8,
    "pypi": 7,
    "cpan": 4,
}
STATUS_SHARES = {
    EntryStatus.PENDING: 3903,
    EntryStatus.SUCCESS: 1374,
    EntryStatus.BLOCKED: 22,
    EntryStatus.EXCLUDED: 6,
}
PRIORITY_SHARES = {3: 5260, 2: 27, 1: 18}
RETRY_SHARE = 167 / 5_305


class Parts(NamedTuple):
    """Milliseconds of one round."""

    load: float
    select: float
    chosen: int


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--queue", type=Path, help="a queue of your own")
    parser.add_argument("--entries", type=int, default=ENTRIES, help=f"size of the made queue (default {ENTRIES})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often it is measured (default {ROUNDS})")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        file = given.queue or _written(Path(folder), given.entries)
        config = msgspec.structs.replace(to_config(read_yaml(SHIPPED / "pipeline.yaml")), queue=file.name)
        paths = Paths(file.resolve().parent)
        queue, _ = load_queue(paths, config)
        rounds = [_round(paths, config) for _ in range(given.rounds)]
        peer = _peer_ms(file)
    total = statistics.median(each.load + each.select for each in rounds)
    kind = "given" if given.queue else "made"
    what = f"{len(queue.entries)} entries of a {kind} queue, median of {given.rounds} rounds"
    figures = [
        Figure(name="load and check", value=round(statistics.median(each.load for each in rounds), 2), unit="ms"),
        Figure(
            name="select",
            value=round(statistics.median(each.select for each in rounds), 2),
            unit="ms",
            note=f"{rounds[0].chosen} chosen",
        ),
        Figure(
            name="load, check, select",
            value=round(total, 2),
            unit="ms",
            limit=LIMIT_MS,
            note=f"shortest {min(each.load + each.select for each in rounds):.1f} ms",
        ),
        Figure(
            name="peer: jsonschema checks the queue", value=round(peer, 1), unit="ms", note="once, parsing included"
        ),
        _import_figure(given.rounds),
    ]
    publish("selection", what, figures, json=given.json)
    return 0


def make_queue(entries: int, shares: Mapping[str, int], seed: int = 1) -> Queue:
    """Return a queue of so many entries with these shares of ecosystems; the same one for the same seed."""
    chance = random.Random(seed)
    sources = chance.choices(list(shares), list(shares.values()), k=entries)
    return Queue(
        schema_version=1,
        updated_at="2026-03-01T00:00:00Z",
        entries=[_entry(number, ecosystem, chance) for number, ecosystem in enumerate(sources)],
    )


def _entry(number: int, ecosystem: str, chance: random.Random) -> QueueEntry:
    (status,) = chance.choices(list(STATUS_SHARES), list(STATUS_SHARES.values()))
    (priority,) = chance.choices(list(PRIORITY_SHARES), list(PRIORITY_SHARES.values()))
    waits = chance.random() < RETRY_SHARE
    return QueueEntry(
        name=f"tool-{number}",
        source=f"{ecosystem}:tool-{number}",
        priority=priority,
        status=status,
        confidence=Confidence.AUTO,
        disambiguated_at="2026-02-17T00:10:01.867521792Z",
        failure_count=chance.randint(1, 20) if waits else 0,
        next_retry_at="2026-04-01T00:00:00Z" if waits else None,
    )


def _written(folder: Path, entries: int) -> Path:
    file = folder / "queue.json"
    write_bytes(file, encode(make_queue(entries, ECOSYSTEM_SHARES)))
    return file


def _round(paths: Paths, config: Config) -> Parts:
    began = time.perf_counter()
    queue, _ = load_queue(paths, config)
    loaded = time.perf_counter()
    situation = Situation(
        queue=queue, now=NOW, control=Control(), config=config, generators=frozenset(ECOSYSTEMS), revisions={}
    )
    selection = select(situation)
    ended = time.perf_counter()
    return Parts(load=(loaded - began) * 1_000, select=(ended - loaded) * 1_000, chosen=len(selection.selected))


def _peer_ms(file: Path) -> float:
    validator = jsonschema.Draft202012Validator(json_schema(Queue))
    began = time.perf_counter()
    validator.validate(msgspec.json.decode(file.read_bytes()))
    return (time.perf_counter() - began) * 1_000


def _import_figure(count: int) -> Figure:
    """Return the median wall time of a fresh interpreter that imports the plan and ends."""
    compileall.compile_dir(SHIPPED / "pipeline", quiet=2)
    rounds = [run([sys.executable, "-c", "import pipeline.plan"], {}) for _ in range(count)]
    return Figure(
        name="import of the plan",
        value=round(statistics.median(each.wall for each in rounds), 3),
        unit="s",
        limit=IMPORT_LIMIT_SECONDS,
        note=f"shortest {min(each.wall for each in rounds):.2f} s, processor {min(each.cpu for each in rounds):.2f} s",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
