"""Records on disk: atomic, checked, and found again."""

import os
import resource
import sqlite3
import stat
from contextlib import closing

import pytest

from pipeline.errors import BadInput, PipelineError
from pipeline.model import PackageList, WorkOrder
from pipeline.state.jsonl import append_lines
from pipeline.store import (
    Paths,
    drop_damaged_database,
    encode,
    machine_folder,
    read,
    read_result,
    write,
    write_bytes,
)

LIST = PackageList(ecosystem="npm", batch_id="2026-03-02-npm-001", packages=[WorkOrder(source="npm:a", name="a")])


def test_a_record_is_read_back_as_it_was_written(tmp_path):
    """Indented, with a final newline, readable by everybody."""
    path = tmp_path / "deep/down/list.json"
    write(path, LIST)
    assert read(path, PackageList, purpose="list") == LIST
    assert path.read_bytes() == encode(LIST)
    assert path.read_bytes().endswith(b"}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_record_that_breaks_its_own_rules_is_never_written(tmp_path):
    """The old file stays."""
    path = tmp_path / "list.json"
    write(path, LIST)
    with pytest.raises(BadInput, match="/batch_id"):
        write(path, PackageList(ecosystem="npm", batch_id="yesterday", packages=[]))
    assert read(path, PackageList, purpose="list") == LIST
    assert [entry.name for entry in tmp_path.iterdir()] == ["list.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    """A folder in the place of the file stands for any failure of the last step."""
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").touch()
    with pytest.raises(OSError, match="taken"):
        write_bytes(tmp_path / "taken", b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"schema_version": 9}', encode(LIST)[:-20]])
def test_a_damaged_result_counts_as_none(tmp_path, content):
    """It is made again; a run does not stop over what it can make itself."""
    (tmp_path / "x.json").write_bytes(content)
    assert read_result(tmp_path / "x.json", PackageList) is None
    assert read_result(tmp_path / "missing.json", PackageList) is None


def test_a_missing_input_is_named(tmp_path):
    """With its path and what it is for."""
    with pytest.raises(PipelineError, match=r"none\.json: the list is missing"):
        read(tmp_path / "none.json", PackageList, purpose="list")


def test_a_damaged_database_of_doit_is_dropped_and_a_sound_one_kept(tmp_path):
    """It is a cache: the records are the truth."""
    path = tmp_path / ".doit.db"
    drop_damaged_database(path)
    assert not path.exists()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table doit (task_id text)")
    drop_damaged_database(path)
    assert path.exists()
    path.write_bytes(path.read_bytes()[:100] + b"torn")
    drop_damaged_database(path)
    assert not path.exists()


def test_all_runs_of_a_user_share_one_private_folder(tmp_path):
    """Two registries on one machine keep one limit."""
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    folder = machine_folder(environment, tmp_path / "fallback")
    assert folder == machine_folder(environment, tmp_path / "other")
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("spoil", ["open", "link", "file", "missing"])
def test_a_folder_that_others_could_write_is_not_shared(tmp_path, spoil):
    """Whoever made it could hold up or speed up our requests."""
    folder = tmp_path / f"recipeline-{os.getuid()}"
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    match spoil:
        case "open":
            folder.mkdir()
            folder.chmod(0o777)
        case "link":
            (tmp_path / "real").mkdir(mode=0o700)
            folder.symlink_to(tmp_path / "real")
        case "file":
            folder.touch(mode=0o600)
        case "missing":
            environment = {"XDG_RUNTIME_DIR": str(tmp_path / "none")}
    assert machine_folder(environment, tmp_path / "fallback") == tmp_path / "fallback"


def test_packages_that_differ_only_in_case_have_files_of_their_own(tmp_path):
    """Also on a file system that ignores case."""
    paths = Paths(tmp_path)
    one, other = paths.outcome("npm:JSONStream"), paths.outcome("npm:jsonstream")
    assert one.lower() != other.lower()


@pytest.mark.parametrize("lasting", [True, False])
def test_a_disk_that_takes_no_more_is_told_with_the_file(tmp_path, lasting):
    """A write to an open file names none by itself, so that it would be taken for the output; a limit stands in."""
    path = tmp_path / "list.json"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="large") as caught:
            write_bytes(path, b"x" * 100, lasting=lasting)
        with pytest.raises(OSError, match="large") as appended:
            append_lines(path, [LIST])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.filename, appended.value.filename) == (str(path), str(path))
