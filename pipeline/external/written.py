"""The recipe that a program of the user's wrote, read as a record. Pure.

Its bytes are the draft and stay as they are; the record says of them what the later stages ask for.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from pipeline.decoding import convert
from pipeline.ecosystems.drafting import ordered
from pipeline.model import Recipe
from pipeline.recipe import strict_check
from pipeline.text import description
from pipeline.toml_edit import Refusal, parse

# The keys of steps that name what is installed: names, or paths whose last part is the name.
_EXECUTABLE_KEYS = ("executables", "binaries", "binary")


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """What was written is no recipe, or one that the reader refuses: the rule that it breaks."""

    rule: str


class NoExecutable(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe is good, and installs nothing that could be run."""

    message: str


def read_recipe(text: str, name: str) -> Recipe | NoExecutable | Broken:
    """Return the recipe that some TOML holds, or the rule that it breaks; `name` is what it must be called."""
    broken = strict_check(text)
    if broken:
        return Broken(rule=f"its recipe breaks a rule: {broken[0]}")
    raw = parse(text)
    assert not isinstance(raw, Refusal)  # noqa: S101  # the strict check has read it
    metadata: dict[str, Any] = raw["metadata"]
    if metadata["name"] != name:
        return Broken(rule=f"its recipe is called {metadata['name']}, not {name}")
    found = frozenset(_executables(raw))
    if not found:
        kind = "is a library" if metadata.get("type") == "library" else "names no executable"
        return NoExecutable(message=f"the recipe {kind}")
    plain = {
        "name": name,
        "description": description(str(metadata.get("description", ""))),
        "homepage": metadata.get("homepage", ""),
        "dependencies": metadata.get("dependencies", []),
        "version": raw.get("version", {}),
        "steps": [_step(step) for step in raw["steps"]],
        "executables": ordered(found, name),
    }
    try:
        return convert(plain, Recipe)
    except msgspec.ValidationError as error:
        return Broken(rule=f"its recipe breaks a rule: {error}")


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "action": step["action"],
        "params": {key: _plain(value) for key, value in step.items() if key != "action"},
    }


def _plain(value: object) -> str | list[str]:
    """Return a text or a list of texts as it is, any other value as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return [str(each) for each in value]
    # TOML has dates, and numbers of any size.
    return json.dumps(value, default=str, sort_keys=True, ensure_ascii=False)


def _executables(raw: Mapping[str, Any]) -> Iterator[str]:
    for table in (raw["metadata"], *raw["steps"]):
        for key in _EXECUTABLE_KEYS:
            value = table.get(key, [])
            for each in value if isinstance(value, list) else [value]:
                path = each.get("dest") or each.get("src") if isinstance(each, dict) else each
                if isinstance(path, str) and path:
                    yield PurePosixPath(path).name
