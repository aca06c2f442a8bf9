"""What all ecosystems share: reading an answer, and turning facts into a recipe with its evidence."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from pipeline import text
from pipeline.ecosystems.base import Answer, Draft, Made
from pipeline.model import (
    Artifact,
    Category,
    Evidence,
    Failed,
    FieldEvidence,
    License,
    Origin,
    Recipe,
    Skipped,
    Step,
    Subcategory,
    WorkOrder,
)
from pipeline.recipe_rules import PACKAGE_KEY

# A release this young may still be withdrawn: most malicious ones are found within three days.
YOUNG_DAYS = 3.0
# As in `Evidence.version`: what is longer is no version.
LONGEST_VERSION = 100
# The recipe format's rule, and the limit of model.ExecutableName.
_EXECUTABLE = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._+-]{0,127}")
_NAMES_SHOWN = 5

T = TypeVar("T")


class Cited(msgspec.Struct, frozen=True, kw_only=True):
    """One fact as upstream wrote it and where it stands; "" when upstream is silent."""

    value: str
    origin: Origin = Origin.REGISTRY
    detail: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that an ecosystem found out about the release that it chose, as upstream wrote it."""

    version: Cited
    artifact: Artifact
    license: License
    released: str
    description: Cited
    # In order of preference; the first that can be cleaned to an https address is taken.
    homepages: tuple[Cited, ...]
    repository: str
    executables: frozenset[str]
    executables_from: Cited
    action: str
    package: str
    # Tools that must be there before it can be installed, and `[version]` where the reader cannot infer it.
    dependencies: tuple[str, ...] = ()
    version_source: Mapping[str, str] = {}
    runtime_requirement: str = ""
    has_install_scripts: bool = False
    has_attestations: bool = False
    risks: tuple[str, ...] = ()
    # As in `Evidence`; None where an ecosystem does not say it.
    upstream: str | None = None


def draft(order: WorkOrder, facts: Facts, now: datetime) -> Draft | Skipped | Failed:
    """Return the recipe and its evidence, or why the format cannot hold it.

    One executable whose name the format forbids stops the whole package: a recipe must name all that it
    installs, and a name with a space or a `;` in it is for a person to judge.
    """
    if len(facts.version.value) > LONGEST_VERSION:
        return bad_metadata(f"a version of {len(facts.version.value)} characters")
    name = text.kebab(order.name)
    if not name:
        return Skipped(subcategory=Subcategory.BAD_NAME, message=f"no recipe can be called {order.name!r}")
    bad = sorted(exe for exe in facts.executables if not _EXECUTABLE.fullmatch(exe))
    if bad:
        message = f"no recipe can name the executable {shown([ascii(exe) for exe in bad])}"
        return Skipped(subcategory=Subcategory.BAD_NAME, message=message)
    if not facts.executables:
        message = f"version {facts.version.value} installs no executable: {facts.executables_from.detail}"
        return Skipped(subcategory=Subcategory.NO_EXECUTABLES, message=message)
    executables = ordered(facts.executables, order.name, name)
    homepage = next((cited for cited in facts.homepages if text.homepage(cited.value)), Cited(value=""))
    step = Step(action=facts.action, params={PACKAGE_KEY[facts.action]: facts.package, "executables": executables})
    recipe = Recipe(
        name=name,
        description=text.description(facts.description.value),
        homepage=text.homepage(homepage.value),
        dependencies=list(facts.dependencies),
        version=dict(facts.version_source),
        steps=[step],
        executables=executables,
    )
    return Draft(recipe=recipe, evidence=_evidence(recipe, facts, homepage, now))


def _evidence(recipe: Recipe, facts: Facts, homepage: Cited, now: datetime) -> Evidence:
    released_at, age_days = release_age(facts.released, now)
    repository = text.repository(facts.repository, *(cited.value for cited in facts.homepages))
    cited = {
        "version": facts.version,
        "description": facts.description if recipe.description else Cited(value=""),
        "homepage": homepage,
        "executables": facts.executables_from,
    }
    return Evidence(
        version=facts.version.value,
        artifact=facts.artifact,
        license=facts.license,
        released_at=released_at,
        age_days=age_days,
        repository=repository,
        fields=[
            FieldEvidence(field=field, origin=found.origin, detail=found.detail)
            for field, found in cited.items()
            if found.value
        ],
        runtime_requirement=text.one_line(facts.runtime_requirement)[:100],
        has_install_scripts=facts.has_install_scripts,
        has_attestations=facts.has_attestations,
        risks=[*_common_risks(recipe, facts, repository, age_days), *facts.risks],
        upstream=facts.upstream,
    )


def _common_risks(recipe: Recipe, facts: Facts, repository: str, age_days: float | None) -> list[str]:
    first = recipe.executables[0]
    declared = f" (upstream says {facts.license.declared!r})" if facts.license.declared else " (upstream names none)"
    found = {
        "has install scripts, which run code of the package": facts.has_install_scripts,
        "released less than 72 hours ago": age_days is not None and age_days < YOUNG_DAYS,
        "the registry gives no release time": age_days is None,
        f"the licence is unknown{declared}": facts.license.spdx is None,
        "names no repository that can be looked at": not repository,
        f"no executable is called {recipe.name}; the first is {first}": recipe.name not in recipe.executables,
        "the registry gives no digest that can be trusted": not facts.artifact.digest,
    }
    return [risk for risk, holds in found.items() if holds]


def mark_stale(made: Made, answer: Answer) -> Made:
    """Return what was made; when the registry did not answer and a stored copy stood in, with that as a risk."""
    if not (answer.stale and isinstance(made, Draft)):
        return made
    risks = ["made from a stored answer: the registry did not answer", *made.evidence.risks]
    return Draft(recipe=made.recipe, evidence=msgspec.structs.replace(made.evidence, risks=risks))


def ordered(executables: frozenset[str], *names: str) -> list[str]:
    """Return the executables with those equal to the tool's names first, then by code point."""
    return sorted(executables, key=lambda exe: (*(exe != name for name in names), exe))


def release_age(released: str, now: datetime) -> tuple[str | None, float | None]:
    """Return the release time as RFC 3339 in UTC and its age in days, or (None, None) when it is not a time.

    A time without a zone is taken as UTC, whatever this machine's zone is. A clock that is a little behind
    the registry's must not make a negative age.
    """
    try:
        stated = datetime.fromisoformat(released)
        at = (stated if stated.tzinfo else stated.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # not a time; a year that no calendar has
        return None, None
    age = max(0.0, (now - at).total_seconds() / 86_400)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z"), round(age, 3)


def decode(content: bytes, type_: type[T], place: str) -> T | Failed:
    """Return the answer as a structure, or `Failed(bad_metadata)` naming the place and the broken rule."""
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return bad_metadata(f"{place}: {error}")
    except RecursionError:
        return bad_metadata(f"{place}: nested too deeply")


def bad_metadata(message: str) -> Failed:
    """Return the outcome for an answer that breaks the registry's own rules; asking again does not help."""
    return Failed(
        category=Category.GENERATION_FAILED,
        subcategory=Subcategory.BAD_METADATA,
        transient=False,
        message=text.one_line(message[:600]),
    )


def shown(items: list[str]) -> str:
    """Return a list for a sentence, cut after a few."""
    more = f" and {len(items) - _NAMES_SHOWN} more" if len(items) > _NAMES_SHOWN else ""
    return ", ".join(item[:80] for item in items[:_NAMES_SHOWN]) + more
