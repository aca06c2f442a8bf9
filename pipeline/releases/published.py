"""The list of releases that a repository has published, and which of them a recipe is made from."""

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.releases.tags import Tag, parse_tag

# The newest and those before it that a pattern must hold for.
PROVEN_RELEASES: Final = 3


class Asset(msgspec.Struct, frozen=True):
    """A file of a release. `digest` is `sha256:…`, given since mid-2025 and only for what was uploaded since."""

    name: str
    browser_download_url: str
    size: int
    state: str = "uploaded"
    digest: str | None = None


class Release(msgspec.Struct, frozen=True):
    """A release as the list gives it."""

    tag_name: str
    draft: bool = False
    prerelease: bool = False
    published_at: str | None = None
    assets: list[Asset] = []

    def names(self) -> frozenset[str]:
        """Return the names of its files."""
        return frozenset(asset.name for asset in self.assets if asset.state == "uploaded")


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The newest stable release of the wanted product, and those before it that have files, newest first.

    `prefix` is that of the tags, "" where the reader needs none to find this product's releases.
    """

    release: Release
    tag: Tag
    earlier: list[tuple[Tag, Release]]
    prefix: str


class Unclear(msgspec.Struct, frozen=True, kw_only=True):
    """Several products are released side by side and none is the wanted one: their newest tags."""

    tags: tuple[str, ...]


def choose_release(releases: Sequence[Release], tool: str, repository: str) -> Chosen | Unclear | None:
    """Return the newest full release of the product that is called like the tool, else of the repository itself.

    None when no full release has a version. The newest is that of the highest version, as branches of old versions
    get releases, too; where versions were first years and then numbers, or the other way round, the form of the one
    that was published last counts.
    """
    tagged = [
        (tag, release)
        for release in releases
        if not release.draft and not release.prerelease and release.published_at
        if (tag := parse_tag(release.tag_name)) is not None and tag.stable
    ]
    if not tagged:
        return None
    products: dict[str, list[tuple[Tag, Release]]] = {}
    for tag, release in tagged:
        products.setdefault("" if _same(tag.product, repository) else tag.product, []).append((tag, release))
    wanted = next((name for name in products if name and _same(name, tool)), "" if "" in products else None)
    if wanted is None and len(products) > 1:
        return Unclear(tags=tuple(sorted(_newest_first(of_one)[0][0].text for of_one in products.values())))
    (tag, release), *others = _newest_first(products[next(iter(products)) if wanted is None else wanted])
    earlier = [(each, other) for each, other in others if other.names()][: PROVEN_RELEASES - 1]
    plain = len(products) == 1 and tag.prefix in {"", "v"}
    return Chosen(release=release, tag=tag, earlier=earlier, prefix="" if plain else tag.prefix)


def _newest_first(tagged: list[tuple[Tag, Release]]) -> list[tuple[Tag, Release]]:
    latest = max(tagged, key=lambda each: (each[1].published_at or "", each[0].text))
    kept = [each for each in tagged if each[0].is_dated == latest[0].is_dated]
    return sorted(kept, key=lambda each: (each[0].precedence(), each[1].published_at or "", each[0].text), reverse=True)


def _same(product: str, name: str) -> bool:
    return "".join(filter(str.isalnum, product.lower())) == "".join(filter(str.isalnum, name.lower()))
