"""The published contract: which structure each JSON Schema of `schemas/` describes."""

import copy
from typing import Any

import msgspec

from pipeline.config import Config
from pipeline.model import (
    AlarmRecord,
    Attempt,
    Batch,
    BatchMetrics,
    ConstraintsRecord,
    Control,
    ExternalAnswer,
    LedgerEntry,
    MatrixRecord,
    OutcomeRecord,
    PackageList,
    Payload,
    PullRequestOrder,
    Queue,
    RunRecord,
    StaticRecord,
    Verdict,
)

RECORDS: dict[str, type[msgspec.Struct]] = {
    "alarm": AlarmRecord,
    "attempt": Attempt,
    "batch": Batch,
    "batch-control": Control,
    "constraints": ConstraintsRecord,
    "external-answer": ExternalAnswer,
    "ledger-entry": LedgerEntry,
    "matrix": MatrixRecord,
    "metrics": BatchMetrics,
    "outcome": OutcomeRecord,
    "package-list": PackageList,
    "payload": Payload,
    "pipeline": Config,
    "pull-request-order": PullRequestOrder,
    "queue": Queue,
    "run": RunRecord,
    "static": StaticRecord,
    "verdict": Verdict,
}
NAME_OF: dict[type[msgspec.Struct], str] = {kind: name for name, kind in RECORDS.items()}


def json_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a record, its root spelled out so that errors point well."""
    schema = msgspec.json.schema(kind)
    definitions = copy.deepcopy(schema["$defs"])
    root = definitions.pop(kind.__name__)
    _name_keys(msgspec.inspect.type_info(kind), {kind.__name__: root, **definitions}, root)
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{NAME_OF[kind]}.schema.json",
        **root,
    }
    return {**whole, "$defs": definitions} if definitions else whole


def _name_keys(kind: msgspec.inspect.Type, structures: dict[str, Any], node: dict[str, Any]) -> None:
    """Add the allowed keys of each mapping, which msgspec checks but leaves out of its schema."""
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            for field in fields:
                _name_keys(field.type, structures, structures[cls.__name__]["properties"][field.encode_name])
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            match key:
                case msgspec.inspect.EnumType(cls=enum):
                    node["propertyNames"] = {"enum": [member.value for member in enum]}
                case msgspec.inspect.LiteralType(values=values):
                    node["propertyNames"] = {"enum": list(values)}
            _name_keys(value, structures, node.get("additionalProperties", {}))
