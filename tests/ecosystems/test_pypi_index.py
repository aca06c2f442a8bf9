"""PyPI's rules that a changed index answer or wheel shows best."""

import hashlib
import json

import pytest

from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.pypi import ACCEPT
from pipeline.model import Failed, Skipped, Subcategory
from tests.ecosystems.samples import REGISTRY, all_samples, make, make_zip
from tests.fakes_fetcher import DictFetcher

SAMPLE = all_samples()["pypi-archived"]
INFO = "attic-1.0.dist-info"
WHEEL = {
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: attic\nVersion: 1.0\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\nattic=attic:main\n",
}


def file(filename: str, **fields: object) -> dict[str, object]:
    return {"filename": filename, "url": f"{REGISTRY}/files/{filename}", "hashes": {}} | fields


def fetcher(*files: dict[str, object], wheel: dict[str, str] | None = None, **fields: object) -> DictFetcher:
    page = {"meta": {"api-version": "1.0"}, "name": "attic", "files": list(files)} | fields
    content = make_zip(WHEEL if wheel is None else wheel)
    pages = {str(one["url"]): content for one in files}
    return DictFetcher(pages | {f"{REGISTRY}/attic/": json.dumps(page).encode()})


def made(*files: dict[str, object], wheel: dict[str, str] | None = None, **fields: object) -> Made:
    return make(SAMPLE.order, fetcher(*files, wheel=wheel, **fields))


def chosen(*names: str) -> str:
    found = made(*(file(name) for name in names))
    assert isinstance(found, Draft)
    return found.evidence.artifact.name


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["attic-1.0-py3-none-any.whl", "attic-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"], "py3-none-any"),
        (["attic-1.0-py2.py3-none-any.whl", "attic-1.0-py2-none-any.whl"], "py2.py3-none-any"),
        (
            ["attic-1.0-cp313-cp313-win_amd64.whl", "attic-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"],
            "cp313-cp313-manylinux_2_28_x86_64",
        ),
        (
            ["attic-1.0-py3-none-musllinux_1_2_x86_64.whl", "attic-1.0-py3-none-manylinux_2_17_x86_64.whl"],
            "py3-none-manylinux_2_17_x86_64",
        ),
        (["attic-1.0-py3-none-macosx_11_0_arm64.whl"], "py3-none-macosx_11_0_arm64"),
    ],
)
def test_the_most_general_wheel_is_read(names, expected):
    """Wheels for any machine come before Linux on x86_64 with glibc, that before others, in any order."""
    assert chosen(*names) == chosen(*reversed(names)) == f"attic-1.0-{expected}.whl"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["attic-1.9", "attic-1.10"], "1.10"),
        (["attic-1.0", "attic-1.0.post1"], "1.0.post1"),
        (["attic-1.0", "attic-2.0a1", "attic-2.0.dev3"], "1.0"),
        (["attic-1!0.1", "attic-2.0"], "1!0.1"),
        (["attic-1.0", "attic-x.y", "other-9.0", "attic-3.0-1-2-3-4"], "1.0"),
    ],
)
def test_the_newest_stable_version_by_version_rules(names, expected):
    """Versions are compared as versions; names that break the rules are passed over."""
    info = f"attic-{expected}.dist-info"
    wheel = {
        name.replace(INFO, info): text.replace("Version: 1.0", f"Version: {expected}")
        if name.endswith("METADATA")
        else text
        for name, text in WHEEL.items()
    }
    found = made(*(file(f"{name}-py3-none-any.whl") for name in names), wheel=wheel)
    assert isinstance(found, Draft)
    assert found.evidence.version == expected


@pytest.mark.parametrize("status", [{"status": "deprecated"}, "deprecated"])
def test_deprecated_projects_are_skipped(status):
    """A project that is marked as deprecated is a fact to report, in both forms that indexes give."""
    found = made(file("attic-1.0-py3-none-any.whl"), **{"project-status": status})
    assert isinstance(found, Skipped)
    assert found.subcategory is Subcategory.DEPRECATED


def test_one_request_to_each_host_for_a_small_wheel():
    """The index is asked once, as JSON, and the wheel once, for its end."""
    asked = fetcher(file("attic-1.0-py3-none-any.whl"))
    make(SAMPLE.order, asked)
    assert [(url, accept, tail > 0, span) for url, accept, tail, span in asked.requests] == [
        (f"{REGISTRY}/attic/", ACCEPT, False, None),
        (f"{REGISTRY}/files/attic-1.0-py3-none-any.whl", "", True, None),
    ]


def test_a_large_wheel_costs_one_request_more():
    """A directory and metadata that do not fit into the end of the file are fetched together."""
    noise = {f"attic/{hashlib.sha256(str(at).encode()).hexdigest()}.py": "" for at in range(2500)}
    asked = fetcher(file("attic-1.0-py3-none-any.whl"), wheel=noise | WHEEL)
    assert isinstance(make(SAMPLE.order, asked), Draft)
    assert len(asked.requests) == 3


def test_no_time_no_digest_and_no_size_are_no_failures():
    """An index of the first version of the format gives neither; the evidence says so."""
    found = made(file("attic-1.0-py3-none-any.whl"))
    assert isinstance(found, Draft)
    assert (found.evidence.released_at, found.evidence.age_days, found.evidence.artifact.digest) == (
        None,
        None,
        "",
    )
    assert "the registry gives no digest that can be trusted" in found.evidence.risks


def test_wrong_digest_is_a_failure():
    """Bytes whose digest is not the registry's never become a recipe."""
    found = made(file("attic-1.0-py3-none-any.whl", hashes={"sha256": "0" * 64}))
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.DIGEST_MISMATCH


@pytest.mark.parametrize(
    "url",
    ["ftp://x.example/a.whl", "javascript:x", "https://x.example:0/", "https://[x/a.whl", "https://x/ a"],
)
def test_files_elsewhere_than_on_the_web_are_refused(url):
    """An address that no client would fetch from is bad metadata, and is not asked."""
    asked = fetcher(file("attic-1.0-py3-none-any.whl", url=url))
    found = make(SAMPLE.order, asked)
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.BAD_METADATA
    assert len(asked.requests) == 1


@pytest.mark.parametrize("name", ["a b", ".hidden", "x;y"])
def test_names_that_a_recipe_cannot_hold_skip_the_package(name):
    """A script of the wheel with a forbidden name is reason enough for a person to look."""
    found = made(file("attic-1.0-py3-none-any.whl"), wheel=WHEEL | {f"attic-1.0.data/scripts/{name}": ""})
    assert isinstance(found, Skipped)
    assert found.subcategory is Subcategory.BAD_NAME


@pytest.mark.parametrize("metadata", ["Name: other\nVersion: 1.0\n", "Name: attic\nVersion: 1.1\n", "Name: attic\n"])
def test_metadata_of_another_release_is_refused(metadata):
    """A wheel whose METADATA names another project or version is one that installers refuse."""
    found = made(file("attic-1.0-py3-none-any.whl"), wheel=WHEEL | {f"{INFO}/METADATA": metadata})
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.BAD_METADATA


def test_the_format_of_another_age_is_refused():
    """A major version of the index format that is not known is not guessed at."""
    assert isinstance(made(file("attic-1.0-py3-none-any.whl"), meta={"api-version": "2.0"}), Failed)
