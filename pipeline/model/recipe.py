"""A recipe before it is written as TOML."""

from typing import Annotated, Literal

from msgspec import Meta

from pipeline.model.base import ExecutableName, Record

# One program and plain words: a verdict may come from another machine, and its command stands in the recipe.
VERIFY_COMMAND = r"^[a-zA-Z0-9_][a-zA-Z0-9._+-]*( [a-zA-Z0-9-]+)*$(?!\n)"


RecipeName = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)", max_length=100)]


# What a key of a step may hold: `strip_dirs` a number, `os_mapping` a table.
Param = str | int | list[str] | dict[str, str]


class When(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Where a step is for, in the words of the recipe format (`amd64`); what is empty says nothing.

    `platform` lists `os/arch` pairs and excludes the others; `libc` holds for Linux only.
    """

    platform: list[str] = []
    os: list[str] = []
    arch: str = ""
    libc: list[str] = []


class Step(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One `[[steps]]` table: the action and its keys, in the order in which they are written.

    `when` is None for a step that is for every platform, as most are; then it is left out of the record.
    Of a recipe that a program of the user's wrote, values that are neither text nor a list of texts stand here as JSON.
    """

    action: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$(?!\n)")]
    when: When | None = None
    params: dict[str, Param]


class Verify(Record, frozen=True, kw_only=True):
    """How a tool is checked: its command, and what the output must hold.

    `mode` is "" (the version must be printed: `pattern`) or "output" (a tool that prints no version: `reason` says so).
    """

    command: Annotated[str, Meta(pattern=VERIFY_COMMAND, max_length=300)]
    pattern: str = ""
    mode: Literal["", "output"] = ""
    reason: str = ""
    exit_code: int = 0


class Recipe(Record, frozen=True, kw_only=True):
    """A recipe before it is written as TOML; "" and empty lists are left out of the file.

    `version` is the `[version]` table: where versions are listed, if the step does not say it.
    """

    name: RecipeName
    description: Annotated[str, Meta(max_length=200)] = ""
    homepage: Annotated[str, Meta(pattern=r"^(https://[^\s]+)?$(?!\n)")] = ""
    dependencies: list[RecipeName] = []
    runtime_dependencies: list[RecipeName] = []
    version: dict[Annotated[str, Meta(pattern=r"^[a-z][a-z_]*$(?!\n)")], str] = {}
    steps: Annotated[list[Step], Meta(min_length=1)]
    executables: Annotated[list[ExecutableName], Meta(min_length=1)]
