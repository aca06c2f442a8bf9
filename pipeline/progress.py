"""What a run has done so far, counted from its events; observers read it, the core never prints."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.checks import shorten
from pipeline.model import (
    Failed,
    Generated,
    Held,
    Outcome,
    Payload,
    Skipped,
    StaticRecord,
    Tier,
    Verdict,
    VerdictStatus,
)
from pipeline.source import ecosystem_of
from pipeline.text import one_line
from pipeline.verdicts import seconds_of

# Lines that the live display keeps in view.
RECENT = 6
# Characters of what is said of a result; a version or a licence may have thousands.
LINE = 300


@dataclass
class EcosystemProgress:
    """One ecosystem's counters. `rate` is in requests a second, `waiting_until` in seconds of the monotonic clock."""

    total: int
    rate: float
    generated: int = 0
    skipped: int = 0
    failed: int = 0
    held: int = 0
    requests: int = 0
    from_cache: int = 0
    waiting_until: float = 0.0

    @property
    def done(self) -> int:
        """Packages with an outcome."""
        return self.generated + self.skipped + self.failed + self.held


@dataclass
class Progress:
    """All counters of a run, safe to feed from many threads. `say` gets one finished line for each result.

    `seeded` has what each filling of the queue came to, for machines."""

    ecosystems: dict[str, EcosystemProgress]
    say: Callable[[str], None]
    verdicts: dict[str, Counter[VerdictStatus]] = field(default_factory=dict)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))
    payload: Payload | None = None
    seeded: list[object] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def generated(self, source: str, outcome: Outcome) -> None:
        """Count an outcome."""
        counters = self.ecosystems[ecosystem_of(source)]
        with self.lock:
            match outcome:
                case Generated():
                    counters.generated += 1
                    version, spdx = outcome.evidence.version, outcome.evidence.license.spdx
                    self._tell("recipe", source, f"{version or 'version unknown'}, {spdx or 'licence unknown'}")
                case Skipped():
                    counters.skipped += 1
                    self._tell("skipped", source, f"{outcome.subcategory}: {outcome.message}")
                case Failed():
                    counters.failed += 1
                    self._tell("failed", source, f"{outcome.subcategory}: {outcome.message}")
                case Held():
                    counters.held += 1
                    self._tell("held", source, f"{outcome.gate}: {outcome.message}")

    def predicted(self, source: str, record: StaticRecord) -> None:
        """Tell of predictions that are not a pass; the others are the ordinary case."""
        doubtful = [f"{p.platform} {p.status}" for p in record.predictions if p.status != "predicted_pass"]
        if doubtful:
            with self.lock:
                self._tell("predict", source, "; ".join(doubtful))

    def validated(self, verdict: Verdict) -> None:
        """Count a verdict; measured ones are told."""
        with self.lock:
            self.verdicts.setdefault(verdict.platform, Counter())[verdict.status] += 1
            if verdict.tier not in {Tier.STATIC, Tier.NONE}:
                what = verdict.observed_version or verdict.reason
                where = f"{what} on {verdict.platform} in {seconds_of(verdict):.1f} s"
                self._tell(verdict.status.value, verdict.source, where)

    def request(self, ecosystem: str, *, from_cache: bool) -> None:
        """Count an answer."""
        with self.lock:
            counters = self.ecosystems.get(ecosystem)
            if counters is not None:
                counters.requests += not from_cache
                counters.from_cache += from_cache

    def waiting(self, ecosystem: str, until: float) -> None:
        """Note the moment (monotonic seconds) until which the next request waits for its permit."""
        with self.lock:
            counters = self.ecosystems.get(ecosystem)
            if counters is not None:
                counters.waiting_until = until

    def payload_written(self, payload: Payload) -> None:
        """Keep the finished pull request for the summary."""
        with self.lock:
            self.payload = payload

    def be_silent(self) -> None:
        """Say nothing more; when this returns, nobody is still speaking."""
        with self.lock:
            self.say = silence

    def _tell(self, verb: str, source: str, text: str) -> None:
        # Verdicts come from other machines too: what they say must not steer the terminal.
        line = f"{verb:<10} {source}  {shorten(one_line(text), LINE)}"
        self.recent.append(line)
        self.say(line)


def silence(line: str) -> None:
    """Tell nobody: no reporter listens."""
