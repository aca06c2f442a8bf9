"""Reading a `.gem`: a plain tar whose member `metadata.gz` is the gem's description in YAML.

The YAML names Ruby's classes (`!ruby/object:Gem::Specification`). Nothing is made of these names: only texts, lists and
mappings are read, and every scalar stays the text that it is. New gems have the description first, those made before
2013 have it after their data.
"""

import tarfile
import zlib
from typing import Any

import msgspec
import yaml

from pipeline.tarball import inflate
from pipeline.yaml_guard import TooMuch, refuse_expansion
from pipeline.zipped import Broken, PartialFile, Refused

_METADATA = "metadata.gz"
# Descriptions are some kilobytes, those that list 10,000 files some hundred.
PACKED_LIMIT = 1024 * 1024  # bytes
UNPACKED_LIMIT = 2 * 1024 * 1024  # bytes
# A gem holds up to six members: description, data, digests, and a signature of each.
_MEMBERS = 12
_BLOCK = 512
# What is fetched at once of a gem whose description stands behind its data.
_READ_AHEAD = 64 * 1024
# How Ruby writes what is not there.
_NOTHING = frozenset({"", "~", "null"})
# Written where any version will do.
_ANY = frozenset({">= 0", "> 0", ">= 0.0.0", "> 0.0.0"})


class Gemspec(msgspec.Struct, frozen=True, kw_only=True):
    """What a gem says of itself; "" and empty for what it does not say. `ruby` is like `>= 2.7, < 4`, "" for any.

    `wants` is what it needs of the system, in its authors' words.
    """

    name: str
    version: str
    platform: str
    summary: str = ""
    description: str = ""
    homepage: str = ""
    licenses: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    bindir: str = "bin"
    executables: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    ruby: str = ""
    has_plugin: bool = False


def read_gem(file: PartialFile) -> Gemspec | Broken:
    """Return what a gem says of itself, or why it is none. Exceptions of the file itself pass through."""
    try:
        content = b"".join(inflate(_find(file), UNPACKED_LIMIT)).decode()
        refuse_expansion(content, aliases=True)
        # The base loader knows no tags: it makes texts, lists and mappings, whatever a tag says.
        found = yaml.load(content, yaml.CBaseLoader)  # noqa: S506  # constructs nothing
    except (Refused, TooMuch) as refused:
        return Broken(message=f"its {_METADATA} {refused}")
    except yaml.YAMLError as error:
        return Broken(message=f"its {_METADATA} is not YAML: {getattr(error, 'problem', None) or 'no reason is given'}")
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, RecursionError) as error:
        return Broken(message=f"its {_METADATA} cannot be read: {error}")
    return _gemspec(found) if isinstance(found, dict) else Broken(message=f"its {_METADATA} is no mapping")


def _find(file: PartialFile) -> bytes:
    """Return the packed description; only headers are read of what stands before it."""
    at = 0
    for _ in range(_MEMBERS):
        file.need(at, at + _READ_AHEAD)
        file.seek(at)
        block = file.read(_BLOCK)
        if len(block) < _BLOCK or not any(block):
            break
        member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        if member.size < 0:
            raise Refused("stands behind a member of less than no bytes")
        if member.name == _METADATA:
            if member.size > PACKED_LIMIT:
                raise Refused(f"is larger than {PACKED_LIMIT} bytes")
            packed = file.read(member.size)
            if len(packed) < member.size:
                raise Refused("ends early")
            return packed
        at += _BLOCK + -(-member.size // _BLOCK) * _BLOCK
    raise Refused("is missing")


def _gemspec(found: dict[Any, Any]) -> Gemspec:
    version = found.get("version")
    return Gemspec(
        name=_text(found.get("name")),
        version=_text(version.get("version") if isinstance(version, dict) else version),
        platform=_platform(found.get("platform")),
        summary=_text(found.get("summary")),
        description=_text(found.get("description")),
        homepage=_text(found.get("homepage")),
        licenses=_texts(found.get("licenses")) or _texts([found.get("license")]),
        metadata=_metadata(found.get("metadata")),
        bindir=_text(found.get("bindir")) or "bin",
        executables=_texts(found.get("executables")),
        extensions=_texts(found.get("extensions")),
        wants=_texts(found.get("requirements")),
        ruby=_requirement(found.get("required_ruby_version")),
        has_plugin=any(path.endswith("rubygems_plugin.rb") for path in _texts(found.get("files"))),
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and value.strip() not in _NOTHING else ""


def _platform(value: object) -> str:
    """Return the platform's name; very old gems wrote an object for those that are not every platform."""
    return "ruby" if value is None else _text(value) or "a platform without a name"


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(text for item in items if (text := _text(item)))


def _metadata(value: object) -> dict[str, str]:
    items = value.items() if isinstance(value, dict) else ()
    return {key: text for key, item in items if isinstance(key, str) and (text := _text(item))}


def _requirement(value: object) -> str:
    """Return a requirement as people write it; its clauses are pairs of an operator and a version."""
    clauses = value.get("requirements") if isinstance(value, dict) else None
    found = [_clause(clause) for clause in clauses] if isinstance(clauses, list) else []
    return ", ".join(clause for clause in found if clause and clause not in _ANY)


def _clause(clause: object) -> str:
    match clause:
        case [str(operator), {"version": str(version)}]:
            return f"{operator} {version}"
        case _:
            return ""
