"""What the head of a Go source file says: its package, the platforms that it is for, and its package comment.

After `go help buildconstraint` and the specification of the language. Nothing after the package clause is read.
"""

import re
from collections.abc import Iterator

import msgspec

from pipeline.platforms import ALL_PLATFORMS

# The words of file names that limit a file to an operating system or architecture, as the go command knows them.
_SYSTEMS = frozenset({
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl",
    "netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows", "zos",
})  # fmt: skip
_ARCHITECTURES = frozenset({
    "386", "amd64", "amd64p32", "arm", "arm64", "arm64be", "armbe", "loong64", "mips", "mips64", "mips64le",
    "mips64p32", "mips64p32le", "mipsle", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x",
    "sparc", "sparc64", "wasm",
})  # fmt: skip
GO_ARCH = {"x86_64": "amd64", "arm64": "arm64"}
# (GOOS, GOARCH) of the platforms that recipes are made for.
TARGETS = tuple(sorted({(platform.os, GO_ARCH[platform.arch]) for platform in ALL_PLATFORMS}))
_GO_RELEASE = re.compile(r"go1\.\d+")
_CLAUSE = re.compile(r"package[ \t]+([^\W\d]\w*)")
_CONSTRAINT_TOKEN = re.compile(r"\s*(\|\||&&|[!()]|[\w.]+)")
_GENERATED = re.compile(r"// Code generated .* DO NOT EDIT\.")
# Nobody nests conditions deeper; a parser that calls itself must stop somewhere.
_DEPTH_LIMIT = 50


class GoFile(msgspec.Struct, frozen=True, kw_only=True):
    """The head of one file. `targets` are the (GOOS, GOARCH) of ours for which it is compiled without cgo."""

    package: str
    targets: frozenset[tuple[str, str]]
    comment: str


def read_head(name: str, content: bytes) -> GoFile | None:
    """Return what a file's head says, or None when it is no file that `go build` would compile for anything of ours."""
    if not name.endswith(".go") or name.endswith("_test.go") or name.startswith(("_", ".")):
        return None
    text = content.decode(errors="replace").removeprefix("\ufeff")
    comments: list[str] = []
    blank_before_clause = True
    at = 0
    for start, end, is_comment in _parts(text):
        if not is_comment:
            at = start
            break
        comments.append(text[start:end])
        blank_before_clause = text.count("\n", end, _skip_space(text, end)) > 1
    clause = _CLAUSE.match(text, at)
    if clause is None:
        return None
    targets = frozenset(
        target for target in TARGETS if _named_for(name, target) and _allows(comments, text[:at], target)
    )
    comment = "" if blank_before_clause else _joined(_last_group(text[:at], comments))
    return GoFile(package=clause[1], targets=targets, comment=comment)


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _parts(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield the places of each comment at the head, and at last that of the first thing that is none."""
    at = _skip_space(text, 0)
    while text.startswith(("//", "/*"), at):
        closing = "\n" if text[at + 1] == "/" else "*/"
        end = text.find(closing, at + 2)
        end = len(text) if end < 0 else end + (0 if closing == "\n" else 2)
        yield at, end, True
        at = _skip_space(text, end)
    yield at, at, False


# --------------------------------------------------------------------------------------- constraints


def _named_for(name: str, target: tuple[str, str]) -> bool:
    """Apply `*_GOOS`, `*_GOARCH` and `*_GOOS_GOARCH`; what stands before the first `_` says nothing."""
    words = name.partition(".")[0].split("_")[1:]
    if len(words) >= 2 and words[-2] in _SYSTEMS and words[-1] in _ARCHITECTURES:
        return (words[-2], words[-1]) == target
    if words and words[-1] in _SYSTEMS | _ARCHITECTURES:
        return words[-1] in target
    return True


def _allows(comments: list[str], head: str, target: tuple[str, str]) -> bool:
    """Evaluate the `//go:build` line, else the older `// +build` lines; two of the former make no file."""
    new = [line[len("//go:build") :] for line in comments if re.match(r"//go:build(?:\s|$)", line)]
    if new:
        return len(new) == 1 and _evaluate(new[0], target)
    old = [match[1] for line in comments if (match := re.fullmatch(r"//\s*\+build\s+(.*?)\s*", line))]
    # They only count when a blank line follows them.
    counted = old if re.search(r"\+build[^\n]*\n(?:[ \t]*//[^\n]*\n)*[ \t\r]*\n", head) else []
    return all(
        any(all(_term(term, target) for term in option.split(",")) for option in line.split()) for line in counted
    )


def _term(term: str, target: tuple[str, str]) -> bool:
    return not _holds(term[1:], target) if term.startswith("!") else _holds(term, target)


def _holds(tag: str, target: tuple[str, str]) -> bool:
    """Say whether a tag is set: without cgo, by the standard compiler, of any release of Go."""
    return tag in {*target, "unix", "gc"} or _GO_RELEASE.fullmatch(tag) is not None


def _evaluate(expression: str, target: tuple[str, str]) -> bool:
    """Return the value of a `//go:build` expression; one that cannot be read excludes the file, as an error would."""
    tokens: list[str] = []
    text = expression.partition("//")[0].strip()
    at = 0
    while at < len(text):
        match = _CONSTRAINT_TOKEN.match(text, at)
        if match is None:
            return False
        tokens.append(match[1])
        at = match.end()
    tokens.reverse()
    try:
        value = _either(tokens, target, 0)
    except (IndexError, ValueError):
        return False
    return value and not tokens


def _either(tokens: list[str], target: tuple[str, str], depth: int) -> bool:
    value = _both(tokens, target, depth)
    while tokens and tokens[-1] == "||":
        tokens.pop()
        value = _both(tokens, target, depth) or value
    return value


def _both(tokens: list[str], target: tuple[str, str], depth: int) -> bool:
    value = _one(tokens, target, depth)
    while tokens and tokens[-1] == "&&":
        tokens.pop()
        value = _one(tokens, target, depth) and value
    return value


def _one(tokens: list[str], target: tuple[str, str], depth: int) -> bool:
    if depth > _DEPTH_LIMIT:
        raise ValueError("nested too deeply")
    match tokens.pop():
        case "!":
            return not _one(tokens, target, depth + 1)
        case "(":
            value = _either(tokens, target, depth + 1)
            if tokens.pop() != ")":
                raise ValueError("a bracket is not closed")
            return value
        case "&&" | "||" | ")" as sign:
            raise ValueError(f"{sign} stands where a tag should")
        case tag:
            return _holds(tag, target)


# ------------------------------------------------------------------------------------------- comment


def _last_group(head: str, comments: list[str]) -> list[str]:
    """Return the comments that stand on lines without a gap directly above the package clause."""
    group: list[str] = []
    end = len(head.rstrip())
    for comment in reversed(comments):
        start = head.rfind(comment, 0, end)
        if group and head.count("\n", start + len(comment), end) > 1:
            break
        group.insert(0, comment)
        end = start
    return group


def _joined(group: list[str]) -> str:
    """Return the text of a package comment, "" for what the go command's own documentation takes for none."""
    lines = []
    for comment in group:
        # A directive (`//go:generate`, `//nolint:x`) is written without the blank.
        if re.match(r"//[a-z]\w*:", comment) or _GENERATED.fullmatch(comment):
            continue
        if comment.startswith("/*"):
            lines += [line.strip().removeprefix("*").strip() for line in comment[2:-2].strip().splitlines()]
        else:
            lines.append(comment[2:].strip())
    paragraph = " ".join("\n".join(lines).strip().partition("\n\n")[0].split())
    lowered = paragraph.lower()
    unusual = ("copyright", "all rights", "author", "spdx-")
    return "" if lowered.startswith(unusual) else paragraph
