"""RubyGems: the list of versions, and the description that stands first in the `.gem` that is chosen.

`GET <registry>/api/v1/versions/<name>.json` answers with a list of versions, the same number once for each platform;
what was yanked is not in it. Executables and extensions are in the `.gem` alone.
"""

import re
from datetime import datetime

import msgspec

from pipeline import licenses, text
from pipeline.digests import digest_of
from pipeline.ecosystems.base import Fetcher, Made
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, decode, draft, one_step, seen, settled, shown
from pipeline.ecosystems.remote import NoAnswer, open_remote_head
from pipeline.gem_version import GemVersion, order, parse
from pipeline.gemspec import Gemspec, read_gem
from pipeline.model import Artifact, Failed, Held, Origin, Skipped, Subcategory, WorkOrder
from pipeline.source import identifier_of
from pipeline.zipped import Broken

NAME = "rubygems"
REVISION = 1

# RubyGems' own pattern for names, which may hold dots but not begin with one.
_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What a gem for every platform is called.
_ANY_PLATFORM = "ruby"


class Version(msgspec.Struct, frozen=True):
    """One version for one platform. Entries of old servers have `number` and little more."""

    number: str
    platform: str | None = None
    prerelease: bool | None = None
    yanked: bool | None = None
    sha: str | None = None
    created_at: str | None = None


class Release(msgspec.Struct, frozen=True):
    """The version that is chosen, and what else there is of it or newer."""

    version: Version
    platforms: tuple[str, ...]
    newer: str


def identifier_defect(identifier: str) -> str:
    """Return why no gem can be called this, "" when one can."""
    return "" if _IDENTIFIER.fullmatch(identifier) else f"{identifier!r} cannot be the name of a gem"


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one gem with its evidence, or why there is none."""
    return settled(_make(order, registry, fetcher, now), NAME)


def _make(order: WorkOrder, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    identifier = identifier_of(order.source)
    if defect := identifier_defect(identifier):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=defect)
    answer = fetcher.get(f"{registry}/api/v1/versions/{identifier}.json", accept="application/json")
    if isinstance(answer, Failed | Held):
        return answer
    versions = decode(answer.content, list[Version], f"the versions of {identifier}")
    if isinstance(versions, Failed):
        return versions
    release = _choose(versions, identifier)
    if not isinstance(release, Release):
        return release
    name = f"{identifier}-{release.version.number}.gem"
    found = _read(f"{registry}/gems/{name}", release.version, fetcher)
    if not isinstance(found, tuple):
        return found
    gem, artifact = found
    made = _describe(order, release, gem, artifact, now)
    return seen(made, NAME, release.version.number, artifact.digest or digest_of(gem), release.platforms)


# -------------------------------------------------------------------------------------------- version


def _choose(versions: list[Version], identifier: str) -> Release | Skipped | Failed:
    """Return the newest stable version that is for every platform and not yanked."""
    parsed = [(number, version) for version in versions if (number := parse(version.number)) is not None]
    if not parsed:
        return bad_metadata(f"the versions of {identifier}: none of {len(versions)} has a number")
    stable = [each for each in parsed if not _is_prerelease(*each)]
    if not stable:
        message = f"only prereleases, the newest is {max(parsed, key=_precedence)[1].number}"
        return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=message)
    kept = [each for each in stable if each[1].yanked is not True]
    if not kept:
        message = f"all stable versions are yanked, the newest is {max(stable, key=_precedence)[1].number}"
        return Skipped(subcategory=Subcategory.YANKED, message=message)
    newest, anywhere = max(kept, key=_precedence)[1], [each for each in kept if _platform(each[1]) == _ANY_PLATFORM]
    if not anywhere:
        platforms = shown(sorted({_platform(version) for _, version in kept}))
        message = f"there are gems for single platforms only: {text.one_line(platforms)}"
        return Skipped(subcategory=Subcategory.NO_PLATFORM_BUILD, message=message)
    chosen = max(anywhere, key=_precedence)[1]
    beside = {_platform(version) for _, version in kept if version.number == chosen.number} - {_ANY_PLATFORM}
    newer = "" if newest.number == chosen.number else newest.number
    return Release(version=chosen, platforms=tuple(sorted(beside)), newer=newer)


def _is_prerelease(number: GemVersion, version: Version) -> bool:
    return number.is_prerelease or version.prerelease is True


def _precedence(each: tuple[GemVersion, Version]) -> tuple[object, str, str]:
    """Order versions as RubyGems does; the texts decide between two spellings of one version."""
    number, version = each
    return (order(number), version.number, version.sha or "")


def _platform(version: Version) -> str:
    return version.platform or _ANY_PLATFORM


# -------------------------------------------------------------------------------------------- archive


def _read(url: str, version: Version, fetcher: Fetcher) -> tuple[Gemspec, Artifact] | Failed | Held:
    """Return what the gem says of itself, and the file that it was read from."""
    sha256 = version.sha or ""
    name = url.rpartition("/")[2]
    if sha256 and not _SHA256.fullmatch(sha256):
        return bad_metadata(f"{name}: `sha` is no SHA-256 digest")
    opened = open_remote_head(url, fetcher, sha256=sha256)
    if not isinstance(opened, tuple):
        return opened
    file, checked = opened
    try:
        gem = read_gem(file)
    except NoAnswer as stopped:
        return stopped.outcome
    if isinstance(gem, Broken):
        return bad_metadata(f"{name}: {gem.message}")
    digest = f"sha256:{sha256}" if sha256 else ""
    url = text.without_secrets(url)
    return gem, Artifact(name=name, url=url, size=file.size, digest=digest, digest_checked=checked)


# -------------------------------------------------------------------------------------------- facts


def _describe(order: WorkOrder, release: Release, gem: Gemspec, artifact: Artifact, now: datetime) -> Made:
    wanted = (identifier_of(order.source), release.version.number, _ANY_PLATFORM)
    if (gem.name, gem.version, gem.platform) != wanted:
        return bad_metadata(f"{artifact.name} describes {shown([ascii(gem.name), gem.version, gem.platform])}")
    repository = gem.metadata.get("source_code_uri", "")

    def cited(value: str, key: str) -> Cited:
        return Cited(value=value, origin=Origin.ARTIFACT, detail=f"{artifact.name} {key}")

    facts = Facts(
        version=Cited(value=gem.version, detail="versions, the newest stable one for every platform"),
        artifact=artifact,
        license=licenses.from_gem(gem.licenses),
        released=release.version.created_at or "",
        description=cited(gem.summary, "summary") if gem.summary else cited(gem.description, "description"),
        homepages=(
            cited(gem.homepage, "homepage"),
            cited(gem.metadata.get("homepage_uri", ""), "metadata.homepage_uri"),
            cited(repository, "metadata.source_code_uri"),
        ),
        repository=repository,
        executables=frozenset(gem.executables),
        executables_from=cited("executables", _where(gem)),
        steps=one_step("gem_install", gem.name),
        runtime_requirement=gem.ruby,
        # What compiles an extension is a program of the gem's, and runs when the gem is installed.
        has_install_scripts=bool(gem.extensions),
        risks=tuple(_risks(release, gem)),
    )
    return draft(order, facts, now)


def _where(gem: Gemspec) -> str:
    return f"executables, in {text.one_line(gem.bindir[:80])}" if gem.executables else "has no `executables`"


def _risks(release: Release, gem: Gemspec) -> list[str]:
    found = {
        f"compiles extensions when it is installed: {shown(list(gem.extensions))}": bool(gem.extensions),
        f"there are other files of it for {shown(list(release.platforms))}": bool(release.platforms),
        f"the newer version {release.newer} is for single platforms only": bool(release.newer),
        f"wants of the system: {shown(list(gem.wants))}": bool(gem.wants),
        "extends the gem command itself (rubygems_plugin.rb)": gem.has_plugin,
    }
    return [text.one_line(risk[:300]) for risk, holds in found.items() if holds]
