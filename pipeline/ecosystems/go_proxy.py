"""The module proxy protocol: a list of proxies, the versions of a module, what is said of one, its `go.mod`."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from pipeline import gomod
from pipeline.digests import sha256
from pipeline.ecosystems.base import Answer, Fetcher
from pipeline.ecosystems.drafting import LONGEST_VERSION, bad_metadata, decode
from pipeline.gomod import GoMod
from pipeline.model import Category, Failed, Held, Skipped, Subcategory
from pipeline.text import one_line

# The longest list seen on a real module has some thousands.
_LIST_LIMIT = 100_000  # lines

T = TypeVar("T")
Decided = TypeVar("Decided", Skipped, Failed)


class Info(msgspec.Struct, frozen=True):
    """What the proxy says of one version. `origin` came late, and proxies may leave it out."""

    version: str = msgspec.field(name="Version")
    time: object = msgspec.field(default=None, name="Time")
    origin: object = msgspec.field(default=None, name="Origin")


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """The releases of a module, the highest first, and what else it has."""

    releases: tuple[str, ...]
    others: int


class Proxies:
    """The usable part of GOPROXY: after `,` the next is asked when one says "not found", after `|` on any error."""

    def __init__(self, registry: str, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        # Each address, and whether any error leads on to the next.
        self._bases: list[tuple[str, bool]] = []
        for group in registry.split(","):
            bases = group.split("|")
            self._bases += [(base, at < len(bases) - 1) for at, base in enumerate(bases)]

    def first(self, ask: Callable[[str], T | Failed | Held]) -> T | Failed | Held:
        """Return what the first proxy that has it answers, else what the last one said."""
        outcome: T | Failed | Held = bad_metadata("no proxy")
        for base, any_error in self._bases:
            outcome = ask(base)
            if not isinstance(outcome, Failed) or not (any_error or is_not_found(outcome)):
                break
        return outcome

    def versions(self, module: str) -> Versions | Failed | Held:
        """Return a module's versions; the answer of a module without tags is an empty list."""
        answer = self._get(f"/{gomod.escaped(module)}/@v/list")
        if not isinstance(answer, Answer):
            return answer
        lines = answer.content.decode(errors="replace").split("\n")
        words = {line.split()[0] for line in lines if line.strip()}
        # A page that is no list at all: a portal's, a proxy's own.
        if len(lines) > _LIST_LIMIT or (words and not any(gomod.is_version(word) for word in words)):
            return _read_from(bad_metadata(f"the list of versions of {module} is none"), answer.content)
        known = {word for word in words if gomod.is_version(word) and len(word) <= LONGEST_VERSION}
        releases = {word for word in known if gomod.is_release(word)}
        compatible = {word for word in releases if not gomod.is_incompatible(word)}
        # As the go command does: those without a go.mod only when there is nothing else.
        chosen = sorted(compatible or releases, key=gomod.precedence, reverse=True)
        return Versions(releases=tuple(chosen), others=len(known - releases))

    def latest(self, module: str) -> Info | Failed | Held:
        """Return the newest version of a module without tags. Proxies need not answer this."""
        return self._info(f"/{gomod.escaped(module)}/@latest", f"@latest of {module}")

    def info(self, module: str, version: str) -> Info | Failed | Held:
        """Return what the proxy says of one version."""
        path = _file(module, version, "info")
        found = self._info(path, f"{module}@{version}.info", final(module, version))
        if isinstance(found, Info) and found.version != version:
            return bad_metadata(f"asked for {module}@{version}, the proxy answered with {found.version!r}")
        return found

    def go_mod(self, module: str, version: str) -> tuple[GoMod, bytes] | Skipped | Failed | Held:
        """Return the `go.mod` of a version, read and as it is. One of another module cannot be installed."""
        answer = self._get(_file(module, version, "mod"), final(module, version))
        if not isinstance(answer, Answer):
            return answer
        found = gomod.parse_go_mod(answer.content)
        if isinstance(found, str):
            return _read_from(bad_metadata(f"{module}@{version}: {found}"), answer.content)
        if found.module != module:
            message = f"the go.mod of {module}@{version} calls it {found.module!r}; the go command refuses that"
            skipped = Skipped(subcategory=Subcategory.NOT_INSTALLABLE, message=one_line(message[:600]))
            return _read_from(skipped, answer.content)
        return found, answer.content

    def zip_url(self, base: str, module: str, version: str) -> str:
        """Return where a proxy keeps the zip of a version."""
        return f"{base}{_file(module, version, 'zip')}"

    def _get(self, path: str, pinned: str = "") -> Answer | Failed | Held:
        return self.first(lambda base: self._fetcher.get(f"{base}{path}", pinned=pinned))

    def _info(self, path: str, place: str, pinned: str = "") -> Info | Failed | Held:
        answer = self._get(path, pinned)
        if not isinstance(answer, Answer):
            return answer
        return decode(answer.content, Info, place)


def final(module: str, version: str) -> str:
    """Return what pins the files of a version: by the protocol's rules they never change."""
    return f"{module}@{version}"


def is_not_found(outcome: object) -> bool:
    """Say whether a proxy has no such module or version: then a shorter path, or the next proxy, may."""
    return isinstance(outcome, Failed) and outcome.category is Category.RECIPE_NOT_FOUND


def _read_from(outcome: Decided, content: bytes) -> Decided:
    """Return an outcome with the digest of the answer that alone decided it."""
    return msgspec.structs.replace(outcome, upstream=sha256(content))


def _file(module: str, version: str, ending: str) -> str:
    return f"/{gomod.escaped(module)}/@v/{gomod.escaped(version)}.{ending}"
