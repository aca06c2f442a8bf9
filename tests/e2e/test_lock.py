"""One run at a time on one root."""

import re
import signal
import threading

import pytest

from tests.e2e.world import Done, World, finish

PATIENCE = 60


class Busy:
    """A run that has asked for its only package, and is answered once it is let go on."""

    def __init__(self, world: World) -> None:
        world.configure(platforms=world.only_here(), network={"attempts": 1, "timeout_seconds": PATIENCE})
        world.queue(world.npm("prettify"))
        self._arrived, self._go_on = threading.Event(), threading.Event()
        world.registry.at_request("/npm/prettify", 1, self._hold_up)
        self.process = world.start()
        assert self._arrived.wait(PATIENCE)

    def finished(self) -> Done:
        """Let it go on to its end."""
        assert self.process.poll() is None, "it has to be at work still"
        self._go_on.set()
        return finish(self.process)

    def killed(self) -> None:
        """End it as the kernel does."""
        self.process.send_signal(signal.SIGKILL)
        self._go_on.set()
        finish(self.process)

    def _hold_up(self) -> None:
        self._arrived.set()
        self._go_on.wait(PATIENCE)


@pytest.mark.parametrize("arguments", [(), ("generate:npm",), ("clean",), ("forget",)], ids=lambda given: given[:1])
def test_a_second_run_says_who_works_there(world: World, arguments: tuple[str, ...]) -> None:
    """While one process works, another ends at once with its own exit code and one line; the first loses nothing."""
    first = Busy(world)

    second = world.doit(*arguments)

    assert second.exit_code == 7, second
    assert second.out == ""
    who = rf"process {first.process.pid}, since \S+Z"
    assert re.fullmatch(rf"recipeline: error: another run works on \S+ \({who}\); remedy: wait .*\n", second.err)
    assert first.finished().exit_code == 0
    assert world.payload().included == ["npm:prettify"]
    assert not world.paths.lock_holder.exists()


def test_looking_needs_no_lock(world: World) -> None:
    """`doit list` and `doit info` answer while a run is at work."""
    first = Busy(world)
    assert "snapshot" in world.ran("list").out
    assert "npm:prettify" in world.doit("info", "generate:npm:prettify").out
    assert first.finished().exit_code == 0


def test_a_killed_run_holds_nobody_up(world: World) -> None:
    """The lock of a killed process is free; what it left half-written is removed before the next run works."""
    Busy(world).killed()
    assert world.paths.lock_holder.exists()
    (world.paths.sandbox / "job-left" / "prefix").mkdir(parents=True)
    for folder in (world.paths.build, world.paths.build / "generate" / "npm", world.paths.payload_files):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".prettify.json.abc.part").write_text('{"schema_')
    theirs = world.paths.client_cache / "npm" / ".theirs.part"
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("the client's own")

    world.ran()

    assert world.payload().included == ["npm:prettify"]
    assert world.leftovers() == [theirs]
    assert not world.paths.lock_holder.exists()


def test_a_run_that_refuses_its_input_leaves_no_trace(world: World) -> None:
    """An input that cannot be used ends the run before the lock: not even a folder is made."""
    done = world.doit()
    assert done.exit_code == 3
    assert "the queue is missing" in done.err
    assert not world.paths.build.exists()
