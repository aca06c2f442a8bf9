"""Crates: fetched with all they need, compiled by cargo without a network, predicted from the lock file."""

import functools
import tomllib
from pathlib import Path

from pipeline import cargo_client
from pipeline.digests import digest_of
from pipeline.model import Category, Prediction, StaticRecord, Subcategory, Verdict
from pipeline.platforms import Platform
from pipeline.sandbox import cargo_lock, diagnose
from pipeline.sandbox.base import Job, Mount, Phase, PhaseOutput, Sandbox, Tmpfs
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.course import (
    CACHE,
    PREFIX,
    SYSTEM_PATH,
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
from pipeline.sandbox.rust_toolchain import Toolchain, find_toolchain, too_old
from pipeline.source import identifier_of

REVISION = 2
ACTION = "cargo_install"

# In memory: what is compiled, and sources that build scripts may write to, as some do.
_SCRATCH = "/build"
# Of the compiler at once. The same everywhere: memory and time are then measured alike on each machine.
_JOBS = 2
# `cargo info` fetches one crate and unpacks it. `cargo tree` then fetches what this machine's build needs, and no more:
# a third less than `cargo fetch`, which takes what the tests need too. A crate without a lock file gets one in a copy.
_FETCH = """set -e
"$@" info --registry "$REGISTRY" "$CRATE@$VERSION" >/dev/null
for found in "$CARGO_HOME"/registry/src/*/"$CRATE-$VERSION"; do crate=$found; done
locked=--locked
[ -f "$crate/Cargo.lock" ] || { cp -r "$crate" /tmp/crate; crate=/tmp/crate; locked=; }
"$@" tree $locked --edges no-dev --target "$TARGET" --depth 0 --manifest-path "$crate/Cargo.toml" >/dev/null
"""
_LOCK = """set -e
"$@" info --registry "$REGISTRY" "$CRATE@$VERSION" >/dev/null
for found in "$CARGO_HOME"/registry/src/*/"$CRATE-$VERSION"; do crate=$found; done
[ -f "$crate/Cargo.lock" ] || {
  cp -r "$crate" /tmp/crate; crate=/tmp/crate; "$@" generate-lockfile --manifest-path "$crate/Cargo.toml"; }
cat "$crate/Cargo.lock"
"""
# cargo unpacks what was fetched once more, next to what it compiles: the shared cache stays as it is. The prefix is in
# memory too; what cargo put there comes out as an archive.
_BUILD = f"""set -e
mkdir -p "$CARGO_HOME/registry"
ln -s "$FETCHED/registry/index" "$FETCHED/registry/cache" "$CARGO_HOME/registry/"
"$@" >&2
tar -C {PREFIX} -cf - .
"""


@functools.cache
def toolchain_here() -> Toolchain | Diagnosis:
    """Return this machine's toolchain, looked for once in a run."""
    return find_toolchain()


def validate(job: Job, sandbox: Sandbox, now: str, *, toolchain: Toolchain | Diagnosis | None = None) -> Verdict:
    """Fetch one crate with its dependencies, compile it without a network, and run each of its executables."""
    tools = _ready(job, toolchain or toolchain_here())
    if isinstance(tools, Diagnosis):
        return Course(job, sandbox, now, {}).failed(tools)
    course = Course(job, sandbox, now, {"rust": tools.cargo.version})
    if refusal := check_version(job) or _check_compiler(job, tools):
        return course.failed(refusal)
    fetched = course.run(_client_phase(job, tools, "fetch", _FETCH))
    if not succeeded(fetched):
        return course.failed(diagnose.fetch_failure(fetched, job.limits.fetch))
    prefix = _build(course, job, tools)
    if isinstance(prefix, Diagnosis):
        return course.failed(prefix)
    installed = _look(prefix, identifier_of(job.source))
    if mismatch := check_installed(job, installed):
        return course.failed(mismatch, installed.executables)
    checked = verify_executables(course, job, _run_setting(job, tools, prefix), engine_warned=False)
    if isinstance(checked, Diagnosis):
        return course.failed(checked, installed.executables)
    return course.passed(checked, installed.executables)


def predict(
    job: Job,
    sandbox: Sandbox,
    platforms: tuple[Platform, ...],
    now: str,
    *,
    toolchain: Toolchain | Diagnosis | None = None,
) -> StaticRecord:
    """Read the crate's lock file, or the one that cargo would make, once for all platforms."""
    tools = _ready(job, toolchain or toolchain_here())
    course = Course(job, sandbox, now, {})
    outcome = tools if isinstance(tools, Diagnosis) else _predict_all(course, job, tools, platforms)
    if isinstance(outcome, Diagnosis):
        reason = f"{outcome.subcategory}: {outcome.reason}"
        predictions = [Prediction(platform=platform.id, status="unknown", reason=reason) for platform in platforms]
        return course.static(predictions, final=not outcome.infra)
    return course.static(outcome, final=True)


# ------------------------------------------------------------------------------------------- phases


def _ready(job: Job, tools: Toolchain | Diagnosis) -> Toolchain | Diagnosis:
    """Return the toolchain, or why it is of no use: without an address cargo would ask its built-in registry."""
    if isinstance(tools, Diagnosis) or cargo_client.knows_registry(job.client_environment):
        return tools
    return runtime_missing("a sparse registry that cargo names", cargo_client.REMEDY)


def _check_compiler(job: Job, tools: Toolchain) -> Diagnosis | None:
    """Return that the compiler here is too old: that says nothing about the platform."""
    if not too_old(job.runtime_requirement, tools.cargo.version):
        return None
    return Diagnosis(
        category=Category.MISSING_DEP,
        subcategory=Subcategory.RUNTIME_TOO_OLD,
        reason=f"it wants Rust {job.runtime_requirement}, and {tools.cargo.version} is here",
        infra=True,
    )


def _environment(job: Job, tools: Toolchain) -> dict[str, str]:
    """Return what cargo is told in each phase. The addresses of the registries hold no secret; the routes may."""
    addresses = {name: value for name, value in job.client_environment.items() if name.startswith("CARGO_REGISTR")}
    return {
        "PATH": f"{tools.cargo.folder}:{SYSTEM_PATH}",
        # Crates of one name and version from two registries are two crates.
        "CARGO_HOME": f"{CACHE}/{digest_of(sorted(addresses.items()))[:16]}",
        "CARGO_TERM_COLOR": "never",
        "CARGO_TERM_PROGRESS_WHEN": "never",
        **addresses,
    }


def _cargo(tools: Toolchain) -> tuple[str, ...]:
    return (*tools.cargo.argv, *cargo_client.REPLACE)


def _registry(job: Job) -> str:
    """Return the registry of the crate itself: cargo wants it to be named where crates-io is replaced."""
    return job.client_environment.get("CARGO_REGISTRY_DEFAULT", cargo_client.CRATES_IO)


def _client_phase(job: Job, tools: Toolchain, name: str, script: str, stdout: Path | None = None) -> Phase:
    """Return a phase that runs cargo with the network on. No code of a package runs: nothing is compiled.

    cargo reads settings from the folder that it runs in, which is the empty home; those inside a crate are not read.
    """
    return Phase(
        name=name,
        argv=("/bin/sh", "-c", script, name, *_cargo(tools)),
        environment={
            **_environment(job, tools),
            "CRATE": identifier_of(job.source),
            "VERSION": job.version,
            "REGISTRY": _registry(job),
            "TARGET": tools.target,
            **job.client_environment,
        },
        mounts=(*tools.cargo.mounts, Mount(host=job.cache_folder, inside=CACHE, writable=True, cache=True)),
        network=True,
        limits=job.limits.fetch,
        stdout=stdout,
    )


def _build(course: Course, job: Job, tools: Toolchain) -> Path | Diagnosis:
    """Compile as `cargo install` does, in memory, and return the folder with what it installed."""
    limits = job.limits.compile
    wanted = ("--registry", _registry(job), f"{identifier_of(job.source)}@{job.version}")
    install = ("install", "--locked", "--offline", "--root", PREFIX, *wanted)
    environment = _environment(job, tools)
    archive = job.work_folder / "built.tar"
    built = course.run(
        Phase(
            name="build",
            argv=("/bin/sh", "-c", _BUILD, "build", *_cargo(tools), *install),
            environment={
                **environment,
                "FETCHED": environment["CARGO_HOME"],
                "CARGO_HOME": f"{_SCRATCH}/cargo",
                "CARGO_BUILD_JOBS": str(_JOBS),
                "CARGO_TARGET_DIR": f"{_SCRATCH}/target",
            },
            mounts=(*tools.cargo.mounts, Mount(host=job.cache_folder, inside=CACHE, cache=True)),
            network=False,
            limits=limits,
            tmpfs=(
                Tmpfs(inside=PREFIX, size_mb=max(limits.disk_mb // 4, 1)),
                Tmpfs(inside=_SCRATCH, size_mb=limits.disk_mb),
            ),
            stdout=archive,
        )
    )
    if not succeeded(built):
        return diagnose.compile_failure(built, limits)
    prefix = prepare_folder(job.work_folder / "prefix")
    unpacked = course.run(
        Phase(
            name="unpack",
            argv=("tar", "-C", PREFIX, "-xf", "/built.tar"),
            environment={},
            mounts=(Mount(host=prefix, inside=PREFIX, writable=True), Mount(host=archive, inside="/built.tar")),
            network=False,
            limits=job.limits.build,
        )
    )
    return prefix if succeeded(unpacked) else diagnose.build_failure(unpacked, job.limits.build)


def _run_setting(job: Job, tools: Toolchain, prefix: Path) -> Phase:
    """Return the phase in which installed executables run: no network, nothing to write to but the fresh home.

    Whoever has a subcommand of cargo has cargo.
    """
    extends = any(executable.startswith("cargo-") for executable in job.executables)
    folders = f"{tools.cargo.folder}:{SYSTEM_PATH}" if extends else SYSTEM_PATH
    return Phase(
        name="verify",
        argv=("true",),
        environment={"PATH": f"{PREFIX}/bin:{folders}", "NO_COLOR": "1"},
        mounts=(*(tools.cargo.mounts if extends else ()), Mount(host=prefix, inside=PREFIX)),
        network=False,
        limits=job.limits.verify,
    )


# ------------------------------------------------------------------------------------------- results


def _look(prefix: Path, crate: str) -> Installed:
    """Read the version from what cargo noted of the installation, and the names in `bin`."""
    try:
        noted = tomllib.loads((read_inside(prefix, ".crates.toml") or b"").decode())
    except (ValueError, RecursionError):
        noted = {}
    table = noted.get("v1")
    keys = [key.split(" ") for key in (table if isinstance(table, dict) else ())]
    versions = [key[1] for key in keys if len(key) == 3 and key[0] == crate]
    version = versions[0] if len(versions) == 1 else ""
    return Installed(version=version, executables=list_executables(prefix / "bin"))


def _predict_all(
    course: Course, job: Job, tools: Toolchain, platforms: tuple[Platform, ...]
) -> list[Prediction] | Diagnosis:
    """Return the predictions, or why there is no lock file."""
    if refusal := check_version(job):
        return refusal
    answer, content = _lock_file(course, job, tools)
    if not succeeded(answer):
        return diagnose.fetch_failure(answer, job.limits.fetch)
    names = cargo_lock.packages(content)
    if names is None:
        return Diagnosis(
            category=Category.INSTALL_FAILED,
            subcategory=Subcategory.BAD_METADATA,
            reason="its Cargo.lock cannot be read",
        )
    predictions = [cargo_lock.predict(names, platform) for platform in platforms]
    too = _check_compiler(job, tools)
    return [_unknown(each, too) for each in predictions] if too else predictions


def _lock_file(course: Course, job: Job, tools: Toolchain) -> tuple[PhaseOutput, bytes]:
    path = job.work_folder / "Cargo.lock"
    answer = course.run(_client_phase(job, tools, "lock", _LOCK, path))
    return answer, read_inside(job.work_folder, path.name) or b""


def _unknown(prediction: Prediction, diagnosis: Diagnosis) -> Prediction:
    """Return that only a machine with the wanted compiler can say."""
    reason = f"{diagnosis.subcategory}: {diagnosis.reason}"
    return Prediction(platform=prediction.platform, status="unknown", reason=reason)
