"""Damaged archives, by their structure: members that lie, and bytes that were changed where they count."""

import gzip
import io
import lzma
import re
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from typing import TypeAlias

from hypothesis import strategies as st

Bytes: TypeAlias = st.SearchStrategy[bytes]

# What strangers write where a name, a version or an address is expected.
HOSTILE = (
    "",
    " ",
    "\0",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "a/" * 300,
    "a" * 20_000,
    "9" * 400,
    "-rf",
    "$(x)",
    "`x`; rm -rf ~",
    'x"\n[[steps]]\naction = "run_command"',
    "\u202egpj.exe",
    "ﬁne",
    "tool\n",
    "https://[::1",
    "http://user:s3cret@registry.example:99999/x?token=1",
    "javascript:alert(1)",
    "1.0.0\r\nX: y",
    "0.0.0-",
    "v1.2.3",
    "{crate}{version}{sha256-checksum}",
    "\x1b[31m",
    "<img src=x>",
    "|@everyone|",
)
_LINES = re.compile(r"(?<=\n)")


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw some bytes with a fault that knows nothing of what they are: cut, changed, doubled, replaced."""
    at, end = sorted(draw(st.lists(st.integers(0, len(content)), min_size=2, max_size=2)))
    other = draw(st.binary(max_size=40))
    return draw(
        st.sampled_from(
            [
                content[:at],
                content[at:],
                content[:at] + other + content[end:],
                content[:at] + other + content[at + len(other) :],
                content + content,
                other,
                b"",
                b"[" * 50_000,
                b'{"a":' * 50_000,
                b"\xef\xbb\xbf" + content,
                content.replace(b"\n", b"\r\n"),
                b"<!DOCTYPE html><title>Sign in</title>",
            ]
        )
    )


@st.composite
def changed_text(draw: st.DrawFn, text: str) -> str:
    """Draw a text in lines with some of them gone, doubled, moved, or with another value."""
    lines = [line for line in _LINES.split(text) if line] or [""]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key, sign, _value = lines[at].partition(draw(st.sampled_from(["=", ": ", " "])))
        said = draw(
            st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20), st.sampled_from(["{}", "[1]", "true", "0"]))
        )
        quoted = draw(st.sampled_from([said, f'"{said}"', f'["{said}"]']))
        lines[at : at + 1] = draw(
            st.sampled_from(
                [[], [lines[at]] * 2, [f"{key}{sign}{quoted}\n"], [quoted, lines[at]], [lines[at], f"{said}\n"]]
            )
        ) or [""]
    return "".join(draw(st.one_of(st.just(lines), st.permutations(lines))))


@st.composite
def changed_member(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw a member's content: its text changed, or what it packs, or its bytes."""
    if content.startswith(b"\x1f\x8b"):
        return _gzip(draw(changed_member(gzip.decompress(content))))
    text = draw(changed_text(content.decode(errors="replace")))
    return draw(st.one_of(st.just(text.encode(errors="surrogateescape")), damaged(content)))


@st.composite
def _members(draw: st.DrawFn, members: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """Draw the members of an archive with one of them changed, renamed, gone or there twice."""
    name = draw(st.sampled_from(sorted(members)))
    other = draw(st.one_of(st.sampled_from(HOSTILE), st.sampled_from(sorted(members)))) or "empty"
    folder, _, base = name.rpartition("/")
    renamed = draw(st.sampled_from([other, f"{folder}/{other}", f"{other}/{base}", name.upper(), f"./{name}"]))
    content = draw(st.one_of(st.just(members[name]), changed_member(members[name])))
    rest = [(key, value) for key, value in members.items() if key != name]
    return draw(
        st.sampled_from(
            [
                [*rest, (name, content)],
                [*rest, (renamed, content)],
                rest,
                [*members.items(), (name, content), (renamed, content)],
            ]
        )
    )


@st.composite
def damaged_zip(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw a zip whose members lie, or whose directory does."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    whole = _zipped(draw(_members(members)), method)
    directory = whole.rfind(b"PK\x01\x02")
    return draw(
        st.one_of(st.just(whole), _damaged_from(whole, max(directory, 0)), _damaged_from(whole, 0), damaged(whole))
    )


def _zipped(members: list[tuple[str, bytes]], method: int) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as made:
        warnings.simplefilter("ignore")  # that a name is there twice is the point
        for name, value in members:
            info = zipfile.ZipInfo("x")
            info.filename = name.replace("\0", "")[:60_000]
            with made.open(info, "w") as member:
                member.write(value)
    return buffer.getvalue()


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=1, mtime=0)


def _xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)


# By the bytes that a packed file begins with.
_PACKED_BY: dict[bytes, Callable[[bytes], bytes]] = {b"\x1f\x8b": _gzip, b"\xfd7zXZ": _xz}


@st.composite
def damaged_tar(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw a tar, packed as the given one is, whose members are links, lie about their sizes, or are damaged."""
    packed = next((pack for magic, pack in _PACKED_BY.items() if content.startswith(magic)), None)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        found = {info: file.read() for info in archive if (file := archive.extractfile(info)) is not None}
    members = {info.name: value for info, value in found.items()}
    modes = {info.name: info.mode for info in found}
    kinds = [tarfile.REGTYPE] * 6 + [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.DIRTYPE,
        tarfile.FIFOTYPE,
        tarfile.CHRTYPE,
    ]
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    ) as made:
        for name, value in draw(_members(members)):
            info = tarfile.TarInfo(name.replace("\0", ""))
            info.type = draw(st.sampled_from(kinds))
            info.linkname = draw(st.sampled_from(["", "/etc/passwd", "../x", name.replace("\0", "")]))
            info.size = len(value) if info.isreg() else 0
            info.mode = modes.get(name, 0o755)
            made.addfile(info, io.BytesIO(value))
    whole = buffer.getvalue()
    whole = draw(st.one_of(st.just(whole), _damaged_from(whole, 0)))
    if packed is None:
        return whole
    small = packed(whole)
    return draw(st.one_of(st.just(small), st.just(small), damaged(small)))


@st.composite
def _damaged_from(draw: st.DrawFn, content: bytes, start: int) -> bytes:
    """Draw some bytes with a few single ones changed, from a place on: fields of headers and directories."""
    found = bytearray(content)
    for at in draw(st.lists(st.integers(start, max(start, len(found) - 1)), min_size=1, max_size=4)):
        if at < len(found):
            found[at] = draw(st.one_of(st.sampled_from([0, 0xFF, 0x80, 0x2F]), st.integers(0, 255)))
    return bytes(found)


@st.composite
def damaged_program(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw a program whose header lies, or what is none."""
    return draw(st.one_of(_damaged_from(content, 0), _damaged_from(content, 0), damaged(content)))


# By the media type that a schema gives an answer.
BY_MEDIA_TYPE: dict[str, Callable[[bytes], Bytes]] = {
    "application/zip": damaged_zip,
    "application/gzip": damaged_tar,
    "application/x-tar": damaged_tar,
    "application/x-executable": damaged_program,
}
