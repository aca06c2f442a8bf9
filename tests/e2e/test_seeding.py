"""`doit seed:<ecosystem>` and `doit add`: how the queue grows, and what leaves it as it is."""

import json

import pytest

from tests.e2e.world import World, finish
from tests.fake_registry import Reply

SEARCH = "/npm/-/v1/search?text=keywords:cli&popularity=1.0&quality=0.0&maintenance=0.0&size={0}&from=0"
POPULAR = {
    "second": (20, "git+https://git.example/second.git"),
    "@scope/first": (30, ""),
    "black": (10, "https://git.example/another"),
    ".never": (5, ""),
}


def offered(world: World, limit: int = 100) -> None:
    """Have npm's search offer these packages."""
    objects = [
        {"package": {"name": name, "links": {"repository": repository}}, "downloads": {"monthly": monthly}}
        for name, (monthly, repository) in POPULAR.items()
    ]
    world.registry.add(SEARCH.format(limit), json.dumps({"objects": objects, "total": len(objects)}).encode())


@pytest.fixture
def seedable(world: World) -> World:
    """A queue with one package, and a registry that offers four, of which it has two."""
    world.queue(world.pypi("black"))
    world.npm("@scope/first")
    world.npm("second")
    offered(world)
    return world


def queue_bytes(world: World) -> bytes:
    return (world.root / "data/queues/priority-queue.json").read_bytes()


def entries(world: World) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(queue_bytes(world))["entries"]
    return found


def test_what_a_registry_offers_comes_into_the_queue_and_is_made(seedable: World) -> None:
    """By rank, at the end; what may be another tool waits for a person; the next run works on the rest."""
    headline, *said = seedable.ran("seed:npm").out.splitlines()
    assert headline == (
        "npm: 4 packages by downloads of a month with the keyword `cli` (1 request): "
        "2 added, 0 alternatives, 1 doubtful, 1 refused, 0 known"
    )
    assert said == [
        "  added       npm:@scope/first, rank 1, priority 1",
        "  added       npm:second, rank 2, priority 1",
        "  doubtful    npm:black, like pypi:black: of one of the two the repository is not known",
        "  refused     npm:.never: bad_source: no source has this form",
    ]
    old, first, second, black = entries(seedable)
    assert old["source"] == "pypi:black"
    assert {key: first[key] for key in ("name", "source", "rank", "status", "confidence")} == {
        "name": "first",
        "source": "npm:@scope/first",
        "rank": 1,
        "status": "pending",
        "confidence": "auto",
    }
    assert second["repository"] == "https://git.example/second.git"
    assert (black["status"], black["confidence"], black["alternatives"]) == (
        "requires_manual",
        "doubtful",
        ["pypi:black"],
    )
    seedable.ran("generate:npm")
    assert {order.source for order in seedable.batch().selected} == {"pypi:black", "npm:@scope/first", "npm:second"}


def test_a_second_seeding_changes_nothing_and_asks_nothing(seedable: World) -> None:
    """Inside the time for which an answer is fresh; a person's decision stays too."""
    seedable.ran("seed:npm")
    seedable.ran("requeue", "npm:black")
    before = queue_bytes(seedable)
    decided = entries(seedable)[-1]
    assert (decided["status"], decided["confidence"], decided["alternatives"]) == ("pending", "curated", [])
    seedable.registry.forget()
    assert "(0 requests): 0 added, 0 alternatives, 0 doubtful, 1 refused, 3 known" in seedable.ran("seed:npm").out
    assert queue_bytes(seedable) == before
    assert seedable.registry.seen() == []


def test_a_tool_that_was_made_is_known_by_its_repository(seedable: World) -> None:
    """What generation found out about a person's entry says that npm has the same tool."""
    seedable.queue(seedable.pypi("second"))
    seedable.ran("generate")
    assert seedable.ran("seed:npm").out.count("is the same tool as pypi:second") == 1
    assert entries(seedable)[0]["alternatives"] == ["npm:second"]
    assert "The same tool elsewhere: npm:second." in seedable.ran("why", "pypi:second").out


def test_why_says_what_is_doubtful(seedable: World) -> None:
    """And how to decide; asking for all of an ecosystem decides nothing."""
    seedable.ran("seed:npm")
    shown = " ".join(seedable.ran("why", "npm:black").out.split())
    assert "Number 3 of npm when it was added." in shown
    assert "it may be the same tool as pypi:black; `doit requeue npm:black` says that it is one of its own." in shown
    assert seedable.doit("requeue", "--ecosystem", "npm").exit_code == 6
    assert entries(seedable)[-1]["status"] == "requires_manual"


def test_the_limit_is_a_key(seedable: World) -> None:
    """Of this run, as any other key."""
    offered(seedable, 1)
    assert "npm: 1 package by" in seedable.ran("seed:npm", "seeding.limit=1", "seeding.bands=[0, 0]").out
    assert [(one["source"], one["priority"]) for one in entries(seedable)[1:]] == [("npm:@scope/first", 3)]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("seed:pypi",), 6, "pypi offers no ranking"),
        (("seed:go",), 6, "`doit add go:NAME`"),
        (("seed:npm", "ecosystems.npm.generator=none"), 6, "npm has no generator"),
        (("seed:nmp",), 5, "seed:npm"),
        (("seed:npm", "generate"), 4, "seed first"),
        (("seed:npm", "seeding.limit=0"), 4, "at least 1"),
        (("seed:npm", "seeding.bands=[1]"), 4, "seeding/bands"),
    ],
)
def test_what_cannot_be_seeded_says_so_in_one_line(
    seedable: World, arguments: tuple[str, ...], exit_code: int, said: str
) -> None:
    """With its exit code, before anything is asked or written."""
    before = queue_bytes(seedable)
    done = seedable.doit(*arguments)
    assert (done.exit_code, done.out) == (exit_code, "")
    assert done.err.startswith("recipeline: error: ")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert queue_bytes(seedable) == before
    assert seedable.registry.seen() == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=404), "this registry or mirror has none"),
        (Reply(status=503), "npm gave no ranking"),
        (Reply(body=b'{"objects": [{"package": {}}]}'), "search of npm"),
    ],
)
def test_a_registry_without_an_answer_leaves_the_queue_alone(seedable: World, reply: Reply, said: str) -> None:
    """The task fails with what was answered, in one line."""
    before = queue_bytes(seedable)
    seedable.registry.reply(SEARCH.format(100), reply)
    done = seedable.doit("seed:npm")
    assert done.exit_code == 1
    assert said in done.out
    assert done.out.count("\n") == 1
    assert queue_bytes(seedable) == before


def test_the_operator_and_the_breaker_are_heeded(seedable: World) -> None:
    """Nothing is asked of an ecosystem that is switched off, or whose breaker waits for a probe; none is moved."""
    before = queue_bytes(seedable)
    seedable.ran("disable", "npm", "--reason", "an incident")
    done = seedable.doit("seed:npm")
    assert (done.exit_code, "npm is left alone: npm is disabled (an incident)" in done.out) == (1, True)
    due = {"npm": {"state": "open", "failures": 5, "opens_at": "2020-01-01T00:00:00Z"}}
    seedable.control(circuit_breaker=due)
    assert "the circuit breaker of npm is not closed" in seedable.doit("seed:npm").out
    assert json.loads(seedable.paths.control.read_text())["circuit_breaker"] == due
    assert seedable.registry.seen() == []
    assert queue_bytes(seedable) == before


def test_both_work_alone_on_their_root(seedable: World) -> None:
    """While a run goes on, they say who holds the root, and the queue stays as the run has read it."""
    before = queue_bytes(seedable)
    refused = []

    def both() -> None:
        refused.extend([seedable.doit("seed:npm"), seedable.doit("add", "npm:second")])

    seedable.registry.at_request("/pypi/", 1, both)
    finish(seedable.start("generate"))
    assert [done.exit_code for done in refused] == [7, 7]
    assert queue_bytes(seedable) == before


def test_what_people_add_is_there_once(seedable: World) -> None:
    """The second call does not touch the file; a dry run never does."""
    before = queue_bytes(seedable)
    assert seedable.ran("add", "npm:second", "--dry-run").out == (
        "· would be added: 1 package\n  · npm:second         called second, priority 2\n"
    )
    assert queue_bytes(seedable) == before
    told = json.loads(seedable.ran("add", "npm:second", "--priority", "1", "--json").out)
    assert [(one["source"], one["priority"], one["confidence"]) for one in told["added"]] == [
        ("npm:second", 1, "curated")
    ]
    after = queue_bytes(seedable)
    assert [one["source"] for one in entries(seedable)] == ["pypi:black", "npm:second"]
    assert seedable.ran("add", "npm:second", "--priority", "3").out == (
        "· nothing to add\n  · npm:second         already there, called second, pending\n"
    )
    assert queue_bytes(seedable) == after
    seedable.ran("generate:npm")
    assert seedable.outcome("npm:second").outcome


def test_one_source_that_is_wrong_adds_none(seedable: World) -> None:
    """One line, and the file as it was."""
    before = queue_bytes(seedable)
    done = seedable.doit("add", "npm:second", "homebrew:owner/tap/x")
    assert (done.exit_code, done.out, done.err.count("\n")) == (4, "", 1)
    assert "a tap is another repository" in done.err
    assert queue_bytes(seedable) == before
