"""The records of a batch become lines of the journal: tries, runs, and one conclusion for each package."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history.attempts import attempts_of, tail
from pipeline.history.fingerprint import fingerprint
from pipeline.history.memory import identity
from pipeline.model import (
    MESSAGE_TAIL,
    STOOD_IN,
    Attempt,
    AttemptOutcome,
    Category,
    EarlierTry,
    Excluded,
    Failed,
    Gate,
    Generated,
    Held,
    Outcome,
    OutcomeRecord,
    Payload,
    PhaseResult,
    Skipped,
    Stage,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
)
from pipeline.payload import auto_merge
from tests.builders_payload import HOST, batch, evidence, left_out, merged
from tests.builders_recipe import recipe

SOURCE = "npm:tool"
UPSTREAM = "a" * 64
MADE_AT, RUN_AT, PUBLISHED_AT = "2026-03-02T12:01:00Z", "2026-03-02T12:02:00Z", "2026-03-02T13:00:00Z"
A, S, V = AttemptOutcome, Subcategory, VerdictStatus
GENERATED = Generated(recipe=recipe("tool"), recipe_sha256="b" * 64, evidence=evidence(upstream=UPSTREAM))
SKIPPED = Skipped(subcategory=S.NO_EXECUTABLES, message="installs no executable", upstream=UPSTREAM)
BLOCKED = Skipped(subcategory=S.MISSING_RECIPE, message="needs gcc", blocked_by=["gcc"], upstream=UPSTREAM)
REFUSED = Failed(category=Category.NETWORK_ERROR, subcategory=S.UPSTREAM_REFUSED, transient=False, message="status 403")
AWAY = Failed(category=Category.NETWORK_ERROR, subcategory=S.TIMEOUT, transient=True, message="no answer for 30 s")
HELD = Held(gate=Gate.ECOSYSTEM_DISABLED, message="npm is disabled")


def outcome(answer: Outcome, **fields: Any) -> OutcomeRecord:
    given_fields = {"source": SOURCE, "name": "tool", "made_from": "c" * 64, "at": MADE_AT, "seconds": 1.5}
    return OutcomeRecord(outcome=answer, **{**given_fields, **fields})


def verdict(status: VerdictStatus, cause: Subcategory | None = None, **fields: Any) -> Verdict:
    measured = status in {V.VALIDATED, V.VALIDATED_EMULATED, V.FAILED, V.INFRA_ERROR}
    given_fields: dict[str, Any] = {
        "source": SOURCE,
        "version": "3.4.2",
        "platform": HOST,
        "recipe_sha256": "b" * 64,
        "made_from": "d" * 64,
        "tier": Tier.NATIVE if measured else Tier.NONE,
        "subcategory": cause,
        "reason": "why",
        "phases": [PhaseResult(name="fetch", wall_s=2.25, network=True, exit_code=0)] if measured else [],
        "at": RUN_AT,
    }
    return Verdict(status=status, **{**given_fields, **fields})


def phase(name: str, output: str = "", **fields: Any) -> PhaseResult:
    return PhaseResult(name=name, wall_s=1, network=False, output_tail=output, **fields)


def lines_of(
    answer: Outcome | None,
    *verdicts: Verdict,
    reason: str = "no_real_pass: why",
    after: str | None = None,
    **fields: Any,
) -> list[Attempt]:
    """Return the lines of a batch of one package; it is in the pull request when `reason` is ""."""
    record = [merged(SOURCE)] if not reason else [left_out(SOURCE, reason)]
    frozen = batch(SOURCE)
    payload = Payload(
        batch_id=frozen.id,
        branch="batch/x",
        title="Add",
        labels=[],
        body_file="body.md",
        commit_message_file="commit-message.txt",
        files=[],
        included=[] if reason else [SOURCE],
        excluded=[Excluded(source=SOURCE, reason=reason)] if reason else [],
        platforms={},
        auto_merge=auto_merge([]),
    )
    selected = [msgspec.structs.replace(each, after=after) for each in frozen.selected]
    return attempts_of(
        msgspec.structs.replace(frozen, selected=selected),
        {SOURCE: outcome(answer, **fields)} if answer is not None else {},
        {SOURCE: list(verdicts)},
        {SOURCE: record[0]},
        payload,
        {"npm": 4},
        "policy",
        PUBLISHED_AT,
    )


def conclusion(*args: Any, **fields: Any) -> Attempt:
    (end,) = [line for line in lines_of(*args, **fields) if line.stage is Stage.PAYLOAD]
    return end


PASS = verdict(V.VALIDATED)
FAIL = verdict(V.FAILED, S.VERIFY_ERROR)
FAIL_AWAY = verdict(V.FAILED, S.TIMEOUT)
INFRA = verdict(V.INFRA_ERROR, S.CONNECTION_ERROR)
AWAITED = verdict(V.NOT_RUN, S.NO_RESULT, platform="darwin-arm64")
NO_MONEY = verdict(V.NOT_RUN, S.OUT_OF_BUDGET)
ASKED = PhaseResult(name="external", wall_s=2, network=True, exit_code=8)
WAITING = verdict(V.FAILED, S.MISSING_RECIPE, tier=Tier.EXTERNAL, blocked_by=["zlib", "icu"], phases=[ASKED])
PREDICTED = verdict(V.PREDICTED_FAIL, tier=Tier.STATIC, platform="linux-alpine-musl-x86_64")


@pytest.mark.parametrize(
    ("answer", "verdicts", "reason", "expected", "cause"),
    [
        (GENERATED, [PASS], "", A.SUCCEEDED, None),
        (GENERATED, [PASS, FAIL], "", A.SUCCEEDED, None),
        (None, [], "no_record: why", A.DEFERRED, None),
        (HELD, [], "ecosystem_disabled: why", A.DEFERRED, None),
        (BLOCKED, [], "missing_recipe: why", A.BLOCKED, S.MISSING_RECIPE),
        (SKIPPED, [], "no_executables: why", A.FAILED, S.NO_EXECUTABLES),
        (REFUSED, [], "upstream_refused: why", A.FAILED, S.UPSTREAM_REFUSED),
        (AWAY, [], "timeout: why", A.TRANSIENT, S.TIMEOUT),
        (GENERATED, [], "no_real_pass: why", A.DEFERRED, None),
        (GENERATED, [AWAITED, NO_MONEY, PREDICTED], "no_result: why", A.DEFERRED, None),
        (GENERATED, [FAIL, AWAITED], "verify_error: why", A.FAILED, S.VERIFY_ERROR),
        (GENERATED, [FAIL, INFRA], "verify_error: why", A.FAILED, S.VERIFY_ERROR),
        (GENERATED, [FAIL_AWAY, FAIL], "verify_error: why", A.FAILED, S.VERIFY_ERROR),
        (GENERATED, [FAIL_AWAY, INFRA], "timeout: why", A.TRANSIENT, S.TIMEOUT),
        (GENERATED, [INFRA, AWAITED], "connection_error: why", A.TRANSIENT, S.CONNECTION_ERROR),
        (GENERATED, [WAITING], "missing_recipe: why", A.BLOCKED, S.MISSING_RECIPE),
        (GENERATED, [FAIL, WAITING], "verify_error: why", A.BLOCKED, S.MISSING_RECIPE),
        (GENERATED, [PASS, WAITING], "", A.SUCCEEDED, None),
        (GENERATED, [PASS], "name_taken: another package has it", A.FAILED, S.NOT_MERGEABLE),
        (GENERATED, [PASS, FAIL], "no_real_pass: why", A.FAILED, S.NOT_MERGEABLE),
        (GENERATED, [PASS], "name_collision: npm:other has it", A.DEFERRED, None),
        (GENERATED, [PASS], "digest_mismatch: not the one that was validated", A.DEFERRED, None),
    ],
)
def test_the_conclusion_follows_from_what_was_measured(answer, verdicts, reason, expected, cause):
    """Included, held, blocked, skipped, failed, awaited: each way through a batch has one end."""
    end = conclusion(answer, *verdicts, reason=reason)
    assert (end.outcome, end.subcategory) == (expected, cause)
    assert (end.at, end.batch_id, end.platform, end.attempt) == (PUBLISHED_AT, "2026-03-02-mixed-001", "", 1)


def test_a_failure_of_its_own_has_the_fingerprint_that_quarantine_compares():
    """Upstream, the generator's revision and the policy; nothing else has one."""
    for answer, verdicts in ((SKIPPED, []), (GENERATED, [FAIL])):
        end = conclusion(answer, *verdicts)
        assert (end.upstream, end.fingerprint) == (UPSTREAM, fingerprint(UPSTREAM, 4, "policy"))
    assert conclusion(GENERATED, INFRA).fingerprint is None
    assert conclusion(BLOCKED).fingerprint is None
    assert conclusion(REFUSED).fingerprint == fingerprint(None, 4, "policy")


def test_a_blocked_package_names_its_blockers():
    """They are what it waits for."""
    assert conclusion(BLOCKED).blocked_by == ["gcc"]


def test_what_a_validator_misses_blocks_the_package():
    """Each name once, from all platforms; the line of each run names its own."""
    elsewhere = msgspec.structs.replace(WAITING, platform="darwin-arm64", blocked_by=["icu", "openssl"])
    lines = lines_of(GENERATED, WAITING, elsewhere, reason="missing_recipe: why")
    assert [(line.stage, line.outcome, line.blocked_by) for line in lines[1:]] == [
        (Stage.VALIDATE, A.BLOCKED, ["zlib", "icu"]),
        (Stage.VALIDATE, A.BLOCKED, ["icu", "openssl"]),
        (Stage.PAYLOAD, A.BLOCKED, ["zlib", "icu", "openssl"]),
    ]
    assert {line.exit_code for line in lines[1:]} == {8}


@pytest.mark.parametrize("answer", [SKIPPED, BLOCKED, REFUSED, AWAY])
def test_the_exit_code_of_a_generator_is_told(answer):
    """Of the try, and of the package's way through the batch."""
    assert {line.exit_code for line in lines_of(answer)} == {None}
    assert {line.exit_code for line in lines_of(msgspec.structs.replace(answer, exit_code=9))} == {9}


def test_without_blockers_a_missing_recipe_is_a_failure():
    """Nobody could ever set it free."""
    alone = msgspec.structs.replace(BLOCKED, blocked_by=[])
    assert conclusion(alone).outcome is A.FAILED


@pytest.mark.parametrize("awaited", [AWAITED, NO_MONEY, PREDICTED, verdict(V.UNKNOWN)])
def test_what_was_not_run_is_no_attempt(awaited):
    """Predictions and awaited results cost no minutes and are no lines."""
    assert [line.stage for line in lines_of(GENERATED, awaited)] == [Stage.GENERATE, Stage.PAYLOAD]


def test_each_run_of_a_recipe_is_a_line_with_its_cost_and_cause():
    """The budget adds up these seconds; `why` shows the exit code and the end of the output."""
    failing = phase("verify", "first line\nTypeError: cannot read\x07 of undefined", exit_code=1)
    done = verdict(V.FAILED, S.VERIFY_ERROR, phases=[phase("fetch", "added 3 packages", exit_code=0), failing])
    generated, ran, _ = lines_of(GENERATED, done)
    assert (generated.outcome, generated.seconds, generated.at) == (A.SUCCEEDED, 1.5, MADE_AT)
    assert (ran.stage, ran.platform, ran.outcome, ran.seconds) == (Stage.VALIDATE, HOST, A.FAILED, 2)
    assert (ran.category, ran.subcategory, ran.exit_code) == (Category.VERIFY_FAILED, S.VERIFY_ERROR, 1)
    assert ran.message == "why | first line TypeError: cannot read of undefined"


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ([phase("fetch", exit_code=0)], None),
        ([phase("fetch", exit_code=7), phase("fetch-online", exit_code=0), phase("verify", exit_code=2)], 2),
        ([phase("verify", exit_code=None, signal=9)], 137),
        ([phase("verify", exit_code=None, timed_out=True)], None),
        ([], None),
    ],
)
def test_the_exit_code_is_that_of_the_phase_that_failed(phases, expected):
    """A phase that was tried again in another way is not the cause; a signal counts as in a shell."""
    assert lines_of(GENERATED, verdict(V.FAILED, S.VERIFY_ERROR, phases=phases))[1].exit_code == expected


def earlier(minute: int, cause: Subcategory = S.TIMEOUT) -> EarlierTry:
    return EarlierTry(
        at=f"2026-03-02T11:{minute:02}:00Z", seconds=3, category=Category.NETWORK_ERROR, subcategory=cause, message="?"
    )


def test_tries_that_were_replaced_are_lines_of_their_own():
    """Numbered from the first on, also where the last word was not a try at all."""
    record = {"earlier": [earlier(1), earlier(2, S.BAD_METADATA)]}
    lines = lines_of(GENERATED, verdict(V.INFRA_ERROR, S.DNS_ERROR, earlier=[earlier(3)]), **record)
    assert [(line.stage, line.attempt, line.outcome) for line in lines] == [
        (Stage.GENERATE, 1, A.TRANSIENT),
        (Stage.GENERATE, 2, A.FAILED),
        (Stage.GENERATE, 3, A.SUCCEEDED),
        (Stage.VALIDATE, 1, A.TRANSIENT),
        (Stage.VALIDATE, 2, A.TRANSIENT),
        (Stage.PAYLOAD, 1, A.TRANSIENT),
    ]
    held = lines_of(HELD, verdict(V.NOT_RUN, S.NO_RESULT, earlier=[earlier(3)]), **record)
    assert [(line.stage, line.attempt) for line in held] == [
        (Stage.GENERATE, 1),
        (Stage.GENERATE, 2),
        (Stage.VALIDATE, 1),
        (Stage.PAYLOAD, 1),
    ]


def test_the_line_of_a_recipe_from_a_stored_answer_tells_that_nobody_answered():
    """Breakers that read it later learn what the run itself saw."""
    stored = msgspec.structs.replace(GENERATED, evidence=evidence(upstream=UPSTREAM, risks=[STOOD_IN]))
    line = lines_of(stored)[0]
    assert (line.stage, line.outcome, line.subcategory) == (Stage.GENERATE, A.SUCCEEDED, S.UPSTREAM_UNAVAILABLE)
    assert line.message == STOOD_IN


def test_what_an_earlier_batch_has_told_is_not_told_again():
    """A verdict from another machine that is used once more costs no minutes a second time, but it counts."""
    lines = lines_of(GENERATED, FAIL, after="2026-03-02T12:30:00Z", at="2026-03-02T12:45:00Z")
    assert [line.stage for line in lines] == [Stage.GENERATE, Stage.PAYLOAD]
    assert lines[-1].outcome is A.FAILED


def test_a_run_in_the_second_up_to_which_all_is_told_is_told_again():
    """Twice told is better than lost: nothing says which came first."""
    assert [line.stage for line in lines_of(GENERATED, FAIL, after=RUN_AT)] == [Stage.VALIDATE, Stage.PAYLOAD]


def test_a_time_that_no_calendar_has_becomes_that_of_the_publication():
    """A verdict may come from a machine with a broken clock; its line needs a month."""
    lines = lines_of(GENERATED, verdict(V.FAILED, S.VERIFY_ERROR, at="2026-02-30T12:00:00Z", tier=Tier.CI))
    assert {line.at for line in lines} == {MADE_AT, PUBLISHED_AT}


@given(
    st.sampled_from([GENERATED, SKIPPED, BLOCKED, REFUSED, AWAY, HELD, None]),
    st.lists(st.sampled_from([PASS, FAIL, FAIL_AWAY, INFRA, AWAITED, NO_MONEY, PREDICTED, WAITING]), max_size=4),
    st.sampled_from(["", "no_real_pass: why", "name_collision: why", "recipe_rule: why", "no colon at all"]),
)
def test_each_package_has_exactly_one_conclusion_whatever_was_recorded(answer, verdicts, reason):
    """And asked again, the lines are the same, each of another identity than the others."""
    by_platform = {each.platform: each for each in verdicts}
    lines = lines_of(answer, *by_platform.values(), reason=reason)
    assert [line.stage for line in lines].count(Stage.PAYLOAD) == 1
    assert lines == lines_of(answer, *by_platform.values(), reason=reason)
    assert len({identity(line) for line in lines}) == len(lines)
    for line in lines:
        assert msgspec.json.decode(msgspec.json.encode(line), type=Attempt) == line


@given(st.text(max_size=2_000), st.integers(min_value=2, max_value=MESSAGE_TAIL))
def test_a_message_keeps_its_end_on_one_printable_line(text, limit):
    """Causes stand at the end; the journal is read in terminals."""
    found = tail(text, limit)
    assert len(found) <= limit
    assert found.isprintable()
    assert tail(found, limit) == found
    assert tail(text).removeprefix("…").endswith(found.removeprefix("…"))


def test_a_message_of_any_length_keeps_reason_and_cause():
    """The reason comes first, and the output gets the room that is left."""
    failing = phase("verify", "x" * 3_000 + " the cause", exit_code=1)
    (message,) = {
        line.message
        for line in lines_of(GENERATED, verdict(V.FAILED, S.VERIFY_ERROR, phases=[failing]))
        if line.stage is Stage.VALIDATE
    }
    assert len(message) == MESSAGE_TAIL
    assert message.startswith("why | …xxx")
    assert message.endswith(" the cause")


def test_credentials_in_an_address_are_not_told():
    """The journal is published; what a client prints may hold the address with its password."""
    told = tail("GET https://user:secret@registry.example/x failed, proxy http://p@ss@proxy.example")
    assert told == "GET https://registry.example/x failed, proxy http://proxy.example"
