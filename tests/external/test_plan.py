"""What the plan makes of commands: the digests that they belong to, and who makes which verdict."""

import json

from pipeline.model import WorkOrder
from pipeline.plan import revisions_of
from pipeline.tasks import validate_digest
from tests.builders import config, entry
from tests.test_plan import HOST, plan

ORDER = WorkOrder(source="npm:a", name="a")


def commanded(*command: str) -> list[tuple[str, str]]:
    words = ["make", "{name}", "{output}", *command]
    return [("ecosystems.npm.generator", "command"), ("ecosystems.npm.command", json.dumps(words))]


def test_another_command_makes_another_recipe(tmp_path):
    """Also another argument; the native generator's digest is none of them."""
    one, same, other, native = (
        plan(tmp_path, entry("npm:a"), overrides=overrides).generate_digest(ORDER)
        for overrides in (commanded(), commanded(), commanded("-v"), [])
    )
    assert one == same
    assert len({one, other, native}) == 3


def test_commands_change_the_revision_that_quarantine_compares():
    """So what the command before it failed at is tried again; other ecosystems keep theirs."""
    one, other = (
        config(ecosystems={"npm": {"generator": "command", "command": [program, "{name}", "{output}"]}})
        for program in ("make", "gmake")
    )
    native = {"npm": 3, "pypi": 4}
    assert revisions_of(one, native)["npm"] not in {3, revisions_of(other, native)["npm"]}
    assert revisions_of(one, native)["pypi"] == 4
    assert revisions_of(one, revisions_of(one, native)) == revisions_of(one, native)


def test_a_generator_of_ones_own_serves_an_ecosystem_without_a_module(tmp_path):
    """Its packages come into the batch like any others, as soon as a platform can try them: no sandbox knows them."""
    own = ("ecosystems.tools", "{generator: command, requests_per_second: 2, command: [make, '{source}', '{output}']}")
    elsewhere = ("platforms.darwin-arm64.runner", "external")
    entries = entry("tools:a"), entry("npm:b")
    assert [order.source for order in plan(tmp_path, *entries, overrides=[own]).orders] == ["npm:b"]
    made = plan(tmp_path, *entries, overrides=[own, elsewhere])
    assert [order.source for order in made.orders] == ["tools:a", "npm:b"]


def test_a_command_makes_the_verdicts_of_its_platform_on_this_machine(tmp_path):
    """Whatever this machine is; another command or another time makes them again."""
    runner = ("platforms.darwin-arm64.runner", "external")
    first, second, late = (
        plan(tmp_path, entry("npm:a"), overrides=[runner, *more])
        for more in (
            [("platforms.darwin-arm64.command", "[try, '{recipe}']")],
            [("platforms.darwin-arm64.command", "[try, -v, '{recipe}']")],
            [
                ("platforms.darwin-arm64.command", "[try, '{recipe}']"),
                ("external.validate_timeout_seconds", "1"),
            ],
        )
    )
    assert first.made_here("darwin-arm64")
    assert not first.predicted_here("darwin-arm64")
    assert not first.measured_here("darwin-arm64")
    assert len({validate_digest(each, "darwin-arm64", ORDER) for each in (first, second, late)}) == 3
    assert len({validate_digest(each, HOST, ORDER) for each in (first, second, late)}) == 1, "the other platforms stand"
    waiting = plan(tmp_path, entry("npm:a"), overrides=[runner])
    assert not waiting.made_here("darwin-arm64")
