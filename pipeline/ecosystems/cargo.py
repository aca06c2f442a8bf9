"""Cargo: the sparse index for versions, and the one `.crate` that is chosen for executables and metadata.

`GET <index>/<he/xy/hexyl>` answers with one JSON object a line, one line a version. `config.json` beside it says
where the archives are. Both hosts are as the cargo of this machine is set up.
"""

import re
from datetime import datetime
from typing import Any

import msgspec

from pipeline import licenses, text
from pipeline.crate import Crate, read_crate
from pipeline.crate_targets import Targets, table, targets_of
from pipeline.digests import digest_of, sha256
from pipeline.ecosystems.base import Answer, Draft, Fetcher, Made
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, decode, draft, one_step, other_digest, shown
from pipeline.model import Artifact, Failed, Held, License, Origin, Skipped, Subcategory, WorkOrder
from pipeline.source import identifier_of
from pipeline.zipped import Broken

NAME = "cargo"
REVISION = 1

# The registry's rule for names.
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_VERSION = re.compile(
    r"(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})(?P<pre>-[0-9A-Za-z.-]+)?(?:\+(?P<build>[0-9A-Za-z.-]+))?"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Formats of index lines that are known; cargo, too, passes over a version in another.
_FORMATS = (1, 2)
_MARKERS = ("{crate}", "{version}", "{prefix}", "{lowerprefix}", "{sha256-checksum}")


class Line(msgspec.Struct, frozen=True):
    """One version of a crate, as the index lists it. `features2` holds those that old cargos cannot read."""

    name: str
    vers: str
    cksum: str
    yanked: bool = False
    features: dict[str, list[str]] = {}
    features2: dict[str, list[str]] | None = None
    rust_version: str | None = None
    links: str | None = None
    pubtime: str | None = None
    v: int = 1


class RegistryConfig(msgspec.Struct, frozen=True):
    """The index's config.json: `dl` is where archives are, with or without markers."""

    dl: str


def identifier_defect(identifier: str) -> str:
    """Return why no crate can be called this, "" when one can."""
    return "" if _IDENTIFIER.fullmatch(identifier) else f"{identifier!r} cannot be the name of a crate"


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one crate with its evidence, or why there is none."""
    identifier = identifier_of(order.source)
    if defect := identifier_defect(identifier):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=defect)
    answer = fetcher.get(f"{registry}/{prefix(identifier.lower())}/{identifier.lower()}")
    if not isinstance(answer, Answer):
        return answer
    lines = _lines(answer.content, identifier)
    if isinstance(lines, Failed):
        return lines
    chosen = _choose(lines)
    if not isinstance(chosen, Line):
        return msgspec.structs.replace(chosen, upstream=digest_of(sorted((one.vers, one.yanked) for one in lines)))
    url = _download(chosen, registry, fetcher)
    archive = fetcher.get(url, pinned=f"sha256:{chosen.cksum}") if isinstance(url, str) else url
    if not isinstance(archive, Answer):
        return archive
    return _with_upstream(_read(order, chosen, archive, now), upstream_of(chosen))


def prefix(name: str) -> str:
    """Return the folder of a crate in the index: `1`, `2`, `3/a` or `he/xy` by the length of its name."""
    return str(len(name)) if len(name) < 3 else f"3/{name[0]}" if len(name) == 3 else f"{name[:2]}/{name[2:4]}"


def upstream_of(line: Line) -> str:
    """Return the digest of what a recipe depends on: the checksum stands for all that is in the archive."""
    return digest_of(line.name, line.vers, line.cksum, line.yanked, line.features, line.features2, line.rust_version)


# -------------------------------------------------------------------------------------------- version


def _lines(content: bytes, identifier: str) -> list[Line] | Failed:
    """Return the versions that a cargo of today can read."""
    found: list[Line] = []
    for number, raw in enumerate(content.splitlines(), start=1):
        line = decode(raw, Line, f"line {number} of the index file of {identifier}") if raw.strip() else None
        if isinstance(line, Failed):
            return line
        if line is not None and line.v in _FORMATS and _VERSION.fullmatch(line.vers):
            found.append(line)
    if not found:
        return bad_metadata(f"the index file of {identifier} lists no version")
    if stranger := next((line.name for line in found if line.name != identifier), None):
        return bad_metadata(f"asked for {identifier}, the index answered with {stranger!r}")
    return found


def _choose(lines: list[Line]) -> Line | Skipped | Failed:
    """Return the newest stable version that is not yanked."""
    newest = max(lines, key=_precedence)
    stable = [line for line in lines if "-" not in line.vers.partition("+")[0]]
    if not stable:
        message = f"only prereleases, the newest is {newest.vers}"
        return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=message)
    kept = [line for line in stable if not line.yanked]
    if not kept:
        message = f"all stable versions are yanked, the newest is {max(stable, key=_precedence).vers}"
        return Skipped(subcategory=Subcategory.YANKED, message=message)
    chosen = max(kept, key=_precedence)
    if not _SHA256.fullmatch(chosen.cksum):
        return bad_metadata(f"{chosen.name} {chosen.vers}: `cksum` is no SHA-256 digest")
    return chosen


def _precedence(line: Line) -> tuple[int, int, int, bool, str, str]:
    """Order versions as the semantic versioning rules do; prereleases of one version only by their text."""
    match = _VERSION.fullmatch(line.vers)
    if match is None:
        return (0, 0, 0, False, "", "")
    major, minor, patch = (int(match[at]) for at in (1, 2, 3))
    return (major, minor, patch, match["pre"] is None, match["pre"] or "", match["build"] or "")


# -------------------------------------------------------------------------------------------- archive


def _read(order: WorkOrder, line: Line, answer: Answer, now: datetime) -> Made:
    if sha256(answer.content) != line.cksum:
        return other_digest(f"the SHA-256 digest of {_archive(line)} is not the one that the index gives")
    crate = read_crate(answer.content, line.name, line.vers)
    if isinstance(crate, Broken):
        return bad_metadata(f"{_archive(line)}: {crate.message}")
    package = table(crate.manifest, "package")
    if (package.get("name"), package.get("version")) != (line.name, line.vers):
        return bad_metadata(f"{_archive(line)}: its Cargo.toml is of another name or version")
    if table(table(crate.manifest, "badges"), "maintenance").get("status") == "deprecated":
        message = f"its authors call {line.name} deprecated (badges.maintenance in Cargo.toml)"
        return Skipped(subcategory=Subcategory.DEPRECATED, message=message)
    targets = targets_of(crate)
    if isinstance(targets, Broken):
        return bad_metadata(f"{_archive(line)}: {targets.message}")
    artifact = Artifact(
        name=_archive(line),
        url=text.without_secrets(answer.url),
        size=len(answer.content),
        digest=f"sha256:{line.cksum}",
        digest_checked=True,
    )
    return draft(order, _facts(line, crate, targets, artifact), now)


def _archive(line: Line) -> str:
    return f"{line.name}-{line.vers}.crate"


def _download(line: Line, registry: str, fetcher: Fetcher) -> str | Failed | Held:
    """Return the archive's address by the template in the index's config.json."""
    answer = fetcher.get(f"{registry}/config.json", accept="application/json")
    if not isinstance(answer, Answer):
        return answer
    config = decode(answer.content, RegistryConfig, "config.json of the index")
    if isinstance(config, Failed):
        return config
    template = (
        config.dl if any(marker in config.dl for marker in _MARKERS) else f"{config.dl}/{{crate}}/{{version}}/download"
    )
    values = (line.name, line.vers, prefix(line.name), prefix(line.name.lower()), line.cksum)
    for marker, value in zip(_MARKERS, values, strict=True):
        template = template.replace(marker, value)
    if not text.is_web_address(template):
        # Not shown: it may hold a password or a token, and what this says is published.
        return bad_metadata("config.json of the index: `dl` is no web address")
    return template


# -------------------------------------------------------------------------------------------- facts


def _facts(line: Line, crate: Crate, targets: Targets, artifact: Artifact) -> Facts:
    package = table(crate.manifest, "package")
    cite = f"{artifact.name} Cargo.toml package."

    def cited(key: str) -> Cited:
        return Cited(value=_string(package, key), origin=Origin.ARTIFACT, detail=cite + key)

    rust = _string(package, "rust-version") or line.rust_version or ""
    return Facts(
        version=Cited(value=line.vers, detail="index, the newest stable version that is not yanked"),
        artifact=artifact,
        license=_license(package),
        released=line.pubtime or "",
        description=cited("description"),
        homepages=(cited("homepage"), cited("repository")),
        repository=_string(package, "repository"),
        executables=frozenset(binary.name for binary in targets.installed),
        executables_from=_executables_cited(crate, targets, artifact.name),
        steps=one_step("cargo_install", line.name),
        runtime_requirement=rust and f">={rust}",
        has_install_scripts=_has_build_script(crate),
        risks=tuple(_risks(crate, targets)),
    )


def _string(package: dict[str, Any], key: str) -> str:
    value = package.get(key)
    return value.strip() if isinstance(value, str) else ""


def _license(package: dict[str, Any]) -> License:
    """Return the declared licence; a `license-file` is a text that nobody here has read."""
    declared, file = _string(package, "license"), _string(package, "license-file")
    if declared or not file:
        return licenses.from_cargo(declared)
    return License(spdx=None, declared=text.one_line(f"see {file}")[:200], origin=Origin.ARTIFACT)


def _executables_cited(crate: Crate, targets: Targets, archive: str) -> Cited:
    places = dict.fromkeys(binary.place for binary in targets.installed)
    detail = f"Cargo.toml {shown(list(places))}"
    if not places:
        detail = "neither a [[bin]] in its Cargo.toml nor a src/main.rs or src/bin"
        if left_out := [f"{binary.name} (needs {', '.join(binary.needs)})" for binary in targets.left_out]:
            detail = f"the default features leave out {shown(left_out)}"
        elif command := _named_elsewhere(crate):
            detail = f"{detail}; its metadata speaks of the crate {command}"
    return Cited(value="executables", origin=Origin.ARTIFACT, detail=text.one_line(f"{archive}: {detail}"[:400]))


def _named_elsewhere(crate: Crate) -> str:
    """Return `<name>-cli` when the manifest's texts for people name it: the crate that is often meant."""
    package = table(crate.manifest, "package")
    wanted = f"{package.get('name')}-cli"
    said = [_string(package, key) for key in ("description", "homepage", "documentation")]
    return wanted if any(re.search(rf"(?<![\w-]){re.escape(wanted)}(?![\w-])", one) for one in said) else ""


def _has_build_script(crate: Crate) -> bool:
    """Say whether compiling runs a program of the package: `build` names it or is false, else it is build.rs."""
    declared = table(crate.manifest, "package").get("build")
    return bool(declared) if isinstance(declared, bool | str | list) else "build.rs" in crate.files


def _risks(crate: Crate, targets: Targets) -> list[str]:
    links = _string(table(crate.manifest, "package"), "links")
    left_out = sorted({binary.name for binary in targets.left_out})
    found = {
        f"links a library of the system: {links}": bool(links),
        f"the default features leave out {shown(left_out)}": bool(left_out),
        "holds no Cargo.lock: each install may take other versions of its dependencies": "Cargo.lock"
        not in crate.files,
        "needs a nightly compiler (cargo-features)": bool(crate.manifest.get("cargo-features")),
    }
    return [text.one_line(risk[:300]) for risk, holds in found.items() if holds]


def _with_upstream(made: Made, digest: str) -> Made:
    """Return what was made with the digest of what it was made from."""
    match made:
        case Draft():
            return Draft(recipe=made.recipe, evidence=msgspec.structs.replace(made.evidence, upstream=digest))
        case Skipped() | Failed():
            return msgspec.structs.replace(made, upstream=digest)
        case Held():
            return made
