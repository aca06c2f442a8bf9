"""A `doit` that has nothing to do: 1,000 packages on 11 platforms, limit 1.5 seconds.

Run `python -m benchmarks.noop [--packages 1000] [--rounds 5] [--json]`. Each package gets the records that a registry
and a sandbox would have led to, so the first `doit`, which is not measured, makes the rest without a request. Each
round is a process of its own, from the start of Python to its end.
"""

import compileall
import statistics
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import Figure, arguments, publish
from benchmarks.roots import doit, make_root
from benchmarks.selection import make_queue
from pipeline.digests import sha256
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.host import this_platform
from pipeline.model import (
    Artifact,
    BackendInfo,
    Evidence,
    FieldEvidence,
    Generated,
    Input,
    License,
    Origin,
    OutcomeRecord,
    PhaseResult,
    Prediction,
    Recipe,
    StaticRecord,
    Step,
    Tier,
    Verdict,
    VerdictStatus,
    Verify,
    WorkOrder,
)
from pipeline.plan import Plan, load
from pipeline.recipe import render
from pipeline.run import Run, begin
from pipeline.source import ecosystem_of, identifier_of
from pipeline.store import Paths, write, write_bytes

PACKAGES = 1_000
LIMIT_SECONDS = 1.5
AT = "2026-03-02T00:00:00Z"
PAGES = ("tool", "tool-1.2.3.tgz")
ACTIONS = {"npm": ("npm_install", "package"), "pypi": ("pipx_install", "package")}


def main(argv: Sequence[str]) -> int:
    """Make the root, run `doit` until nothing is left, measure."""
    parser = arguments(__doc__)
    parser.add_argument("--packages", type=int, default=PACKAGES, help=f"how many (default {PACKAGES})")
    parser.add_argument("--rounds", type=int, default=5, help="how often it is measured (default 5)")
    given = parser.parse_args(argv)
    compileall.compile_path(quiet=2, skip_curdir=False)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        platforms = make_records(root, given.packages)
        first = doit(root)
        rounds = [doit(root) for _ in range(given.rounds)]
    if not all(each.output.startswith("Nothing to do: ") for each in rounds):
        raise AssertionError(f"doit found something to do:\n{rounds[0].output}")
    walls = [each.wall for each in rounds]
    limit = LIMIT_SECONDS if given.packages == PACKAGES else None
    figures = [
        Figure(
            name="doit with nothing to do",
            value=round(statistics.median(walls), 3),
            unit="s",
            limit=limit,
            note=f"shortest {min(walls):.2f} s, longest {max(walls):.2f} s",
        ),
        Figure(name="processor time of it", value=round(min(each.cpu for each in rounds), 3), unit="s"),
        Figure(name="largest memory", value=round(max(each.peak_mib for each in rounds), 1), unit="MiB"),
        Figure(name="the run before: verdicts, recipes, payload", value=round(first.wall, 1), unit="s"),
    ]
    what = f"{given.packages} packages x {platforms} platforms, median of {given.rounds} rounds"
    publish("noop", what, figures, json=given.json)
    return 0


def make_records(root: Path, packages: int) -> int:
    """Write a queue, and for each package what only a registry and a sandbox can say; return how many platforms."""
    make_root(root, make_queue(packages, {"npm": 1, "pypi": 1}).entries)
    write_bytes(root / "pipeline.yaml", f"batch: {{size: {packages}}}\n".encode())
    plan = load(
        Paths(root),
        overrides=[],
        revisions={name: module.REVISION for name, module in ECOSYSTEMS.items()},
        host=this_platform(),
        now=datetime.now(UTC),
    )
    run = begin(plan, {})
    for order in plan.orders:
        _write_package(plan, run, order)
    return len(plan.platforms)


def _write_package(plan: Plan, run: Run, order: WorkOrder) -> None:
    source, paths = order.source, plan.paths
    outcome, text = _outcome(order)
    write_bytes(paths.draft(source), text.encode())
    made_from = plan.generate_digest(order)
    write(
        paths.outcome(source),
        OutcomeRecord(
            source=source,
            name=order.name,
            made_from=made_from,
            at=AT,
            seconds=1,
            outcome=outcome,
            registry="https://registry.example",
            started_at=AT,
            inputs=[Input(url=f"https://registry.example/{page}", status=200, sha256="0" * 64) for page in PAGES],
        ),
    )
    write(
        paths.static(source),
        StaticRecord(
            source=source,
            recipe_sha256=outcome.recipe_sha256,
            made_from=run.validation.static_digest(source, outcome),
            final=True,
            predictions=[Prediction(platform=each.id, status="predicted_pass", reason="") for each in plan.platforms],
            at=AT,
            seconds=1,
        ),
    )
    for platform in plan.platforms:
        if plan.measured_here(platform.id):
            write(paths.verdict(platform.id, source), _verdict(run, order, outcome, platform.id))


def _outcome(order: WorkOrder) -> tuple[Generated, str]:
    action, key = ACTIONS[ecosystem_of(order.source)]
    step = Step(action=action, params={key: identifier_of(order.source), "executables": [order.name]})
    recipe = Recipe(name=order.name, description="A tool", steps=[step], executables=[order.name])
    evidence = Evidence(
        version="1.2.3",
        artifact=Artifact(name="tool-1.2.3.tgz", url="https://registry.example/tool-1.2.3.tgz"),
        license=License(spdx="MIT", declared="MIT", origin=Origin.REGISTRY),
        released_at="2026-01-01T00:00:00Z",
        age_days=60,
        fields=[FieldEvidence(field="executables", origin=Origin.REGISTRY, detail="bin")],
    )
    text = render(recipe)
    return Generated(recipe=recipe, recipe_sha256=sha256(text.encode()), evidence=evidence), text


def _verdict(run: Run, order: WorkOrder, outcome: Generated, platform: str) -> Verdict:
    return Verdict(
        source=order.source,
        version=outcome.evidence.version,
        platform=platform,
        recipe_sha256=outcome.recipe_sha256,
        made_from=run.validation.verdict_digest(platform, order.source, outcome),
        tier=Tier.NATIVE,
        status=VerdictStatus.VALIDATED,
        reason="printed 1.2.3",
        phases=[PhaseResult(name="verify", exit_code=0, wall_s=0.2, network=False, output_tail="1.2.3")],
        found_executables=[order.name],
        observed_version="1.2.3",
        verify=[Verify(command=f"{order.name} --version", pattern="{version}")],
        backend=BackendInfo(name="bubblewrap", version="0.11.0"),
        at=AT,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
