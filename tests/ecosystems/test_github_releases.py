"""GitHub's lists of releases in any order and with any fields, and its files in spans, with and without digests."""

import copy
import gzip
import hashlib
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ecosystems import release_files
from pipeline.ecosystems.base import Draft
from pipeline.ecosystems.release_files import ReadFile, read_release_file
from pipeline.model import Artifact, Failed, Skipped, Subcategory
from pipeline.recipe import render, strict_check
from tests.ecosystems.samples import REGISTRY, all_samples, make
from tests.ecosystems.test_ecosystem_contract import JSON_VALUES, check_typed, paths_of, replaced
from tests.fake_packages import tar_gz
from tests.fake_programs import program
from tests.fakes_fetcher import NOT_FOUND, DictFetcher

SAMPLES = {key: sample for key, sample in all_samples().items() if sample.ecosystem == "github"}
DRAFTED = {key: sample for key, sample in SAMPLES.items() if isinstance(sample.make(), Draft)}
URL = f"{REGISTRY}/acme/tool/releases/download/v1/tool-linux-amd64.tar.gz"


def list_page(sample):
    """Return the page of a sample that lists the releases."""
    return next(page for page in sample.page_json if page.endswith("/releases?per_page=30"))


def with_list(sample, value):
    return sample.make(sample.pages | {REGISTRY + list_page(sample): json.dumps(value).encode()})


@pytest.mark.parametrize("key", DRAFTED)
def test_the_order_of_releases_and_files_does_not_matter(key):
    """GitHub promises none; the recipe is the same for all."""
    sample = DRAFTED[key]
    for seed in range(4):
        chance = random.Random(seed)
        releases = copy.deepcopy(sample.page_json[list_page(sample)])
        for release in releases:
            chance.shuffle(release["assets"])
        chance.shuffle(releases)
        assert with_list(sample, releases) == sample.make()


@pytest.mark.parametrize("key", DRAFTED)
def test_each_recipe_is_one_that_the_strict_reader_takes(key):
    """With its steps, tables and `when`."""
    made = DRAFTED[key].make()
    assert isinstance(made, Draft)
    assert strict_check(render(made.recipe)) == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_any_changed_field_of_a_release_gives_a_typed_outcome(data):
    """One field of the list replaced by any JSON value never ends in an exception or an invalid record."""
    sample = data.draw(st.sampled_from(list(DRAFTED.values())), label="sample")
    value = sample.page_json[list_page(sample)]
    path = data.draw(st.sampled_from(paths_of(value)), label="path")
    check_typed(with_list(sample, replaced(value, path, data.draw(JSON_VALUES, label="value"))))


@pytest.mark.parametrize("key", DRAFTED)
def test_what_does_not_matter_upstream_changes_nothing(key):
    """Downloads are counted, texts edited, and pre-releases come and go."""
    sample = DRAFTED[key]
    releases = copy.deepcopy(sample.page_json[list_page(sample)])
    for release in releases:
        release |= {"body": "new words", "name": "Renamed"}
        for asset in release["assets"]:
            asset |= {"download_count": 99_999, "content_type": "text/plain"}
    releases.append({**releases[0], "tag_name": "v99.0.0-rc.1", "prerelease": True, "assets": []})
    assert with_list(sample, releases) == sample.make()


def test_a_new_file_is_another_upstream():
    """A package in quarantine is tried again when its release changes."""
    sample = SAMPLES["github-equal-variants"]
    releases = copy.deepcopy(sample.page_json[list_page(sample)])
    releases[0]["assets"].append({**releases[0]["assets"][0], "name": "ink-linux-x64.tar.gz"})
    before, after = sample.make(), with_list(sample, releases)
    assert isinstance(before, Skipped)
    assert before.subcategory is Subcategory.AMBIGUOUS_ASSETS
    assert before.upstream != getattr(after, "upstream", None)


@pytest.mark.parametrize(
    ("key", "requests"),
    [
        ("github-one-pattern-for-all", 3),  # the repository, its releases, one archive
        ("github-sixty-files", 4),  # and one file of checksums
        ("github-zip-on-macos", 8),  # four checksums beside their files, an archive for each format
        ("github-moved", 1),
        ("github-sources-only", 2),
    ],
)
def test_what_a_recipe_costs(key, requests):
    """Two questions to the API; digests and files cost more only where they must."""
    fetcher = DictFetcher(SAMPLES[key].pages)
    make(SAMPLES[key].order, fetcher)
    assert len(fetcher.requests) == requests


def test_what_may_hold_a_token_is_not_shown():
    """An address that is none may be anything; the outcome is published."""
    sample = SAMPLES["github-one-pattern-for-all"]
    releases = copy.deepcopy(sample.page_json[list_page(sample)])
    for asset in releases[0]["assets"]:
        asset["browser_download_url"] = "ftp://me:secret@files.example/x"
    found = with_list(sample, releases)
    assert isinstance(found, Failed)
    assert "secret" not in found.message


@pytest.mark.parametrize("asset", ["\x1b[31mpaint\n.txt", "\u202epaint.txt", "\ud83d\ude00\x00"])
def test_names_of_strangers_are_shown_on_one_line(asset):
    """A file or tag may be called anything; a message stands in a table."""
    sample = SAMPLES["github-jars-only"]
    releases = copy.deepcopy(sample.page_json[list_page(sample)])
    for release in releases:
        release["assets"] = [{"name": asset, "browser_download_url": URL, "size": 1}]
    unnamed = [release | {"tag_name": asset} for release in releases]
    for found in (with_list(sample, releases), with_list(sample, unnamed)):
        assert isinstance(found, Skipped)
        assert found.message.isprintable()


# ------------------------------------------------------------------------------------------- files


def artifact(content: bytes, **changes: object) -> Artifact:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    fields = {"name": "tool-linux-amd64.tar.gz", "url": URL, "size": len(content), "digest": digest, **changes}
    return Artifact(**fields)


def read(content: bytes, form: str = "tar.gz", *, ranges: bool = True, **changes: object):
    fetcher = DictFetcher({URL: content}, ranges=ranges)
    return read_release_file(artifact(content, **changes), form, "tool", "1.0", fetcher), fetcher


@pytest.mark.parametrize("ranges", [True, False])
def test_a_tar_archive_is_read_in_spans_to_its_end(monkeypatch, ranges):
    """Each span is asked for once and in order; the blocks that follow the last member count for the digest."""
    monkeypatch.setattr(release_files, "SPAN_BYTES", 700)
    content = tar_gz({"tool": program("x86_64") * 10})
    found, fetcher = read(content, ranges=ranges)
    assert isinstance(found, ReadFile), found
    assert found.digest_checked
    spans = [span for *_, span in fetcher.requests]
    wanted = [(at, min(at + 700, len(content)) - 1) for at in range(0, len(content), 700)]
    assert spans == (wanted if ranges else wanted[:1])


def test_a_digest_that_is_not_the_releases_ends_it():
    """Also when the archive itself is sound, and when it is not."""
    for content in (tar_gz({"tool": program("x86_64")}), b"something else"):
        found, _ = read(content, digest=f"sha256:{'0' * 64}")
        assert isinstance(found, Failed)
        assert found.subcategory is Subcategory.DIGEST_MISMATCH


def test_a_sha512_digest_is_compared_too():
    """Some files of checksums hold nothing else."""
    content = tar_gz({"tool": program("x86_64")})
    found, _ = read(content, digest=f"sha512:{hashlib.sha512(content).hexdigest()}")
    assert isinstance(found, ReadFile)
    assert found.digest_checked


@pytest.mark.parametrize("size", [10, 10_000_000])
def test_another_size_than_the_releases_is_bad_metadata(size):
    """Before anything of it is believed."""
    found, _ = read(tar_gz({"tool": program("x86_64")}), size=size)
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.BAD_METADATA


def test_a_tar_archive_of_a_suite_is_too_large():
    """It would be read whole; nothing of it is asked for."""
    found, fetcher = read(b"", size=release_files.ARCHIVE_LIMIT + 1)
    assert isinstance(found, Failed)
    assert found.subcategory is Subcategory.ANSWER_TOO_LARGE
    assert fetcher.requests == []


def test_a_file_that_is_the_program_costs_its_head(monkeypatch):
    """Whatever its size; text is no program."""
    found, fetcher = read(program("x86_64") + bytes(1_000_000), "binary")
    assert isinstance(found, ReadFile)
    assert found.layout.binaries == {"tool": "tool"}
    assert [span for *_, span in fetcher.requests] == [(0, release_files.HEAD_BYTES - 1)]
    found, _ = read(b"Not Found", "binary")
    assert isinstance(found, Skipped)


def test_no_answer_in_the_middle_is_passed_on(monkeypatch):
    """A host that stops after the first span ends the reading with its own outcome."""
    monkeypatch.setattr(release_files, "SPAN_BYTES", 700)
    content = tar_gz({"tool": program("x86_64") * 20})

    class Stopping(DictFetcher):
        def get(self, url, **how):
            return super().get(url, **how) if not self.requests else NOT_FOUND

    found = read_release_file(artifact(content), "tar.gz", "tool", "1.0", Stopping({URL: content}))
    assert found == NOT_FOUND


def test_names_of_members_are_shown_on_one_line():
    """Two programs of one name end it; their folders may be called anything, at any length."""
    head = program("x86_64")
    content = tar_gz({"\x1b[31m\n/tool": head, f"{'a' * 3000}/tool": head})
    found, _ = read(content)
    assert isinstance(found, Skipped)
    assert found.subcategory is Subcategory.AMBIGUOUS_COMMANDS
    assert found.message.isprintable()
    assert len(found.message) <= 600


def test_an_archive_in_several_gzip_streams_is_one():
    """As for every reader."""
    tar = gzip.decompress(tar_gz({"tool": program("x86_64")}))
    content = gzip.compress(tar[:512], mtime=0) + gzip.compress(tar[512:], mtime=0)
    found, _ = read(content)
    assert isinstance(found, ReadFile)
    assert found.layout.binaries == {"tool": "tool"}
