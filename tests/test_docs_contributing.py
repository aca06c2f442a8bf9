"""CONTRIBUTING.md explains the interfaces that a contributor has to implement, as they are."""

import inspect
import re
from pathlib import Path

import pytest

from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Ecosystem
from pipeline.sandbox.base import Installer, Sandbox

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SMALLEST = "### What the smallest one looks like"


def section(heading: str) -> str:
    """Return the text between a heading and the next one of any level."""
    return re.split(r"^##", PAGE.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def members(protocol: type) -> set[str]:
    """Return the public attributes and methods that a Protocol asks for."""
    names = {name for name, _ in inspect.getmembers(protocol, inspect.isfunction)}
    return {name for name in names | set(inspect.get_annotations(protocol)) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("protocol", "heading"),
    [
        (Ecosystem, "## Add an ecosystem"),
        (Installer, "### Another ecosystem's packages in the existing sandbox"),
        (Sandbox, "### Another way to run"),
    ],
    ids=["Ecosystem", "Installer", "Sandbox"],
)
def test_each_member_of_an_interface_is_explained_and_no_other(protocol: type, heading: str) -> None:
    """Whoever follows the steps has implemented the whole interface."""
    bullets = re.findall(r"^   - `(\w+)`", section(heading), re.MULTILINE)
    assert set(bullets) == members(protocol)
    assert f"`{protocol.__name__}`" in section(heading)


def block(kind: str) -> list[str]:
    """Return the lines of the block of a kind in the example of an ecosystem."""
    found = re.search(rf"^```{kind}\n(.*?)^```", section(SMALLEST), re.MULTILINE | re.DOTALL)
    assert found is not None
    return [line for line in found[1].splitlines() if line]


def test_the_smallest_ecosystem_is_the_one_that_is_shown() -> None:
    """By the lines of its module."""
    lines = {name: inspect.getsource(module).count("\n") for name, module in ECOSYSTEMS.items()}
    assert min(lines, key=lambda name: lines[name]) == "rubygems"


def test_each_line_of_the_diff_is_in_its_file() -> None:
    """What comes is there, what goes is not; addresses stand in pipeline.yaml alone."""
    content = ""
    for line in block("diff"):
        if line.startswith("+++ b/"):
            content = re.sub(r"https://[^\s}]+", "https://…", (ROOT / line.removeprefix("+++ b/")).read_text("utf-8"))
        elif not line.startswith("--- a/"):
            assert (line[1:] in content.splitlines()) == line.startswith("+"), line


def test_the_folder_of_fixtures_is_the_one_that_is_listed() -> None:
    """That the schema of the answers is among them, each ecosystem's fuzzed answers prove."""
    files = {path.name for path in (ROOT / "tests" / "ecosystems" / "fixtures" / "rubygems").iterdir()}
    assert block("text") == sorted(files | {"answers.schema.json"})


def test_each_line_of_the_skeleton_is_the_modules_own() -> None:
    """It leaves lines out and changes none, so that nobody learns an interface that there is not."""
    code = {line.strip() for line in inspect.getsource(ECOSYSTEMS["rubygems"]).splitlines()}
    assert [line for line in block("python") if line.strip() not in code] == []
