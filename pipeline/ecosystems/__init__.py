"""One module for each ecosystem behind one Protocol, registered in one literal dict."""

from pipeline.ecosystems import cargo, npm, pypi
from pipeline.ecosystems.base import Ecosystem

ECOSYSTEMS: dict[str, Ecosystem] = {
    "npm": npm,
    "pypi": pypi,
    "cargo": cargo,
}
