"""What a person should look at, and since when."""

from enum import StrEnum

from pipeline.model.base import Record, Timestamp


class AlarmKind(StrEnum):
    """What is wrong. Each kind is one predicate of `pipeline.alarms`."""

    NO_SUCCESS = "no_success"
    BREAKER_OPEN = "breaker_open"
    STALE_REVIEW = "stale_review"
    CHANGED_BYTES = "changed_bytes"
    BUDGET_OUT = "budget_out"


class AlarmRecord(Record, frozen=True, kw_only=True):
    """One line of `data/alarms.jsonl`: an alarm that began to ring, or with `cleared` has ended.

    `subject` is what it is about: an ecosystem, a batch, a source, a class of runners, "" for the whole pipeline. Kind
    and subject name an alarm; its last line counts. `since` is when what it is about began, `at` when that was seen.
    A line that is `told` repeats one that the webhook has taken.
    """

    kind: AlarmKind
    subject: str = ""
    cleared: bool = False
    since: Timestamp | None = None
    value: str
    limit: str
    remedy: str
    at: Timestamp
    told: bool = False
