"""What a recipe that is there says of its source. Pure."""

import tomllib
from collections.abc import Mapping

import msgspec

from pipeline.recipe_rules import PACKAGE_KEY
from pipeline.source import is_source

# The ecosystem that each action installs from; a bundle's address tells none.
_ECOSYSTEM: Mapping[str, str] = {
    "npm_install": "npm",
    "pipx_install": "pypi",
    "cargo_install": "cargo",
    "gem_install": "rubygems",
    "go_install": "go",
    "cpan_install": "cpan",
    "homebrew": "homebrew",
    "github_archive": "github",
    "github_file": "github",
}


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe that is there: its name, the source that it installs ("" if that cannot be told), its home page."""

    name: str
    source: str = ""
    homepage: str = ""


def published(name: str, content: str) -> Published:
    """Return what a recipe of that name says; of one that cannot be read, the name alone is known."""
    try:
        raw = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError):
        return Published(name=name)
    steps = raw.get("steps")
    first = steps[0] if isinstance(steps, list) and steps else None
    metadata = raw.get("metadata")
    homepage = metadata.get("homepage") if isinstance(metadata, dict) else None
    return Published(
        name=name,
        source=_source(first) if isinstance(first, dict) else "",
        homepage=homepage if isinstance(homepage, str) else "",
    )


def _source(step: Mapping[str, object]) -> str:
    action = step.get("action")
    if not isinstance(action, str) or action not in _ECOSYSTEM:
        return ""
    source = f"{_ECOSYSTEM[action]}:{step.get(PACKAGE_KEY[action])}"
    return source if is_source(source) else ""
