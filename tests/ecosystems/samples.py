"""Made-up packages in the shapes that registries give, read from `fixtures/<ecosystem>/<case>.json`.

A fixture names its `source`, its tool `name` and its `pages`: path below the registry -> `{"json": ...}`,
`{"lines": [...]}` (one JSON value a line), `{"text": ...}`, `{"zip": {member: text}}`, `{"tar": {member: text}}`,
`{"bottle": {member: text}}`, whose members can all be run, `{"gem": [lines of its YAML]}` (`"old gem"`: behind much
data) or `{"program": ...}`. In JSON, `$SHA256 <path>` and `$SIZE <path>` stand for those of another page, in texts
`$SHA256(<path>)` and `$SHA512(<path>)`; a member `$PROGRAM x86_64 glibc` is the beginning of such a program.
"""

import hashlib
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Made
from pipeline.model import WorkOrder
from tests.fake_packages import gem, tar_gz
from tests.fake_programs import program_said
from tests.fakes_fetcher import DictFetcher

FOLDER = Path(__file__).with_name("fixtures")
SCHEMA = "answers.schema.json"
REGISTRY = "https://registry.example/base"
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


class Sample:
    """One fixture: the order, and the pages as bytes by their full address."""

    def __init__(self, path: Path) -> None:
        raw = json.loads(path.read_text("utf-8"))
        self.ecosystem = path.parent.name
        self.order = WorkOrder(source=raw["source"], name=raw["name"])
        self.page_json = {page: found.get("json", found.get("lines")) for page, found in raw["pages"].items()}
        self._by_line = {page for page, found in raw["pages"].items() if "lines" in found}
        files = {page: make_zip(_members(found["zip"])) for page, found in raw["pages"].items() if "zip" in found}
        files |= {page: tar_gz(_members(found["tar"])) for page, found in raw["pages"].items() if "tar" in found}
        files |= {page: program_said(found["program"]) for page, found in raw["pages"].items() if "program" in found}
        files |= {
            page: tar_gz(found["bottle"], mode=0o755) for page, found in raw["pages"].items() if "bottle" in found
        }
        for kind, data_first in (("gem", False), ("old gem", True)):
            described = {page: "\n".join(found[kind]) for page, found in raw["pages"].items() if kind in found}
            data = {"large": "x" * 200_000} if data_first else {}
            files |= {page: gem(yaml, data, data_first=data_first) for page, yaml in described.items()}
        self.pages: dict[str, bytes] = {REGISTRY + page: content for page, content in files.items()}
        self.page_json = {page: value for page, value in self.page_json.items() if value is not None}
        for page, value in self.page_json.items():
            self.page_json[page] = filled(value, files)
            self.pages[REGISTRY + page] = self.encode(page, self.page_json[page])
        texts = {page: summed(found["text"], files) for page, found in raw["pages"].items() if "text" in found}
        self.pages |= {REGISTRY + page: content.encode() for page, content in texts.items()}
        # The first answer in JSON; none where another form alone decides.
        self.metadata_page = next(iter(self.page_json), "")
        self.metadata_url = REGISTRY + self.metadata_page if self.page_json else ""

    def encode(self, page: str, value: object) -> bytes:
        """Return a page's value as its registry sends it."""
        if page in self._by_line and isinstance(value, list):
            return "\n".join(json.dumps(item) for item in value).encode()
        return json.dumps(value).encode()

    def make(self, pages: dict[str, Any] | None = None, *, ranges: bool = True) -> Made:
        """Return the outcome, with other pages when given."""
        return make(self.order, DictFetcher(self.pages if pages is None else pages, ranges=ranges))


def make(order: WorkOrder, fetcher: DictFetcher) -> Made:
    """Return the outcome of an order at the samples' registry and time."""
    ecosystem = ECOSYSTEMS[order.source.partition(":")[0]]
    return ecosystem.make(order, registry=REGISTRY, fetcher=fetcher, now=NOW)


def fixture_files(ecosystem: str) -> list[Path]:
    """Return the fixtures of an ecosystem, or of all (`*`); the schema of its answers lies beside them."""
    return sorted(path for path in FOLDER.glob(f"{ecosystem}/*.json") if path.name != SCHEMA)


def all_samples() -> dict[str, Sample]:
    """Return all fixtures by `<ecosystem>-<case>`."""
    return {f"{path.parent.name}-{path.stem}": Sample(path) for path in fixture_files("*")}


def make_zip(members: dict[str, str | bytes]) -> bytes:
    """Return a zip with these members, the same bytes on each machine: not compressed, no times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def _members(texts: dict[str, str]) -> dict[str, str | bytes]:
    """Return the members of an archive, with programs where a text asks for one."""
    marker = "$PROGRAM "
    return {
        name: program_said(text.removeprefix(marker)) if text.startswith(marker) else text
        for name, text in texts.items()
    }


def summed(text: str, files: dict[str, bytes]) -> str:
    """Return a text with the digests of files in the place of what stands for them."""
    return re.sub(
        r"\$SHA(256|512)\(([^)]+)\)", lambda match: hashlib.new(f"sha{match[1]}", files[match[2]]).hexdigest(), text
    )


def filled(value: object, files: dict[str, bytes]) -> object:
    """Return a value with the digests and sizes of files in the place of what stands for them."""
    match value:
        case dict():
            return {key: filled(item, files) for key, item in value.items()}
        case list():
            return [filled(item, files) for item in value]
        case str() if "$SHA256 " in value:
            head, _, page = value.partition("$SHA256 ")
            return head + hashlib.sha256(files[page]).hexdigest()
        case str() if value.startswith("$SIZE "):
            return len(files[value.removeprefix("$SIZE ")])
        case _:
            return value
