"""A batch cut into jobs of a CI workflow: one for each platform that is measured, more where it is large. Pure.

What a job is not asked to do is told with its reason, so that nothing is left out silently.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil

from pipeline.config import Config, Runner, RunnerClass
from pipeline.control.budget import runner_class, standing, stop_for_class
from pipeline.model import Budget, MatrixJob, MatrixRecord, NotSent
from pipeline.platforms import BY_ID
from pipeline.source import task_label

# What one strategy.matrix of a workflow may hold (GitHub's documentation of usage limits).
MOST_JOBS = 256
# What all outputs of one job may hold, in characters: GitHub measures 1 MB in UTF-16, and the names are ASCII.
LARGEST_OUTPUT = 500_000
NOT_PASSED = "not sent to macOS: it passed on no Linux platform"


def has_job(config: Config, platform: str) -> bool:
    """Return whether a job of its own measures a platform: by the sandbox, which is Linux's, or by a command."""
    configured = config.platforms.get(platform)
    if configured is None or platform not in config.ci.jobs:
        return False
    match configured.runner:
        case Runner.NATIVE:
            return BY_ID[platform].os == "linux"
        case Runner.EXTERNAL:
            return bool(configured.command)
        case Runner.STATIC | Runner.NONE:
            return False


def cut(
    batch_id: str,
    sources: Sequence[str],
    config: Config,
    budget: Budget,
    now: datetime,
    *,
    runner: RunnerClass,
    passed: Collection[str] = (),
) -> MatrixRecord:
    """Return the jobs of one class of machines for the packages that have a recipe, in the order of the batch.

    `passed` are those that passed on Linux: macOS costs more, and only they are worth it.
    """
    platforms = [name for name in BY_ID if has_job(config, name) and runner_class(name) is runner]
    sent: dict[str, list[str]] = {platform: [] for platform in platforms}
    not_sent: list[NotSent] = []
    reserved = 0.0
    for source in sources:
        for platform in platforms:
            cost = longest_minutes(config, platform)
            why = _why_not(source, platform, config, budget, now, reserved + cost, passed)
            if why:
                not_sent.append(NotSent(platform=platform, source=source, reason=why))
            else:
                reserved += cost
                sent[platform].append(source)
    return MatrixRecord(
        batch_id=batch_id, runner_class=runner.value, jobs=list(_jobs(sent, config.ci.shard_size)), not_sent=not_sent
    )


def strategy(record: MatrixRecord, config: Config) -> str:
    """Return a record's jobs as the JSON of `strategy.matrix`, in one line.

    The tasks of a job stand in one text, a line each: a matrix of texts goes into an environment variable as it is.
    """
    return json.dumps({"include": [_included(job, config) for job in record.jobs]}, separators=(",", ":"))


def tasks_of(job: MatrixJob) -> list[str]:
    """Return the names of the doit tasks of a job."""
    return [f"validate:{job.platform}:{task_label(source)}" for source in job.sources]


def reasons(records: Collection[MatrixRecord]) -> dict[tuple[str, str], str]:
    """Return, for platform and source, why there is no result when there is none."""
    why = {(one.platform, one.source): one.reason for record in records for one in record.not_sent}
    sent = {
        (job.platform, source): f"no result came from the CI job {job.id}"
        for record in records
        for job in record.jobs
        for source in job.sources
    }
    return why | sent


def longest_minutes(config: Config, platform: str) -> float:
    """Return how many minutes a package may take on a platform before it is stopped."""
    if config.platforms[platform].command:
        return config.external.validate_timeout_seconds / 60
    phases = config.validation.fetch, config.validation.build, config.validation.verify
    return sum(phase.timeout_seconds for phase in phases) / 60


def _why_not(
    source: str,
    platform: str,
    config: Config,
    budget: Budget,
    now: datetime,
    minutes: float,
    passed: Collection[str],
) -> str:
    """Return why a package is not measured on a platform in this batch, "" when it is.

    `minutes` is what it would take at most, with all that was sent before it.
    """
    runner = runner_class(platform)
    if runner is RunnerClass.MACOS and source not in passed:
        return NOT_PASSED
    stop = stop_for_class(budget, 0, config.budget, platform, source, now)
    if stop is not None:
        return f"{stop.value}; the rule: {stop.rule}; until {stop.until}"
    now_is = standing(budget, config.budget, runner, now)
    left = config.budget.stop_at * now_is.limit - now_is.used
    if minutes > left:
        return f"{now_is.words}, and this batch may take the rest; until {now_is.until}"
    return ""


def _jobs(sent: Mapping[str, Sequence[str]], shard_size: int) -> Iterator[MatrixJob]:
    """Yield the jobs; the parts of a platform are of equal size or differ by one package."""
    size = _size(list(map(len, sent.values())), shard_size)
    for platform, sources in sent.items():
        shards = ceil(len(sources) / size)
        for shard in range(1, shards + 1):
            first, last = len(sources) * (shard - 1) // shards, len(sources) * shard // shards
            yield MatrixJob(
                id=f"{platform}-{shard}-of-{shards}",
                platform=platform,
                shard=shard,
                shards=shards,
                sources=list(sources[first:last]),
            )


def _size(counts: Sequence[int], wanted: int) -> int:
    """Return how many packages a job gets: `wanted`, or as many more as the limit of jobs asks for."""
    size = wanted
    while sum(ceil(count / size) for count in counts) > MOST_JOBS:
        size += max(1, size // 20)
    return size


def _included(job: MatrixJob, config: Config) -> dict[str, object]:
    machine = config.ci.jobs[job.platform]
    container = {"image": machine.container, "options": machine.options} if machine.container else None
    return {
        "id": job.id,
        "platform": job.platform,
        "runs_on": machine.runs_on,
        "container": container,
        "shard": job.shard,
        "shards": job.shards,
        "tasks": "\n".join(tasks_of(job)),
    }
