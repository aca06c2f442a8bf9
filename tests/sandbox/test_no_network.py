"""What package code reaches over the network: nothing, not this machine either."""

import contextlib
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.sandbox.lab import Lab

_CONNECT = """
import socket, sys
family, kind, address = sys.argv[1:]
target = "\\0" + address if family == "AF_UNIX" else (address.rpartition(":")[0], int(address.rpartition(":")[2]))
with socket.socket(getattr(socket, family), getattr(socket, kind)) as connection:
    connection.settimeout(5)
    try:
        connection.connect(target)
        connection.send(b"hello")
        print(connection.recv(5).decode())
    except OSError as error:
        print("refused:", error)
"""


def _answer(listener: socket.socket, stop: threading.Event) -> None:
    """Answer "there" to all who connect or send, until told to stop."""
    listener.settimeout(0.1)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            if listener.type == socket.SOCK_DGRAM:
                _, sender = listener.recvfrom(16)
                listener.sendto(b"there", sender)
            else:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(16)
                    connection.sendall(b"there")


@pytest.fixture
def services() -> Iterator[dict[str, tuple[str, str, str]]]:
    """Servers on this machine, by name: the arguments of `_CONNECT`."""
    abstract = f"recipeline-{secrets.token_hex(8)}"
    listeners = {
        "tcp": socket.create_server(("127.0.0.1", 0)),
        "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "abstract": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    }
    listeners["udp"].bind(("127.0.0.1", 0))
    listeners["abstract"].bind(f"\0{abstract}")
    listeners["abstract"].listen()
    stop = threading.Event()
    threads = [threading.Thread(target=_answer, args=(each, stop)) for each in listeners.values()]
    for thread in threads:
        thread.start()
    yield {
        "tcp": ("AF_INET", "SOCK_STREAM", f"127.0.0.1:{listeners['tcp'].getsockname()[1]}"),
        "udp": ("AF_INET", "SOCK_DGRAM", f"127.0.0.1:{listeners['udp'].getsockname()[1]}"),
        "abstract": ("AF_UNIX", "SOCK_STREAM", abstract),
    }
    stop.set()
    for thread, listener in zip(threads, listeners.values(), strict=True):
        thread.join()
        listener.close()


@pytest.mark.parametrize("service", ["tcp", "udp", "abstract"])
def test_a_server_of_this_machine_is_out_of_reach(
    lab: Lab, services: dict[str, tuple[str, str, str]], service: str
) -> None:
    """Loopback and abstract sockets answer outside, and in fetch; never where package code runs."""
    outside = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _CONNECT, *services[service]], capture_output=True, text=True, check=True
    )

    assert outside.stdout == "there\n"
    assert lab.python(_CONNECT, *services[service], network=True).output == "there\n"
    assert lab.python(_CONNECT, *services[service]).output.startswith("refused:")


def test_there_is_no_way_out(lab: Lab) -> None:
    """No interface but the sandbox's own loopback, no route, no name server."""
    code = """
import socket
print([name for _, name in socket.if_nameindex()])
for attempt in (lambda: socket.create_connection(("192.0.2.1", 80), 5), lambda: socket.getaddrinfo("example.org", 80)):
    try:
        print("reached", attempt())
    except OSError as error:
        print(type(error).__name__)
"""
    interfaces, direct, by_name = lab.python(code).output.splitlines()

    assert interfaces == "['lo']"
    assert direct == "OSError"
    assert by_name == "gaierror"


def test_the_sandboxs_own_loopback_works(lab: Lab) -> None:
    """A tool may talk to itself: servers on loopback are common in test runners and language servers."""
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
print("connected")
"""
    assert lab.python(code).output == "connected\n"


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_PACKET", "AF_ALG", "AF_BLUETOOTH"])
def test_socket_families_that_ignore_the_namespace_do_not_exist(lab: Lab, family: str) -> None:
    """A network namespace does not hold AF_VSOCK back from a virtual machine's host."""
    number = {"AF_VSOCK": 40, "AF_PACKET": 17, "AF_ALG": 38, "AF_BLUETOOTH": 31}[family]
    code = f"""
import errno, socket
try:
    socket.socket({number}, socket.SOCK_STREAM)
    print("made")
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    assert lab.python(code).output == "EAFNOSUPPORT\n"
