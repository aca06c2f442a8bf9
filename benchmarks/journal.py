"""A journal of 200,000 lines: the plan, and what reading and appending cost; limit 1.5 seconds for a plan.

Run `python -m benchmarks.journal [--lines 200000] [--rounds 5] [--json]`. The lines are those of hourly batches of ten
packages out of a queue of 5,305, up to this hour. A plan is a process of its own, from the start of Python; without an
index, as on a fresh clone, it folds every line.
"""

import compileall
import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.report import Figure, arguments, publish
from benchmarks.roots import Finished, make_root, run
from benchmarks.selection import ECOSYSTEM_SHARES, ENTRIES, make_queue
from pipeline.digests import sha256
from pipeline.instants import timestamp
from pipeline.model import Attempt, AttemptOutcome, Category, Stage, Subcategory
from pipeline.state import journal
from pipeline.store import SHIPPED, Paths

LINES = 200_000
LIMIT_SECONDS = 1.5
BATCH_SIZE = 10
PLATFORMS = ("linux-debian-glibc-x86_64", "darwin-arm64")
LINES_OF_PACKAGE = 2 + len(PLATFORMS)
PLAN = "from pipeline.cli import load_plan; load_plan()"
TAIL = "npm error could not determine executable to run; a complete log of this run is in the folder for logs. " * 2


def main(argv: Sequence[str]) -> int:
    """Write the journal, measure, print."""
    parser = arguments(__doc__)
    parser.add_argument("--lines", type=int, default=LINES, help=f"lines of the journal (default {LINES})")
    parser.add_argument("--rounds", type=int, default=5, help="how often it is measured (default 5)")
    given = parser.parse_args(argv)
    compileall.compile_dir(SHIPPED / "pipeline", quiet=2)
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        queue = make_queue(ENTRIES, ECOSYSTEM_SHARES)
        make_root(root, queue.entries)
        paths = Paths(root)
        journal.append(paths, make_lines([entry.source for entry in queue.entries], given.lines, now))
        size = sum(file.stat().st_size for file in paths.journal_folder.iterdir())
        limit = LIMIT_SECONDS if given.lines == LINES else None
        figures = [*_plans(paths, given.rounds, limit), *_parts(paths, now, given.rounds)]
    what = f"{given.lines} lines, {size / 2**20:.1f} MiB, median of {given.rounds} rounds"
    publish("journal", what, figures, json=given.json)
    return 0


def make_lines(sources: Sequence[str], count: int, now: datetime, seed: int = 1) -> Iterator[Attempt]:
    """Yield the lines of hourly batches, oldest first, the newest of this hour."""
    chance = random.Random(seed)
    batches = -(-count // (BATCH_SIZE * LINES_OF_PACKAGE))
    left = count
    for number in range(batches):
        at = now - timedelta(hours=batches - number)
        for source in chance.sample(sources, BATCH_SIZE):
            package = _lines_of_package(source, f"{at:%Y-%m-%d}-mixed-{number:05d}", timestamp(at), chance)
            yield from package[:left]
            left = max(0, left - len(package))


def _lines_of_package(source: str, batch_id: str, at: str, chance: random.Random) -> list[Attempt]:
    failed = chance.random() < 0.5
    upstream = sha256(source.encode())
    end = Attempt(
        source=source,
        batch_id=batch_id,
        stage=Stage.PAYLOAD,
        outcome=AttemptOutcome.FAILED if failed else AttemptOutcome.SUCCEEDED,
        category=Category.VERIFY_FAILED if failed else None,
        subcategory=Subcategory.VERIFY_ERROR if failed else None,
        fingerprint=sha256(upstream.encode()),
        upstream=upstream,
        message=TAIL if failed else "",
        at=at,
    )
    measured = msgspec.structs.replace(end, stage=Stage.VALIDATE, exit_code=int(failed), seconds=12.345)
    return [
        Attempt(
            source=source,
            batch_id=batch_id,
            stage=Stage.GENERATE,
            outcome=AttemptOutcome.SUCCEEDED,
            seconds=0.813,
            upstream=upstream,
            at=at,
        ),
        *(msgspec.structs.replace(measured, platform=platform) for platform in PLATFORMS),
        end,
    ]


def _plans(paths: Paths, rounds: int, limit: float | None) -> list[Figure]:
    without = [_plan(paths, index=False) for _ in range(rounds)]
    with_index = [_plan(paths, index=True) for _ in range(rounds)]
    return [
        Figure(
            name=f"plan {how}",
            value=round(statistics.median(each.wall for each in done), 3),
            unit="s",
            limit=limit,
            note=f"shortest {min(each.wall for each in done):.2f} s, processor {min(each.cpu for each in done):.2f} s",
        )
        for how, done in (("without index", without), ("with index", with_index))
    ]


def _plan(paths: Paths, *, index: bool) -> Finished:
    if not index:
        paths.journal_index.unlink(missing_ok=True)
    return run([sys.executable, "-c", PLAN], {"PIPELINE_ROOT": str(paths.root)})


def _parts(paths: Paths, now: datetime, rounds: int) -> list[Figure]:
    """Measure single calls in this process; the collector of cyclic garbage is off, as it is for a plan."""
    gc.disable()
    newest = list(journal.since(paths, now - timedelta(hours=1, seconds=1)))
    moments = iter(range(1, rounds + 1))

    def append_one_batch() -> object:
        at = timestamp(now + timedelta(seconds=next(moments)))
        return journal.append(paths, [msgspec.structs.replace(each, at=at) for each in newest])

    def fold_all() -> object:
        paths.journal_index.unlink(missing_ok=True)
        return journal.load(paths, now)

    calls: dict[str, Callable[[], object]] = {
        "fold without index": fold_all,
        "fold with index": lambda: journal.load(paths, now),
        f"append a batch of {len(newest)} lines": append_one_batch,
        "fold after it": lambda: journal.load(paths, now),
        "last 5 lines of a package": lambda: journal.of_source(paths, newest[-1].source, 5),
        "lines of a batch": lambda: journal.of_batch(paths, newest[-1].batch_id or ""),
        "lines of the last week": lambda: list(journal.since(paths, now - timedelta(days=7))),
    }
    walls: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            walls[name].append(1_000 * (time.perf_counter() - began))
    return [
        Figure(name=name, value=round(statistics.median(found), 2), unit="ms", note=f"shortest {min(found):.2f} ms")
        for name, found in walls.items()
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
