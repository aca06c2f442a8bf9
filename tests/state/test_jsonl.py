"""Files of lines: what is appended is read again, and damage costs only the damaged lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInput, PipelineError
from pipeline.model import Attempt, AttemptOutcome, Record, SourceId, Stage
from pipeline.state.jsonl import append_lines, read_lines


class Line(Record, frozen=True, kw_only=True):
    source: SourceId
    number: int = 0


def line(number: int) -> Line:
    return Line(source="npm:tool", number=number)


def attempt(source: str) -> Attempt:
    return Attempt(source=source, stage=Stage.REQUEUE, outcome=AttemptOutcome.REQUEUED, at="2026-03-02T12:00:00Z")


def test_what_is_appended_is_read_in_order(tmp_path):
    """Two calls make one file; its folder need not be there."""
    path = tmp_path / "new" / "lines.jsonl"
    append_lines(path, [line(1), line(2)])
    append_lines(path, [line(3)])
    assert [each.number for each in read_lines(path, Line)] == [1, 2, 3]
    assert len(path.read_bytes().splitlines()) == 3


def test_no_file_has_no_lines_and_no_lines_make_no_file(tmp_path):
    """A root that has never done anything is as good as an empty one."""
    path = tmp_path / "lines.jsonl"
    append_lines(path, [])
    assert not path.exists()
    assert list(read_lines(path, Line)) == []


@given(cut=st.integers(min_value=1, max_value=34))
def test_a_torn_last_line_spoils_neither_its_neighbours_nor_what_comes_after(tmp_path_factory, cut):
    """Wherever a crash cut the last line, the lines before it and those appended later are whole."""
    path = tmp_path_factory.mktemp("torn") / "lines.jsonl"
    append_lines(path, [line(1), line(2)])
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    append_lines(path, [line(3)])
    numbers = [each.number for each in read_lines(path, Line)]
    assert numbers in ([1, 3], [1, 2, 3])
    assert path.read_bytes().startswith(content[:-cut])


def test_damaged_lines_are_skipped(tmp_path):
    """Markers of a merge, half lines, other objects and blank lines cost nothing but themselves."""
    path = tmp_path / "lines.jsonl"
    good = b'{"source":"npm:tool","number":1}'
    bad = [b"<<<<<<< HEAD", b'{"source":"npm:to', b"[1]", b'{"source":"no source"}', b"\xff\xfe", b"[" * 100_000]
    path.write_bytes(b"\n".join([good, *bad, b"", b"  \r", good]))
    assert [each.number for each in read_lines(path, Line)] == [1, 1]


def test_a_record_that_breaks_its_own_rules_is_not_written(tmp_path):
    """Nothing of the call is written, not even the good lines before it."""
    path = tmp_path / "lines.jsonl"
    with pytest.raises(BadInput, match="a new line"):
        append_lines(path, [attempt("npm:tool"), attempt("no source")])
    assert not path.exists()


def test_a_folder_in_the_files_place_is_one_line_for_a_person(tmp_path):
    """What cannot be read is not taken for an empty file."""
    with pytest.raises(PipelineError, match="file of lines cannot be read"):
        list(read_lines(tmp_path, Line))
