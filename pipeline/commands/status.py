"""`doit status`: what is switched off, how the breakers stand, what of the budget is used, what waits or is frozen."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.alarms.facts import Facts
from pipeline.alarms.predicates import ringing
from pipeline.alarms.words import in_words
from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.config import Config
from pipeline.control.budget import BudgetState, Standing, standings
from pipeline.control.stops import Stop, breaker_stop, ecosystem_stop, pipeline_stop
from pipeline.history.frozen import Frozen
from pipeline.history.reviews import Review
from pipeline.model import AlarmRecord, Breaker, BreakerState, Control
from pipeline.selection.statuses import waits_in_doubt
from pipeline.settings import load_control
from pipeline.state import alarms, journal
from pipeline.text import counted, one_line


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit status --json` prints: `stops` are the gates that are shut, by their numbers.

    `reviews` are the batches that wait for their merge, as of the last `doit publish`, the longest first. `frozen` are
    the packages whose bytes have changed, the longest first. `doubtful` counts the entries of which a person must still
    tell whether they are tools of their own. `damaged_lines` counts the lines of the journal that cannot be read, and
    so are not remembered. `alarms` are what rings now.
    """

    enabled: bool
    disabled_ecosystems: list[str]
    reason: str | None
    incident_url: str | None
    disabled_by: str | None
    disabled_at: str | None
    expected_resume: str | None
    circuit_breaker: dict[str, Breaker]
    minutes: list[Standing]
    stops: list[Stop]
    reviews: list[Review]
    frozen: list[Frozen]
    doubtful: int
    damaged_lines: int
    alarms: list[AlarmRecord]


class Status(StateCommand):
    """Show how things stand; writes nothing."""

    name = "status"
    doc_purpose = "show what is switched off, the circuit breakers, the minutes used, and what waits for its merge"
    doc_usage = "[--json]"

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Read the control file as it is now, the ledger and the journal."""
        del options
        no_arguments(arguments, self.name)
        control = load_control(root.paths, root.config.ecosystems)
        folded = journal.load(root.paths, root.now)
        facts = alarms.facts(root.paths, root.config, root.now, folded.memory.packages)
        doubtful = sum(map(waits_in_doubt, alarms.queued(root.paths, root.config)))
        state = state_of(control, facts, root.config, doubtful=doubtful, damaged_lines=folded.damaged)
        self.tell(state, render(state))
        return 0


def state_of(control: Control, facts: Facts, config: Config, *, doubtful: int, damaged_lines: int) -> State:
    """Return how things stand at the moment of the facts."""
    now = facts.now
    stops = [
        pipeline_stop(control),
        *(ecosystem_stop(control, name) for name in control.disabled_ecosystems),
        *(breaker_stop(control, name, now) for name in control.circuit_breaker),
    ]
    return State(
        enabled=control.enabled,
        disabled_ecosystems=control.disabled_ecosystems,
        reason=control.reason,
        incident_url=control.incident_url,
        disabled_by=control.disabled_by,
        disabled_at=control.disabled_at,
        expected_resume=control.expected_resume,
        circuit_breaker=control.circuit_breaker,
        minutes=standings(control.budget, config.budget, now),
        stops=[stop for stop in stops if stop is not None],
        reviews=list(facts.reviews),
        frozen=list(facts.frozen),
        doubtful=doubtful,
        damaged_lines=damaged_lines,
        alarms=ringing(facts),
    )


def render(state: State) -> str:
    """Return the state for people, a line for each fact."""
    return "\n".join(
        [
            *_switches(state),
            *_breakers(state),
            *_budget(state),
            *_reviews(state),
            *_frozen(state),
            *_doubtful(state),
            *_journal(state),
            *_alarms(state),
        ]
    )


def _switches(state: State) -> Iterator[str]:
    yield f"pipeline    {'enabled' if state.enabled else 'stopped'}"
    if state.disabled_ecosystems:
        yield f"disabled    {', '.join(state.disabled_ecosystems)}"
    facts = {
        "reason": state.reason,
        "incident": state.incident_url,
        "by": state.disabled_by,
        "since": state.disabled_at,
        "expected": state.expected_resume,
    }
    yield from (f"  {name:<10}{one_line(value)}" for name, value in facts.items() if value)


def _breakers(state: State) -> Iterator[str]:
    if not state.circuit_breaker:
        yield "breakers    none has ever failed"
    for ecosystem, breaker in sorted(state.circuit_breaker.items()):
        yield f"breaker     {ecosystem}: {_breaker(breaker)}"


def _breaker(breaker: Breaker) -> str:
    count = f"{breaker.failures} failure{'' if breaker.failures == 1 else 's'} in a row"
    stages = f" in {', '.join(breaker.stages)}" if breaker.stages else ""
    last = f", the last at {breaker.last_failure}" if breaker.last_failure and breaker.failures else ""
    match breaker.state:
        case BreakerState.CLOSED:
            return f"closed, {count}{stages}{last}"
        case BreakerState.OPEN:
            until = f", may be probed from {breaker.opens_at}" if breaker.opens_at else ", may be probed"
        case BreakerState.HALF_OPEN:
            probe = breaker.probe
            until = f", probed by {probe.source} until {probe.until}" if probe else ", waits for a probe"
    tried = f", {breaker.failed_probes} failed probe{'' if breaker.failed_probes == 1 else 's'}"
    return f"{breaker.state}, {count}{stages}{last}{tried if breaker.failed_probes else ''}{until}"


def _budget(state: State) -> Iterator[str]:
    for standing in state.minutes:
        yield f"minutes     {standing.words}{_ALLOWS[standing.state]}"


def _reviews(state: State) -> Iterator[str]:
    for review in state.reviews:
        late = f", longer than {review.limit_days} d (alarms.review_days)" if review.alarm else ""
        waits = f"{counted(review.recipes, 'recipe')}, not merged for {review.days:.1f} d, since {review.since}"
        yield f"review      {review.batch_id}: {waits}{late}"


def _frozen(state: State) -> Iterator[str]:
    for one in state.frozen:
        yield f"frozen      {one.source} since {one.since}: {one_line(one.message)}"


def _doubtful(state: State) -> Iterator[str]:
    if state.doubtful:
        entries = counted(state.doubtful, "entry", "entries")
        yield f"doubtful    {entries}: only a person can tell what tool is meant (`doit why <source>`)"


def _alarms(state: State) -> Iterator[str]:
    for alarm in state.alarms:
        since = f", since {alarm.since}" if alarm.since else ""
        yield f"alarm       {alarm.kind}: {in_words(alarm)}{since}"


def _journal(state: State) -> Iterator[str]:
    if state.damaged_lines:
        yield f"journal     {counted(state.damaged_lines, 'line')} cannot be read, and what they said is not known"


_ALLOWS = {
    BudgetState.FREE: "",
    BudgetState.SAMPLING: ", only a sample is validated",
    BudgetState.SPENT: ", nothing is validated until Monday",
}
