"""How numbers and moments are said to people, the same in each command and on each page. Pure."""

from functools import lru_cache

from pipeline.history.service_levels import Share
from pipeline.instants import instant, timestamp


def percent(share: Share) -> str:
    """Return a share, rounded down so that 100 % means all; what is below 1 % gets two digits."""
    if not share.whole:
        return "-"
    if share.part in {0, share.whole}:
        return "100 %" if share.part else "0 %"
    digits = 1 if share.part * 100 >= share.whole else 2
    scale = 10**digits
    return f"{share.part * 100 * scale // share.whole / scale:.{digits}f} %"


@lru_cache(maxsize=4096)  # the packages of a batch were tried at the same time, and the dashboard shows all of them
def minute(at: str | None) -> str:
    """Return a record's moment for people, in UTC: `2026-07-01 12:00`; `-` where there is none."""
    return timestamp(instant(at))[:16].replace("T", " ") if at else "-"
