"""The ledger: what stands of each batch, also after a crash."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history.ledger import given_back, later_batch, standing_files, taken_out, taken_out_at
from pipeline.model import BatchState, LedgerFile
from pipeline.state.ledger import Ledger
from pipeline.store import Paths
from tests.builders_ledger import FILES, ledger_entry


def put(entry, **fields):
    return msgspec.structs.replace(entry, **fields)


def test_the_last_line_of_a_batch_counts(tmp_path):
    """The lines before it stay: the file is only appended to."""
    paths = Paths(tmp_path)
    built = ledger_entry()
    published = put(built, state=BatchState.PUBLISHED, commit="c" * 40)
    other = ledger_entry(batch_id="2026-03-02-npm-002")
    assert [Ledger(paths).append(line) for line in (built, other, published)] == [True, True, True]
    assert Ledger(paths).entries() == {built.batch_id: published, other.batch_id: other}
    assert Ledger(paths).lines(built.batch_id) == [built, published]


def test_the_same_line_is_not_written_twice(tmp_path):
    """A step that is repeated leaves no trace."""
    paths = Paths(tmp_path)
    Ledger(paths).append(ledger_entry())
    before = paths.ledger.read_bytes()
    assert not Ledger(paths).append(ledger_entry())
    assert paths.ledger.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_last_line_costs_only_itself(tmp_path, cut):
    """And the next line stands on one of its own."""
    paths = Paths(tmp_path)
    built, published = ledger_entry(), put(ledger_entry(), state=BatchState.PUBLISHED)
    Ledger(paths).append(built)
    Ledger(paths).append(published)
    paths.ledger.write_bytes(paths.ledger.read_bytes()[: -cut - 1])
    assert Ledger(paths).entries() == {built.batch_id: built}
    Ledger(paths).append(published)
    assert Ledger(paths).entries() == {built.batch_id: published}


def test_ids_of_lines_of_another_version_are_used_up(tmp_path):
    """Nothing else of such a line is known, but its id must not be given out again."""
    paths = Paths(tmp_path)
    paths.ledger.parent.mkdir()
    paths.ledger.write_bytes(b'{"batch_id": "2026-03-02-npm-007", "state": "sold", "price": 3}\n')
    ledger = Ledger(paths)
    assert ledger.ids == ("2026-03-02-npm-007",)
    assert (ledger.entry("2026-03-02-npm-007"), ledger.entries(), ledger.waiting()) == (None, {}, [])


def test_what_waits_for_its_merge_is_found(tmp_path):
    """Half published batches too: their branch may be there."""
    states = dict(zip(("001", "002", "003", "004", "005"), BatchState, strict=True))
    ledger = Ledger(Paths(tmp_path))
    for number, state in states.items():
        ledger.append(ledger_entry(batch_id=f"2026-03-02-npm-{number}", state=state))
    assert [entry.batch_id[-3:] for entry in ledger.waiting()] == ["001", "002"]
    assert [number for number in states if ledger.is_unfinished(f"2026-03-02-npm-{number}")] == ["001"]


@given(
    st.sets(st.sampled_from([file.source for file in FILES])),
    st.sampled_from(sorted(set(BatchState) - {BatchState.CLOSED})),
)
def test_each_recipe_either_stands_or_was_taken_out(gone, state):
    """Or it lost its batch: no recipe is in two of the lists or in none."""
    entry = ledger_entry(state=state, rolled_back=sorted(gone))
    stands, out, lost = standing_files(entry), taken_out(entry), given_back(entry)
    assert sorted(each.path for each in [*stands, *out, *lost]) == sorted(file.path for file in FILES)
    assert not (stands and lost)


@given(st.sets(st.sampled_from([file.source for file in FILES])))
def test_nothing_of_a_batch_that_was_declined_stands_or_was_rolled_back_by_that(gone):
    """What a person took out before keeps having been taken out."""
    entry = ledger_entry(state=BatchState.CLOSED, rolled_back=sorted(gone))
    assert (standing_files(entry), given_back(entry)) == ([], [])
    assert {file.source for file in taken_out(entry)} == gone


def test_a_recipe_was_taken_out_when_the_ledger_first_said_so():
    """Also when the rest of its batch followed later."""
    first = put(ledger_entry(), rolled_back=["npm:a"], at="2026-03-03T00:00:00Z")
    rest = put(ledger_entry(), state=BatchState.ROLLED_BACK, at="2026-03-04T00:00:00Z")
    times = taken_out_at([ledger_entry(), first, rest], first.batch_id)
    assert times == {"npm:a": "2026-03-03T00:00:00Z", "pypi:b": "2026-03-04T00:00:00Z"}


def test_who_put_some_bytes_at_a_path_is_known():
    """So that a rollback can say which batch must be rolled back first."""
    later = ledger_entry(
        batch_id="2026-03-03-npm-001", files=[LedgerFile(source="npm:a", path="recipes/a/a.toml", sha256="d" * 64)]
    )
    assert later_batch([ledger_entry(), later], "recipes/a/a.toml", "d" * 64) == later.batch_id
    assert later_batch([ledger_entry(), later], "recipes/b/b.toml", "d" * 64) is None


@pytest.mark.parametrize("at", ["2026-12-31T23:59:60Z", "2026-11-23T24:00:00Z", "zebra", ""])
def test_a_damaged_time_is_not_the_newest(tmp_path, at):
    """The state is committed with the time of the newest line, which must be one."""
    paths = Paths(tmp_path)
    Ledger(paths).append(ledger_entry())
    with paths.ledger.open("a") as file:
        file.write(f'{{"batch_id":"2026-03-02-npm-002","at":"{at}"}}\n')
    assert Ledger(paths).newest_at == ledger_entry().at
