"""Crates read from front to back, crates made to do harm, and cargo's rules for what becomes an executable."""

import gzip
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import crate, tarball
from pipeline.crate import Crate, read_crate
from pipeline.crate_targets import Targets, enabled, targets_of
from pipeline.zipped import Broken
from tests.fake_packages import crate as make_crate
from tests.fake_packages import tar_gz

MANIFEST = '[package]\nname = "paint"\nversion = "1.0.0"\n'
FILES = {"Cargo.toml": MANIFEST, "src/main.rs": "fn main() {}\n", "src/lib.rs": ""}


def read(content: bytes) -> Crate | Broken:
    return read_crate(content, "paint", "1.0.0")


def with_member(name: str, **fields: object) -> bytes:
    """Return the crate with one more member of any kind."""
    buffer = io.BytesIO(gzip.decompress(make_crate("paint", "1.0.0", FILES)))
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        info = tarfile.TarInfo(name)
        for field, value in fields.items():
            setattr(info, field, value)
        archive.addfile(info)
    return gzip.compress(buffer.getvalue())


def test_a_crate_is_read_whole():
    """The manifest is parsed, and every file below the crate's folder is named."""
    found = read(make_crate("paint", "1.0.0", FILES))
    assert isinstance(found, Crate)
    assert found.manifest == {"package": {"name": "paint", "version": "1.0.0"}}
    assert found.files == FILES.keys()


def test_folders_and_long_names_are_taken():
    """Entries for folders name no file, and a name longer than a tar header is read from its extension."""
    long = "src/" + "deep/" * 60 + "x.rs"
    content = make_crate("paint", "1.0.0", FILES | {long: ""})
    assert read(content).files == FILES.keys() | {long}
    assert read(with_member("paint-1.0.0/src", type=tarfile.DIRTYPE)).files == FILES.keys()


HOSTILE = {
    "empty": b"",
    "no gzip": b"<html>" * 200,
    "gzip of nothing": gzip.compress(b""),
    "gzip of no tar": gzip.compress(b"hello" * 1000),
    "cut short": make_crate("paint", "1.0.0", FILES)[:700],
    "no manifest": make_crate("paint", "1.0.0", {"src/main.rs": ""}),
    "other folder": make_crate("brush", "1.0.0", FILES),
    "two folders": with_member("other/file"),
    "no folder": with_member("file"),
    "absolute": with_member("/etc/passwd"),
    "parent": with_member("paint-1.0.0/../../x"),
    "parent at the end": with_member("paint-1.0.0/src/.."),
    "hidden parent": with_member("paint-1.0.0/./../x"),
    "backslash": with_member("paint-1.0.0\\..\\x"),
    "backslash below": with_member("paint-1.0.0/..\\x"),
    "symbolic link": with_member("paint-1.0.0/x", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard link": with_member("paint-1.0.0/x", type=tarfile.LNKTYPE, linkname="paint-1.0.0/Cargo.toml"),
    "device": with_member("paint-1.0.0/x", type=tarfile.CHRTYPE),
    "fifo": with_member("paint-1.0.0/x", type=tarfile.FIFOTYPE),
    "two manifests": with_member("paint-1.0.0/Cargo.toml"),
    "huge manifest": make_crate("paint", "1.0.0", {"Cargo.toml": "#" * (crate.MANIFEST_LIMIT + 1)}),
    "binary manifest": make_crate("paint", "1.0.0", {"Cargo.toml": b"\xff\xfe"}),
    "broken manifest": make_crate("paint", "1.0.0", {"Cargo.toml": "[package"}),
    "deep manifest": make_crate("paint", "1.0.0", {"Cargo.toml": "a = " + "[" * 50_000}),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_crates_are_refused(content):
    """An archive that cargo never packs gives one line that says why."""
    found = read(content)
    assert isinstance(found, Broken)
    assert found.message


def test_bombs_end_at_the_limit(monkeypatch):
    """Neither one large file, nor many, nor a header that announces too much, is unpacked beyond the limit."""
    monkeypatch.setattr(tarball, "UNPACKED_LIMIT", 1_000_000)
    monkeypatch.setattr(tarball, "MEMBERS_LIMIT", 100)
    large = gzip.compress(gzip.decompress(make_crate("paint", "1.0.0", FILES | {"x": "0" * 2_000_000})))
    many = make_crate("paint", "1.0.0", FILES | {f"f{at}": "" for at in range(200)})
    long_name = with_member("paint-1.0.0/" + "x" * 2_000_000)
    assert len(large) < 10_000
    assert read(large) == Broken(message="unpacks to more than 1000000 bytes")
    assert read(many) == Broken(message="holds more than 100 files")
    assert isinstance(read(long_name), Broken)


def test_a_size_that_lies_is_refused():
    """A member that says it is longer than the archive is, does not read beyond the end."""
    raw = bytearray(gzip.decompress(tar_gz({"paint-1.0.0/Cargo.toml": MANIFEST})))
    raw[124:136] = b"00000777777\0"
    raw[148:156] = b"        "
    raw[148:156] = f"{sum(raw[:512]):06o}\0 ".encode()
    assert isinstance(read(gzip.compress(bytes(raw))), Broken)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_changed_bytes_never_raise(data):
    """A crate with some bytes changed or cut off is read or refused, never an exception."""
    content = bytearray(gzip.decompress(make_crate("paint", "1.0.0", FILES)))
    for at in data.draw(st.lists(st.integers(0, 1600), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    packed = gzip.compress(bytes(content))
    cut = data.draw(st.integers(0, len(packed)))
    for changed in (packed, packed[:cut], packed[cut:]):
        assert isinstance(read(changed), Crate | Broken)


# ------------------------------------------------------------------------------------------- targets


def targets(manifest: str, *files: str) -> Targets | Broken:
    found = read(make_crate("paint", "1.0.0", {"Cargo.toml": manifest, **dict.fromkeys(files, "")}))
    assert isinstance(found, Crate)
    return targets_of(found)


def installed(manifest: str, *files: str) -> set[str]:
    found = targets(manifest, *files)
    assert isinstance(found, Targets)
    return {binary.name for binary in found.installed}


ALL = ("src/main.rs", "src/bin/two.rs", "src/bin/three/main.rs", "src/bin/three/help.rs", "src/bin/four/five.rs")
BIN = '[[bin]]\nname = "own"\npath = "tools/own.rs"\n'


@pytest.mark.parametrize(
    ("keys", "tables", "expected"),
    [
        ("", "", {"paint", "two", "three"}),
        ('edition = "2021"\n', "", {"paint", "two", "three"}),
        ('edition = "2021"\n', BIN, {"paint", "two", "three", "own"}),
        ('edition = "2015"\n', BIN, {"own"}),
        ("", BIN, {"own"}),
        ("autobins = true\n", BIN, {"paint", "two", "three", "own"}),
        ("autobins = false\n", "", set()),
        ('autobins = false\nedition = "2021"\n', BIN, {"own"}),
        ('edition = "2021"\n', '[[bin]]\nname = "brush"\npath = "src/main.rs"\n', {"brush", "two", "three"}),
        ('edition = "2021"\n', '[[bin]]\nname = "two"\n', {"paint", "two", "three"}),
    ],
)
def test_executables_are_found_as_cargo_finds_them(keys, tables, expected):
    """What is declared, and what is discovered unless `autobins` or the first edition says otherwise."""
    assert installed(MANIFEST + keys + tables, *ALL) == expected


@pytest.mark.parametrize(
    ("features", "needs", "expected"),
    [
        ("", [], True),
        ("cli = []", ["cli"], False),
        ('default = ["cli"]\ncli = []', ["cli"], True),
        ('default = ["all"]\nall = ["cli"]\ncli = []', ["cli"], True),
        ('default = ["a"]\na = ["b"]\nb = ["a"]', ["a", "b"], True),
        ('default = ["cli"]\ncli = []', ["cli", "gui"], False),
        ('default = ["dep:clap"]', ["clap"], False),
        ('default = ["clap"]', ["clap"], True),
        ('default = ["clap/color"]', ["clap"], True),
        ('default = ["clap?/color"]', ["clap"], False),
        ('default = ["clap/color"]', ["clap/color"], True),
    ],
)
def test_executables_whose_features_are_off_are_left_out(features, needs, expected):
    """An executable is installed when all that it requires follows from the default features."""
    manifest = f'{MANIFEST}\n[[bin]]\nname = "paint"\nrequired-features = {needs}\n[features]\n{features}\n'
    assert (installed(manifest, "src/main.rs") == {"paint"}) == expected


def test_features_of_dependencies_count_when_they_are_there():
    """`clap/color` is on when clap is a plain dependency that is declared with it, not when it is an optional one."""
    assert "clap/color" in enabled({"dependencies": {"clap": {"features": ["color"]}, "libc": "1"}})
    optional = {"clap": {"features": ["color"], "optional": True}}
    assert "clap/color" not in enabled({"dependencies": optional})
    assert "clap/color" in enabled({"dependencies": optional, "features": {"default": ["dep:clap"]}})


@pytest.mark.parametrize("tables", ["bin = 3", "bin = [3]", "[[bin]]\npath = 'x'", "[[bin]]\nname = 1", BIN * 2])
def test_targets_that_cargo_refuses_are_refused(tables):
    """A [[bin]] without a name, or two of one name, is no manifest."""
    top, table = (tables + "\n", "") if tables.startswith("bin") else ("", tables)
    assert isinstance(targets(top + MANIFEST + table, "src/main.rs"), Broken)
