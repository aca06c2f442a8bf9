"""A root with a queue and a finished batch in `build/`, as a run leaves them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from pipeline import payload as payload_core
from pipeline.body import commit_message
from pipeline.digests import sha256
from pipeline.lock import alone
from pipeline.model import (
    Batch,
    Constraints,
    ConstraintsRecord,
    EntryStatus,
    Failed,
    Generated,
    Input,
    InputFingerprints,
    Outcome,
    OutcomeRecord,
    PhaseResult,
    Queue,
    Recipe,
    Selected,
    Skipped,
    Step,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
    WorkOrder,
)
from pipeline.provenance.statement import Circumstances, bundle, with_statements
from pipeline.publishing.books import Books
from pipeline.publishing.places import destination_of
from pipeline.publishing.publish import Published, publish
from pipeline.publishing.rollback import RolledBack, roll_back
from pipeline.recipe import recipe_path
from pipeline.store import Paths, write, write_bytes
from tests.builders import NOW, config, entry, queue
from tests.builders_payload import HOST, evidence, merged
from tests.publishing.lab import environment

MADE_AT = "2026-03-02T11:00:00Z"
REVISIONS = {"npm": 1, "pypi": 1}
NO_PROGRAM = Skipped(subcategory=Subcategory.NO_EXECUTABLES, message="it has no executables", upstream="e" * 64)
NEEDS_A = Skipped(subcategory=Subcategory.MISSING_RECIPE, message="it needs a", blocked_by=["a"])
OUTAGE = Failed(category="network_error", subcategory=Subcategory.TIMEOUT, transient=True, message="no answer")


class Root:
    """One root; every call is a process of its own, as far as that can be seen."""

    def __init__(self, folder: Any, **publish: Any) -> None:
        self.paths = Paths(folder)
        self.config = config(publish=publish)

    def queue(self, *sources: str) -> None:
        """Write the queue."""
        path = self.paths.root / config().queue
        path.parent.mkdir(parents=True, exist_ok=True)
        self.paths.build.mkdir(exist_ok=True)
        write(path, queue(*map(entry, sources)))

    def entries(self) -> dict[str, EntryStatus]:
        """Return the status of each entry."""
        found = msgspec.json.decode((self.paths.root / config().queue).read_bytes(), type=Queue)
        return {each.source: each.status for each in found.entries}

    def leave(
        self,
        made: Mapping[str, bytes],
        others: Mapping[str, Outcome] | None = None,
        *,
        number: int = 1,
        replaces: Mapping[str, bytes] | None = None,
        held: Mapping[str, str] | None = None,
    ) -> str:
        """Leave a finished batch: recipes of some packages, what became of others; return its id."""
        outcomes: dict[str, Outcome] = {source: _generated(source, content) for source, content in made.items()}
        outcomes |= dict(others or {})
        old = {source: sha256(content) for source, content in (replaces or {}).items()}
        batch = _batch(number, list(outcomes))
        records = [_merged(source, made.get(source), outcomes[source], old.get(source)) for source in outcomes]
        answers = {record.source: _answer(record, outcomes[record.source]) for record in records}
        statements = {record.source: _statements(batch.id, record, answers[record.source]) for record in records}
        payload = payload_core.build(batch, records, config().payload, dict(made), held or {})
        payload = with_statements(payload, statements)
        paths = self.paths
        for record in records:
            source = record.source
            write(paths.outcome(source), answers[source])
            write(paths.verdict(HOST, source), _verdict(source, passed=source in made))
            write(paths.constraints(source), record)
        for source, file in zip(payload.included, payload.files, strict=True):
            write_bytes(paths.payload_files / file.path, made[source])
            write_bytes(paths.statements(file.path), statements[source])
        write(paths.batch, batch)
        write_bytes(paths.body, b"What is in it\n")
        write_bytes(paths.commit_message, commit_message(payload, records).encode())
        write(paths.payload, payload)
        return batch.id

    def publish(self, now: datetime = NOW, **options: Any) -> Published:
        """Publish as a new process would."""
        with alone(self.paths, now):
            books = Books(self.paths, self.config)
            return publish(books, destination=self.destination(), revisions=REVISIONS, now=now, **options)

    def roll_back(self, batch_id: str, *sources: str, now: datetime = NOW, dry_run: bool = False) -> RolledBack:
        """Roll back as a new process would."""
        with alone(self.paths, now):
            books = Books(self.paths, self.config)
            destination = self.destination()
            return roll_back(
                books, destination=destination, batch_id=batch_id, sources=sources, now=now, dry_run=dry_run
            )

    def destination(self) -> Any:
        """Return where this root's batches go."""
        return destination_of(self.paths, self.config, environment(self.paths.root.parent))

    def state(self) -> dict[str, bytes]:
        """Return the bytes of all that is kept: data/, the control file, recipes/."""
        kept = [self.paths.control, *self.paths.data.rglob("*"), *(self.paths.root / "recipes").rglob("*")]
        return {str(path.relative_to(self.paths.root)): path.read_bytes() for path in kept if path.is_file()}


def _batch(number: int, sources: list[str]) -> Batch:
    return Batch(
        id=f"2026-03-02-mixed-{number:03d}",
        created_at=MADE_AT,
        fingerprints=InputFingerprints(queue="0" * 64, control="1" * 64, config="2" * 64),
        selected=[Selected(source=source, name=_name(source), priority=2, reason="its turn") for source in sources],
        left_out=[],
    )


def _answer(record: ConstraintsRecord, outcome: Outcome) -> OutcomeRecord:
    return OutcomeRecord(
        source=record.source,
        name=record.name,
        made_from="0" * 64,
        at=MADE_AT,
        seconds=1,
        outcome=outcome,
        registry="https://registry.example",
        started_at=MADE_AT,
        inputs=[Input(url=f"https://registry.example/{record.name}", status=200, sha256="1" * 64, size=9)],
    )


def _statements(batch_id: str, record: ConstraintsRecord, answer: OutcomeRecord) -> bytes:
    order = WorkOrder(source=record.source, name=record.name)
    given = Circumstances(
        batch_id=batch_id,
        builder="urn:recipeline:builder:test",
        generator_revision=1,
        installer_revision=1,
        config_digest="2" * 64,
        predictions="report",
    )
    return bundle(order, answer, record, [_verdict(record.source, passed=True)], given)


def _name(source: str) -> str:
    return source.rpartition(":")[2]


def _generated(source: str, content: bytes) -> Generated:
    recipe = Recipe(name=_name(source), steps=[Step(action="npm_install", params={})], executables=[_name(source)])
    return Generated(recipe=recipe, recipe_sha256=sha256(content), evidence=evidence(upstream="f" * 64))


def _merged(source: str, content: bytes | None, outcome: Outcome, replaces: str | None) -> ConstraintsRecord:
    if content is not None:
        path = recipe_path(_name(source))
        return merged(source, recipe_path=path, recipe_sha256=sha256(content), replaces_sha256=replaces)
    assert isinstance(outcome, Skipped | Failed)
    return ConstraintsRecord(
        source=source,
        name=_name(source),
        outcome="skipped" if isinstance(outcome, Skipped) else "failed",
        exclusion=f"{outcome.subcategory}: {outcome.message}",
        recipe_path="",
        recipe_sha256=None,
        constraints=Constraints(),
        statuses={HOST: VerdictStatus.NOT_RUN},
    )


def _verdict(source: str, *, passed: bool) -> Verdict:
    return Verdict(
        source=source,
        version="1.2.3",
        platform=HOST,
        recipe_sha256=None,
        made_from="0" * 64,
        tier=Tier.NATIVE if passed else Tier.NONE,
        status=VerdictStatus.VALIDATED if passed else VerdictStatus.NOT_RUN,
        subcategory=None if passed else Subcategory.NOT_GENERATED,
        reason="" if passed else "there is no recipe",
        phases=[PhaseResult(name="verify", exit_code=0, wall_s=6, network=False)] if passed else [],
        at=MADE_AT,
    )
