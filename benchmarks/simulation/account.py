"""What came of a long run, in numbers, beside what it should have come to."""

import resource
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from benchmarks.report import Figure
from benchmarks.simulation.events import Span
from benchmarks.simulation.hours import Simulation, first_of_each
from benchmarks.simulation.truth import Truth, reachable
from pipeline.model import EntryStatus, Queue
from pipeline.selection.statuses import CANDIDATES

# A real pipeline of this kind on this queue: its recipes in 1,710 recorded hourly runs, and those of its last attempts.
FIELD_RUNS, FIELD_RECIPES = 1_710, 212
FIELD_LAST_ATTEMPTS, FIELD_LAST_RECIPES = 5_866, 10
WASTED_SHARE = 0.02
SECONDS = 60.0


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a long run; lists hold sources.

    `recipes` came into a pull request, `merged` of them were merged. `missed` could have been made and were not;
    `unreachable` are wanted and wait for what nobody can make or merge. `starved` could be tried now and never were.
    """

    seed: int
    runs: int
    batch_size: int
    recipes: int
    attempts: int
    wasted: int
    starved: int
    seconds: float
    deferred: int
    transient: int
    in_review: int
    merged: int
    reachable: int
    missed: list[str]
    unreachable: list[str]
    starving: list[str]
    by_status: dict[str, int]
    # How many recipes each hundredth of the attempts made, from the first to the last.
    course: list[int]
    outages: list[Span]
    switched_off: Span
    stuck_pull_request: str
    breakers: dict[str, list[tuple[int, str]]]
    peak_mib: float
    processor_seconds: float
    # Processor time, which says more than the clock on a busy machine.
    seconds_by_part: dict[str, float]


def account(
    simulation: Simulation, queue: Queue, table: Mapping[str, Truth], runs: int, batch_size: int, seconds: float
) -> Account:
    """Return what came of a simulation after so many runs, which took so many seconds."""
    tally = simulation.tally
    entries = first_of_each(queue.entries)
    wanted = [entry for entry in entries if entry.status in CANDIDATES and table[entry.source].may_succeed]
    can = reachable(entries, table, simulation.never_merged())
    made = set(tally.made)
    by_status = simulation.statuses()
    starving = simulation.starved(runs)
    return Account(
        seed=simulation.events.seed,
        runs=runs,
        batch_size=batch_size,
        recipes=len(made),
        attempts=tally.attempts,
        wasted=tally.wasted,
        starved=len(starving),
        seconds=round(seconds, 2),
        deferred=tally.deferred,
        transient=tally.transient,
        in_review=by_status.get(EntryStatus.IN_REVIEW, 0),
        merged=by_status.get(EntryStatus.SUCCESS, 0),
        reachable=len(can),
        missed=sorted(can - made),
        unreachable=sorted(entry.source for entry in wanted if entry.source not in can),
        starving=starving,
        by_status=by_status,
        course=_course(tally.course),
        outages=simulation.events.outages,
        switched_off=simulation.events.switched_off,
        stuck_pull_request=simulation.destination.stuck,
        breakers=dict(sorted(tally.breakers.items())),
        # Linux counts KiB.
        peak_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        processor_seconds=round(time.process_time(), 2),
        seconds_by_part={part: round(took, 2) for part, took in simulation.seconds.items()},
    )


def figures(result: Account) -> list[Figure]:
    """Return the figures with their aims; what so few attempts cannot reach is not asked for."""
    enough = result.runs * result.batch_size >= 2 * sum(result.by_status.values())
    opened = sum(state == "open" for states in result.breakers.values() for _, state in states)
    return [
        Figure(
            name="recipes made",
            value=result.recipes,
            unit="",
            limit=result.reachable if enough else None,
            at_least=True,
            note=f"{result.merged} merged, {result.in_review} in review; the field's: {FIELD_RECIPES}",
        ),
        Figure(name="attempts", value=result.attempts, unit="", note=f"{result.transient} failed by the network"),
        Figure(
            name="attempts wasted on what had not changed",
            value=round(100 * result.wasted / max(result.attempts, 1), 2),
            unit="%",
            limit=100 * WASTED_SHARE,
            note=f"{result.wasted} of {result.attempts}",
        ),
        Figure(
            name="starved: may be tried, never were",
            value=result.starved,
            unit="",
            limit=0 if enough else None,
            note="" if enough else "too few attempts to try each once",
        ),
        Figure(name="breakers opened", value=opened, unit="", note=f"in {len(result.outages)} outages"),
        Figure(name="held back after selection", value=result.deferred, unit=""),
        Figure(
            name="the whole simulation",
            value=result.seconds,
            unit="s",
            limit=SECONDS,
            note=f"processor {result.processor_seconds:g} s, {result.peak_mib:g} MiB",
        ),
    ]


def lines(result: Account) -> list[str]:
    """Return what a person wants to see beside the figures."""
    off = result.switched_off
    parts = ", ".join(f"{part} {took:g} s" for part, took in result.seconds_by_part.items())
    timelines = [
        f"breaker of {ecosystem}: {', '.join(f'{hour} {state}' for hour, state in states[:12])}"
        + (f", and {len(states) - 12} more" if len(states) > 12 else "")
        for ecosystem, states in result.breakers.items()
        if states
    ]
    stuck = result.stuck_pull_request or "no pull request"
    statuses = ", ".join(f"{count} {status}" for status, count in result.by_status.items())
    tenths = ", ".join(map(str, _tenths(result.course)))
    field = f"{FIELD_LAST_RECIPES} in its last {FIELD_LAST_ATTEMPTS:,} attempts"
    missed, unreachable = result.missed, result.unreachable
    return [
        f"{off.ecosystem} was switched off from hour {off.begins} to {off.ends}; {stuck} was never merged",
        f"statuses at the end: {statuses}",
        f"recipes in each tenth of the attempts: {tenths}; the field made {field}",
        f"missed: {len(missed)}{_some(missed)}; nobody can make: {len(unreachable)}{_some(unreachable)}",
        f"processor time by part: {parts}",
        *timelines,
    ]


def _course(made: Sequence[int]) -> list[int]:
    """Return the sums of a hundred parts, as equal as can be."""
    edges = [len(made) * part // 100 for part in range(101)]
    return [sum(made[begins:ends]) for begins, ends in pairwise(edges)]


def _tenths(course: Sequence[int]) -> list[int]:
    return [sum(course[at : at + 10]) for at in range(0, 100, 10)]


def _some(sources: Sequence[str]) -> str:
    more = ", …" if len(sources) > 3 else ""
    return f" ({', '.join(sources[:3])}{more})" if sources else ""
