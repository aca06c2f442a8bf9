"""A program of the user's that makes a recipe: run once, read strictly, its bytes kept as they are."""

from datetime import datetime

from pipeline.config import EcosystemConfig
from pipeline.digests import digest_of, sha256
from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.drafting import release_age
from pipeline.external.answers import Ended, answer_of, end_of, outcome_of, version_of
from pipeline.external.process import Workshop, carry_out, private_folder, read_written
from pipeline.external.written import Broken, NoExecutable, read_recipe
from pipeline.licenses import normalise
from pipeline.model import (
    Artifact,
    Evidence,
    ExternalAnswer,
    Failed,
    FieldEvidence,
    License,
    Origin,
    Recipe,
    Skipped,
    Subcategory,
    WorkOrder,
)
from pipeline.placeholders import filled, program_name
from pipeline.source import identifier_of
from pipeline.text import kebab, one_line, repository

_DECLARED_CHARACTERS = 200


def make(order: WorkOrder, config: EcosystemConfig, timeout: float, workshop: Workshop, now: datetime) -> Made:
    """Return the recipe that the ecosystem's command writes for a package, or why there is none."""
    name = kebab(order.name)
    if not name:
        return Skipped(subcategory=Subcategory.BAD_NAME, message=f"no recipe can be called {order.name!r}")
    program = program_name(config.command)
    with private_folder(workshop.jobs) as folder:
        output = folder / f"{name}.toml"
        values = {
            "name": name,
            "source": order.source,
            "identifier": identifier_of(order.source),
            "output": str(output),
        }
        ran = carry_out(workshop, filled(config.command, values), folder, timeout)
        answer = answer_of(ran)
        other = Subcategory.GENERATOR_ERROR
        ended = end_of(ran, answer, program=program, timeout=timeout, name=name, other=other)
        if ended is not None:
            return outcome_of(ended)
        written = read_written(output)
    if isinstance(written, Broken):
        return _refused(written, program)
    return _draft(written, answer, name, program, now)


def _draft(text: str, answer: ExternalAnswer, name: str, program: str, now: datetime) -> Made:
    """Return what a program that ended well has written, held against the rules of the recipe format."""
    recipe = read_recipe(text, name)
    match recipe:
        case Broken():
            return _refused(recipe, program)
        case NoExecutable(message=message):
            return outcome_of(Ended(cause=Subcategory.NO_EXECUTABLES, message=message, exit_code=0))
        case Recipe():
            return Draft(recipe=recipe, evidence=_evidence(recipe, text, answer, program, now), text=text)


def _refused(broken: Broken, program: str) -> Skipped | Failed:
    message = one_line(f"{program} ended well, but {broken.rule}")
    return outcome_of(Ended(cause=Subcategory.BAD_RECIPE, message=message, exit_code=0))


def _evidence(recipe: Recipe, text: str, answer: ExternalAnswer, program: str, now: datetime) -> Evidence:
    """Return what is known of a recipe that somebody else made: what the program said, and that no more is known."""
    version = version_of(answer)
    released_at, age_days = release_age(answer.released_at, now)
    declared = one_line(answer.license)[:_DECLARED_CHARACTERS]
    spdx = normalise(declared)
    address = repository(answer.repository, recipe.homepage)
    unknown = {
        "its version": not version,
        "its release time": age_days is None,
        "its licence": spdx is None,
        "its repository": not address,
    }
    missing = ", ".join(what for what, holds in unknown.items() if holds)
    written = {"description": recipe.description, "homepage": recipe.homepage, "executables": recipe.executables}
    cited = {
        "version": "`version` of its answer" if version else "",
        **{field: f"the recipe that {program} wrote" for field, value in written.items() if value},
    }
    return Evidence(
        version=version,
        artifact=Artifact(name="", url=""),
        license=License(spdx=spdx, declared=declared, origin=Origin.GENERATOR),
        released_at=released_at,
        age_days=age_days,
        repository=address,
        fields=[
            FieldEvidence(field=field, origin=Origin.GENERATOR, detail=detail)
            for field, detail in cited.items()
            if detail
        ],
        risks=[
            f"made by {program}, a program of your own; nothing of it was looked up here",
            *([f"{program} does not say {missing}"] if missing else []),
        ],
        upstream=digest_of("upstream", "command", version, sha256(text.encode())),
    )
