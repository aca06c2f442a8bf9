"""Which server gem's own settings name."""

from pathlib import Path

import pytest

from pipeline.clients import Clients
from pipeline.config import EcosystemConfig, GeneratorKind
from pipeline.errors import BadInput

CONFIGURED = {
    "rubygems": EcosystemConfig(
        generator=GeneratorKind.NATIVE, registry="https://default.example", requests_per_second=1
    )
}


def found(home: Path, **variables: str) -> str:
    return Clients({"HOME": str(home), **variables}, home, ecosystems=CONFIGURED).registry("rubygems")


def test_without_settings_the_configuration_says_it(tmp_path):
    """A machine without gem, or with gem as it comes, asks the server of pipeline.yaml."""
    assert found(tmp_path) == "https://default.example"


@pytest.mark.parametrize("key", [":sources", "sources"])
def test_the_users_file(tmp_path, key):
    """The first of the sources is asked, in the old and in the new spelling, without its trailing slash."""
    (tmp_path / ".gemrc").write_text(
        f"---\n:verbose: true\n{key}:\n- https://gems.example/\n- https://second.example\n"
    )
    assert found(tmp_path) == "https://gems.example"


def test_the_variable_comes_after_the_users_file(tmp_path):
    """Each file of GEMRC is laid over those before; one that is not there is passed over."""
    (tmp_path / ".gemrc").write_text(":sources: [https://user.example]\n")
    (tmp_path / "ci").write_text("sources: [https://ci.example]\n")
    assert found(tmp_path, GEMRC=f"{tmp_path}/ci:{tmp_path}/missing") == "https://ci.example"


def test_the_folder_for_settings(tmp_path):
    """Where there is no ~/.gemrc, gem reads gem/gemrc below the user's folder for settings."""
    (tmp_path / "gem").mkdir()
    (tmp_path / "gem/gemrc").write_text(":sources: [https://xdg.example]\n")
    assert found(tmp_path, XDG_CONFIG_HOME=str(tmp_path)) == "https://xdg.example"
    (tmp_path / ".gemrc").write_text(":sources: [https://user.example]\n")
    assert found(tmp_path, XDG_CONFIG_HOME=str(tmp_path)) == "https://user.example"


@pytest.mark.parametrize("text", ["", "[", ":sources:\n", ":sources: []\n", ":sources: {a: b}\n", "- a\n", "[" * 99])
def test_a_file_that_names_none_changes_nothing(tmp_path, text):
    """gem, too, goes on with its default then."""
    (tmp_path / ".gemrc").write_text(text)
    assert found(tmp_path) == "https://default.example"


def test_what_is_no_address_is_named_without_showing_it(tmp_path):
    """It may hold a password."""
    (tmp_path / ".gemrc").write_text(":sources: ['ftp://me:secret@gems.example']\n")
    with pytest.raises(BadInput) as stopped:
        found(tmp_path)
    assert stopped.value.place == f"sources of {tmp_path}/.gemrc"
    assert "secret" not in stopped.value.line()
