"""`doit why`: every gate that a package meets, in order, with what would open it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from pipeline.admission.admit import OPEN
from pipeline.checks import shorten
from pipeline.commands.base import Root, StateCommand, wrong_call
from pipeline.config import Runner
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.model import (
    AdmissionGate,
    Attempt,
    AttemptOutcome,
    ConstraintsRecord,
    Decision,
    Failed,
    Gate,
    GateVerdict,
    Generated,
    Held,
    Outcome,
    OutcomeRecord,
    Selected,
    Skipped,
    Verdict,
)
from pipeline.plan import read_inputs, situation, under_way
from pipeline.selection.explain import Explanation, GateAnswer, explain
from pipeline.source import ecosystem_of
from pipeline.state import journal
from pipeline.store import Paths, read_result
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

# Attempts that are told, and characters of a message: enough for a batch or two on all platforms.
ATTEMPTS = 12
MESSAGE_WIDTH = 160
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
        results=_results(paths, chosen, platforms) if chosen is not None else [],
        made=_made(paths, source),
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


def _made(paths: Paths, source: str) -> OutcomeRecord | None:
    """Return the record of what was generated last, from whichever batch."""
    record = read_result(paths.outcome(source), OutcomeRecord)
    return record if record is not None and record.source == source else None


def _results(paths: Paths, chosen: Selected, platforms: Sequence[str]) -> list[str]:
    """Return what the records in `build/` say of a package of the batch, a line for each stage that it has reached."""
    source = chosen.source
    outcome = read_result(paths.outcome(source), OutcomeRecord)
    if outcome is None or outcome.source != source or (chosen.after is not None and outcome.at <= chosen.after):
        return ["nothing so far"]
    lines = [f"generate   {outcome.at}  {_outcome_words(outcome.outcome)}"]
    verdicts = [read_result(Path(paths.verdict(platform, source)), Verdict) for platform in platforms]
    counts = Counter(verdict.status for verdict in verdicts if verdict is not None and verdict.source == source)
    if counts:
        lines.append(f"validate   {', '.join(f'{status} {count}' for status, count in sorted(counts.items()))}")
    merged = read_result(paths.constraints(source), ConstraintsRecord)
    if merged is not None and merged.source == source:
        lines.append(f"constrain  {merged.exclusion or 'its recipe may be in the pull request'}")
    return lines


def _outcome_words(outcome: Outcome) -> str:
    match outcome:
        case Generated(evidence=evidence):
            return f"generated from {evidence.version or 'a version that is not known'}"
        case Skipped(subcategory=subcategory, message=message):
            return f"skipped {subcategory}: {shorten(one_line(message), MESSAGE_WIDTH)}"
        case Failed(subcategory=subcategory, message=message):
            return f"failed {subcategory}: {shorten(one_line(message), MESSAGE_WIDTH)}"
        case Held(gate=gate, message=message):
            return f"held {gate}: {shorten(one_line(message), MESSAGE_WIDTH)}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
