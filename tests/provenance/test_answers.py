"""The store of answers: written once, bounded, and never believed without its digest."""

import gzip
import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.digests import sha256
from pipeline.provenance.answers import MIB, Answers, Lost, place, read
from pipeline.store import Paths
from tests.builders import config

NOW = datetime(2026, 3, 14, tzinfo=UTC)
CONTENT = b'{"name": "tool"}' * 100


def store(folder, **over):
    paths = Paths(folder)
    return paths.answers_folder, Answers(paths, config(provenance=over).provenance)


def kept(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_is_read_again(tmp_path):
    """By its digest and size, in a file that gzip can unpack, smaller than the answer."""
    folder, answers = store(tmp_path)
    digest = answers.keep(CONTENT)
    assert digest == sha256(CONTENT)
    assert read(folder, digest, len(CONTENT)) == CONTENT
    assert kept(folder) == [folder / digest[:2] / f"{digest}.gz"]
    assert gzip.decompress(kept(folder)[0].read_bytes()) == CONTENT
    assert kept(folder)[0].stat().st_size < len(CONTENT) / 2


def test_an_answer_is_written_once(tmp_path):
    """The same answer again only tells that it is still of use."""
    folder, answers = store(tmp_path)
    path = place(folder, answers.keep(CONTENT))
    os.utime(path, (0, 0))
    number, content = path.stat().st_ino, path.read_bytes()
    answers.keep(CONTENT)
    assert (path.stat().st_ino, path.read_bytes()) == (number, content)
    assert path.stat().st_mtime > 0


def test_the_same_answer_is_the_same_file(tmp_path):
    """No time and no name of a machine is in it."""
    one, answers = store(tmp_path / "one")
    two, others = store(tmp_path / "two")
    answers.keep(CONTENT)
    others.keep(CONTENT)
    assert kept(one)[0].read_bytes() == kept(two)[0].read_bytes()


def test_an_empty_answer_is_one(tmp_path):
    """A list without entries was read as well."""
    folder, answers = store(tmp_path)
    assert read(folder, answers.keep(b""), 0) == b""


@pytest.mark.parametrize("damage", [b"", b"no gzip", None])
def test_a_damaged_answer_is_told_and_written_anew(tmp_path, damage):
    """Cut off, swapped, or with one bit turned: never believed, and mended when the answer comes again."""
    folder, answers = store(tmp_path)
    digest = answers.keep(CONTENT)
    path = place(folder, digest)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 1
    path.write_bytes(bytes(flipped) if damage is None else damage)
    assert read(folder, digest, len(CONTENT)) is Lost.DAMAGED
    answers.keep(CONTENT)
    assert path.read_bytes() == whole


def test_each_flipped_byte_is_noticed(tmp_path):
    """One byte anywhere in the file: either the content is whole all the same, or it is not given out."""
    folder, answers = store(tmp_path)
    digest = answers.keep(CONTENT)
    path = place(folder, digest)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert read(folder, digest, len(CONTENT)) in {Lost.DAMAGED, CONTENT}


def test_no_more_is_unpacked_than_was_said(tmp_path):
    """A file that unpacks to gigabytes is left after one byte too many; a size that is no size reserves nothing."""
    folder, answers = store(tmp_path)
    digest = answers.keep(CONTENT)
    place(folder, digest).write_bytes(gzip.compress(bytes(50 * MIB)))
    assert read(folder, digest, len(CONTENT)) is Lost.DAMAGED
    assert read(folder, digest, 2**50) is Lost.DAMAGED
    assert read(folder, "0" * 64, 2**50) is Lost.NOT_KEPT


@pytest.mark.parametrize("over", [{"answer_days": 0}, {"largest_answer_mb": 1}])
def test_what_is_not_to_be_kept_still_has_a_digest(tmp_path, over):
    """The statement names it all the same."""
    folder, answers = store(tmp_path, **over)
    large = os.urandom(MIB) + b"x"
    assert answers.keep(large) == sha256(large)
    assert kept(folder) == []


def test_what_nobody_used_for_long_goes(tmp_path):
    """By age, counted from its last use."""
    folder, answers = store(tmp_path, answer_days=90)
    old, new = place(folder, answers.keep(b"old")), place(folder, answers.keep(b"new"))
    for path, days in ((old, 91), (new, 89)):
        moment = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (moment, moment))
    assert answers.prune(NOW) == 1
    assert kept(folder) == [new]
    assert answers.prune(NOW) == 0


def test_beyond_the_room_the_longest_unused_go_first(tmp_path):
    """The store never holds more than it may, whatever the answers' age."""
    folder, answers = store(tmp_path, answers_mb=1)
    digests = [answers.keep(os.urandom(400_000)) for _ in range(4)]
    for age, digest in enumerate(digests):
        moment = (NOW - timedelta(days=age)).timestamp()
        os.utime(place(folder, digest), (moment, moment))
    assert answers.prune(NOW) == 2
    assert {path.stem for path in kept(folder)} == set(digests[:2])


def test_pruning_follows_no_link_and_needs_no_folder(tmp_path):
    """A link that somebody put there is left alone with what it points to."""
    folder, answers = store(tmp_path, answer_days=1)
    assert answers.prune(NOW) == 0
    target = tmp_path / "theirs"
    target.write_bytes(b"theirs")
    os.utime(target, (0, 0))
    (folder / "ab").mkdir(parents=True)
    (folder / "ab" / "link.gz").symlink_to(target)
    assert answers.prune(NOW) == 0
    assert target.read_bytes() == b"theirs"


def test_threads_may_keep_the_same_answer(tmp_path):
    """Two packages that read one page at once."""
    folder, answers = store(tmp_path)
    threads = [threading.Thread(target=answers.keep, args=(CONTENT,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(folder, sha256(CONTENT), len(CONTENT)) == CONTENT
    assert len(kept(folder)) == 1
