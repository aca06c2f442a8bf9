"""npm: one request for the packument, which holds all that a recipe needs.

`GET <registry>/<name>` (a scoped name as `@scope%2fname`) answers with `dist-tags`, `time` and `versions`. It
may be over 10 MB and is written by strangers: only the versions that are looked at are decoded, and of them
only the fields used.
"""

import base64
import posixpath
import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from pipeline import licenses, text
from pipeline.ecosystems.base import Answer, Fetcher, Made
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, decode, draft, one_step, seen, settled, shown
from pipeline.model import Artifact, Category, Failed, Skipped, Subcategory, WorkOrder
from pipeline.source import identifier_of

NAME = "npm"
REVISION = 1

# npm's rules for names; capitals are no longer allowed but old packages have them.
_IDENTIFIER = re.compile(r"(?:@[A-Za-z0-9~-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~_-][A-Za-z0-9._~-]*")
_STABLE = re.compile(r"(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})(?:\+[0-9A-Za-z.-]+)?")
_INSTALL_SCRIPTS = ("preinstall", "install", "postinstall")
# What npm calls the parts of the platforms that recipes are made for.
_OURS = {"os": ("linux", "darwin"), "cpu": ("x64", "arm64"), "libc": ("glibc", "musl")}


class Dist(msgspec.Struct, frozen=True):
    """Where a version's archive lies and how it is known to be the right one."""

    tarball: str
    integrity: str = ""
    attestations: object = None


class Version(msgspec.Struct, frozen=True):
    """The package.json of one version with the registry's additions. `object`: seen with any type."""

    name: str
    version: str
    dist: Dist
    bin: object = None
    directories: object = None
    description: object = None
    homepage: object = None
    repository: object = None
    license: object = None
    licenses: object = None
    engines: object = None
    os: object = None
    cpu: object = None
    libc: object = None
    scripts: object = None
    gypfile: object = None
    has_install_script: object = msgspec.field(default=None, name="hasInstallScript")
    deprecated: object = None


class Packument(msgspec.Struct, frozen=True):
    """What the registry says of a package. `time` also holds objects (`unpublished`): decoded by key."""

    name: str
    dist_tags: dict[str, str] = msgspec.field(default_factory=dict, name="dist-tags")
    versions: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    time: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)


def identifier_defect(identifier: str) -> str:
    """Return why no npm package can be called this, "" when one can."""
    return "" if _IDENTIFIER.fullmatch(identifier) else f"{identifier!r} cannot be the name of an npm package"


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one npm package with its evidence, or why there is none."""
    return settled(_make(order, registry, fetcher, now), NAME)


def _make(order: WorkOrder, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    identifier = identifier_of(order.source)
    if defect := identifier_defect(identifier):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=defect)
    answer = fetcher.get(f"{registry}/{identifier.replace('/', '%2f')}", accept="application/json")
    if not isinstance(answer, Answer):
        return answer
    packument = decode(answer.content, Packument, f"packument of {identifier}")
    if isinstance(packument, Failed):
        return packument
    if packument.name != identifier:
        return bad_metadata(f"asked for {identifier}, the registry answered with {packument.name!r}")
    chosen = _choose(packument)
    if not isinstance(chosen, Version):
        return chosen
    return seen(_describe(order, packument, chosen, now), NAME, *_semantic(chosen))


def _semantic(version: Version) -> tuple[object, ...]:
    """Return what a recipe or an install depends on, as texts that are read the same however the registry writes them.

    Where the archive lies is not part of it: a mirror has it elsewhere.
    """
    executables = _executables(version)
    return (
        version.version,
        version.dist.integrity,
        text.is_web_address(version.dist.tarball),
        executables.message if isinstance(executables, Failed) else sorted(executables),
        _string(version.description),
        _string(version.homepage),
        _repository(version.repository),
        licenses.from_npm(version.license, version.licenses).spdx,
        _node_requirement(version.engines),
        [sorted(_strings(getattr(version, key))) for key in _OURS],
        _has_install_scripts(version),
    )


# -------------------------------------------------------------------------------------------- version


def _choose(packument: Packument) -> Version | Skipped | Failed:
    """Return what `latest` points to.

    When that is a prerelease or not set: the newest stable version that is not deprecated.
    """
    latest = packument.dist_tags.get("latest", "")
    if not packument.versions:
        return Failed(
            category=Category.RECIPE_NOT_FOUND,
            subcategory=Subcategory.NOT_FOUND,
            transient=False,
            message=f"all versions of {packument.name} were unpublished",
        )
    if latest in packument.versions and _STABLE.fullmatch(latest):
        return _unless_deprecated(_version(packument, latest))
    stable = sorted((key for key in packument.versions if _STABLE.fullmatch(key)), key=_precedence, reverse=True)
    if not stable:
        shown_latest = text.one_line(latest) or "not set"
        message = f"no stable version among {len(packument.versions)}; latest is {shown_latest}"
        return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=message)
    outcome: Version | Skipped | Failed = bad_metadata("no version")
    for key in stable:
        outcome = _unless_deprecated(_version(packument, key))
        if not isinstance(outcome, Skipped):
            break
    return outcome


def _precedence(stable: str) -> tuple[int, ...]:
    return tuple(int(part) for part in stable.partition("+")[0].split("."))


def _version(packument: Packument, key: str) -> Version | Failed:
    version = decode(bytes(packument.versions[key]), Version, f"version {key} of {packument.name}")
    if isinstance(version, Version) and (version.version, version.name) != (key, packument.name):
        return bad_metadata(f"version {key} of {packument.name} calls itself {version.name}@{version.version}")
    return version


def _unless_deprecated(version: Version | Failed) -> Version | Skipped | Failed:
    # An empty string is what is left when a deprecation was taken back.
    if isinstance(version, Failed) or not version.deprecated:
        return version
    reason = text.description(_string(version.deprecated)) or "no reason given"
    return Skipped(subcategory=Subcategory.DEPRECATED, message=f"version {version.version} is deprecated: {reason}")


# ------------------------------------------------------------------------------------------- facts


def _describe(order: WorkOrder, packument: Packument, version: Version, now: datetime) -> Made:
    executables = _executables(version)
    if isinstance(executables, Failed):
        return executables
    if not text.is_web_address(version.dist.tarball):
        # Not shown: it may hold a password or a token, and what this says is published.
        return bad_metadata(f"{version.name}@{version.version}: dist.tarball is no web address")
    place = f"versions[{version.version!r}]"
    repository = _repository(version.repository)
    facts = Facts(
        version=Cited(value=version.version, detail=_version_detail(packument, version)),
        artifact=_artifact(version),
        license=licenses.from_npm(version.license, version.licenses),
        released=_release_time(packument, version.version),
        description=Cited(value=_string(version.description), detail=f"{place}.description"),
        homepages=(
            Cited(value=_string(version.homepage), detail=f"{place}.homepage"),
            Cited(value=repository, detail=f"{place}.repository"),
        ),
        repository=repository,
        executables=executables,
        executables_from=_executables_cited(version, place),
        steps=one_step("npm_install", version.name),
        runtime_requirement=_node_requirement(version.engines),
        has_install_scripts=_has_install_scripts(version),
        has_attestations=isinstance(version.dist.attestations, dict) and bool(version.dist.attestations),
        risks=tuple(_risks(packument, version)),
    )
    return draft(order, facts, now)


def _executables(version: Version) -> frozenset[str] | Failed:
    """Return the names that npm links for `bin`: a map's keys, or the name without its scope for a path."""
    match version.bin:
        case str(path):
            targets: dict[str, object] = {version.name: path}
        case dict(named):
            targets = {str(name): path for name, path in named.items()}
        case None | False:
            targets = {}
        case _:
            return bad_metadata(f"`bin` of {version.name}@{version.version} is neither a path nor a map of paths")
    paths = {name: path for name, path in targets.items() if isinstance(path, str) and path}
    for name, path in paths.items():
        if _leaves_package(path):
            return bad_metadata(f"executable {name!r} of {version.name} points outside of the package: {path!r}")
    # npm, too, takes only what follows the last separator.
    return frozenset(posixpath.basename(re.sub(r"[\\:]", "/", name)) for name in paths)


def _leaves_package(path: str) -> bool:
    plain = posixpath.normpath(path.replace("\\", "/"))
    return plain.startswith(("/", "../")) or plain == ".." or bool(re.match(r"[A-Za-z]:", plain))


def _executables_cited(version: Version, place: str) -> Cited:
    if isinstance(version.directories, dict) and version.directories.get("bin") and not version.bin:
        # npm turns the folder into a map when it publishes; if it was not there, only the archive knows.
        return Cited(value="directories", detail=f"{place}.directories.bin names a folder, not its files")
    return Cited(value="bin", detail=f"{place}.bin" if version.bin else f"{place} has no `bin`")


def _version_detail(packument: Packument, version: Version) -> str:
    if packument.dist_tags.get("latest") == version.version:
        return "dist-tags.latest"
    return "versions, the newest stable one that is not deprecated"


def _artifact(version: Version) -> Artifact:
    url = text.without_secrets(version.dist.tarball)
    return Artifact(name=posixpath.basename(urlsplit(url).path), url=url, digest=_sha512(version.dist.integrity))


def _sha512(integrity: str) -> str:
    """Return `sha512:<hex>` of a Subresource Integrity text, "" without a sound one."""
    for item in integrity.split():
        algorithm, _, value = item.partition("-")
        try:
            digest = base64.b64decode(value.partition("?")[0], validate=True)
        except ValueError:  # no Base64, or not even ASCII
            continue
        if algorithm == "sha512" and len(digest) == 64:  # bytes
            return f"sha512:{digest.hex()}"
    return ""


def _release_time(packument: Packument, key: str) -> str:
    found = decode(bytes(packument.time.get(key, msgspec.Raw(b'""'))), object, "time")
    return found if isinstance(found, str) else ""


def _repository(declared: object) -> str:
    return _string(declared.get("url")) if isinstance(declared, dict) else _string(declared)


def _node_requirement(engines: object) -> str:
    return _string(engines.get("node")) if isinstance(engines, dict) else ""


def _has_install_scripts(version: Version) -> bool:
    scripts = version.scripts if isinstance(version.scripts, dict) else {}
    declared = any(_string(scripts.get(name)) for name in _INSTALL_SCRIPTS)
    # npm runs `node-gyp rebuild` by itself for a package with a binding.gyp.
    return declared or version.has_install_script is True or version.gypfile is True


def _risks(packument: Packument, version: Version) -> list[str]:
    latest = packument.dist_tags.get("latest")
    risks = (
        [] if latest == version.version else [f"the registry's latest is {latest}, not the stable {version.version}"]
    )
    for key, ours in _OURS.items():
        allowed = sorted(_strings(getattr(version, key)))
        if not all(_allows(allowed, name) for name in ours):
            risks.append(f"upstream limits {key} to {shown(allowed)}")
    return [text.one_line(risk[:300]) for risk in risks]


def _allows(limits: list[str], name: str) -> bool:
    """Return whether npm would install on `name`: names are an allow-list, those with `!` a deny-list."""
    positive = [limit for limit in limits if not limit.startswith("!")]
    return f"!{name}" not in limits and (not positive or name in positive or "any" in positive)


def _string(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _strings(value: object) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item]
