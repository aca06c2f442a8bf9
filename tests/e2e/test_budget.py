"""The budget holds in a run: what the week's minutes do not reach stays pending, with the reason."""

import json
from datetime import UTC, datetime, timedelta

from pipeline.control.budget import in_sample, week_start
from pipeline.model import Subcategory, Tier, VerdictStatus
from tests.e2e.world import World

NOW = datetime.now(UTC)
THIS_WEEK = week_start(NOW).date().isoformat()
EARLIER = (week_start(NOW) - timedelta(days=7)).date().isoformat()
SHARE = 0.5


def named(*, sampled: bool, count: int) -> list[str]:
    """Return names of packages that are, or are not, in this week's sample."""
    names = (f"tool{number}" for number in range(1000))
    return [name for name in names if in_sample(f"npm:{name}", SHARE, NOW) is sampled][:count]


def furnish(world: World, *names: str, minutes: int = 100) -> list[str]:
    """Queue some packages, with this machine as the only platform and so many minutes a week; return the sources."""
    budget = {"sample_share": SHARE, "runners": {"linux": {"minutes_per_week": minutes}}}
    world.configure(platforms=world.only_here(), budget=budget, validation={"attempts": 1, "workers": 1})
    sources = [world.npm(name) for name in names]
    world.queue(*sources)
    return sources


def spend(world: World, minutes: float, week: str = THIS_WEEK) -> None:
    """Write the control file as a publication leaves it after so many minutes."""
    world.control(budget={"linux_minutes_used": minutes, "week_start": week})


def test_at_the_limit_nothing_is_validated_and_the_reason_is_told(world: World) -> None:
    """The recipe is made, the sandbox does not start, the entry stays pending; with minutes again, it is validated."""
    (source,) = furnish(world, "aloft")
    spend(world, 96)
    world.ran()
    verdict = world.verdict(source)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.NOT_RUN, Subcategory.OUT_OF_BUDGET)
    assert (verdict.tier, verdict.phases) == (Tier.NONE, [])
    reason = world.excluded()[source]
    assert reason.startswith("out_of_budget: linux: 96.0 of 100 minutes used (96 %)")
    assert f"until {(week_start(NOW) + timedelta(days=7)).date().isoformat()}" in reason
    queue = json.loads((world.root / "data" / "queues" / "priority-queue.json").read_text())
    assert [entry["status"] for entry in queue["entries"]] == ["pending"]

    spend(world, 10)
    world.registry.forget()
    world.ran()

    assert world.payload().included == [source]
    assert "/npm/aloft" not in world.own_requests()  # the recipe was kept


def test_near_the_limit_a_sample_is_validated(world: World) -> None:
    """The same packages in every run of a week: those that the sample holds."""
    inside = furnish(world, *named(sampled=True, count=2), *named(sampled=False, count=2))[:2]
    spend(world, 80)
    for _ in range(2):
        world.ran()
        assert sorted(world.payload().included) == sorted(inside)
        left_out = world.excluded().values()
        assert len(left_out) == 2
        assert all(reason.startswith("out_of_budget: ") and "sample" in reason for reason in left_out)


def test_minutes_of_an_earlier_week_are_forgotten(world: World) -> None:
    """On Monday, last week's numbers hold nobody up, although nobody has written new ones yet."""
    (source,) = furnish(world, "aloft")
    spend(world, 100, EARLIER)
    world.ran()
    assert world.payload().included == [source]


def test_no_minutes_at_all_run_nothing(world: World) -> None:
    """`minutes_per_week: 0` switches validation on this class off, without a control file."""
    (source,) = furnish(world, "aloft", minutes=0)
    world.ran()
    assert world.excluded()[source].startswith("out_of_budget: linux: 0.0 of 0 minutes used;")


def test_what_a_run_uses_counts_before_it_is_published(world: World) -> None:
    """The first validation takes what is left, so the second is not run; the next run still knows of the first."""
    sources = furnish(world, "aloft", "bright", minutes=1)
    spend(world, 0.9499)
    for _ in range(2):
        world.ran()
        included = world.payload().included
        assert len(included) == 1
        assert world.excluded()[(set(sources) - set(included)).pop()].startswith("out_of_budget: ")
