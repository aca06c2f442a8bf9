"""A batch made again from its recorded answers: the same bytes, or the reason why not."""

import json

import msgspec
import pytest

from pipeline.digests import sha256
from pipeline.ecosystems.base import Draft
from pipeline.errors import BadInput, EmptySelection, PipelineError, UnknownName
from pipeline.model import BatchState, LedgerFile
from pipeline.provenance.answers import place
from pipeline.provenance.replay import Ending, replay
from pipeline.state.ledger import Ledger
from pipeline.store import write_bytes
from tests.builders_ledger import ledger_entry
from tests.ecosystems.samples import REGISTRY, all_samples
from tests.provenance.lab import BATCH, Lab

SAMPLES = all_samples()
DRAFTED = {key: sample for key, sample in SAMPLES.items() if isinstance(sample.make(), Draft)}
TOOL = SAMPLES["npm-string-bin"]
OTHER = SAMPLES["pypi-console-scripts"]

# No answer comes from anywhere but the store.
pytestmark = pytest.mark.usefixtures("socket_disabled")


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def endings(lab):
    return {each.source: each.ending for each in replay(lab.paths, BATCH)}


def only(lab):
    """Return what came of the one recipe."""
    (replayed,) = replay(lab.paths, BATCH)
    return replayed


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("key", DRAFTED)
def test_each_kind_of_package_comes_out_the_same(lab, key, ranges):
    """Of every ecosystem, whether the file host knew ranges or not, limits and verify command included."""
    lab.leave(DRAFTED[key], ranges=ranges)
    assert endings(lab) == {DRAFTED[key].order.source: Ending.SAME}


def test_a_recipe_that_was_replaced_is_merged_again(lab):
    """The words of the recipe's author are in the outcome, from what is in use or, later, from what is kept of it."""
    path = lab.make(TOOL).record.recipe_path
    old = lab.makings[TOOL.order.source].recipe.replace(b"[verify]", b"# checked by hand\n[verify]")
    old = old.replace(b"--version", b"--help")
    write_bytes(lab.paths.recipe(path), old)
    lab.leave(TOOL)
    assert b"checked by hand" in lab.makings[TOOL.order.source].recipe
    assert only(lab).ending is Ending.SAME
    lab.paths.recipe(path).unlink()
    write_bytes(lab.paths.replaced(sha256(old)), old)
    assert only(lab).ending is Ending.SAME
    lab.paths.replaced(sha256(old)).unlink()
    gone = only(lab)
    assert (gone.ending, sha256(old) in gone.reason) == (Ending.NOT_REPLAYED, True)


def test_a_registry_with_a_password_is_asked_for_again_without(lab):
    """What opens the registry is in no statement, and not needed."""
    secret = REGISTRY.replace("https://", "https://me:word@")
    sample = type(TOOL).__new__(type(TOOL))
    sample.__dict__.update(TOOL.__dict__)
    sample.pages = {url.replace("https://", "https://me:word@"): content for url, content in TOOL.pages.items()}
    lab.leave(sample, registry=secret)
    assert only(lab).ending is Ending.SAME
    written = b"".join(content for content, _ in lab.files().values())
    assert b"word" not in written


def test_nothing_is_written(lab):
    """No file changes, none is added, whatever comes out."""
    lab.leave(TOOL, OTHER)
    place(lab.paths.answers_folder, lab.makings[OTHER.order.source].outcome.inputs[0].sha256).unlink()
    before = lab.files()
    assert set(endings(lab).values()) == {Ending.SAME, Ending.NOT_REPLAYED}
    assert lab.files() == before


def answers_of(lab, sample):
    return [each.sha256 for each in lab.makings[sample.order.source].outcome.inputs]


def test_an_answer_that_is_gone_is_named(lab):
    """With its digest; the others of the batch are made all the same."""
    lab.leave(TOOL, OTHER)
    digest = answers_of(lab, OTHER)[0]
    place(lab.paths.answers_folder, digest).unlink()
    found = {each.source: each for each in replay(lab.paths, BATCH)}
    assert found[TOOL.order.source].ending is Ending.SAME
    assert found[OTHER.order.source].ending is Ending.NOT_REPLAYED
    assert f"the answer {digest} of " in found[OTHER.order.source].reason
    assert found[OTHER.order.source].reason.endswith("is not kept here")


def test_a_flipped_byte_is_no_answer(lab):
    """Bytes that are not those of the digest are never made a recipe of."""
    lab.leave(TOOL)
    path = place(lab.paths.answers_folder, answers_of(lab, TOOL)[0])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    replayed = only(lab)
    assert (replayed.ending, replayed.reason.endswith("is damaged")) == (Ending.NOT_REPLAYED, True)


def told(lab, *samples, change):
    """Keep the statements of a published batch, with one line changed; return their file."""
    payload = lab.leave(*samples)
    lines = [json.loads(line) for each in lab.makings.values() for line in lab.bundle(each).splitlines()]
    change(lines)
    Ledger(lab.paths).append(
        ledger_entry(
            batch_id=BATCH,
            state=BatchState.PUBLISHED,
            files=[
                LedgerFile(source=source, path=file.path, sha256=file.sha256)
                for source, file in zip(payload.included, payload.files, strict=True)
            ],
        )
    )
    return lab.keep(*(json.dumps(line).encode() + b"\n" for line in lines))


def definition(lines):
    return lines[0]["predicate"]["buildDefinition"]


def test_a_published_batch_needs_no_payload(lab):
    """Its statements are kept as long as the ledger; the payload goes with the next batch."""
    told(lab, TOOL, OTHER, change=lambda lines: None)
    lab.paths.payload.unlink()
    assert set(endings(lab).values()) == {Ending.SAME}


def test_another_revision_of_the_generator_is_named(lab):
    """It may rightly make another recipe, so nothing is said of this one."""
    told(lab, TOOL, change=lambda lines: definition(lines)["internalParameters"].update(generatorRevision=99))
    replayed = only(lab)
    assert replayed.ending is Ending.NOT_REPLAYED
    assert replayed.reason == "revision 99 of the npm generator made it, here is revision 1"


def test_a_generator_that_is_not_here_is_named(lab):
    """Such as one of a later version."""
    told(lab, TOOL, change=lambda lines: definition(lines)["externalParameters"].update(source="conda:tool"))
    assert only(lab).reason == "there is no generator of conda here"


def test_a_program_of_the_users_cannot_be_replayed(lab):
    """It asked the registry by itself."""
    told(lab, TOOL, change=lambda lines: definition(lines)["externalParameters"].update(registry=""))
    assert (only(lab).ending, only(lab).reason) == (
        Ending.NOT_REPLAYED,
        "its generator, a program of its own, noted no answers",
    )


def test_a_request_that_was_not_made_then_is_a_difference(lab):
    """The code asks for something else without a new revision."""
    told(lab, TOOL, change=lambda lines: definition(lines).update(resolvedDependencies=[]))
    replayed = only(lab)
    assert replayed.ending is Ending.DIFFERENT
    assert replayed.reason.startswith(f"it asks for {REGISTRY}/")


def test_other_bytes_are_shown_with_what_differs(lab):
    """In a few lines, each cut."""

    def described(lines):
        definition(lines)["externalParameters"]["name"] = "other"

    told(lab, TOOL, change=described)
    assert (only(lab).ending, only(lab).reason) == (Ending.DIFFERENT, "it would be recipes/o/other.toml")

    def measured(lines):
        for each in lines[1]["predicate"]["configuration"]:
            if each["name"] == "verify":
                each["annotations"]["checks"][0]["pattern"] = "v{version}"

    told(lab, TOOL, change=measured)
    replayed = only(lab)
    assert replayed.ending is Ending.DIFFERENT
    assert '-pattern = "{version}"' in replayed.difference
    assert '+pattern = "v{version}"' in replayed.difference


def test_what_the_ledger_knows_and_no_statement_tells_is_named(lab):
    """Each recipe of the batch has its line in the answer."""
    kept = told(lab, TOOL, OTHER, change=lambda lines: None)
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join(lines[:2]))
    found = {each.path: each for each in replay(lab.paths, BATCH)}
    missing = found[lab.makings[OTHER.order.source].record.recipe_path]
    assert (missing.ending, missing.reason) == (Ending.NOT_REPLAYED, "no statement of it is kept here")


def test_a_statement_about_other_bytes_than_the_ledger_is_not_believed(lab):
    """Whoever changes both statements has not changed the ledger."""

    def swapped(lines):
        for line in lines:
            line["subject"][0]["digest"]["sha256"] = "0" * 64

    told(lab, TOOL, change=swapped)
    assert only(lab).reason == f"the statement is about other bytes, {'0' * 64}"


def climb(lines):
    for line in lines:
        line["subject"][0]["name"] = "recipes/../../etc/passwd.toml"


def swell(lines):
    definition(lines)["resolvedDependencies"][0]["annotations"]["size"] = 10**30


def escape(lines):
    definition(lines)["resolvedDependencies"][0]["digest"]["sha256"] = "../../../../etc/passwd"


def scatter(lines):
    lines[1]["predicate"]["configuration"][2].update(name="../x", uri="urn:recipeline:platform:../x")


def shell(lines):
    for each in lines[1]["predicate"]["configuration"]:
        if each["name"] == "verify":
            each["annotations"]["checks"][0]["command"] = "x; rm -rf /"


def part(lines):
    lines[1]["subject"][0]["digest"]["sha256"] = "0" * 64


HOSTILE = {
    "a path that leaves": (climb, "subject"),
    "a size that is none": (swell, "the annotations of answer"),
    "a digest that is a path": (escape, "the digest of answer"),
    "a platform that is a path": (scatter, "is no platform"),
    "a verify command with a shell in it": (shell, "the annotations of verify"),
    "two subjects": (lambda lines: lines[0]["subject"].append(lines[0]["subject"][0]), "line 1"),
    "an identifier that is a path": (
        lambda lines: definition(lines)["externalParameters"].update(source="npm:../../x"),
        "line 1",
    ),
    "a time of no calendar": (
        lambda lines: lines[0]["predicate"]["runDetails"]["metadata"].update(startedOn="2026-02-31T00:00:00Z"),
        "/predicate/runDetails/metadata/startedOn",
    ),
    "another predicate": (lambda lines: lines[0].update(predicateType="https://x.example/v1"), "/predicateType"),
    "another statement": (lambda lines: lines[0].update(_type="https://x.example/v1"), "line 1"),
    "another build": (lambda lines: definition(lines).update(buildType="urn:x"), "line 1"),
    "one statement twice": (lambda lines: lines.append(lines[0]), "has such a statement already"),
    "one statement alone": (lambda lines: lines.pop(), "one of the two statements of"),
    "statements that part": (part, "it is about other bytes of"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_statement_that_doit_did_not_write_is_refused(lab, name):
    """In one line that names the file, its line and the rule; nothing is made of it."""
    change, rule = HOSTILE[name]
    kept = told(lab, TOOL, change=change)
    with pytest.raises(BadInput, match=rule) as caught:
        replay(lab.paths, BATCH)
    assert str(kept) in caught.value.line()
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("line", [b"{", b"[]", b"null", b"\xff", b'{"predicateType": 1}', b"[" * 100_000])
def test_a_line_that_is_no_statement_is_refused(lab, line):
    """With its number."""
    kept = told(lab, TOOL, change=lambda lines: None)
    kept.write_bytes(kept.read_bytes() + line + b"\n")
    with pytest.raises(BadInput, match="line 3"):
        replay(lab.paths, BATCH)


def test_two_answers_at_one_address_are_not_chosen_between(lab):
    """A statement that has them was not written by a recorder."""

    def doubled(lines):
        found = definition(lines)["resolvedDependencies"]
        found.append({**found[0], "digest": {"sha256": "0" * 64}})

    told(lab, TOOL, change=doubled)
    assert (only(lab).ending, only(lab).reason) == (Ending.NOT_REPLAYED, "two of its answers have one address")


def test_a_payload_whose_statements_were_changed_is_refused(lab):
    """The payload names their digest."""
    payload = lab.leave(TOOL)
    place_ = lab.paths.statements(payload.files[0].path)
    place_.write_bytes(place_.read_bytes() + b"\n")
    with pytest.raises(PipelineError, match="it was changed after it was written"):
        replay(lab.paths, BATCH)


@pytest.mark.parametrize("asked", ["2026-03-14-mixed-002", "../../etc/passwd", "", "x" * 10_000])
def test_a_batch_that_is_not_known_is_named_with_the_nearest(lab, asked):
    """What is typed is never a path."""
    lab.leave(TOOL)
    with pytest.raises(UnknownName) as caught:
        replay(lab.paths, asked)
    assert len(caught.value.line()) < 300
    assert (BATCH in caught.value.remedy) == (asked == "2026-03-14-mixed-002")


def test_a_batch_without_recipes_has_nothing_to_replay(lab):
    """That is no failure of the replay, and told apart from one."""
    Ledger(lab.paths).append(ledger_entry(batch_id=BATCH, state=BatchState.MERGED, files=[]))
    with pytest.raises(EmptySelection, match="has no recipes"):
        replay(lab.paths, BATCH)


def test_statements_with_fields_of_others_are_read(lab):
    """The standards let anybody add fields, which readers ignore."""

    def more(lines):
        lines[0]["other_field"] = {"a": 1}
        definition(lines)["resolvedDependencies"][0]["annotations"]["other_note"] = 1

    told(lab, TOOL, change=more)
    assert only(lab).ending is Ending.SAME


def test_the_answer_is_one_document(lab):
    """What `--json` prints can be read by a program."""
    lab.leave(TOOL)
    document = msgspec.to_builtins(replay(lab.paths, BATCH))
    assert document[0]["ending"] == "same"
