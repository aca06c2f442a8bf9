"""A crate from the queue to the pull request, and a machine that has no Rust."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.model import Failed, Subcategory, VerdictStatus
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.rust_toolchain import find_toolchain
from tests.e2e.world import HOST, VERSION, World
from tests.fake_packages import crate

TOOLCHAIN = find_toolchain()
RECIPE = """\
[metadata]
name = "hexing"
description = "Shows bytes"

[[steps]]
action = "cargo_install"
crate = "hexing"
executables = ["hx"]

[verify]
command = "hx --version"
pattern = "{version}"
"""


def publish(world: World) -> str:
    """Publish a crate whose executable has another name; return its source."""
    manifest = f'[package]\nname = "hexing"\nversion = "{VERSION}"\nedition = "2021"\nlicense = "MIT"\n'
    files = {
        "Cargo.toml": f'{manifest}description = "Shows bytes."\n[[bin]]\nname = "hx"\npath = "src/main.rs"\n',
        "Cargo.lock": f'version = 3\n\n[[package]]\nname = "hexing"\nversion = "{VERSION}"\n',
        "src/main.rs": 'fn main() { println!("hx {}", env!("CARGO_PKG_VERSION")); }\n',
    }
    world.registry.add_crate("hexing", {VERSION: crate("hexing", VERSION, files)})
    return "cargo:hexing"


@pytest.mark.skipif(
    isinstance(TOOLCHAIN, Diagnosis), reason=TOOLCHAIN.reason if isinstance(TOOLCHAIN, Diagnosis) else ""
)
def test_a_crate_becomes_a_recipe_that_was_compiled_and_run(world: World) -> None:
    """The address comes from cargo's own settings, the recipe names crate and executable, the verdict is measured."""
    source = publish(world)
    world.queue(source)
    world.configure(platforms=world.only_here(), ecosystems={"cargo": {"requests_per_second": 100}})
    home = world.home / "cargo"
    home.mkdir()
    near = (
        f'[source.crates-io]\nreplace-with = "near"\n[source.near]\nregistry = "sparse+{world.registry.cargo_url}/"\n'
    )
    (home / "config.toml").write_text(near)
    # rustup's launchers look for the toolchain below the home of whoever installed it.
    rustup = os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
    world.ran(PATH=os.environ["PATH"], CARGO_HOME=str(home), RUSTUP_HOME=rustup)
    verdict = world.verdict(source)
    assert (verdict.status, verdict.platform) == (VerdictStatus.VALIDATED, HOST.id)
    assert world.recipe("recipes/h/hexing.toml") == RECIPE
    assert world.own_requests() == ["/cargo/config.json", "/cargo/dl/hexing/1.2.3/download", "/cargo/he/xi/hexing"]


def test_without_cargo_only_the_crates_wait(world: World, tmp_path: Path) -> None:
    """A machine without Rust makes the recipes of the other ecosystems, and says what the crates need."""
    tool = world.npm("prettify")
    world.queue(publish(world), tool)
    world.configure()
    world.ran("generate", PATH=str(tmp_path))
    outcome = world.outcome("cargo:hexing").outcome
    assert isinstance(outcome, Failed)
    assert (outcome.subcategory, outcome.transient) == (Subcategory.RUNTIME_MISSING, True)
    assert "install Rust" in outcome.message
    assert world.outcome(tool).outcome.recipe.name == "prettify"
    assert shutil.which("cargo", path=str(tmp_path)) is None
