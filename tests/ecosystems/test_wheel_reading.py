"""Wheels read from parts of a remote file, compared with `zipfile`, and wheels made to do harm."""

import hashlib
import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ecosystems import remote
from pipeline.ecosystems.remote import NoAnswer, RemoteFile, open_remote
from pipeline.model import Failed, Gate, Held, Subcategory
from pipeline.wheel import Wheel, parse_entry_points, read_wheel
from pipeline.zipped import MEMBER_LIMIT, Broken
from tests.ecosystems.samples import make_zip
from tests.fakes_fetcher import DictFetcher

URL = "https://files.example/paint-1.0-py3-none-any.whl"
INFO = "paint-1.0.dist-info"
MEMBERS = {
    "paint/__init__.py": "",
    "paint-1.0.data/scripts/paint-shell": "#!/bin/sh\n",
    "paint-1.0.data/scripts/deeper/no": "",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: paint\nVersion: 1.0\nSummary: Paints\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\npaint = paint.cli:main\n",
}


def remote_file(content: bytes, tail: int, log: list[tuple[int, int]] | None = None) -> RemoteFile:
    """Return the content as a remote file of which only the last `tail` bytes are known."""

    def fetch(first: int, last: int) -> bytes:
        if log is not None:
            log.append((first, last))
        return content[first : last + 1]

    return RemoteFile(len(content), content[len(content) - tail :], fetch)


def read(content: bytes, tail: int | None = None) -> Wheel | Broken:
    return read_wheel(remote_file(content, len(content) if tail is None else min(tail, len(content))), "paint")


def test_all_executables_are_found():
    """Console scripts and the files of `*.data/scripts` are both executables; deeper files are none."""
    found = read(make_zip(MEMBERS))
    assert isinstance(found, Wheel)
    assert found.console_scripts == {"paint"}
    assert found.data_scripts == {"paint-shell"}
    assert found.metadata["summary"] == "Paints"


@settings(max_examples=60, deadline=None)
@given(
    extra=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}", fullmatch=True), st.binary(max_size=3000), max_size=12
    ),
    tail=st.integers(22, 6000),
    comment=st.binary(max_size=200),
    compress=st.booleans(),
)
def test_reading_in_parts_equals_reading_the_whole(extra, tail, comment, compress):
    """Whatever part is known at first, the wheel reads like the whole file, in at most four requests."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for name, content in (MEMBERS | extra).items():
            archive.writestr(name, content)
        archive.comment = comment
    content, log = buffer.getvalue(), []
    found = read_wheel(remote_file(content, min(tail, len(content)), log), "paint")
    assert found == read(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert parse_entry_points(archive.read(f"{INFO}/entry_points.txt").decode())["console_scripts"].keys() == (
            found.console_scripts
        )
    assert len(log) <= 4


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 900)), max_size=20), st.integers(1, 5000))
def test_remote_file_reads_like_a_local_one(reads, tail):
    """Any series of seeks and reads gives the same bytes and places as on a file in memory."""
    content = bytes(range(256)) * 20
    local, far = io.BytesIO(content), remote_file(content, tail)
    for offset, size in reads:
        assert far.seek(offset) == local.seek(offset)
        assert far.read(size) == local.read(size)
        assert far.tell() == local.tell()
        assert far.seek(-tail, 2) == local.seek(-tail, 2)
        assert far.read() == local.read()


def test_zip64_is_read():
    """A wheel whose directory is written in the zip64 form reads like any other."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in MEMBERS.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content.encode())
    plain = buffer.getvalue()
    start, end = archive.start_dir, len(plain) - 22
    size, count = end - start, len(MEMBERS)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert read(plain[:end] + record + locator + last, tail=200) == read(make_zip(MEMBERS))


def patched(member: str, offset: int, form: str, value: object) -> bytes:
    """Return the wheel with one number of a member's entry in the directory replaced."""
    content = bytearray(make_zip(MEMBERS))
    entry = content.rindex(member.encode()) - 46
    struct.pack_into(form, content, entry + offset, value)
    return bytes(content)


METADATA = f"{INFO}/METADATA"
BOMB = io.BytesIO()
with zipfile.ZipFile(BOMB, "w", zipfile.ZIP_DEFLATED) as _archive:
    for _name, _content in (MEMBERS | {METADATA: b"\0" * (MEMBER_LIMIT + 1)}).items():
        _archive.writestr(_name, _content)
HOSTILE = {
    "empty": b"",
    "no zip": b"<html>" * 100,
    "bomb": BOMB.getvalue(),
    "lying size": patched(METADATA, 24, "<L", 3),
    "huge size": patched(METADATA, 24, "<L", 0xFFFFFFF0),
    "huge packed size": patched(METADATA, 20, "<L", 4000),
    "wrong checksum": patched(METADATA, 16, "<L", 1),
    "unknown compression": patched(METADATA, 10, "<H", 77),
    "encrypted": patched(METADATA, 8, "<H", 1),
    "overlap": patched(METADATA, 42, "<L", 0),
    "behind the end": patched(METADATA, 42, "<L", 0x7FFFFFFF),
    "several dist-info": make_zip(MEMBERS | {"other-1.0.dist-info/METADATA": ""}),
    "other dist-info": make_zip({name.replace("paint-", "brush-"): text for name, text in MEMBERS.items()}),
    "no dist-info": make_zip({"paint/__init__.py": ""}),
    "no METADATA": make_zip({name: text for name, text in MEMBERS.items() if name != METADATA}),
    "wheel format 2": make_zip(MEMBERS | {f"{INFO}/WHEEL": "Wheel-Version: 2.0\n"}),
    "binary entry points": make_zip(MEMBERS | {f"{INFO}/entry_points.txt": b"[console_scripts]\n\xff=a:b\n"}),
    "absolute name": make_zip(MEMBERS | {"/etc/cron.d/x": ""}),
    "parent name": make_zip(MEMBERS | {"paint/../../x": ""}),
    "backslash name": make_zip(MEMBERS | {"paint\\..\\x": ""}),
    "drive name": make_zip(MEMBERS | {"C:x": ""}),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_wheels_are_refused(content):
    """A file that no installer should take gives one line that says why; no member passes the limit."""
    found = read(content)
    assert isinstance(found, Broken)
    assert found.message.isprintable()


def test_duplicate_member_is_refused():
    """Two files of one name mean that two readers may see different contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(METADATA, "Name: other\n")
    assert read(buffer.getvalue()) == Broken(message=f"holds {METADATA} more than once")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_changed_bytes_never_raise(data):
    """A wheel with some bytes changed or cut off is read or refused, never an exception."""
    content = bytearray(make_zip(MEMBERS))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for changed in (bytes(content), bytes(content[:cut]), bytes(content[cut:])):
        assert isinstance(read(changed), Wheel | Broken)


@pytest.mark.parametrize(
    ("lines", "expected"),
    {
        "[console_scripts]\na=b:c": {"a": ""},
        "  [console_scripts]\n    a = b.c:d.e [fast, small]\n": {"a": "fast, small"},
        "# x\n; y\n\n[other]\nfree text\n[console_scripts]\r\na = b:c\r\n": {"a": ""},
        "[CONSOLE_SCRIPTS]\na=b:c": {},
        "": {},
    }.items(),
)
def test_entry_points_are_read_as_installers_do(lines, expected):
    """Comments, other groups, indentation and extras are as in the specification; names keep their case."""
    found = parse_entry_points(lines)
    assert isinstance(found, dict)
    assert found["console_scripts"] == expected


@pytest.mark.parametrize("line", ["a", "a=", "a=b", "=b:c", "a=b:c:d", "a = b:c; rm", "a=b c:d"])
def test_invalid_entry_points_are_refused(line):
    """A script that names no callable is one that no installer accepts."""
    assert isinstance(parse_entry_points(f"[console_scripts]\n{line}\n"), Broken)


# ------------------------------------------------------------------------------------- remote files


def opened(content: bytes, *, ranges: bool = True, size: int | None = None, sha256: str = "", **pages):
    return open_remote(URL, DictFetcher({URL: content}, ranges=ranges), size=size, sha256=sha256)


@pytest.mark.parametrize("ranges", [True, False])
def test_whole_files_are_hashed(ranges):
    """When all bytes are there their digest is compared; another digest is a failure, not a risk."""
    content = make_zip(MEMBERS)
    good = hashlib.sha256(content).hexdigest()
    assert opened(content, ranges=ranges, sha256=good)[1] is True
    assert opened(content, ranges=ranges, sha256="")[1] is False
    found = opened(content, ranges=ranges, sha256="0" * 64)
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.DIGEST_MISMATCH


def test_parts_are_not_called_checked():
    """The digest of a file of which only the end was read counts as not checked."""
    content = bytes(remote.TAIL_BYTES + 1)
    assert opened(content, sha256="0" * 64)[1] is False


def test_size_must_agree_with_the_registry():
    """A file whose size is not the one that the registry lists is not the file."""
    found = opened(b"abc", size=4)
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.BAD_METADATA


def test_far_apart_parts_are_refused():
    """No archive can make the reader fetch more than its limit at once."""
    file = remote_file(bytes(remote.SPAN_LIMIT * 2), 10)
    with pytest.raises(NoAnswer, match="limit"):
        file.need(0, remote.SPAN_LIMIT * 2)


def test_no_answer_for_a_part_is_passed_on():
    """What the fetcher says instead of a part of the file is the outcome of the package."""
    content = bytes(remote.TAIL_BYTES * 2)
    fetcher = DictFetcher({URL: content})
    found = open_remote(URL, fetcher, size=None, sha256="")
    assert isinstance(found, tuple)
    fetcher.pages = {URL: Held(gate=Gate.BREAKER_OPEN, message="open")}
    with pytest.raises(NoAnswer) as stopped:
        found[0].read(10)
    assert stopped.value.outcome == fetcher.pages[URL]


def test_a_file_that_shrinks_while_it_is_read_is_refused():
    """A range of another length than asked for does not silently shift the rest."""
    fetcher = DictFetcher({URL: bytes(remote.TAIL_BYTES * 2)})
    found = open_remote(URL, fetcher, size=None, sha256="")
    assert isinstance(found, tuple)
    fetcher.pages = {URL: b"short"}
    with pytest.raises(NoAnswer, match="another range"):
        found[0].read(10)
