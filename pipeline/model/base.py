"""The types that records are made of, and their base."""

from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.source import ECOSYSTEM_PATTERN, SOURCE_PATTERN

Timestamp = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$(?!\n)",
        description="an RFC 3339 date and time, such as 2026-03-01T12:00:00Z",
    ),
]
SourceId = Annotated[
    str,
    Meta(
        pattern=SOURCE_PATTERN,
        description="a source: ecosystem:identifier, at most 214 characters, without `..`, blanks or shell signs",
    ),
]
EcosystemId = Annotated[
    str,
    Meta(pattern=rf"^{ECOSYSTEM_PATTERN}$(?!\n)", description="an ecosystem's name: lower-case letters, digits, `-`"),
]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="a SHA-256 digest: 64 hexadecimal digits")]
# A tool's name is for people and is turned into a recipe's name; taps give names with slashes.
ToolName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9@_.][A-Za-z0-9@._+/ -]{0,213}$(?!\n)",
        description="a tool's name: letters, digits, ` @._+/-`, at most 214 characters",
    ),
]
ExecutableName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_][a-zA-Z0-9._+-]*$(?!\n)", max_length=128)]
BatchId = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}-[a-z][a-z0-9-]*-[0-9]{3,9}$(?!\n)")]
_RECIPE_PATH = r"recipes/[a-z0-9]/[a-z0-9-]{1,100}\.toml"
RecipePath = Annotated[str, Meta(pattern=rf"^{_RECIPE_PATH}$(?!\n)")]
NoRecipePath = Annotated[str, Meta(pattern=rf"^({_RECIPE_PATH})?$(?!\n)")]  # "" when there is no recipe
Count = Annotated[int, Meta(ge=0)]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records: immutable, named fields only, an unknown field is an error."""
