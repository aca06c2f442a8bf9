"""The same version with other bytes than last time: a release never changes, so somebody changed it.

A registry that lets an author replace a file, a mirror that was broken into: either way the package is frozen, and only
a person lets it go on. Files are compared by name and algorithm; without two digests there is nothing to compare.
"""

from pipeline.admission.base import Candidate, Question
from pipeline.model import AdmissionGate, Artifact, Decision, GateVerdict, Release

QUESTION = Question(AdmissionGate.CHANGED_BYTES, "a version that was seen before has the same bytes")
_SHOWN = 20  # characters of a digest: the algorithm and enough to tell two apart


def judge(candidate: Candidate) -> GateVerdict:
    """Compare with the releases that earlier batches saw."""
    version, artifact = candidate.evidence.version, candidate.evidence.artifact
    seen = [known for known in candidate.knowledge.releases if _comparable(known, version, artifact)]
    if not seen:
        return QUESTION.passed(f"{version} was not seen before")
    other = next((known for known in seen if known.digest != artifact.digest), None)
    if other is None:
        return QUESTION.passed(f"{version} is as it was {_when(seen[-1])}")
    value = f"{version}: {artifact.name} was {other.digest[:_SHOWN]}… {_when(other)}, now {artifact.digest[:_SHOWN]}…"
    if candidate.config.changed_bytes == "report":
        return QUESTION.verdict(Decision.RISK, f"the bytes of a release have changed: {value}")
    remedy = f"a person who finds out why; `doit requeue {candidate.source}` accepts the new bytes"
    return QUESTION.verdict(Decision.FREEZE, value, remedy=remedy)


def _comparable(known: Release, version: str, artifact: Artifact) -> bool:
    same_file = (known.version, known.artifact) == (version, artifact.name)
    return same_file and bool(artifact.digest) and _algorithm(known.digest) == _algorithm(artifact.digest)


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0]


def _when(known: Release) -> str:
    return f"on {known.since[:10]}" if known.since else "before"
