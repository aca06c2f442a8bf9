"""The journal's lines folded into what is known of each package. Pure."""

from collections.abc import Mapping

import msgspec

from pipeline.model import Attempt, AttemptOutcome, Release, Stage, Subcategory


# `gc=False`, here and in `Attempt`: they are in no cycles, and the collector would look through 100,000 of them.
class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The deterministic failure that a package is in quarantine for; `since` is when it was first seen like this."""

    subcategory: Subcategory | None
    fingerprint: str | None
    upstream: str | None
    message: str
    since: str
    at: str
    repeats: int = 1


class PackageHistory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the journal says of one source.

    `tries` counts batches that tried it, `streak` the transient failures in a row, `blocks` and `deferrals` how often
    in a row it was blocked or deferred, `causes` the different deterministic failures since the last success or
    requeue. `waits_since` is when it last failed in a way that passes by itself, `repeated_at` when it was last tried
    in vain although nothing had changed. `at` is the time of the newest line that was folded.

    `releases` are the last ones that were looked at, newest last. A gate on them put the package off until `due_at`,
    the first time at `held_since`; `frozen_at` is when it found that a release had changed. `gate_asks` says that a
    gate asks for a person.
    """

    tries: int = 0
    last_tried: str | None = None
    streak: int = 0
    blocks: int = 0
    deferrals: int = 0
    waits_since: str | None = None
    repeated_at: str | None = None
    failure: Failure | None = None
    causes: tuple[Subcategory | None, ...] = ()
    blocked_at: str | None = None
    succeeded_at: str | None = None
    rolled_back_at: str | None = None
    rechecked_at: str | None = None
    upstream_changed: bool = False
    releases: tuple[Release, ...] = ()
    due_at: str | None = None
    held_since: str | None = None
    frozen_at: str | None = None
    gate_asks: bool = False
    last_outcome: AttemptOutcome | None = None
    last_cause: Subcategory | None = None
    last_message: str = ""
    at: str = ""


History = Mapping[str, PackageHistory]
NOTHING = PackageHistory()
# Releases of a package that are remembered: a withdrawn one may come back after a few others.
RELEASES = 8
# Lines of these stages say nothing of the package as a whole.
DETAILS = frozenset({Stage.GENERATE, Stage.VALIDATE})


def fold(known: PackageHistory, attempt: Attempt) -> PackageHistory:
    """Return what is known of a package after one more line of the journal."""
    if attempt.stage in DETAILS:
        return known
    known = msgspec.structs.replace(known, at=attempt.at)
    match attempt.stage:
        case Stage.PAYLOAD:
            return _tried(known, attempt)
        case Stage.RECHECK:
            return _rechecked(known, attempt)
        case Stage.REQUEUE:
            kept = PackageHistory(
                tries=known.tries,
                last_tried=known.last_tried,
                succeeded_at=known.succeeded_at,
                # Who asks for a frozen package again accepts the release as it is now.
                releases=known.releases if known.frozen_at is None else (),
                held_since=known.held_since,
            )
            return msgspec.structs.replace(
                kept, last_outcome=attempt.outcome, last_message=attempt.message, at=attempt.at
            )
        case Stage.ROLLBACK | Stage.REVIEW:
            return msgspec.structs.replace(
                known, rolled_back_at=attempt.at, last_outcome=attempt.outcome, last_message=attempt.message
            )
        case Stage.GENERATE | Stage.VALIDATE:
            return known


def _rechecked(known: PackageHistory, attempt: Attempt) -> PackageHistory:
    """Fold a look at the metadata of a package in quarantine; one that got no answer changes nothing but its turn."""
    match attempt.outcome:
        case AttemptOutcome.CHANGED:
            changed = known.failure is not None
        case AttemptOutcome.UNCHANGED:
            changed = False
        case _:
            changed = known.upstream_changed
    return msgspec.structs.replace(known, rechecked_at=attempt.at, upstream_changed=changed)


def _tried(known: PackageHistory, attempt: Attempt) -> PackageHistory:
    """Fold the end of a package's way through a batch."""
    known = msgspec.structs.replace(
        known,
        last_tried=attempt.at,
        last_outcome=attempt.outcome,
        last_cause=attempt.subcategory,
        last_message=attempt.message,
        due_at=attempt.until,
        releases=_seen(known, attempt),
    )
    if attempt.outcome is AttemptOutcome.DEFERRED:
        return _put_off(known, attempt)
    repeated = attempt.at if is_in_vain(known, attempt) else known.repeated_at
    known = msgspec.structs.replace(known, tries=known.tries + 1, deferrals=0, repeated_at=repeated)
    match attempt.outcome:
        case AttemptOutcome.TRANSIENT:
            return msgspec.structs.replace(known, streak=known.streak + 1, waits_since=attempt.at)
        case AttemptOutcome.FAILED:
            causes = known.causes if attempt.subcategory in known.causes else (*known.causes, attempt.subcategory)
            return msgspec.structs.replace(
                known,
                streak=0,
                blocks=0,
                blocked_at=None,
                causes=causes,
                failure=_failure(known.failure, attempt),
                upstream_changed=False,
                held_since=None,
                frozen_at=_frozen_at(known, attempt),
                gate_asks=attempt.needs_person,
            )
        case AttemptOutcome.BLOCKED:
            return msgspec.structs.replace(
                known,
                streak=0,
                blocks=known.blocks + 1,
                waits_since=attempt.at,
                failure=None,
                blocked_at=attempt.at,
                upstream_changed=False,
                held_since=None,
            )
        case AttemptOutcome.SUCCEEDED:
            return PackageHistory(
                tries=known.tries,
                last_tried=attempt.at,
                succeeded_at=attempt.at,
                last_outcome=attempt.outcome,
                last_message=attempt.message,
                releases=known.releases,
                at=attempt.at,
            )
        case _:  # what no batch ends with
            return known


def _put_off(known: PackageHistory, attempt: Attempt) -> PackageHistory:
    """Fold what was not tried to its end; a gate that names a time has had an answer: no reason to stand back."""
    if attempt.until is None:
        return msgspec.structs.replace(known, deferrals=known.deferrals + 1)
    return msgspec.structs.replace(
        known, streak=0, blocks=0, deferrals=0, blocked_at=None, failure=None, held_since=known.held_since or attempt.at
    )


def _seen(known: PackageHistory, attempt: Attempt) -> tuple[Release, ...]:
    """Return the releases that are remembered after a line; of one that changed, the bytes that it had first."""
    release = attempt.release
    if release is None or attempt.subcategory is Subcategory.CHANGED_BYTES:
        return known.releases
    if any(
        (each.version, each.artifact, each.digest) == (release.version, release.artifact, release.digest)
        for each in known.releases
    ):
        return known.releases
    return (*known.releases, msgspec.structs.replace(release, since=attempt.at))[-RELEASES:]


def _frozen_at(known: PackageHistory, attempt: Attempt) -> str | None:
    return known.frozen_at or (attempt.at if attempt.subcategory is Subcategory.CHANGED_BYTES else None)


def is_in_vain(known: PackageHistory, attempt: Attempt) -> bool:
    """Return whether a try ended as the one before had, or in nothing, while upstream was as it had been."""
    if known.upstream_changed:
        return False
    match attempt.outcome:
        case AttemptOutcome.FAILED:
            return known.failure is not None and known.failure.fingerprint == attempt.fingerprint
        case AttemptOutcome.BLOCKED:
            return known.failure is not None or known.blocks > 0
        case AttemptOutcome.TRANSIENT:
            return known.failure is not None
        case _:
            return False


def _failure(before: Failure | None, attempt: Attempt) -> Failure:
    same = before is not None and (before.subcategory, before.fingerprint) == (attempt.subcategory, attempt.fingerprint)
    return Failure(
        subcategory=attempt.subcategory,
        fingerprint=attempt.fingerprint,
        upstream=attempt.upstream,
        message=attempt.message,
        since=before.since if same and before is not None else attempt.at,
        at=attempt.at,
        repeats=before.repeats + 1 if same and before is not None else 1,
    )
