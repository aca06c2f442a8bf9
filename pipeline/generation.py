"""The making of one recipe: an ecosystem's module, what it asks with, and what a stored answer is good for."""

from datetime import datetime

from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Fetcher, Made
from pipeline.ecosystems.drafting import Watching, from_stored
from pipeline.model import Failed, Subcategory, WorkOrder
from pipeline.provenance.recorder import Recorder
from pipeline.source import ecosystem_of

# A stored answer that is not asked about again for long may be the cause: then once more without such answers.
_UNREADABLE = frozenset({Subcategory.BAD_METADATA, Subcategory.DIGEST_MISMATCH})


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime, recorder: Recorder | None) -> Made:
    """Return what an ecosystem makes of a package; `recorder` notes what it is made from."""
    watching = Watching(fetcher)
    made = _once(order, registry, watching, now, recorder)
    if watching.used_pinned and isinstance(made, Failed) and made.subcategory in _UNREADABLE:
        watching = Watching(fetcher, trusting=False)
        made = _once(order, registry, watching, now, recorder)
    return from_stored(made) if watching.stood_in else made


def _once(order: WorkOrder, registry: str, fetcher: Watching, now: datetime, recorder: Recorder | None) -> Made:
    asked = recorder.around(fetcher) if recorder else fetcher
    began = recorder.begin(registry, now) if recorder else now
    return ECOSYSTEMS[ecosystem_of(order.source)].make(order, registry=registry, fetcher=asked, now=began)
