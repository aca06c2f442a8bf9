"""PyPI packages: installed by uv as tools of their own, predicted by uv's resolution for each kind of platform."""

from pathlib import Path

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from pipeline.model import Prediction, StaticRecord, Subcategory, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox import diagnose, uv_resolve
from pipeline.sandbox.base import Job, Mount, Phase, PhaseOutput, Sandbox
from pipeline.sandbox.bwrap import prepare_file, prepare_folder
from pipeline.sandbox.course import (
    CACHE,
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
from pipeline.sandbox.runtimes import Runtime, Runtimes
from pipeline.sandbox.verify import same_version
from pipeline.source import identifier_of

REVISION = 3
ACTION = "pipx_install"

_REQUIREMENTS = "/requirements.in"
_REMEDY = "set the environment up again, it brings uv as a wheel"


class _Tools(msgspec.Struct, frozen=True, kw_only=True):
    uv: Runtime
    python: Runtime


def validate(job: Job, sandbox: Sandbox, now: str, *, runtimes: Runtimes | None = None) -> Verdict:
    """Install one package from wheels alone, and run each of its executables."""
    here = runtimes or runtimes_here()
    if here.uv is None:
        return Course(job, sandbox, now, {}).failed(runtime_missing("uv", _REMEDY))
    tools = _Tools(uv=here.uv, python=here.python)
    course = Course(job, sandbox, now, {"python": tools.python.version, "uv": tools.uv.version})
    if refusal := check_version(job):
        return course.failed(refusal)
    prefix = prepare_folder(job.work_folder / "prefix")
    fetched = _fetch(course, job, tools, prefix)
    if not succeeded(fetched):
        return course.failed(_fetch_failure(job, tools, fetched))
    installed = _look(prefix, job)
    if mismatch := check_installed(job, installed):
        return course.failed(mismatch, installed.executables)
    checked = verify_executables(course, job, _run_setting(job, tools.python, prefix), engine_warned=False)
    if isinstance(checked, Diagnosis):
        return course.failed(checked, installed.executables)
    return course.passed(checked, installed.executables)


def predict(
    job: Job, sandbox: Sandbox, platforms: tuple[Platform, ...], now: str, *, runtimes: Runtimes | None = None
) -> StaticRecord:
    """Resolve the package once for each kind of platform that uv tells apart."""
    here = runtimes or runtimes_here()
    course = Course(job, sandbox, now, {})
    outcome = (
        runtime_missing("uv", _REMEDY)
        if here.uv is None
        else _predict_all(course, job, _Tools(uv=here.uv, python=here.python), platforms)
    )
    if isinstance(outcome, Diagnosis):
        reason = f"{outcome.subcategory}: {outcome.reason}"
        predictions = [uv_resolve.prediction(platform, "unknown", reason) for platform in platforms]
        return course.static(predictions, final=not outcome.infra)
    return course.static(outcome, final=True)


# ------------------------------------------------------------------------------------------- phases


def _uv_phase(job: Job, tools: _Tools, name: str, arguments: tuple[str, ...], mount: Mount) -> Phase:
    """Return a phase that runs uv with the network on. No package code runs: nothing is built."""
    return Phase(
        name=name,
        argv=(*tools.uv.argv, *arguments),
        environment={
            **tools.uv.environment,
            **tools.python.environment,
            "PATH": f"{PREFIX}/bin:{tools.python.folder}:{SYSTEM_PATH}",
            "UV_CACHE_DIR": CACHE,
            "UV_LINK_MODE": "copy",
            "UV_NO_CONFIG": "1",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON": tools.python.argv[0],
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_TOOL_BIN_DIR": f"{PREFIX}/bin",
            "UV_TOOL_DIR": f"{PREFIX}/tools",
            **job.client_environment,
        },
        mounts=(
            *tools.uv.mounts,
            *tools.python.mounts,
            mount,
            Mount(host=job.cache_folder, inside=CACHE, writable=True, cache=True),
        ),
        network=True,
        limits=job.limits.fetch,
        bounded_address_space=True,
    )


def _fetch(course: Course, job: Job, tools: _Tools, prefix: Path) -> PhaseOutput:
    """Install from wheels; once more with fresh metadata when a version is missing in the cache: it may be new."""
    identifier = identifier_of(job.source)
    arguments = ("tool", "install", "--no-build", f"{identifier}=={job.version}")
    mount = Mount(host=prefix, inside=PREFIX, writable=True)
    answer = course.run(_uv_phase(job, tools, "fetch", arguments, mount))
    if succeeded(answer) or not diagnose.may_be_stale(answer):
        return answer
    return course.run(_uv_phase(job, tools, "fetch-fresh", (*arguments, "--refresh"), mount))


def _fetch_failure(job: Job, tools: _Tools, answer: PhaseOutput) -> Diagnosis:
    """Return why nothing was installed. Wheels for other Pythons only: uv does not say that this one is not wanted."""
    failure = diagnose.fetch_failure(answer, job.limits.fetch)
    if failure.subcategory is not Subcategory.NEEDS_BUILD or _satisfies(tools.python.version, job.runtime_requirement):
        return failure
    reason = f"it wants Python {job.runtime_requirement}, and {tools.python.version} is here"
    return msgspec.structs.replace(failure, subcategory=Subcategory.RUNTIME_TOO_OLD, reason=reason)


def _satisfies(version: str, requirement: str) -> bool:
    """Say whether a Python is wanted; a requirement that cannot be read wants any."""
    try:
        return SpecifierSet(requirement).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def _resolve(course: Course, job: Job, tools: _Tools, target: str, *, from_cache: bool) -> PhaseOutput:
    """Resolve for one target. `from_cache`: another target's metadata was read just now, and mostly serves this one.

    Asking the index about each package of the tree again for each target takes five times as long.
    """
    requirements = job.work_folder / "requirements.in"
    prepare_file(requirements, f"{identifier_of(job.source)}=={job.version}\n".encode())
    mount = Mount(host=requirements, inside=_REQUIREMENTS)
    output = ("--quiet", "--no-header", "--no-annotate")
    arguments = ("pip", "compile", *output, "--only-binary", ":all:", "--python-platform", target, _REQUIREMENTS)
    name = f"resolve-{target}"
    if from_cache:
        answer = course.run(_uv_phase(job, tools, name, (*arguments, "--offline"), mount))
        if not uv_resolve.lacks_metadata(answer):
            return answer
    return course.run(_uv_phase(job, tools, name, arguments, mount))


def _predict_all(
    course: Course, job: Job, tools: _Tools, platforms: tuple[Platform, ...]
) -> list[Prediction] | Diagnosis:
    """Return the predictions, or why there are none."""
    if refusal := check_version(job):
        return refusal
    answers: dict[str, PhaseOutput] = {}
    predictions: list[Prediction] = []
    for platform in platforms:
        prediction = uv_resolve.prediction(platform, "unknown", "")
        for target in (uv_resolve.floor_target(platform), uv_resolve.own_target(platform)):
            if target not in answers:
                answers[target] = _resolve(course, job, tools, target, from_cache=bool(answers))
            failure = _infrastructure_failure(job, answers[target])
            if failure is not None:
                return failure
            prediction = uv_resolve.predict(answers[target], platform)
            if prediction.status != "predicted_fail":
                break
        predictions.append(prediction)
    return predictions


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
