"""The statements of a batch, found and read back: what a replay is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from pipeline.checks import nearest, shorten
from pipeline.decoding import convert, decode_json
from pipeline.digests import sha256
from pipeline.errors import BadInput, Defect, EmptySelection, PipelineError, UnknownName
from pipeline.instants import known_instant
from pipeline.model import BatchId, Payload, VerdictStatus, Verify
from pipeline.platforms import BY_ID
from pipeline.provenance.intoto import (
    ANSWER,
    PLATFORM_URI,
    PROVENANCE,
    REPLACED,
    RESULTS,
    VERIFY,
    BuildDefinition,
    Descriptor,
    Notes,
    ProvenanceStatement,
    ResultsStatement,
    Sha256,
)
from pipeline.state.ledger import Ledger
from pipeline.store import Paths, is_there, read_bytes, read_result

T = TypeVar("T")
# A line is never longer: 16 MiB is what signing services take of a predicate.
LONGEST_LINE = 16 * 1024 * 1024


class RecordedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as the statement names it; `sha256` is None where none came."""

    url: str
    notes: Notes
    sha256: str | None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """All that the two statements of a recipe say that decides its bytes."""

    path: str
    sha256: str
    definition: BuildDefinition
    now: datetime
    answers: list[RecordedAnswer]
    replaces: str | None
    statuses: Mapping[str, VerdictStatus]
    reasons: Mapping[str, str]
    verify: list[Verify]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a batch: each recipe's digest by its path, and what is told of those that have statements.

    Only the files of a batch that is not `published` yet can be held against it: later batches replace the others.
    """

    files: Mapping[str, str]
    published: bool
    told: Mapping[str, Told]


class _Glance(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    predicate_type: str


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    status: VerdictStatus
    reason: str = ""


class _Checks(msgspec.Struct, frozen=True, kw_only=True):
    checks: list[Verify]


def recorded(paths: Paths, batch_id: str) -> Recorded:
    """Return what is kept of a batch, published or in `build/`.

    Raises `UnknownName` for one that is not known here, `EmptySelection` for one without recipes, `BadInput` for
    statements that `doit` did not write.
    """
    ledger = Ledger(paths)
    payload = read_result(paths.payload, Payload)
    entry = ledger.entry(batch_id)
    if entry is not None:
        files = {file.path: file.sha256 for file in entry.files}
    elif payload is not None and payload.batch_id == batch_id:
        files = {file.path: file.sha256 for file in payload.files}
    else:
        close = nearest(batch_id, [*ledger.ids, *([payload.batch_id] if payload else [])])
        remedy = f"did you mean {close}?" if close else "`data/batches.jsonl` lists the batches"
        raise UnknownName(f"there is no batch {shorten(batch_id)}", remedy=remedy)
    if not files:
        raise EmptySelection(f"{batch_id} has no recipes: nothing to make again", remedy="name another batch")
    return Recorded(files=files, published=entry is not None, told=_told(paths, batch_id, payload))


def _told(paths: Paths, batch_id: BatchId, payload: Payload | None) -> dict[str, Told]:
    kept = paths.provenance(batch_id)
    if is_there(kept):
        return parse(read_bytes(kept, purpose="file of statements"), place=str(kept))
    told: dict[str, Told] = {}
    for file in payload.files if payload is not None and payload.batch_id == batch_id else []:
        place = paths.statements(file.path)
        if file.statements_sha256 is None or not is_there(place):
            continue
        content = read_bytes(place, purpose="file of statements")
        if sha256(content) != file.statements_sha256:
            raise PipelineError(f"{place}: it was changed after it was written", remedy="run `doit` again")
        told |= parse(content, place=str(place))
    return told


def parse(content: bytes, *, place: str) -> dict[str, Told]:
    """Return what some lines tell of each recipe, by its path; raises `BadInput`, which names the line."""
    made: dict[str, tuple[ProvenanceStatement, str]] = {}
    tested: dict[str, tuple[ResultsStatement, str]] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line:
            continue
        where = f"{place}, line {number}"
        if len(line) > LONGEST_LINE:
            raise _bad(where, "", f"is longer than {LONGEST_LINE} bytes")
        kind = _statement(line, _Glance, where).predicate_type
        if kind == PROVENANCE:
            provenance = _statement(line, ProvenanceStatement, where)
            _add(made, provenance.subject[0].name, provenance, where)
        elif kind == RESULTS:
            results = _statement(line, ResultsStatement, where)
            _add(tested, results.subject[0].name, results, where)
        else:
            raise _bad(where, "/predicateType", f"{shorten(kind)} is not written by doit")
    alone = sorted(made.keys() ^ tested.keys())
    if alone:
        raise _bad(place, "", f"one of the two statements of {alone[0]} is missing")
    return {name: _joined(*made[name], *tested[name]) for name in made}


def _statement(line: bytes, kind: type[T], where: str) -> T:
    try:
        return decode_json(line, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(where, "", str(error)) from None


def _add(found: dict[str, tuple[T, str]], name: str, statement: T, where: str) -> None:
    if name in found:
        raise _bad(where, "/subject", f"{name} has such a statement already")
    found[name] = statement, where


def _joined(made: ProvenanceStatement, made_at: str, tested: ResultsStatement, tested_at: str) -> Told:
    subject = made.subject[0]
    if tested.subject[0] != subject:
        raise _bad(tested_at, "/subject", f"it is about other bytes of {subject.name} than {made_at}")
    definition = made.predicate.build_definition
    now = known_instant(made.predicate.run_details.metadata.started_on)
    if now is None:
        raise _bad(made_at, "/predicate/runDetails/metadata/startedOn", "no calendar has this time")
    platforms = _platforms(tested.predicate.configuration, tested_at)
    dependencies = definition.resolved_dependencies
    checks = [_notes(each, _Checks, tested_at).checks for each in _named(tested.predicate.configuration, VERIFY)]
    return Told(
        path=subject.name,
        sha256=subject.digest.sha256,
        definition=definition,
        now=now,
        answers=[
            RecordedAnswer(url=each.uri, notes=_notes(each, Notes, made_at), sha256=_digest(each, made_at))
            for each in _named(dependencies, ANSWER)
        ],
        replaces=next((_digest(each, made_at) for each in _named(dependencies, REPLACED)), None),
        statuses={name: said.status for name, said in platforms.items()},
        reasons={name: said.reason for name, said in platforms.items() if said.reason},
        verify=[check for found in checks for check in found],
    )


def _platforms(configuration: list[Descriptor], where: str) -> dict[str, _Status]:
    platforms = [each for each in configuration if each.uri.startswith(PLATFORM_URI)]
    unknown = next((each.name for each in platforms if each.name not in BY_ID), None)
    if unknown is not None:
        raise _bad(where, "/predicate/configuration", f"{shorten(unknown)} is no platform")
    return {each.name: _notes(each, _Status, where) for each in platforms}


def _named(descriptors: list[Descriptor], name: str) -> list[Descriptor]:
    return [each for each in descriptors if each.name == name]


def _notes(descriptor: Descriptor, kind: type[T], where: str) -> T:
    return _converted(descriptor.annotations, kind, f"the annotations of {shorten(descriptor.name)}", where)


def _digest(descriptor: Descriptor, where: str) -> str | None:
    if not descriptor.digest:
        return None
    return _converted(descriptor.digest, Sha256, f"the digest of {shorten(descriptor.name)}", where).sha256


def _converted(value: dict[str, Any], kind: type[T], what: str, where: str) -> T:
    try:
        return convert(value, kind)
    except msgspec.ValidationError as error:
        raise _bad(where, "", f"{what}: {error}") from None


def _bad(where: str, pointer: str, rule: str) -> BadInput:
    return BadInput(where, Defect(pointer=pointer, rule=rule, remedy="restore the file as doit wrote it"))
