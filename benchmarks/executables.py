"""Executables in generated recipes beside those that a real install creates: aim 100 %. Asks the real registries.

Run `python -m benchmarks.executables [--npm 45] [--pypi 35] [--skip 20] [--root DIR] [--json]`. The tools are those of
the shipped queue after the first `--skip` of each ecosystem. The pipeline generates each recipe and installs the same
version in its sandbox; what then lies in `bin` is held against the recipe. With `--root` a second run goes on from
the records of the first.
"""

import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.report import Figure, arguments, publish
from benchmarks.roots import doit, make_root, shipped_queue
from pipeline.errors import PipelineError
from pipeline.host import this_platform
from pipeline.model import Failed, Generated, Held, OutcomeRecord, QueueEntry, Skipped, Verdict
from pipeline.source import ecosystem_of
from pipeline.store import Paths, read


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One tool: what the recipe names and what the install made; `installed` is empty when there was no install."""

    source: str
    expected: frozenset[str]
    installed: frozenset[str]
    ending: str
    reason: str
    seconds: float

    @property
    def comparable(self) -> bool:
        """Whether there is a recipe and an install to compare."""
        return bool(self.expected and self.installed)


def main(argv: Sequence[str]) -> int:
    """Run the pipeline on the tools, then compare."""
    parser = arguments(__doc__)
    parser.add_argument("--npm", type=int, default=45, help="how many npm tools (default 45)")
    parser.add_argument("--pypi", type=int, default=35, help="how many PyPI tools (default 35)")
    parser.add_argument("--skip", type=int, default=20, help="leave out the first of each ecosystem (default 20)")
    parser.add_argument("--rate", type=float, default=1.0, help="requests per second to each registry (default 1)")
    parser.add_argument("--root", type=Path, help="keep the records there (default: a temporary folder)")
    given = parser.parse_args(argv)
    entries = _chosen(shipped_queue().entries, {"npm": given.npm, "pypi": given.pypi}, given.skip)
    with tempfile.TemporaryDirectory() as temporary:
        root = given.root or Path(temporary)
        make_root(root, entries)
        host = this_platform()
        if host.platform is None:
            raise PipelineError(f"nothing can be installed here: {host.reason}", remedy="run it on Linux")
        platform = host.platform.id
        rates = [f"ecosystems.{name}.requests_per_second={given.rate}" for name in ("npm", "pypi")]
        doit(root, f"validate:{platform}", f"batch.size={len(entries)}", *rates)
        compared = [_compare(Paths(root.resolve()), platform, entry.source) for entry in entries]
    publish(
        "executables",
        f"{len(entries)} tools of the shipped queue, recipe against install",
        [figure for name in ("npm", "pypi") for figure in figures_of(name, compared)],
        [line for item in compared for line in difference_lines(item)],
        json=given.json,
    )
    return 0


def _chosen(entries: Sequence[QueueEntry], counts: dict[str, int], skip: int) -> list[QueueEntry]:
    chosen: list[QueueEntry] = []
    for ecosystem, count in counts.items():
        ranked = [entry for entry in entries if ecosystem_of(entry.source) == ecosystem]
        chosen += ranked[skip : skip + count]
    return chosen


def _compare(paths: Paths, platform: str, source: str) -> Compared:
    outcome = read(paths.outcome(source), OutcomeRecord, purpose="outcome").outcome
    verdict = read(paths.verdict(platform, source), Verdict, purpose="verdict")
    match outcome:
        case Generated(recipe=recipe):
            expected, ending, reason = frozenset(recipe.executables), str(verdict.status), verdict.reason
        case Skipped(subcategory=cause, message=message) | Failed(subcategory=cause, message=message):
            expected, ending, reason = frozenset[str](), str(cause), message
        case Held(gate=gate, message=message):
            expected, ending, reason = frozenset[str](), str(gate), message
    return Compared(
        source=source,
        expected=expected,
        installed=frozenset(verdict.found_executables),
        ending=ending,
        reason=reason,
        seconds=sum(phase.wall_s for phase in verdict.phases),
    )


def difference_lines(item: Compared) -> list[str]:
    """Return one line for each difference, and for each tool that did not pass why."""
    missing, added = sorted(item.installed - item.expected), sorted(item.expected - item.installed)
    lines = []
    if item.comparable and (missing or added):
        lines.append(f"differs  {item.source}: not in the recipe {missing}, not installed {added}")
    if item.ending != "validated":
        lines.append(f"{item.ending}  {item.source} ({item.seconds:.1f} s): {item.reason}")
    return lines


def figures_of(ecosystem: str, compared: Sequence[Compared]) -> list[Figure]:
    """Return an ecosystem's share of tools whose executables are equal, and how long they took."""
    mine = [item for item in compared if ecosystem_of(item.source) == ecosystem]
    both = [item for item in mine if item.comparable]
    if not both:
        return []
    equal = sum(item.expected == item.installed for item in both)
    endings = Counter(item.ending for item in mine)
    told = ", ".join(f"{count} {ending}" for ending, count in endings.most_common())
    return [
        Figure(name=f"{ecosystem}: installed and compared", value=len(both), unit="tools", note=told),
        Figure(name=f"{ecosystem}: equal", value=100 * equal / len(both), unit="%", limit=100, at_least=True),
        Figure(
            name=f"{ecosystem}: a validation, median",
            value=round(statistics.median(item.seconds for item in both), 2),
            unit="s",
            note=f"longest {max(item.seconds for item in both):.1f} s",
        ),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
