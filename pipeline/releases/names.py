"""One file of a release: what its name says, piece by piece."""

import re
from typing import Final

import msgspec

from pipeline.releases.words import BARE, BARE_POINTS, BOTH, FORMATS, NEVER, OTHER, WORDS, Says

# What GitHub leaves of a name that is uploaded, without what means something in a pattern or a path.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~@-]{0,199}")
_WORD = re.compile(
    rf"(?<![a-z0-9])(?:{'|'.join(re.escape(word) for word in sorted(WORDS, key=len, reverse=True))})(?![a-z0-9])"
)
# What is left of `v1.2` without its number.
_LONE_V = re.compile(r"(?:^|(?<=[._+~@-]))[vV]$")
_SEPARATORS: Final = "._-+~@"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Where a name says something: `kind` is version, os, arch or libc, `text` is as it is written."""

    kind: str
    start: int
    stop: int
    text: str


class FileName(msgspec.Struct, frozen=True, kw_only=True):
    """What a name says. `arches` are those of the platform model; `libc` is musl, static, gnu or "".

    `words` are left when all that is known was taken out: those of the product, and of its variant.
    """

    name: str
    os: str
    arches: frozenset[str]
    libc: str
    format: str
    points: int
    words: frozenset[str]
    spans: tuple[Span, ...]

    @property
    def product(self) -> str:
        """Return what stands before the first word that is known: the program's own name."""
        first = min((span.start for span in self.spans), default=len(self.name))
        return _LONE_V.sub("", self.name[:first]).strip(_SEPARATORS)


def read_name(name: str, version: str, own: frozenset[str] = frozenset()) -> FileName | None:
    """Return what a file's name says, or None when it is no program for a platform that recipes are made for.

    A name that says neither Linux nor macOS says nothing; one without a processor is that of a 64-bit PC on Linux, and
    unknown on macOS, which has had two. `own` are the words of the product's names: they never count against a file.
    """
    lower = name.lower()
    if not _NAME.fullmatch(name):
        return None
    end = next((end for end in FORMATS if lower.endswith(end)), "")
    body = lower[: len(lower) - len(end)]
    spans = [*_versions(name, version), *_words(name, _blanked(body, _versions(name, version)))]
    said = [WORDS[span.text.lower()] for span in spans if span.kind != "version"]
    systems, arches = {each.os for each in said} - {""}, {each.arch for each in said} - {""}
    left = _blanked(body, spans)
    words = frozenset(re.findall(r"[a-z0-9]+", left)) - {"v"}
    system = next(iter(systems)) if len(systems) == 1 else OTHER
    found = _arches(system, arches)
    bare = not end
    if system == OTHER or not found or words & NEVER - own or (bare and not _is_program(body, spans, arches)):
        return None
    points = sum(each.points for each in said) + (BARE_POINTS if bare else FORMATS[end][1])
    return FileName(
        name=name,
        os=system,
        arches=found,
        libc=_libc(said),
        format=BARE if bare else FORMATS[end][0],
        points=points,
        words=words,
        spans=tuple(sorted(_joined(name, spans), key=lambda span: span.start)),
    )


def platform_words(text: str) -> list[str]:
    """Return the words in a file's name that say for which system or processor it is."""
    found = (match[0] for match in _WORD.finditer(text.lower()))
    return [word for word in found if WORDS[word].os or (WORDS[word].arch and not word.isdecimal())]


def _versions(name: str, version: str) -> list[Span]:
    """Return where a name holds the version, with its boundaries: `1.2` is not part of `1.2.3` or `11.2`."""
    pattern = rf"(?<![0-9A-Za-z])(?<![0-9]\.)[vV]?({re.escape(version)})(?![0-9A-Za-z]|\.[0-9])"
    found = re.finditer(pattern, name)
    return [Span(kind="version", start=match.start(1), stop=match.end(1), text=match[1]) for match in found]


def _words(name: str, body: str) -> list[Span]:
    found = [(match.start(), match.end(), WORDS[match[0]]) for match in _WORD.finditer(body)]
    return [Span(kind=_kind(says), start=start, stop=stop, text=name[start:stop]) for start, stop, says in found]


def _kind(says: Says) -> str:
    return "os" if says.os or says.vendor else "arch" if says.arch else "libc"


def _blanked(text: str, spans: list[Span]) -> str:
    chars = list(text)
    for span in spans:
        chars[span.start : span.stop] = " " * (span.stop - span.start)
    return "".join(chars)[: len(text)]


def _arches(system: str, said: set[str]) -> frozenset[str]:
    both = frozenset({"x86_64", "arm64"})
    if said == {BOTH} or said == both:
        return both if system == "darwin" else frozenset()
    if len(said) == 1 and said <= both:
        return frozenset(said)
    return frozenset({"x86_64"}) if not said and system == "linux" else frozenset()


def _libc(said: list[Says]) -> str:
    named = {each.libc for each in said} - {""}
    return next((libc for libc in ("musl", "static", "gnu") if libc in named), "")


def _is_program(body: str, spans: list[Span], arches: set[str]) -> bool:
    """Say whether a name without a known end can be that of the program itself: what follows its last dot is known."""
    dot = _blanked(body, [span for span in spans if span.kind == "version"]).rfind(".")
    return bool(arches) and (dot < 0 or any(span.start == dot + 1 for span in spans))


def _joined(name: str, spans: list[Span]) -> list[Span]:
    """Join the words of a system that stand side by side, as in `unknown-linux-musl`, into one."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        last = joined[-1] if joined else None
        if last and last.kind == "os" and span.kind in {"os", "libc"} and span.start - last.stop == 1:
            joined[-1] = Span(kind="os", start=last.start, stop=span.stop, text=name[last.start : span.stop])
        else:
            joined.append(span)
    return joined
