"""npm packages: installed by npm itself, predicted from one lock file."""

import os
import re
from pathlib import Path

import msgspec

from pipeline.model import Category, Prediction, StaticRecord, Subcategory, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox import diagnose, npm_lock
from pipeline.sandbox.base import Job, Mount, Phase, PhaseOutput, Sandbox, Tmpfs
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.course import (
    CACHE,
    PREFIX,
    SYSTEM_PATH,
    Course,
    Installed,
    Verified,
    check_installed,
    list_executables,
    read_inside,
    runtime_missing,
    runtimes_here,
    succeeded,
    verify_executables,
)
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.runtimes import Runtime, Runtimes
from pipeline.source import identifier_of

REVISION = 1

_PROJECT = "/project"
_INSTALL = ("install", "--ignore-scripts", "--no-audit", "--no-fund")
_SCRIPTS = ("preinstall", "install", "postinstall")
_REMEDY = "set the environment up again, it brings Node as a wheel"
_ENGINE = re.compile(r"EBADENGINE\s+package: '([^']+)',\s+npm warn EBADENGINE\s+required: \{ ([^}]*?) ?\}")


class _Manifest(msgspec.Struct, frozen=True):
    """The keys of a `package.json` that are read."""

    version: str = ""
    scripts: dict[str, object] = {}


class _Tools(msgspec.Struct, frozen=True, kw_only=True):
    node: Runtime
    npm: Runtime


def validate(job: Job, sandbox: Sandbox, now: str, *, runtimes: Runtimes | None = None) -> Verdict:
    """Install one package without its scripts, and run each of its executables; with the scripts if it needs them."""
    tools = _tools(runtimes)
    if tools is None:
        return Course(job, sandbox, now, {}).failed(runtime_missing("Node", _REMEDY))
    course = Course(job, sandbox, now, {"node": tools.node.version, "npm": tools.npm.version})
    prefix = prepare_folder(job.work_folder / "prefix")
    fetched = _fetch(course, job, tools, prefix)
    if not succeeded(fetched):
        return course.failed(diagnose.fetch_failure(fetched, job.limits.fetch))
    installed = _look(prefix, identifier_of(job.source))
    if mismatch := check_installed(job, installed):
        return course.failed(mismatch, installed.executables)
    engine_warned = diagnose.warns_of_engine(fetched.output)
    checked = verify_executables(course, job, _run_setting(job, tools, prefix), engine_warned=engine_warned)
    if isinstance(checked, Diagnosis) and not checked.infra and _declares_scripts(job, prefix):
        checked = _verify_built(course, job, tools, prefix, checked, engine_warned=engine_warned)
    if isinstance(checked, Diagnosis):
        return course.failed(checked, installed.executables)
    return course.passed(checked, installed.executables)


def predict(
    job: Job, sandbox: Sandbox, platforms: tuple[Platform, ...], now: str, *, runtimes: Runtimes | None = None
) -> StaticRecord:
    """Resolve one lock file for all platforms, and read it for each."""
    tools = _tools(runtimes)
    course = Course(job, sandbox, now, {})
    outcome = runtime_missing("Node", _REMEDY) if tools is None else _predict_all(course, job, tools, platforms)
    if isinstance(outcome, Diagnosis):
        reason = f"{outcome.subcategory}: {outcome.reason}"
        predictions = [Prediction(platform=platform.id, status="unknown", reason=reason) for platform in platforms]
    else:
        predictions = outcome
    return course.static(predictions, final=not (isinstance(outcome, Diagnosis) and outcome.infra))


def _tools(runtimes: Runtimes | None) -> _Tools | None:
    here = runtimes or runtimes_here()
    return _Tools(node=here.node, npm=here.npm) if here.node is not None and here.npm is not None else None


# ------------------------------------------------------------------------------------------- phases


def _npm_phase(job: Job, tools: _Tools, name: str, arguments: tuple[str, ...], mount: Mount) -> Phase:
    """Return a phase that runs npm with the network on. No package code runs: scripts are ignored."""
    settings = {
        "cache": CACHE,
        "update_notifier": "false",
        "progress": "false",
        "loglevel": "warn",
        "logs_max": "0",
        # npm's own waits (10 to 60 s) would use up the phase's time; the caller tries again after its own.
        "fetch_retry_mintimeout": "1000",
        "fetch_retry_maxtimeout": "8000",
    }
    return Phase(
        name=name,
        argv=(*tools.npm.argv, *arguments),
        environment={
            **tools.npm.environment,
            "PATH": f"{tools.node.folder}:{SYSTEM_PATH}",
            **{f"npm_config_{key}": value for key, value in settings.items()},
            **job.client_environment,
        },
        mounts=(*tools.npm.mounts, mount, Mount(host=job.cache_folder, inside=CACHE, writable=True, cache=True)),
        network=True,
        limits=job.limits.fetch,
    )


def _fetch(course: Course, job: Job, tools: _Tools, prefix: Path) -> PhaseOutput:
    wanted = f"{identifier_of(job.source)}@{job.version}"
    arguments = (*_INSTALL, "--global", "--prefix", PREFIX, wanted)
    mount = Mount(host=prefix, inside=PREFIX, writable=True)
    return _prefer_offline(course, job, tools, "fetch", arguments, mount)


def _prefer_offline(
    course: Course, job: Job, tools: _Tools, name: str, arguments: tuple[str, ...], mount: Mount
) -> PhaseOutput:
    """Run npm from its cache; once more with fresh metadata when a version is missing there: it may be new."""
    answer = course.run(_npm_phase(job, tools, name, (*arguments, "--prefer-offline"), mount))
    if succeeded(answer) or not diagnose.may_be_stale(answer):
        return answer
    return course.run(_npm_phase(job, tools, f"{name}-fresh", (*arguments, "--prefer-online"), mount))


def _failure(job: Job, answer: PhaseOutput) -> Diagnosis:
    return diagnose.fetch_failure(answer, job.limits.fetch)


def _run_setting(job: Job, tools: _Tools, prefix: Path) -> Phase:
    """Return the phase in which installed executables run: no network, nothing to write to but the fresh home."""
    return Phase(
        name="verify",
        argv=("true",),
        environment={
            **tools.node.environment,
            "PATH": f"{PREFIX}/bin:{tools.node.folder}:{SYSTEM_PATH}",
            "NO_COLOR": "1",
        },
        mounts=(*tools.node.mounts, Mount(host=prefix, inside=PREFIX)),
        network=False,
        limits=job.limits.verify,
    )


# ------------------------------------------------------------------------------------------- install scripts


def _declares_scripts(job: Job, prefix: Path) -> bool:
    """Say whether the package or one of its tree wants to run something when it is installed."""
    if job.has_install_scripts:
        return True
    for folder, names, files in os.walk(prefix / "lib/node_modules"):
        if "package.json" in files and _has_script(prefix, Path(folder)):
            return True
        # Packages stand only in `node_modules` folders, below a scope or not.
        if Path(folder).name != "node_modules" and not Path(folder).name.startswith("@"):
            names[:] = [name for name in names if name == "node_modules"]
    return False


def _has_script(prefix: Path, folder: Path) -> bool:
    manifest = _manifest(prefix, str((folder / "package.json").relative_to(prefix)))
    # npm compiles a package with a `binding.gyp` and no script of its own.
    return any(name in manifest.scripts for name in _SCRIPTS) or (folder / "binding.gyp").exists()


def _verify_built(
    course: Course, job: Job, tools: _Tools, prefix: Path, before: Diagnosis, *, engine_warned: bool
) -> Verified | Diagnosis:
    """Run the install scripts without a network on a copy in memory, and verify that; `before` is why."""
    size_mb = job.limits.build.disk_mb
    script = f'cp -a /fetched/. {PREFIX}/ && "$@" >&2 && tar -C {PREFIX} -cf - .'
    archive = job.work_folder / "built.tar"
    setting = _run_setting(job, tools, prefix)
    built = course.run(
        Phase(
            name="build",
            argv=("/bin/sh", "-c", script, "build", *tools.npm.argv, "rebuild", "--global", "--prefix", PREFIX),
            environment={**setting.environment, "npm_config_cache": "/tmp/npm", "npm_config_update_notifier": "false"},  # noqa: S108  # the sandbox's own
            mounts=(*tools.npm.mounts, Mount(host=prefix, inside="/fetched")),
            network=False,
            limits=job.limits.build,
            tmpfs=(Tmpfs(inside=PREFIX, size_mb=size_mb),),
            stdout=archive,
        )
    )
    if not succeeded(built):
        failure = diagnose.build_failure(built, job.limits.build)
        if failure.infra or before.subcategory is Subcategory.VERIFY_ERROR:
            reason = f"{before.reason}; its install scripts, without a network: {failure.reason}"
            return msgspec.structs.replace(failure, reason=reason)
        return before
    unpacked = prepare_folder(job.work_folder / "built")
    unpacking = course.run(
        Phase(
            name="unpack",
            argv=("tar", "-C", PREFIX, "-xf", "/built.tar"),
            environment={},
            mounts=(Mount(host=unpacked, inside=PREFIX, writable=True), Mount(host=archive, inside="/built.tar")),
            network=False,
            limits=job.limits.build,
        )
    )
    if not succeeded(unpacking):
        return diagnose.build_failure(unpacking, job.limits.build)
    return verify_executables(course, job, _run_setting(job, tools, unpacked), engine_warned=engine_warned)


# ------------------------------------------------------------------------------------------- what was installed


def _look(prefix: Path, identifier: str) -> Installed:
    manifest = _manifest(prefix, f"lib/node_modules/{identifier}/package.json")
    return Installed(version=manifest.version, executables=list_executables(prefix / "bin"))


def _manifest(prefix: Path, relative: str) -> _Manifest:
    """Return a `package.json` of the tree; an unreadable one has no version and no scripts."""
    try:
        return msgspec.json.decode(read_inside(prefix, relative) or b"{}", type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # npm itself reads any depth
        return _Manifest()


# ------------------------------------------------------------------------------------------- static tier


def _predict_all(
    course: Course, job: Job, tools: _Tools, platforms: tuple[Platform, ...]
) -> list[Prediction] | Diagnosis:
    """Return the predictions, or why there is no lock file."""
    project = prepare_folder(job.work_folder / "project")
    identifier = identifier_of(job.source)
    project.joinpath("package.json").write_bytes(
        msgspec.json.encode({"name": "lock", "version": "1.0.0", "dependencies": {identifier: job.version}})
    )
    arguments = (*_INSTALL, "--package-lock-only", "--prefix", _PROJECT)
    mount = Mount(host=project, inside=_PROJECT, writable=True)
    answer = _prefer_offline(course, job, tools, "lock", arguments, mount)
    # The package is not for this machine; npm then writes a lock file for the others only when it is forced to.
    if not succeeded(answer) and _failure(job, answer).subcategory is Subcategory.NO_PLATFORM_BUILD:
        answer = _prefer_offline(course, job, tools, "lock-forced", (*arguments, "--force"), mount)
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
    return (
        [_with_engine(prediction, wanted, tools.node.version) for prediction in predictions] if wanted else predictions
    )


def _engine_wanted(output: str, package: str) -> str:
    """Return the `engines` that npm says are not met for the package itself, or ""."""
    return next((engines for name, engines in _ENGINE.findall(output) if name == package), "")


def _with_engine(prediction: Prediction, wanted: str, node: str) -> Prediction:
    """Turn a predicted pass into unknown: only a machine with the wanted Node can say; a refusal stays."""
    if prediction.status != "predicted_pass":
        return prediction
    reason = f"runtime_too_old: it wants {wanted}, and Node {node} is here"
    return Prediction(platform=prediction.platform, status="unknown", reason=reason)
