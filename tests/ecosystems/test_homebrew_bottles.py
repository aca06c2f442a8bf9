"""Which bottle of a formula is asked for what, and what it says of the commands."""

import hashlib
import io
import json
import tarfile
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.brew import newest_macos
from pipeline.ecosystems.homebrew import make
from pipeline.model import Failed, Skipped, Subcategory, WorkOrder
from tests.ecosystems.samples import NOW, REGISTRY, all_samples
from tests.ecosystems.test_ecosystem_contract import JSON_VALUES, check_typed, paths_of, replaced
from tests.fake_packages import tar_gz
from tests.fakes_fetcher import DictFetcher

SAMPLES = all_samples()
MIRROR = "https://mirror.example/bottles"
BLOB = "/v2/homebrew/core/x/blobs/sha256:" + "a" * 64


def formula(content: bytes, **over: Any) -> dict[str, Any]:
    """Return a formula with one bottle, for Linux on x86_64, that holds `content`."""
    file = {"url": f"{REGISTRY}{BLOB}", "sha256": hashlib.sha256(content).hexdigest()}
    bottle = {"stable": {"rebuild": 0, "files": {"x86_64_linux": file}}}
    return {"name": "x", "versions": {"stable": "1.0"}, "bottle": bottle, **over}


def made(content: bytes, index: object = None, **over: Any) -> Made:
    """Return the outcome of that formula; its index says nothing of the commands unless one is given."""
    pages = {
        f"{REGISTRY}/formula/x.json": json.dumps(formula(content, **over)).encode(),
        f"{REGISTRY}/v2/homebrew/core/x/manifests/1.0": json.dumps(index or {"manifests": []}).encode(),
        f"{REGISTRY}{BLOB}": content,
    }
    order = WorkOrder(source="homebrew:x", name="x")
    return make(order, registry=REGISTRY, fetcher=DictFetcher(pages), now=NOW)


def binaries(outcome: Made) -> object:
    assert isinstance(outcome, Draft), outcome
    return outcome.recipe.steps[1].params["binaries"]


def packed(*members: tuple[str, int, bytes]) -> bytes:
    """Return a bottle with these members: name, mode, and type as tarfile writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, mode, kind in members:
            info = tarfile.TarInfo(name)
            info.mode, info.type, info.linkname = mode, kind, "../libexec/x"
            archive.addfile(info)
    return buffer.getvalue()


def test_only_what_can_be_run_in_bin_and_sbin_is_a_command() -> None:
    """Links count, as Homebrew links them; folders, files below them and files without the right to run do not."""
    bottle = packed(
        ("x/1.0/bin", 0o755, tarfile.DIRTYPE),
        ("x/1.0/bin/run", 0o755, tarfile.REGTYPE),
        ("x/1.0/bin/linked", 0o777, tarfile.SYMTYPE),
        ("x/1.0/bin/readme", 0o644, tarfile.REGTYPE),
        ("x/1.0/bin/folder/deep", 0o755, tarfile.REGTYPE),
        ("x/1.0/sbin/run", 0o755, tarfile.REGTYPE),
        ("x/1.0/sbin/daemon", 0o755, tarfile.REGTYPE),
        ("x/1.0/libexec/x", 0o755, tarfile.REGTYPE),
    )
    assert binaries(made(bottle)) == ["sbin/daemon", "bin/linked", "bin/run"]


@pytest.mark.parametrize("name", ["/x/1.0/bin/run", "x/1.0/bin/../../run", "x\\1.0\\bin\\run"])
def test_a_bottle_with_a_path_that_leaves_it_is_refused(name: str) -> None:
    """What such an archive says of its other files is not believed either."""
    outcome = made(packed((name, 0o755, tarfile.REGTYPE), ("x/1.0/bin/run", 0o755, tarfile.REGTYPE)))
    assert isinstance(outcome, Failed)
    assert outcome.subcategory is Subcategory.BAD_METADATA
    assert "leaves it" in outcome.message


@pytest.mark.parametrize(
    "content", [b"", b"not packed", tar_gz({"x/1.0/bin/run": ""})[:40]], ids=["empty", "text", "cut"]
)
def test_a_bottle_that_is_no_archive_is_bad_metadata(content: bytes) -> None:
    """Its digest is the formula's, so it was published like this."""
    outcome = made(content)
    assert isinstance(outcome, Failed)
    assert (outcome.subcategory, outcome.transient) == (Subcategory.BAD_METADATA, False)


def test_the_index_is_believed_only_for_the_bottle_of_the_formula() -> None:
    """An entry with another digest is about another build; then the bottle itself is read."""
    bottle = tar_gz({"x/1.0/bin/real": ""}, mode=0o755)
    entry = {"annotations": {"sh.brew.bottle.digest": "0" * 64, "sh.brew.path_exec_files": "bin/other"}}
    assert binaries(made(bottle, {"manifests": [entry]})) == ["bin/real"]
    entry["annotations"]["sh.brew.bottle.digest"] = hashlib.sha256(bottle).hexdigest()
    assert binaries(made(bottle, {"manifests": [entry]})) == ["bin/other"]


@pytest.mark.parametrize("paths", ["../../bin/sh", "/bin/sh", "bin/a/b", "libexec/x", "bin/", ",,", "bin"])
def test_paths_of_the_index_outside_of_the_two_folders_are_no_commands(paths: str) -> None:
    """The recipe would link whatever they name."""
    bottle = b"not read"
    digest = hashlib.sha256(bottle).hexdigest()
    entry = {"annotations": {"sh.brew.bottle.digest": digest, "sh.brew.path_exec_files": paths}}
    outcome = made(bottle, {"manifests": [entry]})
    assert isinstance(outcome, Skipped)
    assert outcome.subcategory is Subcategory.NO_EXECUTABLES


def test_a_listed_formula_costs_two_small_requests() -> None:
    """The formula and the index of its bottles: no bottle is fetched, and no `+` asked for."""
    for key, index in (
        ("homebrew-listed", "/v2/homebrew/core/lumen/manifests/1.4.2_1-2"),
        ("homebrew-plus-in-name", "/v2/homebrew/core/tracex2/manifests/2.0.rc.7"),
    ):
        sample = SAMPLES[key]
        fetcher = DictFetcher(sample.pages)
        assert isinstance(make(sample.order, registry=REGISTRY, fetcher=fetcher, now=NOW), Draft)
        page = f"{REGISTRY}/formula/{sample.order.source.partition(':')[2]}.json"
        assert [url for url, *_ in fetcher.requests] == [page, REGISTRY + index]
        assert fetcher.requests[1][1] == "application/vnd.oci.image.index.v1+json"


@pytest.mark.parametrize(
    ("mirror", "asked"),
    [
        (MIRROR, [f"{MIRROR}/trace%2B2-2.0~rc%2B7.x86_64_linux.bottle.tar.gz"]),
        ("https://mirror.example/v2/core", ["https://mirror.example/v2/core/tracex2/manifests/2.0.rc.7"]),
    ],
    ids=["folder", "container registry"],
)
def test_a_mirror_takes_the_place_of_the_bottles_address(mirror: str, asked: list[str]) -> None:
    """A container registry is asked for its index, a plain folder for the file by its encoded name."""
    sample = SAMPLES["homebrew-plus-in-name"]
    fetcher = DictFetcher({url: page for url, page in sample.pages.items() if "/formula/" in url})
    make(sample.order, registry=f"{REGISTRY} {mirror}", fetcher=fetcher, now=NOW)
    assert [url for url, *_ in fetcher.requests][1:] == asked


def test_bottles_for_other_systems_alone_are_none() -> None:
    """A formula that only Linux on another processor has a bottle of is one without."""
    outcome = made(b"", bottle={"stable": {"files": {"ppc64le_linux": {"url": f"{REGISTRY}/x", "sha256": "a" * 64}}}})
    assert isinstance(outcome, Skipped)
    assert outcome.subcategory is Subcategory.NEEDS_BUILD


@pytest.mark.parametrize(
    "file",
    [
        {"url": "file:///etc/passwd", "sha256": "a" * 64},
        {"url": "https://files.example/x y", "sha256": "a" * 64},
        {"url": "https://files.example/x", "sha256": "A" * 64},
        {"url": "https://files.example/x", "sha256": "a" * 64 + "\n"},
    ],
)
def test_an_address_or_digest_that_is_none_is_bad_metadata_and_not_shown(file: dict[str, str]) -> None:
    """What the outcome says is published, and an address may hold a password."""
    outcome = made(b"", bottle={"stable": {"files": {"x86_64_linux": file}}})
    assert isinstance(outcome, Failed)
    assert outcome.subcategory is Subcategory.BAD_METADATA
    assert file["url"] not in outcome.message


@pytest.mark.parametrize("version", ["1.0\nrm", "", "-rf", "a" * 101, "1/2"])
def test_a_version_that_is_none_makes_no_recipe(version: str) -> None:
    """It would stand in the address of the index, and in texts for people."""
    assert not isinstance(made(b"", versions={"stable": version}), Draft)


def test_the_end_of_a_life_is_told_once_it_has_come() -> None:
    """A date alone is a risk; the flag decides, and disabled comes before deprecated."""
    bottle = tar_gz({"x/1.0/bin/x": ""}, mode=0o755)
    announced = made(bottle, disable_date="2030-01-01")
    assert isinstance(announced, Draft)
    assert "it is to be disabled on 2030-01-01" in announced.evidence.risks
    over = {
        "deprecated": True,
        "disabled": True,
        "disable_reason": "does_not_build",
        "disable_replacement_formula": "y",
    }
    outcome = made(bottle, **over)
    assert isinstance(outcome, Skipped)
    assert outcome.message == "x is disabled: does not build; y replaces it"


def test_another_build_of_the_same_version_is_another_upstream() -> None:
    """A package in quarantine is looked at again when its bottles change, though its version does not."""
    first, second = (made(tar_gz({"x/1.0/bin/x": text}, mode=0o755)) for text in ("one", "two"))
    assert isinstance(first, Draft)
    assert isinstance(second, Draft)
    assert first.evidence.upstream != second.evidence.upstream
    assert msgspec.structs.replace(first.recipe) == second.recipe


@pytest.mark.parametrize(
    ("tags", "arm", "newest"),
    [
        (["arm64_ventura", "arm64_sonoma", "sonoma"], True, "arm64_sonoma"),
        (["arm64_ventura", "big_sur", "catalina", "x86_64_linux", "all"], False, "big_sur"),
        (["arm64_sequoia", "arm64_not_yet_known"], True, "arm64_not_yet_known"),
        (["arm64_linux", "all"], True, None),
    ],
)
def test_the_newest_macos_is_known_by_its_name(tags: list[str], arm: bool, newest: str | None) -> None:
    """Names have no order of their own; one that is not known yet is newer than all that are."""
    assert newest_macos(tags, arm=arm) == newest


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_changed_field_of_the_index_gives_a_typed_outcome(data: st.DataObject) -> None:
    """The index comes from another service than the formula, and is as little believed."""
    bottle = tar_gz({"x/1.0/bin/x": ""}, mode=0o755)
    annotations = {
        "sh.brew.bottle.digest": hashlib.sha256(bottle).hexdigest(),
        "sh.brew.path_exec_files": "bin/x",
        "sh.brew.bottle.size": "1",
    }
    whole = {
        "manifests": [{"annotations": annotations}],
        "annotations": {"org.opencontainers.image.created": "2026-01-01"},
    }
    path = data.draw(st.sampled_from(paths_of(whole)))
    check_typed(made(bottle, replaced(whole, path, data.draw(JSON_VALUES)) or {"manifests": []}))
