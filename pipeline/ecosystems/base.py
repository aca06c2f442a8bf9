"""What an ecosystem is: a module that turns one identifier into an outcome, and what it is given to do so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from pipeline.model import Evidence, Failed, Held, Recipe, Skipped, WorkOrder


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A registry's answer with status 200 or 206. `total_size` is the whole file's size when only a range was read."""

    url: str
    status: int
    content: bytes
    total_size: int | None = None
    stale: bool = False


class Fetcher(Protocol):
    """The only way to the network: it keeps rate, cache, retries and size limit, and asks control first."""

    def get(
        self, url: str, *, accept: str = "", tail_bytes: int = 0, span: tuple[int, int] | None = None, pinned: str = ""
    ) -> Answer | Failed | Held:
        """Return the answer to a GET, or why there is none.

        `tail_bytes` asks for the last bytes of a file, `span` for the bytes from first to last, both inclusive;
        a server that ignores ranges answers with the whole file (status 200).
        404 and 410 are `Failed(recipe_not_found, not_found, transient=False)`.
        `pinned` says what ties the content down so that it never changes: `sha256:<hex>` as the registry gives it, or a
        version that the registry's rules make final. A stored answer is then used for long without asking again.
        """


def range_header(tail_bytes: int, span: tuple[int, int] | None) -> str:
    """Return the value of the `Range` header for a part of a file, "" for the whole."""
    if span is not None:
        return f"bytes={span[0]}-{span[1]}"
    return f"bytes=-{tail_bytes}" if tail_bytes else ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an ecosystem made: the recipe and what it was made from. `generate` writes it as TOML.

    `text` is the TOML as a program of the user's wrote it, which is kept; "" where the recipe is still to be written.
    """

    recipe: Recipe
    evidence: Evidence
    text: str = ""


Made = Draft | Skipped | Failed | Held


class Ecosystem(Protocol):
    """One ecosystem, as a module. No upstream code runs in `make`."""

    NAME: str
    # Raised by one whenever the same metadata would give another recipe: records made by an older one are stale.
    REVISION: int

    def identifier_defect(self, identifier: str) -> str:
        """Return why nothing in this ecosystem can have this identifier, "" when something can; asks nobody."""

    def make(self, order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
        """Return the recipe of one package with its evidence, or why there is none.

        `registry` is the base address that the ecosystem's ordinary client is set up with, without a trailing slash.
        """


class Endpoints(Protocol):
    """Where the ordinary clients of this machine are told to go."""

    def registry(self, ecosystem: str, identifier: str = "") -> str:
        """Return the registry's base address without a trailing slash; npm has one for each scope, if set.

        For a formula a mirror of the bottles follows after a blank, if one is set.

        Go has a list of them, or a word that says why there is none (`go_client.proxies_for`).
        """

    def credentials(self, ecosystem: str) -> Mapping[str, str]:
        """Return the `Authorization` header for each host that gets one, by its scheme and authority."""

    def environment(self, ecosystem: str) -> Mapping[str, str]:
        """Return the variables that point the client inside a sandbox to the same registry."""
