"""Measures how much of each ecosystem the pipeline covers, and writes docs/coverage.md. Asks the real registries.

Run `python -m benchmarks.coverage [ECOSYSTEM ...] --root DIR [--set KEY=VALUE ...] [--read] [--json]`. The packages
are those of `benchmarks/covered/packages.txt`. Each ecosystem has a root of its own below `--root`, in which doit
generates and validates as a user's would; a second run goes on from the records of the first. Only what was named is
measured anew, the rest of the page stands. `--set` passes settings on to doit, and the page names them; `--read` runs
nothing, but reads the records; without a `--root`, the page is rendered from what was measured before.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.covered import records
from benchmarks.covered.page import render
from benchmarks.covered.records import Kept, Measured
from benchmarks.report import Figure, arguments, publish
from benchmarks.roots import doit, make_root, shipped_queue
from pipeline.decoding import decode_json
from pipeline.errors import PipelineError
from pipeline.host import this_platform
from pipeline.model import QueueEntry
from pipeline.source import ecosystem_of
from pipeline.store import SHIPPED, Paths, encode, write_bytes

PAGE = SHIPPED / "docs" / "coverage.md"
# What waits for a release to grow older, or for a person's answer, says nothing of what can be made.
GATES_THAT_REPORT = (
    "gates.release_age.min_hours=0",
    "gates.release_age.unknown=report",
    *(
        f"gates.{gate}=report"
        for gate in ("name_confusion", "unknown_license", "install_scripts", "common_command", "taken_executable")
    ),
)


def main(argv: Sequence[str]) -> int:
    """Measure what was named, keep it, and write the page."""
    parser = arguments(__doc__)
    parser.add_argument("ecosystems", nargs="*", help="measure only these (default: all of the list)")
    parser.add_argument("--root", type=Path, help="where the records are kept; without it nothing is measured")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as for doit")
    parser.add_argument("--read", action="store_true", help="read the records that are there, run nothing")
    given = parser.parse_args(argv)
    names = {entry.source: entry.name for entry in shipped_queue().entries}
    entries = records.listed(records.PACKAGES.read_text("utf-8"), names)
    known = {one.ecosystem: one for one in kept()}
    ecosystems = list(dict.fromkeys(ecosystem_of(entry.source) for entry in entries))
    if unknown := sorted(set(given.ecosystems) - set(ecosystems)):
        raise PipelineError(f"no package of {unknown[0]!r} is listed", remedy=f"use {', '.join(ecosystems)}")
    for ecosystem in (given.ecosystems or ecosystems) if given.root else ():
        chosen = [entry for entry in entries if ecosystem_of(entry.source) == ecosystem]
        known[ecosystem] = _measure(given.root.resolve() / ecosystem, chosen, given.set, run=not given.read)
    results = [known[ecosystem] for ecosystem in ecosystems if ecosystem in known]
    write_bytes(records.MEASURED, encode(Kept(results=results)))
    notes = records.findings(records.FINDINGS.read_text("utf-8"))
    write_bytes(PAGE, render(results, notes, ecosystems).encode())
    publish(
        "coverage", f"{len(entries)} packages", [one for result in results for one in _figures(result)], json=given.json
    )
    return 0


def kept() -> list[Measured]:
    """Return what was measured before."""
    path = records.MEASURED
    return decode_json(path.read_bytes(), Kept).results if path.exists() else []


def _measure(root: Path, entries: list[QueueEntry], settings: Sequence[str], *, run: bool) -> Measured:
    """Have doit generate and validate these packages, and return what its records say."""
    host = this_platform()
    if host.platform is None:
        raise PipelineError(f"nothing can be installed here: {host.reason}", remedy="run it on Linux")
    platform = host.platform.id
    if run:
        make_root(root, entries)
        doit(root, f"validate:{platform}", f"batch.size={len(entries)}", *GATES_THAT_REPORT, *settings)
    ecosystem = ecosystem_of(entries[0].source)
    return records.measured(Paths(root), ecosystem, platform, [entry.source for entry in entries], settings)


def _figures(result: Measured) -> list[Figure]:
    made = [row for row in result.rows if row.executables]
    both = [row for row in made if row.installed]
    passed = sum(row.validated for row in result.rows)
    equal = sum(row.executables == row.installed for row in both)
    shares = [
        Figure(name=f"{result.ecosystem}: recipe made", value=len(made), unit="", note=f"of {len(result.rows)}"),
        Figure(name=f"{result.ecosystem}: validated", value=passed, unit="", note=f"of {len(result.rows)}"),
    ]
    if both:
        share = Figure(
            name=f"{result.ecosystem}: executables equal",
            value=100 * equal / len(both),
            unit="%",
            limit=100,
            at_least=True,
        )
        shares.append(share)
    return shares


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
