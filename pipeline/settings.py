"""Reading what people set: pipeline.yaml laid over the shipped one, overrides on the command line, control, queue."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.checks import first_defect, masked, nearest, shorten
from pipeline.config import Config, deep_merge, nest, to_config
from pipeline.contract import json_schema
from pipeline.digests import sha256
from pipeline.errors import BadInput, Defect, PipelineError
from pipeline.instants import instant
from pipeline.model import Breaker, Budget, Control, Probe, Queue
from pipeline.setting_rules import broken_rule, unknown_ecosystem
from pipeline.store import SHIPPED, Paths, decode, is_there, parse_yaml, read_bytes, read_yaml, unique_json


def load_config(paths: Paths, overrides: Sequence[tuple[str, str]]) -> Config:
    """Return the configuration: shipped, then the root's file, then each `key=value`; raises `BadInput`."""
    shipped_path = SHIPPED / "pipeline.yaml"
    raw = read_yaml(shipped_path)
    place = str(shipped_path)
    if paths.config != shipped_path and is_there(paths.config):
        over = read_yaml(paths.config)
        place = str(paths.config)
        _check_ecosystems(over, raw, place)
        raw = deep_merge(raw, over)
    config = _checked(raw, place)
    _check_together(config, place)
    for key, text in overrides:
        place = f"command line, {shorten(key, 60)}={shorten(masked(text), 60)}"
        over = nest(key, parse_yaml(text.encode(errors="surrogateescape"), place=place))
        _check_ecosystems(over, raw, place)
        raw = deep_merge(raw, over)
        config = _checked(raw, place)
    # Only now: what binds several keys, such as a generator and its command, may be two overrides.
    _check_together(config, "command line")
    return config


def load_control(paths: Paths, ecosystems: Collection[str]) -> Control:
    """Return batch-control.json, or the defaults (all enabled) when the root has none; raises `BadInput`.

    `ecosystems` are those that can be disabled. Unknown keys are kept by whoever writes the file, so they are allowed,
    unless one looks like a switch: `enabeld: false` must not leave the pipeline running.
    """
    if not is_there(paths.control):
        return Control()
    content = read_bytes(paths.control, purpose="control file")
    return parse_control(content, ecosystems, place=str(paths.control))[0]


def parse_control(content: bytes, ecosystems: Collection[str], *, place: str) -> tuple[Control, dict[str, Any]]:
    """Return what the bytes of a control file say, and the same as JSON with the keys of others; raises `BadInput`."""
    control = decode(content, Control, place=place)
    raw = unique_json(content, place=place)
    _refuse_mistyped(raw, Control, place, "")
    _refuse_mistyped(raw.get("budget", {}), Budget, place, "/budget")
    for key in ("disabled_at", "expected_resume"):
        _check_date(getattr(control, key), place, f"/{key}")
    for name, breaker in control.circuit_breaker.items():
        _check_breaker(breaker, raw["circuit_breaker"][name], place, f"/circuit_breaker/{name}")
    for index, name in enumerate(control.disabled_ecosystems):
        _known_ecosystem(name, ecosystems, place, f"/disabled_ecosystems/{index}")
    return control, raw


def _check_breaker(breaker: Breaker, raw: Mapping[str, Any], place: str, pointer: str) -> None:
    _refuse_mistyped(raw, Breaker, place, pointer)
    for key in ("last_failure", "opens_at", "opened_at", "fed_until"):
        _check_date(getattr(breaker, key), place, f"{pointer}/{key}")
    if breaker.probe is not None:
        _refuse_mistyped(raw["probe"], Probe, place, f"{pointer}/probe")
        _check_date(breaker.probe.until, place, f"{pointer}/probe/until")


def _refuse_mistyped(raw: Mapping[str, Any], kind: type[msgspec.Struct], place: str, pointer: str) -> None:
    known = set(kind.__struct_fields__)
    for key in sorted(raw.keys() - known):
        close = nearest(key, known)
        if close:
            rule = f"unknown key {shorten(key)!r} looks like {close!r}"
            raise BadInput(place, Defect(pointer=f"{pointer}/{key}", rule=rule, remedy=f"rename it to {close!r}"))


def load_queue(paths: Paths, config: Config) -> tuple[Queue, str]:
    """Return the queue and the digest of its file; raises `BadInput`, or `PipelineError` when it is missing."""
    try:
        path = (paths.root / config.queue).resolve()
        below = path.is_relative_to(paths.root.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links (by Python's version), a null byte
        raise PipelineError(f"{shorten(config.queue)}: {error}", remedy="set `queue` to a path") from None
    if not below:
        raise PipelineError(
            f"{config.queue}: the queue lies outside {paths.root}", remedy="set `queue` to a path below it"
        )
    if not is_there(path):
        raise PipelineError(f"{path}: the queue is missing", remedy="`doit init` makes one, or set `queue` to yours")
    content = read_bytes(path, purpose="queue")
    queue = decode(content, Queue, place=str(path))
    for index, entry in enumerate(queue.entries):
        _check_date(entry.next_retry_at, str(path), f"/entries/{index}/next_retry_at")
    return queue, sha256(content)


def _check_date(value: str | None, place: str, pointer: str) -> None:
    """Refuse a timestamp of the right form that no calendar has, such as 30 February."""
    try:
        if value is not None:
            instant(value)
    except ValueError:
        defect = Defect(pointer=pointer, rule=f"{value} is no date of the calendar", remedy="correct the value")
        raise BadInput(place, defect) from None


def _checked(raw: Mapping[str, Any], place: str) -> Config:
    defect = first_defect(json_schema(Config), raw)
    if defect is not None:
        raise BadInput(place, defect)
    try:
        return to_config(dict(raw))
    except msgspec.ValidationError as error:
        raise BadInput(place, Defect(pointer="", rule=str(error), remedy="correct the value")) from None


def _check_together(config: Config, place: str) -> None:
    defect = broken_rule(config)
    if defect is not None:
        raise BadInput(place, defect)


def _check_ecosystems(over: Mapping[str, Any], below: Mapping[str, Any], place: str) -> None:
    """Refuse an ecosystem that does not exist: merged, it would only look like one whose keys are missing.

    One whose recipes a program of the user's makes may have any name.
    """
    asked = over.get("ecosystems")
    asked = asked if isinstance(asked, dict) else {}
    own = {str(name) for name, keys in asked.items() if isinstance(keys, dict) and keys.get("generator") == "command"}
    known = {*below["ecosystems"], *own}
    for name in asked:
        _known_ecosystem(str(name), known, place, f"/ecosystems/{name}")
    batch = over.get("batch")
    wanted = batch.get("ecosystems") if isinstance(batch, dict) else None
    for index, name in enumerate(wanted if isinstance(wanted, list) else ()):
        _known_ecosystem(str(name), known, place, f"/batch/ecosystems/{index}")


def _known_ecosystem(name: str, known: Collection[str], place: str, pointer: str) -> None:
    if name not in known:
        raise BadInput(place, unknown_ecosystem(name, known, pointer))
