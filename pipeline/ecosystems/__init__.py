"""One module for each ecosystem behind one Protocol, registered in one literal dict."""

from pipeline.ecosystems import cargo, github, go, npm, pypi
from pipeline.ecosystems.base import Ecosystem

ECOSYSTEMS: dict[str, Ecosystem] = {
    "cargo": cargo,
    "github": github,
    "go": go,
    "npm": npm,
    "pypi": pypi,
}
