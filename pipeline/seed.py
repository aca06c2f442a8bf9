"""Filling the queue from what a registry offers: asked once, laid over the queue as it is then, written in one step."""

import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.config import Config, GeneratorKind
from pipeline.control.stops import is_probe
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.drafting import Watching
from pipeline.errors import NothingOffered, PipelineError
from pipeline.http_events import added
from pipeline.instants import timestamp
from pipeline.model import Failed, Generated, Held, OutcomeRecord, Queue, Subcategory
from pipeline.progress import EcosystemProgress, Progress, silence
from pipeline.run import Run
from pipeline.seeding import NO_RANKING, SEEDERS
from pipeline.seeding.base import Proposal
from pipeline.seeding.merge import Merged, Seedbed, merge
from pipeline.seeding.naming import Rules
from pipeline.seeding.published import Published, published
from pipeline.settings import load_control
from pipeline.state import queue_file
from pipeline.store import Paths, read_result
from pipeline.taxonomy import TAXONOMY
from pipeline.text import counted

RULES: Rules = {name: module.identifier_defect for name, module in ECOSYSTEMS.items()}
# Several ecosystems may be seeded at once, by threads of one process; each adds to what the one before has written.
_WRITING = threading.Lock()


class Seeded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one seeding: how many packages were offered, by what they were ranked, what it cost.

    `stored`: the registry did not answer, and an older answer stood in.
    """

    ecosystem: str
    measure: str
    offered: int
    requests: int
    stored: bool
    merged: Merged


def generators(config: Config) -> dict[str, bool]:
    """Return whether each ecosystem has a generator."""
    return {name: one.generator is not GeneratorKind.NONE for name, one in config.ecosystems.items()}


def why_not(ecosystem: str, config: Config) -> NothingOffered | None:
    """Return why an ecosystem cannot be seeded, None when it can."""
    if ecosystem in NO_RANKING:
        rule = f"{ecosystem} offers no ranking: {NO_RANKING[ecosystem]}"
        return NothingOffered(rule, remedy=f"name its packages: `doit add {ecosystem}:NAME`")
    if ecosystem not in SEEDERS:
        rule = f"nothing is known of a ranking of {ecosystem}"
        return NothingOffered(rule, remedy=f"name its packages: `doit add {ecosystem}:NAME`")
    if not generators(config)[ecosystem]:
        remedy = f"set `ecosystems.{ecosystem}.generator` in pipeline.yaml, once there is one"
        return NothingOffered(f"{ecosystem} has no generator, so none of its packages could be made", remedy=remedy)
    return None


def seed(run: Run, ecosystem: str) -> Seeded:
    """Ask an ecosystem's registry and add what is new to the queue; whoever calls this holds the root's lock.

    Raises `PipelineError` when the registry gives no ranking or the queue cannot be used; then nothing is written.
    """
    refused = why_not(ecosystem, run.plan.config)
    if refused is not None:
        raise refused
    asking = _run_for(run, ecosystem)
    proposals, stored = _asked(asking, ecosystem)
    merged = _add(run, proposals)
    return Seeded(
        ecosystem=ecosystem,
        measure=SEEDERS[ecosystem].MEASURE,
        offered=len(proposals),
        requests=added(asking.traffic().values()).requests,
        stored=stored,
        merged=merged,
    )


class SeedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What `doit seed:<ecosystem> --json` prints of it: which sources became what, each in one of the lists."""

    ecosystem: str
    measure: str
    offered: int
    requests: int
    stored: bool
    added: list[str]
    doubtful: list[str]
    alternatives: list[str]
    refused: list[str]
    known: list[str]


def document(done: Seeded) -> SeedDocument:
    """Return what came of a seeding, for machines."""
    merged = done.merged
    return SeedDocument(
        ecosystem=done.ecosystem,
        measure=done.measure,
        offered=done.offered,
        requests=done.requests,
        stored=done.stored,
        added=[entry.source for entry in merged.added],
        doubtful=[like.source for like in merged.doubtful],
        alternatives=[like.source for like in merged.alternatives],
        refused=[one.source for one in merged.refused],
        known=merged.known,
    )


def headline(done: Seeded) -> str:
    """Return the sum of a seeding in one line."""
    merged = done.merged
    counts: dict[str, Sequence[object]] = {
        "added": merged.added,
        "alternatives": merged.alternatives,
        "doubtful": merged.doubtful,
        "refused": merged.refused,
        "known": merged.known,
    }
    told = ", ".join(f"{len(found)} {word}" for word, found in counts.items())
    cost = "from a stored answer, as the registry did not answer" if done.stored else counted(done.requests, "request")
    return f"{done.ecosystem}: {counted(done.offered, 'package')} by {done.measure} ({cost}): {told}"


def _run_for(run: Run, ecosystem: str) -> Run:
    """Return a run that asks for no batch: the ecosystem need not be in it, and its counts are not the batch's."""
    rate = run.plan.config.ecosystems[ecosystem].requests_per_second
    progress = Progress(ecosystems={ecosystem: EcosystemProgress(total=0, rate=rate)}, say=silence)
    return Run(plan=run.plan, environment=run.environment, clock=run.clock, progress=progress, stop=run.stop)


def _asked(run: Run, ecosystem: str) -> tuple[list[Proposal], bool]:
    """Return what the registry offers, and whether a stored answer stood in.

    While a breaker is not closed nothing is asked: its probe must be a package. What comes of the question does not
    move it either, for a search may be down while packages are there, and the other way round.
    """
    control = load_control(run.plan.paths, run.plan.config.ecosystems)
    if is_probe(control.circuit_breaker.get(ecosystem)):
        raise PipelineError(f"the circuit breaker of {ecosystem} is not closed", remedy="seed once a run has closed it")
    reached = run.reach(ecosystem)
    if isinstance(reached, Failed):
        raise _no_ranking(ecosystem, reached)
    registry, fetcher = reached[0], Watching(reached[1])
    limit = run.plan.config.seeding.limit
    found = SEEDERS[ecosystem].propose(registry=registry, fetcher=fetcher, limit=limit)
    match found:
        case Failed():
            raise _no_ranking(ecosystem, found)
        case Held(message=message):
            raise PipelineError(f"{ecosystem} is left alone: {message}", remedy="see `doit status`")
        case _:
            return found, fetcher.stood_in


def _no_ranking(ecosystem: str, failed: Failed) -> PipelineError:
    if failed.subcategory is Subcategory.NOT_FOUND:
        remedy = f"this registry or mirror has none; name packages: `doit add {ecosystem}:NAME`"
    else:
        remedy = TAXONOMY[failed.subcategory].remedy
    return PipelineError(f"{ecosystem} gave no ranking: {failed.message}", remedy=remedy)


def _add(run: Run, proposals: list[Proposal]) -> Merged:
    """Lay the proposals over the queue as it stands now, and write it if it changes."""
    paths, config = run.plan.paths, run.plan.config
    recipes = published_recipes(paths)
    merged: list[Merged] = []

    def extended(queue: Queue) -> Queue:
        bed = Seedbed(
            queue=queue,
            published=recipes,
            repositories=repositories(paths, queue),
            rules=RULES,
            ecosystems=generators(config),
            bands=config.seeding.bands,
            at=timestamp(run.moment()),
        )
        merged.append(merge(bed, proposals))
        return merged[0].queue

    with _WRITING:
        queue_file.extend(paths, config, extended)
    return merged[0]


def published_recipes(paths: Paths) -> list[Published]:
    """Return what the recipes that are there say of their sources, by name."""
    found = sorted(paths.recipes.glob("?/*.toml"), key=_stem)
    return [published(path.stem, path.read_text("utf-8", errors="replace")) for path in found if path.is_file()]


def _stem(path: Path) -> str:
    return path.stem


def repositories(paths: Paths, queue: Queue) -> dict[str, str]:
    """Return where the sources of entries lie whose recipe was made on this root, as far as its records say."""
    found = {}
    for entry in queue.entries:
        record = read_result(paths.outcome(entry.source), OutcomeRecord)
        if record is not None and record.source == entry.source and isinstance(record.outcome, Generated):
            found[entry.source] = record.outcome.evidence.repository
    return found
