"""The watchdogs' eyes: what a folder takes on the disk, what a tree of processes uses."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sandbox.base import Mount
from pipeline.sandbox.watch import DiskWatch, TreeUsage, disk_usage, tree_usage
from tests.sandbox.lab import limits, phase

_ENOUGH = 1 << 40
_MIB = 1024 * 1024


def test_bytes_and_entries_both_count(tmp_path: Path) -> None:
    """An empty file costs a block, a large one its blocks, a hole nothing, a second name of a file nothing."""
    (tmp_path / "empty").touch()
    assert disk_usage(tmp_path, _ENOUGH) == 4096
    (tmp_path / "large").write_bytes(b"x" * 100_000)
    full = disk_usage(tmp_path, _ENOUGH)
    assert 4096 + 100_000 <= full <= 4096 + 100_000 + 65_536
    os.link(tmp_path / "large", tmp_path / "again")
    assert disk_usage(tmp_path, _ENOUGH) == full
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(10 * _MIB)
    assert disk_usage(tmp_path, _ENOUGH) <= full + 65_536


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link to a large folder, or to a folder around it, costs one block."""
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "far").symlink_to("/usr")

    assert disk_usage(tmp_path, _ENOUGH) == 2 * 4096


def test_counting_stops_when_it_is_enough(tmp_path: Path) -> None:
    """A prefix with a million files is not counted to its end."""
    for at in range(20):
        (tmp_path / str(at)).mkdir()
        (tmp_path / str(at) / "file").touch()

    assert 10 * 4096 < disk_usage(tmp_path, 10 * 4096) < 40 * 4096


def test_a_cache_is_bounded_by_its_growth(tmp_path: Path) -> None:
    """What was there before is not this phase's; four times the phase's disk may come."""
    (tmp_path / "before").write_bytes(b"x" * 8 * _MIB)
    cache = Mount(host=tmp_path, inside="/cache", writable=True, cache=True)
    watch = DiskWatch(phase("x", mounts=(cache,), network=True, limits=limits(disk_mb=1)))

    assert not watch.exceeded()
    (tmp_path / "little").write_bytes(b"x" * 3 * _MIB)
    assert not watch.exceeded()
    (tmp_path / "much").write_bytes(b"x" * 3 * _MIB)
    assert watch.exceeded()


def test_a_phase_that_writes_nothing_is_not_watched(tmp_path: Path) -> None:
    """Read-only mounts cost no look at the disk."""
    assert not DiskWatch(phase("x", mounts=(Mount(host=tmp_path, inside="/data"),))).needed()


@pytest.fixture(scope="module")
def proc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proc")


def _stat(pid: int, parent: int, name: str, *, ticks: int, threads: int, pages: int) -> str:
    times = f"{ticks} 0 0 0"
    return f"{pid} ({name}) S {parent} 1 1 0 -1 4194304 0 0 0 0 {times} 20 0 {threads} 0 100 1000000 {pages} 1 1"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.sampled_from(["sh", "a) S 1 (b", "x y"]))
def test_a_tree_is_all_below_its_root_and_nothing_else(proc: Path, parents: list[int], name: str) -> None:
    """Whatever the processes are called, each counts once when its line of parents leads to the root."""
    for old in proc.iterdir():
        (old / "stat").unlink()
        old.rmdir()
    # Process 1 is the root; process n + 2 has a parent among those before it, or one that does not exist.
    tree = {1}
    for at, choice in enumerate(parents):
        pid, parent = at + 2, choice % (at + 3)
        if parent in tree:
            tree.add(pid)
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "stat").write_text(_stat(pid, parent, name, ticks=100, threads=2, pages=256))
    (proc / "1").mkdir()
    (proc / "1" / "stat").write_text(_stat(1, 0, name, ticks=100, threads=2, pages=256))

    page_mb = 256 * os.sysconf("SC_PAGE_SIZE") / _MIB
    assert tree_usage(1, proc) == TreeUsage(
        rss_mb=len(tree) * page_mb, threads=2 * len(tree), cpu_s=len(tree) * 100 / os.sysconf("SC_CLK_TCK")
    )


def test_this_process_is_seen() -> None:
    """The kernel's real figures can be read."""
    seen = tree_usage(os.getpid())

    assert seen.rss_mb > 5
    assert seen.threads >= 1
