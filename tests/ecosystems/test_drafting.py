"""What no recipe can hold is refused for all ecosystems alike."""

import pytest

from pipeline.ecosystems.base import Draft
from pipeline.ecosystems.drafting import Cited, Facts, draft, one_step
from pipeline.model import Artifact, Failed, License, Origin, Subcategory, WorkOrder
from tests.ecosystems.samples import NOW


def made(version: str, *executables: str) -> object:
    """Return what is made of a release with such a version."""
    facts = Facts(
        version=Cited(value=version),
        artifact=Artifact(name="tool", url="https://files.example/tool"),
        license=License(spdx=None, declared="", origin=Origin.REGISTRY),
        released="",
        description=Cited(value=""),
        homepages=(),
        repository="",
        executables=frozenset(executables),
        executables_from=Cited(value="commands"),
        steps=one_step("npm_install", "tool"),
    )
    return draft(WorkOrder(source="npm:tool", name="tool"), facts, NOW)


@pytest.mark.parametrize("version", ["1.0\n2.0", "1.0\x1b[31m", "1.0\u202e", "\U000c08d2", "1" * 101])
@pytest.mark.parametrize("executables", [(), ("tool",)])
def test_a_version_that_cannot_be_shown_is_none(version: str, executables: tuple[str, ...]) -> None:
    """It would stand in messages, tables and the pull request; the refusal itself can be shown."""
    found = made(version, *executables)
    assert isinstance(found, Failed)
    assert (found.subcategory, found.message.isprintable()) == (Subcategory.BAD_METADATA, True)


def test_an_odd_version_that_can_be_shown_is_one() -> None:
    """Registries have rules of their own; what is printable is theirs to judge."""
    assert isinstance(made("2024.3-β (final)", "tool"), Draft)
