"""Tiny CPAN releases from a mirror on loopback, really fetched, installed and run by the Perl of this machine."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pipeline.model import Artifact, Build, Subcategory, Verdict, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS
from pipeline.sandbox.base import Job
from pipeline.sandbox.bwrap import BwrapSandbox, prepare_folder
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.installers import cpan
from pipeline.sandbox.perl_client import find_perl
from tests.fake_cpan import FakeRelease, serve_cpan
from tests.fake_registry import FakeRegistry
from tests.test_installers import LIMITS, NOW, job_for

PERL = find_perl()
pytestmark = pytest.mark.skipif(isinstance(PERL, Diagnosis), reason=PERL.reason if isinstance(PERL, Diagnosis) else "")

PRINTS = '#!perl\nuse Painting::Colours;\nprint "paint $Painting::Colours::VERSION\\n";\n'
COLOURS = FakeRelease(distribution="Painting-Colours", executables={"colours": "#!perl\n"})
PAINT = FakeRelease(distribution="App-Paint", executables={"paint": PRINTS}, wants={"Painting::Colours": "1"})
# A program that ends the installation when it reaches anything that it must not reach.
PRYING = """use IO::Socket::INET;
die "REACHED the mirror" if IO::Socket::INET->new(PeerAddr => "{host}", Timeout => 2);
die "REACHED a file of the host" if -e "{secret}";
die "REACHED a secret" if grep {{ /PROXY|secret/ }} %ENV;
for my $place ("/cache/poison", glob("/cache/*/authors/poison"), "/usr/bin/poison", "/index.txt") {{
    die "REACHED $place" if open my $file, ">", $place;
}}
"""

Run = Callable[..., Verdict]


def told(job: Job, mirror: str, release: FakeRelease, **changes: object) -> Job:
    digest = f"sha256:{hashlib.sha256(release.content()).hexdigest()}"
    artifact = Artifact(name="x.tar.gz", url=f"{mirror}/authors/id/{release.path}", digest=digest)
    build = Build(platforms=[platform.id for platform in ALL_PLATFORMS], artifact=artifact)
    return msgspec.structs.replace(job, **{"builds": (build,), **changes})


@pytest.fixture
def job(tmp_path: Path) -> Job:
    made = job_for(tmp_path, "cpan:App-Paint", ("paint",))
    limits = msgspec.structs.replace(LIMITS, timeout_seconds=120)
    every = msgspec.structs.replace(made.limits, fetch=limits, build=limits, compile=limits, verify=limits)
    for folder in (made.work_folder, made.cache_folder):
        prepare_folder(folder)
    return msgspec.structs.replace(made, limits=every, client_environment={"HTTP_PROXY_SECRET": "secret"})


@pytest.fixture
def run(job: Job, sandbox: BwrapSandbox) -> Run:
    """Serve these releases, and validate the first."""

    def validated(*releases: FakeRelease, **changes: object) -> Verdict:
        with FakeRegistry() as registry:
            return cpan.validate(told(job, serve_cpan(registry, *releases), releases[0], **changes), sandbox, NOW)

    return validated


def names(verdict: Verdict) -> list[str]:
    return [phase.name for phase in verdict.phases]


def test_a_release_with_a_dependency_is_installed_and_run(run: Run) -> None:
    """Both are fetched, what the release itself brings is found, and the dependency's own command is not."""
    verdict = run(PAINT, COLOURS)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.phases
    assert (verdict.found_executables, verdict.observed_version) == (["paint"], "1.2.3")
    assert names(verdict) == ["fetch", "build", "verify"]
    assert [phase.network for phase in verdict.phases] == [True, False, False]


def test_a_makefile_reaches_nothing(job, sandbox, tmp_path):
    """It runs in `build`: without network, host files, secrets, or a cache and a system to write to."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with FakeRegistry() as registry:
        prying = PRYING.format(host=registry.host, secret=secret)
        release = msgspec.structs.replace(PAINT, before=prying)
        verdict = cpan.validate(told(job, serve_cpan(registry, release, COLOURS), release), sandbox, NOW)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.phases


def test_what_only_the_makefile_wants_is_fetched_in_a_second_round(run: Run) -> None:
    """Its META file does not say it: what cpanm misses is fetched, and the installation begins again."""
    release = msgspec.structs.replace(PAINT, wants={}, computed={"Painting::Colours": "1"})
    verdict = run(release, COLOURS)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.phases
    assert names(verdict) == ["fetch", "build", "fetch-2", "build", "verify"]


def test_predictions_from_what_was_fetched(job, sandbox):
    """Pure Perl runs everywhere; with C anywhere among what is needed, nothing is known."""
    for release, status in (
        (COLOURS, "predicted_pass"),
        (msgspec.structs.replace(COLOURS, files={"Colours.xs": ""}), "unknown"),
    ):
        with FakeRegistry() as registry:
            mirror = serve_cpan(registry, PAINT, release)
            work = prepare_folder(job.work_folder / status)
            record = cpan.predict(told(job, mirror, PAINT, work_folder=work), sandbox, ALL_PLATFORMS, NOW)
        assert record.final
        assert {each.status for each in record.predictions} == {status}


def test_a_makefile_that_ends_with_an_error_is_a_failure(run: Run) -> None:
    """Its words are in the verdict."""
    verdict = run(msgspec.structs.replace(PAINT, before='die "no libpaint here\\n";\n'), COLOURS)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.INSTALL_ERROR), verdict.phases
    assert "no libpaint here" in verdict.phases[-1].output_tail


def test_a_perl_that_is_too_old_says_nothing_of_the_platform(run: Run) -> None:
    """META says which Perl is wanted, and nothing is installed."""
    verdict = run(msgspec.structs.replace(PAINT, wants={"perl": "7.1"}))
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_TOO_OLD)
    assert names(verdict) == ["fetch"]


def test_a_module_that_no_release_has_is_not_found(run: Run) -> None:
    """The release cannot be installed by anybody: that is its failure."""
    verdict = run(PAINT)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.DEPENDENCY_NOT_FOUND), (
        verdict.phases
    )


def test_other_bytes_than_the_recipe_was_made_from_are_not_installed(job, sandbox):
    """A mirror that gives another archive is noticed before anything of it runs."""
    with FakeRegistry() as registry:
        mirror = serve_cpan(registry, msgspec.structs.replace(PAINT, before='die "RAN";\n'), COLOURS)
        verdict = cpan.validate(told(job, mirror, PAINT), sandbox, NOW)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.DIGEST_MISMATCH)
    assert names(verdict) == ["fetch"]


def test_a_mirror_that_does_not_answer_is_the_networks_fault(job, sandbox):
    """Nothing was learnt about the release."""
    verdict = cpan.validate(told(job, "http://127.0.0.1:1", PAINT), sandbox, NOW)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.CONNECTION_ERROR)


def test_other_executables_than_the_recipe_names(run: Run) -> None:
    """What lies in `bin` is compared with the recipe, name by name."""
    verdict = run(msgspec.structs.replace(PAINT, executables={"paint": PRINTS, "brush": PRINTS}), COLOURS)
    assert (verdict.subcategory, verdict.reason) == (Subcategory.EXE_MISMATCH, "not in the recipe: brush")
