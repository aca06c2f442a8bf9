"""What became of each package of the list, read from the records that the pipeline itself left in a root."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.model import (
    Confidence,
    EntryStatus,
    Failed,
    Generated,
    Held,
    OutcomeRecord,
    QueueEntry,
    Skipped,
    Subcategory,
    Verdict,
    VerdictStatus,
)
from pipeline.source import ecosystem_of, identifier_of
from pipeline.store import Paths, read_result
from pipeline.text import kebab

HERE = Path(__file__).parent
PACKAGES = HERE / "packages.txt"
FINDINGS = HERE / "findings.txt"
MEASURED = HERE / "measured.json"
NOT_MEASURED = "not measured"
_MAJOR = re.compile(r"v\d+")
# The page is for everybody: neither which registry was asked nor where on the machine belongs there.
_ADDRESS = re.compile(r"(?:GET )?https?://\S+?:? |\bhttps?://\S+")
_LOOKED_UP = re.compile(r"\b(ENOTFOUND|EAI_AGAIN) [\w.-]+")


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One package: what its recipe names and what the install made, both empty where there was none.

    `ending` is the verdict's status, else what generation said; `cause` and `message` say why it is not `validated`.
    """

    source: str
    ending: str
    executables: list[str] = []
    installed: list[str] = []
    cause: Subcategory | None = None
    message: str = ""

    @property
    def validated(self) -> bool:
        """Whether it was installed and run."""
        return self.ending == VerdictStatus.VALIDATED


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One ecosystem's packages: on which day and platform, with which versions of the tools that ran them.

    `settings` are those that were not the shipped ones, as `key=value`.
    """

    ecosystem: str
    day: str
    platform: str
    runtimes: dict[str, str]
    settings: list[str] = []
    rows: list[Row]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """`measured.json`: the last measurement of each ecosystem."""

    results: list[Measured]


def listed(text: str, names: dict[str, str]) -> list[QueueEntry]:
    """Return the entries of the list; `names` are those of tools that the shipped queue has, by source."""
    entries: list[QueueEntry] = []
    for line in text.splitlines():
        source, *words = line.partition("#")[0].split() or [""]
        if source:
            entries.append(
                QueueEntry(
                    name=names.get(source) or _name(source),
                    source=source,
                    priority=1,
                    status=EntryStatus.PENDING,
                    confidence=Confidence.CURATED,
                    heavy="heavy" in words,
                )
            )
    return entries


def _name(source: str) -> str:
    identifier = identifier_of(source)
    if ecosystem_of(source) == "go":
        identifier = next(part for part in reversed(identifier.split("/")) if not _MAJOR.fullmatch(part))
    return kebab(identifier)


def measured(
    paths: Paths, ecosystem: str, platform: str, sources: Sequence[str], settings: Sequence[str] = ()
) -> Measured:
    """Return what a root's records say; a package without them was not measured."""
    verdicts = [read_result(paths.verdict(platform, source), Verdict) for source in sources]
    known = [verdict for verdict in verdicts if verdict is not None]
    return Measured(
        ecosystem=ecosystem,
        day=max((verdict.at[:10] for verdict in known), default=""),
        platform=platform,
        runtimes=dict(sorted({item for verdict in known for item in verdict.runtime_versions.items()})),
        settings=list(settings),
        rows=[_row(paths, source, verdict) for source, verdict in zip(sources, verdicts, strict=True)],
    )


def _row(paths: Paths, source: str, verdict: Verdict | None) -> Row:
    record = read_result(paths.outcome(source), OutcomeRecord)
    match record.outcome if record else None:
        case None:
            return Row(source=source, ending=NOT_MEASURED)
        case Generated(recipe=recipe):
            return _recipe_row(source, sorted(recipe.executables), verdict)
        case Skipped(subcategory=cause, message=message):
            return Row(source=source, ending="skipped", cause=cause, message=public(message))
        case Failed(subcategory=cause, message=message):
            return Row(source=source, ending="failed", cause=cause, message=public(message))
        case Held(message=message):
            return Row(source=source, ending="held", message=public(message))


def _recipe_row(source: str, executables: list[str], verdict: Verdict | None) -> Row:
    if verdict is None:
        return Row(source=source, ending=NOT_MEASURED, executables=executables)
    passed = verdict.status is VerdictStatus.VALIDATED
    return Row(
        source=source,
        ending=verdict.status.value,
        executables=executables,
        installed=sorted(verdict.found_executables),
        cause=None if passed else verdict.subcategory,
        message="" if passed else public(verdict.reason),
    )


def public(message: str) -> str:
    """Return what was said without addresses and names of hosts."""
    return _LOOKED_UP.sub(r"\1", _ADDRESS.sub("", message)).strip()


def findings(text: str) -> dict[str, str]:
    """Return what a person found out about single packages, by source; each stands on a line of its own."""
    lines = (line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {source: rest[0] if rest else "" for source, *rest in lines}
