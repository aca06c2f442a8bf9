"""What the operator's commands do to the control file's switches. Pure.

One reason stands for all that is switched off: the newest. It goes when the last switch is on again.
"""

from datetime import datetime

import msgspec

from pipeline.instants import timestamp
from pipeline.model import Control


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is switched off, by whom and when; `until` is for people, nothing starts by itself."""

    at: datetime
    by: str | None
    reason: str | None
    incident: str | None = None
    until: str | None = None


def stopped(control: Control, note: Note) -> Control:
    """Return the switches after everything was stopped."""
    return _noted(msgspec.structs.replace(control, enabled=False), note)


def resumed(control: Control) -> Control:
    """Return the switches after the pipeline was let go on; ecosystems that are disabled stay so."""
    return _cleared(msgspec.structs.replace(control, enabled=True))


def disabled(control: Control, ecosystem: str, note: Note) -> Control:
    """Return the switches after an ecosystem was stopped; without a reason of its own, a note that is there stays."""
    listed = control
    if ecosystem not in control.disabled_ecosystems:
        listed = msgspec.structs.replace(control, disabled_ecosystems=[*control.disabled_ecosystems, ecosystem])
    return _noted(listed, note) if note.reason or _all_on(control) else listed


def enabled(control: Control, ecosystem: str) -> Control:
    """Return the switches after an ecosystem was let go on."""
    others = [name for name in control.disabled_ecosystems if name != ecosystem]
    return _cleared(msgspec.structs.replace(control, disabled_ecosystems=others))


def _all_on(control: Control) -> bool:
    return control.enabled and not control.disabled_ecosystems


def _noted(control: Control, note: Note) -> Control:
    return msgspec.structs.replace(
        control,
        reason=note.reason,
        incident_url=note.incident,
        disabled_by=note.by,
        disabled_at=timestamp(note.at),
        expected_resume=note.until,
    )


def _cleared(control: Control) -> Control:
    if not _all_on(control):
        return control
    return msgspec.structs.replace(
        control, reason=None, incident_url=None, disabled_by=None, disabled_at=None, expected_resume=None
    )
