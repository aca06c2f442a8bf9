"""Constraints and payload of 1,000 packages with 11 verdicts each: limit 1 second.

Run `python -m benchmarks.constraints [--packages 1000] [--json]`. Files are not read or written; the texts of the pull
request are made.
"""

import hashlib
import random
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from benchmarks.report import Figure, arguments, publish
from pipeline.body import commit_message, render_body
from pipeline.config import PayloadConfig
from pipeline.constraints import derive, shortest_excluding
from pipeline.model import (
    Artifact,
    Batch,
    ConstraintsRecord,
    Evidence,
    FieldEvidence,
    InputFingerprints,
    License,
    Origin,
    Recipe,
    Selected,
    Step,
    VerdictStatus,
)
from pipeline.payload import build
from pipeline.platforms import BY_ID
from pipeline.recipe import merge_constraints, recipe_path, render

PACKAGES = 1_000
ROUNDS = 5
LIMIT_SECONDS = 1.0
NOW = datetime(2026, 3, 2, tzinfo=UTC)
EVIDENCE = Evidence(
    version="1.2.3",
    artifact=Artifact(
        name="tool-1.2.3.tgz", url="https://registry.example/tool-1.2.3.tgz", digest="sha512:" + "a" * 88
    ),
    license=License(spdx="MIT", declared="MIT", origin=Origin.REGISTRY),
    released_at="2026-01-01T00:00:00Z",
    age_days=60,
    fields=[
        FieldEvidence(field=field, origin=Origin.REGISTRY, detail=f"versions.1.2.3.{field}")
        for field in ("name", "description", "homepage", "executables")
    ],
)
MEASURED = (VerdictStatus.VALIDATED, VerdictStatus.FAILED, VerdictStatus.INFRA_ERROR, VerdictStatus.PREDICTED_PASS)


def main(argv: Sequence[str]) -> int:
    """Measure some rounds from a cold start each, and print them."""
    parser = arguments(__doc__)
    parser.add_argument("--packages", type=int, default=PACKAGES, help=f"how many (default {PACKAGES})")
    given = parser.parse_args(argv)
    seed = random.Random(1)
    packages = [_package(number, seed) for number in range(given.packages)]
    rounds = [_measure(packages) for _ in range(ROUNDS)]
    counted = ("constraints", "payload", "body and commit message")
    figures = [_figure(name, [each[name] for each in rounds]) for name in counted]
    total = _figure("constraints and payload", [sum(each[name] for name in counted) for each in rounds])
    figures.append(msgspec.structs.replace(total, limit=LIMIT_SECONDS if given.packages == PACKAGES else None))
    figures.append(_figure("merging into the TOML", [each["merge"] for each in rounds]))
    what = f"{given.packages} packages x {len(BY_ID)} verdicts, median of {ROUNDS} rounds, each from a cold cache"
    publish("constraints", what, figures, json=given.json)
    return 0


def _figure(name: str, seconds: Sequence[float]) -> Figure:
    note = f"shortest {min(seconds):.3f} s"
    return Figure(name=name, value=round(statistics.median(seconds), 4), unit="s", note=note)


def _package(number: int, seed: random.Random) -> tuple[str, str, dict[str, VerdictStatus], dict[str, str]]:
    name = f"tool-{number}"
    step = Step(action="npm_install", params={"package": name, "executables": [name]})
    text = render(Recipe(name=name, description="A tool", steps=[step], executables=[name]))
    statuses = {each: seed.choice(MEASURED) for each in BY_ID}
    reasons = {each: "exit code 1" for each, status in statuses.items() if status == VerdictStatus.FAILED}
    return name, text, statuses, reasons


def _measure(packages: list[tuple[str, str, dict[str, VerdictStatus], dict[str, str]]]) -> dict[str, float]:
    """Return the seconds that each part took."""
    shortest_excluding.cache_clear()
    started = time.perf_counter()
    derived = [derive(statuses, predictions="report", reasons=reasons) for _, _, statuses, reasons in packages]
    limited = time.perf_counter()
    texts = [
        str(merge_constraints(text, each.constraints)) for (_, text, _, _), each in zip(packages, derived, strict=True)
    ]
    merged = time.perf_counter()
    records = [
        ConstraintsRecord(
            source=f"npm:{name}",
            name=name,
            outcome="generated",
            exclusion="",
            recipe_path=recipe_path(name),
            recipe_sha256=hashlib.sha256(text.encode()).hexdigest(),
            constraints=each.constraints,
            over_excluded=list(each.over_excluded),
            evidence=EVIDENCE,
            executables=[name],
            statuses=statuses,
            reasons=reasons,
        )
        for (name, _, statuses, reasons), each, text in zip(packages, derived, texts, strict=True)
    ]
    recipes = {record.source: text.encode() for record, text in zip(records, texts, strict=True)}
    batch = _batch(records)
    prepared = time.perf_counter()
    payload = build(batch, records, PayloadConfig(branch_prefix="batch/", labels=[]), recipes, {})
    built = time.perf_counter()
    render_body(payload, records, NOW)
    commit_message(payload, records)
    return {
        "constraints": limited - started,
        "merge": merged - limited,
        "payload": built - prepared,
        "body and commit message": time.perf_counter() - built,
    }


def _batch(records: list[ConstraintsRecord]) -> Batch:
    return Batch(
        id="2026-01-01-npm-001",
        created_at="2026-01-01T00:00:00Z",
        fingerprints=InputFingerprints(queue="0" * 64, control="0" * 64, config="0" * 64),
        selected=[Selected(source=each.source, name=each.name, priority=2, reason="") for each in records],
        left_out=[],
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
