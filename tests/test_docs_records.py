"""docs/records.md describes the records that pipeline/model/ defines: all of them, and nothing else."""

import re
from enum import StrEnum
from pathlib import Path

import msgspec
import pytest

from pipeline import model

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "records.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)
PATH = re.compile(r"`([\w./<>-]+/[\w./<>-]+|[\w-]+\.json)`")

SECTIONS: dict[str, str] = dict(SECTION.findall(PAGE))
DEFINED = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and kind.__module__.startswith(f"{model.__name__}.") and kind is not model.Record
]
STRUCTS = [kind for kind in DEFINED if issubclass(kind, msgspec.Struct)]
ENUMS = [kind for kind in DEFINED if issubclass(kind, StrEnum)]


def documented(name: str) -> list[str]:
    return [key for key, _ in ROW.findall(SECTIONS.get(name, ""))]


def test_every_type_has_one_section_and_every_section_a_type() -> None:
    """A record that was renamed or removed leaves no section behind."""
    headings = [name for name, _ in SECTION.findall(PAGE)]
    assert sorted(headings) == sorted(kind.__name__ for kind in [*STRUCTS, *ENUMS])


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda kind: kind.__name__)
def test_a_section_lists_the_fields_in_their_order(struct: type[msgspec.Struct]) -> None:
    """A reader finds each field where the file has it."""
    assert documented(struct.__name__) == list(struct.__struct_encode_fields__)


@pytest.mark.parametrize("enum", ENUMS, ids=lambda kind: kind.__name__)
def test_a_section_lists_the_values_of_an_enumeration(enum: type[StrEnum]) -> None:
    """A value that is added to the code is explained before it meets a reader in a file."""
    assert documented(enum.__name__) == [member.value for member in enum]


@pytest.mark.parametrize(
    "struct",
    [kind for kind in STRUCTS if PATH.search(kind.__doc__ or "")],
    ids=lambda kind: kind.__name__,
)
def test_a_section_names_the_path_that_the_code_names(struct: type[msgspec.Struct]) -> None:
    """The page and the docstring agree on where a record lies."""
    for path in PATH.findall(struct.__doc__ or ""):
        assert f"`{path}`" in SECTIONS[struct.__name__]


def test_every_path_of_a_record_is_in_the_overview() -> None:
    """The table at the top shows every kind of file that a run leaves."""
    overview = PAGE.split("\n## Queue\n")[0]
    for name, text in SECTIONS.items():
        if re.search(r"\bWritten by\b", text):
            first = next(path for path in PATH.findall(text) if path != "pipeline.yaml")
            assert f"[`{name}`](#{name.lower()})" in overview
            assert f"| `{first}` |" in overview
