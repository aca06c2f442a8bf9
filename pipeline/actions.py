"""One function for each doit action: read the records, call the core, write one record.

An action looks at the record that is there first: the files are the truth, doit's database is a cache that a killed
run loses. It returns what doit keeps: the digest that the result was made from, and whether the result stands.
"""

from pipeline import merging, payload as payload_core
from pipeline.body import commit_message, render_body
from pipeline.constraints import derive
from pipeline.errors import PostconditionBroken
from pipeline.model import (
    Batch,
    ConstraintsRecord,
    Failed,
    Generated,
    Held,
    Outcome,
    OutcomeRecord,
    PackageList,
    Skipped,
    StaticRecord,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
)
from pipeline.recipe import render, strict_check
from pipeline.run import Run, current
from pipeline.selection import timestamp
from pipeline.source import ecosystem_of
from pipeline.staleness import outcome_is_final, usable, verdict_is_final
from pipeline.store import digest_of, encode, read, read_result, sha256, write, write_bytes
from pipeline.ecosystems.base import Draft, Made
from pipeline.tasks import (
    constrain_digest,
    ecosystems_of,
    payload_digest,
    snapshot_digest,
    validate_digest,
)

Kept = dict[str, str | bool]


def snapshot() -> Kept:
    """Write the frozen batch and one package list for each ecosystem."""
    plan = current().plan
    for ecosystem in ecosystems_of(plan):
        packages = PackageList(ecosystem=ecosystem, batch_id=plan.batch.id, packages=list(plan.orders_of(ecosystem)))
        write(plan.paths.packages(ecosystem), packages)
    write(plan.paths.batch, plan.batch)
    return {"digest": snapshot_digest(plan), "final": True}


def generate(source: str) -> Kept:
    """Make the recipe of one package, or record why there is none."""
    run = current()
    order = run.order(source)
    made_from = run.plan.generate_digest(order)
    path = run.plan.paths.outcome(source)
    record = read_result(path, OutcomeRecord)
    if record is None or record.made_from != made_from or not _stands(run, record):
        started = run.clock.monotonic()
        outcome = _keep_draft(run, source, run.make(order))
        record = OutcomeRecord(
            source=source,
            name=order.name,
            made_from=made_from,
            at=timestamp(run.clock.now()),
            seconds=round(run.clock.monotonic() - started, 3),
            outcome=outcome,
        )
        write(path, record)
    run.progress.generated(source, record.outcome)
    return {"digest": made_from, "final": outcome_is_final(record.outcome)}


def predict(source: str) -> Kept:
    """Write what the package's metadata says about each platform."""
    run = current()
    kept = validate_digest(run.plan, "static")
    path = run.plan.paths.static(source)
    generated = _generated(run, source)
    if generated is None:
        record = StaticRecord(
            source=source,
            recipe_sha256=None,
            made_from=digest_of("T0", source),
            final=_outcome_final(run, source),
            predictions=[],
            at=timestamp(run.clock.now()),
            seconds=0,
        )
        write(path, record)
        return {"digest": kept, "final": record.final}
    made_from = run.static_made_from(source, generated)
    existing = read_result(path, StaticRecord)
    if existing is None or existing.made_from != made_from or not existing.final:
        existing = run.predict(source, generated, made_from)
        write(path, existing)
    run.progress.predicted(source, existing)
    return {"digest": kept, "final": existing.final}


def validate(platform: str, source: str) -> Kept:
    """Write the verdict on one package on one platform: measured, predicted, or made elsewhere."""
    run = current()
    path = run.plan.paths.verdict(platform, source)
    verdict = _verdict(run, platform, source)
    if read_result(path, Verdict) != verdict:
        write(path, verdict)
    run.progress.validated(verdict)
    return {"digest": validate_digest(run.plan, platform), "final": verdict_is_final(verdict)}


def constrain(source: str) -> Kept:
    """Merge what the verdicts say into one recipe."""
    run = current()
    plan = run.plan
    order = run.order(source)
    outcome = read(plan.paths.outcome(source), OutcomeRecord, purpose="outcome").outcome
    verdicts = [read(plan.paths.verdict(p.id, source), Verdict, purpose="verdict") for p in plan.platforms]
    draft = plan.paths.draft(source).read_text(encoding="utf-8") if isinstance(outcome, Generated) else ""
    published = plan.published_recipe(order)
    record, text = merging.merge(order, outcome, draft, published, verdicts, plan.config.constraints.predictions)
    if text is not None:
        _postcondition("constrain", source, strict_check(text))
        write_bytes(plan.paths.merged(source), text.encode())
    else:
        plan.paths.merged(source).unlink(missing_ok=True)
    write(plan.paths.constraints(source), record)
    return {"digest": constrain_digest(plan, order), "final": True}


def payload() -> Kept:
    """Write the pull request: everything else first, `pr.json` last."""
    run = current()
    plan = run.plan
    batch = read(plan.paths.batch, Batch, purpose="batch")
    records = [
        read(plan.paths.constraints(order.source), ConstraintsRecord, purpose="merged result") for order in plan.orders
    ]
    recipes = {
        record.source: plan.paths.merged(record.source).read_bytes() for record in records if not record.exclusion
    }
    result = payload_core.build(batch, records, plan.config.payload, recipes)
    files = {file.path: recipes[source] for source, file in zip(result.included, result.files, strict=True)}
    run.write_payload(
        result,
        body=render_body(result, records, run.clock.now()),
        commit_message=commit_message(result, records),
        files=files,
    )
    run.progress.payload_written(result)
    return {"digest": payload_digest(plan), "final": True}
