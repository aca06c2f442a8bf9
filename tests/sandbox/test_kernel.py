"""What package code can ask of the kernel."""

import errno
import platform

import pytest

from pipeline.sandbox import seccomp
from tests.sandbox.lab import Lab, without_filter

_CALLS = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in map(int, sys.argv[1:]):
    ctypes.set_errno(0)
    # Pointers that lead nowhere: a call that is let through fails by its arguments.
    result = libc.syscall(number, *[ctypes.c_long(-1)] * 6)
    print(number, ctypes.get_errno() if result == -1 else 0)
"""
_CALL = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
number, *arguments = map(int, sys.argv[1:])
result = libc.syscall(number, *map(ctypes.c_long, arguments))
if result == 0 and number in (56, 220):
    libc._exit(0)
print(ctypes.get_errno() if result < 0 else 0)
"""
_COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]
_ARCHITECTURE = seccomp.ARCHITECTURES[platform.machine()]
_NEW_USER = 0x10000000
_SIGCHLD = 17
_SIGSYS = 31


def _number(name: str) -> int:
    return seccomp.DENIED[name][_COLUMN]


def test_every_call_of_the_deny_list_is_refused(lab: Lab) -> None:
    """mount, ptrace, bpf, keyctl, io_uring and the others answer "not permitted" whatever their arguments."""
    numbers = {str(_number(name)): name for name in seccomp.DENIED}

    answers = dict(line.split() for line in lab.python(_CALLS, *numbers).output.splitlines())

    assert {numbers[number]: int(answer) for number, answer in answers.items()} == dict.fromkeys(
        seccomp.DENIED, errno.EPERM
    )


@pytest.mark.parametrize("name", ["ptrace", "keyctl", "io_uring_setup", "process_vm_readv"])
def test_the_filter_is_what_refuses(lab: Lab, name: str) -> None:
    """Without the filter the kernel takes the same call and complains of its arguments only."""
    probe = lab.python_phase(_CALLS, str(_number(name)))

    assert lab.sandbox.run(probe).output.split()[1] == str(errno.EPERM)
    assert int(without_filter(probe).output.split()[1]) not in (0, errno.EPERM)


def test_a_program_cannot_be_traced(lab: Lab) -> None:
    """PTRACE_TRACEME, which needs no privilege at all, is refused; without the filter it works."""
    probe = lab.python_phase(_CALL, str(_number("ptrace")), "0", "0", "0", "0")

    assert lab.sandbox.run(probe).output.strip() == str(errno.EPERM)
    assert without_filter(probe).output.strip() == "0"


@pytest.mark.parametrize("call", ["unshare", "clone"])
def test_no_user_namespace_can_be_made(lab: Lab, call: str) -> None:
    """Two walls: the filter refuses, and without it the namespace's own limit of none does."""
    arguments = {
        "unshare": (str(_number("unshare")), str(_NEW_USER)),
        "clone": (str(_ARCHITECTURE.clone), str(_NEW_USER | _SIGCHLD), "0", "0", "0", "0"),
    }[call]
    probe = lab.python_phase(_CALL, *arguments)

    assert lab.sandbox.run(probe).output.strip() == str(errno.EPERM)
    assert without_filter(probe).output.strip() == str(errno.ENOSPC)


def test_clone3_is_answered_as_unknown_and_threads_still_start(lab: Lab) -> None:
    """Its flags cannot be seen by a filter; the C library falls back to clone."""
    probe = lab.python_phase(_CALL, str(_ARCHITECTURE.clone3), "0", "0")
    threads = "import _thread, time; lock = _thread.allocate_lock(); lock.acquire();"
    threads += " _thread.start_new_thread(lock.release, ()); lock.acquire(); print('started')"

    assert lab.sandbox.run(probe).output.strip() == str(errno.ENOSYS)
    assert without_filter(probe).output.strip() == str(errno.EINVAL)
    assert lab.python(threads).output == "started\n"


_TYPE_INTO_TERMINAL = """
import errno, fcntl, os
master, slave = os.openpty()
if os.fork() == 0:
    os.setsid()
    fcntl.ioctl(slave, 0x540E, 0)  # TIOCSCTTY: it becomes our terminal
    try:
        fcntl.ioctl(slave, 0x5412, b"x")  # TIOCSTI
        print("typed", flush=True)
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)
    os._exit(0)
os.wait()
"""


def test_nothing_can_be_typed_into_a_terminal(lab: Lab) -> None:
    """TIOCSTI is refused on a terminal of the program's own, where without the filter the kernel decides."""
    probe = lab.python_phase(_TYPE_INTO_TERMINAL)

    assert lab.sandbox.run(probe).output == "EPERM\n"
    assert without_filter(probe).output in ("typed\n", "EIO\n")  # EIO: the kernel has dev.tty.legacy_tiocsti off


def test_the_program_has_no_terminal_of_the_user(lab: Lab) -> None:
    """The sandbox is a session of its own without a controlling terminal."""
    assert "No such device or address" in lab.shell("cat < /dev/tty").output


_INT_80 = """
import ctypes, mmap
memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid of i386); int 0x80; ret
print("calling", flush=True)
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
print("answered", call(), flush=True)
"""
_X32 = """
import ctypes
print("calling", flush=True)
print("answered", ctypes.CDLL(None).syscall(0x40000000 + 39), flush=True)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are x86_64's other ABIs")
@pytest.mark.parametrize("code", [_INT_80, _X32], ids=["i386", "x32"])
def test_a_call_by_another_abi_ends_the_program(lab: Lab, code: str) -> None:
    """Other numbers for the same calls are no way around the filter."""
    probe = lab.python_phase(code)

    filtered, plain = lab.sandbox.run(probe), without_filter(probe)

    assert filtered.output == "calling\n"
    assert filtered.result.signal == _SIGSYS
    assert plain.result.signal != _SIGSYS


def test_there_are_no_capabilities_and_no_way_to_gain_any(lab: Lab) -> None:
    """Capability sets are empty, set-uid programs gain nothing, and the filter is on."""
    status = dict(line.split(":\t") for line in lab.shell("cat /proc/self/status").output.splitlines() if ":\t" in line)

    assert {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert set(status["Uid"].split()) == {"1000"}
