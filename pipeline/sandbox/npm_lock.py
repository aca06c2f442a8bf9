"""What one npm lock file says about every platform, without installing anything.

npm writes a lock file (version 3) for all platforms at once: each package with its `os`, `cpu` and `libc`. A platform
is refused when a package that must be there excludes it, or when a package brings its program as a family of optional,
platform-specific packages and none of them is for this platform. `npm install --os --cpu --libc` tells neither: it
exits with 0 when the program is missing.
"""

import re
from collections import deque
from collections.abc import Mapping

import msgspec

from pipeline.decoding import decode_json
from pipeline.model import Prediction
from pipeline.platforms import Platform
from pipeline.text import one_line

# Three or more members bring one binary for each platform. One or two are extras of a single system (`fsevents`).
FAMILY_SIZE = 3

_CPU = {"x86_64": "x64", "arm64": "arm64"}
_CPU_WORDS = {"x86_64": {"x64", "amd64", "64", "universal"}, "arm64": {"arm64", "aarch64", "universal"}}
_EXACT = re.compile(r"(?:npm:.+@)?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$")
# The words of a package's name that tell its platform, not its family: `@img/sharp-libvips-linuxmusl-x64`.
_PLATFORM_WORDS = re.compile(
    r"(?:(?<=[-/_])|^)(?:darwin|linux(?:musl)?|win(?:dows|32|64)?|android|freebsd|netbsd|openbsd|sunos|aix|openharmony"
    r"|x64|x86(?:_64)?|ia32|amd64|arm64|aarch64|arm(?:v?[67]l?)?|gnu(?:eabihf)?|musl(?:eabihf)?|msvc|glibc|eabihf|64|32"
    r"|universal|wasm32|wasi|ppc64(?:le)?|powerpc64le|s390x|riscv64(?:gc)?|loong64|loongarch64|mips64el)(?=$|[-_])"
)
_MUSL_NAME = re.compile(r"(?:-|linux)musl(?:eabihf)?(?:-|$)")
_GNU_NAME = re.compile(r"-(?:gnu|glibc)(?:eabihf)?$")


class Package(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of `packages`; what is not read here is ignored."""

    version: str = ""
    resolved: str = ""
    link: bool = False
    os: list[str] | str = []
    cpu: list[str] | str = []
    libc: list[str] | str = []
    dependencies: dict[str, str] = {}
    optional_dependencies: dict[str, str] = {}
    peer_dependencies: dict[str, str] = {}
    peer_dependencies_meta: dict[str, dict[str, object]] = {}


class Lock(msgspec.Struct, frozen=True, rename="camel"):
    """A `package-lock.json`: keys of `packages` are folders below the project, "" is the project itself."""

    lockfile_version: int
    packages: dict[str, Package]


def parse(content: bytes) -> Lock | None:
    """Return the lock file, or None when it is not one of version 2 or 3."""
    try:
        lock = decode_json(content, Lock)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return lock if lock.lockfile_version in (2, 3) and "" in lock.packages else None


def predict(lock: Lock, platform: Platform) -> Prediction:
    """Return what the lock file says about one platform."""
    required = _required(lock.packages)
    for path in required:
        package = lock.packages[path]
        if not _admits(path, package, platform):
            return _refused(platform, f"{_label(path, package)} is required and only for {_only_for(package)}")
    shortfalls = [(path, each) for path in required for each in _shortfalls(lock.packages, path, platform)]
    for path, shortfall in shortfalls:
        label = _label(path, lock.packages[path])
        if not shortfall.unresolved:
            return _refused(platform, f"{label} has no {shortfall.family}-* for this platform")
    for _, shortfall in shortfalls:
        reason = f"npm found no release of {shortfall.unresolved} that is wanted here"
        return Prediction(platform=platform.id, status="unknown", reason=reason)
    count = len(required)
    return Prediction(
        platform=platform.id,
        status="predicted_pass",
        reason=f"none of {count} required package{'s' if count > 1 else ''} excludes this platform",
    )


def _refused(platform: Platform, reason: str) -> Prediction:
    return Prediction(platform=platform.id, status="predicted_fail", reason=f"no_platform_build: {reason}")


def _required(packages: Mapping[str, Package]) -> list[str]:
    """Return the folders of all packages that must be installed, nearest to the project first."""
    seen: dict[str, None] = {}
    waiting = deque([""])
    while waiting:
        folder = waiting.popleft()
        for name in _needs(packages[folder]):
            path = _locate(packages, folder, name)
            if path is not None and path not in seen:
                seen[path] = None
                waiting.append(path)
    return list(seen)


def _needs(package: Package) -> list[str]:
    """Return the names of what a package cannot do without: dependencies and peers that are not optional."""
    peers = (
        name
        for name in package.peer_dependencies
        if package.peer_dependencies_meta.get(name, {}).get("optional") is not True
    )
    return [name for name in (*package.dependencies, *peers) if name not in package.optional_dependencies]


def _locate(packages: Mapping[str, Package], folder: str, name: str) -> str | None:
    """Return the folder in which Node finds a package from another one: the nearest `node_modules` upwards."""
    while True:
        path = f"{folder}/node_modules/{name}" if folder else f"node_modules/{name}"
        if path in packages:
            target = packages[path]
            return target.resolved if target.link and target.resolved in packages else path
        if not folder:
            return None
        folder = folder.rpartition("/node_modules/")[0]


class _Shortfall(msgspec.Struct, frozen=True, kw_only=True):
    """A family without a member for a platform.

    `unresolved` names the member that is declared for it and is not in the lock file: npm silently leaves out optional
    packages that the registry does not have, or not yet. "" when none is declared.
    """

    family: str
    unresolved: str


def _shortfalls(packages: Mapping[str, Package], path: str, platform: Platform) -> list[_Shortfall]:
    """Return the families of platform packages, declared by one package, that have no member for the platform."""
    families: dict[str, list[str]] = {}
    for name, spec in packages[path].optional_dependencies.items():
        if _EXACT.match(spec) and family_of(name) != name:
            families.setdefault(family_of(name), []).append(name)
    found: list[_Shortfall] = []
    for family, members in families.items():
        located = {name: _locate(packages, path, name) for name in members}
        resolved = [place for place in located.values() if place is not None]
        is_family = len(members) >= FAMILY_SIZE and all(_is_platform_specific(packages[place]) for place in resolved)
        if is_family and resolved and not any(_admits(place, packages[place], platform) for place in resolved):
            unresolved = (name for name, place in located.items() if place is None and _is_named_for(name, platform))
            found.append(_Shortfall(family=family, unresolved=next(unresolved, "")))
    return found


def _is_named_for(name: str, platform: Platform) -> bool:
    """Say whether a package's name tells that it is for the platform; its libc may be left out."""
    words = set(re.split(r"[-_/.]", name.replace("linuxmusl", "linux-musl")))
    foreign_libc = {"glibc": {"musl"}, "musl": {"gnu", "glibc"}}.get(platform.libc, set())
    return platform.os in words and bool(words & _CPU_WORDS[platform.arch]) and not words & foreign_libc


def family_of(name: str) -> str:
    """Return a package's name without the words for its platform: `@esbuild` for `@esbuild/linux-x64`."""
    return re.sub(r"[-_/]{2,}", "-", _PLATFORM_WORDS.sub("", name)).strip("-_/")


def _is_platform_specific(package: Package) -> bool:
    return bool(package.os or package.cpu or package.libc)


def _admits(path: str, package: Package, platform: Platform) -> bool:
    return (
        _listed(package.os, platform.os)
        and _listed(package.cpu, _CPU[platform.arch])
        and (platform.os != "linux" or _listed(_libc(path, package), platform.libc))
    )


def _libc(path: str, package: Package) -> list[str] | str:
    """Return the declared libc; older releases say it only in the name of the package (napi-rs: `-gnu`, `-musl`)."""
    if package.libc or not _is_platform_specific(package):
        return package.libc
    if _MUSL_NAME.search(path):
        return ["musl"]
    return ["glibc"] if _GNU_NAME.search(path) else []


def _listed(words: list[str] | str, word: str) -> bool:
    """Say whether npm's list admits a word: an entry with `!` forbids, any other one makes it an allow-list."""
    entries = [words] if isinstance(words, str) else words
    if f"!{word}" in entries:
        return False
    allowed = [entry for entry in entries if not entry.startswith("!")]
    return not allowed or word in allowed or "any" in allowed


def _label(path: str, package: Package) -> str:
    name = path.rpartition("node_modules/")[2]
    return f"{name} {package.version}".strip()


def _only_for(package: Package) -> str:
    parts = (
        f"{key} {', '.join([words] if isinstance(words, str) else words)}"
        for key, words in (("os", package.os), ("cpu", package.cpu), ("libc", package.libc))
        if words
    )
    return one_line("; ".join(parts))
