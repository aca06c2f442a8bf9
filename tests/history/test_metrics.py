"""The numbers of a batch, and of many."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import RunnerClass
from pipeline.history.metrics import all_of, batch_metrics, totals
from pipeline.history.service_levels import success
from pipeline.model import (
    Attempt,
    AttemptOutcome,
    AutoMerge,
    BatchMetrics,
    Category,
    EarlierTry,
    EcosystemCounts,
    Generated,
    OutcomeRecord,
    Payload,
    PhaseResult,
    Recipe,
    RunRecord,
    Skipped,
    Stage,
    Step,
    Subcategory,
    Tier,
    Traffic,
    Verdict,
    VerdictStatus,
)
from tests.builders import NOW, config
from tests.builders_metrics import ANY_METRICS, counts, metrics
from tests.builders_payload import HOST, batch, evidence

AT = "2026-03-02T12:00:00Z"
LIMITS = config().budget
RECIPE = Recipe(name="a", steps=[Step(action="npm_install", params={})], executables=["a"])
TRIED_BEFORE = EarlierTry(
    at=AT, seconds=30, category=Category.NETWORK_ERROR, subcategory=Subcategory.TIMEOUT, message="too slow"
)


def outcome(source: str, *, generated: bool = True, earlier: tuple[EarlierTry, ...] = ()) -> OutcomeRecord:
    """Return the record of a package that took 2 s, with a recipe or without."""
    made = (
        Generated(recipe=RECIPE, recipe_sha256="0" * 64, evidence=evidence())
        if generated
        else Skipped(subcategory=Subcategory.NO_EXECUTABLES, message="none")
    )
    return OutcomeRecord(
        source=source, name="a", made_from="0" * 64, at=AT, seconds=2, outcome=made, earlier=list(earlier)
    )


def verdict(source: str, status: VerdictStatus, seconds: float = 0, platform: str = HOST, **fields) -> Verdict:
    """Return a verdict that cost so many seconds, in two phases."""
    phases = [PhaseResult(name=name, wall_s=seconds / 2, network=False) for name in ("fetch", "verify")]
    return Verdict(
        source=source,
        version="1",
        platform=platform,
        recipe_sha256=None,
        made_from="0" * 64,
        tier=Tier.NATIVE,
        status=status,
        reason="",
        phases=phases,
        at=AT,
        **fields,
    )


def payload(**fields) -> Payload:
    """Return a pull request; the metrics only take its counts by platform."""
    given = {
        "batch_id": "2026-03-02-mixed-001",
        "branch": "batch/x",
        "title": "",
        "labels": [],
        "body_file": "body.md",
        "commit_message_file": "commit-message.txt",
        "files": [],
        "included": [],
        "excluded": [],
        "platforms": {},
        "auto_merge": AutoMerge(allowed=False, reasons=[]),
    }
    return Payload(**{**given, **fields})


def end(source: str, outcome: AttemptOutcome) -> Attempt:
    """Return the journal's conclusion on a package."""
    return Attempt(source=source, stage=Stage.PAYLOAD, outcome=outcome, at=AT)


def numbers(ends: dict[str, AttemptOutcome], outcomes=(), verdicts=(), runs=(), **fields) -> BatchMetrics:
    """Return the numbers of a batch of these packages."""
    conclusions = [end(source, outcome) for source, outcome in ends.items()]
    return batch_metrics(batch(*ends), conclusions, outcomes, verdicts, payload(**fields), runs, LIMITS, NOW)


# ------------------------------------------------------------------------------------ one batch


def test_each_package_is_counted_for_its_ecosystem():
    """Included, excluded, blocked and deferred are apart; all but the deferred were attempted."""
    ends = {
        "npm:in": AttemptOutcome.SUCCEEDED,
        "npm:out": AttemptOutcome.FAILED,
        "npm:later": AttemptOutcome.TRANSIENT,
        "npm:stuck": AttemptOutcome.BLOCKED,
        "npm:held": AttemptOutcome.DEFERRED,
        "pypi:in": AttemptOutcome.SUCCEEDED,
    }
    outcomes = [outcome(source, generated=source not in {"npm:later", "npm:stuck"}) for source in ends]
    verdicts = [
        verdict("npm:in", VerdictStatus.VALIDATED),
        verdict("npm:in", VerdictStatus.VALIDATED_EMULATED, platform="linux-alpine-musl-arm64"),
        verdict("npm:out", VerdictStatus.FAILED),
        verdict("npm:out", VerdictStatus.PREDICTED_PASS, platform="darwin-arm64"),
        verdict("pypi:in", VerdictStatus.VALIDATED),
    ]
    found = numbers(ends, outcomes, verdicts).ecosystems
    assert found["npm"] == EcosystemCounts(
        attempted=4, generated=2, validated=1, included=1, excluded=2, blocked=1, deferred=1
    )
    assert found["pypi"] == EcosystemCounts(attempted=1, generated=1, validated=1, included=1)


@given(ends=st.dictionaries(st.sampled_from([f"npm:p{n}" for n in range(12)]), st.sampled_from(AttemptOutcome)))
def test_nothing_is_counted_twice_or_left_out(ends):
    """Each package of the batch is in exactly one of four counts, and success has every failure below the line."""
    got = numbers(ends, [outcome(source) for source in ends]).ecosystems.get("npm", EcosystemCounts())
    assert got.included + got.excluded + got.blocked == got.attempted == got.generated
    assert got.attempted + got.deferred == len(ends)
    share = success(got)
    assert (share.part, share.whole) == (got.included, len(ends) - list(ends.values()).count(AttemptOutcome.DEFERRED))


def test_a_package_without_a_conclusion_was_not_attempted():
    """Nothing is known of it, so it must not count as a failure, nor as a success."""
    found = batch_metrics(batch("npm:a"), [], [outcome("npm:a")], [], payload(), [], LIMITS, NOW)
    assert found.ecosystems["npm"] == EcosystemCounts(deferred=1)


def test_minutes_are_those_of_the_verdicts_with_the_tries_before():
    """By class of machine, weighed by the cost of each: a macOS minute is ten Linux minutes."""
    verdicts = [
        verdict("npm:a", VerdictStatus.VALIDATED, 90, earlier=[TRIED_BEFORE]),
        verdict("npm:a", VerdictStatus.FAILED, 30, platform="darwin-arm64"),
    ]
    found = numbers({"npm:a": AttemptOutcome.SUCCEEDED}, [outcome("npm:a", earlier=(TRIED_BEFORE,))], verdicts)
    assert found.minutes == {RunnerClass.LINUX: 2, RunnerClass.MACOS: 0.5}
    assert found.cost == 2 * 1 + 0.5 * 10
    assert found.stage_seconds == {"generate": 32, "validate": 150}


def test_only_this_batchs_runs_count_for_its_traffic():
    """Several runs of one batch are added up, by ecosystem."""

    def run(batch_id: str, **traffic: Traffic) -> RunRecord:
        return RunRecord(batch_id=batch_id, started_at=AT, seconds=1, traffic=traffic)

    one = Traffic(requests=1, cache_hits=2, not_modified=3, bytes=4, failed_tries=5, waited=0.5)
    own, other = "2026-03-02-mixed-001", "2026-03-01-mixed-001"
    runs = [run(own, npm=one), run(own, npm=one, pypi=one), run(other, npm=one)]
    found = numbers({"npm:a": AttemptOutcome.SUCCEEDED}, runs=runs).traffic
    assert found["pypi"] == one
    assert msgspec.structs.astuple(found["npm"]) == tuple(2 * part for part in msgspec.structs.astuple(one))


def test_the_platforms_are_the_pull_requests():
    """One count by status, not a second one beside it."""
    platforms = {HOST: {VerdictStatus.VALIDATED: 2}}
    found = numbers({"npm:a": AttemptOutcome.SUCCEEDED}, platforms=platforms)
    assert found.platforms == platforms
    assert (found.at, found.created_at) == (AT, AT)


# ------------------------------------------------------------------------------------ many batches


@given(first=st.lists(ANY_METRICS, max_size=4), second=st.lists(ANY_METRICS, max_size=4))
def test_totals_are_a_sum(first, second):
    """The numbers of two lots of batches are those of both together, in whatever order."""
    both = totals([*first, *second])
    assert totals([*second, *first]) == both
    for name, found in both.ecosystems.items():
        parts = [lot.ecosystems.get(name, EcosystemCounts()) for lot in (totals(first), totals(second))]
        assert found == all_of(dict(enumerate(parts)), EcosystemCounts())
    for platform, statuses in both.platforms.items():
        for status, count in statuses.items():
            assert count == sum(line.platforms.get(platform, {}).get(status, 0) for line in [*first, *second])
    assert both.cost == sum(line.cost for line in [*first, *second])
    assert sum(both.minutes.values()) == sum(sum(line.minutes.values()) for line in [*first, *second])


def test_totals_of_nothing():
    """No batch, no numbers."""
    empty = totals([])
    assert (empty.ecosystems, empty.platforms, empty.traffic, empty.cost) == ({}, {}, {}, 0)


def test_the_sum_of_two_batches():
    """By hand, once."""
    one, two = metrics(1), metrics(2, ecosystems={"npm": counts(excluded=3), "pypi": counts(included=1)})
    added = totals([one, two])
    assert added.ecosystems == {"npm": counts(included=1, excluded=4), "pypi": counts(included=1)}
    assert (added.cost, added.minutes, added.traffic["npm"].requests) == (2, {"linux": 2, "macos": 0}, 4)
