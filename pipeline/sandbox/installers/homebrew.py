"""Homebrew formulae: predicted from the list of their bottles. Running one takes Homebrew, on a machine of its own."""

from pipeline.model import StaticRecord, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox.base import Job, Sandbox
from pipeline.sandbox.builds import predict_from_builds
from pipeline.sandbox.course import Course, runtime_missing

REVISION = 1
ACTION = ""

_REMEDY = "set platforms.<id>.runner to external, with a program that installs the recipe on a machine with Homebrew"


def validate(job: Job, sandbox: Sandbox, now: str) -> Verdict:
    """Return that this cannot be measured here: a bottle runs below Homebrew's own prefix, with others beside it."""
    return Course(job, sandbox, now, {}).failed(runtime_missing("Homebrew", _REMEDY))


def predict(
    job: Job,
    sandbox: Sandbox,  # noqa: ARG001  # the Protocol's: others ask in it
    platforms: tuple[Platform, ...],
    now: str,
) -> StaticRecord:
    """Return for each platform whether the formula has a bottle for it; nothing is asked."""
    return predict_from_builds(job, platforms, now, refused=_refused)


def _refused(platform: Platform) -> str:
    return "Homebrew's bottles are linked against glibc" if platform.libc == "musl" else ""
