"""`pipeline.yaml` as frozen structures: a module for each group of sections."""

from pipeline.config.ci import GIVEN, CiConfig, CiPart, JobConfig
from pipeline.config.control import (
    BreakerConfig,
    BudgetConfig,
    QuarantineConfig,
    RetryConfig,
    RunnerBudget,
    RunnerClass,
)
from pipeline.config.ecosystems import (
    AnonymousAccess,
    EcosystemConfig,
    GeneratorKind,
    NetworkConfig,
    PlatformConfig,
    Runner,
    SeedingConfig,
)
from pipeline.config.gates import GatesConfig, Policy, ReleaseAgeConfig
from pipeline.config.publishing import AlarmsConfig, ProvenanceConfig, PublishConfig, PublishMode
from pipeline.config.values import BASE_BRANCH, BRANCH_PREFIX, FILES_TEMPLATE, Address, Command, Seconds, Word
from pipeline.config.whole import Config, deep_merge, nest, to_config
from pipeline.config.work import (
    BatchConfig,
    ConstraintsConfig,
    ExternalConfig,
    PayloadConfig,
    PhaseLimits,
    ValidationConfig,
)

__all__ = [
    "BASE_BRANCH",
    "BRANCH_PREFIX",
    "FILES_TEMPLATE",
    "GIVEN",
    "Address",
    "AlarmsConfig",
    "AnonymousAccess",
    "BatchConfig",
    "BreakerConfig",
    "BudgetConfig",
    "CiConfig",
    "CiPart",
    "Command",
    "Config",
    "ConstraintsConfig",
    "EcosystemConfig",
    "ExternalConfig",
    "GatesConfig",
    "GeneratorKind",
    "JobConfig",
    "NetworkConfig",
    "PayloadConfig",
    "PhaseLimits",
    "PlatformConfig",
    "Policy",
    "ProvenanceConfig",
    "PublishConfig",
    "PublishMode",
    "QuarantineConfig",
    "ReleaseAgeConfig",
    "RetryConfig",
    "Runner",
    "RunnerBudget",
    "RunnerClass",
    "Seconds",
    "SeedingConfig",
    "ValidationConfig",
    "Word",
    "deep_merge",
    "nest",
    "to_config",
]
