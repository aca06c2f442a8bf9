"""A made-up registry that lists packages of npm: `GET <registry>/tools/<name>.json` says all of one."""

import re
from datetime import datetime

import msgspec

from pipeline import licenses
from pipeline.ecosystems.base import Fetcher, Made
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, decode, draft, one_step, seen, settled
from pipeline.model import Artifact, Failed, Held, License, Origin, Skipped, Subcategory, WorkOrder
from pipeline.source import identifier_of

NAME = "shelf"
REVISION = 1

_IDENTIFIER = re.compile(r"[a-z0-9-]{1,100}")


class Tool(msgspec.Struct, frozen=True):
    """One tool as the registry describes it."""

    name: str
    version: str
    file: str
    commands: list[str] = []
    summary: str = ""
    page: str = ""
    licence: str = ""
    released: str = ""
    deprecated: bool = False


def identifier_defect(identifier: str) -> str:
    """Return why nothing on the shelf can be called this, "" when something can."""
    return "" if _IDENTIFIER.fullmatch(identifier) else f"{identifier!r} cannot be the name of a tool"


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one tool with its evidence, or why there is none."""
    return settled(_make(order, registry, fetcher, now), NAME)


def _make(order: WorkOrder, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    identifier = identifier_of(order.source)
    if defect := identifier_defect(identifier):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=defect)
    answer = fetcher.get(f"{registry}/tools/{identifier}.json", accept="application/json")
    if isinstance(answer, Failed | Held):
        return answer
    tool = decode(answer.content, Tool, f"the tool {identifier}")
    if isinstance(tool, Failed):
        return tool
    if tool.name != identifier or not tool.version:
        return bad_metadata(f"the tool {identifier}: describes another one, or no version")
    if tool.deprecated:
        return Skipped(subcategory=Subcategory.DEPRECATED, message=f"{identifier} is deprecated")
    facts = Facts(
        version=Cited(value=tool.version, detail="version"),
        artifact=Artifact(name=f"{identifier}-{tool.version}", url=f"{registry}/files/{identifier}"),
        license=License(spdx=licenses.normalise(tool.licence), declared=tool.licence[:100], origin=Origin.REGISTRY),
        released=tool.released,
        description=Cited(value=tool.summary, detail="summary"),
        homepages=(Cited(value=tool.page, detail="page"),),
        repository="",
        executables=frozenset(tool.commands),
        executables_from=Cited(value="commands", detail="commands"),
        steps=one_step("npm_install", identifier),
    )
    return seen(draft(order, facts, now), NAME, tool.version, tool.file)
