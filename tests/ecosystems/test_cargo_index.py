"""Cargo's rules that a changed index file, config.json or archive shows best."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.cargo import prefix
from pipeline.model import Failed, Skipped, Subcategory, WorkOrder
from tests.ecosystems.samples import REGISTRY, make
from tests.fake_packages import crate
from tests.fakes_fetcher import DictFetcher

ORDER = WorkOrder(source="cargo:attic", name="attic")
INDEX = f"{REGISTRY}/at/ti/attic"


def archive(version: str = "1.0.0", manifest: str = "", **files: str) -> bytes:
    text = f'[package]\nname = "attic"\nversion = "{version}"\nlicense = "MIT"\n{manifest}'
    return crate("attic", version, {"Cargo.toml": text, "src/main.rs": "", **files})


def line(version: str, content: bytes = b"", **fields: object) -> dict[str, object]:
    cksum = hashlib.sha256(content or archive(version)).hexdigest()
    return {"name": "attic", "vers": version, "deps": [], "cksum": cksum, "features": {}, "yanked": False, **fields}


def fetcher(*lines: dict[str, object], content: bytes = b"", dl: str = f"{REGISTRY}/dl") -> DictFetcher:
    pages = {f"{REGISTRY}/dl/attic/{one['vers']}/download": content or archive(str(one["vers"])) for one in lines}
    index = "\n".join(json.dumps(one) for one in lines).encode()
    return DictFetcher(pages | {INDEX: index, f"{REGISTRY}/config.json": json.dumps({"dl": dl}).encode()})


def made(*lines: dict[str, object], content: bytes = b"") -> Made:
    return make(ORDER, fetcher(*lines, content=content))


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["1.9.0", "1.10.0"], "1.10.0"),
        (["1.0.0", "2.0.0-rc.1"], "1.0.0"),
        (["1.0.0+a-1", "1.0.0+b"], "1.0.0+b"),
        (["0.2.0", "0.10.0", "0.9.9"], "0.10.0"),
        (["1.0.0", "1.0", "v2.0.0", "3"], "1.0.0"),
    ],
)
def test_the_newest_stable_version_by_semantic_versioning(versions, expected):
    """Numbers are compared as numbers, whatever the order of the lines; what is no version is passed over."""
    for order in (versions, versions[::-1]):
        found = made(*(line(version) for version in order))
        assert isinstance(found, Draft)
        assert found.evidence.version == expected


def test_yanked_versions_are_passed_over():
    """A version that its authors took back is not chosen, and a formula of lines that cargo does not know neither."""
    found = made(line("1.0.0"), line("1.1.0", yanked=True), line("1.2.0", v=7))
    assert isinstance(found, Draft)
    assert found.evidence.version == "1.0.0"


@pytest.mark.parametrize(
    ("name", "folder"),
    [("a", "1"), ("ab", "2"), ("abc", "3/a"), ("abcd", "ab/cd"), ("ripgrep", "ri/pg")],
)
def test_index_folders_follow_the_length_of_the_name(name, folder):
    """The index has folders for names of one, two, three and more letters."""
    assert prefix(name) == folder


def test_the_index_is_asked_in_lower_case():
    """Paths of the index are in lower case, the name in the archive's address is as it is written."""
    asked = DictFetcher({})
    make(WorkOrder(source="cargo:Inflector", name="inflector"), asked)
    assert [url for url, *_ in asked.requests] == [f"{REGISTRY}/in/fl/inflector"]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("/dl", "/dl/attic/1.0.0/download"),
        ("/{crate}/{crate}-{version}.crate", "/attic/attic-1.0.0.crate"),
        ("/{prefix}/{lowerprefix}/{crate}", "/at/ti/at/ti/attic"),
        ("/{sha256-checksum}", f"/{line('1.0.0')['cksum']}"),
    ],
)
def test_archives_are_where_the_index_says(template, expected):
    """The markers of `dl` are filled in; without any, the usual path follows."""
    asked = fetcher(line("1.0.0"), dl=REGISTRY + template)
    asked.pages = {**asked.pages, REGISTRY + expected: archive()}
    found = make(ORDER, asked)
    assert isinstance(found, Draft)
    assert found.evidence.artifact.url == REGISTRY + expected
    assert found.evidence.artifact.digest_checked


@pytest.mark.parametrize("dl", ["ftp://x.example", "javascript:x", "", "/relative", "https://[x"])
def test_archives_elsewhere_than_on_the_web_are_refused(dl):
    """An address that no client would fetch from is bad metadata, and is not asked."""
    asked = fetcher(line("1.0.0"), dl=dl)
    found = make(ORDER, asked)
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.BAD_METADATA
    assert len(asked.requests) == 2


def test_other_bytes_than_the_index_promises_are_a_failure():
    """An archive whose digest is not the index's never becomes a recipe."""
    found = made(line("1.0.0", b"other bytes"))
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.DIGEST_MISMATCH


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('license = "MIT/Apache-2.0"', "MIT OR Apache-2.0"),
        ('license = "(MIT OR Apache-2.0) AND BSD-3-Clause"', "(MIT OR Apache-2.0) AND BSD-3-Clause"),
        ('license = "non-standard"', None),
        ('license-file = "LICENSE"', None),
        ("", None),
    ],
)
def test_licences_are_spdx_or_loudly_unknown(text, expected):
    """The old spelling with a slash means a choice; a licence in a file is one that nobody has read."""
    content = crate(
        "attic", "1.0.0", {"Cargo.toml": f'[package]\nname = "attic"\nversion = "1.0.0"\n{text}\n', "src/main.rs": ""}
    )
    found = made(line("1.0.0", content), content=content)
    assert isinstance(found, Draft)
    assert found.evidence.license.spdx == expected


@pytest.mark.parametrize(
    ("manifest", "files", "expected"),
    [
        ("", {}, False),
        ("", {"build.rs": ""}, True),
        ('build = "make.rs"\n', {}, True),
        ("build = false\n", {"build.rs": ""}, False),
    ],
)
def test_build_scripts_are_code_that_runs(manifest, files, expected):
    """A declared build script, or a build.rs that is not switched off, is told to the reviewer."""
    content = archive("1.0.0", manifest, **files)
    found = made(line("1.0.0", content), content=content)
    assert isinstance(found, Draft)
    assert found.evidence.has_install_scripts == expected


def test_the_digest_of_upstream_changes_with_what_matters():
    """The same facts give the same digest whatever else the index holds; a yank or other bytes give another."""

    def upstream(*lines: dict[str, object], content: bytes = b"") -> str | None:
        found = made(*lines, content=content)
        assert not isinstance(found, Draft | Failed) or isinstance(found, Draft)
        return found.evidence.upstream if isinstance(found, Draft) else found.upstream

    plain = upstream(line("1.0.0"))
    other = archive("1.0.0", 'description = "x"\n')
    assert plain == upstream(line("0.9.0"), line("1.0.0", pubtime="2026-01-01T00:00:00Z"))
    assert plain != upstream(line("1.0.0", other), content=other)
    assert plain != upstream(line("1.0.0", features={"fast": []}))
    yanked = upstream(line("1.0.0", yanked=True))
    assert yanked not in {None, plain, upstream(line("1.0.0", yanked=True), line("1.1.0", yanked=True))}


def test_a_library_is_not_a_guess_at_a_tool():
    """A crate without executables is skipped, and another crate is named only when its own texts do so."""
    plain = crate("attic", "1.0.0", {"Cargo.toml": '[package]\nname = "attic"\nversion = "1.0.0"\n', "src/lib.rs": ""})
    found = made(line("1.0.0", plain), content=plain)
    assert isinstance(found, Skipped)
    assert found.subcategory is Subcategory.NO_EXECUTABLES
    assert "attic-cli" not in found.message


TEXTS = st.text(max_size=12)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.just("attic") | TEXTS,
            "vers": st.sampled_from(["1.0.0", "1.0.1-a", "2", "99999999999999999999.0.0", "1.0.0+x"]) | TEXTS,
            "cksum": st.just(hashlib.sha256(archive()).hexdigest()) | TEXTS,
        },
        optional={
            "deps": st.just([]),
            "yanked": st.booleans(),
            "features": st.dictionaries(TEXTS, st.lists(TEXTS, max_size=2), max_size=2),
            "features2": st.none() | st.dictionaries(TEXTS, st.lists(TEXTS, max_size=2), max_size=2),
            "rust_version": st.none() | TEXTS,
            "links": st.none() | TEXTS,
            "pubtime": st.none() | TEXTS | st.just("2026-01-01T00:00:00Z"),
            "v": st.integers(0, 4),
            "unknown": TEXTS,
        },
    ),
    max_size=5,
)
MANIFESTS = st.fixed_dictionaries(
    {"name": st.just('"attic"'), "version": st.just('"1.0.0"')},
    optional={
        "autobins": st.sampled_from(["true", "false", '"x"']),
        "edition": st.sampled_from(['"2015"', '"2021"', "2021", "{workspace = true}"]),
        "license": st.sampled_from(['"MIT"', '"/"', '"( OR"', "[]"]),
        "license-file": st.sampled_from(['"L"', "1"]),
        "description": st.sampled_from(['"A tool."', '"\\u202e"', "[1]"]),
        "rust-version": st.sampled_from(['"1.70"', '"x"', "1.7"]),
        "build": st.sampled_from(["true", '"b.rs"', "[]", "1"]),
        "links": st.sampled_from(['"z"', "{}"]),
        "homepage": st.sampled_from(['"http://x.example"', '"javascript:x"', "{}"]),
    },
)


@settings(max_examples=200, deadline=None)
@given(lines=LINES, package=MANIFESTS, tail=st.sampled_from(["", "[badges]\nmaintenance = 1\n", "[features]\nx = 1\n"]))
def test_any_answer_of_the_right_form_gives_a_typed_outcome(lines, package, tail):
    """Whatever stands in the fields of the index, and in those of the manifest, ends in an outcome."""
    text = "[package]\n" + "".join(f"{key} = {value}\n" for key, value in package.items()) + tail
    content = crate("attic", "1.0.0", {"Cargo.toml": text, "src/main.rs": ""})
    true = line("1.0.0", content)
    assert isinstance(made(*lines, content=content), Draft | Skipped | Failed)
    assert isinstance(made(true, content=content), Draft | Skipped | Failed)
