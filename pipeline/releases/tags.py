"""Tags of releases: which part of one is the version, which product it is of, and which is the newest."""

import re

import msgspec

_TAG_LIMIT = 100  # characters; git allows more, nobody writes it
_DOTTED = re.compile(r"\d{1,18}(?:\.\d{1,18}){1,9}(?P<rest>(?:[-+._~]?[0-9A-Za-z])*)")
_PLAIN = re.compile(r"\d{1,18}(?:[-_]\d{1,18}){0,9}(?P<rest>)")
_UNSTABLE = re.compile(
    r"(?i)(?:^|[^a-z])(?:alpha|beta|rc|pre|preview|dev|nightly|canary|snapshot|unstable)(?![a-z])|^[ab]\d"
)
# Words before a version that name no product.
_GENERIC = frozenset({"", "v", "version", "ver", "r", "rel", "release", "releases", "stable", "tag"})
# From here on, the first number of a version is a year.
_FIRST_YEAR = 1990


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag taken apart: `cli-v1.2` is the prefix `cli-v`, the version `1.2`, and of the product `cli`."""

    text: str
    prefix: str
    version: str
    product: str
    stable: bool

    def precedence(self) -> tuple[bool, tuple[int, ...], str]:
        """Order the tags of one product: years after other numbers, then by number."""
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version)[:12])
        return (numbers[0] >= _FIRST_YEAR, numbers, self.version)

    @property
    def is_dated(self) -> bool:
        """Say whether the version begins with a year."""
        return self.precedence()[0]


def parse_tag(text: str) -> Tag | None:
    """Return the parts of a tag, None for one without a version.

    The version begins at the first number that all that follows belongs to: `jq-1.7.1`, `kustomize/v5.0`, `2024-01-15`.
    """
    if len(text) > _TAG_LIMIT or not text.isascii() or not text.isprintable():
        return None
    for form in (_DOTTED, _PLAIN):
        for at, char in enumerate(text):
            if char.isdigit() and _begins(text[:at]) and (found := form.fullmatch(text, at)):
                prefix = text[:at]
                return Tag(
                    text=text,
                    prefix=prefix,
                    version=text[at:],
                    product=_product(prefix),
                    stable=not _UNSTABLE.search(found["rest"]),
                )
    return None


def _begins(before: str) -> bool:
    """Say whether a version can begin after this: after a separator, a `v`, or letters alone."""
    return before == "" or before.isalpha() or re.search(r"[^0-9A-Za-z.][vV]?\Z|[A-Za-z]\.\Z", before) is not None


def _product(prefix: str) -> str:
    name = re.sub(r"(?:^|[-_/@.])[vV]\Z", "", prefix).strip("-_/@.").lower()
    return "" if name in _GENERIC else name
