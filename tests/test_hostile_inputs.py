"""Files that people write, as an enemy would write them: one line says what is wrong, and nothing is taken for it."""

import os

import pytest

from pipeline.errors import PipelineError
from pipeline.model import Batch
from pipeline.settings import load_config, load_control, load_queue
from pipeline.state.ledger import Ledger
from pipeline.store import Paths, read_bytes, read_result

HEAD = "schema_version: 1\n"
ECOSYSTEMS = ("npm", "pypi")


@pytest.fixture
def paths(tmp_path):
    """An empty root."""
    (tmp_path / "data/queues").mkdir(parents=True)
    return Paths(tmp_path)


def refused(call):
    """Return the one line that a person sees."""
    with pytest.raises(PipelineError) as caught:
        call()
    line = caught.value.line()
    assert line.isprintable()
    assert len(line) < 600
    assert "; remedy: " in line
    return line


@pytest.mark.parametrize("name", ["batch-control.json", "pipeline.yaml"])
@pytest.mark.parametrize("target", ["nowhere", "batch-control.json", "pipeline.yaml"])
def test_a_link_that_leads_nowhere_is_not_a_missing_file(paths, name, target):
    """A switch that cannot be read must not be taken for one that says `enabled`."""
    (paths.root / name).symlink_to(target if target == "nowhere" else name)
    assert name in refused(lambda: load_control(paths, ECOSYSTEMS) if name.endswith("json") else load_config(paths, []))


def test_a_pipe_is_not_waited_for(tmp_path):
    """A named pipe without a writer would be waited for for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refused(lambda: read_bytes(tmp_path / "pipe", purpose="queue"))
    assert read_result(tmp_path / "pipe", Batch) is None


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/"])
def test_a_device_or_folder_is_not_read(tmp_path, device):
    """A device would be read until the memory is full."""
    (tmp_path / "it").symlink_to(device)
    assert "no regular file" in refused(lambda: read_bytes(tmp_path / "it", purpose="queue"))
    assert read_result(tmp_path / "it", Batch) is None


def test_a_file_of_a_gigabyte_is_not_read(tmp_path):
    """The size is looked at before the first byte is read."""
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1 << 30)
    assert "bytes are more than" in refused(lambda: read_bytes(tmp_path / "big", purpose="queue"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x: " + "[" * 100_000 + "]" * 100_000, "nested deeper than"),
        ("a: &a [x]\nb: [*a, *a]", "aliases are not read"),
        ("batch: {size: 0x" + "f" * 5_000 + "}", "too many digits"),
        ("network: {timeout_seconds: .inf}", "/network/timeout_seconds: must be at most"),
        ("network: {timeout_seconds: 1.0e+300}", "/network/timeout_seconds: must be at most"),
        ("ecosystems: {npm: {requests_per_second: 1.0e-300}}", "requests_per_second: must be at least"),
        ("validation: {verify: {memory_mb: 1000000000000}}", "/validation/verify/memory_mb: must be at most"),
        ("payload: {branch_prefix: a/../b}", "/payload/branch_prefix"),
        ("payload: {branch_prefix: a.lock/}", "/payload/branch_prefix"),
        ('payload: {labels: ["a\\e[31m"]}', "/payload/labels/0"),
        ("batch: {ecosystems: [nmp]}", "did you mean 'npm'?"),
        (f"? {'k' * 5_000}\n: 1", "unknown key"),
    ],
    ids=lambda value: value[:30],
)
def test_a_configuration_that_would_harm_the_run_is_refused(paths, text, why):
    """Deep nesting crashes libyaml, aliases grow without end, and the system takes no endless time-out."""
    paths.config.write_text(HEAD + text)
    assert why in refused(lambda: load_config(paths, []))


@pytest.mark.parametrize("key", ["." * 5_000, "a" * 5_000, "a.\udcff", ""])
def test_an_override_with_an_odd_key_is_refused(paths, key):
    """What the command line may hold: bytes that are no text, thousands of dots."""
    assert "command line" in refused(lambda: load_config(paths, [(key, "1")]))


def test_an_override_that_is_no_text_is_refused(paths):
    """Bytes of the command line that are no UTF-8 come as lone surrogates."""
    assert "is not YAML" in refused(lambda: load_config(paths, [("batch.size", "\udcff")]))


@pytest.mark.parametrize("queue", ["a\0b", "loop", "data", "a" * 300])
def test_a_queue_that_is_no_file_is_refused(paths, queue):
    """A null byte, a loop of links, a folder, a name that no file system takes."""
    (paths.root / "loop").symlink_to("loop")
    config = load_config(paths, [])
    refused(
        lambda: load_queue(
            paths, type(config)(**{f: getattr(config, f) for f in config.__struct_fields__} | {"queue": queue})
        )
    )


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"circuit_breaker": {"npm": {"sate": "open"}}}', "/circuit_breaker/npm/sate"),
        ('{"budget": {"sampling_activ": true}}', "/budget/sampling_activ"),
        ('{"disabled_ecosystems": ["nmp"]}', "/disabled_ecosystems/0"),
        ('{"foo": "\udcff"}', "is not JSON"),
        ('{"foo": %s}' % ("9" * 6_000), "is not JSON"),
        ('{"foo": ' + "[" * 900_000 + "]" * 900_000 + "}", "is not JSON"),
    ],
    ids=lambda value: value[:30],
)
def test_a_switch_that_would_not_work_is_refused(paths, text, pointer):
    """A mistyped switch, also one level down, must not leave the pipeline running."""
    paths.control.write_bytes(text.encode(errors="surrogateescape"))
    assert pointer in refused(lambda: load_control(paths, ECOSYSTEMS))


def test_a_damaged_ledger_keeps_what_can_be_read(tmp_path):
    """A torn, deep or foreign line is no entry; ids are only those that a batch can have."""
    ledger = Paths(tmp_path).ledger
    ledger.parent.mkdir()
    lines = [
        b'{"batch_id": "2026-01-01-npm-001"}',
        b'{"batch_id": "2026-01-01-npm-x"}',
        b'{"batch_id": "2026-01-01-npm-' + b"9" * 5_000 + b'"}',
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b'{"batch_id": "2026-01-01-np',
    ]
    ledger.write_bytes(b"\n".join(lines))
    assert Ledger(Paths(tmp_path)).ids == ("2026-01-01-npm-001",)


def test_a_ledger_that_cannot_be_read_stops_the_run(tmp_path):
    """Taken for an empty one, it would hand out the id of a published batch again."""
    Paths(tmp_path).ledger.mkdir(parents=True)
    assert "ledger" in refused(lambda: Ledger(Paths(tmp_path)))
