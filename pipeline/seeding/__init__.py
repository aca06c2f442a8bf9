"""What registries offer as new entries for the queue: one module for each, behind one Protocol, in one literal dict."""

from pipeline.seeding import cargo, cask, cpan, github, homebrew, npm, rubygems
from pipeline.seeding.base import Seeder

SEEDERS: dict[str, Seeder] = {
    "cargo": cargo,
    "cask": cask,
    "cpan": cpan,
    "github": github,
    "homebrew": homebrew,
    "npm": npm,
    "rubygems": rubygems,
}
# Where a registry has nothing to rank by, in words that follow the ecosystem's name.
NO_RANKING: dict[str, str] = {
    "go": "the module proxy lists no modules and counts no downloads",
    "pypi": "the index lists projects by name alone; it has no search and counts no downloads",
}
