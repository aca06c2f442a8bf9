"""A root with a batch whose recipes were made from fixtures, as `generate`, `constrain` and `payload` leave it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline import merging
from pipeline import payload as payload_core
from pipeline.digests import sha256
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Draft
from pipeline.history.fingerprint import policy_digest
from pipeline.instants import timestamp
from pipeline.model import (
    Batch,
    ConstraintsRecord,
    Generated,
    InputFingerprints,
    OutcomeRecord,
    Payload,
    Selected,
    Tier,
    Verdict,
    VerdictStatus,
    Verify,
    WorkOrder,
)
from pipeline.provenance.answers import Answers
from pipeline.provenance.recorder import Recorder
from pipeline.provenance.statement import Circumstances, bundle, with_statements
from pipeline.recipe import recipe_path, render
from pipeline.store import Paths, write, write_bytes
from pipeline.text import kebab
from tests.builders import config
from tests.ecosystems.samples import NOW, REGISTRY, Sample
from tests.fakes_fetcher import DictFetcher

HOST, MUSL, MAC = "linux-debian-glibc-x86_64", "linux-alpine-musl-x86_64", "darwin-arm64"
STATUSES = {
    HOST: VerdictStatus.VALIDATED,
    MUSL: VerdictStatus.FAILED,
    MAC: VerdictStatus.PREDICTED_FAIL,
}
BATCH = "2026-03-14-mixed-001"


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one package."""

    order: WorkOrder
    outcome: OutcomeRecord
    record: ConstraintsRecord
    verdicts: list[Verdict]
    recipe: bytes


class Lab:
    """One root; `leave` makes its batch."""

    def __init__(self, folder: Path, **over: Any) -> None:
        self.paths = Paths(folder)
        self.config = config(**over)
        self.answers = Answers(self.paths, self.config.provenance)
        self.makings: dict[str, Making] = {}

    def make(
        self,
        sample: Sample,
        *,
        statuses: Mapping[str, VerdictStatus] = STATUSES,
        ranges: bool = True,
        registry: str = REGISTRY,
    ) -> Making:
        """Make the recipe of a fixture; one that stands at its path is replaced."""
        recorder = Recorder(self.answers)
        now = recorder.begin(registry, NOW)
        fetcher = recorder.around(DictFetcher(sample.pages, ranges=ranges))
        made = ECOSYSTEMS[sample.ecosystem].make(sample.order, registry=registry, fetcher=fetcher, now=now)
        assert isinstance(made, Draft), made
        draft = render(made.recipe)
        outcome = OutcomeRecord(
            source=sample.order.source,
            name=sample.order.name,
            made_from="0" * 64,
            at=timestamp(NOW),
            seconds=1,
            outcome=Generated(recipe=made.recipe, recipe_sha256=sha256(draft.encode()), evidence=made.evidence),
            registry=recorder.registry,
            started_at=recorder.started_at,
            inputs=recorder.inputs,
        )
        executable = made.recipe.executables[0]
        verdicts = [verdict(outcome, platform, status, executable) for platform, status in statuses.items()]
        place = self.paths.recipe(recipe_path(kebab(sample.order.name)))
        published = place.read_text() if place.exists() else None
        record, text = merging.merge(sample.order, outcome.outcome, draft, published, verdicts, "report")
        assert text is not None, record.exclusion
        making = Making(order=sample.order, outcome=outcome, record=record, verdicts=verdicts, recipe=text.encode())
        self.makings[sample.order.source] = making
        return making

    def given(self, making: Making, **over: Any) -> Circumstances:
        """Return what the statements say of the run."""
        said = {
            "batch_id": BATCH,
            "builder": self.config.provenance.builder,
            "generator_revision": ECOSYSTEMS[making.order.source.partition(":")[0]].REVISION,
            "installer_revision": 1,
            "config_digest": policy_digest(self.config),
            "predictions": "report",
        }
        return Circumstances(**{**said, **over})

    def bundle(self, making: Making, **over: Any) -> bytes:
        """Return the statements of a recipe."""
        return bundle(making.order, making.outcome, making.record, making.verdicts, self.given(making, **over))

    def leave(self, *samples: Sample, **options: Any) -> Payload:
        """Leave a payload with the recipes of some fixtures."""
        makings = [self.make(sample, **options) for sample in samples]
        batch = batch_of([making.order for making in makings])
        recipes = {making.order.source: making.recipe for making in makings}
        statements = {making.order.source: self.bundle(making) for making in makings}
        records = [making.record for making in makings]
        payload = with_statements(payload_core.build(batch, records, self.config.payload, recipes, {}), statements)
        for source, file in zip(payload.included, payload.files, strict=True):
            write_bytes(self.paths.payload_files / file.path, recipes[source])
            write_bytes(self.paths.statements(file.path), statements[source])
        write(self.paths.payload, payload)
        return payload

    def keep(self, *statements: bytes) -> Path:
        """Keep some statements as those of the published batch; return their file."""
        place = self.paths.provenance(BATCH)
        write_bytes(place, b"".join(statements))
        return place

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Return the bytes and the time of the last change of each file of the root."""
        found = [path for path in self.paths.root.rglob("*") if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def verdict(outcome: OutcomeRecord, platform: str, status: VerdictStatus, executable: str) -> Verdict:
    """Return what was found on a platform."""
    passed = status is VerdictStatus.VALIDATED
    return Verdict(
        source=outcome.source,
        version="1.2.3",
        platform=platform,
        recipe_sha256="0" * 64,
        made_from="0" * 64,
        tier=Tier.NATIVE if passed else Tier.STATIC,
        status=status,
        reason="" if passed else f"{status} there",
        observed_version="1.2.3" if passed else "",
        verify=[Verify(command=f"{executable} --version", pattern="{version}")] if passed else [],
        runtime_versions={"node": "v22.1.0"} if passed else {},
        at="2026-03-14T12:00:09Z",
    )


def batch_of(orders: Sequence[WorkOrder]) -> Batch:
    """Return a batch of some orders."""
    return Batch(
        id=BATCH,
        created_at=timestamp(NOW),
        fingerprints=InputFingerprints(queue="0" * 64, control="1" * 64, config="2" * 64),
        selected=[Selected(source=each.source, name=each.name, priority=2, reason="its turn") for each in orders],
        left_out=[],
    )
