"""`doit why`: every gate that a package meets, in order, with what would open it."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from pipeline.admission.admit import OPEN
from pipeline.build_records import MESSAGE_WIDTH, read_outcome, read_records, result_lines
from pipeline.checks import shorten
from pipeline.commands.base import Root, StateCommand, wrong_call
from pipeline.config import Runner
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.model import Attempt, Decision
from pipeline.plan import read_inputs, situation, under_way
from pipeline.selection.explain import Explanation, GateAnswer, explain
from pipeline.source import ecosystem_of
from pipeline.state import journal
from pipeline.terminal import signed
from pipeline.text import one_line

# Attempts that are told: enough for a batch or two on all platforms.
ATTEMPTS = 12
# A screen: lines, and columns of each.
SCREEN, WIDTH = 45, 100
# How a verdict on what was generated is marked.
SIGNS = {Decision.PASS: "✓", Decision.RISK: "!"} | dict.fromkeys(set(Decision) - OPEN, "✗")
# What is told of a gate below its name.
BELOW = " " * 6


class Why(StateCommand):
    """Explain one package."""

    name = "why"
    doc_purpose = "tell why a package is tried next, or why it is not"
    doc_usage = "SOURCE [--json]"

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Explain the one source that is named."""
        del options
        if len(arguments) != 1:
            rule = f"explains one source, not {len(arguments)}"
            raise wrong_call(self.name, rule, "name it: `doit why npm:prettier`")
        told = explained(root, arguments[0])
        self.tell(told, signed(words(told)))
        return 0


def explained(root: Root, source: str) -> Explanation:
    """Read all that decides about a source, and explain it."""
    paths, config = root.paths, root.config
    revisions = {name: module.REVISION for name, module in ECOSYSTEMS.items()}
    inputs = read_inputs(paths, config, revisions)
    batch = under_way(paths, inputs)
    chosen = next((one for one in batch.selected if one.source == source), None) if batch is not None else None
    platforms = [name for name, platform in config.platforms.items() if platform.runner is not Runner.NONE]
    return explain(
        source,
        situation(paths, config, inputs.control, inputs.queue, revisions, root.now),
        batch=batch,
        results=result_lines(read_records(paths, source, platforms), chosen) if chosen is not None else [],
        made=read_outcome(paths, source),
        attempts=journal.of_source(paths, source, ATTEMPTS),
    )


def words(told: Explanation) -> str:
    """Return an explanation for people: plain text that fits one screen of `SCREEN` lines and `WIDTH` columns."""
    entry = told.entry
    lines = [
        *_wrapped(f"{told.source} ({entry.name}), priority {entry.priority}, {entry.status}", ""),
        *_wrapped(_sentence(told.conclusion), ""),
    ]
    if entry.rank is not None:
        lines += _wrapped(f"Number {entry.rank} of {ecosystem_of(entry.source)} when it was added.", "")
    if entry.alternatives and not told.needs_person:
        lines += _wrapped(f"The same tool elsewhere: {', '.join(entry.alternatives)}.", "")
    if told.needs_person:
        lines += _wrapped(_sentence(f"it needs a person: {told.needs_person}"), "")
    lines += ["", "Gates, in the order in which they are asked:"]
    width = max(len(answer.gate) for answer in told.gates)
    for answer in told.gates:
        lines += _gate_lines(answer, width, brief=bool(told.judged or told.results))
    lines += _judged_lines(told)
    if told.results:
        lines += ["", f"In batch {told.batch}:"]
        for result in told.results:
            lines += _wrapped(f"  {result}", " " * 13)
    lines += ["", _tries_words(told)]
    return "\n".join([*lines, *_attempt_lines(told.attempts, SCREEN - len(lines))])


def _tries_words(told: Explanation) -> str:
    if told.last_tried is None:
        return "Never tried to the end; what is known of it:" if told.attempts else "Never tried."
    times = "once" if told.tries == 1 else f"{told.tries} times"
    return f"Tried {times}, last {told.last_tried}:"


def _gate_lines(answer: GateAnswer, width: int, *, brief: bool) -> list[str]:
    """Return one gate; of one that was not asked, there is nothing else to tell, nor in brief of one that is open."""
    sign = {True: "✓", False: "✗", None: "·"}[answer.open]
    lines = _wrapped(f"  {sign} {answer.gate:<{width}}  {one_line(answer.value)}", " " * (width + 6))
    if answer.open is False or (answer.open and not brief):
        lines += _wrapped(f"{BELOW}{answer.rule} ({answer.input})", BELOW)
    if answer.open is False:
        times = [f"since {answer.since}"] if answer.since else []
        times.append(f"until {answer.until}" if answer.until else "until something changes")
        lines += _wrapped(f"{BELOW}{', '.join(times)}; what changes it: {answer.remedy}", BELOW)
    return lines


def _judged_lines(told: Explanation) -> list[str]:
    """Return what the gates said of what was generated: of an open one, no more than fits on its line."""
    if not told.judged:
        return []
    lines = ["", f"Gates on what was generated at {told.judged_at}:"]
    width = max(len(verdict.gate) for verdict in told.judged)
    for verdict in told.judged:
        begin = f"  {SIGNS[verdict.decision]} {verdict.gate:<{width}}  "
        room = WIDTH - len(begin) if verdict.decision in OPEN else MESSAGE_WIDTH
        lines += _wrapped(f"{begin}{shorten(one_line(verdict.value), room)}", " " * len(begin))
        if verdict.decision not in OPEN:
            until = f"until {verdict.until}; " if verdict.until else ""
            lines += _wrapped(f"{BELOW}{verdict.rule}; {until}what changes it: {verdict.remedy}", BELOW)
    return lines


def _attempt_lines(attempts: Sequence[Attempt], room: int) -> list[str]:
    """Return the last attempts, newest first, as many as there is room for, but at least the newest."""
    lines: list[str] = []
    for shown, attempt in enumerate(attempts):
        more = _wrapped(f"  {_attempt_line(attempt)}", " " * 24)
        if lines and len(lines) + len(more) >= room:
            return [*lines, f"  and {len(attempts) - shown} before (`--json` shows them)"]
        lines += more
    return lines


def _attempt_line(attempt: Attempt) -> str:
    where = f" {attempt.platform}" if attempt.platform else ""
    cause = attempt.subcategory or attempt.category
    because = f" {cause}" if cause else ""
    message = f": {_both_ends(one_line(attempt.message))}" if attempt.message else ""
    return f"{attempt.at}  {attempt.stage}{where} {attempt.outcome}{because}{message}"


def _both_ends(message: str) -> str:
    """Return a message with its beginning and its end: the one says what failed, the other why."""
    if len(message) <= MESSAGE_WIDTH:
        return message
    half = (MESSAGE_WIDTH - len(" … ")) // 2
    return f"{message[:half].rstrip()} … {message[-half:].lstrip()}"


def _wrapped(line: str, indent: str) -> list[str]:
    return wrap(line, WIDTH, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
