"""Artifacts of CI jobs that somebody has got hold of: only what their job can have measured is taken."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.collecting import LARGEST, PREFIX, collect
from pipeline.instants import timestamp
from pipeline.model import (
    MatrixJob,
    MatrixRecord,
    PhaseResult,
    Tier,
    Verdict,
    VerdictStatus,
)
from pipeline.source import file_stem
from pipeline.store import Paths, encode, read_result, write
from tests.builders import NOW, config
from tests.builders_payload import outcome

SOURCE, OTHER = "npm:aloft", "npm:bright"
PLATFORM = "linux-debian-glibc-x86_64"
BATCH = "2026-03-02-npm-001"
JOB = MatrixJob(id=f"{PLATFORM}-1-of-1", platform=PLATFORM, shard=1, shards=1, sources=[SOURCE])


RECIPE = "a" * 64


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A root with one package that has a recipe and one job that measures it; another package has no job."""
    paths = Paths(tmp_path / "root")
    for source in (SOURCE, OTHER):
        write(paths.outcome(source), outcome(source))
    record = MatrixRecord(batch_id=BATCH, runner_class="linux", jobs=[JOB], not_sent=[])
    write(paths.matrix_folder / "linux.json", record)
    return paths


def artifact(paths: Paths) -> Path:
    """Return the folder of the job's artifact."""
    folder = paths.root / "artifacts" / f"{PREFIX}{JOB.id}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def honest(paths: Paths, source: str = SOURCE, **changes: Any) -> dict[str, Any]:
    """Return what the job says of a package, as JSON."""
    made = Verdict(
        source=source,
        version="1.2.3",
        platform=PLATFORM,
        recipe_sha256=RECIPE,
        made_from="0" * 64,
        tier=Tier.NATIVE,
        status=VerdictStatus.VALIDATED,
        reason="",
        phases=[PhaseResult(name="verify", exit_code=0, wall_s=6, network=False)],
        at=timestamp(NOW),
    )
    return {**json.loads(encode(made)), **changes}


def bring(paths: Paths, document: object, source: str = SOURCE) -> int:
    """Put a document into the artifact, take the artifacts over, and return how many results came of it."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    (artifact(paths) / f"{file_stem(source)}.json").write_bytes(content)
    (done,) = collect(paths, config(), paths.root / "artifacts", BATCH, NOW)
    return done.results


def test_what_a_job_has_measured_is_taken(paths: Paths) -> None:
    """The verdict lies in `build/` as the job has written it."""
    assert bring(paths, honest(paths)) == 1
    found = read_result(paths.verdict(PLATFORM, SOURCE), Verdict)
    assert found is not None
    assert json.loads(encode(found)) == honest(paths)


PHASE = {"name": "fetch", "wall_s": 1e308, "network": True}
EARLIER = {"category": "network", "subcategory": "timeout", "message": "", "at": timestamp(NOW), "seconds": 1e308}


@pytest.mark.parametrize(
    "changes",
    [
        {"phases": [PHASE]},
        {"phases": [PHASE, PHASE]},
        {"phases": [{**PHASE, "wall_s": 3600}] * 40},
        {"earlier": [EARLIER]},
        {"at": "9999-12-31T23:59:59Z"},
        {"at": "2026-02-30T00:00:00Z"},
        {"at": timestamp(NOW - timedelta(days=40))},
        {"source": OTHER},
        {"platform": "linux-alpine-musl-x86_64"},
        {"recipe_sha256": "f" * 64},
        {"tier": "T0", "status": "predicted_pass"},
        {"reason": "x" * LARGEST},
        {"schema_version": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_it_cannot_have_measured_is_not_taken(paths: Paths, changes: dict[str, Any]) -> None:
    """Minutes that would use up the week, impossible times, others' packages and recipes, predictions, masses."""
    assert bring(paths, honest(paths, **changes)) == 0
    assert not Path(paths.verdict(PLATFORM, SOURCE)).exists()


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a":' * 100_000, b"\xff\xfe", b"", b"1e999"])
def test_what_is_no_verdict_is_no_result(paths: Paths, content: bytes) -> None:
    """Nor an error: the packages of that job are not run."""
    assert bring(paths, content) == 0


@pytest.mark.parametrize("kind", ["link", "link to the folder", "pipe", "folder"])
def test_what_is_no_file_is_not_opened(paths: Paths, kind: str) -> None:
    """A link would lead out of the artifact, a pipe be waited for."""
    outside = paths.root / "outside"
    outside.mkdir(parents=True)
    place = artifact(paths) / f"{file_stem(SOURCE)}.json"
    (outside / place.name).write_text(json.dumps(honest(paths)))
    match kind:
        case "link":
            place.symlink_to(outside / place.name)
        case "link to the folder":
            place.parent.rmdir()
            place.parent.symlink_to(outside)
        case "pipe":
            os.mkfifo(place)
        case _:
            place.mkdir()
    (done,) = collect(paths, config(), paths.root / "artifacts", BATCH, NOW)
    assert done.results == 0


def test_a_job_says_nothing_of_packages_that_it_was_not_sent(paths: Paths) -> None:
    """Even when it names them rightly."""
    assert bring(paths, honest(paths, OTHER), OTHER) == 0
    assert not Path(paths.verdict(PLATFORM, OTHER)).exists()
