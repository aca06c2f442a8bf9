"""How each ecosystem's packages are installed; adding one is one module and one line here."""

from pipeline.sandbox.base import Installer
from pipeline.sandbox.installers import cargo, go, npm, pypi, rubygems

INSTALLERS: dict[str, Installer] = {"cargo": cargo, "go": go, "npm": npm, "pypi": pypi, "rubygems": rubygems}
