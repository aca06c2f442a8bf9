"""The long run's world: its truth table, its events, its answers, and what it counts."""

import msgspec
import pytest

from benchmarks.simulation.answers import Answers
from benchmarks.simulation.events import Events, Span, draw
from benchmarks.simulation.tally import Tally
from benchmarks.simulation.truth import CAUSES, Reason, Truth, reachable, read_truth
from pipeline.ecosystems.base import Draft
from pipeline.errors import PipelineError
from pipeline.model import (
    Attempt,
    AttemptOutcome,
    Breaker,
    BreakerState,
    Control,
    Failed,
    Skipped,
    Stage,
    WorkOrder,
)
from tests.builders import entry

NEVER = Span(ecosystem="npm", begins=0, ends=0)
QUIET = Events(outages=[], switched_off=NEVER, stuck=10**6, seed=1)
FAILURES = sorted(set(Reason) - {Reason.MISSING_DEP, Reason.INSTALL_FAILED})


def ok(source: str) -> Truth:
    return Truth(source=source, result="ok")


def fails(source: str, reason: Reason, *blocked_by: str) -> Truth:
    return Truth(source=source, result="fails", reason=reason, blocked_by=list(blocked_by))


def table(*truths: Truth) -> dict[str, Truth]:
    return {truth.source: truth for truth in truths}


def order(source: str) -> WorkOrder:
    return WorkOrder(source=source, name=source.partition(":")[2])


def answer(truth: Truth, merged: frozenset[str] = frozenset(), events: Events = QUIET, hour: int = 0) -> object:
    """Return the first answer that the network does not spoil."""
    answers = Answers(table(truth), events)
    made = (answers.generation(order(truth.source), hour, merged) for _ in range(100))
    return next(each for each in made if not isinstance(each, Failed) or not each.transient)


def concluded(source: str, outcome: AttemptOutcome) -> Attempt:
    return Attempt(source=source, stage=Stage.PAYLOAD, outcome=outcome, at="2026-01-05T00:00:00Z")


# ------------------------------------------------------------------------------------------------- truth


def test_a_blocked_package_is_reachable_when_all_its_blockers_are():
    """Names are compared as recipes are called, and a chain is followed to its end."""
    entries = [entry("npm:a@1"), entry("npm:b"), entry("npm:c"), entry("npm:d")]
    truths = table(
        ok("npm:a@1"),
        fails("npm:b", Reason.MISSING_DEP, "a@1"),
        fails("npm:c", Reason.MISSING_DEP, "b"),
        fails("npm:d", Reason.MISSING_DEP, "b", "nobody"),
    )
    assert reachable(entries, truths, frozenset()) == {"npm:a@1", "npm:b", "npm:c"}


def test_packages_that_wait_for_each_other_are_not_reachable():
    """A cycle has no beginning."""
    truths = table(fails("npm:a", Reason.MISSING_DEP, "b"), fails("npm:b", Reason.MISSING_DEP, "a"))
    assert reachable([entry("npm:a"), entry("npm:b")], truths, frozenset()) == set()


def test_a_recipe_that_is_never_merged_is_made_and_sets_nobody_free():
    """What stays in an open pull request is no recipe that another can build on."""
    truths = table(ok("npm:a"), fails("npm:b", Reason.MISSING_DEP, "a"))
    assert reachable([entry("npm:a"), entry("npm:b")], truths, {"npm:a"}) == {"npm:a"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"source": "npm:a", "result": "perhaps"}', "line 2: Invalid enum value 'perhaps'"),
        ("{", "line 2: Input data was truncated"),
    ],
)
def test_a_bad_line_of_the_table_is_named(tmp_path, line, says):
    """One wrong line in 5,305 is found by its number."""
    path = tmp_path / "outcomes.jsonl"
    path.write_text(f'{{"source": "npm:a", "result": "ok"}}\n{line}\n')
    with pytest.raises(PipelineError, match=says):
        read_truth(path)


def test_a_source_that_was_made_once_can_be_made(tmp_path):
    """A queue may hold a source under two names, and only one of them was the right one."""
    path = tmp_path / "outcomes.jsonl"
    failed, made = fails("npm:a", Reason.INSTALL_FAILED), ok("npm:a")
    for lines in ((failed, made), (made, failed)):
        path.write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
        assert read_truth(path) == {"npm:a": made}


# ------------------------------------------------------------------------------------------------- events


def test_the_same_seed_is_the_same_course_of_events():
    """A figure can be taken again."""
    entries = [entry("npm:a"), entry("pypi:b")]
    assert draw(entries, 1000, seed=3) == draw(entries, 1000, seed=3)
    assert draw(entries, 1000, seed=3) != draw(entries, 1000, seed=4)


def test_the_largest_ecosystem_is_switched_off_for_a_month():
    """The switch hurts where most of the work is, and the run goes on long enough after it."""
    events = draw([entry("npm:a"), entry("pypi:b"), entry("pypi:c")], 1710, seed=1)
    assert events.switched_off.ecosystem == "pypi"
    assert events.switched_off.ends - events.switched_off.begins == 720
    assert events.switched_off.ends < 1710 * 0.75


def test_an_ecosystem_that_is_down_answers_nobody():
    """Each attempt in an outage fails by the registry, also that of a package that would fail by itself."""
    events = Events(outages=[Span(ecosystem="npm", begins=2, ends=4)], switched_off=NEVER, stuck=9, seed=1)
    answers = Answers(table(fails("npm:a", Reason.NO_EXECUTABLES), ok("pypi:b")), events)
    made = [answers.generation(order("npm:a"), hour, frozenset()) for hour in (2, 3)]
    assert [each.subcategory.value for each in made] == ["upstream_unavailable"] * 2
    assert [events.is_down(name, hour) for name, hour in (("npm", 1), ("npm", 4), ("pypi", 2))] == [False] * 3


# ------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("reason", FAILURES)
def test_a_reason_of_the_table_becomes_a_cause_that_does_not_pass(reason):
    """The pipeline sees each failure under its own name, with the digest of the metadata that says so."""
    made = answer(fails("npm:a", reason))
    assert isinstance(made, Skipped) or (isinstance(made, Failed) and not made.transient)
    assert made.subcategory is CAUSES[reason]
    assert made.upstream is not None


def test_a_missing_recipe_blocks_until_it_is_there():
    """Only what is still missing is named."""
    truth = fails("npm:a", Reason.MISSING_DEP, "b@1", "c")
    blocked = answer(truth, frozenset({"c"}))
    assert isinstance(blocked, Skipped)
    assert blocked.blocked_by == ["b@1"]
    assert isinstance(answer(truth, frozenset({"b-1", "c"})), Draft)


def test_about_two_attempts_in_a_hundred_fail_by_the_network():
    """The share of 2 % is met within three standard deviations, generation and validation together."""
    answers = Answers(table(ok("npm:a")), QUIET)
    made = [answers.generation(order("npm:a"), 0, frozenset()) for _ in range(10_000)]
    assert 115 <= sum(isinstance(each, Failed) for each in made) <= 190  # 1.5 % of them; the rest when it is run


# ------------------------------------------------------------------------------------------------- counts


def test_an_attempt_is_wasted_when_nothing_had_changed_since_the_package_failed():
    """The network's failures waste nothing, but they do not whitewash a package that had failed before either."""
    tally = Tally(table(fails("npm:a", Reason.RECIPE_NOT_FOUND), ok("npm:b")))
    for outcome in (AttemptOutcome.TRANSIENT, AttemptOutcome.FAILED):
        tally.conclusions([concluded("npm:a", outcome)], frozenset())
    assert (tally.attempts, tally.wasted) == (2, 0)
    tally.conclusions([concluded("npm:a", AttemptOutcome.TRANSIENT)], frozenset())
    tally.conclusions([concluded("npm:a", AttemptOutcome.FAILED), concluded("npm:a", AttemptOutcome.DEFERRED)], set())
    assert (tally.attempts, tally.wasted, tally.deferred) == (4, 2, 1)


def test_a_blocked_package_is_wasted_only_while_its_blocker_is_missing():
    """Once the blocker is merged, trying again is what it should be."""
    tally = Tally(table(fails("npm:a", Reason.MISSING_DEP, "b")))
    for merged, outcome in ((set(), "blocked"), (set(), "blocked"), ({"b"}, "succeeded")):
        tally.conclusions([concluded("npm:a", AttemptOutcome(outcome))], merged)
    assert (tally.wasted, tally.made) == (1, ["npm:a"])


def test_a_breaker_is_noted_when_it_moves():
    """A timeline has one point for each change of state, and none for a breaker that never opened."""
    tally = Tally({})
    for hour, state in enumerate(["closed", "open", "open", "half-open", "closed"]):
        breaker = Breaker(state=BreakerState(state))
        tally.breaker_states(Control(circuit_breaker={"npm": breaker, "pypi": Breaker()}), hour)
    assert tally.breakers["npm"] == [(1, "open"), (3, "half-open"), (4, "closed")]
    assert tally.breakers["pypi"] == []
