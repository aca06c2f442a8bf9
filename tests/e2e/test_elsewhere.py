"""Results that another machine made are used as they are, and what they say limits the recipe."""

import shutil
from pathlib import Path

import msgspec
import pytest

from pipeline.model import Subcategory, Tier, Verdict, VerdictStatus
from pipeline.store import encode
from tests.e2e.world import HOST, World

SOURCE = "npm:prettify"
RECIPE = "recipes/p/prettify.toml"
MUSL = ("linux-alpine-musl-x86_64", "linux-alpine-musl-arm64")
ELSEWHERE = tuple(sorted({*MUSL, "linux-rhel-glibc-x86_64"} - {HOST.id}))


@pytest.fixture
def clone(world: World) -> World:
    """The root as the second job of a CI matrix gets it: generated elsewhere, nothing validated yet."""
    world.configure(platforms={**world.only_here(), **{name: {"runner": "external"} for name in ELSEWHERE}})
    world.queue(world.npm("prettify"))
    world.ran("generate")
    second = World(world.folder / "second", world.registry)
    shutil.copy(world.paths.config, second.paths.config)
    second.queue(SOURCE)
    shutil.copytree(world.paths.build / "generate", second.paths.build / "generate")
    world.registry.forget()
    return second


def made_elsewhere(world: World, platform: str, status: VerdictStatus) -> Verdict:
    """Return this machine's verdict as a machine of another platform would have written it."""
    own = world.verdict(SOURCE)
    failed = status is VerdictStatus.FAILED
    return msgspec.structs.replace(
        own,
        platform=platform,
        tier=Tier.NATIVE,
        status=status,
        subcategory=Subcategory.MISSING_SYSTEM_DEP if failed else None,
        reason="Error loading shared library libatomic.so.1" if failed else own.reason,
        verify=[] if failed else own.verify,
        made_from="0" * 64,
        at="2024-02-02T00:00:00Z",
    )


def bring(world: World, verdict: Verdict) -> bytes:
    """Put a verdict where another machine's results are unpacked; return its bytes."""
    path = Path(world.paths.verdict(verdict.platform, verdict.source))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(verdict))
    return path.read_bytes()


def test_a_result_is_awaited_and_then_used(clone: World) -> None:
    """Before the file is there the platform is not run; then it is used byte for byte, and nothing is asked again."""
    clone.ran()
    assert "/npm/prettify/-/prettify-1.2.3.tgz" in {one.path for one in clone.registry.seen()}
    for platform in ELSEWHERE:
        awaited = clone.verdict(SOURCE, platform)
        assert (awaited.status, awaited.subcategory) == (VerdictStatus.NOT_RUN, Subcategory.NO_RESULT)
    brought = {name: bring(clone, made_elsewhere(clone, name, VerdictStatus.VALIDATED)) for name in ELSEWHERE}
    clone.registry.forget()

    clone.ran()

    for platform, content in brought.items():
        assert Path(clone.paths.verdict(platform, SOURCE)).read_bytes() == content
        assert clone.payload().platforms[platform] == {VerdictStatus.VALIDATED: 1}
    assert clone.registry.seen() == []
    assert "supported" not in clone.recipe(RECIPE)


def test_failures_elsewhere_limit_the_recipe_until_they_pass(clone: World) -> None:
    """musl failing on another machine limits the recipe to glibc; when it passes there, the limit is lifted."""
    clone.ran()
    for platform in MUSL:
        bring(clone, made_elsewhere(clone, platform, VerdictStatus.FAILED))
    clone.ran()
    limited = clone.recipe(RECIPE)
    assert 'supported_libc = ["glibc"]\n' in limited
    assert "unsupported_reason" in limited
    assert clone.payload().included == [SOURCE]

    for platform in MUSL:
        bring(clone, made_elsewhere(clone, platform, VerdictStatus.VALIDATED))
    clone.ran()

    free = clone.recipe(RECIPE)
    assert "libc" not in free
    assert "unsupported" not in free
    limits = [line for line in limited.splitlines() if line not in free.splitlines()]
    assert [line.split(" = ")[0] for line in limits] == ["supported_libc", "unsupported_reason"]


def test_results_that_are_there_from_the_start_are_not_overwritten(clone: World, world: World) -> None:
    """In a fresh clone, with results of all other machines beside it, one run measures only its own platform."""
    world.ran()
    brought = {name: bring(clone, made_elsewhere(world, name, VerdictStatus.FAILED)) for name in MUSL}
    clone.ran()
    assert {name: Path(clone.paths.verdict(name, SOURCE)).read_bytes() for name in brought} == brought
    assert clone.verdict(SOURCE).tier is Tier.NATIVE
    assert 'supported_libc = ["glibc"]' in clone.recipe(RECIPE)


def test_a_measurement_elsewhere_replaces_a_prediction(world: World) -> None:
    """Where this machine only predicts, a result made on that platform counts from the next run on."""
    world.configure(platforms={**world.only_here(), **{name: {"runner": "native"} for name in MUSL}})
    world.queue(world.npm("prettify"))
    world.ran()
    assert {world.verdict(SOURCE, name).tier for name in MUSL} == {Tier.STATIC}
    for platform in MUSL:
        bring(world, made_elsewhere(world, platform, VerdictStatus.FAILED))

    world.ran()

    assert {world.verdict(SOURCE, name).status for name in MUSL} == {VerdictStatus.FAILED}
    assert 'supported_libc = ["glibc"]' in world.recipe(RECIPE)


@pytest.mark.parametrize("change", ["recipe", "damage"])
def test_a_result_for_another_recipe_is_not_used(clone: World, change: str) -> None:
    """A verdict on other bytes, or a file that is no verdict, counts as none: the platform is not run."""
    clone.ran()
    verdict = made_elsewhere(clone, ELSEWHERE[0], VerdictStatus.FAILED)
    bring(clone, msgspec.structs.replace(verdict, recipe_sha256="1" * 64))
    if change == "damage":
        Path(clone.paths.verdict(ELSEWHERE[0], SOURCE)).write_text('{"status": "failed"')
    clone.ran()
    assert clone.verdict(SOURCE, ELSEWHERE[0]).status is VerdictStatus.NOT_RUN
    assert "unsupported" not in clone.recipe(RECIPE)
