"""Checking values against JSON Schema, with the one defect that a person should mend first."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from pipeline.errors import Defect

# A user and a password in an address, which no message repeats.
_USER = re.compile(r"(?<=://)[^/?#\s]*@")
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minLength": "of a length of at least",
    "maxLength": "of a length of at most",
}


def first_defect(schema: dict[str, Any], value: object) -> Defect | None:
    """Return the most telling rule that `value` breaks, or None when it follows the schema."""
    try:
        error = best_match(Draft202012Validator(schema).iter_errors(value))
    except (ValueError, RecursionError):  # its messages show values; Python shows none of 4,300 digits or 1,000 levels
        rule = "holds a number with too many digits, or is nested too deeply"
        return Defect(pointer="", rule=rule, remedy="correct the value")
    if error is None:
        return None
    return Defect(pointer=pointer(error.absolute_path), rule=_rule(error), remedy=_remedy(error))


def pointer(path: Iterable[str | int]) -> str:
    """Return an RFC 6901 JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like `word`, or None when none is."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return close[0] if close else None


def shorten(value: object, limit: int = 80) -> str:
    """Return a printable one-line form of any value, at most `limit` characters."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def masked(text: str) -> str:
    """Return a text without the users and passwords of the addresses in it."""
    return _USER.sub("***@", text)


def _shown(value: object) -> str:
    return shorten(masked(value) if isinstance(value, str) else masked(repr(value)))


def _schema(error: ValidationError) -> dict[str, Any]:
    schema: Any = error.schema
    return schema if isinstance(schema, dict) else {}


def _known_keys(error: ValidationError) -> dict[str, Any]:
    known: dict[str, Any] = _schema(error).get("properties", {})
    return known


def _unknown_keys(error: ValidationError) -> list[str]:
    instance: Any = error.instance
    return sorted(str(key) for key in instance if key not in _known_keys(error))


def _rule(error: ValidationError) -> str:
    limit: Any = error.validator_value
    match error.validator:
        case "additionalProperties" if isinstance(error.instance, dict):
            return f"unknown key {shorten(_unknown_keys(error)[0])!r}"
        case "required":
            present: Any = error.instance
            missing = [key for key in limit if key not in present]
            return f"the key {missing[0]!r} is missing"
        case "type":
            return f"must be of type {limit}, got {_shown(error.instance)}"
        case "enum":
            allowed = ", ".join(str(item) for item in limit)
            return f"must be one of {allowed}; got {_shown(error.instance)}"
        case "pattern":
            wanted = _schema(error).get("description")
            return (
                f"{_shown(error.instance)} is not {wanted}"
                if wanted
                else f"{_shown(error.instance)} does not match {limit}"
            )
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "minLength" | "maxLength":
            return f"must be {_BOUNDS[str(error.validator)]} {limit}, got {_shown(error.instance)}"
        case _:
            return shorten(masked(error.message), 160)


def _remedy(error: ValidationError) -> str:
    limit: Any = error.validator_value
    match error.validator:
        case "additionalProperties" if isinstance(error.instance, dict):
            return _key_remedy(_unknown_keys(error)[0], _known_keys(error))
        case "propertyNames":
            return "use one of the documented names"
        case "enum":
            close = nearest(str(error.instance), (str(item) for item in limit))
            return f"did you mean {close!r}?" if close else "use one of these values"
        case "required":
            return "add it"
        case _:
            return "correct the value"


def _key_remedy(key: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = nearest(key, names)
    return f"did you mean {close!r}?" if close else f"use one of {', '.join(names)}, or remove it"
