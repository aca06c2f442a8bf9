"""All checks of the machine, in the order in which they are shown; run side by side, none longer than its time."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from pipeline.doctor import files, git, python, registries, resources, sandboxes
from pipeline.doctor.base import Check, Finding, Machine, failed

CHECKS: Mapping[str, Check] = {
    "files": files.examine,
    "python": python.examine,
    "resources": resources.examine,
    "platform": sandboxes.platforms,
    "sandbox": sandboxes.sandbox,
    "control groups": sandboxes.control_groups,
    "runtimes": sandboxes.runtimes,
    "registries": registries.examine,
    "git": git.examine,
    "forge": git.forge,
}
# Everything that a check waits for ends sooner by itself; this bounds what nobody thought of, such as a dead disk.
PATIENCE = 30.0  # seconds


def examine(machine: Machine, patience: float = PATIENCE, checks: Mapping[str, Check] = CHECKS) -> list[Finding]:
    """Run all checks at once and return what they found, in their order."""
    pool = ThreadPoolExecutor(max_workers=len(checks))
    try:
        running = {name: pool.submit(_findings, check, machine) for name, check in checks.items()}
        wait(running.values(), timeout=patience)
        return [finding for name, future in running.items() for finding in _found(name, future, patience)]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _findings(check: Check, machine: Machine) -> list[Finding]:
    return list(check(machine))


def _found(name: str, future: Future[list[Finding]], patience: float) -> Iterable[Finding]:
    if future.done():
        return future.result()
    return [failed(name, f"no result within {patience:g} s", "see what holds it up: a disk, or a program that hangs")]
