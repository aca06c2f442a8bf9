"""npm packages: installed by npm itself, predicted from one lock file."""

import re
from pathlib import Path

import msgspec

from pipeline.model import Category, Prediction, StaticRecord, Subcategory, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox import diagnose, npm_lock
from pipeline.sandbox.base import Job, Mount, PhaseOutput, Sandbox
from pipeline.sandbox.bwrap import prepare_file, prepare_folder
from pipeline.sandbox.course import (
    PREFIX,
    Course,
    Installed,
    check_installed,
    check_version,
    list_executables,
    read_inside,
    runtime_missing,
    succeeded,
    verify_executables,
)
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.npm_client import (
    INSTALL,
    Tools,
    find_tools,
    has_tarball,
    npm_phase,
    read_manifest,
    run_prefer_offline,
    run_setting,
)
from pipeline.sandbox.npm_scripts import declares_scripts, verify_built
from pipeline.sandbox.runtimes import Runtimes
from pipeline.source import identifier_of

REVISION = 3
ACTION = "npm_install"

_PROJECT = "/project"
_REMEDY = "set the environment up again, it brings Node as a wheel"
# What npm 10 and 11 name as missing: a version behind ETARGET, a package behind E404.
_MISSING = re.compile(r"(?:No matching version found for |404 +(?:The requested resource )?')(@?[^@\s']+)@")
_OTHER_BYTES = Diagnosis(
    category=Category.INSTALL_FAILED,
    subcategory=Subcategory.DIGEST_MISMATCH,
    reason="npm installed another tarball than the one that the recipe was made from",
)
_ENGINE = re.compile(r"EBADENGINE\s+package: '([^']+)',\s+npm warn EBADENGINE\s+required: \{ ([^}]*?) ?\}")


def validate(job: Job, sandbox: Sandbox, now: str, *, runtimes: Runtimes | None = None) -> Verdict:
    """Install one package without its scripts, and run each of its executables; with the scripts if it needs them."""
    tools = find_tools(runtimes)
    if tools is None:
        return Course(job, sandbox, now, {}).failed(runtime_missing("Node", _REMEDY))
    course = Course(job, sandbox, now, {"node": tools.node.version, "npm": tools.npm.version})
    if refusal := check_version(job):
        return course.failed(refusal)
    prefix = prepare_folder(job.work_folder / "prefix")
    fetched = _fetch(course, job, tools, prefix)
    if not succeeded(fetched):
        return course.failed(_failure(job, fetched))
    if not has_tarball(job):  # its own metadata led npm to a file that was replaced since
        prefix = prepare_folder(job.work_folder / "prefix-fresh")
        fetched = _fetch_fresh(course, job, tools, prefix)
        if not succeeded(fetched):
            return course.failed(_failure(job, fetched))
        if not has_tarball(job):
            return course.failed(_OTHER_BYTES)
    installed = _look(prefix, identifier_of(job.source))
    if mismatch := check_installed(job, installed):
        return course.failed(mismatch, installed.executables)
    engine_warned = diagnose.warns_of_engine(fetched.output)
    checked = verify_executables(course, job, run_setting(job, tools, prefix), engine_warned=engine_warned)
    if isinstance(checked, Diagnosis) and not checked.infra and declares_scripts(job, prefix):
        checked = verify_built(course, job, tools, prefix, checked, engine_warned=engine_warned)
    if isinstance(checked, Diagnosis):
        return course.failed(checked, installed.executables)
    return course.passed(checked, installed.executables)


def predict(
    job: Job, sandbox: Sandbox, platforms: tuple[Platform, ...], now: str, *, runtimes: Runtimes | None = None
) -> StaticRecord:
    """Resolve one lock file for all platforms, and read it for each."""
    tools = find_tools(runtimes)
    course = Course(job, sandbox, now, {})
    outcome = runtime_missing("Node", _REMEDY) if tools is None else _predict_all(course, job, tools, platforms)
    if isinstance(outcome, Diagnosis):
        reason = f"{outcome.subcategory}: {outcome.reason}"
        predictions = [Prediction(platform=platform.id, status="unknown", reason=reason) for platform in platforms]
    else:
        predictions = outcome
    return course.static(predictions, final=not (isinstance(outcome, Diagnosis) and outcome.infra))


def _fetch(course: Course, job: Job, tools: Tools, prefix: Path) -> PhaseOutput:
    mount = Mount(host=prefix, inside=PREFIX, writable=True)
    return run_prefer_offline(course, job, tools, "fetch", _install(job), mount)


def _fetch_fresh(course: Course, job: Job, tools: Tools, prefix: Path) -> PhaseOutput:
    mount = Mount(host=prefix, inside=PREFIX, writable=True)
    return course.run(npm_phase(job, tools, "fetch-replaced", (*_install(job), "--prefer-online"), mount))


def _install(job: Job) -> tuple[str, ...]:
    return (*INSTALL, "--global", "--prefix", PREFIX, f"{identifier_of(job.source)}@{job.version}")


def _failure(job: Job, answer: PhaseOutput) -> Diagnosis:
    failure = diagnose.fetch_failure(answer, job.limits.fetch)
    missing = _MISSING.search(answer.output)
    own = missing is None or missing[1] == identifier_of(job.source)
    return failure if own else diagnose.of_dependency(failure)


def _look(prefix: Path, identifier: str) -> Installed:
    manifest = read_manifest(prefix, f"lib/node_modules/{identifier}/package.json")
    return Installed(version=manifest.version, executables=list_executables(prefix / "bin"))


def _predict_all(
    course: Course, job: Job, tools: Tools, platforms: tuple[Platform, ...]
) -> list[Prediction] | Diagnosis:
    """Return the predictions, or why there is no lock file."""
    if refusal := check_version(job):
        return refusal
    project = prepare_folder(job.work_folder / "project")
    identifier = identifier_of(job.source)
    manifest = {"name": "lock", "version": "1.0.0", "dependencies": {identifier: job.version}}
    prepare_file(project / "package.json", msgspec.json.encode(manifest))
    arguments = (*INSTALL, "--package-lock-only", "--prefix", _PROJECT)
    mount = Mount(host=project, inside=_PROJECT, writable=True)
    answer = run_prefer_offline(course, job, tools, "lock", arguments, mount)
    # The package is not for this machine; npm then writes a lock file for the others only when it is forced to.
    if not succeeded(answer) and _failure(job, answer).subcategory is Subcategory.NO_PLATFORM_BUILD:
        answer = run_prefer_offline(course, job, tools, "lock-forced", (*arguments, "--force"), mount)
    if not succeeded(answer):
        return _failure(job, answer)
    lock = npm_lock.parse(read_inside(project, "package-lock.json") or b"")
    if lock is None:
        return Diagnosis(
            category=Category.INSTALL_FAILED,
            subcategory=Subcategory.BAD_METADATA,
            reason="npm wrote no usable lock file",
        )
    predictions = [npm_lock.predict(lock, platform) for platform in platforms]
    wanted = _engine_wanted(answer.output, f"{identifier}@{job.version}")
    return [_with_engine(each, wanted, tools.node.version) for each in predictions] if wanted else predictions


def _engine_wanted(output: str, package: str) -> str:
    """Return the `engines` that npm says are not met for the package itself, or ""."""
    return next((engines for name, engines in _ENGINE.findall(output) if name == package), "")


def _with_engine(prediction: Prediction, wanted: str, node: str) -> Prediction:
    """Turn a predicted pass into unknown: only a machine with the wanted Node can say; a refusal stays."""
    if prediction.status != "predicted_pass":
        return prediction
    reason = f"runtime_too_old: it wants {wanted}, and Node {node} is here"
    return Prediction(platform=prediction.platform, status="unknown", reason=reason)
