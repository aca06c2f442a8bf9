"""How each ecosystem's packages are installed; adding one is one module and one line here.

An ecosystem need not have one: its recipes are then made, and tried where a platform has a command or another machine.
"""

from pipeline.sandbox.base import Installer
from pipeline.sandbox.installers import cargo, cask, cpan, github, go, homebrew, npm, pypi, rubygems

INSTALLERS: dict[str, Installer] = {
    "cargo": cargo,
    "cask": cask,
    "cpan": cpan,
    "github": github,
    "go": go,
    "homebrew": homebrew,
    "npm": npm,
    "pypi": pypi,
    "rubygems": rubygems,
}
# What no sandbox can install: Homebrew has a place of its own on a machine, applications need macOS.
NEVER_HERE = frozenset({"cask", "homebrew"})


def installs(ecosystem: str) -> bool:
    """Return whether the sandbox can install packages of an ecosystem at all."""
    return ecosystem in INSTALLERS and ecosystem not in NEVER_HERE


def revision_of(ecosystem: str) -> int:
    """Return the revision of what installs an ecosystem's packages in the sandbox, 0 where nothing does."""
    installer = INSTALLERS.get(ecosystem)
    return installer.REVISION if installer else 0
