"""`doit why` and `doit requeue` as a person types them."""

import json

from tests.e2e.world import World


def test_why_explains_a_package_before_and_within_its_batch(world: World) -> None:
    """One screen, or one JSON document; a source that is not there names the nearest one."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("aloft"), world.npm("bright"))
    assert "Would be number 2 of the next batch." in world.ran("why", "npm:bright").out
    assert sorted(path.name for path in world.root.iterdir()) == ["data", "pipeline.yaml"], "it wrote something"
    world.ran("generate")
    screen = world.ran("why", "npm:aloft").out
    assert "which is under way: priority 1, never tried" in screen
    assert "generated from 1.2.3" in screen
    document = json.loads(world.ran("why", "--json", "npm:aloft").out)
    assert [gate["open"] for gate in document["gates"]] == [True] * 13
    unknown = world.doit("why", "alof")
    assert (unknown.exit_code, unknown.out) == (5, "")
    assert unknown.err == (
        "recipeline: error: the queue has no source alof; remedy: did you mean `doit why npm:aloft`?\n"
    )


def test_why_and_list_name_the_same_batch(world: World) -> None:
    """A frozen batch that the next run would not go on with is under way for neither."""
    world.configure(platforms=world.only_here())
    world.queue(world.npm("aloft"), world.npm("bright"))
    world.ran("snapshot")
    assert "-npm-001" in world.ran("list").out
    assert "-npm-001, which is under way" in world.ran("why", "npm:aloft").out
    world.configure(platforms=world.only_here(), batch={"size": 1})
    assert "-npm-002, 1 package of the queue" in world.ran("list").out
    assert "Would be number 1 of the next batch." in world.ran("why", "npm:aloft").out
    world.queue("npm:aloft", status="success")
    assert "nothing to do: no entry of the queue can be worked on now (status 1)" in world.ran("list").out
    assert "Nothing to do: its recipe is there." in world.ran("why", "npm:aloft").out


def test_requeue_makes_packages_pending_again(world: World) -> None:
    """By source or in bulk; nothing to requeue has the exit code of an empty selection."""
    world.queue(world.npm("aloft"), world.npm("bright"), status="failed", failure_count=3)
    dry = world.ran("requeue", "--ecosystem", "npm", "--dry-run")
    assert dry.out == "· 2 packages would be pending again\n  npm:aloft\n  npm:bright\n"
    done = world.ran("requeue", "--json", "npm:bright")
    assert json.loads(done.out) == {"dry_run": False, "sources": ["npm:bright"], "in_review": []}
    queue = json.loads((world.root / "data" / "queues" / "priority-queue.json").read_text())
    assert [entry["status"] for entry in queue["entries"]] == ["failed", "pending"]
    assert "asked for again by name" in world.ran("why", "npm:bright").out
    empty = world.doit("requeue", "--category", "timeout")
    assert (empty.exit_code, empty.err.count("\n")) == (6, 1)
