"""How each ecosystem's packages are installed; adding one is one module and one line here."""

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


def revision_of(ecosystem: str) -> int:
    """Return the revision of what installs an ecosystem's packages in the sandbox, 0 where nothing does."""
    installer = INSTALLERS.get(ecosystem)
    return installer.REVISION if installer else 0
