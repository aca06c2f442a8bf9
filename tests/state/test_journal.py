"""The journal on disk: appended once, read fast, and an index that is never believed against the files."""

import os
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.history.memory import Counts, Memory, in_order, remember
from pipeline.model import AttemptOutcome, Stage
from pipeline.state import journal
from pipeline.store import Paths
from tests.builders_journal import BATCH, BEGAN, at, line, stories

LATER = BEGAN + timedelta(days=20)


@pytest.fixture
def paths(tmp_path):
    return Paths(tmp_path)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Return a function that makes a root for each example of a property."""
    return lambda: Paths(tmp_path_factory.mktemp("root"))


def rebuilt(paths: Paths) -> journal.Folded:
    """Return what the files come to without an index, and leave the one that is there."""
    kept = paths.journal_index.read_bytes() if paths.journal_index.exists() else None
    paths.journal_index.unlink(missing_ok=True)
    folded = journal.load(paths, LATER)
    paths.journal_index.unlink(missing_ok=True)
    if kept is not None:
        paths.journal_index.write_bytes(kept)
    return folded


def month(paths: Paths, name: str = "2026-03"):
    return paths.journal_folder / f"{name}.jsonl"


# ------------------------------------------------------------------------------------------------ appending


def test_each_line_goes_to_the_month_of_its_time_in_utc(paths):
    """A line written in another zone on the eve of a month belongs to the month of the others."""
    eve = line(0, at="2026-03-31T23:30:00-02:00")
    assert journal.append(paths, [line(0), eve]) == 2
    assert [path.name for path in sorted(paths.journal_folder.iterdir())] == ["2026-03.jsonl", "2026-04.jsonl"]
    assert list(journal.since(paths, BEGAN))[-1].at == "2026-04-01T01:30:00Z"


@given(stories, st.integers(min_value=0, max_value=30))
@settings(max_examples=50)
def test_appending_again_appends_only_what_is_new(fresh, story, cut):
    """A publication that was killed and is repeated leaves each line once."""
    paths = fresh()
    first = journal.append(paths, story[:cut])
    rest = journal.append(paths, story)
    assert first + rest == len(in_order(story))
    assert journal.append(paths, story) == 0
    lines = [text for path in paths.journal_folder.glob("*") for text in path.read_bytes().splitlines()]
    assert len(lines) == first + rest


def test_a_line_that_was_cut_off_is_appended_again(paths):
    """The torn one stays where it is and counts for nothing."""
    journal.append(paths, [line(0), line(60)])
    whole = month(paths).read_bytes()
    month(paths).write_bytes(whole[:-30])
    assert journal.append(paths, [line(0), line(60)]) == 1
    assert journal.history(paths)["npm:tool"].tries == 2
    assert month(paths).read_bytes().startswith(whole[:-30] + b"\n")


def test_only_the_newline_of_the_last_line_is_missing(paths):
    """A crash can cut just that: the line counts, and is not appended a second time."""
    journal.append(paths, [line(0)])
    month(paths).write_bytes(month(paths).read_bytes().rstrip(b"\n"))
    assert journal.history(paths)["npm:tool"].tries == 1
    assert journal.append(paths, [line(0)]) == 0
    assert journal.append(paths, [line(60)]) == 1
    assert journal.history(paths)["npm:tool"].tries == 2
    assert rebuilt(paths).damaged == 0


def test_a_time_that_no_calendar_has_is_not_written(paths):
    """There is no month for it."""
    with pytest.raises(ValueError, match="2026-02-30"):
        journal.append(paths, [line(0, at="2026-02-30T12:00:00Z")])
    assert not paths.journal_folder.exists()


# ------------------------------------------------------------------------------------------------ reading


def test_an_empty_root_has_no_history_and_gets_no_index(paths):
    """Looking must not write where there is nothing to remember."""
    assert journal.history(paths, LATER) == {}
    assert journal.load(paths, LATER).memory.recent(LATER, 30) == Counts()
    assert journal.of_source(paths, "npm:tool", 5) == []
    assert list(paths.root.iterdir()) == []


def test_the_last_lines_of_a_package_come_newest_last(paths):
    """Also across months, and not those of a package whose name begins alike."""
    lines = [line(minutes, platform="p") for minutes in (0, 60, 60 * 24 * 3, 60 * 24 * 4)]
    journal.append(paths, [*reversed(lines), line(30, source="npm:tool-kit"), line(31, message='said "npm:tool"')])
    assert [each.at for each in journal.of_source(paths, "npm:tool", 3)] == [at(60), at(60 * 24 * 3), at(60 * 24 * 4)]
    assert len(journal.of_source(paths, "npm:tool", 50)) == 5
    assert journal.of_source(paths, "npm:tool", 0) == []


def test_the_lines_of_a_batch_come_from_all_months(paths):
    """A batch may be published in the month after the one in which it was made."""
    mine = [line(0, stage=Stage.GENERATE), line(60 * 24 * 3)]
    journal.append(paths, [*reversed(mine), line(5, batch_id="2026-03-30-npm-002")])
    assert journal.of_batch(paths, BATCH) == mine


def test_older_months_are_not_opened(paths):
    """The budget's week must not cost more as the years pass."""
    journal.append(paths, [line(0), line(60), line(60 * 24 * 3), line(60 * 24 * 4, at=at(60 * 24 * 4)[:-1] + ".5Z")])
    month(paths).unlink()
    month(paths).mkdir()  # opening it would be an error
    found = list(journal.since(paths, BEGAN + timedelta(days=3, seconds=1)))
    assert [each.at for each in found] == [at(60 * 24 * 4)]


def test_lines_of_the_first_moment_itself_are_among_those_since(paths):
    """The week begins with its first second."""
    journal.append(paths, [line(0), line(60), line(120)])
    assert [each.at for each in journal.since(paths, BEGAN + timedelta(minutes=60))] == [at(60), at(120)]


def test_files_of_other_names_are_not_the_journal(paths):
    """An editor's copy would double every count."""
    journal.append(paths, [line(0)])
    for name in ("2026-03.jsonl~", "2026-03.jsonl.orig", "notes.jsonl"):
        (paths.journal_folder / name).write_bytes(month(paths).read_bytes())
    assert journal.history(paths)["npm:tool"].tries == 1


# ------------------------------------------------------------------------------------------------ index


@given(stories, st.lists(st.integers(min_value=0, max_value=30), max_size=4))
@settings(max_examples=60)
def test_the_index_never_says_anything_else_than_the_files(fresh, story, cuts):
    """Lines that come piece by piece, in any order, give what all of them give at once."""
    paths = fresh()
    for cut in sorted(cuts):
        journal.append(paths, story[:cut])
        journal.load(paths, LATER)
    journal.append(paths, story)
    assert journal.load(paths, LATER).memory == remember(Memory(), in_order(story))
    assert journal.load(paths, LATER).memory == rebuilt(paths).memory


def test_new_lines_are_folded_without_reading_the_old_ones(paths):
    """What the index has is taken from it: its own mark is still there afterwards."""
    journal.append(paths, [line(0)])
    folded = journal.load(paths, LATER)
    marked = msgspec.structs.replace(folded, damaged=7)
    paths.journal_index.write_bytes(msgspec.json.encode(marked))
    journal.append(paths, [line(60)])
    again = journal.load(paths, LATER)
    assert again.damaged == 7
    assert again.memory.packages["npm:tool"].tries == 2


def test_an_index_that_fits_is_not_written_again(paths):
    """An idle hour costs no write."""
    journal.append(paths, [line(0)])
    journal.load(paths, LATER)
    before = paths.journal_index.stat()
    assert journal.load(paths, LATER) == journal.load(paths, LATER)
    assert paths.journal_index.stat().st_ino == before.st_ino


def damaged_index(paths: Paths) -> None:
    paths.journal_index.write_bytes(paths.journal_index.read_bytes()[:-20])


def missing_index(paths: Paths) -> None:
    paths.journal_index.unlink()


def folder_for_index(paths: Paths) -> None:
    paths.journal_index.unlink()
    paths.journal_index.mkdir()


def index_of_other_code(paths: Paths) -> None:
    folded = msgspec.json.decode(paths.journal_index.read_bytes(), type=journal.Folded)
    other = msgspec.structs.replace(folded, code="0" * 64, memory=Memory())
    paths.journal_index.write_bytes(msgspec.json.encode(other))


def line_in_between(paths: Paths) -> None:
    first, *rest = month(paths).read_bytes().splitlines(keepends=True)
    new = msgspec.json.encode(line(1, batch_id="2026-03-30-npm-009")) + b"\n"
    month(paths).write_bytes(b"".join([first, new, *rest]))


def lines_of_another_branch(paths: Paths) -> None:
    text = month(paths).read_bytes()
    month(paths).write_bytes(text.replace(b'"failed"', b'"transient"').ljust(len(text), b"\n"))


def month_taken_away(paths: Paths) -> None:
    month(paths, "2026-04").unlink()


def month_cut_short(paths: Paths) -> None:
    month(paths).write_bytes(month(paths).read_bytes().splitlines(keepends=True)[0])


def line_of_the_past_appended(paths: Paths) -> None:
    journal.append(paths, [line(30, outcome=AttemptOutcome.TRANSIENT)])


@pytest.mark.parametrize(
    "happens",
    [
        damaged_index,
        missing_index,
        folder_for_index,
        index_of_other_code,
        line_in_between,
        lines_of_another_branch,
        month_taken_away,
        month_cut_short,
        line_of_the_past_appended,
    ],
)
def test_an_index_that_does_not_fit_is_made_again(paths, happens):
    """Whatever happens to the index or to the files behind its back, the files are right."""
    journal.append(paths, [line(0), line(60), line(60 * 24 * 3)])
    journal.load(paths, LATER)
    happens(paths)
    found = journal.load(paths, LATER).memory
    if paths.journal_index.is_dir():
        paths.journal_index.rmdir()
    assert found == rebuilt(paths).memory


def test_an_index_that_cannot_be_kept_costs_time_only(paths):
    """A build folder that is a file is another command's error, not that of reading history."""
    journal.append(paths, [line(0)])
    paths.build.write_text("in the way")
    assert journal.history(paths, LATER)["npm:tool"].tries == 1


def test_a_file_that_only_got_a_new_time_is_not_read_as_changed(paths):
    """A checkout touches files; the index goes on from where it was."""
    journal.append(paths, [line(0)])
    marked = msgspec.structs.replace(journal.load(paths, LATER), damaged=7)
    paths.journal_index.write_bytes(msgspec.json.encode(marked))
    os.utime(month(paths), (1, 1))
    assert journal.load(paths, LATER).damaged == 7


def test_a_line_that_is_being_written_is_read_when_it_is_whole(paths):
    """Half of it is neither history nor damage."""
    journal.append(paths, [line(0)])
    whole = month(paths).read_bytes()
    text = msgspec.json.encode(line(60)) + b"\n"
    month(paths).write_bytes(whole + text[:50])
    half = journal.load(paths, LATER)
    assert (half.memory.packages["npm:tool"].tries, half.damaged) == (1, 0)
    month(paths).write_bytes(whole + text)
    assert journal.load(paths, LATER).memory.packages["npm:tool"].tries == 2


def test_damaged_lines_are_counted_and_cost_only_themselves(paths):
    """Marks of a merge, a line of an impossible day, and blank lines, which are no damage."""
    journal.append(paths, [line(0)])
    impossible = msgspec.json.encode(line(0, at="2026-02-30T12:00:00Z"))
    with month(paths).open("ab") as file:
        file.write(b"<<<<<<< ours\n\n   \r\n" + impossible + b"\n")
    journal.append(paths, [line(60)])
    folded = journal.load(paths, LATER)
    assert (folded.memory.packages["npm:tool"].tries, folded.damaged) == (2, 2)
    assert journal.load(paths, LATER).damaged == 2


def test_lines_that_another_program_wrote_count_too(paths):
    """Blanks, another order of the keys and an offset of time are still JSON and still a time."""
    paths.journal_folder.mkdir(parents=True)
    month(paths).write_text(
        '{ "at": "2026-03-31T02:00:00+02:00", "outcome": "failed", "stage": "payload", "source": "npm:tool" }\n'
        '{ "at": "2026-03-31T02:00:00+02:00", "outcome": "failed", "stage": "generate", "source": "npm:tool" }\n'
    )
    known = journal.history(paths, LATER)["npm:tool"]
    assert (known.tries, known.last_tried) == (1, "2026-03-31T00:00:00Z")
    assert len(journal.of_source(paths, "npm:tool", 5)) == 2


# ------------------------------------------------------------------------------------------------ a wrong clock


def test_lines_of_the_future_count_when_their_time_has_come(paths):
    """A clock that was once wrong must not keep a package away for 70 years, nor free it for as long."""
    journal.append(paths, [line(0), line(0, at="2096-01-01T00:00:00Z", outcome=AttemptOutcome.TRANSIENT)])
    assert journal.history(paths, LATER)["npm:tool"].last_tried == at(0)
    journal.append(paths, [line(60)])
    known = journal.history(paths, LATER)["npm:tool"]
    assert (known.last_tried, known.streak) == (at(60), 0)
    then = journal.history(paths, LATER.replace(year=2097))["npm:tool"]
    assert (then.last_tried, then.streak) == ("2096-01-01T00:00:00Z", 1)


def test_a_clock_that_goes_back_takes_back_what_it_had_let_in(paths):
    """The index of a wrong clock is not believed by the right one."""
    journal.append(paths, [line(0), line(0, at="2096-01-01T00:00:00Z")])
    assert journal.history(paths, LATER.replace(year=2097))["npm:tool"].tries == 2
    assert journal.history(paths, LATER)["npm:tool"].tries == 1


def test_clocks_of_several_machines_may_differ_a_little(paths):
    """A result that another machine made some minutes ahead counts at once."""
    journal.append(paths, [line(10)])
    assert journal.history(paths, BEGAN)["npm:tool"].tries == 1


def test_shares_are_counted_through_the_index(paths):
    """Selection asks how much of a month's attempts were tries again."""
    journal.append(paths, [line(0), line(60), line(120, source="npm:other", outcome=AttemptOutcome.SUCCEEDED)])
    known = journal.load(paths, LATER).memory
    assert known.recent(BEGAN + timedelta(days=1), 30) == Counts(attempts=3, again=1)
    assert known.recent(LATER, 3) == Counts()
