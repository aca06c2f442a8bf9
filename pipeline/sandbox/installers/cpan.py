"""CPAN distributions: fetched with what their META files name, installed by cpanm offline, predicted if pure Perl."""

import functools
import json
from pathlib import Path

import msgspec

from pipeline.model import Category, Prediction, StaticRecord, Subcategory, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Mount, Sandbox
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.course import (
    PREFIX,
    Course,
    Installed,
    check_installed,
    check_version,
    list_executables,
    read_inside,
    succeeded,
    verify_executables,
)
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.perl_client import (
    BUILD_RULES,
    FETCH_RULES,
    Fetched,
    Wanted,
    fetch_phase,
    fetched,
    find_perl,
    index_of,
    install_phase,
    missing_modules,
    run_setting,
    wanted_release,
)
from pipeline.sandbox.runtimes import Runtime

REVISION = 2
ACTION = "cpan_install"

# A Makefile.PL may want what its META file does not say: what is missing is fetched, and it is tried again.
_ROUNDS = 3


@functools.cache
def perl_here() -> Runtime | Diagnosis:
    """Return this machine's Perl with cpanm, looked for once in a run."""
    return find_perl()


def validate(job: Job, sandbox: Sandbox, now: str, *, perl: Runtime | Diagnosis | None = None) -> Verdict:
    """Fetch one release with all that it wants, install it without a network, and run each of its executables."""
    runtime = perl or perl_here()
    if isinstance(runtime, Diagnosis):
        return Course(job, sandbox, now, {}).failed(runtime)
    course = Course(job, sandbox, now, {"perl": runtime.version})
    wanted = check_version(job) or wanted_release(job)
    if isinstance(wanted, Diagnosis):
        return course.failed(wanted)
    prefix = _install(course, job, runtime, wanted)
    if isinstance(prefix, Diagnosis):
        return course.failed(prefix)
    installed = Installed(version=_version(prefix), executables=list_executables(prefix / "bin"))
    if mismatch := check_installed(job, installed):
        return course.failed(mismatch, installed.executables)
    checked = verify_executables(course, job, run_setting(job, runtime, prefix), engine_warned=False)
    if isinstance(checked, Diagnosis):
        return course.failed(checked, installed.executables)
    return course.passed(checked, installed.executables)


def predict(
    job: Job,
    sandbox: Sandbox,
    platforms: tuple[Platform, ...],
    now: str,
    *,
    perl: Runtime | Diagnosis | None = None,
) -> StaticRecord:
    """Look once at the release and all that it wants: what holds no C runs wherever Perl does."""
    runtime = perl or perl_here()
    course = Course(job, sandbox, now, {})
    found = runtime if isinstance(runtime, Diagnosis) else _look(course, job, runtime)
    if isinstance(found, Diagnosis):
        reason = f"{found.subcategory}: {found.reason}"
        predictions = [Prediction(platform=platform.id, status="unknown", reason=reason) for platform in platforms]
        return course.static(predictions, final=not found.infra)
    return course.static([_prediction(platform, found) for platform in platforms], final=True)


def _look(course: Course, job: Job, perl: Runtime) -> Fetched | Diagnosis:
    wanted = check_version(job) or wanted_release(job)
    return wanted if isinstance(wanted, Diagnosis) else _fetch(course, job, perl, wanted, "resolve")


def _install(course: Course, job: Job, perl: Runtime, wanted: Wanted) -> Path | Diagnosis:
    """Return the folder with what was installed, or why nothing was."""
    outcome: Path | Diagnosis | None = None
    for at in range(1, _ROUNDS + 1):
        suffix = f"-{at}" if at > 1 else ""
        found = _fetch(course, job, perl, wanted, f"fetch{suffix}")
        if isinstance(found, Diagnosis):
            return found
        index = job.work_folder / f"index{suffix}.txt"
        index.write_bytes(index_of(found))
        folder = prepare_folder(job.work_folder / f"prefix{suffix}")
        phase = install_phase(job, perl, wanted, found, index, Mount(host=folder, inside=PREFIX, writable=True))
        built = course.run(phase)
        if succeeded(built):
            return folder
        outcome = diagnose.compile_failure(built, phase.limits, BUILD_RULES)
        more = set(missing_modules(built.output)) - set(wanted.modules)
        if not more:
            return outcome
        wanted = msgspec.structs.replace(wanted, modules=(*wanted.modules, *sorted(more)))
    return outcome or Diagnosis(
        category=Category.INSTALL_FAILED, subcategory=Subcategory.INSTALL_ERROR, reason="nothing was tried"
    )


def _fetch(course: Course, job: Job, perl: Runtime, wanted: Wanted, name: str) -> Fetched | Diagnosis:
    """Return what was downloaded, or why nothing was."""
    listed = f"{name}.json"
    answer = course.run(fetch_phase(job, perl, wanted, name, job.work_folder / listed))
    if not succeeded(answer):
        return diagnose.fetch_failure(answer, job.limits.fetch, FETCH_RULES)
    found = fetched(read_inside(job.work_folder, listed) or b"")
    return found or Diagnosis(
        category=Category.INSTALL_FAILED,
        subcategory=Subcategory.BAD_METADATA,
        reason="the releases that it wants cannot be listed",
    )


def _version(prefix: Path) -> str:
    """Return the version in the metadata of the only release in the prefix's own library, without a `v`.

    cpanm keeps them. What it notes itself is the main module's, as a number: 1.2.3 is 1.002003 there.
    """
    kept = sorted((prefix / "lib/perl5").glob("*/.meta/*/MYMETA.json"))
    content = read_inside(prefix, str(kept[0].relative_to(prefix))) if len(kept) == 1 else None
    try:
        metadata = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return ""
    version = metadata.get("version") if isinstance(metadata, dict) else None
    return version.removeprefix("v") if isinstance(version, str) else ""


def _prediction(platform: Platform, found: Fetched) -> Prediction:
    if not found.compiled:
        reason = "nothing of it is compiled, so it runs where its Perl does"
        return Prediction(platform=platform.id, status="predicted_pass", reason=reason)
    names = ", ".join(path.rpartition("/")[2] for path in found.compiled[:5])
    return Prediction(platform=platform.id, status="unknown", reason=f"it compiles C: {names}")
