"""How each status is marked: a sign and a tone beside its word, so that colour alone says nothing. Pure."""

from pipeline.control.budget import BudgetState
from pipeline.dashboard.views.overview import Health
from pipeline.model import AttemptOutcome, BatchState, BreakerState, Decision, EntryStatus, VerdictStatus

GOOD, WARN, BAD, NOTE, PLAIN = "good", "warn", "bad", "note", "plain"
MARKS: dict[str, tuple[str, str]] = {
    EntryStatus.PENDING: ("○", PLAIN),
    EntryStatus.SUCCESS: ("✓", GOOD),
    EntryStatus.FAILED: ("✗", BAD),
    EntryStatus.BLOCKED: ("⊘", WARN),
    EntryStatus.REQUIRES_MANUAL: ("!", WARN),
    EntryStatus.EXCLUDED: ("\N{EN DASH}", PLAIN),
    EntryStatus.IN_REVIEW: ("◐", NOTE),
    VerdictStatus.VALIDATED: ("✓", GOOD),
    VerdictStatus.VALIDATED_EMULATED: ("✓", GOOD),
    VerdictStatus.PREDICTED_PASS: ("≈", NOTE),
    VerdictStatus.PREDICTED_FAIL: ("≉", WARN),
    VerdictStatus.UNKNOWN: ("?", PLAIN),
    VerdictStatus.INFRA_ERROR: ("!", WARN),
    VerdictStatus.NOT_RUN: ("·", PLAIN),
    BatchState.BUILT: ("○", PLAIN),
    BatchState.PUBLISHED: ("◐", NOTE),
    BatchState.MERGED: ("✓", GOOD),
    BatchState.CLOSED: ("✗", BAD),
    BatchState.ROLLED_BACK: ("↩", WARN),
    BudgetState.FREE: ("✓", GOOD),
    BudgetState.SAMPLING: ("!", WARN),
    BudgetState.SPENT: ("✗", BAD),
    Health.GOOD: ("✓", GOOD),
    Health.WARNING: ("!", WARN),
    Health.BAD: ("✗", BAD),
    AttemptOutcome.SUCCEEDED: ("✓", GOOD),
    AttemptOutcome.TRANSIENT: ("↻", WARN),
    AttemptOutcome.DEFERRED: ("·", PLAIN),
    AttemptOutcome.UNCHANGED: ("=", PLAIN),
    AttemptOutcome.CHANGED: ("Δ", WARN),
    AttemptOutcome.REQUEUED: ("↺", NOTE),
    AttemptOutcome.DECLINED: ("✗", BAD),
    Decision.PASS: ("✓", GOOD),
    Decision.RISK: ("!", WARN),
    Decision.HOLD: ("·", WARN),
    Decision.PERSON: ("!", WARN),
    Decision.FREEZE: ("✗", BAD),
    Decision.REFUSE: ("✗", BAD),
    # What is shown as a status and is none of the above.
    "under way": ("▸", NOTE),
    "disabled": ("✗", BAD),
    "enabled": ("✓", GOOD),
    "open": ("✓", GOOD),
    "shut": ("✗", BAD),
    "not asked": ("·", PLAIN),
}
# Apart from the others: a closed breaker is well, a closed batch was refused.
BREAKER_MARKS: dict[str, tuple[str, str]] = {
    BreakerState.CLOSED: ("✓", GOOD),
    BreakerState.OPEN: ("✗", BAD),
    BreakerState.HALF_OPEN: ("◐", WARN),
}
