"""The course of one validation: the phases that were run, and the verdict that they add up to."""

import functools
import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pipeline.checks import shorten
from pipeline.model import (
    BackendInfo,
    Category,
    PhaseResult,
    Prediction,
    StaticRecord,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
    Verify,
)
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Phase, PhaseOutput, Sandbox
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.runtimes import Runtimes, find_runtimes
from pipeline.sandbox.verify import Choice, Probe, choose, next_argument, printed_version

# Where the installed files stand in every phase: scripts carry absolute paths.
PREFIX = "/prefix"
CACHE = "/cache"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
# A record holds up to five answers of each executable; about twenty lines of each say enough.
_TAIL_CHARACTERS = 2_000
# A `package.json` is some kilobytes; what is larger was not made to be read.
_READ_BYTES = 4 * 1024 * 1024
# Semantic versions, and those of PEP 440 with their epochs.
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!_-]*")


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """What the fetch phase left: the version that the package's own metadata names, and the names in its `bin`."""

    version: str
    executables: tuple[str, ...]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """How each executable is verified, the main one first, and what the main one printed as its version.

    `unverified` says of each other executable that could not be verified which one it is and why.
    """

    verify: list[Verify]
    observed_version: str
    unverified: list[str]


@functools.cache
def runtimes_here() -> Runtimes:
    """Return this machine's runtimes, looked for once in a run."""
    return find_runtimes()


class Course:
    """Runs the phases of one job and keeps what was measured of each."""

    def __init__(self, job: Job, sandbox: Sandbox, now: str, runtime_versions: Mapping[str, str]) -> None:
        self._job = job
        self._sandbox = sandbox
        self._now = now
        self._runtime_versions = dict(runtime_versions)
        self._phases: list[PhaseResult] = []
        self._limits: dict[str, None] = {}

    def run(self, phase: Phase) -> PhaseOutput:
        """Run one phase and note its figures."""
        answer = self._sandbox.run(phase)
        tail = answer.result.output_tail[-_TAIL_CHARACTERS:]
        self._phases.append(msgspec.structs.replace(answer.result, output_tail=tail))
        self._limits |= dict.fromkeys(answer.limits_enforced)
        return answer

    def failed(self, diagnosis: Diagnosis, found: tuple[str, ...] = ()) -> Verdict:
        """Return the verdict for a course that ended in a failure, the package's or the infrastructure's."""
        status = VerdictStatus.INFRA_ERROR if diagnosis.infra else VerdictStatus.FAILED
        return self._verdict(status, diagnosis.reason, diagnosis.subcategory, found, None)

    def passed(self, verified: Verified, found: tuple[str, ...]) -> Verdict:
        """Return the verdict for a package whose every executable was verified."""
        main = verified.verify[0]
        said = f"printed {verified.observed_version}" if main.mode == "" else main.reason
        reason = "; not verified: ".join([f"{main.command}: {said}", *verified.unverified])
        return self._verdict(VerdictStatus.VALIDATED, reason, None, found, verified)

    def static(self, predictions: list[Prediction], *, final: bool) -> StaticRecord:
        """Return the predictions as a record; `seconds` is the wall time of the phases."""
        return StaticRecord(
            source=self._job.source,
            recipe_sha256=self._job.recipe_sha256,
            made_from=self._job.made_from,
            final=final,
            predictions=predictions,
            at=self._now,
            seconds=sum(phase.wall_s for phase in self._phases),
        )

    def _verdict(
        self,
        status: VerdictStatus,
        reason: str,
        subcategory: Subcategory | None,
        found: tuple[str, ...],
        verified: Verified | None,
    ) -> Verdict:
        job = self._job
        return Verdict(
            source=job.source,
            version=job.version,
            platform=job.platform.id,
            recipe_sha256=job.recipe_sha256,
            made_from=job.made_from,
            tier=Tier.NATIVE,
            status=status,
            subcategory=subcategory,
            reason=reason,
            phases=self._phases,
            found_executables=list(found),
            observed_version=verified.observed_version if verified else "",
            verify=verified.verify if verified else [],
            runtime_versions=self._runtime_versions,
            backend=BackendInfo(name=self._sandbox.name, version=self._sandbox.version()),
            limits_enforced=list(self._limits),
            at=self._now,
        )


def succeeded(answer: PhaseOutput) -> bool:
    """Say whether a phase ran to its end with status 0."""
    return answer.result.exit_code == 0 and not answer.limit_hit and not answer.infra_error


def runtime_missing(name: str, remedy: str) -> Diagnosis:
    """Return that this machine lacks the runtime itself: nothing was learnt about the package."""
    return Diagnosis(
        category=Category.MISSING_DEP,
        subcategory=Subcategory.RUNTIME_MISSING,
        reason=f"{name} is not on this machine; {remedy}",
        infra=True,
    )


def check_version(job: Job) -> Diagnosis | None:
    """Return why a version is none, or None. What else could stand after `@` or `==` is an address or an option."""
    if _VERSION.fullmatch(job.version):
        return None
    return Diagnosis(
        category=Category.INSTALL_FAILED,
        subcategory=Subcategory.BAD_METADATA,
        reason=f"{shorten(job.version)} is not a version",
    )


def check_installed(job: Job, installed: Installed) -> Diagnosis | None:
    """Return why what was installed is not what the recipe says, or None when it is."""
    if installed.version != job.version:
        return Diagnosis(
            category=Category.INSTALL_FAILED,
            subcategory=Subcategory.VERSION_MISMATCH,
            reason=f"version {installed.version or 'unknown'} was installed, not {job.version}",
        )
    expected, found = set(job.executables), set(installed.executables)
    if expected == found:
        return None
    differences = (("missing", expected - found), ("not in the recipe", found - expected))
    reason = "; ".join(f"{label}: {', '.join(sorted(names))}" for label, names in differences if names)
    return Diagnosis(category=Category.INSTALL_FAILED, subcategory=Subcategory.EXE_MISMATCH, reason=reason)


def list_executables(folder: Path) -> tuple[str, ...]:
    """Return the names in an installed `bin` of the prefix, sorted; a link that leads out of the prefix is none."""
    if not folder.is_dir() or folder.is_symlink():
        return ()
    names = []
    for entry in os.scandir(folder):
        if entry.is_symlink():
            target = posixpath.normpath(posixpath.join(PREFIX, "bin", Path(entry.path).readlink()))
            if target.startswith(f"{PREFIX}/"):
                names.append(entry.name)
        elif entry.is_file(follow_symlinks=False):
            names.append(entry.name)
    return tuple(sorted(names))


def read_inside(root: Path, relative: str) -> bytes | None:
    """Return a file below `root`, or None when it is missing, too large, or reached by a link that leaves `root`."""
    try:
        path = root.joinpath(relative).resolve(strict=True)
        if not path.is_relative_to(root.resolve()) or not path.is_file() or path.stat().st_size > _READ_BYTES:
            return None
        return path.read_bytes()
    except (OSError, RuntimeError):  # a circle of links is a RuntimeError before Python 3.13
        return None


def verify_executables(course: Course, job: Job, setting: Phase, *, engine_warned: bool) -> Verified | Diagnosis:
    """Ask each executable until it is clear how it is verified. The first one must be; `setting` is where they run.

    Of the others some only work with an optional extra that a plain install does not bring (`blackd` of black,
    `mypyc` of mypy): they are named, and the tool passes.
    """
    choices: list[Choice] = []
    unverified: list[str] = []
    for executable in job.executables:
        found = _verify_one(course, job, executable, setting, engine_warned=engine_warned, extra=bool(choices))
        if isinstance(found, Choice):
            choices.append(found)
        elif found.infra or not choices:
            return found
        else:
            unverified.append(found.reason)
    return Verified(
        verify=[choice.verify for choice in choices],
        observed_version=choices[0].observed_version,
        unverified=unverified,
    )


def _verify_one(
    course: Course, job: Job, executable: str, setting: Phase, *, engine_warned: bool, extra: bool
) -> Choice | Diagnosis:
    """Ask one executable. An `extra` one that lacks a module is asked once: it would say the same five times."""
    probes: list[Probe] = []
    failures: list[tuple[str, Diagnosis]] = []
    while (argument := next_argument(probes, job.version)) is not None:
        answer = course.run(msgspec.structs.replace(setting, argv=(f"{PREFIX}/bin/{executable}", argument)))
        exit_code = None if answer.limit_hit else answer.result.exit_code
        timed_out = answer.limit_hit == "timeout"
        probes.append(Probe(argument=argument, exit_code=exit_code, output=answer.output, timed_out=timed_out))
        if exit_code != 0:
            failure = diagnose.run_failure(answer, job.limits.verify, engine_warned=engine_warned)
            if failure.infra:
                return failure
            failures.append((f"{executable} {argument}", failure))
            if extra and diagnose.lacks_module(answer):
                break
    return choose(executable, probes, job.version) or _unverified(executable, probes, failures)


def _unverified(executable: str, probes: list[Probe], failures: list[tuple[str, Diagnosis]]) -> Diagnosis:
    """Return why an executable could not be verified: the first answer that names a cause, else the first one."""
    specific = [item for item in failures if item[1].subcategory is not Subcategory.VERIFY_ERROR]
    if not specific and (printed := printed_version(probes)):
        return Diagnosis(
            category=Category.VERIFY_FAILED,
            subcategory=Subcategory.VERSION_MISMATCH,
            reason=f"{executable} prints {printed} and succeeds with no argument",
        )
    if not failures:
        return Diagnosis(
            category=Category.VERIFY_FAILED,
            subcategory=Subcategory.VERIFY_ERROR,
            reason=f"{executable} prints nothing",
        )
    command, diagnosis = (specific or failures)[0]
    return msgspec.structs.replace(diagnosis, reason=f"{command}: {diagnosis.reason}")
