"""Go: versions and `go.mod` by the module proxy protocol, commands and licence from the module's zip.

An identifier is a module, or a package below one. What is chosen is what `go install <identifier>@latest` installs,
with two differences: never a pre-release, and a module whose root is no command may mean one below `cmd` (the rule is
in `go_module`). Protocol and rules: https://go.dev/ref/mod
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pipeline import gomod, text
from pipeline.digests import digest_of, sha256
from pipeline.ecosystems.base import Fetcher, Made
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, draft, one_step, shown
from pipeline.ecosystems.go_module import Command, Module, read_module
from pipeline.ecosystems.go_proxy import Info, Proxies, Versions, final, is_not_found
from pipeline.ecosystems.remote import NoAnswer, RemoteFile, open_remote
from pipeline.gofile import TARGETS
from pipeline.gomod import GoMod
from pipeline.model import Artifact, Category, Failed, Held, Origin, Skipped, Subcategory, WorkOrder
from pipeline.source import identifier_of
from pipeline.zipped import Broken

NAME = "go"
REVISION = 1

# Where a module's path is its repository's address; the go command knows these without asking.
_FORGES = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org")
# What `registry` says when there is no proxy to ask.
_NO_PROXY: Mapping[str, Failed] = {
    "direct": Failed(
        category=Category.NETWORK_ERROR,
        subcategory=Subcategory.UPSTREAM_REFUSED,
        transient=False,
        message="go is set up (GOPROXY, GOPRIVATE, GONOPROXY) to ask no module proxy for this module",
    ),
    "off": Failed(
        category=Category.NETWORK_ERROR,
        subcategory=Subcategory.UPSTREAM_REFUSED,
        transient=False,
        message="go is set up to download nothing (GOPROXY=off)",
    ),
    "": Failed(
        category=Category.MISSING_DEP,
        subcategory=Subcategory.RUNTIME_MISSING,
        transient=False,
        message="nothing here says which module proxy to ask: install Go, or set GOPROXY",
    ),
}


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen version of the module that holds the wanted package."""

    package: str
    module: str
    version: str
    info: Info
    go_mod: GoMod
    # The digest of what decided: the module's path, its version and its newest `go.mod`. Versions never change.
    upstream: str


def identifier_defect(identifier: str) -> str:
    """Return why no Go package can have this path, "" when one can."""
    return "" if gomod.is_path(identifier) else f"{identifier!r} cannot be the path of a Go module or package"


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one Go command with its evidence, or why there is none.

    `registry` is the usable part of GOPROXY (`pipeline.clients`): addresses parted by `,` or `|`, or a word that says
    why there are none: `direct`, `off`, or "".
    """
    package = identifier_of(order.source)
    if defect := identifier_defect(package):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=defect)
    if registry in _NO_PROXY:
        return _NO_PROXY[registry]
    proxies = Proxies(registry, fetcher)
    release = _find(proxies, package)
    if not isinstance(release, Release):
        return release
    opened = _open(proxies, release, fetcher)
    if isinstance(opened, Failed | Held):
        return opened
    url, file = opened
    try:
        module = read_module(file, module=release.module, version=release.version, package=package)
    except NoAnswer as stopped:
        return stopped.outcome
    return _describe(order, release, module, url, file.size, now)


# ------------------------------------------------------------------------------------------- release


def _find(proxies: Proxies, package: str) -> Release | Skipped | Failed | Held:
    """Return the release of the longest path that is a module, asked for as the go command does."""
    first: Failed | None = None
    for module in gomod.prefixes(package):
        outcome = _find_in(proxies, package, module)
        if not isinstance(outcome, Failed) or not is_not_found(outcome):
            return outcome
        first = first or outcome
    return first or bad_metadata(f"{package} is no module")


def _find_in(proxies: Proxies, package: str, module: str) -> Release | Skipped | Failed | Held:
    versions = proxies.versions(module)
    if not isinstance(versions, Versions):
        return versions
    if versions.releases:
        return _choose(proxies, package, module, versions)
    if versions.others:
        message = f"{module} has {versions.others} pre-releases and no release"
        upstream = digest_of(NAME, module, versions.others)
        return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=message, upstream=upstream)
    # A module without tags; a folder of one, which some proxies answer the same way, has no `@latest`.
    newest = proxies.latest(module)
    if not isinstance(newest, Info):
        return newest
    message = f"{module} has no tagged version, only commits; the newest is {text.one_line(newest.version[:100])}"
    upstream = digest_of(NAME, module, newest.version)
    return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=message, upstream=upstream)


def _choose(proxies: Proxies, package: str, module: str, versions: Versions) -> Release | Skipped | Failed | Held:
    """Return the highest release that the newest `go.mod` does not retract."""
    newest = versions.releases[0]
    info = proxies.info(module, newest)
    if not isinstance(info, Info):
        return info
    found = proxies.go_mod(module, newest)
    if not isinstance(found, tuple):
        return found
    go_mod, content = found
    kept = next((version for version in versions.releases if go_mod.retraction(version) is None), None)
    upstream = digest_of(NAME, module, newest, kept, sha256(content))
    withdrawn = _withdrawn(module, newest, go_mod, kept, upstream)
    if withdrawn is not None or kept is None:
        return withdrawn or bad_metadata("no version")
    if kept != newest:
        info = proxies.info(module, kept)
        if not isinstance(info, Info):
            return info
        found = proxies.go_mod(module, kept)
        if not isinstance(found, tuple):
            return found
        go_mod = found[0]
    release = Release(
        package=package,
        module=module,
        version=kept,
        info=info,
        go_mod=go_mod,
        upstream=upstream,
    )
    return _unless_replaced(release)


def _withdrawn(module: str, newest: str, go_mod: GoMod, kept: str | None, upstream: str) -> Skipped | None:
    """Return that the authors took back the module, or every release of it."""
    if go_mod.deprecated:
        message = f"{module} is deprecated: {text.description(go_mod.deprecated)}"
        return Skipped(subcategory=Subcategory.DEPRECATED, message=message, upstream=upstream)
    if kept is None:
        reason = text.description(go_mod.retraction(newest) or "")
        message = f"all releases of {module} are retracted, the newest is {newest}{reason and ': '}{reason}"
        return Skipped(subcategory=Subcategory.YANKED, message=message, upstream=upstream)
    return None


def _unless_replaced(release: Release) -> Release | Skipped:
    """Return that `go install` refuses a module whose go.mod only holds when one works on the module itself."""
    verbs = {"replace": release.go_mod.replaces, "exclude": release.go_mod.excludes}
    used = [f"{verb} {shown(list(paths))}" for verb, paths in verbs.items() if paths]
    if not used:
        return release
    message = f"`go install` refuses {release.module}@{release.version}: its go.mod says {' and '.join(used)}"
    return Skipped(
        subcategory=Subcategory.NOT_INSTALLABLE, message=text.one_line(message[:600]), upstream=release.upstream
    )


# -------------------------------------------------------------------------------------------- facts


def _open(proxies: Proxies, release: Release, fetcher: Fetcher) -> tuple[str, RemoteFile] | Failed | Held:
    """Return the zip of the module and its address. The protocol has no digest of it."""

    def ask(base: str) -> tuple[str, RemoteFile] | Failed | Held:
        url = proxies.zip_url(base, release.module, release.version)
        opened = open_remote(url, fetcher, size=None, sha256="", pinned=final(release.module, release.version))
        return (url, opened[0]) if isinstance(opened, tuple) else opened

    return proxies.first(ask)


def _describe(order: WorkOrder, release: Release, module: Module | Broken, url: str, size: int, now: datetime) -> Made:
    name = f"{release.module}@{release.version}.zip"
    if isinstance(module, Broken):
        return msgspec.structs.replace(bad_metadata(f"{name} {module.message}"), upstream=release.upstream)
    if module.command is None:
        return _no_command(release, module)
    artifact = Artifact(name=name, url=text.without_secrets(url), size=size)
    made = draft(order, _facts(release, module, module.command, artifact), now)
    return msgspec.structs.replace(made, upstream=release.upstream) if isinstance(made, Skipped | Failed) else made


def _no_command(release: Release, module: Module) -> Skipped:
    package, version = release.package, release.version
    if module.candidates:
        message = f"{package}@{version} is no command and could mean one of {shown(list(module.candidates))}"
        return Skipped(subcategory=Subcategory.AMBIGUOUS_COMMANDS, message=message, upstream=release.upstream)
    if package != release.module:
        what = "holds no command" if module.has_package else f"is no package of {release.module}"
        message = f"{package} {what} at {version}"
    else:
        name = gomod.base_name(package)
        message = f"{package}@{version} holds no command: not at its root, not in cmd/*, not in {name}"
    return Skipped(subcategory=Subcategory.NO_EXECUTABLES, message=message, upstream=release.upstream)


def _facts(release: Release, module: Module, command: Command, artifact: Artifact) -> Facts:
    package = f"{release.module}/{command.folder}" if command.folder else release.module
    repository = _repository(release)
    where = command.folder or "the module's root"
    go = release.go_mod.go
    return Facts(
        # As tools print it and recipes write it: without the `v` of the tag.
        version=Cited(value=release.version.removeprefix("v"), detail="@v/list, the highest that is not retracted"),
        artifact=artifact,
        license=module.license,
        released=release.info.time if isinstance(release.info.time, str) else "",
        # No metadata of a module describes it; the package comment is what Go's own documentation shows.
        description=Cited(
            value=command.comment, origin=Origin.ARTIFACT, detail=f"{artifact.name} package comment of {where}"
        ),
        homepages=(repository,),
        repository=repository.value,
        executables=frozenset({gomod.base_name(package)}),
        executables_from=Cited(
            value="package main", origin=Origin.ARTIFACT, detail=f"{artifact.name} `package main` in {where}"
        ),
        steps=one_step("go_install", package),
        dependencies=("go",),
        version_source={} if _inferred(package) == release.module else {"source": "goproxy", "module": release.module},
        runtime_requirement=f">={go}" if go else "",
        risks=tuple(_risks(release, command)),
        upstream=release.upstream,
    )


def _repository(release: Release) -> Cited:
    """Return where the proxy says that it has the module from, else the repository that its path names."""
    match release.info.origin:
        case {"URL": str(url)} if text.homepage(url):
            return Cited(value=url, detail=f"@v/{release.version}.info Origin.URL")
        case _:
            parts = release.module.split("/")
            known = parts[0] in _FORGES and len(parts) >= 3
            return Cited(value=f"https://{'/'.join(parts[:3])}" if known else "", detail="the module's path")


def _inferred(package: str) -> str:
    """Return the module that the recipe's reader takes a package for when the recipe does not name it."""
    if package.startswith("github.com/"):
        return "/".join(package.split("/")[:3])
    return package.partition("/cmd/")[0]


def _risks(release: Release, command: Command) -> list[str]:
    lacking = sorted(f"{system}/{arch}" for system, arch in set(TARGETS) - command.targets)
    meant = release.package == release.module and bool(command.folder)
    found = {
        f"has no files for {shown(lacking)}": bool(lacking),
        f"the module's root is no command; {command.folder} was taken for what is meant": meant,
    }
    return [text.one_line(risk[:300]) for risk, holds in found.items() if holds]
