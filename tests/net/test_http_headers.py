"""What headers say, however they say it."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.http_headers import Part, content_range, exhausted_for, lasting, retry_after

NOW = 1_750_000_000.0
EPOCH = int(NOW)

values = st.text(max_size=40) | st.integers().map(str)


@given(seconds=st.integers(min_value=0, max_value=10**9))
def test_both_forms_of_retry_after_mean_the_same(seconds):
    """A number of seconds and the date of that moment are one wait."""
    as_number = retry_after({"retry-after": str(seconds)}, NOW)
    as_date = retry_after({"retry-after": formatdate(NOW + seconds, usegmt=True)}, NOW)
    assert as_number == as_date == seconds


@pytest.mark.parametrize(("value", "seconds"), [(" 7 ", 7.0), ("1.9", 1.0), (formatdate(0, usegmt=True), 0.0)])
def test_forms_of_retry_after_seen_in_the_field(value, seconds):
    """Spaces, fractions and dates in the past are read, not refused."""
    assert retry_after({"retry-after": value}, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30.0),
        ({"ratelimit-remaining": "1", "ratelimit-reset": "30"}, None),
        ({"ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 40)}, 40.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH - 40)}, 0.0),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "5"}, 5.0),
        ({"ratelimit": '"default";r=0;t=12'}, 12.0),
        ({"ratelimit": '"default";r=50;t=12'}, None),
        ({"ratelimit": "limit=100, remaining=0"}, None),
        ({}, None),
    ],
)
def test_an_exhausted_quota_in_its_dialects(headers, seconds):
    """Old and new drafts, seconds and epochs: how long until there is quota again."""
    assert exhausted_for(headers, NOW) == seconds


@given(headers=st.dictionaries(st.sampled_from(["retry-after", "ratelimit", "x-ratelimit-reset"]), values))
def test_no_header_crashes_it(headers):
    """Whatever a server writes is a number of seconds that is not negative, or nothing."""
    headers = {"x-ratelimit-remaining": "0", **headers}
    for seconds in (retry_after(headers, NOW), exhausted_for(headers, NOW)):
        assert seconds is None or seconds >= 0.0


@given(first=st.integers(0, 10**6), length=st.integers(1, 10**6), rest=st.integers(0, 10**6))
def test_content_range_is_read_back(first, length, rest):
    """A part's place in its file is read as it was written."""
    last, total = first + length - 1, first + length + rest
    assert content_range(f"bytes {first}-{last}/{total}") == Part(first=first, last=last, total=total)
    assert content_range(f"bytes {first}-{last}/*") == Part(first=first, last=last, total=None)
    assert content_range(f"bytes {first}-{last}/{last}") is None


@given(value=values)
def test_no_content_range_crashes_it(value):
    """Anything else is no part."""
    assert content_range(value) is None


@pytest.mark.parametrize(
    ("control", "stored"),
    [
        ("", "max-age=60"),
        ("public", "public, max-age=60"),
        ("max-age=5", "max-age=5"),
        ("public, Max-Age = 5", "public, Max-Age = 5"),
        ("no-store", "no-store"),
        ("private, no-cache", "private, no-cache"),
        ("s-maxage=9", "s-maxage=9, max-age=60"),
    ],
)
def test_a_lifetime_is_added_where_none_is_named(control, stored):
    """`s-maxage` is not for caches like this one; the other lifetimes stay as they are."""
    assert lasting({"cache-control": control}, "max-age=60", NOW)["cache-control"] == stored


def test_our_lifetime_begins_by_our_clock():
    """A mirror whose clock is two hours late does not make every answer stale at once."""
    late = {"date": formatdate(NOW - 7_200, usegmt=True)}
    assert lasting(late, "max-age=60", NOW)["date"] == formatdate(NOW, usegmt=True)
    assert lasting({**late, "cache-control": "max-age=5"}, "max-age=60", NOW)["date"] == late["date"]
    assert lasting({"date": "soon", "expires": "0"}, "max-age=60", NOW)["date"] == formatdate(NOW, usegmt=True)
