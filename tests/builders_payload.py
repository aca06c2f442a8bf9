"""Small valid records of the later stages for tests; each keyword overrides one field."""

import hashlib
from typing import Any

from pipeline.instants import timestamp
from pipeline.model import (
    Artifact,
    Batch,
    Constraints,
    ConstraintsRecord,
    Evidence,
    FieldEvidence,
    Generated,
    InputFingerprints,
    License,
    Origin,
    OutcomeRecord,
    Selected,
    VerdictStatus,
    Verify,
)
from pipeline.platforms import ALL_PLATFORMS
from pipeline.recipe import recipe_path
from pipeline.source import identifier_of
from tests.builders import NOW
from tests.builders_recipe import recipe

HOST = "linux-debian-glibc-x86_64"


def statuses(**by_platform: VerdictStatus) -> dict[str, VerdictStatus]:
    """Return a status for each platform: validated on the host, predicted to pass elsewhere, with some replaced.

    Keywords write `_` for the `-` of a platform's id; `x86_64` is understood.
    """
    found = {platform.id: VerdictStatus.PREDICTED_PASS for platform in ALL_PLATFORMS}
    found[HOST] = VerdictStatus.VALIDATED
    for name, status in by_platform.items():
        found[name.replace("_", "-").replace("x86-64", "x86_64")] = status
    return found


def evidence(**fields: Any) -> Evidence:
    """Return the evidence of a release of 2026-01-01 that leaves no question open."""
    given: dict[str, Any] = {
        "version": "3.4.2",
        "artifact": Artifact(
            name="tool-3.4.2.tgz",
            url="https://registry.example/tool/-/tool-3.4.2.tgz",
            size=1_234_567,
            digest=f"sha512:{'ab' * 64}",
            digest_checked=True,
        ),
        "license": License(spdx="MIT", declared="MIT", origin=Origin.REGISTRY),
        "released_at": "2026-01-01T00:00:00Z",
        "age_days": 60.5,
        "fields": [FieldEvidence(field="executables", origin=Origin.ARTIFACT, detail="package/package.json, bin")],
    }
    return Evidence(**{**given, **fields})


def recipe_bytes(source: str) -> bytes:
    """Return some bytes that stand for the recipe of a source."""
    return f"# {source}\n".encode()


def merged(source: str, **fields: Any) -> ConstraintsRecord:
    """Return the merged result of a package that passed on the host and may be in the pull request."""
    name = identifier_of(source).rpartition("/")[2].lower()
    given: dict[str, Any] = {
        "source": source,
        "name": name,
        "outcome": "generated",
        "exclusion": "",
        "recipe_path": recipe_path(name),
        "recipe_sha256": hashlib.sha256(recipe_bytes(source)).hexdigest(),
        "constraints": Constraints(),
        "evidence": evidence(),
        "executables": [name],
        "statuses": statuses(),
        "verify": [Verify(command=f"{name} --version", pattern="{version}")],
    }
    return ConstraintsRecord(**{**given, **fields})


def left_out(source: str, exclusion: str, **fields: Any) -> ConstraintsRecord:
    """Return the merged result of a package for which there is no recipe."""
    empty = {"recipe_path": "", "recipe_sha256": None, "evidence": None, "statuses": {}, "verify": []}
    return merged(source, **{**empty, "outcome": "skipped", "exclusion": exclusion, "executables": [], **fields})


def batch(*sources: str) -> Batch:
    """Return a batch of these sources, in this order."""
    return Batch(
        id="2026-03-02-mixed-001",
        created_at="2026-03-02T12:00:00Z",
        fingerprints=InputFingerprints(queue="0" * 64, control="1" * 64, config="2" * 64),
        selected=[Selected(source=source, name="tool", priority=2, reason="its turn") for source in sources],
        left_out=[],
    )


def outcome(source: str) -> OutcomeRecord:
    """Return the record of a package that has a recipe."""
    return OutcomeRecord(
        source=source,
        name=source.partition(":")[2],
        made_from="0" * 64,
        at=timestamp(NOW),
        seconds=1,
        outcome=Generated(recipe=recipe("aloft"), recipe_sha256="a" * 64, evidence=evidence()),
        registry="https://registry.example",
        started_at=timestamp(NOW),
        inputs=[],
    )
