"""Reading a CPAN release without unpacking it: which commands its own installation would put in place.

Makefile.PL and Build.PL are programs. They are read as text: a list is taken only where it is written out. Where it is
computed, or the rule is a folder, the archive's own listing of that folder stands for it.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Mapping

import msgspec

from pipeline.tarball import TAR_ERRORS, members
from pipeline.zipped import MEMBERS_LIMIT, ZIP_ERRORS, Broken, Members, Refused

# What is read of an archive; the largest Makefile.PL that were seen have some hundred kilobytes.
TEXT_LIMIT = 1024 * 1024  # bytes
_CODE_LIMIT = 128 * 1024  # characters
MAKEFILE, BUILD, META = "Makefile.PL", "Build.PL", "META.json"
_READ = frozenset({MAKEFILE, BUILD, META})

# Everything that Perl does not run: comments of whole lines, what follows the end, and documentation.
_COMMENT = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)
_END = re.compile(r"^__(?:END|DATA)__\b", re.MULTILINE)
_POD = re.compile(r"^=[a-z][^\n]*\n(?:(?!=cut\b)[^\n]*\n)*(?:=cut\b[^\n]*\n?)?", re.MULTILINE)
_WORD = r"[\"']?\b{}\b[\"']?\s*(?:=>|,)\s*"
_EXE_FILES = re.compile(_WORD.format("EXE_FILES") + r"\[([^\]]{0,5000})\]")
_SCRIPT_FILES = re.compile(_WORD.format("script_files") + r"\[([^\]]{0,5000})\]")
_INSTALL_SCRIPT = re.compile(r"\binstall_scripts?\b([^;]{0,2000});")
_ITEM = re.compile(
    r"\s*(?:\"([^\"$@\\]*)\"|'([^'\\]*)'|qw\s*(?:\(([^)]*)\)|/([^/]*)/|\{([^}]*)\}|<([^>]*)>))\s*(?:,|=>|\Z)"
)
# Folders whose sources are not compiled, and the endings of those that are.
_ASIDE = frozenset({"corpus", "eg", "examples", "t", "testdist", "xt"})
_XS = (".xs", ".c", ".cc", ".cpp")


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds below its only folder: the names of its files, and the texts that are read."""

    files: frozenset[str]
    texts: Mapping[str, str]


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """The commands that are installed, and the place that says so."""

    names: frozenset[str]
    place: str


def read_release(content: bytes) -> Release | Broken:
    """Return what an archive holds: a zip, or a tar packed by gzip or bzip2."""
    try:
        files, texts = _zip(content) if content.startswith(b"PK") else _tar(content)
        folder = _folder(files)
    except TAR_ERRORS + ZIP_ERRORS as error:
        return Broken(message=f"not a sound archive: {error}")
    except Refused as refused:
        return Broken(message=str(refused))
    below = {_plain(name)[len(folder) :] for name in files}
    return Release(
        files=frozenset(name for name in below if name),
        texts={_plain(name)[len(folder) :]: text.decode(errors="replace") for name, text in texts.items()},
    )


def commands_of(release: Release) -> Commands:
    """Return the commands that installing a release puts in place.

    In order: a list in Makefile.PL or Build.PL that is written out; the folders where one of them computes it, or where
    Module::Build and the rules for installation without a program look; nothing for a Makefile.PL that names none.
    """
    makefile, build = (_code(release.texts.get(name, "")) for name in (MAKEFILE, BUILD))
    for code, pattern, place in (
        (makefile, _EXE_FILES, f"{MAKEFILE} EXE_FILES"),
        (makefile, _INSTALL_SCRIPT, f"{MAKEFILE} install_script"),
        (build, _SCRIPT_FILES, f"{BUILD} script_files"),
    ):
        if (listed := _listed(code, pattern)) is not None:
            return Commands(names=listed, place=place)
    if BUILD in release.files:
        tiny = "Module::Build::Tiny" in build and "script_files" not in build
        return _in_folders(release, ("script",) if tiny else ("bin", "script") if "script" in build else ("bin",))
    if MAKEFILE not in release.files:
        return _in_folders(release, ("script",))
    if re.search(r"\bEXE_FILES\b|\binstall_scripts?\b", makefile):
        return _in_folders(release, ("bin", "script"))
    return Commands(names=frozenset(), place=f"its {MAKEFILE} names no EXE_FILES")


def compiles(release: Release) -> list[str]:
    """Return the sources in C or XS, which need a compiler."""
    return sorted(name for name in release.files if name.endswith(_XS) and not _ASIDE.intersection(name.split("/")))


def _tar(content: bytes) -> tuple[set[str], dict[str, bytes]]:
    files: set[str] = set()
    texts: dict[str, bytes] = {}
    for member, read in members(content):
        if not member.isfile() or _is_shadow(member.name):
            continue
        files.add(member.name)
        if _is_read(member.name):
            if member.size > TEXT_LIMIT:
                raise Refused(f"its {posixpath.basename(member.name)} is larger than {TEXT_LIMIT} bytes")
            texts[member.name] = read()
    return files, texts


class _Here(io.BytesIO):
    """A file of which nothing has to be fetched."""

    def need(self, start: int, stop: int, /) -> None:
        """Do nothing: all of it is here."""


def _zip(content: bytes) -> tuple[set[str], dict[str, bytes]]:
    with zipfile.ZipFile(_Here(content)) as archive:
        found = Members(archive, _Here(content))
        files = {name for name in found.names if not name.endswith("/") and not _is_shadow(name)}
        return files, {name: found.read(name) or b"" for name in files if _is_read(name)}


def _is_read(name: str) -> bool:
    folder, _, last = _plain(name).rpartition("/")
    return last in _READ and "/" not in folder


def _is_shadow(name: str) -> bool:
    """Say whether a file is what macOS packs beside another: `._name`."""
    return posixpath.basename(name).startswith("._") or name.startswith("._")


def _plain(name: str) -> str:
    return name.removeprefix("./")


def _folder(files: set[str]) -> str:
    """Return the only folder that all files lie in, with its slash; raises `Refused` when there is another."""
    names = {_plain(name) for name in files}
    if len(names) > MEMBERS_LIMIT or not names:
        raise Refused("holds no files")
    bad = next((n for n in sorted(names) if n.startswith("/") or ".." in n.split("/") or "\\" in n or "\0" in n), None)
    if bad is not None:
        raise Refused(f"holds {bad[:100]!a}, which leaves the archive")
    tops = {name.partition("/")[0] for name in names}
    if len(tops) > 1 or not all("/" in name for name in names):
        raise Refused("does not lie in one folder")
    return f"{tops.pop()}/"


def _code(text: str) -> str:
    """Return a program without its comments, its documentation and what follows its end."""
    plain = _POD.sub("", _COMMENT.sub("", text[:_CODE_LIMIT]))
    ended = _END.search(plain)
    return plain[: ended.start()] if ended else plain


def _listed(code: str, pattern: re.Pattern[str]) -> frozenset[str] | None:
    """Return the commands of a list that is written out; None without one, or when it is computed or there are two."""
    found = pattern.findall(code)
    items = _literal(found[0]) if len(found) == 1 else None
    return None if items is None else frozenset(posixpath.basename(item) for item in items if item)


def _literal(text: str) -> list[str] | None:
    """Return the words of quoted texts and `qw(...)`; None when there is anything else among them."""
    text = text.strip()
    text = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    items: list[str] = []
    at = 0
    while at < len(text) and text[at:].strip():
        found = _ITEM.match(text, at)
        if found is None:
            return None
        single = found[1] if found[1] is not None else found[2]
        words = next((group for group in found.groups()[2:] if group is not None), "")
        items += [single] if single is not None else words.split()
        at = found.end()
    return items


def _in_folders(release: Release, folders: tuple[str, ...]) -> Commands:
    """Return the files right in these folders; `name.PL` is a program that makes `name`."""
    found = [name for name in release.files if posixpath.dirname(name) in folders]
    names = frozenset(posixpath.basename(name).removesuffix(".PL") for name in found)
    return Commands(
        names=frozenset(name for name in names if not name.startswith(".")),
        place=f"the files in {' and '.join(f'{folder}/' for folder in folders)}",
    )
