"""Alarms in words: nothing that a stranger wrote steers what reads them."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alarms.words import annotation, in_words, message, summary, title
from pipeline.model import AlarmKind
from tests.builders_alarm import alarm

HOSTILE = "::error::x%0A\r\n::set-output name=a::b,c:d%\x1b[31m\u202e<!channel> @all `|` <script>"


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_annotation_is_one_command(named, text):
    """One line, whose property ends where it should, and which can be read back."""
    line = annotation("error", named, text)
    assert "\n" not in line
    assert "\r" not in line
    assert line.startswith("::error title=")
    shown, _, rest = line.removeprefix("::error title=").partition("::")
    assert not set(shown) & set(":,")
    back = shown.replace("%2C", ",").replace("%3A", ":")
    for coded, sign in (("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        back, rest = back.replace(coded, sign), rest.replace(coded, sign)
    assert (back, rest) == (named, text)


@pytest.mark.parametrize("kind", AlarmKind)
def test_each_kind_has_its_title(kind):
    """With its subject, if it has one."""
    assert title(alarm(kind, "npm")).endswith(": npm")
    assert ":" not in title(alarm(kind, ""))


def test_an_alarm_is_one_line_without_signs_that_steer():
    """As a terminal shows it."""
    found = alarm(subject=HOSTILE, value=HOSTILE)
    for text in (title(found), in_words(found)):
        assert text.isprintable()
    assert (
        in_words(alarm()) == "the breaker of npm is open for 36.0 h; allowed: at most 24 h (alarms.breaker_open_hours)"
    )


def test_the_summary_is_a_table_that_a_stranger_cannot_leave():
    """A row for each alarm, its commands as code."""
    text = summary([alarm(subject=HOSTILE, value=HOSTILE), alarm(remedy="run `doit status`, or wait")])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert {line.count("|") for line in rows} == {6}
    assert "<script>" not in text
    assert rows[-1].endswith("| run `doit status`, or wait |")
    assert summary([]) == ""


def test_a_message_holds_its_records_and_mentions_nobody():
    """Chat rooms take `<!channel>` for a call to all."""
    changes = [alarm(subject=HOSTILE, value=HOSTILE), alarm(cleared=True)]
    body = json.loads(msgspec.json.encode(message(changes)))
    assert sorted(body) == ["alarms", "text"]
    first, rang, ended = body["text"].split("\n")
    assert first == "recipeline"
    assert rang.startswith("ALARM breaker open: ")
    assert "<" not in rang
    assert ended.startswith("ended breaker open: npm: ")
    assert [each["cleared"] for each in body["alarms"]] == [False, True]


def test_a_message_has_its_limit():
    """A registry that changed a thousand files is one message that can be read; the records are all there."""
    body = message([alarm(subject=f"npm:{number}", value="x" * 9999) for number in range(1000)])
    assert body.text.endswith("\nand 980 others")
    assert len(body.text) < 12_000
    assert len(body.alarms) == 1000
