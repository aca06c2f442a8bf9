"""What the first bytes of a file say: a program for which processor, and what C library it asks for.

The layouts are those of the System V ABI (elf(5)) and of Apple's loader.h.
"""

import struct
from typing import Final, Literal

import msgspec

# The header, its table and the name of the loader stand within this in each of the linkers in use.
HEAD_BYTES: Final = 64 * 1024
_MACHINES: Final = {0x3E: "x86_64", 0xB7: "arm64"}
_EXECUTABLE, _SHARED = 2, 3  # e_type
_INTERPRETER = 3  # p_type PT_INTERP
_MACH_O: Final = (b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf")
_MACH_O_FAT: Final = b"\xca\xfe\xba\xbe"
# A Java class begins like a fat file; its version stands where the number of processors does, and is larger.
_MOST_PROCESSORS = 20
_ENTRY = 56  # bytes of a program header with 64 bits


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program. `arch` is "" where the bytes do not say; `libc` is glibc, musl, static, or "" where they do not."""

    kind: Literal["elf", "mach-o", "script"]
    arch: str = ""
    libc: str = ""


def read_program(head: bytes) -> Program | None:
    """Return what kind of program a file begins, None for anything else."""
    if head.startswith(b"#!"):
        return Program(kind="script")
    if head.startswith(_MACH_O) or (
        head.startswith(_MACH_O_FAT) and 0 < int.from_bytes(head[4:8], "big") <= _MOST_PROCESSORS
    ):
        return Program(kind="mach-o")
    if not head.startswith(b"\x7fELF\x02\x01") or len(head) < 64:
        # What is not 64 bits and little-endian is for no platform here.
        return Program(kind="elf", arch="other") if head.startswith(b"\x7fELF") else None
    kind, machine = struct.unpack_from("<HH", head, 16)
    if kind not in {_EXECUTABLE, _SHARED}:
        return None
    return Program(kind="elf", arch=_MACHINES.get(machine, "other"), libc=_libc(head))


def _libc(head: bytes) -> str:
    """Return the C library by the name of the loader that the program asks for; none asked for: it is static."""
    (table,) = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    if size != _ENTRY or table + size * count > len(head):
        return ""
    for at in range(table, table + size * count, size):
        (kind,) = struct.unpack_from("<I", head, at)
        if kind == _INTERPRETER:
            (offset,) = struct.unpack_from("<Q", head, at + 8)
            (length,) = struct.unpack_from("<Q", head, at + 32)
            loader = head[offset : offset + min(length, 256)] if offset < len(head) else b""
            return "musl" if b"ld-musl" in loader else "glibc" if b"ld-linux" in loader else ""
    return "static"
