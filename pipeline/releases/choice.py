"""Which file of a release is for which platform: a table of points, and no guess where two are equal.

A musl or static build of a program runs on every Linux, so it is taken for all of them: one pattern is worth more
than two. A build whose name says nothing of the C library is taken for all, one for glibc only where glibc is. What
the program's own header says corrects both (`Linking`).
"""

from collections.abc import Iterable, Mapping

import msgspec

from pipeline.platforms import ALL_CELLS, READER_ARCH, Cell
from pipeline.releases.names import FileName


class Linking(msgspec.Struct, frozen=True, kw_only=True):
    """What the header of the program for Linux said of its C library; True until one was read."""

    musl_runs_everywhere: bool = True
    unnamed_runs_on_musl: bool = True


class Ambiguous(msgspec.Struct, frozen=True, kw_only=True):
    """The files that suit a cell equally well."""

    cell: Cell
    names: tuple[str, ...]


def choose(
    files: Iterable[FileName], own: tuple[frozenset[str], ...], linking: Linking
) -> dict[Cell, FileName] | Ambiguous:
    """Return the file for each cell that has one, or those between which nothing decides.

    `own` are the words of the names under which the product is known, the wanted one first.
    """
    known = sorted(files, key=lambda file: file.name)
    chosen: dict[Cell, FileName] = {}
    for cell in ALL_CELLS:
        ranked = {file.name: points for file in known if (points := _points(file, cell, linking)) is not None}
        suiting = _same_product([file for file in known if file.name in ranked], own)
        best = max((ranked[file.name] for file in suiting), default=0)
        equal = [file for file in suiting if ranked[file.name] == best]
        if len(equal) > 1:
            return Ambiguous(cell=cell, names=tuple(file.name for file in equal))
        if equal:
            chosen[cell] = equal[0]
    return chosen


def _points(file: FileName, cell: Cell, linking: Linking) -> int | None:
    """Return how well a file suits a cell, None when it does not."""
    if file.os != cell.os or cell.arch not in {READER_ARCH[arch] for arch in file.arches}:
        return None
    if cell.os != "linux":
        return file.points
    libc = _LIBC_POINTS[cell.libc][file.libc]
    if file.libc == "musl" and cell.libc == "glibc" and not linking.musl_runs_everywhere:
        return None
    if file.libc == "" and cell.libc == "musl" and not linking.unnamed_runs_on_musl:
        return None
    return None if libc is None else file.points + libc


# A hundred is more than all other points of a name together: the C library is decided first.
_LIBC_POINTS: Mapping[str, Mapping[str, int | None]] = {
    "glibc": {"musl": 300, "static": 300, "": 200, "gnu": 100},
    "musl": {"musl": 300, "static": 300, "": 200, "gnu": None},
}


def _same_product(files: list[FileName], own: tuple[frozenset[str], ...]) -> list[FileName]:
    """Return the files of the wanted product, in its plain form.

    Those that bear its name go before others. A file whose words are those of another and more is a variant of that
    one (`tool-rocm` of `tool`), and never taken in its place. Two that are variants of nothing are left for the points.
    """
    for words in own:
        if plain := [file for file in files if file.words == words]:
            return plain
    return [file for file in files if not any(other.words < file.words for other in files)]
