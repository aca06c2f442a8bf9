"""How each ecosystem's packages are installed; adding one is one module and one line here."""

from pipeline.sandbox.base import Installer
from pipeline.sandbox.installers import cargo, github, go, npm, pypi

INSTALLERS: dict[str, Installer] = {"cargo": cargo, "github": github, "go": go, "npm": npm, "pypi": pypi}
