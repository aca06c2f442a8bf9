"""A gem and a CPAN distribution from the queue to a verdict, each by the clients of this machine."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from pipeline.model import VerdictStatus
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.perl_client import find_perl
from pipeline.sandbox.ruby_client import find_ruby
from tests.e2e.world import VERSION, World
from tests.fake_cpan import FakeRelease, serve_cpan
from tests.fake_gems import FakeGem, serve_gems

RUBY, PERL = find_ruby(), find_perl()
RELEASED = "2024-01-01T00:00:00Z"
GEM_RECIPE = """\
[metadata]
name = "my-painter"
description = "A tool"
homepage = "https://paint.example"

[[steps]]
action = "gem_install"
gem = "my.painter"
executables = ["paint"]

[verify]
command = "paint --version"
pattern = "{version}"
"""
CPAN_RECIPE = """\
[metadata]
name = "app-paint"
description = "a tool"
dependencies = ["perl"]

[version]
source = "metacpan:App-Paint"

[[steps]]
action = "cpan_install"
distribution = "App-Paint"
executables = ["paint"]

[verify]
command = "paint --version"
pattern = "{version}"
"""


@pytest.mark.skipif(isinstance(RUBY, Diagnosis), reason=RUBY.reason if isinstance(RUBY, Diagnosis) else "")
def test_a_gem_becomes_a_recipe_that_was_installed_and_run(world: World, tmp_path: Path) -> None:
    """The server comes from gem's own settings; a dot in the gem's name, and a command of another name."""
    gem = FakeGem(
        name="my.painter", version=VERSION, executables=["paint"], files={"exe/paint": f'puts "paint {VERSION}"\n'}
    )
    (tmp_path / "gems").mkdir()
    server = serve_gems(world.registry, tmp_path / "gems", gem)
    listed = {
        "number": VERSION,
        "platform": "ruby",
        "created_at": RELEASED,
        "sha": hashlib.sha256(gem.content()).hexdigest(),
    }
    world.registry.add("/gems/api/v1/versions/my.painter.json", json.dumps([listed]).encode())
    (world.home / ".gemrc").write_text(f":sources:\n- {server}/\n")
    world.queue("rubygems:my.painter")
    world.configure(platforms=world.only_here(), ecosystems={"rubygems": {"requests_per_second": 100}})
    world.ran(PATH=os.environ["PATH"])
    assert world.verdict("rubygems:my.painter").status is VerdictStatus.VALIDATED
    assert world.recipe("recipes/m/my-painter.toml") == GEM_RECIPE
    assert world.own_requests() == ["/gems/api/v1/versions/my.painter.json", f"/gems/gems/my.painter-{VERSION}.gem"]


@pytest.mark.skipif(isinstance(PERL, Diagnosis), reason=PERL.reason if isinstance(PERL, Diagnosis) else "")
def test_a_cpan_distribution_becomes_a_recipe_that_was_installed_and_run(world: World) -> None:
    """MetaCPAN names the archive, and the archive's mirror has what it needs."""
    program = '#!perl\nuse Painting::Colours;\nprint "paint $Painting::Colours::VERSION\\n";\n'
    release = FakeRelease(
        distribution="App-Paint", version=VERSION, executables={"paint": program}, wants={"Painting::Colours": "0"}
    )
    mirror = serve_cpan(world.registry, release, FakeRelease(distribution="Painting-Colours", version=VERSION))
    document = {
        "distribution": "App-Paint",
        "name": f"App-Paint-{VERSION}",
        "version": VERSION,
        "date": RELEASED,
        "status": "latest",
        "maturity": "released",
        "authorized": True,
        "abstract": "a tool",
        "license": ["perl_5"],
        "download_url": f"{mirror}/authors/id/{release.path}",
        "checksum_sha256": hashlib.sha256(release.content()).hexdigest(),
    }
    api = world.registry.add("/metacpan/release/App-Paint", json.dumps(document).encode())
    world.queue("cpan:App-Paint")
    address = api.removesuffix("/release/App-Paint")
    world.configure(platforms=world.only_here(), ecosystems={"cpan": {"requests_per_second": 100, "registry": address}})
    world.ran(PATH=os.environ["PATH"])
    assert world.verdict("cpan:App-Paint").status is VerdictStatus.VALIDATED
    assert world.recipe("recipes/a/app-paint.toml") == CPAN_RECIPE
    assert world.own_requests() == [f"/cpan/authors/id/{release.path}", "/metacpan/release/App-Paint"]
