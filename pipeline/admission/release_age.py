"""A release that is too young to be trusted: most malicious ones are found and withdrawn within three days.

Three states. Old enough: it passes. Too young: it waits until the very moment at which it is old enough. Unknown: the
registry does not say, or says a time that lies ahead; then it is as old as this pipeline knows it, which is a lower
bound. None can hang. A package that releases faster than it ages, or whose clock is wrong, waits no longer than the
deadline.
"""

from datetime import UTC, datetime, timedelta

from pipeline.admission.base import Candidate, Question
from pipeline.config import Policy
from pipeline.instants import known_instant, timestamp
from pipeline.model import AdmissionGate, Decision, GateVerdict
from pipeline.source import ecosystem_of

QUESTION = Question(AdmissionGate.RELEASE_AGE, "the release is old enough that a malicious one would have been found")
_SECOND = timedelta(seconds=1)
_LATEST = datetime.max.replace(tzinfo=UTC, microsecond=0)


def judge(candidate: Candidate) -> GateVerdict:
    """Compare the age of the release with the least that is asked for."""
    config, now = candidate.config.release_age, candidate.now
    released = _released(candidate)
    least = f"{config.min_hours:g} h"
    opens = _after(_earliest(candidate, released), timedelta(hours=config.min_hours))
    told = f"released {candidate.evidence.released_at}" if released else _unknown(candidate)
    if opens <= now:
        return QUESTION.passed(f"{told}, at least {least} ago" if released else f"{told}, and seen for {least}")
    reported = config.unknown == "report" or ecosystem_of(candidate.source) in config.reviewed
    if released is None and reported:
        return QUESTION.verdict(Decision.RISK, told)
    deadline = _after(_held_since(candidate), timedelta(days=config.deadline_days))
    if deadline <= now:
        since = candidate.knowledge.held_since
        value = f"{told}; held since {since}, and no release was {least} old by the deadline"
        return QUESTION.by_policy(candidate, Policy(config.at_deadline), value, "a person who looks at its releases")
    return QUESTION.verdict(
        Decision.HOLD,
        f"{told}, less than {least} ago" if released else f"{told}, and not seen for {least} yet",
        until=timestamp(_whole(min(opens, deadline))),
        remedy="time, or a lower `gates.release_age.min_hours`",
    )


def _released(candidate: Candidate) -> datetime | None:
    """Return when it was released, None when nobody says so or the time has not come yet."""
    stated = known_instant(candidate.evidence.released_at or "")
    return stated if stated is not None and stated <= candidate.now else None


def _earliest(candidate: Candidate, released: datetime | None) -> datetime:
    """Return since when the release is known to be there."""
    return released or min([candidate.now, *_times(candidate)])


def _times(candidate: Candidate) -> list[datetime]:
    """Return when earlier batches saw this very release."""
    version, artifact = candidate.evidence.version, candidate.evidence.artifact
    same = [
        known_instant(known.since or "")
        for known in candidate.knowledge.releases
        if (known.version, known.artifact, known.digest) == (version, artifact.name, artifact.digest)
    ]
    return [moment for moment in same if moment is not None]


def _held_since(candidate: Candidate) -> datetime:
    since = known_instant(candidate.knowledge.held_since or "")
    return min(since, candidate.now) if since is not None else candidate.now


def _unknown(candidate: Candidate) -> str:
    stated = candidate.evidence.released_at
    return f"the registry says {stated}, which lies ahead" if stated else "the registry gives no release time"


def _after(moment: datetime, wait: timedelta) -> datetime:
    """Return a later moment, at the latest the end of the calendar: a clock may say anything."""
    return moment + min(wait, _LATEST - moment)


def _whole(moment: datetime) -> datetime:
    """Return the first whole second that is not before a moment: records know no smaller ones."""
    return moment.replace(microsecond=0) + (_SECOND if moment.microsecond else timedelta(0))
