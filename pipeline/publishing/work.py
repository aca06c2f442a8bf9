"""What a batch has left in `build/`, read and checked before any of it is published."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from pipeline.checks import shorten
from pipeline.config import Config, PublishMode, Runner
from pipeline.digests import sha256
from pipeline.errors import PipelineError
from pipeline.model import Batch, ConstraintsRecord, OutcomeRecord, Payload, PayloadFile, Verdict
from pipeline.store import Paths, is_there, read, read_bytes, read_result

AGAIN = "run `doit` again"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One batch with all its records, by source, and the bytes of its recipes, by path.

    `body` is the text of the pull request, "" in a mode without any.
    `statements` are the lines that are said of their making, those of all recipes in the payload's order.
    """

    batch: Batch
    payload: Payload
    message: str
    body: str
    recipes: Mapping[str, bytes]
    statements: bytes
    outcomes: Mapping[str, OutcomeRecord]
    verdicts: Mapping[str, list[Verdict]]
    constraints: Mapping[str, ConstraintsRecord]


def read_batch(paths: Paths) -> Batch:
    """Return the frozen batch; raises `PipelineError` when there is none."""
    if not is_there(paths.batch):
        raise PipelineError(f"{paths.batch}: there is no batch yet", remedy="run `doit`")
    return read(paths.batch, Batch, purpose="batch")


def read_work(paths: Paths, config: Config, batch: Batch) -> Work:
    """Return a batch's payload and records; raises `PipelineError` when they are not whole or not of one piece."""
    if not is_there(paths.payload):
        raise PipelineError(f"{paths.payload}: batch {batch.id} has no payload yet", remedy="run `doit`")
    payload = read(paths.payload, Payload, purpose="payload")
    if payload.batch_id != batch.id:
        raise PipelineError(
            f"{paths.payload}: it is the payload of {payload.batch_id}, not of {batch.id}", remedy=AGAIN
        )
    sources = [selected.source for selected in batch.selected]
    if sorted([*payload.included, *(each.source for each in payload.excluded)]) != sorted(sources):
        raise _not_whole(paths, f"it does not name each package of {batch.id} once")
    constraints = {source: read(paths.constraints(source), ConstraintsRecord, purpose="result") for source in sources}
    platforms = [name for name, platform in config.platforms.items() if platform.runner is not Runner.NONE]
    outcomes = {source: read(paths.outcome(source), OutcomeRecord, purpose="outcome") for source in sources}
    found = {source: [read_result(paths.verdict(name, source), Verdict) for name in platforms] for source in sources}
    return Work(
        batch=batch,
        payload=payload,
        message=read_bytes(paths.commit_message, purpose="commit message").decode(errors="replace"),
        body=_body(paths, config),
        recipes=_recipes(paths, payload, constraints),
        statements=b"".join(_statements(paths, file) for file in payload.files),
        outcomes=outcomes,
        verdicts={source: [each for each in verdicts if each is not None] for source, verdicts in found.items()},
        constraints=constraints,
    )


def refuse_held(paths: Paths, work: Work, held: Mapping[str, str]) -> None:
    """Raise `PipelineError` when another batch has come to wait with one of its paths since the payload was made."""
    for file in work.payload.files:
        if file.path in held:
            raise _not_whole(paths, f"{held[file.path]} waits for its merge with {file.path}, too")


def _body(paths: Paths, config: Config) -> str:
    if config.publish.mode is not PublishMode.GITHUB:
        return ""
    return read_bytes(paths.body, purpose="text of the pull request").decode(errors="replace")


def _recipes(paths: Paths, payload: Payload, constraints: Mapping[str, ConstraintsRecord]) -> dict[str, bytes]:
    """Return the recipes of a payload; raises `PipelineError` when one is not what was validated."""
    paths_told = [file.path for file in payload.files]
    if len(payload.files) != len(payload.included) or len(set(paths_told)) != len(paths_told):
        raise _not_whole(paths, "its files are not one for each included package")
    recipes: dict[str, bytes] = {}
    for source, file in zip(payload.included, payload.files, strict=True):
        place = paths.payload_files / file.path
        content = read_bytes(place, purpose="recipe")
        record = constraints[source]
        if sha256(content) != file.sha256:
            raise PipelineError(f"{place}: the recipe was changed after it was validated", remedy=_remake(paths))
        if record.exclusion or (record.recipe_path, record.recipe_sha256) != (file.path, file.sha256):
            raise _not_whole(paths, f"it is older than the result of {shorten(source)}")
        recipes[file.path] = content
    return recipes


def _statements(paths: Paths, file: PayloadFile) -> bytes:
    """Return what is said of a recipe; raises `PipelineError` when it is not what the payload names."""
    if file.statements_sha256 is None:
        return b""
    place = paths.statements(file.path)
    content = read_bytes(place, purpose="file of statements")
    if sha256(content) != file.statements_sha256:
        raise PipelineError(f"{place}: the statements were changed after they were written", remedy=_remake(paths))
    return content


def _not_whole(paths: Paths, rule: str) -> PipelineError:
    return PipelineError(f"{paths.payload}: {rule}", remedy=_remake(paths))


def _remake(paths: Paths) -> str:
    return f"remove {Path(paths.payload_folder.name)} below {paths.build} and {AGAIN}"
