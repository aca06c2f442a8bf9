"""Pages rendered and written, by several processes where there are several processors and many pages.

A process that is forked has the views and the compiled templates already; nothing is sent back and forth. What it does
not finish, for whatever reason, this process does again itself: so a page's error is raised here, in its own words, and
a process that the kernel took for its memory costs only time.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from pipeline.dashboard.pages import Page
from pipeline.store import STAGING_SUFFIX, named

# A fork of a process of this size takes as long as some pages.
LEAST_PAGES = 100


def write_pages(site: Path, pages: Sequence[Page], processes: int) -> None:
    """Write these pages below the site's folder with up to so many processes, this one included.

    Each file is the old one or the new one at any moment; it does not wait for the disk, as the site is a cache.
    """
    for folder in sorted({Path(page.path).parent for page in pages}):
        (site / folder).mkdir(parents=True, exist_ok=True)
    count = max(1, min(processes if _can_fork() else 1, len(pages) // LEAST_PAGES))
    # Neighbours in the list are alike, and large pages come first: dealt out in turn, the shares take equally long.
    shares = [pages[first::count] for first in range(count)]
    stagings = [site / f".{number}{STAGING_SUFFIX}" for number in range(count)]
    others: dict[int, int] = {}
    try:
        for number in range(1, count):
            others[_fork(site, shares[number], stagings[number])] = number
        _write(site, shares[0], stagings[0])
        for process, number in list(others.items()):
            finished = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
            del others[process]
            if not finished:
                _write(site, shares[number], stagings[number])
    finally:
        for process in others:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        for staging in stagings:
            staging.unlink(missing_ok=True)


def _can_fork() -> bool:
    """Return whether a copy of this process is sound: a lock that another thread holds would stay taken in it.

    On macOS the system's own libraries do not bear it.
    """
    return hasattr(os, "fork") and sys.platform != "darwin" and threading.active_count() == 1


def _fork(site: Path, share: Sequence[Page], staging: Path) -> int:
    """Have another process write some pages, and return its id; it ends with 0 when all of them are written."""
    parent = os.getpid()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        _write(site, share, staging, parent)
        status = 0
    finally:
        # Whatever was raised is raised again where the page is made again; nothing of the copied process runs on.
        os._exit(status)


def _write(site: Path, pages: Sequence[Page], staging: Path, parent: int | None = None) -> None:
    """Write pages one after the other; as the child of a process that is gone, end instead: nobody waits for them."""
    top, half = str(site), str(staging)
    for page in pages:
        if parent is not None and os.getppid() != parent:
            return
        content, place = page.content(), f"{top}/{page.path}"
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
        with named(Path(place)), os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o644)
            file.write(content)
        staging.replace(place)
