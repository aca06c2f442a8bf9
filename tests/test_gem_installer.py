"""What the installer of gems asks of a sandbox, and what it concludes from its answers."""

import json
from pathlib import Path

import msgspec
import pytest

from pipeline.gem_client import SOURCE
from pipeline.model import Subcategory, Verdict, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Phase, PhaseOutput
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.installers import rubygems
from pipeline.sandbox.ruby_client import BUILD_RULES, FETCH_RULES, fetched, find_ruby
from pipeline.sandbox.runtimes import Runtime
from tests.fakes_sandbox import FakeSandbox, answer, host_folder
from tests.test_installers import LIMITS, NOW, job_for

RUBY = Runtime(argv=("/usr/bin/ruby", "/usr/bin/gem"), folder="/usr/bin", version="3.1.7")
SECRET = "http://me:secret@gems.example"
DEPENDENCY = {"file": "colours-1.0.gem", "name": "colours", "platform": "ruby", "extensions": False}
TOOL = {"file": "tool-1.2.3.gem", "name": "tool", "platform": "ruby", "extensions": False}


def job(tmp_path: Path, **changes: object) -> Job:
    made = msgspec.structs.replace(job_for(tmp_path, "rubygems:tool"), client_environment={SOURCE: SECRET})
    return msgspec.structs.replace(made, **changes)


def gems(*listed: object, executables: tuple[str, ...] = ("tool",), noted: str = "tool-1.2.3", **failing: PhaseOutput):
    """A sandbox in which these gems are fetched and installed, but for the phases that fail."""

    def script(phase: Phase) -> PhaseOutput:
        if phase.name in failing:
            return failing[phase.name]
        if phase.stdout is not None:
            phase.stdout.write_text(json.dumps(listed or (DEPENDENCY, TOOL)))
        if phase.name == "build":
            prefix = host_folder(phase, "/prefix")
            (prefix / "bin").mkdir()
            (prefix / "gems/specifications").mkdir(parents=True)
            (prefix / f"gems/specifications/{noted}.gemspec").write_text("")
            for name in executables:
                (prefix / "bin" / name).write_text("")
        return answer("tool 1.2.3\n", name=phase.name)

    return FakeSandbox(script)


def validate(made: Job, sandbox: FakeSandbox) -> Verdict:
    return rubygems.validate(made, sandbox, NOW, ruby=RUBY)


def test_package_code_meets_neither_network_nor_secrets_nor_a_writable_cache(tmp_path):
    """Only `fetch` has the network, the server's address with its password, and the cache to write to."""
    sandbox = gems()
    verdict = validate(job(tmp_path), sandbox)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    fetch, build, verify = sandbox.phases
    assert [phase.network for phase in sandbox.phases] == [True, False, False]
    assert fetch.environment[SOURCE] == SECRET
    for phase in (build, verify):
        assert not any("secret" in value for value in phase.environment.values())
        assert not any(mount.writable and mount.cache for mount in phase.mounts)
    assert not any(mount.writable for mount in verify.mounts)
    assert build.argv[-2:] == ("tool-1.2.3.gem", "colours-1.0.gem")
    assert verdict.runtime_versions == {"ruby": "3.1.7"}


def test_compiling_gets_the_time_that_compiling_takes(tmp_path):
    """With an extension anywhere among the gems, the limits are those of compiling."""
    longer = msgspec.structs.replace(LIMITS, timeout_seconds=900)
    for listed, limits in (((DEPENDENCY, TOOL), LIMITS), (({**DEPENDENCY, "extensions": True}, TOOL), longer)):
        folder = tmp_path / str(limits.timeout_seconds)
        folder.mkdir()
        made = job(folder)
        sandbox = gems(*listed)
        validate(msgspec.structs.replace(made, limits=msgspec.structs.replace(made.limits, compile=longer)), sandbox)
        assert sandbox.phases[1].limits == limits


def test_another_server_has_a_cache_of_its_own(tmp_path):
    """Gems of one name and version from two servers are two gems."""
    folders = set()
    for at, address in enumerate(("https://a.example", "https://b.example")):
        (tmp_path / str(at)).mkdir()
        sandbox = gems()
        validate(job(tmp_path / str(at), client_environment={SOURCE: address}), sandbox)
        folders.add(sandbox.phases[0].argv[-1])
    assert len(folders) == 2


@pytest.mark.parametrize(
    ("listed", "subcategory"),
    [
        (({**TOOL, "name": "other"},), Subcategory.BAD_METADATA),
        (({**TOOL, "file": "../../x.gem"},), Subcategory.BAD_METADATA),
        (({**TOOL, "file": "--config.gem"},), Subcategory.BAD_METADATA),
    ],
)
def test_a_list_of_odd_files_is_not_installed(tmp_path, listed, subcategory):
    """Names go on to a command line: what is none ends it before."""
    sandbox = gems(*listed)
    verdict = validate(job(tmp_path), sandbox)
    assert verdict.subcategory is subcategory
    assert [phase.name for phase in sandbox.phases] == ["fetch"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'[{"file": 1}]'])
def test_what_is_no_list_of_gems(content):
    """Anything but the list is nothing to install."""
    assert fetched(content) is None


def test_another_version_or_other_executables_are_failures(tmp_path):
    """What gem noted and what it put into `bin` are compared with the recipe."""
    older = validate(job(tmp_path), gems(noted="tool-1.2.2"))
    assert older.subcategory is Subcategory.VERSION_MISMATCH
    (tmp_path / "second").mkdir()
    more = validate(job(tmp_path / "second"), gems(executables=("tool", "extra")))
    assert (more.subcategory, more.reason) == (Subcategory.EXE_MISMATCH, "not in the recipe: extra")


@pytest.mark.parametrize(
    ("listed", "status", "reason"),
    [
        ((DEPENDENCY, TOOL), "predicted_pass", "nothing of it is compiled"),
        (({**DEPENDENCY, "extensions": True}, TOOL), "unknown", "compiles extensions: colours"),
        (({**DEPENDENCY, "platform": "x86_64-linux"}, TOOL), "unknown", "single platforms: colours"),
    ],
)
def test_predictions(tmp_path, listed, status, reason):
    """Only what metadata says: pure Ruby runs everywhere, of the rest nothing is known."""
    record = rubygems.predict(job(tmp_path), gems(*listed), ALL_PLATFORMS, NOW, ruby=RUBY)
    assert record.final
    assert {each.status for each in record.predictions} == {status}
    assert all(reason in each.reason for each in record.predictions)


def test_without_ruby_nothing_is_learnt(tmp_path):
    """Verdict and prediction name what is missing, and the prediction is made again."""
    missing = find_ruby(lambda name: None)
    assert isinstance(missing, Diagnosis)
    verdict = rubygems.validate(job(tmp_path), gems(), NOW, ruby=missing)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_MISSING)
    (tmp_path / "second").mkdir()
    assert not rubygems.predict(job(tmp_path / "second"), gems(), ALL_PLATFORMS, NOW, ruby=missing).final


def test_a_version_managers_ruby_is_shown_where_it_was_built_for(tmp_path):
    """The launcher is asked what it launches; outside of /usr its folder is mounted at its own place."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gem").write_text("")
    said = f"3.4.1\n{tmp_path}/bin/ruby\n{tmp_path}\n{tmp_path}/bin/gem"
    found = find_ruby(lambda name: f"/shims/{name}", lambda argv: said)
    assert isinstance(found, Runtime)
    assert found.argv == (f"{tmp_path}/bin/ruby", f"{tmp_path}/bin/gem")
    assert [(mount.host, mount.inside, mount.writable) for mount in found.mounts] == [(tmp_path, str(tmp_path), False)]


@pytest.mark.parametrize("said", ["", "2.6.10\n/usr/bin/ruby\n/usr\n/usr/bin/gem", "3.1\n/r/ruby\n/r\n/nowhere", "x"])
def test_a_ruby_that_is_of_no_use_is_named(said):
    """Silent, too old, or without its gem command."""
    found = find_ruby(lambda name: "/usr/bin/ruby", lambda argv: said)
    assert isinstance(found, Diagnosis)
    assert (found.subcategory, found.infra) == (Subcategory.RUNTIME_MISSING, True)


@pytest.mark.parametrize(
    ("said", "subcategory", "infra"),
    [
        ("Gem::RemoteFetcher::FetchError: bad response Too Many Requests 429 (http://x)", "rate_limited", True),
        ("Gem::RemoteFetcher::FetchError: bad response Service Unavailable 503 (x)", "upstream_unavailable", True),
        ("Gem::RemoteFetcher::FetchError: bad response Forbidden 403 (x)", "upstream_refused", True),
        ("SocketError: Failed to open TCP connection to x:80 (getaddrinfo: Name not known)", "dns_error", True),
        ("Gem::RemoteFetcher::FetchError: SSL_connect returned=1 errno=0 (x)", "tls_error", True),
        ("Gem::RemoteFetcher::FetchError: Net::OpenTimeout: execution expired (x)", "timeout", True),
        ("Gem::RemoteFetcher::FetchError: Errno::ECONNREFUSED: refused (x)", "connection_error", True),
        ("Gem::UnsatisfiableDependencyError: Unable to resolve dependency: user requested 'x'", "not_found", False),
        (
            "Gem::UnsatisfiableDependencyError: Unable to resolve dependency: 'x (= 1)' requires 'y (>= 2)'",
            "dependency_not_found",
            False,
        ),
        ("Gem::RuntimeRequirementNotMetError: a newer Ruby or RubyGems is needed", "runtime_too_old", True),
        ("Gem::Package::FormatError: package is corrupt", "bad_metadata", False),
    ],
)
def test_why_nothing_was_fetched(said, subcategory, infra):
    """What RubyGems says is the network's fault, this machine's, or the gem's."""
    found = diagnose.fetch_failure(answer(said, 1), LIMITS, FETCH_RULES)
    assert (found.subcategory, found.infra) == (subcategory, infra)


@pytest.mark.parametrize(
    ("said", "subcategory", "infra"),
    [
        ("mkmf.rb can't find header files for ruby at /usr/lib/ruby/include/ruby.h", "runtime_missing", True),
        ("cannot load such file -- mkmf (LoadError)", "runtime_missing", True),
        ("You have to install development tools first.", "runtime_missing", True),
        ("x.c:1:10: fatal error: magick.h: No such file or directory", "missing_system_dep", False),
        ("ERROR: Failed to build gem native extension.", "install_error", False),
    ],
)
def test_why_nothing_was_installed(said, subcategory, infra):
    """Ruby's headers and a compiler are this machine's matter, a library is the gem's."""
    found = diagnose.compile_failure(answer(said, 1), LIMITS, BUILD_RULES)
    assert (found.subcategory, found.infra) == (subcategory, infra)
