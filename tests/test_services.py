"""Where services are found, and who is shown which credentials."""

import os
from pathlib import Path

import msgspec
import pytest

from pipeline.clients import Clients
from pipeline.config import Config, GeneratorKind
from pipeline.errors import BadInput, UnknownName
from pipeline.settings import load_config
from pipeline.store import Paths


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(Paths(tmp_path), [])


def clients(config: Config, **environment: str) -> Clients:
    return Clients({"PATH": os.environ["PATH"], **environment}, Path.cwd(), ecosystems=config.ecosystems)


@pytest.mark.parametrize("ecosystem", ["rubygems", "cpan", "homebrew", "cask", "github"])
def test_a_service_without_settings_of_its_own_is_where_the_configuration_says(config, ecosystem):
    """Nothing is set on the machine: the default of pipeline.yaml is used, without a trailing slash."""
    address = clients(config).registry(ecosystem)
    assert address == config.ecosystems[ecosystem].registry
    assert address.startswith("https://")
    assert not address.endswith("/")


@pytest.mark.parametrize(
    ("ecosystem", "variable"),
    [("homebrew", "HOMEBREW_API_DOMAIN"), ("cask", "HOMEBREW_API_DOMAIN"), ("github", "GITHUB_API_URL")],
)
def test_what_the_ordinary_client_reads_comes_first(config, ecosystem, variable):
    """A mirror that the machine is set up with is used in place of the public service."""
    assert clients(config, **{variable: "https://mirror.example/x/"}).registry(ecosystem) == "https://mirror.example/x"


def test_a_mirror_of_the_bottles_follows_the_address_for_a_formula(config):
    """Homebrew's own variable; what else is asked of the API, such as its lists, needs no bottles."""
    given = clients(config, HOMEBREW_BOTTLE_DOMAIN="https://mirror.example/bottles/")
    api = config.ecosystems["homebrew"].registry
    assert given.registry("homebrew", "jq") == f"{api} https://mirror.example/bottles"
    assert given.registry("homebrew") == api
    assert given.registry("cask", "iina") == api
    with pytest.raises(BadInput, match="HOMEBREW_BOTTLE_DOMAIN"):
        clients(config, HOMEBREW_BOTTLE_DOMAIN="two words").registry("homebrew", "jq")


def test_an_address_that_is_none_is_refused_by_the_name_of_its_variable(config):
    """The value is not shown: it may hold a password."""
    with pytest.raises(BadInput, match="GITHUB_API_URL") as refused:
        clients(config, GITHUB_API_URL="ftp://user:s3cret@host").registry("github")
    assert "s3cret" not in refused.value.line()


def test_an_ecosystem_that_has_no_service_needs_no_address(config):
    """A program of the user's asks whom it likes: until recipeline itself asks, nothing has to say where."""
    tools = msgspec.structs.replace(config.ecosystems["cpan"], generator=GeneratorKind.COMMAND, registry="")
    given = Clients({"PATH": os.environ["PATH"]}, Path.cwd(), ecosystems={"tools": tools})
    assert given.credentials("tools") == {}
    with pytest.raises(UnknownName, match="tools"):
        given.registry("tools")


def test_an_ecosystem_that_nothing_is_known_of_is_refused(config):
    """It is named, with the key that would help."""
    with pytest.raises(UnknownName, match="nix"):
        clients(config).registry("nix")


def test_a_token_goes_to_the_api_alone(config):
    """The first variable that is set counts, as with GitHub's own program; others get none."""
    given = clients(config, GITHUB_TOKEN="second", GH_TOKEN="first")
    assert given.credentials("github") == {config.ecosystems["github"].registry: "Bearer first"}
    assert given.credentials("npm") == {}
    assert given.credentials("rubygems") == {}


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "höhle"])
def test_what_cannot_be_a_token_is_not_sent(config, token):
    """A line break in it would become another header."""
    assert clients(config, GH_TOKEN=token).credentials("github") == {}


def test_a_host_that_wants_a_header_of_everybody_gets_it(config):
    """The container registry of the bottles."""
    (access,) = config.ecosystems["homebrew"].anonymous
    assert clients(config).credentials("homebrew") == {access.host: access.authorization}
