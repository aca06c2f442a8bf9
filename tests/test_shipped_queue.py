"""The queue and the control file that come with the project: what a newcomer's first run works on."""

import json
import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest
import yaml

from pipeline.config import Config, GeneratorKind, to_config
from pipeline.model import Budget, Control, EntryStatus, Queue, QueueEntry
from pipeline.source import ecosystem_of, identifier_of
from pipeline.state.queue_file import SELDOM_WRITTEN

ROOT = Path(__file__).resolve().parents[1]
QUEUE_FILE = ROOT / "data" / "queues" / "priority-queue.json"
CONTROL_FILE = ROOT / "batch-control.json"
RECIPE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Each takes more than a hundred megabytes, or minutes, to install; a first run must be quick.
GIANTS = {
    "npm:aws-cdk",
    "npm:firebase-tools",
    "npm:netlify-cli",
    "npm:vercel",
    "npm:wrangler",
    "npm:@mermaid-js/mermaid-cli",
    "pypi:ansible-core",
    "pypi:awscli",
    "pypi:checkov",
    "pypi:dvc",
    "pypi:jupyterlab",
    "pypi:semgrep",
}


@pytest.fixture(scope="module")
def config() -> Config:
    return to_config(yaml.safe_load((ROOT / "pipeline.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def queue(config: Config) -> Queue:
    return msgspec.json.decode((ROOT / config.queue).read_bytes(), type=Queue)


def first_batch(queue: Queue, size: int) -> list[QueueEntry]:
    """Return the entries in the order of a first run: npm and PyPI take turns, each by priority and rank."""
    ranked = sorted(queue.entries, key=lambda entry: entry.priority)
    turns = zip(
        (entry for entry in ranked if ecosystem_of(entry.source) == "npm"),
        (entry for entry in ranked if ecosystem_of(entry.source) == "pypi"),
        strict=False,
    )
    return [entry for turn in turns for entry in turn][:size]


def test_the_configured_queue_is_the_shipped_file(config: Config) -> None:
    """A fresh clone needs no setting to find the queue that comes with it."""
    assert ROOT / config.queue == QUEUE_FILE


def test_every_entry_writes_out_every_key_in_the_order_of_the_record() -> None:
    """Whoever adds an entry by copying one sees the keys to fill in; the rest stand where they say something."""
    fields = [field for field in QueueEntry.__struct_fields__ if field not in SELDOM_WRITTEN]
    entries = json.loads(QUEUE_FILE.read_text(encoding="utf-8"))["entries"]
    assert [list(entry) for entry in entries if list(entry) != fields] == []


def test_sources_names_and_recipe_files_are_unique(queue: Queue) -> None:
    """No two entries ask for the same package or would write the same recipe file."""
    for key in ("source", "name"):
        counts = Counter(str(getattr(entry, key)).lower() for entry in queue.entries)
        assert [value for value, count in counts.items() if count > 1] == []


def test_every_name_is_already_a_recipe_name(queue: Queue) -> None:
    """The name that people read in the queue is the one that they find under recipes/."""
    assert [entry.name for entry in queue.entries if not RECIPE_NAME.fullmatch(entry.name)] == []


def test_every_entry_is_fresh_and_chosen_by_hand(queue: Queue) -> None:
    """A first run finds no history that another installation left behind."""
    for entry in queue.entries:
        assert entry.status is EntryStatus.PENDING
        assert entry.confidence == "curated"
        assert entry.disambiguated_at == queue.updated_at
        assert (entry.failure_count, entry.next_retry_at) == (0, None)


def test_priorities_never_fall_along_the_file(queue: Queue) -> None:
    """The order in the file is the rank, so a lower priority never stands before a higher one."""
    priorities = [entry.priority for entry in queue.entries]
    assert priorities == sorted(priorities)
    assert set(priorities) == {1, 2, 3}


def test_most_entries_are_where_recipes_are_made(queue: Queue, config: Config) -> None:
    """At least 150 tools, nearly all of them where recipes can be made today."""
    counts = Counter(ecosystem_of(entry.source) for entry in queue.entries)
    assert counts.total() >= 150
    assert counts["npm"] >= 60
    assert counts["pypi"] >= 60
    assert counts["go"] >= 15
    assert counts["github"] >= 15
    made = {name for name, each in config.ecosystems.items() if each.generator is GeneratorKind.NATIVE}
    assert sum(counts[name] for name in made) >= 0.8 * counts.total()


def test_every_ecosystem_is_configured(queue: Queue, config: Config) -> None:
    """A queue entry never names an ecosystem that pipeline.yaml does not know."""
    assert {ecosystem_of(entry.source) for entry in queue.entries} <= set(config.ecosystems)


def test_the_first_batch_holds_only_priority_1_and_no_giant(queue: Queue, config: Config) -> None:
    """A newcomer's first run works on well-known tools that install in seconds."""
    first = first_batch(queue, config.batch.size)
    assert len(first) == config.batch.size
    assert {entry.priority for entry in first} == {1}
    assert GIANTS.isdisjoint(entry.source for entry in first)


def test_giants_are_in_the_queue_but_not_in_priority_1(queue: Queue) -> None:
    """Large tools are wanted as well; they wait until the small ones are done."""
    priority = {entry.source: entry.priority for entry in queue.entries}
    assert [source for source in GIANTS if priority.get(source, 1) == 1] == []


def test_identifiers_are_written_as_their_registry_writes_them(queue: Queue) -> None:
    """npm and PyPI names are lower case, so that a source is spelled in one way only."""
    for entry in queue.entries:
        if ecosystem_of(entry.source) in {"npm", "pypi"}:
            assert identifier_of(entry.source) == identifier_of(entry.source).lower()


def test_the_shipped_control_file_says_exactly_the_defaults() -> None:
    """The control file lets everything run, and shows an operator every key that there is."""
    raw = CONTROL_FILE.read_bytes()
    assert msgspec.json.decode(raw, type=Control) == Control()
    shown = json.loads(raw)
    assert list(shown) == list(Control.__struct_fields__)
    assert list(shown["budget"]) == list(Budget.__struct_fields__)


def test_the_readme_counts_the_queue(queue: Queue) -> None:
    """Who reads it first counts what is shipped."""
    told = re.search(r"\[(\d+) tools\]\(data/queues/priority-queue\.json\)", (ROOT / "README.md").read_text())
    assert told is not None
    assert int(told[1]) == len(queue.entries)
