"""The filter as a program: run by an interpreter of its own, for every machine, also those we are not on."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sandbox import seccomp

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_MACHINES = sorted(seccomp.ARCHITECTURES)


def _run(program: bytes, number: int, architecture: int, arguments: tuple[int, ...] = ()) -> int:
    """Return what the kernel would: the classic BPF subset of the filter over `struct seccomp_data`."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *values)
    code = list(struct.iter_unpack("<HBBI", program))
    at, accumulator = 0, 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, value)[0]
            case 0x06:
                return value
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x45:
                at += if_true if accumulator & value else if_false


def _filter(machine: str) -> tuple[bytes, seccomp.Architecture]:
    program = seccomp.program(machine)
    assert program is not None
    return program, seccomp.ARCHITECTURES[machine]


@pytest.mark.parametrize("machine", _MACHINES)
@given(number=st.integers(0, 0x3FFFFFFF), argument=st.integers(0, 2**64 - 1))
def test_a_call_is_refused_exactly_when_it_is_on_the_list(machine: str, number: int, argument: int) -> None:
    """All other calls are allowed whatever their arguments, and none ever runs off the program's end."""
    program, arch = _filter(machine)
    denied = {numbers[arch.column] for numbers in seccomp.DENIED.values()}
    special = {arch.clone, arch.clone3, arch.ioctl, arch.socket}

    answer = _run(program, number, arch.audit, (argument, argument))

    if number in denied:
        assert answer == _ERRNO | errno.EPERM
    elif number not in special:
        assert answer == _ALLOW


@pytest.mark.parametrize("machine", _MACHINES)
def test_every_call_on_the_list_is_refused(machine: str) -> None:
    """The numbers that random search may miss."""
    program, arch = _filter(machine)

    answers = {name: _run(program, numbers[arch.column], arch.audit) for name, numbers in seccomp.DENIED.items()}

    assert answers == dict.fromkeys(seccomp.DENIED, _ERRNO | errno.EPERM)
    assert _run(program, arch.clone3, arch.audit) == _ERRNO | errno.ENOSYS


@pytest.mark.parametrize("machine", _MACHINES)
@given(number=st.integers(0, 2**32 - 1), architecture=st.integers(0, 2**32 - 1))
def test_another_architecture_ends_the_process(machine: str, number: int, architecture: int) -> None:
    """The same number is another call there."""
    program, arch = _filter(machine)
    if architecture != arch.audit:
        assert _run(program, number, architecture) == _KILL


@given(number=st.integers(0x40000000, 2**32 - 1))
def test_x32_ends_the_process(number: int) -> None:
    """x32 shares x86_64's name and differs by a bit of the number."""
    program, arch = _filter("x86_64")
    assert _run(program, number, arch.audit) == _KILL


@pytest.mark.parametrize("machine", _MACHINES)
@given(flags=st.integers(0, 2**32 - 1))
def test_clone_is_refused_exactly_with_a_new_namespace(machine: str, flags: int) -> None:
    """Threads and forks pass; CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET do not."""
    program, arch = _filter(machine)
    namespaces = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

    refused = _run(program, arch.clone, arch.audit, (flags,)) == _ERRNO | errno.EPERM

    assert refused == bool(flags & namespaces)


@pytest.mark.parametrize("machine", _MACHINES)
@given(upper=st.integers(0, 2**32 - 1), request_number=st.sampled_from([0x5412, 0x541C, 0x5401, 0x5413]))
def test_terminal_injection_is_refused_whatever_the_upper_bits(machine: str, upper: int, request_number: int) -> None:
    """The kernel looks at the lower 32 bits of an ioctl's request, and so does the filter (CVE-2019-10063)."""
    program, arch = _filter(machine)

    answer = _run(program, arch.ioctl, arch.audit, (0, upper << 32 | request_number))

    assert answer == (_ERRNO | errno.EPERM if request_number in (0x5412, 0x541C) else _ALLOW)


@pytest.mark.parametrize("machine", _MACHINES)
@given(family=st.integers(0, 60))
def test_only_families_of_the_network_namespace_exist(machine: str, family: int) -> None:
    """AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK; every other, known or not, is unsupported."""
    program, arch = _filter(machine)

    answer = _run(program, arch.socket, arch.audit, (family, 1, 0))

    assert answer == (_ALLOW if family in (1, 2, 10, 16) else _ERRNO | errno.EAFNOSUPPORT)


def test_a_machine_without_a_filter_has_none() -> None:
    """No filter is no sandbox, not a sandbox without a filter."""
    assert seccomp.program("riscv64") is None
