"""The first bytes of programs that nobody can run: an ELF header with a loader's name or none, a Mach-O header."""

import struct

_MACHINES = {"x86_64": 0x3E, "arm64": 0xB7, "riscv": 0xF3}
_LOADERS = {"glibc": b"/lib64/ld-linux-x86-64.so.2\0", "musl": b"/lib/ld-musl-x86_64.so.1\0"}


def program(arch: str, libc: str = "static") -> bytes:
    """Return an ELF header for a processor, with the program header that asks for a C library's loader."""
    loader = _LOADERS.get(libc, b"")
    count = 1 if loader else 0
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    # e_type DYN, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize, e_phnum, ...
    header = struct.pack("<HHIQQQIHHHHHH", 3, _MACHINES[arch], 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    # p_type INTERP, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
    table = struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(loader), len(loader), 1) if loader else b""
    return ident + header + table + loader


def mac_program() -> bytes:
    """Return the beginning of a Mach-O file with 64 bits."""
    return b"\xcf\xfa\xed\xfe" + bytes(60)


def program_said(words: str) -> bytes:
    """Return what `darwin`, `x86_64 static`, `arm64 glibc`, ... asks for."""
    arch, _, libc = words.partition(" ")
    return mac_program() if arch == "darwin" else program(arch, libc or "static")
