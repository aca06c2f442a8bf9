"""What cargo is asked so that it says where its registries are, how its answer is read, and how another is told.

cargo has no command that prints the address of an index. But it names the address that it cannot reach: so it is
sent through a proxy that is none (port 1 of the loopback), and nothing leaves this machine. What it names is what
it would use: its files, from the working folder upwards, `[source]` replacements, `[registries]` and variables.
"""

import re
from collections.abc import Mapping

# The registry that packages come from unless they say otherwise, and that `[source.crates-io]` may replace.
CRATES_IO = "crates-io"
# What the registries are called inside a sandbox: where dependencies come from, and the default if that is another.
MIRROR = "recipeline"
_DEFAULT = "recipeline-default"
# Replacing crates-io by a registry is possible in a file or on the command line, but not by a variable.
REPLACE = ("--config", f'source.{CRATES_IO}.replace-with="{MIRROR}"')

# For a cargo that names none.
REMEDY = "use cargo 1.82 or newer, and set its registries to sparse ones"

# For a cargo that is rustup's launcher, with no toolchain behind it.
TOOLCHAIN_REMEDY = "choose one with `rustup default stable`"

_NOWHERE = ("net.offline=false", "net.retry=0", 'http.proxy="http://127.0.0.1:1"')
# Any name serves: cargo reads config.json of the index first.
_ANY_CRATE = "recipeline"
_NAMED = re.compile(r"failed to download from `(https?://[^`\s]+?)/config\.json`")
_BYPASS = frozenset({"no_proxy", "http_proxy", "https_proxy", "all_proxy"})


def question(cargo: str, registry: str = "") -> tuple[str, ...]:
    """Return the command that has cargo name a registry's address; "" is the default registry."""
    settings = (text for setting in _NOWHERE for text in ("--config", setting))
    named = ("--registry", registry) if registry else ()
    # cargo says it on standard error.
    return ("/bin/sh", "-c", 'exec "$@" 2>&1', "sh", cargo, "info", _ANY_CRATE, *named, *settings)


def question_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the question: without those that would lead around the proxy."""
    return {name: value for name, value in environment.items() if name.lower() not in _BYPASS}


def address_in(output: str) -> str:
    """Return the index's address that cargo names, "" when it names none."""
    found = _NAMED.search(output)
    return found[1] if found else ""


def is_replaced(output: str) -> bool:
    """Say whether cargo wants crates-io to be named: with a replacement it is no default that goes without saying."""
    return f"{CRATES_IO} is replaced with" in output


def is_launcher_only(output: str) -> bool:
    """Say whether it was not cargo that answered but rustup, which finds none: it is another user's, or not there."""
    return output.lstrip().startswith("error: rustup ")


def variables(crates_io: str, default: str) -> dict[str, str]:
    """Return the variables by which a cargo that is given `REPLACE` uses these addresses.

    cargo refuses addresses with a password, so these hold none.
    """
    told = {_index_of(MIRROR): f"sparse+{crates_io}/"}
    if default != crates_io:
        told |= {_index_of(_DEFAULT): f"sparse+{default}/", "CARGO_REGISTRY_DEFAULT": _DEFAULT}
    return told


def knows_registry(told: Mapping[str, str]) -> bool:
    """Say whether these variables name a registry."""
    return _index_of(MIRROR) in told


def _index_of(registry: str) -> str:
    return f"CARGO_REGISTRIES_{registry.upper().replace('-', '_')}_INDEX"
