"""Damaged archives, by their structure: members that lie, and bytes that were changed where they count.

All is chosen by a `Random` that a test draws, as nothing is shrunk here: chances can be as uneven as what is read
of an archive needs.
"""

import gzip
import io
import lzma
import re
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from random import Random

# What strangers write where a name, a version or an address is expected.
HOSTILE = (
    "",
    " ",
    "\0",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "a/" * 300,
    "a" * 20_000,
    "9" * 400,
    "-rf",
    "$(x)",
    "`x`; rm -rf ~",
    'x"\n[[steps]]\naction = "run_command"',
    "\u202egpj.exe",
    "ﬁne",
    "tool\n",
    "https://[::1",
    "http://user:s3cret@registry.example:99999/x?token=1",
    "javascript:alert(1)",
    "1.0.0\r\nX: y",
    "0.0.0-",
    "v1.2.3",
    "{crate}{version}{sha256-checksum}",
    "\x1b[31m",
    "<img src=x>",
    "|@everyone|",
)
# Of these are texts that nobody thought of.
_CHARACTERS = (
    "aZ09-._/:@ \t\n\r\"'=[]{}#,\\$%\0\x1b\x85\xa0\xad\u0130\u2028\u202e\u0301\u4e00\ud800\ue000\U0001f600\U000e0041"
)
_LINES = re.compile(r"(?<=\n)")


def any_text(chance: Random) -> str:
    """Return a text: one that is hostile, or up to 20 characters."""
    if chance.random() < 0.5:
        return chance.choice(HOSTILE)
    return "".join(chance.choices(_CHARACTERS, k=chance.randint(0, 20)))


def damaged(content: bytes, chance: Random) -> bytes:
    """Return some bytes with a fault that knows nothing of what they are: cut, changed, doubled, replaced."""
    at, end = sorted(chance.randint(0, len(content)) for _ in range(2))
    other = chance.randbytes(chance.randint(0, 40))
    return chance.choice(
        [
            content[:at],
            content[at:],
            content[:at] + other + content[end:],
            content[:at] + other + content[at + len(other) :],
            content + content,
            other,
            b"",
            b"[" * 50_000,
            b'{"a":' * 50_000,
            b"\xef\xbb\xbf" + content,
            content.replace(b"\n", b"\r\n"),
            b"<!DOCTYPE html><title>Sign in</title>",
        ]
    )


def changed_text(text: str, chance: Random) -> str:
    """Return a text in lines with some of them gone, doubled, moved, or with another value."""
    lines = [line for line in _LINES.split(text) if line] or [""]
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines))
        key, sign, _value = lines[at].partition(chance.choice(["=", ": ", " "]))
        said = chance.choice([any_text(chance), "{}", "[1]", "true", "0"])
        quoted = chance.choice([said, f'"{said}"', f'["{said}"]'])
        valued = f"{key}{sign}{quoted}\n"
        lines[at : at + 1] = chance.choice(
            [
                [],
                [lines[at]] * 2,
                [valued],
                [valued],
                [quoted, lines[at]],
                [lines[at], f"{said}\n"],
            ]
        ) or [""]
    if chance.random() < 0.2:
        chance.shuffle(lines)
    return "".join(lines)


def changed_member(content: bytes, chance: Random) -> bytes:
    """Return a member's content: its text changed, or what it packs, or its bytes."""
    if content.startswith(b"\x1f\x8b"):
        return _gzip(changed_member(gzip.decompress(content), chance))
    if chance.random() < 0.3:
        return damaged(content, chance)
    # What is no text changes in one byte.
    return changed_text(content.decode(errors="surrogateescape"), chance).encode(errors="surrogatepass")


def _members(members: dict[str, bytes], chance: Random) -> list[tuple[str, bytes]]:
    """Return the members of an archive with one of them changed, renamed, gone or there twice."""
    name = chance.choice(sorted(members))
    other = chance.choice([chance.choice(HOSTILE), chance.choice(sorted(members))]) or "empty"
    folder, _, base = name.rpartition("/")
    renamed = chance.choice([other, f"{folder}/{other}", f"{other}/{base}", name.upper(), f"./{name}"])
    content = changed_member(members[name], chance) if chance.random() < 0.7 else members[name]
    rest = [(key, value) for key, value in members.items() if key != name]
    return chance.choice(
        [
            [*rest, (name, content)],
            [(name, content), *rest],
            [*rest, (renamed, content)],
            rest,
            [*members.items(), (name, content), (renamed, content)],
        ]
    )


def damaged_zip(content: bytes, chance: Random) -> bytes:
    """Return a zip whose members lie, or whose directory does."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    whole = _zipped(_members(members, chance), chance)
    match chance.randrange(6):
        case 0:
            return _damaged_from(whole, max(whole.rfind(b"PK\x01\x02"), 0), chance)
        case 1:
            return _damaged_from(whole, 0, chance)
        case 2:
            return damaged(whole, chance)
        case _:
            return whole


# As zips made on Windows have them, twice; of a program, a file and a symbolic link.
_ZIP_MODES = (0, 0, 0o100755, 0o100644, 0o120777)


def _zipped(members: list[tuple[str, bytes]], chance: Random) -> bytes:
    buffer = io.BytesIO()
    method = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as made:
        warnings.simplefilter("ignore")  # that a name is there twice is the point
        for name, value in members:
            info = zipfile.ZipInfo("x")
            info.filename = name.replace("\0", "")[:60_000]
            info.external_attr = chance.choice(_ZIP_MODES) << 16
            with made.open(info, "w") as member:
                member.write(value)
    return buffer.getvalue()


_KINDS = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)


def damaged_tar(content: bytes, chance: Random) -> bytes:
    """Return a tar, packed as the given one is, whose members are links, lie about their sizes, or are damaged."""
    packed = next((pack for magic, pack in _PACKED_BY.items() if content.startswith(magic)), None)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        found = {info: file.read() for info in archive if (file := archive.extractfile(info)) is not None}
    modes = {info.name: info.mode for info in found}
    buffer = io.BytesIO()
    form = chance.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    with tarfile.open(fileobj=buffer, mode="w", format=form) as made:
        for name, value in _members({info.name: value for info, value in found.items()}, chance):
            info = tarfile.TarInfo(name.replace("\0", ""))
            info.type = chance.choice(_KINDS) if chance.random() < 0.1 else tarfile.REGTYPE
            info.linkname = chance.choice(["", "/etc/passwd", "../x", info.name])
            info.size = len(value) if info.isreg() else 0
            info.mode = modes.get(name, 0o755)
            made.addfile(info, io.BytesIO(value))
    whole = buffer.getvalue()
    if chance.random() < 0.25:
        # Half of them in the first header: most of the rest is padding.
        end = chance.choice([tarfile.BLOCKSIZE, len(whole)])
        whole = _damaged_from(whole[:end], 0, chance) + whole[end:]
    if packed is None:
        return whole
    return damaged(packed(whole), chance) if chance.random() < 0.1 else packed(whole)


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=1, mtime=0)


def _xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)


# By the bytes that a packed file begins with.
_PACKED_BY: dict[bytes, Callable[[bytes], bytes]] = {b"\x1f\x8b": _gzip, b"\xfd7zXZ": _xz}


def _damaged_from(content: bytes, start: int, chance: Random) -> bytes:
    """Return some bytes with a few single ones changed, from a place on: fields of headers and directories."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if start < len(found):
            found[chance.randrange(start, len(found))] = chance.choice([0, 0xFF, 0x80, 0x2F, chance.randrange(256)])
    return bytes(found)


def damaged_program(content: bytes, chance: Random) -> bytes:
    """Return a program whose header lies, or what is none."""
    return damaged(content, chance) if chance.random() < 0.3 else _damaged_from(content, 0, chance)


# By the media type that a schema gives an answer.
BY_MEDIA_TYPE: dict[str, Callable[[bytes, Random], bytes]] = {
    "application/zip": damaged_zip,
    "application/gzip": damaged_tar,
    "application/x-tar": damaged_tar,
    "application/x-executable": damaged_program,
}
