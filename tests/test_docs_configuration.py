"""docs/configuration.md agrees with pipeline.yaml, batch-control.json and the structures that read them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
import yaml

from pipeline.config import Config, EcosystemConfig, JobConfig, PlatformConfig, Runner, deep_merge, nest, to_config
from pipeline.model import Control

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SHIPPED: dict[str, Any] = yaml.safe_load((ROOT / "pipeline.yaml").read_text(encoding="utf-8"))
CONFIG_PART, _, CONTROL_PART = PAGE.partition("\n## `batch-control.json`\n")
CONFIG_ROW = re.compile(r"^\| `([\w.-]+)` \| `([^`]+)` \|([^|]*)\| ([^|]+) \| `([^`]+)` \|$", re.MULTILINE)
CONTROL_ROW = re.compile(r"^\| `([\w.]+)` \| (`[^`]+`|see below) \| (?:operator|machine) \| [^|]+ \|$", re.MULTILINE)
ROWS = CONFIG_ROW.findall(CONFIG_PART)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every dotted key below a mapping that holds no further mapping, with its value."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def required_leaves(kind: type[msgspec.Struct], path: str = "") -> Iterator[str]:
    """Yield the dotted key of every plain field of nested structs; mappings yield `<path>.*.<field>`."""
    for field in filter(lambda field: field.required, msgspec.structs.fields(kind)):
        inner, name = field.type, f"{path}{field.name}"
        values = get_args(inner) if get_origin(inner) is dict else ()
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from required_leaves(inner, f"{name}.")
        elif values and isinstance(values[-1], type) and issubclass(values[-1], msgspec.Struct):
            yield from required_leaves(values[-1], f"{name}.*.")
        else:
            yield name


def test_each_shipped_key_is_documented_once_with_its_default() -> None:
    """A default that changes in pipeline.yaml changes in the documentation, in the same commit.

    An ecosystem may do without rows of its own, as the sentences above them hold for all; with one, it has them all.
    """
    shown = [(key, yaml.safe_load(default)) for key, default, *_ in ROWS]
    told = {ecosystem_in(key) for key, _ in shown}
    assert sorted(shown) == sorted((key, value) for key, value in leaves(SHIPPED) if ecosystem_in(key) in told)


def ecosystem_in(key: str) -> str:
    """Return the ecosystem that a key is of, "" for other keys."""
    section, _, rest = key.partition(".")
    return rest.partition(".")[0] if section == "ecosystems" else ""


def test_each_field_of_the_config_structs_is_documented() -> None:
    """A key that the code reads cannot be missing from the documentation."""
    documented = [key for key, *_ in ROWS]
    for pattern in required_leaves(Config):
        shape = re.compile(re.escape(pattern).replace(r"\*", r"[\w-]+"))
        assert any(shape.fullmatch(key) for key in documented), pattern


@pytest.mark.parametrize(
    ("kind", "where"),
    [(EcosystemConfig, "ecosystems.<name>"), (PlatformConfig, "platforms.<id>"), (JobConfig, "ci.jobs.<id>")],
)
def test_each_key_that_may_be_missing_is_explained(kind: type[msgspec.Struct], where: str) -> None:
    """A key that not every ecosystem or platform has need have no row, but it has its sentence."""
    optional = [field.name for field in msgspec.structs.fields(kind) if not field.required]
    assert optional
    assert [key for key in optional if f"`{where}.{key}`" not in CONFIG_PART] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_example_override_is_accepted(row: tuple[str, ...]) -> None:
    """Whoever copies an example gets a run, not an error."""
    key, _, _, _, example = row
    name, _, value = example.partition("=")
    assert name == key
    to_config(deep_merge(SHIPPED, nest(name, yaml.safe_load(value))))


def test_each_number_names_its_unit() -> None:
    """A number without a unit would leave the reader to guess."""
    numbers = [(key, unit) for key, default, unit, *_ in ROWS if default[0].isdigit()]
    assert [key for key, unit in numbers if not unit.strip()] == ["schema_version"]


def test_each_runner_is_explained() -> None:
    """Each way to make verdicts has its row."""
    table = CONFIG_PART.partition("| runner | verdicts |")[2].partition("| key |")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [runner.value for runner in Runner]


def test_each_key_of_the_control_file_is_documented_with_its_default() -> None:
    """An operator in an incident finds every key, with the value that it has when it is missing."""
    defaults = msgspec.to_builtins(Control())
    shown = {key: default.strip("`") for key, default in CONTROL_ROW.findall(CONTROL_PART)}
    assert shown.pop("budget") == "see below"
    assert {key: yaml.safe_load(value) for key, value in shown.items()} == dict(leaves(defaults))


def test_the_example_of_an_incident_is_a_valid_control_file() -> None:
    """The example can be copied while things burn."""
    example = CONTROL_PART.partition("```json\n")[2].partition("```")[0]
    assert msgspec.json.decode(example, type=Control).disabled_ecosystems == ["npm"]


@pytest.mark.parametrize(
    "variable", ["PIPELINE_ROOT", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "RECIPELINE_WEBHOOK", "NO_COLOR", "PYTHON"]
)
def test_each_variable_of_the_environment_is_explained(variable: str) -> None:
    """What the environment changes is documented."""
    assert re.search(rf"^\| `{variable}` \| .+ \|$", CONTROL_PART, re.MULTILINE)
