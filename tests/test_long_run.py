"""The long run on a queue of a few packages: what can be made is made, and the account adds up."""

import json

import msgspec

from benchmarks import long_run
from benchmarks.long_run import from_the_beginning, simulate
from benchmarks.simulation.truth import Reason, Truth
from pipeline.model import EntryStatus
from pipeline.store import encode
from tests.builders import entry, queue

FAILURES = sorted(set(Reason) - {Reason.MISSING_DEP, Reason.INSTALL_FAILED})


def fails(source: str, reason: Reason, *blocked_by: str) -> Truth:
    return Truth(source=source, result="fails", reason=reason, blocked_by=list(blocked_by))


def small_world():
    """Return 40 packages of two ecosystems: most are fine, some fail, some wait for others."""
    truths = [Truth(source=f"npm:tool-{number}", result="ok") for number in range(24)]
    truths += [fails(f"pypi:bad-{number}", FAILURES[number % len(FAILURES)]) for number in range(8)]
    truths += [fails("pypi:broken", Reason.INSTALL_FAILED)]
    truths += [fails(f"pypi:late-{number}", Reason.MISSING_DEP, f"tool-{number}") for number in range(6)]
    truths += [fails("pypi:never", Reason.MISSING_DEP, "nobody")]
    return queue(*(entry(truth.source) for truth in truths)), {truth.source: truth for truth in truths}


def test_all_that_can_be_made_is_made():
    """In 400 hours with outages, a switch and a stuck pull request, a small queue comes to its end."""
    wanted, truths = small_world()
    result = simulate(wanted, truths, runs=400, batch_size=3, seed=2)
    assert result.missed == []
    assert result.recipes == result.reachable
    assert (result.starved, result.unreachable[-1]) == (0, "pypi:never")
    assert result.attempts > 40
    assert sum(result.course) == result.recipes
    assert sum(result.by_status.values()) == 40
    assert result.stuck_pull_request.startswith("batch/2026-01-")
    assert result.in_review >= 1


def test_what_has_succeeded_before_is_not_made_again_and_blocks_nobody():
    """With `--keep-statuses` a run goes on where the queue stands."""
    table = {
        "npm:a": Truth(source="npm:a", result="ok"),
        "npm:b": fails("npm:b", Reason.MISSING_DEP, "a"),
    }
    wanted = queue(entry("npm:a", status=EntryStatus.SUCCESS), entry("npm:b"))
    result = simulate(wanted, table, runs=100, batch_size=1, seed=3)
    assert (result.recipes, result.reachable, result.missed, result.unreachable) == (1, 1, [], [])
    assert result.by_status == {"success": 2}


def test_the_same_seed_gives_the_same_account():
    """All but the seconds and the memory is decided by the arguments."""
    wanted, truths = small_world()
    first, second = (simulate(wanted, truths, runs=60, batch_size=4, seed=7) for _ in range(2))
    assert (first.attempts, first.breakers, first.course) == (second.attempts, second.breakers, second.course)


def test_a_run_without_end_statuses_begins_as_if_nothing_had_been_tried():
    """Only what a person has excluded stays."""
    old = queue(
        entry("npm:a", status=EntryStatus.SUCCESS, failure_count=3, next_retry_at="1734-01-01T00:00:00Z"),
        entry("npm:b", status=EntryStatus.EXCLUDED),
    )
    assert from_the_beginning(old) == queue(entry("npm:a"), entry("npm:b", status=EntryStatus.EXCLUDED))


def test_without_its_files_it_says_what_is_needed(capsys):
    """One line, and the exit code of wrong arguments."""
    assert long_run.main([]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "long_run: --queue FILE and --outcomes FILE are needed; --help says what they hold"
    ]


def test_it_prints_one_object_with_the_counts(tmp_path, capsys):
    """What reads the output finds the counts at the top, beside the machine and the figures."""
    wanted, truths = small_world()
    (tmp_path / "queue.json").write_bytes(encode(wanted))
    (tmp_path / "outcomes.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, truths.values())))
    files = ["--queue", str(tmp_path / "queue.json"), "--outcomes", str(tmp_path / "outcomes.jsonl")]
    assert long_run.main([*files, "--runs", "20", "--batch-size", "3", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"recipes", "attempts", "wasted", "starved", "seconds", "machine", "figures"} <= printed.keys()
    assert printed["attempts"] > 0


def test_a_table_of_another_queue_is_refused(tmp_path, capsys):
    """A source that the table does not know would have no truth."""
    (tmp_path / "queue.json").write_bytes(encode(queue(entry("npm:a"))))
    (tmp_path / "outcomes.jsonl").write_text("")
    files = ["--queue", str(tmp_path / "queue.json"), "--outcomes", str(tmp_path / "outcomes.jsonl")]
    assert long_run.main(files) == 2
    assert "nothing is said of npm:a" in capsys.readouterr().err
