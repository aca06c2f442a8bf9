"""The results of CI jobs taken over, each job's own and nothing else.

A job runs the code of packages. Should one ever leave its sandbox, it could put anything into its artifact; so only
verdicts on the packages and the platform of that job are taken, one by one and checked. One that names more time than
a package may take is none: those minutes would use up the week's for all others.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from pipeline.awaited import made_by_nobody, matrix_records
from pipeline.config import Config
from pipeline.instants import known_instant
from pipeline.matrix import longest_minutes
from pipeline.model import Generated, MatrixJob, OutcomeRecord, Verdict
from pipeline.source import file_stem
from pipeline.store import Paths, read_result, write

# What the artifact of a job is called before its id.
PREFIX = "validate-"
# Bytes of one verdict; the largest that are known have a few thousand.
LARGEST = 1024 * 1024
# How far the clocks of two machines may be apart.
SKEW = timedelta(days=1)
# What a package may take, and what is measured: ending a process that is out of time takes some, too.
_SLACK = 2.0


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one job: how many of its packages have a result, and whether its artifact is there at all."""

    job: str
    packages: int
    results: int
    arrived: bool


def collect(paths: Paths, config: Config, artifacts: Path, batch_id: str, now: datetime) -> list[Collected]:
    """Take over the verdicts of the jobs whose artifacts lie below a folder, each in a folder of its own."""
    jobs = [job for record in matrix_records(paths, batch_id) for job in record.jobs]
    return [_collected(paths, config, artifacts / f"{PREFIX}{job.id}", job, now) for job in jobs]


def _collected(paths: Paths, config: Config, folder: Path, job: MatrixJob, now: datetime) -> Collected:
    taken = [each for each in _verdicts(paths, folder, job) if _is_measured(each, config, now)]
    for verdict in taken:
        write(paths.verdict(verdict.platform, verdict.source), verdict)
    return Collected(job=job.id, packages=len(job.sources), results=len(taken), arrived=folder.is_dir())


def _verdicts(paths: Paths, folder: Path, job: MatrixJob) -> Iterator[Verdict]:
    """Yield the verdicts of a job on the recipes of this batch; a link leads out of the artifact and is none."""
    for source in job.sources:
        verdict = None if folder.is_symlink() else _read(folder / f"{file_stem(source)}.json")
        answer = read_result(paths.outcome(source), OutcomeRecord)
        if verdict is None or answer is None or not isinstance(answer.outcome, Generated):
            continue
        asked = (source, job.platform, answer.outcome.recipe_sha256)
        if (verdict.source, verdict.platform, verdict.recipe_sha256) == asked and not made_by_nobody(verdict):
            yield verdict


def _read(path: Path) -> Verdict | None:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
        return None
    return read_result(path, Verdict)


def _is_measured(verdict: Verdict, config: Config, now: datetime) -> bool:
    """Return whether times and durations of a verdict are such as a job can have had."""
    most = longest_minutes(config, verdict.platform) * 60 * config.validation.attempts * _SLACK
    seconds = [*(phase.wall_s for phase in verdict.phases), *(each.seconds for each in verdict.earlier)]
    times = [known_instant(at) for at in (verdict.at, *(each.at for each in verdict.earlier))]
    # Each by itself first: the sum of two that are large enough is no number.
    if max(seconds, default=0) > most or sum(seconds) > most:
        return False
    return all(at is not None and abs(at - now) <= SKEW for at in times)
