"""Gems: downloaded with all they need, installed by gem without a network, predicted where nothing is compiled."""

import functools
from pathlib import Path

from pipeline.model import Category, Prediction, StaticRecord, Subcategory, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox import diagnose
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
    read_inside,
    succeeded,
    verify_executables,
)
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.ruby_client import (
    BUILD_RULES,
    FETCH_RULES,
    Fetched,
    fetch_phase,
    fetched,
    find_ruby,
    gem_environment,
    install_phase,
    too_old,
)
from pipeline.sandbox.runtimes import Runtime
from pipeline.source import identifier_of

REVISION = 2
ACTION = "gem_install"

_ANY_PLATFORM = "ruby"


@functools.cache
def ruby_here() -> Runtime | Diagnosis:
    """Return this machine's Ruby, looked for once in a run."""
    return find_ruby()


def validate(job: Job, sandbox: Sandbox, now: str, *, ruby: Runtime | Diagnosis | None = None) -> Verdict:
    """Download one gem with its dependencies, install them without a network, and run each of its executables."""
    runtime = ruby or ruby_here()
    if isinstance(runtime, Diagnosis):
        return Course(job, sandbox, now, {}).failed(runtime)
    course = Course(job, sandbox, now, {"ruby": runtime.version})
    if refusal := check_version(job) or too_old(job, runtime):
        return course.failed(refusal)
    gems = _fetch(course, job, runtime, "fetch")
    if isinstance(gems, Diagnosis):
        return course.failed(gems)
    folder = prepare_folder(job.work_folder / "prefix")
    phase = install_phase(job, runtime, gems, Mount(host=folder, inside=PREFIX, writable=True))
    built = course.run(phase)
    if not succeeded(built):
        return course.failed(diagnose.compile_failure(built, phase.limits, BUILD_RULES))
    installed = Installed(version=_version(folder, job), executables=list_executables(folder / "bin"))
    if mismatch := check_installed(job, installed):
        return course.failed(mismatch, installed.executables)
    checked = verify_executables(course, job, _run_setting(job, runtime, folder), engine_warned=False)
    if isinstance(checked, Diagnosis):
        return course.failed(checked, installed.executables)
    return course.passed(checked, installed.executables)


def predict(
    job: Job,
    sandbox: Sandbox,
    platforms: tuple[Platform, ...],
    now: str,
    *,
    ruby: Runtime | Diagnosis | None = None,
) -> StaticRecord:
    """Look once at the gem and all that it needs: what is not compiled runs wherever Ruby does."""
    runtime = ruby or ruby_here()
    course = Course(job, sandbox, now, {})
    gems: list[Fetched] | Diagnosis
    if isinstance(runtime, Diagnosis):
        gems = runtime
    else:
        gems = check_version(job) or too_old(job, runtime) or _fetch(course, job, runtime, "resolve")
    if isinstance(gems, Diagnosis):
        reason = f"{gems.subcategory}: {gems.reason}"
        predictions = [Prediction(platform=platform.id, status="unknown", reason=reason) for platform in platforms]
        return course.static(predictions, final=not gems.infra)
    return course.static([_prediction(platform, gems) for platform in platforms], final=True)


def _fetch(course: Course, job: Job, ruby: Runtime, name: str) -> list[Fetched] | Diagnosis:
    """Return the gems that were downloaded, or why there are none."""
    listed = Path(f"{name}.json")
    answer = course.run(fetch_phase(job, ruby, name, job.work_folder / listed))
    if not succeeded(answer):
        return diagnose.fetch_failure(answer, job.limits.fetch, FETCH_RULES)
    gems = fetched(read_inside(job.work_folder, str(listed)) or b"")
    if gems is None or gems[-1].name != identifier_of(job.source):
        return Diagnosis(
            category=Category.INSTALL_FAILED,
            subcategory=Subcategory.BAD_METADATA,
            reason="the gems that it needs have names that no installation takes",
        )
    return gems


def _version(prefix: Path, job: Job) -> str:
    """Return the version that gem noted of the installation, "" when it noted another."""
    noted = f"{identifier_of(job.source)}-{job.version}"
    folder = prefix / "gems/specifications"
    names = {path.stem for path in folder.glob("*.gemspec")} if folder.is_dir() and not folder.is_symlink() else set()
    return job.version if any(name == noted or name.startswith(f"{noted}-") for name in names) else ""


def _run_setting(job: Job, ruby: Runtime, prefix: Path) -> Phase:
    """Return the phase in which installed executables run: no network, nothing to write to but the fresh home."""
    return Phase(
        name="verify",
        argv=("true",),
        environment={
            "PATH": f"{PREFIX}/bin:{ruby.folder}:{SYSTEM_PATH}",
            "NO_COLOR": "1",
            "LANG": "C.UTF-8",
            **gem_environment(),
        },
        mounts=(*ruby.mounts, Mount(host=prefix, inside=PREFIX)),
        network=False,
        limits=job.limits.verify,
    )


def _prediction(platform: Platform, gems: list[Fetched]) -> Prediction:
    """Return what the gems say of a platform: of compiled ones, and of files for single platforms, nothing."""
    compiled = sorted(gem.name for gem in gems if gem.extensions)
    single = sorted(gem.name for gem in gems if gem.platform != _ANY_PLATFORM)
    if not compiled and not single:
        reason = "nothing of it is compiled, so it runs where its Ruby does"
        return Prediction(platform=platform.id, status="predicted_pass", reason=reason)
    what, names = ("it compiles extensions", compiled) if compiled else ("there are files for single platforms", single)
    return Prediction(platform=platform.id, status="unknown", reason=f"{what}: {', '.join(names[:5])}")
