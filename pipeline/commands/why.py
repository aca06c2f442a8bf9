"""`doit why`: every gate that a package meets, in order, with what would open it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from pipeline.admission.admit import OPEN
from pipeline.build_records import MESSAGE_WIDTH, read_outcome, read_records, result_lines
from pipeline.checks import shorten
from pipeline.commands.base import Root, StateCommand, wrong_call
from pipeline.config import Runner
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.model import AdmissionGate, Attempt, AttemptOutcome, Decision, Gate, GateVerdict
from pipeline.plan import read_inputs, situation, under_way
from pipeline.selection.explain import Explanation, GateAnswer, explain
from pipeline.source import ecosystem_of
from pipeline.state import journal
from pipeline.terminal import (
    Fact,
    Facts,
    Mood,
    Terminal,
    heading,
    height,
    hint,
    line,
    minute,
    moments,
    sections,
    title,
)
from pipeline.text import one_line

# Attempts that are told: enough for a batch or two on all platforms.
ATTEMPTS = 12
# A screen: lines, and columns of each.
SCREEN, WIDTH = 45, 100
# The longest name of a gate; all sections stand below each other. Beside it, what is left of a line.
GATE_WIDTH = max(len(gate) for gate in (*Gate, *AdmissionGate))
OPEN_WIDTH = WIDTH - GATE_WIDTH - len("  ✓   ")
# How a verdict on what was generated is marked; all others are shut.
MOODS = {Decision.PASS: Mood.GOOD, Decision.RISK: Mood.WARN}
# How an attempt is marked; what people did, and what waits, says nothing of the package.
ATTEMPTED = {
    AttemptOutcome.SUCCEEDED: Mood.GOOD,
    AttemptOutcome.CHANGED: Mood.GOOD,
    AttemptOutcome.TRANSIENT: Mood.WARN,
    AttemptOutcome.FAILED: Mood.BAD,
    AttemptOutcome.DECLINED: Mood.BAD,
}


class Why(StateCommand):
    """Explain one package."""

    name = "why"
    doc_purpose = "tell why a package is tried next, or why it is not"
    doc_usage = "SOURCE"

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Explain the one source that is named."""
        del options
        if len(arguments) != 1:
            rule = f"explains one source, not {len(arguments)}"
            raise wrong_call(self.name, rule, "name it: `doit why npm:prettier`")
        told = explained(root, arguments[0])
        self.tell(told, render(told, Terminal().width))
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


def render(told: Explanation, width: int) -> RenderableType:
    """Return an explanation for people: at `WIDTH` columns it fits one screen of `SCREEN` lines."""
    above = [_about(told), _gates(told), _judged(told), _results_section(told)]
    tries = heading(_tries_words(told))
    room = SCREEN - height(sections(*above, [tries]), width)
    return sections(*above, [tries, *_attempts(told.attempts, width, room)])


def _about(told: Explanation) -> list[RenderableType]:
    entry = told.entry
    said = [_sentence(told.conclusion)]
    if entry.rank is not None:
        said.append(f"Number {entry.rank} of {ecosystem_of(entry.source)} when it was added.")
    if entry.alternatives and not told.needs_person:
        said.append(f"The same tool elsewhere: {', '.join(entry.alternatives)}.")
    needs = [line(_sentence(f"it needs a person: {told.needs_person}"), Mood.BAD)] if told.needs_person else []
    head = title(told.source, f"({entry.name}), priority {entry.priority}, {entry.status}")
    return [head, *(line(moments(sentence)) for sentence in said), *needs]


def _tries_words(told: Explanation) -> str:
    if told.last_tried is None:
        return "Never tried to the end; what is known of it:" if told.attempts else "Never tried."
    times = "once" if told.tries == 1 else f"{told.tries} times"
    return f"Tried {times}, last {moments(told.last_tried)}:"


def _gates(told: Explanation) -> list[RenderableType]:
    brief = bool(told.judged or told.results)
    return [
        heading(f"Gates, in the order in which they are asked{' (`--json` has all rules)' if brief else ''}:"),
        Facts(facts=[_gate(answer, brief=brief) for answer in told.gates], name_width=GATE_WIDTH),
    ]


def _gate(answer: GateAnswer, *, brief: bool) -> Fact:
    """Return one gate; of one that was not asked, there is nothing else to tell, nor in brief of one that is open."""
    mood = {True: Mood.GOOD, False: Mood.BAD, None: Mood.IDLE}[answer.open]
    below = []
    if answer.open is False or (answer.open and not brief):
        below.append(f"{answer.rule} ({answer.input})")
    if answer.open is False:
        times = [f"since {answer.since}"] if answer.since else []
        times.append(f"until {answer.until}" if answer.until else "until something changes")
        below.append(moments(f"{', '.join(times)}; what changes it: {answer.remedy}"))
    return Fact(name=answer.gate, value=moments(one_line(answer.value)), mood=mood, below=below)


def _judged(told: Explanation) -> list[RenderableType]:
    """Return what the gates said of what was generated: of an open one, no more than fits on its line at `WIDTH`."""
    if not told.judged or told.judged_at is None:
        return []
    return [
        heading(f"Gates on what was generated at {moments(told.judged_at)}:"),
        Facts(facts=list(map(_verdict, told.judged)), name_width=GATE_WIDTH),
    ]


def _verdict(verdict: GateVerdict) -> Fact:
    is_open = verdict.decision in OPEN
    value = moments(shorten(one_line(verdict.value), OPEN_WIDTH if is_open else MESSAGE_WIDTH))
    until = f"until {verdict.until}; " if verdict.until else ""
    below = [] if is_open else [moments(f"{verdict.rule}; {until}what changes it: {verdict.remedy}")]
    return Fact(name=verdict.gate, value=value, mood=MOODS.get(verdict.decision, Mood.BAD), below=below)


def _results_section(told: Explanation) -> list[RenderableType]:
    """Return what its batch has found of it so far; the first word of a result is its stage."""
    pairs = [result.partition(" ") for result in told.results]
    found = [Fact(name=stage, value=moments(said.strip())) for stage, _, said in pairs]
    return [heading(f"In batch {told.batch}:"), Facts(facts=found, name_width=GATE_WIDTH)] if found else []


def _attempts(attempts: Sequence[Attempt], width: int, room: int) -> list[RenderableType]:
    """Return the last attempts, newest first, as many as there is room for, but at least the newest."""
    shown: list[Fact] = []
    for place, attempt in enumerate(attempts):
        more = [*shown, _attempt(attempt)]
        needed = 1 if place + 1 < len(attempts) else 0
        if shown and height(Facts(facts=more, name_width=GATE_WIDTH), width) > room - needed:
            break
        shown = more
    left = len(attempts) - len(shown)
    rest = [hint(f"  and {left} before (`--json` shows them)")] if left else []
    return [Facts(facts=shown, name_width=GATE_WIDTH), *rest] if shown else []


def _attempt(attempt: Attempt) -> Fact:
    where = f" {attempt.platform}" if attempt.platform else ""
    cause = attempt.subcategory or attempt.category
    because = f" {cause}" if cause else ""
    message = f": {_both_ends(one_line(attempt.message))}" if attempt.message else ""
    told = moments(f"{attempt.stage}{where} {attempt.outcome}{because}{message}")
    return Fact(name=minute(attempt.at), value=told, mood=ATTEMPTED.get(attempt.outcome, Mood.IDLE))


def _both_ends(message: str) -> str:
    """Return a message with its beginning and its end: the one says what failed, the other why."""
    if len(message) <= MESSAGE_WIDTH:
        return message
    half = (MESSAGE_WIDTH - len(" … ")) // 2
    return f"{message[:half].rstrip()} … {message[-half:].lstrip()}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
