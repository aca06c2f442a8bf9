"""Which module proxies go is set up with, and what the sandbox is told of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import go_client
from pipeline.clients import Clients, Ran
from pipeline.errors import BadInput

SETTINGS = {"GOPROXY": "https://proxy.example/go/,direct", "GOSUMDB": "sum.example", "GONOPROXY": "", "GOFLAGS": "-x"}


class FakeGo:
    """Answers as `go env -json` would; `asked` holds what was run and with which variables."""

    def __init__(self, output: str = json.dumps(SETTINGS), exit_code: int = 0):
        self.ran = Ran(exit_code=exit_code, output=output)
        self.asked: list[tuple[tuple[str, ...], dict[str, str]]] = []

    def __call__(self, argv, environment, folder):
        self.asked.append((argv, dict(environment)))
        return self.ran


@pytest.fixture
def go_folder(tmp_path: Path) -> Path:
    """A folder for PATH with a program called go in it; it is never run."""
    tmp_path.joinpath("go").touch(mode=0o755)
    return tmp_path


def clients(folder: Path, program: FakeGo, **variables: str) -> Clients:
    return Clients({"HOME": str(folder), "PATH": str(folder), **variables}, folder, program)


def test_go_is_asked_once_and_downloads_no_toolchain(go_folder):
    """go itself merges its variables, its file and its defaults."""
    program = FakeGo()
    found = clients(go_folder, program)
    assert found.registry("go", "example.com/x") == "https://proxy.example/go"
    assert found.registry("go", "example.com/y") == "https://proxy.example/go"
    assert len(program.asked) == 1
    argv, environment = program.asked[0]
    assert argv[:3] == (str(go_folder / "go"), "env", "-json")
    assert environment["GOTOOLCHAIN"] == "local"


def test_the_sandbox_is_told_where_modules_come_from_and_nothing_else(go_folder):
    """No version control runs there, so `direct` is left out; flags of a person's own are not passed on."""
    told = clients(go_folder, FakeGo(), HTTPS_PROXY="http://127.0.0.1:3128", SECRET="x").environment("go")
    assert told == {
        "GOPROXY": "https://proxy.example/go",
        "GOSUMDB": "sum.example",
        "HTTPS_PROXY": "http://127.0.0.1:3128",
    }


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        ("https://a.example/|https://b.example,direct", "https://a.example|https://b.example"),
        ("https://a.example,off,https://b.example", "https://a.example"),
        (" https://a.example , direct", "https://a.example"),
        ("direct", "direct"),
        ("off", "off"),
        (",", ""),
        ("", ""),
    ],
)
def test_a_list_ends_where_no_proxy_is_asked(go_folder, proxy, expected):
    """The separators stay; with no address before it, the word that ends the list is said."""
    program = FakeGo(json.dumps({"GOPROXY": proxy}))
    assert clients(go_folder, program).registry("go", "example.com/x") == expected


@pytest.mark.parametrize("proxy", ["file:///srv/modules", "https://", "ftp://a.example"])
def test_what_is_no_web_address_is_refused(go_folder, proxy):
    """Only http and https are asked, and the address is not repeated: it may hold a password."""
    with pytest.raises(BadInput) as refused:
        clients(go_folder, FakeGo(json.dumps({"GOPROXY": proxy}))).registry("go", "example.com/x")
    assert "GOPROXY" in refused.value.line()
    assert "a.example" not in refused.value.line()


@pytest.mark.parametrize(
    ("patterns", "module", "private"),
    [
        ("*.corp.example", "git.corp.example/a/b", True),
        ("*.corp.example", "corp.example/a", False),
        ("example.com/secret", "example.com/secret/x/cmd/y", True),
        ("example.com/secret", "example.com/secretive", False),
        ("example.com/*/x", "example.com/a/x/y", True),
        ("example.com/*/x", "example.com/a/b/x", False),
        ("a.example, b.example/ ,", "b.example/c", True),
        ("[^a]*.example", "b.example/c", True),
        ("", "a.example/b", False),
        ("none", "a.example/b", False),
    ],
)
def test_private_modules_are_asked_of_no_proxy(go_folder, patterns, module, private):
    """The patterns of GONOPROXY, which GOPRIVATE fills, match whole elements from the front."""
    program = FakeGo(json.dumps(SETTINGS | {"GONOPROXY": patterns}))
    assert clients(go_folder, program).registry("go", module) == ("direct" if private else "https://proxy.example/go")


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_patterns_are_answered(patterns, module):
    """No setting ends in an exception."""
    assert go_client.is_private(module, patterns) in {True, False}


def test_without_go_its_variables_and_its_file_are_read(tmp_path):
    """A variable comes before go's own file; the default proxy, which go alone knows, is not made up."""
    program = FakeGo(exit_code=-1)
    config = tmp_path / ".config/go/env"
    config.parent.mkdir(parents=True)
    config.write_text("# mine\nGOPROXY=https://file.example\nGOPRIVATE=*.corp.example\n")
    bare = Clients({"HOME": str(tmp_path), "PATH": ""}, tmp_path, program)
    assert bare.registry("go", "example.com/x") == "https://file.example"
    assert bare.registry("go", "a.corp.example/x") == "direct"
    assert bare.environment("go")["GONOSUMDB"] == "*.corp.example"
    told = Clients({"HOME": str(tmp_path), "PATH": "", "GOPROXY": "https://variable.example"}, tmp_path, program)
    assert told.registry("go", "example.com/x") == "https://variable.example"
    unset = Clients({"HOME": str(tmp_path), "PATH": "", "GOENV": "off"}, tmp_path, program)
    assert unset.registry("go", "example.com/x") == ""
    assert unset.environment("go")["GOPROXY"] == "off"


@pytest.mark.parametrize("output", ["", "no json", "[]", '"x"'])
def test_a_go_that_does_not_answer_is_as_none(go_folder, output):
    """Its file is read instead."""
    assert (
        clients(go_folder, FakeGo(output), GOPROXY="https://a.example").registry("go", "b.c/x") == "https://a.example"
    )
