"""The order among the entries that may be tried, and why one comes where it does. Pure.

By priority; within one, ecosystems take turns; within an ecosystem, what was never tried or is new comes before
retries. What only time has let out of quarantine, or what never gets on, comes after all others.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from enum import IntEnum

import msgspec

from pipeline.model import AttemptOutcome
from pipeline.selection.blockers import recipe_name
from pipeline.selection.predicates import is_aged
from pipeline.selection.situation import Case, Situation

# Tries in a row that may end in nothing (put off, blocked, the network) before an entry stands back for all others:
# else those of priority 1 that never get on would take the places of the rest for ever.
PATIENCE = 3


class Rank(IntEnum):
    """The classes of entries, the first to be tried first. `AGED` ones take only their share of all tries."""

    FRESH = 0
    RETRY = 1
    PUT_OFF = 2
    AGED = 3


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """An entry that may be tried: its class, and how many packages wait for its recipe."""

    case: Case
    rank: Rank
    impact: int


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A candidate at its place in the line, and why it stands there."""

    candidate: Candidate
    reason: str


def candidate(case: Case, situation: Situation) -> Candidate:
    """Return an entry that passed its gates with what orders it."""
    known = case.known
    if known.last_tried is None:
        rank = Rank.FRESH
    elif is_aged(case, situation):
        rank = Rank.AGED
    elif max(known.streak, known.blocks, known.deferrals) > PATIENCE:
        rank = Rank.PUT_OFF
    elif known.streak > 0 or known.blocks > 1 or (known.last_outcome is AttemptOutcome.DEFERRED and not known.due_at):
        rank = Rank.RETRY
    else:
        rank = Rank.FRESH
    impact = situation.impact.get(recipe_name(case.entry.name), 0) if situation.impact else 0
    return Candidate(case, rank, impact)


def in_line(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Yield all candidates in the order in which they are tried."""
    lanes: dict[int, dict[str, list[Candidate]]] = defaultdict(lambda: defaultdict(list))
    last: list[Candidate] = []
    for one in candidates:
        if one.rank >= Rank.PUT_OFF:
            last.append(one)
        else:
            lanes[one.case.entry.priority][one.case.ecosystem].append(one)
    for priority in sorted(lanes):
        yield from _in_turns(deque(sorted(lane, key=_within_lane)) for lane in lanes[priority].values())
    yield from sorted(last, key=_behind_all)


def least_recently_tried(candidates: Iterable[Candidate]) -> Candidate:
    """Return the candidate to probe with: one that is not held by age alone, if there is any."""
    return min(candidates, key=_as_probe)


def reason(one: Candidate) -> str:
    """Return in words why a candidate stands where it does."""
    known = one.case.known
    words = [f"priority {one.case.entry.priority}", _why(one)]
    if one.impact:
        words.append(f"{one.impact} {'waits' if one.impact == 1 else 'wait'} for it")
    if known.last_tried is not None:
        words.append(f"last tried {known.last_tried}")
    return ", ".join(words)


def _in_turns(lanes: Iterable[deque[Candidate]]) -> Iterator[Candidate]:
    waiting = list(lanes)
    while waiting:
        for lane in waiting:
            yield lane.popleft()
        waiting = [lane for lane in waiting if lane]


def _within_lane(one: Candidate) -> tuple[int, int, str, int, int]:
    """Return what orders an ecosystem's entries of one priority.

    Times sort as text: the journal gives them in UTC. What waited for a time had its turn before, and comes first. New
    entries go by impact, as each leaves that class once it is tried. Retries rotate first: a package that many wait for
    would else keep the others from their turn.
    """
    tried = one.case.known.last_tried or ""
    if one.case.known.due_at is not None:
        return -1, 0, one.case.known.due_at, 0, one.case.position
    if one.rank is Rank.FRESH:
        return 0, -one.impact, tried, 0, one.case.position
    return 1, 0, tried, -one.impact, one.case.position


def _behind_all(one: Candidate) -> tuple[str, int, int]:
    return one.case.known.last_tried or "", one.case.entry.priority, one.case.position


def _as_probe(one: Candidate) -> tuple[bool, str, int, int]:
    return one.rank is Rank.AGED, one.case.known.last_tried or "", one.case.entry.priority, one.case.position


def _why(one: Candidate) -> str:
    known = one.case.known
    match one.rank:
        case Rank.AGED:
            return "left alone for long enough"
        case Rank.PUT_OFF:
            return f"{max(known.streak, known.blocks, known.deferrals)} tries in a row came to nothing"
        case Rank.RETRY if known.streak or known.blocks > 1:
            return f"retry {max(known.streak, known.blocks)} of what passes by itself"
        case Rank.RETRY:
            return "deferred before"
    match known.last_outcome:
        case None:
            return "never tried"
        case AttemptOutcome.REQUEUED:
            return "asked for again"
        case AttemptOutcome.BLOCKED:
            return "no longer blocked"
        case AttemptOutcome.FAILED:
            return "changed since it failed"
        case AttemptOutcome.DEFERRED:
            return "held for its age before"
        case _:
            return "tried before"
