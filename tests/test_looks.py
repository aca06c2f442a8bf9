"""Whose metadata is looked at again, and in which order."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.history.fingerprint import fingerprint, policy_digest
from pipeline.history.fold import Failure, PackageHistory
from pipeline.instants import timestamp
from pipeline.model import Control, EntryStatus, Subcategory
from pipeline.selection.looks import due_looks, last_look
from pipeline.selection.situation import Situation
from tests.builders import NOW, config, entry, queue

CONFIG = config(quarantine={"recheck_hours": 48, "days": 30})
REVISIONS = {"npm": 1, "pypi": 1}
UPSTREAM = "a" * 64
CURRENT = fingerprint(UPSTREAM, 1, policy_digest(CONFIG))


def failed(days: float, looked: float | None = None, print_of: str | None = CURRENT, **fields) -> PackageHistory:
    """Return a package that failed some days ago, and was perhaps looked at since."""
    at = timestamp(NOW - timedelta(days=days))
    failure = Failure(
        subcategory=Subcategory.VERIFY_ERROR, fingerprint=print_of, upstream=UPSTREAM, message="", since=at, at=at
    )
    rechecked = timestamp(NOW - timedelta(days=looked)) if looked is not None else None
    return PackageHistory(failure=failure, rechecked_at=rechecked, last_tried=at, at=at, **fields)


def due(history, *entries, generators=frozenset({"npm", "pypi"})) -> list[str]:
    """Return the sources that are due; without entries, each package is a failed entry."""
    asked = entries or [entry(source, status=EntryStatus.FAILED) for source in history]
    situation = Situation(
        queue=queue(*asked),
        now=NOW,
        control=Control(),
        config=CONFIG,
        generators=generators,
        revisions=REVISIONS,
        history=history,
    )
    return [case.entry.source for case in due_looks(situation)]


def test_the_longest_not_looked_at_comes_first():
    """A try is a look; of two that were looked at together, the one that is first in the queue."""
    history = {
        "npm:a": failed(9, looked=3),
        "npm:b": failed(8),
        "pypi:c": failed(25, looked=4),
        "npm:d": failed(8),
    }
    assert due(history) == ["npm:b", "npm:d", "pypi:c", "npm:a"]


def test_nobody_is_looked_at_too_often():
    """Two days lie between two looks here, to the second."""
    second = 1 / 86_400
    history = {"npm:a": failed(2), "npm:b": failed(2 - second), "npm:c": failed(9, looked=1), "npm:d": failed(9, 2)}
    assert due(history) == ["npm:a", "npm:d"]


def test_only_what_upstream_alone_could_bring_back_is_looked_at():
    """Not what may be tried anyway: another fingerprint, a change that is known, a quarantine that is over."""
    history = {
        "npm:held": failed(9),
        "npm:old-line": failed(9, print_of=None),
        "npm:new-policy": failed(9, print_of="b" * 64),
        "npm:changed": failed(9, upstream_changed=True),
        "npm:aged": failed(31),
        "npm:transient": PackageHistory(streak=3, at=timestamp(NOW)),
    }
    assert due(history) == ["npm:held", "npm:old-line"]


def test_status_ecosystem_and_queue_decide_who_is_in_quarantine():
    """What waits for a person, needs no try, has no generator or stands a second time is left alone."""
    history = {"npm:a": failed(9), "go:b": failed(9)}
    others = [status for status in EntryStatus if status is not EntryStatus.FAILED]
    assert due(history, *(entry("npm:a", status=status) for status in others)) == []
    assert due(history, entry("npm:a", status=EntryStatus.SUCCESS), entry("npm:a", status=EntryStatus.FAILED)) == []
    assert due(history) == ["npm:a"]
    assert due(history, entry("npm:unknown", status=EntryStatus.FAILED)) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.none() | st.integers(0, 40), st.sampled_from(list(EntryStatus))), max_size=12
    )
)
def test_all_who_are_due_are_there_in_order_of_their_last_look(drawn):
    """Whatever the journal and the queue say."""
    history = {f"npm:p{number}": failed(days, looked) for number, (days, looked, _) in enumerate(drawn)}
    entries = [entry(f"npm:p{number}", status=status) for number, (_, _, status) in enumerate(drawn)]
    found = due(history, *entries) if entries else []
    for number, (days, looked, status) in enumerate(drawn):
        last = min(days, looked if looked is not None else days)
        expected = status is EntryStatus.FAILED and last >= 2 and days < 30
        assert (f"npm:p{number}" in found) is expected
    situation = {source: max(history[source].failure.at, history[source].rechecked_at or "") for source in found}
    assert list(situation.values()) == sorted(situation.values())
    assert len(found) == len(set(found))


def test_the_last_look_of_a_package_that_never_failed_is_long_ago():
    """It has none."""
    case = next(
        Situation(
            queue=queue(entry("npm:a")),
            now=NOW,
            control=Control(),
            config=CONFIG,
            generators=frozenset({"npm"}),
            revisions=REVISIONS,
        ).cases()
    )
    assert last_look(case) == ""
