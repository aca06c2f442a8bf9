"""Formulae: what people asked Homebrew for in a month, by `GET <registry>/analytics/install-on-request/30d.json`."""

from pipeline.ecosystems.base import Fetcher
from pipeline.model import Failed, Held
from pipeline.seeding.analytics import installations
from pipeline.seeding.base import Proposal, gather, ranked

NAME = "homebrew"
MEASURE = "installations that people asked for in 30 days"


def propose(*, registry: str, fetcher: Fetcher, limit: int) -> list[Proposal] | Failed | Held:
    """Return the formulae of the analytics, by installations; those of taps are among them."""
    url = f"{registry}/analytics/install-on-request/30d.json"
    return ranked(NAME, gather([url], fetcher, installations, limit), limit)
