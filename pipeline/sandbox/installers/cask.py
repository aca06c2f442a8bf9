"""Homebrew casks: predicted from the list of their files. Running one takes macOS, on a machine of its own."""

from pipeline.model import StaticRecord, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox.base import Job, Sandbox
from pipeline.sandbox.builds import predict_from_builds
from pipeline.sandbox.course import Course, runtime_missing

REVISION = 1
ACTION = ""

_REMEDY = "set platforms.<id>.runner to external, with a program that installs the recipe on a Mac"


def validate(job: Job, sandbox: Sandbox, now: str) -> Verdict:
    """Return that this cannot be measured here: the sandbox is one of Linux."""
    return Course(job, sandbox, now, {}).failed(runtime_missing("macOS", _REMEDY))


def predict(
    job: Job,
    sandbox: Sandbox,  # noqa: ARG001  # the Protocol's: others ask in it
    platforms: tuple[Platform, ...],
    now: str,
) -> StaticRecord:
    """Return for each platform whether the cask has a file for it; nothing is asked."""
    return predict_from_builds(job, platforms, now, refused=_refused)


def _refused(platform: Platform) -> str:
    return "" if platform.os == "darwin" else "its application is one for macOS"
