"""Gems read from their beginning: old shapes, gems made to do harm, servers with and without ranges."""

import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import gemspec
from pipeline.ecosystems.base import Draft
from pipeline.ecosystems.remote import HEAD_BYTES
from pipeline.gemspec import Gemspec, read_gem
from pipeline.model import Failed, Subcategory
from pipeline.zipped import Broken
from tests.ecosystems.samples import REGISTRY, all_samples, make
from tests.fake_packages import gem, tar
from tests.fakes_fetcher import DictFetcher

SPEC = """--- !ruby/object:Gem::Specification
name: paint
version: !ruby/object:Gem::Version
  version: 1.2.0
platform: ruby
"""
SAMPLES = {key: sample for key, sample in all_samples().items() if sample.ecosystem == "rubygems"}


class Held(io.BytesIO):
    """A file that is here."""

    def need(self, start: int, stop: int, /) -> None:
        pass


def read(content: bytes) -> Gemspec | Broken:
    return read_gem(Held(content))


def spec(more: str) -> Gemspec:
    found = read(gem(SPEC + more))
    assert isinstance(found, Gemspec)
    return found


def test_no_tag_makes_anything():
    """A tag that would run Ruby, or Python, is passed over: the value stays a text."""
    found = spec("executables:\n- !ruby/object:Kernel paint\n- !!python/object/apply:os.system [id]\n- !!int 7\n")
    assert found.executables == ("paint", "7")


def test_old_requirements_are_shared_by_aliases():
    """Gems of 2011 name a requirement once and refer to it, which is no reason to refuse them."""
    more = "dependencies:\n- requirement: &r\n    requirements: [['>=', {version: '2.0'}]]\nrequired_ruby_version: *r\n"
    assert spec(more).ruby == ">= 2.0"


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("[['>=', {version: '2.7'}], ['<', {version: '4'}]]", ">= 2.7, < 4"),
        ("[['>=', {version: '0'}]]", ""),
        ("[[]]", ""),
        ("{}", ""),
        ("[['>=', 2]]", ""),
    ],
)
def test_ruby_requirement(clauses, expected):
    """Pairs of operator and version become a text; `>= 0` says nothing; other shapes are no requirement."""
    assert spec(f"required_ruby_version:\n  requirements: {clauses}\n").ruby == expected


def test_nothing_is_written_in_three_ways():
    """An empty value, `~` and `null` are no text."""
    found = spec("homepage: ~\nsummary: null\ndescription:\nlicenses: [~, MIT]\n")
    assert (found.homepage, found.summary, found.description, found.licenses) == ("", "", "", ("MIT",))


@pytest.mark.parametrize(
    "platform", ["platform: !ruby/object:Gem::Platform\n  cpu: x86\n", "platform: java\n", "platform: []\n"]
)
def test_another_platform_is_never_taken_for_every_platform(platform):
    """Very old gems wrote an object; it is not `ruby`."""
    assert spec(platform).platform != "ruby"


BOMB = "a: &a [x]\n" + "".join(f"k{at}: &b{at} [*{'a' if not at else f'b{at - 1}'}, *a]\n" for at in range(40))
BROKEN = {
    "no tar": b"x" * 600,
    "empty": b"",
    "no description": tar({"data.tar.gz": b""}),
    "no gzip": tar({"metadata.gz": b"name: paint"}),
    "gzip ends early": tar({"metadata.gz": gzip.compress(SPEC.encode())[:-12]}),
    "member ends early": gem(SPEC)[:600],
    "no yaml": gem("a: [b"),
    "no mapping": gem("- a"),
    "not utf-8": tar({"metadata.gz": gzip.compress(b"name: \xff")}),
    "deep": gem("[" * 100_000),
    "itself": gem("a: &a [*a]"),
    "unknown alias": gem("a: *b"),
    "complex key": gem("? {a: b}\n: c"),
    "large": tar({"metadata.gz": b"x" * (gemspec.PACKED_LIMIT + 1)}),
    "unpacks to much": tar({"metadata.gz": gzip.compress(b" " * (gemspec.UNPACKED_LIMIT + 1))}),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_broken_gems_are_refused(content):
    """What is no gem gives one line that says why."""
    found = read(content)
    assert isinstance(found, Broken)
    assert found.message.startswith("its metadata.gz ")


def test_aliases_of_aliases_are_not_written_out():
    """Forty doublings are read as forty lists, not as a million million texts."""
    assert isinstance(read(gem(SPEC + BOMB)), Gemspec)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_gems_never_raise(data):
    """One byte changed, or an end cut off, gives a description or a reason."""
    content = bytearray(gem(SPEC + "executables: [paint]\n"))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for changed in (bytes(content), bytes(content[:cut])):
        assert isinstance(read(changed), Gemspec | Broken)


def test_a_small_gem_is_read_in_one_request_and_its_digest_checked():
    """The first request holds all of most gems; then the registry's SHA-256 is compared."""
    sample = SAMPLES["rubygems-one-command"]
    fetcher = DictFetcher(sample.pages)
    made = make(sample.order, fetcher)
    assert isinstance(made, Draft)
    assert made.evidence.artifact.digest_checked
    assert [request[3] for request in fetcher.requests] == [None, (0, HEAD_BYTES - 1)]


def test_an_old_gem_is_not_downloaded_for_its_description():
    """Behind much data only the end is fetched: three requests, whatever lies between."""
    sample = SAMPLES["rubygems-old-shape"]
    fetcher = DictFetcher(sample.pages)
    assert isinstance(make(sample.order, fetcher), Draft)
    spans = [request[3] for request in fetcher.requests if request[3]]
    assert len(spans) == 2
    assert sum(last + 1 - first for first, last in spans) < len(sample.pages[f"{REGISTRY}/gems/relic-0.3.gem"])


@pytest.mark.parametrize("ranges", [True, False])
def test_other_bytes_than_the_registry_names_are_no_recipe(ranges):
    """A file host that gives other bytes is noticed where all of them were read."""
    made = SAMPLES["rubygems-other-digest"].make(ranges=ranges)
    assert isinstance(made, Failed)
    assert made.subcategory is Subcategory.DIGEST_MISMATCH
