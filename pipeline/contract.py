"""The published contract: which structure each JSON Schema of `schemas/` describes."""

import copy
from typing import Any

import msgspec

from pipeline.config import Config
from pipeline.model import (
    Batch,
    ConstraintsRecord,
    Control,
    OutcomeRecord,
    PackageList,
    Payload,
    Queue,
    StaticRecord,
    Verdict,
)

RECORDS: dict[str, type[msgspec.Struct]] = {
    "batch": Batch,
    "batch-control": Control,
    "constraints": ConstraintsRecord,
    "outcome": OutcomeRecord,
    "package-list": PackageList,
    "payload": Payload,
    "pipeline": Config,
    "queue": Queue,
    "static": StaticRecord,
    "verdict": Verdict,
}
NAME_OF: dict[type[msgspec.Struct], str] = {kind: name for name, kind in RECORDS.items()}


def json_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a record, its root spelled out so that errors point well."""
    schema = msgspec.json.schema(kind)
    definitions = copy.deepcopy(schema["$defs"])
    root = definitions.pop(kind.__name__)
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{NAME_OF[kind]}.schema.json",
        **root,
    }
    return {**whole, "$defs": definitions} if definitions else whole
