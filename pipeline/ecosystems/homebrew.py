"""Homebrew formulae: facts from the formula's JSON, commands from the index of its bottles or from one of them.

A bottle is a formula built for one platform. Its container registry keeps an index of a version's bottles, which says
of most what they put into `bin` and `sbin`: one small request. An older bottle is read whole, and its digest checked.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta

from pipeline import licenses, text
from pipeline.ecosystems import brew
from pipeline.ecosystems.base import Answer, Fetcher, Made
from pipeline.ecosystems.bottle import Bottle, Commands, find_commands
from pipeline.ecosystems.brew import string, strings
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, decode, draft, seen, settled, shown
from pipeline.model import Artifact, Build, Failed, Held, Origin, Skipped, Step, Subcategory, WorkOrder
from pipeline.platforms import ALL_PLATFORMS
from pipeline.source import identifier_of

NAME = "homebrew"
REVISION = 1

_TAP = "homebrew/core"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+:~,_-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FORGE = re.compile(
    r"(https://(?:github\.com|gitlab\.com|codeberg\.org)/[\w.-]+/[\w.-]+?)(?:\.git)?(?:/.*)?", re.DOTALL
)
# The bottle whose commands are taken when only one can be read, and the order of `Evidence.builds`.
_LINUX = {"x86_64_linux": "x86_64", "arm64_linux": "arm64"}


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """A formula without a stable version can only be built from its newest commit."""

    stable: str | None = None


class BottleFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bottle of one platform is."""

    url: str
    sha256: str


class BottleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The bottles of one version; it is built again, with a new `rebuild`, when the build itself was mended."""

    files: dict[str, BottleFile] = {}
    rebuild: Annotated[int, Meta(ge=0, le=100_000)] = 0


class Formula(brew.Withdrawal, frozen=True, kw_only=True):
    """`GET <registry>/formula/<name>.json`. Answers of 2019 lack much of it."""

    name: str
    versions: Versions
    revision: Annotated[int, Meta(ge=0, le=100_000)] = 0
    bottle: dict[str, BottleSpec] = {}
    full_name: object = ""
    tap: object = ""
    oldname: object = ""
    oldnames: object = ()
    aliases: object = ()
    desc: object = ""
    homepage: object = ""
    license: object = ""
    urls: object = None
    keg_only: object = False
    keg_only_reason: object = None
    dependencies: object = ()
    requirements: object = ()
    variations: object = None
    post_install_defined: object = False

    @property
    def package_version(self) -> str:
        """The version of the bottles: the revision counts changes of the formula alone."""
        return f"{self.versions.stable}_{self.revision}" if self.revision else f"{self.versions.stable}"


def identifier_defect(identifier: str) -> str:
    """Return why no formula of Homebrew's own can be called this, "" when one can."""
    refused = brew.refused_name(identifier, "formula")
    return refused.message if refused else ""


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one formula with its evidence, or why there is none.

    `registry` is the address of Homebrew's API, and after a blank that of a mirror of the bottles, if one is set.
    """
    name = identifier_of(order.source)
    refused = brew.refused_name(name, "formula")
    if refused is not None:
        return settled(refused, NAME)
    api, _, mirror = registry.partition(" ")
    answer = fetcher.get(f"{api}/formula/{name}.json", accept="application/json")
    if not isinstance(answer, Answer):
        return answer
    formula = decode(answer.content, Formula, f"the formula {name}")
    if isinstance(formula, Failed):
        return formula
    bottles = _choose(name, formula, mirror)
    if isinstance(bottles, Skipped | Failed):
        return settled(bottles, NAME)
    return seen(_describe(order, formula, bottles, fetcher, now), NAME, *_semantic(formula, bottles))


# ------------------------------------------------------------------------------------------- bottles


def _choose(name: str, formula: Formula, mirror: str) -> list[Bottle] | Skipped | Failed:
    """Return the bottle of each platform, the first of which stands for all; or why none can be installed."""
    known_as = (formula.oldname, formula.oldnames, formula.aliases)
    excluded = (
        brew.other_identity(name, formula.name, known_as, "formula")
        or brew.tapped(formula.tap, formula.full_name, _TAP, "formula")
        or brew.withdrawn(formula, name)
    )
    if excluded is not None:
        return excluded
    if not formula.versions.stable:
        message = f"{name} has no stable version, only the newest commit"
        return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=message)
    if not _VERSION.fullmatch(formula.versions.stable):
        return bad_metadata(f"{name}: {formula.versions.stable[:100]!r} is no version")
    spec = formula.bottle.get("stable", BottleSpec())
    tags = [tag for tag in _tags(spec.files) if _platforms(tag, formula)]
    if not tags:
        message = f"{name} {text.one_line(formula.package_version[:100])} has no bottle for any platform"
        return Skipped(subcategory=Subcategory.NEEDS_BUILD, message=message)
    bottles = [_bottle(formula, spec, tag, mirror) for tag in tags]
    broken = next((one.tag for one in bottles if not _SHA256.fullmatch(one.sha256) or not _is_address(one.url)), None)
    if broken is not None:
        # Not shown: an address may hold a password or a token, and what this says is published.
        return bad_metadata(f"{name}: the bottle for {broken} has no web address or no SHA-256 digest")
    return bottles


def _is_address(url: str) -> bool:
    return text.is_web_address(url) and " " not in url


def _tags(files: Mapping[str, object]) -> list[str]:
    """Return the tags of the bottles that serve our platforms: of macOS the newest on each architecture."""
    macos = (brew.newest_macos(files, arm=arm) for arm in (True, False))
    wanted = [*_LINUX, *(tag for tag in macos if tag is not None), "all"]
    return [tag for tag in wanted if tag in files]


def _bottle(formula: Formula, spec: BottleSpec, tag: str, mirror: str) -> Bottle:
    rebuild = f".{spec.rebuild}" if spec.rebuild else ""
    file = f"{formula.name}-{formula.package_version}.{tag}.bottle{rebuild}.tar.gz"
    found = spec.files[tag]
    return Bottle(tag=tag, file=file, url=_mirrored(mirror, formula.name, file, found), sha256=found.sha256)


def _mirrored(mirror: str, name: str, file: str, found: BottleFile) -> str:
    """Return where a bottle is: at a mirror that is no container registry, in one folder with all others."""
    if not mirror:
        return found.url
    if "/v2/" in mirror:
        # No repository of a container registry may hold these two characters.
        return f"{mirror}/{name.replace('@', '/').replace('+', 'x')}/blobs/sha256:{found.sha256}"
    return f"{mirror}/{quote(file, safe='')}"


def _platforms(tag: str, formula: Formula) -> list[str]:
    """Return the identifiers of the platforms that a bottle is for. Linux bottles are linked against glibc."""
    if tag == "all":
        systems = _required_systems(formula)
        return [platform.id for platform in ALL_PLATFORMS if platform.os in systems]
    if tag in _LINUX:
        return [
            platform.id
            for platform in ALL_PLATFORMS
            if (platform.os, platform.libc, platform.arch) == ("linux", "glibc", _LINUX[tag])
        ]
    arch = "arm64" if tag.startswith(brew.ARM) else "x86_64"
    return [platform.id for platform in ALL_PLATFORMS if (platform.os, platform.arch) == ("darwin", arch)]


def _required_systems(formula: Formula) -> set[str]:
    """Return the systems that a formula admits; a bottle for all is tied to one only by such a requirement."""
    found = formula.requirements if isinstance(formula.requirements, list) else []
    names = {string(one.get("name")) for one in found if isinstance(one, dict)}
    return {"linux"} if "linux" in names else {"darwin"} if "macos" in names else {"linux", "darwin"}


def _semantic(formula: Formula, bottles: list[Bottle]) -> tuple[object, ...]:
    """Return what the recipe and its evidence depend on; where a bottle lies is not part of it."""
    return (
        formula.name,
        formula.package_version,
        [(bottle.tag, bottle.sha256) for bottle in bottles],
        [string(value) for value in (formula.desc, formula.homepage, formula.license)],
        _repository(formula),
        [_dependencies(formula, bottle.tag) for bottle in bottles],
        _risks(formula, bottles, ()),
    )


# -------------------------------------------------------------------------------------------- facts


def _describe(order: WorkOrder, formula: Formula, bottles: list[Bottle], fetcher: Fetcher, now: datetime) -> Made:
    rebuild = formula.bottle["stable"].rebuild
    version = f"{formula.package_version}-{rebuild}" if rebuild else formula.package_version
    commands = find_commands(bottles, version, fetcher)
    if isinstance(commands, Failed | Held):
        return commands
    return draft(order, _facts(formula, bottles, commands), now)


def _facts(formula: Formula, bottles: list[Bottle], commands: Commands) -> Facts:
    repository = _repository(formula)
    return Facts(
        # As the tool prints it: the revision is the formula's.
        version=Cited(value=f"{formula.versions.stable}", detail=f"versions.stable, revision {formula.revision}"),
        artifact=_artifact(commands.bottle, commands.size, checked=commands.read),
        license=licenses.from_core_metadata(string(formula.license), "", [], origin=Origin.REGISTRY),
        released=commands.made_at,
        description=Cited(value=string(formula.desc), detail="desc"),
        homepages=(
            Cited(value=string(formula.homepage), detail="homepage"),
            Cited(value=repository, detail="urls"),
        ),
        repository=repository,
        executables=frozenset(commands.paths),
        executables_from=Cited(
            value="executables",
            origin=Origin.ARTIFACT if commands.read else Origin.REGISTRY,
            detail=text.one_line(commands.place if commands.paths else f"nothing in {commands.place}"),
        ),
        steps=lambda executables: [
            Step(action="homebrew", params={"formula": formula.name}),
            Step(action="install_binaries", params={"binaries": [commands.paths[name] for name in executables]}),
        ],
        runtime_dependencies=tuple(
            sorted({text.kebab(name) for bottle in bottles for name in _dependencies(formula, bottle.tag)} - {""})
        ),
        risks=_risks(formula, bottles, commands.partial),
        builds=_builds(formula, bottles),
    )


def _artifact(bottle: Bottle, size: int | None, *, checked: bool) -> Artifact:
    return Artifact(
        name=text.one_line(bottle.file),
        url=text.without_secrets(bottle.url),
        size=size,
        digest=f"sha256:{bottle.sha256}",
        digest_checked=checked,
    )


def _builds(formula: Formula, bottles: list[Bottle]) -> tuple[Build, ...]:
    """Return each file once, with all platforms that it is for."""
    files: dict[str, tuple[Bottle, list[str]]] = {}
    for bottle in bottles:
        files.setdefault(bottle.sha256, (bottle, []))[1].extend(_platforms(bottle.tag, formula))
    return tuple(
        Build(platforms=list(dict.fromkeys(platforms)), artifact=_artifact(bottle, None, checked=False))
        for bottle, platforms in files.values()
    )


def _dependencies(formula: Formula, tag: str) -> list[str]:
    """Return the formulae that a bottle needs to run. The answer is for macOS; other platforms are laid over it."""
    variations = formula.variations if isinstance(formula.variations, dict) else {}
    over = variations.get(tag)
    return strings(over.get("dependencies", formula.dependencies) if isinstance(over, dict) else formula.dependencies)


def _repository(formula: Formula) -> str:
    """Return the repository that its newest commit is taken from, else the one on a forge that its source lies in."""
    match formula.urls:
        case {"head": {"url": str(head)}} if text.homepage(head):
            return head
        case {"stable": {"url": str(stable)}}:
            found = _FORGE.fullmatch(stable[:1000])
            return found[1] if found else ""
        case _:
            return ""


def _risks(formula: Formula, bottles: list[Bottle], partial: tuple[str, ...]) -> tuple[str, ...]:
    reason = formula.keg_only_reason if isinstance(formula.keg_only_reason, dict) else {}
    why = text.description(
        string(reason.get("explanation")) or string(reason.get("reason")).lstrip(":").replace("_", " ")
    )
    needed = [set(_dependencies(formula, bottle.tag)) for bottle in bottles]
    some = sorted(set[str]().union(*needed).difference(set[str].intersection(*needed)))
    announced = brew.announced(formula)
    return brew.only_risks({
        announced: bool(announced),
        f"keg-only, Homebrew itself does not link its commands: {why or 'no reason given'}": formula.keg_only is True,
        "Homebrew runs a step after unpacking it, which the recipe does not": formula.post_install_defined is True,
        f"only some platforms have {shown(list(partial))}": bool(partial),
        f"only on some platforms it needs {shown(some)}": bool(some),
    })  # fmt: skip
