"""Where control groups can be made, from the kernel's own texts."""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.sandbox.cgroups import Group, Place, Usage, find_places, sweep


def _line(root: str, mounted: Path, kind: str, options: str) -> str:
    return f"30 24 0:26 {root} {mounted} rw,nosuid shared:9 - {kind} cgroup rw,{options}"


def test_version_1_is_found_below_our_own_group(tmp_path: Path) -> None:
    """Each controller has a tree and a path of its own; those without a use are left out."""
    memory, pids, cpu = (tmp_path / name for name in ("memory", "pids", "cpu"))
    for folder in (memory / "mine", pids, cpu):
        folder.mkdir(parents=True)
    mountinfo = "\n".join(_line("/", tmp_path / name, "cgroup", name) for name in ("memory", "pids", "cpu"))

    places = find_places(mountinfo, "4:memory:/mine\n3:pids:/\n2:cpu:/\n0::/")

    assert places == (
        Place(folder=memory / "mine", version=1, controllers=("memory",)),
        Place(folder=pids, version=1, controllers=("pids",)),
    )


def test_a_container_that_sees_a_part_of_the_tree(tmp_path: Path) -> None:
    """The mount's root is taken off our path; a path outside of it means the mount itself."""
    for own in ("/docker/abc", "/elsewhere"):
        places = find_places(_line("/docker/abc", tmp_path, "cgroup", "pids"), f"3:pids:{own}")
        assert [place.folder for place in places] == [tmp_path]


def test_version_2_is_found_in_the_nearest_group_that_hands_on_its_controllers(tmp_path: Path) -> None:
    """Our own group holds processes, so it cannot; one above it may."""
    slice_folder = tmp_path / "user.slice" / "app.slice"
    own = slice_folder / "terminal.scope"
    own.mkdir(parents=True)
    for folder, handed_on in ((own, ""), (slice_folder, "cpu memory pids"), (tmp_path, "memory pids")):
        (folder / "cgroup.subtree_control").write_text(handed_on)
        (folder / "cgroup.procs").write_text("")

    places = find_places(_line("/", tmp_path, "cgroup2", ""), "0::/user.slice/app.slice/terminal.scope")

    assert places == (Place(folder=slice_folder, version=2, controllers=("memory", "pids")),)


def test_version_2_without_delegation_gives_nothing(tmp_path: Path) -> None:
    """Nothing is handed on anywhere: the watchdog takes over."""
    (tmp_path / "cgroup.subtree_control").write_text("cpu")
    assert find_places(_line("/", tmp_path, "cgroup2", ""), "0::/session.scope") == ()


def test_limits_and_measures_of_version_2(tmp_path: Path) -> None:
    """The limits are written under version 2's names, and what was used is read from its files."""
    place = Place(folder=tmp_path, version=2, controllers=("memory", "pids"))
    group = Group((place,), memory_mb=64, pids=10)
    (made,) = tmp_path.iterdir()
    (made / "memory.peak").write_text(f"{32 << 20}\n")
    (made / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 1\n")
    (made / "pids.peak").write_text("7\n")
    (made / "pids.events").write_text("max 5\n")
    (made / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")

    assert group.enforced() == ("memory:cgroup-v2", "pids:cgroup-v2")
    assert {name: (made / name).read_text() for name in ("memory.max", "memory.swap.max", "memory.oom.group")} == {
        "memory.max": str(64 << 20),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
    }
    assert (made / "pids.max").read_text() == "10"
    assert group.usage() == Usage(memory_peak_mb=32, pids_peak=7, cpu_s=1.5, oom_kills=2, pids_refused=5)
    assert group.join_files() == (str(made / "cgroup.procs"),)


def test_a_kernel_without_peaks_measures_nothing(tmp_path: Path) -> None:
    """What is not there is None, never 0."""
    group = Group((Place(folder=tmp_path, version=2, controllers=("memory", "pids")),), memory_mb=64, pids=10)

    assert group.usage() == Usage()


def test_a_place_that_refuses_is_not_named(tmp_path: Path) -> None:
    """Limits that are not in force are not claimed."""
    group = Group((Place(folder=tmp_path / "gone", version=1, controllers=("memory",)),), memory_mb=1, pids=1)

    assert group.enforced() == ()
    assert group.join_files() == ()


def test_groups_of_dead_runs_are_removed_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    """A run that was killed cannot remove its groups; the next one does."""
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    dead, alive = tmp_path / f"recipeline-{ended.pid}-0", tmp_path / f"recipeline-{os.getpid()}-0"
    other = tmp_path / "somebody-else"
    for folder in (dead, alive, other):
        folder.mkdir()

    sweep([Place(folder=tmp_path, version=1, controllers=("pids",))])

    assert sorted(tmp_path.iterdir()) == sorted([alive, other])


@pytest.mark.parametrize("text", ["", "0::/\n", "1:name=systemd:/\n"])
def test_a_machine_without_controllers_has_no_places(text: str, tmp_path: Path) -> None:
    """No controllers, no places, no error."""
    assert find_places(_line("/", tmp_path, "cgroup", "name=systemd"), text) == ()
