"""A sandbox that runs nothing: it answers each phase from a script and makes the files that the real one would."""

from collections.abc import Callable
from pathlib import Path

from pipeline.model import PhaseResult
from pipeline.sandbox.base import Phase, PhaseOutput


def answer(
    output: str = "",
    exit_code: int | None = 0,
    *,
    name: str = "phase",
    limit_hit: str = "",
    infra_error: str = "",
    network: bool = False,
    signal: int | None = None,
) -> PhaseOutput:
    """Return what a phase came to, with the figures that no test looks at filled in."""
    result = PhaseResult(
        name=name,
        exit_code=exit_code,
        signal=signal,
        timed_out=limit_hit == "timeout",
        wall_s=0.25,
        network=network,
        output_tail=output,
    )
    return PhaseOutput(
        result=result, output=output, infra_error=infra_error, limit_hit=limit_hit, limits_enforced=("memory:rlimit",)
    )


class FakeSandbox:
    """Satisfies `Sandbox`. `script` gives the answer to a phase; every phase that was asked for is kept."""

    name = "fake"

    def __init__(self, script: Callable[[Phase], PhaseOutput]) -> None:
        self._script = script
        self.phases: list[Phase] = []

    def version(self) -> str:
        return "0.0-fake"

    def unavailable(self) -> str:
        return ""

    def run(self, phase: Phase) -> PhaseOutput:
        self.phases.append(phase)
        return self._script(phase)


def host_folder(phase: Phase, inside: str) -> Path:
    """Return the host's folder that a phase sees at `inside`."""
    return next(mount.host for mount in phase.mounts if mount.inside == inside)
