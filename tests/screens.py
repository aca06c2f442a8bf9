"""What a person sees of the blocks of `pipeline.terminal`."""

import io

from rich.console import RenderableType

from pipeline.terminal import UNKNOWN_WIDTH, Terminal


def screen(*parts: RenderableType, width: int = UNKNOWN_WIDTH) -> str:
    """Return what a console of so many columns shows, without colours."""
    file = io.StringIO()
    Terminal(file=file, environment={}, width=width).print(*parts, sep="\n")
    return file.getvalue()
