"""Each benchmark that needs no registry runs and prints its fields; how fast it was is never asked here."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.executables import Compared, difference_lines, figures_of
from benchmarks.report import Figure
from pipeline.store import SHIPPED

OFFLINE = {
    "constraints": (["--packages", "3"], "constraints and payload"),
    "dashboard": (["--entries", "30", "--lines", "150"], "from nothing"),
    "journal": (["--lines", "80", "--rounds", "1"], "plan with index"),
    "limiter": (["--seconds", "0.3", "--rates", "20"], "20/s, one.example: used"),
    "noop": (["--packages", "2", "--rounds", "1"], "doit with nothing to do"),
    "selection": (["--entries", "30", "--rounds", "1"], "load, check, select"),
}
MACHINE = {"processor", "cores", "memory_gib", "system", "python", "load"}


def run(name: str, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PIPELINE_ROOT"}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments],
        cwd=SHIPPED,
        env=environment | {"PYTHONPATH": str(SHIPPED)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(OFFLINE))
def test_a_benchmark_prints_one_object_with_its_machine_and_figures(name):
    """Figures without the machine that they were taken on say nothing, so `--json` brings both."""
    arguments, expected = OFFLINE[name]
    report = json.loads(run(name, "--json", *arguments))
    assert report["benchmark"] == name
    assert set(report["machine"]) == MACHINE
    assert expected in [figure["name"] for figure in report["figures"]]
    assert all(figure["value"] >= 0 for figure in report["figures"])


def test_a_benchmark_prints_lines_for_people():
    """Without `--json` the machine stands in the second line and each figure in one of its own."""
    first, second, *rows = run("constraints", "--packages", "3").splitlines()
    assert first.startswith("constraints: 3 packages x 11 verdicts")
    assert second.startswith("machine: ")
    assert [row for row in rows if "constraints and payload" in row] != []


@pytest.mark.parametrize("name", ["coverage", "executables", "long_run", "newcomer", *sorted(OFFLINE)])
def test_a_benchmark_explains_itself(name):
    """`--help` names the arguments, also of those that ask the registries or need files."""
    assert "--json" in run(name, "--help")


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "holds"),
    [
        (1.0, 1.5, False, True),
        (1.6, 1.5, False, False),
        (97, 97, True, True),
        (96, 97, True, False),
        (9, None, False, True),
    ],
)
def test_a_limit_is_a_bound_from_above_or_below(value, limit, at_least, holds):
    """Seconds must stay below their limit, shares above it."""
    assert Figure(name="x", value=value, unit="", limit=limit, at_least=at_least).holds is holds


def compared(expected: set[str], installed: set[str], ending: str = "validated") -> Compared:
    return Compared(
        source="npm:tool",
        expected=frozenset(expected),
        installed=frozenset(installed),
        ending=ending,
        reason="why",
        seconds=1.0,
    )


def test_a_difference_between_recipe_and_install_is_one_line_and_lowers_the_share():
    """One tool of two whose executables are not those of its install makes 50 %."""
    wrong = compared({"a", "b"}, {"a", "c"})
    assert difference_lines(wrong) == ["differs  npm:tool: not in the recipe ['c'], not installed ['b']"]
    shares = {figure.name: figure for figure in figures_of("npm", [wrong, compared({"a"}, {"a"})])}
    assert shares["npm: equal"].value == 50
    assert not shares["npm: equal"].holds


def test_a_tool_that_was_not_installed_is_named_but_not_compared():
    """Nothing is known of its executables; a share that counted it as equal or not would be made up."""
    absent = compared({"a"}, set(), "failed")
    assert difference_lines(absent) == ["failed  npm:tool (1.0 s): why"]
    assert figures_of("npm", [absent]) == []
