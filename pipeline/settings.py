"""Reading what people set: pipeline.yaml laid over the shipped one, overrides on the command line, control, queue."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.checks import first_defect, nearest, shorten
from pipeline.config import Config, deep_merge, nest, to_config
from pipeline.contract import json_schema
from pipeline.control import instant
from pipeline.errors import BadInput, Defect, PipelineError
from pipeline.model import Control, Queue
from pipeline.store import SHIPPED, Paths, decode, mistyped_key, parse_yaml, read, read_bytes, read_yaml


def load_config(paths: Paths, overrides: Sequence[tuple[str, str]]) -> Config:
    """Return the configuration: shipped, then the root's file, then each `key=value`; raises `BadInput`."""
    shipped_path = SHIPPED / "pipeline.yaml"
    raw = read_yaml(shipped_path)
    shipped = raw
    place = str(shipped_path)
    if paths.config != shipped_path and paths.config.exists():
        over = read_yaml(paths.config)
        place = str(paths.config)
        _check_ecosystems(over, shipped, place)
        raw = deep_merge(raw, over)
    config = _checked(raw, place)
    for key, text in overrides:
        place = f"command line, {key}={shorten(text, 60)}"
        over = nest(key, parse_yaml(text.encode(), place=place))
        _check_ecosystems(over, shipped, place)
        raw = deep_merge(raw, over)
        config = _checked(raw, place)
    return config


def load_control(paths: Paths) -> Control:
    """Return batch-control.json, or the defaults (all enabled) when the root has none; raises `BadInput`."""
    if not paths.control.exists():
        return Control()
    content = read_bytes(paths.control, purpose="control file")
    control = decode(content, Control, place=str(paths.control))
    for name, breaker in control.circuit_breaker.items():
        _check_date(breaker.opens_at, str(paths.control), f"/circuit_breaker/{name}/opens_at")
    wrong = mistyped_key(content, Control, place=str(paths.control))
    if wrong:  # `enabeld: false` must not leave the pipeline running
        key, _, right = wrong.partition(" -> ")
        rule = f"unknown key {key!r} looks like {right!r}"
        raise BadInput(str(paths.control), Defect(pointer=f"/{key}", rule=rule, remedy=f"rename it to {right!r}"))
    return control


def load_queue(paths: Paths, config: Config) -> tuple[Queue, Path]:
    """Return the queue and its path; raises `BadInput`, or `PipelineError` when it is missing."""
    path = (paths.root / config.queue).resolve()
    if not path.is_relative_to(paths.root.resolve()):
        raise PipelineError(
            f"{config.queue}: the queue lies outside {paths.root}", remedy="set `queue` to a path below it"
        )
    queue = read(path, Queue, purpose="queue")
    for index, entry in enumerate(queue.entries):
        _check_date(entry.next_retry_at, str(path), f"/entries/{index}/next_retry_at")
    return queue, path


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


def _check_ecosystems(over: Mapping[str, Any], shipped: Mapping[str, Any], place: str) -> None:
    """Refuse an ecosystem that does not exist: merged, it would only look like one whose keys are missing."""
    asked = over.get("ecosystems")
    for name in asked if isinstance(asked, dict) else ():
        if name not in shipped["ecosystems"]:
            close = nearest(str(name), shipped["ecosystems"])
            remedy = f"did you mean {close!r}?" if close else f"use one of {', '.join(shipped['ecosystems'])}"
            defect = Defect(pointer=f"/ecosystems/{name}", rule=f"unknown ecosystem {str(name)!r}", remedy=remedy)
            raise BadInput(place, defect)
