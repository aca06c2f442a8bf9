"""A batch cut into jobs: every package in one job of each platform or told, within the limits."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Config, PlatformConfig, Runner, RunnerClass
from pipeline.matrix import MOST_JOBS, NOT_PASSED, cut, has_job, reasons, strategy, tasks_of
from pipeline.model import Budget, MatrixRecord
from pipeline.settings import load_config
from pipeline.store import SHIPPED, Paths

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
BATCH = "2026-03-04-mixed-001"
X86, ARM, MAC = "linux-debian-glibc-x86_64", "linux-debian-glibc-arm64", "darwin-arm64"
SHIPPED_CONFIG = load_config(Paths(SHIPPED), [])


def config(*overrides: tuple[str, str]) -> Config:
    return load_config(Paths(SHIPPED), list(overrides))


def with_macos(*overrides: tuple[str, str]) -> Config:
    mac = (
        (f"platforms.{MAC}", "{runner: external, command: [try, '{recipe}']}"),
        (f"ci.jobs.{MAC}.runs_on", "macos-15"),
    )
    return config(*mac, *overrides)


def cut_up(
    sources: list[str], config: Config, runner: RunnerClass = RunnerClass.LINUX, **given: object
) -> MatrixRecord:
    budget = given.pop("budget", Budget())
    return cut(BATCH, sources, config, budget, NOW, runner=runner, **given)


def packages(number: int) -> list[str]:
    return [f"npm:package-{index}" for index in range(number)]


@given(st.integers(0, 300), st.integers(3, 60))
def test_each_package_is_in_one_job_of_each_platform(number: int, size: int) -> None:
    """In the order of the batch, no job is empty or larger than asked, and parts differ by one package at most."""
    record = cut_up(
        packages(number),
        msgspec.structs.replace(SHIPPED_CONFIG, ci=msgspec.structs.replace(SHIPPED_CONFIG.ci, shard_size=size)),
    )
    assert record.not_sent == []
    for platform in (X86, ARM):
        jobs = [job for job in record.jobs if job.platform == platform]
        assert [source for job in jobs for source in job.sources] == packages(number)
        assert [job.shard for job in jobs] == list(range(1, len(jobs) + 1))
        sizes = {len(job.sources) for job in jobs}
        assert not jobs or (max(sizes) <= size and min(sizes) >= 1 and max(sizes) - min(sizes) <= 1)


@given(st.integers(0, 5000))
def test_there_are_never_more_jobs_than_a_workflow_may_have(number: int) -> None:
    """With a package a job, the parts grow instead."""
    generous = config(("ci.shard_size", "1"), ("budget.runners.linux.minutes_per_week", "10000000"))
    record = cut_up(packages(number), generous)
    assert len(record.jobs) <= MOST_JOBS
    assert sum(len(job.sources) for job in record.jobs) == 2 * number
    assert len({job.id for job in record.jobs}) == len(record.jobs)


def test_only_what_a_job_can_measure_gets_one() -> None:
    """The sandbox is Linux's: macOS needs a command; static platforms, and those without a machine, have no job."""
    jobs = {MAC: "macos-15", "linux-arch-glibc-x86_64": "self-hosted"}
    for platform, runner, command, expected in [
        (X86, Runner.NATIVE, [], True),
        (X86, Runner.STATIC, [], False),
        (X86, Runner.EXTERNAL, ["try", "{recipe}"], True),
        (X86, Runner.EXTERNAL, [], False),
        (X86, Runner.NONE, [], False),
        (MAC, Runner.NATIVE, [], False),
        (MAC, Runner.EXTERNAL, ["try", "{recipe}"], True),
        ("linux-suse-glibc-x86_64", Runner.NATIVE, [], False),
    ]:
        configured = config(*((f"ci.jobs.{name}.runs_on", label) for name, label in jobs.items()))
        platforms = {**configured.platforms, platform: PlatformConfig(runner=runner, command=command)}
        assert has_job(msgspec.structs.replace(configured, platforms=platforms), platform) is expected


def test_macos_gets_what_passed_on_linux() -> None:
    """The rest is told with its reason, and Linux's matrix has no job of macOS."""
    passed = cut_up(packages(3), with_macos(), RunnerClass.MACOS, passed={"npm:package-1"})
    assert [(job.platform, job.sources) for job in passed.jobs] == [(MAC, ["npm:package-1"])]
    assert [(one.source, one.reason) for one in passed.not_sent] == [
        ("npm:package-0", NOT_PASSED),
        ("npm:package-2", NOT_PASSED),
    ]
    assert {job.platform for job in cut_up(packages(3), with_macos()).jobs} == {X86, ARM}


@given(st.floats(0, 1200))
def test_the_weeks_minutes_are_kept_even_if_each_package_takes_its_whole_time(used: float) -> None:
    """What is sent fits into what is left below `stop_at`, as long as no package is let run for longer."""
    known = with_macos()
    budget = Budget(macos_minutes_used=used, week_start="2026-03-02")
    sources = packages(100)
    record = cut_up(sources, known, RunnerClass.MACOS, passed=set(sources), budget=budget)
    sent = sum(len(job.sources) for job in record.jobs)
    assert sent + len(record.not_sent) == len(sources)
    assert sent == 0 or used + sent * known.external.validate_timeout_seconds / 60 <= 950
    if used >= 800:
        assert sent < len(sources) / 2


def test_a_spent_budget_sends_nothing_and_says_until_when() -> None:
    """The reason names the rule, as the validation's own does."""
    budget = Budget(linux_minutes_used=4999, week_start="2026-03-02")
    record = cut_up(packages(1), SHIPPED_CONFIG, budget=budget)
    assert record.jobs == []
    assert "4999.0 of 5000 minutes used" in record.not_sent[0].reason
    assert "2026-03-09" in record.not_sent[0].reason


def test_names_that_a_shell_would_read_stay_in_their_line() -> None:
    """A job's tasks are lines of one text; ids and labels hold nothing that a shell or a path reads."""
    sources = ["npm:@acme/tool", "go:git.example/a/cmd/b", "cpan:App::Tool", "homebrew:python@3.12"]
    record = cut_up(sources, SHIPPED_CONFIG)
    (first, second) = json.loads(strategy(record, SHIPPED_CONFIG))["include"]
    assert (first["platform"], first["runs_on"], first["container"]) == (X86, "ubuntu-24.04", None)
    assert (second["platform"], second["runs_on"]) == (ARM, "ubuntu-24.04-arm")
    assert first["tasks"].split("\n") == tasks_of(record.jobs[0])
    assert len(tasks_of(record.jobs[0])) == len(sources)
    assert all(task.startswith(f"validate:{X86}:") for task in tasks_of(record.jobs[0]))


def test_a_container_comes_with_its_options() -> None:
    """As the workflow's `container:` takes it."""
    image = f"registry.example/rhel@sha256:{'a' * 64}"
    known = config((f"ci.jobs.{X86}.container", image), (f"ci.jobs.{X86}.options", "--privileged"))
    first = json.loads(strategy(cut_up(packages(1), known), known))["include"][0]
    assert first["container"] == {"image": image, "options": "--privileged"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("container", "fedora:42"),
        ("container", "fedora"),
        ("options", "'; id'"),
        ("runs_on", "a b"),
        ("runs_on", "${{x}}"),
    ],
)
def test_an_image_without_a_digest_and_words_for_a_shell_are_refused(key: str, value: str) -> None:
    """A tag may be moved; quotes and signs of a shell have no use there."""
    with pytest.raises(Exception, match=f"/ci/jobs/{X86}/{key}"):
        config((f"ci.jobs.{X86}.{key}", f'"{value}"'))


def test_each_missing_result_has_its_reason() -> None:
    """What was sent names its job, what was not says why, whatever the class of machines."""
    linux = cut_up(packages(1), with_macos())
    macos = cut_up(packages(1), with_macos(), RunnerClass.MACOS)
    told = reasons([linux, macos])
    assert told[X86, "npm:package-0"] == f"no result came from the CI job {X86}-1-of-1"
    assert told[MAC, "npm:package-0"] == NOT_PASSED
