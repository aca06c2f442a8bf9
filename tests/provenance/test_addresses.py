"""Addresses in statements: no credentials, a URI, and the same text each time."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.provenance.addresses import LONGEST, public, public_registry


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://registry.example/pkg", "https://registry.example/pkg"),
        ("https://user:word@registry.example:8443/pkg#part", "https://registry.example:8443/pkg"),
        ("https://u:p@ss@registry.example/pkg", "https://registry.example/pkg"),
        ("https://files.example/x?q=a&size=5&page=2", "https://files.example/x?q=a&size=5&page=2"),
        ("https://files.example/x?a=1&access_token=abc&b=2", "https://files.example/x?a=1&access_token=***&b=2"),
        (
            "https://files.example/x?X-Amz-Algorithm=A&X-Amz-Credential=C&X-Amz-Signature=S&Expires=9",
            "https://files.example/x?X-Amz-Algorithm=A&X-Amz-Credential=***&X-Amz-Signature=***&Expires=9",
        ),
        ("https://files.example/x?sv=1&sig=S%3D", "https://files.example/x?sv=1&sig=***"),
        ("https://files.example/x?author=me&monkey=1", "https://files.example/x?author=me&monkey=1"),
        ("https://files.example/a b/é", "https://files.example/a%20b/%C3%A9"),
    ],
)
def test_an_address_is_told_without_what_opens_doors(url, told):
    """User, password and fragment go, secret values of the query are masked, the rest stays."""
    assert public(url) == told


@pytest.mark.parametrize(
    "url", ["https://[::1", "https://a.example/\n", "https://a.example/" + "x" * LONGEST, "\ud800"]
)
def test_an_address_that_cannot_be_told_is_named_by_its_digest(url):
    """It may not be a URI, or be longer than a record allows; it can still be found again."""
    assert re.fullmatch("sha256:[0-9a-f]{64}", public(url))
    assert public(url) != public(f"{url}x")


@given(st.text(max_size=80), st.text(alphabet="abc:@/?#&=[]% ", max_size=30))
def test_any_text_has_one_short_name(url, rest):
    """Whatever upstream calls an address; telling it twice changes nothing, so a replay finds it."""
    for text in (url, f"https://{rest}", f"https://a.example/{url}{rest}"):
        told = public(text)
        assert len(told) <= LONGEST
        assert told.isascii()
        assert " " not in told
        assert public(told) == told


@given(st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True))
def test_no_password_is_told(secret):
    """Neither in the address nor in Go's list of them."""
    word = f"Pw{secret}"
    assert word not in public(f"https://me:{word}@registry.example/x?token={word}#{word}")
    listed = f"https://me:{word}@one.example,https://{word}@two.example/path|direct"
    assert public_registry(listed) == "https://one.example,https://two.example/path|direct"
