"""Which executables `cargo install` makes of a crate: cargo's own rules for targets, on a manifest and a list of files.

The rules are those of the cargo reference, chapter "Cargo targets": what is declared as `[[bin]]`, and what is found
in `src/main.rs`, `src/bin/*.rs` and `src/bin/*/main.rs` unless `autobins` or the edition says otherwise.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pipeline.crate import Crate
from pipeline.zipped import Broken

MAIN = "src/main.rs"
_FOUND = re.compile(r"src/bin/([^/]+)(?:\.rs|/main\.rs)")


class Binary(msgspec.Struct, frozen=True, kw_only=True):
    """One executable and the features without which cargo leaves it out. `place` says where it is declared."""

    name: str
    needs: tuple[str, ...] = ()
    place: str


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """The executables that the default features make, and those that they leave out."""

    installed: tuple[Binary, ...]
    left_out: tuple[Binary, ...]


def targets_of(crate: Crate) -> Targets | Broken:
    """Return the crate's executables, or why cargo would refuse its manifest."""
    package = table(crate.manifest, "package")
    declared = _declared(crate.manifest.get("bin"))
    if isinstance(declared, Broken):
        return declared
    discovered = _discovered(crate.files, str(package.get("name", ""))) if _discovers(package, declared) else {}
    names = {binary.name for binary in declared}
    paths = {item.get("path") for item in crate.manifest.get("bin", [])}
    found = [
        Binary(name=name, place=path)
        for path, name in sorted(discovered.items())
        if name not in names and path not in paths
    ]
    on = enabled(crate.manifest)
    binaries = (*declared, *found)
    return Targets(
        installed=tuple(binary for binary in binaries if on.issuperset(binary.needs)),
        left_out=tuple(binary for binary in binaries if not on.issuperset(binary.needs)),
    )


def table(manifest: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return a table of the manifest, empty when there is none."""
    value = manifest.get(key)
    return value if isinstance(value, dict) else {}


def texts(value: object) -> list[str]:
    """Return the texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _declared(declared: object) -> tuple[Binary, ...] | Broken:
    """Return what stands in `[[bin]]`; cargo wants a name for each, and each name once."""
    if declared is None:
        return ()
    if not isinstance(declared, list) or not all(isinstance(item, dict) for item in declared):
        return Broken(message="Cargo.toml: `bin` is not a list of tables")
    if not all(isinstance(item.get("name"), str) and item["name"] for item in declared):
        return Broken(message="Cargo.toml: a [[bin]] has no name")
    names = [item["name"] for item in declared]
    if len(set(names)) != len(names):
        return Broken(message="Cargo.toml: two [[bin]] have one name")
    return tuple(
        Binary(name=item["name"], needs=tuple(texts(item.get("required-features"))), place="[[bin]]")
        for item in declared
    )


def _discovers(package: Mapping[str, Any], declared: tuple[Binary, ...]) -> bool:
    """Say whether cargo looks for executables itself. In the first edition it does so only when none is declared."""
    automatic = package.get("autobins")
    if isinstance(automatic, bool):
        return automatic
    return not declared or package.get("edition", "2015") != "2015"


def _discovered(files: Iterable[str], package: str) -> dict[str, str]:
    """Return the executables by their path."""
    found = {path: match[1] for path in files if (match := _FOUND.fullmatch(path))}
    return found | ({MAIN: package} if MAIN in files else {})


def enabled(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Return the features that are on by default, those of dependencies as `dependency/feature`.

    `x/f` turns on the optional dependency x and its feature f, `x?/f` only the feature, `dep:x` only the dependency.
    """
    features = {name: texts(value) for name, value in table(manifest, "features").items()}
    on: set[str] = set()
    waiting = ["default"]
    while waiting:
        name = waiting.pop()
        if name in on:
            continue
        on.add(name)
        waiting += features.get(name, [])
        if "/" in name and "?/" not in name and not name.startswith("dep:"):
            waiting.append(name.partition("/")[0])
    declared = {
        f"{dependency}/{feature}"
        for dependency, wanted in table(manifest, "dependencies").items()
        if isinstance(wanted, dict) and (wanted.get("optional") is not True or on & {dependency, f"dep:{dependency}"})
        for feature in texts(wanted.get("features"))
    }
    return frozenset(on | declared)
