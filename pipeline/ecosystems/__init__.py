"""One module for each ecosystem behind one Protocol, registered in one literal dict."""

from pipeline.ecosystems import cargo, cpan, go, npm, pypi, rubygems
from pipeline.ecosystems.base import Ecosystem

ECOSYSTEMS: dict[str, Ecosystem] = {
    "cargo": cargo,
    "cpan": cpan,
    "go": go,
    "npm": npm,
    "pypi": pypi,
    "rubygems": rubygems,
}
