"""The code keeps its own rules: lint, format, types, layers, dependencies, sizes."""

import ast
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import grimp
import pytest

from pipeline.ecosystems import ECOSYSTEMS
from pipeline.sandbox.installers import INSTALLERS
from pipeline.seeding import SEEDERS
from pipeline.store import SHIPPED

FOLDER = Path(sys.executable).parent
CHECKS = {
    "lint": ["ruff", "check", "--quiet", "."],
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "types": ["mypy"],
    "layers": ["lint-imports", "--no-logo"],
    "dependencies": ["deptry", "."],
}
LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_strict_tools_find_nothing(name):
    """ruff, mypy --strict, import-linter and deptry, as configured in pyproject.toml."""
    program, *arguments = CHECKS[name]
    done = subprocess.run([FOLDER / program, *arguments], cwd=SHIPPED, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def sources():
    """Return the project's own Python files, tests excepted."""
    return [
        SHIPPED / "dodo.py",
        *sorted((SHIPPED / "pipeline").rglob("*.py")),
        *sorted((SHIPPED / "benchmarks").glob("*.py")),
    ]


def test_files_and_functions_stay_short():
    """A file that is too long holds two concepts."""
    files = [str(path) for path in sources() if path.read_text().count("\n") > LONGEST_FILE]
    functions = [
        f"{path}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert (files, functions) == ([], [])


def test_no_import_stands_inside_a_function():
    """What a module needs stands at its head."""
    hidden = [
        f"{path.relative_to(SHIPPED)}:{inner.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def acquainted(package: str, modules: list[str]) -> list[str]:
    """Return who of these modules of a package imports another of them, also by way of a third."""
    graph = grimp.build_graph(package, cache_dir=None)
    return [f"{one} -> {other}" for one, other in permutations(modules, 2) if graph.chain_exists(one, other)]


def test_modules_of_one_kind_do_not_know_each_other():
    """Ecosystems, installers, seeders: each list is the table itself, so whoever adds one to it has no other list."""
    tables = (ECOSYSTEMS, INSTALLERS, SEEDERS)
    assert [acquainted("pipeline", [each.__name__ for each in table.values()]) for table in tables] == [[], [], []]


def test_an_acquaintance_is_found(tmp_path, monkeypatch):
    """Two ecosystems that share a helper do not know each other; one whose helper imports another does."""
    files = {
        "__init__": "",
        "shared": "",
        "go": "from shelf import shared",
        "npm": "from shelf import helper, shared",
        "helper": "from shelf import pypi",
        "pypi": "",
    }
    (tmp_path / "shelf").mkdir()
    for name, content in files.items():
        (tmp_path / "shelf" / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    assert acquainted("shelf", ["shelf.go", "shelf.npm", "shelf.pypi"]) == ["shelf.npm -> shelf.pypi"]
