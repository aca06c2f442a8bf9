"""GitHub: what a repository says of itself, its newest full release, and one look into each kind of its files.

`GET <api>/repos/O/R` and `GET <api>/repos/O/R/releases` are written by strangers. Which file is for which platform is
read from the names alone (`pipeline.releases`), by a table of words: the same names give the same recipe, everywhere.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from pipeline import licenses, text
from pipeline.ecosystems.base import Answer, Fetcher, Made
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, decode, draft, seen, settled, shown
from pipeline.ecosystems.release_digests import digests_of
from pipeline.ecosystems.release_files import ReadFile, read_release_file
from pipeline.model import (
    Artifact,
    Build,
    Category,
    Failed,
    Held,
    License,
    Origin,
    Skipped,
    Step,
    Subcategory,
    WorkOrder,
)
from pipeline.platforms import CELL_OF, READER_ARCH, Cell
from pipeline.releases.choice import Ambiguous, Linking, choose
from pipeline.releases.names import FileName, read_name
from pipeline.releases.pattern import Differs, StepPattern, compare, steps_for
from pipeline.releases.published import Asset, Chosen, Release, Unclear, choose_release
from pipeline.releases.words import BARE
from pipeline.source import identifier_of

NAME = "github"
REVISION = 1

# GitHub's rules: letters, digits and hyphens for owners (`_` where a company manages them), dots too for repositories.
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
# Enough for three releases of one product of several, or between pre-releases; more would be another request.
_RELEASES: Final = 30
_ACCEPT: Final = "application/vnd.github+json"


class LicenseName(msgspec.Struct, frozen=True):
    """The licence that GitHub recognised in the repository's files; `NOASSERTION` when it recognised none."""

    spdx_id: str | None = None


class Repository(msgspec.Struct, frozen=True):
    """What a repository says of itself."""

    full_name: str
    html_url: str
    description: str | None = None
    homepage: str | None = None
    license: LicenseName | None = None
    archived: bool = False
    fork: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of a release, and what the first file of each holds."""

    steps: list[StepPattern]
    read: list[ReadFile]
    artifacts: dict[str, Artifact]


def identifier_defect(identifier: str) -> str:
    """Return why no repository can be called this, "" when one can."""
    if _IDENTIFIER.fullmatch(identifier):
        return ""
    return f"{identifier!r} cannot be the name of a repository: owner/name is wanted"


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one repository's releases with its evidence, or why there is none."""
    return settled(_make(order, registry, fetcher, now), NAME)


def _make(order: WorkOrder, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    identifier = identifier_of(order.source)
    if defect := identifier_defect(identifier):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=defect)
    answer = fetcher.get(f"{registry}/repos/{identifier}", accept=_ACCEPT)
    if not isinstance(answer, Answer):
        return answer
    repository = decode(answer.content, Repository, f"repository {identifier}")
    if isinstance(repository, Failed):
        return repository
    if repository.full_name.lower() != identifier.lower():
        return _moved(identifier, repository.full_name)
    listed = fetcher.get(f"{registry}/repos/{identifier}/releases?per_page={_RELEASES}", accept=_ACCEPT)
    if not isinstance(listed, Answer):
        return listed
    releases = decode(listed.content, list[Release], f"releases of {identifier}")
    if isinstance(releases, Failed):
        return releases
    chosen = choose_release(releases, order.name, identifier.partition("/")[2])
    if not isinstance(chosen, Chosen):
        return _without_release(chosen, releases)
    return seen(_describe(order, repository, chosen, fetcher, now), NAME, *_semantic(repository, chosen))


def _moved(identifier: str, now_called: str) -> Failed:
    """Return the outcome of a repository that was renamed: its source in the queue is another package's by now."""
    return Failed(
        category=Category.RECIPE_NOT_FOUND,
        subcategory=Subcategory.NOT_FOUND,
        transient=False,
        message=text.one_line(f"{identifier} has moved to {now_called[:150]}"),
    )


def _without_release(chosen: Unclear | None, releases: list[Release]) -> Skipped:
    if isinstance(chosen, Unclear):
        message = f"several products are released side by side, and none is called like the tool: {_list(chosen.tags)}"
        return Skipped(subcategory=Subcategory.AMBIGUOUS_ASSETS, message=message)
    if not releases:
        return Skipped(subcategory=Subcategory.NEEDS_BUILD, message="the repository has published no release")
    newest = _list(sorted(release.tag_name for release in releases)[-3:])
    message = f"no full release with a version among the {len(releases)} newest: {newest}"
    return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=message)


def _semantic(repository: Repository, chosen: Chosen) -> tuple[object, ...]:
    """Return what a recipe depends on; downloads are counted and texts of releases edited without a change of it."""
    return (
        chosen.tag.text,
        sorted((asset.name, asset.size, asset.digest or "") for asset in _files(chosen.release)),
        repository.description or "",
        repository.homepage or "",
        repository.license.spdx_id if repository.license else "",
        repository.archived,
    )


# --------------------------------------------------------------------------------------------- files


def _describe(order: WorkOrder, repository: Repository, chosen: Chosen, fetcher: Fetcher, now: datetime) -> Made:
    """Choose the files, look into them, and prove the patterns."""
    reading = _read(order, chosen, fetcher)
    if not isinstance(reading, Reading):
        return reading
    differing = [
        differs
        for tag, release in chosen.earlier
        if (differs := compare(reading.steps, tag.text, tag.version, release.names()))
    ]
    if chosen.earlier and len(differing) == len(chosen.earlier) and all(each.all_missing for each in differing):
        message = f"{_list(step.pattern for step in reading.steps)} is the name of no file of {_tags(differing)}"
        return Skipped(subcategory=Subcategory.UNPROVEN_PATTERN, message=message)
    if len({frozenset(each.layout.binaries) for each in reading.read}) != 1:
        message = "the files for its platforms hold different programs: " + "; ".join(
            f"{next(iter(step.files.values())).name}: {_list(sorted(each.layout.binaries))}"
            for step, each in zip(reading.steps, reading.read, strict=True)
        )
        return Skipped(subcategory=Subcategory.AMBIGUOUS_COMMANDS, message=text.one_line(message[:600]))
    return draft(order, _facts(order, repository, chosen, reading, differing), now)


def _read(order: WorkOrder, chosen: Chosen, fetcher: Fetcher) -> Reading | Skipped | Failed | Held:
    """Return the steps and what their files hold.

    What the first program says of its C library may show that a file serves fewer platforms than its name let expect;
    then the files are chosen once more.
    """
    linking = Linking()
    known: dict[str, ReadFile] = {}
    while True:
        cells = _choose(order, chosen, linking)
        if isinstance(cells, Skipped):
            return cells
        steps = steps_for(cells)
        artifacts = _artifacts(chosen, cells, fetcher)
        if not isinstance(artifacts, dict):
            return artifacts
        corrected = linking
        for step in steps:
            read = _read_first(step, artifacts, chosen.tag.version, fetcher, known)
            if not isinstance(read, ReadFile):
                return read
            corrected = _corrected(linking, next(iter(step.files.values())), read)
            if corrected != linking:
                break
        if corrected == linking:
            read_files = [known[next(iter(step.files.values())).name] for step in steps]
            return Reading(steps=steps, read=read_files, artifacts=artifacts)
        linking = corrected


def _choose(order: WorkOrder, chosen: Chosen, linking: Linking) -> dict[Cell, FileName] | Skipped:
    tool, repository = (_words(name) for name in (order.name, identifier_of(order.source).partition("/")[2]))
    assets, version = _files(chosen.release), chosen.tag.version
    if not assets:
        message = f"release {chosen.tag.text} has no files, only sources"
        return Skipped(subcategory=Subcategory.NEEDS_BUILD, message=message)
    files = [file for asset in assets if (file := read_name(asset.name, version, tool | repository))]
    cells = choose(files, (tool, repository), linking)
    if isinstance(cells, Ambiguous):
        where = "/".join(part for part in (cells.cell.os, cells.cell.arch, cells.cell.libc) if part)
        message = f"these files of {chosen.tag.text} suit {where} equally well: {_list(cells.names)}"
        return Skipped(subcategory=Subcategory.AMBIGUOUS_ASSETS, message=message)
    if not cells:
        names = _list(sorted(text.one_line(asset.name) for asset in assets))
        message = f"no file of {chosen.tag.text} is named as a program for Linux or macOS: {names}"
        return Skipped(subcategory=Subcategory.NO_PLATFORM_BUILD, message=message)
    return cells


def _artifacts(chosen: Chosen, cells: dict[Cell, FileName], fetcher: Fetcher) -> dict[str, Artifact] | Failed | Held:
    """Return where each chosen file is, by name, with its digest."""
    wanted = {file.name for file in cells.values()}
    assets = {asset.name: asset for asset in _files(chosen.release)}
    digests = digests_of([assets[name] for name in sorted(wanted)], list(assets.values()), fetcher)
    if not isinstance(digests, dict):
        return digests
    if bad := sorted(name for name in wanted if not text.is_web_address(assets[name].browser_download_url)):
        # Not shown: it may hold a token, and what this says is published.
        return bad_metadata(f"{bad[0]}: `browser_download_url` is no web address")
    return {
        name: Artifact(
            name=name,
            url=text.without_secrets(assets[name].browser_download_url),
            size=assets[name].size,
            digest=digests.get(name, ""),
        )
        for name in wanted
    }


def _read_first(
    step: StepPattern, artifacts: dict[str, Artifact], version: str, fetcher: Fetcher, known: dict[str, ReadFile]
) -> ReadFile | Skipped | Failed | Held:
    cell, file = next(iter(step.files.items()))
    if file.name not in known:
        read = read_release_file(artifacts[file.name], file.format, file.product, version, fetcher)
        if not isinstance(read, ReadFile):
            return read
        known[file.name] = read
    program = known[file.name].layout.main
    if program.kind == "elf" and (cell.os != "linux" or READER_ARCH.get(program.arch) != cell.arch):
        return bad_metadata(f"{file.name} is named for {cell.os}/{cell.arch}, and holds a program for {program.arch}")
    return known[file.name]


def _corrected(linking: Linking, file: FileName, read: ReadFile) -> Linking:
    libc = read.layout.main.libc
    if file.libc == "musl" and libc == "musl":
        return msgspec.structs.replace(linking, musl_runs_everywhere=False)
    if file.libc == "" and libc == "glibc":
        return msgspec.structs.replace(linking, unnamed_runs_on_musl=False)
    return linking


def _files(release: Release) -> list[Asset]:
    return [asset for asset in release.assets if asset.state == "uploaded" and asset.size > 0]


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", name.lower()))


# --------------------------------------------------------------------------------------------- facts


def _facts(
    order: WorkOrder, repository: Repository, chosen: Chosen, reading: Reading, differing: list[Differs]
) -> Facts:
    first_file, first = next(iter(reading.steps[0].files.values())), reading.read[0]
    artifact = msgspec.structs.replace(reading.artifacts[first_file.name], digest_checked=first.digest_checked)
    identifier = identifier_of(order.source)
    source = {"source": "github_releases", "github_repo": identifier, "tag_prefix": chosen.prefix}
    paths = sorted(first.layout.binaries.values())
    return Facts(
        version=Cited(value=chosen.tag.version, detail=f"releases, the newest full one: tag {chosen.tag.text}"),
        artifact=artifact,
        license=_license(repository),
        released=chosen.release.published_at or "",
        description=Cited(value=repository.description or "", detail="repository.description"),
        homepages=(
            Cited(value=repository.homepage or "", detail="repository.homepage"),
            Cited(value=repository.html_url, detail="repository.html_url"),
        ),
        repository=repository.html_url,
        executables=frozenset(first.layout.binaries),
        executables_from=Cited(
            value="executables", origin=Origin.ARTIFACT, detail=text.one_line(f"{artifact.name}: {_list(paths)}")
        ),
        steps=lambda executables: [
            _step(identifier, step, read, executables) for step, read in zip(reading.steps, reading.read, strict=True)
        ],
        version_source=source if chosen.prefix else {},
        risks=tuple(_risks(repository, chosen, first, differing)),
        builds=tuple(_builds(reading)),
    )


def _step(identifier: str, step: StepPattern, read: ReadFile, executables: list[str]) -> Step:
    mappings = {"os_mapping": step.os_mapping, "arch_mapping": step.arch_mapping}
    tables = {name: table for name, table in mappings.items() if table}
    if step.format == BARE:
        return Step(
            action="github_file",
            when=step.when,
            params={"repo": identifier, "asset_pattern": step.pattern, "binary": executables[0], **tables},
        )
    return Step(
        action="github_archive",
        when=step.when,
        params={
            "repo": identifier,
            "asset_pattern": step.pattern,
            "archive_format": step.format,
            "strip_dirs": read.layout.strip_dirs,
            "binaries": [read.layout.binaries[name] for name in executables],
            **tables,
        },
    )


def _builds(reading: Reading) -> list[Build]:
    """Return the platforms of each file, in the order of the platform model."""
    checked = {
        next(iter(step.files.values())).name: read.digest_checked
        for step, read in zip(reading.steps, reading.read, strict=True)
    }
    files = {cell: file.name for step in reading.steps for cell, file in step.files.items()}
    platforms: dict[str, list[str]] = {}
    for platform, cell in CELL_OF.items():
        if cell in files:
            platforms.setdefault(files[cell], []).append(platform)
    return [
        Build(
            platforms=served,
            artifact=msgspec.structs.replace(reading.artifacts[name], digest_checked=checked.get(name, False)),
        )
        for name, served in platforms.items()
    ]


def _license(repository: Repository) -> License:
    declared = (repository.license.spdx_id if repository.license else None) or ""
    spdx = None if declared == "NOASSERTION" else licenses.normalise(declared)
    return License(spdx=spdx, declared=text.one_line(declared[:200]), origin=Origin.REPOSITORY)


def _risks(repository: Repository, chosen: Chosen, first: ReadFile, differing: list[Differs]) -> list[str]:
    found = {
        "the repository is archived: no updates are to be expected": repository.archived,
        "the repository is a fork": repository.fork,
        "no earlier release has files: the pattern is proven by the newest alone": not chosen.earlier,
        f"{first.layout.left} more files of the archive are not installed, which the tool may miss": first.layout.left,
    }
    found |= {f"release {each.tag} has no {_list(each.missing)}": True for each in differing}
    return [text.one_line(risk[:300]) for risk, holds in found.items() if holds]


def _tags(differing: list[Differs]) -> str:
    return " and ".join(each.tag for each in differing)


def _list(names: Iterable[str]) -> str:
    """Return names of tags and files for a sentence: strangers wrote them."""
    return text.one_line(shown(list(names)))
