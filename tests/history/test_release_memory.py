"""What the journal remembers of releases: what was seen, what waits for its age, what is frozen."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history.attempts import attempts_of
from pipeline.history.fold import RELEASES
from pipeline.history.frozen import frozen_packages
from pipeline.history.tries import before_outcome
from pipeline.instants import instant
from pipeline.model import (
    Attempt,
    AttemptOutcome,
    Excluded,
    OutcomeRecord,
    Release,
    Skipped,
    Stage,
    Subcategory,
    VerdictStatus,
)
from pipeline.payload import Owners, build
from pipeline.selection.retry import needs_person
from pipeline.staleness import outcome_is_final, still_waits
from tests.builders import NOW, config
from tests.builders_payload import batch, left_out, merged, recipe_bytes
from tests.builders_selection import before, concluded, told

A = AttemptOutcome
UNTIL = "2026-03-05T12:00:00Z"
AT = "2026-03-02T13:00:00Z"
FIRST = Release(version="1.0.0", artifact="tool-1.0.0.tgz", digest="sha512:aa")
OTHER = msgspec.structs.replace(FIRST, digest="sha512:bb")
RELEASED = st.builds(
    Release,
    version=st.integers(0, 12).map(lambda number: f"1.{number}.0"),
    artifact=st.just("tool.tgz"),
    digest=st.sampled_from(["", "sha512:aa"]),
)


def waits(at: str, **fields: object) -> Attempt:
    """Return the line of a package whose release is too young."""
    return concluded(
        A.DEFERRED, at, **{"subcategory": Subcategory.TOO_YOUNG, "until": UNTIL, "release": FIRST} | fields
    )


def changed(at: str) -> Attempt:
    """Return the line of a package whose release has other bytes than before."""
    cause = Subcategory.CHANGED_BYTES
    return concluded(A.FAILED, at, subcategory=cause, release=OTHER, needs_person=True, message="1.0.0: was aa, now bb")


def asked(at: str) -> Attempt:
    """Return the line of a requeue."""
    return concluded(A.REQUEUED, at, stage=Stage.REQUEUE)


# ------------------------------------------------------------------------------------ in the journal


def lines_of(outcome: Skipped) -> list[Attempt]:
    """Return the lines of a batch of one package that gates stopped."""
    record = OutcomeRecord(
        source="npm:a", name="a", made_from="0" * 64, at=AT, seconds=1, outcome=outcome, release=FIRST
    )
    payload = build(batch("npm:a"), [left_out("npm:a", "too_young: wait")], config().payload, {}, {})
    return attempts_of(batch("npm:a"), {"npm:a": record}, {}, {}, payload, {"npm": 1}, "policy", AT)


def test_a_wait_is_deferred_until_its_moment_and_no_failure():
    """So it costs no attempt, and counts against nobody."""
    made, end = lines_of(Skipped(subcategory=Subcategory.TOO_YOUNG, message="wait", until=UNTIL))
    assert [(line.stage, line.outcome, line.until) for line in (made, end)] == [
        (Stage.GENERATE, A.DEFERRED, UNTIL),
        (Stage.PAYLOAD, A.DEFERRED, UNTIL),
    ]
    assert (end.release, end.fingerprint, end.needs_person) == (FIRST, None, False)


@pytest.mark.parametrize("person", [True, False])
def test_what_a_gate_stops_has_failed_and_says_whether_a_person_is_asked_for(person):
    """With the fingerprint that its quarantine depends on."""
    found = Skipped(subcategory=Subcategory.NAME_CONFUSION, message="like toll", needs_person=person)
    end = lines_of(found)[-1]
    assert (end.outcome, end.subcategory, end.needs_person) == (A.FAILED, Subcategory.NAME_CONFUSION, person)
    assert end.fingerprint is not None
    assert bool(needs_person(told(end), config().quarantine)) == person


def test_an_executable_of_another_package_of_the_batch_asks_for_a_person():
    """The package passed, and still needs one; its conclusion names the other."""
    records = [merged("npm:a", executables=["x"]), merged("npm:b", executables=["y", "x"])]
    recipes = {record.source: recipe_bytes(record.source) for record in records}
    payload = build(batch("npm:a", "npm:b"), records, config().payload, recipes, {}, Owners())
    assert payload.included == ["npm:a"]
    reason = "taken_executable: x is provided by npm:a"
    assert payload.excluded == [Excluded(source="npm:b", reason=reason, needs_person=True)]


@pytest.mark.parametrize(
    ("owners", "included"),
    [
        (None, ["npm:a", "npm:b"]),
        (Owners(approved=frozenset({"npm:b"})), ["npm:a", "npm:b"]),
        (Owners(recipes={"y": ["recipes/y/y.toml"]}), ["npm:a"]),
        (Owners(recipes={"y": ["recipes/b/b.toml"]}, approved=frozenset({"npm:b"})), ["npm:a", "npm:b"]),
    ],
    ids=["only reported", "approved", "a published recipe", "its own recipe"],
)
def test_the_policy_and_a_person_decide_on_what_two_packages_share(owners, included):
    """In the order of the batch, whatever the order in which they were made."""
    records = [merged("npm:b", executables=["y", "x"]), merged("npm:a", executables=["x"])]
    recipes = {record.source: recipe_bytes(record.source) for record in records}
    assert build(batch("npm:a", "npm:b"), records, config().payload, recipes, {}, owners).included == included


def test_a_package_that_is_left_out_keeps_nobody_from_an_executable():
    """The next one gets it."""
    failed = {**merged("npm:a").statuses, "linux-debian-glibc-x86_64": VerdictStatus.FAILED}
    records = [merged("npm:a", executables=["x"], statuses=failed), merged("npm:b", executables=["x"])]
    recipes = {record.source: recipe_bytes(record.source) for record in records}
    assert build(batch("npm:a", "npm:b"), records, config().payload, recipes, {}, Owners()).included == ["npm:b"]


# ------------------------------------------------------------------------------------ in memory


@given(st.lists(RELEASED, max_size=20))
def test_the_last_releases_are_remembered_each_once_with_the_day_they_were_first_seen(seen):
    """However often one is looked at."""
    lines = [concluded(A.DEFERRED, before(days=50 - day), release=one) for day, one in enumerate(seen)]
    known = told(*lines).releases
    assert len(known) <= RELEASES
    keys = [(one.version, one.digest) for one in known]
    assert len(set(keys)) == len(keys)
    if seen:
        assert (seen[-1].version, seen[-1].digest) in keys
    for one in known:
        days = [day for day, each in enumerate(seen) if (each.version, each.digest) == (one.version, one.digest)]
        assert one.since in {before(days=50 - day) for day in days}


def test_a_wait_begins_once_and_ends_with_its_answer():
    """The deadline counts from the first wait; a success or a failure ends it."""
    known = told(waits(before(days=5)), waits(before(days=2)))
    assert (known.due_at, known.held_since, known.deferrals, known.tries) == (UNTIL, before(days=5), 0, 0)
    for end in (A.SUCCEEDED, A.FAILED, A.BLOCKED):
        after = told(waits(before(days=5)), concluded(end, before(days=1)))
        assert (after.due_at, after.held_since) == (None, None)
    lasting = told(waits(before(days=5)), concluded(A.TRANSIENT, before(days=1)))
    assert (lasting.due_at, lasting.held_since) == (None, before(days=5))


def test_changed_bytes_freeze_until_a_person_asks_again():
    """What was seen first stays known while it is frozen; the requeue accepts what there is now."""
    known = told(concluded(A.TRANSIENT, before(days=9), release=FIRST), changed(before(days=5)))
    assert (known.frozen_at, [one.digest for one in known.releases]) == (before(days=5), ["sha512:aa"])
    assert told(changed(before(days=5)), changed(before(days=1))).frozen_at == before(days=5)
    freed = told(concluded(A.TRANSIENT, before(days=9), release=FIRST), changed(before(days=5)), asked(before(days=1)))
    assert (freed.frozen_at, freed.releases, freed.gate_asks) == (None, (), False)


def test_a_requeue_of_what_is_not_frozen_forgets_no_release():
    """Else asking again for a whole ecosystem would make all later changes invisible."""
    known = told(concluded(A.FAILED, before(days=9), release=FIRST), asked(before(days=1)))
    assert [one.digest for one in known.releases] == ["sha512:aa"]


def test_frozen_packages_are_listed_the_longest_first_without_the_excluded():
    """What a person has given up rings no alarm."""
    history = {f"npm:{name}": told(changed(before(days=day))) for name, day in (("a", 1), ("b", 5), ("c", 9))}
    found = frozen_packages(history, frozenset({"npm:c"}))
    assert [(one.source, one.since, one.message) for one in found] == [
        ("npm:b", before(days=5), "1.0.0: was aa, now bb"),
        ("npm:a", before(days=1), "1.0.0: was aa, now bb"),
    ]
    assert frozen_packages(history, frozenset(), ecosystem="pypi") == []


# ------------------------------------------------------------------------------------ in the record


def test_a_wait_is_no_final_result_and_is_not_repeated_before_its_time():
    """From the very moment on it is."""
    wait = Skipped(subcategory=Subcategory.TOO_YOUNG, message="wait", until=UNTIL)
    assert not outcome_is_final(wait)
    assert still_waits(wait, NOW)
    assert not still_waits(wait, instant(UNTIL))
    assert not still_waits(Skipped(subcategory=Subcategory.NO_EXECUTABLES, message="none"), NOW)


def test_a_wait_that_a_result_replaces_was_no_failed_try():
    """The journal is not told of it."""
    wait = Skipped(subcategory=Subcategory.TOO_YOUNG, message="wait", until=UNTIL)
    record = OutcomeRecord(source="npm:a", name="a", made_from="0" * 64, at=AT, seconds=1, outcome=wait)
    assert before_outcome(record, None) == []
