"""Whether the sandbox may measure a recipe. Pure.

The sandbox installs a package by its ecosystem's own client. That says something of a recipe that a program of the
user's wrote only when the recipe does the same: one step of that ecosystem, for that package, and nothing else.
"""

from packaging.utils import canonicalize_name

from pipeline.model import Generated, Recipe
from pipeline.recipe import installed_package
from pipeline.recipe_rules import PACKAGE_KEY
from pipeline.sandbox.installers import INSTALLERS
from pipeline.source import ecosystem_of, identifier_of


def objection(source: str, outcome: Generated, *, by_command: bool) -> str:
    """Return why the sandbox can say nothing of a recipe, "" when it can.

    `by_command` says whether a program of the user's wrote it.
    """
    ecosystem = ecosystem_of(source)
    installer = INSTALLERS.get(ecosystem)
    if installer is None:
        return f"the sandbox installs nothing of {ecosystem}"
    if not by_command:
        return ""
    if not installer.ACTION:
        return f"the sandbox knows no recipe of {ecosystem} but those that recipeline makes"
    if not outcome.evidence.version:
        return "nobody said which version the recipe installs, so none can be held against it"
    if not _installs_only(outcome.recipe, installer.ACTION, identifier_of(source)):
        return f"the recipe does other things than to install {identifier_of(source)} by {installer.ACTION}"
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
