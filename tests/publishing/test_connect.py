"""Which forge, which repository, at which address: from the configuration, the environment and the remote."""

import sys

import pytest

from pipeline.errors import PipelineError
from pipeline.forge.connect import api_of, connect, repository_in, repository_of
from tests.builders import config

REMOTE = "https://forge.example/tools/registry.git"


@pytest.mark.parametrize(
    "address",
    [
        "https://forge.example/tools/registry",
        "https://forge.example/tools/registry.git",
        "https://forge.example/tools/registry/",
        "https://user:secret@forge.example:8443/tools/registry.git",
        "git@forge.example:tools/registry.git",
        "git@forge.example:/tools/registry.git",
        "ssh://git@forge.example:2222/tools/registry.git",
        "ssh://git@forge.example/tools/registry",
    ],
)
def test_each_form_of_an_address_names_its_repository(address):
    """As `git clone` takes them."""
    assert repository_in(address) == "tools/registry"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/srv/registry.git",
        "file:///srv/registry.git",
        "../tools/registry",
        "https://forge.example/",
        "https://forge.example/a/b/c",
    ],
)
def test_what_names_no_repository_is_none(address):
    """A folder, a group of groups, nothing at all."""
    assert repository_in(address) == ""


def test_what_is_configured_counts_before_the_workflow_and_that_before_the_remote():
    """A name that is none is passed over."""
    told = {"GITHUB_REPOSITORY": "run/ner"}
    assert repository_of(config(publish={"repository": "con/fig"}), told, REMOTE) == "con/fig"
    assert repository_of(config(), told, REMOTE) == "run/ner"
    assert repository_of(config(), {"GITHUB_REPOSITORY": "none"}, REMOTE) == "tools/registry"
    with pytest.raises(PipelineError, match="which repository on the forge is meant is not known"):
        repository_of(config(), {}, "/srv/registry.git")


def test_the_address_of_the_api_is_the_environment_s_before_the_configured():
    """As on a server of one's own, whose workflows are told it."""
    settings = config(publish={"api": "https://forge.example/api/v3"})
    assert api_of(settings, {}) == "https://forge.example/api/v3"
    assert api_of(settings, {"GITHUB_API_URL": "https://other.example/api/v3/"}) == "https://other.example/api/v3"


@pytest.mark.parametrize(
    "wrong", ["forge.example", "ftp://forge.example", "https://u:topsecret@forge.example", "https://"]
)
def test_an_address_that_is_none_is_one_line_without_its_secret(wrong):
    """It names the variable."""
    with pytest.raises(PipelineError, match="GITHUB_API_URL is no address of an API") as told:
        api_of(config(), {"GITHUB_API_URL": wrong})
    assert "topsecret" not in told.value.message


def test_without_pygithub_the_extra_is_named(monkeypatch):
    """Only when it is needed: a local publication never asks for it."""
    # As Python's own import has it: a module that is None here cannot be imported.
    monkeypatch.setitem(sys.modules, "github", None)
    monkeypatch.delitem(sys.modules, "pipeline.forge.github", raising=False)
    assert connect(config(), {}, REMOTE) is None
    with pytest.raises(PipelineError, match="PyGithub is not installed") as told:
        connect(config(publish={"mode": "github"}), {"GH_TOKEN": "t"}, REMOTE)
    assert told.value.remedy == "install the extra: `pip install 'recipeline[github]'`"
