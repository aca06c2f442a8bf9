"""Where cargo says that its registries are, and how a cargo in the sandbox is told the same."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.clients import Clients, Ran
from pipeline.errors import BadInput, NoClient

SAID = "error: download of config.json failed\n\nCaused by:\n  failed to download from `{}/config.json`\n"


class FakeCargo:
    """Names one address for the default registry and one for crates-io; `asked` holds what was run."""

    def __init__(self, default: str, crates_io: str = "") -> None:
        self.default, self.crates_io = default, crates_io or default
        self.asked: list[tuple[str, ...]] = []
        self.variables: list[dict[str, str]] = []

    def __call__(self, argv, environment, folder):
        self.asked.append(argv)
        self.variables.append(dict(environment))
        return Ran(exit_code=101, output=self.crates_io if "--registry" in argv else self.default)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a program that is called cargo."""
    (tmp_path / "cargo").write_text("#!/bin/sh\n")
    (tmp_path / "cargo").chmod(0o755)
    return tmp_path


def made(here: Path, run: object, **variables: str) -> Clients:
    return Clients({"PATH": str(here), **variables}, here, run)


def test_cargo_is_asked_once_and_reaches_nobody(here):
    """The question goes through a proxy that is none, and past no exception from it."""
    cargo = FakeCargo(SAID.format("https://crates.example/index"))
    found = made(here, cargo, no_proxy="*", HTTPS_PROXY="http://proxy.example", CARGO_HOME="/x")
    assert found.registry("cargo", "hexyl") == "https://crates.example/index"
    assert found.registry("cargo", "bat") == "https://crates.example/index"
    assert len(cargo.asked) == 1
    assert 'http.proxy="http://127.0.0.1:1"' in cargo.asked[0]
    assert cargo.variables == [{"PATH": str(here), "CARGO_HOME": "/x"}]


def test_a_sandboxed_cargo_gets_the_same_index(here):
    """Dependencies come from where this machine's cargo gets them; routes are passed on, secrets are not."""
    cargo = FakeCargo(SAID.format("https://crates.example/index"))
    found = made(
        here, cargo, HTTPS_PROXY="http://p.example", CARGO_HTTP_CAINFO="/ca.pem", CARGO_REGISTRY_TOKEN="secret"
    )
    assert found.environment("cargo") == {
        "HTTPS_PROXY": "http://p.example",
        "CARGO_HTTP_CAINFO": "/ca.pem",
        "CARGO_REGISTRIES_RECIPELINE_INDEX": "sparse+https://crates.example/index/",
    }


def test_a_default_registry_of_its_own_is_told_apart(here):
    """With another default registry, its crates may still depend on those of crates-io."""
    cargo = FakeCargo(SAID.format("https://own.example"), SAID.format("https://crates.example/index"))
    found = made(here, cargo)
    assert found.registry("cargo") == "https://own.example"
    assert found.environment("cargo") == {
        "CARGO_REGISTRIES_RECIPELINE_INDEX": "sparse+https://crates.example/index/",
        "CARGO_REGISTRIES_RECIPELINE_DEFAULT_INDEX": "sparse+https://own.example/",
        "CARGO_REGISTRY_DEFAULT": "recipeline-default",
    }


def test_a_replaced_registry_is_asked_for_by_name(here):
    """cargo wants crates-io to be named where it is replaced; the replacement is then the default."""
    cargo = FakeCargo("error: crates-io is replaced with non-remote-registry", SAID.format("https://mirror.example"))
    found = made(here, cargo)
    assert found.registry("cargo") == "https://mirror.example"
    told = {"CARGO_REGISTRIES_RECIPELINE_INDEX": "sparse+https://mirror.example/"}
    assert found.environment("cargo") == told


@pytest.mark.parametrize("output", ["", "error: no such command: `info`", "error: could not find `recipeline` in `x`"])
def test_a_silent_cargo_is_an_error_with_a_remedy(here, output):
    """A cargo that is too old, or that uses a git index or a folder, names no address; none is guessed."""
    found = made(here, FakeCargo(output))
    with pytest.raises(NoClient, match="cargo does not say") as stopped:
        found.registry("cargo")
    assert "sparse" in stopped.value.remedy
    assert found.environment("cargo") == {}


def test_a_machine_without_cargo_says_so(tmp_path):
    """Without cargo there is nobody to ask, and nothing to tell a sandbox."""
    found = made(tmp_path, FakeCargo(""))
    with pytest.raises(NoClient, match="not on this machine"):
        found.registry("cargo")
    assert found.environment("cargo") == {}


def test_an_odd_address_is_named_without_being_shown(here):
    """What cargo names is checked like any other setting."""
    with pytest.raises(BadInput) as stopped:
        made(here, FakeCargo(SAID.format("https://me:secret@[x"))).registry("cargo")
    assert "secret" not in stopped.value.line()


def cargo_answers() -> bool:
    """Return whether there is a cargo that runs: rustup's stands there without a toolchain, too."""
    program = shutil.which("cargo")
    if program is None:
        return False
    environment = {**os.environ, "RUSTUP_AUTO_INSTALL": "0"}
    return subprocess.run([program, "--version"], env=environment, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not cargo_answers(), reason="no cargo that runs is on this machine")
def test_the_real_cargo_is_understood(tmp_path):
    """cargo's files, source replacement and variables lead to the address that cargo would use."""
    home, project = tmp_path / "home", tmp_path / "project"
    (project / ".cargo").mkdir(parents=True)
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "RUSTUP_HOME"}}
    environment = {**kept, "CARGO_HOME": str(home), "RUSTUP_AUTO_INSTALL": "0"}
    plain = Clients(environment, project).registry("cargo")
    assert plain.startswith("https://")
    (project / ".cargo/config.toml").write_text(
        '[source.crates-io]\nreplace-with = "near"\n[source.near]\nregistry = "sparse+http://127.0.0.1:1/near/"\n'
    )
    assert Clients(environment, project).registry("cargo") == "http://127.0.0.1:1/near"
    own = {"CARGO_REGISTRY_DEFAULT": "own", "CARGO_REGISTRIES_OWN_INDEX": "sparse+http://127.0.0.1:1/own/"}
    found = Clients(environment | own, project)
    assert found.registry("cargo") == "http://127.0.0.1:1/own"
    assert found.environment("cargo")["CARGO_REGISTRIES_RECIPELINE_INDEX"] == "sparse+http://127.0.0.1:1/near/"
    (project / ".cargo/config.toml").write_text("[net]\noffline = true\n")
    assert Clients(environment, project).registry("cargo") == plain


def test_a_launcher_without_a_toolchain_is_named_as_that(here):
    """rustup's `cargo` is there for every user, the toolchain in the home of one."""
    said = "error: rustup could not choose a version of cargo to run, and no default is configured.\n"
    with pytest.raises(NoClient, match="no Rust toolchain") as stopped:
        made(here, FakeCargo(said)).registry("cargo", "hexyl")
    assert "rustup default" in stopped.value.line()
