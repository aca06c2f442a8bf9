"""A process that changes a control file again and again: `python -m tests.control.writer ROOT MODE NUMBER TIMES`."""

import sys
from pathlib import Path

import msgspec

from pipeline.model import Breaker, Control
from pipeline.state.control_file import machine, operator
from pipeline.store import Paths

ECOSYSTEMS = tuple(f"e{number}" for number in range(100))


def more(known: Control) -> Control:
    """Count one more failure of the breaker that all machines share."""
    breaker = known.circuit_breaker.get("e0", Breaker())
    after = msgspec.structs.replace(breaker, failures=breaker.failures + 1)
    return msgspec.structs.replace(known, circuit_breaker={**known.circuit_breaker, "e0": after})


def work(root: Path, mode: str, number: int, times: int) -> None:
    """Change the file so many times; an operator disables ecosystems of its own, one each time."""
    paths = Paths(root)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for count in range(times):
        name = f"e{number * times + count}"

        def listed(known: Control, name: str = name) -> Control:
            return msgspec.structs.replace(known, disabled_ecosystems=[*known.disabled_ecosystems, name])

        if mode == "machine":
            machine(paths, ECOSYSTEMS, more)
        else:
            operator(paths, ECOSYSTEMS, listed)


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
