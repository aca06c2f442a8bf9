"""What the job that puts a batch together knows of the others: their results, and why one is missing."""

from collections.abc import Mapping
from functools import cached_property

from pipeline.config import RunnerClass
from pipeline.digests import digest_of
from pipeline.matrix import reasons
from pipeline.model import Generated, MatrixRecord, Subcategory, Tier, Verdict
from pipeline.store import Paths, read_result
from pipeline.verdicts import not_run

NO_JOB = "no CI job was planned for this platform"


class Awaited:
    """The verdicts of the jobs of one batch."""

    def __init__(self, paths: Paths, batch_id: str) -> None:
        self._paths = paths
        self._batch_id = batch_id

    @cached_property
    def _reasons(self) -> Mapping[tuple[str, str], str]:
        return reasons(matrix_records(self._paths, self._batch_id))

    def verdict(self, platform: str, source: str, outcome: Generated, known: Verdict | None, now: str) -> Verdict:
        """Return what a job has measured, whatever came of it; else that the package was not run, and why.

        A prediction does not stand in for it: it would look as if the job had never been meant to run.
        """
        if known is not None and known.recipe_sha256 == outcome.recipe_sha256 and not made_by_nobody(known):
            return known
        why = self._reasons.get((platform, source), NO_JOB)
        return not_run(source, platform, outcome, digest_of("awaited", source, platform, why), now, why)


def made_by_nobody(verdict: Verdict) -> bool:
    """Return whether a verdict says nothing that a job has found: a prediction, or that a result is awaited."""
    waits = verdict.subcategory is Subcategory.NO_RESULT
    return verdict.tier is Tier.STATIC or (verdict.tier is Tier.NONE and waits)


def matrix_records(paths: Paths, batch_id: str) -> list[MatrixRecord]:
    """Return the jobs that were planned for a batch, for each class of machines that has any."""
    read = (read_result(matrix_path(paths, runner), MatrixRecord) for runner in RunnerClass)
    return [record for record in read if record is not None and record.batch_id == batch_id]


def matrix_path(paths: Paths, runner: RunnerClass) -> str:
    """Return where the jobs of a class of machines are kept."""
    return str(paths.matrix_folder / f"{runner}.json")
