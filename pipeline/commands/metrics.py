"""`doit metrics`: what the batches did, in numbers, and the service levels."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pipeline.alarms.facts import facts_of
from pipeline.alarms.predicates import attempted, ringing
from pipeline.alarms.words import in_words
from pipeline.checks import nearest, shorten
from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.commands.metrics_view import view
from pipeline.errors import Alarm, BadInput, Defect, UnknownName
from pipeline.history.report import Query, Report, report
from pipeline.history.service_levels import Milestone
from pipeline.instants import known_instant
from pipeline.model import AlarmKind, AlarmRecord
from pipeline.platforms import BY_ID
from pipeline.settings import load_control, load_queue
from pipeline.state import journal
from pipeline.state import metrics as stored
from pipeline.state.jsonl import read_lines
from pipeline.state.ledger import Ledger
from pipeline.terminal import Terminal

SPAN = re.compile(r"(\d{1,4})([hdw])")
# What the numbers here tell of; breakers and minutes are those of `doit status` and `doit check`.
KINDS = (AlarmKind.NO_SUCCESS, AlarmKind.STALE_REVIEW, AlarmKind.CHANGED_BYTES)
HOURS_OF = {"h": 1, "d": 24, "w": 168}


class ShowMetrics(StateCommand):
    """`doit metrics`."""

    name = "metrics"
    doc_purpose = "show what the batches did, in numbers, and the service levels"
    doc_usage = "[--last N] [--ecosystem E] [--platform P] [--since DATE|7d|24h]"
    doc_description = (
        "Without options, all published batches count. Ends with exit code 8 when no recipe was included for more "
        "than `alarms.no_success_hours`, a batch waits for its merge for more than `alarms.review_days`, or a package "
        "is frozen as a version of it has other bytes than before; of the ecosystem if one is named, else of any."
    )
    cmd_options = (
        {"name": "last", "long": "last", "type": str, "default": "", "help": "only the last N batches"},
        {"name": "ecosystem", "long": "ecosystem", "type": str, "default": "", "help": "only one ecosystem"},
        {"name": "platform", "long": "platform", "type": str, "default": "", "help": "only one platform's verdicts"},
        {"name": "since", "long": "since", "type": str, "default": "", "help": "only since a date, or for 24h, 7d, 4w"},
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Print the numbers; raises `Alarm` when they are alarming."""
        query = query_of(options, arguments, root.config.ecosystems, root.now)
        queue, _ = load_queue(root.paths, root.config)
        facts = facts_of(
            root.config,
            root.now,
            batches=stored.read(root.paths),
            entries=queue.entries,
            waiting=Ledger(root.paths).waiting(),
            history=journal.history(root.paths, root.now),
            control=load_control(root.paths, root.config.ecosystems),
            ecosystem=query.ecosystem,
        )
        answer = report(
            query,
            facts.batches,
            queue.entries,
            read_lines(root.paths.ledger, Milestone),
            root.config.alarms.no_success_hours,
            root.now,
            facts.reviews,
            facts.frozen,
            asked_for(ringing(facts, KINDS), query.ecosystem, attempted(facts.batches)),
        )
        self.tell(answer, view(answer, Terminal().width))
        alarm = alarm_of(answer)
        if alarm is not None:
            raise alarm
        return 0


def query_of(options: Mapping[str, Any], arguments: Sequence[str], ecosystems: Collection[str], now: datetime) -> Query:
    """Return what the command line asks for; raises `BadInput` or `UnknownName`."""
    no_arguments(arguments, ShowMetrics.name)
    return Query(
        ecosystem=_known("ecosystem", options["ecosystem"], ecosystems),
        platform=_known("platform", options["platform"], BY_ID),
        since=_since(options["since"], now),
        last=_last(options["last"]),
    )


def asked_for(rings: Iterable[AlarmRecord], ecosystem: str | None, attempted: Collection[str]) -> list[AlarmRecord]:
    """Return what rings of one ecosystem, or of all together; its facts know no other reviews and packages.

    What rings of all together is that of the only ecosystem which was ever attempted.
    """
    subject = ecosystem if ecosystem and set(attempted) != {ecosystem} else ""
    return [alarm for alarm in rings if alarm.kind is not AlarmKind.NO_SUCCESS or alarm.subject == subject]


def alarm_of(answer: Report) -> Alarm | None:
    """Return the alarm on no success, on batches that nobody merges, on bytes that changed; None when all is well.

    Of each kind the first is told, and how many more there are.
    """
    rules, remedies = [], []
    for kind in KINDS:
        rings = [alarm for alarm in answer.alarms if alarm.kind is kind]
        if rings:
            more = f" (and {len(rings) - 1} more)" if len(rings) > 1 else ""
            rules.append(f"{in_words(rings[0])}{more}")
            remedies.append(rings[0].remedy)
    return Alarm("; ".join(rules), remedy="; ".join(remedies)) if rules else None


def _known(what: str, asked: str, known: Collection[str]) -> str | None:
    if not asked:
        return None
    if asked not in known:
        close = nearest(asked, known)
        remedy = f"did you mean `doit metrics --{what} {close}`?" if close else f"use one of {', '.join(known)}"
        raise UnknownName(f"there is no {what} {shorten(asked)}", remedy=remedy)
    return asked


def _since(asked: str, now: datetime) -> datetime | None:
    if not asked:
        return None
    span = SPAN.fullmatch(asked)
    if span:
        return now - timedelta(hours=int(span[1]) * HOURS_OF[span[2]])
    found = known_instant(asked)
    if found is None:
        rule = f"{shorten(asked)} is neither a date nor a time span"
        remedy = "write a date such as 2026-03-01, or 24h, 7d or 4w"
        raise BadInput("command line, --since", Defect(pointer="", rule=rule, remedy=remedy))
    return found


def _last(asked: str) -> int | None:
    if not asked:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", asked):
        defect = Defect(pointer="", rule=f"{shorten(asked)} is no number of batches", remedy="write 1 or more")
        raise BadInput("command line, --last", defect)
    return int(asked)
