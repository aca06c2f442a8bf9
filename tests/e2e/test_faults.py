"""A registry that is ill: what passes by itself is tried again by the next run, and nothing else."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from pipeline.model import Failed, Generated
from tests.e2e.world import World
from tests.fake_registry import Reply

HTML = b"<!doctype html><title>Down for maintenance</title>"
# For each fault: the answer, the subcategory, and whether the next run tries again.
FAULTS = {
    "npm:overloaded": (Reply(status=503), "upstream_unavailable", True),
    "npm:crashed": (Reply(status=500, body=HTML), "upstream_unavailable", True),
    "npm:truncated": (Reply(body=b'{"name": "truncated"}', cut_after=5), "connection_error", True),
    "npm:silent": (Reply(hang_up=True), "connection_error", True),
    "npm:looping": (Reply(status=302, headers={"Location": "/npm/looping"}), "upstream_unavailable", True),
    "npm:slow": (Reply(delay=3), "timeout", True),
    "npm:dripping": (Reply(body=b" " * 1000, drip=0.2), "timeout", True),
    "npm:limited": (Reply(status=429, headers={"Retry-After": "3600"}), "rate_limited", True),
    "npm:html": (Reply(body=HTML, headers={"Content-Type": "text/html"}), "bad_metadata", True),
    "npm:wrong": (Reply(body=b'{"name": 5}'), "bad_metadata", False),
    "npm:forbidden": (Reply(status=403), "upstream_refused", False),
}


def failure(world: World, source: str) -> Failed:
    outcome = world.outcome(source).outcome
    assert isinstance(outcome, Failed), outcome
    return outcome


def test_faults_are_values_and_only_transient_ones_are_tried_again(world: World) -> None:
    """Each fault is a failure with its cause and exit code 0; once healed, the next run asks for the transient ones."""
    # A wish for patience holds back the whole host: here for at most a fifth of a second.
    limits = {"attempts": 1, "timeout_seconds": 0.5, "total_seconds": 1, "max_wait_seconds": 0.2}
    world.configure(network=limits, breaker={"failures": 100}, platforms=world.only_here())
    world.queue(world.npm("sound"), *FAULTS)
    for source, (reply, _, _) in FAULTS.items():
        world.registry.reply(f"/npm/{source.partition(':')[2]}", reply)

    world.ran("generate")

    for source, (_, subcategory, transient) in FAULTS.items():
        failed = failure(world, source)
        assert (failed.subcategory, failed.transient) == (subcategory, transient), failed
    assert isinstance(world.outcome("npm:sound").outcome, Generated)

    for source in FAULTS:
        world.npm(source.partition(":")[2])
    world.registry.forget()
    world.ran("generate")

    transient = {source for source, (_, _, passes) in FAULTS.items() if passes}
    assert {one.path for one in world.registry.seen()} == {f"/npm/{source.partition(':')[2]}" for source in transient}
    for source in FAULTS:
        assert isinstance(world.outcome(source).outcome, Generated if source in transient else Failed)


def test_a_broken_wheel_is_a_value(world: World) -> None:
    """A wheel that is not the announced one, and one that is cut short, fail with their cause."""
    world.configure(platforms=world.only_here())
    forged, cut = world.pypi("forged"), world.pypi("cut")
    world.queue(forged, cut)
    world.registry.reply("/pypi/files/forged-1.2.3-py3-none-any.whl", Reply(body=b"PK something else"))
    world.registry.reply("/pypi/files/cut-1.2.3-py3-none-any.whl", Reply(body=b"PK" * 500, cut_after=100))
    world.ran("generate")
    assert not failure(world, forged).transient
    assert (failure(world, cut).subcategory, failure(world, cut).transient) == ("connection_error", True)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_wish_for_patience_is_heeded_by_all(world: World, form: str) -> None:
    """After a 429 no request for any package leaves before the time that `Retry-After` names; then all succeed."""
    world.configure(network={"attempts": 2}, platforms=world.only_here())
    world.queue(*map(world.npm, ("aloft", "bright", "calm")))

    def limit() -> None:
        # A date has whole seconds, so at least one and at most two of them are left.
        wish = "1" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        world.registry.script("/npm/aloft", Reply(status=429, headers={"Retry-After": wish}))

    world.registry.at_request("/npm/aloft", 1, limit)
    world.ran("generate")

    seen = world.registry.seen()
    [limited] = [one for one in seen if one.status == 429]
    later = [one.at for one in seen if one.at > limited.at + 0.05]
    assert {one.path for one in seen if one.status == 200} == {"/npm/aloft", "/npm/bright", "/npm/calm"}
    assert min(later) - limited.at >= 0.95
    assert max(later) - limited.at < 10, "a wish for a second became a long wait"


def test_a_registry_that_is_away_costs_no_package(world: World) -> None:
    """When nobody listens at all, every package is a transient failure, and the run ends well."""
    world.configure(platforms=world.only_here())
    world.queue("npm:aloft", "pypi:even")
    nobody = "http://127.0.0.1:9"
    world.ran("generate", npm_config_registry=nobody, UV_DEFAULT_INDEX=f"{nobody}/simple")
    for source in ("npm:aloft", "pypi:even"):
        assert (failure(world, source).subcategory, failure(world, source).transient) == ("connection_error", True)
