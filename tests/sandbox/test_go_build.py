"""Tiny modules from a registry on loopback, built by the real go in the real sandbox, and modules with tricks.

They print with `println`, so that of the standard library only the runtime is compiled.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pipeline.config import PhaseLimits, ValidationConfig
from pipeline.model import Subcategory, Verdict, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS, BY_ID
from pipeline.sandbox.base import Job, Phase, PhaseOutput
from pipeline.sandbox.bwrap import BwrapSandbox, prepare_folder
from pipeline.sandbox.installers import go
from pipeline.sandbox.runtimes import Runtimes
from tests.builders_recipe import steps_of
from tests.fake_registry import FakeRegistry
from tests.fakes_sandbox import answer

NOW = "2026-01-02T03:04:05Z"
MODULE = "example.com/Tiny/v2"
LIMITS = PhaseLimits(timeout_seconds=240, memory_mb=2048, pids=256, disk_mb=1024)
MAIN = 'package main\n\nfunc main() { println("tiny v2.1.0") }\n'
VERSION = "v2.1.0"

Run = Callable[..., Verdict]


class WithoutLibrary:
    """The real sandbox, in which only the whole standard library is not compiled: it takes too long for a test."""

    name = "bubblewrap"

    def __init__(self, sandbox: BwrapSandbox) -> None:
        self.sandbox = sandbox

    def version(self) -> str:
        return self.sandbox.version()

    def unavailable(self) -> str:
        return self.sandbox.unavailable()

    def run(self, phase: Phase) -> PhaseOutput:
        return answer("", 1, name=phase.name) if phase.name == "library" else self.sandbox.run(phase)


@pytest.fixture
def job(tmp_path: Path, sandbox: BwrapSandbox, runtimes: Runtimes) -> Job:
    if runtimes.go is None:
        pytest.skip("no go here")
    return Job(
        source=f"go:{MODULE}",
        version=VERSION.removeprefix("v"),
        recipe_sha256="0" * 64,
        made_from="1" * 64,
        executables=("Tiny",),
        runtime_requirement="",
        has_install_scripts=False,
        platform=BY_ID["linux-debian-glibc-x86_64"],
        limits=ValidationConfig(
            workers=1, attempts=1, fetch=LIMITS, build=LIMITS, verify=LIMITS, heavy=LIMITS, compile=LIMITS
        ),
        steps=steps_of(f"go:{MODULE}"),
        work_folder=prepare_folder(tmp_path / "work"),
        cache_folder=prepare_folder(tmp_path / "cache"),
        client_environment={},
    )


@pytest.fixture
def run(job: Job, sandbox: BwrapSandbox) -> Run:
    """Serve a module with these files, and validate it."""

    def validated(files: dict[str, str], **changes: object) -> Verdict:
        with FakeRegistry() as registry:
            registry.add_go(MODULE, {VERSION: {"go.mod": f"module {MODULE}\n\ngo 1.21\n", **files}})
            told = {"GOPROXY": registry.go_url, "GOSUMDB": "off"}
            changed = msgspec.structs.replace(job, client_environment=told, **changes)
            return go.validate(changed, WithoutLibrary(sandbox), NOW)

    return validated


def test_a_tiny_command_is_built_and_run(run: Run) -> None:
    """Capitals in its path, a suffix of a major version, and the version that it prints."""
    verdict = run({"main.go": MAIN})
    assert verdict.status is VerdictStatus.VALIDATED, verdict.phases
    assert verdict.observed_version == "2.1.0"
    assert verdict.found_executables == ["Tiny"]


def test_nothing_of_a_module_runs_while_it_is_built(run: Run, tmp_path: Path) -> None:
    """`go generate` lines, tests and cgo directives are text to the compiler; a package that needs C is excluded."""
    trick = f"#cgo CFLAGS: -fplugin={tmp_path}/evil.so\n#cgo LDFLAGS: -Wl,--wrap=x"
    verdict = run(
        {
            "main.go": MAIN.replace("package main", "//go:generate sh -c 'exit 1'\n\npackage main"),
            "evil_test.go": "package main\n\nfunc init() { panic(1) }\n",
            "c.go": f'package main\n\n/*\n{trick}\n*/\nimport "C"\n\nfunc init() {{ panic("c") }}\n',
        }
    )
    assert verdict.status is VerdictStatus.VALIDATED, verdict.phases


@pytest.mark.parametrize(
    "pattern", ["/etc/passwd", "../../../../etc/passwd", "/proc/self/environ"], ids=["absolute", "above", "environment"]
)
def test_files_outside_of_the_module_cannot_be_embedded(run: Run, pattern: str) -> None:
    """go refuses the pattern, and in the sandbox there is nothing worth to embed."""
    head = f'package main\n\nimport _ "embed"\n\n//go:embed {pattern}\n'
    text = f"{head}var data string\n\nfunc main() {{ println(data) }}\n"
    verdict = run({"main.go": text})
    assert verdict.status is VerdictStatus.FAILED
    assert "pattern" in verdict.reason


def test_a_go_mod_cannot_ask_for_a_toolchain(run: Run) -> None:
    """A newer one would be a program of somebody's that is downloaded and run."""
    verdict = run({"main.go": MAIN, "go.mod": f"module {MODULE}\n\ngo 1.99.0\n\ntoolchain go1.99.1\n"})
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_TOO_OLD)


def test_a_replaced_module_is_refused_by_go_itself(run: Run) -> None:
    """What the generator skips, go would not have installed."""
    verdict = run({"main.go": MAIN, "go.mod": f"module {MODULE}\n\ngo 1.21\n\nreplace a.b/c => ./c\n"})
    assert verdict.subcategory is Subcategory.NOT_INSTALLABLE


def test_a_command_that_wants_the_network_gets_none(run: Run) -> None:
    """The command runs without an interface: a socket to the registry that just served it cannot be made."""
    text = """\
package main

import "syscall"

func main() {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: 9, Addr: [4]byte{10, 1, 2, 3}})
	}
	if err == syscall.ENETUNREACH {
		println("tiny v2.1.0")
	}
}
"""
    verdict = run({"main.go": text})
    assert verdict.status is VerdictStatus.VALIDATED, verdict.phases


def test_a_command_cannot_change_the_module_cache_or_itself(run: Run) -> None:
    """Nothing but the fresh home and the temporary folder can be written to."""
    text = """\
package main

import "syscall"

func main() {
	for _, path := range []string{"/cache/x", "/prefix/x", "/prefix/bin/x", "/build/x", "/x", "/usr/x"} {
		if fd, err := syscall.Open(path, syscall.O_CREAT|syscall.O_WRONLY, 0o600); err == nil {
			syscall.Close(fd)
			println("wrote", path)
			return
		}
	}
	println("tiny v2.1.0")
}
"""
    verdict = run({"main.go": text})
    assert verdict.observed_version == "2.1.0", verdict.phases


def test_predictions_follow_the_files_of_each_system(job: Job, sandbox: BwrapSandbox) -> None:
    """A command with files for Linux alone is predicted to fail on macOS."""
    with FakeRegistry() as registry:
        registry.add_go(MODULE, {VERSION: {"main_linux.go": MAIN}})
        told = {"GOPROXY": registry.go_url, "GOSUMDB": "off"}
        record = go.predict(msgspec.structs.replace(job, client_environment=told), sandbox, ALL_PLATFORMS, NOW)
    assert record.final, record
    said = {prediction.platform: prediction.status for prediction in record.predictions}
    assert said == {
        platform.id: "predicted_pass" if platform.os == "linux" else "predicted_fail" for platform in ALL_PLATFORMS
    }


def test_a_registry_that_is_down_is_no_fault_of_the_package(job: Job, sandbox: BwrapSandbox) -> None:
    """Nothing answers at the address."""
    told = {"GOPROXY": "http://127.0.0.1:9", "GOSUMDB": "off"}
    verdict = go.validate(msgspec.structs.replace(job, client_environment=told), sandbox, NOW)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.CONNECTION_ERROR)
