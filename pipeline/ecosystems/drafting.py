"""What all ecosystems share: reading an answer, and turning facts into a recipe with its evidence."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from pipeline import text
from pipeline.decoding import decode_json
from pipeline.digests import digest_of
from pipeline.ecosystems.base import Answer, Draft, Fetcher, Made
from pipeline.model import (
    STOOD_IN,
    Artifact,
    Build,
    Category,
    Evidence,
    Failed,
    FieldEvidence,
    Held,
    License,
    Origin,
    Recipe,
    Skipped,
    Step,
    Subcategory,
    WorkOrder,
)
from pipeline.recipe import render
from pipeline.recipe_rules import PACKAGE_KEY

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
    # What installs them: called with the executables in the order of the recipe.
    steps: Callable[[list[str]], list[Step]]
    # Tools that must be there before it can be installed, those it needs to run, and `[version]` where the reader
    # cannot infer it.
    dependencies: tuple[str, ...] = ()
    runtime_dependencies: tuple[str, ...] = ()
    version_source: Mapping[str, str] = {}
    runtime_requirement: str = ""
    has_install_scripts: bool = False
    has_attestations: bool = False
    risks: tuple[str, ...] = ()
    builds: tuple[Build, ...] = ()
    # As in `Evidence`; None where an ecosystem does not say it.
    upstream: str | None = None


def draft(order: WorkOrder, facts: Facts, now: datetime) -> Draft | Skipped | Failed:
    """Return the recipe and its evidence, or why the format cannot hold it.

    One executable whose name the format forbids stops the whole package: a recipe must name all that it
    installs, and a name with a space or a `;` in it is for a person to judge.
    """
    if len(facts.version.value) > LONGEST_VERSION:
        return bad_metadata(f"a version of {len(facts.version.value)} characters")
    if not facts.version.value.isprintable():
        return bad_metadata(f"{facts.version.value!a} is no version")
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
    recipe = Recipe(
        name=name,
        description=text.description(facts.description.value),
        homepage=text.homepage(homepage.value),
        dependencies=list(facts.dependencies),
        runtime_dependencies=list(facts.runtime_dependencies),
        version=dict(facts.version_source),
        steps=facts.steps(executables),
        executables=executables,
    )
    return Draft(recipe=recipe, evidence=_evidence(recipe, facts, homepage, now))


def one_step(action: str, package: str) -> Callable[[list[str]], list[Step]]:
    """Return what makes the one step of a recipe whose action takes a package and its executables."""
    return lambda executables: [Step(action=action, params={PACKAGE_KEY[action]: package, "executables": executables})]


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
        risks=[*_common_risks(recipe, facts, repository), *facts.risks],
        upstream=facts.upstream,
        builds=list(facts.builds),
    )


def _common_risks(recipe: Recipe, facts: Facts, repository: str) -> list[str]:
    """Return what a reviewer should know of any package; `pipeline.admission` adds what its gates find."""
    first = recipe.executables[0]
    found = {
        "names no repository that can be looked at": not repository,
        f"no executable is called {recipe.name}; the first is {first}": recipe.name not in recipe.executables,
        "the registry gives no digest that can be trusted": not facts.artifact.digest,
    }
    return [risk for risk, holds in found.items() if holds]


def written(draft: Draft) -> str:
    """Return a draft's TOML: as the user's program wrote it, else rendered."""
    return draft.text or render(draft.recipe)


class Watching:
    """A fetcher that notes whether a stored answer stood in for one that did not come, and what was pinned.

    With `trusting=False` nothing is: each stored answer is asked about when its time is over.
    """

    def __init__(self, fetcher: Fetcher, *, trusting: bool = True) -> None:
        self._fetcher = fetcher
        self._trusting = trusting
        self.stood_in = False
        self.used_pinned = False

    def get(
        self, url: str, *, accept: str = "", tail_bytes: int = 0, span: tuple[int, int] | None = None, pinned: str = ""
    ) -> Answer | Failed | Held:
        """Return the answer to a GET, as the fetcher gives it."""
        pinned = pinned if self._trusting else ""
        self.used_pinned = self.used_pinned or bool(pinned)
        answer = self._fetcher.get(url, accept=accept, tail_bytes=tail_bytes, span=span, pinned=pinned)
        self.stood_in = self.stood_in or (isinstance(answer, Answer) and answer.stale)
        return answer


def from_stored(made: Made) -> Made:
    """Return what was made from a stored answer while the registry did not answer.

    A recipe is kept, with that as a risk. What an old answer says against a package is no reason to give it up: it is
    asked for again, as if nothing had been stored.
    """
    match made:
        case Draft(recipe=recipe, evidence=evidence):
            risks = [STOOD_IN, *evidence.risks]
            return Draft(recipe=recipe, evidence=msgspec.structs.replace(evidence, risks=risks))
        case Skipped(message=message) | Failed(message=message, transient=False):
            return no_answer(message)
        case Failed() | Held():
            return made


def no_answer(stored: str) -> Failed:
    """Return the outcome of a package whose registry did not answer, with what a stored answer says of it."""
    return Failed(
        category=Category.NETWORK_ERROR,
        subcategory=Subcategory.UPSTREAM_UNAVAILABLE,
        transient=True,
        message=f"the registry did not answer; a stored answer says: {stored}",
    )


def seen(made: Made, *semantic: object) -> Made:
    """Return what was made, with the digest of what it depends on upstream: that of the release that was chosen.

    What is said of other releases, times and counts are not part of it. What passes by itself gets none.
    """
    return _with_upstream(made, digest_of("upstream", *semantic))


def settled(made: Made, ecosystem: str) -> Made:
    """Return what was made; what no release was chosen for depends on nothing but that this is still so."""
    match made:
        case Skipped(subcategory=cause, upstream=None) | Failed(subcategory=cause, upstream=None):
            return _with_upstream(made, digest_of("upstream", ecosystem, cause))
        case _:
            return made


def _with_upstream(made: Made, upstream: str) -> Made:
    match made:
        case Draft(recipe=recipe, evidence=evidence):
            return Draft(recipe=recipe, evidence=msgspec.structs.replace(evidence, upstream=upstream))
        case Skipped() | Failed(transient=False):
            return msgspec.structs.replace(made, upstream=upstream)
        case Failed() | Held():
            return made


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
        return decode_json(content, type_)
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


def other_digest(message: str) -> Failed:
    """Return the outcome for a file that is not the one that was published; asking again gives the same bytes."""
    return Failed(
        category=Category.GENERATION_FAILED,
        subcategory=Subcategory.DIGEST_MISMATCH,
        transient=False,
        message=message,
    )


def shown(items: list[str]) -> str:
    """Return a list for a sentence, cut after a few."""
    more = f" and {len(items) - _NAMES_SHOWN} more" if len(items) > _NAMES_SHOWN else ""
    return ", ".join(item[:80] for item in items[:_NAMES_SHOWN]) + more
