"""Files of GitHub releases: the one for this platform is downloaded, its programs are taken out, and run.

What is downloaded is what the recipe's pattern names, and has the digest of the evidence where there is one.
"""

from pathlib import Path

from pipeline.model import Artifact, Category, StaticRecord, Step, Subcategory, Verdict
from pipeline.platforms import READER_ARCH, Platform, cell_of
from pipeline.releases.pattern import expand, is_for
from pipeline.releases.programs import HEAD_BYTES, Program, read_program
from pipeline.releases.words import BARE
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Mount, Phase, Sandbox
from pipeline.sandbox.builds import predict_from_builds
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.course import (
    PREFIX,
    SYSTEM_PATH,
    Course,
    Installed,
    check_installed,
    check_version,
    list_executables,
    runtimes_here,
    succeeded,
    verify_executables,
)
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.runtimes import Runtime, Runtimes
from pipeline.sandbox.scripts import FOLDER
from pipeline.text import is_web_address

REVISION = 1
ACTION = ""

_SCRIPTS = "/scripts"
_DOWNLOAD = "/download"
_FILE = f"{_DOWNLOAD}/file"


def validate(job: Job, sandbox: Sandbox, now: str, *, runtimes: Runtimes | None = None) -> Verdict:
    """Download the release's file for this platform, take its programs out, and run each of them."""
    python = (runtimes or runtimes_here()).python
    course = Course(job, sandbox, now, {})
    found = check_version(job) or _chosen(job)
    if isinstance(found, Diagnosis):
        return course.failed(found)
    step, artifact = found
    downloads = prepare_folder(job.work_folder / "download")
    fetched = course.run(_fetch(job, python, artifact, Mount(host=downloads, inside=_DOWNLOAD, writable=True)))
    if not succeeded(fetched):
        return course.failed(diagnose.fetch_failure(fetched, job.limits.fetch))
    folder = prepare_folder(job.work_folder / "prefix")
    placed = course.run(_place(job, python, step, Mount(host=downloads, inside=_DOWNLOAD), folder))
    if not succeeded(placed):
        return course.failed(diagnose.build_failure(placed, job.limits.build))
    executables = list_executables(folder / "bin")
    mismatch = check_installed(job, Installed(version=job.version, executables=executables))
    if refusal := mismatch or _cannot_run(job, folder / "bin"):
        return course.failed(refusal, executables)
    checked = verify_executables(course, job, _run_setting(job, folder), engine_warned=False)
    return (
        course.failed(checked, executables) if isinstance(checked, Diagnosis) else course.passed(checked, executables)
    )


def predict(job: Job, sandbox: Sandbox, platforms: tuple[Platform, ...], now: str) -> StaticRecord:  # noqa: ARG001  # the list of files says it
    """Say for each platform whether the release has a file for it."""
    return predict_from_builds(job, platforms, now)


# -------------------------------------------------------------------------------------------- choice


def _chosen(job: Job) -> tuple[Step, Artifact] | Diagnosis:
    """Return the recipe's step for this platform, and the file that it names in the evidence."""
    cell = cell_of(job.platform)
    step = next((step for step in job.steps if is_for(step.when, cell)), None)
    served = {platform: build.artifact for build in job.builds for platform in build.platforms}
    artifact = served.get(job.platform.id)
    if step is None or artifact is None:
        return Diagnosis(
            category=Category.INSTALL_FAILED,
            subcategory=Subcategory.NO_PLATFORM_BUILD,
            reason=f"version {job.version} has no file for this platform",
        )
    named = expand(step, cell, job.version)
    if named != artifact.name:
        return _bad_evidence(f"the recipe names {named[:100]!a}, the evidence {artifact.name[:100]!a}")
    if not is_web_address(artifact.url):
        return _bad_evidence(f"the evidence gives no web address for {artifact.name[:100]!a}")
    return step, artifact


def _bad_evidence(reason: str) -> Diagnosis:
    return Diagnosis(category=Category.INSTALL_FAILED, subcategory=Subcategory.BAD_METADATA, reason=reason)


def _cannot_run(job: Job, folder: Path) -> Diagnosis | None:
    """Return why the kernel would not start a program here, which then only says that it was not found."""
    for name in job.executables:
        with (folder / name).open("rb") as file:
            program = read_program(file.read(HEAD_BYTES))
        if (reason := _misfit(job.platform, program)) is not None:
            return Diagnosis(
                category=Category.INSTALL_FAILED,
                subcategory=Subcategory.NO_PLATFORM_BUILD,
                reason=f"{name} {reason}",
            )
    return None


def _misfit(platform: Platform, program: Program | None) -> str | None:
    if program is None or program.kind == "script":
        return None if program else "is no program"
    if program.kind != "elf" or program.arch not in READER_ARCH or program.arch != platform.arch:
        return f"is a program for {program.arch or 'macOS'}, not for {platform.arch}"
    if program.libc in {"glibc", "musl"} and program.libc != platform.libc:
        return f"needs the loader of {program.libc}, and this platform has {platform.libc}"
    return None


# -------------------------------------------------------------------------------------------- phases


def _script(python: Runtime, name: str, *arguments: str) -> tuple[str, ...]:
    # Isolated: no packages of the user's, and nothing of the folder that it runs in.
    return (*python.argv, "-I", "-S", f"{_SCRIPTS}/{name}", *arguments)


def _fetch(job: Job, python: Runtime, artifact: Artifact, downloads: Mount) -> Phase:
    """Return the phase that downloads the file with the network on; no code of the package runs."""
    wanted = (artifact.url, _FILE, str(artifact.size or 0), artifact.digest)
    return Phase(
        name="fetch",
        argv=_script(python, "fetch_file.py", *wanted),
        environment={**python.environment, "PATH": SYSTEM_PATH, **job.client_environment},
        mounts=(*python.mounts, Mount(host=FOLDER, inside=_SCRIPTS), downloads),
        network=True,
        limits=job.limits.fetch,
        bounded_address_space=True,
    )


def _place(job: Job, python: Runtime, step: Step, downloads: Mount, prefix: Path) -> Phase:
    """Return the phase that takes the programs out of the file, without a network."""
    binaries = step.params.get("binaries")
    paths = [str(path) for path in binaries] if isinstance(binaries, list) else [str(step.params["binary"])]
    form, strip = str(step.params.get("archive_format", BARE)), str(step.params.get("strip_dirs", 0))
    return Phase(
        name="unpack",
        argv=_script(python, "place_programs.py", _FILE, form, strip, f"{PREFIX}/bin", *paths),
        environment={**python.environment, "PATH": SYSTEM_PATH},
        mounts=(
            *python.mounts,
            Mount(host=FOLDER, inside=_SCRIPTS),
            downloads,
            Mount(host=prefix, inside=PREFIX, writable=True),
        ),
        network=False,
        limits=job.limits.build,
        bounded_address_space=True,
    )


def _run_setting(job: Job, prefix: Path) -> Phase:
    """Return the phase in which the programs run: no network, nothing to write to but the fresh home."""
    return Phase(
        name="verify",
        argv=("true",),
        environment={"PATH": f"{PREFIX}/bin:{SYSTEM_PATH}", "NO_COLOR": "1"},
        mounts=(Mount(host=prefix, inside=PREFIX),),
        network=False,
        limits=job.limits.verify,
    )
