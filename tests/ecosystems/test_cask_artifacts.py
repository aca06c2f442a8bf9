"""What a cask puts where, and whether a recipe can say so."""

import json
from typing import Any

import pytest

from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.cask import make
from pipeline.model import Failed, Skipped, Subcategory, WorkOrder
from pipeline.recipe import render, same_package
from pipeline.recipe_rules import strict_check
from tests.ecosystems.samples import NOW, REGISTRY
from tests.fakes_fetcher import DictFetcher

APP = {"app": ["Glow.app"]}
BINARY = {"binary": ["$APPDIR/Glow.app/Contents/MacOS/glow"]}
INTEL = {"url": "https://files.example/intel.zip", "sha256": "b" * 64}


def made(*artifacts: object, **over: Any) -> Made:
    """Return the outcome of a cask with these artifacts."""
    cask = {"token": "x", "version": "1.0", "url": "https://files.example/arm.zip", "sha256": "a" * 64}
    content = json.dumps({**cask, "artifacts": list(artifacts), **over}).encode()
    fetcher = DictFetcher({f"{REGISTRY}/cask/x.json": content})
    return make(WorkOrder(source="cask:x", name="x"), registry=REGISTRY, fetcher=fetcher, now=NOW)


def why(outcome: Made) -> Subcategory:
    assert isinstance(outcome, Skipped | Failed), outcome
    return outcome.subcategory


@pytest.mark.parametrize("place", ["$APPDIR/", "#{appdir}/", "{{appdir}}/", "/Applications/", ""])
def test_a_command_is_named_by_its_place_in_the_application(place: str) -> None:
    """The API, `brew info` and the cask's own text write the same folder in different ways."""
    outcome = made(APP, {"binary": [f"{place}Glow.app/Contents/MacOS/glow"]})
    assert isinstance(outcome, Draft)
    assert outcome.recipe.steps[0].params["binaries"] == ["Contents/MacOS/glow"]
    assert outcome.recipe.executables == ["glow"]


@pytest.mark.parametrize(
    "binary",
    [
        ["$APPDIR/Other.app/Contents/MacOS/glow"],
        ["#{staged_path}/glow"],
        ["glow"],
        ["$APPDIR/Glow.app/../../../bin/glow"],
        ["$APPDIR/Glow.app//glow"],
        ["$APPDIR/Glow.app/Contents/gl\now"],
        ["$APPDIR/Glow.app/Contents/MacOS/glow", {"target": "other"}],
        ["$APPDIR/Glow.app/Contents/MacOS/glow", {"target": "/etc/cron.d/glow"}],
    ],
)
def test_a_command_that_the_action_cannot_link_is_for_a_person(binary: list[object]) -> None:
    """It links files of the application, by their own names, into the folder of all commands."""
    assert why(made(APP, {"binary": binary})) is Subcategory.NEEDS_MANUAL


@pytest.mark.parametrize("kind", ["pkg", "installer", "suite", "preflight", "postflight", "artifact"])
def test_what_runs_something_is_for_a_person(kind: str) -> None:
    """A recipe that leaves it out would install half of the cask."""
    outcome = made(APP, BINARY, {kind: None})
    assert why(outcome) is Subcategory.NEEDS_MANUAL
    assert isinstance(outcome, Skipped)
    assert kind in outcome.message


@pytest.mark.parametrize("aside", [{"uninstall_preflight": None}, {"zap": [{}]}, {"zsh_completion": ["_glow"]}])
def test_what_belongs_to_no_installation_does_not_matter(aside: dict[str, object]) -> None:
    """Scripts that only run when the cask is removed, and help for the shell."""
    assert made(APP, BINARY, aside) == made(APP, BINARY)


@pytest.mark.parametrize(
    ("artifacts", "expected"),
    [
        ([], Subcategory.NO_EXECUTABLES),
        ([APP], Subcategory.NO_EXECUTABLES),
        ([{"font": ["Glow.ttf"]}], Subcategory.NO_EXECUTABLES),
        ([BINARY], Subcategory.NEEDS_MANUAL),
        ([APP, {"app": ["Second.app"]}, BINARY], Subcategory.NEEDS_MANUAL),
        ([APP, BINARY, {"binary": ["$APPDIR/Glow.app/Contents/bin/glow"]}], Subcategory.NEEDS_MANUAL),
        ([{"app": ["Glow"]}, {"binary": ["$APPDIR/Glow/glow"]}], Subcategory.NEEDS_MANUAL),
        ([{"app": []}, BINARY], Subcategory.BAD_METADATA),
        ([APP, {"binary": "glow"}], Subcategory.BAD_METADATA),
        ([["Glow.app"]], Subcategory.BAD_METADATA),
        (["Glow.pkg (Pkg)"], Subcategory.BAD_METADATA),
    ],
)
def test_artifacts_that_are_no_application_with_commands(artifacts: list[object], expected: Subcategory) -> None:
    """Each is told apart: no command, a person's work, an answer that says nothing."""
    assert why(made(*artifacts)) is expected


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"sha256": "no_check"}, Subcategory.NEEDS_MANUAL),
        ({"version": "latest"}, Subcategory.NO_STABLE_VERSION),
        ({"version": "1\n2"}, Subcategory.BAD_METADATA),
        ({"sha256": "a" * 63}, Subcategory.BAD_METADATA),
        ({"url": "ftp://files.example/x.zip"}, Subcategory.BAD_METADATA),
        ({"url": "https://files.example/download?file=x"}, Subcategory.NEEDS_MANUAL),
        ({"container": {"nested": "x.dmg"}}, Subcategory.NEEDS_MANUAL),
        ({"rename": [{"from": "A.app", "to": "Glow.app"}]}, Subcategory.NEEDS_MANUAL),
        ({"url_specs": {"using": "git"}}, Subcategory.NEEDS_MANUAL),
        ({"depends_on": {"arch": [{"type": "riscv"}]}}, Subcategory.BAD_METADATA),
    ],
)
def test_a_file_that_the_action_cannot_fetch_or_unpack(over: dict[str, object], expected: Subcategory) -> None:
    """The action wants a digest, an ordinary download, and a .zip or .dmg by its name."""
    assert why(made(APP, BINARY, **over)) is expected


@pytest.mark.parametrize(
    ("over", "served"),
    [
        ({}, {"arm64": "a", "x86_64": "a"}),
        ({"variations": {"tahoe": INTEL, "sonoma": INTEL}}, {"arm64": "a", "x86_64": "b"}),
        # Only an older macOS differs, in the same way on both architectures.
        ({"variations": {"arm64_sonoma": INTEL, "sonoma": INTEL}}, {"arm64": "a", "x86_64": "a"}),
        ({"variations": {"x86_64_linux": INTEL, "arm64_sonoma": INTEL}}, {"arm64": "a", "x86_64": "a"}),
        ({"depends_on": {"arch": [{"type": "arm", "bits": 64}]}}, {"arm64": "a"}),
        ({"depends_on": {"arch": [{"type": "intel", "bits": 64}]}, "variations": {"tahoe": INTEL}}, {"x86_64": "b"}),
        ({"variations": {"tahoe": {**INTEL, "sha256": "no_check"}}}, {"arm64": "a"}),
        ({"variations": {"tahoe": {**INTEL, "version": "0.9"}}}, {"arm64": "a"}),
        ({"variations": {"tahoe": 7}}, {"arm64": "a", "x86_64": "a"}),
    ],
)
def test_each_architecture_gets_its_own_file(over: dict[str, object], served: dict[str, str]) -> None:
    """Homebrew answers for Apple's processors and lays the others over it, by the names of macOS versions."""
    outcome = made(APP, BINARY, **over)
    assert isinstance(outcome, Draft)
    found = {platform: build.artifact.digest for build in outcome.evidence.builds for platform in build.platforms}
    assert found == {f"darwin-{arch}": f"sha256:{sign * 64}" for arch, sign in served.items()}


def test_the_recipe_stays_true_over_releases_and_is_told_from_another_application() -> None:
    """Address and digest are the version source's, so the application's name is what says what is installed."""
    first, later = (
        made(APP, BINARY),
        made(APP, BINARY, version="2.0", url="https://files.example/2.dmg", sha256="c" * 64),
    )
    other = made({"app": ["Dim.app"]}, {"binary": ["$APPDIR/Dim.app/Contents/MacOS/glow"]})
    assert isinstance(first, Draft)
    assert isinstance(later, Draft)
    assert isinstance(other, Draft)
    text = render(first.recipe)
    assert text == render(later.recipe)
    assert strict_check(text) == []
    assert same_package(text, later.recipe)
    assert not same_package(text, other.recipe)
    assert first.evidence.upstream != later.evidence.upstream
