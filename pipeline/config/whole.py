"""All of `pipeline.yaml`, and the dotted overrides of the command line."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from pipeline.config.ci import CiConfig
from pipeline.config.control import BreakerConfig, BudgetConfig, QuarantineConfig, RetryConfig
from pipeline.config.ecosystems import EcosystemConfig, NetworkConfig, PlatformConfig, SeedingConfig
from pipeline.config.gates import GatesConfig
from pipeline.config.publishing import AlarmsConfig, ProvenanceConfig, PublishConfig
from pipeline.config.work import BatchConfig, ConstraintsConfig, ExternalConfig, PayloadConfig, ValidationConfig
from pipeline.decoding import convert
from pipeline.model import EcosystemId, Record
from pipeline.platforms import BY_ID


class Config(Record, frozen=True, kw_only=True):
    """All of `pipeline.yaml`."""

    schema_version: Literal[1]
    queue: Annotated[str, Meta(min_length=1, max_length=1024, description="path of the queue below the root")]
    batch: BatchConfig
    ecosystems: dict[EcosystemId, EcosystemConfig]
    platforms: dict[Literal[tuple(BY_ID)], PlatformConfig]  # type: ignore[valid-type]  # made from the platform model
    network: NetworkConfig
    external: ExternalConfig
    validation: ValidationConfig
    constraints: ConstraintsConfig
    payload: PayloadConfig
    breaker: BreakerConfig
    retry: RetryConfig
    quarantine: QuarantineConfig
    budget: BudgetConfig
    publish: PublishConfig
    provenance: ProvenanceConfig
    gates: GatesConfig
    alarms: AlarmsConfig
    ci: CiConfig
    seeding: SeedingConfig


def deep_merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the keys of `over` laid on top; mappings merge, all else replaces."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = deep_merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def nest(dotted: str, value: Any) -> dict[str, Any]:  # noqa: ANN401  # any YAML value
    """Return `{"a": {"b": value}}` for `a.b`."""
    for key in reversed(dotted.split(".")):
        value = {key: value}
    nested: dict[str, Any] = value
    return nested


def to_config(raw: dict[str, Any]) -> Config:
    """Convert checked YAML; raises `msgspec.ValidationError` when it does not follow the schema."""
    return convert(raw, Config)
