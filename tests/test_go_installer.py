"""What the installer of Go commands asks of a sandbox, and what it concludes from its answers."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pipeline.model import Subcategory, Verdict, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS
from pipeline.sandbox import go_client
from pipeline.sandbox.base import Job, Phase, PhaseOutput
from pipeline.sandbox.installers import go
from pipeline.sandbox.runtimes import Runtime
from tests.builders_recipe import steps_of
from tests.fakes_sandbox import FakeSandbox, answer, host_folder
from tests.test_installers import NOW, RUNTIMES, job_for

WITH_GO = msgspec.structs.replace(
    RUNTIMES, go=Runtime(argv=("/opt/go/bin/go",), folder="/opt/go/bin", version="1.26.8")
)
PACKAGE = "example.com/tool/cmd/tool"
BUILT = f"/prefix/bin/tool: go1.26.8\n\tpath\t{PACKAGE}\n\tmod\texample.com/tool\tv1.2.3\th1:x=\n\tdep\ta.b/c\tv9.9.9\n"

Answers = Callable[[Phase], PhaseOutput | None]


def job(tmp_path: Path, **changes: object) -> Job:
    made = msgspec.structs.replace(job_for(tmp_path, "go:example.com/tool"), steps=steps_of(f"go:{PACKAGE}"))
    return msgspec.structs.replace(made, **changes)


def building(answers: Answers = lambda phase: None, *executables: str) -> FakeSandbox:
    """A sandbox in which all goes well but for what `answers` says."""

    def script(phase: Phase) -> PhaseOutput:
        given = answers(phase)
        if given is not None:
            return given
        if phase.name == "build":
            folder = host_folder(phase, "/prefix") / "bin"
            folder.mkdir()
            for name in executables or ("tool",):
                folder.joinpath(name).write_text("", encoding="utf-8")
        return answer({"inspect": BUILT, "verify": "tool v1.2.3\n"}.get(phase.name, ""), name=phase.name)

    return FakeSandbox(script)


def failing(name: str, output: str, **changes: object) -> FakeSandbox:
    return building(lambda phase: answer(output, 1, name=name, **changes) if phase.name == name else None)


def validate(tmp_path: Path, sandbox: FakeSandbox, **changes: object) -> Verdict:
    return go.validate(job(tmp_path, **changes), sandbox, NOW, runtimes=WITH_GO)


def test_a_command_is_fetched_built_inspected_and_verified(tmp_path):
    """Each phase in its turn, and the verdict says what ran and which Go compiled it."""
    sandbox = building()
    verdict = validate(tmp_path, sandbox)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    assert [phase.name for phase in sandbox.phases] == ["fetch", "library", "build", "inspect", "verify"]
    assert verdict.runtime_versions == {"go": "1.26.8"}
    assert (verdict.observed_version, verdict.found_executables) == ("1.2.3", ["tool"])
    assert sandbox.phases[0].argv == ("/opt/go/bin/go", "install", "-n", f"{PACKAGE}@v1.2.3")


def test_the_network_is_on_only_where_nothing_is_built(tmp_path):
    """The module cache is writable in that phase alone; compilers and commands see neither network nor settings."""
    sandbox = building()
    made = job(tmp_path)
    longer = msgspec.structs.replace(made.limits.compile, timeout_seconds=900)
    limits = msgspec.structs.replace(made.limits, compile=longer)
    go.validate(msgspec.structs.replace(made, limits=limits), sandbox, NOW, runtimes=WITH_GO)
    fetch, *others = sandbox.phases
    assert fetch.network
    assert [mount.inside for mount in fetch.mounts if mount.writable] == ["/cache"]
    assert "-n" in fetch.argv
    for phase in others:
        assert not phase.network
        assert not any(mount.writable and mount.cache for mount in phase.mounts)
        assert "npm_config_registry" not in phase.environment
    assert not any(mount.writable for mount in others[-1].mounts)
    build = next(phase for phase in others if phase.name == "build")
    assert build.environment["GOPROXY"].startswith("file://")
    assert build.environment["CGO_ENABLED"] == "0"
    assert build.limits == longer


def test_the_library_is_compiled_once(tmp_path):
    """The second job finds what the first one made."""
    sandbox = building()
    first = job(tmp_path)
    go.validate(first, sandbox, NOW, runtimes=WITH_GO)
    work = tmp_path / "second"
    work.mkdir()
    go.validate(msgspec.structs.replace(first, work_folder=work), sandbox, NOW, runtimes=WITH_GO)
    assert [phase.name for phase in sandbox.phases].count("library") == 1
    builds = [phase for phase in sandbox.phases if phase.name == "build"]
    assert all("/library" in {mount.inside for mount in phase.mounts if not mount.writable} for phase in builds)


def test_without_a_library_a_command_is_built_all_the_same(tmp_path):
    """What only saves time stops nothing."""
    sandbox = failing("library", "no space left on device")
    assert validate(tmp_path, sandbox).status is VerdictStatus.VALIDATED
    build = next(phase for phase in sandbox.phases if phase.name == "build")
    assert build.argv[:2] == ("/opt/go/bin/go", "install")


@pytest.mark.parametrize(
    ("phase", "output", "status", "subcategory"),
    [
        ("fetch", "go: example.com/tool@v1.2.3: reading https://x/y: 404 Not Found", "failed", Subcategory.NOT_FOUND),
        (
            "fetch",
            "go: example.com/tool@v1.2.3 requires\n\td.e/f@v1: reading https://x/d.e/f/@v/v1.mod: 404 Not Found",
            "failed",
            Subcategory.DEPENDENCY_NOT_FOUND,
        ),
        (
            "fetch",
            "go: example.com/tool@v1: d.e/f@v2: invalid version: unknown revision v2",
            "failed",
            "dependency_not_found",
        ),
        (
            "fetch",
            "module example.com/tool@v1.2.3 found, but does not contain package example.com/tool/c",
            "failed",
            Subcategory.NOT_FOUND,
        ),
        ("fetch", "go: a.b/c@v1.2.3: reading https://x/y: 403 Forbidden", "infra_error", Subcategory.UPSTREAM_REFUSED),
        ("fetch", "go: https://x/y: 503 Service Unavailable", "infra_error", Subcategory.UPSTREAM_UNAVAILABLE),
        ("fetch", "go: https://x/y: 429 Too Many Requests", "infra_error", Subcategory.RATE_LIMITED),
        ("fetch", "dial tcp: lookup x: no such host", "infra_error", Subcategory.DNS_ERROR),
        ("fetch", "dial tcp 127.0.0.1:1: connect: connection refused", "infra_error", Subcategory.CONNECTION_ERROR),
        ("fetch", "tls: failed to verify certificate: x509: unknown", "infra_error", Subcategory.TLS_ERROR),
        ("fetch", "net/http: TLS handshake timeout", "infra_error", Subcategory.TIMEOUT),
        ("fetch", "verifying a.b/c@v1: checksum mismatch\nSECURITY ERROR", "failed", Subcategory.DIGEST_MISMATCH),
        ("fetch", "go.mod requires go >= 1.99 (running go 1.26.8)", "infra_error", Subcategory.RUNTIME_TOO_OLD),
        ("fetch", "It must not contain directives that would cause it to be", "failed", Subcategory.NOT_INSTALLABLE),
        ("fetch", "package a.b/c is not a main package", "failed", Subcategory.NO_EXECUTABLES),
        ("fetch", "build constraints exclude all Go files in /x", "failed", Subcategory.NO_PLATFORM_BUILD),
        ("build", "# a.b/c\nx.go:1:2: undefined: y\nx.go:3:4: z", "failed", Subcategory.INSTALL_ERROR),
        ("build", "compile: signal: killed", "failed", Subcategory.INSTALL_ERROR),
    ],
)
def test_each_failure_has_its_cause(tmp_path, phase, output, status, subcategory):
    """What lies with the registry, the network or this machine says nothing about the package."""
    verdict = validate(tmp_path, failing(phase, output))
    assert (verdict.status, verdict.subcategory) == (status, subcategory), verdict.reason
    assert "\n" not in verdict.reason


def test_the_compilers_first_error_is_the_reason(tmp_path):
    """What follows from it is left out."""
    verdict = validate(tmp_path, failing("build", "# a.b/c\nx.go:1:2: undefined: y\nx.go:3:4: z\n"))
    assert verdict.reason == "x.go:1:2: undefined: y"


@pytest.mark.parametrize(("limit", "subcategory"), [("oom", Subcategory.OOM), ("timeout", Subcategory.TIMEOUT)])
def test_a_limit_that_ended_the_build_is_named(tmp_path, limit, subcategory):
    """Whatever the compiler had said before."""
    verdict = validate(tmp_path, failing("build", "x.go:1:2: undefined: y", limit_hit=limit))
    assert verdict.subcategory is subcategory


def test_a_newer_go_than_is_here_is_no_fault_of_the_package(tmp_path):
    """The module's own word is enough: nothing is downloaded."""
    sandbox = building()
    verdict = validate(tmp_path, sandbox, runtime_requirement=">=1.27.0")
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_TOO_OLD)
    assert sandbox.phases == []


@pytest.mark.parametrize("requirement", ["", ">=1.26.8", ">=1.9", ">=1.26", ">=1.26rc1"])
def test_go_as_old_as_wanted_is_enough(tmp_path, requirement):
    """Releases are compared by their numbers."""
    assert validate(tmp_path, building(), runtime_requirement=requirement).status is VerdictStatus.VALIDATED


def test_without_go_nothing_is_learnt(tmp_path):
    """The verdict names the remedy, and so do the predictions."""
    verdict = go.validate(job(tmp_path), building(), NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_MISSING)
    assert "install Go" in verdict.reason
    (tmp_path / "more").mkdir()
    record = go.predict(job(tmp_path / "more"), building(), ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert not record.final
    assert {prediction.status for prediction in record.predictions} == {"unknown"}


def test_other_commands_than_the_recipes_are_a_failure(tmp_path):
    """Both differences are named."""
    verdict = validate(tmp_path, building(lambda phase: None, "other"))
    assert verdict.subcategory is Subcategory.EXE_MISMATCH
    assert verdict.reason == "missing: tool; not in the recipe: other"


@pytest.mark.parametrize(
    "output",
    [BUILT.replace("v1.2.3", "v1.2.4"), BUILT.replace(PACKAGE, "a.b/c"), "", BUILT.replace("v1.2.3", "(devel)")],
)
def test_a_program_of_another_module_or_version_is_a_failure(tmp_path, output):
    """What the linker wrote into the program must be what was asked for."""
    sandbox = building(lambda phase: answer(output, name="inspect") if phase.name == "inspect" else None)
    assert validate(tmp_path, sandbox).subcategory is Subcategory.VERSION_MISMATCH


def test_a_version_that_is_none_is_not_passed_to_go(tmp_path):
    """It could be an option or an address."""
    sandbox = building()
    assert validate(tmp_path, sandbox, version="1@x").subcategory is Subcategory.BAD_METADATA
    assert sandbox.phases == []


# ----------------------------------------------------------------------------------------- predicting


def test_each_system_and_architecture_is_resolved_once(tmp_path):
    """Eleven platforms are four targets; families and C libraries make no difference."""
    sandbox = building()
    record = go.predict(job(tmp_path), sandbox, ALL_PLATFORMS, NOW, runtimes=WITH_GO)
    assert record.final
    assert {prediction.status for prediction in record.predictions} == {"predicted_pass"}
    targets = [(phase.environment["GOOS"], phase.environment["GOARCH"]) for phase in sandbox.phases]
    assert sorted(targets) == [("darwin", "amd64"), ("darwin", "arm64"), ("linux", "amd64"), ("linux", "arm64")]


def test_a_target_without_files_is_predicted_to_fail(tmp_path):
    """The other targets are not."""

    def darwin_lacks(phase: Phase) -> PhaseOutput | None:
        if phase.environment.get("GOOS") != "darwin":
            return None
        return answer("package a.b/c: build constraints exclude all Go files in /cache/a.b/c@v1.2.3", 1)

    record = go.predict(job(tmp_path), building(darwin_lacks), ALL_PLATFORMS, NOW, runtimes=WITH_GO)
    by_status = {
        status: {
            prediction.platform.partition("-")[0] for prediction in record.predictions if prediction.status == status
        }
        for status in ("predicted_fail", "predicted_pass")
    }
    assert by_status == {"predicted_fail": {"darwin"}, "predicted_pass": {"linux"}}


def test_an_outage_predicts_nothing(tmp_path):
    """The record is not final, so the next run asks again."""
    sandbox = building(lambda phase: answer("dial tcp: lookup x: no such host", 1))
    record = go.predict(job(tmp_path), sandbox, ALL_PLATFORMS, NOW, runtimes=WITH_GO)
    assert not record.final
    assert len(sandbox.phases) == 1


@pytest.mark.parametrize(
    "output", ["", "\n\n\t\n\tmod\n\tpath\n", "\tpath\ta\n\tmod\tb\n", BUILT + "\tmod\tx\tv2.0.0\n"]
)
def test_what_go_says_of_no_program_is_no_version(output):
    """Lines that are missing, cut short or doubled."""
    assert go_client.built_version(output, PACKAGE) == ""
