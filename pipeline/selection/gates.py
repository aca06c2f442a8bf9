"""The gates that an entry passes before it may be tried, in their order: `select` and `why` ask the same ones. Pure.

Whether an entry is its ecosystem's probe, fits into the share of retries and into the batch is asked of all entries
together, by `batch`, after these.
"""

from collections.abc import Callable, Iterator

import msgspec

from pipeline.control.stops import Stop
from pipeline.model import Gate
from pipeline.selection import predicates, values
from pipeline.selection.retry import QUARANTINE_RULE
from pipeline.selection.situation import Ask, Case, Situation

Show = Callable[[Case, Situation], str]


class EntryGate(msgspec.Struct, frozen=True, kw_only=True):
    """One gate: what it looks at, its rule, the answer, and the value that it sees when it is open."""

    gate: Gate
    input: str
    rule: str
    ask: Ask
    shows: Show


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One gate's answer for one entry; `stop` is None when the gate is open."""

    gate: Gate
    input: str
    rule: str
    value: str
    stop: Stop | None


def common_stop(case: Case, situation: Situation) -> Stop | None:
    """Return the first gate that is shut for all entries of a case's ecosystem and status, or None.

    `duplicate_source` comes between these gates and is an entry's own; whoever asks lets it come before all of them
    but `pipeline_disabled`.
    """
    shut = (gate.ask(case, situation) for gate in ENTRY_GATES if gate.gate in IN_COMMON)
    return next((stop for stop in shut if stop is not None), None)


def own_stop(case: Case, situation: Situation) -> Stop | None:
    """Return the first gate that is shut for an entry for which `common_stop` found none, or None."""
    asks = situation.asked.get(case.ecosystem)
    if asks is None:
        asks = situation.asked[case.ecosystem] = tuple(_worth_asking(case, situation))
    for ask in asks:
        stop = ask(case, situation)
        if stop is not None:
            return stop
    return None


def checks(case: Case, situation: Situation) -> Iterator[Check]:
    """Yield every gate's answer, in order, also behind one that is shut."""
    for gate in ENTRY_GATES:
        stop = gate.ask(case, situation)
        yield Check(
            gate=gate.gate,
            input=gate.input,
            rule=gate.rule,
            value=stop.value if stop else gate.shows(case, situation),
            stop=stop,
        )


def _worth_asking(case: Case, situation: Situation) -> Iterator[Ask]:
    """Yield the predicates that are an entry's own, in order; the breaker only where it is open."""
    for gate in ENTRY_GATES:
        of_all = gate.gate is Gate.BREAKER_OPEN and gate.ask(case, situation) is None
        if gate.gate not in IN_COMMON and not of_all:
            yield gate.ask


# These gates answer the same for all entries of an ecosystem and status.
IN_COMMON = frozenset(
    {
        Gate.PIPELINE_DISABLED,
        Gate.STATUS,
        Gate.NO_GENERATOR,
        Gate.NO_RUNNER,
        Gate.NOT_IN_BATCH_ECOSYSTEMS,
        Gate.ECOSYSTEM_DISABLED,
    }
)
ENTRY_GATES = (
    EntryGate(
        gate=Gate.PIPELINE_DISABLED,
        input="batch-control.json, `enabled`",
        rule="`enabled` in batch-control.json is true",
        ask=predicates.pipeline_disabled,
        shows=lambda _case, _situation: "true",
    ),
    EntryGate(
        gate=Gate.DUPLICATE_SOURCE,
        input="queue, `source`",
        rule=predicates.DUPLICATE_RULE,
        ask=predicates.duplicate,
        shows=values.first_value,
    ),
    EntryGate(
        gate=Gate.STATUS,
        input="queue, `status`",
        rule=predicates.STATUS_RULE,
        ask=predicates.status,
        shows=lambda case, _situation: case.entry.status.value,
    ),
    EntryGate(
        gate=Gate.NO_GENERATOR,
        input="pipeline.yaml, `ecosystems`",
        rule=predicates.GENERATOR_RULE,
        ask=predicates.no_generator,
        shows=lambda case, _situation: f"{case.ecosystem} has one",
    ),
    EntryGate(
        gate=Gate.NO_RUNNER,
        input="pipeline.yaml, `platforms`",
        rule=predicates.RUNNER_RULE,
        ask=predicates.no_runner,
        shows=lambda case, _situation: f"{case.ecosystem} can be tried",
    ),
    EntryGate(
        gate=Gate.NOT_IN_BATCH_ECOSYSTEMS,
        input="pipeline.yaml, `batch.ecosystems`",
        rule=predicates.WANTED_RULE,
        ask=predicates.not_in_batch_ecosystems,
        shows=lambda _case, situation: ", ".join(situation.config.batch.ecosystems) or "empty: all are wanted",
    ),
    EntryGate(
        gate=Gate.ECOSYSTEM_DISABLED,
        input="batch-control.json, `disabled_ecosystems`",
        rule="`disabled_ecosystems` in batch-control.json does not name the ecosystem",
        ask=predicates.ecosystem_disabled,
        shows=lambda _case, situation: ", ".join(situation.control.disabled_ecosystems) or "empty",
    ),
    EntryGate(
        gate=Gate.BLOCKED,
        input="queue, `blocked_by`; recipes/",
        rule=predicates.BLOCKED_RULE,
        ask=predicates.blocked,
        shows=values.blocked_value,
    ),
    EntryGate(
        gate=Gate.QUARANTINED,
        input="journal, last failure",
        rule=QUARANTINE_RULE,
        ask=predicates.quarantined,
        shows=values.quarantined_value,
    ),
    EntryGate(
        gate=Gate.NOT_DUE,
        input="journal, tries in a row",
        rule=predicates.DUE_RULE,
        ask=predicates.not_due,
        shows=values.due_value,
    ),
    EntryGate(
        gate=Gate.BREAKER_OPEN,
        input="batch-control.json, `circuit_breaker`",
        rule="the ecosystem's circuit breaker is not open",
        ask=predicates.breaker_open,
        shows=values.breaker_value,
    ),
)
