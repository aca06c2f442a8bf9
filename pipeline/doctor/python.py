"""Whether Python is new enough, and the installed packages are those that the lock file names."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from pipeline.doctor.base import Finding, Machine, failed, ok, warning
from pipeline.store import SHIPPED
from pipeline.text import counted

# `requires-python` of pyproject.toml.
OLDEST = (3, 11)
_LOCKED = re.compile(r"^([A-Za-z0-9][^\\\n]*==[^\\\n]+)", re.MULTILINE)
_REMEDY = "set the environment up again by `bin/run list`"


def examine(_machine: Machine) -> Iterable[Finding]:
    """Look at the interpreter that runs this, and at its packages."""
    yield of_python(sys.version_info[:3])
    yield of_packages(SHIPPED / "requirements.lock", version)


def of_python(here: tuple[int, int, int]) -> Finding:
    """Return whether a version of Python is new enough."""
    shown = ".".join(map(str, here))
    if here[:2] < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        remedy = f"install Python {oldest} or newer, remove .venv, and set PYTHON to it"
        return failed("python", f"{shown} is older than {oldest}", remedy)
    return ok("python", shown)


def of_packages(lock: Path, installed: Callable[[str], str]) -> Finding:
    """Return whether what is installed is what a lock file names; `installed` gives a package's version, or raises."""
    if not lock.is_file():
        return warning("packages", f"there is no {lock.name} to compare them with", "take it from the repository")
    wanted = list(_wanted(lock.read_text(encoding="utf-8")))
    missing = [f"{name} {pinned}" for name, pinned in wanted if _found(name, installed) is None]
    others = [
        f"{name} {found} instead of {pinned}"
        for name, pinned in wanted
        if (found := _found(name, installed)) not in {None, pinned}
    ]
    if missing:
        return failed("packages", _listed(missing, "missing"), _REMEDY)
    if others:
        return warning("packages", _listed(others, f"not that of {lock.name}"), _REMEDY)
    return ok("packages", f"the {len(wanted)} of {lock.name}")


def _wanted(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and version of each line of a lock file that holds for this interpreter."""
    for line in _LOCKED.findall(text):
        try:
            requirement = Requirement(line.strip())
        except InvalidRequirement:
            continue
        pins = [each.version for each in requirement.specifier if each.operator == "=="]
        if pins and (requirement.marker is None or requirement.marker.evaluate()):
            yield requirement.name, pins[0]


def _found(name: str, installed: Callable[[str], str]) -> str | None:
    try:
        return installed(name)
    except PackageNotFoundError:
        return None


def _listed(names: list[str], what: str) -> str:
    shown = ", ".join(names[:3])
    more = f" and {counted(len(names) - 3, 'other')}" if len(names) > 3 else ""
    return f"{counted(len(names), 'package')} {'is' if len(names) == 1 else 'are'} {what}: {shown}{more}"
