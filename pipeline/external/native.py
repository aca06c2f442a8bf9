"""Whether the sandbox may measure a recipe that a program of the user's wrote. Pure.

The sandbox installs a package by its ecosystem's own client. That says something of a recipe only when the recipe
does the same: one step of that ecosystem, for that package, and nothing else.
"""

from typing import Final

from packaging.utils import canonicalize_name

from pipeline.model import Generated, Recipe
from pipeline.recipe import installed_package
from pipeline.recipe_rules import PACKAGE_KEY
from pipeline.sandbox.installers import INSTALLERS
from pipeline.source import ecosystem_of, identifier_of

_ACTIONS: Final = {
    "cargo": "cargo_install",
    "cpan": "cpan_install",
    "go": "go_install",
    "npm": "npm_install",
    "pypi": "pipx_install",
    "rubygems": "gem_install",
}


def objection(source: str, outcome: Generated) -> str:
    """Return why the sandbox can say nothing of a recipe, "" when it can."""
    ecosystem = ecosystem_of(source)
    if ecosystem not in INSTALLERS or ecosystem not in _ACTIONS:
        return f"the sandbox installs nothing of {ecosystem}"
    if not outcome.evidence.version:
        return "nobody said which version the recipe installs, so none can be held against it"
    if not _installs_only(outcome.recipe, _ACTIONS[ecosystem], identifier_of(source)):
        return f"the recipe does other things than to install {identifier_of(source)} by {_ACTIONS[ecosystem]}"
    return ""


def _installs_only(recipe: Recipe, action: str, identifier: str) -> bool:
    step = recipe.steps[0]
    plain = (
        len(recipe.steps) == 1 and step.action == action and step.params.keys() <= {PACKAGE_KEY[action], "executables"}
    )
    package = installed_package(recipe.steps)
    if action == "pipx_install":
        return plain and canonicalize_name(package) == canonicalize_name(identifier)
    return plain and package == identifier
