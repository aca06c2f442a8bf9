"""Where the public services are, and what is shown to them: variables of the ordinary clients, else `pipeline.yaml`.

Unlike npm or cargo, these have no settings that a program could ask for: a variable is all that their clients read.
"""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from pipeline.config import EcosystemConfig

# Homebrew's manual names HOMEBREW_API_DOMAIN for mirrors; GitHub sets GITHUB_API_URL in its workflows, on its own
# servers too.
_ADDRESSES: Mapping[str, tuple[str, ...]] = {
    "homebrew": ("HOMEBREW_API_DOMAIN",),
    "cask": ("HOMEBREW_API_DOMAIN",),
    "github": ("GITHUB_API_URL",),
}
# A mirror of the bottles, which takes the place of the address that each formula gives.
BOTTLE_MIRROR = "HOMEBREW_BOTTLE_DOMAIN"
# The variables of the forge's token, in the order in which GitHub's command-line program reads them.
TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
# The ecosystems whose service takes that token.
_WITH_TOKEN = frozenset({"github"})


def address_of(ecosystem: str, environment: Mapping[str, str], config: EcosystemConfig) -> tuple[str, str]:
    """Return the address of a service and the name of what says it; ("", "") when nothing does."""
    for name in _ADDRESSES.get(ecosystem, ()):
        if environment.get(name):
            return environment[name], name
    return config.registry, f"ecosystems.{ecosystem}.registry" if config.registry else ""


def token_variable(environment: Mapping[str, str]) -> str:
    """Return the name of the variable that the forge's token is read from, "" when none is set."""
    return next((name for name in TOKENS if environment.get(name)), "")


def forge_token(environment: Mapping[str, str]) -> str:
    """Return the token for the forge, "" when there is none that a header can hold."""
    token = environment.get(token_variable(environment), "")
    # Anything else could smuggle a second header in.
    return token if token.isascii() and token.isprintable() and " " not in token else ""


def credentials_of(
    ecosystem: str, environment: Mapping[str, str], config: EcosystemConfig, address: Callable[[], str]
) -> dict[str, str]:
    """Return the `Authorization` header for each host (scheme and authority) that gets one.

    A token goes to the service itself and nowhere else: the files of a release lie on other hosts. `address` is that
    service's; it is not asked for without a token, as an ecosystem whose recipes a command makes has none.
    """
    found = {each.host: each.authorization for each in config.anonymous}
    token = forge_token(environment) if ecosystem in _WITH_TOKEN else ""
    if token:
        found[host_address(address())] = f"Bearer {token}"
    return found


def host_address(url: str) -> str:
    """Return the scheme and authority of an address, without a user: `https://api.example`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"
