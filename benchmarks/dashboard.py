"""The dashboard of a queue of 5,305 entries and a journal of 100,000 lines: built from nothing, and brought up to date.

Run `python -m benchmarks.dashboard [--queue FILE] [--entries 5305] [--lines 100000] [--json]`. Without a file it makes
a queue with the shares of a real one.
"""

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.report import Figure, arguments, publish
from benchmarks.roots import Finished, doit
from benchmarks.selection import ECOSYSTEM_SHARES, make_queue
from pipeline.config import to_config
from pipeline.instants import timestamp
from pipeline.model import Attempt, AttemptOutcome, Category, Queue, Stage, Subcategory
from pipeline.state.jsonl import append_lines
from pipeline.store import SHIPPED, Paths, encode, read_yaml, write_bytes

ENTRIES = 5_305
LINES = 100_000
LIMIT_SECONDS = 5.0
OVERVIEW_LIMIT_KB = 300.0
BATCH = 25
# Lines of the journal for each package of a batch.
EACH = 3


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--queue", type=Path, help="a queue of your own")
    parser.add_argument("--entries", type=int, default=ENTRIES, help=f"size of the made queue (default {ENTRIES})")
    parser.add_argument("--lines", type=int, default=LINES, help=f"lines of the journal (default {LINES})")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder))
        sources = _queue(paths, given.queue, given.entries)
        batches = list(_batches(sources, given.lines))
        for batch in batches[:-1]:
            append_lines(paths.journal_folder / f"{batch[0].at[:7]}.jsonl", batch)
        doit(paths.root, "dashboard")
        # Put aside, not removed: a run soon after thousands of files were removed took longer; see docs/benchmarks.md.
        paths.build.rename(paths.root / "warmed")
        nothing = doit(paths.root, "dashboard")
        same = doit(paths.root, "dashboard")
        append_lines(paths.journal_folder / f"{batches[-1][0].at[:7]}.jsonl", batches[-1])
        more = doit(paths.root, "dashboard")
        # With all that it loads, but for the vendored bundle in a folder of its own.
        loaded = [paths.site / "index.html", *(file for file in (paths.site / "assets").iterdir() if file.is_file())]
        overview = sum(file.stat().st_size for file in loaded) / 1000
    what = f"{len(sources)} entries of a {'given' if given.queue else 'made'} queue, {given.lines} lines of the journal"
    figures = [
        _figure("from nothing", nothing, LIMIT_SECONDS),
        _figure("nothing changed", same),
        _figure("one batch more", more),
        Figure(name="the overview with its assets", value=round(overview, 1), unit="kB", limit=OVERVIEW_LIMIT_KB),
    ]
    publish("dashboard", what, figures, json=given.json)
    return 0


def _figure(name: str, run: Finished, limit: float | None = None) -> Figure:
    return Figure(
        name=name,
        value=round(run.wall, 2),
        unit="s",
        limit=limit,
        note=f"processor {run.cpu:.2f} s, {run.peak_mib:.0f} MiB",
    )


def _queue(paths: Paths, file: Path | None, entries: int) -> list[str]:
    """Write the queue where the shipped configuration looks for it, and return its sources."""
    content = file.read_bytes() if file else encode(make_queue(entries, ECOSYSTEM_SHARES))
    write_bytes(paths.root / to_config(read_yaml(SHIPPED / "pipeline.yaml")).queue, content)
    return [entry.source for entry in msgspec.json.decode(content, type=Queue).entries]


def _batches(sources: Sequence[str], lines: int) -> Iterator[list[Attempt]]:
    """Yield the lines of each batch, one every 20 minutes up to now: half of the packages fail."""
    chance = random.Random(1)
    count = max(2, lines // (BATCH * EACH))
    began = datetime.now(UTC) - timedelta(minutes=20 * count)
    for number in range(count):
        at = timestamp(began + timedelta(minutes=20 * number))
        chosen = chance.sample(sources, min(BATCH, len(sources)))
        yield [line for source in chosen for line in _lines(source, at, f"{at[:10]}-mixed-{number:04d}", chance)]


def _lines(source: str, at: str, batch_id: str, chance: random.Random) -> list[Attempt]:
    made = Attempt(source=source, batch_id=batch_id, stage=Stage.GENERATE, outcome=AttemptOutcome.SUCCEEDED, at=at)
    good = chance.random() < 0.5
    ran = Attempt(
        source=source,
        batch_id=batch_id,
        stage=Stage.VALIDATE,
        platform="linux-debian-glibc-x86_64",
        outcome=AttemptOutcome.SUCCEEDED if good else AttemptOutcome.FAILED,
        category=None if good else Category.VERIFY_FAILED,
        subcategory=None if good else Subcategory.VERIFY_ERROR,
        message="" if good else "the command ended with exit code 1 and printed no version " * 3,
        seconds=3.5,
        at=at,
    )
    return [made, ran, msgspec.structs.replace(ran, stage=Stage.PAYLOAD, platform="", seconds=0)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
