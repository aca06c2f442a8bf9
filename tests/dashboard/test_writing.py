"""Several processes write what one would, and no process that ends early leaves a hole or a child."""

import os
import signal
import threading
from pathlib import Path

import pytest

from pipeline.dashboard.pages import Page
from pipeline.dashboard.site import write_site
from pipeline.dashboard.writing import LEAST_PAGES, write_pages
from pipeline.store import Paths

COUNT = 4 * LEAST_PAGES


def page(number: int) -> Page:
    text = f"page {number}"
    return Page(path=f"packages/npm/{number}.html", digest=text, content=text.encode)


PAGES = [page(number) for number in range(COUNT)]


def contents(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


@pytest.mark.parametrize("processes", [1, 2, 3, 99])
def test_the_bytes_do_not_depend_on_the_processes(tmp_path, processes):
    """Each page is there once, readable for a web server, and nothing lies beside it."""
    write_pages(tmp_path, PAGES, processes)
    assert contents(tmp_path) == {page.path: page.content() for page in PAGES}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.html")} == {0o644}
    assert not has_children()


def test_other_processes_take_part(tmp_path):
    """Pages that say by whom they were made name as many processes as were asked for."""
    write_pages(
        tmp_path, [Page(path=f"{n}.html", digest="", content=lambda: b"%d" % os.getpid()) for n in range(300)], 3
    )
    assert len(set(contents(tmp_path).values())) == 3


def test_few_pages_are_written_by_this_process(tmp_path):
    """A fork would take longer than they do."""
    write_pages(tmp_path, [Page(path="a.html", digest="", content=lambda: b"%d" % os.getpid())], 8)
    assert contents(tmp_path) == {"a.html": b"%d" % os.getpid()}


def test_beside_another_thread_nothing_is_forked(tmp_path):
    """A lock that it holds would never be released in the copy."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        own = [Page(path=f"{n}.html", digest="", content=lambda: b"%d" % os.getpid()) for n in range(COUNT)]
        write_pages(tmp_path, own, 4)
    finally:
        done.set()
        thread.join()
    assert set(contents(tmp_path).values()) == {b"%d" % os.getpid()}


def test_what_a_killed_process_left_is_written_all_the_same(tmp_path):
    """The kernel may take a process for its memory; here each other process ends at its first page."""
    own = os.getpid()

    def content() -> bytes:
        if os.getpid() != own:
            os.kill(os.getpid(), signal.SIGKILL)
        return b"whole"

    write_pages(tmp_path, [Page(path=f"{n}.html", digest="", content=content) for n in range(COUNT)], 4)
    assert set(contents(tmp_path).values()) == {b"whole"}
    assert len(contents(tmp_path)) == COUNT
    assert not has_children()


def test_an_error_of_another_process_is_raised_here(tmp_path, capfd):
    """Its own words reach the command, and no traceback of the other process stands before them."""

    def broken() -> bytes:
        raise OSError(28, "No space left on device", "b.html")

    pages = [*PAGES[:-1], Page(path="b.html", digest="", content=broken)]
    with pytest.raises(OSError, match="No space left on device"):
        write_pages(tmp_path, pages, 2)
    assert not has_children()
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.glob(".*"))


class Killed(BaseException):
    """The process ends here."""


def test_a_run_that_is_cut_off_leaves_no_children_and_is_mended(tmp_path):
    """The next run writes every page of it again, whichever process had written it."""
    paths, own = Paths(tmp_path), os.getpid()

    def killed() -> bytes:
        if os.getpid() == own:
            raise Killed
        return b"torn"

    torn = [Page(path=each.path, digest="torn", content=killed) for each in PAGES]
    with pytest.raises(Killed):
        write_site(paths, torn, 4)
    assert not has_children()
    assert write_site(paths, PAGES, 4).written == COUNT
    assert contents(paths.site) == {page.path: page.content() for page in PAGES}


def test_a_process_whose_parent_is_gone_ends(tmp_path):
    """A killed command leaves nobody who goes on writing, and holds its root's lock no longer."""
    reading, writing = os.pipe()
    first = os.fork()
    if not first:
        own = os.getpid()

        def content() -> bytes:
            if os.getpid() == own:
                os.kill(own, signal.SIGKILL)
            os.write(writing, b".")
            signal.sigtimedwait([], 0.05)
            return b"page"

        try:
            write_pages(tmp_path, [Page(path=f"{n}.html", digest="", content=content) for n in range(COUNT)], 2)
        finally:
            os._exit(1)
    os.close(writing)
    assert os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) == -signal.SIGKILL
    with os.fdopen(reading, "rb") as file:
        written = len(file.read())  # ends when the last process that could write is gone
    assert written < COUNT // 2
