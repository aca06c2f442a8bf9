"""A small program that stands for a user's generator or validator: each package has its own behaviour."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Called as `program IDENTIFIER [FILE]`. `-S` and `-I` make it start in some 20 ms.
_PROGRAM = """#!{python} -IS
import json, os, subprocess, sys, time
from pathlib import Path

here = Path(__file__).parent
identifier, file = sys.argv[1], Path((sys.argv[2:] or ["none"])[0])
told = json.loads((here / "behaviours.json").read_text()).get(identifier, {{"exit": 3}})
call = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ), "given": sys.stdin.read()}}
if file.is_file():
    call["file"] = file.read_text()
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
if "recipe" in told:
    file.write_bytes(told["recipe"].encode("utf-8", "surrogateescape"))
sys.stdout.buffer.write(told.get("output", "").encode("utf-8", "surrogateescape"))
sys.stderr.buffer.write(told.get("errors", "").encode("utf-8", "surrogateescape"))
sys.stdout.flush()
match told.get("does"):
    case "hang":
        time.sleep(600)
    case "outlive":  # a session of its own, its output kept open
        left = subprocess.Popen(["sleep", "600"], start_new_session=True)
        (here / "left.pid").write_text(str(left.pid))
    case "outlive and hang":
        left = subprocess.Popen(["sleep", "600"], start_new_session=True)
        (here / "left.pid").write_text(str(left.pid))
        time.sleep(600)
    case "flood":
        for _ in range(2_000):
            sys.stdout.write("x" * 9_999 + "\\n")
        print('{{"message": "the end"}}')
    case "link":
        file.symlink_to("/etc/hostname")
    case "folder":
        file.mkdir()
    case "pipe":
        os.mkfifo(file)
    case "die":
        os.kill(os.getpid(), 9)
sys.exit(told.get("exit", 0))
"""

RECIPE = """[metadata]
name = "{name}"
description = "A tool.  Written by hand"  # and this is why
homepage = "https://tools.example"

[[steps]]
action = "{action}"
package = "{name}"
executables = ["{name}"]

[verify]
command = "{name} --version"
pattern = "{{version}}"
"""


def recipe_text(name: str, action: str = "npm_install") -> str:
    """Return a good recipe with a comment and spaces that no writer of ours would make."""
    return RECIPE.format(name=name, action=action)


class FakeProgram:
    """The program in a folder, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._behaviours: dict[str, dict[str, Any]] = {}
        self.path = folder / "program"
        self.path.write_text(_PROGRAM.format(python=sys.executable))
        self.path.chmod(0o755)
        self.on()

    def on(self, identifier: str = "", **behaviour: Any) -> None:
        """Have it behave so when it is asked for a package; other packages are not found (exit code 3)."""
        if identifier:
            self._behaviours[identifier] = behaviour
        (self._folder / "behaviours.json").write_text(json.dumps(self._behaviours))

    def calls(self) -> Sequence[dict[str, Any]]:
        """Return its calls so far, oldest first."""
        path = self._folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def left_running(self) -> bool:
        """Return whether the process that it left behind is still there."""
        pid = int((self._folder / "left.pid").read_text())
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
