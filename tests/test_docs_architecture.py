"""The table of docs/architecture.md that says where things live leads a newcomer to what there is."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## Where things live\n")[2].partition("\n\nAll paths")[0]
NAMED = [name for cell in re.findall(r"^\| ([^|]+) \|", TABLE, re.MULTILINE) for name in re.findall(r"`([^`]+)`", cell)]


def test_each_package_has_its_row() -> None:
    """One that is added is explained."""
    packages = {f"pipeline/{path.parent.name}/" for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert packages - set(NAMED) == set()


def test_each_module_that_is_named_is_there() -> None:
    """A module that was renamed is not looked for in vain; a name without a folder lies in pipeline/."""
    modules = [name for name in NAMED if name.endswith(".py") and name != "dodo.py"]
    assert [name for name in modules if not any((ROOT / "pipeline").glob(name.removeprefix("pipeline/")))] == []
