"""`pipeline.yaml` as frozen structures, and the dotted overrides of the command line."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta

from pipeline.decoding import convert
from pipeline.model import AdmissionGate, EcosystemId, Record, SourceId
from pipeline.platforms import BY_ID

# A day: the operating system takes no endless time-out, and no registry is waited for longer.
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


# What git takes for the beginning of a branch (git-check-ref-format).
BRANCH_PREFIX = r"^(?!.*(\.\.|//|/\.|\.lock/))[a-z0-9][a-z0-9._/-]*$(?!\n)"


# Where a file of a repository lies: a web address with both markers.
FILES_TEMPLATE = r"^https?://[^\s{}/@]+/[^\s{}]*\{repository\}[^\s{}]*\{file\}[^\s{}]*$(?!\n)"
# A host, and a port if need be; none of its labels is empty.
_AUTHORITY = r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"


class GeneratorKind(StrEnum):
    """Who makes the recipes of an ecosystem: its module, a program of the user's, or nobody yet."""

    NATIVE = "native"
    COMMAND = "command"
    NONE = "none"


class Runner(StrEnum):
    """How a platform's verdicts are made.

    `native` measures on a machine that is this platform and predicts elsewhere; `static` always predicts;
    `external` runs a program of the user's, or without one waits for results made elsewhere; `none` leaves the
    platform out.
    """

    NATIVE = "native"
    STATIC = "static"
    EXTERNAL = "external"
    NONE = "none"


# Where requests go, without a trailing slash; "" for an ecosystem whose ordinary client says it.
Address = Annotated[
    str,
    Meta(
        pattern=rf"^(https?://{_AUTHORITY}(/[^\s?#]*[^\s?#/])?)?$(?!\n)",
        max_length=1000,
        description="an http or https address without user, password, query and a slash at its end",
    ),
]


class AnonymousAccess(Record, frozen=True, kw_only=True):
    """The `Authorization` header that a host wants even of those who have no account with it."""

    host: Annotated[
        str,
        Meta(
            pattern=r"^https?://[a-z0-9.:-]+$(?!\n)",
            max_length=300,
            description="http:// or https:// and a host in lower case, without a path",
        ),
    ]
    authorization: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z]+ [A-Za-z0-9._~+/=-]+$(?!\n)",
            max_length=200,
            description="a scheme and its credentials, such as `Bearer x`",
        ),
    ]


Word = Annotated[
    str, Meta(pattern=r"^[^\x00]+$(?!\n)", max_length=1024, description="a word: one sign or more, none of them null")
]
# A program and its arguments, with placeholders (`pipeline.placeholders`).
Command = Annotated[list[Word], Meta(max_length=64)]


class EcosystemConfig(Record, frozen=True, kw_only=True):
    """One ecosystem's generator and the pace of its registry; a `command` only with the generator of that name.

    `registry` is asked when no client on this machine is set up with another.
    """

    generator: GeneratorKind
    registry: Address = ""
    anonymous: list[AnonymousAccess] = []
    requests_per_second: Annotated[
        float, Meta(ge=0.0001, le=100, description="requests to one registry host, for the whole machine")
    ]
    command: Command = []


class BatchConfig(Record, frozen=True, kw_only=True):
    """How many packages one batch takes."""

    size: Annotated[int, Meta(ge=1, le=100_000)]
    ecosystems: Annotated[list[EcosystemId], Meta(description="only these; an empty list means all")]


class NetworkConfig(Record, frozen=True, kw_only=True):
    """Limits of each request to a registry."""

    timeout_seconds: Annotated[Seconds, Meta(description="to connect, and between two chunks of an answer")]
    total_seconds: Annotated[Seconds, Meta(description="for one whole answer")]
    attempts: Annotated[int, Meta(ge=1, le=10, description="tries of one request, the first included")]
    max_wait_seconds: Annotated[Seconds, Meta(description="a longer Retry-After ends the tries")]
    max_answer_mb: Annotated[int, Meta(gt=0, le=4096)]
    freshness_seconds: Annotated[
        int, Meta(ge=0, le=31_536_000, description="how long an answer is used without asking again")
    ]


class ExternalConfig(Record, frozen=True, kw_only=True):
    """How long a program of the user's may take to make one recipe, or one verdict."""

    generate_timeout_seconds: Annotated[int, Meta(gt=0, le=86_400)]
    validate_timeout_seconds: Annotated[int, Meta(gt=0, le=86_400)]


class PhaseLimits(Record, frozen=True, kw_only=True):
    """What one phase in the sandbox may use: at most a day, a TiB, and the kernel's own limit of processes (2^22)."""

    timeout_seconds: Annotated[int, Meta(gt=0, le=86_400)]
    memory_mb: Annotated[int, Meta(gt=0, le=1_048_576)]
    pids: Annotated[int, Meta(gt=0, le=4_194_304)]
    disk_mb: Annotated[int, Meta(gt=0, le=1_048_576)]


class ValidationConfig(Record, frozen=True, kw_only=True):
    """How recipes are run. `workers: 0` means one for each core; `heavy` is fetch and build of heavy entries.

    `compile` takes the place of `build` where a whole tool is compiled from its sources (cargo, Go); a heavy entry has
    twice the time for it.
    """

    workers: Annotated[int, Meta(ge=0, le=256)]
    attempts: Annotated[int, Meta(ge=1, le=10, description="tries after an infrastructure error")]
    fetch: PhaseLimits
    build: PhaseLimits
    verify: PhaseLimits
    heavy: PhaseLimits
    compile: PhaseLimits


class ConstraintsConfig(Record, frozen=True, kw_only=True):
    """Whether predictions limit a recipe (`restrict`) or only stand in the pull request (`report`)."""

    predictions: Literal["report", "restrict"]


class PayloadConfig(Record, frozen=True, kw_only=True):
    """What the pull request is called."""

    branch_prefix: Annotated[str, Meta(pattern=BRANCH_PREFIX, max_length=100)]
    labels: list[Annotated[str, Meta(pattern=r"^[^,\x00-\x20\x7f][^,\x00-\x1f\x7f]{0,49}$(?!\n)")]]


class BreakerConfig(Record, frozen=True, kw_only=True):
    """When an ecosystem's circuit breaker opens, and for how long: a failed probe makes that `growth` times longer."""

    failures: Annotated[int, Meta(ge=1, le=1000, description="infrastructure failures in a row that open it")]
    open_minutes: Annotated[int, Meta(ge=1, le=43_200)]
    growth: Annotated[float, Meta(ge=1, le=10)]
    longest_open_minutes: Annotated[int, Meta(ge=1, le=43_200)]
    probe_lease_minutes: Annotated[int, Meta(ge=1, le=1440, description="after that, another process may probe")]


class RetryConfig(Record, frozen=True, kw_only=True):
    """When a package is tried again after transient failures: `delays_hours`, then doubling up to `longest_hours`.

    Each delay is made longer or shorter by up to the share `jitter`, so that not all come back at once.
    """

    delays_hours: Annotated[list[Annotated[float, Meta(ge=0, le=8760)]], Meta(min_length=1, max_length=20)]
    longest_hours: Annotated[float, Meta(gt=0, le=8760)]
    jitter: Annotated[float, Meta(ge=0, le=0.5)]


class QuarantineConfig(Record, frozen=True, kw_only=True):
    """How long a package that failed for its own reasons is left alone, and how many such reasons ask for a person.

    Packages whose `days` are over come last, and take at most `share` of all attempts, but one a day in any case.
    """

    days: Annotated[int, Meta(ge=1, le=3650)]
    causes: Annotated[int, Meta(ge=1, le=20, description="different deterministic failures until `requires_manual`")]
    share: Annotated[float, Meta(gt=0, le=1)]
    recheck_hours: Annotated[int, Meta(ge=1, le=8760, description="between two looks at a package's metadata")]


class RunnerClass(StrEnum):
    """The classes of machines whose minutes are counted."""

    LINUX = "linux"
    MACOS = "macos"


class RunnerBudget(Record, frozen=True, kw_only=True):
    """The minutes of one runner class in an ISO week, and what one of them costs in units of a Linux minute."""

    minutes_per_week: Annotated[int, Meta(ge=0, le=10_000_000)]
    cost_factor: Annotated[float, Meta(ge=0, le=1000)]


class BudgetConfig(Record, frozen=True, kw_only=True):
    """From `sample_at` of a week's minutes on, `sample_share` of the packages is validated; from `stop_at`, none."""

    sample_at: Annotated[float, Meta(ge=0, le=1)]
    stop_at: Annotated[float, Meta(ge=0, le=1)]
    sample_share: Annotated[float, Meta(ge=0, le=1)]
    runners: dict[RunnerClass, RunnerBudget]


class PublishConfig(Record, frozen=True, kw_only=True):
    """Where `doit publish` puts a batch; `local`: a branch of this checkout, or the folder itself without git."""

    mode: Literal["local"]
    state_branch: Annotated[
        str, Meta(pattern=BRANCH_PREFIX, max_length=100, description="where the state is committed")
    ]


class ProvenanceConfig(Record, frozen=True, kw_only=True):
    """Who the statements say made a recipe, and which of the answers that it was made from are kept for a replay.

    With `answer_days: 0` none is kept. Over `answers_mb` (compressed), those that were used least lately go first.
    """

    builder: Annotated[
        str,
        # Every statement holds it, so it has no user and password.
        Meta(
            pattern=r"^[a-z][a-z0-9+.-]*:(?!//[^/?#]*@)[!-~]{1,500}$(?!\n)",
            description="a URI without user and password",
        ),
    ]
    answer_days: Annotated[int, Meta(ge=0, le=3650)]
    largest_answer_mb: Annotated[int, Meta(ge=1, le=4096)]
    answers_mb: Annotated[int, Meta(ge=1, le=1_048_576)]


class Policy(StrEnum):
    """What a gate on what is generated does with what it finds.

    `report`: a risk in the pull request. `manual`: a person must look, and nothing is tried before. `refuse`: no
    recipe, until something upstream changes.
    """

    REPORT = "report"
    MANUAL = "manual"
    REFUSE = "refuse"


class ReleaseAgeConfig(Record, frozen=True, kw_only=True):
    """How old a release must be. One whose age is unknown is held, or passes as a risk (`report`).

    The latter holds in any case for the ecosystems that are `reviewed`: people look at each release before it is out.
    No package is held for longer than `deadline_days`, however often it releases; `at_deadline` says what follows.
    """

    min_hours: Annotated[float, Meta(ge=0, le=8760)]
    unknown: Literal["hold", "report"]
    reviewed: list[EcosystemId]
    deadline_days: Annotated[float, Meta(gt=0, le=365)]
    at_deadline: Literal["report", "manual"]


class GatesConfig(Record, frozen=True, kw_only=True):
    """The gates on what is generated. `yanked` and `deprecated` have no policy: such a release is never used.

    `approved` names the gates that a person has answered for a source. Files of repositories at `repository_host`
    lie where the template `repository_files` says.
    """

    changed_bytes: Literal["freeze", "report"]
    release_age: ReleaseAgeConfig
    name_confusion: Policy
    unknown_license: Policy
    install_scripts: Policy
    common_command: Policy
    taken_executable: Policy
    approved: dict[SourceId, list[AdmissionGate]]
    repository_host: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9.-]+(:\d+)?$(?!\n)",
            max_length=253,
            description="the name of a host in lower case, with its port if need be",
        ),
    ]
    repository_files: Annotated[
        str,
        Meta(
            pattern=FILES_TEMPLATE,
            max_length=500,
            description="an http or https address without user and password, with {repository} and {file} in its path",
        ),
    ]


class AlarmsConfig(Record, frozen=True, kw_only=True):
    """When `doit metrics` ends with the exit code of an alarm."""

    no_success_hours: Annotated[int, Meta(ge=1, le=8760)]
    review_days: Annotated[int, Meta(ge=1, le=365)]


class SeedingConfig(Record, frozen=True, kw_only=True):
    """How far down a registry's ranking `doit seed` looks, and the last ranks that get priority 1 and 2."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="packages of a registry's ranking")]
    bands: Annotated[
        list[Annotated[int, Meta(ge=0, le=1000)]],
        Meta(min_length=2, max_length=2, description="the last ranks of priority 1 and of priority 2"),
    ]


class PlatformConfig(Record, frozen=True, kw_only=True):
    """The runner of one platform; a `command` only with the runner `external`."""

    runner: Runner
    command: Command = []


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
