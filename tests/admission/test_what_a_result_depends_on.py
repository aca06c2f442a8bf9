"""Which results are made again when the gates, or what they compare with, change."""

import msgspec
import pytest

from pipeline.history.fingerprint import policy_digest
from pipeline.model import Knowledge, Resemblance
from tests.builders import config, entry
from tests.test_plan import plan


def digests(root, *overrides: tuple[str, str]) -> list[str]:
    """Return what the outcomes of two packages are made from, under some overrides."""
    made = plan(root, entry("npm:a"), entry("npm:b"), overrides=overrides)
    return [made.generate_digest(order) for order in made.orders]


@pytest.mark.parametrize("key", ["release_age.min_hours=1", "name_confusion=report", "changed_bytes=report"])
def test_a_policy_concerns_every_package(tmp_path, key):
    """What was held by the old one is judged again, and what is in quarantine may be tried."""
    name, _, value = key.partition("=")
    before, after = digests(tmp_path), digests(tmp_path, (f"gates.{name}", value))
    assert set(before).isdisjoint(after)
    top, _, rest = name.partition(".")
    over = {top: {rest: float(value)} if rest else value}
    assert policy_digest(config(gates=over)) != policy_digest(config())


def test_an_approval_concerns_its_package_alone(tmp_path):
    """No other result is made again, and nothing leaves its quarantine."""
    before = digests(tmp_path)
    after = digests(tmp_path, ("gates.approved", '{"npm:b": [common_command]}'))
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert policy_digest(config(gates={"approved": {"npm:b": ["common_command"]}})) == policy_digest(config())


def test_where_repositories_lie_decides_nothing(tmp_path):
    """It is only where a question is asked."""
    assert digests(tmp_path, ("gates.repository_host", "git.example")) == digests(tmp_path)


def test_what_a_package_is_compared_with_is_part_of_it(tmp_path):
    """A look-alike that came into the queue is no matter of the others."""
    made = plan(tmp_path, entry("npm:a"))
    (order,) = made.orders
    known = Knowledge(resembles=Resemblance(known="npm:b", distance=1))
    assert made.generate_digest(msgspec.structs.replace(order, knowledge=known)) != made.generate_digest(order)
