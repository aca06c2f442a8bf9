"""Small valid recipes for tests."""

from pipeline.model import Recipe, Step
from pipeline.recipe_rules import PACKAGE_KEY

_ACTIONS = {
    "npm": "npm_install",
    "pypi": "pipx_install",
    "cargo": "cargo_install",
    "go": "go_install",
    "rubygems": "gem_install",
    "cpan": "cpan_install",
}


def recipe(name: str) -> Recipe:
    """Return the recipe of an npm package with one executable."""
    step = Step(action="npm_install", params={"package": name, "executables": [name]})
    return Recipe(name=name, description="A tool", steps=[step], executables=[name])


def steps_of(source: str) -> tuple[Step, ...]:
    """Return the one step that installs a source of these ecosystems."""
    ecosystem, _, package = source.partition(":")
    action = _ACTIONS[ecosystem]
    return (Step(action=action, params={PACKAGE_KEY[action]: package}),)
