"""The root brought up to date with the forge: the state of others, what was merged or closed, what waits opened."""

from datetime import datetime

import msgspec

from pipeline.forge.base import Forge
from pipeline.publishing.books import Books, save_state
from pipeline.publishing.destination import Destination
from pipeline.publishing.pull_requests import Asked, ask
from pipeline.publishing.reviewed import Reviewed, review
from pipeline.publishing.settle import Settled, settle


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; `restored` says that others had saved something new. `state_commit` is "" without news."""

    restored: bool
    reviewed: Reviewed
    settled: Settled
    asked: Asked
    state_commit: str = ""


def sync(books: Books, *, destination: Destination, forge: Forge | None, now: datetime) -> Synced:
    """Read the forge and the base branch, and open what waits; the root's lock is held by the caller."""
    restored = destination.restore_state()
    if restored:
        books.reread()
    reviewed, settled, asked = Reviewed(), Settled(), Asked()

    def go() -> None:
        nonlocal reviewed, settled, asked
        seen, found, done = _step(books, destination, forge, now)
        reviewed, asked = seen.after(reviewed), done.after(asked)
        settled = Settled(merged=[*settled.merged, *found.merged], unblocked=[*settled.unblocked, *found.unblocked])

    go()
    return Synced(
        restored=restored,
        reviewed=reviewed,
        settled=settled,
        asked=asked,
        state_commit=save_state(books, destination, go),
    )


def take_in(destination: Destination) -> Synced:
    """Bring what others have saved into the root, for a job that may only read: nobody is asked, nothing is saved."""
    return Synced(restored=destination.restore_state(), reviewed=Reviewed(), settled=Settled(), asked=Asked())


def _step(
    books: Books, destination: Destination, forge: Forge | None, now: datetime
) -> tuple[Reviewed, Settled, Asked]:
    reviewed = review(books, destination, forge) if forge is not None else Reviewed()
    settled = settle(books, destination, now, None)
    asked = ask(books, forge, reviewed, now) if forge is not None else Asked()
    return reviewed, settled, asked
