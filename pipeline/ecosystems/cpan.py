"""CPAN: the release that MetaCPAN calls the newest, and its archive for the commands.

`GET <registry>/release/<distribution>` answers with one document; `download_url` in it names the archive. What a
distribution installs is in the archive alone, and is never guessed from its name.
"""

import posixpath
import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from pipeline import digests, licenses, text
from pipeline.cpan_archive import META, Commands, Release, commands_of, compiles, read_release
from pipeline.decoding import decode_json
from pipeline.ecosystems.base import Answer, Fetcher, Made
from pipeline.ecosystems.drafting import (
    Cited,
    Facts,
    bad_metadata,
    decode,
    draft,
    one_step,
    other_digest,
    seen,
    settled,
    shown,
)
from pipeline.model import Artifact, Build, Failed, Held, Origin, Skipped, Subcategory, WorkOrder
from pipeline.platforms import ALL_PLATFORMS
from pipeline.source import identifier_of
from pipeline.zipped import Broken

NAME = "cpan"
REVISION = 1

# What PAUSE makes of an upload's name. A module (`App::Ack`) is no distribution, and may be in one of another name.
_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"v?[0-9][0-9A-Za-z._-]*")


class Dependency(msgspec.Struct, frozen=True):
    """A module that is needed; the module `perl` is the language itself."""

    module: str
    version: object = None
    phase: str = ""
    relationship: str = ""


class Document(msgspec.Struct, frozen=True):
    """A release as MetaCPAN describes it. `object`: seen with more than one type."""

    distribution: str
    name: str
    version: str
    download_url: str
    status: str = ""
    maturity: str = ""
    authorized: bool | str | None = None
    deprecated: bool | str | None = None
    license: object = None
    abstract: object = None
    resources: object = None
    checksum_sha256: str | None = None
    date: object = None
    dependency: list[Dependency] | None = None


def identifier_defect(identifier: str) -> str:
    """Return why no distribution can be called this, "" when one can."""
    return "" if _IDENTIFIER.fullmatch(identifier) else f"{identifier!r} cannot be the name of a distribution"


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one distribution with its evidence, or why there is none."""
    return settled(_make(order, registry, fetcher, now), NAME)


def _make(order: WorkOrder, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    identifier = identifier_of(order.source)
    if defect := identifier_defect(identifier):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=defect)
    answer = fetcher.get(f"{registry}/release/{identifier}", accept="application/json")
    if isinstance(answer, Failed | Held):
        return answer
    document = decode(answer.content, Document, f"the release of {identifier}")
    if isinstance(document, Failed):
        return document
    if refusal := _refusal(document, identifier):
        return refusal
    archive = fetcher.get(document.download_url)
    if isinstance(archive, Failed | Held):
        return archive
    made = _read(order, document, archive, now)
    return seen(made, NAME, document.name, document.version, digests.sha256(archive.content))


def _refusal(document: Document, identifier: str) -> Skipped | Failed | None:
    """Return why this release is none to make a recipe of."""
    if document.distribution != identifier:
        return bad_metadata(f"asked for {identifier}, the registry answered with {document.distribution!r}")
    if not _VERSION.fullmatch(document.version):
        return bad_metadata(f"the release of {identifier}: {document.version!r} is no version")
    if not text.is_web_address(document.download_url):
        # Not shown: it may hold a password or a token, and what this says is published.
        return bad_metadata(f"the release of {identifier}: `download_url` is no web address")
    found = {
        (Subcategory.YANKED, "was deleted from CPAN by its author"): document.status == "backpan",
        (Subcategory.DEPRECATED, "is deprecated"): _is_true(document.deprecated),
        (Subcategory.NO_STABLE_VERSION, "is a developer release, and there is no newer one"): document.maturity
        == "developer",
        (Subcategory.NOT_INSTALLABLE, "was not uploaded by those who may: CPAN's index does not list it"): _is_false(
            document.authorized
        ),
    }
    for (subcategory, why), holds in found.items():
        if holds:
            return Skipped(subcategory=subcategory, message=text.one_line(f"{document.name[:100]} {why}"))
    return None


def _is_true(value: bool | str | None) -> bool:
    return value is True or value == "true"


def _is_false(value: bool | str | None) -> bool:
    return value is False or value == "false"


# -------------------------------------------------------------------------------------------- archive


def _read(order: WorkOrder, document: Document, answer: Answer, now: datetime) -> Made:
    name = text.one_line(posixpath.basename(urlsplit(document.download_url).path)[:200])
    sha256 = document.checksum_sha256 or ""
    if sha256 and not _SHA256.fullmatch(sha256):
        return bad_metadata(f"{name}: `checksum_sha256` is no SHA-256 digest")
    if sha256 and digests.sha256(answer.content) != sha256:
        return other_digest(f"the SHA-256 digest of {name} is not the one that the registry gives")
    release = read_release(answer.content)
    if isinstance(release, Broken):
        return bad_metadata(f"{name}: {release.message}")
    artifact = Artifact(
        name=name,
        url=text.without_secrets(document.download_url),
        size=len(answer.content),
        digest=f"sha256:{sha256}" if sha256 else "",
        digest_checked=bool(sha256),
    )
    return draft(order, _facts(document, release, commands_of(release), artifact), now)


# -------------------------------------------------------------------------------------------- facts


def _facts(document: Document, release: Release, commands: Commands, artifact: Artifact) -> Facts:
    resources = document.resources if isinstance(document.resources, dict) else {}
    repository = resources.get("repository")
    links = repository if isinstance(repository, dict) else {}
    web, clone = _string(links.get("web")), _string(links.get("url"))
    return Facts(
        version=Cited(value=document.version.removeprefix("v"), detail="release, the newest by MetaCPAN"),
        artifact=artifact,
        license=licenses.from_cpan(sorted(_strings(document.license))),
        released=_string(document.date),
        description=Cited(value=_abstract(document.abstract), detail="abstract"),
        homepages=(
            Cited(value=_string(resources.get("homepage")), detail="resources.homepage"),
            Cited(value=web, detail="resources.repository.web"),
            Cited(value=clone, detail="resources.repository.url"),
        ),
        repository=text.homepage(web) or clone,
        executables=commands.names,
        executables_from=Cited(
            value="executables", origin=Origin.ARTIFACT, detail=text.one_line(f"{artifact.name}: {commands.place}")
        ),
        steps=one_step("cpan_install", document.distribution),
        dependencies=("perl",),
        version_source={"source": f"metacpan:{document.distribution}"},
        runtime_requirement=_perl(document.dependency or []),
        # Makefile.PL and Build.PL are programs of the release, and run when it is installed.
        has_install_scripts=not _is_static(release),
        risks=tuple(_risks(document, release)),
        # One archive of sources for all platforms: installers take exactly this one.
        builds=(Build(platforms=[platform.id for platform in ALL_PLATFORMS], artifact=artifact),),
    )


def _string(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _strings(value: object) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item]


def _abstract(value: object) -> str:
    """Return the abstract; `unknown` is what tools write for one that nobody wrote."""
    found = _string(value)
    return "" if found.lower() == "unknown" else found


def _perl(dependencies: list[Dependency]) -> str:
    """Return the Perl that installing or running wants, as it is written: `>=5.010001`, `>=v5.20.0`."""
    wanted = {
        str(each.version)
        for each in dependencies
        if each.module == "perl" and each.relationship == "requires" and each.phase in {"configure", "build", "runtime"}
    }
    return ", ".join(f">={version}" for version in sorted(wanted - {"0", "None"}))


def _is_static(release: Release) -> bool:
    """Say whether the release is installed by copying files (`x_static_install`), without a program of its own."""
    try:
        meta = decode_json(release.texts.get(META, "{}").encode(), dict[str, object])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return meta.get("x_static_install") in (1, "1", True)


def _risks(document: Document, release: Release) -> list[str]:
    sources = compiles(release)
    odd = f"{document.distribution}-{document.version}"
    found = {
        f"compiles C when it is installed: {shown(sources)}": bool(sources),
        f"CPAN's index does not list it as the newest ({document.status})": document.status not in {"latest", ""},
        f"calls itself {document.name[:100]}, not {odd}": document.name.removesuffix("-TRIAL") != odd,
    }
    return [text.one_line(risk[:300]) for risk, holds in found.items() if holds]
