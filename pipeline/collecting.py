"""The results of CI jobs taken over, each job's own and nothing else.

A job runs the code of packages. Should one ever leave its sandbox, it could put anything into its artifact; so only
verdicts on the packages and the platform of that job are taken, one by one and checked.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from pipeline.awaited import made_by_nobody, matrix_records
from pipeline.model import Generated, MatrixJob, OutcomeRecord, Verdict
from pipeline.source import file_stem
from pipeline.store import Paths, read_result, write

# What the artifact of a job is called before its id.
PREFIX = "validate-"


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one job: how many of its packages have a result, and whether its artifact is there at all."""

    job: str
    packages: int
    results: int
    arrived: bool


def collect(paths: Paths, artifacts: Path, batch_id: str) -> list[Collected]:
    """Take over the verdicts of the jobs whose artifacts lie below a folder, each in a folder of its own."""
    jobs = [job for record in matrix_records(paths, batch_id) for job in record.jobs]
    return [_collected(paths, artifacts / f"{PREFIX}{job.id}", job) for job in jobs]


def _collected(paths: Paths, folder: Path, job: MatrixJob) -> Collected:
    taken = list(_verdicts(paths, folder, job))
    for verdict in taken:
        write(paths.verdict(verdict.platform, verdict.source), verdict)
    return Collected(job=job.id, packages=len(job.sources), results=len(taken), arrived=folder.is_dir())


def _verdicts(paths: Paths, folder: Path, job: MatrixJob) -> Iterator[Verdict]:
    """Yield the verdicts of a job on the recipes of this batch; a link leads out of the artifact and is none."""
    for source in job.sources:
        path = folder / f"{file_stem(source)}.json"
        verdict = None if folder.is_symlink() or path.is_symlink() else read_result(path, Verdict)
        answer = read_result(paths.outcome(source), OutcomeRecord)
        if verdict is None or answer is None or not isinstance(answer.outcome, Generated):
            continue
        asked = (source, job.platform, answer.outcome.recipe_sha256)
        if (verdict.source, verdict.platform, verdict.recipe_sha256) == asked and not made_by_nobody(verdict):
            yield verdict
