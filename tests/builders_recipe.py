"""Small valid recipes for tests."""

from pipeline.model import Recipe, Step
from pipeline.recipe_rules import PACKAGE_KEY
from pipeline.sandbox.installers import INSTALLERS


def recipe(name: str) -> Recipe:
    """Return the recipe of an npm package with one executable."""
    step = Step(action="npm_install", params={"package": name, "executables": [name]})
    return Recipe(name=name, description="A tool", steps=[step], executables=[name])


def steps_of(source: str) -> tuple[Step, ...]:
    """Return the one step that installs a source of an ecosystem whose recipes have no other."""
    ecosystem, _, package = source.partition(":")
    action = INSTALLERS[ecosystem].ACTION
    return (Step(action=action, params={PACKAGE_KEY[action]: package}),)
