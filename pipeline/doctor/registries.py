"""Whether each registry answers, at the address that its ordinary client is set up with; and what its clock says."""

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import msgspec

from pipeline import services
from pipeline.doctor.base import (
    Finding,
    Machine,
    Reply,
    State,
    Unanswered,
    failed,
    not_asked,
    not_needed,
    of_error,
    ok,
    warning,
)
from pipeline.errors import PipelineError
from pipeline.http_failures import shown

# Certificates and the age of a release are judged by the clock; servers' `Date` is exact to the second.
LARGEST_SKEW = 60.0
# Where each client's address comes from, in the words of its documentation.
_SETTINGS: Mapping[str, str] = {
    "npm": "npm's settings",
    "pypi": "uv's or pip's settings",
    "cargo": "cargo's settings",
    "go": "GOPROXY of `go env`",
}


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one registry, and what its server's clock is ahead of this one's in seconds, None if unknown."""

    finding: Finding
    ahead: float | None = None


def examine(machine: Machine) -> Iterable[Finding]:
    """Ask each registry that the queue needs for one package, all at once; then compare the clocks."""
    if machine.prober is None:
        return [not_asked("registries", "nobody was asked (--offline)"), not_asked("clock", "nobody was asked")]
    with ThreadPoolExecutor(max_workers=16) as pool:
        asked = list(pool.map(lambda name: _ask(machine, name), machine.config.ecosystems))
    findings = [each.finding for each in asked]
    if all(finding.state in {State.NOT_NEEDED, State.NOT_ASKED} for finding in findings):
        return [*findings, not_asked("clock", "no registry was asked")]
    return [*findings, of_clock([each.ahead for each in asked if each.ahead is not None])]


def of_clock(ahead: list[float]) -> Finding:
    """Return whether this machine's clock is right, from how far each server's clock is ahead, in seconds."""
    if not ahead:
        return warning("clock", "no server said what time it is", "mend the connection to a registry, then ask again")
    # One server may be wrong; the nearest to our own clock then tells more.
    off = min(ahead, key=abs)
    if abs(off) > LARGEST_SKEW:
        which = "behind" if off > 0 else "ahead of"
        return warning(
            "clock",
            f"it is {abs(off):.0f} s {which} that of the servers; certificates and the age of releases need it",
            "set it by NTP, as with `timedatectl set-ntp true`",
        )
    return ok("clock", f"within {max(1.0, abs(off)):.0f} s of that of the servers")


def _ask(machine: Machine, ecosystem: str) -> _Asked:
    check = f"registry {ecosystem}"
    if ecosystem not in machine.needed:
        return _Asked(finding=not_needed(check, "the queue has none of its packages"))
    if not machine.is_native(ecosystem) or ecosystem not in _QUESTIONS:
        return _Asked(finding=not_needed(check, "its recipes are not made by this project"))
    identifier = machine.needed[ecosystem]
    try:
        base = machine.endpoints.registry(ecosystem, identifier).split()[0]
        secrets = machine.endpoints.credentials(ecosystem)
    except PipelineError as error:
        return _Asked(finding=of_error(check, error))
    except IndexError:
        return _Asked(finding=failed(check, "nothing says where it is", "set its client up, or install it"))
    if base in {"direct", "off"}:
        return _Asked(finding=warning(check, f"GOPROXY asks none: {base}", "name a proxy in GOPROXY"))
    url = f"{re.split('[,|]', base)[0]}/{_QUESTIONS[ecosystem](identifier)}"
    before = machine.wall()
    assert machine.prober is not None  # noqa: S101  # `examine` asks nobody without one
    reply = machine.prober.get(
        url,
        rate=machine.config.ecosystems[ecosystem].requests_per_second,
        authorization=secrets.get(services.host_address(url), ""),
    )
    source = _SETTINGS.get(ecosystem) or _place(machine, ecosystem)
    if isinstance(reply, Unanswered):
        return _Asked(finding=of_silence(check, reply, source))
    return _Asked(finding=_answered(check, ecosystem, identifier, url, reply, source), ahead=_ahead(reply, before))


def of_silence(check: str, reply: Unanswered, source: str) -> Finding:
    """Return what it means that there is no answer; `source` is whose settings the address comes from.

    Where other runs of this machine use up the pace, nothing is known of the registry, and nothing is wrong.
    """
    if reply.paced:
        return not_asked(check, reply.message)
    return failed(check, reply.message, f"see that this machine reaches it; the address is that of {source}")


def _answered(check: str, ecosystem: str, identifier: str, url: str, reply: Reply, source: str) -> Finding:
    seen = f"{services.host_address(shown(url))} answers {reply.status} in {reply.seconds:.1f} s ({source})"
    match reply.status:
        case 401 | 407:
            return failed(check, seen, f"give it the right user and password or token, in {source}")
        case 403 | 429:
            return warning(check, f"{seen}: it refuses this machine for now", "wait, or ask with a token")
        case 404 | 410 if ecosystem == "go":  # a package's path is longer than that of its module
            return ok(check, seen)
        case 404 | 410:
            return warning(
                check,
                f"{seen}: it does not know {ecosystem}:{identifier}",
                f"see that the address in {source} is that of the registry, and the queue's name right",
            )
        case status if status >= 500:
            return failed(check, seen, "wait until the registry is well again; its circuit breaker does so, too")
        case _:
            return _limits(check, ecosystem, seen, reply)


def _limits(check: str, ecosystem: str, seen: str, reply: Reply) -> Finding:
    """Say how much may be asked, where the answer tells: GitHub gives 60 requests an hour without a token."""
    limit = reply.headers.get("x-ratelimit-limit", "")
    if ecosystem == "github" and limit.isascii() and limit.isdigit() and int(limit[:9]) <= 60:
        return warning(
            check,
            f"{seen}, {limit} requests an hour without a token",
            "set GH_TOKEN to a token without any permission: 5,000 requests an hour",
        )
    return ok(check, seen)


def _place(machine: Machine, ecosystem: str) -> str:
    named = services.address_of(ecosystem, machine.environment, machine.config.ecosystems[ecosystem])[1]
    return named or "its client's settings"


def _ahead(reply: Reply, before: datetime) -> float | None:
    """Return how many seconds a server is ahead; `before` is our time when it was asked."""
    try:
        said = parsedate_to_datetime(reply.headers.get("date", ""))
        return (said - before).total_seconds() - reply.seconds
    except (ValueError, TypeError, OverflowError):  # none, or one without a zone
        return None


# What is asked of each: its module's own first question, or a smaller one of the same interface.
_QUESTIONS: Mapping[str, Callable[[str], str]] = {
    "npm": lambda name: name.replace("/", "%2f"),
    "pypi": lambda name: f"{name}/",
    "cargo": lambda _name: "config.json",
    "go": lambda path: f"{re.sub('[A-Z]', lambda capital: f'!{capital[0].lower()}', path)}/@v/list",
    "rubygems": lambda name: f"api/v1/versions/{name}.json",
    "cpan": lambda name: f"release/{name}",
    "homebrew": lambda name: f"formula/{quote(name, safe='/@')}.json",
    "cask": lambda name: f"cask/{quote(name, safe='/@')}.json",
    "github": lambda _name: "rate_limit",
}
