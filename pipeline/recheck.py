"""A look at the metadata of packages in quarantine: no attempt, no sandbox; those that changed may be tried again."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from pipeline.config import Config
from pipeline.control.stops import is_probe
from pipeline.digests import digest_of, sha256
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.drafting import no_answer, written
from pipeline.history.attempts import tail
from pipeline.host import this_platform
from pipeline.instants import timestamp
from pipeline.lock import alone
from pipeline.model import (
    STOOD_IN,
    Attempt,
    AttemptOutcome,
    Batch,
    Control,
    Failed,
    Gate,
    Generated,
    Held,
    InputFingerprints,
    Outcome,
    OutcomeRecord,
    Skipped,
    Stage,
    Subcategory,
    WorkOrder,
)
from pipeline.plan import Plan, revisions_of, situation
from pipeline.run import Run, begin
from pipeline.selection.looks import due_looks
from pipeline.selection.situation import Case
from pipeline.settings import load_control, load_queue
from pipeline.state import journal
from pipeline.state.metrics import keep_recheck
from pipeline.store import Paths
from pipeline.taxonomy import TAXONOMY

REVISIONS = {name: module.REVISION for name, module in ECOSYSTEMS.items()}


class Rechecked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: one line of the journal for each package that was looked at, and those that are left.

    `held` says for an ecosystem why the rest of it was not looked at, `left` counts the packages that are still due.
    """

    looks: list[Attempt]
    held: dict[str, str]
    left: int

    def count(self, outcome: AttemptOutcome) -> int:
        """Return how many looks ended so."""
        return sum(look.outcome is outcome for look in self.looks)


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """What upstream says now; `answered` is false when it did not."""

    message: str
    answered: bool = True
    cause: Subcategory | None = None
    upstream: str | None = None


def recheck(
    paths: Paths,
    config: Config,
    environment: Mapping[str, str],
    now: datetime,
    limit: int,
    told: Callable[[Attempt], object],
) -> Rechecked:
    """Look at the packages that are due, at most `limit`, alone on the root; `told` hears of each at once.

    Each look is in the journal before the next one begins. Raises `PipelineError` when an input cannot be used.
    """
    paths.build.mkdir(exist_ok=True)
    with alone(paths, now):
        control = load_control(paths, config.ecosystems)
        queue, _ = load_queue(paths, config)
        due = due_looks(situation(paths, config, control, queue, REVISIONS, now))
        if not due:
            return Rechecked(looks=[], held={}, left=0)
        run = begin(_plan(paths, config, control, due, now), environment)
        try:
            looks, held = _look_at(run, due, limit, told)
        finally:
            run.breakers.close()
            run.keep_record(keep_recheck)
    return Rechecked(looks=looks, held=held, left=len(due) - len(looks))


def _plan(paths: Paths, config: Config, control: Control, due: Sequence[Case], now: datetime) -> Plan:
    """Return what a run needs to know. Its batch is this process's own: it is never written, and nobody asks its id."""
    orders = tuple(WorkOrder(source=case.entry.source, name=case.entry.name) for case in due)
    nothing = digest_of("recheck")
    batch = Batch(
        id=f"{timestamp(now)[:10]}-recheck-000",
        created_at=timestamp(now),
        fingerprints=InputFingerprints(queue=nothing, control=nothing, config=nothing),
        selected=[],
        left_out=[],
    )
    return Plan(
        paths=paths,
        config=config,
        control=control,
        batch=batch,
        orders=orders,
        revisions=revisions_of(config, REVISIONS),
        host=this_platform(),
    )


def _look_at(
    run: Run, due: Sequence[Case], limit: int, told: Callable[[Attempt], object]
) -> tuple[list[Attempt], dict[str, str]]:
    """Return the looks, and why the rest of an ecosystem was left alone."""
    looks: list[Attempt] = []
    held: dict[str, str] = {}
    for case in due:
        if len(looks) >= limit:
            break
        if case.ecosystem in held:
            continue
        look = _look(run, case)
        if isinstance(look, Held):
            held[case.ecosystem] = look.message
            continue
        journal.append(run.plan.paths, [look])
        looks.append(look)
        told(look)
    return looks, held


def _look(run: Run, case: Case) -> Attempt | Held:
    """Make the recipe from metadata, as a run does, and compare what it depends on; the recipe is not kept."""
    order = run.order(case.entry.source)
    began = run.clock.now()
    outcome = _outcome(_probing(run, case.ecosystem) or run.make(order))
    at = timestamp(run.moment())
    seconds = round(run.clock.now() - began, 3)
    run.made(
        OutcomeRecord(
            source=order.source,
            name=order.name,
            made_from=run.plan.generate_digest(order),
            at=at,
            seconds=seconds,
            outcome=outcome,
        )
    )
    if isinstance(outcome, Held):
        return outcome
    found = _found(outcome)
    known = case.known.failure.upstream if case.known.failure else None
    return Attempt(
        source=order.source,
        stage=Stage.RECHECK,
        outcome=_compared(found.upstream, known) if found.answered else AttemptOutcome.TRANSIENT,
        category=TAXONOMY[found.cause].category if found.cause else None,
        subcategory=found.cause,
        seconds=seconds,
        upstream=found.upstream,
        message=tail(found.message),
        at=at,
    )


def _probing(run: Run, ecosystem: str) -> Held | None:
    """Return why nothing is asked while a breaker is not closed: its probe must be a package that may be tried."""
    if not is_probe(run.plan.control.circuit_breaker.get(ecosystem)):
        return None
    return Held(gate=Gate.BREAKER_OPEN, message=f"the circuit breaker of {ecosystem} is not closed")


def _outcome(made: Made) -> Outcome:
    """Return what a look found; what a stored answer says is what is known already, so here it is no answer."""
    if not isinstance(made, Draft):
        return made
    if STOOD_IN in made.evidence.risks:
        return no_answer(f"version {made.evidence.version}")
    digest = sha256(written(made).encode())
    return Generated(recipe=made.recipe, recipe_sha256=digest, evidence=made.evidence)


def _found(outcome: Generated | Skipped | Failed) -> _Found:
    match outcome:
        case Generated(evidence=evidence):
            return _Found(message=f"version {evidence.version or 'unknown'}", upstream=evidence.upstream)
        case Skipped(subcategory=cause, message=message, upstream=upstream):
            return _Found(message=message, cause=cause, upstream=upstream)
        case Failed(subcategory=cause, message=message, upstream=upstream, transient=transient):
            return _Found(answered=not transient, message=message, cause=cause, upstream=upstream)


def _compared(upstream: str | None, known: str | None) -> AttemptOutcome:
    return AttemptOutcome.UNCHANGED if upstream == known else AttemptOutcome.CHANGED
