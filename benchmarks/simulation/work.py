"""What a run leaves behind for a batch: outcomes, verdicts, merged results, the payload; and what the breakers hear."""

import shutil
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from pathlib import Path

from benchmarks.simulation.answers import Answers
from pipeline import merging
from pipeline import payload as payload_core
from pipeline.body import commit_message
from pipeline.breakers import Breakers
from pipeline.config import Config
from pipeline.control.breaker import Event
from pipeline.control.events import event_of_outcome, event_of_verdict
from pipeline.digests import digest_of, sha256
from pipeline.ecosystems.base import Draft
from pipeline.instants import timestamp
from pipeline.model import (
    Batch,
    ConstraintsRecord,
    Generated,
    Held,
    Outcome,
    OutcomeRecord,
    Selected,
    Verdict,
    WorkOrder,
)
from pipeline.recipe import recipe_path, render
from pipeline.store import Paths, is_there, write, write_bytes
from pipeline.text import kebab
from pipeline.verdicts import not_generated, not_run

PLATFORM = "linux-debian-glibc-x86_64"
GENERATION_SECONDS = 0.5


class WatchedBreakers(Breakers):
    """Breakers that somebody looks at after each time that they were asked or told something."""

    def __init__(self, paths: Paths, config: Config, moment: Callable[[], datetime], look: Callable[[], None]) -> None:
        super().__init__(paths, config, moment)
        self._look = look

    def admit(self, source: str) -> Held | None:
        """Ask whether a package may be tried now."""
        held = super().admit(source)
        self._look()
        return held

    def feed(self, event: Event | None) -> None:
        """Count what an attempt showed."""
        super().feed(event)
        self._look()


class Worker:
    """Works on batches as the actions of a run do, with `Answers` in place of registries and sandbox."""

    def __init__(self, paths: Paths, config: Config, answers: Answers) -> None:
        self._paths, self._config, self._answers = paths, config, answers

    def work(
        self,
        batch: Batch,
        hour: int,
        merged: Set[str],
        held: Mapping[str, str],
        moment: Callable[[], datetime],
        look: Callable[[], None],
    ) -> None:
        """Leave all records of a batch; `moment` tells each step its time, `look` is called when a breaker may move.

        `merged` are the names of the recipes that there are, `held` the paths in open pull requests, with their batch.
        """
        breakers = WatchedBreakers(self._paths, self._config, moment, look)
        results = []
        for selected in batch.selected:
            order = _order(selected)
            outcome, draft = self._generate(order, hour, merged, breakers, moment())
            verdict = self._validate(order, outcome, breakers, moment())
            results.append(self._merge(order, outcome, draft, verdict))
        breakers.close()
        self._pay(batch, results, held)

    def _generate(
        self, order: WorkOrder, hour: int, merged: Set[str], breakers: Breakers, now: datetime
    ) -> tuple[Outcome, str]:
        outcome: Outcome
        made = breakers.admit(order.source) or self._answers.generation(order, hour, merged)
        draft = ""
        if isinstance(made, Draft):
            draft = render(made.recipe)
            write_bytes(self._paths.draft(order.source), draft.encode())
            outcome = Generated(recipe=made.recipe, recipe_sha256=sha256(draft.encode()), evidence=made.evidence)
        else:
            outcome = made
        record = OutcomeRecord(
            source=order.source,
            name=order.name,
            made_from=digest_of("simulated outcome", order.source, order.after),
            at=timestamp(now),
            seconds=GENERATION_SECONDS,
            outcome=outcome,
        )
        write(self._paths.outcome(order.source), record)
        breakers.feed(event_of_outcome(record))
        if not draft:
            breakers.release(order.source)
        return outcome, draft

    def _validate(self, order: WorkOrder, outcome: Outcome, breakers: Breakers, now: datetime) -> Verdict:
        at = timestamp(now)
        if not isinstance(outcome, Generated):
            verdict = not_generated(order.source, PLATFORM, outcome, at)
        elif held := breakers.admit(order.source):
            made_from = digest_of("simulated verdict", order.source, order.after)
            verdict = not_run(order.source, PLATFORM, outcome, made_from, at, f"{held.gate}: {held.message}")
        else:
            verdict = self._answers.validation(order, outcome, PLATFORM, at)
        write(self._paths.verdict(PLATFORM, order.source), verdict)
        if isinstance(outcome, Generated):
            breakers.feed(event_of_verdict(verdict))
            breakers.release(order.source)
        return verdict

    def _merge(
        self, order: WorkOrder, outcome: Outcome, draft: str, verdict: Verdict
    ) -> tuple[ConstraintsRecord, bytes | None]:
        place = self._paths.recipe(recipe_path(kebab(order.name)))
        published = place.read_text(encoding="utf-8") if is_there(place) else None
        predictions = self._config.constraints.predictions
        record, text = merging.merge(order, outcome, draft, published, [verdict], predictions)
        write(self._paths.constraints(order.source), record)
        return record, None if text is None else text.encode()

    def _pay(
        self, batch: Batch, results: list[tuple[ConstraintsRecord, bytes | None]], held: Mapping[str, str]
    ) -> None:
        paths = self._paths
        records = [record for record, _ in results]
        recipes = {record.source: content for record, content in results if content is not None}
        payload = payload_core.build(batch, records, self._config.payload, recipes, held)
        shutil.rmtree(paths.payload_folder, ignore_errors=True)
        for source, file in zip(payload.included, payload.files, strict=True):
            write_bytes(Path(paths.payload_files, file.path), recipes[source])
        write_bytes(paths.commit_message, commit_message(payload, records).encode())
        write(paths.payload, payload)


def _order(selected: Selected) -> WorkOrder:
    return WorkOrder(source=selected.source, name=selected.name, heavy=selected.heavy, after=selected.after)
