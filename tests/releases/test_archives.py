"""Archives that strangers made: what is in them, which of it is installed, and what they cannot do."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import tarball
from pipeline.ecosystems.remote import RemoteFile
from pipeline.model import Subcategory
from pipeline.releases import archives
from pipeline.releases.archives import Member, list_tar, list_zip
from pipeline.releases.layout import Layout, NoLayout, layout_of
from pipeline.releases.programs import HEAD_BYTES, Program, read_program
from pipeline.zipped import Broken
from tests.fake_programs import mac_program, program

ELF = program("x86_64")
STATIC = Program(kind="elf", arch="x86_64", libc="static")
SCRIPT = Program(kind="script")
PACKERS = {"tar.gz": gzip.compress, "tar.xz": lzma.compress, "tar.bz2": bz2.compress}


def tar(members: Mapping[str, bytes | tarfile.TarInfo], mode: int = 0o644) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            raw = b"" if isinstance(content, tarfile.TarInfo) else content
            info.size, info.mode = len(raw), mode
            archive.addfile(info, io.BytesIO(raw))
    return buffer.getvalue()


def zipped(members: Mapping[str, bytes], mode: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def remote(content: bytes, tail: int = 200) -> tuple[RemoteFile, list[tuple[int, int]]]:
    """Return a file of which only the last bytes are known, and the spans that were asked for."""
    asked: list[tuple[int, int]] = []

    def fetch(first: int, last: int) -> bytes:
        asked.append((first, last))
        return content[first : last + 1]

    return RemoteFile(len(content), content[-tail:], fetch), asked


def member(path: str, found: Program | None = None, *, executable: bool = False) -> Member:
    return Member(path=path, executable=executable, program=found)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (program("x86_64", "static"), STATIC),
        (program("x86_64", "glibc"), Program(kind="elf", arch="x86_64", libc="glibc")),
        (program("arm64", "musl"), Program(kind="elf", arch="arm64", libc="musl")),
        (program("riscv"), Program(kind="elf", arch="other", libc="static")),
        (b"\x7fELF\x01\x01" + bytes(60), Program(kind="elf", arch="other")),
        (program("x86_64")[:63], Program(kind="elf", arch="other")),
        (program("x86_64", "glibc")[:100], Program(kind="elf", arch="x86_64")),
        (mac_program(), Program(kind="mach-o")),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x02" + bytes(60), Program(kind="mach-o")),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(60), None),
        (b"#!/bin/sh\n", SCRIPT),
        (b"PK\x03\x04", None),
        (b"", None),
    ],
)
def test_what_a_file_begins_with(head, found):
    """Processor and C library come from the header; a Java class is no program for two processors."""
    assert read_program(head) == found


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x7fELF\x02\x01\x01".ljust(16, b"\0"), ELF[:60]]))
def test_any_bytes_have_a_kind_or_none(content, before):
    """Headers that point anywhere are read without a fault."""
    found = read_program(before + content)
    assert found is None or found.kind in {"elf", "mach-o", "script"}


@pytest.mark.parametrize("form", PACKERS)
def test_a_tar_archive_is_read_in_each_packing(form):
    """Links, folders and devices are no members; `./` before a path says nothing."""
    link = tarfile.TarInfo("bin/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/bin/sh"
    content = tar({"./bin/tool": ELF, "README": b"text", "link": link}, 0o755)
    found = list_tar(io.BytesIO(PACKERS[form](content)), form)
    assert found == [member("bin/tool", STATIC, executable=True), member("README", executable=True)]


@pytest.mark.parametrize("form", PACKERS)
@pytest.mark.parametrize("damage", ["cut", "text", "empty", "header"])
def test_a_damaged_tar_archive_is_broken(form, damage):
    """Whatever is wrong, it is a value with a reason."""
    content = PACKERS[form](tar({"tool": ELF * 100}))
    broken = {"cut": content[: len(content) // 2], "text": b"<!doctype html>", "empty": b"", "header": content[:3]}
    found = list_tar(io.BytesIO(broken[damage]), form)
    assert isinstance(found, Broken)
    assert found.message


@pytest.mark.parametrize("name", ["../tool", "/bin/tool", "a/../../tool", "a\\tool"])
def test_a_path_that_leaves_the_archive_ends_the_reading(name):
    """In both kinds of archives."""
    assert isinstance(list_tar(io.BytesIO(gzip.compress(tar({name: ELF}))), "tar.gz"), Broken)
    assert isinstance(list_zip(remote(zipped({name: ELF}))[0]), Broken)


def test_an_archive_that_unpacks_to_too_much_is_broken(monkeypatch):
    """In bytes, and in members; nothing is held of it meanwhile."""
    content = gzip.compress(tar({"a": bytes(1_000_000), "b": ELF}))
    monkeypatch.setattr(archives, "UNPACKED_LIMIT", 500_000)
    assert list_tar(io.BytesIO(content), "tar.gz") == Broken(message="unpacks to more than 500000 bytes")
    monkeypatch.setattr(archives, "UNPACKED_LIMIT", 5_000_000)
    monkeypatch.setattr(tarball, "MEMBERS_LIMIT", 1)
    assert list_tar(io.BytesIO(content), "tar.gz") == Broken(message="holds more than 1 files")


def test_an_xz_file_gets_no_more_memory_than_it_may_have(monkeypatch):
    """A file may ask for four gigabytes before it holds a single byte."""
    monkeypatch.setattr(archives, "_XZ_MEMORY", 1024 * 1024)
    found = list_tar(io.BytesIO(lzma.compress(tar({"tool": ELF}), preset=9)), "tar.xz")
    assert isinstance(found, Broken)


def test_of_a_zip_only_heads_are_fetched():
    """Its directory came with the tail; a large member costs its first bytes, a text nothing."""
    noise = bytes(range(256)) * 4000
    members = {"tool": ELF + noise, "LICENSE.txt": noise, "lib/data.bin": noise}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    file, asked = remote(buffer.getvalue(), tail=400)
    found = list_zip(file)
    assert found == [member("tool", STATIC), member("LICENSE.txt"), member("lib/data.bin")]
    assert sum(last - first + 1 for first, last in asked) <= HEAD_BYTES + 8192


def test_a_zip_made_on_unix_says_what_is_executable():
    """Then only that is looked into; links are left out."""
    file, _ = remote(zipped({"tool": ELF, "tool.sh": b"#!/bin/sh"}, 0o100755))
    assert list_zip(file) == [
        member("tool", STATIC, executable=True),
        member("tool.sh", SCRIPT, executable=True),
    ]
    file, _ = remote(zipped({"tool": b"/bin/sh"}, 0o120777))
    assert list_zip(file) == []


def test_a_zip_with_a_file_without_a_name_is_broken():
    """No tool packs one; Python's own reader raises for it."""
    content = zipped({"x": ELF})
    assert content.count(b"PK\x01\x02") == 1
    entry = content.rindex(b"PK\x01\x02")
    # Lengths of name and comment, APPNOTE.TXT 4.3.12: what was the name becomes a comment.
    nameless = content[: entry + 28] + bytes(4) + b"\1\0" + content[entry + 34 :]
    assert list_zip(remote(nameless)[0]) == Broken(message="holds a file without a name")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_zip_or_broken(content):
    """No file of a stranger's ends in an exception."""
    file, _ = remote(content + b"PK\x05\x06" + content)
    assert isinstance(list_zip(file), list | Broken)


@pytest.mark.parametrize(
    ("members", "strip", "binaries", "left"),
    [
        ([member("tool", STATIC), member("README.md"), member("man/tool.1")], 0, {"tool": "tool"}, 0),
        ([member("t-1/tool", STATIC), member("t-1/LICENSE")], 1, {"tool": "tool"}, 0),
        ([member("t-1/bin/tool", STATIC), member("t-1/lib/x.js")], 1, {"tool": "bin/tool"}, 1),
        ([member("bin/tool", STATIC)], 0, {"tool": "bin/tool"}, 0),
        ([member("bin/a", STATIC), member("bin/b", SCRIPT, executable=True)], 0, {"a": "bin/a", "b": "bin/b"}, 0),
        ([member("tool", STATIC), member("helper", SCRIPT, executable=True)], 0, {"tool": "tool"}, 1),
        ([member("tool", SCRIPT, executable=True), member("install", SCRIPT, executable=True)], 0, {"tool": "tool"}, 1),
        ([member("tool", STATIC), member("libx.so.1", STATIC), member("plugin/y", STATIC)], 0, {"tool": "tool"}, 2),
    ],
    ids=["flat", "one folder", "bin", "only bin", "scripts in bin", "helper", "script", "libraries"],
)
def test_which_members_are_installed(members, strip, binaries, left):
    """Programs in `bin`, else those nearest to the top."""
    found = layout_of(members, "1.2.3")
    assert isinstance(found, Layout)
    assert (found.strip_dirs, found.binaries, found.left) == (strip, binaries, left)


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ([], Subcategory.NO_EXECUTABLES),
        ([member("README", executable=True)], Subcategory.NO_EXECUTABLES),
        ([member("tool.sh", SCRIPT, executable=True)], Subcategory.NO_EXECUTABLES),
        ([member("tool", SCRIPT)], Subcategory.NO_EXECUTABLES),
        ([member("libtool.so", STATIC)], Subcategory.NO_EXECUTABLES),
        ([member("tool-linux-amd64", STATIC)], Subcategory.BAD_NAME),
        ([member("tool-1.2.3", STATIC), member("x")], Subcategory.BAD_NAME),
        ([member("a/bin/tool", STATIC), member("b/bin/tool", STATIC)], Subcategory.AMBIGUOUS_COMMANDS),
    ],
)
def test_which_archives_give_no_recipe(members, cause):
    """Never the repository's name as a guess."""
    found = layout_of(members, "1.2.3")
    assert isinstance(found, NoLayout)
    assert found.subcategory is cause
