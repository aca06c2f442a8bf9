"""The link between a package and its repository, in both directions.

A forger can name a repository, but is not named by it. What the registry itself proves counts without a request:
attestations are signed by the repository's own build, and a Go module or a GitHub source is its repository. Else the
manifest on the repository's default branch says which package it is.
"""

import tomllib
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import msgspec
from packaging.utils import canonicalize_name

from pipeline.admission.base import Link
from pipeline.decoding import decode_json
from pipeline.model import Evidence
from pipeline.source import ecosystem_of, identifier_of

# The manifest in which each ecosystem names its package.
MANIFESTS: Mapping[str, str] = {
    "npm": "package.json",
    "pypi": "pyproject.toml",
    "cargo": "Cargo.toml",
    "rubygems": "{identifier}.gemspec",
}
# A forge's address has an owner and a repository; what follows is a page of it.
_PARTS = 2


class _PackageJson(msgspec.Struct, frozen=True):
    """What of a package.json tells which package it is; `object`: seen with any type."""

    name: object = None
    workspaces: object = None


def proven(source: str, evidence: Evidence) -> bool:
    """Return whether the link needs no request: the registry's metadata already shows it from both ends."""
    if evidence.has_attestations:
        return True
    match ecosystem_of(source):
        case "go":
            return f"https://{identifier_of(source)}/".startswith(f"{evidence.repository}/") and bool(
                evidence.repository
            )
        case "github":
            return True
        case _:
            return False


def manifest_address(source: str, repository: str, host: str, template: str) -> str:
    """Return where the manifest of a repository lies, "" when that is not known.

    `template` says where files of repositories at `host` lie (`gates.repository_files`).
    """
    file = MANIFESTS.get(ecosystem_of(source), "").format(identifier=identifier_of(source))
    parts = urlsplit(repository)
    path = [part for part in parts.path.split("/") if part][:_PARTS]
    if not file or parts.netloc != host or len(path) < _PARTS:
        return ""
    return template.replace("{repository}", quote("/".join(path))).replace("{file}", quote(file))


def named_by(source: str, manifest: bytes) -> Link:
    """Return what a manifest says: that it is this package, that it is another, or nothing.

    A workspace may hold the package without naming it, so that its manifest has another name says nothing.
    """
    identifier = identifier_of(source)
    match ecosystem_of(source):
        case "npm":
            return _compared(*_npm_name(manifest), identifier)
        case "pypi":
            name, shared = _toml_name(manifest, "project", "tool.poetry")
            return _compared(canonicalize_name(name), shared, canonicalize_name(identifier))
        case "cargo":
            return _compared(*_toml_name(manifest, "package"), identifier)
        case _:  # a gemspec is called after its gem: that it is there is the answer
            return Link.CONFIRMED


def _compared(named: str, shared: bool, identifier: str) -> Link:
    if named == identifier:
        return Link.CONFIRMED
    return Link.UNKNOWN if shared or not named else Link.CONTRADICTED


def _npm_name(manifest: bytes) -> tuple[str, bool]:
    """Return the name that a package.json gives, "" without one, and whether it is that of a workspace."""
    try:
        found = decode_json(manifest, _PackageJson)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", False
    return found.name if isinstance(found.name, str) else "", bool(found.workspaces)


def _toml_name(manifest: bytes, *tables: str) -> tuple[str, bool]:
    """Return the name that the first of some tables gives, "" without one, and whether it is that of a workspace."""
    try:
        raw = tomllib.loads(manifest.decode())
    except (ValueError, RecursionError):  # no TOML, no UTF-8, nested too deeply
        return "", False
    for table in tables:
        found: object = raw
        for key in table.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        name = found.get("name") if isinstance(found, dict) else None
        if isinstance(name, str):
            return name, "workspace" in raw
    return "", "workspace" in raw
