"""Completion in the shells themselves, as a person meets it: what is typed, and what is offered then."""

import os
import pty
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.state.ledger import Ledger
from pipeline.store import SHIPPED
from tests.builders_ledger import ledger_entry
from tests.e2e.world import DOIT, HOST, PATIENCE, WatchedRegistry, World

BATCH_ID = ledger_entry().batch_id
# What has been typed, and what is offered then.
TYPED = {
    "doit sta": ["status"],
    "doit why npm:pr": ["npm:prettify"],
    "doit generate:n": ["generate:npm", "generate:npm:peek", "generate:npm:prettify"],
    "doit generate:npm:pe": ["generate:npm:peek"],
    f"doit validate:{HOST.id}:npm.pe": [f"validate:{HOST.id}:npm.peek"],
    "doit metrics --l": ["--last"],
    "doit metrics --platform darwin-a": ["darwin-arm64"],
    "doit matrix --class m": ["macos"],
    f"doit rollback --batch {BATCH_ID[:4]}": [BATCH_ID],
    "doit run --db": [],
    "A=b doit disable pyp": ["pypi"],
    "doit nothing-like-it": [],
}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A frozen batch of two packages, and a ledger."""
    with WatchedRegistry() as registry:
        world = World(tmp_path_factory.mktemp("completion"), registry)
        world.queue("npm:prettify", "npm:peek")
        world.ran("snapshot")
        Ledger(world.paths).append(ledger_entry())
        yield world


def environment(world: World) -> dict[str, str]:
    return world.environment(PATH=f"{Path(DOIT).parent}:/usr/bin:/bin", TERM="xterm")


def test_fish_offers_what_fits(stocked: World) -> None:
    """Names with colons as a whole: commands, options, their values, sub-tasks, batches."""
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not on this machine")
    asked = "doit completion fish | source; for line in $argv; complete -C $line; echo END; end"
    done = subprocess.run(
        [fish, "--no-config", "-c", asked, *TYPED],
        cwd=SHIPPED,
        env=environment(stocked),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    offered = [block.splitlines() for block in done.stdout.split("END\n")[:-1]]
    assert dict(zip(TYPED, offered, strict=True)) == TYPED
    assert done.stderr == ""


class Zsh:
    """A zsh at a terminal, with nobody's start files."""

    def __init__(self, program: str, variables: dict[str, str]) -> None:
        self._screen, terminal = pty.openpty()
        self._shell = subprocess.Popen(
            [program, "-f", "-i", "+m"],
            cwd=SHIPPED,
            env={**variables, "PS1": "", "COLUMNS": "200"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def types(self, keys: str, until: str) -> str:
        """Type some keys, and return what is shown from then on until that text has come."""
        os.write(self._screen, keys.encode())
        shown = b""
        while until.encode() not in shown:
            ready, _, _ = select.select([self._screen], [], [], PATIENCE)
            assert ready, f"never shown: {until!r}, only {shown!r}"
            shown += os.read(self._screen, 4096)
        return shown.decode(errors="replace")

    def end(self) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._screen)


def test_zsh_completes_at_the_key(stocked: World) -> None:
    """In a terminal, where the widgets of its line editor run; the script loads the completion system itself."""
    program = shutil.which("zsh")
    if program is None:
        pytest.skip("zsh is not on this machine")
    zsh = Zsh(program, environment(stocked))
    try:
        zsh.types('eval "$(doit completion zsh)"; echo is""-ready\n', "is-ready")
        for line in ("doit why npm:pr", "doit generate:npm:pe", "A=b doit disable pyp"):
            (offered,) = TYPED[line]
            zsh.types(f"{line}\t", offered.removeprefix(line.rpartition(" ")[2]))
            zsh.types("\x15", "")  # Ctrl-U: the line is empty again
    finally:
        zsh.end()
