"""Decoders are made one at a time: two threads that decode a structure for the first time do not crash the process."""

import subprocess
import sys

from pipeline.store import SHIPPED

# Structures that nobody has decoded yet, and eight threads that begin at once. With msgspec's own functions this ends
# in a segmentation fault within the first few of them.
RACE = """
import sys, threading
import msgspec
from pipeline.decoding import convert, decode_json

sys.setswitchinterval(1e-6)
plain = {f"a{i}": [{f"f{j}": 1 for j in range(30)}] for i in range(10)}
text = msgspec.json.encode(plain)

def fresh(number):
    field = (lambda j: (f"f{j}", int | None))
    inner = [msgspec.defstruct(f"I{number}_{i}", [field(j) for j in range(30)]) for i in range(10)]
    return msgspec.defstruct(f"S{number}", [(f"a{i}", list[kind]) for i, kind in enumerate(inner)])

def read(kind, together, odd):
    together.wait()
    found.append(convert(plain, kind) if odd else decode_json(text, kind))

for number in range(300):
    kind, together, found = fresh(number), threading.Barrier(8), []
    threads = [threading.Thread(target=read, args=(kind, together, i % 2)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all(each == found[0] for each in found)
"""


def test_threads_that_decode_a_new_structure_at_once_do_not_crash():
    """The process lives, and each thread gets the same."""
    done = subprocess.run(
        [sys.executable, "-c", RACE], cwd=SHIPPED, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
