"""The system-call filter of the sandbox, as a classic BPF program that bubblewrap loads from a file.

Numbers are those of the kernel's own tables: `arch/x86/entry/syscalls/syscall_64.tbl` and
`include/uapi/asm-generic/unistd.h` (aarch64); constants are from `linux/seccomp.h`, `linux/audit.h`,
`linux/sched.h`, `asm-generic/ioctls.h` and `linux/socket.h`. Arguments are compared by their lower 32 bits,
which is all that the kernel looks at for each call named here.
"""

import errno
import struct

import msgspec

# Classic BPF: class | size or operation | mode or source.
_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_GREATER_EQUAL = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_ALLOW = 0x7FFF0000  # SECCOMP_RET_ALLOW
_KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_ERRNO = 0x00050000  # SECCOMP_RET_ERRNO; the error's number stands in the lower bits

# Offsets in `struct seccomp_data` on little-endian machines: nr, arch, instruction pointer, six arguments of 8 bytes.
_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENTS = (16, 24)

_X32_BIT = 0x40000000  # x32 calls share x86_64's architecture and differ by this bit

# CLONE_NEWTIME is left out: its bit is part of the exit signal's byte and means nothing to clone.
_NAMESPACE_FLAGS = 0x7E020000
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: type into the terminal of whoever started us
# AF_UNIX, AF_INET, AF_INET6, AF_NETLINK belong to the network namespace. Others do not: AF_VSOCK reaches a virtual
# machine's host from any namespace, AF_ALG and AF_BLUETOOTH reach into the kernel.
_SOCKET_FAMILIES = (1, 2, 10, 16)

# Calls that no installer and no command-line tool needs: (x86_64, aarch64).
DENIED: dict[str, tuple[int, int]] = {
    # Mounts and namespaces.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    # Other processes' memory, descriptors and files by handle.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "open_by_handle_at": (304, 265),
    # Large and often attacked parts of the kernel.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # The machine itself.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
}


class Architecture(msgspec.Struct, frozen=True, kw_only=True):
    """One machine's ABI: its name for the kernel's audit, and where its numbers stand in `DENIED`."""

    audit: int
    column: int
    clone: int
    clone3: int
    ioctl: int
    socket: int


# Keyed by what `platform.machine()` says.
ARCHITECTURES = {
    "x86_64": Architecture(audit=0xC000003E, column=0, clone=56, clone3=435, ioctl=16, socket=41),
    "aarch64": Architecture(audit=0xC00000B7, column=1, clone=220, clone3=435, ioctl=29, socket=198),
}


def program(machine: str) -> bytes | None:
    """Return the filter for a machine as an array of `struct sock_filter`, or None where there is none yet."""
    arch = ARCHITECTURES.get(machine)
    if arch is None:
        return None
    code = [
        _op(_LOAD_WORD, _ARCHITECTURE),
        _op(_JUMP_EQUAL, arch.audit, 1, 0),
        _op(_RETURN, _KILL),
        _op(_LOAD_WORD, _NUMBER),
    ]
    if machine == "x86_64":
        code += [_op(_JUMP_GREATER_EQUAL, _X32_BIT, 0, 1), _op(_RETURN, _KILL)]
    for numbers in DENIED.values():
        code += _when_call(numbers[arch.column], [_op(_RETURN, _ERRNO | errno.EPERM)])
    # Its flags lie behind a pointer, which a filter cannot follow; the C library falls back to clone.
    code += _when_call(arch.clone3, [_op(_RETURN, _ERRNO | errno.ENOSYS)])
    code += _when_call(arch.clone, _clone_rules())
    code += _when_call(arch.ioctl, _ioctl_rules())
    code += _when_call(arch.socket, _socket_rules())
    code.append(_op(_RETURN, _ALLOW))
    return b"".join(code)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _when_call(number: int, rules: list[bytes]) -> list[bytes]:
    return [_op(_JUMP_EQUAL, number, 0, len(rules)), *rules]


def _clone_rules() -> list[bytes]:
    return [
        _op(_LOAD_WORD, _ARGUMENTS[0]),
        _op(_JUMP_ANY_BIT, _NAMESPACE_FLAGS, 0, 1),
        _op(_RETURN, _ERRNO | errno.EPERM),
        _op(_RETURN, _ALLOW),
    ]


def _ioctl_rules() -> list[bytes]:
    requests = [
        rule
        for request in _TERMINAL_INJECTION
        for rule in (_op(_JUMP_EQUAL, request, 0, 1), _op(_RETURN, _ERRNO | errno.EPERM))
    ]
    return [_op(_LOAD_WORD, _ARGUMENTS[1]), *requests, _op(_RETURN, _ALLOW)]


def _socket_rules() -> list[bytes]:
    families = [rule for family in _SOCKET_FAMILIES for rule in (_op(_JUMP_EQUAL, family, 0, 1), _op(_RETURN, _ALLOW))]
    return [_op(_LOAD_WORD, _ARGUMENTS[0]), *families, _op(_RETURN, _ERRNO | errno.EAFNOSUPPORT)]
