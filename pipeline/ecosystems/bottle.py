"""What a formula's bottles put into `bin` and `sbin`: by the index of their container registry, or by one of them."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from pipeline import tarball
from pipeline.digests import sha256
from pipeline.ecosystems.base import Answer, Fetcher
from pipeline.ecosystems.brew import string
from pipeline.ecosystems.drafting import bad_metadata, decode, other_digest
from pipeline.model import Failed, Held
from pipeline.zipped import Refused

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_BLOB = re.compile(r"(https?://[^?#]+/v2/[^?#]+)/blobs/sha256:[0-9a-f]{64}")
# What a tag of a container registry cannot hold, Homebrew writes as a full stop.
_NOT_IN_TAG = re.compile(r"[^A-Za-z0-9_.-]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FOLDERS = ("bin", "sbin")  # the folders that Homebrew links into its prefix; a name in both is the first one's
_EXECUTABLE = 0o111


class Bottle(msgspec.Struct, frozen=True, kw_only=True):
    """One bottle: its tag (`x86_64_linux`), and where it is."""

    tag: str
    file: str
    url: str
    sha256: str


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """The path of each command inside the formula's folder, and where that was read.

    `made_at` is when the bottles were made, `size` that of the first bottle; "" and None when nothing says it.
    `partial` names each command that only some platforms have, which is therefore none of the recipe's.
    """

    paths: Mapping[str, str]
    bottle: Bottle
    place: str
    read: bool
    size: int | None = None
    made_at: str = ""
    partial: tuple[str, ...] = ()


class Descriptor(msgspec.Struct, frozen=True):
    """One bottle in an index; its annotations hold what Homebrew says of it."""

    annotations: dict[str, object] = {}


class Index(msgspec.Struct, frozen=True):
    """The image index of one version of a formula."""

    manifests: list[Descriptor]
    annotations: dict[str, object] = {}


def find_commands(bottles: list[Bottle], version: str, fetcher: Fetcher) -> Commands | Failed | Held:
    """Return the commands of a formula's bottles, of which the first stands for all when it has to be read.

    `version` is that of the index: the formula's with its revision, and with the bottles' rebuild.
    """
    first = bottles[0]
    blob = _BLOB.fullmatch(first.url)
    made_at = ""
    if blob:
        url = f"{blob[1]}/manifests/{_NOT_IN_TAG.sub('.', version)}"
        answer = fetcher.get(url, accept=INDEX_TYPE)
        if not isinstance(answer, Answer):
            return answer
        index = decode(answer.content, Index, f"the index of the bottles of version {version}")
        if isinstance(index, Failed):
            return index
        made_at = _made_at(string(index.annotations.get("org.opencontainers.image.created")))
        listed = _listed(index, bottles, version, made_at)
        if listed is not None:
            return listed
    return _read(first, made_at, fetcher)


def _made_at(created: str) -> str:
    """Return when the bottles were made. Homebrew gives the day: its end, so that none seems older."""
    return f"{created}T23:59:59Z" if _DAY.fullmatch(created) else created


def _listed(index: Index, bottles: list[Bottle], version: str, made_at: str) -> Commands | None:
    """Return what the index says of the commands; None when it says it of none of the bottles."""
    by_digest = {string(one.annotations.get("sh.brew.bottle.digest")): one.annotations for one in index.manifests}
    told = [
        (bottle, _paths(string(by_digest[bottle.sha256].get("sh.brew.path_exec_files")).split(",")))
        for bottle in bottles
        if string(by_digest.get(bottle.sha256, {}).get("sh.brew.path_exec_files"))
    ]
    if not told:
        return None
    bottle, paths = told[0]
    # What only some of the platforms have cannot be linked on the others.
    everywhere = set(paths.items()).intersection(*(found.items() for _, found in told))
    known = {(name, path) for _, found in told for name, path in found.items()}
    size = string(by_digest[bottle.sha256].get("sh.brew.bottle.size"))
    return Commands(
        paths=dict(everywhere),
        bottle=bottle,
        place=f"sh.brew.path_exec_files of the index of the bottles of version {version}",
        read=False,
        size=int(size) if re.fullmatch(r"[0-9]{1,15}", size) else None,
        made_at=made_at,
        partial=tuple(sorted(path for _, path in known - everywhere)),
    )


def _read(bottle: Bottle, made_at: str, fetcher: Fetcher) -> Commands | Failed | Held:
    """Return the commands of one bottle, read whole: only then is its digest worth anything."""
    answer = fetcher.get(bottle.url)
    if not isinstance(answer, Answer):
        return answer
    if sha256(answer.content) != bottle.sha256:
        return other_digest(f"the SHA-256 digest of the bottle for {bottle.tag} is not the one in the formula")
    try:
        paths = _paths(_executable_members(answer.content))
    except Refused as refused:
        return bad_metadata(f"the bottle for {bottle.tag} {refused}")
    except tarball.TAR_ERRORS as error:
        return bad_metadata(f"the bottle for {bottle.tag} is not a sound archive: {error}")
    return Commands(
        paths=paths,
        bottle=bottle,
        place=f"bin and sbin of the bottle for {bottle.tag}",
        read=True,
        size=len(answer.content),
        made_at=made_at,
    )


def _executable_members(content: bytes) -> list[str]:
    """Return the paths of what can be run, below the bottle's two folders `NAME/VERSION`."""
    found = []
    for member, _ in tarball.members(content):
        parts = member.name.split("/")
        if member.name.startswith("/") or "\\" in member.name or ".." in parts:
            raise Refused(f"holds {member.name[:100]!a}, which leaves it")
        # A link is taken for a command, as Homebrew links it: what it points to often lies in another folder.
        if member.issym() or member.islnk() or (member.isreg() and member.mode & _EXECUTABLE):
            found.append("/".join(parts[2:]))
    return found


def _paths(listed: Iterable[str]) -> dict[str, str]:
    """Return the path of each command among files: those that stand in `bin` or `sbin` itself."""
    found: dict[str, str] = {}
    parted = [tuple(path.strip().split("/")) for path in listed]
    for folder in _FOLDERS:
        for parts in parted:
            if len(parts) == 2 and parts[0] == folder and parts[1]:
                found.setdefault(parts[1], "/".join(parts))
    return found
