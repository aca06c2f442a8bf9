"""Casks: what people installed by Homebrew in a month, by `GET <registry>/analytics/cask-install/30d.json`."""

from pipeline.ecosystems.base import Fetcher
from pipeline.model import Failed, Held
from pipeline.seeding.analytics import installations
from pipeline.seeding.base import Proposal, gather, ranked

NAME = "cask"
MEASURE = "installations in 30 days"


def propose(*, registry: str, fetcher: Fetcher, limit: int) -> list[Proposal] | Failed | Held:
    """Return the casks of the analytics, by installations; those of taps are among them."""
    url = f"{registry}/analytics/cask-install/30d.json"
    return ranked(NAME, gather([url], fetcher, installations, limit), limit)
