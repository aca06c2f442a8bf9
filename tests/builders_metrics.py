"""Small valid numbers for tests; each keyword overrides one field."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from pipeline.instants import timestamp
from pipeline.model import BatchMetrics, EcosystemCounts, Traffic, VerdictStatus
from pipeline.platforms import BY_ID
from tests.builders import NOW

ECOSYSTEMS = ("npm", "pypi", "cargo")


def counts(included: int = 0, excluded: int = 0, blocked: int = 0, deferred: int = 0) -> EcosystemCounts:
    """Return what became of some packages, all of which were generated."""
    attempted = included + excluded + blocked
    return EcosystemCounts(
        attempted=attempted,
        generated=attempted,
        validated=included,
        included=included,
        excluded=excluded,
        blocked=blocked,
        deferred=deferred,
    )


def metrics(number: int = 1, at: datetime = NOW, **fields: Any) -> BatchMetrics:
    """Return the line of a batch that included one of two npm packages."""
    given: dict[str, Any] = {
        "batch_id": f"{timestamp(at)[:10]}-mixed-{number:03d}",
        "created_at": timestamp(at),
        "at": timestamp(at),
        "ecosystems": {"npm": counts(included=1, excluded=1)},
        "platforms": {},
        "traffic": {"npm": Traffic(requests=2)},
        "stage_seconds": {"generate": 1.0, "validate": 60.0},
        "minutes": {"linux": 1.0, "macos": 0.0},
        "cost": 1.0,
    }
    return BatchMetrics(**{**given, **fields})


_COUNT = st.integers(0, 10**6)
_SECONDS = st.integers(0, 10**6).map(float)
ANY_COUNTS = st.builds(counts, included=_COUNT, excluded=_COUNT, blocked=_COUNT, deferred=_COUNT)
ANY_TRAFFIC = st.builds(
    Traffic,
    requests=_COUNT,
    cache_hits=_COUNT,
    not_modified=_COUNT,
    bytes=_COUNT,
    failed_tries=_COUNT,
    waited=_SECONDS,
)
ANY_METRICS = st.builds(
    metrics,
    number=st.integers(1, 999),
    ecosystems=st.dictionaries(st.sampled_from(ECOSYSTEMS), ANY_COUNTS),
    platforms=st.dictionaries(st.sampled_from(sorted(BY_ID)), st.dictionaries(st.sampled_from(VerdictStatus), _COUNT)),
    traffic=st.dictionaries(st.sampled_from(ECOSYSTEMS), ANY_TRAFFIC),
    stage_seconds=st.dictionaries(st.sampled_from(["generate", "validate"]), _SECONDS),
    minutes=st.dictionaries(st.sampled_from(["linux", "macos"]), _SECONDS),
    cost=_SECONDS,
)
