"""Predictions for releases that are built for each platform: read from the list of files alone, nothing is asked."""

from collections.abc import Callable

from pipeline.model import Artifact, Prediction, StaticRecord
from pipeline.platforms import Platform
from pipeline.sandbox.base import Job
from pipeline.text import one_line

_NAME_SHOWN = 120  # characters of a file's name


def _nothing(_platform: Platform) -> str:
    return ""


def predict_from_builds(
    job: Job, platforms: tuple[Platform, ...], now: str, *, refused: Callable[[Platform], str] = _nothing
) -> StaticRecord:
    """Return for each platform whether the release has a file for it (`Evidence.builds`).

    `refused` says why an ecosystem's installer does not run on a platform, whatever files there are; "" when it does.
    """
    files = {platform: build.artifact for build in reversed(job.builds) for platform in build.platforms}
    return StaticRecord(
        source=job.source,
        recipe_sha256=job.recipe_sha256,
        made_from=job.made_from,
        final=True,
        predictions=[_predict(job, platform, files.get(platform.id), refused(platform)) for platform in platforms],
        at=now,
        seconds=0,
    )


def _predict(job: Job, platform: Platform, file: Artifact | None, refusal: str) -> Prediction:
    if refusal:
        return Prediction(platform=platform.id, status="predicted_fail", reason=f"no_platform_build: {refusal}")
    if not job.builds:
        return Prediction(platform=platform.id, status="unknown", reason="no list of the release's files is known")
    if file is None:
        reason = f"no_platform_build: version {job.version} has no file for this platform"
        return Prediction(platform=platform.id, status="predicted_fail", reason=reason)
    reason = f"version {job.version} has a file for this platform: {one_line(file.name)[:_NAME_SHOWN]}"
    return Prediction(platform=platform.id, status="predicted_pass", reason=reason)
