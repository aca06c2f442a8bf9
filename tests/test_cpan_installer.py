"""What the installer of CPAN distributions asks of a sandbox, and what it concludes from its answers."""

import json
from pathlib import Path

import msgspec
import pytest

from pipeline.clients import Clients
from pipeline.cpan_client import MIRROR, mirror_in
from pipeline.errors import BadInput
from pipeline.model import Artifact, Build, Subcategory, Verdict, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Phase, PhaseOutput
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.installers import cpan
from pipeline.sandbox.perl_client import BUILD_RULES, FETCH_RULES, fetched, find_perl, missing_modules
from pipeline.sandbox.runtimes import Runtime
from tests.fakes_sandbox import FakeSandbox, answer, host_folder
from tests.test_installers import LIMITS, NOW, job_for

PERL = Runtime(argv=("/usr/bin/perl", "/usr/bin/cpanm"), folder="/usr/bin", version="5.36.0")
PATH = "P/PA/PAINTER/Tool-1.2.3.tar.gz"
LISTED = {"paths": [PATH], "compiled": [], "index": [f"Tool 1.2.3 {PATH}"]}


def job(tmp_path: Path, url: str = f"https://cpan.example/authors/id/{PATH}", **changes: object) -> Job:
    artifact = Artifact(name="Tool-1.2.3.tar.gz", url=url, digest=f"sha256:{'a' * 64}")
    build = Build(platforms=[platform.id for platform in ALL_PLATFORMS], artifact=artifact)
    made = msgspec.structs.replace(job_for(tmp_path, "cpan:Tool"), builds=(build,))
    route = {"HTTPS_PROXY": "http://me:secret@proxy.example"}
    return msgspec.structs.replace(made, **{"client_environment": route, **changes})


def perl(*listed: object, version: str = "v1.2.3", **failing: PhaseOutput) -> FakeSandbox:
    """A sandbox in which this is fetched and installed, but for the phases that fail."""

    def script(phase: Phase) -> PhaseOutput:
        if phase.name in failing:
            return failing[phase.name]
        if phase.stdout is not None:
            phase.stdout.write_text(json.dumps(listed[0] if listed else LISTED))
        if phase.name == "build":
            prefix = host_folder(phase, "/prefix")
            (prefix / "bin").mkdir()
            (prefix / "bin/tool").write_text("")
            kept = prefix / "lib/perl5/x86_64/.meta/Tool-1.2.3"
            kept.mkdir(parents=True)
            (kept / "MYMETA.json").write_text(json.dumps({"version": version}))
        return answer("tool 1.2.3\n", name=phase.name)

    return FakeSandbox(script)


def validate(made: Job, sandbox: FakeSandbox) -> Verdict:
    return cpan.validate(made, sandbox, NOW, perl=PERL)


def test_package_code_meets_neither_network_nor_secrets_nor_a_writable_cache(tmp_path):
    """Only `fetch` has the network, the proxy's password, and the cache to write to; it runs nothing of a release."""
    sandbox = perl()
    verdict = validate(job(tmp_path), sandbox)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    fetch, build, verify = sandbox.phases
    assert [phase.network for phase in sandbox.phases] == [True, False, False]
    assert fetch.argv[1] == "/cpan_fetch.pl"
    assert fetch.argv[3:] == ("https://cpan.example", PATH, "a" * 64)
    for phase in (build, verify):
        assert not any("secret" in value for value in phase.environment.values())
        assert not any(mount.writable and mount.cache for mount in phase.mounts)
    assert not any(mount.writable for mount in verify.mounts)
    assert (verdict.runtime_versions, verdict.observed_version) == ({"perl": "5.36.0"}, "1.2.3")


def test_a_mirror_of_this_machine_is_asked_instead(tmp_path):
    """What cpanm is set up with serves the release and what it needs; its files are kept apart."""
    folders = set()
    for at, told in enumerate(({}, {MIRROR: "https://mirror.example/"})):
        (tmp_path / str(at)).mkdir()
        sandbox = perl()
        validate(job(tmp_path / str(at), client_environment=told), sandbox)
        folders.add(sandbox.phases[0].argv[2])
    assert len(folders) == 2
    assert sandbox.phases[0].argv[3] == "https://mirror.example"


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example/Tool-1.2.3.tar.gz",
        "https://x.example/authors/id/../../etc/passwd",
        "https://x.example/authors/id/P/PA/PAINTER/../../x.tar.gz",
    ],
)
def test_an_archive_that_lies_on_no_mirror_is_not_fetched(tmp_path, url):
    """The path of a release is its author's folder and its name."""
    sandbox = perl()
    verdict = validate(job(tmp_path, url), sandbox)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.BAD_METADATA)
    assert sandbox.phases == []


def test_a_recipe_without_its_archive_is_not_installed(tmp_path):
    """A recipe made elsewhere names no archive: there is nothing to compare with."""
    verdict = validate(job(tmp_path, builds=()), perl())
    assert verdict.subcategory is Subcategory.BAD_METADATA


def test_what_is_missing_in_every_round_is_not_found(tmp_path):
    """The same module missing twice ends it; the fetched list of the second round was asked for it."""
    sandbox = perl(build=answer("! Couldn't find module or a distribution Foo::Bar (0)", 1, name="build"))
    verdict = validate(job(tmp_path), sandbox)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.DEPENDENCY_NOT_FOUND)
    assert [phase.name for phase in sandbox.phases] == ["fetch", "build", "fetch-2", "build"]
    assert sandbox.phases[2].argv[-1] == "Foo::Bar"


def test_another_version_is_a_failure(tmp_path):
    """What the release says of itself is compared with the recipe."""
    assert validate(job(tmp_path), perl(version="1.2.2")).subcategory is Subcategory.VERSION_MISMATCH


def test_compiling_gets_the_time_that_compiling_takes(tmp_path):
    """With C anywhere among the releases, the limits are those of compiling, and nothing is predicted."""
    made = job(tmp_path)
    longer = msgspec.structs.replace(LIMITS, timeout_seconds=900)
    sandbox = perl({**LISTED, "compiled": [PATH]})
    changed = msgspec.structs.replace(made, limits=msgspec.structs.replace(made.limits, compile=longer))
    validate(changed, sandbox)
    assert sandbox.phases[1].limits == longer
    record = cpan.predict(changed, sandbox, ALL_PLATFORMS, NOW, perl=PERL)
    assert {each.status for each in record.predictions} == {"unknown"}
    assert record.predictions[0].reason == "it compiles C: Tool-1.2.3.tar.gz"


def test_pure_perl_is_predicted_to_run_everywhere(tmp_path):
    """From one look, for all platforms."""
    record = cpan.predict(job(tmp_path), perl(), ALL_PLATFORMS, NOW, perl=PERL)
    assert record.final
    assert {each.status for each in record.predictions} == {"predicted_pass"}


@pytest.mark.parametrize(("here", "missing"), [({}, "Perl"), ({"perl": "/usr/bin/perl"}, "cpanm")])
def test_what_this_machine_lacks_is_named(tmp_path, here, missing):
    """Verdict and prediction say what to install, and the prediction is made again."""
    found = find_perl(here.get, lambda argv: "5.36.0\n/usr/bin/perl\n/usr")
    assert isinstance(found, Diagnosis)
    verdict = cpan.validate(job(tmp_path), perl(), NOW, perl=found)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_MISSING)
    assert verdict.reason.startswith(f"{missing} is not on this machine; install")
    (tmp_path / "second").mkdir()
    assert not cpan.predict(job(tmp_path / "second"), perl(), ALL_PLATFORMS, NOW, perl=found).final


def test_a_perl_of_the_users_own_is_shown_where_it_was_built_for(tmp_path):
    """Outside of /usr its folder is mounted at its own place, and cpanm at one of ours."""
    (tmp_path / "cpanm").write_text("")
    found = find_perl(lambda name: str(tmp_path / name), lambda argv: f"5.40.0\n{tmp_path}/bin/perl\n{tmp_path}")
    assert isinstance(found, Runtime)
    assert [mount.inside for mount in found.mounts] == [str(tmp_path), "/opt/cpanm/cpanm"]
    assert found.argv == (f"{tmp_path}/bin/perl", "/opt/cpanm/cpanm")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"paths": [], "compiled": [], "index": []}', b"\xff"])
def test_what_is_no_list_of_releases(content):
    """Anything but the list is nothing to install."""
    assert fetched(content) is None


def test_modules_that_cpanm_misses():
    """Each is named once, and what is no module's name is passed over."""
    said = "! Couldn't find module or a distribution A::B (1)\n" * 2 + "! Couldn't find module or a distribution ; rm\n"
    assert missing_modules(said) == ("A::B",)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--prompt --mirror https://a.example --mirror-only", "https://a.example"),
        ("--mirror=https://a.example", "https://a.example"),
        ("-M https://a.example", "https://a.example"),
        ("--from 'https://a.example'", "https://a.example"),
        ("--mirror", ""),
        ("--notest", ""),
        ("'", ""),
        ("", ""),
    ],
)
def test_the_mirror_in_cpanms_own_variable(options, expected):
    """Only the mirror is taken of it; other options may do anything."""
    assert mirror_in({"PERL_CPANM_OPT": options}) == expected
    told = Clients({"PERL_CPANM_OPT": options}, Path.cwd()).environment("cpan")
    assert told == ({MIRROR: expected} if expected else {})


def test_a_mirror_that_is_no_address_is_named_without_showing_it():
    """It may hold a password."""
    with pytest.raises(BadInput) as stopped:
        Clients({"PERL_CPANM_OPT": "--mirror ftp://me:secret@a.example"}, Path.cwd()).environment("cpan")
    assert stopped.value.place == "PERL_CPANM_OPT"
    assert "secret" not in stopped.value.line()


@pytest.mark.parametrize(
    ("said", "subcategory", "infra"),
    [
        ("download: 429 Too Many Requests  (https://x)", "rate_limited", True),
        ("download: 503 Service Unavailable  (https://x)", "upstream_unavailable", True),
        ("curl: (22) The requested URL returned error: 403", "upstream_refused", True),
        ("download: 599 Internal Exception Could not connect to 'x:80': Name or service not known", "dns_error", True),
        ("download: 599 Internal Exception SSL connection failed for x", "tls_error", True),
        ("download: 599 Internal Exception Timed out while waiting", "timeout", True),
        ("download: 599 Internal Exception Could not connect to 'x:80': Connection refused", "connection_error", True),
        ("curl: (7) Failed to connect to x port 443", "connection_error", True),
        ("download: neither IO::Socket::SSL nor curl is on this machine", "runtime_missing", True),
        ("perl: P/PA/X.tar.gz wants Perl 7, and 5.036 is here", "runtime_too_old", True),
        ("checksum mismatch: x is not what the registry describes", "digest_mismatch", False),
        ("download: 404 Not Found  (https://x)", "not_found", False),
        ("index: no release of Foo::Bar is known to the mirror", "dependency_not_found", False),
        ("archive: x cannot be read", "bad_metadata", False),
    ],
)
def test_why_nothing_was_fetched(said, subcategory, infra):
    """What the script, HTTP::Tiny and curl say is the network's fault, this machine's, or the release's."""
    found = diagnose.fetch_failure(answer(said, 1), LIMITS, FETCH_RULES)
    assert (found.subcategory, found.infra) == (subcategory, infra)


@pytest.mark.parametrize(
    ("said", "subcategory", "infra"),
    [
        ("Perl v7.0.0 required--this is only v5.36.0, stopped at Makefile.PL line 1.", "runtime_too_old", True),
        ("x.xs:1:10: fatal error: EXTERN.h: No such file or directory", "runtime_missing", True),
        ("x.c:1:10: fatal error: gd.h: No such file or directory", "missing_system_dep", False),
        ("! Couldn't find module or a distribution Foo::Bar (0)", "dependency_not_found", False),
        ("! Configure failed for App-Paint-1.2.3.", "install_error", False),
    ],
)
def test_why_nothing_was_installed(said, subcategory, infra):
    """Perl's headers are this machine's matter, a library is the release's."""
    found = diagnose.compile_failure(answer(said, 1), LIMITS, BUILD_RULES)
    assert (found.subcategory, found.infra) == (subcategory, infra)
