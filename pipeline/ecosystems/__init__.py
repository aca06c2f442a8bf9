"""One module for each ecosystem behind one Protocol, registered in one literal dict."""

from pipeline.ecosystems import go, npm, pypi
from pipeline.ecosystems.base import Ecosystem

ECOSYSTEMS: dict[str, Ecosystem] = {
    "go": go,
    "npm": npm,
    "pypi": pypi,
}
