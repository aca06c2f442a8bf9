"""Files of checksums in their four forms."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.releases.checksums import is_shared, parse

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()
LONG = hashlib.sha512(b"a").hexdigest()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"{A}  tool.tar.gz", {"tool.tar.gz": f"sha256:{A}"}),
        (f"{A} *tool.tar.gz", {"tool.tar.gz": f"sha256:{A}"}),
        (f"{A}\ttool.tar.gz", {"tool.tar.gz": f"sha256:{A}"}),
        (f"{A.upper()}  ./dist/tool.tar.gz\r", {"tool.tar.gz": f"sha256:{A}"}),
        (f"SHA256 (tool.tar.gz) = {A}", {"tool.tar.gz": f"sha256:{A}"}),
        (f"SHA512 (tool.tar.gz) = {LONG}", {"tool.tar.gz": f"sha512:{LONG}"}),
        (f"{LONG}  tool.tar.gz", {"tool.tar.gz": f"sha512:{LONG}"}),
        (A, {}),
        (f"{A[:40]}  tool.tar.gz", {}),
        ("-----BEGIN PGP SIGNED MESSAGE-----", {}),
        ("", {}),
    ],
)
def test_each_form_of_a_line(line, found):
    """GNU in text and binary mode, BSD, with folders; weaker hashes and other lines are nothing."""
    assert parse(f"# made by hand\n{line}\n".encode()) == found


def test_a_lone_hash_is_that_of_the_file_beside_it():
    """`tool.tar.gz.sha256` may hold nothing else."""
    assert parse(f"{A}\n".encode(), "tool.tar.gz") == {"tool.tar.gz": f"sha256:{A}"}


def test_two_hashes_of_one_file():
    """The stronger counts; two different ones of one kind are none."""
    assert parse(f"{A}  t\n{LONG}  t\n".encode()) == {"t": f"sha512:{LONG}"}
    assert parse(f"{A}  t\n{A}  t\n".encode()) == {"t": f"sha256:{A}"}
    assert parse(f"{A}  t\n{B}  t\n".encode()) == {}


@given(st.binary(max_size=400))
def test_any_bytes_are_read(content):
    """Each value that is found is a digest."""
    assert all(value.startswith(("sha256:", "sha512:")) for value in parse(content, "x").values())


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("checksums.txt", True),
        ("tool_1.2.3_checksums.txt", True),
        ("SHA256SUMS", True),
        ("SHA512SUMS.txt", True),
        ("sha256sum.txt", True),
        ("SHASUMS256.txt", True),
        ("checksums_sha256.txt", True),
        ("checksums.txt.sig", False),
        ("tool.tar.gz", False),
        ("mychecksums.txt", False),
        ("x" * 300, False),
    ],
)
def test_which_file_lists_all(name, shared):
    """By its name alone."""
    assert is_shared(name) is shared
