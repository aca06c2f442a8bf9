"""The ecosystems, `ecosystems.html`, and one of them, `ecosystems/<name>.html`. Pure."""

from pipeline.dashboard.views.base import PageLink, View
from pipeline.dashboard.views.overview import BreakerLine, Period, QueueLine, Reason
from pipeline.history.service_levels import LastSuccess, Share
from pipeline.model import EcosystemCounts, Traffic


class EcosystemLine(View, frozen=True, kw_only=True):
    """One ecosystem in one line, over all batches. `generator` and the rate are those of the configuration."""

    ecosystem: PageLink
    generator: str
    enabled: bool
    requests_per_second: float
    queue: QueueLine
    counts: EcosystemCounts
    success: Share
    traffic: Traffic
    without_body: Share
    breaker: BreakerLine | None


class Ecosystems(View, frozen=True, kw_only=True):
    """All ecosystems that the configuration or the queue names, by name."""

    lines: list[EcosystemLine]


class BreakerEvent(View, frozen=True, kw_only=True):
    """A failure of the network or the registry that the breaker counted, from the journal."""

    at: str
    package: PageLink
    stage: str
    cause: str
    message: str


class EcosystemPage(View, frozen=True, kw_only=True):
    """One ecosystem: its line, its batches (oldest first), why its packages fail, what its breaker counted last."""

    path: str
    line: EcosystemLine
    last_success: LastSuccess | None
    periods: list[Period]
    reasons: list[Reason]
    events: list[BreakerEvent]
    packages: list[PageLink]
