"""Each registry's ranking, in the shape that it is documented in, and whatever else may come instead."""

import json

import pytest

from pipeline.config import GeneratorKind
from pipeline.model import Category, Failed, Gate, Held, Subcategory
from pipeline.seeding import NO_RANKING, SEEDERS
from tests.builders import config
from tests.fakes_fetcher import NOT_FOUND, DictFetcher

REGISTRY = "https://registry.example/base"
API = "https://api.example"
NPM = f"{REGISTRY}/-/v1/search?text=keywords:cli&popularity=1.0&quality=0.0&maintenance=0.0"
CRATES = f"{API}/api/v1/crates?category=command-line-utilities&sort=recent-downloads"
GITHUB = f"{REGISTRY}/search/repositories?q=topic:cli+archived:false&sort=stars&order=desc"
CPAN = f"{REGISTRY}/distribution/_search?q=name:App-*&sort=river.total:desc"
GIT = "git+https://git.example/tool.git"


def npm(name: str, **fields: object) -> dict[str, object]:
    return {"package": {"name": name, "version": "1.0.0", "keywords": ["cli"]}, "score": {"final": 0.5}, **fields}


def hit(name: str, total: int) -> dict[str, object]:
    return {"_index": "distribution", "_source": {"name": name, "river": {"bucket": 1, "total": total}}}


# Ecosystem -> its pages for a limit of 3, and what is proposed: source and repository, the most popular first.
OFFERS = {
    "npm": (
        {
            f"{NPM}&size=3&from=0": {
                "objects": [
                    npm("less", downloads={"monthly": 10, "weekly": 3}),
                    {"package": {"name": "@a/most", "links": {"repository": GIT}}, "downloads": {"monthly": 2_000_000}},
                    npm("middle", downloads={"monthly": 11}),
                ],
                "total": 3,
            }
        },
        [("npm:@a/most", GIT), ("npm:middle", ""), ("npm:less", "")],
    ),
    "cargo": (
        {
            f"{REGISTRY}/config.json": {"dl": "https://files.example", "api": f"{API}/"},
            f"{CRATES}&per_page=3&page=1": {
                "crates": [
                    {"id": "bat", "recent_downloads": 5, "repository": "https://git.example/bat"},
                    {"id": "old", "downloads": 999, "recent_downloads": None, "repository": None},
                    {"id": "fd-find", "recent_downloads": 7},
                ],
                "meta": {"total": 3, "next_page": None},
            },
        },
        [("cargo:fd-find", ""), ("cargo:bat", "https://git.example/bat"), ("cargo:old", "")],
    ),
    "rubygems": (
        {
            f"{REGISTRY}/api/v1/search.json?query=cli&page=1": [
                {"name": "few", "downloads": 1, "source_code_uri": None, "homepage_uri": "http://few.example/x"},
                {"name": "many.rb", "downloads": 9, "source_code_uri": "https://git.example/many"},
            ]
        },
        [("rubygems:many.rb", "https://git.example/many"), ("rubygems:few", "http://few.example/x")],
    ),
    "cpan": (
        {f"{CPAN}&size=3&from=0": {"took": 1, "hits": {"total": 2, "hits": [hit("App-a", 1), hit("App-b", 4)]}}},
        [("cpan:App-b", ""), ("cpan:App-a", "")],
    ),
    "homebrew": (
        {
            f"{REGISTRY}/analytics/install-on-request/30d.json": {
                "category": "formula_install_on_request",
                "items": [
                    {"number": 1, "formula": "openssl@3", "count": "99,999", "percent": "8.10"},
                    {"number": 2, "formula": "neovim", "count": "99,990"},
                    {"number": 3, "formula": "owner/tap/tool", "count": "1,000"},
                    {"number": 4, "formula": "neovim --HEAD", "count": "12"},
                    {"number": 5, "formula": "beyond", "count": "3"},
                ],
            }
        },
        [("homebrew:neovim", ""), ("homebrew:openssl@3", ""), ("homebrew:owner/tap/tool", "")],
    ),
    "cask": (
        {
            f"{REGISTRY}/analytics/cask-install/30d.json": {
                "items": [{"number": 1, "cask": "browser", "count": "1,234"}, {"number": 2, "cask": "x", "count": "9"}]
            }
        },
        [("cask:browser", ""), ("cask:x", "")],
    ),
    "github": (
        {
            f"{GITHUB}&per_page=3&page=1": {
                "total_count": 2,
                "items": [
                    {"full_name": "o/gone", "stargazers_count": 9, "archived": True},
                    {"full_name": "o/tool", "stargazers_count": 7, "archived": False},
                ],
            }
        },
        [("github:o/tool", "")],
    ),
}


def encoded(pages: dict[str, object]) -> dict[str, bytes]:
    return {url: json.dumps(page).encode() for url, page in pages.items()}


def propose(name: str, pages: dict[str, object], limit: int = 3):
    return SEEDERS[name].propose(registry=REGISTRY, fetcher=DictFetcher(pages), limit=limit)


def test_a_ranking_or_a_reason_is_that_of_an_ecosystem():
    """None has both, and each module bears its own name; of an ecosystem with neither, no ranking is known."""
    assert set(SEEDERS).isdisjoint(NO_RANKING)
    assert {*SEEDERS, *NO_RANKING} <= set(config().ecosystems)
    assert all(name == SEEDERS[name].NAME and SEEDERS[name].MEASURE for name in SEEDERS)
    assert OFFERS.keys() == SEEDERS.keys()
    assert all(config().ecosystems[name].generator is not GeneratorKind.NONE for name in NO_RANKING)


@pytest.mark.parametrize("name", SEEDERS)
def test_a_ranking_is_read(name):
    """By the registry's own count, and cut at the limit."""
    pages, expected = OFFERS[name]
    found = propose(name, encoded(pages))
    assert [(one.source, one.repository) for one in found] == expected
    assert [one.rank for one in found] == list(range(1, len(found) + 1))
    assert [one.source for one in propose(name, encoded(pages), limit=3)[:1]] == [expected[0][0]]


@pytest.mark.parametrize("name", SEEDERS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"null",
        b"3",
        b'{"objects": 1, "crates": 1, "hits": 1, "items": 1, "api": 1}',
        b"[" * 50_000,
        b'{"name":"\xff"}',
    ],
    ids=["empty", "html", "null", "number", "types", "deep", "bytes"],
)
def test_another_shape_is_a_typed_failure(name, content):
    """At each of the requests; nothing of it comes into the queue."""
    pages = encoded(OFFERS[name][0])
    for url in pages:
        found = propose(name, pages | {url: content})
        assert isinstance(found, Failed)
        assert (found.subcategory, found.transient) in {
            (Subcategory.BAD_METADATA, False),
            (Subcategory.NOT_FOUND, False),  # an index that names no API
        }
        assert found.message.isprintable()


@pytest.mark.parametrize("name", SEEDERS)
def test_no_answer_is_passed_on(name):
    """Half a ranking would be another one, so the whole is what the fetcher says instead."""
    pages = encoded(OFFERS[name][0])
    down = Failed(category=Category.NETWORK_ERROR, subcategory=Subcategory.TIMEOUT, transient=True, message="too slow")
    for url in pages:
        for instead in (NOT_FOUND, down, Held(gate=Gate.ECOSYSTEM_DISABLED, message="switched off")):
            assert propose(name, pages | {url: instead}) == instead


def test_an_index_without_an_api_offers_none():
    """Mirrors often serve the index alone."""
    found = propose("cargo", {f"{REGISTRY}/config.json": b'{"dl": "https://files.example"}'})
    assert isinstance(found, Failed)
    assert "names no web API" in found.message


@pytest.mark.parametrize("count", ["12a", "", "-3", "9" * 4_000, "\u0663"])
def test_a_count_that_is_none_is_refused(count):
    """A number of thousands of digits would cost more than it tells."""
    page = json.dumps({"items": [{"cask": "a", "count": count}]}).encode()
    found = propose("cask", {f"{REGISTRY}/analytics/cask-install/30d.json": page})
    assert isinstance(found, Failed)
    assert found.message.isprintable()


def test_pages_are_asked_until_there_is_enough():
    """Three pages of 100 for 250 crates; a crate that moved from one page to the next meanwhile counts once."""

    def page(number: int) -> bytes:
        names = [f"c{number * 100 - step}" for step in range(101)]  # the first of each stood on the page before too
        return json.dumps({"crates": [{"id": name, "recent_downloads": 5} for name in names]}).encode()

    pages = {f"{CRATES}&per_page=100&page={number}": page(number) for number in range(1, 5)}
    fetcher = DictFetcher({f"{REGISTRY}/config.json": json.dumps({"api": API}).encode(), **pages})
    found = SEEDERS["cargo"].propose(registry=REGISTRY, fetcher=fetcher, limit=250)
    assert len(found) == len({one.source for one in found}) == 250
    assert [url.rpartition("=")[2] for url, *_ in fetcher.requests[1:]] == ["1", "2", "3"]


def test_an_empty_page_is_the_last():
    """A registry may have less than was asked for."""
    pages = {
        f"{NPM}&size=250&from=0": json.dumps({"objects": [npm(f"p{n}") for n in range(200)]}).encode(),
        f"{NPM}&size=250&from=250": b'{"objects": []}',
    }
    fetcher = DictFetcher(pages)
    found = SEEDERS["npm"].propose(registry=REGISTRY, fetcher=fetcher, limit=1000)
    assert [one.source for one in found[:2]] == ["npm:p0", "npm:p1"]
    assert (len(found), len(fetcher.requests)) == (200, 2)
