"""What every phase sees of this machine: its system folders, a little of `/etc`, and what the network needs."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from pipeline.sandbox.base import Mount

_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# What the dynamic loader, Debian's alternatives, TLS libraries and clocks read. It names no person and no secret.
_ETC = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/crypto-policies",
)
_NETWORK_ETC = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf")
# Variables of OpenSSL, pip, requests, curl, Node, npm, uv and cargo that name a file or folder of certificates.
_CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
    "npm_config_cafile",
    "CARGO_HTTP_CAINFO",
)
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_CERTIFICATES_INSIDE = "/etc/sandbox-certificates"


class HostView(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the host that phases see; `network_*` only where the network is on."""

    # (place, target) of symbolic links such as /lib -> usr/lib.
    links: tuple[tuple[str, str], ...]
    mounts: tuple[Mount, ...]
    network_mounts: tuple[Mount, ...]
    network_environment: Mapping[str, str]


def look(environ: Mapping[str, str], root: Path = Path("/")) -> HostView:
    """Return what this machine has of it; `environ` is the variables of the person who runs the pipeline."""
    links: list[tuple[str, str]] = []
    mounts: list[Mount] = []
    for name in _SYSTEM_FOLDERS:
        place = root / name[1:]
        if place.is_symlink():
            links.append((name, str(place.readlink())))
        elif place.is_dir():
            mounts.append(Mount(host=place, inside=name))
    mounts += _existing(root, _ETC)
    certificate_mounts, certificate_variables = _certificates(environ)
    proxies = {name: value for name, value in environ.items() if name.lower() in _PROXY_VARIABLES and value}
    return HostView(
        links=tuple(links),
        mounts=tuple(mounts),
        network_mounts=(*_existing(root, _NETWORK_ETC), *certificate_mounts),
        network_environment={**certificate_variables, **proxies},
    )


def _existing(root: Path, names: Iterable[str]) -> list[Mount]:
    places = ((root / name[1:], name) for name in names)
    return [Mount(host=place, inside=name) for place, name in places if place.exists()]


def _certificates(environ: Mapping[str, str]) -> tuple[list[Mount], dict[str, str]]:
    """Return the certificates that variables name, shown at neutral places when they lie elsewhere than in /etc."""
    mounts: list[Mount] = []
    variables: dict[str, str] = {}
    for at, name in enumerate(_CERTIFICATE_VARIABLES):
        value = environ.get(name, "")
        if not value or not PurePosixPath(value).is_absolute() or not Path(value).exists():
            continue
        if value.startswith(("/usr/", "/etc/ssl/certs/", "/etc/pki/tls/certs/")) or value == "/etc/ssl/certs":
            variables[name] = value
            continue
        inside = f"{_CERTIFICATES_INSIDE}/{at}"
        mounts.append(Mount(host=Path(value), inside=inside))
        variables[name] = inside
    return mounts, variables


def namespace_remedy(root: Path = Path("/")) -> str:
    """Return what to do where user namespaces, which bubblewrap needs, are not permitted."""
    switches = {
        "proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "AppArmor restricts user namespaces: install the system's bubblewrap, which has a profile, or set it to 0",
        ),
        "proc/sys/kernel/unprivileged_userns_clone": ("0", "set kernel.unprivileged_userns_clone=1"),
        "proc/sys/user/max_user_namespaces": ("0", "set user.max_user_namespaces to 10000"),
    }
    for name, (forbids, remedy) in switches.items():
        switch = root / name
        if switch.exists() and switch.read_text().strip() == forbids:
            return remedy
    return "permit user namespaces here (in a container: its seccomp and AppArmor profiles must allow them)"
