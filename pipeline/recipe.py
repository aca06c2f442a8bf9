"""The product: one recipe as TOML, written new or merged into a file that people may have edited."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import tomlkit
from packaging.utils import canonicalize_name
from tomlkit.items import InlineTable, Table

from pipeline.model import Constraints, Recipe, Step, Verify
from pipeline.model.recipe import Param
from pipeline.recipe_rules import (
    FORBIDDEN_WORDS,
    METADATA_KEYS,
    PACKAGE_KEY,
    RUN_COMMAND,
    VERIFY_KEYS,
    VERSION_KEYS,
    strict_check,
)
from pipeline.toml_edit import Change, Refusal, Value, edit, encode, parse

__all__ = [
    "Refusal",
    "executables_of",
    "installed_package",
    "merge_constraints",
    "recipe_path",
    "render",
    "runs_commands",
    "same_package",
    "set_verify",
    "strict_check",
]

VERSION_PATTERN: Final = "{version}"


def recipe_path(name: str) -> str:
    """Return where a recipe lives below the root: `recipes/p/prettier.toml`."""
    return f"recipes/{name[0].lower()}/{name}.toml"


def render(recipe: Recipe, verify: Sequence[Verify] = ()) -> str:
    """Return the recipe as TOML: the same bytes for the same recipe, everywhere.

    `verify` is what was measured; without it the first executable is asked for its version.
    """
    document = tomlkit.document()
    metadata = tomlkit.table()
    metadata["name"] = recipe.name
    for key, value in (("description", recipe.description), ("homepage", recipe.homepage)):
        if value:
            metadata[key] = value
    for key, names in (("dependencies", recipe.dependencies), ("runtime_dependencies", recipe.runtime_dependencies)):
        if names:
            metadata[key] = names
    document["metadata"] = metadata
    if recipe.version:
        document["version"] = {key: recipe.version[key] for key in VERSION_KEYS if key in recipe.version}
    steps = tomlkit.aot()
    for step in recipe.steps:
        steps.append(_step_table(step))
    document["steps"] = steps
    text = tomlkit.dumps(document)
    wanted = _verify_table(verify or [_default_verify(recipe)])
    return f"{text}\n[verify]\n" + "".join(f"{key} = {encode(value)}\n" for key, value in wanted.items())


def _verify_table(verify: Sequence[Verify]) -> dict[str, Value]:
    """Return the keys of `[verify]`: the check that proves the version leads, the others are `additional`.

    An additional check can only say which words must be printed; one that has none, or another exit code, is left out.
    """
    main = next((each for each in verify if not each.mode), verify[0])
    more = [
        {"command": each.command, "pattern": each.pattern}
        for each in verify
        if each is not main and each.pattern and not each.exit_code
    ]
    table: dict[str, Value] = {
        "command": main.command,
        "pattern": main.pattern,
        "mode": main.mode,
        "reason": main.reason if main.mode else "",
        "exit_code": main.exit_code,
        "additional": more,
    }
    return {key: value for key, value in table.items() if value}


def merge_constraints(text: str, constraints: Constraints) -> str | Refusal:
    """Return the recipe with exactly these constraints: set, changed and lifted without touching another byte."""
    values: dict[str, Value] = {
        "supported_os": constraints.supported_os,
        "supported_arch": constraints.supported_arch,
        "supported_libc": constraints.supported_libc,
        "unsupported_platforms": constraints.unsupported_platforms,
        "unsupported_reason": constraints.unsupported_reason,
    }
    return _set_keys(text, "metadata", values, METADATA_KEYS)


def set_verify(text: str, verify: Sequence[Verify]) -> str | Refusal:
    """Return the recipe with exactly these checks; none given, it stays as it is."""
    if not verify:
        return text
    wanted = _verify_table(verify)
    return _set_keys(text, "verify", {key: wanted.get(key, "") for key in VERIFY_KEYS}, VERIFY_KEYS)


def same_package(text: str, recipe: Recipe) -> bool:
    """Say whether an existing recipe installs what this one installs: the same actions on the same packages."""
    raw = parse(text)
    theirs = [] if isinstance(raw, Refusal) else _steps(raw)
    return bool(theirs) and _packages(theirs) == _packages([{"action": s.action, **s.params} for s in recipe.steps])


def installed_package(steps: Sequence[Step]) -> str:
    """Return what the first of a recipe's steps installs."""
    package = steps[0].params.get(PACKAGE_KEY.get(steps[0].action, ""), "")
    return package if isinstance(package, str) else ""


def executables_of(text: str) -> list[str]:
    """Return what a recipe installs, in its own order; a text that cannot be read installs nothing."""
    raw = parse(text)
    found: dict[str, None] = {}
    for step in [] if isinstance(raw, Refusal) else _steps(raw):
        for key in ("executables", "binaries"):
            names = step.get(key, [])
            for name in names if isinstance(names, list) else ():
                found[str(name).rpartition("/")[2]] = None
    return list(found)


def runs_commands(text: str) -> bool:
    """Say whether installing the recipe runs arbitrary shell; a text that cannot be read is taken for one that does."""
    raw = parse(text)
    return isinstance(raw, Refusal) or any(step.get("action") == RUN_COMMAND for step in _steps(raw))


def _step_table(step: Step) -> Table:
    table = tomlkit.table()
    table["action"] = step.action
    if step.when is not None:
        said: dict[str, Param] = {
            "platform": step.when.platform,
            "os": step.when.os,
            "arch": step.when.arch,
            "libc": step.when.libc,
        }
        table["when"] = _inline({key: value for key, value in said.items() if value})
    for key, value in step.params.items():
        if isinstance(value, dict):
            table[key] = _inline(value)
        elif value:
            table[key] = value
    return table


def _inline(values: Mapping[str, Param]) -> InlineTable:
    inline = tomlkit.inline_table()
    inline.update(values)
    return inline


def _default_verify(recipe: Recipe) -> Verify:
    # A tool may be called `rm`, but its reader refuses that word in a verify command.
    allowed = [name for name in recipe.executables if name not in FORBIDDEN_WORDS]
    return Verify(command=f"{(allowed or recipe.executables)[0]} --version", pattern=VERSION_PATTERN)


def _set_keys(text: str, table: str, values: dict[str, Value], order: tuple[str, ...]) -> str | Refusal:
    """Set each key to its value, or remove it when that is empty; a new key stands where `order` has it."""
    # Keys that go are removed first, so that a table never holds two readings at once.
    removals = [Change(table=table, key=key, value=None) for key, value in values.items() if not value]
    settings = [
        Change(table=table, key=key, value=value, after=order[: order.index(key)])
        for key, value in values.items()
        if value
    ]
    return edit(text, [*removals, *settings])


def _steps(raw: dict[str, Any]) -> list[dict[str, Any]]:
    steps = raw.get("steps", [])
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _packages(steps: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return what the steps install; steps that only place files of another step name no package."""
    found = set()
    for step in steps:
        action = str(step.get("action", ""))
        package = step.get(PACKAGE_KEY.get(action, ""))
        if isinstance(package, str):
            # PyPI takes `Black_` and `black` for one project; elsewhere a name has one spelling.
            found.add((action, canonicalize_name(package) if action == "pipx_install" else package))
    return found
