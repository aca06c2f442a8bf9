"""The site on disk follows its list of pages, whatever happens to it between two runs."""

import os
from pathlib import Path

import pytest

from pipeline.dashboard.pages import Page
from pipeline.dashboard.site import Done, assets, write_site
from pipeline.store import Paths


class Killed(BaseException):
    """The process ends here."""


def page(path: str, text: str = "one") -> Page:
    return Page(path=path, digest=text, content=text.encode)


def killed() -> bytes:
    raise Killed


PAGES = [page("index.html"), page("packages/npm/a.html"), page("batches/b.html")]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def test_only_what_changed_is_written(paths):
    """A second run writes nothing, one with a changed page writes that page alone."""
    assert write_site(paths, PAGES) == Done(written=3, unchanged=0, removed=0)
    before = (paths.site / "index.html").stat().st_mtime_ns
    assert write_site(paths, PAGES) == Done(written=0, unchanged=3, removed=0)
    assert write_site(paths, [*PAGES[:2], page("batches/b.html", "two")]) == Done(written=1, unchanged=2, removed=0)
    assert (paths.site / "batches/b.html").read_text() == "two"
    assert (paths.site / "index.html").stat().st_mtime_ns == before


def test_a_page_that_no_longer_exists_is_removed_with_its_folder(paths):
    """What a person put at the top of the folder stays."""
    write_site(paths, PAGES)
    (paths.site / "CNAME").write_text("recipes.example")
    assert write_site(paths, PAGES[:1]) == Done(written=0, unchanged=1, removed=2)
    assert sorted(path.name for path in paths.site.rglob("*")) == ["CNAME", "index.html"]


def test_what_was_changed_or_removed_by_others_is_written_again(paths):
    """The manifest is not believed where the file is not as it was written."""
    write_site(paths, PAGES)
    (paths.site / "index.html").write_text("torn")
    (paths.site / "batches/b.html").unlink()
    assert write_site(paths, PAGES) == Done(written=2, unchanged=1, removed=0)
    assert (paths.site / "index.html").read_text() == "one"


def test_a_killed_run_is_mended_even_when_the_state_goes_back(paths):
    """The first page was written anew when the process died; the next run, with the old state, does not keep it."""
    write_site(paths, PAGES)
    torn = Page(path="packages/npm/a.html", digest="two", content=killed)
    with pytest.raises(Killed):
        write_site(paths, [page("index.html", "two"), torn, PAGES[2]])
    assert (paths.site / "index.html").read_text() == "two"
    assert write_site(paths, PAGES) == Done(written=2, unchanged=1, removed=0)
    assert (paths.site / "index.html").read_text() == "one"
    assert not [name for _, _, names in os.walk(paths.site) for name in names if name.endswith(".part")]


@pytest.mark.parametrize("content", [b"", b"{", b'{"files": {"index.html": 1}}', b"\xff"])
def test_a_damaged_manifest_costs_only_time(paths, content):
    """Everything is written again, and what does not belong there still goes."""
    write_site(paths, [*PAGES, page("packages/npm/old.html")])
    paths.site_manifest.write_bytes(content)
    assert write_site(paths, PAGES) == Done(written=3, unchanged=0, removed=1)


def test_half_written_files_of_a_killed_process_are_removed(paths):
    """Also those at the top of the folder."""
    write_site(paths, PAGES)
    (paths.site / ".index.html.abc.part").write_text("half")
    (paths.site / "packages/npm/.a.html.abc.part").write_text("half")
    assert write_site(paths, PAGES).removed == 2


def test_assets_are_part_of_the_site():
    """GitHub Pages is told to leave files alone, and no asset is empty."""
    found = {page.path: page.content() for page in assets()}
    assert found.pop(".nojekyll") == b""
    assert all(found.values())
    assert any(path.endswith(".css") for path in found)
