"""What a forge's refusal comes to: whether, when and by whose doing it may be asked again. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from pipeline.forge.base import Unavailable
from pipeline.http_headers import exhausted_for, retry_after
from pipeline.http_limits import limits_of
from pipeline.instants import timestamp
from pipeline.text import one_line

SHORT = 10.0  # seconds; a limit that lasts longer is told, not waited for
# What GitHub's documentation asks for after a limit that names no time.
UNNAMED = 60.0
LONGEST = 300  # characters of what a forge says
_SERVER_ERROR = 500
# No such token, too few rights, a repository that it may not see.
_FORBIDDEN = frozenset({401, 403, 404})


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is none. With `again`, the same may be asked again after so many `seconds`.

    `untouched` says that nothing was carried out: so it is after a limit, but not after a connection that was cut.
    """

    unavailable: Unavailable
    again: bool = False
    untouched: bool = False
    seconds: float = 0.0


def of_status(status: int, headers: Mapping[str, str], said: str, now: datetime) -> Refusal:
    """Return what an error of the forge comes to; `headers` have names in lower case, `said` is its message."""
    limit = limits_of(status, headers, now.timestamp(), said.encode)
    if limit.limited:
        wall = now.timestamp()
        named = retry_after(headers, wall) is not None or exhausted_for(headers, wall) is not None
        return _limited(status, limit.patience if named else UNNAMED, said, now)
    if status >= _SERVER_ERROR:
        told = Unavailable(message=f"the forge answered {status}{_after(said)}", remedy=_later())
        return Refusal(unavailable=told, again=True)
    told = Unavailable(
        message=f"the forge refused it with {status}{_after(said)}",
        remedy=_remedy(status),
        forbidden=status in _FORBIDDEN,
    )
    return Refusal(unavailable=told, untouched=True)


def of_fault(said: str) -> Refusal:
    """Return what a connection that failed, or an answer that nobody understands, comes to."""
    return Refusal(
        unavailable=Unavailable(message=f"the forge did not answer{_after(said)}", remedy=_later()), again=True
    )


def shown(said: str, secret: str) -> str:
    """Return what a forge, or the network, says: one short line without the token, whoever repeats it."""
    kept = said.replace(secret, "***") if secret else said
    return one_line(kept)[:LONGEST]


def _limited(status: int, seconds: float, said: str, now: datetime) -> Refusal:
    seconds = min(seconds, 366 * 86_400.0)  # a year: a calendar ends somewhere
    until = timestamp(now + timedelta(seconds=seconds + 1))  # the second that is named has to pass
    told = Unavailable(
        message=f"the forge's rate limit is reached ({status}{_after(said)})",
        remedy="nothing is lost: `doit sync` goes on from here once the limit has ended",
        until=until,
    )
    return Refusal(unavailable=told, again=seconds <= SHORT, untouched=True, seconds=seconds)


def _after(said: str) -> str:
    return f": {said}" if said else ""


def _later() -> str:
    return "nothing is lost: `doit sync` goes on from here when the forge answers again"


def _remedy(status: int) -> str:
    match status:
        case 401:
            return "the token in GH_TOKEN or GITHUB_TOKEN is not valid (any more): set a new one"
        case 403 | 404:
            return (
                "let the token read and write contents and pull requests of this repository, and see publish.repository"
            )
        case _:
            return "see what it says, mend it there, then `doit sync`"
