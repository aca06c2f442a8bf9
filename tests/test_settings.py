"""What people set is checked in full, and said in one line when it is wrong."""

import json

import pytest

from pipeline.errors import BadInput, PipelineError
from pipeline.settings import load_config, load_control, load_queue
from pipeline.store import SHIPPED, Paths

ECOSYSTEMS = ("npm", "pypi")
QUEUE = {
    "schema_version": 1,
    "updated_at": "2026-01-01T00:00:00Z",
    "entries": [
        {"name": "a", "source": "npm:a", "priority": 1, "status": "pending", "confidence": "curated"},
    ],
}


@pytest.fixture
def paths(tmp_path):
    """A root with a queue and nothing else."""
    (tmp_path / "data/queues").mkdir(parents=True)
    (tmp_path / "data/queues/priority-queue.json").write_text(json.dumps(QUEUE))
    return Paths(tmp_path)


def refused(call):
    """Return the line that a person sees; there is exactly one, without control characters."""
    with pytest.raises(PipelineError) as caught:
        call()
    line = caught.value.line()
    assert "\n" not in line
    assert line.isprintable()
    assert "; remedy: " in line
    return line


def test_a_root_without_settings_gets_the_shipped_ones(paths):
    """pipeline.yaml and batch-control.json are optional."""
    assert load_config(paths, []) == load_config(Paths(SHIPPED), [])
    assert load_control(paths, ECOSYSTEMS).enabled


def test_a_root_names_only_what_differs(paths):
    """The root's file is laid over the shipped one, key by key."""
    paths.config.write_text("batch: {size: 7}\necosystems: {npm: {requests_per_second: 3}}\n")
    config = load_config(paths, [])
    assert (config.batch.size, config.ecosystems["npm"].requests_per_second) == (7, 3)
    assert config.ecosystems["pypi"] == load_config(Paths(SHIPPED), []).ecosystems["pypi"]


def test_overrides_win_over_the_file(paths):
    """Any key, in dotted form."""
    paths.config.write_text("batch: {size: 7}\n")
    config = load_config(paths, [("batch.size", "9"), ("platforms.darwin-arm64.runner", "none")])
    assert config.batch.size == 9
    assert config.platforms["darwin-arm64"].runner == "none"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("batch.sise", "1", ["command line, batch.sise=1", "/batch", "unknown key 'sise'", "did you mean 'size'?"]),
        ("batch.size", "many", ["/batch/size", "must be of type integer, got many"]),
        ("batch.size", "0", ["/batch/size", "must be at least 1, got 0"]),
        ("ecosystems.nmp.requests_per_second", "1", ["unknown ecosystem 'nmp'", "did you mean 'npm'?"]),
        ("platforms.linux-debain.runner", "none", ["/platforms", "linux-debain", "did you mean"]),
        ("platforms.darwin-arm64.runner", "nativ", ["must be one of external, native", "did you mean 'native'?"]),
        ("batch", "5", ["/batch", "must be of type object, got 5"]),
        ("batch.size", "[1", ["did not find expected", "remedy"]),
        ("batch.size", "!!python/object/apply:os.system [id]", ["command line", "remedy"]),
        ("", "1", ["unknown key ''"]),
    ],
)
def test_a_wrong_override_names_itself_the_rule_and_the_nearest_key(paths, key, value, words):
    """One line: place, pointer, rule, remedy."""
    line = refused(lambda: load_config(paths, [(key, value)]))
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batch: {size: 1}\nbatch: {size: 2}\n", ["pipeline.yaml", "'batch' stands here a second time", "line 2"]),
        ("batch: [\n", ["pipeline.yaml", "line 2"]),
        ("- a\n", ["pipeline.yaml", "must be a mapping"]),
        ("", ["pipeline.yaml", "must be a mapping"]),
        ("batch: \x00\n", ["pipeline.yaml"]),
        ("a: &a [*a]\nbatch: *a\n", ["pipeline.yaml"]),
        ("queue: 5\n", ["/queue", "must be of type string, got 5"]),
        ("1: 2\n", ["pipeline.yaml", "unknown key '1'"]),
    ],
)
def test_a_wrong_file_is_named_with_its_place(paths, text, words):
    """A damaged or mistyped pipeline.yaml never half-applies."""
    paths.config.write_text(text)
    line = refused(lambda: load_config(paths, []))
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "gates: {release_age: {min_hours: 400}}",
            ["/gates/release_age/min_hours", "no release gets 400 h old before the deadline of 14 days", "or raise"],
        ),
        ("seeding: {bands: [50, 10]}", ["/seeding/bands", "the last rank of priority 1 (50)", "lower rank first"]),
        ('gates: {approved: {"nmp:x": [common_command]}}', ["/gates/approved/nmp:x", "did you mean 'npm'?"]),
        (
            'gates: {approved: {"npm:@a/b": [common_command, changed_bytes]}}',
            ["/gates/approved/npm:@a~1b/1", "the gate `changed_bytes` takes no approval", "`doit why`"],
        ),
        ('gates: {approved: {"npm:x": [yanked]}}', ["the gate `yanked` takes no approval"]),
        ("ecosystems: {npm: {registry: https://a.example}}", ["/ecosystems/npm/registry", "nothing reads this key"]),
        (
            "ecosystems: {go: {anonymous: [{host: https://a.example, authorization: Bearer x}]}}",
            ["/ecosystems/go/anonymous", "nothing reads this key"],
        ),
        ("ecosystems: {github: {registry: https://a..example}}", ["is not an http or https address"]),
        ("ecosystems: {github: {registry: 'https://[::1'}}", ["is not an http or https address"]),
        ("gates: {repository_host: https://a.example}", ["is not the name of a host in lower case"]),
    ],
)
def test_settings_that_do_not_go_together_are_refused(paths, text, words):
    """What would never be reached, or never be read, is told before the first run and not found out after weeks."""
    paths.config.write_text(text)
    line = refused(lambda: load_config(paths, []))
    for word in ("pipeline.yaml", *words):
        assert word in line


def test_keys_of_the_command_line_are_held_together_once_all_are_known(paths):
    """A higher age may be wanted with a later deadline, in any order."""
    keys = [("gates.release_age.min_hours", "400"), ("gates.release_age.deadline_days", "30")]
    assert load_config(paths, keys).gates.release_age.min_hours == 400
    assert "/gates/release_age/min_hours" in refused(lambda: load_config(paths, keys[:1]))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ecosystems.github.registry", "https://user:hidden@a.example"),
        ("provenance.builder", "https://user:hidden@a.example/x"),
        ("gates.repository_files", "https://user:hidden@a.example/{repository}/{file}"),
        ("ecosystems.homebrew.anonymous", "[{host: 'https://user:hidden@a.example', authorization: Bearer x}]"),
        ("ecosystems.npm.generator", "https://user:hidden@a.example"),
    ],
)
def test_an_address_with_a_password_is_refused_and_not_repeated(paths, key, value):
    """What is refused stands in the logs of whoever runs it, and a builder in every statement."""
    line = refused(lambda: load_config(paths, [(key, value)]))
    assert "***@a.example" in line
    assert "hidden" not in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"enabled": "no"}', ["/enabled", "must be of type boolean, got no"]),
        ('{"enabeld": false}', ["unknown key 'enabeld'", "rename it to 'enabled'"]),
        ('{"enabled": false, "enabled": true}', ["'enabled' stands in one object twice"]),
        ('{"enabled": fal', ["is not JSON"]),
        ('{"circuit_breaker": {"npm": {"state": "opne"}}}', ["/circuit_breaker/npm/state", "did you mean 'open'?"]),
        ("[]", ["must be of type object"]),
    ],
)
def test_a_control_file_that_says_something_else_is_refused(paths, content, words):
    """A switch with a typing error must not leave the pipeline running."""
    paths.control.write_text(content)
    line = refused(lambda: load_control(paths, ECOSYSTEMS))
    for word in words:
        assert word in line


def test_a_control_file_may_hold_keys_of_others(paths):
    """Unknown keys that look like none of ours are left to their owner."""
    paths.control.write_text('{"enabled": false, "team_notes": "x", "circuit_breaker": {"npm": {"next": 1}}}')
    assert load_control(paths, ECOSYSTEMS).enabled is False


def with_entry(**fields):
    """Return the queue's JSON with some fields of its entry replaced."""
    return json.dumps({**QUEUE, "entries": [{**QUEUE["entries"][0], **fields}]})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (with_entry(source="npm:../../etc/passwd"), ["/entries/0/source", "npm:../../etc/passwd is not a source"]),
        (with_entry(source="npm:a;rm -rf ~"), ["/entries/0/source"]),
        (with_entry(source="npm:a\nb"), ["/entries/0/source", "\\n"]),
        (with_entry(source="npm:" + "a" * 300), ["/entries/0/source", "at most 214"]),
        (with_entry(name="x" * 300), ["/entries/0/name"]),
        (with_entry(name="\u202egnp"), ["/entries/0/name"]),
        (with_entry(priority=4), ["/entries/0/priority", "must be at most 3, got 4"]),
        (with_entry(priority=True), ["/entries/0/priority"]),
        (with_entry(status="pendign"), ["/entries/0/status", "did you mean 'pending'?"]),
        (with_entry(next_retry_at="yesterday"), ["/entries/0/next_retry_at"]),
        (with_entry(next_retry_at="2026-13-45T00:00:00Z"), ["/entries/0/next_retry_at"]),
        (with_entry(next_retry_at="2026-02-30T00:00:00Z"), ["/entries/0/next_retry_at", "is no date"]),
        (with_entry(pirority=1), ["/entries/0", "unknown key 'pirority'", "did you mean 'priority'?"]),
        ('{"schema_version": 2, "updated_at": "2026-01-01T00:00:00Z", "entries": []}', ["/schema_version"]),
        ('{"schema_version": 1}', ["the key 'updated_at' is missing"]),
        ("<html>", ["is not JSON"]),
        ("", ["is not JSON"]),
        ("[" * 100_000, ["is not JSON"]),
        ('"\\ud800"', ["priority-queue.json"]),
    ],
)
def test_a_hostile_queue_is_refused_with_pointer_rule_and_remedy(paths, content, words):
    """Names with `../`, `;`, newlines, 300 characters; wrong types; no JSON at all."""
    path = paths.root / "data/queues/priority-queue.json"
    path.write_text(content)
    line = refused(lambda: load_queue(paths, load_config(paths, [])))
    assert "priority-queue.json" in line
    for word in words:
        assert word in line


def test_bytes_that_are_no_text_are_refused(paths):
    """A queue in another encoding is named, not guessed at."""
    (paths.root / "data/queues/priority-queue.json").write_bytes(b'{"schema_version": 1, "x": "\xff"}')
    assert "priority-queue.json" in refused(lambda: load_queue(paths, load_config(paths, [])))


def test_a_missing_queue_is_an_error_with_its_path(paths):
    """The queue is the one input that has no default."""
    (paths.root / "data/queues/priority-queue.json").unlink()
    assert "the queue is missing" in refused(lambda: load_queue(paths, load_config(paths, [])))


def test_the_queue_stays_below_the_root(paths):
    """`queue` is no way to read other files."""
    with pytest.raises(PipelineError, match="outside"):
        load_queue(paths, load_config(paths, [("queue", "../../etc/passwd")]))


def test_a_defect_is_a_bad_input(paths):
    """The exit code tells bad input from other errors."""
    with pytest.raises(BadInput) as caught:
        load_config(paths, [("batch.size", "0")])
    assert caught.value.exit_code == 4
    assert caught.value.defect.pointer == "/batch/size"


@pytest.mark.parametrize("word", [".nan", ".NaN", ".NAN"])
def test_a_number_that_is_none_is_told_with_its_place(tmp_path, word):
    """Every bound of a schema holds of `.nan`, so it is refused where it is read."""
    (tmp_path / "pipeline.yaml").write_text(f"budget:\n  sample_at: {word}\n")
    with pytest.raises(BadInput) as caught:
        load_config(Paths(tmp_path), [])
    assert f"{word} is no number (line 2, column 14)" in caught.value.line()
    with pytest.raises(BadInput, match="is no number"):
        load_config(Paths(SHIPPED), [("budget.sample_at", word)])
