"""What people add: all or nothing, once."""

import pytest

from pipeline.errors import BadInput, UnknownName
from pipeline.model import Confidence, EntryStatus
from pipeline.seeding.additions import Asked, additions
from tests.builders import entry, queue
from tests.seeding.test_merge import AT, MADE, RULES

QUEUE = queue(entry("npm:prettier"), entry("cargo:bat", status=EntryStatus.EXCLUDED))


def add(*sources: str, **fields: object):
    return additions(QUEUE, Asked(sources=sources, **fields), RULES, MADE, at=AT, dry_run=False)


def test_a_person_is_sure():
    """What is named is pending, curated and without a rank, at the end in the order in which it was named."""
    done = add("pypi:black", "npm:@angular/cli", "pypi:black", "npm:prettier")
    assert [(one.source, one.name) for one in done.added] == [
        ("pypi:black", "black"),
        ("npm:@angular/cli", "angular-cli"),
    ]
    assert {(one.status, one.confidence, one.rank, one.priority) for one in done.added} == {
        (EntryStatus.PENDING, Confidence.CURATED, None, 2)
    }
    assert {(one.added_at, one.disambiguated_at) for one in done.added} == {(AT, AT)}
    assert [one.source for one in done.known] == ["npm:prettier"]


def test_a_name_a_priority_and_room_can_be_given():
    """They are a person's to decide."""
    (done,) = add("cargo:fd-find", name="fd", priority=1, heavy=True).added
    assert (done.name, done.priority, done.heavy) == ("fd", 1, True)


@pytest.mark.parametrize(
    ("sources", "fields", "kind", "said"),
    [
        ((), {}, BadInput, "names no source"),
        (("npm:a", "npm:b"), {"name": "x"}, BadInput, "--name is for one source"),
        (("nmp:a",), {}, UnknownName, "did you mean npm?"),
        (("npm:a", "npm:.b"), {}, BadInput, "no source has this form"),
        (("npm:a", "cargo:9"), {}, BadInput, "cannot be the name of a crate"),
        (("homebrew:a/b/c",), {}, BadInput, "a tap is another repository"),
        (("cask:a",), {}, BadInput, "cask has no generator"),
        (("npm:a",), {"name": "__"}, BadInput, "give it one with --name"),
        (("pypi:prettier",), {}, BadInput, "its recipe would be that of npm:prettier"),
        (("npm:a", "pypi:a"), {}, BadInput, "its recipe would be that of npm:a"),
    ],
)
def test_one_that_is_wrong_stops_all(sources, fields, kind, said):
    """With its rule and what to do, in one line."""
    with pytest.raises(kind) as caught:
        add(*sources, **fields)
    assert said in caught.value.line()
    assert caught.value.remedy


def test_the_name_of_what_is_excluded_is_free():
    """The person who excluded it wants it from elsewhere."""
    assert [one.source for one in add("npm:bat").added] == ["npm:bat"]
