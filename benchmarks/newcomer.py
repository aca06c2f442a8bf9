"""A newcomer's first run: a bare `doit` on the shipped queue in a fresh root, and where its time goes.

Run `python -m benchmarks.newcomer [--size 40] [--root DIR] [--json]`. Asks the real registries and installs for real.
The goal is a minute; the registries' rate alone takes half of it for 40 packages at one request a second.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.report import Figure, arguments, publish
from benchmarks.roots import doit, make_root, shipped_queue
from pipeline.host import this_platform
from pipeline.model import Batch, OutcomeRecord, Payload, StaticRecord, Verdict
from pipeline.store import Paths, read

# /proc/stat, first line: user, nice, system, idle, iowait, irq, softirq, steal, ... in ticks of all cores.
IDLE_COLUMNS = (3, 4)
KNOWN_COLUMNS = 8


def main(argv: Sequence[str]) -> int:
    """Run it once and print."""
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=40, help="packages (default 40)")
    parser.add_argument("--root", type=Path, help="a fresh folder, which is kept (default: a temporary one)")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        root = (given.root or Path(temporary)).resolve()
        make_root(root, shipped_queue().entries)
        before = _ticks()
        done = doit(root, f"batch.size={given.size}")
        after = _ticks()
        paths = Paths(root)
        payload = read(paths.payload, Payload, purpose="payload")
        sources = [entry.source for entry in read(paths.batch, Batch, purpose="batch").selected]
        generated, slowest = _generation(paths, sources)
        lines = _where_time_goes(paths, sources)
    busy = 100 * (after[0] - before[0]) / max(1, after[1] - before[1])
    figures = [
        Figure(name="doit, from its start to the payload", value=round(done.wall, 1), unit="s"),
        Figure(name="recipes in the payload", value=len(payload.included), unit="", note=f"of {len(sources)} packages"),
        Figure(name="from the first outcome to the last", value=round(generated, 1), unit="s", note=slowest),
        Figure(
            name="processor time of the run",
            value=round(done.cpu, 1),
            unit="s",
            note="its sandboxes mostly not included",
        ),
        Figure(name="all cores busy, other programs included", value=round(busy, 1), unit="%"),
    ]
    publish("newcomer", f"{given.size} packages in a fresh root", figures, lines, json=given.json)
    return 0


def _ticks() -> tuple[int, int]:
    """Return how long the cores were busy and how long there were, in ticks since the machine started."""
    columns = [int(word) for word in Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()[1:]]
    total = sum(columns[:KNOWN_COLUMNS])
    return total - sum(columns[at] for at in IDLE_COLUMNS), total


def _generation(paths: Paths, sources: Sequence[str]) -> tuple[float, str]:
    """Return the seconds over which outcomes came in, and what the slowest one took."""
    records = [read(paths.outcome(source), OutcomeRecord, purpose="outcome") for source in sources]
    moments = [datetime.fromisoformat(record.at) for record in records]
    slowest = max(records, key=lambda record: record.seconds)
    note = f"longest {slowest.source}, {slowest.seconds:.1f} s with its wait for the rate"
    return (max(moments) - min(moments)).total_seconds(), note


def _where_time_goes(paths: Paths, sources: Sequence[str]) -> list[str]:
    """Return one line for each kind of phase: how many, and their wall time in sum."""
    walls: dict[str, list[float]] = defaultdict(list)
    for source in sources:
        walls["predictions"].append(read(paths.static(source), StaticRecord, purpose="prediction").seconds)
        host = this_platform().platform
        verdict = read(paths.verdict(host.id, source), Verdict, purpose="verdict") if host else None
        for phase in verdict.phases if verdict else []:
            walls[phase.name].append(phase.wall_s)
    return [
        f"{name:<12} {len(times):4} x  {sum(times):7.1f} s in sum, longest {max(times):.1f} s"
        for name, times in walls.items()
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
