"""PyPI: the Simple API as JSON for releases and files, and the end of one wheel for executables and metadata.

`GET <index>/<normalised name>/` works with every mirror and private index that `pip` can use; normally the
end of the wheel is the only other request. Only the configured index is asked, not `extra-index-url`.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from packaging.tags import Tag
from packaging.utils import (
    InvalidName,
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from pipeline import licenses, text
from pipeline.ecosystems.base import Answer, Fetcher, Made
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, decode, draft, one_step, seen, settled, shown
from pipeline.ecosystems.remote import NoAnswer, open_remote
from pipeline.model import Artifact, Failed, Held, Origin, Skipped, Subcategory, WorkOrder
from pipeline.source import identifier_of
from pipeline.wheel import Wheel, read_wheel
from pipeline.zipped import Broken

NAME = "pypi"
REVISION = 1

_UNUSABLE = 3
ACCEPT = "application/vnd.pypi.simple.v1+json"
# Labels of Project-URL as the well-known project URLs specification spells them, without punctuation.
_HOMEPAGE_LABELS = ("homepage",)
_REPOSITORY_LABELS = (
    "source",
    "repository",
    "sourcecode",
    "github",
    "code",
    "sourcerepository",
    "gitlab",
    "git",
)


class File(msgspec.Struct, frozen=True):
    """One file of a release, as the Simple API lists it."""

    filename: str
    url: str
    hashes: dict[str, str] = msgspec.field(default_factory=dict)
    size: int | None = None
    yanked: bool | str = False
    requires_python: str | None = msgspec.field(default=None, name="requires-python")
    upload_time: str | None = msgspec.field(default=None, name="upload-time")
    provenance: str | None = None


class Meta(msgspec.Struct, frozen=True):
    """The version of the answer's format."""

    api_version: str = msgspec.field(name="api-version")


class Project(msgspec.Struct, frozen=True):
    """All files of a project. `project-status` came late, and some mirrors give it as a bare word."""

    meta: Meta
    name: str
    files: list[File]
    status: object = msgspec.field(default=None, name="project-status")


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose name could be read. `tags` are empty for a source distribution."""

    version: Version
    tags: frozenset[Tag]
    file: File


def identifier_defect(identifier: str) -> str:
    """Return why no PyPI project can be called this, "" when one can."""
    try:
        canonicalize_name(identifier, validate=True)
    except InvalidName:
        return f"{identifier!r} cannot be the name of a PyPI project"
    return ""


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one PyPI project with its evidence, or why there is none."""
    return settled(_make(order, registry, fetcher, now), NAME)


def _make(order: WorkOrder, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    identifier = identifier_of(order.source)
    if defect := identifier_defect(identifier):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=defect)
    name = canonicalize_name(identifier)
    answer = fetcher.get(f"{registry}/{name}/", accept=ACCEPT)
    if not isinstance(answer, Answer):
        return answer
    project = decode(answer.content, Project, f"Simple API answer for {name}")
    if isinstance(project, Failed):
        return project
    if canonicalize_name(project.name) != name or not project.meta.api_version.startswith("1."):
        return bad_metadata(f"asked for {name}, got {project.name!r} in format {project.meta.api_version!r}")
    chosen = _choose(project)
    if not isinstance(chosen, Candidate):
        return chosen
    url = text.absolute(answer.url, chosen.file.url)
    if not url:
        # Not shown: it may hold a password or a token, and what this says is published.
        return seen(bad_metadata(f"{chosen.file.filename}: its address is no web address"), *_semantic(chosen))
    return _read(order, project, chosen, url, fetcher, now)


# -------------------------------------------------------------------------------------------- release


def _choose(project: Project) -> Candidate | Skipped:
    """Return the best wheel of the newest stable release that is not yanked."""
    status, reason = _status(project)
    if status in {"quarantined", "deprecated"}:
        message = f"the project is {status}{reason and ': '}{reason}"
        return Skipped(subcategory=Subcategory(status), message=message)
    candidates = [found for file in project.files if (found := _candidate(file, canonicalize_name(project.name)))]
    if not candidates:
        return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message="the project has no files")
    stable = [found for found in candidates if not found.version.is_prerelease]
    if not stable:
        newest = max(found.version for found in candidates)
        return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=f"only prereleases, the newest is {newest}")
    kept = [found for found in stable if found.file.yanked is False]
    if not kept:
        yanked = max(stable, key=lambda found: found.version)
        why = text.description(yanked.file.yanked) if isinstance(yanked.file.yanked, str) else ""
        message = f"all stable releases are yanked, the newest is {yanked.version}{why and ': '}{why}"
        return Skipped(subcategory=Subcategory.YANKED, message=message)
    newest = max(found.version for found in kept)
    wheels = [found for found in kept if found.version == newest and _rank(found) < _UNUSABLE]
    if not wheels:
        return Skipped(subcategory=Subcategory.NEEDS_BUILD, message=f"version {newest} has no wheel for Python 3")
    return min(wheels, key=lambda found: (_rank(found), found.file.filename))


def _status(project: Project) -> tuple[str, str]:
    match project.status:
        case {"status": str(status), **rest}:
            reason = rest.get("reason")
            return status, text.description(reason) if isinstance(reason, str) else ""
        case str(status):
            return status, ""
        case _:
            return "active", ""


def _candidate(file: File, name: str) -> Candidate | None:
    """Return what the file's name says; None for old formats, other projects and names against the rules."""
    try:
        if file.filename.endswith(".whl"):
            found, version, _, tags = parse_wheel_filename(file.filename)
        else:
            found, version = parse_sdist_filename(file.filename)
            tags = frozenset()
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return Candidate(version=version, tags=tags, file=file) if found == name else None


def _rank(candidate: Candidate) -> int:
    """Return what a wheel is for: 0 any machine, 1 Linux on x86_64, 2 other machines, 3 nothing."""
    tags = [tag for tag in candidate.tags if tag.interpreter[:3] not in {"py2", "cp2"}]
    if any(tag.platform == "any" for tag in tags):
        return 0
    if any(_is_linux_x86_64(tag.platform) for tag in tags):
        return 1
    return 2 if tags else _UNUSABLE


def _is_linux_x86_64(platform: str) -> bool:
    return platform.startswith(("manylinux", "linux")) and platform.endswith("_x86_64")


# -------------------------------------------------------------------------------------------- facts


def _read(order: WorkOrder, project: Project, chosen: Candidate, url: str, fetcher: Fetcher, now: datetime) -> Made:
    sha256 = _sha256(chosen.file)
    opened = open_remote(url, fetcher, size=chosen.file.size, sha256=sha256)
    if isinstance(opened, Failed | Held):
        return seen(opened, *_semantic(chosen))
    remote, checked = opened
    try:
        wheel = read_wheel(remote, project.name)
    except NoAnswer as stopped:
        return seen(stopped.outcome, *_semantic(chosen))
    if isinstance(wheel, Broken):
        return seen(bad_metadata(f"{chosen.file.filename}: {wheel.message}"), *_semantic(chosen))
    if not _is_of(wheel, project, chosen):
        wrong = bad_metadata(f"{chosen.file.filename}: its METADATA is of another name or version")
        return seen(wrong, *_semantic(chosen))
    artifact = Artifact(
        name=chosen.file.filename,
        url=text.without_secrets(url),
        size=remote.size,
        digest=sha256 and f"sha256:{sha256}",
        digest_checked=checked,
    )
    made = draft(order, _facts(project, chosen, wheel, artifact), now)
    return seen(made, *_semantic(chosen), *_semantic_of_wheel(wheel))


def _semantic(chosen: Candidate) -> tuple[object, ...]:
    """Return what the index says of the chosen file that matters, but for where it lies."""
    file = chosen.file
    return NAME, file.filename, _sha256(file) or str(file.size), file.requires_python


def _semantic_of_wheel(wheel: Wheel) -> tuple[object, ...]:
    """Return what a wheel says of itself, in plain letters; where the index gives a digest, that says as much."""
    scripts = (wheel.console_scripts, wheel.data_scripts, wheel.gui_scripts, wheel.need_extras)
    wanted = (wheel.metadata.get("requires_python", ""), *wheel.metadata.get("requires_external", []))
    return *([ascii(name) for name in sorted(names)] for names in scripts), [ascii(each) for each in wanted]


def _is_of(wheel: Wheel, project: Project, chosen: Candidate) -> bool:
    name, version = wheel.metadata.get("name", ""), wheel.metadata.get("version", "")
    try:
        same_version = Version(version) == chosen.version
    except InvalidVersion:
        return False
    return same_version and canonicalize_name(name) == canonicalize_name(project.name)


def _sha256(file: File) -> str:
    digest = file.hashes.get("sha256", "").lower()
    return digest if len(digest) == 64 and all(char in "0123456789abcdef" for char in digest) else ""


def _facts(project: Project, chosen: Candidate, wheel: Wheel, artifact: Artifact) -> Facts:
    metadata = wheel.metadata
    cite = f"{chosen.file.filename} METADATA "
    urls = {_label(label): url for label, url in metadata.get("project_urls", {}).items()}
    repository = _first(urls, _REPOSITORY_LABELS)
    homepages = (
        (metadata.get("home_page", ""), "Home-page"),
        (_first(urls, _HOMEPAGE_LABELS), "Project-URL Homepage"),
        (repository, "Project-URL of the repository"),
    )
    declared = (
        metadata.get("license_expression", ""),
        metadata.get("license", ""),
        metadata.get("classifiers", []),
    )
    return Facts(
        version=Cited(value=str(chosen.version), detail="files, the newest stable version that is not yanked"),
        artifact=artifact,
        license=licenses.from_core_metadata(*declared, origin=Origin.ARTIFACT),
        released=chosen.file.upload_time or "",
        description=Cited(value=metadata.get("summary", ""), origin=Origin.ARTIFACT, detail=f"{cite}Summary"),
        homepages=tuple(Cited(value=value, origin=Origin.ARTIFACT, detail=cite + where) for value, where in homepages),
        repository=repository,
        executables=wheel.console_scripts | wheel.data_scripts,
        executables_from=_executables_cited(chosen, wheel),
        steps=one_step("pipx_install", canonicalize_name(project.name)),
        runtime_requirement=metadata.get("requires_python", "") or chosen.file.requires_python or "",
        has_attestations=bool(chosen.file.provenance),
        risks=tuple(_risks(project, chosen, wheel)),
    )


def _label(label: str) -> str:
    return "".join(char for char in label.lower() if char.isalnum())


def _first(urls: dict[str, str], labels: Sequence[str]) -> str:
    return next((urls[label] for label in labels if label in urls), "")


def _executables_cited(chosen: Candidate, wheel: Wheel) -> Cited:
    places = {
        "entry_points.txt [console_scripts]": wheel.console_scripts,
        "*.data/scripts": wheel.data_scripts,
    }
    found = [place for place, names in places.items() if names]
    detail = " and ".join(found) or "neither entry_points.txt [console_scripts] nor *.data/scripts"
    if wheel.gui_scripts and not found:
        detail = "only graphical programs in entry_points.txt"
    return Cited(value="executables", origin=Origin.ARTIFACT, detail=f"{chosen.file.filename} {detail}")


def _risks(project: Project, chosen: Candidate, wheel: Wheel) -> list[str]:
    external = wheel.metadata.get("requires_external", [])
    found = {
        "the project is archived: no updates are to be expected": _status(project)[0] == "archived",
        "has no wheel for Linux on x86_64": _rank(chosen) > 1,
        f"needs programs of the system: {shown(external)}": bool(external),
        f"also installs graphical programs: {shown(sorted(wheel.gui_scripts))}": bool(wheel.gui_scripts),
        f"an executable needs an extra of the package: {shown(sorted(wheel.need_extras))}": bool(wheel.need_extras),
    }
    return [text.one_line(risk[:300]) for risk, holds in found.items() if holds]
