"""`doit dashboard`: how things stand, as a static site."""

import gc
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.console import RenderableType

from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.dashboard.pages import pages
from pipeline.dashboard.reading import read_facts
from pipeline.dashboard.rendering import render
from pipeline.dashboard.site import assets, code_digest, write_site
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.lock import alone
from pipeline.terminal import Mood, facts, sections, title
from pipeline.text import counted


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit dashboard --json` prints: where the site begins, and its files; `seconds` is all that it took."""

    site: str
    written: int
    unchanged: int
    removed: int
    seconds: float


class Dashboard(StateCommand):
    """Write the site."""

    name = "dashboard"
    doc_purpose = "write how things stand as a static site, build/site/"
    doc_usage = ""
    doc_description = (
        "Only what has changed is written, and pages that no longer exist are removed. The site works from its folder "
        "as from any web server, without a network."
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Read the state, write the site, say what was done."""
        del options
        no_arguments(arguments, self.name)
        began = time.perf_counter()
        root.paths.build.mkdir(parents=True, exist_ok=True)
        with alone(root.paths, root.now):
            built = build(root, began)
        self.tell(built, words(built))
        return 0


def build(root: Root, began: float) -> Built:
    """Write the site of a root; `began` is when the command did, in seconds of `time.perf_counter`.

    Nearly all that is made stays to the end, so the collector of cyclic garbage would look through it in vain, for two
    fifths of the time of a run that has nothing to write.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        return _build(root, began)
    finally:
        if collected:
            gc.enable()


def _build(root: Root, began: float) -> Built:
    revisions = {name: module.REVISION for name, module in ECOSYSTEMS.items()}
    known = read_facts(root.paths, root.config, revisions, root.now)
    done = write_site(root.paths, [*assets(), *pages(known, render, code_digest())], os.cpu_count() or 1)
    return Built(
        site=str(root.paths.site / "index.html"),
        written=done.written,
        unchanged=done.unchanged,
        removed=done.removed,
        seconds=round(time.perf_counter() - began, 3),
    )


def words(built: Built) -> RenderableType:
    """Return what was done, for people."""
    counts = f"{counted(built.written, 'file')} written, {built.unchanged:,} unchanged, {built.removed:,} removed"
    return sections(
        [title("dashboard", mood=Mood.GOOD), facts(("site", built.site), ("files", f"{counts}, {built.seconds:.1f} s"))]
    )
