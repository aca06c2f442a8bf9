"""How each ecosystem's packages are installed; adding one is one module and one line here."""

from pipeline.sandbox.base import Installer
from pipeline.sandbox.installers import cargo, cask, go, homebrew, npm, pypi

INSTALLERS: dict[str, Installer] = {
    "cargo": cargo,
    "cask": cask,
    "go": go,
    "homebrew": homebrew,
    "npm": npm,
    "pypi": pypi,
}
