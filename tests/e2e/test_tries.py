"""No finished attempt is lost: what a later try replaces is kept in the record, and told to the journal."""

from pipeline.model import AttemptOutcome, Generated, Stage, VerdictStatus
from pipeline.state import journal
from tests.e2e.world import World
from tests.fake_registry import Reply


def test_tries_of_several_runs_end_in_the_journal(world: World) -> None:
    """Two runs meet a registry that is down, the third makes the recipe: three tries, and one conclusion."""
    world.configure(platforms=world.only_here())
    world.queue("npm:aloft")
    for status in (503, 500):
        world.registry.reply("/npm/aloft", Reply(status=status))
        world.ran("generate")
    assert [each.subcategory for each in world.outcome("npm:aloft").earlier] == ["upstream_unavailable"]
    world.npm("aloft")
    world.ran()
    record = world.outcome("npm:aloft")
    assert isinstance(record.outcome, Generated)
    assert len(record.earlier) == 2

    world.ran("publish")

    lines = journal.of_source(world.paths, "npm:aloft", 10)
    tries = [(each.attempt, each.outcome) for each in lines if each.stage is Stage.GENERATE]
    assert sorted(tries) == [
        (1, AttemptOutcome.TRANSIENT),
        (2, AttemptOutcome.TRANSIENT),
        (3, AttemptOutcome.SUCCEEDED),
    ]
    assert [each.outcome for each in lines if each.stage is Stage.PAYLOAD] == [AttemptOutcome.SUCCEEDED]
    before = sorted(world.paths.journal_folder.iterdir()), [each.message for each in lines]
    world.ran("publish")
    again = journal.of_source(world.paths, "npm:aloft", 10)
    assert (sorted(world.paths.journal_folder.iterdir()), [each.message for each in again]) == before


def test_tries_within_one_run_are_kept(world: World) -> None:
    """An archive that cannot be had twice, and then can: the verdict carries both failed runs with their seconds."""
    world.configure(
        network={"attempts": 1, "timeout_seconds": 5, "total_seconds": 10},
        validation={"attempts": 3},
        platforms=world.only_here(),
    )
    world.queue(world.npm("aloft"))
    world.registry.script("/npm/aloft/-/aloft-1.2.3.tgz", Reply(status=503), Reply(status=503))
    world.ran("validate")
    verdict = world.verdict("npm:aloft")
    assert verdict.status is VerdictStatus.VALIDATED
    assert all(each.seconds > 0 for each in verdict.earlier)
    assert verdict.attempt == len(verdict.earlier) + 1
