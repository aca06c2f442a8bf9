"""Values that several parts of the configuration share."""

from typing import Annotated

from msgspec import Meta

# A day: the operating system takes no endless time-out, and no registry is waited for longer.
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


# What git takes for the beginning of a branch (git-check-ref-format).
BRANCH_PREFIX = r"^(?!.*(\.\.|//|/\.|\.lock/))[a-z0-9][a-z0-9._/-]*$(?!\n)"


# Any branch that git accepts, without what a shell or a ref expression would read otherwise.
BASE_BRANCH = r"^(?!.*(\.\.|//|/\.|\.lock(/|$)|@\{))[A-Za-z0-9][A-Za-z0-9._/@+-]*(?<![./])$(?!\n)"


# Where a file of a repository lies: a web address with both markers.
FILES_TEMPLATE = r"^https?://[^\s{}/@]+/[^\s{}]*\{repository\}[^\s{}]*\{file\}[^\s{}]*$(?!\n)"


# A host, and a port if need be; none of its labels is empty.
_AUTHORITY = r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"


# Where requests go, without a trailing slash; "" for an ecosystem whose ordinary client says it.
Address = Annotated[
    str,
    Meta(
        pattern=rf"^(https?://{_AUTHORITY}(/[^\s?#]*[^\s?#/])?)?$(?!\n)",
        max_length=1000,
        description="an http or https address without user, password, query and a slash at its end",
    ),
]


Word = Annotated[
    str, Meta(pattern=r"^[^\x00]+$(?!\n)", max_length=1024, description="a word: one sign or more, none of them null")
]


# A program and its arguments, with placeholders (`pipeline.placeholders`).
Command = Annotated[list[Word], Meta(max_length=64)]
