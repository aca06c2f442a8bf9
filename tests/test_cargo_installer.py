"""What the cargo installer asks of a sandbox, and what it concludes from its answers."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pipeline.model import Subcategory, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Phase, PhaseOutput
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.installers import cargo
from pipeline.sandbox.runtimes import Runtime
from pipeline.sandbox.rust_toolchain import Toolchain, find_toolchain, too_old
from tests.fakes_sandbox import FakeSandbox, answer, host_folder
from tests.test_installers import LIMITS, NOW, job_for

TOOLCHAIN = Toolchain(
    cargo=Runtime(argv=("/opt/rust/bin/cargo",), folder="/opt/rust/bin", version="1.90.0"),
    target="x86_64-unknown-linux-gnu",
)
INDEX = {"CARGO_REGISTRIES_RECIPELINE_INDEX": "sparse+https://crates.example/"}
Script = Callable[[Phase], PhaseOutput]


def made(tmp_path: Path, *executables: str, **changes: object) -> Job:
    job = job_for(tmp_path, "cargo:tool", executables or ("tool",))
    route = {"HTTPS_PROXY": "http://me:secret@proxy.example"}
    return msgspec.structs.replace(job, **{"client_environment": INDEX | route, **changes})


def compiling(*executables: str, version: str = "1.2.3", build: PhaseOutput | None = None) -> Script:
    """A script in which cargo compiles these executables, which print the version."""

    def script(phase: Phase) -> PhaseOutput:
        if phase.name == "build" and build is not None:
            return build
        if phase.name == "unpack":
            prefix = host_folder(phase, "/prefix")
            (prefix / "bin").mkdir()
            for name in executables or ("tool",):
                (prefix / "bin" / name).write_text("")
            noted = f'[v1]\n"tool {version} (registry+https://crates.example/)" = {list(executables or ("tool",))}\n'
            (prefix / ".crates.toml").write_text(noted)
        return answer("tool 1.2.3\n", name=phase.name)

    return script


def test_a_crate_is_fetched_compiled_and_run(tmp_path):
    """Three phases and an unpacking in between, each in the verdict."""
    sandbox = FakeSandbox(compiling())
    verdict = cargo.validate(made(tmp_path), sandbox, NOW, toolchain=TOOLCHAIN)
    assert verdict.status is VerdictStatus.VALIDATED
    assert [phase.name for phase in sandbox.phases] == ["fetch", "build", "unpack", "verify"]
    assert verdict.runtime_versions == {"rust": "1.90.0"}
    assert (verdict.found_executables, verdict.observed_version) == (["tool"], "1.2.3")


def test_package_code_meets_neither_network_nor_secrets_nor_a_writable_cache(tmp_path):
    """Build scripts run in `build`: offline, with the cache read-only, without the proxy's password; so do tools."""
    sandbox = FakeSandbox(compiling())
    cargo.validate(made(tmp_path), sandbox, NOW, toolchain=TOOLCHAIN)
    fetch, build, unpack, verify = sandbox.phases
    assert [phase.network for phase in sandbox.phases] == [True, False, False, False]
    assert fetch.environment["HTTPS_PROXY"] == "http://me:secret@proxy.example"
    for phase in (build, unpack, verify):
        assert not any("secret" in value for value in phase.environment.values())
    assert not any(mount.writable for mount in (*build.mounts, *verify.mounts))
    assert {"--locked", "--offline", "tool@1.2.3"} <= set(build.argv)
    assert build.environment["FETCHED"] == fetch.environment["CARGO_HOME"] != build.environment["CARGO_HOME"]
    assert build.environment["CARGO_BUILD_JOBS"] == "2"
    assert "install" not in fetch.argv
    assert unpack.argv[0] == "tar"


def test_another_registry_has_a_cache_of_its_own(tmp_path):
    """Crates of one name and version from two registries are two crates."""
    homes = set()
    for at, address in enumerate(("https://a.example/", "https://b.example/")):
        sandbox = FakeSandbox(compiling())
        (tmp_path / str(at)).mkdir()
        job = msgspec.structs.replace(
            made(tmp_path / str(at)), client_environment={"CARGO_REGISTRIES_RECIPELINE_INDEX": f"sparse+{address}"}
        )
        cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
        homes.add(sandbox.phases[0].environment["CARGO_HOME"])
    assert len(homes) == 2


def test_without_an_address_no_registry_is_asked(tmp_path):
    """A cargo that does not say where its registry is would ask its built-in one in the sandbox."""
    sandbox = FakeSandbox(compiling())
    job = made(tmp_path, client_environment={"HTTPS_PROXY": "http://proxy.example"})
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_MISSING)
    assert not cargo.predict(job, sandbox, ALL_PLATFORMS, NOW, toolchain=TOOLCHAIN).final
    assert sandbox.phases == []


def test_other_executables_or_another_version_are_failures(tmp_path):
    """What cargo installed is compared with the recipe, name by name."""
    other = cargo.validate(made(tmp_path), FakeSandbox(compiling("tool", "extra")), NOW, toolchain=TOOLCHAIN)
    assert (other.subcategory, other.reason) == (Subcategory.EXE_MISMATCH, "not in the recipe: extra")
    (tmp_path / "second").mkdir()
    job = made(tmp_path / "second")
    older = cargo.validate(job, FakeSandbox(compiling(version="1.2.2")), NOW, toolchain=TOOLCHAIN)
    assert older.subcategory is Subcategory.VERSION_MISMATCH


def test_a_compiler_that_is_too_old_runs_nothing(tmp_path):
    """That Rust is older than the crate wants says nothing about the platform, in verdict and prediction."""
    sandbox = FakeSandbox(compiling())
    job = made(tmp_path, runtime_requirement=">=1.91")
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_TOO_OLD)
    assert sandbox.phases == []


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        (">=1.74", "1.74.0", False),
        (">=1.74.1", "1.74.0", True),
        (">=1.100", "1.99.0", True),
        (">=1.9", "1.74.0", False),
        (">=2", "1.99.1", True),
        (">=1.90", "1.91.0-nightly", False),
        ("", "1.0.0", False),
        ("odd", "1.0.0", False),
    ],
)
def test_compiler_versions_are_compared_by_number(wanted, version, expected):
    """A `rust-version` may have two or three numbers, or one."""
    assert too_old(wanted, version) is expected


# ------------------------------------------------------------------------------------------ failures


@pytest.mark.parametrize(
    ("output", "subcategory", "infra"),
    [
        ("The system library `alsa` required by crate `alsa-sys` was not found.", "missing_system_dep", False),
        ("Could not find directory of OpenSSL installation", "missing_system_dep", False),
        ("thread 'main' panicked: is `cmake` not installed?", "missing_system_dep", False),
        ('error occurred in cc-rs: failed to find tool "c++": No such file', "missing_system_dep", False),
        ("error: linker `cc` not found", "runtime_missing", True),
        ("/usr/bin/ld: cannot find -lxcb: No such file or directory", "missing_system_dep", False),
        ("rust-lld: error: unable to find library -lxcb", "missing_system_dep", False),
        ("wrapper.h:1:10: fatal error: sys/capability.h: No such file or directory", "missing_system_dep", False),
        ("Could not find `protoc`. If `protoc` is installed,", "missing_system_dep", False),
        ("error: package `x v1` requires rustc 1.99 or newer, while", "runtime_too_old", True),
        ("error: rustc 1.90.0 is not supported by the following packages:", "runtime_too_old", True),
        ("feature `edition2024` is required", "runtime_too_old", True),
        ("dns error: Temporary failure in name resolution", "network_at_verify", False),
        ("error[E0282]: type annotations needed\nerror: could not compile `time`", "install_error", False),
        ("error: failed to compile `x`, intermediate artifacts", "install_error", False),
    ],
)
def test_failed_compilations_are_understood(output, subcategory, infra):
    """What is missing is named; a compiler that is too old is the machine's fault, not the package's."""
    found = diagnose.compile_failure(answer(output, 101), LIMITS)
    assert (found.subcategory, found.infra) == (subcategory, infra)
    assert found.reason.split(":")[-1].strip()[:20] in output or "exit status" in found.reason


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("Error: ReadOnlyFilesystem", "Error: ReadOnlyFilesystem"),
        ("thread 'main' (2) panicked at build.rs:3:5:\n  no luck\n  note: run with", "no luck"),
    ],
)
def test_what_a_build_script_says_is_the_reason(stderr, said):
    """cargo only says that it failed; the cause stands further down."""
    output = (
        "error: failed to run custom build command for `tool v1.2.3`\n\nCaused by:\n  process didn't exit\n"
        f"  --- stdout\n  cargo:x=build.rs\n\n  --- stderr\n  {stderr}\nerror: failed to compile `tool`\n"
    )
    found = diagnose.compile_failure(answer(output, 101), LIMITS)
    assert found.reason == f"build script of tool v1.2.3: {said}"


@pytest.mark.parametrize(("limit", "subcategory"), [("oom", "oom"), ("timeout", "timeout"), ("disk", "disk")])
def test_ended_compilations_name_the_limit(tmp_path, limit, subcategory):
    """A compilation that was ended is a failure with the limit that it hit."""
    ended = answer("", None, limit_hit=limit, name="build")
    verdict = cargo.validate(made(tmp_path), FakeSandbox(compiling(build=ended)), NOW, toolchain=TOOLCHAIN)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, subcategory)


@pytest.mark.parametrize(
    ("output", "subcategory", "infra"),
    [
        ("  [6] Could not resolve hostname (Could not resolve host: x)", "dns_error", True),
        ("  [7] Could not connect to server", "connection_error", True),
        ("  [28] Timeout was reached", "timeout", True),
        ("  [60] SSL peer certificate or SSH remote key was not OK", "tls_error", True),
        ("failed to get successful HTTP response from `https://x/` (1.1.1.1), got 503", "upstream_unavailable", True),
        ("failed to get successful HTTP response from `https://x/`, got 429", "rate_limited", True),
        ("failed to get successful HTTP response from `https://x/`, got 401", "upstream_refused", True),
        (
            'error: failed to select a version for the requirement `a = "^1.0"` (locked to 1.0.11)\ncandidate versions',
            "upstream_unavailable",
            True,
        ),
        ('error: failed to select a version for the requirement `a = "^1.0"`\n', "dependency_not_found", False),
        ("error: could not find `tool@1.2.3` in registry `https://x/`", "not_found", False),
        ("failed to verify the checksum of `tool v1.2.3`", "digest_mismatch", False),
        ("error: package `tool v1` requires rustc 1.99 or newer", "runtime_too_old", True),
    ],
)
def test_failed_fetches_are_understood(tmp_path, output, subcategory, infra):
    """cargo quotes curl and the server; what they say is the network's or the registry's fault."""
    sandbox = FakeSandbox(lambda phase: answer(output, 101, name=phase.name, network=True))
    verdict = cargo.validate(made(tmp_path), sandbox, NOW, toolchain=TOOLCHAIN)
    assert verdict.subcategory == subcategory
    assert (verdict.status is VerdictStatus.INFRA_ERROR) is infra
    assert [phase.name for phase in sandbox.phases] == ["fetch"]


# --------------------------------------------------------------------------------------- predictions


def locking(content: bytes) -> Script:
    def script(phase: Phase) -> PhaseOutput:
        assert phase.stdout is not None
        phase.stdout.write_bytes(content)
        return answer(name=phase.name, network=True)

    return script


def lock(*names: str) -> bytes:
    return "".join(f'[[package]]\nname = "{name}"\nversion = "1.0.0"\n' for name in names).encode()


@pytest.mark.parametrize(
    ("names", "linux", "darwin"),
    [
        (("tool", "libc"), "predicted_pass", "predicted_pass"),
        (("tool", "openssl-sys"), "unknown", "predicted_pass"),
        (("tool", "openssl-sys", "openssl-src"), "predicted_pass", "predicted_pass"),
        (("tool", "alsa-sys"), "unknown", "predicted_pass"),
    ],
)
def test_one_lock_file_serves_all_platforms(tmp_path, names, linux, darwin):
    """Sources compile anywhere; a library of the system, unless it is built along, only a machine can judge."""
    sandbox = FakeSandbox(locking(lock(*names)))
    record = cargo.predict(made(tmp_path), sandbox, ALL_PLATFORMS, NOW, toolchain=TOOLCHAIN)
    assert record.final
    assert len(sandbox.phases) == 1
    assert {each.status for each in record.predictions if each.platform.startswith("linux")} == {linux}
    assert {each.status for each in record.predictions if each.platform.startswith("darwin")} == {darwin}


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"package = 3", b"a = " + b"[" * 50_000])
def test_an_unusable_lock_file_predicts_nothing(tmp_path, content):
    """What is no lock file leads to unknown, for good."""
    record = cargo.predict(made(tmp_path), FakeSandbox(locking(content)), ALL_PLATFORMS, NOW, toolchain=TOOLCHAIN)
    assert record.final
    assert {each.status for each in record.predictions} == {"unknown"}


def test_predictions_need_the_wanted_compiler(tmp_path):
    """Where this machine's compiler is too old, each platform is unknown."""
    job = made(tmp_path, runtime_requirement=">=1.91")
    record = cargo.predict(job, FakeSandbox(locking(lock("tool"))), ALL_PLATFORMS, NOW, toolchain=TOOLCHAIN)
    assert {each.status for each in record.predictions} == {"unknown"}


# ----------------------------------------------------------------------------------------- toolchain

DESCRIBED = "rustc 1.90.0 (abc 2026-01-01)\nhost: x86_64-unknown-linux-gnu\nrelease: {}\n"


class Machine:
    """A machine on which these programs are found, and whose compiler says this of itself."""

    def __init__(self, *programs: str, sysroot: Path | str = "", release: str = "1.90.0") -> None:
        self.programs, self.sysroot, self.release = programs, sysroot, release

    def which(self, name: str) -> str | None:
        return f"/home/me/.cargo/bin/{name}" if name in self.programs else None

    def ask(self, argv: tuple[str, ...]) -> str:
        if not self.release:
            return ""
        return str(self.sysroot) if "--print" in argv else DESCRIBED.format(self.release)

    def found(self) -> Toolchain | Diagnosis:
        return find_toolchain(self.which, self.ask)


def test_the_real_toolchain_behind_the_launcher_is_shown(tmp_path):
    """With rustup the sandbox gets the folder that holds the compiler, read-only, and not the launchers."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/cargo").write_text("")
    found = Machine("cargo", "rustc", "cc", sysroot=tmp_path).found()
    assert isinstance(found, Toolchain)
    assert found.target == "x86_64-unknown-linux-gnu"
    assert found.cargo.argv == ("/opt/rust/bin/cargo",)
    assert [(mount.host, mount.inside, mount.writable) for mount in found.cargo.mounts] == [
        (tmp_path, "/opt/rust", False)
    ]


@pytest.mark.parametrize(
    ("programs", "release", "said"),
    [
        (("rustc", "cc"), "1.90.0", "cargo is not"),
        (("cargo", "cc"), "1.90.0", "rustc is not"),
        (("cargo", "rustc"), "1.90.0", "cc, which links"),
        (("cargo", "rustc", "cc"), "", "rustup default stable"),
        (("cargo", "rustc", "cc"), "1.63.0", "Rust 1.82 or newer"),
        (("cargo", "rustc", "cc"), "1.90.0", "cargo beside the compiler"),
    ],
)
def test_what_is_missing_is_named_with_a_remedy(tmp_path, programs, release, said):
    """Each part of the toolchain that this machine lacks is told apart; nothing is said against the package."""
    found = Machine(*programs, sysroot=tmp_path, release=release).found()
    assert isinstance(found, Diagnosis)
    assert (found.subcategory, found.infra) == (Subcategory.RUNTIME_MISSING, True)
    assert said in found.reason
    (tmp_path / "job").mkdir()
    verdict = cargo.validate(made(tmp_path / "job"), FakeSandbox(compiling()), NOW, toolchain=found)
    assert verdict.status is VerdictStatus.INFRA_ERROR
