"""What every benchmark prints: the machine, then one line for each figure beside its limit; or all as one object."""

import argparse
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure depends on. `load` is how many processes wanted to run in the last minute, others' included."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load: float


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured number. `limit` is the largest (or, with `at_least`, the smallest) that is good enough."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure keeps its limit; one without a limit does."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark's answer: what was measured, when, where, and single findings as plain lines."""

    benchmark: str
    what: str
    at: str
    machine: Machine
    figures: list[Figure]
    lines: list[str]


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser of the arguments that every benchmark has; the first line of its docstring says what it is."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def publish(
    benchmark: str,
    what: str,
    figures: Sequence[Figure],
    lines: Sequence[str] = (),
    *,
    json: bool,
    more: msgspec.Struct | None = None,
) -> None:
    """Print a report: for people, or with `json` as one object on one line, which also holds the fields of `more`."""
    report = Report(
        benchmark=benchmark,
        what=what,
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        machine=machine(),
        figures=list(figures),
        lines=list(lines),
    )
    if json:
        fields = {**msgspec.to_builtins(report), **(msgspec.to_builtins(more) if more else {})}
        print(msgspec.json.encode(fields).decode())
        return
    here = report.machine
    print(f"{benchmark}: {what}")
    print(
        f"machine: {here.processor}, {here.cores} cores, {here.memory_gib:g} GiB, {here.system}, Python {here.python}, "
        f"load {here.load:g}, {report.at}"
    )
    for line in lines:
        print(f"  {line}")
    for figure in figures:
        print(f"  {_row(figure)}")


def machine() -> Machine:
    """Return the facts of the machine that this runs on."""
    lines = _lines("/proc/cpuinfo")
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return Machine(
        processor=model or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=platform.system(),
        python=platform.python_version(),
        load=round(os.getloadavg()[0], 2),
    )


def _lines(name: str) -> list[str]:
    path = Path(name)
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _row(figure: Figure) -> str:
    row = f"{figure.name:<44} {figure.value:10,.6g} {figure.unit:<5}"
    if figure.limit is not None:
        bound = "at least" if figure.at_least else "limit"
        row += f"  {bound} {figure.limit:g} {figure.unit}: {'holds' if figure.holds else 'MISSED'}"
    return f"{row}  {figure.note}".rstrip()
