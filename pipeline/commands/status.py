"""`doit status`: what rings or is switched off, breakers, budget, what waits or is frozen, and the queue."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.text import Text

from pipeline.alarms.facts import Facts
from pipeline.alarms.predicates import ringing
from pipeline.alarms.words import in_words
from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.config import Config
from pipeline.control.budget import BudgetState, Standing, standings
from pipeline.control.stops import Stop, breaker_stop, ecosystem_stop, pipeline_stop
from pipeline.history.frozen import Frozen
from pipeline.history.reviews import Review
from pipeline.model import AlarmRecord, Breaker, BreakerState, Control, EntryStatus, QueueEntry
from pipeline.selection.statuses import waits_in_doubt
from pipeline.settings import load_control
from pipeline.source import ecosystem_of
from pipeline.state import alarms, journal
from pipeline.terminal import Mood, Terminal, hint, moments, number, sections, table, title
from pipeline.terminal import facts as fact_lines
from pipeline.text import counted, one_line

# A fact's name, its value, and what it means.
Row = tuple[str, str, Mood | None]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit status --json` prints: `stops` are the gates that are shut, by their numbers.

    `reviews` are the batches that wait for their merge, as of the last `doit publish`, the longest first. `frozen` are
    the packages whose bytes have changed, the longest first. `doubtful` counts the entries of which a person must still
    tell whether they are tools of their own. `damaged_lines` counts the lines of the journal that cannot be read, and
    so are not remembered. `alarms` are what rings now. `queue` counts the entries by ecosystem and status.
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
    queue: dict[str, dict[EntryStatus, int]]


class Status(StateCommand):
    """Show how things stand; writes nothing."""

    name = "status"
    doc_purpose = "show what rings or is switched off, breakers, minutes used, what waits for its merge, the queue"

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Read the control file as it is now, the ledger and the journal."""
        del options
        no_arguments(arguments, self.name)
        control = load_control(root.paths, root.config.ecosystems)
        folded = journal.load(root.paths, root.now)
        facts = alarms.facts(root.paths, root.config, root.now, folded.memory.packages)
        entries = alarms.queued(root.paths, root.config)
        state = state_of(control, facts, root.config, entries, damaged_lines=folded.damaged)
        self.tell(state, render(state, Terminal().width))
        return 0


def state_of(
    control: Control, facts: Facts, config: Config, entries: Sequence[QueueEntry], *, damaged_lines: int
) -> State:
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
        doubtful=sum(map(waits_in_doubt, entries)),
        damaged_lines=damaged_lines,
        alarms=ringing(facts),
        queue=counts_of(entries),
    )


def counts_of(entries: Iterable[QueueEntry]) -> dict[str, dict[EntryStatus, int]]:
    """Return how many entries there are of each ecosystem and status; only what there is."""
    found: dict[str, Counter[EntryStatus]] = {}
    for entry in entries:
        found.setdefault(ecosystem_of(entry.source), Counter())[entry.status] += 1
    return {name: dict(counts) for name, counts in sorted(found.items())}


def render(state: State, width: int) -> RenderableType:
    """Return the state for people: a line for each fact, then the queue."""
    calm = state.enabled and not state.stops and not state.alarms
    mood = Mood.GOOD if calm else Mood.WARN if state.enabled else Mood.BAD
    every = [
        *_alarms(state),
        *_switches(state),
        *_breakers(state),
        *_budget(state),
        *_reviews(state),
        *_frozen(state),
        *_doubtful(state),
        *_journal(state),
    ]
    named = title(f"pipeline {'enabled' if state.enabled else 'stopped'}", mood=mood)
    return sections(named, fact_lines(*every), _queue(state.queue, width), *_held(state))


def _held(state: State) -> Iterator[Text]:
    """Yield what to go on with while a gate is shut."""
    if state.stops:
        ends = ["; `doit resume` ends a stop"] if not state.enabled else []
        ends += [f"; `doit enable {name}` ends what is disabled" for name in state.disabled_ecosystems[:1]]
        yield hint(f"`doit why SOURCE` tells what holds a package{''.join(ends)}")


def _queue(queue: Mapping[str, Mapping[EntryStatus, int]], width: int) -> RenderableType:
    """Return how many entries stand where; a status that none has is left out."""
    if not queue:
        return fact_lines(("queue", "it has no packages: `doit add SOURCE` adds one", Mood.IDLE))
    shown = [status for status in EntryStatus if any(counts.get(status) for counts in queue.values())]
    made = table("queue", [*shown, "all"], width)
    every = {name: [counts.get(status, 0) for status in shown] for name, counts in queue.items()}
    if len(every) > 1:
        every["all"] = [sum(column) for column in zip(*every.values(), strict=True)]
    for name, counts in every.items():
        made.add_row(Text(one_line(name)), *map(number, counts), number(sum(counts)))
    return made


def _switches(state: State) -> Iterator[Row]:
    if state.disabled_ecosystems:
        yield "disabled", ", ".join(state.disabled_ecosystems), Mood.WARN
    said = {
        "reason": state.reason,
        "incident": state.incident_url,
        "by": state.disabled_by,
        "since": state.disabled_at,
        "expected": state.expected_resume,
    }
    yield from ((name, moments(one_line(value)), None) for name, value in said.items() if value)


def _breakers(state: State) -> Iterator[Row]:
    if not state.circuit_breaker:
        yield "breakers", "none has ever failed", Mood.GOOD
    for ecosystem, breaker in sorted(state.circuit_breaker.items()):
        yield "breaker", moments(f"{ecosystem}: {_breaker(breaker)}"), _BREAKERS[breaker.state]


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


def _budget(state: State) -> Iterator[Row]:
    for standing in state.minutes:
        yield "minutes", f"{standing.words}{_ALLOWS[standing.state]}", _MINUTES[standing.state]


def _reviews(state: State) -> Iterator[Row]:
    for review in state.reviews:
        late = f", longer than {review.limit_days} d (alarms.review_days)" if review.alarm else ""
        waits = f"{counted(review.recipes, 'recipe')}, not merged for {review.days:.1f} d, since {review.since}"
        yield "review", moments(f"{review.batch_id}: {waits}{late}"), Mood.BAD if review.alarm else Mood.IDLE


def _frozen(state: State) -> Iterator[Row]:
    for one in state.frozen:
        yield "frozen", f"{one.source} since {moments(one.since)}: {one_line(one.message)}", Mood.BAD


def _doubtful(state: State) -> Iterator[Row]:
    if state.doubtful:
        entries = counted(state.doubtful, "entry", "entries")
        yield "doubtful", f"{entries}: only a person can tell what tool is meant (`doit why SOURCE`)", Mood.WARN


def _alarms(state: State) -> Iterator[Row]:
    for alarm in state.alarms:
        since = f", since {moments(alarm.since)}" if alarm.since else ""
        yield "alarm", f"{alarm.kind}: {in_words(alarm)}{since}; {one_line(alarm.remedy)}", Mood.BAD


def _journal(state: State) -> Iterator[Row]:
    if state.damaged_lines:
        words = f"{counted(state.damaged_lines, 'line')} cannot be read, and what they said is not known"
        yield "journal", words, Mood.BAD


_BREAKERS = {BreakerState.CLOSED: Mood.GOOD, BreakerState.OPEN: Mood.BAD, BreakerState.HALF_OPEN: Mood.WARN}
_MINUTES = {BudgetState.FREE: Mood.GOOD, BudgetState.SAMPLING: Mood.WARN, BudgetState.SPENT: Mood.BAD}
_ALLOWS = {
    BudgetState.FREE: "",
    BudgetState.SAMPLING: ", only a sample is validated",
    BudgetState.SPENT: ", nothing is validated until Monday",
}
