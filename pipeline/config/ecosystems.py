"""Where packages come from: ecosystems and their generators, the network, seeding; and the platforms."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from pipeline.config.values import Address, Command, Seconds
from pipeline.model import Record


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


class PlatformConfig(Record, frozen=True, kw_only=True):
    """The runner of one platform; a `command` only with the runner `external`."""

    runner: Runner
    command: Command = []


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


class SeedingConfig(Record, frozen=True, kw_only=True):
    """How far down a registry's ranking `doit seed` looks, and the last ranks that get priority 1 and 2."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="packages of a registry's ranking")]
    bands: Annotated[
        list[Annotated[int, Meta(ge=0, le=1000)]],
        Meta(min_length=2, max_length=2, description="the last ranks of priority 1 and of priority 2"),
    ]
