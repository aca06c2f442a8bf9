"""How the gem command of this machine is set up: which server it takes gems from.

Its settings are YAML files, each laid over the one before: the machine's, the user's, and those that GEMRC names. They
are read as gem reads them, but nothing is made of Ruby's tags in them.
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from pipeline.yaml_guard import TooMuch, refuse_expansion

# Says in the sandbox which server to ask; gem itself has no variable for it.
SOURCE = "RECIPELINE_GEM_SOURCE"
MACHINE_WIDE = Path("/etc/gemrc")
# A symbol of Ruby in old files, a plain word in new ones.
_KEYS = (":sources", "sources")


def settings_files(environment: Mapping[str, str]) -> list[Path]:
    """Return where gem looks for its settings; the later ones count more. Without a home there are none of the user."""
    home = environment.get("HOME", "")
    config = environment.get("XDG_CONFIG_HOME") or (home and str(Path(home, ".config")))
    # gem reads the second only where the first is missing; so the first is laid over it here.
    users = [*([Path(config, "gem", "gemrc")] if config else []), *([Path(home, ".gemrc")] if home else [])]
    named = [Path(name) for name in environment.get("GEMRC", "").split(":") if name]
    return [MACHINE_WIDE, *users, *named]


def source_in(content: bytes) -> str:
    """Return the first server of a settings file, "" when it names none or cannot be read, as gem too goes on then."""
    try:
        refuse_expansion(content, aliases=True)
        found = yaml.load(content, yaml.CBaseLoader)  # noqa: S506  # constructs nothing but texts, lists and mappings
    except (TooMuch, yaml.YAMLError, ValueError, RecursionError):
        return ""
    for key in _KEYS:
        sources = found.get(key) if isinstance(found, dict) else None
        if isinstance(sources, list) and sources and isinstance(sources[0], str):
            return sources[0].strip()
    return ""
