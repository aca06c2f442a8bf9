"""The one writer of batch-control.json: the machine and the operator each change their own keys, one after the other.

A change reads the file anew under a lock, changes what differs in the JSON as it stands there, and replaces the file
in one step. So keys of others and the order of keys stay, whoever wrote in between. A file that cannot be read is
never overwritten.
"""

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from pipeline.errors import PipelineError
from pipeline.model import Control
from pipeline.settings import parse_control
from pipeline.store import STAGING_SUFFIX, Paths, is_there, read_bytes, write_bytes

MACHINE_KEYS = frozenset({"circuit_breaker", "budget"})
# Changes take milliseconds.
_PATIENCE_SECONDS = 30.0


def machine(paths: Paths, ecosystems: Collection[str], change: Callable[[Control], Control]) -> Control:
    """Change breakers and budget, and return what the file says then; nothing is written when nothing changes.

    `change` may be called with what another process has just written. Raises `BadInput` or another `PipelineError`
    when the file cannot be used, `ValueError` when `change` touches a key of the operator.
    """

    def wanted(known: Control) -> dict[str, object]:
        changed = change(known)
        different = _differences(known, changed)
        if different.keys() - MACHINE_KEYS:
            raise ValueError(f"the machine may not change {sorted(different.keys() - MACHINE_KEYS)}")
        return different

    return _write(paths, ecosystems, wanted)


def operator(paths: Paths, ecosystems: Collection[str], change: Callable[[Control], Control]) -> Control:
    """Change the operator's keys, and return what the file says then; as `machine`, for all other keys."""

    def wanted(known: Control) -> dict[str, object]:
        different = _differences(known, change(known))
        if different.keys() & MACHINE_KEYS:
            raise ValueError(f"an operator may not change {sorted(different.keys() & MACHINE_KEYS)}")
        return different

    return _write(paths, ecosystems, wanted)


def replaced(paths: Paths, *, expected: bytes | None, content: bytes) -> None:
    """Replace the file by what a join has made of it; raises `PipelineError` when it is not `expected` any more."""
    path = Path(os.path.realpath(paths.control))
    with _alone(Paths(path.parent)):
        known = read_bytes(path, purpose="control file") if is_there(paths.control) else None
        if known != expected:
            raise PipelineError(f"{paths.control}: somebody has just changed it", remedy="repeat the command")
        write_bytes(path, content)


def _write(paths: Paths, ecosystems: Collection[str], wanted: Callable[[Control], dict[str, object]]) -> Control:
    # Several roots may share one file by a link: what is locked and replaced is what it leads to.
    path = Path(os.path.realpath(paths.control))
    with _alone(Paths(path.parent)):
        there = is_there(paths.control)
        content = read_bytes(path, purpose="control file") if there else b"{}"
        known, raw = parse_control(content, ecosystems, place=str(paths.control))
        different = wanted(known)
        if not different:
            return known
        if not there:
            raw = msgspec.to_builtins(known)  # whoever opens the new file finds every key
        text = json.dumps(_laid_over(raw, different), indent=2, ensure_ascii=False) + "\n"
        changed, _ = parse_control(text.encode(), ecosystems, place=str(paths.control))
        for left in path.parent.glob(f".{path.name}.*{STAGING_SUFFIX}"):  # of a process that was killed while it wrote
            left.unlink(missing_ok=True)
        write_bytes(path, text.encode())
        return changed


@contextmanager
def _alone(target: Paths) -> Iterator[None]:
    """Hold the lock of a control file, in the build folder beside it."""
    target.build.mkdir(exist_ok=True)
    try:
        with FileLock(target.control_lock, timeout=_PATIENCE_SECONDS):
            yield
    except Timeout:
        raise PipelineError(
            f"{target.control}: another process has held its lock for {_PATIENCE_SECONDS:g} s",
            remedy=f"see which process has {target.control_lock} open",
        ) from None


def _differences(known: Control, changed: Control) -> dict[str, object]:
    """Return what differs, nested as in the file; nothing is ever removed."""
    return _nested(msgspec.to_builtins(known), msgspec.to_builtins(changed))


def _nested(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, object]:
    different: dict[str, object] = {}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            below = _nested(old, value)
            if below:
                different[key] = below
        elif key not in before or old != value:
            different[key] = value
    return different


def _laid_over(raw: Mapping[str, Any], different: Mapping[str, Any]) -> dict[str, Any]:
    """Return some JSON with the differences in it; keys of others and the order of keys stay."""
    merged = dict(raw)
    for key, value in different.items():
        below = merged.get(key)
        merged[key] = _laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
