"""Real packages, through the real sandbox, from the real registries."""

import os

import pytest

from pipeline.clients import Clients
from pipeline.config import PhaseLimits, ValidationConfig
from pipeline.model import Verdict, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS, BY_ID
from pipeline.sandbox.base import Job
from pipeline.sandbox.bwrap import BwrapSandbox, prepare_folder
from pipeline.sandbox.installers import INSTALLERS
from pipeline.source import ecosystem_of
from tests.builders_recipe import steps_of

pytestmark = pytest.mark.live

NOW = "2026-01-02T03:04:05Z"
LIMITS = PhaseLimits(timeout_seconds=300, memory_mb=2048, pids=256, disk_mb=1024)
# The registry or the network, not the package: nothing is learnt, so nothing is tested.
UNREACHABLE = {"dns_error", "connection_error", "timeout", "tls_error", "rate_limited", "upstream_unavailable"}
# This machine has no Rust, or an old one.
MISSING = {"runtime_missing", "runtime_too_old"}
COMPILE = PhaseLimits(timeout_seconds=900, memory_mb=4096, pids=256, disk_mb=4096)


@pytest.fixture(scope="module")
def sandbox() -> BwrapSandbox:
    made = BwrapSandbox(os.environ)
    if reason := made.unavailable():
        pytest.skip(reason)
    return made


@pytest.fixture
def job(request, tmp_path):
    source, version, executables = request.param
    return Job(
        source=source,
        version=version,
        recipe_sha256="0" * 64,
        made_from="1" * 64,
        executables=executables,
        runtime_requirement="",
        has_install_scripts=False,
        platform=BY_ID["linux-debian-glibc-x86_64"],
        limits=ValidationConfig(
            workers=1, attempts=1, fetch=LIMITS, build=LIMITS, verify=LIMITS, heavy=LIMITS, compile=COMPILE
        ),
        steps=steps_of(source),
        work_folder=prepare_folder(tmp_path / "work"),
        cache_folder=prepare_folder(tmp_path / "cache"),
        client_environment=Clients(os.environ, tmp_path).environment(ecosystem_of(source)),
    )


def validated(job: Job, sandbox: BwrapSandbox) -> Verdict:
    verdict = INSTALLERS[ecosystem_of(job.source)].validate(job, sandbox, NOW)
    if verdict.status is VerdictStatus.INFRA_ERROR and verdict.subcategory in UNREACHABLE:
        pytest.skip(f"the registry does not answer: {verdict.reason}")
    if verdict.status is VerdictStatus.INFRA_ERROR and verdict.subcategory in MISSING:
        pytest.skip(verdict.reason)
    return verdict


@pytest.mark.parametrize(
    "job",
    [
        ("npm:@biomejs/biome", "1.9.4", ("biome",)),
        ("npm:npm-check-updates", "17.1.0", ("ncu", "npm-check-updates")),
        ("pypi:ruff", "0.6.0", ("ruff",)),
        # Its whole toolchain compiles the standard library first, for the better part of a minute on two cores.
        pytest.param(("go:mvdan.cc/sh/v3/cmd/shfmt", "3.12.0", ("shfmt",)), marks=pytest.mark.long),
        ("pypi:httpie", "3.2.4", ("http", "httpie", "https")),
        ("cargo:diskus", "0.8.0", ("diskus",)),
    ],
    indirect=True,
    ids=lambda param: param[0],
)
def test_a_real_tool_is_installed_run_and_predicted(job, sandbox):
    """Each executable prints the installed version, and every platform is predicted to pass."""
    verdict = validated(job, sandbox)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    assert [verify.pattern for verify in verdict.verify] == ["{version}"] * len(job.executables)
    record = INSTALLERS[ecosystem_of(job.source)].predict(job, sandbox, ALL_PLATFORMS, NOW)
    assert record.final
    assert {prediction.status for prediction in record.predictions} == {"predicted_pass"}, record.predictions
