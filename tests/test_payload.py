"""The payload: each package is in or out with a reason, and nothing merges by itself that a person should see."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import PayloadConfig
from pipeline.constraints import PASSED, derive
from pipeline.model import License, Origin, VerdictStatus
from pipeline.payload import Exclusion, auto_merge, build, success, title
from pipeline.platforms import BY_ID
from tests.builders_payload import HOST, batch, evidence, left_out, merged, recipe_bytes, statuses

CONFIG = PayloadConfig(branch_prefix="batch/", labels=["recipes", "automated"])
V = VerdictStatus


def payload_of(*records, recipes=None, sources=None, held=None):
    """Return the payload of a batch that holds these records."""
    given_sources = sources or [record.source for record in records]
    given_recipes = {r.source: recipe_bytes(r.source) for r in records} if recipes is None else recipes
    return build(batch(*given_sources), records, CONFIG, given_recipes, held or {})


def reason_of(payload, source):
    """Return why a source is not in the pull request."""
    return next(each.reason for each in payload.excluded if each.source == source)


@st.composite
def packages(draw):
    """Draw a batch with some merged results, some missing, some recipes missing or of other bytes."""
    sources = draw(st.lists(st.sampled_from([f"{e}:p{i}" for e in ("npm", "pypi") for i in range(6)]), unique=True))
    records, recipes = [], {}
    for source in sources:
        found = draw(st.dictionaries(st.sampled_from(sorted(BY_ID)), st.sampled_from(list(V))))
        derived = derive(found, predictions="report", reasons={})
        kind = draw(st.sampled_from(["merged", "merged", "skipped", "held", "absent"]))
        if kind == "merged":
            limits = {"constraints": derived.constraints, "over_excluded": list(derived.over_excluded)}
            records.append(merged(source, statuses=found, **limits))
        elif kind != "absent":
            records.append(left_out(source, f"{kind}: why", outcome=kind))
        if draw(st.integers(0, 4)):
            recipes[source] = recipe_bytes(source if draw(st.integers(0, 4)) else "another")
    return sources, records, recipes


@given(packages(), st.randoms(use_true_random=False))
def test_each_package_of_the_batch_is_in_exactly_one_of_the_two(drawn, random):
    """Included or excluded with a reason: nothing is lost, nothing is twice, whatever order the records come in."""
    sources, records, recipes = drawn
    payload = build(batch(*sources), records, CONFIG, recipes, {})
    excluded = [each.source for each in payload.excluded]
    assert Counter([*payload.included, *excluded]) == Counter(sources)
    assert all(each.reason for each in payload.excluded)
    shuffled = random.sample(records, len(records))
    assert build(batch(*sources), shuffled, CONFIG, recipes, {}) == payload


@given(packages())
def test_what_is_included_really_ran_and_is_what_was_validated(drawn):
    """Each included package has a real pass that its constraints admit, its own file, and the validated bytes."""
    sources, records, recipes = drawn
    payload = build(batch(*sources), records, CONFIG, recipes, {})
    by_source = {record.source: record for record in records}
    for source, file in zip(payload.included, payload.files, strict=True):
        record = by_source[source]
        passed = {platform for platform, status in record.statuses.items() if status in PASSED}
        assert passed - set(record.over_excluded)
        assert (file.path, file.sha256) == (record.recipe_path, record.recipe_sha256)
    assert len({file.path for file in payload.files}) == len(payload.files)


@given(packages())
def test_platform_counts_are_those_of_the_batch(drawn):
    """Every status of every record is counted once."""
    sources, records, recipes = drawn
    payload = build(batch(*sources), records, CONFIG, recipes, {})
    counted = sum(sum(counts.values()) for counts in payload.platforms.values())
    assert counted == sum(len(record.statuses) for record in records)


@pytest.mark.parametrize(
    ("record", "recipe", "reason"),
    [
        (left_out("npm:a", "no_executables: it installs no command"), None, "no_executables: it installs no command"),
        (left_out("npm:a", "", outcome="failed"), None, f"{Exclusion.NOT_GENERATED}: failed"),
        (merged("npm:a"), None, f"{Exclusion.NO_RECIPE}: its record names a recipe that is not there"),
        (merged("npm:a"), b"other", f"{Exclusion.DIGEST_MISMATCH}: its recipe is not the one that was validated"),
        (
            merged("npm:a", statuses=statuses(linux_debian_glibc_x86_64=V.FAILED), reasons={HOST: "exit code 1"}),
            recipe_bytes("npm:a"),
            f"{Exclusion.NO_REAL_PASS}: {HOST}: exit code 1",
        ),
        (
            merged("npm:a", statuses=statuses(linux_debian_glibc_x86_64=V.INFRA_ERROR)),
            recipe_bytes("npm:a"),
            f"{Exclusion.NO_REAL_PASS}: 1 infra_error, 10 predicted_pass",
        ),
        (
            merged("npm:a", over_excluded=[HOST]),
            recipe_bytes("npm:a"),
            f"{Exclusion.NO_REAL_PASS}: it passed only where the format cannot tell it from a platform that failed",
        ),
    ],
)
def test_each_reason_says_what_was_missing(record, recipe, reason):
    """A reviewer reads why a package is not there."""
    payload = payload_of(record, recipes={} if recipe is None else {"npm:a": recipe})
    assert reason_of(payload, "npm:a") == reason


def test_a_package_without_any_record_is_named():
    """No package leaves the pipeline without a reason."""
    payload = payload_of(sources=["npm:a"])
    assert reason_of(payload, "npm:a").startswith(Exclusion.NO_RECORD)


def test_of_two_packages_with_one_name_the_first_of_the_batch_has_it():
    """Selection ranks: the one that came first keeps the file."""
    payload = payload_of(merged("pypi:tool"), merged("npm:tool"))
    assert payload.included == ["pypi:tool"]
    assert reason_of(payload, "npm:tool") == "name_collision: pypi:tool has recipes/t/tool.toml"


def test_a_path_that_a_batch_waits_with_is_left_to_it():
    """Two branches that make one file cannot both be merged."""
    waiting = {"recipes/t/tool.toml": "2026-03-01-npm-004"}
    payload = payload_of(merged("pypi:tool"), merged("npm:other"), held=waiting)
    assert payload.included == ["npm:other"]
    assert reason_of(payload, "pypi:tool") == "name_collision: 2026-03-01-npm-004 has recipes/t/tool.toml"


def test_a_clean_pull_request_may_merge_by_itself():
    """Measured, licensed, without commands: nothing speaks against it."""
    payload = payload_of(merged("npm:a"), merged("pypi:b"))
    assert payload.auto_merge.allowed
    assert payload.auto_merge.reasons == []
    assert payload.branch == "batch/2026-03-02-mixed-001"
    assert payload.labels == ["recipes", "automated"]
    assert payload.title == "Add 2 recipes (npm, pypi) [2026-03-02-mixed-001]"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"runs_commands": True}, "run_command"),
        ({"evidence": evidence(license=License(spdx=None, declared="?", origin=Origin.REGISTRY))}, "unknown licence"),
        ({"evidence": None}, "unknown licence"),
        ({"statuses": dict.fromkeys(BY_ID, V.PREDICTED_PASS)}, "not really run"),
        ({"over_excluded": [HOST]}, "not really run"),
    ],
)
def test_what_a_person_must_see_never_merges_by_itself(fields, words):
    """Each of the rules alone is enough, and names its package."""
    verdict = auto_merge([merged("npm:good"), merged("npm:bad", **fields)])
    assert not verdict.allowed
    assert len(verdict.reasons) == 1
    assert "npm:bad" in verdict.reasons[0]
    assert words in verdict.reasons[0]


def test_nothing_to_merge_is_not_merged():
    """An empty pull request is no success."""
    payload = payload_of(left_out("npm:a", "deprecated: use b"))
    assert payload.auto_merge == msgspec.convert(
        {"allowed": False, "reasons": ["there is nothing to merge"]}, type(payload.auto_merge)
    )
    assert payload.title == "Add no recipes: none of the batch passed [2026-03-02-mixed-001]"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([merged("npm:@scope/tool")], "Add tool (npm)"),
        ([merged("npm:tool", replaces_sha256="0" * 64)], "Update tool (npm)"),
        ([merged("npm:a"), merged("npm:b", replaces_sha256="0" * 64)], "Add 1 and update 1 recipes (npm)"),
        ([merged("npm:" + "x" * 90)], "Add 1 recipe (npm)"),
        ([merged(f"eco-system-number-{i}:x") for i in range(9)], "Add 9 recipes"),
    ],
)
def test_the_title_says_what_changes_in_72_characters(records, expected):
    """With the batch's id; it is the subject of the commit as well."""
    assert title(records, "2026-03-02-mixed-001") == f"{expected} [2026-03-02-mixed-001]"
    assert len(f"{expected} [2026-03-02-mixed-001]") <= 72


def test_success_counts_what_was_attempted():
    """A package that control held back was not attempted; one that failed was."""
    records = [
        merged("npm:a"),
        left_out("npm:b", "deprecated: x"),
        left_out("npm:c", "breaker_open: x", outcome="held"),
    ]
    assert success(payload_of(*records, sources=["npm:a", "npm:b", "npm:c", "npm:d"]), records) == (1, 2)
