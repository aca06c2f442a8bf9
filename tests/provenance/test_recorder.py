"""What is noted while a recipe is made."""

from datetime import UTC, datetime

import pytest

from pipeline.digests import sha256
from pipeline.ecosystems.base import Answer
from pipeline.model import Gate, Held, Input
from pipeline.provenance.answers import Answers, read
from pipeline.provenance.recorder import Recorder
from pipeline.store import Paths
from tests.builders import config
from tests.fakes_fetcher import NOT_FOUND, DictFetcher

PAGE, FILE = "https://me:word@registry.example/pkg", "https://files.example/pkg.whl"
CONTENT = b"0123456789"


@pytest.fixture
def paths(tmp_path):
    return Paths(tmp_path)


@pytest.fixture
def recorder(paths):
    return Recorder(Answers(paths, config().provenance))


def test_each_answer_is_noted_with_what_was_asked(recorder, paths):
    """Address, form, part, status, digest and sizes; the bytes are kept."""
    fetcher = recorder.around(DictFetcher({PAGE: b"{}", FILE: CONTENT}))
    fetcher.get(PAGE, accept="application/json")
    fetcher.get(FILE, tail_bytes=4)
    fetcher.get(FILE, span=(2, 4))
    assert recorder.inputs == [
        Input(url="https://registry.example/pkg", accept="application/json", status=200, sha256=sha256(b"{}"), size=2),
        Input(url=FILE, range="bytes=-4", status=206, sha256=sha256(b"6789"), size=4, total_size=10),
        Input(url=FILE, range="bytes=2-4", status=206, sha256=sha256(b"234"), size=3, total_size=10),
    ]
    assert read(paths.answers_folder, sha256(b"234"), 3) == b"234"


def test_the_answer_is_handed_on_as_it_came(recorder):
    """Whoever makes a recipe cannot tell that somebody notes."""
    plain = DictFetcher({PAGE: CONTENT})
    noting = recorder.around(DictFetcher({PAGE: CONTENT}))
    for part in ({}, {"tail_bytes": 3}, {"span": (0, 1)}):
        assert noting.get(PAGE, **part) == plain.get(PAGE, **part)


def test_what_did_not_come_is_noted_too(recorder):
    """That there is no such page may decide what is made."""
    assert recorder.around(DictFetcher({})).get(PAGE) == NOT_FOUND
    assert recorder.inputs == [Input(url="https://registry.example/pkg", failed=NOT_FOUND)]


def test_what_control_held_back_was_not_asked(recorder):
    """It leaves no trace, and is asked for again."""
    held = Held(gate=Gate.ECOSYSTEM_DISABLED, message="switched off")
    pages = {PAGE: held}
    fetcher = recorder.around(DictFetcher(pages))
    assert fetcher.get(PAGE) == held
    pages[PAGE] = CONTENT
    assert fetcher.get(PAGE) == Answer(url=PAGE, status=200, content=CONTENT)
    assert len(recorder.inputs) == 1


def test_one_making_sees_one_world(recorder):
    """What is asked for twice is answered as the first time, so that one record says what was read."""
    pages = {PAGE: b"old"}
    fetcher = recorder.around(DictFetcher(pages))
    first = fetcher.get(PAGE)
    pages[PAGE] = b"new"
    assert fetcher.get(PAGE) == first
    assert fetcher.get(PAGE, accept="text/html").content == b"new"
    assert [each.accept for each in recorder.inputs] == ["", "text/html"]


def test_the_time_is_one_that_can_be_read_again(recorder):
    """In whole seconds, as records have it: a replay counts ages to the same moment."""
    now = recorder.begin("https://me:word@registry.example", datetime(2026, 3, 14, 12, 0, 0, 999_999, UTC))
    assert now == datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
    assert (recorder.started_at, recorder.registry) == ("2026-03-14T12:00:00Z", "https://registry.example")
