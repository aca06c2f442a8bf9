"""Tiny gems from a server on loopback, really fetched, installed and run by the Ruby of this machine."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pipeline.gem_client import SOURCE
from pipeline.model import Subcategory, Verdict, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS
from pipeline.sandbox.base import Job
from pipeline.sandbox.bwrap import BwrapSandbox, prepare_folder
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.installers import rubygems
from pipeline.sandbox.ruby_client import find_ruby
from tests.fake_gems import FakeGem, serve_gems
from tests.fake_registry import FakeRegistry
from tests.test_installers import LIMITS, NOW, job_for

RUBY = find_ruby()
pytestmark = pytest.mark.skipif(isinstance(RUBY, Diagnosis), reason=RUBY.reason if isinstance(RUBY, Diagnosis) else "")

PRINTS = '#!/usr/bin/env ruby\nrequire "colours"\nputs "paint #{Colours::VERSION}"\n'
COLOURS = FakeGem(
    name="colours",
    version="1.2.3",
    executables=["colours"],
    files={"lib/colours.rb": 'module Colours; VERSION = "1.2.3"; end\n', "exe/colours": "#!/usr/bin/env ruby\n"},
)
PAINT = FakeGem(name="paint", executables=["paint"], files={"exe/paint": PRINTS}, needs={"colours": ">= 1"})
# A program that ends the installation when it reaches anything that it must not reach; then it makes what make makes.
PRYING = """
require "socket"
begin
  Socket.tcp("{host}", {port}, connect_timeout: 2)
  abort "REACHED the registry"
rescue SystemCallError, SocketError
end
abort "REACHED a file of the host" if File.exist?("{secret}")
abort "REACHED a secret" if ENV["RECIPELINE_GEM_SOURCE"]
["/cache/poison", Dir["/cache/*/cache"].first + "/poison", "/usr/bin/poison"].each do |place|
  begin
    File.write(place, "x")
    abort "REACHED " + place
  rescue SystemCallError
  end
end
File.write("Makefile", "all:\\n\\techo made > made\\ninstall:\\nclean:\\n")
"""

Run = Callable[..., Verdict]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    made = job_for(tmp_path, "rubygems:paint", ("paint",))
    limits = msgspec.structs.replace(LIMITS, timeout_seconds=120)
    every = msgspec.structs.replace(made.limits, fetch=limits, build=limits, compile=limits, verify=limits)
    for folder in (made.work_folder, made.cache_folder):
        prepare_folder(folder)
    return msgspec.structs.replace(made, limits=every)


@pytest.fixture
def run(job: Job, sandbox: BwrapSandbox, tmp_path: Path) -> Run:
    """Serve these gems, and validate the one that is called paint."""

    def validated(*gems: FakeGem, **changes: object) -> Verdict:
        with FakeRegistry() as registry:
            source = serve_gems(registry, tmp_path, *gems)
            told = msgspec.structs.replace(job, client_environment={SOURCE: source}, **changes)
            return rubygems.validate(told, sandbox, NOW)

    return validated


def test_a_gem_with_a_dependency_is_installed_and_run(run: Run) -> None:
    """Both are fetched, what the gem itself brings is found, and the dependency's own command is not."""
    verdict = run(PAINT, COLOURS)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.phases
    assert (verdict.found_executables, verdict.observed_version) == (["paint"], "1.2.3")
    assert [phase.name for phase in verdict.phases] == ["fetch", "build", "verify"]
    assert [phase.network for phase in verdict.phases] == [True, False, False]


def test_what_compiles_an_extension_reaches_nothing(job, sandbox, tmp_path):
    """It runs in `build`: without network, host files, secrets, or a cache and a system to write to."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with FakeRegistry() as registry:
        host, _, port = registry.host.partition(":")
        program = PRYING.replace("{host}", host).replace("{port}", port).replace("{secret}", str(secret))
        files = {"exe/paint": 'puts "paint 1.2.3"\n', "ext/paint/extconf.rb": program}
        gem = FakeGem(name="paint", executables=["paint"], extensions=["ext/paint/extconf.rb"], files=files)
        source = serve_gems(registry, tmp_path, gem)
        told = msgspec.structs.replace(job, client_environment={SOURCE: source})
        verdict = rubygems.validate(told, sandbox, NOW)
        record = rubygems.predict(told, sandbox, ALL_PLATFORMS, NOW)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.phases
    assert {each.status for each in record.predictions} == {"unknown"}
    assert record.predictions[0].reason == "it compiles extensions: paint"


def test_a_gem_without_extensions_is_predicted_to_run_everywhere(job, sandbox, tmp_path):
    """Nothing of it, nor of what it needs, is compiled."""
    with FakeRegistry() as registry:
        told = msgspec.structs.replace(job, client_environment={SOURCE: serve_gems(registry, tmp_path, PAINT, COLOURS)})
        record = rubygems.predict(told, sandbox, ALL_PLATFORMS, NOW)
    assert record.final
    assert {each.status for each in record.predictions} == {"predicted_pass"}


def test_nothing_of_a_gem_runs_while_the_network_is_on(run: Run) -> None:
    """A plugin of the gem command, the oldest trick, is loaded by nothing that has the network."""
    files = {**PAINT.files, "lib/rubygems_plugin.rb": 'File.write("/cache/poison", "x")\nabort "RAN"\n'}
    verdict = run(msgspec.structs.replace(PAINT, files=files), COLOURS)
    assert verdict.phases[0].exit_code == 0, verdict.phases
    assert "RAN" not in verdict.phases[0].output_tail


def test_an_extension_that_does_not_compile_is_a_failure(run: Run) -> None:
    """What its program says last is the reason."""
    files = {"exe/paint": "", "ext/extconf.rb": 'abort "libpaint is missing"\n'}
    verdict = run(FakeGem(name="paint", executables=["paint"], extensions=["ext/extconf.rb"], files=files))
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.INSTALL_ERROR), verdict.phases
    assert "libpaint is missing" in verdict.phases[-1].output_tail


def test_a_gem_that_wants_a_newer_ruby_says_nothing_of_the_platform(run: Run) -> None:
    """The metadata says it before anything is fetched, or gem says it while it resolves."""
    told = run(PAINT, COLOURS, runtime_requirement=">= 99")
    assert (told.status, told.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_TOO_OLD)
    assert told.phases == []
    found = run(msgspec.structs.replace(PAINT, ruby=">= 99"), COLOURS)
    assert (found.status, found.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.RUNTIME_TOO_OLD), found.phases


def test_a_dependency_that_is_not_there_is_not_found(run: Run) -> None:
    """The gem cannot be installed by anybody: that is its failure, and nothing is built."""
    verdict = run(PAINT)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.DEPENDENCY_NOT_FOUND), (
        verdict.phases
    )
    assert [phase.name for phase in verdict.phases] == ["fetch"]


def test_a_server_that_does_not_answer_is_the_networks_fault(job, sandbox):
    """Nothing was learnt about the gem."""
    told = msgspec.structs.replace(job, client_environment={SOURCE: "http://127.0.0.1:1"})
    verdict = rubygems.validate(told, sandbox, NOW)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.CONNECTION_ERROR)


def test_other_executables_than_the_recipe_names(run: Run) -> None:
    """What gem put into `bin` is compared with the recipe, name by name."""
    files = {**PAINT.files, "exe/brush": PRINTS}
    verdict = run(msgspec.structs.replace(PAINT, executables=["paint", "brush"], files=files), COLOURS)
    assert (verdict.subcategory, verdict.reason) == (Subcategory.EXE_MISMATCH, "not in the recipe: brush")
