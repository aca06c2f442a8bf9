"""How each ecosystem's packages are installed; adding one is one module and one line here."""

from pipeline.sandbox.base import Installer
from pipeline.sandbox.installers import cargo, cpan, go, npm, pypi, rubygems

INSTALLERS: dict[str, Installer] = {
    "cargo": cargo,
    "cpan": cpan,
    "go": go,
    "npm": npm,
    "pypi": pypi,
    "rubygems": rubygems,
}
