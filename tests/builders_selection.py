"""Situations and histories for tests of the selection; each keyword overrides one field."""

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from pipeline.config import BatchConfig, Config
from pipeline.control.stops import Stop
from pipeline.history.fold import NOTHING, PackageHistory, fold
from pipeline.instants import timestamp
from pipeline.model import (
    Attempt,
    AttemptOutcome,
    Breaker,
    BreakerState,
    Control,
    EntryStatus,
    Probe,
    QueueEntry,
    Stage,
    Subcategory,
)
from pipeline.selection.gates import checks
from pipeline.selection.situation import Case, Situation
from tests.builders import NOW, config, entry, queue

SHIPPED = config()
GENERATORS = frozenset({"npm", "pypi"})
# What tests take for the fingerprint of a failure before the generator's revision changed.
OLD_FINGERPRINT = "0" * 64
DETERMINISTIC = (Subcategory.NO_EXECUTABLES, Subcategory.DEPRECATED, Subcategory.NEEDS_BUILD, Subcategory.BAD_NAME)


def before(**ago: float) -> str:
    """Return a moment before NOW, as records write it."""
    return timestamp(NOW - timedelta(**ago))


def situation(*entries: QueueEntry, control: Control | None = None, **fields: Any) -> Situation:
    """Return a situation in which npm and PyPI packages may be tried."""
    given = {"config": SHIPPED, "generators": GENERATORS, "revisions": dict.fromkeys(GENERATORS, 1), "now": NOW}
    return Situation(queue=queue(*entries), control=control or Control(), **{**given, **fields})


def first_stop(case: Case, asked: Situation) -> Stop | None:
    """Return the first gate that is shut for an entry, as `doit why` would name it."""
    return next((check.stop for check in checks(case, asked) if check.stop is not None), None)


def stop_of(one: QueueEntry, known: PackageHistory = NOTHING, *others: QueueEntry, **fields: Any) -> Stop | None:
    """Return the first gate that is shut for an entry with this history."""
    asked = situation(one, *others, history={one.source: known}, **fields)
    return first_stop(asked.case(0), asked)


def concluded(outcome: AttemptOutcome, at: str, **fields: Any) -> Attempt:
    """Return the line that ends a package's way through a batch."""
    return Attempt(
        **{"source": "npm:a", "batch_id": "2026-03-01-npm-001", "stage": Stage.PAYLOAD, "outcome": outcome, "at": at}
        | fields
    )


def told(*attempts: Attempt) -> PackageHistory:
    """Return what some lines come to."""
    known = NOTHING
    for attempt in attempts:
        known = fold(known, attempt)
    return known


def failed(at: str, *, now: Situation | None = None, **fields: Any) -> Attempt:
    """Return a deterministic failure; with a fingerprint that still holds in the given situation, if any."""
    mark = now.fingerprint_of("npm:a", None) if now is not None else OLD_FINGERPRINT
    return concluded(
        AttemptOutcome.FAILED, at, **{"subcategory": Subcategory.NO_STABLE_VERSION, "fingerprint": mark} | fields
    )


def sized(batch: BatchConfig) -> Config:
    """Return the shipped configuration with another batch."""
    return msgspec.structs.replace(SHIPPED, batch=batch)


# ------------------------------------------------------------------------------------ anything that may be there

MOMENTS = st.integers(0, 100 * 24).map(lambda hours: before(hours=hours))
NAMES = tuple("abcdefgh")
SOURCES = st.sampled_from([f"{eco}:{name}" for eco in ("npm", "pypi", "nix") for name in NAMES])
FINGERPRINTS = (None, OLD_FINGERPRINT, situation().fingerprint_of("npm:a", None))
ENTRIES = st.builds(
    entry,
    SOURCES,
    priority=st.integers(1, 3),
    status=st.sampled_from(EntryStatus),
    next_retry_at=st.sampled_from([None, "1734-11-05T09:10:11.123456789Z", "2030-01-01T00:00:00Z"]),
    blocked_by=st.lists(st.sampled_from([*NAMES, "nobody", "Nobody@2"]), max_size=3),
)
LINES = st.one_of(
    st.builds(
        concluded,
        st.sampled_from([one for one in AttemptOutcome if one.value in "succeeded failed transient blocked deferred"]),
        MOMENTS,
        subcategory=st.sampled_from(DETERMINISTIC),
        fingerprint=st.sampled_from(FINGERPRINTS),
    ),
    st.builds(concluded, st.just(AttemptOutcome.CHANGED), MOMENTS, stage=st.just(Stage.RECHECK)),
    st.builds(concluded, st.just(AttemptOutcome.REQUEUED), MOMENTS, stage=st.just(Stage.REQUEUE)),
    st.builds(concluded, st.just(AttemptOutcome.ROLLED_BACK), MOMENTS, stage=st.just(Stage.ROLLBACK)),
)
HISTORIES = st.lists(LINES, max_size=5).map(lambda lines: told(*sorted(lines, key=lambda line: line.at)))
BREAKERS = st.builds(
    Breaker,
    state=st.sampled_from(BreakerState),
    failures=st.integers(0, 9),
    opens_at=st.sampled_from([None, before(hours=1), before(hours=-1)]),
    probe=st.none() | st.builds(Probe, source=SOURCES, until=st.sampled_from([before(hours=1), before(hours=-1)])),
)
CONTROLS = st.builds(
    Control,
    enabled=st.sampled_from([True, True, True, False]),
    disabled_ecosystems=st.lists(st.sampled_from(["npm", "pypi"]), max_size=1),
    circuit_breaker=st.dictionaries(st.sampled_from(["npm", "pypi"]), BREAKERS),
)
SITUATIONS = st.builds(
    lambda entries, control, batch, **fields: situation(*entries, control=control, config=sized(batch), **fields),
    st.lists(ENTRIES, max_size=30),
    CONTROLS,
    st.builds(BatchConfig, size=st.integers(1, 12), ecosystems=st.sampled_from([[], [], ["npm"]])),
    history=st.dictionaries(SOURCES, HISTORIES, max_size=24),
    recipes=st.frozensets(st.sampled_from(NAMES), max_size=3),
    attempts=st.integers(0, 500),
    again=st.integers(0, 10),
)
