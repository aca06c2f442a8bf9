"""What a phase in the sandbox is, and what is asked of a backend."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from pipeline.config import PhaseLimits, ValidationConfig
from pipeline.model import Build, PhaseResult, StaticRecord, Step, Verdict
from pipeline.platforms import Platform


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A host folder or file shown inside the sandbox at `inside`."""

    host: Path
    inside: str
    writable: bool = False
    # Shared by jobs: writable only in a phase that runs no package code.
    cache: bool = False


class Tmpfs(msgspec.Struct, frozen=True, kw_only=True):
    """An empty folder in memory at `inside`, at most `size_mb` MiB; it ends with the phase."""

    inside: str
    size_mb: int


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One process tree to run: what, with which view of the host, within which limits."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    # With the network on, no package code may run: the host's loopback and the caches are within reach.
    network: bool
    limits: PhaseLimits
    # More folders in memory, besides `/tmp` and the home; their sizes are not counted as the phase's memory.
    tmpfs: tuple[Tmpfs, ...] = ()
    # A new file that gets the standard output instead of `PhaseOutput.output`; standard error stays there.
    stdout: Path | None = None
    # The largest file the phase may write, in MiB; 0 means `limits.disk_mb`.
    file_mb: int = 0
    # Set for programs that reserve little more address space than they use (Python, uv; not Node or Go): where
    # no cgroup can be made, their address space is then bounded too.
    bounded_address_space: bool = False


class PhaseOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a phase: the measured result for the record, and all output that was kept (head and tail)."""

    result: PhaseResult
    output: str
    # Why the phase says nothing about the package (the sandbox could not start, ...); "" when it does.
    infra_error: str = ""
    # A limit that ended it: "", "oom", "pids", "disk" or "timeout".
    limit_hit: str = ""
    limits_enforced: tuple[str, ...] = ()


class Sandbox(Protocol):
    """Runs phases. Never runs anything outside the sandbox. `name` is what verdicts call it."""

    name: str

    def version(self) -> str:
        """Return the sandbox program's version."""

    def unavailable(self) -> str:
        """Return "" when a sandbox can be made here, else why not, with the remedy."""

    def run(self, phase: Phase) -> PhaseOutput:
        """Run one phase to its end, its timeout or its limit; afterwards nothing of it is left running."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One package on one platform, as a backend needs it."""

    source: str
    version: str
    recipe_sha256: str
    made_from: str
    executables: tuple[str, ...]
    runtime_requirement: str
    has_install_scripts: bool
    platform: Platform
    limits: ValidationConfig
    # What the recipe installs, and the files for each platform where its release has such.
    steps: tuple[Step, ...]
    builds: tuple[Build, ...] = ()
    # Of the file that the recipe was made from, `algorithm:hex`; "" when the registry names none.
    artifact_digest: str = ""
    # Private to the job, empty, removed afterwards by the caller; caches are shared by all jobs of an ecosystem.
    work_folder: Path
    cache_folder: Path
    # Points the ordinary client to its registry (`Endpoints.environment`).
    client_environment: Mapping[str, str]


class Installer(Protocol):
    """How one ecosystem's packages are installed natively, as a module of `pipeline.sandbox.installers`."""

    REVISION: int
    # The action of the recipes that it can measure whoever wrote them: one step that names the package and no more.
    # "" where a step says more than that, or where nothing is installed here.
    ACTION: str

    def validate(self, job: Job, sandbox: Sandbox, now: str) -> Verdict:
        """Fetch, build where needed, verify; return what was measured. `now` is the verdict's time."""

    def predict(self, job: Job, sandbox: Sandbox, platforms: tuple[Platform, ...], now: str) -> StaticRecord:
        """Return what the metadata says about each platform (tier T0), from one look at the dependencies."""
