"""Tags of releases, and which release is the newest one of the wanted product."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.releases.published import Asset, Chosen, Release, Unclear, choose_release
from pipeline.releases.tags import parse_tag

FILE = [Asset(name="a", browser_download_url="https://files.example/a", size=1)]


def release(tag, at="2026-01-01T00:00:00Z", **fields):
    return Release(tag_name=tag, **{"published_at": at, "assets": FILE, **fields})


def newest(*releases, tool="tool", repository="tool"):
    found = choose_release(releases, tool, repository)
    return (found.release.tag_name, found.prefix) if isinstance(found, Chosen) else found


@pytest.mark.parametrize(
    ("text", "prefix", "version", "product", "stable"),
    [
        ("1.2.3", "", "1.2.3", "", True),
        ("v1.2", "v", "1.2", "", True),
        ("V1", "V", "1", "", True),
        ("cli-v1.2", "cli-v", "1.2", "cli", True),
        ("kustomize/v5.0.1", "kustomize/v", "5.0.1", "kustomize", True),
        ("@scope/pkg@1.2.3", "@scope/pkg@", "1.2.3", "scope/pkg", True),
        ("Flurl.Http.2.4.0", "Flurl.Http.", "2.4.0", "flurl.http", True),
        ("business-21.8.0", "business-", "21.8.0", "business", True),
        ("jq-1.7.1", "jq-", "1.7.1", "jq", True),
        ("release-2024-01-15", "release-", "2024-01-15", "", True),
        ("jr-6-3-1", "jr-", "6-3-1", "jr", True),
        ("go1.22", "go", "1.22", "go", True),
        ("protobuf3-v1.2", "protobuf3-v", "1.2", "protobuf3", True),
        ("v1.2.3+build.5", "v", "1.2.3+build.5", "", True),
        ("v1.2.3-1", "v", "1.2.3-1", "", True),
        ("v3.3a", "v", "3.3a", "", True),
        ("v1.8.0.beta", "v", "1.8.0.beta", "", False),
        ("v1.8.0-rc.1", "v", "1.8.0-rc.1", "", False),
        ("v1.8.0rc1", "v", "1.8.0rc1", "", False),
        ("1.0a1", "", "1.0a1", "", False),
        ("v1.2.3-arch64", "v", "1.2.3-arch64", "", True),
    ],
)
def test_a_tag_is_taken_apart(text, prefix, version, product, stable):
    """What stands before the version says of which product the release is."""
    tag = parse_tag(text)
    assert tag is not None
    assert (tag.prefix, tag.version, tag.product, tag.stable) == (prefix, version, product, stable)


@pytest.mark.parametrize("text", ["", "nightly", "latest", "v", "v1.2.3\n", "x" * 101, "v1.²", "1.2.3 beta"])
def test_a_tag_without_a_version_is_none(text):
    """`nightly` moves; nothing can be made from it."""
    assert parse_tag(text) is None


@given(st.text(alphabet="v1.2-_/@+abrc", max_size=100))
def test_any_tag_is_whole_again_when_put_together(text):
    """Nothing of a tag is lost, and reading it takes no time to speak of."""
    tag = parse_tag(text)
    assert tag is None or tag.prefix + tag.version == text


def test_the_highest_version_is_the_newest():
    """Branches of old versions get releases, too, and later ones."""
    assert newest(release("v1.9.5", "2026-03-01"), release("v2.0.0", "2026-02-01"), release("v1.10.0")) == (
        "v2.0.0",
        "",
    )


def test_years_and_numbers_are_not_compared():
    """A project that once numbered by years is at 1.2 now."""
    old = release("v2021.12", "2022-01-01")
    assert newest(old, release("v1.2", "2026-01-01")) == ("v1.2", "")
    assert newest(old, release("v1.2", "2020-01-01")) == ("v2021.12", "")


def test_drafts_and_prereleases_are_passed_over():
    """By GitHub's flags, and by what the tag says where somebody forgot the flag."""
    others = [release("v3", draft=True), release("v4", prerelease=True), release("v5", None), release("v6.0-beta")]
    assert newest(release("v1"), *others) == ("v1", "")
    assert newest(*others) is None
    assert newest() is None


def test_several_products_are_told_apart_by_their_prefix():
    """The tool's own product, else that of the repository; the reader of the recipe is told the prefix."""
    releases = [release("cli-v1.0"), release("cli-v1.1"), release("lib/2.0"), release("v0.9")]
    assert newest(*releases, tool="cli", repository="suite") == ("cli-v1.1", "cli-v")
    assert newest(*releases, tool="suite", repository="suite") == ("v0.9", "v")
    assert newest(*releases[:3], tool="suite", repository="suite") == Unclear(tags=("cli-v1.1", "lib/2.0"))


def test_a_prefix_that_is_the_repositorys_name_is_no_product():
    """`jq-1.6` and `1.7` are releases of one thing."""
    assert newest(release("jq-1.6"), release("1.7"), tool="jq", repository="jq") == ("1.7", "")
    assert newest(release("jq-1.8"), release("1.7"), tool="jq", repository="jq") == ("jq-1.8", "jq-")


def test_earlier_releases_without_files_prove_nothing():
    """Two with files are held against the pattern."""
    releases = [release("v4"), release("v3", assets=[]), release("v2"), release("v1"), release("v0")]
    found = choose_release(releases, "tool", "tool")
    assert isinstance(found, Chosen)
    assert [tag.text for tag, _ in found.earlier] == ["v2", "v1"]
