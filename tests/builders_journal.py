"""Lines of the journal for tests: small valid ones, and Hypothesis strategies for whole stories."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from pipeline.history.memory import identity
from pipeline.instants import timestamp
from pipeline.model import Attempt, AttemptOutcome, Stage, Subcategory

BEGAN = datetime(2026, 3, 30, 22, 0, tzinfo=UTC)
BATCH = "2026-03-30-npm-001"
CONCLUSIONS = (
    AttemptOutcome.SUCCEEDED,
    AttemptOutcome.FAILED,
    AttemptOutcome.TRANSIENT,
    AttemptOutcome.BLOCKED,
    AttemptOutcome.DEFERRED,
)
_BY_STAGE = {
    Stage.GENERATE: CONCLUSIONS,
    Stage.VALIDATE: CONCLUSIONS[:3],
    Stage.PAYLOAD: CONCLUSIONS,
    Stage.RECHECK: (AttemptOutcome.CHANGED, AttemptOutcome.UNCHANGED, AttemptOutcome.TRANSIENT),
    Stage.REQUEUE: (AttemptOutcome.REQUEUED,),
    Stage.ROLLBACK: (AttemptOutcome.ROLLED_BACK,),
}
_CAUSES = (Subcategory.NO_EXECUTABLES, Subcategory.VERIFY_ERROR, Subcategory.BAD_METADATA)


def at(minutes: float) -> str:
    """Return a time some minutes after the first one, on the eve of a month's end."""
    return timestamp(BEGAN + timedelta(minutes=minutes))


def line(minutes: float = 0, **fields: Any) -> Attempt:
    """Return the end of a package's way through a batch: it failed for want of executables."""
    given: dict[str, Any] = {
        "source": "npm:tool",
        "batch_id": BATCH,
        "stage": Stage.PAYLOAD,
        "outcome": AttemptOutcome.FAILED,
        "subcategory": Subcategory.NO_EXECUTABLES,
        "fingerprint": "f" * 64,
        "upstream": "e" * 64,
        "message": "version 1.0.0 installs no executable",
        "at": at(minutes),
    }
    if fields.get("outcome", AttemptOutcome.FAILED) is not AttemptOutcome.FAILED:
        given |= {"subcategory": None, "fingerprint": None, "message": ""}
    return Attempt(**{**given, **fields})


@st.composite
def lines(draw: st.DrawFn, sources: tuple[str, ...] = ("npm:a", "npm:b", "pypi:a")) -> Attempt:
    """Draw one line of any stage within a few days, so that some share their time."""
    stage = draw(st.sampled_from(list(_BY_STAGE)))
    return line(
        draw(st.integers(min_value=0, max_value=60)) * 97,
        source=draw(st.sampled_from(sources)),
        stage=stage,
        outcome=draw(st.sampled_from(_BY_STAGE[stage])),
        subcategory=draw(st.sampled_from(_CAUSES)),
        fingerprint=draw(st.sampled_from(["f" * 64, "e" * 64])),
    )


stories = st.lists(lines(), max_size=30, unique_by=identity)
