"""The gates on what is generated, and what each of them said."""

from enum import StrEnum

from pipeline.model.base import Record, Timestamp


class AdmissionGate(StrEnum):
    """A question that is asked of each recipe once it is generated; the order is that in which they decide."""

    YANKED = "yanked"
    DEPRECATED = "deprecated"
    CHANGED_BYTES = "changed_bytes"
    RELEASE_AGE = "release_age"
    NAME_CONFUSION = "name_confusion"
    UNKNOWN_LICENSE = "unknown_license"
    INSTALL_SCRIPTS = "install_scripts"
    COMMON_COMMAND = "common_command"
    TAKEN_EXECUTABLE = "taken_executable"


class Decision(StrEnum):
    """What a gate decides. Only the first two let a recipe through."""

    PASS = "pass"  # noqa: S105  # a decision, not a password
    RISK = "risk"
    HOLD = "hold"
    PERSON = "person"
    FREEZE = "freeze"
    REFUSE = "refuse"


class GateVerdict(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What one gate said of what was generated: its rule, the value that it saw, what it decided.

    `until` is when a gate that holds opens by itself; `remedy` is what else opens one that is shut.
    """

    gate: AdmissionGate
    decision: Decision
    rule: str
    value: str
    until: Timestamp | None = None
    remedy: str = ""
