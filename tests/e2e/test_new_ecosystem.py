"""Adding an ecosystem touches one module, one line of the table and one folder of fixtures; its pace is configured."""

import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pipeline.ecosystems import ECOSYSTEMS
from pipeline.model import Gate, Generated, Skipped, Subcategory, Tier, VerdictStatus
from pipeline.store import SHIPPED
from tests.e2e.world import World

MADE_UP = Path(__file__).with_name("shelf")
TABLE = Path("pipeline", "ecosystems", "__init__.py")
ELSEWHERE = "darwin-arm64"
# What a checkout is copied without.
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "data", "recipes", "build", "benchmarks")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--snapshot-update")
# The tests that hold the tables, the pages and the fixtures together.
CONTRACT = (
    "tests/ecosystems/test_ecosystem_contract.py",
    "tests/ecosystems/test_fuzzed_answers.py",
    "tests/test_installers.py::test_each_installer_stands_under_its_ecosystem",
    "tests/seeding/test_seeders.py::test_a_ranking_or_a_reason_is_that_of_an_ecosystem",
    "tests/test_docs_configuration.py::test_each_shipped_key_is_documented_once_with_its_default",
    "tests/test_code.py::test_modules_of_one_kind_do_not_know_each_other",
)


@pytest.fixture
def checkout(world: World, tmp_path: Path) -> Path:
    """A copy of the checkout with one more ecosystem, added as CONTRIBUTING.md says and in no other way."""
    copied = tmp_path / "checkout"
    shutil.copytree(SHIPPED, copied, ignore=LEFT_OUT)
    (copied / "data").symlink_to(SHIPPED / "data")
    shutil.copy(MADE_UP / "shelf.py", copied / "pipeline" / "ecosystems")
    shutil.copytree(MADE_UP / "fixtures", copied / "tests" / "ecosystems" / "fixtures" / "shelf")
    table = (copied / TABLE).read_text("utf-8")
    table = table.replace(", rubygems\n", ", rubygems, shelf\n")
    table = table.replace('    "rubygems": rubygems,\n', '    "rubygems": rubygems,\n    "shelf": shelf,\n')
    (copied / TABLE).write_text(table, "utf-8")
    settings = (copied / "pipeline.yaml").read_text("utf-8")
    own = f"  shelf: {{generator: native, requests_per_second: 100, registry: {world.registry.url}/shelf}}\n"
    settings = settings.replace("  pypi: {", f"{own}  pypi: {{", 1)
    (copied / "pipeline.yaml").write_text(settings, "utf-8")
    world.checkout = copied
    return copied


@pytest.fixture
def shelf(world: World, checkout: Path) -> World:
    for path in MADE_UP.glob("fixtures/*.json"):
        for page, found in json.loads(path.read_text("utf-8")).get("pages", {}).items():
            if path.stem in {"one-command", "library"}:
                world.registry.add(f"/shelf{page}", json.dumps(found["json"]).encode())
    world.queue("shelf:hammer", "shelf:nails")
    return world


def changed_lines(path: Path, checkout: Path) -> list[str]:
    """Return what a diff of a file says has gone and come."""
    before, after = ((root / path).read_text("utf-8").splitlines() for root in (SHIPPED, checkout))
    return [line for line in difflib.ndiff(before, after) if line[0] in "+-"]


def test_the_touches_are_these(checkout: Path) -> None:
    """The table gets a line, and the name where it imports; the configuration gets one; all else is new files."""
    assert changed_lines(TABLE, checkout) == [
        f"- from pipeline.ecosystems import {', '.join(ECOSYSTEMS)}",
        f"+ from pipeline.ecosystems import {', '.join([*ECOSYSTEMS, 'shelf'])}",
        '+     "shelf": shelf,',
    ]
    assert len(changed_lines(Path("pipeline.yaml"), checkout)) == 1


def test_it_is_left_out_while_nothing_can_try_it(shelf: World) -> None:
    """Without an installer, the gate says so and what would help, before anything is asked."""
    shelf.configure(platforms=shelf.only_here())
    done = shelf.doit()
    assert (done.exit_code, f"({Gate.NO_RUNNER} 2)" in done.err) == (6, True), done
    assert shelf.own_requests() == []
    assert "no sandbox here installs packages of shelf" in shelf.ran("why", "shelf:hammer").out


def test_it_goes_from_the_queue_to_an_outcome(shelf: World) -> None:
    """Where another machine's results are awaited, recipes are made; this machine says that it cannot try them."""
    elsewhere = {ELSEWHERE: {"runner": "external"}}
    shelf.configure(platforms={**shelf.only_here(), **elsewhere})
    shelf.ran()
    made, skipped = shelf.outcome("shelf:hammer").outcome, shelf.outcome("shelf:nails").outcome
    assert isinstance(made, Generated)
    assert (made.recipe.executables, made.evidence.version, made.evidence.license.spdx) == (["hammer"], "1.2.3", "MIT")
    assert isinstance(skipped, Skipped)
    assert skipped.subcategory is Subcategory.NO_EXECUTABLES
    verdict = shelf.verdict("shelf:hammer")
    assert (verdict.tier, verdict.status) == (Tier.NONE, VerdictStatus.NOT_RUN)
    assert verdict.subcategory is Subcategory.NO_RUNNER
    assert verdict.reason == "the sandbox installs nothing of shelf; give the platform a command"
    assert shelf.verdict("shelf:hammer", ELSEWHERE).subcategory is Subcategory.NO_RESULT
    assert len(shelf.own_requests()) == 2


def test_a_pass_from_another_machine_brings_it_into_the_pull_request(shelf: World) -> None:
    """Nothing else is missing: with a result, the recipe is merged like any other."""
    shelf.configure(platforms={**shelf.only_here(), ELSEWHERE: {"runner": "external"}})
    shelf.ran()
    awaited = shelf.verdict("shelf:hammer", ELSEWHERE)
    measured = msgspec.structs.replace(
        awaited,
        tier=Tier.CI,
        status=VerdictStatus.VALIDATED,
        subcategory=None,
        reason="",
        found_executables=["hammer"],
        observed_version="1.2.3",
    )
    Path(shelf.paths.verdict(ELSEWHERE, "shelf:hammer")).write_bytes(msgspec.json.encode(measured))
    shelf.ran()
    assert shelf.payload().included == ["shelf:hammer"]


def test_its_registry_offers_no_ranking_that_is_known(shelf: World) -> None:
    """Seeding needs a module of its own; without one it says so, and what to do instead."""
    done = shelf.doit("seed:shelf")
    assert done.exit_code != 0
    assert "nothing is known of a ranking of shelf" in done.out + done.err
    assert "doit add shelf:NAME" in done.out + done.err


def test_the_contract_of_ecosystems_holds_it(checkout: Path) -> None:
    """Every test that runs over the tables runs over it, and wants nothing more; outcomes are recorded at first."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), "HOME": str(checkout)}
    concerned = "shelf or stands_under or ranking or documented or one_kind"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            concerned,
            "--snapshot-update",
            *CONTRACT,
        ],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 snapshots generated" in done.stdout
