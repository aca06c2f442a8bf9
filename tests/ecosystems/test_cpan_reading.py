"""CPAN releases read from their archives: what is installed, and archives made to do harm."""

import bz2
import gzip
import io
import tarfile
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import tarball
from pipeline.cpan_archive import TEXT_LIMIT, Release, commands_of, compiles, read_release
from pipeline.model import Subcategory
from pipeline.zipped import Broken
from tests.ecosystems.samples import REGISTRY, all_samples, make_zip
from tests.fake_packages import tar, tar_gz

SAMPLES = {key: sample for key, sample in all_samples().items() if sample.ecosystem == "cpan"}


def installed(*files: str, **texts: str) -> tuple[list[str], str]:
    """Return the commands of a release with these files and programs, and the place that says so."""
    named = {f"{name}.PL": text for name, text in texts.items()}
    found = read_release(tar_gz({f"D-1/{name}": "" for name in files} | {f"D-1/{k}": v for k, v in named.items()}))
    assert isinstance(found, Release)
    commands = commands_of(found)
    return sorted(commands.names), commands.place


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("WriteMakefile(EXE_FILES => ['bin/a', \"b\"]);", ["a", "b"]),
        ("WriteMakefile('EXE_FILES' => [ qw(bin/a bin/b) ]);", ["a", "b"]),
        ('"EXE_FILES" => [\n  "bin/a",\n  "bin/b",\n ],', ["a", "b"]),
        ("EXE_FILES, [qw<bin/a>, qw{bin/b}]", ["a", "b"]),
        ("EXE_FILES => []", []),
        ("use inc::Module::Install;\ninstall_script 'a', qw(script/b);\n", ["a", "b"]),
        ("use inc::Module::Install;\ninstall_script('script/a');\n", ["a"]),
    ],
)
def test_a_list_that_is_written_out_is_taken_as_it_is(program, expected):
    """In each of Perl's ways to quote, whatever else lies in bin/."""
    assert installed("bin/other", Makefile=program)[0] == expected


@pytest.mark.parametrize(
    "program",
    [
        "EXE_FILES => [glob 'bin/*']",
        "EXE_FILES => [<bin/*>]",
        'EXE_FILES => ["bin/$name"]',
        "EXE_FILES => \\@scripts",
        "EXE_FILES => [map { $_ } 'x']",
        "if ($a) { p(EXE_FILES => ['x']) } else { p(EXE_FILES => ['y']) }",
        "install_script glob('bin/*');",
    ],
)
def test_a_list_that_is_computed_gives_the_folders(program):
    """Nothing is run, and nothing is guessed: what lies in the folders is what is computed from them."""
    assert installed("bin/tool", "script/more", "bin/.hidden", "bin/sub/deep", Makefile=program) == (
        ["more", "tool"],
        "the files in bin/ and script/",
    )


@pytest.mark.parametrize(
    "program",
    [
        "# EXE_FILES => ['a'],\nWriteMakefile();",
        "WriteMakefile();\n__END__\nEXE_FILES => ['a']",
        "WriteMakefile();\n=pod\n\nEXE_FILES => ['a']\n\n=cut\n",
        "",
    ],
)
def test_a_makefile_that_names_none_installs_none(program):
    """MakeMaker installs nothing of bin/ by itself; comments and documentation name nothing."""
    assert installed("bin/example", Makefile=program)[0] == []


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("Module::Build->new(script_files => ['scripts/a'])", ["a"]),
        ("Module::Build->new()", ["b", "made"]),
        ("use Module::Build::Tiny; Build_PL();", ["s"]),
        ("Module::Build->new(script_files => \\%found)", ["b", "made", "s"]),
    ],
)
def test_module_build(program, expected):
    """Its own folder is bin/, that of its small sister script/; `made.PL` makes `made`."""
    assert installed("bin/b", "bin/made.PL", "script/s", Build=program)[0] == expected


def test_without_a_program_the_scripts_folder_is_copied():
    """A static installation copies script/ and nothing else."""
    assert installed("bin/b", "script/s") == (["s"], "the files in script/")


def test_sources_in_c_are_named_but_not_those_of_tests():
    """What needs a compiler is known before it is installed."""
    found = read_release(tar_gz({"D-1/D.xs": "", "D-1/src/d.c": "", "D-1/t/x.c": "", "D-1/Makefile.PL": ""}))
    assert isinstance(found, Release)
    assert compiles(found) == ["D.xs", "src/d.c"]


PLAIN = {"D-1/Makefile.PL": "EXE_FILES => ['d']", "D-1/d": "#!perl\n"}


@pytest.mark.parametrize(
    "content",
    [
        tar_gz(PLAIN),
        bz2.compress(tar(PLAIN)),
        make_zip(PLAIN),
        tar_gz({f"./{name}": text for name, text in PLAIN.items()}),
        tar_gz({**PLAIN, "._D-1": "", "D-1/._d": ""}),
    ],
    ids=["gzip", "bzip2", "zip", "dot", "of macOS"],
)
def test_each_packing_holds_the_same(content):
    """PAUSE takes tar archives by gzip and bzip2, and zip; some begin with `./` or hold macOS's shadows."""
    found = read_release(content)
    assert isinstance(found, Release)
    assert found.files == {"Makefile.PL", "d"}
    assert commands_of(found).names == {"d"}


def with_link(target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("D-1/bin/d")
        link.type, link.linkname = tarfile.SYMTYPE, target
        archive.addfile(link)
    return buffer.getvalue()


BROKEN = {
    "empty": b"",
    "html": b"<!doctype html>",
    "no tar": gzip.compress(b"x" * 2000),
    "cut gzip": tar_gz(PLAIN)[:-600],
    "cut bzip2": bz2.compress(tar(PLAIN))[:-60],
    "damaged bzip2": b"BZh9" + b"x" * 500,
    "cut zip": make_zip(PLAIN)[:-9],
    "two folders": tar_gz({"D-1/a": "", "E-1/b": ""}),
    "no folder": tar_gz({"Makefile.PL": ""}),
    "leaves": tar_gz({"D-1/../../etc/passwd": ""}),
    "absolute": tar_gz({"/etc/passwd": ""}),
    "zip leaves": make_zip({"D-1/../x": ""}),
    "only a link": with_link("/etc/passwd"),
    "huge program": tar_gz({"D-1/Makefile.PL": "x" * (TEXT_LIMIT + 1)}),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_broken_archives_are_refused(content):
    """What is no release gives one line that says why."""
    found = read_release(content)
    assert isinstance(found, Broken)
    assert found.message


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_bombs_end_at_the_limit(monkeypatch, pack):
    """A small archive that unpacks to much is given up where the limit is, whatever packed it."""
    monkeypatch.setattr(tarball, "UNPACKED_LIMIT", 1_000_000)
    bomb = pack(tar({"D-1/large": b"\0" * 5_000_000}))
    assert len(bomb) < 10_000
    assert read_release(bomb) == Broken(message="unpacks to more than 1000000 bytes")


@pytest.mark.parametrize("text", ["EXE_FILES => [", "install_script ", "EXE_FILES => ['a' ", "=pod\n", "qw(", "\n#"])
def test_no_program_takes_long_to_read(text):
    """A Makefile.PL of nothing but beginnings is read in time that grows with its length alone."""
    started = time.process_time()
    installed(Makefile=text * (TEXT_LIMIT // len(text)))
    assert time.process_time() - started < 10


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_archives_never_raise(data):
    """One byte changed, or an end cut off, gives a release or a reason."""
    content = bytearray(data.draw(st.sampled_from([tar_gz(PLAIN), bz2.compress(tar(PLAIN)), make_zip(PLAIN)])))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for changed in (bytes(content), bytes(content[: data.draw(st.integers(0, len(content)))])):
        assert isinstance(read_release(changed), Release | Broken)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="EXE_FILES=>[]'\"qw(){}/# \nab$@%;,", max_size=80))
def test_any_program_gives_names_or_none(program):
    """No text of a Makefile.PL makes reading it fail, and every name is one of a file."""
    names, place = installed("bin/tool", Makefile=f"EXE_FILES => [{program}")
    assert all(name and "/" not in name for name in names)
    assert place


@pytest.mark.parametrize(
    ("case", "subcategory"),
    [
        ("trial", Subcategory.NO_STABLE_VERSION),
        ("backpan-only", Subcategory.YANKED),
        ("unauthorised", Subcategory.NOT_INSTALLABLE),
        ("deprecated", Subcategory.DEPRECATED),
        ("no-commands", Subcategory.NO_EXECUTABLES),
        ("other-digest", Subcategory.DIGEST_MISMATCH),
        ("other-distribution", Subcategory.BAD_METADATA),
    ],
)
def test_each_refusal_has_its_cause(case, subcategory):
    """What CPAN says against a release, as booleans or as words, is a typed reason."""
    assert SAMPLES[f"cpan-{case}"].make().subcategory is subcategory


def test_what_is_refused_is_not_downloaded():
    """The document alone says that there is nothing to make."""
    sample = SAMPLES["cpan-trial"]
    assert sample.pages.keys() == {f"{REGISTRY}/release/Early"}
