"""Names, descriptions and addresses as upstream writes them, and as a recipe may hold them."""

import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import text

ADDRESSES = {
    "https://paint.example": "https://paint.example",
    "https://paint.example/": "https://paint.example",
    "https://paint.example/docs/?a=b#top": "https://paint.example/docs/?a=b#top",
    "https://paint.example:443/x": "https://paint.example/x",
    "https://paint.example:8443/x": "https://paint.example:8443/x",
    "  https://paint.example\n": "https://paint.example",
    "HTTPS://Paint.Example/Docs": "https://paint.example/Docs",
    "http://paint.example": "",
    "http://github.com/acme/paint": "https://github.com/acme/paint",
    "http://acme.github.io/paint": "https://acme.github.io/paint",
    "http://paint.readthedocs.io": "https://paint.readthedocs.io",
    "http://notgithub.com/acme": "",
    "git+https://github.com/acme/paint.git": "https://github.com/acme/paint",
    "git+ssh://git@github.com/acme/paint.git": "https://github.com/acme/paint",
    "git://github.com/acme/paint.git": "https://github.com/acme/paint",
    "git@github.com:acme/paint.git": "https://github.com/acme/paint",
    "ssh://git@gitlab.com/acme/sub/paint.git": "https://gitlab.com/acme/sub/paint",
    "git@internal.example:acme/paint.git": "",
    "github:acme/paint": "https://github.com/acme/paint",
    "gitlab:acme/paint.git": "https://gitlab.com/acme/paint",
    "acme/paint": "https://github.com/acme/paint",
    "https://github.com/acme/paint#readme": "https://github.com/acme/paint",
    "https://github.com/acme/paint/tree/main/cli": "https://github.com/acme/paint/tree/main/cli",
    "https://user:secret@paint.example/x": "https://paint.example/x",
    "https://paint.example\\@evil.example/": "",
    "https://paint.example/a b": "",
    "https://paint.example/\u202egpj": "",
    "https://paint.example:port/": "",
    "https://[::1": "",
    "https://localhost/x": "",
    "https://127.0.0.1/x": "",
    "javascript:alert(1)": "",
    "file:///etc/passwd": "",
    "UNKNOWN": "",
    "": "",
    "https://paint.example/" + "x" * 600: "",
}
SENTENCES = {
    "Paints walls. Also ceilings.": "Paints walls",
    "Paints walls.": "Paints walls",
    "Paints walls!": "Paints walls!",
    "Paints walls (e.g. Kitchen walls). More.": "Paints walls (e.g. Kitchen walls)",
    "Node.js tool for v1.2 files": "Node.js tool for v1.2 files",
    "By J. Doe for all. More": "By J. Doe for all",
    'Says "hello." Then leaves.': 'Says "hello."',
    " two\n lines\t here ": "two lines here",
    "a\x00b\x1b[31mc\u202ed\u200be": "ab[31mcde",
    "Waits…": "Waits…",
    "Waits...": "Waits",
    "": "",
    "...": "",
}


@pytest.mark.parametrize(("declared", "expected"), ADDRESSES.items())
def test_homepage_is_clean_or_left_out(declared, expected):
    """Each form in which upstream writes an address becomes an https address, or nothing."""
    assert text.homepage(declared) == expected


@settings(deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"(git\+)?(https?|git|ssh)://[a-z@:.]{1,20}/[ -~]{0,20}"))
def test_homepage_is_always_safe(declared):
    """Whatever is declared: https, no user data, plain characters; cleaning twice changes nothing."""
    found = text.homepage(declared)
    if found:
        parts = urlsplit(found)
        assert (parts.scheme, parts.username, parts.password) == ("https", None, None)
        assert found.isascii()
        assert not any(char.isspace() for char in found)
    assert text.homepage(found) == found


@pytest.mark.parametrize(("written", "expected"), SENTENCES.items())
def test_description_is_the_first_sentence(written, expected):
    """The first sentence is kept, without its full stop; abbreviations and versions end none."""
    assert text.description(written) == expected


@settings(deadline=None)
@given(st.text(max_size=400))
def test_description_is_always_one_short_printable_line(written):
    """Whatever is written: at most 200 characters, no control, bidirectional or line-ending character."""
    found = text.description(written)
    assert len(found) <= text.DESCRIPTION_LIMIT
    assert not any(unicodedata.category(char)[0] == "C" or char in "\n\r\x85\u2028\u2029" for char in found)
    assert found == found.strip()
    assert not found.endswith(".")


def test_long_description_ends_between_words():
    """A sentence that is too long is cut after a whole word and says so."""
    found = text.description("paint " * 100)
    assert found.endswith("paint…")
    assert len(found) <= text.DESCRIPTION_LIMIT


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "prettier": "prettier",
        "@biomejs/biome": "biomejs-biome",
        "Hammer.Time": "hammer-time",
        "gtk+3": "gtk-3",
        "a__b": "a-b",
        "-x-": "x",
        "@_/+": "",
        "y" * 120: "y" * 100,
    }.items(),
)
def test_recipe_name_is_kebab(name, expected):
    """A tool's name becomes lower-case words joined by single hyphens."""
    assert text.kebab(name) == expected


def test_repository_falls_back_to_a_forge_page_only():
    """A home page counts as the repository only when it is one on a forge; a plain site is none."""
    assert text.repository("", "https://paint.example", "https://github.com/acme/paint") == (
        "https://github.com/acme/paint"
    )
    assert text.repository("", "https://paint.example", "https://github.com/acme") == ""
    assert text.repository("https://code.example/paint", "https://github.com/acme/x") == "https://code.example/paint"


def test_published_addresses_hold_no_credentials():
    """An index with a user and password in its address does not leak them into the evidence."""
    assert text.without_secrets("https://me:secret@mirror.example:8080/x?token=1#t") == "https://mirror.example:8080/x"
