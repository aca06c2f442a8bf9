"""One module for each ecosystem behind one Protocol, registered in one literal dict."""

from pipeline.ecosystems import cargo, cask, go, homebrew, npm, pypi
from pipeline.ecosystems.base import Ecosystem

ECOSYSTEMS: dict[str, Ecosystem] = {
    "cargo": cargo,
    "cask": cask,
    "go": go,
    "homebrew": homebrew,
    "npm": npm,
    "pypi": pypi,
}
