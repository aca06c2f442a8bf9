"""`doit why`: every gate that a package meets, in order, with what would open it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.checks import shorten
from pipeline.commands.base import Root, StateCommand
from pipeline.config import Runner
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.errors import UnknownName
from pipeline.model import (
    Attempt,
    Batch,
    ConstraintsRecord,
    Failed,
    Generated,
    Held,
    Outcome,
    OutcomeRecord,
    Selected,
    Skipped,
    Verdict,
)
from pipeline.plan import situation
from pipeline.selection.explain import Explanation, GateAnswer, explain
from pipeline.settings import load_control, load_queue
from pipeline.state import journal
from pipeline.store import Paths, read_result
from pipeline.text import one_line

# Attempts that are shown, and characters of a message: enough for a batch or two on all platforms, in one screen.
ATTEMPTS = 12
MESSAGE_WIDTH = 160


class Why(StateCommand):
    """Explain one package."""

    name = "why"
    doc_purpose = "tell why a package is tried next, or why it is not"
    doc_usage = "SOURCE [--json]"
    cmd_options = ({"name": "json", "long": "json", "type": bool, "default": False, "help": "print one JSON document"},)

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Explain the one source that is named."""
        names = [argument for argument in arguments if "=" not in argument]
        if len(names) != 1:
            raise UnknownName(
                f"`doit why` explains one source, not {len(names)}", remedy="name it: `doit why npm:prettier`"
            )
        told = explained(root, names[0])
        document = msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
        self.say(document if options["json"] else words(told))
        return 0


def explained(root: Root, source: str) -> Explanation:
    """Read all that decides about a source, and explain it."""
    paths, config = root.paths, root.config
    control = load_control(paths, config.ecosystems)
    queue, _ = load_queue(paths, config)
    revisions = {name: module.REVISION for name, module in ECOSYSTEMS.items()}
    batch = read_result(paths.batch, Batch)
    chosen = next((one for one in batch.selected if one.source == source), None) if batch is not None else None
    platforms = [name for name, platform in config.platforms.items() if platform.runner is not Runner.NONE]
    return explain(
        source,
        situation(paths, config, control, queue, revisions, root.now),
        batch=batch,
        results=_results(paths, chosen, platforms) if chosen is not None else [],
        attempts=journal.of_source(paths, source, ATTEMPTS),
    )


def words(told: Explanation) -> str:
    """Return an explanation for people: plain text, one screen."""
    entry = told.entry
    lines = [
        f"{told.source} ({entry.name}), priority {entry.priority}, {entry.status}",
        _sentence(told.conclusion),
    ]
    if told.needs_person:
        lines.append(_sentence(f"it needs a person: {told.needs_person}"))
    lines += ["", "Gates, in the order in which they are asked:"]
    width = max(len(answer.gate) for answer in told.gates)
    for answer in told.gates:
        lines += _gate_lines(answer, width)
    if told.results:
        lines += ["", f"In batch {told.batch}:", *(f"  {result}" for result in told.results)]
    lines += ["", f"Tried {told.tries} times, last {told.last_tried}:" if told.last_tried else "Never tried."]
    lines += [f"  {_attempt_line(attempt)}" for attempt in told.attempts]
    return "\n".join(lines)


def _gate_lines(answer: GateAnswer, width: int) -> list[str]:
    sign = {True: "✓", False: "✗", None: "·"}[answer.open]
    lines = [
        f"  {sign} {answer.gate:<{width}}  {one_line(answer.value)}",
        f"    {'':<{width}}  {answer.rule} ({answer.input})",
    ]
    if answer.open is False:
        times = [f"since {answer.since}"] if answer.since else []
        times.append(f"until {answer.until}" if answer.until else "until something changes")
        lines.append(f"    {'':<{width}}  {', '.join(times)}; what changes it: {answer.remedy}")
    return lines


def _attempt_line(attempt: Attempt) -> str:
    where = f" {attempt.platform}" if attempt.platform else ""
    cause = attempt.subcategory or attempt.category
    because = f" {cause}" if cause else ""
    message = f": {shorten(one_line(attempt.message)[-MESSAGE_WIDTH:], MESSAGE_WIDTH)}" if attempt.message else ""
    return f"{attempt.at}  {attempt.stage}{where} {attempt.outcome}{because}{message}"


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
            return f"generated from {evidence.version}"
        case Skipped(subcategory=subcategory, message=message):
            return f"skipped {subcategory}: {shorten(one_line(message), MESSAGE_WIDTH)}"
        case Failed(subcategory=subcategory, message=message):
            return f"failed {subcategory}: {shorten(one_line(message), MESSAGE_WIDTH)}"
        case Held(gate=gate, message=message):
            return f"held {gate}: {shorten(one_line(message), MESSAGE_WIDTH)}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
