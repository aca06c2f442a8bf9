"""The console of `rich` as this project uses it."""

from rich.console import Console


class Terminal(Console):
    """A console that tells when nobody reads it any more; `rich` itself ends the process then, whatever it is at."""

    def on_broken_pipe(self) -> None:
        """Go on with the `BrokenPipeError` that is being handled; the name is `rich`'s."""
        raise  # noqa: PLE0704  # called while it is handled
