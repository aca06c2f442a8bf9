"""The dashboard's queue of 5,305 entries in a real Chromium: opened, filtered, sorted, each until it is painted.

Run `python -m benchmarks.dashboard_browser [--entries 5305] [--rounds 5] [--json]`. Needs the distribution's Chromium
and the development tools; asks nobody.
"""

import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.report import Figure, arguments, publish
from benchmarks.roots import doit
from benchmarks.selection import ECOSYSTEM_SHARES, make_queue
from pipeline.config import to_config
from pipeline.store import SHIPPED, Paths, encode, read_yaml, write_bytes

ENTRIES = 5_305
ROUNDS = 5
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Up to a tenth of a second an answer seems immediate; a page may take a second before a person's thoughts wander off:
# Nielsen's limits of response times, from Miller 1968.
RESPONSE_LIMIT_MS, LOAD_LIMIT_MS = 100, 1_000
# The second frame after a change begins when the first one, which shows the change, is done.
UNTIL_PAINTED = """() => new Promise((done) => {
    const began = performance.now();
    ACT;
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""
ACTS = {
    "filter by a word": 'const field = document.querySelector("[name=q]"); field.value = "tool-12"; CHANGED',
    "all rows again": 'const field = document.querySelector("[name=q]"); field.value = ""; CHANGED',
    "filter by a status": 'const field = document.querySelector("[name=status]"); field.value = "success"; CHANGED',
    "sort by source": 'document.querySelector("th[data-name=source] button").click()',
    "sort by tries": 'document.querySelector("th[data-name=tries] button").click()',
}
CHANGED = 'field.dispatchEvent(new Event("input", { bubbles: true }))'


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES, help=f"size of the made queue (default {ENTRIES})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds, each in a new page (default {ROUNDS})")
    given = parser.parse_args(argv)
    program = next((found for found in map(shutil.which, NAMES) if found), None)
    if program is None:
        sys.stderr.write("benchmarks.dashboard_browser: there is no Chromium; remedy: install your distribution's\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder))
        config = to_config(read_yaml(SHIPPED / "pipeline.yaml"))
        write_bytes(paths.root / config.queue, encode(make_queue(given.entries, ECOSYSTEM_SHARES)))
        doit(paths.root, "dashboard")
        rounds = _rounds(program, (paths.site / "queue.html").as_uri(), given.rounds)
    figures = [_figure(name, [one[name] for one in rounds]) for name in rounds[0]]
    publish("dashboard_browser", f"{given.entries} entries of a made queue in Chromium", figures, json=given.json)
    return 0


def _rounds(program: str, address: str, count: int) -> list[dict[str, float]]:
    """Return the milliseconds of each step, for each round."""
    with sync_playwright() as playwright:
        # Its own sandbox needs rights that a container seldom has; it opens nothing but our own files here.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        measured = []
        for _ in range(count):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            measured.append(_round(page, address))
            page.close()
        browser.close()
    return measured


def _round(page: Page, address: str) -> dict[str, float]:
    page.goto(address)
    took = {"open": page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")}
    for name, act in ACTS.items():
        took[name] = page.evaluate(UNTIL_PAINTED.replace("ACT", act.replace("CHANGED", CHANGED)))
    return took


def _figure(name: str, milliseconds: Sequence[float]) -> Figure:
    return Figure(
        name=name,
        value=round(statistics.median(milliseconds), 1),
        unit="ms",
        limit=LOAD_LIMIT_MS if name == "open" else RESPONSE_LIMIT_MS,
        note=f"shortest {min(milliseconds):.1f} ms",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
