"""CONTRIBUTING.md explains the interfaces that a contributor has to implement, as they are."""

import inspect
import re
from pathlib import Path

import pytest

from pipeline.ecosystems.base import Ecosystem
from pipeline.sandbox.base import Installer, Sandbox

PAGE = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


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
