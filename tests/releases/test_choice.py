"""Names of release files: what they say, which file is for which platform, and where nothing decides."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.platforms import ALL_CELLS, Cell
from pipeline.releases.choice import Ambiguous, Linking, choose
from pipeline.releases.names import platform_words, read_name
from pipeline.releases.pattern import compare, is_for, steps_for
from pipeline.releases.words import NEVER, WORDS

AMD64, ARM64 = Cell("linux", "amd64", "glibc"), Cell("linux", "arm64", "glibc")
AMD64_MUSL, ARM64_MUSL = Cell("linux", "amd64", "musl"), Cell("linux", "arm64", "musl")
MAC_INTEL, MAC = Cell("darwin", "amd64"), Cell("darwin", "arm64")
VERSION = "1.2.3"
AS_NAMED = Linking()


def chosen(*names, tool="tool", repository="tool", version=VERSION, linking=AS_NAMED):
    """Return the chosen names by cell, or what stays ambiguous."""
    own = (frozenset({tool}), frozenset({repository}))
    files = [file for name in names if (file := read_name(name, version, own[0] | own[1]))]
    found = choose(files, own, linking)
    return found if isinstance(found, Ambiguous) else {cell: file.name for cell, file in found.items()}


def platforms(name, version=VERSION):
    """Return the system, the processors, the C library and the format that a name says."""
    file = read_name(name, version)
    return file and (file.os, sorted(file.arches), file.libc, file.format)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tool-1.2.3-x86_64-unknown-linux-musl.tar.gz", ("linux", ["x86_64"], "musl", "tar.gz")),
        ("tool_aarch64-unknown-linux-gnu.tar.xz", ("linux", ["arm64"], "gnu", "tar.xz")),
        ("tool_v1.2.3_Linux-64bit.tar.gz", ("linux", ["x86_64"], "", "tar.gz")),
        ("tool-linux-64", ("linux", ["x86_64"], "", "binary")),
        ("tool.darwin-arm64", ("darwin", ["arm64"], "", "binary")),
        ("tool-1.2.3-linux64.tgz", ("linux", ["x86_64"], "", "tar.gz")),
        ("tool-macOS-universal.zip", ("darwin", ["arm64", "x86_64"], "", "zip")),
        ("tool_1.2.3_darwin_all.tar.gz", ("darwin", ["arm64", "x86_64"], "", "tar.gz")),
        ("tool-macos-x86_64-arm64.zip", ("darwin", ["arm64", "x86_64"], "", "zip")),
        ("Tool-1.2.3-OSX-ARM64.TBZ", ("darwin", ["arm64"], "", "tar.bz2")),
        ("tool-linux.tar.gz", ("linux", ["x86_64"], "", "tar.gz")),
        ("tool-static-linux-x64.zip", ("linux", ["x86_64"], "static", "zip")),
        ("tool-1.2.3-1.el7.ubuntu-amd64.tar.gz", ("linux", ["x86_64"], "gnu", "tar.gz")),
        ("tool-darwin.tar.gz", None),
        ("tool-linux-universal.tar.gz", None),
        ("tool-linux-i386.tar.gz", None),
        ("tool-linux-armv7.tar.gz", None),
        ("tool-armv7-unknown-linux-musleabihf.tar.gz", None),
        ("tool-linux-x86_64-v3.tar.gz", None),
        ("tool-windows-amd64.zip", None),
        ("tool-x86_64-pc-windows-gnu.zip", None),
        ("tool-aarch64-linux-android.tar.gz", None),
        ("tool-linux-darwin-amd64.tar.gz", None),
        ("tool-x86_64.tar.gz", None),
        ("tool.jar", None),
        ("tool", None),
        ("tool-linux", None),
        ("tool-linux-amd64.deb", None),
        ("tool-linux-amd64.AppImage", None),
        ("tool-linux-amd64.tar.gz.sha256", None),
        ("tool-linux-amd64.tar.gz.asc", None),
        ("tool-linux-amd64.sbom.json", None),
        ("tool-linux-amd64.tar.zst", None),
        ("tool-linux-amd64-debug.tar.gz", None),
        ("tool-1.2.3-src.tar.gz", None),
        ("tool linux amd64.tar.gz", None),
        ("../tool-linux-amd64.tar.gz", None),
        ("tool-{arch}-linux-amd64.tar.gz", None),
        ("tool-linux-amd64\n", None),
    ],
)
def test_what_a_name_says(name, said):
    """The words of goreleaser, of target triples and of others; what is for other systems, or no program, is none."""
    assert platforms(name) == said


def test_words_of_the_products_own_name_never_count_against_it():
    """`docs` in `helm-docs` is part of the tool; in `helm-docs-docs` it would not be seen apart."""
    assert read_name("helm-docs_1.2.3_Linux_x86_64.tar.gz", VERSION) is None
    assert read_name("helm-docs_1.2.3_Linux_x86_64.tar.gz", VERSION, frozenset({"helm", "docs"})) is not None


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("yq_linux_amd64", "yq"),
        ("ctop-1.2.3-linux-amd64", "ctop"),
        ("ctop-v1.2.3-linux-amd64", "ctop"),
        ("direnv.linux-amd64", "direnv"),
        ("Tool-x86_64-linux", "Tool"),
        ("linux-amd64", ""),
    ],
)
def test_what_a_file_that_is_the_program_is_called(name, product):
    """What stands before all that is known of platforms and versions."""
    file = read_name(name, VERSION)
    assert file is not None
    assert file.product == product


def test_a_version_is_found_whole_or_not_at_all():
    """`1.2` is no part of `1.2.3`, nor of `11.2`."""
    for name in (
        "tool-1.2.3-linux-x64.zip",
        "tool-11.2-linux-x64.zip",
        "tool1.2-linux-x64.zip",
        "tool-0.1.2-linux-x64.zip",
    ):
        file = read_name(name, "1.2")
        assert file is not None
        assert "version" not in [span.kind for span in file.spans]


# Files of real releases, and the one for each cell that a person would take.
KNOWN = {
    "one for all Linux": (
        "fd",
        ["fd-v1.2.3-x86_64-unknown-linux-gnu.tar.gz", "fd-v1.2.3-x86_64-unknown-linux-musl.tar.gz"],
        {AMD64: 1, AMD64_MUSL: 1},
    ),
    "glibc only": ("sk", ["skim-aarch64-unknown-linux-gnu.tar.xz"], {ARM64: 0}),
    "no C library named": ("yq", ["yq_linux_amd64.tar.gz"], {AMD64: 0, AMD64_MUSL: 0}),
    "the program before its archive": ("yq", ["yq_linux_amd64.tar.gz", "yq_linux_amd64"], {AMD64: 1, AMD64_MUSL: 1}),
    "formats": (
        "micro",
        ["micro-1.2.3-linux64.tar.gz", "micro-1.2.3-linux64.tgz", "micro-1.2.3-linux64-static.tar.gz"],
        {AMD64: 2, AMD64_MUSL: 2},
    ),
    "one processor before both": (
        "nvim",
        ["nvim-macos-arm64.tar.gz", "nvim-macos-universal.tar.gz"],
        {MAC: 0, MAC_INTEL: 1},
    ),
    "variants": (
        "ollama",
        ["ollama-linux-amd64-roc.tgz", "ollama-linux-amd64.tgz", "ollama-linux-arm64-jp.tgz", "ollama-linux-arm64.tgz"],
        {AMD64: 1, AMD64_MUSL: 1, ARM64: 3, ARM64_MUSL: 3},
    ),
    "the tool's own before others": (
        "deno",
        ["denort-aarch64-apple-darwin.zip", "deno-aarch64-apple-darwin.zip"],
        {MAC: 1},
    ),
    "plain Linux before a distribution": (
        "tool",
        ["tool-ubuntu-x86_64.tar.gz", "tool-linux-x86_64.tar.gz", "tool-alpine-x86_64.tar.gz"],
        {AMD64: 2, AMD64_MUSL: 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KNOWN)
def test_the_file_that_a_person_would_take(case):
    """The numbers are places in the list of files."""
    tool, names, expected = KNOWN[case]
    assert chosen(*names, tool=tool, repository=tool) == {cell: names[at] for cell, at in expected.items()}


@pytest.mark.parametrize(
    "names",
    [
        ["tool-linux-x64-cuda11.tar.gz", "tool-linux-x64-cuda12.tar.gz"],
        ["tool-py3.10-linux-x64.tar.gz", "tool-py3.11-linux-x64.tar.gz"],
        ["tool-ubuntu-20.04-amd64.tar.gz", "tool-ubuntu-22.04-amd64.tar.gz"],
        ["client-linux-amd64", "server-linux-amd64"],
        ["tool-linux-amd64.zip", "tool_linux_amd64.zip"],
    ],
)
def test_files_that_suit_equally_well_are_named(names):
    """Nothing decides by alphabet, by date, or by size."""
    found = chosen(*names)
    assert isinstance(found, Ambiguous)
    assert found.names == tuple(sorted(names))


def test_what_the_program_says_of_its_c_library_corrects_the_choice():
    """A musl build that needs musl's loader serves musl alone; an unnamed one that needs glibc's, glibc alone."""
    names = ["bun-linux-x64.zip", "bun-linux-x64-musl.zip"]
    dynamic = Linking(musl_runs_everywhere=False)
    assert chosen(*names, tool="bun") == {AMD64: names[1], AMD64_MUSL: names[1]}
    assert chosen(*names, tool="bun", linking=dynamic) == {AMD64: names[0], AMD64_MUSL: names[1]}
    assert chosen(names[0], tool="bun", linking=Linking(unnamed_runs_on_musl=False)) == {AMD64: names[0]}


OSES = {"linux": ["linux", "Linux", "unknown-linux-musl", "linux-gnu"], "darwin": ["darwin", "macOS", "apple-darwin"]}
ARCHES = {"amd64": ["x86_64", "amd64", "x64"], "arm64": ["arm64", "aarch64"]}
ENDS = ["", ".tar.gz", ".zip", ".tar.xz"]


@st.composite
def releases(draw):
    """Return the names of one release in one style, which leaves out some platforms and adds odd files."""
    first = draw(st.sampled_from(["tool-1.2.3-{os}-{arch}", "tool_{arch}_{os}", "tool-v1.2.3.{os}-{arch}"]))
    names = []
    for os, arch in draw(st.sets(st.sampled_from([(os, arch) for os in OSES for arch in ARCHES]), min_size=1)):
        word, processor = draw(st.sampled_from(OSES[os])), draw(st.sampled_from(ARCHES[arch]))
        names.append(first.format(os=word, arch=processor) + draw(st.sampled_from(ENDS)))
    odd = st.sampled_from(["checksums.txt", "tool-windows-x64.zip", "tool-1.2.3-linux-386.tar.gz", "tool.rb"])
    return names, draw(st.lists(odd, max_size=3, unique=True))


@given(releases())
def test_steps_bring_back_exactly_the_chosen_names(made):
    """Each cell with a file is served by exactly one step, whose pattern gives that file's name, and no other cell."""
    names, odd = made
    files = [file for name in names + odd if (file := read_name(name, VERSION))]
    found = choose(files, (frozenset({"tool"}),), Linking())
    assert not isinstance(found, Ambiguous)
    steps = steps_for(found)
    for cell in ALL_CELLS:
        serving = [step for step in steps if is_for(step.when, cell)]
        assert [step.expand(cell, VERSION) for step in serving] == ([found[cell].name] if cell in found else [])
    assert compare(steps, "v1.2.3", VERSION, frozenset(names)) is None
    assert {name for step in steps for name in (file.name for file in step.files.values())} <= set(names)


@given(releases(), st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(made, chance: random.Random):
    """GitHub promises no order."""
    names, odd = made
    shuffled = chance.sample([*names, *odd], len(names) + len(odd))
    assert chosen(*names, *odd) == chosen(*shuffled)


@given(st.text(max_size=60), st.from_regex(r"[0-9]+(\.[0-9]+){0,3}", fullmatch=True))
def test_any_name_is_read_or_refused(name, version):
    """Names come from strangers."""
    file = read_name(name, version)
    assert file is None or (file.name == name and file.arches <= {"x86_64", "arm64"})


def test_the_table_of_words_is_in_the_documentation():
    """docs/github-assets.md lists each word, and those that are never chosen."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "github-assets.md").read_text(encoding="utf-8")
    listed = {word for line in page.splitlines() if line.startswith("| ") for word in line.split("`")[1::2]}
    assert (set(WORDS) | NEVER) - listed == set()


def test_words_of_platforms_are_seen_in_paths():
    """A program that is called `yq_linux_amd64` cannot be named in a recipe for all."""
    assert platform_words("bin/yq_linux_amd64") == ["linux", "amd64"]
    assert platform_words("bin/base64") == platform_words("tool-64/x") == []
