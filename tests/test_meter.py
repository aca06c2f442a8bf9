"""The meter: minutes of this batch that the control file does not know yet."""

import dataclasses
from datetime import timedelta

import msgspec
import pytest

from pipeline.control.stops import Stop
from pipeline.instants import timestamp
from pipeline.meter import Meter
from pipeline.model import Budget, Category, EarlierTry, PhaseResult, Subcategory, Tier, Verdict, VerdictStatus
from pipeline.store import write, write_bytes
from tests.builders import NOW, entry
from tests.test_plan import HOST, plan

ELSEWHERE = "linux-alpine-musl-arm64"
FULL = 4750  # minutes of Linux at which nothing more is validated


def verdict(minutes: float, *, platform: str = HOST, at=NOW, source: str = "npm:a", **fields) -> Verdict:
    """Return a verdict whose two phases took so many minutes together."""
    phases = [PhaseResult(name=name, wall_s=minutes * 30, network=False) for name in ("fetch", "verify")]
    return Verdict(
        source=source,
        version="1",
        platform=platform,
        recipe_sha256=None,
        made_from="0" * 64,
        tier=Tier.NATIVE,
        status=VerdictStatus.VALIDATED,
        reason="",
        phases=phases,
        at=timestamp(at),
        **fields,
    )


@pytest.fixture
def root(tmp_path):
    """A plan of two packages, one of which was tried an hour ago."""
    made = plan(tmp_path, entry("npm:a"), entry("npm:b"))
    after = timestamp(NOW - timedelta(hours=1))
    orders = tuple(
        msgspec.structs.replace(order, after=after) if order.source == "npm:b" else order for order in made.orders
    )
    return dataclasses.replace(made, orders=orders)


def keep(made, *verdicts: Verdict) -> None:
    """Put verdicts where a run finds them."""
    for each in verdicts:
        write(made.paths.verdict(each.platform, each.source), each)


def ask(meter: Meter, platform: str = HOST, now=NOW) -> Stop | None:
    return meter.stop(platform, "npm:a", now)


def test_a_fresh_run_has_all_of_the_week(root):
    """Nothing was measured, nothing is counted."""
    assert ask(Meter(root)) is None


def test_each_measurement_of_the_run_counts(root):
    """The phases of a verdict are added up: as many minutes as the limit has, and the next is stopped."""
    meter = Meter(root)
    for _ in range(2):
        assert ask(meter) is None
        meter.add(verdict(FULL / 2))
    stop = ask(meter)
    assert stop is not None
    assert "4750.0 of 5000" in stop.value


def test_the_control_files_minutes_come_first(root):
    """What is used up to the last publication, and since, are one sum."""
    control = msgspec.structs.replace(root.control, budget=Budget(linux_minutes_used=FULL - 1, week_start="2026-03-02"))
    meter = Meter(dataclasses.replace(root, control=control))
    ask(meter)
    meter.add(verdict(1))
    stop = ask(meter)
    assert stop is not None
    assert "4750.0 of 5000" in stop.value


@pytest.mark.parametrize("platform", [HOST, ELSEWHERE])
def test_what_a_killed_run_or_another_machine_measured_counts(root, platform):
    """A verdict that is there was paid for by the class of its platform, although no journal tells of it yet."""
    keep(root, verdict(FULL, platform=platform))
    assert ask(Meter(root)) is not None
    assert ask(Meter(root), "darwin-arm64") is None


def test_tries_that_were_replaced_count(root):
    """They are minutes too: the journal gets a line for each."""
    before = EarlierTry(
        at=timestamp(NOW),
        seconds=FULL * 60,
        category=Category.NETWORK_ERROR,
        subcategory=Subcategory.TIMEOUT,
        message="",
    )
    keep(root, verdict(0, earlier=[before]))
    assert ask(Meter(root)) is not None


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (verdict(FULL, source="npm:b", at=NOW - timedelta(hours=2)), "it was published before this batch"),
        (verdict(FULL, at=NOW - timedelta(days=7)), "it is of an earlier week"),
        (msgspec.structs.replace(verdict(FULL), at="2026-02-30T00:00:00Z"), "no calendar has its date"),
        (verdict(FULL, platform="darwin-arm64"), "it is of another class"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_known_already_or_not_of_this_week_does_not_count(root, kept, why):
    """Else a minute would count twice: in the journal's sum and on top of it."""
    keep(root, kept)
    assert ask(Meter(root)) is None, why


def test_a_new_week_begins_in_the_middle_of_a_run(root):
    """A run that goes on over Sunday's midnight has the new week's minutes."""
    meter = Meter(root)
    ask(meter)
    meter.add(verdict(FULL))
    assert ask(meter) is not None
    assert ask(meter, now=NOW + timedelta(days=7)) is None


def test_files_that_are_no_verdicts_are_nothing(root):
    """A torn file is made again; it must not stop a run."""
    write_bytes(root.paths.verdict(HOST, "npm:a"), b"{")
    assert ask(Meter(root)) is None


def test_the_tried_package_counts_once_it_is_measured_again(root):
    """Newer than `after`: this batch's own work."""
    keep(root, verdict(FULL, source="npm:b"))
    assert ask(Meter(root)) is not None
