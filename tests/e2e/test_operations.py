"""The operators' page: each trouble is made real, its commands are run in order, and the shown outputs are what comes.

`--snapshot-update` writes the outputs that have changed into the page instead; then read what changed.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.e2e.operator import Operator
from tests.e2e.operator_page import PAGE, sections
from tests.e2e.world import HOST, WatchedRegistry
from tests.fake_forge import FakeForge, out_of_order
from tests.fake_registry import Reply

pytestmark = pytest.mark.skipif(HOST is None or HOST.os != "linux", reason="recipes are tried on Linux")


@pytest.fixture
def operator(registry: WatchedRegistry, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """In a folder with a short name, as lines are broken where a path ends."""
    with TemporaryDirectory() as name, FakeForge(Path(name) / "forge") as forge:
        yield Operator(Path(name), registry, forge, update=request.config.getoption("--snapshot-update"))


@pytest.fixture
def running(operator: Operator) -> Operator:
    """A pipeline that has published three recipes in one batch, which was merged."""
    operator.configure()
    operator.queue(operator.npm("aloft"), operator.npm("bright"), operator.pypi("clear"))
    operator.open_for_business()
    operator.hour()
    operator.forge.pulls.merge(1)
    operator.ran("sync")
    return operator


def test_each_section_has_its_trouble() -> None:
    """No section with commands is left untried."""
    told = re.findall(r'\.section\("([^"]+)"\)', Path(__file__).read_text(encoding="utf-8"))
    assert sorted(told) == sorted(sections(PAGE.read_text(encoding="utf-8")))


def test_nothing_is_published(running: Operator) -> None:
    """Somebody has switched it off and gone; then it is switched off in an emergency; then somebody cannot wait."""
    running.more("deft")
    running.ran("stop", "--reason", "registry maintenance")
    running.later(days=3)
    with running.section("Nothing is published any more"):
        for _ in range(6):
            running.follow()
    with running.section("Stop everything now"):
        for _ in range(4):
            running.follow()
    running.npm("comet")
    with running.section("Somebody wants a package now"):
        for _ in range(4):
            running.follow()


def test_the_success_rate_dropped(operator: Operator) -> None:
    """Two packages fail in one way; upstream mends them, and they are asked for again."""
    bad = {"program": "process.exit(3)"}
    operator.queue(operator.npm("aloft"), operator.npm("bright", **bad), operator.npm("clear", **bad))
    operator.configure(network={"attempts": 1, "freshness_seconds": 0})
    operator.open_for_business()
    operator.hour()
    with operator.section("The success rate dropped"):
        operator.follow()
        operator.follow()
        operator.later(hours=1)
        operator.configure(network={"attempts": 1, "freshness_seconds": 0}, gates={"changed_bytes": "report"})
        operator.npm("bright")
        operator.npm("clear")
        for _ in range(5):
            operator.follow()


def test_an_ecosystem_is_down(operator: Operator) -> None:
    """Its breaker opens; it is switched off while the outage lasts, then one probe closes the breaker."""
    names = [f"tool-{letter}" for letter in "abcde"]
    operator.queue(*(f"npm:{name}" for name in names), operator.pypi("clear"))
    operator.open_for_business()
    for name in names:
        operator.registry.reply(f"/npm/{name}", Reply(status=503))
    operator.hour()
    with operator.section("An ecosystem is down"):
        operator.follow()
        operator.follow()
        operator.later(hours=2)
        for name in names:
            operator.npm(name)
        for _ in range(3):
            operator.follow()


def test_a_pull_request_is_stuck(running: Operator) -> None:
    """It is not reviewed, it fills the limit, it is closed."""
    pulls = running.forge.pulls
    running.more("deft")
    running.hour()
    running.later(days=8)
    with running.section("Nobody has reviewed it"):
        running.follow()
        pulls.merge(2)
        running.follow()
        running.follow()

    running.configure(publish={**running.publish, "open_pull_requests": 1})
    running.more("eager")
    running.hour()
    running.more("fleet")
    running.ran()
    with running.section("The limit of open pull requests is reached"):
        running.follow()
        pulls.merge(3)
        running.follow()

    pulls.close(4)
    running.later(minutes=1)
    with running.section("Somebody closed it"):
        for _ in range(3):
            running.follow()


def test_the_forge_fails(running: Operator) -> None:
    """Its API is out of order; then the token is not valid any more."""
    running.more("deft")
    running.ran()
    running.forge.fail(out_of_order(path="/repos"), times=99)
    with running.section("The forge does not answer"):
        running.follow()
        running.forge.heal()
        running.follow()

    running.more("eager")
    running.ran()
    running.forge.token = "ghp_another0123456789abcdefghijklmnopqrst"
    with running.section("The token has expired"):
        running.follow()
        running.follow()
        running.variables["GH_TOKEN"] = running.forge.token
        running.follow()


@pytest.mark.long
def test_others_are_faster(running: Operator) -> None:
    """The state branch moves before each push; the next publication saves it all."""
    running.more("deft")
    running.ran()
    busy = True

    def saved_by_others() -> None:
        running.forge.bare.commit("recipeline-state", {"data/elsewhere": str(running.now).encode()}, "State")
        if busy:
            running.forge.at_request("POST", "/tools/registry.git/git-receive-pack", saved_by_others)

    running.forge.at_request("POST", "/tools/registry.git/git-receive-pack", saved_by_others)
    with running.section("Others were faster on the state branch"):
        running.follow()
        busy = False
        running.follow()


def test_bad_recipes_were_merged(running: Operator) -> None:
    """One recipe of a batch is taken out of use, by a pull request, and asked for again."""
    with running.section("Bad recipes were merged"):
        for _ in range(3):
            running.follow()
        running.forge.pulls.merge(2)
        running.follow()
        running.later(hours=1)
        running.follow()


def test_the_budget_is_out(operator: Operator) -> None:
    """What was used is more than the week's minutes; more are given."""
    operator.queue(operator.npm("aloft"), operator.npm("bright"))
    operator.configure(budget={"runners": {"linux": {"minutes_per_week": 1}}}, validation={"attempts": 1, "workers": 1})
    operator.open_for_business()
    operator.control(budget={"linux_minutes_used": 0.96, "week_start": operator.now.date().isoformat()})
    operator.ran()
    with operator.section("The budget is out"):
        operator.follow()
        operator.follow()
        operator.configure(budget={"runners": {"linux": {"minutes_per_week": 500}}})
        operator.follow()


def test_bytes_have_changed(operator: Operator) -> None:
    """A version that was seen is another file now: the package is frozen until somebody accepts it."""
    operator.configure(network={"attempts": 1, "freshness_seconds": 0})
    source = operator.npm("aloft", program="process.exit(3)")
    operator.queue(source)
    operator.open_for_business()
    operator.hour()
    operator.later(hours=1)
    operator.ran("requeue", source)
    operator.npm("aloft")
    operator.later(hours=1)
    operator.hour()
    with operator.section("A version has other bytes than before"):
        for _ in range(3):
            operator.follow()
        operator.later(hours=1)
        operator.follow()
        operator.ran("publish")
        operator.follow()


def test_the_machine_lacks_something(operator: Operator) -> None:
    """A registry does not answer; a moment later it does."""
    operator.ahead = timedelta()
    operator.queue(operator.npm("aloft"))
    operator.open_for_business()
    operator.registry.reply("/npm/aloft", Reply(status=503))
    with operator.section("The machine lacks something"):
        operator.follow()
        operator.npm("aloft")
        operator.follow()


def test_the_state_branch_was_deleted(running: Operator) -> None:
    """The root still has it all, and the next command brings it back."""
    running.forge.bare.git("update-ref", "-d", "refs/heads/recipeline-state")
    with running.section("The state branch was deleted or damaged"):
        running.follow()
        running.follow()


def test_a_result_is_missing(operator: Operator) -> None:
    """A job of CI was lost: its artifact is not among those that arrived."""
    operator.configure(ci={"jobs": {HOST.id: {"runs_on": "ubuntu-24.04"}}})
    operator.queue(operator.npm("aloft"))
    operator.open_for_business()
    operator.ran("ci.part=generate")
    operator.ran("matrix")
    (operator.root / "artifacts").mkdir()
    with operator.section("A job's result is missing"):
        for _ in range(3):
            operator.follow()


def test_a_recipe_has_wrong_executables(running: Operator) -> None:
    """The recipe names another command than people want; a person takes it out and writes the right one."""
    with running.section("A recipe has wrong executables"):
        running.follow()
        running.follow()
