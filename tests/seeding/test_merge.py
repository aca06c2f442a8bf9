"""Proposals over a queue: what is new, known, the same tool elsewhere, doubtful or refused, and what never changes."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ecosystems import ECOSYSTEMS
from pipeline.model import Confidence, EntryStatus, Queue, QueueEntry
from pipeline.seeding.base import Proposal
from pipeline.seeding.merge import (
    OTHER_REPOSITORY,
    SHARED_REPOSITORY,
    UNKNOWN_REPOSITORY,
    Merged,
    Seedbed,
    merge,
)
from pipeline.seeding.naming import Reason
from pipeline.seeding.published import Published
from tests.builders import entry, queue

AT = "2026-03-02T12:00:00Z"
RULES = {name: module.identifier_defect for name, module in ECOSYSTEMS.items()}
MADE = {"npm": True, "pypi": True, "cargo": True, "go": True, "github": True, "homebrew": True, "cask": False}
BAT = "https://github.com/sharkdp/bat"


def bed(*entries: QueueEntry, **fields: object) -> Seedbed:
    defaults = {"published": [], "repositories": {}, "rules": RULES, "ecosystems": MADE, "bands": [10, 50], "at": AT}
    return Seedbed(**{"queue": queue(*entries), **defaults, **fields})


def offer(source: str, rank: int = 1, repository: str = "") -> Proposal:
    return Proposal(source=source, rank=rank, repository=repository)


def pairs(likes) -> list[tuple[str, str]]:
    return [(like.source, like.of) for like in likes]


# ------------------------------------------------------------------------------------ what is new


def test_what_is_new_is_pending_at_the_end_by_rank():
    """The registry's order, whatever the order of the proposals; what is there comes first."""
    done = merge(
        bed(entry("npm:old")), [offer("npm:second", 2), offer("npm:@scope/first", 1, "git+https://git.example/f.git")]
    )
    assert [one.source for one in done.queue.entries] == ["npm:old", "npm:@scope/first", "npm:second"]
    assert done.added[0] == QueueEntry(
        name="first",
        source="npm:@scope/first",
        priority=1,
        status=EntryStatus.PENDING,
        confidence=Confidence.AUTO,
        added_at=AT,
        rank=1,
        repository="https://git.example/f.git",
    )
    assert done.queue.updated_at == AT


@pytest.mark.parametrize(("rank", "priority"), [(1, 1), (10, 1), (11, 2), (50, 2), (51, 3), (1000, 3)])
def test_the_priority_follows_from_the_rank(rank, priority):
    """The bands are the last ranks of priority 1 and 2."""
    (added,) = merge(bed(), [offer("npm:a", rank)]).added
    assert (added.rank, added.priority) == (rank, priority)


def test_what_is_known_changes_nothing():
    """Whatever its status, and also when it stands as an alternative of another entry."""
    known = [entry("npm:a", status=EntryStatus.EXCLUDED), entry("pypi:b", alternatives=["npm:b"])]
    start = bed(*known)
    done = merge(start, [offer("npm:a"), offer("npm:b", 2)])
    assert done.known == ["npm:a", "npm:b"]
    assert done.queue is start.queue


# ------------------------------------------------------------------------------------ the same tool


def test_one_repository_is_one_tool():
    """The later source becomes an alternative; nothing else of the entry changes, also not a person's decision."""
    first = entry("cargo:bat", repository=BAT, status=EntryStatus.EXCLUDED, priority=3)
    done = merge(bed(first), [offer("npm:bat", 1, "git+https://github.com/SharkDP/bat.git")])
    assert done.queue.entries == [msgspec.structs.replace(first, alternatives=["npm:bat"])]
    assert pairs(done.alternatives) == [("npm:bat", "cargo:bat")]


@pytest.mark.parametrize(
    ("known", "proposal"),
    [
        (entry("github:sharkdp/fd"), offer("cargo:fd-find", 1, "https://github.com/sharkdp/fd")),
        (entry("go:github.com/rhysd/actionlint/cmd/actionlint"), offer("github:rhysd/actionlint")),
        (entry("cargo:fd-find", name="fd", repository="https://github.com/sharkdp/fd/"), offer("github:sharkdp/fd")),
    ],
)
def test_a_repository_is_known_from_the_identifier_too(known, proposal):
    """GitHub's and many of Go's identifiers say where the sources lie; names may differ."""
    done = merge(bed(known), [proposal])
    assert pairs(done.alternatives) == [(proposal.source, known.source)]


def test_a_repository_that_was_read_before_counts():
    """A person's entry names none, but its recipe was made once."""
    done = merge(bed(entry("cargo:bat"), repositories={"cargo:bat": BAT}), [offer("npm:bat", 1, BAT)])
    assert pairs(done.alternatives) == [("npm:bat", "cargo:bat")]


@pytest.mark.parametrize(
    ("repository", "why"), [("", UNKNOWN_REPOSITORY), ("https://github.com/x/bat", OTHER_REPOSITORY)]
)
def test_the_same_name_alone_is_doubtful(repository, why):
    """It waits for a person, with what it may be the same tool as."""
    done = merge(bed(entry("cargo:bat", repository=BAT)), [offer("npm:bat", 3, repository)])
    (doubt,) = done.doubtful
    assert (doubt.source, doubt.of, doubt.why) == ("npm:bat", "cargo:bat", why)
    new = done.queue.entries[-1]
    assert (new.status, new.confidence, new.rank) == (EntryStatus.REQUIRES_MANUAL, Confidence.DOUBTFUL, 3)
    assert new.alternatives == ["cargo:bat"]
    assert done.added == []


def test_a_doubt_lasts_and_a_decision_too():
    """Seeding again leaves both as they are, also once the repository is known."""
    doubtful = merge(bed(entry("cargo:bat")), [offer("npm:bat")]).queue
    again = merge(bed(*doubtful.entries, repositories={"cargo:bat": BAT}), [offer("npm:bat", 1, BAT)])
    assert again.queue.entries == doubtful.entries
    decided = [doubtful.entries[0], msgspec.structs.replace(doubtful.entries[1], status=EntryStatus.PENDING)]
    assert merge(bed(*decided), [offer("npm:bat")]).queue.entries == decided


def test_packages_of_one_repository_are_many_tools():
    """In one registry names tell apart; elsewhere nobody knows which of them is meant."""
    shared = "https://github.com/org/tools"
    done = merge(bed(), [offer("npm:a", 1, shared), offer("npm:b", 2, shared), offer("cargo:c", 1, shared)])
    assert [one.source for one in done.added] == ["cargo:c"]
    assert pairs(done.doubtful) == [("npm:a", "cargo:c"), ("npm:b", "cargo:c")]
    assert {doubt.why for doubt in done.doubtful} == {SHARED_REPOSITORY}


def test_two_packages_that_would_give_one_recipe_are_not_both_tried():
    """A scope tells two npm packages apart, but a recipe's name does not."""
    done = merge(bed(), [offer("npm:serve", 1), offer("npm:@other/serve", 2)])
    assert [one.source for one in done.added] == ["npm:serve"]
    assert pairs(done.doubtful) == [("npm:@other/serve", "npm:serve")]


@pytest.mark.parametrize(
    ("recipe", "proposal", "where"),
    [
        (Published(name="bat", source="cargo:bat", homepage=BAT), offer("cargo:bat"), "known"),
        (Published(name="bat", source="cargo:bat", homepage=BAT), offer("npm:bat", 1, BAT), "alternatives"),
        (Published(name="bat", source="", homepage="https://bat.example"), offer("npm:bat", 1, BAT), "doubtful"),
    ],
)
def test_recipes_that_are_there_count(recipe, proposal, where):
    """Also those that no entry of the queue has made."""
    done = merge(bed(published=[recipe]), [proposal])
    assert {name for name in ("added", "known", "alternatives", "doubtful", "refused") if getattr(done, name)} == {
        where
    }
    assert len(done.queue.entries) == (where == "doubtful")


# ------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("homebrew:owner/tap/x", Reason.TAP),
        ("cask:owner/tap/x", Reason.TAP),
        ("manual:make", Reason.UNKNOWN_ECOSYSTEM),
        ("cask:firefox", Reason.NO_GENERATOR),
        ("npm:.hidden", Reason.BAD_SOURCE),
        ("npm:a;rm", Reason.BAD_SOURCE),
        ("npm:a\nb", Reason.BAD_SOURCE),
        ("npm:", Reason.BAD_SOURCE),
        ("cargo:9lives", Reason.BAD_IDENTIFIER),
        ("go:nodots", Reason.BAD_IDENTIFIER),
        ("npm:_~", Reason.BAD_NAME),
        ("npm:___", Reason.BAD_NAME),
    ],
)
def test_what_can_never_work_is_refused_with_its_reason(source, reason):
    """It never comes into the queue, and the reason is one line that says what to do."""
    done = merge(bed(), [offer(source)])
    (refused,) = done.refused
    assert (refused.reason, done.queue.entries) == (reason, [])
    assert (refused.message + refused.remedy + refused.source).isprintable()
    assert refused.remedy


def test_a_source_that_is_offered_twice_counts_once():
    """At its better rank."""
    done = merge(bed(), [offer("npm:a", 7), offer("npm:a", 2)])
    assert [(one.source, one.rank) for one in done.added] == [("npm:a", 2)]
    assert [(one.source, one.reason) for one in done.refused] == [("npm:a", Reason.DUPLICATE)]


# ------------------------------------------------------------------------------------ for any queue and proposals

REPOSITORIES = st.sampled_from(
    ["", "https://github.com/o/a", "git@github.com:o/b.git", "https://git.example/c", "none"]
)
NAMES = st.sampled_from(["a", "b", "@s/a", "@s/cli", "c/d", "owner/tap/x", ".x", "a b", "~"])
SOURCES = st.builds("{}:{}".format, st.sampled_from([*MADE, "nix"]), NAMES)
PROPOSALS = st.lists(st.builds(Proposal, source=SOURCES, rank=st.integers(1, 60), repository=REPOSITORIES), max_size=12)
ENTRIES = st.lists(
    st.builds(
        entry,
        SOURCES.filter(lambda source: " " not in source and ":." not in source and ":~" not in source),
        name=st.sampled_from(["a", "b", "c"]),
        status=st.sampled_from(EntryStatus),
        confidence=st.sampled_from(Confidence),
        priority=st.integers(1, 3),
        repository=st.sampled_from(["", "https://github.com/o/a", "https://github.com/O/B"]),
        heavy=st.booleans(),
        alternatives=st.lists(st.sampled_from(["npm:a", "pypi:b", "cargo:d"]), max_size=2),
    ),
    max_size=6,
)
PUBLISHED = st.lists(
    st.builds(
        Published,
        name=st.sampled_from(["a", "b", "cli"]),
        source=st.sampled_from(["", "npm:a", "cargo:b"]),
        homepage=REPOSITORIES,
    ),
    max_size=3,
)


def after(start: list[QueueEntry], proposals: list[Proposal], published: list[Published]) -> Merged:
    return merge(bed(*start, published=published), proposals)


@settings(max_examples=200)
@given(ENTRIES, PROPOSALS, PUBLISHED)
def test_a_second_time_changes_nothing(start, proposals, published):
    """The same offer again adds nothing, and the queue is the same to the byte."""
    once = after(start, proposals, published)
    twice = after(once.queue.entries, proposals, published)
    assert twice.queue.entries == once.queue.entries
    assert twice.added == twice.doubtful == []


@settings(max_examples=200)
@given(ENTRIES, PROPOSALS, PUBLISHED)
def test_nothing_that_is_there_is_lost_moved_or_decided_anew(start, proposals, published):
    """Of an entry, only its alternatives grow, at their end; a queue that does not change keeps its time."""
    done = after(start, proposals, published)
    kept = done.queue.entries[: len(start)]
    for before, now in zip(start, kept, strict=True):
        assert now.alternatives[: len(before.alternatives)] == before.alternatives
        assert msgspec.structs.replace(now, alternatives=before.alternatives) == before
    assert (done.queue.updated_at == AT) == (done.queue.entries != start)


@settings(max_examples=200)
@given(ENTRIES, PROPOSALS, PUBLISHED, st.randoms(use_true_random=False))
def test_the_order_of_the_proposals_does_not_matter(start, proposals, published, chance: random.Random):
    """Registries answer in pages that may come in any order."""
    shuffled = list(proposals)
    chance.shuffle(shuffled)
    assert after(start, shuffled, published) == after(start, proposals, published)


@settings(max_examples=200)
@given(ENTRIES, PROPOSALS, PUBLISHED)
def test_each_proposal_has_one_answer_and_each_new_entry_is_sound(start, proposals, published):
    """Nothing disappears without a reason, and what is written can be read again."""
    done = after(start, proposals, published)
    told = len(done.added) + len(done.doubtful) + len(done.alternatives) + len(done.known) + len(done.refused)
    assert told == len(proposals)
    assert msgspec.json.decode(msgspec.json.encode(done.queue), type=Queue) == done.queue
    new = done.queue.entries[len(start) :]
    assert [one for one in new if one.status is EntryStatus.PENDING] == done.added
    assert {one.source for one in new} == {one.source for one in [*done.added, *done.doubtful]}
    assert {one.status for one in new} <= {EntryStatus.PENDING, EntryStatus.REQUIRES_MANUAL}


@settings(max_examples=200)
@given(ENTRIES, PROPOSALS, PUBLISHED)
def test_no_two_that_are_tried_by_it_make_one_recipe(start, proposals, published):
    """What is new and pending has a name that nothing else has; a source's second entry is never worked on."""
    done = after(start, proposals, published)
    names = [one.name.lower() for one in done.added]
    assert len(set(names)) == len(names)
    worked_on = {one.source: one for one in reversed(start)}.values()
    assert not set(names) & {one.name for one in [*worked_on, *published]}
