"""One function for each doit action: read the records, call the core, write one record.

An action looks at the record that is there first: the files are the truth, doit's database is a cache that a killed
run loses. It returns what doit keeps: the digest that the result was made from, and whether the result stands.
"""

import shutil
from pathlib import Path

import msgspec

from pipeline import merging
from pipeline import payload as payload_core
from pipeline import seed as seeding
from pipeline.body import commit_message, render_body
from pipeline.config import GatesConfig, Policy
from pipeline.digests import digest_of, sha256
from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.drafting import bad_metadata, no_answer, written
from pipeline.errors import PipelineError
from pipeline.history.fingerprint import policy_digest
from pipeline.history.ledger import held_paths
from pipeline.history.tries import before_outcome, keeping
from pipeline.instants import timestamp
from pipeline.model import (
    STOOD_IN,
    AdmissionGate,
    Batch,
    ConstraintsRecord,
    Generated,
    Outcome,
    OutcomeRecord,
    PackageList,
    StaticRecord,
    Verdict,
)
from pipeline.provenance.answers import Answers
from pipeline.provenance.recorder import Recorder
from pipeline.provenance.statement import Circumstances, bundle, with_statements
from pipeline.recipe_rules import strict_check
from pipeline.run import Run, current
from pipeline.sandbox.installers import revision_of
from pipeline.seeding.words import lines_of
from pipeline.source import ecosystem_of
from pipeline.staleness import outcome_is_final, still_waits, usable, verdict_is_final
from pipeline.state.ledger import Ledger
from pipeline.store import is_there, read, read_result, write, write_bytes
from pipeline.tasks import (
    constrain_digest,
    ecosystems_of,
    payload_digest,
    snapshot_digest,
    validate_digest,
)
from pipeline.verdicts import not_generated, not_run, predicted

Kept = dict[str, str | bool]


def snapshot() -> Kept:
    """Write the frozen batch and one package list for each ecosystem."""
    plan = current().plan
    for ecosystem in ecosystems_of(plan):
        packages = PackageList(ecosystem=ecosystem, batch_id=plan.batch.id, packages=list(plan.orders_of(ecosystem)))
        write(plan.paths.packages(ecosystem), packages)
    Answers(plan.paths, plan.config.provenance).prune(current().moment())
    write(plan.paths.batch, plan.batch)
    return {"digest": snapshot_digest(plan), "final": True}


def generate(source: str) -> Kept:
    """Make the recipe of one package, or record why there is none."""
    run = current()
    order = run.order(source)
    made_from = run.plan.generate_digest(order)
    path = run.plan.paths.outcome(source)
    record = read_result(path, OutcomeRecord)
    if record is not None and record.source != source:
        record = None
    if run.plan.given:
        record = _given_outcome(run, source, record)
    elif record is None or record.made_from != made_from or not _outcome_stands(run, record):
        started = run.clock.now()
        recorder = Recorder(Answers(run.plan.paths, run.plan.config.provenance))
        admission = run.admit(order, run.make(order, recorder))
        outcome = _keep_draft(run, source, admission.made)
        record = OutcomeRecord(
            source=source,
            name=order.name,
            made_from=made_from,
            at=timestamp(run.moment()),
            seconds=round(run.clock.now() - started, 3),
            outcome=outcome,
            registry=recorder.registry,
            started_at=recorder.started_at,
            inputs=recorder.inputs,
            gates=admission.gates,
            release=admission.release,
            earlier=before_outcome(record, order.after),
        )
        write(path, record)
        run.made(record)
    run.progress.generated(source, record.outcome)
    return {"digest": made_from, "final": outcome_is_final(record.outcome)}


def predict(source: str) -> Kept:
    """Write what the package's metadata says about each platform."""
    run = current()
    path = run.plan.paths.static(source)
    outcome = _outcome(run, source)
    if isinstance(outcome, Generated):
        made_from = run.validation.static_digest(source, outcome)
        record = read_result(path, StaticRecord)
        known = record is not None and (record.source, record.made_from) == (source, made_from)
        if record is None or not (known and (record.final or run.plan.given)):
            record = run.validation.predict(source, outcome, made_from)
            write(path, record)
        run.progress.predicted(source, record)
    else:
        record = StaticRecord(
            source=source,
            recipe_sha256=None,
            made_from=digest_of("T0", source),
            final=outcome_is_final(outcome),
            predictions=[],
            at=timestamp(run.moment()),
            seconds=0,
        )
        write(path, record)
    return {"digest": validate_digest(run.plan, "static", run.order(source)), "final": record.final}


def validate(platform: str, source: str) -> Kept:
    """Write the verdict on one package on one platform: measured here, predicted, or made elsewhere."""
    run = current()
    path = run.plan.paths.verdict(platform, source)
    existing = read_result(path, Verdict)
    known = existing if existing is not None and (existing.source, existing.platform) == (source, platform) else None
    verdict = _verdict(run, platform, source, known)
    if verdict is not known:
        verdict = keeping(verdict, known, run.order(source).after)
    if existing is None or msgspec.structs.replace(verdict, at=existing.at) != existing:
        write(path, verdict)  # what says the same again keeps its time
    new = verdict is not existing and run.plan.made_here(platform)
    if new or run.plan.brought(platform):  # a job's own control file goes with it, so its breakers learn nothing
        run.validation.measured(verdict)
    run.progress.validated(verdict)
    return {"digest": validate_digest(run.plan, platform, run.order(source)), "final": verdict_is_final(verdict)}


def constrain(source: str) -> Kept:
    """Merge what the verdicts say into one recipe."""
    run = current()
    plan = run.plan
    order = run.order(source)
    answer = read(plan.paths.outcome(source), OutcomeRecord, purpose="outcome")
    outcome = answer.outcome
    verdicts = _verdicts(run, source)
    # Without translating line ends: a program of the user's may have written others.
    draft = Path(plan.paths.draft(source)).read_bytes().decode() if isinstance(outcome, Generated) else ""
    record, text = merging.merge(
        order, outcome, draft, plan.published_recipe(order), verdicts, plan.config.constraints.predictions
    )
    merged = Path(plan.paths.merged(source))
    if text is None:
        merged.unlink(missing_ok=True)
    else:
        write_bytes(merged, text.encode())
    # So that the payload, which says of each recipe what it was made from, is made again when any of it has changed.
    made_from = digest_of("constrain", answer, verdicts)
    write(plan.paths.constraints(source), msgspec.structs.replace(record, made_from=made_from))
    return {"digest": constrain_digest(plan, order), "final": True}


def payload() -> Kept:
    """Write the pull request: everything else first, `pr.json` last."""
    run = current()
    paths = run.plan.paths
    batch = read(paths.batch, Batch, purpose="batch")
    records = [
        read(paths.constraints(order.source), ConstraintsRecord, purpose="merged result") for order in run.plan.orders
    ]
    recipes = {
        record.source: Path(paths.merged(record.source)).read_bytes() for record in records if not record.exclusion
    }
    held = held_paths(Ledger(paths).waiting(), batch.id)
    config = run.plan.config
    result = payload_core.build(batch, records, config.payload, recipes, held, _owners(run, config.gates))
    by_source = {record.source: record for record in records}
    statements = {source: _statements(run, by_source[source]) for source in result.included}
    result = with_statements(result, statements)
    shutil.rmtree(paths.payload_folder, ignore_errors=True)
    for source, file in zip(result.included, result.files, strict=True):
        write_bytes(paths.payload_files / file.path, recipes[source])
        if file.statements_sha256 is not None:
            write_bytes(paths.statements(file.path), statements[source])
    write_bytes(paths.body, render_body(result, records, run.moment()).encode())
    write_bytes(paths.commit_message, commit_message(result, records).encode())
    write(paths.payload, result)
    run.progress.payload_written(result)
    return {"digest": payload_digest(run.plan), "final": True}


def _owners(run: Run, config: GatesConfig) -> payload_core.Owners | None:
    """Return who has which executable before the batch, None when that is only reported."""
    if config.taken_executable is Policy.REPORT:
        return None
    return payload_core.Owners(
        recipes=run.around.providers(),
        approved=frozenset(
            source for source, gates in config.approved.items() if AdmissionGate.TAKEN_EXECUTABLE in gates
        ),
        manual=config.taken_executable is Policy.MANUAL,
    )


def clean(files: list[str], dryrun: bool) -> None:
    """Remove what a task wrote; with `doit clean -n` only doit's own listing appears."""
    for name in files:
        path = Path(name)
        if dryrun or not is_there(path):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _verdicts(run: Run, source: str) -> list[Verdict]:
    paths = run.plan.paths
    return [read(paths.verdict(each.id, source), Verdict, purpose="verdict") for each in run.plan.platforms]


def _statements(run: Run, record: ConstraintsRecord) -> bytes:
    """Return what is said of the making of a recipe."""
    plan, source = run.plan, record.source
    ecosystem = ecosystem_of(source)
    given = Circumstances(
        batch_id=plan.batch.id,
        builder=plan.config.provenance.builder,
        generator_revision=plan.revisions[ecosystem],
        installer_revision=revision_of(ecosystem),
        config_digest=policy_digest(plan.config),
        predictions=plan.config.constraints.predictions,
    )
    outcome = read(plan.paths.outcome(source), OutcomeRecord, purpose="outcome")
    return bundle(run.order(source), outcome, record, _verdicts(run, source), given)


def _outcome(run: Run, source: str) -> Outcome:
    return read(run.plan.paths.outcome(source), OutcomeRecord, purpose="outcome").outcome


def _outcome_stands(run: Run, record: OutcomeRecord) -> bool:
    """Return whether an outcome that is there is a result, with its recipe whole beside it, or has still to wait."""
    if not isinstance(record.outcome, Generated):
        return outcome_is_final(record.outcome) or still_waits(record.outcome, run.moment())
    draft = Path(run.plan.paths.draft(record.source))
    return draft.is_file() and sha256(draft.read_bytes()) == record.outcome.recipe_sha256


def _given_outcome(run: Run, source: str, record: OutcomeRecord | None) -> OutcomeRecord:
    """Return what another job has made of a package; raises `PipelineError` when it is not whole."""
    whole = record is not None and (not isinstance(record.outcome, Generated) or _outcome_stands(run, record))
    if record is None or not whole:
        place = run.plan.paths.outcome(source)
        raise PipelineError(
            f"{place}: the outcome of {source}, or its recipe, is missing", remedy="unpack the artifact of `generate`"
        )
    return record


def _keep_draft(run: Run, source: str, made: Made) -> Outcome:
    """Write the recipe of a draft, before the record that vouches for it."""
    path = Path(run.plan.paths.draft(source))
    if not isinstance(made, Draft):
        path.unlink(missing_ok=True)
        return made
    text = written(made)
    broken = strict_check(text)
    if broken:  # what upstream declares can break a rule of the recipe format; it must not stop the run
        rule = f"its recipe would break a rule: {broken[0]}"
        if STOOD_IN in made.evidence.risks:
            return no_answer(rule)
        return msgspec.structs.replace(bad_metadata(rule), upstream=made.evidence.upstream)
    write_bytes(path, text.encode())
    return Generated(recipe=made.recipe, recipe_sha256=sha256(text.encode()), evidence=made.evidence)


def seed(ecosystem: str) -> Kept:
    """Add to the queue what an ecosystem's registry offers; the next time it may offer more."""
    run = current()
    done = seeding.seed(run, ecosystem)
    run.progress.seeded.append(seeding.document(done))
    run.progress.say(seeding.headline(done))
    for line in lines_of(done.merged):
        run.progress.say(f"  {line}")
    return {"digest": "", "final": False}


def _verdict(run: Run, platform: str, source: str, known: Verdict | None) -> Verdict:
    outcome = _outcome(run, source)
    now = timestamp(run.moment())
    if not isinstance(outcome, Generated):
        return not_generated(source, platform, outcome, now)
    if run.plan.brought(platform):
        return run.awaited.verdict(platform, source, outcome, known, now)
    measure = run.plan.made_here(platform)
    made_from = run.validation.verdict_digest(platform, source, outcome)
    after = run.order(source).after
    if known is not None and usable(known, outcome.recipe_sha256, made_from, measure=measure, after=after):
        return known
    if measure:
        return run.validation.measure(platform, source, outcome, made_from)
    if run.plan.predicted_here(platform):
        static = read(run.plan.paths.static(source), StaticRecord, purpose="prediction")
        return predicted(source, platform, outcome, static, made_from, now)
    return not_run(source, platform, outcome, made_from, now)
