"""From the files of one release to steps with a pattern each, and whether earlier releases bear the patterns out.

A name becomes a template: its version, system and processor are taken out. Files with one template make one step, with
a table for the words of systems and one for those of processors. What no table can say (a libc in one file only, a zip
on macOS) becomes a step of its own, which says in `when` where it is for.
"""

from collections.abc import Iterable, Mapping

import msgspec

from pipeline.model import Step, When
from pipeline.platforms import ALL_CELLS, Cell
from pipeline.releases.names import FileName

# What the reader of the format writes for these without a table.
_DEFAULTS = {"os": {"linux": "linux", "darwin": "darwin"}, "arch": {"amd64": "amd64", "arm64": "arm64"}}


class StepPattern(msgspec.Struct, frozen=True, kw_only=True):
    """One step's pattern, the cells that it is for in the order of the platform model, and their files."""

    pattern: str
    format: str
    os_mapping: dict[str, str]
    arch_mapping: dict[str, str]
    files: dict[Cell, FileName]

    @property
    def when(self) -> When | None:
        """Return where the step is for, None when that is everywhere."""
        return _when(list(self.files))

    def expand(self, cell: Cell, version: str) -> str:
        """Return the name of the file for a cell in a release."""
        return _expanded(self.pattern, self.os_mapping, self.arch_mapping, cell, version)


class Differs(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier release that lacks some of the files that the patterns name, or all."""

    tag: str
    missing: tuple[str, ...]
    all_missing: bool


def steps_for(chosen: Mapping[Cell, FileName]) -> list[StepPattern]:
    """Return as few steps as the format allows for these files, in the order of the platform model."""
    groups: dict[tuple[str, str], dict[Cell, FileName]] = {}
    for cell in ALL_CELLS:
        if cell in chosen:
            file = chosen[cell]
            groups.setdefault((_template(file, frozenset({"os", "arch"})), file.format), {})[cell] = file
    return [step for group in groups.values() for step in _split(group)]


def is_for(when: When | None, cell: Cell) -> bool:
    """Say whether a step is for a cell, as the reader of the format does."""
    if when is None:
        return True
    if when.platform:
        return f"{cell.os}/{cell.arch}" in when.platform
    return (
        cell.os in (when.os or [cell.os])
        and cell.arch == (when.arch or cell.arch)
        and (cell.os != "linux" or cell.libc in (when.libc or [cell.libc]))
    )


def expand(step: Step, cell: Cell, version: str) -> str:
    """Return the name of the file that a recipe's step asks for on a cell."""
    tables = {name: table for name, table in step.params.items() if isinstance(table, dict)}
    pattern = str(step.params.get("asset_pattern", ""))
    return _expanded(pattern, tables.get("os_mapping", {}), tables.get("arch_mapping", {}), cell, version)


def _expanded(pattern: str, oses: Mapping[str, str], arches: Mapping[str, str], cell: Cell, version: str) -> str:
    os, arch = oses.get(cell.os, cell.os), arches.get(cell.arch, cell.arch)
    return pattern.replace("{version}", version).replace("{os}", os).replace("{arch}", arch)


def compare(steps: Iterable[StepPattern], tag: str, version: str, names: frozenset[str]) -> Differs | None:
    """Return which files an earlier release lacks by the patterns; None when it has each exactly as they say."""
    wanted = dict.fromkeys(step.expand(cell, version) for step in steps for cell in step.files)
    missing = tuple(name for name in wanted if name not in names)
    return Differs(tag=tag, missing=missing, all_missing=len(missing) == len(wanted)) if missing else None


def _split(files: dict[Cell, FileName]) -> list[StepPattern]:
    """Return one step for the files of one template, or several where one cannot tell them apart."""
    if _is_one_step(files):
        return [_step(files)]
    for key in ("os", "arch", "libc"):
        parts: dict[str, dict[Cell, FileName]] = {}
        for cell, file in files.items():
            parts.setdefault(getattr(cell, key), {})[cell] = file
        if len(parts) > 1:
            return [step for part in parts.values() for step in _split(part)]
    return [_step(files)]


def _is_one_step(files: Mapping[Cell, FileName]) -> bool:
    """Say whether system and processor each have one word, and whether `when` can name exactly these cells."""
    for kind in ("os", "arch"):
        words: dict[str, set[str]] = {}
        for cell, file in files.items():
            words.setdefault(getattr(cell, kind), set()).add(_text(file, kind))
        if any(len(each) > 1 for each in words.values()):
            return False
    libcs: dict[str, set[str]] = {}
    for cell in files:
        if cell.os == "linux":
            libcs.setdefault(cell.arch, set()).add(cell.libc)
    if all(len(each) == 2 for each in libcs.values()):
        return True
    return len({cell.os for cell in files}) == 1 and len({frozenset(each) for each in libcs.values()}) == 1


def _step(files: dict[Cell, FileName]) -> StepPattern:
    """Return the step; a word that is the same in all its files stays in the pattern as it is."""
    by_kind: dict[str, dict[str, str]] = {"os": {}, "arch": {}}
    for cell, file in files.items():
        by_kind["os"][cell.os] = _text(file, "os")
        by_kind["arch"][cell.arch] = _text(file, "arch")
    varying = frozenset(kind for kind, words in by_kind.items() if len(set(words.values())) > 1)
    first = next(iter(files.values()))
    tables = {
        kind: {key: word for key, word in sorted(words.items()) if kind in varying and _DEFAULTS[kind][key] != word}
        for kind, words in by_kind.items()
    }
    return StepPattern(
        pattern=_template(first, varying),
        format=first.format,
        os_mapping=tables["os"],
        arch_mapping=tables["arch"],
        files=files,
    )


def _text(file: FileName, kind: str) -> str:
    return next((span.text for span in file.spans if span.kind == kind), "")


def _template(file: FileName, varying: frozenset[str]) -> str:
    """Return the name with its version and the first words of these kinds taken out."""
    made, at, taken = "", 0, set[str]()
    for span in file.spans:
        if span.kind == "version" or (span.kind in varying and span.kind not in taken):
            taken.add(span.kind)
            made, at = f"{made}{file.name[at : span.start]}{{{span.kind}}}", span.stop
    return made + file.name[at:]


def _when(cells: list[Cell]) -> When | None:
    pairs = list(dict.fromkeys((cell.os, cell.arch) for cell in cells))
    libcs = {cell.libc for cell in cells if cell.os == "linux"}
    oses, arches = list(dict.fromkeys(os for os, _ in pairs)), list(dict.fromkeys(arch for _, arch in pairs))
    if len(libcs) == 1:
        return When(os=oses, arch=arches[0] if len(arches) == 1 else "", libc=sorted(libcs))
    if len(pairs) != len(oses) * len(arches):
        return When(platform=[f"{os}/{arch}" for os, arch in pairs])
    if len(oses) == 2 and len(arches) == 2:
        return None
    return When(os=oses if len(oses) == 1 else [], arch=arches[0] if len(arches) == 1 else "")
