"""Which platforms a recipe must not be installed on: from verdicts to the keys of `[metadata]`, and back.

The recipe's reader tells platforms apart by os, arch and, on Linux, libc (`platforms.Cell`); Linux families share
a cell. `derive` writes, `admits` reads; both stand on the same model, so that what is written is what is understood.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from typing import Literal

import msgspec

from pipeline.errors import Defect
from pipeline.model import Constraints, VerdictStatus
from pipeline.platforms import (
    ALL_CELLS,
    ALL_PLATFORMS,
    CELL_OF,
    READER_ARCHES,
    READER_LIBCS,
    READER_OSES,
    Cell,
    Platform,
    cell_of,
)

PASSED = frozenset({VerdictStatus.VALIDATED, VerdictStatus.VALIDATED_EMULATED})
REASON_LIMIT = 200  # characters of `unsupported_reason`: one line that people read
_NO_REASON = "it was tried there and failed"


class Derived(msgspec.Struct, frozen=True, kw_only=True):
    """Constraints, the platforms they exclude though they did not fail, and whether they exclude everything."""

    constraints: Constraints
    over_excluded: tuple[str, ...]
    empty: bool


def derive(
    statuses: Mapping[str, VerdictStatus],
    *,
    predictions: Literal["report", "restrict"],
    reasons: Mapping[str, str],
) -> Derived:
    """Return the shortest constraints that admit no failed platform and every cell without a failure.

    `statuses` and `reasons` are keyed by platform id. Predicted failures count as failures when `predictions` is
    "restrict". A cell that holds both a pass and a failure is excluded whole; its other platforms are `over_excluded`.
    """
    failing = {VerdictStatus.FAILED}
    if predictions == "restrict":
        failing.add(VerdictStatus.PREDICTED_FAIL)
    failed = [platform for platform, status in statuses.items() if status in failing]
    excluded = frozenset(CELL_OF[platform] for platform in failed)
    over = sorted(name for name, status in statuses.items() if status not in failing and CELL_OF[name] in excluded)
    shortest = shortest_excluding(excluded)
    if excluded:
        shortest = msgspec.structs.replace(shortest, unsupported_reason=_reason(failed, reasons))
    return Derived(constraints=shortest, over_excluded=tuple(over), empty=len(excluded) == len(ALL_CELLS))


def admits(constraints: Constraints, platform: Platform) -> bool:
    """Say what the recipe's reader says: may the recipe be installed on this platform? An empty list means no limit."""
    return _admits_cell(constraints, cell_of(platform))


def admitted(constraints: Constraints) -> list[str]:
    """Return the ids of all platforms that the reader would install on, in the order of the platform model."""
    return [platform.id for platform in ALL_PLATFORMS if admits(constraints, platform)]


def check_strict(constraints: Constraints) -> list[Defect]:
    """Return what the reader's strict mode refuses: unknown words, entries without effect, an empty result."""
    defects = [
        *_unknown_words("supported_os", constraints.supported_os, READER_OSES),
        *_unknown_words("supported_arch", constraints.supported_arch, READER_ARCHES),
        *_unknown_words("supported_libc", constraints.supported_libc, READER_LIBCS),
        *_bad_entries(constraints),
    ]
    if not any(_admits_cell(constraints, cell) for cell in ALL_CELLS):
        rule = "no platform is left"
        defects.append(Defect(pointer="/metadata", rule=rule, remedy="allow at least one platform"))
    return defects


@cache
def shortest_excluding(excluded: frozenset[Cell]) -> Constraints:
    """Return the constraints that exclude exactly these cells: fewest keys, then fewest entries, then first by text.

    There are 64 sets of cells, so each answer is searched for once.
    """
    return min(_candidates(excluded), key=_length)


def _candidates(excluded: frozenset[Cell]) -> Iterator[Constraints]:
    """Yield the shortest deny-list that completes each combination of allow-lists that loses no wanted cell."""
    wanted = frozenset(ALL_CELLS) - excluded
    for oses, arches, libcs in product(_choices(READER_OSES), _choices(READER_ARCHES), _choices(READER_LIBCS)):
        allowing = Constraints(supported_os=oses, supported_arch=arches, supported_libc=libcs)
        allowed = {cell for cell in ALL_CELLS if _admits_cell(allowing, cell)}
        if allowed and wanted <= allowed:
            yield msgspec.structs.replace(allowing, unsupported_platforms=_deny(allowed - wanted, wanted))


def _choices(words: tuple[str, ...]) -> tuple[list[str], ...]:
    """Return the allow-lists over two words; all of them is the same as no list, which is shorter."""
    return ([], *([word] for word in words))


def _deny(unwanted: set[Cell], wanted: frozenset[Cell]) -> list[str]:
    """Return the fewest entries that deny the unwanted cells: `os/arch` where no wanted cell shares it."""
    kept = {(cell.os, cell.arch) for cell in wanted}
    return sorted(
        {
            f"{cell.os}/{cell.arch}/{cell.libc}" if (cell.os, cell.arch) in kept else f"{cell.os}/{cell.arch}"
            for cell in unwanted
        }
    )


def _length(constraints: Constraints) -> tuple[int, int, list[list[str]]]:
    lists = _lists(constraints)
    return sum(map(bool, lists)), sum(map(len, lists)), lists


def _lists(constraints: Constraints) -> list[list[str]]:
    return [
        constraints.supported_os,
        constraints.supported_arch,
        constraints.supported_libc,
        constraints.unsupported_platforms,
    ]


def _admits_cell(constraints: Constraints, cell: Cell) -> bool:
    listed = (
        (not constraints.supported_os or cell.os in constraints.supported_os)
        and (not constraints.supported_arch or cell.arch in constraints.supported_arch)
        # The reader asks for the libc on Linux only.
        and (not cell.libc or not constraints.supported_libc or cell.libc in constraints.supported_libc)
    )
    denied = {f"{cell.os}/{cell.arch}", f"{cell.os}/{cell.arch}/{cell.libc}"}
    return listed and denied.isdisjoint(constraints.unsupported_platforms)


def _unknown_words(key: str, words: list[str], known: tuple[str, ...]) -> Iterator[Defect]:
    for word in words:
        if word not in known:
            rule = f"{word!r} is not understood"
            yield Defect(pointer=f"/metadata/{key}", rule=rule, remedy=f"use {' or '.join(known)}")


def _bad_entries(constraints: Constraints) -> Iterator[Defect]:
    oses = constraints.supported_os or READER_OSES
    arches = constraints.supported_arch or READER_ARCHES
    understood = {"/".join((cell.os, cell.arch, cell.libc)).rstrip("/") for cell in ALL_CELLS}
    understood |= {f"{cell.os}/{cell.arch}" for cell in ALL_CELLS}
    for entry in constraints.unsupported_platforms:
        os, _, rest = entry.partition("/")
        if entry not in understood:
            rule = f"{entry!r} is not understood"
        elif os not in oses or rest.partition("/")[0] not in arches:
            rule = f"{entry!r} is outside supported_os x supported_arch and has no effect"
        else:
            continue
        remedy = "use os/arch or os/arch/libc of a platform that the other keys allow"
        yield Defect(pointer="/metadata/unsupported_platforms", rule=rule, remedy=remedy)


def _reason(failed: list[str], reasons: Mapping[str, str]) -> str:
    """Return one printable line: each cause once, with the platforms that it was seen on."""
    causes: dict[str, list[str]] = {}
    for platform in sorted(failed):
        words = "".join(char if char.isprintable() else " " for char in reasons.get(platform, "")).split()
        causes.setdefault(" ".join(words) or _NO_REASON, []).append(platform)
    line = "; ".join(f"{cause} ({', '.join(platforms)})" for cause, platforms in causes.items())
    return line if len(line) <= REASON_LIMIT else f"{line[: REASON_LIMIT - 1]}…"
