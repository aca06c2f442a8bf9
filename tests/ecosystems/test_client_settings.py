"""Where npm, uv, pip and cargo say that their registries are."""

import json
import sys
from pathlib import Path

import pytest

from pipeline import clients
from pipeline.clients import Clients, Ran, npm_command, run_program
from pipeline.errors import BadInput, PipelineError, UnknownName

NPM = {
    "registry": "https://npm.example/base/",
    "@acme:registry": "https://npm.acme.example/",
    "cafile": "/etc/own-ca.pem",
    "proxy": None,
    "fund": True,
    "//npm.acme.example/:_authToken": "secret",
}
HELP = "  -i, --index-url <url>       Base URL of the index (default https://pypi.example/simple). This should\n"


class FakePrograms:
    """Answers as the clients would; `asked` holds what was run."""

    def __init__(self, npm: str = json.dumps(NPM), pip_config: str = "", pip_help: str = HELP, exit_code: int = 0):
        self.answers = {"npm": npm, "config": pip_config, "install": pip_help}
        self.exit_code = exit_code
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, argv, environment, folder):
        self.asked.append(argv)
        kind = argv[3] if argv[1:3] == ("-m", "pip") else "npm"
        return Ran(exit_code=self.exit_code, output=self.answers[kind])


@pytest.fixture
def home(tmp_path):
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    return tmp_path


def made(home: Path, programs: FakePrograms | None = None, **variables: str) -> Clients:
    environment = {"HOME": str(home), "PATH": ""} | variables
    return Clients(environment, home, programs or FakePrograms(), uv_config=home / "system-uv.toml")


@pytest.mark.parametrize("name", ["npm_config_registry", "NPM_CONFIG_REGISTRY"])
def test_npm_variable_wins_without_asking(home, name):
    """npm's variable, in either case, is used as it is and starts no program."""
    programs = FakePrograms()
    assert made(home, programs, **{name: "http://127.0.0.1:4873/"}).registry("npm") == "http://127.0.0.1:4873"
    assert programs.asked == []


def test_npm_is_asked_once(home):
    """npm itself merges its files and defaults, and is asked once in a process."""
    programs = FakePrograms()
    found = made(home, programs)
    assert found.registry("npm", "prettier") == "https://npm.example/base"
    assert found.registry("npm", "@other/x") == "https://npm.example/base"
    assert len(programs.asked) == 1


def test_scope_has_its_own_registry(home):
    """A scope that npm is told to fetch from elsewhere is fetched from there, whatever the default is."""
    assert made(home).registry("npm", "@acme/x") == "https://npm.acme.example"
    other = made(home, npm_config_registry="https://mirror.example")
    assert other.registry("npm", "@acme/x") == "https://npm.acme.example"
    assert other.registry("npm", "@other/x") == "https://mirror.example"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"UV_DEFAULT_INDEX": "https://a.example/x/", "PIP_INDEX_URL": "https://b.example"},
            "a.example/x",
        ),
        ({"UV_DEFAULT_INDEX": "mine=https://a.example/simple"}, "a.example/simple"),
        ({"UV_INDEX_URL": "https://a.example/simple"}, "a.example/simple"),
        ({"PIP_INDEX_URL": "https://b.example/simple"}, "b.example/simple"),
        ({"UV_DEFAULT_INDEX": "", "PIP_INDEX_URL": "https://b.example/simple"}, "b.example/simple"),
    ],
)
def test_index_variables_win_without_asking(home, variables, expected):
    """uv's variables come before pip's, as uv does the installing; an empty one is none."""
    programs = FakePrograms()
    assert made(home, programs, **variables).registry("pypi") == f"https://{expected}"
    assert programs.asked == []


@pytest.mark.parametrize(
    "content",
    [
        'index-url = "https://uv.example/simple"',
        '[[index]]\nurl = "https://no.example"\n[[index]]\nurl = "https://uv.example/simple"\ndefault = true',
    ],
)
@pytest.mark.parametrize("place", [".config/uv/uv.toml", "system-uv.toml"])
def test_uv_settings_are_read(home, place, content):
    """The default index of uv's own file, in its current and its old form, comes before pip's settings."""
    (home / place).write_text(content)
    programs = FakePrograms(pip_config="global.index-url='https://pip.example/simple'\n")
    assert made(home, programs).registry("pypi") == "https://uv.example/simple"
    assert made(home, programs, UV_NO_CONFIG="1").registry("pypi") == "https://pip.example/simple"


def test_named_uv_settings_replace_the_others(home):
    """`UV_CONFIG_FILE` is read instead of the files in their usual places."""
    (home / ".config/uv/uv.toml").write_text('index-url = "https://usual.example"')
    (home / "own.toml").write_text('index-url = "https://own.example"')
    assert made(home, UV_CONFIG_FILE=str(home / "own.toml")).registry("pypi") == "https://own.example"


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("global.index-url='https://g.example/simple'\nglobal.timeout='9'\n", "https://g.example/simple"),
        (
            "global.index-url='https://g.example'\ninstall.index-url='https://i.example'\n",
            "https://i.example",
        ),
        ("global.cert='/x=y'\n", "https://pypi.example/simple"),
        ("", "https://pypi.example/simple"),
    ],
)
def test_pip_settings_then_its_own_default(home, listed, expected):
    """pip's files are read by pip; without a setting, the default that its help names is used."""
    assert made(home, FakePrograms(pip_config=listed)).registry("pypi") == expected


def test_silent_clients_are_an_error_with_a_remedy(home):
    """A client that does not answer stops the run with what to do, and nothing is guessed."""
    for programs in (
        FakePrograms(npm=""),
        FakePrograms(npm="[]"),
        FakePrograms(exit_code=1),
    ):
        with pytest.raises(PipelineError, match="npm does not say") as stopped:
            made(home, programs).registry("npm")
        assert "npm_config_registry" in stopped.value.remedy
    with pytest.raises(PipelineError, match="pip does not say"):
        made(home, FakePrograms(pip_help="")).registry("pypi")


@pytest.mark.parametrize("value", ["file:///srv/index", "me:secret@host", "ftp://x.example", "https://", "\n"])
def test_bad_address_names_the_setting_and_not_its_secret(home, value):
    """A setting that is no http address is named; its value may hold a password and is not shown."""
    with pytest.raises(BadInput) as stopped:
        made(home, PIP_INDEX_URL=value).registry("pypi")
    assert stopped.value.place == "PIP_INDEX_URL"
    assert "secret" not in stopped.value.line()


def test_unreadable_uv_settings_are_named(home):
    """A broken uv.toml is an error that names the file."""
    (home / ".config/uv/uv.toml").write_text("index-url = ")
    with pytest.raises(BadInput, match=r"uv\.toml"):
        made(home).registry("pypi")


def test_unknown_ecosystem_is_an_error(home):
    """An ecosystem whose client is not known has no registry."""
    with pytest.raises(UnknownName):
        made(home).registry("rubygems")


def test_sandboxed_npm_gets_the_same_route_and_no_secret(home):
    """The variables for a sandbox hold registries, certificates and proxies; nothing else."""
    passed = {
        "SSL_CERT_FILE": "/etc/ca.pem",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "no_proxy": "localhost",
    }
    found = made(home, **passed, AWS_SECRET_ACCESS_KEY="secret", NPM_TOKEN="secret").environment("npm")
    assert found == passed | {
        "npm_config_registry": "https://npm.example/base",
        "npm_config_@acme:registry": "https://npm.acme.example/",
        "npm_config_cafile": "/etc/own-ca.pem",
    }


def test_sandboxed_uv_gets_the_same_index(home):
    """uv and pip are pointed to one index, and pip's certificates serve uv too when it has none."""
    index = "https://pypi.example/simple"
    assert made(home, PIP_CERT="/etc/ca.pem").environment("pypi") == {
        "PIP_CERT": "/etc/ca.pem",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "UV_DEFAULT_INDEX": index,
        "PIP_INDEX_URL": index,
    }


def test_real_clients_are_understood(tmp_path, monkeypatch):
    """The npm and the pip that are installed with this program answer in the form that is expected."""
    (tmp_path / ".npmrc").write_text("registry=http://127.0.0.1:1/npm/\n@acme:registry=http://127.0.0.1:1/acme/\n")
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:1/simple/\n")
    environment = {"HOME": str(tmp_path), "PATH": "", "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    found = Clients(environment, tmp_path, run_program, uv_config=tmp_path / "none.toml")
    assert found.registry("npm") == "http://127.0.0.1:1/npm"
    assert found.registry("npm", "@acme/x") == "http://127.0.0.1:1/acme"
    assert found.registry("pypi") == "http://127.0.0.1:1/simple"
    plain = Clients(environment | {"PIP_CONFIG_FILE": "/dev/null"}, tmp_path, run_program, tmp_path / "none.toml")
    assert plain.registry("pypi").endswith("/simple")


def test_npm_of_the_system_comes_first(tmp_path):
    """The npm that people use here knows their settings; the one installed with us is the fall-back."""
    (tmp_path / "npm").write_text("#!/bin/sh\n")
    (tmp_path / "npm").chmod(0o755)
    assert npm_command({"PATH": str(tmp_path)}) == (str(tmp_path / "npm"),)
    node, program = npm_command({"PATH": ""})
    assert Path(node).is_file()
    assert Path(program).is_file()


def test_program_that_cannot_run_is_a_value(tmp_path, monkeypatch):
    """A program that is missing or hangs gives an exit code of -1, not an exception."""
    assert run_program((str(tmp_path / "missing"),), {}, tmp_path) == Ran(exit_code=-1, output="")
    assert run_program((sys.executable, "-c", "print('x')"), {}, tmp_path) == Ran(exit_code=0, output="x\n")
    monkeypatch.setattr(clients, "_ASK_SECONDS", 0.05)
    hanging = (sys.executable, "-c", "import threading; threading.Event().wait()")
    assert run_program(hanging, {}, tmp_path) == Ran(exit_code=-1, output="")


def test_without_a_home_the_working_folder_is_no_home(home, monkeypatch):
    """A `.config/uv/uv.toml` where the run was started from belongs to somebody else."""
    (home / ".config/uv/uv.toml").write_text('index-url = "https://theirs.example/simple"')
    monkeypatch.chdir(home)
    found = Clients({"PATH": ""}, home, FakePrograms(), uv_config=home / "system-uv.toml")
    assert found.registry("pypi") == "https://pypi.example/simple"


@pytest.mark.parametrize("target", ["/dev/zero", "nowhere"])
def test_a_setting_of_uv_that_is_no_file_is_named(home, target):
    """A device is not read, and a link that leads nowhere is a mistake, not an absence."""
    (home / ".config/uv/uv.toml").symlink_to(target)
    with pytest.raises(PipelineError, match=r"uv\.toml"):
        made(home).registry("pypi")
