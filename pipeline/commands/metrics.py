"""`doit metrics`: what the batches did, in numbers, and the service levels."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pipeline.checks import nearest, shorten
from pipeline.commands.base import Root, StateCommand, no_arguments
from pipeline.commands.metrics_view import view
from pipeline.errors import Alarm, BadInput, Defect, UnknownName
from pipeline.history.frozen import frozen_packages
from pipeline.history.report import Query, Report, report
from pipeline.history.reviews import open_reviews
from pipeline.history.service_levels import Milestone
from pipeline.history.wording import duration
from pipeline.instants import known_instant
from pipeline.platforms import BY_ID
from pipeline.selection.statuses import excluded_sources
from pipeline.settings import load_queue
from pipeline.state import journal
from pipeline.state import metrics as stored
from pipeline.state.jsonl import read_lines
from pipeline.state.ledger import Ledger
from pipeline.terminal import Terminal
from pipeline.text import counted, one_line

# Columns; less is no terminal that anybody reads.
NARROWEST = 40
SPAN = re.compile(r"(\d{1,4})([hdw])")
HOURS_OF = {"h": 1, "d": 24, "w": 168}


class ShowMetrics(StateCommand):
    """`doit metrics`."""

    name = "metrics"
    doc_purpose = "show what the batches did, in numbers, and the service levels"
    doc_usage = "[--last N] [--ecosystem E] [--platform P] [--since DATE|7d|24h] [--json]"
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
        {"name": "json", "long": "json", "type": bool, "default": False, "help": "one JSON document"},
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Print the numbers; raises `Alarm` when they are alarming."""
        query = query_of(options, arguments, root.config.ecosystems, root.now)
        queue, _ = load_queue(root.paths, root.config)
        answer = report(
            query,
            stored.read(root.paths),
            queue.entries,
            read_lines(root.paths.ledger, Milestone),
            root.config.alarms.no_success_hours,
            root.now,
            open_reviews(
                Ledger(root.paths).waiting(), root.config.alarms.review_days, root.now, ecosystem=query.ecosystem
            ),
            frozen_packages(
                journal.history(root.paths, root.now), excluded_sources(queue.entries), ecosystem=query.ecosystem
            ),
        )
        if options["json"]:
            self.say(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
        else:
            console = Terminal(highlight=False)
            console.width = max(console.width, NARROWEST)
            console.print(view(answer, console.width))
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


def alarm_of(answer: Report) -> Alarm | None:
    """Return the alarm on no success, on a batch that nobody merges, on bytes that changed; None when all is well."""
    rules, remedies = [], []
    last, review = answer.service_levels.last_success, answer.service_levels.oldest_review
    if last is not None and last.alarm:
        of = f" of {answer.query.ecosystem}" if answer.query.ecosystem else ""
        seen = f"the last was in {last.batch_id}" if last.batch_id else "there has never been one"
        rules.append(
            f"no recipe{of} was included for {duration(last.hours)}, more than "
            f"{answer.no_success_hours:g} h (alarms.no_success_hours); {seen}"
        )
        remedies.append("`doit status` shows what is stopped, `doit why <source>` why a package waits")
    if review is not None and review.alarm:
        rules.append(
            f"{review.batch_id} was not merged for {duration(review.days * 24)}, more than "
            f"{review.limit_days} d (alarms.review_days)"
        )
        remedies.append(
            f"merge {review.branch} and run `doit publish`, or take it back: `doit rollback --batch {review.batch_id}`"
        )
    if answer.frozen:
        first = answer.frozen[0]
        rules.append(f"{counted(len(answer.frozen), 'package')} frozen: {first.source}: {one_line(first.message)}")
        remedies.append(f"find out why its bytes have changed; `doit requeue {first.source}` accepts the new ones")
    return Alarm("; ".join(rules), remedy="; ".join(remedies)) if rules else None


def _known(what: str, asked: str, known: Collection[str]) -> str | None:
    if not asked:
        return None
    if asked not in known:
        close = nearest(asked, known)
        remedy = f"did you mean {close!r}?" if close else f"use one of {', '.join(known)}"
        raise UnknownName(f"there is no {what} {shorten(asked)!r}", remedy=remedy)
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
