"""What the installers ask of a sandbox, and what they conclude from its answers."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pipeline.config import PhaseLimits, ValidationConfig
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Draft
from pipeline.model import Subcategory, VerdictStatus, Verify
from pipeline.platforms import ALL_PLATFORMS, BY_ID
from pipeline.sandbox.base import Job, Phase, PhaseOutput
from pipeline.sandbox.installers import INSTALLERS, npm, pypi
from pipeline.sandbox.runtimes import Runtime, Runtimes
from tests.builders_recipe import steps_of
from tests.ecosystems.samples import all_samples
from tests.fakes_sandbox import FakeSandbox, answer, host_folder

NOW = "2026-01-02T03:04:05Z"
LIMITS = PhaseLimits(timeout_seconds=30, memory_mb=1024, pids=128, disk_mb=256)
RUNTIMES = Runtimes(
    node=Runtime(argv=("/opt/node/bin/node",), folder="/opt/node/bin", version="24.1.0"),
    npm=Runtime(argv=("/opt/node/bin/node", "/opt/npm.js"), folder="/opt/node/bin", version="11.0.0"),
    uv=Runtime(argv=("/opt/uv/uv",), folder="/opt/uv", version="0.13.0"),
    python=Runtime(argv=("/opt/python/bin/python3",), folder="/opt/python/bin", version="3.12.1"),
)
BARE = msgspec.structs.replace(RUNTIMES, node=None, npm=None, uv=None)
ENGINE = "npm warn EBADENGINE   package: 'tool@1.2.3',\nnpm warn EBADENGINE   required: { node: '>=26' },\n"

Script = Callable[[Phase], PhaseOutput]


def job_for(tmp_path: Path, source: str, executables: tuple[str, ...] = ("tool",)) -> Job:
    work, cache = tmp_path / "work", tmp_path / "cache"
    work.mkdir()
    cache.mkdir()
    return Job(
        source=source,
        version="1.2.3",
        recipe_sha256="0" * 64,
        made_from="1" * 64,
        executables=executables,
        runtime_requirement="",
        has_install_scripts=False,
        platform=BY_ID["linux-debian-glibc-x86_64"],
        limits=ValidationConfig(
            workers=1, attempts=1, fetch=LIMITS, build=LIMITS, verify=LIMITS, heavy=LIMITS, compile=LIMITS
        ),
        steps=steps_of(source),
        work_folder=work,
        cache_folder=cache,
        client_environment={"npm_config_registry": "https://registry.example"},
    )


def install(phase: Phase, *executables: str, version: str = "1.2.3", manifest: dict[str, object] | None = None) -> None:
    """Do what npm and uv do to the prefix."""
    prefix = host_folder(phase, "/prefix")
    package = prefix / "lib/node_modules/tool"
    package.mkdir(parents=True)
    package.joinpath("package.json").write_bytes(msgspec.json.encode({"version": version, **(manifest or {})}))
    prefix.joinpath(f"tools/tool/lib/python3.12/site-packages/Tool-{version}.dist-info").mkdir(parents=True)
    prefix.joinpath("bin").mkdir()
    for name in executables:
        prefix.joinpath("bin", name).symlink_to("../lib/node_modules/tool/cli.js")


def installing(answers: Script, *executables: str, version: str = "1.2.3") -> Script:
    """A script whose fetch succeeds; `answers` gives the rest."""

    def script(phase: Phase) -> PhaseOutput:
        if phase.name != "fetch":
            return answers(phase)
        install(phase, *(executables or ("tool",)), version=version)
        return answer("added 1 package", name="fetch", network=True)

    return script


def prints_version(phase: Phase) -> PhaseOutput:
    return answer("tool 1.2.3\n", name=phase.name)


BOTH = pytest.mark.parametrize(("source", "module"), [("npm:tool", npm), ("pypi:tool", pypi)])


def test_each_installer_stands_under_its_ecosystem():
    """The table names no other, and each has a revision."""
    assert set(INSTALLERS) <= set(ECOSYSTEMS)
    assert all(installer.REVISION >= 1 for installer in INSTALLERS.values())


def test_an_installer_names_the_action_of_its_ecosystems_recipes():
    """What a command's recipe is compared with is what the ecosystem's own recipes do; else it has no such action."""
    drafts = {key: sample.make() for key, sample in all_samples().items()}
    own = {
        (key.partition("-")[0], step.action)
        for key, draft in drafts.items()
        if isinstance(draft, Draft)
        for step in draft.recipe.steps
    }
    named = {(ecosystem, installer.ACTION) for ecosystem, installer in INSTALLERS.items() if installer.ACTION}
    assert {found for found in own if INSTALLERS[found[0]].ACTION} == named


@BOTH
def test_a_tool_that_prints_its_version_is_validated(tmp_path, source, module):
    """The verdict holds the command that was really run, what it printed, and each phase."""
    sandbox = FakeSandbox(installing(prints_version))
    verdict = module.validate(job_for(tmp_path, source), sandbox, NOW, runtimes=RUNTIMES)
    assert verdict.status is VerdictStatus.VALIDATED
    assert verdict.verify == [Verify(command="tool --version", pattern="{version}")]
    assert (verdict.observed_version, verdict.found_executables) == ("1.2.3", ["tool"])
    assert [phase.name for phase in verdict.phases] == ["fetch", "verify"]
    assert verdict.backend is not None
    assert verdict.limits_enforced == ["memory:rlimit"]
    assert verdict.at == NOW


@BOTH
def test_package_code_meets_neither_network_nor_a_writable_folder(tmp_path, source, module):
    """The phase that runs executables has no network, no cache and a read-only prefix; fetch runs the client alone."""
    sandbox = FakeSandbox(installing(prints_version))
    module.validate(job_for(tmp_path, source), sandbox, NOW, runtimes=RUNTIMES)
    fetch, verify = sandbox.phases
    assert fetch.network
    assert "--ignore-scripts" in fetch.argv or "--no-build" in fetch.argv
    assert fetch.environment["npm_config_registry"] == "https://registry.example"
    assert not verify.network
    assert verify.argv == ("/prefix/bin/tool", "--version")
    assert not any(mount.writable or mount.cache for mount in verify.mounts)
    assert "npm_config_registry" not in verify.environment


@BOTH
def test_other_executables_than_the_recipes_are_a_failure(tmp_path, source, module):
    """Both differences are named: what is missing and what the recipe does not know."""
    sandbox = FakeSandbox(installing(prints_version, "tool", "extra"))
    verdict = module.validate(job_for(tmp_path, source, ("tool", "gone")), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.EXE_MISMATCH)
    assert verdict.reason == "missing: gone; not in the recipe: extra"
    assert verdict.found_executables == ["extra", "tool"]


@BOTH
def test_another_version_than_asked_for_is_a_failure(tmp_path, source, module):
    """The installed package's own metadata must name the version."""
    sandbox = FakeSandbox(installing(prints_version, version="1.2.4"))
    verdict = module.validate(job_for(tmp_path, source), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.subcategory, verdict.reason) == ("version_mismatch", "version 1.2.4 was installed, not 1.2.3")


@BOTH
def test_a_registrys_outage_is_an_infrastructure_error(tmp_path, source, module):
    """Neither the verdict nor the predictions say anything about the package."""
    sandbox = FakeSandbox(lambda phase: answer("npm error code E503\nHTTP status server error (503", 1))
    job = job_for(tmp_path, source)
    verdict = module.validate(job, sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.UPSTREAM_UNAVAILABLE)
    record = module.predict(job, sandbox, ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert not record.final
    assert {prediction.status for prediction in record.predictions} == {"unknown"}
    assert len(record.predictions) == len(ALL_PLATFORMS)


@pytest.mark.parametrize(
    ("source", "module", "said"),
    [
        ("npm:tool", npm, "npm error code EBADENGINE\nnpm error engine Unsupported engine"),
        ("pypi:tool", pypi, "the current Python version (3.11.7) does not satisfy Python>=3.12"),
    ],
)
def test_a_runtime_that_is_too_old_says_nothing_of_the_platform(tmp_path, source, module, said):
    """A newer Node or Python on this machine would do: the platform must not be excluded."""
    verdict = module.validate(
        job_for(tmp_path, source), FakeSandbox(lambda phase: answer(said, 1)), NOW, runtimes=RUNTIMES
    )
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_TOO_OLD)


@BOTH
def test_a_runtime_that_shows_only_when_the_tool_runs_is_the_machines_too(tmp_path, source, module):
    """Whether the installer or the tool says it: the machine lacks the runtime."""
    sandbox = FakeSandbox(installing(lambda phase: answer("tool requires Python 3.99 or newer", 1)))
    verdict = module.validate(job_for(tmp_path, source), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_TOO_OLD)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("npm error code ETARGET\nnpm error notarget No matching version found for tool@1.2.3.", "not_found"),
        ("npm error code ETARGET\nnpm error notarget No matching version found for @a/b@^9.", "dependency_not_found"),
        ("npm error code E404\nnpm error 404  'tool@1.2.3' is not in this registry.", "not_found"),
        ("npm error code E404\nnpm error 404  'b@1' is not in this registry.", "dependency_not_found"),
        ("npm error code E404\nnpm error 404  The requested resource 'b@1' could not be found", "dependency_not_found"),
        ("npm error code E404\nnpm error 404 Not Found - GET https://registry.example/b", "not_found"),
    ],
)
def test_npm_names_what_the_registry_does_not_have(tmp_path, said, cause):
    """The queue's own package was there when the recipe was made; a dependency may never have been."""
    sandbox = FakeSandbox(lambda phase: answer(said, 1))
    verdict = npm.validate(job_for(tmp_path, "npm:tool"), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, cause)


@BOTH
def test_a_missing_runtime_runs_nothing(tmp_path, source, module):
    """Without Node or uv there is no phase, and no word against the package."""
    sandbox = FakeSandbox(prints_version)
    job = job_for(tmp_path, source)
    verdict = module.validate(job, sandbox, NOW, runtimes=BARE)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_MISSING)
    assert not module.predict(job, sandbox, ALL_PLATFORMS, NOW, runtimes=BARE).final
    assert sandbox.phases == []


@BOTH
@pytest.mark.parametrize(
    "version", ["git+https://a.example/b", "1.0\n--index-url https://a.example", "", "-1", "latest"]
)
def test_what_is_no_version_runs_nothing(tmp_path, source, module, version):
    """An address, an option or a tag in the place of a version never reaches a command line."""
    sandbox = FakeSandbox(prints_version)
    job = msgspec.structs.replace(job_for(tmp_path, source), version=version)
    verdict = module.validate(job, sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.BAD_METADATA)
    record = module.predict(job, sandbox, ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert {prediction.status for prediction in record.predictions} == {"unknown"}
    assert sandbox.phases == []


@pytest.mark.parametrize("link", ["package.json", "/etc/hostname", "../../../../secret.json"])
def test_a_manifest_behind_a_link_is_not_read(tmp_path, link):
    """A `package.json` that points at itself or out of the prefix names no version."""
    tmp_path.joinpath("secret.json").write_text('{"version": "1.2.3"}')

    def script(phase: Phase) -> PhaseOutput:
        if phase.name == "fetch":
            install(phase, "tool")
            manifest = host_folder(phase, "/prefix") / "lib/node_modules/tool/package.json"
            manifest.unlink()
            manifest.symlink_to(link)
        return prints_version(phase)

    verdict = npm.validate(job_for(tmp_path, "npm:tool"), FakeSandbox(script), NOW, runtimes=RUNTIMES)
    assert verdict.reason == "version unknown was installed, not 1.2.3"


@BOTH
def test_a_version_newer_than_the_cache_is_asked_for_again(tmp_path, source, module):
    """The second fetch asks for fresh metadata; its answer counts."""

    def script(phase: Phase) -> PhaseOutput:
        if phase.name == "fetch":
            return answer("npm error code ETARGET\nthere is no version of tool==1.2.3", 1)
        if phase.name == "fetch-fresh":
            install(phase, "tool")
        return prints_version(phase)

    sandbox = FakeSandbox(script)
    verdict = module.validate(job_for(tmp_path, source), sandbox, NOW, runtimes=RUNTIMES)
    assert verdict.status is VerdictStatus.VALIDATED
    assert {"--prefer-online", "--refresh"} & set(sandbox.phases[1].argv)


def test_an_extra_executable_that_fails_is_named_and_the_tool_passes(tmp_path):
    """`blackd` needs an optional dependency: black itself is validated."""

    def script(phase: Phase) -> PhaseOutput:
        broken = answer("ImportError: aiohttp is not installed", 1, name=phase.name)
        return broken if phase.argv[0].endswith("extra") else prints_version(phase)

    sandbox = FakeSandbox(installing(script, "tool", "extra"))
    verdict = pypi.validate(job_for(tmp_path, "pypi:tool", ("tool", "extra")), sandbox, NOW, runtimes=RUNTIMES)
    assert verdict.status is VerdictStatus.VALIDATED
    assert [verify.command for verify in verdict.verify] == ["tool --version"]
    assert "not verified: extra --version: exit status 1: ImportError: aiohttp" in verdict.reason


@pytest.mark.parametrize(
    ("said", "asked"),
    [("ModuleNotFoundError: No module named 'jinja2'", 1), ("error: the following arguments are required: file", 5)],
)
def test_an_extra_executable_that_lacks_a_module_is_asked_once(tmp_path, said, asked):
    """What a plain install did not bring is missing whatever the argument; any other error may depend on it."""

    def verify(phase: Phase) -> PhaseOutput:
        return answer(said, 1, name="verify") if phase.argv[0].endswith("extra") else prints_version(phase)

    sandbox = FakeSandbox(installing(verify, "tool", "extra"))
    job = job_for(tmp_path, "pypi:tool", ("tool", "extra"))
    assert pypi.validate(job, sandbox, NOW, runtimes=RUNTIMES).status is VerdictStatus.VALIDATED
    assert [phase.argv[0].endswith("extra") for phase in sandbox.phases].count(True) == asked


def test_a_main_executable_that_lacks_a_module_is_asked_in_every_way(tmp_path):
    """Some tools need more for `--version` than for the rest, so a tool is not given up after its first answer."""

    def verify(phase: Phase) -> PhaseOutput:
        lacking = answer("ModuleNotFoundError: No module named 'pkg_resources'", 1, name="verify")
        return prints_version(phase) if phase.argv[1] == "-v" else lacking

    verdict = pypi.validate(job_for(tmp_path, "pypi:tool"), FakeSandbox(installing(verify)), NOW, runtimes=RUNTIMES)
    assert verdict.verify == [Verify(command="tool -v", pattern="{version}")]


def test_the_main_executable_must_run(tmp_path):
    """The cause stands in the reason with the command that showed it."""
    sandbox = FakeSandbox(installing(lambda phase: answer("Error: spawn java ENOENT", 1, name=phase.name)))
    verdict = pypi.validate(job_for(tmp_path, "pypi:tool"), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.MISSING_SYSTEM_DEP)
    assert verdict.reason == "tool --version: Error: spawn java ENOENT"


def test_a_sandbox_that_dies_while_verifying_ends_the_course(tmp_path):
    """No other question is asked, and the package is not blamed."""
    sandbox = FakeSandbox(installing(lambda phase: answer("", None, infra_error="bwrap: died", name=phase.name)))
    verdict = npm.validate(job_for(tmp_path, "npm:tool"), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, len(sandbox.phases)) == (VerdictStatus.INFRA_ERROR, 2)


@pytest.mark.parametrize("link", ["/usr/bin/env", "../../etc/passwd", "/prefix/../etc/passwd"])
def test_a_link_out_of_the_prefix_is_no_executable(tmp_path, link):
    """A `bin` entry that points at the system's files does not count as installed."""

    def script(phase: Phase) -> PhaseOutput:
        if phase.name == "fetch":
            install(phase)
            host_folder(phase, "/prefix").joinpath("bin/tool").symlink_to(link)
        return prints_version(phase)

    verdict = npm.validate(job_for(tmp_path, "npm:tool"), FakeSandbox(script), NOW, runtimes=RUNTIMES)
    assert (verdict.subcategory, verdict.reason) == (Subcategory.EXE_MISMATCH, "missing: tool")


def test_install_scripts_run_offline_when_the_tool_needs_them(tmp_path):
    """A tool of whose tree a package has an install script is built without a network, on a copy, and asked again."""
    asked: list[str] = []

    def script(phase: Phase) -> PhaseOutput:
        asked.append(phase.name)
        if phase.name == "fetch":
            install(phase, "tool")
            nested = host_folder(phase, "/prefix") / "lib/node_modules/tool/node_modules/@scope/native"
            nested.mkdir(parents=True)
            nested.joinpath("package.json").write_text('{"scripts": {"install": "node build.js"}}')
        built = "unpack" in asked
        return prints_version(phase) if phase.name != "verify" or built else answer("Error: no binary", 1)

    sandbox = FakeSandbox(script)
    verdict = npm.validate(job_for(tmp_path, "npm:tool"), sandbox, NOW, runtimes=RUNTIMES)
    assert verdict.status is VerdictStatus.VALIDATED
    assert asked == ["fetch", *["verify"] * 5, "build", "unpack", "verify"]
    build = sandbox.phases[asked.index("build")]
    assert not build.network
    assert not any(mount.writable for mount in build.mounts)
    assert build.stdout is not None


def test_failed_install_scripts_are_the_reason(tmp_path):
    """Both the failed run and the failed scripts are told."""

    def script(phase: Phase) -> PhaseOutput:
        if phase.name == "fetch":
            install(phase, "tool", manifest={"scripts": {"postinstall": "node fetch.js"}})
            return answer()
        return answer("getaddrinfo EAI_AGAIN a.example" if phase.name == "build" else "Error: no binary", 1)

    verdict = npm.validate(job_for(tmp_path, "npm:tool"), FakeSandbox(script), NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.NETWORK_AT_VERIFY)
    assert "Error: no binary; its install scripts, without a network: getaddrinfo EAI_AGAIN" in verdict.reason


def test_a_failing_tool_without_install_scripts_is_not_built(tmp_path):
    """Nothing in the tree declares a script: there is nothing to build."""
    sandbox = FakeSandbox(installing(lambda phase: answer("Error: boom", 1, name=phase.name)))
    assert npm.validate(job_for(tmp_path, "npm:tool"), sandbox, NOW, runtimes=RUNTIMES).status is VerdictStatus.FAILED
    assert {phase.name for phase in sandbox.phases} == {"fetch", "verify"}


def locking(package: dict[str, object], output: str = "") -> Script:
    """A script in which npm writes a lock file with one package."""

    def script(phase: Phase) -> PhaseOutput:
        lock = {
            "lockfileVersion": 3,
            "packages": {"": {"dependencies": {"tool": "1.2.3"}}, "node_modules/tool": package},
        }
        host_folder(phase, "/project").joinpath("package-lock.json").write_bytes(msgspec.json.encode(lock))
        return answer(output, name=phase.name, network=True)

    return script


def statuses(record) -> dict[str, str]:
    return {prediction.platform: prediction.status for prediction in record.predictions}


def test_one_lock_file_serves_all_platforms(tmp_path):
    """npm is started once, and its measured time is the record's."""
    sandbox = FakeSandbox(locking({"version": "1.2.3", "os": ["linux"]}))
    record = npm.predict(job_for(tmp_path, "npm:tool"), sandbox, ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert len(sandbox.phases) == 1
    assert (record.final, record.seconds) == (True, 0.25)
    assert statuses(record)["darwin-arm64"] == "predicted_fail"
    assert statuses(record)["linux-alpine-musl-x86_64"] == "predicted_pass"


def test_a_newer_node_than_ours_leaves_a_pass_unknown(tmp_path):
    """That our Node is too old says nothing about a platform; a refusal stays one."""
    sandbox = FakeSandbox(locking({"version": "1.2.3", "os": ["linux"]}, ENGINE))
    record = npm.predict(job_for(tmp_path, "npm:tool"), sandbox, ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert statuses(record)["linux-arch-glibc-x86_64"] == "unknown"
    assert statuses(record)["darwin-arm64"] == "predicted_fail"
    assert "runtime_too_old: it wants node: '>=26', and Node 24.1.0 is here" in {p.reason for p in record.predictions}


def test_a_tool_that_is_not_for_this_machine_is_still_predicted(tmp_path):
    """npm refuses to resolve it here until it is forced to."""
    write = locking({"version": "1.2.3", "os": ["darwin"]})

    def script(phase: Phase) -> PhaseOutput:
        return write(phase) if "--force" in phase.argv else answer("npm error code EBADPLATFORM", 1)

    record = npm.predict(job_for(tmp_path, "npm:tool"), FakeSandbox(script), ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert statuses(record)["darwin-arm64"] == "predicted_pass"
    assert statuses(record)["linux-debian-glibc-x86_64"] == "predicted_fail"


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"lockfileVersion": 3}'])
def test_an_unusable_lock_file_predicts_nothing(tmp_path, content):
    """What is no lock file leads to unknown, for good."""

    def script(phase: Phase) -> PhaseOutput:
        host_folder(phase, "/project").joinpath("package-lock.json").write_bytes(content)
        return answer()

    record = npm.predict(job_for(tmp_path, "npm:tool"), FakeSandbox(script), ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert record.final
    assert set(statuses(record).values()) == {"unknown"}


def target(phase: Phase) -> str:
    return phase.argv[phase.argv.index("--python-platform") + 1]


def test_six_resolutions_serve_all_platforms(tmp_path):
    """Only the first asks the index; the others read what it stored."""
    sandbox = FakeSandbox(lambda phase: answer())
    record = pypi.predict(job_for(tmp_path, "pypi:tool"), sandbox, ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert set(statuses(record).values()) == {"predicted_pass"}
    assert ["--offline" in phase.argv for phase in sandbox.phases] == [False] + [True] * 5
    assert len({target(phase) for phase in sandbox.phases}) == 6


@pytest.mark.parametrize(
    ("requirement", "status", "cause"),
    [
        (">=3.99", "infra_error", "runtime_too_old"),
        (">=3.8", "failed", "needs_build"),
        ("", "failed", "needs_build"),
        ("newest", "failed", "needs_build"),
    ],
)
def test_wheels_for_newer_pythons_only_say_something_about_this_machine(tmp_path, requirement, status, cause):
    """uv names no cause but the wheels; what the package wants of Python tells one from the other."""
    job = msgspec.structs.replace(job_for(tmp_path, "pypi:tool"), runtime_requirement=requirement)
    sandbox = FakeSandbox(lambda phase: answer("cause: Because tool==1.2.3 has no usable wheels", 1))
    verdict = pypi.validate(job, sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (status, cause)


def test_an_old_c_library_is_held_only_against_its_family(tmp_path):
    """A wheel for glibc 2.34 refuses RHEL 8 and no other family."""

    def script(phase: Phase) -> PhaseOutput:
        return answer("Because tool==1.2.3 has no usable wheels", 1) if target(phase).endswith("2_28") else answer()

    record = pypi.predict(job_for(tmp_path, "pypi:tool"), FakeSandbox(script), ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    refused = {platform for platform, status in statuses(record).items() if status == "predicted_fail"}
    assert refused == {"linux-rhel-glibc-x86_64", "linux-rhel-glibc-arm64"}


def test_a_cache_that_is_not_enough_is_filled(tmp_path):
    """A resolution that fails for want of a network is made again with one."""

    def script(phase: Phase) -> PhaseOutput:
        return answer("because the network was disabled", 1) if "--offline" in phase.argv else answer()

    sandbox = FakeSandbox(script)
    record = pypi.predict(job_for(tmp_path, "pypi:tool"), sandbox, ALL_PLATFORMS, NOW, runtimes=RUNTIMES)
    assert set(statuses(record).values()) == {"predicted_pass"}
    assert len(sandbox.phases) == 1 + 5 * 2


@pytest.mark.parametrize("renewed", [True, False])
def test_npm_installs_the_tarball_that_the_recipe_was_made_from(tmp_path, renewed):
    """Metadata of its cache may lead npm to a file that was replaced: it asks anew, and nothing else is measured."""
    digest = "ab" * 64
    job = msgspec.structs.replace(job_for(tmp_path, "npm:tool"), artifact_digest=f"sha512:{digest}")
    fetch = installing(prints_version)

    def script(phase):
        if phase.name != "fetch-replaced":
            return fetch(phase)
        install(phase, "tool", version="1.2.3")
        if renewed:
            content = job.cache_folder / "_cacache/content-v2/sha512/ab/ab" / digest[4:]
            content.parent.mkdir(parents=True)
            content.touch()
        return answer("added 1 package", name=phase.name, network=True)

    verdict = npm.validate(job, FakeSandbox(script), NOW, runtimes=RUNTIMES)
    assert [phase.name for phase in verdict.phases][:2] == ["fetch", "fetch-replaced"]
    assert (verdict.status is VerdictStatus.VALIDATED) is renewed
    assert renewed or verdict.subcategory is Subcategory.DIGEST_MISMATCH
