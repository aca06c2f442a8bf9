"""A recipe that waits for others on one platform did not fail there for its own reasons: nothing is limited by it."""

import pytest

from pipeline.merging import merge
from pipeline.model import Generated, Subcategory, Tier, Verdict, VerdictStatus, WorkOrder
from tests.builders_payload import HOST, evidence
from tests.builders_recipe import recipe
from tests.fakes_program import recipe_text

ORDER = WorkOrder(source="npm:tool", name="tool")
DRAFT = recipe_text("tool")
MUSL = "linux-alpine-musl-x86_64"


def verdict(platform: str, status: VerdictStatus, *blocked_by: str) -> Verdict:
    failed = status is VerdictStatus.FAILED
    return Verdict(
        source="npm:tool",
        version="1.2.3",
        platform=platform,
        recipe_sha256="a" * 64,
        made_from="b" * 64,
        tier=Tier.EXTERNAL,
        status=status,
        subcategory=Subcategory.MISSING_RECIPE if blocked_by else Subcategory.INSTALL_ERROR if failed else None,
        reason="because" if failed else "",
        at="2026-03-02T12:00:00Z",
        blocked_by=list(blocked_by),
    )


def merged(*verdicts: Verdict, draft: str = DRAFT):
    outcome = Generated(recipe=recipe("tool"), recipe_sha256="a" * 64, evidence=evidence(version=""))
    return merge(ORDER, outcome, draft, None, verdicts, "report")


def test_it_stands_in_the_record_and_limits_nothing() -> None:
    """The bytes are those that the program wrote."""
    record, text = merged(verdict(HOST, VerdictStatus.VALIDATED), verdict(MUSL, VerdictStatus.FAILED, "libfoo"))
    assert (record.exclusion, text) == ("", DRAFT)
    assert record.statuses[MUSL] is VerdictStatus.FAILED
    assert record.reasons[MUSL] == "because"


def test_a_failure_of_its_own_limits_it() -> None:
    """Next to one that waits, on another platform."""
    record, text = merged(
        verdict(HOST, VerdictStatus.VALIDATED),
        verdict(MUSL, VerdictStatus.FAILED),
        verdict("darwin-arm64", VerdictStatus.FAILED, "libfoo"),
    )
    assert record.constraints.unsupported_platforms == ["linux/amd64/musl"]
    assert text is not None
    assert text.startswith(DRAFT.partition("homepage")[0])


def test_where_it_passed_nowhere_the_missing_recipe_is_the_reason() -> None:
    record, text = merged(verdict(HOST, VerdictStatus.FAILED, "libfoo"))
    assert (record.exclusion, text) == (f"missing_recipe: because ({HOST})", None)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_line_ends_are_kept(ends: str) -> None:
    draft = DRAFT.replace("\n", ends)
    _, text = merged(verdict(HOST, VerdictStatus.VALIDATED), draft=draft)
    assert text == draft


def test_a_command_of_its_own_is_held_for_a_person() -> None:
    """Whoever wrote it, a shell line is read before it is merged."""
    step = '\n[[steps]]\naction = "run_command"\ncommand = "make install"\n'
    record, text = merged(
        verdict(HOST, VerdictStatus.VALIDATED), draft=DRAFT.replace("\n[verify]", f"{step}\n[verify]")
    )
    assert record.runs_commands
    assert text is not None
    assert record.exclusion == ""
