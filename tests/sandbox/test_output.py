"""The kept output: properties over every way in which a stream can arrive."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sandbox.output import HeadTail, printable, tail_of

_CHUNKS = st.lists(st.binary(max_size=40), max_size=30)


@given(_CHUNKS, st.integers(min_value=1, max_value=64))
def test_head_and_tail_are_those_of_the_stream(chunks: list[bytes], limit: int) -> None:
    """What is kept is the stream's beginning and end, however it was cut into chunks."""
    kept = HeadTail(limit)
    for chunk in chunks:
        kept.add(chunk)
    whole = b"".join(chunks)

    if len(whole) <= 2 * limit:
        assert kept.content() == whole
        assert kept.omitted() == 0
    else:
        assert kept.omitted() == len(whole) - 2 * limit
        assert kept.content() == (
            whole[:limit] + f"\n[... {kept.omitted()} bytes left out ...]\n".encode() + whole[-limit:]
        )


@given(st.binary(max_size=400))
def test_printable_text_has_no_control_characters(content: bytes) -> None:
    """Whatever a program writes, a record of it can be shown on a terminal."""
    assert all(char.isprintable() or char in "\n\t" for char in printable(content))


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), max_size=200))
def test_printable_text_stays_as_it_is(text: str) -> None:
    """Ordinary text, in any script, is not changed."""
    assert printable(text.encode()) == text


def test_colours_titles_and_progress_are_taken_away() -> None:
    """Escape sequences vanish; what a progress bar overwrites becomes lines."""
    assert printable(b"\x1b[1;31merror\x1b[0m\x1b]0;title\x07: 10%\r20%\r\nend\x00") == "error: 10%\n20%\nend\\x00"


@given(st.text(max_size=300), st.integers(min_value=2, max_value=100))
def test_a_tail_is_the_end_of_the_text(text: str, limit: int) -> None:
    """It is never longer than asked for, and always the text's own end."""
    tail = tail_of(text, limit)

    assert len(tail) <= limit
    assert text.strip().endswith(tail.removeprefix("…"))
    assert (tail == text.strip()) == (len(text.strip()) <= limit)
