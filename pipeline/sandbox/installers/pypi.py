"""PyPI packages: installed by uv as tools of their own, predicted by uv's resolution for each kind of platform."""

from pathlib import Path

from packaging.utils import canonicalize_name

from pipeline.model import StaticRecord, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox import diagnose, uv_resolve
from pipeline.sandbox.base import Job, Mount, Phase, PhaseOutput, Sandbox
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.course import (
    CACHE,
    PREFIX,
    SYSTEM_PATH,
    Course,
    Installed,
    check_installed,
    list_executables,
    runtime_missing,
    runtimes_here,
    succeeded,
    verify_executables,
)
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.runtimes import Runtime, Runtimes
from pipeline.sandbox.verify import same_version
from pipeline.source import identifier_of

REVISION = 1

_REQUIREMENTS = "/requirements.in"
_REMEDY = "set the environment up again, it brings uv as a wheel"


def validate(job: Job, sandbox: Sandbox, now: str, *, runtimes: Runtimes | None = None) -> Verdict:
    """Install one package from wheels alone, and run each of its executables."""
    here = runtimes or runtimes_here()
    if here.uv is None:
        return Course(job, sandbox, now, {}).failed(runtime_missing("uv", _REMEDY))
    course = Course(job, sandbox, now, {"python": here.python.version, "uv": here.uv.version})
    prefix = prepare_folder(job.work_folder / "prefix")
    fetched = _fetch(course, job, here.uv, here.python, prefix)
    if not succeeded(fetched):
        return course.failed(diagnose.fetch_failure(fetched, job.limits.fetch))
    installed = _look(prefix, job)
    if mismatch := check_installed(job, installed):
        return course.failed(mismatch, installed.executables)
    checked = verify_executables(course, job, _run_setting(job, here.python, prefix), engine_warned=False)
    if isinstance(checked, Diagnosis):
        return course.failed(checked, installed.executables)
    return course.passed(checked, installed.executables)


def predict(
    job: Job, sandbox: Sandbox, platforms: tuple[Platform, ...], now: str, *, runtimes: Runtimes | None = None
) -> StaticRecord:
    """Resolve the package once for each kind of platform that uv tells apart."""
    here = runtimes or runtimes_here()
    course = Course(job, sandbox, now, {})
    answers: dict[str, PhaseOutput] = {}
    failure = runtime_missing("uv", _REMEDY) if here.uv is None else None
    if here.uv is not None:
        for target in dict.fromkeys(uv_resolve.target_of(platform) for platform in platforms):
            answers[target] = _resolve(course, job, here.uv, here.python, target, from_cache=bool(answers))
            failure = _infrastructure_failure(job, answers[target])
            if failure is not None:
                break
    if failure is not None:
        reason = f"{failure.subcategory}: {failure.reason}"
        predictions = [uv_resolve.prediction(platform, "unknown", reason) for platform in platforms]
    else:
        predictions = [uv_resolve.predict(answers[uv_resolve.target_of(each)], each) for each in platforms]
    return course.static(predictions, final=failure is None)


# ------------------------------------------------------------------------------------------- phases


def _uv_phase(job: Job, uv: Runtime, python: Runtime, name: str, arguments: tuple[str, ...], mount: Mount) -> Phase:
    """Return a phase that runs uv with the network on. No package code runs: nothing is built."""
    return Phase(
        name=name,
        argv=(*uv.argv, *arguments),
        environment={
            **uv.environment,
            **python.environment,
            "PATH": f"{PREFIX}/bin:{python.folder}:{SYSTEM_PATH}",
            "UV_CACHE_DIR": CACHE,
            "UV_LINK_MODE": "copy",
            "UV_NO_CONFIG": "1",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON": python.argv[0],
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_TOOL_BIN_DIR": f"{PREFIX}/bin",
            "UV_TOOL_DIR": f"{PREFIX}/tools",
            **job.client_environment,
        },
        mounts=(
            *uv.mounts,
            *python.mounts,
            mount,
            Mount(host=job.cache_folder, inside=CACHE, writable=True, cache=True),
        ),
        network=True,
        limits=job.limits.fetch,
        bounded_address_space=True,
    )


def _fetch(course: Course, job: Job, uv: Runtime, python: Runtime, prefix: Path) -> PhaseOutput:
    """Install from wheels; once more with fresh metadata when a version is missing in the cache: it may be new."""
    identifier = identifier_of(job.source)
    arguments = ("tool", "install", "--no-build", f"{identifier}=={job.version}")
    mount = Mount(host=prefix, inside=PREFIX, writable=True)
    answer = course.run(_uv_phase(job, uv, python, "fetch", arguments, mount))
    if succeeded(answer) or not diagnose.may_be_stale(answer):
        return answer
    return course.run(_uv_phase(job, uv, python, "fetch-fresh", (*arguments, "--refresh"), mount))


def _resolve(course: Course, job: Job, uv: Runtime, python: Runtime, target: str, *, from_cache: bool) -> PhaseOutput:
    """Resolve for one target. `from_cache`: another target's metadata was read just now, and mostly serves this one.

    Asking the index about each package of the tree again for each target takes five times as long.
    """
    requirements = job.work_folder / "requirements.in"
    requirements.write_text(f"{identifier_of(job.source)}=={job.version}\n", encoding="utf-8")
    mount = Mount(host=requirements, inside=_REQUIREMENTS)
    output = ("--quiet", "--no-header", "--no-annotate")
    arguments = ("pip", "compile", *output, "--only-binary", ":all:", "--python-platform", target, _REQUIREMENTS)
    name = f"resolve-{target}"
    if from_cache:
        answer = course.run(_uv_phase(job, uv, python, name, (*arguments, "--offline"), mount))
        if succeeded(answer):
            return answer
    return course.run(_uv_phase(job, uv, python, name, arguments, mount))


def _infrastructure_failure(job: Job, answer: PhaseOutput) -> Diagnosis | None:
    if succeeded(answer):
        return None
    failure = diagnose.fetch_failure(answer, job.limits.fetch)
    return failure if failure.infra else None


def _run_setting(job: Job, python: Runtime, prefix: Path) -> Phase:
    """Return the phase in which installed executables run: no network, nothing to write to but the fresh home."""
    return Phase(
        name="verify",
        argv=("true",),
        environment={
            **python.environment,
            "PATH": f"{PREFIX}/bin:{python.folder}:{SYSTEM_PATH}",
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        mounts=(*python.mounts, Mount(host=prefix, inside=PREFIX)),
        network=False,
        limits=job.limits.verify,
    )


def _look(prefix: Path, job: Job) -> Installed:
    """Read the version from the name of the package's `.dist-info`, and the names in `bin`."""
    name = canonicalize_name(identifier_of(job.source))
    versions = [
        version
        for folder in prefix.glob(f"tools/{name}/lib/python*/site-packages/*.dist-info")
        for found, _, version in [folder.name.removesuffix(".dist-info").partition("-")]
        if canonicalize_name(found) == name
    ]
    version = versions[0] if len(versions) == 1 else ""
    # Spelled as the registry does: `2025.1.15` and `2025.01.15` are one version (PEP 440).
    same = bool(version) and same_version(version, job.version)
    return Installed(version=job.version if same else version, executables=list_executables(prefix / "bin"))
