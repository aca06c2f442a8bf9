"""Homebrew's formulae and casks on a machine without it: never measured, predicted from the list of files."""

from pathlib import Path

import msgspec
import pytest

from pipeline.model import Subcategory, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS
from pipeline.recipe import render, same_package
from pipeline.recipe_rules import strict_check
from pipeline.sandbox.base import Job
from pipeline.sandbox.installers import INSTALLERS
from tests.ecosystems.samples import all_samples
from tests.fakes_sandbox import FakeSandbox, answer
from tests.test_installers import NOW, job_for

SAMPLES = all_samples()


def job(tmp_path: Path, key: str) -> Job:
    """Return the job for what a fixture makes."""
    made = SAMPLES[key].make()
    plain = job_for(tmp_path, "npm:tool", tuple(made.recipe.executables))
    return msgspec.structs.replace(
        plain, source=SAMPLES[key].order.source, steps=tuple(made.recipe.steps), builds=tuple(made.evidence.builds)
    )


@pytest.mark.parametrize("key", ["homebrew-listed", "cask-two-architectures"])
def test_nothing_is_run_and_nothing_is_said_of_the_package(tmp_path: Path, key: str) -> None:
    """A machine without Homebrew learns nothing: the remedy names what can measure it."""
    sandbox = FakeSandbox(lambda _: answer())
    verdict = INSTALLERS[key.partition("-")[0]].validate(job(tmp_path, key), sandbox, NOW)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_MISSING)
    assert "platforms.<id>.runner to external" in verdict.reason
    assert sandbox.phases == []


@pytest.mark.parametrize(
    ("key", "passing"),
    [
        ("homebrew-listed", {each.id for each in ALL_PLATFORMS if each.libc != "musl"}),
        ("homebrew-bottle-for-all", {"darwin-arm64", "darwin-x86_64"}),
        ("homebrew-shape-of-2019", {"darwin-x86_64"}),
        ("cask-two-architectures", {"darwin-arm64", "darwin-x86_64"}),
        ("cask-apple-processors-only", {"darwin-arm64"}),
    ],
)
def test_a_platform_is_predicted_by_its_file(tmp_path: Path, key: str, passing: set[str]) -> None:
    """Each platform without one is refused, with a reason of its own where the ecosystem never has any."""
    sandbox = FakeSandbox(lambda _: answer())
    record = INSTALLERS[key.partition("-")[0]].predict(job(tmp_path, key), sandbox, ALL_PLATFORMS, NOW)
    statuses = {each.platform: each.status for each in record.predictions}
    assert {platform for platform, status in statuses.items() if status == "predicted_pass"} == passing
    assert {status for platform, status in statuses.items() if platform not in passing} == {"predicted_fail"}
    reasons = {each.platform: each.reason for each in record.predictions}
    assert ("glibc" if key.startswith("homebrew") else "macOS") in reasons["linux-alpine-musl-x86_64"]
    assert sandbox.phases == []


def test_a_bottle_for_all_platforms_is_still_none_for_musl(tmp_path: Path) -> None:
    """Homebrew itself does not run there, whatever its bottle holds."""
    wanted = job(tmp_path, "homebrew-bottle-for-all")
    everywhere = msgspec.structs.replace(wanted.builds[0], platforms=[each.id for each in ALL_PLATFORMS])
    wanted = msgspec.structs.replace(wanted, builds=(everywhere,))
    record = INSTALLERS["homebrew"].predict(wanted, FakeSandbox(lambda _: answer()), ALL_PLATFORMS, NOW)
    refused = {each.platform for each in record.predictions if each.status == "predicted_fail"}
    assert refused == {each.id for each in ALL_PLATFORMS if each.libc == "musl"}


def test_the_two_steps_of_a_formula_are_one_package() -> None:
    """The second step places files of the first; a person's recipe that links other files is still the same."""
    recipe = SAMPLES["homebrew-listed"].make().recipe
    text = render(recipe)
    assert strict_check(text) == []
    assert same_package(text, recipe)
    assert same_package(text.replace('"sbin/lumend"', '"bin/more"'), recipe)
    assert not same_package(text.replace('formula = "lumen"', 'formula = "lantern"'), recipe)
