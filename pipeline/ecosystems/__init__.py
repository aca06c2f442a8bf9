"""One module for each ecosystem behind one Protocol, registered in one literal dict."""

from pipeline.ecosystems import cargo, cask, cpan, github, go, homebrew, npm, pypi, rubygems
from pipeline.ecosystems.base import Ecosystem

ECOSYSTEMS: dict[str, Ecosystem] = {
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
