"""The blocks that every command's output is put together from."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.terminal import (
    NARROWEST,
    UNKNOWN_WIDTH,
    Fact,
    Facts,
    Mood,
    Terminal,
    facts,
    heading,
    height,
    hint,
    line,
    minute,
    moments,
    number,
    sections,
    table,
    title,
    visible,
)

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b[2J\x9b31m\r[bold]\u202e\x07\ttab"
ANY_TEXT = st.text(max_size=80) | st.sampled_from([HOSTILE, "very" * 40, "日本" * 30, "a\nb"])


class Tty(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(*parts, file=None, width=None, **environment: str) -> str:
    """Return what a console of these surroundings writes."""
    file = file or io.StringIO()
    Terminal(file=file, environment=environment, width=width).print(*parts)
    return file.getvalue()


def everything(text: str = "words"):
    """Return each block once, with a text of somebody's in it."""
    rows = table("packages", ["reason", "rate"], 80, words=1)
    rows.add_row(visible(text), visible(text), number(1234, "green"))
    return sections(
        title(text, text, Mood.GOOD),
        facts((text, text, Mood.BAD), ("name", text)),
        [heading(text), Facts(facts=[Fact(name="gate", value=text, mood=Mood.IDLE, below=[text])])],
        rows,
        line(text, Mood.WARN),
        hint(text),
    )


# ------------------------------------------------------------------------------------ colours


def test_a_terminal_has_colours_and_a_pipe_has_none():
    """Nobody has to switch them off in a log."""
    assert COLOUR.search(shown(everything(), file=Tty(), TERM="xterm-256color"))
    assert "\x1b" not in shown(everything())


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "unknown"}])
def test_a_terminal_without_abilities_gets_plain_text(environment):
    """It would show the escapes as text."""
    assert "\x1b" not in shown(everything(), file=Tty(), **environment)


def test_no_color_takes_the_colours_away():
    """What is left may be bold or dim, as the convention allows."""
    codes = COLOUR.findall(shown(everything(), file=Tty(), TERM="xterm-256color", NO_COLOR="1"))
    assert [code for code in codes if re.search(r"[\[;](3[0-8]|4[0-8]|9[0-7])[;m]", code)] == []


def test_force_color_colours_a_log_and_makes_no_terminal_of_it():
    """A CI log shows colours, and would be spoilt by a display that is drawn anew."""
    file = io.StringIO()
    terminal = Terminal(file=file, environment={"FORCE_COLOR": "1"})
    terminal.print(everything())
    assert COLOUR.search(file.getvalue())
    assert not terminal.is_watched


@pytest.mark.parametrize("mood", Mood)
def test_a_colour_never_stands_alone(mood):
    """Each mood has a sign of its own, in ASCII, too."""
    assert shown(title("a", mood=mood)).startswith(f"{mood.sign} a")
    signs = {shown(title("a", mood=one), LC_ALL="C")[0] for one in Mood}
    assert len(signs) == len(Mood)
    assert all(sign.isascii() for sign in signs)


# ------------------------------------------------------------------------------------ signs


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C"}, {"LANG": "C"}, {"LANG": "POSIX"}, {"LANG": "C", "LC_CTYPE": "C.UTF-8"}]
)
def test_who_asks_for_plain_signs_gets_them(environment):
    """Also when Python has made UTF-8 of the locale `C`."""
    assert shown(everything(), **environment).isascii()


def test_an_output_that_is_not_utf_8_gets_plain_signs():
    """Nothing crashes, nothing becomes a question mark."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="latin-1", errors="strict")
    Terminal(file=file, environment={}).print(everything())
    file.flush()
    assert raw.getvalue().isascii()
    assert b"?" not in raw.getvalue()


@given(text=ANY_TEXT, width=st.sampled_from([40, 60, 80, 120]))
def test_nothing_that_anybody_wrote_steers_the_terminal(text, width):
    """Every sign that is written can be printed, and no line of facts goes beyond the edge."""
    written = shown(everything(text), width=width)
    assert all(sign.isprintable() or sign == "\n" for sign in written)


def test_what_did_not_come_through_a_block_is_caught_at_the_end():
    """The console itself is the guarantee; square brackets are no markup."""
    assert shown(HOSTILE).startswith("\\u001b[2J\\u009b31m")
    assert "[bold]" in shown(HOSTILE)


# ------------------------------------------------------------------------------------ room


@given(name=st.text(max_size=60), value=st.text(max_size=300), width=st.integers(NARROWEST, 120))
def test_facts_fit_and_keep_every_word(name, value, width):
    """However narrow it is, and however long a name."""
    written = shown(facts((name, value, Mood.GOOD)), width=width)
    assert max(map(len, written.splitlines())) <= width
    kept = "".join(visible(f"{name}{value}").replace("\n", "\\u000a").split())
    assert "".join(written.split()).removeprefix("✓") == kept.removeprefix("✓")


def test_the_values_of_all_sections_stand_below_each_other():
    """A long value goes on in its own column."""
    written = shown(sections(facts(("a", "one " * 40)), facts(("b", "two", Mood.GOOD))), width=60).splitlines()
    begins = {text.index("one") for text in written if "one" in text} | {written[-1].index("two")}
    assert len(begins) == 1


def test_a_number_stays_with_its_unit():
    """`4.0` at the end of a line and `h` on the next would be two things."""
    for width in range(NARROWEST, 90):
        written = shown(
            facts(("age", "p50 4.0 h, p95 12.5 d, 33.3 % of 7 pending, at 2026-03-01 12:00 UTC")), width=width
        )
        lines = [text.split() for text in written.splitlines()]
        assert not any(words[0] in {"h,", "d,", "%", "UTC"} for words in lines)


def test_the_width_of_a_pipe_is_not_that_of_a_terminal():
    """It is the same wherever it is run, unless somebody says otherwise."""
    assert Terminal(file=io.StringIO(), environment={}).width == UNKNOWN_WIDTH
    assert Terminal(file=io.StringIO(), environment={"COLUMNS": "60"}).width == 60
    assert Terminal(file=io.StringIO(), environment={"COLUMNS": "5"}).width == NARROWEST


def test_height_counts_the_lines_that_are_shown():
    """With those that a long line is broken into."""
    assert height(sections(title("a"), hint("b")), 80) == 3
    assert height(facts(("a", "word " * 40)), 60) > 3


# ------------------------------------------------------------------------------------ words


def test_moments_are_shown_the_same_way_everywhere():
    """In a sentence with its zone, in a column without."""
    assert moments("held until 2026-03-01T12:34:56Z by it") == "held until 2026-03-01 12:34 UTC by it"
    assert minute("2026-03-01T12:34:56.789Z") == "2026-03-01 12:34"


def test_visible_text_reads_back_as_json():
    """An escape stands for the sign itself, beyond the first plane, too."""
    text = "\x1b[0m\u202e😀é"
    assert visible(text, plain=True).isascii()
    assert (
        visible(text, plain=True).encode().decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")
        == text
    )
