"""A small valid recipe for tests."""

from pipeline.model import Recipe, Step


def recipe(name: str) -> Recipe:
    """Return the recipe of an npm package with one executable."""
    step = Step(action="npm_install", params={"package": name, "executables": [name]})
    return Recipe(name=name, description="A tool", steps=[step], executables=[name])
