"""The plan: a pure read of queue, control, configuration and records."""

import json

import msgspec
import pytest

from pipeline.config import PhaseLimits
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.errors import BadInput
from pipeline.host import Host
from pipeline.model import Batch
from pipeline.plan import Plan, load
from pipeline.platforms import BY_ID
from pipeline.source import ecosystem_of
from pipeline.store import Paths, stamp, write
from pipeline.tasks import Fresh, generate_tasks, payload_tasks, snapshot_tasks, validate_tasks
from tests.builders import NOW, entry, queue

REVISIONS = dict.fromkeys(ECOSYSTEMS, 1)
HOST = "linux-debian-glibc-x86_64"


def plan(root, *entries, overrides=(), host=HOST, now=NOW, revisions=REVISIONS) -> Plan:
    """Return the plan of a root with some entries in its queue."""
    path = root / "data/queues/priority-queue.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(queue(*entries)))
    found = Host(platform=BY_ID[host] if host else None, reason="test")
    return load(Paths(root), overrides=overrides, revisions=revisions, host=found, now=now)


def files(root):
    """Return every file below a folder."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_loading_writes_nothing(tmp_path):
    """`doit list` on a clean tree leaves it clean."""
    plan(tmp_path, entry("npm:a"))
    assert files(tmp_path) == ["data/queues/priority-queue.json"]


def test_a_frozen_batch_is_used_while_its_inputs_hold(tmp_path):
    """Also on another day: time alone does not change what is worked on."""
    first = plan(tmp_path, entry("npm:a"))
    write(first.paths.batch, first.batch)
    later = plan(tmp_path, entry("npm:a"), now=NOW.replace(day=9))
    assert later.batch == first.batch


@pytest.mark.parametrize("change", ["queue", "control", "config", "generators"])
def test_a_changed_input_thaws_the_batch_and_gets_a_new_id(tmp_path, change):
    """An id stands for one selection, for ever."""
    first = plan(tmp_path, entry("npm:a"), entry("pypi:b"))
    write(first.paths.batch, first.batch)
    more = {"entries": (entry("npm:a"), entry("pypi:b"))}
    overrides = ()
    match change:
        case "queue":
            more = {"entries": (entry("npm:a"), entry("pypi:b"), entry("npm:c"))}
        case "control":
            (tmp_path / "batch-control.json").write_text(json.dumps({"disabled_ecosystems": ["pypi"]}))
        case "config":
            overrides = [("batch.size", "1")]
        case "generators":
            overrides = [("ecosystems.pypi.generator", "none")]
    second = plan(tmp_path, *more["entries"], overrides=overrides)
    assert second.batch.id != first.batch.id
    assert second.batch.fingerprints != first.batch.fingerprints


def test_a_published_batch_is_never_used_again(tmp_path):
    """Its id stands in the ledger."""
    first = plan(tmp_path, entry("npm:a"))
    write(first.paths.batch, first.batch)
    first.paths.ledger.write_text(json.dumps({"batch_id": first.batch.id}) + "\n")
    second = plan(tmp_path, entry("npm:a"))
    assert second.batch.id == "2026-03-02-npm-002"


def test_rates_and_limits_do_not_thaw_the_batch(tmp_path):
    """What does not change the selection does not change its fingerprint."""
    first = plan(tmp_path, entry("npm:a"))
    slower = plan(tmp_path, entry("npm:a"), overrides=[("ecosystems.npm.requests_per_second", "0.1")])
    assert slower.batch == first.batch


def test_a_damaged_batch_is_made_again(tmp_path):
    """The frozen plan is a result like any other."""
    first = plan(tmp_path, entry("npm:a"))
    first.paths.batch.parent.mkdir(parents=True)
    first.paths.batch.write_text('{"schema_version": 1, "id": "../../x"}')
    assert isinstance(plan(tmp_path, entry("npm:a")).batch, Batch)


def test_packages_are_ordered_by_when_their_registry_is_ready_for_them(tmp_path):
    """With PyPI at a fifth of npm's rate, five npm packages come between two of PyPI."""
    entries = [entry(f"{eco}:{eco}{i}") for i in range(4) for eco in ("npm", "pypi")]
    rates = [("ecosystems.npm.requests_per_second", "1"), ("ecosystems.pypi.requests_per_second", "0.4")]
    orders = plan(tmp_path, *entries, overrides=rates).orders
    assert [ecosystem_of(order.source) for order in orders] == [
        "npm", "pypi", "npm", "npm", "pypi", "npm", "pypi", "pypi",
    ]  # fmt: skip


def test_a_native_platform_is_measured_on_that_machine_and_predicted_elsewhere(tmp_path):
    """`static` never measures, `external` waits, `none` is left out."""
    runners = [("platforms.darwin-arm64.runner", "external"), ("platforms.darwin-x86_64.runner", "none")]
    here = plan(tmp_path, entry("npm:a"), overrides=runners)
    assert here.measured_here(HOST)
    assert not here.predicted_here(HOST)
    assert here.predicted_here("linux-rhel-glibc-x86_64")
    assert not here.predicted_here("darwin-arm64")
    assert "darwin-x86_64" not in [platform.id for platform in here.platforms]
    elsewhere = plan(tmp_path, entry("npm:a"), host=None)
    assert not any(elsewhere.measured_here(platform.id) for platform in elsewhere.platforms)


def test_a_heavy_entry_gets_more_room_for_its_installation(tmp_path):
    """Its verify phase keeps the ordinary limits."""
    made = plan(tmp_path, entry("npm:a", heavy=True), entry("npm:b"))
    heavy, light = (made.limits(order) for order in made.orders)
    assert heavy.fetch == heavy.build == PhaseLimits(timeout_seconds=300, memory_mb=3072, pids=256, disk_mb=2048)
    assert heavy.verify == light.verify
    assert (heavy.compile.timeout_seconds, light.compile.timeout_seconds) == (1800, 900)
    assert light.fetch.memory_mb == 2048


def test_formulae_wait_until_a_platform_can_try_them(tmp_path):
    """Homebrew's recipes are made once results may come from elsewhere; which thaws the batch."""
    entries = (entry("homebrew:jq"), entry("npm:a"))
    here = plan(tmp_path, *entries)
    assert [order.source for order in here.orders] == ["npm:a"]
    elsewhere = plan(tmp_path, *entries, overrides=[("platforms.darwin-arm64.runner", "external")])
    assert {order.source for order in elsewhere.orders} == {"homebrew:jq", "npm:a"}


def test_a_native_generator_that_does_not_exist_is_refused(tmp_path):
    """Asking for one that is not written yet is an error, not an empty run."""
    written = {name: 1 for name in ECOSYSTEMS if name != "github"}
    overrides = [("ecosystems.github.generator", "native")]
    with pytest.raises(BadInput, match="there is no native generator for 'github'"):
        plan(tmp_path, entry("npm:a"), overrides=overrides, revisions=written)


def test_each_ecosystem_has_a_group_even_without_packages(tmp_path):
    """So that `doit generate:cargo` is an empty selection and not an unknown name."""
    made = plan(tmp_path, entry("npm:a"))
    groups = {task.name for task in generate_tasks(made) if task.action is None}
    assert groups == {"generate", *(f"generate:{name}" for name in made.config.ecosystems)}


def test_task_names_and_files_belong_to_one_package_each(tmp_path):
    """No two tasks share a name or a target, whatever the identifiers look like."""
    names = ["@scope/a", "scope-a", "Scope.A", "a/b", "a.b", "a~2fb", "--help", "n" * 200]
    entries = [entry(f"npm:{name}", name=f"t{i}") for i, name in enumerate(names) if not name.startswith("-")]
    made = plan(tmp_path, *entries)
    tasks = [*snapshot_tasks(made), *generate_tasks(made), *validate_tasks(made), *payload_tasks(made)]
    assert len({task.name for task in tasks}) == len(tasks)
    targets = [target.lower() for task in tasks for target in (*task.targets, *task.also_cleaned)]
    assert len(set(targets)) == len(targets)


def test_a_result_is_fresh_when_it_is_final_untouched_and_from_the_same_inputs(tmp_path):
    """doit asks this object; what it kept of the last run comes as `values`."""
    file = tmp_path / "record.json"
    file.write_text("made")
    fresh = Fresh("d1", (str(file),))
    kept = {"digest": "d1", "final": True, "files": [stamp(str(file))]}
    assert fresh(None, kept)
    assert not fresh(None, {**kept, "final": False})
    assert not fresh(None, {**kept, "digest": "d2"})
    assert not fresh(None, {})
    file.write_text("brought from elsewhere")
    assert not fresh(None, kept)
