"""1,710 hourly runs in a minute: the real selection, breakers, retries, journal and publication in a made-up world.

Run `python -m benchmarks.long_run --queue FILE --outcomes FILE [--runs 1710] [--batch-size 10] [--seed 1]
[--keep-statuses] [--json]`. `--outcomes` is the truth table: one JSON object a line, with what happens to each source
of the queue whenever it is tried. Only clock, registries, sandbox and the people who merge are simulated; all state is
read from and written to a temporary root. It exits with 1 when an aim is missed, with 2 when it cannot begin.
"""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.report import arguments, publish
from benchmarks.simulation.account import FIELD_RUNS, Account, account, figures, lines
from benchmarks.simulation.events import draw
from benchmarks.simulation.hours import Simulation, first_of_each
from benchmarks.simulation.truth import Truth, check_covers, read_truth
from pipeline.errors import PipelineError
from pipeline.model import EntryStatus, Queue
from pipeline.store import read

BATCH_SIZE = 10
# Files in memory: how fast a disk is, is not what is measured here.
MEMORY = Path("/dev/shm")  # noqa: S108  # a private folder is made in it


def main(argv: Sequence[str]) -> int:
    """Simulate and print."""
    parser = arguments(__doc__)
    parser.add_argument("--queue", type=Path, help="the queue to work on")
    parser.add_argument("--outcomes", type=Path, help="the truth table of its sources")
    parser.add_argument("--runs", type=int, default=FIELD_RUNS, help=f"simulated hours (default {FIELD_RUNS})")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE, help=f"packages a run (default {BATCH_SIZE})")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another course of events (default 1)")
    parser.add_argument("--keep-statuses", action="store_true", help="begin with the queue's statuses as they stand")
    given = parser.parse_args(argv)
    if given.queue is None or given.outcomes is None:
        print("long_run: --queue FILE and --outcomes FILE are needed; --help says what they hold", file=sys.stderr)
        return 2
    try:
        table = read_truth(given.outcomes)
        queue = read(given.queue, Queue, purpose="queue")
        check_covers(table, queue, given.outcomes)
    except PipelineError as error:
        print(f"long_run: {error.line()}", file=sys.stderr)
        return 2
    if not given.keep_statuses:
        queue = from_the_beginning(queue)
    result = simulate(queue, table, given.runs, given.batch_size, given.seed)
    found = figures(result)
    what = (
        f"{result.runs} hourly runs of {result.batch_size} packages, {len(queue.entries)} entries, seed {result.seed}"
    )
    publish("long_run", what, found, lines(result), json=given.json, more=result)
    return 0 if all(figure.holds for figure in found) else 1


def simulate(queue: Queue, table: Mapping[str, Truth], runs: int, batch_size: int, seed: int) -> Account:
    """Return what comes of a queue in so many hours."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as root:
        events = draw(first_of_each(queue.entries), runs, seed)
        simulation = Simulation(Path(root), queue, table, events, batch_size)
        for hour in range(runs):
            simulation.hour(hour)
        return account(simulation, queue, table, runs, batch_size, time.perf_counter() - began)


def from_the_beginning(queue: Queue) -> Queue:
    """Return the queue as if nothing had been tried yet; what was excluded stays so."""
    entries = [
        entry
        if entry.status is EntryStatus.EXCLUDED
        else msgspec.structs.replace(
            entry, status=EntryStatus.PENDING, failure_count=0, next_retry_at=None, blocked_by=[]
        )
        for entry in queue.entries
    ]
    return msgspec.structs.replace(queue, entries=entries)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
