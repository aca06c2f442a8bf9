"""The site on disk: written where it changed, and nothing else; what no longer exists is removed.

A manifest beside the site's folder says what each file was made from. Before a file is written its line is taken out,
and the new one goes in after all are written: a process that is killed leaves lines only for files that are whole, and
the next run writes the others again.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from pipeline.dashboard import addresses
from pipeline.dashboard.pages import Page
from pipeline.dashboard.writing import write_pages
from pipeline.digests import digest_of, sha256
from pipeline.store import STAGING_SUFFIX, Paths, read_bytes, read_result, stamp, write_bytes

PACKAGE = Path(__file__).parent
ASSETS = PACKAGE / "assets"
# Folders of the site that hold nothing but its own pages; files beside them, such as a CNAME, are left alone.
OWN = (addresses.ASSETS, "batches", "ecosystems", "packages")
# GitHub Pages leaves out files that begin with `_`, as a package's page may, unless this file is there.
NO_JEKYLL = ".nojekyll"


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was written: the digest of what it was made from, its size and time."""

    digest: str
    stamp: list[int] | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the site's folder holds, by path below it."""

    files: dict[str, Written] = {}


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What writing the site came to, in files."""

    written: int
    unchanged: int
    removed: int


def code_digest() -> str:
    """Return the digest of what renders the pages: this package's modules and templates."""
    files = sorted(
        path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".html"} and ASSETS not in path.parents
    )
    return digest_of([[str(path.relative_to(PACKAGE)), sha256(path.read_bytes())] for path in files])


def assets() -> Iterator[Page]:
    """Yield what the pages load, and what tells GitHub Pages to publish the site as it is."""
    for path in sorted(path for path in ASSETS.rglob("*") if path.is_file()):
        content = read_bytes(path, purpose="asset")
        name = f"{addresses.ASSETS}/{path.relative_to(ASSETS).as_posix()}"
        yield Page(path=name, digest=sha256(content), content=content.__bytes__)
    yield Page(path=NO_JEKYLL, digest=sha256(b""), content=bytes)


def write_site(paths: Paths, pages: Iterable[Page], processes: int = 1) -> Done:
    """Bring the site's folder to these pages; many are written by up to so many processes."""
    site = str(paths.site)
    known = (read_result(paths.site_manifest, Manifest) or Manifest()).files
    asked = {page.path: page for page in pages}
    stale = [page for page in asked.values() if not _stands(site, known, page)]
    gone = [path for path in _there(paths.site) if path not in asked]
    kept = {path: known[path] for path in asked.keys() - {page.path for page in stale}}
    if stale or gone or kept.keys() != known.keys():
        _keep(paths, kept)
    write_pages(paths.site, stale, processes)
    written = {page.path: Written(digest=page.digest, stamp=stamp(f"{site}/{page.path}")) for page in stale}
    for path in gone:
        (paths.site / path).unlink(missing_ok=True)
    _remove_empty(paths.site, gone)
    if written:
        _keep(paths, kept | written)
    return Done(written=len(stale), unchanged=len(kept), removed=len(gone))


def _stands(site: str, known: Mapping[str, Written], page: Page) -> bool:
    """Return whether a file is there as it was written, from what the page is made from now."""
    before = known.get(page.path)
    return before is not None and before.digest == page.digest and before.stamp == stamp(f"{site}/{page.path}")


def _keep(paths: Paths, files: dict[str, Written]) -> None:
    write_bytes(paths.site_manifest, msgspec.json.encode(Manifest(files=files)), lasting=False)


def _there(site: Path) -> Iterator[str]:
    """Yield the files that are the site's own, also those that a killed process left half-written."""
    for name in OWN:
        for folder, _, files in os.walk(site / name):
            below = Path(folder).relative_to(site).as_posix()
            yield from (f"{below}/{file}" for file in files)
    yield from (path.name for path in site.glob("*.html"))
    yield from (path.name for path in site.glob(f".*{STAGING_SUFFIX}"))


def _remove_empty(site: Path, gone: Iterable[str]) -> None:
    """Remove the folders that nothing is left in."""
    folders = {parent for path in gone for parent in (site / path).parents if site in parent.parents}
    for folder in sorted(folders, reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
