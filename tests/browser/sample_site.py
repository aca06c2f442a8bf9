"""A site with every kind of page, made of the sample views, and with a queue of any length."""

import shutil
from collections import Counter
from pathlib import Path

from pipeline.dashboard.rendering import ASSETS, render
from pipeline.dashboard.views.overview import Health
from pipeline.model import EntryStatus
from tests import builders_dashboard as sample

QUIET = "quiet.html"
PAGES = (
    "index.html",
    QUIET,
    "queue.html",
    "batches.html",
    sample.BATCH_LINK.path,
    "platforms.html",
    "ecosystems.html",
    sample.NPM.path,
    sample.PACKAGE.path,
)
ECOSYSTEMS = ("npm", "pypi", "cargo", "go")
REASONS = ("no_executables", "timeout", "")


def rows(count):
    """Return so many entries, in which everything varies, and what upstream would like to do in the first."""
    statuses = list(EntryStatus)
    made = [
        sample.queue_row(
            source=f"{ECOSYSTEMS[place % 4]}:tool-{place}",
            name=f"tool-{place}",
            ecosystem=ECOSYSTEMS[place % 4],
            priority=place % 3 + 1,
            status=statuses[place % len(statuses)],
            reason=REASONS[place % 3],
            tries=place * 7 % 13,
            place=place if place % 2 else None,
        )
        for place in range(1, count)
    ]
    return [sample.queue_row(name=sample.HOSTILE, reason=sample.HOSTILE[:200]), *made]


def queue_page(entries):
    """Return the page around some entries."""
    return sample.queue_page(
        total=len(entries),
        ecosystems=dict(Counter(row.ecosystem for row in entries)),
        statuses=dict(Counter(row.status for row in entries)),
        priorities=dict(Counter(str(row.priority) for row in entries)),
        reasons=dict(Counter(row.reason for row in entries if row.reason)),
    )


def quiet():
    """Return the overview of a pipeline that has done nothing yet."""
    empty = ("alarms", "stops", "breakers", "budget", "queue", "days", "batches", "reasons", "blockers", "reviews")
    fields = {name: [] for name in (*empty, "frozen")}
    return sample.overview(health=Health.GOOD, headline="all is well", damaged_lines=0, under_way=None, **fields)


def write(folder: Path, entries: int) -> Path:
    """Write the site into a folder, and return it."""
    listed = rows(entries)
    views = {
        "index.html": ("overview.html", sample.overview()),
        QUIET: ("overview.html", quiet()),
        "queue.html": ("queue.html", queue_page(listed)),
        "batches.html": ("batches.html", sample.batches()),
        sample.BATCH_LINK.path: ("batch.html", sample.batch_page()),
        "platforms.html": ("platforms.html", sample.platforms_page()),
        "ecosystems.html": ("ecosystems.html", sample.ecosystems()),
        sample.NPM.path: ("ecosystem.html", sample.ecosystem_page()),
        sample.PACKAGE.path: ("package.html", sample.package_page()),
    }
    shutil.copytree(ASSETS, folder / "assets")
    for path, (template, view) in views.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        text = render(template, view=view, root="../" * path.count("/"), rows=listed)
        (folder / path).write_text(text, encoding="utf-8")
    return folder
