"""What a program of the user's may say of its work, beside its exit code."""

import msgspec


class ExternalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON object at the end of a program's standard output; each field may be missing, others are left alone.

    The form is that of `tsuku install --json`. What came of the work is said by the exit code alone: `category` and
    `exit_code` are for people. `subcategory` counts where it is a cause that the exit code can have. `version`,
    `license`, `repository` and `released_at` become evidence; what is not said is unknown.
    """

    status: str = ""
    category: str = ""
    subcategory: str = ""
    message: str = ""
    missing_recipes: list[str] | None = None
    exit_code: int | None = None
    version: str = ""
    license: str = ""
    repository: str = ""
    released_at: str = ""
