"""The members of an archive that a stranger made, each with what its first bytes say. Nothing is unpacked anywhere."""

import bz2
import gzip
import io
import lzma
import zipfile
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import msgspec

from pipeline.releases.programs import HEAD_BYTES, Program, read_program
from pipeline.tarball import TAR_ERRORS, walk
from pipeline.zipped import ZIP_ERRORS, Broken, Members, PartialFile, Refused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A release with a runtime in it unpacks to a few hundred megabytes.
UNPACKED_LIMIT: Final = 1024 * 1024 * 1024  # bytes, headers included
# xz files of its highest preset need 65 MiB to be unpacked; a file may ask for 4 GiB.
_XZ_MEMORY = 256 * 1024 * 1024
_PIECE = 256 * 1024
# Members of a zip whose first bytes are fetched, each with a request when it lies apart.
_HEADS_LIMIT = 12
# Before a member's data: 30 bytes and its name and extra fields; those of a real archive are short.
_ZIP_HEAD = HEAD_BYTES + 4096
_TAR_ERRORS = (*TAR_ERRORS, lzma.LZMAError)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A regular file of an archive: its path below the root, its executable bit, and what program it is, if any."""

    path: str
    executable: bool
    program: Program | None


def list_tar(packed: BinaryIO, form: str) -> list[Member] | Broken:
    """Return the members of a `tar.gz`, `tar.xz` or `tar.bz2`, read once from front to back.

    Exceptions of the file itself pass through.
    """
    try:
        unpacked = io.BufferedReader(_Limited(_unpacker(packed, form)), _PIECE)
        return _tar_members(unpacked)
    except _TAR_ERRORS as error:
        return Broken(message=f"not a sound {form} archive: {error}")
    except Refused as refused:
        return Broken(message=str(refused))


def list_zip(file: PartialFile) -> list[Member] | Broken:
    """Return the members of a zip by its directory; first bytes are fetched of those that may be programs alone."""
    try:
        with zipfile.ZipFile(cast("BinaryIO", file)) as archive:
            Members(archive, file)
            infos = [info for info in archive.infolist() if not info.is_dir()]
            wanted = _may_be_programs(infos)
            heads = {info.filename: _zip_head(archive, file, info) for info in wanted}
            return [
                Member(
                    path=_path(info.filename),
                    executable=bool(_unix_mode(info) & 0o111),
                    program=read_program(heads[info.filename]) if info.filename in heads else None,
                )
                for info in infos
                if not _is_link(info)
            ]
    except ZIP_ERRORS as error:
        return Broken(message=f"not a sound zip archive: {error}")
    except Refused as refused:
        return Broken(message=str(refused))


def _tar_members(unpacked: io.BufferedIOBase) -> list[Member]:
    members: list[Member] = []
    for info, read in walk(unpacked):
        path = _path(info.name)
        if not info.isreg() or info.issparse():
            continue
        head = read(HEAD_BYTES)
        members.append(Member(path=path, executable=bool(info.mode & 0o111), program=read_program(head)))
    return members


def _path(name: str) -> str:
    """Return a path below the archive's root; raises for one that leaves it."""
    path = name.removeprefix("./")
    if path.startswith("/") or "\\" in path or "\0" in path or ".." in path.split("/"):
        raise Refused(f"holds {name[:100]!a}, which leaves the archive")
    return path


def _may_be_programs(infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the members with an executable bit; in a zip made on Windows, those whose names have no end."""
    marked = [info for info in infos if _unix_mode(info) & 0o111 and not _is_link(info)]
    found = marked or [info for info in infos if "." not in info.filename.rpartition("/")[2] and not _is_link(info)]
    # The program lies near the top, and is no text: the largest of the shallowest.
    return sorted(found, key=lambda info: (info.filename.count("/"), -info.file_size, info.filename))[:_HEADS_LIMIT]


def _unix_mode(info: zipfile.ZipInfo) -> int:
    return info.external_attr >> 16


def _is_link(info: zipfile.ZipInfo) -> bool:
    return _unix_mode(info) & 0o170000 == 0o120000


def _zip_head(archive: zipfile.ZipFile, file: PartialFile, info: zipfile.ZipInfo) -> bytes:
    stop = info.header_offset + min(_ZIP_HEAD, info.compress_size + 4096)
    file.need(info.header_offset, min(stop, archive.start_dir))
    with archive.open(info) as member:
        return member.read(HEAD_BYTES)


def _unpacker(packed: BinaryIO, form: str) -> BinaryIO:
    match form:
        case "tar.xz":
            return cast("BinaryIO", io.BufferedReader(_Xz(packed), _PIECE))
        case "tar.bz2":
            return cast("BinaryIO", bz2.BZ2File(packed))
        case _:
            return cast("BinaryIO", gzip.GzipFile(fileobj=packed))


class _Limited(io.RawIOBase):
    """What a file holds, up to the limit."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = UNPACKED_LIMIT

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer as far as the file goes; 0 is the end."""
        room = memoryview(buffer).cast("B")
        piece = self._file.read(min(len(room), _PIECE))
        self._left -= len(piece)
        if self._left < 0:
            raise Refused(f"unpacks to more than {UNPACKED_LIMIT} bytes")
        room[: len(piece)] = piece
        return len(piece)


class _Xz(io.RawIOBase):
    """What an xz file holds, unpacked within a limit of memory, which `lzma.LZMAFile` does not have."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._inflater = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer as far as the piece at hand goes; 0 is the end of the first stream."""
        room = memoryview(buffer).cast("B")
        piece = b""
        while not piece and not self._inflater.eof:
            more = self._packed.read(_PIECE) if self._inflater.needs_input else b""
            if self._inflater.needs_input and not more:
                raise EOFError("ends before its compressed data do")
            piece = self._inflater.decompress(more, len(room))
        room[: len(piece)] = piece
        return len(piece)
